"""Workbooks as data: every cell, look, link and print set-up; what people type into one comes into the next."""

from __future__ import annotations

import datetime as dt
import gc
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
import python_calamine
from openpyxl.utils.escape import unescape

from keyaudit.coded import Coded
from keyaudit.errors import UnreadableFile
from keyaudit.exports.grid import column_letters
from keyaudit.report import writer
from keyaudit.report.place import write_set
from keyaudit.report.sets import edited
from keyaudit.report.sheets import CELL_LENGTH, FORMER, KINDS, Block, Column, Sheet, read_ticks, shown_texts, with_ticks
from keyaudit.report.writer import write_book

RED, GREEN = "#5A0F3D", "#12877A"
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
NASTY = [
    *(
        '=HYPERLINK("http://x","y")',
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "{=1}",
        "http://x.example",
        "mailto:a@b.c",
        "'00123",
    ),
    *(
        "<b>&amp;</b>",
        "a&b<c>",
        "]]>",
        "_x000D_",
        "_x0041_",
        "a_x000d_",
        "00123",
        "1E5",
        "TRUE",
        "#N/A",
        "12/1",
        " a ",
        "\t",
    ),
    *(
        "a\rb",
        "a\r\nb",
        "a\nb",
        "\x00",
        "a\x0bb",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeffx",
        "\u200b",
        "\u202e",
        "\ufffe",
    ),
    *("İ", "e\u0301", "日本", "\U0001f511" * 3, '"quoted"', "NaN", "None", "nan"),
]


def book(path: Path, *sheets: Sheet) -> Path:
    write_book(path, sheets, title="T", created=dt.date(2026, 4, 9), footer="keyaudit · R&D · contains redeemable keys")
    return path


def a_list(*columns: Column, name: str = "List", **options: Any) -> Sheet:
    return Sheet(name, [Block(columns, table=f"{name}Table", **options)], RED, title=f"All of {name}")


def assert_sound(path: Path) -> dict[str, str]:
    """What Excel repairs otherwise: unique ids and names, headers equal to column names, no formula, no link to outside.

    Returns the range of every table.
    """
    ranges: dict[str, str] = {}
    ids = []
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        members = [name for name in archive.namelist() if name.startswith("xl/tables/")]
        for name in archive.namelist():
            assert "externalLink" not in name
            text = archive.read(name)
            assert b"TargetMode" not in text
            root = ElementTree.fromstring(text)  # noqa: S314
            if "worksheets/sheet" in name:
                rows = [int(row.get("r", "")) for row in root.iter(f"{MAIN}row")]
                assert rows == sorted(set(rows))
                for row in root.iter(f"{MAIN}row"):
                    places = [cell.get("r") for cell in row]
                    assert places == [f"{letter}{row.get('r')}" for letter in sorted((re.sub(r"\d", "", str(p)) for p in places), key=lambda t: (len(t), t))]  # fmt: skip
                assert not list(root.iter(f"{MAIN}f"))
                assert all("location" in link.attrib for link in root.iter(f"{MAIN}hyperlink"))
    read = openpyxl.load_workbook(path)
    for sheet in read:
        spans = []
        for table in sheet.tables.values():
            cells = sheet[table.ref]
            headers = [cell.value for cell in cells[0]]
            assert headers == [column.name for column in table.tableColumns]
            assert len({header.lower() for header in headers}) == len(headers)
            assert table.autoFilter.ref == table.ref
            assert len(cells) >= 2
            assert re.fullmatch(r"[A-Za-z]\w*", table.name)
            assert table.name == table.displayName
            ids.append(table.id)
            spans.append((cells[0][0].row, cells[-1][0].row))
            ranges[table.name] = table.ref
        assert all(one[1] < other[0] for one, other in pairwise(spans))
        assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    assert len(ids) == len(set(ids)) == len(members) == len(ranges)
    return ranges


def column_of(path: Path, sheet: str, letter: str, first: int = 4) -> list[Any]:
    return [cell.value for cell in openpyxl.load_workbook(path)[sheet][letter][first - 1 :]]


# --- cells ---

CELLS = [
    # cells                                                                     expected
    (["a", None, "", "b"], ["a", None, None, "b"]),
    (Coded(np.array([1, 0, -1], np.int32), ["x", "y"]), ["y", "x", None]),
    (Coded(np.array([1, 0, -1], np.int32), pa.array(["x", "y"])), ["y", "x", None]),
    (Coded(np.array([-1] + [1, 0] * 20, np.int32), pa.array(["x", "y"])), [None, *["y", "x"] * 20]),
    (pa.array(["x", None, ""], pa.large_string()), ["x", None, None]),
    (np.array([3, 1, 2]), [3, 1, 2]),
    (np.array([1.5, np.nan, np.inf, 2.0]), [1.5, None, "Unlimited", 2]),
    ([0, 1_234_567_890, None, 0.1], [0, 1_234_567_890, None, 0.1]),
    (np.array([True, False]), ["yes", "no"]),
    ([dt.date(2026, 4, 10), dt.datetime(2026, 4, 10, 23, 59), None], [dt.datetime(2026, 4, 10)] * 2 + [None]),
    (np.array(["2026-04-10", "NaT"], "datetime64[s]"), [dt.datetime(2026, 4, 10), None]),
    (Coded(np.array([0, -1]), np.array(["1900-03-01"], "datetime64[s]")), [dt.datetime(1900, 3, 1), None]),
    (np.array(["1900-02-28", "0001-01-01"], "datetime64[D]"), ["1900-02-28", "0001-01-01"]),
    (["half \ud800 a pair"], ["half \\xd800 a pair"]),
    ([], []),
]


@pytest.mark.parametrize(("cells", "expected"), CELLS)
def test_cells_of_any_form_say_what_they_hold(cells: Any, expected: list[Any], tmp_path: Path) -> None:
    is_date = any(isinstance(value, dt.date) for value in expected)
    path = book(tmp_path / "b.xlsx", a_list(Column("One", cells, "date" if is_date else "text"), Column("Two", cells)))
    assert_sound(path)
    assert column_of(path, "List", "A") == expected


@pytest.mark.parametrize("few", [0, 500])
def test_nothing_from_data_becomes_a_formula_a_link_or_a_number(
    few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few or many of them, whatever the kind of the column; control characters are made visible, the rest reads back as it was."""
    monkeypatch.setattr(writer, "FEW", few)
    columns = [Column(kind, NASTY, kind) for kind in KINDS if kind != "upright"]
    columns += [Column("coded", Coded.of(NASTY), looks={NASTY[0]: RED}), Column("arrow", pa.array(NASTY), "key")]
    path = book(tmp_path / "b.xlsx", a_list(*columns, total=[NASTY[: len(columns)]]))
    assert_sound(path)
    visible = {"\x00": "\\x00", "a\x0bb": "a\\x0bb", "\x1b[31m": "\\x1b[31m", "\ufffe": "\\xfffe"}
    expected = [visible.get(text, text) for text in NASTY]
    fast = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_name("List").to_python()
    for place in range(len(columns)):
        read = [unescape(text) for text in column_of(path, "List", column_letters(place))[: len(NASTY)]]
        assert read == [text.replace("\r\n", "\r\n") for text in expected]
        assert [row[place] for row in fast[3 : 3 + len(NASTY)]] == expected


@pytest.mark.parametrize("few", [0, 500])
def test_a_cell_holds_what_excel_takes(few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """32,767 UTF-16 units: a key sign takes two of them, and is never cut in half."""
    monkeypatch.setattr(writer, "FEW", few)
    texts = ["a" * 32_767, "a" * 32_768, "\U0001f511" * 20_000, "a" + "\U0001f511" * 20_000, "&" * 40_000]
    read = column_of(book(tmp_path / "b.xlsx", a_list(Column("One", texts))), "List", "A")
    assert read == ["a" * 32_767, "a" * 32_767, "\U0001f511" * 16_383, "a" + "\U0001f511" * 16_383, "&" * 32_767]
    assert all(len(text.encode("utf-16-le")) // 2 <= CELL_LENGTH for text in read)


def test_the_letters_of_columns() -> None:
    assert [
        column_letters(place) for place in (0, 25, 26, 51, 52, 701, 702, 16_383)
    ] == "A Z AA AZ BA ZZ AAA XFD".split()  # noqa: SIM905


# --- sheets ---


def work_list(rows: int = 3, **options: Any) -> Sheet:
    return a_list(
        Column("Training key", [f"KEY-{row:05}" for row in range(rows)], "key", 22),
        Column(
            "Status", Coded.of(["missing", "migrated"] * (rows // 2) + ["missing"] * (rows % 2)), looks={"missing": RED}
        ),
        Column("Act by", [dt.date(2026, 4, 10)] * rows, "date"),
        Column("Keys", np.arange(rows) * 1000, "count"),
        Column("Next step", ["short", "w" * 120, "one\ntwo\nthree"][:rows] + ["short"] * (rows - 3), "wrapped", 44),
        Column("Done", [""] * rows, "input", choices=("done", "not ours")),
        Column("Note", [""] * rows, "input", 30),
        identity=("Training key",),
        **options,
    )


def test_a_list_can_be_worked_in_and_printed(tmp_path: Path) -> None:
    sheet = replace(work_list(total=[["in no pool", None, None, 5, None, None, None], ["all", None, None, 3005, None, None, None]]), printed="Next step")  # fmt: skip
    path = book(tmp_path / "b.xlsx", Sheet("Summary", [Block(lines=[("Hello", "headline #5A0F3D")])], RED), sheet)
    assert assert_sound(path) == {"ListTable": "A3:G6"}
    read = openpyxl.load_workbook(path)["List"]
    assert (read.dimensions, read.freeze_panes, read.print_title_rows) == ("A1:G8", "B4", "$3:$3")
    assert (read.page_setup.orientation, read.page_setup.paperSize, read.page_setup.fitToHeight) == ("landscape", 9, 0)
    assert read.sheet_properties.pageSetUpPr.fitToPage
    assert read.print_area == "'List'!$A$1:$E$8"
    assert (read.oddFooter.left.text, read.oddFooter.right.text) == (
        "keyaudit · R&&D · contains redeemable keys",
        "&A · page &P of &N",
    )
    assert read.sheet_properties.tabColor.rgb == "FF5A0F3D"
    assert (read["A1"].value, read["A1"].font.sz) == ("All of List", 16)
    assert (read["A2"].value, read["A2"].hyperlink.location) == ("← Summary", "'Summary'!A1")
    assert [cell.value for cell in read[3]] == ["Training key", "Status", "Act by", "Keys", "Next step", "Done", "Note"]
    (rule,) = read.data_validations.dataValidation
    assert (rule.type, rule.formula1, str(rule.sqref)) == ("list", '"done,not ours"', "F4:F6")
    assert (read["A4"].font.name, read["A4"].number_format, read["A4"].data_type) == ("Consolas", "@", "s")
    assert (read["C4"].is_date, read["C4"].number_format) == (True, "yyyy-mm-dd")
    assert (read["D6"].value, read["D6"].number_format) == (2000, "#,##0")
    assert (read["B4"].fill.fgColor.rgb, read["B4"].font.b) == ("FFDBCAD4", True)  # #5A0F3D, 22 % of it
    assert (read["B5"].fill.fill_type, read["B5"].font.b) == (None, False)
    assert [read.row_dimensions[row].height for row in (1, 3, 4, 5, 6)] == [24, 30, 15.75, 42.75, 42.75]
    assert [read.column_dimensions[letter].width for letter in "AEG"] == pytest.approx([22.7, 44.7, 30.7], abs=0.1)
    assert [read["A7"].font.b, read["A8"].font.b, read["D8"].value] == [False, True, 3005]
    assert read["F4"].fill.fgColor.rgb == "FFFFFDF0"
    assert read["F7"].fill.fill_type is None  # nothing is filled in beside a sum
    assert openpyxl.load_workbook(path)["Summary"]["A1"].font.color.rgb == "FF5A0F3D"


def test_a_long_list_keeps_a_line_a_row_and_leaves_blank_cells_out(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", work_list(2_001), a_list(Column("Blank", ["", "x"] * 1_001), name="Other"))
    read = openpyxl.load_workbook(path)
    assert {read["List"].row_dimensions[row].height for row in range(4, 2_005)} == {None}
    assert not read["List"]["E5"].alignment.wrap_text
    with zipfile.ZipFile(path) as archive:
        assert b'r="A4"' not in archive.read("xl/worksheets/sheet2.xml")
        assert b'r="G4"' in archive.read("xl/worksheets/sheet1.xml")  # where one may write, the cell is drawn


@pytest.mark.filterwarnings("ignore:.*xtension is not supported")  # openpyxl, of the bars
def test_a_sheet_of_small_blocks(tmp_path: Path) -> None:
    """Lines, statuses with links and bars, definitions over three columns, sign-off, in one sheet without a table."""
    keys = a_list(Column("Key", ["A", "B", "C"], "key"), name="Keys")
    summary = Sheet(
        "Summary",
        [
            Block(lines=[("as of Thu 9 Apr 2026", "mute"), ("1 key is missing", f"headline {RED}")]),
            Block(
                [
                    Column("Status", ["missing", "migrated"], looks={"missing": RED, "migrated": GREEN}, width=26),
                    Column("Keys", [1, 2], "count", 12),
                    Column("Share", [0.25, 0.75], "share"),
                    Column("", [0.25, 0.75], "share", 20, bars=[RED, GREEN]),
                    Column("Go to", ["missing →", "none"], "link", 22, links=[("Keys", 2), None]),
                    Column("Meaning", ["m" * 100, ""], "wrapped", 84),
                ],
                total=[["all keys", 3, 1.0, None, None, None]],
            ),
            Block([Column("Answer", ["missing"]), Column("Keys", [1], "count"), Column("Means", ["x" * 200], "wrapped", 126, span=3)]),
            Block([Column("Sign-off", ["Prepared by", "Reviewed by"]), Column("Name", ["", ""], "input", span=2)], row_height=24),
            Block(lines=[("Made by keyaudit", "mute")]),
        ],
        RED,
    )  # fmt: skip
    path = book(tmp_path / "b.xlsx", summary, keys)
    assert assert_sound(path) == {"KeysTable": "A3:A6"}
    read = openpyxl.load_workbook(path)["Summary"]
    assert [[cell.value for cell in row] for row in read.iter_rows(max_col=3)] == [
        ["as of Thu 9 Apr 2026", None, None],
        ["1 key is missing", None, None],
        [None, None, None],
        ["Status", "Keys", "Share"],
        ["missing", 1, 0.25],
        ["migrated", 2, 0.75],
        ["all keys", 3, 1],
        [None, None, None],
        ["Answer", "Keys", "Means"],
        ["missing", 1, "x" * 200],
        [None, None, None],
        ["Sign-off", "Name", None],
        ["Prepared by", None, None],
        ["Reviewed by", None, None],
        [None, None, None],
        ["Made by keyaudit", None, None],
    ]
    assert {str(span) for span in read.merged_cells.ranges} == {"C9:E9", "C10:E10", "B12:C12", "B13:C13", "B14:C14"}
    assert (read.freeze_panes, read.print_title_rows) == (None, None)
    assert read["E5"].hyperlink.location == "'Keys'!A6"
    assert read["E6"].hyperlink is None
    assert [read.row_dimensions[row].height for row in (2, 5, 10, 13)] == [30, 15.75, 29.25, 24]
    assert {str(one.sqref) for one in read.conditional_formatting} == {"D5", "D6"}
    assert [read.column_dimensions[letter].width for letter in "ABCDEF"] == pytest.approx(
        [26.7, 12.7, 11.7, 20.7, 126 - 11 - 20 + 0.7, 84.7], abs=0.1
    )  # the last of the three below "Means" has what the others lack of its 126


def test_a_list_for_a_mail_merge_has_its_header_in_row_1(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", Sheet("Merge", [Block([Column("Learner", ["=1+1"], "key")], table="Merge")], RED))
    assert assert_sound(path) == {"Merge": "A1:A2"}
    read = openpyxl.load_workbook(path)["Merge"]
    assert (read["A2"].value, read.freeze_panes, read.print_title_rows) == ("=1+1", "B2", "$1:$1")


def test_counts_side_by_side_stand_below_upright_headers(tmp_path: Path) -> None:
    columns = [
        Column("Pool", ["P"]),
        Column("redeemed recreated", [1_234_567], "upright"),
        Column("new", [1], "upright"),
    ]
    columns += [Column("Next step", [" ".join(["word"] * 40)], "wrapped", 44)]  # 199 signs: four lines and two points
    read = openpyxl.load_workbook(book(tmp_path / "b.xlsx", a_list(*columns)))["List"]
    assert [read["B3"].alignment.textRotation, read["A3"].alignment.textRotation] == [90, 0]
    assert read.row_dimensions[3].height == pytest.approx(6.2 * 18 + 12, abs=0.1)
    assert [read.column_dimensions[letter].width for letter in "BC"] == pytest.approx(
        [13.2, 5.2], abs=0.1
    )  # with room for the sum
    assert (read.row_dimensions[4].height, read["D4"].alignment.wrap_text) == (pytest.approx(56, abs=0.5), True)


def test_a_list_that_is_too_long_goes_on_in_the_next_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 10 rows a sheet: three above the list, one of sums: room for six of its fifteen rows."""
    monkeypatch.setattr(writer, "ROWS_OF_A_SHEET", 10)
    links = Column("Go to", ["first", "sixth", "seventh", "last"], "link", links=[("List", at) for at in (0, 5, 6, 14)])
    rows = [Column("Row", list(range(15))), Column("Text", pa.array(list("abcdefghijklmno")))]
    rows += [Column("Up", ["u"] * 15, "link", links=[None] * 14 + [("Summary", 0)])]
    path = book(
        tmp_path / "b.xlsx", Sheet("Summary", [Block([links])], RED), a_list(*rows, total=[["all", None, None]])
    )
    assert assert_sound(path) == {"ListTable": "A3:C9", "ListTable2": "A3:C9", "ListTable3": "A3:C6"}
    read = openpyxl.load_workbook(path)
    assert read.sheetnames == ["Summary", "List", "List 2", "List 3"]
    assert [read["Summary"].cell(row, 1).hyperlink.location for row in range(2, 6)] == [
        "'List'!A4", "'List'!A9", "'List 2'!A4", "'List 3'!A6"
    ]  # fmt: skip
    assert [[cell.value for cell in read[name]["A"][3:]] for name in read.sheetnames[1:]] == [
        [0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11], [12, 13, 14, "all"]
    ]  # fmt: skip
    assert (
        "".join(read[name].cell(row, 2).value or "" for name in read.sheetnames[1:] for row in range(4, 10))
        == "abcdefghijklmno"
    )
    assert read["List 3"]["C6"].hyperlink is not None


def test_the_same_sheets_give_the_same_bytes_and_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").chmod(0o500)
    one, other = (book(tmp_path / name, work_list(25_000)).read_bytes() for name in ("one.xlsx", "other.xlsx"))
    assert one == other
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.xlsx", "other.xlsx", "tmp"]
    assert not list((tmp_path / "tmp").iterdir())
    with zipfile.ZipFile(tmp_path / "one.xlsx") as archive:
        assert archive.read("xl/worksheets/sheet1.xml").count(b"</row>") == 25_003


def test_more_links_than_excel_takes_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LINKS_OF_A_SHEET", 2)
    path = book(tmp_path / "b.xlsx", a_list(Column("Go", ["x"] * 4, "link", links=[("List", at) for at in range(4)])))
    read = openpyxl.load_workbook(path)["List"]
    assert [read.cell(row, 1).hyperlink is not None for row in range(4, 8)] == [True, True, False, False]


def test_a_disk_that_fills_up_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size at which it is full: one OSError, and nobody complains on top of it."""
    resource = pytest.importorskip("resource")
    size = book(tmp_path / "whole.xlsx", work_list(1_000)).stat().st_size
    ignored: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 1, *range(500, size, size // 9), size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                book(tmp_path / "cut.xlsx", work_list(1_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        gc.collect()
    assert ignored == []


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer that interrupts")
def test_an_interrupt_while_it_is_written_is_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At fifteen moments: KeyboardInterrupt, and nobody complains on top of it."""
    ignored: list[Any] = []  # but for what Python itself cannot help: an interrupt within a finalizer
    harmless = (ResourceWarning, KeyboardInterrupt)
    monkeypatch.setattr(
        sys, "unraisablehook", lambda seen: None if issubclass(seen.exc_type, harmless) else ignored.append(seen)
    )
    before = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    begun = time.perf_counter()
    book(tmp_path / "whole.xlsx", work_list(1_000))
    span = time.perf_counter() - begun
    interrupted = 0
    try:
        for at in range(15):
            signal.setitimer(signal.ITIMER_REAL, span * (at + 1) / 16)
            try:
                book(tmp_path / "cut.xlsx", work_list(1_000))
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
        gc.collect()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 4
    assert ignored == []


# --- what people type ---


def signed() -> list[Sheet]:
    """Two lists and a sign-off; `Keys` and `Other` have the same headers."""
    summary = Sheet(
        "Summary",
        [
            Block([Column("Sign-off", ["Prepared by", "Reviewed by"]), Column("Name", ["", ""], "input", span=2), Column("Date", ["", ""], "input")], identity=("Sign-off",)),
            Block(lines=[("Made by keyaudit", "mute")]),
        ],
        RED,
    )  # fmt: skip
    steps = a_list(
        Column("Pool", Coded.of(["P", "P", "Q\rR"])),
        Column("Step", [1, 2, 1], "count"),
        Column("Done", ["", "", ""], "input", choices=("done",)),
        Column("Note", ["", "", ""], "input"),
        name="Steps",
        identity=("Pool", "Step"),
    )
    return [summary, work_list(), steps]


def edited_with_openpyxl(path: Path) -> None:
    """Sign, tick and note; sort one list the other way round; put a column and a row in."""
    read = openpyxl.load_workbook(path)
    read["Summary"]["B2"], read["Summary"]["D2"] = "Kim Park", dt.datetime(2026, 4, 9)
    keys = read["List"]
    keys["F4"], keys["G4"], keys["G6"] = "done", "called her,\n=1+1 & more", 5.0
    rows = [[cell.value for cell in keys[row]] for row in (6, 5, 4)]
    for row, values in enumerate(rows, start=4):
        for place, value in enumerate(values, start=1):
            keys.cell(row, place).value = value
            keys.cell(row, place).data_type = "s" if isinstance(value, str) else keys.cell(row, place).data_type
    steps = read["Steps"]
    steps["C6"] = "done"
    steps.insert_cols(2)
    steps["B3"] = "Mine"
    steps.insert_rows(5)
    read.save(path)


TYPED = {
    ("Summary", "Prepared by", "Name"): "Kim Park",
    ("Summary", "Prepared by", "Date"): "2026-04-09",
    ("List", "KEY-00002", "Note"): "5",
    ("List", "KEY-00000", "Done"): "done",
    ("List", "KEY-00000", "Note"): "called her,\n=1+1 & more",
    ("Steps", "Q\nR · 1", "Done"): "done",
}


def told(sheets: list[Sheet]) -> list[Any]:
    return [
        (sheet.name, [[shown_texts(column.cells) for column in block.columns] for block in sheet.blocks])
        for sheet in sheets
    ]


def through_libreoffice(path: Path, folder: Path) -> Path:
    folder.mkdir()
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder), str(path)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    return folder / path.name


def test_nothing_typed_nothing_read(tmp_path: Path) -> None:
    bars = a_list(Column("Share", [0.5], "share", bars=[RED]), name="Bars")
    path = book(tmp_path / "b.xlsx", *signed(), bars)
    with warnings.catch_warnings(action="error"):  # openpyxl warns of the bars
        assert read_ticks(path, [*signed(), bars]) == {}
    assert told(with_ticks(signed(), {})) == told(signed())


def test_what_is_typed_with_openpyxl_comes_into_the_next_workbook(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", *signed())
    edited_with_openpyxl(path)
    ticks = read_ticks(path, signed())
    assert ticks == TYPED
    following = with_ticks(signed(), ticks)
    assert [sheet.name for sheet in following] == ["Summary", "List", "Steps"]
    again = book(tmp_path / "again.xlsx", *following)
    assert_sound(again)
    assert read_ticks(again, signed()) == TYPED  # and into the one after that
    assert column_of(again, "List", "G") == ["called her,\n=1+1 & more", None, "5"]


@pytest.mark.libreoffice
def test_what_is_typed_survives_libreoffice(tmp_path: Path) -> None:
    """Opened and saved there before and after it is edited."""
    path = through_libreoffice(book(tmp_path / "b.xlsx", *signed()), tmp_path / "first")
    edited_with_openpyxl(path)
    assert read_ticks(through_libreoffice(path, tmp_path / "second"), signed()) == TYPED


def test_what_fits_no_row_any_more_is_listed_until_its_row_is_back(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", *signed())
    edited_with_openpyxl(path)
    without = [sheet if sheet.name != "List" else work_list(1) for sheet in signed()[:2]]
    following = with_ticks(without, read_ticks(path, signed()))
    lost = book(tmp_path / "lost.xlsx", *following)
    assert_sound(lost)
    read = openpyxl.load_workbook(lost)[FORMER]
    assert [[cell.value for cell in row] for row in read.iter_rows(min_row=3)] == [
        ["Sheet", "Row", "Column", "Note"],
        ["List", "KEY-00002", "Note", "5"],
        ["Steps", "Q\nR · 1", "Done", "done"],
    ]
    assert read_ticks(lost, without) == TYPED
    assert told(with_ticks(signed(), read_ticks(lost, without))) == told(with_ticks(signed(), TYPED))


def test_two_rows_that_are_one_row_now_keep_both_notes(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", *signed())
    read = openpyxl.load_workbook(path)
    for row, (key, note) in enumerate([("KEY-00000", "one"), ("KEY-00000", "two"), ("KEY-00000", "one")], start=4):
        read["List"].cell(row, 1).value, read["List"].cell(row, 7).value = key, note
    read.save(path)
    assert read_ticks(path, signed()) == {("List", "KEY-00000", "Note"): "one / two"}


def test_a_list_over_several_sheets_is_one_list_for_those_who_tick_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROWS_OF_A_SHEET", 5)
    path = book(tmp_path / "b.xlsx", work_list(3))
    read = openpyxl.load_workbook(path)
    read["List 2"]["F4"] = "done"
    read.save(path)
    assert read_ticks(path, [work_list(3)]) == {("List", "KEY-00002", "Done"): "done"}


def test_notes_come_from_report_to_report_and_the_edited_workbook_stays(tmp_path: Path) -> None:
    """Written, edited, written anew, and once more without an edit in between."""
    target = tmp_path / "report"

    def written() -> None:
        def write(folder: Path) -> Iterator[tuple[str, int]]:
            former = target / "report.xlsx"
            following = with_ticks(signed(), read_ticks(former, signed())) if former.exists() else signed()
            book(folder / "report.xlsx", *following)
            yield "report.xlsx", 6

        write_set(target, "report", write, lambda outputs: {"tool": "keyaudit 0.2.0", "outputs": outputs})

    written()
    edited_with_openpyxl(target / "report.xlsx")
    os.utime(target / "report.xlsx", (dt.datetime(2026, 4, 9, 14, 5).timestamp(),) * 2)
    bytes_of_theirs = (target / "report.xlsx").read_bytes()
    assert edited(target) == [target / "report.xlsx"]
    for _ in range(2):
        written()
        assert edited(target) == []
        assert read_ticks(target / "report.xlsx", signed()) == TYPED
    assert sorted(path.name for path in target.iterdir()) == ["MANIFEST.json", "report (edited 2026-04-09 14-05).xlsx", "report.xlsx"]  # fmt: skip
    assert (target / "report (edited 2026-04-09 14-05).xlsx").read_bytes() == bytes_of_theirs


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a workbook", b"Training key,Note\nSECRET-CODE-1,x\n"])
def test_a_workbook_that_cannot_be_read_is_named_and_nothing_of_it_shown(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "report.xlsx").write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"^report\.xlsx: .*audit again") as caught:
        read_ticks(tmp_path / "report.xlsx", signed())
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


# --- in other programs ---


@pytest.mark.libreoffice
def test_libreoffice_opens_every_sheet(tmp_path: Path) -> None:
    nasty = a_list(Column("Key", NASTY, "key"), Column("Text", Coded.of(NASTY)), name="Nasty")
    path = through_libreoffice(book(tmp_path / "b.xlsx", *signed(), nasty), tmp_path / "out")
    read = openpyxl.load_workbook(path)
    assert read.sheetnames == ["Summary", "List", "Steps", "Nasty"]
    assert [cell.data_type for cell in read["Nasty"]["A"][3:]] == ["s"] * len(NASTY)
    plain = [text for text in NASTY if text.isprintable()]
    assert [cell.value for cell in read["Nasty"]["A"][3:] if cell.value in plain] == plain
    assert read["List"]["C4"].value == dt.datetime(2026, 4, 10)
