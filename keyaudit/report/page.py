"""report.html: one self-contained page, masked, no network. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from keyaudit import __version__
from keyaudit.charts import Chart, keys_left, outlook, redemptions, status_by_pool, where_keys_went
from keyaudit.deadlines import PHASES, weekday
from keyaudit.masking import ending
from keyaudit.reconciliation import STAGES, VERDICTS, Reconciliation
from keyaudit.statuses import FAMILIES, STATUSES, WORKS_MEANING

LISTED = 500  # findings shown one by one; the rest is named and is in the workbook
MAX_POOLS = 200


def write_page(audit: Reconciliation, path: Path) -> int:
    """Write the page; returns the number of findings listed."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keyaudit.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    content = _content(audit)
    path.write_text(environment.get_template("page.html.j2").render(content), encoding="utf-8")
    return sum(len(group["items"]) for group in content["groups"])


def _content(audit: Reconciliation) -> dict[str, Any]:
    findings = audit.findings
    listed = findings.head(LISTED)
    references = audit.keys.drop_duplicates("training_key").set_index("training_key")["reference"]
    groups: list[dict[str, Any]] = []
    for (severity, code), rows in listed.groupby(["severity", "code"], sort=False, observed=True):
        total = int(((findings["severity"] == severity) & (findings["code"] == code)).sum())
        items = [
            {
                "where": references.get(row.training_key) or row.pool or row.source_file or "the whole audit",
                "ends": ending(row.training_key) if row.training_key in references.index else "",
                "pool": row.pool,
                "message": row.message,
                "source": f"{row.source_file}, row {row.source_row}" if row.source_row else row.source_file,
            }
            for row in rows.itertuples()
        ]
        groups.append(
            {"severity": severity, "code": code, "total": total, "remedy": rows["remedy"].iloc[0], "items": items}
        )
    statuses = [
        {"code": code, "count": count, "family": STATUSES[code].family, "when": STATUSES[code].when}
        for code, count in audit.statuses.items()
    ]
    return {
        "audit": audit,
        "charts": [_figure(draw(audit)) for draw in (keys_left, redemptions, outlook, status_by_pool, where_keys_went)],
        "version": __version__,
        "as_of": weekday(audit.as_of),
        "verdict_meaning": VERDICTS[audit.verdict],
        "phase": PHASES[audit.phase],
        "families": FAMILIES,
        "statuses": statuses,
        "tiles": [row for row in statuses if row["count"]],
        "steps": _steps(audit),
        "deadlines": [
            {"label": label, "date": weekday(date), "days": (date - audit.as_of).days}
            for label, date in audit.calendar.deadlines()
        ],
        "pools": [_pool(row) for row in audit.pools.head(MAX_POOLS).to_dict("records")],
        "pools_total": len(audit.pools),
        "stages": STAGES,
        "groups": groups,
        "findings_total": len(findings),
        "tie_out": audit.tie_out_sums(),
        "sources": audit.sources.to_dict("records"),
        "answers": audit.answers.to_dict("records"),
        "works_meaning": WORKS_MEANING,
        "works": audit.works,
    }


def _figure(chart: Chart) -> dict[str, Any]:
    """A chart for the page; HTML needs no namespace, so that the page holds no address at all."""
    svg = chart.svg().replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
    return {"svg": Markup(svg), "sentence": repr(chart)}  # noqa: S704 - every text in it was escaped when it was written


def _steps(audit: Reconciliation) -> list[dict[str, Any]]:
    """The work list with a line per thing to do; the pools it is to be done in, the largest first."""
    steps = []
    for (day, status, step), rows in audit.today().groupby(["act_by", "status", "next_step"], sort=False):
        rows = rows.sort_values("keys", ascending=False, kind="stable")
        named = [f"{row.pool} ({row.keys:,})" for row in rows.head(6).itertuples()]
        more = f" and {len(rows) - 6} more" if len(rows) > 6 else ""
        when = "today" if day == audit.as_of.isoformat() else "by " + weekday(dt.date.fromisoformat(day))
        steps.append(
            {
                "when": when,
                "status": status,
                "family": STATUSES[status].family,
                "next_step": step,
                "keys": int(rows["keys"].sum()),
                "pools": ", ".join(named) + more,
            }
        )
    return steps


def _pool(row: dict[Any, Any]) -> dict[str, Any]:
    keys = max(int(row["keys"]), 1)
    counts = [(code, int(row[code])) for code in STATUSES if row[code]]
    bars = [(code, STATUSES[code].family, n, round(100 * n / keys, 2)) for code, n in counts]
    act_by = row["act_by"]
    return row | {"bars": bars, "act_by": "" if act_by != act_by else act_by.date().isoformat()}
