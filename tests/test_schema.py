"""The published contract: docs/schema/ describes every file that other programs read, of every sample."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SAMPLES

import keyaudit as ka
from keyaudit.columns import FINDINGS, KEYS

jsonschema = pytest.importorskip("jsonschema")  # comes with jupyterlab

SCHEMA = ROOT / "docs" / "schema"
CASES = sorted(path.parent.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("pools-before"))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def assert_valid(told: Any, name: str) -> None:
    schema = read(SCHEMA / name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [problem.message for problem in jsonschema.Draft202012Validator(schema).iter_errors(told)] == []


@pytest.mark.parametrize(
    ("sample", "share"), [*((sample, False) for sample in CASES), ("halfway", True), ("after-sunset", True)]
)
def test_what_is_written_is_what_is_described(sample: str, share: bool, tmp_path: Path) -> None:
    audit = ka.open_case(SAMPLES / sample).reconcile(as_of="2026-04-09")
    folder = ka.write_report(audit, tmp_path / "r", share=share)
    assert_valid(read(folder / "summary.json"), "summary.schema.json")
    assert_valid(read(folder / "MANIFEST.json"), "manifest.schema.json")
    for resource in read(SCHEMA / "datapackage.json")["resources"]:
        fields = resource["schema"]["fields"]
        with (folder / resource["path"]).open(encoding=resource["encoding"], newline="") as file:
            rows = list(csv.DictReader(file))
            assert list(rows[0] if rows else FINDINGS) == [field["name"] for field in fields]
        for field in fields:
            cells = {row[field["name"]] for row in rows} - {""}
            assert cells <= set(field.get("constraints", {}).get("enum", cells)), field["name"]
            if field["type"] == "date":
                assert all(dt.date.fromisoformat(cell) for cell in cells)
            if field["type"] == "integer":
                assert all(cell.isdecimal() for cell in cells)


def test_a_plan_of_its_own_has_the_same_manifest(tmp_path: Path) -> None:
    audit = ka.open_case(SAMPLES / "two-files").reconcile(as_of="2026-04-09")
    assert_valid(read(ka.write_plan(audit, tmp_path / "p") / "MANIFEST.json"), "manifest.schema.json")


def test_every_column_is_described() -> None:
    keys, findings = (resource["schema"]["fields"] for resource in read(SCHEMA / "datapackage.json")["resources"])
    assert [(field["name"], field["description"]) for field in keys] == list(KEYS.items())
    assert [field["name"] for field in findings] == list(FINDINGS)
    assert all(field["description"] for field in findings)


def test_the_description_notices_a_difference() -> None:
    with pytest.raises(AssertionError):
        assert_valid({"case": "x"}, "summary.schema.json")
