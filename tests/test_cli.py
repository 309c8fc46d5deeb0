"""The command line as its users meet it: files, columns, exit codes, one message for bad input."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SAMPLES, Write, files_of, keyaudit, started

from keyaudit import __version__
from keyaudit.cli import commands, main
from keyaudit.columns import FINDINGS
from keyaudit.report import place
from keyaudit.rulebook import STATUSES

KEYS_HEADER = (
    "training_key,status,works,works_until,next_step,act_by,reason,pool,course,organization,is_distributed,redeemed_at,"
    "pool_expires_on,in_before,in_now,in_course_keys,course_key_name,course_key_course,course_key_organization,"
    "course_key_expires_on,uses,max_uses,uses_left,lookalike,damage,reference,evidence,source_file,source_sheet,source_row"
)


def test_the_audit_of_the_sample(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = started("audit", SAMPLES / "halfway", "--as-of", "2026-04-09", "--out", out)
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.splitlines()[:3] == [
        'Case "halfway": 93 of 258 keys need action.',
        "Verdict: blocked. Do not sign this off.",
        "7 keys do not work, and whoever holds one is locked out: 3 missing (deleted, not recreated) and 4 altered "
        "(recreated as a lookalike). Critical besides: 29 of the 69 keys still to be migrated (only in a pool) stop "
        "working on Tue 14 Apr 2026, when their pools end.",
    ]
    assert "\x1b" not in run.stdout
    names = ["MANIFEST.json", "findings.csv", "keys.csv", "plan", "report.html", "report.xlsx", "summary.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert (out / "keys.csv").read_bytes().partition(b"\r\n")[0].decode() == KEYS_HEADER
    assert (out / "findings.csv").read_bytes().partition(b"\r\n")[0].decode() == ",".join(FINDINGS)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    fields = [
        "case",
        "as_of",
        "phase",
        "verdict",
        "headline",
        "answers",
        "keys",
        "groups",
        "accepted",
        "statuses",
        "works",
    ]
    fields += ["findings", "tie_out", "sources", "not_checked"]
    assert list(summary) == fields
    assert (summary["keys"], summary["verdict"], summary["phase"]) == (258, "blocked", "migrate")
    assert list(summary["statuses"]) == list(STATUSES)
    assert sum(summary["statuses"].values()) == summary["keys"]
    tie = summary["tie_out"]
    assert (tie["rows_read"], tie["keys"], tie["repeats"], tie["set_aside"], tie["unexplained"]) == (413, 411, 0, 2, 0)
    with (out / "keys.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    days = [row["act_by"] or "9999" for row in rows]
    assert days == sorted(days)
    assert [day != "9999" for day in days].count(True) == 93
    manifest = json.loads((out / "MANIFEST.json").read_text(encoding="utf-8"))
    assert manifest["outputs"]["keys.csv"]["rows"] == 258


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    for name, zone, seed in (("one", "Asia/Tokyo", "1"), ("two", "America/Lima", "2")):
        run = started(
            "audit",
            SAMPLES / "halfway",
            "--as-of",
            "2026-04-09",
            "--out",
            tmp_path / name,
            TZ=zone,
            PYTHONHASHSEED=seed,
        )
        assert run.returncode == 1
    one, two = files_of(tmp_path / "one"), files_of(tmp_path / "two")
    assert [name for name in one | two if one.get(name) != two.get(name)] == []


def test_json_prints_the_summary(tmp_path: Path) -> None:
    run = keyaudit("audit", SAMPLES / "two-files", "--as-of", "2026-04-09", "--out", tmp_path / "r", "--json")
    assert run.stdout == (tmp_path / "r" / "summary.json").read_text(encoding="utf-8")
    assert json.loads(run.stdout)["keys"] == sum(json.loads(run.stdout)["statuses"].values())


def test_groups_come_first_then_the_work_in_its_order_with_dates(tmp_path: Path) -> None:
    run = keyaudit("audit", SAMPLES / "halfway", "--as-of", "2026-04-09", "--out", tmp_path / "r")
    lines = [" ".join(line.split()) for line in run.stdout.splitlines()]
    assert lines[3:9] == [
        "As of Thu 9 Apr 2026; 24 keys today (7 locked out, 16 due, 1 not known); next deadline: migrate by Fri 10 Apr 2026, in 1 day.",
        "",
        "locked out now 7",
        "due by Fri 10 Apr 2026 85",
        "not known 1",
        "settled 165",
    ]
    assert (
        lines[10] == "today: 3 keys in Security Operations - Fabrikam, missing (deleted, not recreated, the codes fail)"
    )
    assert lines[19:21] == [
        "by Fri 10 Apr 2026: 29 keys in Networking - Tailspin, to migrate (only in a pool, the codes still work)",
        "and 3 more lines; all stand on the page (named below), under What to do",
    ]
    folder = tmp_path / "r"
    named = ("Page", "report.html"), ("Workbook", "report.xlsx"), ("Plan", "plan/steps.txt")
    assert lines[-3:] == [f"{what}: {folder / name}" for what, name in named]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_only_on_a_terminal_that_wants_them(
    environment: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "keyaudit", "audit", SAMPLES / "two-files", "--as-of", "2026-04-09"]
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | environment | {"TERM": "xterm"}
    run = subprocess.Popen([*command, "--out", tmp_path / "r"], stdout=theirs, stderr=subprocess.PIPE, env=env)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # the other side of a pseudo-terminal was closed
        pass
    assert run.wait(timeout=60) == 1
    assert b"need action" in shown
    assert (b"\x1b[" in shown) == coloured


@pytest.mark.parametrize(("fail_on", "code"), [("critical", 1), ("error", 1), ("warning", 1), ("never", 0)])
def test_exit_codes(fail_on: str, code: int, tmp_path: Path) -> None:
    run = keyaudit(
        "audit", SAMPLES / "two-files", "--as-of", "2026-04-09", "--out", tmp_path / "r", "--fail-on", fail_on
    )
    assert run.returncode == code


def test_a_clear_audit_says_so_once(tmp_path: Path) -> None:
    told = keyaudit("audit", SAMPLES / "clean", "--as-of", "2026-04-09", "--out", tmp_path / "out").stdout
    assert told.startswith('Case "clean": Nothing is open: all 18 keys are accounted for.\nVerdict: clear.\nAs of')
    assert "\n\n\n" not in told


def test_nothing_to_report_exits_with_0_and_a_question_with_1(write: Write) -> None:
    head = "Training_Key Redeemed Expires Course"
    write("pools-before/P.csv", f"{head}\nKEY-00001 . 2026-12-31 C")
    write("pools-now/P.csv", head)
    case = write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nKEY-00001 C 2026-12-31 0 .")
    assert keyaudit("audit", case, "--as-of", "2026-04-09").returncode == 0
    case = write("course-keys/k.csv", "Training_Key Course Expires Max_Uses\nKEY-00001 C 2026-12-31 .")
    unknown = keyaudit("audit", case, "--as-of", "2026-04-09", "--fail-on", "critical")
    told = "Verdict: incomplete. The exports leave questions open."
    assert (unknown.returncode, unknown.stdout.splitlines()[1]) == (1, told)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no pool export found"),
        ({"pools-before/a.csv": ""}, "pools-before/a.csv: is empty"),
        ({"pools-before/a.csv": "%PDF-1.4"}, "is a PDF"),
        ({"pools-before/a.csv": "Key,Training Key\nA1,A1\n"}, "two headers for one column"),
        ({"pools-befor/a.csv": "Key\nA1\n"}, 'Did you mean "pools-before"?'),
        ({"a.csv": "Key\nA1\n"}, "must lie in a folder that says what it is"),
        ({"pools/a.csv": "Key\nA1\n", "case.toml": "asof = 2026-04-09"}, 'unknown entry "asof". Did you mean "as_of"?'),
        ({"pools/a.csv": "Key\nA1\n", "case.toml": "as_of = '2026-04-09'"}, "as_of must be a date without quotes"),
        (
            {"pools/a.csv": "Key\nA1\n", "case.toml": "[calendar]\nremoved = 2026-01-01"},
            "removed = 2026-01-01 lies before",
        ),
        ({"pools/a.csv": "Key\nA1\n", "case.toml": "as_of = "}, "case.toml"),
        (
            {"pools/a.csv": "Key\nA1\n", "case.toml": '[files."pools/b.csv"]\nrows = 1'},
            'matches no file. Did you mean "pools/a.csv"?',
        ),
        ({"pools/a.csv": "Key\nA1\n", "pools/b.xls": "old"}, "pools/b.xls: no column holds the training key"),
        ({"pools/a.csv": "Key\nA1\n", "b.xls": "old"}, "b.xls: an export must lie in a folder that says what it is"),
        ({"pools/a.csv": "Key\nA1\n", "course-keys/a.csv": "Key\nA1\n"}, "are the same file"),
        ({"pools/a.csv": "Key\nA1\n", "case.toml.txt": "as_of = 2026-04-09"}, "rename it to case.toml"),
        ({"pools/a.csv": "Schlüssel,Nutzer\nA1,B\n"}, 'training_key = "Schlüssel"'),
    ],
)
def test_bad_input_is_one_message_and_nothing_half_written(files: dict[str, str], words: str, tmp_path: Path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    for name, content in files.items():
        (case / name).parent.mkdir(exist_ok=True)
        (case / name).write_text(content, encoding="utf-8")
    run = keyaudit("audit", case, "--as-of", "2026-04-09")
    assert run.returncode == 2
    assert words in run.stderr
    assert run.stderr.startswith("keyaudit: ")
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    left = {str(path.relative_to(case)) for path in case.rglob("*") if path.is_file()}
    assert left == {str(Path(name)) for name in files}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["audit", "no-such-folder"], "does not exist"),
        (["audit", SAMPLES / "two-files", "--as-of", "9.4.2026"], "Write it as YYYY-MM-DD"),
        (["audit", SAMPLES / "two-files", "--out", __file__], "is a file"),
        (["audit", SAMPLES / "two-files", "--out", SAMPLES / "two-files" / "pools-before"], "is for exports"),
        (["audit", SAMPLES / "two-files", "--out", SAMPLES], "holds the exports"),
        (["audit"], "Missing argument"),
        (["explain", SAMPLES / "two-files", "-"], "No key was given"),
    ],
)
def test_bad_usage(arguments: list[object], words: str) -> None:
    run = keyaudit(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert words in run.stderr
    assert "Traceback" not in run.stderr


def test_an_unreadable_file_can_be_passed_over(write: Write) -> None:
    """What was not read proves nobody's lock-out: the verdict is at best incomplete."""
    write("pools-before/P.csv", "Training_Key Redeemed Expires Course\nKEY-00001 . 2026-12-31 C")
    case = write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nKEY-00001 C 2026-12-31 0 .")
    (case / "course-keys" / "broken.xlsx").write_bytes(b"PK\x03\x04 nothing")
    assert keyaudit("audit", case, "--as-of", "2026-04-09").returncode == 2
    run = keyaudit("audit", case, "--as-of", "2026-04-09", "--keep-going", "--fail-on", "critical")
    assert (run.returncode, run.stdout.splitlines()[1]) == (1, "Verdict: act. Something is likely to go wrong: act.")
    assert "To be put right: a file could not be read (1)." in run.stdout
    assert "Not checked: course-keys/broken.xlsx: is damaged or cut short." in run.stdout


def test_explain_tells_one_key_without_showing_it() -> None:
    run = keyaudit("explain", SAMPLES / "halfway", "0C67D997EC562110", "--as-of", "2026-04-09")
    assert run.returncode == 0
    assert "Security Operations - Fabrikam, row 26 …2110 is altered." in run.stdout
    assert "0C67D997EC562110" not in run.stdout
    by_reference = keyaudit(
        "explain", SAMPLES / "halfway", "Security Operations - Fabrikam, row 26", "--as-of", "2026-04-09"
    )
    by_ending = keyaudit("explain", SAMPLES / "halfway", "…2110", "--as-of", "2026-04-09")
    assert run.stdout == by_reference.stdout == by_ending.stdout
    mistyped = keyaudit("explain", SAMPLES / "halfway", "0C67D997EC562lI0", "--as-of", "2026-04-09")
    assert (mistyped.returncode, mistyped.stdout.partition("\n")[0]) == (1, "No export knows this code. Did you mean:")
    assert "row 26" in mistyped.stdout


def test_new_makes_a_case_that_only_lacks_its_exports(tmp_path: Path) -> None:
    run = keyaudit("new", tmp_path / "mine")
    assert run.returncode == 0
    assert "Find Course Assignment Keys" in run.stdout
    assert "no pool export found" in keyaudit("audit", tmp_path / "mine").stderr
    (tmp_path / "mine" / "pools-before" / "P.csv").write_text("Training Key\nKEY-00001\n")
    assert keyaudit("audit", tmp_path / "mine", "--as-of", "2026-04-03", "--fail-on", "never").returncode == 0
    (tmp_path / "mine" / "case.toml").write_text("as_of = 2026-04-03\n")
    keyaudit("new", tmp_path / "mine")
    assert (tmp_path / "mine" / "case.toml").read_text() == "as_of = 2026-04-03\n"


def test_the_version() -> None:
    assert started("--version").stdout == f"keyaudit {__version__}\n"


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, keyaudit, keyaudit.cli; print([m for m in ('pandas', 'matplotlib', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_an_audit_makes_no_table_and_loads_no_pandas(tmp_path: Path) -> None:
    code = "import atexit, sys, keyaudit.cli as cli; atexit.register(lambda: print('pandas' in sys.modules)); cli.main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "audit", SAMPLES / "halfway", "--out", tmp_path / "r", "--fail-on", "never"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "False"


def test_explain_a_code_only_the_log_knows() -> None:
    """A help desk hears a code that no pool and no course key has: the log tells that it was sent, and what was meant."""
    log = (SAMPLES / "after-sunset" / "distribution" / "sent keys.csv").read_text().splitlines()
    story = keyaudit("explain", SAMPLES / "after-sunset", log[21].split(",")[0])
    assert story.returncode == 1
    lines = story.stdout.splitlines()
    assert lines[0] == "No pool export and no course-key export knows this code."
    assert lines[1].split() == [
        "seen",
        "distribution/sent",
        "keys.csv,",
        "row",
        "22",
        "(distribution",
        "log):",
        "sent",
        "2025-03-30",
    ]
    assert lines[2].split()[:9] == ["did", "you", "mean", "Cloud", "Foundations", "-", "Adventure,", "row", "22"]
    assert log[21].split(",")[0] not in story.stdout


def test_explain_names_the_log_the_assignment_and_the_other_key_but_nobody() -> None:
    case = SAMPLES / "after-sunset"
    passed_on = keyaudit("explain", case, "Cloud Foundations - Adventure, row 11").stdout
    assert "redeemed in its pool: on 2025-07-26" in passed_on
    assert "(distribution log): sent 2025-03-19" in passed_on
    assert "(course assignment): created 2025-07-26, Active" in passed_on
    assert "warning: redeemed by other. Somebody else redeemed it" in passed_on
    assert not [name for name in ("Kim Park", "Bo Chen") if name in passed_on]
    assert "(other keys)" in keyaudit("explain", case, "Cloud Foundations - Adventure, row 17").stdout


def test_since_says_what_moved(tmp_path: Path) -> None:
    """The report of the day before the deadline, and half a year later: every key still in a pool has lapsed."""
    out = tmp_path / "r"
    case = SAMPLES / "halfway"
    assert "Since" not in keyaudit("audit", case, "--as-of", "2026-04-09", "--out", out).stdout
    same = keyaudit("audit", case, "--as-of", "2026-04-09", "--out", out, "--since", out / "keys.csv")
    assert "Since the former audit no key has changed." in same.stdout
    later = keyaudit("audit", case, "--as-of", "2026-11-22", "--out", out, "--since", out / "keys.csv")
    assert "69 keys moved: to migrate → lapsed, works yes → no: time has passed" in later.stdout
    with (out / "changes.csv").open(encoding="utf-8", newline="") as file:
        lapsed = [row for row in csv.DictReader(file) if row["status"] == "lapsed"]
    assert len(lapsed) == 69
    assert {row["status before"] for row in lapsed} == {"to_migrate"}
    assert "changes.csv" in json.loads((out / "MANIFEST.json").read_text())["outputs"]


def test_since_refuses_another_file_and_keeps_the_report(tmp_path: Path) -> None:
    out = tmp_path / "r"
    keyaudit("audit", SAMPLES / "two-files", "--as-of", "2026-04-09", "--out", out)
    former = files_of(out)
    run = keyaudit("audit", SAMPLES / "two-files", "--out", out, "--since", out / "findings.csv")
    assert run.returncode == 2
    assert "it is no keys.csv of a former audit: it has no column status" in run.stderr
    shared = keyaudit("audit", SAMPLES / "two-files", "--as-of", "2026-04-09", "--out", tmp_path / "s", "--share")
    assert shared.returncode == 1
    run = keyaudit("audit", SAMPLES / "two-files", "--out", out, "--since", tmp_path / "s" / "keys.csv")
    assert (run.returncode, "masked twin" in run.stderr) == (2, True)
    assert files_of(out) == former


def test_the_plan_command(tmp_path: Path) -> None:
    run = keyaudit("plan", SAMPLES / "halfway", "--as-of", "2026-04-09", "--out", tmp_path / "plan")
    assert run.returncode == 0
    assert run.stdout.startswith("93 keys need action.\n")
    assert (tmp_path / "plan" / "steps.txt").is_file()
    again = keyaudit("plan", SAMPLES / "halfway", "--as-of", "2026-04-09", "--out", SAMPLES / "halfway")
    assert (again.returncode, "holds the exports of the case" in again.stderr) == (2, True)
    done = keyaudit("plan", SAMPLES / "clean", "--as-of", "2026-04-09", "--out", tmp_path / "plan")
    assert done.stdout.startswith("Nothing is left to do.")
    assert [name for name in files_of(tmp_path / "plan") if "paste" in name] == []


def test_an_ending_of_several_keys_is_said_to_be_that() -> None:
    """Three keys of Data Engineering do."""
    run = keyaudit("explain", SAMPLES / "halfway", "…A9", "--as-of", "2026-04-09")
    assert run.returncode == 1
    assert "keys end so. Write more of the code, or a reference:" in run.stdout
    assert "No export knows" not in run.stdout


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_no_output_fails_on_the_encoding_of_what_it_is_redirected_to(
    encoding: str, write: Write, tmp_path: Path
) -> None:
    """What a code page has no sign for gets a plain twin: arrows, dots, the names of pools."""
    rows = [f"KEY-00000{number}-00A9 . 2026-12-31 C" for number in range(3)]
    write("pools-before/Sécurité → 日本.csv", "\n".join(["Training_Key Redeemed Expires Course", *rows]))
    written = write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nOTHER-0001-00B1 C 2026-12-31 0 .")
    case = written.rename(tmp_path / "Fälle → 日本")
    commands = [
        ["check", case],
        ["audit", case, "--as-of", "2026-04-09"],
        ["audit", case, "--as-of", "2026-11-22"],
        ["audit", case, "--as-of", "2026-11-22", "--json"],
        ["explain", case, "…A9"],
        ["explain", case, "no → such 日本"],
        ["audit", tmp_path / "nö → 日本"],
        ["--help"],
    ]
    shown = []
    for arguments in commands:
        start = started if arguments[0] == "explain" else keyaudit
        run = start(*arguments, PYTHONIOENCODING=f"{encoding}:strict", PYTHONUTF8="0")
        assert "Traceback" not in run.stderr
        assert "mistake of this program" not in run.stderr
        assert run.returncode in (0, 1) or "does not exist" in run.stderr
        shown.append(run.stdout)
    assert "curit" in shown[1]  # the name of the pool, as far as the code page has it
    assert "moved: to migrate -> lapsed, works yes -> no" in shown[2]
    assert json.loads(shown[3])["case"] == "Fälle → 日本"
    assert "keys end so." in shown[4]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("target", ["full", "closed"])
def test_a_report_that_is_in_place_is_never_said_not_to_be_written(target: str, tmp_path: Path) -> None:
    """Standard output is a full disk, or nobody reads it."""
    command = [sys.executable, "-m", "keyaudit", "audit", str(SAMPLES / "two-files"), "--as-of", "2026-04-09", "--out"]
    if target == "full":
        with Path("/dev/full").open("w") as full:
            run = subprocess.run([*command, str(tmp_path / "r")], stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip
        assert (run.returncode, run.stderr.count("The report is in place:")) == (2, 1)
    else:
        reader, writer = os.pipe()
        os.close(reader)
        run = subprocess.run([*command, str(tmp_path / "r")], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip
        os.close(writer)
        assert (run.returncode, run.stderr) == (1, "")
    assert "Nothing was written" not in run.stderr
    assert (tmp_path / "r" / "MANIFEST.json").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such file here")
def test_what_cannot_be_said_is_an_error_that_says_so(tmp_path: Path) -> None:
    """A full disk behind standard output, and behind standard error."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "keyaudit"]
        run = subprocess.run([*command, "new", str(tmp_path / "n")], stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip
        assert run.returncode == 2
        assert run.stderr.startswith(
            "keyaudit: what is to be said could not be written to standard output (No space left"
        )
        assert "Nothing was written" not in run.stderr
        assert (tmp_path / "n" / "case.toml").is_file()
        run = subprocess.run([*command, "audit", str(tmp_path / "none")], stderr=full, check=False)
        assert run.returncode == 2


def test_a_folder_that_is_left_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(path: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    monkeypatch.setattr(place, "_delete", failing)
    with pytest.raises(SystemExit) as ended:
        main(["audit", str(SAMPLES / "clean"), "--as-of", "2026-04-09", "--out", str(tmp_path / "r")])
    assert not ended.value.code
    told = capsys.readouterr().err
    assert (
        "could not be deleted (Too many open files). It may hold codes of a former report: delete it yourself." in told
    )


@pytest.mark.parametrize(
    "problem",
    [
        ImportError("library.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        Exception("Unknown error: Failed to launch worker thread: Resource temporarily unavailable"),
        MemoryError(),
    ],
)
def test_a_lack_of_memory_is_one_however_a_library_says_it(
    problem: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(commands, "main", failing)
    with pytest.raises(SystemExit) as ended:
        main(["audit", "case"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("keyaudit: out of memory. Close other programs")


@pytest.mark.skipif(os.name != "posix", reason="elsewhere names are texts")
@pytest.mark.parametrize("what", ["case", "out"])
def test_a_folder_whose_name_is_no_text_is_refused(what: str, tmp_path: Path) -> None:
    odd, case = Path(os.fsdecode(os.fsencode(tmp_path) + b"/o\xff")), SAMPLES / "clean"
    if what == "case":
        shutil.copytree(case, odd)
    run = keyaudit("audit", odd if what == "case" else case, "--out", tmp_path / "r" if what == "case" else odd)
    assert (run.returncode, "mistake" in run.stderr) == (2, False)
    assert ("Rename it." if what == "case" else "no such path can be") in run.stderr


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "1989-12-31", "2101-01-01"])
def test_a_day_of_no_audit_is_refused(day: str) -> None:
    run = keyaudit("audit", SAMPLES / "clean", "--as-of", day)
    assert (run.returncode, run.stderr) == (2, f"keyaudit: --as-of: {day} is not of the years 1990 to 2100.\n")


def test_nothing_from_data_steers_a_terminal(tmp_path: Path) -> None:
    """Signs that do, in names of pools, files, headers and the case, reach neither a terminal nor steps.txt."""
    case = tmp_path / "ca\x1b[2Jse"
    (case / "pools-before").mkdir(parents=True)
    name = "Po\x1b]0;title\x07ol\x9b31m"
    rows = [f"{code},{name},C,,2026-12-31,{name}" for code in ("AAAA00000001", "AAAA00000002")]
    text = "\n".join([f"Training Key,Pool,Course,Redeemed,Expires,Odd\x1b[31m{name}", *rows])
    (case / "pools-before" / f"{name}.csv").write_text(text, encoding="utf-8")
    (case / "pools-now").mkdir()
    (case / "pools-now" / "b.csv").write_text(f"Training Key,Pool\x1b[1m\nAAAA00000001,{name}\n", encoding="utf-8")
    shown = ""
    for arguments in (
        ["check", case],
        ["audit", case, "--as-of", "2026-04-09"],
        ["plan", case, "--as-of", "2026-04-09"],
        ["explain", case, "AAAA00000001", "--as-of", "2026-04-09"],
        ["explain", case, "AAAA"],
        ["audit", tmp_path / "n\x1b[2Jo"],
    ):
        run = keyaudit(*arguments)
        shown += run.stdout + run.stderr
    assert "Po?]0;title?ol" in shown
    steps = [path.read_text(encoding="utf-8") for path in case.rglob("steps.txt")]
    assert len(steps) == 2
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown + "".join(steps))


@pytest.mark.parametrize("share", [[], ["--share"], ["--all-keys"]])
def test_exports_without_a_single_key_are_audited_and_written_too(share: list[str], write: Write) -> None:
    write("pools-before/P.csv", "Training_Key Redeemed Expires")
    write("pools-before/Q.csv", "Training_Key Redeemed Expires Pool")
    case = write("course-keys/k.csv", "Training_Key Course Expires Uses")
    done = keyaudit("audit", case, "--as-of", "2026-04-09", *share)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "No key needs action; some things are worth a look." in done.stdout
    )  # the settings of P and Q: nothing says them
    report = case / ("report-to-share" if "--share" in share else "report")
    assert len((report / "keys.csv").read_text(encoding="utf-8").splitlines()) == 1
    assert {*files_of(report)} >= {"report.xlsx", "report.html", "findings.csv"}
