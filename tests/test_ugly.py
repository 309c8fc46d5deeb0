"""The sample `ugly`: one artefact a file, each read as its README says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import keyaudit as ka
from keyaudit.exports.read import FileOptions, read_role
from keyaudit.exports.records import Export

UGLY = Path(__file__).parent.parent / "data" / "samples" / "ugly"
NOTED = {
    "formula wrapper.csv": "uniform_padding",
    "fragile wrapper.csv": "uniform_padding",
    "apostrophe.csv": "uniform_padding",
    "leading tab.csv": "uniform_padding",
    "every code padded.csv": "uniform_padding",
    "invisible.csv": "padded_key",
    "semicolons.csv": "same_file_twice",
    "blank code.csv": "blank_key",
    "several codes in one cell.csv": "several_keys_in_cell",
    "header pasted.csv": "header_as_key",
    "hidden.xlsx": "hidden_rows",
    "hidden sheet.xlsx": "hidden_rows",
    "text inside.xlsx": "column_missing",
    "workbook inside.csv": "column_missing",
    "number.xlsx": "excel_damage",
    "16 digits.xlsx": "excel_damage",
    "padding format.xlsx": "excel_damage",
    "a date.xlsx": "excel_damage",
    "true.xlsx": "excel_damage",
    "formula.xlsx": "excel_damage",
    "error.xlsx": "excel_damage",
    "exponent.xlsx": "excel_damage",
    "ambiguous dates.csv": "ambiguous_dates",
    "dates Excel swapped.xlsx": "ambiguous_dates",
    "implausible date.csv": "unreadable_date",
}


@pytest.fixture(scope="module")
def audit() -> Any:
    return ka.open_case(UGLY).reconcile(as_of="2026-04-09")


@pytest.fixture(scope="module")
def before() -> Export:
    declared = tomllib.loads((UGLY / "case.toml").read_text(encoding="utf-8"))["files"]
    return read_role("pools_before", UGLY / "pools-before", lambda label: FileOptions(**declared.get(label, {})))


def rows_of_the_readme() -> list[tuple[str, int, int]]:
    """File, keys, codes not readable."""
    text = (UGLY / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \|.*\| (\d+) keys(?: \+ (\d+) not readable)? \|$", text, re.M)
    return [(file, int(keys), int(blind or 0)) for file, keys, blind in rows]


@pytest.mark.parametrize(("file", "keys", "blind"), rows_of_the_readme(), ids=lambda value: str(value))
def test_every_artefact_is_read_as_said(before: Export, file: str, keys: int, blind: int) -> None:
    own = before.rows[before.rows["source_file"] == f"pools-before/{file}"]
    assert (own["training_key"].nunique(), int(own["training_key"].isna().sum())) == (keys, blind)
    noted = {note.code for note in before.told if note.source_file == f"pools-before/{file}"}
    assert sorted(noted & set(NOTED.values())) == ([NOTED[file]] if file in NOTED else [])


def test_every_file_shows_one_redemption_whatever_its_form(before: Export) -> None:
    """The one redemption of each file is seen through every layout, and nothing else is taken for one."""
    files = [before.files[file].source_file.removeprefix("pools-before/") for file in before.file]
    counts = dict.fromkeys({*files} - {"recreated.csv"}, 0)
    for file, is_redeemed in zip(files, before.signs["redeemed"], strict=True):
        counts[file] = counts.get(file, 0) + int(is_redeemed)
    assert counts.pop("two pools under titles.csv") == 2
    assert counts.pop("recreated.csv", 0) == 0
    assert set(counts.values()) == {1}
    assert not before.signs["redemption_unreadable"].any()
    assert {file.shows["redemption"] for file in before.files} == {"yes"}


def test_every_file_has_its_row() -> None:
    files = {path.name for path in Path(UGLY / "pools-before").iterdir()}
    assert {file for file, _, _ in rows_of_the_readme()} == files


def test_every_pool_has_one_redeemed_key_whatever_its_form(audit: Any) -> None:
    """The one redemption of each pool is seen through every layout; nothing else is taken for one."""
    counts = audit.pools.set_index("pool")["redeemed"]
    assert set(counts.drop("recreated")) == {1}
    assert audit.keys["redeemed_at"].dropna().dt.strftime("%Y-%m-%d").unique().tolist() == ["2025-10-23"]
    assert counts["recreated"] == 0


def test_recreated_codes_keep_their_damage(audit: Any) -> None:
    own = audit.keys[audit.keys["pool"].astype("str") == "recreated"].set_index("training_key")
    assert own["status"].astype("str").to_dict() == {
        "UGLY-2025-01": "altered",
        "UGLY-2025-02": "migrated",
        "UGLY-2025-03": "altered",
        "000123456": "altered",
        "4711002026": "altered",
    }
    assert own["damage"].astype("str").fillna("").to_dict() == {
        "UGLY-2025-01": "unicode",
        "UGLY-2025-02": "",
        "UGLY-2025-03": "extra",
        "000123456": "excel",
        "4711002026": "excel",
    }


def test_a_pool_has_its_whole_name(audit: Any) -> None:
    names = {"A pool whose name is longer than a tab", "signs [lost]", "first of two", "second of two"}
    assert names <= set(audit.pools["pool"])


def test_what_cannot_be_trusted_is_not_known(before: Export) -> None:
    """3 February opened as month first; the text beside it stays what it is."""
    own = before.rows.set_index("source_file").loc["pools-before/dates Excel swapped.xlsx"]
    assert own["created_at"].isna().all()
    assert own["expires_on"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2026-12-31"]


def test_what_was_set_aside_is_told(before: Export) -> None:
    damaged = {file.source_file: file.damaged for file in before.files if file.damaged}
    assert damaged == {"pools-before/quotation mark.csv": 1, "pools-before/ragged.csv": 1}
    codes = before.rows.set_index("source_file")["training_key"]
    assert codes.loc["pools-before/smart dash.csv"].str.contains("\u2013").tolist() == [False] * 5 + [True]
    assert codes.loc["pools-before/padding format.xlsx"].str.fullmatch("00[0-9]{7}").all()
