"""The report folder: one set, masked where others look, safe from its data, kept through a crash."""

from __future__ import annotations

import csv
import html.parser
import json
import re
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
import python_calamine
from conftest import SAMPLES, Write, audit
from openpyxl.utils.escape import unescape

import keyaudit as ka
from keyaudit import report
from keyaudit.errors import KeyauditError
from keyaudit.reconciliation import Reconciliation

NASTY = [
    "=cmd|'/C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "-2",
    "{=1}",
    "<script>alert(1)</script>",
    "http://x.example/a",
    "_x0041_",
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
    written = {sheet.cell(row, 1).value: sheet.cell(row, 2).value for row in range(7, 21)}
    assert counted == summary["statuses"] == written == halfway.statuses
    assert book["Keys"].max_row - 3 == len(keys) == summary["keys"]
    assert book["Findings"].max_row - 3 == sum(summary["findings"].values()) == len(halfway.findings)


def nasty_case(write: Write) -> Path:
    case = write("pools-before/P.csv", "Training_Key Course\nKEY-00001 C")
    rows = [["Training Key", "Course", "Redeemed By"], *([f"{text} ", f"{text}$\\frac{{a$", text] for text in NASTY)]
    with (case / "pools-before" / "P.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return case


def test_nothing_from_data_becomes_a_formula_or_a_link(write: Write, tmp_path: Path) -> None:
    """Every text comes back as text from three readers; the page holds no element from data."""
    result = audit(nasty_case(write))
    assert sorted(result.keys["training_key"]) == sorted(NASTY)
    folder = ka.write_report(result, tmp_path / "r")
    with zipfile.ZipFile(folder / "report.xlsx") as archive:
        sheets = {name: archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name}
        assert not any("externalLink" in name for name in archive.namelist())
        assert not any(b"http://x" in archive.read(name) for name in archive.namelist() if name.endswith(".rels"))
    assert not any(re.search(r"<f[ >/]", text) for text in sheets.values())
    column = [
        row[0].value for row in openpyxl.load_workbook(folder / "report.xlsx")["Keys"].iter_rows(min_row=4, max_col=1)
    ]
    assert sorted(map(unescape, column)) == sorted(NASTY)  # openpyxl leaves Excel's own escapes as they are
    fast = python_calamine.CalamineWorkbook.from_path(folder / "report.xlsx").get_sheet_by_name("Keys").to_python()
    assert sorted(row[0] for row in fast[3:]) == sorted(NASTY)

    class Elements(html.parser.HTMLParser):
        scripts = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.scripts += tag == "script"
            assert not any(name.startswith("on") for name, _ in attrs)

    page = Elements()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    assert page.scripts == 1


def test_codes_with_line_ends_and_quotes_survive_keys_csv(write: Write, tmp_path: Path) -> None:
    write("pools-before/P.csv", "Training_Key Course\nKEY-00001 C")
    case = write("course-keys/k.csv", "Training_Key Course\nKEY-00001 C")
    odd = ['A"1,2', "B\r2", "C\n3", " D4 ", "E\t5", "F;6"]
    with (case / "course-keys" / "k.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["Training Key", "Course"], *([code, "C"] for code in odd)])
    folder = ka.write_report(audit(case), tmp_path / "r")
    with (folder / "keys.csv").open(encoding="utf-8", newline="") as file:
        assert sorted({row["training_key"] for row in csv.DictReader(file)} - {"KEY-00001"}) == sorted(odd)


def test_a_former_report_survives_a_crash(
    halfway: Reconciliation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = ka.write_report(halfway, tmp_path / "r")
    former = {path.name: path.read_bytes() for path in target.iterdir()}
    for name in report.FILES:

        def crash(*_: object) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setitem(report.FILES, name, crash)
            with pytest.raises(OSError, match="No space left"):
                ka.write_report(halfway, target)
        assert {path.name: path.read_bytes() for path in target.iterdir()} == former
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
