"""What was read of one role: records as coded columns, and the account of every file and row. (CATALOGUE §2, §3 tie-out)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from keyaudit.coded import Array, Coded
from keyaudit.columns import COLUMNS, ROLES

if TYPE_CHECKING:
    import pandas as pd


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
    redemption, expires_on, starts_on, course, organization; of course keys: uses, max_uses, expires_on, course.
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
class Export:
    """All files of one role.

    `rows`, `sources`, `notes`, `set_aside` are DataFrames, made when first asked for; the rest is what they are made from.
    `keys`: the recorded code of every record (Arrow texts, null where not readable; None for roles without keys).
    `columns`: every other column of ours that any list shows; values are texts, datetime64[s] (NaT: filled, and not
    readable), floats (inf: unlimited; NaN: filled, and not readable), flags and statuses (1 yes or redeemed, 0 no or open,
    2 not readable). `row`, `table`: sheet row and place in `tables` of every record. `signs`: of pool exports, what each
    record says: `redeemed`, `redemption_unreadable`, `learner_without_date`, `without_learner` (redeemed by its heading
    only), `distributed` (heading or status). `damage`, `raw`: of few records, what is wrong with the key cell, and its
    text; `typed`: whose key cell was not text.
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
    typed: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.row)

    def __repr__(self) -> str:
        """Counts only: an export is never shown by accident."""
        files, aside = len(self.files), len(self.aside)
        return f"{ROLES[self.role].title}: {files} files, {len(self):,} records, {aside:,} rows set aside"

    def column(self, name: str) -> Coded:
        """A column, blank where no list shows it."""
        return self.columns[name] if name in self.columns else Coded.nothing(len(self))

    def shows(self, name: str) -> Array:
        """For every record: does its list have the column?"""
        return np.array([*(name in table.columns for table in self.tables), False])[self.table]

    @property
    def file(self) -> Array:
        """For every record the place of its file in `files`."""
        return np.array([*(table.file for table in self.tables), -1])[self.table]

    def without(self, files: set[int], told: Iterable[Note] = ()) -> Export:
        """The same export without some of its files, and with more to tell of it."""
        number = np.cumsum([place not in files for place in range(len(self.files))]) - 1
        kept = np.flatnonzero(~np.isin(self.file, list(files)))
        place = {int(old): new for new, old in enumerate(kept)}
        names = {self.files[at].source_file for at in files}
        return replace(
            self,
            keys=None if self.keys is None else self.keys.take(pa.array(kept)),
            columns={name: column.take(kept) for name, column in self.columns.items()},
            row=self.row[kept],
            table=self.table[kept],
            tables=tuple(replace(table, file=int(number[table.file]), records=table.records * (table.file not in files), pool=table.pool * (table.file not in files)) for table in self.tables),
            files=tuple(file for at, file in enumerate(self.files) if at not in files),
            told=(*(note for note in self.told if note.source_file not in names), *told),
            aside=tuple(row for row in self.aside if row.source_file not in names),
            signs={name: sign[kept] for name, sign in self.signs.items()},
            damage={place[row]: text for row, text in self.damage.items() if row in place},
            raw={place[row]: text for row, text in self.raw.items() if row in place},
            typed=frozenset(place[row] for row in self.typed if row in place),
        )

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row per record, our column names; full codes and names: for computing, not for display."""
        import pandas as pd

        data: dict[str, Any] = {} if self.keys is None else {"training_key": pd.array(self.keys, dtype="str")}
        for name in ROLES[self.role].columns:
            if name == "training_key":
                continue
            told, kind = self.column(name), COLUMNS[name].kind
            if kind == "text":
                data[name] = pd.array([*told.listed(), None], dtype="str").take(told.codes)
            elif kind == "date":
                data[name] = told.spread(np.datetime64("NaT"), "datetime64[s]")
            else:
                data[name] = told.spread(np.nan, "float64")
        files = [file.source_file for file in self.files]
        data["source_file"] = pd.Categorical.from_codes(self.file, files)
        data["source_sheet"] = pd.Categorical([table.sheet for table in self.tables]).take(self.table)
        data["source_row"] = self.row
        return pd.DataFrame(data)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """One row per file; rows_read = keys + repeats + set_aside."""
        return _frame(self.files, Source).drop(columns=["shows", "padding_doubted"])

    @cached_property
    def notes(self) -> pd.DataFrame:
        """What a person should know of the reading, a row each."""
        return _frame(self.told, Note)

    @cached_property
    def set_aside(self) -> pd.DataFrame:
        """Every row that holds no record, with its reason."""
        return _frame(self.aside, Aside)


def _frame(rows: tuple[Any, ...], kind: Any) -> pd.DataFrame:
    import pandas as pd

    names = [entry.name for entry in fields(kind)]
    return pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)


_DECLARED = {"course": "course", "organization": "organization", "starts": "starts_on", "expires": "expires_on"}
_DECLARED |= {"content_availability": "content_availability", "sitewide": "sitewide"}


def declared(settings: Mapping[str, Mapping[str, Any]]) -> Export:
    """What case.toml says of pools (`[pools."NAME"]`), as an export of its own role: a table a pool."""
    tables, columns = [], {"pool": Coded.of(settings)}
    for place, (pool, told) in enumerate(settings.items()):
        tables.append(Table(0, "", "", frozenset(_DECLARED[name] for name in told), pool, place))
    for name, column in _DECLARED.items():
        cells = Coded.of(row.get(name) for row in settings.values())
        kind = COLUMNS[column].kind
        values = [np.datetime64(value, "s") for value in cells.values] if kind == "date" else [float(v) for v in cells.values] if kind != "text" else cells.values  # fmt: skip
        columns[column] = Coded(cells.codes, np.array(values, dtype="datetime64[s]" if kind == "date" else float) if kind != "text" else values)  # fmt: skip
    rows = np.arange(len(settings), dtype=np.int32)
    source = Source("declared", "case.toml", "", "", 0, "", "", len(settings), len(settings), 0, 0, 0)
    return Export("declared", None, columns, rows, rows, tuple(tables), (source,))
