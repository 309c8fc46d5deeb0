"""What ties a key to another code, or to a learner: lookalikes, the distribution log, other kinds of keys. (CATALOGUE §2, §4)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.facts import NEVER, NO, UNKNOWN, YES, By, Facts, fact, named_codes
from keyaudit.lookalikes import Links, Side, find_lookalikes
from keyaudit.settings import key_setting, pool_setting


def _keys_of(f: Facts, pool: int) -> Array:
    """The keys of a pool."""
    return f.place_key[f.place_pool == pool]


def _has_hyphen(f: Facts) -> Array:
    return np.append(
        np.asarray(pc.match_substring(f.coded.dictionary, "-")), np.zeros(f.keys - len(f.coded.dictionary), bool)
    )


@fact
def links(f: Facts) -> Links:
    """Pool keys absent from course keys against course keys in no pool."""
    ours = np.flatnonzero(f.in_pool & ~f.in_course_keys & ~f.redeemed & f.readable)
    theirs = np.flatnonzero(f.in_course_keys & ~f.in_pool)
    if not len(ours) or not len(theirs):
        return Links()
    hyphen = _has_hyphen(f)
    bare_pool = By(f.place_pool, f.pool_count).any(~hyphen[f.place_key])
    file = By(f.file, len(f.files))
    bare_file = ~file.any(f.course_rows & f.of_key(f.key, hyphen, False))
    typed = np.zeros(f.records, dtype=bool)
    start = f.slices["course_keys"].start
    typed[[row + start for row in f.exports["course_keys"].typed]] = True
    made = f.by_key.least(f.dates("created_at"), f.course_rows, NEVER)
    left = Side(
        ours,
        pool_setting(f, "course", True).codes[ours],
        pool=f.home_pool[ours],
        has_hyphens=~bare_pool[f.home_pool[ours]],
    )
    right = Side(
        theirs,
        key_setting(f, "course", True).codes[theirs],
        bare=f.of_key(f.course_row, bare_file[f.file], False)[theirs],
        is_typed=f.by_key.any(typed)[theirs],
        is_old=made[theirs] < np.datetime64(f.calendar.announced_on, "s"),
    )
    return find_lookalikes(f.codes, left, right, lambda pool: _keys_of(f, pool), backwards=True)


@fact
def link(f: Facts) -> Array:
    """Of every key: its lookalike (also of a code that Excel changed in the backup), -1 for none."""
    found = np.full(f.keys, -1, dtype=np.int64)
    for one, other, _ in f.links.pairs:
        found[one], found[other] = other, one
    for one, other in f.links.backwards:
        found[one] = other
    return found


@fact
def rung(f: Facts) -> dict[int, str]:
    """Key → the rung that links it."""
    return {key: rung for one, other, rung in f.links.pairs for key in (one, other)}


@fact
def damaged_in_backup(f: Facts) -> Array:
    """It is what Excel makes of exactly one course key in no pool."""
    found = np.zeros(f.keys, dtype=bool)
    found[[one for one, _ in f.links.backwards]] = True
    return found


@fact
def has_lookalike(f: Facts) -> Array:
    """A pool key of which exactly one course key in no pool is the lookalike."""
    return f.in_pool & (f.link >= 0) & ~f.damaged_in_backup


@fact
def pool_begun(f: Facts) -> Array:
    """Of every pool: is any of its keys a course key, exactly or by a link?"""
    begun = f.in_course_keys | f.has_lookalike
    return By(f.place_pool, f.pool_count).any(begun[f.place_key]) & f.course_keys_given


@fact
def begun(f: Facts) -> Array:
    """Is its pool begun?"""
    return f.of_key(f.home_pool, f.pool_begun, False)


@fact
def partner_uses_unknown(f: Facts) -> Array:
    """The uses of its lookalike are not shown."""
    return f.has_lookalike & f.of_key(f.link, f.uses_unknown, False)


# --- the distribution log ---


@fact
def log(f: Facts) -> Any:
    """What the log says: codes no export knows (number, text, record), and for every record of the log the keys it names.

    A record without a recipient, where the log has such a column, names nobody.
    """
    empty = np.array([], dtype=np.int64)
    if "distribution" not in f.exports:
        return empty, [], empty, {}
    export, where = f.exports["distribution"], f.slices["distribution"]
    sent = export.column("distributed_to").filled | ~export.shows("distributed_to")
    own = f.code[where]
    names = {int(row): [int(own[row])] for row in np.flatnonzero(sent & (own >= 0))}
    open_ = np.flatnonzero(sent & (own < 0) & np.asarray(pc.is_valid(export.keys)))
    texts = Coded.of(export.keys.take(pa.array(open_)).to_pylist())
    other = set(f.exports["other_keys"].keys.to_pylist()) if "other_keys" in f.exports else set()
    found = named_codes(f, texts.values)
    strangers: dict[int, int] = {}
    for row, place in zip(open_.tolist(), texts.codes.tolist(), strict=True):
        if found[place]:
            names[row] = found[place]
        elif texts.values[place] not in other:
            strangers.setdefault(place, row)
    rows = np.array(list(strangers.values()), dtype=np.int64)
    return f.keys + np.arange(len(rows)), [texts.values[place] for place in strangers], rows + where.start, names


@fact
def logged(f: Facts) -> Array:
    """Does the log name it?"""
    found = np.zeros(f.keys, dtype=bool)
    found[[number for numbers in f.log[3].values() for number in numbers]] = True
    return found


@fact
def log_links(f: Facts) -> Links:
    """Codes of the log that no export knows against pool keys the log does not name."""
    numbers, texts, _, _ = f.log
    left = np.flatnonzero(f.in_pool & ~f.logged & f.readable)
    if not len(numbers) or not len(left):
        return Links()
    codes = pa.concat_arrays([f.codes, pa.array(texts, TEXT)])
    nowhere = np.full(len(left), -1), np.full(len(numbers), -1)
    sides = Side(left, nowhere[0], pool=f.home_pool[left]), Side(numbers, nowhere[1])
    return find_lookalikes(codes, *sides, lambda pool: _keys_of(f, pool))


@fact
def is_distributed(f: Facts) -> Array:
    """Was it sent to a learner (NO, YES, UNKNOWN)? No only where the case says that the log is complete."""
    linked, undecided = np.zeros(f.keys, dtype=bool), np.zeros(f.keys, dtype=bool)
    linked[[one for one, _, _ in f.log_links.pairs]] = True
    undecided[list(f.log_links.ambiguous_left)] = True
    on_list = f.by_key.any(f.in_pools & (f.sign("distributed") | f.sign("learner_without_date")))
    yes = f.logged | linked | on_list
    proves = f.log_is_complete and "distribution" in f.exports
    return np.where(yes, YES, np.where(proves & f.in_pool & f.readable & ~undecided, NO, UNKNOWN))


@fact
def not_distributed(f: Facts) -> Array:
    """A complete log does not name it."""
    return f.is_distributed == NO


@fact
def holder(f: Facts) -> dict[int, str]:
    """Key → whom the log says it was sent to (the latest record)."""
    if "distribution" not in f.exports:
        return {}
    told = f.exports["distribution"].column("distributed_to")
    partner = {f.log[2][other - f.keys]: one for one, other, _ in f.log_links.pairs}
    start = f.slices["distribution"].start
    named = {row: numbers for row, numbers in f.log[3].items()} | {row - start: [one] for row, one in partner.items()}
    return {number: told[row] for row in sorted(named) if told.codes[row] >= 0 for number in named[row]}


# --- other kinds of keys ---


@fact
def taken(f: Facts) -> Array:
    """Another kind of key has the same code."""
    return By(f.code, f.keys).any(f.is_in("other_keys"))


@fact
def matched(f: Facts) -> dict[int, int]:
    """File of a log, of other keys or of assignments → how many of its codes (payments) are those of a key we know."""
    found = {
        place: set() for place, file in enumerate(f.files) if file.role in ("distribution", "other_keys", "assignments")
    }
    if "distribution" in f.exports:
        start, keys = f.slices["distribution"].start, f.exports["distribution"].keys
        for row in f.log[3]:
            found[int(f.file[row + start])].add(keys[row].as_py())
    for row in np.flatnonzero(f.is_in("other_keys") & (f.code >= 0)):
        found[int(f.file[row])].add(int(f.code[row]))
    for row in np.unique(f.paid[0]):
        found[int(f.file[row])].add(int(f.column("payment").codes[row]))
    return {place: len(codes) for place, codes in found.items()}
