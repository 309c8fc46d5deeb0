"""Charts of counts: where the work is, where every key went, and how its facts gave its status. (DESIGN §5)"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from keyaudit.charts.sheet import (
    FILL,
    INK,
    LEFT,
    MUTE,
    NOTHING,
    RIGHT,
    RULE,
    WORD,
    Chart,
    Sheet,
    are,
    drawn,
    plain,
    printable,
)
from keyaudit.deadlines import count
from keyaudit.reconciliation import Reconciliation, cross_count
from keyaudit.statuses import FAMILIES, STATUSES

ROWS = 15  # pools shown one by one
NAMES = 3.0  # inches for their names
COMBINATIONS = 20
NEEDS, SAFE = ("todo", "dead", "check"), ("works", "done", "nothing")  # families, from the line outwards
STRIPE = "#F6F8FA"

# What became of a key, in a few words beside its status; the most urgent first.
SHORT = {
    "missing": "deleted, not recreated",
    "lapsed": "its pool ended, not migrated",
    "altered": "recreated with damage",
    "wrong_course": "under another course",
    "to_migrate": "only in its pool",
    "duplicate": "in two places",
    "redeemed_recreated": "redeemed, and a course key",
    "undetermined": "the exports do not tell",
    "stray": "looks like an altered key",
    "redeemed": "redeemed in its pool",
    "migrated": "recreated as a course key",
    "new": "a course key in no pool",
    "undistributed": "nobody was sent it",
    "expired": "its pool had ended before",
}


def _sides(audit: Reconciliation) -> pd.Series:
    """The family of every key; a key that needs somebody though its status is safe (it no longer works) counts as dead."""
    families = [*NEEDS, *SAFE]
    of_status = np.array([families.index(row.family) for row in STATUSES.values()])
    family = of_status[audit.keys["status"].cat.codes.to_numpy()]
    is_lost = audit.keys["act_by"].notna().to_numpy() & (family >= len(NEEDS))
    family = np.where(is_lost, families.index("dead"), family)
    return pd.Series(pd.Categorical.from_codes(family, families), index=audit.keys.index)


# --- status_by_pool ---


@drawn
def status_by_pool(audit: Reconciliation) -> Chart:
    """Where is the work? Keys per pool: what needs action left of the line, what is safe right of it, worst first."""
    sides, is_pooled = _sides(audit), audit.keys["pool"].notna()
    table = cross_count(audit.keys["pool"], sides).rename_axis("pool").reset_index().assign(in_no_pool=False)
    if not is_pooled.all():
        rest = sides[~is_pooled].value_counts()
        table = pd.concat(
            [table, pd.DataFrame([{**rest, "pool": "in no pool", "in_no_pool": True}])], ignore_index=True
        )
    table["needs_action"] = table[list(NEEDS)].sum(axis=1)
    table["safe"] = table[list(SAFE)].sum(axis=1)
    table = table.sort_values(
        ["in_no_pool", "needs_action", "safe", "pool"], ascending=[True, False, False, True], kind="stable", ignore_index=True
    )  # fmt: skip
    pools, none = table[~table["in_no_pool"]], table[table["in_no_pool"]]
    title = _pools_title(pools["needs_action"], int(table["needs_action"].sum()), len(audit.keys))
    shown = pools.head(ROWS)
    if len(pools) > ROWS:
        rest = pools.iloc[ROWS:].drop(columns="pool").sum(numeric_only=True)
        name = count(len(pools) - ROWS, "other pool")
        shown = pd.concat([shown, pd.DataFrame([{**rest, "pool": name}])], ignore_index=True)
    shown = pd.concat([shown, none], ignore_index=True)
    data = shown[["pool", "needs_action", *NEEDS, "safe", *SAFE]]
    data = data.astype(dict.fromkeys(data.columns[1:], "int64"))

    step = 0.325
    subtitle = "Keys per pool: left of the line they need action, right of it they are safe"
    sheet = Sheet(audit, title, subtitle, height=1.82 + step * max(len(data), 1))
    if len(data):
        _draw_pools(sheet, data, len(shown) - len(none), step)
    open_, safe = int(data["needs_action"].sum()), int(data["safe"].sum())
    worst = [(sheet.shorten(row.pool, NAMES, 9.5), row.needs_action) for row in pools.head(3).itertuples()]
    named = "; ".join(f"{printable(name)}: {number:,}" for name, number in worst if number)
    said = f"{open_:,} {_need(open_)} action, {safe:,} {are(safe)} safe." if len(data) else ""
    return sheet.chart("status_by_pool", data, said, f"Worst: {named}." if named else "")


def _pools_title(needs: pd.Series, total: int, keys: int) -> str:
    if not keys:
        return NOTHING
    if not total:
        return "No key needs action in any pool"
    held = int(needs.sum())
    noun = f"the {total:,} keys that need action" if total > 1 else "the 1 key that needs action"
    if not held:
        return f"No pool holds {'any of ' if total > 1 else ''}{noun}"
    some = needs[needs > 0].cumsum()
    if len(some) == 1 and held == total:
        return f"1 of {count(len(needs), 'pool')} holds {'all ' if total > 1 else ''}{noun}"
    pools = min(int((some * 2 < total).sum()) + 1, len(some))  # as few as hold half of them
    share = 100 * int(some.iloc[pools - 1]) // total
    title = f"{pools:,} of {count(len(needs), 'pool')} {'holds' if pools == 1 else 'hold'} {share}% of {noun}"
    return title if len(title) <= 65 else title.replace(f"the {total:,} keys", "the keys")


def _draw_pools(sheet: Sheet, data: pd.DataFrame, pools: int, step: float) -> None:
    """Bars to the scale of the pools shown one by one; where the rest is longer than that, its numbers alone."""
    names = min(NAMES, max(sheet.width(" ".join(str(name).split()), 9.5) for name in data["pool"]))
    top = sheet.height - 1.28
    words = {family: FAMILIES[family][2] for family in FAMILIES if data[family].any()}
    wide = {family: sheet.width(word, 9, True) + 0.14 for family, word in words.items()}
    scaled = data.head(min(pools, ROWS)) if pools else data
    limits = {side: int(scaled[side].max()) for side in ("needs_action", "safe")}
    figure = {side: max(sheet.width(f"{number:,}", 9.5, True) for number in data[side]) + 0.12 for side in limits}
    first, last = LEFT + names + 0.15 + figure["needs_action"], RIGHT - figure["safe"]
    heads = [sum(wide.get(family, 0.0) for family in families) for families in (NEEDS, SAFE)]
    zero = first + (last - first) * limits["needs_action"] / max(sum(limits.values()), 1)
    zero = min(max(zero, first + 0.3, LEFT + heads[0] + 0.1), last - 0.3, RIGHT - heads[1] - 0.1)
    rooms = ((zero - first, limits["needs_action"]), (last - zero, limits["safe"]))
    scale = min(room / limit for room, limit in rooms if limit)
    for families, way in ((NEEDS, -1), (SAFE, 1)):
        x = zero + way * 0.09
        for family in families:
            if family in words:
                sheet.text(x, top + 0.12, words[family], bold=True, colour=WORD[family], ha=_away(way))
                x += way * wide[family]
    sheet.line([zero, zero], [top + 0.02, top - step * len(data)], INK, 1.4, z=5)
    for place, row in enumerate(data.to_dict("records")):
        y = top - step * (place + 0.5)
        is_pool = place < min(pools, ROWS)
        name = sheet.shorten(str(row["pool"]), names, 9.5)
        sheet.text(LEFT, y, name, size=9.5, colour=INK if is_pool else MUTE, va="center")
        for families, way, side in ((NEEDS, -1, "needs_action"), (SAFE, 1, "safe")):
            x = zero
            for family in families if row[side] <= limits[side] else ():
                if row[family]:
                    reach = x + way * max(row[family] * scale, 0.013)
                    sheet.rectangle(min(x, reach), y - 0.105, max(x, reach), y + 0.105, FILL[family])
                    x = reach
            if row[side]:
                most = max(families, key=lambda family: row[family])
                colour = WORD[most] if way < 0 else MUTE
                sheet.text(
                    x + way * 0.06,
                    y,
                    f"{row[side]:,}",
                    size=9.5,
                    colour=colour,
                    bold=way < 0,
                    ha=_away(way),
                    va="center",
                )


def _away(way: int) -> str:
    return "right" if way < 0 else "left"


# --- where_keys_went ---


@dataclass(frozen=True)
class Step:
    """One row on the way down: its keys stand between `start` and `start + keys`. A sum has no family."""

    label: str
    words: str
    family: str
    keys: int
    start: int

    @property
    def end(self) -> int:
        """Where its bar ends."""
        return self.start + self.keys


def _steps(audit: Reconciliation) -> list[Step]:
    """All keys, less each status that is settled; then those that need somebody, by status."""
    status, is_open = audit.keys["status"], audit.keys["act_by"].notna()
    left, open_ = len(status), int(is_open.sum())
    settled, unsettled = status[~is_open].value_counts(), status[is_open].value_counts()
    steps = [Step("all keys", "in the exports", "", left, 0)]
    for code, number in ((code, int(settled.get(code, 0))) for code in SHORT):
        left -= number
        steps.append(Step(plain(code), SHORT[code], STATUSES[code].family, number, left))
    steps.append(Step("needs somebody" if open_ == 1 else "need somebody", "the sum of the rows below", "", open_, 0))
    for code, number in ((code, int(unsettled.get(code, 0))) for code in SHORT):
        left -= number
        if STATUSES[code].family in SAFE:
            steps.append(Step(f"{plain(code)}, ended", "its course key has expired", "dead", number, left))
        else:
            steps.append(Step(plain(code), SHORT[code], STATUSES[code].family, number, left))
    return [step for step in steps if step.keys or not step.family] if len(status) else []


@drawn
def where_keys_went(audit: Reconciliation) -> Chart:
    """Does it add up? From all keys down to those that need somebody, each key in exactly one row."""
    steps, total, open_ = _steps(audit), len(audit.keys), len(audit.open_keys)
    title = f"{count(total)} in, {total - open_:,} settled, {open_:,} {_need(open_)} somebody" if total else NOTHING
    rows_read = count(audit.tie_out_sums()["rows_read"], "row")
    subtitle = f"{rows_read} read; every key lands in exactly one row below, so the rows add up"
    deep = 0.29
    sheet = Sheet(audit, title, subtitle, height=1.5 + deep * max(len(steps), 1))
    words = LEFT + _widest(sheet, [step.label for step in steps], 9.5, True) + 0.15
    figures = words + _widest(sheet, [step.words for step in steps], 8.5) + 0.2 + sheet.width(f"{total:,}", 10, True)
    first = figures + 0.12
    scale = (RIGHT - first) / max(total, 1)
    top = sheet.height - 0.98
    for place, step in enumerate(steps):
        y = top - deep * (place + 0.5)
        colour, fill = (WORD[step.family], FILL[step.family]) if step.family else (INK, INK)
        if not step.family:
            sheet.rectangle(LEFT - 0.08, y - deep / 2, RIGHT, y + deep / 2, STRIPE, z=0)
        sheet.text(LEFT, y, step.label, size=9.5, bold=True, colour=colour, va="center")
        sheet.text(words, y, step.words, size=8.5, colour=MUTE, va="center")
        sign = "−" if step.family and step.start >= open_ else ""
        sheet.text(figures, y, f"{sign}{step.keys:,}", size=10, bold=True, colour=colour, ha="right", va="center")
        x0, x1 = first + step.start * scale, first + step.end * scale
        sheet.rectangle(x0, y - 0.095, max(x1, x0 + 0.013), y + 0.095, fill)
        if place:
            sheet.line([x1, x1], [y + 0.095, y + deep - 0.095], RULE, 0.8, z=1)
    data = pd.DataFrame(
        [(step.label, step.keys, step.start, step.end) for step in steps], columns=["row", "keys", "from", "to"]
    )
    told = ", ".join(f"{step.keys:,} {step.label}" for step in steps if step.family)
    return sheet.chart("where_keys_went", data, f"{told}." if told else "")


# --- how_statuses_follow ---

FACTS = {
    "in_before": "In the\nbackup",
    "in_now": "In pool\nnow",
    "in_course_keys": "Course\nkey",
    "redeemed": "Redeemed\nin pool",
    "is_distributed": "Sent to\na learner",
    "looks_alike": "Looks like\nanother",
}


def _combinations(audit: Reconciliation) -> pd.DataFrame:
    """How many keys have each combination of facts and status that occurs, the most urgent status first."""
    keys, names = audit.keys, [*FACTS, "status"]
    derived = {"redeemed": audit.dates()["redeemed"], "looks_alike": keys["lookalike"].notna()}
    facts = pd.DataFrame({name: derived.get(name, keys.get(name)) for name in names})
    table = facts.groupby(names, observed=True, sort=False).size().rename("keys").reset_index()
    for name in derived:
        table[name] = table[name].map({True: "yes", False: "no"})
    table = table.astype(dict.fromkeys(names, "str"))
    place = table["status"].map({code: place for place, code in enumerate(SHORT)})
    order = table.assign(place=place, keys=-table["keys"]).sort_values(["place", "keys", *FACTS]).index
    return table.loc[order].reset_index(drop=True)


@drawn
def how_statuses_follow(audit: Reconciliation) -> Chart:
    """Why is a key called that? One row per combination of facts that occurs, the most urgent first; also the legend."""
    data, total = _combinations(audit), len(audit.keys)
    shown, rest = data.head(COMBINATIONS), data.iloc[COMBINATIONS:]
    give, their = "gives" if len(data) == 1 else "give", "its" if total == 1 else "their"
    title = f"{count(len(data), 'combination')} of facts {give} {count(total)} {their} status" if total else NOTHING
    subtitle = "What the exports show of a key decides its status: ● yes, ○ no, ? not known; the most urgent first"
    deep = 0.31
    sheet = Sheet(audit, title, subtitle, height=2.02 + deep * (len(shown) + bool(len(rest))))
    number = audit.statuses
    occur = [code for code in SHORT if number[code]]
    if not occur:
        return sheet.chart("how_statuses_follow", data)
    spot = {name: LEFT + 0.26 + 0.6 * place for place, name in enumerate(FACTS)}
    verdict = LEFT + 0.6 * len(FACTS) + 0.1
    words = verdict + _widest(sheet, [plain(code) for code in occur], 9.5, True) + 0.15
    bars = words + _widest(sheet, [SHORT[code] for code in occur], 8.5) + 0.2
    figures = _widest(sheet, [f"{keys:,}" for keys in shown["keys"]], 9.5, True) + 0.08
    scale = (RIGHT - bars - figures) / int(shown["keys"].max())
    top = sheet.height - 1.5
    for name, label in FACTS.items():
        sheet.text(spot[name], top + 0.09, label, size=7.5, colour=MUTE, ha="center", va="bottom")
    sheet.text(verdict, top + 0.11, "Status", size=7.5, colour=MUTE)
    sheet.text(bars, top + 0.11, "Keys", size=7.5, colour=MUTE)
    for place, row in enumerate(shown.to_dict("records")):
        y = top - deep * (place + 0.5)
        fill, colour = FILL[STATUSES[row["status"]].family], WORD[STATUSES[row["status"]].family]
        if place % 2 == 0:
            sheet.rectangle(LEFT - 0.08, y - deep / 2, RIGHT, y + deep / 2, STRIPE, z=0)
        held = [spot[name] for name in FACTS if row[name] == "yes"]
        if held:
            sheet.line([held[0], held[-1]], [y, y], colour, 1.8, z=1)
        for name, x in spot.items():
            _dot(sheet, x, y, row[name], colour)
        sheet.text(verdict, y, plain(row["status"]), size=9.5, bold=True, colour=colour, va="center")
        sheet.text(words, y, SHORT[row["status"]], size=8.5, va="center")
        reach = bars + max(row["keys"] * scale, 0.013)
        sheet.rectangle(bars, y - 0.095, reach, y + 0.095, fill)
        sheet.text(reach + 0.06, y, f"{row['keys']:,}", size=9.5, bold=True, colour=colour, va="center")
    if len(rest):
        others = f"and {count(len(rest), 'other combination')}: {count(int(rest['keys'].sum()))}"
        sheet.text(verdict, top - deep * (len(shown) + 0.5), others, colour=MUTE, va="center")
    named = "; ".join(f"{plain(code)} {number[code]:,}" for code in occur)
    return sheet.chart(
        "how_statuses_follow", data, f"{len(occur)} {'status' if len(occur) == 1 else 'statuses'}: {named}."
    )


def _dot(sheet: Sheet, x: float, y: float, answer: str, colour: str) -> None:
    """Filled: yes; a ring: no; a question mark: the exports do not tell."""
    if answer == "yes":
        sheet.disc(x, y, colour, colour)
    else:
        sheet.disc(x, y, "white", "#C5CDD5")
        if answer == "unknown":
            sheet.text(x, y, "?", size=7.5, colour=MUTE, ha="center", va="center")


def _widest(sheet: Sheet, texts: Iterable[str], size: float, bold: bool = False) -> float:
    return max((sheet.width(text, size, bold) for text in texts), default=0.0)


def _need(number: int) -> str:
    return "needs" if number == 1 else "need"
