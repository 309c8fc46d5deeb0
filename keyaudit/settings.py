"""What course keys and pools promise: uses, courses, expiries, and which file says so. (CATALOGUE §2, §3)"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from keyaudit import pools  # noqa: F401 - its facts
from keyaudit.coded import Array, Coded
from keyaudit.columns import COLUMNS
from keyaudit.exports.hints import spoken
from keyaudit.exports.names import natural
from keyaudit.facts import NEVER, By, Facts, alike, at, fact, facts, facts_of_a_column

KNOWN_ROLES = ("declared", "pools_now", "pool_list", "pools_before")  # of a pool's settings, the latest first
ENTRY = ("name", "course", "organization")  # what tells two entries of one code apart
ALL = slice(None)
SETTINGS = ("expires_on", "max_uses", "content_availability", "any_organization")

facts(  # of keys: their course keys
    uses=lambda f: np.fmax(f.by_key.most(f.row_uses, f.course_rows, np.nan), counted_uses(f, f.by_key)),  # of all files
    last_rank=lambda f: f.by_key.most(f.file_rank, f.course_rows, -1),  # the last file that shows it
    course_row=lambda f: f.by_key.first(f.course_rows & (f.file_rank == at(f.last_rank, f.key, -1))),  # of its settings
    used=lambda f: np.nan_to_num(f.uses) > 0,
    uses_unknown=lambda f: f.in_course_keys & np.isnan(f.uses),
    max_uses=lambda f: at(f.row_max, f.course_row, np.nan),
    in_two_entries=lambda f: _disagree(f, *ENTRY, in_one_file=True),
    conflicting=lambda f: _disagree(f, *ENTRY, *SETTINGS) & ~f.in_two_entries,
    padding_doubted=lambda f: at(f.of_file(lambda file: file.padding_doubted), f.course_row, False),
    course_differs=lambda f: differ(f, "course"),  # of keys in both
    courses_known=lambda f: pool_setting(f, "course").filled & key_setting(f, "course").filled,
    # of keys: their pools
    expired_unannounced=lambda f: (
        at(f.place_expires[2], f.home, False) & ~f.places.any(f.may_hold & ~f.place_expires[2])
    ),
    pool_ended=lambda f: f.in_pool & ~f.places.any(f.may_hold & ~f.place_ended),  # wherever it may still be
    starts_on=lambda f: at(f.place_starts[0], f.home, NEVER),
    starts_too_late=lambda f: f.starts_on >= f.removed,
    pool_expires_on=lambda f: at(np.where(f.place_expires[1], f.place_expires[0], NEVER), f.home, NEVER),
    # of places: value, is it known, was it before the announcement wherever it is given
    place_expires=lambda f: _date_setting(f, "expires_on"),
    place_starts=lambda f: _date_setting(f, "starts_on"),
    place_ended=lambda f: f.is_removed | (f.place_expires[1] & (f.place_expires[0] <= f.as_of)),
    # of records: uses so far and allowed: a blank is none, or one; NaN is not known, infinity no limit
    file_rank=lambda f: np.argsort(f.files_by_name)[f.file],  # the place of its file
    files_by_name=lambda f: sorted(range(len(f.files)), key=lambda place: natural(f.files[place].source_file)),
    row_uses=lambda f: np.where(f.shows("uses"), np.where(f.column("uses").filled, f.numbers("uses"), 0.0), np.nan),
    row_max=lambda f: np.where(f.shows("max_uses"), np.where(f.is_one, 1.0, f.numbers("max_uses")), np.nan),
    is_one=lambda f: ~f.column("max_uses").filled | (f.numbers("max_uses") == 0),
    is_use=lambda f: f.course_rows & f.has_learner & ~f.shows("uses"),  # a row with a learner, without a column of uses
)


def counted_uses(f: Facts, by: By) -> Array:
    """Uses of every group counted as rows with a learner, the most of any file; NaN where no row is one."""
    rows = np.flatnonzero(f.is_use & (by.group >= 0))
    first, _, counts = alike(by.group[rows], f.file[rows])
    return By(by.group[rows[first]], by.size).most(counts.astype(float), True, np.nan)


@fact
def entries(f: Facts) -> By:
    """Course-key records of keys listed more than once, by their entry: key, name, course, organization."""
    rows = np.flatnonzero(f.course_rows & at(f.by_key.count(f.course_rows) > 1, f.key, False))
    first, entry, _ = alike(f.key[rows], *(f.comparable(name).codes[rows] for name in ENTRY))
    return By(f.placed(rows, entry), len(first))


def _disagree(f: Facts, *names: str, in_one_file: bool = False) -> Array:
    """Keys whose course-key records (of one file) hold two known values of a setting."""
    rows, found = np.flatnonzero(f.entries.group >= 0), np.zeros(f.keys, dtype=bool)
    file = f.file if in_one_file else np.zeros(f.records, dtype=np.int64)
    first, group, _ = alike(f.key[rows], file[rows])
    for name in names:
        least, most = By(group, len(first)).span(_as_numbers(f, name)[rows])
        found[f.key[rows[first[least < most]]]] = True
    return found


def _as_numbers(f: Facts, name: str) -> Array:
    """A column as numbers that are equal where it says the same, NaN where it says nothing (a blank expiry says that there is no end)."""
    if name == "max_uses":
        return f.row_max
    if name == "expires_on":
        never = f.shows(name) & ~f.column(name).filled
        return np.where(never, np.inf, np.where(np.isnat(f.dates(name)), np.nan, f.dates(name).astype(float)))
    if name in ENTRY:
        codes = f.comparable(name).codes
        return np.where(codes < 0, np.nan, codes)
    numbers = f.numbers(name)
    return np.where(numbers == 2, np.nan, numbers) if COLUMNS[name].kind == "flag" else numbers  # 2: it is no flag


@fact
def course_key_gone(f: Facts) -> Array:
    """A later course-key file that shows at least half of an earlier one's keys does not show it."""
    found, ranks = np.zeros(f.keys, dtype=bool), np.unique(f.file_rank[f.course_rows])
    shown = {rank: f.by_key.any(f.course_rows & (f.file_rank == rank)) for rank in ranks} if len(ranks) > 1 else {}
    for earlier, later in combinations(shown, 2):
        if 2 * (shown[earlier] & shown[later]).sum() >= shown[earlier].sum():
            found |= shown[earlier] & (f.last_rank < later)
    return found


# --- settings of pools ---


def _sources(f: Facts, mask: Array) -> Iterator[tuple[Array, Array]]:
    """The records that give a setting, the latest role first; and of every place its own record there, -1 for none."""
    own = {"pools_now": f.place_now_row, "pools_before": f.place_before_row}
    for role in KNOWN_ROLES:
        rows = f.is_in(role) & mask & (f.pool >= 0)
        if rows.any():
            first = own.get(role, np.full(len(f.place_key), -1))
            yield rows, np.where(at(rows, first, False), first, -1)


def _date_setting(f: Facts, name: str) -> tuple[Array, Array, Array]:
    """Of every place: its date (NaT: no end), is it known at all, and is it early (before the announcement) wherever given?

    The latest source that has the column counts; a blank cell there is no end, one that cannot be read is not known.
    Neither is a column that was not understood, and speaks of it.
    """
    size = len(f.place_key)
    value, (shown, known, late) = np.full(size, NEVER), np.zeros((3, size), dtype=bool)
    dates, filled = f.dates(name), f.column(name).filled
    doubted = f.doubted(name)
    bad, by_pool = (filled & np.isnat(dates)) | doubted, By(f.pool, f.pool_count)
    for rows, own in _sources(f, f.shows(name) | doubted):
        of_pool = by_pool.most(dates, rows, NEVER)
        of_pool[by_pool.any(rows & ~filled)] = NEVER
        here = by_pool.any(rows).take(f.place_pool)
        found = np.where(own >= 0, dates.take(own), of_pool.take(f.place_pool))
        read = ~np.where(own >= 0, bad.take(own), by_pool.any(rows & bad).take(f.place_pool))
        take = here & ~shown
        value[take], known[take] = found[take], read[take]
        shown |= here
        late |= here & ~(read & (found < f.announced_on))
    return value, known, shown & ~late


def _latest_row(f: Facts, name: str) -> Array:
    """Of every place: the record that gives a setting: the latest source that fills it, its own record before its pool's."""
    found, by_pool = np.full(len(f.place_key), -1), By(f.pool, f.pool_count)
    for rows, own in _sources(f, f.column(name).filled):
        found = np.where(found < 0, np.where(own >= 0, own, by_pool.first(rows).take(f.place_pool)), found)
    return found


def _row_of_pool(f: Facts, name: str) -> Array:
    """The same of every pool, whatever its keys say."""
    found, by_pool, filled = np.full(f.pool_count, -1), By(f.pool, f.pool_count), f.column(name).filled
    blank = f.shows(name) & ~filled & (name == "expires_on")
    for role in KNOWN_ROLES:
        given, none = (by_pool.first(f.is_in(role) & mask) for mask in (filled, blank))
        found = np.where(found < 0, np.where(none >= 0, none, given), found)
    return found


facts_of_a_column(
    latest_row=_latest_row,
    row_of_pool=_row_of_pool,
    # of records: may a column of their file that is not understood be it?
    doubted=lambda f, name: f.of_file(lambda file: spoken(file.shows.get(name, "")) == name),
)


def _at_rows(f: Facts, name: str, comparable: bool, rows: Array) -> Coded:
    column: Coded = f.comparable(name) if comparable else f.column(name)
    return column.take(rows)


def of_pools(f: Facts, name: str, comparable: bool = False) -> Coded:
    """A setting of every pool, as its latest source gives it; also of pools without keys. A blank expiry is no end."""
    return _at_rows(f, name, comparable, f.row_of_pool(name))


def pool_setting(f: Facts, name: str, comparable: bool = False, keys: Any = ALL) -> Coded:
    """A setting of the pool every key (or each of some) counts in; blank where it is not known."""
    return _at_rows(f, name, comparable, at(f.latest_row(name), f.home[keys], -1))


def key_setting(f: Facts, name: str, comparable: bool = False, keys: Any = ALL) -> Coded:
    """A setting of every key's course key (or of each of some); blank where it has none."""
    return _at_rows(f, name, comparable, f.course_row[keys])


def differ(f: Facts, name: str) -> Array:
    """Keys whose pool and course key both have a known setting, and not the same."""
    ours, theirs = pool_setting(f, name, True).codes, key_setting(f, name, True).codes
    return (ours >= 0) & (theirs >= 0) & (ours != theirs)


@fact
def all_elsewhere(f: Facts) -> Any:
    """All recreated keys of its pool (two at least) are under one other course."""
    recreated = f.in_pool & f.in_course_keys
    course = key_setting(f, "course", True).codes
    least, most = f.by_home.span(np.where(recreated, course, np.nan))
    return f.course_differs & at((least == most) & (f.by_home.count(recreated) > 1), f.home_pool, False)
