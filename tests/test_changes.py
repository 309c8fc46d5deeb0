"""Two audits of one migration: what moved, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SAMPLES, Write, audit

import keyaudit as ka
from keyaudit.errors import UnreadableFile
from keyaudit.reconciliation import Reconciliation

POOL = "Training_Key Course Redeemed Expires"
KEYS = "Training_Key Course Expires Max_Uses Uses"


@pytest.fixture
def two(write: Write, tmp_path: Path) -> tuple[Reconciliation, Reconciliation]:
    """An audit before the migration; and one after it, with one key forgotten, one redeemed, one added, one unknown."""
    write("pools-before/P.csv", f"{POOL}\nKEY-00001 C . 2026-12-31\nKEY-00002 C . 2026-12-31\nKEY-00003 C . 2026-12-31")
    write("course-keys/k.csv", f"{KEYS}\nOTHER-001 C 2026-12-31 . 0\nOTHER-002 C 2026-12-31 . 0")
    former = audit(tmp_path / "case", "2026-04-03")
    write("pools-now/P.csv", f"{POOL}\nKEY-00003 C 2026-04-04 2026-12-31")
    write(
        "course-keys/k.csv",
        f"{KEYS}\nKEY-00001 C 2026-12-31 . 0\nOTHER-001 C 2026-12-31 . 1\nFRESH-077 C 2026-12-31 . 0",
    )
    return former, audit(tmp_path / "case", "2026-04-05")


def test_every_move_has_its_reason(two: tuple[Reconciliation, Reconciliation]) -> None:
    former, latter = two
    told = [tuple(row[:2]) + tuple(row[3:]) for row in latter.changes_since(former).itertuples(index=False)]
    gone = "it is gone from its pool"
    assert told == [
        ("moved", "P, row 2", "to_migrate", "migrated", "yes", "yes", f"{gone}; it is a course key now"),
        ("moved", "P, row 4", "to_migrate", "redeemed", "yes", "used", "it was redeemed; its pool was exported again and still holds it"),
        ("moved", "P, row 3", "to_migrate", "missing", "yes", "no", gone),
        ("moved", "k.csv, row 3", "new", "new", "yes", "used", "its course key has another number of uses"),
        ("gone", "k.csv, row 3", "new", "", "yes", "", "no export shows it"),
        ("new", "k.csv, row 4", "", "new", "", "yes", "it was in no export before"),
    ]  # fmt: skip


def test_a_former_keys_file_says_the_same_as_the_audit(
    two: tuple[Reconciliation, Reconciliation], tmp_path: Path
) -> None:
    former, latter = two
    ka.write_report(former, tmp_path / "former")
    assert latter.changes_since(tmp_path / "former" / "keys.csv").equals(latter.changes_since(former))
    assert latter.changes_since(latter).empty
    counted = latter.compared_with(former).counted()
    assert sum(number for number, _ in counted) == len(latter.changes_since(former)) == 6


def test_nothing_moves_between_an_audit_and_its_own_file(tmp_path: Path) -> None:
    """Every kind of cell of the samples comes back from keys.csv as it was."""
    for name in ("halfway", "after-sunset", "ugly"):
        result = ka.open_case(SAMPLES / name).reconcile(as_of="2026-04-09")
        ka.write_report(result, tmp_path / name)
        assert result.changes_since(tmp_path / name / "keys.csv").empty


def test_changes_show_no_code(two: tuple[Reconciliation, Reconciliation]) -> None:
    former, latter = two
    text = latter.changes_since(former).to_csv()
    assert not [code for code in latter.keys["training_key"] if code in text]


def test_a_key_that_stands_twice_in_a_former_table_is_not_gone(
    two: tuple[Reconciliation, Reconciliation], tmp_path: Path
) -> None:
    latter = two[1]
    lines = (ka.write_report(latter, tmp_path / "r") / "keys.csv").read_bytes().splitlines(keepends=True)
    (tmp_path / "keys.csv").write_bytes(b"".join([*lines, lines[1]]))
    assert latter.changes_since(tmp_path / "keys.csv").empty
    (tmp_path / "keys.csv").write_bytes(b"".join([*lines, lines[1].replace(b"KEY-", b"XXX-")]))
    assert latter.changes_since(tmp_path / "keys.csv")["change"].tolist() == ["gone"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"Training Key,Course\nAB12,C\n", "it has no column training_key, status"),
        (b"PK\x03\x04\xff\xfe", "no keys.csv of a former audit"),
        (b"", "no keys.csv of a former audit"),
    ],
)
def test_another_file_is_no_former_audit(
    content: bytes, problem: str, two: tuple[Reconciliation, Reconciliation], tmp_path: Path
) -> None:
    file = tmp_path / "keys.csv"
    file.write_bytes(content)
    with pytest.raises(UnreadableFile, match=problem):
        two[1].changes_since(file)
    for other, why in ((tmp_path / "none.csv", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(UnreadableFile, match=f"{why}. Take the keys.csv that `keyaudit audit` wrote"):
            two[1].changes_since(other)
