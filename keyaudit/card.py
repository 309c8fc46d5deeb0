"""The card an audit shows in JupyterLab, its text twin, and the words of the first screen of every view. (DESIGN §5)"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keyaudit.changes import Changes
from keyaudit.explain import named
from keyaudit.masking import visible
from keyaudit.rulebook import FAMILIES, GROUPS, MEANS, SHADES
from keyaudit.tallies import NO_POOL, Task
from keyaudit.words import count, plain, weekday

if TYPE_CHECKING:
    from keyaudit.audit import Reconciliation

ACCENT = {"blocked": "dead", "act": "todo", "incomplete": "check", "watch": "check", "clear": "works"}
TASKS, KEYS, CHANGES = 6, 10, 6  # of the work list, of a line's keys, of the kinds of change
TO_DO = {"migrated": "migrated, but something in it is wrong"}  # a status that alone does not say that there is work
NONE = {
    "locked out now": "no learner's code is known to fail",
    "due": "nothing waits",
    "settled": "nothing is done with yet",
}
SMALL = "font-size:12px;opacity:.8"
# Stripes are for what nobody knows. A notebook that is not trusted keeps a plain gradient, not a repeating one.
STRIPES = "linear-gradient(135deg, {1} 25%, {0} 25%, {0} 50%, {1} 50%, {1} 75%, {0} 75%)".format(*FAMILIES["unknown"])
FILL = {name: f"background-color:{colour}" for name, colour in SHADES.items()} | {
    "unknown": f"background-image:{STRIPES};background-size:8px 8px"
}


class Group(NamedTuple):
    """A group of the first screen: `words` name it (`due by Fri 10 Apr 2026`), `told` says what it means."""

    name: str
    words: str
    keys: int
    told: str
    family: str


def first_screen(audit: Reconciliation) -> list[Group]:
    """The groups every view begins with, together all keys; `not known` only where there are any."""
    f, words, told = audit.facts, {name: name for name in GROUPS}, dict(GROUPS)
    days, counts = np.unique(f.act_by[f.group == list(GROUPS).index("due")].astype("datetime64[D]"), return_counts=True)
    when = [(audit.when(day), f"{number:,}") for day, number in zip(days.tolist(), counts.tolist(), strict=True)]
    if when:
        words["due"] = f"due {when[-1][0]}"
        told["due"] = (
            "needs somebody; locks nobody out so far"
            if len(when) == 1
            else f"{when[0][1]} {when[0][0]}, {when[1][1]} {when[1][0]}{', others later' * (len(when) > 2)}"
        )
    told["settled"] += f", or accepted as it is ({audit.excused:,})" if audit.excused else ""
    told |= {name: words for name, words in NONE.items() if not audit.groups[name]}
    family = dict(zip(GROUPS, ("dead", "todo", "unknown", "works"), strict=True))
    return [
        Group(name, words[name], number, told[name], family[name])
        for name, number in audit.groups.items()
        if number or name != "not known"
    ]


def group_words(audit: Reconciliation) -> dict[str, str]:
    """The groups of the first screen by name, in plain words."""
    return {group.name: group.words for group in first_screen(audit)}


def line_of(audit: Reconciliation, task: Task) -> str:
    """A line of the work list: `today: 3 keys in Azure, missing`."""
    return f"{audit.when(task.act_by)}: {count(task.keys)} {'' if task.pool == NO_POOL else 'in '}{task.pool}, {TO_DO.get(task.status, plain(task.status))}"


def work_lines(audit: Reconciliation, most: int = TASKS, rest: str = "audit.today()") -> list[str]:
    """The work in its order; `rest` is where all of it stands."""
    left = len(audit.work) - most
    return [
        *(line_of(audit, task) for task in audit.work[:most]),
        *([f"and {count(left, 'more line')}: {rest}"] if left > 0 else []),
    ]


def change_lines(changes: Changes | None, most: int = CHANGES) -> list[str]:
    """What changed since the former audit, counted; no line if there is none to compare with."""
    if changes is None or not len(changes):
        return [] if changes is None else ["Since the former audit no key has changed."]
    told = [f"{count(number)} {what}" for number, what in changes.counted()]
    more = [f"and {count(len(told) - most, 'more kind')} of change: changes.csv"] if len(told) > most else []
    return [f"Since the former audit {count(len(changes))} changed:", *told[:most], *more]


def tie_out_line(audit: Reconciliation) -> str:
    """`413 rows read = 411 keys + 0 repeats + 2 set aside`."""
    sums = audit.tie_out_sums()
    return f"{count(sums['rows_read'], 'row')} read = {count(sums['keys'])} + {count(sums['repeats'], 'repeat')} + {sums['set_aside']:,} set aside"


def card_text(audit: Reconciliation) -> str:
    """The card's text twin, for a terminal and for comparing."""
    lines = [*([audit.name] if audit.name else []), f"{audit.verdict}: {audit.headline}", audit.sentence]
    lines += [f"as of {weekday(audit.as_of)}; {audit.deadline_sentence()}", ""]
    lines += [f"  {group.words:<28}{group.keys:>9,}" for group in first_screen(audit)]
    lines += ["", *(f"  {line}" for line in work_lines(audit))] if audit.work else []
    lines += [f"not checked: {text}" for text in audit.not_checked]
    lines += ["", *changed] if (changed := change_lines(audit.changes)) else []
    lines += ["", *(f"  {plain(code):<28}{number:>9,}" for code, number in audit.statuses.items() if number), ""]
    lines += [f"{word}: {number:,} (certain: {sure:,})" for word, (number, sure) in audit.answer_counts.items()]
    return "\n".join([*lines, tie_out_line(audit)])


def card(audit: Reconciliation) -> str:
    """Verdict, the groups with one proportional bar, the work in its order with its keys, statuses, answers, tie-out."""
    groups, total = first_screen(audit), max(audit.total, 1)
    bar = "".join(
        f'<div title="{_html(g.words)}: {g.keys:,}" style="width:{100 * g.keys / total:.2f}%;{"min-width:3px;" * (g.keys > 0)}{FILL[g.family]}"></div>'
        for g in groups
    )
    tiles = "".join(
        f'<div style="border-left:4px solid {SHADES[g.family]};padding:0 12px 0 10px;margin:0 0 12px 0;flex:1 1 120px">'
        f'<div style="font-size:20px;font-weight:bold">{g.keys:,}</div><div>{_html(g.words)}</div><div style="{SMALL}">{_html(g.told)}</div></div>'
        for g in groups
    )
    work = "".join(map(_work, [audit] * TASKS, audit.work)) + "".join(
        f'<div style="{SMALL}">{_html(line)}</div>' for line in work_lines(audit)[TASKS:]
    )
    changes = "".join(f"<div>{_html(line)}</div>" for line in change_lines(audit.changes))
    questions = "".join(f"<div>Not checked: {_html(text)}</div>" for text in audit.not_checked)
    statuses = ", ".join(
        f'<span title="{MEANS[code]}">{number:,} {plain(code)}</span>'
        for code, number in audit.statuses.items()
        if number
    )
    answers = "".join(
        f'<tr><td style="text-align:left">{word}</td><td style="text-align:right">{number:,}</td><td style="text-align:right">{sure:,}</td></tr>'
        for word, (number, sure) in audit.answer_counts.items()
    )
    return (
        f'<div style="max-width:760px;font-family:sans-serif">'
        f'<div style="border-left:8px solid {SHADES[ACCENT[audit.verdict]]};padding:2px 0 2px 16px;margin-bottom:12px"><div style="{SMALL}">{_html(audit.name)}</div>'
        f'<div style="font-size:22px;font-weight:bold">{audit.headline}</div><div><b>{audit.verdict}</b>: {_html(audit.sentence)}</div>'
        f"<div>as of {weekday(audit.as_of)}; {audit.deadline_sentence()}</div>{questions}</div>"
        f'<div style="display:flex;height:14px;margin-bottom:14px">{bar}</div><div style="display:flex;flex-wrap:wrap">{tiles}</div>'
        f'<div style="margin-bottom:12px">{work or "No key needs somebody."}</div><div style="margin-bottom:12px">{changes}</div><div style="{SMALL}">{statuses}</div>'
        f'<table style="margin:8px 0;color:inherit"><thead><tr><th style="text-align:left">answer</th><th>keys</th><th>certain</th></tr></thead><tbody>{answers}</tbody></table>'
        f'<div style="{SMALL}">{tie_out_line(audit)}</div></div>'
    )


def _work(audit: Reconciliation, task: Task) -> str:
    """A line of the work that opens: its next step, and its keys."""
    keys = [f"<li><bdi>{_html(' '.join(name))}</bdi></li>" for name in named(audit, audit.order[task.rows[:KEYS]])]
    more = [f"<li>and {task.keys - KEYS:,} more</li>"] if task.keys > KEYS else []
    return f'<details><summary style="cursor:pointer"><bdi>{_html(line_of(audit, task))}</bdi></summary><div>{_html(task.next_step)}</div><ul style="margin:4px 0 10px">{"".join([*keys, *more])}</ul></details>'


def _html(text: str) -> str:
    return escape(visible(text))
