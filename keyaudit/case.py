"""A folder of exports, by convention → a reconciliation. (CATALOGUE §2, DESIGN §4)"""

from __future__ import annotations

import datetime as dt
import difflib
import fnmatch
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from pathlib import Path
from typing import Any

from keyaudit.calendar import Calendar
from keyaudit.columns import COLUMNS, ROLES, Role, fold_header, role_of
from keyaudit.errors import CaseError, KeyauditError, UnreadableFile
from keyaudit.exports.files import files_of, is_data_file, label_of, passed_over, why_not_read
from keyaudit.exports.names import fold_name
from keyaudit.exports.read import POOLS, FileOptions, read_role, read_roles
from keyaudit.exports.records import Export, Note
from keyaudit.findings import Accepted
from keyaudit.reconciliation import Reconciliation, reconcile
from keyaudit.rulebook import FINDINGS, Code
from keyaudit.words import toml

OTHER_FORMS = (".xls", ".xlsb", ".ods", ".numbers", ".zip", ".gz", ".7z")  # may hold an export, and are not read
OURS = {"report": "report", "share": "report-to-share", "plan": "plan"}  # the folders that keyaudit writes, by kind
Progress = Callable[[str], None]
BARE = re.compile(r"[A-Za-z0-9_-]+").fullmatch  # a key of TOML that needs no quotation marks

# The entries of case.toml → the type of their value (or of the values below them).
OF_FILE = {"encoding": str, "day_first": bool, "rows": int, "columns": dict.fromkeys(COLUMNS, str), "pool": str, "redeemed_when": [str], "open_when": [str]}  # fmt: skip
OF_POOL = {"course": str, "organization": str, "starts": dt.date, "expires": dt.date, "content_availability": int, "sitewide": bool}  # fmt: skip
ENTRIES: dict[str, Any] = {
    "as_of": dt.date,
    "calendar": {entry.name: dt.date for entry in fields(Calendar)},
    "distribution": {"complete": bool},
    "files": {"*": OF_FILE},
    "pools": {"*": OF_POOL},
    "same_course": {"*": str},
    "same_organization": {"*": str},
    "accepted": [{"finding": str, "pool": str, "reference": str, "reason": str, "until": dt.date}],
}
EXAMPLE = {
    dt.date: "a date without quotes, such as 2026-04-09",
    bool: "true or false",
    int: "a whole number, 0 or more",
}
KINDS = {
    str: "a text in quotes", int: "a whole number", float: "a number with a point", bool: "true or false", list: "a list",
    dict: "a table", dt.date: "a date", dt.datetime: "a date with a time", dt.time: "a time",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A case folder: where each role's exports are, and what its case.toml declares."""

    root: Path
    folders: Mapping[str, tuple[Path, ...]]  # role → folders that hold exports
    as_of: dt.date | None = None
    files: Mapping[str, FileOptions] = field(default_factory=dict)  # pattern → what is said of such files
    given: Mapping[str, Any] = field(default_factory=dict)  # what else reconcile() is told
    notes: tuple[Note, ...] = ()  # about what lies beside the exports

    @property
    def name(self) -> str:
        """What the case is called in every view: its folder's name."""
        return self.root.resolve().name

    def options(self, label: str) -> FileOptions:
        """What case.toml says of a file: the pattern that equals its path before shell-style ones, these in their order."""
        matches = [options for pattern, options in self.files.items() if fnmatch.fnmatchcase(label, pattern)]
        matches = [self.files[label], *matches] if label in self.files else matches
        return reduce(lambda first, other: first.over(other), matches, FileOptions())

    def read(
        self, *, keep_going: bool = False, progress: Progress = lambda _: None
    ) -> tuple[dict[str, Export], list[tuple[str, str]]]:
        """Read the exports of every role; and, if `keep_going`, the files that could not be read: label, problem."""
        problems: list[UnreadableFile] = []
        pass_over = problems.append if keep_going else None
        exports = read_roles(self.folders, self.options, on_unreadable=pass_over, progress=progress)
        unreadable = [(problem.file, str(problem)) for problem in problems]
        return {role: export for role, export in exports.items() if export.files}, unreadable

    def reconcile(
        self,
        as_of: str | dt.date | None = None,
        *,
        keep_going: bool = False,
        progress: Progress = lambda _: None,
        read: tuple[Mapping[str, Export], list[tuple[str, str]]] | None = None,
    ) -> Reconciliation:
        """Read the exports and reconcile them. `as_of` beats case.toml; without either it is today.

        `keep_going` turns a file that cannot be read into a finding instead of an error. `progress` is told each step
        before it begins. `read`: what `read()` gave, if the exports were read before.
        """
        given, unreadable = read or self.read(keep_going=keep_going, progress=progress)
        exports: dict[str, Any] = dict(given)
        if not {"pools_before", "pools_now"} & set(exports):
            raise CaseError(f"{self.name}: no pool export could be read. Put the backup into pools-before.")
        progress("reconciling")
        before = exports.pop("pools_before", None)
        before = read_role("pools_before", []) if before is None else before  # one without a row is an export too
        before = replace(before, told=(*before.told, *self.notes))
        exports |= {"as_of": self.as_of if as_of is None else as_of, "unreadable": unreadable, "name": self.name}
        result = reconcile(before, **self.given, **exports)
        if not unreadable:  # what a file that was passed over holds is not known
            try:
                self._check_names(result)
            except CaseError as problem:
                raise CaseError(result.seen.hide(str(problem))) from None
        return result

    def _check_names(self, result: Reconciliation) -> None:
        """A slip in the name of a pool or a reference would accept or set nothing, in silence."""
        pools, accepted = result.facts.pools, self.given.get("accepted", ())
        known = {"pool": {fold_name(name): name for name in pools.names if name not in pools.only_declared}}
        if any(entry.reference for entry in accepted):
            known["reference"] = {name: name for name in result.facts.references.tolist()}
        told = [(f"[pools.{toml(name)}]", "pool", name) for name in self.given.get("pool_settings", ())]
        for kind in known:
            named = [name for entry in accepted if (name := getattr(entry, kind))]
            told += [(f"[[accepted]] {kind} = {toml(name)}", kind, name) for name in named]
        for where, kind, name in told:
            if (fold_name(name) if kind == "pool" else name) not in known[kind]:
                what = f"{where}: no {kind} is called so.{_nearest(name, known[kind].values())}"
                raise CaseError(f"{self.name}/case.toml: {what}")


def open_case(path: str | Path) -> Case:
    """Find the exports of a case folder and read its case.toml. Raises CaseError for anything not agreed."""
    root = Path(path)
    root = root if root.name.strip(".") else root.resolve()  # a notebook in a case calls it "..", messages by its name
    try:
        root.name.encode()
    except UnicodeEncodeError:
        raise CaseError(f"{path}: the name of this folder is no text (UTF-8). Rename it.") from None
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        makes = "`keyaudit new CASE` makes one, with a folder for each export."
        raise CaseError(f"{path}: this case folder {what}. {makes}")
    declared = _declared(root)
    folders, notes = _folders(root)
    if not {"pools_before", "pools_now"} & set(folders):
        raise CaseError(
            f"{root.name}: no pool export found. Put the backup of your pools into {root.name}/pools-before "
            f"(.xlsx, .csv or another text file). Accepted folders: {ACCEPTED}."
        )
    labels = {label_of(file): ROLES[role] for role, of in folders.items() for file in files_of(list(of))}
    for pattern, told in declared.get("files", {}).items():
        named = [label for label in labels if label == pattern or fnmatch.fnmatchcase(label, pattern)]
        if not named:
            what = f"[files.{toml(pattern)}] matches no file.{_nearest(pattern, labels)}"
            raise CaseError(f"{root.name}/case.toml: {what}")
        for label in named:
            _check_entries(told, labels[label], f"{root.name}/case.toml: [files.{toml(pattern)}]")
    try:
        calendar = Calendar(**declared.get("calendar", {}))
    except KeyauditError as problem:
        raise CaseError(f"{root.name}/case.toml: {problem}") from None
    given = {
        "calendar": calendar,
        "log_is_complete": declared.get("distribution", {}).get("complete", False),
        "pool_settings": declared.get("pools", {}),
        "same_course": declared.get("same_course", {}),
        "same_organization": declared.get("same_organization", {}),
        "accepted": tuple(Accepted(**entry) for entry in declared.get("accepted", [])),
    }
    options = {}
    for pattern, told in declared.get("files", {}).items():
        entries: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
        options[pattern] = FileOptions(**entries)
    return Case(root, folders, declared.get("as_of"), options, given, tuple(notes))


NAMES = [folder for role in ROLES.values() for folder in role.folders]
ACCEPTED = ", ".join(NAMES)


def _folders(root: Path) -> tuple[dict[str, tuple[Path, ...]], list[Note]]:
    """Role → its folders with exports; and notes on what is not read beside them.

    Raises CaseError for a data file that no role would read.
    """
    found: dict[str, list[Path]] = {}
    passed: list[tuple[str, str, str]] = []
    for entry in sorted(root.iterdir()):
        where, name = f"{root.name}/{entry.name}", entry.name.casefold()
        if name in ("case.toml.txt", "case.txt"):
            raise CaseError(f"{where}: rename it to case.toml. (Windows may hide the ending .txt.)")
        if name.startswith(".") or name == "case.toml" or entry.stem.casefold() == "readme":
            continue
        if entry.is_file():
            why = why_not_read(entry)
            if not why or entry.suffix.lower() in OTHER_FORMS:
                what = "an export must lie in a folder that says what it is. Move it into one of"
                raise CaseError(f"{where}: {what}: {ACCEPTED}.")
            passed.append((where, why, "note"))
        elif role := role_of(entry.name):
            if _holds_exports(entry):
                found.setdefault(role, []).append(entry)
            else:
                passed += [(label, why, "") for label, why in passed_over(entry)]
        elif entry.name in (*OURS.values(), "notebooks") or (entry / "MANIFEST.json").is_file():
            continue
        elif _holds_exports(entry):
            raise CaseError(f"{where}: no folder of a case has this name.{_nearest(entry.name, NAMES, 'Accepted')}")
    notes = [Note(Code.files_passed_over, f"{why}: not read", where, severity=how) for where, why, how in passed]
    return {role: tuple(found[role]) for role in ROLES if role in found}, notes


def _holds_exports(folder: Path) -> bool:
    """Does a folder hold exports? Raises CaseError for exports in a folder below it."""
    for below in (entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")):
        if any(is_data_file(file) for file in below.rglob("*")):
            where, what = f"{folder.name}/{below.name}", f"exports in a folder below {folder.name} are not read"
            raise CaseError(f"{where}: {what}. Move them up into {folder.name}.")
    return any(is_data_file(entry) for entry in folder.iterdir())


# --- case.toml ---


def _declared(root: Path) -> dict[str, Any]:
    """What case.toml says, whatever the case of its name; nothing if there is none."""
    found = [entry for entry in sorted(root.iterdir()) if entry.name.casefold() == "case.toml" and entry.is_file()]
    if len(found) > 1:
        raise CaseError(f"{root.name}: {' and '.join(entry.name for entry in found)} are two files. Keep one.")
    return _read_toml(found[0]) if found else {}


def _read_toml(path: Path) -> dict[str, Any]:
    name = label_of(path)
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as problem:
        hint = "Texts need quotes, dates must not have them: as_of = 2026-04-09; true and false are written small; in a path / stands for \\."
        if "Cannot" in str(problem):
            hint = "An entry stands there twice: put all that is said of a file or a pool below one heading, and all columns of a file into one line."
        raise CaseError(f"{name}: {problem}. {hint}") from None
    except RecursionError:
        raise CaseError(f"{name} is nested too deeply.") from None
    except UnicodeDecodeError:
        raise CaseError(f"{name} is not UTF-8. Save it as UTF-8.") from None
    _validate(declared, ENTRIES, name, "")
    named: dict[str, str] = {}
    for pool, told in declared.get("pools", {}).items():
        if (former := named.setdefault(fold_name(pool), pool)) != pool:
            raise CaseError(f"{name}: [pools.{toml(former)}] and [pools.{toml(pool)}] are one pool. Keep one.")
        if "starts" in told and "expires" in told and told["expires"] <= told["starts"]:
            what = f"expires = {told['expires']} does not lie after starts = {told['starts']}"
            raise CaseError(f"{name}: [pools.{toml(pool)}] {what}.")
    for entry in declared.get("accepted", []):
        for needed in ("finding", "reason"):
            if needed not in entry:
                raise CaseError(f"{name}: [[accepted]] needs {needed}. Whoever reads the report wants to know.")
        if entry["finding"] not in FINDINGS:
            told = f"[[accepted]] finding = {toml(entry['finding'])} is unknown."
            raise CaseError(f"{name}: {told}{_nearest(entry['finding'], FINDINGS)}")
    return declared


def _check_entries(told: Mapping[str, Any], role: Role, where: str) -> None:
    """Refuse what cannot be said of a file of a role, or contradicts itself."""
    for column, header in told.get("columns", {}).items():
        if column not in role.columns:
            what = f"{column} is no column of {role.title.partition(':')[0]}.{_nearest(column, role.columns)}"
            raise CaseError(f"{where} columns: {what}")
        if not fold_header(header):
            raise CaseError(f"{where} columns: {column} = {toml(header)} names no header.")
    if "pool" in told and role.name not in POOLS:
        raise CaseError(f"{where} pool: only an export of a pool has one name of a pool.")
    for word in told.get("redeemed_when", ()):
        if fold_name(word) in map(fold_name, told.get("open_when", ())):
            raise CaseError(f"{where}: {toml(word)} stands in redeemed_when and in open_when. Which of the two is it?")


def _nearest(word: str, known: Iterable[str], what: str = "Known are") -> str:
    """The name that a slip in writing may mean; without one all names, if they are few."""
    names = list(known)
    if near := difflib.get_close_matches(word, names, 1):
        return f" Did you mean {toml(near[0])}?"
    return f" {what}: {', '.join(names)}." if len(names) <= 20 else ""


def _validate(value: Any, expected: Any, name: str, where: str) -> None:
    """Compare what case.toml says with ENTRIES; an unknown entry or a wrong type is an error that names it."""
    if isinstance(expected, list):
        if not isinstance(value, list):
            texts, tables = f'{where} must be a list of texts: ["…"]', f"write [[{where}]] with two brackets"
            raise CaseError(f"{name}: {texts if expected == [str] else f'{tables}: there may be several'}.")
        for item in value:
            _validate(item, expected[0], name, where)
    elif isinstance(expected, dict):
        if not isinstance(value, dict):
            raise CaseError(f"{name}: {where} must be a table: [{where}].")
        for key, item in value.items():
            if key not in expected and "*" not in expected:
                place = f" in [{where}]" if where else ""
                raise CaseError(f'{name}: unknown entry "{key}"{place}.{_nearest(key, expected)}')
            place = f"{where}.{key if BARE(key) else toml(key)}".lstrip(".")
            _validate(item, expected.get(key, expected.get("*")), name, place)
    elif type(value) is not expected or (expected is int and value < 0):
        told = EXAMPLE.get(expected, "a text in quotes")
        found = value if type(value) is expected else KINDS[type(value)]
        raise CaseError(f"{name}: {where} must be {told}; found {found}.")
    elif expected is str and value.strip() in ("", "…"):
        raise CaseError(f"{name}: {where} is blank. Fill it in, or leave the line out.")
