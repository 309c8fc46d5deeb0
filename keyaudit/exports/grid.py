"""A sheet as typed, coded columns: the one form of a worksheet and of a text file. (DESIGN §2)"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded

MAX_CELLS = 16_384  # in one row, as in a worksheet
SAMPLE = 1000  # texts, twice, by which a column is judged
RARELY = 0.9  # distinct among the sample: such a column is kept as it is

Cell = tuple[int, int]  # row and column, from 0


@dataclass(frozen=True)
class Odd:
    """A cell that holds no text, number or date: an error, or a formula that was stored without its value."""

    what: str


@dataclass(frozen=True)
class Padded:
    """A number cell whose format pads it with zeros: `text` is what a person sees."""

    value: float
    text: str


@dataclass
class Grid:
    """A worksheet, or the only table of a text file: one coded column for each of its columns, -1 where a cell is blank.

    The values of a column are Arrow texts, or a list if any cell is a number (float), flag, date, datetime, time,
    timedelta, `Odd` or `Padded`. `height` counts every row, blank ones too: row i is row i + 1 of the sheet. `widths`: of
    a text file, how many cells each row was split into. `damaged`: rows that could not be split, and why; their cells are
    blank. `merged`: first and last cell; below the first one its value is repeated in every row that has a cell of its own.
    """

    name: str
    columns: list[Coded]
    height: int
    widths: Array | None = None
    damaged: dict[int, str] = field(default_factory=dict)
    visible: bool = True
    hidden_rows: int = 0
    hidden_columns: int = 0
    merged: list[tuple[Cell, Cell]] = field(default_factory=list)

    def row(self, place: int) -> list[Any]:
        """The cells of a row, None where one is blank: for looking at headers and odd rows."""
        columns = self.columns if self.widths is None else self.columns[: int(self.widths[place])]
        return [column[place] for column in columns]


def rarely_repeats(texts: Any) -> bool:
    """Do texts look like codes, of which nearly every row has its own? Then no table of the distinct ones is made."""
    if len(texts) <= SAMPLE:
        return False
    middle = max(len(texts) // 2, SAMPLE)
    sample = pa.concat_arrays([texts[:SAMPLE], texts[middle : middle + SAMPLE]])
    filled = pc.sum(pc.greater(pc.binary_length(sample), 0)).as_py() or 0
    return filled > SAMPLE and pc.count_distinct(sample).as_py() > RARELY * len(sample)


def coded(texts: Any) -> Coded:
    """Arrow texts, or a dictionary of them, as codes; an empty text is a blank cell."""
    if not pa.types.is_dictionary(texts.type):
        if rarely_repeats(texts):
            codes = np.arange(len(texts), dtype=np.int32)
            codes[pc.binary_length(texts).to_numpy() == 0] = -1
            return Coded(codes, texts)
        texts = texts.dictionary_encode()
    codes, values = texts.indices.to_numpy(), texts.dictionary
    empty = pc.index(values, pa.scalar("", TEXT)).as_py()
    if empty >= 0:
        places = np.arange(len(values), dtype=np.int32)
        places[empty:] -= 1
        places[empty] = -1
        codes, values = places[codes], pa.concat_arrays([values[:empty], values[empty + 1 :]])
    return Coded(codes, values)


def column_number(letters: str) -> int:
    """`A` is 1, `XFD` is 16,384."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


@lru_cache(MAX_CELLS)
def column_letters(place: int) -> str:
    """The name of a column, from 0."""
    return ("" if place < 26 else column_letters(place // 26 - 1)) + chr(65 + place % 26)


def cell_at(reference: str) -> Cell | None:
    """`B3` is row 2 of column 1, counted from 0; None for what names no cell."""
    match = re.fullmatch(r"\$?([A-Z]{1,3})\$?(\d{1,7})", reference)
    return (int(match[2]) - 1, column_number(match[1]) - 1) if match else None
