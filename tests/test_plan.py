"""The plan of the remaining work: what is deleted, pasted, reissued; by a person who follows it to the letter."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import openpyxl
import pytest
from conftest import SAMPLES, Write, audit, days_after, found, verdicts

import keyaudit as ka
from keyaudit.plan import MigrationPlan, migration_plan
from keyaudit.rehearsal import DAY, Tms, migrate, write_csv
from keyaudit.report.files import slug
from keyaudit.rulebook import ACTIONS

pytestmark = pytest.mark.usefixtures("read_once")

POOL = "Training_Key Course Organization Redeemed Expires"
KEYS = "Training_Key Name Course Expires Max_Uses Uses"
LIVE = "C O . 2026-12-31"


def planned(plan: MigrationPlan) -> dict[str, str]:
    return dict(zip(plan.keys["training_key"].fillna("?"), plan.keys["action"].astype(str), strict=True))


@pytest.fixture
def case(write: Write, tmp_path: Path) -> Path:
    """Five unredeemed keys: one waits, one was forgotten, one damaged, one stands under another course, one has moved."""
    keys = ["WAITS-001", "FORGOT-02", "DAMAGE-03", "COURSE-04", "MOVED-005"]
    write("pools-before/P.csv", "\n".join([POOL, *(f"{key} {LIVE}" for key in keys)]))
    write("pools-now/P.csv", f"{POOL}\nWAITS-001 {LIVE}")
    write(
        "course-keys/k.csv",
        f"{KEYS}\ndamage-03 E C 2026-12-31 . 0\nCOURSE-04 E D 2026-12-31 . 0\nMOVED-005 E C 2026-12-31 . 0",
    )
    write("distribution/d.csv", "Training_Key Sent_To\nWAITS-001 Ana_Lima\nFORGOT-02 Bo_Chen\nDAMAGE-03 Kim_Park")
    return tmp_path / "case"


@pytest.mark.parametrize(
    ("as_of", "waits", "forgot"),
    [
        ("2026-04-03", "migrate", "recreate"),
        ("2026-05-07", "migrate", "recreate"),
        ("2026-05-08", "remind", "recreate"),
        ("2026-05-28", "remind", "recreate"),
        ("2026-05-29", "reissue", "recreate"),
    ],
)
def test_what_a_key_needs_depends_on_the_day(as_of: str, waits: str, forgot: str, case: Path) -> None:
    assert planned(migration_plan(audit(case, as_of))) == {
        "WAITS-001": waits,
        "FORGOT-02": forgot,
        "DAMAGE-03": "compare",
        "COURSE-04": "move",
        "damage-03": "delete stray",
    }


def test_the_lists_of_a_pool(case: Path) -> None:
    plan = migration_plan(audit(case))
    assert plan.title == "5 keys need action."  # the stray is one
    assert plan.codes("P", "delete from the pool") == ["WAITS-001"]
    assert plan.codes("P", "paste") == ["WAITS-001", "FORGOT-02", "COURSE-04"]
    assert plan.codes("P", "delete course keys") == ["COURSE-04"]
    assert plan.codes("P", "paste after comparing") == ["DAMAGE-03"]
    assert plan.codes("P", "delete after comparing") == ["damage-03"]
    late = migration_plan(audit(case, "2026-05-08"))
    assert late.codes("P", "delete from the pool") == []
    assert late.codes("P", "paste") == ["FORGOT-02", "COURSE-04"]  # a code still in its pool is not free


def test_a_key_nobody_can_judge_waits_for_a_new_export(write: Write, tmp_path: Path) -> None:
    """The pool is begun and was not exported again: the key may be missing, or there."""
    write("pools-before/P.csv", f"{POOL}\nWAITS-001 {LIVE}\nMOVED-005 {LIVE}")
    write("course-keys/k.csv", f"{KEYS}\nMOVED-005 E C 2026-12-31 . 0")
    plan = migration_plan(audit(tmp_path / "case"))
    assert plan.title == "1 key needs action."
    assert planned(plan) == {"WAITS-001": "export again"}
    assert plan.batches.empty


def test_a_stray_that_somebody_holds_is_left(write: Write) -> None:
    """It is counted as everywhere: the plan says as many keys as the headline."""
    write("pools-before/P.csv", f"{POOL}\nSPOILT-01 {LIVE}")
    write("pools-now/P.csv", POOL)
    result = audit(write("course-keys/k.csv", f"{KEYS}\nspoilt-01 E C 2026-12-31 . 1"))
    plan = migration_plan(result)
    assert planned(plan) == {"SPOILT-01": "compare", "spoilt-01": "leave"}
    assert (plan.title, plan.actions["leave"]) == ("2 keys need action.", 1)
    assert result.headline.startswith("2 of 2 keys need action.")


WHEN = "ask whoever ordered the keys until when they are promised: "
WHO = "ask whoever ordered the keys: no export says it"


@pytest.mark.parametrize(
    ("expires", "as_of", "typed"),
    [
        ("2026-12-31", "2026-04-03", "2026-12-31"),
        ("2026-05-04", "2026-04-03", "2026-05-04"),  # 31 days away
        ("2026-05-03", "2026-04-03", WHEN + "the pool ends on 2026-05-03"),
        ("2026-04-04", "2026-04-03", WHEN + "the pool ends on 2026-04-04"),
        ("2026-04-03", "2026-04-03", WHEN + "the pool ended on 2026-04-03"),
        ("2026-05-29", "2026-04-03", WHEN + "the pool ends on 2026-05-29, the day of the removal"),
        (".", "2026-04-03", WHEN + "the pool's end is not known"),
    ],
)
def test_the_expiration_is_the_pools_own_if_it_is_far_enough(
    expires: str, as_of: str, typed: str, write: Write, tmp_path: Path
) -> None:
    write("pools-before/P.csv", f"{POOL}\nWAITS-001 C O . {expires}")
    write("course-keys/k.csv", KEYS)
    assert migration_plan(audit(tmp_path / "case", as_of)).batches["expiration"].tolist() == [typed]


def test_a_setting_nobody_knows_is_asked_for(write: Write, tmp_path: Path) -> None:
    write(
        "pools-before/P.csv", "Training_Key Expires Redeemed\nWAITS-001 2026-12-31 .\nUSED-0001 2026-12-31 2025-03-04"
    )
    write("course-keys/k.csv", KEYS)
    batch = migration_plan(audit(tmp_path / "case")).batches.iloc[0]
    assert [batch[name] for name in ("course", "organization", "content_availability")] == [WHO] * 3
    assert batch["any_organization"].startswith(WHO)
    assert (batch["max_uses"], batch["expiration"]) == ("leave blank (one use)", "2026-12-31")


def test_settings_come_from_the_pool_list(write: Write, tmp_path: Path) -> None:
    write("pools-before/P.csv", "Training_Key\nWAITS-001")
    write("course-keys/k.csv", KEYS)
    write(
        "pool-list/l.csv", "Name Course Organization Expires Content_Availability Sitewide_Use\nP C O 2026-12-31 90 Yes"
    )
    batch = migration_plan(audit(tmp_path / "case")).batches.iloc[0]
    assert batch[["course", "organization", "expiration", "content_availability"]].tolist() == [
        *("C", "O", "2026-12-31", "90 days")
    ]
    assert batch["any_organization"].startswith("tick Redeemable by any student regardless of organization")
    assert "opens the key to students of every organization" in batch["any_organization"]


def test_a_code_that_a_spreadsheet_would_run_is_told_beside_its_list(write: Write, tmp_path: Path) -> None:
    write(
        "pools-before/P.csv", "Training_Key Course Expires Redeemed\n-WAITS-01 C 2026-12-31 .\n+WAITS-02 C 2026-12-31 ."
    )
    write("course-keys/k.csv", KEYS)
    steps = migration_plan(audit(tmp_path / "case")).step_rows
    odd = [(step.what.partition(":")[0], step.keys) for step in steps if "through a spreadsheet" in step.what]
    told = "2 codes of the list `{}` begin with =, +, - or @"
    assert odd == [(told.format(what), 0) for what in ("delete from the pool", "paste")]


@pytest.mark.parametrize(("files", "end"), [(8, "P8.csv"), (9, "P8.csv and 1 more")])
def test_the_exports_a_plan_was_made_from_are_named(files: int, end: str, write: Write, tmp_path: Path) -> None:
    for number in range(1, files + 1):
        write(f"pools-before/P{number}.csv", f"Training_Key Course Expires Redeemed\nWAITS-00{number} C 2026-12-31 .")
    write("course-keys/k.csv", KEYS)
    (told, _) = migration_plan(audit(tmp_path / "case")).made_from
    assert told.endswith(f"pools-before/{end}")


def test_letters_go_to_whom_the_log_names(case: Path) -> None:
    reminders = migration_plan(audit(case, "2026-05-10")).reminders
    assert reminders[["learner", "course", "works until"]].values.tolist() == [["Ana Lima", "C", "2026-05-29"]]
    assert "before Fri 29 May 2026" in reminders["text"].iat[0]
    letters = migration_plan(audit(case, "2026-06-10")).reissue
    assert letters[["learner", "course", "former key", "new key"]].values.tolist() == [
        ["Ana Lima", "C", "P, row 2 …01", ""]
    ]
    assert letters["text"].iat[0].startswith("Your training key ending in 01 for C no longer works")
    assert "do not use the training key field of the login page" in letters["text"].iat[0]


@pytest.mark.parametrize(
    "sample", ["two-files", "halfway", "ugly", "clean", "late-backup", "odd-exports", "after-sunset"]
)
@pytest.mark.parametrize("day", ["2026-04-09", "2026-05-10", "2026-11-22"])
def test_every_key_that_needs_somebody_has_one_action(sample: str, day: str) -> None:
    result = ka.open_case(SAMPLES / sample).reconcile(as_of=day)
    plan = migration_plan(result)
    assert sorted(plan.keys["reference"]) == sorted(result.keys.loc[result.keys["act_by"].notna(), "reference"])
    assert set(plan.keys["action"]) <= set(ACTIONS)
    for pool in plan.keys["pool"].unique():
        pasted = plan.codes(pool, "paste") + plan.codes(pool, "paste after comparing")
        assert len(pasted) == len(set(pasted))
    if day >= "2026-05-08":
        assert not [pool for pool in plan.keys["pool"] if plan.codes(pool, "delete from the pool")]
    assert set(plan.steps["pool"]) == set(plan.keys["pool"])
    for typed in plan.batches["expiration"]:
        assert typed.startswith(WHEN) or typed > days_after(day, 30)


def test_the_files_of_a_plan(case: Path, tmp_path: Path) -> None:
    folder = ka.write_plan(audit(case), tmp_path / "plan")
    names = sorted(path.name for path in folder.iterdir())
    own = slug("P")
    assert names == [
        *(f"01 {own} - {what}.txt" for what in ("delete after comparing", "delete course keys", "delete from the pool", "paste after comparing", "paste")),
        *("MANIFEST.json", "deadlines.ics", "plan.xlsx", "steps.txt"),
    ]  # fmt: skip
    assert (folder / f"01 {own} - paste.txt").read_bytes() == b"WAITS-001\nFORGOT-02\nCOURSE-04\n"
    steps = (folder / "steps.txt").read_text()
    assert re.match(r'Case "case" · Migration plan as of \w{3} \d+ \w{3} \d{4}\n', steps)
    assert steps.index("Compare each code") < steps.index("Create a Course") < steps.index("`paste after comparing`")
    assert (
        steps.index("Delete exactly the keys") < steps.index("Create a Course") < steps.index("on the list 3, left out")
    )
    assert not [code for code in ("WAITS-001", "FORGOT-02", "damage-03") if code in steps]
    book = openpyxl.load_workbook(folder / "plan.xlsx")
    assert book.sheetnames == ["Steps", "Batches", "Reissue", "Reminders", "Words"]
    assert [cell.value for cell in book["Reissue"][1]][:3] == ["Learner", "Course", "Pool"]


def test_a_report_holds_the_plan_and_its_twin_to_share_does_not(case: Path, tmp_path: Path) -> None:
    whole = ka.write_report(audit(case), tmp_path / "report")
    assert (whole / "plan" / "steps.txt").is_file()
    shared = ka.write_report(audit(case), tmp_path / "shared", share=True)
    assert not (shared / "plan").exists()


@pytest.mark.parametrize("name", ["CON", "a/b\\c", "..", "🙂🙂", "-", "x" * 300, "Azure", "azure", "Ä", "A"])
def test_a_slug_is_a_safe_file_name(name: str) -> None:
    others = {"CON", "a/b\\c", "..", "🙂🙂", "-", "x" * 300, "Azure", "azure", "Ä", "A"} - {name}
    assert re.fullmatch(r"[a-z0-9-]{1,45}", slug(name))
    assert slug(name).lower() not in {slug(other).lower() for other in others}


def test_who_follows_the_plan_is_done(tmp_path: Path) -> None:
    """An administrator who forgot, damaged and misplaced keys follows the lists: the TMS refuses nothing, and all keys work."""
    tms, case = Tms(dt.date(2026, 3, 20), seed=4), tmp_path / "case"
    tms.create_pool("P", "C", "O", None, dt.date(2026, 12, 31))
    codes = tms.generate_keys("P", 20)
    tms.redeem(codes[0], "Ana Lima")
    write_csv(case / "pools-before/P.csv", tms.export_pool("P"))
    tms.wait_until(tms.today + 5 * DAY)
    migrate(tms, "P", codes[1:9], dt.date(2026, 12, 31), forget=codes[2:4], damage={codes[5]: "case"})
    migrate(tms, "P", codes[9:11], dt.date(2026, 12, 31), "second", course="D")

    def export() -> None:
        write_csv(case / "pools-now/P.csv", tms.export_pool("P"))
        write_csv(case / "course-keys/k.csv", tms.export_course_keys())

    export()
    plan = migration_plan(audit(case, "2026-04-03"))
    assert plan.keys["action"].value_counts().to_dict() == {
        "migrate": 9, "recreate": 2, "compare": 1, "move": 2, "delete stray": 1
    }  # fmt: skip
    tms.delete_keys("P", plan.codes("P", "delete from the pool"))
    for code in plan.codes("P", "delete course keys") + plan.codes("P", "delete after comparing"):
        del tms.course_keys[code]
    batch = plan.batches.iloc[0]
    pasted = plan.codes("P", "paste") + plan.codes("P", "paste after comparing")
    tms.create_course_keys(
        batch["name"], batch["course"], batch["organization"], pasted, dt.date.fromisoformat(batch["expiration"])
    )
    export()
    after = audit(case, "2026-04-03")
    assert set(verdicts(after).values()) == {"redeemed", "migrated"}
    assert all(tms.would_work(code) for code in codes[1:])
    assert repr(migration_plan(after)) == "Nothing is left to do."


def test_the_step_that_deletes_course_keys_says_why_each(write: Write, tmp_path: Path) -> None:
    """Some stand under another course, others were redeemed in the pool already: both are said, with their number."""
    write("pools-before/P.csv", f"{POOL}\nCOURSE-04 {LIVE}\nMOVED-005 {LIVE}\nTWICE-006 C O 2026-03-02 2026-12-31")
    write("pools-now/P.csv", f"{POOL}\nTWICE-006 C O 2026-03-02 2026-12-31")
    moved = [f"{code} E {course} 2026-12-31 . 0" for code, course in (("COURSE-04", "D"), ("MOVED-005", "C"), ("TWICE-006", "C"))]  # fmt: skip
    write("course-keys/k.csv", "\n".join([KEYS, *moved]))
    told = [
        one.what for one in migration_plan(audit(tmp_path / "case")).step_rows if "`delete course keys`" in one.what
    ]
    assert len(told) == 1
    assert "1 key was redeemed in the pool already: the course key would let it be redeemed" in told[0]
    assert '1 key stands under "D" instead of "C"' in told[0]


def test_who_gets_a_new_key_gets_the_settings_of_the_pool(case: Path) -> None:
    """After the removal nobody can look the pool's settings up."""
    steps = [one.what for one in migration_plan(audit(case, "2026-06-10")).step_rows]
    told = [step for step in steps if "sheet Reissue" in step]
    assert len(told) == 1
    assert "course: C; organization: O; expiration: 2026-12-31; max uses: leave blank (one use)" in told[0]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, ("Of these, 1 key is missing: paste it only", "1 key was redeemed", "would let it be", '1 key stands under "D"', "P.csv does not show")),
        (2, ("Of these, 2 keys are missing: paste them only", "2 keys were redeemed", "would let them be", '2 keys stand under "D"', "Q.csv do not show")),
    ],
)  # fmt: skip
def test_steps_speak_of_one_key_and_of_several(number: int, said: tuple[str, ...], write: Write) -> None:
    """Each of three things happened to as many keys; as many pools hide who has redeemed."""
    head = "Training_Key Course Redeemed Expires"
    codes = {kind: [f"{kind}-000{n}" for n in range(number)] for kind in ("GONE", "TWICE", "MOVED")}
    day = {"GONE": ".", "TWICE": "2026-01-09", "MOVED": "."}
    rows = [f"{code} C {day[kind]} 2026-12-31" for kind, of in codes.items() for code in of]
    write("pools-before/A.csv", "\n".join([head, *rows]))
    write("pools-now/A.csv", "\n".join([head, *(row for row in rows if row.startswith("TWICE"))]))
    for name in "PQ"[:number]:
        write(f"pools-before/{name}.csv", f"Training_Key Course Expires\n{name}-0000001 C 2026-12-31")
    keys = [f"{code} E {'C' if kind == 'TWICE' else 'D'} 2026-12-31 0" for kind in ("TWICE", "MOVED") for code in codes[kind]]  # fmt: skip
    case = write("course-keys/k.csv", "\n".join(["Training_Key Name Course Expires Uses", *keys]))
    plan = migration_plan(audit(case))
    told = " ".join([*plan.warnings, *plan.steps["what"]])
    assert [words for words in said if words not in told] == []


EXPIRE = "Expire the pool (Training Key Pools → the pool → Edit → Expires)."


@pytest.mark.parametrize(
    ("later", "accepted", "expected"),
    [
        ("", False, "Expire"),
        ("\n. C O . 2026-12-31", False, "Do not expire"),  # a key may stand in the row
        ("\nOPEN-0001 C O . 2026-12-31", True, "Do not expire"),  # its learner is to redeem it still
    ],
)
def test_a_pool_that_a_learner_may_need_is_not_to_be_expired(
    later: str, accepted: bool, expected: str, write: Write
) -> None:
    opened = "\nOPEN-0001 C O . 2026-12-31" if accepted else ""
    write("pools-before/P.csv", f"{POOL}\nUSED-0001 C O 2025-01-02 2026-12-31\nMOVED-001 C O . 2026-12-31{opened}")
    write("pools-now/P.csv", f"{POOL}\nUSED-0001 C O 2025-01-02 2026-12-31{later}")
    case = write("course-keys/k.csv", f"{KEYS}\nMOVED-001 E C 2026-12-31 . 0")
    if accepted:
        entry = '[[accepted]]\nfinding = "to_migrate"\npool = "P"\nreason = "redeems soon"\nuntil = 2026-05-01'
        (case / "case.toml").write_text(entry)
    result = audit(case, "2026-04-02")
    assert result.pools["stage"].astype("str").tolist() == ["moved"]
    assert result.pools["next_step"][0].startswith(expected)
    assert (found(result, "pool_not_expired") == []) == (expected != "Expire")


@pytest.mark.parametrize(
    ("as_of", "again", "expected"),
    [
        ("2026-05-07", False, EXPIRE),
        (
            "2026-05-08",
            False,
            "Export its history before the removal (Training Key Pools → the pool → Export) into pools-now.",
        ),
        ("2026-05-08", True, "Nothing."),
        ("2026-05-29", False, "Nothing."),
    ],
)
def test_from_the_read_only_date_no_pool_is_expired(as_of: str, again: bool, expected: str, write: Write) -> None:
    case = write("pools-before/P.csv", f"{POOL}\nUSED-0001 C O 2025-01-02 2026-12-31")
    if again:
        write("pools-now/P.csv", f"{POOL}\nUSED-0001 C O 2025-01-02 2026-12-30")
    write("course-keys/k.csv", f"{KEYS}\nOTHER-001 E C 2026-12-31 . 0")
    assert audit(case, as_of).pools["next_step"].tolist() == [expected]


def test_two_keys_never_have_one_reference(write: Write) -> None:
    """Rows of one number in two files of one name."""
    write("pools-before/P.csv", f"{POOL}\nKEY-00001 C O . 2026-12-31")
    case = write("pools-now/P.csv", f"{POOL}\nKEY-00002 C O . 2026-12-31\nKEY-00001 C O . 2026-12-31")
    result = audit(case, "2026-04-02")
    assert dict(zip(result.keys["training_key"], result.keys["reference"], strict=True)) == {
        "KEY-00001": "P, row 2 (pools-before/P.csv)",
        "KEY-00002": "P, row 2 (pools-now/P.csv)",
    }
    assert result.explain("P, row 2 (pools-now/P.csv)").found


def test_a_letter_says_of_a_key_that_works_no_more_than_is_so(write: Write) -> None:
    write("pools-before/P.csv", f"{POOL}\nKEY-00001 C O . 2026-12-31\nKEY-00002 C O . 2026-12-31")
    write("pools-now/P.csv", f"{POOL}\nKEY-00001 C O . 2026-12-31")
    write("other-keys/o.csv", "Training_Key Name\nKEY-00001 S\nKEY-00002 S")
    plan = migration_plan(audit(write("course-keys/k.csv", f"{KEYS}\nOTHER-001 E C 2026-12-31 . 0"), "2026-04-02"))
    told = {letter.former_key.split()[2]: letter.text.partition(";")[0] for letter in plan.letters}
    assert told == {
        "2": "Your training key ending in 01 for C is replaced: leave it alone, also where it still works",
        "3": "Your training key ending in 02 for C no longer works",
    }


def test_a_reminder_of_which_the_end_is_not_known_says_so(write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Course Redeemed\nKEY-00001 C .\nKEY-00002 C 2025-01-02")
    write("pools-now/P.csv", "Training_Key Course Redeemed\nKEY-00001 C .\nKEY-00002 C 2025-01-03")
    plan = migration_plan(audit(write("course-keys/k.csv", f"{KEYS}\nOTHER-001 E C 2026-12-31 . 0"), "2026-05-10"))
    assert [letter.text.partition(". 1.")[0] for letter in plan.reminder_letters] == [
        "Please redeem your training key ending in 01 for C before Fri 29 May 2026: it works until then at the longest"
    ]


def test_a_pool_that_starts_too_late_reminds_nobody(write: Write) -> None:
    head = "Training_Key Course Redeemed Starts Expires"
    write("pools-before/P.csv", f"{head}\nKEY-00001 C . 2026-06-30 2026-12-31\nKEY-00002 C . 2026-05-20 2026-12-31")
    write("pools-now/P.csv", f"{head}\nKEY-00001 C . 2026-06-30 2026-12-31\nKEY-00002 C . 2026-05-20 2026-12-30")
    plan = migration_plan(audit(write("course-keys/k.csv", f"{KEYS}\nOTHER-001 E C 2026-12-31 . 0"), "2026-05-10"))
    assert planned(plan)["KEY-00001"] == "reissue"


def test_a_duplicate_has_a_way_out_after_the_removal(write: Write) -> None:
    for name in "PQ":
        write(f"pools-before/{name}.csv", f"{POOL}\nKEY-00001 C O . 2026-12-31\n{name * 8}1 C O . 2026-12-31")
    plan = migration_plan(audit(write("course-keys/k.csv", f"{KEYS}\nOTHER-001 E C 2026-12-31 . 0"), "2026-06-20"))
    assert planned(plan)["KEY-00001"] == "reissue"


def test_nothing_is_left_to_do_only_where_nothing_is_open(write: Write) -> None:
    """Without a column of uses nobody knows whether the course key works: no step, and no word that all is done."""
    write("pools-before/P.csv", f"{POOL}\nKEY-00001 {LIVE}")
    write("pools-now/P.csv", POOL)
    case = write("course-keys/k.csv", "Training_Key Name Course Expires Max_Uses\nKEY-00001 E C 2026-12-31 .")
    result = audit(case)
    assert (result.verdict, migration_plan(result).title) == ("incomplete", result.headline)
    done = audit(write("course-keys/k.csv", f"{KEYS}\nKEY-00001 E C 2026-12-31 . 0"))
    assert migration_plan(done).title == "Nothing is left to do."


def test_a_reminder_names_the_day_from_which_the_key_works(write: Write) -> None:
    head = "Training_Key Course Redeemed Starts Expires"
    write(
        "pools-before/P.csv",
        f"{head}\nKEY-00001 C . 2026-05-20 2026-12-31\nKEY-00002 C 2025-01-02 2026-05-20 2026-12-31",
    )
    write("pools-now/P.csv", f"{head}\nKEY-00001 C . 2026-05-20 2026-12-31")
    case = write("course-keys/k.csv", f"{KEYS}\nOTHER-001 E C 2026-12-31 . 0")
    texts = {
        day: [one.text for one in migration_plan(audit(case, day)).reminder_letters]
        for day in ("2026-05-10", "2026-05-20")
    }
    assert [
        " from Wed 20 May 2026 on, not earlier, and before Fri 29 May 2026:" in text for text in texts["2026-05-10"]
    ] == [True]
    assert [" for C before Fri 29 May 2026:" in text for text in texts["2026-05-20"]] == [True]


def test_one_text_is_one_step_of_a_pool(write: Write) -> None:
    write("pools-before/P.csv", "\n".join([POOL, *(f"KEY-0000{n} {LIVE}" for n in range(1, 5))]))
    write("pools-now/P.csv", POOL)
    rows = [
        "KEY-00001 E C 2026-12-31",
        "KEY-00002 E D 2026-12-31",
        "KEY-00003 E C 2026-12-31",
        "key-00004 E C 2026-12-31",
    ]
    for day in ("2026-04-02", "2026-05-10", "2026-06-05"):
        plan = migration_plan(
            audit(write("course-keys/k.csv", "\n".join(["Training_Key Name Course Expires", *rows])), day)
        )
        assert len(plan.steps) == len(plan.steps[["pool", "what"]].drop_duplicates())


def test_an_event_of_a_calendar_is_the_same_whenever_it_is_due(write: Write, tmp_path: Path) -> None:
    """Who reads the file in again has it moved, not doubled."""
    case = write("pools-before/P.csv", f"{POOL}\nKEY-00001 {LIVE}")
    told = []
    for day in ("2026-04-01", "2026-06-05"):
        text = (ka.write_plan(audit(case, day), tmp_path / day) / "deadlines.ics").read_text()
        (event,) = (event for event in text.split("BEGIN:VEVENT") if "SUMMARY:P: keys" in event)
        told.append([re.findall(rf"{name}:(.*)", event) for name in ("UID", "DATE")])
    (first, was), (second, now) = told
    assert (first == second, was == now) == (True, False)
