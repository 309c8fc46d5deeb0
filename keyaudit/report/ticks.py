"""What a person has typed into a workbook of ours, read back and put into the next one. (DESIGN §4)"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from keyaudit.errors import UnreadableFile
from keyaudit.report.cells import shown_texts
from keyaudit.report.sheets import MUTE, Block, Column, Sheet

Ticks: TypeAlias = dict[str, dict[str, dict[str, str]]]  # sheet → what tells its row from the others → column → text

BETWEEN = " · "  # the parts of what tells a row from the others
ALSO = " / "  # between two notes on one row
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
NUMBERED = re.compile(r" \d+$")  # `Keys 2` goes on where `Keys` ends
FORMER = "Former notes"
FORMER_IDENTITY = ("Sheet", "Row", "Column")


def read_ticks(path: Path, sheets: Sequence[Sheet]) -> Ticks:
    """Read what stands in the input columns of a former workbook.

    `sheets` are those of the new one: the headers of their blocks say which columns are filled in and which tell a row
    from the others. Rows and columns may have been sorted, moved, hidden and added. Raises UnreadableFile.
    """
    import openpyxl

    known = {sheet.name: [block for block in sheet.blocks if block.inputs] for sheet in sheets}
    known[FORMER] = [*_former({}).blocks]
    ticks: Ticks = {}
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book,
        ):
            for page in book.worksheets:
                name = page.title if page.title in known else NUMBERED.sub("", page.title)
                page.reset_dimensions()
                for parts, column, text in _typed(page.iter_rows(values_only=True), known.get(name, ())):
                    sheet, row, header = parts if name == FORMER else (name, BETWEEN.join(parts), column)
                    said = ticks.setdefault(sheet, {}).setdefault(row, {})
                    before = said.get(header, "").split(ALSO)
                    said[header] = text if before == [""] else ALSO.join(dict.fromkeys([*before, text]))
    except Exception as problem:  # what a parser says of a file that others have written may quote its cells
        raise UnreadableFile(
            path.name,
            f"it has been changed since keyaudit wrote it, and the notes in it cannot be read ({type(problem).__name__}). "
            "Open it, save it as .xlsx without a password, and run the audit again; or move it out of the folder.",
        ) from None
    return ticks


def _typed(rows: Iterable[Sequence[Any]], blocks: Sequence[Block]) -> Iterator[tuple[list[str], str, str]]:
    """What tells the row from the others, header and text of every input cell that is filled."""
    heads = [({*block.identity, *(column.header for column in block.inputs)}, block) for block in blocks]
    found: Block | None = None
    place: dict[Any, int] = {}
    for values in rows:
        filled = {value for value in values if value is not None}
        below = next((block for names, block in heads if names <= filled), None)
        if below is not None:
            found, place = below, {value: at for at, value in enumerate(values)}
        elif found is not None:
            cells = {header: _told(values[at]) for header, at in place.items() if at < len(values)}
            parts = [cells.get(header, "") for header in found.identity]
            if any(parts):
                texts = ((column.header, cells.get(column.header, "").strip()) for column in found.inputs)
                yield from ((parts, header, text) for header, text in texts if text)
            elif not found.table:  # a blank row: what follows is something else
                found = None


def _told(value: Any) -> str:
    """A cell as text: dates in ISO form, no `.0`, Excel's escapes undone, line ends of one kind."""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else ESCAPED.sub(lambda match: chr(int(match[1], 16)), str(value))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def with_ticks(sheets: Sequence[Sheet], ticks: Ticks) -> list[Sheet]:
    """Put what a person has typed into the sheets; what fits no row of them any more is listed on a last one, FORMER."""
    left = {sheet: {row: dict(said) for row, said in rows.items()} for sheet, rows in ticks.items()}
    filled = [replace(one, blocks=[_filled(block, left.get(one.name, {})) for block in one.blocks]) for one in sheets]
    return [*filled, _former(left)] if any(said for rows in left.values() for said in rows.values()) else filled


def _filled(block: Block, notes: dict[str, dict[str, str]]) -> Block:
    """A block with the notes that fit its rows; these are taken out of `notes`."""
    if not notes or not block.inputs:
        return block
    parts = [shown_texts(column.cells) for name in block.identity for column in block.columns if column.header == name]
    names = [BETWEEN.join(map(_told, row)) for row in zip(*parts, strict=True)]
    inputs = {column.header: shown_texts(column.cells) for column in block.inputs}
    for row, name in enumerate(names):
        for header, text in notes.get(name, {}).items():
            if header in inputs:
                inputs[header][row] = text
    for name in notes.keys() & set(names):
        notes[name] = {header: text for header, text in notes[name].items() if header not in inputs}
    columns = [replace(one, cells=inputs[one.header]) if one.kind == "input" else one for one in block.columns]
    return replace(block, columns=columns)


def _former(left: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Sheet:
    """The sheet of notes that fit no row: the next audit reads them again."""
    rows = [
        (sheet, row, header, text)
        for sheet, notes in left.items()
        for row, said in notes.items()
        for header, text in said.items()
    ]
    texts = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    columns = [
        Column(header, cells, kind, width)
        for header, cells, kind, width in zip(
            (*FORMER_IDENTITY, "Note"), texts, ("text", "wrapped", "text", "input"), (16, 60, 16, 60), strict=True
        )
    ]
    block = Block(columns, table="FormerNotesList", identity=FORMER_IDENTITY)
    return Sheet(FORMER, [block], MUTE, "Notes of a former report whose row is no longer there")
