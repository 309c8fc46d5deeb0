"""The wheel alone: installed where no clone is, it shows a demonstration, makes a case and runs its notebooks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLES, files_of, started

import keyaudit

NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("0*.ipynb"))
RUN = ("00_start_here.ipynb", "03_migrate_a_pool.ipynb")  # in kernels; all of them run in test_notebooks


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel, and of this one only what keyaudit depends on.

    A path that a .pth file adds is searched, but its own .pth files are not read: this clone stays out of sight.
    """
    home = tmp_path_factory.mktemp("elsewhere")
    venv.EnvBuilder(with_pip=False).create(home)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    names = {"base": str(home), "platbase": str(home)}
    site = Path(sysconfig.get_path("purelib", vars=names))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(programs / "python"),
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], check=True, capture_output=True)
    return programs


def run(installed: Path, folder: Path, *command: str, code: int = 0) -> str:
    """What a program of that environment prints, started as a user does, in a folder of one's own."""
    hidden = ("PYTHONPATH", "KEYAUDIT_CASE", "KEYAUDIT_AS_OF", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"BROWSER": str(folder / "nothing-opens-by-itself"), "IPYTHONDIR": str(folder / ".ipython")}
    program, *rest = command
    done = subprocess.run(
        [str(installed / program), *rest], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as content:
        (name,) = (name for name in content.namelist() if name.endswith("METADATA"))
        return message_from_bytes(content.read(name))


def test_the_wheel_holds_the_package_its_notebooks_and_one_sample(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = {name for name in content.namelist() if ".dist-info/" not in name}
    package = {
        f"keyaudit/{path.relative_to(ROOT / 'keyaudit').as_posix()}"
        for path in (ROOT / "keyaudit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    sample = {
        f"keyaudit/demo/halfway/{name}"
        for name in files_of(SAMPLES / "halfway")
        if not name.startswith("report") and "/." not in name
    }
    assert names == package | {f"keyaudit/walkthrough/{name}" for name in NOTEBOOKS} | sample
    needed = {"py.typed", "case_template.toml", "report/page.css", "report/page.js"}
    assert {f"keyaudit/{name}" for name in needed} <= names
    assert wheel.stat().st_size < 1_500_000


def test_the_metadata_says_what_is_needed(wheel: Path) -> None:
    told = metadata(wheel)
    assert told["Version"] == keyaudit.__version__
    assert told["Requires-Python"] == ">=3.11"
    versions = [text.rpartition(" :: ")[2] for text in told.get_all("Classifier", []) if "Python :: 3." in text]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    assert [text.partition(">=")[0] for text in told.get_all("Requires-Dist", [])] == [
        "click", "matplotlib", "numpy", "openpyxl", "pandas", "pyarrow", "xlsxwriter", "itables"
    ]  # fmt: skip
    assert told.get_all("Provides-Extra") == ["browse"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not any("pypi" in link for link in project.get("urls", {}).values())


def test_a_demonstration_without_a_clone(installed: Path, tmp_path: Path) -> None:
    """Sample, report, notebooks, in a folder of one's own; the same report as from a clone; nothing opens by itself."""
    assert run(installed, tmp_path, "keyaudit", "--version") == f"keyaudit {keyaudit.__version__}\n"
    where = run(installed, tmp_path, "python", "-c", "import keyaudit; print(keyaudit.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)
    told = run(installed, tmp_path, "keyaudit", "demo")
    demo = tmp_path / "keyaudit-demo"
    for name in ("report/report.html", "report/report.xlsx", "report/plan/steps.txt", "notebooks/00_start_here.ipynb"):
        assert (demo / name).is_file(), name
        assert str(Path("keyaudit-demo") / name) in told, name
    clone = ("audit", SAMPLES / "halfway", "--as-of", "2026-04-09", "--fail-on", "never", "--out", tmp_path / "same")
    assert started(*clone).returncode == 0
    assert files_of(demo / "report")["keys.csv"] == files_of(tmp_path / "same")["keys.csv"]
    assert "exists already" in run_error(installed, tmp_path, "keyaudit", "demo")
    assert not (tmp_path / "nothing-opens-by-itself").exists()


def run_error(installed: Path, folder: Path, program: str, *rest: str) -> str:
    done = subprocess.run([str(installed / program), *rest], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    return done.stderr


def test_a_case_of_ones_own_without_a_clone(installed: Path, tmp_path: Path) -> None:
    """Made, checked, audited, and its notebooks run, from exports to verdict."""
    run(installed, tmp_path, "keyaudit", "new", "mine")
    case = tmp_path / "mine"
    assert sorted(path.name for path in (case / "notebooks").iterdir()) == NOTEBOOKS
    assert (case / ".gitignore").read_text() == "*\n"
    for folder in ("pools-before", "course-keys"):
        shutil.copytree(SAMPLES / "two-files" / folder, case / folder, dirs_exist_ok=True)
    assert "Azure Fundamentals" in run(installed, tmp_path, "keyaudit", "check", "mine")
    told = run(installed, tmp_path, "keyaudit", "audit", "mine", "--as-of", "2026-04-09", code=1)
    keys = json.loads((case / "report" / "summary.json").read_text(encoding="utf-8"))["keys"]
    assert f"of {keys} keys need" in told
    convert = ["-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", *RUN]
    run(installed, case / "notebooks", "python", *convert)
    shown = (case / "notebooks" / RUN[0]).read_text(encoding="utf-8")
    assert f"of {keys} keys need" in shown and "../report/report.html" in shown
