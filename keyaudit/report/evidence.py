"""The evidence of report.html: statuses and answers, pools, findings, sources, the words. (DESIGN §5)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from keyaudit.audit import Audit
from keyaudit.card import do_they_work, tie_out_line
from keyaudit.coded import Array, Coded
from keyaudit.explain import named
from keyaudit.facts import alike
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
    findings, listed = _findings(audit)
    families = Coded(audit.facts.family_of_key[audit.order].astype(np.int32), list(FAMILIES))
    return _statuses(audit, families) | _pools(audit, families) | findings | _sources(audit) | _words(audit), listed


def _statuses(audit: Audit, families: Coded) -> dict[str, object]:
    kinds, most = cross_count(audit.key_columns["status"], families, ""), max(audit.statuses.values())
    rows = (
        (
            html('{} <small class="mute">{}</small>', plain(code), STATUSES[code].short),
            audit.statuses[code],
            html("{}{}", _bar(of, audit.statuses[code] / most), _split(audit, code, of)),
        )
        for code, of in kinds.items()
    )
    answers = ((word, *counts, ANSWERS[word]) for word, counts in audit.answer_counts.items())
    return {
        "statuses": _table(("Status", "#Keys", "Of which"), rows),
        "answers": _table(("Answer", "#Keys", "#Certain", "Definition"), answers, kind=""),
    }


def _pools(audit: Audit, families: Coded) -> dict[str, object]:
    """Every pool, the keys in no pool, and all keys; what became of the keys as families (the bar) and statuses."""
    kinds, statuses = (
        cross_count(audit.key_columns["pool"], of, NO_POOL) for of in (families, audit.key_columns["status"])
    )
    every = dict(zip(FAMILIES, np.bincount(families.codes, minlength=len(FAMILIES)).tolist(), strict=True))
    day = '<td data-of="Act by" data-v="{}">{}</td>'

    def row(name: str, of: Any, codes: Mapping[str, int], stage: str = "", step: str = "", by: Any = None) -> Any:
        words = ", ".join(f"{number:,} {plain(code)}" for code, number in codes.items() if number)
        last = html(day, str(by), weekday(by)) if by else Html('<td data-v="9999"></td>')
        became = html("{}{}", _bar(of), words)
        return short(name), plain(stage), sum(codes.values()), became, sentence(step and ACTION.get(step, step)), last

    rows = (
        row(one.pool, kinds.get(one.pool, {}), one.statuses, one.stage, one.next_step, one.act_by)
        for one in audit.pool_rows[:ROWS]
    )
    below = [row(NO_POOL, kinds[NO_POOL], statuses[NO_POOL])] if NO_POOL in kinds else []
    heads = ("Pool", ":Stage", "#Keys", "What became of them", "Next step", "Act by")
    shown = _table(heads, rows, [*below, row("all keys", every, audit.statuses)], "sort pools")
    return {"pools": shown, "more_pools": _rest(len(audit.pool_rows) - ROWS, "pool", "Pools")}


def _findings(audit: Audit) -> tuple[dict[str, object], int]:
    """The findings by severity, kind and remedy, the worst first, a few of each listed; and how many are."""
    columns, left = audit.finding_columns, FINDINGS
    kinds = [columns[name] for name in ("severity", "code", "remedy")]
    first, group, totals = alike(*(column.codes for column in kinds))
    by_group = np.split(np.argsort(group, kind="stable"), np.cumsum(totals)[:-1])
    listed: dict[int, Array] = {}
    for number in np.argsort(first).tolist():
        listed[number] = by_group[number][: min(OF_A_GROUP, left)]
        left -= len(listed[number])
    keys = np.unique(columns["key"][np.concatenate([np.array([], np.int64), *listed.values()])])
    keys = keys[keys >= 0]
    names = dict(zip(keys.tolist(), named(audit, keys), strict=True))
    one = (
        '<details class="group"><summary><b class="t-{}">{}</b> · <h3>{}</h3> · {}<br><span data-copy>{}</span></summary>'
        "\n{}\n{}\n{}</details>"
    )
    shown = []
    for number, rows in listed.items():
        severity, code, remedy = (column[first[number]] for column in kinds)
        messages, total = {columns["message"][place] for place in rows.tolist()}, int(totals[number])
        is_one = len(messages) == 1
        said = html("<p>{}</p>", short(message)) if is_one and (message := messages.pop()) else ""
        heads = ("Where", "Status", "Ends in", *([] if said else ["What"]), "Source")
        items = _table(heads, _items(audit, rows, names, is_one)) if len(rows) else ""
        head = (HUES.get(severity, "nothing"), severity, plain(code), total, remedy)
        shown.append(html(one, *head, said, items, _rest(total - len(rows), "finding", "Findings")))
    box = (
        '<p class="filter" hidden><label for="filter">Show only</label> <input id="filter" type="search" '
        'placeholder="a pool, a status, a reference" autocomplete="off"><output for="filter" aria-live="polite"></output></p>'
    )
    above = Html(box if shown else '<p class="t-works"><b>No findings.</b></p>')
    return {"filter": above, "findings": joined(shown)}, sum(map(len, listed.values()))


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
            _cell("", plain(status[at]) if key >= 0 else ""),
            _cell(":Ends in", end),
            "" if is_one else _cell("", short(columns["message"][place])),
            _cell(":Source", short(f"{file}, row {line}" if line else file), "mute"),
        )


def _sources(audit: Audit) -> dict[str, object]:
    counted = ("rows_read", "keys", "repeats", "set_aside")
    unused = ["columns_not_used"] if any(one["columns_not_used"] for one in audit.source_rows) else []
    rows = (
        (short(one["source_file"]), plain(one["role"]), *(one[n] for n in counted), *(short(one[n]) for n in unused))
        for one in audit.source_rows[:ROWS]
    )
    heads = ("File", "Role", *(f"#{sentence(plain(n))}" for n in counted), *(f":{sentence(plain(n))}" for n in unused))
    return {
        "tie_out": tie_out_line(audit),
        "unexplained": audit.tie_out_sums()["unexplained"],
        "sources": _table(heads, rows),
        "more_sources": _rest(len(audit.source_rows) - ROWS, "file", "Sources"),
    }


def _words(audit: Audit) -> dict[str, object]:
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
        rows = ((plain(word), *([counts[word]] if counts else []), told) for word, told in meanings.items())
        table = _table(("Word", *(["#Keys"] if counts else []), "Meaning"), rows, kind="")
        shown.append(html("<details><summary><h3>{}</h3></summary>{}</details>", title, table))
    return {"words": joined(shown)}


# --- pieces of a table ---


def _table(heads: Sequence[str], rows: Iterable[Any], foot: Iterable[Any] = (), kind: str = "sort") -> Html:
    """A table of rows of values, the first of them a heading. A head begins with # over numbers; see _cell."""

    def row(values: Any) -> Html:
        if isinstance(values, Html):
            return values
        return html('<tr><th scope="row">{}</th>{}</tr>', values[0], joined(map(_cell, heads[1:], values[1:]), ""))

    marks = {name: Html(' class="n"' if name[:1] == "#" else "") for name in heads}
    head = joined((html('<th scope="col"{}>{}</th>', marks[name], name.lstrip("#:")) for name in heads), "")
    below = html("<tfoot>{}</tfoot>", joined(map(row, foot))) if foot else Html()
    whole = '<table class="{}"><thead><tr>{}</tr></thead><tbody>\n{}\n</tbody>{}</table>'
    return html(whole, kind, head, joined(map(row, rows)), below)


def _cell(head: str, value: object, kind: str = "") -> Html:
    """A cell; on a narrow screen, where a table has no head, one that begins with # or : stands before what it holds."""
    if isinstance(value, Html) and value.startswith("<td"):
        return value
    named = html(' data-of="{}"', head[1:]) if head[:1] in ("#", ":") and value not in ("", None) else Html()
    kind = "n" if head[:1] == "#" else kind
    return html("<td{}{}>{}</td>", html(' class="{}"', kind) if kind else Html(), named, value)


def _bar(parts: Mapping[str, int], share: float = 1) -> Html:
    """Families of keys as a bar that takes a share of its line; words beside it say the same."""
    drawn = [
        html('<i class="{}" style="flex-grow:{}"></i>', name, str(number)) for name, number in parts.items() if number
    ]
    bar = '<span class="bar" aria-hidden="true" style="width:{}%">{}</span>'
    return html(bar, f"{100 * share:.4g}", joined(drawn, "")) if drawn else Html()


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
