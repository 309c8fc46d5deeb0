"""What was not read, or not understood, proves nothing: files, sheets, columns, and the state of an assignment. (CATALOGUE, head; §5)"""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from conftest import Write, verdicts

import keyaudit as ka

HEAD = "Training_Key Course Redeemed Expires\n"
KEYS = [f"0A571749{number}BCD2233" for number in range(4)]
BACKUP = HEAD + "".join(f"{key} AZ-800 . 2026-12-31\n" for key in KEYS)
ENTRY = f"Training_Key Name Course Created Expires Max_Uses Uses\n{KEYS[0]} x AZ-800 2026-04-01 2026-12-31 . 0\n"
LATER = f"{HEAD}{KEYS[3]} AZ-800 2026-03-20 2026-12-31\n"
UNKNOWN = f"Freischaltcode Course Redeemed\n{KEYS[1]} AZ-800 .\n"
SENT = f"Training_Key Sent_To\n{KEYS[0]} Ana\n"
COMPLETE = "[distribution]\ncomplete = true\n"


def case_of(write: Write, files: dict[str, str], declared: str = "") -> Path:
    for name, table in {"pools-before/Azure.csv": BACKUP, "course-keys/ck.csv": ENTRY, **files}.items():
        case = write(name, table)
    (case / "case.toml").write_text(declared, encoding="utf-8")
    return case


def of_second_key(case: Path) -> tuple[str, str]:
    """Status and works of the key that may stand in what was not read."""
    result = ka.open_case(case).reconcile(as_of="2026-04-03", keep_going=True)
    return verdicts(result)[KEYS[1]], verdicts(result, "works")[KEYS[1]]


@pytest.mark.parametrize(
    ("file", "then"),
    [
        ("course-keys/b.csv", ("missing", "unknown")),
        ("pools-now/Azure (2).csv", ("to_migrate", "unknown")),
        ("Pools_Now/Azure (2).csv", ("to_migrate", "unknown")),
        ("other-keys/b.csv", ("missing", "no")),  # it says nothing of either
    ],
)
def test_a_file_that_was_not_read_proves_nobodys_lock_out(file: str, then: tuple[str, str], write: Write) -> None:
    folder = file.split("/")[0] if "ow" in file else "pools-now"
    assert of_second_key(case_of(write, {f"{folder}/Azure.csv": LATER})) == ("missing", "no")
    assert of_second_key(case_of(write, {file: UNKNOWN})) == then


def test_a_log_of_which_a_file_was_not_read_is_not_complete(write: Write) -> None:
    assert of_second_key(case_of(write, {"distribution/log.csv": SENT}, COMPLETE))[0] == "undistributed"
    assert of_second_key(case_of(write, {"distribution/b.csv": UNKNOWN}, COMPLETE))[0] == "to_migrate"


@pytest.mark.parametrize("part", ["none", "sheet", "column"])
@pytest.mark.parametrize(("role", "known"), [("pools-now", LATER), ("distribution", SENT), ("other-keys", LATER)])
def test_a_part_that_seems_to_hold_keys_proves_no_absence(role: str, known: str, part: str, write: Write) -> None:
    """A sheet, or a column, that was not read, of a later export or of a log."""
    book = openpyxl.Workbook()
    lines = [[cell.replace("_", " ") for cell in line.split()] for line in known.splitlines()]
    lines.append([KEYS[2], *lines[1][1:]])
    for line, other in zip(lines, ["Weitere", *KEYS[1:3]], strict=True):
        book.worksheets[0].append(line + [other] * (part == "column"))
    if part == "sheet":
        sheet = book.create_sheet("Teil 2")
        for cell in ("Freischaltcode", *KEYS[1:3]):
            sheet.append([cell])
    book.worksheets[0].title = "Azure"
    case = case_of(write, {} if role == "distribution" else {"distribution/log.csv": SENT}, COMPLETE)
    (case / role).mkdir(exist_ok=True)
    book.save(case / role / "Azure.xlsx")
    status, works = of_second_key(case)
    is_doubted = part != "none"
    if role == "pools-now":
        assert (status, works) == ("undistributed", "unknown" if is_doubted else "no")
    else:
        assert status == ("to_migrate" if is_doubted and role == "distribution" else "undistributed")


@pytest.mark.parametrize(
    ("header", "word", "status", "is_told"),
    [
        ("Status", "Active", "redeemed", False),
        ("Status", "Cancelled", "to_migrate", False),
        ("Status", "Zurückgezogen", "to_migrate", False),
        ("Status", "Yes", "to_migrate", False),  # of what?
        ("Assignment_Status", "Cancelled", "to_migrate", True),
        ("Situation", "Cancelled", "to_migrate", True),
        ("Zustand", "Storniert", "to_migrate", True),
        ("Cancelled", "Yes", "to_migrate", True),
        ("Cancelled_On", "2026-03-04", "to_migrate", True),
        ("Remark", "Cancelled", "redeemed", False),  # nothing says that the column is one
    ],
)
def test_an_assignment_counts_only_if_it_is_known_not_to_be_cancelled(
    header: str, word: str, status: str, is_told: bool, write: Write
) -> None:
    payments = f"Payment_Type Student Course Created {header}\nTraining_Key_{KEYS[1]} Bo AZ-800 2026-03-01 {word}\n"
    case = case_of(write, {"course-assignments/a.csv": payments})
    assert of_second_key(case)[0] == status
    told = ka.open_case(case).reconcile(as_of="2026-04-03").findings
    notes = told[(told["code"] == "column_not_understood") & (told["source_file"] == "course-assignments/a.csv")]
    until = ["Until then no assignment of the file counts as one that was not cancelled"]
    assert [text.splitlines()[-1] for text in notes["message"]] == (until if is_told else [])
