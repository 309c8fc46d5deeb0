"""Cell → date, in an order that is proven or declared, never guessed. (CATALOGUE §6, DOMAIN §5)"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from keyaudit.columns import BLANK_DATES

_TIME = r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}")
NUMERIC = re.compile(rf"(\d{{1,2}})[-/.]\s?(\d{{1,2}})[-/.]\s?(\d{{4}}|\d{{2}}){_TIME}")
DAY_NAMED = re.compile(rf"(\d{{1,2}})[-. /]+([A-Za-z]{{3,9}})[-., /]+(\d{{4}}|\d{{2}}){_TIME}")
MONTH_NAMED = re.compile(rf"([A-Za-z]{{3,9}})[-. ]+(\d{{1,2}})(?:st|nd|rd|th)?[-., ]+(\d{{4}}){_TIME}")
WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]?\s+", re.I)
YEAR_FIRST_SHORT = re.compile(r"\d{2}-\d{2}-\d{2}(?!\d).*")  # 26-05-31 may be a year, a month and a day
FULL_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
)
EARLIEST, LATEST = 2000, 2100  # a key outside these years is a slip


def is_blank(cell: Any) -> bool:
    """Does a cell of a date column say that there is no date?"""
    if isinstance(cell, str):
        text = cell.strip().casefold()
        return text in BLANK_DATES or text.startswith(("0001-01-01", "1/1/0001", "01/01/0001", "01.01.0001"))
    return cell is None or cell is pd.NaT or (isinstance(cell, (dt.date, dt.datetime)) and cell.year == 1)


@dataclass(frozen=True)
class Proof:
    """What the cells of a date column prove: the orders of day and month that occur, and what stands beside them."""

    orders: frozenset[bool] = frozenset()  # True: a day over 12 stands first; False: it stands second
    open: bool = False  # a text that could be read in both orders
    settled: bool = False  # a date in no need of an order whose day and month could be swapped
    settled_over: bool = False  # one that could not: its day is over 12

    @property
    def order(self) -> bool | None:
        """True if a day over 12 proves day first, False if it proves month first, None if nothing or both are proven."""
        return next(iter(self.orders)) if len(self.orders) == 1 else None

    @property
    def is_reparsed(self) -> bool:
        """Did a program turn those texts into dates that its own order could read, and leave the others?

        Then every text has a day over 12 for the place of a month, and no date has a day over 12: that day was a month.
        """
        return bool(self.orders) and not self.open and self.settled and not self.settled_over


def proof_of(cells: Iterable[Any]) -> Proof:
    """What a column's cells prove of the order of day and month."""
    orders, is_open, days = set(), False, set()
    for cell in cells:
        text = WEEKDAY.sub("", cell.strip(), count=1) if isinstance(cell, str) else ""
        if match := NUMERIC.fullmatch(text):
            first, second = int(match[1]), int(match[2])
            if YEAR_FIRST_SHORT.fullmatch(text) or first == second or min(first, second) > 12:
                continue
            if max(first, second) > 12:
                orders.add(first > 12)
            else:
                is_open = True
        elif not is_blank(cell) and isinstance(date := _date(cell, None), dt.datetime) and date.day != date.month:
            days.add(date.day)
    return Proof(frozenset(orders), is_open, bool(days), max(days, default=0) > 12)


def _together(proofs: Iterable[Proof]) -> Proof:
    """What the columns of a file prove as one: whoever opened it opened all of them."""
    proofs = list(proofs)
    return Proof(
        frozenset().union(*(proof.orders for proof in proofs)),
        any(proof.open for proof in proofs),
        any(proof.settled for proof in proofs),
        any(proof.settled_over for proof in proofs),
    )


@dataclass(frozen=True)
class Order:
    """How a date column is read: its order if it is known, whether case.toml is contradicted, whether days and months
    may stand swapped in the cells that are dates already."""

    day_first: bool | None
    is_contradicted: bool = False
    is_swapped: bool = False


def orders_of(proofs: Mapping[str, Proof], declared: bool | None) -> dict[str, Order]:
    """The order of every date column of a file: declared, else proven by the column, else by the other columns.

    A declared order that the file contradicts is not followed, and nothing takes its place.
    """
    found = {proof.order for proof in proofs.values()} - {None}
    contradicted = declared is not None and (not declared) in found
    reparsed = _together(proofs.values()).is_reparsed or any(proof.is_reparsed for proof in proofs.values())
    of_file = next(iter(found)) if len(found) == 1 else None
    orders = {}
    for name, proof in proofs.items():
        if declared is None:
            order = of_file if proof.order is None else proof.order
        else:
            order = declared if proof.order == declared or (proof.order is None and not contradicted) else None
        is_swapped = reparsed and proof.settled and not proof.settled_over
        orders[name] = Order(order, contradicted and order is None, is_swapped)
    return orders


def to_dates(cells: pd.Series, day_first: bool | None, is_swapped: bool = False) -> tuple[pd.Series, pd.Series]:
    """Dates of a column, and what is wrong where a filled cell gave none: "", "ambiguous", "swapped" or "unreadable".

    Time zones are dropped: the date as written is what the export's reader saw. Raises nothing.
    """
    codes, values = pd.factorize(cells, use_na_sentinel=False)
    dates = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[s]")
    wrong = np.full(len(values), "", dtype=object)
    for place, cell in enumerate(values):
        if is_blank(cell) or (not isinstance(cell, str) and pd.isna(cell)):
            continue
        date = _date(cell, day_first)
        if isinstance(date, str):
            wrong[place] = date
        elif is_swapped and _is_settled(cell) and date.day <= 12 and date.day != date.month:
            wrong[place] = "swapped"
        else:
            dates[place] = np.datetime64(date, "s")
    return pd.Series(dates[codes], index=cells.index), pd.Series(wrong[codes], index=cells.index)


def _is_settled(cell: Any) -> bool:
    return not (isinstance(cell, str) and NUMERIC.fullmatch(WEEKDAY.sub("", cell.strip(), count=1)))


def _date(cell: Any, day_first: bool | None) -> dt.datetime | str:
    if isinstance(cell, dt.datetime):
        found = cell.replace(tzinfo=None, microsecond=0)
    elif isinstance(cell, dt.date):
        found = dt.datetime(cell.year, cell.month, cell.day)
    elif isinstance(cell, str):
        parts = _parts(WEEKDAY.sub("", cell.strip(), count=1), day_first)
        if isinstance(parts, str):
            return parts
        try:
            found = dt.datetime(*parts)
        except ValueError:
            return "unreadable"
    else:
        return "unreadable"  # a bare number may be a date of either calendar system
    return found if EARLIEST <= found.year <= LATEST else "unreadable"


def _parts(text: str, day_first: bool | None) -> tuple[int, int, int, int, int, int] | str:
    if match := YEAR_FIRST.fullmatch(text):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    elif match := NUMERIC.fullmatch(text):
        first, second, year = int(match[1]), int(match[2]), _full_year(match[3])
        if day_first is None and YEAR_FIRST_SHORT.fullmatch(text):
            return "ambiguous"
        if day_first is None and first != second:
            return "ambiguous" if min(first, second) <= 12 else "unreadable"
        day, month = (first, second) if day_first else (second, first)
    elif match := DAY_NAMED.fullmatch(text):
        day, month, year = int(match[1]), _month(match[2]), _full_year(match[3])
    elif match := MONTH_NAMED.fullmatch(text):
        month, day, year = _month(match[1]), int(match[2]), int(match[3])
    else:
        return "unreadable"
    hour, minute, second_, half = int(match[4] or 0), int(match[5] or 0), int(match[6] or 0), (match[7] or "").lower()
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return year, month, day, hour, minute, second_


def _full_year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _month(name: str) -> int:
    """The number of an English month, in full or short; 0 for another word."""
    word = name.lower()
    return next(
        (place + 1 for place, full in enumerate(FULL_MONTHS) if word in (full, full[:3]) or word == "sept" == full[:4]),
        0,
    )
