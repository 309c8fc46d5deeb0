"""Files in, records out: the same table in any form gives the same records, and every row is accounted for."""

from __future__ import annotations

import csv
import datetime as dt
import gc
import io
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import xlsxwriter
from reading import told

import keyaudit as ka
from keyaudit.coded import Coded
from keyaudit.errors import KeyauditError, UnreadableFile
from keyaudit.exports.read import FileOptions, read_role
from keyaudit.exports.records import Export

HEADER = ["Training Key", "Pool", "Course", "Created", "Redeemed", "Redeemed By"]
ROWS = [
    ["00123", "Zürich – Ærø", "C", "2025-01-14", "", ""],
    ["NA", "Zürich – Ærø", "C", "2025-01-14", "2025-11-30", "Søren Dahl"],
    ["1E5", "Zürich – Ærø", "C", "2025-01-14", "", ""],
    ["TRUE", "Zürich – Ærø", "C", "2025-01-14", "", ""],
    ["=cmd^' /C calc'!A0", "Zürich – Ærø", "C", "2025-01-14", "", ""],
    ["null", "Zürich – Ærø", "C", "2025-01-14", "", ""],
]


def as_text(path: Path, delimiter: str = ",", encoding: str = "utf-8", newline: str = "\r\n") -> Path:
    lines = [delimiter.join(row) for row in [HEADER, *ROWS]]
    path.write_bytes((newline.join(lines) + newline).encode(encoding))
    return path


def as_openpyxl(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [HEADER, *ROWS]:
        sheet.append([cell or None for cell in row])
    for row in sheet.iter_rows(min_row=2):
        row[0].data_type = "s"  # a text, whatever it looks like
    book.save(path)
    return path


def as_xlsxwriter(path: Path) -> Path:
    book = xlsxwriter.Workbook(str(path))
    sheet, date = book.add_worksheet(), book.add_format({"num_format": "d/m/yyyy"})
    for r, row in enumerate([HEADER, *ROWS]):
        for c, cell in enumerate(row):
            if r and c in (3, 4) and cell:
                sheet.write_datetime(r, c, dt.datetime.fromisoformat(cell), date)
            else:
                sheet.write_string(r, c, cell)
    book.close()
    return path


def records(export: Export) -> pd.DataFrame:
    return export.rows[["training_key", "pool", "course", "created_at", "redeemed_at", "redeemed_by", "source_row"]]


FORMS = {
    "utf-8": lambda path: as_text(path / "a.csv"),
    "utf-8 with BOM": lambda path: as_text(path / "a.csv", encoding="utf-8-sig"),
    "utf-16 with tabs": lambda path: as_text(path / "a.txt", "\t", "utf-16"),
    "semicolons": lambda path: as_text(path / "a.csv", ";"),
    "pipes, Unix lines": lambda path: as_text(path / "a.csv", "|", newline="\n"),
    "old Mac lines": lambda path: as_text(path / "a.csv", newline="\r"),
    "openpyxl": lambda path: as_openpyxl(path / "a.xlsx"),
    "XlsxWriter, real dates": lambda path: as_xlsxwriter(path / "a.xlsx"),
    "a workbook named .csv": lambda path: as_xlsxwriter(path / "a.xlsx").rename(path / "a.csv"),
    "a CSV named .xlsx": lambda path: as_text(path / "a.csv").rename(path / "a.xlsx"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_in_any_form_gives_the_same_records(form: str, tmp_path: Path) -> None:
    export = ka.read_pool_exports(FORMS[form](tmp_path))
    assert export.rows["training_key"].tolist() == [row[0] for row in ROWS]
    expected = records(ka.read_pool_exports(as_text(tmp_path / "plain.csv")))
    pd.testing.assert_frame_equal(records(export), expected)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("sep_line", [False, True])
def test_every_encoding_and_delimiter_gives_the_same_records(
    encoding: str, delimiter: str, quoting: Any, sep_line: bool, tmp_path: Path
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows([HEADER, *ROWS])
    content = (f"sep={delimiter}\r\n" if sep_line else "") + text.getvalue()
    made = tmp_path / "made.csv"
    made.write_bytes((b"\xfe\xff" if encoding == "utf-16-be" else b"") + content.encode(encoding))
    declared = FileOptions(encoding="cp1252" if encoding == "cp1252" else None)
    export = read_role("pools_before", made, lambda _: declared)
    expected = records(ka.read_pool_exports(as_text(tmp_path / "plain.csv")))
    pd.testing.assert_frame_equal(records(export), expected.assign(source_row=expected["source_row"] + sep_line))


@pytest.mark.libreoffice
def test_a_workbook_written_by_libreoffice_gives_the_same_records(tmp_path: Path) -> None:
    source = as_text(tmp_path / "a.csv")
    columns = "/".join(f"{place}/2" for place in range(1, len(HEADER) + 1))  # every column as text
    command = [
        "soffice",
        "--headless",
        f"-env:UserInstallation=file://{tmp_path}/lo",
        f"--infilter=CSV:44,34,76,1,{columns}",
    ]
    made = tmp_path / "made"
    subprocess.run(
        [*command, "--convert-to", "xlsx", "--outdir", str(made), str(source)],
        check=True,
        capture_output=True,
        timeout=240,
    )
    pd.testing.assert_frame_equal(records(ka.read_pool_exports(made)), records(ka.read_pool_exports(source)))


def test_cp1252_is_read_only_when_declared(tmp_path: Path) -> None:
    path = tmp_path / "pools" / "a.csv"
    path.parent.mkdir()
    as_text(path, ";", "cp1252")
    with pytest.raises(
        UnreadableFile, match=r'(?s)line 2 is not UTF-8.*\n\[files\..*\]\nencoding = "cp1252"\n'
    ) as problem:
        ka.read_pool_exports(path)
    assert "calc" not in str(problem.value)
    export = read_role("pools_before", path, lambda _: FileOptions(encoding="cp1252"))
    assert export.rows["pool"].unique().tolist() == ["Zürich – Ærø"]


def test_rows_read_are_keys_and_repeats_and_rows_set_aside(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "Exported by an administrator,\nTraining Key,Redeemed\nUnredeemed Keys,\nAAA111,\nAAA111,\n,2026-01-01\n\n"
        "Redeemed Keys,\nTraining Key,Redeemed\nBBB222,2025-03-04\nTotal: 2,\n"
    )
    export = ka.read_pool_exports(tmp_path)
    source = export.sources.iloc[0]
    assert (source["rows_read"], source["keys"], source["repeats"], source["set_aside"]) == (8, 2, 1, 5)
    assert export.set_aside["reason"].tolist() == [
        "heading of a list",
        "blank key",
        "heading of a list",
        "repeated header",
        "totals",
    ]
    assert export.set_aside["source_row"].tolist() == [3, 6, 8, 9, 11]
    assert export.rows["source_row"].tolist() == [4, 5, 10]


def test_a_cell_that_is_not_text_is_never_turned_into_a_code(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    values = [12345678, 4.78109e21, True, dt.date(2026, 3, 1), "=1+1", "#N/A", 7422056.5]
    for row in [["Training Key", "Course"], *([value, "C"] for value in values), ["AB12", "C"]]:
        sheet.append(row)
    sheet["A7"].data_type = "e"
    sheet["A9"], sheet["B9"] = 745242, "C"
    sheet["A9"].number_format = "00000000"
    sheet["A10"], sheet["B10"] = "AB12", "C"
    book.save(tmp_path / "a.xlsx")
    export = ka.read_pool_exports(tmp_path)
    assert export.rows["training_key"].fillna("?").tolist() == ["?"] * 7 + ["00745242", "AB12"]
    assert told(export) == ["excel_damage"] * 8


def test_a_number_is_a_code_only_where_the_other_codes_prove_its_width(tmp_path: Path) -> None:
    """At least 20 and 95 % of the text keys have the width, and it does not end in 00. (CATALOGUE §1)"""
    book = openpyxl.Workbook()
    book.active.append(["Training Key"])
    for value in [*(f"1{n:07d}" for n in range(20)), 18472247, 18472200, 184722]:
        book.active.append([value])
    book.save(tmp_path / "a.xlsx")
    assert ka.read_pool_exports(tmp_path).rows["training_key"].fillna("?").tolist()[20:] == ["18472247", "?", "?"]


def test_course_keys_keep_what_the_tms_compares(tmp_path: Path) -> None:
    """A blank at the end is part of a course key, and padding in a pool export is not."""
    for name in ("pool.csv", "course.csv"):
        (tmp_path / name).write_text("Training Key,Course\nAB12 ,C\nCD34,C\n")
    assert ka.read_course_keys(tmp_path / "course.csv").rows["training_key"].tolist() == ["AB12 ", "CD34"]
    pool = ka.read_pool_exports(tmp_path / "pool.csv")
    assert pool.rows["training_key"].tolist() == ["AB12", "CD34"]
    assert told(pool) == ["padded_key"]


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (['="00123"', '="AB12"'], ["00123", "AB12"]),
        (['="00123"', "AB12"], ["00123", "AB12"]),  # every key Excel would change, and no other
        (["00123", '="AB12"'], ["00123", '="AB12"']),
        (["'00123", "'AB12"], ["00123", "AB12"]),
        (["'00123", "AB12"], ["'00123", "AB12"]),
        (["\t00123", "\tAB12"], ["00123", "AB12"]),
    ],
)
def test_a_wrapper_is_removed_only_where_the_file_added_it(cells: list[str], codes: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Training Key;Course\n" + "".join(f"{cell};C\n" for cell in cells))
    assert ka.read_course_keys(tmp_path).rows["training_key"].tolist() == codes


def test_several_codes_in_one_cell_are_no_code(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('Training Key,Course\nAB12CD34,C\n"AB12CD35, AB12CD36",C\n')
    export = ka.read_pool_exports(tmp_path)
    assert export.rows["training_key"].fillna("?").tolist() == ["AB12CD34", "?"]
    assert told(export) == ["several_keys_in_cell"]


BAD = {
    "empty file": (b"", "is empty"),
    "blank file": (b"\r\n \r\n", "is empty"),
    "PDF": (b"%PDF-1.7 ...", "is a PDF"),
    "web page": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "legacy .xls"),
    "password": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    "cut short": (b"PK\x03\x04 and then nothing", "damaged or cut short"),
    "no key column": (b"Code 2,User\nAB12CD34,Ana\n", 'Looked for "Training Key", "Key".*found "Code 2", "User".*\n.*\ncolumns = { training_key = "Code 2" }'),
    "no header": (b"58703BA0,Ana Lima\n58703BA1,Bo Chen\n", "found"),
    "a letter": (b"Dear colleague\nhere is the\ncode.\n" + b"Every learner is asked to redeem it before the pools are removed.\n" * 5, "no column holds"),
    "two headers": (b"Key,Training Key\nAB12,AB12\n", "two headers for one column"),
    "no separator": (b"Training Key^Course\nAB12CD34^C\n", "every line is one cell"),
    "a page without a head": (b"<!-- saved --><table>", "is a web page"),
    "a page from its first tag": (b"<meta charset=utf-8>", "is a web page"),
    "Rich Text": (rb"{\rtf1\ansi AB12CD34}", "is a Rich Text document"),
    "JSON": (b'[\n {"Training Key": "AB12CD34"}]', "is a JSON file"),
    "JSON of one key": (b'{"Training Key": "AB12CD34"}', "is a JSON file"),
    "UTF-16 without its mark": ("Training Key\tCourse".encode("utf-16-le"), "UTF-16 without its mark"),
    "open quotation mark": (b'Training Key,Course\n"AB12,C\nCD34,C\n', "a quotation mark opened in line 2 is not closed"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_read_is_one_clear_error(kind: str, tmp_path: Path) -> None:
    content, words = BAD[kind]
    path = tmp_path / "pools" / "a.xlsx"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=words) as problem:
        ka.read_pool_exports(path)
    assert "pools/a.xlsx" in str(problem.value)
    assert not any(secret in str(problem.value) for secret in ("58703BA0", "Ana Lima", "AB12CD34"))


def test_a_file_a_list_a_pattern_and_a_folder(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("Key\nA1\n")
    two.write_text("Key\nB2\n")
    for paths in ([one, two], str(tmp_path / "*.csv"), tmp_path, [str(tmp_path / "o*.csv"), two]):
        assert ka.read_pool_exports(paths).rows["training_key"].tolist() == ["A1", "B2"]
    with pytest.raises(KeyauditError, match="no such file"):
        ka.read_pool_exports(tmp_path / "three.csv")


def test_the_same_bytes_are_read_once(tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("Key\nA1\n")
    export = ka.read_pool_exports(tmp_path)
    assert (len(export.rows), told(export)) == (1, ["same_file_twice"])


def test_a_row_of_another_width_is_set_aside_and_said(tmp_path: Path) -> None:
    """An unquoted delimiter shifts a row: its key is not guessed, and the audit is incomplete."""
    (tmp_path / "a.csv").write_text("Training Key,Course,Redeemed By\nAA11,C,\nBB22,C,D,\nCC33\nDD44,C,\n")
    export = ka.read_pool_exports(tmp_path)
    assert export.rows["training_key"].tolist() == ["AA11", "DD44"]
    assert export.set_aside["reason"].tolist() == [
        "damaged row: 4 cells, the header has 3",
        "damaged row: 1 cells, the header has 3",
    ]
    assert ka.reconcile(export, as_of="2026-04-03").not_checked[-1].startswith(f"{tmp_path.name}/a.csv: 2 damaged rows")


def test_a_delimiter_at_the_end_of_every_line_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Training Key,Course\nAA11,C,\nDD44,C,\n")
    assert ka.read_pool_exports(tmp_path).rows["training_key"].tolist() == ["AA11", "DD44"]


def read_csv(tmp_path: Path, text: str, **known: object) -> Export:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    return read_role("pools_before", tmp_path / "a.csv", lambda _: FileOptions(**known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        # the first list has a header of one word; nothing above the second may be lost
        ("Undistributed Keys,\nTraining Key,\nAA11,\nBB22,\n,\nUsed Keys,\nTraining Key,Redeemed\nCC33,2026-01-02\n", ["AA11", "BB22", "CC33"]),
        # a title that is called like a header
        ("Training Keys;;\n;;\nNr;Beschreibung;Code\n1;x;AA11\n2;y;BB22\n", ["AA11", "BB22"]),
        # a sum beside the word, a note of two words, a header of one cell
        ("Key,Redeemed\nAA11,2026-01-02\nTotal,5\n25 keys,\n", ["AA11"]),
        ("Key,Redeemed\nAA11,2026-01-02\nKey,\nBB22,\n", ["AA11", "BB22"]),
        # codes that are words with blanks, all there is in the file
        ("Key\nLAB KEY ONE\nLAB KEY TWO\n", ["LAB KEY ONE", "LAB KEY TWO"]),
        # errors that Excel wrote into a CSV
        ("Key,Course\nAA11,C\n#N/A,C\n", ["AA11", "?"]),
        # a header whose last cell is blank, and lines that end before it
        ("Key,Course,\nAA11,C\nBB22,C\n", ["AA11", "BB22"]),
    ],
)  # fmt: skip
def test_what_is_a_key_and_what_is_not(text: str, codes: list[str], tmp_path: Path) -> None:
    assert read_csv(tmp_path, text).rows["training_key"].fillna("?").tolist() == codes


def test_a_mapped_header_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match='maps redeemed_at to "Redemed on"'):
        read_csv(tmp_path, "Key,Redeemed\nAA11,\n", columns={"redeemed_at": "Redemed on"})


def test_a_damaged_later_export_proves_no_absence(tmp_path: Path) -> None:
    """A key may stand in the row that could not be read: unknown is not no."""
    for folder, rows in (("before", "AA11,C\nBB22,C\n"), ("now", "AA11,C\nBB22,C,D,E\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "P.csv").write_text("Key,Course\n" + rows)
    (tmp_path / "k.csv").write_text("Key,Course\nCC33,C\n")
    before, now = (ka.read_pool_exports(tmp_path / folder, now=folder == "now") for folder in ("before", "now"))
    result = ka.reconcile(before, ka.read_course_keys(tmp_path / "k.csv"), pools_now=now, as_of="2026-04-03")
    keys = result.keys.set_index("training_key")
    assert keys.loc["BB22", ["status", "in_now"]].tolist() == ["to_migrate", "unknown"]


def test_a_formula_without_a_value_in_the_last_row_is_not_lost(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for cell in ["Training Key", "AA11", "=1+1"]:
        book.active.append([cell])
    book.save(tmp_path / "a.xlsx")
    assert ka.read_pool_exports(tmp_path).rows["training_key"].fillna("?").tolist() == ["AA11", "?"]


def test_a_course_key_that_cannot_be_read_is_set_aside_and_said(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("Key,Course\nAA11,C\n")
    book = openpyxl.Workbook()
    for row in [["Training Key", "Course"], ["BB22", "C"], ["#N/A", "C"]]:
        book.active.append(row)
    book.active["A3"].data_type = "e"
    book.save(tmp_path / "k.xlsx")
    result = ka.reconcile(
        ka.read_pool_exports(tmp_path / "p.csv"), ka.read_course_keys(tmp_path / "k.xlsx"), as_of="2026-04-03"
    )
    assert result.tie_out_sums() == {"rows_read": 3, "keys": 2, "repeats": 0, "set_aside": 1, "unexplained": 0}
    assert "excel_damage" in set(result.findings["code"])
    assert any("k.xlsx" in text for text in result.not_checked)


LONG = {
    "one long line": "A" * 130_000 + "\nA1\n",
    "blanks inside": "Key\nA1" + " " * 60_000 + "B2\n",
    "digits": "Key\n" + "1" * 100_000 + "!\n",
    "many odd codes": "Key\n" + "\n".join(f"AZ#{n}" for n in range(40_000)),
    "many padded codes": "Key,Course\n" + "".join(f"AZ{n} ,C\n" for n in range(40_000)) + "AA,C\n",
    "many cells": "Key," + "c," * 1_000_000,
    "many lines": "Key\n" + "\n" * 2_000_000 + "A1\n",
    "many lists": "Key\n" + "Used Keys\nA1\nUnused Keys\nA1\n" * 6_000,
    "many titles": "Key\n" + "".join(f"Pool: {n}\nA1\n" for n in range(11_000)),
    "open quotation marks": "'Key','Course'\n" + "'A1','C'\n" * 70 + "'" + ",'aaa" * 100_000 + "'\t\n",
    "one long cell": 'Key,Course\nA1,"' + "x\n" * 400_000 + '"\n',
}


@pytest.mark.parametrize("kind", LONG)
def test_no_input_takes_long(kind: str, tmp_path: Path) -> None:
    began = time.process_time()
    try:
        read_csv(tmp_path, LONG[kind])
    except KeyauditError as problem:
        assert len(str(problem)) < 2_000
    assert time.process_time() - began < 10


def test_an_empty_pool_export_beside_course_keys(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("Key,Course\n")
    (tmp_path / "k.csv").write_text("Key,Course\nBB22,C\n")
    result = ka.reconcile(
        ka.read_pool_exports(tmp_path / "p.csv"), ka.read_course_keys(tmp_path / "k.csv"), as_of="2026-04-03"
    )
    assert result.statuses["new"] == len(result.keys) == 1


def test_a_pool_list_of_names_only_keeps_every_name(tmp_path: Path) -> None:
    (tmp_path / "pools.csv").write_text("Name\nAzure Fundamentals Spring\nSecurity\n")
    assert ka.read_pool_list(tmp_path).rows["pool"].tolist() == ["Azure Fundamentals Spring", "Security"]


def test_many_codes_with_signs_are_read_in_linear_time(tmp_path: Path) -> None:
    began = time.process_time()
    export = read_csv(tmp_path, "Key,Course\n" + "".join(f"AZ#{n},C\n" for n in range(60_000)))
    assert len(export.rows) == 60_000
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("tab", "rows"),
    [
        ("Used Keys", [["AB12CD"]]),
        ("More", [["Schluessel"], ["ABCDEF"], ["GHIJKL"]]),
        ("Old", [[12345678.0], [12345679.0]]),
    ],
)
def test_a_sheet_that_seems_to_hold_keys_is_not_passed_over_in_silence(
    tab: str, rows: list[list[object]], tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Training Key"])
    book.active.append(["AA11"])
    for row in rows:
        (book[tab] if tab in book.sheetnames else book.create_sheet(tab)).append(row)
    book.save(tmp_path / "a.xlsx")
    export = ka.read_pool_exports(tmp_path)
    assert [(n.code, n.source_sheet) for n in export.told if n.code == "sheet_not_read"] == [("sheet_not_read", tab)]


# --- several pools in one sheet (HAZARDS 24) ---


def test_pools_stacked_under_their_titles(tmp_path: Path) -> None:
    export = read_csv(
        tmp_path,
        "Training Key Pool: Azure Admin,\nKey,Course\nAA11,C\n\nPool:,Beta: two\nKey,Course\nBB22,D\nTotal: 1,\npool: Empty,\n",
    )
    assert export.rows[["training_key", "pool"]].to_numpy().tolist() == [["AA11", "Azure Admin"], ["BB22", "Beta: two"]]
    assert export.set_aside[["source_row", "reason"]].to_numpy().tolist() == [
        [5, "title of a pool"],
        [6, "repeated header"],
        [8, "totals"],
        [9, "title of a pool"],
    ]
    assert [(table.pool, table.records) for table in export.tables] == [
        ("Azure Admin", 1),
        ("Beta: two", 1),
        ("Empty", 0),
    ]


@pytest.mark.parametrize("title", ["Fabrikam team", "Fabrikam", "Beta 2026"])
def test_a_list_below_a_title_that_may_be_another_pool_stops_the_audit(title: str, tmp_path: Path) -> None:
    """Which pool its keys are of decides what a learner is told: it is asked, not guessed."""
    text = f"Key,Course\nAA11,C\n\n{title},\nKey,Course\nBB22,D\n"
    with pytest.raises(UnreadableFile, match="in row 4 a second list begins"):
        read_csv(tmp_path, text)
    assert read_csv(tmp_path, text, pool="One").rows["pool"].tolist() == ["One", "One"]
    assert read_csv(tmp_path, text.replace("Course", "Pool")).rows["pool"].tolist() == ["C", "D"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Key,Course\nAA11,C\nTotal: 1,\nKey,Course\nBB22,C\n", ["AA11", "BB22"]),
        ("Key,Course\nAA11,C\nPage 2 of 3,\nKey,Course\nBB22,C\n", ["AA11", "BB22"]),
        ("Key,Course\nAA11,C\nABCD,\nKey,Course\nBB22,C\n", ["AA11", "ABCD", "BB22"]),  # a code without a digit
        ("Unused Keys\nKey\nAA11\nCheck them twice\nUsed Keys\nKey\nBB22\n", ["AA11", "BB22"]),
        (
            "Keys of Contoso,\nKey,Course\nAA11,C\nKeys of Contoso,\nKey,Course\nBB22,C\n",
            ["AA11", "BB22"],
        ),  # of the page
    ],
)
def test_what_stands_between_lists_of_one_pool(text: str, codes: list[str], tmp_path: Path) -> None:
    rows = read_csv(tmp_path, text).rows
    assert (rows["training_key"].tolist(), set(rows["pool"])) == (codes, {"a"})


def test_lists_of_two_pools_under_the_same_heading(tmp_path: Path) -> None:
    text = "Unused Keys\nKey\nAA11\nUsed Keys\nBB22\nOther pool\nUnused Keys\nKey\nCC33\n"
    with pytest.raises(UnreadableFile, match="the title in row 6"):
        read_csv(tmp_path, text)


def test_a_key_column_that_moves_keeps_its_second_look(tmp_path: Path) -> None:
    """An error cell is blank to the fast reader, in whatever column the keys of the second list stand."""
    book = openpyxl.Workbook()
    for row in [["Key", "Course"], ["AA11", "C"], ["Course", "Key"], ["C", "BB22"], ["C", "#N/A"]]:
        book.active.append(row)
    book.active["B5"].data_type = "e"
    book.save(tmp_path / "a.xlsx")
    assert ka.read_pool_exports(tmp_path).rows["training_key"].fillna("?").tolist() == ["AA11", "BB22", "?"]


@pytest.mark.parametrize(
    ("end", "reasons"),
    [
        ("AB12CD35 (reserve),,\n", []),  # a key with a remark is a key
        (",,AB12CD36\n", ["blank key"]),  # a code under the wrong header
        (",,1\n,,2\n,,3\n", ["totals"] * 3),
        (",,1\n,,2\n,,3\n,,4\n", ["no code, and no fact of ours"] * 4),  # many: they are no sums
        (",C,1\n,C,2\n", ["blank key"] * 2),  # their codes were lost
        ("Count: 1,,\nKeep this list safe until 2026-05-01,,\n", ["totals", "note"]),
    ],
)
def test_the_end_of_a_list_hides_no_key(end: str, reasons: list[str], tmp_path: Path) -> None:
    export = read_csv(tmp_path, "Key,Course,Price\nAB12CD34,C,5\n" + end)
    assert export.set_aside["reason"].tolist() == reasons
    assert told(export).count("blank_key") == reasons.count("blank key")
    assert len(export.rows) == (1 if reasons else 2)


# --- quotation marks that swallow rows (HAZARDS 42) ---


@pytest.mark.parametrize(
    ("body", "codes", "damaged"),
    [
        # the mark opened in line 2 closes in line 3: two keys would become one, without a word
        ('AA11,"C,x\nBB22,C",y\nCC33,C,z\n', ["CC33"], [2]),
        ('AA11,C,x\nBB22,"C,x\nCC33,C,x\nDD44,C",y\nEE55,C,z\n', ["AA11", "EE55"], [3]),
        # what people write into a cell
        ('AA11,C,"x, y\nand z, w"\nBB22,C,x\n', ["AA11", "BB22"], []),
        ('AA11,C,"x\ny\nz"\nBB22,C,x\n', ["AA11", "BB22"], []),
    ],
)
def test_rows_swallowed_by_a_quotation_mark_are_not_lost(
    body: str, codes: list[str], damaged: list[int], tmp_path: Path
) -> None:
    export = read_csv(tmp_path, "Key,Course,Redeemed By\n" + body)
    assert export.rows["training_key"].tolist() == codes
    assert export.set_aside["source_row"].tolist() == damaged
    assert export.set_aside["reason"].str.contains(r"a quotation mark opened in line \d closes in line \d").all()
    assert export.sources["damaged"].tolist() == [len(damaged)]


# --- dates that a program has touched, orders that contradict each other ---

SWAPPED = r"stand beside texts whose day and month a program could not tell"


def read_dates(tmp_path: Path, rows: list[list[object]], **known: object) -> Export:
    book = openpyxl.Workbook()
    book.active.append(["Key", "Created", "Expires"])
    for number, row in enumerate(rows):
        book.active.append([f"AA{number}", *row])
    book.save(tmp_path / "a.xlsx")
    return read_role("pools_before", tmp_path / "a.xlsx", lambda _: FileOptions(**known))  # type: ignore[arg-type]


def shown(export: Export, column: str) -> list[str]:
    return export.rows[column].dt.strftime("%Y-%m-%d").fillna("?").tolist()


def test_dates_that_excel_could_read_beside_dates_it_could_not(tmp_path: Path) -> None:
    """3 April opened as month first is 4 March, and 23 April stays a text: the real dates are not to be trusted."""
    march, new_year, same = dt.date(2026, 3, 4), dt.date(2027, 1, 6), dt.date(2027, 1, 1)
    export = read_dates(tmp_path, [[march, new_year], ["23/04/2026", same], ["", new_year]])
    assert shown(export, "created_at") == ["?", "2026-04-23", "?"]
    assert shown(export, "expires_on") == ["?", "2027-01-01", "?"]  # the same program read this column
    assert told(export) == ["ambiguous_dates"] * 2
    assert all(SWAPPED in note.message for note in export.told if note.code == "ambiguous_dates")


def test_dates_that_excel_could_read_in_one_column_and_not_in_the_other(tmp_path: Path) -> None:
    export = read_dates(tmp_path, [[dt.date(2026, 3, 4), "31/12/2026"], [dt.date(2026, 5, 2), "30/11/2026"]])
    assert (shown(export, "created_at"), shown(export, "expires_on")) == (["?", "?"], ["2026-12-31", "2026-11-30"])


@pytest.mark.parametrize(
    "rows",
    [
        [[dt.date(2026, 3, 4), ""], [dt.date(2026, 3, 24), ""], ["23/04/2026", ""]],  # a real date has a day over 12
        [[dt.date(2026, 3, 4), ""], ["23/04/2026", ""], ["02/04/2026", ""]],  # a program would have read the last one
        [[dt.date(2026, 3, 4), ""], ["23/04/2026", ""], ["12/04/2026", ""]],  # also of December
        [[dt.date(2026, 3, 3), ""], ["23/04/2026", ""]],  # 3 March is 3 March in both orders
    ],
)
def test_dates_and_texts_that_may_stand_side_by_side(rows: list[list[object]], tmp_path: Path) -> None:
    export = read_dates(tmp_path, rows)
    assert "?" not in shown(export, "created_at")
    assert told(export) == []


def test_a_declared_order_that_the_file_contradicts_is_said(tmp_path: Path) -> None:
    rows: list[list[object]] = [["4/23/2026", "3/4/2027"], ["3/4/2026", "5/6/2027"]]
    export = read_dates(tmp_path, rows, day_first=True)
    assert shown(export, "created_at") == shown(export, "expires_on") == ["?", "?"]
    assert told(export) == ["ambiguous_dates"] * 2
    what = "case.toml says day_first = true, and the file holds a day over 12"
    assert all(what in note.message for note in export.told if note.code == "ambiguous_dates")
    agreed = read_dates(tmp_path, rows, day_first=False)
    assert shown(agreed, "expires_on") == ["2027-03-04", "2027-05-06"]
    assert told(agreed) == []


# --- the line that mends an unknown header ---


@pytest.mark.parametrize(
    ("header", "candidate"),
    [
        ('Nr,"The ""one"" \\ code",User', 'The "one" \\ code'),
        ("Keyboard,Serial,User", "Serial"),  # by what stands below
        ("Nr,Schlüssel,User", "Schlüssel"),
    ],
)
def test_the_suggested_line_is_toml_and_names_a_plausible_column(header: str, candidate: str, tmp_path: Path) -> None:
    folder = tmp_path / 'po"ols'
    folder.mkdir()
    (folder / "a.csv").write_text(f"{header}\nred,58703BA0,Ana\nred,58703BA1,Bo\n", encoding="utf-8")
    with pytest.raises(UnreadableFile) as problem:
        ka.read_pool_exports(folder)
    line = str(problem.value).partition("case.toml:\n")[2]
    assert tomllib.loads(line) == {"files": {'po"ols/a.csv': {"columns": {"training_key": candidate}}}}


def test_two_headers_of_one_text_cannot_be_told_apart_by_a_mapping(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"the code\)\. Delete or rename the other column$"):
        read_csv(tmp_path, "Key, key\nAA11,AA11\n")
    with pytest.raises(
        UnreadableFile, match=r'which one counts:\n\[files\..*\]\ncolumns = \{ training_key = "Key" \}$'
    ):
        read_csv(tmp_path, "Key,Code\nAA11,AA11\n")


def test_a_file_that_is_utf_8_is_not_read_as_something_else(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r'is UTF-8, and case\.toml says encoding = "cp1252"'):
        read_csv(tmp_path, "Key,Course\nAA11,Zürich\n", encoding="cp1252")


# --- no number of pools, files, lists or sheets is too many ---


@pytest.mark.parametrize("number", [127, 128, 200, 40_000])
def test_many_pools_in_one_file(number: int, tmp_path: Path) -> None:
    export = read_csv(tmp_path, "Training Key,Pool\n" + "".join(f"K{n:07d},P {n}\n" for n in range(number)))
    last = [export.column("pool")[record] for record in (0, 126, number - 1)]
    assert last == ["P 0", "P 126", f"P {number - 1}"]


@pytest.mark.parametrize("number", [127, 200])
def test_many_files_lists_and_sheets(number: int, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for n in range(number):
        (tmp_path / f"p{n:05d}.csv").write_text(f"Key,Redeemed\nA{n:07d},\n")
        sheet = book.create_sheet(f"P {n}")
        sheet.append(["Training Key"])
        sheet.append([f"S{n:07d}"])
    book.save(tmp_path / "book.xlsx")
    (tmp_path / "lists.csv").write_text("Key\n" + "".join(f"Pool: L {n}\nL{n:07d}\n" for n in range(number)))
    export = ka.read_pool_exports(tmp_path)
    read = zip(export.keys.to_pylist(), export.file.tolist(), export.table.tolist(), strict=True)
    pools = {
        code: (export.files[file].source_file.split("/")[-1], export.tables[table].pool) for code, file, table in read
    }
    for n in (0, 126, number - 1):
        assert pools[f"A{n:07d}"] == (f"p{n:05d}.csv", f"p{n:05d}")
        assert pools[f"S{n:07d}"] == ("book.xlsx", f"P {n}")
        assert pools[f"L{n:07d}"] == ("lists.csv", f"L {n}")


@pytest.mark.parametrize("sample", ["halfway", "ugly"])
def test_the_cells_of_a_file_are_free_when_it_is_read(sample: str) -> None:
    """Nothing that held them holds itself: else memory waits for whoever looks for such circles."""
    case = ka.open_case(Path(__file__).parents[1] / "data" / "samples" / sample)
    case.read()
    gc.collect()
    gc.disable()
    try:
        case.read()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert [type(one).__name__ for one in gc.garbage if isinstance(one, (Coded, pa.Array, pa.Buffer))] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
