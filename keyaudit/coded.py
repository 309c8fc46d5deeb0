"""A column as integer codes and the few values they stand for: the one form from the reader to the views. (DESIGN §2)"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array: TypeAlias = Any  # a NumPy array: its stubs cannot follow dates and None
TEXT = pa.large_string()
LONG = 64  # signs: longer texts are no codes
MANY = 1000  # values: so many are looked at by a pattern first
DIGITS = 18  # of a number of a row, less than
SHORT = 30_000  # values: so few have places of 16 bits


def _kind(size: int) -> Any:
    """The type of the places of so many values."""
    return np.int16 if size < SHORT else np.int32


def at(values: Array, places: Array, nothing: Any) -> Array:
    """The values at some places; `nothing` where a place is -1."""
    if not len(values):
        return np.full(len(places), nothing, dtype=values.dtype)
    found = values.take(places)  # twice as fast as values[places] with places of 32 bits
    found[places < 0] = nothing
    return found


@dataclass(frozen=True)
class Coded:
    """For every row the place of its value among `values`, -1 where it has none.

    `values` is a list, a NumPy array or an Arrow array of texts. What is to be learnt of a value is learnt once, however
    many rows have it. (Values may be equal to each other; whoever compares codes makes them `distinct` first.)
    """

    codes: Array
    values: Any

    @classmethod
    def nothing(cls, rows: int) -> Coded:
        """A column of blanks, which takes no room."""
        return cls(np.broadcast_to(np.int32(-1), rows), [])

    @classmethod
    def of(cls, cells: Iterable[Any]) -> Coded:
        """Cells as Python has them; None is blank."""
        place: dict[Any, int] = {None: -1}
        codes = [place.setdefault(cell, len(place) - 1) for cell in cells]
        return cls(np.array(codes, dtype=np.int32), list(place)[1:])

    @classmethod
    def ordered(cls, numbers: Array) -> Coded:
        """Numbers or dates as their different values in order; NaN and NaT are none."""
        told = pa.array(numbers, from_pandas=True).dictionary_encode()
        values = told.dictionary.to_numpy(zero_copy_only=False)
        order = np.argsort(values)
        place = np.append(np.argsort(order), -1).astype(np.int32)
        return cls(place[told.indices.fill_null(-1).to_numpy()], values[order])

    @classmethod
    def stacked(cls, parts: Sequence[Coded]) -> Coded:
        """Columns one below the other. Texts stay an Arrow array only if all are."""
        if len(parts) == 1:
            return parts[0]
        *starts, size = np.cumsum([0, *(len(part.values) for part in parts)]).tolist()
        codes = cls.nothing(sum(map(len, parts))).codes
        if size:
            codes, stop = np.empty(len(codes), dtype=_kind(size)), 0
            for part, start in zip(parts, starts, strict=True):
                stop += len(part)
                own = codes[stop - len(part) : stop]
                own[:] = part.codes
                own[own >= 0] += start
        told = [part.values for part in parts if len(part.values)]
        told = told or [part.values for part in parts if not isinstance(part.values, list)][:1]
        values: Any
        if told and all(isinstance(part, np.ndarray) for part in told):
            values = np.concatenate(told)
        elif told and all(isinstance(part, pa.Array) for part in told):
            values = pa.concat_arrays(told)
        else:
            values = [value for part in parts for value in part.listed()]
        return cls(codes, values)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> Any:
        """The value of a row, None where it has none."""
        code = self.codes[row]
        if code < 0:
            return None
        value = self.values[code]
        return value.as_py() if isinstance(value, pa.Scalar) else value

    @property
    def filled(self) -> Array:
        """Which rows have a value."""
        return self.codes >= 0

    def listed(self) -> list[Any]:
        """The values as Python has them (dates of NumPy stay what they are)."""
        return self.values.to_pylist() if isinstance(self.values, pa.Array) else list(self.values)

    def cells(self) -> list[Any]:
        """The value of every row, None where it has none."""
        values = [*self.listed(), None]
        return [values[code] for code in self.codes.tolist()]

    def take(self, rows: Array) -> Coded:
        """The values of some rows, of row -1 none; the codes as short as they can be."""
        return Coded(at(self.codes, rows, -1), self.values).short()

    def short(self) -> Coded:
        """The same with codes of as few bits as hold them."""
        return Coded(self.codes.astype(_kind(len(self.values)), copy=False), self.values)

    def _odd(self, only: str) -> Array | None:
        """Of many texts those with a pattern; None where each is to be looked at."""
        if not only or not isinstance(self.values, pa.Array) or len(self.values) <= MANY:
            return None
        return pc.match_substring_regex(self.values, only).to_numpy(zero_copy_only=False)

    def map(self, learn: Callable[[Any], Any], only: str = "", dtype: Any = None) -> Coded:
        """What is learnt of every value, None for nothing; each distinct outcome once (as NumPy has it, if of a `dtype`).

        Of many texts only those are looked at that match the pattern `only`; the others stay as they are, and apart.
        """
        odd = self._odd(only)
        if odd is None:
            told = Coded(self.codes, [learn(value) for value in self.listed()]).distinct()
            return Coded(told.codes, np.array(told.values, dtype)) if dtype else told
        values = changed(self.values, odd, learn)
        places = np.append(np.where(values.is_null(), -1, np.arange(len(values))), -1)
        return Coded(places.take(self.codes).astype(np.int32), pc.fill_null(values, ""))

    def distinct(self, sort: bool = False) -> Coded:
        """The same column with every value once, in order if asked for; None is no value."""
        values = self.listed()
        told = Coded.of(values)
        if sort:
            order = {value: place for place, value in enumerate(sorted(told.values))}
            told = Coded(np.array([order.get(value, -1) for value in values], dtype=np.int32), list(order))
        places = np.append(told.codes, np.int32(-1)).astype(_kind(len(told.values)))
        return Coded(places.take(self.codes), told.values)

    def spread(self, nothing: Any, dtype: Any = None) -> Array:
        """A NumPy array with the value of every row, `nothing` where it has none."""
        kind = dtype or (self.values.dtype if isinstance(self.values, np.ndarray) else object)
        table = np.empty(len(self.values) + 1, dtype=kind)
        table[:-1] = self.listed() if not isinstance(self.values, np.ndarray) else self.values
        table[-1] = nothing
        return table.take(self.codes)

    def has(self, test: Callable[[Any], bool], only: str = "") -> Array:
        """For which rows the test of their value holds; it does not where there is none.

        Of many texts only those are tested that match the pattern `only`.
        """
        odd = self._odd(only)
        places = np.arange(len(self.values)) if odd is None else np.flatnonzero(odd)
        texts = self.listed() if odd is None else self.values.take(pa.array(places)).to_pylist()
        held = np.zeros(len(self.values) + 1, dtype=bool)
        held[places] = [bool(test(text)) for text in texts]
        return held.take(self.codes) if held.any() else np.zeros(len(self.codes), dtype=bool)

    def compact(self) -> Coded:
        """The same column without the values that no row has."""
        used = np.flatnonzero(np.bincount(self.codes + 1, minlength=len(self.values) + 1)[1:])
        if len(used) == len(self.values):
            return self
        places = np.full(len(self.values) + 1, -1, dtype=_kind(len(used)))
        places[used] = np.arange(len(used))
        is_list = isinstance(self.values, (list, tuple))
        values = [self.values[place] for place in used] if is_list else self.values.take(used)
        return Coded(places.take(self.codes), values)


@dataclass(frozen=True)
class Numbered:
    """Texts that end in the number of a row (`file, row 14`), as names and numbers until they are asked for; -1: the name alone."""

    name: Coded
    row: Array

    def __getitem__(self, rows: Any) -> Any:
        """Some of them, a slice; or one as text."""
        if isinstance(rows, (int, np.integer)):
            name, row = text_of(self.name[int(rows)]), self.row[rows]
            return name if row < 0 else f"{name}, row {row}"
        return Numbered(Coded(self.name.codes[rows], self.name.values), self.row[rows])

    def take(self, rows: Array) -> Numbered:
        """The texts of some rows; of row -1 it is blank."""
        return Numbered(self.name.take(rows), at(self.row, rows, -1))

    def texts(self) -> Any:
        """All of them, as Arrow texts."""
        names, rows = as_texts(self.name.compact()), pa.array(self.row)
        numbered = beside(names, rows.cast(TEXT), between=", row ")
        return numbered if (self.row >= 0).all() else pc.if_else(pc.less(rows, 0), names, numbered)

    def are(self, text: str) -> Array:
        """Which of them are a text, whatever its case."""
        wanted = text.lower()
        name, _, row = wanted.rpartition(", row ")
        alone = self.name.has(lambda known: known.lower() == wanted) & (self.row < 0)
        if not (row.isdecimal() and len(row) < DIGITS and row == str(int(row))):
            return alone
        return alone | self.name.has(lambda known: known.lower() == name) & (self.row == int(row))

    def tolist(self) -> list[str]:
        """All of them, as Python has them."""
        return list(self.texts().to_pylist())


def changed(texts: Any, some: Any, change: Callable[[str], str | None]) -> Any:
    """Arrow texts, some of them changed."""
    some = pa.array(some) if isinstance(some, np.ndarray) else some
    odd = texts.filter(some)
    return pc.replace_with_mask(texts, some, pa.array(map(change, odd.to_pylist()), TEXT)) if len(odd) else texts


def words_of(texts: Any) -> Array | None:
    """Arrow texts (TEXT) as rows of 64-bit words that sort as they do, padded with zeros; None if one is longer than LONG."""
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if not 0 < longest <= LONG:
        return None
    padded = pc.ascii_rpad(texts, -(-longest // 8) * 8, "\0")
    return np.frombuffer(signs_of(padded), ">u8").reshape(len(texts), -1)


def beside(*parts: Any, between: str = "") -> Any:
    """Texts, and Arrow texts, put together row by row."""
    told = (pa.scalar(one, TEXT) if isinstance(one, str) else one for one in (*parts, between))
    return pc.binary_join_element_wise(*told)


def signs_of(texts: Any) -> Any:
    """The bytes of Arrow texts, one behind the other."""
    _, offsets, signs = texts.buffers()
    first, last = np.frombuffer(offsets, np.int64)[[texts.offset, texts.offset + len(texts)]].tolist()
    return signs.slice(first, last - first) if signs else b""


def text_of(value: Any) -> str:
    """A value as it stands in a CSV file: ISO dates, whole numbers without .0, blank = not known."""
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]"))
    if isinstance(value, float):
        return "" if np.isnan(value) else "Unlimited" if np.isinf(value) else f"{value:.0f}"
    return "" if value is None else str(value)


def values_of(column: Coded) -> Any:
    """The values of a column as Arrow texts, as they stand in a CSV file; before them that of -1."""
    return pa.array(["", *map(text_of, column.listed())], TEXT)


def as_texts(column: Any) -> Any:
    """A column as Arrow texts, as it stands in a CSV file."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "f":
        column = Coded.ordered(column)
    if isinstance(column, Coded):
        return values_of(column).take(pa.array(column.codes + 1))
    if isinstance(column, Numbered):
        return column.texts()
    return pc.fill_null(column, "") if isinstance(column, pa.Array) else pa.array(column).cast(TEXT)
