"""Evidence → the verdict on every key: status, does it work, until when, what to do, by when. (CATALOGUE §3)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.columns import KEYS, as_arrow
from keyaudit.facts import (
    ILLEGIBLE,
    KNOWN,
    NEVER,
    NO,
    NO_COLUMN,
    UNKNOWN,
    YES,
    Array,
    Evidence,
    both_known_and_differ,
    stacked,
)
from keyaudit.statuses import STATUSES, WORKS, Facts, assign_statuses, next_steps

W_YES, W_USED, W_UNKNOWN, W_NOT_YET, W_NO = range(len(WORKS))
NUMBER = {code: number for number, code in enumerate(STATUSES)}
DAY = np.timedelta64(1, "D").astype("timedelta64[s]")


def judge(evidence: Evidence) -> pd.DataFrame:
    """One row per key with the columns of KEYS; index `number` is the key's number."""
    facts = _facts(evidence)
    status = assign_statuses(facts)
    linked = evidence.link
    is_stray = (linked >= 0) & ~evidence.in_pool
    is_stray[is_stray] = status[linked[is_stray]] == NUMBER["altered"]
    facts = replace(facts, stray=is_stray)
    status = assign_statuses(facts)
    works, until = _works(evidence, status)
    facts = replace(facts, works_no=works == W_NO, works_unknown=works == W_UNKNOWN)
    return _table(evidence, facts, status, works, until)


def _facts(e: Evidence) -> Facts:
    nobody = np.zeros(e.count, dtype=bool)
    home = np.where(e.home >= 0, e.home, 0)
    pooled = e.home >= 0

    def of_home(values: Array) -> Array:
        result = nobody.copy()
        result[pooled] = values[home[pooled]]
        return result

    course_row = np.where(e.course_row >= 0, e.course_row, 0)
    course_differs = nobody.copy()
    both = np.flatnonzero(pooled & (e.course_row >= 0))
    if len(both):
        ours, theirs = e.course[home[both]], e.row_course[course_row[both]]
        course_differs[both] = both_known_and_differ(ours, theirs)
    expired = (e.expires.known == KNOWN) & (e.expires.value <= e.as_of)
    uses = np.nan_to_num(e.uses, nan=0.0)
    alive = np.zeros(e.count, dtype=bool)  # in a pool that may still hold it and had not expired
    alive[e.place_key[(e.place_in_now != NO) & ~e.place_expired_unannounced]] = True
    return Facts(
        readable=e.readable,
        in_pool=e.in_pool,
        in_course_keys=e.in_course,
        redeemed=e.redeemed,
        here=e.in_now == YES,
        gone=e.in_pool & (e.in_now == NO),
        in_two_pools=e.in_two_pools,
        in_two_entries=e.in_two_entries,
        course_differs=course_differs,
        has_lookalike=(e.link >= 0) & e.in_pool,
        not_distributed=e.is_distributed == NO,
        expired_unannounced=of_home(e.place_expired_unannounced) & ~alive,
        pool_expired=of_home(expired),
        stray=nobody,
        begun=of_home(e.pool_begun[e.place_pool]),
        used=uses > 0,
        works_no=nobody,
        works_unknown=nobody,
        logged=e.log_named,
        course_keys_given=e.given,
        is_read_only=e.is_read_only,
        is_removed=e.is_removed,
    )


# --- does it work, and until when ---


def _works(e: Evidence, status: Array) -> tuple[Array, Array]:
    """A place in WORKS per key, and the first date it no longer works (NaT = no end)."""
    by = np.array([row.works_by for row in STATUSES.values()], dtype=object)[status]
    works = np.full(e.count, W_UNKNOWN)
    until = np.full(e.count, NEVER)
    place_works, place_until = _pool_works(e, e.in_now[e.place_key])
    entry_works, entry_until = _course_works(e)

    pool = np.flatnonzero((by == "pool") & (e.home >= 0))
    works[pool], until[pool] = place_works[e.home[pool]], place_until[e.home[pool]]
    course = np.flatnonzero(by == "course_key")
    works[course], until[course] = entry_works[e.course_row[course]], entry_until[e.course_row[course]]
    works[by == "used"] = W_USED
    several = by == "places"
    if several.any():
        place_works, place_until = _pool_works(e, e.place_in_now)
        works[several], until[several] = _best(e, several, place_works, place_until, entry_works, entry_until)
    until[(works != W_YES) & (works != W_NOT_YET)] = NEVER
    return works, until


def _pool_works(e: Evidence, in_now: Array) -> tuple[Array, Array]:
    """By its pool, for every place; the rows of CATALOGUE §3 in order."""
    expires, starts = e.expires, e.starts
    ends = (expires.known == KNOWN) & ~np.isnat(expires.value)
    works = np.select(
        [
            in_now == NO,
            np.full(len(in_now), e.is_removed),
            ends & (expires.value <= e.as_of),
            (in_now == UNKNOWN) & e.pool_begun[e.place_pool],
            (expires.known == NO_COLUMN) | (expires.known == ILLEGIBLE),
            starts.known == ILLEGIBLE,
            (starts.known == KNOWN) & (e.as_of < starts.value),
        ],
        [W_NO, W_NO, W_NO, W_UNKNOWN, W_UNKNOWN, W_UNKNOWN, W_NOT_YET],
        default=W_YES,
    )
    removed = np.datetime64(e.calendar.removed, "s")
    return works, np.where(ends, np.minimum(expires.value, removed), removed)


def _course_works(e: Evidence) -> tuple[Array, Array]:
    """By its course key, for every course-key row; a row counts its key's largest uses."""
    if not len(e.course_ids):
        return np.array([], dtype=np.int64), np.array([], dtype="datetime64[s]")
    of_key = np.where(e.in_two_entries[e.course_ids], e.entry_uses, e.uses[e.course_ids])
    uses = np.nan_to_num(of_key, nan=0.0)
    works = np.select(
        [
            uses >= np.where(np.isnan(e.row_max), np.inf, np.where(np.isinf(e.row_max), 1e18, e.row_max)),
            e.row_expires <= e.as_of,
            ~e.row_has_uses | ~e.row_has_expiry | e.row_expiry_illegible,
            np.isnan(e.row_max) & (uses > 0),
        ],
        [W_USED, W_NO, W_UNKNOWN, W_UNKNOWN],
        default=W_YES,
    )
    return works, e.row_expires


def _best(
    e: Evidence, several: Array, place_works: Array, place_until: Array, entry_works: Array, entry_until: Array
) -> tuple[Array, Array]:
    """A duplicate works as the best of its places does, as long as the longest of those."""
    entries = np.flatnonzero(several[e.course_ids] & (e.course_ids >= 0) & e.entry_is_last)
    places = np.flatnonzero(several[e.place_key] & e.place_latest)
    key = np.concatenate([e.course_ids[entries], e.place_key[places]])
    works = np.concatenate([entry_works[entries], place_works[places]])
    until = np.concatenate([entry_until[entries], place_until[places]])
    best = np.full(e.count, len(WORKS))
    np.minimum.at(best, key, works)
    is_best = works == best[key]
    no_end = np.datetime64(2**62, "s")
    longest = np.full(e.count, np.datetime64(-(2**62), "s"))
    np.maximum.at(longest, key[is_best], np.where(np.isnat(until), no_end, until)[is_best])
    return best[several], np.where(longest == no_end, NEVER, longest)[several]


# --- the table ---


def _table(e: Evidence, facts: Facts, status: Array, works: Array, until: Array) -> pd.DataFrame:
    pooled, entered = e.home >= 0, e.course_row >= 0
    home, entry = np.where(pooled, e.home, 0), np.where(entered, e.course_row, 0)

    def of_home(values: Array, missing: Any) -> Array:
        return np.where(pooled, values[home], missing) if len(values) else np.full(e.count, missing)

    def of_entry(values: Array, missing: Any) -> Array:
        return np.where(entered, values[entry], missing) if len(values) else np.full(e.count, missing)

    rows = e.course_rows
    uses = np.where(e.in_course, e.uses, np.nan)
    max_uses = of_entry(e.row_max, np.nan)
    expires = of_home(np.where(e.expires.known == KNOWN, e.expires.value, NEVER), NEVER)
    records = _records(e)
    first = records.iloc[_first_seen(e)]
    columns = {
        "training_key": e.codes,
        "status": pd.Categorical.from_codes(status, list(STATUSES), ordered=True),
        "works": pd.Categorical.from_codes(works, list(WORKS), ordered=True),
        "works_until": until,
        "next_step": pd.Categorical(next_steps(facts, status)),
        "act_by": _act_by(e, status, works, until),
        "reason": pd.Categorical.from_codes(status, [row.reason for row in STATUSES.values()]),
        "pool": _category(e.pools.table["pool"].to_numpy(), e.home_pool),
        "course": _of_row(e.course_text, e.home),
        "organization": _of_row(e.organization_text, e.home),
        "is_distributed": _yes_no(e.is_distributed),
        "redeemed_at": e.redeemed_at,
        "pool_expires_on": expires,
        "in_before": _yes_no(e.in_before.astype(int)),
        "in_now": _yes_no(e.in_now),
        "in_course_keys": _yes_no(np.where(e.in_course, YES, NO if e.given else UNKNOWN)),
        "course_key_name": _of_row(rows["name"], e.course_row),
        "course_key_course": _of_row(rows["course"], e.course_row),
        "course_key_organization": _of_row(rows["organization"], e.course_row),
        "course_key_expires_on": of_entry(e.row_expires, NEVER),
        "uses": uses,
        "max_uses": max_uses,
        "uses_left": np.where(np.isnan(uses), np.nan, np.maximum(max_uses - np.nan_to_num(uses), 0)),
        "lookalike": _lookalike_codes(e),
        "damage": _damage(e),
        "reference": _references(e, first),
        "evidence": _evidence(e, status, records),
        "source_file": _sorted_category(first["source_file"]),
        "source_sheet": _sorted_category(first["source_sheet"]),
        "source_row": first["source_row"].to_numpy(),
    }
    keys = pd.DataFrame({name: columns[name] for name in KEYS})
    keys.index.name = "number"
    return keys


def in_order(keys: pd.DataFrame) -> pd.DataFrame:
    """The table sorted by status, pool, key, file and row; what has no pool or no code comes last.

    Takes the given table apart: there is no room for two.
    """
    key = np.empty(len(keys), dtype=np.int64)  # the place of each key if all were sorted by code, file and row
    key[pc.sort_indices(as_arrow(keys["training_key"])).to_numpy()] = np.arange(len(keys))
    blind = np.flatnonzero(keys["training_key"].isna())  # no code: these stand last, and go by file and row
    by_record = np.lexsort((keys["source_row"].iloc[blind], keys["source_file"].iloc[blind].cat.codes))
    key[blind[by_record]] = np.arange(len(keys) - len(blind), len(keys))
    pool = keys["pool"].cat.codes.to_numpy().astype(np.int64) % (len(keys["pool"].cat.categories) + 1)  # -1: the last
    group = keys["status"].cat.codes.to_numpy().astype(np.int64) * (len(keys["pool"].cat.categories) + 1) + pool
    order = np.argsort(group * len(keys) + key)
    index = keys.index.take(order)
    return pd.DataFrame({name: keys.pop(name).array.take(order) for name in list(keys)}, index=index, copy=False)


def _category(names: Sequence[Any], number: Array) -> pd.Categorical:
    """Few names for many keys: `number` is the place of each key's name, -1 where it has none."""
    is_used = np.bincount(number[number >= 0], minlength=len(names)) > 0
    shown = sorted({name for name, used in zip(names, is_used, strict=True) if used})
    place = {name: code for code, name in enumerate(shown)}
    codes = np.array([*(place.get(name, -1) for name in names), -1])
    return pd.Categorical.from_codes(codes[number], pd.Index(shown, dtype="str"))


def _of_row(column: pd.Series | Array, row: Array) -> pd.Categorical:
    """A column of few texts, for the row of each key (-1: it has none)."""
    codes, names = pd.factorize(column)
    return _category(list(names), np.append(codes, -1)[row])


def _sorted_category(column: pd.Series) -> pd.Categorical:
    return _category(column.cat.categories, column.cat.codes.to_numpy())


def _yes_no(values: Array) -> pd.Categorical:
    return pd.Categorical.from_codes(values, ["no", "yes", "unknown"])


def _act_by(e: Evidence, status: Array, works: Array, until: Array) -> Array:
    """The last day to act: CATALOGUE §3, act_by."""
    rule = np.array([row.act_by for row in STATUSES.values()], dtype=object)[status]
    act_by = np.full(e.count, NEVER)
    act_by[(rule == "now") | ((rule == "if_no") & (works == W_NO))] = e.as_of
    today: dt.date = e.as_of.item().date()
    deadline = np.datetime64(e.calendar.last_day_to_migrate(today), "s")
    last = np.where(np.isnat(until), deadline, np.minimum(deadline, until - DAY))
    return np.where(rule == "deadline", np.maximum(last, e.as_of), act_by)


def _lookalike_codes(e: Evidence) -> pd.Series:
    partner = np.where(e.link >= 0, e.link, 0)
    return e.codes.take(partner).reset_index(drop=True).where(pd.Series(e.link >= 0))


def _damage(e: Evidence) -> pd.Categorical:
    """The rung that links a key to its lookalike, or what Excel did to its cell."""
    damage = e.rung.copy()
    for ids, rows in ((e.row_ids, e.rows), (e.course_ids, e.course_rows)):
        if "damage" in rows and len(rows):
            typed = np.flatnonzero((rows["damage"] != "").to_numpy() & (ids >= 0))
            for row in typed[::-1]:
                if not damage[ids[row]]:
                    damage[ids[row]] = rows["damage"].iat[row]
    return pd.Categorical(pd.Series(damage, dtype=object).where(damage != ""))


def _records(e: Evidence) -> pd.DataFrame:
    """File, sheet and row of every record: backup, later exports, course keys, in this order."""
    return stacked([rows[["source_file", "source_sheet", "source_row"]] for rows in (e.rows, e.course_rows)])


def _first_seen(e: Evidence) -> Array:
    """The first record of every key."""
    held = np.flatnonzero(e.all_ids >= 0)
    first = np.full(e.count, -1, dtype=np.int64)
    first[e.all_ids[held[::-1]]] = held[::-1]
    return first


def _located(names: Sequence[Any], number: Array, rows: Array) -> pd.Series:
    """`name, row 14` for every key; `number` is the place of its name."""
    name = pa.array(names, type=pa.large_string()).take(pa.array(number))
    row = pa.array(rows).cast(pa.large_string())
    return pd.Series(pc.binary_join_element_wise(name, row, pa.scalar(", row ", pa.large_string())), dtype="str")


def _references(e: Evidence, first: pd.DataFrame) -> pd.Series:
    """Pool and row of the first export; the file too where that names two keys."""
    files = [file.rsplit("/", 1)[-1] for file in first["source_file"].cat.categories]
    pools = list(e.pools.table["pool"])
    number, names = pd.factorize(np.array([*pools, *files], dtype=object))
    file = first["source_file"].cat.codes.to_numpy().astype(np.int64)  # pandas keeps them in as few bits as will do
    name = number[np.where(e.home_pool >= 0, e.home_pool, len(pools) + file)]
    rows = first["source_row"].to_numpy().astype(np.int64)
    reference = _located(names, name, rows)
    twice = pd.Series(name * (rows.max(initial=0) + 1) + rows).duplicated(keep=False)
    if twice.any():
        told = first[["source_file", "source_sheet"]].astype("str")[twice.to_numpy()].reset_index(drop=True)
        sheet = told["source_sheet"].where(told["source_sheet"] == "", ", " + told["source_sheet"])
        file = told["source_file"].str.rsplit("/", n=1).str[-1]
        reference[twice] = (reference[twice].reset_index(drop=True) + " (" + file + sheet + ")").array
    return reference


def _evidence(e: Evidence, status: Array, records: pd.DataFrame) -> pd.Series:
    """The file (and row) that decided."""
    by_course = e.course_row >= 0
    partner = np.where((status == NUMBER["altered"]) & (e.link >= 0), e.course_row[e.link], -1)
    course_row = np.where(by_course, e.course_row, partner)
    redeemed = np.where(status == NUMBER["redeemed"], e.redeemed_row, -1)
    latest = np.where(e.place_now_row >= 0, e.place_now_row, e.place_before_row)
    pool_row = np.where(redeemed >= 0, redeemed, np.append(latest, -1)[e.home])
    record = np.where(course_row >= 0, len(e.rows) + course_row, np.where(pool_row >= 0, pool_row, _first_seen(e)))
    decided = records.iloc[record]
    text = _located(decided["source_file"].cat.categories, decided["source_file"].cat.codes, decided["source_row"])
    gone = np.flatnonzero(
        (e.in_now == NO) & (e.home >= 0) & ~by_course & ~np.isin(status, [NUMBER["redeemed"], NUMBER["altered"]])
    )
    if len(gone):
        now = e.exports.now
        if now is not None:
            file_of = dict(zip(e.pools.now[::-1], now.rows["source_file"].astype("str")[::-1], strict=True))
            for table in now.tables.itertuples():
                if table.rows == 0 and isinstance(table.pool, str):
                    matches = np.flatnonzero(e.pools.table["pool"] == table.pool)
                    file_of.setdefault(int(matches[0]) if len(matches) else -1, table.source_file)
            text.iloc[gone] = [file_of.get(pool, "") + ", not listed" for pool in e.home_pool[gone]]
    return text
