"""A workbook is checked before a library opens it. (HAZARDS A)"""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

import keyaudit as ka
from keyaudit.errors import UnreadableFile
from keyaudit.exports.package import _padded_width, column_letters, column_number


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in [["Training Key", "Course"], ["AAAA1111", "C"], ["BBBB2222", "C"]]:
        book.active.append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def with_part(name: str, change: Callable[[bytes], bytes], extra: dict[str, bytes] | None = None) -> bytes:
    """A workbook in which one part was changed, and parts were added."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            content = old.read(member)
            new.writestr(member, change(content) if member == name else content)
        for member, content in (extra or {}).items():
            new.writestr(member, content)
    return made.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
HOSTILE = {
    "cut short": (workbook()[:-300], "damaged or cut short"),
    "a byte changed": (workbook().replace(b"PK\x01\x02", b"PK\x01\x03", 1), "damaged or cut short"),
    "a document type": (with_part("xl/workbook.xml", lambda x: b'<!DOCTYPE a [<!ENTITY b "c">]>' + x), "document type"),
    "UTF-16 inside": (with_part(SHEET, lambda x: x.decode().encode("utf-16")), "document type or encoding"),
    "one part twice": (with_part(SHEET, lambda x: x, {SHEET.upper(): b"<x/>"}), "two parts of one name"),
    "a path upwards": (with_part(SHEET, lambda x: x, {"../../etc/x": b""}), "two parts of one name"),
    "a row twice": (with_part(SHEET, lambda x: x.replace(b'<row r="3"', b'<row r="2"')), "rows out of order or twice"),
    "a cell twice": (with_part(SHEET, lambda x: x.replace(b'r="B2"', b'r="A2"')), "cells out of order or twice"),
    "a cell of another row": (with_part(SHEET, lambda x: x.replace(b'r="B2"', b'r="B9"')), "cells out of order or twice"),
    "a far cell": (
        with_part(SHEET, lambda x: x.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')),
        "far outside its table",
    ),
    "a row that is none": (with_part(SHEET, lambda x: x.replace(b"</sheetData>", b'<row r="999999999"><c r="A999999999"><v>1</v></c></row></sheetData>')), "far outside its table"),
    "a bomb": (with_part(SHEET, lambda x: x, {"xl/media/image1.png": bytes(80 << 20)}), "would unpack to 80 MiB"),
    "a million cells in nothing": (with_part(SHEET, lambda x: x.replace(b"</sheetData>", b'<row r="9">' + b"<c />" * 1_200_000 + b"</row></sheetData>")), "cells, more than its size allows"),
    "one text in every cell": (
        with_part(SHEET, lambda x: x.replace(b"</sheetData>", b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (n, n) for n in range(4, 4004)) + b"</sheetData>"), {"xl/sharedStrings.xml": b"<sst><si><t>" + b"A" * 32_000 + b"</t></si></sst>"}),
        "shows 122 MiB of text",
    ),
    "one sheet under two names": (with_part("xl/workbook.xml", lambda x: x.replace(b"</sheets>", re.sub(rb'name="[^"]*"', b'name="Again"', re.search(rb"<sheet [^>]*>", x)[0]) + b"</sheets>")), "two sheets in one part"),  # type: ignore[index]
    "a cell in a remark": (with_part(SHEET, lambda x: x.replace(b"</sheetData>", b'<!-- <c r="A9" t="e"><v>1</v></c> --></sheetData>')), "as no spreadsheet program writes"),
    "not a workbook": (with_part("xl/workbook.xml", lambda x: x).replace(b"xl/workbook.xml", b"xl/workbook.xmx"), "a zip file"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_workbook_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    content, words = HOSTILE[kind]
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(UnreadableFile, match=words) as problem:
        ka.read_pool_exports(tmp_path)
    assert "AAAA1111" not in str(problem.value)


def test_the_workbook_they_are_made_of_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook())
    assert ka.read_pool_exports(tmp_path).rows["training_key"].tolist() == ["AAAA1111", "BBBB2222"]


def test_hidden_rows_columns_and_sheets_are_read_and_said(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook()))
    book.active.row_dimensions[2].hidden = True
    book.active.column_dimensions["B"].hidden = True
    other = book.create_sheet("Old keys")
    other.append(["Training Key"])
    other.append(["CCCC3333"])
    other.sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    export = ka.read_pool_exports(tmp_path)
    assert export.rows["training_key"].tolist() == ["AAAA1111", "BBBB2222", "CCCC3333"]
    assert export.notes[["code", "detail"]].to_numpy().tolist() == [
        ["hidden_rows", "1 rows are hidden or filtered out, columns are hidden: everything was read"],
        ["hidden_rows", "the sheet is hidden: everything was read"],
    ]


TWO_ROWS = [["Training Key", "Redemption", None, "Course"], [None, "Redeemed", "Redeemed By", None]]


@pytest.mark.parametrize("merged", [("A1:A2", "B1:C1", "D1:D2"), ("B1:C1",), ()])
def test_a_header_over_two_rows(merged: tuple[str, ...], tmp_path: Path) -> None:
    """The upper row alone would be a header too: the redemption would be lost, and the key thought unredeemed."""
    book = openpyxl.Workbook()
    for row in [*TWO_ROWS, ["AAAA1111", "2025-02-03", "Ana", "C"]]:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.save(tmp_path / "a.xlsx")
    export = ka.read_pool_exports(tmp_path)
    told = export.rows[["training_key", "redeemed_by", "course", "source_row"]].to_numpy().tolist()
    assert told == [["AAAA1111", "Ana", "C", 3]]
    assert export.set_aside.empty


def test_a_formula_whose_stored_value_is_blank(tmp_path: Path) -> None:
    def change(content: bytes) -> bytes:
        cell = b'<c r="A3" t="inlineStr"><is><t>BBBB2222</t></is></c>'
        assert cell in content
        return content.replace(cell, b'<c r="A3"><f>A2</f><v></v></c>')

    (tmp_path / "a.xlsx").write_bytes(with_part(SHEET, change))
    export = ka.read_pool_exports(tmp_path)
    assert export.rows["damage"].tolist() == ["", "a formula without a stored value"]


def test_a_merged_key_cell_is_one_key(tmp_path: Path) -> None:
    """Only a header is read from a cell above it; the second row has no code, and that is said."""
    book = openpyxl.load_workbook(io.BytesIO(workbook()))
    book.active.merge_cells("A2:A3")
    book.save(tmp_path / "a.xlsx")
    export = ka.read_pool_exports(tmp_path)
    assert export.rows["training_key"].tolist() == ["AAAA1111"]
    assert export.notes[["code", "source_row"]].to_numpy().tolist() == [["blank_key", 3]]


def test_an_error_cell_is_a_row_whose_code_is_not_readable(tmp_path: Path) -> None:
    """The fast reader gives a blank for it; a blank would be lost as a row without a code."""

    def change(content: bytes) -> bytes:
        return content.replace(
            b'<c r="A2" t="inlineStr"><is><t>AAAA1111</t></is></c>', b'<c r="A2" t="e"><v>#N/A</v></c>'
        )

    (tmp_path / "a.xlsx").write_bytes(with_part(SHEET, change))
    export = ka.read_pool_exports(tmp_path)
    assert export.rows["training_key"].fillna("?").tolist() == ["?", "BBBB2222"]
    assert export.rows["damage"].tolist() == ["the error #N/A", ""]


def test_strict_workbooks_are_read(tmp_path: Path) -> None:
    """ISO 29500 strict: other namespaces, the same cells."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as old, zipfile.ZipFile(made, "w") as new:
        for member in old.namelist():
            content = old.read(member).replace(
                b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                b"http://purl.oclc.org/ooxml/spreadsheetml/main",
            )
            content = content.replace(
                b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
                b"http://purl.oclc.org/ooxml/officeDocument/relationships",
            )
            if member == SHEET:
                content = content.replace(
                    b'<c r="A3" t="inlineStr"><is><t>BBBB2222</t></is></c>', b'<c r="A3"><v>4</v></c>'
                )
            new.writestr(member, content)
    (tmp_path / "a.xlsx").write_bytes(made.getvalue())
    export = ka.read_pool_exports(tmp_path)
    assert export.rows["training_key"].fillna("?").tolist() == ["AAAA1111", "?"]


@pytest.mark.parametrize(
    ("place", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")]
)
def test_columns_by_letter(place: int, letters: str) -> None:
    assert column_letters(place) == letters
    assert column_number(letters) == place + 1


def test_formats_may_reach_far(tmp_path: Path) -> None:
    """Cells without a value, formatted down to the last row, are what people leave behind."""

    def styled(content: bytes) -> bytes:
        return content.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>')

    (tmp_path / "a.xlsx").write_bytes(with_part(SHEET, styled, {"__MACOSX/xl/._workbook.xml": b"\0\5\x16\7"}))
    assert ka.read_pool_exports(tmp_path).rows["training_key"].tolist() == ["AAAA1111", "BBBB2222"]


def test_a_number_format_pads_to_the_length_of_a_code_and_no_further() -> None:
    assert (_padded_width("00000000"), _padded_width('"0000"'), _padded_width("0" * 100_000)) == (8, 4, 0)


def test_a_sheet_without_end_is_looked_through_in_linear_time(tmp_path: Path) -> None:
    began = time.monotonic()
    (tmp_path / "a.xlsx").write_bytes(
        with_part(SHEET, lambda x: x.replace(b"</sheetData>", b"row " * 2_000_000 + b"</sheetData>"))
    )
    assert len(ka.read_pool_exports(tmp_path).rows) == 2
    assert time.monotonic() - began < 10
