"""How far are the learners? Cumulative redemptions against the deadlines. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from keyaudit.charts.sheet import FILL, INK, NOTHING, PALE, WORD, Chart, Sheet, are, day, drawn, plain
from keyaudit.charts.timeline import Timeline, days_of, later
from keyaudit.deadlines import count
from keyaudit.facts import Array
from keyaudit.reconciliation import Reconciliation
from keyaudit.statuses import FAMILIES, STATUSES

# How a key was redeemed: column of the data, words beside the plot, colour. The undated follow the dated.
REDEEMED = (
    ("in_pools", "in their pool", FILL["done"]),
    ("as_course_keys", "as course keys", WORD["done"]),
    ("in_pools_undated", "in their pool", PALE["done"]),
    ("as_course_keys_undated", "as course keys", PALE["done"]),
)


@drawn
def redemptions(audit: Reconciliation) -> Chart:
    """How far are the learners? Pool keys redeemed up to each day, in their pools and as course keys, and what remains.

    A redemption without a date is counted and drawn pale where it may have happened, never put on a day.
    """
    calendar, as_of = audit.calendar, audit.as_of
    keys, facts = audit.keys, audit.dates()
    pooled = keys["pool"].notna().to_numpy()
    in_pool = pooled & facts["redeemed"].to_numpy()
    used = pooled & ~in_pool & (keys["uses"] > 0).to_numpy()
    on, recreated = np.minimum(days_of(facts["redeemed_at"]), np.datetime64(as_of)), days_of(facts["recreated_at"])
    dated = ~np.isnat(on)
    total, done, undated = int(pooled.sum()), int((in_pool | used).sum()), int(((in_pool | used) & ~dated).sum())
    first = _first_day(audit, on[(in_pool | used) & dated])
    since = np.where(dated, on, np.where(used & ~np.isnat(recreated), recreated, np.datetime64(first)))
    masks = (in_pool & dated, used & dated, in_pool & ~dated, used & ~dated)
    parts = {
        name: np.sort(np.minimum(since[mask], np.datetime64(as_of)))
        for (name, *_), mask in zip(REDEEMED, masks, strict=True)
    }

    note = f"Pale: {undated:,} redeemed on an unknown date; nothing is guessed." if undated else ""
    subtitle = "Pool keys that learners have redeemed up to each day, in their pool or as a course key"
    sheet = Sheet(audit, _redemptions_title(total, done), subtitle, note=note)
    final = max(calendar.removed, as_of)
    last = later(final, max(10, 0.1 * (final - first).days))
    time = Timeline(sheet, calendar, as_of, first, last, total, right=6.7)
    edges = [first, *(item.date for item in time.deadlines if item.date <= as_of), as_of]
    days = np.unique(np.concatenate([np.array(edges, dtype="datetime64[D]"), *parts.values()]))
    days = days[days >= np.datetime64(first)]
    data = pd.DataFrame({name: np.searchsorted(part, days, side="right") for name, part in parts.items()})
    data.insert(0, "date", days.astype("datetime64[s]"))
    data["redeemed"] = data[list(parts)].sum(axis=1)
    data["not_redeemed"] = total - data["redeemed"]
    rest = _remainder(audit, pooled & ~in_pool & ~used)
    if total:
        _draw_redemptions(sheet, time, as_of, data, total)
        _stack(sheet, time, {name: len(part) for name, part in parts.items()}, rest)
    counted = [(len(parts[name]), words + (", undated" if "undated" in name else "")) for name, words, _ in REDEEMED]
    named = ", ".join(f"{number:,} {words}" for number, words, *_ in [*counted, *rest] if number)
    return sheet.chart("redemptions", data, f"{named}." if named else "")


def _first_day(audit: Reconciliation, dated: Array) -> dt.date:
    """Two months before the announcement, or the day of the first redemption if that is later; four weeks at least."""
    first = later(min(audit.calendar.announced_on, audit.as_of), -60)
    if len(dated):
        first = max(first, dated.min().item())
    return min(first, later(audit.as_of, -28))


def _redemptions_title(total: int, done: int) -> str:
    if not total:
        return NOTHING
    if not done:
        return f"None of {total:,} keys is redeemed" if total > 1 else "The 1 key is not redeemed"
    if done == total:
        return f"All {total:,} keys are redeemed" if total > 1 else "The 1 key is redeemed"
    return f"{done:,} of {total:,} keys {are(done)} redeemed, {total - done:,} {are(total - done)} not"


def _remainder(audit: Reconciliation, mask: Array) -> list[tuple[int, str, str]]:
    """The unredeemed keys by family, least owed first: by the name of the status where a family has one only."""
    counts = audit.keys.loc[mask, "status"].value_counts()
    told = []
    for family in ("nothing", "works", "check", "dead", "todo"):
        codes = {code: int(counts.get(code, 0)) for code, row in STATUSES.items() if row.family == family}
        codes = {code: number for code, number in codes.items() if number}
        if codes:
            words = plain(next(iter(codes))) if len(codes) == 1 else FAMILIES[family][2]
            told.append((sum(codes.values()), words, family))
    return told


def _draw_redemptions(sheet: Sheet, time: Timeline, as_of: dt.date, data: pd.DataFrame, total: int) -> None:
    days = data["date"].to_numpy().astype("datetime64[D]")
    floor = np.zeros(len(data))
    for name, _, colour in REDEEMED:
        upper = floor + data[name].to_numpy()
        xs, high = time.stairs(days, upper, as_of)
        _, low = time.stairs(days, floor, as_of)
        sheet.area(xs, low, high, colour, z=0.6)
        floor = upper
    sheet.line(xs, high, WORD["done"], 2)
    sheet.avoid(xs, high)
    y = time.y(total)
    sheet.line([time.left, time.right], [y, y], INK, 1.2, (0, (2, 2)))
    x = time.x(as_of)
    sheet.line([x, x], [time.bottom, y], INK, 1.2, (0, (2, 2)), z=4)
    done = int(data["redeemed"].iloc[-1])
    sheet.point(x, time.y(done), WORD["done"])
    sheet.place(
        count(total),
        [(time.left + dx, y + 0.06, "left", "bottom") for dx in (0.05, 0.5, 1, 2, 3)],
        bold=True,
        back=True,
    )
    middle = (time.y(done) + y) / 2
    words = f"{done:,} redeemed\non {day(as_of)}"
    spots = [
        (x - 0.12, time.y(done) + 0.14, "right", "bottom"),
        (x - 0.12, middle, "right", "center"),
        (x - 0.12, time.y(done) - 0.2, "right", "top"),
        (x + 0.14, time.y(done) - 0.1, "left", "top"),
        (x + 0.14, time.y(done) + 0.1, "left", "bottom"),
    ]
    sheet.place(words, spots, colour=WORD["done"], bold=True, size=10, back=True)
    before = int(data["redeemed"].iloc[0])
    if before and len(data) > 1:
        y0 = time.y(before)
        sheet.place(
            f"{before:,} by {day(time.first)}",
            [(time.left + 0.06, y0 + 0.08, "left", "bottom"), (time.left + 0.06, y0 + 0.3, "left", "bottom")],
            colour=WORD["done"],
            back=True,
        )
    for item in time.deadlines:
        if item.date < as_of:
            reached = int(data.loc[data["date"] == np.datetime64(item.date), "redeemed"].iloc[0])
            sheet.point(item.x, time.y(reached), WORD["done"], size=5)
            if reached != before:
                sheet.place(
                    f"{reached:,}",
                    [(item.x - 0.07, time.y(reached) + 0.08, "right", "bottom")],
                    colour=WORD["done"],
                    back=True,
                )
            before = reached


def _stack(sheet: Sheet, time: Timeline, done: dict[str, int], rest: list[tuple[int, str, str]]) -> None:
    """All keys on the as-of date as one column beside the plot, to the same scale, each part named."""
    x, floor = time.right + 0.2, 0
    told: list[tuple[float, str, str, bool]] = []
    redeemed = []
    for name, words, fill in REDEEMED:
        if "undated" in name and done[name.removesuffix("_undated")]:
            words = words.removeprefix("as ").replace("their pool", "pools") + ", undated"
        elif done[name] == 1:
            words = words.replace("as course keys", "as a course key").replace("their", "its")
        redeemed.append((done[name], words, fill, WORD["done"]))
    remaining = [(number, words, FILL[family], WORD[family]) for number, words, family in rest]
    for group, heading in ((redeemed, "redeemed"), (remaining, "not redeemed")):
        group = [part for part in group if part[0]]
        for number, words, fill, colour in group:
            y0, y1 = time.y(floor), time.y(floor + number)
            sheet.rectangle(x, y0, x + 0.17, max(y1 - 0.012, y0 + 0.008), fill)
            told.append(((y0 + y1) / 2, f"{number:,} {words}", colour, False))
            floor += number
        if group:
            told.append((time.y(floor) + 0.001, f"{sum(part[0] for part in group):,} {heading}", INK, True))
    sheet.ladder(x + 0.32, time.bottom + 0.02, time.top, told, anchor=x + 0.17)
