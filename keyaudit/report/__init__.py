"""Reports: every file of a report folder, written as one set or not at all. (DESIGN §4, §5)"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from keyaudit import __version__
from keyaudit.columns import FINDINGS, KEYS, as_arrow, as_one, as_text, distinct_texts
from keyaudit.errors import KeyauditError
from keyaudit.plan import migration_plan
from keyaudit.reconciliation import Reconciliation
from keyaudit.report.bigsheet import made_ahead
from keyaudit.report.lists import write_lists
from keyaudit.report.page import write_page
from keyaudit.report.workbook import write_workbook
from keyaudit.share import masked

MANIFEST, PLAN = "MANIFEST.json", "plan"
CHUNK = 20_000  # rows turned into text at a time
OPTIONS = {"fail_on": "error", "keep_going": False}  # what `keyaudit audit` does unless it is told otherwise


def write_report(
    audit: Reconciliation,
    path: str | Path,
    *,
    share: bool = False,
    all_keys: bool = False,
    changes: pd.DataFrame | None = None,
    options: dict[str, Any] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write report.xlsx, report.html, keys.csv, findings.csv, summary.json, plan/ and MANIFEST.json into a folder.

    `share` writes the masked twin of all of them: no code in full, no person, no plan. `all_keys` lists every key in the
    workbook however many there are. `changes` (from `audit.changes_since`) become changes.csv. `options` are named in the
    manifest. `progress` is told each file before it is written.
    The set is written beside the folder, read back, and put in its place as a whole: a former report survives any crash.
    Same audit and options → same bytes. Raises KeyauditError where the folder cannot take a report.
    """

    def write(folder: Path) -> dict[str, int]:
        shown = masked(audit) if share and not audit.is_masked else audit
        writers = FILES | ({"report.xlsx": partial(write_workbook, all_keys=True)} if all_keys else {})
        rows = {}
        for name, write_file in writers.items():
            progress(f"writing {name}")
            rows[name] = write_file(shown, folder / name)
        if shown.is_masked:
            return rows
        if changes is not None:
            rows["changes.csv"] = _write_csv(changes, folder / "changes.csv")
        (folder / PLAN).mkdir()
        lists = write_lists(migration_plan(shown), folder / PLAN)
        return rows | {f"{PLAN}/{name}": count for name, count in lists.items()}

    return _write_set(audit, path, write, {**OPTIONS, **(options or {}), "share": share, "all_keys": all_keys})


def write_plan(audit: Reconciliation, path: str | Path) -> Path:
    """Write the plan of the remaining work alone: steps.txt, plan.xlsx, the lists, MANIFEST.json; else as `write_report`."""
    return _write_set(audit, path, lambda folder: write_lists(migration_plan(audit), folder), {"only": PLAN})


def _write_set(
    audit: Reconciliation, path: str | Path, write: Callable[[Path], dict[str, int]], options: dict[str, Any]
) -> Path:
    """Let `write` fill a folder beside the target, verify it, add the manifest, and put it in place as a whole."""
    target = Path(path).resolve()
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        rows = write(beside)
        for name, count in rows.items():
            _verify(beside / name, count)
        _write_manifest(audit, beside, rows, options)
        beside.chmod(0o755)
        _put_in_place(beside, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Path(path)


def check_target(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a report folder that is a file, holds exports, or holds other things than a report."""
    target = Path(path).resolve()
    if target.exists() and not target.is_dir():
        raise KeyauditError(f"{path} is a file. --out needs a folder.")
    for folder in inputs:
        if target == folder.resolve() or target in folder.resolve().parents:
            raise KeyauditError(
                f"{path} holds the exports of the case: a report must not be mixed with them. Choose another --out."
            )
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise KeyauditError(
            f"{path} is not empty and holds no report of keyaudit. Choose another --out, or empty it first."
        )
    parent = next(folder for folder in target.parents if folder.exists())
    if not os.access(parent, os.W_OK):
        raise KeyauditError(
            f"{path}: cannot write into {parent.name or parent}. Check the rights, or choose another --out."
        )


def _put_in_place(beside: Path, target: Path) -> None:
    """Two renames. What else lay in the folder moves along; what the former report wrote is removed last."""
    former = beside.with_name(f"{beside.name}-former")
    had_former = target.exists()
    if had_former:
        target.rename(former)
    try:
        beside.rename(target)
    except BaseException:
        if had_former:
            former.rename(target)
        raise
    if had_former:
        ours = _written_by(former) | {path.name for path in target.iterdir()}
        for entry in former.iterdir():
            if entry.name not in ours:
                entry.rename(target / entry.name)
        shutil.rmtree(former, ignore_errors=True)


def _written_by(folder: Path) -> set[str]:
    """Files and folders of a former report: a twin to share must not keep its paste lists."""
    try:
        outputs = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["outputs"]
        return {Path(name).parts[0] for name in outputs}
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return set()


def _write_csv(table: pd.DataFrame, path: Path) -> int:
    """UTF-8, no BOM, machine format. CRLF, so that a lone CR inside a code is quoted too."""

    def rows_from(start: int) -> pa.Buffer:
        part = table.iloc[start : start + CHUNK]
        rows = pc.binary_join_element_wise(*(_fields(part[name]) for name in part), _text(","))
        return as_one(pc.binary_join_element_wise(rows, _text("\r\n"), _text("")))

    with path.open("wb") as file:
        file.write((",".join(table.columns) + "\r\n").encode())
        for rows in made_ahead(rows_from, range(0, len(table), CHUNK)):
            file.write(rows)
    return len(table)


def _fields(column: pd.Series) -> pa.Array:
    """The fields of a column; those that hold a comma, a quote or the end of a line stand in quotes."""
    told = distinct_texts(column)
    texts = as_arrow(as_text(column) if told is None else told[1])
    odd = pc.match_substring_regex(texts, r'[",\r\n]')
    if pc.any(odd).as_py():
        quoted = pc.binary_join_element_wise(_text('"'), pc.replace_substring(texts, '"', '""'), _text('"'), _text(""))
        texts = pc.if_else(odd, quoted, texts)
    return texts if told is None else texts.take(pa.array(told[0]))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _write_keys(audit: Reconciliation, path: Path) -> int:
    return _write_csv(audit.keys[list(KEYS)], path)


def _write_findings(audit: Reconciliation, path: Path) -> int:
    findings = audit.findings.assign(source_row=audit.findings["source_row"].astype("str").replace("0", ""))
    return _write_csv(findings[list(FINDINGS)], path)


def _write_summary(audit: Reconciliation, path: Path) -> int:
    path.write_text(json.dumps(audit.as_summary(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1


FILES: dict[str, Callable[[Reconciliation, Path], int]] = {
    "report.xlsx": write_workbook,
    "report.html": write_page,
    "keys.csv": _write_keys,
    "findings.csv": _write_findings,
    "summary.json": _write_summary,
}


def _verify(path: Path, rows: int) -> None:
    """Read a written file back: the disk may be full, a writer may be wrong."""
    if path.suffix == ".csv":
        found = _rows_of(path)
        if found != rows:
            raise KeyauditError(
                f"{path.name}: {rows:,} rows were written, {found:,} read back. The former report was kept."
            )
    elif path.suffix == ".txt":
        if path.read_bytes().count(b"\n") != rows:
            raise KeyauditError(f"{path.name} did not read back as written. The former report was kept.")
    elif path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise KeyauditError(f"{path.name} did not read back as written. The former report was kept.")


def _rows_of(path: Path) -> int:
    """The rows of a CSV file, -1 where it cannot be read."""
    with path.open(encoding="utf-8") as file:
        names = file.readline().rstrip().split(",")
    try:
        with arrow_csv.open_csv(
            path,
            read_options=arrow_csv.ReadOptions(block_size=1 << 20, use_threads=False),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=arrow_csv.ConvertOptions(include_columns=names[:1], column_types={names[0]: pa.string()}),
        ) as reader:
            return sum(batch.num_rows for batch in reader)
    except pa.ArrowInvalid:
        return -1


def _write_manifest(audit: Reconciliation, folder: Path, rows: dict[str, int], options: dict[str, Any]) -> None:
    calendar = audit.calendar
    outputs = {}
    for name in rows:
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            outputs[name] = {"sha256": digest, "bytes": file.tell(), "rows": rows[name]}
    sources = audit.sources[["role", "source_file", "sha256", "bytes", "rows_read"]].rename(
        columns={"source_file": "file", "rows_read": "rows"}
    )
    manifest = {
        "tool": f"keyaudit {__version__}",
        "as_of": audit.as_of.isoformat(),
        "calendar": {name: getattr(calendar, name).isoformat() for name in calendar.__dataclass_fields__},
        "options": options,
        "inputs": sources.to_dict("records"),
        "outputs": outputs,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
