"""Will we make it? Keys left to migrate per day, the pace that is needed and the pace that was kept. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from keyaudit.charts.sheet import FILL, INK, NOTHING, PALE, RIGHT, WORD, Chart, Sheet, are, day, drawn, plain
from keyaudit.charts.timeline import DAY, Timeline, days_of, later
from keyaudit.deadlines import count
from keyaudit.facts import Array
from keyaudit.reconciliation import Reconciliation

# Unredeemed keys of a pool that are not course keys, and are owed to somebody.
LEFT = ("to_migrate", "lapsed", "altered", "missing")
NOT_COUNTED = ("undetermined", "undistributed", "expired")


@dataclass(frozen=True)
class Progress:
    """What is left on the as-of date, and how it became so."""

    as_of: dt.date
    left: int
    named: str  # the same by status
    is_known: bool  # False: no course-key export was given, so a key counts as left until one shows it
    days: Array  # the days on which the count changed, from the start of the chart; empty: only today's count is known
    counts: Array  # the count from each of these days on
    undated: int  # keys that left the count on a day that is not known
    week: int  # keys that left it in the last seven days
    target: dt.date  # the last day on which the rest can be done
    can_migrate: bool

    def at_pace(self, date: dt.date) -> float:
        """How many would be left on a day at last week's pace."""
        return max(0.0, self.left - self.week / 7 * (date - self.as_of).days)

    @property
    def needed(self) -> str:
        """The pace that is needed, in words."""
        days = (self.target - self.as_of).days
        if self.left > days > 1:
            return f"needed: {count(-(-self.left // days))} a day until {day(self.target)}"
        return f"needed: {f'all {self.left:,}' if self.left > 1 else '1 key'} by {day(self.target)}"


def _progress(audit: Reconciliation) -> Progress:
    calendar, as_of, number = audit.calendar, audit.as_of, audit.statuses
    is_known = "course_keys" in set(audit.sources["role"])
    owed = LEFT if is_known else (*LEFT, "undetermined")
    left = sum(number[code] for code in owed)
    facts = audit.dates()
    went = (audit.keys["pool"].notna() & ~audit.keys["status"].isin((*owed, *NOT_COUNTED))).to_numpy()
    day_left = np.fmin(days_of(facts["redeemed_at"]), days_of(facts["recreated_at"]))[went]
    dated = np.sort(np.minimum(day_left[~np.isnat(day_left)], np.datetime64(as_of)))
    first = np.datetime64(min(calendar.announced_on, later(as_of, -28)))
    days = counts = np.array([], dtype="datetime64[D]")
    if is_known and (dated > first).any():
        days = np.unique(np.concatenate([[first], dated[dated > first], [np.datetime64(as_of)]]))
        counts = left + len(dated) - np.searchsorted(dated, days, side="right")
    return Progress(
        as_of,
        left,
        ", ".join(f"{number[code]:,} {plain(code)}" for code in owed if number[code]),
        is_known,
        days,
        counts,
        int(went.sum()) - len(dated),
        int((dated > np.datetime64(later(as_of, -7))).sum()),
        calendar.last_day_to_migrate(as_of),
        as_of < calendar.read_only and left > 0,
    )


@drawn
def keys_left(audit: Reconciliation) -> Chart:
    """Will we make it? Keys left to migrate per day, the pace that is needed and the pace that was kept.

    A key left the count on the day it was redeemed or recreated; keys that left on an unknown day are stated, not drawn.
    """
    p, removed = _progress(audit), audit.calendar.removed
    has_past = bool(len(p.days))
    subtitle = "Unredeemed pool keys that are not course keys" + (f": {p.named}" if p.named else "")
    subtitle += "" if p.is_known else "; no course-key export was given"
    note = f"Not in the line: {count(p.undated)} that left on an unknown date." if p.undated and has_past else ""
    sheet = Sheet(audit, _title(audit, p), subtitle, note=note)
    first = p.days[0].item() if has_past else later(p.as_of, -0.06 * max((removed - p.as_of).days, 28))
    final = max(removed, p.as_of)
    last = later(final, max(10, 0.14 * (final - first).days))
    time = Timeline(sheet, audit.calendar, p.as_of, first, last, max([p.left, *p.counts[:1]]))
    x, y, x1 = time.x(p.as_of), time.y(p.left), time.x(p.target)
    if has_past:
        xs, ys = time.stairs(p.days, p.counts, p.as_of)
        sheet.area(xs, np.full(len(xs), time.bottom), ys, PALE["todo"], z=0.5)
        sheet.line(xs, ys, FILL["todo"], 2.4)
        sheet.avoid(xs, ys)
    if p.can_migrate:
        sheet.line([x, x1], [y, time.bottom], INK, 1.6, (0, (1, 1.6)))
        sheet.avoid([x, x1], [y, time.bottom])
    if p.can_migrate and has_past:
        _project(sheet, time, p)
    sheet.point(x, y, FILL["todo"])
    spots = [(x - 0.14, y - 0.1, "right", "top"), (x + 0.14, y + 0.1, "left", "bottom")]
    spots += [
        (x - 0.14, y + 0.1, "right", "bottom"),
        (x + 0.14, y - 0.1, "left", "top"),
        (x, y + 0.14, "center", "bottom"),
    ]
    spots = [spot for spot in spots if spot[3] == "bottom" or y > time.bottom + 0.6]
    sheet.place(f"{p.left:,} left\n({day(p.as_of)})", spots, size=10, colour=WORD["todo"], bold=True, back=not has_past)
    if has_past:
        x0, y0 = time.left, time.y(p.counts[0])
        spots = [
            (x0 + 0.04, y0 + 0.11, "left", "bottom"),
            (x0 + 0.04, y0 - 0.11, "left", "top"),
            (x0 + 0.6, y0 + 0.11, "left", "bottom"),
        ]
        sheet.place(f"{p.counts[0]:,} on {day(first)}", spots, colour=WORD["todo"], back=True)
    if p.can_migrate:
        low = time.bottom + 0.08
        spots = [(x1 + dx, low, "left", "bottom") for dx in (0.1, 0.5, 0.9, 1.3, 1.7, 2.3, 3)]
        sheet.place(p.needed, [*spots, (x1 - 0.1, low, "right", "bottom"), (RIGHT, low, "right", "bottom")], back=True)
    return sheet.chart("keys_left", _data(p), *_sentences(p))


def _project(sheet: Sheet, time: Timeline, p: Progress) -> None:
    """Draw last week's pace on into the future."""
    missed = round(p.at_pace(p.target))
    until = min(time.last, later(p.as_of, p.left / p.week * 7)) if p.week else time.last
    xs, ys = [time.x(p.as_of), time.x(until)], [time.y(p.left), time.y(p.at_pace(until))]
    sheet.line(xs, ys, FILL["todo"], 1.8, (0, (4, 2.2)))
    sheet.avoid(xs, ys)
    pace = f"{p.week / 7:,.0f}" if p.week % 7 == 0 or p.week > 70 else f"{p.week / 7:.1f}"
    fate = (
        f"{count(missed)} {'misses' if missed == 1 else 'miss'} {day(p.target)}"
        if missed
        else f"all done by {day(until)}"
    )
    x, y = time.x(p.target), time.y(p.at_pace(p.target))
    if missed and p.target > p.as_of:
        sheet.point(x, y, FILL["todo"], hollow=True)
    heights = ((0.12, "bottom"), (-0.12, "top"), (0.3, "bottom"), (0.6, "bottom"), (-0.4, "top"))
    spots = [(x + dx, y + dy, "left", va) for dy, va in heights for dx in (0.16, 0.5, 1.0, 1.6)]
    spots += [(RIGHT, time.top - down, "right", "top") for down in (0.1, 0.7)]
    sheet.place(f"at last week's pace ({pace} a day)\n{fate}", spots, colour=WORD["todo"], back=True)


def _data(p: Progress) -> pd.DataFrame:
    """The points of the lines: what is known, what is needed, and last week's pace drawn on."""
    rows = [(date, number, "known") for date, number in zip(p.days, p.counts, strict=True)]
    today, target = np.datetime64(p.as_of), np.datetime64(p.target)
    rows = rows or [(today, p.left, "today")]
    if p.can_migrate:
        rows += [(today, p.left, "needed"), (target, 0, "needed")]
    if p.can_migrate and len(p.days):
        rows += [(today, p.left, "at last week's pace"), (target, round(p.at_pace(p.target)), "at last week's pace")]
    data = pd.DataFrame(rows, columns=["date", "left", "kind"])
    return data.astype({"date": "datetime64[s]", "left": "int64"})


def _sentences(p: Progress) -> list[str]:
    said = [f"{p.named}."] if p.named else []
    if p.can_migrate:
        said.append(f"{p.needed[0].upper()}{p.needed[1:]}.")
    if p.can_migrate and len(p.days):
        said.append(f"Last week: {count(p.week)} in 7 days; at that pace {round(p.at_pace(p.target)):,} would be left.")
    if len(p.days) and p.undated:
        said.append(f"{count(p.undated)} left on an unknown date.")
    return said


def _title(audit: Reconciliation, p: Progress) -> str:
    calendar, as_of, left = audit.calendar, p.as_of, p.left
    if not left:
        return "No key is left to migrate" if len(audit.keys) else NOTHING
    was = "was" if left == 1 else "were"
    if as_of >= calendar.removed and not p.is_known:
        return f"{count(left)} {are(left)} not known to be migrated"
    if as_of >= calendar.removed:
        return f"{count(left)} {was} not migrated before the pools were removed"
    if as_of >= calendar.read_only:
        return f"{count(left)} {was} not migrated before pools became read-only"
    if as_of > calendar.migrate_by:
        return f"{count(left)} {are(left)} not migrated, {count((as_of - calendar.migrate_by) // DAY, 'day')} after the deadline"
    days = (calendar.migrate_by - as_of).days
    when = f"{count(days, 'day')} {are(days)} left" if days else "today is the last day"
    return f"{count(left)} {are(left)} not migrated, and {when}"
