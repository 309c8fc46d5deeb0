"""Small files written as texts or rows, read as one role, and what is asked of the records."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl

from keyaudit.exports.read import FileOptions, read_role
from keyaudit.exports.records import Export

ROWS = list[list[Any]]
FOLDERS = {"pools_before": "pools-before", "pools_now": "pools-now", "course_keys": "course-keys"}


def workbook(path: Path, sheets: dict[str, ROWS]) -> Path:
    """A workbook with a worksheet for each list of rows; `#N/A` is an error, `=1+1` a formula without a value, `=""` a text."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cells in sheet.iter_rows():
            for cell in cells:
                if cell.value in ("#N/A", "#REF!", "#NAME?"):
                    cell.data_type = "e"
                elif str(cell.value).startswith('="'):
                    cell.data_type = "s"
    book.save(path)
    return path


def read(
    content: str | bytes | ROWS | dict[str, ROWS],
    role: str = "pools_before",
    name: str = "Azure.csv",
    folder: Path | None = None,
    **known: Any,
) -> Export:
    """Read one file of a role: a text, or the rows of a workbook."""
    with tempfile.TemporaryDirectory() as room:
        place = (folder or Path(room)) / FOLDERS.get(role, role)
        place.mkdir(parents=True, exist_ok=True)
        if isinstance(content, (str, bytes)):
            path = place / name
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        else:
            path = place / name.replace(".csv", ".xlsx")
            workbook(path, content if isinstance(content, dict) else {"Sheet1": content})
        export = read_role(role, path, lambda _: FileOptions(**known))
    for file in export.files:
        assert file.rows_read == file.keys + file.repeats + file.set_aside, file
    return export


def codes(export: Export) -> list[str]:
    """The recorded code of every record, `?` where it cannot be read."""
    return [code or "?" for code in export.keys.to_pylist()]


def signs(export: Export) -> list[str]:
    """What every record says of its redemption: its signs, joined by blanks."""
    return [
        " ".join(name for name, sign in sorted(export.signs.items()) if sign[record]) for record in range(len(export))
    ]


def column(export: Export, name: str) -> list[Any]:
    """A column as texts, dates as ISO texts; `?`: filled and not readable, "" blank."""
    cells, shown = export.column(name), []
    for code in cells.codes.tolist():
        value = None if code < 0 else cells.values[code]
        if value is None:
            shown.append("")
        elif isinstance(value, np.datetime64):
            shown.append("?" if np.isnat(value) else str(value)[:16].replace("T00:00", ""))
        elif isinstance(value, float):
            shown.append("?" if np.isnan(value) else f"{value:g}")
        else:
            shown.append(str(value))
    return shown


def told(export: Export, *leave_out: str) -> list[str]:
    """The findings of the reading: code, and severity where it is not that of the rule book."""
    return [
        f"{note.code} {note.severity}".strip()
        for note in export.told
        if note.code not in ("column_not_understood", "redemption_not_shown", *leave_out)
    ]


def aside(export: Export) -> list[tuple[int, str]]:
    """The rows that hold no record, and why."""
    return [(row.source_row, row.reason) for row in export.aside]
