"""What a set of files is: its manifest, what of it reads back as written, what somebody has edited, what is not of it."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
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
                seen.st_mtime_ns >= written.st_mtime_ns and _read(file)[0] != told.get("sha256")
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


class Counted(int):
    """The rows of a file, and the CRC-32 of all that was written of it."""

    crc: int

    def __new__(cls, rows: int, crc: int) -> Counted:  # noqa: D102
        told = super().__new__(cls, rows)
        told.crc = crc
        return told


def _read(path: Path) -> tuple[str, int]:
    """The digest and the CRC-32 of a file."""
    digest, crc = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
            crc = zlib.crc32(piece, crc)
    return digest.hexdigest(), crc


def secured(folder: Path, name: str, rows: int, kind: str) -> dict[str, Any]:
    """Verify a written file, close it to others if it may hold codes, force it onto the disk; what the manifest says of it."""
    path = folder / name
    digest, crc = _read(path)
    if not _is_sound(path, rows, crc):
        told = f"{rows:,} rows were written, and did not read back as written"
        raise KeyauditError(f"{name}: {told}. The former report was kept.")
    if kind != "share" and path.suffix not in WITHOUT_CODES and os.name == "posix":
        path.chmod(path.stat().st_mode & 0o600)
    return {"sha256": digest, "bytes": forced(path), "rows": int(rows)}


def _is_sound(path: Path, rows: int, crc: int) -> bool:
    """Is a file what was written? By its sum, where its writer has made one; a text has a line a row, a workbook sums of its own."""
    if isinstance(rows, Counted):
        return rows.crc == crc
    if path.suffix == ".xlsx":
        try:
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        except zipfile.BadZipFile:
            return False
    if path.suffix == ".txt":
        return path.read_bytes().count(b"\n") == rows
    return path.suffix != ".csv" and path.stat().st_size > 0


def forced(path: Path) -> int:
    """Force a file onto the disk; its size."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return file.seek(0, os.SEEK_END)
