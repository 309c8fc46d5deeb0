"""A run that writes a small set, to be killed by test_place.py: at every change of a file, or at any moment.

python tests/placing.py TARGET VERSION [CHANGE] [plain]: kills itself before the CHANGE-th change (0: never), prints the
number of changes; `plain` as on a system that cannot let two folders change places.
"""

# ruff: noqa: T201
from __future__ import annotations

import io
import os
import signal
import sys
import zipfile
from pathlib import Path
from typing import Any

from keyaudit.errors import KeyauditError
from keyaudit.interrupts import stoppable
from keyaudit.report import place

CHANGES = ("os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.chmod", "os.utime", "os.symlink")


def write(version: str) -> Any:
    """A set of six files whose contents, and one of whose names, depend on the version."""

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("sheet.xml"), f"<sheet>{version}</sheet>" * 50)
    content = made.getvalue()

    def write_into(folder: Path) -> dict[str, int]:
        (folder / "keys.txt").write_text(f"KEY-1 {version}\nKEY-2 {version}\n")
        (folder / "report.xlsx").write_bytes(content)
        (folder / "report.html").write_text(f"<p>{version}</p>")
        (folder / "plan").mkdir()
        (folder / "plan" / "steps.txt").write_text(f"{version}\n[ ] 1. Export the pool.\n")
        (folder / "plan" / f"01 {version} - paste.txt").write_text("KEY-1\n")
        return {
            "keys.txt": 2,
            "report.xlsx": 2,
            "report.html": 1,
            "plan/steps.txt": 2,
            f"plan/01 {version} - paste.txt": 1,
        }

    return write_into


def manifest(outputs: dict[str, Any]) -> dict[str, Any]:
    return {"tool": "keyaudit 0.2.0", "as_of": "2026-04-09", "options": {}, "outputs": outputs}


def main() -> None:
    target, version = Path(sys.argv[1]), sys.argv[2]
    last = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    seen = 0

    def change() -> None:
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            change()

    exchange = place._exchange

    def exchanged(one: Path, other: Path) -> bool:
        change()
        done = "plain" not in sys.argv and exchange(one, other)
        change()
        return done

    place._exchange = exchanged
    sys.addaudithook(hook)
    content = write(version)
    print("begun", flush=True)
    try:
        with stoppable():
            place.write_set(target, "report", content, manifest)
    except KeyboardInterrupt:
        print("interrupted", "placed" if place.placed() == target.resolve() else "not placed", flush=True)
        sys.exit(130)
    except KeyauditError as problem:
        print(problem, flush=True)
        sys.exit(2)
    print(seen, flush=True)


if __name__ == "__main__":
    main()
