"""What a set of files is: its manifest, what of it reads back as written, what somebody has edited, what is not of it."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keyaudit.errors import KeyauditError

MANIFEST = "MANIFEST.json"
KINDS = {"report": "a report", "plan": "a plan", "share": "a report to share"}
WITHOUT_CODES = (".html", ".json", ".ics")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a set of ours, None where there is none."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError):
        return None
    outputs = told.get("outputs") if isinstance(told, dict) and str(told.get("tool")).startswith("keyaudit ") else None
    if not isinstance(outputs, dict) or not all(isinstance(one, dict) for one in outputs.values()):
        return None
    is_inside = all(not Path(name).is_absolute() and ".." not in Path(name).parts for name in outputs)
    return dict(told) if is_inside else None


def outputs_of(folder: Path) -> dict[str, dict[str, Any]]:
    """What the manifest of a set says of each of its files."""
    return dict((read_manifest(folder) or {}).get("outputs", {}))


def kind_of(manifest: dict[str, Any]) -> str:
    """Which of KINDS a set is; before 0.2 its options said so."""
    options = manifest.get("options")
    told = options if isinstance(options, dict) else {}
    former = "plan" if told.get("only") == "plan" else "share" if told.get("share") else "report"
    kind = str(manifest.get("kind"))
    return kind if kind in KINDS else former


def edited(path: str | Path) -> list[Path]:
    """The files of a set that somebody has edited since it was written."""
    folder, found = Path(path), []
    for name, told in outputs_of(folder).items():
        file = folder / name
        if file.is_file() and not file.is_symlink():
            seen, written = file.stat(), (folder / MANIFEST).stat()
            if seen.st_size != told.get("bytes") or (
                seen.st_mtime_ns >= written.st_mtime_ns and _digest(file) != told.get("sha256")
            ):
                found.append(file)
    return found


def foreign(path: str | Path) -> list[Path]:
    """The files in the folder of a set that are not of the set."""
    ours = {MANIFEST, *outputs_of(Path(path))}
    return [one for one in below(Path(path)) if not one.is_dir() and one.relative_to(path).as_posix() not in ours]


def below(folder: Path) -> Iterator[Path]:
    """Everything in a folder, not what lies behind links."""
    for entry in sorted(folder.iterdir()):
        yield entry
        if entry.is_dir() and not entry.is_symlink():
            yield from below(entry)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def secured(folder: Path, name: str, rows: int, kind: str) -> dict[str, Any]:
    """Verify a written file, close it to others if it may hold codes, force it onto the disk; what the manifest says of it."""
    path = folder / name
    found = _rows_of(path)
    if found is not None and found != rows:
        told = f"{rows:,} rows were written, {max(found, 0):,} read back"
        raise KeyauditError(f"{name}: {told}. The former report was kept.")
    if kind != "share" and path.suffix not in WITHOUT_CODES and os.name == "posix":
        path.chmod(path.stat().st_mode & 0o600)
    return {**forced(path), "rows": rows}


def _rows_of(path: Path) -> int | None:
    """The rows of a file that was written: -1 where it cannot be read, None where rows are not to be counted."""
    if path.suffix == ".xlsx":
        try:
            with zipfile.ZipFile(path) as archive:
                return None if archive.testzip() is None else -1
        except zipfile.BadZipFile:
            return -1
    if path.suffix == ".txt":
        return path.read_bytes().count(b"\n")
    if path.suffix != ".csv":
        return None if path.stat().st_size else -1
    import pyarrow as pa
    from pyarrow import csv

    with path.open(encoding="utf-8") as file:
        first = file.readline().rstrip().partition(",")[0]
    pieces = csv.ReadOptions(block_size=1 << 20, use_threads=False)
    lines = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    column = csv.ConvertOptions(include_columns=[first], column_types={first: pa.string()})
    try:
        with csv.open_csv(path, pieces, lines, column) as reader:
            return int(sum(batch.num_rows for batch in reader))
    except pa.ArrowInvalid:
        return -1


def forced(path: Path) -> dict[str, Any]:
    """Force a file onto the disk; its digest and size."""
    with path.open("rb+") as file:
        told = {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": file.tell()}
        os.fsync(file.fileno())
    return told
