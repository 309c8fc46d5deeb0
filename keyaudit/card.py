"""The card an audit shows in JupyterLab: inline styles only, readable in both themes, safe in an untrusted notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from keyaudit.deadlines import weekday
from keyaudit.statuses import FAMILIES, STATUSES

if TYPE_CHECKING:
    from keyaudit.reconciliation import Reconciliation

ACCENT = {"blocked": "dead", "act": "todo", "incomplete": "check", "watch": "check", "clear": "works"}
# The text takes the theme's colour; borders and bars must show on white and on black. (2 : 1 at least)
SHADES = {name: colour for name, (colour, _, _) in FAMILIES.items()} | {"dead": "#9C3D78", "nothing": "#A3AEB9"}
SMALL = "font-size:12px;opacity:.8"


def card(audit: Reconciliation) -> str:
    """Verdict, a bar of all keys, a tile per status with what it asks for, the four answers, tie-out."""
    total = max(len(audit.keys), 1)
    lines = [line for line in audit.status_lines if line.keys]
    shades = {line.status: SHADES[STATUSES[line.status].family] for line in lines}
    bar = "".join(
        f'<div title="{line.status}: {line.keys:,}" style="width:{100 * line.keys / total:.2f}%;'
        f'background:{shades[line.status]}"></div>'
        for line in lines
    )
    tiles = "".join(
        f'<div style="border-left:4px solid {shades[line.status]};padding:0 14px 0 10px;margin:0 0 14px 0;min-width:118px">'
        f'<div style="{SMALL}">{line.status.replace("_", " ")}</div>'
        f'<div style="font-size:20px;font-weight:bold">{line.keys:,}</div>'
        f'<div style="{SMALL}">{audit.told(line)}</div></div>'
        for line in lines
    )
    answers = "".join(
        f'<tr><td style="text-align:left">{escape(row.answer)}</td>'
        f'<td style="text-align:right">{row.count:,}</td><td style="text-align:right">{row.certain:,}</td></tr>'
        for row in audit.answers.itertuples()
    )
    sums = audit.tie_out_sums()
    open_questions = "".join(f"<div>Not checked: {escape(text)}</div>" for text in audit.not_checked)
    return (
        f'<div style="max-width:760px;font-family:sans-serif">'
        f'<div style="border-left:8px solid {SHADES[ACCENT[audit.verdict]]};padding:2px 0 2px 16px;margin-bottom:12px">'
        f'<div style="font-size:22px;font-weight:bold">{escape(audit.headline)}</div>'
        f"<div>as of {weekday(audit.as_of)}; {escape(audit.deadline_sentence())}</div>{open_questions}</div>"
        f'<div style="display:flex;height:14px;margin-bottom:14px">{bar}</div>'
        f'<div style="display:flex;flex-wrap:wrap">{tiles}</div>'
        f'<table style="margin:0 0 8px 0;color:inherit"><thead><tr><th style="text-align:left">answer</th><th>keys</th><th>certain</th></tr>'
        f"</thead><tbody>{answers}</tbody></table>"
        f'<div style="{SMALL}">{sums["rows_read"]:,} rows read = {sums["keys"]:,} keys + {sums["repeats"]:,} '
        f"repeats + {sums['set_aside']:,} set aside</div></div>"
    )
