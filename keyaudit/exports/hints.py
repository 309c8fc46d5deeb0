"""What is said of a header that is not known: the fact it may be, and the line of case.toml that would say so. (CATALOGUE §5)"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from keyaudit.columns import COLUMNS, ROLES, list_heading
from keyaudit.errors import UnreadableFile
from keyaudit.exports.dates import WORDS, bare, flag_of, is_blank, is_number, is_type, status_of, written
from keyaudit.exports.headers import ORDINARY, Header, Sheet, blocks_of, find_header
from keyaudit.exports.records import Understood
from keyaudit.masking import mask_text, shape

DATE_LIKE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
SHOWN = 40  # headers an error lists
REQUIRED = {  # the column that a role needs: what it holds, and the words of headers that speak of it
    "training_key": ("the training key", "key|code|schl|clé|clave|chave"),
    "pool": ("the pool's name", "pool|name"),
    "payment": ("the payment type", "pay|key"),
}

NO_HEADER = {  # where nothing seems to be the header: of assignments, of all else
    True: "Export it again with the column Payment Type shown, or take it out of the folder; if",
    False: "If it has no header, write one above its first row; if it is no export, take it out of the folder; if",
}

# Words of headers, in several languages → the fact that may stand below; "" is none of ours. The first that fits counts.
_WORDS = (
    ("", r"remain|\bleft\b|verbleib|restant|übrig|残"),
    ("max_uses", r"m[aá]x|limit|allowed|\bseats\b|quantity|massim|h[oö]chst|上限|最大"),
    ("redeemed_email", r"mail"),
    ("redeemed_by", r"(?:redeemed|used|claimed|activated|consumed) by|redeemer|claim(?:ant|er)|user\b|user ?name|learner"
     r"|student|trainee|attendee|participant|(?:l[oö]st|iert|wendet|nutzt) (?:von|durch)|benutzer|nutzer\b|teilnehmer"
     r"|lernende|(?:[aeé]d[oa]|is[eé]e?|tat[oa]|seld|ruikt) (?:por|par|da|door)\b|utilisateur|apprenant|[eé]tudiant|usuario"
     r"|alumn|estudiante|usu[aá]rio|aluno|utente|gebruiker|deelnemer|cursist|użytkownik|deltagare|利用者|ユーザー|受講者"
     r"|換え者|用户|学员|пользовател"),
    ("starts_on", r"start(?!ed)|begin|\bfrom\b|effective|\bopens?\b|(?<!uft )\bab$|\bvon$|d[eé]but|[aà] partir|in[ií]cio"
     r"|inizio|\b(?:vanaf|desde|dal|od)$|ingang|開始|起始"),
    ("expires_on", r"expir|\bexp\b|\bv[aá]lid(?!at|é\b|ad[oa])|until|\btill\b|deadline|\bdue\b|clos(?:es|e date)|\bend"
     r"|\b(?:redeem|use|best) (?:by|before)\b|last day|g[uü]ltig|abl[aä]uf|l[aä]uft ab|verf[aä]ll|\bbis\b|[eé]ch[eé]ance"
     r"|jusqu|\bfin\b|caduc|hasta|scad|vencim|vence|t[eé]rmino|\bat[eé]\b|verval|verlo+p|\btot\b|wa[zż]n|wygas|f[oö]rfall"
     r"|giltig|udløb|utløp|\beind|päätt|期限|終了|终了|到期|만료|срок|истека"),
    ("created_at", r"creat|generated|\badded\b|\bissued(?! to)|erstell|angelegt|erzeugt|cr[eé][eé]|cr[eé]ation|cread"
     r"|creaci[oó]n|criad|cria[cç]|creazion|aangemaakt|utworz|skapad|oprettet|作成|创建|создан"),
    ("uses", r"\buses\b|\btimes\b|\bcount|number of|redemptions|nutzungen|verwendungen|l[oö]sungen|anzahl|aantal"
     r"|utilisations|\busos|canjes|utiliza[cç][oõ]es|utilizzi|回数|次数"),
    ("key_status", r"\bstat(?:us|e|ut|o)\b|zustand|estado|stan\b"),
    ("redeemed_at", r"redeem|redempt|\bus(?:ed|age|ing)\b|claim|activat|consum|eingel[oö]|einl[oö]s|aktivier|verwend|benutzt"
     r"|genutzt|verbrauch|utilis(?!ateur)|[eé]chang|activ[eé]|consomm|\buso\b|usad|utiliza|canje|activa[cd]|resgat|ativ?ad"
     r"|riscatt|usat|utilizzat|attivat|ingewissel|inwissel|verzilver|gebruikt|geactiveerd|wykorzyst|zrealiz|u[zż]yt|inl[oö]st"
     r"|innløst|indl[oø]st|anv[aä]n|lunast|käytet|引き?換|使用|利用|有効化|交換|兑换|사용|использ|активац"),
    ("course", r"course|kurs|cours\b|curso|corso|cursus|schulung|lehrgang|formation|formaci[oó]n|opleiding|コース|研修|课程"
     r"|курс"),
    ("organization", r"organi[sz]|\borg\b|compan|customer|client|tenant|firma|kunde|unternehm|soci[eé]t[eé]|entrepris"
     r"|empresa|azienda|bedrijf|組織|会社|组织|организ"),
    ("content_availability", r"availab|verf[uü]gbar|dur[eé]e|duraci[oó]n|durata"),
    ("pool", r"pool|プール"),
)  # fmt: skip
HINTS = {name: re.compile(words, re.I) for name, words in _WORDS}
KINDS = {"date": ["date"], "flag": ["flag"], "count": ["count", "flag"]}  # of a column → what its cells may be
KINDS |= {"status": ["word", "flag"], "text": ["word", "code"]}
CANCELS = re.compile(r"cancel|storn|an+ul|revok|revoc|withdr|widerruf|situa[tc]|zur[uü]ck", re.I)
DATES_LIKELY = ("redeemed_at", "expires_on", "starts_on", "created_at")


def kind_of(cells: Sequence[Any]) -> str:
    """What the filled cells of a column are: dates, flags, numbers (count), codes or words; "" if there are none."""
    filled = [cell for cell in dict.fromkeys(cells) if not is_blank(cell)]
    filled = filled[1:] if filled[1:] and is_type(filled[0]) else filled
    if not filled:
        return ""
    for kind, test in (("date", written), ("flag", lambda cell: flag_of(cell) is not None), ("count", is_number)):
        if all(test(cell) for cell in filled):
            return kind
    codes = {cell for cell in filled if isinstance(cell, str) and len(cell) >= 4 and ORDINARY(bare(cell))}
    is_coded = sum(not DATE_LIKE.match(code) for code in codes) > len(filled) / 2
    return "code" if is_coded else "word"


def spoken(text: str) -> str | None:
    """The fact of which a header speaks by its words: "" for one that is none of ours, None without a word we know."""
    return next((name for name, words in HINTS.items() if words.search(text)), None)


def nearest(text: str, cells: Sequence[Any], missing: Iterable[str]) -> str:
    """The fact among those `missing` that a column may be, by the words of its header and its cells; "" if none."""
    kind, missing, name = kind_of(cells), tuple(missing), spoken(text)
    if "assignment_status" in missing and (name == "key_status" or CANCELS.search(text)):
        return "assignment_status"
    if name == "redeemed_at" and "uses" in missing and kind in KINDS["count"]:  # of a course key: how often
        name = "uses"
    if name is not None:
        fits = name in missing and (not kind or kind in KINDS[COLUMNS[name].kind] or name == "redeemed_at")
        return name if fits else ""
    if kind == "word" and all(status_of(cell) for cell in cells if not is_blank(cell)):
        return "key_status" if "key_status" in missing else ""
    return next((name for name in DATES_LIKELY if name in missing), "") if kind == "date" else ""


def unknown_header(sheets: list[Sheet]) -> UnreadableFile:
    """The error for a file in which no sheet has the header we need: what was seen, and the line that would mend it.

    Only what is certainly a header is shown as it is: any other cell may be a code or a person.
    """
    required, label = sheets[0].required, sheets[0].label
    sheet, top, cells = _likely_header(sheets)
    shown = {place: _certain(sheet, top, place) for place in cells}
    texts = [f'"{text}"' if text else f"a cell of {len(str(cells[place]))} signs" for place, text in shown.items()]
    found = ", ".join(texts[:SHOWN]) or "no header at all"
    found += f" and {len(shown) - SHOWN:,} more" if len(shown) > SHOWN else ""
    what, speaks = REQUIRED[required]
    declared = sheets[0].options.columns.get(required)
    looked_for = ", ".join(f'"{alias}"' for alias in ([declared] if declared else COLUMNS[required].aliases))
    looked_for += " (as case.toml says)" if declared else ""
    candidate, below = _candidate(sheet, top, shown, speaks), ""
    header = "the header in your file" if candidate is None else shown[candidate]
    if candidate is not None and (sample := sheet.sample(candidate, top)):
        below = f' Below "{header}" stands {shape(sample[0])}.'
    if not sheet.grid.name and sheet.width == 1:
        below += " No separator was recognised (comma, semicolon, tab and | are): every line is one cell."
    where = f', sheet "{sheet.grid.name}": ' if sheet.grid.name else ""
    told = f"no column holds {what}. Looked for {looked_for}; found {found}.{below}"
    begin = "If" if candidate is not None else NO_HEADER[required == "payment"]
    told += f" {begin} the header has another name, map it in case.toml:\n{sheet.ready_line(required, header)}"
    return UnreadableFile(label, f"{where}{told}")


def _likely_header(sheets: list[Sheet]) -> tuple[Sheet, int, dict[int, Any]]:
    """The row with the most headers we know, and its cells; without any, the first row that is not blank."""
    for sheet in sheets:
        if filled := [place for place, row in enumerate(sheet.head) if row]:
            top = max(filled, key=lambda place: (_known_in(sheet, place)[1], -place))
            return sheet, top, sheet.at(top)
    return sheets[0], 0, {}


def _certain(sheet: Sheet, top: int, place: int) -> str:
    """The text of a cell that is certainly a header, "" for one that may be anything.

    It is a header we know in a row of headers, or unlike all that stands below it.
    """
    text = " ".join(str(sheet.at(top)[place]).split())
    below = [str(cell) for cell in sheet.sample(place, top)]
    known, sure = sheet.kept(("known", top), lambda: _known_in(sheet, top))
    if place in known and sure:
        return text
    has_digit = re.search(r"\d{3}|@" if sure else r"\d|@", text)
    is_other = below and all(re.search(r"\d", cell) and "@" not in cell and len(cell) != len(text) for cell in below)
    return mask_text(text) if (is_other or sure > 1) and not has_digit else ""


def _known_in(sheet: Sheet, top: int) -> tuple[set[int], int]:
    """The headers we know in a row, and how many of them are for sure: no word of status, and nowhere else in its column."""
    row = sheet.at(top)
    known = {place for place, cell in row.items() if sheet.means(cell)}
    others = [other for place, other in enumerate(sheet.head) if place != top]
    unsure = {place for place in known if str(row[place]).strip().casefold() in WORDS}
    unsure |= {place for place in known if row[place] in sheet.sample(place, top)}
    unsure |= {place for place in known for other in others if other.get(place) == row[place]}
    return known, len(known - unsure)


def _candidate(sheet: Sheet, top: int, shown: Mapping[int, str], speaks: str) -> int | None:
    """The column that may be the one we need: codes stand below it, or its header speaks of it; else none."""
    unknown = [i for i, text in shown.items() if len(text) <= 60 and not sheet.means(text)]
    certain = [i for i in unknown if shown[i]]
    named = [i for i in certain if re.search(speaks, shown[i], re.I)]
    if sheet.required != "training_key":
        return next(iter([*named, *certain]), None)
    cells = {i: sheet.sample(i, top) for i in [*named, *unknown][:SHOWN]}
    coded = [i for i in cells if kind_of(cells[i]) == "code"]
    words = [i for i in named if len(set(map(str, cells.get(i, ())))) == len(cells.get(i, ())) > 0]  # all different
    likely = next(iter([*(i for i in named if i in coded), *coded, *words]), None)
    return likely if likely is not None and shown[likely] else None  # of one that may be a code nothing is said


# --- how headers are understood ---

_STATES = r"complet|fulfil|\bspent\b|\btaken\b|\bopen\b|\bavailable\b|\bfree\b|\bfrei\b|verf[uü]gbar\b|vergeben|belegt|\blibre|disponib"
_STATES += r"|disponível|beschikbaar|\bvrij\b|condition|lifecycle|\bphase\b"
_SPOKEN = (HINTS["redeemed_at"].pattern, HINTS["key_status"].pattern, _STATES, r"\buses?\b")
SPEAKS = re.compile("|".join(_SPOKEN), re.I)  # of redeeming


def headers_of(sheet: Sheet, headers: Iterable[Header], missing: Iterable[str]) -> list[Understood]:
    """How each header of a sheet is understood; of one that no role uses, the fact among those `missing` it may be."""
    told: dict[str, Understood] = {}
    missing = tuple(missing)
    for header in headers:
        columns = {place: name for name, place in header.places.items()}
        for place, text in sorted(header.texts.items()):
            if text not in told:
                cells, column = sheet.sample(place, header.row), columns.get(place, "")
                may_be = "" if column else nearest(text, cells, missing)
                line = sheet.ready_line(may_be, text) if may_be else ""
                shown = mask_text(text)
                told[text] = Understood(sheet.label, sheet.grid.name, shown, column, shapes(cells), may_be, line)
    return list(told.values())


def explain(sheet: Sheet) -> list[Understood]:
    """How the headers of a sheet are understood, before anything is read of it; also where the key's header is not known."""
    if (top := find_header(sheet)) is not None:
        headers = blocks_of(sheet, top)
        known = {name for header in headers for name in header.places}
        return headers_of(sheet, headers, (name for name in ROLES[sheet.role].columns if name not in known))
    _, top, row = _likely_header([sheet])
    shown = {place: _certain(sheet, top, place) or f"({len(str(cell))} signs)" for place, cell in row.items()}
    said = ((shown[at], sheet.means(cell) or "", shapes(sheet.sample(at, top))) for at, cell in row.items())
    return [Understood(sheet.label, sheet.grid.name, *told) for told in said]


def shapes(cells: Iterable[Any]) -> str:
    """What the first cells look like, never what they say."""
    return ", ".join(list(dict.fromkeys(map(shape, dict.fromkeys(cells))))[:3])


def may_be_redemption(sheet: Sheet, header: Header, only_words: bool) -> list[tuple[tuple[int, int, int], str, str]]:
    """The columns that were not understood and may say whether keys are redeemed: rank, header, and ours that it would be.

    Its header speaks of redeeming, or its filled cells are words of status or dates (unless `only_words`: only by a word).
    One that speaks of another date of ours may be that, if no column is.
    """
    found = []
    for place, text in header.unused.items():
        cells, other = sheet.sample(place, header.row), spoken(text)
        kind = kind_of(cells)
        at = ({"date": 0, "word": 1, "flag": 2}.get(kind, 3), place)  # dates say most
        may_be = nearest(text, cells, ("key_status", "redeemed_at", "redeemed_by", "redeemed_email"))
        if other == "max_uses":
            continue
        if other in ("expires_on", "starts_on", "created_at") and kind in ("", "date"):
            found += [((3, *at), text, other)] if cells and not only_words and other not in header.places else []
        elif (SPEAKS.search(text) or may_be == "key_status") and (cells or not only_words):
            found.append(((0, *at), text, may_be or "redeemed_at"))
        elif not only_words and kind == "date":
            found.append(((1 if may_be else 2, *at), text, "redeemed_at"))
    return found


def second_codes(sheet: Sheet, header: Header | None = None, lengths: Collection[int] = ()) -> list[str]:
    """The columns that no role uses and that seem to hold keys; of a sheet without a list, whatever may be one."""
    if header is None:
        cells = [cell for place in range(sheet.width) for cell in sheet.sample(place, -1)]
        texts = [cell for cell in cells if isinstance(cell, str)]
        coded = sum(bool(re.fullmatch(r"(?=\S*\d)\S{4,}|[A-Z0-9-]{6,}", text)) for text in texts)
        numbers = sum(isinstance(cell, float) and cell >= 1000 for cell in cells)
        is_list = bool(list_heading(sheet.grid.name)) or any(sheet.means(text) == sheet.required for text in texts)
        return [sheet.grid.name or "the sheet"] if cells and (is_list or coded + numbers >= 2) else []
    found = []
    for place in range(header.start, min(header.stop, sheet.width)):
        if place not in header.places.values():
            cells = [cell for cell in sheet.sample(place, header.row) if isinstance(cell, str)]
            alike = [cell for cell in cells if len(cell) in lengths and ORDINARY(cell) and re.search("[A-Za-z]", cell)]
            if kind_of(cells) == "code" and len(set(alike)) > 1 and len(alike) > 0.8 * len(cells):
                found.append(header.unused.get(place, ""))
    return found
