"""What would still work on each day, if nothing changes; after the removal, what stopped. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from keyaudit.charts.sheet import FILL, INK, NOTHING, PALE, Chart, Sheet, day, drawn
from keyaudit.charts.timeline import Timeline, days_of, later
from keyaudit.facts import Array
from keyaudit.reconciliation import Reconciliation

# Keys whose codes learners hold, or may hold, and have not used up.
IN_HANDS = ("undetermined", "duplicate", "wrong_course", "migrated", "altered", "missing", "lapsed", "to_migrate")
BY_COURSE_KEY = ("duplicate", "wrong_course", "migrated")
NEVER, FOREVER = np.datetime64("NaT", "D"), np.datetime64("9999-12-31", "D")


@dataclass(frozen=True)
class Codes:
    """The codes in learners' hands: on which days each works, and by what."""

    start: Array  # the first day it works (blank: since ever)
    until: Array  # the first day it no longer works (FOREVER: no end)
    by_course_key: Array
    known: Array  # False: the exports do not tell whether it works
    dead: Array  # it does not work, and since when is not known

    def __len__(self) -> int:
        return len(self.until)

    def working(self, days: Array, mask: Array) -> Array:
        """How many of a mask work on each day."""
        start, until = np.sort(self.start[mask & ~np.isnat(self.start)]), np.sort(self.until[mask])
        late = len(start) - np.searchsorted(start, days, side="right")
        return int(mask.sum()) - np.searchsorted(until, days, side="right") - late

    def table(self, bands: dict[str, Array], days: Array) -> pd.DataFrame:
        """How many of each band work on each day, and how many of all do not."""
        table = pd.DataFrame({name: self.working(days, mask) for name, mask in bands.items()})
        table["not_working"] = len(self) - table.sum(axis=1)
        table.insert(0, "date", days.astype("datetime64[s]"))
        return table


def _codes(audit: Reconciliation) -> Codes:
    """The codes in learners' hands, each by the place that decides whether it works. (CATALOGUE §3, works_until)"""
    keys = audit.keys
    held = (keys["status"].isin(IN_HANDS) & (keys["works"] != "used")).to_numpy()
    keys, starts = keys[held], days_of(audit.dates()["starts_on"])[held]
    status, works = keys["status"], keys["works"]
    by_course_key = (status.isin(BY_COURSE_KEY)).to_numpy()
    removed = np.datetime64(audit.calendar.removed)
    in_pool = np.fmin(days_of(keys["pool_expires_on"]), removed)
    stays = (status == "duplicate").to_numpy() & (works == "yes").to_numpy()
    own = np.where(stays, days_of(keys["works_until"]), days_of(keys["course_key_expires_on"]))
    until = np.where(by_course_key, np.where(np.isnat(own), FOREVER, own), in_pool)
    until = np.where((status == "undetermined").to_numpy(), FOREVER, until)  # it may be a course key
    start = np.where((works == "not_yet").to_numpy(), starts, NEVER)
    gone = (keys["in_now"] == "no").to_numpy() & ~by_course_key
    dead = gone | ((works == "no").to_numpy() & (until > np.datetime64(audit.as_of)))
    known = (works != "unknown").to_numpy()
    return Codes(start, until, by_course_key, known, dead & known)


@drawn
def outlook(audit: Reconciliation) -> Chart:
    """What would still work? Codes in learners' hands that work on each day if nothing changes; afterwards, what stopped."""
    codes, calendar, as_of = _codes(audit), audit.calendar, audit.as_of
    is_over, total = as_of >= calendar.removed, len(codes)
    first, final = calendar.announced_on if is_over else as_of, max(calendar.removed, as_of)
    last = later(final, max(21, 0.3 * (final - first).days))
    sure = codes.known & ~codes.dead
    bands = {
        "by_course_key": sure & codes.by_course_key,
        "by_pool": sure & ~codes.by_course_key,
        "not_known": ~codes.known,
    }
    at_removal = codes.table(bands, days_of([calendar.removed])).iloc[0]
    subtitle = "Unredeemed keys that learners hold or may hold: how many "
    subtitle += "worked on each day" if is_over else "work on each day, if nothing changes"
    sheet = Sheet(audit, _outlook_title(audit, total, at_removal), subtitle)
    time = Timeline(sheet, calendar, as_of, first, last, total, right=7.3)
    edges = days_of([time.first, *(item.date for item in time.deadlines), as_of])
    days = np.unique(np.concatenate([edges, codes.start, codes.until]))
    data = codes.table(bands, days[(days >= np.datetime64(time.first)) & (days < np.datetime64(time.last))])
    if not total:
        return sheet.chart("outlook", data)
    _draw_bands(sheet, time, data, as_of if is_over else None, total)
    _tell_outcome(sheet, time, codes, bands, audit)
    words, y = f"{total:,} open {'code' if total == 1 else 'codes'}", time.y(total) + 0.08
    sheet.place(words, [(time.left + dx, y, "left", "bottom") for dx in (0.06, 0.5, 1, 2, 3, 4)], bold=True, back=True)
    end = data.iloc[-1]
    more = (
        f"On {day(end['date'].date())}: {end['by_course_key']:,} by course key, {end['by_pool']:,} by pool, "
        f"{end['not_known']:,} not known, {end['not_working']:,} not working."
    )
    return sheet.chart("outlook", data, more)


def _outlook_title(audit: Reconciliation, total: int, at_removal: pd.Series) -> str:
    removed = day(audit.calendar.removed)
    alive, unsure = int(at_removal["by_course_key"] + at_removal["by_pool"]), int(at_removal["not_known"])
    if not total:
        return "No open code is in learners' hands" if len(audit.keys) else NOTHING
    noun = "open code" if total == 1 else "open codes"
    if audit.as_of < audit.calendar.removed:
        if total == 1:
            would = "may still" if unsure else "would still" if alive else "would no longer"
            return f"On {removed}, the 1 open code {would} work"
        if unsure:
            return f"On {removed}, at least {alive:,} of {total:,} {noun} would work"
        return f"On {removed}, {alive:,} of {total:,} {noun} would still work"
    stopped = total - alive - unsure
    return f"{'At least ' if unsure else ''}{stopped:,} of {total:,} {noun} stopped by {removed}"


def _draw_bands(sheet: Sheet, time: Timeline, data: pd.DataFrame, known_to: dt.date | None, total: int) -> None:
    """The bands, each on the one before; hatched what no longer works; pale after the as-of date."""
    colours = {"by_course_key": FILL["works"], "by_pool": FILL["todo"], "not_known": PALE["nothing"]}
    days = data["date"].to_numpy().astype("datetime64[D]")
    floor = np.zeros(len(data))
    top = np.full(2 * len(data), time.y(total))
    for name, colour in colours.items():
        upper = floor + data[name].to_numpy()
        xs, high = time.stairs(days, upper, time.last)
        _, low = time.stairs(days, floor, time.last)
        sheet.area(xs, low, high, colour, z=1)
        floor = upper
    sheet.lines(_hatch(xs, high, float(top[0])), "#D9A583", 0.8)
    sheet.line([time.left, time.right], [top[0], top[0]], INK, 1.2, (0, (2, 2)))
    sheet.line(xs, high, INK, 1.8)
    if known_to:
        x = time.x(known_to)
        sheet.veil(x, time.bottom, time.right, top[0] + 0.02)
        sheet.line([x, x], [time.bottom, time.top], INK, 1.4, (0, (2, 2)), z=4.5)
        spots = [(x + way * 0.08, top[0] + 0.08, ha, "bottom") for way, ha in ((1, "left"), (-1, "right"))]
        sheet.place(f"as of {day(known_to)}", spots, bold=True, back=True)


def _hatch(xs: Array, low: Array, high: float, gap: float = 0.09) -> list[list[tuple[float, float]]]:
    """Diagonal lines over what lies between a falling line of steps and a level."""
    lines = []
    for (x0, x1), (y0, y1) in zip(pairwise(xs), pairwise(low), strict=True):
        if x1 - x0 < 1e-9 or y0 != y1 or high - y0 < 1e-9:
            continue
        first, last = np.ceil((x0 - high) / gap), np.floor((x1 - y0) / gap)
        for offset in np.arange(first, last + 1) * gap:  # the line y = x - offset
            a, b = max(x0, y0 + offset), min(x1, high + offset)
            if b > a:
                lines.append([(a, a - offset), (b, b - offset)])
    return lines


def _tell_outcome(sheet: Sheet, time: Timeline, codes: Codes, bands: dict[str, Array], audit: Reconciliation) -> None:
    """What becomes of the codes, beside the plot and in its order: the numbers add up to all open codes."""
    as_of, removed, end = (np.datetime64(d) for d in (audit.as_of, audit.calendar.removed, time.last))
    is_over = as_of >= removed
    course, sure = bands["by_course_key"], ~bands["not_known"]
    alive = int((course & (codes.until > end)).sum())
    ending = codes.until[course & (codes.until <= end)]
    if is_over:
        past, coming = ending[(ending > removed) & (ending <= as_of)], ending[ending > as_of]
        stopped = int(sure.sum()) - alive - len(past) - len(coming)
        told = [
            (alive, f"still work on {day(time.last)}", "works"),
            (len(coming), f"reach their own expiry{_when(coming)}", "done"),
            (len(past), f"reached their own expiry{_when(past)}", "done"),
            (stopped, f"stopped by {day(audit.calendar.removed)}", "todo"),
        ]
    else:
        told = [
            (alive, f"still work on {day(time.last)}", "works"),
            (len(ending), f"reach their own expiry{_when(ending)}", "done"),
            (int(bands["by_pool"].sum()), "stop with their pool unless migrated", "todo"),
            (int(codes.dead.sum()), "do not work now", "dead"),
        ]
    told.insert(3, (int(bands["not_known"].sum()), "may work: not known", "nothing"))
    told = [(number, _one(words) if number == 1 else words, family) for number, words, family in told if number]
    sheet.column(time.right + 0.14, time.bottom + 0.02, time.top, told)


def _when(ends: Array) -> str:
    """`on 30 Jun`, or `by` it where they end on several days."""
    return f" {'on' if ends.min() == ends.max() else 'by'} {day(ends.max().item())}" if len(ends) else ""


def _one(words: str) -> str:
    """The sentence about one code."""
    for many, single in (
        ("still work", "still works"),
        ("reach ", "reaches "),
        ("stop ", "stops "),
        ("do not", "does not"),
        ("their", "its"),
    ):
        words = words.replace(many, single)
    return words
