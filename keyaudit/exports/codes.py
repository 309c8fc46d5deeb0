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
