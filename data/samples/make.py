"""The samples, made by the model of the TMS, each from a seed: same seed, same bytes. (DESIGN §6)

`python data/samples/make.py` writes them anew: migrations as administrators live them, what was done on which day, and what
was exported of it. READMEs and case.toml files are written by hand and stay.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from keyaudit.rehearsal import (
    DAMAGE,
    DAY,
    LEARNERS,
    LOG_HEADER,
    POOL_HEADER,
    Assignment,
    Tms,
    migrate,
    write_csv,
    write_xlsx,
)


def learners_redeem(
    tms: Tms, codes: Sequence[str], since: dt.date, until: dt.date, holder: Mapping[str, str] | None = None
) -> None:
    """Let codes be redeemed on chance days, in order of time, each by its holder or else by anybody; the model's clock still stands before `since`."""
    span = (until - since).days
    days = sorted((since + DAY * tms.chance.randrange(span), i) for i in range(len(codes)))
    for day, place in days:
        if day > tms.today:
            tms.wait_until(day)
        anybody = tms.chance.choice(LEARNERS)
        tms.redeem(codes[place], (holder or {}).get(codes[place], anybody))


def with_pool(rows: Sequence[Sequence[Any]], pool: str) -> list[list[Any]]:
    """The same rows with a Pool column after the key."""
    return [[row[0], "Pool" if i == 0 else pool, *row[1:]] for i, row in enumerate(rows)]


def in_lists(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The same rows as the guide describes them: unredeemed and redeemed keys under a heading each."""
    header, *keys = rows
    date = list(header).index("Redeemed")
    blank = [None] * (len(header) - 1)
    parts: list[list[Any]] = []
    for heading, wanted in (("Undistributed Keys", False), ("Used Keys", True)):
        parts += [[heading, *blank], list(header), *(list(r) for r in keys if (r[date] is not None) == wanted)]
    return parts


def _pool_with_history(
    tms: Tms,
    name: str,
    course: str,
    organization: str,
    keys: int | Sequence[str],
    starts: dt.date,
    expires: dt.date | None,
) -> list[str]:
    tms.create_pool(name, course, organization, starts, expires)
    if isinstance(keys, int):
        return tms.generate_keys(name, keys)
    tms.add_keys(name, keys)
    return list(keys)


def two_files(folder: Path) -> None:
    """The minimum: one backup, one course-key export, no case.toml."""
    tms = Tms(dt.date(2025, 3, 3), seed=2)
    codes = _pool_with_history(
        tms, "Azure Fundamentals", "AZ-900", "Contoso Academy", 24, dt.date(2025, 3, 3), dt.date(2026, 12, 31)
    )
    learners_redeem(tms, codes[:9], dt.date(2025, 4, 1), dt.date(2026, 3, 20))
    tms.wait_until(dt.date(2026, 3, 30))
    write_xlsx(
        folder / "pools-before/Azure Fundamentals.xlsx", {"Azure Fundamentals": tms.export_pool("Azure Fundamentals")}
    )
    tms.wait_until(dt.date(2026, 4, 1))
    migrate(
        tms, "Azure Fundamentals", codes[9:20], dt.date(2026, 12, 31), forget=codes[12:13], damage={codes[15]: "case"}
    )
    tms.wait_until(dt.date(2026, 4, 6))
    tms.redeem(codes[10], "Kim Park")
    write_csv(folder / "course-keys/course-keys.csv", tms.export_course_keys())


def halfway(folder: Path) -> None:
    """As of 2026-04-09: pools done, begun and untouched, in several file layouts, with an administrator's mistakes."""
    tms = Tms(dt.date(2020, 9, 1), seed=9)
    day = dt.date
    old = _pool_with_history(
        tms, "Data Engineering - Northwind", "DP-203", "Northwind", 46, day(2020, 9, 1), day(2026, 9, 30)
    )
    numbers = [f"{tms.chance.randrange(10**6, 10**7):09d}" for _ in range(30)]
    tms.wait_until(day(2024, 1, 15))
    late = _pool_with_history(
        tms, "DevOps Expert - Cohort 6", "AZ-400", "Fabrikam", 14, day(2024, 1, 15), day(2025, 12, 31)
    )
    tms.wait_until(day(2025, 2, 3))
    azure = _pool_with_history(
        tms, "Azure Administrator - Contoso", "AZ-104", "Contoso Academy", 60, day(2025, 2, 3), day(2026, 12, 31)
    )
    security = _pool_with_history(
        tms, "Security Operations - Fabrikam", "SC-200", "Fabrikam", 54, day(2025, 2, 3), day(2026, 8, 31)
    )
    hybrid = _pool_with_history(
        tms, "Windows Server Hybrid", "AZ-800", "Woodgrove", numbers, day(2025, 2, 3), day(2026, 6, 30)
    )
    custom = [f"TAIL-2025-{number:04d}" for number in tms.chance.sample(range(10000), 40)]
    network = _pool_with_history(
        tms, "Networking - Tailspin", "AZ-700", "Tailspin Toys", custom, day(2025, 2, 3), day(2026, 4, 14)
    )
    tms.create_other_key("subscription", "SUB-2025-0001")
    redeemed = azure[:28] + security[:19] + hybrid[:9] + network[:11] + old[:21] + late[:6]
    tms.chance.shuffle(redeemed)
    sent_to = {code: LEARNERS[i % len(LEARNERS)] for i, code in enumerate(network[:31])}
    in_time = [code for code in redeemed if code not in late]
    learners_redeem(tms, late[:6], day(2025, 2, 10), day(2025, 6, 1))
    learners_redeem(tms, in_time, day(2025, 6, 2), day(2026, 3, 25), sent_to)

    # 27 March: the backup of every pool, each saved in its own way
    tms.wait_until(day(2026, 3, 27))
    before = folder / "pools-before"
    write_xlsx(
        before / "Azure Administrator - Contoso.xlsx",
        {"Azure Administrator - Contoso": tms.export_pool("Azure Administrator - Contoso")},
    )
    write_csv(
        before / "Security Operations - Fabrikam.csv", tms.export_pool("Security Operations - Fabrikam"), "utf-8-sig"
    )
    write_csv(
        before / "export 3.csv",
        with_pool(tms.export_pool("Networking - Tailspin"), "Networking - Tailspin"),
        delimiter=";",
    )
    write_xlsx(before / "Windows Server Hybrid.xlsx", {"Sheet1": in_lists(tms.export_pool("Windows Server Hybrid"))})
    write_csv(before / "DevOps Expert - Cohort 6.csv", tms.export_pool("DevOps Expert - Cohort 6"))
    opened_in_excel = tms.export_pool("Data Engineering - Northwind")
    spoilt = opened_in_excel[44][0]
    opened_in_excel[44][0] = 4.78109e21  # what became of one cell when the file was saved in Excel
    write_xlsx(before / "download.xlsx", {"Data Engineering - Northwind": opened_in_excel})
    write_csv(folder / "pool-list/pools.csv", tms.export_pool_list())
    sent = [[code, day(2025, 3, 1) + DAY * (7 * i % 200), learner] for i, (code, learner) in enumerate(sent_to.items())]
    write_csv(folder / "distribution/networking sent.csv", [list(LOG_HEADER), *sent])

    # 30 March: Azure Administrator, done well, but for expiring the pool
    tms.wait_until(day(2026, 3, 30))
    migrate(tms, "Azure Administrator - Contoso", azure[28:], day(2026, 12, 31))
    # 1 April: Security Operations, in a hurry
    tms.wait_until(day(2026, 4, 1))
    mistakes = {security[22]: "whitespace", security[23]: "case", security[24]: "cut", security[25]: "extra"}
    migrate(
        tms,
        "Security Operations - Fabrikam",
        security[19:38],
        day(2026, 8, 31),
        forget=security[19:22],
        damage=mistakes,
    )
    migrate(
        tms,
        "Security Operations - Fabrikam",
        security[38:41],
        day(2026, 8, 31),
        "Security second batch",
        course="SC-300",
    )
    tms.delete_keys("Security Operations - Fabrikam", security[:2])
    tms.create_course_keys("Security second batch", "SC-200", "Fabrikam", security[:2], day(2026, 8, 31))
    early = with_pool(tms.export_pool("Data Engineering - Northwind"), "Data Engineering - Northwind")
    # 2 April: half of Data Engineering
    tms.wait_until(day(2026, 4, 2))
    todo = [code for code in old[21:] if code != spoilt]
    swapped = {todo[0]: "typo", todo[1]: "confusable"} if "0" in todo[1] else {todo[0]: "typo"}
    migrate(tms, "Data Engineering - Northwind", todo[:14], day(2026, 9, 30), damage=swapped)
    migrate(tms, "Data Engineering - Northwind", todo[14:16], day(2026, 9, 30), "Data Engineering bulk", max_uses=25)
    tms.create_course_keys(
        "Autumn intake", "AZ-104", "Contoso Academy", [f"AUT-{n:04d}" for n in range(100, 108)], day(2027, 1, 31)
    )
    # 3 to 8 April: learners go on
    tms.wait_until(day(2026, 4, 3))
    april = [*azure[30:37], *security[42:44], *network[11:14], *todo[4:6]]
    learners_redeem(tms, april, day(2026, 4, 3), day(2026, 4, 8), sent_to)
    # 8 April: what the administrator exports for the audit; Data Engineering's later export is a week too old
    tms.wait_until(day(2026, 4, 8))
    now = folder / "pools-now"
    write_xlsx(
        now / "Azure Administrator - Contoso (1).xlsx",
        {"Azure Administrator - Contoso": tms.export_pool("Azure Administrator - Contoso")},
    )
    write_csv(now / "Security Operations - Fabrikam.csv", tms.export_pool("Security Operations - Fabrikam"))
    # the spoilt row is left out here, so that the model's old export shows one migrated key (a duplicate) and no other
    kept = {*todo[:2], todo[13], *todo[16:], *old[:21]}
    write_csv(now / "Data Engineering.csv", [early[0], *(row for row in early[1:] if row[0] in kept)])
    write_xlsx(folder / "course-keys/Course Assignment Keys.xlsx", {"Course Assignment Keys": tms.export_course_keys()})


def one_pool(folder: Path) -> None:
    """One pool on 2026-04-09: before it is migrated, after it (one code was spoilt in Excel), and mended."""
    name, day = "Cloud Basics - Wide World", dt.date
    tms = Tms(day(2021, 2, 1), seed=111)
    codes = _pool_with_history(tms, name, "AZ-900", "Wide World Importers", 32, day(2021, 2, 1), day(2026, 12, 31))
    learners_redeem(tms, codes[:14], day(2021, 3, 1), day(2026, 4, 1))
    tms.wait_until(day(2026, 4, 9))
    backup, settings = tms.export_pool(name), tms.export_pool_list()
    (spoilt,) = (code for code in codes[14:] if re.fullmatch(r"\d+E\d+", code))

    def export(state: str) -> None:
        write_xlsx(folder / state / "pools-before" / f"{name}.xlsx", {name: backup})
        write_csv(folder / state / "pool-list/pools.csv", settings)
        write_csv(folder / state / "course-keys/Course Assignment Keys.csv", tms.export_course_keys())
        if state != "before":
            write_xlsx(folder / state / "pools-now" / f"{name} (1).xlsx", {name: tms.export_pool(name)})

    export("before")
    migrate(tms, name, codes[14:], day(2026, 12, 31), damage={spoilt: "excel"})
    export("after")
    tms.delete_course_keys([DAMAGE["excel"](spoilt)])
    tms.create_course_keys(f"{name} migrated", "AZ-900", "Wide World Importers", [spoilt], day(2026, 12, 31))
    export("mended")


def clean(folder: Path) -> None:
    """Nothing to report, as of 2026-04-09: one pool migrated by the book, with every export an audit can use."""
    tms, day = Tms(dt.date(2025, 2, 3), seed=5), dt.date
    name = "Azure Fundamentals - Alpine Ski House"
    codes = _pool_with_history(tms, name, "AZ-900", "Alpine Ski House", 18, day(2025, 2, 3), day(2026, 12, 31))
    holder = dict(zip(codes, LEARNERS * 3, strict=False))
    sent = [[code, day(2025, 3, 3), learner] for code, learner in holder.items()]
    for place, code in enumerate(codes[:7]):
        tms.wait_until(day(2025, 6, 2) + place * 30 * DAY)
        tms.redeem(code, holder[code])
    tms.wait_until(day(2026, 3, 27))
    write_xlsx(folder / f"pools-before/{name}.xlsx", {name[:31]: tms.export_pool(name)})
    tms.wait_until(day(2026, 3, 30))
    migrate(tms, name, codes[7:], day(2026, 12, 31))
    tms.expire_pool(name, day(2026, 4, 1))
    tms.wait_until(day(2026, 4, 7))
    tms.redeem(codes[9], holder[codes[9]])
    tms.wait_until(day(2026, 4, 8))
    write_xlsx(folder / f"pools-now/{name}.xlsx", {name[:31]: tms.export_pool(name)})
    write_xlsx(folder / "course-keys/Course Assignment Keys.xlsx", {"Course Assignment Keys": tms.export_course_keys()})
    write_csv(folder / "pool-list/pools.csv", tms.export_pool_list())
    write_csv(folder / "distribution/sent.csv", [list(LOG_HEADER), *sent])
    write_csv(folder / "course-assignments/assignments.csv", tms.export_assignments())


def late_backup(folder: Path) -> None:
    """As of 2026-04-20: the backup of one pool was taken after its keys were deleted, and another pool expired too soon."""
    tms, day = Tms(dt.date(2025, 2, 3), seed=12), dt.date
    hurried, waiting = "Teams Administrator - Coho", "Intune Basics - Coho"
    gone = _pool_with_history(tms, hurried, "MS-700", "Coho Winery", 16, day(2025, 2, 3), day(2026, 12, 31))
    _pool_with_history(tms, waiting, "MD-100", "Coho Winery", 8, day(2025, 2, 3), day(2026, 4, 14))
    learners_redeem(tms, gone[:5], day(2025, 6, 2), day(2026, 3, 1))
    tms.wait_until(day(2026, 4, 8))
    migrate(tms, hurried, gone[5:], day(2026, 12, 31))
    tms.wait_until(day(2026, 4, 9))
    for name in (hurried, waiting):
        write_csv(folder / f"pools-before/{name}.csv", tms.export_pool(name))
    tms.wait_until(day(2026, 4, 18))
    write_csv(folder / "course-keys/course-keys.csv", tms.export_course_keys())
    listed = tms.export_pool_list()
    write_csv(folder / "pool-list/active pools.csv", [listed[0], *(row for row in listed[1:] if row[0] == hurried)])


def odd_exports(folder: Path) -> None:
    """As of 2026-04-09: exports that are cut, in parts, under another name, or silent; and new codes where the old were owed."""
    tms, day = Tms(dt.date(2025, 2, 3), seed=41), dt.date
    python, sql, excel = "Python Basics - Datum", "SQL Querying - Relecloud", "Excel Expert - Tailwind"
    security, onboarding, linux = "Security Basics - Nod", "Onboarding - Margie", "Linux Start - Fincher"
    pool = partial(_pool_with_history, tms, starts=day(2025, 2, 3), expires=day(2026, 12, 31))
    p = pool(python, "PY-100", "A. Datum", 12)
    s = pool(sql, "DP-080", "Relecloud", [f"RELE-2025-{n:04d}" for n in range(101, 121)])
    x = pool(excel, "MO-211", "Tailwind Traders", 8)
    n = pool(security, "SC-100", "Nod Publishers", 6)
    o = pool(onboarding, "NEW-001", "Margie's Travel", 512)
    f = pool(linux, "LFS-101", "Fincher", 10)
    # everybody who was sent a key stands in the log; two keys of SQL Querying and one of Linux Start were sent to nobody
    sent = (*p, *s[:18], *x, *n, *o, *f[:9])
    holder = {code: LEARNERS[i % len(LEARNERS)] for i, code in enumerate(sent)}
    write_csv(
        folder / "distribution/sent.csv", [list(LOG_HEADER), *([code, day(2025, 2, 10), holder[code]] for code in sent)]
    )
    learners_redeem(tms, [*p[:4], *s[:6], *x[:2], *n[:2], *o, *f[:3]], day(2025, 3, 3), day(2026, 3, 20), holder)
    # 27 March: the backups; Security Basics with few columns shown, Onboarding cut off after 500 rows
    tms.wait_until(day(2026, 3, 27))
    before, now, later = folder / "pools-before", folder / "pools-now", folder / "course-keys"
    for name in (python, sql, excel, linux):
        write_csv(before / f"{name}.csv", tms.export_pool(name))
    write_csv(before / f"{onboarding}.csv", tms.export_pool(onboarding)[:501])
    write_csv(before / f"{security}.csv", [[row[0], row[1], row[2], row[7]] for row in tms.export_pool(security)])
    # 30 March: a learner is quicker than the administrator, who deletes and recreates the key all the same
    tms.wait_until(day(2026, 3, 30))
    tms.redeem(f[3], holder[f[3]])
    # 1 April: Python Basics gets new codes instead of the old ones; Excel Expert is renamed; Linux Start is migrated
    tms.wait_until(day(2026, 4, 1))
    tms.delete_keys(python, p[4:])
    fresh = [f"{tms.chance.getrandbits(64):016X}" for _ in p[4:]]
    tms.create_course_keys(f"{python} new", "PY-100", "A. Datum", fresh, day(2026, 12, 31))
    migrate(tms, excel, x[2:5], day(2026, 12, 31))
    migrate(tms, linux, f[3:], day(2026, 12, 31))
    tms.create_course_keys("SQL for the office", "DP-080", "Relecloud", ["RELE-2025-0130"], day(2026, 12, 31))
    tms.wait_until(day(2026, 4, 2))
    write_csv(later / "Course Assignment Keys 2026-04-02.csv", tms.export_course_keys())
    # 7 April: somebody tidies the course keys up, and deletes one too many
    tms.wait_until(day(2026, 4, 7))
    tms.delete_course_keys(f[5:6])
    write_csv(later / "Course Assignment Keys 2026-04-07.csv", tms.export_course_keys())
    rows = tms.export_pool(sql)
    write_csv(now / f"{sql}.csv", rows[:11])
    write_csv(now / f"{sql} (1).csv", [rows[0], *rows[11:]])
    write_csv(now / "MO-211 Tailwind Traders.csv", tms.export_pool(excel))
    for name in (python, linux):
        write_csv(now / f"{name}.csv", tms.export_pool(name))
    write_csv(folder / "pool-list/pools.csv", tms.export_pool_list())
    write_csv(
        folder / "course-assignments/assignments.csv",
        tms.export_assignments()[:1]
        + [row for row in tms.export_assignments()[1:] if row[0].removeprefix("Training Key ") not in o],
    )
    (now / f"{security}.csv.crdownload").write_text(
        "Training Key,Course,Organi", encoding="utf-8"
    )  # a download that broke off


def after_sunset(folder: Path) -> None:
    """As of 2026-11-22: half a year after the removal, with the log, the assignments and everything that went wrong."""
    tms, day = Tms(dt.date(2025, 2, 3), seed=22), dt.date
    made = day(2025, 2, 3)
    cloud, endpoint, power = "Cloud Foundations - Adventure", "Endpoint Manager - Litware", "Power BI - Proseware"
    fabric, pilot, kubernetes = "Fabric Analyst - Trey Research", "Copilot Pilot - Wingtip", "Kubernetes - Lucerne"
    custom, late, never = "Linux Labs - VanArsdel", "Azure DevOps - Graphic Design", "Old SQL - Fourth Coffee"
    pool = partial(_pool_with_history, tms)
    c = pool(cloud, "AZ-900", "Adventure Works", 40, made, day(2026, 12, 31))
    e = pool(endpoint, "MD-102", "Litware", 32, made, day(2026, 12, 31))
    p = pool(power, "PL-300", "Proseware", 20, made, day(2026, 12, 31))
    f = pool(fabric, "DP-600", "Trey Research", 16, made, day(2026, 12, 31))
    k = pool(kubernetes, "AZ-1001", "Lucerne Publishing", 10, made, day(2026, 3, 31))
    w = pool(pilot, "MS-4004", "Wingtip Toys", 8, day(2026, 6, 1), day(2026, 12, 31))
    names = ["Lab-07", "LAB-07", "LAB-ONE", *(f"VANARSDEL-{tms.chance.randrange(10**6):06d}" for _ in range(11))]
    v = pool(custom, "LFCS-1", "VanArsdel", names, made, day(2026, 12, 31))
    g = pool(late, "AZ-400", "Graphic Design Institute", 6, made, day(2026, 12, 31))
    pool(never, "DP-300", "Fourth Coffee", 5, made, day(2026, 12, 31))
    tms.pools[power].sitewide = True

    # spring 2025: keys are sent out; the administrator logs two pools, and mistypes one code
    holder = {code: LEARNERS[i % len(LEARNERS)] for i, code in enumerate([*c, *e])}
    logged = [*c[:36], *e[:28]]
    written = [*logged[:20], DAMAGE["typo"](logged[20]), *logged[21:]]
    sent = [[text, day(2025, 3, 10) + DAY * (i % 40), holder[logged[i]]] for i, text in enumerate(written)]
    write_csv(folder / "distribution/sent keys.csv", [list(LOG_HEADER), *sent])

    def redeemed(codes: Sequence[str], since: dt.date, every: int) -> None:
        """Let the holders redeem, one every few days; one key was passed on to somebody else."""
        for place, code in enumerate(codes):
            tms.wait_until(since + place * every * DAY)
            tms.redeem(code, "Kim Park" if code == c[9] else holder.get(code, LEARNERS[place % len(LEARNERS)]))

    redeemed([*c[:14], *e[:9], *p[:8], *f[:5], *k[:6], *v[3:8], *g[:2]], day(2025, 6, 2), 6)

    # 6 April 2026: the backups; Fabric Analyst as bare lists, Linux Labs retyped by hand
    tms.wait_until(day(2026, 4, 6))
    before = folder / "pools-before"
    for name in (cloud, endpoint, power, pilot, kubernetes):
        write_xlsx(before / f"{name}.xlsx", {name[:31]: tms.export_pool(name)})
    bare = [[row[0], row[1], row[2], row[6], row[7]] for row in tms.export_pool(fabric)]
    unused = set(tms.pools[fabric].unredeemed())
    lists = [["Undistributed Keys"], bare[0], *(row for row in bare[1:] if row[0] in unused), ["Used Keys"], bare[0]]
    write_csv(before / f"{fabric}.csv", _squared([*lists, *(row for row in bare[1:] if row[0] not in unused)]))
    retyped = tms.export_pool(custom)
    retyped[4][4], retyped[5][4], retyped[6][4], retyped[14][5] = day(2024, 8, 14), day(2027, 1, 15), "May", "Ana Lima"
    retyped.append(list(retyped[10]))
    write_csv(before / f"{custom}.csv", retyped)

    # 8 and 9 April: who migrates what, and what goes wrong
    tms.wait_until(day(2026, 4, 8))
    migrate(tms, cloud, c[14:34], day(2026, 10, 31), forget=c[14:16])
    tms.delete_keys(cloud, c[:2])
    tms.create_course_keys(f"{cloud} again", "AZ-900", "Adventure Works", c[:2], day(2026, 12, 31))
    tms.create_other_key("subscription", c[15])
    migrate(tms, power, p[8:16], day(2026, 12, 31), availability=90)
    partner = "Proseware Partners"
    migrate(tms, power, p[16:18], day(2026, 12, 31), f"{power} B", organization=partner, availability=90)
    migrate(tms, fabric, f[5:14], None, any_organization=True, availability=365)
    tms.wait_until(day(2026, 4, 9))
    migrate(tms, pilot, w, day(2027, 1, 31))
    migrate(tms, kubernetes, k[6:], day(2026, 12, 31))
    migrate(tms, custom, [v[0], v[1], *v[8:12]], day(2026, 12, 31))
    tms.delete_keys(custom, [v[2], v[12]])
    tms.create_course_keys(f"{custom} migrated", "LFCS-1", "VanArsdel", ["Lab-One", "lab-one"], day(2026, 12, 31))
    tms.create_course_keys(
        f"{custom} migrated", "LFCS-1", "VanArsdel", [DAMAGE["case"](v[12]), "Training Key"], day(2026, 12, 31)
    )
    # 20 April, late: a part of Endpoint Manager; keys are still added to Azure DevOps
    tms.wait_until(day(2026, 4, 20))
    migrate(tms, endpoint, e[9:19], day(2026, 12, 10))
    migrate(tms, endpoint, e[29:31], day(2026, 12, 10), f"{endpoint} reserve")
    tms.generate_keys(late, 2)
    tms.generate_keys(endpoint, 1)
    redeemed([*c[16:23], c[0], *p[8:12]], day(2026, 4, 21), 1)
    # 26 May: the last exports before the removal
    tms.wait_until(day(2026, 5, 26))
    now = folder / "pools-now"
    for name in (cloud, endpoint, power, late):
        rows = tms.export_pool(name)
        write_csv(now / f"{name}.csv", [row for row in rows if row[0] not in (p[0], *c[:2])])
    write_csv(folder / "pool-list/pools.csv", tms.export_pool_list())
    write_xlsx(
        folder / "course-keys/2026-05-26 Lucerne only.xlsx",
        {"Keys": [row for i, row in enumerate(tms.export_course_keys()) if not i or row[0] in k]},
    )
    # summer: learners go on, one forgotten key is recreated late, an entry is extended
    tms.wait_until(day(2026, 6, 15))
    tms.create_course_keys(f"{cloud} reissue", "AZ-900", "Adventure Works", c[14:15], day(2026, 12, 31))
    for code in k[6:8]:
        tms.course_keys[code].expires = day(2027, 3, 31)
    redeemed([*e[9:13], *f[5:8], w[0], k[8], v[8]], day(2026, 6, 16), 7)
    cancelled = tms.redeem(e[13], holder[e[13]])
    tms.cancel(cancelled)
    tms.wait_until(day(2026, 11, 20))
    twice = next(a for a in tms.assignments if a.code == p[9])
    tms.assignments.append(Assignment("Mia Rossi", twice.course, day(2026, 9, 3), p[9]))
    tms.assignments.append(Assignment(holder[e[20]], "MD-102", day(2026, 6, 3), e[20]))
    cut = [["Ask Lucerne about these"], *([code] for code in k[6:9])]  # a list somebody left on another tab
    write_xlsx(
        folder / "course-keys/2026-11-20.xlsx", {"Course Assignment Keys": tms.export_course_keys(), "To do": cut}
    )
    write_csv(folder / "course-assignments/assignments.csv", tms.export_assignments())
    write_csv(
        folder / "other-keys/subscription keys.csv",
        [["Training Key", "Name"], *([code, "All labs for a year"] for code in tms.other_keys)],
    )


def _squared(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows filled with blanks to the width of the widest."""
    width = max(map(len, rows))
    return [[*row, *[None] * (width - len(row))] for row in rows]


# --- ugly: every way a file can look ---

_OPEN, _ISO = b"http://schemas.openxmlformats.org/", b"http://purl.oclc.org/ooxml/"
STRICT = (  # ISO 29500 strict has other namespaces
    (_OPEN + b"spreadsheetml/2006/main", _ISO + b"spreadsheetml/main"),
    (_OPEN + b"officeDocument/2006/relationships", _ISO + b"officeDocument/relationships"),
)


def ugly(folder: Path) -> None:
    """Every way a file can look, one file each: what people and programs do to exports. (DOMAIN §5)"""
    tms = Tms(dt.date(2025, 2, 3), seed=31)
    number = 0

    def pool(name: str, digits: int | None = None, keys: int = 6) -> list[list[Any]]:
        """Export rows of a new pool with one redeemed key; its own numbers as codes if `digits` is given."""
        nonlocal number
        number += 1
        tms.create_pool(name, f"COURSE-{number:02d}", "Contoso Academy", dt.date(2025, 2, 3), dt.date(2026, 12, 31))
        if digits is None:
            codes = tms.generate_keys(name, keys)
        else:
            codes = [f"{tms.chance.randrange(10 ** (digits - 3), 10 ** (digits - 2)):0{digits}d}" for _ in range(keys)]
            tms.add_keys(name, codes)
        first = tms.pools[name].keys[codes[0]]
        first.redeemed, first.learner = dt.date(2025, 10, 23), "Zoë Marsh"
        return tms.export_pool(name)

    def keyed(rows: list[list[Any]], change: Callable[[str], Any], every: bool = True) -> list[list[Any]]:
        """The same rows with the code changed: in all of them, or in the last only."""
        return [[change(r[0]), *r[1:]] if i and (every or i == len(rows) - 1) else r for i, r in enumerate(rows)]

    before = folder / "pools-before"
    blank = [""] * len(POOL_HEADER)
    # what wraps or surrounds a code
    write_csv(before / "formula wrapper.csv", keyed(pool("formula wrapper"), lambda code: f'="{code}"'))
    write_csv(before / "fragile wrapper.csv", keyed(pool("fragile wrapper", 9), lambda code: f'="{code}"'))
    write_csv(before / "apostrophe.csv", keyed(pool("apostrophe"), lambda code: f"'{code}"))
    write_csv(before / "leading tab.csv", keyed(pool("leading tab"), lambda code: f"\t{code}"))
    write_csv(before / "every code padded.csv", keyed(pool("every code padded"), lambda code: f"{code} "))
    write_csv(before / "invisible.csv", keyed(pool("invisible"), lambda code: f"\u00a0{code}\u200b", every=False))
    # how a text file is written
    write_csv(before / "semicolons.csv", pool("semicolons"), delimiter=";")
    write_csv(before / "byte order mark.csv", pool("byte order mark"), "utf-8-sig")
    write_csv(before / "unicode text.txt", pool("unicode text"), "utf-16", "\t")
    write_csv(before / "western.csv", pool("western"), "cp1252", ";")
    write_csv(before / "sep line.csv", [["sep=|"], *pool("sep line")], delimiter="|")
    write_csv(
        before / "quoted.csv",
        [[*r[:5], f'{r[5]}, "Zoë"\nMarsh' if r[5] and i else r[5], *r[6:]] for i, r in enumerate(pool("quoted"))],
    )
    ragged = pool("ragged")
    write_csv(before / "ragged.csv", [*ragged[:-1], [ragged[-1][0], "a course", " cut in two", *ragged[-1][2:]]])
    # what stands around the table
    write_csv(
        before / "titles.csv",
        [["Exported from the TMS", *blank[1:]], ["by an administrator", *blank[1:]], blank, *pool("titles")],
    )
    rows = pool("totals and blanks")
    write_csv(
        before / "totals and blanks.csv",
        [*rows[:3], blank, *rows[3:], ["Total keys: 6", *blank[1:]], ["Do not pass on this list", *blank[1:]]],
    )
    rows = pool("repeated header")
    write_csv(before / "repeated header.csv", [*rows[:4], rows[0], *rows[4:]])
    write_csv(before / "blank code.csv", keyed(pool("blank code"), lambda _: "", every=False))
    write_csv(before / "stacked lists.csv", in_lists(pool("stacked lists")))
    header, *keys = pool("side by side")
    unused, used = [row for row in keys if row[4] is None], [row for row in keys if row[4] is not None]
    beside = [[*u[:6], None, *(used[i][:6] if i < len(used) else [None] * 6)] for i, u in enumerate(unused)]
    headings = ["Unredeemed Keys", *[None] * 6, "Redeemed Keys", *[None] * 5]
    write_xlsx(before / "side by side.xlsx", {"Sheet1": [headings, [*header[:6], None, *header[:6]], *beside]})
    header, *keys = pool("lists on tabs")
    lists = {"Unused Keys": [r for r in keys if r[4] is None], "Used Keys": [r for r in keys if r[4] is not None]}
    write_xlsx(before / "lists on tabs.xlsx", {name: [header, *rows] for name, rows in lists.items()})
    headers = [
        "Key Code:",
        "COURSE NAME",
        " Organisation ",
        "created_date",
        "Date Redeemed",
        "Student",
        "Start Date",
        "Unredeemed Key Expiration",
    ]
    write_csv(
        before / "other headers.csv", [[*headers, "Seat Price"], *([*row, "n/a"] for row in pool("other headers")[1:])]
    )
    header, *keys = pool("columns in another order")
    write_csv(before / "columns in another order.csv", [row[::-1] for row in (header, *keys)])
    # what a code, a date, a name became
    write_csv(
        before / "several codes in one cell.csv",
        keyed(pool("several codes in one cell"), lambda code: f"{code}\n{code[::-1]}", every=False),
    )
    write_csv(before / "header pasted.csv", keyed(pool("header pasted"), lambda _: "Training Key", every=False))
    write_xlsx(before / "number.xlsx", {"number": keyed(pool("number", 9, 30), int, every=False)})
    write_xlsx(before / "exponent.xlsx", {"exponent": keyed(pool("exponent"), lambda _: 4.78109e21, every=False)})
    as_excel = [
        [cell.strftime("%d.%m.%Y") if isinstance(cell, dt.date) else cell for cell in row] for row in pool("day first")
    ]
    write_csv(before / "day first.csv", as_excel, delimiter=";")
    unproven = pool("ambiguous dates")
    for row in unproven[1:]:
        row[3:] = [f"{d.month % 12 + 1}/{d.day % 12 + 1}/{d.year}" if isinstance(d, dt.date) else d for d in row[3:]]
    write_csv(before / "ambiguous dates.csv", unproven)
    words = [
        [
            "Not redeemed" if i and j == 4 and cell is None else "—" if i and j == 7 else cell
            for j, cell in enumerate(row)
        ]
        for i, row in enumerate(pool("words for blank"))
    ]
    write_csv(before / "words for blank.csv", words)
    zoned = [
        [f"{cell.isoformat()}T00:00:00Z" if isinstance(cell, dt.date) else cell for cell in row]
        for row in pool("dates with a zone")
    ]
    write_csv(before / "dates with a zone.csv", zoned)
    long = "A pool whose name is longer than a tab"
    write_xlsx(before / f"{long} (1).xlsx", {long[:31]: pool(long)})
    twice = pool("exported twice")
    write_csv(before / "exported twice.csv", twice)
    write_csv(before / "exported twice, again.csv", twice[::-1][-1:] + twice[1:][::-1])
    write_csv(before / "copy of semicolons.csv", tms.export_pool("semicolons"), delimiter=";")
    _more_ugliness(before, pool, keyed)
    # what was recreated, with codes that kept their damage
    tms.wait_until(dt.date(2026, 4, 1))
    dashes, excel, tail, zero = ["UGLY-2025-01", "UGLY-2025-02"], "000123456", "UGLY-2025-03", "4711002026"
    tms.create_pool("recreated", "COURSE-99", "Contoso Academy", dt.date(2025, 2, 3), dt.date(2026, 12, 31))
    tms.add_keys("recreated", [*dashes, excel, tail, zero])
    write_csv(before / "recreated.csv", tms.export_pool("recreated"))
    damage = {dashes[0]: "unicode", excel: "excel", tail: "extra"}
    migrate(tms, "recreated", [*dashes, excel, tail, zero], dt.date(2026, 12, 31), damage=damage)
    became = {excel.lstrip("0"): int(excel), zero: f"{zero}.0"}
    course_keys = keyed(tms.export_course_keys(), lambda code: became.get(code, code))
    write_xlsx(folder / "course-keys/course keys.xlsx", {"Course Assignment Keys": course_keys})


def _more_ugliness(before: Path, pool: Callable[..., list[list[Any]]], keyed: Callable[..., list[list[Any]]]) -> None:
    """What people do to a workbook, and what programs make of codes and dates."""

    def strict(path: Path) -> None:
        with zipfile.ZipFile(path) as old:
            parts = {member: old.read(member) for member in old.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
            for member, content in parts.items():
                for transitional, iso in STRICT:
                    content = content.replace(transitional, iso)
                new.writestr(zipfile.ZipInfo(member), content)

    def hide(book: Any) -> None:
        book.worksheets()[0].set_row(4, None, None, {"hidden": True})
        book.worksheets()[0].set_column(2, 2, None, None, {"hidden": True})

    def formula(text: str, value: str) -> Callable[[Any], None]:
        return lambda book: book.worksheets()[0].write_formula(6, 0, text, None, value)

    def merge(book: Any) -> None:
        for column in (0, 1, 2, 3, 6, 7):
            book.worksheets()[0].merge_range(0, column, 1, column, POOL_HEADER[column])
        book.worksheets()[0].merge_range(0, 4, 0, 5, "Redemption")

    # how a text file is written
    write_csv(before / "tabs.tsv", pool("tabs"), delimiter="\t")
    write_csv(before / "text inside.xlsx", pool("text inside"))
    write_xlsx(before / "workbook inside.xlsx", {"workbook inside": pool("workbook inside")})
    (before / "workbook inside.xlsx").replace(before / "workbook inside.csv")
    write_csv(before / "quotation mark.csv", pool("quotation mark"))
    lines = (before / "quotation mark.csv").read_bytes().split(b"\r\n")
    for place in (3, 5):  # opened in line 4, closed in line 6
        lines[place] = lines[place].replace(
            b"Contoso Academy", b'"Contoso Academy' if place == 3 else b'Contoso Academy"'
        )
    (before / "quotation mark.csv").write_bytes(b"\r\n".join(lines))
    # what stands around the table
    blank = [""] * len(POOL_HEADER)
    stacked = [
        row
        for name in ("first of two", "second of two")
        for row in (["Training Key Pool: " + name, *blank[1:]], *pool(name), blank)
    ]
    write_csv(before / "two pools under titles.csv", stacked)
    rows = pool("two key columns")
    write_csv(before / "two key columns.csv", [["Code" if i == 0 else f"old-{i}", *row] for i, row in enumerate(rows)])
    (header, *keys) = pool("localised headers")
    write_csv(before / "localised headers.csv", [["Schlüssel", *header[1:]], *keys])
    # what people do to a workbook
    write_xlsx(before / "hidden.xlsx", {"hidden": pool("hidden")}, hide)
    rows = pool("hidden sheet")
    sheets = {"hidden sheet": rows[:4], "Sheet2": [rows[0], *rows[4:]]}
    write_xlsx(before / "hidden sheet.xlsx", sheets, lambda book: book.worksheets()[1].hide())
    header, *keys = pool("merged headers")
    second = [None] * 4 + ["Redeemed", "Redeemed By"] + [None] * 2
    write_xlsx(before / "merged headers.xlsx", {"merged headers": [[None] * 8, second, *keys]}, merge)
    write_xlsx(before / "strict.xlsx", {"strict": pool("strict")})
    strict(before / "strict.xlsx")
    write_xlsx(before / "signs [lost].xlsx", {"signs lost": pool("signs [lost]")})
    # what a code, a date became
    rows = keyed(pool("padding format", 9), int, every=False)
    write_xlsx(
        before / "padding format.xlsx",
        {"padding format": rows},
        lambda book: book.worksheets()[0].write_number(6, 0, rows[6][0], book.add_format({"num_format": "000000000"})),
    )
    made: dict[str, Any] = {"16 digits": 7.17e15, "a date": dt.date(2026, 3, 1), "true": True}
    for name, became in made.items():
        write_xlsx(before / f"{name}.xlsx", {name: keyed(pool(name), lambda _, cell=became: cell, every=False)})
    write_xlsx(before / "formula.xlsx", {"formula": pool("formula")}, formula("=A2", ""))
    write_xlsx(before / "error.xlsx", {"error": pool("error")}, formula("=NA()", "#N/A"))
    write_csv(
        before / "smart dash.csv", keyed(pool("smart dash"), lambda code: f"{code[:8]}\u2013{code[8:]}", every=False)
    )
    write_csv(before / "month first.csv", _dated(pool("month first"), lambda day: f"{day:%m/%d/%Y}"))
    # 3 February, written 03/02/2025 and opened as month first, is a date of 2 March; the 23rd and the 31st stay texts
    swapped = _dated(
        pool("dates Excel swapped"),
        lambda day: f"{day:%d/%m/%Y}" if day.day > 12 else dt.date(day.year, day.day, day.month),
    )
    write_xlsx(before / "dates Excel swapped.xlsx", {"dates Excel swapped": swapped})
    rows = pool("implausible date")
    write_csv(before / "implausible date.csv", [*rows[:-1], [*rows[-1][:3], "1926-02-03", *rows[-1][4:]]])


def _dated(rows: list[list[Any]], written: Callable[[dt.date], Any]) -> list[list[Any]]:
    return [[written(cell) if isinstance(cell, dt.date) else cell for cell in row] for row in rows]


# --- all of them ---


def write_samples(folder: Path) -> None:
    """Write every sample below a folder."""
    for name, make in SAMPLES.items():
        make(folder / name)


SAMPLES: dict[str, Callable[[Path], None]] = {
    "two-files": two_files,
    "halfway": halfway,
    "one-pool": one_pool,
    "clean": clean,
    "late-backup": late_backup,
    "odd-exports": odd_exports,
    "after-sunset": after_sunset,
    "ugly": ugly,
}

if __name__ == "__main__":
    write_samples(Path(__file__).parent)
