"""Everything an audit says of every sample, word for word: `python tests/test_golden.py` writes it anew, to be read before it is committed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from conftest import SAMPLES

import keyaudit as ka
from keyaudit.columns import KEYS

GOLDEN = Path(__file__).parent / "golden"
DAYS = {  # the days on which each is spoken of: before the deadline, between the deadlines, after the removal
    "two-files": ["2026-04-09"],
    "halfway": ["2026-04-09"],
    "one-pool/after": ["2026-04-02"],
    "clean": ["2026-04-09"],
    "late-backup": ["2026-04-20"],
    "after-sunset": ["2026-11-22"],
    "odd-exports": ["2026-05-10"],
}
pytestmark = pytest.mark.usefixtures("read_once")
CASES = [(case, day) for case, days in DAYS.items() for day in days]
SAID = [name for name in KEYS if name not in ("training_key", "source_file", "source_sheet", "source_row")]


def told(sample: str, day: str) -> str:
    """The verdict, every key, every finding, every step: a line each, codes by their last four signs."""
    audit = ka.open_case(SAMPLES / sample).reconcile(as_of=day)
    plan = ka.migration_plan(audit)
    keys = audit.keys[SAID].assign(lookalike="…" + audit.keys["lookalike"].str[-4:])
    findings = audit.findings.assign(training_key="…" + audit.findings["training_key"].str[-4:])
    tables = {"Keys": keys, "Findings": findings, "Pools": audit.pools, "Batches": plan.batches}
    tables |= {
        "Steps": plan.steps,
        "Actions": plan.keys.drop(columns="training_key"),
        "Outlook": audit.outlook().reset_index(),
    }
    rows = {
        name: [[_text(cell) for cell in row.values()] for row in table.to_dict("records")]
        for name, table in tables.items()
    }
    often = Counter(cell for table in rows.values() for row in table for cell in row if len(cell) > 30)
    number = {
        cell: f"[{place}]" for place, cell in enumerate(sorted(cell for cell, times in often.items() if times > 1), 1)
    }
    lines = repr(audit).splitlines()
    for name, table in tables.items():
        lines += ["", f"# {name}: {' | '.join(table.columns)}"]
        lines += [" | ".join(number.get(cell, cell) for cell in row) for row in rows[name]]
    return "\n".join([*lines, "", "# Texts", *(f"{place} {text}" for text, place in number.items())]) + "\n"


def _name(sample: str, day: str) -> str:
    return f"{sample.replace('/', ' ')} {day}.txt"


def _text(value: object) -> str:
    """A cell; a code in it (a lookalike) by its last four signs."""
    if value is None or value != value:
        return ""
    return f"{value:%Y-%m-%d}" if isinstance(value, dt.datetime) else str(value).replace("\n", " / ")


@pytest.mark.parametrize(("sample", "day"), CASES)
def test_everything_that_is_said_of_a_sample(sample: str, day: str) -> None:
    golden = (GOLDEN / _name(sample, day)).read_text(encoding="utf-8")
    assert told(sample, day).splitlines() == golden.splitlines()


def test_every_sample_has_its_golden_text() -> None:
    samples = {path.name for path in SAMPLES.iterdir() if path.is_dir()}
    assert samples == {"ugly", *(sample.split("/")[0] for sample in DAYS)}  # how `ugly` is read, test_ugly says
    assert {path.name for path in GOLDEN.iterdir()} == {_name(sample, day) for sample, day in CASES}


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for case, on in CASES:
        (GOLDEN / _name(case, on)).write_text(told(case, on), encoding="utf-8", newline="\n")
