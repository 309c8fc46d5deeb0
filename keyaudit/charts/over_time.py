"""Charts against the deadlines: what was redeemed, what is left to migrate, what would still work. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from keyaudit.charts.sheet import (
    FILL,
    INK,
    RIGHT,
    WORD,
    Chart,
    Sheet,
    are,
    count,
    day,
    drawn,
    plain,
)
from keyaudit.charts.timeline import DAY, Timeline
from keyaudit.facts import Array
from keyaudit.reconciliation import Reconciliation
from keyaudit.statuses import FAMILIES, STATUSES

# Unredeemed keys of a pool that are not course keys, and are owed to somebody.
LEFT_TO_MIGRATE = ("to_migrate", "lapsed", "altered", "missing")
# Keys whose codes learners hold, or may hold, and have not used up.
IN_HANDS = ("undetermined", "duplicate", "wrong_course", "migrated", "altered", "missing", "lapsed", "to_migrate")
BY_COURSE_KEY = ("duplicate", "wrong_course", "migrated")
PALE = {"todo": "#F8E3D6", "works": "#BFDEDA", "done": "#E4ECF2", "unknown": "#E1E5EA"}
NEVER = np.datetime64("NaT", "D")
FOREVER = np.datetime64("9999-12-31", "D")


def _days(column: Any) -> Array:
    return np.asarray(column).astype("datetime64[D]")


def _after(date: dt.date, days: float) -> dt.date:
    """Some days later (or earlier), within what a calendar can hold."""
    number = min(max(date.toordinal() + round(days), 1), dt.date.max.toordinal())
    return dt.date.fromordinal(number)


def _dates(days: Array) -> list[dt.date]:
    return [d.item() for d in days]


# --- keys_left ---


@drawn
def keys_left(audit: Reconciliation) -> Chart:
    """Will we make it? Keys left to migrate per day, the pace that is needed and the pace that was kept.

    A key left the count on the day it was redeemed or recreated; keys that left on an unknown day are stated, not drawn.
    """
    calendar, as_of, status = audit.calendar, audit.as_of, audit.keys["status"]
    given = "course_keys" in set(audit.sources["role"])
    owed = (*LEFT_TO_MIGRATE, "undetermined") if not given else LEFT_TO_MIGRATE
    number = audit.statuses
    left = sum(number[code] for code in owed)
    named = ", ".join(f"{number[code]:,} {plain(code)}" for code in owed if number[code])
    facts = audit.dates()
    went = (audit.keys["pool"].notna() & ~status.isin((*owed, "undetermined", "undistributed", "expired"))).to_numpy()
    left_on = np.fmin(_days(facts["redeemed_at"]), _days(facts["recreated_at"]))[went]
    dated = np.sort(np.minimum(left_on[~np.isnat(left_on)], np.datetime64(as_of)))
    undated = int(went.sum()) - len(dated)
    first = min(calendar.announced_on, _after(as_of, -28))
    past = _past(dated, left, first, as_of) if given else None
    start = first if past else _after(as_of, -0.06 * max((calendar.removed - as_of).days, 28))
    final = max(calendar.removed, as_of)
    last = _after(final, max(10, 0.14 * (final - start).days))
    week = int((dated > np.datetime64(as_of - 7 * DAY)).sum())
    target = calendar.last_day_to_migrate(as_of)
    can_migrate = as_of < calendar.read_only and left > 0

    subtitle = (
        f"Unredeemed pool keys that are not course keys: {named}"
        if named
        else "Unredeemed pool keys that are not course keys"
    )
    if not given:
        subtitle += "; no course-key export was given"
    note = f"Not in the line: {count(undated)} that left on an unknown date." if undated and past else ""
    sheet = Sheet(audit, _keys_left_title(audit, left, given), subtitle, note=note)
    peak = max(past[1][0] if past else left, left)
    time = Timeline(sheet, calendar, as_of, start, last, peak)
    x, y = time.x(as_of), time.y(left)
    if past:
        xs, ys = time.stairs(past[0], past[1], as_of)
        sheet.area(xs, np.full(len(xs), time.bottom), ys, PALE["todo"], z=0.5)
        sheet.line(xs, ys, FILL["todo"], 2.4)
        sheet.avoid(xs, ys)
    if can_migrate:
        sheet.line([x, time.x(target)], [y, time.bottom], INK, 1.6, (0, (1, 1.6)))
        sheet.avoid([x, time.x(target)], [y, time.bottom])
    finish = None
    if can_migrate and past:
        finish = _project(sheet, time, as_of, target, left, week)
    sheet.point(x, y, FILL["todo"])
    look = {"size": 10, "colour": WORD["todo"], "bold": True}
    today = f"{left:,} left\n({day(as_of)})"
    sheet.place(today, [(x - 0.14, y - 0.1, "right", "top"), (x + 0.14, y + 0.1, "left", "bottom"), (x - 0.14, y + 0.1, "right", "bottom"), (x + 0.14, y - 0.1, "left", "top"), (x, y + 0.14, "center", "bottom")], back=not past, **look)  # fmt: skip
    if past:
        x0, y0 = time.left, time.y(past[1][0])
        sheet.place(f"{past[1][0]:,} on {day(start)}", [(x0 + 0.04, y0 + 0.11, "left", "bottom"), (x0 + 0.04, y0 - 0.11, "left", "top"), (x0 + 0.6, y0 + 0.11, "left", "bottom")], colour=WORD["todo"], back=True)  # fmt: skip
    days = (target - as_of).days
    if left > days > 1:
        words = f"needed: {count(-(-left // days))} a day until {day(target)}"
    else:
        words = f"needed: {f'all {left:,}' if left > 1 else '1 key'} by {day(target)}"
    if can_migrate:
        x1 = time.x(target)
        spots = [(x1 + dx, time.bottom + 0.08, "left", "bottom") for dx in (0.1, 0.5, 0.9, 1.3, 1.7, 2.3, 3)]
        spots += [(x1 - 0.1, time.bottom + 0.08, "right", "bottom"), (RIGHT, time.bottom + 0.08, "right", "bottom")]
        sheet.place(words, spots, back=True)

    data = pd.DataFrame({"date": past[0], "left": past[1]} if past else {"date": _days([as_of]), "left": [left]})
    data = data.assign(kind="known" if past else "today")
    more = [f"{named[0].upper() + named[1:]}." if named else ""]
    if can_migrate:
        ahead = [(np.datetime64(as_of), left, "needed"), (np.datetime64(target), 0, "needed")]
        more.append(f"{words[0].upper() + words[1:]}.")
        if finish is not None:
            ahead += [
                (np.datetime64(as_of), left, "at last week's pace"),
                (np.datetime64(target), finish, "at last week's pace"),
            ]
            more.append(f"Last week: {count(week)} in 7 days; at that pace {finish:,} would be left.")
        data = pd.concat(
            [data, pd.DataFrame(ahead, columns=list(data)).astype({"date": "datetime64[s]"})], ignore_index=True
        )
    if past and undated:
        more.append(f"{count(undated)} left on an unknown date.")
    return sheet.chart("keys_left", data.astype({"date": "datetime64[s]", "left": "int64"}), *more)


def _past(dated: Array, left: int, first: dt.date, as_of: dt.date) -> tuple[Array, Array] | None:
    """Days on which the count changed, and the count from each on; None without a known day."""
    start = np.datetime64(first)
    if not len(dated) or dated[-1] <= start:
        return None
    days = np.unique(np.concatenate([[start], dated[dated > start], [np.datetime64(as_of)]]))
    return days, left + len(dated) - np.searchsorted(dated, days, side="right")


def _project(sheet: Sheet, time: Timeline, as_of: dt.date, target: dt.date, left: int, week: int) -> int:
    """Draw last week's pace on into the future; returns how many keys would be left at the target."""
    missed = max(0, round(left - week / 7 * (target - as_of).days))
    until = min(time.last, _after(as_of, left / week * 7)) if week else time.last
    rest = max(0.0, left - week / 7 * (until - as_of).days)
    xs, ys = [time.x(as_of), time.x(until)], [time.y(left), time.y(rest)]
    sheet.line(xs, ys, FILL["todo"], 1.8, (0, (4, 2.2)))
    sheet.avoid(xs, ys)
    pace = f"{week / 7:,.0f}" if week % 7 == 0 or week > 70 else f"{week / 7:.1f}"
    words = f"at last week's pace ({pace} a day)\n" + (
        f"{count(missed)} {'misses' if missed == 1 else 'miss'} {day(target)}"
        if missed
        else f"all done by {day(until)}"
    )
    x, y = time.x(target), time.y(max(0.0, left - week / 7 * (target - as_of).days))
    if missed and target > as_of:
        sheet.point(x, y, FILL["todo"], hollow=True)
    spots = [
        (x + dx, y + dy, "left", va)
        for dy, va in ((0.12, "bottom"), (-0.12, "top"), (0.3, "bottom"), (0.6, "bottom"), (-0.4, "top"))
        for dx in (0.16, 0.5, 1.0, 1.6)
    ]
    sheet.place(
        words,
        [*spots, (RIGHT, time.top - 0.1, "right", "top"), (RIGHT, time.top - 0.7, "right", "top")],
        colour=WORD["todo"],
        back=True,
    )
    return missed


def _keys_left_title(audit: Reconciliation, left: int, given: bool) -> str:
    calendar, as_of = audit.calendar, audit.as_of
    if not left:
        return "No key is left to migrate" if len(audit.keys) else "No key was exported"
    if as_of >= calendar.removed:
        if not given:
            return f"{count(left)} {are(left)} not known to be migrated"
        return f"{count(left)} {_was(left)} not migrated before the pools were removed"
    if as_of >= calendar.read_only:
        return f"{count(left)} {_was(left)} not migrated before pools became read-only"
    if as_of > calendar.migrate_by:
        late = (as_of - calendar.migrate_by).days
        return f"{count(left)} {are(left)} not migrated, {count(late, 'day')} after the deadline"
    days = (calendar.migrate_by - as_of).days
    when = f"{count(days, 'day')} {are(days)} left" if days else "today is the last day"
    return f"{count(left)} {are(left)} not migrated, and {when}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


# --- outlook ---


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


def _codes(audit: Reconciliation) -> Codes:
    keys = audit.keys
    held = (keys["status"].isin(IN_HANDS) & (keys["works"] != "used")).to_numpy()
    keys, starts = keys[held], _days(audit.dates()["starts_on"])[held]
    status, works = keys["status"], keys["works"]
    by_course_key = (status.isin(BY_COURSE_KEY)).to_numpy()
    removed = np.datetime64(audit.calendar.removed)
    in_pool = np.fmin(_days(keys["pool_expires_on"]), removed)
    stays = (status == "duplicate").to_numpy() & (works == "yes").to_numpy()
    own = np.where(stays, _days(keys["works_until"]), _days(keys["course_key_expires_on"]))
    until = np.where(by_course_key, np.where(np.isnat(own), FOREVER, own), in_pool)
    until = np.where((status == "undetermined").to_numpy(), FOREVER, until)  # it may be a course key
    start = np.where((works == "not_yet").to_numpy(), starts, NEVER)
    gone = (keys["in_now"] == "no").to_numpy() & ~by_course_key
    dead = gone | ((works == "no").to_numpy() & (until > np.datetime64(audit.as_of)))
    known = (works != "unknown").to_numpy()
    return Codes(start, until, by_course_key, known, dead & known)


@drawn
def outlook(audit: Reconciliation) -> Chart:
    """What would still work? Codes in learners' hands that work on each day if nothing changes; after the removal, what stopped."""
    codes, calendar, as_of = _codes(audit), audit.calendar, audit.as_of
    is_over = as_of >= calendar.removed
    first = calendar.announced_on if is_over else as_of
    final = max(calendar.removed, as_of)
    last = _after(final, max(21, 0.3 * (final - first).days))
    on = np.array([calendar.removed], dtype="datetime64[D]")
    sure = codes.known & ~codes.dead
    bands = {
        "by_course_key": sure & codes.by_course_key,
        "by_pool": sure & ~codes.by_course_key,
        "not_known": ~codes.known,
    }
    at_removal = {name: int(codes.working(on, mask)[0]) for name, mask in bands.items()}
    total = len(codes)
    alive, unsure = at_removal["by_course_key"] + at_removal["by_pool"], at_removal["not_known"]
    title = _outlook_title(audit, total, alive, unsure)
    subtitle = (
        "Unredeemed keys that learners hold or may hold: how many worked on each day"
        if is_over
        else "Unredeemed keys that learners hold or may hold: how many work on each day, if nothing changes"
    )
    sheet = Sheet(audit, title, subtitle)
    time = Timeline(sheet, calendar, as_of, first, last, total, right=7.3)
    inside = codes.until[(codes.until > np.datetime64(time.first)) & (codes.until < np.datetime64(time.last))]
    begun = codes.start[(codes.start > np.datetime64(time.first)) & (codes.start < np.datetime64(time.last))]
    edges = [time.first, *(d.date for d in time.deadlines), as_of]
    days = np.unique(np.concatenate([np.array(edges, dtype="datetime64[D]"), inside, begun]))
    data = pd.DataFrame({"date": days.astype("datetime64[s]")} | {n: codes.working(days, m) for n, m in bands.items()})
    data["not_working"] = total - data[list(bands)].sum(axis=1)
    if total:
        _draw_bands(sheet, time, data, as_of if is_over else None, total)
    _tell_outcome(sheet, time, codes, bands, audit)
    words = f"{total:,} open {'code' if total == 1 else 'codes'}"
    if total:
        look = {"bold": True, "back": True}
        y = time.y(total)
        sheet.place(words, [(time.left + dx, y + 0.08, "left", "bottom") for dx in (0.06, 0.5, 1, 2, 3, 4)], **look)
    last_row = data.iloc[-1]
    more = f"On {day(_dates(days)[-1])}: {last_row['by_course_key']:,} by course key, {last_row['by_pool']:,} by pool, {last_row['not_known']:,} not known, {last_row['not_working']:,} not working."
    return sheet.chart("outlook", data, more if total else "")


def _outlook_title(audit: Reconciliation, total: int, alive: int, unsure: int) -> str:
    removed = day(audit.calendar.removed)
    if not total:
        return "No open code is in learners' hands" if len(audit.keys) else "No key was exported"
    noun = "open code" if total == 1 else "open codes"
    if audit.as_of < audit.calendar.removed:
        if total == 1:
            return f"On {removed}, the 1 open code {'may still' if unsure else 'would still' if alive else 'would no longer'} work"
        if unsure:
            return f"On {removed}, at least {alive:,} of {total:,} {noun} would work"
        return f"On {removed}, {alive:,} of {total:,} {noun} would still work"
    stopped = total - alive - unsure
    return f"{'At least ' if unsure else ''}{stopped:,} of {total:,} {noun} stopped by {removed}"


def _draw_bands(sheet: Sheet, time: Timeline, data: pd.DataFrame, known_to: dt.date | None, total: int) -> None:
    """The bands, each on the one before; hatched what no longer works; pale after the as-of date."""
    colours = {"by_course_key": FILL["works"], "by_pool": FILL["todo"], "not_known": PALE["unknown"]}
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
        y = top[0] + 0.08
        words = f"as of {day(known_to)}"
        sheet.place(words, [(x + 0.08, y, "left", "bottom"), (x - 0.08, y, "right", "bottom"), (x + 0.08, time.top - 0.05, "left", "top"), (x - 0.08, time.top - 0.05, "right", "top")], bold=True, back=True)  # fmt: skip


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


# --- redemptions ---


# How a key was redeemed: column of the data, words beside the plot, colour. The undated follow the dated.
REDEEMED = (
    ("in_pools", "in their pool", FILL["done"]),
    ("as_course_keys", "as course keys", WORD["done"]),
    ("in_pools_undated", "in their pool", PALE["done"]),
    ("as_course_keys_undated", "as course keys", PALE["done"]),
)


@drawn
def redemptions(audit: Reconciliation) -> Chart:
    """How far are the learners? Pool keys redeemed up to each day, in their pools and as course keys, and what remains.

    A redemption without a date is counted and drawn pale where it may have happened, never put on a day.
    """
    calendar, as_of = audit.calendar, audit.as_of
    keys, facts = audit.keys, audit.dates()
    pooled = keys["pool"].notna().to_numpy()
    in_pool = pooled & facts["redeemed"].to_numpy()
    used = pooled & ~in_pool & (keys["uses"] > 0).to_numpy()
    on, recreated = np.minimum(_days(facts["redeemed_at"]), np.datetime64(as_of)), _days(facts["recreated_at"])
    dated = ~np.isnat(on)
    total, done, undated = int(pooled.sum()), int((in_pool | used).sum()), int(((in_pool | used) & ~dated).sum())
    first = _first_day(audit, on[(in_pool | used) & dated])
    since = np.where(dated, on, np.where(used & ~np.isnat(recreated), recreated, np.datetime64(first)))
    masks = (in_pool & dated, used & dated, in_pool & ~dated, used & ~dated)
    parts = {
        name: np.sort(np.minimum(since[mask], np.datetime64(as_of)))
        for (name, *_), mask in zip(REDEEMED, masks, strict=True)
    }

    note = f"Pale: {undated:,} redeemed on an unknown date; nothing is guessed." if undated else ""
    subtitle = "Pool keys that learners have redeemed up to each day, in their pool or as a course key"
    sheet = Sheet(audit, _redemptions_title(total, done), subtitle, note=note)
    final = max(calendar.removed, as_of)
    last = _after(final, max(10, 0.1 * (final - first).days))
    time = Timeline(sheet, calendar, as_of, first, last, total, right=6.7)
    edges = [first, *(item.date for item in time.deadlines if item.date <= as_of), as_of]
    days = np.unique(np.concatenate([np.array(edges, dtype="datetime64[D]"), *parts.values()]))
    days = days[days >= np.datetime64(first)]
    data = pd.DataFrame({name: np.searchsorted(part, days, side="right") for name, part in parts.items()})
    data.insert(0, "date", days.astype("datetime64[s]"))
    data["redeemed"] = data[list(parts)].sum(axis=1)
    data["not_redeemed"] = total - data["redeemed"]
    rest = _remainder(audit, pooled & ~in_pool & ~used)
    if total:
        _draw_redemptions(sheet, time, as_of, data, total)
        _stack(sheet, time, {name: len(part) for name, part in parts.items()}, rest)
    counted = [(len(parts[name]), words + (", undated" if "undated" in name else "")) for name, words, _ in REDEEMED]
    named = ", ".join(f"{number:,} {words}" for number, words, *_ in [*counted, *rest] if number)
    return sheet.chart("redemptions", data, f"{named}." if named else "")


def _first_day(audit: Reconciliation, dated: Array) -> dt.date:
    """Two months before the announcement, or the day of the first redemption if that is later; four weeks at least."""
    first = _after(min(audit.calendar.announced_on, audit.as_of), -60)
    if len(dated):
        first = max(first, dated.min().item())
    return min(first, _after(audit.as_of, -28))


def _redemptions_title(total: int, done: int) -> str:
    if not total:
        return "No key was exported"
    if not done:
        return f"None of {total:,} keys is redeemed" if total > 1 else "The 1 key is not redeemed"
    if done == total:
        return f"All {total:,} keys are redeemed" if total > 1 else "The 1 key is redeemed"
    return f"{done:,} of {total:,} keys {are(done)} redeemed, {total - done:,} {are(total - done)} not"


def _remainder(audit: Reconciliation, mask: Array) -> list[tuple[int, str, str]]:
    """The unredeemed keys by family, least owed first: by the name of the status where a family has one only."""
    counts = audit.keys.loc[mask, "status"].value_counts()
    told = []
    for family in ("nothing", "works", "check", "dead", "todo"):
        codes = {code: int(counts.get(code, 0)) for code, row in STATUSES.items() if row.family == family}
        codes = {code: number for code, number in codes.items() if number}
        if codes:
            words = plain(next(iter(codes))) if len(codes) == 1 else FAMILIES[family][2]
            told.append((sum(codes.values()), words, family))
    return told


def _draw_redemptions(sheet: Sheet, time: Timeline, as_of: dt.date, data: pd.DataFrame, total: int) -> None:
    days = data["date"].to_numpy().astype("datetime64[D]")
    floor = np.zeros(len(data))
    for name, _, colour in REDEEMED:
        upper = floor + data[name].to_numpy()
        xs, high = time.stairs(days, upper, as_of)
        _, low = time.stairs(days, floor, as_of)
        sheet.area(xs, low, high, colour, z=0.6)
        floor = upper
    sheet.line(xs, high, WORD["done"], 2)
    sheet.avoid(xs, high)
    y = time.y(total)
    sheet.line([time.left, time.right], [y, y], INK, 1.2, (0, (2, 2)))
    x = time.x(as_of)
    sheet.line([x, x], [time.bottom, y], INK, 1.2, (0, (2, 2)), z=4)
    done = int(data["redeemed"].iloc[-1])
    sheet.point(x, time.y(done), WORD["done"])
    sheet.place(
        count(total),
        [(time.left + dx, y + 0.06, "left", "bottom") for dx in (0.05, 0.5, 1, 2, 3)],
        bold=True,
        back=True,
    )
    middle = (time.y(done) + y) / 2
    words = f"{done:,} redeemed\non {day(as_of)}"
    spots = [
        (x - 0.12, time.y(done) + 0.14, "right", "bottom"),
        (x - 0.12, middle, "right", "center"),
        (x - 0.12, time.y(done) - 0.2, "right", "top"),
        (x + 0.14, time.y(done) - 0.1, "left", "top"),
        (x + 0.14, time.y(done) + 0.1, "left", "bottom"),
    ]
    sheet.place(words, spots, colour=WORD["done"], bold=True, size=10, back=True)
    before = int(data["redeemed"].iloc[0])
    if before and len(data) > 1:
        y0 = time.y(before)
        sheet.place(
            f"{before:,} by {day(time.first)}",
            [(time.left + 0.06, y0 + 0.08, "left", "bottom"), (time.left + 0.06, y0 + 0.3, "left", "bottom")],
            colour=WORD["done"],
            back=True,
        )
    for item in time.deadlines:
        if item.date < as_of:
            reached = int(data.loc[data["date"] == np.datetime64(item.date), "redeemed"].iloc[0])
            sheet.point(item.x, time.y(reached), WORD["done"], size=5)
            if reached != before:
                sheet.place(
                    f"{reached:,}",
                    [(item.x - 0.07, time.y(reached) + 0.08, "right", "bottom")],
                    colour=WORD["done"],
                    back=True,
                )
            before = reached


def _stack(sheet: Sheet, time: Timeline, done: dict[str, int], rest: list[tuple[int, str, str]]) -> None:
    """All keys on the as-of date as one column beside the plot, to the same scale, each part named."""
    x, floor = time.right + 0.2, 0
    told: list[tuple[float, str, str, bool]] = []
    redeemed = []
    for name, words, fill in REDEEMED:
        if "undated" in name and done[name.removesuffix("_undated")]:
            words = words.removeprefix("as ").replace("their pool", "pools") + ", undated"
        elif done[name] == 1:
            words = words.replace("as course keys", "as a course key").replace("their", "its")
        redeemed.append((done[name], words, fill, WORD["done"]))
    remaining = [(number, words, FILL[family], WORD[family]) for number, words, family in rest]
    for group, heading in ((redeemed, "redeemed"), (remaining, "not redeemed")):
        group = [part for part in group if part[0]]
        for number, words, fill, colour in group:
            y0, y1 = time.y(floor), time.y(floor + number)
            sheet.rectangle(x, y0, x + 0.17, max(y1 - 0.012, y0 + 0.008), fill)
            told.append(((y0 + y1) / 2, f"{number:,} {words}", colour, False))
            floor += number
        if group:
            told.append((time.y(floor) + 0.001, f"{sum(part[0] for part in group):,} {heading}", INK, True))
    sheet.ladder(x + 0.32, time.bottom + 0.02, time.top, told, anchor=x + 0.17)
