"""Counts of an audit as tables: the work list, keys by pool, what would still work on which day. (DESIGN §3)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keyaudit.coded import Array, Coded
from keyaudit.facts import Facts
from keyaudit.rulebook import STATUSES, URGENCY
from keyaudit.verdicts import W_NOT_YET, W_YES

if TYPE_CHECKING:
    import pandas as pd

    from keyaudit.audit import Reconciliation

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


def tasks(audit: Reconciliation) -> list[Task]:
    """The work list, the most urgent first: by day, then by urgency of the status, then the pool with the most keys."""
    columns = audit.key_columns
    day, status, pool, step = (columns[name] for name in ("act_by", "status", "pool", "next_step"))
    rows = np.flatnonzero(day.filled)
    if not len(rows):
        return []
    groups, place = np.unique(
        np.stack([column.codes[rows] for column in (day, status, pool, step)]), axis=1, return_inverse=True
    )
    order = np.argsort(place.ravel(), kind="stable")
    parts = np.split(rows[order], np.flatnonzero(np.diff(place.ravel()[order])) + 1)
    found = [
        Task(day[of[0]].item().date(), pool[of[0]] or NO_POOL, len(of), status[of[0]], step[of[0]], of) for of in parts
    ]
    return sorted(found, key=lambda task: (task.act_by, URGENCY.index(task.status), -task.keys, task.pool))


def cross_count(group: Coded, kind: Coded, unknown: str) -> dict[str, dict[str, int]]:
    """How many keys of each kind every group has, by name; `unknown` is the line of keys without a group."""
    names = [*group.listed(), unknown]
    number = np.where(group.codes < 0, len(names) - 1, group.codes).astype(np.int64)
    counts = np.bincount(number * len(kind.values) + kind.codes, minlength=len(names) * len(kind.values))
    table = dict.fromkeys(names)
    found: dict[str, dict[str, int]] = {}
    for name, row in zip(table, counts.reshape(len(names), -1).tolist(), strict=True):
        if any(row):
            found[name] = dict(zip(kind.listed(), row, strict=True))
    return found


def outlook_counts(audit: Reconciliation, by: str, on: Iterable[dt.date] | None = None) -> tuple[list[dt.date], list[str], Array]:
    """How many codes would still work: dates, names of statuses or pools, and the counts by date and name."""
    if by not in ("status", "pool"):
        raise ValueError(f'outlook(by="{by}"): choose "status" or "pool"')
    f = audit.facts
    alive = np.flatnonzero((f.works == W_YES) | (f.works == W_NOT_YET))
    until, today = f.works_until[alive], np.datetime64(audit.as_of, "s")
    dates = sorted({audit.as_of, *_turning_points(audit, until[until > today])} if on is None else set(on))
    if dates and dates[0] < audit.as_of:
        raise ValueError(f"outlook: {dates[0]} lies before the day of the audit, {audit.as_of}")
    waits = (f.works[alive] == W_NOT_YET) & ~np.isnat(f.starts_on[alive])
    start = np.where(waits, f.starts_on[alive], today)
    if by == "status":
        group, names = f.status[alive], list(STATUSES)
    else:
        rows = [row.pool for row in audit.pool_rows]
        place = np.array([*(rows.index(name) if name in rows else -1 for name in f.pools.names), len(rows)])
        group, names = place[f.home_pool[alive]], [*rows, *([NO_POOL] if (f.home_pool[alive] < 0).any() else [])]
    days = [np.datetime64(date, "s") for date in dates]
    counts = np.array([np.bincount(group[(start <= day) & ~(until <= day)], minlength=len(names)) for day in days])
    return dates, names, counts.reshape(len(days), len(names))


def outlook(audit: Reconciliation, by: str = "status", on: Iterable[dt.date] | None = None) -> pd.DataFrame:
    """The same as a DataFrame: see `Reconciliation.outlook`."""
    import pandas as pd

    dates, names, counts = outlook_counts(audit, by, on)
    table = pd.DataFrame(counts, columns=names, index=pd.DatetimeIndex(np.array(dates, dtype="datetime64[s]"), name="date"))
    table.insert(0, "works", counts.sum(axis=1), allow_duplicates=True)
    return table


def _turning_points(audit: Reconciliation, until: Array) -> list[dt.date]:
    """The deadlines to come, and the twelve dates on which most codes stop working."""
    coming = [date for _, date in audit.calendar.deadlines() if date > audit.as_of]
    dates, counts = np.unique(until, return_counts=True)
    most = dates[np.argsort(-counts, kind="stable")[:12]]
    return [*coming, *(date.date() for date in most.astype("datetime64[s]").tolist())]


def first_day(f: Facts, rows: Array, keys: Array, dates: Array) -> Any:
    """Of every key: the earliest known date of some records (or assignments)."""
    last = np.datetime64(2**62, "s")
    found = np.full(f.keys, last)
    known = ~np.isnat(dates[rows]) & (keys >= 0)
    np.minimum.at(found, keys[known], dates[rows][known])
    return np.where(found < last, found, np.datetime64("NaT", "s"))
