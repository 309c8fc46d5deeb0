"""An xlsx file before its cells are read: is it safe, is it unambiguous, and which parts does it have? (HAZARDS A)"""

from __future__ import annotations

import io
import posixpath
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import IO

from keyaudit.errors import UnreadableFile
from keyaudit.exports.grid import Format, number_format
from keyaudit.exports.parts import AGAIN, Elements

MAX_MEMBERS = 1_000
FREE_INFLATED, MAX_RATIO = 64 << 20, 40  # a small file may reach 70; beyond 64 MiB a ratio over 40 is no export
FREE_CELLS, CELLS_PER_BYTE = 1_000_000, 0.6  # a cell takes two bytes at least, even compressed
FREE_COLUMNS, BYTES_PER_COLUMN = 16 * 16_384, 64
FREE_PLACES, MAX_SPARSE = 64 << 20, 20  # of its columns: a few cells far apart would fill the memory with blanks
FREE_SHOWN, SHOWN_PER_BYTE = 64 << 20, 16  # bytes of text in cells
FREE_TAGS, TAGS_PER_BYTE = 4_000_000, 1  # that are read one by one


@dataclass(frozen=True)
class SheetPart:
    """A worksheet as the workbook lists it."""

    name: str
    part: str
    visible: bool


class Package:
    """The members of an xlsx file, checked. Raises UnreadableFile for what no export holds."""

    def __init__(self, content: bytes, label: str) -> None:
        self.label, self.size = label, len(content)
        self.cells = self.columns = self.area = self.shown = self.tags = 0
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        members = self._zip.infolist()
        self._members = {member.filename.replace("\\", "/").lower(): member for member in members}
        if len(self._members) < len(members) or any(
            ".." in name.split("/") or name.startswith("/") for name in self._members
        ):
            raise self.refused(f"holds two parts of one name: what it says is ambiguous. {AGAIN}")
        inflated = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or inflated > max(FREE_INFLATED, MAX_RATIO * self.size):
            what = f"would unpack to {inflated >> 20:,} MiB, which no export does"
            raise self.refused(f"{what}. Do not open it; export again.")
        self.book = self._book()

    def refused(self, problem: str) -> UnreadableFile:
        """The error that says why this file is not read."""
        return UnreadableFile(self.label, problem)

    def bound(self) -> None:
        """Refuse a file as soon as it holds more cells, columns or text than its size allows: it is built to fill memory."""
        most = (FREE_CELLS + CELLS_PER_BYTE * self.size, FREE_COLUMNS + self.size / BYTES_PER_COLUMN)
        bounds = (
            (self.cells, most[0], f"holds {self.cells:,} cells, more than its size allows"),
            (self.columns, most[1], f"holds {self.columns:,} columns, more than its size allows"),
            (self.tags, FREE_TAGS + TAGS_PER_BYTE * self.size, "is larger inside than any export"),
            (self.area, FREE_PLACES + MAX_SPARSE * self.cells, "holds cells far apart, which no export does"),
            (self.shown, FREE_SHOWN + SHOWN_PER_BYTE * self.size, f"shows {self.shown >> 20:,} MiB of text, which no export does"),
        )  # fmt: skip
        for number, allowed, what in bounds:
            if number > allowed:
                raise self.refused(f"{what}. Do not open it; export again.")

    def refuse_size(self) -> None:
        """Say that no export has so much in it."""
        raise self.refused("is larger inside than any export. Do not open it; export again.")

    def open(self, part: str) -> IO[bytes]:
        """A part, from its first byte. Raises UnreadableFile for one that is not there."""
        if part not in self._members:
            raise self.refused(f"lacks a part that it names ({part}). {AGAIN}")
        return self._zip.open(self._members[part])

    def _book(self) -> str:
        """The part that lists the worksheets: as the file says, else by its name."""
        said = [target for kind, target in self._related("").values() if kind == "officeDocument"]
        found = [name for name in (*said, *self._members) if name.endswith("workbook.xml") and name in self._members]
        if not found:
            kind = (
                "an .xlsb or .ods workbook" if {"xl/workbook.bin", "content.xml"} & set(self._members) else "a zip file"
            )
            raise self.refused(f"is {kind}, not an .xlsx workbook. {AGAIN}")
        return found[0]

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part names others by: identity → kind and part."""
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found = {}
        for _, attributes in Elements(self, relations, {"Relationship"}).found if relations in self._members else ():
            target = attributes.get("Target", "").replace("\\", "/")
            path = target if target.startswith("/") else posixpath.join(folder, target)
            kind = attributes.get("Type", "").rpartition("/")[2]
            found[attributes.get("Id", "")] = (kind, posixpath.normpath(path).lstrip("/").lower())
        return found

    @cached_property
    def _relations(self) -> dict[str, tuple[str, str]]:
        return self._related(self.book)

    @cached_property
    def _listed(self) -> list[tuple[str, dict[str, str]]]:
        return Elements(self, self.book, {"workbookPr", "sheets/sheet"}).found

    @property
    def is_1904(self) -> bool:
        """Are its days counted from 1904, as on an old Macintosh?"""
        return any(own.get("date1904") in ("1", "true") for name, own in self._listed if name == "workbookPr")

    @cached_property
    def sheets(self) -> list[SheetPart]:
        """Its worksheets, in their order. Raises UnreadableFile if two are one part."""
        found: list[SheetPart] = []
        for name, own in self._listed:
            identity = next((value for key, value in own.items() if key.rpartition(":")[2] == "id"), "")
            kind, part = self._relations.get(identity, ("worksheet", f"sheet {len(found) + 1}"))
            if name == "sheet" and kind == "worksheet":
                found.append(SheetPart(own.get("name", ""), part, own.get("state", "visible") == "visible"))
        if len({sheet.part for sheet in found}) < len(found):
            raise self.refused(f"has two sheets in one part: what it says is ambiguous. {AGAIN}")
        return found

    def related(self, kind: str) -> str | None:
        """The part of a kind (styles, sharedStrings) that the workbook names, if it has one."""
        parts = (part for found, part in self._relations.values() if found == kind)
        return next((part for part in parts if part in self._members), None)

    @cached_property
    def formats(self) -> list[Format]:
        """What the number format of each cell style makes of a number."""
        part = self.related("styles")
        own: dict[str, str] = {}
        styles: list[str] = []
        for name, attributes in Elements(self, part, {"numFmts/numFmt", "cellXfs/xf"}).found if part else ():
            if name == "numFmt":
                own[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            else:
                styles.append(attributes.get("numFmtId", "0"))
        kinds = {identity: number_format(identity, own.get(identity)) for identity in set(styles)}
        return [kinds[identity] for identity in styles]
