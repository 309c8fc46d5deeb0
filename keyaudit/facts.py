"""Named facts of every key, place and pool, on one stacked table of records. (CATALOGUE §2)

A *key* is a number; a *place* is a key in a pool; a *record* is a row of an export. A fact is a function of other facts, known
by its name and found when first asked for: `f.in_now`. Facts of one line stand in tables, by what they are of.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.calendar import Calendar
from keyaudit.coded import TEXT, Array, Coded
from keyaudit.coded import at as at
from keyaudit.exports.dates import is_cancelled, is_lost
from keyaudit.exports.names import fold_name
from keyaudit.exports.records import Export
from keyaudit.rulebook import Code

NO, YES, UNKNOWN = 0, 1, 2
DAY = np.timedelta64(24 * 60 * 60, "s")
NEVER = np.datetime64("NaT", "s")
KEYED = ("pools_before", "pools_now", "course_keys")
ROLE_NAMES = (*KEYED, "declared", "pool_list", "distribution", "other_keys", "assignments")
# What may stand around a code in a sentence or a link.
BETWEEN = re.compile(r"(?:[\s,;|()\[\]{}<>\"'“”‘’«»„‚`*?&=#/:]|%[0-9A-Fa-f]{2})+")

Fact = Callable[["Facts"], Any]
_FUNCTIONS: dict[str, Fact] = {}
_OF_A_COLUMN: dict[str, Callable[[Facts, str], Any]] = {}


def fact(function: Fact) -> Fact:
    """A fact that takes some lines, known by the name of its function."""
    _FUNCTIONS[function.__name__] = function
    return function


def facts(**of_one_line: Fact) -> None:
    """Facts of one line each, by name."""
    _FUNCTIONS.update(of_one_line)


def facts_of_a_column(**of_one_line: Callable[[Facts, str], Any]) -> None:
    """Facts that are found once for each name of a column: `f.column("created_at")`."""
    _OF_A_COLUMN.update(of_one_line)


class Facts:
    """What the exports of an audit prove; `f.name` and `f["name"]` are the same fact, found once."""

    def __init__(
        self,
        exports: Mapping[str, Export],
        calendar: Calendar,
        as_of: dt.date,
        same_course: Mapping[str, str],
        same_organization: Mapping[str, str],
        log_is_complete: bool,
        accepted: tuple[Any, ...],
        unread: Iterable[str | None] = (),
    ) -> None:
        """Take the exports by role (ROLE_NAMES); nothing is looked at yet. `unread`: roles with a file that was not read."""
        self.exports, self.calendar, self.day = exports, calendar, as_of
        self.log_is_complete, self.accepted = np.bool_(log_is_complete), accepted
        self.unread = frozenset(unread)
        self.of_columns: dict[tuple[str, str], Any] = {}
        self.same = {"course": same_course, "organization": same_organization}
        self.as_of, self.period = np.datetime64(as_of, "s"), calendar.period(as_of)
        self.is_late, self.is_read_only, self.is_removed = (np.bool_(self.period >= place) for place in (1, 2, 3))
        self.course_keys_given = np.bool_("course_keys" in exports)
        vars(self).update({name: np.datetime64(day, "s") for name, day in vars(calendar).items()})
        stops = np.cumsum([0, *(len(exports[role]) if role in exports else 0 for role in ROLE_NAMES)])
        self.slices = dict(zip(ROLE_NAMES, map(slice, stops[:-1], stops[1:]), strict=True))
        self.records = int(stops[-1])

    def __getattr__(self, name: str) -> Any:
        if name in _OF_A_COLUMN:
            return partial(self._of_column, name)
        if name not in _FUNCTIONS:
            raise AttributeError(f"no fact is called {name}")
        self.__dict__[name] = found = narrow(_FUNCTIONS[name](self))
        return found

    def _of_column(self, name: str, column: str) -> Any:
        if (name, column) not in self.of_columns:
            self.of_columns[name, column] = narrow(_OF_A_COLUMN[name](self, column))
        return self.of_columns[name, column]

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def let_go(self, module: str) -> None:
        """Forget the facts of a module, and what was found by names of columns: who asks again has them found again."""
        self.of_columns.clear()
        for name in [name for name in self.__dict__ if name in _FUNCTIONS]:
            if _FUNCTIONS[name].__module__.rpartition(".")[2] == module:
                del self.__dict__[name]

    def given(self) -> Iterator[tuple[str, Export]]:
        """The exports there are, in the order of the records."""
        return ((role, self.exports[role]) for role in ROLE_NAMES if role in self.exports)

    def stacked(self, part: Callable[[Export], Array]) -> Array:
        """An array of all records, from what every export gives for its own."""
        return np.concatenate([part(export) for _, export in self.given()])

    def is_in(self, *roles: str) -> Array:
        """Of every record: is it of one of the roles?"""
        mask = np.zeros(self.records, dtype=bool)
        for role in roles:
            mask[self.slices[role]] = True
        return mask

    def dates(self, name: str, rows: Array | None = None) -> Array:
        """The dates of a column (in some rows), NaT where there is none or it cannot be read. (Large, and not kept.)"""
        column = self.column(name) if rows is None else self.column_in(rows, name)
        return column.spread(NEVER, "datetime64[s]")

    def column_in(self, rows: Array, name: str) -> Coded:
        """A column in some rows, given in their order, without the others."""
        parts = ((one.column(name), rows - self.slices[role].start) for role, one in self.given())
        return Coded.stacked([column.take(own[(own >= 0) & (own < len(column))]).compact() for column, own in parts])

    def numbers(self, name: str) -> Array:
        """The counts of a column, NaN where there is none or it cannot be read."""
        return self.column(name).spread(np.nan, float)

    def placed(self, rows: Any, numbers: Array) -> Array:
        """Of every record a number: that of some rows, -1 of all others."""
        found = np.full(self.records, -1, dtype=np.int64)
        found[rows] = numbers
        return found

    def of_file(self, learn: Callable[[Any], Any]) -> Array:
        """Of every record: what is learnt of its file."""
        return np.array([learn(file) for file in self.files]).take(self.file)

    def mask_of(self, keys: Sequence[int] | Array) -> Array:
        """Which keys are among some."""
        found = np.zeros(self.keys, dtype=bool)
        found[np.array(keys, dtype=np.int64)] = True
        return found


def narrow(found: Any) -> Any:
    """Whole numbers in 32 bits, where these hold them all and one more: half the memory. Multiply them by `combined` only."""
    if isinstance(found, tuple):
        return tuple(map(narrow, found))
    if not isinstance(found, np.ndarray) or found.dtype != np.int64:
        return found
    low, high = (int(most(initial=0)) for most in (found.min, found.max))
    return found.astype(np.int32) if low > -(2**31) and high < 2**31 - 1 else found


def combined(*columns: Array) -> Array:
    """One number for each combination of numbers (from -1 on); they sort as the combinations do."""
    code, size = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        width = int(column.max(initial=0)) + 2
        if size * width > 2**62:
            code = np.unique(code, return_inverse=True)[1]
            size = len(code)
        code *= width
        code += column
        size *= width
    return code


def alike(*columns: Array) -> tuple[Array, Array, Array]:
    """Rows with the same combination of numbers: the first of each, in their order; of every row its place among them; how many."""
    _, first, place, sizes = np.unique(combined(*columns), return_index=True, return_inverse=True, return_counts=True)
    return first, place, sizes


class By:
    """Groups by number (-1: none): one value a group, from what stands in it. Serves keys, places and pools alike."""

    def __init__(self, group: Array, size: int) -> None:
        self.group, self.size = narrow(group), size

    def any(self, mask: Array) -> Array:
        """Is any of the group in the mask?"""
        found = np.zeros(self.size + 1, dtype=bool)
        found[self.group[mask]] = True
        return found[:-1]

    def count(self, mask: Array) -> Array:
        """How many of the group are in the mask."""
        group = self.group[mask]
        return np.bincount(group[group >= 0], minlength=self.size)

    def tally(self, kind: Array, kinds: int) -> Array:
        """How many of the group are of each kind: a row a group."""
        inside = self.group >= 0
        pair = self.group[inside].astype(np.int64) * kinds + kind[inside]
        return np.bincount(pair, minlength=self.size * kinds).reshape(self.size, kinds)

    def first(self, mask: Any = True) -> Array:
        """The first place of the group (in the mask), -1 where there is none."""
        rows = np.flatnonzero(mask & (self.group >= 0))[::-1]
        found = np.full(self.size, -1, dtype=np.int64)
        found[self.group.take(rows)] = rows
        return found

    def most(self, values: Array, mask: Any, nothing: Any, better: Any = np.fmax) -> Array:
        """The largest known value of the group in the mask (with `np.fmin` the smallest)."""
        found = np.full(self.size, nothing, dtype=values.dtype)
        rows = np.flatnonzero(mask & (self.group >= 0) & (values == values))
        group, known = self.group.take(rows), values.take(rows)
        found[group] = known
        others = np.flatnonzero(found.take(group) != known)  # few: `at` takes its time
        better.at(found, group[others], known[others])
        return found

    def span(self, values: Array) -> tuple[Array, Array]:
        """The smallest and the largest known value of the group, NaN where there is none."""
        least, most = (self.most(values, values == values, np.nan, better) for better in (np.fmin, np.fmax))
        return least, most


facts_of_a_column(  # of records
    column=lambda f, name: Coded.stacked([export.column(name) for _, export in f.given()]),  # one role below the other
    shows=lambda f, name: f.stacked(lambda export: export.shows(name)),  # does its list have the column?
    # does it say so? (`Export.signs`: redeemed, learner_without_date, …)
    sign=lambda f, name: f.stacked(lambda export: export.signs.get(name, np.zeros(len(export), dtype=bool))),
    # names for comparing: two that mean the same have one code
    comparable=lambda f, name: f.column(name).map(fold_name).map(lambda told: f.same.get(name, {}).get(told, told)),
)
facts(  # of records
    files=lambda f: [file for _, export in f.given() for file in export.files],
    in_pools=lambda f: f.is_in("pools_before", "pools_now"),
    course_rows=lambda f: f.is_in("course_keys"),
    pool=lambda f: f.pools.pool,  # its number, -1 for none
    pool_count=lambda f: len(f.pools.names),
    has_learner=lambda f: f.column("redeemed_by").filled | f.column("redeemed_email").filled,
    row=lambda f: f.stacked(lambda export: export.row).astype(np.int64),  # in the sheet
    raw=lambda f: {row + f.slices[role].start: text for role, export in f.given() for row, text in export.raw.items()},
    # a key of their own, because their code cannot be read (one that its backup shows too is not); and of every record its key:
    blind=lambda f: f.in_pools & (f.code < 0) & ~(f.is_in("pools_now") & at(f.pools.has_before, f.pool, False)),
    key=lambda f: np.where(f.blind, len(f.coded.dictionary) + np.cumsum(f.blind) - 1, f.code),  # -1: none of ours
    # of keys
    by_key=lambda f: By(f.key, f.keys),
    keys=lambda f: int(len(f.coded.dictionary) + f.blind.sum()),  # how many there are
    codes=lambda f: pa.concat_arrays([f.coded.dictionary, pa.nulls(int(f.blind.sum()), TEXT)]),  # null: not readable
    readable=lambda f: np.arange(f.keys) < len(f.coded.dictionary),
    in_pool=lambda f: f.by_key.any(f.in_pools),
    in_before=lambda f: f.by_key.any(f.is_in("pools_before")),
    in_course_keys=lambda f: f.by_key.any(f.course_rows),
    # yes if any place is yes, no only if all are no; unknown for keys in no pool
    in_now=lambda f: np.select([f.places.any(f.place_in_now == YES), f.presence_open], [YES, UNKNOWN], NO),
    presence_open=lambda f: f.places.any(f.place_in_now == UNKNOWN) | ~f.in_pool,
    here=lambda f: f.in_now == YES,
    gone=lambda f: f.in_pool & (f.in_now == NO),
    presence_unknown=lambda f: f.in_pool & (f.in_now == UNKNOWN) & f.begun,
    in_two_pools=lambda f: f.places.count(f.place_latest) > 1,
    home_pool=lambda f: at(f.place_pool, f.home, -1),  # the pool it counts in
    by_home=lambda f: By(f.home_pool, f.pool_count),  # by that pool
    redeemed_in_pool=lambda f: f.by_key.any(f.in_pools & f.sign("redeemed")),
    redemption_unreadable=lambda f: f.by_key.any(f.in_pools & f.sign(Code.redemption_unreadable)),
    redeemed_at=lambda f: f.by_key.most(f.dates("redeemed_at"), f.in_pools, NEVER),
    paid_by=lambda f: By(f.paid[1], f.keys),  # payments by key
    paid_live=lambda f: f.paid_by.count(f.paid[2]),  # assignments that are not cancelled
    redeemed=lambda f: f.redeemed_in_pool | (f.paid_live > 0) & ~f.in_course_keys & f.in_pool,
    recreated_at=lambda f: f.by_key.most(f.dates("created_at"), f.course_rows, NEVER, np.fmin),  # its first course key
    first_record=lambda f: f.by_key.first(),
    # of places
    by_place=lambda f: By(f.placed(*f.held[:2]), len(f.place_key)),  # records
    place_key=lambda f: f.held[2],
    place_pool=lambda f: f.held[3],
    places=lambda f: By(f.place_key, f.keys),  # by key
    by_pool=lambda f: By(f.place_pool, f.pool_count),
    place_before_row=lambda f: f.by_place.first(f.is_in("pools_before")),
    place_now_row=lambda f: f.by_place.first(f.is_in("pools_now")),
    place_in_now=lambda f: np.where(f.place_now_row >= 0, YES, np.where(f.unseen[f.place_pool], UNKNOWN, NO)),
    may_hold=lambda f: f.place_in_now != NO,
    place_row=lambda f: np.where(f.place_now_row >= 0, f.place_now_row, f.place_before_row),  # its latest record
    place_seen=lambda f: (f.place_now_row >= 0) | ~f.pools.has_now[f.place_pool] & (f.place_before_row >= 0),
    # its latest export shows no redemption of any key, or a column nobody understood may
    redemption_hidden=lambda f: f.of_file(lambda file: file.shows.get("redemption", "yes") != "yes")[f.place_row],
    place_latest=lambda f: f.place_seen & ~f.redeemed[f.place_key],  # the latest export shows the key, unredeemed
)


@fact
def file(f: Facts) -> Array:
    """Of every record: the place of its file in `files`."""
    starts = np.cumsum([0, *(len(export.files) for _, export in f.given())])
    return np.concatenate([export.file + start for (_, export), start in zip(f.given(), starts, strict=False)])


@fact
def coded(f: Facts) -> Any:
    """The codes of pools and course keys, numbered once: Arrow's indices and dictionary."""
    texts = [f.exports[role].keys for role in KEYED if role in f.exports]
    return pa.concat_arrays([*texts, pa.array([], TEXT)]).dictionary_encode()


@fact
def code(f: Facts) -> Array:
    """Of every record: the number of its code among those of pools and course keys, -1 where it has none of these."""
    own = f.coded.indices.fill_null(-1).to_numpy()
    found = f.placed(slice(len(own)), own)
    for role in ("distribution", "other_keys"):
        if role in f.exports:
            known = pc.index_in(f.exports[role].keys, value_set=f.coded.dictionary)
            found[f.slices[role]] = known.fill_null(-1).to_numpy()
    return found


@fact
def held(f: Facts) -> Any:
    """The records of pool exports that hold a key, their place, and of every place its key and pool."""
    rows = np.flatnonzero(f.in_pools & (f.key >= 0))
    first, place, _ = alike(f.key[rows], f.pool[rows])
    return rows, place, f.key[rows[first]], f.pool[rows[first]]


@fact
def unseen(f: Facts) -> Array:
    """Pools whose later export proves no absence: there is none, or it holds a row that cannot be read and is no backup's."""
    now = f.is_in("pools_now")
    doubtful = now & f.of_file(lambda file: file.damaged > 0 or "every_key" in file.shows)
    unread = np.flatnonzero(f.in_pools & (f.code < 0))
    made = f.dates("created_at")[unread].astype(str).tolist()
    told = {row: (f.pool[row], f.raw.get(row), day) for row, day in zip(unread, made, strict=True)}
    backed = {told[row] for row in unread if not now[row]}
    doubtful[[row for row in unread if now[row] and told[row] not in backed]] = True
    found = ~f.pools.has_now | By(f.pool, f.pool_count).any(doubtful)
    found[f.pools.damaged_now] = True
    return found | ("pools_now" in f.unread)


@fact
def home(f: Facts) -> Array:
    """The place a key counts in: unredeemed in pools-now, else one that may still hold it, else the first by name."""
    unredeemed = (f.place_now_row >= 0) & ~f.redeemed[f.place_key]
    order = np.lexsort((f.place_pool, ~f.may_hold, ~unredeemed, f.place_key))
    first = By(f.place_key[order], f.keys).first()
    return at(order, first, -1)


@fact
def paid(f: Facts) -> tuple[Array, Array, Array]:
    """Which keys the payments of course assignments name: record, key, and is the assignment known not to be cancelled?"""
    payment, state = f.column("payment"), f.column("assignment_status")
    rows, named = np.flatnonzero(payment.filled), named_codes(f, payment.listed())
    told = zip(rows.tolist(), payment.codes[rows].tolist(), strict=True)
    pairs = [(row, key) for row, place in told for key in named[place]]
    rows, keys = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    is_known = f.of_file(lambda file: file.shows.get("assignment_status", "no") in ("yes", "no"))
    return rows, keys, (is_known & ~state.has(lambda told: is_cancelled(told) or is_lost(told)))[rows]


def named_codes(f: Facts, texts: Sequence[str]) -> list[list[int]]:
    """The numbers of the known codes that each text names: as a whole, or as a part of it."""
    words = []
    for text in texts:
        parts = [part for word in BETWEEN.split(text) for part in (word, word.rstrip(".,!;-")) if word]
        words.append(dict.fromkeys((text, *parts)))
    known = numbers_of(f, (word for own in words for word in own))
    return [[known[word] for word in own if word in known] for own in words]


def numbers_of(f: Facts, texts: Iterable[str]) -> dict[str, int]:
    """The codes we know among some texts, and their numbers."""
    codes = f.coded.dictionary
    rows = np.flatnonzero(pc.is_in(codes, value_set=pa.array(list(texts), TEXT)))
    return dict(zip(codes.take(pa.array(rows)).to_pylist(), rows.tolist(), strict=True))
