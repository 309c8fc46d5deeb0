"""Named facts of every key, place and pool, on one stacked table of records. (CATALOGUE §2)

A *key* is a number; a *place* is a key in a pool. A fact is a function of other facts, found by its name when first asked
for: `f.in_now`. Arrays over keys, places, pools or records say so in their name or their first line.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.calendar import Calendar
from keyaudit.coded import TEXT, Array, Coded
from keyaudit.exports.names import fold_name
from keyaudit.exports.records import Export
from keyaudit.pools import Pools, match_pools

NO, YES, UNKNOWN = 0, 1, 2
NEVER = np.datetime64("NaT", "s")
ROLE_NAMES = (
    "pools_before",
    "pools_now",
    "course_keys",
    "declared",
    "pool_list",
    "distribution",
    "other_keys",
    "assignments",
)
BETWEEN = re.compile(r"[\s,;|()\[\]{}<>\"'“”‘’«»?&=#/:]+")  # what may stand around a code in a sentence or a link

_FUNCTIONS: dict[str, Callable[[Facts], Any]] = {}


def named(name: str, find: Callable[[Facts], Any]) -> None:
    """A fact of one line, by its name."""
    _FUNCTIONS[name] = find


def fact(function: Callable[[Facts], Any]) -> Callable[[Facts], Any]:
    """A fact is known by the name of the function that finds it."""
    _FUNCTIONS[function.__name__] = function
    return function


class Facts:
    """What the exports of an audit prove; `f.name` and `f["name"]` are the same fact, found once."""

    def __init__(
        self,
        exports: Mapping[str, Export],
        calendar: Calendar,
        as_of: dt.date,
        same_course: Mapping[str, str],
        same_organization: Mapping[str, str],
        log_is_complete: bool = False,
        accepted: tuple[Any, ...] = (),
    ) -> None:
        """Take the exports by role (ROLE_NAMES); nothing is looked at yet."""
        self.exports, self.calendar, self.day = exports, calendar, as_of
        self.log_is_complete, self.accepted = log_is_complete, accepted
        self.same = {"course": same_course, "organization": same_organization}
        self.as_of, self.period = np.datetime64(as_of, "s"), calendar.period(as_of)
        self.is_late, self.is_read_only, self.is_removed = (np.bool_(self.period >= place) for place in (1, 2, 3))
        self.course_keys_given = np.bool_("course_keys" in exports)
        stops = np.cumsum([0, *(len(exports[role]) if role in exports else 0 for role in ROLE_NAMES)])
        self.slices = dict(zip(ROLE_NAMES, map(slice, stops[:-1], stops[1:]), strict=True))
        self.records = int(stops[-1])
        self._columns: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in _FUNCTIONS:
            raise AttributeError(f"no fact is called {name}")
        self.__dict__[name] = found = _FUNCTIONS[name](self)
        return found

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def given(self) -> Iterator[tuple[str, Export]]:
        """The exports there are, in the order of the records."""
        return ((role, self.exports[role]) for role in ROLE_NAMES if role in self.exports)

    def is_in(self, *roles: str) -> Array:
        """Of every record: is it of one of the roles?"""
        mask = np.zeros(self.records, dtype=bool)
        for role in roles:
            mask[self.slices[role]] = True
        return mask

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._columns:
            self._columns[name] = make()
        return self._columns[name]

    def column(self, name: str) -> Coded:
        """A column of all records, one role below the other."""
        return self._once(name, lambda: Coded.stacked([export.column(name) for _, export in self.given()]))

    def dates(self, name: str) -> Array:
        """The dates of a column, NaT where there is none or it cannot be read."""
        return self._once(f"dates {name}", lambda: self.column(name).spread(NEVER, "datetime64[s]"))

    def numbers(self, name: str) -> Array:
        """The counts of a column, NaN where there is none or it cannot be read."""
        return self._once(f"numbers {name}", lambda: self.column(name).spread(np.nan, float))

    def shows(self, name: str) -> Array:
        """Of every record: does its list have the column?"""
        return self._once(f"shows {name}", lambda: np.concatenate([export.shows(name) for _, export in self.given()]))

    def sign(self, name: str) -> Array:
        """Of every record: does it say so? (`Export.signs`: redeemed, learner_without_date, …)"""
        parts = [export.signs.get(name, np.zeros(len(export), dtype=bool)) for _, export in self.given()]
        return self._once(f"sign {name}", lambda: np.concatenate(parts))

    def comparable(self, name: str) -> Coded:
        """A column of names for comparing: two names that mean the same have one code."""
        same = self.same.get(name, {})
        return self._once(f"same {name}", lambda: self.column(name).map(lambda t: same.get(fold_name(t), fold_name(t))))

    def of_key(self, row: Array, values: Array, nothing: Any) -> Array:
        """The value of a record, place or pool for every key; `nothing` where its number is -1."""
        return np.append(values, np.array([nothing], dtype=values.dtype))[row]


class By:
    """Groups by number (-1: none): one value a group, from what stands in it. Serves keys, places and pools alike."""

    def __init__(self, group: Array, size: int) -> None:
        self.group, self.size = group, size

    def any(self, mask: Array) -> Array:
        """Is any of the group in the mask?"""
        found = np.zeros(self.size + 1, dtype=bool)
        found[self.group[mask]] = True
        return found[:-1]

    def count(self, mask: Array) -> Array:
        """How many of the group are in the mask."""
        group = self.group[mask]
        return np.bincount(group[group >= 0], minlength=self.size)

    def first(self, mask: Array) -> Array:
        """The first place of the group in the mask, -1 where there is none."""
        rows = np.flatnonzero(mask & (self.group >= 0))[::-1]
        found = np.full(self.size, -1, dtype=np.int64)
        found[self.group[rows]] = rows
        return found

    def most(self, values: Array, mask: Array, nothing: Any) -> Array:
        """The largest known value of the group in the mask."""
        return self._extreme(np.fmax, values, mask, nothing)

    def least(self, values: Array, mask: Array, nothing: Any) -> Array:
        """The smallest known value of the group in the mask."""
        return self._extreme(np.fmin, values, mask, nothing)

    def _extreme(self, better: Any, values: Array, mask: Array, nothing: Any) -> Array:
        found = np.full(self.size, nothing, dtype=values.dtype)
        rows = np.flatnonzero(mask & (self.group >= 0) & ~(values != values))
        better.at(found, self.group[rows], values[rows])
        return found


# --- records, codes, keys ---


@fact
def files(f: Facts) -> list[Any]:
    """Every file of every role."""
    return [file for _, export in f.given() for file in export.files]


@fact
def file(f: Facts) -> Array:
    """Of every record: the place of its file in `files`."""
    starts = np.cumsum([0, *(len(export.files) for _, export in f.given())])
    return np.concatenate([export.file + start for (_, export), start in zip(f.given(), starts, strict=False)])


def of_file(f: Facts, learn: Callable[[Any], Any], dtype: Any = bool) -> Array:
    """Of every record: what is learnt of its file."""
    return np.array([learn(file) for file in f.files], dtype=dtype)[f.file]


@fact
def coded(f: Facts) -> Any:
    """The codes of pools and course keys, numbered once: Arrow's indices and dictionary."""
    roles = ("pools_before", "pools_now", "course_keys")
    texts = [f.exports[role].keys for role in roles if role in f.exports]
    return pa.concat_arrays([*texts, pa.array([], TEXT)]).dictionary_encode()


@fact
def code(f: Facts) -> Array:
    """Of every record: the number of its code among those of pools and course keys, -1 where it has none of these."""
    own = f.coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    found = np.full(f.records, -1, dtype=np.int64)
    found[: len(own)] = own
    for role in ("distribution", "other_keys"):
        if role in f.exports:
            known = pc.index_in(f.exports[role].keys, value_set=f.coded.dictionary)
            found[f.slices[role]] = known.fill_null(-1).to_numpy()
    return found


@fact
def pools(f: Facts) -> Pools:
    """Which record is of which pool."""
    return match_pools(f)


@fact
def pool(f: Facts) -> Array:
    """Of every record: the number of its pool, -1 where it has none."""
    return f.pools.pool


@fact
def pool_count(f: Facts) -> int:
    """How many pools there are."""
    return len(f.pools.names)


@fact
def blind(f: Facts) -> Array:
    """Records that are a key of their own, because their code cannot be read. (One that its backup shows too is not.)"""
    mask = f.is_in("pools_before", "pools_now") & (f.code < 0)
    return mask & ~(f.is_in("pools_now") & f.of_key(f.pool, f.pools.has_before, False))


@fact
def key(f: Facts) -> Array:
    """Of every record: the number of its key, -1 where it is none of ours."""
    numbers = f.code.copy()
    numbers[f.blind] = len(f.coded.dictionary) + np.arange(f.blind.sum())
    return numbers


@fact
def keys(f: Facts) -> int:
    """How many keys there are."""
    return int(len(f.coded.dictionary) + f.blind.sum())


@fact
def codes(f: Facts) -> Any:
    """The code of every key (Arrow texts), null where it is not readable."""
    return pa.concat_arrays([f.coded.dictionary, pa.nulls(int(f.blind.sum()), TEXT)])


@fact
def readable(f: Facts) -> Array:
    """Can its code be read?"""
    return np.arange(f.keys) < len(f.coded.dictionary)


@fact
def by_key(f: Facts) -> By:
    """Records by their key."""
    return By(f.key, f.keys)


@fact
def in_pools(f: Facts) -> Array:
    """Records of pool exports."""
    return f.is_in("pools_before", "pools_now")


@fact
def in_pool(f: Facts) -> Array:
    """Is it in a pool?"""
    return f.by_key.any(f.in_pools)


@fact
def in_before(f: Facts) -> Array:
    """Is it in a backup?"""
    return f.by_key.any(f.is_in("pools_before"))


@fact
def in_course_keys(f: Facts) -> Array:
    """Is it in course keys?"""
    return f.by_key.any(f.is_in("course_keys"))


# --- places: a key in a pool ---


@fact
def held(f: Facts) -> Any:
    """The records of pool exports that hold a key, their place, and of every place its key and pool."""
    rows = np.flatnonzero(f.in_pools & (f.key >= 0))
    pair, place = np.unique(f.key[rows] * max(f.pool_count, 1) + f.pool[rows], return_inverse=True)
    return rows, place, pair // max(f.pool_count, 1), pair % max(f.pool_count, 1)


@fact
def by_place(f: Facts) -> By:
    """Records by their place."""
    rows, place, place_key, _ = f.held
    group = np.full(f.records, -1, dtype=np.int64)
    group[rows] = place
    return By(group, len(place_key))


@fact
def place_key(f: Facts) -> Array:
    """Of every place: its key."""
    return f.held[2]


@fact
def place_pool(f: Facts) -> Array:
    """Of every place: its pool."""
    return f.held[3]


@fact
def places(f: Facts) -> By:
    """Places by their key."""
    return By(f.place_key, f.keys)


@fact
def place_before_row(f: Facts) -> Array:
    """Of every place: its first record in the backup, -1 for none."""
    return f.by_place.first(f.is_in("pools_before"))


@fact
def place_now_row(f: Facts) -> Array:
    """Of every place: its first record in the later export, -1 for none."""
    return f.by_place.first(f.is_in("pools_now"))


@fact
def unseen(f: Facts) -> Array:
    """Pools whose later export proves no absence: there is none, or it holds a row that cannot be read and is no backup's."""
    now = f.is_in("pools_now")
    doubtful = now & of_file(f, lambda file: file.damaged > 0)
    unread = np.flatnonzero(f.in_pools & (f.code < 0))
    raw = {row + f.slices[role].start: text for role, export in f.given() for row, text in export.raw.items()}
    shown = {(f.pool[row], raw.get(row), str(f.dates("created_at")[row])): row for row in unread if not now[row]}
    for row in unread:
        doubtful[row] |= now[row] and (f.pool[row], raw.get(row), str(f.dates("created_at")[row])) not in shown
    cut = np.zeros(f.pool_count, dtype=bool)
    cut[f.pools.damaged_now] = True
    return ~f.pools.has_now | By(f.pool, f.pool_count).any(doubtful) | cut


@fact
def place_in_now(f: Facts) -> Array:
    """Of every place: is it in the later export of its pool (NO, YES, UNKNOWN)?"""
    return np.where(f.place_now_row >= 0, YES, np.where(f.unseen[f.place_pool], UNKNOWN, NO))


@fact
def in_now(f: Facts) -> Array:
    """Of every key: yes if any place is yes, no only if all are no; unknown for keys in no pool."""
    is_yes = f.places.any(f.place_in_now == YES)
    is_open = f.places.any(f.place_in_now == UNKNOWN) | ~f.in_pool
    return np.where(is_yes, YES, np.where(is_open, UNKNOWN, NO))


@fact
def here(f: Facts) -> Array:
    """Does its pool's latest export show it?"""
    return f.in_now == YES


@fact
def gone(f: Facts) -> Array:
    """Has it left all its pools?"""
    return f.in_pool & (f.in_now == NO)


@fact
def presence_unknown(f: Facts) -> Array:
    """Its pool is begun, and nobody knows whether the key is still there."""
    return f.in_pool & (f.in_now == UNKNOWN) & f.begun


@fact
def place_latest(f: Facts) -> Array:
    """Places in which the latest export shows the key, unredeemed."""
    shown = np.where(f.pools.has_now[f.place_pool], f.place_now_row >= 0, f.place_before_row >= 0)
    return shown & ~f.redeemed[f.place_key]


@fact
def in_two_pools(f: Facts) -> Array:
    """Unredeemed in the latest exports of two or more pools."""
    return f.places.count(f.place_latest) > 1


@fact
def home(f: Facts) -> Array:
    """The place a key counts in: unredeemed in pools-now, else one that may still hold it, else the first by name."""
    may_hold = f.place_in_now != NO
    unredeemed = (f.place_now_row >= 0) & ~f.redeemed[f.place_key]
    order = np.lexsort((f.place_pool, ~may_hold, ~unredeemed, f.place_key))
    first = By(f.place_key[order], f.keys).first(np.ones(len(order), dtype=bool))
    return f.of_key(first, order, -1)


@fact
def home_pool(f: Facts) -> Array:
    """The pool a key counts in, -1 for keys in no pool."""
    return f.of_key(f.home, f.place_pool, -1)


# --- redemption ---


@fact
def paid(f: Facts) -> Any:
    """Which keys the payments of course assignments name: record, key, and is the assignment not cancelled?"""
    start = f.slices["assignments"].start
    if "assignments" not in f.exports:
        return np.array([], np.int64), np.array([], np.int64), np.array([], bool)
    export = f.exports["assignments"]
    payment = export.column("payment")
    named = named_codes(f, payment.listed())
    pairs = [(row, number) for row, place in enumerate(payment.codes.tolist()) if place >= 0 for number in named[place]]
    rows, numbers = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    cancelled = export.column("assignment_status").has(lambda text: "cancel" in str(text).casefold())
    return rows + start, numbers, ~cancelled[rows]


def named_codes(f: Facts, texts: Sequence[str]) -> list[list[int]]:
    """The numbers of the known codes that each text names: as a whole, or as a part of it."""
    parts: list[str] = []
    of: list[int] = []
    for place, text in enumerate(texts):
        words = dict.fromkeys((text, *(part for word in BETWEEN.split(text) for part in (word, word.rstrip(".,!;-")))))
        parts += [word for word in words if word]
        of += [place] * (len(parts) - len(of))
    known = pc.index_in(pa.array(parts, TEXT), value_set=f.coded.dictionary).fill_null(-1).to_numpy()
    found: list[list[int]] = [[] for _ in texts]
    for place, number in zip(of, known.tolist(), strict=True):
        if number >= 0 and number not in found[place]:
            found[place].append(number)
    return found


@fact
def redeemed_in_pool(f: Facts) -> Array:
    """Does a pool export prove that it was redeemed?"""
    return f.by_key.any(f.in_pools & f.sign("redeemed"))


@fact
def redeemed(f: Facts) -> Array:
    """Redeemed in any pool export; or, if it is no course key, by an assignment that is not cancelled."""
    _, paid_key, live = f.paid
    return f.redeemed_in_pool | (By(paid_key, f.keys).any(live) & ~f.in_course_keys & f.in_pool)


@fact
def redemption_unreadable(f: Facts) -> Array:
    """A redemption cell or status of it is filled and not understood."""
    return f.by_key.any(f.in_pools & f.sign("redemption_unreadable"))


@fact
def redemption_hidden(f: Facts) -> Array:
    """Of every place: its latest export shows no redemption of any key, or a column nobody understood may."""
    shown = of_file(f, lambda file: file.shows.get("redemption", "yes") == "yes")
    return ~shown[np.where(f.place_now_row >= 0, f.place_now_row, f.place_before_row)]


@fact
def redeemed_at(f: Facts) -> Array:
    """The day it was redeemed in a pool (the latest that is given)."""
    return f.by_key.most(f.dates("redeemed_at"), f.in_pools, NEVER)
