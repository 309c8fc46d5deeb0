"""case.toml: what a slip in it says."""

from __future__ import annotations

import datetime as dt

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
