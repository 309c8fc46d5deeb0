"""Every kind of finding in a small case that must show it, and none of them in a clean one. (CATALOGUE §5)"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import SAMPLES, Write, audit, found, verdicts

import keyaudit as ka
from keyaudit.columns import FINDINGS
from keyaudit.rulebook import FINDINGS as FINDINGS_TABLE
from keyaudit.rulebook import SEVERITIES, STATUSES

pytestmark = pytest.mark.usefixtures("read_once")

POOL = "Training_Key Course Organization Created    Redeemed   Starts     Expires"
COURSE = "Training_Key Name Course Organization Created    Expires    Max_Uses Uses Content_Availability Redeemable_By_Any_Student"
LIST = "Name Course Organization Starts Expires Content_Availability Sitewide_Use"
CLEAN = {
    "pools-before/P.csv": f"{POOL}\nKEY-00001 C O 2025-01-02 . 2025-01-02 2026-12-31\nKEY-00002 C O 2025-01-02 2025-03-04 2025-01-02 2026-12-31",
    "pools-now/P.csv": f"{POOL}\nKEY-00002 C O 2025-01-02 2025-03-04 2025-01-02 2026-04-02",
    "course-keys/k.csv": f"{COURSE}\nKEY-00001 E C O 2026-04-01 2026-12-31 . 0 180 No\nFRESH-0009 E C O 2026-04-01 2026-12-31 . 0 180 No",
    "pool-list/l.csv": f"{LIST}\nP C O 2025-01-02 2026-04-02 180 No",
    "distribution/d.csv": "Training_Key Sent_To\nKEY-00001 Ana\nKEY-00002 Bo",
}
BEFORE, NOW, KEYS, LISTED, LOG = CLEAN
STILL = CLEAN[BEFORE].replace("2026-12-31", "2026-12-30")  # a later export that is no copy of the backup
MOVED = "KEY-00001 E C O 2026-04-01 2026-12-31 . 0 180 No"


def course_key(row: str) -> dict[str, str]:
    return {KEYS: f"{COURSE}\n{row}"}


SHOWN: dict[str, tuple[dict[str, str], str, list[str], str]] = {
    "missing": (course_key("FRESH-0009 E C O 2026-04-01 2026-12-31 . 0 180 No"), "2026-04-03", ["KEY-00001"], "critical"),
    "altered": (course_key(MOVED.replace("KEY-00001", "key-00001")), "2026-04-03", ["KEY-00001"], "critical"),
    "stray": (course_key(MOVED.replace("KEY-00001", "key-00001")), "2026-04-03", ["key-00001"], "error"),
    "lapsed": ({NOW: STILL, **course_key(MOVED.replace("KEY-00001", "OTHER-999"))}, "2026-06-01", ["KEY-00001"], "critical"),
    "wrong_course": (course_key(MOVED.replace(" C ", " D ")), "2026-04-03", ["KEY-00001"], "critical"),
    "redeemed_recreated": (course_key(MOVED + "\n" + MOVED.replace("00001", "00002")), "2026-04-03", ["KEY-00002"], "critical"),
    "double_redemption": (course_key(MOVED.replace("00001", "00002").replace(". 0", ". 1")), "2026-04-03", ["KEY-00002"], "critical"),
    "expired_unused": (course_key(MOVED.replace("2026-12-31", "2026-10-01")), "2026-11-22", ["KEY-00001"], "critical"),
    "duplicate": ({NOW: STILL}, "2026-04-03", ["KEY-00001"], "error"),
    "undetermined": ({KEYS: ""}, "2026-04-03", ["KEY-00001"], "error"),
    "to_migrate": ({NOW: STILL, LISTED: "", **course_key(MOVED.replace("KEY-00001", "OTHER-999"))}, "2026-04-03", ["KEY-00001"], "warning"),
    "expired": ({BEFORE: CLEAN[BEFORE].replace("2026-12-31", "2026-01-31"), NOW: "", LISTED: "", LOG: "", **course_key(MOVED.replace("KEY-00001", "OTHER-999"))}, "2026-04-03", ["KEY-00001"], "note"),
    "organization_differs": (course_key(MOVED.replace(" O ", " Other ")), "2026-04-03", ["KEY-00001"], "error"),
    "scope_narrowed": ({LISTED: CLEAN[LISTED].replace("No", "Yes")}, "2026-04-03", ["KEY-00001"], "error"),
    "scope_widened": (course_key(MOVED.replace("No", "Yes")), "2026-04-03", ["KEY-00001"], "warning"),
    "availability_shorter": (course_key(MOVED.replace("180", "30")), "2026-04-03", ["KEY-00001"], "error"),
    "availability_longer": (course_key(MOVED.replace("180", "365")), "2026-04-03", ["KEY-00001"], "warning"),
    "expires_earlier": ({NOW: CLEAN[NOW].replace("2026-04-02", "2027-06-30"), LISTED: ""}, "2026-04-03", ["KEY-00001"], "error"),
    "start_lost": ({BEFORE: CLEAN[BEFORE].replace(". 2025-01-02", ". 2026-09-01"), NOW: "", LISTED: ""}, "2026-04-03", ["KEY-00001"], "warning"),
    "pool_revived": ({BEFORE: CLEAN[BEFORE].replace("2026-12-31", "2026-03-25"), NOW: "", LISTED: ""}, "2026-04-03", ["KEY-00001"], "warning"),
    "created_late": (course_key(MOVED.replace("2026-04-01", "2026-04-20")), "2026-04-22", ["KEY-00001"], "warning"),
    "pool_in_two_courses": (course_key(MOVED + "\n" + MOVED.replace("00001", "00002").replace(" C ", " D ")), "2026-04-03", ["P"], "error"),
    "multi_use": (course_key(MOVED.replace(". 0 180", "25 3 180")), "2026-04-03", ["KEY-00001"], "error"),
    "expires_soon": (course_key(MOVED.replace("2026-12-31", "2026-04-20")), "2026-04-03", ["KEY-00001"], "warning"),
    "expiration_blank": (course_key(MOVED.replace("2026-12-31", ".")), "2026-04-03", ["KEY-00001"], "warning"),
    "repeated_row": ({BEFORE: CLEAN[BEFORE] + "\nKEY-00001 C O 2025-01-02 . 2025-01-02 2026-12-31"}, "2026-04-03", ["KEY-00001"], "warning"),
    "conflicting_rows": (course_key(MOVED + "\n" + MOVED.replace("2026-12-31", "2026-11-30")), "2026-04-03", ["KEY-00001"], "error"),
    "record_lost": ({NOW: POOL}, "2026-04-03", ["KEY-00002"], "error"),
    "redemption_in_future": ({BEFORE: CLEAN[BEFORE].replace("2025-03-04", "2026-08-04"), NOW: "", LISTED: ""}, "2026-04-03", ["KEY-00002"], "warning"),
    "redemption_before_creation": ({BEFORE: CLEAN[BEFORE].replace("2025-03-04", "2024-03-04")}, "2026-04-03", ["KEY-00002"], "warning"),
    "key_added_late": ({BEFORE: CLEAN[BEFORE].replace("KEY-00002 C O 2025-01-02", "KEY-00002 C O 2026-04-18")}, "2026-04-20", ["KEY-00002"], "note"),
    "live_without_holder": ({LOG: "Training_Key Sent_To\nKEY-00002 Bo", "case.toml": "[distribution]\ncomplete = true"}, "2026-04-03", ["KEY-00001"], "warning"),
    "log_key_unknown": ({LOG: CLEAN[LOG] + "\nNOBODYS-99 Kim"}, "2026-04-03", ["NOBODYS-99"], "error"),
    "case_twin": (course_key(MOVED + "\nFRESH-0009 E C O 2026-04-01 2026-12-31 . 0 180 No\nfresh-0009 E C O 2026-04-01 2026-12-31 . 0 180 No"), "2026-04-03", ["FRESH-0009", "fresh-0009"], "warning"),
    "fragile_key": ({BEFORE: CLEAN[BEFORE] + "\n00012345 C O 2025-01-02 . 2025-01-02 2026-12-31"}, "2026-04-03", ["P"], "note"),
    "ambiguous_lookalike": (course_key("Key-00001 E C O . . . 0 180 No\nkEY-00001 E C O . . . 0 180 No"), "2026-04-03", ["KEY-00001", "Key-00001", "kEY-00001"], "error"),
    "collides_with_other_key": ({"other-keys/o.csv": "Training_Key Name\nKEY-00001 Subscription"}, "2026-04-03", ["KEY-00001"], "error"),
    "pool_not_reexported": ({NOW: "", LOG: "", BEFORE: CLEAN[BEFORE] + "\nKEY-00003 C O 2025-01-02 . 2025-01-02 2026-12-31"}, "2026-04-03", ["P"], "warning"),
    "pool_never_exported": ({LISTED: CLEAN[LISTED] + "\nQ C O 2025-01-02 2026-12-31 180 No"}, "2026-04-03", ["Q"], "error"),
    "pool_not_expired": ({NOW: CLEAN[NOW].replace("2026-04-02", "2026-12-31"), LISTED: ""}, "2026-04-03", ["P"], "warning"),
    "pool_expired_too_soon": ({LOG: "", NOW: CLEAN[BEFORE].replace("2026-12-31", "2026-04-02").replace("KEY-00001", "KEY-00003")}, "2026-04-03", ["P"], "critical"),
    "backup_looks_late": ({BEFORE: CLEAN[NOW], NOW: ""}, "2026-04-03", ["P"], "error"),
    "codes_regenerated": ({KEYS: f"{COURSE}\nFRESH-0009 E C O 2026-04-01 2026-12-31 . 0 180 No"}, "2026-04-03", ["P"], "error"),
    "typos_not_sought": ({BEFORE: "\n".join([POOL, *(f"SERIES-{n:04d} C O 2025-01-02 . 2025-01-02 2026-12-31" for n in range(20))]), NOW: "", LOG: "", **course_key("SERIES-0099 E C O . . . 0 180 No")}, "2026-04-03", ["P"], "note"),
    "pool_renamed": ({"pools-now/Other.csv": CLEAN[NOW], NOW: "", LISTED: ""}, "2026-04-03", ["Other"], "note"),
    "parts_of_one_pool": ({BEFORE: CLEAN[BEFORE] + "\nKEY-00003 C O 2025-01-02 2025-03-04 2025-01-02 2026-12-31", "pools-now/P (1).csv": CLEAN[NOW].replace("KEY-00002", "KEY-00003")}, "2026-04-03", ["P"], "note"),
    "pool_setting_unknown": ({LISTED: ""}, "2026-04-03", ["P"], "note"),
    "history_not_kept": ({NOW: ""}, "2026-05-10", ["P"], "error"),
    "log_incomplete": ({LOG: "Training_Key Sent_To\nKEY-00002 Bo"}, "2026-04-03", ["P"], "note"),
    "course_key_gone": ({"course-keys/k (1).csv": f"{COURSE}\nFRESH-0009 E C O 2026-04-01 2026-12-31 . 0 180 No"}, "2026-04-03", ["KEY-00001"], "error"),
    "redemption_unreadable": ({BEFORE: CLEAN[BEFORE].replace("KEY-00001 C O 2025-01-02 .", "KEY-00001 C O 2025-01-02 perhaps"), KEYS: f"{COURSE}\nFRESH-0009 E C O . . . 0 180 No"}, "2026-04-03", ["KEY-00001"], "error"),
    "redemption_not_shown": ({BEFORE: "Training_Key Course Organization Expires\nKEY-00001 C O 2026-12-31\nKEY-00002 C O 2026-12-31"}, "2026-04-03", [""], "error"),
    "column_not_understood": ({BEFORE: CLEAN[BEFORE].replace("Organization", "Price")}, "2026-04-03", [""], "note"),
    "damaged_row": ({BEFORE: CLEAN[BEFORE] + "\nKEY-00003 C too many O 2025-01-02 . 2025-01-02 2026-12-31"}, "2026-04-03", [""], "error"),
    "notes_set_aside": ({BEFORE: CLEAN[BEFORE] + "\nAsk_Kim_about_these . . . . . ."}, "2026-04-03", [""], "note"),
    "files_passed_over": ({"pools-now/P.csv.part": "Training_Key Cour"}, "2026-04-03", [""], "warning"),
    "export_cut": ({BEFORE: "\n".join([CLEAN[BEFORE], *(f"USED-{n:05d} C O 2025-01-02 2025-03-04 2025-01-02 2026-12-31" for n in range(498))])}, "2026-04-03", [""], "warning"),
    "pool_list_filtered": ({LISTED: CLEAN[LISTED].replace("2026-04-02", "2026-12-31")}, "2026-04-01", [""], "note"),
    "no_backup": ({"pools-now/Q.csv": f"{POOL}\nKEY-00005 C O 2025-01-02 . 2025-01-02 2026-12-31"}, "2026-04-03", ["Q"], "error"),
    "not_in_backup": ({NOW: CLEAN[NOW] + "\nKEY-00008 C O 2025-01-02 . 2025-01-02 2026-04-02"}, "2026-04-03", ["KEY-00008"], "warning"),
    "input_missing": ({LOG: ""}, "2026-04-03", [""], "note"),
    "column_missing": ({KEYS: "Training_Key Course Expires Max_Uses\nKEY-00001 C 2026-12-31 ."}, "2026-04-03", [""], "note"),
    "learner_without_date": ({BEFORE: CLEAN[BEFORE].replace("Organization", "Organization").replace("Created ", "Redeemed_By ").replace("O 2025-01-02 . ", "O Ana . ")}, "2026-04-03", ["KEY-00001"], "error"),
    "blank_key": ({BEFORE: CLEAN[BEFORE] + "\n. C O 2025-01-02 . 2025-01-02 2026-12-31"}, "2026-04-03", [""], "warning"),
    "header_as_key": (course_key(MOVED + "\nTraining_Key E X . . . . 0 180 No"), "2026-04-03", ["Training Key"], "warning"),
    "ambiguous_dates": ({NOW: CLEAN[NOW].replace("2026-04-02", "4/2/2026")}, "2026-04-03", [""], "error"),
    "unreadable_date": ({NOW: CLEAN[NOW].replace("2026-04-02", "soon")}, "2026-04-03", [""], "warning"),
    "rows_unaccounted": ({"case.toml": '[files."pools-before/P.csv"]\nrows = 3'}, "2026-04-03", [""], "error"),
    "same_file_twice": ({"pools-before/P copy.csv": CLEAN[BEFORE]}, "2026-04-03", [""], "warning"),
    "same_pool_twice": ({"pools-before/Other name.csv": CLEAN[BEFORE] + "\nKEY-00001 C O 2025-01-02 . 2025-01-02 2026-12-31"}, "2026-04-03", ["Other name"], "note"),
}  # fmt: skip
LOGGED = {"distribution/d.csv": "Training_Key Sent_To\nKEY-00001 Ana_Lima\nKEY-00002 Bo"}
PAID = "Payment_Type Student Course Created Status"
SHOWN |= {
    "uses_disagree": ({"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Ana C 2026-04-02 Active"}, "2026-04-03", ["KEY-00001"], "warning"),
    "redeemed_by_other": (LOGGED | {"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Kim_Park C 2026-04-02 Active", **course_key(MOVED.replace(". 0", ". 1"))}, "2026-04-03", ["KEY-00001"], "warning"),
    "redeemed_before_course_key": ({"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Ana C 2026-03-30 Active"}, "2026-04-03", ["KEY-00001"], "warning"),
    "assignment_after_removal": ({"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00002 Bo C 2026-05-29 Active"}, "2026-06-03", ["KEY-00002"], "warning"),
}  # fmt: skip
ELSEWHERE = {  # shown by workbooks, by padding, by headings: tests of reading and the sample `ugly`
    *("padded_key", "uniform_padding", "excel_damage", "several_keys_in_cell", "hidden_rows", "sheet_not_read"),
    *("file_unreadable", "redeemed_without_learner"),
}


def made(write: Write, tmp_path: Path, files: dict[str, str]) -> Path:
    for name, table in files.items():
        if name == "case.toml":
            (tmp_path / "case").mkdir(exist_ok=True)
            (tmp_path / "case" / name).write_text(table)
        elif table:
            write(name, table)
    return tmp_path / "case"


@pytest.mark.parametrize("code", SHOWN)
def test_a_finding_is_shown(code: str, write: Write, tmp_path: Path) -> None:
    change, as_of, keys, severity = SHOWN[code]
    result = audit(made(write, tmp_path, CLEAN | change), as_of)
    assert found(result, code) == sorted(keys)
    rows = result.findings[result.findings["code"] == code]
    assert severity in set(rows["severity"].astype(str))
    assert (rows["message"] != "").all()
    assert (rows["remedy"] != "").all()


ON_THE_DAY: list[tuple[str, dict[str, str], str, str]] = [  # finding, change, day of the audit, severity ("": none)
    ("created_late", course_key(MOVED.replace("2026-04-01", "2026-04-10")), "2026-06-20", ""),
    ("created_late", course_key(MOVED.replace("2026-04-01", "2026-04-11")), "2026-06-20", "warning"),
    ("created_late", course_key(MOVED.replace("2026-04-01", "2026-05-07")), "2026-06-20", "warning"),
    ("created_late", course_key(MOVED.replace("2026-04-01", "2026-05-08")), "2026-06-20", "error"),
    ("key_added_late", {BEFORE: CLEAN[BEFORE].replace("KEY-00002 C O 2025-01-02", "KEY-00002 C O 2026-04-16")}, "2026-04-20", ""),
    ("key_added_late", {BEFORE: CLEAN[BEFORE].replace("KEY-00002 C O 2025-01-02", "KEY-00002 C O 2026-04-17")}, "2026-04-20", "note"),
    ("expires_soon", course_key(MOVED.replace("2026-12-31", "2026-05-03")), "2026-04-03", "warning"),
    ("expires_soon", course_key(MOVED.replace("2026-12-31", "2026-05-04")), "2026-04-03", ""),
    ("expired_unused", course_key(MOVED.replace("2026-12-31", "2026-04-04")), "2026-04-03", ""),
    ("expired_unused", course_key(MOVED.replace("2026-12-31", "2026-04-03")), "2026-04-03", "critical"),
    ("expired_unused", course_key(MOVED.replace("2026-12-31", "2026-04-03").replace(". 0", ". 1")), "2026-04-03", ""),
    ("expires_earlier", {NOW: CLEAN[NOW].replace("2026-04-02", "2026-12-31"), LISTED: ""}, "2026-04-03", ""),
    ("expires_earlier", {NOW: CLEAN[NOW].replace("2026-04-02", "2027-01-01"), LISTED: ""}, "2026-04-03", "error"),
    # a course key that is used up is compared like any other
    ("expires_earlier", {NOW: CLEAN[NOW].replace("2026-04-02", "2027-01-01"), LISTED: "", **course_key(MOVED.replace(". 0 180", ". 1 180"))}, "2026-04-03", "error"),
    ("scope_narrowed", {LISTED: CLEAN[LISTED].replace("No", "Yes"), **course_key(MOVED.replace(". 0 180", ". 1 180"))}, "2026-04-03", "error"),
    ("created_late", course_key(MOVED.replace("2026-04-01", "2026-05-08").replace(". 0 180", ". 1 180")), "2026-06-20", "error"),
    ("organization_differs", course_key(MOVED.replace(" O ", " Other ").replace(". 0 180", ". 1 180")), "2026-04-03", "error"),
    ("availability_shorter", course_key(MOVED.replace(". 0 180", ". 1 30")), "2026-04-03", "error"),
    ("availability_shorter", course_key(MOVED.replace("180", "1")), "2026-04-03", "error"),  # a day is a number of days
    ("availability_longer", {LISTED: CLEAN[LISTED].replace("180", "1")}, "2026-04-03", "warning"),
    ("pool_revived", {BEFORE: CLEAN[BEFORE].replace("2026-12-31", "2026-04-01"), NOW: "", LISTED: ""}, "2026-04-03", "warning"),
    ("pool_revived", {BEFORE: CLEAN[BEFORE].replace("2026-12-31", "2026-04-02"), NOW: "", LISTED: ""}, "2026-04-03", ""),
    ("start_lost", {BEFORE: CLEAN[BEFORE].replace(". 2025-01-02", ". 2026-04-01"), NOW: "", LISTED: ""}, "2026-04-03", ""),
    ("start_lost", {BEFORE: CLEAN[BEFORE].replace(". 2025-01-02", ". 2026-04-02"), NOW: "", LISTED: ""}, "2026-04-03", "warning"),
    ("redemption_in_future", {BEFORE: CLEAN[BEFORE].replace("2025-03-04", "2026-04-03"), NOW: "", LISTED: ""}, "2026-04-03", ""),
    ("redemption_in_future", {BEFORE: CLEAN[BEFORE].replace("2025-03-04", "2026-04-04"), NOW: "", LISTED: ""}, "2026-04-03", "warning"),
    ("redemption_before_creation", {BEFORE: CLEAN[BEFORE].replace("2025-03-04", "2025-01-02"), NOW: "", LISTED: ""}, "2026-04-03", ""),
    ("redemption_before_creation", {BEFORE: CLEAN[BEFORE].replace("2025-03-04", "2025-01-01"), NOW: "", LISTED: ""}, "2026-04-03", "warning"),
    # a blank expiry is one that is known
    ("pool_setting_unknown", {name: re.sub(r"2026-(12-31|04-02)", ".", CLEAN[name]) for name in (BEFORE, NOW, LISTED)}, "2026-04-03", ""),
    ("input_missing", {KEYS: ""}, "2026-04-09", "note"),
    ("input_missing", {KEYS: ""}, "2026-04-10", "error"),
    ("input_missing", {LOG: ""}, "2026-04-10", "note"),
    ("history_not_kept", {NOW: ""}, "2026-05-07", ""),
    ("history_not_kept", {NOW: ""}, "2026-05-08", "error"),
    ("history_not_kept", {NOW: ""}, "2026-05-29", "warning"),
    ("pool_not_expired", {NOW: CLEAN[NOW].replace("2026-04-02", "2026-12-31"), LISTED: ""}, "2026-05-07", "warning"),
    ("pool_not_expired", {NOW: CLEAN[NOW].replace("2026-04-02", "2026-12-31"), LISTED: ""}, "2026-05-08", ""),
    ("pool_list_filtered", {}, "2026-04-02", ""),
    ("pool_list_filtered", {}, "2026-04-01", "note"),
    ("expired", {BEFORE: CLEAN[BEFORE].replace("2026-12-31", "2026-03-18"), NOW: "", LISTED: "", LOG: "", **course_key("OTHER-999 E C O . . . 0 180 No")}, "2026-04-03", "note"),
    ("expired", {BEFORE: CLEAN[BEFORE].replace("2026-12-31", "2026-03-18"), NOW: "", LISTED: "", **course_key("OTHER-999 E C O . . . 0 180 No")}, "2026-04-03", "warning"),
    ("to_migrate", {BEFORE: CLEAN[BEFORE].replace("2026-12-31", "2026-04-10"), NOW: "", LISTED: "", **course_key("OTHER-999 E C O . . . 0 180 No")}, "2026-04-03", "critical"),
    ("to_migrate", {BEFORE: CLEAN[BEFORE].replace("2026-12-31", "2026-04-11"), NOW: "", LISTED: "", **course_key("OTHER-999 E C O . . . 0 180 No")}, "2026-04-03", "warning"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "change", "as_of", "severity"), ON_THE_DAY)
def test_a_finding_begins_and_ends_on_its_day(
    code: str, change: dict[str, str], as_of: str, severity: str, write: Write, tmp_path: Path
) -> None:
    """The day itself and the day before: dates take effect at the start of their day."""
    rows = audit(made(write, tmp_path, CLEAN | change), as_of).findings.set_index("code")
    assert set(rows["severity"].astype("str").get([code], [])) == ({severity} if severity else set())


@pytest.mark.parametrize(("created", "expected"), [("2026-05-28", []), ("2026-05-29", ["KEY-00002"])])
def test_an_assignment_on_the_day_of_the_removal(
    created: str, expected: list[str], write: Write, tmp_path: Path
) -> None:
    paid = {"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00002 Bo C {created} Active"}
    assert found(audit(made(write, tmp_path, CLEAN | paid), "2026-06-03"), "assignment_after_removal") == expected


REDEEMED = CLEAN[BEFORE].replace("2025-01-02 . 2025", "2025-01-02 2025-02-03 2025")  # both keys are
OPEN = {NOW: STILL, LISTED: ""}  # KEY-00001 is still in its pool
UNCOUNTED = "Training_Key Course Created Expires\nKEY-00001 C 2026-04-01 2026-12-31"  # uses are not shown
ALSO: list[tuple[str, dict[str, str], str, str]] = [  # finding, change, day, key: another way to it than the table above shows
    ("expired_unused", {KEYS: UNCOUNTED.replace("2026-12-31", "2026-10-01")}, "2026-11-22", "KEY-00001"),
    ("expires_soon", {KEYS: UNCOUNTED.replace("2026-12-31", "2026-04-20")}, "2026-04-03", "KEY-00001"),
    ("conflicting_rows", course_key(f"{MOVED}\n{MOVED.replace('2026-12-31', '.')}"), "2026-04-03", "KEY-00001"),  # no end, and one
    ("conflicting_rows", course_key(f"{MOVED}\n{MOVED.replace('180', '30')}"), "2026-04-03", "KEY-00001"),
    ("conflicting_rows", course_key(f"{MOVED}\n{MOVED.replace('No', 'Yes')}"), "2026-04-03", "KEY-00001"),
    ("repeated_row", {BEFORE: f"{CLEAN[BEFORE]}\n{CLEAN[BEFORE].splitlines()[1]}", **course_key(f"{MOVED}\n{MOVED.replace(' E ', ' F ')}")}, "2026-04-03", "KEY-00001"),
    ("redeemed_before_course_key", {"course-assignments/a.csv": f"{PAID}\nTraining_Key_FRESH-0009 Ana C 2026-03-30 Active"}, "2026-04-03", "FRESH-0009"),
    ("redemption_unreadable", {name: SHOWN["redemption_unreadable"][0][BEFORE] + extra for name, extra in ((BEFORE, ""), (NOW, "\nKEY-00003 C O 2025-01-02 . 2025-01-02 2026-12-31"))}, "2026-04-03", "KEY-00001"),  # once, however many rows say it
]  # fmt: skip
NEAR: list[tuple[str, dict[str, str], str]] = [  # finding, change, day: all but one of what it needs
    ("scope_narrowed", {LISTED: CLEAN[LISTED].replace("No", "Yes"), **course_key(MOVED.replace("No", "Yes"))}, "2026-04-03"),
    ("scope_widened", {LISTED: CLEAN[LISTED].replace("No", "Yes"), **course_key(MOVED.replace("No", "Yes"))}, "2026-04-03"),
    ("availability_shorter", course_key(MOVED.replace("180", "0")), "2026-04-03"),
    ("availability_shorter", course_key(MOVED.replace("180", ".")), "2026-04-03"),
    ("availability_longer", {LISTED: CLEAN[LISTED].replace("180", "0")}, "2026-04-03"),
    ("live_without_holder", {"case.toml": "[distribution]\ncomplete = true"}, "2026-04-03"),
    ("live_without_holder", {LOG: "Training_Key Sent_To\nKEY-00002 Bo"}, "2026-04-03"),  # not said to be complete
    ("log_incomplete", {LOG: "Training_Key Sent_To\nFRESH-0009 Kim"}, "2026-04-03"),  # it names none of the pool
    ("log_incomplete", {LOG: "Training_Key Sent_To\nKEY-00002 Bo", "case.toml": "[distribution]\ncomplete = true"}, "2026-04-03"),
    ("learner_without_date", {BEFORE: SHOWN["learner_without_date"][0][BEFORE], NOW: CLEAN[NOW] + "\nKEY-00001 C O 2025-01-02 2025-03-05 2025-01-02 2026-04-02"}, "2026-04-03"),
    ("record_lost", {NOW: ""}, "2026-04-03"),  # not exported again
    ("case_twin", course_key(MOVED.replace("KEY-00001", "key-00001")), "2026-04-03"),  # each other's lookalike
    ("collides_with_other_key", {"other-keys/o.csv": "Training_Key Name\nkey-00001 Subscription"}, "2026-04-03"),
    ("fragile_key", {BEFORE: CLEAN[BEFORE] + "\n00012345 C O 2025-01-02 2025-03-04 2025-01-02 2026-12-31"}, "2026-04-03"),  # redeemed
    ("fragile_key", {BEFORE: CLEAN[BEFORE].replace("KEY-00001", "00012345"), **course_key(MOVED.replace("KEY-00001", "00012345"))}, "2026-04-03"),
    ("redeemed_by_other", LOGGED | {"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Kim_Park C 2026-04-02 Active", **course_key(MOVED.replace(". 0", "2 1"))}, "2026-04-03"),
    ("redeemed_by_other", LOGGED | {"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Kim_Park C 2026-04-02 Cancelled", **course_key(MOVED)}, "2026-04-03"),
    ("redeemed_by_other", {LOG: "Training_Key\nKEY-00001\nKEY-00002", "course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Kim_Park C 2026-04-02 Active", **course_key(MOVED.replace(". 0", ". 1"))}, "2026-04-03"),  # whom it was sent to is not said
    ("redeemed_before_course_key", {"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Ana C 2026-04-01 Active"}, "2026-04-03"),
    ("redeemed_before_course_key", {"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Ana C 2026-03-30 Cancelled"}, "2026-04-03"),
    ("assignment_after_removal", {KEYS: "", "course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00002 Bo C 2026-05-29 Active"}, "2026-06-03"),
    ("codes_regenerated", {NOW: STILL.splitlines()[0] + "\n" + STILL.splitlines()[1], **course_key("FRESH-0009 E C O . . . 0 180 No")}, "2026-04-03"),  # only a redeemed key is gone
    ("backup_looks_late", {LOG: ""}, "2026-04-03"),  # it holds an unredeemed key
    ("backup_looks_late", {BEFORE: REDEEMED, NOW: ""}, "2026-04-03"),  # the log names all its keys: the new course key is another's
    ("expired_unused", {KEYS: UNCOUNTED.replace("2026-12-31", "2026-10-01"), "course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Ana C 2026-04-05 Active"}, "2026-11-22"),
    ("expires_soon", {KEYS: UNCOUNTED.replace("2026-12-31", "2026-04-20"), "course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Ana C 2026-04-02 Active"}, "2026-04-03"),
    ("redeemed_by_other", {LOG: "Training_Key Sent_To\nKEY-00001 Ana_Lima", BEFORE: SHOWN["learner_without_date"][0][BEFORE].replace("Ana", "Kim_Park")}, "2026-04-03"),  # not known to be redeemed
    ("pool_list_filtered", {LISTED: "Name Course\nP C"}, "2026-04-01"),  # it shows no expiry at all
    ("backup_looks_late", {BEFORE: REDEEMED, NOW: "", LOG: "", **course_key("FRESH-0009 E D O 2026-04-01 2026-12-31 . 0 180 No")}, "2026-04-03"),  # of another course
    ("codes_regenerated", course_key(MOVED.replace("KEY-00001", "key-00001") + "\nFRESH-0009 E C O 2026-04-01 2026-12-31 . 0 180 No"), "2026-04-03"),  # one arrived, damaged
    ("codes_regenerated", {**OPEN, KEYS: f"{COURSE}\nFRESH-0009 E C O 2026-04-01 2026-12-31 . 0 180 No"}, "2026-04-03"),  # none is gone
    ("codes_regenerated", course_key("FRESH-0009 E D O 2026-04-01 2026-12-31 . 0 180 No"), "2026-04-03"),
    ("pool_not_reexported", {**OPEN, **course_key(MOVED.replace("KEY-00001", "OTHER-999"))}, "2026-04-03"),  # it was
    ("pool_not_reexported", {NOW: "", BEFORE: REDEEMED, **course_key(MOVED.replace("KEY-00001", "OTHER-999"))}, "2026-04-03"),  # nothing is left in it
    ("pool_never_exported", {NOW: ""}, "2026-04-03"),
    ("pool_never_exported", {"pools-now/Q.csv": SHOWN["no_backup"][0]["pools-now/Q.csv"], LISTED: CLEAN[LISTED] + "\nQ C O 2025-01-02 2026-12-31 180 No"}, "2026-04-03"),
    ("not_in_backup", SHOWN["no_backup"][0], "2026-04-03"),  # it has none
    ("no_backup", {}, "2026-04-03"),
    ("history_not_kept", {}, "2026-05-10"),
    ("pool_not_expired", {BEFORE: REDEEMED, NOW: REDEEMED.replace("2026-12-31", "2026-12-30"), LISTED: "", **course_key(MOVED.replace("KEY-00001", "OTHER-999"))}, "2026-04-03"),  # never begun
    ("pool_not_expired", {NOW: STILL.replace("2026-12-30", "2026-12-31") + "\nKEY-00003 C O 2025-01-02 . 2025-01-02 2026-12-31", LISTED: ""}, "2026-04-03"),  # there is something left to do
    ("pool_expired_too_soon", {**OPEN, **course_key(MOVED.replace("KEY-00001", "OTHER-999"))}, "2026-04-03"),  # still open
    ("repeated_row", {"pools-before/P (2).csv": CLEAN[BEFORE] + "\nKEY-00003 C O 2025-01-02 2025-03-04 2025-01-02 2026-12-31"}, "2026-04-03"),  # in two files
    ("repeated_row", course_key(f"{MOVED}\n{MOVED}"), "2026-04-03"),  # no pool's file
]  # fmt: skip


def test_a_redeemed_key_that_was_recreated_does_not_show_that_codes_were_pasted(write: Write, tmp_path: Path) -> None:
    keys = "".join(f"\n{code} E C O 2026-04-01 2026-12-31 . 0 180 No" for code in ("FRESH-0009", "KEY-00002"))
    case = made(write, tmp_path, CLEAN | {KEYS: COURSE + keys})
    assert found(audit(case, "2026-04-03"), "codes_regenerated") == ["P"]


@pytest.mark.parametrize(("expires", "severity"), [("2026-04-08", "critical"), ("2026-04-09", "warning")])
def test_a_key_to_migrate_is_critical_within_seven_days_of_its_end(
    expires: str, severity: str, write: Write, tmp_path: Path
) -> None:
    """Long before the deadlines; on the seventh day, and on the eighth."""
    change = {BEFORE: CLEAN[BEFORE].replace("2026-12-31", expires), NOW: "", LISTED: "", KEYS: COURSE}
    findings = audit(made(write, tmp_path, CLEAN | change), "2026-04-01").findings.set_index("training_key")
    assert findings.loc["KEY-00001", ["code", "severity"]].tolist() == ["to_migrate", severity]


@pytest.mark.parametrize(("code", "change", "as_of"), NEAR)
def test_what_is_near_a_finding_is_none(
    code: str, change: dict[str, str], as_of: str, write: Write, tmp_path: Path
) -> None:
    assert found(audit(made(write, tmp_path, CLEAN | change), as_of), code) == []


@pytest.mark.parametrize(("code", "change", "as_of", "key"), ALSO)
def test_a_finding_is_shown_too(
    code: str, change: dict[str, str], as_of: str, key: str, write: Write, tmp_path: Path
) -> None:
    assert found(audit(made(write, tmp_path, CLEAN | change), as_of), code) == [key]


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({}, "uses, max uses, organization, content availability and any organization"),
        ({LISTED: ""}, "uses, max uses and organization"),  # of the rest no pool says anything either
    ],
)
def test_what_a_course_key_file_does_not_show(
    change: dict[str, str], lacking: str, write: Write, tmp_path: Path
) -> None:
    rows = audit(made(write, tmp_path, CLEAN | {KEYS: UNCOUNTED} | change)).findings.set_index("code")
    assert rows.loc["column_missing", "message"] == f"It does not show {lacking}: that could not be checked."


def test_a_finding_about_a_row_is_of_the_pool_of_its_key(write: Write, tmp_path: Path) -> None:
    """So it can be accepted by pool."""
    accepted = '[[accepted]]\nfinding = "redemption_unreadable"\npool = "P"\nreason = "seen"\nuntil = 2026-12-31'
    change = SHOWN["redemption_unreadable"][0] | {"case.toml": accepted}
    rows = audit(made(write, tmp_path, CLEAN | change)).findings.set_index("code")
    assert rows.loc["redemption_unreadable", ["pool", "severity"]].tolist() == ["P", "accepted"]


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({LISTED: ""}, "note"),
        ({LISTED: CLEAN[LISTED].replace("2026-04-02", ".")}, ""),  # a blank cell is no end
        ({LISTED: "", BEFORE: CLEAN[BEFORE].replace("Course", "Ward"), NOW: CLEAN[NOW].replace("Course", "Ward")}, "warning"),
        ({LISTED: "", BEFORE: CLEAN[BEFORE].replace("Expires", "Price"), NOW: CLEAN[NOW].replace("Expires", "Price")}, "warning"),
        ({LISTED: "", BEFORE: CLEAN[BEFORE].replace("Organization", "Price"), NOW: CLEAN[NOW].replace("Organization", "Price")}, "note"),
        ({LISTED: "", "case.toml": "[pools.P]\ncontent_availability = 180\nsitewide = false"}, ""),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_pool(change: dict[str, str], severity: str, write: Write, tmp_path: Path) -> None:
    """Its course and its expiry weigh more than the rest."""
    rows = audit(made(write, tmp_path, CLEAN | change)).findings.set_index("code")["severity"].astype("str")
    assert list(rows.get(["pool_setting_unknown"], [])) == ([severity] if severity else [])


def test_a_clean_case_has_no_finding(write: Write, tmp_path: Path) -> None:
    result = audit(made(write, tmp_path, CLEAN))
    assert result.findings["code"].tolist() == []
    assert (result.verdict, result.not_checked) == ("clear", ())
    assert list(result.findings.columns) == list(FINDINGS)


def test_a_finding_of_a_status_says_what_is_so_of_all_its_keys() -> None:
    said = {code: FINDINGS_TABLE[code].what for code in ("duplicate", "altered", "redeemed_recreated")}
    assert said == {
        "duplicate": "The latest exports of two pools show it unredeemed, and a code can exist only once.",
        "altered": "It is not a course key; one that looks like it, and is not the same, was made.",
        "redeemed_recreated": "It was redeemed in its pool and is a course key: it can be redeemed, and billed, a second time.",
    }


def test_a_remedy_and_a_severity_for_each_of_four_periods() -> None:
    assert {(len(row.remedy), len(row.severity)) for row in FINDINGS_TABLE.values()} == {(4, 4)}


def test_every_kind_is_shown_somewhere() -> None:
    assert set(SHOWN) | ELSEWHERE == set(FINDINGS_TABLE)
    assert all(
        set(row.severity) <= {*SEVERITIES, ""} and row.what and (all(row.remedy) or row.code in STATUSES)
        for row in FINDINGS_TABLE.values()
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        # as many assignments as uses; one of them cancelled does not count
        ({"a": "KEY-00001 Ana C 2026-04-02 Active", "uses": 1}, "uses_disagree"),
        (
            {"a": "KEY-00001 Ana C 2026-04-02 Active\nKEY-00001 Ana C 2026-04-02 Cancelled", "uses": 1},
            "double_redemption",
        ),
        # an export whose payments name no key proves nothing
        ({"a": "Invoice_77 Ana C 2026-04-02 Active", "uses": 1}, "uses_disagree"),
        # the same learner in another order, and an address beside a name
        ({"a": "KEY-00001 Lima,_Ana C 2026-04-02 Active", "uses": 1}, "redeemed_by_other"),
        ({"a": "KEY-00001 ana@example.org C 2026-04-02 Active", "uses": 1}, "redeemed_by_other"),
        # a course key goes on after the removal
        ({"a": "KEY-00001 Ana C 2026-06-02 Active", "uses": 1}, "assignment_after_removal"),
    ],
)
def test_an_assignment_that_agrees_is_no_finding(
    changes: dict[str, object], code: str, write: Write, tmp_path: Path
) -> None:
    files = {
        "course-assignments/a.csv": f"{PAID}\n{changes['a']}",
        **course_key(MOVED.replace(". 0", f". {changes['uses']}")),
    }
    result = audit(made(write, tmp_path, CLEAN | LOGGED | files), "2026-06-03")
    assert found(result, code) == []


@pytest.mark.parametrize(
    ("allowed", "uses", "left", "said"),
    [("25", 0, "25.0", "25"), ("25", 24, "1.0", "1"), ("25", 25, "0.0", "0"), ("25", 26, "0.0", "0"), ("Unlimited", 3, "inf", "without limit")],
)  # fmt: skip
def test_the_uses_that_are_left_are_stated(
    allowed: str, uses: int, left: str, said: str, write: Write, tmp_path: Path
) -> None:
    result = audit(made(write, tmp_path, CLEAN | course_key(MOVED.replace(". 0 180", f"{allowed} {uses} 180"))))
    assert (
        dict(zip(result.keys["training_key"], result.keys["uses_left"].astype(str), strict=True))["KEY-00001"] == left
    )
    message = result.findings.set_index("code").loc["multi_use", "message"]
    assert said in message, message


@pytest.mark.parametrize(
    ("allowed", "live", "expected"),
    [(".", 1, []), (".", 2, ["KEY-00001"]), ("2", 2, []), ("2", 3, ["KEY-00001"]), ("Unlimited", 3, [])],
)
def test_more_live_assignments_than_uses_allowed(
    allowed: str, live: int, expected: list[str], write: Write, tmp_path: Path
) -> None:
    paid = "\n".join(f"KEY-00001 Ana{n} C 2026-04-02 Active" for n in range(live))
    files = {"course-assignments/a.csv": f"{PAID}\n{paid}", **course_key(MOVED.replace(". 0", f"{allowed} {live}"))}
    assert found(audit(made(write, tmp_path, CLEAN | files)), "double_redemption") == expected


def test_a_pool_key_that_paid_twice(write: Write, tmp_path: Path) -> None:
    files = {"course-assignments/a.csv": f"{PAID}\nKEY-00002 Bo C 2026-04-02 Active\nKEY-00002 Kim C 2026-04-02 Active"}
    result = audit(made(write, tmp_path, CLEAN | files))
    assert found(result, "double_redemption") == ["KEY-00002"]
    (message,) = result.findings.loc[result.findings["code"] == "double_redemption", "message"]
    assert "2 assignments, and 1 allowed" in message


def test_a_pool_that_expired_before_it_was_begun_has_expired_too_soon(write: Write, tmp_path: Path) -> None:
    files = {"pools-before/Q.csv": f"{POOL}\nKEY-00009 C O 2025-01-02 . 2025-01-02 2026-04-02"}
    assert found(audit(made(write, tmp_path, CLEAN | files)), "pool_expired_too_soon") == ["Q"]


def test_pairs_of_names_are_groups_of_their_own(write: Write, tmp_path: Path) -> None:
    other = "It was recreated under another course than its pool's."
    rows = [MOVED.replace(" C ", " D "), MOVED.replace("00001", "00003").replace(" C ", " X ")]
    before = CLEAN[BEFORE] + "\nKEY-00003 C O 2025-01-02 . 2025-01-02 2026-12-31"
    result = audit(made(write, tmp_path, CLEAN | {BEFORE: before, **course_key("\n".join(rows))}))
    shown = result.show_findings()
    assert shown[shown["code"] == "wrong_course"]["message"].tolist() == [
        f'{other} Its pool is for "C", its course key for "D".',
        f'{other} Its pool is for "C", its course key for "X".',
    ]


SAMPLE_DAYS = {
    **dict.fromkeys(("two-files", "halfway", "ugly", "clean"), "2026-04-09"),
    **dict.fromkeys(("one-pool/before", "one-pool/after", "one-pool/mended"), "2026-04-09"),
    "late-backup": "2026-04-20",
    "odd-exports": "2026-04-09",
    "after-sunset": "2026-11-22",
}
NOT_IN_A_SAMPLE = {"file_unreadable"}  # a sample with it could not be audited


def test_the_samples_show_every_status_and_every_finding() -> None:
    results = {name: ka.open_case(SAMPLES / name).reconcile(as_of=day) for name, day in SAMPLE_DAYS.items()}
    assert {name.partition("/")[0] for name in SAMPLE_DAYS} == {
        folder.name for folder in SAMPLES.iterdir() if folder.is_dir()
    }
    assert {code for result in results.values() for code, n in result.statuses.items() if n} == set(STATUSES)
    shown = {code for result in results.values() for code in result.findings["code"]}
    assert set(FINDINGS_TABLE) - shown == NOT_IN_A_SAMPLE
    assert (results["clean"].verdict, len(results["clean"].findings), results["clean"].not_checked) == ("clear", 0, ())


@pytest.mark.parametrize(
    ("as_of", "severity"),
    [("2026-04-09", "warning"), ("2026-04-10", "error"), ("2026-05-07", "error"), ("2026-05-08", "critical")],
)
def test_a_key_to_migrate_grows_more_urgent(as_of: str, severity: str, write: Write, tmp_path: Path) -> None:
    change = {NOW: STILL, LISTED: "", **course_key(MOVED.replace("KEY-00001", "OTHER-999"))}
    result = audit(made(write, tmp_path, CLEAN | change), as_of)
    assert result.findings.set_index("code").loc["to_migrate", "severity"] == severity


def test_whoever_redeemed_is_compared_with_the_log_of_every_key(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Redeemed Redeemed_By\nKEY-00001 2026-01-09 Kim\nKEY-00002 2026-01-09 Bo")
    case = write("distribution/d.csv", LOGGED["distribution/d.csv"])
    assert found(audit(case), "redeemed_by_other") == ["KEY-00001"]


def test_the_courses_of_a_pool_are_named_with_their_keys(write: Write, tmp_path: Path) -> None:
    case = made(write, tmp_path, CLEAN | SHOWN["pool_in_two_courses"][0])
    told = audit(case).findings.set_index("code").loc["pool_in_two_courses", "message"]
    names = '2: 1 key under "C" and 1 key under "D". The smaller side: '
    assert told == f"A pool has one course; its keys were recreated under {names}P, row 3 …02."


def test_an_accepted_finding_stays_listed_until_its_date(write: Write, tmp_path: Path) -> None:
    accepted = '[[accepted]]\nfinding = "missing"\npool = "p"\nreason = "They have left."\nuntil = 2026-04-05\n'
    change = SHOWN["missing"][0] | {"case.toml": accepted}
    case = made(write, tmp_path, CLEAN | change)
    before, after = audit(case, "2026-04-05"), audit(case, "2026-04-06")
    assert before.findings.set_index("code").loc["missing", "severity"] == "accepted"
    assert "They have left." in before.findings.set_index("code").loc["missing", "message"]
    assert after.findings.set_index("code").loc["missing", "severity"] == "critical"
    assert (before.count_findings()["critical"], after.count_findings()["critical"]) == (0, 1)
    assert (before.excused, after.excused, before.needing, after.needing) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("finding", "reference", "severity"),
    [
        ("missing", "P, row 2", "accepted"),
        ("missing", "P, row 3", "critical"),  # of another key
        ("header_as_key", "k.csv, row 3", "accepted"),  # noted in reading
        ("header_as_key", "P, row 2", "warning"),
        ("blank_key", "P, row 2", "warning"),  # of no key
    ],
)
def test_what_is_accepted_of_a_key_is_accepted_of_that_key(
    finding: str, reference: str, severity: str, write: Write, tmp_path: Path
) -> None:
    accepted = f'[[accepted]]\nfinding = "{finding}"\nreference = "{reference}"\nreason = "Known."\n'
    case = made(write, tmp_path, CLEAN | SHOWN[finding][0] | {"case.toml": accepted})
    assert audit(case).findings.set_index("code").loc[finding, "severity"] == severity


def test_every_row_of_a_log_is_matched_or_named() -> None:
    """Rows of the log, of other keys and of assignments = matched + unmatched + repeats + set aside. (CATALOGUE §3)"""
    sources = ka.open_case(SAMPLES / "after-sunset").reconcile().sources.set_index("source_file")
    assert sources.loc["distribution/sent keys.csv", ["rows_read", "matched", "unmatched"]].tolist() == [64, 63, 1]
    assert sources.loc["other-keys/subscription keys.csv", ["rows_read", "matched", "unmatched"]].tolist() == [1, 1, 0]
    told = sources[sources["role"].isin(["distribution", "other_keys", "assignments"])]
    assert len(told) == 3
    parts = told["matched"] + told["unmatched"] + told["repeats"] + told["set_aside"]
    assert (told["rows_read"] == parts).all()


@pytest.mark.parametrize(("created", "expected"), [("2026-01-15", []), ("2026-03-19", ["P"]), (".", ["P"])])
def test_course_keys_older_than_the_announcement_make_no_backup_late(
    created: str, expected: list[str], write: Write, tmp_path: Path
) -> None:
    """An audit before the migration: the course keys there are have nothing to do with it. When one was made may be unknown."""
    change = {
        BEFORE: CLEAN[NOW],
        NOW: "",
        LISTED: "",
        LOG: "",
        KEYS: f"{COURSE}\nOWN-000001 E C O {created} 2026-12-31 . 0 180 No",
    }
    assert found(audit(made(write, tmp_path, CLEAN | change)), "backup_looks_late") == expected


def test_what_does_not_fit_the_display_is_counted() -> None:
    result = ka.open_case(SAMPLES / "after-sunset").reconcile()
    shown = result.show_findings(5)
    assert len(shown) == 6
    assert shown["findings"].sum() == len(result.findings)
    every = len(result.show_findings(999))
    assert shown["message"].iloc[-1] == f"{every - 5} more: show_findings({every})"
    assert len(result.show_findings(999)) < 999
    whole = result.show_findings(every)
    assert len(whole) == every  # nothing is left to count
    ranks = [SEVERITIES.index(severity) for severity in whole["severity"]]
    assert ranks == sorted(ranks)  # the worst first


@pytest.mark.parametrize(
    ("made_on", "said"),
    [("2026-04-01", "were made since the announcement"), (".", "no export says when they were made")],
)
def test_new_codes_are_said_to_be_made_since_only_if_an_export_says_so(
    made_on: str, said: str, write: Write, tmp_path: Path
) -> None:
    result = audit(made(write, tmp_path, CLEAN | course_key(f"FRESH-0009 E C O {made_on} 2026-12-31 . 0 180 No")))
    rows = result.findings[result.findings["code"] == "codes_regenerated"]
    assert [said in message for message in rows["message"]] == [True]


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("Other 2026-12-31", "To be put right: pool and course key belong to different organizations (1)."),
        ("Other 2026-06-30", "To be put right above all: pool and course key belong to different organizations (1)."),
        ("O 2026-12-31", ""),
    ],
)
def test_the_meaning_says_when_there_is_more(second: str, told: str, write: Write) -> None:
    """`above all` only where there is another kind."""
    write("pools-before/P.csv", "Training_Key Course Organization Expires Redeemed\nKEY-00001 C O 2026-12-31 .")
    case = write(
        "course-keys/k.csv", f"Training_Key Course Organization Expires Max_Uses Uses\nKEY-00001 C {second} 1 0"
    )
    result = audit(case, "2026-04-01")
    assert (result.sentence if result.verdict == "act" else "") == told


def test_settings_that_are_not_understood_disagree_with_nothing(write: Write, tmp_path: Path) -> None:
    rows = f"{MOVED}\n{MOVED.replace('180 No', 'six_months maybe')}"
    assert found(audit(made(write, tmp_path, CLEAN | course_key(rows))), "conflicting_rows") == []


def test_of_two_files_the_first_tells_what_is_not_readable(write: Write, tmp_path: Path) -> None:
    first = SHOWN["redemption_unreadable"][0][BEFORE]
    later = first.replace("perhaps", "possibly") + "\nKEY-00003 C O 2025-01-02 . 2025-01-02 2026-12-31"
    rows = audit(made(write, tmp_path, CLEAN | {BEFORE: first, NOW: later})).findings.set_index("code")
    assert rows.loc["redemption_unreadable", "source_file"] == BEFORE


@pytest.mark.parametrize("state", ["#REF!", "#N/A"])
def test_an_assignment_of_which_nobody_knows_the_status_proves_nothing(
    state: str, write: Write, tmp_path: Path
) -> None:
    paid = {"course-assignments/a.csv": f"{PAID}\nTraining_Key_KEY-00001 Ana C 2026-03-30 {state}"}
    result = audit(made(write, tmp_path, CLEAN | OPEN | paid | course_key(MOVED.replace("KEY-00001", "OTHER-999"))))
    proven = state == "#N/A"  # as a word it says that there is nothing
    assert verdicts(result)["KEY-00001"] == ("redeemed" if proven else "to_migrate")


def test_more_messages_than_fit_into_16_bits_can_be_accepted_twice(write: Write, tmp_path: Path) -> None:
    codes = [f"KEY-{number:05d}" for number in range(17_000)]
    head = "Training_Key Course Organization Redeemed Expires\n"
    pool = head + "\n".join(f"{code} C O{code} . 2026-12-31" for code in codes)
    keys = f"{COURSE}\n" + "\n".join(f"{code} E C P 2026-04-01 2026-12-31 . 0 180 No" for code in codes)
    accepted = '[[accepted]]\nfinding = "organization_differs"\nreference = "{}"\nreason = "seen"\nuntil = 2026-12-31\n'
    accept = accepted.format("P, row 2") + accepted.format("P, row 3")
    rows = audit(made(write, tmp_path, {BEFORE: pool, KEYS: keys, "case.toml": accept})).findings
    severities = rows.loc[rows["code"] == "organization_differs", "severity"].astype("str").value_counts()
    assert severities.to_dict() == {"error": 16_998, "accepted": 2}
