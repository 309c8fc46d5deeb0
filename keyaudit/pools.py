"""Which export shows which pool: names matched across files, pools exported twice, contradictions. (CATALOGUE §2)"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from keyaudit.coded import Array, Coded
from keyaudit.errors import ReconcileError, toml
from keyaudit.exports.names import bare_name, fold_name, undated_name, without_date
from keyaudit.exports.records import Note
from keyaudit.facts import Facts, alike, fact
from keyaudit.rulebook import Code

TAB_LENGTH = 31  # Excel cuts a tab's name here
SHORTEST_CUT = 30  # … and a blank at the cut is gone
NAMING = ("pools_before", "pools_now", "declared", "pool_list")


@dataclass(frozen=True)
class Pools:
    """The pools, sorted by name. `pool`: of every record its number, -1 for none; the masks are over pools.

    `empty_now`: pool → the file of a later export without a record; `damaged_now`: those of them with damaged rows.
    `notes`: names that were matched other than exactly, pools exported twice.
    """

    names: list[str]
    has_before: Array
    has_now: Array
    in_list: Array
    pool: Array
    empty_now: dict[int, str]
    damaged_now: list[int]
    only_declared: list[str]  # names that nothing but case.toml knows
    notes: list[Note]


@dataclass
class _Unit:
    """A pool as one file names it."""

    role: str
    file: str
    name: str
    is_damaged: bool
    records: int = 0
    keys: Any = field(default_factory=lambda: np.array([], dtype=np.int64))  # its distinct codes

    @property
    def fold(self) -> str:
        return fold_name(self.name)


class _Groups:
    """Names that mean the same pool."""

    def __init__(self, names: Iterable[str]) -> None:
        self._leader = {name: name for name in names}

    def root(self, name: str) -> str:
        while self._leader[name] != name:
            name = self._leader[name]
        return name

    def join(self, one: str, other: str) -> None:
        self._leader[self.root(other)] = self.root(one)


@fact
def pools(f: Facts) -> Pools:
    """Give every record of the pool exports and of the pool list its pool.

    Raises ReconcileError for two exports of one name with different courses, and for two unequal later exports.
    """
    units, unit_of = _units(f)
    groups = _Groups(unit.fold for unit in units)
    notes: list[Note] = []
    _match_names(units, groups, notes)
    _match_twins(units, groups, notes)
    renamed = _match_renamed(units, groups, notes)
    _refuse_two_courses(f, units, unit_of, groups)
    members = defaultdict(list)
    for unit in units:
        members[groups.root(unit.fold)].append(unit)
    names = {group: _shown(of, renamed) for group, of in members.items()}
    order = sorted(names, key=lambda group: (fold_name(names[group]), names[group]))
    number = {unit.fold: place for place, group in enumerate(order) for unit in members[group]}
    pool = np.array([*(number[unit.fold] for unit in units), -1], dtype=np.int64)[unit_of]
    _refuse_two_rows(f, pool, [members[group] for group in order])
    _refuse_unequal(f, [members[group] for group in order], pool, notes)
    roles = [{unit.role for unit in members[group]} for group in order]

    def has(*wanted: str) -> Array:
        return np.array([not of.isdisjoint(wanted) for of in roles], dtype=bool)

    empty = [(number[unit.fold], unit) for unit in units if unit.role == "pools_now" and not unit.records]
    return Pools(
        [names[group] for group in order],
        has("pools_before"),
        has("pools_now"),
        has("pool_list", "declared"),
        pool,
        {at: unit.file for at, unit in empty},
        [at for at, unit in empty if unit.is_damaged],
        [names[group] for group, of in zip(order, roles, strict=True) if of == {"declared"}],
        notes,
    )


def _units(f: Facts) -> tuple[list[_Unit], Array]:
    """Every pool of every file, empty ones too; and of every record the place of its unit."""
    units: list[_Unit] = []
    unit_of = np.full(f.records, -1, dtype=np.int64)
    for role in (role for role in NAMING if role in f.exports):
        export, code = f.exports[role], f.code[f.slices[role]]
        tables = [(export.files[table.file], table.pool, table.records) for table in export.tables]
        titles = Coded.of(pool for _, pool, _ in tables)
        told = Coded.stacked([export.column("pool").distinct(), titles]).distinct()
        own, title = np.split(told.codes, [len(export)])
        name = np.where(own >= 0, own, np.append(title, -1)[export.table])
        width = len(told.values)
        pair, place = distinct_numbers(export.file.astype(np.int64) * width + name, len(export.files) * width)
        unit_of[f.slices[role]] = place + len(units)
        rows = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1]) if len(place) else []
        for both, mine in zip(pair.tolist(), rows, strict=True):
            file = export.files[both // width]
            doubted = file.damaged + file.blank_keys > 0
            unit = _Unit(role, file.source_file, told.values[both % width], doubted, len(mine))
            unit.keys = np.unique(code[mine][code[mine] >= 0]) if role.startswith("pools_") else unit.keys
            units.append(unit)
        seen = {(unit.file, unit.name) for unit in units if unit.role == role}
        for file, pool, records in tables:
            if not records and pool and (file.source_file, pool) not in seen:
                units.append(_Unit(role, file.source_file, pool, file.damaged > 0))
                seen.add((file.source_file, pool))
    return units, unit_of


def distinct_numbers(numbers: Array, size: int) -> tuple[Array, Array]:
    """The different numbers below a size, and of each number its place among them."""
    if size > 4 * len(numbers) + 1000:
        found, place = np.unique(numbers, return_inverse=True)
        return found, place
    is_there = np.zeros(size, dtype=bool)
    is_there[numbers] = True
    found = np.flatnonzero(is_there)
    places = np.cumsum(is_there) - 1
    return found, places[numbers]


def _match_names(units: list[_Unit], groups: _Groups, notes: list[Note]) -> None:
    """Where no exact match is found between roles: without the signs a tab loses, without a date, by a unique beginning."""
    first: dict[str, _Unit] = {}
    roles: dict[str, set[str]] = defaultdict(set)
    for unit in units:
        first.setdefault(unit.fold, unit)
        roles[unit.fold].add(unit.role)
    alone = {fold for fold in roles if len(roles[fold]) == 1}
    ways: tuple[tuple[Callable[[str], str], str], ...] = (
        (bare_name, "signs or length that a tab loses"),
        (lambda name: fold_name(undated_name(name)), "a date or a sign of a copy"),
        (lambda name: _cut(bare_name(name)), "signs or length that a tab loses"),
    )
    for fold, why in ways:
        alike = defaultdict(list)
        for name in roles:
            if key := fold(first[name].name):
                alike[key].append(name)
        for names in alike.values():
            pairs = [
                (one, other)
                for one, other in combinations(names, 2)
                if not alone.isdisjoint((one, other)) and roles[one].isdisjoint(roles[other])
                if fold is not ways[2][0] or _is_cut(one, other)
            ]
            often = Counter(name for pair in pairs for name in pair)
            for one, other in pairs:
                if often[one] == often[other] == 1 and groups.root(one) != groups.root(other):
                    groups.join(one, other)
                    text = f'"{first[one].name}" and "{first[other].name}" are taken as one pool: the names differ only in {why}'
                    notes.append(Note(Code.same_pool_twice, text, first[other].file, pool=first[one].name))


def _is_cut(one: str, other: str) -> bool:
    """Is one the beginning of the other, where Excel cuts a tab's name?"""
    short, long = sorted((bare_name(one), bare_name(other)), key=len)
    return long[:TAB_LENGTH].rstrip() == short


def _cut(name: str) -> str:
    """What a tab keeps of a long name at least."""
    return name[:SHORTEST_CUT] if len(name) >= SHORTEST_CUT else ""


def _match_twins(units: list[_Unit], groups: _Groups, notes: list[Note]) -> None:
    """Two exports of one role that share at least half of the smaller one's keys are one pool exported twice."""
    for role in ("pools_before", "pools_now"):
        for one, other, shared in _sharing([unit for unit in units if unit.role == role]):
            if one.file != other.file and 2 * shared >= min(len(one.keys), len(other.keys)):
                groups.join(one.fold, other.fold)
                text = f"{one.file} and {other.file} share {shared:,} keys: one pool exported twice, merged"
                notes.append(Note(Code.same_pool_twice, text, other.file, pool=one.name))


def _sharing(units: list[_Unit]) -> list[tuple[_Unit, _Unit, int]]:
    """The pairs of units that share keys, and how many; quick where none do."""
    if len(units) < 2:
        return []
    keys = np.concatenate([unit.keys for unit in units])
    owner = np.repeat(np.arange(len(units)), [len(unit.keys) for unit in units])
    order = np.argsort(keys, kind="stable")
    keys, owner = keys[order], owner[order]
    common = np.flatnonzero(keys[1:] == keys[:-1])
    if not len(common):
        return []
    shared: dict[tuple[int, int], int] = defaultdict(int)
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    sizes = np.diff(np.append(starts, len(keys)))
    for size in np.unique(sizes[sizes > 1]).tolist():
        members = owner[starts[sizes == size][:, None] + np.arange(size)]  # ascending: the sort is stable
        for one, other in combinations(range(size), 2):
            pairs, counts = np.unique(members[:, one] * len(units) + members[:, other], return_counts=True)
            for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
                shared[divmod(pair, len(units))] += count
    return [(units[one], units[other], count) for (one, other), count in sorted(shared.items())]


def _match_renamed(units: list[_Unit], groups: _Groups, notes: list[Note]) -> dict[str, str]:
    """A later export whose name is no backup's, and that shares at least half of its codes with exactly one backup.

    Returns group → the new name.
    """
    backed = {groups.root(unit.fold) for unit in units if unit.role == "pools_before"}
    later = [u for u in units if u.role == "pools_now" and groups.root(u.fold) not in backed and len(u.keys)]
    shown = {groups.root(unit.fold) for unit in units if unit.role == "pools_now"}
    found = {}
    for unit in later:
        pairs = _sharing([unit, *(u for u in units if u.role == "pools_before")])
        ours = {groups.root(b.fold): b for a, b, shared in pairs if a is unit and 2 * shared >= len(unit.keys)}
        if len(ours) == 1:
            ((group, backup),) = ours.items()
            if group in shown:
                continue  # its own later export is there: two pools show these keys
            groups.join(backup.fold, unit.fold)
            found[groups.root(unit.fold)] = unit.name
            text = f'"{unit.name}" holds the keys of the backup "{backup.name}": taken as that pool under a new name'
            notes.append(Note(Code.pool_renamed, text, unit.file, pool=unit.name))
    return found


def _shown(members: list[_Unit], renamed: dict[str, str]) -> str:
    """The name a pool is called by: its new one, the fuller of two that a tab cut, without a date where another has another."""
    name = members[0].name
    for unit in members[1:]:
        if len(unit.name) > len(name) and bare_name(unit.name).startswith(bare_name(name)):
            name = unit.name if fold_name(undated_name(unit.name)) != fold_name(name) else name
    bare = {fold_name(undated_name(unit.name)) for unit in members}
    if len(bare) == 1 and len({unit.fold for unit in members}) > 1:
        name = without_date(name)
    return next((new for new in renamed.values() if any(unit.name == new for unit in members)), name)


def _refuse_two_courses(f: Facts, units: list[_Unit], unit_of: Array, groups: _Groups) -> None:
    course, shown = f.comparable("course"), f.column("course")
    for role in ("pools_before", "pools_now"):
        rows = np.flatnonzero(f.is_in(role) & (course.codes >= 0))
        first, _, _ = alike(unit_of[rows], course.codes[rows])
        seen: dict[str, tuple[int, str]] = {}
        for row in rows[first].tolist():
            unit = units[unit_of[row]]
            former, file = seen.setdefault(groups.root(unit.fold), (row, unit.file))
            if course.codes[former] != course.codes[row] and file != unit.file:
                one, other = shown[former], shown[row]
                raise ReconcileError(
                    f'{file} and {unit.file} both name the pool "{unit.name}", but its course is "{one}" in one and '
                    f'"{other}" in the other. If they are two pools, name them apart in case.toml: '
                    f'[files.{toml(unit.file)}] pool = "…". If it is one course with two names: [same_course] '
                    f"{toml(one)} = {toml(other)}."
                )


def _refuse_two_rows(f: Facts, pool: Array, members_of: list[list[_Unit]]) -> None:
    """Two rows of the pool list that name one pool of the exports, and differ in a setting that case.toml does not give."""
    in_list, declared = f.is_in("pool_list") & (pool >= 0), f.is_in("declared")
    for name in ("course", "expires_on", "starts_on"):
        is_date, filled = name != "course", f.column(name).filled
        value = f.dates(name).astype(np.int64) if is_date else f.comparable(name).codes
        given = set(pool[declared & filled].tolist())
        rows = np.flatnonzero(in_list & f.shows(name) & (filled | is_date))
        first, _, _ = alike(pool[rows], value[rows])
        seen: dict[int, int] = {}
        for row in rows[np.sort(first)].tolist():
            number, former = int(pool[row]), seen.setdefault(int(pool[row]), row)
            units = members_of[number]
            if former != row and number not in given and any(unit.role.startswith("pools_") for unit in units):
                files = [f.files[f.file[one]].source_file for one in (former, row)]
                one, other = (_said(f, name, at) for at in (former, row))
                key = {"course": "course", "expires_on": "expires", "starts_on": "starts"}[name]
                raise ReconcileError(
                    f'the pool list names the pool "{units[0].name}" twice, and its {key} is {one} in {files[0]}, row '
                    f"{f.row[former]}, and {other} in {files[1]}, row {f.row[row]}. Delete the row that is not of this pool, or "
                    f"say what its page in the TMS shows in case.toml:\n[pools.{toml(units[0].name)}]\n{key} = …"
                )


def _said(f: Facts, name: str, row: int) -> str:
    """What a setting says, as an error shows it."""
    if not f.column(name).filled[row]:
        return "blank"
    if name == "course":
        return f'"{f.column(name)[row]}"'
    date = f.dates(name)[row]
    return "not readable" if np.isnat(date) else str(date)[:10]


def _refuse_unequal(f: Facts, members_of: list[list[_Unit]], pool: Array, notes: list[Note]) -> None:
    """Two later exports of one pool: equal, parts that share no key, or which one is now?"""
    for number, members in enumerate(members_of):
        later = [unit for unit in members if unit.role == "pools_now"]
        if len({unit.file for unit in later}) < 2:
            continue
        told = {unit.file: _content(f, unit.file, pool == number) for unit in later}
        for (one, mine), (other, theirs) in combinations(told.items(), 2):
            if mine != theirs and ({code for code, _ in mine} & {code for code, _ in theirs} or not mine or not theirs):
                raise ReconcileError(
                    f'{one} and {other} are two different later exports of the pool "{later[0].name}". '
                    "Keep the latest one in pools-now and take the other out."
                )
        if len({frozenset(content) for content in told.values()}) > 1:
            text = f"{' and '.join(told)} share no key: read as parts of one export of the pool"
            notes.append(Note(Code.parts_of_one_pool, text, next(iter(told)), pool=later[0].name))


def _content(f: Facts, file: str, of_pool: Array) -> set[tuple[Any, bool]]:
    """What a later export says of each of a pool's records: which code, and is it redeemed?"""
    start, export = f.slices["pools_now"].start, f.exports["pools_now"]
    place = next(at for at, source in enumerate(export.files) if source.source_file == file)
    rows = np.flatnonzero((export.file == place) & of_pool[f.slices["pools_now"]])
    told = zip(f.code[rows + start].tolist(), rows.tolist(), f.sign("redeemed")[rows + start].tolist(), strict=True)
    return {(code if code >= 0 else export.raw.get(row, ""), is_redeemed) for code, row, is_redeemed in told}
