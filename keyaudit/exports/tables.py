"""Grid → tables: the header, the lists below it, the rows, and the rows that are none. (CATALOGUE §6, HAZARDS B)"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keyaudit.columns import COLUMNS, LIST_HEADINGS, ROLES, aliases, fold_header
from keyaudit.errors import UnreadableFile
from keyaudit.exports.sheets import Grid
from keyaudit.masking import mask_text, shape

HEADER_WITHIN = 50
ORDINARY = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9_.-]+").fullmatch
TOTALS = re.compile(r"(grand\s+total|totals?|count|sum)\b(?!-)", re.I)


@dataclass
class Table:
    """One list of one sheet: `cells` holds a list per column of ours, all as long as `rows` (row numbers)."""

    sheet: str
    heading: str  # what the list's heading proves: "", unredeemed, distributed, redeemed
    headers: dict[str, str]  # our column → their header
    unused: list[str]
    places: dict[str, int]  # our column → cell index
    rows: list[int] = field(default_factory=list)
    picked: list[list[Any]] = field(default_factory=list)  # the cells of those rows, while they are gathered
    cells: dict[str, list[Any]] = field(default_factory=dict)
    set_aside: list[tuple[int, str]] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Header:
    places: dict[str, int]  # our column → cell index
    headers: dict[str, str]
    unused: list[str]
    start: int
    stop: int
    width: int
    named: int  # up to the last cell with a name


def find_tables(
    grid: Grid, role: str, label: str, own: dict[str, str], patch: Callable[[Grid, int], None] | None = None
) -> list[Table]:
    """Every list of a sheet, top to bottom and left to right. Empty if the sheet has no header we know.

    `own` maps our columns to the headers of this file. `patch` mends the cells of the key column in place (what the
    fast reader could not see). Raises UnreadableFile for two headers of one column.
    """
    known = aliases(role)
    for column, text in own.items():
        known = {alias: name for alias, name in known.items() if name != column} | {fold_header(text): column}
    required = ROLES[role].required
    top = _header_row(grid.rows, known, required)
    if top is None:
        return []
    where = f'{label}, sheet "{grid.name}"' if grid.name else label
    tables = []
    for start, stop in _blocks(grid.rows, top, known, required):
        header = _header(grid.rows[top], known, start, stop, _width(grid.rows, top), where)
        if patch is not None:
            patch(grid, header.places[required])
        tables += _lists(grid, top, header, known, required, where)
    return tables


def _header_row(rows: list[list[Any]], known: dict[str, str], required: str) -> int | None:
    """The first row with the required header and another one we know; or with it alone, if codes stand below."""
    sole = None
    for place, row in enumerate(rows[:HEADER_WITHIN]):
        names = _names(row, known)
        if required in names:
            if len(names) > 1 or _has_code_below(rows, place, known, required):
                return place
            sole = place  # a title may be called like a header: the last one stands nearest to the data
    return sole


def _has_code_below(rows: list[list[Any]], place: int, known: dict[str, str], required: str) -> bool:
    column = next(i for i, cell in enumerate(rows[place]) if known.get(fold_header(cell)) == required)
    below = next((row for row in rows[place + 1 :] if any(not _is_empty(cell) for cell in row)), None)
    if below is None or column >= len(below) or _is_empty(below[column]):
        return False
    return not isinstance(below[column], str) or bool(ORDINARY(below[column].strip("='\" ")))


def _width(rows: list[list[Any]], top: int) -> int:
    """The width every row must have: the header's, or a wider one that all rows share (a delimiter at every line's end)."""
    width = len(rows[top])
    widths = {len(row) for row in rows[top + 1 :] if len(row) != width}
    if len(widths) == 1 and (wider := max(widths)) > width:
        body = [row for row in rows[top + 1 :] if any(not _is_empty(cell) for cell in row)]
        if all(len(row) == wider and all(_is_empty(cell) for cell in row[width:]) for row in body):
            return wider
    return width


def _names(row: list[Any], known: dict[str, str]) -> list[str]:
    folded = (fold_header(cell) for cell in row if isinstance(cell, str) and cell)
    return [known[cell] for cell in folded if cell in known]


def _blocks(rows: list[list[Any]], top: int, known: dict[str, str], required: str) -> list[tuple[int, int]]:
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


def _header(row: list[Any], known: dict[str, str], start: int, stop: int, width: int, where: str) -> _Header:
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
            raise UnreadableFile(
                where,
                f'two headers for one column: "{first}" and "{text}" both mean {column} ({COLUMNS[column].meaning}). '
                f'Say in case.toml which one counts: [files."{where.split(", sheet ")[0]}"] columns = '
                f'{{ {column} = "{text}" }}, or delete or rename the other column.',
            )
        else:
            places[column] = place
    headers = {column: " ".join(str(row[place]).split()) for column, place in places.items()}
    named = max((i + 1 for i, cell in enumerate(row) if not _is_empty(cell)), default=0)
    return _Header(places, headers, unused, start, stop, width, min(named, width))


def _lists(grid: Grid, top: int, header: _Header, known: dict[str, str], required: str, where: str) -> list[Table]:
    heading = LIST_HEADINGS.get(fold_header(grid.name), "")
    for row in grid.rows[:top]:
        heading = next((LIST_HEADINGS[f] for f in _folded(row, header) if f in LIST_HEADINGS), heading)
    tables = [Table(grid.name, heading, header.headers, header.unused, header.places)]
    trail: list[tuple[int, list[Any]]] = []  # rows that may turn out to stand below the end of the list
    key = header.places[required]
    for place in range(top + 1, len(grid.rows)):
        row = grid.rows[place]
        number = place + 1
        cell = row[key] if key < len(row) else ""
        if type(cell) is str and ORDINARY(cell) and len(row) == header.width and cell != header.headers[required]:
            if trail:
                _settle(tables[-1], trail, header, key, at_end=False)
                trail = []
            _add(tables[-1], number, row)
            continue
        filled = [c for c in row[header.start : header.stop] if not _is_empty(c)]
        if not filled:
            continue
        if len(filled) == 1 and isinstance(filled[0], str) and fold_header(filled[0]) in LIST_HEADINGS:
            _settle(tables[-1], trail, header, key, at_end=True)
            trail = []
            table = Table(
                grid.name, LIST_HEADINGS[fold_header(filled[0])], header.headers, header.unused, header.places
            )
            table.set_aside.append((number, "heading of a list"))
            tables.append(table)
            continue
        names = _names(row[header.start : header.stop], known)
        if required in names and (len(names) > 1 or len(filled) == 1):
            _settle(tables[-1], trail, header, key, at_end=True)
            trail = []
            header = _header(row, known, header.start, header.stop, header.width, where)
            key = header.places[required]
            if tables[-1].rows:
                tables.append(Table(grid.name, tables[-1].heading, header.headers, header.unused, header.places))
            else:
                tables[-1].headers, tables[-1].unused, tables[-1].places = header.headers, header.unused, header.places
            tables[-1].set_aside.append((number, "repeated header"))
            continue
        trail.append((number, row))
        is_total = isinstance(cell, str) and TOTALS.match(cell.strip())
        if not _is_empty(cell) and not is_total and _beside(row, header, key) and _fits(row, header):
            _settle(tables[-1], trail, header, key, at_end=False)
            trail = []
    _settle(tables[-1], trail, header, key, at_end=True)
    for table in tables:
        table.cells = {
            column: [row[place] if place < len(row) else "" for row in table.picked]
            for column, place in table.places.items()
        }
        table.picked = []
    return tables


def _folded(row: list[Any], header: _Header) -> list[str]:
    return [fold_header(cell) for cell in row[header.start : header.stop] if isinstance(cell, str)]


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip(" \t\r\n\u00a0\ufeff\u200b"))


def _beside(row: list[Any], header: _Header, key: int, numbers: bool = True) -> bool:
    """Is a learner, date or setting of ours filled beside the key? Bare numbers may be sums: `numbers` counts them too."""
    cells = (row[i] for i in header.places.values() if i != key and i < len(row))
    return any(not _is_empty(cell) and (numbers or not _is_number(cell)) for cell in cells)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and bool(re.fullmatch(r"[\d.,\s]+", cell)))


def _fits(row: list[Any], header: _Header) -> bool:
    """Has the row the header's width? Cells that only a nameless header would name may lack."""
    return header.named <= len(row) <= header.width


def _settle(table: Table, trail: list[tuple[int, list[Any]]], header: _Header, key: int, at_end: bool) -> None:
    """Decide what the unusual rows since the last ordinary one are, the last first: the end of a list grows upwards."""
    decided: list[tuple[int, list[Any], str]] = []
    codes = [row[key] for row in table.picked] if at_end and trail else []
    may_be_note = bool(codes) and not any(isinstance(code, str) and " " in code.strip() for code in codes)
    for number, row in reversed(trail):
        reason = _reason(row, header, key, at_end, may_be_note)
        at_end = at_end and reason in ("totals", "note")
        decided.append((number, row, reason))
    for number, row, reason in reversed(decided):
        if not reason and not _fits(row, header):
            reason = f"damaged row: {len(row)} cells, the header has {header.width}"
            table.damaged.append((number, reason))
        if reason:
            table.set_aside.append((number, reason))
        else:
            _add(table, number, row)


def _reason(row: list[Any], header: _Header, key: int, at_end: bool, may_be_note: bool) -> str:
    """Why a row is no record, "" if it is one. A note has words, where no code of the list has a blank."""
    cell = row[key] if key < len(row) else ""
    beside = _beside(row, header, key)
    is_named_total = isinstance(cell, str) and bool(TOTALS.match(cell.strip()))
    if at_end and (is_named_total or _is_empty(cell)) and not beside:
        return "totals"
    if at_end and is_named_total and not _beside(row, header, key, numbers=False):
        return "totals"
    filled = [c for c in row[header.start : header.stop] if not _is_empty(c)]
    has_words = len(filled) == 1 and isinstance(filled[0], str) and len(filled[0].split()) > 1
    if at_end and may_be_note and has_words:
        return "note"
    return "blank key" if _is_empty(cell) else ""


def _add(table: Table, number: int, row: list[Any]) -> None:
    table.rows.append(number)
    table.picked.append(row)


def unknown_header(grids: list[Grid], role: str, label: str) -> UnreadableFile:
    """The error for a file in which no sheet has the header we need: what was found, and the line that would mend it."""
    required = ROLES[role].required
    known = aliases(role)
    looked_for = ", ".join(f'"{alias}"' for alias in COLUMNS[required].aliases)
    found, candidate, sheet = _likely_header(grids, known)
    below = _below(grids, sheet, candidate)
    where = f', sheet "{sheet}": ' if sheet else ""
    what = {"training_key": "the training key", "pool": "the pool's name", "payment": "the payment type"}[required]
    listed = ", ".join(f'"{mask_text(text)}"' for text in found) or "no header at all"
    return UnreadableFile(
        label,
        f"{where}no column holds {what}. Looked for {looked_for}; found {listed}.{below} If the header has another name, "
        f'map it in case.toml:\n[files."{label}"]\ncolumns = {{ {required} = "{candidate or "the header in your file"}" }}',
    )


def header_row(grid: Grid, role: str) -> list[tuple[str, str, list[str]]]:
    """Each header of a sheet, the column of ours it means ("" if none), and the shapes of the first cells below it."""
    known = aliases(role)
    top = _header_row(grid.rows, known, ROLES[role].required)
    if top is None:
        ranked = range(min(HEADER_WITHIN, len(grid.rows)))
        top = max(ranked, key=lambda place: (len(_names(grid.rows[place], known)), -place), default=None)
    if top is None:
        return []
    texts = [" ".join(str(cell).split()) for cell in grid.rows[top]]
    return [(text, known.get(fold_header(text), ""), _shapes(grid, top, i)) for i, text in enumerate(texts) if text]


def _shapes(grid: Grid, top: int, place: int) -> list[str]:
    cells = (row[place] for row in grid.rows[top + 1 : top + 200] if place < len(row) and not _is_empty(row[place]))
    return list(dict.fromkeys(shape(cell) for cell in cells))[:3]


def _below(grids: list[Grid], sheet: str, candidate: str) -> str:
    """What stands below the likely header, by its shape only."""
    for grid in grids:
        if grid.name == sheet and candidate:
            for place, row in enumerate(grid.rows[:HEADER_WITHIN]):
                texts = [" ".join(str(cell).split()) for cell in row]
                if candidate in texts and (shapes := _shapes(grid, place, texts.index(candidate))):
                    return f' Below "{mask_text(candidate)}" stands {shapes[0]}.'
    return ""


def _looks_like_data(grid: Grid, row: list[Any]) -> bool:
    """A row with codes or addresses in it, or shaped like the row below it, is no header."""
    texts = [" ".join(str(cell).split()) for cell in row if not _is_empty(cell)]
    if any(re.search(r"\d{3}|@", text) or ORDINARY(text) for text in texts):
        return True
    below = next((r for r in grid.rows[grid.rows.index(row) + 1 :] if any(not _is_empty(cell) for cell in r)), [])
    pairs = zip(row, below, strict=False)
    return any(len(str(one)) >= 6 and shape(one) == shape(other) for one, other in pairs if not _is_empty(one))


def _likely_header(grids: list[Grid], known: dict[str, str]) -> tuple[list[str], str, str]:
    for grid in grids:
        rows = [row for row in grid.rows[:HEADER_WITHIN] if sum(not _is_empty(cell) for cell in row) > 0]
        rows.sort(key=lambda row: -len(_names(row, known)))
        if not rows:
            continue
        texts = [" ".join(str(cell).split()) for cell in rows[0] if not _is_empty(cell)]
        is_header = bool(_names(rows[0], known)) or not _looks_like_data(grid, rows[0])
        if not is_header:  # it looks like a row of data: show its shape, not its content
            return [f"{len(text)} characters" for text in texts], "", grid.name
        unknown = [text for text in texts if fold_header(text) not in known]
        likely = next((text for text in unknown if re.search(r"key|code|schl|clé|clave|chave", text, re.I)), "")
        likely = likely or (unknown[0] if unknown else "")
        return texts, likely if len(likely) <= 60 else "", grid.name
    return [], "", ""
