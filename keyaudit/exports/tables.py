"""Sheet → lists: where each begins, under which header, which of its rows are records, and why the others are none. (CATALOGUE §3, §6)"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from keyaudit.coded import Array
from keyaudit.columns import LIST_HEADINGS, fold_header, list_heading
from keyaudit.errors import UnreadableFile
from keyaudit.exports.dates import flag_of, is_number
from keyaudit.exports.headers import HEADER_WITHIN, SAMPLE, Header, Row, Sheet, blocks_of, find_header, read_header
from keyaudit.exports.hints import kind_of
from keyaudit.exports.rows import RULE, Rows, Shape, is_special, plain

POOL_BEGIN = r"(?:training\s+key\s+)?pool(?:\s+name)?\s*:"
POOL_TITLE = re.compile(rf"{POOL_BEGIN}\s*(\S.*)", re.I | re.S)
MAX_LISTS = 10_000  # in one sheet: beyond, it is no export


@dataclass
class KeyList:
    """One list of one sheet: its header, the rows of its records, and the rows that are none, with the reason."""

    sheet: Sheet
    header: Header
    heading: str  # what its heading proves: "", unredeemed, distributed, redeemed
    title: str = ""  # the pool that a title row above the list names
    doubt: int | None = None  # the row of a title above the list that may be another pool's name
    declared: int | None = None  # how many keys its heading says there are
    parts: list[Array] = field(default_factory=list)  # rows that follow each other
    odd: list[Array] = field(default_factory=list)  # which of them are not plainly a code, part by part
    set_aside: list[tuple[int, str]] = field(default_factory=list)

    @cached_property
    def rows(self) -> Array:
        """The rows of its records, from 0."""
        return np.concatenate([np.array([], dtype=np.int64), *self.parts])


@dataclass
class Found:
    """The lists of one sheet, how many rows below its first header are filled, and the row above it that may hold a key."""

    sheet: Sheet
    lists: list[KeyList]
    rows: int
    above: int | None = None

    @property
    def headers(self) -> list[Header]:
        """The different headers of its lists."""
        return list({id(part.header): part.header for part in self.lists}.values())


def find_lists(sheet: Sheet) -> Found | None:
    """Every list of a sheet, top to bottom and left to right; None if it has no header we know.

    Raises UnreadableFile for a sheet whose rows or headers cannot be told for certain.
    """
    top = find_header(sheet)
    if top is None:
        return None
    headers = blocks_of(sheet, top)
    if len(headers) == 1:
        _refuse_row_names(sheet, headers[0])
    lists, rows = list[KeyList](), 0
    for header in headers:
        filled = np.flatnonzero(sheet.filled(header.start, header.stop)[top + 1 :]) + top + 1
        rows += len(filled)
        own = _Block(sheet, header).below()
        own[0].set_aside += [(row, "above the list") for row in filled[filled < header.row].tolist()]
        own[0].set_aside += [(header.row, "header of a list")] if header.row > top else []
        lists += own
    for header in {id(part.header): part.header for part in lists}.values():
        header.name_columns(sheet, np.concatenate([part.rows for part in lists if part.header is header]))
    damaged = [(row, f"damaged row: {what}") for row, what in sheet.grid.damaged.items() if row > top]
    lists[0].set_aside += damaged
    return Found(sheet, lists, rows + len(damaged), _key_above(sheet, top, lists))


def _refuse_row_names(sheet: Sheet, header: Header) -> None:
    """A header one cell narrower than every row: which column a header names is not known. (CATALOGUE §3)"""
    body, widths = np.flatnonzero(sheet.filled(0, sheet.width) > 1), sheet.grid.widths
    body, key = body[body > header.row], header.places[sheet.required]
    if widths is None or not len(body) or not (widths[body] == (wide := int(widths[header.row])) + 1).all():
        return
    kind, beside = (kind_of(sheet.sample(place, header.row)) for place in (key, key + 1))
    if (sheet.codes(wide)[body] >= 0).any() or (beside == "code" != kind):
        raise UnreadableFile(
            sheet.where,
            f"every row has {wide + 1} cells and the header has {wide}: a column without a name stands before the first one "
            "(row names), or one behind the last. Give every column a header and save the file again.",
        )


def _key_above(sheet: Sheet, top: int, lists: list[KeyList]) -> int | None:
    """The first row above the header that holds what looks like a code, is as wide as the header, or is one for the key too."""
    if not any(sheet.head[:top]):
        return None
    shape = Shape.of(sheet, lists[0].header.places[sheet.required], lists[0].rows[:SAMPLE])
    header = [*sheet.head[top].values()]
    for place, row in enumerate(sheet.head[:top]):
        # neither a title nor the upper half of a header in two rows is one for the key too
        keys = [cell for cell in row.values() if cell not in header and sheet.means(cell) == sheet.required]
        if 2 < len(header) == len(row) or (len(row) > 1 and keys) or any(map(shape.is_within, row.values())):
            return place
    return None


def _number_in(text: str) -> int | None:
    found = re.search(r"[(\[:]\s*(\d{1,9})", text)
    return int(found[1]) if found and list_heading(text) else None


class _Block:
    """The lists that stand one below the other under the headers of one block of columns."""

    def __init__(self, sheet: Sheet, header: Header) -> None:
        self.sheet, self.of_pools = sheet, sheet.role in ("pools_before", "pools_now")
        self.filled, self.lists = np.flatnonzero(sheet.filled(header.start, header.stop)), list[KeyList]()
        self.repeats: list[int] = []  # rows of the list at hand that are its header again
        self.looked: dict[int, int] = {}  # column → how often the key's header stood in it, and was none
        self.headings: set[str] = set()  # of the pool at hand
        self.titles: set[str] = set()  # that stood above a list before: of the page, not of a pool
        self.use(header)

    def use(self, header: Header) -> None:
        """Read on under this header."""
        self.header, alike = header, (*sorted(header.places.items()), header.headers[self.sheet.required])
        self.rows = self.sheet.kept(("rows", *alike), lambda: Rows(self.sheet, header))
        self.rows.header, self.rows.texts = header, header.texts
        deaf = frozenset(place for place, times in self.looked.items() if times >= SAMPLE)
        self.marks = self.sheet.kept(("marks", deaf, *alike), lambda: self.find_marks(deaf))

    def find_marks(self, deaf: frozenset[int]) -> Array:
        """The rows in which a list may begin: a cell is the heading of a list, the key's header or the title of a pool."""

        def is_mark(cell: Any) -> bool:
            is_title = self.of_pools and isinstance(cell, str) and bool(re.match(POOL_BEGIN, cell.strip(), re.I))
            return is_title or bool(list_heading(cell)) or self.sheet.means(cell) == self.sheet.required

        rows = self.filled[(self.filled > self.header.row) & ~self.rows.is_ordinary[self.filled]]
        known = [alias for alias, name in self.sheet.known.items() if name == self.sheet.required]
        begin = sorted({re.escape(word[:2]) for word in (*known, *LIST_HEADINGS, "pool", "training")})
        pattern = rf"(?i)^[^\pL]*(?:{'|'.join(begin)})"
        columns = [place for place in self.rows.columns if place not in deaf]
        return rows[self.sheet.holds(rows, columns, is_mark, pattern)]

    def below(self) -> list[KeyList]:
        """Every list below the header, with its rows."""
        first = place = self.header.row + 1
        self.start(*self.above(self.header.row))
        while len(marks := self.marks[np.searchsorted(self.marks, place) :]):  # which a new header may change
            place = int(marks[0]) + 1
            first = place if self.begins(place - 1, first) else first
        self.settle(first, self.sheet.height)
        return self.lists

    def above(self, top: int) -> tuple[str, str, int | None]:
        """What stands above the first list: what its heading proves, the pool that a title names, how many keys it has."""
        told, title, declared = list_heading(self.sheet.grid.name), "", _number_in(self.sheet.grid.name)
        if self.header.heading:
            return self.header.heading, title, _number_in(self.rows.texts[self.rows.key])
        for place in range(max(0, top - HEADER_WITHIN), top):
            row = self.sheet.at(place).items()
            filled = [cell for at, cell in row if self.header.start <= at < self.header.stop]
            headings = [cell for cell in filled if isinstance(cell, str) and list_heading(cell)]
            self.headings |= {fold_header(cell) for cell in headings}
            self.titles |= {fold_header(cell) for cell in filled[:1] if len(filled) == 1}
            title = self.pool_title(filled) or title
            if headings:
                told, declared = list_heading(headings[0]), _number_in(headings[0])
        if len({list_heading(heading) for heading in self.headings}) > 1:
            return "", title, None  # counts of several lists above one: its own heading is not among them for certain
        return told, title, declared if told else None

    def row(self, place: int) -> Row:
        return self.sheet.row(place, self.header.start, self.header.stop)

    def begins(self, place: int, first: int) -> bool:
        """Does a list begin at a row, or is its header repeated there? If so, what stands above is settled."""
        if self.begins_with_header(place, row := self.row(place), first):
            return True
        filled = [*row.values()]
        title, heading = self.pool_title(filled), list_heading(filled[0])
        if heading and (not filled[1:] or (len(filled) == 2 and is_number(filled[1]))):
            name = fold_header(filled[0])
            doubt = self.settle(first, place, title_may_stand=name in self.headings)
            self.headings.add(name)
            self.start(heading, self.list.title, _number_in(": ".join(map(plain, filled))), doubt)
            self.list.set_aside.append((place, "heading of a list"))
        elif title:
            self.settle(first, place)
            self.headings.clear()
            if self.list.parts or self.list.title:
                self.start(list_heading(self.sheet.grid.name), title)
            self.list.title = title
            self.list.set_aside.append((place, "title of a pool"))
        else:
            return False
        return True

    def begins_with_header(self, place: int, row: Row, first: int) -> bool:
        """The same for a row with the key's header."""
        named = {i: name for i, cell in row.items() if (name := self.sheet.means(cell))}
        keys = [i for i, name in named.items() if name == self.sheet.required]
        if not keys:
            return False
        texts = {i: " ".join(str(cell).split()) for i, cell in row.items()}
        is_same = all(self.rows.texts.get(i) == text for i, text in texts.items())
        is_new = len(set(named.values())) > 1 and not any(re.search(r"\d{3}|@", text) for text in texts.values())
        is_whole = len(texts) == len(self.rows.texts) and (len(texts) > 1 or not re.search(r"\d", texts[keys[0]]))
        if is_same and is_whole and not self.is_title(self.filled[: np.searchsorted(self.filled, place)][-1:], first):
            self.list.set_aside.append((place, "repeated header"))
            self.repeats.append(place)
            return False
        if is_same or is_new or (len(texts) == 1 and keys[0] == self.rows.key):
            doubt, header = self.settle(first, place, title_may_stand=True), self.header
            if is_changed := is_new and not is_same:
                header = read_header(self.sheet, place, row, [], header.start, header.stop)
            is_other = (header.places, header.headers) != (self.header.places, self.header.headers)
            if is_changed:
                self.use(header)
            if (is_other or doubt is not None) and (self.list.parts or not is_changed):  # of the same pool
                heading = self.list.heading if doubt is None else list_heading(self.sheet.grid.name)
                self.start(heading, self.list.title, None, doubt)
            self.list.header = header
            self.list.set_aside.append((place, "repeated header" + ", of the key only" * (not is_new and not is_whole)))
            return True
        if keys[0] != self.rows.key:
            if self.sheet.codes_below(place, keys[0]) == 2:
                raise self.sheet.two_headers((self.header.row, self.rows.key), (place, keys[0]))
            self.looked[keys[0]] = self.looked.get(keys[0], 0) + 1
            if self.looked[keys[0]] == SAMPLE:  # it is what the column holds
                self.use(self.header)
        return False

    def start(self, heading: str, title: str, declared: int | None = None, doubt: int | None = None) -> None:
        if len(self.lists) >= MAX_LISTS:
            raise UnreadableFile(self.sheet.where, f"holds more than {MAX_LISTS:,} lists. Export it again.")
        self.list = KeyList(self.sheet, self.header, heading, title, doubt, declared)
        self.lists.append(self.list)

    def pool_title(self, filled: list[Any]) -> str:
        """The pool a title row names beyond doubt (`Pool: Azure Fundamentals`), "" for any other row."""
        is_title = self.of_pools and len(filled) < 3 and all(isinstance(cell, str) for cell in filled)
        if not is_title or (len(filled) == 2 and not filled[0].rstrip().endswith(":")):
            return ""
        match = POOL_TITLE.fullmatch(" ".join(" ".join(filled).split()))
        return match[1] if match else ""

    def settle(self, first: int, stop: int, title_may_stand: bool = False) -> int | None:
        """Decide what every row of a list is, from `first` on; returns the row of a title that may be another pool's name."""
        rows = self.filled[slice(*np.searchsorted(self.filled, (first, stop)))]
        stops, self.repeats, doubt = np.array([*self.repeats, stop]), [], None
        rows = rows[~np.isin(rows, stops)] if len(stops) > 1 else rows
        if title_may_stand and self.is_title(rows, first):
            rows, row = rows[:-1], int(rows[-1])
            self.list.set_aside.append((row, "title of a list"))
            text = fold_header(*self.row(row).values())
            doubt = None if text in self.titles else row  # what stood there before is the title of the page
            self.titles.add(text)
        records, set_aside = self.rows.settle(rows, stops)
        self.list.set_aside += set_aside
        if len(records):
            self.list.parts.append(records)
            self.list.odd.append(~self.rows.is_ordinary[records])
        return doubt

    def is_title(self, rows: Array, first: int) -> bool:
        """May the last of some rows, which stands directly above the next list, name another pool?"""
        row = int(rows[-1]) if len(rows) else -1
        if not self.of_pools or row < first or self.rows.cells[row] != 1:
            return False
        (text,) = self.row(row).values()
        if not isinstance(text, str) or is_special(text) or RULE.fullmatch(text) or flag_of(text) is not None:
            return False
        if not self.list.parts and not (self.rows.codes[first:row] >= 0).any():
            return False  # it stands above the first of its records
        shape = self.rows.shape(np.arange(max(first, row - SAMPLE), row))
        return not self.rows.is_plain[row] and not shape.fits(self.rows.text(row))
