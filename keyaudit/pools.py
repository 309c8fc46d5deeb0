"""Which export shows which pool: names matched across files, pools exported twice, contradictions. (CATALOGUE §2)"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any, NamedTuple

import numpy as np

from keyaudit.coded import Array, Coded
from keyaudit.errors import ReconcileError
from keyaudit.exports.names import bare_name, fold_name, undated_name, without_date
from keyaudit.exports.records import Note
from keyaudit.facts import Facts, alike, fact
from keyaudit.rulebook import Code
from keyaudit.words import toml

TAB_LENGTH = 31  # Excel cuts a tab's name here
SHORTEST_CUT = 30  # … and a blank at the cut is gone
NAMING = ("pools_before", "pools_now", "declared", "pool_list")
NOTHING = np.array([], dtype=np.int64)


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


class _Unit(NamedTuple):
    """A pool as one file names it: its records, and the distinct codes these hold."""

    role: str
    file: str
    name: str
    records: Array = NOTHING
    keys: Array = NOTHING
    is_lost: bool = False  # no record can be read, though there are some

    @property
    def fold(self) -> str:
        return fold_name(self.name)


class _Groups(dict[str, str]):
    """Names that mean the same pool: each leads to another of them, one of them to itself."""

    def root(self, name: str) -> str:
        while self[name] != name:
            name = self[name]
        return name

    def join(self, one: str, other: str) -> None:
        self[self.root(one)] = self.root(other)


Match = tuple[_Unit, _Unit, Note]  # two units of one pool, and what is said of it


@fact
def pools(f: Facts) -> Pools:
    """Give every record of the pool exports and of the pool list its pool.

    Raises ReconcileError for two exports of one name with different courses, and for two unequal later exports.
    """
    units = list(_units(f))
    groups, notes = _Groups({unit.fold: unit.fold for unit in units}), []
    for way in (_of_one_name, _of_the_same_keys, _renamed):
        for one, other, note in way(units, groups):
            groups.join(one.fold, other.fold)
            notes.append(note)
    _refuse_two_courses(f, units, groups)
    members = defaultdict(list)
    for unit in units:
        members[groups.root(unit.fold)].append(unit)
    renamed = [note.pool for note in notes if note.code == Code.pool_renamed]
    named = [(_shown(of, renamed), of) for of in members.values()]
    named.sort(key=lambda pool: fold_name(pool[0]))
    names, members_of = [name for name, _ in named], [of for _, of in named]
    pool = np.full(f.records, -1, dtype=np.int64)
    for number, of in enumerate(members_of):
        for unit in of:
            pool[unit.records] = number
    _refuse_two_rows(f, pool, members_of)
    notes += [note for of in members_of for note in _refuse_unequal(f, [u for u in of if u.role == "pools_now"])]
    roles = [{unit.role for unit in of} for of in members_of]
    has_before, has_now, *listed = (np.array([role in of for of in roles], dtype=bool) for role in NAMING)
    later = [(number, unit) for number, of in enumerate(members_of) for unit in of if unit.role == "pools_now"]
    empty = {number: unit.file for number, unit in later if not len(unit.records)}
    damaged = [number for number, unit in later if unit.is_lost]
    declared = [name for name, of in zip(names, roles, strict=True) if of == {"declared"}]
    return Pools(names, has_before, has_now, np.any(listed, axis=0), pool, empty, damaged, declared, notes)


def _units(f: Facts) -> Iterator[_Unit]:
    """Every pool of every file, empty ones too."""
    for role in (role for role in NAMING if role in f.exports):
        export, start, seen = f.exports[role], f.slices[role].start, set()
        told = Coded.stacked([export.column("pool"), Coded.of(table.pool for table in export.tables)]).distinct()
        own, title = np.split(told.codes, [len(export)])
        name = np.where(own >= 0, own, title[export.table])
        first, place, sizes = alike(export.file, name)
        for one, rows in zip(first, np.split(np.argsort(place, kind="stable"), np.cumsum(sizes)[:-1]), strict=False):
            file, pool, code = export.files[export.file[one]], told.values[name[one]], f.code[rows + start]
            seen.add((file.source_file, pool))
            yield _Unit(role, file.source_file, pool, rows + start, _distinct(code[code >= 0]))
        for table in export.tables:
            file = export.files[table.file]
            if not table.records and table.pool and (file.source_file, table.pool) not in seen:
                seen.add((file.source_file, table.pool))
                yield _Unit(role, file.source_file, table.pool, is_lost=file.damaged > 0)


def _distinct(codes: Array) -> Array:
    """The numbers of some codes, once; new ones are numbered as they come."""
    return codes if (np.diff(codes) > 0).all() else np.unique(codes)


def _of_one_name(units: list[_Unit], groups: _Groups) -> Iterator[Match]:
    """Where no exact match is found between roles: without the signs a tab loses, without a date, by a unique beginning."""
    first: dict[str, _Unit] = {}
    roles: dict[str, set[str]] = defaultdict(set)
    for unit in units:
        first.setdefault(unit.fold, unit)
        roles[unit.fold].add(unit.role)
    for fold, why in WAYS:
        alike = defaultdict(list)
        for unit in first.values():
            alike[fold(unit.name)].append(unit)
        alike.pop("", None)
        pairs = [
            (one, other)
            for one, other in chain.from_iterable(combinations(of, 2) for of in alike.values())
            if roles[one.fold].isdisjoint(roles[other.fold]) and 1 in (len(roles[one.fold]), len(roles[other.fold]))
            if fold is not _cut or _is_cut(one.name, other.name)
        ]
        often = Counter(unit.fold for pair in pairs for unit in pair)
        for one, other in pairs:
            if often[one.fold] == often[other.fold] == 1 and groups.root(one.fold) != groups.root(other.fold):
                text = f'"{one.name}" and "{other.name}" are taken as one pool: the names differ only in {why}'
                yield one, other, Note(Code.same_pool_twice, text, other.file, pool=one.name)


def _is_cut(one: str, other: str) -> bool:
    """Is one the beginning of the other, where Excel cuts a tab's name?"""
    short, long = sorted((bare_name(one), bare_name(other)), key=len)
    return long[:TAB_LENGTH].rstrip() == short


def _cut(name: str) -> str:
    """What a tab keeps of a long name at least."""
    bare = bare_name(name)
    return bare[:SHORTEST_CUT] if len(bare) >= SHORTEST_CUT else ""


WAYS: tuple[tuple[Callable[[str], str], str], ...] = (
    (bare_name, "signs or length that a tab loses"),
    (lambda name: fold_name(undated_name(name)), "a date or a sign of a copy"),
    (_cut, "signs or length that a tab loses"),
)


def _of_the_same_keys(units: list[_Unit], _: _Groups) -> Iterator[Match]:
    """Two exports of one role that share at least half of the smaller one's keys are one pool exported twice."""
    for role in ("pools_before", "pools_now"):
        for one, other, shared in _sharing([unit for unit in units if unit.role == role]):
            if one.file != other.file and 2 * shared >= min(len(one.keys), len(other.keys)):
                text = f"{one.file} and {other.file} share {shared:,} keys: one pool exported twice, merged"
                yield one, other, Note(Code.same_pool_twice, text, other.file, pool=one.name)


def _renamed(units: list[_Unit], groups: _Groups) -> Iterator[Match]:
    """A later export whose name is no backup's, and that shares at least half of its codes with exactly one backup.

    Not with one that has a later export of its own: then two pools show these keys.
    """
    backups, later = ([unit for unit in units if unit.role == role] for role in ("pools_before", "pools_now"))
    backed, shown = ({groups.root(unit.fold) for unit in of} for of in (backups, later))
    for unit in [unit for unit in later if groups.root(unit.fold) not in backed and len(unit.keys)]:
        pairs = _sharing([unit, *backups])
        ours = {groups.root(b.fold): b for a, b, shared in pairs if a is unit and 2 * shared >= len(unit.keys)}
        if len(ours) == 1 and shown.isdisjoint(ours):
            (backup,) = ours.values()
            text = f'"{unit.name}" holds the keys of the backup "{backup.name}": taken as that pool under a new name'
            yield backup, unit, Note(Code.pool_renamed, text, unit.file, pool=unit.name)


def _sharing(units: list[_Unit]) -> list[tuple[_Unit, _Unit, int]]:
    """The pairs of units that share keys, and how many; quick where none do."""
    keys = np.concatenate([NOTHING, *(unit.keys for unit in units)])
    order, shared = np.argsort(keys, kind="stable"), Counter[int]()
    keys, owner = keys[order], np.repeat(np.arange(len(units)), [len(unit.keys) for unit in units])[order]
    for apart in range(1, len(units)):  # equal keys stand together, in the order of their units
        twice = np.flatnonzero(keys[apart:] == keys[:-apart])
        if not len(twice):
            break
        pairs, counts = np.unique(owner[twice] * len(units) + owner[twice + apart], return_counts=True)
        shared.update(dict(zip(pairs.tolist(), counts.tolist(), strict=True)))
    return [(units[pair // len(units)], units[pair % len(units)], shared[pair]) for pair in sorted(shared)]


def _shown(members: list[_Unit], renamed: list[str]) -> str:
    """The name a pool is called by: its new one, the fuller of two that a tab cut, without a date where another has another."""
    name = members[0].name
    for unit in members[1:]:
        if len(unit.name) > len(name) and bare_name(unit.name).startswith(bare_name(name)):
            name = unit.name if fold_name(undated_name(unit.name)) != fold_name(name) else name
    bare = {fold_name(undated_name(unit.name)) for unit in members}
    if len(bare) == 1 and len({unit.fold for unit in members}) > 1:
        name = without_date(name)
    own = {unit.name for unit in members}
    return next((new for new in reversed(renamed) if new in own), name)


# --- what no verdict can rest on ---


def _refuse_two_courses(f: Facts, units: list[_Unit], groups: _Groups) -> None:
    course, shown = f.comparable("course").codes, f.column("course")
    seen: dict[tuple[str, str], tuple[int, str]] = {}
    for unit in [unit for unit in units if unit.role.startswith("pools_")]:
        known, first = np.unique(course[unit.records], return_index=True)
        for row in unit.records[first[known >= 0]].tolist():
            former, file = seen.setdefault((unit.role, groups.root(unit.fold)), (row, unit.file))
            if course[former] != course[row] and file != unit.file:
                one, other = shown[former], shown[row]
                raise ReconcileError(
                    f'{file} and {unit.file} both name the pool "{unit.name}", but its course is "{one}" in one and '
                    f'"{other}" in the other. If they are two pools, name them apart in case.toml:\n'
                    f'[files.{toml(unit.file)}]\npool = "…"\nIf it is one course with two names:\n[same_course]\n'
                    f"{toml(one)} = {toml(other)}"
                )


def _refuse_two_rows(f: Facts, pool: Array, members_of: list[list[_Unit]]) -> None:
    """Two rows of the pool list that name one pool of the exports, and differ in a setting that case.toml does not give."""
    in_list, declared = f.is_in("pool_list") & (pool >= 0), f.is_in("declared")
    exported = [any(unit.role.startswith("pools_") for unit in units) for units in members_of]
    for name, entry in (("course", "course"), ("expires_on", "expires"), ("starts_on", "starts")):
        is_date, filled = name != "course", f.column(name).filled
        value = f.dates(name).astype(np.int64) if is_date else f.comparable(name).codes
        given = set(pool[declared & filled].tolist())
        rows = np.flatnonzero(in_list & f.shows(name) & (filled | is_date))
        first, _, _ = alike(pool[rows], value[rows])
        seen: dict[int, int] = {}
        for row in rows[np.sort(first)].tolist():
            number, former = int(pool[row]), seen.setdefault(int(pool[row]), row)
            if former != row and number not in given and exported[number]:
                files = [f.files[f.file[at]].source_file for at in (former, row)]
                one, other = (_said(f, name, at) for at in (former, row))
                shown, value_as = members_of[number][0].name, "…" if is_date else '"…"'
                raise ReconcileError(
                    f'the pool list names the pool "{shown}" twice, and its {entry} is {one} in {files[0]}, row '
                    f"{f.row[former]}, and {other} in {files[1]}, row {f.row[row]}. Delete the row that is not of this pool, or "
                    f"say what its page in the TMS shows in case.toml:\n[pools.{toml(shown)}]\n{entry} = {value_as}"
                )


def _said(f: Facts, name: str, row: int) -> str:
    """What a setting says, as an error shows it."""
    told = f.column(name)[row]
    if told is None or isinstance(told, str):
        return "blank" if told is None else f'"{told}"'
    return "not readable" if np.isnat(told) else str(told)[:10]


def _refuse_unequal(f: Facts, later: list[_Unit]) -> Iterator[Note]:
    """Two later exports of one pool: equal, parts that share no key, or which one is now?"""
    told: dict[str, set[tuple[Any, bool]]] = {unit.file: set() for unit in later}
    for unit in later if len(told) > 1 else ():
        columns = f.code, np.arange(f.records), f.sign("redeemed")
        rows = zip(*(column[unit.records].tolist() for column in columns), strict=True)
        told[unit.file] |= {(code if code >= 0 else f.raw.get(row, ""), is_redeemed) for code, row, is_redeemed in rows}
    for (one, mine), (other, theirs) in combinations(told.items(), 2):
        if mine != theirs and ({code for code, _ in mine} & {code for code, _ in theirs} or not mine or not theirs):
            raise ReconcileError(
                f'{one} and {other} are two different later exports of the pool "{later[0].name}". '
                "Keep the latest one in pools-now and take the other out."
            )
    if len({frozenset(content) for content in told.values()}) > 1:
        text = f"{' and '.join(told)} share no key: read as parts of one export of the pool"
        yield Note(Code.parts_of_one_pool, text, next(iter(told)), pool=later[0].name)
