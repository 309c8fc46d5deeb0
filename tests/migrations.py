"""Random migrations made by the model of the TMS: the exports of a case as tables, before they are written to files."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

from keyaudit.rehearsal import DAMAGE, DAY, LEARNERS, LOG_HEADER, Tms, migrate, write_csv, write_xlsx

Table = list[list[Any]]
Tables = dict[str, Table]  # path in the case, without suffix → rows, the header first

START = dt.date(2026, 3, 20)
AS_OF = dt.date(2026, 4, 7)
MISTAKES = ("left", "forgotten", "redeemed", "used", "case", "confusable", "extra", "cut", "typo", "whitespace")


def random_migration(seed: int, clean: bool = False) -> Tables:
    """One to four pools, migrated by an administrator who makes every kind of mistake; or, if `clean`, none."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    tms = Tms(START - 300 * DAY, seed)
    tables: Tables = {}
    holder: dict[str, str] = {}
    sent: Table = []
    fates: dict[str, str] = {}
    names = [f"{chance.choice(['Azure', 'Power BI', 'Linux', 'Säkerhet'])} {number}" for number in range(chance.randint(1, 4))]  # fmt: skip
    for number, name in enumerate(names):
        tms.create_pool(
            name, f"COURSE-{number}", f"Organization {number % 2}", START - 300 * DAY, dt.date(2026, 12, 31)
        )
        for code in tms.generate_keys(name, chance.randint(3, 12)):
            holder[code] = chance.choice(LEARNERS)
            sent.append([code, START - 200 * DAY, holder[code]])
            fates[code] = chance.choice(("migrated", "redeemed", "used") if clean else ("migrated", *MISTAKES))
    tms.wait_until(START - 100 * DAY)
    for code, fate in fates.items():
        if fate == "redeemed":
            tms.redeem(code, holder[code])
    tms.wait_until(START)
    for name in names:
        tables[f"pools-before/{name}"] = tms.export_pool(name)
    tms.wait_until(START + 5 * DAY)
    for name in names:
        moved = [code for code in tms.pools[name].unredeemed() if fates[code] != "left"]
        damage = {code: fates[code] for code in moved if fates[code] in DAMAGE}
        migrate(
            tms,
            name,
            moved,
            dt.date(2026, 12, 31),
            forget=[code for code in moved if fates[code] == "forgotten"],
            damage=damage,
        )
        if clean:
            tms.expire_pool(name, START + 6 * DAY)
    tms.wait_until(START + 7 * DAY)
    for code, fate in fates.items():
        if fate == "used":
            tms.redeem(code, holder[code])
    tms.create_course_keys("Own", "COURSE-0", "Organization 0", ["OWN-KEY-1"], dt.date(2027, 1, 31))
    tms.wait_until(AS_OF)
    for name in names:
        tables[f"pools-now/{name}"] = tms.export_pool(name)
    tables["course-keys/keys"] = tms.export_course_keys()
    tables["pool-list/pools"] = tms.export_pool_list()
    tables["distribution/sent"] = [list(LOG_HEADER), *sent]
    tables["course-assignments/assignments"] = tms.export_assignments()
    return tables


def write_case(folder: Path, tables: Tables, form: str = "csv") -> Path:
    """The case as files: xlsx, or text with the encoding and delimiter of `form` (see FORMS)."""
    for name, rows in tables.items():
        if form == "xlsx":
            write_xlsx(folder / f"{name}.xlsx", {"Sheet1": rows})
        else:
            encoding, delimiter = FORMS[form]
            write_csv(folder / f"{name}.{'txt' if encoding == 'utf-16' else 'csv'}", rows, encoding, delimiter)
    if form == "western":
        (folder / "case.toml").write_text('[files."*.csv"]\nencoding = "cp1252"\n')
    return folder


FORMS = {
    "csv": ("utf-8", ","),
    "byte order mark": ("utf-8-sig", ";"),
    "unicode text": ("utf-16", "\t"),
    "western": ("cp1252", ";"),
    "bars": ("utf-8", "|"),
}
