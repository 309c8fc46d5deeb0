"""Charts: labels never collide, the sentence is the data, the data is the audit; whatever the pools are called."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.colors
import pandas as pd
import pytest
from conftest import SAMPLES, Write, audit
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import keyaudit as ka
from keyaudit import charts
from keyaudit.charts.sheet import INK, MUTE, printable
from keyaudit.charts.tallies import SHORT
from keyaudit.charts.timeline import dates, ticks
from keyaudit.calendar import Calendar
from keyaudit.facts import Exports
from keyaudit.audit import Reconciliation
from keyaudit.report.page import write_page
from keyaudit.statuses import FAMILIES, STATUSES

Draw = Callable[[Reconciliation], charts.Chart]
EVERY: list[Draw] = [getattr(charts, name) for name in charts.__all__ if name != "Chart"]
OVER_TIME: list[Draw] = [charts.keys_left, charts.outlook, charts.redemptions]
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


def write_case(folder: Path, pools: dict[str, tuple[int, int, int]], day: str = "2026-03-30") -> Path:
    """Pools of redeemed, migrated and waiting keys; every third migrated key was used as a course key."""
    number = itertools.count()
    keys, courses = [["Training Key", "Pool", "Redeemed", "Expires"]], [["Training Key", "Created", "Uses", "Max Uses", "Expires"]]  # fmt: skip
    for name, (redeemed, migrated, waiting) in pools.items():
        for place in range(redeemed + migrated + waiting):
            code = f"KEY{next(number):09d}"
            keys.append([code, name, f"2026-0{1 + place % 3}-15" if place < redeemed else "", "2026-12-31"])
            if redeemed <= place < redeemed + migrated:
                courses.append([code, day, "1" if place % 3 == 0 else "0", "1", "2026-09-30"])
    for path, rows in (("pools-before/pools.csv", keys), ("course-keys/keys.csv", courses)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


POOLS: dict[str, dict[str, tuple[int, int, int]]] = {
    "no key": {},
    "one key": {"Alone": (0, 0, 1)},
    "one redeemed key": {"Alone": (1, 0, 0)},
    "one migrated key": {"Alone": (0, 1, 0)},
    "one pool": {"Azure": (5, 7, 9)},
    "all migrated": {"Azure": (0, 12, 0)},
    "odd names": {name: (place, 9 - place, 3) for place, name in enumerate(NAMES)},
    "60 pools": {f"Pool number {n}, cohort of the year {n}": (n % 7, n % 5, n % 11) for n in range(1, 61)},
    "big and small": {"Big": (30_000, 4, 9_000), "Small": (0, 1, 1)},
    "small and big": {"Big": (1, 30_000, 1), "Small": (1, 0, 1)},
}


Find = Callable[..., Reconciliation]


@pytest.fixture(scope="module")
def find(tmp_path_factory: pytest.TempPathFactory) -> Find:
    """The audit of a sample or of made-up pools, on a day, under a calendar; each case is read once."""
    read: dict[str, Exports] = {}

    def audit(name: str, as_of: str, dates: str = "published") -> Reconciliation:
        if name not in read:
            folder = write_case(tmp_path_factory.mktemp("case"), POOLS[name]) if name in POOLS else SAMPLES / name
            read[name] = ka.open_case(folder).reconcile(as_of=as_of)._evidence.exports
        e = read[name]
        others = {"pools_now": e.now, "pool_list": e.pool_list, "distribution": e.distribution}
        return ka.reconcile(e.before, e.course_keys, as_of=as_of, calendar=CALENDARS[dates], **others)

    return audit


@pytest.fixture(scope="module")
def halfway() -> Reconciliation:
    return ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09")


def texts(chart: charts.Chart) -> list[tuple[str, object]]:
    """Every visible text of the figure and its box in pixels (nothing is laid out later: a test draws to make sure)."""
    renderer = FigureCanvasAgg(chart.figure).get_renderer()
    found = [text for text in chart.figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in found]


def problems(chart: charts.Chart) -> list[str]:
    """Texts that touch another, or leave the figure."""
    found, (width, height) = texts(chart), chart.figure.canvas.get_width_height()
    wrong = [f"outside: {words!r}" for words, box in found if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]  # fmt: skip
    for (one, box), (other, second) in itertools.combinations(found, 2):
        if box.padded(-1).overlaps(second.padded(-1)):
            wrong.append(f"{one!r} touches {other!r}")
    return wrong


AS_OF = ("2026-02-01", "2026-03-19", "2026-04-09", "2026-04-10", "2026-04-17", "2026-05-08", "2026-05-28", "2026-05-29", "2031-01-01")  # fmt: skip
CASES = [("halfway", day, "published") for day in AS_OF]
CASES += [("two-files", "2026-04-09", "published"), ("ugly", "2026-04-09", "published")]
CASES += [("after-sunset", day, "published") for day in ("2026-04-03", "2026-11-22")]
CASES += [(pools, "2026-04-03", "published") for pools in POOLS]
CASES += [(pools, "2026-06-15", "published") for pools in ("one key", "odd names", "60 pools", "big and small")]
CASES += [("halfway", "2026-04-09", name) for name in CALENDARS]
CASES += [("60 pools", "2026-04-11", name) for name in CALENDARS]
CASES += [("halfway", "2026-11-22", name) for name in ("late together", "years", "far future", "end of time")]


@pytest.mark.parametrize(("name", "as_of", "dates"), CASES)
def test_no_label_touches_another_and_every_title_fits(
    find: Find, name: str, as_of: str, dates: str, recwarn: pytest.WarningsRecorder
) -> None:
    audit = find(name, as_of, dates)
    for draw in EVERY if dates == "published" else OVER_TIME:
        chart = draw(audit)
        assert problems(chart) == [], chart.name
        (title,) = [words for words, _ in texts(chart) if repr(chart).startswith(f"{words}.")]
        assert len(title) <= 65, title
        assert not chart.data.isna().any(axis=None), chart.name
    assert [str(item.message) for item in recwarn] == []


def test_the_measure_of_touching_labels_can_fail(halfway: Reconciliation) -> None:
    chart = charts.keys_left(halfway)
    moved = next(text for text in chart.figure.findobj(Text) if text.get_text() == "50")
    moved.set_position((1, 4.58))
    assert any("touches" in problem for problem in problems(chart))
    moved.set_position((9.3, 2))
    assert any("outside" in problem for problem in problems(chart))


def test_drawing_moves_no_label(halfway: Reconciliation) -> None:
    for draw in EVERY:
        chart = draw(halfway)
        before = [box.bounds for _, box in texts(chart)]
        FigureCanvasAgg(chart.figure).draw()
        assert [box.bounds for _, box in texts(chart)] == before


# --- numbers ---


def test_the_pools_of_the_picture_are_those_of_the_audit(halfway: Reconciliation) -> None:
    data = charts.status_by_pool(halfway).data.set_index("pool")
    pools = halfway.pools.set_index("pool")
    assert data["needs_action"].sum() == len(halfway.open_keys) == 82
    assert (data.drop(columns=["needs_action", "safe"]).sum(axis=1).drop("in no pool") == pools["keys"][data.index[:-1]]).all()  # fmt: skip
    families = {family: [code for code, row in STATUSES.items() if row.family == family] for family in FAMILIES}
    for family, codes in families.items():
        assert data[family].sum() == sum(halfway.statuses[code] for code in codes), family
    assert data.index.tolist()[:3] == [
        "Security Operations - Fabrikam",
        "Windows Server Hybrid",
        "Networking - Tailspin",
    ]
    assert repr(charts.status_by_pool(halfway)).startswith("2 of 6 pools hold 53% of the 82 keys that need action.")


def test_sixty_pools_are_fifteen_and_the_rest(find: Find) -> None:
    audit = find("60 pools", "2026-04-03")
    data = charts.status_by_pool(audit).data
    assert len(data) == 16
    assert data["pool"].iloc[-1] == "45 other pools"
    assert data["needs_action"].sum() == audit.statuses["to_migrate"] == sum(n % 11 for n in range(1, 61))


def test_every_key_goes_somewhere(halfway: Reconciliation) -> None:
    """Each bar begins where the one before ended; the rows are the statuses; the last one ends at nothing."""
    data = charts.where_keys_went(halfway).data
    assert data["row"].iloc[0] == "all keys"
    assert data["keys"].iloc[0] == len(halfway.keys) == 258
    parts = data[~data["row"].isin(["all keys", "need somebody"])]
    assert parts["to"].tolist() == [258, *parts["from"].iloc[:-1]]
    assert parts["from"].iloc[-1] == 0
    assert parts.set_index("row")["keys"].to_dict() == {
        c.replace("_", " "): n for c, n in halfway.statuses.items() if n
    }
    assert data.loc[data["row"] == "need somebody", "keys"].item() == 82
    assert repr(charts.where_keys_went(halfway)).startswith("258 keys in, 176 settled, 82 need somebody.")


def test_a_migrated_key_that_has_ended_needs_somebody(find: Find) -> None:
    """The course keys of the sample end on 31 Aug, 30 Sep and 31 Dec 2026: in November 23 migrated ones have ended."""
    audit = find("halfway", "2026-11-22")
    rows = charts.where_keys_went(audit).data.set_index("row")["keys"]
    assert (rows["migrated"], rows["migrated, ended"]) == (34, 23)
    assert rows["need somebody"] == len(audit.open_keys) == charts.status_by_pool(audit).data["needs_action"].sum()


def test_combinations_of_facts_add_up_to_the_statuses(halfway: Reconciliation) -> None:
    data = charts.how_statuses_follow(halfway).data
    assert data.groupby("status")["keys"].sum().to_dict() == {code: n for code, n in halfway.statuses.items() if n}
    missing = data[data["status"] == "missing"].iloc[0].to_dict()
    assert missing == {"in_before": "yes", "in_now": "no", "in_course_keys": "no", "redeemed": "no", "is_distributed": "unknown", "looks_alike": "no", "status": "missing", "keys": 3}  # fmt: skip
    assert set(SHORT) == set(STATUSES)


def test_redemptions_are_counted_on_their_day(write: Write) -> None:
    """Two in the pool with a date, one without; one as a course key with a date, one without; one in nobody's hands yet."""
    write(
        "pools-before/P.csv",
        """
        Training_Key Course Redeemed Redeemed_By
        A1           C      2026-03-02 Kim
        A2           C      2026-04-01 Kim
        B1           C      .          .
        B2           C      .          .
        B3           C      .          .
        """,
    )
    write("pools-before/Q.csv", "Training_Key Course Redeemed_By\nA3 C Kim")
    folder = write(
        "course-keys/k.csv",
        """
        Training_Key Course Created    Uses Max_Uses Expires    Redeemed
        B1           C      2026-03-25 1    1        2026-12-31 2026-03-28
        B2           C      2026-03-25 1    1        2026-12-31 .
        """,
    )
    chart = charts.redemptions(audit(folder, "2026-04-03"))
    data = chart.data.set_index(chart.data["date"].dt.strftime("%m-%d"))
    columns = ["in_pools", "as_course_keys", "in_pools_undated", "as_course_keys_undated", "not_redeemed"]
    assert data.loc["03-02", columns].tolist() == [1, 0, 1, 0, 4]  # A3 may have been redeemed on any day
    assert data.loc["03-25", columns].tolist() == [1, 0, 1, 1, 3]  # B2 not before it was a course key
    assert data.loc["03-28", columns].tolist() == [1, 1, 1, 1, 2]
    assert data.loc["04-03", columns].tolist() == [2, 1, 1, 1, 1]
    assert repr(chart) == (
        "5 of 6 keys are redeemed, 1 is not. 2 in their pool, 1 as course keys, 1 in their pool, undated, "
        "1 as course keys, undated, 1 to migrate."
    )
    shown = [words for words, _ in texts(chart)]
    assert {
        "2 in their pool",
        "1 as a course key",
        "1 in pools, undated",
        "1 course keys, undated",
        "1 to migrate",
        "1 not redeemed",
    } <= set(shown)
    assert "Pale: 2 redeemed on an unknown date; nothing is guessed." in shown


def test_redemptions_of_the_sample(halfway: Reconciliation) -> None:
    last = charts.redemptions(halfway).data.iloc[-1]
    assert last["in_pools"] == halfway.statuses["redeemed"] + halfway.statuses["redeemed_recreated"] == 96
    assert last["as_course_keys"] + last["as_course_keys_undated"] == 9  # migrated keys that were used
    assert last["redeemed"] + last["not_redeemed"] == halfway.keys["pool"].notna().sum() == 244


def test_keys_left_falls_as_keys_are_redeemed_and_recreated(write: Write) -> None:
    """Of six keys one was redeemed on 25 March, two were recreated on 1 April; three are left on 3 April."""
    write(
        "pools-before/P.csv",
        """
        Training_Key Course Redeemed
        A1           C      2026-03-25
        B1           C      .
        B2           C      .
        B3           C      .
        B4           C      .
        B5           C      .
        """,
    )
    folder = write(
        "course-keys/k.csv", "Training_Key Course Created Uses Expires\nB1 C 2026-04-01 0 .\nB2 C 2026-04-01 0 ."
    )
    chart = charts.keys_left(audit(folder, "2026-04-03"))
    past = chart.data[chart.data["kind"] == "known"]
    told = dict(zip(past["date"].dt.strftime("%m-%d"), past["left"], strict=True))
    assert told == {"03-06": 6, "03-25": 5, "04-01": 3, "04-03": 3}
    ahead = chart.data[chart.data["kind"] == "at last week's pace"]
    assert ahead["left"].tolist() == [3, 1]  # two in seven days: by 10 April two more, one misses it
    assert repr(chart) == (
        "3 keys are not migrated, and 7 days are left. 3 to migrate. Needed: all 3 by 10 Apr. "
        "Last week: 2 keys in 7 days; at that pace 1 would be left."
    )


def test_with_one_export_only_todays_point_is_known(write: Write) -> None:
    folder = write("pools-before/P.csv", "Training_Key Course Redeemed\nA1 C 2026-03-25\nB1 C .\nB2 C .")
    chart = charts.keys_left(audit(folder, "2026-04-03"))
    assert chart.data["kind"].tolist() == ["today", "needed", "needed"]
    assert repr(chart).startswith("2 keys are not migrated, and 7 days are left.")


@pytest.mark.parametrize(
    ("as_of", "sentence"),
    [
        ("2026-04-09", "69 keys are not migrated, and 1 day is left."),
        ("2026-04-10", "69 keys are not migrated, and today is the last day."),
        ("2026-04-11", "69 keys are not migrated, 1 day after the deadline."),
        ("2026-05-08", "69 keys were not migrated before pools became read-only."),
        ("2026-05-29", "69 keys were not migrated before the pools were removed."),
    ],
)
def test_keys_left_knows_the_calendar(find: Find, as_of: str, sentence: str) -> None:
    """60 wait in their pools, 6 were altered, 3 are missing."""
    assert repr(charts.keys_left(find("halfway", as_of))).startswith(sentence)


def test_outlook_follows_expiry_and_removal(write: Write) -> None:
    """On 3 April all five work; one pool ends on 20 April, the other with the pools, one course key on 30 June."""
    write("pools-before/P.csv", "Training_Key Course Expires\nA1 C 2026-04-20\nA2 C 2026-04-20")
    write("pools-before/Q.csv", "Training_Key Course Expires\nB1 D 2026-12-31\nB2 D 2026-12-31\nB3 D 2026-12-31")
    write("pools-now/Q.csv", "Training_Key Course Expires\nB3 D 2026-12-31")
    folder = write("course-keys/k.csv", "Training_Key Course Created Uses Expires\nB1 D 2026-04-01 0 2026-06-05\nB2 D 2026-04-01 0 .")  # fmt: skip
    chart = charts.outlook(audit(folder, "2026-04-03"))
    data = chart.data.set_index(chart.data["date"].dt.strftime("%m-%d"))
    columns = ["by_course_key", "by_pool", "not_known", "not_working"]
    assert data.loc["04-03", columns].tolist() == [2, 3, 0, 0]
    assert data.loc["04-20", columns].tolist() == [2, 1, 0, 2]
    assert data.loc["05-29", columns].tolist() == [2, 0, 0, 3]
    assert data.loc["06-05", columns].tolist() == [1, 0, 0, 4]
    assert repr(chart).startswith("On 29 May, 2 of 5 open codes would still work.")
    after = charts.outlook(audit(folder, "2026-06-15"))
    assert repr(after).startswith("3 of 5 open codes stopped by 29 May.")
    assert after.data["not_working"].tolist()[-1] == 4


def test_outlook_of_today_is_what_works_today(find: Find) -> None:
    for name, day in itertools.product(("halfway", "two-files", "after-sunset", "60 pools"), ("2026-04-03", "2026-05-12", "2026-06-15", "2026-11-22")):  # fmt: skip
        result = find(name, day)
        keys = result.keys[result.keys["status"].isin(["undetermined", "duplicate", "wrong_course", "migrated", "altered", "missing", "lapsed", "to_migrate"])]  # fmt: skip
        data = charts.outlook(result).data
        today = data[data["date"] == pd.Timestamp(day)].iloc[0]
        assert today["by_course_key"] + today["by_pool"] == (keys["works"] == "yes").sum(), (name, day)
        assert today["not_working"] == keys["works"].isin(["no", "not_yet"]).sum(), (name, day)


def test_the_outlook_of_picture_and_workbook_are_one(find: Find) -> None:
    """On each day of the picture the codes in learners' hands that work are those of `audit.outlook()`."""
    hands = ["undetermined", "duplicate", "wrong_course", "migrated", "altered", "missing", "lapsed", "to_migrate"]
    for name, day in (("halfway", "2026-04-09"), ("after-sunset", "2026-04-20"), ("after-sunset", "2026-11-22"), ("60 pools", "2026-05-12")):  # fmt: skip
        result = find(name, day)
        drawn = charts.outlook(result).data
        drawn = drawn[drawn["date"] >= pd.Timestamp(day)]
        table = result.outlook(on=[date.date() for date in drawn["date"]])
        assert table[hands].sum(axis=1).tolist() == (drawn["by_course_key"] + drawn["by_pool"]).tolist(), (name, day)


def test_numbers_beside_the_outlook_add_up(find: Find) -> None:
    for name, day in itertools.product(("halfway", "60 pools"), ("2026-04-03", "2026-06-15", "2026-11-22")):
        chart = charts.outlook(find(name, day))
        shown = [words for words, _ in texts(chart)]
        total = int(
            next(words for words in shown if "open code" in words and "of" not in words).split()[0].replace(",", "")
        )
        beside = [
            int(one)
            for one, two in itertools.pairwise(shown)
            if one.isdigit() and re.match(r"still|reach|stop|may|do", two)
        ]
        assert sum(beside) == total, (name, day)


# --- sentences for nothing and for one ---


def test_sentences_for_nothing(find: Find) -> None:
    said = {draw.__name__: repr(draw(find("no key", "2026-04-03"))) for draw in EVERY}
    assert set(said.values()) == {"No key was exported."}
    done = find("all migrated", "2026-04-03")
    assert repr(charts.keys_left(done)) == "No key is left to migrate."
    assert repr(charts.status_by_pool(done)).startswith("No key needs action in any pool.")


def test_sentences_for_one(find: Find) -> None:
    said = {draw.__name__: repr(draw(find("one key", "2026-04-03"))).partition(". ")[0] for draw in EVERY}
    assert said == {
        "redemptions": "The 1 key is not redeemed",
        "keys_left": "1 key is not migrated, and 7 days are left",
        "status_by_pool": "1 of 1 pool holds the 1 key that needs action",
        "outlook": "On 29 May, the 1 open code would no longer work",
        "where_keys_went": "1 key in, 0 settled, 1 needs somebody",
        "how_statuses_follow": "1 combination of facts gives 1 key its status",
    }


# --- the object ---


def test_a_chart_is_a_picture_a_sentence_and_its_numbers(halfway: Reconciliation) -> None:
    for draw in EVERY:
        chart = draw(halfway)
        assert chart._repr_png_().startswith(b"\x89PNG")
        assert isinstance(chart.data, pd.DataFrame)
        assert chart.figure.get_size_inches()[0] == pytest.approx(9.2)
        assert chart.figure.get_facecolor() == (1, 1, 1, 1)
        with pytest.raises(AttributeError):
            chart.sentence = "another"  # type: ignore[misc]
        assert draw.__doc__


def test_the_same_audit_gives_the_same_bytes(halfway: Reconciliation) -> None:
    for draw in EVERY:
        one, two = draw(halfway), draw(halfway)
        assert one._repr_png_() == two._repr_png_()
        assert one.svg() == one.svg() == two.svg()


def test_several_svgs_can_stand_on_one_page(halfway: Reconciliation) -> None:
    """One element each, no style sheet, no id, nothing from outside; readable aloud; text as text."""
    for draw in EVERY:
        chart = draw(halfway)
        svg = chart.svg()
        root = ElementTree.fromstring(svg)  # noqa: S314
        assert svg.startswith("<svg ")
        assert (root.get("role"), root.get("aria-label")) == ("img", repr(chart))
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "g", "path", "text", "tspan"}
        assert not any(name.rpartition("}")[2] in ("id", "href", "class") for element in root.iter() for name in element.attrib)  # fmt: skip
        assert "url(" not in svg
        assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
        shown = {element.text for element in root.iter() if element.text}
        assert {line for words, _ in texts(chart) for line in words.split("\n")} == shown


def test_names_are_shown_as_they_can_be(find: Find) -> None:
    """A picture shows □ for a sign its font lacks, a page the sign itself; control signs are nowhere."""
    assert printable("🎓 研修 a\u202eb\x07c") == "□ □□ ab c"
    chart = charts.status_by_pool(find("odd names", "2026-04-03"))
    pictured = [words for words, _ in texts(chart)]
    assert "□ graduates □□" in pictured
    assert "Prices in $ and $\\frac{a$" in pictured
    assert "two lines and a bell" in pictured
    written = {element.text for element in ElementTree.fromstring(chart.svg()).iter()}  # noqa: S314
    assert "🎓 graduates 研修" in written
    assert "<b>bold</b> & \"quoted\" id='x'" in written
    long = next(words for words in pictured if words.startswith("A pool whose"))
    assert "…" in long
    assert long.endswith("has room for")


def test_colours_are_those_of_the_families(halfway: Reconciliation) -> None:
    fills = {colour for pair in FAMILIES.values() for colour in pair[:2]}
    for draw in (charts.status_by_pool, charts.where_keys_went):
        chart = draw(halfway)
        used = {matplotlib.colors.to_hex(patch.get_facecolor()).upper() for patch in chart.figure.axes[0].patches}
        assert used - {"#F6F8FA", INK.upper()} == {FAMILIES[family][0] for family in FAMILIES} <= fills


def test_text_can_be_read(find: Find) -> None:
    """The contrast of every text with white is at least 4.5."""

    def light(colour: str) -> float:
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in matplotlib.colors.to_rgb(colour)]  # fmt: skip
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    colours = {text.get_color() for draw in EVERY for text in draw(find("halfway", "2026-11-22")).figure.findobj(Text)}
    assert {INK, MUTE} <= colours
    assert [colour for colour in colours if 1.05 / (light(colour) + 0.05) < 4.5] == []


def test_charts_leave_nothing_open_and_say_nothing(tmp_path: Path) -> None:
    """In a fresh program with an ugly style of its own: no pyplot, no output, the same picture."""
    code = f"""
import matplotlib
matplotlib.rcParams.update({{"font.size": 30, "axes.facecolor": "black", "text.color": "red", "svg.fonttype": "path"}})
import keyaudit as ka
from keyaudit import charts
audit = ka.open_case({str(SAMPLES / "two-files")!r}).reconcile(as_of="2026-04-09")
chart = charts.outlook(audit)
open({str(tmp_path / "a.png")!r}, "wb").write(chart._repr_png_())
open({str(tmp_path / "a.svg")!r}, "w", encoding="utf-8").write(chart.svg())
import sys
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams["font.size"] == 30
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == run.stderr == ""
    chart = charts.outlook(ka.open_case(SAMPLES / "two-files").reconcile(as_of="2026-04-09"))
    assert (tmp_path / "a.png").read_bytes() == chart._repr_png_()
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == chart.svg()


def test_keyaudit_comes_without_matplotlib() -> None:
    code = "import sys, keyaudit, keyaudit.cli, keyaudit.reconciliation; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_code_is_in_a_chart(halfway: Reconciliation) -> None:
    codes = [code for code in halfway.keys["training_key"].dropna() if len(code) >= 6]
    said = [text for draw in EVERY for text in (repr(draw(halfway)), draw(halfway).svg(), draw(halfway).data.to_csv())]
    assert [code for code in codes for text in said if code in text] == []


def test_forty_thousand_keys_take_no_longer(find: Find) -> None:
    result = find("big and small", "2026-04-03")
    for draw in EVERY:
        start = time.process_time()
        draw(result)
        assert time.process_time() - start < 1.5, draw.__name__


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


# --- on the page ---


def test_the_page_shows_charts_that_can_be_read_aloud(halfway: Reconciliation, tmp_path: Path) -> None:
    """Five figures, each with its sentence; nothing is fetched; the page stays small."""
    write_page(halfway, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown = re.findall(r'<svg [^>]*role="img" aria-label="([^"]*)"', page)
    drawn = [draw(halfway) for draw in (charts.keys_left, charts.redemptions, charts.outlook, charts.status_by_pool, charts.where_keys_went)]  # fmt: skip
    assert shown == [repr(chart) for chart in drawn]
    assert page.count("<figure") == 5
    assert not re.search(r"https?://|url\(|\bid=\"(?:patch|text|axes|figure)_", page)
    assert sum(len(chart.svg()) for chart in drawn) < 200_000
