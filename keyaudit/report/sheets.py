"""Sheets as data: blocks of columns; what a person has typed into the former ones, read back and put in. (DESIGN §4, §5)"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from keyaudit.coded import Coded, Numbered, as_texts
from keyaudit.errors import UnreadableFile

KINDS = {
    "text": "left", "wrapped": "left wrap", "key": "left code", "date": "left date", "count": "number", "upright": "number",
    "share": "share", "input": "left wrap input", "link": "left link",
}  # fmt: skip
CELL_LENGTH = 32_767  # Excel's limit, in UTF-16 units
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
PIXEL, LINE, MOST_LINES = 0.75, 13.5, 20  # points; points of a line of text
MUTE = "#616E7C"
Ticks: TypeAlias = dict[tuple[str, str, str], str]  # sheet, what tells its row from the others, column → text
BETWEEN = " · "  # the parts of what tells a row from the others
ALSO = " / "  # between two notes on one row
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
NUMBERED = re.compile(r" \d+$")  # `Keys 2` goes on where `Keys` ends
FORMER = "Former notes"
FORMER_COLUMNS = {"Sheet": ("text", 16), "Row": ("wrapped", 60), "Column": ("text", 16), "Note": ("input", 60)}


@dataclass(frozen=True)
class Column:
    """A column of a block: `kind` is one of KINDS; `cells` a Coded, a NumPy or Arrow array, or a list.

    `width` in characters (0: as header and numbers need it), over `span` columns of the sheet. `looks`: word → colour of
    its family. `links`: for each row the sheet and the row of its list that the cell leads to, or None. `bars`: for each row
    the colour of a bar as long as its share. `choices`: what a drop-down offers.
    """

    header: str
    cells: Any
    kind: str = "text"
    width: float = 0
    looks: Mapping[str, str] = field(default_factory=dict)
    links: Sequence[tuple[str, int] | None] = ()
    bars: Sequence[str] = ()
    choices: tuple[str, ...] = ()
    span: int = 1

    def look(self, frame: str = "cell", plain: Sequence[str] = ()) -> str:
        """The look of its cells; `plain` kinds look like text."""
        return f"{frame} {KINDS['text' if self.kind in plain else self.kind]}"

    def head(self) -> str:
        """The look of its header."""
        is_number = self.kind in ("count", "upright", "share") and not self.bars
        return f"head {'right' if is_number else 'left'}{' turned' if self.kind == 'upright' else ''}"

    def wide(self) -> float:
        """Its width; where that is not said, as header, or below an upright one the largest number and their sum, need it."""
        if self.width or self.kind != "upright":
            return self.width or max(11, len(self.header) + 3)
        numbers = self.cells.listed() if isinstance(self.cells, Coded) else self.cells
        return max([4.5, *(len(f"{number:,}") + 3.5 for number in numbers if number is not None)])


@dataclass(frozen=True)
class Block:
    """Lines of text, each with its look; below them columns with their headers; below these rows of `total`, a value for each column of the sheet.

    `table`: the name of the Excel table that the rows are, with filters. `identity`: the headers that tell one row from
    the others, so that what a person types into it can be carried over. `row_height`: at least, in points.
    """

    columns: Sequence[Column] = ()
    lines: Sequence[tuple[str, str]] = ()
    table: str = ""
    total: Sequence[Sequence[Any]] = ()
    identity: tuple[str, ...] = ()
    row_height: float = 0

    def __len__(self) -> int:
        return len(self.columns[0].cells) if self.columns else 0

    @property
    def has_header(self) -> bool:
        """Whether any column has one."""
        return any(column.header for column in self.columns)

    @property
    def inputs(self) -> list[Column]:
        """The columns a person fills in."""
        return [column for column in self.columns if column.kind == "input"]

    def placed(self) -> list[tuple[int, Column]]:
        """Every column with its place in the sheet; a wide one is followed by blanks that become one cell with it."""
        every = [
            one if not at else Column("", Coded.nothing(len(self)), one.kind)
            for one in self.columns
            for at in range(one.span)
        ]
        return list(enumerate(every))

    def heights(self) -> Sequence[float]:
        """Room for the lines of every row, where texts wrap."""
        wrapped = [column for column in self.columns if column.kind in ("wrapped", "input")]
        lines = np.ones(len(self))
        for column in wrapped:
            room = 1.25 * column.wide()
            told = [sum(len(part) // room + 1 for part in text.split("\n")) for text in shown_texts(column.cells)]
            lines = np.maximum(lines, told)
        heights = PIXEL * np.round((LINE * np.minimum(lines, MOST_LINES) + 2) / PIXEL)
        return list(np.maximum(heights, self.row_height)) if wrapped else ()


@dataclass(frozen=True)
class Sheet:
    """A sheet: its blocks, one below the other, and the colour of its tab.

    `title` stands in A1, above a link back to the first sheet. `printed`: the header of the last column that goes to paper.
    A list that is too long for a sheet goes on in the next: `Keys`, `Keys 2`. `is_one_page`: on paper; `is_hidden`: nothing
    stands in it, so that it is neither seen nor printed.
    """

    name: str
    blocks: Sequence[Block]
    colour: str
    title: str = ""
    printed: str = ""
    is_one_page: bool = False
    is_hidden: bool = False


def coded(cells: Any) -> Any:
    """Cells of any form as Arrow texts, or as codes and the values they stand for."""
    if isinstance(cells, Coded):
        is_few = not isinstance(cells.values, pa.Array) or len(cells.values) * 4 < len(cells)
        return cells if is_few else cells.values.take(pa.array(cells.codes, mask=cells.codes < 0))
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "biufM":
        return Coded.ordered(cells)
    return as_texts(cells) if isinstance(cells, (pa.Array, Numbered)) else Coded.of(cells)


def shown_texts(cells: Any) -> list[str]:
    """What every cell of a column of texts says, in Python's own texts."""
    told = coded(cells)
    texts = told.cells() if isinstance(told, Coded) else told.to_pylist()
    return [safe_text(str(text or "")) for text in texts]


def safe_text(text: str) -> str:
    """Text a cell can hold: control characters made visible, cut at Excel's length."""
    visible = text if text.isprintable() else CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    if len(visible) > CELL_LENGTH // 2:
        visible = visible.encode("utf-16-le")[: 2 * CELL_LENGTH].decode("utf-16-le", "ignore")
    return visible


# --- what people type ---


def read_ticks(path: Path, sheets: Sequence[Sheet]) -> Ticks:
    """Read what stands in the input columns of a former workbook.

    `sheets` are those of the new one: the headers of their blocks say which columns are filled in and which tell a row
    from the others. Rows and columns may have been sorted, moved, hidden and added. Raises UnreadableFile.
    """
    import openpyxl

    known = {sheet.name: [block for block in sheet.blocks if block.inputs] for sheet in sheets}
    known[FORMER] = list(_former([]).blocks)
    ticks: Ticks = {}
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book,
        ):
            for page in book.worksheets:
                name = page.title if page.title in known else NUMBERED.sub("", page.title)
                page.reset_dimensions()
                for parts, column, text in _typed(page.iter_rows(values_only=True), known.get(name, ())):
                    sheet, row, header = parts if name == FORMER else (name, BETWEEN.join(parts), column)
                    before = ticks[key].split(ALSO) if (key := (sheet, row, header)) in ticks else []
                    ticks[key] = ALSO.join(dict.fromkeys([*before, text])) if before else text
    except Exception as problem:  # what a parser says of a file that others have written may quote its cells
        raise UnreadableFile(
            path.name,
            f"it has been changed since keyaudit wrote it, and the notes in it cannot be read ({type(problem).__name__}). "
            "Open it, save it as .xlsx without a password, and run the audit again; or move it out of the folder.",
        ) from None
    return ticks


def _typed(rows: Iterable[Sequence[Any]], blocks: Sequence[Block]) -> Iterator[tuple[list[str], str, str]]:
    """What tells the row from the others, header and text of every input cell that is filled."""
    heads = [({*block.identity, *(column.header for column in block.inputs)}, block) for block in blocks]
    found: Block | None = None
    place: dict[Any, int] = {}
    for values in rows:
        filled = {value for value in values if value is not None}
        below = next((block for names, block in heads if names <= filled), None)
        if below is not None:
            found, place = below, {value: at for at, value in enumerate(values)}
        elif found is not None:
            cells = {header: _told(values[at]) for header, at in place.items() if at < len(values)}
            parts = [cells.get(header, "") for header in found.identity]
            if any(parts):
                texts = ((column.header, cells.get(column.header, "").strip()) for column in found.inputs)
                yield from ((parts, header, text) for header, text in texts if text)
            elif not found.table:  # a blank row: what follows is something else
                found = None


def _told(value: Any) -> str:
    """A cell as text: dates in ISO form, no `.0`, Excel's escapes undone, line ends of one kind."""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else ESCAPED.sub(lambda match: chr(int(match[1], 16)), str(value))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def with_ticks(sheets: Sequence[Sheet], ticks: Ticks) -> list[Sheet]:
    """Put what a person has typed into the sheets; what fits no row of them any more is listed on a last one, FORMER."""
    left = dict(ticks)
    filled = [replace(one, blocks=[_filled(one.name, block, left) for block in one.blocks]) for one in sheets]
    first: dict[tuple[str, ...], int] = {}  # those of a sheet, and of a row, stand together
    for key in ticks:
        first |= {part: first.get(part, len(first)) for part in (key[:1], key[:2])}
    rows = sorted(left.items(), key=lambda one: (first[one[0][:1]], first[one[0][:2]]))
    return [*filled, _former([(*key, text) for key, text in rows])] if rows else filled


def _filled(sheet: str, block: Block, left: Ticks) -> Block:
    """A block of a sheet with the notes that fit its rows; these are taken out of what is left."""
    if not block.inputs or not any(key[0] == sheet for key in left):
        return block
    parts = [shown_texts(column.cells) for name in block.identity for column in block.columns if column.header == name]
    names = [BETWEEN.join(map(_told, row)) for row in zip(*parts, strict=True)]
    inputs = {column.header: shown_texts(column.cells) for column in block.inputs}
    for header, cells in inputs.items():
        cells[:] = [left.get((sheet, name, header), cell) for name, cell in zip(names, cells, strict=True)]
        for name in names:
            left.pop((sheet, name, header), None)
    columns = [replace(one, cells=inputs[one.header]) if one.kind == "input" else one for one in block.columns]
    return replace(block, columns=columns)


def _former(rows: Sequence[Sequence[str]]) -> Sheet:
    """The sheet of notes that fit no row: the next audit reads them again."""
    columns = [
        Column(header, [row[at] for row in rows], *look) for at, (header, look) in enumerate(FORMER_COLUMNS.items())
    ]
    block = Block(columns, table="FormerNotesList", identity=tuple(FORMER_COLUMNS)[:-1])
    return Sheet(FORMER, [block], MUTE, "Notes of a former report whose row is no longer there")
