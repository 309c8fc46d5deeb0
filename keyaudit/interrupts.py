"""What asks the program to stop: all of it as Ctrl-C does, and never in the middle of what must not stop half-way."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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


@contextmanager
def held() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Within it an interrupt waits for the end: what must not stop half-way takes milliseconds.

    What it gives is a context in turn, within which an interrupt takes effect at once.
    """
    handlers = {number: handler for number in _signals() if callable(handler := signal.getsignal(number))}
    came: list[int] = []

    def hold() -> None:
        for number in handlers:
            signal.signal(number, lambda number, _: came.append(number))

    def let_go() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            number, came[:] = came[0], []
            handlers[number](number, None)

    @contextmanager
    def may_stop() -> Iterator[None]:
        try:
            let_go()
            yield
        finally:
            hold()

    hold()
    try:
        yield may_stop
    finally:
        let_go()
