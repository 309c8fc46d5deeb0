"""Exports → an audit that shows itself: what was given is checked, and nothing may be lost. (DESIGN §1, §3, CATALOGUE §2)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow.compute as pc

from keyaudit.audit import Audit
from keyaudit.calendar import Calendar, as_date
from keyaudit.card import card, card_text, named_work
from keyaudit.changes import Changes, compare, read_former
from keyaudit.coded import Array
from keyaudit.columns import KEYS, ROLES, aliases, fold_header, role_of
from keyaudit.errors import ReconcileError, Slip
from keyaudit.explain import Explanation, explain, of_learner
from keyaudit.exports.names import fold_name
from keyaudit.exports.records import Export, Note, declared, frame_of
from keyaudit.facts import KEYED, By, Facts
from keyaudit.findings import Accepted
from keyaudit.rulebook import BY_PAIR, STATUSES, WORKS, Code
from keyaudit.share import hidden, masked, names_hold_codes
from keyaudit.tallies import NO_POOL, POOLS, cross_count, outlook

if TYPE_CHECKING:
    import pandas as pd

POOL_SHOWN = ("stage", "keys", "next_step", "act_by", "sign_off")  # of POOLS, beside the pool's name


@dataclass(frozen=True)
class Reconciliation(Audit):
    """An audit with its views: tables for display (masked), one key's story, what changed since another audit."""

    @cached_property
    def seen(self) -> Audit:
        """As it may be seen by others: where a name (of a pool, a file, …) holds a code, the twin that names none."""
        return masked(self) if not self.is_masked and names_hold_codes(self) else self

    def __repr__(self) -> str:
        """The card's text twin."""
        return card_text(self.seen)

    def _repr_html_(self) -> str:
        """The card: inline styles only, so that it survives an untrusted notebook and both themes."""
        return card(self.seen)

    def summary(self, by: str | None = None) -> pd.DataFrame:
        """Count keys per status (all 14, zeros included); by="pool", "course" or "organization" a row for each of them.

        Keys in no pool have a line of their own. Raises Slip for another `by`.
        """
        import pandas as pd

        if by is None:
            return pd.DataFrame({"keys": self.statuses}).rename_axis("status")
        if by not in ("pool", "course", "organization"):
            raise Slip(f'summary(by="{by}"): choose "pool", "course" or "organization"')
        unknown = NO_POOL if by == "pool" else "not known"
        table = pd.DataFrame(cross_count(self.seen.key_columns[by], self.key_columns["status"], unknown)).T
        table = table.reindex(columns=list(STATUSES)).sort_index()
        table.insert(0, "keys", table.sum(axis=1))
        return table.rename_axis(index=by, columns=None)

    def show(
        self,
        status: str | None = None,
        pool: str | None = None,
        works: str | None = None,
        limit: int = 20,
        *,
        contains: str | None = None,
        sort: str | None = None,
    ) -> pd.DataFrame:
        """Keys for display, the most urgent first, masked: reference and ending instead of the code. At most `limit` rows.

        `contains` is a part of a reference, status, pool, course or next step; `sort` a column of KEYS. Raises Slip for a
        status, works or column that there is not.
        """
        rows = np.arange(self.total)
        for column, value, known in (("status", status, STATUSES), ("works", works, WORKS), ("sort", sort, KEYS)):
            if value is not None and value not in known:
                raise Slip(f'show({column}="{value}"): choose one of {", ".join(known)}')
            if value is not None and column != "sort":
                rows = rows[(self.key_columns[column].codes == list(known).index(value))[rows]]
        if pool is not None:
            rows = rows[_of_pool(self, "key_columns", pool)[rows]]
        if contains is not None:
            rows = rows[(_containing(self.key_columns, contains) | _containing(self.seen.key_columns, contains))[rows]]
        if sort is not None:
            rows = self.keys[sort].iloc[rows].argsort(kind="stable").pipe(lambda places: rows[places.to_numpy()])
        return self.seen.shown_rows(rows[: max(limit, 0)])

    def show_findings(self, limit: int = 20, pool: str | None = None) -> pd.DataFrame:
        """Findings for display, of all or of one pool, grouped: severity, code, pool, how many, what to do. Masked.

        Where pool and course key differ in a name, each pair of names is a group of its own.
        """
        import pandas as pd

        found = self.seen.findings
        found = found if pool is None else found[_of_pool(self, "finding_columns", pool)]
        pair = found["message"].where(found["code"].isin(BY_PAIR), "")
        told = found.assign(severity=found["severity"].astype(str), pair=pair).astype({"pool": "str"})
        by = ["severity", "code", "pool", "pair", "remedy"]
        grouped = told.groupby(by, sort=False, dropna=False, observed=True)
        table = grouped.agg(findings=("message", "size"), message=("message", "first")).reset_index()
        table = table[["severity", "code", "pool", "findings", "message", "remedy"]].fillna("")
        if len(table) <= limit:
            return table
        message = f"{len(table) - limit} more: show_findings({len(table)})"
        more = {"code": "…", "findings": table["findings"][limit:].sum(), "message": message}
        return pd.concat([table.head(limit), pd.DataFrame([more])], ignore_index=True).fillna("")

    def today(self) -> pd.DataFrame:
        """The work list: act_by, pool, keys, status and what it means, next_step. The most urgent first; pools before keys, counts before codes."""
        of = self.seen
        rows = ((str(one.act_by), one.pool, one.keys, *named_work(of, [one]), one.next_step) for one in of.work)
        return frame_of(rows, ("act_by", "pool", "keys", "status", "what it means", "next_step"))

    def show_pools(self, *columns: str, pool: str | None = None) -> pd.DataFrame:
        """Pools for display, those that need action first, all or one: `pool` and some columns of `pools`, else POOL_SHOWN.

        Masked. Raises Slip for a column that there is not.
        """
        if unknown := [name for name in columns if name not in POOLS]:
            raise Slip(f'show_pools("{unknown[0]}"): choose of {", ".join(POOLS)}')
        pairs = zip(self.pool_rows, self.seen.pool_rows, strict=True)
        rows = [pool is None or fold_name(pool) in (fold_name(row.pool), fold_name(twin.pool)) for row, twin in pairs]
        return self.seen.pools.loc[rows, list(dict.fromkeys(("pool", *(columns or POOL_SHOWN))))]

    def outlook(self, by: str = "status", on: Iterable[dt.date] | None = None) -> pd.DataFrame:
        """Count the codes that would still work on each date if nothing changes.

        A row per date, columns `works` (all) and one per status, or per pool with by="pool". Without `on`: the day of the
        audit, the deadlines to come, and the twelve dates on which most codes stop working. A pool that has not started
        counts from its start. Raises Slip for another `by`, and for a date before the audit.
        """
        import pandas as pd

        if by not in ("status", "pool"):
            raise Slip(f'outlook(by="{by}"): choose "status" or "pool"')
        pools = [row.pool for row in self.pool_rows] if by == "pool" else None
        dates, names, counts = outlook(self.facts, pools, on)
        names = names if pools is None else [*(row.pool for row in self.seen.pool_rows), *names[len(pools) :]]
        index = pd.DatetimeIndex(np.array(dates, dtype="datetime64[s]"), name="date")
        table = pd.DataFrame(counts, columns=names, index=index)
        table.insert(0, "works", counts.sum(axis=1), allow_duplicates=True)
        return table

    # --- one key, other audits ---

    def explain(self, key: str | None = None) -> Explanation:
        """One key's whole story; `key` is a code, a reference, a unique ending, a learner's name or address. Masked.

        Without one: the story of the key that needs action most.
        """
        return explain(self.seen, key)

    def find(self, learner: str) -> pd.DataFrame:
        """The keys of a learner, by a part of a name or an address: masked, as `show`, with where the name stands."""
        where: dict[int, list[str]] = {}
        for key, role in of_learner(self.facts, learner):
            where.setdefault(key, []).append(role)
        rows = np.flatnonzero(np.isin(self.order, list(where)))
        table = self.seen.shown_rows(rows)
        table.insert(0, "named in", [", ".join(dict.fromkeys(where[int(key)])) for key in self.order[rows]])
        return table

    def browse(self) -> Any:
        """Every key, masked, in a table to sort and search (with itables, an extra); without it a plain table."""
        table = self.seen.shown_rows(np.arange(self.total)).reset_index()
        try:
            import itables  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            return table
        from IPython.display import HTML

        return HTML(  # type: ignore[no-untyped-call]
            itables.to_html_datatable(table, table_id="keyaudit-browse", connected=False, showIndex=False)
        )

    def changes_since(self, former: Former) -> pd.DataFrame:
        """Which keys moved to another status, or work otherwise, are new or gone since a former audit, and why.

        `former` is an audit or the keys.csv it wrote. Masked; columns CHANGES. Raises UnreadableFile for another file.
        """
        return self.compared_with(former).frame().map(self.seen.hide)

    def since(self, former: Former) -> Reconciliation:
        """The same audit; its card and its page also tell what changed since a former one."""
        twin = copy(self)  # what was found once is kept
        twin.__dict__.pop("seen", None)
        object.__setattr__(twin, "changes", self.compared_with(former))
        return twin

    def compared_with(self, former: Former) -> Changes:
        """The same as rows, and counted."""
        if isinstance(former, Reconciliation):
            former = former.key_columns
        return compare(read_former(former) if isinstance(former, (str, Path)) else former, self.key_columns)


Former: TypeAlias = Reconciliation | Mapping[str, Any] | str | Path  # or the columns of its keys, or its keys.csv


def _of_pool(audit: Audit, columns: str, name: str) -> Array:
    """Which rows are of a pool, as people write its name, or as it is shown."""
    given, shown = (getattr(one, columns)["pool"] for one in (audit, audit.seen))
    return np.any([of.has(lambda pool: fold_name(pool) == fold_name(name)) for of in (given, shown)], axis=0)


def _containing(columns: Mapping[str, Any], text: str) -> Array:
    """Which keys have a text in their reference, pool, course, status or next step; the case does not matter."""
    wanted = text.casefold()
    found = np.asarray(pc.match_substring(columns["reference"].texts(), text, ignore_case=True))
    for name in ("pool", "course", "status", "next_step"):
        found |= columns[name].has(lambda told: wanted in str(told).casefold())
    return found


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
    for role, export in {"pools_before": before, **exports}.items():
        if not isinstance(export, Export) or export.role != role:
            what = ROLES[export.role].title if isinstance(export, Export) else type(export).__name__
            where = ROLES[role].title.partition(":")[0]
            raise ReconcileError(f"reconcile() was given, as {where}: {what}. {_AS_READ[role]}")
    day = dt.date.today() if as_of is None else as_date(as_of, "as_of")
    same = _pairs(same_course), _pairs(same_organization)
    try:
        exports = _without_copies(exports)
        if pool_settings:
            exports["declared"] = declared(pool_settings)
        unreadable = tuple(unreadable)
        unread = (role_of(label.partition("/")[0]) for label, _ in unreadable)
        facts = Facts(exports, calendar or Calendar(), day, *same, log_is_complete, tuple(accepted), unread)
        audit = Reconciliation(facts, unreadable, name)
        _refuse_pool_among_course_keys(facts)
        _check(audit)
    except ReconcileError as problem:
        raise ReconcileError(hidden(str(problem), exports.values())) from None
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
    of = {role: {file.sha256: file.source_file for file in exports[role].files if file.rows_read} for role in exports}
    for role in ("pools_before", "pools_now"):
        for sha in of.get(role, {}).keys() & of.get("course_keys", {}).keys():
            one, other = of[role][sha], of["course_keys"][sha]
            raise ReconcileError(f"{one} and {other} are the same file. Take it out of the wrong folder.")
    copies = of.get("pools_now", {}).keys() & of["pools_before"].keys()
    if not copies:
        return exports
    now, before = exports["pools_now"], exports["pools_before"]
    text = "has the same bytes as {}: read as the backup only, a copy is no later export"
    shown = ((text.format(of["pools_before"][sha]), of["pools_now"][sha]) for sha in sorted(copies))
    told = [Note(Code.same_file_twice, *one) for one in shown]
    left = now.without_files({place for place, file in enumerate(now.files) if file.sha256 in copies}, told)
    if left.files:
        return exports | {"pools_now": left}
    del exports["pools_now"]
    return exports | {"pools_before": replace(before, told=(*before.told, *told))}


def _refuse_pool_among_course_keys(f: Facts) -> None:
    """A pool export in course-keys would make every key of it migrated."""
    if (export := f.exports.get("course_keys")) is None:
        return
    known, key = aliases("pools_before"), f.key[f.slices["course_keys"]]
    for place, file in enumerate(export.files):
        shown = {name for table in export.tables if table.file == place for name in table.columns}
        of_pools = {known.get(fold_header(header)) for header in file.columns_not_used.split(", ")}
        is_pools = "expires_on" not in shown or {"starts_on", "pool", "sitewide"} & of_pools
        keys = np.flatnonzero(By(key, f.keys).any(export.file == place))
        sizes = np.bincount(f.home_pool[keys[(f.in_pool & ~f.redeemed)[keys]]], minlength=1)
        if is_pools and not {"name", "max_uses", "uses"} & shown and sizes.any() and 2 * sizes.max() >= len(keys):
            pool = f.pools.names[int(sizes.argmax())]
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
    held = By(f.key, f.keys).any(f.is_in(*KEYED))
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
