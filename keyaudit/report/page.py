"""report.html: one self-contained page, masked, no network. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from keyaudit import __version__
from keyaudit.charts import Chart, keys_left, outlook, redemptions, status_by_pool, where_keys_went
from keyaudit.deadlines import PHASES, away, count, weekday
from keyaudit.masking import ending
from keyaudit.reconciliation import NO_POOL, STAGES, VERDICTS, Reconciliation
from keyaudit.report.bigsheet import safe_text
from keyaudit.statuses import STATUSES, WORKS_MEANING

OF_A_GROUP = 100  # findings of a kind shown one by one; the rest is named: the workbook has it
LISTED = 3_000  # the same of all kinds
MAX_ROWS = 200  # pools, files
LENGTH = 200  # of a text from data; the workbook has all of it


def write_page(audit: Reconciliation, path: Path) -> int:
    """Write the page; returns the number of findings listed."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keyaudit.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"n": "{:,}".format, "words": _words, "short": _short, "keys": count}
    content = _content(audit)
    path.write_text(environment.get_template("page.html.j2").render(content), encoding="utf-8")
    return sum(len(group["items"]) for group in content["groups"])


def _readable(value: Any) -> Any:
    """Control characters from data are made visible; what is HTML already stays as it is."""
    return safe_text(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _words(name: str) -> str:
    return name.replace("_", " ")


def _short(text: Any) -> str:
    shown = "" if pd.isna(text) else str(text)
    return shown if len(shown) <= LENGTH else shown[: LENGTH - 1] + "…"


def _content(audit: Reconciliation) -> dict[str, Any]:
    lines = [line for line in audit.status_lines if line.keys]
    return {
        "audit": audit,
        "charts": [_figure(draw(audit)) for draw in (keys_left, redemptions, outlook, status_by_pool, where_keys_went)],
        "version": __version__,
        "as_of": weekday(audit.as_of),
        "verdict_meaning": VERDICTS[audit.verdict],
        "phase": PHASES[audit.phase],
        "deadline": audit.deadline_sentence(),
        "family": {code: row.family for code, row in STATUSES.items()},
        "tiles": [{"status": line.status, "keys": line.keys, "told": audit.told(line)} for line in lines],
        "steps": _steps(audit),
        "deadlines": _deadlines(audit),
        "pools": [_pool(row) for row in audit.pools.head(MAX_ROWS).to_dict("records")],
        "below_pools": _below_pools(audit),
        "stages": STAGES,
        "groups": _groups(audit),
        "tie_out": audit.tie_out_sums(),
        "sources": audit.sources.head(MAX_ROWS).to_dict("records"),
        "answers": audit.answers.to_dict("records"),
        "statuses": {code: (row.when, audit.statuses[code]) for code, row in STATUSES.items()},
        "works": {word: (meaning, audit.works[word]) for word, meaning in WORKS_MEANING.items()},
    }


def _groups(audit: Reconciliation) -> list[dict[str, Any]]:
    """The findings by severity and kind (each kind has one remedy), a few of each listed."""
    findings = audit.findings
    kinds = findings.groupby(["severity", "code"], sort=False, observed=True)
    listed = findings[(kinds.cumcount() < OF_A_GROUP)].head(LISTED)
    keys = audit.keys[audit.keys["training_key"].isin(set(listed["training_key"]))]
    known = keys.drop_duplicates("training_key").set_index("training_key")[["reference", "status"]].to_dict("index")
    totals = kinds.size()
    groups = []
    for (severity, code), rows in listed.groupby(["severity", "code"], sort=False, observed=True):
        messages = rows["message"].unique()
        items = []
        for row in rows.itertuples():
            key = known.get(row.training_key, {})
            items.append(
                {
                    "where": key.get("reference") or row.pool or row.source_file or "the whole audit",
                    "ends": "" if audit.is_masked or not key else ending(row.training_key),
                    "status": str(key.get("status", "")),
                    "message": row.message,
                    "source": f"{row.source_file}, row {row.source_row}" if row.source_row else row.source_file,
                }
            )
        groups.append(
            {
                "severity": severity,
                "code": code,
                "total": int(totals[severity, code]),
                "remedy": rows["remedy"].iloc[0],
                "message": messages[0] if len(messages) == 1 else "",
                "items": items,
            }
        )
    return groups


def _figure(chart: Chart) -> dict[str, Any]:
    """A chart for the page; HTML needs no namespace, so that the page holds no address at all."""
    svg = chart.svg().replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
    return {"svg": Markup(svg), "sentence": repr(chart)}  # noqa: S704 - every text in it was escaped when it was written


def _steps(audit: Reconciliation) -> list[dict[str, Any]]:
    """The work list with a line per thing to do; the pools it is to be done in, the largest first."""
    steps = []
    for (day, status, step), rows in audit.today().groupby(["act_by", "status", "next_step"], sort=False):
        rows = rows.sort_values("keys", ascending=False, kind="stable")
        steps.append(
            {
                "when": audit.when(dt.date.fromisoformat(day)),
                "status": status,
                "next_step": step,
                "keys": int(rows["keys"].sum()),
                "pools": list(rows[["pool", "keys"]].head(6).itertuples(index=False)),
                "more": max(len(rows) - 6, 0),
            }
        )
    return steps


def _deadlines(audit: Reconciliation) -> list[dict[str, Any]]:
    left = audit.statuses["to_migrate"]
    coming = audit.calendar.next_deadline(audit.as_of)
    found = []
    for label, date in audit.calendar.deadlines():
        days = (date - audit.as_of).days
        is_next = coming == (label, date)
        todo = f" · {left:,} to migrate" if is_next and left else ""
        state = "next" if is_next else "past" if days < 0 else ""
        found.append({"label": label, "date": weekday(date), "when": away(days) + todo, "state": state})
    return found


def _pool(row: dict[Any, Any]) -> dict[str, Any]:
    keys = max(int(row["keys"]), 1)
    counts = [(code, int(row[code])) for code in STATUSES if row[code]]
    bars = [(code, n, round(100 * n / keys, 2)) for code, n in counts]
    act_by = row.get("act_by")
    return row | {"bars": bars, "act_by": "" if act_by is None or pd.isna(act_by) else weekday(act_by.date())}


def _below_pools(audit: Reconciliation) -> list[dict[str, Any]]:
    """What stands in no pool, and the sum."""
    counts = audit.summary(by="pool")
    rows = [("all keys", {"keys": len(audit.keys)} | audit.statuses)]
    if NO_POOL in counts.index and NO_POOL not in set(audit.pools["pool"]):
        rows.insert(0, (NO_POOL, counts.loc[NO_POOL].to_dict()))
    return [_pool({"pool": name, "stage": "", "next_step": ""} | row) for name, row in rows]
