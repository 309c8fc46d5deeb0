"""report.xlsx: verdict → actions → evidence. Text cells only from data: no formula, no link. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_range

from keyaudit import __version__
from keyaudit.columns import KEYS
from keyaudit.deadlines import PHASES, away, weekday
from keyaudit.findings import FINDINGS_TABLE, SEVERITIES
from keyaudit.reconciliation import NO_POOL, STAGES, VERDICTS, Reconciliation
from keyaudit.report.bigsheet import Body, fill, safe_text, write_plainly
from keyaudit.statuses import FAMILIES, STATUSES, WORKS_MEANING

ALL_KEYS_UP_TO = 200_000  # beyond that only the keys that need somebody, unless all are asked for: keys.csv has them
ROWS_OF_A_SHEET = 1_048_576  # Excel's limit
WRAPPED_UP_TO = 2_000  # longer lists keep a line a row and leave blank cells out: they open faster
TABLE_ROW = 2  # header in row 3, freeze below it

# Widths in characters; a column not named here is as wide as its header or its largest count.
WIDTHS = {
    "training_key": 22,
    "lookalike": 22,
    "reference": 34,
    "where": 34,
    "next_step": 44,
    "message": 44,
    "remedy": 40,
    "pool": 32,
    "status": 20,
    "finding": 21,
    "course": 24,
    "organization": 24,
    "evidence": 44,
    "source_file": 36,
    "source_sheet": 20,
    "sheets": 20,
    "role": 15,
    "columns_used": 44,
    "columns_not_used": 26,
    "sha256": 68,
    "word": 24,
    "meaning": 110,
    "what_happens": 34,
    "date": 30,  # also the names of pools, below it
    "note": 30,
    "signed_by": 18,
}
WRAPPED = ("next_step", "message", "remedy", "where", "columns_used", "columns_not_used", "meaning")
PIXEL = 0.75  # points
LINE = 13.5  # points of a line of text
LAST_PRINTED = {
    "Keys": "reference",
    "Pools": "signed_on",
    "Findings": "note",
    "Sources": "columns_not_used",
}  # what follows is for the screen
KEY_COLUMNS = [
    *("training_key", "status", "works", "works_until", "act_by", "next_step", "pool", "reference"),
    *("is_distributed", "redeemed_at", "course_key_expires_on", "uses_left", "lookalike", "damage", "evidence"),
]
MONOSPACED = ("training_key", "lookalike", "sha256")
TO_FILL_IN = ("done", "note", "signed_by", "signed_on")
DONE = ["done", "in progress", "not ours"]
SEVERITY_FAMILY = dict(zip(SEVERITIES, ("dead", "todo", "check", "nothing", "done"), strict=True))
VERDICT_FAMILY = dict(zip(VERDICTS, ("dead", "todo", "check", "check", "works"), strict=True))
INK, MUTE, GRID, FACE = "#1F2933", "#616E7C", "#D9DFE5", "#F5F7FA"


def write_workbook(audit: Reconciliation, path: Path, *, all_keys: bool = False, plainly: bool = False) -> int:
    """Write the workbook; returns the number of keys listed in it.

    `plainly` leaves every row to XlsxWriter, cell by cell: the same workbook, in several times the time.
    """
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    book = xlsxwriter.Workbook(str(path), options)
    book.set_size(2400, 1500)
    book.set_properties(
        {"title": "Training key reconciliation", "created": dt.datetime.combine(audit.as_of, dt.time())}
    )
    writer = _Writer(book, audit, plainly)
    every = all_keys or len(audit.keys) <= ALL_KEYS_UP_TO
    listed = (audit.keys if every else audit.open_keys)[KEY_COLUMNS]
    title = f"Every key: {len(listed):,}"
    if not every:
        rest = len(audit.keys) - len(listed)
        title = f"The {len(listed):,} keys that need somebody; the other {rest:,} are in keys.csv"
    parts = _parts("Keys", listed)
    findings = _findings(audit)
    told = "What a person must look at, worst first"
    if not all_keys and len(findings) > ALL_KEYS_UP_TO:
        told = f"The worst {ALL_KEYS_UP_TO:,} of {len(findings):,} findings; the others are in findings.csv"
        findings = findings.head(ALL_KEYS_UP_TO)
    writer.summary(parts)
    writer.table("Today", "What to do, the most urgent first", _today(audit), "todo")
    pools, below = _pools(audit)
    writer.table("Pools", "Every pool: stage, counts per status, sign-off", pools, "works", below)
    for sheet, part in parts.items():
        writer.table(sheet, title, part, "dead")
    for sheet, part in _parts("Findings", findings).items():
        writer.table(sheet, told, part, "check")
    writer.table("Outlook", "Codes that would still work on each date, if nothing changes", _outlook(audit), "works")
    writer.outlook_by_pool()
    writer.table("Sources", "Every file: rows read = keys + repeats + set aside", *_sources(audit))
    writer.table("Dictionary", "What the words mean", _dictionary(), "nothing")
    bodies = writer.bodies()
    if plainly:
        for number, sheet in enumerate(book.worksheets(), start=1):
            if (member := f"xl/worksheets/sheet{number}.xml") in bodies:
                write_plainly(sheet, bodies[member], {look.xf_index: look for look in book.formats})
    book.close()
    if not plainly:
        fill(path, bodies, writer.ranges)
    return len(listed)


def _parts(name: str, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A list over as many sheets as Excel's limit demands."""
    room = ROWS_OF_A_SHEET - TABLE_ROW - 1
    starts = range(0, max(len(frame), 1), room)
    return {f"{name} {at // room + 1}" if at else name: frame.iloc[at : at + room] for at in starts}


class _Writer:
    """The formats of one workbook, and the sheets in it."""

    def __init__(self, book: Any, audit: Reconciliation, plainly: bool) -> None:
        self.book, self.audit, self.plainly = book, audit, plainly
        self.tables: dict[str, tuple[pd.DataFrame, int, bool, bool]] = {}
        self.ranges: dict[str, tuple[str, str]] = {}  # member of a table → its range as made, as filled
        font = {"font_name": "Calibri", "font_size": 10, "font_color": INK, "valign": "top"}
        left = {"align": "left", "indent": 1}
        cell = font | {"bottom": 1, "bottom_color": GRID}
        header = font | {"bold": True, "bottom": 2, "bg_color": FACE, "text_wrap": True, "valign": "bottom"}
        mono = {"font_name": "Consolas", "num_format": "@"}
        self.formats = {
            "plain": book.add_format(cell | left),
            "wrapped": book.add_format(cell | left | {"text_wrap": True}),
            "key": book.add_format(cell | left | mono),
            "date": book.add_format(cell | left | {"num_format": "yyyy-mm-dd"}),
            "count": book.add_format(cell | {"num_format": "#,##0"}),
            "share": book.add_format(cell | {"num_format": "0.0%"}),
            "input": book.add_format(cell | {"bg_color": "#FFFDF0", "text_wrap": True}),
            "bold": book.add_format(cell | left | {"bold": True}),
            "total": book.add_format(font | {"bold": True, "top": 2, "num_format": "#,##0"}),
            "title": book.add_format(font | {"bold": True, "font_size": 16}),
            "heading": book.add_format(font | {"bold": True, "font_size": 12}),
            "text": book.add_format(font),
            "mute": book.add_format(font | {"font_color": MUTE}),
            "link": book.add_format(cell | left | {"font_color": "#0E6E64", "underline": 1}),
            "back": book.add_format(font | {"font_color": "#0E6E64", "underline": 1}),
            "header": book.add_format(header | left),
            "number header": book.add_format(header | {"align": "right"}),
            "upright header": book.add_format(header | {"align": "right", "rotation": 90}),
            "sign": book.add_format(font | {"bottom": 1}),
        }
        self.family = {
            name: book.add_format(cell | left | {"bold": True, "bg_color": _tint(colour)})
            for name, (colour, _, _) in FAMILIES.items()
        }

    def sheet(self, name: str, family: str) -> Any:
        """A sheet with its colour and print set-up."""
        sheet = self.book.add_worksheet(name)
        sheet.set_tab_color(FAMILIES[family][0])
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.4, 0.4, 0.5, 0.6)
        holds = "masked: no code in full" if self.audit.is_masked else "contains redeemable keys"
        sheet.set_footer(f"&L&8keyaudit · as of {self.audit.as_of} · {holds}&R&8&A · page &P of &N")
        return sheet

    def table(self, name: str, title: str, frame: pd.DataFrame, family: str, below: int = 0) -> None:
        """A sheet that lists a table; its rows are filled in when the workbook is closed.

        The last `below` rows of the frame are totals: they stand under the table and are not sorted with it.
        """
        is_matrix = set(STATUSES) <= set(frame)  # fourteen counts side by side: upright headers, a line a row
        sheet = self.sheet(name, family)
        for place, column in enumerate(frame.columns):
            sheet.set_column(place, place, _width(frame[column], is_matrix))
        if name.partition(" ")[0] in LAST_PRINTED:
            last = frame.columns.get_loc(LAST_PRINTED[name.partition(" ")[0]])
            sheet.print_area(0, 0, TABLE_ROW + max(len(frame), 1), last)
        sheet.freeze_panes(TABLE_ROW + 1, 1)
        sheet.repeat_rows(TABLE_ROW)
        sheet.set_row(0, 24)
        sheet.set_row(TABLE_ROW, 105 if is_matrix else 30)
        sheet.write_string(0, 0, title, self.formats["title"])
        sheet.write_url(1, 0, "internal:'Summary'!A1", self.formats["back"], "← Summary")
        wraps = len(frame) <= WRAPPED_UP_TO and not is_matrix
        self._list(sheet, f"{name.replace(' ', '')}List", TABLE_ROW, frame, wraps, below)
        if "done" in frame:
            place = frame.columns.get_loc("done")
            rows = (TABLE_ROW + 1, place, TABLE_ROW + max(len(frame), 1), place)
            sheet.data_validation(*rows, {"validate": "list", "source": DONE})

    def _list(self, sheet: Any, name: str, row: int, frame: pd.DataFrame, wraps: bool = True, below: int = 0) -> None:
        """A named table with a header and one blank row; `fill` puts the rows in and widens its range."""
        is_matrix = set(STATUSES) <= set(frame)
        headers = [
            {"header": _words(column), "header_format": self.formats[_header(frame[column], is_matrix)]}
            for column in frame
        ]
        width = len(headers) - 1
        last = row + max(len(frame) - below, 1)
        end = last if self.plainly else row + 1
        sheet.add_table(row, 0, end, width, {"name": name, "columns": headers, "style": None})
        made, filled = xl_range(row, 0, end, width), xl_range(row, 0, last, width)
        self.ranges[f"xl/tables/table{len(self.ranges) + 1}.xml"] = (made, filled)
        self.tables[f"xl/worksheets/sheet{len(self.book.worksheets())}.xml"] = (frame, row + 2, wraps, bool(below))

    def bodies(self) -> dict[str, Body]:
        """The rows of every table, by the member it stands in."""
        for look in (*self.formats.values(), *self.family.values()):
            look._get_xf_index()  # XlsxWriter numbers only formats it has met
        number = {name: look.xf_index for name, look in self.formats.items()}
        family = {name: look.xf_index for name, look in self.family.items()}
        words = {
            "status": {code: family[row.family] for code, row in STATUSES.items()},
            "severity": {code: family[name] for code, name in SEVERITY_FAMILY.items()},
        }
        return {
            member: Body(
                frame,
                first_row,
                {name: number[_look(frame[name], wraps)] for name in frame},
                words,
                frozenset(TO_FILL_IN if len(frame) > WRAPPED_UP_TO else frame.columns),
                _heights(frame) if wraps else None,
                number["total"] if has_total else None,
            )
            for member, (frame, first_row, wraps, has_total) in self.tables.items()
        }

    def summary(self, key_sheets: dict[str, pd.DataFrame]) -> None:
        """The first sheet: verdict, statuses, answers, deadlines, sign-off. Totals are plain values."""
        audit, formats = self.audit, self.formats
        sheet = self.sheet("Summary", VERDICT_FAMILY[audit.verdict])
        for place, width in enumerate((26, 12, 13, 20, 22, 84)):
            sheet.set_column(place, place, width)
        sheet.set_row(1, 30)
        kind = " · masked, to share" if audit.is_masked else ""
        sheet.write_string(0, 0, f"Training key reconciliation · as of {weekday(audit.as_of)}{kind}", formats["mute"])
        large = self.book.add_format(
            {"font_name": "Calibri", "font_size": 20, "bold": True, "font_color": FAMILIES[VERDICT_FAMILY[audit.verdict]][1]}
        )  # fmt: skip
        sheet.write_string(1, 0, audit.headline, large)
        sheet.write_string(2, 0, f"{audit.verdict}: {VERDICTS[audit.verdict]} {PHASES[audit.phase]}", formats["text"])
        due = audit.deadline_sentence()
        sheet.write_string(3, 0, f"{due[0].upper()}{due[1:]}.", formats["mute"])

        row = self._headers(sheet, 5, "Status", "#Keys", "#Share of all", "Act by", "Go to", "What it means")
        places = _first_places(key_sheets)
        for line in audit.status_lines:
            row += 1
            meaning = STATUSES[line.status].when
            sheet.set_row(row, LINE * (len(meaning) // 100 + 1) + 1.5)
            sheet.write_string(row, 0, line.status, self.family[STATUSES[line.status].family])
            sheet.write_number(row, 1, line.keys, formats["count"])
            sheet.write_number(row, 2, line.keys / max(len(audit.keys), 1), formats["share"])
            sheet.write_string(row, 3, audit.told(line) if line.act_by else "", formats["plain"])
            if line.status in places:
                sheet.write_url(row, 4, f"internal:{places[line.status]}", formats["link"], f"{_words(line.status)} →")
            else:
                sheet.write_blank(row, 4, None, formats["plain"])
            sheet.write_string(row, 5, meaning, formats["wrapped"])
        row += 1
        for place in range(6):
            sheet.write_blank(row, place, None, formats["total"])
        sheet.write_string(row, 0, "all keys", formats["total"])
        sheet.write_number(row, 1, len(audit.keys), formats["total"])

        row = self._headers(sheet, row + 2, "The four answers", "#Keys", "#Certain", "Definition", "", "")
        for answer in audit.answers.itertuples():
            row += 1
            sheet.write_string(row, 0, answer.answer, formats["bold"])
            sheet.write_number(row, 1, answer.count, formats["count"])
            sheet.write_number(row, 2, answer.certain, formats["count"])
            sheet.merge_range(row, 3, row, 5, answer.definition, formats["wrapped"])
            sheet.set_row(row, LINE * (len(answer.definition) // 150 + 1) + 1.5)
        row = self._headers(sheet, row + 2, "Deadlines", "Date", "Days")
        for label, date in audit.calendar.deadlines():
            row += 1
            sheet.write_string(row, 0, f"{label} ({weekday(date)[:3]})", formats["plain"])
            sheet.write_datetime(row, 1, dt.datetime.combine(date, dt.time()), formats["date"])
            sheet.write_string(row, 2, away((date - audit.as_of).days), formats["plain"])
        row += 1
        for text in audit.not_checked:
            row += 1
            sheet.write_string(row, 0, safe_text(f"Not checked: {text}"), formats["text"])
        row = self._headers(sheet, row + 2, "Sign-off", "Name", "", "Date", "")
        for who in ("Prepared by", "Reviewed by"):
            row += 1
            sheet.set_row(row, 24)
            sheet.write_string(row, 0, who, formats["text"])
            for place in (1, 2, 3, 4):
                sheet.write_blank(row, place, None, formats["sign"])
        sums = audit.tie_out_sums()
        sheet.write_string(
            row + 2,
            0,
            f"Made by keyaudit {__version__} from {len(audit.sources)} files (sheet Sources): {sums['rows_read']:,} rows read = "
            f"{sums['keys']:,} keys + {sums['repeats']:,} repeats + {sums['set_aside']:,} set aside.",
            formats["mute"],
        )

    def _headers(self, sheet: Any, row: int, *texts: str) -> int:
        for place, text in enumerate(texts):
            look = self.formats["number header" if text.startswith("#") else "header"]
            sheet.write_string(row, place, text.removeprefix("#"), look)
        return row

    def outlook_by_pool(self) -> None:
        """Under the dates of the Outlook sheet: what would still work per pool."""
        sheet = self.book.worksheets()[-1]
        table = self.audit.outlook(by="pool").drop(columns="works").T
        table.columns = [date.strftime("%Y-%m-%d") for date in table.columns]
        member = f"xl/worksheets/sheet{len(self.book.worksheets())}.xml"
        frame, first_row, *_ = self.tables[member]
        self._write_small(sheet, first_row - 1, frame)
        row = first_row + len(frame)
        sheet.set_row(row, 30)
        sheet.write_string(row, 0, "The same, pool by pool", self.formats["heading"])
        self._list(sheet, "OutlookByPoolList", row + 1, table.rename_axis("pool").reset_index())

    def _write_small(self, sheet: Any, row: int, frame: pd.DataFrame) -> None:
        for place, name in enumerate(frame.columns):
            look = self.formats[_look(frame[name], wraps=False)]
            for offset, value in enumerate(frame[name]):
                write = sheet.write_datetime if isinstance(value, pd.Timestamp) else sheet.write
                write(row + offset, place, value, look)


def _look(column: pd.Series, wraps: bool) -> str:
    """The format of a column."""
    if column.name in TO_FILL_IN:
        return "input"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if _is_count(column):
        return "count"
    return "key" if column.name in MONOSPACED else "wrapped" if wraps and column.name in WRAPPED else "plain"


def _header(column: pd.Series, is_matrix: bool) -> str:
    if is_matrix and column.name in STATUSES:
        return "upright header"
    return "number header" if _is_count(column) else "header"


def _width(column: pd.Series, is_matrix: bool) -> float:
    if column.name in WIDTHS:
        return WIDTHS[column.name]
    if is_matrix and column.name in STATUSES:
        return max(6.5, len(f"{column.max():,.0f}") + 1.5)
    return max(11, len(column.name) + 3)


def _heights(frame: pd.DataFrame) -> list[float] | None:
    """Room for the lines of every row, where texts wrap."""
    columns = [name for name in WRAPPED if name in frame]
    if not columns or frame.empty:
        return None
    lines = [frame[name].fillna("").astype("str").str.len() // (1.25 * WIDTHS[name]) + 1 for name in columns]
    return [PIXEL * round((LINE * min(max(row), 20) + 2) / PIXEL) for row in zip(*lines, strict=True)]


def _is_count(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _words(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _tint(colour: str) -> str:
    """A colour light enough to stand behind text."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - 0.22 * (255 - part)):02X}" for part in parts)


def _first_places(key_sheets: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Status → the cell of its first key."""
    places: dict[str, str] = {}
    for name, part in key_sheets.items():
        first = part.reset_index(drop=True).drop_duplicates("status")["status"]
        for at, code in first.items():
            places.setdefault(str(code), f"'{name}'!A{TABLE_ROW + 2 + at}")
    return places


def _today(audit: Reconciliation) -> pd.DataFrame:
    table = audit.today()
    table["act_by"] = pd.to_datetime(table["act_by"])
    return table[["act_by", "status", "pool", "keys", "next_step"]].assign(done="", note="")


def _pools(audit: Reconciliation) -> tuple[pd.DataFrame, int]:
    """Every pool, then what is in no pool and the sum: plain values."""
    pools = audit.pools
    counts = audit.summary(by="pool")
    codes = list(STATUSES)
    total = {"pool": "all keys", "keys": len(audit.keys)} | audit.statuses
    total |= {"exported": int(pools["exported"].sum())}
    below = [total]
    if NO_POOL in counts.index and NO_POOL not in set(pools["pool"]):
        below.insert(0, {"pool": NO_POOL} | counts.loc[NO_POOL].to_dict())
    table = pools.assign(balanced=pools["balanced"].map({True: "yes", False: "no"}), signed_by="", signed_on="")
    table["stage"] = table["stage"].astype("str")
    order = ["pool", "stage", "act_by", "keys", *codes, "exported", "balanced", "signed_by", "signed_on"]
    order += ["next_step", "course", "organization", "expires_on"]
    table = pd.concat([table, pd.DataFrame(below)], ignore_index=True)[order]
    return table, len(below)


def _findings(audit: Reconciliation) -> pd.DataFrame:
    """The findings with a place for each: the key's reference, else the pool, else the file."""
    findings = audit.findings
    keys = audit.keys[audit.keys["training_key"].isin(findings["training_key"].unique())]
    reference = keys.drop_duplicates("training_key").set_index("training_key")["reference"]
    where = findings["training_key"].map(reference)
    for name in ("pool", "source_file"):
        where = where.where(where.notna(), findings[name].where(findings[name] != ""))
    table = findings.rename(columns={"code": "finding"}).assign(where=where.fillna("the whole audit"), done="", note="")
    table["source_row"] = table["source_row"].astype("float64").where(table["source_row"] > 0)
    order = ["severity", "finding", "where", "training_key", "message", "remedy", "done", "note"]
    return table[[*order, "pool", "source_file", "source_sheet", "source_row"]]


def _outlook(audit: Reconciliation) -> pd.DataFrame:
    """Dates, what happens on each, how many codes would still work, by status."""
    table = audit.outlook()
    table = table[["works", *(code for code in STATUSES if table[code].any())]]
    stops = -table["works"].diff().fillna(0).astype(int)
    label = {pd.Timestamp(audit.as_of): "the day of the audit"}
    label |= {pd.Timestamp(date): name for name, date in audit.calendar.deadlines()}
    told = [
        "; ".join(
            [*([label[date]] if date in label else []), *([f"{number:,} stop working"] if number > 0 else [])]
            or ["others start"]
        )
        for date, number in stops.items()
    ]
    table.insert(0, "what_happens", told)
    return table.reset_index().rename(columns={"works": "still_work"})


def _sources(audit: Reconciliation) -> tuple[pd.DataFrame, str, int]:
    counts = ["rows_read", "keys", "repeats", "set_aside"]
    order = ["source_file", "role", "sheets", *counts, "damaged", "columns_used", "columns_not_used", "sha256", "bytes"]
    sums = {"source_file": "pools and course keys"} | {name: audit.tie_out_sums()[name] for name in counts}
    return pd.concat([audit.sources, pd.DataFrame([sums])], ignore_index=True)[order], "done", 1


def _dictionary() -> pd.DataFrame:
    rows = [("verdict", code, meaning) for code, meaning in VERDICTS.items()]
    rows += [("status", code, row.when) for code, row in STATUSES.items()]
    rows += [("works", word, meaning) for word, meaning in WORKS_MEANING.items()]
    rows += [("stage", word, meaning) for word, meaning in STAGES.items()]
    rows += [("finding", code, f"{row.severity}: {row.meaning} {row.remedy}") for code, row in FINDINGS_TABLE.items()]
    rows += [("column", name, meaning) for name, meaning in KEYS.items()]
    return pd.DataFrame(rows, columns=["kind", "word", "meaning"])
