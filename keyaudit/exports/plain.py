"""A plain text file → its rows, kept as columns: the fast way to what `texts` gives cell by cell.

Plain is a file whose lines are rows and hold, nearly all, as many cells, each with a pair of quotation marks around it or
none. The other lines are read one by one. Where that does not lead to the same rows for certain, there is no fast way.
"""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from keyaudit.exports.rows import MAX_ODD, TEXT, Cells, ColumnRows

BLOCK = 8 << 20  # bytes that are split at once


def plain_rows(text: str, delimiter: str, widest: int) -> ColumnRows | None:
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
    borders = np.flatnonzero(signs == ord(delimiter))
    amiss = np.array([], dtype=np.int64)
    if has_quotes:
        quotes = np.flatnonzero(signs == ord('"'))
        if len(quotes) % 2 or (np.searchsorted(quotes, ends) % 2).any():
            return None  # a cell goes on in the next line, or a quotation mark is damaged
        borders = borders[np.searchsorted(quotes, borders) % 2 == 0]
        is_border = np.isin(np.arange(256), (ord(delimiter), ord("\n")))
        opening, closing = quotes[::2], quotes[1::2]
        is_before = is_border[signs[opening - 1]] | (opening == 0)
        amiss = np.concatenate([opening[~is_before], closing[~is_border[signs[closing + 1]]]])
    delimiters = np.diff(np.searchsorted(borders, ends), prepend=0)
    width = int(np.bincount(delimiters).argmax()) + 1
    is_odd = (delimiters != width - 1) | (starts == ends)
    is_odd[np.searchsorted(ends, amiss)] = True
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
    table = _table(b"".join([*regular, content[last:]]), delimiter, width, '"' if has_quotes else False)
    if table is None or table.num_rows != len(ends):
        return None
    return ColumnRows([Cells(column.combine_chunks(), {}) for column in table.columns], odd)


def _quoted(line: str, delimiter: str) -> list[Any] | None:
    """The cells of a line with quotation marks; None if they are damaged or the row goes on below.

    If every line is a row by itself, then so it is where they are read together.
    """
    try:
        (row,) = csv.reader([line], delimiter=delimiter, strict=True)
    except csv.Error:
        return None
    return row


def _table(content: bytes, delimiter: str, width: int, quote: str | bool) -> Any:
    """Lines of one width as a table of texts, every sign kept but for the quotation marks around a cell."""
    names = [str(place) for place in range(width)]
    try:
        return arrow_csv.read_csv(
            pa.py_buffer(content),
            arrow_csv.ReadOptions(column_names=names, block_size=BLOCK),
            arrow_csv.ParseOptions(delimiter=delimiter, quote_char=quote, double_quote=False, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, TEXT), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid:  # a line longer than a block
        return None
