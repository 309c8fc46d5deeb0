"""report.html: one self-contained page, masked, no network. (DESIGN §5)"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from keyaudit import __version__, charts
from keyaudit.audit import Audit
from keyaudit.calendar import PHASES
from keyaudit.card import Group, case_of, change_lines, first_screen, meaning_of, named_work, verdict_of
from keyaudit.charts.paint import DARK
from keyaudit.coded import Array
from keyaudit.explain import named
from keyaudit.markup import Html, html, joined, short
from keyaudit.report.book import Book
from keyaudit.report.evidence import evidence
from keyaudit.rulebook import FAMILIES, GROUPS, TOLD_TERMS, WORKS
from keyaudit.tallies import NO_POOL, Task
from keyaudit.words import away, count, sentence, weekday

OF_A_LINE, IN_THE_WORK = 50, 1_500  # keys listed in the work: of a pool, of all
LINES, KINDS = 12, 12  # pools of one step of the work (the others open); kinds of change
IN_USE = {"yes": "works", "used": "used", "unknown": "not known", "not_yet": "does not work yet", "no": "does not work"}
LOOKS = Path(__file__).parent
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'">
<title>{}Training keys as of {}</title>
<style>
{}</style>
</head>
<body>
<a class="skip" href="#work">Skip to what to do</a>
<main>
{}
<p class="mute">Made by keyaudit {}. {}</p>
</main>
<script type="application/json" id="data">{}</script>
<script>{}</script>
</body>
</html>
"""
NAV = """<nav aria-label="On this page"><a href="#work">What to do</a><a href="#keys">Look up a key</a>
<a href="#deadlines">Deadlines</a><a href="#statuses">Statuses</a><a href="#pools">Pools</a><a href="#findings">Findings</a>
<a href="#sources">Evidence</a><a href="#words">Words</a></nav>"""
STEP = (
    '<li><div class="head"><h3 data-copy>{} {}</h3> <b class="when" data-copy>{}</b></div>\n'
    '<div class="how"><p class="chips">{}<span class="mute" data-copy>{}</span> </p>{}\n{}\n{}</div></li>'
)
WORK = """<h2 id="work">What to do, in this order <a href="#terms">explained</a></h2>
{}
<details class="rest"><summary>What the words of these steps mean</summary><p id="terms">{}</p></details>
{}"""
CHIP = '<span class="chip {}">{} {}</span> '
REST = '<details class="rest"><summary>{}</summary>\n{}\n</details>'
AGAIN = "<details><summary>What to do: as in {}</summary><p data-copy>{}</p></details>"
IS_MASKED = "Masked to share: no file of this set holds a code in full or names a person."
IS_WHOLE = "Codes are masked here: the workbook and keys.csv hold them in full."


def write_page(audit: Audit, path: Path) -> int:
    """Write the page; returns the number of findings listed."""
    groups, book = first_screen(audit), Book(audit)
    below, listed = evidence(audit)
    parts = (
        _first_screen(audit, groups),
        _work(audit, groups),
        _look_up(audit, groups, book),
        _deadlines(audit),
        below,
    )
    name, kept = f"{audit.name} · " if audit.name else "", IS_MASKED if audit.is_masked else IS_WHOLE
    style, script, digest = _looks()
    values = (digest, name, weekday(audit.as_of), style, joined(parts), __version__, kept, book.as_json(), script)
    path.write_text(html(PAGE, *values), encoding="utf-8", newline="\n")
    return listed


@cache
def _looks() -> tuple[Html, Html, str]:
    """Style; script, and its hash: no other script runs in the page."""
    names = [
        (name, colour)
        for family, shades in FAMILIES.items()
        for name, colour in ((family, shades[0]), (f"{family}-text", shades[1]))
    ]
    light = "".join(f"--{name}:{colour};" for name, colour in names)
    dark = "".join(f"--{name}:{DARK.get(colour, colour)};" for name, colour in names) + charts.dark_css()
    kinds = "".join(f".{name}{{--fill:var(--{name})}} .t-{name}{{color:var(--{name}-text)}}\n" for name in FAMILIES)
    style, script = ((LOOKS / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    turned = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    return Html(f":root {{ {light} }}\n{turned}{style}{kinds}"), Html(script), digest


# --- what is read first ---


def _first_screen(audit: Audit, groups: list[Group]) -> Html:
    changed = change_lines(audit.changes)
    tile = '<li class="{}"><a href="#keys" data-group="{}"><b>{}</b> <span class="t-{}">{}</span><small>{}</small></a></li>'
    tiles = (html(tile, one.family, one.name, one.keys, one.family, one.words, one.told) for one in groups)
    drawn = (html('<i class="{}" style="flex-grow:{}"></i>', one.family, str(one.keys)) for one in groups if one.keys)
    return html(
        '<p class="kicker">{}Training keys as of {}{}</p>\n<header class="verdict {}">\n<h1>{}</h1>\n<p><b>{}</b> {}</p>\n'
        '<p>{}.{}</p>\n</header>\n<div class="bar first" role="img" aria-label="{}">{}</div>\n<ul class="groups">\n{}\n</ul>\n{}',
        html("<bdi>{}</bdi> · ", short(case_of(audit))) if audit.name else "",
        weekday(audit.as_of),
        " · masked, to share" if audit.is_masked else "",
        audit.verdict,
        audit.headline,
        verdict_of(audit),
        meaning_of(audit),
        sentence(audit.deadline_sentence()),
        html(' <a href="#changes">{}.</a>', changed[0].rstrip(":.")) if changed else "",
        ", ".join(f"{one.keys:,} {one.words}" for one in groups),
        joined(drawn, ""),
        joined(tiles),
        Html(NAV),
    )


def _work(audit: Audit, groups: list[Group]) -> Html:
    """The work in its order: an entry per thing to do, in it a line per pool, in that its keys; then what is beside it."""
    steps: dict[Any, list[tuple[Task, Array]]] = {}
    left = IN_THE_WORK
    for task in audit.work:
        rows = task.rows[: min(OF_A_LINE, left)]
        left -= len(rows)
        steps.setdefault((task.act_by, task.status, task.next_step), []).append((task, rows))
    items = _keys(audit, [pair for tasks in steps.values() for pair in tasks])
    shown: list[Html] = []
    told: dict[str, int] = {}  # the first entry that tells a step
    for (day, _, step), tasks in steps.items():
        lines = [_line(task, rows, items) for task, rows in tasks]
        rows = np.concatenate([task.rows for task, _ in tasks])
        of = dict(
            zip(GROUPS, np.bincount(audit.facts.group[audit.order[rows]], minlength=len(GROUPS)).tolist(), strict=True)
        )
        chips = [html(CHIP, one.family, of[one.name], one.name) for one in groups if of[one.name]]
        left_out = f"{count(len(lines) - LINES, 'more pool')}: {count(sum(task.keys for task, _ in tasks[LINES:]))}"
        more = html(REST, left_out, joined(lines[LINES:])) if len(lines) > LINES else ""
        what = html(AGAIN, told[step], step) if step in told else html("<p data-copy>{}</p>", step)
        name, why = named_work(audit, [task for task, _ in tasks])
        head = (count(len(rows)), name, audit.when(day), joined(chips, ""), why)
        shown.append(html(STEP, *head, what, joined(lines[:LINES]), more))
        told.setdefault(step, len(shown))
    findings = count(sum(audit.count_findings().values()), "finding")
    none = html(
        '<p class="t-works"><b>No key needs action.</b> The evidence follows: <a href="#findings">{}</a>.</p>',
        findings,
    )
    beside = [html('<p class="t-check"><b>Not checked:</b> {}</p>', short(text)) for text in audit.not_checked]
    if audit.excused:
        accepted = "{} would need action, and all that is found is accepted in the case's settings (case.toml): listed below as <i>accepted</i>, not counted."
        beside.append(html(f"<p>{accepted}</p>", count(audit.excused)))
    if changed := change_lines(audit.changes, KINDS):
        lines = [html("<li>{}</li>", line) for line in changed[1:]]
        beside.append(html('<h2 id="changes">What changed</h2>\n<p>{}</p>\n<ul>{}</ul>', changed[0], joined(lines)))
    work = html('<ol class="work">\n{}\n</ol>', joined(shown)) if shown else none
    return html(WORK, work, joined(TOLD_TERMS, Html("<br>")), joined(beside))


def _keys(audit: Audit, work: list[tuple[Task, Array]]) -> dict[int, Html]:
    """The keys of lines of the work as items of a list, by their places in the order of urgency; the line names the pool."""
    f, words, families, items = audit.facts, list(WORKS), list(FAMILIES), {}
    places = np.concatenate([np.array([], np.int64), *(rows for _, rows in work)])
    pools, keys = [task.pool for task, rows in work for _ in rows], audit.order[places]
    for place, key, pool, (reference, end) in zip(
        places.tolist(), keys.tolist(), pools, named(audit, keys), strict=True
    ):
        name = reference.removeprefix(f"{pool}, ")
        until = "" if np.isnat(f.works_until[key]) else f" until {f.works_until[key].item().date()}"
        item = '<li data-k="{}"><i class="dot {}"></i><span><bdi>{}</bdi> <i class="end">{}</i></span> <small>{}</small></li>'
        works = IN_USE[words[f.works[key]]] + until
        items[place] = html(item, str(place), families[f.family_of_key[key]], short(name), end, works)
    return items


def _line(task: Task, rows: Array, items: dict[int, Html]) -> Html:
    """A pool's line of the work, which opens to its keys."""
    more = html(
        '<p class="mute">And {} more: look them up below, or in the workbook, sheet <i>Keys</i>.</p>',
        task.keys - len(rows),
    )
    where, listed = "" if task.pool == NO_POOL else "in ", joined(items[place] for place in rows.tolist())
    return html(
        '<details><summary data-copy>{}<bdi>{}</bdi>: {}</summary>\n<ul class="keys">\n{}\n</ul>{}</details>',
        *(where, short(task.pool), count(task.keys), listed, more if task.keys > len(rows) else ""),
    )


def _look_up(audit: Audit, groups: list[Group], book: Book) -> Html:
    options = joined((html("<option>{}</option>", group.name) for group in groups), "")
    few = '<p class="mute">{} of {} can be looked up here, the most urgent; all stand in the workbook, sheet <i>Keys</i>.</p>'
    return html(
        '<h2 id="keys">Look up a key</h2>\n<noscript><p>Looking up needs a script, and this browser runs none. The keys that need '
        "action stand above, below their pools; all keys stand in the workbook, sheet <i>Keys</i>.</p></noscript>\n"
        '<div id="lookup" hidden>\n<p class="filter"><label for="find">A pool, a row, the end of a code, a status</label> '
        '<input id="find" type="search" autocomplete="off" spellcheck="false"><select id="group" aria-label="Group">'
        '<option value="">every group</option>{}</select><output for="find group" aria-live="polite"></output></p>\n'
        '<ol id="found" class="keys"></ol>\n{}</div>',
        options,
        html(few, count(len(book)), audit.total) if len(book) < audit.total else "",
    )


def _deadlines(audit: Audit) -> Html:
    coming, day = audit.calendar.next_deadline(audit.as_of), audit.as_of
    dates = (
        html(
            '<li class="{}"><b>{}</b>{}<br><span class="mute">{}</span></li>',
            "next" if (label, date) == coming else "past" if date < day else "",
            *(weekday(date), label, away((date - day).days)),
        )
        for label, date in audit.calendar.deadlines()
    )
    drawn = '<figure class="chart">{}<figcaption aria-hidden="true">{}</figcaption></figure>'
    figures = (html(drawn, svg, told) for svg, told in _figures(audit))
    parts = (PHASES[audit.phase], joined(dates), joined(figures))
    return html(
        '<h2 id="deadlines">Where we are against the deadlines</h2>\n<p>{}</p>\n<ul class="line">\n{}\n</ul>\n{}',
        *parts,
    )


def _figures(audit: Audit) -> Iterator[tuple[Html, str]]:
    """The charts and what they say. HTML needs no namespace, so that the page holds no address at all."""
    for draw in charts.DRAWN[:5]:  # the last explains the rules: here the words below do that
        chart = draw(audit)
        yield Html(chart.svg().replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)), repr(chart)
