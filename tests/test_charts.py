"""Charts: labels never collide, the sentence is the data, the data is the audit; whatever the pools are called."""

from __future__ import annotations

import ast
import datetime as dt
import itertools
import pickle
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib.colors
import numpy as np
import pyarrow as pa
import pytest
from conftest import SAMPLES, Write
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from keyaudit import charts
from keyaudit.calendar import Calendar
from keyaudit.case import open_case
from keyaudit.charts.overtime import dates, ticks
from keyaudit.charts.paint import DARK, FILL, INK, LEFT_OF, PAPER, STRIPE, WIDTH, WORD, printable, width
from keyaudit.coded import TEXT, Coded
from keyaudit.columns import COLUMNS
from keyaudit.exports.records import Export, Source, Table
from keyaudit.findings import Accepted
from keyaudit.reconciliation import Reconciliation, reconcile
from keyaudit.rulebook import FAMILIES, FINDINGS, GROUPS, STATUSES, ways
from keyaudit.share import masked
from keyaudit.tallies import working

Draw = Callable[[Reconciliation], charts.Chart]
EVERY: tuple[Draw, ...] = charts.DRAWN
OVER_TIME = EVERY[:3]
NAMES = [
    "A pool whose name has eighty characters, which is more than a chart has room for",
    "Prices in $ and $\\frac{a$",
    "🎓 graduates 研修",
    "מפתחות הדרכה",
    "two\nlines\tand\x07a bell",
    "<b>bold</b> & \"quoted\" id='x'",
    "\u202ereversed",
    "x" * 80,
]


# --- audits, from a few lines or of any size ---


def export(role: str, columns: dict[str, Iterable[Any]]) -> Export:
    """The export of one file: cells by column, "" for a blank one."""
    cells = {name: [cell or None for cell in column] for name, column in columns.items()}
    keys, count = cells.pop("training_key"), len(next(iter(cells.values()), ()))
    made = {}
    for name, column in cells.items():
        coded, kind = Coded.of(column), COLUMNS[name].kind
        if kind == "date":
            coded = Coded(coded.codes, np.array([np.datetime64(value, "s") for value in coded.values], "datetime64[s]"))
        elif kind != "text":
            coded = Coded(coded.codes, np.array([float(value) for value in coded.values]))
        made[name] = coded
    signs = {}
    if role.startswith("pools"):
        signs["redeemed"] = made["redeemed_at"].filled | (
            made["redeemed_by"].filled if "redeemed_by" in made else False
        )
    zeros, distinct = np.zeros(count, dtype=np.int32), len(set(keys))
    source = Source(role, f"{role}.csv", "", role, 1, "", "", count, distinct, count - distinct, 0, 0)
    table = Table(0, "", "", frozenset(columns), "", count)
    rows = np.arange(2, count + 2, dtype=np.int32)
    return Export(role, pa.array(keys, TEXT), made, rows, zeros, (table,), (source,), signs=signs)


def read(role: str, text: str) -> Export:
    """The same from a table with blanks between the columns; `.` is a blank cell."""
    head, *rows = [line.split() for line in text.strip().splitlines()]
    return export(role, {name: ["" if row[n] == "." else row[n] for row in rows] for n, name in enumerate(head)})


def audit(before: str, course_keys: str | None = None, now: str | None = None, as_of: str = "2026-04-03", **more: Any) -> Reconciliation:  # fmt: skip
    """An audit of a few keys."""
    course = read("course_keys", course_keys) if course_keys else None
    later = read("pools_now", now) if now else None
    return reconcile(read("pools_before", before), course, pools_now=later, as_of=as_of, **more)


def pools(name: str, as_of: str, dates: str = "published", unknown: bool = False) -> Reconciliation:
    """Some POOLS, on a day, under a calendar. `unknown`: no uses are shown."""
    before, course, now = exports(name, unknown)
    return reconcile(before, course, pools_now=now, as_of=as_of, calendar=CALENDARS[dates])


@cache
def exports(name: str, unknown: bool) -> tuple[Export, Export, Export]:
    """Pools of redeemed, migrated and waiting keys; every third migrated key was used."""
    rows = [
        (pool, place < redeemed, redeemed <= place < redeemed + migrated, place)
        for pool, (redeemed, migrated, waiting) in POOLS[name].items()
        for place in range(redeemed + migrated + waiting)
    ]
    codes = [f"KEY{number:09d}" for number in range(len(rows))]
    before = {
        "training_key": codes,
        "pool": [row[0] for row in rows],
        "redeemed_at": [f"2026-0{1 + row[3] % 3}-15" if row[1] else "" for row in rows],
        "expires_on": ["2026-12-31"] * len(rows),
    }
    moved = [number for number, row in enumerate(rows) if row[2]]
    still = [number for number, row in enumerate(rows) if not row[2]]
    now = {name: [column[number] for number in still] for name, column in before.items()}
    course = {
        "training_key": [codes[number] for number in moved],
        "created_at": ["2026-03-30"] * len(moved),
        "uses": [str(int(rows[number][3] % 3 == 0)) for number in moved],
        "max_uses": ["1"] * len(moved),
        "expires_on": ["2026-12-31"] * len(moved),
    }
    if unknown:
        del course["uses"]
    return export("pools_before", before), export("course_keys", course), export("pools_now", now)


def calendar(*days: str) -> Calendar:
    return Calendar(*(dt.date.fromisoformat(day) for day in days))


CALENDARS = {
    "published": Calendar(),
    "one day": calendar(*["2026-04-10"] * 5),
    "four days": calendar("2026-04-07", "2026-04-10", "2026-04-11", "2026-04-12", "2026-04-13"),
    "two and two": calendar("2026-03-19", "2026-04-10", "2026-04-10", "2026-04-12", "2026-04-12"),
    "late together": calendar("2026-03-19", "2026-04-10", "2026-08-27", "2026-08-28", "2026-08-29"),
    "years": calendar("2026-03-19", "2026-04-10", "2027-04-17", "2029-05-08", "2031-05-29"),
    "long past": calendar("2019-03-19", "2019-04-10", "2019-04-17", "2019-05-08", "2019-05-29"),
    "far future": calendar("2035-03-19", "2035-04-10", "2035-04-17", "2035-05-08", "2035-05-29"),
    "end of time": calendar("2026-03-19", "2026-04-10", "2026-04-17", "2026-05-08", "9999-12-31"),
}  # fmt: skip
POOLS: dict[str, dict[str, tuple[int, int, int]]] = {
    "no key": {},
    "one key": {"Alone": (0, 0, 1)},
    "one redeemed key": {"Alone": (1, 0, 0)},
    "one migrated key": {"Alone": (0, 1, 0)},
    "one pool": {"Azure": (5, 7, 9)},
    "all migrated": {"Azure": (0, 12, 0)},
    "odd names": {name: (place, 9 - place, 3) for place, name in enumerate(NAMES)},
    "60 pools": {f"Pool number {n}, cohort of the year {n}": (n % 7, n % 5, n % 11) for n in range(1, 61)},
    "big and small": {"Big": (9_000, 4, 2_000), "Small": (0, 1, 1)},
    "small and big": {"Big": (1, 9_000, 1), "Small": (1, 0, 1)},
}

# Every status but those of logs, lookalikes and unreadable cells, and every answer to "does it work".
MIXED = """
    training_key pool  redeemed_at expires_on course
    RED000000001 Azure 2026-03-02  2026-12-31 C
    RED000000002 Azure 2026-03-25  2026-12-31 C
    TWICE0000001 Azure 2026-03-02  2026-12-31 C
    GONE00000001 Azure .           2026-12-31 C
    GONE00000002 Azure .           2026-12-31 C
    MOVED0000001 Azure .           2026-12-31 C
    MOVED0000002 Azure .           2026-12-31 C
    MOVED0000003 Azure .           2026-12-31 C
    MOVED0000004 Azure .           2026-12-31 C
    BOTH00000001 Azure .           2026-12-31 C
    WRONG0000001 Azure .           2026-12-31 C
    WAITS0000001 Azure .           2026-12-31 C
    WAITS0000002 Azure .           2026-12-31 C
    SOON00000001 Build .           2026-04-20 C
    DEAD00000001 Cloud .           2026-03-30 C
    OVER00000001 Delta .           2026-01-31 C
"""
MIXED_NOW = """
    training_key pool  redeemed_at expires_on course
    RED000000001 Azure 2026-03-02  2026-12-31 C
    RED000000002 Azure 2026-03-25  2026-12-31 C
    TWICE0000001 Azure 2026-03-02  2026-12-31 C
    BOTH00000001 Azure .           2026-12-31 C
    WAITS0000001 Azure .           2026-12-31 C
    WAITS0000002 Azure .           2026-12-31 C
"""
MIXED_COURSE = """
    training_key created_at uses max_uses expires_on course
    TWICE0000001 2026-03-28 0    1        2026-12-31 C
    MOVED0000001 2026-03-28 0    1        2026-12-31 C
    MOVED0000002 2026-03-28 0    1        2026-06-30 C
    MOVED0000003 2026-03-28 1    1        2026-12-31 C
    MOVED0000004 2026-03-28 0    1        2026-04-01 C
    BOTH00000001 2026-03-28 0    1        2026-12-31 C
    WRONG0000001 2026-03-28 0    1        2026-12-31 D
    EXTRA0000001 2026-03-28 0    1        2026-12-31 C
"""


def mixed(as_of: str = "2026-04-03", **more: Any) -> Reconciliation:
    return audit(MIXED, MIXED_COURSE, MIXED_NOW, as_of, **more)


@pytest.fixture(scope="module")
def find() -> Callable[..., Reconciliation]:
    """The audit of made-up pools, on a day, under a calendar; or the mixed one."""
    return lambda name, as_of, dates="published": (
        mixed(as_of, calendar=CALENDARS[dates]) if name == "mixed" else pools(name, as_of, dates)
    )


Find = Callable[..., Reconciliation]

# --- labels ---


Boxes = list[tuple[str, float, float, float, float]]


def texts(chart: charts.Chart) -> Boxes:
    """Every visible text of the figure and its box in inches, as matplotlib measures it."""
    renderer = FigureCanvasAgg(chart.figure).get_renderer()
    found = [text for text in chart.figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [text.get_window_extent(renderer).get_points() / chart.figure.dpi for text in found]
    return [(text.get_text(), *box.ravel().tolist()) for text, box in zip(found, boxes, strict=True)]


def laid_out(chart: charts.Chart) -> Boxes:
    """The same from what is drawn, a little wider: so exact it is (see below), and fifty times as fast."""
    found = []
    for x, y, words, size, bold, _, ha in chart.drawn[2]:
        wide = 1.03 * width(words, size, bold)
        left = x - wide * LEFT_OF[ha]
        found.append((words, left, y - 0.24 * size / 72, left + wide, y + 0.76 * size / 72))
    return found


def problems(chart: charts.Chart, boxes: Boxes) -> list[str]:
    """Texts that touch another, or leave the figure."""
    high, pixel = chart.drawn[0], 2 / 160
    wrong = [f"outside: {words!r}" for words, x0, y0, x1, y1 in boxes if x0 < 0 or y0 < 0 or x1 > WIDTH or y1 > high]
    for (one, a, b, c, d), (other, x0, y0, x1, y1) in itertools.combinations(boxes, 2):
        if a < x1 - pixel and x0 < c - pixel and b < y1 - pixel and y0 < d - pixel:
            wrong.append(f"{one!r} touches {other!r}")
    return wrong


AS_OF = ("2026-02-01", "2026-03-19", "2026-04-09", "2026-04-10", "2026-04-17", "2026-05-08", "2026-05-28", "2026-05-29", "2031-01-01")  # fmt: skip
CASES = [("mixed", day, "published") for day in AS_OF]
CASES += [(pools, "2026-04-03", "published") for pools in POOLS]
CASES += [(pools, "2026-06-15", "published") for pools in ("one key", "odd names", "60 pools", "big and small")]
CASES += [("mixed", "2026-04-09", name) for name in CALENDARS]
CASES += [("60 pools", "2026-04-11", name) for name in CALENDARS]
CASES += [("mixed", "2026-11-22", name) for name in ("late together", "years", "far future", "end of time")]


@pytest.mark.parametrize(("name", "as_of", "dates"), CASES)
def test_no_label_touches_another_and_every_title_fits(
    find: Find, name: str, as_of: str, dates: str, recwarn: pytest.WarningsRecorder
) -> None:
    audit = find(name, as_of, dates)
    for draw in EVERY if dates == "published" else OVER_TIME:
        chart = draw(audit)
        assert problems(chart, laid_out(chart)) == [], draw.__name__
        (title,) = [words for words, *_ in laid_out(chart) if repr(chart).startswith(f"{words}.")]
        assert len(title) <= 65, title
        assert not chart.data.isna().any(axis=None), draw.__name__
    assert [str(item.message) for item in recwarn] == []


def test_matplotlib_measures_words_as_they_were_laid_out(find: Find) -> None:
    """Within five parts in a hundred; and by its own measure no label touches another."""
    for name, as_of in (("mixed", "2026-04-09"), ("odd names", "2026-06-15")):
        for draw in EVERY:
            chart = draw(find(name, as_of))
            assert problems(chart, texts(chart)) == [], draw.__name__
            for (_, x0, _, x1, _), (words, left, _, right, _) in zip(texts(chart), laid_out(chart), strict=True):
                assert x1 - x0 == pytest.approx((right - left) / 1.03, rel=0.05, abs=0.02), words


def test_the_measure_of_touching_labels_can_fail() -> None:
    chart = charts.keys_left(mixed())
    moved = next(text for text in chart.figure.findobj(Text) if text.get_text() == "5")
    moved.set_position((1, 4.58))
    assert any("touches" in problem for problem in problems(chart, texts(chart)))
    moved.set_position((9.3, 2))
    assert any("outside" in problem for problem in problems(chart, texts(chart)))


# --- the numbers of the audit ---


SPREAD = ("2026-03-10", "2026-04-03", "2026-04-10", "2026-05-12", "2026-06-15", "2026-11-22")


@pytest.mark.parametrize("as_of", SPREAD)
def test_every_chart_says_the_numbers_of_the_audit(as_of: str) -> None:
    """Sums by group and by status are those of the card, whatever the day."""
    for result in (mixed(as_of), pools("60 pools", as_of), pools("one pool", as_of, unknown=True)):
        by_pool, went = charts.status_by_pool(result).data, charts.where_keys_went(result).data
        settled = result.groups["settled"]
        assert by_pool["settled"].sum() == settled
        assert by_pool["not_settled"].sum() == result.total - settled
        assert by_pool["dead"].sum() == result.groups["locked out now"]
        assert by_pool["unknown"].sum() == result.groups["not known"]
        sums = went[went["row"].isin(GROUPS)].set_index("row")["keys"].to_dict()
        assert sums == {name: n for name, n in result.groups.items() if n and name != "settled"}
        parts = went[~went["row"].isin(["all keys", "not settled", *GROUPS])]
        assert parts.groupby("group")["keys"].sum().to_dict() == {name: n for name, n in result.groups.items() if n}
        statuses = parts["row"].str.replace(r" \(.*", "", regex=True).str.replace(" ", "_")
        assert parts.groupby(statuses)["keys"].sum().to_dict() == {c: n for c, n in result.statuses.items() if n}
        assert parts["to"].tolist() == [result.total, *parts["from"].iloc[:-1]]
        assert parts["from"].iloc[-1] == 0
        facts = charts.how_statuses_follow(result).data
        assert facts.groupby("status")["keys"].sum().to_dict() == {c: n for c, n in result.statuses.items() if n}
        outlook = charts.outlook(result).data.set_index("date")
        today = outlook.loc[as_of]
        assert today["not_working"] - (result.works["not_yet"]) == result.groups["locked out now"], as_of
        left = charts.keys_left(result).data
        assert left[left["kind"].isin(["known", "today"])]["left"].iloc[-1] == sum(
            number for code, number in result.statuses.items() if STATUSES[code].left
        )


@pytest.mark.parametrize("as_of", SPREAD)
def test_a_word_with_a_number_says_the_same_in_every_chart(as_of: str) -> None:
    """`7 locked out`, `7 do not work`: what is not the whole says of how many."""
    result = mixed(as_of)
    said = " ".join(repr(draw(result)) for draw in EVERY)
    groups, kinds = result.groups, np.bincount(result.facts.family_of_key, minlength=len(FAMILIES)).tolist()
    same = dict(zip([words for _, _, words in FAMILIES.values()], kinds, strict=True))
    same |= groups | {"do not work": groups["locked out now"], "does not work": groups["locked out now"]}
    for words, number in same.items():
        told = {int(n) for n in re.findall(rf"(?<!of )\b(\d+) {words}\b(?!,)", said)} - {0}
        assert told <= {number}, words
        assert {int(n) for n in re.findall(rf"\d+ of (\d+) {words}\b", said)} <= {number}, words


def test_numbers_beside_the_outlook_add_up() -> None:
    for result, day in itertools.product(("mixed", "60 pools"), SPREAD):
        chart = charts.outlook(mixed(day) if result == "mixed" else pools(result, day))
        beside = [int(number) for number in re.findall(r"(?:^|\. |; )(\d+) (?!of)", repr(chart))]
        total = re.search(r"of (?:the )?(\d+) open|the (1) open", repr(chart))
        assert total, repr(chart)
        assert sum(beside) == int(total[1] or total[2]), repr(chart)


def test_what_works_is_counted_once() -> None:
    """On each day of the picture the open codes that work are those of `audit.outlook()`."""
    hands = [code for code, row in STATUSES.items() if row.owed]
    for day in SPREAD[:5]:
        result = mixed(day)
        drawn = charts.outlook(result).data
        drawn = drawn[drawn["date"] >= day]
        table = result.outlook(on=[date.date() for date in drawn["date"]])
        assert table[hands].sum(axis=1).tolist() == (drawn["by_course_key"] + drawn["by_pool"]).tolist(), day


def test_codes_work_from_their_start_to_the_day_they_end() -> None:
    """
    code  starts  ends   group
    0     day 0   day 2  0
    1     day 1   never  0
    2     day 3   day 2  1      it never works
    3     day 0   never  none
    """
    day = np.arange("2026-01-01", "2026-01-05", dtype="datetime64[D]")
    start, until = day[[0, 1, 3, 0]], np.append(day, np.datetime64("2300-01-01"))[[2, 4, 2, 4]]
    assert working(day, start, until, np.array([0, 0, 1, -1]), 2).tolist() == [[1, 0], [2, 0], [1, 0], [1, 0]]


def test_what_is_accepted_is_settled() -> None:
    """GONE00000001 is accepted as it is: neither locked out, nor left, nor open."""
    result = mixed(accepted=[Accepted("missing", "its learner has left", reference="Azure, row 5")])
    before = mixed()
    assert result.excused == 1
    assert result.groups["locked out now"] == before.groups["locked out now"] - 1
    rows = charts.where_keys_went(result).data.set_index("row")["keys"]
    assert (rows["missing (accepted)"], rows["missing (locked out now)"]) == (1, 1)
    assert charts.keys_left(result).data["left"].max() == charts.keys_left(before).data["left"].max() - 1
    assert "1 of them accepted" in repr(charts.keys_left(result))


# --- checked by hand ---


def test_redemptions_are_counted_on_their_day() -> None:
    """Two in the pool with a date, one without; one as a course key with a date, one without; one is left."""
    before = """
        training_key pool redeemed_at redeemed_by expires_on
        A1           P    2026-03-02  Kim         2026-12-31
        A2           P    2026-04-01  Kim         2026-12-31
        A3           P    .           Kim         2026-12-31
        B1           P    .           .           2026-12-31
        B2           P    .           .           2026-12-31
        B3           P    .           .           2026-12-31
    """
    course = """
        training_key created_at uses max_uses expires_on redeemed_at
        B1           2026-03-25 1    1        2026-12-31 2026-03-28
        B2           2026-03-25 1    1        2026-12-31 .
    """
    chart = charts.redemptions(audit(before, course))
    data = chart.data.set_index(chart.data["date"].dt.strftime("%m-%d"))
    columns = ["in_pools", "as_course_keys", "in_pools_undated", "as_course_keys_undated", "not_redeemed"]
    assert data.loc["03-02", columns].tolist() == [1, 0, 1, 0, 4]  # A3 may have been redeemed on any day
    assert data.loc["03-25", columns].tolist() == [1, 0, 1, 1, 3]  # B2 not before it was a course key
    assert data.loc["03-28", columns].tolist() == [1, 1, 1, 1, 2]
    assert data.loc["04-03", columns].tolist() == [2, 1, 1, 1, 1]
    assert repr(chart) == (
        "5 of 6 pool keys are redeemed, 1 is not. 2 in their pool, 1 as a course key, 1 in its pool, undated, "
        "1 as a course key, undated, 1 not known."
    )
    shown = [words for words, *_ in texts(chart)]
    assert {"2 in their pool", "1 as a course key", "1 not known", "1 not redeemed", "5 redeemed in all"} <= set(shown)
    assert "Pale: 2 redeemed on a date that is not known; nothing is guessed." in shown


def test_keys_left_falls_as_keys_are_redeemed_and_recreated() -> None:
    """Of six keys one was redeemed on 25 March, two were recreated on 1 April; three are left on 3 April."""
    before = """
        training_key pool redeemed_at expires_on
        A1           P    2026-03-25  2026-12-31
        B1           P    .           2026-12-31
        B2           P    .           2026-12-31
        B3           P    .           2026-12-31
        B4           P    .           2026-12-31
        B5           P    .           2026-12-31
    """
    course = "training_key created_at uses max_uses expires_on\nB1 2026-04-01 0 1 .\nB2 2026-04-01 0 1 ."
    chart = charts.keys_left(audit(before, course))
    past = chart.data[chart.data["kind"] == "known"]
    told = dict(zip(past["date"].dt.strftime("%m-%d"), past["left"], strict=True))
    assert told == {"03-06": 6, "03-25": 5, "04-01": 3, "04-03": 3}
    ahead = chart.data[chart.data["kind"] == "at last week's pace"]
    assert ahead["left"].tolist() == [3, 1]  # two in seven days: by 10 April two more, one misses it
    assert repr(chart) == (
        "3 keys are not migrated, and 7 days are left. 3 to migrate. Needed: all 3 by 10 Apr. "
        "Last week: 2 keys in 7 days; at that pace 1 would be left."
    )


def test_what_is_dated_after_the_day_of_the_audit_is_no_pace_kept() -> None:
    before = """
        training_key pool redeemed_at expires_on
        A1           P    .           2026-12-31
        A2           P    .           2026-12-31
    """
    course = "training_key created_at uses max_uses expires_on\nA1 2026-04-08 0 1 ."
    assert "Last week: 0 keys in 7 days" in repr(charts.keys_left(audit(before, course)))


@pytest.mark.parametrize(
    ("head", "known"), [("Training_Key Expires Course", " known to be"), ("Training_Key Expires Redeemed", "")]
)
def test_where_no_export_shows_redemption_no_key_is_said_to_be_open(head: str, known: str, write: Write) -> None:
    case = write("pools-before/P.csv", f"{head}\nAAAA0001 2026-12-31 .\nAAAA0002 2026-12-31 .")
    chart = charts.redemptions(open_case(case).reconcile(as_of="2026-04-03"))
    assert repr(chart).startswith(f"None of 2 pool keys are{known} redeemed. ")


def test_a_day_of_another_year_has_its_year() -> None:
    before = "training_key pool redeemed_at expires_on\nA1 P . 2026-12-31"
    course = "training_key created_at uses max_uses expires_on\nA1 2026-04-01 0 1 2027-01-15"
    told = repr(charts.outlook(audit(before, course, as_of="2026-11-22")))
    assert "on 15 Jan 2027" in told


def test_with_one_export_only_todays_point_is_known() -> None:
    """Of three keys one is redeemed; whether the others were recreated nobody knows, so they count."""
    before = "training_key pool redeemed_at expires_on\nA1 P 2026-03-25 .\nB1 P . .\nB2 P . ."
    chart = charts.keys_left(audit(before))
    assert chart.data["kind"].tolist() == ["today", "needed", "needed"]
    assert repr(chart).startswith("2 keys are not migrated, and 7 days are left.")
    after = charts.keys_left(audit(before, as_of="2026-06-01"))  # undetermined from the removal on
    assert repr(after).startswith("2 keys are not known to be migrated.")
    assert all(
        f">{label}<" in after.svg() for label in ("Migrate by", "Pools removed")
    )  # no past, and yet the deadlines
    assert repr(charts.outlook(audit(before, as_of="2026-06-01"))).startswith(
        "Whether 2 of 2 open codes work is not known."
    )


@pytest.mark.parametrize(
    ("as_of", "sentence"),
    [
        ("2026-04-09", "6 keys are not migrated, and 1 day is left."),
        ("2026-04-10", "6 keys are not migrated, and today is the last day."),
        ("2026-04-11", "6 keys are not migrated, 1 day after the deadline."),
        ("2026-05-08", "6 keys were not migrated before pools became read-only."),
        ("2026-05-29", "6 keys were not migrated before the pools were removed."),
    ],
)
def test_keys_left_knows_the_calendar(as_of: str, sentence: str) -> None:
    """Two wait in Azure, one each in Build and Cloud, two are missing."""
    assert repr(charts.keys_left(mixed(as_of))).startswith(sentence)


def test_outlook_follows_expiry_and_removal() -> None:
    """On 3 April all five work; one pool ends on 20 April, the other with the pools, one course key on 5 June."""
    before = """
        training_key pool redeemed_at expires_on
        A1           P    .           2026-04-20
        A2           P    .           2026-04-20
        B1           Q    .           2026-12-31
        B2           Q    .           2026-12-31
        B3           Q    .           2026-12-31
    """
    now = "training_key pool redeemed_at expires_on\nB3 Q . 2026-12-31"
    course = "training_key created_at uses max_uses expires_on\nB1 2026-04-01 0 1 2026-06-05\nB2 2026-04-01 0 1 ."
    chart = charts.outlook(audit(before, course, now))
    data = chart.data.set_index(chart.data["date"].dt.strftime("%m-%d"))
    columns = ["by_course_key", "by_pool", "not_known", "not_working"]
    assert data.loc["04-03", columns].tolist() == [2, 3, 0, 0]
    assert data.loc["04-20", columns].tolist() == [2, 1, 0, 2]
    assert data.loc["05-29", columns].tolist() == [2, 0, 0, 3]
    assert data.loc["06-05", columns].tolist() == [1, 0, 0, 4]
    assert repr(chart) == (
        "On 29 May, 2 of 5 open codes would still work. 1 still works on 15 Jun; 1 reaches its own expiry on 5 Jun; "
        "3 stop with their pool unless migrated."
    )
    after = charts.outlook(audit(before, course, now, as_of="2026-06-15"))
    assert repr(after) == (
        "4 of 5 open codes do not work. 1 still works on 11 Jul; 1 reached its own expiry on 5 Jun; 3 stopped by 29 May."
    )
    assert after.data["not_working"].tolist()[-1] == 4


def test_what_is_not_known_after_the_removal_makes_a_count_the_least() -> None:
    """52 work, 78 do not, of 1 nobody knows: 131."""
    said = repr(charts.outlook(open_case(SAMPLES / "halfway").reconcile(as_of="2026-06-10")))
    assert said.startswith("At least 78 of 131 open codes do not work. 52 still work on 5 Jul; 1 not known;")


def test_where_every_key_went() -> None:
    """17 keys by hand. Settled: MOVED1 and 3, OVER, RED1 and 2, EXTRA. Locked out: GONE1 and 2, MOVED4, DEAD."""
    result = mixed()
    assert repr(charts.where_keys_went(result)) == (
        "17 keys: 6 settled, 4 locked out now, 7 due. 2 migrated (settled), 1 expired, 2 redeemed, 1 new, 2 missing, "
        "1 migrated (locked out now), 1 to migrate (locked out now), 1 wrong course, 1 migrated (due), 1 duplicate, "
        "1 redeemed recreated, 3 to migrate (due)."
    )
    data = charts.status_by_pool(result).data.set_index("pool")
    columns = ["not_settled", "todo", "dead", "check", "unknown", "settled", "works", "done", "nothing"]
    assert data.loc["Azure", columns].tolist() == [9, 2, 3, 4, 0, 4, 1, 3, 0]
    assert data.index.tolist() == ["Azure", "Build", "Cloud", "Delta", "in no pool"]
    assert repr(charts.status_by_pool(result)) == (
        "1 of 4 pools holds 82% of the 11 keys that are not settled. 11 are not settled, 6 are settled. "
        "Worst: Azure: 9; Build: 1; Cloud: 1."
    )


def test_sixty_pools_are_fifteen_and_the_rest(find: Find) -> None:
    result = find("60 pools", "2026-04-03")
    data = charts.status_by_pool(result).data
    assert len(data) == 16
    assert data["pool"].iloc[-1] == "45 other pools"
    assert data["not_settled"].sum() == result.statuses["to_migrate"] == sum(n % 11 for n in range(1, 61))


def test_facts_and_the_rule_that_gives_a_status() -> None:
    data = charts.how_statuses_follow(mixed()).data
    (missing,) = data[data["status"] == "missing"].to_dict("records")
    assert missing == {
        "in_before": "yes", "in_now": "no", "in_course_keys": "no", "redeemed_in_pool": "no", "is_distributed": "unknown",
        "looks_alike": "no", "status": "missing", "rule": "gone from its pool, and not in course keys", "keys": 2,
    }  # fmt: skip
    (both,) = data[data["status"] == "duplicate"].to_dict("records")
    assert both["rule"] == "still in its pool and in course keys"
    assert {rule for row in STATUSES.values() for _, rule in ways(row)} >= set(data["rule"])


def test_every_way_to_a_status_has_its_words() -> None:
    for row in STATUSES.values():
        assert " | ".join(rule for rule, _ in ways(row)) == row.rule
        assert "; or ".join(words for _, words in ways(row)) == row.when


# --- what nobody knows ---


def hatches(chart: charts.Chart) -> int:
    """How many groups of strokes in the colour of what is not known there are."""
    return sum(edge == WORD["unknown"] and len(lines) > 0 for _, lines, _, edge, _, _ in chart.drawn[1])


def test_what_nobody_knows_is_hatched_and_named() -> None:
    """Without uses nobody knows which of the seven migrated keys still work."""
    unknown, known = pools("one pool", "2026-04-03", unknown=True), pools("one pool", "2026-04-03")
    assert unknown.groups["not known"] == 7
    for draw in (
        charts.redemptions,
        charts.outlook,
        charts.status_by_pool,
        charts.where_keys_went,
        charts.how_statuses_follow,
    ):
        assert hatches(draw(unknown)), draw.__name__
        assert not hatches(draw(known)), draw.__name__
    for draw in (charts.redemptions, charts.outlook, charts.where_keys_went):
        assert "7 not known" in repr(draw(unknown)), draw.__name__
    assert repr(charts.outlook(unknown)).startswith("On 29 May, at least 0 of 16 open codes would work.")


# --- sentences for nothing and for one ---


def test_sentences_for_nothing(find: Find) -> None:
    said = {repr(draw(find("no key", "2026-04-03"))) for draw in EVERY}
    assert said == {"No key was exported."}
    done = find("all migrated", "2026-04-03")
    assert repr(charts.keys_left(done)) == "No key is left to migrate."
    assert repr(charts.status_by_pool(done)).startswith("Every key is settled.")


def test_sentences_for_one(find: Find) -> None:
    said = {draw.__name__: repr(draw(find("one key", "2026-04-03"))).partition(". ")[0] for draw in EVERY}
    assert said == {
        "redemptions": "The 1 pool key is not redeemed",
        "keys_left": "1 key is not migrated, and 7 days are left",
        "outlook": "On 29 May, the 1 open code would no longer work",
        "status_by_pool": "1 of 1 pool holds the 1 key that is not settled",
        "where_keys_went": "1 key: 1 due",
        "how_statuses_follow": "1 combination of facts gives 1 key its status",
    }


# --- the object ---


def test_a_chart_is_a_picture_a_sentence_and_its_numbers() -> None:
    for draw in EVERY:
        chart = draw(mixed())
        data, more = chart._repr_mimebundle_()
        assert data["image/png"].startswith(b"\x89PNG")
        assert data["text/plain"] == more["image/png"]["alt"] == repr(chart)
        assert chart.figure.get_size_inches()[0] == pytest.approx(9.2)
        assert chart.figure is chart.figure
        with pytest.raises(AttributeError):
            chart.sentence = "another"  # type: ignore[misc]
        assert draw.__doc__


def test_the_same_audit_gives_the_same_bytes() -> None:
    for draw in EVERY:
        one, two = draw(mixed()), draw(mixed())
        assert one.svg() == one.svg() == two.svg()
    assert one._repr_png_() == two._repr_png_()


def test_several_svgs_can_stand_on_one_page() -> None:
    """One element each, no style sheet, no id, nothing from outside; read aloud; text as text; the same as the figure."""
    for draw in EVERY:
        chart = draw(mixed())
        svg = chart.svg()
        root = ElementTree.fromstring(svg)  # noqa: S314
        assert svg.startswith("<svg ")
        assert (root.get("role"), root.get("aria-label")) == ("img", repr(chart))
        assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "desc", "path", "text"}
        assert not any(name.rpartition("}")[2] in ("id", "href", "class") for element in root.iter() for name in element.attrib)  # fmt: skip
        assert "url(" not in svg
        assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
        shown = [element.text for element in root.iter() if element.tag.endswith("text")]
        assert shown == [words for words, *_ in texts(chart)]
        assert len(svg) < 60_000


def test_names_are_shown_as_they_can_be(find: Find) -> None:
    """A picture shows □ for a sign its font lacks, a page the sign itself; control signs are nowhere."""
    assert printable("🎓 研修 a") == "□ □□ a"
    chart = charts.status_by_pool(find("odd names", "2026-04-03"))
    pictured = [words for words, *_ in texts(chart)]
    assert {"□ graduates □□", "Prices in $ and $\\frac{a$", "two lines and a bell", "reversed"} <= set(pictured)
    written = {element.text for element in ElementTree.fromstring(chart.svg()).iter()}  # noqa: S314
    assert {"🎓 graduates 研修", "<b>bold</b> & \"quoted\" id='x'"} <= written
    long = next(words for words in pictured if words.startswith("A pool whose"))
    assert "…" in long
    assert long.endswith("has room for")


def test_a_twin_to_share_shows_no_code_that_is_a_pools_name() -> None:
    before = "training_key pool redeemed_at expires_on\nSECRET00001 P-SECRET00001 . .\nSECRET00002 Q . ."
    for shown in (masked(audit(before)), audit(before)):  # the second is no twin, and shows it as little
        told = charts.status_by_pool(shown)
        assert "SECRET00001" not in told.svg() + repr(told) + told.data.to_csv()
        assert ">P-…01</text>" in told.svg()


def test_colours_are_those_of_the_families() -> None:
    """Bars are filled with colours of families that occur, and with nothing else."""
    for result in (mixed(), pools("one pool", "2026-04-03", unknown=True)):
        occur = {
            FILL[name]
            for name, at in zip(FAMILIES, itertools.count(), strict=False)
            if (result.facts.family_of_key == at).any()
        }
        for draw in (charts.status_by_pool, charts.where_keys_went, charts.how_statuses_follow):
            used = {fill for _, _, fill, _, _, _ in draw(result).drawn[1] if fill}
            assert used - {PAPER, STRIPE, INK} == occur, draw.__name__


def luminance(colour: str) -> float:
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in matplotlib.colors.to_rgb(colour)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_can_be_read_in_both_themes() -> None:
    """The contrast of every text with the card is at least 4.5, as the picture is and as a dark page turns it."""
    results = (mixed("2026-11-22"), mixed(), pools("one pool", "2026-04-03", unknown=True))
    colours = {words[5] for result in results for draw in EVERY for words in draw(result).drawn[2]}
    assert {INK, WORD["dead"], WORD["unknown"]} <= colours
    assert [colour for colour in colours if contrast(colour, PAPER) < 4.5] == []
    assert [colour for colour in colours if contrast(DARK[colour], DARK[PAPER]) < 4.5] == []
    css = charts.dark_css()
    for draw in EVERY:
        for name, colour in re.findall(r"var\((--\w+),(#\w{6})\)", draw(results[0]).svg()):
            assert f"{name}:{DARK.get(colour.upper(), '')}" in css or colour.upper() == FILL["check"]


def test_charts_leave_nothing_open_and_say_nothing(tmp_path: Path) -> None:
    """In a fresh program with an ugly style of its own: nothing imported too early, no output, the same picture."""
    code = f"""
import sys
from keyaudit import charts
assert "matplotlib" not in sys.modules
import matplotlib
matplotlib.rcParams.update({{"font.size": 30, "axes.facecolor": "black", "text.color": "red", "svg.fonttype": "path", "text.antialiased": False, "lines.linewidth": 9}})
import pickle
from keyaudit.reconciliation import reconcile
before, course = pickle.load(open({str(tmp_path / "exports")!r}, "rb"))
chart = charts.outlook(reconcile(before, course, as_of="2026-04-09"))
open({str(tmp_path / "a.png")!r}, "wb").write(chart._repr_png_())
open({str(tmp_path / "a.svg")!r}, "w", encoding="utf-8").write(chart.svg())
assert not {{"matplotlib.pyplot", "matplotlib.figure"}} & set(sys.modules)
assert matplotlib.rcParams["font.size"] == 30
"""
    exports = read("pools_before", MIXED), read("course_keys", MIXED_COURSE)
    (tmp_path / "exports").write_bytes(pickle.dumps(exports))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("", "")
    chart = charts.outlook(reconcile(*exports, as_of="2026-04-09"))
    assert (tmp_path / "a.png").read_bytes() == chart._repr_png_()
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == chart.svg()


def test_names_of_statuses_and_findings_stand_in_the_rule_book_alone() -> None:
    for path in Path(charts.__file__).parent.glob("*.py"):
        literals = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant)
        }
        assert literals & {*STATUSES, *FINDINGS} == set(), path.name


def test_no_code_is_in_a_chart() -> None:
    result = mixed()
    codes = result.facts.codes.to_pylist()
    said = [text for draw in EVERY for text in (repr(draw(result)), draw(result).svg(), draw(result).data.to_csv())]
    assert [code for code in codes for text in said if code in text] == []


def test_many_keys_take_no_longer() -> None:
    """50,000 keys in 300 pools, each day some redeemed: what is drawn does not grow with them."""
    size = 50_000
    before = {
        "training_key": [f"K{number:08d}" for number in range(size)],
        "pool": [f"Pool {number % 300}" for number in range(size)],
        "redeemed_at": [
            f"2026-0{1 + number % 3}-{1 + number % 28:02d}" if number % 2 else "" for number in range(size)
        ],
        "expires_on": ["2026-12-31"] * size,
    }
    course = {
        "training_key": [f"K{number:08d}" for number in range(0, size, 4)],
        "created_at": [f"2026-03-{1 + number % 28:02d}" for number in range(0, size, 4)],
        "uses": ["0"] * (size // 4),
        "max_uses": ["1"] * (size // 4),
        "expires_on": [f"2026-{6 + number % 6:02d}-{1 + number % 28:02d}" for number in range(0, size, 4)],
    }
    result = reconcile(export("pools_before", before), export("course_keys", course), as_of="2026-04-03")
    assert result.groups["due"] > 0
    for draw in EVERY:
        start = time.process_time()
        chart = draw(result)
        assert len(chart.svg()) < 150_000
        assert time.process_time() - start < 1.5, draw.__name__
        assert problems(chart, laid_out(chart)) == [], draw.__name__


@pytest.mark.parametrize(
    ("peak", "expected"),
    [(0, [0]), (1, [0, 1]), (4, [0, 1, 2, 3, 4]), (5, [0, 2, 4]), (122, [0, 25, 50, 75, 100]), (940, [0, 200, 400, 600, 800]), (1_000_000, [0, 250_000, 500_000, 750_000, 1_000_000])],
)  # fmt: skip
def test_ticks_are_few_and_round(peak: int, expected: list[int]) -> None:
    assert ticks(peak) == expected


def test_dates_are_few_and_round() -> None:
    day = dt.date.fromisoformat
    assert dates(day("2026-03-16"), day("2026-06-10")) == [day(d) for d in ("2026-03-16", "2026-04-01", "2026-05-01", "2026-06-01")]  # fmt: skip
    assert dates(day("2026-04-01"), day("2026-04-15")) == [day(d) for d in ("2026-04-01", "2026-04-08", "2026-04-15")]
    for last in ("2026-04-20", "2026-05-20", "2026-07-01", "2027-01-01", "2031-05-29", "9999-12-31"):
        assert 2 <= len(dates(day("2026-03-19"), day(last))) <= 5
