"""The worksheets of a workbook → grids of coded columns, in one pass over each. (HAZARDS A, B)"""

from __future__ import annotations

import itertools
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import Array, Coded
from keyaudit.errors import UnreadableFile
from keyaudit.exports.grid import FORMULA, MAX_CELLS, Cell, Format, Grid, cell_at, coded, column_letters, value_of
from keyaudit.exports.parts import AGAIN, KEEP, MAX_SPARSE, Package, Part, Piece, demand, escaped, unescaped

MAX_ROWS = 1_048_576
MAX_MERGED = 500_000
FREE_AREA = 5_000_000  # a few cells far apart make whole columns of blanks
TYPES = {"n", "s", "str", "inlineStr", "b", "e", "d"}
PER_COLUMN = 64  # cells that are kept before they become part of their columns

ATTRIBUTE = re.compile(r' ([\w:]+)="([^"&]*)"')
ATTRIBUTES = re.compile(r'(?: [\w:]+="[^"&]*")* ?/?')


class Sheet(Part):
    """One worksheet."""

    opening, ending = re.compile(rb"<(\w+:)?sheetData>"), b"</row>"
    # rows of cells, and in a cell a formula and its value, a text of one run, or nothing (see parts.BEGIN)
    grammar = "^(?:R(?:C(?:(?:Ff|G)?(?:Vv|W)?|I(?:[TP]t|U)i)c|D)*r|S)*$"

    def __init__(self, package: Package, part: str, texts: Any) -> None:
        super().__init__(package, part)
        self.texts, self.lengths = texts, pc.binary_length(texts).to_numpy()
        self.kinds: dict[tuple[str, str], int] = {}  # style and type of a cell → its number
        self.columns: dict[int, list[tuple[Array, Array, Any]]] = {}  # column, from 1 → rows, kinds, texts
        self.batch: list[tuple[Array, Array, Array, Any]] = []  # rows, columns, kinds, texts
        self.cells = self.taken = self.row = self.column = 0  # taken: the last row that was; row: that was begun
        self.hidden_rows, self.hidden_columns = list[int](), list[tuple[int, int]]()
        self.merged: list[tuple[Cell, Cell]] = []
        self._was_open = False
        self._cell: dict[str, str] | None = None  # the attributes of the cell at hand
        self._value: list[str] | None = None

    # --- rows at once ---

    def plain(self, content: bytes) -> None:
        """Take whole rows, in order, with their cells in order."""
        piece = Piece(content, self.grammar)
        in_rows, in_cells = piece.which(*b"RS"), piece.which(*b"CD")
        rows, cells = piece.tags[in_rows] + len('<row r="'), piece.tags[in_cells] + len('<c r="')
        row = np.repeat(np.arange(len(rows)), np.diff(np.searchsorted(in_cells, np.append(in_rows, len(piece.tags)))))
        number, digits = _number(piece, rows, ord("0"), 10)
        demand(digits.max() < 8 and number[0] > self.taken and (np.diff(number) > 0).all())
        demand((piece.bytes.take(rows + digits) == ord('"')).all())
        written = piece.words(rows)[0] & KEEP.take(digits + 1)  # the number, and the quotation mark behind it
        own, which = _attributes(piece, rows + digits + 1, piece.stops[in_rows] - 1)
        is_hidden = np.array([attributes.get("hidden") in ("1", "true") for attributes in own])
        hidden = number[is_hidden.take(which)].tolist()
        column, letters = _number(piece, cells, ord("A"), 26)
        demand(letters.max(initial=1) < 4)
        cells += letters
        demand((piece.words(cells)[0] & KEEP.take(digits + 1).take(row) == written.take(row)).all())
        demand((np.diff(column + row * (1 << 16)) > 0).all())
        own, which = _attributes(piece, cells + digits.take(row) + 1, piece.stops[in_cells] - 1)
        kinds = [self.kind(attributes.get("s", "0"), attributes.get("t", "n")) for attributes in own]
        kind: Array = np.array(kinds, np.int32).take(which)

        values, first, stop = piece.values()
        cell_of = np.cumsum((piece.letters == ord("C")) | (piece.letters == ord("D"))) - 1
        filled = cell_of[values]
        starts, stops, is_filled = np.zeros_like(cells), np.zeros_like(cells), np.zeros(len(cells), bool)
        starts[filled], stops[filled], is_filled[filled] = first, stop, True
        formulas = cell_of[piece.which(*b"FG")]
        formulas = formulas[starts[formulas] == stops[formulas]]
        if len(formulas):  # without a value, unless this is an empty text
            of_texts = [number for (_, type_), number in self.kinds.items() if type_ == "str"]
            formulas = formulas[~(is_filled & np.isin(kind, of_texts))[formulas]]
            kind[formulas], is_filled[formulas] = self.kind("0", FORMULA), True

        self.row = self.taken = int(number[-1])
        self.hidden_rows += hidden
        self.package.cells += len(cells)
        self.package.bound()
        filled = np.flatnonzero(is_filled)
        filled = filled[np.argsort(column[filled].astype(np.uint16), kind="stable")]
        texts = piece.texts(starts[filled], stops[filled])
        self._keep(number[row[filled]], column[filled], kind[filled], texts)

    def kind(self, style: str, type_: str) -> int:
        """The number of a kind of cell."""
        return self.kinds.setdefault((style, type_), len(self.kinds))

    def _keep(self, rows: Array, columns: Array, kinds: Array, texts: Any) -> None:
        """Keep cells; they are parted by column as soon as there are enough for each."""
        if len(rows):
            self.cells += len(rows)
            self.batch.append((rows, columns, kinds, texts))
            if sum(len(part[0]) for part in self.batch) >= PER_COLUMN * int(columns.max()):
                self._part()

    def _part(self) -> None:
        batch, self.batch = self.batch, []
        if not batch:
            return
        rows, columns, kinds, texts = batch[0]
        if len(batch) > 1:
            rows, columns, kinds = (np.concatenate([part[n] for part in batch]) for n in range(3))
            texts = pa.concat_arrays([part[3] for part in batch])
        if (np.diff(columns) < 0).any():
            order = np.argsort(columns.astype(np.uint16), kind="stable")
            rows, columns, kinds, texts = rows[order], columns[order], kinds[order], texts.take(pa.array(order))
        borders = [0, *(np.flatnonzero(np.diff(columns)) + 1).tolist(), len(columns)]
        for first, stop in itertools.pairwise(borders):
            part = (rows[first:stop], kinds[first:stop], texts[first:stop])
            self.columns.setdefault(int(columns[first]), []).append(part)

    # --- tag by tag ---

    def start(self, name: str, own: dict[str, str]) -> None:
        """An element begins: of the rows, or around them."""
        if not self.is_open:
            self._around(name, own)
        elif name == "c":
            place = cell_at(own["r"]) or (-1, -1) if "r" in own else (self.row - 1, self.column)
            if self._cell is not None or place[0] != self.row - 1 or place[1] < self.column:
                raise self._disordered("cells")
            self.column, self._cell = place[1] + 1, own
            self._value, self.inline, self._is_formula = None, None, False
        elif name == "v":
            if self._value is not None:
                raise self._disordered("cells")
            self.into = self._value = []
        elif name == "f":
            self._is_formula = True
        elif name == "row":
            number = int(own["r"]) if "r" in own else self.row + 1
            if self.is_inside or number <= self.row:
                raise self._disordered("rows")
            self.row, self.column, self.is_inside = number, 0, True
            self.hidden_rows += [number] if own.get("hidden") in ("1", "true") else []
            self.plainly.append(f'<row r="{number}">')
        else:
            super().start(name, own)

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "c" and self.is_open:
            self._end_cell()
        elif name == "row" and self.is_open:
            self.is_inside = False
            self.plainly.append("</row>")
        elif name == "sheetData":
            self.is_open = False
        else:
            super().end(name)

    def _around(self, name: str, own: dict[str, str]) -> None:
        if name == "sheetData":
            if self._was_open:
                raise self._disordered("rows")
            self._was_open = self.is_open = True
        elif name == "col" and own.get("hidden") in ("1", "true"):
            self.hidden_columns.append((int(own["min"]), int(own["max"])))
        elif name == "mergeCell":
            first, last = map(cell_at, own.get("ref", "").partition(":")[::2])
            self.merged += [(first, last)] if first and last else []
            if len(self.merged) > MAX_MERGED:
                what = f"holds more than {MAX_MERGED:,} merged cells, which no export does"
                raise self.package.refused(f"{what}. Do not open it; export again.")

    def _end_cell(self) -> None:
        own, self._cell = self._cell or {}, None
        style, type_ = min(max(int(own.get("s", "0")), 0), 99_999), own.get("t", "n")
        told = self.inline if self._value is None or (type_ == "inlineStr" and self.inline) else self._value
        if told is None and not self._is_formula:
            self.package.cells += 1
            return
        if self.row > MAX_ROWS or self.column > MAX_CELLS:
            raise self._far(self.row, self.column)
        kind = f's="{style}" t="{type_ if type_ in TYPES else "?"}"'
        self.plainly.append(f'<c r="{column_letters(self.column - 1)}{self.row}" {kind}>')
        self.plainly.append("<f></f>" if self._is_formula else "")
        self.plainly.append("</c>" if told is None else f"<v>{escaped(told)}</v></c>")

    def _disordered(self, what: str) -> UnreadableFile:
        return self.package.refused(f"has {what} out of order or twice: what it says is ambiguous. {AGAIN}")

    def _far(self, row: int, width: int) -> UnreadableFile:
        where = f"up to row {row:,}, column {width:,}"
        return self.package.refused(f"has a cell far outside its table ({where}). Delete it, or export again.")

    # --- columns ---

    def grid(self, name: str, is_visible: bool) -> Grid:
        """Read the sheet. Raises UnreadableFile for one that no program writes."""
        self.read()
        self._part()
        height = max((int(part[0].max()) for parts in self.columns.values() for part in parts), default=0)
        width = max(self.columns, default=0)
        area = height * width
        if height > MAX_ROWS or width > MAX_CELLS or (area > FREE_AREA and area > MAX_SPARSE * self.cells):
            raise self._far(height, width)
        self.package.columns += len(self.columns)
        self.package.area += height * len(self.columns)
        self.package.bound()
        self._meanings = [self._meaning(*kind) for kind in self.kinds]
        columns = [self._column(place, height) for place in range(1, width + 1)]
        _repeat_merged(columns, self.merged, height)
        hidden = sum(number <= height for number in self.hidden_rows)
        spans = [min(last, width) - first + 1 for first, last in self.hidden_columns if first <= width]
        return Grid(name, columns, height, None, {}, is_visible, hidden, sum(spans), self.merged)

    def _meaning(self, style: str, type_: str) -> tuple[str, Format]:
        """What tells how the text of a cell becomes its value."""
        if type_ == "n":
            formats = self.package.formats
            return type_, formats[int(style)] if int(style) < len(formats) else "number"
        return "str" if type_ == "inlineStr" else type_, ""

    def _column(self, place: int, height: int) -> Coded:
        parts = self.columns.pop(place, [])
        if not parts:
            return Coded.nothing(height)
        rows, kinds = (np.concatenate([part[n] for part in parts]) for n in range(2))
        texts = pa.concat_arrays([part[2] for part in parts])
        del parts
        used = list(dict.fromkeys(self._meanings[kind] for kind in np.flatnonzero(np.bincount(kinds)).tolist()))
        groups = [(rows, texts)]
        if len(used) > 1:
            told = np.array([used.index(meaning) if meaning in used else -1 for meaning in self._meanings])[kinds]
            places = [np.flatnonzero(told == number) for number in range(len(used))]
            groups = [(rows[at], texts.take(pa.array(at))) for at in places]
        stacked = Coded.stacked([self._values(meaning, own) for meaning, (_, own) in zip(used, groups, strict=True)])
        codes = np.full(height, -1, np.int32)
        codes[np.concatenate([own for own, _ in groups]) - 1] = stacked.codes
        return Coded(codes, stacked.values)

    def _values(self, meaning: tuple[str, Format], texts: Any) -> Coded:
        type_, format_ = meaning
        if type_ == "s":
            return self._shared(texts)
        told = coded(texts) if type_ not in ("e", FORMULA) else Coded.of(texts.to_pylist())
        if type_ == "str":
            return Coded(told.codes, unescaped(told.values))
        return told.map(lambda text: value_of(type_, format_, self.package.is_1904, text))

    def _shared(self, texts: Any) -> Coded:
        """The texts that cells name by number. Raises UnreadableFile for a number without a text."""
        filled = np.flatnonzero(pc.binary_length(texts).to_numpy())
        numbers = texts.take(pa.array(filled)).cast(pa.int32()).to_numpy()
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self.texts):
            raise self.package.refused(f"names a text that it does not hold. {AGAIN}")
        length = self.lengths[numbers]
        self.package.shown += int(length.sum())
        self.package.bound()
        codes = np.full(len(texts), -1, np.int32)
        codes[filled] = np.where(length > 0, numbers, -1)
        return Coded(codes, self.texts).compact()


def _number(piece: Piece, at: Array, first: int, base: int) -> tuple[Array, Array]:
    """The numbers that begin at places, in digits or in letters (A is 1), and how many of these each has."""
    number, length, is_on = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64), np.ones(len(at), bool)
    for n in range(8):
        sign = piece.bytes[n:].take(at) - np.uint8(first)
        is_on &= sign < base
        if not is_on.any():
            break
        number = np.where(is_on, number * base + sign + (base == 26), number)
        length += is_on
    demand((length > 0).all())
    return number, length


def _attributes(piece: Piece, starts: Array, stops: Array) -> tuple[list[dict[str, str]], Array]:
    """What stands in some tags behind their first attribute, `r`: the different ones, and which of them each tag has."""
    tails = piece.texts(starts, stops).dictionary_encode()
    told = []
    for tail in tails.dictionary.to_pylist():
        found = ATTRIBUTE.findall(tail)
        told.append(dict(found))
        demand(ATTRIBUTES.fullmatch(tail) and len(told[-1]) == len(found) and "r" not in told[-1])
    return told, tails.indices.to_numpy()


def _repeat_merged(columns: list[Coded], merged: list[tuple[Cell, Cell]], height: int) -> None:
    """Give the value of a merged cell to every row it spans that has a cell of its own."""
    spans = sorted((left, top, min(bottom, height - 1)) for (top, left), (bottom, _) in merged if left < len(columns))
    if not any(top < bottom for _, top, bottom in spans):
        return
    is_row = np.zeros(height, bool)
    for column in columns:
        is_row |= column.codes >= 0
    last = (-1, -1)
    for left, top, bottom in spans:
        codes = columns[left].codes
        if top < bottom and (left, top) > last and codes[top] >= 0:
            span = codes[top : bottom + 1]
            span[is_row[top : bottom + 1]] = codes[top]
            last = (left, bottom)


def worksheets(content: bytes, label: str) -> Iterator[Grid]:
    """The grids of a workbook. Raises UnreadableFile, and nothing else, for a file that cannot be read safely."""
    try:
        package = Package(content, label)
        texts = package.texts()
        for part, name, is_visible in package.sheets():
            yield Sheet(package, part, texts).grid(name, is_visible)
    except (UnreadableFile, MemoryError):
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise UnreadableFile(label, f"is damaged or cut short. Export or download it again. {AGAIN}") from None
    except Exception as problem:
        told = f"cannot be read as a workbook ({type(problem).__name__})"
        raise UnreadableFile(label, f"{told}. Open it in Excel and save it again.") from None
