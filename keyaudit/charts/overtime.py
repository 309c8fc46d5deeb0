"""Charts over time: what is redeemed, what is left to migrate, what would still work. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import numpy as np

from keyaudit.audit import Audit
from keyaudit.calendar import DAY
from keyaudit.charts.paint import BAND, FILL, GRID, INK, MUTE, PALE, PAPER, RULE, WORD, Points, widest, width
from keyaudit.charts.sheet import LEFT, NOTHING, RIGHT, Chart, Sheet, around, day
from keyaudit.coded import Array
from keyaudit.rulebook import FAMILIES, STATUSES
from keyaudit.tallies import BANDS, by_family, open_codes, redeemed_on, working
from keyaudit.verdicts import W_NO, W_UNKNOWN
from keyaudit.words import agree, are, count, plain, sentence

# How a key was redeemed: column of the data, words for one key and for many, colour. The undated follow the dated.
REDEEMED = {
    "in_pools": ("in its pool", "in their pool", FILL["done"]),
    "as_course_keys": ("as a course key", "as course keys", WORD["done"]),
    "in_pools_undated": ("in its pool, undated", "in pools, undated", PALE["done"]),
    "as_course_keys_undated": ("as a course key, undated", "course keys, undated", PALE["done"]),
}
REST = ("nothing", "done", "works", "unknown", "check", "dead", "todo")  # families, from the bottom up
DASHED = (2.4, 2.4)
ROW = 0.19  # inches from label to label


class Timeline:
    """Dates from `first` to some time after the removal (and the audit), and counts from 0 to `peak`, up to `right`."""

    def __init__(self, sheet: Sheet, audit: Audit, first: dt.date, peak: int, right: float, after: float):
        self.sheet, self.first, calendar = sheet, first, audit.calendar
        final = max(calendar.removed, audit.as_of)
        self.last = max(later(final, max(14, after * (final - first).days)), later(first, 14))
        self.right, self.bottom = right, 0.98 if sheet.note else 0.84
        self.left = LEFT + widest([f"{step:,}" for step in ticks(peak)], 9) + 0.1
        self.deadlines: dict[dt.date, list[str]] = {}  # with the names of all that fall on a day
        for name, date in calendar.deadlines():
            if self.first <= date <= self.last:
                self.deadlines.setdefault(date, []).append(name)
        self.top = self._name_deadlines(calendar.next_deadline(audit.as_of))
        self.scale = (self.top - self.bottom - 0.3) / max(peak, 1)
        if calendar.removed < self.last:
            sheet.fill([(self.x(max(calendar.removed, first)), self.bottom, right, self.top)], BAND, z=0)
        for step in ticks(peak):
            y = self.y(step)
            sheet.line([(self.left, y), (right, y)], GRID if step else RULE, 0.8, z=0.5 if step else 1)
            sheet.text(self.left - 0.07, y, f"{step:,}", "right", "center", colour=MUTE)
        year, end = 0, -1.0
        for date in dates(first, self.last):
            x, half = self.x(date), width(day(date), 9) / 2
            if x - half > end + 0.1:
                sheet.line([(x, self.bottom - 0.04), (x, self.bottom)], RULE, 0.8)
                sheet.text(x, self.bottom - 0.2, day(date), "center", colour=MUTE)
                told = str(date.year) if date.year != year else ""
                sheet.text(x, self.bottom - 0.34, told, "center", size=7.5, colour=MUTE)
                year, end = date.year, x + half

    def x(self, date: dt.date) -> float:
        """Where a date stands."""
        return self.left + (date - self.first) / (self.last - self.first) * (self.right - self.left)

    def y(self, number: Any) -> Any:
        """Where a count stands."""
        return self.bottom + number * self.scale

    def stairs(self, days: Array, numbers: Array, end: dt.date) -> Points:
        """The corners of a line that keeps each number until the next day, up to `end`."""
        xs = np.repeat([self.x(date) for date in (*days.tolist(), end)], 2)[1:-1]
        return list(zip(xs.tolist(), np.repeat(self.y(numbers), 2).tolist(), strict=True))

    def bands(self, days: Array, parts: Iterable[tuple[Array, str]], end: dt.date) -> None:
        """Numbers in their colours, each on the ones before, in a rectangle a step."""
        floor = np.zeros(len(days), dtype=np.int64)
        for numbers, colour in parts:
            low, high = self.stairs(days, floor, end), self.stairs(days, floor + numbers, end)
            boxes = [(*a, *b) for a, b in zip(low[::2], high[1::2], strict=True) if a[0] < b[0] and a[1] < b[1]]
            self.sheet.fill(boxes, colour, z=0.6)
            floor = floor + numbers

    def rungs(self, parts: Iterable[tuple[int, str, str, str]]) -> tuple[list[tuple[float, str, str, bool]], list[str]]:
        """Labels for numbers that stand on each other, with a fill as a column beside the plot; and their words."""
        rungs, low, x = [], 0, self.right + 0.2
        for number, words, colour, fill in parts:
            if number:
                y0, y1 = self.y(low), self.y(low + number)
                self.sheet.fill([(x, y0, x + 0.17, max(y1 - 0.012, y0 + 0.008))] if fill else [], fill)
                rungs.append(((y0 + y1) / 2, f"{number:,} {words}", colour, False))
                low += number
        return rungs, [words for _, words, _, _ in rungs]

    def _name_deadlines(self, coming: tuple[str, dt.date] | None) -> float:
        """Draw the deadlines, their labels so low that none covers a line that goes up; returns the top of the plot."""
        ceiling, at = self.sheet.height - 0.94, [self.x(date) for date in self.deadlines]
        told = [(day(date, week=True), " · ".join(names)) for date, names in self.deadlines.items()]
        wide = [width(date, 8.5, True) + 0.09 + width(names, 8.5) for date, names in told]
        left = [min(x + 0.08, RIGHT - room) for x, room in zip(at, wide, strict=True)]
        levels = [0] * len(at)
        for place in reversed(range(len(at))):
            end = max(at[place], left[place] + wide[place]) + 0.12
            above = [levels[n] + 1 for n in range(place + 1, len(at)) if min(at[n], left[n]) < end]
            levels[place] = max(above, default=0)
        bottom = ceiling - ROW * (max(levels, default=-1) + 1)
        for place, (date, (words, names)) in enumerate(zip(self.deadlines, told, strict=True)):
            x, x0, x1, y = at[place], left[place], left[place] + wide[place], bottom + ROW * (levels[place] + 0.5)
            colour, pen = (INK, 1.8) if coming and coming[1] == date else (RULE, 1)
            self.sheet.line([(x, self.bottom), (x, y + ROW / (2 if x < x0 else -2))], colour, pen, z=4)
            self.sheet.fill([(x0 - 0.03, y - 0.08, x1 + 0.03, y + 0.08)] if x0 < x else [], PAPER, z=5)
            self.sheet.text(x0, y, words, va="center", size=8.5, bold=True)
            self.sheet.text(x1 - width(names, 8.5), y, names, va="center", size=8.5, colour=MUTE)
        return bottom - 0.1


def ticks(peak: int) -> list[int]:
    """At most five round numbers from 0 up to the peak."""
    sizes = (10**power * step // 2 for power in range(19) for step in (2, 4, 5, 10))
    return list(range(0, peak + 1, next(size for size in sizes if size * 5 > peak)))


def dates(first: dt.date, last: dt.date) -> list[dt.date]:
    """At most five round dates: the first day and the firsts of months; every week or two in a short span."""
    span = (last - first).days
    if span < 50:
        return [first + DAY * days for days in range(0, span + 1, 7 if span < 35 else 14)]
    months = range(first.year * 12 + first.month - 1 + (first.day > 1), last.year * 12 + last.month)
    every = next(size for size in (1, 2, 3, 6, 12, 24, 60, 120, 600, 6000, 60_000) if len(months) <= 5 * size)
    found = [dt.date(number // 12, number % 12 + 1, 1) for number in months if number % every == 0]
    is_late = not found or (found[0] - first).days > 0.12 * span
    return [first, *found] if len(found) < 5 and is_late else found


def later(date: dt.date, days: float) -> dt.date:
    """Some days later (or earlier), within what a calendar can hold."""
    return dt.date.fromordinal(min(max(date.toordinal() + round(days), 1), dt.date.max.toordinal()))


def redemptions(audit: Audit) -> Chart:
    """How far are the learners? Pool keys redeemed up to each day, in their pools and as course keys, and what remains.

    A redemption without a date is counted and drawn pale where it may have happened, never put on a day.
    """
    f, as_of, today = audit.facts, audit.as_of, np.datetime64(audit.as_of)
    on, made = (np.minimum(days.astype("datetime64[D]"), today) for days in (redeemed_on(f), f.recreated_at))
    in_pool, used, dated = f.in_pool & f.redeemed, f.in_pool & ~f.redeemed & f.used, ~np.isnat(on)
    is_done = in_pool | used
    total, done, undated = int(f.in_pool.sum()), int(is_done.sum()), int((is_done & ~dated).sum())
    two_months = later(min(audit.calendar.announced_on, as_of), -60)  # before the announcement
    first = min(later(as_of, -28), max(two_months, np.minimum.reduce(on[is_done & dated], initial=today).item()))
    begun = np.datetime64(first)
    since = np.where(dated, on, np.where(used & ~np.isnat(made), made, begun))
    masks = (in_pool & dated, used & dated, in_pool & ~dated, used & ~dated)
    turn = np.maximum((since - begun).astype(np.int64), 0)
    each = [np.bincount(turn[mask], minlength=(as_of - first).days + 1) for mask in masks]
    reached_on = dict(zip(REDEEMED, np.cumsum(each, axis=1), strict=True))
    told = "Pool keys that learners have redeemed up to each day, in their pool or as a course key"
    note = f"Pale: {undated:,} redeemed on a date that is not known; nothing is guessed." if undated else ""
    how = " known to be" if f.redemption_hidden.any() else ""
    sheet = Sheet(audit, _redeemed_title(total, done, how) if audit.total else NOTHING, told, note=note)
    time = Timeline(sheet, audit, first, total, right=6.5, after=0.1)
    edges = [0, *((date - first).days for date in (*time.deadlines, as_of) if first <= date <= as_of)]
    turns = np.union1d(edges, np.flatnonzero(np.sum(each, axis=0)))
    days, numbers = begun + turns, {name: reached[turns] for name, reached in reached_on.items()}
    sums = np.sum(list(numbers.values()), axis=0)
    data = {"date": days.astype("datetime64[s]")} | numbers | {"all_redeemed": sums, "not_redeemed": total - sums}
    if not total:
        return sheet.chart(data)

    time.bands(days, [(numbers[name], REDEEMED[name][2]) for name in REDEEMED], as_of)
    sheet.line(time.stairs(days, sums, as_of), WORD["done"], 2, avoid=True)
    x, y, top = time.x(as_of), time.y(done), time.y(total)
    sheet.line([(time.left, top), (time.right, top)], INK, 1.2, dash=DASHED)
    sheet.line([(x, time.bottom), (x, top)], INK, 1.2, z=4, dash=DASHED)
    sheet.point(x, y, WORD["done"])
    sheet.place(count(total, "pool key"), around(time.left, top, "NE"), bold=True)
    sheet.place(f"{done:,} redeemed\nby {day(as_of)}", around(x, y, "NW SW NE SE"), 10, True, WORD["done"])
    former = 0
    for date in (first, *(date for date in time.deadlines if date < as_of)):
        reached = int(sums[np.searchsorted(days, np.datetime64(date), side="right") - 1])
        spots = around(time.x(date), time.y(reached), "NE" if date == first else "NW")[:3]
        if date > first:
            sheet.point(time.x(date), time.y(reached), WORD["done"], size=5)
        if reached != former:
            sheet.place(f"{reached:,} by {day(first)}" if date == first else f"{reached:,}", spots, colour=WORD["done"])
        former = reached

    left, whole = f.in_pool & ~is_done, by_family(f)[0][1]
    rest = next((counts for key, counts in by_family(f, left) if left[key]), dict.fromkeys(FAMILIES, 0))
    ends = [(int(numbers[name][-1]), row) for name, row in REDEEMED.items()]  # of a column of all keys, to scale
    redeemed = [(number, row[number != 1], WORD["done"], row[2]) for number, row in ends]
    waiting = [(rest[n], _of(rest[n], whole[n], FAMILIES[n][2]), WORD[n], FILL[n]) for n in REST]
    rungs, said = time.rungs([*redeemed, *waiting])
    for at, number, words in ((done, done, "redeemed in all"), (total, total - done, "not redeemed")):
        rungs += [(time.y(at) + 0.001, f"{number:,} {words}", INK, True)] * (number > 0)
    sheet.ladder(time.right + 0.52, time.bottom - 0.2, time.top, rungs)
    return sheet.chart(data, f"{', '.join(said)}.")


def _of(number: int, whole: int, words: str) -> str:
    """Words that other views say of all keys; of how many, where these are not all."""
    return words if number == whole else f"of {whole:,} {words}"


def _redeemed_title(total: int, done: int, how: str) -> str:
    if not total:
        return "No key is in a pool"
    if done in (0, total):
        every = "The 1 pool key is" if total == 1 else f"{'All' if done else 'None of'} {total:,} pool keys are"
        return f"{every}{'' if done or total > 1 else ' not'}{how} redeemed"
    return f"{done:,} of {total:,} pool keys {are(done)}{how} redeemed, {total - done:,} {are(total - done)} not"


def keys_left(audit: Audit) -> Chart:
    """Will we make it? Keys left to migrate per day, the pace that is needed and the pace that was kept.

    A key left the count on the day it was redeemed or recreated; those whose day is not known are not drawn.
    """
    f, calendar, as_of, today = audit.facts, audit.calendar, audit.as_of, np.datetime64(audit.as_of)
    is_known = bool(f.course_keys_given)  # without that export a key counts as left until one shows it
    owed = {code: row.left or (row.works_by == "none" and not is_known) for code, row in STATUSES.items()}
    nobodys = [row.works_by == "none" or row.family == "nothing" for row in STATUSES.values()]
    is_owed = np.array(list(owed.values()))[f.status]
    left, accepted = int((is_owed & ~f.excused).sum()), int((is_owed & f.excused).sum())
    named = ", ".join(f"{number:,} {plain(code)}" for code, number in audit.statuses.items() if owed[code] and number)
    named += f"; {accepted:,} of them accepted" if accepted else ""
    went = f.in_pool & ~is_owed & ~np.array(nobodys)[f.status]
    gone_on = np.fmin(redeemed_on(f), f.recreated_at.astype("datetime64[D]"))[went]
    dated = np.sort(np.minimum(gone_on[~np.isnat(gone_on)], today))
    undated, week = int(went.sum()) - len(dated), int(np.isin((today - gone_on).astype(int), range(7)).sum())
    first = np.datetime64(min(calendar.announced_on, later(as_of, -28)))
    has_past = is_known and bool((dated > first).any())
    days = np.unique(np.concatenate([[first], dated[dated > first], [today]])) if has_past else np.array([today])
    counts = left + len(dated) - np.searchsorted(dated, days, side="right")

    told = "Unredeemed pool keys that are not course keys" + (f": {named}" if named else "")
    told += "" if is_known else "; no course-key export was given"
    note = f"Not in the line: {count(undated)} that left on a date not known." if undated and has_past else ""
    sheet = Sheet(audit, _left_title(audit, left, is_known), told, note=note)
    start = later(as_of, -0.06 * max((calendar.removed - as_of).days, 28))
    start = first.item() if has_past or as_of >= calendar.removed else start
    time = Timeline(sheet, audit, start, int(counts.max()), RIGHT, after=0.14)
    x, y = time.x(as_of), time.y(left)
    rows = [(*row, "known" if has_past else "today") for row in zip(days, counts.tolist(), strict=True)]
    said = [f"{named}." if named else ""]
    if has_past:
        time.bands(days, [(counts, PALE["todo"])], as_of)
        sheet.line(time.stairs(days, counts, as_of), FILL["todo"], 2.4, avoid=True)
    sheet.point(x, y, FILL["todo"])
    if as_of < calendar.read_only and left:
        target = calendar.last_day_to_migrate(as_of)
        ahead, end = (target - as_of).days, time.x(target)
        needed = f"all {left:,} by" if left > 1 else "1 key by"
        needed = f"needed: {f'{count(-(-left // ahead))} a day until' if left > ahead > 1 else needed} {day(target)}"
        sheet.line([(x, y), (end, time.bottom)], INK, 1.6, dash=(1.6, 2.56), avoid=True)
        rows += [(today, left, "needed"), (np.datetime64(target), 0, "needed")]
        said.append(f"{sentence(needed)}.")
        if has_past:
            missed = round(max(0.0, left - week / 7 * ahead))
            until = min(time.last, later(as_of, left / week * 7)) if week else time.last
            line = [(x, y), (time.x(until), time.y(max(0.0, left - week / 7 * (until - as_of).days)))]
            sheet.line(line, FILL["todo"], 1.8, dash=(7.2, 4), avoid=True)
            if missed and ahead:
                sheet.point(end, time.y(missed), PAPER, FILL["todo"])
            pace = f"{week / 7:,.0f}" if week % 7 == 0 or week > 70 else f"{week / 7:.1f}"
            fate = f"{count(missed)} {'misses' if missed == 1 else 'miss'} {day(target)}"
            fate = fate if missed else f"all done by {day(until)}"
            ahead_of = [*around(end, time.y(missed), "NE SE"), (RIGHT, time.top - 0.1, "right", "top")]
            sheet.place(f"at last week's pace ({pace} a day)\n{fate}", ahead_of, colour=WORD["todo"])
            rows += [(today, left, "at last week's pace"), (np.datetime64(target), missed, "at last week's pace")]
            said.append(f"Last week: {count(week)} in 7 days; at that pace {missed:,} would be left.")
        below = [(end + aside, time.bottom + 0.08, "left", "bottom") for aside in (0.1, 0.5, 0.9, 1.3, 1.7, 2.3, 3)]
        sheet.place(needed, [*below, (RIGHT, time.bottom + 0.08, "right", "bottom")])
    spots = around(x, y, "SE NE N" if not has_past else "SW NE NW SE N" if y > time.bottom + 0.6 else "NE NW N")
    sheet.place(f"{left:,} left\n({day(as_of)})", spots, 10, True, WORD["todo"])
    if has_past:
        spots = around(time.left, time.y(counts[0]), "NE SE")
        sheet.place(f"{counts[0]:,} on {day(start)}", spots, colour=WORD["todo"])
        said.append(f"{count(undated)} left on a date not known." if undated else "")
    data = dict(zip(("date", "left", "kind"), map(list, zip(*rows, strict=True)), strict=True))
    return sheet.chart(data | {"date": np.array(data["date"], "datetime64[s]")}, *said)


def _left_title(audit: Audit, left: int, is_known: bool) -> str:
    calendar, as_of, was = audit.calendar, audit.as_of, "was" if left == 1 else "were"
    if not left:
        return "No key is left to migrate" if audit.total else NOTHING
    if as_of >= calendar.removed and not is_known:
        return f"{count(left)} {are(left)} not known to be migrated"
    if as_of >= calendar.read_only:
        when = "the pools were removed" if as_of >= calendar.removed else "pools became read-only"
        return f"{count(left)} {was} not migrated before {when}"
    days = (calendar.migrate_by - as_of) // DAY
    when = f"and {count(days, 'day')} {are(days)} left" if days else "and today is the last day"
    when = when if days >= 0 else f"{count(-days, 'day')} after the deadline"
    return f"{count(left)} {are(left)} not migrated, {when}"


def outlook(audit: Audit) -> Chart:
    """What would still work? Codes in learners' hands that work on each day if nothing changes; later, what stopped."""
    how, start, until, band = open_codes(audit.facts)
    spans, as_of, removed = (start, until, band, len(BANDS)), audit.as_of, audit.calendar.removed
    dead, known, total, is_over = how == W_NO, how != W_UNKNOWN, len(until), as_of >= removed
    told = "Unredeemed keys that learners hold or may hold: how many "
    told += "worked on each day" if is_over else "work on each day, if nothing changes"
    *alive, unsure = working(np.array([removed], "datetime64[D]"), *spans)[0].tolist()
    unsure = int((~known).sum()) if is_over else unsure
    sheet = Sheet(audit, _outlook_title(audit, total, int(dead.sum()), sum(alive), unsure), told)
    time = Timeline(sheet, audit, audit.calendar.announced_on if is_over else as_of, total, right=6.9, after=0.3)
    end, edges = np.datetime64(time.last), np.array([time.first, *time.deadlines, as_of], "datetime64[D]")
    days = np.unique(np.concatenate([edges, *(date.astype("datetime64[D]") for date in spans[:2])]))
    days = days[(days >= np.datetime64(time.first)) & (days < end)]
    table = working(days, *spans)
    data = {"date": days.astype("datetime64[s]")} | dict(zip(BANDS, table.T, strict=True))
    data["not_working"] = total - table.sum(axis=1)
    if not total:
        return sheet.chart(data)

    colours = FILL["works"], FILL["todo"], FILL["unknown"], PALE["dead"]
    time.bands(days, zip(list(data.values())[1:], colours, strict=True), time.last)
    x, top = time.x(as_of), time.y(total)
    sheet.line([(time.left, top), (time.right, top)], INK, 1.2, dash=DASHED)
    sheet.line(time.stairs(days, table.sum(axis=1), time.last), INK, 1.8)
    if is_over:
        sheet.fill([(x, time.bottom, time.right, top + 0.02)], PAPER + "B3", z=4)  # it is not known yet
        sheet.line([(x, time.bottom), (x, time.top)], INK, 1.4, 4.5, DASHED)
        sheet.place(f"as of {day(as_of)}", around(x, top, "NE NW"), bold=True)
    sheet.place(count(total, "open code"), around(time.left, top, "NE"), bold=True)
    works, course, ended, of = known & ~dead, band == 0, until <= end, audit.groups["not known"]
    ending, pooled = works & course & ended, works & ~course & ended
    expired = course & dead & (until > np.datetime64(removed))
    unknown = _of(total - int(known.sum()), of, "not known")
    stops, when = (("stopped", "stopped"), f" by {day(removed)}") if is_over else (("does not work", "do not work"), "")
    outcomes = [  # of the codes, from the bottom up: together all of them
        (works & ~ended, ("still works", "still work"), f" on {day(time.last, seen=as_of)}", "works"),
        (ending, ("reaches its own expiry", "reach their own expiry"), _when(until[ending], as_of), "done"),
        (pooled, ("stops with its pool", "stop with their pool"), " unless migrated", "todo"),
        (~known, (unknown, unknown), "", "unknown"),
        (expired, ("reached its own expiry", "reached their own expiry"), _when(until[expired], as_of), "dead"),
        (dead & ~expired, stops, when, "dead"),
    ]
    shown = ((int(mask.sum()), words, more, family) for mask, words, more, family in outcomes)
    rungs, said = time.rungs((n, f"{words[n != 1]}{more}", WORD[family], "") for n, words, more, family in shown)
    sheet.ladder(time.right + 0.17, time.bottom, time.top, rungs)
    return sheet.chart(data, f"{'; '.join(said)}.")


def _outlook_title(audit: Audit, total: int, dead: int, alive: int, unsure: int) -> str:
    on, noun = day(audit.calendar.removed, seen=audit.as_of), agree(total, "open code", "open codes")
    if not total:
        return "No open code is in learners' hands" if audit.total else NOTHING
    if audit.as_of >= audit.calendar.removed:
        if unsure and not dead:
            return f"Whether {unsure:,} of {total:,} {noun} {agree(total, 'works', 'work')} is not known"
        return f"{'At least ' * bool(unsure)}{dead:,} of {total:,} {noun} {agree(dead, 'does', 'do')} not work"
    if total == 1:
        would = "may still" if unsure else "would still" if alive else "would no longer"
        return f"On {on}, the 1 open code {would} work"
    least, still = ("at least ", "") if unsure else ("", "still ")
    return f"On {on}, {least}{alive:,} of {total:,} {noun} would {still}work"


def _when(ends: Array, as_of: dt.date) -> str:
    """` on 30 Jun`, or ` by` it where they end on several days."""
    return f" {'on' if ends.min() == ends.max() else 'by'} {day(ends.max().item(), seen=as_of)}" if len(ends) else ""
