"""The card an audit shows in JupyterLab: inline styles only, readable in both themes, safe in an untrusted notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from keyaudit.rulebook import FAMILIES, GROUPS
from keyaudit.words import count, plain, weekday

if TYPE_CHECKING:
    from keyaudit.audit import Reconciliation

ACCENT = {"blocked": "dead", "act": "todo", "incomplete": "check", "watch": "check", "clear": "works"}
GROUP_FAMILY = dict(zip(GROUPS, ("dead", "todo", "unknown", "works"), strict=True))
# The text takes the theme's colour; borders and bars must show on white and on black. (2 : 1 at least)
SHADES = {name: colour for name, (colour, _, _) in FAMILIES.items()} | {"dead": "#9C3D78", "nothing": "#A3AEB9"}
SMALL = "font-size:12px;opacity:.8"
TASKS = 6  # of the work list


def group_words(audit: Reconciliation) -> dict[str, str]:
    """The groups of the first screen in plain words: `due by Fri 10 Apr 2026`. Those without a key are left out."""
    due = max((task.act_by for task in audit.work), default=None)
    soon = min((task.act_by for task in audit.work if task.act_by != audit.as_of), default=due)
    words = {name: name for name in GROUPS} | {"due": f"due {audit.when(soon)}" if soon else "due"}
    return {name: words[name] for name, number in audit.groups.items() if number}


def work_lines(audit: Reconciliation, most: int = TASKS) -> list[str]:
    """The work in its order: `today: 3 keys in Azure, missing`."""
    lines = [
        f"{audit.when(task.act_by)}: {count(task.keys)} in {task.pool}, {plain(task.status)}"
        for task in audit.work[:most]
    ]
    left = len(audit.work) - most
    return [*lines, f"and {left:,} more lines: audit.today()"] if left > 0 else lines


def card_text(audit: Reconciliation) -> str:
    """The card's text twin, for a terminal and for comparing."""
    lines = [*([audit.name] if audit.name else []), audit.headline, audit.sentence]
    lines += [f"as of {weekday(audit.as_of)}; {audit.deadline_sentence()}", ""]
    lines += [f"  {words:<28}{audit.groups[name]:>9,}" for name, words in group_words(audit).items()]
    lines += ["", *(f"  {line}" for line in work_lines(audit))] if audit.work else []
    lines += [f"not checked: {text}" for text in audit.not_checked]
    lines += ["", *(f"  {plain(code):<28}{number:>9,}" for code, number in audit.statuses.items() if number), ""]
    lines += [f"{word}: {number:,} (certain: {sure:,})" for word, (number, sure) in audit.answer_counts.items()]
    return "\n".join([*lines, tie_out_line(audit)])


def tie_out_line(audit: Reconciliation) -> str:
    """`413 rows read = 411 keys + 0 repeats + 2 set aside`."""
    sums = audit.tie_out_sums()
    return f"{sums['rows_read']:,} rows read = {sums['keys']:,} keys + {sums['repeats']:,} repeats + {sums['set_aside']:,} set aside"


def card(audit: Reconciliation) -> str:
    """Verdict, the groups with one proportional bar, the work in order, statuses, the four answers, tie-out."""
    total, groups = max(audit.total, 1), group_words(audit)
    bar = "".join(
        f'<div title="{escape(words)}: {audit.groups[name]:,}" style="width:{100 * audit.groups[name] / total:.2f}%;'
        f'background:{SHADES[GROUP_FAMILY[name]]}"></div>'
        for name, words in groups.items()
    )
    tiles = "".join(
        f'<div style="border-left:4px solid {SHADES[GROUP_FAMILY[name]]};padding:0 22px 0 10px;margin:0 0 12px 0">'
        f'<div style="font-size:20px;font-weight:bold">{audit.groups[name]:,}</div>'
        f'<div style="{SMALL}">{escape(words)}</div></div>'
        for name, words in groups.items()
    )
    work = "".join(f"<li>{escape(line)}</li>" for line in work_lines(audit))
    answers = "".join(
        f'<tr><td style="text-align:left">{escape(word)}</td><td style="text-align:right">{number:,}</td>'
        f'<td style="text-align:right">{sure:,}</td></tr>'
        for word, (number, sure) in audit.answer_counts.items()
    )
    statuses = ", ".join(f"{number:,} {plain(code)}" for code, number in audit.statuses.items() if number)
    questions = "".join(f"<div>Not checked: {escape(text)}</div>" for text in audit.not_checked)
    name = f'<div style="{SMALL}">{escape(audit.name)}</div>' if audit.name else ""
    return (
        f'<div style="max-width:760px;font-family:sans-serif">'
        f'<div style="border-left:8px solid {SHADES[ACCENT[audit.verdict]]};padding:2px 0 2px 16px;margin-bottom:12px">{name}'
        f'<div style="font-size:22px;font-weight:bold">{escape(audit.headline)}</div><div>{escape(audit.sentence)}</div>'
        f"<div>as of {weekday(audit.as_of)}; {escape(audit.deadline_sentence())}</div>{questions}</div>"
        f'<div style="display:flex;height:14px;margin-bottom:14px">{bar}</div>'
        f'<div style="display:flex;flex-wrap:wrap">{tiles}</div>'
        f'<ol style="margin:0 0 12px;padding-left:20px">{work}</ol>'
        f'<div style="{SMALL}">{escape(statuses)}</div>'
        f'<table style="margin:0 0 8px 0;color:inherit"><thead><tr><th style="text-align:left">answer</th><th>keys</th><th>certain</th></tr>'
        f"</thead><tbody>{answers}</tbody></table>"
        f'<div style="{SMALL}">{tie_out_line(audit)}</div></div>'
    )
