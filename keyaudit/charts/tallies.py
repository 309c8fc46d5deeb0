"""Charts of counts: where the work is, where every key went, and how its facts gave its status. (DESIGN §5)"""

from __future__ import annotations

import pandas as pd

from keyaudit.charts.sheet import FILL, INK, LEFT, MUTE, RIGHT, RULE, WORD, Chart, Sheet, are, count, drawn, plain
from keyaudit.reconciliation import Reconciliation
from keyaudit.statuses import FAMILIES, STATUSES

ROWS = 15  # pools shown one by one
COMBINATIONS = 20
LEFT_FAMILIES, RIGHT_FAMILIES = ("todo", "dead", "check"), ("works", "done", "nothing")  # from the line outwards
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
    family = audit.keys["status"].map({code: row.family for code, row in STATUSES.items()}).astype("str")
    is_open = audit.keys["act_by"].notna()
    return family.mask(is_open & family.isin(RIGHT_FAMILIES), "dead")


# --- status_by_pool ---


@drawn
def status_by_pool(audit: Reconciliation) -> Chart:
    """Where is the work? Keys per pool: what needs action left of the line, what is safe right of it, worst first."""
    group = audit.keys["pool"].astype("str").fillna("in no pool")
    in_no_pool = audit.keys["pool"].isna()
    table = pd.crosstab([in_no_pool.rename("in_no_pool"), group.rename("pool")], _sides(audit).rename(None))
    table = table.reindex(columns=[*LEFT_FAMILIES, *RIGHT_FAMILIES], fill_value=0)
    table["needs_action"] = table[list(LEFT_FAMILIES)].sum(axis=1)
    table["safe"] = table[list(RIGHT_FAMILIES)].sum(axis=1)
    table = table.reset_index().sort_values(
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
    data = shown[["pool", "needs_action", *LEFT_FAMILIES, "safe", *RIGHT_FAMILIES]]
    data = data.astype(dict.fromkeys(data.columns[1:], "int64"))

    step = 0.325
    sheet = Sheet(
        audit,
        title,
        "Keys per pool: left of the line they need action, right of it they are safe",
        height=1.82 + step * max(len(data), 1),
    )
    if len(data):
        _draw_pools(sheet, data, len(shown) - len(none), step)
    open_, safe = int(data["needs_action"].sum()), int(data["safe"].sum())
    worst = [f"{row.pool}: {row.needs_action:,}" for row in data.head(3).itertuples() if row.needs_action]
    said = f"{open_:,} {'needs' if open_ == 1 else 'need'} action, {safe:,} {are(safe)} safe." if len(data) else ""
    return sheet.chart("status_by_pool", data, said, f"Worst: {'; '.join(worst)}." if worst else "")


def _pools_title(needs: pd.Series, total: int, keys: int) -> str:
    if not keys:
        return "No key was exported"
    if not total:
        return "No key needs action in any pool"
    held = int(needs.sum())
    noun = f"the {total:,} keys that need action" if total > 1 else "the 1 key that needs action"
    if not held:
        return f"{'All' if total > 1 else 'No pool holds'} {noun}{' are in no pool' if total > 1 else ''}"
    some = needs[needs > 0].cumsum()
    pools = int((some * 2 < total).sum()) + 1
    if len(some) == 1 and held == total:
        return f"1 of {count(len(needs), 'pool')} holds {'all ' if total > 1 else ''}{noun}"
    pools = min(pools, len(some))
    share = 100 * int(some.iloc[pools - 1]) // total
    title = f"{pools:,} of {count(len(needs), 'pool')} {'holds' if pools == 1 else 'hold'} {share}% of {noun}"
    return title if len(title) <= 65 else title.replace(f"the {total:,} keys", "the keys")


def _draw_pools(sheet: Sheet, data: pd.DataFrame, pools: int, step: float) -> None:
    """Bars to the scale of the pools shown one by one; where the rest is longer than that, its numbers alone."""
    names = min(3.0, max(sheet.width(" ".join(str(name).split()), 9.5) for name in data["pool"]))
    top = sheet.height - 1.28
    words = {family: FAMILIES[family][2] for family in FAMILIES if data[family].any()}
    wide = {family: sheet.width(word, 9, True) + 0.14 for family, word in words.items()}
    scaled = data.head(min(pools, ROWS)) if pools else data
    limits = {side: int(scaled[side].max()) for side in ("needs_action", "safe")}
    figure = {side: max(sheet.width(f"{number:,}", 9.5, True) for number in data[side]) + 0.12 for side in limits}
    first, last = LEFT + names + 0.15 + figure["needs_action"], RIGHT - figure["safe"]
    heads = [sum(wide.get(family, 0.0) for family in families) for families in (LEFT_FAMILIES, RIGHT_FAMILIES)]
    zero = first + (last - first) * limits["needs_action"] / max(sum(limits.values()), 1)
    zero = min(max(zero, first + 0.3, LEFT + heads[0] + 0.1), last - 0.3, RIGHT - heads[1] - 0.1)
    rooms = ((zero - first, limits["needs_action"]), (last - zero, limits["safe"]))
    scale = min(room / limit for room, limit in rooms if limit)
    for families, way in ((LEFT_FAMILIES, -1), (RIGHT_FAMILIES, 1)):
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
        for families, way, side in ((LEFT_FAMILIES, -1, "needs_action"), (RIGHT_FAMILIES, 1, "safe")):
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


@drawn
def where_keys_went(audit: Reconciliation) -> Chart:
    """Does it add up? From all keys down to those that need somebody, each key in exactly one row."""
    keys = audit.keys
    is_open = keys["act_by"].notna()
    total, open_ = len(keys), int(is_open.sum())
    rows: list[tuple[str, str, str, int, int]] = []  # label, words, family ("" = a sum), keys, where its bar begins
    if total:
        rows.append(("all keys", "in the exports", "", total, 0))
    at = total
    for mask, heading in ((~is_open, False), (is_open, True)):
        if heading and total:
            rows.append(
                ("need somebody" if open_ != 1 else "needs somebody", "the sum of the rows below", "", open_, 0)
            )
        counts = keys.loc[mask, "status"].value_counts()
        for code in SHORT:
            number = int(counts.get(code, 0))
            if number:
                at -= number
                family = STATUSES[code].family
                stopped = heading and family in RIGHT_FAMILIES
                label, text = (
                    (f"{plain(code)}, ended", "its course key has expired") if stopped else (plain(code), SHORT[code])
                )
                rows.append((label, text, "dead" if stopped else family, number, at))
    data = pd.DataFrame(
        [(label, number, at, at + number) for label, _, _, number, at in rows], columns=["row", "keys", "from", "to"]
    )

    title = (
        f"{count(total)} in, {total - open_:,} settled, {open_:,} {'needs' if open_ == 1 else 'need'} somebody"
        if total
        else "No key was exported"
    )
    sums = audit.tie_out_sums()
    subtitle = f"{count(sums['rows_read'], 'row')} read; every key lands in exactly one row below, so the rows add up"
    step = 0.29
    sheet = Sheet(audit, title, subtitle, height=1.5 + step * max(len(rows), 1))
    figures = sheet.width(f"{total:,}", 10, True)
    words = max((sheet.width(text, 8.5) for _, text, *_ in rows), default=0.0)
    names = max((sheet.width(label, 9.5, True) for label, *_ in rows), default=0.0)
    first = LEFT + names + 0.15 + words + 0.2 + figures + 0.12
    scale = (RIGHT - first) / max(total, 1)
    top = sheet.height - 0.98
    for place, (label, text, family, number, begin) in enumerate(rows):
        y = top - step * (place + 0.5)
        colour, fill = (WORD[family], FILL[family]) if family else (INK, INK)
        if not family:
            sheet.rectangle(LEFT - 0.08, y - step / 2, RIGHT, y + step / 2, STRIPE, z=0)
        sheet.text(LEFT, y, label, size=9.5, bold=True, colour=colour, va="center")
        sheet.text(LEFT + names + 0.15, y, text, size=8.5, colour=MUTE, va="center")
        sign = "−" if place and begin >= open_ and family else ""
        sheet.text(first - 0.12, y, f"{sign}{number:,}", size=10, bold=True, colour=colour, ha="right", va="center")
        x0, x1 = first + begin * scale, first + (begin + number) * scale
        sheet.rectangle(x0, y - 0.095, max(x1, x0 + 0.013), y + 0.095, fill)
        if place + 1 < len(rows):
            follows = rows[place + 1]
            x = first + (follows[4] + follows[3]) * scale
            sheet.line([x, x], [y - 0.095, y - step + 0.095], RULE, 0.8, z=1)
    told = ", ".join(f"{number:,} {label}" for label, _, family, number, _ in rows if family)
    return sheet.chart("where_keys_went", data, f"{told[0].upper() + told[1:]}." if told else "")


# --- how_statuses_follow ---

FACTS = {
    "in_before": "In the\nbackup",
    "in_now": "In pool\nnow",
    "in_course_keys": "Course\nkey",
    "redeemed": "Redeemed\nin pool",
    "is_distributed": "Sent to\na learner",
    "looks_alike": "Looks like\nanother",
}


@drawn
def how_statuses_follow(audit: Reconciliation) -> Chart:
    """Why is a key called that? One row per combination of facts that occurs, the most urgent first; also the legend."""
    keys = audit.keys
    derived = {"redeemed": audit.dates()["redeemed"], "looks_alike": keys["lookalike"].notna()}
    facts = pd.DataFrame({name: derived[name] if name in derived else keys[name] for name in (*FACTS, "status")})
    data = facts.groupby([*FACTS, "status"], observed=True, sort=False).size().rename("keys").reset_index()
    answers = {True: "yes", False: "no"}
    data = data.assign(**{name: data[name].map(answers) for name in derived}).astype(
        dict.fromkeys((*FACTS, "status"), "str")
    )
    place = data["status"].map({code: place for place, code in enumerate(SHORT)})
    order = data.assign(place=place, keys=-data["keys"]).sort_values(["place", "keys", *FACTS]).index
    data = data.loc[order].reset_index(drop=True)
    statuses, combinations, total = data["status"].nunique(), len(data), len(keys)
    title = (
        f"{count(combinations, 'combination')} of facts {'gives' if combinations == 1 else 'give'} {count(total)} {'its' if total == 1 else 'their'} status"
        if total
        else "No key was exported"
    )
    shown = data.head(COMBINATIONS)
    step = 0.31
    sheet = Sheet(
        audit,
        title,
        "What the exports show of a key decides its status: ● yes, ○ no, ? not known; the most urgent first",
        height=2.02 + step * (len(shown) + (combinations > len(shown))),
    )
    spot = {name: LEFT + 0.26 + 0.6 * place for place, name in enumerate(FACTS)}
    verdict = LEFT + 0.6 * len(FACTS) + 0.1
    words = verdict + max((sheet.width(plain(code), 9.5, True) for code in shown["status"]), default=0.0) + 0.15
    bars = words + max((sheet.width(SHORT[code], 8.5) for code in shown["status"]), default=0.0) + 0.2
    figures = max((sheet.width(f"{n:,}", 9.5, True) for n in shown["keys"]), default=0.0)
    scale = (RIGHT - bars - figures - 0.08) / max(int(shown["keys"].max()) if len(shown) else 1, 1)
    top = sheet.height - 1.5
    if total:
        for name, label in FACTS.items():
            sheet.text(spot[name], top + 0.09, label, size=7.5, colour=MUTE, ha="center", va="bottom")
        sheet.text(verdict, top + 0.11, "Status", size=7.5, colour=MUTE)
        sheet.text(bars, top + 0.11, "Keys", size=7.5, colour=MUTE)
    for place, row in enumerate(shown.to_dict("records")):
        y = top - step * (place + 0.5)
        family = STATUSES[row["status"]].family
        if place % 2 == 0:
            sheet.rectangle(LEFT - 0.08, y - step / 2, RIGHT, y + step / 2, STRIPE, z=0)
        held = [spot[name] for name in FACTS if row[name] == "yes"]
        if len(held) > 1:
            sheet.line([held[0], held[-1]], [y, y], WORD[family], 1.8, z=1)
        for name, x in spot.items():
            _dot(sheet, x, y, row[name], WORD[family])
        sheet.text(verdict, y, plain(row["status"]), size=9.5, bold=True, colour=WORD[family], va="center")
        sheet.text(words, y, SHORT[row["status"]], size=8.5, va="center")
        reach = bars + max(row["keys"] * scale, 0.013)
        sheet.rectangle(bars, y - 0.095, reach, y + 0.095, FILL[family])
        sheet.text(reach + 0.06, y, f"{row['keys']:,}", size=9.5, bold=True, colour=WORD[family], va="center")
    if combinations > len(shown):
        rest = data.iloc[len(shown) :]
        words_left = f"and {count(len(rest), 'other combination')}: {count(int(rest['keys'].sum()))}"
        sheet.text(verdict, top - step * (len(shown) + 0.5), words_left, colour=MUTE, va="center")
    number = audit.statuses
    named = "; ".join(f"{plain(code)} {number[code]:,}" for code in SHORT if number[code])
    return sheet.chart(
        "how_statuses_follow",
        data,
        f"{count(statuses, 'status').replace('statuss', 'statuses')}: {named}." if total else "",
    )


def _dot(sheet: Sheet, x: float, y: float, answer: str, colour: str) -> None:
    """Filled: yes; a ring: no; a question mark: the exports do not tell."""
    if answer == "yes":
        sheet.disc(x, y, colour, colour)
    else:
        sheet.disc(x, y, "white", "#C5CDD5")
        if answer == "unknown":
            sheet.text(x, y, "?", size=7.5, colour=MUTE, ha="center", va="center")
