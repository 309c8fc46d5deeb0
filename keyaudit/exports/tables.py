"""Grid → tables: the header, the lists below it, the rows, and the rows that are none. (CATALOGUE §6, HAZARDS B)"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keyaudit.columns import LIST_HEADINGS, ROLES, aliases, fold_header
from keyaudit.errors import UnreadableFile
from keyaudit.exports.headers import (
    DATE_LIKE,
    ORDINARY,
    Header,
    blocks_of,
    find_header,
    is_empty,
    names_in,
    read_header,
    width_of,
)
from keyaudit.exports.rows import MAX_ODD, Cells, ColumnRows
from keyaudit.exports.sheets import Grid

TOTALS = re.compile(r"(grand\s+total|totals?|count|sum)\b(?!-)", re.I)
POOL_TITLE = re.compile(r"(?:training\s+key\s+)?pool(?:\s+name)?\s*:\s*(\S.*)", re.I | re.S)
PAGE = re.compile(r"(?:page|seite|página|pagina|strona)\s*:?\s*\d+.*", re.I | re.S)
MAX_SUMS = 3  # at the end of one list
MAX_LISTS = 10_000  # in one sheet: beyond, it is no export


@dataclass
class Table:
    """One list of one sheet: `cells` holds a list or `Cells` per column of ours, all as long as `rows` (row numbers)."""

    sheet: str
    heading: str  # what the list's heading proves: "", unredeemed, distributed, redeemed
    headers: dict[str, str]  # our column → their header
    unused: list[str]
    places: dict[str, int]  # our column → cell index
    rows: list[int] = field(default_factory=list)
    cells: dict[str, Any] = field(default_factory=dict)
    set_aside: list[tuple[int, str]] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    title: str = ""  # the pool that a title row above the list names
    doubt: tuple[int, str] | None = None  # a title above the list that may be another pool's name, and its row


Patch = Callable[[Grid, int, int], None]


def find_tables(grid: Grid, role: str, label: str, own: dict[str, str], patch: Patch | None = None) -> list[Table]:
    """Every list of a sheet, top to bottom and left to right. Empty if the sheet has no header we know.

    `own` maps our columns to the headers of this file. `patch` mends the cells of the key column from a row on, in place
    (what the fast reader could not see). Raises UnreadableFile for two headers of one column.
    """
    known = aliases(role)
    for column, text in own.items():
        known = {alias: name for alias, name in known.items() if name != column} | {fold_header(text): column}
    required = ROLES[role].required
    top = find_header(grid, known, required)
    if top is None:
        return []
    if isinstance(grid.rows, ColumnRows) and not grid.rows.continue_below(top):
        grid.rows = list(grid.rows)
    where = f'{label}, sheet "{grid.name}"' if grid.name else label
    tables = []
    for start, stop in blocks_of(grid.rows, top, known, required):
        header = read_header(grid.rows[top], known, start, stop, width_of(grid.rows, top), where)
        tables += _Lists(grid, header, known, role, where, patch).below(top)
    return tables


class _Lists:
    """The lists that stand one below the other under the headers of one block of columns."""

    def __init__(
        self, grid: Grid, header: Header, known: dict[str, str], role: str, where: str, patch: Patch | None
    ) -> None:
        self.grid, self.known, self.where, self.patch = grid, known, where, patch
        self.required = ROLES[role].required
        self.of_pools = role in ("pools_before", "pools_now")
        self.tables: list[Table] = []
        self.trail: list[tuple[int, list[Any]]] = []  # rows that may turn out to stand below the end of a list
        self.headings: set[str] = set()  # of the pool at hand
        self.titles: set[str] = set()  # that stood above a list before: of the page, not of a pool
        self.use(header, 0)

    def below(self, top: int) -> list[Table]:
        """Every list below the header in row `top` (from 0), with its rows."""
        heading, title = LIST_HEADINGS.get(fold_header(self.grid.name), ""), ""
        for row in self.grid.rows[:top]:
            filled = self.filled(row)
            heading = next((found for cell in filled if (found := _heading(cell))), heading)
            self.headings |= {fold_header(cell) for cell in filled if _heading(cell)}
            self.titles |= {fold_header(cell) for cell in filled[:1] if len(filled) == 1}
            title = self.pool_title(filled) or title
        self.start(heading, title)
        place = top + 1
        while place < len(self.grid.rows):
            stop = self.ordinary_until(place)
            if stop > place:
                if self.trail:
                    self.settle(at_end=False)
                self.tables[-1].rows.extend(range(place + 1, stop + 1))
            if stop < len(self.grid.rows) and (filled := self.filled(row := self.grid.rows[stop])):
                self.unusual(stop + 1, row, filled)
            place = stop + 1
        self.settle(at_end=True)
        for table in self.tables:
            picked = self.picked(table)
            table.cells = {column: self.cells(picked, place) for column, place in table.places.items()}
        return self.tables

    def ordinary_until(self, first: int) -> int:
        """The next place from `first` on whose row is not plainly a record."""
        rows, key, width, header = self.grid.rows, self.key, self.header.width, self.key_header
        if isinstance(rows, ColumnRows):
            return rows.unusual_from(first, key, header)
        for place in range(first, len(rows)):
            row = rows[place]
            cell = row[key] if key < len(row) else ""
            if type(cell) is not str or not ORDINARY(cell) or len(row) != width or cell == header:
                return place
        return len(rows)

    def picked(self, table: Table) -> Any:
        """The rows of a list, or their places."""
        rows = self.grid.rows
        if isinstance(rows, ColumnRows):
            return np.array(table.rows, dtype=np.int64) - 1
        return [rows[number - 1] for number in table.rows]

    def cells(self, picked: Any, place: int) -> Any:
        """The cells of a column, one for each picked row."""
        rows = self.grid.rows
        if isinstance(rows, ColumnRows):
            return rows.cells(place, picked)
        return [row[place] if place < len(row) else "" for row in picked]

    def codes(self) -> list[Any]:
        """The key cells of the list at hand."""
        codes = self.cells(self.picked(self.tables[-1]), self.key)
        return codes.tolist() if isinstance(codes, Cells) else list(codes)

    def unusual(self, number: int, row: list[Any], filled: list[Any]) -> None:
        """A row that is not plainly a record: what begins a list is dealt with, the rest waits in the trail."""
        names = names_in(row[self.header.start : self.header.stop], self.known)
        if self.required in names and (len(names) > 1 or len(filled) == 1):
            doubt = self.untold_title() if self.tables[-1].rows else None
            self.settle(at_end=True)
            self.repeat(number, row, doubt)
        elif len(filled) == 1 and (heading := _heading(filled[0])):
            name = fold_header(filled[0])
            doubt = self.untold_title() if name in self.headings else None
            self.settle(at_end=True)
            self.headings.add(name)
            self.start(heading, self.tables[-1].title, doubt).set_aside.append((number, "heading of a list"))
        elif title := self.pool_title(filled):
            self.settle(at_end=True)
            self.headings.clear()
            table = self.tables[-1]
            if table.rows or table.title:
                table = self.start(LIST_HEADINGS.get(fold_header(self.grid.name), ""), title)
            table.title = title
            table.set_aside.append((number, "title of a pool"))
        else:
            self.trail.append((number, row))
            cell = row[self.key] if self.key < len(row) else ""
            is_key = not is_empty(cell) and not _is_total(cell) and _beside(row, self.header, self.key)
            if is_key and _fits(row, self.header):
                self.settle(at_end=False)

    def start(self, heading: str, title: str, doubt: tuple[int, str] | None = None) -> Table:
        if len(self.tables) >= MAX_LISTS:
            raise UnreadableFile(self.where, f"holds more than {MAX_LISTS:,} lists. Export it again.")
        header = self.header
        table = Table(self.grid.name, heading, header.headers, header.unused, header.places, title=title, doubt=doubt)
        self.tables.append(table)
        return table

    def repeat(self, number: int, row: list[Any], doubt: tuple[int, str] | None) -> None:
        """The header again, perhaps with other columns."""
        table, places = self.tables[-1], self.header.places
        header = read_header(row, self.known, self.header.start, self.header.stop, self.header.width, self.where)
        self.use(header, number)
        if not table.rows:
            table.headers, table.unused, table.places = header.headers, header.unused, header.places
        elif header.places != places or header.headers != table.headers or doubt:
            table = self.start(table.heading, table.title, doubt)
        table.set_aside.append((number, "repeated header"))

    def use(self, header: Header, first: int) -> None:
        """Read the rows from `first` on under this header."""
        self.header, self.key = header, header.places[self.required]
        self.key_header = header.headers[self.required]
        rows = self.grid.rows
        if isinstance(rows, ColumnRows) and len(rows.unusual(self.key, self.key_header)) > MAX_ODD * len(rows):
            self.grid.rows = list(rows)
        if self.patch is not None and not any(table.places[self.required] == self.key for table in self.tables):
            self.patch(self.grid, self.key, first)

    def filled(self, row: list[Any]) -> list[Any]:
        return [cell for cell in row[self.header.start : self.header.stop] if not is_empty(cell)]

    def pool_title(self, filled: list[Any]) -> str:
        """The pool a title row names beyond doubt (`Pool: Azure Fundamentals`), "" for any other row."""
        if not self.of_pools or len(filled) > 2 or not all(isinstance(cell, str) for cell in filled):
            return ""
        if len(filled) == 2 and not filled[0].rstrip().endswith(":"):
            return ""
        match = POOL_TITLE.fullmatch(" ".join(" ".join(filled).split()))
        return match[1] if match else ""

    def untold_title(self) -> tuple[int, str] | None:
        """The row directly above a list that begins anew, if it may name another pool; it is no key.

        A title that stood there before is that of the page.
        """
        if not self.of_pools or not self.trail:
            return None
        number, row = self.trail[-1]
        (text, *more) = self.filled(row)
        if more or not isinstance(text, str) or _is_total(text) or PAGE.fullmatch(text.strip()):
            return None
        kinds = {(len(code), code.isupper()) for code in self.codes() if isinstance(code, str)}
        if " " not in text.strip() and text is row[self.key] and (len(text), text.isupper()) in kinds:
            return None  # a code without a digit
        self.trail.pop()
        self.tables[-1].set_aside.append((number, "title of a list"))
        is_known = fold_header(text) in self.titles
        self.titles.add(fold_header(text))
        return None if is_known else (number, text)

    def settle(self, at_end: bool) -> None:
        if self.trail:
            _settle(self.tables[-1], self.trail, self.header, self.key, at_end, self.codes() if at_end else [])
        self.trail = []


def _heading(cell: Any) -> str:
    return LIST_HEADINGS.get(fold_header(cell), "") if isinstance(cell, str) else ""


def _is_total(cell: Any) -> bool:
    return isinstance(cell, str) and bool(TOTALS.match(cell.strip()))


def _beside(row: list[Any], header: Header, key: int, numbers: bool = True) -> bool:
    """Is a learner, date or setting of ours filled beside the key? Bare numbers may be sums: `numbers` counts them too."""
    cells = (row[i] for i in header.places.values() if i != key and i < len(row))
    return any(not is_empty(cell) and (numbers or not _is_number(cell)) for cell in cells)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and bool(re.fullmatch(r"[\d.,\s]+", cell)))


def _fits(row: list[Any], header: Header) -> bool:
    """Has the row the header's width? Cells that only a nameless header would name may lack."""
    return header.named <= len(row) <= header.width


def _settle(
    table: Table, trail: list[tuple[int, list[Any]]], header: Header, key: int, at_end: bool, codes: list[Any]
) -> None:
    """Decide what the unusual rows since the last ordinary one are, the last first: the end of a list grows upwards.

    `codes` are the list's so far, where it ends.
    """
    decided: list[tuple[int, list[Any], str]] = []
    lengths = {len(code) for code in codes if isinstance(code, str)}
    may_be_note = bool(codes) and not any(isinstance(code, str) and " " in code.strip() for code in codes)
    sums = 0  # rows without a code at the end: a few are sums, many are keys that were lost
    for number, row in reversed(trail):
        reason = _reason(row, header, key, at_end, may_be_note)
        sums += reason == "totals" and is_empty(row[key] if key < len(row) else "")
        if reason in ("totals", "note") and (sums > MAX_SUMS or _holds_code(row, header, lengths)):
            reason = "blank key" if is_empty(row[key] if key < len(row) else "") else ""
        at_end = at_end and reason in ("totals", "note")
        decided.append((number, row, reason))
    for number, row, reason in reversed(decided):
        if not reason and not _fits(row, header):
            reason = f"damaged row: {len(row)} cells, the header has {header.width}"
            table.damaged.append((number, reason))
        if reason:
            table.set_aside.append((number, reason))
        else:
            table.rows.append(number)


def _reason(row: list[Any], header: Header, key: int, at_end: bool, may_be_note: bool) -> str:
    """Why a row is no record, "" if it is one. A note has words, where no code of the list has a blank."""
    cell = row[key] if key < len(row) else ""
    if not at_end:
        return "blank key" if is_empty(cell) else ""
    is_named_total = _is_total(cell)
    if (is_named_total or is_empty(cell)) and not _beside(row, header, key):
        return "totals"
    if is_named_total and not _beside(row, header, key, numbers=False):
        return "totals"
    filled = [c for c in row[header.start : header.stop] if not is_empty(c)]
    has_words = len(filled) == 1 and isinstance(filled[0], str) and len(filled[0].split()) > 1
    if may_be_note and has_words:
        return "note"
    return "blank key" if is_empty(cell) else ""


def _holds_code(row: list[Any], header: Header, lengths: set[int]) -> bool:
    """Stands a word in the row that is as long as a code of the list, eight signs at least, with letters and digits?"""
    cells = (cell for cell in row[header.start : header.stop] if isinstance(cell, str))
    words = (word.strip("()[],;:'\"=") for cell in cells for word in cell.split())
    return any(
        len(word) in lengths and len(word) >= 8 and ORDINARY(word) and not DATE_LIKE.match(word) for word in words
    )
