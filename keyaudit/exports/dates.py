"""What a cell beside the key says: blank, date, flag, status, number. Never guessed. (CATALOGUE §2, §6, DOMAIN §5)"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from keyaudit.exports.codes import BLANKS, ERRORS
from keyaudit.exports.names import clean_name

_BLANK = "na, n/a, n.a., nil, none, null, nan, nat, never, not redeemed, not used, undefined, (blank), (null), (none), \\n, #n/a"
BLANK_WORDS = frozenset([*_BLANK.split(", "), "invalid date"])
_NO_TIME = r"(?:[T ,]+(?:00?:00(?::00(?:\.0+)?)?(?:\s*am)?|12:00(?::00)?\s*am)\s*(?:z|utc|gmt|[+-]00:?00)?)?"
_ZERO = re.compile(
    r"0(?:\.0+)?|00?:00(?::00)?|(?:0{1,4}([-/.])0{1,2}\1(?:0{1,4})|0001-01-01|0?1([/.])0?1\2(?:0001)|1900-01-00|1899-12-3[01]"
    rf"|0?1([/.])00?\3(?:1900|00)|00?([/.])0?1\4(?:1900|00)|12([/.])3[01]\5(?:1899)|3[01]([/.])12\6(?:1899)){_NO_TIME}",
    re.I,
)
_SIGN = re.compile(r"[^\W_]")  # a letter or digit
_ZERO_DAYS = {dt.date(1899, 12, 30), dt.date(1899, 12, 31), dt.date(1904, 1, 1)}  # where spreadsheets begin to count
# Texts that may be blank, and those that may not be names as they are to be read; no other needs a look. (RE2)
MAY_BE_BLANK = (
    r"^[^A-Za-z0-9]*$|^\W*[=\"']|&[A-Za-z#]|^\W*0(?:\W|0|1[/.]0|$)|^\W*1[/.]|1899|^\W*1900-01-00|(?i)^\W*(?:n/?a|n\.a"
    r"|nil|none|null|nan|nat|never|not redeemed|not used|undefined|blank|n|invalid date)\W*$"
)
TO_CLEAN = rf"[^ -~]|[&<]|^ | $|  |{MAY_BE_BLANK}"
_YES = "yes y true 1 x ja j oui si sí sim wahr vrai verdadero vero ✓ ✔ ☑ ✅"
_NO = "no n false 0 nein non não nej falsch faux falso ☐"
_FLAGS = dict.fromkeys(_YES.split(), True) | dict.fromkeys(_NO.split(), False)
_STATUSES = {
    "redeemed": "redeemed, used, claimed, consumed, activated, completed",
    "open": "available, unredeemed, unused, not redeemed, not used, open, new, active, undistributed",
    "distributed": "distributed, sent, assigned, issued",
}
_CANCELLED = re.compile(
    r"(?<!not )(?<!un)(?:cancel|annul|anul|\bvoid|delet|refund|withdr|revok|revers|storn|widerruf|zurückg|zurueckg|rückg[aä]ngig|gel[oö]scht|avbr|avbok"
    r"|dropped|remov|terminat|unenrol|unassign|declin|reject|abgebroch|abgemeld|peruu|iptal|キャンセル|取り?消|отмен)"
)
NO_LIMIT = "∞"  # says something, without a letter or digit
MARK = re.compile(r"[*+•●○■□◆◇★☆▲△×👍👎]")  # so may these, as to a date, a state or a number
DAYS_OF_NOW = 30_000  # a number over this may be a date, as a spreadsheet counts days
NEVER_YET = 2050  # from this year on no learner has redeemed anything: it is filled in for nothing
_TYPES = """
    text string str char character characters varchar nvarchar nchar clob memo uuid guid hex alphanumeric chars letters digits
    int integer bigint smallint tinyint number numeric decimal float double precision real money currency percent unsigned
    bool boolean bit flag date datetime datetimeoffset timestamp time timestamptz day days month months hour hours utc gmt iso
    enum picklist lookup email byte bytes max required optional mandatory nullable not null primary foreign key pk fk unique
    zeichen zeichenkette zahl ganzzahl dezimal datum uhrzeit zeitstempel tag tage wahrheitswert pflicht pflichtfeld texte chaîne
    nombre entier booléen jour jours obligatoire texto cadena número numero entero fecha día días hora testo stringa intero data
    giorni tekst getal dagen inteiro dias liczba tekst tal dagar heltal jj jjjj tt aaaa aa 文字列 数値 日付 文本 数字 日期
"""
TYPES = frozenset(_TYPES.split())
NOBODY = frozenset(word for word, flag in _FLAGS.items() if not flag)  # no learner is called so
STATUSES = {word: status for status, words in _STATUSES.items() for word in words.split(", ")}
WORDS = BLANK_WORDS.union(STATUSES)  # that a column holds, and no header is

once = lru_cache(1 << 14, typed=True)  # the files of a case hold the same dates and words


@once
def bare(cell: Any) -> Any:
    """A cell beside the key without what a file puts around it: blanks, `="…"`, quotation marks, an apostrophe before it."""
    if not isinstance(cell, str):
        return cell
    text = cell.strip(BLANKS)
    while len(text) > 1 and text[-1] in "\"'" and (text[0] == text[-1] or text[:2] == '="' != text):
        text = text[2 if text[0] == "=" else 1 : -1].strip(BLANKS)
    return text[1:].strip(BLANKS) if text[:1] == "'" and len(text) > 1 else text


@once
def is_blank(cell: Any) -> bool:
    """Does a cell beside the key say that there is nothing? (CATALOGUE §6)"""
    if cell is None:
        return True
    if isinstance(cell, str):
        text = bare(cell)
        if text[:1].isalnum() and text[0] not in "nNiIuU013":  # no word for blank, and no date of zeros, begins so
            return False
        text = clean_name(text).casefold()
        return text in BLANK_WORDS or bool(_ZERO.fullmatch(text)) or not (text in _FLAGS or _SIGN.search(text))
    if isinstance(cell, dt.datetime):
        return cell.time() == dt.time() and is_blank(cell.date())
    if isinstance(cell, dt.date):
        return cell.year == 1 or cell in _ZERO_DAYS
    return cell in (dt.time(), dt.timedelta()) if isinstance(cell, (dt.time, dt.timedelta)) else False


def is_nothing(cell: Any) -> bool:
    """Does a cell below a date, a state or a number say that there is nothing? A mark may say that there is."""
    return is_blank(cell) and not (isinstance(cell, str) and MARK.search(cell) and not _SIGN.search(cell))


def is_type(cell: Any) -> bool:
    """Is it the type or the unit of a column: `varchar(20)`, `Text`, `yyyy-mm-dd`?"""
    words = re.findall(r"[^\W\d_]+", word_of(cell))
    signs = {word for word in words if set(word) <= set("dmyhs")}  # of a date's form
    return bool(words) and TYPES.issuperset(set(words) - signs) and (signs < {*words} or max(map(len, signs)) > 1)


@once
def word_of(cell: Any) -> str:
    """A cell as a word to look up, "" if it is no text."""
    return clean_name(bare(cell)).casefold() if isinstance(cell, str) else ""


def flag_of(cell: Any) -> bool | None:
    """What a flag says, None for any other cell."""
    if isinstance(cell, (bool, int, float)):
        return bool(cell) if cell in (0, 1) else None
    return _FLAGS.get(word_of(cell))


def is_number(cell: Any) -> bool:
    """Is it a bare number, which may be a sum?"""
    cell = bare(cell)
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and bool(re.fullmatch(r"[\d.,\s]+", cell)))


def status_of(cell: Any, words: Mapping[str, str] = STATUSES) -> str | None:
    """What a status says: redeemed, open or distributed; None for a word that is not known."""
    return words.get(word_of(cell))


def is_lost(state: str) -> bool:
    """Does the status of an assignment not say what it is: an error, a flag, a number, a date?"""
    if flag_of(state) is not None or is_number(state) or written(state):
        return True
    return state.upper() in ERRORS or state.startswith(("the error", "an error", "a formula"))


def is_cancelled(cell: Any) -> bool:
    """Does the status of an assignment say that it was taken back?"""
    return bool(_CANCELLED.search(word_of(cell)))


def count_of(cell: Any) -> float:
    """A number of uses or days, infinity for no limit, NaN if it cannot be read. `0 of 1` is 0."""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return float(cell) if cell >= 0 else np.nan
    text = word_of(cell)
    if text in ("unlimited", "no limit", NO_LIMIT):
        return np.inf
    if match := re.fullmatch(r"(\d+)\s*(?:of|/|von|de|sur|di|van)\s*\d+", text):
        return float(match[1])
    digits = re.match(r"\d+(?:[.,]0+)?(?=$|\s*days?$)|\d{1,3}(?:[,.' ]\d{3})+$", text)
    return float(re.sub(r"\D", "", re.sub(r"[.,]0{1,2}$", "", digits[0]))) if digits else np.nan


# --- dates: in an order of day and month that is proven or declared ---

_TIME = r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}")
NUMERIC = re.compile(rf"(\d{{1,2}})[-/.]\s?(\d{{1,2}})[-/.]\s?(\d{{4}}|\d{{2}}){_TIME}")
DAY_NAMED = re.compile(rf"(\d{{1,2}})[-. /]+([A-Za-z]{{3,9}})[-., /]+(\d{{4}}|\d{{2}}){_TIME}")
MONTH_NAMED = re.compile(rf"([A-Za-z]{{3,9}})[-. ]+(\d{{1,2}})(?:st|nd|rd|th)?[-., ]+(\d{{4}}){_TIME}")
WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]?\s+", re.I)
YEAR_FIRST_SHORT = re.compile(r"\d{2}-\d{2}-\d{2}(?!\d).*")  # 26-05-31 may be a year, a month and a day
FORMS = ((NUMERIC, ()), (YEAR_FIRST, (1, 2, 3)), (DAY_NAMED, (3, 2, 1)), (MONTH_NAMED, (3, 1, 2)))  # year, month, day
_NAMES = "january february march april may june july august september october november december"
MONTH = {word: number for number, name in enumerate(_NAMES.split(), 1) for word in (name, name[:3])} | {"sept": 9}
EARLIEST, LATEST = 2000, 2100  # a key outside these years is a slip


@dataclass(frozen=True)
class Open:
    """A date whose order of day and month is open: two numbers, year and time; `short` if a year may stand first."""

    first: int
    second: int
    year: int
    time: tuple[int, int, int]
    short: bool

    def on(self, day_first: bool | None) -> dt.datetime | str:
        """The date in an order, or why there is none."""
        if day_first is None and (self.short or self.first != self.second):
            return "ambiguous" if self.short or min(self.first, self.second) <= 12 else "unreadable"
        day, month = (self.first, self.second) if day_first else (self.second, self.first)
        return _date(self.year, month, day, *self.time) or "unreadable"


Date = dt.datetime | Open | None


@once
def written(cell: Any) -> Date:
    """The date that a cell is, as far as one can be without knowing the order of day and month; None if it is none.

    Time zones are dropped: the date as written is what the export's reader saw. A bare number may be a date of either
    calendar system of a spreadsheet, and is none.
    """
    if isinstance(cell, dt.datetime):
        return _plausible(cell.replace(tzinfo=None, microsecond=0))
    if not isinstance(cell, str):
        return _plausible(dt.datetime(cell.year, cell.month, cell.day)) if isinstance(cell, dt.date) else None
    text = bare(cell)
    text = WEEKDAY.sub("", text, count=1) if text[:1].isalpha() else text
    if text[4:5] == "-" == text[7:8]:
        with suppress(ValueError):
            return _plausible(dt.datetime.fromisoformat(text).replace(tzinfo=None, microsecond=0))
    for form, places in FORMS:
        if match := form.fullmatch(text):
            hour, half = int(match[4] or 0), (match[7] or "").lower()
            time = (hour % 12 + 12 * half.startswith("p") if half else hour), int(match[5] or 0), int(match[6] or 0)
            if not places:
                short = bool(YEAR_FIRST_SHORT.fullmatch(text))
                return Open(int(match[1]), int(match[2]), _full_year(match[3]), time, short)
            year, month, day = (match[place] for place in places)
            number = int(month) if month.isdecimal() else MONTH.get(month.lower(), 0)
            return _date(_full_year(year), number, int(day), *time)
    return None


def may_be(date: Date) -> bool:
    """Is it a day of the calendar in some order?"""
    if isinstance(date, Open):
        return any(isinstance(date.on(order), dt.datetime) for order in (True, False))
    return bool(date)


def _date(*parts: int) -> dt.datetime | None:
    with suppress(ValueError):
        return _plausible(dt.datetime(*parts))  # type: ignore[arg-type]
    return None


def _plausible(date: dt.datetime) -> dt.datetime | None:
    return date if EARLIEST <= date.year <= LATEST else None


def _full_year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


@dataclass(frozen=True)
class Proof:
    """What the dates of a column prove: the orders of day and month that occur, and what stands beside them."""

    orders: frozenset[bool]  # True: a day over 12 stands first; False: it stands second
    open: bool  # a text that could be read in both orders
    days: frozenset[int]  # of the dates in no need of an order whose day is not their month

    @property
    def order(self) -> bool | None:
        """True if a day over 12 proves day first, False if it proves month first, None if nothing or both are proven."""
        return next(iter(self.orders)) if len(self.orders) == 1 else None

    @property
    def may_be_swapped(self) -> bool:
        """May the day of each such date have been a month? None is over 12."""
        return 0 < max(self.days, default=0) <= 12

    @property
    def is_reparsed(self) -> bool:
        """Did a program turn those texts into dates that its own order could read, and leave the others?

        Then every text has a day over 12 for the place of a month, and no date has a day over 12: that day was a month.
        """
        return bool(self.orders) and not self.open and self.may_be_swapped


def proof_of(dates: Iterable[Date]) -> Proof:
    """What a column's dates prove of the order of day and month."""
    told = [*dates]
    days = {date.day for date in told if isinstance(date, dt.datetime) and date.day != date.month}
    texts = [date for date in told if isinstance(date, Open) and not date.short and date.first != date.second]
    texts = [date for date in texts if min(date.first, date.second) <= 12]
    over = frozenset(date.first > 12 for date in texts if max(date.first, date.second) > 12)
    return Proof(over, any(max(date.first, date.second) <= 12 for date in texts), frozenset(days))


@dataclass(frozen=True)
class Order:
    """How a date column is read: its order if it is known, whether case.toml is contradicted, whether days and months
    may stand swapped in the cells that are dates already."""

    day_first: bool | None
    is_contradicted: bool = False
    is_swapped: bool = False

    def read(self, date: Date) -> dt.datetime | str:
        """The date, or why there is none: "ambiguous", "swapped" or "unreadable"."""
        if isinstance(date, Open):
            return date.on(self.day_first)
        if date is not None and self.is_swapped and date.day != date.month:
            return "swapped"
        return date or "unreadable"


def orders_of(proofs: Mapping[str, Proof], declared: bool | None) -> dict[str, Order]:
    """The order of every date column of a file: declared, else proven by the column, else by the other columns.

    A declared order that the file contradicts is not followed, and nothing takes its place. Whoever opened a file opened
    all of its columns: together they prove that dates were read anew.
    """
    found = {proof.order for proof in proofs.values()} - {None}
    contradicted = declared is not None and (not declared) in found
    every, of_file = proofs.values(), found.pop() if len(found) == 1 else None
    proven, days = (frozenset[Any]().union(*(getattr(proof, name) for proof in every)) for name in ("orders", "days"))
    together = Proof(proven, any(proof.open for proof in every), days)
    reparsed = together.is_reparsed or any(proof.is_reparsed for proof in every)
    orders = {}
    for name, proof in proofs.items():
        order = of_file if proof.order is None else proof.order
        if declared is not None:
            order = declared if proof.order == declared or (proof.order is None and not contradicted) else None
        orders[name] = Order(order, contradicted and order is None, reparsed and proof.may_be_swapped)
    return orders
