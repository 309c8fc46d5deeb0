"""The plan as files: steps to tick off, one list per pool and purpose, and the sheets for a mail merge. (DESIGN §5, Plan)"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from keyaudit.deadlines import count as counted
from keyaudit.plan import LISTS, MigrationPlan

STEPS, SHEETS = "steps.txt", "plan.xlsx"
WIDTHS = {"what": 110, "text": 90, "pool": 34, "name": 44, "course": 26, "learner": 26, "former key": 44}


def write_lists(plan: MigrationPlan, folder: Path) -> dict[str, int]:
    """Write the plan's files into an existing folder; returns the rows of each. Lists: UTF-8, no BOM, one code a line, LF."""
    rows = {}
    names: dict[tuple[str, str], str] = {}
    lists = {what: plan.lists(what) for what in LISTS}
    for number, pool in enumerate(plan.steps["pool"].drop_duplicates(), start=1):
        for what in LISTS:
            codes = lists[what].get(pool)
            if codes:
                name = f"{number:02d} {slug(pool)} - {what}.txt"
                (folder / name).write_text("".join(f"{code}\n" for code in codes), encoding="utf-8", newline="\n")
                rows[name], names[pool, what] = len(codes), name
    lines = _told(plan, names)
    (folder / STEPS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    _write_sheets(plan, folder / SHEETS)
    return {STEPS: len(lines), SHEETS: len(plan.reissue) + len(plan.reminders), **rows}


def slug(name: str) -> str:
    """A file name every system takes; a name that loses something on the way gets four signs of its own."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    if short == name:
        return short
    return f"{short or 'pool'}-{hashlib.sha256(name.encode()).hexdigest()[:4]}"


def _told(plan: MigrationPlan, names: dict[tuple[str, str], str]) -> list[str]:
    """The steps as a text to print and tick off."""
    lines = [plan.title, "These files hold codes that can be redeemed: pass on only what a learner needs."]
    for pool, steps in plan.steps.groupby("pool", sort=False):
        lines += ["", pool, "-" * min(len(str(pool)), 80)]
        for row in steps.itertuples():
            count = f" ({counted(row.keys)})" if row.keys else ""
            lines.append(f"[ ] {row.step}. {row.what}{count}")
            lines += [
                f"       {names[pool, what]}" for what in LISTS if f"`{what}`" in row.what and (pool, what) in names
            ]
    return lines


def _write_sheets(plan: MigrationPlan, path: Path) -> None:
    """Steps, batches, and a sheet a mail merge can take as it is: headers in row 1, every cell text."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    book = xlsxwriter.Workbook(str(path), options)
    book.set_properties({"title": "Migration plan", "created": dt.datetime(2026, 1, 1)})
    tables = {"Steps": plan.steps, "Batches": plan.batches, "Reissue": plan.reissue, "Reminders": plan.reminders}
    for name, table in tables.items():
        _write_sheet(book, name, table)
    book.close()


def _write_sheet(book: Any, name: str, table: pd.DataFrame) -> None:
    sheet = book.add_worksheet(name)
    header = book.add_format({"bold": True, "bottom": 2, "bg_color": "#F5F7FA", "valign": "top"})
    cell = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    number = book.add_format({"num_format": "#,##0", "valign": "top"})
    for place, column in enumerate(table.columns):
        sheet.write_string(0, place, column.replace("_", " "), header)
        sheet.set_column(place, place, WIDTHS.get(column, max(12, len(column) + 2)))
        for row, value in enumerate(table[column].tolist(), start=1):
            if isinstance(value, int):
                sheet.write_number(row, place, value, number)
            else:
                text = value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value)
                sheet.write_string(row, place, text[:32_767], cell)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(table), 1), len(table.columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&Lcontains keys' endings and people's names&R&A · page &P of &N")
