"""The project itself: samples, notebooks, README, structure, the first run."""

from __future__ import annotations

import ast
import filecmp
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLES

from keyaudit import samples
from keyaudit.columns import COLUMNS
from keyaudit.exports.sheets import SUFFIXES
from keyaudit.rulebook import STATUSES

MACHINE_PATH = re.compile(rf"(?:^|[^A-Za-z0-9_.])/(?:{'|'.join(('home', 'root', 'tmp', 'Users', 'work'))})/[a-z]")


def tracked() -> list[Path]:
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)  # noqa: S607
    return [ROOT / name for name in run.stdout.decode().split("\0") if name]


# --- samples ---


def test_the_samples_are_made_by_the_rehearsal_byte_for_byte(tmp_path: Path) -> None:
    samples.write_samples(tmp_path)
    for made in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert filecmp.cmp(made, SAMPLES / made.relative_to(tmp_path), shallow=False), made.name
    exports = {path for path in SAMPLES.rglob("*") if path.suffix in SUFFIXES and "report" not in path.parts}
    assert {path.relative_to(SAMPLES) for path in exports} == {
        path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_sample_says_what_is_in_it(name: str) -> None:
    text = (SAMPLES / name / "README.md").read_text(encoding="utf-8")
    for path in SAMPLES.joinpath(name).rglob("*"):
        if path.suffix in (".csv", ".xlsx") and "report" not in path.parts:
            assert path.name in text, path.name


# --- README ---


def test_the_readme_prints_the_status_table_of_the_code() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [f"| `{code}` | {row.when} |" for code, row in STATUSES.items()]
    assert "\n".join(rows) in text


def test_the_readme_names_two_commands_that_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python start\.py.*$", text, re.M)
    assert commands == ["python start.py", "python start.py test"]
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / link).exists(), link


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word, in a folder where data/samples is found; every sample is named."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.S)
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - our own README
    assert (tmp_path / "report" / "plan" / "steps.txt").is_file()
    assert [folder.name for folder in SAMPLES.iterdir() if f"data/samples/{folder.name}/README.md" not in text] == []


# --- docs ---


@pytest.mark.parametrize("page", ["own-exports", "statuses-and-findings", "how-it-decides"])
def test_a_page_says_what_the_code_says(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables are the code's, and its Python blocks print what it shows. Mend it with `python start.py regenerate`."""
    monkeypatch.chdir(ROOT)
    make = runpy.run_path("docs/make.py")
    path = ROOT / "docs" / f"{page}.md"
    text = path.read_text(encoding="utf-8")
    assert text == make["rendered"](path)
    assert f"docs/{page}.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    used = re.findall(r"^<!-- (.*) -->$", text, re.M)
    assert set(used) <= {*make["PARTS"], "end"}
    assert len(used) + text.count("```python") >= 6


# --- structure ---

FLOORS = [
    {"errors", "columns", "masking", "notebooks", "exports.rows"},
    {"deadlines", "exports.plain"},
    {"exports.package"},
    {"exports.texts", "exports.codes"},
    {"exports.sheets", "exports.dates", "statuses"},
    {"exports.headers", "exports.ahead"},
    {"exports.tables"},
    {"exports.read", "lookalikes"},
    {"pools"},
    {"facts"},
    {"verdicts", "findings", "changes", "explain"},
    {"reconciliation"},
    {"card", "share", "plan", "report.bigsheet", "charts.sheet"},
    {"charts.timeline", "charts.tallies"},
    {"charts.left", "charts.redeemed", "charts.works"},
    {"charts"},
    {"report.workbook", "report.page", "report.lists"},
    {"report"},
    {"case"},
    {"cli"},
    {"__main__"},
]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keyaudit"):
            module = (node.module or "").removeprefix("keyaudit").removeprefix(".")
            found |= {module} if module else set()
    return found


def test_imports_go_one_way() -> None:
    """Each module imports only from floors below it; the card is loaded when it is shown."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names} | {"rehearsal": 2, "exports": 0}
    floor |= {"samples.stories": 3, "samples.ugly": 3, "samples": 4, "samples.__main__": 5}
    for path in (ROOT / "keyaudit").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT / "keyaudit").with_suffix("").parts).removesuffix(".__init__")
        if name in ("__init__", "exports"):
            continue
        assert name in floor, f"{name} has no floor"
        upward = {module for module in imports(path) if floor[module] >= floor[name]} - {"card"}
        assert not upward, f"{name} imports {upward}"
    assert imports(ROOT / "keyaudit" / "rehearsal.py") <= FLOORS[0] | FLOORS[1]
    assert set().union(*map(imports, (ROOT / "keyaudit" / "samples").glob("[su]*.py"))) == {"rehearsal"}


def test_no_room_for_everything() -> None:
    names = {path.stem for path in (ROOT / "keyaudit").rglob("*.py")}
    assert not names & {"utils", "helpers", "common", "misc"}


def test_every_alias_belongs_to_one_column_of_a_role() -> None:
    assert all(column.meaning and column.aliases for column in COLUMNS.values())


# --- files that are committed ---


def test_the_lock_names_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    pinned = re.findall(r"^([\w.-]+)==", text, re.M)
    assert text.count("--hash=sha256:") >= len(pinned) > 40
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    assert {re.split(r"[><=]", name)[0] for name in wanted} <= set(pinned)


def test_no_committed_file_names_a_machine() -> None:
    for path in tracked():
        if path.suffix in (".py", ".md", ".toml", ".ipynb", ".lock", ".html", "") and path.name != "test_project.py":
            assert not MACHINE_PATH.search(path.read_text(encoding="utf-8", errors="replace")), path


def test_own_cases_and_reports_are_never_committed() -> None:
    names = [
        "cases/mine/pools-before/a.csv",
        "report/keys.csv",
        "notebooks/report/keys.csv",
        "data/samples/halfway/report/keys.csv",
        ".venv/x",
    ]
    run = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    assert run.stdout.split() == names


# --- the first run ---


def test_start_is_short_and_needs_nothing_installed() -> None:
    text = (ROOT / "start.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 100
    modules = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert modules <= sys.stdlib_module_names


def test_start_says_how_it_is_used() -> None:
    run = subprocess.run([sys.executable, "start.py", "help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (2, "Usage: python start.py [test | lab | regenerate]")
