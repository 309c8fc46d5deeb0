"""A case: what a slip in case.toml says, and what is seen while it is read."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Write, audit

import keyaudit as ka
from keyaudit.errors import CaseError

INTERRUPTS = int(os.environ.get("KEYAUDIT_INTERRUPTS", "0"))
CASE = {"pools-before/Azure.csv": "Training_Key Course\nAA11 C\nAA12 C\n"}


def toml(write: Write, text: str, name: str = "case.toml") -> None:
    for file, table in CASE.items():
        folder = write(file, table)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('finding = "case_twins"', r'finding = "case_twins" is unknown\. Did you mean "case_twin"'),
        ('finding = "to_migrate"\npool = "Azur"', r'pool = "Azur": no pool is called so\. Did you mean "Azure"\?'),
        (
            'finding = "to_migrate"\nreference = "Azure, row 22"',
            r'reference = "Azure, row 22": no reference is called so\. Did you mean "Azure, row 2"\?',
        ),
    ],
)
def test_an_accepted_finding_must_name_what_exists(entry: str, words: str, write: Write) -> None:
    """A slip would leave the finding counting, and nobody would know why."""
    toml(write, f'[[accepted]]\n{entry}\nreason = "seen"\n')
    with pytest.raises(CaseError, match=words):
        audit(write("pools-before/Azure.csv", CASE["pools-before/Azure.csv"]))


def test_an_accepted_finding_of_a_reference(write: Write) -> None:
    toml(write, '[[accepted]]\nfinding = "to_migrate"\nreference = "Azure, row 2"\nreason = "seen"\n')
    found = audit(write("pools-before/Azure.csv", CASE["pools-before/Azure.csv"])).findings
    severities = found[found["code"] == "to_migrate"].set_index("training_key")["severity"]
    assert severities.to_dict() == {"AA11": "accepted", "AA12": "error"}  # no expiry: works is unknown


def test_case_toml_counts_whatever_the_case_of_its_name(write: Write) -> None:
    toml(write, "as_of = 2026-04-03", "Case.toml")
    folder = write("pools-before/Azure.csv", CASE["pools-before/Azure.csv"])
    assert ka.open_case(folder).as_of == dt.date(2026, 4, 3)


def test_two_files_of_that_name_are_one_too_many(write: Write) -> None:
    toml(write, "as_of = 2026-04-03", "Case.toml")
    toml(write, "as_of = 2026-04-04")
    folder = write("pools-before/Azure.csv", CASE["pools-before/Azure.csv"])
    if len({path.name for path in folder.iterdir() if path.suffix == ".toml"}) == 2:  # where names differ by case
        with pytest.raises(CaseError, match=r"Case\.toml and case\.toml are two files"):
            ka.open_case(folder)


def seen_in_a_terminal(folder: Path, patience: float) -> str:
    """What a person sees on stderr while `keyaudit audit` runs in a terminal."""
    pty = pytest.importorskip("pty")  # there is none on Windows
    termios = pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    program = f"import keyaudit.cli as cli, sys; cli.PATIENCE = {patience}; cli.main(sys.argv[1:])"
    arguments = ["audit", str(folder), "--as-of", "2026-04-03", "--out", str(folder / "report")]
    command = [sys.executable, "-c", program, *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, check=False, timeout=120)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    return shown.decode("utf-8", "replace")


def test_every_step_that_takes_long_is_told_in_a_terminal(write: Write) -> None:
    folder = write("pools-before/P.csv", CASE["pools-before/Azure.csv"])
    lines = seen_in_a_terminal(folder, patience=0).split("\r")
    steps = [
        "reading pools-before/P.csv",
        "reconciling",
        "writing keys.csv",
        "writing report.xlsx",
        "writing report.html",
    ]
    told = [next(step for step in steps if line.startswith(step)) for line in lines if line.startswith(tuple(steps))]
    assert list(dict.fromkeys(told)) == steps
    assert all(re.search(r" \(\d\d:\d\d\) *$", line) for line in lines if line.strip())
    assert lines[-1] == ""  # the line is wiped
    assert not lines[-2].strip()


def test_nothing_is_told_of_what_is_done_at_once(write: Write) -> None:
    assert not seen_in_a_terminal(write("pools-before/P.csv", CASE["pools-before/Azure.csv"]), patience=60).strip()


def interrupt(folder: Path, moment: float) -> None:
    """An audit that is interrupted after so many seconds: told in one line within two seconds, and nothing is left; or it was done."""
    command = [sys.executable, "-m", "keyaudit", "audit", str(folder), "--as-of", "2026-04-03", "--fail-on", "never"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(moment)
    running.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, told = running.communicate(timeout=60)
    assert time.monotonic() - begun < 2
    left = {path.name for path in folder.iterdir()} - {"pools-before"}
    if running.returncode == 0:
        assert (told, left) == ("", {"report"})
    else:
        assert running.returncode == 130
        assert told.strip() == "keyaudit: interrupted. Nothing was written."
        assert left == set()


def large(write: Write, keys: int) -> Path:
    rows = "".join(f"AA{n:07d},C{n % 7}\n" for n in range(keys))
    folder = write("pools-before/P.csv", "")
    (folder / "pools-before" / "P.csv").write_text(f"Training Key,Course\n{rows}", encoding="utf-8")
    return folder


@pytest.mark.parametrize("moment", [0.2, 0.9, 1.6, 2.3, 3.1])
def test_an_interrupted_audit_stops_within_two_seconds_and_leaves_nothing(write: Write, moment: float) -> None:
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "keyaudit", "--version"], capture_output=True, check=True)
    interrupt(large(write, 200_000), moment + time.monotonic() - begun)  # before that it is Python itself that starts


if INTERRUPTS:  # else it is no test of this run

    @pytest.mark.long
    def test_many_interrupts_at_random_moments(write: Write) -> None:
        """KEYAUDIT_INTERRUPTS=300 python -m pytest -m long tests/test_case.py."""
        folder, chance = large(write, 120_000), random.Random(17)  # noqa: S311
        begun = time.monotonic()
        audit(folder)
        span = 2 * (time.monotonic() - begun)  # and the report
        for _ in range(INTERRUPTS):
            interrupt(folder, 0.2 + chance.random() * span)
            shutil.rmtree(folder / "report", ignore_errors=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[pools."Azure"]\ncourse = ""', r"pools\.Azure\.course is blank\. Fill it in, or leave the line out"),
        ('[pools."Azure"]\ncourse = "…"', r"pools\.Azure\.course is blank"),
        ('[pools."Azure"]\ncontent_availability = -5', "content_availability must be a whole number, 0 or more; found -5"),
        ('[files."pools-before/Azure.csv"]\nrows = -1', "rows must be a whole number, 0 or more; found -1"),
        ('[files."pools-before/*"]\ncolumns = { uses = "Course" }', r"columns: uses is no column of pools before\."),
        ('[files."pools-before/*"]\ncolumns = { course = "-" }', r'columns: course = "-" names no header'),
        ('[files."pools-before/*"]\nredeemed_when = ["Weg"]\nopen_when = ["Frei", "weg"]', '"Weg" stands in redeemed_when and in'),
        ('[files."course-keys/*"]\npool = "Azure"', "only an export of a pool has one name of a pool"),
        ('[[accepted]]\nfinding = "to_migrate"\nreason = " "', r"accepted\.reason is blank"),
        ('[files."pools-before/*.csv"]\ncolumns = "x"', r'must be a table: \[files\."pools-before/\*\.csv"\.columns\]'),
        ('[files."pools-before/*.csv"]\nday_first = "yes"', "must be true or false; found a text in quotes"),
        ("as_of = 2026-04-03T10:00:00", "found a date with a time"),
        ("[distribution]\ncomplete = True", "true and false are written small"),
        ('[pools."Azure"]\nsitewide = true\n[pools."AZURE"]\nsitewide = false', r'\[pools\."Azure"\] and \[pools\."AZURE"\] are one pool'),
        ('[pools."Azure"]\nstarts = 2027-01-01\nexpires = 2026-01-01', "expires = 2026-01-01 does not lie after starts = 2027-01-01"),
        ("[calendar]\nannounced_on = 0001-01-01", r"case/case\.toml: \[calendar\] announced_on: 0001-01-01 is not of the years"),
        ("[calendar]\nread_only = 2027-01-01", r"case/case\.toml: \[calendar\] removed = 2026-05-29 lies before"),
    ],
)  # fmt: skip
def test_what_case_toml_cannot_mean_is_one_error(text: str, words: str, write: Write) -> None:
    toml(write, text)
    case = write("course-keys/ck.csv", "Training_Key Name\nAA11 x\n")
    with pytest.raises(CaseError, match=words):
        ka.open_case(case)


@pytest.mark.parametrize("exact_first", [True, False])
def test_what_is_said_of_a_file_and_of_a_pattern_holds_together(exact_first: bool, write: Write) -> None:
    """Else a ready line for the one file would silence what its pattern says; of one entry the file's own counts."""
    own = '[files."pools-before/P.csv"]\nday_first = true\nrows = 1\ncolumns = { course = "Kurs" }\n'
    shared = '[files."pools-before/*"]\nrows = 9\ncolumns = { training_key = "Zug" }\nopen_when = ["-"]\n'
    late = '[files."*"]\nopen_when = ["?"]\nday_first = false\n'
    case = write("pools-before/P.csv", "Zug Kurs Redeemed Expires\nAA11 C - 03/04/2026")
    (case / "case.toml").write_text(f"{own if exact_first else ''}{shared}{late}{'' if exact_first else own}")
    options = ka.open_case(case).options("pools-before/P.csv")
    assert (options.day_first, options.rows, options.open_when) == (True, 1, ("-",))
    assert options.columns == {"training_key": "Zug", "course": "Kurs"}
    keys = audit(case).keys
    assert [str(day.date()) for day in keys["pool_expires_on"]] == ["2026-04-03"]
    assert (list(keys["course"]), list(keys["redeemed_at"].isna())) == (["C"], [True])
