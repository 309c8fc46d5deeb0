"""report.xlsx and plan.xlsx as data: verdict → actions → evidence; steps, batches, letters. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import pyarrow as pa

from keyaudit import __version__, rulebook
from keyaudit.audit import Audit
from keyaudit.calendar import PHASES
from keyaudit.card import ACCENT, GROUP_FAMILY, case_of, first_screen, meaning_of, named_work, tie_out_line, verdict_of
from keyaudit.coded import TEXT, Array, Coded, as_texts
from keyaudit.columns import KEYS
from keyaudit.plan import IN_BATCH, Letter, MigrationPlan
from keyaudit.report.sheets import Block, Column, Sheet
from keyaudit.report.writer import write_book
from keyaudit.rulebook import FAMILIES, LISTS, SEVERITIES, STATUSES, TERMS, WORKS
from keyaudit.tallies import NO_POOL, outlook
from keyaudit.words import away, plain, sentence, weekday

ALL_KEYS_UP_TO = 200_000  # beyond that only the keys that need action, unless all are asked for: keys.csv has them
LINE = 150  # signs of a line above the first list: as wide as the sheet on paper
DONE = ("done", "in progress", "not ours")
FORMS = {  # kind of a column → its names, with their widths in characters (0, or not named here: as header and cells need it)
    "key": {"training_key": 22, "lookalike": 22, "sha256": 68},
    "wrapped": {
        "next_step": 44, "message": 44, "remedy": 40, "where": 34, "sign_off": 44, "elsewhere": 24, "what_it_means": 26,
        "sheets": 20, "columns_used": 44, "columns_not_used": 26, "meaning": 110, "what": 90, "text": 90, "pool": 30,
        "name": 24, "course": 14, "organization": 16, "expiration": 24, "max_uses": 10, "content_availability": 13,
        "any_organization": 24, "now": 17, "former_key": 44,
    },
    "upright": dict.fromkeys(LISTS, 0),
    "input": {"done": 0, "note": 30, "signed_by": 18, "signed_on": 0, "new_key": 0},
    "text": {
        "reference": 34, "status": 20, "finding": 21, "evidence": 44, "source_file": 36, "source_sheet": 20,
        "role": 15, "word": 24, "what_happens": 34, "date": 12, "learner": 26,
        "login_page": 30,
    },
}  # fmt: skip
ONE_LINE = {"kind": "text"}
KIND = {name: kind for kind, names in FORMS.items() for name in names}
WIDTH = {name: width for names in FORMS.values() for name, width in names.items()}
KEYS_SHOWN = (
    "training_key", "status", "works", "works_until", "act_by", "next_step", "pool", "reference", "is_distributed",
    "redeemed_at", "course_key_expires_on", "uses_left", "lookalike", "damage", "evidence",
)  # fmt: skip
SHADE = {family: shade for family, (_, shade, _) in FAMILIES.items()}


def _looks(words: Iterable[str], families: Iterable[str]) -> dict[str, Any]:
    """Words of a column, each in the colour of its family."""
    return {"looks": {word: SHADE[family] for word, family in zip(words, families, strict=True)}}


LOOKS = {
    "works": _looks(map(plain, WORKS), ("works", "done", "unknown", "check", "dead")),
    "severity": _looks(SEVERITIES, ("dead", "todo", "check", "nothing", "done")),
}
NOW_LOOKS = _looks(GROUP_FAMILY, GROUP_FAMILY.values())["looks"]
# A status as a word, in the colour of its name; the column beside it says whether the key works.
STATUS_LOOKS = _looks(
    map(plain, STATUSES), ("check" if row.family == "dead" else row.family for row in STATUSES.values())
)


def _columns(table: Mapping[str, Any], **more: Mapping[str, Any]) -> list[Column]:
    """Columns by their names of ours: header, kind and width; or as they are."""

    def made(name: str, cells: Any) -> Column:
        choices = DONE if name == "done" else ()
        told = dict[str, Any](kind=_kind(name, cells), width=WIDTH.get(name, 0), choices=choices)
        return Column(sentence(plain(name)), cells, **(told | dict(more.get(name, {}))))

    return [cells if isinstance(cells, Column) else made(name, cells) for name, cells in table.items()]


def _kind(name: str, cells: Any) -> str:
    kind = KIND.get(name, "text")
    if kind in ("wrapped", "input", "upright"):
        return kind
    values = cells.values if isinstance(cells, Coded) else cells
    if isinstance(values, np.ndarray):
        return "date" if values.dtype.kind == "M" else "count" if values.dtype.kind in "if" else kind
    first = next((cell for cell in values if cell is not None), "") if isinstance(values, list) else ""
    return "date" if isinstance(first, (dt.date, np.datetime64)) else "count" if isinstance(first, int) else kind


def _table(rows: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """Rows as columns; what a row has not, or no date, is blank."""
    every = list(rows)
    return {name: [cell if (cell := row.get(name)) == cell else None for row in every] for name in names}


def _list(name: str, family: str, columns: list[Column], title: str = "", printed: str = "", **block: Any) -> Sheet:
    """A sheet of one list, which is an Excel table."""
    return Sheet(name, [Block(columns, table=f"{name}List", **block)], SHADE[family], title, printed)


def _to_fill(rows: int) -> dict[str, Any]:
    """Columns for a person to fill in."""
    return dict.fromkeys(("done", "note"), Coded.nothing(rows))


def _write(audit: Audit, path: Path, sheets: list[Sheet], title: str, kind: str) -> None:
    """Write a workbook; the name of the case stands at the foot of every page."""
    footer = f"{kind} · {audit.name[:40]}" if audit.name else kind
    write_book(path, sheets, title=title, created=audit.as_of, footer=footer)


# --- report.xlsx ---


def write_workbook(audit: Audit, sheets: list[Sheet], path: Path) -> int:
    """Write the workbook; returns the number of keys listed in it."""
    kind = "masked: no code in full, nobody named" if audit.is_masked else "contains redeemable keys"
    _write(audit, path, sheets, "Training key reconciliation", kind)
    return next(len(sheet.blocks[0]) for sheet in sheets if sheet.name == "Keys")


def report_sheets(audit: Audit, *, all_keys: bool = False) -> list[Sheet]:
    """The sheets of report.xlsx as data."""
    every = all_keys or audit.total <= ALL_KEYS_UP_TO
    rows = np.arange(audit.total) if every else np.flatnonzero(audit.key_columns["act_by"].filled)
    sheets = [_summary(audit, rows), _today(audit, rows), _pools(audit), _keys(audit, rows), _findings(audit, all_keys)]
    return [*sheets, _outlook(audit), _sources(audit), _dictionary()]


def _summary(audit: Audit, rows: Array) -> Sheet:
    """The first sheet: verdict, groups, statuses, answers, deadlines, sign-off."""
    colour, masked = SHADE[ACCENT[audit.verdict]], " · masked, to share" if audit.is_masked else ""
    name = f"{case_of(audit)} · " if audit.name else ""
    head = [
        (f"Training key reconciliation · {name}as of {weekday(audit.as_of)}{masked}", "mute"),
        (audit.headline, f"headline {colour}"),
        *((line, "text") for text in (verdict_of(audit), meaning_of(audit)) for line in wrap(text, LINE)),
        (PHASES[audit.phase], "text"),
        (f"{sentence(audit.deadline_sentence())}.", "mute"),
        *((line, "text") for text in audit.not_checked for line in wrap(f"Not checked: {text}", LINE)),
    ]

    def counted(numbers: Iterable[int]) -> tuple[Column, Column]:
        keys = np.array(list(numbers))
        return Column("Keys", keys, "count", 12), Column("Share of all", keys / max(audit.total, 1), "share", 13)

    groups = first_screen(audit)
    words, families = [group.words for group in groups], [group.family for group in groups]
    numbers, shares = counted(group.keys for group in groups)
    bars = [FAMILIES[family][0] for family in families]
    first = [Column("Today", words, "text", 26, **_looks(words, families)), numbers, shares]
    status = audit.key_columns["status"].codes[rows]
    places = {code: int(np.argmax(of)) for at, code in enumerate(STATUSES) if (of := status == at).any()}
    told = dict(sorted(audit.statuses.items(), key=lambda one: not one[1]))  # those of no key last
    links = [("Keys", places[code]) if code in places else None for code in told]
    statuses = [
        *(Column("Status", [plain(code) for code in told]), *counted(told.values())),
        Column("Go to", [f"{plain(code)} →" if code in places else "" for code in told], "link", links=links),
        Column("What it means", [STATUSES[code].when for code in told], "wrapped", 64, span=2),
    ]
    answered = np.array(list(audit.answer_counts.values()))
    answers = [
        Column("The four answers", list(audit.answer_counts)),
        *(Column(title, answered[:, at], "count") for at, title in enumerate(("Keys", "Certain"))),
        Column("Definition", list(rulebook.ANSWERS.values()), "wrapped", 84, span=3),
    ]
    dates = audit.calendar.deadlines()
    deadlines = [
        Column("Deadlines", [f"{label} ({weekday(date)[:3]})" for label, date in dates]),
        Column("Date", [date for _, date in dates], "date", 12),
        Column("Days", [away((date - audit.as_of).days) for _, date in dates]),
    ]
    to_sign = (Column(text, ["", ""], "input", width) for text, width in (("Name", 12), ("Date", 13)))
    made = f"Made by keyaudit {__version__} from {len(audit.source_rows)} files (sheet Sources): {tie_out_line(audit)}."
    blocks = [
        Block([*first, replace(shares, header="", width=20, bars=bars)], head),
        Block(statuses, total=[["all keys", audit.total, None, None, None, None]]),
        Block(answers),
        Block(deadlines),
        Block([Column("Sign-off", ["Prepared by", "Reviewed by"]), *to_sign], identity=("Sign-off",), row_height=24),
        Block(lines=[(made, "mute")]),
    ]
    return Sheet("Summary", blocks, colour, is_one_page=True)


def _today(audit: Audit, rows: Array) -> Sheet:
    """The work list; a line leads to the first of its keys, where that is listed."""
    place = np.full(audit.total, -1)
    place[rows] = np.arange(len(rows))
    firsts = [task.rows[0] for task in audit.work]
    links = [("Keys", int(place[row])) if place[row] >= 0 else None for row in firsts]
    now = [_now(audit, task.rows) for task in audit.work]
    looks = {told: look for name, look in reversed(NOW_LOOKS.items()) for told in now if name in told}  # of the worst
    table = {
        "act_by": [task.act_by for task in audit.work],
        "now": now,
        "status": [plain(task.status) for task in audit.work],
        "what_it_means": [sentence(named_work(audit, [task])[1]) for task in audit.work],
        "pool": [task.pool for task in audit.work],
        "keys": [task.keys for task in audit.work],
        "go_to": Column("Go to", ["keys →" if link else "" for link in links], "link", links=links),
        "next_step": [task.next_step for task in audit.work],
    }
    columns = _columns(table | _to_fill(len(firsts)), now={"looks": looks})
    identity = ("Act by", "Status", "Pool", "Next step")
    title = "What to do, the most urgent first; the words of the steps: sheet Dictionary"
    return _list("Today", "todo", columns, title, "Note", identity=identity)


def _now(audit: Audit, rows: Array) -> str:
    """The group of some keys, or of how many it is which."""
    held = [(name, number) for name, number in audit.groups_of(audit.order[rows]).items() if number]
    return held[0][0] if len(held) == 1 else ", ".join(f"{number:,} {name}" for name, number in held)


def _pools(audit: Audit) -> Sheet:
    """Every pool, then what is in no pool and the sum: plain values."""
    rows = [
        row.as_dict() | {"balanced": "yes" if row.balanced else "no", "stage": plain(row.stage)}
        for row in audit.pool_rows
    ]
    names = ["pool", "stage", "act_by", "keys", *STATUSES, "sign_off", "balanced", "signed_by", "signed_on"]
    names += ["in_backup", "only_later", "next_step", "course", "organization", "expires_on", "elsewhere"]
    columns = _columns(_table(rows, names), **{code: {"kind": "upright"} for code in STATUSES}, next_step=ONE_LINE)
    outside = {code: number - sum(row[code] for row in rows) for code, number in audit.statuses.items()}
    total = [
        [{"pool": name, "keys": sum(counts.values()), **counts}.get(column) for column in names]
        for name, counts in ((NO_POOL, outside), ("all keys", audit.statuses))
        if any(counts.values()) or counts is not outside
    ]
    title = "Every pool: stage, counts per status, sign-off"
    return _list("Pools", "works", columns, title, "Signed on", total=total, identity=("Pool",))


def _keys(audit: Audit, rows: Array) -> Sheet:
    title = f"Every key: {len(rows):,}"
    if len(rows) < audit.total:
        title = f"The {len(rows):,} keys that need action; the other {audit.total - len(rows):,} are in keys.csv"
    table = {name: audit.key_columns[name].take(rows) for name in KEYS_SHOWN} | _to_fill(len(rows))
    table |= {name: table[name].map(plain) for name in ("status", "works", "is_distributed")}
    pool = table["pool"]  # a step beside a blank cell would run over it
    table["pool"] = Coded(np.where(pool.filled, pool.codes, len(pool.values)), [*pool.listed(), NO_POOL])
    columns = _columns(table, status=STATUS_LOOKS, works=LOOKS["works"], next_step=ONE_LINE, pool=ONE_LINE)
    return _list("Keys", "dead", columns, title, "Reference", identity=("Training key", "Reference"))


def _findings(audit: Audit, all_keys: bool) -> Sheet:
    """The findings with a place for each: the key's reference, else the pool, else the file."""
    size = len(audit.finding_columns["key"])
    shown = size if all_keys else min(size, ALL_KEYS_UP_TO)
    title = "What a person must look at, worst first"
    if shown < size:
        title = f"The worst {shown:,} of {size:,} findings; the others are in findings.csv"
    part = {name: column.take(np.arange(shown)) for name, column in audit.finding_columns.items()}
    names = audit.key_columns["reference"].take(np.append(audit.places, -1)[part["key"]]).tolist()
    pools, files = (as_texts(part[name]).to_pylist() for name in ("pool", "source_file"))
    where = [name or pool or file or "the whole audit" for name, pool, file in zip(names, pools, files, strict=True)]
    table = {
        "severity": part["severity"],
        "finding": part["code"].map(plain),
        "where": pa.array(where, TEXT),
        **{name: part[name] for name in ("training_key", "message", "remedy")},
        **_to_fill(shown),
        **{name: part[name] for name in ("pool", "source_file", "source_sheet")},
        "source_row": np.where(part["source_row"] > 0, part["source_row"], np.nan),
    }
    columns, identity = _columns(table, severity=LOOKS["severity"]), ("Finding", "Where", "Message")
    return _list("Findings", "check", columns, title, "Note", identity=identity)


def _outlook(audit: Audit) -> Sheet:
    """Dates, what happens on each, how many codes would still work, by status; the same by pool."""
    dates, names, counts = outlook(audit.facts)
    label = {audit.as_of: "the day of the audit"} | {date: name for name, date in audit.calendar.deadlines()}
    stops = -np.diff(counts.sum(axis=1), prepend=counts[:1].sum())
    ends = [f"{number:,} stop working" if number > 0 else "" for number in stops.tolist()]
    happens = zip(map(label.get, dates), ends, strict=True)
    table = {
        "date": dates,
        "what_happens": ["; ".join(filter(None, told)) or "others start" for told in happens],
        "still_work": counts.sum(axis=1),
        **{name: counts[:, at] for at, name in enumerate(names) if counts[:, at].any()},
    }
    pools = audit.facts.pool_rows  # of a twin to share: with their own names
    _, names, by_pool = outlook(audit.facts, [row.pool for row in pools])
    same = {
        "pool": [*(row.pool for row in audit.pool_rows), *names[len(pools) :]],
        **{str(date): by_pool[at] for at, date in enumerate(dates)},
    }
    title = "Codes that would still work on each date, if nothing changes"
    below = Block(_columns(same), [("The same, pool by pool", "heading")], table="OutlookByPoolList")
    return Sheet("Outlook", [Block(_columns(table), table="OutlookList"), below], SHADE["works"], title)


def _sources(audit: Audit) -> Sheet:
    counts = ("rows_read", "keys", "repeats", "set_aside")
    names = ("source_file", "role", "sheets", *counts, "damaged", "columns_used", "columns_not_used", "sha256", "bytes")
    sums = {"source_file": "pools and course keys"} | {name: audit.tie_out_sums()[name] for name in counts}
    columns = _columns(_table((dict(row) | {"role": plain(row["role"])} for row in audit.source_rows), names))
    title, total = "Every file: rows read = keys + repeats + set aside", [[sums.get(name) for name in names]]
    return _list("Sources", "done", columns, title, "Columns not used", total=total)


def _dictionary() -> Sheet:
    told = {
        "step": TERMS,
        "verdict": rulebook.VERDICTS,
        "status": {code: f"{row.when} (rule: {rulebook.in_words(row.rule)})" for code, row in STATUSES.items()},
        "works": WORKS,
        "stage": rulebook.STAGES,
        "finding": {code: f"{row.what} {row.remedy[0]}".strip() for code, row in rulebook.FINDINGS.items()},
        "column": KEYS,
    }
    rows = [(kind, plain(word), meaning) for kind, of in told.items() for word, meaning in of.items()]
    table = dict(zip(("kind", "word", "meaning"), map(list, zip(*rows, strict=True)), strict=True))
    return _list("Dictionary", "nothing", _columns(table), "What the words mean")


# --- plan.xlsx ---


def write_plan_book(plan: MigrationPlan, audit: Audit, sheets: list[Sheet], path: Path) -> int:
    """Write plan.xlsx; returns the letters in it."""
    _write(audit, path, sheets, "Migration plan", "contains keys' endings and people's names")
    return len(plan.letters) + len(plan.reminder_letters)


def plan_sheets(plan: MigrationPlan) -> list[Sheet]:
    """Steps, batches, the sheets of a mail merge, words as data: headers in row 1, every cell text; an empty one is hidden."""
    steps = [step._asdict() | {"keys": step.keys or None} for step in plan.step_rows]
    told = _columns(_table(steps, ("pool", "step", "what", "keys", "done", "note")))
    title = "Pools with keys to recreate; what is to be deleted in others stands in the steps"
    sheets = [
        _list("Steps", "todo", told, identity=("Pool", "What")),
        _list("Batches", "works", _columns(_table(plan.batch_rows, IN_BATCH)), title),
    ]
    for name, letters in (("Reissue", plan.letters), ("Reminders", plan.reminder_letters)):
        columns = _columns(_table((letter._asdict() for letter in letters), Letter._fields))
        sheets.append(_list(name, "check", columns, printed="Works until", identity=("Learner", "Former key")))
    words = _columns({"word": list(TERMS), "meaning": list(TERMS.values())})
    shown = [replace(one, is_hidden=not len(one.blocks[0]) and one.name != "Steps") for one in sheets]
    return [*shown, _list("Words", "nothing", words)]
