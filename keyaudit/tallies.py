"""Counts of an audit as tables: a row per pool, the work list, what would still work on which day. (CATALOGUE §3, DESIGN §3)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import itemgetter
from typing import Any

import numpy as np

from keyaudit.coded import Array, Coded
from keyaudit.errors import Slip
from keyaudit.facts import NEVER, By, Facts, alike, fact, facts
from keyaudit.rulebook import FAMILIES, FINDINGS, STAGES, STATUSES, URGENCY, Code, by_period, holds
from keyaudit.settings import of_pools
from keyaudit.verdicts import FIRST, LAST, W_NO, W_NOT_YET, W_UNKNOWN, W_USED, W_YES, by_status
from keyaudit.words import listed, plain

NO_POOL = "in no pool"  # the line of keys that stand only in course keys


@dataclass(frozen=True)
class Task:
    """One line of the work list; `rows`: the places of its keys in the order of urgency."""

    act_by: dt.date
    pool: str
    keys: int
    status: str
    next_step: str
    rows: Array


def tasks(columns: Mapping[str, Any], locked_out: Array) -> list[Task]:
    """The work list of keys, the most urgent first: by day, who is locked out, urgency of the status, then the pool with the most keys."""
    day, status, pool, step = (columns[name] for name in ("act_by", "status", "pool", "next_step"))
    rows = np.flatnonzero(day.filled)
    _, place, sizes = alike(*(column.codes[rows] for column in (day, status, pool, step)))
    parts = np.split(rows[np.argsort(place, kind="stable")], np.cumsum(sizes)[:-1]) if len(rows) else ()
    found = [
        Task(day[of[0]].item().date(), pool[of[0]] or NO_POOL, len(of), status[of[0]], step[of[0]], of) for of in parts
    ]

    def urgency(task: Task) -> tuple[Any, ...]:
        return task.act_by, not locked_out[task.rows[0]], URGENCY.index(task.status), -task.keys, task.pool

    return sorted(found, key=urgency)


def cross_count(group: Coded, kind: Coded, unknown: str) -> dict[str, dict[str, int]]:
    """How many keys of each kind every group has, by name; `unknown` is the line of keys without a group."""
    known, size = len(group.values), len(kind.values)
    name = Coded(np.where(group.codes < 0, known, group.codes).astype(np.int32), [*group.listed(), unknown]).distinct()
    counts = By(name.codes, len(name.values)).tally(kind.codes, size)
    rows = zip(name.listed(), counts.tolist(), strict=True)
    return {told: dict(zip(kind.listed(), row, strict=True)) for told, row in rows if any(row)}


def outlook(
    f: Facts, pools: Sequence[str] | None = None, on: Iterable[dt.date] | None = None
) -> tuple[list[dt.date], list[str], Array]:
    """How many codes would still work: dates, names of statuses (or of the pools given), and the counts by date and name."""
    alive = np.flatnonzero((f.works == W_YES) | (f.works == W_NOT_YET))
    until, today = f.works_until[alive], np.datetime64(f.day, "s")
    dates = sorted({f.day, *_turning_points(f, until[until > today])} if on is None else set(on))
    if dates and dates[0] < f.day:
        raise Slip(f"outlook: {dates[0]} lies before the day of the audit, {f.day}")
    waits = (f.works[alive] == W_NOT_YET) & ~np.isnat(f.starts_on[alive])
    start = np.where(waits, f.starts_on[alive], today)
    if pools is None:
        group, names = f.status[alive], list(STATUSES)
    else:
        place = np.array([*(pools.index(name) if name in pools else -1 for name in f.pools.names), len(pools)])
        group, names = place[f.home_pool[alive]], [*pools, *([NO_POOL] if (f.home_pool[alive] < 0).any() else [])]
    days = np.array(dates, dtype="datetime64[s]")
    return dates, names, working(days, start, np.where(np.isnat(until), LAST, until), group, len(names))


def _turning_points(f: Facts, until: Array) -> list[dt.date]:
    """The deadlines to come, and the twelve dates on which most codes stop working."""
    coming = [date for _, date in f.calendar.deadlines() if date > f.day]
    dates, counts = np.unique(until, return_counts=True)
    most = dates[np.argsort(-counts, kind="stable")[:12]]
    return [*coming, *(date.date() for date in most.astype("datetime64[s]").tolist())]


def working(days: Array, start: Array, until: Array, group: Array, groups: int) -> Array:
    """How many codes of every group (-1: none) work on each day, from their start to the day they end: a row a day."""
    held, shape = group >= 0, (len(days) + 1, groups)
    turns = [np.searchsorted(days, dates[held]) * groups + group[held] for dates in (np.minimum(start, until), until)]
    begun, ended = (np.bincount(turn, minlength=shape[0] * groups) for turn in turns)
    return (begun - ended).reshape(shape).cumsum(axis=0)[:-1]


BANDS = ("by_course_key", "by_pool", "not_known")


def open_codes(f: Facts) -> tuple[Array, Array, Array, Array]:
    """Codes that learners hold, or may hold, and have not used up: places in WORKS; from when; until when; places in BANDS.

    Each by the place that decides; of those that do not work or are not known, until that place ends. Band -1: it does not
    work, and since when is not known.
    """
    held = by_status(f, "owed", True) & (f.works != W_USED) & ~f.excused
    works = f.works[held]
    is_pool, is_course, is_several = (by_status(f, "works_by", by)[held] for by in ("pool", "course_key", "places"))
    ends = np.where(is_pool, np.fmin(f.pool_expires_on, np.datetime64(f.calendar.removed))[held], f.key_expires[held])
    ends = np.where(is_pool | is_course, ends, NEVER)
    until = np.where((works == W_NO) | (works == W_UNKNOWN), ends, f.works_until[held])
    until = np.where(np.isnat(until), LAST, until)
    course = is_course | (is_several & f.in_course_keys[held])
    sure = (works != W_NO) | ((until <= f.as_of) & ~(is_pool & f.gone[held]))
    band = np.select([works == W_UNKNOWN, sure & course, sure & ~course], [2, 0, 1], -1)
    return works, np.where(works == W_NOT_YET, f.starts_on[held], FIRST), until, band


def by_family(f: Facts, *columns: Array) -> list[tuple[int, dict[str, int]]]:
    """For every combination of numbers that occurs, in their order: the first key that has it, and its keys by family."""
    first, place, _ = alike(np.zeros(f.keys, dtype=np.int64), *columns)
    rows = By(place, len(first)).tally(f.family_of_key, len(FAMILIES)).tolist()
    return [(key, dict(zip(FAMILIES, row, strict=True))) for key, row in zip(first.tolist(), rows, strict=True)]


def redeemed_on(f: Facts) -> Array:
    """Of every key: the day it was redeemed in its pool, else as a course key, else the day of an assignment it paid for."""
    used = f.by_key.most(f.dates("redeemed_at"), f.course_rows, NEVER, np.fmin)
    row, _, live = f.paid
    paid = f.paid_by.most(f.dates("created_at")[row], live, NEVER, np.fmin)
    pool = np.where(f.redeemed, f.redeemed_at, NEVER)
    return np.where(np.isnat(pool), np.where(np.isnat(used), paid, used), pool).astype("datetime64[D]")


# --- a row per pool: its stage, counts, next step, and the sign-off, whose two sides are counted apart ---

IDLE = {  # what to do in a pool in which no key needs anybody, by period
    "not_exported": FINDINGS[Code.pool_never_exported].remedy,
    "moved": by_period(("Expire the pool (Training Key Pools → the pool → Edit → Expires).",) * 2 + ("Nothing.",) * 2),
    "closed": by_period("Nothing."),
}
WAIT = (
    "Do not expire the pool yet: first mend the rows of its files that were not read, "
    "and settle its keys that are accepted, or counted under another pool."
)


facts(
    counted_away=lambda f: np.flatnonzero(f.place_pool != f.home_pool[f.place_key]),  # places of keys counted elsewhere
    is_set_aside=lambda f: f.is_in("pools_now") & (f.code < 0) & ~f.blind,  # records that the backup shows too
)


@dataclass(frozen=True)
class PoolRow:
    """One pool. `in_backup` + `only_later` are counted in the files, `statuses` + `elsewhere` by the verdicts."""

    pool: str
    course: str | None
    organization: str | None
    expires_on: Any
    stage: str
    statuses: dict[str, int]
    next_step: str
    act_by: dt.date | None
    in_backup: int
    only_later: int
    elsewhere: dict[str, int] = field(default_factory=dict)  # pool → keys of this one that are counted there

    @property
    def keys(self) -> int:
        """How many keys count in it."""
        return sum(self.statuses.values())

    @property
    def balanced(self) -> bool:
        """Do the two sides of the sign-off agree?"""
        return self.in_backup + self.only_later == self.keys + sum(self.elsewhere.values())

    @property
    def sign_off(self) -> str:
        """What a person signs: `60 in the backup = 32 migrated + 28 redeemed`."""
        files = [f"{self.in_backup:,} in the backup"]
        files += [f"{self.only_later:,} only in a later export"] if self.only_later else []
        parts = [f"{number:,} {plain(code)}" for code, number in self.statuses.items() if number]
        parts += [f"{number:,} counted under {pool}" for pool, number in self.elsewhere.items()]
        left = "" if self.stage in ("moved", "closed") else "; not signed off: something is left to do"
        return f"{' + '.join(files)} = {' + '.join(parts) or 'nothing'}{left if self.balanced else '; NOT BALANCED'}"

    def as_dict(self) -> dict[str, Any]:
        """Its columns in `audit.pools`."""
        told = {one.name: getattr(self, one.name) for one in fields(self)} | {"keys": self.keys} | self.statuses
        elsewhere = [f"{number:,} in {pool}" for pool, number in self.elsewhere.items()]
        told |= {"elsewhere": listed(elsewhere), "sign_off": self.sign_off, "balanced": self.balanced}
        return {name: told[name] for name in POOLS}


POOLS = (  # the columns of `audit.pools`
    *("pool", "course", "organization", "expires_on", "stage", "keys", *STATUSES, "next_step", "act_by"),
    *("in_backup", "only_later", "elsewhere", "sign_off", "balanced"),
)


@fact
def pool_rows(f: Facts) -> list[PoolRow]:
    """Every pool: those that need action first, the most urgent on top."""
    statuses = f.by_home.tally(f.status, len(STATUSES)).tolist()
    backup, both = _distinct(f, f.is_in("pools_before")), _distinct(f, f.in_pools & ~f.is_set_aside)
    expires = of_pools(f, "expires_on").spread(np.datetime64("NaT", "s"), "datetime64[s]")
    courses, organizations = of_pools(f, "course"), of_pools(f, "organization")
    order = f.order[(f.needs & (f.home_pool >= 0))[f.order]]
    first = By(f.home_pool[order], f.pool_count).first()
    is_over, exported = f.pool_is_over | (expires <= f.as_of), f.pools.has_before | f.pools.has_now
    step, steps = f.next_step
    history = FINDINGS[Code.history_not_kept]
    is_open = holds(history.rule, f) & ~f.is_removed
    rows: list[tuple[int, PoolRow]] = []  # and the place of each
    for pool, name in enumerate(f.pools.names):
        if first[pool] >= 0:
            place, key = first[pool], order[first[pool]]
            what = steps[step[key]]
            stage, act_by = "begun" if f.pool_begun[pool] else "not_begun", f.act_by[key].item().date()
        else:
            stage, act_by = "not_exported" if not exported[pool] else "closed" if is_over[pool] else "moved", None
            place, what = len(order) + list(STAGES).index(stage), IDLE[stage][f.period]
            if stage == "moved" and what != "Nothing." and f.pool_in_use[pool]:
                what = WAIT
            elif what == "Nothing." and is_open[pool]:
                what = history.remedy[f.period]
        known = (name, courses[pool], organizations[pool], expires[pool], stage)
        counts = (int(backup[pool]), int(both[pool] - backup[pool]), _elsewhere(f, pool))
        own = dict(zip(STATUSES, statuses[pool], strict=True))
        rows.append((place, PoolRow(*known, own, what, act_by, *counts)))
    return [row for _, row in sorted(rows, key=itemgetter(0))]


def _distinct(f: Facts, rows: Array) -> Array:
    """Of every pool: how many different keys some records of its files hold."""
    held = np.flatnonzero(rows & (f.key >= 0))
    first, _, _ = alike(f.pool[held], f.key[held])
    return np.bincount(f.pool[held[first]], minlength=f.pool_count)


def _elsewhere(f: Facts, pool: int) -> dict[str, int]:
    """Keys of a pool that are counted under another: pool → how many."""
    away = f.counted_away
    theirs = f.home_pool[f.place_key[away[f.place_pool[away] == pool]]]
    numbers, counts = np.unique(theirs, return_counts=True)
    return {f.pools.names[number]: int(size) for number, size in zip(numbers, counts, strict=True)}
