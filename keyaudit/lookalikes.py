"""Lookalikes: a ladder of suggestions, never a match. (CATALOGUE §4)"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from keyaudit.exports.codes import CONFUSABLE, EXCEL_DATE, INVISIBLE, excel_forms, fold_unicode, fold_whitespace, folded

RUNGS = {
    "whitespace": "they differ in blanks, invisible characters or a wrapper",
    "unicode": "they differ in characters that look alike (dashes, full-width or foreign letters)",
    "case": "they differ in upper and lower case",
    "excel": "Excel made one of the other",
    "confusable": "they differ in characters that are easily confused (0 and O, 1 and l, 8 and B …)",
    "extra": "one has more text after the code, or is cut short",
    "typo": "they differ by one typing slip",
}
SHORTEST = 6  # neither cut nor mistyped codes are sought below this length
SEQUENTIAL = 0.05  # a pool in which more keys than this have a neighbour makes typos meaningless

Pairs = list[tuple[int, int]]


@dataclass
class Links:
    """`pairs`: (left, right, rung) links. `ambiguous`: code → the candidates it has, on either side. `sequential`: pools
    in which typos were not sought."""

    pairs: list[tuple[int, int, str]] = field(default_factory=list)
    ambiguous_left: dict[int, list[int]] = field(default_factory=dict)
    ambiguous_right: dict[int, list[int]] = field(default_factory=dict)
    sequential: set[int] = field(default_factory=set)


def find_lookalikes(
    left: pd.Series,
    right: pd.Series,
    typed: Iterable[int],
    pool_of: Callable[[int], int],
    codes_of: Callable[[int], pd.Series],
) -> Links:
    """Link codes of `right` (what was recreated, or logged) to codes of `left` (pool keys), rung by rung.

    Both are Series of codes indexed by key number. `typed` are right codes whose cell was not text: only the excel rung
    may link them. `pool_of` gives a left key's pool, `codes_of` all codes of a pool (for the sequential test).
    """
    links = Links()
    typed = set(typed)
    right = right[right.index.notna()]
    for rung, candidates in _LADDER.items():
        if left.empty or right.empty:
            break
        open_right = right if rung == "excel" else right[[number not in typed for number in right.index]]
        pairs = sorted(set(candidates(left, open_right)))
        if rung == "typo" and pairs:
            pools = {pool_of(one) for one, _ in pairs}
            sequential = {pool for pool in pools if is_sequential(codes_of(pool).tolist())}
            links.sequential |= sequential
            pairs = [pair for pair in pairs if pool_of(pair[0]) not in sequential]
        left, right = _settle(pairs, rung, left, right, links)
    return links


def _settle(pairs: Pairs, rung: str, left: pd.Series, right: pd.Series, links: Links) -> tuple[pd.Series, pd.Series]:
    """Link what is unique in both directions; everything else that has a candidate leaves the ladder undecided."""
    if not pairs:
        return left, right
    of_left, of_right = defaultdict(list), defaultdict(list)
    for one, other in pairs:
        of_left[one].append(other)
        of_right[other].append(one)
    for one, others in of_left.items():
        if len(others) == 1 and len(of_right[others[0]]) == 1:
            links.pairs.append((one, others[0], rung))
        else:
            links.ambiguous_left[one] = others
    for other, ones in of_right.items():
        if len(ones) > 1 or len(of_left[ones[0]]) > 1:
            links.ambiguous_right[other] = ones
    return left.drop(list(of_left)), right.drop(list(of_right))


def _equal(left: pd.Series, right: pd.Series) -> Pairs:
    """Pairs with equal text, found through the few texts of the right side."""
    places = defaultdict(list)
    for number, text in right.items():
        if text:
            places[text].append(number)
    hits = left[_among(left, list(places))]
    return [(one, other) for one, text in hits.items() for other in places[text]]


def _among(texts: pd.Series, few: list[str]) -> np.ndarray:
    """Which texts are among a few given ones."""
    if not few:
        return np.zeros(len(texts), dtype=bool)
    codes, _ = pd.factorize(pd.concat([pd.Series(few, dtype="str"), texts], ignore_index=True))
    wanted = np.zeros(codes.max() + 2, dtype=bool)
    wanted[codes[: len(few)]] = True
    return np.asarray(wanted[codes[len(few) :]])


def _whitespace(left: pd.Series, right: pd.Series) -> Pairs:
    return _equal(folded(left, fold_whitespace), folded(right, fold_whitespace))


def _unicode(left: pd.Series, right: pd.Series) -> Pairs:
    return _equal(folded(left, fold_unicode), folded(right, fold_unicode))


def _case(left: pd.Series, right: pd.Series) -> Pairs:
    return _equal(folded(left, fold_unicode).str.casefold(), folded(right, fold_unicode).str.casefold())


def _excel(left: pd.Series, right: pd.Series) -> Pairs:
    """The right code is what Excel makes of the left one."""
    right = folded(right, fold_unicode)
    made = right[
        right.str.fullmatch(rf"[\d.]+(?:[Ee][+-]?\d+)?|{EXCEL_DATE}.*|\d[\d./: -]+|(?i:true|false)").astype(bool)
    ]
    if made.empty:
        return []
    left = folded(left, fold_unicode)
    digits = left[left.str.fullmatch(r"0\d+").astype(bool)]
    pairs = _equal(digits.str.lstrip("0").replace("", "0"), made.str.removesuffix(".0"))
    texts = set(made)
    places = defaultdict(list)
    for number, text in made.items():
        places[text].append(number)
    odd = left.str.fullmatch(rf"\d{{12,}}|\d+[Ee]\d{{1,3}}|{EXCEL_DATE}|(?i:true|false)")
    whole = left[_among(left, [text.removesuffix(".0") for text in texts if text.endswith(".0")])]
    for one, text in pd.concat([left[odd.astype(bool)], whole]).items():
        for form in texts.intersection(excel_forms(text)):
            pairs += [(one, other) for other in places[form]]
    return pairs


def _confusable(left: pd.Series, right: pd.Series) -> Pairs:
    left, right = folded(left, fold_unicode), folded(right, fold_unicode)
    return _equal(left.str.translate(CONFUSABLE), right.str.translate(CONFUSABLE))


def _extra(left: pd.Series, right: pd.Series) -> Pairs:
    """The right code is the left one and more text, or its beginning."""
    heads: list[tuple[str, int]] = []
    for number, text in right.items():
        for gap in re.finditer(rf"[{INVISIBLE},;]+", text):
            head = fold_unicode(text[: gap.start()])
            if head and text[gap.end() :]:
                heads.append((head, number))
    texts = pd.Series([head for head, _ in heads], index=[number for _, number in heads], dtype="str")
    left = folded(left, fold_unicode)
    pairs = _equal(left, texts)
    cut = folded(right, fold_unicode)
    cut = cut[cut.str.len() >= SHORTEST]
    if len(cut):
        near = left[_among(left.str.slice(0, SHORTEST), list(cut.str.slice(0, SHORTEST).unique()))].sort_values()
        codes, numbers = near.tolist(), near.index.tolist()
        for other, text in cut.items():
            place = bisect_left(codes, text)
            while place < len(codes) and codes[place].startswith(text):
                if codes[place] != text:
                    pairs.append((numbers[place], other))
                place += 1
    return pairs


def _typo(left: pd.Series, right: pd.Series) -> Pairs:
    """Optimal-string-alignment distance 1: one slip leaves the beginning or the end of a code as it was."""
    left, right = folded(left, fold_unicode), folded(right, fold_unicode)
    left, right = left[left.str.len() >= SHORTEST], right[right.str.len() >= SHORTEST]
    pairs: Pairs = []
    for length, same in right.groupby(right.str.len()):
        near = left[left.str.len().between(int(length) - 1, int(length) + 1)]
        size = (int(length) - 2) // 2
        for start, stop in ((0, size), (-size, None)):
            pieces = defaultdict(list)
            for other, text in same.items():
                pieces[text[start:stop]].append((other, text))
            candidates = near[_among(near.str.slice(start, stop), list(pieces))]
            for one, text in candidates.items():
                for other, wanted in pieces[text[start:stop]]:
                    if OSA.distance(text, wanted, score_cutoff=1) == 1:
                        pairs.append((one, other))
    return pairs


def is_sequential(codes: list[str]) -> bool:
    """Do more than 5 % of a pool's keys have another key of the pool within distance 1?"""
    codes = sorted(set(codes))
    shortened: dict[str, list[int]] = defaultdict(list)
    for number, code in enumerate(codes):
        for form in {code, *(code[:i] + code[i + 1 :] for i in range(len(code)))}:
            shortened[form].append(number)
    has_neighbour: set[int] = set()
    for numbers in shortened.values():
        for place, one in enumerate(numbers[:50]):
            for other in numbers[place + 1 : 50]:
                is_known = one in has_neighbour and other in has_neighbour
                if not is_known and OSA.distance(codes[one], codes[other], score_cutoff=1) == 1:
                    has_neighbour |= {one, other}
    return len(has_neighbour) > SEQUENTIAL * len(codes)


_LADDER: dict[str, Callable[[pd.Series, pd.Series], Pairs]] = {
    "whitespace": _whitespace,
    "unicode": _unicode,
    "case": _case,
    "excel": _excel,
    "confusable": _confusable,
    "extra": _extra,
    "typo": _typo,
}


MANY = 20_000  # candidates by beginning or end beyond which one mistyped character is sought instead
_SAME = {fold: group for group in ("0o", "1il", "8b", "5s", "2z", "6g") for fold in group}
_FOLD = np.array([ord(_SAME.get(chr(b).lower(), chr(b).lower())[0]) if b < 128 else b for b in range(256)], dtype=np.uint8)  # fmt: skip


def worth_comparing(codes: pd.Series, text: str) -> pd.Series:
    """Those of many codes that share the beginning or the end of one text, ignoring case and confusables.

    Every rung of the ladder but far-fetched Excel forms keeps one of the two, so the ladder need look at no other.
    """
    wanted = _FOLD[np.frombuffer(fold_unicode(fold_whitespace(text)).encode(), dtype=np.uint8)]
    half = max(2, len(wanted) // 2 - 1)
    if len(wanted) < half or codes.empty:
        return codes.head(0)
    column = pa.array(codes, type=pa.large_string())
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    letters = _FOLD[np.frombuffer(column.buffers()[2], dtype=np.uint8)]
    start, stop = offsets[:-1], offsets[1:]
    long = np.flatnonzero(stop - start >= half)
    head, tail = long, long
    for place in range(half):
        head = head[letters[start[head] + place] == wanted[place]]
        tail = tail[letters[stop[tail] - 1 - place] == wanted[-1 - place]]
    near = np.union1d(head, tail)
    if len(near) > MANY:
        shown = pa.LargeStringArray.from_buffers(len(column), column.buffers()[1], pa.py_buffer(letters.tobytes()))
        few = [code.as_py() for code in shown.take(pa.array(near))] if len(near) < len(shown) else shown.to_pylist()
        distance = cdist([wanted.tobytes().decode(errors="replace")], few, scorer=OSA.distance, score_cutoff=1, dtype=np.uint8)  # fmt: skip
        near = near[distance[0] <= 1]
    return codes.iloc[near]
