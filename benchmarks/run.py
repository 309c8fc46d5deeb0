"""Time keyaudit and what it is compared with: whole processes, in turn in one run, with peak memory.

`python benchmarks/run.py --write` makes the cases it lacks, runs everything, and puts the tables into BENCHMARKS.md.
Ours is checked against the truth of each case. A tool that is not installed is named as left out.
"""

from __future__ import annotations

import argparse
import compileall
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HERE, PAGE, SAMPLE = ROOT / "benchmarks", ROOT / "BENCHMARKS.md", ROOT / "data" / "samples" / "halfway"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000, "5M": 5_000_000, "20M": 20_000_000}
ROUNDS = {"10k": 5, "100k": 3}  # else one
GB = 1e9


@dataclass(frozen=True)
class Tool:
    """Something to time: its arguments to Python, the package it needs, the cases it is asked."""

    arguments: tuple[str, ...]
    needs: str = "keyaudit"
    forms: tuple[str, ...] = ("csv",)
    least: int = 0
    most: int = 1_000_000
    classes: str = ""  # which counts of truth.json it must reach


def _rival(name: str, needs: str, **more: Any) -> Tool:
    return Tool((str(HERE / "rivals.py"), name, "{case}"), needs, **more)


_AUDIT = ("-m", "keyaudit", "audit", "{case}", "--out", "{out}/report", "--fail-on", "never")
TOOLS = {
    "keyaudit": Tool(_AUDIT, forms=("xlsx", "csv"), most=5_000_000, classes="statuses"),
    "keyaudit --all-keys": Tool(
        (*_AUDIT, "--all-keys"), forms=("xlsx", "csv"), least=200_001, most=1_000_000, classes="statuses"
    ),
    "keyaudit in steps": _rival("keyaudit", "keyaudit", classes="statuses"),
    "analyst's script": Tool((str(HERE / "analyst.py"), "{case}", "{out}"), "pandas", ("xlsx", "csv")),
    "analyst's script, calamine": Tool(
        (str(HERE / "analyst.py"), "{case}", "{out}", "calamine"), "python_calamine", ("xlsx",)
    ),
    "datacompy, pandas": _rival("datacompy_pandas", "datacompy"),
    "datacompy, Polars": _rival("datacompy_polars", "datacompy"),
    "csv-diff": _rival("csv_diff", "csv_diff"),
    "Polars, bare join": _rival("polars", "polars", most=5_000_000, classes="by_join"),
    "DuckDB, bare join": _rival("duckdb", "duckdb", most=5_000_000, classes="by_join"),
    "DuckDB, out of core": Tool(
        (str(HERE / "out_of_core.py"), "{case}", "--memory", "2GB", "--temp", "{out}"),
        "duckdb",
        least=5_000_000,
        most=20_000_000,
        classes="by_join",
    ),
}
FORMS = {"10k": ("xlsx", "csv"), "100k": ("xlsx", "csv"), "1M": ("xlsx", "csv")}  # above: a sheet has a million rows
STARTS = {
    "`keyaudit --version`": ("-m", "keyaudit", "--version"),
    "`keyaudit --help`": ("-m", "keyaudit", "--help"),
    "`import keyaudit`": ("-c", "import keyaudit"),
    "Python alone": ("-c", "pass"),
    "the sample": _AUDIT,
}


def measure(arguments: tuple[str, ...], log: Path) -> dict[str, Any]:
    """Run Python once: wall and CPU seconds, peak memory in bytes, what it printed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        began = time.perf_counter()
        child = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=subprocess.STDOUT, env=environment)
        _, code, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(code)
    printed = log.read_text(encoding="utf-8", errors="replace")
    if child.returncode:
        kind = printed.strip().splitlines()[-1].partition(":")[0] if printed.strip() else "nothing was printed"
        raise RuntimeError(f"ended with {child.returncode} ({kind}); what it printed is in {log.name}")
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak": peak, "printed": printed}


def case_of(cases: Path, size: str, form: str) -> Path:
    """The folder of a case, made if it is not there; in a process of its own, so that ours stays small."""
    folder = cases / f"{size}-{form}"
    if not (folder / "truth.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"making {size} keys as {form}", file=sys.stderr)
        measure((str(HERE / "generate.py"), str(SIZES[size]), form, str(folder)), cases / "making.log")
    return folder


def check(tool: Tool, folder: Path, out: Path, run: dict[str, Any]) -> None:
    """Compare the counts per status with the truth. Raises RuntimeError for a difference."""
    summary = out / "report" / "summary.json"
    told = json.loads(summary.read_text()) if summary.exists() else json.loads(run["printed"].splitlines()[-1])
    run["steps"] = told.get("steps", {})
    if tool.classes:
        truth = json.loads((folder / "truth.json").read_text())[tool.classes]
        found = {status: count for status, count in told["statuses"].items() if count}
        if found != {status: count for status, count in truth.items() if count}:
            raise RuntimeError(f"found {found}, the truth is {truth}")


def compare(folder: Path, names: list[str], rounds: int, log: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run tools on one case in turn, several times; after each, its name with its medians, or why it was left out."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in list(runs):
            with tempfile.TemporaryDirectory(dir=folder) as out:
                places = {"case": str(folder / "case"), "out": out}
                try:
                    run = measure(tuple(part.format(**places) for part in TOOLS[name].arguments), log)
                    check(TOOLS[name], folder, Path(out), run)
                except RuntimeError as problem:
                    if name.startswith("keyaudit"):
                        raise SystemExit(f"{name} on {folder.name}: {problem}") from problem
                    del runs[name]
                    yield name, {"left_out": f"failed: {str(problem).splitlines()[0][:80]}"}
                    continue
            figures = f"{run['wall']:8.2f} s wall {run['cpu']:8.2f} s CPU {run['peak'] / GB:6.2f} GB"
            print(f"{folder.name:<10} {name:<22} {figures}", file=sys.stderr)
            runs[name].append(run)
            yield name, medians(runs[name])


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of every figure over the rounds."""
    steps = {
        step: {what: statistics.median(run["steps"][step][what] for run in runs) for what in ("wall", "cpu")}
        for step in runs[0].get("steps", {})
    }
    figures = {what: statistics.median(run[what] for run in runs) for what in ("wall", "cpu", "peak")}
    return figures | {"steps": steps, "rounds": len(runs)}


def chosen(size: str, form: str, only: list[str]) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """The tools to run on a case, and those left out with the reason."""
    run: list[str] = []
    left_out: dict[str, dict[str, Any]] = {}
    for name, tool in TOOLS.items():
        if form not in tool.forms or (only and name not in only) or SIZES[size] < tool.least:
            continue
        if importlib.util.find_spec(tool.needs) is None and tool.needs != "keyaudit":
            left_out[name] = {"left_out": f"not installed: {tool.needs}"}
        elif SIZES[size] > tool.most:
            left_out[name] = {"left_out": f"not asked above {tool.most:,} keys"}
        else:
            run.append(name)
    return run, left_out


def starts(log: Path) -> dict[str, dict[str, Any]]:
    """Start-up times, and the sample's, the median of nine."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in STARTS}
    for _ in range(9):
        for name, arguments in STARTS.items():
            with tempfile.TemporaryDirectory() as out:
                runs[name].append(measure(tuple(part.format(case=SAMPLE, out=out) for part in arguments), log))
    loaded = "import sys, keyaudit; print([m for m in ('pandas', 'matplotlib', 'numpy') if m in sys.modules])"
    heavy = measure(("-c", loaded), log)["printed"].strip()
    of_cells, twice = (
        json.loads(measure((str(HERE / "rivals.py"), what, str(SAMPLE)), log)["printed"].splitlines()[-1])["steps"]
        for what in ("cells", "twice")
    )
    return {name: medians(found) for name, found in runs.items()} | {"heavy": heavy, "cells": of_cells, "twice": twice}


def machine() -> str:
    """What it ran on, without its name."""
    with Path("/proc/meminfo").open() as lines:
        memory = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal"))
    tools = ("pandas", "pyarrow", "numpy", "openpyxl", "XlsxWriter", "datacompy", "csv-diff", "duckdb", "polars")
    installed = [
        f"{name} {version(name)}" for name in tools if importlib.util.find_spec(name.lower().replace("-", "_"))
    ]
    cores = len(os.sched_getaffinity(0))
    busy = f"load before the last run {os.getloadavg()[0]:.1f}"
    return f"{cores} cores, {memory / GB:.0f} GB, {platform.system()}, Python {platform.python_version()}, {busy}; {', '.join(installed)}"


# --- the tables ---


def render(results: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    parts = [f"Machine: {results['machine']}."]
    for case in sorted(results["cases"], key=lambda case: (SIZES[case.split()[0]], case)):
        parts += [f"### {case}", _table(results["cases"][case])]
    parts += ["### Start-up", _start_table(results["starts"])] if "starts" in results else []
    parts += ["### Growth", _growth(results["cases"]), "### Targets", _targets(results)]
    return "\n\n".join(parts)


def _table(found: dict[str, dict[str, Any]]) -> str:
    lines = ["| | wall s | CPU s | peak GB | wall ÷ ours | CPU ÷ ours | steps, CPU s | rounds |", "|---|--:|--:|--:|--:|--:|---|--:|"]  # fmt: skip
    ours = found.get("keyaudit")
    for name, run in found.items():
        if "left_out" in run:
            lines.append(f"| {name} | left out: {run['left_out']} | | | | | | |")
            continue
        times = [run[what] / ours[what] if ours else float("nan") for what in ("wall", "cpu")]
        wall, cpu = (f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}" for ratio in times)
        steps = ", ".join(f"{step} {took['cpu']:.2f}" for step, took in run["steps"].items() if "explain" not in step)
        lines.append(f"| {name} | {run['wall']:.1f} | {run['cpu']:.1f} | {run['peak'] / GB:.2f} | {wall} | {cpu} | {steps} | {run['rounds']} |")  # fmt: skip
    return "\n".join(lines)


def _start_table(found: dict[str, Any]) -> str:
    lines = ["| | wall ms | CPU ms | peak MB |", "|---|--:|--:|--:|"]
    for name in STARTS:
        run = found[name]
        lines.append(f"| {name} | {1000 * run['wall']:.0f} | {1000 * run['cpu']:.0f} | {run['peak'] / 1e6:.0f} |")
    return "\n".join(lines)


def _growth(cases: dict[str, Any]) -> str:
    """Ours: ten times the keys, how many times the cost; bytes per key; keys in 24 GB."""
    lines = ["| | wall × | CPU × | memory × | bytes of peak per pool key | pool keys in 24 GB |", "|---|--:|--:|--:|--:|--:|"]  # fmt: skip
    for form in ("xlsx", "csv"):
        for small, large in (("10k", "100k"), ("100k", "1M"), ("1M", "5M")):
            a, b = (cases.get(f"{size} {form}", {}).get("keyaudit") for size in (small, large))
            if a and b:
                times = " | ".join(f"{b[what] / a[what]:.1f}" for what in ("wall", "cpu", "peak"))
                per_key = (b["peak"] - a["peak"]) / (SIZES[large] - SIZES[small])
                lines.append(f"| {form}, {small} → {large} | {times} | {per_key:,.0f} | {24 * GB / per_key / 1e6:.0f} M |")  # fmt: skip
    return "\n".join(lines)


def _targets(results: dict[str, Any]) -> str:
    """Every target: what was wanted, and in the end; what was measured."""

    def figure(case: str, tool: str, *path: str) -> float:
        value: Any = results["cases"].get(case, {}).get(tool, {})
        for step in path:
            value = value.get(step, {}) if isinstance(value, dict) else {}
        return value if isinstance(value, (int, float)) else float("nan")

    def ratio(case: str, what: str = "wall") -> float:
        return figure(case, "analyst's script", what) / figure(case, "keyaudit", what)

    ours, steps = "keyaudit", "keyaudit in steps"
    explained = results["cases"].get("1M csv", {}).get(steps, {}).get("steps", {})
    begun = results.get("starts", {})
    twice, cells = begun.get("twice", {}), begun.get("cells", {})
    merge = figure("1M csv", "analyst's script", "steps", "reconcile", "cpu")
    reconcile = figure("1M csv", steps, "steps", "reconcile", "cpu")
    duck = figure("1M csv", "DuckDB, bare join", "steps", "join", "cpu")
    unknown = float("nan")
    rows: list[tuple[str, float, str, float, float | None]] = [  # what, measured, sense, wanted, in the end
        ("1M xlsx: analyst's script ÷ ours, CPU", ratio("1M xlsx", "cpu"), "≥", 18, 25),
        ("1M xlsx: the same, wall", ratio("1M xlsx"), "≥", 25, 30),
        ("1M csv: analyst's script ÷ ours, CPU", ratio("1M csv", "cpu"), "≥", 22, 27),
        ("100k xlsx: analyst's script ÷ ours, CPU", ratio("100k xlsx", "cpu"), "≥", 10, 15),
        ("10k xlsx: whole command, s CPU", figure("10k xlsx", ours, "cpu"), "≤", 1.4, 1),
        ("sample: whole command, s CPU", begun.get("the sample", {}).get("cpu", unknown), "≤", 1.1, 0.7),
        ("sample: a second audit in one process, s CPU", twice.get("second", {}).get("cpu", unknown), "≤", 0.2, 0.08),
        ("sample: the same with its report, s CPU", twice.get("second, report", {}).get("cpu", unknown), "≤", 0.2, 0.08),
        ("1M csv: `reconcile()`, s CPU", reconcile, "≤", 4.5, 2.7),
        ("1M csv: the same with order and table of keys, s CPU", reconcile + figure("1M csv", steps, "steps", "keys", "cpu"), "≤", 4.5, 2.7),
        ("1M xlsx: peak GB", figure("1M xlsx", ours, "peak") / GB, "≤", 1.5, 1.3),
        ("1M csv: peak GB", figure("1M csv", ours, "peak") / GB, "≤", 1.5, 1.3),
        ("1M csv: slowest `explain` after loading, s", max((took["wall"] for step, took in explained.items() if "explain" in step), default=unknown), "≤", 0.1, None),
        ("100k → 1M xlsx: CPU ×", figure("1M xlsx", ours, "cpu") / figure("100k xlsx", ours, "cpu"), "≤", 11, None),
        ("100k → 1M csv: CPU ×", figure("1M csv", ours, "cpu") / figure("100k csv", ours, "cpu"), "≤", 11, None),
        ("1M → 5M csv: CPU ×", figure("5M csv", ours, "cpu") / figure("1M csv", ours, "cpu"), "≤", 5.5, None),
        ("1M: merge of the script ÷ `reconcile()`, CPU", merge / reconcile, "≥", 6, None),
        ("1M: `reconcile()` ÷ DuckDB's join with classes, CPU", reconcile / duck, "≤", 1.2, None),
        ("sample: slowest cell of the first notebook, s", max((took["wall"] for took in cells.values()), default=unknown), "≤", 0.5, None),
        *((f"{name}, s", begun.get(name, {}).get("wall", unknown), "≤", 0.1, None) for name in STARTS if "--" in name),
    ]  # fmt: skip
    lines = ["| target | wanted | in the end | measured | |", "|---|--:|--:|--:|---|"]
    for what, measured, sense, wanted, end in rows:
        if measured != measured:
            verdict, shown = "not measured in this run", "–"
        else:
            met = measured >= wanted if sense == "≥" else measured <= wanted
            far = wanted / measured if sense == "≥" else measured / wanted
            verdict, shown = "met" if met else f"not met: {far:.1f} × away", f"{measured:.2f}"
        lines.append(f"| {what} | {sense} {wanted:g} | {f'{end:g}' if end else ''} | {shown} | {verdict} |")
    if begun:
        light = begun["heavy"] == "[]"
        lines.append(f"| `import keyaudit` loads neither pandas nor matplotlib | | | {'neither' if light else begun['heavy']} | {'met' if light else 'not met'} |")  # fmt: skip
    return "\n".join(lines)


def put_into(page: str, text: str) -> str:
    """Replace what stands between the two markers."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"no {BEGIN} … {END} to write between")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=tuple(SIZES), default=["10k", "100k", "1M"])
    parser.add_argument("--forms", nargs="+", choices=("xlsx", "csv"), default=["xlsx", "csv"])
    parser.add_argument("--rounds", type=int, help="How often each runs (default: 5 for 10k, 3 for 100k, else 1).")
    parser.add_argument("--only", nargs="+", choices=tuple(TOOLS), default=[], help="Time these tools only.")
    parser.add_argument("--cases", type=Path, default=ROOT / "cases" / "benchmarks", help="Where cases are kept.")
    parser.add_argument("--write", action="store_true", help="Put all results so far into BENCHMARKS.md.")
    given = parser.parse_args()
    compileall.compile_dir(ROOT / "keyaudit", quiet=1)  # as pip does: nobody is timed while Python compiles
    given.cases.mkdir(parents=True, exist_ok=True)
    kept, log = given.cases / "results.json", given.cases / "last.log"
    results = json.loads(kept.read_text()) if kept.exists() else {"cases": {}}
    results["machine"] = machine()
    for size in given.sizes:
        for form in (form for form in given.forms if form in FORMS.get(size, ("csv",))):
            names, left_out = chosen(size, form, given.only)
            folder = case_of(given.cases, size, form)
            former = results["cases"].get(f"{size} {form}", {}) if given.only else {}
            found = former | left_out
            for name, figures in compare(folder, names, given.rounds or ROUNDS.get(size, 1), log):
                found[name] = figures
                results["cases"][f"{size} {form}"] = {name: found[name] for name in TOOLS if name in found}
                kept.write_text(json.dumps(results, indent=1))  # an hour's work survives an interruption
    if not given.only:
        results["starts"] = starts(log)
        kept.write_text(json.dumps(results, indent=1))
    text = render(results)
    print(text)
    if given.write:
        PAGE.write_text(put_into(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
