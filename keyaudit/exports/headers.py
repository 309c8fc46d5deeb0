"""Grid → header: the row that names the columns, and what to say of a header that is not known. (CATALOGUE §3, §6)"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import MANY, Array, Coded
from keyaudit.columns import COLUMNS, ROLES, aliases, column_named, fold_header, list_heading
from keyaudit.errors import UnreadableFile
from keyaudit.exports.codes import BEGIN, BLANKS
from keyaudit.exports.dates import DAYS_OF_NOW, MAY_BE_BLANK, bare, count_of, is_blank, is_type
from keyaudit.exports.grid import Grid, column_letters
from keyaudit.exports.records import FileOptions
from keyaudit.masking import mask_text

HEADER_WITHIN = 50
ORDINARY = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9_.-]+").fullmatch  # a code that can be nothing else
ORDINARY_TEXT = r"^[A-Za-z_.\-]*[0-9][A-Za-z0-9_.\-]*$"  # the same for Arrow
SAMPLE = 200  # cells by which a column is judged
LONGEST = 100  # signs of a header
MANY_COLUMNS = 1000  # that no role uses: further ones without a header are not told
EMPTY = BEGIN.replace("+(.*)$", "*(?:=?\"\"|'')?\\s*$")  # the same for Arrow

Row: TypeAlias = dict[int, Any]  # column, from 0 → cell


class Sheet:
    """A grid as one role looks at it: what its headers mean, which cells are filled, which say something."""

    def __init__(self, grid: Grid, role: str, label: str, options: FileOptions) -> None:
        self.grid, self.role, self.required = grid, role, ROLES[role].required
        self.label, self.where = label, f'{label}, sheet "{grid.name}"' if grid.name else label
        self.options, own = options, options.columns  # what has its own header in this file: no other means it
        self.known = {alias: name for alias, name in aliases(role).items() if name not in own}
        self.known |= {fold_header(text): column for column, text in own.items()}
        self.width, self.height = len(grid.columns), grid.height
        self._kept: dict[Any, Any] = {}
        for name in ("means", "codes", "says", "filled", "sample"):  # each is found once
            setattr(self, name, cache(getattr(self, name)))

    def means(self, cell: Any) -> str | None:
        """The column of ours that a header names."""
        return column_named(cell, self.known) if isinstance(cell, str) and len(cell) <= LONGEST else None

    def row(self, place: int, start: int = 0, stop: int | None = None) -> Row:
        """The cells of a row between two columns in which something is seen, without what a file puts around them."""
        cells = enumerate(self.grid.row(place)[start:stop], start)
        return {at: bare(cell) for at, cell in cells if not _is_empty(cell)}

    def at(self, place: int) -> Row:
        """A row as a header may stand in it."""
        return self.head[place] if place < len(self.head) else self.row(place)

    @cached_property
    def head(self) -> list[Row]:
        """The first rows, a merged header named in each row it spans."""
        rows = [self.row(place) for place in range(min(HEADER_WITHIN, self.height))]
        for (top, left), (bottom, _) in self.grid.merged:
            for row in rows[top + 1 : bottom + 1]:
                row.pop(left, None)
                row |= {left: rows[top][left]} if left in rows[top] else {}
        return [dict(sorted(row.items())) for row in rows]

    def kept(self, name: Any, make: Callable[[], Any]) -> Any:
        """What is found out once."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def codes(self, place: int) -> Array:
        """For every row the place of its cell among the column's values, -1 where nothing is seen."""
        column, values = self.grid.columns[place], self.grid.columns[place].values
        if isinstance(values, pa.Array) and len(values) > MANY:  # what begins with a digit or a letter is seen
            seen = pc.and_(pc.greater_equal(values, "0"), pc.less(values, "{"))
            if pc.all(pc.and_not(seen, pc.starts_with(values, "="))).as_py():
                return column.codes
        empty = column.has(_is_empty, EMPTY)
        return np.where(empty, -1, column.codes) if empty.any() else column.codes

    def says(self, place: int) -> Array:
        """Which cells of a column beside the key say something."""
        return (self.codes(place) >= 0) & ~self.grid.columns[place].has(is_blank, MAY_BE_BLANK)

    def filled(self, start: int, stop: int) -> Array:
        """How many cells of every row are filled between two columns."""
        found = np.zeros(self.height, dtype=np.int32)
        for place in range(start, min(stop, self.width)):
            found += self.codes(place) >= 0
        return found

    def cells(self, place: int, rows: Array) -> Coded:
        """What is seen of a column in some rows."""
        return Coded(self.codes(place)[rows], self.grid.columns[place].values).compact()

    def holds(self, rows: Array, places: Iterable[int], test: Callable[[Any], bool], only: str = "") -> Array:
        """In which of some rows a cell of some columns passes a test (of many texts: only those with a pattern)."""
        found = np.zeros(len(rows), dtype=bool)
        for place in places if len(rows) else ():
            found |= self.cells(place, rows).has(test, only)
        return found

    def sample(self, place: int, top: int) -> list[Any]:
        """The first filled cells of a column below a row."""
        if place >= self.width:
            return []
        cells = self.cells(place, np.flatnonzero(self.codes(place)[top + 1 :] >= 0)[:SAMPLE] + top + 1)
        return cells.cells()

    def codes_below(self, place: int, column: int, found: int | None = None) -> int:
        """Do codes stand below a cell, before another header? 2 if they can be nothing else, 1 if they are words, else 0."""
        words, stop = 0, min(place + 1 + HEADER_WITHIN, self.height)
        for number in range(place + 1, stop if found is None else min(found, stop)):
            cell = self.at(number).get(column)
            if isinstance(cell, str) and self.means(cell) != self.required and not list_heading(cell):
                if ORDINARY(cell):
                    return 2
                words += bool(re.fullmatch(r"[^\W\d_]{4,}", cell)) and not self.means(cell)
            elif cell is not None and not isinstance(cell, str):
                return 2
            if words > 3:
                break
        return min(words, 1)

    def two_headers(self, one: tuple[int, int], other: tuple[int, int]) -> UnreadableFile:
        """The error for two rows of which either may be the header, each given with the column of its key."""
        return UnreadableFile(
            self.where,
            f"row {one[0] + 1} and row {other[0] + 1} could both be the header: the key's stands in column {one[1] + 1} and in column "
            f"{other[1] + 1}. Give each list a file of its own, or delete the row that is none.",
        )

    def ready_line(self, column: str, header: str) -> str:
        """The lines of case.toml that give a column its header, beside those that are declared already."""
        text = header if mask_text(header) == header else "the header in your file"  # it may hold a code
        return self.options.entry(self.label, {column: text})


@dataclass(frozen=True)
class Header:
    """A row that names columns: where each of ours stands between two borders, and how many cells a row must have."""

    row: int
    places: dict[str, int]  # our column → cell index
    headers: dict[str, str]
    unused: dict[int, str]
    start: int
    stop: int
    named: int  # up to the last cell with a name
    width: int
    heading: str = ""  # where the heading of a list is its key's header

    @property
    def texts(self) -> dict[int, str]:
        """The text of every header by its place."""
        return self.unused | {place: self.headers[name] for name, place in self.places.items()}

    def name_columns(self, sheet: Sheet, rows: Array) -> None:
        """Call the columns without a header in which records (`rows`) have something by their letters; case.toml may name them so.

        Behind the last header half of the records must have something: less is a remark beside the list.
        """
        last, texts = max(self.texts), self.texts
        for place in range(self.start, min(self.stop, sheet.width)):
            filled = 0 if place in texts else np.count_nonzero(sheet.codes(place)[rows] >= 0)
            if filled and (place < last or 2 * filled >= len(rows)):
                text = f"(column {column_letters(place)}, without a header)"
                column = sheet.means(text)
                if column and column not in self.places:
                    self.places[column], self.headers[column] = place, text
                elif len(self.unused) < MANY_COLUMNS:
                    self.unused[place] = text


def _is_empty(cell: Any) -> bool:
    """Does a person see nothing in the cell?"""
    return cell is None or (isinstance(cell, str) and cell.strip(BLANKS) in ("", '=""', '""', "''"))


def find_header(sheet: Sheet) -> int | None:
    """The first row with the key's header, without a code in it, below which codes stand. (CATALOGUE §3)

    Another header we know beside it is proof enough. Without a code below any of them, it is the last: nearest to what
    follows; of equal rows, the first. A list without such a row may have its heading for a header.
    """
    head, found, sole = sheet.head, None, list[int]()
    for place, row in reversed([*enumerate(head)]):
        column = _key_at(sheet, row)
        if column < 0 or any(_is_code_among_codes(head, place, i) for i in row):
            continue
        strength = 2 if len({*map(sheet.means, row.values())} - {None}) > 1 else sheet.codes_below(place, column, found)
        is_alone = len(row) == 1
        is_same = found is not None and row == head[found]
        is_near = found is None or (not is_alone and sheet.means(head[found].get(column)) == sheet.required)
        if strength == 2 or is_same or (strength and is_near):
            found = place
        elif found is not None and not is_alone and _are_rivals(sheet, place, found):
            raise sheet.two_headers((place, column), (found, _key_at(sheet, head[found])))
        else:
            sole.append(place)
    if found is None and sole and not _is_prose(sheet, sole[0]):
        found = next(place for place in reversed(sole) if head[place] == head[sole[0]])
    for place, row in enumerate(head) if found is None else ():
        if row and all(list_heading(cell) and sheet.codes_below(place, i) == 2 for i, cell in row.items()):
            below = next(filter(None, head[place + 1 :]), Row())
            return None if len({*map(sheet.means, below.values())} - {None}) > 1 else place  # whose key we do not know
    if found is not None and found + 1 < len(head) and (both := _in_two_rows(sheet, head[found], head[found + 1])):
        found += 1
        head[found] = both
    return found


def _key_at(sheet: Sheet, row: Row) -> int:
    """Where the key's header stands in a row, -1 where it does not."""
    return next((i for i, cell in row.items() if sheet.means(cell) == sheet.required), -1)


def _are_rivals(sheet: Sheet, place: int, found: int) -> bool:
    """Is the lower of two rows with the key's header known by that alone, and do codes stand below that of the upper one too?"""
    column, other = (_key_at(sheet, sheet.head[row]) for row in (place, found))
    known = {*map(sheet.means, sheet.head[found].values())} - {None}
    return column != other and len(known) == 1 and sheet.codes_below(place, column) == 2


def _is_code_among_codes(head: list[Row], place: int, column: int) -> bool:
    """Is a cell like a code, and another one near it in its column as well?"""
    cell = head[place][column]
    near = [row.get(column) for row in (*head[max(0, place - 3) : place], *head[place + 1 : place + 4])]
    alike = [text for text in (cell, *near) if isinstance(text, str) and len(text) > 3 and ORDINARY(text)]
    return cell in alike and any(len(other) == len(cell) for other in alike[1:])


def _is_prose(sheet: Sheet, place: int) -> bool:
    """Is it a text of long lines, in which a word stands alone in its line?"""
    rows = range(place + 1, min(place + 101, sheet.height))
    lengths = [len(cell) for row in rows for cell in sheet.row(row).values() if isinstance(cell, str)]
    return len(lengths) >= 3 and sorted(lengths)[len(lengths) // 2] > 40


def _in_two_rows(sheet: Sheet, above: Row, below: Row) -> Row | None:
    """The header of both rows, if the lower one names columns the upper one leaves open, and nothing else."""
    added = [i for i, cell in below.items() if above.get(i) != cell]
    if not added or not all(map(sheet.means, below.values())) or any(sheet.means(above.get(i)) for i in added):
        return None
    return dict(sorted((above | below).items()))


def blocks_of(sheet: Sheet, top: int) -> list[Header]:
    """The headers of lists that stand side by side, also where one begins further down; usually one header."""
    row = sheet.head[top]
    keys = [i for i, cell in row.items() if sheet.means(cell) == sheet.required]
    if all(list_heading(row[i]) for i in keys):  # each heading is the header of its list
        keys = [i for i, cell in row.items() if list_heading(cell) and (i in keys or sheet.codes_below(top, i))]
    starts = [0] if len(keys) < 2 else keys if list_heading(row[keys[0]]) else _starts(sheet, top, keys)
    named = max(row) + 1
    beside = [] if len(starts) > 1 else _begin_below(sheet, top, named)
    borders = [0, *starts[1:], *(place for place, _ in beside), max(sheet.width, named)]
    numbers = [*(top for _ in starts), *(number for _, number in beside)]
    rows = [(number, row, keys) if number == top else (number, sheet.row(number), []) for number in numbers]
    return [read_header(sheet, *told, *span) for told, span in zip(rows, itertools.pairwise(borders), strict=True)]


def _starts(sheet: Sheet, top: int, keys: list[int]) -> list[int]:
    """Where the lists of one header row begin: at their headings above, or behind a column without a name."""
    for row in reversed(sheet.head[max(0, top - 3) : top]):
        starts = [i for i, cell in row.items() if list_heading(cell)]
        if len(starts) == len(keys):
            return starts
    row = sheet.head[top]
    starts = [i for i in row if i - 1 not in row]
    lists = itertools.pairwise([*starts, max(row) + 1])
    return starts if all(sum(start <= key < stop for key in keys) == 1 for start, stop in lists) else [0]


def _begin_below(sheet: Sheet, top: int, named: int) -> list[tuple[int, int]]:
    """Lists that begin further down, beside the columns the header names: first column and header row."""
    found, stop, below = list[tuple[int, int]](), named, np.arange(top + 1, sheet.height)
    for place in range(named, sheet.width):
        is_key = sheet.holds(below, [place] if place >= stop else [], lambda cell: sheet.means(cell) == sheet.required)
        numbers = (number for number in below[is_key].tolist() if sheet.codes_below(number, place))
        if (number := next(numbers, None)) is not None:
            row, first = sheet.row(number), place
            while first > stop and first - 1 in row:
                first -= 1
            stop = next(i for i in itertools.count(place) if i not in row)
            found.append((first, number))
    return found


def read_header(sheet: Sheet, number: int, row: Row, keys: Sequence[int], start: int, stop: int) -> Header:
    """Understand a header row between two columns. Raises UnreadableFile if two headers mean one column."""
    texts = {place: " ".join(str(cell).split()) for place, cell in row.items() if start <= place < stop}
    found_in: dict[str, list[int]] = {}
    for place, text in texts.items():
        if column := sheet.required if place in keys else sheet.means(text):
            found_in.setdefault(column, []).append(place)
    if "distributed_to" in found_in:
        del found_in["distributed_to"][1:]  # a log often has a learner's name and address: one is enough
    exact = {  # without a unit behind it
        column: [place for place in found if fold_header(texts[place]) in sheet.known]
        for column, found in found_in.items()
    }
    places = {column: (exact[column] or found)[0] for column, found in found_in.items()}
    for _, column in sorted((found[1], column) for column, found in exact.items() if len(found) > 1):
        first, text = (texts[place] for place in exact[column][:2])
        both = f'"{first}" and "{text}" both mean {column} ({COLUMNS[column].meaning})'
        what = f"two headers for one column: {both}. Delete or rename the other column"
        if fold_header(first) != fold_header(text):
            order = [*map(fold_header, COLUMNS[column].aliases)]  # the first is what exports have
            usual = min(
                first, text, key=lambda one: order.index(fold_header(one)) if fold_header(one) in order else len(order)
            )
            what += f", or say in case.toml which one counts:\n{sheet.ready_line(column, usual)}"
        raise UnreadableFile(sheet.where, what)
    unused = {place: text for place, text in texts.items() if text and place not in places.values()}
    if sheet.role == "course_keys" and "redeemed_at" not in sheet.options.columns and _are_uses(sheet, places, number):
        places["uses"] = places.pop("redeemed_at")
    named = max(row, default=-1) + 1
    width = sheet.width if sheet.grid.widths is None else int(sheet.grid.widths[number])
    heading = list_heading(texts.get(places.get(sheet.required, -1), ""))
    headers = {column: texts[place] for column, place in places.items()}
    return Header(number, places, headers, unused, start, stop, named, max(named, width), heading)


def _are_uses(sheet: Sheet, places: Mapping[str, int], top: int) -> bool:
    """Count the cells below "Used" or "Redeemed" how often a course key was used, because they can mean nothing else?

    0 and 1 may mean no and yes, which is the same where no key has more uses.
    """
    if "uses" in places or "redeemed_at" not in places:
        return False
    below = np.arange(top + 1, sheet.height)
    columns = (places.get(name, -1) for name in ("redeemed_at", "max_uses"))
    cells = (sheet.cells(place, below).listed() if place >= 0 else [] for place in columns)
    used, most = ([one for one in own if not (is_blank(one) or is_type(one) or sheet.means(one))] for own in cells)
    if not used or not all(count_of(cell) < DAYS_OF_NOW for cell in used):
        return False
    are_flags = all(str(bare(cell)) in ("0", "1", "0.0", "1.0") for cell in used)
    return not are_flags or all(count_of(cell) <= 1 for cell in most)
