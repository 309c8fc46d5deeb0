"""What course keys and pools promise: uses, courses, expiries, and which file says so. (CATALOGUE §2, §3)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keyaudit.coded import Array, Coded
from keyaudit.exports.names import natural
from keyaudit.facts import NEVER, NO, By, Facts, fact, of_file

KNOWN_ROLES = ("declared", "pools_now", "pool_list", "pools_before")  # of a pool's settings, the latest first

# --- course keys ---


@fact
def course_rows(f: Facts) -> Array:
    """Records of course keys."""
    return f.is_in("course_keys")


@fact
def file_rank(f: Facts) -> Array:
    """Of every record: the place of its file in natural name order."""
    order = sorted(range(len(f.files)), key=lambda place: natural(f.files[place].source_file))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[f.file]


@fact
def last_rank(f: Facts) -> Array:
    """Of every key: the rank of the last course-key file that shows it, -1 for none."""
    return f.by_key.most(f.file_rank, f.course_rows, -1)


@fact
def course_row(f: Facts) -> Array:
    """Of every key: the record its course key's settings come from (the last file's first), -1 for none."""
    return f.by_key.first(f.course_rows & (f.file_rank == f.of_key(f.key, f.last_rank, -1)))


@fact
def row_uses(f: Facts) -> Array:
    """Uses of every record: a blank cell is 0, NaN is not known."""
    told = f.column("uses")
    return np.where(f.shows("uses"), np.where(told.filled, f.numbers("uses"), 0.0), np.nan)


@fact
def row_max(f: Facts) -> Array:
    """Uses allowed by every record: blank or 0 is one, infinity is no limit, NaN is not known."""
    allowed = np.where(f.column("max_uses").filled, f.numbers("max_uses"), 1.0)
    return np.where(f.shows("max_uses"), np.where(allowed == 0, 1.0, allowed), np.nan)


@fact
def has_learner(f: Facts) -> Array:
    """Records that name a learner."""
    return f.column("redeemed_by").filled | f.column("redeemed_email").filled


@fact
def is_use(f: Facts) -> Array:
    """Course-key records that are a use: without a column of uses each row with a learner is one."""
    return f.course_rows & f.has_learner & ~f.shows("uses")


@fact
def uses(f: Facts) -> Array:
    """The largest uses of every key over all files, NaN where they are not known."""
    found = f.by_key.most(f.row_uses, f.course_rows, np.nan)
    rows = np.flatnonzero(f.is_use & (f.key >= 0))
    if len(rows):
        pair, counts = np.unique(f.key[rows] * len(f.files) + f.file[rows], return_counts=True)
        np.fmax.at(found, pair // len(f.files), counts.astype(float))
    return found


@fact
def used(f: Facts) -> Array:
    """Was its course key used?"""
    return np.nan_to_num(f.uses) > 0


@fact
def uses_unknown(f: Facts) -> Array:
    """Is a course key of which nobody shows the uses?"""
    return f.in_course_keys & np.isnan(f.uses)


@fact
def max_uses(f: Facts) -> Array:
    """Uses its course key allows, NaN where they are not known."""
    return f.of_key(f.course_row, f.row_max, np.nan)


@fact
def entries(f: Facts) -> Any:
    """Course-key records of keys listed more than once, and for each the number of its entry (key, name, course, organization)."""
    counts = f.by_key.count(f.course_rows)
    rows = np.flatnonzero(f.course_rows & f.of_key(f.key, counts > 1, False))
    names = [f.comparable(name).codes[rows] for name in ("name", "course", "organization")]
    _, entry = np.unique(np.stack([f.key[rows], *names]), axis=1, return_inverse=True)
    return rows, entry.ravel()


@fact
def in_two_entries(f: Facts) -> Array:
    """In two entries of one course-key file: name, course or organization differ."""
    rows, _ = f.entries
    return _differ(f, rows, ("name", "course", "organization"), within_file=True)


@fact
def conflicting(f: Facts) -> Array:
    """Its course-key records disagree in a setting."""
    rows, _ = f.entries
    texts = _differ(f, rows, ("name", "course", "organization"))
    expires = _differ_in(
        f, rows, np.where(np.isnat(f.dates("expires_on")), np.int64(-1), f.dates("expires_on").astype(np.int64))
    )
    uses = _differ_in(f, rows, np.nan_to_num(f.row_max, nan=-1.0))
    return (texts | expires | uses) & ~f.in_two_entries


def _differ(f: Facts, rows: Array, names: Sequence[str], within_file: bool = False) -> Array:
    found = np.zeros(f.keys, dtype=bool)
    for name in names:
        found |= _differ_in(f, rows, f.comparable(name).codes, within_file)
    return found


def _differ_in(f: Facts, rows: Array, values: Array, within_file: bool = False) -> Array:
    """Keys whose records hold two known values (in one file)."""
    known = rows[values[rows] != -1]
    group = f.key[known] * len(f.files) + f.file[known] if within_file else f.key[known]
    pairs = np.unique(np.stack([group, values[known].astype(np.float64)]), axis=1)[0].astype(np.int64)
    several = pairs[1:][pairs[1:] == pairs[:-1]]
    found = np.zeros(f.keys, dtype=bool)
    found[several // len(f.files) if within_file else several] = True
    return found


@fact
def course_key_gone(f: Facts) -> Array:
    """A later course-key file that shows at least half of its last file's keys does not show it."""
    found = np.zeros(f.keys, dtype=bool)
    rows = np.flatnonzero(f.course_rows & (f.key >= 0))
    ranks = np.unique(f.file_rank[rows])
    if len(ranks) < 2:
        return found
    shown = {rank: By(f.key, f.keys).any(f.course_rows & (f.file_rank == rank)) for rank in ranks}
    for earlier in ranks:
        for later in ranks[ranks > earlier]:
            common = shown[earlier] & shown[later]
            if 2 * common.sum() >= shown[earlier].sum():
                found |= shown[earlier] & (f.last_rank < later)
    return found


@fact
def padding_doubted(f: Facts) -> Array:
    """Its course-key file pads every code, and shows no use."""
    return f.of_key(f.course_row, of_file(f, lambda file: file.padding_doubted), False)


# --- pools ---


def sources(f: Facts, mask: Array) -> Iterator[tuple[Array, Array]]:
    """The records that give a setting, the latest role first; and of every place its own record there, -1 for none."""
    own = {"pools_now": f.place_now_row, "pools_before": f.place_before_row}
    for role in KNOWN_ROLES:
        rows = f.is_in(role) & mask & (f.pool >= 0)
        if rows.any():
            first = own.get(role)
            yield (
                rows,
                np.full(len(f.place_key), -1) if first is None else np.where(rows[first] & (first >= 0), first, -1),
            )


def date_setting(f: Facts, name: str) -> tuple[Array, Array, Array]:
    """Of every place: its date (NaT: no end), is it known at all, and is it early (before the announcement) wherever given?

    The latest source that has the column counts; a blank cell there is no end, one that cannot be read is not known.
    """
    size = len(f.place_key)
    value, shown, legible = np.full(size, NEVER), np.zeros(size, dtype=bool), np.ones(size, dtype=bool)
    gives, early = np.zeros(size, dtype=bool), np.ones(size, dtype=bool)
    dates, filled = f.dates(name), f.column(name).filled
    bad, by_pool = filled & np.isnat(dates), By(f.pool, f.pool_count)
    for rows, own in sources(f, f.shows(name)):
        of_pool = by_pool.most(dates, rows, NEVER)
        of_pool[by_pool.any(rows & ~filled)] = NEVER
        here = by_pool.any(rows)[f.place_pool]
        found = np.where(own >= 0, dates[own], of_pool[f.place_pool])
        read = ~np.where(own >= 0, bad[own], by_pool.any(rows & bad)[f.place_pool])
        take = here & ~shown
        value[take], legible[take] = found[take], read[take]
        shown |= here
        gives |= here & read
        early &= ~here | (read & (found < np.datetime64(f.calendar.announced_on, "s")))
    return value, shown & legible, gives & early


def latest_row(f: Facts, name: str) -> Array:
    """Of every place: the record that gives a setting: the latest source that fills it, its own record before its pool's."""
    found, by_pool = np.full(len(f.place_key), -1), By(f.pool, f.pool_count)
    for rows, own in sources(f, f.column(name).filled):
        row = np.where(own >= 0, own, by_pool.first(rows)[f.place_pool])
        found = np.where(found < 0, row, found)
    return found


@fact
def place_expires(f: Facts) -> tuple[Array, Array, Array]:
    """Of every place: when its pool expires, whether that is known, and whether it was before the announcement."""
    return date_setting(f, "expires_on")


@fact
def place_starts(f: Facts) -> tuple[Array, Array, Array]:
    """Of every place: when its pool starts, as `place_expires`."""
    return date_setting(f, "starts_on")


def of_pools(f: Facts, name: str, comparable: bool = False) -> Coded:
    """A setting of every pool, as its latest source gives it; also of pools without keys."""
    found, by_pool = np.full(f.pool_count, -1), By(f.pool, f.pool_count)
    for role in KNOWN_ROLES:
        row = by_pool.first(f.is_in(role) & f.column(name).filled)
        found = np.where(found < 0, row, found)
    return (f.comparable(name) if comparable else f.column(name)).take(found)


@fact
def course_of_place(f: Facts) -> Array:
    """Of every place: the record that names its course."""
    return latest_row(f, "course")


@fact
def organization_of_place(f: Facts) -> Array:
    """Of every place: the record that names its organization."""
    return latest_row(f, "organization")


def pool_setting(f: Facts, name: str, comparable: bool = False) -> Coded:
    """A setting of the pool every key counts in; blank where it is not known."""
    rows = {"course": "course_of_place", "organization": "organization_of_place"}
    place = f[rows[name]] if name in rows else latest_row(f, name)
    return (f.comparable(name) if comparable else f.column(name)).take(f.of_key(f.home, place, -1))


def key_setting(f: Facts, name: str, comparable: bool = False) -> Coded:
    """A setting of every key's course key; blank where it has none."""
    return (f.comparable(name) if comparable else f.column(name)).take(f.course_row)


def differ(f: Facts, name: str) -> Array:
    """Keys whose pool and course key both have a known setting, and not the same."""
    ours, theirs = pool_setting(f, name, True).codes, key_setting(f, name, True).codes
    return (ours >= 0) & (theirs >= 0) & (ours != theirs)


@fact
def course_differs(f: Facts) -> Array:
    """Recreated under another course than its pool's."""
    return f.in_pool & f.in_course_keys & differ(f, "course")


@fact
def courses_known(f: Facts) -> Array:
    """Are the courses of pool and course key both known?"""
    return pool_setting(f, "course").filled & key_setting(f, "course").filled


@fact
def all_elsewhere(f: Facts) -> Array:
    """All recreated keys of its pool (two at least) are under one other course."""
    recreated = np.flatnonzero(f.in_pool & f.in_course_keys)
    course = key_setting(f, "course", True).codes
    pairs = np.unique(np.stack([f.home_pool[recreated], course[recreated]]), axis=1)
    one = np.bincount(pairs[0], minlength=f.pool_count) == 1
    counts = np.bincount(f.home_pool[recreated], minlength=f.pool_count)
    return f.course_differs & f.of_key(f.home_pool, one & (counts > 1), False)


@fact
def expired_unannounced(f: Facts) -> Array:
    """Its pool's expiry, wherever one is given, is before the announcement; of several pools, of all that may still hold it."""
    early, may_hold = f.place_expires[2], f.place_in_now != NO
    alive = f.places.any(may_hold & ~early)
    return f.in_pool & f.of_key(f.home, early, False) & ~alive


@fact
def place_ended(f: Facts) -> Array:
    """Of every place: its pool is removed or has expired."""
    value, known, _ = f.place_expires
    return f.is_removed | (known & (value <= f.as_of))


@fact
def pool_ended(f: Facts) -> Array:
    """The code no longer works in its pool: removed, or expired in all pools that may still hold it."""
    return f.in_pool & ~f.places.any((f.place_in_now != NO) & ~f.place_ended)


@fact
def starts_on(f: Facts) -> Array:
    """When the pool of every key starts."""
    return f.of_key(f.home, f.place_starts[0], NEVER)


@fact
def pool_expires_on(f: Facts) -> Array:
    """When the pool of every key expires, NaT where it has no end or that is not known."""
    value, known, _ = f.place_expires
    return f.of_key(f.home, np.where(known, value, NEVER), NEVER)
