"""The files of a report for other programs: keys.csv, findings.csv, summary.json; and the plan's text files. (DESIGN §4)"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.audit import Audit
from keyaudit.card import case_of
from keyaudit.changes import CHANGES, Changes
from keyaudit.coded import TEXT, Coded, Numbered, as_texts, beside, signs_of, values_of
from keyaudit.columns import FINDINGS
from keyaudit.facts import alike
from keyaudit.masking import one_line
from keyaudit.plan import MigrationPlan
from keyaudit.report.sets import Counted
from keyaudit.rulebook import LISTS, TOLD_TERMS
from keyaudit.words import count, listed, weekday

CHUNK = 20_000  # rows turned into text at a time
STEPS = "steps.txt"
BLANKS = re.compile(
    r"(?<=left out )[^,]*(?=, pasted )|(?<=, pasted )[^,]*(?=, appeared )|(?<=, appeared )[^.]*(?=\. As)"
)
ICS_HEAD = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//keyaudit//deadlines//EN", "CALSCALE:GREGORIAN")


def write_keys(audit: Audit, path: Path) -> int:
    """keys.csv: one row per key, the most urgent first."""
    return _write_csv(audit.key_columns, path)


def write_findings(audit: Audit, path: Path) -> int:
    """findings.csv: one row per finding, worst first; a row number of 0 is none."""
    columns = {name: audit.finding_columns[name] for name in FINDINGS}
    rows = as_texts(columns["source_row"])
    return _write_csv(columns | {"source_row": pc.if_else(pc.equal(rows, "0"), "", rows)}, path)


def write_summary(audit: Audit, path: Path) -> int:
    """summary.json: the counts."""
    path.write_text(json.dumps(audit.as_summary(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    return 1


def write_changes(audit: Audit, changes: Changes, path: Path) -> int:
    """changes.csv: one row per key that changed since a former audit."""
    rows = [[audit.hide(text) for text in row] for row in changes.rows]
    return _write_csv({name: pa.array([row[at] for row in rows], TEXT) for at, name in enumerate(CHANGES)}, path)


def _write_csv(columns: Mapping[str, Any], path: Path) -> int:
    """UTF-8, no BOM, machine format. CRLF, so that a lone CR inside a code is quoted too."""
    crc = 0
    with path.open("wb") as file:
        for piece in _pieces(columns, size := len(next(iter(columns.values())))):
            file.write(piece)
            crc = zlib.crc32(piece, crc)
    return Counted(size, crc)


def _pieces(columns: Mapping[str, Any], size: int) -> Iterator[Any]:
    """The bytes of a CSV file, some thousand rows at a time."""
    parts: list[Callable[[slice], Any]] = []
    for is_coded, beside_each_other in groupby(columns.values(), key=lambda column: isinstance(column, Coded)):
        some = list(beside_each_other)
        parts += [_of_few(some)] if is_coded else map(_of_many, some)
    yield (",".join(columns) + "\r\n").encode()
    for first in range(0, size, CHUNK):
        *fields, last = (texts(slice(first, first + CHUNK)) for texts in parts)
        yield signs_of(beside(*fields, beside(last, "\r\n"), between=","))


def _of_few(columns: list[Coded]) -> Callable[[slice], Any]:
    """The fields of some rows of columns beside each other, all with few values: each combination is joined once."""
    every = [_quoted(values_of(column)) for column in columns]

    def fields(some: slice) -> Any:
        first, place, _ = alike(*(column.codes[some] for column in columns))
        codes = (column.codes[some][first] for column in columns)
        parts = (texts.take(pa.array(own + 1)) for texts, own in zip(every, codes, strict=True))
        return beside(*parts, between=",").take(pa.array(place))

    return fields


def _of_many(column: Any) -> Callable[[slice], Any]:
    """The fields of numbers or texts; of names with the number of a row, in quotes for the comma, each name is written once."""
    if not isinstance(column, Numbered):
        return lambda some: _quoted(as_texts(column[some]))
    names = values_of(column.name)
    quoted = beside('"', pc.replace_substring(names, '"', '""'), ", row ")
    alone = _quoted(names)

    def fields(some: slice) -> Any:
        codes, rows = pa.array(column.name.codes[some] + 1), column.row[some]
        numbered = beside(quoted.take(codes), pa.array(rows).cast(TEXT), '"')
        return numbered if (rows >= 0).all() else pc.if_else(pa.array(rows < 0), alone.take(codes), numbered)

    return fields


def _quoted(texts: Any) -> Any:
    """Texts, in quotes where they need it."""
    written = bytes(signs_of(texts))
    if not any(sign in written for sign in b'",\r\n'):
        return texts
    odd = pc.match_substring_regex(texts, r'[",\r\n]')
    doubled = pc.replace_substring(texts, '"', '""') if b'"' in written else texts
    return pc.if_else(odd, beside('"', doubled, '"'), texts)


# --- the plan ---


def write_lists(
    plan: MigrationPlan, audit: Audit, folder: Path, ticked: Collection[tuple[str, str]] = ()
) -> dict[str, int]:
    """The plan's text files: steps to tick off, one list per pool and purpose, the deadlines; returns the lines of each.

    `ticked`: pool and text of steps that are ticked already. Lists: UTF-8, no BOM, one code a line, LF.
    """
    lines: dict[str, int] = {}
    names: dict[tuple[str, str], str] = {}
    for number, pool in enumerate(dict.fromkeys(step.pool for step in plan.step_rows), start=1):
        for what in LISTS:
            if codes := plan.codes(pool, what):
                names[pool, what] = name = f"{number:02d} {slug(audit.seen.hide(pool))} - {what}.txt"
                lines[name] = _write_lines(folder / name, codes)
    lines[STEPS] = _write_lines(folder / STEPS, _told(audit, plan, names, ticked))
    lines["deadlines.ics"] = _write_lines(folder / "deadlines.ics", _calendar(audit.seen), "\r\n")
    return lines


def _write_lines(path: Path, lines: list[str], end: str = "\n") -> int:
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode())
    return len(lines)


def slug(name: str) -> str:
    """A file name every system takes; a name that loses something on the way gets four signs of its own."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return short if short == name else f"{short or 'pool'}-{hashlib.sha256(name.encode()).hexdigest()[:4]}"


def _told(
    audit: Audit, plan: MigrationPlan, names: dict[tuple[str, str], str], ticked: Collection[tuple[str, str]]
) -> list[str]:
    """The steps as a text to print and tick off; what was ticked and is no step any more stands at its end."""
    lines = [
        f"{f'{case_of(audit)} · ' if audit.name else ''}Migration plan as of {weekday(audit.as_of)}",
        plan.title,
        *plan.warnings,
        "These files hold codes that can be redeemed: do not send them on; give a learner only their own code.",
        f"The deadlines: {listed([f'{label.lower()} {weekday(day)}' for label, day in audit.calendar.deadlines()])}.",
        *TOLD_TERMS,
    ]
    lines += ["Made from these exports:", *(f"  {text}" for text in plan.made_from)]
    pool = None
    done = {(of, BLANKS.sub("___", text)): text for of, text in ticked}  # without what was written into a step's blanks
    for step in plan.step_rows:
        if step.pool != pool:
            pool = step.pool
            lines += ["", pool, "-" * min(len(pool), 80)]
        text = one_line(f"{step.what}{f' ({count(step.keys)})' if step.keys else ''}")
        own = done.pop((one_line(pool), text), "")
        lines.append(f"[{'x' if own else ' '}] {step.step}. {own or text}")
        lines += [f"       {names[pool, what]}" for what in LISTS if f"`{what}`" in step.what and (pool, what) in names]
    if done:
        lines += [
            "",
            "Ticked in the former steps, and no step now:",
            *(f"  {of}: {text}" for (of, _), text in done.items()),
        ]
    return [one_line(line) for line in lines]


def _calendar(audit: Audit) -> list[str]:
    """The deadlines to come, and the day by which each pool's keys need action, for a calendar program."""
    days = [
        (date, f"Training Key Pools: {label.lower()}", label)
        for label, date in audit.calendar.deadlines()
        if date >= audit.as_of
    ]
    for row in audit.pool_rows:
        if row.act_by is not None:
            days.append((row.act_by, f"{row.pool}: keys need action (plan/{STEPS})", row.pool))
    lines = list(ICS_HEAD)
    for date, text, name in days:
        uid = hashlib.sha256(f"{audit.name}{name}".encode()).hexdigest()[:20]
        lines += ["BEGIN:VEVENT", f"UID:{uid}@keyaudit", f"DTSTAMP:{audit.as_of:%Y%m%d}T000000Z"]
        lines += [f"DTSTART;VALUE=DATE:{date:%Y%m%d}", f"DTEND;VALUE=DATE:{date + dt.timedelta(days=1):%Y%m%d}"]
        lines += [*_wrapped("SUMMARY:" + re.sub(r"([,;\\])", r"\\\1", one_line(text))), "END:VEVENT"]
    return [*lines, "END:VCALENDAR"]


def _wrapped(line: str) -> list[str]:
    """A line of at most 75 bytes, and its continuations."""
    parts, part = [], ""
    for sign in line:
        if len((part + sign).encode()) > 74:
            parts.append(part)
            part = " "
        part += sign
    return [*parts, part]
