"""The recipes of other tools reach what exact codes prove. Run with the group `bench`: `pytest benchmarks`. (BENCHMARKS.md)"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import generate
import pytest

BENCHMARKS = Path(__file__).parent


@pytest.mark.parametrize("name", ["polars", "duckdb"])
def test_the_bare_joins_reach_what_exact_codes_prove(name: str, tmp_path: Path) -> None:
    truth = generate.make_case(tmp_path, 400, "csv")
    command = [sys.executable, str(BENCHMARKS / "rivals.py"), name, str(tmp_path / "case")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)["statuses"] == truth["by_join"]


def test_the_recipe_out_of_core_agrees_with_the_audit(tmp_path: Path) -> None:
    truth = generate.make_case(tmp_path, 400, "csv")
    command = [sys.executable, str(BENCHMARKS / "out_of_core.py"), str(tmp_path / "case"), "--verify", "400"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=BENCHMARKS.parent).stdout)
    assert told["statuses"] == truth["by_join"]
    assert told["verified"].endswith("16 altered or stray")
