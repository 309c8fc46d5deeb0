"""Lookalikes: a ladder of suggestions, never a match. (CATALOGUE §4)"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from keyaudit.columns import as_arrow
from keyaudit.exports.codes import (
    CONFUSABLE,
    EXCEL_DATE,
    INVISIBLE,
    PLAIN,
    excel_forms,
    fold_unicode,
    fold_whitespace,
    folded,
)

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
    left, right = _with_folds(left), _with_folds(right[right.index.notna()])
    is_typed = pd.Series(np.isin(right.index, list(typed)), index=right.index)
    for rung, candidates in _LADDER.items():
        if left.empty or right.empty:
            break
        open_right = right if rung == "excel" else right[~is_typed[right.index]]
        if rung == "typo":
            mistyped = {pool_of(one) for one in left.index[_mistyped(left, open_right)]}
            links.sequential |= {pool for pool in mistyped if is_sequential(codes_of(pool).tolist())}
            if links.sequential:
                left = left[[pool_of(one) not in links.sequential for one in left.index]]
        pairs = sorted(set(candidates(left, open_right)))
        left, right = _settle(pairs, rung, left, right, links)
    return links


def _settle(
    pairs: Pairs, rung: str, left: pd.DataFrame, right: pd.DataFrame, links: Links
) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def _with_folds(codes: pd.Series) -> pd.DataFrame:
    """Codes, and what is left of them after the folds of the first two rungs."""
    folds = {"whitespace": folded(codes, fold_whitespace), "unicode": folded(codes, fold_unicode)}
    return pd.DataFrame({"code": codes, **folds})


def _equal(left: pd.Series, right: pd.Series) -> Pairs:
    """Pairs with equal text."""
    hits = left[_among(left, right)]
    if hits.empty:
        return []
    places = defaultdict(list)
    for number, text in right[_among(right, hits)].items():
        if text:
            places[text].append(number)
    return [(one, other) for one, text in hits.items() for other in places[text]]


def _among(texts: pd.Series, wanted: pd.Series | list[str]) -> np.ndarray:
    """Which texts are among the wanted ones. (`Series.isin` is far slower: it makes an object of every text.)"""
    found = pc.is_in(as_arrow(texts), value_set=as_arrow(wanted))
    return np.asarray(found.to_numpy(zero_copy_only=False))


def _whitespace(left: pd.DataFrame, right: pd.DataFrame) -> Pairs:
    return _equal(left["whitespace"], right["whitespace"])


def _unicode(left: pd.DataFrame, right: pd.DataFrame) -> Pairs:
    return _equal(left["unicode"], right["unicode"])


def _case(left: pd.DataFrame, right: pd.DataFrame) -> Pairs:
    return _equal(caseless(left["unicode"]), caseless(right["unicode"]))


def caseless(codes: pd.Series) -> pd.Series:
    """`casefold`, which for ASCII is the lower case."""
    is_ascii = codes.str.isascii()
    return codes.str.lower().where(is_ascii, codes[~is_ascii].str.casefold())


def _excel(left_codes: pd.DataFrame, right_codes: pd.DataFrame) -> Pairs:
    """The right code is what Excel makes of the left one."""
    left, right = left_codes["unicode"], right_codes["unicode"]
    made = right[
        right.str.fullmatch(rf"[\d.]+(?:[Ee][+-]?\d+)?|{EXCEL_DATE}.*|\d[\d./: -]+|(?i:true|false)").astype(bool)
    ]
    if made.empty:
        return []
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


def _confusable(left: pd.DataFrame, right: pd.DataFrame) -> Pairs:
    return _equal(_unconfused(left["unicode"]), _unconfused(right["unicode"]))


def _unconfused(codes: pd.Series) -> pd.Series:
    """One sign for all that are confused: they are ASCII, so a table over the bytes of UTF-8 will do."""
    column = as_arrow(codes)
    _, offsets, letters = column.buffers()
    told = pa.py_buffer(letters.to_pybytes().translate(_ONE_SIGN)) if letters else letters
    made = pa.LargeStringArray.from_buffers(len(column), offsets, told, offset=column.offset)
    return pd.Series(made, index=codes.index, dtype="str")


_ONE_SIGN = bytes(ord(CONFUSABLE.get(number, chr(number))) for number in range(256))


def _extra(left: pd.DataFrame, right: pd.DataFrame) -> Pairs:
    """The right code is the left one and more text, or its beginning."""
    heads: list[tuple[str, int]] = []
    for number, text in right["code"][~right["code"].str.fullmatch(PLAIN).astype(bool)].items():
        for gap in re.finditer(rf"[{INVISIBLE},;]+", text):
            head = fold_unicode(text[: gap.start()])
            if head and text[gap.end() :]:
                heads.append((head, number))
    texts = pd.Series([head for head, _ in heads], index=[number for _, number in heads], dtype="str")
    pairs = _equal(left["unicode"], texts)
    lengths = left["unicode"].str.len()
    for length, cut in right["unicode"].groupby(right["unicode"].str.len()):
        if length >= SHORTEST:
            pairs += _equal(left["unicode"][lengths > length].str.slice(0, int(length)), cut)
    return pairs


def _typo(left: pd.DataFrame, right: pd.DataFrame) -> Pairs:
    """Optimal-string-alignment distance 1."""
    pairs: Pairs = []
    for ones, others in _alike_in_half(left[_mistyped(left, right)], right):
        for mine, theirs in _slips(_letters(ones), _letters(others)):
            places = defaultdict(list)
            for place in np.flatnonzero(_is_in(theirs, mine)):
                places[theirs[place]].append(place)
            pairs += [
                (ones.index[one], others.index[other])
                for one in np.flatnonzero(_is_in(mine, theirs))
                for other in places[mine[one]]
                if OSA.distance(ones.iat[one], others.iat[other], score_cutoff=1) == 1
            ]
    return pairs


def _mistyped(left: pd.DataFrame, right: pd.DataFrame) -> np.ndarray:
    """Which left codes are one slip away from a right one."""
    found = pd.Series(np.zeros(len(left), dtype=bool), index=left.index)
    for ones, others in _alike_in_half(left, right):
        for mine, theirs in _slips(_letters(ones), _letters(others)):
            found[ones.index[_is_in(mine, theirs)]] = True
    return np.asarray(found, dtype=bool)


def _alike_in_half(left: pd.DataFrame, right: pd.DataFrame) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Codes by their lengths that share the first or the last half: one slip leaves one of the two as it was."""
    by_length = right["unicode"].groupby(right["unicode"].str.len())
    lengths = left["unicode"].str.len()
    for size, theirs in by_length:
        for length in range(max(SHORTEST, int(size) - 1), int(size) + 2 if size >= SHORTEST else 0):
            ones, others = left["unicode"][lengths == length], theirs
            if ones.empty:
                continue
            half = (min(length, int(size)) - 1) // 2
            heads = ones.str.slice(0, half), others.str.slice(0, half)
            tails = ones.str.slice(-half), others.str.slice(-half)
            ones = ones[_among(heads[0], heads[1]) | _among(tails[0], tails[1])]
            others = others[_among(heads[1], heads[0]) | _among(tails[1], tails[0])]
            if len(ones) and len(others):
                yield ones, others


def _letters(codes: pd.Series) -> np.ndarray:
    """Codes of one length as a row of numbers for each place."""
    size = len(codes.iat[0])
    return np.array(codes.tolist(), dtype=f"U{max(size, 1)}").view(np.uint32).reshape(len(codes), -1)[:, :size].T


def _slips(ones: np.ndarray, others: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For every slip that may lie between codes of two lengths: a number for each code on either side.

    Two codes have the same number where nothing but that slip tells them apart. (A number is a sum of letters times
    random weights, so that a slip is a small correction, and chance all but never makes two numbers equal.)
    """
    size, other_size = len(ones), len(others)
    if size < other_size:
        yield from ((mine, theirs) for theirs, mine in _slips(others, ones))
    weights = np.random.default_rng(0).integers(1, 2**63, size + 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    swap = weights[:-1] - weights[1:]
    if size == other_size:
        mine, theirs = _weighed(ones, weights), _weighed(others, weights)
        for at in range(size):  # another letter
            yield mine - ones[at] * weights[at], theirs - others[at] * weights[at]
        for at in range(size - 1):  # two letters swapped
            yield mine, theirs + (others[at + 1] - others[at].astype(np.uint64)) * swap[at]
    if size == other_size + 1:
        mine, theirs = _weighed(ones[1:], weights), _weighed(others, weights)
        for at in range(size):  # one letter more: the letters after it stand one place farther on
            yield mine, theirs
            if at < other_size:
                mine = mine + (ones[at] - ones[at + 1].astype(np.uint64)) * weights[at]


def _weighed(letters: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = np.zeros(letters.shape[1], dtype=np.uint64)
    for row, weight in zip(letters, weights, strict=False):
        total += row * weight
    return total


def _is_in(numbers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    found = pc.is_in(pa.array(numbers), value_set=pa.array(wanted))
    return np.asarray(found.to_numpy(zero_copy_only=False))


def is_sequential(codes: list[str]) -> bool:
    """Do more than 5 % of a pool's keys have another key of the pool within distance 1?"""
    by_size: dict[int, list[str]] = defaultdict(list)
    for code in sorted(set(codes)):
        by_size[len(code)].append(code)
    letters = {size: _letters(pd.Series(same, dtype="str")) for size, same in by_size.items()}
    is_near = {size: np.zeros(len(same), dtype=bool) for size, same in by_size.items()}
    for size, ones in letters.items():
        for mine, theirs in _slips(ones, ones):  # with nothing swapped, a code is the same as itself
            is_near[size] |= np.where(mine == theirs, pd.Series(mine).duplicated(keep=False), _is_in(theirs, mine))
        if size + 1 in letters:
            for mine, theirs in _slips(ones, letters[size + 1]):
                is_near[size] |= _is_in(mine, theirs)
                is_near[size + 1] |= _is_in(theirs, mine)
    return sum(int(near.sum()) for near in is_near.values()) > SEQUENTIAL * len(set(codes))


_LADDER: dict[str, Callable[[pd.DataFrame, pd.DataFrame], Pairs]] = {
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
    column = as_arrow(codes)
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
