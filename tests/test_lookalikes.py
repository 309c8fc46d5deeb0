"""The ladder of CATALOGUE §4: suggestions, rung by rung, never a match."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from keyaudit.coded import TEXT
from keyaudit.exports.codes import CONFUSABLE, INVISIBLE, excel_forms, fold_unicode, fold_whitespace
from keyaudit.lookalikes import MANY, RUNGS, Links, Side, _edit, caseless, find_lookalikes, is_sequential, meant_by


def texts(codes: Sequence[str]) -> pa.Array:
    return pa.array(codes, TEXT)


def climb(
    left: list[str],
    right: list[str],
    *,
    pools: list[int] | None = None,
    courses: tuple[list[int], list[int]] | None = None,
    has_hyphens: list[bool] | None = None,
    bare: list[bool] | None = None,
    typed: list[bool] | None = None,
    old: list[bool] | None = None,
    others: tuple[str, ...] = (),
    backwards: bool = False,
) -> Links:
    """Links between two lists: pool keys are numbered from 0, the others after them; `others` are keys of pool 0 too."""
    of_pool = pools or [0] * len(left)
    start = len(left) + len(right)

    def codes_of(pool: int) -> np.ndarray:
        numbers = [number for number, own in enumerate(of_pool) if own == pool]
        return np.array(numbers + [start + number for number in range(len(others)) if pool == 0])

    ours = Side(
        np.arange(len(left)),
        course=courses and np.array(courses[0]),
        pool=pools and np.array(pools),
        has_hyphens=has_hyphens and np.array(has_hyphens),
    )
    theirs = Side(
        np.arange(len(left), start),
        course=courses and np.array(courses[1]),
        bare=bare and np.array(bare),
        is_typed=typed and np.array(typed),
        is_old=old and np.array(old),
    )
    return find_lookalikes(texts([*left, *right, *others]), ours, theirs, codes_of, backwards)


NOTHING = Links()


@pytest.mark.parametrize(
    ("pool_key", "course_key", "rung"),
    [
        ("AB12-CD34", "AB12-CD34 ", "whitespace"),
        ("AB12-CD34", "AB12\u200b-CD34", "whitespace"),
        ("AB12-CD34", '="AB12-CD34"', "whitespace"),
        ("'-KX01AB", "-KX01AB", "whitespace"),
        ("AB12-CD34", "AB12\u2013CD34", "unicode"),
        ("AB12-CD34", "\uff21B12-CD34", "unicode"),
        ("AB12-CD34", "\u0410B12-CD34", "unicode"),
        ("AB12-CD34", "ab12-cd34", "case"),
        ("AB12-CD34", " ab12\u2013cd34", "case"),
        ("STRASSE-1", "straße-1", "case"),
        ("ÄB12-CD34", "äb12-cd34", "case"),
        ("00123456", "123456", "excel"),
        ("00123456", "123456.0", "excel"),
        ("00000000", "0", "excel"),
        ("478109E2", "47810900", "excel"),
        ("478109E2", "4.78109E+07", "excel"),
        ("478109E2", "4.78109E7", "excel"),
        ("478109E2", "4.78E+07", "excel"),
        ("6725354749912233", "6725354749912230", "excel"),
        ("6725354749912239", "6725354749912230", "excel"),  # cut
        ("6725354749912239", "6725354749912240", "excel"),  # rounded
        ("6725354749912233", "6.72535E+15", "excel"),
        ("7172353547499122", "7.17E+15", "excel"),
        ("9999999999999999", "1E+16", "excel"),
        ("32-05-06", "1932-05-06", "excel"),  # no day, so a year
        ("MAR-2026", "Mar-26", "excel"),
        ("MAR-2026", "2026-03-01", "excel"),
        ("MAR-2026", "2026-03-01 00:00:00", "excel"),
        ("MAR-2026", "3/1/2026", "excel"),
        ("MARCH-2026", "Mar-26", "excel"),  # the name in full
        ("MAR-1900", "Mar-00", "excel"),  # the first year that Excel knows
        ("true", "TRUE", "case"),  # the earlier rung
        ("AB10-CD34", "ABIO-CD34", "confusable"),
        ("B8S5Z2G6", "88S5226G", "confusable"),
        ("AB12-CD34", "AB12-CD34, second batch", "extra"),
        ("AB12-CD34", "AB12-CD34;x", "extra"),
        ("AB12-CD34", "AB12-CD34\tJ. Doe", "extra"),
        ("AB1", "AB1 (J. Doe)", "extra"),
        ("AB 12", "AB 12 second batch", "extra"),
        ("AB12-CD34", "AB12-CD", "extra"),
        ("AB12-CD34", "AB12-C", "extra"),
        ("AB12-CD34", "AB21-CD34", "typo"),
        ("AB12-CD34", "AB12-CD43", "typo"),
        ("AB12-CD34", "AB12-CD344", "typo"),
        ("AB12-CD34", "AX12-CD34", "typo"),
        ("AB12-CD34", "AB12-CD3X", "typo"),
        ("AB12-CD34", "B12-CD34", "typo"),
        ("ABCDEF", "ABCDEX", "typo"),  # six characters will do
        ("AB12-ÄÖ34", "AB12-ÖÄ34", "typo"),
        ("AB\U0001d504\U0001f512EF", "ABA\U0001f512EX", "typo"),
    ],
)
def test_a_rung_links(pool_key: str, course_key: str, rung: str) -> None:
    """Alone and between codes that have nothing to do with it."""
    assert climb([pool_key], [course_key]).pairs == [(0, 1, rung)]
    links = climb(["QQQQ-7777-XXXX", pool_key], [course_key, "new course"])
    assert links == Links(pairs=[(1, 2, rung)])


@pytest.mark.parametrize(
    ("pool_key", "course_key"),
    [
        ("AB12-CD34", "AB12-CD"[:5]),  # cut shorter than six characters
        ("AB12-CD34", "AB12-DC43"),  # two slips
        ("AB12-CD34", "AB12-CD34X9"),  # more text without a separator is two slips
        ("AB12-CD34", "34AB12-CD"),
        ("AB12C", "AB12D"),  # too short for a typo
        ("AB12CD", "AB12D"),  # one of them is
        ("AB12C", "AB12CX"),
        ("123456", "00123456"),  # Excel loses zeros, it does not add them
        ("478109E2", "4.79E+07"),
        ("6725354749912233", "6725354749912300"),
        ("MAR-2026", "Apr-26"),
        ("b8s5z2", "885522"),  # not all letters are confused in lower case
        ("AB12-CD34", "second batch, AB12-CD34"),
        ("\u200b", " "),  # nothing is left of either
        ("'", " , text"),
        ("ABCDEF", "abcdefg"),  # one fold or one slip, not both
    ],
)
def test_no_rung_links(pool_key: str, course_key: str) -> None:
    assert climb([pool_key], [course_key]) == NOTHING


def test_nothing_to_link() -> None:
    assert climb([], ["AB12-CD34"]) == climb(["AB12-CD34"], []) == NOTHING


def test_a_part_of_a_longer_list_of_codes_is_linked() -> None:
    """Key numbers are places in `codes`, wherever that stands in memory."""
    codes = texts(["x", "yy", "AB10-CD34", "QQ-ÄÄÄÄ-77", "ABIO-CD34", "qq-ää\u200bää-77", "zzzz"]).slice(1)
    left, right = Side(np.array([1, 2])), Side(np.array([3, 4]))
    links = find_lookalikes(codes, left, right, lambda _: np.array([1, 2]))
    assert links == Links(pairs=[(2, 4, "case"), (1, 3, "confusable")])


def test_two_candidates_decide_nothing() -> None:
    """Two pool keys that differ in case: a third spelling may be either; all three leave the ladder."""
    links = climb(["AB12-cd34", "ab12-CD34"], ["AB12-CD34"])
    assert links == Links(ambiguous_left={0: [2], 1: [2]}, ambiguous_right={2: [0, 1]})


def test_one_name_with_two_candidates_decides_nothing() -> None:
    """Two course keys for one pool key; that a second pool key has but one of them does not help it."""
    assert climb(["AB12-CD34"], ["ab12-CD34", "AB12-cd34"]) == Links(
        ambiguous_left={0: [1, 2]}, ambiguous_right={1: [0], 2: [0]}
    )
    links = climb(["ABCDEF11", "ABCDEF33"], ["ABCDEF12", "ABCDEF13", "ABCDEF21"])
    assert links.pairs == []
    assert links.ambiguous_left == {0: [2, 3, 4], 1: [3]}
    assert links.ambiguous_right == {2: [0], 3: [0, 1], 4: [0]}


def test_an_earlier_rung_wins() -> None:
    """The code with a blank belongs to its own key, not to the one a typing slip away, which stays on the ladder."""
    links = climb(["AB12-CD34", "AB12-CD35"], ["AB12-CD34 ", "AB12-CD53"], pools=[0, 1])
    assert links == Links(pairs=[(0, 2, "whitespace"), (1, 3, "typo")])


def test_the_undecided_leave_the_ladder() -> None:
    """One slip from the first key, but undecided between the other two since an earlier rung."""
    links = climb(["AB12-CD35", "AB12-cd34", "ab12-CD34"], ["AB12-CD34"])
    assert links == Links(ambiguous_left={1: [3], 2: [3]}, ambiguous_right={3: [1, 2]})


def test_a_cell_that_was_not_text_links_by_excel_only() -> None:
    assert climb(["AB123457"], ["AB123456"], typed=[True]) == NOTHING
    assert climb(["AB123456"], ["ab123456"], typed=[True]) == NOTHING
    assert climb(["0123457"], ["123457"], typed=[True]).pairs == [(0, 1, "excel")]
    assert climb(["true"], ["TRUE"], typed=[True]).pairs == [(0, 1, "excel")]
    assert climb(["AB123456"], ["AB123457", "AB123458"], typed=[True, False]).pairs == [(0, 2, "typo")]


# --- hyphens ---


@pytest.mark.parametrize(
    ("pool_key", "course_key", "rung"),
    [
        ("AB12-CD34-EF56", "AB12CD34EF56", "whitespace"),
        ("AB12-CD34-EF56", " AB12CD34EF56", "whitespace"),
        ("AB12\u2013CD34-EF56", "AB12CD34EF56", "unicode"),
        ("AB12-CD34-EF56", "ab12cd34ef56", "case"),
        ("0012-3456", "123456", "excel"),
        ("MAR-2026", "3/1/2026", "excel"),  # what Excel makes of the key as it is
        ("AB10-CD34-EF56", "ABIOCD34EF56", "confusable"),
        ("AB12-CD34-EF56", "AB12CD34EF56, J. Doe", "extra"),
        ("AB12-CD34-EF56", "AB12CD34", "extra"),
        ("AB12-CD34-EF56", "AB12CD34EF65", "typo"),
    ],
)
def test_hyphens_go_where_the_file_has_none_and_the_pool_has_them(pool_key: str, course_key: str, rung: str) -> None:
    assert climb([pool_key], [course_key], has_hyphens=[True], bare=[True]) == Links(pairs=[(0, 1, rung)])


@pytest.mark.parametrize(
    ("has_hyphens", "bare"), [([True], [False]), ([False], [True]), ([False], [False]), (None, [True]), ([True], None)]
)
def test_hyphens_stay_otherwise(has_hyphens: list[bool] | None, bare: list[bool] | None) -> None:
    assert climb(["AB12-CD34-EF56"], ["AB12CD34EF56"], has_hyphens=has_hyphens, bare=bare) == NOTHING


def test_hyphens_go_for_the_pools_and_files_that_ask_for_it() -> None:
    links = climb(
        ["AA11-BB22-CC33", "DD44-EE55-FF66", "GG77-HH88-II99"],
        ["AA11BB22CC33", "DD44EE55FF66", "GG77HH88II99"],
        has_hyphens=[True, False, True],
        bare=[True, True, False],
    )
    assert links.pairs == [(0, 3, "whitespace")]


def test_without_hyphens_two_keys_may_be_one() -> None:
    links = climb(["AB-12CD34", "AB12-CD34"], ["AB12CD34"], has_hyphens=[True, True], bare=[True])
    assert links == Links(ambiguous_left={0: [2], 1: [2]}, ambiguous_right={2: [0, 1]})


# --- guesses ---

SLIPS = {"confusable": ("AB10-CD34", "ABIO-CD34"), "typo": ("AB12-CD34", "AB21-CD34")}
SURE = {
    "whitespace": ("AB12-CD34", "AB12 -CD34"),
    "unicode": ("AB12-CD34", "AB12\u2013CD34"),
    "case": ("AB12-CD34", "ab12-cd34"),
    "excel": ("00123456", "123456"),
    "extra": ("AB12-CD34", "AB12-CD"),
}


@pytest.mark.parametrize(
    ("rung", "ours", "theirs"), [(rung, -1, 1) for rung in SLIPS] + [(rung, 1, -1) for rung in SLIPS]
)
def test_a_guess_links_where_a_course_is_not_known(rung: str, ours: int, theirs: int) -> None:
    pool_key, course_key = SLIPS[rung]
    assert climb([pool_key], [course_key], courses=([ours], [theirs])).pairs == [(0, 1, rung)]


@pytest.mark.parametrize("rung", SLIPS)
def test_a_guess_links_neither_two_courses_nor_an_old_course_key(rung: str) -> None:
    pool_key, course_key = SLIPS[rung]
    assert climb([pool_key], [course_key], courses=([1], [1]), old=[False]).pairs == [(0, 1, rung)]
    assert climb([pool_key], [course_key], courses=([0], [1])) == NOTHING
    assert climb([pool_key], [course_key], courses=([1], [0])) == NOTHING
    assert climb([pool_key], [course_key], old=[True]) == NOTHING


@pytest.mark.parametrize("rung", SURE)
def test_what_is_no_guess_links_across_courses_and_old_course_keys(rung: str) -> None:
    pool_key, course_key = SURE[rung]
    assert climb([pool_key], [course_key], courses=([0], [1]), old=[True]).pairs == [(0, 1, rung)]


@pytest.mark.parametrize("rung", SLIPS)
def test_what_a_guess_may_not_link_is_no_second_candidate(rung: str) -> None:
    """Two course keys for one pool key, of which the course or the date rules out one."""
    pool_key, course_key = SLIPS[rung]
    other = {"confusable": "ABlO-CD34", "typo": "AB12-CD43"}[rung]
    assert climb([pool_key], [course_key, other], courses=([0], [0, 1])).pairs == [(0, 1, rung)]
    assert climb([pool_key], [course_key, other], old=[True, False]).pairs == [(0, 2, rung)]


def test_a_code_no_guess_may_link_stays_on_the_ladder() -> None:
    """I and 1 are confused, and it is one slip: both are guesses; text after the code is none."""
    assert climb(["ABI1CD"], ["AB1ICD, x"], old=[True]) == NOTHING
    links = climb(["AB10CD", "ABIOCD"], ["ABlOCD", "ABIOCDEF; x"], courses=([0, 0], [1, 1]))
    assert links == NOTHING
    assert climb(["ABIOCDEF"], ["AB10CD", "ABIOCD"], old=[True, True]).pairs == [(0, 2, "extra")]


# --- another set of codes, numbered codes ---

NAMES = ("KLIMA", "BCHEN", "JONEIL", "IPETROV", "MSATO", "RDIAZ", "TNOVAK", "AKHAN", "LMEYER", "EROSSI")


@pytest.mark.parametrize("told", [None, ([0] * 10, [1] * 10)])
@pytest.mark.parametrize("form", ["AZ{}04-{name}", "{name}-AZ{}04", "{name}{}"])
def test_one_edit_that_explains_many_is_another_set(form: str, told: tuple[list[int], list[int]] | None) -> None:
    """Wherever it stands, and whether or not the courses tell the two apart already."""
    ours, theirs = ([form.format(number, name=name) for name in NAMES] for number in (1, 2))
    assert climb(ours, theirs, courses=told) == Links(not_sought={0: "another set"})


@pytest.mark.parametrize(
    "change",
    [
        lambda code: code.replace("04", "40"),  # swapped
        lambda code: code.replace("104", "1004"),  # one more
        lambda code: code.replace("104", "14"),  # one less
        lambda code: code + "X",
        lambda code: "X" + code,
    ],
)
def test_an_edit_is_a_place_and_two_signs(change: Callable[[str], str]) -> None:
    """Three pairs with one edit are another set, two are typos; so are three pairs with three edits."""
    ours = [f"{name}-104" for name in NAMES[:3]]
    theirs = [change(code) for code in ours]
    assert climb(ours, theirs) == Links(not_sought={0: "another set"})
    assert climb(ours[:2], theirs[:2]) == Links(pairs=[(0, 2, "typo"), (1, 3, "typo")])
    unlike = [*theirs[:2], ours[2].replace("J", "Q")]
    assert climb(ours, unlike) == Links(pairs=[(0, 3, "typo"), (1, 4, "typo"), (2, 5, "typo")])


@pytest.mark.parametrize(
    "theirs",
    [
        ["KLIMA-AZ1", "BCHEN-AZ2", "MSATO-AZ3"],  # another sign
        ["KLIMA-XZ0", "BCHEN-AX0", "MSATOXAZ0"],  # another place
    ],
)
def test_different_edits_are_typos(theirs: list[str]) -> None:
    ours = ["KLIMA-AZ0", "BCHEN-AZ0", "MSATO-AZ0"]
    assert climb(ours, theirs).pairs == [(0, 3, "typo"), (1, 4, "typo"), (2, 5, "typo")]


def test_another_set_concerns_its_pool() -> None:
    """Three pairs with one edit in two pools are none; and a typo of a pool beside one with another set is one."""
    ours, theirs = ([f"AZ{number}04-{name}" for name in NAMES] for number in (1, 2))
    assert climb(ours[:3], theirs[:3], pools=[0, 0, 1]).pairs == [(0, 3, "typo"), (1, 4, "typo"), (2, 5, "typo")]
    links = climb([*ours, "QX77-0815"], [*theirs, "QX77-0851"], pools=[7] * 10 + [3])
    assert links == Links(pairs=[(10, 21, "typo")], not_sought={7: "another set"})


def test_one_code_written_in_three_ways_is_no_other_set() -> None:
    """Of the three pairs one at most could become a link."""
    assert climb(["AB12-CD34"], ["AB21-CD34", "AB21-CD34 ", "AB21 -CD34"]).ambiguous_left == {0: [1, 2, 3]}


def test_another_set_turns_off_no_other_rung() -> None:
    ours, theirs = ([f"AZ{number}04-{name}" for name in NAMES] for number in (1, 2))
    links = climb([*ours, "QX77-0815", "QX77-O8I6"], [*theirs, "qx77-0815", "QX77-0816"])
    assert links == Links(pairs=[(10, 22, "case"), (11, 23, "confusable")], not_sought={0: "another set"})


def test_typos_are_not_sought_among_numbered_keys() -> None:
    """Nor is one of them linked whose slip is plain to see: it is told."""
    keys = [f"TAIL-{number:05d}" for number in range(100, 140)]
    assert climb(keys[-1:], ["TAIK-00139"], others=tuple(keys[:-1])) == Links(not_sought={0: "sequential"})
    assert climb(keys[-1:], ["TAIK-00139"]).pairs == [(0, 1, "typo")]


def test_numbered_keys_are_told_where_a_pair_is_one_slip_apart() -> None:
    """Of a pool in which there is nothing to link nothing needs to be told; other rungs go on."""
    keys = [f"TAIL-{number:05d}" for number in range(100, 140)]
    assert climb(keys, ["new course"]) == NOTHING
    assert climb(keys, ["tail-00139"]).pairs == [(39, 40, "case")]
    assert climb(keys, ["TAIK-00139"], typed=[True]) == NOTHING
    links = climb([*keys, "QX77-0815"], ["TAIK-00139", "QX77-0851"], pools=[5] * 40 + [6])
    assert links == Links(pairs=[(40, 42, "typo")], not_sought={5: "sequential"})


def test_random_keys_are_not_sequential() -> None:
    assert not is_sequential(texts(["58703BA0", "1F22C9D4", "A0B1C2D3", "77E0F1A2", "9C8B7A65"]))
    assert not is_sequential(texts([]))
    assert is_sequential(pa.array(["58703BA0", None, "58703BA1"], TEXT))  # one that cannot be read is no neighbour


@pytest.mark.parametrize("code", ['="AB12', 'AB12"', '"AB12"', "=AB12"])
def test_half_a_wrapper_is_none(code: str) -> None:
    assert (fold_whitespace(code), fold_whitespace('="AB12"')) == (code, "AB12")


@pytest.mark.parametrize(
    "codes",
    [
        ("AB12-CD02", "AB12-CD11"),  # two other signs, which together are as much as those
        ("AB12-CD1M", "AB12-CD3J"),  # and multiplied
        ("A0M-12CD34", "D8B-12CD34"),  # multiplied as much, and a third makes up for the sum
    ],
)
def test_other_signs_are_no_swap_of_signs(codes: tuple[str, str]) -> None:
    assert not is_sequential(texts(codes))


def test_one_key_in_twenty_may_have_a_neighbour() -> None:
    """A pair among 40 keys is 5 %, among 39 more."""
    chance = random.Random(5)  # noqa: S311 - repeatable, not secret
    alone = ["".join(chance.choices("ABCDEFGH0123", k=16)) for _ in range(38)]
    for one, other in (("XXXX-0001", "XXXX-0002"), ("XXXX-0012", "XXXX-0021"), ("XXXX-001", "XXXX-0001")):
        assert not is_sequential(texts([one, *alone, other]))
        assert is_sequential(texts([one, *alone[:37], other]))
        assert not is_sequential(texts([one, *alone[:37], one]))  # a key twice has no neighbour


@pytest.mark.parametrize("seed", range(40))
def test_sequential_is_more_than_one_key_in_twenty_with_a_neighbour(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    letters = ("ABCD", "ABÄ", "A\U0001d504")[seed % 3]
    codes = ["".join(chance.choices(letters, k=chance.randint(0, 7))) for _ in range(20 if seed % 2 else 3)]
    has_neighbour = {one for one, other in product(codes, codes) if distance(one, other) == 1}
    assert is_sequential(texts(codes)) == (len(has_neighbour) > 0.05 * len(set(codes)))


@pytest.mark.parametrize(
    ("one", "other", "edit"),
    [
        ("ABCD", "ABXD", ((2, "C", "X"), ("C", "X", 1))),
        ("ABCD", "ABCCD", ((3, "", "C"), ("", "C", 1))),
        ("ABCD", "BCD", ((0, "A", ""), ("A", "", 3))),
        ("ABCD", "ACBD", ((1, "BC", "CB"), ("BC", "CB", 1))),
        ("ABCD", "ABCD", ()),
        ("ABCD", "DBCA", ()),
        ("ABCD", "ADCB", ()),
        ("ABCD", "ABXX", ()),
        ("ABXX", "ABCD", ()),
        ("ABCD", "AB", ()),
        ("", "A", ((0, "", "A"), ("", "A", 0))),
    ],
)
def test_an_edit_is_where_it_is_from_either_end(one: str, other: str, edit: tuple[object, ...]) -> None:
    assert _edit(one, other) == edit


# --- the other way round ---


@pytest.mark.parametrize(
    ("pool_key", "course_key"),
    [
        ("123456", "00123456"),
        ("4.78E+07", "478109E2"),
        ("123456", "0123456"),  # one slip, too: what Excel does is the better explanation
        ("6.72535E+15", "6725354749912233"),
        ("2026-03-01", "MAR-2026"),
    ],
)
def test_a_backup_that_excel_has_damaged(pool_key: str, course_key: str) -> None:
    links = climb([pool_key, "A1B2C3D0"], [course_key, "new course"], backwards=True)
    assert links == Links(backwards=[(0, 2)])
    assert climb([pool_key], [course_key]).backwards == []


def test_a_damaged_backup_is_told_where_it_is_unique_in_both_directions() -> None:
    """Three course keys that one pool key may be; one that two pool keys may be; neither is undecided for that."""
    assert climb(["4.78E+07"], ["478109E2", "4780001E1", "47799999"], backwards=True) == NOTHING
    assert climb(["123456", "123456.0"], ["00123456"], backwards=True) == NOTHING
    links = climb(["123456", "4.78E+07"], ["00123456", "478109E2", "4780001E1"], backwards=True)
    assert links == Links(backwards=[(0, 2)])


def test_what_excel_made_of_a_pool_key_comes_first() -> None:
    """The course key is lost zeros of the first pool key; it is not taken for the original of the second, `1.2E+11`."""
    links = climb(["0120000000000", "1.2E+11"], ["120000000000"], backwards=True)
    assert links == Links(pairs=[(0, 2, "excel")])


# --- numbers that Excel has rounded ---


@pytest.mark.parametrize("seed", range(10))
def test_every_form_of_a_number_is_found(seed: int) -> None:
    """Among many others, so that no number is left out because it seems too far from what was made of it."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    nines = "9" * chance.randint(12, 19)
    made_up = ["".join(chance.choices("0123456789", k=chance.randint(12, 20))) for _ in range(6)]
    number = [*made_up, nines, "1" + "0" * 14 + "5", f"{chance.randint(1, 10**6)}E{chance.randint(0, 290)}", "7" * 320][
        seed
    ]
    others = ["".join(chance.choices("0123456789", k=len(number))) for _ in range(8)]
    forms = sorted(excel_forms(number))
    for form in chance.sample(forms, min(12, len(forms))):
        links = climb([*others, number], [form])
        linked = [pair[0] for pair in links.pairs if pair[2] == "excel"] + links.ambiguous_right.get(9, [])
        assert (form, 8 in linked or form.casefold() == number.casefold()) == (form, True)
    assert forms


def test_excel_leaves_ordinary_codes_alone() -> None:
    assert [code for code in ("58703BA0", "TAIL-2025-0001", "ab12", "12AB") if set(excel_forms(code))] == []


# --- the whole ladder, compared with every code beside every other ---


def distance(one: str, other: str) -> int:
    """Optimal string alignment, by the textbook; 9 where it is plain that it is more than 1."""
    if abs(len(one) - len(other)) > 1 or (one[:1] != other[:1] and one[-1:] != other[-1:] and len(one) > 2):
        return 9
    lines = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        line = [i]
        for j, b in enumerate(other, 1):
            line.append(min(lines[-1][j] + 1, line[-1] + 1, lines[-1][j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                line[-1] = min(line[-1], lines[-2][j - 2] + 1)
        lines.append(line)
    return lines[-1][-1]


def is_more(ours: str, theirs: str) -> bool:
    gaps = re.finditer(rf"[{INVISIBLE},;]+(?=[^{INVISIBLE},;])", theirs)
    return any(fold_unicode(theirs[: gap.start()]) == ours for gap in gaps)


TESTS: dict[str, Callable[[str, str], bool]] = {  # what is left of the pool key, and the other code as recorded
    "whitespace": lambda ours, theirs: ours == fold_whitespace(theirs),
    "unicode": lambda ours, theirs: ours == fold_unicode(theirs),
    "case": lambda ours, theirs: ours.casefold() == fold_unicode(theirs).casefold(),
    "excel": lambda ours, theirs: fold_unicode(theirs) in {form.replace(" ", "") for form in excel_forms(ours)},
    "confusable": lambda ours, theirs: ours.translate(CONFUSABLE) == fold_unicode(theirs).translate(CONFUSABLE),
    "extra": lambda ours, theirs: (
        is_more(ours, theirs) or (6 <= len(fold_unicode(theirs)) < len(ours) and ours.startswith(fold_unicode(theirs)))
    ),
    "typo": lambda ours, theirs: (
        min(len(ours), len(fold_unicode(theirs))) >= 6 and distance(ours, fold_unicode(theirs)) == 1
    ),
}


def plain_ladder(left: dict[int, str], right: dict[int, str], no_hyphens: set[int], typed: set[int]) -> Links:
    """The rules word by word, without a guess restrained."""
    links, left, right = Links(), dict(left), dict(right)
    for rung, test in TESTS.items():
        fold = fold_whitespace if rung == "whitespace" else fold_unicode
        of_left, of_right = defaultdict(list), defaultdict(list)
        for (one, ours), (other, theirs) in product(left.items(), right.items()):
            shown = {fold(ours), fold(ours).replace("-", "") if {one, other} <= no_hyphens else fold(ours)} - {""}
            if (rung == "excel" or other not in typed) and any(test(text, theirs) for text in shown):
                of_left[one].append(other)
                of_right[other].append(one)
        for one, others in of_left.items():
            if len(others) == 1 and len(of_right[others[0]]) == 1:
                links.pairs.append((one, others[0], rung))
            else:
                links.ambiguous_left[one] = others
                links.ambiguous_right |= {other: of_right[other] for other in others}
        left = {one: text for one, text in left.items() if one not in of_left}
        right = {other: text for other, text in right.items() if other not in of_right}
    return links


def damaged(code: str, chance: random.Random, letters: str) -> str:
    """A code after one of the things that happen to codes."""
    at = chance.randrange(len(code) + 1)
    forms = sorted(excel_forms(code)) or [code]
    return chance.choice(
        [
            code + chance.choice([" ", "\u200b", "\t", ", ", ";x", " second"]),
            code.swapcase(),
            code.replace("-", "\u2013").replace("A", "\u0410"),
            f'="{code}"',
            code.replace("-", ""),
            code[:at] + chance.choice(letters) + code[at:],
            code[:at] + code[at + 1 :],
            code[:at] + chance.choice(letters) + code[at + 1 :],
            code[:at] + code[at : at + 2][::-1] + code[at + 2 :],
            code[: chance.randint(5, 9)],
            chance.choice(forms),
            code.translate(CONFUSABLE),
        ]
    )


@pytest.mark.parametrize("seed", range(48))
def test_the_ladder_is_what_a_comparison_of_every_code_with_every_other_finds(seed: int) -> None:
    """Codes so alike that chance makes many pairs; a pool each, so that no pool is sequential or has another set."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    letters = ("AB", "AB1l0O-", "0123456789", "ABÄ1-", "01E", "AB\U0001d504-", "aAbB8sS5-", "0179E")[seed % 8]
    pool_keys = {"".join(chance.choices(letters, k=chance.choice([3, 6, 7, 8, 12, 16]))) for _ in range(14)}
    pool_keys |= {"MAR-2026", "478109E2", "00123456", "6725354749912233"}
    strays = {damaged(chance.choice(sorted(pool_keys)), chance, letters) for _ in range(18)} - pool_keys - {""}
    left, right = dict(enumerate(sorted(pool_keys))), dict(enumerate(sorted(strays), len(pool_keys)))
    typed = {number for number in right if chance.random() < 0.1}
    no_hyphens = {number for number, code in left.items() if "-" in code and chance.random() < 0.7}
    no_hyphens |= {number for number, code in right.items() if "-" not in code}
    links = climb(
        list(left.values()),
        list(right.values()),
        pools=list(left),
        has_hyphens=[number in no_hyphens for number in left],
        bare=[number in no_hyphens for number in right],
        typed=[number in typed for number in right],
    )
    expected = plain_ladder(left, right, no_hyphens, typed)
    assert links == expected
    assert expected.pairs


# --- did you mean? ---


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ab12-cd34", [0]),
        ("AB12-CD34 ", [0]),
        ("AB12\u2013CD34", [0]),
        ("ABI2-CD34", [0]),
        ("AB12-CD3", [0]),
        ("AB21-CD34", [0]),
        ("AB12-CD34, please", [0]),
        ("47810900", [1]),
        ("123456", [2]),
        ("ÄÖ99-XY78", [3]),
        ("q7", [4]),
        ("nothing like it", []),
        ("A", []),
        ("", []),
        ("\u200b", []),
    ],
)
def test_what_a_typed_text_may_mean(typed: str, meant: list[int]) -> None:
    codes = texts(["AB12-CD34", "478109E2", "00123456", "ÄÖ99-XY77", "Q7"])
    assert meant_by(codes, typed) == meant
    assert meant_by(pa.concat_arrays([texts(["left out"]), codes]).slice(1), typed) == meant


def test_a_typed_text_may_mean_several() -> None:
    codes = texts(["ZZ-0001", "QX77-0815", "ZZ-0012"])
    assert meant_by(codes, "ZZ-0011") == [0, 2]
    assert meant_by(texts([]), "ZZ-0011") == []


def test_among_many_codes_one_mistyped_sign_is_found() -> None:
    """All begin alike, so that one sign tells; a code that was not readable is none."""
    every = [None, *(f"LAB-{number:06d}" for number in range(MANY + 10)), "LAB-77!88", "LAB-00XY77", "LAB-Ä00007"]
    codes = pa.array(every, TEXT)
    for typed in ("lab-000007", "LAB-0OOOO7", "LAB-0000O7 ", "LAB-X000007", "LAB000007", "ALB-000007", "LBA-000007"):
        assert (typed, meant_by(codes, typed)) == (typed, [8])
    assert meant_by(codes, "LAB-00YX77") == [len(codes) - 2]  # two swapped
    assert meant_by(codes, "LAB-7788") == [len(codes) - 3]  # the first of all signs left out
    assert meant_by(codes, "LAB-Q00007") == [8, len(codes) - 1]
    assert meant_by(codes, "LAB-00000") == list(range(1, 11))
    assert meant_by(codes, "LAB-0000") == []


def test_what_is_not_said_of_a_side_is_not_known() -> None:
    assert Side(np.arange(2)).course.tolist() == [-1, -1]


def test_caseless_is_casefold() -> None:
    codes = ["AB", "ab", "ÄB", "äß", "SS", "İ", "\U00010400", ""]
    assert caseless(texts(codes)).to_pylist() == [code.casefold() for code in codes]


def test_every_rung_has_a_meaning() -> None:
    assert list(RUNGS) == list(TESTS) == ["whitespace", "unicode", "case", "excel", "confusable", "extra", "typo"]
