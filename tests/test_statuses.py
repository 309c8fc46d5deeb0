"""The status table of CATALOGUE §3, row by row, and every combination of its facts."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from conftest import Write, audit, found, verdicts

from keyaudit.rulebook import FACTS, FAMILIES, FINDINGS, STATUSES, WORKS, family, holds, in_words

pytestmark = pytest.mark.usefixtures("read_once")

FLAGS = (
    *("readable", "in_pool", "in_course_keys", "redeemed", "gone", "here", "in_two_pools", "in_two_entries"),
    *("course_differs", "has_lookalike", "not_distributed", "expired_unannounced", "pool_ended", "is_lookalike"),
)
CATALOGUE_ORDER = [
    *("undetermined", "redeemed_recreated", "duplicate", "wrong_course", "migrated", "redeemed", "altered"),
    *("undistributed", "missing", "expired", "lapsed", "to_migrate", "stray", "new"),
]


def every_combination(**day: bool) -> dict[str, np.ndarray]:
    """All facts that can be together: a key is in a pool or in course keys, and not both here and gone."""
    rows = list(product((False, True), repeat=len(FLAGS)))
    table = {name: np.array(column) for name, column in zip(FLAGS, zip(*rows, strict=True), strict=True)}
    possible = (table["in_pool"] | table["in_course_keys"]) & ~(table["here"] & table["gone"])
    possible &= table["in_pool"] | ~(table["here"] | table["gone"] | table["redeemed"] | table["has_lookalike"])
    possible &= day["course_keys_given"] | ~table["in_course_keys"]
    possible &= table["readable"] | (table["in_pool"] & ~table["in_course_keys"])
    table = {name: values[possible] for name, values in table.items()}
    nothing = np.zeros(int(possible.sum()), dtype=bool)
    return dict.fromkeys(FACTS, nothing) | table | {name: np.bool_(value) for name, value in day.items()}


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(("read_only", "removed"), [(False, False), (True, False), (True, True)])
def test_every_combination_of_facts_has_exactly_one_status(given: bool, read_only: bool, removed: bool) -> None:
    """No combination falls through the table; each status has a step and a reason for whatever is left."""
    facts = every_combination(course_keys_given=given, is_read_only=read_only, is_removed=removed)
    size = len(facts["readable"])
    rules = [np.broadcast_to(holds(row.rule, facts), size) for row in STATUSES.values()]
    status = np.select(rules, list(range(len(rules))), default=-1)
    assert size > 1000
    assert status.min() >= 0
    names = np.array(list(STATUSES))[status]
    if not given:
        assert not set(names) & {"redeemed_recreated", "wrong_course", "migrated", "missing", "new"}
    if not read_only:
        assert "lapsed" not in names


def test_statuses_stand_in_the_order_of_the_catalogue() -> None:
    assert list(STATUSES) == CATALOGUE_ORDER
    assert {family(code, works) for code in STATUSES for works in WORKS} == set(FAMILIES)
    assert list(WORKS) == ["yes", "used", "unknown", "not_yet", "no"]
    for row in STATUSES.values():
        assert (row.steps[-1].when, row.reasons[-1][0]) == ("", "")
        assert all(step.text or step.action == "correct the setting" for step in row.steps)


@pytest.mark.parametrize(
    ("code", "works_by", "act_by", "owed", "left"),
    [
        ("undetermined", "none", "now", True, False),
        ("redeemed_recreated", "course_key", "now", False, False),
        ("duplicate", "places", "now", True, False),
        ("wrong_course", "course_key", "now", True, False),
        ("migrated", "course_key", "if_wrong", True, False),
        ("redeemed", "used", "never", False, False),
        ("altered", "pool", "now", True, True),
        ("undistributed", "pool", "never", False, False),
        ("missing", "pool", "now", True, True),
        ("expired", "pool", "never", False, False),
        ("lapsed", "pool", "now", True, True),
        ("to_migrate", "pool", "deadline", True, True),
        ("stray", "course_key", "now", False, False),
        ("new", "course_key", "never", False, False),
    ],
)
def test_what_a_status_means_for_others(code: str, works_by: str, act_by: str, owed: bool, left: bool) -> None:
    """By which place the key works, by when to act, may a learner wait for what it promises, is it left to migrate?"""
    row = STATUSES[code]
    assert (row.works_by, row.act_by, row.owed, row.left) == (works_by, act_by, owed, left)


def test_a_rule_is_printed_as_it_is_evaluated() -> None:
    """By hand: not binds closest, then and, then or."""
    facts = {
        "in_pool": np.array([True, True, False]),
        "gone": np.array([True, False, True]),
        "redeemed": np.array([False, False, True]),
    }
    assert holds("in_pool & ~gone | redeemed", facts).tolist() == [False, True, True]
    assert holds("in_pool & (gone | redeemed)", facts, np.array([2, 0])).tolist() == [False, True]
    assert (
        in_words("in_pool & ~gone | redeemed")
        == "in a pool and not (its pool's latest export does not show it); or redeemed"
    )
    assert (
        in_words("in_pool & (gone | redeemed)")
        == "in a pool and (its pool's latest export does not show it; or redeemed)"
    )


def test_each_status_from_files(write: Write) -> None:
    """One pool of six keys, seen before and now, against its course keys."""
    write(
        "pools-before/P.csv",
        """
        Training_Key Course Redeemed   Expires
        GONE-0001    C      .          2026-12-31
        MOVED-002    C      .          2026-12-31
        STAYS-003    C      .          2026-12-31
        DONE-0004    C      2026-01-09 2026-12-31
        TWICE-005    C      2026-01-09 2026-12-31
        BOTH-0006    C      .          2026-12-31
        OTHER-007    C      .          2026-12-31
        SPOILT-08    C      .          2026-12-31
    """,
    )
    write(
        "pools-now/P.csv",
        """
        Training_Key Course Redeemed   Expires
        STAYS-003    C      .          2026-12-31
        DONE-0004    C      2026-01-09 2026-12-31
        BOTH-0006    C      .          2026-12-31
    """,
    )
    case = write(
        "course-keys/keys.csv",
        """
        Training_Key Name Course Expires    Max_Uses Uses
        MOVED-002    E    C      2026-12-31 .        0
        TWICE-005    E    C      2026-12-31 .        1
        BOTH-0006    E    C      2026-12-31 .        0
        OTHER-007    E    D      2026-12-31 .        0
        spoilt-08    E    C      2026-12-31 .        0
        FRESH-100    E    C      2026-12-31 .        0
    """,
    )
    result = audit(case)
    assert verdicts(result) == {
        "GONE-0001": "missing",
        "MOVED-002": "migrated",
        "STAYS-003": "to_migrate",
        "DONE-0004": "redeemed",
        "TWICE-005": "redeemed_recreated",
        "BOTH-0006": "duplicate",
        "OTHER-007": "wrong_course",
        "SPOILT-08": "altered",
        "spoilt-08": "stray",
        "FRESH-100": "new",
    }
    assert verdicts(result, "works") == {
        "GONE-0001": "no",
        "MOVED-002": "yes",
        "STAYS-003": "yes",
        "DONE-0004": "used",
        "TWICE-005": "used",
        "BOTH-0006": "yes",
        "OTHER-007": "yes",
        "SPOILT-08": "no",
        "spoilt-08": "yes",
        "FRESH-100": "yes",
    }
    assert verdicts(result, "works_until")["STAYS-003"] == "2026-05-29"
    assert found(result, "missing") == ["GONE-0001"]
    assert result.verdict == "blocked"


@pytest.mark.parametrize(
    ("as_of", "status", "works", "act_by"),
    [
        ("2026-04-10", "to_migrate", "yes", "2026-04-10"),
        ("2026-04-11", "to_migrate", "yes", "2026-05-07"),
        ("2026-05-07", "to_migrate", "yes", "2026-05-07"),
        ("2026-05-08", "to_migrate", "yes", "2026-05-28"),
        ("2026-05-28", "to_migrate", "yes", "2026-05-28"),
        ("2026-05-29", "lapsed", "no", "2026-05-29"),
        ("2026-11-22", "lapsed", "no", "2026-11-22"),
    ],
)
def test_a_key_left_in_its_pool_through_the_calendar(
    write: Write, as_of: str, status: str, works: str, act_by: str
) -> None:
    write("pools-before/P.csv", "Training_Key Redeemed Expires\nLEFT-0001 . 2026-12-31")
    write("pools-now/P.csv", "Training_Key Expires Redeemed\nLEFT-0001 2026-12-31 .")
    case = write("course-keys/k.csv", "Training_Key Expires Uses Max_Uses\nNEW-00001 2026-12-31 0 .")
    result = audit(case, as_of)
    shown = {column: verdicts(result, column)["LEFT-0001"] for column in ("status", "works", "act_by")}
    assert shown == {"status": status, "works": works, "act_by": act_by}


@pytest.mark.parametrize(
    ("expires", "status", "works"),
    [
        ("2026-03-18", "expired", "no"),
        ("2026-03-19", "lapsed", "no"),
        ("2026-05-10", "lapsed", "no"),
        ("2026-05-11", "to_migrate", "yes"),
        (".", "to_migrate", "yes"),
        ("Never", "to_migrate", "yes"),
    ],
)
def test_the_expiry_of_a_pool_after_the_read_only_date(write: Write, expires: str, status: str, works: str) -> None:
    """A pool that ended before the announcement is expired; one that ended later took its keys along."""
    write("pools-before/P.csv", f"Training_Key Redeemed Expires\nKEY-00001 . {expires}")
    case = write("course-keys/k.csv", "Training_Key Expires Uses Max_Uses\nNEW-00001 2026-12-31 0 .")
    result = audit(case, "2026-05-10")
    assert (verdicts(result)["KEY-00001"], verdicts(result, "works")["KEY-00001"]) == (status, works)


@pytest.mark.parametrize(
    ("row", "works", "until"),
    [
        ("2026-04-04 . 0", "yes", "2026-04-04"),
        ("2026-04-03 . 0", "no", ""),
        (". . 0", "yes", ""),
        ("2026-12-31 . 1", "used", ""),
        ("2026-12-31 3 2", "yes", "2026-12-31"),
        ("2026-12-31 0 1", "used", ""),
        ("2026-12-31 Unlimited 999", "yes", "2026-12-31"),
        ("2026-04-03 . 1", "used", ""),
    ],
)
def test_whether_a_course_key_works(write: Write, row: str, works: str, until: str) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 2026-12-31")
    case = write("course-keys/k.csv", f"Training_Key Expires Max_Uses Uses\nKEY-00001 {row}")
    result = audit(case)
    assert (verdicts(result, "works")["KEY-00001"], verdicts(result, "works_until")["KEY-00001"]) == (works, until)


@pytest.mark.parametrize(
    ("header", "row", "works"),
    [
        ("Expires Max_Uses", "2026-12-31 .", "unknown"),
        ("Max_Uses Uses", ". 0", "unknown"),
        ("Expires Uses", "2026-12-31 0", "yes"),
        ("Expires Uses", "2026-12-31 1", "unknown"),
    ],
)
def test_a_missing_column_is_unknown_and_never_no(write: Write, header: str, row: str, works: str) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 2026-12-31")
    case = write("course-keys/k.csv", f"Training_Key {header}\nKEY-00001 {row}")
    assert verdicts(audit(case), "works") == {"KEY-00001": works}


def test_a_begun_pool_that_was_not_exported_again_may_hide_missing_keys(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Redeemed Expires\nKEY-00001 . 2026-12-31\nKEY-00002 . 2026-12-31")
    write("pools-before/Q.csv", "Training_Key Redeemed Expires\nKEY-00003 . 2026-12-31")
    case = write("course-keys/k.csv", "Training_Key Expires Uses\nKEY-00001 2026-12-31 0")
    result = audit(case)
    assert verdicts(result) == {"KEY-00001": "migrated", "KEY-00002": "to_migrate", "KEY-00003": "to_migrate"}
    assert verdicts(result, "works") == {"KEY-00001": "yes", "KEY-00002": "unknown", "KEY-00003": "yes"}
    assert result.answers.set_index("answer").loc["missing", ["count", "certain"]].tolist() == [1, 0]


def test_without_course_keys_a_key_that_left_its_pool_is_undetermined(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 2026-12-31\nKEY-00002 2026-12-31")
    case = write("pools-now/P.csv", "Training_Key Expires\nKEY-00002 2026-12-31")
    result = audit(case)
    assert verdicts(result) == {"KEY-00001": "undetermined", "KEY-00002": "to_migrate"}
    assert result.verdict == "act"
    assert result.not_checked


def test_an_empty_later_export_is_an_empty_pool(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 2026-12-31\nKEY-00002 2026-12-31")
    write("pools-now/P.csv", "Training_Key Expires")
    case = write("course-keys/k.csv", "Training_Key Expires Uses\nKEY-00001 2026-12-31 0")
    assert verdicts(audit(case)) == {"KEY-00001": "migrated", "KEY-00002": "missing"}


@pytest.mark.parametrize(
    ("complete", "kept", "status"), [(True, "no", "undistributed"), (False, "unknown", "to_migrate")]
)
def test_who_was_sent_a_key(write: Write, complete: bool, kept: str, status: str) -> None:
    """Undistributed only where the case calls the log complete; a key logged with a slip counts as sent."""
    write("pools-before/P.csv", "Training_Key Expires\nSENT-0001 .\nKEPT-0002 .\nSLIP-0003 .")
    write("pools-before/Q.csv", "Training_Key Expires\nELSE-0004 .")
    case = write(
        "distribution/log.csv", "Training_Key Sent_To\nSENT-0001 Ana\nslip-0003 Bo\nNOBODY-99 Kim\nKEPT-0002 ."
    )
    (case / "case.toml").write_text(f"[distribution]\ncomplete = {str(complete).lower()}\n")
    result = audit(case)
    assert verdicts(result, "is_distributed") == {
        "SENT-0001": "yes",
        "KEPT-0002": kept,
        "SLIP-0003": "yes",
        "ELSE-0004": kept,
    }
    assert verdicts(result)["KEPT-0002"] == status
    assert found(result, "log_key_unknown") == ["NOBODY-99", "slip-0003"]
    assert found(result, "log_incomplete") == ([] if complete else ["P"])


def test_a_key_redeemed_in_one_of_two_pools_is_redeemed(write: Write) -> None:
    others = "\n".join(f"{{}}-{number:04d} ." for number in range(4))
    write("pools-before/P.csv", "Training_Key Redeemed\nSAME-0001 2026-01-05\n" + others.format(*"PPPP"))
    case = write("pools-before/Q.csv", "Training_Key Redeemed\nSAME-0001 .\nTWIN-0002 .\n" + others.format(*"QQQQ"))
    write("pools-before/R.csv", "Training_Key Redeemed\nTWIN-0002 .\n" + others.format(*"RRRR"))
    result = audit(case)
    assert (verdicts(result)["SAME-0001"], verdicts(result)["TWIN-0002"]) == ("redeemed", "duplicate")


def test_redemption_needs_proof(write: Write) -> None:
    """A learner counts where the file has no date column; beside an empty date it proves nothing."""
    write("pools-before/P.csv", "Training_Key Redeemed Redeemed_By\nKEY-00001 . Ana\nKEY-00002 2026-01-05 .")
    case = write("pools-before/Q.csv", "Training_Key Redeemed_By\nKEY-00003 Ana\nKEY-00004 .")
    result = audit(case)
    assert verdicts(result) == {
        "KEY-00001": "to_migrate",
        "KEY-00002": "redeemed",
        "KEY-00003": "redeemed",
        "KEY-00004": "to_migrate",
    }
    assert found(result, "learner_without_date") == ["KEY-00001"]
    assert verdicts(result, "is_distributed")["KEY-00001"] == "yes"


def test_a_cancelled_assignment_proves_no_redemption(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 .\nKEY-00002 .")
    case = write(
        "course-assignments/a.csv",
        """
        Payment_Type           Student Status
        Training_Key_KEY-00001 Ana     Active
        Training_Key_KEY-00002 Bo      Cancelled
    """,
    )
    assert verdicts(audit(case)) == {"KEY-00001": "redeemed", "KEY-00002": "to_migrate"}


def test_the_same_code_in_two_entries_of_one_file_is_a_duplicate(write: Write) -> None:
    """It works as the best of its entries does, as long as the longest of those."""
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 .\nKEY-00002 .")
    case = write(
        "course-keys/k.csv",
        """
        Training_Key Name Expires    Uses Max_Uses
        KEY-00001    A    2026-04-01 0    .
        KEY-00001    B    2026-08-31 0    .
        KEY-00002    A    2026-08-31 0    .
        KEY-00002    A    2026-08-31 0    .
    """,
    )
    result = audit(case)
    assert verdicts(result) == {"KEY-00001": "duplicate", "KEY-00002": "migrated"}
    assert verdicts(result, "works_until")["KEY-00001"] == "2026-08-31"


def test_settings_come_from_the_last_course_key_file(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 .")
    write("course-keys/1.csv", "Training_Key Name Expires Uses Max_Uses\nKEY-00001 A 2026-04-01 2 5")
    case = write("course-keys/2.csv", "Training_Key Name Expires Uses Max_Uses\nKEY-00001 A 2026-09-01 1 5")
    result = audit(case)
    assert (verdicts(result, "works_until"), verdicts(result, "uses")) == (
        {"KEY-00001": "2026-09-01"},
        {"KEY-00001": "2.0"},
    )
    assert found(result, "conflicting_rows") == ["KEY-00001"]


def test_a_log_cell_with_several_codes_names_them_all(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nAAAA1111 .\nBBBB2222 .\nCCCC3333 .\nDDDD4444 .")
    case = write("distribution/log.csv", "Training_Key Sent_To\nAAAA1111,_BBBB2222 Ana\nCCCC3333 Bo")
    assert verdicts(audit(case), "is_distributed") == {
        "AAAA1111": "yes",
        "BBBB2222": "yes",
        "CCCC3333": "yes",
        "DDDD4444": "unknown",
    }


def test_a_learner_in_a_list_of_distributed_keys_has_not_redeemed(write: Write) -> None:
    """Distributed, redeemed only if a date says so. (CATALOGUE §6)"""
    case = write("pools-before/P.csv", "Distributed_Keys .\nTraining_Key Redeemed_By\nAAAA1111 Ana\nBBBB2222 .")
    result = audit(case)
    assert verdicts(result) == {"AAAA1111": "to_migrate", "BBBB2222": "to_migrate"}
    assert verdicts(result, "is_distributed") == {"AAAA1111": "yes", "BBBB2222": "yes"}


def test_courses_declared_equal_are_equal_over_several_pairs(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Course\nAAAA1111 A\nBBBB2222 C")
    case = write("course-keys/k.csv", "Training_Key Course Uses\nAAAA1111 B 0\nBBBB2222 A 0")
    (case / "case.toml").write_text('[same_course]\n"A" = "B"\n"B" = "C"\n')
    assert verdicts(audit(case)) == {"AAAA1111": "migrated", "BBBB2222": "migrated"}


@pytest.mark.parametrize(
    ("first", "second", "works"),
    [
        # the uses of an entry are the largest of any file that shows it
        ("KEY-00001 E1 X 2027-01-01 1 1\nKEY-00001 E2 X 2026-01-01 1 0", "KEY-00001 E1 X 2027-01-01 1 0", "used"),
        # each of them has uses of its own
        *[("KEY-00001 E1 X 2027-01-01 1 0\nKEY-00001 E2 X 2027-01-01 1 1",) * 2 + ("yes",)],
        # an entry that only an earlier file shows is a place too
        ("KEY-00001 E1 X 2027-01-01 1 0\nKEY-00001 E2 X 2027-01-01 5 0", "KEY-00001 E1 X 2026-03-01 1 0", "yes"),
    ],
)
def test_a_key_in_two_entries_over_two_files(write: Write, first: str, second: str, works: str) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 .")
    header = "Training_Key Name Course Expires Max_Uses Uses"
    write("course-keys/1.csv", f"{header}\n{first}")
    case = write("course-keys/2.csv", f"{header}\n{second}")
    result = audit(case)
    assert (verdicts(result), verdicts(result, "works")) == ({"KEY-00001": "duplicate"}, {"KEY-00001": works})


def test_a_pool_that_may_hold_it_is_no_place_of_a_duplicate(write: Write) -> None:
    """Only entries, and pools whose latest export does hold it."""
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 2026-12-31")
    write("pools-now/P.csv", "Training_Key Expires\nKEY-00002 2026-12-31 more\nKEY-00003 2026-12-31")
    entries = "KEY-00001 A 2026-03-01 0 1\nKEY-00001 B 2026-03-01 0 1"
    result = audit(write("course-keys/k.csv", f"Training_Key Name Expires Uses Max_Uses\n{entries}"))
    assert (verdicts(result)["KEY-00001"], verdicts(result, "works")["KEY-00001"]) == ("duplicate", "no")


def test_an_entry_that_has_another_name_in_the_next_export_is_one_entry(write: Write) -> None:
    """Two entries stand in one file; what a later file says of the key instead is a disagreement, and counts."""
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 .")
    header = "Training_Key Name Course Expires Max_Uses Uses"
    write("course-keys/1.csv", f"{header}\nKEY-00001 E1 X 2027-01-01 1 0")
    case = write("course-keys/2.csv", f"{header}\nKEY-00001 E2 X 2027-01-01 1 0")
    result = audit(case)
    assert (verdicts(result), found(result, "conflicting_rows")) == ({"KEY-00001": "migrated"}, ["KEY-00001"])
    assert verdicts(result, "course_key_name") == {"KEY-00001": "E2"}


def test_each_learner_of_an_entry_is_a_use_where_no_column_counts_them(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Expires\nKEY-00001 .")
    rows = "KEY-00001 E1 2027-01-01 1 Bo\nKEY-00001 E2 2027-01-01 1 Ann"
    case = write("course-keys/1.csv", f"Training_Key Name Expires Max_Uses Redeemed_By\n{rows}")
    assert verdicts(audit(case), "works") == {"KEY-00001": "used"}


def test_a_log_code_that_resembles_two_keys_decides_nothing(write: Write) -> None:
    """Neither key is called undistributed, and the finding names both."""
    keys = [
        "AAAA1111",
        "AAAA1112",
        "QQQQ7777",
        *(f"{n * 7919 % 99991:05d}{n * 104729 % 99991:05d}" for n in range(1, 60)),
    ]
    write("pools-before/P.csv", "Training_Key Expires\n" + "\n".join(f"{key} ." for key in keys))
    case = write("distribution/log.csv", "Training_Key Sent_To\nAAAA1113 Ana\nQQQQ7777 Bo")
    result = audit(case)
    told = verdicts(result, "is_distributed")
    assert (told["AAAA1111"], told["AAAA1112"], told["QQQQ7777"]) == ("unknown", "unknown", "yes")
    assert found(result, "ambiguous_lookalike") == ["AAAA1113"]


@pytest.mark.parametrize("count", [127, 128, 200, 300])
def test_any_number_of_pools_is_named_rightly(write: Write, count: int) -> None:
    """No number of pools or files is too many for the type that counts them."""
    rows = "\n".join(f"KEY{place:05d}X  Pool_{place:03d}" for place in range(count))
    case = write("pools-before/all.csv", f"Training_Key  Pool\n{rows}")
    write("course-keys/keys.csv", "Training_Key  Uses  Expires  Max_Uses\nKEY00000X  0  .  .\nOTHER77  0  .  .")
    keys = audit(case).keys.set_index("training_key")["reference"]
    assert keys["OTHER77"] == "keys.csv, row 3"
    assert all(keys[f"KEY{place:05d}X"] == f"Pool {place:03d}, row {place + 2}" for place in range(count))


def test_every_fact_of_a_rule_is_true_or_false_of_each_key_or_of_all(write: Write) -> None:
    """`~` of anything else is never false. Two facts compared are true or false too; a rule is of every key (or pool)."""
    rows = [*STATUSES.values(), *FINDINGS.values()]
    rules = {rule for row in rows for rule in (row.rule, *(raised for raised, _ in row.raised))}
    rules |= {rule for row in STATUSES.values() for rule in (*(step.when for step in row.steps), *dict(row.reasons))}
    parts = {part for rule in rules for part in re.findall(r"\w+(?: [<>=!]+ \w+)?", rule)}
    assert parts > {"log_is_complete", "is_removed", "pool_log_clears", "max_uses > 1", "pool_expires_on <= made"}
    for name, more in (("pools-before/P.csv", "Redeemed"), ("course-keys/k.csv", "Uses")):
        facts = audit(write(name, f"Training_Key Expires {more}\nKEY-00001 2026-12-31 .")).facts
        kinds = {part: getattr(holds(part, facts), "dtype", None) for part in sorted(parts)}
        assert set(kinds.values()) == {np.dtype(bool)}, kinds
        sizes = {row.code: np.shape(holds(row.rule, facts)) for row in rows if row.rule}
        pools = {row.code for row in FINDINGS.values() if row.of == "pool"}
        assert sizes == {code: (facts.pool_count if code in pools else facts.keys,) for code in sizes}


def test_every_fact_has_its_words_that_is_printed_and_no_other() -> None:
    rules = {rule for row in [*STATUSES.values(), *FINDINGS.values()] for rule, _ in row.raised}
    rules |= {
        rule for row in STATUSES.values() for rule in (row.rule, *(step.when for step in row.steps), *dict(row.reasons))
    }
    assert {name for rule in rules for name in re.findall(r"\w+", rule)} == set(FACTS)


def test_without_course_keys_migrating_begins_with_their_export() -> None:
    steps = {step.when: step.text for step in STATUSES["to_migrate"].steps}
    first, migrate = steps["~course_keys_given"], steps[""]
    assert first.startswith("If course keys were made already, export ")
    assert first.endswith(f" Then m{migrate[1:]}")


def test_a_key_that_two_backups_show_is_to_be_looked_for_in_both(write: Write) -> None:
    head = "Training_Key Course Redeemed Expires"
    for name in "PQ":
        own = "\n".join(f"{name}-0000{number} C . 2026-12-31" for number in range(3))
        case = write(f"pools-before/{name}.csv", f"{head}\nBOTH-0001 C . 2026-12-31\n{own}")
    result = audit(case)
    assert (verdicts(result)["BOTH-0001"], verdicts(result, "in_now")["BOTH-0001"]) == ("duplicate", "unknown")
    assert "export both places again" in verdicts(result, "next_step")["BOTH-0001"]
