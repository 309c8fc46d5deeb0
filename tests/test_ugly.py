"""The sample `ugly`: one artefact a file, each read as its README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import SAMPLES

import keyaudit as ka
from keyaudit.audit import Reconciliation

UGLY = SAMPLES / "ugly"
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
def audit() -> Reconciliation:
    return ka.open_case(UGLY).reconcile(as_of="2026-04-09")


def rows_of_the_readme() -> list[tuple[str, int, int]]:
    """File, keys, codes not readable."""
    text = (UGLY / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \|.*\| (\d+) keys(?: \+ (\d+) not readable)? \|$", text, re.M)
    return [(file, int(keys), int(blind or 0)) for file, keys, blind in rows]


@pytest.mark.parametrize(("file", "keys", "blind"), rows_of_the_readme(), ids=lambda value: str(value))
def test_every_artefact_is_read_as_said(audit: Reconciliation, file: str, keys: int, blind: int) -> None:
    records = audit._evidence.exports.before.rows
    own = records[records["source_file"] == f"pools-before/{file}"]
    assert (own["training_key"].nunique(), int(own["training_key"].isna().sum())) == (keys, blind)
    noted = audit.findings[
        (audit.findings["source_file"] == f"pools-before/{file}") & (audit.findings["code"].isin(set(NOTED.values())))
    ]
    assert sorted(set(noted["code"])) == ([NOTED[file]] if file in NOTED else [])


def test_every_file_has_its_row() -> None:
    files = {path.name for path in Path(UGLY / "pools-before").iterdir()}
    assert {file for file, _, _ in rows_of_the_readme()} == files


def test_every_pool_has_one_redeemed_key_whatever_its_form(audit: Reconciliation) -> None:
    """The one redemption of each pool is seen through every layout; nothing else is taken for one."""
    counts = audit.pools.set_index("pool")["redeemed"]
    assert set(counts.drop("recreated")) == {1}
    assert audit.keys["redeemed_at"].dropna().dt.strftime("%Y-%m-%d").unique().tolist() == ["2025-10-23"]
    assert counts["recreated"] == 0


def test_recreated_codes_keep_their_damage(audit: Reconciliation) -> None:
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


def test_a_pool_has_its_whole_name(audit: Reconciliation) -> None:
    names = {"A pool whose name is longer than a tab", "signs [lost]", "first of two", "second of two"}
    assert names <= set(audit.pools["pool"])


def test_what_cannot_be_trusted_is_not_known(audit: Reconciliation) -> None:
    """3 February opened as month first; the text beside it stays what it is."""
    own = audit._evidence.exports.before.rows.set_index("source_file").loc["pools-before/dates Excel swapped.xlsx"]
    assert own["created_at"].isna().all()
    assert own["expires_on"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2026-12-31"]


def test_what_was_set_aside_or_not_read_is_told(audit: Reconciliation) -> None:
    told = [text.partition(":")[0] for text in audit.not_checked if text.startswith("pools-before/")]
    assert told == ["pools-before/quotation mark.csv", "pools-before/ragged.csv"]
    codes = audit._evidence.exports.before.rows.set_index("source_file")["training_key"]
    assert codes.loc["pools-before/smart dash.csv"].str.contains("\u2013").tolist() == [False] * 5 + [True]
    assert codes.loc["pools-before/padding format.xlsx"].str.fullmatch("00[0-9]{7}").all()
