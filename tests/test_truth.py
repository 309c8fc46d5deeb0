"""Simulated migrations whose truth is known: every key's status, works and works_until. (tests/truth)"""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from conftest import ROOT

from keyaudit.cli import main

CASES = sorted((ROOT / "tests" / "truth").glob("*.zip"))


@pytest.mark.parametrize("packed", CASES, ids=lambda path: path.stem)
def test_every_key_has_its_true_verdict(packed: Path, tmp_path: Path) -> None:
    """keys.csv agrees with the truth in status, works and works_until; no key is lost, none is invented."""
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    as_of, out = (tmp_path / "as_of.txt").read_text().strip(), tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        main(["audit", str(tmp_path / "case"), "--as-of", as_of, "--out", str(out), "--fail-on", "never"])
    assert stop.value.code == 0
    truth = _rows(tmp_path / "truth.csv")
    got = _rows(out / "keys.csv")
    blind = [row for row in got if not row["training_key"]]
    assert len(blind) == sum(not row["training_key"] for row in truth)
    assert {row["status"] for row in blind} <= {"undetermined"}
    by_code = {row["training_key"]: row for row in got if row["training_key"]}
    assert set(by_code) == {row["training_key"] for row in truth if row["training_key"]}
    wrong = [
        (row["what_happened"], column, row[column], by_code[row["training_key"]][column])
        for row in truth
        if row["training_key"]
        for column in ("status", "works", "works_until")
        if row[column] not in ("*", by_code[row["training_key"]][column])
    ]
    assert wrong == []
    head, *work = list(openpyxl.load_workbook(out / "report.xlsx")["Today"].iter_rows(min_row=3, values_only=True))
    now: Counter[str] = Counter()
    for row in work:
        named, keys = row[head.index("Now")], row[head.index("Keys")]
        told = re.findall(r"(\d[\d,]*) ([^,]+)", named) or [(str(keys), named)]
        assert sum(int(number.replace(",", "")) for number, _ in told) == keys
        now.update({name: int(number.replace(",", "")) for number, name in told})
    groups = json.loads((out / "summary.json").read_text(encoding="utf-8"))["groups"]
    assert [now[name] for name in ("locked out now", "due")] == [groups["locked out now"], groups["due"]]


def test_there_are_cases_of_all_levels() -> None:
    assert {path.stem.partition("-")[0] for path in CASES} == {"level1", "level2", "level3"}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
