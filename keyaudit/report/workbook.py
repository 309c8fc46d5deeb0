"""report.xlsx and plan.xlsx as data: verdict → actions → evidence; steps, batches, letters. (DESIGN §5)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from keyaudit import __version__
from keyaudit.audit import Audit
from keyaudit.calendar import PHASES
from keyaudit.card import GROUP_FAMILY, group_words, tie_out_line
from keyaudit.coded import TEXT, Array, Coded
from keyaudit.columns import KEYS
from keyaudit.keytable import taken
from keyaudit.plan import IN_BATCH, Letter, MigrationPlan, PlanStep
from keyaudit.report.sheets import Block, Column, Sheet, write_book
from keyaudit.report.ticks import Ticks, with_ticks
from keyaudit.rulebook import (
    ANSWERS,
    FAMILIES,
    FINDINGS,
    GROUPS,
    LISTS,
    SEVERITIES,
    STAGES,
    STATUSES,
    VERDICTS,
    WORKS,
    in_words,
)
from keyaudit.tallies import NO_POOL, outlook
from keyaudit.words import away, plain, sentence, weekday

ALL_KEYS_UP_TO = 200_000  # beyond that only the keys that need somebody, unless all are asked for: keys.csv has them
DONE = ("done", "in progress", "not ours")
WIDTHS = {  # in characters, and whether the text wraps; a column not named here is as wide as its header
    "training_key": 22, "lookalike": 22, "reference": 34, "where": 34, "next_step": 44, "message": 44, "remedy": 40, "pool": 32,
    "status": 20, "finding": 21, "course": 24, "organization": 24, "evidence": 44, "source_file": 36, "source_sheet": 20,
    "sheets": 20, "role": 15, "columns_used": 44, "columns_not_used": 26, "sha256": 68, "word": 24, "meaning": 110,
    "what_happens": 34, "date": 12, "note": 30, "signed_by": 18, "sign_off": 44, "elsewhere": 24, "what": 90, "text": 90,
    "name": 30, "max_uses": 14, **dict.fromkeys(LISTS, 13), "learner": 26, "former_key": 44, "expiration": 30, "any_organization": 30, "content_availability": 20, "login_page": 30,
}  # fmt: skip
WRAPPED = ("name", "max_uses", "next_step", "message", "remedy", "where", "columns_used", "columns_not_used", "meaning", "sign_off", "what", "text", "expiration", "any_organization", "content_availability", "course", "organization", "elsewhere")  # fmt: skip
TO_FILL_IN = ("done", "note", "signed_by", "signed_on", "new_key")
KEYS_SHOWN = (
    "training_key", "status", "works", "works_until", "act_by", "next_step", "pool", "reference", "is_distributed",
    "redeemed_at", "course_key_expires_on", "uses_left", "lookalike", "damage", "evidence",
)  # fmt: skip
SEVERITY_FAMILY = dict(zip(SEVERITIES, ("dead", "todo", "check", "nothing", "done"), strict=True))
VERDICT_FAMILY = dict(zip(VERDICTS, ("dead", "todo", "check", "check", "works"), strict=True))
WHOLE = "contains redeemable keys"


def _shade(family: str) -> str:
    return FAMILIES[family][1]


def _column(name: str, cells: Any, kind: str = "", **more: Any) -> Column:
    """A column by its name of ours: its header, width and kind."""
    if not kind:
        is_date = isinstance(cells, Coded) and isinstance(cells.values, np.ndarray) and cells.values.dtype.kind == "M"
        is_count = isinstance(cells, np.ndarray) and cells.dtype.kind in "if"
        kind = (
            "date"
            if is_date
            else "count"
            if is_count
            else "key"
            if name in ("training_key", "lookalike", "sha256")
            else "text"
        )
        kind = "input" if name in TO_FILL_IN else "wrapped" if name in WRAPPED else kind
    return Column(sentence(plain(name)), cells, kind, WIDTHS.get(name, 0), **more)


def _columns(table: Mapping[str, Any], **more: Mapping[str, Any]) -> list[Column]:
    return [_column(name, cells, **more.get(name, {})) for name, cells in table.items()]


def _rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Columns from few rows: whole numbers, dates and texts."""
    columns: dict[str, Any] = {}
    for name in names:
        cells = [row.get(name) for row in rows]
        if any(isinstance(cell, int) and not isinstance(cell, bool) for cell in cells):
            columns[name] = np.array([np.nan if cell is None else cell for cell in cells], dtype=float)
        elif any(hasattr(cell, "isoformat") or isinstance(cell, np.datetime64) for cell in cells):
            dates = np.array(
                [np.datetime64("NaT", "s") if cell is None else np.datetime64(cell, "s") for cell in cells]
            )
            values, codes = np.unique(dates, return_inverse=True)
            known = int((~np.isnat(values)).sum())
            columns[name] = Coded(np.where(codes < known, codes, -1).astype(np.int32), values[:known])
        else:
            columns[name] = Coded.of(["" if cell is None else str(cell) for cell in cells])
    return columns


# --- report.xlsx ---


def write_workbook(audit: Audit, path: Path, *, all_keys: bool = False, ticks: Ticks | None = None) -> int:
    """Write the workbook, with what somebody has typed into a former one; returns the number of keys listed in it."""
    sheets = report_sheets(audit, all_keys=all_keys)
    kind = _of(audit, "masked: no code in full, nobody named" if audit.is_masked else WHOLE)
    filled = with_ticks(sheets, ticks) if ticks else sheets
    write_book(path, filled, title="Training key reconciliation", created=audit.as_of, footer=kind)
    return next(len(sheet.blocks[0]) for sheet in sheets if sheet.name == "Keys")


def _of(audit: Audit, text: str) -> str:
    """What stands at the foot of every page, with the name of the case."""
    return f"{text} · {audit.name[:40]}" if audit.name else text


def report_sheets(audit: Audit, *, all_keys: bool = False) -> list[Sheet]:
    """The sheets of report.xlsx as data."""
    every = all_keys or audit.total <= ALL_KEYS_UP_TO
    rows = np.arange(audit.total) if every else np.flatnonzero(audit.key_columns["act_by"].filled)
    sheets = [_summary(audit, rows), _today(audit, rows), _pools(audit), _keys(audit, rows), _findings(audit, all_keys)]
    return [*sheets, _outlook(audit), _sources(audit), _dictionary()]


def _summary(audit: Audit, rows: Array) -> Sheet:
    """The first sheet: verdict, groups, statuses, answers, deadlines, sign-off."""
    masked = " · masked, to share" if audit.is_masked else ""
    due, colour = audit.deadline_sentence(), _shade(VERDICT_FAMILY[audit.verdict])
    name = f"{audit.name} · " if audit.name else ""
    head = [
        (f"Training key reconciliation · {name}as of {weekday(audit.as_of)}{masked}", "mute"),
        (audit.headline, f"headline {colour}"),
    ]
    head += [
        (f"{audit.verdict}: {audit.sentence}", "text"),
        (PHASES[audit.phase], "text"),
        (f"{sentence(due)}.", "mute"),
    ]
    head += [(f"Not checked: {text}", "text") for text in audit.not_checked]
    groups = group_words(audit)
    shades = {words: _shade(GROUP_FAMILY[group]) for group, words in groups.items()}
    numbers = [audit.groups[group] for group in groups]
    shares = np.array(numbers) / max(audit.total, 1)
    bars = [FAMILIES[GROUP_FAMILY[group]][0] for group in groups]
    first = [
        Column("Today", Coded.of(groups.values()), "text", 26, looks=shades),
        Column("Keys", np.array(numbers), "count", 12),
        Column("Share of all", shares, "share", 13),
        Column("", shares, "share", 20, bars=bars),
    ]
    status = audit.key_columns["status"].codes[rows]
    places = {
        code: int(np.argmax(status == number)) for number, code in enumerate(STATUSES) if (status == number).any()
    }
    told = {code: number for code, number in audit.statuses.items() if number} | {
        c: n for c, n in audit.statuses.items() if not n
    }
    statuses = [
        Column("Status", Coded.of([plain(code) for code in told])),
        Column("Keys", np.array(list(told.values())), "count"),
        Column("Share of all", np.array(list(told.values())) / max(audit.total, 1), "share"),
        Column(
            "Go to",
            [f"{plain(code)} →" if code in places else "" for code in told],
            "link",
            links=[("Keys", places[code]) if code in places else None for code in told],
        ),
        Column("What it means", Coded.of([STATUSES[code].when for code in told]), "wrapped", 64, span=2),
    ]
    counts = list(audit.answer_counts.values())
    answers = [
        Column("The four answers", Coded.of(audit.answer_counts)),
        Column("Keys", np.array([number for number, _ in counts]), "count"),
        Column("Certain", np.array([sure for _, sure in counts]), "count"),
        Column("Definition", Coded.of(ANSWERS.values()), "wrapped", 84, span=3),
    ]
    dates = audit.calendar.deadlines()
    deadlines = [
        Column("Deadlines", Coded.of([f"{label} ({weekday(date)[:3]})" for label, date in dates])),
        _column("date", _rows([{"date": date} for _, date in dates], ["date"])["date"]),
        Column("Days", Coded.of([away((date - audit.as_of).days) for _, date in dates])),
    ]
    sign = [Column("Sign-off", Coded.of(["Prepared by", "Reviewed by"])), *(Column(text, ["", ""], "input", width) for text, width in (("Name", 12), ("Date", 13)))]  # fmt: skip
    made = f"Made by keyaudit {__version__} from {len(audit.source_rows)} files (sheet Sources): {tie_out_line(audit)}."
    blocks = [
        Block(first, head),
        Block(statuses, total=[["all keys", audit.total, None, None, None, None]]),
        Block(answers),
        Block(deadlines),
        Block(sign, identity=("Sign-off",), row_height=24),
        Block(lines=[(made, "mute")]),
    ]
    return Sheet("Summary", blocks, colour)


def _today(audit: Audit, rows: Array) -> Sheet:
    names = ("act_by", "status", "pool", "keys", "next_step")
    table = _rows(
        [{name: getattr(task, name) for name in names} | {"status": plain(task.status)} for task in audit.work], names
    )
    place = np.full(audit.total, -1)
    place[rows] = np.arange(len(rows))
    links = [("Keys", int(place[task.rows[0]])) if place[task.rows[0]] >= 0 else None for task in audit.work]
    blank = {name: Coded.nothing(len(audit.work)) for name in ("done", "note")}
    columns = _columns(table | blank, done={"choices": DONE})
    columns.insert(4, Column("Go to", ["keys →" if link else "" for link in links], "link", links=links))
    group = [list(GROUPS)[audit.facts.group[audit.order[task.rows[0]]]] for task in audit.work]
    shades = {name: _shade(family) for name, family in GROUP_FAMILY.items()}
    columns.insert(1, Column("Now", Coded.of(group), width=17, looks=shades))
    block = Block(columns, table="TodayList", identity=("Act by", "Status", "Pool", "Next step"))
    return Sheet("Today", [block], _shade("todo"), "What to do, the most urgent first", "Note")


def _status_looks() -> dict[str, str]:
    """A status as a word, in the colour of its name; the column beside it says whether the key works."""
    return {plain(code): _shade("check" if row.family == "dead" else row.family) for code, row in STATUSES.items()}


def _pools(audit: Audit) -> Sheet:
    """Every pool, then what is in no pool and the sum: plain values."""
    rows = [
        row.as_dict() | {"balanced": "yes" if row.balanced else "no", "stage": plain(row.stage)}
        for row in audit.pool_rows
    ]
    for row in rows:
        row["expires_on"] = None if row["expires_on"] is None or np.isnat(row["expires_on"]) else row["expires_on"]
    names = [
        "pool",
        "stage",
        "act_by",
        "keys",
        *STATUSES,
        "in_backup",
        "only_later",
        "sign_off",
        "balanced",
        "signed_by",
        "signed_on",
    ]
    names += ["next_step", "course", "organization", "expires_on", "elsewhere"]
    table = _rows(rows, names)
    for name in ("signed_by", "signed_on"):
        table[name] = Coded.nothing(len(rows))
    columns = _columns(table, **{code: {"kind": "upright"} for code in STATUSES}, next_step={"kind": "text"})
    inside = {code: sum(row[code] for row in rows) for code in STATUSES}
    outside = {code: audit.statuses[code] - inside[code] for code in STATUSES}

    def line(name: str, counts: Mapping[str, int]) -> list[Any]:
        return [{"pool": name, "keys": sum(counts.values())}.get(column, counts.get(column)) for column in names]

    total = [line(NO_POOL, outside)] if any(outside.values()) else []
    block = Block(columns, table="PoolsList", total=[*total, line("all keys", audit.statuses)], identity=("Pool",))
    return Sheet("Pools", [block], _shade("works"), "Every pool: stage, counts per status, sign-off", "Signed on")


def _keys(audit: Audit, rows: Array) -> Sheet:
    title = f"Every key: {len(rows):,}"
    if len(rows) < audit.total:
        title = f"The {len(rows):,} keys that need somebody; the other {audit.total - len(rows):,} are in keys.csv"
    table = {name: taken(audit.key_columns[name], rows) for name in KEYS_SHOWN}
    table["status"] = table["status"].map(plain)
    columns = _columns(table, status={"looks": _status_looks()}, works={"looks": WORKS_LOOKS})
    columns[5] = Column("Next step", table["next_step"], "text", WIDTHS["next_step"])
    blank = Coded.nothing(len(rows))
    columns += _columns({"done": blank, "note": blank}, done={"choices": DONE})
    return Sheet(
        "Keys",
        [Block(columns, table="KeysList", identity=("Training key", "Reference"))],
        _shade("dead"),
        title,
        "Reference",
    )


WORKS_LOOKS = dict(zip(WORKS, map(_shade, ("works", "done", "unknown", "check", "dead")), strict=True))


def _findings(audit: Audit, all_keys: bool) -> Sheet:
    """The findings with a place for each: the key's reference, else the pool, else the file."""
    columns, size = audit.finding_columns, len(audit.finding_columns["key"])
    shown = size if all_keys else min(size, ALL_KEYS_UP_TO)
    title = "What a person must look at, worst first"
    if shown < size:
        title = f"The worst {shown:,} of {size:,} findings; the others are in findings.csv"
    part = {name: taken(column, np.arange(shown)) for name, column in columns.items()}
    place = np.append(audit.places, -1)[part["key"]]
    names = audit.key_columns["reference"].take(pa.array(place, mask=place < 0)).to_pylist()
    pools, files = (_texts(part[name], shown) for name in ("pool", "source_file"))
    where = [name or pool or file or "the whole audit" for name, pool, file in zip(names, pools, files, strict=True)]
    blank = Coded.nothing(shown)
    table = {
        "severity": part["severity"],
        "finding": part["code"].map(plain),
        "where": pa.array(where, TEXT),
        **{name: part[name] for name in ("training_key", "message", "remedy")},
        "done": blank,
        "note": blank,
        **{name: part[name] for name in ("pool", "source_file", "source_sheet")},
        "source_row": np.where(part["source_row"] > 0, part["source_row"], np.nan),
    }
    looks = {severity: _shade(name) for severity, name in SEVERITY_FAMILY.items()}
    listed = _columns(table, severity={"looks": looks}, done={"choices": DONE})
    block = Block(listed, table="FindingsList", identity=("Finding", "Where", "Message"))
    return Sheet("Findings", [block], _shade("check"), title, "Note")


def _texts(column: Coded, size: int) -> list[str]:
    return [column[at] or "" for at in range(size)] if size < 5000 else column.spread("").tolist()


def _outlook(audit: Audit) -> Sheet:
    """Dates, what happens on each, how many codes would still work, by status; the same by pool."""
    dates, names, counts = outlook(audit.facts)
    label = {audit.as_of: "the day of the audit"} | {date: name for name, date in audit.calendar.deadlines()}
    stops = -np.diff(counts.sum(axis=1), prepend=counts[:1].sum())
    rows = []
    for at, date in enumerate(dates):
        told = [label[date]] if date in label else []
        told += [f"{stops[at]:,} stop working"] if stops[at] > 0 else []
        by_status = {
            name: int(number)
            for name, number in zip(names, counts[at], strict=True)
            if counts[:, names.index(name)].any()
        }
        rows.append(
            {
                "date": date,
                "what_happens": "; ".join(told) or "others start",
                "still_work": int(counts[at].sum()),
                **by_status,
            }
        )
    shown = list(dict.fromkeys(name for row in rows for name in row))
    dates, pools, counts = outlook(audit.facts, [row.pool for row in audit.pool_rows])
    of_pools = [
        {"pool": pool, **{str(date): int(counts[at, place]) for at, date in enumerate(dates)}}
        for place, pool in enumerate(pools)
    ]
    by_pool = Block(
        _columns(_rows(of_pools, ["pool", *map(str, dates)])),
        [("The same, pool by pool", "heading")],
        table="OutlookByPoolList",
    )
    title = "Codes that would still work on each date, if nothing changes"
    return Sheet("Outlook", [Block(_columns(_rows(rows, shown)), table="OutlookList"), by_pool], _shade("works"), title)


def _sources(audit: Audit) -> Sheet:
    counts = ["rows_read", "keys", "repeats", "set_aside"]
    names = ["source_file", "role", "sheets", *counts, "damaged", "columns_used", "columns_not_used", "sha256", "bytes"]
    sums = audit.tie_out_sums()
    total = [
        {"source_file": "pools and course keys"}.get(name, sums[name] if name in counts else None) for name in names
    ]
    rows = [dict(row) | {"role": plain(row["role"])} for row in audit.source_rows]
    block = Block(_columns(_rows(rows, names)), table="SourcesList", total=[total])
    return Sheet(
        "Sources", [block], _shade("done"), "Every file: rows read = keys + repeats + set aside", "Columns not used"
    )


def _dictionary() -> Sheet:
    rows = [("verdict", code, meaning) for code, meaning in VERDICTS.items()]
    rows += [("status", code, f"{row.when} (rule: {in_words(row.rule)})") for code, row in STATUSES.items()]
    rows += [("works", word, meaning) for word, meaning in WORKS.items()]
    rows += [("stage", word, meaning) for word, meaning in STAGES.items()]
    rows += [("finding", code, f"{row.what} {row.remedy[0]}".strip()) for code, row in FINDINGS.items()]
    rows += [("column", name, meaning) for name, meaning in KEYS.items()]
    table = dict(zip(("kind", "word", "meaning"), (Coded.of(cells) for cells in zip(*rows, strict=True)), strict=True))
    return Sheet(
        "Dictionary", [Block(_columns(table), table="DictionaryList")], _shade("nothing"), "What the words mean"
    )


# --- plan.xlsx ---


def write_plan_book(plan: MigrationPlan, audit: Audit, path: Path, *, ticks: Ticks | None = None) -> int:
    """Write plan.xlsx, with what somebody has typed into a former one; returns the letters in it."""
    sheets = plan_sheets(plan)
    filled = with_ticks(sheets, ticks) if ticks else sheets
    footer = _of(audit, "contains keys' endings and people's names")
    write_book(path, filled, title="Migration plan", created=audit.as_of, footer=footer)
    return len(plan.letters) + len(plan.reminder_letters)


def plan_sheets(plan: MigrationPlan) -> list[Sheet]:
    """Steps, batches, and the sheets of a mail merge as data: headers in row 1, every cell text."""
    steps = _rows([step._asdict() for step in plan.step_rows], PlanStep._fields)
    blank = Coded.nothing(len(plan.step_rows))
    return [
        Sheet(
            "Steps",
            [
                Block(
                    _columns(steps | {"done": blank, "note": blank}, done={"choices": DONE}),
                    table="StepsList",
                    identity=("Pool", "What"),
                )
            ],
            _shade("todo"),
        ),
        Sheet(
            "Batches",
            [Block(_columns(_rows(plan.batch_rows, IN_BATCH)), table="BatchesList")],
            _shade("works"),
        ),
        *(
            Sheet(
                name,
                [
                    Block(
                        _columns(_rows([letter._asdict() for letter in letters], Letter._fields)),
                        table=f"{name}List",
                        identity=("Learner", "Former key"),
                    )
                ],
                _shade("check"),
            )
            for name, letters in (("Reissue", plan.letters), ("Reminders", plan.reminder_letters))
        ),
    ]
