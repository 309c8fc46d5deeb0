"""The sample `ugly`: one artefact a file, each read as its README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import SAMPLES

import keyaudit as ka
from keyaudit.reconciliation import Reconciliation

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
    "number.xlsx": "excel_damage",
    "exponent.xlsx": "excel_damage",
    "ambiguous dates.csv": "ambiguous_dates",
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
    }
    assert own["damage"].astype("str").fillna("").to_dict() == {
        "UGLY-2025-01": "unicode",
        "UGLY-2025-02": "",
        "UGLY-2025-03": "extra",
        "000123456": "excel",
    }


def test_a_pool_has_its_whole_name(audit: Reconciliation) -> None:
    assert "A pool whose name is longer than a tab" in set(audit.pools["pool"])
