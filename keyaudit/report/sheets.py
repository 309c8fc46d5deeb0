"""Workbooks as data: sheets of blocks of columns, one writer for all of them. (DESIGN §5, Workbook)

XlsxWriter makes the workbook without a cell; the rows of every sheet are put in as XML.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from keyaudit.coded import Coded
from keyaudit.interrupts import Held
from keyaudit.report.cells import Band, Cells, letters, rows_xml, safe_text, shown_texts

ROWS_OF_A_SHEET = 1_048_576  # Excel's limit
LINKS_OF_A_SHEET = 65_000  # Excel's limit is 65,530
WRAPPED_UP_TO = 2_000  # longer lists keep a line a row and leave blank cells out: they open faster
PIXEL, LINE, MOST_LINES = 0.75, 13.5, 20  # points; points of a line of text
INK, MUTE, GRID, FACE, LINK = "#1F2933", "#616E7C", "#D9DFE5", "#F5F7FA", "#0E6E64"

# How cells look is said in words: "head right". Beside these, "#5A0F3D" is the ink and "on#5A0F3D" a tint behind it.
TRAITS: dict[str, dict[str, Any]] = {
    "text": {"font_name": "Calibri", "font_size": 10, "font_color": INK, "valign": "top"},
    "cell": {"bottom": 1, "bottom_color": GRID},
    "sum": {"bold": True, "top": 2, "num_format": "#,##0"},
    "left": {"align": "left", "indent": 1},
    "right": {"align": "right"},
    "wrap": {"text_wrap": True},
    "bold": {"bold": True},
    "code": {"font_name": "Consolas", "num_format": "@"},
    "date": {"num_format": "yyyy-mm-dd"},
    "number": {"num_format": "#,##0"},
    "share": {"num_format": "0.0%"},
    "input": {"bg_color": "#FFFDF0"},
    "link": {"font_color": LINK, "underline": 1},
    "head": {"bold": True, "bottom": 2, "bg_color": FACE, "text_wrap": True, "valign": "bottom"},
    "turned": {"rotation": 90},
    "title": {"bold": True, "font_size": 16},
    "headline": {"bold": True, "font_size": 20},
    "heading": {"bold": True, "font_size": 12},
    "mute": {"font_color": MUTE},
}
KINDS = {
    "text": "left",
    "wrapped": "left wrap",
    "key": "left code",
    "date": "left date",
    "count": "number",
    "upright": "number",
    "share": "share",
    "input": "left wrap input",
    "link": "left link",
}
LINE_HEIGHTS = {"headline": 30.0, "title": 24.0, "heading": 21.0}
BAR = {"type": "data_bar", "bar_solid": True, "bar_only": True, "data_bar_2010": True}
BAR |= {"min_type": "num", "min_value": 0, "max_type": "num", "max_value": 1}
BACK = "link"  # the look of the line that leads to the first sheet


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


def write_book(path: Path, sheets: Sequence[Sheet], *, title: str, created: dt.date, footer: str) -> None:
    """Write a workbook. Same sheets → same bytes; no other file is written meanwhile."""
    from xlsxwriter import Workbook

    made = io.BytesIO()
    book = Workbook(made, {"in_memory": True})
    book.set_size(2400, 1500)
    book.set_properties({"title": title, "created": dt.datetime.combine(created, dt.time())})
    lists = {sheet.name: _List(sheet, sheets[0].name) for sheet in sheets}
    parts = [part for whole in lists.values() for part in whole.parts()]
    layout = _Layout(book, lists, safe_text(footer)[:100].replace("&", "&&"))
    bands = {f"xl/worksheets/sheet{number}.xml": layout.sheet(part) for number, part in enumerate(parts, start=1)}
    with Held():  # a zip file interrupted half-way cannot be closed
        book.close()
    with zipfile.ZipFile(made) as source, path.open("wb") as file:
        target = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        try:
            for name in source.namelist():
                head, opened, tail = source.read(name).partition(b"<sheetData>")
                with target.open(name, "w", force_zip64=True) as member:  # dated 1980: same rows, same bytes
                    member.write(head + opened)
                    for band in bands.get(name, ()):
                        for xml in rows_xml(band):
                            member.write(xml)
                    member.write(tail)
            target.close()
        except BaseException:
            target.fp = None  # given up: it would try once more to write its end, and complain aloud that it cannot
            raise


class _List:
    """A sheet and the place of its list in it: from which row on, and in how many sheets if it is too long for one."""

    def __init__(self, sheet: Sheet, home: str) -> None:
        if sheet.title:
            above = [(sheet.title, "title"), (f"← {home}", BACK), *sheet.blocks[0].lines]
            sheet = replace(sheet, blocks=[replace(sheet.blocks[0], lines=above), *sheet.blocks[1:]])
        self.sheet, self.first = sheet, 1
        for block in sheet.blocks:
            self.first += len(block.lines) + block.has_header
            if block.table:
                break
            self.first += len(block) + len(block.total) + 1
        self.room = ROWS_OF_A_SHEET - self.first + 1 - len(block.total)

    def place(self, row: int) -> str:
        """The cell where a row of the list begins."""
        number, at = divmod(row, self.room)
        return f"'{self._name(number)}'!A{self.first + at}"

    def parts(self) -> Iterator[Sheet]:
        """The sheet, cut where Excel's limit demands it: only a list that has a sheet to itself can be so long."""
        block = self.sheet.blocks[0]
        for number, start in enumerate(range(0, max(len(block), 1), self.room)):
            span = slice(start, start + self.room)
            part = replace(
                block,
                columns=[replace(one, cells=_cut(one.cells, span), links=one.links[span]) for one in block.columns],
                total=block.total if span.stop >= len(block) else (),
                table=f"{block.table}{number + 1}" if number else block.table,
            )
            yield replace(self.sheet, name=self._name(number), blocks=[part, *self.sheet.blocks[1:]])

    def _name(self, number: int) -> str:
        return f"{self.sheet.name} {number + 1}" if number else self.sheet.name


class _Layout:
    """Where the cells of every sheet stand and how they look; what is no cell (tables, links, panes) goes to XlsxWriter."""

    def __init__(self, book: Any, lists: Mapping[str, _List], footer: str) -> None:
        from xlsxwriter.worksheet import Worksheet

        class Shell(Worksheet):  # type: ignore[misc]
            """A sheet of XlsxWriter without cells."""

            def _write_string(self, *_: Any) -> int:
                return 0

            _write_blank = _write_rows = _write_string

        self._book, self._shell, self._lists, self._footer = book, Shell, lists, footer
        self._styles: dict[str, int] = {}

    def sheet(self, sheet: Sheet) -> list[Band]:
        """Lay out one sheet: its bands from top to bottom, its colour, its widths, and how it goes to paper."""
        shell = self._book.add_worksheet(sheet.name, self._shell)
        bands: list[Band] = []
        row = 0
        for number, block in enumerate(sheet.blocks):
            bands += self._block(shell, block, row, is_first=not number)
            row = bands[-1].first + max(bands[-1].rows, 1)  # a blank row between two blocks
        last = row - 2, max(one.place for band in bands for one in band.columns)
        placed = [pair for block in sheet.blocks for pair in _placed(block)]
        wide = {}
        for place in {place for place, _ in placed}:
            here = [column for at, column in placed if at == place and column.span == 1]
            wide[place] = max((one.width for one in here), default=0) or max(map(_width, here), default=11)
        for place, column in placed:  # the last of several that become one has what the others lack
            lacking = column.width - sum(wide[place + at] for at in range(column.span))
            wide[place + column.span - 1] += max(0, lacking)
        for place, width in wide.items():
            shell.set_column(place, place, width)
        paper = [place for place, column in placed if sheet.printed and column.header == sheet.printed]
        shell._check_dimensions(0, 0)
        shell._check_dimensions(*last)
        if not sheet.is_hidden:  # LibreOffice prints what has an area to print
            shell.print_area(0, 0, last[0], *(paper or last[1:]))
        shell.set_tab_color(sheet.colour)
        shell.hide_gridlines(2)
        shell.set_landscape()
        shell.set_paper(9)
        shell.fit_to_pages(1, int(sheet.is_one_page))
        if sheet.is_hidden:
            shell.hide()
        shell.set_margins(0.4, 0.4, 0.5, 0.6)
        shell.set_footer(f"&L&8 {self._footer}&R&8&A · page &P of &N")
        return bands

    def _block(self, shell: Any, block: Block, row: int, is_first: bool) -> Iterator[Band]:
        """The lines, the header, the rows and the sums of a block below `row`."""

        def cells(place: int, texts: Any, look: str, words: Mapping[str, str] = {}, is_drawn: bool = True) -> Cells:
            single = {word: self._style(f"{look} bold on{colour}") for word, colour in words.items()}
            return Cells(place, texts, self._style(look), single, is_drawn)

        for text, look in block.lines:
            row += 1
            yield Band(row, 1, [cells(0, [text], look)], [LINE_HEIGHTS.get(look.split()[0], 0)])
            if look == BACK:
                shell.write_url(row - 1, 0, f"internal:'{next(iter(self._lists))}'!A1")
        placed, rows = _placed(block), len(block)
        is_long, upright = rows > WRAPPED_UP_TO, [len(one.header) for _, one in placed if one.kind == "upright"]
        if block.has_header:
            row += 1
            height = max([6.2 * length + 12 for length in upright] + [30.0 if block.table else 0.0])
            yield Band(row, 1, [cells(place, [one.header], _head(one)) for place, one in placed], [height])
            if block.table and is_first:
                shell.freeze_panes(row, 1)
                shell.repeat_rows(row - 1)
        if block.columns:
            plain = {"wrapped"} if is_long else set()
            self._furnish(shell, block, row)
            columns = [
                cells(place, one.cells, _look(one, plain), one.looks, not is_long or one.kind == "input")
                for place, one in placed
            ]
            yield Band(row + 1, rows, columns, () if plain else _heights(block))
            row += max(rows, 1)
        for number, values in enumerate(block.total, start=1):
            row += 1
            frame = "sum" if number == len(block.total) else "cell"
            looks = [_look(one, {"wrapped", "input"}, frame) for _, one in placed]
            yield Band(row, 1, [cells(at, [value], looks[at]) for at, value in enumerate(values)])

    def _furnish(self, shell: Any, block: Block, row: int) -> None:
        """What belongs to the rows of a block and is no cell: table, drop-downs, links, bars, cells that are one."""
        last, links = row + max(len(block), 1) - 1, 0
        if block.table:
            columns = [{"header": column.header} for column in block.columns]
            shell.add_table(row - 1, 0, row, len(columns) - 1, {"name": block.table, "columns": columns, "style": None})
            whole = f"A{row}:{letters(len(columns) - 1)}{last + 1}"  # XlsxWriter would remember each of its cells
            shell.tables[-1].update(range=whole, a_range=whole, autofilter=whole)
        for place, column in _placed(block):
            if column.choices:
                shell.data_validation(row, place, last, place, {"validate": "list", "source": list(column.choices)})
            for at, colour in enumerate(column.bars, start=row):
                shell.conditional_format(at, place, at, place, BAR | {"bar_color": colour})
            for at, target in enumerate(column.links, start=row):
                if target is not None and links < LINKS_OF_A_SHEET:
                    shell.write_url(at, place, f"internal:{self._lists[target[0]].place(target[1])}")
                    links += 1
            for at in range(row - block.has_header, last + 1) if column.span > 1 else ():
                shell.merge_range(at, place, at, place + column.span - 1, "")

    def _style(self, words: str) -> int:
        """The number of a format, by the words that say how a cell looks."""
        if words not in self._styles:
            traits = dict(TRAITS["text"])
            for word in words.split():
                if word.startswith("on#"):
                    traits["bg_color"] = _tint(word[2:])
                else:
                    traits |= {"font_color": word} if word.startswith("#") else TRAITS[word]
            self._styles[words] = self._book.add_format(traits)._get_xf_index()
        return self._styles[words]


def _tint(colour: str) -> str:
    """A colour light enough to stand behind text."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - 0.22 * (255 - part)):02X}" for part in parts)


def _placed(block: Block) -> list[tuple[int, Column]]:
    """Every column with its place in the sheet; a wide one is followed by blanks that become one cell with it."""
    placed: list[tuple[int, Column]] = []
    for column in block.columns:
        rest = replace(
            column, header="", cells=Coded.nothing(len(block)), width=0, links=(), bars=(), choices=(), span=1
        )
        placed += [(len(placed) + at, rest if at else column) for at in range(column.span)]
    return placed


def _look(column: Column, plain: Container[str], frame: str = "cell") -> str:
    """The look of a column's cells; `plain` kinds look like text."""
    return f"{frame} {KINDS['text' if column.kind in plain else column.kind]}"


def _head(column: Column) -> str:
    is_number = column.kind in ("count", "upright", "share") and not column.bars
    return f"head {'right' if is_number else 'left'}{' turned' if column.kind == 'upright' else ''}"


def _width(column: Column) -> float:
    """As wide as the header, or below an upright one the largest number and their sum, need it."""
    if column.kind != "upright":
        return max(11, len(column.header) + 3)
    numbers = column.cells.listed() if isinstance(column.cells, Coded) else column.cells
    return max([4.5, *(len(f"{number:,}") + 3.5 for number in numbers if number is not None)])


def _heights(block: Block) -> Sequence[float]:
    """Room for the lines of every row, where texts wrap."""
    wrapped = [column for column in block.columns if column.kind in ("wrapped", "input")]
    lines = np.ones(len(block))
    for column in wrapped:
        room = 1.25 * (column.width or _width(column))
        told = [sum(len(part) // room + 1 for part in text.split("\n")) for text in shown_texts(column.cells)]
        lines = np.maximum(lines, told)
    heights = PIXEL * np.round((LINE * np.minimum(lines, MOST_LINES) + 2) / PIXEL)
    return list(np.maximum(heights, block.row_height)) if wrapped else ()


def _cut(cells: Any, span: slice) -> Any:
    return Coded(cells.codes[span], cells.values) if isinstance(cells, Coded) else cells[span]
