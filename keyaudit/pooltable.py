"""A row per pool: its stage, counts, next step, and the sign-off, whose two sides are counted apart. (CATALOGUE §3)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from operator import itemgetter
from typing import Any

import numpy as np

from keyaudit.coded import Array
from keyaudit.facts import By, Facts, alike, facts
from keyaudit.rulebook import FINDINGS, STAGES, STATUSES, Code
from keyaudit.settings import of_pools
from keyaudit.words import listed, plain

IDLE = {  # what to do in a pool in which no key needs anybody, before the removal and after it
    "not_exported": FINDINGS[Code.pool_never_exported].remedy[::3],
    "moved": ("Expire the pool (Training Key Pools → the pool → Edit → Expires).", "Nothing."),
    "closed": ("Nothing.", "Nothing."),
}


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


def pool_rows(f: Facts) -> Iterator[PoolRow]:
    """Every pool: those that need action first, the most urgent on top."""
    statuses = f.by_home.tally(f.status, len(STATUSES)).tolist()
    backup, both = _distinct(f, f.is_in("pools_before")), _distinct(f, f.in_pools & ~f.is_set_aside)
    expires = of_pools(f, "expires_on").spread(np.datetime64("NaT", "s"), "datetime64[s]")
    courses, organizations = of_pools(f, "course"), of_pools(f, "organization")
    order = f.order[(f.needs & (f.home_pool >= 0))[f.order]]
    first = By(f.home_pool[order], f.pool_count).first()
    is_over, exported = f.pool_is_over | (expires <= f.as_of), f.pools.has_before | f.pools.has_now
    step, steps = f.next_step
    rows: list[tuple[int, PoolRow]] = []  # and the place of each
    for pool, name in enumerate(f.pools.names):
        if first[pool] >= 0:
            place, key = first[pool], order[first[pool]]
            what = steps[step[key]]
            stage, act_by = "begun" if f.pool_begun[pool] else "not_begun", f.act_by[key].item().date()
        else:
            stage, act_by = "not_exported" if not exported[pool] else "closed" if is_over[pool] else "moved", None
            place, what = len(order) + list(STAGES).index(stage), IDLE[stage][int(f.is_removed)]
        known = (name, courses[pool], organizations[pool], expires[pool], stage)
        counts = (int(backup[pool]), int(both[pool] - backup[pool]), _elsewhere(f, pool))
        own = dict(zip(STATUSES, statuses[pool], strict=True))
        rows.append((place, PoolRow(*known, own, what, act_by, *counts)))
    yield from (row for _, row in sorted(rows, key=itemgetter(0)))


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
