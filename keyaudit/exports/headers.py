"""Grid → header: the row that names the columns, and what to say where there is none. (CATALOGUE §6)"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from keyaudit.columns import COLUMNS, LIST_HEADINGS, ROLES, aliases, fold_header
from keyaudit.errors import UnreadableFile, toml
from keyaudit.exports.rows import ColumnRows
from keyaudit.exports.sheets import Grid
from keyaudit.masking import mask_text, shape

HEADER_WITHIN = 50
ORDINARY = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9_.-]+").fullmatch
DATE_LIKE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
MERGED = 10_000  # more cells are not merged in any export
SHOWN = 40  # headers an error lists
LIKE = {"training_key": "key|code|schl|clé|clave|chave", "pool": "pool|name", "payment": "pay|key"}


@dataclass(frozen=True)
class Header:
    """A row that names columns: where each of ours stands between two borders, and how wide every row must be."""

    places: dict[str, int]  # our column → cell index
    headers: dict[str, str]
    unused: list[str]
    start: int
    stop: int
    width: int
    named: int  # up to the last cell with a name


def find_header(grid: Grid, known: dict[str, str], required: str) -> int | None:
    """The first row with the required header and another one we know; or with it alone, if codes stand below.

    A header that spans rows is named in its first; the row found is given its name too.
    """
    head = [list(row) for row in grid.rows[:HEADER_WITHIN]]
    for (top, left), (bottom, _) in grid.merged[:MERGED]:
        for row in range(top + 1, min(bottom + 1, len(head))):
            if left < len(head[top]) and left < len(head[row]):
                head[row][left] = head[top][left]
    found = _header_among(head, grid.rows, known, required)
    if found is None:
        return None
    both = _in_two_rows(head[found], head[found + 1], known) if found + 1 < len(head) else None
    place = found if both is None else found + 1
    grid.rows[place] = both or head[found]
    return place


def _in_two_rows(above: list[Any], below: list[Any], known: dict[str, str]) -> list[Any] | None:
    """The header of both rows, if the lower one names columns the upper one leaves open, and nothing else."""
    filled = {i: cell for i, cell in enumerate(below) if not is_empty(cell)}
    added = [i for i, cell in filled.items() if i >= len(above) or above[i] != cell]
    is_header = all(fold_header(cell) in known for cell in filled.values())
    if not added or not is_header or any(i < len(above) and fold_header(above[i]) in known for i in added):
        return None
    return [filled.get(i, above[i] if i < len(above) else "") for i in range(max(len(above), len(below)))]


def _header_among(head: list[list[Any]], rows: Sequence[list[Any]], known: dict[str, str], required: str) -> int | None:
    sole = None
    for place, row in enumerate(head):
        names = names_in(row, known)
        if required in names:
            if len(names) > 1 or _has_code_below(row, _below(head, rows, place), known, required):
                return place
            sole = place  # a title may be called like a header: the last one stands nearest to the data
    return sole if sole is None or not _is_prose(_below(head, rows, sole)) else None


def _below(head: list[list[Any]], rows: Sequence[list[Any]], place: int) -> Iterable[list[Any]]:
    return itertools.chain(head[place + 1 :], itertools.islice(rows, HEADER_WITHIN, None))


def _is_prose(rows: Iterable[list[Any]]) -> bool:
    """Is it a text of long lines, in which a word stands alone in its line?"""
    first = itertools.islice(rows, 100)
    lengths = [len(cell) for row in first for cell in row if isinstance(cell, str) and not is_empty(cell)]
    return len(lengths) >= 3 and sorted(lengths)[len(lengths) // 2] > 40


def _has_code_below(header: list[Any], rows: Iterable[list[Any]], known: dict[str, str], required: str) -> bool:
    column = next(i for i, cell in enumerate(header) if known.get(fold_header(cell)) == required)
    below = next((row for row in rows if any(not is_empty(cell) for cell in row)), None)
    if below is None or column >= len(below) or is_empty(below[column]):
        return False
    return not isinstance(below[column], str) or bool(ORDINARY(below[column].strip("='\" ")))


def width_of(rows: Sequence[list[Any]], top: int) -> int:
    """The width every row must have: the header's, or a wider one that all rows share (a delimiter at every line's end)."""
    width = len(rows[top])
    if isinstance(rows, ColumnRows):  # then filled rows of that width follow
        return width
    widths = {len(row) for row in rows[top + 1 :] if len(row) != width}
    if len(widths) == 1 and (wider := max(widths)) > width:
        body = [row for row in rows[top + 1 :] if any(not is_empty(cell) for cell in row)]
        if all(len(row) == wider and all(is_empty(cell) for cell in row[width:]) for row in body):
            return wider
    return width


def names_in(row: list[Any], known: dict[str, str]) -> list[str]:
    """The columns of ours that a row names, from left to right."""
    folded = (fold_header(cell) for cell in row if isinstance(cell, str) and cell)
    return [known[cell] for cell in folded if cell in known]


def blocks_of(rows: Sequence[list[Any]], top: int, known: dict[str, str], required: str) -> list[tuple[int, int]]:
    """The column ranges of lists that stand side by side under their headings; usually one range."""
    width = len(rows[top])
    keys = [i for i, cell in enumerate(rows[top]) if known.get(fold_header(cell)) == required]
    if len(keys) > 1:
        for row in reversed(rows[max(0, top - 3) : top]):
            starts = [i for i, cell in enumerate(row) if fold_header(cell) in LIST_HEADINGS]
            if len(starts) == len(keys):
                starts[0] = 0
                return list(zip(starts, [*starts[1:], width], strict=True))
    return [(0, width)]


def read_header(row: list[Any], known: dict[str, str], start: int, stop: int, width: int, where: str) -> Header:
    """Understand a header row between two columns. Raises UnreadableFile if two headers mean one column."""
    places: dict[str, int] = {}
    unused: list[str] = []
    for place in range(start, min(stop, len(row))):
        text = " ".join(str(row[place] if row[place] is not None else "").split())
        column = known.get(fold_header(text))
        if column is None:
            if text:
                unused.append(text)
        elif column in places and column == "distributed_to":
            unused.append(text)  # a log often has a learner's name and address: one is enough
        elif column in places:
            first = " ".join(str(row[places[column]]).split())
            declare = (
                f"Say in case.toml which one counts: [files.{toml(where.split(', sheet ')[0])}] columns = "
                f"{{ {column} = {toml(text)} }}, or delete"
            )
            raise UnreadableFile(
                where,
                f'two headers for one column: "{first}" and "{text}" both mean {column} ({COLUMNS[column].meaning}). '
                f"{'Delete' if fold_header(first) == fold_header(text) else declare} or rename the other column.",
            )
        else:
            places[column] = place
    headers = {column: " ".join(str(row[place]).split()) for column, place in places.items()}
    named = max((i + 1 for i, cell in enumerate(row) if not is_empty(cell)), default=0)
    return Header(places, headers, unused, start, stop, width, min(named, width))


def is_empty(cell: Any) -> bool:
    """Does a person see nothing in the cell?"""
    return cell is None or (isinstance(cell, str) and not cell.strip(" \t\r\n\u00a0\ufeff\u200b"))


def unknown_header(grids: list[Grid], role: str, label: str) -> UnreadableFile:
    """The error for a file in which no sheet has the header we need: what was found, and the line that would mend it."""
    required = ROLES[role].required
    looked_for = ", ".join(f'"{alias}"' for alias in COLUMNS[required].aliases)
    grid, top = _likely_header(grids, aliases(role))
    texts = [_text(cell) for cell in grid.rows[top]] if grid and top is not None else []
    candidate = _candidate(grid, top, texts, role) if grid and top is not None else None
    is_data = grid is not None and top is not None and candidate is None and _looks_like_data(grid, top, texts)
    found = [text for text in texts if text]
    shown = [f"{len(text)} characters" if is_data else mask_text(text) for text in found[:SHOWN]]
    listed = ", ".join(f'"{text}"' for text in shown) or "no header at all"
    listed += f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    where = f', sheet "{grid.name}": ' if grid and grid.name else ""
    what = {"training_key": "the training key", "pool": "the pool's name", "payment": "the payment type"}[required]
    below, line = "", toml("the header in your file")
    if grid and top is not None and candidate is not None:
        shapes = _shapes(grid, top, candidate)
        below = f' Below "{mask_text(texts[candidate])}" stands {shapes[0]}.' if shapes else ""
        line = toml(texts[candidate])
    if grid and not grid.name and max(len(row) for row in grid.rows[:HEADER_WITHIN]) == 1:
        below += " No separator was recognised (comma, semicolon, tab and | are): every line is one cell."
    return UnreadableFile(
        label,
        f"{where}no column holds {what}. Looked for {looked_for}; found {listed}.{below} If the header has another name, "
        f"map it in case.toml:\n[files.{toml(label)}]\ncolumns = {{ {required} = {line} }}",
    )


def explain_header(grid: Grid, role: str) -> list[tuple[str, str, list[str]]]:
    """Each header of a sheet, the column of ours it means ("" if none), and the shapes of the first cells below it."""
    known = aliases(role)
    top = find_header(grid, known, ROLES[role].required)
    if top is None:
        ranked = range(min(HEADER_WITHIN, len(grid.rows)))
        top = max(ranked, key=lambda place: (len(names_in(grid.rows[place], known)), -place), default=None)
    if top is None:
        return []
    texts = [" ".join(str(cell).split()) for cell in grid.rows[top]]
    return [(text, known.get(fold_header(text), ""), _shapes(grid, top, i)) for i, text in enumerate(texts) if text]


def _shapes(grid: Grid, top: int, place: int) -> list[str]:
    cells = (row[place] for row in grid.rows[top + 1 : top + 200] if place < len(row) and not is_empty(row[place]))
    return list(dict.fromkeys(shape(cell) for cell in cells))[:3]


def _text(cell: Any) -> str:
    return " ".join(str("" if cell is None else cell).split())


def _likely_header(grids: list[Grid], known: dict[str, str]) -> tuple[Grid | None, int | None]:
    """The sheet and row with the most headers we know; without any, the first row that is not blank."""
    for grid in grids:
        filled = [i for i, row in enumerate(grid.rows[:HEADER_WITHIN]) if any(not is_empty(cell) for cell in row)]
        if filled:
            return grid, max(filled, key=lambda place: (len(names_in(grid.rows[place], known)), -place))
    return None, None


def _candidate(grid: Grid, top: int, texts: list[str], role: str) -> int | None:
    """The column that may be the one we need: codes stand below it, or its header speaks of keys; else the first unknown."""
    known = aliases(role)
    unknown = [i for i, text in enumerate(texts) if 0 < len(text) <= 60 and fold_header(text) not in known]
    if not unknown or (not any(fold_header(text) in known for text in texts) and _looks_like_data(grid, top, texts)):
        return None
    named = [i for i in unknown if re.search(LIKE[ROLES[role].required], texts[i], re.I)]
    if ROLES[role].required != "training_key":
        return (named or unknown)[0]
    coded = {i: _share_of_codes(grid, top, i) for i in unknown[:SHOWN]}
    likely = [i for i in coded if coded[i] > 0.5]
    return next(
        (i for i in named if i in likely), max(likely, key=lambda i: coded[i]) if likely else (named or unknown)[0]
    )


def _share_of_codes(grid: Grid, top: int, place: int) -> float:
    """How many of the first cells below a header are different texts with digits, without blanks, that are no dates."""
    cells = [row[place] for row in grid.rows[top + 1 : top + 200] if place < len(row) and not is_empty(row[place])]
    codes = {cell for cell in cells if isinstance(cell, str) and len(cell) >= 4 and ORDINARY(cell.strip("='\" "))}
    return sum(not DATE_LIKE.match(code) for code in codes) / len(cells) if cells else 0.0


def _looks_like_data(grid: Grid, top: int, texts: list[str]) -> bool:
    """A row with codes or addresses in it, or shaped like the row below it, is no header."""
    if any(re.search(r"\d{3}|@", text) or ORDINARY(text) for text in texts if text):
        return True
    below = next((row for row in grid.rows[top + 1 :] if any(not is_empty(cell) for cell in row)), [])
    pairs = zip(texts, below, strict=False)
    return any(len(one) >= 6 and shape(one) == shape(other) for one, other in pairs)
