"""Set keyaudit up and run it: `python start.py`, `python start.py test | lab | regenerate`.

Standard library only. The first run installs what requirements.lock names into .venv; later runs start at once.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
READY = VENV / "keyaudit-ready"
SAMPLE = Path("data/samples/halfway")
AT_ONCE = ["--numprocesses=logical", "--maxprocesses=4", "--dist=loadscope"]
TESTS = [
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["pytest", "tests", "--nbval", "--nbval-current-env", "notebooks", *AT_ONCE],
]
NO_CLOCK = "--ExecutePreprocessor.record_timing=False"
REGENERATE = [
    ["data/samples/make.py"],
    ["docs.make"],
    ["jupyter", "nbconvert", "--execute", "--inplace", "--to=notebook", NO_CLOCK, "notebooks/*.ipynb"],
]


def main() -> int:
    """Run what was asked for; returns the exit code."""
    task = sys.argv[1] if len(sys.argv) > 1 else "demo"
    if sys.version_info < (3, 11):
        print(f"keyaudit needs Python 3.11 or newer; this is {sys.version.split()[0]}. Install one and run it again.")
        return 2
    if task not in ("demo", "test", "lab", "regenerate"):
        print("Usage: python start.py [test | lab | regenerate]")
        return 2
    os.chdir(ROOT)
    if not set_up():
        return 2
    if task in ("test", "regenerate"):
        return run_all(TESTS if task == "test" else REGENERATE)
    if task == "lab":
        return run("jupyter", "lab", "--LabApp.news_url=None", "notebooks/00_start_here.ipynb")
    print(f"Auditing {SAMPLE} as of 2026-04-09 ...\n", flush=True)
    code = run("keyaudit", "audit", str(SAMPLE), "--as-of", "2026-04-09", "--out", "report", "--fail-on", "never")
    print("Notebooks: notebooks (python start.py lab opens them)")
    return code


def set_up() -> bool:
    """Make .venv as the lock says, unless it is so already."""
    state = hashlib.sha256()
    for name in ("requirements.lock", "pyproject.toml"):
        state.update((ROOT / name).read_bytes())
    if READY.exists() and READY.read_text() == state.hexdigest() and PYTHON.exists():
        return True
    began = time.monotonic()
    print("Setting up .venv (once; about a minute) ...", flush=True)
    READY.unlink(missing_ok=True)
    venv.EnvBuilder(with_pip=True, clear=VENV.exists()).create(VENV)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for step in (["--require-hashes", "-r", "requirements.lock"], ["--no-deps", "--no-build-isolation", "-e", "."]):
        if subprocess.run([*pip, *step], check=False).returncode:
            print("\nThe set-up did not finish. Is the network there, and may pip reach the package index?")
            print("Nothing else was changed: run the same command again when it is.")
            return False
    READY.write_text(state.hexdigest())
    print(f"Ready after {time.monotonic() - began:.0f} s.\n", flush=True)
    return True


def run_all(commands: list[list[str]]) -> int:
    """Run one after the other; stop at the first that fails."""
    for command in commands:
        print(f"\n$ {' '.join(command)}", flush=True)
        if code := run(*command):
            return code
    return 0


def run(module: str, *arguments: str) -> int:
    """Run a module, or a file, in .venv."""
    try:
        what = [module] if module.endswith(".py") else ["-m", module]
        return subprocess.run([str(PYTHON), *what, *arguments], check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
