"""A sheet as typed, coded columns: the one form of a worksheet and of a text file, and what its cells mean. (DESIGN §2)"""

from __future__ import annotations

import datetime as dt
import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded

MAX_CELLS = 16_384  # in one row, as in a worksheet
SAMPLE = 1000  # texts, twice, by which a column is judged
RARELY = 0.9  # distinct among the sample: such a column is kept as it is

DATES, ELAPSED = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}, 46  # formats of every program
DAY, DAYS = 86_400_000, 2_958_466  # milliseconds of one; until the year 9999
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,9})?")
ERROR = re.compile(r"#[A-Z_]{1,20}[!?]?|#N/A|#DIV/0!")
DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?(?<=[DHMS])")
FORMULA = "formula"  # the type of a cell with a formula and no value

Cell: TypeAlias = tuple[int, int]  # row and column, from 0
Format: TypeAlias = str | int  # "number", "date", "clock", "duration", or to how many digits zeros pad it


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


def sliced(borders: Any, content: bytes) -> Any:
    """Pieces of a text that follow each other as Arrow texts that share its bytes."""
    offsets = pa.py_buffer(np.asarray(borders, np.int64))
    return pa.Array.from_buffers(TEXT, len(borders) - 1, [None, offsets, pa.py_buffer(content)])


def is_utf8(content: bytes) -> bool:
    """Is it a text in that encoding?"""
    try:
        sliced([0, len(content)], content).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _whole(texts: Any) -> Any:
    """Arrow texts in one piece."""
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def rarely_repeats(texts: Any) -> bool:
    """Do texts look like codes, of which nearly every row has its own? Then no table of the distinct ones is made."""
    if len(texts) <= SAMPLE:
        return False
    middle = max(len(texts) // 2, SAMPLE)
    sample = pa.concat_arrays([_whole(texts[:SAMPLE]), _whole(texts[middle : middle + SAMPLE])])
    filled = pc.sum(pc.greater(pc.binary_length(sample), 0)).as_py() or 0
    return filled > SAMPLE and pc.count_distinct(sample).as_py() > RARELY * len(sample)


def coded(texts: Any) -> Coded:
    """Arrow texts (in one piece or several) as codes; an empty text is a blank cell."""
    if rarely_repeats(texts):
        texts = _whole(texts)
        codes = np.arange(len(texts), dtype=np.int32)
        codes[pc.binary_length(texts).to_numpy() == 0] = -1
        return Coded(codes, texts)
    texts = texts.dictionary_encode()
    pieces = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]  # which share a dictionary
    told = pieces[-1].dictionary
    places, empty = np.arange(len(told)), pc.index(pc.binary_length(told), 0).as_py()
    if empty >= 0:
        places -= places > empty
        places[empty], told = -1, pa.concat_arrays([told[:empty], told[empty + 1 :]])
    places = Coded(places, told).short().codes
    return Coded(np.concatenate([places.take(piece.indices.to_numpy()) for piece in pieces]), told)


@lru_cache(MAX_CELLS)
def column_letters(place: int) -> str:
    """The name of a column, from 0."""
    return ("" if place < 26 else column_letters(place // 26 - 1)) + chr(65 + place % 26)


def cell_at(reference: str) -> Cell | None:
    """`B3` is row 2 of column 1, counted from 0; None for what names no cell."""
    match = re.fullmatch(r"\$?([A-Z]{1,3})\$?(\d{1,7})", reference)
    if not match:
        return None
    column = reduce(lambda number, letter: 26 * number + ord(letter) - 64, match[1], 0)  # `A` is 1, `XFD` is 16,384
    return int(match[2]) - 1, column - 1


def number_format(identity: str, code: str | None) -> Format:
    """What a number format shows: `00000000` pads, `yyyy-mm-dd` is a date, `h:mm` a time of day, `[h]:mm` a duration."""
    if code is None:
        number = int(identity) if identity.isdecimal() else 0
        return "number" if number not in DATES else "duration" if number == ELAPSED else "date"
    first = code.split(";")[0]
    if zeros := re.fullmatch(r"0{2,64}", first.replace('"', "").strip()):
        return len(zeros[0])
    signs = re.sub(r'"[^"]*"?|[\\_*].', "", first.lower())
    if re.search(r"\[(h+|m+|s+)\]", signs):
        return "duration"
    signs = re.sub(r"\[[^\]]*\]|am/pm|a/p|general", "", signs)
    if re.search(r"[yd]", signs) or ("m" in signs and not re.search(r"[hs]", signs)):
        return "date"
    return "clock" if re.search(r"[hs]", signs) else "number"


def value_of(type_: str, format_: Format, is_1904: bool, text: str) -> Any:
    """The value of a cell that is no text, None if it is blank."""
    text = text.strip()
    if type_ == FORMULA:
        return Odd("a formula without a stored value")
    if type_ == "e":
        return Odd(f"the error {text}" if ERROR.fullmatch(text) else "an error")
    if not text:
        return None
    if type_ == "n":
        return _number(text, format_, is_1904)
    if type_ == "b":
        return {"1": True, "true": True, "0": False, "false": False}.get(text, Odd("a flag that cannot be read"))
    return _moment(text) if type_ == "d" else Odd("a cell of an unknown kind")


def _number(text: str, format_: Format, is_1904: bool) -> Any:
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        return Odd("a number that cannot be read")
    if isinstance(format_, int):
        is_whole = 0 <= value < min(1e15, 10**format_) and value.is_integer()
        return Padded(value, str(int(value)).zfill(format_)) if is_whole else value
    if format_ == "number" or not 0 <= value < DAYS - 1462 * is_1904 or (value == 0 and format_ == "date"):
        return value  # day 0 is no date: what a program writes for "none"
    milliseconds = round(value * DAY)
    if format_ == "duration":
        return dt.timedelta(milliseconds=milliseconds)
    first = dt.datetime(1904, 1, 1) if is_1904 else dt.datetime(1899, 12, 30 + (value < 60))
    moment = first + dt.timedelta(milliseconds=milliseconds)
    return moment.time() if value < 1 else moment.date() if milliseconds % DAY == 0 else moment


def _moment(text: str) -> Any:
    """A date, time or duration as ISO 8601 writes it."""
    with suppress(ValueError, OverflowError):
        if match := DURATION.fullmatch(text):
            days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
            return dt.timedelta(days, seconds, hours=hours, minutes=minutes)
        if "-" not in text:
            return dt.time.fromisoformat(text).replace(tzinfo=None)
        moment = dt.datetime.fromisoformat(text).replace(tzinfo=None)
        return moment.date() if moment.time() == dt.time() else moment
    return Odd("a date that cannot be read")
