"""A workbook before its cells are read: which sheets, formats and texts does it have, unambiguously? (HAZARDS A)"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property

from keyaudit.exports.grid import Format, number_format
from keyaudit.exports.parts import AGAIN, Members, Part, local


@dataclass(frozen=True)
class SheetPart:
    """A worksheet as the workbook lists it."""

    name: str
    part: str
    visible: bool


class Elements(Part):
    """The elements of a small part that are wanted, by name or by `parent/name`, with their attributes."""

    def __init__(self, package: Members, part: str, wanted: set[str]) -> None:
        super().__init__(package, part)
        self._wanted, self._path = wanted, [""]
        self.found: list[tuple[str, dict[str, str]]] = []
        self.read()

    def start(self, tag: str, own: dict[str, str]) -> None:
        """Keep an element that is wanted."""
        name = local(tag)
        if name in self._wanted or f"{self._path[-1]}/{name}" in self._wanted:
            self.found.append((name, own))
        self._path.append(name)

    def end(self, _: str) -> None:
        """Forget its name."""
        self._path.pop()


class Package(Members):
    """A workbook: what its parts name, and how."""

    def __init__(self, content: bytes, label: str) -> None:
        super().__init__(content, label)
        self.book = self._book()

    def _book(self) -> str:
        """The part that lists the worksheets: as the file says, else by its name."""
        said = [target for kind, target in self._related("").values() if kind == "officeDocument"]
        found = [name for name in (*said, *self._members) if name.endswith("workbook.xml") and name in self._members]
        if not found:
            is_other = {"xl/workbook.bin", "content.xml"} & set(self._members)
            kind = "an .xlsb or .ods workbook" if is_other else "a zip file"
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
