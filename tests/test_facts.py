"""What several exports together prove, and what they do not: facts of CATALOGUE §2 in cases of a few keys."""

from __future__ import annotations

import csv
import datetime as dt
import re
import shutil
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from conftest import Write, audit, found, verdicts

import keyaudit as ka
from keyaudit.checks import lacking_lines
from keyaudit.errors import KeyauditError, ReconcileError
from keyaudit.facts import alike, narrow
from keyaudit.plan import migration_plan
from keyaudit.reconciliation import _check
from keyaudit.rehearsal import write_xlsx
from keyaudit.rulebook import STATUSES

pytestmark = pytest.mark.usefixtures("read_once")

POOL = "Training_Key Course Redeemed Expires"
KEYS = "Training_Key Name Course Expires Max_Uses Uses"


def pool(*rows: str) -> str:
    """A pool export; a row is a code, or a code and more."""
    return "\n".join([POOL, *(row if " " in row else f"{row} C . 2026-12-31" for row in rows)])


def keys(*codes: str) -> str:
    """A course-key export of unused keys."""
    return "\n".join([KEYS, *(code if " " in code else f"{code} E C 2026-12-31 . 0" for code in codes)])


# --- later exports ---


@pytest.mark.parametrize(
    ("now", "listed", "works"),
    [
        ("Expires", "Expires", "yes"),
        ("Valid_To", "Expires", "unknown"),  # the latest export may say that the pool was extended
        ("Printed", "Expires", "no"),  # a date, and no word of an end: the pool list counts
        ("Remark", "Expires", "no"),
        ("Remark", "Ablaufdatum", "unknown"),
        ("Remark", "Printed", "yes"),
    ],
)
def test_an_end_that_is_not_understood_is_not_replaced_by_an_older_one(
    now: str, listed: str, works: str, write: Write
) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    write("pools-now/P.csv", f"Training_Key Redeemed {now}\nKEY-00001 . 2026-12-31")
    write("pool-list/l.csv", f"Pool {listed}\nP 2026-03-31")
    assert verdicts(audit(write("course-keys/k.csv", keys("OTHER-001"))), "works")["KEY-00001"] == works


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ("KEY-00003 C . 2026-12-31", "missing"),  # a whole row: the export shows all that is left
        ("CODE-0001,_CODE-0002 C . 2026-12-31", "to_migrate"),  # a cell with two codes: one of them may be the key
        ("4.78E+07 C . 2026-12-31", "to_migrate"),
        ("KEY-00003 C . 2026-12-31 more", "to_migrate"),  # a row that is damaged
        (". C . 2026-12-31", "missing"),  # a blank cell is no code, whatever stands beside it
    ],
)
def test_an_unreadable_row_of_a_later_export_proves_no_absence(row: str, status: str, write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002", "KEY-00003"))
    write("pools-now/P.csv", pool("KEY-00003", row) if "more" in row else pool(row))
    result = audit(write("course-keys/k.csv", keys("KEY-00001")))
    assert (verdicts(result)["KEY-00002"], verdicts(result)["KEY-00001"]) == (status, "migrated")
    assert verdicts(result, "works")["KEY-00002"] == ("no" if status == "missing" else "unknown")
    assert verdicts(result, "in_now")["KEY-00002"] == ("no" if status == "missing" else "unknown")


def test_an_unreadable_row_that_the_backup_shows_too_proves_absence(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002", "4.78E+07 C . 2026-12-31"))
    write("pools-now/P.csv", pool("4.78E+07 C . 2026-12-31"))
    result = audit(write("course-keys/k.csv", keys("KEY-00001")))
    assert verdicts(result) == {"KEY-00001": "migrated", "KEY-00002": "missing", "?": "undetermined"}


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([["KEY-00002", "KEY-00003"], ["KEY-00002"]], "two different later exports"),
        ([["KEY-00002"], ["KEY-00002 C 2026-03-04 2026-12-31"]], "two different later exports"),
        ([["KEY-00001", "KEY-00002"], ["KEY-00003"], ["KEY-00003", "KEY-00004"]], "two different later exports"),
        ([["KEY-00002"], []], "two different later exports"),
        ([["KEY-00002", "KEY-00003"], ["KEY-00003", "KEY-00002"]], ""),  # the same in another order
        ([["KEY-00002"], ["KEY-00003"]], "parts"),
        ([["KEY-00002"], ["KEY-00003"], ["KEY-00004"]], "parts"),
    ],
)
def test_several_later_exports_of_one_pool(parts: list[list[str]], told: str, write: Write) -> None:
    """Two unequal ones stop the audit (which is now?), unless they share no key: then they are parts of one."""
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002", "KEY-00003", "KEY-00004"))
    case = write("course-keys/k.csv", keys("KEY-00001"))
    for number, codes in enumerate(parts):
        write(f"pools-now/{number}.csv", pool(*codes).replace("Redeemed", "Redeemed"))
        (case / f"pools-now/{number}.csv").rename(case / f"pools-now/P ({number + 1}).csv")
    if told.startswith("two"):
        with pytest.raises(ReconcileError, match=f'{told} of the pool "P"'):
            audit(case)
        return
    result = audit(case)
    shown = {row.split()[0] for codes in parts for row in codes}
    assert {code for code, is_there in verdicts(result, "in_now").items() if is_there == "yes"} == shown
    assert found(result, "parts_of_one_pool") == (["P"] if told else [])


def test_an_emptied_pool_is_proven_by_its_empty_export(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    write("pools-now/P.csv", POOL)
    result = audit(write("course-keys/k.csv", keys("KEY-00001")))
    assert verdicts(result, "evidence") == {
        "KEY-00001": "course-keys/k.csv, row 2",
        "KEY-00002": "pools-now/P.csv, not listed",
    }


def test_the_evidence_of_every_status_is_the_row_that_decided(write: Write) -> None:
    write("pools-before/P.csv", pool("GONE-0001", "HERE-0002", "USED-0003 C 2026-01-09 2026-12-31", "SPOILT-04"))
    write("pools-now/P.csv", pool("HERE-0002"))
    result = audit(write("course-keys/k.csv", keys("FRESH-0005", "spoilt-04")))
    assert verdicts(result, "evidence") == {
        "GONE-0001": "pools-now/P.csv, not listed",
        "HERE-0002": "pools-now/P.csv, row 2",
        "USED-0003": "pools-before/P.csv, row 4",
        "SPOILT-04": "course-keys/k.csv, row 3",
        "spoilt-04": "course-keys/k.csv, row 3",
        "FRESH-0005": "course-keys/k.csv, row 2",
    }
    assert verdicts(result, "reference")["HERE-0002"] == "P, row 3"


# --- names of pools ---


def test_one_name_with_two_courses_is_an_error_that_names_both(write: Write) -> None:
    write("pools-before/a.csv", f"{POOL.replace('Course', 'Pool Course')}\nKEY-00001 P C . 2026-12-31")
    case = write("pools-before/b.csv", f"{POOL.replace('Course', 'Pool Course')}\nKEY-00002 P D . 2026-12-31")
    with pytest.raises(ReconcileError) as problem:
        audit(case)
    for text in ("pools-before/a.csv", "pools-before/b.csv", 'the pool "P"', '"C" in one', '"D" in the other'):
        assert text in str(problem.value)
    (case / "case.toml").write_text('[same_course]\n"C" = "D"\n')
    assert audit(case).pools["pool"].tolist() == ["P"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["P C 2026-05-01", "P C 2026-12-31"], "expires is 2026-05-01 in pool-list/l.csv, row 2, and 2026-12-31"),
        (
            ["P C 2026-12-31", "P C ."],
            "expires is 2026-12-31 in pool-list/l.csv, row 2, and blank in pool-list/l.csv, row 3",
        ),
        (["P C 2026-12-31", "Q C .", "P D 2026-12-31"], 'course is "C" in pool-list/l.csv, row 2, and "D"'),
        (["P C 2026-12-31", "P C 2026-12-31", "P . 2026-12-31"], ""),
        (["P C 2026-12-31", "Q C 2026-12-31", "Q D ."], ""),  # of a pool that no export shows
    ],
)
def test_two_rows_of_the_pool_list_that_disagree_are_an_error_that_names_both(
    rows: list[str], told: str, write: Write
) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    case = write("pool-list/l.csv", "\n".join(["Name Course Expires", *rows]))
    if told:
        with pytest.raises(ReconcileError, match=re.escape(told)) as problem:
            audit(case)
        assert problem.value.args[0].splitlines()[-2] == '[pools."P"]'
        said = 'course = "C"' if "course is" in told else "expires = 2026-05-01"
        (case / "case.toml").write_text(f'[pools."P"]\n{said}\n')
    assert set(verdicts(audit(case))) == {"KEY-00001"}


def test_names_that_are_declared_to_be_one_are_one_over_any_number_of_pairs(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001 A . 2026-12-31", "KEY-00002 A . 2026-12-31"))
    case = write("course-keys/k.csv", keys("KEY-00001 E D 2026-12-31 . 0", "KEY-00002 E X 2026-12-31 . 0"))
    (case / "case.toml").write_text('[same_course]\n"A" = "B"\n"C" = "D"\n"X" = "Y"\n"B" = "C"\n')
    assert verdicts(audit(case)) == {"KEY-00001": "migrated", "KEY-00002": "wrong_course"}


LONG = "A pool of the year two thousand"  # 31 signs, as long as a tab


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (["Azure"], ["AZURE"], {"Azure"}),
        (["Azure: basics"], ["Azure basics"], {"Azure: basics"}),  # a tab loses the colon
        ([f"{LONG} twenty"], [LONG], {f"{LONG} twenty"}),
        ([f"{LONG} twenty", f"{LONG} ten"], [LONG], {f"{LONG} twenty", f"{LONG} ten", LONG}),  # two candidates: neither
        ([f"{LONG[:30]} twenty"], [LONG[:30]], {f"{LONG[:30]} twenty"}),  # the blank at the cut is gone
        ([f"{LONG} twenty"], [LONG[:27]], {f"{LONG} twenty", LONG[:27]}),  # too short for a tab that was cut
        ([f"{LONG} twenty"], [f"{LONG[:28]} elsewhere"], {f"{LONG} twenty", f"{LONG[:28]} elsewhere"}),
        (["Azure 2026-03-27"], ["Azure 2026-04-08"], {"Azure"}),
        (["Azure"], ["Linux"], {"Azure", "Linux"}),
        (
            ["Azure Virtual Desktop Specialty"],
            ["Azure Virtual Desktop Specialty A"],
            {"Azure Virtual Desktop Specialty A"},
        ),
        (["Azure: basics", "Azure basics"], ["Linux"], {"Azure: basics", "Azure basics", "Linux"}),  # two backups
    ],
)
def test_names_of_one_pool_in_two_exports(before: list[str], now: list[str], expected: set[str], write: Write) -> None:
    """No key is shared, so that only the names can tell."""
    for role, names in (("before", before), ("now", now)):
        for number, name in enumerate(names):
            head = POOL.replace("Course", "Pool Course")
            row = f"{role.upper()}-{number}001 {name.replace(' ', '_')} C . 2026-12-31"
            case = write(f"pools-{role}/{number}.csv", f"{head}\n{row}")
    assert set(audit(case).pools["pool"]) == expected


def test_a_key_of_two_pools_is_of_the_first_where_no_backup_says_otherwise(write: Write) -> None:
    """Also where the very first row of all tells it."""
    write("pools-before/Z.csv", POOL)
    write("pools-now/A.csv", pool("KEY-00001", "KEY-00002", "KEY-00003"))
    case = write("pools-now/B.csv", pool("KEY-00001", "KEY-00004", "KEY-00005"))
    assert verdicts(audit(case), "pool")["KEY-00001"] == "A"


@pytest.mark.parametrize(("name", "is_shown"), [("of_KEY-00001", False), ("of_KEY-0000", True)])
def test_names_are_shown_unless_one_holds_a_code(name: str, is_shown: bool, write: Write) -> None:
    result = audit(write("pools-before/P.csv", f"{POOL} Pool\nKEY-00001 C . 2026-12-31 {name}"))
    assert (result.seen is result, name.replace("_", " ") in repr(result)) == (is_shown, is_shown)


def test_a_renamed_pool_needs_one_backup_that_shares_half_of_its_codes(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002", "KEY-00003"))
    write("pools-before/Q.csv", pool("KEY-00011", "KEY-00012"))
    case = write("pools-now/New.csv", pool("KEY-00001", "KEY-00099"))
    result = audit(case)
    assert found(result, "pool_renamed") == ["New"]
    assert set(result.pools["pool"]) == {"New", "Q"}
    write("pools-now/New.csv", pool("KEY-00001", "KEY-00098", "KEY-00099"))
    assert found(audit(case), "pool_renamed") == []
    (case / "pools-now/New.csv").unlink()
    write("pools-now/P.csv", pool("KEY-00011"))  # the name decides
    assert found(audit(case), "pool_renamed") == []


def test_a_later_export_of_which_nothing_can_be_read_proves_no_absence(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    write("course-keys/k.csv", keys("OTHER-001"))
    for rows, seen in (("KEY-00001 C too many . 2026-12-31", "unknown"), ("", "no")):
        parts = ["Pool:_P", POOL, rows, "Pool:_Q", pool("KEY-00002")]
        result = audit(write("pools-now/both.csv", "\n".join(parts)))
        assert verdicts(result, "in_now") == {"KEY-00001": seen, "KEY-00002": "yes", "OTHER-001": "unknown"}


def test_keys_of_one_urgency_stand_in_the_order_of_their_codes_however_long(write: Write) -> None:
    for codes in (["B-00001", "A-00002", "A-00001"], [f"{'LONG-' * 15}{end}" for end in ("B1", "A2", "A1")]):
        write("pools-before/P.csv", pool(*codes))
        assert [*verdicts(audit(write("course-keys/k.csv", keys("OTHER-001"))))] == [*sorted(codes), "OTHER-001"]


def test_the_dates_of_the_case_count(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    case = write("course-keys/k.csv", keys("OTHER-001"))
    assert verdicts(audit(case, "2026-05-29"))["KEY-00001"] == "lapsed"
    (case / "case.toml").write_text(
        "[calendar]\nmigrate_by = 2026-07-10\ncreation_off = 2026-07-17\nread_only = 2026-08-08\nremoved = 2026-08-29\n"
    )
    assert verdicts(audit(case, "2026-05-29"))["KEY-00001"] == "to_migrate"


def test_a_log_is_only_complete_if_somebody_says_so(write: Write) -> None:
    write("course-keys/k.csv", keys("OTHER-001"))
    write("distribution/d.csv", "Training_Key Sent_To\nKEY-00001 Ana")
    case = write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    exports = (ka.read_pool_exports(case / "pools-before"), ka.read_course_keys(case / "course-keys"))
    log = ka.read_distribution_log(case / "distribution")
    for complete, sent in (({}, "unknown"), ({"log_is_complete": True}, "no")):
        result = ka.reconcile(*exports, as_of="2026-04-03", distribution=log, **complete)
        assert verdicts(result, "is_distributed")["KEY-00002"] == sent


def test_a_key_whose_row_is_dated_anew_hides_no_other(write: Write) -> None:
    """Also the first key of all: a row whose code is lost would."""
    made = "Training_Key Created Redeemed Expires"
    write("pools-before/P.csv", f"{made}\nKEY-00001 2025-01-02 . 2026-12-31\nKEY-00002 2025-01-02 . 2026-12-31")
    write("pools-now/P.csv", f"{made}\nKEY-00001 2025-02-03 . 2026-12-31")
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    assert verdicts(result, "in_now") == {"KEY-00001": "yes", "KEY-00002": "no", "OTHER-001": "unknown"}


@pytest.mark.parametrize(("shared", "expected"), [(2, ["P"]), (1, ["P", "Q"])])
def test_two_exports_that_share_half_of_the_smaller_are_one_pool(
    shared: int, expected: list[str], write: Write
) -> None:
    write("pools-before/P.csv", pool(*(f"KEY-{n:05d}" for n in range(6))))
    case = write("pools-before/Q.csv", pool(*(f"KEY-{n:05d}" for n in range(6 - shared, 10 - shared))))
    assert sorted(audit(case).pools["pool"]) == expected


def test_the_same_bytes_in_two_roles_are_a_copy_or_a_mistake(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    case = write("pools-now/P.csv", pool("KEY-00001"))
    result = audit(case)
    assert found(result, "same_file_twice") == [""]
    assert verdicts(result, "in_now") == {"KEY-00001": "unknown"}  # a copy is no later export
    write("course-keys/k.csv", pool("KEY-00001"))
    with pytest.raises(ReconcileError, match=r"pools-before/P\.csv and course-keys/k\.csv are the same file"):
        audit(case)


@pytest.mark.parametrize(
    ("later", "home"),
    [
        ({}, "P"),  # the first by name of those that may still hold it
        ({"P": ["PPPP-0003", "PPPP-0004"]}, "Q"),  # P no longer does
        ({"Q": ["TWIN-0001", "QQQQ-0003", "QQQQ-0004"]}, "Q"),  # Q does, for sure
        ({name: ["TWIN-0001", f"{name * 4}-0003", f"{name * 4}-0004"] for name in "PQ"}, "P"),
        ({"P": ["PPPP-0003"], "Q": ["QQQQ-0003"]}, "P"),  # neither
    ],
)
def test_a_key_of_two_pools_counts_where_it_is_or_may_be(later: dict[str, list[str]], home: str, write: Write) -> None:
    for name in ("P", "Q"):
        case = write(f"pools-before/{name}.csv", pool("TWIN-0001", *(f"{name * 4}-{n:04d}" for n in (2, 3, 4))))
    for name, codes in later.items():
        write(f"pools-now/{name}.csv", pool(*codes))
    assert verdicts(audit(case), "pool")["TWIN-0001"] == home


# --- settings ---


def test_settings_of_a_pool_without_a_backup_are_those_of_its_first_row(write: Write) -> None:
    head = "Training_Key Course Organization Redeemed Expires"
    write("pools-now/P.csv", f"{head}\nKEY-00001 C One . 2026-12-31\nKEY-00002 C Two . 2026-11-30")
    case = write("pools-before/Q.csv", f"{head}\nKEY-00003 C One . 2026-12-31")
    row = audit(case).pools.set_index("pool").loc["P"]
    assert (row["organization"], row["in_backup"], row["only_later"]) == ("One", 0, 2)


@pytest.mark.parametrize(
    ("declared", "now", "listed", "before", "until"),
    [
        ("2026-04-20", "2026-04-21", "2026-04-22", "2026-04-23", "2026-04-20"),
        ("", "2026-04-21", "2026-04-22", "2026-04-23", "2026-04-21"),
        ("", "", "2026-04-22", "2026-04-23", "2026-04-22"),
        ("", "", "", "2026-04-23", "2026-04-23"),
        ("", ".", "2026-04-22", "2026-04-23", "2026-05-29"),  # blank is no end: until the removal
        ("", "", ".", "2026-04-23", "2026-05-29"),
        ("", "", "", "", "unknown"),
    ],
)
def test_the_latest_source_that_has_the_column_counts(
    declared: str, now: str, listed: str, before: str, until: str, write: Write
) -> None:
    def table(expires: str, *more: str) -> str:
        head = "Training_Key Course Redeemed" + (" Expires" if expires else "")
        return "\n".join([head, *(f"{row} {expires}" for row in ("KEY-00001 C .", *more))])

    write("pools-now/P.csv", table(now))
    write("pools-before/P.csv", table(before, "USED-0002 C 2026-01-09"))
    if listed:
        write("pool-list/l.csv", f"Name Course Expires\nP C {listed}")
    case = write("course-keys/k.csv", keys("OTHER-001"))
    (case / "case.toml").write_text(f"[pools.P]\nexpires = {declared}\n" if declared else "")
    result = audit(case)
    shown = verdicts(result, "works_until")["KEY-00001"] or verdicts(result, "works")["KEY-00001"]
    assert shown == until


@pytest.mark.parametrize(
    ("days", "typed"),
    [("1", "1 day"), ("180", "180 days"), ("0", "ask"), (".", "ask"), ("Unlimited", "Unlimited"), ("∞", "Unlimited")],
)
def test_an_availability_of_one_day_is_one_day(days: str, typed: str, write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    write("pool-list/l.csv", f"Name Course Content_Availability\nP C {days}")
    batch = migration_plan(audit(write("course-keys/k.csv", keys("OTHER-001")))).batches.iloc[0]
    assert re.match(rf"{typed}\b", batch["content_availability"])


def test_a_key_with_fewer_days_than_without_limit_gets_no_limit(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    write("pool-list/l.csv", "Name Course Content_Availability\nP C Unlimited")
    head = "Training_Key Name Course Expires Uses Content_Availability"
    result = audit(write("course-keys/k.csv", f"{head}\nKEY-00001 E C 2026-12-31 0 30"))
    (step,) = (text for text in migration_plan(result).steps["what"] if "Content Availability" in text)
    assert step.endswith('Entry: "E". The pool\'s: Unlimited.')


# --- course keys ---


@pytest.mark.parametrize(
    ("first", "second", "gone"),
    [
        (["A-000001", "A-000002"], ["A-000001"], ["A-000002"]),  # half of the earlier one's keys
        (["A-000001", "A-000002", "A-000003"], ["A-000001"], []),  # less: a filtered export
        (["A-000001"], ["A-000001", "A-000002"], []),
    ],
)
def test_a_course_key_that_a_later_export_no_longer_shows(
    first: list[str], second: list[str], gone: list[str], write: Write
) -> None:
    write("pools-before/P.csv", pool("A-000001", "A-000002", "A-000003"))
    write("course-keys/2026-04-01.csv", keys(*first))
    result = audit(write("course-keys/2026-04-02.csv", keys(*second)))
    assert found(result, "course_key_gone") == gone
    assert {code for code, works in verdicts(result, "works").items() if works == "unknown"} >= set(gone)


def test_the_first_key_of_all_may_be_taken_by_another_kind_of_key(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    result = audit(write("other-keys/o.csv", "Training_Key Name\nKEY-00001 Event"))
    files = result.sources.set_index("source_file")[["matched", "unmatched"]]
    assert files.loc["other-keys/o.csv"].tolist() == [1, 0]


def test_a_link_to_the_first_key_of_all(write: Write) -> None:
    """The first key has number 0, which is not none."""
    write("pools-before/P.csv", pool("SPOILT-01"))
    result = audit(write("course-keys/k.csv", keys("spoilt-01")))
    assert verdicts(result, "lookalike") == {"SPOILT-01": "spoilt-01", "spoilt-01": "SPOILT-01"}
    assert verdicts(result, "damage") == {"SPOILT-01": "case", "spoilt-01": "case"}
    assert verdicts(result) == {"SPOILT-01": "altered", "spoilt-01": "stray"}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"P": ["SPOILT-01 C perhaps 2026-12-31", "KEY-00002"]}, "undetermined"),
        ({name: ["SPOILT-01", f"{name}-0000001", f"{name}-0000002"] for name in "PQ"}, "duplicate"),
    ],
)
def test_only_the_lookalike_of_an_altered_key_is_stray(files: dict[str, list[str]], status: str, write: Write) -> None:
    for name, codes in files.items():
        write(f"pools-before/{name}.csv", pool(*codes))
    told = verdicts(audit(write("course-keys/k.csv", keys("spoilt-01"))))
    assert (told["SPOILT-01"], told["spoilt-01"]) == (status, "new")


def test_exports_given_in_each_other_s_place_are_named(write: Write) -> None:
    case = write("pools-before/P.csv", pool("KEY-00001"))
    before = ka.read_pool_exports(case / "pools-before")
    for given, words in (
        ({"course_keys": before}, "as course keys: pools before: the backup, .* Read it with read_course_keys"),
        ({"before": "P.csv"}, "as pools before: str. The backup comes first"),
        ({"before": None, "course_keys": before}, "as pools before: NoneType. The backup comes first"),
        ({"pools_now": before}, r"as pools now: pools before: the backup, .* read_pool_exports\(…, now=True\)"),
    ):
        with pytest.raises(ReconcileError, match=rf"^reconcile\(\) was given, {words}"):
            ka.reconcile(**{"before": before} | given)
    for nothing in (None, float("nan"), 3):
        with pytest.raises(KeyauditError, match=r"a list of these is read, not (NoneType|float|int)"):
            ka.read_pool_exports(nothing)


def test_a_pool_begins_with_a_link_and_not_with_an_undecided_one(write: Write) -> None:
    write("pools-before/P.csv", pool("SPOILT-01", "WAITS-002"))
    case = write("course-keys/k.csv", keys("spoilt-01"))
    assert verdicts(audit(case), "works")["WAITS-002"] == "unknown"  # begun, and not exported again
    write("course-keys/k.csv", keys("spoilt-01", "Spoilt-01"))
    assert verdicts(audit(case), "works")["WAITS-002"] == "yes"


def test_two_damaged_cells_of_one_file_are_two_keys(write: Write) -> None:
    write("pools-before/P.csv", pool("4.78E+07 C . 2026-12-31", "4.79E+07 C . 2026-12-31", "KEY-00001"))
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    assert result.statuses["undetermined"] == 2
    rows = result.keys[result.keys["status"].astype("str") == "undetermined"]
    assert sorted(rows["reference"]) == ["P, row 2", "P, row 3"]
    assert (rows["damage"] != "").all()
    assert len(found(result, "excel_damage")) == 2


def test_damage_is_said_of_the_course_key_it_was_seen_in(write: Write) -> None:
    texts: list[list[object]] = [[f"{10_000_000 + 37 * number}", "E", 0] for number in range(25)]
    case = write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    (case / "course-keys").mkdir()
    write_xlsx(case / "course-keys/k.xlsx", {"Keys": [["Training Key", "Name", "Uses"], *texts, [18_472_219, "E", 0]]})
    said = verdicts(audit(case), "damage")
    assert {code: damage for code, damage in said.items() if damage} == {"18472219": "a number, not text"}


def test_a_pool_export_among_the_course_keys_is_refused(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002", "KEY-00003"))
    case = write("course-keys/k.csv", "Training_Key Course\nKEY-00001 C\nKEY-00002 C\nOTHER-001 C\nOTHER-002 C")
    with pytest.raises(ReconcileError, match=r"course-keys/k\.csv: at least half of its codes are unredeemed keys"):
        audit(case)
    write("course-keys/k.csv", "Training_Key Course\nKEY-00001 C\nOTHER-001 C\nOTHER-002 C")
    assert verdicts(audit(case))["KEY-00001"] == "migrated"


@pytest.mark.parametrize(
    ("created", "rung"),
    [
        ("2026-03-18", ""),  # made before the sunset was announced: for something else
        ("2026-03-19", "typo"),
        (".", "typo"),
    ],
)
def test_a_slip_of_an_old_course_key_is_no_link(created: str, rung: str, write: Write) -> None:
    write("pools-before/P.csv", pool("AB12CD34", "QX77ZZ18", "MM90LK55"))
    rows = f"Training_Key Name Course Created Expires Uses\nAB12CD43 E C {created} 2026-12-31 0"
    assert verdicts(audit(write("course-keys/k.csv", rows)), "damage")["AB12CD34"] == rung


@pytest.mark.parametrize(
    ("pool_keys", "course_keys", "rung"),
    [
        (["AB12-CD34", "QX77-ZZ18"], ["AB12CD34", "NEWKEY01"], "whitespace"),
        (["AB12-CD34", "QX77ZZ18X"], ["AB12CD34", "NEWKEY01"], "typo"),  # not every key of the pool has hyphens
        (["AB12-CD34", "QX77-ZZ18"], ["AB12CD34", "NEW-KEY01"], "typo"),  # a course key of the file has some
    ],
)
def test_hyphens_go_where_a_file_has_none(
    pool_keys: list[str], course_keys: list[str], rung: str, write: Write
) -> None:
    write("pools-before/P.csv", pool(*pool_keys))
    assert verdicts(audit(write("course-keys/k.csv", keys(*course_keys))), "damage")["AB12-CD34"] == rung


# --- by its pool: does it work, until when, by when to act ---


@pytest.mark.parametrize(
    ("starts", "expires", "works", "until", "act_by"),
    [
        (".", "2026-04-20", "yes", "2026-04-20", "2026-04-10"),  # the migrate-by date
        (".", "2026-04-11", "yes", "2026-04-11", "2026-04-10"),
        (".", "2026-04-10", "yes", "2026-04-10", "2026-04-09"),  # the day before it no longer works
        (".", "2026-04-04", "yes", "2026-04-04", "2026-04-03"),
        (".", "2026-04-03", "no", "", "2026-04-03"),
        ("2026-04-03", "2026-12-31", "yes", "2026-05-29", "2026-04-10"),  # it starts with the day
        ("2026-04-04", "2026-12-31", "not_yet", "2026-05-29", "2026-04-10"),
        ("2026-04-04", "2026-04-03", "no", "", "2026-04-03"),
        ("soon", "2026-12-31", "unknown", "", "2026-04-10"),
    ],
)
def test_a_key_works_as_long_as_its_pool(
    starts: str, expires: str, works: str, until: str, act_by: str, write: Write
) -> None:
    write("pools-before/P.csv", f"Training_Key Course Redeemed Starts Expires\nKEY-00001 C . {starts} {expires}")
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    assert [verdicts(result, name)["KEY-00001"] for name in ("works", "works_until", "act_by")] == [
        works,
        until,
        act_by,
    ]


# --- several places ---


@pytest.mark.parametrize(
    ("p_now", "q_now", "status", "home"),
    [
        ("KEY-00009", "SAME-0001", "to_migrate", "Q"),  # gone from one: it counts where it still is
        ("SAME-0001", "KEY-00009", "to_migrate", "P"),
        ("KEY-00009", "KEY-00008", "missing", "P"),
        ("SAME-0001", "SAME-0001 C . 2026-11-30", "duplicate", "P"),
        ("", "", "duplicate", "P"),  # no later export: both backups show it
        ("KEY-00009", "", "to_migrate", "Q"),  # gone from one, the other was not exported again
    ],
)
def test_a_key_of_two_pools(p_now: str, q_now: str, status: str, home: str, write: Write) -> None:
    for name, now in (("P", p_now), ("Q", q_now)):
        others = [f"{name}{name}{name}-0000{n}" for n in range(4)]
        case = write(f"pools-before/{name}.csv", pool("SAME-0001", *others))
        if now:
            write(f"pools-now/{name}.csv", pool(*others, now))  # in another order: no copy of the backup
    write("course-keys/k.csv", keys("OTHER-001"))
    result = audit(case)
    assert (verdicts(result)["SAME-0001"], verdicts(result, "pool")["SAME-0001"]) == (status, home)
    pools = result.pools.set_index("pool")
    away = {"P": "Q", "Q": "P"}[home]
    assert pools.loc[away, "elsewhere"] == f"1 in {home}"
    assert pools["balanced"].all()


@pytest.mark.parametrize(
    ("in_pool", "as_course_key", "works", "until"),
    [  # of the pool: starts and expires; of the course key: expires, max uses and uses
        (". 2026-12-31", "2026-12-31 . 0", "yes", "2026-12-31"),  # the longest of those that work
        (". 2026-12-31", "2026-04-20 . 0", "yes", "2026-05-29"),
        (". 2026-12-31", ". . 0", "yes", ""),  # without an end
        (". 2026-04-01", "2026-04-20 . 0", "yes", "2026-04-20"),
        (". 2026-12-31", "2026-12-31 . 1", "yes", "2026-05-29"),  # used as a course key, redeemable in its pool
        (". 2026-04-01", "2026-12-31 . 1", "used", ""),
        (". 2026-04-20", "2026-04-01 . 0", "yes", "2026-04-20"),
        ("2026-04-05 2026-12-31", "2026-04-01 . 0", "not_yet", "2026-05-29"),
        ("2026-04-05 2026-12-31", "2026-12-31 . .", "yes", "2026-12-31"),  # a blank cell of uses is none
        (". 2026-04-01", "2026-04-01 . 0", "no", ""),
    ],
)
def test_a_duplicate_works_as_the_best_of_its_places_does(
    in_pool: str, as_course_key: str, works: str, until: str, write: Write
) -> None:
    head = "Training_Key Course Redeemed Starts Expires"
    write("pools-before/P.csv", f"{head}\nBOTH-0001 C . {in_pool}\nGONE-0002 C . {in_pool}")
    write("pools-now/P.csv", f"{head}\nBOTH-0001 C . {in_pool}")
    result = audit(write("course-keys/k.csv", keys(f"BOTH-0001 E C {as_course_key}")))
    told = [verdicts(result, column)["BOTH-0001"] for column in ("status", "works", "works_until")]
    assert told == ["duplicate", works, until]


# --- the plan ---


def test_every_step_says_of_how_many_keys_it_is(write: Write) -> None:
    write("pools-before/P.csv", pool("WAITS-001", "WAITS-002", "FORGOT-03", "SPOILT-04", "COURSE-05", "MOVED-006"))
    write("pools-now/P.csv", pool("WAITS-001", "WAITS-002"))
    result = audit(write("course-keys/k.csv", keys("spoilt-04", "COURSE-05 E D 2026-12-31 . 0", "MOVED-006")))
    plan = migration_plan(result)
    numbers = {what: keys for what, keys in zip(plan.steps["what"], plan.steps["keys"], strict=True) if keys}
    assert [(what.split("`")[1] if "`" in what else what.split()[0], n) for what, n in numbers.items()] == [
        ("delete after comparing", 1),
        ("delete course keys", 1),
        ("delete from the pool", 2),
        ("paste", 4),
        ("Count", 4),
        ("paste after comparing", 1),
    ]
    assert plan.batches[["paste", "delete from the pool"]].values.tolist() == [[4, 2]]


def test_what_is_taken_or_not_known_is_never_pasted(write: Write) -> None:
    write("pools-before/P.csv", pool("TAKEN-001", "WAITS-002", "MOVED-003"))
    write("pools-now/P.csv", pool("WAITS-002"))
    write("other-keys/o.csv", "Training_Key Name\nTAKEN-001 Subscription")
    case = write("course-keys/k.csv", keys("MOVED-003"))
    plan = migration_plan(audit(case))
    assert plan.codes("P", "paste") == ["WAITS-002"]
    assert plan.keys.set_index("training_key")["action"].to_dict() == {"TAKEN-001": "reissue", "WAITS-002": "migrate"}
    assert (plan.reissue["former key"].tolist(), plan.actions["reissue"]) == (["P, row 2 …01"], 1)


def test_the_plan_names_the_pool_and_says_one_and_several(write: Write) -> None:
    write("pools-before/P.csv", pool("=CODE-001", "PLAIN-002"))
    write("pools-before/Q.csv", pool("+CODE-001", "-CODE-002", "@CODE-003"))
    plan = migration_plan(audit(write("course-keys/k.csv", keys("OTHER-001"))))
    told = [re.sub(r" of the list .*", "", what) for what in plan.steps["what"] if "spreadsheet" in what]
    assert sorted(told) == ["1 code", "1 code", "3 codes", "3 codes"]  # on the lists to delete and to paste
    assert {what.split("` ")[1][:22] for what in plan.steps["what"] if "spreadsheet" in what} == {
        "begins with =, +, - or",
        "begin with =, +, - or ",
    }
    again = [what for what in plan.steps["what"] if what.startswith("Unless the lists")]
    assert all(
        "export this pool (Training Key Pools → the pool → Export) into pools-now, in place of a later export there, and Find"
        in what
        for what in again
    )
    assert len(again) == 2
    late = migration_plan(audit(write("course-keys/k.csv", keys("OTHER-001")), "2026-06-05"))
    assert not [what for what in late.steps["what"] if "Training Key Pools" in what]


# --- words, order, counts ---


def test_the_next_step_of_a_wrong_setting_is_its_remedy(write: Write) -> None:
    write("pools-before/P.csv", pool("GOOD-0001", "MANY-0002", "GONE-0003"))
    write("pools-now/P.csv", pool("OTHER-002"))
    result = audit(write("course-keys/k.csv", keys("GOOD-0001", "MANY-0002 E C 2026-12-31 9 0")))
    steps = verdicts(result, "next_step")
    assert steps["GOOD-0001"] == "Nothing."
    edit = "Find Course Assignment Keys → its entry → Edit → Max Uses Per Key: empty the field (blank is one use)."
    invoices = "If a code was used more than once, review the invoices (Find Course Assignments)."
    assert steps["MANY-0002"] == f"{edit} {invoices}"
    assert steps["GONE-0003"].startswith("Export Find Course Assignment Keys anew, without a filter")
    assert verdicts(result, "act_by") == {
        **dict.fromkeys(("MANY-0002", "GONE-0003"), "2026-04-03"), "OTHER-002": "2026-04-10", "GOOD-0001": ""
    }  # fmt: skip


def test_keys_stand_by_day_status_pool_and_code(write: Write) -> None:
    write("pools-before/P.csv", pool("B-WAITS-01", "A-WAITS-02", "Z-GONE-003", "C-USED-004 C 2026-01-09 2026-12-31"))
    write("pools-now/P.csv", pool("B-WAITS-01", "A-WAITS-02"))
    write("pools-before/A.csv", pool("X-WAITS-05", "A-USED-006 C 2026-01-09 2026-12-31"))
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    assert result.keys["training_key"].tolist() == [
        *("Z-GONE-003", "X-WAITS-05", "A-WAITS-02", "B-WAITS-01", "A-USED-006", "C-USED-004", "OTHER-001")
    ]


def test_every_file_and_every_pool_is_counted(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002", "KEY-00002"))
    write("pools-now/P.csv", pool("KEY-00001", "KEY-00009"))
    write("pools-before/Empty.csv", POOL)
    result = audit(write("course-keys/k.csv", keys("KEY-00002")))
    told = result.sources.set_index("source_file")[["rows_read", "keys", "repeats", "set_aside"]]
    assert told.T.to_dict("list") == {
        "pools-before/Empty.csv": [0, 0, 0, 0],
        "pools-before/P.csv": [3, 2, 1, 0],
        "pools-now/P.csv": [2, 2, 0, 0],
        "course-keys/k.csv": [1, 1, 0, 0],
    }
    assert result.pools.set_index("pool")["stage"].to_dict() == {"P": "begun", "Empty": "moved"}
    assert result.summary()["keys"].to_dict() == result.statuses
    assert result.summary(by="pool")["keys"].to_dict() == {"P": 3}


def test_a_letter_goes_to_whom_a_mistyped_row_of_the_log_names(write: Write) -> None:
    write("pools-before/P.csv", pool("WAITS-001", "WAITS-002"))
    write("pools-now/P.csv", pool("WAITS-002", "WAITS-001"))
    write("distribution/d.csv", "Training_Key Sent_To\nwaits-001 Ana_Lima\nWAITS-002 Bo_Chen")
    plan = migration_plan(audit(write("course-keys/k.csv", keys("OTHER-001")), "2026-05-10"))
    assert plan.reminders[["learner", "former key"]].values.tolist() == [
        ["Ana Lima", "P, row 2 …01"],
        ["Bo Chen", "P, row 3 …02"],
    ]


def test_what_is_accepted_by_its_reference_is_that_key_alone(write: Write) -> None:
    write("pools-before/P.csv", pool("GONE-0001", "GONE-0002"))
    write("pools-now/P.csv", POOL)
    write("other-keys/o.csv", "Training_Key Name\nOTHER-001 Class")
    case = write("course-keys/k.csv", keys("OTHER-001"))
    (case / "case.toml").write_text('[[accepted]]\nfinding = "missing"\nreference = "P, row 2"\nreason = "Left."\n')
    result = audit(case)
    rows = result.findings[result.findings["code"] == "missing"]
    assert dict(zip(rows["training_key"], rows["severity"].astype("str"), strict=True)) == {
        "GONE-0001": "accepted",
        "GONE-0002": "critical",
    }
    assert [message.endswith(" Accepted: Left.") for message in rows.sort_values("training_key")["message"]] == [
        True,
        False,
    ]
    assert verdicts(result, "act_by") == {"GONE-0001": "", "GONE-0002": "2026-04-03", "OTHER-001": ""}
    assert (result.excused, result.needing, result.locked_out) == (1, 1, 1)


@pytest.mark.parametrize(
    ("entry", "accepted"),
    [
        ("until = 2026-04-03", ["GONE-0001", "GONE-0002"]),  # the day itself
        ("until = 2026-04-02", []),
        ('pool = "p"', ["GONE-0001"]),
        ('pool = "P"\nreference = "Q, row 2"', []),
        ('reference = "Q, row 2"', ["GONE-0002"]),
    ],
)
def test_a_finding_is_accepted_until_its_day_and_where_the_case_says(
    entry: str, accepted: list[str], write: Write
) -> None:
    for name, code in (("P", "GONE-0001"), ("Q", "GONE-0002")):
        write(f"pools-before/{name}.csv", pool(code))
        write(f"pools-now/{name}.csv", POOL)
    case = write("course-keys/k.csv", keys("OTHER-001"))
    (case / "case.toml").write_text(f'[[accepted]]\nfinding = "missing"\nreason = "Left."\n{entry}\n')
    rows = audit(case).findings.set_index("training_key")["severity"].astype("str")
    assert sorted(rows.index[rows == "accepted"]) == accepted


def test_what_is_accepted_of_a_pool_is_not_accepted_of_none(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    case = write("course-keys/k.csv", keys("KEY-00001"))
    (case / "case.toml").write_text('[[accepted]]\nfinding = "input_missing"\nreason = "Known."\npool = "P"\n')
    assert (
        audit(case).findings.set_index("code").loc["input_missing", "severity"].astype("str").tolist() == ["note"] * 2
    )


def test_what_no_export_says_of_a_pool_is_a_block_for_the_case(write: Write) -> None:
    case = write("pools-before/P.csv", "Training_Key Course Redeemed\nKEY-00001 C .\nKEY-00002 C 2026-01-09")
    write("pool-list/l.csv", "Name Organization Starts Content_Availability Sitewide_Use\nP O 2025-01-01 180 No")
    result = audit(case)
    assert lacking_lines(result.facts) == ['[pools."P"]\n# expires = 2026-12-31']
    (row,) = result.findings[result.findings["code"] == "pool_setting_unknown"].to_dict("records")
    assert (row["severity"], row["message"].partition(". ")[0]) == ("warning", "No export and no list says its expiry")


def test_keys_recreated_under_one_other_course_may_be_renamed(write: Write) -> None:
    """All of them (a key that waits says nothing), and at least two: first it is asked whether two names mean one course."""
    write("pools-before/P.csv", pool("MOVED-001", "MOVED-002", "WAITS-003"))
    write("pools-now/P.csv", pool("WAITS-003"))
    case = write("course-keys/k.csv", keys("MOVED-001 E D 2026-12-31 . 0", "MOVED-002 E d 2026-12-31 . 0"))
    plan = migration_plan(audit(case))
    assert (plan.actions["ask about the course"], plan.codes("P", "delete course keys")) == (2, [])
    write("course-keys/k.csv", keys("MOVED-001 E D 2026-12-31 . 0", "MOVED-002"))
    plan = migration_plan(audit(case))
    assert (plan.actions["ask about the course"], plan.codes("P", "delete course keys")) == (0, ["MOVED-001"])
    (step,) = [what for what in plan.steps["what"] if "delete course keys" in what]
    assert '1 key stands under "D" instead of "C": first make sure that these are not two names of one course' in step


def test_a_key_in_no_pool_has_a_plan_of_its_own(write: Write) -> None:
    write("pools-before/P.csv", pool("WAITS-001"))
    twice = ["TWICE-009 A C 2026-12-31 . 0", "TWICE-009 B C 2026-12-31 . 0"]
    plan = migration_plan(audit(write("course-keys/k.csv", keys(*twice))))
    assert plan.keys.set_index("training_key")["pool"].to_dict() == {"WAITS-001": "P", "TWICE-009": "in no pool"}
    assert plan.actions["export again"] == 1


def test_a_log_code_is_the_key_that_it_is_as_a_whole(write: Write) -> None:
    """Also of the first key of all: a part of it is another key."""
    write("pools-before/P.csv", pool("KEY-00001/A", "KEY-00001"))
    write("distribution/d.csv", "Training_Key Sent_To\nKEY-00001/A Ana")
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    told = {"KEY-00001/A": "yes", "KEY-00001": "unknown", "OTHER-001": "unknown"}
    assert verdicts(result, "is_distributed") == told


def test_whoever_changes_a_table_changes_no_other(write: Write) -> None:
    result = audit(write("pools-before/P.csv", pool("KEY-00001")))
    before = [*result.finding_columns["source_row"]]
    result.findings.loc[:, "source_row"] = 99
    assert [*result.finding_columns["source_row"]] == before


def test_a_log_code_that_resembles_a_key_in_no_pool_says_nothing_of_it(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    write("distribution/d.csv", "Training_Key Sent_To\nother-001 Ana")
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    assert verdicts(result, "is_distributed") == {"KEY-00001": "unknown", "OTHER-001": "unknown"}


def test_a_log_code_that_resembles_two_keys_decides_neither(write: Write) -> None:
    write("pools-before/P.csv", pool("CODE-0001", "code-0001", "OTHER-002"))
    case = write("distribution/d.csv", "Training_Key Sent_To\nCode-0001 Ana")
    (case / "case.toml").write_text("[distribution]\ncomplete = true\n")
    result = audit(case)
    assert verdicts(result, "is_distributed") == {"CODE-0001": "unknown", "code-0001": "unknown", "OTHER-002": "no"}
    told = result.findings.set_index("code").loc["ambiguous_lookalike", "message"]
    assert told == "The log's code resembles 2 keys: P, row 2 …01 and P, row 3 …01. Nothing is decided."


@pytest.mark.parametrize(
    ("row", "known"),
    [
        (". Ana", "unknown"),  # somebody was sent a key, and the log no longer says which
        ("CODE-0002 Ana more", "unknown"),
        ("", "unknown"),  # nothing but a header
        ("Other-code Ana", "no"),  # a stranger is told by itself
        ("`CODE-0001` Ana", "no"),
    ],
)
def test_a_complete_log_that_lost_a_code_proves_of_no_key_that_nobody_was_sent_it(
    row: str, known: str, write: Write
) -> None:
    write("pools-before/P.csv", pool("CODE-0001", "CODE-0002"))
    case = write("distribution/d.csv", f"Training_Key Sent_To\n{'CODE-0001 Bo' if row else ''}\n{row}")
    (case / "case.toml").write_text("[distribution]\ncomplete = true\n")
    result = audit(case)
    assert verdicts(result, "is_distributed") == {"CODE-0001": "yes" if row else "unknown", "CODE-0002": known}
    told = result.findings["message"].str.contains("until it is mended, the log does not count as complete")
    assert told.sum() == (known == "unknown")


@pytest.mark.parametrize(
    "cell", ["`CODE-0001`", "https://lms.example/?next=%2Fredeem%3Fkey%3DCODE-0001", "*CODE-0001*"]
)
def test_a_code_within_a_log_cell_is_named(cell: str, write: Write) -> None:
    write("pools-before/P.csv", pool("CODE-0001", "CODE-0002"))
    result = audit(write("distribution/d.csv", f"Training_Key Sent_To\n{cell} Bo"))
    assert verdicts(result, "is_distributed") == {"CODE-0001": "yes", "CODE-0002": "unknown"}


def test_who_resembles_whom_is_said_from_either_side(write: Write) -> None:
    write("pools-before/P.csv", pool("CODE-0001", "OTHER-002"))
    result = audit(write("course-keys/k.csv", keys("code-0001", "Code-0001")))
    told = result.findings[result.findings["code"] == "ambiguous_lookalike"].set_index("training_key")["message"]
    assert told.to_dict() == {
        "CODE-0001": "It resembles 2 codes: k.csv, row 2 …01 and k.csv, row 3 …01. Nothing is decided.",
        "code-0001": "It resembles P, row 2 …01, and is not the only one to do so. Nothing is decided.",
        "Code-0001": "It resembles P, row 2 …01, and is not the only one to do so. Nothing is decided.",
    }


@pytest.mark.parametrize(
    ("most", "uses", "works", "left"),
    [
        ("0", 0, "yes", "1"),
        ("0", 1, "used", "0"),
        (".", 0, "yes", "1"),
        (".", 1, "used", "0"),
        ("1", 1, "used", "0"),
        ("3", 1, "yes", "2"),
    ],
)
def test_nothing_or_zero_max_uses_is_one_use(most: str, uses: int, works: str, left: str, write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    result = audit(write("course-keys/k.csv", keys(f"KEY-00001 E C 2026-12-31 {most} {uses}")))
    assert verdicts(result, "works")["KEY-00001"] == works
    assert [f"{number:g}" for number in result.keys["uses_left"]] == [left]


def test_each_row_with_a_learner_is_a_use_of_the_first_key_too(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    head = "Training_Key Name Course Expires Max_Uses Student"
    rows = ["KEY-00001 E C 2026-12-31 3 Ana", "KEY-00001 E C 2026-12-31 3 Bo", "KEY-00002 E C 2026-12-31 1 ."]
    result = audit(write("course-keys/k.csv", "\n".join([head, *rows])))
    assert verdicts(result, "uses") == {"KEY-00001": "2.0", "KEY-00002": ""}


def test_keys_without_a_course_have_a_line_of_their_own(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Redeemed\nKEY-00001 .\nKEY-00002 2026-01-09")
    write("pools-before/Q.csv", pool("KEY-00003"))
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    assert result.summary(by="course")["keys"].to_dict() == {"C": 1, "not known": 3}
    assert result.summary(by="pool")["keys"].to_dict() == {"P": 2, "Q": 1, "in no pool": 1}
    assert [*result.summary(by="pool")] == ["keys", *STATUSES]
    assert [*result.outlook(by="pool")] == ["works", "P", "Q", "in no pool"]
    assert [*result.outlook()] == ["works", *STATUSES]


def test_a_course_key_that_was_no_text_links_by_what_excel_makes_only(write: Write) -> None:
    """Two numbers of a workbook: one is what Excel makes of a pool's key, the other is one slip away from another key."""
    write("pools-before/P.csv", pool("000123456", "87654321X"))
    rows: list[list[object]] = [["Training Key", "Name", "Course", "Expires", "Uses"]]
    rows += [["TEXT-0001", "E", "C", None, 0], [123456, "E", "C", None, 0], [876543210, "E", "C", None, 0]]
    case = write("pools-before/Q.csv", pool("KEY-00009"))
    write_xlsx(case / "course-keys/k.xlsx", {"Keys": rows})
    result = audit(case)
    assert verdicts(result, "lookalike") == {
        **dict.fromkeys(("87654321X", "KEY-00009", "TEXT-0001", "876543210"), ""),
        "000123456": "123456",
        "123456": "000123456",
    }


def test_a_setting_to_correct_has_its_entry_and_what_to_type(write: Write) -> None:
    write("pools-before/P.csv", pool("EARLY-001", "DAYS-0002", "ORG-00003", "MANY-0004"))
    write("pool-list/l.csv", "Name Course Organization Expires Content_Availability\nP C Ours 2026-12-31 180")
    head = "Training_Key Name Course Organization Expires Max_Uses Uses Content_Availability"
    rows = [
        "EARLY-001 First C Ours 2026-10-31 . 0 180",
        "DAYS-0002 Second C Ours 2026-12-31 . 0 90",
        "ORG-00003 Third C Theirs 2026-12-31 . 0 180",
        "MANY-0004 Fourth C Ours 2026-12-31 25 0 180",
    ]
    plan = migration_plan(audit(write("course-keys/k.csv", "\n".join([head, *rows]))))
    assert plan.actions["correct the setting"] == 4
    endings = {what.partition(" Entry: ")[2] for what in plan.steps["what"]} - {""}
    assert endings == {
        '"First". The pool\'s: 2026-12-31.',
        '"Second". The pool\'s: 180.',
        '"Third". The pool\'s: Ours.',
        '"Fourth".',
    }


@pytest.mark.parametrize(
    ("word", "status"),
    [
        *((word, "missing") for word in ("Cancelled", "Storniert", "Annulé", "Voided", "Dropped", "取消")),
        *((word, "redeemed") for word in ("Active", "Completed", "Not cancelled", ".")),
    ],
)
def test_an_assignment_that_was_taken_back_is_no_redemption(word: str, status: str, write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    write("pools-now/P.csv", pool("KEY-00002"))
    write(
        "course-assignments/a.csv",
        f"Student Course Created Payment_Type Status\nAna C 2026-03-25 KEY-00001 {word.replace(' ', '_')}",
    )
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    assert verdicts(result)["KEY-00001"] == status


@pytest.mark.parametrize(
    ("head", "told"), [("Training_Key Course Expires", True), ("Training_Key Course Redeemed", False)]
)
def test_a_plan_says_first_which_export_hides_who_has_redeemed(head: str, told: bool, write: Write) -> None:
    write("pools-before/P.csv", f"{head}\nKEY-00001 C .")
    warnings = migration_plan(audit(write("course-keys/k.csv", keys("OTHER-001")))).warnings
    assert [warning.partition(" not show")[0] for warning in warnings] == (
        ["Attention: pools-before/P.csv does"] if told else []
    )


@pytest.mark.parametrize(
    ("ends", "stage"), [("2026-04-02", "closed"), ("2026-04-03", "closed"), ("2026-04-04", "moved"), (".", "moved")]
)
def test_a_pool_without_keys_is_closed_from_its_last_day_on(ends: str, stage: str, write: Write) -> None:
    write("pools-before/P.csv", POOL)
    write("pool-list/l.csv", f"Pool Course Expires\nP C {ends}")
    result = audit(write("course-keys/k.csv", keys("OTHER-001")), as_of="2026-04-03")
    assert result.pools.set_index("pool")["stage"].to_dict() == {"P": stage}


@pytest.mark.parametrize(
    ("as_of", "step"),
    [
        ("2026-04-03", "Look in Training Key Pools → the pool whether the key is redeemed."),
        ("2026-05-20", "Look in Training Key Pools → the pool whether the key is redeemed."),
        ("2026-05-29", "Look in Find Course Assignments whether the learner has redeemed, or ask them;"),
    ],
)
def test_where_to_look_up_a_redemption_that_is_not_readable(as_of: str, step: str, write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001 C perhaps 2026-12-31"))
    result = audit(write("course-keys/k.csv", keys("OTHER-001")), as_of)
    assert verdicts(result, "next_step")["KEY-00001"].startswith(step)


def test_keys_that_do_not_add_up_stop_the_audit(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    _check(result)
    result.facts.__dict__["status"] = np.where(np.arange(3) == 1, -1, result.facts.status)
    with pytest.raises(ReconcileError, match="differ in number"):
        _check(result)


def test_words_of_ours_have_an_order_and_names_have_none(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    columns = audit(write("course-keys/k.csv", keys("OTHER-001"))).keys
    assert {name: columns[name].cat.ordered for name in ("status", "works", "pool", "course")} == {
        "status": True,
        "works": True,
        "pool": False,
        "course": False,
    }


@pytest.mark.parametrize(("column", "is_refused"), [("Starts", True), ("Sitewide", True), ("Note", False)])
def test_an_expiry_beside_a_column_of_pools_makes_no_course_key_export(
    column: str, is_refused: bool, write: Write
) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    rows = f"Training_Key Course Expires {column}\nKEY-00001 C 2026-12-31 2025-01-01\nKEY-00002 C 2026-12-31 2025-01-01"
    case = write("course-keys/k.csv", rows)
    if is_refused:
        with pytest.raises(ReconcileError, match="at least half of its codes are unredeemed keys"):
            audit(case)
    else:
        assert verdicts(audit(case)) == {"KEY-00001": "migrated", "KEY-00002": "migrated"}


def test_keys_are_shown_in_the_order_asked_for(write: Write) -> None:
    write("pools-before/P.csv", pool("B-00000001", "A-00000002"))
    write("pools-before/Q.csv", pool("C-00000003 C 2026-01-09 2026-12-31"))
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    assert result.show(pool="P", sort="source_row").iloc[:, 0].tolist() == ["…01", "…02"]
    assert result.show(pool="P").iloc[:, 0].tolist() == ["…02", "…01"]  # by code


@pytest.mark.parametrize(("uses", "step"), [("0", "Open one of these codes"), ("1", "Nothing.")])
def test_course_keys_that_all_end_in_a_blank_are_to_be_looked_up(uses: str, step: str, write: Write) -> None:
    """Unless a use of one shows that learners' codes match."""
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    write("pools-now/P.csv", POOL)
    rows = keys("KEY-00001_ E C 2026-12-31 . 0", f"KEY-00002_ E C 2026-12-31 . {uses}")
    steps = verdicts(audit(write("course-keys/k.csv", rows)), "next_step")
    assert [told.startswith(step) for told in steps.values()] == [True, True]


# --- the first record, the first key, the first pool: number 0 ---

WORLD = {  # something of nearly everything; rows below a header
    "pools-before/P.csv": """Training_Key Course Organization Created Redeemed Redeemed_By Starts Expires
        GONE-0001 C O 2025-01-02 . . . 2026-12-31
        MOVED-002 C O 2025-01-02 . . . 2026-12-31
        STAYS-003 C O 2025-01-02 . . . 2026-12-31
        DONE-0004 C O 2025-01-02 2026-01-09 Ana . 2026-12-31
        TWICE-005 C O 2025-01-02 2026-01-09 Bo . 2026-12-31
        BOTH-0006 C O 2025-01-02 . . . 2026-12-31
        OTHER-007 C O 2025-01-02 . . . 2026-12-31
        SPOILT-08 C O 2025-01-02 . . . 2026-12-31
        00987654 C O 2025-01-02 . . . 2026-12-31
        LATER-011 C O 2025-01-02 . . 2026-09-01 2026-12-31
        MAYBE-012 C O 2025-01-02 perhaps . . 2026-12-31
        HOLDER-13 C O 2025-01-02 . Kim . 2026-12-31
        USED-0014 C O 2025-01-02 2025-01-01 . . 2026-12-31
        TWIN-0015 C O 2025-01-02 . . . 2026-12-31
        SHARED-16 C O 2025-01-02 . . . 2026-12-31""",
    "pools-now/P.csv": """Training_Key Course Organization Created Redeemed Redeemed_By Starts Expires
        STAYS-003 C O 2025-01-02 . . . 2026-12-30
        DONE-0004 C O 2025-01-02 2026-01-09 Ana . 2026-12-30
        BOTH-0006 C O 2025-01-02 . . . 2026-12-30
        NEWER-017 C O 2026-04-20 . . . 2026-12-30""",
    "pools-before/Q.csv": """Training_Key Course Organization Created Redeemed Redeemed_By Starts Expires
        WAITS-020 D O 2025-01-02 . . . 2026-12-31
        MANY-0021 D O 2025-01-02 . . . 2026-12-31
        SHORT-022 D O 2025-01-02 . . . 2026-12-31
        SHARED-16 D O 2025-01-02 . . . 2026-12-31""",
    "pools-before/R.csv": """Training_Key Course Organization Created Redeemed Redeemed_By Starts Expires
        ENDED-023 E O 2025-01-02 . . . 2026-02-01""",
    "pool-list/l.csv": """Name Course Organization Expires Content_Availability Sitewide_Use
        P C O 2026-12-30 180 No
        Q D O 2026-12-31 180 No
        R E O 2026-02-01 90 Yes
        S E O 2026-12-31 90 Yes""",
    "course-keys/k (1).csv": """Training_Key Name Course Organization Created Expires Max_Uses Uses Content_Availability
        MOVED-002 E C O 2026-04-01 2026-12-31 . 0 180
        TWICE-005 E C O 2026-04-01 2026-12-31 . 1 180
        BOTH-0006 E C O 2026-04-01 2026-12-31 . 0 180
        OTHER-007 E D O 2026-04-01 2026-12-31 . 0 180
        TWIN-0015 E C O 2026-04-01 2026-12-31 . 0 180""",
    "course-keys/k (2).csv": """Training_Key Name Course Organization Created Expires Max_Uses Uses Content_Availability
        MOVED-002 E C Else 2026-04-01 2026-12-31 . 1 30
        spoilt-08 E C O 2026-04-01 2026-12-31 . 0 180
        987654 E C O 2026-04-01 2026-12-31 . 0 180
        MANY-0021 F D O 2026-04-01 2026-12-31 25 3 180
        SHORT-022 F D O 2026-04-01 2026-04-02 . 0 180
        TWIN-0015 E C O 2026-04-01 2026-11-30 . 0 180
        twin-0015 E C O 2026-04-01 . . 0 180""",
    "distribution/d.csv": """Training_Key Sent_To
        MOVED-002 Ana
        GONE-0001 Bo
        stays-003 Kim
        NOWHERE-9 Lee
        WAITS-020 Ana""",
    "other-keys/o.csv": """Training_Key Name
        STAYS-003 Class
        FREE-0099 Class""",
    "course-assignments/a.csv": """Payment_Type Student Course Created Status
        Training_Key_MOVED-002 Kim C 2026-04-02 Active
        Training_Key_SHORT-022 Bo D 2026-03-30 Active
        Training_Key_DONE-0004 Ana C 2026-01-09 Cancelled""",
}  # fmt: skip


def told_of_the_world(write: Write, turned: int, name_of_p: str) -> list[str]:
    """All but places in files, when the rows of every file are turned by a number, and the pool P is called so."""
    for name, table in WORLD.items():
        head, *rows = [re.sub(r"^P ", f"{name_of_p} ", line.strip()) for line in table.splitlines()]
        start = turned % len(rows)
        case = write(name.replace("/P.", f"/{name_of_p}."), "\n".join([head, *rows[start:], *rows[:start]]))
    result = audit(case)
    findings = result.findings[["severity", "code", "training_key", "pool"]]
    tables = [
        result.keys.drop(columns=["reference", "evidence", "source_file", "source_sheet", "source_row"]),
        findings,
    ]
    rows = [row for table in [*tables, result.pools] for row in csv.reader(table.to_csv(index=False).splitlines())]
    rows += [[*of, *sorted(codes)] for of, codes in migration_plan(result).codes_of.items() if codes]
    return sorted(str(["P" if cell == name_of_p else str(cell) for cell in row]) for row in rows)


def test_a_pool_that_had_ended_ends_no_key_that_another_may_hold(write: Write) -> None:
    write("pools-before/P.csv", pool(*(f"{code} C . 2026-02-01" for code in ("SAME-0001", "ALONE-002", "ALONE-005"))))
    write("pools-before/Q.csv", pool("SAME-0001", "OTHER-003", "OTHER-004"))
    write("pools-now/Q.csv", pool("OTHER-003", "4.78E+07"))  # which may be any of those it does not show
    told = verdicts(audit(write("course-keys/k.csv", keys("FRESH-009"))))
    assert (told["SAME-0001"], told["ALONE-002"]) == ("to_migrate", "expired")


def test_a_pool_list_that_gives_a_pool_two_courses_stops_and_names_both_files(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001"))
    write("pool-list/a.csv", "Name Course Expires\nQ D 2026-12-31\np C 2026-12-31")
    case = write("pool-list/b.csv", "Name Course Expires\nP D 2026-12-31")
    told = r'the pool "P" twice, and its course is "C" in pool-list/a\.csv, row 3, and "D" in pool-list/b\.csv, row 2'
    with pytest.raises(ReconcileError, match=told):
        audit(case)


def test_an_unreadable_row_of_a_later_export_is_set_aside_where_there_is_a_backup(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    write("pools-now/P.csv", pool("KEY-00001", "4.78E+07"))
    write("pools-now/Q.csv", pool("KEY-00003", "4.79E+07"))
    result = audit(write("course-keys/k.csv", keys("OTHER-001")))
    rows = result.sources.set_index("source_file")[["rows_read", "keys", "set_aside"]].T.to_dict("list")
    assert (rows["pools-now/P.csv"], rows["pools-now/Q.csv"]) == ([2, 1, 1], [2, 2, 0])
    pools = result.pools.set_index("pool")[["in_backup", "only_later", "keys"]].T.to_dict("list")
    assert pools == {"P": [2, 0, 2], "Q": [0, 2, 2]}


def test_a_backup_that_excel_has_changed_shows_no_code(write: Write) -> None:
    write("pools-before/P.csv", pool("MAR-45", "1945-03-01"))
    write("pools-before/Q.csv", pool("Mar-26", "KEY-00002"))
    write("pools-now/Q.csv", pool("KEY-00002"))
    result = audit(write("course-keys/k.csv", keys("MARCH-2026", "KEY-00002")))
    assert verdicts(result)["Mar-26"] == "undetermined"
    assert verdicts(result, "evidence")["Mar-26"]


@pytest.mark.parametrize(
    ("day", "begun"), [("04-09", 0), ("04-10", 1), ("05-07", 1), ("05-08", 2), ("05-28", 2), ("05-29", 3)]
)
def test_a_period_begins_on_its_day(day: str, begun: int, write: Write) -> None:
    f = audit(write("pools-before/P.csv", pool("KEY-00001")), f"2026-{day}").facts
    assert [bool(it) for it in (f.is_late, f.is_read_only, f.is_removed)] == [place < begun for place in range(3)]


@pytest.mark.parametrize(("in_pool", "as_course_key", "certain"), [("C", "C", 1), (".", "C", 0), ("C", ".", 0)])
def test_a_migration_is_certain_where_both_courses_are_known(
    in_pool: str, as_course_key: str, certain: int, write: Write
) -> None:
    write("pools-before/P.csv", pool(f"KEY-00001 {in_pool} . 2026-12-31"))
    result = audit(write("course-keys/k.csv", keys(f"KEY-00001 E {as_course_key} 2026-12-31 . 0")))
    assert result.answer_counts["migrated"] == (1, certain)


def test_a_key_that_was_recreated_exactly_has_no_lookalike(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "WAITS-002"))
    result = audit(write("course-keys/k.csv", keys("KEY-00001", "key-00001")))
    assert verdicts(result) == {"KEY-00001": "migrated", "key-00001": "new", "WAITS-002": "to_migrate"}
    assert (result.facts.link == -1).all()


def test_of_an_entry_its_last_file_counts(write: Write) -> None:
    """Also of the first entry of all."""
    write("pools-before/P.csv", pool("KEY-00001 C . 2026-04-01", "KEY-00002 C . 2026-04-01"))
    write("pools-now/P.csv", pool("KEY-00002 C . 2026-04-01", "KEY-00001 C . 2026-04-01"))
    for number, day in ((1, "2026-12-31"), (2, "2026-04-02")):
        case = write(f"course-keys/k{number}.csv", keys(f"KEY-00001 E C {day} . 0", f"KEY-00002 E C {day} . 0"))
    result = audit(case)
    assert set(verdicts(result).values()) == {"duplicate"}
    assert set(verdicts(result, "works").values()) == {"no"}


def test_combinations_of_many_numbers_are_told_apart() -> None:
    many = np.array([0, 2**40 - 2, 0, 2**40 - 2, 0])  # which multiplied are more than 64 bits hold
    other = np.array([5, 5, 2**40, 2**40, 5])
    first, place, sizes = alike(many, other)
    assert (first.tolist(), place.tolist(), sizes.tolist()) == ([0, 2, 1, 3], [0, 2, 1, 3, 0], [2, 1, 1, 1])


def test_twenty_keys_are_shown(write: Write) -> None:
    result = audit(write("pools-before/P.csv", pool(*(f"KEY-{n:05d}" for n in range(25)))))
    assert (len(result.show()), len(result.show(limit=3))) == (20, 3)
    assert signature(result.show_findings).parameters["limit"].default == 20


def test_neither_the_order_of_rows_nor_of_pools_decides_anything(write: Write, tmp_path: Path) -> None:
    """Whichever record, key and pool is number 0."""
    told = told_of_the_world(write, 0, "P")
    for turned in range(1, 15):
        assert (turned, told_of_the_world(write, turned, "P")) == (turned, told)
    shutil.rmtree(tmp_path / "case")
    assert told_of_the_world(write, 0, "Z") == told


def test_the_first_row_of_all_may_be_one_of_a_later_export(write: Write) -> None:
    write("pools-now/P.csv", pool("KEY-00001", "KEY-00002"))
    result = audit(write("course-keys/k.csv", keys("OTHER-001", "OTHER-002")))
    assert verdicts(result, "in_now") == {
        "KEY-00001": "yes",
        "KEY-00002": "yes",
        "OTHER-001": "unknown",
        "OTHER-002": "unknown",
    }
    assert [*verdicts(result).values()] == ["to_migrate", "to_migrate", "new", "new"]
    assert verdicts(result, "evidence")["KEY-00001"] == "pools-now/P.csv, row 2"
    assert verdicts(result, "reference")["KEY-00001"] == "P, row 2"
    write("pools-now/P.csv", "Training_Key Course Expires\nKEY-00001 C 2026-12-31\nKEY-00002 C 2026-12-31")
    works = verdicts(audit(write("course-keys/k.csv", keys("OTHER-001"))), "works")
    assert works == {"KEY-00001": "unknown", "KEY-00002": "unknown", "OTHER-001": "yes"}  # it shows no redemption
    write("pools-now/P.csv", pool("KEY-00001", "KEY-00002", "KEY-00003"))
    result = audit(write("pools-now/Q.csv", pool("KEY-00004", "KEY-00001", "KEY-00005")))
    assert verdicts(result)["KEY-00001"] == "duplicate"


def test_findings_of_a_file_stand_in_the_order_of_its_sheets_names(write: Write) -> None:
    case = write("course-keys/k.csv", keys("OTHER-001"))
    rows: list[list[object]] = [["Training Key", "Pool", "Redeemed"], [None, "P", dt.date(2026, 1, 9)]]
    (case / "pools-before").mkdir()
    tabs = {tab: [*rows, [f"{tab}-00001", "P", None]] for tab in ("Zeta", "Alpha")}
    write_xlsx(case / "pools-before/P.xlsx", tabs)
    found_there = audit(case).findings
    assert found_there.loc[found_there["code"] == "blank_key", "source_sheet"].tolist() == ["Alpha", "Zeta"]


@pytest.mark.parametrize("turned", range(3))
def test_a_key_has_the_end_that_its_own_row_gives(turned: int, write: Write) -> None:
    ends = [("ENDED-001", "2026-04-01", "no"), ("LIVES-001", "2026-12-31", "yes"), ("OPEN-0001", "soon", "unknown")]
    ends = ends[turned:] + ends[:turned]
    write("pools-before/P.csv", pool(*(f"{code} C . {end}" for code, end, _ in ends)))
    works = verdicts(audit(write("course-keys/k.csv", keys("OTHER-001"))), "works")
    assert {code: works[code] for code, _, _ in ends} == {code: expected for code, _, expected in ends}


@pytest.mark.parametrize("codes", [("12345678", "KEY-00002"), ("KEY-00002", "12345678")])
def test_what_was_done_to_a_cell_is_said_of_its_key(codes: tuple[str, str], write: Write) -> None:
    """A course key that is a number in its workbook, and a text in its pool."""
    case = write("pools-before/P.csv", pool(*codes))
    rows: list[list[object]] = [["Training Key", "Name", "Course", "Expires", "Uses"], ["TEXT-0001", "E", "C", None, 0]]
    write_xlsx(case / "course-keys/k.xlsx", {"Keys": [*rows, [12345678, "E", "C", None, 0]]})
    assert verdicts(audit(case), "damage") == {"12345678": "a number, not text", "KEY-00002": "", "TEXT-0001": ""}


# --- numbers ---


@pytest.mark.parametrize(
    ("number", "bits"), [(2**31 - 2, 32), (2**31 - 1, 64), (1 - 2**31, 32), (-(2**31), 64), (0, 32)]
)
def test_numbers_are_held_in_half_where_they_fit(number: int, bits: int) -> None:
    held = narrow(np.array([0, number]))
    assert (held.dtype, held.tolist()) == (np.dtype(f"int{bits}"), [0, number])


@pytest.mark.parametrize("most", [1, 2**20, 2**31, 2**40])
def test_rows_are_alike_in_all_columns_whatever_their_size(most: int) -> None:
    """More combinations than 64 bits hold, too; in the order of the combinations."""
    rows = [(one, other, third) for one in (-1, most, 0) for other in (most, -1) for third in (0, most)] * 2
    first, place, sizes = alike(*np.array(rows, dtype=np.int64).T)
    assert [rows[row] for row in first] == sorted(set(rows))
    assert [sorted(set(rows))[number] for number in place] == rows
    assert sizes.tolist() == [2] * 12


# --- where a second reading of the rule book said otherwise ---

ENTRIES = "Training_Key Name Course Expires Max_Uses Uses"


@pytest.mark.parametrize(("last", "works"), [("KEY-00001 E2 C 2026-03-01 1 0", "no"), ("KEY-00001 E2 C", "unknown")])
def test_only_one_file_tells_two_entries_apart(last: str, works: str, write: Write) -> None:
    """What an older file calls otherwise, or says of its end, is no second place of the key."""
    write("pools-before/P.csv", "Training_Key Course Redeemed Expires\nKEY-00001 C . 2026-12-31")
    write("pools-now/P.csv", "Training_Key Course Redeemed Expires\nKEY-00001 C . 2026-04-01")
    write("course-keys/1.csv", f"{ENTRIES}\nKEY-00001 E1 C 2026-12-31 1 0")
    head = " ".join(ENTRIES.split()[: len(last.split())])
    result = audit(write("course-keys/2.csv", f"{head}\n{last}"), "2026-04-09")
    assert (verdicts(result), verdicts(result, "works")) == ({"KEY-00001": "duplicate"}, {"KEY-00001": works})


def test_of_two_equal_course_key_files_the_last_counts(write: Write) -> None:
    """The first as it was again: what stood between them is over."""
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    for number, day in (("1", "2026-12-31"), ("2", "2026-04-01"), ("3", "2026-12-31")):
        case = write(f"course-keys/{number}.csv", f"{ENTRIES}\nKEY-00001 E C {day} 1 0\nKEY-00002 E C 2026-12-31 1 0")
    result = audit(case, "2026-04-09")
    assert verdicts(result, "works") == {"KEY-00001": "yes", "KEY-00002": "yes"}
    told = result.findings[result.findings["code"] == "same_file_twice"]
    assert told[["source_file", "message"]].to_numpy().tolist() == [
        ["course-keys/1.csv", "has the same bytes as course-keys/3.csv; read once"]
    ]
    assert result.sources["source_file"].tolist()[1:] == ["course-keys/2.csv", "course-keys/3.csv"]


def test_a_code_that_nobody_can_read_is_not_known_to_be_gone(write: Write) -> None:
    """Nor is one known to be unredeemed whose redemption nobody can read."""
    rows = "KEY-00001 C . 2026-12-31\n4.78E+07 C . 2026-12-31\nKEY-00002 C 31/31/26 2026-12-31"
    write("pools-before/P.csv", f"{POOL}\n{rows}")
    write("pools-now/P.csv", pool("KEY-00001"))
    case = write("course-keys/k.csv", "Training_Key Course Created\nFRESH-009 C 2026-04-01")
    assert found(audit(case, "2026-04-03"), "codes_regenerated") == []
    write("pools-now/P.csv", pool("KEY-00009"))
    assert found(audit(case, "2026-04-03"), "codes_regenerated") == ["P"]


def test_a_pool_that_ends_no_more_is_not_closed(write: Write) -> None:
    """A blank cell in its latest export is no end."""
    write(
        "pools-before/P.csv",
        "Training_Key Course Redeemed Expires\nKEY-00001 C . 2026-04-10\nKEY-00002 C 2026-01-05 2026-04-10",
    )
    write("pools-now/P.csv", "Training_Key Course Redeemed Expires\nKEY-00002 C 2026-01-05 .")
    case = write("course-keys/k.csv", f"{ENTRIES}\nKEY-00001 E C 2026-12-31 1 0")
    (pool_row,) = audit(case, "2026-04-20").pool_rows
    assert (pool_row.stage, str(pool_row.expires_on)) == ("moved", "NaT")


def test_a_pool_is_begun_by_a_key_that_was_damaged_in_its_backup(write: Write) -> None:
    """It is linked to what Excel made of it; whether the others are still there is not known."""
    write("pools-before/P.csv", pool("KEY-00001", "47810900"))
    case = write("course-keys/k.csv", f"{ENTRIES}\n478109E2 E C 2026-12-31 1 0")
    result = audit(case, "2026-04-09")
    assert (verdicts(result)["KEY-00001"], verdicts(result, "works")["KEY-00001"]) == ("to_migrate", "unknown")


def test_no_plan_pastes_a_code_under_another_course_that_another_kind_of_key_has(write: Write) -> None:
    write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    write("other-keys/o.csv", "Training_Key Name\nKEY-00001 Subscription")
    case = write("course-keys/k.csv", f"{ENTRIES}\nKEY-00001 E D 2026-12-31 1 0\nKEY-00002 E C 2026-12-31 1 0")
    plan = ka.migration_plan(audit(case, "2026-04-09"))
    assert [plan.codes("P", what) for what in ("paste", "paste after comparing")] == [[], []]
    assert dict(zip(plan.keys["training_key"], plan.keys["action"], strict=True)) == {"KEY-00001": "right the course"}
    assert any("Delete the course key" in step and "issue a new course key" in step for step in plan.steps["what"])


@pytest.mark.parametrize(
    "codes", [("KEY-00001 ", " KEY-00002"), ("'KEY-00001", "KEY-00002 "), ("KEY-00001 ", "\tKEY-00002")]
)
def test_padding_of_two_kinds_is_of_no_file(codes: tuple[str, str], write: Write) -> None:
    """Each is recorded as it stands, and is the lookalike of a key."""
    case = write("pools-before/P.csv", pool("KEY-00001", "KEY-00002"))
    (case / "course-keys").mkdir()
    (case / "course-keys" / "k.csv").write_text("Training Key,Course\n" + "".join(f"{code},C\n" for code in codes))
    result = audit(case, "2026-04-09")
    assert {verdicts(result)[code] for code in ("KEY-00001", "KEY-00002")} == {"altered"}
    assert found(result, "uniform_padding") == []


def test_a_lone_export_keeps_the_date_of_its_name(write: Write) -> None:
    """It may be part of the pool's name: no other export says otherwise."""
    result = audit(write("pools-before/Azure 2026-03-01.csv", pool("AAAA1111")))
    assert result.pools["pool"].tolist() == ["Azure 2026-03-01"]


def test_a_blank_expiry_in_the_first_row_is_no_end_of_the_pool(write: Write) -> None:
    result = audit(write("pools-before/P.csv", pool("AAAA1111 C . .", "BBBB2222")))
    assert result.pools["expires_on"].isna().tolist() == [True]


def test_hyphens_stay_where_a_code_of_the_pool_cannot_be_read(write: Write) -> None:
    """Whether every key of the pool has some is not known then."""
    for first in ("CCCC-3333", "4.78E+07"):
        write("pools-before/P.csv", pool(first, "AAAA-11-11", "BBBB-22-22"))
        found = verdicts(audit(write("course-keys/k.csv", keys("AAAA1111", "ZZZZ9999"))))
        assert found["AAAA-11-11"] == ("altered" if first[0] == "C" else "to_migrate")


def test_a_pool_may_be_called_as_a_column_of_ours(write: Write) -> None:
    result = audit(write("pools-before/works.csv", pool("AAAA1111")))
    assert [*result.outlook(by="pool")] == ["works", "works"]


@pytest.mark.parametrize(
    ("backup", "later", "end"),
    [
        (
            "KEY-00001 2026-12-31\nKEY-00002 2026-12-31",
            "KEY-00001",
            "2026-12-31",
        ),  # the later export has no such column
        ("KEY-00001 2026-12-31\nKEY-00002 .", "KEY-00001", "NaT"),  # a blank expiry is no end
        ("KEY-00001 2026-12-31\nKEY-00002 2026-12-31", None, "2026-12-31"),
    ],
)
def test_the_end_of_a_pool_is_that_of_the_latest_list_that_shows_it(
    backup: str, later: str | None, end: str, write: Write
) -> None:
    case = write("pools-before/P.csv", f"Training_Key Expires\n{backup}")
    if later:
        write("pools-now/P.csv", f"Training_Key Course\n{later} C")
    assert str(audit(case).pools["expires_on"].iloc[0]).partition(" ")[0] == end
