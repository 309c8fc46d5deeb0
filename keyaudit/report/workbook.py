"""report.xlsx: verdict → actions → evidence. Text cells only from data: no formula, no link. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from keyaudit.columns import KEYS
from keyaudit.deadlines import weekday
from keyaudit.findings import FINDINGS_TABLE
from keyaudit.reconciliation import VERDICTS, Reconciliation
from keyaudit.report.bigsheet import Body, fill
from keyaudit.statuses import FAMILIES, STATUSES, WORKS_MEANING

ALL_KEYS_UP_TO = 200_000  # beyond that only the keys that need somebody: the rest is in keys.csv
WIDTHS = {
    "training_key": 22,
    "status": 19,
    "next_step": 60,
    "reason": 50,
    "message": 70,
    "remedy": 60,
    "pool": 32,
    "course": 30,
    "evidence": 40,
    "reference": 40,
    "source_file": 40,
    "columns_used": 50,
    "columns_not_used": 30,
    "sha256": 24,
    "meaning": 80,
}
TABLE_ROW = 2  # header in row 3, freeze below it
KEY_COLUMNS = [
    *("training_key", "status", "works", "works_until", "next_step", "act_by", "pool", "is_distributed", "redeemed_at"),
    *("course_key_expires_on", "uses_left", "lookalike", "damage", "reference", "evidence"),
]


def write_workbook(audit: Reconciliation, path: Path) -> int:
    """Write the workbook; returns the number of keys listed in it."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
        "nan_inf_to_errors": False,
    }
    book = xlsxwriter.Workbook(str(path), options)
    book.set_properties(
        {"title": "Training key reconciliation", "created": dt.datetime.combine(audit.as_of, dt.time())}
    )
    writer = _Writer(book, audit)
    every = len(audit.keys) <= ALL_KEYS_UP_TO
    listed = audit.keys if every else audit.open_keys
    rest = "" if every else f" The {len(audit.keys) - len(listed):,} keys that need nobody are in keys.csv."
    writer.summary()
    writer.table("Today", "What to do, the most urgent first", audit.today(), "todo")
    writer.table("Pools", "Every pool: stage, counts, next step, sign-off", audit.pools, "works")
    writer.table("Keys", f"{len(listed):,} keys.{rest}", listed[KEY_COLUMNS], "dead")
    writer.table("Findings", "What a person must look at, worst first", audit.findings, "check")
    writer.table("Sources", "Every file: rows read = keys + repeats + set aside", audit.sources, "done")
    writer.table("Dictionary", "What the words mean", _dictionary(), "nothing")
    writer.use_every_format()
    book.close()
    fill(path, writer.bodies())
    return len(listed)


class _Writer:
    """The formats of one workbook, and the sheets in it."""

    def __init__(self, book: Any, audit: Reconciliation) -> None:
        self.book, self.audit = book, audit
        self.tables: dict[str, pd.DataFrame] = {}
        font = {"font_name": "Calibri", "valign": "top"}
        self.plain = book.add_format(font | {"indent": 1})
        self.key = book.add_format(font | {"font_name": "Consolas", "num_format": "@"})
        self.date = book.add_format(font | {"num_format": "yyyy-mm-dd", "align": "left"})
        self.count = book.add_format(font | {"num_format": "#,##0"})
        self.title = book.add_format(font | {"bold": True, "font_size": 16, "font_color": "#1F2933"})
        self.mute = book.add_format(font | {"font_color": "#616E7C"})
        self.back = book.add_format(font | {"font_color": "#0E6E64", "underline": 1})
        self.header = book.add_format(
            font | {"bold": True, "bottom": 2, "indent": 1, "font_color": "#1F2933", "bg_color": "#F5F7FA"}
        )
        self.line = book.add_format(font | {"bottom": 1})
        self.family = {
            name: book.add_format(font | {"bold": True, "font_color": text, "left": 5, "left_color": colour})
            for name, (colour, text, _) in FAMILIES.items()
        }

    def sheet(self, name: str, family: str) -> Any:
        """A sheet with its colour and print set-up."""
        sheet = self.book.add_worksheet(name)
        sheet.set_tab_color(FAMILIES[family][0])
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(f"&Lkeyaudit · as of {self.audit.as_of} · contains redeemable keys&R&A · page &P of &N")
        return sheet

    def table(self, name: str, title: str, frame: pd.DataFrame, family: str) -> None:
        """A sheet that lists a table: filter, frozen header, widths; its rows are filled in when the workbook is closed."""
        sheet = self.sheet(name, family)
        for place, column in enumerate(frame.columns):
            sheet.set_column(place, place, WIDTHS.get(column, max(12, len(column) + 3)))
        sheet.freeze_panes(TABLE_ROW + 1, 1)
        sheet.repeat_rows(TABLE_ROW)
        sheet.autofilter(TABLE_ROW, 0, TABLE_ROW + max(len(frame), 1), len(frame.columns) - 1)
        sheet.set_row(0, 24)
        sheet.write_string(0, 0, title, self.title)
        sheet.write_url(1, 0, "internal:'Summary'!A1", self.back, "← Summary")
        for place, column in enumerate(frame.columns):
            sheet.write_string(TABLE_ROW, place, column.replace("_", " "), self.header)
        self.tables[f"xl/worksheets/sheet{len(self.book.worksheets())}.xml"] = frame

    def use_every_format(self) -> None:
        """XlsxWriter numbers only formats it has met."""
        for look in (self.plain, self.key, self.date, self.count, *self.family.values()):
            look._get_xf_index()

    def bodies(self) -> dict[str, Body]:
        """The rows of every table, once XlsxWriter has numbered its formats (the workbook is closed)."""
        words = {"status": {code: self.family[row.family].xf_index for code, row in STATUSES.items()}}
        return {
            member: Body(frame, TABLE_ROW + 2, {name: self._look(frame[name]).xf_index for name in frame}, words)
            for member, frame in self.tables.items()
        }

    def _look(self, column: pd.Series) -> Any:
        if pd.api.types.is_datetime64_any_dtype(column):
            return self.date
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            return self.count
        return self.key if column.name in ("training_key", "lookalike") else self.plain

    def summary(self) -> None:
        """The first sheet: verdict, statuses, answers, deadlines, sign-off. Totals are plain values."""
        audit = self.audit
        sheet = self.sheet("Summary", "done")
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 1, 12)
        sheet.set_column(2, 2, 120)
        sheet.set_row(0, 24)
        sheet.write_string(0, 0, audit.headline, self.title)
        sheet.write_string(1, 0, f"{audit.verdict}: {VERDICTS[audit.verdict]}", self.plain)
        sheet.write_string(2, 0, f"As of {weekday(audit.as_of)}; {audit.deadline_sentence()}.", self.mute)
        row = 4
        for name, header in enumerate(("Status", "Keys", "What it means")):
            sheet.write_string(row, name, header, self.header)
        for code, count in audit.statuses.items():
            row += 1
            sheet.write_string(row, 0, code, self.family[STATUSES[code].family])
            sheet.write_number(row, 1, count, self.count)
            sheet.write_string(row, 2, STATUSES[code].when, self.plain)
        row += 1
        sheet.write_string(row, 0, "all keys", self.header)
        sheet.write_number(row, 1, len(audit.keys), self.count)
        row += 2
        for place, header in enumerate(("The four answers", "Keys", "Definition")):
            sheet.write_string(row, place, header, self.header)
        for answer in audit.answers.itertuples():
            row += 1
            sheet.write_string(row, 0, answer.answer, self.plain)
            sheet.write_number(row, 1, answer.count, self.count)
            sheet.write_string(row, 2, f"{answer.definition} (certain: {answer.certain:,})", self.plain)
        row += 2
        sheet.write_string(row, 0, "Deadlines", self.header)
        for label, date in audit.calendar.deadlines():
            row += 1
            sheet.write_string(row, 0, label, self.plain)
            sheet.write_datetime(row, 1, dt.datetime.combine(date, dt.time()), self.date)
            days = (date - audit.as_of).days
            sheet.write_string(
                row,
                2,
                f"in {days:,} {'day' if days == 1 else 'days'}"
                if days > 0
                else "today"
                if days == 0
                else f"{-days:,} days ago",
                self.mute,
            )
        for text in audit.not_checked:
            row += 1
            sheet.write_string(row, 0, f"Not checked: {text}", self.plain)
        row += 2
        sheet.write_string(row, 0, "Sign-off", self.header)
        for who in ("Prepared by / date", "Reviewed by / date"):
            row += 1
            sheet.write_string(row, 0, who, self.plain)
            sheet.write_blank(row, 1, None, self.line)
            sheet.write_blank(row, 2, None, self.line)


def _dictionary() -> pd.DataFrame:
    rows = [("status", code, row.when) for code, row in STATUSES.items()]
    rows += [("works", word, meaning) for word, meaning in WORKS_MEANING.items()]
    rows += [("finding", code, f"{row.severity}: {row.meaning} {row.remedy}") for code, row in FINDINGS_TABLE.items()]
    rows += [("column", name, meaning) for name, meaning in KEYS.items()]
    return pd.DataFrame(rows, columns=["kind", "word", "meaning"])
