"""Other tools on the same CSV files: `python benchmarks/rivals.py NAME CASE`. Each tells its steps and what it found.

`duckdb` and `polars` do the bare outer join with classes and nothing else; datacompy and csv-diff compare two tables by
their key and do not know what a status is.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

KEY = "Training Key"
SHARED = (KEY, "Course", "Organization", "Expires", "Content Availability")  # columns both sides have


class Steps:
    """Wall and CPU seconds of each step."""

    def __init__(self) -> None:
        self.told: dict[str, dict[str, float]] = {}
        self._since = (time.perf_counter(), time.process_time())

    def done(self, name: str) -> None:
        """A step ends here, the next one begins."""
        now = (time.perf_counter(), time.process_time())
        self.told[name] = {"wall": now[0] - self._since[0], "cpu": now[1] - self._since[1]}
        self._since = (time.perf_counter(), time.process_time())


def duckdb(case: Path, steps: Steps) -> dict[str, int]:
    """Load the tables, then one statement."""
    import out_of_core

    base = out_of_core.connect()
    out_of_core.load(base, case)
    steps.done("read")
    out_of_core.classify(base)
    steps.done("join")
    return out_of_core.counts(base)


def polars(case: Path, steps: Steps) -> dict[str, int]:
    """The same classes as the statement of out_of_core.py, in expressions."""
    import polars as pl

    def read(role: str) -> Any:
        return pl.read_csv(str(case / role / "*.csv"), infer_schema=False)

    before, now, course = read("pools-before"), read("pools-now"), read("course-keys")
    steps.done("read")
    key = pl.col(KEY)
    readable = key.is_not_null() & ~key.str.starts_with("#")
    unreadable = before.filter(key.str.starts_with("#")).height
    open_pool = pl.col("Pool").filter(pl.col("Redeemed").is_null())
    pools = (
        before.lazy()
        .filter(readable)
        .with_columns(key.str.strip_chars())
        .group_by(KEY)
        .agg(
            pl.col("Pool").min(),
            pl.col("Course").first(),
            pl.col("Expires").max(),
            redeemed=pl.col("Redeemed").is_not_null().any(),
            in_two_pools=open_pool.min() != open_pool.max(),
        )
    )
    entries = (
        course.lazy()
        .group_by(KEY)
        .agg(
            course_there=pl.col("Course").first(),
            in_two_entries=(pl.col("Name").min() != pl.col("Name").max())
            | (pl.col("Course").min() != pl.col("Course").max()),
        )
    )
    here = now.lazy().select(key.str.strip_chars(), here=pl.lit(True)).unique()
    again = now["Pool"].unique()
    in_pool, in_course = pl.col("redeemed").is_not_null(), pl.col("in_two_entries").is_not_null()
    is_here = pl.col("here").is_not_null()
    status = (
        pl.when(pl.col("redeemed") & in_course)
        .then(pl.lit("redeemed_recreated"))
        .when(pl.col("in_two_pools") | (is_here & in_course) | pl.col("in_two_entries"))
        .then(pl.lit("duplicate"))
        .when(in_pool & in_course & (pl.col("Course") != pl.col("course_there")))
        .then(pl.lit("wrong_course"))
        .when(in_pool & in_course)
        .then(pl.lit("migrated"))
        .when(pl.col("redeemed"))
        .then(pl.lit("redeemed"))
        .when(in_pool & ~is_here & pl.col("Pool").is_in(again.implode()))
        .then(pl.lit("missing"))
        .when(in_pool & (pl.col("Expires") < "2026-03-19"))
        .then(pl.lit("expired"))
        .when(in_pool)
        .then(pl.lit("to_migrate"))
        .otherwise(pl.lit("new"))
    )
    joined = pools.join(entries, on=KEY, how="full", coalesce=True).join(here, on=KEY, how="left")
    keys = joined.with_columns(status=status).collect()
    steps.done("join")
    return dict(keys["status"].value_counts().iter_rows()) | {"undetermined": unreadable}


def datacompy_pandas(case: Path, steps: Steps) -> dict[str, int]:
    """Compare the columns both sides have."""
    import datacompy
    import pandas as pd

    def read(role: str) -> pd.DataFrame:
        parts = [
            pd.read_csv(file, dtype=str, keep_default_na=False, usecols=list(SHARED))
            for file in sorted((case / role).iterdir())
        ]
        return pd.concat(parts, ignore_index=True).drop_duplicates(KEY)

    before, course = read("pools-before"), read("course-keys")
    steps.done("read")
    compared = datacompy.PandasCompare(before, course, join_columns=KEY)
    found = {"in both": len(compared.intersect_rows), "only in pools": len(compared.df1_unq_rows)}
    steps.done("compare")
    return found


def datacompy_polars(case: Path, steps: Steps) -> dict[str, int]:
    """Compare the columns both sides have."""
    import datacompy
    import polars as pl

    def read(role: str) -> pl.DataFrame:
        table = pl.read_csv(str(case / role / "*.csv"), infer_schema=False, columns=list(SHARED))
        return table.filter(pl.col(KEY).is_not_null()).unique(KEY)

    before, course = read("pools-before"), read("course-keys")
    steps.done("read")
    compared = datacompy.PolarsCompare(before, course, join_columns=KEY)
    found = {"in both": len(compared.intersect_rows), "only in pools": len(compared.df1_unq_rows)}
    steps.done("compare")
    return found


def csv_diff(case: Path, steps: Steps) -> dict[str, int]:
    """Compare what both sides say of a key."""
    from csv_diff import compare, load_csv

    def read(role: str) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        for file in sorted((case / role).iterdir()):
            with file.open(encoding="utf-8", newline="") as handle:
                rows |= load_csv(handle, key=KEY)
        return rows

    before, course = read("pools-before"), read("course-keys")
    steps.done("read")
    found = compare(before, course)
    steps.done("compare")
    return {what: len(found[what]) for what in ("added", "removed", "changed")}


def keyaudit(case: Path, steps: Steps) -> dict[str, int]:
    """Our own steps, through the Python interface."""
    import keyaudit as ka

    before, now = ka.read_pool_exports(case / "pools-before"), ka.read_pool_exports(case / "pools-now", now=True)
    course_keys = ka.read_course_keys(case / "course-keys")
    steps.done("read")
    audit = ka.reconcile(before, course_keys, as_of="2026-04-09", pools_now=now)
    steps.done("reconcile")
    some = audit.keys["training_key"].dropna()
    steps.done("keys")
    for place in (0, len(some) // 2, len(some) - 1):
        audit.explain(some.iloc[place])
        steps.done(f"explain {len(steps.told) - 2}")
    audit.explain("FFFF0000FFFF0000")
    steps.done("explain an unknown code")
    return audit.statuses


def cells(_: Path, steps: Steps) -> dict[str, int]:
    """The cells of the first notebook on its sample, each shown as a notebook shows it."""
    import ast
    import os
    import tempfile

    root = Path(__file__).resolve().parents[1]
    notebook = json.loads((root / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    os.chdir(root / "notebooks")
    with tempfile.TemporaryDirectory() as out:
        for number, source in enumerate(_code(notebook), 1):
            tree = ast.parse(source.replace('OUT = "report"', f"OUT = {out + '/report'!r}"))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "cell", "exec"), names)  # noqa: S102 - our own notebook
            if last is not None:
                shown = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
                for look in ("_repr_html_", "_repr_png_", "__repr__"):
                    getattr(shown, look, str)()
            steps.done(f"cell {number}")
    return {}


def twice(case: Path, steps: Steps) -> dict[str, int]:
    """The same case audited with its report by the command, again, and without its report."""
    from contextlib import redirect_stdout, suppress
    from io import StringIO
    from tempfile import TemporaryDirectory

    from keyaudit.case import open_case
    from keyaudit.cli import main

    for step in ("first", "second, report"):
        with TemporaryDirectory() as out, redirect_stdout(StringIO()), suppress(SystemExit):
            main(["audit", str(case), "--out", f"{out}/report", "--fail-on", "never"])
        steps.done(step)
    told = open_case(case).reconcile(as_of="2026-04-09").as_summary()
    steps.done("second")
    return dict(told["statuses"])


def _code(notebook: dict[str, Any]) -> Iterator[str]:
    return ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")


RIVALS: dict[str, Callable[[Path, Steps], dict[str, int]]] = {
    rival.__name__: rival
    for rival in (duckdb, polars, datacompy_pandas, datacompy_polars, csv_diff, keyaudit, cells, twice)
}

if __name__ == "__main__":
    steps = Steps()
    found = RIVALS[sys.argv[1]](Path(sys.argv[2]), steps)
    print(json.dumps({"steps": steps.told, "statuses": found}))
