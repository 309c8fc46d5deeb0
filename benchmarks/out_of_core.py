"""Classify more keys than fit in memory: the same classes in DuckDB, with a memory limit and a folder to spill into.

`python benchmarks/out_of_core.py CASE --memory 2GB` reads the CSV files of a case and counts its keys per status.
`--verify 100000` then takes a sample of about so many keys by hash of the key, audits it with keyaudit, and compares key
by key. Only what follows from exact codes is done here: no lookalikes (an `altered` key counts as missing, expired or
to_migrate, a `stray` as new), no log (no `undistributed`), no findings, and whether a key works is not said.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROLES = {"before": "pools-before", "now": "pools-now", "course": "course-keys"}
LIKE = {"altered": ("missing", "expired", "to_migrate"), "stray": ("new",)}  # what these are without lookalikes

LOAD = {
    "before": """
        select trim("Training Key") as training_key, "Pool" as pool, "Course" as course, "Expires" as expires,
               "Redeemed" is not null as redeemed
        from {files} where "Training Key" is not null""",
    "now": """select trim("Training Key") as training_key, "Pool" as pool from {files}""",
    "course": """select "Training Key" as training_key, "Name" as name, "Course" as course from {files}""",
}

CLASSIFY = """
create or replace table keys as
with
pools as (
    select training_key, min(pool) as pool, any_value(course) as course, max(expires) as expires,
           bool_or(redeemed) as redeemed,
           coalesce(min(pool) filter (not redeemed) <> max(pool) filter (not redeemed), false) as in_two_pools
    from before where not starts_with(training_key, '#') group by training_key
),
entries as (
    select training_key, any_value(course) as course,
           min(name) <> max(name) or min(course) <> max(course) as in_two_entries
    from course group by training_key
),
later as (select distinct training_key from now),
again as (select distinct pool from now)
select
    coalesce(pools.training_key, entries.training_key) as training_key,
    case
        when pools.redeemed and entries.training_key is not null then 'redeemed_recreated'
        when pools.in_two_pools or entries.in_two_entries
             or (later.training_key is not null and entries.training_key is not null) then 'duplicate'
        when pools.course <> entries.course then 'wrong_course'
        when pools.training_key is not null and entries.training_key is not null then 'migrated'
        when pools.redeemed then 'redeemed'
        when pools.training_key is null then 'new'
        when later.training_key is null and pools.pool in (select pool from again) then 'missing'
        when pools.expires < '2026-03-19' then 'expired'
        else 'to_migrate'
    end as status
from pools
full join entries on pools.training_key = entries.training_key
left join later on pools.training_key = later.training_key
"""


def connect(memory: str | None = None, spill: Path | None = None) -> Any:
    """An empty database: in memory, or in a folder where what does not fit is put."""
    import duckdb

    if spill is None:
        return duckdb.connect()
    base = duckdb.connect(str(spill / "keys.duckdb"))
    base.execute(f"set memory_limit = '{memory}'")
    base.execute(f"set temp_directory = '{spill}'")
    base.execute("set preserve_insertion_order = false")
    return base


def load(base: Any, case: Path) -> None:
    """Read the CSV files, every cell as text."""
    for table, role in ROLES.items():
        files = f"read_csv('{case / role}/*.csv', all_varchar = true, header = true)"
        base.execute(f"create or replace table {table} as {LOAD[table].format(files=files)}")


def classify(base: Any) -> None:
    """One row per readable key with its status, in the table `keys`."""
    base.execute(CLASSIFY)


def counts(base: Any) -> dict[str, int]:
    """Keys per status; a row whose key cell holds an error is a key of its own."""
    found = dict(base.execute("select status, count(*) from keys group by status").fetchall())
    (lost,) = base.execute("select count(*) from before where starts_with(training_key, '#')").fetchone()
    return found | ({"undetermined": lost} if lost else {})


def verify(base: Any, case: Path, sample: int, folder: Path) -> str:
    """Audit a sample by hash of the key with keyaudit; compare every status. Raises SystemExit for a difference.

    A status depends on rows with the same key only, and on which pools were exported again: so a sample by hash is valid.
    """
    (all_keys,) = base.execute("select count(*) from keys").fetchone()
    parts = max(1, round(all_keys / sample))
    for role in ROLES.values():
        (folder / "case" / role).mkdir(parents=True)
        for file in sorted((case / role).glob("*.csv")):
            base.execute(
                f"copy (select * from read_csv('{file}', all_varchar = true, header = true)"
                f"""      where hash(trim("Training Key")) % {parts} = 0)"""
                f" to '{folder / 'case' / role / file.name}' (header)"
            )
    command = [sys.executable, "-m", "keyaudit", "audit", str(folder / "case"), "--as-of", "2026-04-09"]
    run = [*command, "--out", str(folder / "report"), "--fail-on", "never"]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)})
    pairs = base.execute(
        f"""
        select theirs.status, ours.status, count(*)
        from (select training_key, status from read_csv('{folder / "report" / "keys.csv"}', all_varchar = true)
              where training_key is not null) as ours
        full join (select * from keys where hash(trim(training_key)) % {parts} = 0) as theirs
            on theirs.training_key = ours.training_key
        group by all"""
    ).fetchall()
    wrong = [pair for pair in pairs if pair[0] != pair[1] and pair[0] not in LIKE.get(pair[1], ())]
    if wrong:
        sys.exit(f"The recipe and keyaudit disagree (recipe, keyaudit, keys): {wrong}")
    same = sum(pair[2] for pair in pairs if pair[0] == pair[1])
    lookalikes = sum(pair[2] for pair in pairs) - same
    return f"a sample of {same + lookalikes:,} keys: {same:,} the same status, {lookalikes:,} altered or stray"


ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", type=Path)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--temp", type=Path, help="Where to spill (default: the system's folder for temporary files).")
    parser.add_argument("--verify", type=int, metavar="KEYS", help="Compare a sample of about so many keys.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.temp) as folder:
        clock = time.perf_counter(), time.process_time()
        base = connect(given.memory, Path(folder))
        load(base, given.case)
        classify(base)
        statuses = counts(base)
        steps = {"wall": time.perf_counter() - clock[0], "cpu": time.process_time() - clock[1]}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        told = {"steps": {"all": steps}, "statuses": statuses, "peak": peak}
        if given.verify:
            told["verified"] = verify(base, given.case, given.verify, Path(folder) / "sample")
        base.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
