"""The members of an xlsx file, before one is looked into: no more, no larger and no other than an export has. (HAZARDS A)"""

from __future__ import annotations

import io
import zipfile
from typing import IO

from keyaudit.errors import UnreadableFile

AGAIN = "Open it in Excel or LibreOffice and save it again as .xlsx."
MAX_MEMBERS = 1_000
FREE_INFLATED, MAX_RATIO = 64 << 20, 40  # a small file may reach 70; beyond 64 MiB a ratio over 40 is no export
FREE_CELLS, CELLS_PER_BYTE = 1_000_000, 0.6  # a cell takes two bytes at least, even compressed
FREE_COLUMNS, BYTES_PER_COLUMN = 16 * 16_384, 64
FREE_PLACES, MAX_SPARSE = 64 << 20, 20  # of its columns: a few cells far apart would fill the memory with blanks
FREE_SHOWN, SHOWN_PER_BYTE = 64 << 20, 16  # bytes of text in cells
FREE_TAGS, TAGS_PER_BYTE = 4_000_000, 1  # that are read one by one


class Members:
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
