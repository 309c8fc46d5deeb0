"""The pages of docs/: printed from the code, run, linked, and true where they promise something."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLES, files_of, keyaudit

from keyaudit.rulebook import FINDINGS, STATUSES

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
PICTURES = sorted([*DOCS.rglob("*.png"), *DOCS.rglob("*.webp")])
MOST = 163_500  # bytes of all pictures: a clone is fetched by everybody


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_says_what_the_code_says(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables are the code's, and its Python blocks print what it shows. Mend it with `python start.py regenerate`."""
    monkeypatch.chdir(ROOT)
    rendered: Callable[[Path], str] = runpy.run_path("docs/make.py")["rendered"]
    text = page.read_text(encoding="utf-8")
    assert text == rendered(page)
    assert not re.search(r"```text\n```|-->\n<!-- end", text)  # nothing that should be printed is missing
    used = re.findall(r"^<!-- (.*) -->$", text, re.M)
    assert set(used) <= {*runpy.run_path("docs/make.py")["PARTS"], "end"}


def test_statuses_and_findings_are_all_there() -> None:
    """Each with its rule, and in the order of the rule book: the first status that is true counts."""
    text = (DOCS / "statuses-and-findings.md").read_text(encoding="utf-8")
    table = text.partition("<!-- statuses -->")[2].partition("<!-- end -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == list(STATUSES)
    steps = re.findall(r"^\| `(\w+)` \|", text.partition("<!-- steps -->")[2].partition("<!-- end -->")[0], re.M)
    assert steps == [code for code, row in STATUSES.items() for _ in row.steps]
    found = re.findall(r"^\| `(\w+)` \|", text.partition("<!-- findings -->")[2].partition("<!-- end -->")[0], re.M)
    assert sorted(found) == sorted(FINDINGS)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_picture_is_shown_somewhere_and_all_are_small() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (*PAGES, ROOT / "README.md"))
    assert [path.name for path in PICTURES if path.relative_to(DOCS).as_posix() not in pages] == []
    assert sum(path.stat().st_size for path in PICTURES) <= MOST


# --- in the browser: what a browser's Python lacks is not needed ---

BROWSER = """
import sys, threading

def refuse(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = refuse
sys.modules |= dict.fromkeys(("rapidfuzz", "tqdm", "itables", "polars", "python_calamine", "IPython"))

import keyaudit
for name in keyaudit.__all__:
    getattr(keyaudit, name)
from keyaudit import charts, cli
keyaudit.readable_tables()  # without IPython: nothing
cli.main(sys.argv[1:])
"""


def test_without_threads_the_report_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    """Everything is imported and an audit is written as in a browser: docs/in-the-browser.md promises it."""
    command = ["audit", str(SAMPLES / "halfway"), "--as-of", "2026-04-09", "--fail-on", "never", "--out"]
    there = [sys.executable, "-c", BROWSER, *command, str(tmp_path / "browser")]
    runs = [
        keyaudit(*command, tmp_path / "here"),
        subprocess.run(there, cwd=ROOT, capture_output=True, text=True, check=False),
    ]
    assert [(run.returncode, run.stderr) for run in runs] == [(0, ""), (0, "")]
    assert files_of(tmp_path / "browser") == files_of(tmp_path / "here")
    assert len(files_of(tmp_path / "here")) > 10


def test_without_ipython_tables_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyaudit as ka

    for name in [name for name in sys.modules if name.partition(".")[0] == "IPython"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert ka.readable_tables() is None  # type: ignore[func-returns-value]
