"""One word has one number: card, terminal, page, workbook, machine files, charts and plan of an audit. (HAZARDS P29)"""

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
from migrations import random_migration, write_case

import keyaudit as ka
from keyaudit import charts
from keyaudit.card import first_screen
from keyaudit.cli import _told
from keyaudit.reconciliation import Reconciliation
from keyaudit.rulebook import FAMILIES, STATUSES, family
from keyaudit.words import plain


def words_of(markup: str) -> str:
    bare = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", markup, flags=re.S)
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", bare)).split())


@pytest.mark.parametrize("sample", ["halfway", "after-sunset", "two-files", "clean"])
def test_every_view_tells_the_same_counts(sample: str, tmp_path: Path) -> None:
    audit = ka.open_case(SAMPLES / sample).reconcile(as_of="2026-11-22" if sample == "after-sunset" else "2026-04-09")
    assert_one_answer(audit, ka.write_report(audit, tmp_path / "report"))


def test_who_is_locked_out_comes_before_what_else_is_due_on_that_day() -> None:
    audit = ka.open_case(SAMPLES / "after-sunset").reconcile(as_of="2026-11-22")
    dead = [row.works == "no" and family(row.status, row.works) == "dead" for row in audit.keys.itertuples()]
    assert dead == sorted(dead, reverse=True)
    first = [dead[int(task.rows[0])] for task in audit.work]
    assert first == sorted(first, reverse=True)
    assert 0 < sum(first) < len(first)


@pytest.mark.parametrize("seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(10, 50))])
def test_every_view_of_a_random_migration_tells_the_same_counts(seed: int, tmp_path: Path) -> None:
    """On days before, between and after the deadlines. All fifty: `pytest -m long tests/test_one_answer.py`."""
    days = ("2026-04-07", "2026-04-10", "2026-05-08", "2026-05-29", "2026-12-31")
    audit = ka.open_case(write_case(tmp_path / "case", random_migration(seed))).reconcile(as_of=days[seed % len(days)])
    assert_one_answer(audit, ka.write_report(audit, tmp_path / "report"))


def assert_one_answer(audit: Reconciliation, folder: Path) -> None:
    """Every number is counted here from keys.csv, which is the longest and the plainest of the views."""
    with (folder / "keys.csv").open(encoding="utf-8", newline="") as file:
        keys = list(csv.DictReader(file))
    counts = {code: n for code in STATUSES if (n := Counter(row["status"] for row in keys)[code])}
    kinds = Counter(family(row["status"], row["works"]) for row in keys)
    needing = sum(row["act_by"] != "" for row in keys)
    unknown = kinds["unknown"]
    due = sum(row["act_by"] != "" and family(row["status"], row["works"]) not in ("dead", "unknown") for row in keys)
    groups = {"locked out now": kinds["dead"], "due": due, "not known": unknown}
    groups["settled"] = len(keys) - sum(groups.values())

    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert {code: n for code, n in summary["statuses"].items() if n} == counts
    assert (summary["keys"], summary["tie_out"]["unexplained"], summary["groups"]) == (len(keys), 0, groups)
    assert {one.name: one.keys for one in first_screen(audit)} == {
        k: n for k, n in groups.items() if n or k != "not known"
    }

    page = (folder / "report.html").read_text(encoding="utf-8")
    views = {"page": words_of(page), "card": words_of(audit._repr_html_()), "text": " ".join(repr(audit).split())}
    views["terminal"] = " ".join(re.sub(r"\x1b\[\d+m", "", " ".join(_told(audit, folder, to_share=False))).split())
    for name, shown in views.items():
        assert audit.headline in shown, name
        for one in first_screen(audit):
            number = f"{groups[one.name]:,}"
            assert f"{number} {one.words}" in shown or f"{one.words} {number}" in shown, name
    for code, number in counts.items():
        assert f"{plain(code)} {number}" in views["text"]
        assert f"{number} {plain(code)}" in views["card"]
        assert f"{plain(code)} {STATUSES[code].short} {number}" in views["page"]
    for name, (_, _, words) in FAMILIES.items():  # the table of statuses says of each how it stands; together it is all
        told = sum(
            int(n.replace(",", "")) for n in re.findall(rf'<span class="t-{name}">{words}: ([\d,]+)</span>', page)
        )
        assert told == Counter(list(FAMILIES)[place] for place in audit.facts.family_of_key.tolist())[name]
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.S)[0])
    assert Counter(data["groups"][key[4]] for key in data["keys"]) == Counter({k: n for k, n in groups.items() if n})
    assert [data["statuses"][key[3]] for key in data["keys"]] == [plain(row["status"]) for row in keys]

    sheet = openpyxl.load_workbook(folder / "report.xlsx")["Summary"]
    cells = [cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert any(str(cell).startswith(audit.headline) for cell in cells)
    rows = {row[0].value: row[1].value for row in sheet.iter_rows() if row[0].value in map(plain, STATUSES)}
    assert {code: rows[plain(code)] for code in counts} == counts

    went = repr(charts.where_keys_went(audit))
    assert all(f"{n:,} {name}" in went for name, n in groups.items() if n), went
    plan = ka.migration_plan(audit)
    assert len(plan.keys) == needing == audit.needing
    assert audit.summary(by="pool")["keys"].sum() == len(keys)
    assert sum(audit.pools[code].sum() for code in STATUSES) == sum(row["pool"] != "" for row in keys)
