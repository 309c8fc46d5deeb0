"""Charts of counts: where the work is, where every key went, and how its facts gave its status. (DESIGN §5)"""

from __future__ import annotations

from typing import Any

import numpy as np

from keyaudit.audit import Audit
from keyaudit.charts.paint import INK, MUTE, PAPER, RULE, STRIPE, WORD, widest, width
from keyaudit.charts.sheet import LEFT, NOTHING, RIGHT, Chart, Sheet, shorten, wrap
from keyaudit.coded import Coded
from keyaudit.facts import YES
from keyaudit.keytable import ANSWERS
from keyaudit.rulebook import FAMILIES, GROUPS, STATUSES, URGENCY, holds, ways
from keyaudit.tallies import NO_POOL, by_family, cross_count
from keyaudit.words import are, count, plain

ROWS, COMBINATIONS = 15, 20  # shown one by one
NAMES = 3.0  # inches for the names of pools
OPEN, SAFE = ("todo", "dead", "check", "unknown"), ("works", "done", "nothing")  # families, from the line outwards
FACTS: dict[str, tuple[Any, str, str]] = {  # what exports show of a key (a place in ANSWERS); the heads of its column
    "in_before": (lambda f: f.in_before, "In the", "backup"),
    "in_now": (lambda f: f.in_now, "In pool", "now"),
    "in_course_keys": (lambda f: np.where(f.course_keys_given, f.in_course_keys, 2), "Course", "key"),
    "redeemed_in_pool": (lambda f: f.redeemed & f.in_pool, "Redeemed", "in pool"),
    "is_distributed": (lambda f: f.is_distributed, "Sent to", "a learner"),
    "looks_alike": (lambda f: f.link >= 0, "Looks like", "another"),
}


def status_by_pool(audit: Audit) -> Chart:
    """Where is the work? Keys per pool: what is not settled left of the line, what is settled right; worst first."""
    audit = audit.seen
    family = Coded(audit.facts.family_of_key[audit.order].astype(np.int32), list(FAMILIES))
    every = cross_count(audit.key_columns["pool"], family, NO_POOL)
    outside = every.pop(NO_POOL, None)
    held = sorted(every.items(), key=lambda row: (-_sum(row[1], OPEN), -_sum(row[1], SAFE), row[0]))
    open_, pools, rows = [_sum(counts, OPEN) for _, counts in held], min(len(held), ROWS), held[:ROWS]
    if rest := held[ROWS:]:
        others = {family: sum(counts[family] for _, counts in rest) for family in FAMILIES}
        rows.append((count(len(rest), "other pool"), others))
    rows += [(NO_POOL, outside)] if outside else []
    sides = [([_sum(counts, side) for _, counts in rows], side, way) for side, way in ((OPEN, -1), (SAFE, 1))]
    total, settled = (sum(numbers) for numbers, *_ in sides)
    told = "Keys per pool: left of the line what is not settled, right of it what is"
    sheet = Sheet(audit, _pools_title(open_, total) if rows else NOTHING, told, 1.82 + 0.325 * max(len(rows), 1))
    data: dict[str, list[object]] = {"pool": [name for name, _ in rows]}
    for numbers, families, way in sides:
        data["not_settled" if way < 0 else "settled"] = list(numbers)
        data |= {family: [counts[family] for _, counts in rows] for family in families}
    if not rows:
        return sheet.chart(data)

    # To the scale of the pools shown one by one; where the rest is longer than that, its numbers alone.
    limits = [max(numbers[: pools or None]) for numbers, *_ in sides]
    figures = [widest([f"{number:,}" for number in numbers], 9.5, True) + 0.12 for numbers, *_ in sides]
    occur = [[family for family in families if any(counts[family] for _, counts in rows)] for _, families, _ in sides]
    heads = [sum(width(FAMILIES[family][2], 9, True) + 0.16 for family in side) + 0.1 for side in occur]
    room = min(NAMES, widest([name for name, _ in rows], 9.5))
    first, last, top = LEFT + room + 0.15 + figures[0], RIGHT - figures[1], sheet.height - 1.28
    zero = first + (last - first) * limits[0] / max(sum(limits), 1)
    zero = min(max(zero, first + 0.3, LEFT + heads[0]), last - 0.3, RIGHT - heads[1])
    scale = min(space / limit for space, limit in zip((zero - first, last - zero), limits, strict=True) if limit)
    sheet.line([(zero, top + 0.02), (zero, top - 0.325 * len(rows))], INK, 1.4, z=5)
    for side, (_, _, way) in enumerate(sides):
        sheet.legend(zero + way * 0.09, top + 0.12, occur[side], way)
    for place, (name, counts) in enumerate(rows):
        y, colour = top - 0.325 * (place + 0.5), INK if place < pools else MUTE
        sheet.text(LEFT, y, shorten(name, room + 0.01, 9.5), va="center", size=9.5, colour=colour)
        for (numbers, families, way), limit in zip(sides, limits, strict=True):
            part = {family: counts[family] for family in families}
            x = sheet.bar(zero, y, part, scale, way) if numbers[place] <= limit else zero
            colour, ha = (WORD[max(part, key=part.__getitem__)], "right") if way < 0 else (MUTE, "left")
            number = f"{numbers[place]:,}" if numbers[place] else ""
            sheet.text(x + way * 0.06, y, number, ha, "center", size=9.5, colour=colour, bold=way < 0)
    worst = [(shorten(name, NAMES, 9.5), _sum(counts, OPEN)) for name, counts in held[:3]]
    named = "; ".join(f"{name}: {number:,}" for name, number in worst if number)
    said = f"{total:,} {are(total)} not settled, {settled:,} {are(settled)} settled."
    return sheet.chart(data, said, f"Worst: {named}." if named else "")


def _sum(counts: dict[str, int], families: tuple[str, ...]) -> int:
    return sum(counts[family] for family in families)


def _pools_title(open_: list[int], total: int) -> str:
    """`open_`: keys that are not settled, of every pool, the worst first."""
    if not total:
        return "Every key is settled"
    noun = f"the {total:,} keys that are not settled" if total > 1 else "the 1 key that is not settled"
    some = np.cumsum([number for number in open_ if number])
    if not len(some):
        return f"No pool holds {'any of ' if total > 1 else ''}{noun}"
    pools = min(int((some * 2 < total).sum()) + 1, len(some))  # as few as hold half of them
    share = min(99, round(100 * int(some[pools - 1]) / total))
    part = f"{share}% of " if some[pools - 1] < total else "all " if total > 1 else ""
    title = f"{pools:,} of {count(len(open_), 'pool')} {'holds' if pools == 1 else 'hold'} {part}"
    title += noun.removeprefix("the ") if part == "all " else noun
    return title if len(title) <= 65 else title.replace(f" {total:,} keys", " keys")


def where_keys_went(audit: Audit) -> Chart:
    """Does it add up? From all keys down to those that are not settled, each key in exactly one row of a status."""
    f, total, names, codes = audit.facts, audit.total, list(GROUPS), list(STATUSES)
    urgency = np.array([URGENCY.index(code) for code in codes])
    # Label, words, keys, where its bar begins, keys by family (of a sum: none), group.
    steps: list[tuple[str, str, int, int, dict[str, int], str]] = [("all keys", "in the exports", total, 0, {}, "")]
    left, former = total, "settled"
    for key, counts in by_family(f, (f.group + 1) % len(names), urgency[f.status], f.excused):  # settled keys first
        code, group, keys = codes[f.status[key]], names[f.group[key]], sum(counts.values())
        if group != former:
            steps += [("not settled", "the sum of the rows below", left, 0, {}, "")] * (former == "settled")
            steps.append((group, GROUPS[group], audit.groups[group], left - audit.groups[group], {}, ""))
        of = "" if keys == audit.statuses[code] else f" ({'accepted' if f.excused[key] else group})"
        left, former = left - keys, group
        steps.append((plain(code) + of, STATUSES[code].short, keys, left, counts, group))
    open_ = total - audit.groups["settled"]
    if not open_:
        steps.append(("not settled", "nothing is left to do", 0, 0, {}, ""))
    named = ", ".join(f"{audit.groups[name]:,} {name}" for name in ("settled", *names[:-1]) if audit.groups[name])
    title = f"{count(total)}: {named}" if total else NOTHING
    title = title if len(title) <= 65 else f"{count(total)}: {total - open_:,} settled, {open_:,} not settled"
    told = f"{count(audit.tie_out_sums()['rows_read'], 'row')} read; every key has one status, so the rows add up"
    steps = steps if total else []
    sheet = Sheet(audit, title, told, 1.5 + 0.29 * max(len(steps), 1))
    words = LEFT + 0.3 + widest([label for label, *_ in steps], 9.5, True)
    figures = words + widest([step[1] for step in steps], 8.5) + 0.2 + width(f"{total:,}", 10, True)
    first, top = figures + 0.12, sheet.height - 0.98
    scale = (RIGHT - first) / max(total, 1)
    for place, (label, short, keys, start, counts, group) in enumerate(steps):
        y, x, end = top - 0.29 * (place + 0.5), first + start * scale, first + (start + keys) * scale
        colour = WORD[max(counts, key=counts.__getitem__)] if counts else INK
        sheet.fill([] if counts else [(LEFT - 0.08, y - 0.145, RIGHT + 0.08, y + 0.145)], STRIPE, z=0)
        sheet.text(LEFT + 0.15 * bool(counts), y, label, va="center", size=9.5, bold=True, colour=colour)
        sheet.text(words, y, short, va="center", size=8.5, colour=MUTE)
        number = f"{'−' if group == 'settled' else ''}{keys:,}"
        sheet.text(figures, y, number, "right", "center", size=10, bold=True, colour=colour)
        sheet.fill([] if counts else [(x, y - 0.1, max(end, x + 0.013), y + 0.1)], INK)
        sheet.bar(x, y, counts, scale)
        sheet.line([(end, y + 0.1), (end, y + 0.19)] if place else [(end, y)] * 2, RULE, 0.8, z=1)
    data = {name: [step[at] for step in steps] for name, at in (("row", 0), ("group", 5), ("keys", 2), ("from", 3))}
    data["to"] = [step[2] + step[3] for step in steps]
    said = ", ".join(f"{keys:,} {label}" for label, _, keys, _, counts, _ in steps if counts)
    return sheet.chart(data, f"{said}." if said else "")


def how_statuses_follow(audit: Audit) -> Chart:
    """Why is a key called that? One row per combination of facts that occurs, with the rule; the most urgent first."""
    f, total = audit.facts, audit.total
    rules = [(code, rule, words) for code in URGENCY for rule, words in ways(STATUSES[code])]
    masks = [(f.status == list(STATUSES).index(code)) & holds(rule, f) for code, rule, _ in rules]
    way = np.select(masks, list(range(len(rules))))
    columns = [np.asarray(find(f)).astype(int) for find, *_ in FACTS.values()]
    every = []  # facts (places in ANSWERS), status, words of its rule, keys by family, keys
    for key, counts in by_family(f, way, *columns):
        code, _, words = rules[way[key]]
        every.append(([int(column[key]) for column in columns], code, words, counts, sum(counts.values())))
    every.sort(key=lambda row: (URGENCY.index(row[1]), -row[4]))
    shown, rest = every[:COMBINATIONS], every[COMBINATIONS:]
    give, their = "gives" if len(every) == 1 else "give", "its" if total == 1 else "their"
    title = f"{count(len(every), 'combination')} of facts {give} {count(total)} {their} status" if total else NOTHING
    told = "What the exports show of a key decides its status: ● yes, ○ no, ? not known; the most urgent first"
    status, bars = LEFT + 0.54 * len(FACTS) + 0.12, RIGHT - 1.3
    rule = status + widest([plain(row[1]) for row in shown], 9.5, True) + 0.15
    lines = [wrap(row[2], bars - rule - 0.15, 8) for row in shown]
    tall = [max(0.31, 0.1 + 0.15 * len(words)) for words in lines]
    sheet = Sheet(audit, title, told, 2.15 + sum(tall) + 0.31 * bool(rest))
    data: dict[str, list[object]] = {name: [ANSWERS[row[0][n]] for row in every] for n, name in enumerate(FACTS)}
    data |= {name: [row[at] for row in every] for name, at in (("status", 1), ("rule", 2), ("keys", 4))}
    if not every:
        return sheet.chart(data)
    top, spots = sheet.height - 1.62, [LEFT + 0.22 + 0.54 * place for place in range(len(FACTS))]
    for x, (_, above, below) in zip(spots, FACTS.values(), strict=True):
        sheet.text(x, top + 0.04, f"{above}\n{below}", "center", "bottom", size=7.5, colour=MUTE)
    for x, word in ((status, "Status"), (rule, "Rule"), (bars, "Keys")):
        sheet.text(x, top + 0.04, word, va="bottom", size=7.5, colour=MUTE)
    sheet.legend(LEFT, top + 0.52, [family for family in FAMILIES if any(row[3][family] for row in every)])
    scale = (RIGHT - bars - 0.06 - widest([f"{row[4]:,}" for row in shown], 9.5, True)) / max(row[4] for row in shown)
    for place, ((facts, code, _, counts, keys), words, high) in enumerate(zip(shown, lines, tall, strict=True)):
        y, top = top - high / 2, top - high
        sheet.fill([(LEFT - 0.08, top, RIGHT + 0.08, top + high)] if place % 2 == 0 else [], STRIPE, z=0)
        yes = [x for x, answer in zip(spots, facts, strict=True) if answer == YES]
        sheet.line([(min(yes), y), (max(yes), y)] if yes else [], INK, 1.8, z=1)
        for x, answer in zip(spots, facts, strict=True):
            sheet.point(x, y, INK if answer == YES else PAPER, INK if answer == YES else RULE, 8, z=3)
            sheet.text(x, y, "?" if ANSWERS[answer] == "unknown" else "", "center", "center", size=7.5, colour=MUTE)
        sheet.text(status, y, plain(code), va="center", size=9.5, bold=True)
        sheet.text(rule, y, "\n".join(words), va="center", size=8)
        sheet.text(sheet.bar(bars, y, counts, scale) + 0.06, y, f"{keys:,}", va="center", size=9.5, bold=True)
    others = f"and {count(len(rest), 'other combination')}: {count(sum(row[4] for row in rest))}" if rest else ""
    sheet.text(status, top - 0.155, others, va="center", colour=MUTE)
    given = {code: audit.statuses[code] for code in URGENCY if audit.statuses[code]}
    named = "; ".join(f"{plain(code)} {number:,}" for code, number in given.items())
    return sheet.chart(data, f"{len(given)} {'status' if len(given) == 1 else 'statuses'}: {named}.")
