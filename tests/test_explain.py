"""Which key is meant: by a code as a learner sends it, a reference, an ending, a name."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from conftest import Write, audit

POOL = "Training_Key Course Redeemed Expires"


@pytest.fixture
def case(write: Write, tmp_path: Path) -> Path:
    write("pools-before/P.csv", f"{POOL}\nKEY-00000001 C . 2026-12-31\nKEY-00000002 C 2025-03-04 2026-12-31\nKEY-00000003 C . 2026-12-31")  # fmt: skip
    write("course-keys/k.csv", "Training_Key Course Expires Max_Uses Uses\nKEY-00000003 C 2026-12-31 . 0")
    write("distribution/d.csv", "Training_Key Sent_To\nKEY-00000002 Ana_Lima\nKEY-00000001 Ana_Lima\nKEY-00000003 Zoé_Marsh_<bo@example.org>")  # fmt: skip
    return tmp_path / "case"


@pytest.mark.parametrize(
    "asked",
    [
        "KEY-00000003",
        " KEY-00000003\t",
        "https://training.example/redeem?key=KEY-00000003",
        'The learner writes: my code "KEY-00000003" does not work.',
        "P, row 4",
        "p, ROW 4",
        "0003",
        "…0003",
        "bo@example.org",
        "Bo@Example",
        "Zoé Marsh",
        "zoe",
        "MARSH, Zoe",
        "marsh bo@example.org",
    ],
)
def test_a_key_is_found_however_it_is_named(asked: str, case: Path) -> None:
    told = audit(case).explain(asked)
    assert (told.found, told.headline) == (True, "P, row 4 …0003 is migrated.")


@pytest.mark.parametrize("asked", ["Li Wu", "wu LI", "Zoe Lima", "a z o", "bo", "Marsh Bo Zo Ana"])
def test_a_learner_is_named_by_what_stands_there(asked: str, write: Write) -> None:
    """Two short words together and in their order; of several words each."""
    write("pools-before/P.csv", f"{POOL}\nKEY-00000001 C . 2026-12-31\nKEY-00000002 C . 2026-12-31")
    case = write("distribution/d.csv", "Training_Key Sent_To\nKEY-00000001 Li_Wu\nKEY-00000002 Zoé_Marsh")
    assert audit(case).explain(asked).found == (asked == "Li Wu")


def test_of_a_learners_keys_the_most_urgent_stands_first(case: Path) -> None:
    told = audit(case).explain("ana lima")
    assert (told.found, told.headline) == (False, "2 keys name that learner. Name one by its reference:")
    assert [text for _, text in told.lines] == [
        "P, row 2 …0001, which is to migrate",
        "P, row 3 …0002, which is redeemed",
    ]


@pytest.mark.parametrize("asked", ["key-00000001", "KEY-0000001", "KEY-OOOOOOO1"])
def test_a_damaged_code_is_compared(asked: str, case: Path) -> None:
    told = audit(case).explain(asked)
    assert (told.found, told.headline) == (False, "No export knows this code. Did you mean:")
    assert "P, row 2 …0001, which is to migrate" in [text for _, text in told.lines]


@pytest.mark.parametrize(
    "asked", ["P, row 04", "P, row ٤", "P, row 44", "P, row", "row 4", "P, row 4 (2)", f"P, row {'4' * 5000}"]
)
def test_a_reference_is_one_to_the_letter(asked: str, case: Path) -> None:
    assert not audit(case).explain(asked).found


def test_two_keys_of_one_row_have_two_references(tmp_path: Path) -> None:
    """Of two lists beside each other; also where neither code can be read."""
    book = openpyxl.Workbook()
    for row in (["Undistributed Keys", None, None, "Redeemed Keys", None], ["Training Key", "Created", None, "Training Key", "Redeemed"],
                ["KEY-0001", "2026-01-01", None, "KEY-0002", "2026-02-01"], [478109000000.5, "2026-01-01", None, 5123.5, "2026-02-01"]):  # fmt: skip
        book.active.append(row)
    (tmp_path / "case" / "pools-before").mkdir(parents=True)
    book.save(tmp_path / "case" / "pools-before" / "Side.xlsx")
    result = audit(tmp_path / "case")
    names = result.keys["reference"].tolist()
    where = "(Side.xlsx, Sheet"
    assert sorted(names) == [f"Side, row {row} {where}{more})" for row in (3, 4) for more in ("", ", list 2")]
    assert [result.explain(name).headline.startswith(f"{name} ") for name in names] == [True] * 4
    assert len(result.changes_since(result)) == 0


@pytest.mark.parametrize(
    ("asked", "found"), [("CC2222", 2), ("CCCC2222", 2), ("3CCCC2222", 1), ("…1CCCC2222", 1), ("AAA1111CCCC2222", 1)]
)
def test_an_ending_is_one_however_long(asked: str, found: int, write: Write) -> None:
    told = audit(write("pools-before/P.csv", "Training_Key\nAAAA1111CCCC2222\nBBBB3333CCCC2222")).explain(asked)
    assert told.found == (found == 1)
    assert len(told.lines) == found or told.found


def test_references_of_many_keys_that_need_their_files_too(tmp_path: Path) -> None:
    """Two exports of one pool with the same rows: more names than 16 bits number."""
    (tmp_path / "case" / "pools-before").mkdir(parents=True)
    for file in "ab":
        rows = "".join(f"KEY-{file}-{row:06d}\n" for row in range(16_400))
        (tmp_path / "case" / "pools-before" / f"{file}.csv").write_text(f"Training Key\n{rows}", encoding="utf-8")
    (tmp_path / "case" / "case.toml").write_text('[files."*"]\npool = "P"\n', encoding="utf-8")
    told = audit(tmp_path / "case").explain("P, row 16401 (b.csv)")
    assert told.headline.startswith("P, row 16401 (b.csv) …6399 is ")


def test_nothing_is_made_up(case: Path) -> None:
    told = audit(case).explain("Nobody Here")
    assert (told.found, told.lines) == (False, ())
    assert told.headline == "No export knows this code or learner, and no code resembles it."


def test_what_is_no_text_is_no_key(case: Path) -> None:
    """A sign that a terminal could not read."""
    result = audit(case)
    assert not result.explain("\udcff").found
    assert result.explain("KEY-00000003\udcff").found  # as in any other text


def test_without_a_key_there_is_nothing_to_explain(write: Write) -> None:
    result = audit(write("pools-before/P.csv", "Training_Key Course"))
    told = result.explain()
    assert (told.found, told.headline) == (False, "There is no key to explain: no export shows one.")


def test_no_name_is_taken_for_mathematics(write: Write) -> None:
    """JupyterLab sets what stands between two dollar signs as a formula, but for what is marked."""
    result = audit(write("pools-before/$5_a$ and $6^b$.csv", "Training_Key Course Redeemed\nAAAA0001 C ."))
    for shown in (result, result.explain()):
        assert re.match(r'<div class="tex2jax_ignore mathjax_ignore"', shown._repr_html_())
