"""Card, terminal, page, workbook, machine files and charts tell one and the same count of every status. (HAZARDS P29)"""

from __future__ import annotations

import csv
import html
import json
import re
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from conftest import SAMPLES

import keyaudit as ka
from keyaudit import charts
from keyaudit.cli import _told
from keyaudit.rulebook import STATUSES


@pytest.mark.parametrize(("sample", "day"), [("halfway", "2026-04-09"), ("after-sunset", "2026-11-22")])
def test_every_view_tells_the_same_counts(sample: str, day: str, tmp_path: Path) -> None:
    """Counted here from keys.csv, which is the longest and the plainest of them."""
    audit = ka.open_case(SAMPLES / sample).reconcile(as_of=day)
    folder = ka.write_report(audit, tmp_path / "report")
    with (folder / "keys.csv").open(encoding="utf-8", newline="") as file:
        keys = list(csv.DictReader(file))
    counts = {code: n for code in STATUSES if (n := Counter(row["status"] for row in keys)[code])}
    open_ = sum(row["act_by"] != "" for row in keys)
    headline = f"{open_} of {len(keys)} keys need somebody."

    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert {code: n for code, n in summary["statuses"].items() if n} == counts
    assert (summary["keys"], summary["tie_out"]["unexplained"]) == (len(keys), 0)

    assert {m[0]: int(m[1]) for m in re.findall(r"^  (\w+) +(\d+)  \w", repr(audit), re.M)} == counts
    assert headline in repr(audit)
    assert headline in audit._repr_html_()
    card = " ".join(re.sub(r"<[^>]+>", " ", audit._repr_html_()).split())
    assert all(f"{code.replace('_', ' ')} {count} " in card for code, count in counts.items())

    assert headline in "\n".join(_told(audit, folder, share=False))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert headline in html.unescape(page)
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert all(f"{code.replace('_', ' ')} {count}" in text for code, count in counts.items())

    sheet = openpyxl.load_workbook(folder / "report.xlsx")["Summary"]
    rows = {row[0].value: row[1].value for row in sheet.iter_rows() if row[0].value in STATUSES}
    assert {code: n for code, n in rows.items() if n} == counts
    assert any(cell.value == headline for row in sheet.iter_rows(max_row=4) for cell in row)

    went = charts.where_keys_went(audit)
    assert repr(went).startswith(f"{len(keys)} keys in, {len(keys) - open_} settled, {open_} need somebody.")
    assert (
        repr(charts.status_by_pool(audit))
        .split(". ")[1]
        .startswith(f"{open_} need action, {len(keys) - open_} are safe")
    )
    plan = ka.migration_plan(audit)
    assert len(plan.keys) == open_
    assert audit.summary(by="pool")["keys"].sum() == len(keys)
    assert sum(audit.pools[code].sum() for code in STATUSES) == sum(row["pool"] != "" for row in keys)
