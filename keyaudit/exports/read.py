"""Read exports: files in, records of a role out, every row of every file accounted for. (CATALOGUE §1, §2, §3, §6)"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from keyaudit.columns import ROLES, aliases, fold_header
from keyaudit.errors import KeyauditError, UnreadableFile
from keyaudit.exports.account import FileAccount
from keyaudit.exports.files import SUFFIXES, Ahead, Request, SourceFile, kind_of
from keyaudit.exports.headers import Sheet
from keyaudit.exports.hints import explain, second_codes, unknown_header
from keyaudit.exports.names import natural
from keyaudit.exports.records import Export as Export
from keyaudit.exports.records import FileOptions as FileOptions
from keyaudit.exports.records import Note, Understood, stacked
from keyaudit.exports.tables import Found, find_lists
from keyaudit.masking import mask_text
from keyaudit.rulebook import Code
from keyaudit.words import count

if TYPE_CHECKING:
    import pandas as pd

Paths: TypeAlias = str | Path | Iterable[str | Path]
Options: TypeAlias = Callable[[str], FileOptions]


def read_pool_exports(paths: Paths, *, now: bool = False, options: Options | None = None) -> Export:
    """Read the exports of Training Key Pools: a file, a list, a pattern or a folder; xlsx and csv together.

    `now=True` reads later exports of the same pools. Raises UnreadableFile for a file without a key column.
    """
    return read_role("pools_now" if now else "pools_before", paths, options)


def read_course_keys(paths: Paths, *, options: Options | None = None) -> Export:
    """Read Find Course Assignment Keys exports. Codes stay as recorded: the TMS compares every character."""
    return read_role("course_keys", paths, options)


def read_pool_list(paths: Paths, *, options: Options | None = None) -> Export:
    """Read Find Training Key Pools exports: one row per pool, with its settings."""
    return read_role("pool_list", paths, options)


def read_distribution_log(paths: Paths, *, options: Options | None = None) -> Export:
    """Read your own list of who was sent which key."""
    return read_role("distribution", paths, options)


def read_other_keys(paths: Paths, *, options: Options | None = None) -> Export:
    """Read subscription and class key exports: they share the uniqueness of codes."""
    return read_role("other_keys", paths, options)


def read_course_assignments(paths: Paths, *, options: Options | None = None) -> Export:
    """Read Find Course Assignments exports: evidence of redemption where the payment type names the key."""
    return read_role("assignments", paths, options)


def read_role(
    role: str,
    paths: Paths,
    options: Options | None = None,
    *,
    on_unreadable: Callable[[UnreadableFile], None] | None = None,
    ahead: Ahead | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Export:
    """Read every file of one role, in natural order of their names.

    `options` gives what is known of a file by its label (`folder/name`). `on_unreadable` receives the error of a file
    that cannot be read and the reading goes on; without it the first such error is raised. `ahead` opens the files, if
    those of several roles are read; `progress` is told each file before it is read. What a folder holds beside exports is
    passed over, and said.
    """
    files = requests_of(role, paths, options)
    if ahead is None:
        with Ahead(files) as ahead:
            return read_role(role, paths, options, on_unreadable=on_unreadable, ahead=ahead, progress=progress)
    parts: list[Export] = []
    told = [Note(Code.files_passed_over, f"{why}: not read", label) for label, why in passed_over(paths)]
    seen: dict[str, str] = {}
    for file in files:
        progress(f"reading {file.label}")
        try:
            source = ahead.open(file)
            if source.sha256 in seen:
                what = f"has the same bytes as {seen[source.sha256]}; read once"
                told.append(Note(Code.same_file_twice, what, file.label))
                continue
            parts.append(read_file(role, source, options(file.label) if options else FileOptions()))
            if parts[-1].files[0].rows_read:  # two empty pools have the same bytes, and are two pools
                seen[source.sha256] = file.label
        except UnreadableFile as problem:
            if on_unreadable is None:
                raise
            on_unreadable(problem)
    made = stacked(role, parts)
    return replace(made, told=(*told, *made.told))


def read_file(role: str, source: SourceFile, known: FileOptions) -> Export:
    """Read one file: find its lists, make records of their rows, and account for every row."""
    sheets = [Sheet(grid, role, source.label, known) for grid in source.grids]
    found = [lists for sheet in sheets if (lists := find_lists(sheet))]
    if not found and not sheets:
        raise UnreadableFile(source.label, "holds no worksheet. Export it again.")
    if not found:
        raise unknown_header(sheets)
    _refuse(source, known, found)
    account = FileAccount(role, source, known, found)
    read = [lists.sheet for lists in found]
    for sheet in sheets:
        grid = sheet.grid
        if sheet not in read and second_codes(sheet):
            what = "a sheet without a header we know, which seems to hold keys"
            account.note(Code.sheet_not_read, what, grid.name)
        hidden = [] if grid.visible else ["the sheet is hidden"]
        hidden += [f"{count(grid.hidden_rows, 'row')} hidden or filtered out"] if grid.hidden_rows else []
        hidden += [f"{count(grid.hidden_columns, 'column')} hidden"] if grid.hidden_columns else []
        if hidden and sheet in read:
            account.note(Code.hidden_rows, f"{', '.join(hidden)}: everything was read", grid.name)
    for text in source.notes:
        account.note(Code.column_missing, text)
    return account.export()


def _refuse(source: SourceFile, known: FileOptions, found: list[Found]) -> None:
    """Refuse a file without a header that case.toml names, and one whose rows are all of another width."""
    lists = [part for sheet in found for part in sheet.lists]
    for column, header in known.columns.items():
        if not any(fold_header(part.header.headers.get(column, "")) == fold_header(header) for part in lists):
            texts = (text for part in lists for text in (*part.header.headers.values(), *part.header.unused.values()))
            what = f'case.toml maps {column} to "{header}", and no header is called so. '
            raise UnreadableFile(source.label, f"{what}Found: {', '.join(map(mask_text, dict.fromkeys(texts)))}.")
    reasons = [reason for part in lists for _, reason in part.set_aside]
    damaged = sum(reason.startswith("damaged") for reason in reasons)
    if damaged and damaged == len(reasons) and not any(len(part.rows) for part in lists):
        what = f"every row has another number of cells than the header ({damaged} rows). Export it again."
        raise UnreadableFile(source.label, what)


def requests_of(role: str, paths: Paths, options: Options | None = None) -> list[Request]:
    """The files of one role, in natural order, and what is known of each before it is opened."""
    found = []
    for path in files_of(paths):
        label = _label(path)
        known = options(label) if options else FileOptions()
        own = {fold_header(header) for header in known.columns.values()}
        found.append(Request(path, label, frozenset(aliases(role)) | own, known.encoding))
    return found


def _label(path: Path) -> str:
    label = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    return label.encode("utf-8", "replace").decode()


def files_of(paths: Paths) -> list[Path]:
    """The data files meant by a file, a list, a pattern or a folder, in natural order. Raises KeyauditError if none."""
    if not isinstance(paths, (str, Path)):
        found = [file for one in paths for file in files_of(one)]
    elif (path := Path(paths)).is_file():
        found = [path]
    else:
        inside = path.iterdir() if path.is_dir() else map(Path, glob.glob(str(paths)))  # noqa: PTH207
        if not (found := [file for file in inside if is_data_file(file)]):
            what = "no such file or folder. Check the name; patterns such as pools/*.csv work."
            what = f"the folder holds no export. Expected are {', '.join(SUFFIXES)} files." if path.is_dir() else what
            raise KeyauditError(f"{path.name}: {what}")
    return sorted(set(found), key=lambda file: (natural(file.name), str(file)))


def passed_over(paths: Paths) -> list[tuple[str, str]]:
    """The files of folders that are not read, by their labels, and why. Hidden files go without saying."""
    folders = [Path(one) for one in ([paths] if isinstance(paths, (str, Path)) else paths) if Path(one).is_dir()]
    files = [file for folder in folders for file in sorted(folder.iterdir()) if file.is_file()]
    told = [(_label(file), kind_of(file)) for file in files if not file.name.startswith(".")]
    return [(label, why) for label, (kind, why) in told if kind != "data"]


def is_data_file(path: Path) -> bool:
    """Is it a file we would read?"""
    return path.is_file() and kind_of(path)[0] == "data"


def header_mapping(paths: Paths, role: str = "pools_before", options: Options | None = None) -> pd.DataFrame:
    """How the headers of exports are understood, before anything is read.

    One row per header: file, sheet, header, column (ours, "" if it is not used), looks_like (the shape of the first cells,
    never their content), may_be (the fact an unknown header may be), line (what to write into case.toml if it is).
    """
    import pandas as pd

    if role not in ROLES:
        raise KeyauditError(f'header_mapping(role="{role}"): choose one of {", ".join(ROLES)}.')
    rows = []
    for request in requests_of(role, paths, options):
        known = options(request.label) if options else FileOptions()
        told = (explain(Sheet(grid, role, request.label, known)) for grid in request.open().grids)
        rows += [(request.path.name, *astuple(one)[1:]) for own in told for one in own]
    return pd.DataFrame(rows, columns=["file", *(entry.name for entry in fields(Understood)[1:])])
