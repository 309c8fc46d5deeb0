"""The rows below a header: which are records, and why the others are none. (CATALOGUE §1, §3, §6)"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.columns import COLUMNS
from keyaudit.exports.codes import BLANKS
from keyaudit.exports.dates import bare, count_of, flag_of, is_blank, is_type, written
from keyaudit.exports.headers import ORDINARY, ORDINARY_TEXT, SAMPLE, Header, Sheet
from keyaudit.exports.hints import DATE_LIKE

TOTALS = re.compile(
    r"(?:(?:grand|sub)[\s-]*totals?|totals?|count|sum|summary|(?:ins)?gesamt(?:summe|ergebnis)?|zwischensumme|summe|anzahl|(?:sous-)?total|somme"
    r"|totale|totaal|sub-?totaal|suma|soma|summa|razem|toplam|yhteensä|Σ|итого|合計|小計|总计)\b(?!-)",
    re.I,
)
PAGE = re.compile(r"(?:page|seite|página|pagina|strona|sida|side|sivu|страница|ページ)\s*:?\s*\d+.*", re.I | re.S)
MADE = re.compile(
    r"(?:(?:auto(?:matically)?[\s-]*)?(?:generated|printed|exported|created|prepared|produced|downloaded|extracted|run|as)|report(?:ed)?"
    r"|erstellt|erzeugt|gedruckt|exportiert|stand|g[ée]n[ée]r[ée]|imprim[ée]|[ée]dit[ée]|export[ée]|generado|impreso|exportado|gerado"
    r"|impresso|generato|stampato|esportato|gegenereerd|afgedrukt|aangemaakt)(?:\s+(?:by|on|at|from|of|date|von|am|vom|durch|par|le|por"
    r"|el|em|da|il|door|op)\b|\s*:|\s+\d).*",
    re.I | re.S,
)
SPECIAL = (
    r"(?i)^[^\pL\pN]*(?:gra|ins|sub|tot|cou|sum|ges|zwi|anz|sou|som|suo|raz|top|yht|Σ|ито|合|小|总|pag|pág|sei|str|sid|siv|стр|ペ"
    r"|aut|gen|gén|ger|geg|pri|pre|pro|exp|cre|dow|ext|run|as|rep|ers|erz|ged|sta|imp|édi|edi|esp|afg|aan)"
)
LABEL_END = r"(?i)\s(?:total|count|sum|ergebnis|summe|anzahl|totaal|totale)\W*$"  # as a spreadsheet groups rows
LABEL = rf"{SPECIAL}|{LABEL_END}"  # the same for Arrow
RULE = re.compile(r"[-=+|_*~.:\s]*[-=+|_*~][-=+|_*~.:\s]*")
AROUND = r"^\s*(?:=\"|['\"])(.*)['\"]\s*$"  # what a file may put around a code
KINDS = {"9": "[0-9]", "A": "[A-Z]", "a": "[a-z]"}
THIN = 2  # cells of a footer at most
MAX_FOOTERS = 20  # of one list
MAX_SUMS = 3  # rows without a code at the end of one list: more are rows whose code was lost
NO_FACT = "no code, and no fact of ours"
BLANK_KEY = "blank key"
TYPES_ROW = "types of the columns"
Shaped = Callable[[], "Shape"]


@dataclass
class Shape:
    """Which lengths and kinds of signs the codes of a list have."""

    lengths: set[int]
    kinds: set[str]

    @classmethod
    def of(cls, sheet: Sheet, key: int, rows: Array) -> Shape:
        """The shape of the codes in some rows of the key's column."""
        values = sheet.cells(key, rows).values
        if not isinstance(values, pa.Array):
            values = pa.array([plain(value) for value in values], TEXT)
        values = pc.utf8_trim(pc.replace_substring_regex(values, AROUND, r"\1"), characters=BLANKS)
        kinds = {kind for kind, signs in KINDS.items() if pc.any(pc.match_substring_regex(values, signs)).as_py()}
        other = values.filter(pc.match_substring_regex(values, "[^0-9A-Za-z]"))
        kinds |= {sign for text in other.slice(0, 10_000).to_pylist() for sign in text if not sign.isalnum()}
        return cls(set(pc.unique(pc.utf8_length(values)).to_pylist()), kinds)

    def fits(self, text: str) -> bool:
        """Has a text the shape of a code of the list?"""
        return len(text) in self.lengths and self._has_kinds(text)

    def is_begun(self, text: str) -> bool:
        """Is it how a code of the list may begin: a word that is shorter, with its kinds of signs, and no bare number beside letters?"""
        is_word = 1 < len(text) < min(self.lengths, default=0) and bool(ORDINARY(text))
        return is_word and (not text.isdigit() or self.kinds == {"9"}) and self._has_kinds(text)

    def _has_kinds(self, text: str) -> bool:
        return {"9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text} <= self.kinds

    def is_within(self, cell: Any) -> bool:
        """Stands a word in the cell that is as long as a code, eight signs at least, with letters and digits?"""
        words = [word.strip("()[],;:'\"=") for word in cell.split()] if isinstance(cell, str) else []
        return any(len(w) in self.lengths and len(w) >= 8 and ORDINARY(w) and not DATE_LIKE.match(w) for w in words)


def plain(cell: Any) -> str:
    """A key cell as text, without what a file puts around it; a number without its `.0`."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(bare(cell))


def is_special(cell: Any) -> bool:
    """Begins a text like a total, or is it the number of a page, or who made it and when?"""
    text = bare(cell)
    return isinstance(text, str) and bool(TOTALS.match(text) or PAGE.fullmatch(text) or MADE.fullmatch(text))


def is_number(cell: Any) -> bool:
    """Is it a bare number, which may be a sum?"""
    cell = bare(cell)
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and bool(re.fullmatch(r"[\d.,\s]+", cell)))


def is_code(text: str) -> bool:
    """Can it be nothing but a code, no date or number either?"""
    return bool(ORDINARY(text)) and not DATE_LIKE.match(text) and not is_number(text)


def is_label(cell: Any) -> bool:
    """May the text stand beside a sum, at its begin or its end?"""
    text = bare(cell)
    return isinstance(text, str) and bool(TOTALS.match(text) or re.search(LABEL_END, text))


class Rows:
    """The rows of a sheet below one header: masks over all of them, and what becomes of some that follow each other.

    `cells`: how many are filled between the header's borders. `facts`: is anything of ours filled beside the key?
    `is_ordinary`: is the key cell plainly a code? `is_plain`: is the row a record if it has the header's width?
    """

    def __init__(self, sheet: Sheet, header: Header) -> None:
        self.sheet, self.header, self.key = sheet, header, header.places[sheet.required]
        self.columns = [*range(header.start, min(header.stop, sheet.width))]
        self.cells, self.has_keys = sheet.filled(header.start, header.stop), sheet.required == "training_key"
        self.texts = header.texts
        self.codes, values = sheet.codes(self.key), sheet.grid.columns[self.key].values
        self.facts = np.zeros(sheet.height, dtype=bool)
        for place in set(header.places.values()) - {self.key}:
            self.facts |= sheet.says(place)
        text = self.texts[self.key]
        if isinstance(values, pa.Array):
            held = pc.match_substring_regex(values, ORDINARY_TEXT)
            held = pc.and_(held, pc.not_equal(values, text)) if ORDINARY(text) else held
        else:
            held = [isinstance(cell, str) and bool(ORDINARY(cell)) and cell != text for cell in values]
        self.is_ordinary = np.append(np.asarray(held, dtype=bool), False)[self.codes]
        odd = (self.codes >= 0) & ~self.is_ordinary
        key = Coded(np.where(odd, self.codes, -1), values).compact() if odd.any() else Coded.nothing(sheet.height)
        self.is_special = key.has(is_special, SPECIAL)
        is_typed = key.has(lambda cell: not isinstance(cell, str))
        self.is_plain = self.is_ordinary | is_typed | (odd & self.facts & ~self.is_special)

    def settle(self, rows: Array, stops: Array) -> tuple[Array, list[tuple[int, str]]]:
        """Which of some filled rows that follow each other are records, and the reasons of the others.

        `stops`: where the list ends, and the rows in which its header stands again: above each may stand what stands at
        an end.
        """
        set_aside = list[tuple[int, str]]()
        for look in (self.types, self.footers, self.sums_beside):
            found = [one for part in self.parts(look, rows, stops) for one in look(part)]
            set_aside += found
            rows = rows[~np.isin(rows, [row for row, _ in found])] if found else rows
        fits = self.fits(rows)
        good = self.is_plain[rows] & fits
        if good.all() and np.count_nonzero(self.cells[rows] == 1) in (0, len(rows)):
            return rows, set_aside
        shape = cache(lambda: Shape.of(self.sheet, self.key, rows[good]))
        notes = np.isin(rows, self.notes_below(rows[good])) if self.has_keys else np.zeros(len(rows), dtype=bool)
        good = good & ~notes
        has_key, is_below = self.codes[rows] >= 0, rows > rows[good].max(initial=-1)
        without = ~has_key & ~self.facts[rows]
        holds_code = np.zeros(len(rows), dtype=bool)
        holds_code[without] = self.sheet.holds(rows[without], self.columns, lambda cell: shape().is_within(cell))
        nothing = without & ~holds_code & (fits | is_below)
        damaged = ~fits & ~good & ~nothing & (~has_key | (~self.is_special[rows] & (self.cells[rows] > 1)))
        lost = ~has_key & ~nothing & ~damaged
        sums = nothing & is_below & (np.count_nonzero(nothing & is_below) <= MAX_SUMS)
        set_aside += [(row, self.damage(row)) for row in rows[damaged].tolist()]
        for mask, reason in ((notes, "note"), (lost, BLANK_KEY), (sums, "totals"), (nothing & ~sums, NO_FACT)):
            set_aside += [(row, reason) for row in rows[mask].tolist()]
        others_fill = bool(good.any()) and bool((self.cells[rows[good]] > 1).all())
        solid = rows[good | damaged | lost]
        places = np.flatnonzero(~(good | damaged | lost | nothing | notes))[::-1]
        column = self.sheet.grid.columns[self.key].take(rows[places]).compact()
        texts = np.array([*map(plain, column.listed()), ""], dtype=object)[column.codes].tolist()
        ends = stops[np.searchsorted(stops, rows[places])]
        borders = np.append(solid, -1)[np.searchsorted(solid, ends) - 1]
        record, odd = len(self.cells), list[int]()  # the first record below that is not plainly one
        for place, text, end, border in zip(places.tolist(), texts, ends.tolist(), borders.tolist(), strict=True):
            row = int(rows[place])
            reason = self.reason(row, text.strip(), row > border and not record < end, others_fill, shape)
            reason = reason or ("" if fits[place] else self.damage(row))
            if reason:
                set_aside.append((row, reason))
            else:
                odd.append(place)
            record = record if reason and not reason.startswith("damaged") else row
        good[odd] = True
        return rows[good], sorted(set_aside)

    def parts(self, look: Callable[[Array], Any], rows: Array, stops: Array) -> list[Array]:
        """The rows below each header that a look is worth: those that may begin with types, or end with a footer."""
        if look == self.sums_beside or not len(rows):
            return [rows]
        borders = np.unique([0, *np.searchsorted(rows, stops[:-1]), len(rows)])
        firsts, lasts = rows[borders[:-1]], rows[borders[1:] - 1]
        is_worth = self.cells[lasts] <= THIN if look == self.footers else ~self.is_ordinary[firsts]
        is_worth[0] |= look == self.types
        return [rows[borders[at] : borders[at + 1]] for at in np.flatnonzero(is_worth)]

    def sums_beside(self, rows: Array) -> list[tuple[int, str]]:
        """The rows whose key cell is a number unlike every code of the list, beside the label of a sum."""
        places = self.header.places
        labels = {places[name] for name in ("pool", "name", "course", "organization") if name in places}
        labels = {self.header.start, *labels} - {self.key}
        found = self.sheet.holds(rows, sorted(labels), is_label, LABEL) & (self.codes[rows] >= 0)
        if not self.has_keys or not found.any() or found.all():
            return []
        shape = Shape.of(self.sheet, self.key, rows[~found & self.is_plain[rows]])
        rows = rows[found]
        cells = self.sheet.cells(self.key, rows)
        is_sum = cells.has(lambda cell: is_number(cell) and bool(shape.lengths) and not shape.fits(plain(cell)))
        return [(row, "totals") for row in rows[is_sum].tolist()]

    def beside(self, row: int) -> dict[int, Any]:
        """The filled cells of a row between the header's borders, but for the key's."""
        cells = enumerate(self.sheet.row(row))
        return {at: cell for at, cell in cells if cell is not None and at in self.columns and at != self.key}

    def types(self, rows: Array) -> list[tuple[int, str]]:
        """The row below a header that says what its columns hold: types, units, or words where a date must stand."""
        row = int(rows[0]) if len(rows) else 0
        key, others = (self.sheet.grid.columns[self.key][row], self.beside(row)) if len(rows) else (None, {})
        if not isinstance(key, str) or (self.is_ordinary[row] and not others):
            return []
        text, is_read = plain(key), self.are_read(others)
        is_types = is_type(text) and all(map(is_type, others.values()))
        is_sure = bool(others) and is_types
        if not is_sure and self.has_keys and (is_types or (" " in text and is_read and not any(is_read))):
            shape = Shape.of(self.sheet, self.key, rows[1:][self.codes[rows[1:]] >= 0])
            is_other = " " not in shape.kinds if others else "9" in shape.kinds
            is_sure = is_other and bool(shape.lengths) and not shape.fits(text)
        return [(row, TYPES_ROW)] if is_sure else []

    def are_read(self, others: Mapping[int, Any]) -> list[bool]:
        """Of every cell in a column of dates, numbers or flags: is it one?"""
        kinds = {place: COLUMNS[name].kind for name, place in self.header.places.items()}
        cells = [cell for place, cell in others.items() if kinds.get(place) in ("date", "count", "flag")]
        return [
            not isinstance(cell, str)
            or is_blank(cell)
            or bool(written(cell))
            or flag_of(cell) is not None
            or count_of(cell) >= 0
            for cell in cells
        ]

    def footers(self, rows: Array) -> list[tuple[int, str]]:
        """The last rows of a list that fill two cells at most and no code, and leave a column blank that all rows above fill."""
        found, stop = dict[int, str](), len(rows)
        column = self.sheet.grid.columns[self.key]
        while self.has_keys and stop > 1 and len(rows) - stop < MAX_FOOTERS and self.cells[rows[stop - 1]] <= THIN:
            row = int(rows[stop - 1])
            text, others = plain(column[row]) if self.codes[row] >= 0 else "", self.beside(row)
            if is_code(text):
                break
            is_sum = not text and any(map(is_label, others.values()))
            is_lost = self.facts[row] and (is_sum or not any(self.are_read(others)))
            if (len(others) == 1 and self.is_plain[row]) if text else is_lost:
                near = Shape.of(self.sheet, self.key, rows[max(0, stop - 1 - SAMPLE) : stop - 1])
                if near.fits(text) or any(map(near.is_within, (text, *others.values()))):
                    break
                found[row] = "totals" if is_sum else "note"
            stop -= 1
        found = found if self.fits(rows[stop:]).all() else {}
        above = rows[:stop][self.codes[rows[:stop]] >= 0] if found else rows[:0]
        columns = (
            [place for place in self.columns if not (self.sheet.codes(place)[[*found]] >= 0).any()] if found else []
        )
        if not len(above) or not any(
            (self.sheet.codes(place)[above] >= 0).all() for place in columns if place != self.key
        ):
            return []
        shape = Shape.of(self.sheet, self.key, above)
        known = {place: set(self.sheet.cells(place, above).listed()) for row in found for place in self.beside(row)}
        return [
            (row, reason)
            for row, reason in sorted(found.items())
            if reason == "totals"
            or (
                not shape.fits(plain(column[row]) if self.codes[row] >= 0 else "")
                and all(cell not in known[place] for place, cell in self.beside(row).items())
            )
        ]

    def notes_below(self, rows: Array) -> Array:
        """The last rows of a list that fill one cell only, where all others fill more, and are shaped like none of its codes.

        A number beside a word is no cell more: it may be a sum.
        """
        fills = self.cells[rows] > 1
        may_be_sum = (self.cells[rows] == 2) & ~self.is_ordinary[rows]
        if may_be_sum[-1:].any():
            beside = [place for place in self.columns if place != self.key]
            fills[may_be_sum] = ~self.sheet.holds(rows[may_be_sum], beside, is_number)
        border = int(np.flatnonzero(fills)[-1:].sum()) + 1 if fills.any() else 0
        if border in (0, len(rows)) or not fills[:border].all():
            return rows[:0]
        above = Shape.of(self.sheet, self.key, rows[:border])
        below = self.sheet.cells(self.key, rows[border:])
        is_note = below.has(lambda cell: not above.fits(plain(cell)) and not above.is_within(cell))
        is_cut = self.is_cut(int(rows[-1]), plain(below.listed()[-1]), above)
        are_codes = np.count_nonzero(below.has(lambda cell: is_code(plain(cell)))) >= border
        return rows[border:] if is_note.all() and not is_cut and not are_codes else rows[:0]

    def is_cut(self, row: int, text: str, shape: Shape) -> bool:
        """Does a text file end within the code of its last row?"""
        widths = self.sheet.grid.widths
        is_last = widths is not None and row + 1 == len(widths) and widths[row] < self.header.named
        return bool(is_last) and shape.is_begun(text)

    def reason(self, row: int, text: str, at_end: bool, others_fill: bool, shape: Shaped) -> str:
        """Why a row with a key cell is no record, "" if it is one."""
        others = [*self.beside(row).values()] if self.cells[row] > 1 else []
        if all(isinstance(cell, str) and RULE.fullmatch(cell) for cell in (text, *others)):
            return "rule"
        if PAGE.fullmatch(text) and not self.facts[row]:
            return "number of a page"
        are_numbers = all(map(is_number, others))
        if TOTALS.match(text) and (are_numbers or not self.facts[row]) and (at_end or not shape().fits(text)):
            return "totals" if are_numbers else "note"
        if MADE.fullmatch(text) and at_end and len(others) < THIN and not shape().fits(text):
            return "note"
        if shape().is_within(text) or self.is_cut(row, text, shape()):
            return ""
        words = len(text.split())
        if not shape().lengths:  # a list without a key
            is_text = words > 1 and not others and not re.search(r"\d", text)
            return "note" if at_end and is_text and len(self.header.places) > 1 else ""
        if not others and at_end and words > 1 and " " not in shape().kinds:
            return "note"
        if self.has_keys and others_fill and not shape().fits(text):
            if not others and (at_end or words > 1 or not re.search(r"\d", text)):
                return "note"
            return "note" if at_end and others and are_numbers else ""
        return ""

    def fits(self, rows: Array) -> Array:
        """Which rows have the header's width? Blank cells behind it do not count where no cell can have shifted.

        None has where a delimiter stands at the end of every line, and where the last filled cell is a date below a date's
        header.
        """
        widths = self.sheet.grid.widths
        if widths is None:
            return np.ones(len(rows), dtype=bool)
        widths, header = widths[rows], self.header
        fits, wide = (widths >= header.named) & (widths <= header.width), widths > header.width
        for place in range(header.width, self.sheet.width if wide.any() else 0):
            wide &= self.sheet.codes(place)[rows] < 0
        if wide.any():
            fits[wide] = bool((wide | (widths < header.named)).all())  # a delimiter stands at the end of every line
            dates = {place for name, place in header.places.items() if COLUMNS[name].kind == "date"}
            for at in np.flatnonzero(wide & ~fits).tolist() if dates else ():
                place, cell = [(n, cell) for n, cell in enumerate(self.sheet.row(rows[at])) if cell is not None][-1]
                fits[at] = place in dates and written(cell) is not None
        return fits

    def damage(self, row: int) -> str:
        """What is said of a row of another width."""
        width = 0 if self.sheet.grid.widths is None else int(self.sheet.grid.widths[row])
        return f"damaged row: {width} cells, the header has {self.header.width}"
