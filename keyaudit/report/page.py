"""report.html: one self-contained page, masked, no network. `page.html` is its frame, with a {name} for each part. (DESIGN §5)"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from keyaudit import __version__, charts
from keyaudit.audit import Audit
from keyaudit.calendar import PHASES
from keyaudit.card import Group, case_of, change_lines, first_screen, meaning_of, named_work, verdict_of
from keyaudit.charts.paint import DARK
from keyaudit.coded import Array
from keyaudit.explain import TODAY, named, stories
from keyaudit.markup import Html, filled, html, joined, short
from keyaudit.masking import visible
from keyaudit.report.evidence import evidence
from keyaudit.rulebook import FAMILIES, GROUPS, STATUSES, TOLD_TERMS, WORKS
from keyaudit.tallies import NO_POOL, Task
from keyaudit.words import away, count, plain, sentence, weekday

OF_A_LINE, IN_THE_WORK = 50, 1_500  # keys listed in the work: of a pool, of all
LINES, KINDS = 12, 12  # pools of one step of the work (the others open); kinds of change
IN_USE = {"yes": "works", "used": "used", "unknown": "not known", "not_yet": "does not work yet", "no": "does not work"}
LOOKS = Path(__file__).parent
STEP = (
    '<li><div class="head"><h3 data-copy>{} {}</h3> <b class="when" data-copy>{}</b></div>\n'
    '<div class="how"><p class="chips">{}<span class="mute" data-copy>{}</span> </p>{}\n{}\n{}</div></li>'
)
ACCEPTED = "<p>{} would need action, and all that is found is accepted in the case's settings (case.toml): listed below as <i>accepted</i>, not counted.</p>"
LINE = '<details><summary data-copy>{}<bdi>{}</bdi>: {}</summary>\n<ul class="keys">\n{}\n</ul>{}</details>'
DATE = '<li class="{}"><b>{}</b>{}<br><span class="mute">{}</span></li>'
CHIP = '<span class="chip {}">{} {}</span> '
REST = '<details class="rest"><summary>{}</summary>\n{}\n</details>'
AGAIN = "<details><summary>What to do: as in {}</summary><p data-copy>{}</p></details>"
KEPT = (
    "Codes are masked here: the workbook and keys.csv hold them in full.",
    "Masked to share: no file of this set holds a code in full or names a person.",
)
# What can be looked up: all keys, if there are no more; else the most urgent of those that need action.
KEYS, BYTES, LENGTH = 5_000, 900_000, 750  # and how much their stories, and a line of one, may hold
PLACE = re.compile(r"(?s)(.*?, row )(0|[1-9][0-9]{0,8})(?![0-9])(.*)")
EPOCH = 719_163  # 1 January 1970


def write_page(audit: Audit, path: Path, *, to_share: bool = False) -> int:
    """Write the page (`to_share`: of a set that is); returns the number of findings listed."""
    groups, (below, listed) = first_screen(audit), evidence(audit)
    style, script, digest = _looks()
    data, told = book(audit)
    few = '<p class="mute">{} of {} can be looked up here, the most urgent; all stand in the workbook, sheet <i>Keys</i>.</p>'
    parts: dict[str, object] = {
        "digest": digest, "style": style, "script": script, "version": __version__, "day": weekday(audit.as_of),
        "name": f"{audit.name} · " if audit.name else "", "kept": KEPT[to_share],
        "data": data, "few": html(few, count(told), audit.total) if told < audit.total else "",
        "to_share": " · masked, to share" if to_share else "",
        "options": joined((html("<option>{}</option>", group.name) for group in groups), ""),
    }  # fmt: skip
    parts |= _first_screen(audit, groups) | _work(audit, groups) | _deadlines(audit) | below
    path.write_text(filled((LOOKS / "page.html").read_text(encoding="utf-8"), parts), encoding="utf-8", newline="\n")
    return listed


def _looks() -> tuple[Html, Html, str]:
    """Style; script, and its hash: no other script runs in the page."""
    names: dict[str, str] = {}
    for family, (fill, word, *_) in FAMILIES.items():
        names |= {family: fill, f"{family}-text": word}
    light = "".join(f"--{name}:{colour};" for name, colour in names.items())
    dark = "".join(f"--{name}:{DARK.get(colour, colour)};" for name, colour in names.items()) + charts.dark_css()
    kinds = "".join(f".{name}{{--fill:var(--{name})}} .t-{name}{{color:var(--{name}-text)}}\n" for name in FAMILIES)
    style, script = ((LOOKS / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    turned = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    return Html(f":root {{ {light} }}\n{turned}{style}{kinds}"), Html(script), digest


# --- what is read first ---


def _first_screen(audit: Audit, groups: list[Group]) -> dict[str, object]:
    tile = '<li class="{}"><a href="#keys" data-group="{}"><b>{}</b> <span class="t-{}">{}</span><small>{}</small></a></li>'
    tiles = (html(tile, one.family, one.name, one.keys, one.family, one.words, one.told) for one in groups)
    drawn = (html('<i class="{}" style="flex-grow:{}"></i>', one.family, str(one.keys)) for one in groups if one.keys)
    changed = change_lines(audit.changes)
    return {
        "case": html("<bdi>{}</bdi> · ", short(case_of(audit))) if audit.name else "",
        "verdict": audit.verdict,
        "headline": audit.headline,
        "verdict_of": verdict_of(audit),
        "meaning": meaning_of(audit),
        "deadline": sentence(audit.deadline_sentence()),
        "changed": html(' <a href="#changes">{}.</a>', changed[0].rstrip(":.")) if changed else "",
        "told": ", ".join(f"{one.keys:,} {one.words}" for one in groups),
        "bar": joined(drawn, ""),
        "tiles": joined(tiles),
    }


def _work(audit: Audit, groups: list[Group]) -> dict[str, object]:
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
        held = audit.groups_of(audit.order[rows])
        chips = [html(CHIP, one.family, held[one.name], one.name) for one in groups if held[one.name]]
        left_out = f"{count(len(lines) - LINES, 'more pool')}: {count(sum(task.keys for task, _ in tasks[LINES:]))}"
        more = html(REST, left_out, joined(lines[LINES:])) if len(lines) > LINES else ""
        what = html(AGAIN, told[step], step) if step in told else html("<p data-copy>{}</p>", step)
        name, why = named_work(audit, [task for task, _ in tasks])
        head = (count(len(rows)), name, audit.when(day), joined(chips, ""), why)
        shown.append(html(STEP, *head, what, joined(lines[:LINES]), more))
        told.setdefault(step, len(shown))
    none = '<p class="t-works"><b>No key needs action.</b> The evidence follows: <a href="#findings">{}</a>.</p>'
    findings = count(sum(audit.count_findings().values()), "finding")
    beside = [html('<p class="t-check"><b>Not checked:</b> {}</p>', short(text)) for text in audit.not_checked]
    if audit.excused:
        beside.append(html(ACCEPTED, count(audit.excused)))
    if changed := change_lines(audit.changes, KINDS):
        lines = [html("<li>{}</li>", line) for line in changed[1:]]
        beside.append(html('<h2 id="changes">What changed</h2>\n<p>{}</p>\n<ul>{}</ul>', changed[0], joined(lines)))
    work = html('<ol class="work">\n{}\n</ol>', joined(shown)) if shown else html(none, findings)
    return {"work": work, "terms": joined(TOLD_TERMS, Html("<br>")), "beside": joined(beside)}


def _keys(audit: Audit, work: list[tuple[Task, Array]]) -> dict[int, Html]:
    """The keys of lines of the work as items of a list, by their places in the order of urgency; the line names the pool."""
    f, words, families, items = audit.facts, list(WORKS), list(FAMILIES), {}
    places = np.concatenate([np.array([], np.int64), *(rows for _, rows in work)])
    pools, names = (task.pool for task, rows in work for _ in rows), named(audit, audit.order[places])
    item = (
        '<li data-k="{}"><i class="dot {}"></i><span><bdi>{}</bdi> <i class="end">{}</i></span> <small>{}</small></li>'
    )
    for place, pool, (reference, end) in zip(places.tolist(), pools, names, strict=True):
        key, name = audit.order[place], reference.removeprefix(f"{pool}, ")
        until = "" if np.isnat(f.works_until[key]) else f" until {f.works_until[key].item().date()}"
        works = IN_USE[words[f.works[key]]] + until
        items[place] = html(item, str(place), families[f.family_of_key[key]], short(name), end, works)
    return items


def _line(task: Task, rows: Array, items: dict[int, Html]) -> Html:
    """A pool's line of the work, which opens to its keys."""
    more = '<p class="mute">And {} more: look them up below, or in the workbook, sheet <i>Keys</i>.</p>'
    rest = html(more, task.keys - len(rows)) if task.keys > len(rows) else ""
    where, listed = "" if task.pool == NO_POOL else "in ", joined(items[place] for place in rows.tolist())
    return html(LINE, where, short(task.pool), count(task.keys), listed, rest)


def _deadlines(audit: Audit) -> dict[str, object]:
    """The deadlines, and the charts with what they say: but for the last, which explains the rules, as the words below do."""
    coming, day = audit.calendar.next_deadline(audit.as_of), audit.as_of
    dates = []
    for label, date in audit.calendar.deadlines():
        kind = "next" if (label, date) == coming else "past" if date < day else ""
        dates.append(html(DATE, kind, weekday(date), label, away((date - day).days)))
    drawn = '<figure class="chart">{}<figcaption aria-hidden="true">{}</figcaption></figure>'
    address = ' xmlns="http://www.w3.org/2000/svg"'  # HTML needs none, so that the page holds no address at all
    made = (draw(audit) for draw in charts.DRAWN[:5])
    figures = (html(drawn, Html(chart.svg().replace(address, "", 1)), repr(chart)) for chart in made)
    return {"phase": PHASES[audit.phase], "dates": joined(dates), "figures": joined(figures)}


def book(audit: Audit) -> tuple[Html, int]:
    """What `page.js` tells of keys, as JSON that can stand in a page (no sign in it ends an element or a line); and of how many.

    Of a key: [name, row, end, status, group, family, [what, text, …], [day, what, …]]. Each text stands in it once, and is a
    number of `texts`; one that names a row is a pair there, and its row follows its number.
    """
    f, size, told = audit.facts, 0, list[str]()
    numbers: dict[object, int] = {}
    known: dict[str, tuple[int, ...]] = {}
    as_json = json.JSONEncoder(separators=(",", ":")).encode

    def number(text: object) -> int:
        return numbers.setdefault(text, len(numbers))

    def placed(text: str) -> tuple[int, ...]:
        """The number of a text, and of the row it names."""
        if text not in known:
            shown = visible(short(text, LENGTH))
            if ", row " in shown and (found := PLACE.fullmatch(shown)):
                return number((found[1], found[3])), int(found[2])
            known[text] = (number(shown),)
        return known[text]

    keys = audit.order[: audit.total if audit.total <= KEYS else min(audit.needing, KEYS)]
    of = zip(*(column[keys].tolist() for column in (f.status, f.group, f.family_of_key)), strict=True)
    for (name, end), kinds, story in zip(named(audit, keys), of, stories(audit, keys), strict=True):
        head, row, *_ = (*placed(name), 0)
        lines = [one for what, text in story.lines for one in (number(what), *placed(text))]
        own = [one for day, what, is_own in story.life if is_own for one in (day.toordinal() - EPOCH, number(what))]
        told.append(as_json([head, row, visible(end), *kinds, lines, own]))
        size += len(told[-1])
        if size > BYTES:
            break
    shared = [*((date, label.lower()) for label, date in audit.calendar.deadlines()), (audit.as_of, TODAY)]
    words = {
        "texts": list(numbers), "deadlines": [[day.toordinal() - EPOCH, what] for day, what in shared], "today": TODAY,
        "statuses": [*map(plain, STATUSES)], "groups": list(GROUPS), "families": list(FAMILIES),
    }  # fmt: skip
    whole = f'{as_json(words)[:-1]},"keys":[{",".join(told)}]}}'
    return Html(whole.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")), len(told)
