"""Reports: every file of a report folder, written as one set or not at all. (DESIGN §4, §5)"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from keyaudit import __version__
from keyaudit.audit import Audit
from keyaudit.changes import read_former
from keyaudit.errors import UnreadableFile
from keyaudit.plan import migration_plan
from keyaudit.report import place
from keyaudit.report.files import STEPS, write_changes, write_findings, write_keys, write_lists, write_summary
from keyaudit.report.page import write_page
from keyaudit.report.sets import edited
from keyaudit.report.ticks import Ticks, read_ticks
from keyaudit.report.workbook import plan_sheets, report_sheets, write_plan_book, write_workbook
from keyaudit.share import masked

PLAN, BOOK, PLAN_BOOK, KEYS_FILE = "plan", "report.xlsx", "plan.xlsx", "keys.csv"
OPTIONS = {"fail_on": "error", "keep_going": False}  # what `keyaudit audit` does unless it is told otherwise
Progress = Callable[[str], None]


def former_keys(folder: Path) -> Path | None:
    """The keys.csv of the report that stands in a folder, if there is one that can be compared with."""
    try:
        read_former(folder / KEYS_FILE)
    except UnreadableFile:
        return None
    return folder / KEYS_FILE


def write_report(
    audit: Audit,
    path: str | Path,
    *,
    share: bool = False,
    all_keys: bool = False,
    options: dict[str, Any] | None = None,
    inputs: Iterable[Path] = (),
    progress: Progress = lambda _: None,
) -> Path:
    """Write report.xlsx, report.html, keys.csv, findings.csv, summary.json, plan/ and MANIFEST.json into a folder.

    `share` writes the masked twin of all of them: no code in full, no person, no plan. `all_keys` lists every key in the
    workbook however many there are. What changed since a former audit (audit.since) becomes changes.csv. `options` are named in the manifest.
    `progress` is told each file before it is written, and what a person must know of the folder.
    The set is written beside the folder, read back, and put in its place as a whole: a former report survives any crash.
    What somebody has ticked and noted in a former one is carried over; their own file is kept beside the new one.
    Same audit and options → same bytes. Raises KeyauditError where the folder cannot take a report.
    """
    shown = masked(audit) if share and not audit.is_masked else audit
    target, is_shared = Path(path), shown.is_masked
    kind = "share" if is_shared else "report"

    def write(folder: Path) -> dict[str, int]:
        notes = {} if is_shared else _notes(target / BOOK, report_sheets(shown, all_keys=all_keys))
        writers: dict[str, Callable[[Path], int]] = {
            BOOK: partial(write_workbook, shown, all_keys=all_keys, ticks=notes),
            "report.html": partial(write_page, shown),
            KEYS_FILE: partial(write_keys, shown),
            "findings.csv": partial(write_findings, shown),
            "summary.json": partial(write_summary, shown),
        }
        if audit.changes is not None and not is_shared:
            writers["changes.csv"] = partial(write_changes, audit.changes)
        rows = {}
        for name, write_file in writers.items():
            progress(f"writing {name}")
            rows[name] = write_file(folder / name)
        if is_shared:
            return rows
        (folder / PLAN).mkdir()
        return rows | {
            f"{PLAN}/{name}": count for name, count in _write_plan(shown, folder / PLAN, target / PLAN).items()
        }

    told = {**OPTIONS, **(options or {}), "share": share, "all_keys": all_keys}
    return place.write_set(path, kind, write, partial(_manifest, audit, told), inputs, progress)


def write_plan(audit: Audit, path: str | Path, inputs: Iterable[Path] = ()) -> Path:
    """Write the plan of the remaining work alone: steps.txt, plan.xlsx, the lists, deadlines.ics, MANIFEST.json."""
    manifest = partial(_manifest, audit, {"only": PLAN})
    return place.write_set(path, "plan", lambda folder: _write_plan(audit, folder, Path(path)), manifest, inputs)


def _write_plan(audit: Audit, folder: Path, former: Path) -> dict[str, int]:
    plan = migration_plan(audit)
    lines = write_lists(plan, audit, folder, _ticked(former / STEPS))
    notes = _notes(former / PLAN_BOOK, plan_sheets(plan))
    return {PLAN_BOOK: write_plan_book(plan, audit, folder / PLAN_BOOK, ticks=notes), **lines}


def _notes(book: Path, sheets: Any) -> Ticks:
    """What somebody has typed into a former workbook, if it was edited since it was written."""
    root = book.parent if book.name == BOOK else book.parent.parent
    folders = [folder for folder in (root, book.parent) if any(file == book for file in edited(folder))]
    return read_ticks(book, sheets) if folders else {}


def _ticked(steps: Path) -> set[tuple[str, str]]:
    """Pool and text of the steps that somebody has ticked in a former steps.txt."""
    try:
        lines = steps.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    found, pool = set(), ""
    for at, line in enumerate(lines):
        if at + 1 < len(lines) and line and set(lines[at + 1]) == {"-"}:
            pool = line
        elif match := re.match(r"\[\s*[^\s\]]+\s*\] \d+\. (.*)", line):
            found.add((pool, match[1]))
    return found


def _manifest(audit: Audit, options: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    calendar = audit.calendar
    names = {"role": "role", "file": "source_file", "sha256": "sha256", "bytes": "bytes", "rows": "rows_read"}
    return {
        "tool": f"keyaudit {__version__}",
        "case": audit.name,
        "as_of": audit.as_of.isoformat(),
        "calendar": {name: getattr(calendar, name).isoformat() for name in calendar.__dataclass_fields__},
        "options": options,
        "inputs": [{name: row[column] for name, column in names.items()} for row in audit.source_rows],
        "outputs": outputs,
    }
