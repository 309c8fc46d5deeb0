"""Cell → recorded code, and what may have happened to a code on the way. (CATALOGUE §1, §4)"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from keyaudit.exports.package import Padded, Unreadable
from keyaudit.exports.rows import Cells

_WIDE = [0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x1680, 0x17B4, 0x17B5, *range(0x180B, 0x180F), *range(0x2000, 0x2010)]
_WIDE += [*range(0x2028, 0x2030), *range(0x205F, 0x2070), 0x3000, 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0]
INVISIBLE = (
    r"\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\x00-\x1f\x7f"
)
# the same characters, for strip(): a pattern that ends in + and $ takes forever on a long run of blanks
BLANKS = "".join(chr(c) for c in (*range(0x21), 0x7F, 0x85, 0xA0, *_WIDE))
ERRORS = frozenset(("#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"))
PLAIN = re.compile(r"[A-Za-z0-9_.-]*")
PARTS = re.compile(r"[\s,;|]+")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?:{'|'.join(MONTHS)})[a-z]*"
EXCEL_DATE = (
    rf"(?i:{_MONTH}[-/ .]?\d{{1,4}}|\d{{1,2}}[-/ .]?{_MONTH}(?:[-/ .]?\d{{2,4}})?"
    r"|\d{1,2}[-/]\d{1,2}(?:[-/](?:\d{2}|\d{4}))?|\d{4}[-/]\d{1,2}(?:[-/]\d{1,2})?)"
)
# What Excel changes when it opens a list of codes. (CATALOGUE §1)
FRAGILE = rf"0\d+|\d{{16,}}|\d+[Ee]\d+|{EXCEL_DATE}|(?i:true|false)"


@dataclass
class Codes:
    """The key column of one file: a row per cell, in the order given.

    `frame` has the columns code (text, missing where not readable), damage (text), is_typed (the cell was not text),
    is_padded (blanks were removed), parts (codes found in one cell,
    joined by a blank), raw (the cell as text where it is not the code). `wrapper` and `padding` say
    what was removed from every key of the file.
    """

    frame: pd.DataFrame
    wrapper: str
    padding: str


def recorded_codes(cells: Cells, in_course_keys: bool, in_pool: bool = True) -> Codes:
    """Turn the key cells of one file (no blanks among them) into recorded codes. (CATALOGUE §1)

    Only in a pool file are several codes in one cell no code; a log may say "AB12, second batch".
    """
    cells = cells.as_text()
    typed = [cells.others[place] for place in sorted(cells.others)]
    text = pd.Series(cells.array, dtype="str")
    is_text = np.ones(len(text), dtype=bool)
    is_text[list(cells.others)] = False
    text = text.where(is_text) if typed else text
    is_plain = bool(text.dropna().str.fullmatch(PLAIN).all())
    text, wrapper, padding = (text, "", "") if is_plain else _without_uniform(text)
    frame = pd.DataFrame({"code": text, "damage": "", "is_typed": ~is_text, "is_padded": False, "parts": "", "raw": ""})
    if not in_course_keys and not is_plain:
        _clean_codes(frame, in_pool)
    if typed:
        widths = frame["code"].dropna().str.len().value_counts().to_dict()
        told = [_plain_form(cell) if in_course_keys else _from_number(cell, widths) for cell in typed]
        frame.loc[~is_text, "code"] = pd.array([code or None for code, _ in told], dtype="str")
        frame.loc[~is_text, "damage"] = pd.array([damage for _, damage in told], dtype="str")
        frame.loc[~is_text, "raw"] = pd.array([str(cell) for cell in typed], dtype="str")
    return Codes(frame, wrapper, padding)


def _without_uniform(text: pd.Series) -> tuple[pd.Series, str, str]:
    """Remove a wrapper or padding that every key of the file carries; say what it was."""
    keys = text.dropna()
    wrapper = padding = ""
    for where, bare in (("begin with", keys.str.lstrip(BLANKS)), ("end in", keys.str.rstrip(BLANKS))):
        if (bare.str.len() < keys.str.len()).all() and (bare != "").all():
            padding = f"{padding} and {where} a blank".removeprefix(" and ")
    if padding:
        strip = {"begin with a blank": text.str.lstrip, "end in a blank": text.str.rstrip}.get(padding, text.str.strip)
        text = strip(BLANKS)
        keys = text.dropna()
    is_wrapped = keys.str.fullmatch(r'="[^"]*"')
    inner = keys.str.slice(2, -1)
    only_fragile = is_wrapped.any() and bool(
        (is_wrapped == keys.where(~is_wrapped, inner).str.fullmatch(FRAGILE)).all()
    )
    if is_wrapped.all() or only_fragile:
        wrapper = '="…"'
        text = text.where(~is_wrapped.reindex(text.index, fill_value=False), text.str.slice(2, -1))
    elif keys.str.startswith("'").all():
        wrapper = "'"
        text = text.str.slice(1)
    return text, wrapper, padding


def _clean_codes(frame: pd.DataFrame, in_pool: bool) -> None:
    """In pool, log, assignment and other-key files: blanks around one code go; several codes are not a code."""
    odd = frame["code"].notna() & ~frame["code"].str.fullmatch(PLAIN).fillna(True).astype(bool)
    if not odd.any():
        return
    lengths = set(frame.loc[~odd, "code"].dropna().str.len().unique())
    told = [_one_code(code, lengths if in_pool else None) for code in frame.loc[odd, "code"]]
    code, is_padded, parts, damage = zip(*told, strict=True)
    frame.loc[odd, "code"] = pd.array(code, dtype="str")
    frame.loc[odd, "is_padded"] = list(is_padded)
    frame.loc[odd, "parts"] = frame.loc[odd, "raw"] = pd.array(parts, dtype="str")
    frame.loc[odd, "damage"] = pd.array(damage, dtype="str")


def _one_code(text: str, lengths: set[int] | None) -> tuple[str | None, bool, str, str]:
    """The code of a cell with unusual characters: code, was it padded, its parts if it is several, its damage.

    `lengths` are those of the file's other codes; None where a cell is one code whatever it holds.
    """
    clean = text.strip(BLANKS)
    if clean in ERRORS:
        return None, False, "", f"the error {clean}"
    parts = [part for part in PARTS.split(clean) if part]
    if (
        lengths is not None
        and len(parts) > 1
        and _are_codes(parts, lengths, strong=bool(re.search(r"[\n\r,;|]", clean)))
    ):
        return None, False, " ".join(parts), ""
    return clean, clean != text, "", ""


def _are_codes(parts: list[str], lengths: set[int], strong: bool) -> bool:
    if not all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{3,}", part) for part in parts):
        return False
    return all(len(part) in lengths for part in parts) or (strong and all(re.search(r"\d", part) for part in parts))


def _from_number(cell: Any, widths: dict[int, int]) -> tuple[str, str]:
    """The code of a pool cell that is not text, or blank: never invent one. (CATALOGUE §1)"""
    if isinstance(cell, Padded):
        return cell.text, "number: a number format pads it with zeros"
    if isinstance(cell, Unreadable):
        return "", cell.what
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return "", f"a {'true/false value' if isinstance(cell, bool) else 'date or time'}, not text"
    digits = _plain_form(cell)[0]
    if not digits.isdigit():
        return "", "a number with decimals, not text"
    same_width = widths.get(len(digits), 0)
    is_proven = same_width >= 20 and same_width >= 0.95 * sum(widths.values())
    lost_digits = digits.endswith("00") or (len(digits) > 15 and digits.endswith("0"))
    if is_proven and not lost_digits:
        return digits, "number: stored as a number, its width is that of the other codes"
    return "", "a number, not text: digits may be lost"


def _plain_form(cell: Any) -> tuple[str, str]:
    """The plain text form of a course-key cell that is not text. (CATALOGUE §1)"""
    if isinstance(cell, Padded):
        cell = cell.value
    if isinstance(cell, Unreadable):
        return "", cell.what
    if isinstance(cell, bool):
        return str(cell).upper(), "a true/false value, not text"
    if isinstance(cell, float) and not np.isfinite(cell):
        return "", "a number too large to read"
    if isinstance(cell, (int, float)):
        number = Decimal(repr(float(cell))) if isinstance(cell, float) else Decimal(cell)
        is_whole = number == number.to_integral_value()
        return (f"{number:.0f}" if is_whole else f"{number.normalize():f}"), "a number, not text"
    if isinstance(cell, dt.datetime):
        return (str(cell.date()) if cell.time() == dt.time() else str(cell)), "a date, not text"
    return str(cell), "a date or time, not text"


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
    if code.startswith('="') and code.endswith('"') and len(code) > 3:
        code = code[2:-1]
    return code.removeprefix("'")


def fold_unicode(code: str) -> str:
    """`fold_whitespace`, then NFKC, dash variants, full-width digits, Cyrillic and Greek look-alikes to Latin."""
    code = unicodedata.normalize("NFKC", fold_whitespace(code).translate(_DASHES))
    return code.translate(_DASHES).translate(_GREEK_AND_CYRILLIC)


def folded(codes: pd.Series, fold: Any) -> pd.Series:
    """Apply a fold to the codes that need it (those with anything but letters, digits, dash, dot, underscore)."""
    odd = ~codes.str.fullmatch(PLAIN).astype(bool)
    return codes.where(~odd, codes[odd].map(fold)) if odd.any() else codes


def excel_forms(code: str) -> Iterable[str]:
    """Everything Excel is known to make of a code. Empty for a code that Excel leaves alone."""
    if re.fullmatch(r"\d+", code):
        return _number_forms(Decimal(code), as_exponent=len(code.lstrip("0")) > 11) - {code}
    if match := re.fullmatch(r"(\d+)[Ee](\d{1,3})", code):
        exponent = int(match[2])
        return _number_forms(Decimal(match[1]).scaleb(exponent), as_exponent=True) - {code} if exponent < 300 else set()
    if code.upper() in ("TRUE", "FALSE"):
        return {code.upper(), code.title()} - {code}
    return _date_forms(code) - {code} if re.fullmatch(EXCEL_DATE, code) else set()


def _number_forms(number: Decimal, as_exponent: bool) -> set[str]:
    digits = f"{number:.0f}"
    rounded = f"{Decimal(f'{number:.14E}'):.0f}"
    cut = digits[:15] + "0" * (len(digits) - 15)
    forms = {digits, rounded, cut} | {whole + ".0" for whole in (digits, rounded, cut)}
    if as_exponent:
        for places in range(15):
            mantissa, power = f"{number:.{places}E}".split("E")
            for shown in {mantissa, mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa}:
                value = int(power)
                forms |= {f"{shown}E{value:+03d}", f"{shown}E{value:+d}", f"{shown}E{value}", f"{shown}e{value:+03d}"}
    return forms


def _date_forms(code: str) -> set[str]:
    forms: set[str] = set()
    for date in _dates_meant(code):
        month, year = MONTHS[date.month - 1].title(), date.year
        forms |= {
            f"{date.day}-{month}-{year % 100:02d}",
            f"{date.day}-{month}-{year}",
            f"{date.day:02d}-{month}-{year % 100:02d}",
            f"{date.day}-{month}",
            f"{date.day:02d}-{month}",
            f"{month}-{year % 100:02d}",
            f"{month}-{year}",
            date.isoformat(),
            f"{date.isoformat()} 00:00:00",
            f"{date.month}/{date.day}/{year}",
            f"{date.month}/{date.day}/{year % 100:02d}",
            f"{date.day}/{date.month}/{year}",
            f"{date.month:02d}/{date.day:02d}/{year}",
            f"{date.day:02d}/{date.month:02d}/{year}",
            f"{date.day:02d}.{date.month:02d}.{year}",
            f"{date.day}.{date.month}.{year}",
        }
    return forms


def _dates_meant(code: str) -> set[dt.date]:
    """The dates Excel may read in a code; without a year it takes the year of that day, which we do not know."""
    pieces = [piece.lower() for piece in re.findall(r"\d+|[A-Za-z]+", code)]
    months = [MONTHS.index(piece[:3]) + 1 for piece in pieces if piece[:3] in MONTHS]
    numbers = [int(piece) for piece in pieces if piece.isdigit()]
    this_year = range(2019, 2028)
    meant: set[tuple[int, int, int]] = set()
    if months and len(numbers) == 1:
        meant |= {(numbers[0], months[0], 1), (2000 + numbers[0], months[0], 1)}
        meant |= {(year, months[0], numbers[0]) for year in this_year}
    elif months and len(numbers) == 2:
        meant |= {(numbers[1] + (2000 if numbers[1] < 100 else 0), months[0], numbers[0])}
    elif len(numbers) == 2 and numbers[0] > 31:
        meant |= {(numbers[0], numbers[1], 1)}
    elif len(numbers) == 2:
        first, second = numbers
        for year in this_year:
            meant |= {(year, first, second), (year, second, first)}
        meant |= {(2000 + second, first, 1)}
    elif len(numbers) == 3 and numbers[0] > 31:
        meant |= {(numbers[0], numbers[1], numbers[2])}
    elif len(numbers) == 3:
        year = numbers[2] + (2000 if numbers[2] < 100 else 0)
        meant |= {(year, numbers[0], numbers[1]), (year, numbers[1], numbers[0])}
    return {dt.date(*date) for date in meant if 1900 <= date[0] <= 2100 and _is_date(*date)}


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True
