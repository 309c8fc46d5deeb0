"""The one writer of workbooks. XlsxWriter makes the workbook without a cell; the rows of every sheet are put in as XML.

That is built by column: some thirty times faster than cell by cell. Every text is an inline string, so nothing from data
can become a formula, a link or a number.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Coded, beside, signs_of
from keyaudit.exports.grid import column_letters
from keyaudit.interrupts import held
from keyaudit.report.sheets import CELL_LENGTH, MUTE, Block, Sheet, coded, safe_text

ROWS_OF_A_SHEET = 1_048_576  # Excel's limit
LINKS_OF_A_SHEET = 65_000  # Excel's limit is 65,530
WRAPPED_UP_TO = 2_000  # longer lists keep a line a row and leave blank cells out: they open faster
CHUNK = 5_000  # rows in memory at a time
INLINE, INLINE_END = ' t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"
FEW = 500  # texts: to make Arrow ready for a pattern takes as long as to look at so many
EPOCH, LEAP = np.datetime64("1899-12-30", "D"), 61  # Excel's day 60 is 29 February 1900, which never was
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
ODD = r"_x[0-9A-Fa-f]{4}_|[^ -~\p{L}\p{M}\p{N}\p{P}\p{S}]"  # what besides may not stand in a cell's XML as it is
ESCAPED_BY_EXCEL = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
INK, GRID, FACE, LINK = "#1F2933", "#D9DFE5", "#F5F7FA", "#0E6E64"

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
LINE_HEIGHTS = {"headline": 30.0, "title": 24.0, "heading": 21.0}
BAR = {"type": "data_bar", "bar_solid": True, "bar_only": True, "data_bar_2010": True}
BAR |= {"min_type": "num", "min_value": 0, "max_type": "num", "max_value": 1}
BACK = "link"  # the look of the line that leads to the first sheet


Place: TypeAlias = Callable[[int], str]  # the cell where a row of a list begins


class Cells(NamedTuple):
    """Cells of some rows in one column: their format, those of single words, whether blank ones are drawn."""

    place: int
    cells: Any
    style: int
    words: Mapping[str, int]
    is_drawn: bool = True


class Band(NamedTuple):
    """Some rows of a sheet, the first of them, and their heights (0: as the program likes)."""

    first: int
    rows: int
    columns: Sequence[Cells]
    heights: Sequence[float] = ()


def write_book(path: Path, sheets: Sequence[Sheet], *, title: str, created: dt.date, footer: str) -> None:
    """Write a workbook. Same sheets → same bytes; no other file is written meanwhile."""
    from xlsxwriter import Workbook

    made = io.BytesIO()
    book = Workbook(made, {"in_memory": True})
    book.set_size(2400, 1500)
    book.set_properties({"title": title, "created": dt.datetime.combine(created, dt.time())})
    lists = {sheet.name: _parts(sheet, sheets[0].name) for sheet in sheets}
    places = {name: place for name, (_, place) in lists.items()}
    layout = _Layout(book, places, safe_text(footer)[:100].replace("&", "&&"))
    bands = [layout.sheet(part) for parts, _ in lists.values() for part in parts]
    bands_of = {f"xl/worksheets/sheet{number}.xml": rows for number, rows in enumerate(bands, start=1)}
    with held():  # a zip file interrupted half-way cannot be closed
        book.close()
    with zipfile.ZipFile(made) as source, path.open("wb") as file:
        target = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        try:
            for name in source.namelist():
                head, opened, tail = source.read(name).partition(b"<sheetData>")
                with target.open(name, "w", force_zip64=True) as member:  # dated 1980: same rows, same bytes
                    member.write(head + opened)
                    for band in bands_of.get(name, ()):
                        member.writelines(_rows_xml(band))
                    member.write(tail)
            target.close()
        except BaseException:
            target.fp = None  # given up: it would try once more to write its end, and complain aloud that it cannot
            raise


def _parts(sheet: Sheet, home: str) -> tuple[list[Sheet], Place]:
    """A sheet, cut where Excel's limit demands it (only a list that has it to itself can be so long), and where its rows begin."""
    if sheet.title:
        above = [(sheet.title, "title"), (f"← {home}", BACK), *sheet.blocks[0].lines]
        sheet = replace(sheet, blocks=[replace(sheet.blocks[0], lines=above), *sheet.blocks[1:]])
    block = sheet.blocks[0]
    first, parts = 1 + len(block.lines) + block.has_header, []
    room = ROWS_OF_A_SHEET - first + 1 - len(block.total)

    def name(number: int) -> str:
        return f"{sheet.name} {number + 1}" if number else sheet.name

    def place(row: int) -> str:
        return f"'{name(row // room)}'!A{first + row % room}"

    for number, start in enumerate(range(0, max(len(block), 1), room)):
        span = slice(start, start + room)
        columns = [replace(one, cells=_cut(one.cells, span), links=one.links[span]) for one in block.columns]
        total, table = block.total if span.stop >= len(block) else (), f"{block.table}{number + 1 if number else ''}"
        part = replace(block, columns=columns, total=total, table=table)
        parts.append(replace(sheet, name=name(number), blocks=[part, *sheet.blocks[1:]]))
    return parts, place


def _cut(cells: Any, span: slice) -> Any:
    return Coded(cells.codes[span], cells.values) if isinstance(cells, Coded) else cells[span]


class _Layout:
    """Where the cells of every sheet stand and how they look; what is no cell (tables, links, panes) goes to XlsxWriter."""

    def __init__(self, book: Any, places: Mapping[str, Place], footer: str) -> None:
        from xlsxwriter.worksheet import Worksheet

        no_cells = dict.fromkeys(("_write_string", "_write_blank", "_write_rows"), lambda *_: 0)
        self._shell = type("Shell", (Worksheet,), no_cells)
        self._book, self._places, self._footer = book, places, footer
        self._styles: dict[str, int] = {}

    def sheet(self, sheet: Sheet) -> list[Band]:
        """Lay out one sheet: its bands from top to bottom, its colour, its widths, and how it goes to paper."""
        shell = self._book.add_worksheet(sheet.name, self._shell)
        bands: list[Band] = []
        row = 0
        for block in sheet.blocks:
            bands += self._block(shell, block, row, is_first=block is sheet.blocks[0])
            row = bands[-1].first + max(bands[-1].rows, 1)  # a blank row between two blocks
        last = row - 2, max(one.place for band in bands for one in band.columns)
        placed = [pair for block in sheet.blocks for pair in block.placed()]
        wide: dict[int, float] = {}
        for place in {place for place, _ in placed}:
            here = [column for at, column in placed if at == place and column.span == 1]
            wide[place] = max((one.width for one in here), default=0) or max((one.wide() for one in here), default=11)
        for place, column in placed:  # the last of several that become one has what the others lack
            lacking = column.width - sum(wide[place + at] for at in range(column.span))
            wide[place + column.span - 1] += max(0, lacking)
        for place, width in wide.items():
            shell.set_column(place, place, width)
        paper = [place for place, column in placed if sheet.printed and column.header == sheet.printed]
        shell._check_dimensions(0, 0)
        shell._check_dimensions(*last)
        if sheet.is_hidden:
            shell.hide()
        else:  # LibreOffice prints what has an area to print
            shell.print_area(0, 0, last[0], *(paper or last[1:]))
        shell.set_tab_color(sheet.colour)
        shell.hide_gridlines(2)
        shell.set_landscape()
        shell.set_paper(9)
        shell.fit_to_pages(1, int(sheet.is_one_page))
        shell.set_margins(0.4, 0.4, 0.5, 0.6)
        shell.set_footer(f"&L&8 {self._footer}&R&8&A · page &P of &N")
        return bands

    def _block(self, shell: Any, block: Block, row: int, is_first: bool) -> Iterator[Band]:
        """The lines, the header, the rows and the sums of a block below `row`."""

        def cells(place: int, texts: Any, look: str, words: Mapping[str, str] = {}, is_drawn: bool = True) -> Cells:
            single = {word: self._style(f"{look} bold on{colour}") for word, colour in words.items()}
            return Cells(place, texts, self._style(look), single, is_drawn)

        for row, (text, look) in enumerate(block.lines, start=row + 1):  # noqa: B020
            yield Band(row, 1, [cells(0, [text], look)], [LINE_HEIGHTS.get(look.split()[0], 0)])
            if look == BACK:
                shell.write_url(row - 1, 0, f"internal:'{next(iter(self._places))}'!A1")
        placed, rows, is_long = block.placed(), len(block), len(block) > WRAPPED_UP_TO
        if block.has_header:
            row += 1
            upright = [6.2 * len(one.header) + 12 for _, one in placed if one.kind == "upright"]
            head = [cells(place, [one.header], one.head()) for place, one in placed]
            yield Band(row, 1, head, [max([*upright, 30.0 if block.table else 0.0])])
            if block.table and is_first:
                shell.freeze_panes(row, 1)
                shell.repeat_rows(row - 1)
        if block.columns:
            self._furnish(shell, block, row)
            plain = ("wrapped",) * is_long
            columns = [
                cells(place, one.cells, one.look(plain=plain), one.looks, not is_long or one.kind == "input")
                for place, one in placed
            ]
            yield Band(row + 1, rows, columns, () if is_long else block.heights())
            row += max(rows, 1)
        for number, values in enumerate(block.total, start=1):
            frame = "sum" if number == len(block.total) else "cell"
            sums = [
                cells(place, [value], one.look(frame, ("wrapped", "input")))
                for (place, one), value in zip(placed, values, strict=True)
            ]
            yield Band(row + number, 1, sums)

    def _furnish(self, shell: Any, block: Block, row: int) -> None:
        """What belongs to the rows of a block and is no cell: table, drop-downs, links, bars, cells that are one."""
        last, links = row + max(len(block), 1) - 1, 0
        if block.table:
            columns = [{"header": column.header} for column in block.columns]
            shell.add_table(row - 1, 0, row, len(columns) - 1, {"name": block.table, "columns": columns, "style": None})
            # of a whole table XlsxWriter would remember each cell
            whole = f"A{row}:{column_letters(len(columns) - 1)}{last + 1}"
            shell.tables[-1].update(range=whole, a_range=whole, autofilter=whole)
        for place, column in block.placed():
            if column.choices:
                shell.data_validation(row, place, last, place, {"validate": "list", "source": list(column.choices)})
            for at, colour in enumerate(column.bars, start=row):
                shell.conditional_format(at, place, at, place, BAR | {"bar_color": colour})
            for at, target in enumerate(column.links, start=row):
                if target is not None and links < LINKS_OF_A_SHEET:
                    shell.write_url(at, place, f"internal:{self._places[target[0]](target[1])}")
                    links += 1
            for at in range(row - block.has_header, last + 1) if column.span > 1 else ():
                shell.merge_range(at, place, at, place + column.span - 1, "")

    def _style(self, words: str) -> int:
        """The number of a format, by the words that say how a cell looks."""
        if words not in self._styles:
            traits = dict(TRAITS["text"])
            for word in words.split():
                if word.startswith("on#"):  # light enough to stand behind text
                    parts = (int(word[at : at + 2], 16) for at in (3, 5, 7))
                    traits["bg_color"] = "#" + "".join(f"{round(255 - 0.22 * (255 - part)):02X}" for part in parts)
                else:
                    traits |= {"font_color": word} if word.startswith("#") else TRAITS[word]
            self._styles[words] = self._book.add_format(traits)._get_xf_index()
        return self._styles[words]


# --- cells as XML ---


def _rows_xml(band: Band) -> Iterator[Any]:
    """The `<row>` elements of a band, some thousand at a time."""
    columns = [(one, _cells_xml(one)) for one in band.columns]
    for start in range(0, band.rows, CHUNK):
        span = slice(start, min(start + CHUNK, band.rows))
        numbers = pa.array(np.arange(band.first + start, band.first + span.stop)).cast(TEXT)
        heights = [f'" ht="{one:g}" customHeight="1">' if one else '">' for one in band.heights[span]]
        xml = ['<row r="', numbers, pa.array(heights, TEXT) if heights else '">']
        for one, ends_of in columns:
            ends = ends_of(span).fill_null(f'" s="{one.style}"/>') if one.is_drawn else ends_of(span)
            xml.append(beside(f'<c r="{column_letters(one.place)}', numbers, ends).fill_null(""))
        yield signs_of(beside(*xml, "</row>"))


def _cells_xml(column: Cells) -> Callable[[slice], Any]:
    """For any span of rows all of each cell after its reference, null for a blank one."""
    told = coded(column.cells)
    if not isinstance(told, Coded):
        return lambda span: _ends(told[span], column)
    ends, codes = _ends(told.values, column), pa.array(told.codes, mask=told.codes < 0)
    return lambda span: ends.take(codes[span])


def _ends(values: Any, column: Cells) -> Any:
    """All of the cell of each value after its reference, null for a blank one; of many texts as Arrow has them."""
    if (
        isinstance(values, np.ndarray)
        and values.dtype.kind in "if"
        and np.isfinite(values).all()
        and not (values % 1).any()
    ):
        return beside(f'" s="{column.style}"><v>', pa.array(values.astype(np.int64)).cast(TEXT), "</v></c>")
    if len(values) <= FEW or column.words or not isinstance(values, pa.Array):
        told = values.to_pylist() if isinstance(values, pa.Array) else values
        return pa.array([_end(_plain(value), column) for value in told], TEXT)
    values = values.cast(TEXT)
    ends = beside(f'" s="{column.style}"{INLINE}', _shown(values), INLINE_END)
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, TEXT), ends)


def _end(value: Any, column: Cells) -> str | None:
    if isinstance(value, str):
        style = column.words.get(safe_text(value), column.style)
        return f'" s="{style}"{INLINE}{_shown_oddly(value)}{INLINE_END}' if value else None
    return None if value is None else f'" s="{column.style}"><v>{value:.15g}</v></c>'


def _plain(value: Any) -> Any:
    """A value as a text or a number; None for a blank."""
    if value is None or isinstance(value, str) or value != value:
        return value if isinstance(value, str) else None
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (dt.date, np.datetime64)):
        day = np.datetime64(value).astype("datetime64[D]")
        number = int((day - EPOCH).astype(int))
        return number if number >= LEAP else str(day)
    return "Unlimited" if np.isinf(value) else value


def _shown(texts: Any) -> Any:
    """Texts as they stand in cells; only those with an odd sign are looked at one by one."""
    is_odd = pc.or_(pc.match_substring_regex(texts, ODD), pc.greater(pc.utf8_length(texts), CELL_LENGTH // 2))
    odd = [_shown_oddly(text) for text in texts.filter(is_odd).to_pylist()]
    written = bytes(signs_of(texts))
    for sign, entity in ENTITIES.items():
        texts = pc.replace_substring(texts, sign, entity) if sign.encode() in written else texts
    return pc.replace_with_mask(texts, is_odd, pa.array(odd, TEXT)) if odd else texts


def _shown_oddly(text: str) -> str:
    return ESCAPED_BY_EXCEL.sub("_x005F_", escape(safe_text(text), quote=False)).replace("\r", "_x000D_")
