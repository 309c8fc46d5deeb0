"""What was read of one role: records as coded columns, and the account of every file and row. (CATALOGUE §2, §3 tie-out)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.columns import COLUMNS, ROLES
from keyaudit.words import toml

if TYPE_CHECKING:
    import pandas as pd

FEW = ("damage", "raw", "typed")  # what an export knows of few of its records


@dataclass(frozen=True)
class FileOptions:
    """What the person knows about a file and we cannot: `[files."pattern"]` of case.toml."""

    encoding: str | None = None
    day_first: bool | None = None
    rows: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    pool: str | None = None
    redeemed_when: tuple[str, ...] = ()
    open_when: tuple[str, ...] = ()

    def entry(self, label: str, columns: Mapping[str, str]) -> str:
        """The whole entry of case.toml for a file, ready: what is known of it so far, and more headers of columns."""
        told = {**self.told, "columns": {**self.columns, **columns}}
        return "\n".join([f"[files.{toml(label)}]", *(f"{name} = {toml(value)}" for name, value in told.items())])

    @property
    def told(self) -> dict[str, Any]:
        """What it says, by the names of case.toml."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) not in (None, (), {})}

    def over(self, other: FileOptions) -> FileOptions:
        """What it says, and of all else (a column is something of its own) what another says."""
        return replace(other, **self.told | {"columns": {**other.columns, **self.columns}})


@dataclass(frozen=True)
class Table:
    """One list of one sheet: which file it stands in, what its heading proves, which columns it shows, its pool."""

    file: int  # a place in Export.files
    sheet: str
    heading: str  # "", unredeemed, distributed or redeemed
    columns: frozenset[str]
    pool: str = ""  # where no cell names one
    records: int = 0


@dataclass(frozen=True)
class Source:
    """One file as read. For every file: rows_read = keys + repeats + set_aside.

    `shows`: fact → "yes", "no", or the header of a column that was not understood and may be it. Facts of pool exports:
    redemption, expires_on, starts_on, course, organization; of course keys: uses, max_uses, expires_on, course; of
    course assignments: assignment_status; of every file: every_key, "no" if a sheet or column that seems to hold keys was not read.
    """

    role: str
    source_file: str
    sheets: str
    sha256: str
    bytes: int
    columns_used: str
    columns_not_used: str
    rows_read: int
    keys: int
    repeats: int
    set_aside: int
    damaged: int
    shows: Mapping[str, str] = field(default_factory=dict)
    padding_doubted: bool = False  # every code is padded, and no use shows that learners' codes match (CATALOGUE §1)


@dataclass(frozen=True)
class Note:
    """What a person should know of the reading, as a finding; `severity` where it is not that of the rule book."""

    code: str
    message: str
    source_file: str = ""
    source_sheet: str = ""
    source_row: int = 0
    training_key: str = ""
    pool: str = ""
    severity: str = ""


@dataclass(frozen=True)
class Aside:
    """A row that holds no record, and why."""

    source_file: str
    source_sheet: str
    source_row: int
    reason: str


@dataclass(frozen=True)
class Understood:
    """How a header is understood: the column of ours it means, or which it may be and the line of case.toml that says so."""

    source_file: str
    sheet: str
    header: str
    column: str
    looks_like: str = ""
    may_be: str = ""
    line: str = ""


@dataclass(frozen=True)
class Export:
    """All files of one role.

    `rows`, `sources`, `notes`, `set_aside` are DataFrames, made when first asked for; the rest is what they are made from.
    `keys`: the recorded code of every record (Arrow texts, null where not readable; None for roles without keys).
    `columns`: every other column of ours that any list shows; values are texts, datetime64[s] (NaT: filled, and not
    readable), floats (inf: unlimited; NaN: filled, and not readable), flags and statuses (1 yes or redeemed, 0 no or open,
    2 not readable). `row`, `table`: sheet row and place in `tables` of every record. `signs`: of pool exports, what each
    record says: `redeemed`, `redemption_unreadable`, `learner_without_date`, `without_learner` (redeemed by its heading
    only), `distributed` (heading or status). `damage`, `raw`: of few records, what is wrong with the key cell, and its
    text; `typed`: the key cells that were not text.
    """

    role: str
    keys: Any
    columns: Mapping[str, Coded]
    row: Array
    table: Array
    tables: tuple[Table, ...]
    files: tuple[Source, ...]
    told: tuple[Note, ...] = ()
    aside: tuple[Aside, ...] = ()
    signs: Mapping[str, Array] = field(default_factory=dict)
    damage: Mapping[int, str] = field(default_factory=dict)
    raw: Mapping[int, str] = field(default_factory=dict)
    typed: Mapping[int, Any] = field(default_factory=dict)
    headers: tuple[Understood, ...] = ()

    def __len__(self) -> int:
        return len(self.row)

    def __repr__(self) -> str:
        """Counts only: an export is never shown by accident."""
        files, aside = len(self.files), len(self.aside)
        return f"{ROLES[self.role].title}: {files} files, {len(self):,} records, {aside:,} rows set aside"

    def without(self, records: Array) -> Export:
        """The same without some records."""
        keep = np.ones(len(self), dtype=bool)
        keep[records] = False
        new, few = np.cumsum(keep) - 1, ((name, getattr(self, name).items()) for name in FEW)
        made: dict[str, Any] = {name: {int(new[row]): told for row, told in own if keep[row]} for name, own in few}
        made |= {name: getattr(self, name)[keep] for name in ("row", "table")}
        made["columns"] = {name: Coded(column.codes[keep], column.values) for name, column in self.columns.items()}
        made["signs"] = {name: sign[keep] for name, sign in self.signs.items()}
        return replace(self, keys=None if self.keys is None else self.keys.filter(pa.array(keep)), **made)

    def column(self, name: str) -> Coded:
        """A column, blank where no list shows it."""
        return self.columns[name] if name in self.columns else Coded.nothing(len(self))

    def shows(self, name: str) -> Array:
        """For every record: does its list have the column?"""
        return np.array([*(name in table.columns for table in self.tables), False]).take(self.table)

    @property
    def file(self) -> Array:
        """For every record the place of its file in `files`."""
        return np.array([*(table.file for table in self.tables), -1])[self.table]

    def without_files(self, files: set[int], told: Iterable[Note] = ()) -> Export:
        """The same without some of its files, and with more to tell of it."""
        place = np.cumsum([number not in files for number in range(len(self.files))]) - 1
        names = {self.files[number].source_file for number in files}
        tables = [replace(t, records=0, pool="") if t.file in files else t for t in self.tables]
        return replace(
            self.without(np.flatnonzero(np.isin(self.file, list(files)))),
            tables=tuple(replace(table, file=int(place[table.file])) for table in tables),
            files=tuple(file for number, file in enumerate(self.files) if number not in files),
            told=(*(note for note in self.told if note.source_file not in names), *told),
            aside=tuple(row for row in self.aside if row.source_file not in names),
        )

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row per record, our column names; full codes and names: for computing, not for display."""
        import pandas as pd

        data: dict[str, Any] = {} if self.keys is None else {"training_key": pd.array(self.keys, dtype="str")}
        for name in ROLES[self.role].columns[len(data) :]:
            told, kind = self.column(name), COLUMNS[name].kind
            if name == "pool":
                pools = np.array([*(table.pool or None for table in self.tables), None], dtype=object)[self.table]
                data[name] = pd.array(np.where(told.filled, told.spread(None, object), pools), dtype="str")
            elif kind == "text":
                data[name] = pd.array([*told.listed(), None], dtype="str").take(told.codes)
            else:
                nothing, dtype = (np.datetime64("NaT", "s"), "datetime64[s]") if kind == "date" else (np.nan, "float64")
                data[name] = told.spread(nothing, dtype)
        data["source_file"] = pd.Categorical.from_codes(self.file, [file.source_file for file in self.files])
        data["source_sheet"] = pd.Categorical([table.sheet for table in self.tables]).take(self.table)
        return pd.DataFrame(data | {"source_row": self.row})

    @cached_property
    def sources(self) -> pd.DataFrame:
        """One row per file; rows_read = keys + repeats + set_aside."""
        return frame_of(map(vars, self.files), Source.__dataclass_fields__).drop(columns=["shows", "padding_doubted"])

    @cached_property
    def notes(self) -> pd.DataFrame:
        """What a person should know of the reading, a row each."""
        return frame_of(map(vars, self.told), Note.__dataclass_fields__)

    @cached_property
    def set_aside(self) -> pd.DataFrame:
        """Every row that holds no record, with its reason."""
        return frame_of(map(vars, self.aside), Aside.__dataclass_fields__)


def frame_of(rows: Iterable[Any], columns: Iterable[str] | None = None) -> pd.DataFrame:
    """Rows as a DataFrame: pandas is loaded only for whoever asks for one."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=None if columns is None else list(columns))


def stacked(role: str, parts: Sequence[Export]) -> Export:
    """The exports of several files as one."""
    rows, files, tables = (
        np.cumsum([0, *(len(getattr(part, name)) for part in parts)]).tolist() for name in ("row", "files", "tables")
    )
    names = [name for name in ROLES[role].columns if any(name in part.columns for part in parts)]
    signs = {name for part in parts for name in part.signs}
    none, has_keys = np.array([], dtype=np.int32), ROLES[role].required == "training_key"
    made: dict[str, Any] = {
        name: tuple(one for part in parts for one in getattr(part, name))
        for name in ("files", "told", "aside", "headers")
    }
    for name in FEW:
        told = (getattr(part, name).items() for part in parts)
        made[name] = {start + row: what for start, own in zip(rows, told, strict=False) for row, what in own}
    return Export(
        role,
        pa.concat_arrays([*(part.keys for part in parts), pa.array([], TEXT)]) if has_keys else None,
        {name: Coded.stacked([part.column(name) for part in parts]) for name in names},
        np.concatenate([none, *(part.row for part in parts)]),
        np.concatenate([none, *(part.table + np.int32(start) for part, start in zip(parts, tables, strict=False))]),
        tuple(replace(t, file=t.file + start) for part, start in zip(parts, files, strict=False) for t in part.tables),
        signs={
            name: np.concatenate([part.signs.get(name, np.zeros(len(part), bool)) for part in parts]) for name in signs
        },
        **made,
    )


_DECLARED = {"starts": "starts_on", "expires": "expires_on"}


def declared(settings: Mapping[str, Mapping[str, Any]]) -> Export:
    """What case.toml says of pools (`[pools."NAME"]`), as an export of its own role: a table a pool."""
    tables, columns = [], {"pool": Coded.of(settings)}
    for pool, told in settings.items():
        tables.append(Table(0, "", "", frozenset(_DECLARED.get(name, name) for name in told), pool, 1))
    for name in ("course", "organization", "starts", "expires", "content_availability", "sitewide"):
        cells, column = Coded.of(row.get(name) for row in settings.values()), _DECLARED.get(name, name)
        dtype: Any = {"date": "datetime64[s]", "text": None}.get(COLUMNS[column].kind, float)
        values = cells.listed()
        columns[column] = Coded(cells.codes, np.array(values, dtype=dtype) if dtype else values)
    rows = np.arange(len(settings), dtype=np.int32)
    source = Source("declared", "case.toml", "", "", 0, "", "", len(settings), len(settings), 0, 0, 0)
    return Export("declared", None, columns, rows, rows, tuple(tables), (source,))
