"""A plain text file → its rows, kept as columns: the fast way to what `texts` gives cell by cell.

Plain is a file whose lines are rows and hold, nearly all, as many cells and no quotation mark. The lines that do not are
read one by one. Where that does not lead to the same rows for certain, there is no fast way.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

MAX_ODD = 0.25  # of the lines: with more, a column at a time is no faster
BLOCK = 8 << 20  # bytes that are split at once
BATCH = 4096  # rows that are made at once
ORDINARY = r"^[A-Za-z_.\-]*[0-9][A-Za-z0-9_.\-]*$"  # a code that can be nothing else: letters and a digit at least


class PlainRows(Sequence[list[Any]]):
    """Rows of cells, of which only those are made that are asked for.

    `columns` hold the cells of all rows of one width; `odd` the other rows, by their place.
    """

    def __init__(self, columns: list[Any], odd: dict[int, list[Any]]) -> None:
        self.columns, self.odd, self.width = columns, odd, len(columns)
        self._unusual: dict[tuple[int, str], Any] = {}  # found once, however many lists there are
        self._whole: dict[int, Any] = {}
        self._last = max(odd, default=-1)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            first, stop, _ = place.indices(len(self))
            return list(self._between(first, stop))
        return self.odd[place] if place in self.odd else [column[place].as_py() for column in self.columns]

    def __setitem__(self, place: int, row: list[Any]) -> None:
        self.odd[place] = row
        self._whole.clear()
        self._last = max(self._last, place)

    def __iter__(self) -> Iterator[list[Any]]:
        for first in range(0, len(self), BATCH):
            yield from self._between(first, min(first + BATCH, len(self)))

    def _between(self, first: int, stop: int) -> Iterator[list[Any]]:
        cells = [column.slice(first, stop - first).to_pylist() for column in self.columns]
        for place, row in enumerate(zip(*cells, strict=True), first):
            yield self.odd[place] if place in self.odd else list(row)

    def continue_below(self, top: int) -> bool:
        """Is the row at `top` as wide as the columns, and does a filled row of them follow at once?"""
        below = (place for place in range(top + 1, min(top + 100, len(self))) if place not in self.odd)
        return len(self[top]) == self.width and any("".join(self[place]).strip() for place in below)

    def unusual(self, key: int, header: str) -> Any:
        """The places of the rows whose key cell is not plainly a code, or that have another width."""
        header = header if re.fullmatch(ORDINARY, header) else ""  # no code reads like any other header
        if (key, header) not in self._unusual:
            column = self.columns[key]
            is_code = pc.and_(pc.match_substring_regex(column, ORDINARY), pc.not_equal(column, header))
            is_usual = is_code.to_numpy(zero_copy_only=False).copy()
            odd = np.fromiter(self.odd, dtype=np.int64, count=len(self.odd))
            cells = pa.array(
                [row[key] if len(row) == self.width else "" for row in self.odd.values()], pa.large_string()
            )
            is_code = pc.and_(pc.match_substring_regex(cells, ORDINARY), pc.not_equal(cells, header))
            is_usual[odd] = is_code.to_numpy(zero_copy_only=False)
            self._unusual[key, header] = np.flatnonzero(~is_usual)
        return self._unusual[key, header]

    def unusual_from(self, first: int, key: int, header: str) -> int:
        """The first such place from `first` on."""
        places = self.unusual(key, header)
        at = np.searchsorted(places, first)
        return int(places[at]) if at < len(places) else len(self)

    def cells(self, place: int, places: Any) -> Any:
        """The cells of a column as Arrow texts, one for each place."""
        is_past = len(places) > 0 and places[0] > self._last
        column = self.columns[place] if is_past else self._column(place)
        is_run = len(places) > 0 and places[-1] - places[0] + 1 == len(places)
        return column.slice(places[0], len(places)) if is_run else column.take(pa.array(places))

    def _column(self, place: int) -> Any:
        """A column with the cells of the other rows in their places."""
        if place not in self._whole:
            column = self.columns[place]
            other = {at: row[place] for at, row in self.odd.items() if place < len(row) and row[place]}
            at = np.arange(len(column))
            at[list(other)] = len(column) + np.arange(len(other))
            cells = pa.concat_arrays([column, pa.array(other.values(), pa.large_string())])
            self._whole[place] = cells.take(pa.array(at))
        return self._whole[place]


def plain_rows(text: str, delimiter: str, widest: int) -> PlainRows | None:
    """The rows of a text, or None if it is not plain; `widest` is how many cells a row may have."""
    if delimiter not in (",", ";", "\t", "|"):
        return None
    has_quotes = '"' in text
    content = text.encode()
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    content = (content.removesuffix(b"\n") if has_quotes else content.rstrip(b"\n")) + b"\n"
    signs = np.frombuffer(content, dtype=np.uint8)
    ends = np.flatnonzero(signs == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    delimiters = np.diff(np.searchsorted(np.flatnonzero(signs == ord(delimiter)), ends), prepend=0)
    width = int(np.bincount(delimiters).argmax()) + 1
    is_odd = (delimiters != width - 1) | (starts == ends)
    if has_quotes:
        is_odd[np.searchsorted(ends, np.flatnonzero(signs == ord('"')))] = True
    is_odd[0] = True  # a byte order mark would be taken away
    if is_odd.sum() > 1 + MAX_ODD * len(ends) or delimiters.max() >= widest:
        return None
    odd: dict[int, list[Any]] = {}
    regular, last = [], 0
    filler = delimiter.encode() * (width - 1) + b"\n"
    for place in np.flatnonzero(is_odd).tolist():
        start, end = int(starts[place]), int(ends[place])
        line = content[start:end].decode()
        row = _quoted(line, delimiter) if has_quotes else line.split(delimiter)
        if row is None:
            return None
        odd[place] = row
        regular += [content[last:start], filler]
        last = end + 1
    table = _table(b"".join([*regular, content[last:]]), delimiter, width)
    if table is None or table.num_rows != len(ends):
        return None
    return PlainRows([column.combine_chunks() for column in table.columns], odd)


def _quoted(line: str, delimiter: str) -> list[Any] | None:
    """The cells of a line with quotation marks; None if they are damaged or the row goes on below.

    If every line is a row by itself, then so it is where they are read together.
    """
    try:
        (row,) = csv.reader([line], delimiter=delimiter, strict=True)
    except csv.Error:
        return None
    return row


def _table(content: bytes, delimiter: str, width: int) -> Any:
    """Lines of one width as a table of texts, every sign kept."""
    names = [str(place) for place in range(width)]
    try:
        return arrow_csv.read_csv(
            pa.py_buffer(content),
            arrow_csv.ReadOptions(column_names=names, block_size=BLOCK),
            arrow_csv.ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid:  # a line longer than a block
        return None
