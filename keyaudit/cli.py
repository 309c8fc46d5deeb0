"""The command line: keyaudit check | new | audit | plan | explain | demo. (DESIGN §4)"""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import gc
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from keyaudit import __version__
from keyaudit.errors import KeyauditError
from keyaudit.interrupts import stoppable
from keyaudit.masking import one_line

if TYPE_CHECKING:
    from keyaudit.audit import Audit
    from keyaudit.case import Case
    from keyaudit.reconciliation import Reconciliation

LIBRARIES = {
    "NUMPY_MADVISE_HUGEPAGE": "0",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OPENBLAS_NUM_THREADS": "1",
}  # as they are loaded
PATIENCE = 2.0  # seconds for which nobody needs to be told what goes on
NO_MEMORY = "out of memory. Close other programs, or audit fewer pools at once"
IS_MEMORY = re.compile("bad_alloc|map segment|allocate memory|(start new|launch worker) thread")  # as libraries say it
FAIL_ON = ("critical", "error", "warning", "never")
PATH = click.Path(path_type=Path)
CASE = click.argument("case", type=PATH)
AS_OF = click.option(
    "--as-of", metavar="DATE", help="The day to speak of (YYYY-MM-DD; default: case.toml, else today)."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="keyaudit %(version)s")
def commands() -> None:
    """Tell, to the last key, which training keys still work, which do not, why, and what to do next."""


@commands.command()
@CASE
def check(case: Path) -> int:
    """Show how each file of CASE is understood, what it proves and what it does not, before any audit."""
    from keyaudit.checking import check as check_case

    found = check_case(case)
    say(*lines_of(repr(found)))
    return found.exit_code


@commands.command()
@CASE
def new(case: Path) -> None:
    """Make an empty CASE folder: a place for each export, a commented case.toml, the notebooks."""
    from keyaudit.new import new_case

    lines = new_case(case)
    say(f"{case} is ready. Put each export where it belongs (only the first is required):", "")
    name = f'"{case}"' if re.search(r"\s", str(case)) else case
    say(*(f"  {line}" for line in lines), "", f"Then: keyaudit check {name}, and keyaudit audit {name}")


@commands.command()
@click.argument("folder", type=PATH, default="keyaudit-demo")
@click.pass_context
def demo(context: click.Context, folder: Path) -> None:
    """Copy a sample migration into FOLDER with notebooks of its own, and audit it."""
    from keyaudit.new import demo_case

    context.invoke(audit, case=demo_case(folder), fail_on="never")
    say(f"Notebooks: {folder / 'notebooks' / '00_start_here.ipynb'}")


@commands.command()
@CASE
@AS_OF
@click.option(
    "--out", type=PATH, help="Where the report goes (default: CASE/report; with --share CASE/report-to-share)."
)
@click.option("--since", metavar="KEYS.CSV", type=PATH, help="The keys.csv of a former report (default: that in the report's folder): say which keys moved since, and why.")  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(FAIL_ON), default="error", show_default=True, help="Exit with 1 from here on."
)
@click.option("--keep-going", is_flag=True, help="A file that cannot be read becomes a finding.")
@click.option("--share", is_flag=True, help="Write a twin to send on: codes masked, people left out, no paste lists.")
@click.option("--all-keys", is_flag=True, help="List every key in the workbook, also beyond 200,000.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of words.")
def audit(
    case: Path, as_of: str | None, out: Path | None, since: Path | None, fail_on: str,
    *, keep_going: bool, share: bool, all_keys: bool, as_json: bool,
) -> int:  # fmt: skip
    """Audit the exports in CASE and write the report."""
    opened = _opened(case)
    from keyaudit.report import former_keys, write_report
    from keyaudit.share import masked

    target = _target(opened, out, "share" if share else "report")
    options = {"fail_on": fail_on, "keep_going": keep_going}
    with _progress() as progress:
        result = opened.reconcile(_date(as_of), keep_going=keep_going, progress=progress)
        if former := since or former_keys(case / "report" if share else target):
            result = result.since(former)
        shown = masked(result) if share else result
        write_report(shown, target, share=share, all_keys=all_keys, options=options, progress=progress, tell=_tell)
    if as_json:
        summary = (target / "summary.json").read_text(encoding="utf-8").rstrip("\n")
        is_fitting = fitting(summary, sys.stdout.encoding) == summary
        say(summary if is_fitting else json.dumps(json.loads(summary), indent=2))
    else:
        say(*_told(shown.seen, target, to_share=share))
    return exit_code(result, fail_on)


class _NoPandas:
    """Finds no pandas for whoever asks."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def _opened(case: Path) -> Case:
    """Open a case. pyarrow loads pandas when it is first given a list, if it finds it: that takes longer than a small case."""
    _set_up()
    import pyarrow as pa

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([""])
    finally:
        sys.meta_path.remove(finder)
    from keyaudit.case import open_case

    return open_case(case)


def _set_up() -> None:
    """Before NumPy and Arrow are loaded: memory that is free stays with the process, for all threads, in small pages.

    Else a tenth of the time of a million keys goes into asking for it again, and where a virtual machine must first find
    large pages, a fifth into that. The numbers are M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX and M_ARENA_MAX of glibc. No
    threads wait for linear algebra, of which there is none.
    """
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        for option, number in ((-1, 1 << 30), (-2, 1 << 26), (-4, 0), (-8, 1)):
            library.mallopt(option, number)


def _target(opened: Case, out: Path | None, kind: str) -> Path:
    """Where the files go; refused before any work if they cannot."""
    from keyaudit.case import OURS
    from keyaudit.report.place import check_target

    target = opened.root / OURS[kind] if out is None else out
    check_target(target, kind, [folder for folders in opened.folders.values() for folder in folders])
    return target


@commands.command()
@CASE
@click.option("--out", type=PATH, help="Where the plan goes (default: CASE/plan).")
@AS_OF
def plan(case: Path, out: Path | None, as_of: str | None) -> None:
    """Write what is left to do in the TMS: steps per pool, lists to delete and to paste, people to write to."""
    opened = _opened(case)
    from keyaudit.plan import migration_plan
    from keyaudit.report import write_plan

    target = _target(opened, out, "plan")
    with _progress() as progress:
        result = opened.reconcile(_date(as_of), progress=progress)
        progress("writing the plan")
        write_plan(result, target, tell=_tell)
    say(*lines_of(repr(migration_plan(result))))
    say("", f"Steps:  {target / 'steps.txt'}", f"Sheets: {target / 'plan.xlsx'}")


@commands.command()
@CASE
@click.argument("key")
@AS_OF
def explain(case: Path, key: str, as_of: str | None) -> int:
    """Tell the whole story of one KEY: a code, a reference, a unique ending, a learner's name or address; - reads it from standard input."""
    if key == "-":
        key = sys.stdin.buffer.readline().decode(sys.stdin.encoding or "utf-8", "replace").rstrip("\r\n")
    if not key.strip():
        raise KeyauditError('No key was given. Write a code, a reference such as "Pool, row 14", or the end of a code.')
    with _progress() as progress:
        story = _opened(case).reconcile(_date(as_of), progress=progress).explain(key)
    say(*lines_of(repr(story)))
    return 0 if story.found else 1


def _date(text: str | None) -> dt.date | None:
    from keyaudit.calendar import as_date

    return None if text is None else as_date(text, "--as-of")


def exit_code(result: Reconciliation, fail_on: str) -> int:
    """0: nothing at or above `fail_on`, and nothing left unchecked; else 1. (CATALOGUE §3, verdict)"""
    if fail_on == "never":
        return 0
    counts = result.count_findings()
    worst = FAIL_ON[: FAIL_ON.index(fail_on) + 1]
    return 1 if any(counts[severity] for severity in worst) or result.not_checked else 0


# --- words on the terminal ---


def say(*lines: str, err: bool = False) -> None:
    """Print lines, as the terminal or the file behind it can show them. A closed one is no error."""
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        colour = False if os.environ.get("NO_COLOR") else None
        try:
            click.echo(fitting("\n".join(lines), stream.encoding), err=err, color=colour)
        except (BrokenPipeError, ValueError):
            return
        except OSError as problem:
            if not err:  # else there is nobody to tell it to
                what = f"what is to be said could not be written to standard output ({problem.strerror})."
                raise KeyauditError(f"{what} {_left('')}".strip()) from None


def _tell(text: str) -> None:
    """Something of the folder of a report that a person must know."""
    say(one_line(f"keyaudit: {text}"), err=True)


def lines_of(text: str) -> list[str]:
    """The lines of a text with names from files in it: nothing in them may steer a terminal."""
    return [one_line(line) for line in text.split("\n")]


def fitting(text: str, encoding: str | None) -> str:
    """A text as an encoding can hold it: what it has no sign for gets a plain twin."""
    kind = encoding or "utf-8"
    try:
        text.encode(kind)
    except UnicodeEncodeError:
        text = text.translate(PLAIN_TWINS).encode(kind, "replace").decode(kind)
    return text


PLAIN_TWINS = str.maketrans({"→": "->", "←": "<-", "…": "...", "·": "-", "—": "-", "–": "-", "“": '"', "”": '"', "’": "'", "≥": ">="})  # fmt: skip


def _told(result: Audit, target: Path, *, to_share: bool) -> list[str]:
    """The verdict, the groups, the work in its order with its dates, and the paths."""
    from keyaudit.card import case_of, change_lines, first_screen, meaning_of, verdict_of, work_lines
    from keyaudit.report.sets import foreign
    from keyaudit.words import listed, weekday

    colours = {"blocked": "red", "act": "red", "incomplete": "yellow", "watch": "yellow", "clear": "green"}
    shades = {"locked out now": "red", "due": "bright_yellow", "not known": "magenta", "settled": "green"}
    verdict = click.style(one_line(verdict_of(result)), bold=True, fg=colours[result.verdict])
    lines = [one_line(f"{case_of(result)}: {result.headline}"), verdict]
    lines += [one_line(told)] if (told := meaning_of(result)) else []
    lines += [f"As of {weekday(result.as_of)}; {result.deadline_sentence()}.", ""]
    for group in first_screen(result):
        lines.append(f"  {click.style(f'{group.words:<28}', fg=shades[group.name])}{group.keys:>9,}")
    where = "all stand on the page (named below), under What to do"
    lines += ["", *(f"  {one_line(line)}" for line in work_lines(result, 10, where))] if result.work else []
    counts = [f"{number:,} {severity}" for severity, number in result.count_findings().items() if number]
    lines += ["", f"Findings: {', '.join(counts) or 'none'}."]
    lines += [line for text in result.not_checked for line in lines_of(f"Not checked: {text}")]
    lines += [line for text in result.not_understood for line in lines_of(f"Not understood: {text}")]
    lines += ["", f"Page:      {target / 'report.html'}", f"Workbook:  {target / 'report.xlsx'}"]
    if to_share:
        lines.append("Codes are masked, and nobody is named: these files can be sent on.")
        if others := [path.relative_to(target).as_posix() for path in foreign(target)]:
            lines.append(one_line(f"Not of this report, and not masked: {listed(others)}."))
    else:
        lines.append(f"Plan:      {target / 'plan' / 'steps.txt'}")
    return [*lines, *(["", *changed] if (changed := change_lines(result.changes, 12)) else [])]


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line on stderr that tells the step and the time, only in a terminal and only for what takes over two seconds."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    began, width = time.monotonic(), 0

    def step(told: str) -> None:
        nonlocal width
        if (passed := time.monotonic() - began) >= PATIENCE:
            line = fitting(f"{one_line(told)[:60]} ({passed // 60:02.0f}:{passed % 60:02.0f})", sys.stderr.encoding)
            sys.stderr.write(f"\r{line:<{width}}")
            sys.stderr.flush()
            width = len(line)

    try:
        yield step
    finally:
        if width:
            sys.stderr.write(f"\r{'':<{width}}\r")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command, and exit. Exit codes: DESIGN §4; every error is one message in plain words, never a traceback."""
    gc.set_threshold(100_000, 50, 100)  # a command is short: nobody waits for what may be thrown away
    told = ""
    try:
        with stoppable():
            code = commands.main(arguments, prog_name="keyaudit", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code, told = 130, f"interrupted. {_left()}"
    except click.ClickException as problem:
        code, told = 2, problem.format_message()
    except KeyauditError as problem:
        code, told = 2, str(problem)
    except MemoryError:
        code, told = 2, f"{NO_MEMORY}. {_left()}"
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        code, told = 2, f"{where}{problem.strerror or type(problem).__name__}. {_left()}"
    except Exception as problem:  # a mistake of ours: its words may hold a key, its kind and place cannot
        place = traceback.extract_tb(problem.__traceback__)[-1]
        where = f"{type(problem).__name__} in {Path(place.filename).name}, line {place.lineno}"
        told = f"a mistake of this program ({where}). {_left()} Please report it."
        code, told = 2, f"{NO_MEMORY}. {_left()}" if IS_MEMORY.search(str(problem)) else told
    if told:
        say(*lines_of(told if told.startswith("Usage:") else f"keyaudit: {told}"), err=True)
    sys.exit(code)


def _left(nothing: str = "Nothing was written.") -> str:
    """What the run has left, if it ended before its end."""
    placed = getattr(sys.modules.get("keyaudit.report.place"), "placed", None)  # not imported: none was placed
    target = placed() if placed else None
    return f"The report is in place: {target}." if target else nothing
