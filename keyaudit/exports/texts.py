"""Bytes of a text file → rows of cells: its encoding, its delimiter, its quotation marks. (HAZARDS D)"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from typing import Any

from keyaudit.columns import fold_header
from keyaudit.errors import UnreadableFile, toml
from keyaudit.exports.plain import plain_rows
from keyaudit.exports.rows import ColumnRows
from keyaudit.masking import shape

FREE_LINES, LINE = 1_048_576, 9  # the rows of a worksheet; a key of eight characters takes a line of nine
SAMPLE = 60  # lines by which a delimiter is judged
MAX_CELLS = 16_384  # in one row, as in a worksheet
DELIMITERS = (",", ";", "\t", "|")
_LINE_END = re.compile(r"\r\n|\n|\r")
csv.field_size_limit(1 << 30)  # a long cell is a cell; what it may hold is decided later


def decoded(content: bytes, label: str, encoding: str | None) -> str:
    """The text of a file: by its byte order mark, as declared, or as UTF-8; never by guess.

    Raises UnreadableFile naming the line that is not in that encoding, masked.
    """
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    marked = next((name for mark, name in marks if content.startswith(mark)), None)
    if b"\x00" in content[:4096] and not marked and encoding is None:
        told = "is UTF-16 without its mark, or binary data" if content[1:2] == b"\x00" else "holds binary data"
        raise UnreadableFile(label, f"{told}: it is no table of text. Export it again as CSV or .xlsx.")
    try:
        text = content.decode(marked or encoding or "utf-8")
    except UnicodeDecodeError as problem:
        line = len(_LINE_END.findall(content[: problem.start].decode("latin-1"))) + 1
        shown = shape(content.splitlines()[line - 1].decode("cp1252", "replace")) if not marked else "…"
        raise UnreadableFile(
            label,
            f"line {line} is not {marked or encoding or 'UTF-8'} ({shown}). If it was saved by Excel as plain CSV, say so "
            f'in case.toml (two lines):\n[files.{toml(label)}]\nencoding = "cp1252"\nBetter: export it again as UTF-8 or .xlsx.',
        ) from None
    except (LookupError, ValueError):
        raise UnreadableFile(
            label, f'"{encoding}" is no encoding of text. Use "cp1252" or "utf-8" in case.toml.'
        ) from None
    if (
        encoding
        and not marked
        and _is_utf8(content)
        and text != content.decode("utf-8")
        and "\x00" not in content.decode()
    ):
        raise UnreadableFile(label, f'is UTF-8, and case.toml says encoding = "{encoding}". Take that entry out.')
    if "\x00" in text:
        raise UnreadableFile(label, "holds binary data: it is not a table. Export it again as CSV or .xlsx.")
    return text


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def text_rows(text: str, label: str, known: set[str], damaged: list[tuple[int, str]]) -> list[list[Any]] | ColumnRows:
    """The rows of a text file, split by what its first line declares or what explains its header best.

    A row whose quotation marks are damaged is left blank and told in `damaged`. Raises UnreadableFile if one is not closed.
    """
    text = text.removeprefix("\ufeff").rstrip("\x1a")
    lines = max(text.count("\n"), text.count("\r"))
    if lines > max(FREE_LINES, len(text) // LINE):
        raise UnreadableFile(
            label, f"holds {lines:,} lines, more than its size allows: no export has. Export it again."
        )
    declared = re.match(r'"?sep=(.)"?[ \t]*(\r\n|\n|\r)', text, re.I)
    ends = [end.end() for end in itertools.islice(_LINE_END.finditer(text), SAMPLE)]
    sample = text[: ends[-1]] if len(ends) == SAMPLE else text
    delimiter = declared[1] if declared else max(DELIMITERS, key=lambda delimiter: _fit(sample, delimiter, known))
    rows = plain_rows(text, delimiter, MAX_CELLS) or _checked(_split(text, delimiter, label, damaged), label)
    if declared:
        rows[0] = [""] * len(rows[0])  # the line stays a row, so that row numbers agree with the file
    return rows


def _checked(rows: list[list[Any]], label: str) -> list[list[Any]]:
    wide = next((place for place, row in enumerate(rows) if len(row) > MAX_CELLS), None)
    if wide is not None:
        raise UnreadableFile(
            label, f"has {len(rows[wide]):,} cells in row {wide + 1}: it is no table. Export it again."
        )
    return rows


def _fit(sample: str, delimiter: str, known: set[str]) -> tuple[int, int]:
    """How well a delimiter explains the first lines: known headers in one row, then width."""
    rows = list(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))
    widths = sorted(len(row) for row in rows if row)
    narrow = (row for row in rows if len(row) <= MAX_CELLS)
    headers = max((sum(fold_header(cell) in known for cell in row) for row in narrow), default=0)
    return headers, widths[len(widths) // 2] if widths else 0


def _split(text: str, delimiter: str, label: str, damaged: list[tuple[int, str]]) -> list[list[Any]]:
    if '"' not in text:
        blank = [""]
        return [line.split(delimiter) if line else blank for line in _LINE_END.split(text.rstrip("\r\n"))]
    rows: list[list[Any]] = []
    long: dict[int, tuple[int, int]] = {}  # row → its first and last line, where it has several
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        first_line = reader.line_num + 1
        try:
            rows.append(next(reader))
        except StopIteration:
            break
        except csv.Error as problem:
            if reader.line_num > first_line or "unexpected end" in str(problem):
                raise UnreadableFile(
                    label,
                    f"a quotation mark opened in line {first_line} is not closed. Export it again, or mend that line.",
                ) from None
            rows.append([])
            damaged.append((len(rows), "its quotation marks are damaged"))
        if reader.line_num > first_line:
            long[len(rows) - 1] = (first_line, reader.line_num)
    for place in _swallowing(rows, set(long), delimiter):
        first, last = long[place]
        rows[place] = []
        damaged.append(
            (place + 1, f"a quotation mark opened in line {first} closes in line {last}, with what seem rows between")
        )
    return rows


def _swallowing(rows: list[list[str]], long: set[int], delimiter: str) -> list[int]:
    """The rows in which a quoted cell holds whole rows: as many delimiters a line as the table has, and first cells like its own."""
    if not long:
        return []
    (width, _), *_ = Counter(len(row) for row in rows if len(row) > 1).most_common(1) or [(1, 0)]
    firsts = Counter(_kind(row[0]) for row in rows if len(row) == width)
    common = {kind for kind, count in firsts.items() if count >= 0.05 * firsts.total()}
    found = []
    for place in sorted(long):
        for cell in rows[place]:
            later = _LINE_END.split(cell)[1:]
            is_table = width > 1 and later and cell.count(delimiter) >= len(later) * (width - 1)
            if is_table and all(_kind(line.split(delimiter, 1)[0]) in common for line in later):
                found.append(place)
                break
    return found


def _kind(cell: str) -> tuple[bool, bool, bool]:
    """What tells a code from words: is it filled, has it blanks, has it digits?"""
    return bool(cell), " " in cell.strip(), bool(re.search(r"\d", cell))
