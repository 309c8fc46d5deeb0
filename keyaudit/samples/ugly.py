"""Every way a file can look: what people and programs do to exports. (DOMAIN §5)"""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keyaudit.rehearsal import (
    POOL_HEADER,
    Tms,
    in_lists,
    migrate,
    write_csv,
    write_xlsx,
)

Rows = list[list[Any]]


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


def _more_ugliness(before: Path, pool: Callable[..., Rows], keyed: Callable[..., Rows]) -> None:
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


def _dated(rows: Rows, written: Callable[[dt.date], Any]) -> Rows:
    return [[written(cell) if isinstance(cell, dt.date) else cell for cell in row] for row in rows]
