"""What stops an audit: one clear message that says where, what was found, what was expected, what to do."""

from __future__ import annotations


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
