"""The columns of keys.csv and of `audit.keys`, as codes by key number. (DESIGN §4, columns.KEYS)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import Array, Coded, Numbered, words_of
from keyaudit.facts import KEYED, UNKNOWN, By, Facts, alike, at, fact
from keyaudit.rulebook import STATUSES, WORKS
from keyaudit.settings import key_setting, pool_setting

ANSWERS = ["no", "yes", "unknown"]


@fact
def sheet(f: Facts) -> Coded:
    """Of every record: its sheet."""
    names = ((one.table, [table.sheet or None for table in one.tables]) for _, one in f.given())
    return Coded.stacked([_named(*own).distinct() for own in names])


@fact
def rank_of_code(f: Facts) -> Array:
    """Of every key: its place if all were sorted by code; what has no code comes last, in the order of its records."""
    known = len(f.coded.dictionary)
    rank = np.arange(f.keys)
    words = words_of(f.coded.dictionary)
    if words is None:
        order = pc.sort_indices(f.coded.dictionary).to_numpy()
    else:  # nearly all differ in their first word
        first = words[:, 0].astype(np.uint64)
        order = np.argsort(first)
        is_next = np.diff(first.take(order)) == 0
        tied = np.append(is_next, False) | np.append(False, is_next)
        rows = np.sort(order[tied])
        order[tied] = rows[np.lexsort(words[rows].T[::-1])]
    rank[order] = np.arange(known)
    return rank


@fact
def references(f: Facts) -> Numbered:
    """Pool (else file) and row of the first export; file and sheet too where that names two keys, and which of two in one row."""
    files = [file.source_file.rsplit("/", 1)[-1] for file in f.files]
    told = Coded(
        np.where(f.home_pool >= 0, f.home_pool, len(f.pools.names) + f.file[f.first_record]), [*f.pools.names, *files]
    )
    found = Numbered(told.distinct(), f.row[f.first_record])
    _, group, sizes = alike(found.name.codes, found.row)
    twice = np.flatnonzero(sizes[group] > 1)
    codes, rows, whole = found.name.codes.astype(np.int32), found.row.copy(), found.name.listed()
    seen = Counter(files)
    labels = [name if seen[name] == 1 else f.files[place].source_file for place, name in enumerate(files)]
    in_row: Counter[str] = Counter()
    for key, record in zip(twice.tolist(), f.first_record[twice].tolist(), strict=True):
        where = [labels[f.file[record]], *([f.sheet[record]] if f.sheet[record] else [])]
        codes[key], rows[key] = len(whole), -1
        name = f"{found[key]} ({', '.join(where)}"
        in_row[name] += 1  # lists beside each other have one row
        whole.append(f"{name}{f', list {in_row[name]}' if in_row[name] > 1 else ''})")
    return Numbered(Coded(codes, whole), rows)


def _deciding_record(f: Facts) -> Array:
    """The record that decided the status of every key."""
    partner = np.where(f.status_altered, at(f.course_row, f.link, -1), -1)
    redeemed = np.where(f.status_redeemed, f.by_key.first(f.in_pools & f.sign("redeemed")), -1)
    records = [f.course_row, partner, redeemed, at(f.place_row, f.home, -1)]
    return np.select([rows >= 0 for rows in records], records, f.first_record)


def _evidence(f: Facts) -> Numbered:
    """Of every key: the file and row that decided; of one that is gone, the file that does not list it."""
    record = _deciding_record(f)
    gone = f.gone & ~f.in_course_keys & ~f.status_redeemed & ~f.status_altered
    first = By(f.pool, f.pool_count).first(f.is_in("pools_now"))
    names = [
        f.files[f.file[row]].source_file if row >= 0 else f.pools.empty_now.get(pool, "")
        for pool, row in enumerate(first)
    ]
    files = [*(file.source_file for file in f.files), *(f"{name}, not listed" for name in names)]
    name = np.where(gone, len(f.files) + f.home_pool, f.file[record])
    return Numbered(Coded(name, files), np.where(gone, -1, f.row[record]))


@fact
def damage(f: Facts) -> dict[int, str]:
    """Key → the rung that links it, or what Excel did to its cell."""
    told = {one: "excel" for one, _ in f.links.backwards} | dict(f.rung)
    for role in KEYED:
        for record, what in f.exports[role].damage.items() if role in f.exports else ():
            if (key := int(f.key[record + f.slices[role].start])) >= 0:
                told.setdefault(key, what)
    return told


def _named(numbers: Array, names: Iterable[str | None]) -> Coded:
    """Numbers as the names they stand for."""
    return Coded(numbers.astype(np.int32), list(names))


def _few(f: Facts, told: dict[int, str]) -> Coded:
    """A column of few keys."""
    codes = np.full(f.keys, -1, dtype=np.int32)
    column = Coded.of(told.values())
    codes[list(told)] = column.codes
    return Coded(codes, column.values)


COLUMNS: dict[str, Callable[[Facts], Any]] = {  # of KEYS by key number: Coded, Numbered, numbers, or Arrow texts
    "training_key": lambda f: f.codes,
    "status": lambda f: _named(f.status, STATUSES),
    "works": lambda f: _named(f.works, WORKS),
    "works_until": lambda f: Coded.ordered(f.works_until),
    "next_step": lambda f: _named(*f.next_step),
    "act_by": lambda f: Coded.ordered(f.act_by),
    "reason": lambda f: _named(*f.reason),
    "pool": lambda f: _named(f.home_pool, f.pools.names),
    "course": lambda f: pool_setting(f, "course"),
    "organization": lambda f: pool_setting(f, "organization"),
    "is_distributed": lambda f: _named(f.is_distributed, ANSWERS),
    "redeemed_at": lambda f: Coded.ordered(f.redeemed_at),
    "pool_expires_on": lambda f: Coded.ordered(f.pool_expires_on),
    "in_before": lambda f: _named(f.in_before, ANSWERS),
    "in_now": lambda f: _named(f.in_now, ANSWERS),
    "in_course_keys": lambda f: _named(np.where(f.course_keys_given, f.in_course_keys, UNKNOWN), ANSWERS),
    "course_key_name": lambda f: key_setting(f, "name"),
    "course_key_course": lambda f: key_setting(f, "course"),
    "course_key_organization": lambda f: key_setting(f, "organization"),
    "course_key_expires_on": lambda f: Coded.ordered(f.key_expires),
    "uses": lambda f: Coded.ordered(f.uses),
    "max_uses": lambda f: Coded.ordered(f.max_uses),
    "uses_left": lambda f: Coded.ordered(np.maximum(f.max_uses - np.nan_to_num(f.uses, nan=np.nan), 0)),
    "lookalike": lambda f: f.codes.take(pa.array(f.link, mask=f.link < 0)),
    "damage": lambda f: _few(f, f.damage),
    "reference": lambda f: f.references,
    "evidence": _evidence,
    "source_file": lambda f: _named(f.file[f.first_record], [file.source_file for file in f.files]),
    "source_sheet": lambda f: f.sheet.take(f.first_record),
    "source_row": lambda f: f.row[f.first_record].astype(np.int64),
}


def frame(table: Any, names: Any = None) -> Any:
    """Columns as a DataFrame: texts as str, words of ours as ordered categories, dates as datetime64[s]."""
    import pandas as pd

    return pd.DataFrame({name: _series(table[name], name) for name in (names or table)}, copy=False)


def _series(column: Any, name: str) -> Any:
    import pandas as pd

    if isinstance(column, Coded):
        if isinstance(column.values, np.ndarray):
            return column.spread(None)  # NaT, NaN
        kept = column.distinct()
        return pd.Categorical.from_codes(kept.codes, pd.Index(kept.listed(), dtype="str"), ordered=name in ORDERED)
    column = column.texts() if isinstance(column, Numbered) else column
    if isinstance(column, pa.Array):
        return pd.array(column, dtype="str")
    return column.copy()  # whoever changes the table changes no other


ORDERED = ("status", "works", "severity")
