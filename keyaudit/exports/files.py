"""Files → grids: which are read, what each really is, and how many are read ahead of time. (CATALOGUE §2, HAZARDS A)"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from keyaudit.columns import aliases, fold_header
from keyaudit.errors import KeyauditError, UnreadableFile
from keyaudit.exports.grid import Grid
from keyaudit.exports.names import natural
from keyaudit.exports.records import FileOptions
from keyaudit.exports.sheets import worksheets
from keyaudit.exports.texts import BOM, MARKS, text_grid

SUFFIXES = (".xlsx", ".xlsm", ".csv", ".tsv", ".txt", ".tab")  # always read
UNFINISHED = (".crdownload", ".part", ".partial", ".download", ".opdownload", ".filepart")
DOCUMENTS = (  # texts that hold no table
    *(".md", ".rst", ".tex", ".html", ".htm", ".mht", ".xml", ".json", ".rtf", ".eml", ".ics", ".svg", ".url", ".ini"),
    *(".toml", ".yaml", ".yml", ".cfg", ".py", ".ipynb", ".js", ".css", ".sql", ".sh", ".bat", ".ps1", ".webloc"),
)
KINDS = (  # how a file begins (small letters) → what it is
    (rb"%pdf", "a PDF"),
    (rb"\{\\rtf", "a Rich Text document"),
    (rb"<\?xml|<\?mso", "an XML file"),
    (rb"<[!a-z/]", "a web page"),
    (rb"mime-version:", "a web archive"),
    (rb"(?:\{|\[[\s\[]*\{)\s*[\"}]|\[\s*(?:[\"\[]|\])", "a JSON file"),
    (rb"\x1f\x8b", "a compressed (gzip) file"),
    (rb"id;p[^\n]*\n(?:[^\n]*\n)*?c;", "a SYLK file"),
)
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")
LOOK = 1 << 16  # bytes by which a file is judged
SAVE = "Open it in Excel or LibreOffice and save it as .xlsx."

T = TypeVar("T")
Paths: TypeAlias = str | Path | Iterable[str | Path]

WORKERS = min(2, os.cpu_count() or 1)
WAITING = 4  # files that are read, or being read, before they are asked for: each lies in memory


@dataclass
class SourceFile:
    """A file as read: its name in messages, its fingerprint, its grids, and what is unusual about it."""

    label: str
    sha256: str
    size: int
    grids: list[Grid]
    notes: list[str] = field(default_factory=list)


def why_not_read(path: Path) -> str:
    """Why a file is passed over; "" for one that is to be read."""
    name, suffix = path.name.lower(), path.suffix.lower()
    by_name = (
        (name.startswith(("~$", ".~lock")), "is the lock file of a program that has a file open"),
        (name.startswith("."), "is a hidden file"),
        (suffix in UNFINISHED, "is a download that was not finished"),
        (suffix in SUFFIXES, ""),
        (suffix in DOCUMENTS, "is a document, not an export"),
    )
    if whys := [why for holds, why in by_name if holds]:
        return whys[0]
    try:
        with path.open("rb") as file:
            head = file.read(LOOK)
    except OSError:
        return ""  # why it cannot be opened is said when it is
    found = _begins(head)
    if not head:
        found = "empty"
    elif head.startswith(ZIP):
        found = "an archive or a workbook. If it is an Excel workbook, give it the suffix .xlsx"
    elif head.startswith(OLE):
        found = f"a legacy .xls workbook or Office document. {SAVE}"
    elif not found and not head.startswith(tuple(mark for mark, _ in MARKS)) and NO_TEXT.search(head):
        found = "neither a workbook nor a text"
    return f"is {found}" if found else ""


def _begins(head: bytes) -> str:
    head = head[:4096].lstrip(BOM + b" \r\n\t").lower()
    return next((what for pattern, what in KINDS if re.match(pattern, head)), "")


def files_of(paths: Paths) -> list[Path]:
    """The data files meant by a file, a list, a pattern or a folder, in natural order. Raises KeyauditError if none."""
    if not isinstance(paths, (str, Path)):
        if not isinstance(paths, Iterable):
            what = f"a file, a folder, a pattern or a list of these is read, not {type(paths).__name__}"
            raise KeyauditError(f'{what}. Name the exports, for example read_pool_exports("pools-before").')
        found = [file for one in paths for file in files_of(one)]
    elif (path := Path(paths)).is_file():
        found = [path]
    else:
        inside = path.iterdir() if path.is_dir() else map(Path, glob.glob(str(paths)))  # noqa: PTH207
        if not (found := [file for file in inside if is_data_file(file)]):
            what = "no such file or folder. Check the name; patterns such as pools/*.csv work."
            what = f"the folder holds no export. Expected are {', '.join(SUFFIXES)} files." if path.is_dir() else what
            raise KeyauditError(f"{path.name}: {what}")
    return sorted(set(found), key=lambda file: (natural(file.name), str(file)))


def passed_over(paths: Paths) -> list[tuple[str, str]]:
    """The files of folders that are not read, by their labels, and why. Hidden ones that are no exports go without saying."""
    folders = [Path(one) for one in ([paths] if isinstance(paths, (str, Path)) else paths) if Path(one).is_dir()]
    files = [file for folder in folders for file in sorted(folder.iterdir()) if file.is_file()]
    seen = [
        file for file in files if file.name[0] != "." or (file.suffix.lower() in SUFFIXES and file.name[:2] != "._")
    ]
    return [(label_of(file), why) for file in seen if (why := why_not_read(file))]


def is_data_file(path: Path) -> bool:
    """Is it a file we would read?"""
    return path.is_file() and not why_not_read(path)


def label_of(path: Path) -> str:
    """The name of a file in messages: its folder's and its own."""
    label = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    return label.encode("utf-8", "replace").decode()


def open_file(path: Path, label: str, known_headers: set[str], encoding: str | None = None) -> SourceFile:
    """Read one export. Raises UnreadableFile naming the file, what it really is, and what to do."""
    content = _content(path, label)
    source = SourceFile(label, hashlib.sha256(content).hexdigest(), len(content), [])
    is_book = path.suffix.lower() in (".xlsx", ".xlsm")
    if _is_workbook(content, label):
        source.grids = list(worksheets(content, label))
        source.notes += [] if is_book else ["is an Excel workbook, whatever its name says"]
    else:
        source.grids = [text_grid(content, label, known_headers, encoding)]
        source.notes += ["is a text file, not an Excel workbook; read as CSV"] if is_book else []
    return source


def _content(path: Path, label: str) -> bytes:
    """The bytes of a file that stays as it is while it is read."""
    try:
        with path.open("rb") as file:
            before, content, after = os.fstat(file.fileno()), file.read(), path.stat()
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise UnreadableFile(label, f"cannot be opened ({why}). Check the name and the rights.") from None
    states = [(state.st_ino, state.st_size, state.st_mtime_ns) for state in (before, after)]
    if states[0] != states[1] or len(content) != before.st_size:
        raise UnreadableFile(label, "was changed while it was read. Let that program end, then run the audit again.")
    return content


def _is_workbook(content: bytes, label: str) -> bool:
    nothing = b"\x00 \r\n\t\xff\xfe" + BOM
    if not content[:LOOK].strip(nothing) and not content.strip(nothing):
        raise UnreadableFile(label, "is empty. Export it again, or take it out of the folder.")
    if content.startswith(ZIP):
        return True
    if found := _begins(content):
        raise UnreadableFile(label, f"is {found}, not a table of keys. {SAVE}")
    if content.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            what = "is protected by a password. Save it without one (File, Info, Protect Workbook)."
            raise UnreadableFile(label, what)
        raise UnreadableFile(label, f"is a legacy .xls workbook, which loses digits. {SAVE}")
    return False


@dataclass(frozen=True)
class Request:
    """A file of a role, and what a person knows of it."""

    path: Path
    label: str
    role: str
    known: FileOptions = field(default=FileOptions(), compare=False)

    def open(self) -> SourceFile:
        """Open it."""
        own = {fold_header(header) for header in self.known.columns.values()}
        return open_file(self.path, self.label, {*aliases(self.role), *own}, self.known.encoding)


class Ahead(Generic[T]):
    """Reads files by `read`, beside each other, before they are asked for in the order given. The biggest comes first.

    Its threads are daemons that nobody ever waits for when the program is interrupted. Where no thread can be started,
    each file is read when it is asked for.
    """

    def __init__(self, requests: Iterable[Request], read: Callable[[Request], T]) -> None:
        files, self._read = list(requests), read
        biggest = max(files, key=lambda file: file.path.stat().st_size if file.path.exists() else 0, default=None)
        self._order = iter(sorted(files, key=lambda file: file is not biggest))
        self._told: dict[Request, Future[T]] = {file: Future() for file in files}
        self._lock, self._room, self._is_closed = threading.Lock(), threading.Semaphore(WAITING), False
        self._threads = 0
        with suppress(RuntimeError):  # no thread can be started here
            for _ in range(min(WORKERS, len(files))):
                threading.Thread(target=self._work, daemon=True).start()
                self._threads += 1

    def read(self, file: Request) -> T:
        """What `read` gave for a file, once. Raises what it raised."""
        if not self._threads:
            return self._read(file)
        try:
            return self._told[file].result()
        finally:
            del self._told[file]
            self._room.release()

    def __enter__(self) -> Ahead[T]:
        """On leaving, what nobody asked for is read no more."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the threads end, without waiting for them."""
        self._is_closed = True
        self._room.release(max(1, self._threads))

    def _work(self) -> None:
        while True:
            self._room.acquire()
            with self._lock:
                file = next(self._order, None)
            if file is None or self._is_closed:
                return
            try:
                told = self._read(file)
            except BaseException as problem:
                self._told[file].set_exception(problem)
            else:
                self._told[file].set_result(told)
                del told
