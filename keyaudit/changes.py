"""Two audits of one migration: which keys moved, which are new, which are gone, and why. (DESIGN §3)"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded, as_texts, beside
from keyaudit.errors import UnreadableFile
from keyaudit.exports.records import frame_of
from keyaudit.masking import ending
from keyaudit.rulebook import STATUSES
from keyaudit.words import plain

if TYPE_CHECKING:
    import pandas as pd

ANY, SOME = "*", "+"  # whatever; whatever but a blank
WHY = (  # column, what it said before, what it says now, in words; the first row of a column that holds is told
    ("redeemed_at", "", ANY, "it was redeemed"),
    ("in_now", ANY, "no", "it is gone from its pool"),
    ("in_now", ANY, "yes", "its pool was exported again and still holds it"),
    ("in_now", ANY, "unknown", "there is no later export of its pool to tell"),
    ("in_course_keys", ANY, "yes", "it is a course key now"),
    ("in_course_keys", ANY, "no", "it is not among the course keys"),
    ("lookalike", "", ANY, "a course key that looks like it has appeared"),
    ("lookalike", ANY, "", "no course key looks like it any more"),
    ("uses", SOME, SOME, "its course key has another number of uses"),
    ("course_key_course", SOME, SOME, "its course key has another course"),
    ("course_key_expires_on", SOME, SOME, "its course key has another expiration"),
    ("pool_expires_on", ANY, ANY, "its pool has another expiration"),
    ("is_distributed", ANY, "yes", "the log names it now"),
    ("is_distributed", ANY, "no", "the log shows now that nobody was sent it"),
)
TIME = "time has passed, or another export has changed what is known"
CHANGES = ("change", "key", "ends in", "status before", "status", "works before", "works", "why")
KINDS = ("moved", "gone", "new")
MOVES = ("status", "works")
BLANK = dict.fromkeys(MOVES, "")
NEEDED = ("training_key", "status", "works", "reference", "act_by", *dict.fromkeys(row[0] for row in WHY))
IDENTITY = ("training_key", "reference")
ISO = "|[0-9]{4}-[0-9]{2}-[0-9]{2}"
NONE = "it is no keys.csv of a former audit"
SAVED_SINCE = "another program has saved it since, and may have changed codes and dates in it."
AS_WRITTEN = "Take the keys.csv that `keyaudit audit` wrote."


@dataclass(frozen=True)
class Changes:
    """The keys that changed since a former audit: a row each of CHANGES, masked: moved, gone, new."""

    rows: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def counted(self) -> Iterator[tuple[int, str]]:
        """How many keys made the same move for the same reason, in words, the most first."""
        counts: Counter[str] = Counter()
        for change, _, _, before, now, worked, works, why in self.rows:
            moved = f"{plain(before)} → {plain(now)}" if before != now else plain(now)
            use = f", works {plain(worked)} → {plain(works)}" if worked != works else ""
            counts[f"{change}: {f'{moved}{use}' if change == 'moved' else plain(now or before)}: {why}"] += 1
        yield from ((number, told) for told, number in counts.most_common())

    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame, columns CHANGES."""
        return frame_of(self.rows, CHANGES).astype("str")


def read_former(path: str | Path) -> dict[str, Any]:
    """The keys.csv of a former audit: its NEEDED columns, Coded or Arrow texts. Raises UnreadableFile if it is none, a masked
    twin, or was saved by another program, which may have changed codes and dates."""
    from pyarrow import csv

    file, few = Path(path), pa.dictionary(pa.int32(), pa.string())
    try:
        with file.open("rb") as opened:
            names = opened.readline().rstrip(b"\r\n").decode().split(",")
            wanted = list(NEEDED) if set(NEEDED) <= {*names} else None
            kinds = dict.fromkeys(names, few) | dict.fromkeys(IDENTITY, TEXT)
            as_text = csv.ConvertOptions(column_types=kinds, include_columns=wanted)
            opened.seek(0)
            table = csv.read_csv(opened, None, csv.ParseOptions(newlines_in_values=True), as_text)
    except OSError as problem:
        raise UnreadableFile(str(file), f"{problem.strerror or 'cannot be read'}. {AS_WRITTEN}") from None
    except (ValueError, pa.ArrowInvalid):
        raise UnreadableFile(str(file), f"{NONE}: it cannot be read as a table. {AS_WRITTEN}") from None
    if lacking := [name for name in NEEDED if name not in names]:
        raise UnreadableFile(str(file), f"{NONE}: it has no column {', '.join(lacking)}. {AS_WRITTEN}")
    keys = {name: _column(table[name].combine_chunks()) for name in NEEDED}
    if not all(re.fullmatch(ISO, day) for day in keys["act_by"].listed()) or _is_edited(file):
        raise UnreadableFile(str(file), f"{SAVED_SINCE} {AS_WRITTEN}")
    coded = np.flatnonzero(pc.not_equal(keys["training_key"], ""))[:1000]
    codes, references = (keys[name].take(pa.array(coded)).to_pylist() for name in IDENTITY)
    if codes and all(code.startswith(reference) for code, reference in zip(codes, references, strict=True)):
        raise UnreadableFile(str(file), "it is the masked twin of a report (--share). Take the full one.")
    return keys


def _column(told: Any) -> Any:
    """A column as Arrow has read it: texts, or codes."""
    return Coded(told.indices.to_numpy(), told.dictionary.to_pylist()) if pa.types.is_dictionary(told.type) else told


def _is_edited(file: Path) -> bool:
    """Is it another file than the manifest beside it says?"""
    try:
        told = json.loads((file.parent / "MANIFEST.json").read_text(encoding="utf-8"))["outputs"][file.name]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    with file.open("rb") as content:
        return bool(told != hashlib.file_digest(content, "sha256").hexdigest())


def compare(former: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """The keys whose status or works changed, that are new, or gone; both are columns of keys (columns.KEYS).

    A key whose code is not readable is known by its reference.
    """
    known, wanted = _identity(former), _identity(now)
    place = pc.index_in(wanted, value_set=known).fill_null(-1).to_numpy()
    seen, new = np.flatnonzero(place >= 0), np.flatnonzero(place < 0)
    moved = seen[np.any([_differ(former[name], place[seen], now[name], seen) for name in MOVES], axis=0)]
    gone = np.flatnonzero(~pc.is_in(known, value_set=wanted).to_numpy(zero_copy_only=False))
    pairs = zip(_some(former, place[moved]), _some(now, moved), strict=True)
    told = [("moved", was, key, _why(was, key)) for was, key in pairs]
    told += [("gone", was, was | BLANK, "no export shows it") for was in _some(former, gone)]
    told += [("new", BLANK, key, "it was in no export before") for key in _some(now, new)]
    rows = []
    for change, was, key, why in told:
        states = (state[name] for name in MOVES for state in (was, key))
        rows.append((change, key["reference"], ending(key["training_key"]), *states, why))
    rank = {code: number for number, code in enumerate(STATUSES)}
    return Changes(tuple(sorted(rows, key=lambda row: (KINDS.index(row[0]), rank.get(row[4], -1), row[1]))))


def _identity(keys: Mapping[str, Any]) -> Any:
    """What a key is known by: its code, else (not readable) its reference, which no code can be taken for."""
    codes = as_texts(keys["training_key"])
    blank = pc.equal(codes, "")
    names = as_texts(keys["reference"].take(np.flatnonzero(blank)))
    return pc.replace_with_mask(codes, blank, beside("\0", names))


def _differ(former: Coded, places: Array, now: Coded, seen: Array) -> Array:
    """Where a column says something else of keys than before."""
    told = Coded.stacked([former.take(places), now.take(seen)]).distinct().codes
    return told[: len(seen)] != told[len(seen) :]


def _some(table: Mapping[str, Any], rows: Array) -> list[dict[str, str]]:
    """Some keys, each by the names of its columns."""
    columns = [as_texts(table[name].take(rows)).to_pylist() for name in NEEDED]
    return [dict(zip(NEEDED, row, strict=True)) for row in zip(*columns, strict=True)]


def _why(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The facts that changed, in words."""
    told: dict[str, str] = {}
    for column, *wanted, words in reversed(WHY):
        texts = was[column], now[column]
        fits = all(one in (ANY, text) or (one == SOME and text) for one, text in zip(wanted, texts, strict=True))
        told |= {column: words} if fits and texts[0] != texts[1] else {}
    return "; ".join(told[column] for column in NEEDED if column in told) or TIME
