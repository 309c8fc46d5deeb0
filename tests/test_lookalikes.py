"""The ladder of CATALOGUE §4: suggestions, rung by rung, never a match."""

from __future__ import annotations

import random
from itertools import product

import pandas as pd
import pytest
from rapidfuzz.distance import OSA

from keyaudit.exports.codes import excel_forms
from keyaudit.lookalikes import RUNGS, Links, _typo, _with_folds, find_lookalikes, is_sequential


def climb(left: list[str], right: list[str], typed: tuple[int, ...] = ()) -> Links:
    """Links between two lists; left codes are numbered from 0, right codes from 100."""
    pool, strays = pd.Series(left, dtype="str"), pd.Series(right, index=range(100, 100 + len(right)), dtype="str")
    return find_lookalikes(pool, strays, typed, lambda _: 0, lambda _: pd.Series(left, dtype="str"))


@pytest.mark.parametrize(
    ("pool_key", "course_key", "rung"),
    [
        ("AB12-CD34", "AB12-CD34 ", "whitespace"),
        ("AB12-CD34", "AB12\u200b-CD34", "whitespace"),
        ("AB12-CD34", '="AB12-CD34"', "whitespace"),
        ("AB12-CD34", "AB12\u2013CD34", "unicode"),
        ("AB12-CD34", "\uff21B12-CD34", "unicode"),
        ("AB12-CD34", "\u0410B12-CD34", "unicode"),
        ("AB12-CD34", "ab12-cd34", "case"),
        ("AB12-CD34", " ab12\u2013cd34", "case"),
        ("00123456", "123456", "excel"),
        ("00000000", "0", "excel"),
        ("478109E2", "47810900", "excel"),
        ("478109E2", "4.78109E+07", "excel"),
        ("478109E2", "4.78E+07", "excel"),
        ("6725354749912233", "6725354749912230", "excel"),
        ("6725354749912233", "6.72535E+15", "excel"),
        ("MAR-2026", "Mar-26", "excel"),
        ("MAR-2026", "2026-03-01", "excel"),
        ("AB10-CD34", "ABIO-CD34", "confusable"),
        ("B8S5Z2G6", "88S5226G", "confusable"),
        ("AB12-CD34", "AB12-CD34, second batch", "extra"),
        ("AB12-CD34", "AB12-CD34\tJ. Doe", "extra"),
        ("AB12-CD34", "AB12-CD", "extra"),
        ("AB12-CD34", "AB21-CD34", "typo"),
        ("AB12-CD34", "AB12-CD344", "typo"),
        ("AB12-CD34", "AX12-CD34", "typo"),
        ("AB12-CD34", "B12-CD34", "typo"),
    ],
)
def test_a_rung_links(pool_key: str, course_key: str, rung: str) -> None:
    assert climb([pool_key, "QQQQ-7777-XXXX"], [course_key]).pairs == [(0, 100, rung)]


@pytest.mark.parametrize(
    ("pool_key", "course_key"),
    [
        ("AB12-CD34", "AB12-CD"[:5]),  # cut shorter than six characters
        ("AB12-CD34", "AB12-DC43"),  # two slips
        ("AB12-CD34", "AB12-CD34X9"),  # more text without a separator is two slips
        ("AB12C", "AB12D"),  # too short for a typo
        ("123456", "00123456"),  # Excel loses zeros, it does not add them
    ],
)
def test_no_rung_links(pool_key: str, course_key: str) -> None:
    links = climb([pool_key], [course_key])
    assert (links.pairs, links.ambiguous_left, links.ambiguous_right) == ([], {}, {})


def test_codes_held_in_pieces_are_linked() -> None:
    """What was put together of two lists is not one piece of memory."""
    pool = pd.concat([pd.Series([code], dtype="str") for code in ("AB10-CD34", "QQ-ÄÄÄÄ-77")], ignore_index=True)
    strays = pd.concat([pd.Series([code], dtype="str") for code in ("ABIO-CD34", "qq-ää\u200bää-77")])
    links = find_lookalikes(pool, strays.set_axis([100, 101]), (), lambda _: 0, lambda _: pool)
    assert links.pairs == [(1, 101, "case"), (0, 100, "confusable")]


def test_two_candidates_decide_nothing() -> None:
    """Two pool keys that differ in case: a third spelling may be either; all three leave the ladder."""
    links = climb(["AB12-cd34", "ab12-CD34"], ["AB12-CD34"])
    assert links.pairs == []
    assert links.ambiguous_right == {100: [0, 1]}
    assert links.ambiguous_left == {0: [100], 1: [100]}


def test_an_earlier_rung_wins() -> None:
    """The code with a blank belongs to its own key, not to the one a typing slip away."""
    links = climb(["AB12-CD34", "AB12-CD35"], ["AB12-CD34 "])
    assert links.pairs == [(0, 100, "whitespace")]


def test_a_cell_that_was_not_text_links_by_excel_only() -> None:
    assert climb(["AB123457"], ["AB123456"], typed=(100,)).pairs == []
    assert climb(["0123457"], ["123457"], typed=(100,)).pairs == [(0, 100, "excel")]


def test_typos_are_not_sought_among_sequential_keys() -> None:
    keys = [f"LAB-{number:04d}" for number in range(40)]
    assert is_sequential(keys)
    links = climb(keys, ["LAB-0139"])
    assert (links.pairs, links.sequential) == ([], {0})


def test_random_keys_are_not_sequential() -> None:
    assert not is_sequential(["58703BA0", "1F22C9D4", "A0B1C2D3", "77E0F1A2", "9C8B7A65"])


@pytest.mark.parametrize("seed", range(20))
def test_every_typing_slip_is_found_and_nothing_else(seed: int) -> None:
    """The same pairs as a comparison of every code with every other, among codes so alike that chance makes many."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    letters = ("AB", "ABÄ", "AB\U0001d504-")[seed % 3]
    codes = list({"KEY" + "".join(chance.choices(letters, k=chance.randint(2, 6))) for _ in range(60)})
    left, right = codes[: len(codes) // 2], codes[len(codes) // 2 :]
    ones, others = (_with_folds(pd.Series(side, dtype="str")) for side in (left, right))
    expected = {
        (one, other)
        for one, other in product(ones.index, others.index)
        if OSA.distance(ones["unicode"][one], others["unicode"][other]) == 1
        and min(len(ones["unicode"][one]), len(others["unicode"][other])) >= 6
    }
    assert set(_typo(ones, others)) == expected
    assert expected


@pytest.mark.parametrize("seed", range(20))
def test_sequential_is_more_than_one_key_in_twenty_with_a_neighbour(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    codes = ["".join(chance.choices("ABCD", k=chance.randint(0, 7))) for _ in range(20 if seed % 2 else 3)]
    has_neighbour = {one for one, other in product(codes, codes) if OSA.distance(one, other) == 1}
    assert is_sequential(codes) == (len(has_neighbour) > 0.05 * len(set(codes)))


def test_excel_leaves_ordinary_codes_alone() -> None:
    assert [code for code in ("58703BA0", "TAIL-2025-0001", "ab12", "12AB") if set(excel_forms(code))] == []


def test_every_rung_has_a_meaning() -> None:
    assert list(RUNGS) == ["whitespace", "unicode", "case", "excel", "confusable", "extra", "typo"]
