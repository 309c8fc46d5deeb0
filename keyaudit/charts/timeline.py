"""The ground of a chart over time: dates across, counts up, the deadlines as labelled lines. (look/README.md)"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

from keyaudit.charts.sheet import BAND, GRID, INK, LEFT, MUTE, RIGHT, RULE, Sheet, day
from keyaudit.deadlines import Calendar
from keyaudit.facts import Array

DAY = dt.timedelta(days=1)
GAP = 0.08  # inches between a line and its label
ROW = 0.19  # inches from row to row


@dataclass(frozen=True)
class Deadline:
    """A date with the names of all deadlines that fall on it, and where its line stands."""

    date: dt.date
    names: tuple[str, ...]
    x: float


@dataclass(frozen=True)
class Label:
    """Where the label of a deadline goes: right of its line or left, on which level (0 is the lowest), over how much room."""

    deadline: Deadline
    date: str
    is_left: bool
    level: int
    x0: float
    x1: float


class Timeline:
    """Dates from `first` to `last` and counts from 0 to `peak`, on a sheet whose plot ends at `right` (inches)."""

    def __init__(
        self,
        sheet: Sheet,
        calendar: Calendar,
        as_of: dt.date,
        first: dt.date,
        last: dt.date,
        peak: int,
        *,
        right: float = RIGHT,
        headroom: float = 0.3,
    ) -> None:
        self.sheet, self.first, self.last = sheet, first, max(last, first + 14 * DAY)
        steps = ticks(peak)
        self.left = LEFT + max(sheet.width(f"{step:,}", 9) for step in steps) + 0.1
        self.right, self.bottom = right, 0.98 if sheet.note else 0.84
        by_date: dict[dt.date, list[str]] = {}
        for name, date in calendar.deadlines():
            if self.first <= date <= self.last:
                by_date.setdefault(date, []).append(name)
        self.deadlines = [Deadline(date, tuple(names), self.x(date)) for date, names in by_date.items()]
        coming = calendar.next_deadline(as_of)
        self.next = coming[1] if coming else None
        self.top = self._name_deadlines()
        self.peak = max(peak, 1) * (self.top - self.bottom) / (self.top - self.bottom - headroom)
        if calendar.removed < self.last:
            x = self.x(max(calendar.removed, self.first))
            sheet.rectangle(x, self.bottom, right, self.top, BAND, z=0)
        for step in steps:
            y = self.y(step)
            sheet.line([self.left, right], [y, y], RULE if step == 0 else GRID, 0.8, z=1)
            sheet.text(self.left - 0.07, y, f"{step:,}", colour=MUTE, ha="right", va="center")
        self._name_dates()

    def x(self, date: Any) -> Any:
        """Where a date stands; an array of days gives an array."""
        span = (self.last - self.first) / DAY
        if isinstance(date, np.ndarray):
            days = (date.astype("datetime64[D]") - np.datetime64(self.first)).astype(float)
        else:
            days = (date - self.first) / DAY
        return self.left + days / span * (self.right - self.left)

    def y(self, number: Any) -> Any:
        """Where a count stands."""
        return self.bottom + number / self.peak * (self.top - self.bottom)

    def stairs(self, days: Array, numbers: Array, end: dt.date) -> tuple[Array, Array]:
        """The corners of a line that keeps each number until the next day, up to `end`."""
        xs = np.append(self.x(days), self.x(end))
        ys = self.y(np.asarray(numbers, dtype=float))
        return np.repeat(xs, 2)[1:-1], np.repeat(ys, 2)

    # --- deadlines ---

    def _name_deadlines(self) -> float:
        """Draw the deadlines with their labels; returns where the plot begins below them."""
        sheet, ceiling = self.sheet, self.sheet.height - 0.94
        if not self.deadlines:
            return ceiling - 0.1
        labels, in_rows = self._arrange()
        rows = 1 + max(len(item.names) for item in self.deadlines)
        depth = ROW * rows if in_rows else ROW * (1 + max(label.level for label in labels))
        top = ceiling - depth - 0.14
        for label in labels:
            item = label.deadline
            is_next = item.date == self.next
            side: dict[str, Any] = {"ha": "right" if label.is_left else "left", "va": "center"}
            x = item.x + (-GAP if label.is_left else GAP)
            y = ceiling - ROW / 2 if in_rows else ceiling - depth + ROW * (label.level + 0.5)
            reach = ceiling if in_rows else y + ROW / 2
            sheet.line([item.x, item.x], [self.bottom, reach], INK if is_next else RULE, 1.8 if is_next else 1, z=4)
            if in_rows:
                sheet.text(x, y, label.date, bold=True, **side)
                for row, name in enumerate(item.names, 1):
                    sheet.text(x, y - ROW * row, name, size=8.5, colour=MUTE, **side)
            else:
                sheet.text(label.x0, y, label.date, size=8.5, bold=True, va="center")
                sheet.text(label.x1, y, _joined(item), size=8.5, colour=MUTE, ha="right", va="center")
        return top

    def _arrange(self) -> tuple[list[Label], bool]:
        """Side by side with the date above the name; else one row each, as a staircase. Weekdays where there is room."""
        for week in (True, False):
            found = self._fitting(1, week, in_rows=True)
            if found:
                return found, True
        for week in (True, False):
            for levels in range(1, len(self.deadlines) + 1):
                found = self._fitting(levels, week, in_rows=False)
                if found:
                    return found, False
        return [], False  # cannot be: a staircase of four fits on either side

    def _fitting(self, levels: int, week: bool, *, in_rows: bool) -> list[Label]:
        """The first arrangement in which no label touches another, or a line; as many right of their line as can be."""
        options = [
            [self._label(item, is_left, level, week, in_rows) for is_left in (False, True) for level in range(levels)]
            for item in self.deadlines
        ]
        options = [[label for label in ways if label.x0 >= LEFT and label.x1 <= RIGHT] for ways in options]
        arrangements = [labels for labels in product(*options) if _is_in_order(labels)]
        arrangements.sort(key=lambda labels: sum(label.is_left for label in labels))
        return next((list(labels) for labels in arrangements if _is_clear(labels, in_rows)), [])

    def _label(self, item: Deadline, is_left: bool, level: int, week: bool, in_rows: bool) -> Label:
        date, width = day(item.date, week=week), self.sheet.width
        if in_rows:
            wide = max(width(date, 9, True), *(width(name, 8.5) for name in item.names))
        else:
            wide = width(date, 8.5, True) + 0.08 + width(_joined(item), 8.5)
        x0 = item.x - GAP - wide if is_left else item.x + GAP
        return Label(item, date, is_left, level, x0, x0 + wide)

    # --- dates ---

    def _name_dates(self) -> None:
        """At most five dates below the plot; the year under the first and where it changes."""
        year = None
        end = -1.0
        for date in dates(self.first, self.last):
            x, words = self.x(date), day(date)
            half = self.sheet.width(words, 9) / 2
            if x - half < end + 0.1:
                continue
            end = x + half
            self.sheet.line([x, x], [self.bottom - 0.04, self.bottom], RULE, 0.8)
            self.sheet.text(x, self.bottom - 0.2, words, colour=MUTE, ha="center")
            if date.year != year:
                self.sheet.text(x, self.bottom - 0.34, str(date.year), size=7.5, colour=MUTE, ha="center")
            year = date.year


def _joined(item: Deadline) -> str:
    return " · ".join(item.names)


def _is_in_order(labels: tuple[Label, ...]) -> bool:
    """Labels above one another keep the order of their dates: those left of their lines climb, then the others descend."""
    for one, two in pairwise(labels):
        if one.x1 < two.x0:
            continue
        if two.is_left and (not one.is_left or one.level > two.level):
            return False
        if not one.is_left and one.level < two.level:
            return False
    return True


def _is_clear(labels: tuple[Label, ...], in_rows: bool) -> bool:
    """No label on another, and no line through a label: a line ends at the top of its own label."""
    for label in labels:
        for other in labels:
            if other is label:
                continue
            if label.level == other.level and label.x0 < other.x1 + 0.1 and other.x0 < label.x1 + 0.1:
                return False
            crosses = label.x0 - 0.04 < other.deadline.x < label.x1 + 0.04
            if crosses and (in_rows or other.level >= label.level):
                return False
    return True


def ticks(peak: int) -> list[int]:
    """At most five round numbers from 0 up to the peak."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size // 2, 5 * size):
            if step * 5 > peak:
                return list(range(0, peak + 1, step))
        size *= 10


def dates(first: dt.date, last: dt.date) -> list[dt.date]:
    """At most five round dates: the first day and the firsts of months; every week or two in a short span."""
    span = (last - first).days
    if span < 50:
        step = 7 if span < 35 else 14
        return [first + step * DAY * place for place in range(span // step + 1)]
    month = first.year * 12 + first.month - 1 + (first.day > 1)
    months = range(month, last.year * 12 + last.month)
    every = next(size for size in (1, 2, 3, 6, 12, 24, 60, 120, 600, 6000, 60_000) if len(months) <= 5 * size)
    found = [dt.date(number // 12, number % 12 + 1, 1) for number in months if number % every == 0]
    if len(found) < 5 and (not found or (found[0] - first).days > 0.12 * span):
        found = [first, *found]
    return found


def days_of(column: Any) -> Array:
    """Dates as whole days."""
    return np.asarray(column).astype("datetime64[D]")


def later(date: dt.date, days: float) -> dt.date:
    """Some days later (or earlier), within what a calendar can hold."""
    number = min(max(date.toordinal() + round(days), 1), dt.date.max.toordinal())
    return dt.date.fromordinal(number)
