"""Runs that write a small set, to be killed by test_place.py: at every change of a file, or at any moment.

Reads lines of JSON [target, version, change, exchanges, output] and starts a process for each, which kills itself before that
change (0: never); `exchanges` is false as on a system where two folders cannot change places. Answers with the number of
the process and, after one more line, with its exit code once it has ended. What the process has to say stands in the output file.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keyaudit.errors import KeyauditError
from keyaudit.interrupts import stoppable
from keyaudit.report import place

CHANGES = ("os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.chmod", "os.utime", "os.symlink")


def write(version: str) -> Any:
    """A set of five files whose contents, and one of whose names, depend on the version."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("sheet.xml"), f"<sheet>{version}</sheet>" * 50)
    workbook = made.getvalue()

    def write_into(folder: Path) -> Iterable[tuple[str, int]]:
        (folder / "keys.txt").write_text(f"KEY-1 {version}\nKEY-2 {version}\n")
        (folder / "report.xlsx").write_bytes(workbook)
        (folder / "report.html").write_text(f"<p>{version}</p>")
        (folder / "plan").mkdir()
        (folder / "plan" / "steps.txt").write_text(f"{version}\n[ ] 1. Export the pool.\n")
        (folder / "plan" / f"01 {version} - paste.txt").write_text("KEY-1\n")
        paste = f"plan/01 {version} - paste.txt"
        return {"keys.txt": 2, "report.xlsx": 2, "report.html": 1, "plan/steps.txt": 2, paste: 1}.items()

    return write_into


def manifest(outputs: dict[str, Any]) -> dict[str, Any]:
    return {"tool": "keyaudit 0.2.0", "as_of": "2026-04-09", "options": {}, "outputs": outputs}


def run(target: Path, version: str, last: int, exchanges: bool, output: Path) -> int:
    """One run in a process of its own; its exit code."""
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
        done = exchanges and exchange(one, other)
        change()
        return done

    place._exchange = exchanged
    os.fsync = lambda _: None  # a kill undoes nothing that was written
    content = write(version)
    try:
        with stoppable():
            sys.addaudithook(hook)
            place.write_set(target, "report", content, manifest)
        return 0
    except KeyauditError as problem:
        output.write_text(str(problem))
        return 2
    except KeyboardInterrupt:
        output.write_text("placed" if place.placed() == target.resolve() else "not placed")
        return 130


def main() -> None:
    while line := sys.stdin.readline():
        target, version, last, exchanges, output = json.loads(line)
        number = os.fork()
        if not number:
            code = 1
            try:
                code = run(Path(target), version, last, exchanges, Path(output))
            finally:
                os._exit(code)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        sys.stdin.readline()  # until then its number is no other's
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
