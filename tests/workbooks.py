"""Workbooks made by hand, and every cell of one as it is read: at once, and tag by tag."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from unittest import mock

from keyaudit.exports import parts, sheets
from keyaudit.exports.grid import Grid

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "xl/worksheets/sheet1.xml"


def book(
    rows: str,
    *,
    head: str = "",
    tail: str = "",
    strings: str = "",
    formats: tuple[str, ...] = (),
    settings: str = "",
    parts: dict[str, bytes | None] | None = None,
) -> bytes:
    """A workbook of one sheet with these rows; `parts` are added, or take the place of its own (None: left out)."""
    own = [f'<numFmt numFmtId="{164 + n}" formatCode="{code}"/>' for n, code in enumerate(formats)]
    styles = ['<xf numFmtId="0"/>', *(f'<xf numFmtId="{164 + n}"/>' for n in range(len(formats)))]
    listed = f'<sheets><sheet name="Keys" sheetId="1" r:id="r1" xmlns:r="{TYPE}"/></sheets>'
    members: dict[str, Any] = {
        "_rels/.rels": f'<Relationships {RELATIONS}><Relationship Id="r1" Type="{TYPE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f"<workbook {MAIN}>{settings}{listed}</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships {RELATIONS}><Relationship Id="r1" Type="{TYPE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{TYPE}/styles" Target="styles.xml"/>'
        f'<Relationship Id="r3" Type="{TYPE}/sharedStrings" Target="/xl/sharedStrings.xml"/></Relationships>',
        "xl/styles.xml": f"<styleSheet {MAIN}><numFmts>{''.join(own)}</numFmts><cellXfs>{''.join(styles)}</cellXfs></styleSheet>",
        SHEET: f"<worksheet {MAIN}>{head}<sheetData>{rows}</sheetData>{tail}</worksheet>",
    }
    if strings:
        members["xl/sharedStrings.xml"] = f"<sst {MAIN}>{strings}</sst>"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members | (parts or {})).items():
            if content is not None:
                archive.writestr(name, content)
    return made.getvalue()


def cells(grid: Grid) -> list[list[Any]]:
    """Every cell, row by row, None where one is blank."""
    assert all(len(column) == grid.height for column in grid.columns)
    values = [[*column.listed(), None] for column in grid.columns]
    return [
        [known[column.codes[row]] for known, column in zip(values, grid.columns, strict=True)]
        for row in range(grid.height)
    ]


def told(content: bytes) -> Any:
    """Everything that the grids of a workbook say, or the error as text."""
    try:
        grids = list(sheets.worksheets(content, "a.xlsx"))
    except sheets.UnreadableFile as problem:
        return str(problem)
    return [(g.name, cells(g), g.visible, g.hidden_rows, g.hidden_columns, g.merged) for g in grids]


def told_tag_by_tag(content: bytes) -> Any:
    """The same, read without the fast way."""
    with mock.patch.object(parts.Part, "forms", ()):
        return told(content)


def is_plain(content: bytes) -> bool:
    """Is every piece of a workbook taken at once?"""
    with mock.patch.object(parts.Part, "_feed", autospec=True, side_effect=parts.Part._feed) as fed:
        told(content)
    return not any(b"<row" in call.args[1] or b"<si" in call.args[1] for call in fed.call_args_list)
