"""One file → grids of typed cells. What a file really is, is checked before a library opens it. (HAZARDS A, D)"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keyaudit.columns import fold_header
from keyaudit.errors import UnreadableFile
from keyaudit.masking import mask_text

SUFFIXES = (".xlsx", ".xlsm", ".csv", ".tsv", ".txt")
DELIMITERS = (",", ";", "\t", "|")
MAX_MEMBERS, MAX_INFLATED, MAX_RATIO = 1_000, 2 << 30, 200


@dataclass(frozen=True)
class Unreadable:
    """A cell that holds no code: an Excel error, or a formula that was stored without its value."""

    what: str


@dataclass(frozen=True)
class Padded:
    """A number cell whose format pads it with zeros: `text` is what a person sees."""

    value: float
    text: str


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
    is_workbook: bool
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
    source = SourceFile(path, label, hashlib.sha256(content).hexdigest(), len(content), kind == "xlsx", [])
    if kind == "xlsx":
        if path.suffix.lower() not in (".xlsx", ".xlsm"):
            source.notes.append("is an Excel workbook, whatever its name says")
        _check_zip(content, label)
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
        (b"id;p", "a SYLK file"),
    ):
        if head.startswith(magic):
            raise UnreadableFile(label, f"is {what}, not a table of keys. {save}")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise UnreadableFile(
                label, "is protected by a password. Save it without one (File, Info, Protect Workbook)."
            )
        raise UnreadableFile(label, f"is a legacy .xls workbook, which loses digits. {save}")
    return "text"


def _check_zip(content: bytes, label: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise UnreadableFile(label, "is damaged or cut short. Export or download it again.") from None
    names = {member.filename.replace("\\", "/").lower() for member in members}
    if not any(name.endswith("xl/workbook.xml") for name in names):
        kind = "an .xlsb or .ods workbook" if names & {"xl/workbook.bin", "content.xml"} else "a zip file"
        raise UnreadableFile(label, f"is {kind}. Open it in Excel or LibreOffice and save it as .xlsx.")
    inflated = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or inflated > max(10 << 20, min(MAX_INFLATED, MAX_RATIO * len(content))):
        raise UnreadableFile(
            label, f"would unpack to {inflated >> 20:,} MiB, which no export does. Export it again; do not open it."
        )


def _workbook_grids(content: bytes, label: str) -> Iterator[Grid]:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        for sheet in book.sheets_metadata:
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet:
                rows = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
                yield Grid(sheet.name, rows, sheet.visible == python_calamine.SheetVisibleEnum.Visible)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as problem:  # a panic in the Rust reader is no Exception
        raise UnreadableFile(
            label, f"cannot be read as a workbook ({type(problem).__name__}). Open it in Excel and save it again."
        ) from None


def needs_second_look(path: Path) -> bool:
    """Does any sheet hold errors, formulas, or number formats that pad with zeros? (The fast reader does not see them.)"""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if re.search(r"xl[\\/]worksheets[\\/][^\\/]+\.xml$", name, re.I):
                with archive.open(name) as part:
                    before = b""
                    while block := part.read(1 << 20):
                        window = before + block
                        if b't="e"' in window or b"<f>" in window or b"<f " in window or b"<f/>" in window:
                            return True
                        before = block[-8:]
    return False


def second_look(path: Path, sheet: str, column: int) -> dict[int, Any]:
    """The cells of one column that are not plain text, with what the fast reader cannot see.

    Returns {row: value}; value is a number, bool, date, `Unreadable` or `Padded`. Column counts from 0, rows from 1.
    """
    import openpyxl

    found: dict[int, Any] = {}
    for formulas in (False, True):
        book = openpyxl.load_workbook(path, read_only=True, data_only=not formulas)
        try:
            sheets = book[sheet].iter_rows(min_col=column + 1, max_col=column + 1)
            for cell in (row[0] for row in sheets if row):
                if cell.value is None:
                    continue
                if formulas:
                    if cell.data_type == "f" and cell.row not in found:
                        found[cell.row] = Unreadable("a formula without a stored value")
                elif cell.data_type == "e":
                    found[cell.row] = Unreadable(f"the error {cell.value}")
                elif isinstance(cell.value, str):
                    found[cell.row] = cell.value
                else:
                    found[cell.row] = _as_shown(cell.value, cell.number_format)
        finally:
            book.close()
    return {row: value for row, value in found.items() if not isinstance(value, str)}


def _as_shown(value: Any, number_format: str) -> Any:
    zeros = re.fullmatch(r"0{2,}", str(number_format).split(";")[0].strip('"'))
    if zeros and isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value) and value >= 0:
        return Padded(float(value), str(int(value)).zfill(len(zeros[0])))
    return value


def _decoded(content: bytes, label: str, encoding: str | None) -> str:
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    marked = next((name for mark, name in marks if content.startswith(mark)), None)
    try:
        text = content.decode(marked or encoding or "utf-8")
    except LookupError:
        raise UnreadableFile(
            label, f'no encoding is called "{encoding}". Use "cp1252" or "utf-8" in case.toml.'
        ) from None
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        shown = mask_text(content.splitlines()[line - 1][:200].decode("ascii", "replace")) if not marked else ""
        raise UnreadableFile(
            label,
            f"line {line} is not {marked or encoding or 'UTF-8'} ({shown}). If it was saved by Excel as plain CSV, say so "
            f'in case.toml: [files."{label}"] encoding = "cp1252". Better: export it again as UTF-8 or .xlsx.',
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
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    rows = list(reader)
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
