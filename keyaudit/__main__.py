"""`keyaudit` and `python -m keyaudit`."""

import contextlib
import os
import signal
import sys


def at_once(*_: object) -> None:
    """Stop while the program is loaded: an exception might be dropped within an import, whose lock then stays held."""
    print("keyaudit: interrupted. Nothing was written.", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(130)


def main() -> None:
    """Run the command line, and end at once: what is done is done, however often an interrupt is asked for meanwhile."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else it is ignored
        signal.signal(signal.SIGINT, at_once)
    from keyaudit.cli import main as run

    signal.signal(signal.SIGINT, usual)
    try:
        run()
    except SystemExit as ended:
        code = ended.code
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed: nobody reads it
            stream.flush()
    os._exit(int(code or 0))


if __name__ == "__main__":
    main()
