"""report.html: one self-contained page, masked, no network. `page.html` is its frame, with a {name} for each part. (DESIGN §5)"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from json.encoder import encode_basestring_ascii
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


def write_page(audit: Audit, path: Path) -> int:
    """Write the page; returns the number of findings listed."""
    groups, (below, listed) = first_screen(audit), evidence(audit)
    style, script, digest = _looks()
    parts: dict[str, object] = {
        "digest": digest, "style": style, "script": script, "version": __version__, "day": weekday(audit.as_of),
        "name": f"{audit.name} · " if audit.name else "", "kept": KEPT[audit.is_masked],
    }  # fmt: skip
    parts |= _first_screen(audit, groups) | _work(audit, groups) | _look_up(audit, groups) | _deadlines(audit) | below
    path.write_text(filled((LOOKS / "page.html").read_text(encoding="utf-8"), parts), encoding="utf-8", newline="\n")
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


def _first_screen(audit: Audit, groups: list[Group]) -> dict[str, object]:
    tile = '<li class="{}"><a href="#keys" data-group="{}"><b>{}</b> <span class="t-{}">{}</span><small>{}</small></a></li>'
    tiles = (html(tile, one.family, one.name, one.keys, one.family, one.words, one.told) for one in groups)
    drawn = (html('<i class="{}" style="flex-grow:{}"></i>', one.family, str(one.keys)) for one in groups if one.keys)
    changed = change_lines(audit.changes)
    return {
        "case": html("<bdi>{}</bdi> · ", short(case_of(audit))) if audit.name else "",
        "to_share": " · masked, to share" if audit.is_masked else "",
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
    return {"work": work, "terms": joined(TOLD_TERMS, Html("<br>")), "beside": joined(beside)}


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


def _look_up(audit: Audit, groups: list[Group]) -> dict[str, object]:
    book = Book(audit)
    few = '<p class="mute">{} of {} can be looked up here, the most urgent; all stand in the workbook, sheet <i>Keys</i>.</p>'
    return {
        "data": book.as_json(),
        "options": joined((html("<option>{}</option>", group.name) for group in groups), ""),
        "few": html(few, count(len(book)), audit.total) if len(book) < audit.total else "",
    }


def _deadlines(audit: Audit) -> dict[str, object]:
    """The deadlines, and the charts with what they say: but for the last, which explains the rules, as the words below do."""
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
    address = ' xmlns="http://www.w3.org/2000/svg"'  # HTML needs none, so that the page holds no address at all
    made = (draw(audit) for draw in charts.DRAWN[:5])
    figures = (html(drawn, Html(chart.svg().replace(address, "", 1)), repr(chart)) for chart in made)
    return {"phase": PHASES[audit.phase], "dates": joined(dates), "figures": joined(figures)}


class Book:
    """What `page.js` tells of a key: [name, row, end, status, group, family, [what, text, …], [day, what, …]].

    Texts are numbers of `texts`; one that names a row is a pair there, and its row follows its number.
    """

    def __init__(self, audit: Audit) -> None:
        f, size = audit.facts, 0
        keys = audit.order[: audit.total if audit.total <= KEYS else min(audit.needing, KEYS)]
        self._texts: dict[object, int] = {}
        self._known: dict[str, str] = {}
        self._keys: list[str] = []
        of = zip(*(column[keys].tolist() for column in (f.status, f.group, f.family_of_key)), strict=True)
        for (name, end), kinds, story in zip(named(audit, keys), of, stories(audit, keys), strict=True):
            head = self._placed(name)
            lines = ",".join(f"{self._place(what)},{self._placed(text)}" for what, text in story.lines)
            life = ",".join(
                f"{day.toordinal() - EPOCH},{self._place(what)}" for day, what, is_own in story.life if is_own
            )
            head += "" if "," in head else ",0"
            told = f"[{head},{encode_basestring_ascii(visible(end))},{','.join(map(str, kinds))},[{lines}],[{life}]]"
            self._keys.append(told)
            size += len(told)
            if size > BYTES:
                break
        shared = [*((date, label.lower()) for label, date in audit.calendar.deadlines()), (audit.as_of, TODAY)]
        self._shared = [[day.toordinal() - EPOCH, what] for day, what in shared]

    def __len__(self) -> int:
        return len(self._keys)

    def as_json(self) -> Html:
        """All of it as JSON that can stand in a page: no sign in it ends an element or a line."""
        words = {
            "texts": list(self._texts),
            "deadlines": self._shared,
            "today": TODAY,
            "statuses": [*map(plain, STATUSES)],
        }
        told = json.dumps(words | {"groups": list(GROUPS), "families": list(FAMILIES)}, separators=(",", ":"))
        whole = f'{told[:-1]},"keys":[{",".join(self._keys)}]}}'
        return Html(whole.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))

    def _place(self, text: object) -> int:
        return self._texts.setdefault(text, len(self._texts))

    def _placed(self, text: str) -> str:
        """The number of a text, and of the row it names."""
        if text in self._known:
            return self._known[text]
        shown = visible(short(text, LENGTH))
        if ", row " in shown and (found := PLACE.fullmatch(shown)):
            return f"{self._place((found[1], found[3]))},{found[2]}"
        self._known[text] = told = str(self._place(shown))
        return told
