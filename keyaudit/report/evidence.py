"""The evidence of report.html: statuses and answers, pools, findings, sources, the words. (DESIGN §5)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from keyaudit.audit import Audit
from keyaudit.card import do_they_work, tie_out_line
from keyaudit.coded import Array, Coded
from keyaudit.explain import named
from keyaudit.markup import Html, html, joined, short
from keyaudit.rulebook import ACTIONS, ANSWERS, FAMILIES, GROUPS, STAGES, STATUSES, VERDICTS, WORKS
from keyaudit.tallies import NO_POOL, cross_count
from keyaudit.words import count, plain, sentence, weekday

OF_A_GROUP, FINDINGS = 100, 3_000  # findings listed: of a kind, of all
ROWS = 200  # pools, files
HUES = {"critical": "dead", "error": "todo", "warning": "check"}
ACTION = {step.text: ACTIONS[step.action] for one in STATUSES.values() for step in one.steps if step.action}


def evidence(audit: Audit) -> tuple[dict[str, object], int]:
    """All of it, by the names it has in `page.html`; and how many findings are listed."""
    groups = list(_findings(audit))
    parts = _statuses(audit) | _pools(audit) | _grouped(groups) | _sources(audit) | _dictionary(audit)
    return parts, sum(len(group["rows"]) for group in groups)


def _families(audit: Audit) -> Coded:
    """The colour family of every key, in the order of urgency."""
    return Coded(audit.facts.family_of_key[audit.order].astype(np.int32), list(FAMILIES))


def _statuses(audit: Audit) -> dict[str, object]:
    kinds = cross_count(audit.key_columns["status"], _families(audit), "")
    most = max(audit.statuses.values())
    rows = (
        _row(
            html('{} <small class="mute">{}</small>', plain(code), STATUSES[code].short),
            _cell(audit.statuses[code], "Keys", "n"),
            _cell(html("{}{}", _bar(of, audit.statuses[code] / most), _split(audit, code, of))),
        )
        for code, of in kinds.items()
    )
    answers = (
        _row(word, _cell(number, "Keys", "n"), _cell(sure, "Certain", "n"), _cell(ANSWERS[word]))
        for word, (number, sure) in audit.answer_counts.items()
    )
    return {
        "statuses": _table(("Status", "#Keys", "Of which"), rows),
        "answers": _table(("Answer", "#Keys", "#Certain", "Definition"), answers, kind=""),
    }


def _pools(audit: Audit) -> dict[str, object]:
    """Every pool, the keys in no pool, and all keys; what became of the keys as families (the bar) and statuses."""
    pool, family, status = audit.key_columns["pool"], _families(audit), audit.key_columns["status"]
    kinds, statuses = cross_count(pool, family, NO_POOL), cross_count(pool, status, NO_POOL)
    every = dict(zip(FAMILIES, np.bincount(family.codes, minlength=len(FAMILIES)).tolist(), strict=True))

    def told(name: str, of: Any, codes: dict[str, int], stage: str = "", step: str = "", day: Any = None) -> Html:
        words = ", ".join(f"{number:,} {plain(code)}" for code, number in codes.items() if number)
        cells = [
            _cell(plain(stage), "Stage"),
            _cell(sum(codes.values()), "Keys", "n"),
            _cell(html("{}{}", _bar(of), words)),
        ]
        by = (
            html('<td data-of="Act by" data-v="{}">{}</td>', str(day), weekday(day))
            if day
            else Html('<td data-v="9999"></td>')
        )
        return _row(short(name), *cells, _cell(sentence(step)), by)

    rows = []
    for one in audit.pool_rows[:ROWS]:
        step = ACTION.get(one.next_step, one.next_step)
        rows.append(told(one.pool, kinds.get(one.pool, {}), one.statuses, one.stage, step, one.act_by))
    below = [told(NO_POOL, kinds[NO_POOL], statuses[NO_POOL])] if NO_POOL in kinds else []
    heads = ("Pool", "Stage", "#Keys", "What became of them", "Next step", "Act by")
    shown = _table(heads, rows, [*below, told("all keys", every, audit.statuses)], "sort pools")
    return {"pools": shown, "more_pools": _rest(len(audit.pool_rows) - ROWS, "pool", "Pools")}


def _findings(audit: Audit) -> Iterator[dict[str, Any]]:
    """The findings by severity, kind and remedy, the worst first, a few of each listed."""
    columns, left = audit.finding_columns, FINDINGS
    severity, code, remedy = (columns[name].codes.astype(np.int64) for name in ("severity", "code", "remedy"))
    kind = (severity * len(columns["code"].values) + code) * len(columns["remedy"].values) + remedy
    _, first, group, totals = np.unique(kind, return_index=True, return_inverse=True, return_counts=True)
    by_group = np.split(np.argsort(group, kind="stable"), np.cumsum(totals)[:-1])
    shown = {}
    for number in np.argsort(first).tolist():
        shown[number] = by_group[number][: min(OF_A_GROUP, left)]
        left -= len(shown[number])
    keys = np.unique(columns["key"][np.concatenate([np.array([], np.int64), *shown.values()])])
    keys = keys[keys >= 0]
    names = dict(zip(keys.tolist(), named(audit, keys), strict=True))
    for number, rows in shown.items():
        told = {name: columns[name][first[number]] for name in ("severity", "code", "remedy")}
        messages = {columns["message"][place] for place in rows.tolist()}
        is_one = len(messages) == 1
        yield told | {
            "total": int(totals[number]),
            "message": messages.pop() if is_one else "",
            "rows": list(_items(audit, rows, names, is_one)),
        }


def _items(audit: Audit, rows: Array, names: dict[int, tuple[str, str]], is_one: bool) -> Iterator[Html]:
    """Some findings: where, the key's status and ending, what (unless it is one for all), the file."""
    columns, status = audit.finding_columns, audit.key_columns["status"]
    for place, key in zip(rows.tolist(), columns["key"][rows].tolist(), strict=True):
        file, line = columns["source_file"][place] or "", int(columns["source_row"][place])
        at = int(audit.places[key]) if key >= 0 else -1
        where, end = names[key] if key >= 0 else (columns["pool"][place] or file or "the whole audit", "")
        yield html(
            '<tr class="item"{}><th scope="row"><span>{}</span></th>{}{}{}{}</tr>',
            html(' data-k="{}"', str(at)) if key >= 0 else "",
            short(where),
            _cell(plain(status[at]) if key >= 0 else ""),
            _cell(end, "Ends in"),
            "" if is_one else _cell(short(columns["message"][place])),
            _cell(short(f"{file}, row {line}" if line else file), "Source", "mute"),
        )


def _grouped(groups: list[dict[str, Any]]) -> dict[str, object]:
    one = (
        '<details class="group"><summary><b class="t-{}">{}</b> · <h3>{}</h3> · {}<br><span data-copy>{}</span></summary>'
        "\n{}\n{}\n{}</details>"
    )
    shown = []
    for group in groups:
        severity, total, message, rows = (group[name] for name in ("severity", "total", "message", "rows"))
        heads = ("Where", "Status", "Ends in", *([] if message else ["What"]), "Source")
        said = html("<p>{}</p>", short(message)) if message else ""
        listed = (_table(heads, rows) if rows else "", _rest(total - len(rows), "finding", "Findings"))
        head = (HUES.get(severity, "nothing"), severity, plain(group["code"]), total, group["remedy"])
        shown.append(html(one, *head, said, *listed))
    box = (
        '<p class="filter" hidden><label for="filter">Show only</label> <input id="filter" type="search" '
        'placeholder="a pool, a status, a reference" autocomplete="off"><output for="filter" aria-live="polite"></output></p>'
    )
    above = Html(box if shown else '<p class="t-works"><b>No findings.</b></p>')
    return {"filter": above, "findings": joined(shown)}


def _sources(audit: Audit) -> dict[str, object]:
    counted = {"rows_read": "Rows read", "keys": "Keys", "repeats": "Repeats", "set_aside": "Set aside"}
    unused = any(one["columns_not_used"] for one in audit.source_rows)
    rows = (
        _row(
            short(one["source_file"]),
            _cell(plain(one["role"])),
            *(_cell(one[name], title, "n") for name, title in counted.items()),
            *([_cell(short(one["columns_not_used"]), "Columns not used")] if unused else []),
        )
        for one in audit.source_rows[:ROWS]
    )
    heads = ("File", "Role", *(f"#{title}" for title in counted.values()), *(["Columns not used"] if unused else []))
    return {
        "tie_out": tie_out_line(audit),
        "unexplained": audit.tie_out_sums()["unexplained"],
        "sources": _table(heads, rows),
        "more_sources": _rest(len(audit.source_rows) - ROWS, "file", "Sources"),
    }


def _dictionary(audit: Audit) -> dict[str, object]:
    statuses = {code: one.when for code, one in STATUSES.items()}
    kinds: dict[str, tuple[Any, Any]] = {
        "The four groups": (GROUPS, audit.groups),
        "The 14 statuses, of which the first that fits is taken": (statuses, audit.statuses),
        "Does it work?": (WORKS, audit.works),
        "Stages of a pool": (STAGES, None),
        "Verdicts": (VERDICTS, None),
    }
    shown = []
    for title, (meanings, counts) in kinds.items():
        rows = (
            _row(plain(word), *([_cell(counts[word], "Keys", "n")] if counts else []), _cell(told))
            for word, told in meanings.items()
        )
        heads = ("Word", *(["#Keys"] if counts else []), "Meaning")
        shown.append(html("<details><summary><h3>{}</h3></summary>{}</details>", title, _table(heads, rows, kind="")))
    return {"words": joined(shown)}


# --- pieces of a table ---


def _cell(value: object, of: str = "", kind: str = "") -> Html:
    """A cell; on a narrow screen, where a table has no head, `of` stands before what it holds."""
    named = html(' data-of="{}"', of) if of and value not in ("", None) else Html()
    return html("<td{}{}>{}</td>", html(' class="{}"', kind) if kind else Html(), named, value)


def _row(title: object, *cells: Html) -> Html:
    """A row of a table; its first cell is a heading."""
    return html('<tr><th scope="row">{}</th>{}</tr>', title, joined(cells, ""))


def _table(heads: Sequence[str], rows: Iterable[Html], foot: Iterable[Html] = (), kind: str = "sort") -> Html:
    """A table; a head that begins with # is of a column of numbers."""
    head = joined(
        (
            html('<th scope="col"{}>{}</th>', Html(' class="n"' if name[:1] == "#" else ""), name.lstrip("#"))
            for name in heads
        ),
        "",
    )
    below = html("<tfoot>{}</tfoot>", joined(foot)) if foot else Html()
    return html(
        '<table class="{}"><thead><tr>{}</tr></thead><tbody>\n{}\n</tbody>{}</table>', kind, head, joined(rows), below
    )


def _bar(parts: Mapping[str, int], share: float = 1) -> Html:
    """Families of keys as a bar that takes a share of its line; words beside it say the same."""
    if not any(parts.values()):
        return Html()
    drawn = (
        html('<i class="{}" style="flex-grow:{}"></i>', name, str(number)) for name, number in parts.items() if number
    )
    return html(
        '<span class="bar" aria-hidden="true" style="width:{}%">{}</span>', f"{100 * share:.4g}", joined(drawn, "")
    )


def _split(audit: Audit, code: str, parts: Mapping[str, int]) -> Html:
    """The families of a status in words and numbers; of several, what makes the difference: do the codes work?"""
    f, told = audit.facts, []
    shown = {name: number for name, number in parts.items() if number}
    for name, number in shown.items():
        said = html('<span class="t-{}">{}: {}</span>', name, FAMILIES[name][2], number)
        of = (f.status == list(STATUSES).index(code)) & (f.family_of_key == list(FAMILIES).index(name))
        how = do_they_work(f.works[of]) if len(shown) > 1 else ""
        told.append(html("{} <small>({})</small>", said, how) if how else said)
    return joined(told, ", ")


def _rest(number: int, what: str, sheet: str) -> Html:
    """How much is not listed, and where it stands."""
    more = '<p class="mute">And {}: workbook, sheet <i>{}</i>.</p>'
    return html(more, count(number, f"more {what}"), sheet) if number > 0 else Html()
