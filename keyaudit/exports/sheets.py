"""One file → grids of typed cells. What a file really is, is checked before a library opens it. (HAZARDS A, D)"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keyaudit.errors import UnreadableFile
from keyaudit.exports.package import Package
from keyaudit.exports.rows import ColumnRows
from keyaudit.exports.texts import decoded, text_rows

SUFFIXES = (".xlsx", ".xlsm", ".csv", ".tsv", ".txt")
KINDS = (  # how a file begins (small letters) → what it is
    (rb"%pdf", "a PDF"),
    (rb"\{\\rtf", "a Rich Text document"),
    (rb"<\?xml|<\?mso", "an XML file"),
    (rb"<[!a-z/]", "a web page"),
    (rb"mime-version:", "a web archive"),
    (rb"(?:\{|\[[\s\[]*\{)\s*[\"}]|\[\s*(?:[\"\[]|\])", "a JSON file"),
    (rb"\x1f\x8b", "a compressed (gzip) file"),
    (rb"id;p[^\n]*\n(?:[^\n]*\n)*?c;", "a SYLK file"),
)


@dataclass
class Grid:
    """A sheet (or the only table of a text file): rows of cells, row 1 first."""

    name: str
    rows: list[list[Any]] | ColumnRows
    visible: bool = True
    merged: list[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=list)  # first and last cell, from 0


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
        text = decoded(content, label, encoding)
        source.grids = [Grid("", text_rows(text, label, known_headers, source.damaged))]
    return source


def _kind(content: bytes, label: str) -> str:
    head = content[:4096].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not content.strip(b"\x00 \r\n\t\xef\xbb\xbf\xff\xfe"):
        raise UnreadableFile(label, "is empty. Export it again, or take it out of the folder.")
    if content.startswith(b"PK\x03\x04"):
        return "xlsx"
    save = "Open it in Excel or LibreOffice and save it as .xlsx."
    found = next((what for pattern, what in KINDS if re.match(pattern, head)), None)
    if found:
        raise UnreadableFile(label, f"is {found}, not a table of keys. {save}")
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
                is_visible = sheet.visible == python_calamine.SheetVisibleEnum.Visible
                rows = ColumnRows.of(_from_the_left(loaded)) if loaded.start else list[list[Any]]()
                yield Grid(sheet.name, rows, is_visible, loaded.merged_cell_ranges or [])
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as problem:  # a panic in the Rust reader is no Exception
        raise UnreadableFile(
            label, f"cannot be read as a workbook ({type(problem).__name__}). Open it in Excel and save it again."
        ) from None


def _from_the_left(sheet: Any) -> Iterator[list[Any]]:
    """The rows of a sheet from its first cell on; the reader begins with the first column that is filled."""
    margin = [""] * sheet.start[1]
    return (margin + row for row in sheet.iter_rows()) if margin else sheet.iter_rows()
