"""The project itself: samples, notebooks, README, structure, the first run."""

from __future__ import annotations

import ast
import filecmp
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLES

from keyaudit import rehearsal
from keyaudit.columns import COLUMNS
from keyaudit.exports.sheets import SUFFIXES
from keyaudit.statuses import STATUSES

MACHINE_PATH = re.compile(rf"(?:^|[^A-Za-z0-9_.])/(?:{'|'.join(('home', 'root', 'tmp', 'Users', 'work'))})/[a-z]")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def tracked() -> list[Path]:
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)  # noqa: S607
    return [ROOT / name for name in run.stdout.decode().split("\0") if name]


# --- samples ---


def test_the_samples_are_made_by_the_rehearsal_byte_for_byte(tmp_path: Path) -> None:
    rehearsal.write_samples(tmp_path)
    for made in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert filecmp.cmp(made, SAMPLES / made.relative_to(tmp_path), shallow=False), made.name
    exports = {path for path in SAMPLES.rglob("*") if path.suffix in SUFFIXES and "report" not in path.parts}
    assert {path.relative_to(SAMPLES) for path in exports} == {
        path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("name", rehearsal.SAMPLES)
def test_every_sample_says_what_is_in_it(name: str) -> None:
    text = (SAMPLES / name / "README.md").read_text(encoding="utf-8")
    for path in SAMPLES.joinpath(name).rglob("*"):
        if path.suffix in (".csv", ".xlsx") and "report" not in path.parts:
            assert path.name in text, path.name


# --- notebooks ---


def outputs(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return json.dumps([cell.get("outputs", []) for cell in cells], ensure_ascii=False)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_was_run_from_top_to_bottom(notebook: Path) -> None:
    """nbval passes a notebook whose outputs were cleared; this does not."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in code]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert sum(bool(cell["outputs"]) for cell in code) >= len(code) - 2
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert [cell["metadata"].get("tags") for cell in code].count(["parameters"]) == 1
    assert not any(output["output_type"] in ("stream", "error") for cell in code for output in cell["outputs"])
    assert not any(source.rstrip().endswith(";") for source in sources)
    assert max(len(source.splitlines()) for source in sources) <= 6
    assert not any(re.search(r"^\s*(?:def|class|for|while) ", source, re.M) for source in sources)
    assert notebook.stat().st_size < 1_500_000


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_gives_no_secret_away(notebook: Path) -> None:
    """No full key, no e-mail, no path of a machine; parameters stay within data/samples."""
    text = outputs(notebook)
    assert [code for code in sample_codes() if code in text] == []
    assert not re.search(r"[\w.]+@[\w.]+\.\w+|[A-Z]:\\\\", text)
    assert not MACHINE_PATH.search(text)
    assert re.findall(r'OUT = \\"([^"]*)\\"', notebook.read_text(encoding="utf-8")) in (
        [],
        ["report"],
    )  # not start.py's folder
    (case,) = re.findall(r'CASE = \\"([^"]*)\\"', notebook.read_text(encoding="utf-8"))
    assert case in {f"../data/samples/{name}" for name in rehearsal.SAMPLES}


@cache
def sample_codes() -> tuple[str, ...]:
    """Every code of the samples that is long enough to be told from other text."""
    import keyaudit as ka

    audits = [ka.open_case(SAMPLES / name).reconcile(as_of="2026-04-09") for name in rehearsal.SAMPLES]
    codes = {code for audit in audits for code in audit.keys["training_key"].dropna() if len(code) > 5}
    return tuple(codes - {"Training Key"})


@pytest.mark.parametrize(
    ("notebook", "sentence", "true"),
    [
        ("00_start_here", "82 of 258 keys need somebody", "82 of 258 keys need somebody."),
        ("00_start_here", "Three are missing", r"missing +3\b"),
        ("00_start_here", "sixty are still only in their pools", r"to_migrate +60\b"),
        ("00_start_here", "Of the 139 keys that are distributed but unredeemed, the distribution log names 20", r"unredeemed: 139 \(certain: 20\)"),
        ("01_read_exports", "Eight rows hold no readable code", r"8 keys could not be given a verdict"),
        ("01_read_exports", "two rows were damaged", r"quotation mark\.csv: 1 damaged row[^]]*ragged\.csv: 1 damaged row"),
        ("02_reconcile_keys", "57 keys have moved and are right", r"migrated: 57"),
        ("02_reconcile_keys", "28 keys were redeemed and 32 have moved", None),
        ("02_reconcile_keys", "Six keys were altered", None),
    ],
)  # fmt: skip
def test_figures_in_prose_are_true(notebook: str, sentence: str, true: str | None) -> None:
    text = (ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8")
    assert sentence in text
    if true is not None:
        shown = outputs(ROOT / "notebooks" / f"{notebook}.ipynb") + outputs(ROOT / "notebooks" / "00_start_here.ipynb")
        assert re.search(true, shown)


def test_pool_figures_in_prose_are_true() -> None:
    import keyaudit as ka

    result = ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09")
    by_pool = result.summary(by="pool")
    azure, security = by_pool.loc["Azure Administrator - Contoso"], by_pool.loc["Security Operations - Fabrikam"]
    assert (azure["redeemed"], azure["migrated"]) == (28, 32)
    assert (security["missing"], security["altered"], security["wrong_course"]) == (3, 4, 3)
    assert result.statuses["altered"] == result.statuses["stray"] == 6
    stages = result.pools["stage"].astype(str).tolist()
    assert [stages.count(s) for s in ("closed", "moved", "begun", "not_begun")] == [1, 1, 2, 2]


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


# --- structure ---

FLOORS = [
    {"errors", "columns", "masking", "exports.plain"},
    {"deadlines"},
    {"exports.package"},
    {"exports.texts", "exports.codes"},
    {"exports.sheets", "exports.dates", "statuses"},
    {"exports.headers"},
    {"exports.tables"},
    {"exports.read", "lookalikes"},
    {"pools"},
    {"facts"},
    {"verdicts", "findings", "changes", "explain"},
    {"reconciliation"},
    {"card", "share", "plan", "report.bigsheet", "charts.sheet"},
    {"charts.timeline", "charts.tallies"},
    {"charts.over_time"},
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
    for path in (ROOT / "keyaudit").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT / "keyaudit").with_suffix("").parts).removesuffix(".__init__")
        if name in ("__init__", "exports"):
            continue
        assert name in floor, f"{name} has no floor"
        upward = {module for module in imports(path) if floor[module] >= floor[name]} - {"card"}
        assert not upward, f"{name} imports {upward}"
    assert imports(ROOT / "keyaudit" / "rehearsal.py") <= FLOORS[0] | FLOORS[1]


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
    assert (run.returncode, run.stdout.strip()) == (2, "Usage: python start.py [test | lab]")
