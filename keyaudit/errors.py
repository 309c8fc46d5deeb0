"""What stops an audit: one clear message that says where, what was found, what was expected, what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class KeyauditError(Exception):
    """Something the person at the keyboard can mend. The command line prints it and exits with 2."""

    def _render_traceback_(self) -> list[str]:
        """In a notebook: the message alone, as on the command line."""
        return [f"keyaudit: {self}"]


class UnreadableFile(KeyauditError):
    """A file that cannot be read at all. `--keep-going` turns it into a finding."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(file, problem)  # as it was called: so that it can be copied and pickled
        self.file, self.problem = file, problem

    def __str__(self) -> str:
        return f"{self.file}{self.problem if self.problem.startswith(',') else ': ' + self.problem}"


class CaseError(KeyauditError):
    """A case folder or its case.toml does not have the agreed form."""


class Slip(KeyauditError, ValueError):
    """Something was asked for that there is not; the message gives the choices."""


class ReconcileError(KeyauditError):
    """The exports contradict each other in a way no verdict can rest on."""


def toml(value: Any) -> str:
    """A value as case.toml wants it: a text between quotation marks, whatever signs a file's name or header holds."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {toml(one)}' for name, one in value.items())} }}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
