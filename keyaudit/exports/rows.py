"""Rows of cells kept as columns: the fast way to what a list of rows gives, of which only those are made that are asked for."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_ODD = 0.25  # of the rows: with more, a column at a time is no faster
BATCH = 4096  # rows that are made at once
PART = 2048  # rows that become columns at once: more do not fit the processor's cache
HEAD = 64  # rows in which headers stand among other types
ORDINARY = r"^[A-Za-z_.\-]*[0-9][A-Za-z0-9_.\-]*$"  # a code that can be nothing else: letters and a digit at least
TEXT = pa.large_string()
TYPES = {
    str: TEXT,
    float: pa.float64(),
    int: pa.int64(),
    bool: pa.bool_(),
    dt.date: pa.date32(),
    dt.datetime: pa.timestamp("us"),
}


@dataclass(frozen=True)
class Cells:
    """The cells of a column: nearly all of one type in an Arrow array, where null is a blank cell; the others by their place."""

    array: Any
    others: Mapping[int, Any]

    @classmethod
    def of(cls, cells: Cells | Sequence[Any]) -> Cells:
        """Cells as Python has them. Texts are texts, also blank ones; every other cell keeps its type."""
        if isinstance(cells, Cells):
            return cells
        with contextlib.suppress(pa.ArrowTypeError):  # another type among them
            return cls(pa.array(cells, TEXT), {})
        types = set(map(type, cells))
        if len(types - {str}) == 1 and (arrow := TYPES.get(*(types - {str}))):
            try:  # a column of dates or numbers, and blanks
                return cls(pa.array([None if cell == "" else cell for cell in cells], arrow), {})
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
                pass
        counts = Counter(type(cell) for cell in cells if cell != "" and type(cell) in TYPES)
        kind = max(counts, key=lambda kind: counts[kind], default=str)
        blank = "" if kind is str else None
        others = {place: cell for place, cell in enumerate(cells) if cell != "" and type(cell) is not kind}
        try:
            return cls(pa.array([cell if type(cell) is kind else blank for cell in cells], TYPES[kind]), others)
        except (pa.ArrowInvalid, OverflowError):  # a whole number beyond 64 bits
            return cls._with_texts(cells)

    @classmethod
    def _with_texts(cls, cells: Sequence[Any]) -> Cells:
        """The texts in the array, and whatever is no text among the others."""
        others = {place: cell for place, cell in enumerate(cells) if type(cell) is not str}
        return cls(pa.array([cell if type(cell) is str else "" for cell in cells], TEXT), others)

    @classmethod
    def joined(cls, parts: Sequence[Cells]) -> Cells:
        """Parts one below the other; a part of another type than most gives its cells one by one."""
        if len(parts) == 1:
            return parts[0]
        counts: Counter[Any] = Counter()
        for part in parts:
            counts[part.array.type] += 0 if part.is_blank else len(part)
        kind = max(counts, key=lambda kind: counts[kind])
        arrays: list[Any] = []
        others: dict[int, Any] = {}
        first = 0
        for part in parts:
            part = part.as_text() if kind == TEXT else part
            if part.array.type == kind:
                arrays.append(part.array)
                others |= {first + place: cell for place, cell in part.others.items()}
            else:
                arrays.append(pa.nulls(len(part), kind))
                others |= {first + place: cell for place, cell in enumerate(part.tolist()) if cell != ""}
            first += len(part)
        return cls(pa.concat_arrays(arrays), others)

    def __len__(self) -> int:
        return len(self.array)

    @property
    def is_text(self) -> bool:
        """Are the cells texts, but for the others?"""
        return bool(self.array.type == TEXT)

    @property
    def is_blank(self) -> bool:
        """Is no cell filled?"""
        if self.others:
            return False
        return self.is_text and pc.max(pc.binary_length(self.array)).as_py() in (0, None)

    def __getitem__(self, place: int) -> Any:
        if place in self.others:
            return self.others[place]
        cell = self.array[place].as_py()
        return "" if cell is None else cell

    def tolist(self) -> list[Any]:
        """The cells as Python has them; a blank one is an empty text."""
        cells = self.array.to_pylist()
        if self.array.null_count:
            cells = ["" if cell is None else cell for cell in cells]
        for place, cell in self.others.items():
            cells[place] = cell
        return list(cells)

    def as_text(self) -> Cells:
        """The same cells, with the texts in the array."""
        return self if self.is_text else self._with_texts(self.tolist())

    def slice(self, first: int, length: int) -> Cells:
        """Some cells that follow each other."""
        others = self.others
        if others:
            others = {place - first: cell for place, cell in others.items() if first <= place < first + length}
        return Cells(self.array.slice(first, length), others)

    def take(self, places: Any) -> Cells:
        """The cells at places, which ascend."""
        if len(places) and places[-1] - places[0] + 1 == len(places):
            return self.slice(int(places[0]), len(places))
        at = np.fromiter(self.others, dtype=np.int64, count=len(self.others))
        now = np.searchsorted(places, at)
        others = {
            int(new): self.others[old]
            for old, new in zip(at.tolist(), now.tolist(), strict=True)
            if new < len(places) and places[new] == old
        }
        return Cells(self.array.take(pa.array(places)), others)

    def distinct(self) -> tuple[Any, list[Any]]:
        """For each cell its place among the different cells, and those. A blank cell of a typed column is None."""
        encoded = self.array.dictionary_encode(null_encoding="encode")
        codes, values = encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()
        if self.others:
            codes = codes.copy()
            codes[list(self.others)] = len(values) + np.arange(len(self.others))
            values = [*values, *self.others.values()]
        return codes, values


class ColumnRows(Sequence[list[Any]]):
    """Rows of cells, kept as `columns` with the cells of all rows of one width; `odd` are the other rows, by their place."""

    def __init__(self, columns: list[Cells], odd: dict[int, list[Any]]) -> None:
        self.columns, self.odd, self.width = columns, odd, len(columns)
        self._unusual: dict[tuple[int, str], Any] = {}  # found once, however many lists there are
        self._whole: dict[int, Cells] = {}
        self._last = max(odd, default=-1)

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> ColumnRows:
        """Rows of one width, at least one."""
        following = iter(rows)
        parts, size = [], HEAD
        while batch := list(itertools.islice(following, size)):
            parts.append([Cells.of(cells) for cells in zip(*batch, strict=True)])
            size = PART
        return cls([Cells.joined(cells) for cells in zip(*parts, strict=True)], {})

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            first, stop, _ = place.indices(len(self))
            return list(self._between(first, stop))
        return self.odd[place] if place in self.odd else [column[place] for column in self.columns]

    def __setitem__(self, place: int, row: list[Any]) -> None:
        self.odd[place] = row
        self._whole.clear()
        self._unusual.clear()
        self._last = max(self._last, place)

    def __iter__(self) -> Iterator[list[Any]]:
        for first in range(0, len(self), BATCH):
            yield from self._between(first, min(first + BATCH, len(self)))

    def _between(self, first: int, stop: int) -> Iterator[list[Any]]:
        cells = [column.slice(first, stop - first).tolist() for column in self.columns]
        for place, row in enumerate(zip(*cells, strict=True), first):
            yield self.odd[place] if place in self.odd else list(row)

    def continue_below(self, top: int) -> bool:
        """Is the row at `top` as wide as the columns, and does a filled row of them follow at once?"""
        below = (place for place in range(top + 1, min(top + 100, len(self))) if place not in self.odd)
        return len(self[top]) == self.width and any("".join(map(str, self[place])).strip() for place in below)

    def unusual(self, key: int, header: str) -> Any:
        """The places of the rows whose key cell is not plainly a code, or that have another width."""
        header = header if re.fullmatch(ORDINARY, header) else ""  # no code reads like any other header
        if (key, header) not in self._unusual:
            column = self.columns[key]
            if not column.is_text:
                return np.arange(len(self))
            is_usual = _are_codes(column.array, header)
            is_usual[list(column.others)] = False
            cells = [row[key] if len(row) == self.width else "" for row in self.odd.values()]
            texts = pa.array([cell if type(cell) is str else "" for cell in cells], TEXT)
            is_usual[list(self.odd)] = _are_codes(texts, header)
            self._unusual[key, header] = np.flatnonzero(~is_usual)
        return self._unusual[key, header]

    def unusual_from(self, first: int, key: int, header: str) -> int:
        """The first such place from `first` on."""
        places = self.unusual(key, header)
        at = np.searchsorted(places, first)
        return int(places[at]) if at < len(places) else len(self)

    def cells(self, place: int, places: Any) -> Cells:
        """The cells of a column at places, which ascend."""
        is_past = len(places) > 0 and places[0] > self._last
        return (self.columns[place] if is_past else self._column(place)).take(places)

    def _column(self, place: int) -> Cells:
        """A column with the cells of the odd rows in their places."""
        if place not in self._whole:
            column = self.columns[place]
            odd = {at: row[place] if place < len(row) else "" for at, row in self.odd.items()}
            texts = {at: cell for at, cell in odd.items() if column.is_text and type(cell) is str}
            at = np.arange(len(column))
            at[list(texts)] = len(column) + np.arange(len(texts))
            array = pa.concat_arrays([column.array, pa.array(texts.values(), column.array.type)]).take(pa.array(at))
            others = {at: cell for at, cell in column.others.items() if at not in self.odd}
            self._whole[place] = Cells(array, others | {at: cell for at, cell in odd.items() if at not in texts})
        return self._whole[place]


def _are_codes(texts: Any, header: str) -> Any:
    are = pc.and_(pc.match_substring_regex(texts, ORDINARY), pc.not_equal(texts, header))
    return are.to_numpy(zero_copy_only=False).copy()
