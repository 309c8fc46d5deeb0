"""Reports: every file of a report folder, written as one set or not at all. (DESIGN §4, §5)"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
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
from keyaudit.report.sets import edited, read_manifest
from keyaudit.report.sheets import Sheet, read_ticks, with_ticks
from keyaudit.report.workbook import plan_sheets, report_sheets, write_plan_book, write_workbook
from keyaudit.share import masked

PLAN, BOOK, PLAN_BOOK, KEYS_FILE = "plan", "report.xlsx", "plan.xlsx", "keys.csv"
OPTIONS = {"fail_on": "error", "keep_going": False}  # what `keyaudit audit` does unless it is told otherwise
Progress = Callable[[str], None]


def former_keys(folder: Path) -> dict[str, Any] | None:
    """The keys of the report that stands in a folder, if there is one that can be compared with."""
    try:
        return read_former(folder / KEYS_FILE)
    except UnreadableFile:
        return None


def write_report(
    audit: Audit,
    path: str | Path,
    *,
    share: bool = False,
    all_keys: bool = False,
    options: dict[str, Any] | None = None,
    progress: Progress = lambda _: None,
    tell: Progress | None = None,
) -> Path:
    """Write report.xlsx, report.html, keys.csv, findings.csv, summary.json, plan/ and MANIFEST.json into a folder.

    `share` writes the masked twin of all of them: no code in full, no person, no plan. `all_keys` lists every key in the
    workbook however many there are. What changed since a former audit (audit.since) becomes changes.csv. `options` are named in the manifest.
    `progress` is told each file before it is written, `tell` (else `progress`) what a person must know of the folder.
    The set is written beside the folder, read back, and put in its place as a whole: a former report survives any crash.
    What somebody has ticked and noted in a former one is carried over; their own file is kept beside the new one.
    Same audit and options → same bytes. Raises KeyauditError where the folder cannot take a report.
    """
    shown = masked(audit) if share and not audit.is_masked else audit
    target, is_shared, carried = Path(path), shown.is_masked, dict[str, int]()
    seen = shown.seen  # of what is not marked secret

    def write_book(file: Path) -> int:
        sheets = report_sheets(shown, all_keys=all_keys)
        return write_workbook(shown, sheets if is_shared else _with_notes(target, BOOK, sheets, carried), file)

    def write(folder: Path) -> Iterator[tuple[str, int]]:
        writers: dict[str, Callable[[Path], int]] = {  # the largest first: it is read back beside the others
            KEYS_FILE: partial(write_keys, shown),
            BOOK: write_book,
            "report.html": partial(write_page, seen, to_share=is_shared),
            "findings.csv": partial(write_findings, shown),
            "summary.json": partial(write_summary, seen),
        }
        if shown.changes is not None:
            writers["changes.csv"] = partial(write_changes, shown, shown.changes)
        for name, write_file in writers.items():
            progress(f"writing {name}")
            yield name, write_file(folder / name)
        if not is_shared:
            (folder / PLAN).mkdir()
            yield from _write_plan(shown, folder, target, f"{PLAN}/", carried)

    told = {**OPTIONS, **(options or {}), "share": share, "all_keys": all_keys}
    kind, manifest = "share" if is_shared else "report", partial(_manifest, seen, told, carried)
    return place.write_set(path, kind, write, manifest, tell or progress)


def write_plan(audit: Audit, path: str | Path, tell: Progress = lambda _: None) -> Path:
    """Write the plan of the remaining work alone: steps.txt, plan.xlsx, the lists, deadlines.ics, MANIFEST.json.

    `tell` is told what a person must know of the folder.
    """
    carried: dict[str, int] = {}
    write = partial(_write_plan, audit, former=Path(path), within="", carried=carried)
    return place.write_set(path, "plan", write, partial(_manifest, audit.seen, {"only": PLAN}, carried), tell)


def _write_plan(
    audit: Audit, new: Path, former: Path, within: str, carried: dict[str, int]
) -> Iterator[tuple[str, int]]:
    """Write the plan into a folder of a new set, with what somebody has ticked and noted in the former one."""
    plan, book = migration_plan(audit), f"{within}{PLAN_BOOK}"
    lines = write_lists(plan, audit, new / within, _ticked(former / within / STEPS))
    sheets = _with_notes(former, book, plan_sheets(plan), carried)
    rows = {PLAN_BOOK: write_plan_book(plan, audit, sheets, new / book), **lines}
    return ((f"{within}{name}", count) for name, count in rows.items())


def _with_notes(former: Path, name: str, sheets: list[Sheet], carried: dict[str, int]) -> list[Sheet]:
    """Sheets with what somebody has typed into a workbook of a former set; `carried`: workbook → how many notes it is given."""
    book, told = former / name, (read_manifest(former) or {}).get("notes", {})
    if not book.is_file() or not (name in told or book in edited(former)):
        return sheets
    if notes := read_ticks(book, sheets):
        carried[name] = len(notes)
    return with_ticks(sheets, notes)


def _ticked(steps: Path) -> list[tuple[str, str]]:
    """Pool and text of the steps that somebody has ticked in a former steps.txt."""
    try:
        lines = steps.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return []
    found, pool = [], ""
    for line, below in pairwise([*lines, ""]):
        if line and below and set(below) == {"-"}:
            pool = line
        elif match := re.match(r"\[\s*[^\s\]]+\s*\] \d+\. (.*)", line):
            found.append((pool, match[1]))
    return found


def _manifest(audit: Audit, options: dict[str, Any], notes: dict[str, int], outputs: dict[str, Any]) -> dict[str, Any]:
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
        "notes": notes,
    }
