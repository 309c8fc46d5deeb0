"""Opens files in threads of its own while others become records: a parser works outside of Python most of the time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from keyaudit.exports.sheets import SourceFile, open_file

WORKERS = min(2, os.cpu_count() or 1)
WAITING = 4  # files that are open, or being opened, before they are asked for: each lies in memory


@dataclass(frozen=True)
class Request:
    """What is needed to open a file."""

    path: Path
    label: str
    known_headers: frozenset[str]
    encoding: str | None


class Ahead:
    """Opens files that will be asked for in the order given. The biggest comes first: the others fit beside it.

    The threads are daemons, so that nobody who interrupts the program waits for a parser.
    """

    def __init__(self, requests: Iterable[Request]) -> None:
        files = list(requests)
        biggest = max(files, key=lambda file: file.path.stat().st_size if file.path.exists() else 0, default=None)
        self._order = iter(sorted(files, key=lambda file: file is not biggest))
        self._opened: dict[Request, Future[SourceFile]] = {file: Future() for file in files}
        self._lock, self._room, self._is_closed = threading.Lock(), threading.Semaphore(WAITING), False
        for _ in range(min(WORKERS, len(files))):
            threading.Thread(target=self._work, daemon=True).start()

    def open(self, file: Request) -> SourceFile:
        """A file, once. Raises what `open_file` raised."""
        try:
            return self._opened[file].result()
        finally:
            del self._opened[file]
            self._room.release()

    def __enter__(self) -> Ahead:
        """Close the files that nobody asked for on leaving."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the threads end."""
        self._is_closed = True
        self._room.release(WORKERS)

    def _work(self) -> None:
        while True:
            self._room.acquire()
            with self._lock:
                file = next(self._order, None)
            if file is None or self._is_closed:
                return
            try:
                source = open_file(file.path, file.label, set(file.known_headers), file.encoding)
            except BaseException as problem:
                self._opened[file].set_exception(problem)
            else:
                self._opened[file].set_result(source)
                del source
