"""The model of the TMS: it refuses what the TMS refuses, and it judges the audit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from conftest import audit, days_after, verdicts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyaudit.rehearsal import DAMAGE, DAY, InvalidKey, Refused, Tms, migrate, write_csv, write_xlsx

START = dt.date(2026, 3, 20)


def tms(**pool: dt.date | None) -> Tms:
    """A model with one pool of four keys."""
    model = Tms(START)
    model.create_pool("P", "C", "O", pool.get("starts"), pool.get("expires", dt.date(2026, 12, 31)))
    model.add_keys("P", ["KEY-1", "KEY-2", "KEY-3", "KEY-4"])
    return model


def test_a_key_is_redeemed_once() -> None:
    model = tms()
    assert model.redeem("KEY-1", "Ana").course == "C"
    with pytest.raises(InvalidKey):
        model.redeem("KEY-1", "Bo")


@pytest.mark.parametrize("typed", ["key-1", "KEY-1 ", "KEY–1", "KEY-9"])
def test_a_code_is_compared_character_by_character(typed: str) -> None:
    with pytest.raises(InvalidKey):
        tms().redeem(typed, "Ana")


def test_a_code_exists_once_across_all_kinds_of_keys() -> None:
    model = tms()
    with pytest.raises(Refused, match="exist already"):
        model.create_course_keys("E", "C", "O", ["KEY-1"])
    with pytest.raises(Refused, match="exist already"):
        model.create_other_key("subscription", "KEY-2")
    model.delete_keys("P", ["KEY-1"])
    model.create_course_keys("E", "C", "O", ["KEY-1"])
    assert model.would_work("KEY-1")


def test_between_deleting_and_recreating_a_key_exists_nowhere() -> None:
    model = tms()
    migrate(model, "P", ["KEY-1", "KEY-2"], None, forget=["KEY-2"])
    assert model.would_work("KEY-1")
    with pytest.raises(InvalidKey):
        model.redeem("KEY-2", "Ana")


def test_pools_start_and_expire() -> None:
    early = tms(starts=START + DAY)
    assert not early.would_work("KEY-1")
    early.wait_until(START + DAY)
    assert early.would_work("KEY-1")
    late = tms(expires=START + DAY)
    assert late.would_work("KEY-1")
    late.wait_until(START + DAY)
    assert not late.would_work("KEY-1")


def test_course_keys_are_used_up_and_expire() -> None:
    model = tms()
    model.create_course_keys("E", "C", "O", ["ONE"], START + 10 * DAY)
    model.create_course_keys("E", "C", "O", ["TWO"], START + 10 * DAY, max_uses=2)
    model.redeem("ONE", "Ana")
    model.redeem("TWO", "Ana")
    assert (model.would_work("ONE"), model.would_work("TWO")) == (False, True)
    model.wait_until(START + 10 * DAY)
    assert not model.would_work("TWO")


def test_the_calendar_of_the_sunset() -> None:
    model = tms()
    model.wait_until(dt.date(2026, 4, 17))
    with pytest.raises(Refused, match="can no longer be created"):
        model.create_pool("Q", "C", "O", None, None)
    model.delete_keys("P", ["KEY-4"])
    model.wait_until(dt.date(2026, 5, 8))
    with pytest.raises(Refused, match="read-only"):
        model.delete_keys("P", ["KEY-1"])
    assert model.would_work("KEY-1")
    model.wait_until(dt.date(2026, 5, 29))
    assert not model.would_work("KEY-1")
    model.create_course_keys("E", "C", "O", ["KEY-4"])
    assert model.would_work("KEY-4")


def test_time_runs_forward_and_support_is_needed_after_a_day() -> None:
    model = tms()
    assignment = model.redeem("KEY-1", "Ana")
    model.wait_until(START + 2 * DAY)
    with pytest.raises(Refused, match="Support"):
        model.cancel(assignment)
    with pytest.raises(Refused, match="backwards"):
        model.wait_until(START)


FATES = ("left", "migrated", "forgotten", "used", "redeemed", *DAMAGE)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(st.lists(st.sampled_from(FATES), min_size=3, max_size=12), min_size=1, max_size=4),
    day=st.sampled_from(["2026-04-03", "2026-04-10", "2026-04-20", "2026-05-08", "2026-05-29", "2026-11-22"]),
    pool_life=st.integers(20, 300),
    key_life=st.integers(10, 240),
    form=st.sampled_from(["csv", "xlsx"]),
    hidden=st.sampled_from(["", "", "Redeemed", "Expires"]),
    logged=st.integers(0, 5),
    seed=st.integers(0, 10_000),
)
def test_the_audit_says_what_redeeming_would_do(
    fates: list[list[str]],
    day: str,
    pool_life: int,
    key_life: int,
    form: str,
    hidden: str,
    logged: int,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """With every pool exported before and on the day, `works` is what the model does with the code. (HAZARDS, CATALOGUE §3)

    With a column under a header nobody knows it may be unknown instead, never wrong; a partial log changes nothing.
    """
    case: Path = tmp_path_factory.mktemp("case") / "case"

    def write(path: Path, rows: list[list[Any]]) -> None:
        header, *body = rows
        seen = [i for i, name in enumerate(header) if not (hidden == "Redeemed" and name == "Redeemed By")]
        shown = [["Vorgang" if name == hidden else name for name in header], *body]
        kept = [[row[i] for i in seen] for row in shown]
        if form == "csv":
            write_csv(path.with_suffix(".csv"), kept)
        else:
            write_xlsx(path.with_suffix(".xlsx"), {"Sheet1": kept})

    model = Tms(START, seed)
    codes: dict[str, list[str]] = {}
    for number in range(len(fates)):
        name = f"Pool {number}"
        model.create_pool(name, f"Course {number}", "O", None, START + pool_life * DAY)
        codes[name] = model.generate_keys(name, len(fates[number]))
        write(case / "pools-before" / name, model.export_pool(name))
    model.wait_until(START + 5 * DAY)
    fate_of = {
        code: fate
        for (name, own), plan in zip(codes.items(), fates, strict=True)
        for code, fate in zip(own, plan, strict=True)
    }
    for name, own in codes.items():
        for code in own:
            if fate_of[code] == "redeemed":
                model.redeem(code, "Ana Lima")
        moved = [code for code in own if fate_of[code] not in ("left", "redeemed")]
        harmless = {code for code in moved if fate_of[code] in DAMAGE and _is_harmless(fate_of[code], code)}
        damage = {code: fate_of[code] for code in moved if fate_of[code] in DAMAGE and code not in harmless}
        forget = [code for code in moved if fate_of[code] == "forgotten"]
        migrate(model, name, moved, START + key_life * DAY, damage=damage, forget=forget)
    model.create_course_keys(
        "Own", "Course 0", "O", ["OWN-KEY-1"], START + 999 * DAY
    )  # so that no padding is that of the whole file
    model.wait_until(START + 6 * DAY)
    for code, fate in fate_of.items():
        if fate == "used":
            model.redeem(code, "Bo Chen")
    last_look = min(dt.date.fromisoformat(day), dt.date(2026, 5, 28))
    model.wait_until(max(model.today, last_look))
    for name in codes:
        write(case / "pools-now" / name, model.export_pool(name))
    model.wait_until(dt.date.fromisoformat(day))
    write(case / "course-keys" / "keys", model.export_course_keys())
    if logged:
        sent = [[code, START, f"Learner {number}"] for number, code in enumerate(fate_of) if number % logged == 0]
        write(case / "distribution" / "log", [["Training Key", "Distributed", "Distributed To"], *sent])

    result = audit(case, day)
    works, status = verdicts(result, "works"), verdicts(result)
    assert set(works) == set(fate_of) | set(model.course_keys)
    wrong = {
        (status[code], says, model.would_work(code))
        for code, says in works.items()
        if (says == "unknown" and not hidden) or (says != "unknown" and (says == "yes") != model.would_work(code))
    }
    assert wrong == set()
    if hidden:
        return
    assert all(works[code] != "yes" for code, name in status.items() if name in ("missing", "lapsed", "undetermined"))
    ends = {code: until for code, until in verdicts(result, "works_until").items() if until}
    assert set(ends) == {code for code, says in works.items() if says == "yes"}
    for end in sorted(set(ends.values())):
        for date, expected in ((days_after(end, -1), True), (end, False)):
            model.wait_until(max(model.today, dt.date.fromisoformat(date)))
            assert {model.would_work(code) for code, until in ends.items() if until == end} == {expected}
    assert result.tie_out_sums()["unexplained"] == 0


def _is_harmless(kind: str, code: str) -> bool:
    """A damage that leaves this code as it is (no zero to lose, no letter to change)."""
    try:
        return DAMAGE[kind](code) == code
    except ValueError:
        return True


def test_what_the_model_refuses_it_has_not_begun() -> None:
    model = tms()
    with pytest.raises(Refused, match='There is a pool "P" already'):
        model.create_pool("P", "D", "O", None, None)
    for wrong in (["KEY-1", "KEY-9"], ["KEY-1", "KEY-1"]):
        with pytest.raises(Refused):
            model.delete_keys("P", wrong)
    with pytest.raises(KeyError):
        migrate(model, "P", ["KEY-1"], dt.date(2026, 12, 31), damage={"KEY-1": "no such"})
    with pytest.raises(Refused, match='There is no pool "Q"'):
        migrate(model, "Q", ["KEY-1"], dt.date(2026, 12, 31))
    assert list(model.pools["P"].keys) == ["KEY-1", "KEY-2", "KEY-3", "KEY-4"]
