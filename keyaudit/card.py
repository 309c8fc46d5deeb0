"""The card an audit shows in JupyterLab: inline styles only, readable in both themes, safe in an untrusted notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from keyaudit.deadlines import weekday
from keyaudit.statuses import FAMILIES, STATUSES

if TYPE_CHECKING:
    from keyaudit.reconciliation import Reconciliation

ACCENT = {"blocked": "dead", "act": "todo", "incomplete": "check", "watch": "check", "clear": "works"}


def card(audit: Reconciliation) -> str:
    """Verdict, a bar of all keys, counts per status, the four answers, tie-out."""
    colour = FAMILIES[ACCENT[audit.verdict]][0]
    total = max(len(audit.keys), 1)
    counts = [(code, n, FAMILIES[STATUSES[code].family][0]) for code, n in audit.statuses.items() if n]
    bar = "".join(
        f'<div title="{code}: {n:,}" style="width:{100 * n / total:.2f}%;background:{shade}"></div>'
        for code, n, shade in counts
    )
    tiles = "".join(
        f'<div style="border-left:4px solid {shade};padding:0 6px 0 8px;margin:0 0 10px 0;width:122px">'
        f'<div style="font-size:12px">{code}</div><div style="font-size:20px;font-weight:bold">{n:,}</div></div>'
        for code, n, shade in counts
    )
    answers = "".join(
        f'<tr><td style="text-align:left">{escape(row.answer)}</td>'
        f'<td style="text-align:right">{row.count:,}</td><td style="text-align:right">{row.certain:,}</td></tr>'
        for row in audit.answers.itertuples()
    )
    sums = audit.tie_out_sums()
    return (
        f'<div style="max-width:760px;font-family:sans-serif">'
        f'<div style="border-left:8px solid {colour};padding-left:14px;margin-bottom:12px">'
        f'<div style="font-size:22px;font-weight:bold">{escape(audit.headline)}</div>'
        f"<div>as of {weekday(audit.as_of)}; {escape(audit.deadline_sentence())}</div></div>"
        f'<div style="display:flex;height:14px;margin-bottom:12px">{bar}</div>'
        f'<div style="display:flex;flex-wrap:wrap">{tiles}</div>'
        f'<table style="margin:6px 0"><thead><tr><th style="text-align:left">answer</th><th>keys</th><th>certain</th></tr>'
        f"</thead><tbody>{answers}</tbody></table>"
        f'<div style="font-size:12px">{sums["rows_read"]:,} rows read = {sums["keys"]:,} keys + {sums["repeats"]:,} '
        f"repeats + {sums['set_aside']:,} set aside</div></div>"
    )
