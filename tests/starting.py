"""Starts programs of Python, each in a process of its own, from one that has imported all: what takes a second is done once.

Reads lines of JSON [module with a main, arguments, environment, folder to work in, folder for what is said] and answers
each with an exit code; what the program said stands in `out` and `err` of the last folder then. Needs `fork`.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import time
from pathlib import Path

import keyaudit

LATER = ("matplotlib.backends.backend_svg", "openpyxl", "xlsxwriter")  # what is imported only where it is needed


def run(program: str, arguments: list[str], environment: dict[str, str], folder: str, said: Path) -> int:
    """Its exit code; what it changes in this process goes with the process."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    encoding, _, errors = environment["PYTHONIOENCODING"].partition(":")
    for number, name in enumerate((os.devnull, said / "out", said / "err")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY), number)
        stream = os.fdopen(number, "w" if number else "r", encoding=encoding, errors=errors or "strict")
        setattr(sys, ("stdin", "stdout", "stderr")[number], stream)
    try:
        importlib.import_module(program).main(arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code)
            return 1
        return end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def main() -> None:
    for module in pkgutil.walk_packages(keyaudit.__path__, "keyaudit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LATER:
        importlib.import_module(name)
    while line := sys.stdin.readline():
        program, arguments, environment, folder, said = json.loads(line)
        importlib.import_module(program)
        if not (number := os.fork()):
            code = 1
            try:
                code = run(program, arguments, environment, folder, Path(said))
            finally:
                os._exit(code)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
