"""The project itself: samples, notebooks, README, structure, the first run."""

from __future__ import annotations

import ast
import filecmp
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Collection
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLES

from keyaudit.columns import COLUMNS
from keyaudit.rulebook import FINDINGS, STATUSES

MACHINE_PATH = re.compile(rf"(?:^|[^A-Za-z0-9_.])/(?:{'|'.join(('home', 'root', 'tmp', 'Users', 'work'))})/[a-z]")


def tracked() -> list[Path]:
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)  # noqa: S607
    return [ROOT / name for name in run.stdout.decode().split("\0") if name]


# --- samples ---

MAKE = runpy.run_path(str(SAMPLES / "make.py"))


def test_the_samples_are_made_by_the_rehearsal_byte_for_byte(tmp_path: Path) -> None:
    MAKE["write_samples"](tmp_path)
    for made in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert filecmp.cmp(made, SAMPLES / made.relative_to(tmp_path), shallow=False), made.name
    written = (path for path in tracked() if path.is_relative_to(SAMPLES))
    exports = {path for path in written if path.suffix not in (".md", ".toml", ".py")}
    assert {path.relative_to(SAMPLES) for path in exports} == {
        path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("name", MAKE["SAMPLES"])
def test_every_sample_says_what_is_in_it(name: str) -> None:
    text = (SAMPLES / name / "README.md").read_text(encoding="utf-8")
    for path in SAMPLES.joinpath(name).rglob("*"):
        if path.suffix in (".csv", ".xlsx") and "report" not in path.parts:
            assert path.name in text, path.name


# --- README ---


def test_the_rules_stand_in_one_place() -> None:
    """The README leads to the table of statuses and has no copy of it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/statuses-and-findings.md" in text
    assert not [row.code for row in STATUSES.values() if row.when in text]


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
    assert [
        folder.name
        for folder in SAMPLES.iterdir()
        if folder.is_dir() and f"data/samples/{folder.name}/README.md" not in text
    ] == []


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

FLOORS = [  # modules, and folders of modules; each imports from its own floor and from those below, never in a circle
    "errors words columns calendar masking coded rulebook markup interrupts",
    "exports",
    "pools links lookalikes facts settings verdicts checks findings keytable tallies changes",
    "audit",
    "card charts explain notebook plan report share",
    "reconciliation case checking new rehearsal cli __main__",
]
HOMONYMS = {  # words that are also a status, and where they are something else
    "redeemed": "columns exports facts pools keytable checks explain",  # what a file shows of a key
    "new": "__init__ changes exports report",  # a key since the former audit; a cell; a folder; a command
    "undistributed": "exports",  # a cell
    "migrated": "card",  # the answer
}


def modules() -> dict[str, ast.Module]:
    """Every module of the package by its name below it."""
    folder = ROOT / "keyaudit"
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix("__init__").rstrip("."): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in folder.rglob("*.py")
        if path != folder / "__init__.py"
    }


def imports(tree: ast.Module, known: Collection[str]) -> set[str]:
    """The modules of the package that one imports, wherever in it: in a function and for types too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "keyaudit":
            module = (node.module or "").removeprefix("keyaudit").removeprefix(".")
            for alias in node.names:
                name = f"{module}.{alias.name}".strip(".")
                found.add(name if name in known else module)
    return found & set(known)


def test_imports_go_one_way() -> None:
    trees = modules()
    graph = {name: imports(tree, trees) - {name} for name, tree in trees.items()}
    floor = {name: number for number, names in enumerate(FLOORS) for name in names.split()}
    assert {name.split(".")[0] for name in graph} == set(floor)
    upward = [
        f"{name} imports {other}"
        for name, others in graph.items()
        for other in others
        if floor[other.split(".")[0]] > floor[name.split(".")[0]]
    ]
    assert upward == []
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_statuses_and_findings_are_named_in_the_rule_book_alone() -> None:
    """Elsewhere they are attributes of it, which a slip in the name cannot survive."""
    found = [
        f"{name}:{node.lineno}: {node.value}"
        for name, tree in {**modules(), "__init__": ast.parse((ROOT / "keyaudit" / "__init__.py").read_text())}.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in {*STATUSES, *FINDINGS}
        if name.split(".")[0] not in ("rulebook", *HOMONYMS.get(node.value, "").split())
    ]
    assert found == []


def test_a_module_is_read_in_one_sitting() -> None:
    sizes = {
        path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "keyaudit").rglob("*.py")
    }
    assert {name: size for name, size in sizes.items() if size > 450} == {}


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
