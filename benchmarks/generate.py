"""Make a case of any size with about 1 % trouble of every kind, and its truth: how many keys each status must have.

`python benchmarks/generate.py 100000 csv FOLDER` writes FOLDER/case (20 backups of pools, a later export of one of them,
one file of course keys, 12 columns each) and FOLDER/truth.json. Same seed, same content.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from keyaudit.rehearsal import DAMAGE, LEARNERS

AS_OF = "2026-04-09"  # the day before the migrate-by date
POOLS = 20
EXPORTED_AGAIN, NOT_BEGUN, LONG_EXPIRED = 0, 18, 19  # pools apart; all others are moved, and not exported again
SHARE = 2000  # one key in so many suffers each kind of trouble
FEWEST = 400  # a smaller case has no room for every kind

Shape = Callable[[str], str]


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble: the status of its keys, and what a join of exact codes alone calls them."""

    status: str
    by_join: str = ""
    shape: Shape = str  # makes a code that can suffer it
    recreated: Shape | None = str  # what stands in course keys; None: nothing
    pool: int | None = None
    redeemed: bool = False


def _damaged(rung: str, shape: Shape = str) -> Trouble:
    return Trouble("altered", "to_migrate", shape, DAMAGE[rung])


TYPO, MOST_TYPOS = "damaged: typo", 2  # the same change of more codes is none: the course keys are another set
TROUBLE = {
    "forgotten": Trouble("to_migrate", recreated=None),
    "forgotten, pool exported again": Trouble("missing", recreated=None, pool=EXPORTED_AGAIN),
    "left to do": Trouble("to_migrate", recreated=None, pool=EXPORTED_AGAIN),
    "still in its pool": Trouble("duplicate", pool=EXPORTED_AGAIN),
    "in two pools": Trouble("duplicate", recreated=None, pool=NOT_BEGUN - 1),
    "in two entries": Trouble("duplicate"),
    "wrong course": Trouble("wrong_course"),
    "redeemed and recreated": Trouble("redeemed_recreated", redeemed=True),
    "not readable": Trouble(
        "undetermined", shape=lambda code: f"{10**13 + int(code[:11], 16):d}", recreated=lambda code: f"00{code}"
    ),
    "padded in its pool": Trouble("migrated"),
    "row repeated in its pool": Trouble("migrated"),
    "row repeated in course keys": Trouble("migrated"),
    "learner without a date": Trouble("migrated"),
    "expired course key": Trouble("migrated"),
    "other organization": Trouble("migrated"),
    "several uses": Trouble("migrated"),
    "fewer days": Trouble("migrated"),
    "damaged: whitespace": _damaged("whitespace"),
    "damaged: unicode": _damaged("unicode", lambda code: f"{code[:8]}-{code[9:]}"),
    "damaged: case": _damaged("case", lambda code: f"A{code[1:]}"),
    "damaged: excel": _damaged("excel", lambda code: f"00{10**13 + int(code[:11], 16):d}"),
    "damaged: confusable": _damaged("confusable", lambda code: f"{code[0]}0{code[2:]}"),
    "damaged: extra": _damaged("extra"),
    "damaged: cut": _damaged("cut"),
    TYPO: _damaged("typo", lambda code: f"{code[:-3]}A7{code[-1]}"),
}
POOL_OF = {
    name: t.pool if t.pool is not None else 1 + n % (NOT_BEGUN - 1) for n, (name, t) in enumerate(TROUBLE.items())
}

DATES = ("Created", "Redeemed", "Starts", "Expires")
LEARNER = np.array(LEARNERS, dtype=object)
EMAIL = np.array([f"learner{number}@example.org" for number in range(len(LEARNERS))], dtype=object)


def make_case(folder: Path, keys: int, form: str, seed: int = 1) -> dict[str, Any]:
    """Write FOLDER/case in a form (xlsx or csv) and FOLDER/truth.json; returns the truth."""
    if keys < FEWEST or keys % POOLS:
        raise ValueError(f"keys: at least {FEWEST}, and a multiple of {POOLS}")
    write = {"xlsx": _write_xlsx, "csv": _write_csv}[form]
    statuses: Counter[str] = Counter()
    by_join: Counter[str] = Counter()
    rows = Counter(blank=max(1, keys // SHARE))
    case = folder / "case"
    for role in ("pools-before", "pools-now", "course-keys"):
        (case / role).mkdir(parents=True, exist_ok=True)
    (case / "case.toml").write_text(f"as_of = {AS_OF}\n", encoding="utf-8")
    twice: list[str] = []

    def course_keys() -> Iterator[pd.DataFrame]:
        """Write the pools one by one; hand on the course keys that came of each; then those that are new."""
        for number in range(POOLS):
            pool = _Pool(number, keys // POOLS, np.random.default_rng([seed, number]), rows["blank"], twice, form)
            write(case / "pools-before" / f"{pool.name}.{form}", iter([pool.before]))
            if number == EXPORTED_AGAIN:
                write(case / "pools-now" / f"{pool.name}.{form}", iter([pool.now]))
                rows["read"] += len(pool.now)
            rows["read"] += len(pool.before) + len(pool.course_keys)
            rows["course keys"] += len(pool.course_keys)
            statuses.update(pool.statuses)
            by_join.update(pool.by_join)
            yield pool.course_keys
        chance = np.random.default_rng([seed, POOLS])
        while (left := keys - rows["course keys"]) > 0:
            new = _course_keys(_codes(chance, min(left, 250_000)), POOLS, chance)
            statuses["new"] += len(new)
            by_join["new"] += len(new)
            rows["read"] += len(new)
            rows["course keys"] += len(new)
            yield new

    write(case / "course-keys" / f"Course keys.{form}", course_keys())
    truth = {
        "as_of": AS_OF,
        "keys": sum(statuses.values()),
        "rows_read": rows["read"],
        "set_aside": rows["blank"],
        "statuses": dict(sorted(statuses.items())),
        "by_join": dict(sorted(by_join.items())),
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    return truth


class _Pool:
    """One pool: its backup, its later export, the course keys made of it, and what each of its keys must be called."""

    def __init__(
        self, number: int, size: int, chance: np.random.Generator, few: int, twice: list[str], form: str
    ) -> None:
        self.name = f"Course {number:02d} - Contoso"
        codes = _codes(chance, size)
        redeemed = np.arange(size) % 5 < 2
        recreated = codes.copy()
        trouble = np.full(size, "", dtype=object)
        places = {False: iter(np.flatnonzero(~redeemed)), True: iter(np.flatnonzero(redeemed))}
        for name in (name for name, pool in POOL_OF.items() if pool == number):
            kind = TROUBLE[name]
            for place in (next(places[kind.redeemed]) for _ in range(few)):
                trouble[place] = name
                codes[place] = kind.shape(codes[place])
                recreated[place] = None if kind.recreated is None else kind.recreated(codes[place])
        moved = ~redeemed & (number < NOT_BEGUN) | (trouble == "redeemed and recreated")
        moved &= ~pd.isna(recreated)
        rest = np.where(redeemed, "redeemed", "migrated").astype(object)
        rest[~redeemed & (number == NOT_BEGUN)] = "to_migrate"
        rest[~redeemed & (number == LONG_EXPIRED)] = "expired"
        if number == NOT_BEGUN - 1:
            twice += codes[trouble == "in two pools"].tolist()
        if number == NOT_BEGUN:
            again = np.flatnonzero(~redeemed)[:few]
            codes[again] = twice
            rest[again] = ""  # counted in the other pool
        status = [TROUBLE[name].status if name else other for name, other in zip(trouble, rest, strict=True)]
        by_join = [(name and TROUBLE[name].by_join) or word for name, word in zip(trouble, status, strict=True)]
        changed = (trouble == TYPO) & (few > MOST_TYPOS)
        status = ["to_migrate" if is_changed else word for is_changed, word in zip(changed, status, strict=True)]
        self.statuses, self.by_join = Counter(status), Counter(by_join)
        strays = self.statuses["altered"]
        new = self.statuses["undetermined"] + int(changed.sum())
        self.statuses += Counter(stray=strays, new=new)
        self.by_join += Counter(new=strays + new)
        for counts in (self.statuses, self.by_join):
            counts.pop("", None)
        self.before = self._rows(number, codes, redeemed, trouble, chance, form)
        self.now = self.before[redeemed | np.isin(trouble, ("left to do", "still in its pool"))]
        self._trouble_the_rows(number, trouble, few)
        self.course_keys = _course_keys(recreated[moved], number, chance)
        self._trouble_the_course_keys(trouble[moved], form)

    def _rows(self, number: int, codes: Any, redeemed: Any, trouble: Any, chance: Any, form: str) -> pd.DataFrame:
        learner = chance.integers(len(LEARNERS), size=len(codes))
        day = np.datetime64("2025-06-01") + chance.integers(290, size=len(codes)).astype("timedelta64[D]")
        has_learner = redeemed | (trouble == "learner without a date")
        shown = codes.copy()
        lost = trouble == "not readable"
        shown[lost] = codes[lost].astype(np.int64).astype(object) if form == "xlsx" else "#NUM!"
        padded = trouble == "padded in its pool"
        shown[padded] = " " + codes[padded] + "  "
        return pd.DataFrame(
            {
                "Training Key": pd.Series(shown, dtype=object),
                "Pool": self.name,
                "Course": f"Course {number:02d}",
                "Organization": "Contoso",
                "Created": np.datetime64("2025-02-03"),
                "Redeemed": np.where(redeemed, day, np.datetime64("NaT")),
                "Redeemed By": np.where(has_learner, LEARNER[learner], None),
                "Email": np.where(has_learner, EMAIL[learner], None),
                "Starts": np.datetime64("2025-02-03"),
                "Expires": np.datetime64("2026-01-31" if number == LONG_EXPIRED else "2026-12-31"),
                "Content Availability": 180,
                "Sitewide Use": "No",
            }
        )

    def _trouble_the_rows(self, number: int, trouble: Any, few: int) -> None:
        more = [self.before, self.before[trouble == "row repeated in its pool"]]
        if number == EXPORTED_AGAIN + 1:
            more.append(self.before.head(few).assign(**{"Training Key": pd.Series([None] * few, dtype=object)}))
        self.before = pd.concat(more, ignore_index=True)

    def _trouble_the_course_keys(self, trouble: Any, form: str) -> None:
        rows = self.course_keys
        rows.loc[trouble == "wrong course", "Course"] = "Another course"
        rows.loc[trouble == "other organization", "Organization"] = "Fabrikam"
        rows.loc[trouble == "fewer days", "Content Availability"] = 90
        rows.loc[trouble == "several uses", "Max Uses Per Key"] = 5
        rows.loc[trouble == "expired course key", "Expires"] = np.datetime64("2026-04-01")
        rows.loc[trouble == "expired course key", "Course Assignments Created From Key"] = 0
        if form == "xlsx":
            typed = trouble == "damaged: excel"
            rows.loc[typed, "Training Key"] = rows.loc[typed, "Training Key"].map(int).astype(object)
        repeated = rows[trouble == "row repeated in course keys"]
        elsewhere = rows[trouble == "in two entries"].assign(Name="Second try")
        self.course_keys = pd.concat([rows, repeated, elsewhere], ignore_index=True)


def _codes(chance: np.random.Generator, count: int) -> Any:
    """Codes as the TMS makes them: 16 hexadecimal digits."""
    digits = chance.bytes(8 * count).hex().upper()
    return np.array([digits[place : place + 16] for place in range(0, len(digits), 16)], dtype=object)


def _course_keys(codes: Any, number: int, chance: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Training Key": pd.Series(codes, dtype=object),
            "Name": f"Course {number:02d} migrated",
            "Course": f"Course {number:02d}",
            "Organization": "Contoso",
            "Created": np.datetime64("2026-04-01"),
            "Expires": np.datetime64("2026-12-31"),
            "Max Uses Per Key": 1,
            "Course Assignments Created From Key": (chance.random(len(codes)) < 0.2).astype(int),
            "Content Availability": 180,
            "Redeemable By Any Student": "No",
            "Created By": "Jo O'Neil",
            "Notes": "Pools end in May",
        }
    )


# --- files ---


def _write_csv(path: Path, parts: Iterator[pd.DataFrame]) -> None:
    writer = None
    for part in parts:
        text = {name: part[name].astype("str") for name in part if part[name].dtype == object}
        table = pa.Table.from_pandas(part.assign(**text), preserve_index=False)
        for place, name in enumerate(table.column_names):
            if name in DATES:
                table = table.set_column(place, name, table[name].cast(pa.date32()))
        if writer is None:
            writer = pa.csv.CSVWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _write_xlsx(path: Path, parts: Iterator[pd.DataFrame]) -> None:
    """One sheet, row by row; texts stand in their cells, as XlsxWriter writes them in constant memory."""
    import xlsxwriter

    frame = pd.concat(list(parts), ignore_index=True)
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), {"constant_memory": True, **plain}) as book:
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet(path.stem[:31])
        sheet.write_row(0, 0, list(frame.columns))
        columns = [frame[name].astype(object).where(frame[name].notna(), None) for name in frame]
        for row, cells in enumerate(zip(*columns, strict=True), start=1):
            for column, cell in enumerate(cells):
                if cell is not None:
                    sheet.write(row, column, cell, *([date] if isinstance(cell, dt.date) else []))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("keys", type=int)
    parser.add_argument("form", choices=("xlsx", "csv"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps(make_case(given.folder, given.keys, given.form, given.seed)))


if __name__ == "__main__":
    main()
