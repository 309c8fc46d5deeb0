"""Exports → the answer: what was given is checked, the facts are asked for, and nothing may be lost. (DESIGN §1, CATALOGUE §2)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from keyaudit.audit import Reconciliation
from keyaudit.calendar import Calendar, as_date
from keyaudit.columns import ROLES, aliases, fold_header
from keyaudit.errors import ReconcileError
from keyaudit.exports.names import fold_name
from keyaudit.exports.records import Export, Note, declared
from keyaudit.facts import By, Facts
from keyaudit.findings import Accepted
from keyaudit.rulebook import Code


def reconcile(
    before: Export,
    course_keys: Export | None = None,
    *,
    as_of: str | dt.date | None = None,
    pools_now: Export | None = None,
    pool_list: Export | None = None,
    distribution: Export | None = None,
    other_keys: Export | None = None,
    assignments: Export | None = None,
    calendar: Calendar | None = None,
    same_course: Mapping[str, str] | None = None,
    same_organization: Mapping[str, str] | None = None,
    pool_settings: Mapping[str, Mapping[str, Any]] | None = None,
    log_is_complete: bool = False,
    accepted: Iterable[Accepted] = (),
    unreadable: Iterable[tuple[str, str]] = (),
    name: str = "",
) -> Reconciliation:
    """Reconcile the exports of a migration: a verdict on every key as of a date (default today).

    `before` is the backup (`read_pool_exports`), `course_keys` may be None. `same_course` and `same_organization` are
    pairs of names that mean the same; `pool_settings` what a pool's page in the TMS shows (course, organization, starts,
    expires, content_availability, sitewide). `unreadable` are files (label, problem) that were passed over. The exports
    are not changed. Raises ReconcileError where exports contradict each other or rows do not add up.
    """
    given = {
        "pools_before": before, "pools_now": pools_now, "course_keys": course_keys, "pool_list": pool_list,
        "distribution": distribution, "other_keys": other_keys, "assignments": assignments,
    }  # fmt: skip
    exports = {role: export for role, export in given.items() if export is not None}
    for role, export in exports.items():
        if not isinstance(export, Export) or export.role != role:
            what = ROLES[export.role].title if isinstance(export, Export) else type(export).__name__
            raise ReconcileError(
                f"reconcile() was given, as {ROLES[role].title.partition(':')[0]}: {what}. {_AS_READ[role]}"
            )
    exports = _without_copies(exports)
    if pool_settings:
        exports["declared"] = declared(pool_settings)
    day = dt.date.today() if as_of is None else as_date(as_of, "as_of")
    same = [_pairs(pairs) for pairs in (same_course, same_organization)]
    facts = Facts(exports, calendar or Calendar(), day, *same, log_is_complete, tuple(accepted))
    audit = Reconciliation(facts, facts.accepted, tuple(unreadable), name)
    _refuse_pool_among_course_keys(facts)
    _check(audit)
    return audit


_AS_READ = {
    "pools_before": "The backup comes first: reconcile(read_pool_exports(…), read_course_keys(…)).",
    "pools_now": "Read later exports with read_pool_exports(…, now=True).",
} | {role: f"Read it with {function}." for role, function in (
    ("course_keys", "read_course_keys"), ("pool_list", "read_pool_list"), ("distribution", "read_distribution_log"),
    ("other_keys", "read_other_keys"), ("assignments", "read_course_assignments"),
)}  # fmt: skip


def _without_copies(exports: dict[str, Export]) -> dict[str, Export]:
    """A copy of the backup in pools-now is no later export; one file of pools and of course keys stops the audit."""
    of = {role: {file.sha256: file for file in exports[role].files if file.rows_read} for role in exports}
    for role in ("pools_before", "pools_now"):
        for sha in of.get(role, {}).keys() & of.get("course_keys", {}).keys():
            one, other = of[role][sha].source_file, of["course_keys"][sha].source_file
            raise ReconcileError(f"{one} and {other} are the same file. Take it out of the wrong folder.")
    copies = of.get("pools_now", {}).keys() & of["pools_before"].keys()
    if not copies:
        return exports
    now = exports["pools_now"]
    told = [Note(Code.same_file_twice, f"has the same bytes as {of['pools_before'][sha].source_file}: read as the backup only, a copy is no later export", of["pools_now"][sha].source_file) for sha in sorted(copies)]  # fmt: skip
    left = now.without_files({place for place, file in enumerate(now.files) if file.sha256 in copies}, told)
    if left.files:
        return exports | {"pools_now": left}
    before = exports["pools_before"]
    kept = {role: export for role, export in exports.items() if role != "pools_now"}
    return kept | {"pools_before": replace(before, told=(*before.told, *told))}


def _refuse_pool_among_course_keys(f: Facts) -> None:
    """A pool export in course-keys would make every key of it migrated."""
    export = f.exports.get("course_keys")
    for place, file in enumerate(export.files if export else ()):
        tables = [table for table in export.tables if table.file == place] if export else []
        shown = frozenset().union(*(table.columns for table in tables))
        of_pools = {aliases("pools_before").get(fold_header(header)) for header in file.columns_not_used.split(", ")}
        if {"name", "max_uses", "uses"} & shown or (
            "expires_on" in shown and not {"starts_on", "pool", "sitewide"} & of_pools
        ):
            continue
        start = f.slices["course_keys"].start
        keys = (
            np.unique(f.key[start + np.flatnonzero(export.file == place)]) if export else np.array([], dtype=np.int64)
        )
        open_ = keys[(f.in_pool & ~f.redeemed)[keys]]
        if len(open_) and 2 * np.bincount(f.home_pool[open_]).max() >= len(keys):
            pool = f.pools.names[int(np.bincount(f.home_pool[open_]).argmax())]
            raise ReconcileError(
                f'{file.source_file}: at least half of its codes are unredeemed keys of the pool "{pool}", and it has no '
                "column that only a course-key export has (name, max uses, uses): it is an export of that pool. "
                "Move it into pools-now if it is newer than the backup, else into pools-before."
            )


def _check(audit: Reconciliation) -> None:
    """Nothing is lost: every file's rows, and the keys over all files, add up. (CATALOGUE §3, tie-out)"""
    for row in audit.source_rows:
        if row["rows_read"] != row["keys"] + row["repeats"] + row["set_aside"]:
            raise ReconcileError(f"{row['source_file']}: rows read and rows accounted for differ. Please report this.")
    f = audit.facts
    held = By(f.key, f.keys).any(f.is_in("pools_before", "pools_now", "course_keys"))
    if not held.all() or (f.status < 0).any() or sum(audit.statuses.values()) != f.keys:
        raise ReconcileError("The keys of all files and the keys with a status differ in number. Please report this.")


def _pairs(pairs: Mapping[str, str] | None) -> dict[str, str]:
    """Folded name → the name that stands for all that are declared equal, over any number of pairs."""
    leader: dict[str, str] = {}
    for one, other in (pairs or {}).items():
        names = {leader.get(name, name) for name in (fold_name(one), fold_name(other))}
        members = names | {name for name, first in leader.items() if first in names}
        leader |= dict.fromkeys(members, min(names))
    return leader
