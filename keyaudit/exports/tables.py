"""Sheet → lists of records: every row below the first header is one, or is set aside with a reason. (CATALOGUE §1, §3, §6)"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.columns import COLUMNS, LIST_HEADINGS, fold_header, list_heading
from keyaudit.errors import UnreadableFile
from keyaudit.exports.dates import flag_of, written
from keyaudit.exports.headers import (
    ORDINARY,
    ORDINARY_TEXT,
    SAMPLE,
    Header,
    Sheet,
    blocks_of,
    codes_below,
    find_header,
    read_header,
)
from keyaudit.exports.hints import DATE_LIKE, kind_of

TOTALS = re.compile(
    r"(?:(?:grand|sub)[\s-]*totals?|totals?|count|sum|summary|gesamt(?:summe)?|zwischensumme|summe|anzahl|(?:sous-)?total|somme"
    r"|totale|totaal|sub-?totaal|suma|soma|summa|razem|toplam|yhteensä|итого|合計|小計|总计)\b(?!-)",
    re.I,
)
POOL_TITLE = re.compile(r"(?:training\s+key\s+)?pool(?:\s+name)?\s*:\s*(\S.*)", re.I | re.S)
PAGE = re.compile(r"(?:page|seite|página|pagina|strona|sida|side|sivu|страница|ページ)\s*:?\s*\d+.*", re.I | re.S)
RULE = re.compile(r"[-=+|_*~.:\s]*[-=+|_*~][-=+|_*~.:\s]*")
MAX_SUMS = 3  # rows without a code at the end of one list: more are rows whose code was lost
MAX_LISTS = 10_000  # in one sheet: beyond, it is no export
NO_FACT = "no code, and no fact of ours"


@dataclass
class KeyList:
    """One list of one sheet: its header, the rows of its records (from 0), and the rows that are none, with the reason."""

    sheet: Sheet
    header: Header
    heading: str  # what its heading proves: "", unredeemed, distributed, redeemed
    title: str = ""  # the pool that a title row above the list names
    doubt: int | None = None  # the row of a title above the list that may be another pool's name
    declared: int | None = None  # how many keys its heading says there are
    rows: Array = field(default_factory=lambda: np.array([], dtype=np.int64))
    is_odd: Array = field(default_factory=lambda: np.array([], dtype=bool))  # which of them are not plainly a code
    set_aside: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Found:
    """The lists of one sheet, how many rows below its first header are filled, and the row above it that may hold a key."""

    sheet: Sheet
    lists: list[KeyList]
    rows: int
    above: int | None = None


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
    damaged = [(row, f"damaged row: {what}") for row, what in sheet.grid.damaged.items() if row > top]
    lists[0].set_aside += damaged
    return Found(sheet, lists, rows + len(damaged), _key_above(sheet, top, lists))


def _refuse_row_names(sheet: Sheet, header: Header) -> None:
    """A header one cell narrower than every row: which column a header names is not known. (CATALOGUE §3)"""
    widths = sheet.grid.widths
    if widths is None:
        return
    body = np.flatnonzero(sheet.filled(0, sheet.width)[header.row + 1 :] > 1) + header.row + 1
    key, wide = header.places[sheet.required], int(widths[header.row])
    if len(body) == 0 or not (widths[body] == wide + 1).all():
        return
    is_blank = not (sheet.codes(wide)[body] >= 0).any()
    codes = [kind_of(sheet.sample(place, header.row)) == "code" for place in (key, key + 1)]
    numbers = kind_of(sheet.sample(key, header.row)) == "count"
    if not is_blank or (codes[1] and (not codes[0] or numbers)):
        raise UnreadableFile(
            sheet.where,
            f"every row has {wide + 1} cells and the header has {wide}: a column without a name stands before the first one "
            "(row names), or one behind the last. Give every column a header and save the file again.",
        )


def _key_above(sheet: Sheet, top: int, lists: list[KeyList]) -> int | None:
    """The first row above the header that holds what looks like a code, or is as wide as the header."""
    above = [(row, [cell for cell in sheet.head[row] if cell is not None]) for row in range(top)]
    if not any(filled for _, filled in above):
        return None
    shape = _Shape.of(sheet, lists[0].header.places[sheet.required], lists[0].rows[:SAMPLE])
    named = len([cell for cell in sheet.head[top] if cell is not None])
    return next((row for row, filled in above if 2 < named == len(filled) or any(map(shape.is_within, filled))), None)


@dataclass
class _Shape:
    """Which lengths and kinds of signs the codes of a list have."""

    lengths: set[int]
    kinds: set[str]

    @classmethod
    def of(cls, sheet: Sheet, key: int, rows: Array) -> _Shape:
        """The shape of the texts in some rows of the key's column."""
        values = Coded(sheet.codes(key)[rows], sheet.grid.columns[key].values).compact().values
        if not isinstance(values, pa.Array):
            values = pa.array([_plain(value) for value in values], TEXT)
        kinds = {
            kind for kind, signs in _KINDS.items() if pc.any(pc.match_substring_regex(values, f"[{signs}]")).as_py()
        }
        other = values.filter(pc.match_substring_regex(values, "[^0-9A-Za-z]"))
        kinds |= {sign for text in other.slice(0, 10_000).to_pylist() for sign in text if not sign.isalnum()}
        return cls(set(pc.unique(pc.utf8_length(values)).to_pylist()), kinds)

    def fits(self, text: str) -> bool:
        """Has a text the shape of a code of the list?"""
        kinds = {"9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text}
        return len(text) in self.lengths and kinds <= self.kinds

    def is_within(self, cell: Any) -> bool:
        """Stands a word in the cell that is as long as a code, eight signs at least, with letters and digits?"""
        words = [word.strip("()[],;:'\"=") for word in cell.split()] if isinstance(cell, str) else []
        return any(len(w) in self.lengths and len(w) >= 8 and ORDINARY(w) and not DATE_LIKE.match(w) for w in words)


_KINDS = {"9": "0-9", "A": "A-Z", "a": "a-z"}


def _plain(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _are_ordinary(values: Any, header: str) -> Array:
    """Which values are plainly codes, and not the key's header."""
    if not isinstance(values, pa.Array):
        return np.array([isinstance(v, str) and bool(ORDINARY(v)) and v != header for v in values], dtype=bool)
    held = pc.match_substring_regex(values, ORDINARY_TEXT)
    return (pc.and_(held, pc.not_equal(values, header)) if ORDINARY(header) else held).to_numpy(zero_copy_only=False)


def _is_special(cell: Any) -> bool:
    """Begins a text like a total, or is it the number of a page?"""
    return isinstance(cell, str) and bool(TOTALS.match(cell.strip()) or PAGE.fullmatch(cell.strip()))


_SPECIAL = r"(?i)^[^\pL\pN]*(?:gra|sub|tot|cou|sum|ges|zwi|anz|sou|som|suo|raz|top|yht|ито|合|小|总|pag|pág|sei|str|sid|siv|стр|ペ)"


def is_number(cell: Any) -> bool:
    """Is it a bare number, which may be a sum?"""
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and bool(re.fullmatch(r"[\d.,\s]+", cell)))


def _number_in(text: str) -> int | None:
    """How many keys a heading says its list has."""
    found = re.search(r"[(\[:]\s*(\d{1,9})", text)
    return int(found[1]) if found and list_heading(text) else None


class _Block:
    """The lists that stand one below the other under the headers of one block of columns."""

    def __init__(self, sheet: Sheet, header: Header) -> None:
        self.sheet, self.of_pools = sheet, sheet.role in ("pools_before", "pools_now")
        self.has_keys = sheet.required == "training_key"
        self.cells = sheet.filled(header.start, header.stop)
        self.lists: list[KeyList] = []
        self.parts: list[Array] = []  # the records of the list at hand
        self.odds: list[Array] = []  # which of them are not plainly a code
        self.filled = np.flatnonzero(self.cells)
        self.columns = [*range(header.start, min(header.stop, sheet.width))]
        self.looked: dict[int, int] = {}  # column → how often the key's header stood in it, and was none
        self.repeats: list[int] = []  # rows of the list at hand that are its header again
        self.headings: set[str] = set()  # of the pool at hand
        self.titles: set[str] = set()  # that stood above a list before: of the page, not of a pool
        self.use(header)

    def use(self, header: Header) -> None:
        """Read on under this header."""
        sheet, self.header, self.key = self.sheet, header, header.places[self.sheet.required]
        self.texts = header.unused | {place: header.headers[name] for name, place in header.places.items()}
        beside = tuple(sorted(set(header.places.values()) - {self.key}))

        def learn() -> tuple[Array, ...]:
            codes, values = sheet.codes(self.key), sheet.grid.columns[self.key].values
            facts = np.zeros(sheet.height, dtype=bool)
            for place in beside:
                facts |= sheet.says(place)
            ordinary = _are_ordinary(values, self.texts[self.key])
            is_ordinary = np.append(ordinary, False)[codes]
            odd = (codes >= 0) & ~is_ordinary
            key = Coded(np.where(odd, codes, -1), values).compact() if odd.any() else Coded.nothing(sheet.height)
            special = key.has(_is_special, _SPECIAL)
            typed = key.has(lambda cell: not isinstance(cell, str))
            plain = is_ordinary | typed | (odd & facts & ~special)
            rest = np.flatnonzero((self.cells > 0) & ~is_ordinary)
            looked = [place for place in self.columns if self.looked.get(place, 0) < SAMPLE]
            marks = rest[sheet.holds(rest, looked, self.is_mark, self.mark_pattern())]
            return facts, plain, special, is_ordinary, marks

        self.facts, self.plain, self.special, self.is_ordinary, self.marks = sheet.kept(
            ("rows", self.key, beside, self.texts[self.key], max(self.looked.values(), default=0) < SAMPLE), learn
        )

    def is_mark(self, cell: Any) -> bool:
        """May the cell stand in a row where a list begins?"""
        if not isinstance(cell, str):
            return False
        is_title = self.of_pools and bool(re.match(r"\s*(?:training\s+key\s+)?pool(?:\s+name)?\s*:", cell, re.I))
        return is_title or bool(list_heading(cell)) or self.sheet.means(cell) == self.sheet.required

    def mark_pattern(self) -> str:
        """How such a cell begins. (RE2)"""
        known = [alias for alias, name in self.sheet.known.items() if name == self.sheet.required]
        begin = sorted({re.escape(word[:2]) for word in (*known, *LIST_HEADINGS, "pool", "training")})
        return rf"(?i)^[^\pL]*(?:{'|'.join(begin)})"

    def below(self) -> list[KeyList]:
        """Every list below the header, with its rows."""
        first = self.header.row + 1
        self.start(*self.above(self.header.row))
        at = 0
        while (at := int(np.searchsorted(self.marks, max(first, at)))) < len(self.marks):
            place = int(self.marks[at])
            if self.begins(place, first):
                first = place + 1
            at = place + 1
        self.settle(first, self.sheet.height)
        self.close()
        return self.lists

    def above(self, top: int) -> tuple[str, str, int | None]:
        """What stands above the first list: what its heading proves, the pool that a title names, how many keys it has."""
        told, title, declared = list_heading(self.sheet.grid.name), "", _number_in(self.sheet.grid.name)
        if self.header.heading:
            return self.header.heading, title, _number_in(self.texts[self.key])
        for place in range(top):
            filled = [cell for cell in self.sheet.head[place][self.header.start : self.header.stop] if cell is not None]
            headings = [cell for cell in filled if isinstance(cell, str) and list_heading(cell)]
            self.headings |= {fold_header(cell) for cell in headings}
            self.titles |= {fold_header(cell) for cell in filled[:1] if len(filled) == 1}
            title = self.pool_title(filled) or title
            if headings:
                told, declared = list_heading(headings[0]), _number_in(headings[0])
        if len({list_heading(heading) for heading in self.headings}) > 1:
            return "", title, None  # counts of several lists above one: its own heading is not among them for certain
        return told, title, declared if told else None

    def begins(self, place: int, first: int) -> bool:
        """Does a list begin at a row, or is its header repeated there? If so, what stands above is settled."""
        row = self.sheet.row(place)[self.header.start : self.header.stop]
        filled = [cell for cell in row if cell is not None]
        if self.begins_with_header(place, row, filled, first):
            return True
        is_heading = bool(list_heading(filled[0])) and (len(filled) == 1 or (len(filled) == 2 and is_number(filled[1])))
        title = self.pool_title(filled)
        if is_heading:
            name = fold_header(filled[0])
            doubt = self.settle(first, place, title_may_stand=name in self.headings)
            self.headings.add(name)
            self.start(list_heading(filled[0]), self.lists[-1].title, _number_in(": ".join(map(_plain, filled))), doubt)
            self.lists[-1].set_aside.append((place, "heading of a list"))
        elif title:
            self.settle(first, place)
            self.headings.clear()
            if self.parts or self.lists[-1].title:
                self.start(list_heading(self.sheet.grid.name), title)
            self.lists[-1].title = title
            self.lists[-1].set_aside.append((place, "title of a pool"))
        return is_heading or bool(title)

    def begins_with_header(self, place: int, row: list[Any], filled: list[Any], first: int) -> bool:
        start, required = self.header.start, self.sheet.required
        named = {start + i: name for i, cell in enumerate(row) if (name := self.sheet.means(cell))}
        keys = [i for i, name in named.items() if name == required]
        if not keys:
            return False
        texts = {start + i: " ".join(str(cell).split()) for i, cell in enumerate(row) if cell is not None}
        is_same = all(self.texts.get(i) == text for i, text in texts.items())
        is_new = len(set(named.values())) > 1 and not any(re.search(r"\d{3}|@", text) for text in texts.values())
        above = self.filled[max(0, np.searchsorted(self.filled, place) - 1) : np.searchsorted(self.filled, place)]
        if is_same and len(texts) == len(self.texts) and not self.is_title(above, first):
            self.lists[-1].set_aside.append((place, "repeated header"))
            self.repeats.append(place)
            return False
        if is_same or is_new or (len(filled) == 1 and keys[0] == self.key):
            doubt = self.settle(first, place, title_may_stand=True)
            if is_new and not is_same:
                header = read_header(self.sheet, [None] * start + row, place, start, self.header.stop)
                is_other = header.places != self.header.places or header.headers != self.header.headers
                self.use(header)
                if self.parts and (is_other or doubt is not None):
                    self.start(self.lists[-1].heading, self.lists[-1].title, None, doubt)
                self.lists[-1].header = header
            elif doubt is not None:
                self.start(self.lists[-1].heading, self.lists[-1].title, None, doubt)
            is_whole = is_new or len(texts) == len(self.texts)
            reason = "repeated header" if is_whole else "repeated header, of the key only"
            self.lists[-1].set_aside.append((place, reason))
            return True
        if keys[0] != self.key:
            if codes_below(self.sheet, place, keys[0]) == 2:
                raise UnreadableFile(
                    self.sheet.where,
                    f"row {self.header.row + 1} and row {place + 1} could both be the header: the key's stands in column "
                    f"{self.key + 1} and in column {keys[0] + 1}. Give each list a file of its own, or delete the row that "
                    "is none.",
                )
            self.looked[keys[0]] = self.looked.get(keys[0], 0) + 1
            if self.looked[keys[0]] == SAMPLE:  # it is what the column holds
                self.use(self.header)
        return False

    def start(self, heading: str, title: str, declared: int | None = None, doubt: int | None = None) -> None:
        """Begin a list."""
        if len(self.lists) >= MAX_LISTS:
            raise UnreadableFile(self.sheet.where, f"holds more than {MAX_LISTS:,} lists. Export it again.")
        self.close()
        self.lists.append(KeyList(self.sheet, self.header, heading, title, doubt, declared))

    def close(self) -> None:
        """Give the list at hand its records."""
        if self.parts:
            rows, is_odd = np.concatenate(self.parts), np.concatenate(self.odds)
            order = np.argsort(rows, kind="stable")
            self.lists[-1].rows, self.lists[-1].is_odd = rows[order], is_odd[order]
        self.parts, self.odds = [], []

    def pool_title(self, filled: list[Any]) -> str:
        """The pool a title row names beyond doubt (`Pool: Azure Fundamentals`), "" for any other row."""
        if not self.of_pools or len(filled) > 2 or not all(isinstance(cell, str) for cell in filled):
            return ""
        if len(filled) == 2 and not filled[0].rstrip().endswith(":"):
            return ""
        match = POOL_TITLE.fullmatch(" ".join(" ".join(filled).split()))
        return match[1] if match else ""

    def settle(self, first: int, stop: int, title_may_stand: bool = False) -> int | None:
        """Decide what every row of a list is, from `first` on; returns the row of a title that may be another pool's name."""
        rows = self.filled[np.searchsorted(self.filled, first) : np.searchsorted(self.filled, stop)]
        stops, self.repeats = np.array([*self.repeats, stop]), []
        rows = rows[~np.isin(rows, stops)] if len(stops) > 1 else rows
        doubt = None
        if title_may_stand and self.is_title(rows, first):
            rows, doubt = rows[:-1], self.title(int(rows[-1]))
        fits = self.fits(rows)
        good = self.plain[rows] & fits
        if not good.all() or 0 < np.count_nonzero(self.cells[rows] == 1) < len(rows):
            good = self.settle_odd(rows, good, fits, stops)
        if good.any():
            self.parts.append(rows[good])
            self.odds.append(~self.is_ordinary[rows[good]])
        return doubt

    def settle_odd(self, rows: Array, good: Array, fits: Array, stops: Array) -> Array:
        """Which rows of a list are records, if not all plainly are; the others are set aside. `stops`: where it ends, and
        the rows in which its header stands again: above each of them may be what stands at an end."""
        shape = cache(lambda: self.shape(rows[good]))
        notes = np.isin(rows, self.notes_below(rows[good])) if self.has_keys else np.zeros(len(rows), dtype=bool)
        good = good & ~notes
        has_key, facts = self.sheet.codes(self.key)[rows] >= 0, self.facts[rows]
        is_below = rows > rows[good].max(initial=-1)
        holds_code = np.zeros(len(rows), dtype=bool)
        without = ~has_key & ~facts
        holds_code[without] = self.sheet.holds(rows[without], self.columns, lambda cell: shape().is_within(cell))
        nothing = without & ~holds_code & (fits | is_below)
        damaged = ~fits & ~good & ~nothing & (~has_key | (~self.special[rows] & (self.cells[rows] > 1)))
        lost = ~has_key & ~nothing & ~damaged
        sums = nothing & is_below & (np.count_nonzero(nothing & is_below) <= MAX_SUMS)
        set_aside = [(row, self.damage(row)) for row in rows[damaged].tolist()]
        for mask, reason in ((notes, "note"), (lost, "blank key"), (sums, "totals"), (nothing & ~sums, NO_FACT)):
            set_aside += [(row, reason) for row in rows[mask].tolist()]
        others_fill = bool(good.any()) and bool((self.cells[rows[good]] > 1).all())
        solid = rows[good | damaged | lost]
        places = np.flatnonzero(~(good | damaged | lost | nothing | notes))[::-1]
        column = self.sheet.grid.columns[self.key].take(rows[places]).compact()
        texts = np.array([*map(_plain, column.listed()), ""], dtype=object)[column.codes].tolist()
        ends = stops[np.searchsorted(stops, rows[places])]
        borders = np.append(solid, -1)[np.searchsorted(solid, ends) - 1]
        record, odd = len(self.cells), list[int]()  # the first record below that is not plainly one
        for place, text, end, border in zip(places.tolist(), texts, ends.tolist(), borders.tolist(), strict=True):
            row = int(rows[place])
            reason = self.reason(row, text.strip(), row > border and not record < end, others_fill, shape)
            reason = reason or ("" if fits[place] else self.damage(row))
            if reason:
                set_aside.append((row, reason))
            else:
                odd.append(place)
            record = record if reason and not reason.startswith("damaged") else row
        good[odd] = True
        self.lists[-1].set_aside += sorted(set_aside)
        return good

    def shape(self, rows: Array) -> _Shape:
        """The shape of the codes in some rows; without any, of those above them in the list."""
        rows = rows if len(rows) or not self.parts else self.parts[-1]
        return _Shape.of(self.sheet, self.key, rows)

    def notes_below(self, rows: Array) -> Array:
        """The last rows of a list that fill one cell only, where all others fill more, and are shaped like none of its codes.

        A number beside a word is no cell more: it may be a sum.
        """
        fills = self.cells[rows] > 1
        may_be_sum = (self.cells[rows] == 2) & ~self.is_ordinary[rows]
        if may_be_sum[-1:].any():
            beside = [place for place in self.columns if place != self.key]
            fills[may_be_sum] = ~self.sheet.holds(rows[may_be_sum], beside, is_number)
        border = int(np.flatnonzero(fills)[-1:].sum()) + 1 if fills.any() else 0
        if border in (0, len(rows)) or not fills[:border].all():
            return rows[:0]
        above = self.shape(rows[:border])
        below = Coded(self.sheet.codes(self.key)[rows[border:]], self.sheet.grid.columns[self.key].values).compact()
        is_note = below.has(lambda cell: not above.fits(_plain(cell)) and not above.is_within(cell))
        return rows[border:] if is_note.all() else rows[:0]

    def beside(self, row: int) -> list[Any]:
        """The filled cells of a row beside the key."""
        if self.cells[row] == 1:
            return []
        cells = self.sheet.row(row)[self.header.start : self.header.stop]
        return [cell for place, cell in enumerate(cells, self.header.start) if cell is not None and place != self.key]

    def reason(self, row: int, text: str, at_end: bool, others_fill: bool, shape: Callable[[], _Shape]) -> str:
        """Why a row with a key cell is no record, "" if it is one."""
        others = self.beside(row)
        if all(isinstance(cell, str) and RULE.fullmatch(cell) for cell in (text, *others)):
            return "rule"
        if PAGE.fullmatch(text) and not self.facts[row]:
            return "number of a page"
        are_numbers = all(map(is_number, others))
        if TOTALS.match(text) and (are_numbers or not self.facts[row]) and (at_end or not shape().fits(text)):
            return "totals"
        if shape().is_within(text):
            return ""
        words = len(text.split())
        if not shape().lengths:  # a list without a key
            is_text = words > 1 and not others and not re.search(r"\d", text)
            return "note" if at_end and is_text and len(self.header.places) > 1 else ""
        if not others and at_end and words > 1 and " " not in shape().kinds:
            return "note"
        if self.has_keys and others_fill and not shape().fits(text):
            if not others and (at_end or words > 1 or not re.search(r"\d", text)):
                return "note"
            return "totals" if at_end and others and are_numbers else ""
        return ""

    def fits(self, rows: Array) -> Array:
        """Which rows have the header's width? Blank cells behind it do not count where no other cell can have shifted."""
        widths = self.sheet.grid.widths
        if widths is None:
            return np.ones(len(rows), dtype=bool)
        widths, header = widths[rows], self.header
        fits = (widths >= header.named) & (widths <= header.width)
        wide = widths > header.width
        for place in range(header.width, self.sheet.width if wide.any() else 0):
            wide &= self.sheet.codes(place)[rows] < 0
        if wide.any():
            is_usual = bool((wide | (widths < header.named)).all())  # a delimiter stands at the end of every line
            fits[wide] = is_usual or [self.ends_in_a_date(row) for row in rows[wide].tolist()]
        return fits

    def ends_in_a_date(self, row: int) -> bool:
        """Is the last filled cell of a row a date, below the header of a date?"""
        cells = self.sheet.row(row)
        last = max(place for place, cell in enumerate(cells) if cell is not None)
        name = next((name for name, place in self.header.places.items() if place == last), "")
        return bool(name) and COLUMNS[name].kind == "date" and written(cells[last]) is not None

    def damage(self, row: int) -> str:
        """What is said of a row of another width."""
        width = 0 if self.sheet.grid.widths is None else int(self.sheet.grid.widths[row])
        return f"damaged row: {width} cells, the header has {self.header.width}"

    def is_title(self, rows: Array, first: int) -> bool:
        """May the last of some rows, which stands directly above the next list, name another pool?"""
        row = int(rows[-1]) if len(rows) else -1
        if not self.of_pools or row < first or self.cells[row] != 1:
            return False
        text = next(cell for cell in self.sheet.row(row)[self.header.start :] if cell is not None)
        if not isinstance(text, str) or _is_special(text) or RULE.fullmatch(text) or flag_of(text) is not None:
            return False
        begin = max(first, row - SAMPLE)
        above = np.flatnonzero(self.sheet.codes(self.key)[begin:row] >= 0) + begin
        if not self.parts and not len(above):
            return False
        return self.sheet.codes(self.key)[row] < 0 or not (self.plain[row] or self.shape(above).fits(text))

    def title(self, row: int) -> int | None:
        """Set a title aside; its row, unless it stood there before: then it is that of the page."""
        self.lists[-1].set_aside.append((row, "title of a list"))
        text = fold_header(next(cell for cell in self.sheet.row(row)[self.header.start :] if cell is not None))
        is_known = text in self.titles
        self.titles.add(text)
        return None if is_known else row
