"""The command line: keyaudit new | audit | plan | explain. (DESIGN §4)"""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keyaudit import __version__
from keyaudit.errors import KeyauditError

if TYPE_CHECKING:
    import pandas as pd

    from keyaudit.reconciliation import Reconciliation

PATIENCE = 2.0  # seconds for which nobody needs to be told what goes on
FAIL_ON = ("critical", "error", "warning", "never")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="keyaudit %(version)s")
def commands() -> None:
    """Tell, to the last key, which training keys still work, which do not, why, and what to do next."""


@commands.command()
@click.argument("case", type=click.Path(path_type=Path))
def new(case: Path) -> None:
    """Make an empty CASE folder: a place for each export, and a commented case.toml."""
    from keyaudit.case import new_case

    lines = new_case(case)
    click.echo(f"{case} is ready. Put each export where it belongs (only the first is required):\n")
    click.echo("\n".join(f"  {line}" for line in lines))
    click.echo(f"\nThen: keyaudit audit {case}")


@commands.command()
@click.argument("case", type=click.Path(path_type=Path))
@click.option(
    "--as-of", metavar="DATE", help="The day the audit speaks of (YYYY-MM-DD; default: case.toml, else today)."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the report goes (default: CASE/report; with --share CASE/report-to-share).",
)
@click.option(
    "--since",
    metavar="KEYS.CSV",
    type=click.Path(path_type=Path),
    help="The keys.csv of a former report: say which keys moved since, and why (changes.csv).",
)
@click.option(
    "--fail-on", type=click.Choice(FAIL_ON), default="error", show_default=True, help="Exit with 1 from here on."
)
@click.option("--keep-going", is_flag=True, help="A file that cannot be read becomes a finding.")
@click.option("--share", is_flag=True, help="Write a twin to send on: codes masked, people left out, no paste lists.")
@click.option("--all-keys", is_flag=True, help="List every key in the workbook, also beyond 200,000.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of words.")
def audit(
    case: Path,
    as_of: str | None,
    out: Path | None,
    since: Path | None,
    fail_on: str,
    keep_going: bool,
    share: bool,
    all_keys: bool,
    as_json: bool,
) -> None:
    """Audit the exports in CASE and write the report."""
    from keyaudit.case import open_case
    from keyaudit.report import check_target, write_report

    opened = open_case(case)
    target = out if out is not None else case / ("report-to-share" if share else "report")
    check_target(target, [folder for folders in opened.folders.values() for folder in folders])
    options = {"fail_on": fail_on, "keep_going": keep_going}
    with _progress() as progress:
        result = opened.reconcile(_date(as_of), keep_going=keep_going, progress=progress)
        changes = None if since is None else result.changes_since(since)
        write_report(
            result, target, share=share, all_keys=all_keys, changes=changes, options=options, progress=progress
        )
    if as_json:
        click.echo((target / "summary.json").read_text(encoding="utf-8"), nl=False)
    else:
        lines = [*_told(result, target, share), *_moved(changes)]
        click.echo("\n".join(lines), color=False if os.environ.get("NO_COLOR") else None)
    sys.exit(exit_code(result, fail_on))


@commands.command()
@click.argument("case", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where the plan goes.")
@click.option("--as-of", metavar="DATE", help="The day of the plan (YYYY-MM-DD; default: case.toml, else today).")
def plan(case: Path, out: Path, as_of: str | None) -> None:
    """Write what is left to do in the TMS: steps per pool, lists to delete and to paste, people to write to."""
    from keyaudit.case import open_case
    from keyaudit.plan import migration_plan
    from keyaudit.report import check_target, write_plan

    opened = open_case(case)
    check_target(out, [folder for folders in opened.folders.values() for folder in folders])
    with _progress() as progress:
        result = opened.reconcile(_date(as_of), progress=progress)
        progress("writing the plan")
        write_plan(result, out)
    click.echo(f"{migration_plan(result)!r}\n\nSteps:  {out / 'steps.txt'}\nSheets: {out / 'plan.xlsx'}")


@commands.command()
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("key")
@click.option("--as-of", metavar="DATE", help="The day to speak of (YYYY-MM-DD; default: case.toml, else today).")
def explain(case: Path, key: str, as_of: str | None) -> None:
    """Tell the whole story of one KEY: a code, a reference, or a unique ending; - reads it from standard input."""
    from keyaudit.case import open_case

    if key == "-":
        key = sys.stdin.readline().rstrip("\r\n")
    if not key.strip():
        raise KeyauditError('No key was given. Write a code, a reference such as "Pool, row 14", or the end of a code.')
    with _progress() as progress:
        story = open_case(case).reconcile(_date(as_of), progress=progress).explain(key)
    click.echo(repr(story))
    sys.exit(0 if story.found else 1)


def _date(text: str | None) -> dt.date | None:
    from keyaudit.exports.read import as_date

    return None if text is None else as_date(text, "--as-of")


def exit_code(result: Reconciliation, fail_on: str) -> int:
    """0: nothing at or above `fail_on`, and nothing left unchecked; else 1. (CATALOGUE §3, verdict)"""
    if fail_on == "never":
        return 0
    counts = result.count_findings()
    worst = FAIL_ON[: FAIL_ON.index(fail_on) + 1]
    return 1 if any(counts[severity] for severity in worst) or result.not_checked else 0


def _told(result: Reconciliation, target: Path, share: bool) -> list[str]:
    """The verdict, a line per status that needs somebody with its date, and the paths."""
    from keyaudit.deadlines import weekday
    from keyaudit.reconciliation import VERDICTS
    from keyaudit.statuses import STATUSES

    colours = {"blocked": "red", "act": "red", "incomplete": "yellow", "watch": "yellow", "clear": "green"}
    families = {"dead": "red", "todo": "bright_yellow", "check": "yellow", "works": "green"}
    lines = [
        click.style(f"{result.verdict}: {VERDICTS[result.verdict]}", bold=True, fg=colours[result.verdict]),
        result.headline,
        f"As of {weekday(result.as_of)}; {result.deadline_sentence()}.",
        "",
    ]
    for line in result.status_lines:
        if line.act_by is not None:
            status = click.style(f"{line.status:<19}", fg=families[STATUSES[line.status].family])
            lines.append(f"  {status}{line.open:>9,}   {result.when(line.act_by)}")
    counts = ", ".join(f"{n:,} {severity}" for severity, n in result.count_findings().items() if n) or "none"
    lines += ["" if len(result.open_keys) else "  No key needs somebody.", f"Findings: {counts}."]
    lines += [f"Not checked: {_one_line(text)}" for text in result.not_checked]
    lines += ["", f"Page:      {target / 'report.html'}", f"Workbook:  {target / 'report.xlsx'}"]
    if not share:
        lines.append(f"Plan:      {target / 'plan' / 'steps.txt'}")
    return [*lines, "Codes are masked, and nobody is named: these files can be sent on."] if share else lines


def _moved(changes: pd.DataFrame | None) -> list[str]:
    """How many keys moved since the former audit, by where from and where to."""
    if changes is None:
        return []
    if changes.empty:
        return ["", "Since the former audit no key has moved."]
    from keyaudit.changes import counted

    lines = ["", f"Since the former audit ({len(changes):,} changes, all in changes.csv):"]
    for row in counted(changes).head(12).itertuples(index=False):
        change, before, now, worked, works, why, count = row
        path = now or before if change != "moved" else now if before == now else f"{before} → {now}"
        use = f", works {worked} → {works}" if change == "moved" and worked != works else ""
        lines.append(f"  {count:>9,}  {change}: {path}{use}: {why}")
    return lines


def _one_line(text: str) -> str:
    """A text with names of files in it: nothing in them may steer the terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line on stderr that tells the step and the time, only in a terminal and only for what takes over two seconds."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from tqdm import tqdm

    is_done = threading.Event()
    with tqdm(bar_format="{desc} ({elapsed})", delay=PATIENCE, mininterval=0, leave=False) as line:

        def step(told: str) -> None:
            line.set_description_str(_one_line(told), refresh=False)
            line.update()

        def beat() -> None:
            while not is_done.wait(0.5):
                line.update()

        threading.Thread(target=beat, daemon=True).start()
        try:
            yield step
        finally:
            is_done.set()


def main(arguments: list[str] | None = None) -> Any:
    """Run a command. Exit codes: DESIGN §4; every error is one message in plain words, never a traceback."""
    gc.set_threshold(100_000, 50, 100)  # a command is short: nobody waits for what may be thrown away
    try:
        return commands.main(arguments, prog_name="keyaudit", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except KeyboardInterrupt:
        code = 130
    except click.ClickException as problem:
        problem.show()
        code = 2
    except KeyauditError as problem:
        click.echo(f"keyaudit: {problem}", err=True)
        code = 2
    except (OSError, MemoryError) as problem:
        where = f"{problem.filename}: " if isinstance(problem, OSError) and problem.filename else ""
        what = getattr(problem, "strerror", None) or "out of memory"
        click.echo(f"keyaudit: {_one_line(where)}{what}. Nothing was written.", err=True)
        code = 2
    except Exception as problem:  # a mistake of ours: its words may hold a key, its kind and place cannot
        place = traceback.extract_tb(problem.__traceback__)[-1]
        where = f"{type(problem).__name__} in {Path(place.filename).name}, line {place.lineno}"
        click.echo(f"keyaudit: a mistake of this program ({where}). Nothing was written. Please report it.", err=True)
        code = 2
    if code == 130:
        click.echo("keyaudit: interrupted. Nothing was written.", err=True)
    sys.exit(code)
