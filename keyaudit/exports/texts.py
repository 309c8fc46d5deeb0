"""The bytes of a text file → one grid: its encoding, its delimiter, its quotation marks. (HAZARDS D)"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.columns import fold_header
from keyaudit.errors import UnreadableFile
from keyaudit.exports.grid import MAX_CELLS, Grid, coded, is_utf8, sliced
from keyaudit.masking import shape
from keyaudit.words import toml

BOM = b"\xef\xbb\xbf"
MARKS = ((BOM, "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
DELIMITERS = (",", ";", "\t", "|")
FREE_LINES, LINE = 1_048_576, 9  # the rows of a worksheet; a key of eight characters takes a line of nine
FREE_AREA, MAX_SPARSE = 5_000_000, 20  # blank cells that wide rows may bring to the others, more with every byte
BLOCK = 1 << 20  # bytes that are split at once: they fit the processor's cache
SAMPLE = 60  # lines by which a delimiter is judged
LINE_END = re.compile(rb"\r\n|\n|\r")
MARKED_LINE = re.compile(rb"(?:^|(?<=[\r\n]))(?:\xef\xbb\xbf)+")
DAMAGED = "its quotation marks are damaged"
AGAIN = "Export it again."
_IS_UTF8 = (
    'is UTF-8, and case.toml says encoding = "{}". Take that entry out, or name there the files of which it is true.'
)
csv.field_size_limit(1 << 30)  # a long cell is a cell; what it may hold is decided later


def decoded(content: bytes, label: str, encoding: str | None) -> bytes:
    """The text of a file as UTF-8: by its byte order mark, as declared, or as UTF-8; never by guess.

    Raises UnreadableFile naming the line that is not in that encoding, masked.
    """
    marked = next((name for mark, name in MARKS if content.startswith(mark)), None)
    if b"\x00" in content[:4096] and not marked and encoding is None:
        told = "is UTF-16 without its mark, or binary data" if content[1:2] == b"\x00" else "holds binary data"
        raise UnreadableFile(label, f"{told}: it is no table of text. Export it again as CSV or .xlsx.")
    try:
        name = codecs.lookup(marked or encoding or "utf-8").name
        text = content if name == "utf-8" else content.decode(name).encode()
        if name == "utf-8" and not is_utf8(content):
            content.decode()  # raises what is wrong, and where
    except UnicodeDecodeError as problem:
        if encoding and not marked and is_utf8(content):
            raise UnreadableFile(label, _IS_UTF8.format(encoding)) from None
        line = len(LINE_END.findall(content[: problem.start])) + 1
        shown = shape(LINE_END.split(content)[line - 1].decode("cp1252", "replace")) if not marked else "…"
        raise UnreadableFile(
            label,
            f"line {line} is not {marked or encoding or 'UTF-8'} ({shown}). If it was saved by Excel as plain CSV, say so "
            f'in case.toml (two lines):\n[files.{toml(label)}]\nencoding = "cp1252"\nBetter: export it again as UTF-8 or .xlsx.',
        ) from None
    except (LookupError, ValueError):
        what = f'"{encoding}" is no encoding of text. Use "cp1252" or "utf-8" in case.toml.'
        raise UnreadableFile(label, what) from None
    if encoding and not marked and text != content and b"\x00" not in content and is_utf8(content):
        raise UnreadableFile(label, _IS_UTF8.format(encoding))
    if b"\x00" in text:
        raise UnreadableFile(label, "holds binary data: it is not a table. Export it again as CSV or .xlsx.")
    return text


def text_grid(content: bytes, label: str, known: set[str], encoding: str | None = None) -> Grid:
    """The rows of a text file, split by what its first line declares or what explains its header best.

    Raises UnreadableFile if it is not encoded as it should be, or if a quotation mark is not closed.
    """
    content = decoded(content, label, encoding)
    if BOM[:1] in content and BOM in content:  # at the beginning, and where one file was put below another
        content = MARKED_LINE.sub(b"", content)
    if not re.fullmatch(rb"[^\r\n\x1a]+(?:\r\n|\n|\r)?", content[-3:]):
        content = content.rstrip(b"\x1a").rstrip(b"\r\n")
    number = max(map(content.count, (b"\r", b"\n")))
    if number > max(FREE_LINES, len(content) // LINE):
        raise UnreadableFile(label, f"holds {number:,} lines, more than its size allows: no export has. {AGAIN}")
    ends = [end.end() for end in itertools.islice(LINE_END.finditer(content), SAMPLE)]
    sample = (content[: ends[-1]] if len(ends) == SAMPLE else content).decode()
    declared = re.match(r'"?sep=([^"\'\w])"?[ \t]*(?=[\r\n]|$)', sample, re.I)
    fits = {sign: _fit(sample, sign, known) for sign in ((declared[1],) if declared else DELIMITERS)}
    delimiter = max(fits, key=lambda sign: fits[sign])
    width = min(fits[delimiter][1], MAX_CELLS)
    if number * width > FREE_AREA + MAX_SPARSE * len(content):
        raise UnreadableFile(label, f"has rows of {width:,} cells, and {number:,} lines that are nearly blank. {AGAIN}")
    if declared:  # the line stays a blank row, so that row numbers agree
        content = content[len(declared[0].encode()) :]
    if not delimiter.isascii():
        content, delimiter = content.replace(delimiter.encode(), b"\x1f"), "\x1f"
    lines = [line for line in re.split(r"[\r\n]+", sample) if line.strip()]
    if b'"' not in content and all(re.fullmatch(r" *'.*' *", line) for line in lines):
        content = _requoted(content, delimiter)
    try:
        return _Split(content, delimiter, label).grid(width)
    except (pa.ArrowInvalid, csv.Error):
        raise UnreadableFile(label, f"cannot be split into rows. {AGAIN}") from None


def _fit(sample: str, delimiter: str, known: set[str]) -> tuple[int, int]:
    """How well a delimiter explains the first lines: known headers in one row, then width."""
    rows = list(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))
    widths = sorted(len(row) for row in rows if row)
    narrow = (row for row in rows if len(row) <= MAX_CELLS)
    headers = max((sum(fold_header(cell) in known for cell in row) for row in narrow), default=0)
    return headers, widths[len(widths) // 2] if widths else 0


def _requoted(content: bytes, delimiter: str) -> bytes:
    """Cells in single quotation marks, in double ones: an apostrophe ends a cell only before a delimiter."""
    border = re.escape(delimiter.encode())
    inner = rb"[^']*(?:'(?! *(?:%b|[\r\n]|$))[^']*)*" % border
    cell = re.compile(rb"(^|%b) *'(%b)' *(?=%b|[\r\n]|$)" % (border, inner, border))
    after = b" \r\n" + delimiter.encode()  # where a last cell may be blank
    return b"".join(
        cell.sub(rb'\1"\2"', line) if line.lstrip(b" ")[:1] == b"'" == line.rstrip(after)[-1:] else line
        for line in content.splitlines(keepends=True)
    )


class _Split:
    """A text on its way to columns.

    Arrow splits the lines that are a row by themselves, with their quotation marks in order and as many cells as most.
    The others are `odd` rows, split one by one, or `damaged` ones.
    """

    def __init__(self, content: bytes, delimiter: str, label: str) -> None:
        self.content, self.delimiter, self.label = content, delimiter, label
        self.odd: dict[int, list[str]] = {}
        self.damaged: dict[int, str] = {}
        self.long: dict[int, tuple[int, int]] = {}  # odd rows of several lines → the first and the last
        self.rows: Array | None = None  # of the lines that Arrow splits; None: all lines are

    def grid(self, width: int) -> Grid:
        """Split it; `width` is how many cells most rows seem to have."""
        is_quoted = b'"' in self.content
        if is_quoted:
            self._set_apart()
        table, lines = self._table(width, is_quoted)
        places = np.arange(table.num_rows + len(lines)) if self.rows is None else self.rows
        if len(places) != table.num_rows + len(lines):
            raise UnreadableFile(self.label, f"cannot be split into rows. {AGAIN}")
        is_odd = np.zeros(len(places), bool)
        for number, text in lines:
            is_odd[number - 1] = True
            self.odd[int(places[number - 1])] = next(csv.reader([text], delimiter=self.delimiter))
        height = len(places) + len(self.long) + len(self.damaged)
        self._refuse_wide(height, table.num_columns)
        columns = self._columns(table, places[~is_odd], height)
        for place, told in self._swallowing(columns, table.num_columns):
            self.damaged[place] = told
            for column in columns:
                column.codes[place] = -1
        widths = np.full(height, table.num_columns)
        for place, row in self.odd.items():
            widths[place] = len(row)
        widths[list(self.damaged)] = 0
        return Grid("", columns, height, widths, self.damaged)

    def _set_apart(self) -> None:
        """Leave Arrow the lines whose quotation marks are in order; read the others, and rows of several lines, one by one."""
        border = re.escape(self.delimiter)
        plain, quoted = rf'[^"{border}\r\n]*', r'"(?:[^"]|"")*"'
        lines = _lines(self.content)
        is_sound = _are_rows(lines, rf'(?:{plain}|"[^"]*")', border)  # nearly all lines, and quick
        others = np.flatnonzero(~is_sound)
        is_sound[others] = _are_rows(lines.take(pa.array(others)), rf'(?:{plain}|{quoted}|="{plain}")', border)
        others = np.flatnonzero(~is_sound)
        # a blank between a delimiter and a quotation mark is the file's, not the cell's
        spaced = others[_are_rows(lines.take(pa.array(others)), rf'(?:{plain}| *{quoted} *| *="{plain}" *)', border)]
        is_sound[spaced] = True
        is_row = np.ones(len(lines), bool)  # does a row begin with the line?
        found: list[tuple[int, int, list[str] | None]] = []
        stop = 0
        for first in np.flatnonzero(~is_sound).tolist():
            if first < stop:
                continue
            following = (lines[place].as_py() for place in range(first, len(lines)))
            is_spaced = re.search(rf'(?:^|{border}) +"', lines[first].as_py()) is not None
            reader = csv.reader(following, delimiter=self.delimiter, strict=True, skipinitialspace=is_spaced)
            row = None
            try:
                row = next(reader)
            except csv.Error as problem:
                if reader.line_num > 1 or "unexpected end" in str(problem):
                    what = f"a quotation mark opened in line {first + 1} is not closed. Export it again, or mend that line."
                    raise UnreadableFile(self.label, what) from None
            stop = first + reader.line_num
            is_row[first + 1 : stop] = is_sound[first:stop] = False
            found.append((first, stop, row))
        rows = np.cumsum(is_row) - 1
        for first, stop, row in found:
            place = int(rows[first])
            if row is None or stop == first + 1:
                self.damaged[place] = DAMAGED
            else:
                self.odd[place], self.long[place] = row, (first + 1, stop)
        if len(spaced):
            parts = rf" *({quoted}) *({border}|[\r\n]|$)|({plain})({border}|[\r\n]|$)"
            mended = pc.replace_substring_regex(lines.take(pa.array(spaced)), parts, r"\1\2\3\4")
            lines = pc.replace_with_mask(lines, np.isin(np.arange(len(lines)), spaced), mended)
        if found or len(spaced):
            self.content = b"".join(lines.filter(pa.array(is_sound)).cast(pa.large_binary()).to_pylist())
        self.rows = rows[is_sound]

    def _table(self, width: int, is_quoted: bool) -> tuple[Any, list[tuple[int, str]]]:
        """The lines of a width as a table of texts, and the others with their numbers, from 1."""
        odd: list[tuple[int, str]] = []
        widths: Counter[int] = Counter()

        def skip(row: Any) -> str:
            odd.append((row.number, row.text))
            widths[row.actual_columns] += 1
            return "skip"

        names = [str(place) for place in range(width)]
        quoting: Any = {"quote_char": '"' if is_quoted else False, "ignore_empty_lines": False}
        if not self.content:
            return pa.table({name: pa.array([], TEXT) for name in names}), []

        def read(size: int) -> Any:
            odd.clear()
            widths.clear()
            return arrow_csv.read_csv(
                pa.py_buffer(self.content),
                arrow_csv.ReadOptions(use_threads=False, block_size=size, column_names=names),
                arrow_csv.ParseOptions(delimiter=self.delimiter, invalid_row_handler=skip, **quoting),
                arrow_csv.ConvertOptions(check_utf8=False, column_types=dict.fromkeys(names, TEXT)),
            )

        try:
            table = read(BLOCK)
        except pa.ArrowInvalid:  # a line is longer than that
            table = read(len(self.content) + 1)
        most, count = widths.most_common(1)[0] if widths else (width, 0)
        return self._table(most, is_quoted) if count > table.num_rows and most <= MAX_CELLS else (table, odd)

    def _refuse_wide(self, height: int, width: int) -> None:
        """No table has rows of so many cells; one row that is far wider than the others is damaged."""
        most = max(2 * width, FREE_AREA // max(height, 1))
        for place, row in sorted(self.odd.items()):
            if len(row) > MAX_CELLS:
                what = f"has {len(row):,} cells in row {place + 1}: it is no table. {AGAIN}"
                raise UnreadableFile(self.label, what)
            if len(row) > most:
                self.damaged[place] = f"it has {len(row):,} cells, most rows have {width:,}"
                del self.odd[place]

    def _columns(self, table: Any, places: Array, height: int) -> list[Coded]:
        """The cells of the table, and of the odd rows in their places."""
        at = np.concatenate([places, np.fromiter(self.odd, np.int64, len(self.odd))])
        width = max([table.num_columns, *map(len, self.odd.values())])
        odd = [row + [""] * (width - len(row)) for row in self.odd.values()]
        columns = []
        for number in range(width):
            told = coded(table.column(number)) if number < table.num_columns else Coded.nothing(table.num_rows)
            if odd:
                own = Coded.of(row[number] or None for row in odd)
                told = Coded.stacked([told, Coded(own.codes, pa.array(own.values, TEXT))])
            codes = told.codes
            if len(places) < height:
                codes = np.full(height, -1, np.int32)
                codes[at] = told.codes
            columns.append(Coded(codes, told.values))
        return columns

    def _swallowing(self, columns: list[Coded], width: int) -> Iterator[tuple[int, str]]:
        """The rows in which a quoted cell holds whole rows: as many delimiters a line as the table has, and first cells like its own."""
        if not self.long or width < 2:
            return
        firsts = Counter(_kind(columns[0][place] or "") for place in range(min(len(columns[0]), 10_000)))
        common = {kind for kind, count in firsts.items() if count >= 0.05 * firsts.total()}
        for place, (first, last) in self.long.items():
            for cell in self.odd.get(place, ()):
                later = re.split(r"\r\n|\n|\r", cell)[1:]
                is_table = later and cell.count(self.delimiter) >= len(later) * (width - 1)
                if is_table and all(_kind(line.split(self.delimiter, 1)[0]) in common for line in later):
                    told = f"opened in line {first} closes in line {last}, with what seem rows between"
                    yield place, f"a quotation mark {told}"
                    break


def _lines(content: bytes) -> Any:
    """The lines of a text, with their ends."""
    signs = np.frombuffer(content, np.uint8)
    is_end = signs == ord("\n")
    if b"\r" in content:
        is_end[:-1] |= (signs[:-1] == ord("\r")) & (signs[1:] != ord("\n"))
    is_end[-1] = True
    return sliced(np.append(0, np.flatnonzero(is_end) + 1), content)


def _are_rows(lines: Any, cell: str, border: str) -> Array:
    """Which lines are cells of a form, and nothing else?"""
    found = pc.match_substring_regex(lines, rf"^{cell}(?:{border}{cell})*[\r\n]*$")
    return found.to_numpy(zero_copy_only=False)


def _kind(cell: str) -> tuple[bool, bool, bool]:
    """What tells a code from words: is it filled, has it blanks, has it digits?"""
    return bool(cell), " " in cell.strip(), bool(re.search(r"\d", cell))
