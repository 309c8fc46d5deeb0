"""What the exports prove of every key, on integer codes of the keys shared by all roles. (CATALOGUE §2)

A key has a number; a *place* is a key in a pool; every array here is indexed by key, by place or by export row.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from keyaudit.deadlines import Calendar
from keyaudit.exports.codes import PARTS
from keyaudit.exports.read import Export, fold_name
from keyaudit.lookalikes import Links, find_lookalikes
from keyaudit.pools import Pools, match_pools

Array: TypeAlias = Any  # a NumPy array: its stubs cannot follow None in object arrays

NO, YES, UNKNOWN = 0, 1, 2
NO_COLUMN, KNOWN, ILLEGIBLE = 0, 1, 2  # what is known of a date setting; KNOWN with NaT means no end
NEVER = np.datetime64("NaT", "s")


@dataclass(frozen=True)
class Exports:
    """The exports of one audit, a role each; only the backup must be there."""

    before: Export
    now: Export | None
    course_keys: Export | None
    pool_list: Export | None
    distribution: Export | None
    other_keys: Export | None
    assignments: Export | None

    def given(self) -> list[Export]:
        """Those that were given, in the order of the roles."""
        every = (self.before, self.now, self.course_keys, self.pool_list, self.distribution, self.other_keys)
        return [export for export in (*every, self.assignments) if export is not None]


@dataclass(frozen=True)
class Agreements:
    """What the case declares beyond the exports: names that are equal, and whether the log is complete."""

    same_course: Mapping[str, str]
    same_organization: Mapping[str, str]
    log_is_complete: bool


@dataclass
class Setting:
    """A date setting of every place: its value (NaT = no end) and NO_COLUMN, KNOWN or ILLEGIBLE."""

    value: Array
    known: Array


class Evidence:
    """Everything known of every key before a status is given. Attributes are arrays, named by what they hold."""

    def __init__(self, exports: Exports, agreements: Agreements, calendar: Calendar, as_of: dt.date) -> None:
        """Number the keys, place them in their pools, and collect the facts of CATALOGUE §2."""
        self.exports, self.agreements, self.calendar = exports, agreements, calendar
        self.as_of = np.datetime64(as_of, "s")
        self.is_read_only = as_of >= calendar.read_only
        self.is_removed = as_of >= calendar.removed
        self.pools: Pools = match_pools(exports.before, exports.now, exports.pool_list, dict(agreements.same_course))
        self._number_keys()
        self._place_keys()
        self._course_keys()
        self._payments()
        self._redemptions()
        self._presence()
        self._settings()
        self._lookalikes()
        self._distribution()

    # --- keys ---

    def _number_keys(self) -> None:
        """One factorisation over all roles; a row whose code cannot be read is a key of its own."""
        roles = {
            name: None if export is None or "training_key" not in export.rows else export.rows["training_key"]
            for name, export in (
                ("before", self.exports.before),
                ("now", self.exports.now),
                ("course", self.exports.course_keys),
                ("log", self.exports.distribution),
                ("other", self.exports.other_keys),
            )
        }
        parts = {name: codes for name, codes in roles.items() if codes is not None}
        numbers, texts = pd.factorize(pd.concat(list(parts.values()), ignore_index=True))
        stops = np.cumsum([len(part) for part in parts.values()])
        found = dict(zip(parts, np.split(numbers.astype(np.int64), stops[:-1]), strict=True))
        self._texts = pd.Index(texts)
        nothing = np.array([], dtype=np.int64)
        before, now, course = (found.get(name, nothing) for name in ("before", "now", "course"))
        readable = max((part.max(initial=-1) for part in (before, now, course)), default=-1) + 1
        self.log_ids, self.other_ids = found.get("log", nothing), found.get("other", nothing)

        blind_before = before < 0
        pool_has_backup = self.pools.table["has_before"].to_numpy(dtype=bool)
        blind_now = (now < 0) & ~(pool_has_backup[self.pools.now] if len(now) else np.array([], dtype=bool))
        self.now_set_aside = (now < 0) & ~blind_now
        before[blind_before] = readable + np.arange(blind_before.sum())
        now[blind_now] = readable + blind_before.sum() + np.arange(blind_now.sum())
        self.count = int(readable + blind_before.sum() + blind_now.sum())
        self.readable = np.arange(self.count) < readable
        self.course_ids = course
        codes = pd.Series(self._texts[:readable], dtype="str")
        self.codes = pd.concat([codes, pd.Series([None] * (self.count - readable), dtype="str")], ignore_index=True)
        self.row_ids = np.concatenate([before, now])
        self.all_ids = np.concatenate([before, now, course])

    # --- places ---

    def _place_keys(self) -> None:
        rows = [export.rows for export in (self.exports.before, self.exports.now) if export is not None]
        self.rows = stacked(rows)
        self.row_pool = np.concatenate([self.pools.before, self.pools.now]).astype(np.int64)
        self.row_now = np.arange(len(self.rows)) >= len(self.exports.before.rows)
        held = self.row_ids >= 0
        pools = max(len(self.pools.table), 1)
        pair, self._place_of = np.unique(self.row_ids[held] * pools + self.row_pool[held], return_inverse=True)
        self._held = np.flatnonzero(held)
        self.place_key, self.place_pool = pair // pools, pair % pools
        count = len(pair)
        now = self.row_now[self._held]
        self.place_before_row = _first(self._place_of[~now], self._held[~now], count)
        self.place_now_row = _first(self._place_of[now], self._held[now], count)
        self.in_pool = _any(self.place_key, np.ones(count, dtype=bool), self.count)
        self.in_before = _any(self.place_key, self.place_before_row >= 0, self.count)
        table = self.pools.table
        self.pool_has_now = table["has_now"].to_numpy(dtype=bool)
        self.pool_has_before = table["has_before"].to_numpy(dtype=bool)

    def _redemptions(self) -> None:
        rows = self.rows
        heading, dated = self._of_tables()
        learner = (rows["redeemed_by"].notna() | rows["redeemed_email"].notna()).to_numpy()
        date = rows["redeemed_at_filled"].to_numpy(dtype=bool)
        says_redeemed, says_nothing = heading == "redeemed", heading == ""
        self.row_redeemed = date | says_redeemed | (learner & ~dated & says_nothing)
        self.row_learner_without_date = learner & ~date & ~says_redeemed & (dated | ~says_nothing)
        self.row_without_learner = says_redeemed & ~date & ~learner
        held = self._held
        ids = self.row_ids[held]
        self.redeemed = _any(ids, self.row_redeemed[held], self.count)
        paid = _any(self.paid_key, self.paid_live, self.count)
        self.redeemed_in_pool = self.redeemed.copy()
        self.redeemed[paid & ~self.in_course] = True
        self.on_distributed_list = _any(
            ids, (heading == "distributed")[held] | self.row_learner_without_date[held], self.count
        )
        self.redeemed_row = _first(ids[self.row_redeemed[held]], held[self.row_redeemed[held]], self.count)
        dates = rows["redeemed_at"].to_numpy()[held]
        self.redeemed_at = _latest(ids, dates, self.count)

    def _payments(self) -> None:
        """Which key the payment of each course assignment names: key number, assignment row, and whether it is live."""
        none = np.array([], dtype=np.int64)
        self.paid_key, self.paid_row, self.paid_live = none, none, none.astype(bool)
        export = self.exports.assignments
        if export is None or not len(export.rows):
            return
        texts, payments = pd.factorize(export.rows["payment"])
        words = [[text, *re.split(r"[\s:;,()\[\]\"']+", text)] for text in payments]
        named = pd.Series(words, dtype=object).explode()
        number = self._texts.get_indexer(pd.Index(named))
        is_key = (number >= 0) & (number < self.count)
        is_key[is_key] = self.readable[number[is_key]]
        of_text = pd.DataFrame({"text": named.index[is_key], "key": number[is_key]}).drop_duplicates()
        rows = pd.DataFrame({"text": texts, "row": np.arange(len(texts))}).merge(of_text, on="text")
        self.paid_key, self.paid_row = rows["key"].to_numpy(), rows["row"].to_numpy()
        cancelled = export.rows["assignment_status"].fillna("").str.contains("cancel", case=False).to_numpy(dtype=bool)
        self.paid_live = ~cancelled[self.paid_row]

    def _of_tables(self) -> tuple[Array, Array]:
        """Per export row: what its list's heading proves, and whether its file has a redemption-date column."""
        headings, dated = [], []
        for export in (self.exports.before, self.exports.now):
            if export is None:
                continue
            tables = export.tables
            has_date = tables["columns"].map(lambda columns: "redeemed_at" in columns).astype(bool)
            by_file = has_date.groupby(tables["source_file"]).transform("any").to_numpy(dtype=bool)
            number = export.rows["table"].to_numpy()
            headings.append(tables["heading"].to_numpy(dtype=object)[number])
            dated.append(by_file[number])
        return np.concatenate(headings), np.concatenate(dated)

    def _presence(self) -> None:
        """in_now of every place and key: yes, no, unknown."""
        unseen = ~self.pool_has_now | self._blind_pools()
        in_now = self.place_now_row >= 0
        self.place_in_now = np.where(in_now, YES, np.where(unseen[self.place_pool], UNKNOWN, NO))
        is_yes = _any(self.place_key, self.place_in_now == YES, self.count)
        is_open = _any(self.place_key, self.place_in_now == UNKNOWN, self.count)
        self.in_now = np.where(is_yes, YES, np.where(is_open | ~self.in_pool, UNKNOWN, NO))
        latest = np.where(self.pool_has_now[self.place_pool], in_now, self.place_before_row >= 0).astype(bool)
        self.place_latest = latest & ~self.redeemed[self.place_key]
        self.in_two_pools = np.bincount(self.place_key[self.place_latest], minlength=self.count) > 1
        order = np.lexsort((self.place_pool, ~(in_now & ~self.redeemed[self.place_key]), self.place_key))
        self.home = _first(self.place_key[order], order, self.count)  # a place each, -1 for keys in no pool
        pool_of_place = np.append(self.place_pool, -1)  # the last stands for no place
        self.home_pool = pool_of_place[self.home]
        names = pd.Series([*self.pools.table["pool"], None], dtype=object).to_numpy()
        self.home_name = names[self.home_pool]  # None for keys in no pool

    def _blind_pools(self) -> Array:
        """Pools whose later export holds a row that cannot be read and is not in the backup too."""
        blind = np.zeros(len(self.pools.table), dtype=bool)
        now = self.exports.now
        if now is not None:
            damaged = set(now.sources.loc[now.sources["damaged"] > 0, "source_file"])
            blind[np.unique(self.pools.now[now.rows["source_file"].isin(damaged).to_numpy()])] = True
        unread = self.rows["training_key"].isna().to_numpy()
        if not (unread & self.row_now).any():
            return blind
        shown = pd.DataFrame(
            {
                "pool": self.row_pool[unread],
                "now": self.row_now[unread],
                "raw": self.rows["raw"][unread].to_numpy(),
                "created": self.rows["created_at"][unread].to_numpy(),
            }
        )
        backed = shown[~shown["now"]].drop_duplicates(["pool", "raw", "created"])
        later = shown[shown["now"]].merge(backed, on=["pool", "raw", "created"], how="left", suffixes=("", "_before"))
        blind[later.loc[later["now_before"].isna(), "pool"].unique()] = True
        return blind

    # --- course keys ---

    def _course_keys(self) -> None:
        """Settings from the last file in name order, the largest uses, two entries of one file."""
        export, count = self.exports.course_keys, self.count
        self.given = export is not None
        rows = (
            export.rows
            if export is not None
            else self.rows.iloc[:0].assign(name=None, any_organization=None, max_uses=np.nan, uses=np.nan)
        )
        ids = self.course_ids
        self.course_rows = rows
        self.in_course = _any(ids, np.ones(len(ids), dtype=bool), count)
        typed = np.zeros(count, dtype=bool)
        if export is None:
            columns = pd.DataFrame({"uses": [], "max_uses": [], "expires_on": []})
            file = np.array([], dtype=np.int64)
        else:
            table = rows["table"].to_numpy()
            columns = pd.DataFrame(
                {
                    name: export.tables["columns"].map(lambda have, name=name: name in have).to_numpy(dtype=bool)[table]
                    for name in ("uses", "max_uses", "expires_on")
                }
            )
            file = rows["source_file"].cat.codes.to_numpy().astype(np.int64)
            typed = _any(ids, rows["is_typed"].to_numpy(dtype=bool), count)
        self.course_typed = typed
        last = _highest(ids, file, count)
        in_last = file == last[ids] if len(ids) else np.array([], dtype=bool)
        self.course_row = _first(ids[in_last], np.flatnonzero(in_last), count)  # the row its settings come from

        self.row_max = _max_uses(rows["max_uses"].to_numpy(dtype=float), columns["max_uses"].to_numpy(dtype=bool))
        has_uses = columns["uses"].to_numpy(dtype=bool)
        row_uses = np.where(has_uses, np.nan_to_num(rows["uses"].to_numpy(dtype=float), nan=0.0), np.nan)
        self.row_uses = np.where(row_uses < 0, np.nan, row_uses)
        learner = (rows["redeemed_by"].notna() | rows["redeemed_email"].notna()).to_numpy(dtype=bool) & ~has_uses
        self.uses = np.full(count, np.nan)
        known = ~np.isnan(self.row_uses)
        np.fmax.at(self.uses, ids[known], self.row_uses[known])
        if learner.any():
            per_file = (
                pd.Series(1, index=pd.MultiIndex.from_arrays([ids[learner], file[learner]])).groupby(level=[0, 1]).sum()
            )
            np.fmax.at(self.uses, per_file.index.get_level_values(0).to_numpy(), per_file.to_numpy(dtype=float))
        self.row_has_uses = has_uses & known
        self.row_has_expiry = columns["expires_on"].to_numpy(dtype=bool)
        self.row_expires = rows["expires_on"].to_numpy().astype("datetime64[s]")
        self.row_expiry_illegible = rows["expires_on_filled"].to_numpy(dtype=bool) & np.isnat(self.row_expires)

        self.row_course = self._same(rows["course"], self.agreements.same_course)
        self.row_organization = self._same(rows["organization"], self.agreements.same_organization)
        self.row_name = self._same(rows["name"], {})
        self.in_two_entries, self.conflicting = self._entries(ids, file, learner)

    def _same(self, names: pd.Series, same: Mapping[str, str]) -> Array:
        """A text per name for comparing, None where it is not known; names the case declares equal become one."""
        codes, values = pd.factorize(names)
        folded = np.array([same.get(fold_name(v), fold_name(v)) for v in values] + [None], dtype=object)
        return folded[codes]

    def _entries(self, ids: Array, file: Array, learner: Array) -> tuple[Array, Array]:
        """Keys in two entries of one file; keys whose rows disagree in a setting.

        For the rows of keys listed more than once: the largest uses of their entry over all files, and whether the row
        stands in the last file that has the entry.
        """
        two, conflict = np.zeros(self.count, dtype=bool), np.zeros(self.count, dtype=bool)
        self.entry_uses, self.entry_is_last = self.row_uses.copy(), np.ones(len(ids), dtype=bool)
        repeated = np.bincount(ids, minlength=self.count) > 1
        often = np.flatnonzero(repeated[ids]) if len(ids) else np.array([], dtype=np.int64)
        if not len(often):
            return two, conflict
        shown = pd.DataFrame(
            {
                "key": ids[often],
                "file": file[often],
                "name": self.row_name[often],
                "course": self.row_course[often],
                "organization": self.row_organization[often],
                "expires_on": self.row_expires[often],
                "max_uses": self.row_max[often],
                "uses": self.row_uses[often],
                "learners": learner[often].astype(float),
            }
        )
        entries = shown.groupby(["key", "file"])[["name", "course", "organization"]].nunique().max(axis=1)
        two[entries[entries > 1].index.get_level_values(0).unique()] = True
        settings = ["name", "course", "organization", "expires_on", "max_uses"]
        differ = shown.groupby("key")[settings].nunique().max(axis=1)
        conflict[differ[differ > 1].index] = True
        entry = shown.groupby(["key", "name", "course", "organization"], dropna=False)
        counted = shown.groupby(["key", "name", "course", "organization", "file"], dropna=False)["learners"].transform(
            "sum"
        )
        by_learners = counted.where(counted > 0).groupby(entry.ngroup()).transform("max")
        self.entry_uses[often] = np.fmax(entry["uses"].transform("max"), by_learners)
        self.entry_is_last[often] = (shown["file"] == entry["file"].transform("max")).to_numpy()
        return two, conflict & ~two

    # --- settings of pools ---

    def _settings(self) -> None:
        self.expires = self._date_setting("expires_on")
        self.starts = self._date_setting("starts_on")
        self.course_text = self.latest_filled("course")
        self.organization_text = self.latest_filled("organization")
        self.course = self._same(pd.Series(self.course_text), self.agreements.same_course)
        self.organization = self._same(pd.Series(self.organization_text), self.agreements.same_organization)
        self._expired_unannounced()

    def _sources(self) -> list[tuple[Export, Array, Array]]:
        """The sources of a pool setting, the latest first: export, pool of each row, row of each place (-1 none)."""
        offset = len(self.exports.before.rows)
        now, listed = self.exports.now, self.exports.pool_list
        sources: list[tuple[Export, Array, Array]] = []
        if now is not None:
            sources.append((now, self.pools.now, np.where(self.place_now_row >= 0, self.place_now_row - offset, -1)))
        if listed is not None:
            sources.append((listed, self.pools.listed, np.full(len(self.place_key), -1)))
        sources.append((self.exports.before, self.pools.before, self.place_before_row))
        return sources

    def _date_setting(self, column: str) -> Setting:
        """The latest source that has the column counts; a blank cell there is no end. (CATALOGUE §3)"""
        setting = Setting(np.full(len(self.place_key), NEVER), np.full(len(self.place_key), NO_COLUMN))
        for export, pool, place_row in self._sources():
            value, known = self._dates_of(export, pool, place_row, column)
            take = (setting.known == NO_COLUMN) & (known != NO_COLUMN)
            setting.value[take], setting.known[take] = value[take], known[take]
        return setting

    def _dates_of(self, export: Export, pool: Array, place_row: Array, column: str) -> tuple[Array, Array]:
        """One source's value per place: its own row's, else its pool's (the latest; no end beats all)."""
        has = export.tables["columns"].map(lambda columns: column in columns).to_numpy(dtype=bool)
        has = has[export.rows["table"].to_numpy()]
        cell = export.rows[column].to_numpy().astype("datetime64[s]")
        filled = export.rows[f"{column}_filled"].to_numpy(dtype=bool)
        illegible = filled & np.isnat(cell)
        pools = len(self.pools.table)
        pool_known = np.where(_any(pool[has], np.ones(has.sum(), dtype=bool), pools), KNOWN, NO_COLUMN)
        pool_known[_any(pool[has & illegible], np.ones((has & illegible).sum(), dtype=bool), pools)] = ILLEGIBLE
        pool_value = _latest(pool[has], cell[has], pools)
        pool_value[_any(pool[has & ~filled], np.ones((has & ~filled).sum(), dtype=bool), pools)] = NEVER
        value, known = pool_value[self.place_pool], pool_known[self.place_pool]
        own = place_row >= 0
        own[own] = has[place_row[own]]
        value[own] = cell[place_row[own]]
        known[own] = np.where(illegible[place_row[own]], ILLEGIBLE, KNOWN)
        return value, known

    def latest_filled(self, column: str) -> Array:
        """A setting of every place: its own row's, else its pool's, from the latest source that gives one; else None."""
        written = np.full(len(self.place_key), -1)
        values: list[Any] = []
        for export, pool, place_row in self._sources():
            cells, texts = pd.factorize(export.rows[column])
            filled = np.flatnonzero(cells >= 0)
            of_pool = _first(pool[filled], filled, len(self.pools.table))
            own = place_row.copy()
            own[own >= 0] = np.where(cells[own[own >= 0]] >= 0, own[own >= 0], -1)
            row = np.where(own >= 0, own, of_pool[self.place_pool])
            take = (written < 0) & (row >= 0)
            written[take] = len(values) + cells[row[take]]
            values += texts.tolist()
        return np.array([*values, None], dtype=object)[written]

    def _expired_unannounced(self) -> None:
        """Every export and pool list that gives the pool's expiry gives one before the sunset was announced."""
        announced = np.datetime64(self.calendar.announced_on, "s")
        gives = np.zeros(len(self.place_key), dtype=bool)
        early = np.ones(len(self.place_key), dtype=bool)
        for export, pool, place_row in self._sources():
            value, known = self._dates_of(export, pool, place_row, "expires_on")
            gives |= known == KNOWN
            early &= (known == NO_COLUMN) | ((known == KNOWN) & (value < announced))
        self.place_expired_unannounced = gives & early

    # --- lookalikes, distribution ---

    def _lookalikes(self) -> None:
        """Pool keys absent from course keys against course keys in no pool."""
        left = np.flatnonzero(self.in_pool & ~self.in_course & ~self.redeemed & self.readable)
        right = np.flatnonzero(self.in_course & ~self.in_pool)
        self.links: Links = self._linked(left, self.codes[right], np.flatnonzero(self.course_typed))
        self.link = np.full(self.count, -1)
        self.rung = np.full(self.count, "", dtype=object)
        for one, other, rung in self.links.pairs:
            self.link[one], self.link[other] = other, one
            self.rung[one] = self.rung[other] = rung
        begun = self.in_course | ((self.link >= 0) & self.in_pool)
        self.pool_begun = _any(self.place_pool, begun[self.place_key], len(self.pools.table)) & self.given

    def _linked(self, left: Array, right: pd.Series, typed: Array) -> Links:
        return find_lookalikes(
            self.codes[left],
            right,
            typed.tolist(),
            pool_of=lambda key: int(self.home_pool[key]),
            codes_of=lambda pool: self.codes[self.place_key[self.place_pool == pool]].dropna(),
        )

    def _distribution(self) -> None:
        """is_distributed of every key. *no* only where a log can prove it. (CATALOGUE §2)"""
        ids = self.log_ids[self.log_ids >= 0]
        self.log_named = np.zeros(self.count, dtype=bool)
        known = ids[(ids < self.count)]
        known = known[self.readable[known]] if len(known) else known
        self.log_named[known] = True
        strangers = np.unique(ids[(ids >= self.readable.sum())])
        codes = (
            pd.Series(self._texts[strangers], index=strangers, dtype="str")
            if len(strangers)
            else pd.Series(dtype="str")
        )
        codes = self._split_log_cells(codes)
        others = set(self.other_ids.tolist())
        codes = codes[[number not in others for number in codes.index]]
        self.log_strangers = codes
        left = np.flatnonzero(self.in_pool & ~self.log_named & self.readable)
        self.log_links = self._linked(left, codes, np.array([], dtype=np.int64)) if len(codes) else Links()
        linked = np.zeros(self.count, dtype=bool)
        linked[[one for one, _, _ in self.log_links.pairs]] = True
        undecided = np.zeros(self.count, dtype=bool)
        undecided[list(self.log_links.ambiguous_left)] = True
        yes = self.on_distributed_list | self.log_named | linked
        named_pool = _any(self.place_pool, (self.log_named | linked)[self.place_key], len(self.pools.table))
        covered = np.full(self.count, self.agreements.log_is_complete and self.exports.distribution is not None)
        covered |= (self.home_pool >= 0) & named_pool[self.home_pool] if len(named_pool) else False
        self.is_distributed = np.where(yes, YES, np.where(covered & self.in_pool & ~undecided, NO, UNKNOWN))

    def _split_log_cells(self, codes: pd.Series) -> pd.Series:
        """A log cell may hold several codes: those we know are named by it; what is left over is a stranger."""
        several = codes[codes.str.contains(PARTS.pattern)]
        for number, text in several.items():
            parts = [part for part in PARTS.split(text) if part]
            known = [n for n in self._texts.get_indexer(pd.Index(parts)) if 0 <= n < self.count and self.readable[n]]
            self.log_named[known] = True
            if known:
                codes = codes.drop(number)
        return codes


def is_known(values: Array) -> Array:
    """Which entries of an object array hold something."""
    return ~pd.isna(values)


def both_known_and_differ(ours: Array, theirs: Array) -> Array:
    """Where two object arrays both say something, and not the same."""
    return is_known(ours) & is_known(theirs) & (ours != theirs)


def stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables one below the other; a column of categories stays one."""
    tables = [table for table in tables if len(table)] or tables[:1]
    if len(tables) == 1:
        return tables[0].reset_index(drop=True)
    shared = [name for name in tables[0] if all(isinstance(table[name].dtype, pd.CategoricalDtype) for table in tables)]
    whole = pd.concat([table.drop(columns=shared) for table in tables], ignore_index=True)
    columns = {name: union_categoricals([table[name] for table in tables]) for name in shared}
    return whole.assign(**columns)[list(tables[0])]


# --- small array verbs: by key or pool number ---


def _any(numbers: Array, flags: Array, count: int) -> Array:
    """Per number: is any flag set?"""
    result = np.zeros(count, dtype=bool)
    result[numbers[flags]] = True
    return result


def _first(numbers: Array, values: Array, count: int) -> Array:
    """Per number: the first value given, -1 where none is."""
    result = np.full(count, -1, dtype=np.int64)
    result[numbers[::-1]] = values[::-1]
    return result


def _highest(numbers: Array, values: Array, count: int) -> Array:
    result = np.full(count, -1, dtype=np.int64)
    np.maximum.at(result, numbers, values)
    return result


def _latest(numbers: Array, dates: Array, count: int) -> Array:
    """Per number: the latest date, NaT where none is."""
    result = np.full(count, NEVER)
    dates = dates.astype("datetime64[s]")
    known = ~np.isnat(dates)
    np.fmax.at(result, numbers[known], dates[known])
    return result


def _max_uses(cells: Array, has_column: Array) -> Array:
    """Uses allowed: blank or 0 is one, infinity is no limit, NaN is not known."""
    allowed = np.where(np.isnan(cells) | (cells == 0), 1.0, cells)
    return np.where(has_column & (allowed > 0), allowed, np.nan)
