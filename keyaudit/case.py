"""A folder of exports, by convention → a reconciliation. (CATALOGUE §2, DESIGN §4)"""

from __future__ import annotations

import datetime as dt
import difflib
import fnmatch
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from keyaudit.columns import COLUMNS, ROLES, give_back_memory
from keyaudit.deadlines import Calendar
from keyaudit.errors import CaseError, UnreadableFile, toml
from keyaudit.exports.ahead import Ahead
from keyaudit.exports.read import Export, FileOptions, files_of, fold_name, is_data_file, read_role, requests_of
from keyaudit.findings import FINDINGS_TABLE, Accepted
from keyaudit.notebooks import copy_notebooks
from keyaudit.reconciliation import Reconciliation, reconcile

UNREAD = (".xls", ".xlsb", ".ods", ".numbers", ".zip", ".gz", ".7z", ".html", ".htm", ".pdf", ".xml", ".json")
OURS = ("report", "plan", "notebooks")  # folders of a case that keyaudit writes

# The entries of case.toml → the type of their value (or of the values below them).
ENTRIES: dict[str, Any] = {
    "as_of": dt.date,
    "calendar": {entry.name: dt.date for entry in fields(Calendar)},
    "distribution": {"complete": bool},
    "files": {
        "*": {"encoding": str, "day_first": bool, "rows": int, "columns": dict.fromkeys(COLUMNS, str), "pool": str}
    },
    "same_course": {"*": str},
    "same_organization": {"*": str},
    "accepted": [{"finding": str, "pool": str, "reference": str, "reason": str, "until": dt.date}],
}


@dataclass(frozen=True)
class Case:
    """A case folder: where each role's exports are, and what its case.toml declares."""

    root: Path
    folders: Mapping[str, tuple[Path, ...]]  # role → folders that hold exports
    as_of: dt.date | None = None
    calendar: Calendar = field(default_factory=Calendar)
    log_is_complete: bool = False
    files: Mapping[str, FileOptions] = field(default_factory=dict)
    same_course: Mapping[str, str] = field(default_factory=dict)
    same_organization: Mapping[str, str] = field(default_factory=dict)
    accepted: tuple[Accepted, ...] = ()

    def options(self, label: str) -> FileOptions:
        """What case.toml says of a file: the pattern that equals its path first, then the first shell-style match."""
        if label in self.files:
            return self.files[label]
        matches = (options for pattern, options in self.files.items() if fnmatch.fnmatchcase(label, pattern))
        return next(matches, FileOptions())

    def reconcile(
        self,
        as_of: str | dt.date | None = None,
        *,
        keep_going: bool = False,
        progress: Callable[[str], None] = lambda _: None,
    ) -> Reconciliation:
        """Read the exports and reconcile them. `as_of` beats case.toml; without either it is today.

        `keep_going` turns a file that cannot be read into a finding instead of an error. `progress` is told each step
        before it begins.
        """
        unreadable: list[tuple[str, str]] = []

        def pass_over(problem: UnreadableFile) -> None:
            unreadable.append((problem.file, str(problem)))

        read: dict[str, Export] = {}
        paths = {
            role: [file for folder in folders for file in files_of(folder)] for role, folders in self.folders.items()
        }
        with Ahead(file for role in paths for file in requests_of(role, paths[role], self.options)) as ahead:
            for role in paths:
                on_unreadable = pass_over if keep_going else None
                read[role] = read_role(
                    role, paths[role], self.options, on_unreadable=on_unreadable, ahead=ahead, progress=progress
                )
                if not len(read[role].sources):
                    del read[role]  # every file of the role was passed over
        before = read.pop("pools_before", None)
        if before is None and "pools_now" not in read:
            raise CaseError(f"{self.root.name}: no pool export could be read. Put the backup into pools-before.")
        progress("reconciling")
        give_back_memory()  # what the parsers no longer need
        result = reconcile(
            before if before is not None else read_role("pools_before", []),
            read.pop("course_keys", None),
            as_of=as_of if as_of is not None else self.as_of,
            calendar=self.calendar,
            same_course=self.same_course,
            same_organization=self.same_organization,
            log_is_complete=self.log_is_complete,
            accepted=self.accepted,
            unreadable=unreadable,
            **read,
        )
        if not unreadable:  # what a file that was passed over holds is not known
            self._check_accepted(result)
        return result

    def _check_accepted(self, result: Reconciliation) -> None:
        """A slip in the name of a pool or a reference would accept nothing, in silence."""
        pools = {fold_name(name): name for name in (*result.pools["pool"], *result.findings["pool"]) if name}
        references = set(result.keys["reference"])
        for entry in self.accepted:
            for what, word, is_known, known in (
                ("pool", entry.pool, fold_name(entry.pool or "") in pools, pools.values()),
                ("reference", entry.reference, entry.reference in references, references),
            ):
                if word is not None and not is_known:
                    near = difflib.get_close_matches(word, list(known), 1)
                    hint = f" Did you mean {toml(near[0])}?" if near else ""
                    raise CaseError(
                        f"{self.root.name}/case.toml: [[accepted]] {what} = {toml(word)}: no {what} is called so.{hint}"
                    )


def open_case(path: str | Path) -> Case:
    """Find the exports of a case folder and read its case.toml. Raises CaseError for anything not agreed."""
    root = Path(path)
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise CaseError(
            f"{path}: this case folder {what}. `keyaudit new CASE` makes one, with a folder for each export."
        )
    declared = _declared(root)
    folders = _folders(root)
    if not {"pools_before", "pools_now"} & set(folders):
        raise CaseError(
            f"{path}: no pool export found. Put the backup of your pools into {root.name}/pools-before "
            f"({', '.join(sorted(('.xlsx', '.xlsm', '.csv', '.tsv', '.txt')))}). Accepted folders: {_accepted_folders()}."
        )
    labels = [
        f"{file.parent.name}/{file.name}" for role in folders.values() for folder in role for file in files_of(folder)
    ]
    for pattern in declared.get("files", {}):
        if not any(label == pattern or fnmatch.fnmatchcase(label, pattern) for label in labels):
            raise CaseError(
                f"{root.name}/case.toml: [files.{toml(pattern)}] matches no file.{_nearest(pattern, labels)}"
            )
    known = {pattern: FileOptions(**options) for pattern, options in declared.get("files", {}).items()}
    return Case(
        root,
        folders,
        declared.get("as_of"),
        Calendar(**declared.get("calendar", {})),
        declared.get("distribution", {}).get("complete", False),
        known,
        declared.get("same_course", {}),
        declared.get("same_organization", {}),
        tuple(Accepted(**entry) for entry in declared.get("accepted", [])),
    )


def _declared(root: Path) -> dict[str, Any]:
    """What case.toml says, whatever the case of its name; nothing if there is none."""
    found = [entry for entry in sorted(root.iterdir()) if entry.name.casefold() == "case.toml" and entry.is_file()]
    if len(found) > 1:
        raise CaseError(f"{root.name}: {' and '.join(entry.name for entry in found)} are two files. Keep one.")
    return _read_toml(found[0]) if found else {}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.casefold())


_ROLE_OF = {_plain(folder): role.name for role in ROLES.values() for folder in role.folders}


def _accepted_folders() -> str:
    return ", ".join(folder for role in ROLES.values() for folder in role.folders)


def _folders(root: Path) -> dict[str, tuple[Path, ...]]:
    """Role → its folders with exports. Raises CaseError for a data file that no role would read."""
    found: dict[str, list[Path]] = {}
    for entry in sorted(root.iterdir()):
        if entry.name.casefold() in ("case.toml.txt", "case.txt"):
            raise CaseError(f"{root.name}/{entry.name}: rename it to case.toml. (Windows may hide the ending .txt.)")
        if is_data_file(entry) or _is_unread(entry):
            raise CaseError(
                f"{root.name}/{entry.name}: an export must lie in a folder that says what it is. "
                f"Move it into one of: {_accepted_folders()}."
            )
        if (
            not entry.is_dir()
            or entry.name.startswith(".")
            or entry.name in OURS
            or (entry / "MANIFEST.json").is_file()
        ):
            continue
        role = _ROLE_OF.get(_plain(entry.name))
        holds_data = any(is_data_file(file) for file in entry.iterdir())
        if role is None and holds_data:
            near = difflib.get_close_matches(entry.name, [f for r in ROLES.values() for f in r.folders], 1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise CaseError(
                f"{root.name}/{entry.name}: no folder of a case has this name.{hint} Accepted: {_accepted_folders()}."
            )
        if role is not None:
            _refuse_unread(entry)
        if role is not None and holds_data:
            found.setdefault(role, []).append(entry)
    return {role: tuple(found[role]) for role in ROLES if role in found}


def _is_unread(path: Path) -> bool:
    """A file that may hold an export in a form that is not read."""
    return path.is_file() and not path.name.startswith((".", "~$")) and path.suffix.lower() in UNREAD


def _refuse_unread(folder: Path) -> None:
    """An export that would be passed over in silence stops the audit."""
    for entry in sorted(folder.iterdir()):
        where = f"{folder.name}/{entry.name}"
        if _is_unread(entry):
            raise CaseError(
                f"{where}: this form is not read. Open it in Excel or LibreOffice, save it as .xlsx, and take this one out."
            )
        if entry.is_dir() and not entry.name.startswith(".") and any(is_data_file(file) for file in entry.rglob("*")):
            raise CaseError(
                f"{where}: exports in a folder below {folder.name} are not read. Move them up into {folder.name}."
            )


def _read_toml(path: Path) -> dict[str, Any]:
    name = f"{path.parent.name}/{path.name}"
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as problem:
        raise CaseError(
            f"{name}: {problem}. Texts need quotes, dates must not have them: as_of = 2026-04-09."
        ) from None
    except RecursionError:
        raise CaseError(f"{name} is nested too deeply.") from None
    except UnicodeDecodeError:
        raise CaseError(f"{name} is not UTF-8. Save it as UTF-8.") from None
    _validate(declared, ENTRIES, name, "")
    for entry in declared.get("accepted", []):
        for needed in ("finding", "reason"):
            if needed not in entry:
                raise CaseError(f"{name}: [[accepted]] needs {needed}. Whoever reads the report wants to know.")
        if entry["finding"] not in FINDINGS_TABLE:
            raise CaseError(
                f'{name}: [[accepted]] finding = "{entry["finding"]}" is unknown.{_nearest(entry["finding"], FINDINGS_TABLE)}'
            )
    return declared


def _nearest(word: str, known: Iterable[str]) -> str:
    words = list(known)
    near = difflib.get_close_matches(word, words, 1)
    return f' Did you mean "{near[0]}"?' if near else f" Known are: {', '.join(words)}."


def _validate(value: Any, expected: Any, name: str, where: str) -> None:
    """Compare what case.toml says with ENTRIES; an unknown entry or a wrong type is an error that names it."""
    if isinstance(expected, list):
        if not isinstance(value, list):
            raise CaseError(f"{name}: write [[{where}]] with two brackets: there may be several.")
        for item in value:
            _validate(item, expected[0], name, where)
    elif isinstance(expected, dict):
        if not isinstance(value, dict):
            raise CaseError(f"{name}: {where} must be a table: [{where}].")
        for key, item in value.items():
            if key not in expected and "*" not in expected:
                place = f" in [{where}]" if where else ""
                raise CaseError(f'{name}: unknown entry "{key}"{place}.{_nearest(key, expected)}')
            _validate(item, expected.get(key, expected.get("*")), name, f"{where}.{key}".lstrip("."))
    elif type(value) is not expected:
        example = {dt.date: "a date without quotes, such as 2026-04-09", bool: "true or false", int: "a whole number"}
        raise CaseError(
            f"{name}: {where} must be {example.get(expected, 'a text in quotes')}; found {type(value).__name__}."
        )


CASE_TOML = """# What keyaudit cannot know from the exports. Every entry is optional; take away the # to use one.

# as_of = 2026-04-09                  # the day the audit speaks of; --as-of beats it

# [calendar]                          # other dates than the vendor's
# announced_on = 2026-03-19
# migrate_by = 2026-04-10             # the last good day
# creation_off = 2026-04-17
# read_only = 2026-05-08
# removed = 2026-05-29

# [distribution]
# complete = true                     # the log in distribution/ names every key anybody was sent

# [files."pools-before/azure*.csv"]   # what is true of some files
# encoding = "cp1252"                 # saved by Excel as plain CSV
# day_first = true                    # 03/04/2026 is 3 April
# rows = 120                          # how many rows it must have
# pool = "Azure Fundamentals"
# columns = { training_key = "Code 2" }   # our column = the header in your file

# [same_course]                       # two names of one course
# "AZ-104" = "Azure Administrator"

# [same_organization]
# "Contoso" = "Contoso Academy"

# [[accepted]]                        # a finding you have looked at and accept
# finding = "case_twin"
# pool = "Azure Fundamentals"         # or: reference = "Azure Fundamentals, row 14"
# reason = "Checked with the learner on 3 April."
# until = 2026-05-01
"""


def new_case(path: str | Path) -> list[str]:
    """Make the folders of a case, a commented case.toml and copies of the notebooks; returns the lines to tell about them.

    Nothing that exists is overwritten.
    """
    root = Path(path)
    if root.exists() and not root.is_dir():
        raise CaseError(f"{path} is a file. Choose another name for the case.")
    lines = []
    for role in ROLES.values():
        folder = root / role.folders[0]
        folder.mkdir(parents=True, exist_ok=True)
        lines.append(f"{folder}: {role.title}. TMS: {role.menu}.")
    if not (root / "case.toml").exists():
        (root / "case.toml").write_text(CASE_TOML, encoding="utf-8")
    copies = copy_notebooks(root)
    lines.append(
        f"{copies}: the notebooks, pointed at this case; begin with 00_start_here.ipynb."
        if copies
        else "The notebooks are not part of this installation: copy them from keyaudit's repository."
    )
    return lines
