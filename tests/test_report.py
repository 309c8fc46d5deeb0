"""The report folder: one set, masked where others look, safe from its data, kept through a crash."""

from __future__ import annotations

import csv
import datetime as dt
import html.parser
import json
import re
import subprocess
import sys
import types
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import python_calamine
from conftest import SAMPLES, Write, audit, files_of
from openpyxl.utils.escape import unescape

import keyaudit as ka
from keyaudit import report
from keyaudit.coded import Coded
from keyaudit.errors import KeyauditError
from keyaudit.reconciliation import Reconciliation
from keyaudit.report import files, sets, workbook, writer
from keyaudit.report.sheets import safe_text
from keyaudit.report.workbook import report_sheets, write_workbook
from keyaudit.words import plain

NASTY = [
    "=cmd|'/C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "-2",
    "{=1}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "http://x.example/a",
    "_x0041_",
    "Pool $\\frac{a$",
    "a\u202egnp.exe\u2066z",
    "bell\x07 and \x1b[31m",
    "\U0001f511\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "Z\u0310\u0349a\u0334l\u0321go",
    "x" * 10_000,
    "../../etc/passwd",
    "CON",
    "' OR 1=1 --",
]


@pytest.fixture(scope="module")
def halfway() -> Reconciliation:
    return ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09")


def full_codes(result: Reconciliation) -> set[str]:
    return {code for code in result.keys["training_key"].dropna() if len(code) >= 6}


def test_the_page_shows_no_code_and_no_person(halfway: Reconciliation, tmp_path: Path) -> None:
    text = (ka.write_report(halfway, tmp_path / "r") / "report.html").read_text(encoding="utf-8")
    assert [code for code in full_codes(halfway) if code in text] == []
    assert [name for name in ("Ana Lima", "Kim Park", "Mia Rossi", "Søren Dahl") if name in text] == []
    assert halfway.headline in text
    assert not re.search(r"""(?:src|href)=["'](?!#)|url\(|@import|https?://""", text)


def test_card_and_displays_show_no_code(halfway: Reconciliation) -> None:
    shown = [
        repr(halfway),
        halfway._repr_html_(),
        halfway.show(limit=999).to_html(),
        halfway.show_findings(999).to_html(),
    ]
    shown += [halfway.today().to_html(), halfway.answers.to_html(), halfway.pools.to_html(), halfway.sources.to_html()]
    shown += [repr(halfway.explain(code)) for code in list(full_codes(halfway))[:40]]
    assert [code for code in full_codes(halfway) for text in shown if code in text] == []
    assert not re.search(r"<(?:script|style|svg)", halfway._repr_html_())


def test_the_same_numbers_everywhere(halfway: Reconciliation, tmp_path: Path) -> None:
    folder = ka.write_report(halfway, tmp_path / "r")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    with (folder / "keys.csv").open(encoding="utf-8", newline="") as file:
        keys = list(csv.DictReader(file))
    counted = {code: sum(row["status"] == code for row in keys) for code in summary["statuses"]}
    book = openpyxl.load_workbook(folder / "report.xlsx")
    sheet = book["Summary"]
    written = {sheet.cell(row, 1).value: sheet.cell(row, 2).value for row in range(16, 30)}
    assert counted == summary["statuses"] == halfway.statuses
    assert written == {plain(code): number for code, number in halfway.statuses.items()}
    assert book["Keys"].max_row - 3 == len(keys) == summary["keys"]
    assert book["Findings"].max_row - 3 == sum(summary["findings"].values()) == len(halfway.findings)


# --- the workbook ---

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def assert_tables_are_sound(path: Path) -> dict[str, str]:
    """What Excel repairs otherwise: ids and names unique, header cells equal to column names, filters within, no formula.

    Returns the name and the range of every table.
    """
    names: dict[str, str] = {}
    ids = []
    book = openpyxl.load_workbook(path)
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.startswith("xl/tables/")]
        assert len(members) == len(set(members)) >= 8
        assert sum(len(sheet.tables) for sheet in book) == len(members)
        for sheet in book:
            spans = []
            for table in sheet.tables.values():
                cells = sheet[table.ref]
                headers = [cell.value for cell in cells[0]]
                assert headers == [column.name for column in table.tableColumns]
                assert len({header.lower() for header in headers}) == len(headers)
                assert all(isinstance(header, str) and header == header.strip() for header in headers)
                assert table.autoFilter.ref == table.ref
                assert len(cells) >= 2
                assert re.fullmatch(r"[A-Za-z]\w*", table.name)
                assert table.name == table.displayName
                ids.append(table.id)
                spans.append((cells[0][0].row, cells[-1][0].row))
                names[table.name] = table.ref
            assert all(one[1] < other[0] for one, other in pairwise(spans))
        for name in archive.namelist():
            if "worksheets/sheet" in name:
                root = ElementTree.fromstring(archive.read(name))  # noqa: S314
                rows = [int(row.get("r")) for row in root.iter(f"{MAIN}row")]
                assert rows == sorted(set(rows))
                assert not list(root.iter(f"{MAIN}f"))
                assert all("location" in link.attrib for link in root.iter(f"{MAIN}hyperlink"))
    assert len(set(ids)) == len(ids) == len(names)
    return names


def test_every_list_is_a_table_that_can_be_worked_in(halfway: Reconciliation, tmp_path: Path) -> None:
    folder = ka.write_report(halfway, tmp_path / "r")
    tables = assert_tables_are_sound(folder / "report.xlsx")
    assert tables["KeysList"] == "A3:Q261"  # 258 keys below the header in row 3
    assert tables["PoolsList"] == "A3:AC9"  # six pools; "in no pool" and the sum stand below
    book = openpyxl.load_workbook(folder / "report.xlsx")
    names = ["Summary", "Today", "Pools", "Keys", "Findings", "Outlook", "Sources", "Dictionary"]
    assert book.sheetnames == names
    for name in names:
        sheet = book[name]
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0) or name == "Summary"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert "contains redeemable keys · halfway" in sheet.oddFooter.left.text
        assert sheet.sheet_properties.tabColor is not None
        if name != "Summary":
            assert isinstance(sheet["A1"].value, str)
            assert sheet["A2"].hyperlink.location == "'Summary'!A1"
            assert (sheet.freeze_panes, sheet.print_title_rows) == ("B4", "$3:$3")
    now = {(row[1], row[2]) for row in book["Today"].iter_rows(min_row=4, values_only=True)}
    assert now >= {
        ("locked out now", "missing"),
        ("locked out now", "altered"),
        ("due", "altered"),
        ("due", "migrated"),
    }
    for name in ("Today", "Findings"):
        (rule,) = book[name].data_validations.dataValidation
        done = [cell.value for cell in book[name][3]].index("Done") + 1
        (span,) = rule.sqref.ranges
        assert (rule.type, span.min_col, span.max_col, span.min_row) == ("list", done, done, 4)
        assert span.max_row == book[name].max_row
    keys = book["Keys"]
    assert keys["A5"].font.name == "Consolas"
    assert (keys["A5"].data_type, keys["A5"].number_format) == ("s", "@")
    act_by = [cell for cell in keys["E"][3:] if cell.value is not None]
    assert {cell.number_format for cell in act_by} == {"yyyy-mm-dd"}
    assert all(cell.is_date for cell in act_by)
    pools = book["Pools"]
    assert [cell.value for cell in pools["A"][9:11]] == ["in no pool", "all keys"]
    assert (pools["D11"].value, pools["D11"].number_format) == (258, "#,##0")


def test_status_links_lead_to_the_first_key_of_that_status(halfway: Reconciliation, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(ka.write_report(halfway, tmp_path / "r") / "report.xlsx")
    led = 0
    for row in range(16, 30):
        cell = book["Summary"].cell(row, 4)
        if cell.hyperlink is not None:
            sheet, place = cell.hyperlink.location.split("!")
            target = book[sheet.strip("'")][place]
            assert book["Keys"].cell(target.row, 2).value == book["Summary"].cell(row, 1).value
            led += 1
    assert led == 12  # of the 14 statuses: no key has lapsed, and no complete log tells who was sent none


def test_many_keys_list_those_that_need_somebody_unless_all_are_asked_for(
    halfway: Reconciliation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """93 of 258 need somebody. All of them, in sheets of at most 100 rows (97 keys each), take three; 110 findings two."""
    monkeypatch.setattr(workbook, "ALL_KEYS_UP_TO", 50)
    folder = ka.write_report(halfway, tmp_path / "r")
    book = openpyxl.load_workbook(folder / "report.xlsx")
    assert book["Keys"]["A1"].value == "The 93 keys that need action; the other 165 are in keys.csv"
    assert book["Keys"].max_row == 93 + 3
    assert book["Findings"]["A1"].value == "The worst 50 of 110 findings; the others are in findings.csv"
    assert book["Findings"].max_row == 50 + 3
    monkeypatch.setattr(writer, "ROWS_OF_A_SHEET", 100)
    folder = ka.write_report(halfway, tmp_path / "all", all_keys=True)
    tables = assert_tables_are_sound(folder / "report.xlsx")
    assert (tables["KeysList3"], tables["FindingsList2"]) == ("A3:Q67", "A3:L16")
    book = openpyxl.load_workbook(folder / "report.xlsx")
    listed = [
        book[name].cell(row, 1).value
        for name in ("Keys", "Keys 2", "Keys 3")
        for row in range(4, book[name].max_row + 1)
    ]
    assert [code or "" for code in listed] == halfway.keys["training_key"].fillna("").tolist()


# --- what somebody has typed ---


def columns_of(sheet: Any, row: int = 3) -> dict[str, int]:
    return {cell.value: cell.column for cell in sheet[row] if cell.value}


def row_of(sheet: Any, header: str, value: str) -> int:
    column = columns_of(sheet)[header]
    return next(row for row in range(4, sheet.max_row + 1) if sheet.cell(row, column).value == value)


def type_into(book: Path, typed: dict[tuple[str, str, str], dict[str, str]]) -> None:
    """Fill in cells of a workbook: sheet, header and word of the row → column → text."""
    read = openpyxl.load_workbook(book)
    for (name, header, value), texts in typed.items():
        sheet = read[name]
        for column, text in texts.items():
            sheet.cell(row_of(sheet, header, value), columns_of(sheet)[column]).value = text
    read.save(book)


def typed_into(book: Path, places: dict[tuple[str, str, str], dict[str, str]]) -> dict[tuple[str, str, str], Any]:
    read = openpyxl.load_workbook(book)
    return {
        place: {
            column: read[place[0]].cell(row_of(read[place[0]], *place[1:]), columns_of(read[place[0]])[column]).value
            for column in texts
        }
        for place, texts in places.items()
    }


TYPED = {
    ("Keys", "Reference", "Azure, row 2"): {"Done": "done", "Note": "called her"},
    ("Pools", "Pool", "Azure"): {"Signed by": "Kim Park"},
}


def migrate(write: Write, migrated: bool) -> Path:
    """Two keys of Azure; the second is migrated or is still to be."""
    head = "Training_Key Redeemed Expires Course Organization Starts"
    rows = [f"AAAA0000000{number} . 2026-12-31 C O 2025-01-01" for number in (1, 2)]
    write("pools-before/Azure.csv", "\n".join([head, *rows]))
    write("pools-now/Azure.csv", "\n".join([head, *rows[: 1 if migrated else 2]]))
    head = "Training_Key Course Organization Expires Uses Max_Uses"
    return write("course-keys/k.csv", "\n".join([head, *["AAAA00000002 C O 2026-12-31 0 1"] * migrated]))


@pytest.mark.parametrize("program", ["openpyxl", pytest.param("libreoffice", marks=pytest.mark.libreoffice)])
def test_what_is_typed_and_ticked_comes_into_the_next_report_and_the_one_after_it(
    program: str, write: Write, tmp_path: Path
) -> None:
    """By key, pool and step; what no longer fits is listed; the edited files are kept; nothing of it is shared."""
    target = ka.write_report(audit(migrate(write, False)), tmp_path / "r")
    todo = (
        "Migrate: delete the code from its pool (Training Key Pools → the pool → Edit → the code → Delete, Save), then "
    )
    type_into(target / "report.xlsx", TYPED | {("Keys", "Reference", "Azure, row 3"): {"Note": "mine"}})
    steps = (target / "plan" / "steps.txt").read_text(encoding="utf-8")
    assert todo[:11] not in steps  # the plan has words of its own
    first = re.findall(r"^\[ \] 1\. (.*)$", steps, re.M)[0]
    (target / "plan" / "steps.txt").write_text(
        steps.replace("[ ] 1.", "[X] 1.").replace("[ ] 2.", "[x] 2."), encoding="utf-8", newline="\r\n"
    )
    if program == "libreoffice":
        saved = through_libreoffice(target / "report.xlsx", tmp_path / "lo")
        (target / "report.xlsx").write_bytes(saved.read_bytes())
    for _ in range(2):
        ka.write_report(audit(migrate(write, False)), target)
        assert typed_into(target / "report.xlsx", TYPED) == TYPED
        ticked = (target / "plan" / "steps.txt").read_text(encoding="utf-8")
        assert ticked == steps.replace("[ ] 1.", "[x] 1.").replace("[ ] 2.", "[x] 2.")
    kept = [path.relative_to(target).as_posix() for path in sets.foreign(target)]
    assert [re.sub(r"edited [-\d ]+", "edited", name) for name in kept] == [
        "plan/steps (edited).txt",
        "report (edited).xlsx",
    ]
    assert json.loads((target / "MANIFEST.json").read_text())["notes"] == {"report.xlsx": 4}
    done = audit(migrate(write, True))
    ka.write_report(done, target)
    assert typed_into(target / "report.xlsx", TYPED) == TYPED
    after = (target / "plan" / "steps.txt").read_text(encoding="utf-8")
    assert f"  Azure: {first}" in after or f"[x] 1. {first}" in after
    shared = ka.write_report(done, tmp_path / "s", share=True)
    assert not [
        name for name, content in files_of(shared).items() if b"called her" in content or b"Kim Park" in content
    ]


def through_libreoffice(path: Path, folder: Path) -> Path:
    folder.mkdir()
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder), str(path)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    return folder / path.name


def test_a_note_on_a_key_that_is_gone_is_listed_until_it_is_back(write: Write, tmp_path: Path) -> None:
    target = ka.write_report(audit(migrate(write, False)), tmp_path / "r")
    type_into(target / "report.xlsx", {("Keys", "Reference", "Azure, row 3"): {"Note": "mine"}})
    case = migrate(write, False)
    write("pools-before/Azure.csv", "Training_Key Redeemed Expires\nAAAA00000001 . 2026-12-31")
    write("pools-now/Azure.csv", "Training_Key Redeemed Expires\nAAAA00000001 . 2026-12-31")
    for _ in range(2):
        ka.write_report(audit(case), target)
        sheet = openpyxl.load_workbook(target / "report.xlsx")["Former notes"]
        assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=3)] == [
            ["Sheet", "Row", "Column", "Note"],
            ["Keys", "AAAA00000002 · Azure, row 3", "Note", "mine"],
        ]
    ka.write_report(audit(migrate(write, False)), target)
    book = openpyxl.load_workbook(target / "report.xlsx")
    assert "Former notes" not in book.sheetnames
    place = ("Keys", "Reference", "Azure, row 3")
    assert typed_into(target / "report.xlsx", {place: {"Note": ""}}) == {place: {"Note": "mine"}}


def test_a_plan_of_its_own_keeps_its_ticks(write: Write, tmp_path: Path) -> None:
    """A step with another number of keys is another step: its tick is listed."""
    target = ka.write_plan(audit(migrate(write, False)), tmp_path / "plan")
    steps = (target / "steps.txt").read_text(encoding="utf-8")
    (target / "steps.txt").write_text(steps.replace("[ ]", "[x]"), encoding="utf-8")
    read = openpyxl.load_workbook(target / "plan.xlsx")
    headers = columns_of(read["Steps"], 1)
    read["Steps"].cell(2, headers["Note"]).value = "by Monday"
    read.save(target / "plan.xlsx")
    ka.write_plan(audit(migrate(write, False)), target)
    assert (target / "steps.txt").read_text(encoding="utf-8") == steps.replace("[ ]", "[x]")
    assert openpyxl.load_workbook(target / "plan.xlsx")["Steps"].cell(2, headers["Note"]).value == "by Monday"
    ka.write_plan(audit(migrate(write, True)), target)
    (listed,) = re.findall(
        r"Ticked in the former steps, and no step now:\n(.*)", (target / "steps.txt").read_text(), re.S
    )
    assert "Azure: " in listed
    assert "(2 keys)" in listed


# --- the outlook ---


def test_the_outlook_counts_what_still_works(write: Write) -> None:
    """A works until its pool expires on 20 April, B until the removal on 29 May, C from its start on 1 May; D is redeemed,
    E is a course key without an end."""
    write(
        "pools-before/P.csv",
        """
        Training_Key Course Expires    Starts     Redeemed
        KEY-A        C      2026-04-20 .          .
        KEY-B        C      .          .          .
        KEY-C        C      .          2026-05-01 .
        KEY-D        C      .          .          2026-01-01
        """,
    )
    case = write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nKEY-E C . 0 1")
    result = audit(case, "2026-04-15")
    table = result.outlook()
    assert {str(day.date()): count for day, count in table["works"].items()} == {
        "2026-04-15": 3,
        "2026-04-17": 3,
        "2026-04-20": 2,
        "2026-05-08": 3,
        "2026-05-29": 1,
    }
    assert table.loc["2026-05-08", ["to_migrate", "new"]].tolist() == [2, 1]
    assert result.outlook(by="pool").loc["2026-05-08", ["P", "in no pool"]].tolist() == [2, 1]
    assert result.outlook(on=[dt.date(2026, 5, 1)])["works"].tolist() == [3]
    with pytest.raises(ValueError, match="before the day of the audit"):
        result.outlook(on=[dt.date(2026, 4, 1)])
    with pytest.raises(ValueError, match="choose"):
        result.outlook(by="course")


# --- what comes from data ---


def nasty_case(tmp_path: Path) -> Path:
    """Each string as a code, and in the cells of pool, course, organization, learner and course key."""
    tables = {
        "pools-before": [["Training Key", "Pool", "Course", "Organization", "Redeemed By", "Redeemed"]],
        "course-keys": [["Training Key", "Name", "Course", "Organization", "Created By"]],
        "distribution": [["Training Key", "Sent To"]],
    }
    for number, text in enumerate(NASTY):
        tables["pools-before"] += [
            [f"{text} ", f"{text}", text, text, text, ""],
            [f"KEY-{number:05}", text, text, text, text, "2026-01-01"],
        ]
        tables["course-keys"] += [[f"CK-{number:05}", text, text, text, text]]
        tables["distribution"] += [[f"LOG{number:05}{text}", text]]
    for folder, rows in tables.items():
        (tmp_path / "case" / folder).mkdir(parents=True)
        with (tmp_path / "case" / folder / "P.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    return tmp_path / "case"


@pytest.mark.parametrize("share", [False, True])
def test_nothing_from_data_becomes_a_formula_a_link_or_an_element(tmp_path: Path, share: bool) -> None:
    result = audit(nasty_case(tmp_path))
    codes = sorted(result.keys["training_key"].dropna())
    assert set(codes) >= {text.strip() for text in NASTY}
    folder = ka.write_report(result, tmp_path / "r", share=share)
    assert_tables_are_sound(folder / "report.xlsx")
    with zipfile.ZipFile(folder / "report.xlsx") as archive:
        assert not any("externalLink" in name for name in archive.namelist())
        relations = [archive.read(name) for name in archive.namelist() if name.endswith(".rels")]
        assert not any(b"TargetMode" in text or b"http://x" in text for text in relations)
    book = openpyxl.load_workbook(folder / "report.xlsx")
    assert not any(cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    python_calamine.CalamineWorkbook.from_path(folder / "report.xlsx")

    class Elements(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(tag)
            assert not any(name.startswith("on") or name == "src" for name, _ in attrs)
            assert all(value is None or value.startswith("#") for name, value in attrs if name == "href")

    found: list[str] = []
    text = (folder / "report.html").read_text(encoding="utf-8")
    Elements().feed(text)
    assert found.count("script") == 2  # the data, and the one that runs
    assert not {"img", "iframe", "a2"} & set(found)
    assert found.count("svg") == found.count("figure") == 5  # the charts, and no other
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text)
    assert len(text) < 400_000  # 10,000 characters are not shown again and again
    Elements().feed(result._repr_html_())
    with (folder / "keys.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == len(result.keys)
    assert all(None not in row and None not in row.values() for row in read)
    if not share:
        assert sorted(row["training_key"] for row in read if row["training_key"]) == codes
        column = [row[0].value for row in book["Keys"].iter_rows(min_row=4, max_col=1)]
        shown = sorted(safe_text(code) for code in codes)
        assert sorted(unescape(code) for code in column if code is not None) == shown  # openpyxl leaves Excel's escapes
        fast = python_calamine.CalamineWorkbook.from_path(folder / "report.xlsx").get_sheet_by_name("Keys").to_python()
        assert sorted(row[0] for row in fast[3:] if row[0]) == shown


def test_codes_with_line_ends_and_quotes_survive_keys_csv(write: Write, tmp_path: Path) -> None:
    write("pools-before/P.csv", "Training_Key Course\nKEY-00001 C")
    case = write("course-keys/k.csv", "Training_Key Course\nKEY-00001 C")
    odd = ['A"1,2', "B\r2", "C\n3", " D4 ", "E\t5", "F;6"]
    with (case / "course-keys" / "k.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["Training Key", "Course"], *([code, "C"] for code in odd)])
    result = audit(case)
    folder = ka.write_report(result, tmp_path / "r")
    with (folder / "keys.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    readable = [
        code for code in odd if not re.search(r"[\r\n]", code)
    ]  # a code with a line end inside is told, not taken
    assert sorted({row["training_key"] for row in rows} - {"KEY-00001"}) == sorted(readable)
    damaged = result.findings.loc[result.findings["code"] == "excel_damage", "source_row"]
    assert damaged.tolist() == [3, 4]


def test_a_former_report_survives_a_crash(
    halfway: Reconciliation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = ka.write_report(halfway, tmp_path / "r")
    former = files_of(target)
    for name in ("write_workbook", "write_page", "write_keys", "write_findings", "write_summary", "write_lists"):

        def crash(*_: object, **__: object) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(report, name, crash)
            with pytest.raises(KeyauditError, match=r"the disk is full\. .* The former report was kept\."):
                ka.write_report(halfway, target)
        assert files_of(target) == former
        assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_what_else_lies_in_a_report_folder_stays(halfway: Reconciliation, tmp_path: Path) -> None:
    target = ka.write_report(halfway, tmp_path / "r")
    (target / "notes.md").write_text("mine")
    ka.write_report(halfway, target)
    assert (target / "notes.md").read_text() == "mine"


def test_a_folder_of_something_else_is_refused(halfway: Reconciliation, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(KeyauditError, match="holds no report"):
        ka.write_report(halfway, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.libreoffice
def test_libreoffice_opens_the_workbook(halfway: Reconciliation, tmp_path: Path) -> None:
    folder = ka.write_report(halfway, tmp_path / "r")
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/lo", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,4", "--outdir", str(tmp_path), str(folder / "report.xlsx")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    (written,) = tmp_path.glob("*.csv")
    with written.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[3:]
    assert [row[0] for row in rows] == halfway.keys["training_key"].fillna("").tolist()


def test_the_fields_of_a_csv_are_quoted_as_python_quotes_them(tmp_path: Path) -> None:
    """The file is written by column; Python's own writer, row by row, makes the same bytes."""
    texts = ["", "plain", "a,b", 'say "so"', '"', "a\rb", "a\nb", "a\r\nb", " blank ", "'=1", "\u00c4\u2009", ";", "\0"]
    days = np.array(["2026-04-07", "1999-12-31"], dtype="datetime64[s]")
    table = {
        "text": pa.array(texts, pa.large_string()),
        "coded": Coded.of([*texts[1:], None]),
        "date": Coded(np.array([0, -1] + [1] * (len(texts) - 2)), days),
        "number": np.array([0.0, np.nan, np.inf, *[1_234_567.0] * (len(texts) - 3)]),
        "row": np.arange(len(texts)),
    }
    dates = ["2026-04-07", "", *["1999-12-31"] * (len(texts) - 2)]
    numbers = ["0", "", "Unlimited", *["1234567"] * (len(texts) - 3)]
    with (tmp_path / "expected.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(table)
        writer.writerows(zip(texts, [*texts[1:], ""], dates, numbers, range(len(texts)), strict=True))
    rows = files._write_csv(table, tmp_path / "made.csv")
    assert (tmp_path / "made.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()
    assert rows == len(texts) == sets.secured(tmp_path, "made.csv", rows, "report")["rows"]


def test_a_csv_without_rows_reads_back(tmp_path: Path) -> None:
    rows = files._write_csv(dict.fromkeys("ab", pa.array([], pa.large_string())), tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_bytes() == b"a,b\r\n"
    assert rows == 0 == sets.secured(tmp_path, "none.csv", rows, "report")["rows"]


HARM = {
    "cut": lambda content: content[:-3],
    "a row less": lambda content: content[: content[:-2].rindex(b"\n") + 1],
    "another sign": lambda content: content.replace(b"2", b"3"),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("harm", HARM)
def test_a_csv_that_is_not_what_was_written_does_not_read_back(harm: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.csv"
    rows = files._write_csv(dict.fromkeys("ab", pa.array(["1", "2"], pa.large_string())), path)
    path.write_bytes(HARM[harm](path.read_bytes()))
    with pytest.raises(KeyauditError, match="2 rows were written"):
        sets.secured(tmp_path, path.name, rows, "report")


@pytest.mark.parametrize("sample", ["halfway", "ugly", "clean"])
def test_every_cell_of_a_list_reads_back_as_it_is_in_the_audit(sample: str, tmp_path: Path) -> None:
    """By two programs: keys and findings, column by column, as the audit's own tables have them."""
    result = ka.open_case(SAMPLES / sample).reconcile(as_of="2026-04-09")
    write_workbook(result, report_sheets(result), tmp_path / "b.xlsx")
    slow, fast = (
        openpyxl.load_workbook(tmp_path / "b.xlsx"),
        python_calamine.CalamineWorkbook.from_path(tmp_path / "b.xlsx"),
    )
    for sheet, table in (("Keys", result.keys), ("Findings", result.findings)):
        rows = [[unescape(cell) if isinstance(cell, str) else cell for cell in row] for row in slow[sheet].iter_rows(min_row=3, values_only=True)]  # fmt: skip
        assert [[told(cell) for cell in row] for row in rows] == [[told(cell) for cell in row] for row in fast.get_sheet_by_name(sheet).to_python()[2:]]  # fmt: skip
        for place, header in enumerate(rows[0]):
            name = header.lower().replace(" ", "_")
            if name in table and name not in ("status", "finding"):
                expected = table[name].replace(0, None) if name == "source_row" else table[name]  # no row
                if (sheet, name) == ("Keys", "pool"):
                    expected = expected.astype("str").fillna("in no pool")
                if name in ("works", "is_distributed"):  # in words, as everywhere where people read
                    expected = expected.astype("str").replace({"unknown": "not known", "not_yet": "not yet"})
                assert [told(row[place]) for row in rows[1:]] == [safe_text(told(value)) for value in expected], name


def told(value: object) -> str:
    """A cell as text, whichever program has read it: ISO dates, whole numbers, nothing for a blank."""
    if value is None or value is pd.NaT or value != value:
        return ""
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    if isinstance(value, float):
        return "Unlimited" if np.isinf(value) else f"{value:.0f}"
    return str(value)


# --- looking for keys ---


@pytest.fixture
def three(write: Write) -> Reconciliation:
    """The second is gone, the third of another pool still to be migrated, the first redeemed by Ana."""
    head = "Training_Key Redeemed Redeemed_By Email Expires Course"
    write("pools-before/Azure.csv", f"{head}\nAAAA00000001 2026-01-02 Ana_Lima ana@x.example 2026-12-31 C1\nAAAA00000002 . . . 2026-12-31 C1")  # fmt: skip
    write("pools-before/Linux.csv", f"{head}\nAAAA00000003 . . . 2026-12-31 C2")
    write("pools-now/Azure.csv", f"{head}\nAAAA00000001 2026-01-02 Ana_Lima ana@x.example 2026-12-31 C1")
    write(
        "distribution/log.csv",
        "Training_Key Sent Sent_To\nAAAA00000002 2026-01-01 Lima,_Ana\nAAAA00000003 2026-01-01 Bo_Chen",
    )
    return audit(
        write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nOTHER0000001 C1 2026-12-31 0 1")
    )


def test_keys_are_shown_worst_first_sorted_and_searched(three: Reconciliation) -> None:
    """And keys.csv and the workbook have them in the same order."""
    order = ["Azure, row 3", "Linux, row 2", "Azure, row 2", "k.csv, row 2"]
    assert three.show().index.tolist() == order == three.keys["reference"].tolist()
    assert three.show(contains="linux").index.tolist() == ["Linux, row 2"]
    assert three.show(contains="MISSING").index.tolist() == ["Azure, row 3"]
    assert three.show(contains="c1", limit=2).index.tolist() == ["Azure, row 3", "Azure, row 2"]
    assert three.show(sort="reference").index.tolist() == [
        "Azure, row 2",
        "Azure, row 3",
        "Linux, row 2",
        "k.csv, row 2",
    ]
    assert three.show(pool="azure", sort="reference").index.tolist() == ["Azure, row 2", "Azure, row 3"]
    with pytest.raises(ValueError, match=r'show\(sort="urgency"\): choose one of training_key'):
        three.show(sort="urgency")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Ana Lima", [("Azure, row 3", "distribution log"), ("Azure, row 2", "pool")]),  # the log turns names round
        ("ana@x.example", [("Azure, row 2", "pool")]),
        ("chen", [("Linux, row 2", "distribution log")]),
        ("lima", [("Azure, row 3", "distribution log"), ("Azure, row 2", "pool")]),
        ("nobody", []),
        ("an", []),
    ],
)
def test_keys_are_found_by_name_or_address_and_nobody_is_shown(
    asked: str, expected: list[tuple[str, str]], three: Reconciliation
) -> None:
    table = three.find(asked)
    assert list(zip(table.index, table["named in"], strict=True)) == expected
    assert not re.search("Ana|Lima|Chen|x.example|AAAA0000", table.to_csv())


def test_every_key_can_be_browsed_masked(three: Reconciliation, monkeypatch: pytest.MonkeyPatch) -> None:
    """With itables it is a table of a fixed id, without it a plain one."""
    monkeypatch.setitem(sys.modules, "itables", None)
    table = three.browse()
    assert table["key"].tolist() == three.keys["reference"].tolist()
    assert not re.search("AAAA0000|Ana|Chen", table.to_csv())
    fake = types.ModuleType("itables")
    fake.to_html_datatable = lambda table, **options: f"<table id={options['table_id']}>{len(table)}</table>"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "itables", fake)
    assert three.browse().data == "<table id=keyaudit-browse>4</table>"


def test_what_was_counted_in_a_step_stays_with_its_tick(write: Write, tmp_path: Path) -> None:
    """Twice: who fills the blanks in finds the figures in the plan made after the next audit."""
    target = ka.write_plan(audit(migrate(write, False)), tmp_path / "plan")
    steps = (target / "steps.txt").read_text(encoding="utf-8")
    counted = re.sub(r"\[ \](.*left out )___(, pasted )___(, appeared )___", r"[x]\g<1>1\g<2>16\g<3>16", steps)
    assert counted != steps
    for _ in range(2):
        (target / "steps.txt").write_text(counted, encoding="utf-8")
        ka.write_plan(audit(migrate(write, False)), target)
        assert (target / "steps.txt").read_text(encoding="utf-8") == counted
