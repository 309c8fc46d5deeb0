"""Which export shows which pool: names matched across files, pools exported twice, contradictions. (CATALOGUE §2)"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from keyaudit.errors import ReconcileError, toml
from keyaudit.exports.read import Export, bare_name, fold_name

TAB_LENGTH = 31  # Excel cuts a tab's name here
SHORTEST_CUT = 28  # … and the blanks or signs at the cut may be gone too


@dataclass(frozen=True)
class Pools:
    """`table`: one row per pool (name, has_before, has_now, in_list), sorted by name. `before`, `now`, `listed`: the pool
    number of every row of those exports. `notes`: names matched other than exactly, pools exported twice."""

    table: pd.DataFrame
    before: np.ndarray
    now: np.ndarray
    listed: np.ndarray
    notes: list[tuple[Any, ...]]


def match_pools(before: Export, now: Export | None, listed: Export | None, same_course: dict[str, str]) -> Pools:
    """Give every row of the pool exports and of the pool list its pool.

    Raises ReconcileError for two exports of one name with different courses, and for two unequal later exports.
    """
    exports = {"before": before, "now": now, "listed": listed}
    units = _units(exports)
    groups = _Groups(units["fold"].unique())
    notes: list[tuple[Any, ...]] = []
    _match_names(units, groups, notes)
    _match_twins(exports, units, groups, notes)
    units["group"] = units["fold"].map(groups.root)
    _refuse_two_courses(exports, units, same_course)
    _refuse_unequal(exports, units)

    names: dict[str, str] = {}
    for unit in units.itertuples():
        former = names.get(unit.group)
        is_fuller = (
            former is not None and len(unit.name) > len(former) and bare_name(unit.name).startswith(bare_name(former))
        )
        if former is None or is_fuller:
            names[unit.group] = unit.name
    order = sorted(names, key=lambda group: (fold_name(names[group]), names[group]))
    number = {group: place for place, group in enumerate(order)}
    roles = units.groupby("group")["role"].agg(set)
    table = pd.DataFrame(
        {
            "pool": [names[group] for group in order],
            "has_before": ["before" in roles[group] for group in order],
            "has_now": ["now" in roles[group] for group in order],
            "in_list": ["listed" in roles[group] for group in order],
        }
    )
    rows = {
        role: np.array([], dtype=np.int64)
        if export is None
        else _numbers(export.rows["pool"], lambda name: number[groups.root(fold_name(name))])
        for role, export in exports.items()
    }
    return Pools(table, rows["before"], rows["now"], rows["listed"], notes)


class _Groups:
    """Names that mean the same pool."""

    def __init__(self, names: Any) -> None:
        self._leader = {name: name for name in names}

    def root(self, name: str) -> str:
        while self._leader[name] != name:
            name = self._leader[name]
        return name

    def join(self, one: str, other: str) -> None:
        self._leader[self.root(other)] = self.root(one)


def _numbers(names: pd.Series, number: Callable[[str], int]) -> Any:
    codes, values = pd.factorize(names)
    return np.array([number(name) for name in values], dtype=np.int64)[codes] if len(values) else codes


def _units(exports: dict[str, Export | None]) -> pd.DataFrame:
    """One row per (role, file, pool name), empty exports included."""
    found: dict[tuple[str, str, str], None] = {}
    for role, export in exports.items():
        if export is None:
            continue
        for file, name in export.rows[["source_file", "pool"]].drop_duplicates().itertuples(index=False):
            if isinstance(name, str):
                found[role, str(file), name] = None
        for table in export.tables.itertuples():
            if table.rows == 0 and isinstance(table.pool, str):
                found.setdefault((role, table.source_file, table.pool), None)
    units = pd.DataFrame(list(found), columns=["role", "file", "name"])
    units["fold"] = [fold_name(name) for name in units["name"]]
    return units


def _match_names(units: pd.DataFrame, groups: _Groups, notes: list[tuple[Any, ...]]) -> None:
    """Where no exact match is found between roles: without the signs a tab loses, or by a unique beginning."""
    roles = units.groupby("fold", sort=False)["role"].agg(set)
    first = units.drop_duplicates("fold").set_index("fold")
    alone = [fold for fold in roles.index if len(roles[fold]) == 1]
    bare = {fold: bare_name(fold) for fold in roles.index}

    def is_cut(one: str, other: str) -> bool:
        short, long = sorted((bare[one], bare[other]), key=len)
        return SHORTEST_CUT <= len(short) <= TAB_LENGTH and long[:TAB_LENGTH].rstrip() == short

    for is_same in (lambda one, other: bare[one] == bare[other], is_cut):
        candidates = defaultdict(set)
        for one in alone:
            for other in roles.index:
                if one != other and not roles[one] & roles[other] and is_same(one, other):
                    candidates[one].add(other)
                    candidates[other].add(one)
        for one, others in candidates.items():
            other = next(iter(others))
            if len(others) == 1 and len(candidates[other]) == 1 and groups.root(one) != groups.root(other):
                groups.join(one, other)
                names = f'"{first["name"][one]}" and "{first["name"][other]}"'
                detail = f"{names} are taken as one pool: the names differ only in signs or length that a tab loses"
                notes.append(("same_pool_twice", "", first["name"][one], detail, first["file"][one], "", 0))


def _match_twins(
    exports: dict[str, Export | None], units: pd.DataFrame, groups: _Groups, notes: list[tuple[Any, ...]]
) -> None:
    """Two exports of one role that share at least half of the smaller one's keys are one pool exported twice."""
    for role in ("before", "now"):
        export = exports[role]
        if export is None or len(units[units["role"] == role]) < 2:
            continue
        rows = export.rows[["source_file", "pool", "training_key"]].dropna(subset=["training_key"])
        key, keys = pd.factorize(rows["training_key"])
        if len(keys) == len(rows):
            continue
        unit = rows.groupby(["source_file", "pool"], sort=False, observed=True, dropna=False).ngroup().to_numpy()
        first = rows.iloc[np.unique(unit, return_index=True)[1]]
        names = list(zip(first["source_file"].astype("str"), first["pool"].astype("str"), strict=True))
        pairs = pd.DataFrame({"unit": unit, "key": key}).drop_duplicates()
        size = pairs["unit"].value_counts()
        shared = pairs[pairs["key"].duplicated(keep=False)]
        if shared.empty:
            continue
        joined = shared.merge(shared, on="key", suffixes=("", "_other"))
        common = joined[joined["unit"] < joined["unit_other"]].groupby(["unit", "unit_other"]).size()
        for (one, other), count in common.items():
            if names[one][0] != names[other][0] and 2 * count >= min(size[one], size[other]):
                groups.join(fold_name(names[one][1]), fold_name(names[other][1]))
                detail = f"{names[one][0]} and {names[other][0]} share {count} keys: one pool exported twice, merged"
                notes.append(("same_pool_twice", "", names[one][1], detail, names[other][0], "", 0))


def _refuse_two_courses(exports: dict[str, Export | None], units: pd.DataFrame, same_course: dict[str, str]) -> None:
    group_of = dict(zip(units["fold"], units["group"], strict=True))
    seen: dict[tuple[str, str], tuple[str, str, str]] = {}
    for role in ("before", "now"):
        export = exports[role]
        if export is None:
            continue
        cells = export.rows[["pool", "course", "source_file"]].drop_duplicates().dropna(subset=["course"])
        for name, course, file in cells.itertuples(index=False):
            folded = same_course.get(fold_name(course), fold_name(course))
            first = seen.setdefault((role, group_of[fold_name(name)]), (folded, course, str(file)))
            if first[0] != folded and first[2] != str(file):
                raise ReconcileError(
                    f'{first[2]} and {file} both name the pool "{name}", but its course is "{first[1]}" in one and '
                    f'"{course}" in the other. If they are two pools, name them apart in case.toml: '
                    f'[files.{toml(file)}] pool = "…". If it is one course with two names: [same_course] '
                    f"{toml(first[1])} = {toml(course)}."
                )


def _refuse_unequal(exports: dict[str, Export | None], units: pd.DataFrame) -> None:
    """Two unequal later exports of one pool: which one is now?"""
    export = exports["now"]
    later = units[units["role"] == "now"]
    if export is None or not later["group"].duplicated().any():
        return
    group_of = dict(zip(units["fold"], units["group"], strict=True))
    rows = export.rows
    group = rows["pool"].map(lambda name: group_of[fold_name(name)])
    for pool, files in later.groupby("group", sort=False)["file"]:
        if files.nunique() < 2:
            continue
        shown = {}
        for file in files.unique():
            own = rows[(group == pool) & (rows["source_file"] == file)]
            shown[file] = set(zip(own["training_key"].fillna(own["raw"]), own["redeemed_at_filled"], strict=True))
        first, *others = shown
        for other in others:
            one, two = shown[first], shown[other]
            overlap = {key for key, _ in one} & {key for key, _ in two}
            if one != two and (overlap or not one or not two):
                name = later.loc[later["group"] == pool, "name"].iloc[0]
                raise ReconcileError(
                    f'{first} and {other} are two different later exports of the pool "{name}". '
                    "Keep the latest one in pools-now and take the other out."
                )
