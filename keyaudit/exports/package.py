"""An xlsx file before a library opens it: is it safe, is it unambiguous, and what will the fast reader not see?

The fast reader gives blanks for error cells and for formulas without a stored value, and does not see number formats,
hidden rows or hidden columns. Here they are found in the file's own XML. (HAZARDS A)
"""

from __future__ import annotations

import io
import itertools
import posixpath
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.errors import UnreadableFile

MAX_MEMBERS = 1_000
FREE_INFLATED, MAX_RATIO = 64 << 20, 40  # a small file may reach 70; beyond 64 MiB a ratio over 40 is no export
FREE_CELLS, CELLS_PER_BYTE = 1_000_000, 0.6  # a cell takes two bytes at least, even compressed
FREE_AREA, MAX_SPARSE = 5_000_000, 20  # a few cells far apart make a reader fill the sheet between them
FREE_SHOWN, SHOWN_PER_BYTE = 64 << 20, 16  # bytes of text in cells
SHARED = rb't="s"[^<>]*>\s*<(?:\w+:)?v>(\d{1,9})<'
MAX_TREE = 16 << 20  # a list of sheets or styles, which is held in memory
SMALL = 1 << 20  # below this every cell's place is checked, above it every row's
PIECE = 4 << 20  # bytes of a sheet that are looked through at once
SUSPECT = (  # what no plain sheet holds: without any of it, a piece need not be looked at more closely
    r"""<[!?]|<\w+:| =|= |='|t="e"|<f[ >/]|hidden="[1t]|<row[^ ]|<row [^r]|<row r[^=]|r="[A-Z]{2}|r="[A-Z]+\d{%d}"""
)
AGAIN = "Open it in Excel or LibreOffice and save it again as .xlsx."


@dataclass(frozen=True)
class Unreadable:
    """A cell that holds no code: an Excel error, or a formula that was stored without its value."""

    what: str


@dataclass(frozen=True)
class Padded:
    """A number cell whose format pads it with zeros: `text` is what a person sees."""

    value: float
    text: str


@dataclass(frozen=True)
class Hints:
    """What a sheet's XML says that the fast reader does not."""

    hides_cells: bool  # errors, or formulas: the fast reader may show a filled cell as blank
    hidden_rows: int
    hidden_columns: int


class Package:
    """The members of an xlsx file, checked. Raises UnreadableFile for what no export holds."""

    def __init__(self, content: bytes, label: str) -> None:
        """Check the archive, then every XML part in it."""
        self.label = label
        self._size = len(content)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            self._check_members()
            self.hints: dict[str, Hints] = {}
            self._texts = 0  # cells that show a shared string
            lengths: list[int] = []
            for name in self._parts():
                pieces = self._pieces(name)
                content = next(pieces, b"")
                if b"sheetData" not in content:
                    content += b"".join(pieces)
                if b"sheetData" in content:
                    self.hints[name] = self._scan(name, _apart(itertools.chain([content], pieces)))
                elif b"<sst" in content or b":sst" in content:
                    self._refuse_declarations(name, content[: 1 << 20])
                    lengths = [len(text) for text in re.split(rb"</(?:\w+:)?si>|<(?:\w+:)?si/>", content)]
                elif name.lower().endswith((".xml", ".rels")):
                    self._refuse_declarations(name, content[: 1 << 20])
            self._refuse_repetition(lengths)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, OSError, OverflowError):
            raise UnreadableFile(label, f"is damaged or cut short. Export or download it again. {AGAIN}") from None
        except zipfile.zlib.error:  # type: ignore[attr-defined]
            raise UnreadableFile(label, f"is damaged or cut short. Export or download it again. {AGAIN}") from None

    def _check_members(self) -> None:
        members = self._zip.infolist()
        names = [member.filename.replace("\\", "/").lower() for member in members]
        if not any(name.endswith("xl/workbook.xml") for name in names):
            kind = "an .xlsb or .ods workbook" if {"xl/workbook.bin", "content.xml"} & set(names) else "a zip file"
            raise UnreadableFile(self.label, f"is {kind}, not an .xlsx workbook. {AGAIN}")
        if len(set(names)) < len(names) or any(".." in name.split("/") or name.startswith("/") for name in names):
            raise UnreadableFile(self.label, f"holds two parts of one name: what it says is ambiguous. {AGAIN}")
        inflated = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or inflated > max(FREE_INFLATED, MAX_RATIO * self._size):
            raise UnreadableFile(
                self.label,
                f"would unpack to {inflated >> 20:,} MiB, which no export does. Do not open it; export again.",
            )

    def _pieces(self, name: str) -> Iterator[bytes]:
        """A part, some rows at a time: a sheet may have 700 MB."""
        waiting: list[bytes] = []
        with self._zip.open(name) as part:
            while more := part.read(PIECE):
                cut = more.rfind(b"</row>") + 6 if b"</row>" in more else more.rfind(b":row>") + 5
                if cut > 4 and len(more) == PIECE:
                    yield b"".join([*waiting, more[:cut]])
                    waiting = [more[cut:]]
                else:
                    waiting.append(more)
        if any(waiting):
            yield b"".join(waiting)

    def _refuse_repetition(self, lengths: list[int]) -> None:
        """A text stored once may be shown by every cell, a sheet by every name: what a reader makes of it has no bounds."""
        most = FREE_SHOWN + SHOWN_PER_BYTE * self._size
        if self._texts * max(lengths, default=0) > most:
            strings: Counter[int] = Counter()
            for name in self.hints:
                for piece in self._pieces(name):
                    strings.update(map(int, re.findall(SHARED, piece)))
            shown = sum(lengths[place] * cells for place, cells in strings.items() if place < len(lengths))
            if shown > most:
                raise UnreadableFile(
                    self.label,
                    f"shows {shown >> 20:,} MiB of text, which no export does. Do not open it; export again.",
                )
        try:
            parts = list(self._sheet_parts.values())
        except (KeyError, StopIteration, ElementTree.ParseError):
            return  # the reader says it
        if len(set(parts)) < len(parts):
            raise UnreadableFile(self.label, f"has two sheets in one part: what it says is ambiguous. {AGAIN}")

    def _parts(self) -> list[str]:
        """Every member that may be XML: a sheet need not be called one."""
        other = (".bin", ".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".vml", "/")
        names = (name for name in self._zip.namelist() if not name.startswith("__MACOSX/"))
        return [name for name in names if not name.lower().endswith(other)]

    def _refuse_declarations(self, name: str, head: bytes) -> None:
        """No export declares a document type or an exotic encoding; a file that does is built to mislead a reader."""
        declared = re.match(rb"""(?:\xef\xbb\xbf)?<\?xml[^<>]*encoding=["']([^"']+)""", head)
        is_exotic = declared is not None and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii")
        if (
            b"<!DOCTYPE" in head
            or b"<!ENTITY" in head
            or head[:2] in (b"\xff\xfe", b"\xfe\xff")
            or is_exotic
            or b"\0" in head[:64]
        ):
            raise UnreadableFile(self.label, f"holds a document type or encoding that no export has ({name}). {AGAIN}")

    def _scan(self, name: str, pieces: Iterable[bytes]) -> Hints:
        """Look through a sheet's XML once: declarations, extent, order of rows, hints."""
        last = cells = size = declared = hidden_rows = hidden_columns = 0
        width, reaches_on, hides_cells = 26, False, False
        for piece in pieces:
            if not size:
                self._refuse_declarations(name, piece)
            size += len(piece)
            is_suspect = _is_suspect(piece)
            cells += piece.count(b"<c ") + (piece.count(b":c ") if is_suspect else 0)
            rows = _rows_of(piece, is_suspect)
            if len(rows):
                if rows[0] <= last or (rows[1:] <= rows[:-1]).any():
                    raise UnreadableFile(
                        self.label, f"has rows out of order or twice: what it says is ambiguous. {AGAIN}"
                    )
                last = int(rows[-1])
            if not is_suspect:
                continue
            declared += piece.count(b"<?")
            if b"<!" in piece or declared > 1:  # a cell in a remark is none, and the patterns would see it
                raise UnreadableFile(self.label, f"is written as no spreadsheet program writes. {AGAIN}")
            is_odd = b"='" in piece or b" =" in piece or b"= " in piece
            if is_odd and re.search(rb"<(?:\w+:)?(?:c|row)\b[^<>]*?\s[rt](?:\s*=\s*'|\s+=|=\s+)", piece):
                raise UnreadableFile(self.label, f"is written as no spreadsheet program writes. {AGAIN}")
            reaches_on = reaches_on or bool(re.search(rb'r="[A-Z]{1,12}\d{%d}' % (len(str(last)) + 1), piece))
            width = max(width, *map(_column_of, set(re.findall(rb'r="([A-Z]{2,12})\d', piece))), 0)
            hides_cells = hides_cells or bool(re.search(rb't="e"|<f[ >/]|:f[ >]', piece))
            hidden = re.findall(rb'<(?:\w+:)?(row|col)\b[^<>]*\bhidden="(?:1|true)"', piece)
            hidden_rows += hidden.count(b"row")
            hidden_columns += hidden.count(b"col")
        if cells > FREE_CELLS + CELLS_PER_BYTE * self._size:
            raise UnreadableFile(
                self.label, f"holds {cells:,} cells, more than its size allows. Do not open it; export again."
            )
        self._texts += cells
        if reaches_on or _is_sparse(last, width, cells):
            self._check_extent(name)
        if size < SMALL:
            self._check_cells(name)
        return Hints(hides_cells, hidden_rows, hidden_columns)

    def _check_extent(self, name: str) -> None:
        """Cells that only carry a format may reach far; a cell with a value may not."""
        row = width = cells = 0
        for piece in self._pieces(name):
            filled = re.findall(
                rb'<(?:\w+:)?c\b[^<>]*?\br="([A-Z]{1,12})(\d{1,12})"[^<>]*>\s*<(?:\w+:)?(?:v|is|f)\b', piece
            )
            row = max(row, *(int(digits) for _, digits in filled), 0)
            width = max(width, *map(_column_of, {letters for letters, _ in filled}), 0)
            cells += len(filled)
        if _is_sparse(row, width, cells):
            where = f"up to row {row:,}, column {width:,}"
            raise UnreadableFile(self.label, f"has a cell far outside its table ({where}). Delete it, or export again.")

    def _check_cells(self, name: str) -> None:
        row, last = 0, 0
        content = self._zip.read(name)
        for tag, letters, digits in re.findall(rb'<(?:\w+:)?(row|c)\b[^<>]*?\br="([A-Z]{0,12})(\d{1,12})"', content):
            if tag == b"row":
                row, last = int(digits), 0
            else:
                column = _column_of(letters)
                if (row and int(digits) != row) or column <= last:
                    raise UnreadableFile(
                        self.label, f"has cells out of order or twice: what it says is ambiguous. {AGAIN}"
                    )
                last = column

    # --- the second look ---

    def _tree(self, name: str) -> ElementTree.Element:
        if self._zip.getinfo(name).file_size > MAX_TREE:
            raise UnreadableFile(self.label, f"has a part larger than any export's ({name}). {AGAIN}")
        return ElementTree.fromstring(self._zip.read(name))  # noqa: S314 - no DTD: checked

    @cached_property
    def _sheet_parts(self) -> dict[str, str]:
        """Sheet name → its part."""
        book = next(
            name for name in self._zip.namelist() if name.replace("\\", "/").lower().endswith("xl/workbook.xml")
        )
        folder = posixpath.dirname(book)
        relations = f"{folder}/_rels/{posixpath.basename(book)}.rels"
        names = {name.lower(): name for name in self._zip.namelist()}
        targets = {element.get("Id"): element.get("Target") or "" for element in self._tree(names[relations.lower()])}
        found = {}
        for element in self._tree(book).iter():
            identity = next((value for key, value in element.items() if key.endswith("}id")), None)
            if element.tag.endswith("}sheet") and identity in targets:
                target = targets[identity]
                path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
                found[element.get("name") or ""] = names.get(path.lower(), path)
        return found

    def hints_of(self, sheet: str) -> Hints:
        """The hints of a sheet by its name; cautious where its part cannot be told."""
        try:
            return self.hints[self._sheet_parts[sheet]]
        except (KeyError, StopIteration, ElementTree.ParseError):
            return Hints(any(hint.hides_cells for hint in self.hints.values()), 0, 0)

    @cached_property
    def _padding(self) -> list[int]:
        """Cell style → how many digits its number format pads to (0: it does not)."""
        name = next((name for name in self._zip.namelist() if name.lower().endswith("xl/styles.xml")), None)
        if name is None:
            return []
        root = self._tree(name)
        formats = {
            element.get("numFmtId"): element.get("formatCode") or ""
            for element in root.iter()
            if element.tag.endswith("}numFmt")
        }
        styles = next((element for element in root.iter() if element.tag.endswith("}cellXfs")), None)
        return [
            _padded_width(formats.get(style.get("numFmtId"), "")) for style in (styles if styles is not None else ())
        ]

    @property
    def pads(self) -> bool:
        """May there be a number format that pads with zeros?"""
        try:
            return any(self._padding)
        except (ElementTree.ParseError, UnreadableFile):
            return True  # said where it matters

    def strange_cells(self, sheet: str, column: int, rows: set[int], beyond: int | None) -> dict[int, Any]:
        """What the cells of a column (from 0) hold that the fast reader does not show: row (from 1) → `Unreadable` or `Padded`.

        Looked at are the given rows, and those below row `beyond`. Raises UnreadableFile if the XML cannot be followed.
        """
        letters = column_letters(column).encode()
        pattern = re.compile(
            rb'<(?:\w+:)?c\b(?=[^<>]*?\br="' + letters + rb'(\d+)")([^<>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)', re.S
        )
        found: dict[int, Any] = {}
        wanted = np.array(sorted(rows), dtype=np.int64)
        try:
            for piece in self._pieces(self._sheet_parts[sheet]):
                here = _rows_of(piece, _is_suspect(piece))
                if len(here) and (beyond is None or here[-1] <= beyond):
                    first, stop = np.searchsorted(wanted, [here[0], here[-1] + 1])
                    if first == stop:
                        continue
                for match in pattern.finditer(piece):
                    row = int(match[1])
                    if row in rows or (beyond is not None and row > beyond):
                        cell = self._strange(match[2], match[3] or b"")
                        if cell is not None:
                            found[row] = cell
        except (KeyError, StopIteration, ValueError, ElementTree.ParseError):
            raise UnreadableFile(
                self.label, f'sheet "{sheet}" holds key cells that are not text and cannot be looked at. {AGAIN}'
            ) from None
        return found

    def _strange(self, attributes: bytes, body: bytes) -> Unreadable | Padded | None:
        kind = _attribute(attributes, b"t") or b"n"
        stored = re.search(rb"<(?:\w+:)?v\b[^<>]*>([^<]+)</(?:\w+:)?v>", body)
        if kind == b"e":
            return Unreadable(f"the error {stored[1].decode('ascii', 'replace') if stored else ''}".strip())
        if stored is None:
            is_formula = re.search(rb"<(?:\w+:)?f\b", body)
            return Unreadable("a formula without a stored value") if is_formula else None
        if kind == b"n":
            style = int(_attribute(attributes, b"s") or 0)
            width = self._padding[style] if style < len(self._padding) else 0
            number = float(stored[1])
            if width and 0 <= number < 1e15 and number == int(number):
                return Padded(number, str(int(number)).zfill(width))
        return None


def _apart(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What stands around the rows of a sheet, apart from them: it is no plain XML."""
    head = b""
    for piece in pieces:
        rows, tail = piece, b""
        if not head:
            head, start, rows = piece.partition(b"<sheetData")
            yield head
            rows = start + rows
        if len(piece) < PIECE:  # the last one
            rows, end, tail = rows.rpartition(b"</sheetData")
            tail = end + tail
        yield from (part for part in (rows, tail) if part)


def _is_suspect(piece: bytes) -> bool:
    """May a part of a sheet hold anything that must be looked at more closely? A cell may not name a longer row than its last."""
    last = (
        re.match(rb"\d{1,12}", piece[(at := piece.rfind(b'<row r="') + 8) : at + 12]) if b'<row r="' in piece else None
    )
    pattern = SUSPECT % (len(last[0]) + 1 if last else 1)
    return bool(pc.match_substring_regex(pa.array([piece], pa.large_binary()), pattern)[0].as_py())


def _rows_of(piece: bytes, is_suspect: bool) -> Any:
    """The numbers of its rows, as far as they have one."""
    pattern = rb'<(?:\w+:)?row\s[^<>]*?\br="(\d{1,12})"' if is_suspect else rb'<row r="(\d{1,12})"'
    return np.array(re.findall(pattern, piece), dtype="S12").astype(np.int64)


def _is_sparse(row: int, width: int, cells: int) -> bool:
    area = row * width
    return row > 1_048_576 or width > 16_384 or (area > FREE_AREA and area > MAX_SPARSE * cells)


def _attribute(attributes: bytes, name: bytes) -> bytes | None:
    match = re.search(rb"\b" + name + rb'="([^"]*)"', attributes)
    return match[1] if match else None


def _padded_width(number_format: str) -> int:
    zeros = re.fullmatch(r"0{2,64}", number_format.split(";")[0].replace('"', "").strip())
    return len(zeros[0]) if zeros else 0


@lru_cache(maxsize=20_000)
def _column_of(letters: bytes) -> int:
    return column_number(letters.decode())


def column_number(letters: str) -> int:
    """`A` is 1, `XFD` is 16,384."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(place: int) -> str:
    """The name of a column, from 0."""
    return ("" if place < 26 else column_letters(place // 26 - 1)) + chr(65 + place % 26)
