"""What asks the program to stop: all of it as Ctrl-C does, and never in the middle of what must not stop half-way."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stoppable() -> Iterator[None]:
    """Within it a request to end stops the program as Ctrl-C does: by an exception, so that all is cleared up."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    def unraisable(problem: Any) -> None:  # Python drops it within a finalizer: it is asked for again
        if isinstance(problem.exc_value, KeyboardInterrupt):
            threading.Timer(0.05, signal.raise_signal, (signal.SIGINT,)).start()
        else:
            told(problem)

    caught = [number for number in _signals() if signal.getsignal(number) == signal.SIG_DFL]
    told, sys.unraisablehook = sys.unraisablehook, unraisable
    for number in caught:
        signal.signal(number, stop)
    try:
        yield
    except Exception as problem:
        if isinstance(problem.__cause__, KeyboardInterrupt):  # Python 3.11 hides it where a class is being made
            raise KeyboardInterrupt from problem
        raise
    finally:
        sys.unraisablehook = told
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def _signals() -> list[int]:
    """Those that ask a program to stop; they arrive in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        return []
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    return [int(getattr(signal, name)) for name in names if hasattr(signal, name)]


class Held:
    """Within it an interrupt waits for the end: what must not stop half-way takes milliseconds."""

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}
        self._came: list[int] = []

    def __enter__(self) -> Held:
        self._handlers = {number: signal.getsignal(number) for number in _signals()}
        self._hold()
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()

    @contextmanager
    def may_stop(self) -> Iterator[None]:
        """Within it an interrupt takes effect at once."""
        try:
            self._let_go()
            yield
        finally:
            self._hold()

    def _hold(self) -> None:
        for number, handler in self._handlers.items():
            if callable(handler):
                signal.signal(number, lambda number, _: self._came.append(number))

    def _let_go(self) -> None:
        for number, handler in self._handlers.items():
            if callable(handler):
                signal.signal(number, handler)
        if self._came:
            number, self._came = self._came[0], []
            self._handlers[number](number, None)
