"""The sunset calendar as data: which phase a date is in, and how many days are left. (DOMAIN §4)"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

from keyaudit.errors import CaseError, KeyauditError

DAY = dt.timedelta(days=1)
YEARS = range(1990, 2101)  # of which an audit may speak


@dataclass(frozen=True)
class Calendar:
    """The dates of one migration. Each takes effect at the start of its day; `migrate_by` is the last good day."""

    announced_on: dt.date = dt.date(2026, 3, 19)
    migrate_by: dt.date = dt.date(2026, 4, 10)
    creation_off: dt.date = dt.date(2026, 4, 17)
    read_only: dt.date = dt.date(2026, 5, 8)
    removed: dt.date = dt.date(2026, 5, 29)

    def __post_init__(self) -> None:
        dates = vars(self)
        for name in [*dates][:-1]:  # the removal may never come
            as_date(dates[name], f"[calendar] {name}")
        for (former, first), (name, date) in pairwise(dates.items()):
            if date < first:
                told = f"[calendar] {name} = {date} lies before {former} = {first}"
                raise CaseError(f"{told}. The dates must follow each other: {', '.join(dates)}.")

    def phase(self, on: dt.date) -> str:
        """Name the phase `on` falls in: one of `PHASES`."""
        ends = (self.announced_on, self.migrate_by + DAY, self.creation_off, self.read_only, self.removed)
        return next((phase for phase, end in zip(PHASES, ends, strict=False) if on < end), "removed")

    def period(self, on: dt.date) -> int:
        """The place in `PERIODS` of the rules that hold `on` a day: what is still possible in the pools."""
        return sum(on >= day for day in (self.migrate_by, self.read_only, self.removed))

    def next_deadline(self, on: dt.date) -> tuple[str, dt.date] | None:
        """Name and date of the next deadline that is still to come (a day that is today counts)."""
        return next(((name, date) for name, date in self.deadlines() if date >= on), None)

    def deadlines(self) -> list[tuple[str, dt.date]]:
        """The four deadlines with the words used in every view."""
        return [(label, getattr(self, field)) for field, label in DEADLINES.items()]

    def last_day_to_migrate(self, on: dt.date) -> dt.date:
        """The last day on which a key still in a pool can be dealt with in time, seen from `on`. (CATALOGUE §3, act_by)"""
        choices = (self.migrate_by, self.read_only - DAY, self.removed - DAY)
        return next((last for last in choices if last >= on), on)


DEADLINES = {
    "migrate_by": "Migrate by",
    "creation_off": "No new pools",
    "read_only": "Pools read-only",
    "removed": "Pools removed",
}

PERIODS = ("before", "last days", "read-only", "removed")  # until the day before migrate-by; read-only; removal; after

PHASES = {
    "before_announcement": "The end of the pools is not announced yet.",
    "migrate": "Pools can be edited: migrate the keys that learners hold.",
    "late": "The migrate-by date has passed. Pools can still be edited: migrating is late, but possible.",
    "creation_off": "No new pools can be created. Pools can still be edited: migrating is late, but possible.",
    "read_only": "Pools are read-only: a code cannot be freed any more. It works while its pool is active.",
    "removed": "Pools are removed: a code that was not migrated is dead.",
}


def as_date(value: str | dt.date | None, what: str) -> dt.date:
    """A date given by a person: ISO text or a date. Raises KeyauditError naming `what`."""
    value = value.date() if isinstance(value, dt.datetime) else value
    try:
        day = value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
    except ValueError:
        raise KeyauditError(f'{what}: "{value}" is no date. Write it as YYYY-MM-DD, for example 2026-04-09.') from None
    if day.year not in YEARS:
        raise KeyauditError(f"{what}: {day} is not of the years {YEARS[0]} to {YEARS[-1]}.")
    return day
