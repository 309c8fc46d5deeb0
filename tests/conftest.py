"""Small cases written as tables, and what is asked of them."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import keyaudit as ka
from keyaudit.exports import read
from keyaudit.exports.files import Request
from keyaudit.keytable import frame
from keyaudit.reconciliation import Reconciliation

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "data" / "samples"

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a CSV export of a case from a table with blanks between the columns; `.` is a blank cell."""

    def write_table(name: str, table: str) -> Path:
        path = tmp_path / "case" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [[cell.replace("_", " ") for cell in line.split()] for line in table.strip().splitlines()]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["" if cell == "." else cell for cell in line] for line in lines])
        return tmp_path / "case"

    return write_table


READ: dict[tuple[str, ...], Any] = {}


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read of a file is remembered: for tests of what comes after. The files themselves are opened each time."""
    read_file = read.read_file

    def remembered(file: Request) -> Any:
        what = (file.role, file.label, file.open().sha256, repr(file.known))
        if what not in READ:
            READ[what] = read_file(file)
        return READ[what]

    monkeypatch.setattr(read, "read_file", remembered)


def audit(case: Path, as_of: str = "2026-04-03") -> Reconciliation:
    return ka.open_case(case).reconcile(as_of=as_of)


def verdicts(result: Reconciliation, column: str = "status") -> dict[str, str]:
    """Code → what the audit says of it; dates as ISO text, blank as ""."""
    keys = frame(result.key_columns, ["training_key", column])  # of thirty columns two are asked for
    values = keys[column]
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.strftime("%Y-%m-%d")
    return dict(zip(keys["training_key"].astype("str").fillna("?"), values.astype("str").fillna(""), strict=True))


def found(result: Reconciliation, code: str) -> list[str]:
    """The keys (or pools) a kind of finding names."""
    findings = frame(result.finding_columns, ["code", "training_key", "pool"]).astype("str").fillna("")
    rows = findings[findings["code"] == code]
    return sorted(rows["training_key"].where(rows["training_key"] != "", rows["pool"]))


def days_after(day: str, count: int) -> str:
    return (dt.date.fromisoformat(day) + dt.timedelta(days=count)).isoformat()


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# --- programs in processes of their own ---

UTF_8 = {"PYTHONIOENCODING": "utf-8"}


def started(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of keyaudit, started as a user does: for what belongs to a start (the environment, the version, the imports)."""
    return _run(["-m", "keyaudit", *map(str, arguments)], Path.cwd(), UTF_8 | environment)


def keyaudit(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of keyaudit, without the second that a start of Python takes."""
    return forked("keyaudit.cli", *arguments, **environment)


def forked(
    program: str, *arguments: object, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What the `main` of a module says and how it ends, in a process of its own."""
    given, folder, environment = [*map(str, arguments)], folder or Path.cwd(), UTF_8 | environment
    if not hasattr(os, "fork"):
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        return _run(
            ["-c", f"import sys, {program} as it; it.main(sys.argv[1:])", *given],
            folder,
            environment | {"PYTHONPATH": path},
        )
    starter, said = _starter()
    assert starter.stdin is not None and starter.stdout is not None
    starter.stdin.write(json.dumps([program, given, os.environ | environment, str(folder), str(said)]) + "\n")
    starter.stdin.flush()
    code = int(starter.stdout.readline())
    encoding = environment["PYTHONIOENCODING"].partition(":")[0]
    out, err = ((said / name).read_text(encoding=encoding) for name in ("out", "err"))
    return subprocess.CompletedProcess(given, code, out, err)


def _run(arguments: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command, env = [sys.executable, *arguments], os.environ | environment
    encoding = environment["PYTHONIOENCODING"].partition(":")[0]
    return subprocess.run(
        command, capture_output=True, text=True, encoding=encoding, cwd=folder, env=env, check=False, input=""
    )


@cache
def _starter() -> tuple[subprocess.Popen[str], Path]:
    """Made when first asked for; it ends with its standard input."""
    command = [sys.executable, str(Path(__file__).with_name("starting.py"))]
    running = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | UTF_8, text=True
    )
    return running, Path(tempfile.mkdtemp(prefix="keyaudit-said-"))


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    if _starter.cache_info().currsize:
        running, said = _starter()
        running.communicate(timeout=60)
        shutil.rmtree(said)


# --- how the tests are run ---


def pytest_configure() -> None:
    """Ctrl-C is tried out, also where whoever started the tests ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


PROGRAMS = {"libreoffice": "soffice", "browser": "chromium", "jupyterlab": "chromedriver"}
TOGETHER = ("test_jupyterlab", "test_wheel", "test_notebooks", "test_benchmarks", "test_properties", ".ipynb")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that needs a program is left out where it is not installed, loudly; in CI it must run."""
    for item in items:
        for marker, program in PROGRAMS.items():
            if item.get_closest_marker(marker) and not shutil.which(program) and os.environ.get("CI") != "true":
                item.add_marker(pytest.mark.skip(reason=f"{program} is not installed: CI runs this test"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests run in several processes: cells of a notebook, and tests that share what takes seconds, run in one."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if any(name in file for name in TOGETHER) else nodeid

    return Scheduling(config, log)
