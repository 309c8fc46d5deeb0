"""The card an audit shows in JupyterLab, its text twin, and the words of the first screen of every view. (DESIGN §5)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keyaudit.audit import Audit
from keyaudit.changes import Changes
from keyaudit.coded import Array
from keyaudit.explain import named
from keyaudit.markup import Html, html, joined
from keyaudit.rulebook import FAMILIES, FINDINGS, GROUPS, SHADES, STATUS, STATUSES, TOLD_TERMS, VERDICTS, WORKS
from keyaudit.tallies import NO_POOL, Task
from keyaudit.words import count, plain, weekday

ACCENT = {"blocked": "dead", "act": "todo", "incomplete": "check", "watch": "check", "clear": "works"}
TASKS, KEYS, CHANGES = 6, 10, 6  # of the work list, of a line's keys, of the kinds of change
GROUP_FAMILY = dict(zip(GROUPS, ("dead", "todo", "unknown", "works"), strict=True))
NONE = {
    "locked out now": "no learner's code is known to fail",
    "due": "nothing waits",
    "settled": "no key is done with",
}
WORK_TODAY = {"yes": ("the code still works", "the codes still work"), "no": ("the code fails", "the codes fail")}
SMALL = Html("font-size:12px;opacity:.8")
# Stripes are for what nobody knows. A notebook that is not trusted keeps a plain gradient, not a repeating one.
STRIPES = "linear-gradient(135deg, {1} 25%, {0} 25%, {0} 50%, {1} 50%, {1} 75%, {0} 75%)".format(*FAMILIES["unknown"])
FILL = {name: Html(f"background-color:{colour}") for name, colour in SHADES.items()}
FILL["unknown"] = Html(f"background-image:{STRIPES};background-size:8px 8px")


class Group(NamedTuple):
    """A group of the first screen: `words` name it (`due by Fri 10 Apr 2026`), `told` says what it means."""

    name: str
    words: str
    keys: int
    told: str
    family: str


def first_screen(audit: Audit) -> list[Group]:
    """The groups every view begins with, together all keys; `not known` only where there are any."""
    f, words, names = audit.facts, {name: name for name in GROUPS}, list(GROUPS)
    told = {name: GROUPS[name] if number else NONE.get(name, "") for name, number in audit.groups.items()}
    days, counts = np.unique(f.act_by[f.group == names.index("due")].astype("datetime64[D]"), return_counts=True)
    when = [f"{number:,} {audit.when(day)}" for day, number in zip(days.tolist(), counts.tolist(), strict=True)]
    if when:
        words["due"] = f"due {audit.when(days[-1].item())}"
        told["due"] = "needs action; locks nobody out so far"
    if len(when) > 1:
        told["due"] = f"{', '.join(when[:2])}{', others later' if len(when) > 2 else ''}"
    if waiting := int(((f.group == names.index("not known")) & ~f.needs).sum()):
        told["not known"] += f"; {waiting:,} wait for a fuller export only"
    if audit.excused:
        told["locked out now"] += "" if audit.groups["locked out now"] else ", apart from what is accepted as it is"
        told["settled"] += f", or accepted as it is ({audit.excused:,})"
    shown = [(name, number) for name, number in audit.groups.items() if number or name != "not known"]
    return [Group(name, words[name], number, told[name], GROUP_FAMILY[name]) for name, number in shown]


def case_of(audit: Audit) -> str:
    """Whose audit it is: `Case "halfway"`."""
    return f'Case "{audit.name}"' if audit.name else ""


def verdict_of(audit: Audit) -> str:
    """`Verdict: blocked. Do not sign this off.`; what headline and meaning say is not said twice."""
    meaning = VERDICTS[audit.verdict]
    if audit.locked_out:
        meaning = f"{meaning.partition(':')[0].rstrip('.')}."
    return f"Verdict: {audit.verdict}.{'' if audit.headline.startswith(meaning[:-1]) else f' {meaning}'}"


def meaning_of(audit: Audit) -> str:
    """Who is locked out and what else is worst, where the verdict has not said it."""
    return audit.sentence if audit.sentence != VERDICTS[audit.verdict] else ""


def named_work(audit: Audit, tasks: Sequence[Task]) -> tuple[str, str]:
    """What some lines of work of one status are about, and in which way: what became of the keys, or the fault; do they work."""
    f, code = audit.facts, tasks[0].status
    keys = audit.order[np.concatenate([task.rows for task in tasks])]
    found, faults = np.unique(f.setting_number[keys]), f.setting_findings
    is_fault = code == STATUS.migrated and len(found) == 1 and found[0] > 0
    name = "migrated, with a fault" if code == STATUS.migrated else plain(code)
    told = FINDINGS[faults[found[0] - 1][0]].what.rstrip(".") if is_fault else STATUSES[code].short
    how = do_they_work(f.works[keys])
    return name, f"{told[:1].lower()}{told[1:]}{', ' if how else ''}{how}"


def do_they_work(works: Array) -> str:
    """Of some keys, by their places in WORKS: whether their codes work, if that is one answer; else nothing."""
    found = np.unique(works).tolist()
    return WORK_TODAY.get(list(WORKS)[found[0]], ("", ""))[len(works) > 1] if len(found) == 1 else ""


def line_of(audit: Audit, task: Task) -> str:
    """A line of the work list: `today: 3 keys in Azure, missing (deleted, not recreated, the codes fail)`."""
    where = task.pool if task.pool == NO_POOL else f"in {task.pool}"
    name, told = named_work(audit, [task])
    return f"{audit.when(task.act_by)}: {count(task.keys)} {where}, {name} ({told})"


def work_lines(audit: Audit, most: int = TASKS, rest: str = "audit.today() shows them all") -> list[str]:
    """The work in its order; `rest` says where all of it stands."""
    left = len(audit.work) - most
    more = [f"and {count(left, 'more line')}; {rest}"] if left > 0 else []
    return [*(line_of(audit, task) for task in audit.work[:most]), *more]


def change_lines(changes: Changes | None, most: int = CHANGES) -> list[str]:
    """What changed since the former audit, counted; no line if there is none to compare with."""
    if not changes:
        return [] if changes is None else ["Since the former audit no key has changed."]
    told = [f"{count(number)} {what}" for number, what in changes.counted()]
    more = [f"and {count(len(told) - most, 'more kind')} of change: changes.csv"] if len(told) > most else []
    return [f"Since the former audit {count(len(changes))} changed:", *told[:most], *more]


def tie_out_line(audit: Audit) -> str:
    """`413 rows read = 411 keys + 0 repeats + 2 set aside`."""
    sums = audit.tie_out_sums()
    parts = (count(sums["keys"]), count(sums["repeats"], "repeat"), f"{sums['set_aside']:,} set aside")
    return f"{count(sums['rows_read'], 'row')} read = {' + '.join(parts)}"


def card_text(audit: Audit) -> str:
    """The card's text twin, for a terminal and for comparing."""
    head = (case_of(audit), audit.headline, verdict_of(audit), meaning_of(audit))
    lines = [line for line in head if line]
    lines += [f"as of {weekday(audit.as_of)}; {audit.deadline_sentence()}", ""]
    lines += [f"  {group.words:<28}{group.keys:>9,}" for group in first_screen(audit)]
    lines += ["", *(f"  {line}" for line in work_lines(audit))] if audit.work else []
    lines += [f"not checked: {text}" for text in audit.not_checked]
    lines += ["", *changed] if (changed := change_lines(audit.changes)) else []
    lines += ["", *(f"  {plain(code):<28}{number:>9,}" for code, number in audit.statuses.items() if number), ""]
    lines += [f"{word}: {number:,} (certain: {sure:,})" for word, (number, sure) in audit.answer_counts.items()]
    return "\n".join([*lines, tie_out_line(audit)])


def card(audit: Audit) -> str:
    """The same as HTML: inline styles only; a line of the work opens to its next step and its keys."""
    groups = [(g, f"{g.words}: {g.keys:,}", f"{100 * g.keys / max(audit.total, 1):.2f}") for g in first_screen(audit)]
    part = '<div title="{}" style="width:{}%;min-width:{}px;{}"></div>'
    bar = joined((html(part, told, share, 3 if g.keys else 0, FILL[g.family]) for g, told, share in groups), "")
    tile = (
        '<div style="border-left:4px solid {};padding:0 12px 0 10px;margin:0 0 12px 0;flex:1 1 120px"><div style="font-size:20px;'
        'font-weight:bold">{}</div><div>{}</div><div style="{}">{}</div></div>'
    )
    tiles = joined((html(tile, SHADES[g.family], g.keys, g.words, SMALL, g.told) for g, _, _ in groups), "")
    lines = [html('<div style="{}">{}</div>', SMALL, line) for line in work_lines(audit)[TASKS:]]
    work = joined([*(_work(audit, task) for task in audit.work[:TASKS]), *lines] or ["No key needs action."], "")
    told = joined((html("<div>{}</div>", line) for line in TOLD_TERMS), "")
    words = html('<details style="{}"><summary>What the words of the steps mean</summary>{}</details>', SMALL, told)
    changes = joined((html("<div>{}</div>", line) for line in change_lines(audit.changes)), "")
    questions = joined((html("<div>Not checked: {}</div>", text) for text in audit.not_checked), "")
    known = ((STATUSES[code].short, number, plain(code)) for code, number in audit.statuses.items() if number)
    statuses = joined((html('<span title="{}">{} {}</span>', *one) for one in known), ", ")
    cells = '<tr><td style="text-align:left">{}</td><td style="text-align:right">{}</td><td style="text-align:right">{}</td></tr>'
    answers = joined((html(cells, word, *counts) for word, counts in audit.answer_counts.items()), "")
    return html(
        '<div class="tex2jax_ignore mathjax_ignore" style="max-width:760px;font-family:sans-serif;overflow-wrap:anywhere"><div style="border-left:8px solid {};padding:2px 0 2px 16px;'
        'margin-bottom:12px"><div style="{}"><bdi>{}</bdi></div><div style="font-size:22px;font-weight:bold">{}</div>'
        "<div><b>{}</b> {}</div><div>as of {}; {}</div>{}</div>"
        '<div style="display:flex;height:14px;margin-bottom:14px">{}</div><div style="display:flex;flex-wrap:wrap">{}</div>'
        '<div style="margin-bottom:12px">{}</div><div style="margin-bottom:12px">{}</div><div style="{}">{}</div>'
        '<table style="margin:8px 0;color:inherit"><thead><tr><th style="text-align:left">answer</th><th>keys</th>'
        '<th>certain</th></tr></thead><tbody>{}</tbody></table><div style="{}">{}</div></div>',
        *(SHADES[ACCENT[audit.verdict]], SMALL, case_of(audit), audit.headline, verdict_of(audit), meaning_of(audit)),
        *(weekday(audit.as_of), audit.deadline_sentence(), questions, bar, tiles, joined([work, words]), changes),
        *(SMALL, statuses, answers, SMALL, tie_out_line(audit)),
    )


def _work(audit: Audit, task: Task) -> Html:
    """A line of the work that opens: its next step, and its keys."""
    keys = [html("<li><bdi>{}</bdi> {}</li>", *name) for name in named(audit, audit.order[task.rows[:KEYS]])]
    more = [html("<li>and {} more</li>", task.keys - KEYS)] if task.keys > KEYS else []
    line = '<details><summary style="cursor:pointer"><bdi>{}</bdi></summary><div>{}</div><ul style="margin:4px 0 10px">{}</ul></details>'
    return html(line, line_of(audit, task), task.next_step, joined([*keys, *more], ""))
