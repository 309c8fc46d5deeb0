"""One file → grids of typed cells. What a file really is, is checked before a library opens it. (HAZARDS A, D)"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keyaudit.columns import fold_header
from keyaudit.errors import UnreadableFile
from keyaudit.exports.package import Package
from keyaudit.masking import shape

SUFFIXES = (".xlsx", ".xlsm", ".csv", ".tsv", ".txt")
DELIMITERS = (",", ";", "\t", "|")
csv.field_size_limit(1 << 30)  # a long cell is a cell; what it may hold is decided later
HEADER_ROWS = 50  # a header merged over several rows is filled downwards this far


@dataclass
class Grid:
    """A sheet (or the only table of a text file): rows of cells, row 1 first."""

    name: str
    rows: list[list[Any]]
    visible: bool = True


@dataclass
class SourceFile:
    """A file as read: its name in messages, its fingerprint, its grids."""

    path: Path
    label: str
    sha256: str
    size: int
    package: Package | None  # None for a text file
    grids: list[Grid]
    damaged: list[tuple[int, str]] = field(default_factory=list)  # row, what is wrong with it
    notes: list[str] = field(default_factory=list)


def open_file(path: Path, label: str, known_headers: set[str], encoding: str | None = None) -> SourceFile:
    """Read one export. Raises UnreadableFile naming the file, what it really is, and what to do."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise UnreadableFile(label, f"cannot be opened ({problem.strerror}). Check the name and the rights.") from None
    kind = _kind(content, label)
    package = Package(content, label) if kind == "xlsx" else None
    source = SourceFile(path, label, hashlib.sha256(content).hexdigest(), len(content), package, [])
    if package is not None:
        if path.suffix.lower() not in (".xlsx", ".xlsm"):
            source.notes.append("is an Excel workbook, whatever its name says")
        source.grids = list(_workbook_grids(content, label))
    else:
        if path.suffix.lower() in (".xlsx", ".xlsm"):
            source.notes.append("is a text file, not an Excel workbook; read as CSV")
        text = _decoded(content, label, encoding)
        source.grids = [Grid("", _text_rows(text, label, known_headers, source.damaged))]
    return source


def _kind(content: bytes, label: str) -> str:
    head = content[:4096].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not content.strip(b"\x00 \r\n\t\xef\xbb\xbf\xff\xfe"):
        raise UnreadableFile(label, "is empty. Export it again, or take it out of the folder.")
    if content.startswith(b"PK\x03\x04"):
        return "xlsx"
    save = "Open it in Excel or LibreOffice and save it as .xlsx."
    for magic, what in (
        (b"%pdf", "a PDF"),
        (b"<!doctype html", "a web page"),
        (b"<html", "a web page"),
        (b"<table", "a web page"),
        (b"\x1f\x8b", "a compressed (gzip) file"),
        (b"<?xml", "an XML file"),
    ):
        if head.startswith(magic):
            raise UnreadableFile(label, f"is {what}, not a table of keys. {save}")
    if content.startswith(b"ID;P") and b"\nC;" in content[:4096]:
        raise UnreadableFile(label, f"is a SYLK file, not a table of keys. {save}")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise UnreadableFile(
                label, "is protected by a password. Save it without one (File, Info, Protect Workbook)."
            )
        raise UnreadableFile(label, f"is a legacy .xls workbook, which loses digits. {save}")
    return "text"


def _workbook_grids(content: bytes, label: str) -> Iterator[Grid]:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        for sheet in book.sheets_metadata:
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet:
                loaded = book.get_sheet_by_name(sheet.name)
                rows = loaded.to_python(skip_empty_area=False)
                _fill_merged(rows, loaded.merged_cell_ranges)
                yield Grid(sheet.name, rows, sheet.visible == python_calamine.SheetVisibleEnum.Visible)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as problem:  # a panic in the Rust reader is no Exception
        raise UnreadableFile(
            label, f"cannot be read as a workbook ({type(problem).__name__}). Open it in Excel and save it again."
        ) from None


def _fill_merged(rows: list[list[Any]], ranges: Any) -> None:
    """A header that spans rows is named in its first; name it in its last too, where the other headers stand."""
    for (top, left), (bottom, _) in ranges or ():
        if top < bottom < min(HEADER_ROWS, len(rows)) and left < len(rows[top]):
            for row in range(top + 1, bottom + 1):
                rows[row][left] = rows[top][left]


def _decoded(content: bytes, label: str, encoding: str | None) -> str:
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    marked = next((name for mark, name in marks if content.startswith(mark)), None)
    try:
        text = content.decode(marked or encoding or "utf-8")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        shown = shape(content.splitlines()[line - 1].decode("cp1252", "replace")) if not marked else "…"
        raise UnreadableFile(
            label,
            f"line {line} is not {marked or encoding or 'UTF-8'} ({shown}). If it was saved by Excel as plain CSV, say so "
            f'in case.toml: [files."{label}"] encoding = "cp1252". Better: export it again as UTF-8 or .xlsx.',
        ) from None
    except (LookupError, ValueError):
        raise UnreadableFile(
            label, f'"{encoding}" is no encoding of text. Use "cp1252" or "utf-8" in case.toml.'
        ) from None
    if "\x00" in text:
        raise UnreadableFile(label, "holds binary data: it is not a table. Export it again as CSV or .xlsx.")
    return text


def _text_rows(text: str, label: str, known: set[str], damaged: list[tuple[int, str]]) -> list[list[Any]]:
    text = text.removeprefix("\ufeff").rstrip("\x1a")
    declared = re.match(r'"?sep=(.)"?[ \t]*(\r\n|\n|\r)', text, re.I)
    if declared:
        rows = _split(text, declared[1], label, damaged)
        return [[""] * len(rows[0]), *rows[1:]]  # the line stays a row, so that row numbers agree with the file
    sample = "".join(io.StringIO(text, newline="").readlines()[:60])
    return _split(text, max(DELIMITERS, key=lambda delimiter: _fit(sample, delimiter, known)), label, damaged)


def _fit(sample: str, delimiter: str, known: set[str]) -> tuple[int, int]:
    """How well a delimiter explains the first lines: known headers in one row, then width."""
    rows = list(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))
    headers = max((sum(fold_header(cell) in known for cell in row) for row in rows), default=0)
    widths = sorted(len(row) for row in rows if row)
    return headers, widths[len(widths) // 2] if widths else 0


def _split(text: str, delimiter: str, label: str, damaged: list[tuple[int, str]]) -> list[list[Any]]:
    if '"' not in text:
        return [line.split(delimiter) for line in re.split(r"\r\n|\n|\r", text.rstrip("\r\n"))]
    rows: list[list[Any]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        first_line = reader.line_num + 1
        try:
            rows.append(next(reader))
        except StopIteration:
            return rows
        except csv.Error as problem:
            if reader.line_num > first_line or "unexpected end" in str(problem):
                raise UnreadableFile(
                    label,
                    f"a quotation mark opened in line {first_line} is not closed. Export it again, or mend that line.",
                ) from None
            rows.append([])
            damaged.append((len(rows), "its quotation marks are damaged"))
