"""Read exports: files in, one table per role out, every row of every file accounted for. (CATALOGUE §1, §2, §6)"""

from __future__ import annotations

import datetime as dt
import glob
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from keyaudit.columns import COLUMNS, LIST_HEADINGS, ROLES, aliases, fold_header
from keyaudit.errors import KeyauditError, UnreadableFile, toml
from keyaudit.exports.ahead import Ahead, Request
from keyaudit.exports.codes import Codes, recorded_codes
from keyaudit.exports.dates import is_blank, orders_of, proof_of, to_dates
from keyaudit.exports.headers import explain_header, unknown_header
from keyaudit.exports.rows import Cells, ColumnRows
from keyaudit.exports.sheets import SUFFIXES, Grid, SourceFile, open_file
from keyaudit.exports.tables import Patch, Table, find_tables
from keyaudit.masking import mask_text

Paths: TypeAlias = str | Path | Iterable[str | Path]

NOTES = ("code", "training_key", "pool", "detail", "source_file", "source_sheet", "source_row")


@dataclass(frozen=True)
class FileOptions:
    """What the person knows about a file and we cannot: `[files."pattern"]` of case.toml."""

    encoding: str | None = None
    day_first: bool | None = None
    rows: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    pool: str | None = None


@dataclass(frozen=True)
class Export:
    """All files of one role.

    `rows`: one row per record, our column names (dates as datetime64[s], text as str), with source_file, source_sheet,
    source_row and table. `tables`: one row per list in a sheet (heading, columns). `set_aside`: rows that hold no
    record, each with its reason. `notes`: what a person should know of the reading, as findings without remedy.
    `sources`: one row per file. For every file: rows_read = keys + repeats + set_aside.
    """

    role: str
    rows: pd.DataFrame
    tables: pd.DataFrame
    set_aside: pd.DataFrame
    notes: pd.DataFrame
    sources: pd.DataFrame

    def __repr__(self) -> str:
        """Counts only: an export is never shown by accident."""
        files, rows, aside = len(self.sources), len(self.rows), len(self.set_aside)
        return f"{ROLES[self.role].title}: {files} files, {rows:,} records, {aside:,} rows set aside"


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


Options: TypeAlias = Callable[[str], FileOptions]


def read_role(
    role: str,
    paths: Paths,
    options: Options | None = None,
    *,
    on_unreadable: Callable[[UnreadableFile], None] | None = None,
    ahead: Ahead | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Export:
    """Read every file of one role, in name order.

    `options` gives what is known of a file by its label (`folder/name`). `on_unreadable` receives the error of a file
    that cannot be read and the reading goes on; without it the first such error is raised. `ahead` opens the files, if
    those of several roles are read; `progress` is told each file before it is read.
    """
    files = requests_of(role, paths, options)
    if ahead is None:
        with Ahead(files) as ahead:
            return read_role(role, paths, options, on_unreadable=on_unreadable, ahead=ahead, progress=progress)
    reading = _Reading(role)
    seen: dict[str, str] = {}
    for file in files:
        label = file.label
        progress(f"reading {label}")
        try:
            source = ahead.open(file)
            if source.sha256 in seen:
                reading.note("same_file_twice", f"has the same bytes as {seen[source.sha256]}; read once", label)
                continue
            reading.add(source, options(label) if options else FileOptions())
            if reading.sources[-1]["rows_read"]:  # two empty pools have the same bytes, and are two pools
                seen[source.sha256] = label
        except UnreadableFile as problem:
            if on_unreadable is None:
                raise
            on_unreadable(problem)
    return reading.export()


def requests_of(role: str, paths: Paths, options: Options | None = None) -> list[Request]:
    """The files of one role, in name order, and what is known of each before it is opened."""
    found = []
    for path in files_of(paths):
        label = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
        label = label.encode("utf-8", "replace").decode()
        known = options(label) if options else FileOptions()
        own = {fold_header(header) for header in known.columns.values()}
        found.append(Request(path, label, frozenset(aliases(role)) | own, known.encoding))
    return found


def header_mapping(paths: Paths, role: str = "pools_before") -> pd.DataFrame:
    """How the headers of exports are understood, before anything is read.

    One row per header: file, sheet, header, column (ours, "" if it is not used), looks_like (the shape of the first cells,
    never their content). A header that should count and does not: `columns = { column = "header" }` in case.toml.
    """
    if role not in ROLES:
        raise KeyauditError(f'header_mapping(role="{role}"): choose one of {", ".join(ROLES)}.')
    rows = []
    for path in files_of(paths):
        source = open_file(path, path.name, set(aliases(role)))
        for grid in source.grids:
            for header, column, shapes in explain_header(grid, role):
                rows.append((path.name, grid.name, header, column, ", ".join(shapes)))
    return pd.DataFrame(rows, columns=["file", "sheet", "header", "column", "looks_like"])


def files_of(paths: Paths) -> list[Path]:
    """The data files meant by a file, a list, a pattern or a folder, in name order. Raises KeyauditError if none."""
    if isinstance(paths, (str, Path)):
        path = Path(paths)
        if path.is_dir():
            found = [file for file in path.iterdir() if is_data_file(file)]
            if not found:
                raise KeyauditError(
                    f"{path.name}: the folder holds no export. Expected are {', '.join(SUFFIXES)} files."
                )
        elif path.is_file():
            found = [path]
        else:
            found = [Path(match) for match in glob.glob(str(paths)) if is_data_file(Path(match))]  # noqa: PTH207
            if not found:
                raise KeyauditError(
                    f"{path.name}: no such file or folder. Check the name; patterns such as pools/*.csv work."
                )
    else:
        found = [file for one in paths for file in files_of(one)]
    return sorted(set(found), key=lambda file: (file.name, str(file)))


def is_data_file(path: Path) -> bool:
    """Is it a file we would read (no lock file, no hidden file)?"""
    return path.is_file() and path.suffix.lower() in SUFFIXES and not path.name.startswith(("~$", "."))


class _Reading:
    """What has been read of one role so far."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.frames: list[pd.DataFrame] = []
        self.tables: list[dict[str, Any]] = []
        self.aside: list[tuple[str, str, int, str]] = []
        self.notes: list[tuple[Any, ...]] = []
        self.sources: list[dict[str, Any]] = []
        self.blind = 0  # rows of the file at hand that were set aside because their code cannot be read

    def note(
        self, code: str, detail: str, file: str, sheet: str = "", row: int = 0, key: str = "", pool: str = ""
    ) -> None:
        self.notes.append((code, key, pool, detail, file, sheet, row))

    def add(self, source: SourceFile, known: FileOptions) -> None:
        """Add one file: find its tables, make records of its rows, and account for every row."""
        patch = self._patch(source)
        tables: list[Table] = []
        unread: list[Grid] = []
        for grid in source.grids:
            found = find_tables(grid, self.role, source.label, dict(known.columns), patch)
            tables += found
            if not found and any(any(cell not in ("", None) for cell in row) for row in grid.rows):
                unread.append(grid)
            elif found:
                self._note_hidden(source, grid)
        if not tables:
            raise unknown_header(source.grids, self.role, source.label)
        for column, header in known.columns.items():
            if not any(table.headers.get(column) == " ".join(header.split()) for table in tables):
                raise UnreadableFile(
                    source.label,
                    f'case.toml maps {column} to "{header}", and no header is called so. Found: {", ".join(h for t in tables for h in (*t.headers.values(), *t.unused))}.',
                )
        damaged = sum(len(table.damaged) for table in tables)
        if damaged and not any(table.rows for table in tables):
            raise UnreadableFile(
                source.label,
                f"every row has another number of cells than the header ({damaged} rows). Export it again.",
            )
        for grid in unread:
            if _seems_to_hold_keys(grid, self.role):
                self.note("sheet_not_read", f'sheet "{grid.name}" has no header we know', source.label, grid.name)
        for text in source.notes:
            self.note("column_missing", text, source.label)
        source.grids = []  # a column at a time is turned into records; the cells need not wait for the last
        frame = self._records(source, known, tables)
        self._account(source, known, tables, frame)

    def _note_hidden(self, source: SourceFile, grid: Grid) -> None:
        hints = source.package.hints_of(grid.name) if source.package else None
        hidden = [] if grid.visible else ["the sheet is hidden"]
        if hints and hints.hidden_rows:
            hidden.append(f"{hints.hidden_rows} rows are hidden or filtered out")
        if hints and hints.hidden_columns:
            hidden.append("columns are hidden")
        if hidden:
            self.note("hidden_rows", f"{', '.join(hidden)}: everything was read", source.label, grid.name)

    def _patch(self, source: SourceFile) -> Patch | None:
        """What mends the key cells of a workbook's sheet: what the fast reader could not see."""
        package = source.package
        if package is None:
            return None

        def patch(grid: Grid, column: int, first: int) -> None:
            hides = package.hints_of(grid.name).hides_cells
            wanted = _to_look_at(grid.rows, column, package.pads, hides)
            if not wanted and not hides:
                return
            beyond = len(grid.rows) if hides else None  # the fast reader leaves out rows it takes for blank
            found = package.strange_cells(grid.name, column, wanted, beyond)
            if (missing := max(found, default=0) - len(grid.rows)) > 0:
                grid.rows = [*grid.rows, *([""] * len(grid.rows[0]) for _ in range(missing))]
            for row, value in found.items():
                if row > first:
                    cells = grid.rows[row - 1]
                    grid.rows[row - 1] = [*cells[:column], value, *cells[column + 1 :]]

        return patch

    def _records(self, source: SourceFile, known: FileOptions, tables: list[Table]) -> pd.DataFrame:
        names = list(dict.fromkeys(column for table in tables for column in table.headers))
        first_table = len(self.tables)
        for offset, table in enumerate(tables):
            self.tables.append(
                {
                    "table": first_table + offset,
                    "source_file": source.label,
                    "source_sheet": table.sheet,
                    "heading": table.heading,
                    "columns": frozenset(table.headers),
                    "rows": len(table.rows),
                }
            )
        data = {
            name: Cells.joined([Cells.of(table.cells.pop(name, [""] * len(table.rows))) for table in tables])
            for name in names
        }
        sizes = [len(table.rows) for table in tables]
        sheets = sorted({table.sheet for table in tables if table.rows})
        places = [sheets.index(table.sheet) for table in tables for _ in table.rows[:1]]
        columns: dict[str, Any] = {
            "source_file": pd.Categorical.from_codes(np.zeros(sum(sizes), dtype=np.int8), [source.label]),
            "source_sheet": pd.Categorical.from_codes(
                np.repeat(np.array(places, dtype=np.int32), [size for size in sizes if size]), sheets
            ),
            "source_row": np.concatenate([np.array(table.rows, dtype=np.int32) for table in tables]),
            "table": np.repeat(np.arange(first_table, first_table + len(tables), dtype=np.int32), sizes),
        }
        self._dates(data, names, known, source, columns)
        for name in names:
            if name == "training_key" or COLUMNS[name].kind == "date":
                continue
            columns[name] = _counts(data.pop(name)) if COLUMNS[name].kind == "count" else _texts(data.pop(name))
        if "training_key" in data:
            codes = recorded_codes(
                data.pop("training_key"), self.role == "course_keys", self.role in ("pools_before", "pools_now")
            )
            for name, told in (
                ("training_key", "code"),
                ("damage", "damage"),
                ("is_typed", "is_typed"),
                ("raw", "raw"),
            ):
                columns[name] = codes.frame[told].array
            frame = pd.DataFrame(columns, copy=False)
            self._note_codes(codes, source, frame)
            if self.role == "course_keys":
                frame = self._without_unreadable(frame)
        else:
            frame = pd.DataFrame(columns, copy=False)
        if self.role in ("pools_before", "pools_now"):
            self._pools(frame, known, source, tables)
        self.frames.append(frame)
        return frame

    def _dates(
        self, data: dict[str, Cells], names: list[str], known: FileOptions, source: SourceFile, columns: dict[str, Any]
    ) -> None:
        cells = {name: data.pop(name).distinct() for name in names if COLUMNS[name].kind == "date"}
        orders = orders_of({name: proof_of(values) for name, (_, values) in cells.items()}, known.day_first)
        for name, order in orders.items():
            codes, values = cells.pop(name)
            dates, what = to_dates(pd.Series(values, dtype=object), order.day_first, order.is_swapped)
            columns[name] = dates.to_numpy()[codes]
            columns[f"{name}_filled"] = ~np.array([is_blank(value) for value in values], dtype=bool)[codes]
            problems = what.to_numpy()
            for problem in sorted(set(problems) - {""}):
                rows = np.flatnonzero((problems == problem)[codes])
                if len(rows):
                    text = _WRONG_DATES[problem]
                    if problem == "ambiguous" and order.is_contradicted:
                        text = _CONTRADICTED
                    text = text.format(f"[files.{toml(source.label)}]", str(known.day_first).lower())
                    detail = f'column "{COLUMNS[name].aliases[0]}": {len(rows)} dates: {text}'
                    code = "unreadable_date" if problem == "unreadable" else "ambiguous_dates"
                    at = rows[0]
                    self.note(
                        code, detail, source.label, str(columns["source_sheet"][at]), int(columns["source_row"][at])
                    )

    def _note_codes(self, codes: Codes, source: SourceFile, frame: pd.DataFrame) -> None:
        in_course_keys = self.role == "course_keys"
        count = f"all {len(frame)} codes"
        if codes.padding:
            detail = f"{count} {codes.padding}: open one in the TMS; if it shows there too, none will redeem"
            self.note(
                "uniform_padding", detail if in_course_keys else f"{count} {codes.padding}; removed", source.label
            )
        if codes.wrapper:
            self.note("uniform_padding", f"codes are written as {codes.wrapper}; the wrapper was removed", source.label)
        parts, damage = codes.frame["parts"], codes.frame["damage"]
        headers = {fold_header(alias) for alias in COLUMNS["training_key"].aliases} - {"key", "code"}
        short = frame.loc[frame["training_key"].str.len().between(8, 14), "training_key"]
        likely = short[short.str.contains("[Kk]ey").astype(bool)].unique()
        pasted = frame["training_key"].isin([code for code in likely if fold_header(code) in headers])
        for code, is_so, keys, detail in (  # the parts stand where full codes may stand
            (
                "padded_key",
                codes.frame["is_padded"],
                "training_key",
                "blanks or invisible characters around the code were removed",
            ),
            ("several_keys_in_cell", parts != "", "parts", "{} codes stand in one cell"),
            ("excel_damage", damage != "", "training_key", "the key cell holds {}"),
            ("header_as_key", pasted, "training_key", "the code is the text of a header: a header was pasted as a key"),
        ):
            if not is_so.any():
                continue
            told = (
                frame[["training_key", "damage", "source_sheet", "source_row"]]
                .assign(parts=parts)[is_so]
                .astype(object)
            )
            for key, what, sheet, row in told[[keys, "damage", "source_sheet", "source_row"]].itertuples(index=False):
                known = key if isinstance(key, str) else ""
                what = what if code == "excel_damage" else len(known.split())
                self.note(code, detail.format(what), source.label, sheet, row, known)

    def _without_unreadable(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A course key whose cell holds no text at all is set aside: its code may be any pool key's."""
        blind = frame["training_key"].isna()
        for row in frame[blind].itertuples():
            self.aside.append(
                (str(row.source_file), str(row.source_sheet), int(row.source_row), f"not readable: {row.damage}")
            )
            self.blind += 1
        return frame[~blind].reset_index(drop=True) if blind.any() else frame

    def _pools(self, frame: pd.DataFrame, known: FileOptions, source: SourceFile, tables: list[Table]) -> None:
        if known.pool is not None or "pool" not in frame:
            frame["pool"] = pd.Series(known.pool, index=frame.index, dtype="str")
        named = frame["pool"].dropna().unique()
        titles: dict[str, set[str]] = {}
        for table in tables:
            titles.setdefault(table.sheet, set()).add(table.title)
        for table, told in zip(tables, self.tables[-len(tables) :], strict=True):
            fallback = known.pool or (str(named[0]) if len(named) == 1 else pool_name(source.label, table.sheet))
            if known.pool is None and len(titles[table.sheet]) > 1:
                fallback = table.title or fallback  # pools stacked in one sheet, each under its title
            if known.pool is None and table.doubt and "pool" not in table.headers:
                raise _untold_pool(source.label, table.sheet, *table.doubt)
            told["pool"] = fallback
        fallbacks = {told["table"]: told["pool"] for told in self.tables[-len(tables) :]}
        frame["pool"] = frame["pool"].fillna(frame["table"].map(fallbacks)).astype("str")

    def _account(self, source: SourceFile, known: FileOptions, tables: list[Table], frame: pd.DataFrame) -> None:
        aside = [(source.label, t.sheet, row, reason) for t in tables for row, reason in t.set_aside]
        aside += [(source.label, "", row, f"damaged row: {reason}") for row, reason in source.damaged]
        self.aside += aside
        for _, sheet, row, reason in aside:
            if reason == "blank key":
                self.note("blank_key", "the key cell is blank", source.label, sheet, row)
        blind, self.blind = self.blind, 0
        read = len(frame) + len(aside) + blind
        if known.rows is not None and known.rows != read:
            self.note("rows_unaccounted", f"{known.rows} rows declared in case.toml, {read} read", source.label)
        required = ROLES[self.role].required
        values = frame[required] if required in frame else pd.Series([], dtype="str")
        keys = values.nunique() + int(values.isna().sum())
        self.sources.append(
            {
                "role": self.role,
                "source_file": source.label,
                "sheets": ", ".join(dict.fromkeys(t.sheet for t in tables if t.sheet)),
                "sha256": source.sha256,
                "bytes": source.size,
                "columns_used": ", ".join(dict.fromkeys(h for t in tables for h in t.headers.values())),
                "columns_not_used": ", ".join(dict.fromkeys(h for t in tables for h in t.unused)),
                "rows_read": read,
                "keys": keys,
                "repeats": len(frame) - keys,
                "set_aside": len(aside) + blind,
                "damaged": len(source.damaged) + sum(len(t.damaged) for t in tables) + blind,
            }
        )

    def export(self) -> Export:
        wanted = ["source_file", "source_sheet", "source_row", "table"]
        for name in ROLES[self.role].columns:
            wanted += [name, f"{name}_filled"] if COLUMNS[name].kind == "date" else [name]
        if "training_key" in ROLES[self.role].columns:
            wanted += ["damage", "is_typed", "raw"]
        rows = _stacked(self.frames, wanted)
        return Export(
            self.role,
            rows,
            pd.DataFrame(
                self.tables, columns=["table", "source_file", "source_sheet", "heading", "columns", "rows", "pool"]
            ),
            pd.DataFrame(self.aside, columns=["source_file", "source_sheet", "source_row", "reason"]),
            pd.DataFrame(self.notes, columns=list(NOTES)),
            pd.DataFrame(self.sources, columns=list(_SOURCE_COLUMNS)),
        )


def _untold_pool(label: str, sheet: str, row: int, title: str) -> UnreadableFile:
    where = f', sheet "{sheet}": ' if sheet else ""
    return UnreadableFile(
        label,
        f'{where}below the title "{mask_text(title)}" in row {row} a second list begins, and it is not known whether it '
        'is of another pool. Write "Pool: NAME" above each list, give each pool a file of its own, or, if all keys are of '
        f'one pool, name it in case.toml: [files.{toml(label)}] pool = "…"',
    )


_WRONG_DATES = {
    "ambiguous": "could be day first or month first; say in case.toml: {} and on the line below it day_first = true (or false)",
    "swapped": "stand beside texts whose day and month a program could not tell: it may have swapped them here; "
    "export again and do not open the file in Excel",
    "unreadable": "cannot be read",
}
_CONTRADICTED = "case.toml says day_first = {1}, and the file holds a day over 12 in the other place; mend the entry"
_SOURCE_COLUMNS = (
    "role",
    "source_file",
    "sheets",
    "sha256",
    "bytes",
    "columns_used",
    "columns_not_used",
    "rows_read",
    "keys",
    "repeats",
    "set_aside",
    "damaged",
)


def _stacked(frames: list[pd.DataFrame], wanted: list[str]) -> pd.DataFrame:
    """All frames one below the other, every wanted column there, each of its own type."""
    for frame in frames:
        for name in wanted:
            if name not in frame:
                frame[name] = _empty(name, len(frame), frame.index)
    if not frames:
        return pd.DataFrame({name: _empty(name, 0, pd.RangeIndex(0)) for name in wanted})
    for name in ("source_file", "source_sheet"):
        labels = list(dict.fromkeys(label for frame in frames for label in frame[name].cat.categories))
        for frame in frames:
            frame[name] = frame[name].cat.set_categories(labels)
    return pd.concat([frame[wanted] for frame in frames], ignore_index=True)


def _empty(name: str, length: int, index: pd.Index) -> pd.Series:
    if name.endswith("_filled") or name == "is_typed":
        return pd.Series(False, index=index)
    if name in ("source_row", "table"):
        return pd.Series(np.zeros(length, dtype=np.int32), index=index)
    if name.startswith("source_"):
        return pd.Series(pd.Categorical([""] * length), index=index)
    if name in ("damage", "raw"):
        return pd.Series("", index=index, dtype="str")
    kind = COLUMNS[name].kind
    if kind == "date":
        return pd.Series(np.full(length, np.datetime64("NaT"), dtype="datetime64[s]"), index=index)
    return pd.Series(np.nan, index=index, dtype="float64" if kind == "count" else "str")


def _to_look_at(rows: list[list[Any]] | ColumnRows, column: int, pads: bool, hides: bool) -> set[int]:
    """The rows (from 1) whose cell the fast reader may not show as it is: a number that is padded, a blank that is none."""
    if not pads and not hides:
        return set()
    if isinstance(rows, ColumnRows):
        cells = rows.cells(column, np.arange(len(rows)))
        blank = set(np.flatnonzero(pc.equal(cells.array, "")).tolist()) - set(cells.others) if cells.is_text else set()
        others = enumerate(cells.tolist()) if not cells.is_text else cells.others.items()
    else:
        blank, others = set(), enumerate(row[column] if column < len(row) else "" for row in rows)
    odd = {place for place, cell in others if (hides and cell == "") or (pads and isinstance(cell, (int, float)))}
    return {place + 1 for place in (odd | blank if hides else odd)}


def _texts(cells: Cells) -> Any:
    """Text cells trimmed, blanks missing; numbers in their plain form."""
    codes, values = cells.distinct()
    plain = [
        " ".join(str(int(v) if isinstance(v, float) and np.isfinite(v) and v == int(v) else v).split())
        if not _is_missing(v)
        else ""
        for v in values
    ]
    if cells.is_text and not cells.others and plain == values and "" not in plain:
        return pd.array(cells.array, dtype="str")
    return pd.array([text or None for text in plain], dtype="str").take(codes)


def _counts(cells: Cells) -> Any:
    """Numbers as float; *Unlimited* is infinity; blank is missing; anything else is -1 (not readable)."""
    codes, values = cells.distinct()
    return np.array([_count(value) for value in values], dtype=float)[codes]


def _count(value: Any) -> float:
    if _is_missing(value) or (isinstance(value, str) and value.strip() in ("", "-", "—")):
        return np.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip().casefold()
    if text == "unlimited":
        return np.inf
    digits = re.match(r"\d+(?:[.,]0+)?(?=$|\s*days?$)|\d{1,3}(?:[,.  ]\d{3})+$", text)
    if not digits:
        return -1.0
    return float(re.sub(r"\D", "", re.sub(r"[.,]0{1,2}$", "", digits[0])))


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


def _seems_to_hold_keys(grid: Grid, role: str) -> bool:
    known = aliases(role)
    cells = [cell for row in grid.rows[:500] for cell in row]
    texts = [cell for cell in cells if isinstance(cell, str)]
    coded = sum(bool(re.fullmatch(r"(?=\S*\d)\S{4,}|[A-Z0-9-]{6,}", text)) for text in texts)
    numbers = sum(isinstance(cell, float) and cell >= 1000 for cell in cells)
    is_list = fold_header(grid.name) in LIST_HEADINGS
    return (
        is_list or coded + numbers >= 2 or any(known.get(fold_header(text)) == ROLES[role].required for text in texts)
    )


# --- the name of a pool (CATALOGUE §2) ---

_GENERIC_TAB = re.compile(
    r"(?:sheet|worksheet|exports?|data|(?:training |course assignment )?keys|report|results?|tabelle|feuille?|hoja|foglio|blad|planilha|folha|munka|arkusz|list|ark|taul|sayfa|лист|工作表)\s*\d*",
    re.I,
)
_COPY = re.compile(r"(?:\s*\(\d+\)|\s*-\s*(?:copy|kopie|copie)(?:\s*\(\d+\))?)+$", re.I)


def pool_name(file: str, sheet: str) -> str:
    """The pool's name where no column gives it: the file's name if the tab is its beginning, else a real tab's, else the file's."""
    name = PurePosixPath(file).name
    stem = _COPY.sub("", re.sub(r"\.(?:xlsx|xlsm|csv|tsv|txt)$", "", name, flags=re.I)).strip()
    is_real = sheet.strip() and not _GENERIC_TAB.fullmatch(sheet.strip()) and fold_header(sheet) not in LIST_HEADINGS
    if not is_real or bare_name(stem).startswith(bare_name(sheet)):
        return stem
    return sheet.strip()


def fold_name(name: str) -> str:
    """A name for comparing: trimmed, blanks joined, NFKC, without case. (CATALOGUE §2)"""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def bare_name(name: str) -> str:
    """`fold_name` without the signs a worksheet tab or a file name cannot hold."""
    return " ".join(re.sub(r"[:\\/?*\[\]_]", "", fold_name(name)).split())


def as_date(value: str | dt.date | None, what: str) -> dt.date:
    """A date given by a person: ISO text or a date. Raises KeyauditError naming `what`."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise KeyauditError(f'{what}: "{value}" is no date. Write it as YYYY-MM-DD, for example 2026-04-09.') from None
