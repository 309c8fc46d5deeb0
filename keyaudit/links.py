"""What ties a key to another code, or to a learner: lookalikes, the distribution log, other kinds of keys. (CATALOGUE §2, §4)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.facts import NO, UNKNOWN, YES, By, Facts, at, fact, facts, named_codes
from keyaudit.lookalikes import Links, Side, find_lookalikes
from keyaudit.rulebook import Code
from keyaudit.settings import key_setting, pool_setting

facts(  # of keys
    rung=lambda f: {key: rung for one, other, rung in f.links.pairs for key in (one, other)},  # of few
    damaged_in_backup=lambda f: f.mask_of([one for one, _ in f.links.backwards]),  # what Excel makes of one course key
    has_lookalike=lambda f: f.in_pool & (f.link >= 0) & ~f.damaged_in_backup,
    begun=lambda f: at(f.pool_begun, f.home_pool, False),
    partner_uses_unknown=lambda f: f.has_lookalike & at(f.uses_unknown, f.link, False),
    logged=lambda f: f.mask_of([key for keys in f.log[3].values() for key in keys]),
    not_distributed=lambda f: f.is_distributed == NO,
    taken=lambda f: By(f.code, f.keys).any(f.is_in("other_keys")),  # another kind of key has the same code
    # of records of the log: are they of somebody? one without a recipient is not, where the log has such a column
    sent=lambda f: f.is_in("distribution") & (f.column("distributed_to").filled | ~f.shows("distributed_to")),
    # of pools: is any of its keys a course key, exactly or by a link?
    pool_begun=lambda f: f.by_pool.any((f.in_course_keys | (f.link >= 0))[f.place_key]),
)


def _keys_of(f: Facts, pool: int) -> Array:
    keys = f.place_key[f.place_pool == pool]
    return keys[f.readable[keys]]


@fact
def links(f: Facts) -> Links:
    """Pool keys absent from course keys against course keys in no pool."""
    ours = np.flatnonzero(f.in_pool & ~f.in_course_keys & ~f.redeemed & f.readable)
    theirs = np.flatnonzero(f.in_course_keys & ~f.in_pool)
    if not len(ours) or not len(theirs):
        return Links()
    hyphen = np.asarray(pc.match_substring(f.codes, "-").fill_null(False))
    hyphened = ~f.by_pool.any(~hyphen[f.place_key])
    bare = ~By(f.file, len(f.files)).any(f.course_rows & at(hyphen, f.key, False))
    typed = np.zeros(f.records, dtype=bool)
    typed[f.slices["course_keys"].start + np.array(sorted(f.exports["course_keys"].typed), dtype=np.int64)] = True
    course = pool_setting(f, "course", True, ours).codes
    left = Side(ours, course, pool=f.home_pool[ours], has_hyphens=hyphened[f.home_pool[ours]])
    right = Side(
        theirs,
        key_setting(f, "course", True, theirs).codes,
        bare=at(bare[f.file], f.course_row, False)[theirs],
        is_typed=f.by_key.any(typed)[theirs],
        is_old=f.recreated_at[theirs] < f.announced_on,
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


# --- the distribution log ---


@fact
def log(f: Facts) -> tuple[Array, list[str], Array, dict[int, list[int]]]:
    """What the log says: codes no export knows (number, text, record), and for every record that names keys these."""
    if "distribution" not in f.exports:
        return np.array([], np.int64), [], np.array([], np.int64), {}
    names = {row: [int(f.code[row])] for row in np.flatnonzero(f.sent & (f.code >= 0)).tolist()}
    open_ = np.flatnonzero(f.sent & (f.code < 0))
    keys = f.exports["distribution"].keys.take(pa.array(open_ - f.slices["distribution"].start))
    texts = Coded.of(keys.to_pylist())
    other = set(f.exports["other_keys"].keys.to_pylist()) if "other_keys" in f.exports else set()
    found = named_codes(f, texts.values)
    strangers: dict[str, int] = {}
    for row, place in zip(open_[texts.filled].tolist(), texts.codes[texts.filled].tolist(), strict=True):
        if found[place]:
            names[row] = found[place]
        elif texts.values[place] not in other:
            strangers.setdefault(texts.values[place], row)
    return f.keys + np.arange(len(strangers)), [*strangers], np.array([*strangers.values()], dtype=np.int64), names


@fact
def log_unreadable(f: Facts) -> bool:
    """Has the log a row whose code is lost or not readable, a part that was not read, or no row? Any other key may stand there."""
    export = f.exports["distribution"]
    lost = any(row.reason == "blank key" or row.reason.startswith("damaged") for row in export.aside)
    sent = f.sent[f.slices["distribution"]]
    lost |= "distribution" in f.unread or any("every_key" in file.shows for file in export.files)
    return lost or not len(export) or bool((sent & np.asarray(pc.is_null(export.keys))).any())


@fact
def log_links(f: Facts) -> Links:
    """Codes of the log that no export knows against pool keys the log does not name."""
    numbers, texts, _, _ = f.log
    left = np.flatnonzero(f.in_pool & ~f.logged & f.readable)
    codes = pa.concat_arrays([f.codes, pa.array(texts, TEXT)])
    return find_lookalikes(codes, Side(left, pool=f.home_pool[left]), Side(numbers), lambda pool: _keys_of(f, pool))


@fact
def is_distributed(f: Facts) -> Array:
    """Was it sent to a learner (NO, YES, UNKNOWN)? No only where the case says that the log is complete, and all of it is readable."""
    linked = f.mask_of([one for one, _, _ in f.log_links.pairs])
    on_list = f.by_key.any(f.in_pools & (f.sign("distributed") | f.sign(Code.learner_without_date)))
    proves = f.log_is_complete and "distribution" in f.exports and not f.log_unreadable
    nobody = f.in_pool & f.readable & ~f.mask_of(list(f.log_links.ambiguous_left)) & proves
    return np.where(f.logged | linked | on_list, YES, np.where(nobody, NO, UNKNOWN))


@fact
def holder(f: Facts) -> dict[int, str]:
    """Key → whom the log says it was sent to (the latest record)."""
    told = f.column("distributed_to")
    linked = {int(f.log[2][other - f.keys]): [one] for one, other, _ in f.log_links.pairs}
    named = f.log[3] | linked
    return {key: told[row] for row in sorted(named) if told.codes[row] >= 0 for key in named[row]}


@fact
def matched(f: Facts) -> dict[int, int]:
    """File of a log, of other keys or of assignments → how many of its codes (payments) are those of a key we know."""
    of, start = ("distribution", "other_keys", "assignments"), f.slices["distribution"].start
    found: dict[int, set[Any]] = {place: set() for place, file in enumerate(f.files) if file.role in of}
    told = [(row, f.exports["distribution"].keys[row - start].as_py()) for row in f.log[3]]
    others = np.flatnonzero(f.is_in("other_keys") & (f.code >= 0))
    for rows, what in ((others, f.code), (f.paid[0], f.column("payment").codes)):
        told += zip(rows.tolist(), what[rows].tolist(), strict=True)
    for row, what in told:
        found[f.file[row]].add(what)
    return {place: len(codes) for place, codes in found.items()}
