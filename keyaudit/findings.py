"""Everything a person must look at: a row per finding, and one small check per kind. (CATALOGUE §5)"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from keyaudit.columns import FINDINGS
from keyaudit.deadlines import Calendar
from keyaudit.exports.codes import FRAGILE
from keyaudit.exports.read import fold_name
from keyaudit.facts import KNOWN, NEVER, NO_COLUMN, Array, Evidence, both_known_and_differ
from keyaudit.lookalikes import caseless
from keyaudit.masking import ending

BY_PAIR = ("wrong_course", "organization_differs")  # grouped by pool value → key value, which their message names
SEVERITIES = ("critical", "error", "warning", "note", "accepted")


@dataclass(frozen=True)
class Context:
    """What a check may look at: the evidence, the verdicts by key number, and the day."""

    evidence: Evidence
    keys: pd.DataFrame
    calendar: Calendar
    as_of: dt.date

    def of_keys(self, mask: Any, message: str | Sequence[str] | Array, severity: Any = None) -> pd.DataFrame:
        """A finding for every key of a mask (by key number)."""
        mask = np.asarray(mask)
        numbers = np.flatnonzero(mask) if mask.dtype == bool else mask
        if not len(numbers):
            return pd.DataFrame()
        columns = ["training_key", "pool", "source_file", "source_sheet", "source_row"]
        frame = self.keys[columns].iloc[numbers].astype({"pool": object})
        frame = frame.assign(message=message)
        return frame if severity is None else frame.assign(severity=severity)

    def is_status(self, code: str) -> Array:
        """Keys of a status, by key number."""
        return (self.keys["status"] == code).to_numpy()

    @property
    def works(self) -> pd.Series:
        """Does it work, by key number."""
        return self.keys["works"]


Check = Callable[[Context], "pd.DataFrame | list[dict[str, Any]]"]


@dataclass(frozen=True)
class Finding:
    """One row of CATALOGUE §5. A check may raise or lower the severity of single findings."""

    code: str
    severity: str
    meaning: str
    remedy: str
    check: Check | None = None  # None: noted while reading


def _of_status(status: str) -> Check:
    return lambda c: c.of_keys(c.is_status(status), STATUS_MESSAGES[status])


STATUS_MESSAGES = {
    "missing": "It is gone from its pool and is not a course key: the learner gets an invalid-key error.",
    "altered": "It was recreated as a code that is not the same: the learner's code does not work as a course key.",
    "lapsed": "Its pool has ended and it was not migrated: the learner gets an invalid-key error.",
    "wrong_course": "It was recreated under another course than its pool's.",
    "redeemed_recreated": "It was redeemed in its pool and recreated: it can be redeemed, and billed, again.",
    "duplicate": "Two places show it, and the TMS allows one.",
    "undetermined": "The exports do not show what became of it.",
    "stray": "It is in no pool, and looks like a key that was recreated with damage.",
    "expired": "Its pool had expired before the end of the pools was announced.",
}


def _to_migrate(c: Context) -> pd.DataFrame:
    mask = c.is_status("to_migrate")
    keys = c.keys[mask]
    base = 1 if c.as_of <= c.calendar.migrate_by else 2 if c.as_of < c.calendar.read_only else 3
    soon = keys["works_until"] <= np.datetime64(c.as_of) + np.timedelta64(7, "D")
    level = np.maximum(base, np.where(keys["works"] == "unknown", 2, np.where((keys["works"] == "no") | soon, 3, 0)))
    messages = np.select(
        [keys["works"] == "no", soon, keys["works"] == "unknown"],
        [
            "It exists only in its pool, and does not work there any more.",
            "It exists only in its pool, and stops working within 7 days.",
            "It was not migrated, and its pool was not exported since the migration began: it may be missing.",
        ],
        default="It exists only in its pool.",
    )
    return c.of_keys(mask, messages, np.array(["note", "warning", "error", "critical"])[level])


def _wrong_course(c: Context) -> pd.DataFrame:
    mask = c.is_status("wrong_course")
    pairs = zip(c.keys.loc[mask, "course"], c.keys.loc[mask, "course_key_course"], strict=True)
    return c.of_keys(mask, [f'Its pool is for "{a}", its course key for "{b}".' for a, b in pairs])


def _expired(c: Context) -> pd.DataFrame:
    mask = c.is_status("expired")
    logged = c.evidence.log_named[mask]
    return c.of_keys(mask, STATUS_MESSAGES["expired"], np.where(logged, "warning", "note"))


def _migrated(rule: Callable[[Context], Any], message: str) -> Check:
    """A check on the settings of migrated keys."""
    return lambda c: c.of_keys(c.is_status("migrated") & np.asarray(rule(c), dtype=bool), message)


def _unused(c: Context) -> pd.Series:
    return c.keys["uses"].fillna(0) == 0


def _expires_soon(c: Context) -> pd.Series:
    until = c.keys["course_key_expires_on"]
    return (c.works == "yes") & _unused(c) & (until <= np.datetime64(c.as_of) + np.timedelta64(30, "D"))


def _expiration_blank(c: Context) -> Array:
    e = c.evidence
    row = np.where(e.course_row >= 0, e.course_row, 0)
    if not len(e.course_rows):
        return np.zeros(e.count, dtype=bool)
    return (e.course_row >= 0) & e.row_has_expiry[row] & np.isnat(e.row_expires[row]) & ~e.row_expiry_illegible[row]


def _multi_use(c: Context) -> pd.DataFrame:
    mask = c.is_status("migrated") & (c.keys["max_uses"] > 1).to_numpy()
    left = c.keys["uses_left"][mask]
    shown = ["without limit" if np.isinf(n) else "not known" if np.isnan(n) else f"{n:.0f}" for n in left]
    return c.of_keys(mask, [f"One use has become many; uses left: {text}." for text in shown])


def _organization_differs(c: Context) -> pd.DataFrame:
    e = c.evidence
    both = np.flatnonzero((e.home >= 0) & (e.course_row >= 0) & c.is_status("migrated"))
    ours, theirs = e.organization[e.home[both]], e.row_organization[e.course_row[both]]
    differ = both[both_known_and_differ(ours, theirs)]
    keys = c.keys.loc[differ]
    pairs = zip(keys["organization"], keys["course_key_organization"], strict=True)
    return c.of_keys(differ, [f'Its pool belongs to "{a}", its course key to "{b}".' for a, b in pairs])


def _of_home(c: Context, values: Array, missing: Any) -> Array:
    """A value of every place → of every key, by its home place."""
    home = c.evidence.home
    result = np.full(c.evidence.count, missing, dtype=values.dtype if missing is not None else object)
    result[home >= 0] = values[home[home >= 0]]
    return result


def _of_entry(c: Context, column: str) -> Any:
    """A setting of every key's course key (missing where there is none)."""
    e = c.evidence
    return e.course_rows[column].reindex(np.where(e.course_row >= 0, e.course_row, -1)).reset_index(drop=True)


def _availability(c: Context) -> tuple[pd.Series, pd.Series]:
    pool = pd.Series(_of_home(c, c.evidence.latest_filled("content_availability"), None)).astype(float)
    return pool.where(pool > 0), _of_entry(c, "content_availability").where(lambda days: days > 0)


def _expires_earlier(c: Context) -> Any:
    pool = pd.Series(_of_home(c, c.evidence.expires.value, NEVER))
    return c.keys["course_key_expires_on"] < pool


def _pool_revived(c: Context) -> Any:
    return pd.Series(_of_home(c, c.evidence.expires.value, NEVER)) <= _of_entry(c, "created_at")


def _start_lost(c: Context) -> Any:
    return pd.Series(_of_home(c, c.evidence.starts.value, NEVER)) > _of_entry(c, "created_at")


def _scope(c: Context, pool: str, key: str) -> Any:
    sitewide = _of_home(c, c.evidence.latest_filled("sitewide"), None)
    return _says(sitewide, pool) & _says(_of_entry(c, "any_organization"), key)


_WORDS = {"yes": ("yes", "true", "1", "y"), "no": ("no", "false", "0", "n")}


def _says(flags: pd.Series | Array, answer: str) -> Array:
    """Where a flag says yes, or no; blank says neither."""
    codes, values = pd.factorize(flags)
    return np.array([*(str(value).casefold() in _WORDS[answer] for value in values), False])[codes]


def _created_late(c: Context) -> pd.DataFrame:
    created = _of_entry(c, "created_at")
    late = c.is_status("migrated") & (created > np.datetime64(c.calendar.migrate_by)).to_numpy()
    severity = np.where(created[late] >= np.datetime64(c.calendar.read_only), "error", "warning")
    return c.of_keys(late, "The course key was created after the migrate-by date.", severity)


def _pool_in_two_courses(c: Context) -> list[dict[str, Any]]:
    keys = c.keys.loc[c.evidence.in_pool & c.evidence.in_course, ["pool", "course_key_course"]].drop_duplicates()
    course = keys["course_key_course"].astype("str").map(fold_name, na_action="ignore")
    course = course.map(lambda name: c.evidence.agreements.same_course.get(name, name), na_action="ignore")
    counted = course.groupby(keys["pool"].astype("str")).nunique()
    return [
        {"pool": pool, "message": f"A pool has one course; its keys were recreated under {number}."}
        for pool, number in counted[counted > 1].items()
    ]


def _redemption_in_future(c: Context) -> pd.DataFrame:
    after = c.keys["redeemed_at"] >= np.datetime64(c.as_of) + np.timedelta64(1, "D")
    return c.of_keys(after.to_numpy(), "It is said to be redeemed after the day of the audit.")


def _redemption_before_creation(c: Context) -> pd.DataFrame:
    e = c.evidence
    early = (e.rows["redeemed_at"].dt.normalize() < e.rows["created_at"].dt.normalize()).to_numpy() & (e.row_ids >= 0)
    return c.of_keys(np.unique(e.row_ids[early]), "It is said to be redeemed before it was created.")


def _live_without_holder(c: Context) -> pd.DataFrame:
    undistributed = c.evidence.is_distributed == 0
    usable = c.is_status("migrated") & (c.works == "yes").to_numpy()
    return c.of_keys(undistributed & usable, "It can be redeemed, and the log of its pool does not name it.")


def _pool_not_expired(c: Context) -> list[dict[str, Any]]:
    """Moved, and still open: whoever has an old list can still try its codes."""
    if c.evidence.is_removed:
        return []
    return [
        {"pool": pool, "message": "Nothing is left to do in it, and it is still open."}
        for pool in _ended(c, is_open=True)
    ]


def _ended(c: Context, is_open: bool) -> list[str]:
    """Begun pools with nothing left to do that are open; or expired pools with keys to migrate."""
    e = c.evidence
    needs = np.bincount(
        e.home_pool[(e.home_pool >= 0) & c.keys["act_by"].notna().to_numpy()], minlength=len(e.pools.table)
    )
    names = []
    for number, name in enumerate(e.pools.table["pool"]):
        places = e.place_pool == number
        expired = (e.expires.known[places] == KNOWN) & (e.expires.value[places] <= e.as_of)
        if is_open and e.pool_begun[number] and not needs[number] and not expired.any():
            names.append(name)
        if not is_open and expired.all() and (c.is_status("to_migrate") & (e.home_pool == number)).any():
            names.append(name)
    return names


def _pool_expired_too_soon(c: Context) -> list[dict[str, Any]]:
    message = "It has expired, and keys in it are still to be migrated."
    return [{"pool": pool, "message": message} for pool in _ended(c, is_open=False)]


def _backup_looks_late(c: Context) -> list[dict[str, Any]]:
    """Course keys known to be older than the announcement are no migration: they do not make a backup late."""
    e = c.evidence
    backed = e.in_before & ~e.redeemed
    made = e.course_rows["created_at"].to_numpy() if len(e.course_rows) else np.array([], dtype="datetime64[s]")
    is_begun = bool((~(made < np.datetime64(c.calendar.announced_on))).any())
    if not is_begun or not backed.any() or (backed & (e.in_course | (e.link >= 0))).any():
        return []
    message = "Course keys exist, and no unredeemed key of any backup is among them: the backup was made too late."
    return [{"message": message}]


def _pool_list_filtered(c: Context) -> list[dict[str, Any]]:
    listed = c.evidence.exports.pool_list
    if listed is None or not len(listed.rows) or (listed.rows["expires_on"] <= np.datetime64(c.as_of)).any():
        return []
    return [{"message": "The pool list shows no expired pool: the search hides them unless asked."}]


def _key_added_late(c: Context) -> pd.DataFrame:
    e = c.evidence
    late = (e.rows["created_at"] >= np.datetime64(c.calendar.creation_off)).to_numpy() & (e.row_ids >= 0)
    return c.of_keys(np.unique(e.row_ids[late]), "It was created after the creation of new pools was disabled.")


def _double_redemption(c: Context) -> pd.DataFrame:
    """Used in both places, used more often than allowed, or paid for by more live assignments than allowed."""
    e = c.evidence
    twice = c.is_status("redeemed_recreated") & (c.keys["uses"] > 0).to_numpy()
    allowed = np.where(e.in_course, c.keys["max_uses"], 1.0)  # not known: nothing is more
    live = _live_assignments(e)
    over = ~twice & ((live > allowed) | (c.keys["uses"] > c.keys["max_uses"]).to_numpy())
    messages = [f"{max(n, u):.0f} assignments, and {m:.0f} allowed: one may be billed without need."
                for n, u, m in zip(live[over], c.keys["uses"][over].fillna(0), allowed[over], strict=True)]  # fmt: skip
    both = "It was redeemed in its pool and used as a course key: two assignments may be billed."
    return pd.concat([c.of_keys(twice, both), c.of_keys(over, messages)])


def _live_assignments(e: Evidence) -> Array:
    """How many assignments that are not cancelled each key has paid for."""
    return np.bincount(e.paid_key[e.paid_live], minlength=e.count)


def _uses_disagree(c: Context) -> pd.DataFrame:
    """Only where the assignments name keys at all; a key redeemed in its pool has an assignment from there."""
    e = c.evidence
    if not len(e.paid_key):
        return c.of_keys([], "")
    live, uses = _live_assignments(e), c.keys["uses"]
    differ = e.in_course & ~e.redeemed_in_pool & uses.notna().to_numpy() & (live != uses.fillna(0)).to_numpy()
    messages = [f"Uses counted by the course-key export: {u:.0f}; assignments that are not cancelled: {n:.0f}."
                for u, n in zip(uses[differ], live[differ], strict=True)]  # fmt: skip
    return c.of_keys(differ, messages)


def _assignment_after_removal(c: Context) -> pd.DataFrame:
    """Only a pool key: a course key goes on paying for assignments."""
    e = c.evidence
    if not len(e.paid_key) or e.exports.assignments is None or not e.given:
        return c.of_keys([], "")
    rows = e.exports.assignments.rows.iloc[e.paid_row]
    late = (rows["created_at"] >= np.datetime64(c.calendar.removed)).to_numpy() & ~e.in_course[e.paid_key]
    found = c.of_keys(e.paid_key[late], "An assignment was created with it after the pools were removed.")
    place = ["source_file", "source_sheet", "source_row"]
    return found.assign(**{name: rows[name].to_numpy()[late] for name in place}).drop_duplicates("training_key")


def _redeemed_by_other(c: Context) -> pd.DataFrame:
    """Names are compared with names, addresses with addresses; a key of many uses has many learners."""
    e = c.evidence
    log = e.exports.distribution
    if log is None or "distributed_to" not in log.rows:
        return c.of_keys([], "")
    parts = [(e.log_ids, log.rows["distributed_to"], True)]
    for ids, rows in ((e.row_ids, e.rows), (e.course_ids, e.course_rows)):
        parts += [(ids, rows[name], False) for name in ("redeemed_by", "redeemed_email") if name in rows]
    if e.exports.assignments is not None:
        students = e.exports.assignments.rows["student"].iloc[e.paid_row[e.paid_live]]
        parts.append((e.paid_key[e.paid_live], students, False))
    people = pd.concat(
        [pd.DataFrame({"key": ids, "who": who.to_numpy(), "sent": sent}) for ids, who, sent in parts],
        ignore_index=True,
    ).dropna()
    single = np.append(~(c.keys["max_uses"] > 1).to_numpy() & e.log_named, False)
    people = people[single[np.where((people["key"] >= 0) & (people["key"] < e.count), people["key"], -1)]]
    people["is_address"] = people["who"].str.contains("@", regex=False)
    people["who"] = people["who"].map(lambda text: " ".join(sorted(re.split(r"[\s,]+", fold_name(text).strip(" ,")))))
    sent = people[people["sent"]].groupby(["key", "is_address"])["who"].agg(set).rename("holders")
    redeemed = people[~people["sent"]].join(sent, on=["key", "is_address"], how="inner")
    other = [who not in holders for who, holders in zip(redeemed["who"], redeemed["holders"], strict=True)]
    return c.of_keys(
        np.unique(redeemed["key"].to_numpy()[np.array(other, dtype=bool)]),
        "Somebody else redeemed it than the learner it was sent to.",
    )


def _repeated_row(c: Context) -> pd.DataFrame:
    repeated: list[int] = []
    for ids, rows in _recorded(c.evidence):
        if rows is None or not len(rows):
            continue
        file = rows["source_file"].cat.codes.to_numpy().astype(np.int64)
        pair = ids * (file.max() + 1) + file
        held = ids >= 0
        _, first, count = np.unique(pair[held], return_index=True, return_counts=True)
        repeated += ids[held][first[count > 1]].tolist()
    return c.of_keys(
        sorted(set(repeated) - set(np.flatnonzero(c.evidence.in_two_entries).tolist())),
        "One file lists it more than once.",
    )


def _recorded(e: Evidence) -> list[tuple[Array, pd.DataFrame | None]]:
    """Key numbers and rows of the pool exports and of the course keys (where uses are counted, repeats are uses)."""
    before = len(e.exports.before.rows)
    now = e.exports.now.rows if e.exports.now is not None else None
    return [(e.row_ids[:before], e.exports.before.rows), (e.row_ids[before:], now)]


def _conflicting_rows(c: Context) -> pd.DataFrame:
    return c.of_keys(c.evidence.conflicting, "Its rows in the course-key exports disagree in a setting.")


def _learner_without_date(c: Context) -> pd.DataFrame:
    e = c.evidence
    ids = np.unique(e.row_ids[e.row_learner_without_date & (e.row_ids >= 0)])
    return c.of_keys(
        ids[~e.redeemed[ids]], "A learner stands beside an empty redemption date: that is no proof of redemption."
    )


def _redeemed_without_learner(c: Context) -> pd.DataFrame:
    e = c.evidence
    ids = np.unique(e.row_ids[e.row_without_learner & (e.row_ids >= 0)])
    return c.of_keys(ids, "It stands in a list of redeemed keys, without a date and a learner.")


def _record_lost(c: Context) -> pd.DataFrame:
    e = c.evidence
    before = np.arange(len(e.rows)) < len(e.exports.before.rows)
    redeemed_before = np.zeros(e.count, dtype=bool)
    redeemed_before[e.row_ids[before & e.row_redeemed & (e.row_ids >= 0)]] = True
    return c.of_keys(
        redeemed_before & (e.in_now == 0) & e.in_pool,
        "It was redeemed, and the later export does not show it any more.",
    )


def _case_twin(c: Context) -> pd.DataFrame:
    e = c.evidence
    pooled = c.keys.loc[(e.in_pool | e.in_course) & e.readable & (e.rung != "case"), "training_key"]
    folded = caseless(pooled)
    usual = folded if (folded == pooled).mean() > 0.5 else folded.str.upper()
    twin = folded[folded.isin(folded[pooled != usual].unique())]  # of two twins one is not written as most codes are
    return c.of_keys(
        twin.index[twin.duplicated(keep=False)],
        "Another key differs from it only in upper and lower case: the TMS takes them as two.",
    )


def _fragile_key(c: Context) -> list[dict[str, Any]]:
    e = c.evidence
    open_ = c.keys.loc[e.in_pool & e.readable & ~e.redeemed & ~e.in_course, ["training_key", "pool"]]
    fragile = open_[open_["training_key"].str.fullmatch(FRAGILE)]
    count = fragile["pool"].value_counts()
    return [
        {
            "pool": pool,
            "message": f"{number:,} {'code' if number == 1 else 'codes'} of this pool would be changed by Excel.",
        }
        for pool, number in count[count > 0].sort_index().items()
    ]


def _ambiguous_lookalike(c: Context) -> pd.DataFrame:
    links = c.evidence.links
    candidates = {**links.ambiguous_left, **links.ambiguous_right}
    messages = [
        f"It resembles {_named(c, candidates[key])}, and is not the only one to do so. Nothing is decided."
        if len(candidates[key]) == 1
        else f"It resembles {len(candidates[key])} codes: {_named(c, candidates[key])}. Nothing is decided."
        for key in candidates
    ]
    found = c.of_keys(list(candidates), messages)
    e = c.evidence
    undecided = [
        {
            "training_key": e.log_strangers[n],
            "message": f"The log's code resembles {len(ones)} keys: {_named(c, ones)}. Nothing is decided.",
        }
        for n, ones in e.log_links.ambiguous_right.items()
    ]
    return pd.concat([found, pd.DataFrame(undecided)], ignore_index=True) if undecided else found


def _named(c: Context, numbers: Iterable[int]) -> str:
    shown = list(numbers)[:5]
    texts = [f"{c.keys.at[n, 'reference']} {ending(c.keys.at[n, 'training_key'])}".strip() for n in shown]
    return "; ".join(texts)


def _collides(c: Context) -> pd.DataFrame:
    ids = np.unique(c.evidence.other_ids)
    known = [number for number in ids if 0 <= number < c.evidence.count and c.evidence.readable[number]]
    return c.of_keys(known, "Another kind of key (subscription or class) has the same code.")


def _log_key_unknown(c: Context) -> list[dict[str, Any]]:
    e = c.evidence
    partner = {other: one for one, other, _ in e.log_links.pairs}
    found = []
    log = e.exports.distribution
    if log is None:
        return []
    first = pd.Series(np.arange(len(e.log_ids)), index=e.log_ids)
    first = first[~first.index.duplicated()]
    for number, code in e.log_strangers.items():
        row = log.rows.iloc[first[number]]
        like = f" It resembles {_named(c, [partner[number]])}." if number in partner else ""
        found.append(
            {
                "training_key": code,
                "message": f"The log says a learner was sent it, but no export knows it.{like}",
                "source_file": row["source_file"],
                "source_sheet": row["source_sheet"],
                "source_row": row["source_row"],
            }
        )
    return found


def _pool_not_reexported(c: Context) -> list[dict[str, Any]]:
    e = c.evidence
    open_ = (e.home_pool >= 0) & c.keys["act_by"].notna().to_numpy()
    left = np.bincount(e.home_pool[open_], minlength=len(e.pools.table)) > 0
    found = []
    for number in np.flatnonzero(~e.pool_has_now & e.pool_has_before & left):
        begun = bool(e.pool_begun[number])
        severity = "error" if e.is_read_only else "warning" if begun else "note"
        text = "Its migration has begun" if begun else "It holds keys that were not migrated"
        late = " Only an export made before the removal can still tell." if e.is_removed else ""
        message = f"{text}, and it was not exported again: keys may be missing that the audit cannot see.{late}"
        found.append({"pool": e.pools.table["pool"].iat[number], "severity": severity, "message": message})
    return found


def _pool_never_exported(c: Context) -> list[dict[str, Any]]:
    table = c.evidence.pools.table
    never = table[table["in_list"] & ~table["has_before"] & ~table["has_now"]]
    return [{"pool": pool, "message": "It is in the pool list, and in no export."} for pool in never["pool"]]


def _no_backup(c: Context) -> list[dict[str, Any]]:
    table = c.evidence.pools.table
    without = table[table["has_now"] & ~table["has_before"]]
    return [
        {"pool": pool, "message": "It has later exports but no backup: what was deleted is not known."}
        for pool in without["pool"]
    ]


def _not_in_backup(c: Context) -> pd.DataFrame:
    e = c.evidence
    backed = np.append(e.pool_has_before, False)[e.home_pool]
    return c.of_keys(e.in_pool & ~e.in_before & backed, "Its pool has a backup, and the backup does not show it.")


def _input_missing(c: Context) -> list[dict[str, Any]]:
    given = {export.role for export in c.evidence.exports.given()}
    late = c.as_of >= c.calendar.migrate_by
    found: list[dict[str, Any]] = []
    if "course_keys" not in given:
        found.append(
            {
                "severity": "error" if late else "note",
                "message": "No Find Course Assignment Keys export was given: what was migrated is not known.",
            }
        )
    if "pools_now" not in given:
        found.append({"message": "No later pool exports were given: what was deleted from the pools is not known."})
    if "distribution" not in given:
        found.append(
            {"message": "No distribution log was given: every unredeemed key is presumed to be in a learner's hands."}
        )
    return found


def _column_missing(c: Context) -> list[dict[str, Any]]:
    e = c.evidence
    found = []
    for export in e.exports.given():
        wanted = {"course_keys": ("uses", "max_uses", "expires_on", "course")}.get(export.role, ())
        for table in export.tables.itertuples():
            lacking = [name for name in wanted if name not in table.columns]
            if lacking:
                found.append(
                    {
                        "message": f"It does not show {', '.join(lacking)}: that could not be checked.",
                        "source_file": table.source_file,
                        "source_sheet": table.source_sheet,
                    }
                )
    without = np.unique(e.place_pool[e.expires.known == NO_COLUMN])
    for number in without:
        found.append(
            {
                "pool": e.pools.table["pool"].iat[number],
                "message": "No export and no pool list shows when it expires: whether its keys work is not known.",
            }
        )
    return found


FINDINGS_TABLE = {
    finding.code: finding
    for finding in (
        Finding("missing", "critical", STATUS_MESSAGES["missing"], "Recreate it today as a course key, or issue a new key to the learner.", _of_status("missing")),
        Finding("altered", "critical", STATUS_MESSAGES["altered"], "Compare it with its lookalike, free the exact code and recreate it.", _of_status("altered")),
        Finding("lapsed", "critical", STATUS_MESSAGES["lapsed"], "Check Find Course Assignments for a redemption since the last pool export; if there is none, issue a new course key.", _of_status("lapsed")),
        Finding("wrong_course", "critical", STATUS_MESSAGES["wrong_course"], "Unused: delete it and recreate it under the pool's course. Used: give the learner the right course.", _wrong_course),
        Finding("redeemed_recreated", "critical", STATUS_MESSAGES["redeemed_recreated"], "Unused: delete the course key. Used: review the second invoice.", _of_status("redeemed_recreated")),
        Finding("double_redemption", "critical", "It was redeemed more often than allowed.", "Review the invoices and ask Support to cancel one assignment.", _double_redemption),
        Finding("expired_unused", "critical", "The course key expired before anybody used it.", "Extend the course key's expiration, or issue a new key.", _migrated(lambda c: (c.works == "no") & _unused(c), "The course key has expired and was never used.")),
        Finding("duplicate", "error", STATUS_MESSAGES["duplicate"], "Export both places again. Only if both still show it: delete the unused copy outside the right course, or ask Support.", _of_status("duplicate")),
        Finding("undetermined", "error", STATUS_MESSAGES["undetermined"], "Find the code in the raw CSV or with the learner; or export Find Course Assignment Keys and audit again.", _of_status("undetermined")),
        Finding("stray", "error", STATUS_MESSAGES["stray"], "Unused and in no log: delete it. Otherwise leave it: someone holds it.", _of_status("stray")),
        Finding("to_migrate", "warning", "It exists only in its pool.", "Migrate it, or from the read-only date ask the learner to redeem it, or reissue.", _to_migrate),
        Finding("expired", "note", STATUS_MESSAGES["expired"], "Let it rest, or issue a new key.", _expired),
        Finding("organization_differs", "error", "Pool and course key belong to different organizations.", "Set the course key's organization to the pool's, or declare the two as one in case.toml.", _organization_differs),
        Finding("scope_narrowed", "error", "A sitewide pool's key is bound to one organization.", "Tick 'redeemable by any student' if the learners belong to other organizations.", _migrated(lambda c: _scope(c, "yes", "no"), "Its pool was available to everyone; its course key is bound to one organization.")),
        Finding("scope_widened", "warning", "A pool's key is now open to every organization.", "Untick 'redeemable by any student' unless that is meant.", _migrated(lambda c: _scope(c, "no", "yes"), "Its pool was for one organization; its course key can be redeemed by any student.")),
        Finding("availability_shorter", "error", "The learner gets access for fewer days than promised.", "Set Content Availability to the pool's.", _migrated(lambda c: np.less(*_availability(c)[::-1]), "Its course key gives access for fewer days than its pool.")),
        Finding("availability_longer", "warning", "The learner gets access for more days than promised.", "Set Content Availability to the pool's, if that is meant.", _migrated(lambda c: np.greater(*_availability(c)[::-1]), "Its course key gives access for more days than its pool.")),
        Finding("expires_earlier", "error", "The course key expires before its pool would have.", "Extend the course key's expiration.", _migrated(_expires_earlier, "The course key expires before its pool would have.")),
        Finding("start_lost", "warning", "The pool had not started when the course key was made.", "Tell whoever sent the keys: course keys have no start.", _migrated(_start_lost, "Its pool had a start to come; a course key has none.")),
        Finding("pool_revived", "warning", "The pool had expired before the course key was made.", "Check that a dead key was meant to live again.", _migrated(_pool_revived, "Its pool had expired before the course key was made: a dead key lives again.")),
        Finding("created_late", "warning", "A course key was created after the migrate-by date.", "Nothing, if the learner has not been locked out meanwhile.", _created_late),
        Finding("pool_in_two_courses", "error", "Keys of one pool stand under several courses.", "Recreate them under the pool's course.", _pool_in_two_courses),
        Finding("multi_use", "error", "One use has become many.", "Set Max Uses Per Key to blank.", _multi_use),
        Finding("expires_soon", "warning", "An unused course key expires within 30 days.", "Extend the expiration, or remind the learner.", _migrated(_expires_soon, "The course key is unused and expires within 30 days.")),
        Finding("expiration_blank", "warning", "The course key has no expiration.", "Set an expiration: what a blank one means is not published.", _migrated(_expiration_blank, "The course key has no expiration.")),
        Finding("repeated_row", "warning", "One file lists a key more than once.", "Check whether the export was edited by hand.", _repeated_row),
        Finding("conflicting_rows", "error", "Rows for one course key disagree.", "Export Find Course Assignment Keys again and keep only the latest file.", _conflicting_rows),
        Finding("learner_without_date", "error", "A learner beside an empty redemption date.", "Look the learner's assignment up in the TMS.", _learner_without_date),
        Finding("redeemed_without_learner", "note", "Redeemed by its list's heading only.", "Nothing, unless you need the learner's name.", _redeemed_without_learner),
        Finding("uses_disagree", "warning", "Uses of a course key and its assignments differ in number.", "Compare both in the TMS: one export may be filtered, or older; what a cancelled assignment does to its key is not published.", _uses_disagree),
        Finding("redeemed_by_other", "warning", "A key was redeemed by another learner than the log names.", "Ask whether it was passed on; the learner it was sent to may still wait for one.", _redeemed_by_other),
        Finding("assignment_after_removal", "warning", "A pool's key made an assignment after the pools were removed.", "Check the date of the assignment; if it is right, tell the calendar: removed = ... in case.toml.", _assignment_after_removal),
        Finding("record_lost", "error", "A redeemed key is no longer in its pool's export.", "Keep the backup: it is the only record of the redemption.", _record_lost),
        Finding("redemption_in_future", "warning", "A redemption after the day of the audit.", "Check the date order of the file, and --as-of.", _redemption_in_future),
        Finding("redemption_before_creation", "warning", "A redemption before the key was made.", "Check the date order of the file.", _redemption_before_creation),
        Finding("key_added_late", "note", "A key created after the creation of pools was disabled.", "Nothing; it is to be migrated like the others.", _key_added_late),
        Finding("live_without_holder", "warning", "A usable course key that nobody was sent.", "Delete it, or keep it in reserve knowingly: whoever finds it can redeem it.", _live_without_holder),
        Finding("case_twin", "warning", "Two keys differ only in upper and lower case.", "Check which one the learner holds before you touch either.", _case_twin),
        Finding("fragile_key", "note", "Excel would change these codes.", "Paste them from the text list only; never open them in Excel.", _fragile_key),
        Finding("ambiguous_lookalike", "error", "A code resembles several others.", "Compare the codes by eye and decide.", _ambiguous_lookalike),
        Finding("collides_with_other_key", "error", "Another kind of key has the same code.", "Look both up in the TMS: a code can exist only once.", _collides),
        Finding("log_key_unknown", "error", "A learner holds a code no export knows.", "Compare it with the suggested key, or look it up in the TMS.", _log_key_unknown),
        Finding("pool_not_reexported", "note", "A pool was not exported again.", "Export the pool into pools-now and audit again.", _pool_not_reexported),
        Finding("pool_never_exported", "error", "A pool of the pool list is in no export.", "Export the pool.", _pool_never_exported),
        Finding("pool_not_expired", "warning", "A pool that has moved is still open.", "Expire the pool in the TMS.", _pool_not_expired),
        Finding("pool_expired_too_soon", "critical", "A pool expired before its keys were migrated.", "Extend the pool, or migrate its keys today.", _pool_expired_too_soon),
        Finding("backup_looks_late", "error", "No key of the backup was recreated.", "Look for an older export: this one was made after the deletion.", _backup_looks_late),
        Finding("pool_list_filtered", "note", "The pool list shows no expired pool.", "Export it again with expired pools shown.", _pool_list_filtered),
        Finding("no_backup", "error", "A pool has no backup.", "Put the export taken before any deletion into pools-before.", _no_backup),
        Finding("not_in_backup", "warning", "A key is not in its pool's backup.", "Check whether it was added later, or the backup was filtered.", _not_in_backup),
        Finding("input_missing", "note", "An export that would tell more was not given.", "Export it and audit again.", _input_missing),
        Finding("column_missing", "note", "A column was not shown, so something could not be checked.", "Show the column and export again.", _column_missing),
        Finding("blank_key", "warning", "A row without a code.", "Look the row up in the TMS."),
        Finding("padded_key", "warning", "Blanks or invisible characters around a code.", "Nothing in the pool; take care when pasting."),
        Finding("uniform_padding", "note", "Every code of a file carries the same padding.", "Open one code in the TMS and compare."),
        Finding("excel_damage", "error", "A key cell is not text.", "Compare the code with the raw CSV; format the key column as text before saving."),
        Finding("several_keys_in_cell", "error", "Several codes stand in one cell.", "Put each code in a row of its own, and audit again."),
        Finding("header_as_key", "warning", "A header was pasted as a key.", "Delete that course key."),
        Finding("same_pool_twice", "note", "Two exports are of one pool.", "Check that they are; otherwise name them apart in case.toml."),
        Finding("same_file_twice", "warning", "The same file twice; read once.", "Take one copy out."),
        Finding("hidden_rows", "note", "Hidden content was read.", "Check that it belongs to the export."),
        Finding("sheet_not_read", "warning", "A sheet that seems to hold keys was not read.", "Give its header row a name keyaudit knows, or map it in case.toml."),
        Finding("ambiguous_dates", "error", "Dates could be read in two orders.", "Say in case.toml which comes first: day_first = true or false."),
        Finding("unreadable_date", "warning", "A date cannot be read.", "Mend the cell, or export again."),
        Finding("rows_unaccounted", "error", "A file has not the declared number of rows.", "Export the file again."),
        Finding("file_unreadable", "critical", "A file could not be read.", "Mend or replace the file, and audit again."),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Accepted:
    """A finding somebody has accepted, until a date: it stays listed and no longer counts."""

    finding: str
    reason: str
    pool: str | None = None
    reference: str | None = None
    until: dt.date | None = None


def find(context: Context, notes: pd.DataFrame, accepted: Iterable[Accepted] = ()) -> pd.DataFrame:
    """All findings, worst first: the columns of CATALOGUE §5."""
    frames = [_noted(notes)]
    for row in FINDINGS_TABLE.values():
        if row.check is not None:
            found = row.check(context)
            frame = found if isinstance(found, pd.DataFrame) else pd.DataFrame(found)
            if len(frame):
                frames.append(_completed(frame.assign(code=row.code), row.severity))
    findings = (
        pd.concat([frame for frame in frames if len(frame)], ignore_index=True) if any(map(len, frames)) else frames[0]
    )
    remedies = {code: row.remedy for code, row in FINDINGS_TABLE.items()}
    findings["remedy"] = findings["code"].map(remedies)
    _accept(findings, context, accepted)
    findings["severity"] = pd.Categorical(findings["severity"], list(SEVERITIES), ordered=True)
    codes = list(FINDINGS_TABLE)
    findings = findings.assign(order=findings["code"].map(codes.index))
    by = ["severity", "order", "pool", "source_file", "source_sheet", "source_row", "training_key"]
    return findings.sort_values(by, kind="stable", ignore_index=True)[list(FINDINGS)]


def _noted(notes: pd.DataFrame) -> pd.DataFrame:
    frame = notes.rename(columns={"detail": "message"})
    frame = _completed(frame, None)
    frame["severity"] = [
        "error" if code == "uniform_padding" and "open one in the TMS" in message else FINDINGS_TABLE[code].severity
        for code, message in zip(frame["code"], frame["message"], strict=True)
    ]
    return frame


def _completed(frame: pd.DataFrame, severity: str | None) -> pd.DataFrame:
    """All columns of a finding, blanks where a check gave nothing."""
    frame = frame.reindex(columns=[name for name in FINDINGS if name != "remedy"])
    if severity is not None:
        frame["severity"] = frame["severity"].astype(object).where(frame["severity"].notna(), severity)
    for name in ("training_key", "pool", "source_file", "source_sheet"):
        frame[name] = frame[name].astype("str").fillna("")
    frame["source_row"] = frame["source_row"].fillna(0).astype("int64")
    return frame


def _accept(findings: pd.DataFrame, context: Context, accepted: Iterable[Accepted]) -> None:
    references = None
    for row in accepted:
        if row.until is not None and row.until < context.as_of:
            continue
        mask = findings["code"] == row.finding
        if row.pool is not None:
            mask &= findings["pool"].map(fold_name) == fold_name(row.pool)
        if row.reference is not None:
            if references is None:
                references = context.keys.set_index("reference")["training_key"]
            mask &= findings["training_key"] == references.get(row.reference, "\0")
        findings.loc[mask, "severity"] = "accepted"
        findings.loc[mask, "message"] = findings.loc[mask, "message"] + f" Accepted: {row.reason}"
