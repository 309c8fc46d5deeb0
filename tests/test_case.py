"""A case: what a slip in case.toml says, and what is seen while it is read."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Write, audit

import keyaudit as ka
from keyaudit.errors import CaseError

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


def seen_in_a_terminal(folder: Path) -> str:
    """What a person sees on stderr while `keyaudit audit` runs in a terminal."""
    pty = pytest.importorskip("pty")  # there is none on Windows
    termios = pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [
        sys.executable,
        "-m",
        "keyaudit",
        "audit",
        str(folder),
        "--as-of",
        "2026-04-03",
        "--out",
        str(folder / "report"),
    ]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, check=False, timeout=120)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    return shown.decode("utf-8", "replace")


def test_a_bar_shows_in_a_terminal_where_there_is_something_to_wait_for(write: Write) -> None:
    for number in range(3):
        folder = write(f"pools-before/P{number}.csv", f"Training_Key Course\nAA1{number} C\n")
    assert seen_in_a_terminal(folder) == ""  # three small files
    write("pools-before/P3.csv", "Training_Key Course\nAA13 C\n")
    assert "reading pools-before: " in seen_in_a_terminal(folder)


def test_one_large_file_has_a_bar(write: Write) -> None:
    folder = write(
        "pools-before/P.csv", "Training_Key Course\n" + "".join(f"AA{n} C{'x' * 100}\n" for n in range(50_000))
    )
    assert "reading pools-before: " in seen_in_a_terminal(folder)
