"""The one noun: a frozen answer to what became of every key. (DESIGN §1, §3)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keyaudit.changes import compare, read_former
from keyaudit.columns import ROLES, give_back_memory
from keyaudit.deadlines import Calendar, away, count, weekday
from keyaudit.errors import ReconcileError
from keyaudit.explain import Explanation, explain
from keyaudit.exports.read import NOTES, Export, as_date, fold_name
from keyaudit.facts import NEVER, Agreements, Array, Evidence, Exports
from keyaudit.findings import BY_PAIR, SEVERITIES, Accepted, Context, find
from keyaudit.masking import endings
from keyaudit.statuses import FAMILIES, STATUSES, WORKS
from keyaudit.verdicts import in_order, judge

STAGES = {
    "not_exported": "in the pool list, in no export",
    "not_begun": "no key of it is a course key yet",
    "begun": "some keys are course keys, others are still to be dealt with",
    "moved": "nothing left to do in it",
    "closed": "nothing left to do, and expired or removed",
}
VERDICTS = {
    "blocked": "Learners are locked out, or money is lost.",
    "act": "Something is likely to go wrong: act.",
    "incomplete": "The exports leave questions open.",
    "watch": "Nothing is wrong yet; some things are worth a look.",
    "clear": "Nothing is open.",
}
ANSWERS = {
    "distributed but unredeemed": "every unredeemed pool key, except those the log shows nobody was sent; certain = the log names it",
    "duplicates": "keys two places show, and keys listed twice, in conflict, or shared with another kind of key; "
    "certain = the status is duplicate",
    "migrated": "keys of a pool that are course keys under the right course",
    "missing": "gone from their pool and not in course keys; possibly also those of a begun pool not exported again",
}
NO_POOL = "in no pool"  # the line of keys that stand only in course keys
NEEDS_SOMEBODY = tuple(code for code, row in STATUSES.items() if row.act_by in ("now", "deadline"))


@dataclass(frozen=True)
class Reconciliation:
    """What became of every key, on a date.

    `keys`: one row per key, columns KEYS, full codes: for computing, not for display. `pools`: one row per pool.
    `findings`: what a person must look at, worst first. `tie_out`, `sources`: one row per file. `answers`: four rows.
    """

    keys: pd.DataFrame
    pools: pd.DataFrame
    findings: pd.DataFrame
    sources: pd.DataFrame
    tie_out: pd.DataFrame
    answers: pd.DataFrame
    not_checked: tuple[str, ...]
    as_of: dt.date
    calendar: Calendar
    _evidence: Evidence = field(repr=False, compare=False)
    is_masked: bool = False  # a twin to share: no code in full, no person (share.py)

    @property
    def verdict(self) -> str:
        """One of VERDICTS, worst first."""
        counts = self.count_findings()
        if counts["critical"]:
            return "blocked"
        if counts["error"]:
            return "act"
        if self.not_checked:
            return "incomplete"
        return "watch" if counts["warning"] else "clear"

    @property
    def phase(self) -> str:
        """The phase of the calendar, one of PHASES."""
        return self.calendar.phase(self.as_of)

    @property
    def statuses(self) -> dict[str, int]:
        """How many keys have each of the 14 statuses, zeros included."""
        return {str(code): int(n) for code, n in self.keys["status"].value_counts().reindex(list(STATUSES)).items()}

    @property
    def works(self) -> dict[str, int]:
        """How many keys work, are used, …: every value of WORKS, zeros included."""
        return {str(value): int(n) for value, n in self.keys["works"].value_counts().reindex(list(WORKS)).items()}

    @property
    def open_keys(self) -> pd.DataFrame:
        """The keys that need somebody: those with a date to act by."""
        return self.keys[self.keys["act_by"].notna()]

    @property
    def status_lines(self) -> list[StatusLine]:
        """Every status with its counts: those that need somebody first, the most urgent on top; then the others."""
        open_ = self.open_keys.groupby("status", observed=True)["act_by"].agg(["size", "min"])
        found = {str(code): (int(row["size"]), row["min"].date()) for code, row in open_.iterrows()}
        lines = [StatusLine(code, count, *found.get(code, (0, None))) for code, count in self.statuses.items()]
        return sorted(
            lines, key=lambda line: (line.act_by is None, line.act_by or self.as_of, _URGENCY.index(line.status))
        )

    def told(self, line: StatusLine) -> str:
        """What a status asks for: by when somebody is needed, else what it means for the learner."""
        if line.act_by is None:
            return FAMILIES[STATUSES[line.status].family][2]
        return self.when(line.act_by) + (f": {line.open:,} of them" if line.open < line.keys else "")

    def when(self, day: dt.date) -> str:
        """`today`, or `by Fri 10 Apr 2026`."""
        return "today" if day == self.as_of else f"by {weekday(day)}"

    @property
    def headline(self) -> str:
        """The verdict in one sentence with its figure."""
        open_, keys = len(self.open_keys), len(self.keys)
        of = f"{open_:,} of {count(keys)}"
        if self.verdict == "clear":
            every = "the one key is" if keys == 1 else f"all {keys:,} keys are"
            return f"Nothing is open: {every} accounted for."
        if open_:
            return f"{of} {'needs' if open_ == 1 else 'need'} somebody."
        return {
            "incomplete": "No key needs somebody, but some questions are open.",
            "watch": "No key needs somebody; some things are worth a look.",
        }.get(self.verdict, "No key needs somebody, but there are findings to look at.")

    def dates(self) -> pd.DataFrame:
        """What charts need beyond `keys`, in its order; blank = not known.

        `starts_on` of its pool; was it `redeemed` in its pool; `redeemed_at`, there or as a course key; `recreated_at` =
        the first day its course key is known to exist.
        """
        e, never = self._evidence, np.datetime64("NaT", "s")

        def first(ids: Any, dates: pd.Series) -> pd.Series:
            days, last = dates.to_numpy(dtype="datetime64[s]"), np.datetime64(2**62, "s")
            earliest = np.full(e.count, last)
            known = ~np.isnat(days) & (ids >= 0)
            np.minimum.at(earliest, ids[known], days[known])
            return pd.Series(np.where(earliest < last, earliest, never))

        used_at = first(e.course_ids, e.course_rows["redeemed_at"])
        if e.exports.assignments is not None:
            paid_at = e.exports.assignments.rows["created_at"].iloc[e.paid_row[e.paid_live]]
            used_at = used_at.fillna(first(e.paid_key[e.paid_live], paid_at))
        redeemed = pd.Series(e.redeemed & e.in_pool)
        table = pd.DataFrame(
            {
                "starts_on": np.append(e.starts.value, never)[e.home],
                "redeemed": redeemed,
                "redeemed_at": pd.Series(e.redeemed_at).where(redeemed).fillna(used_at),
                "recreated_at": first(e.course_ids, e.course_rows["created_at"]),
            }
        )
        return table.loc[self.keys.index]

    def count_findings(self) -> dict[str, int]:
        """How many findings of each severity, zeros included."""
        return {str(s): int(n) for s, n in self.findings["severity"].value_counts().reindex(list(SEVERITIES)).items()}

    def summary(self, by: str | None = None) -> pd.DataFrame:
        """Count keys per status (all 14, zeros included); by="pool", "course" or "organization" a row for each of them.

        Keys in no pool have a line of their own. Raises ValueError for another `by`.
        """
        if by is None:
            return pd.DataFrame({"keys": self.statuses}).rename_axis("status")
        if by not in ("pool", "course", "organization"):
            raise ValueError(f'summary(by="{by}"): choose "pool", "course" or "organization"')
        table = cross_count(self.keys[by], self.keys["status"])
        without = self.keys.loc[self.keys[by].isna(), "status"].value_counts().reindex(list(STATUSES))
        if without.any():
            unknown = NO_POOL if by == "pool" else "not known"
            table = pd.concat([table, without.to_frame(unknown).T]).groupby(level=0).sum()
        table.insert(0, "keys", table.sum(axis=1))
        return table.rename_axis(index=by, columns=None)

    def show(
        self, status: str | None = None, pool: str | None = None, works: str | None = None, limit: int = 20
    ) -> pd.DataFrame:
        """Keys for display, masked: reference and ending instead of the code. At most `limit` rows."""
        keys = self.keys
        for column, value, known in (("status", status, list(STATUSES)), ("works", works, list(WORKS))):
            if value is not None:
                if value not in known:
                    raise ValueError(f'show({column}="{value}"): choose one of {", ".join(known)}')
                keys = keys[keys[column] == value]
        if pool is not None:
            keys = keys[keys["pool"].astype("str").fillna("").map(fold_name) == fold_name(pool)]
        keys = keys.head(limit)
        table = pd.DataFrame({"key": keys["reference"], "ends in": endings(keys["training_key"])})
        for column in ("status", "works", "works_until", "act_by"):
            table[column] = _plain(keys[column])
        table["next step"] = keys["next_step"].astype("str")
        return table.set_index("key")

    def show_findings(self, limit: int = 20) -> pd.DataFrame:
        """Findings for display, grouped: severity, code, pool, how many, what to do. Masked.

        Where pool and course key differ in a name, each pair of names is a group of its own.
        """
        pair = self.findings["message"].where(self.findings["code"].isin(BY_PAIR), "")
        counted = self.findings.assign(severity=self.findings["severity"].astype(str), pair=pair)
        grouped = counted.groupby(["severity", "code", "pool", "pair"], sort=False, dropna=False)
        table = grouped.agg(findings=("message", "size"), message=("message", "first"), remedy=("remedy", "first"))
        table = table.reset_index().drop(columns="pair")
        if len(table) <= limit:
            return table
        more = len(table) - limit
        rest = {
            "code": "…",
            "findings": table["findings"][limit:].sum(),
            "message": f"{more} more: show_findings({len(table)})",
        }
        return pd.concat([table.head(limit), pd.DataFrame([rest])], ignore_index=True).fillna("")

    def today(self) -> pd.DataFrame:
        """The work list: what to do, by when, in which pool, for how many keys. The most urgent first."""
        open_ = self.open_keys
        grouped = open_.assign(
            pool=open_["pool"].astype("str").fillna(NO_POOL),
            status=open_["status"].astype("str"),
            next_step=open_["next_step"].astype("str"),
        ).groupby(["act_by", "status", "pool", "next_step"], sort=False)
        table = grouped.size().rename("keys").reset_index()
        order = {code: place for place, code in enumerate(_URGENCY)}
        table = table.assign(order=table["status"].map(order)).sort_values(
            ["act_by", "order", "keys", "pool"], ascending=[True, True, False, True], kind="stable", ignore_index=True
        )
        table["act_by"] = _plain(table["act_by"])
        return table[["act_by", "pool", "keys", "status", "next_step"]]

    def outlook(self, by: str = "status", on: Iterable[dt.date] | None = None) -> pd.DataFrame:
        """Count the codes that would still work on each date if nothing changes.

        A row per date, columns `works` (all) and one per status, or per pool with by="pool". Without `on`: the day of the
        audit, the deadlines to come, and the twelve dates on which most codes stop working. A pool that has not started
        counts from its start. Raises ValueError for another `by`, and for a date before the audit.
        """
        if by not in ("status", "pool"):
            raise ValueError(f'outlook(by="{by}"): choose "status" or "pool"')
        keys = self.keys[self.keys["works"].isin(["yes", "not_yet"])]
        until = keys["works_until"].to_numpy()
        today = np.datetime64(self.as_of, "s")
        dates = sorted({self.as_of, *self._turning_points(until[until > today])} if on is None else set(on))
        if dates and dates[0] < self.as_of:
            raise ValueError(f"outlook: {dates[0]} lies before the day of the audit, {self.as_of}")
        e = self._evidence
        home = e.home[keys.index]
        start = np.where(home >= 0, np.append(e.starts.value, NEVER)[home], NEVER)
        start = np.where((keys["works"] == "yes") | np.isnat(start), today, start)
        if by == "status":
            group, names = keys["status"].cat.codes.to_numpy(), list(STATUSES)
        else:
            pool = keys["pool"].astype("str").fillna(NO_POOL)
            names = list(dict.fromkeys([*self.pools["pool"], *([NO_POOL] if (pool == NO_POOL).any() else [])]))
            group = pd.Index(names).get_indexer(pool)
        days = [np.datetime64(date, "s") for date in dates]
        alive = [group[(start <= day) & ~(until <= day)] for day in days]
        counts = np.array([np.bincount(left, minlength=len(names)) for left in alive]).reshape(len(days), len(names))
        table = pd.DataFrame(counts, columns=names, index=pd.DatetimeIndex(days, name="date"))
        table.insert(0, "works", counts.sum(axis=1), allow_duplicates=True)
        return table

    def _turning_points(self, until: Array) -> list[dt.date]:
        """The deadlines to come, and the twelve dates on which most codes stop working."""
        coming = [date for _, date in self.calendar.deadlines() if date > self.as_of]
        dates, counts = np.unique(until, return_counts=True)
        most = dates[np.argsort(-counts, kind="stable")[:12]]
        return [*coming, *(date.date() for date in most.astype("datetime64[s]").tolist())]

    def explain(self, key: str) -> Explanation:
        """One key's whole story; `key` is a code, a reference or a unique ending. Never shows the full code."""
        return explain(key, self.keys, self.findings, self._evidence)

    def changes_since(self, former: Reconciliation | str | Path) -> pd.DataFrame:
        """Which keys moved to another status, or work otherwise, are new or gone since a former audit, and why.

        `former` is an audit or the keys.csv it wrote. Masked; columns CHANGES. Raises UnreadableFile for another file.
        """
        return compare(former.keys if isinstance(former, Reconciliation) else read_former(former), self.keys)

    def __repr__(self) -> str:
        """The card's text twin."""
        lines = [self.headline, f"as of {weekday(self.as_of)}; {self.deadline_sentence()}"]
        lines += [f"not checked: {text}" for text in self.not_checked]
        width = max(len(code) for code in STATUSES)
        lines += [f"  {one.status:<{width}}  {one.keys:>9,}  {self.told(one)}" for one in self.status_lines if one.keys]
        lines += ["", *(f"{row.answer}: {row.count:,} (certain: {row.certain:,})" for row in self._answer_rows())]
        total = self.tie_out_sums()
        lines.append(
            f"{total['rows_read']:,} rows read = {total['keys']:,} keys + {total['repeats']:,} repeats + "
            f"{total['set_aside']:,} set aside"
        )
        return "\n".join(lines)

    def _answer_rows(self) -> list[Answer]:
        return [Answer(*row) for row in self.answers[["answer", "count", "certain"]].itertuples(index=False)]

    def _repr_html_(self) -> str:
        """The card: inline styles only, so that it survives an untrusted notebook and both themes."""
        from keyaudit.card import card

        return card(self)

    def deadline_sentence(self) -> str:
        """How far the next deadline is."""
        coming = self.calendar.next_deadline(self.as_of)
        if coming is None:
            days = (self.as_of - self.calendar.removed).days
            return f"the pools were removed on {weekday(self.calendar.removed)}, {count(days, 'day')} ago"
        label, date = coming
        days = (date - self.as_of).days
        when = away(days)
        return f"next deadline: {label.lower()} {weekday(date)}, {when}"

    def tie_out_sums(self) -> dict[str, int]:
        """Sums over pool and course-key files; `unexplained` is always 0 (checked when the audit was made)."""
        table = self.tie_out
        sums = {name: int(table[name].sum()) for name in ("rows_read", "keys", "repeats", "set_aside")}
        sums["unexplained"] = sums["rows_read"] - sums["keys"] - sums["repeats"] - sums["set_aside"]
        return sums

    def as_summary(self) -> dict[str, Any]:
        """The content of summary.json. (DESIGN §4)"""
        return {
            "as_of": self.as_of.isoformat(),
            "phase": self.phase,
            "verdict": self.verdict,
            "answers": self.answers.to_dict("records"),
            "keys": len(self.keys),
            "statuses": self.statuses,
            "works": self.works,
            "findings": self.count_findings(),
            "tie_out": self.tie_out_sums(),
            "sources": self.sources.to_dict("records"),
            "not_checked": list(self.not_checked),
        }


@dataclass(frozen=True)
class StatusLine:
    """A status: how many keys have it, how many of them need somebody, and by when the first of those."""

    status: str
    keys: int
    open: int
    act_by: dt.date | None


@dataclass(frozen=True)
class Answer:
    """One of the four answers."""

    answer: str
    count: int
    certain: int


_FIRST = ("missing", "lapsed", "altered", "wrong_course", "migrated", "duplicate", "redeemed_recreated")
_URGENCY = (*_FIRST, *(code for code in STATUSES if code not in _FIRST))


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
    log_is_complete: bool = False,
    accepted: Iterable[Accepted] = (),
    unreadable: Iterable[tuple[str, str]] = (),
) -> Reconciliation:
    """Reconcile the exports of a migration: a verdict on every key as of a date (default today).

    `before` is the backup (`read_pool_exports`), `course_keys` may be None. `same_course` and `same_organization` are
    pairs of names that mean the same. `unreadable` are files (label, problem) that were passed over. The exports are not
    changed. Raises ReconcileError where exports contradict each other or rows do not add up.
    """
    day = dt.date.today() if as_of is None else as_date(as_of, "as_of")
    calendar = calendar or Calendar()
    exports = Exports(before, pools_now, course_keys, pool_list, distribution, other_keys, assignments)
    agreements = Agreements(_pairs(same_course), _pairs(same_organization), log_is_complete)
    evidence = Evidence(exports, agreements, calendar, day)
    give_back_memory()
    by_number = judge(evidence)
    give_back_memory()
    sources = _sources(evidence)
    tie_out = sources.loc[sources["role"].map(lambda role: ROLES[role].counts_in_tie_out)]
    tie_out = tie_out[["role", "source_file", "rows_read", "keys", "repeats", "set_aside"]].reset_index(drop=True)
    _refuse_one_file_in_two_roles(sources)
    notes = pd.concat([export.notes for export in exports.given()], ignore_index=True)
    extra = [*evidence.pools.notes, *(("file_unreadable", "", "", text, file, "", 0) for file, text in unreadable)]
    notes = pd.concat([notes, pd.DataFrame(extra, columns=list(NOTES))], ignore_index=True) if extra else notes
    findings = find(Context(evidence, by_number, calendar, day), notes, accepted)
    keys = in_order(by_number)
    _check(evidence, keys, sources)
    pools = _pools(evidence, keys, calendar, day)
    answers = _answers(evidence, keys, findings)
    not_checked = _not_checked(evidence, keys, findings, sources)
    give_back_memory()
    return Reconciliation(keys, pools, findings, sources, tie_out, answers, not_checked, day, calendar, evidence)


def _pairs(pairs: Mapping[str, str] | None) -> dict[str, str]:
    """Folded name → the name that stands for all that are declared equal, over any number of pairs."""
    leader: dict[str, str] = {}
    for one, other in (pairs or {}).items():
        names = {leader.get(name, name) for name in (fold_name(one), fold_name(other))}
        members = names | {name for name, first in leader.items() if first in names}
        leader |= dict.fromkeys(members, min(names))
    return leader


def _sources(e: Evidence) -> pd.DataFrame:
    """One row per file; keys, repeats and set aside as the audit counts them."""
    sources = pd.concat([export.sources for export in e.exports.given()], ignore_index=True)
    if e.now_set_aside.any() and e.exports.now is not None:
        aside = e.exports.now.rows.loc[e.now_set_aside, "source_file"].astype("str").value_counts()
        for file, count in aside.items():
            row = (sources["role"] == "pools_now") & (sources["source_file"] == file)
            sources.loc[row, "set_aside"] += count
            sources.loc[row, "keys"] -= count
    known = _matched(e)
    sources["matched"] = pd.array(
        [known.get(pair) for pair in zip(sources["role"], sources["source_file"], strict=True)], dtype="Int64"
    )
    sources["unmatched"] = sources["keys"] - sources["matched"]
    return sources


def _matched(e: Evidence) -> dict[tuple[str, str], int]:
    """Of every log, other-key and assignment file: how many of its codes (payments) are those of a key we know."""
    strange = set(e.log_strangers.index)
    other = (e.other_ids >= 0) & (e.other_ids < e.readable.sum())
    named = {
        "distribution": (e.exports.distribution, [number not in strange for number in e.log_ids]),
        "other_keys": (e.exports.other_keys, other),
        "assignments": (e.exports.assignments, None),
    }
    found: dict[tuple[str, str], int] = {}
    for role, (export, mask) in named.items():
        if export is None:
            continue
        rows = export.rows.iloc[np.unique(e.paid_row)] if mask is None else export.rows[np.asarray(mask, dtype=bool)]
        counted = rows.groupby(rows["source_file"].astype("str"))[ROLES[role].required].nunique()
        found |= {(role, file): int(counted.get(file, 0)) for file in export.sources["source_file"]}
    return found


def _refuse_one_file_in_two_roles(sources: pd.DataFrame) -> None:
    """One export cannot be of pools and of course keys: every key would count as migrated."""
    course = sources[(sources["role"] == "course_keys") & (sources["rows_read"] > 0)].set_index("sha256")["source_file"]
    for row in sources[sources["role"].isin(["pools_before", "pools_now"])].itertuples():
        if row.sha256 in course.index:
            raise ReconcileError(
                f"{row.source_file} and {course[row.sha256]} are the same file. Take it out of the wrong folder."
            )


def _check(e: Evidence, keys: pd.DataFrame, sources: pd.DataFrame) -> None:
    """Nothing is lost: every file's rows, and the keys over all files, add up. (CATALOGUE §3, tie-out)"""
    off = sources[sources["rows_read"] != sources["keys"] + sources["repeats"] + sources["set_aside"]]
    if len(off):
        raise ReconcileError(
            f"{off['source_file'].iloc[0]}: rows read and rows accounted for differ. Please report this."
        )
    held = np.bincount(e.all_ids[e.all_ids >= 0]) > 0
    if len(keys) != held.sum() or keys["status"].isna().any() or len(keys) != e.count:
        raise ReconcileError("The keys of all files and the keys with a status differ in number. Please report this.")


def cross_count(group: pd.Series, kind: pd.Series) -> pd.DataFrame:
    """How many keys of each kind (columns) every group has, by name; for two columns of categories. Groups without any are left out."""
    groups, kinds = group.cat.categories, kind.cat.categories
    number, of = group.cat.codes.to_numpy().astype(np.int64), kind.cat.codes.to_numpy()
    is_in = number >= 0
    counts = np.bincount(number[is_in] * len(kinds) + of[is_in], minlength=len(groups) * len(kinds))
    table = pd.DataFrame(counts.reshape(-1, len(kinds)), index=pd.Index(groups, dtype="str"), columns=list(kinds))
    return table[table.any(axis=1)].sort_index()


def _pools(e: Evidence, keys: pd.DataFrame, calendar: Calendar, day: dt.date) -> pd.DataFrame:
    """One row per pool: its settings, counts per status, stage, next step, act_by, and whether the counts balance."""
    table = e.pools.table
    pools = pd.DataFrame({"pool": table["pool"]})
    place = pd.Series(np.arange(len(e.place_pool)), index=e.place_pool)
    first = place[~place.index.duplicated()].reindex(range(len(table)))
    known = first.notna().to_numpy()
    at = first[known].astype(int).to_numpy()
    for name, values in (("course", e.course_text), ("organization", e.organization_text)):
        column = np.full(len(table), None, dtype=object)
        column[known] = values[at]
        pools[name] = pd.Series(column, dtype="str")
    expires = np.full(len(table), np.datetime64("NaT", "s"))
    expires[known] = e.expires.value[at]
    pools["expires_on"] = expires
    counts = cross_count(keys["pool"], keys["status"]).reindex(index=pools["pool"], fill_value=0)
    open_ = keys[keys["act_by"].notna() & keys["pool"].notna()]
    act_by = open_.groupby(open_["pool"].astype("str"))["act_by"].min().reindex(pools["pool"])
    has_export = (table["has_before"] | table["has_now"]).to_numpy()
    is_over = np.array([day >= calendar.removed] * len(table)) | (expires <= np.datetime64(day, "s"))
    left = act_by.notna().to_numpy()
    stage = np.select(
        [~has_export, ~left & is_over, ~left, e.pool_begun],
        ["not_exported", "closed", "moved", "begun"],
        default="not_begun",
    )
    pools["stage"] = pd.Categorical(stage, list(STAGES), ordered=True)
    pools["keys"] = counts.sum(axis=1).to_numpy()
    for code in STATUSES:
        pools[code] = counts[code].to_numpy()
    worst = open_.assign(order=open_["status"].astype(str).map({c: i for i, c in enumerate(_URGENCY)}))
    worst = worst.sort_values(["act_by", "order"], kind="stable").drop_duplicates("pool").set_index("pool")["next_step"]
    step = worst.astype("str").reindex(pools["pool"]).to_numpy(dtype=object)
    unseen = "Look for an export made before the removal." if e.is_removed else "Export this pool."
    idle = {"not_exported": unseen, "moved": "Expire the pool in the TMS.", "closed": "Nothing."}
    pools["next_step"] = [
        idle.get(s, text if isinstance(text, str) else "") for s, text in zip(stage, step, strict=True)
    ]
    pools["act_by"] = act_by.to_numpy()
    home = np.bincount(e.home_pool[e.home_pool >= 0], minlength=len(table))
    pools["exported"] = home
    pools["sign_off"] = [_signed_off(row) for row in pools[["exported", *STATUSES]].itertuples(index=False)]
    pools["balanced"] = home == pools["keys"].to_numpy()
    return pools


def _signed_off(row: Any) -> str:
    """What a person signs: `60 exported = 32 migrated + 28 redeemed`."""
    parts = [f"{n:,} {code}" for code, n in zip(STATUSES, row[1:], strict=True) if n]
    return f"{row[0]:,} exported = {' + '.join(parts) or 'nothing'}"


def _answers(e: Evidence, keys: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """The user's four words, always four rows. (CATALOGUE §3)"""
    numbers = keys.index.to_numpy()
    status, works = keys["status"], keys["works"]
    unredeemed = (e.in_pool & ~e.redeemed)[numbers] & (status != "undistributed").to_numpy()
    doubled = findings.loc[
        findings["code"].isin(["repeated_row", "conflicting_rows", "collides_with_other_key"]), "training_key"
    ]
    duplicate = status == "duplicate"
    doubtful = duplicate | (keys["training_key"].isin(set(doubled)) if len(doubled) else False)
    missing = status == "missing"
    possibly = missing | ((status == "to_migrate") & (works == "unknown"))
    migrated = int((status == "migrated").sum())
    counts = (
        (int(unredeemed.sum()), int((unredeemed & (e.is_distributed == 1)[numbers]).sum())),
        (int(doubtful.sum()), int(duplicate.sum())),
        (migrated, migrated),
        (int(possibly.sum()), int(missing.sum())),
    )
    rows = [(answer, *count, ANSWERS[answer]) for answer, count in zip(ANSWERS, counts, strict=True)]
    return pd.DataFrame(rows, columns=["answer", "count", "certain", "definition"])


def _not_checked(e: Evidence, keys: pd.DataFrame, findings: pd.DataFrame, sources: pd.DataFrame) -> tuple[str, ...]:
    """What the audit could not decide: with any of these the verdict is at best `incomplete`."""
    found = []
    undetermined = int((keys["status"] == "undetermined").sum())
    unknown = int(((keys["works"] == "unknown") & (keys["status"] != "undetermined")).sum())
    if not e.given:
        found.append("No Find Course Assignment Keys export was given: what was migrated is not known.")
    if undetermined:
        found.append(f"{count(undetermined)} could not be given a verdict.")
    if unknown:
        found.append(f"It is not known whether {count(unknown)} would work.")
    for row in sources[sources["damaged"] > 0].itertuples():
        found.append(
            f"{row.source_file}: {row.damaged} damaged {'row was' if row.damaged == 1 else 'rows were'} set aside; a key may be lost there."
        )
    found += [row.message for row in findings[findings["code"] == "file_unreadable"].itertuples()]
    return tuple(found)


def _plain(column: pd.Series) -> pd.Series:
    """Dates and categories as text for display, blanks empty."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.strftime("%Y-%m-%d").fillna("")
    return column.astype("str").fillna("")
