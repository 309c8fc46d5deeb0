"""Cell → recorded code, and what may have happened to a code on the way. (CATALOGUE §1, §4)"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.exports.grid import Odd, Padded

_WIDE = [0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x1680, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0x2000, 0x2010)]
_WIDE += [*range(0x2028, 0x2030), *range(0x205F, 0x2070), 0x3000, 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0]
# for strip(): a pattern that ends in + and $ takes forever on a long run of blanks
BLANKS = "".join(chr(c) for c in (*range(0x21), 0x7F, 0x85, 0xA0, *_WIDE))
INVISIBLE = re.escape(BLANKS)  # the same characters, for a pattern
ERRORS = frozenset(("#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"))
PLAIN = re.compile(r"[A-Za-z0-9_.-]*")
PARTS = re.compile(r"[\s,;|]+")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t|tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
EXCEL_DATE = (
    rf"(?i:{_MONTH}[-/ .]?\d{{1,4}}|\d{{1,2}}[-/ .]?{_MONTH}(?:[-/ .]?\d{{2,4}})?"
    r"|\d{1,2}[-/]\d{1,2}(?:[-/](?:\d{2}|\d{4}))?|\d{4}[-/]\d{1,2}(?:[-/]\d{1,2})?)"
)
EXPONENT = re.compile(r"\d(?:[.,]\d+)?[Ee]\+\d{2,3}")  # what a spreadsheet has made of a code, and a CSV kept
LINE_END = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# What Excel changes when it opens a list of codes. (CATALOGUE §1)
FRAGILE = rf"0\d+|\d{{16,}}|\d+[Ee]\d+|{EXCEL_DATE}|(?i:true|false)"
_BLANK = "[" + "".join(rf"\x{{{ord(sign):x}}}" for sign in BLANKS) + "]"
BEGIN, END = rf"(?s)^{_BLANK}+(.*)$", rf"(?s)^(.*?){_BLANK}+$"
_MARKS = r"\[\]<>(){}`*“”„«»‹›‘’‚|"
AFFIXES = (  # what a file may put around every code: how it is told, what leaves the code (RE2), which codes alone need it
    ("begin with a blank", BEGIN, ""),
    ("end in a blank", END, ""),
    ('stand as ="…"', r'(?s)^="([^"]*)"$', f"^(?:{FRAGILE})$"),
    ("stand between quotation marks", r'(?s)^"(.*)"$', ""),
    ("stand between apostrophes", r"(?s)^'(.*)'$", ""),
    ("begin with an apostrophe", r"(?s)^'(.*)$", "^[=+@-]"),
)
SIGNS = (  # the same, of signs that somebody may as well have pasted with the codes
    ("stand between HTML tags", r"(?s)^(?:<[A-Za-z][^<>]*>)+([^<>]*)(?:</[A-Za-z]\w*>)+$", ""),
    ("begin with a bullet", rf"(?s)^[•·‣▪*+–—-]{_BLANK}+(.*)$", ""),
    ("end in a comma or semicolon", rf"(?s)^(.*?){_BLANK}*[,;]+$", ""),
    ("stand in brackets or marks", f"(?s)^[{_MARKS}]+([^{_MARKS}]+)[{_MARKS}]+$", ""),
)


@dataclass
class Codes:
    """The recorded codes of one file, and what is to be known of few of them, by their place.

    `keys`: Arrow texts, null where a cell cannot be read. `damage`: what is wrong with a cell; `raw`: its text where it is
    not the code; `parts`: how many codes a cell holds, if several; `padded`: whose blanks were removed; `typed`: the cells
    that are not text. `removed`: what the file had put around codes; `is_doubted`: perhaps it did not, they may be so in the TMS.
    """

    keys: Any
    damage: dict[int, str] = field(default_factory=dict)
    raw: dict[int, str] = field(default_factory=dict)
    parts: dict[int, int] = field(default_factory=dict)
    padded: list[int] = field(default_factory=list)
    typed: dict[int, Any] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    is_doubted: bool = False


def recorded_codes(cells: Coded, odd: Array, kind: str, everywhere: Callable[[str], bool]) -> Codes:
    """Turn the key cells of one file (no blanks among them) into recorded codes. (CATALOGUE §1)

    `odd`: the rows that are not plainly a code. `kind`: "pool", "course" (every sign counts: the TMS compares them) or
    "list" (a cell may say "AB12, second batch"). `everywhere`: is every other column of the file `carried` by a pattern?
    """
    typed: dict[int, Any] = {}
    texts = cells.values
    if not isinstance(texts, pa.Array):
        is_typed = cells.has(lambda value: not isinstance(value, str))
        typed = {row: cells[row] for row in np.flatnonzero(is_typed).tolist()}
        texts = pa.array([value if isinstance(value, str) else None for value in texts], TEXT)
        odd = odd[~is_typed[odd]]
    told = Codes(texts.take(pa.array(cells.codes)), typed=typed)
    if len(odd):
        _remove_what_all_carry(told, odd, kind, everywhere)
        is_usual = np.ones(len(cells), dtype=bool)
        is_usual[odd] = False
        lengths = set(pc.unique(pc.utf8_length(told.keys.filter(pa.array(is_usual)))).to_pylist())
        found: dict[int, str | None] = {}
        for row, text in zip(odd.tolist(), told.keys.take(pa.array(odd)).to_pylist(), strict=True):
            if not PLAIN.fullmatch(text):
                found[row] = _code_of(told, row, text, kind, lengths)
        told.keys = _with(told.keys, found)
    if typed:
        counted = pc.value_counts(pc.utf8_length(told.keys).drop_null()).to_pylist()
        widths = {entry["values"]: entry["counts"] for entry in counted}
        read = {row: _typed_code(cell, kind, widths) for row, cell in typed.items()}
        told.damage |= {row: damage for row, (_, damage) in read.items()}
        told.raw |= {row: str(cell) for row, cell in typed.items()}
        told.keys = _with(told.keys, {row: code or None for row, (code, _) in read.items()})
    return told


def carried(texts: Any, pattern: str, hits: int | None = None) -> bool:
    """Do all texts carry what the file may have put around them (`hits`: so many do)? Blanks also where they fill up to one width."""
    hits = (pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0) if hits is None else hits
    if not hits or hits == len(texts):
        return bool(hits)
    if pattern not in (BEGIN, END) or pc.count_distinct(pc.utf8_length(texts)).as_py() > 1:
        return False
    bare = texts.filter(pc.invert(pc.match_substring_regex(texts, pattern)))
    return not any(_carry_any(bare, other) for other in (BEGIN, END, "^'"))


def _carry_any(texts: Any, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _remove_what_all_carry(told: Codes, odd: Array, kind: str, everywhere: Callable[[str], bool]) -> None:
    """Remove a wrapper or padding that every key of the file carries; of `="…"` and the apostrophe, every key that needs it.

    What is plainly a code (not `odd`) carries none.
    """
    for what, pattern, need in AFFIXES + SIGNS:
        texts = told.keys
        if pattern not in (BEGIN, END) and not need and not carried(texts.drop_null().slice(0, 1), pattern):
            continue  # all carry it, or none
        found = pc.match_substring_regex(texts.take(pa.array(odd)), pattern).fill_null(False)
        hits = odd[found.to_numpy(zero_copy_only=False)]
        if not len(hits):
            continue
        is_hit = np.zeros(len(texts), dtype=bool)
        is_hit[hits] = True
        hit = pa.array(is_hit)
        keys = texts.drop_null()
        inner = pc.replace_with_mask(texts, hit, pc.replace_substring_regex(texts.filter(hit), pattern, r"\1"))
        if carried(keys, pattern, len(hits)):
            is_of_the_file = everywhere(pattern) or "=" in what
            if len(keys) < 2 and not is_of_the_file:
                continue  # one code that ends in a blank says nothing of the file
            edge = texts[int(hits[0])].as_py()[-1 if pattern == END else 0]
            may_be_pasted = edge in " \t\u00a0'" or (what, pattern, need) in SIGNS
            told.is_doubted |= kind == "course" and not is_of_the_file and may_be_pasted
            told.removed.append(f"all {len(keys):,} codes {what}" if len(keys) > 1 else f"the one code {what}")
        elif not need:
            continue
        else:
            bare = texts.filter(pc.invert(hit)).drop_null()
            if _carry_any(bare, need) or not carried(inner.filter(hit), need):
                continue
            told.removed.append(f"the codes that a spreadsheet would change {what}")
        told.keys = inner


def _with(texts: Any, changed: Mapping[int, str | None]) -> Any:
    mask, values = np.isin(np.arange(len(texts)), [*changed]), [changed[row] for row in sorted(changed)]
    return pc.replace_with_mask(texts, mask, pa.array(values, TEXT)) if changed else texts


def _code_of(told: Codes, row: int, text: str, kind: str, lengths: set[int]) -> str | None:
    """The code of a cell with unusual signs, None if it holds none; what else is to be known of it goes to `told`.

    `lengths` are those of the file's other codes: only in a pool are several codes in one cell no code.
    """
    clean = text.strip(BLANKS)
    if kind == "course" and not LINE_END.search(clean):
        return text
    parts = [part for part in PARTS.split(clean) if part]
    are_codes = len(parts) > 1 and all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{3,}", part) for part in parts)
    is_list = bool(re.search(r"[\n\r,;|]", clean)) and all(re.search(r"\d", part) for part in parts)
    if kind != "list" and are_codes and (is_list or all(len(part) in lengths for part in parts)):
        told.parts[row], told.raw[row] = len(parts), " ".join(parts)
        return None
    if kind != "course" and clean in ERRORS:
        told.damage[row] = f"the error {clean}"
    elif kind != "list" and LINE_END.search(clean):
        told.damage[row] = "a line end inside the code"
    elif kind == "pool" and EXPONENT.fullmatch(clean):
        told.damage[row] = "a number with an exponent, which a spreadsheet has made of the code"
    else:
        if clean != text:
            told.padded.append(row)
        return clean
    told.raw[row] = clean
    return None


def _typed_code(cell: Any, kind: str, widths: Mapping[int, int]) -> tuple[str, str]:
    """The code of a cell that is not text, and what is wrong with it: of course keys its plain form, of others a code only
    where it is certain, else blank: never invent one. (CATALOGUE §1)"""
    if isinstance(cell, Odd):
        return "", cell.what
    if isinstance(cell, Padded) and kind != "course":
        return cell.text, "a number: its format pads it with zeros"
    cell = cell.value if isinstance(cell, Padded) else cell
    if isinstance(cell, bool):
        return str(cell).upper() if kind == "course" else "", "a true/false value, not text"
    if not isinstance(cell, (int, float)):
        what = "date" if kind == "course" and isinstance(cell, dt.datetime) else "date or time"
        return str(cell) if kind == "course" else "", f"a {what}, not text"
    number = Decimal(repr(cell))
    digits = f"{number:.0f}" if number == number.to_integral_value() else f"{number.normalize():f}"
    if kind == "course":
        return digits, "a number, not text"
    if not digits.isdigit():
        return "", "a number with decimals, not text"
    same_width = widths.get(len(digits), 0)
    is_proven = same_width >= 20 and same_width >= 0.95 * sum(widths.values())
    if is_proven and not digits.endswith("00") and not (len(digits) > 15 and digits.endswith("0")):
        return digits, "number: stored as a number, its width is that of the other codes"
    return "", "a number, not text: digits may be lost"


# --- folds: how two codes may be compared for a suggestion, never for a match (CATALOGUE §4) ---

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u00ad\ufe58\ufe63\uff0d"), "-")
_GREEK_AND_CYRILLIC = str.maketrans(
    "АВЕЅЗІЈКМНОРСТУХҮԚԜԌавеѕіјкорсухһԁԛԝɡ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανικορτυχϲ",
    "ABES3IJKMHOPCTYXYQWGabesijkopcyxhdqwg" + "ABEZHIKMNOPTYXavikoptyxc",
)
CONFUSABLE = str.maketrans({c: group[0] for group in ("0Oo", "1Iil", "8B", "5Ss", "2Zz", "6G") for c in group})
_GAPS = re.compile(rf"[{INVISIBLE}]+")


def fold_whitespace(code: str) -> str:
    """Without blanks, invisible characters and wrappers."""
    code = _GAPS.sub("", code)
    is_wrapped = code.startswith('="') and code.endswith('"')
    return (code[2:-1] if is_wrapped else code).removeprefix("'")


def fold_unicode(code: str) -> str:
    """`fold_whitespace`, then NFKC, dash variants, full-width digits, Cyrillic and Greek look-alikes to Latin."""
    code = unicodedata.normalize("NFKC", fold_whitespace(code).translate(_DASHES))
    return code.translate(_DASHES).translate(_GREEK_AND_CYRILLIC)


def excel_forms(code: str) -> Iterable[str]:
    """Everything Excel is known to make of a code. Empty for a code that Excel leaves alone."""
    forms = {code.upper(), code.title()} if code.upper() in ("TRUE", "FALSE") else set()
    if re.fullmatch(r"\d+", code):
        forms = _number_forms(Decimal(code), as_exponent=len(code.lstrip("0")) > 11)
    elif (match := re.fullmatch(r"(\d+)[Ee](\d{1,3})", code)) and int(match[2]) < 300:
        forms = _number_forms(Decimal(match[1]).scaleb(int(match[2])), as_exponent=True)
    elif re.fullmatch(EXCEL_DATE, code):
        forms = _date_forms(code)
    return forms - {code}


def _number_forms(number: Decimal, as_exponent: bool) -> set[str]:
    digits = f"{number:.0f}"
    rounded = f"{Decimal(f'{number:.14E}'):.0f}"
    cut = digits[:15] + "0" * (len(digits) - 15)
    forms = {digits, rounded, cut} | {whole + ".0" for whole in (digits, rounded, cut)}
    if as_exponent:
        for places in range(15):
            shown, power = f"{number:.{places}E}".split("E")
            value = int(power)
            forms |= {f"{shown}E{value:+03d}", f"{shown}E{value:+d}", f"{shown}E{value}", f"{shown}e{value:+03d}"}
    return forms


_DATE_FORMS = (
    "{d}-{mon}-{yy:02d} {d}-{mon}-{y} {d:02d}-{mon}-{yy:02d} {d}-{mon} {d:02d}-{mon} {mon}-{yy:02d} {mon}-{y} {iso} {iso}_00:00:00 "
    "{m}/{d}/{y} {m}/{d}/{yy:02d} {d}/{m}/{y} {m:02d}/{d:02d}/{y} {d:02d}/{m:02d}/{y} {d:02d}.{m:02d}.{y} {d}.{m}.{y}"
)


def _years(number: int) -> tuple[int, ...]:
    """What Excel takes a year for: of two digits, those from 30 on are of the last century or, as the system is set, of this."""
    return (number,) if number >= 100 else (2000 + number,) if number < 30 else (1900 + number, 2000 + number)


def _date_forms(code: str) -> set[str]:
    """A code that Excel may read as a date; without a year it takes the year of that day, which we do not know."""
    pieces = [piece.lower() for piece in re.findall(r"\d+|[A-Za-z]+", code)]
    months = [MONTHS.index(piece[:3]) + 1 for piece in pieces if piece[:3] in MONTHS]
    numbers = [int(piece) for piece in pieces if piece.isdigit()]
    this_year, last = range(2019, 2028), numbers[-1]
    meant: list[tuple[int, ...]] = []  # year, month, day
    match months, numbers:
        case [month, *_], [one]:
            meant = [(one, month, 1), *((year, month, one) for year in this_year)]
        case [month, *_], [one, _]:
            meant = [(last, month, one)]
        case _, [one, other, *days] if one > 31:
            meant = [(one, other, *(days or [1]))]
        case _, [one, other]:
            orders = ((one, other), (other, one))
            meant = [*((year, *order) for year in this_year for order in orders), (other, one, 1)]
        case _, [one, other, _]:
            meant = [(last, one, other), (last, other, one)]
    forms: set[str] = set()
    for year, number, day in ((year, *rest) for written, *rest in meant for year in _years(written)):
        with suppress(ValueError):
            date = dt.date(year if 1900 <= year <= 2100 else 0, number, day)
            parts = {"d": day, "m": number, "y": year, "yy": year % 100, "iso": date.isoformat()}
            forms |= {*_DATE_FORMS.format(mon=MONTHS[number - 1].title(), **parts).split()}
    return {form.replace("_", " ") for form in forms}
