"""The script an analyst would write: pandas, openpyxl, merge, to_excel. What keyaudit is compared with.

`python benchmarks/analyst.py CASE OUT [ENGINE]` reads the exports as text, joins them on the exact code, classifies every
key, looks for codes that differ only in case or blanks, and writes a workbook of the pools' keys. It does no more than
that: no other lookalikes, no check of settings, no proof that every row was read. ENGINE reads xlsx (openpyxl, as pandas
does unless told otherwise; calamine is for those who know).
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

READ_ONLY, ANNOUNCED = pd.Timestamp("2026-05-08"), pd.Timestamp("2026-03-19")


def read_exports(folder: Path, engine: str) -> pd.DataFrame:
    """All files of a folder, every cell as text: numbers must not eat zeros, and NA may be a key."""
    parts = []
    for file in sorted(folder.iterdir()):
        read = partial(pd.read_excel, engine=engine) if file.suffix == ".xlsx" else pd.read_csv
        part = read(file, dtype=str, keep_default_na=False, na_values=[""])
        parts.append(part.assign(source_file=file.name))
    table = pd.concat(parts, ignore_index=True)
    return table[table["Training Key"].notna()]


def reconcile(before: pd.DataFrame, now: pd.DataFrame, course_keys: pd.DataFrame) -> pd.DataFrame:
    """One row per key with its status."""
    before = before.assign(**{"Training Key": before["Training Key"].str.strip()})
    open_keys = before[before["Redeemed"].isna()].drop_duplicates(["Training Key", "Pool"])
    in_two_pools = open_keys.loc[open_keys["Training Key"].duplicated(), "Training Key"]
    entries = course_keys.drop_duplicates(["Training Key", "Name", "Course"])
    in_two_entries = entries.loc[entries["Training Key"].duplicated(), "Training Key"]
    keys = before.drop_duplicates("Training Key").merge(
        course_keys.drop_duplicates("Training Key"),
        on="Training Key",
        how="outer",
        suffixes=("", " of course key"),
        indicator="where",
        validate="one_to_one",
    )
    expires = pd.to_datetime(keys["Expires"])
    in_pool, in_course = keys["where"] != "right_only", keys["where"] != "left_only"
    redeemed = keys["Redeemed"].notna()
    here = keys["Training Key"].isin(set(now["Training Key"].str.strip()))
    gone = keys["Pool"].isin(now["Pool"].unique()) & ~here
    unreadable = keys["Training Key"].str.startswith("#")
    status = np.select(
        [
            unreadable,
            in_pool & redeemed & in_course,
            keys["Training Key"].isin(set(in_two_pools) | set(in_two_entries)) | (here & in_course),
            in_pool & in_course & (keys["Course"] != keys["Course of course key"]),
            in_pool & in_course,
            redeemed,
            in_pool & gone,
            in_pool & (expires < ANNOUNCED),
            in_pool,
        ],
        [
            *("undetermined", "redeemed_recreated", "duplicate", "wrong_course", "migrated"),
            *("redeemed", "missing", "expired", "to_migrate"),
        ],
        default="new",
    )
    keys = keys.assign(status=status)
    plain = keys["Training Key"].str.replace(r"\s", "", regex=True).str.upper()
    lost, found = keys["status"].isin(["missing", "to_migrate"]), keys["status"] == "new"
    looks_alike = lost & plain.isin(set(plain[found]))
    keys.loc[looks_alike, "status"] = "altered"
    keys.loc[found & plain.isin(set(plain[looks_alike])), "status"] = "stray"
    return keys


def main(case: Path, out: Path, engine: str = "openpyxl") -> None:
    """Read, reconcile, write; tell how long each took."""
    clock = [(time.perf_counter(), time.process_time())]

    def lap() -> None:
        clock.append((time.perf_counter(), time.process_time()))

    before, now, course_keys = (
        read_exports(case / role, engine) for role in ("pools-before", "pools-now", "course-keys")
    )
    lap()
    keys = reconcile(before, now, course_keys)
    lap()
    columns = [
        *("Training Key", "status", "Pool", "Course", "Organization", "Redeemed", "Redeemed By", "Expires"),
        *("Name", "Course of course key", "Expires of course key", "source_file"),
    ]
    with pd.ExcelWriter(out / "keys.xlsx", engine="openpyxl") as book:
        pd.crosstab(keys["Pool"], keys["status"]).to_excel(book, sheet_name="Summary")
        keys.loc[keys["where"] != "right_only", columns].to_excel(book, sheet_name="Keys", index=False)
    lap()
    steps = {
        step: {"wall": end[0] - start[0], "cpu": end[1] - start[1]}
        for step, start, end in zip(("read", "reconcile", "write"), clock, clock[1:], strict=False)
    }
    print(json.dumps({"steps": steps, "statuses": keys["status"].value_counts().to_dict()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
