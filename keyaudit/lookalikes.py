"""Lookalikes: a ladder of suggestions, never a match. (CATALOGUE §4)"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product, repeat
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, changed
from keyaudit.exports.codes import CONFUSABLE, EXCEL_DATE, INVISIBLE, PLAIN, excel_forms, fold_unicode, fold_whitespace

SHORTEST = 6  # neither cut nor mistyped codes are sought below this length
SEQUENTIAL = 0.05  # a pool in which more keys than this have a neighbour makes typos meaningless
ANOTHER_SET = 3  # so many pairs of a pool that one and the same edit tells apart are no slips
MANY = 20_000  # codes that begin or end like a typed text beyond which only one mistyped sign is sought

Texts: TypeAlias = Any  # an Arrow array of large strings
Rows: TypeAlias = Any  # a record batch: place (in its side), code, spaceless (after rung 1), plain (after rung 2)
CodesOf: TypeAlias = Callable[[int], Array]  # the key numbers of a pool
Pairs: TypeAlias = Array  # a line for each: the row (or place) of the one code, and of the other


@dataclass
class Side:
    """The codes of one side: ascending key numbers, and for each what restrains a link (None: nothing is known).

    `course`: a number for each course, -1 where it is not known. Of pool keys: `pool`, and `has_hyphens`, as every key of
    that pool has. Of the others: `bare`, no code of its file has a hyphen; `is_typed`, its cell was not text; `is_old`, it
    was created before the sunset was announced.
    """

    numbers: Array
    course: Array = None
    pool: Array = None
    has_hyphens: Array = None
    bare: Array = None
    is_typed: Array = None
    is_old: Array = None

    def __post_init__(self) -> None:
        for name in [name for name, told in vars(self).items() if told is None]:
            setattr(self, name, np.full(len(self.numbers), {"course": -1, "pool": 0}.get(name, False)))


@dataclass
class Links:
    """What resembles what, by key number, the pool key first.

    `ambiguous_…`: code → the candidates it has on the other side. `not_sought`: pool → why codes one slip apart are no
    typos there, "sequential" or "another set". `backwards`: the pool key is what Excel makes of the other code.
    """

    pairs: list[tuple[int, int, str]] = field(default_factory=list)
    ambiguous_left: dict[int, list[int]] = field(default_factory=dict)
    ambiguous_right: dict[int, list[int]] = field(default_factory=dict)
    not_sought: dict[int, str] = field(default_factory=dict)
    backwards: list[tuple[int, int]] = field(default_factory=list)


def find_lookalikes(codes: Texts, left: Side, right: Side, codes_of: CodesOf, backwards: bool = False) -> Links:
    """Link codes of `right` (what was recreated, or logged) to codes of `left` (pool keys), rung by rung.

    `codes` holds the text of every key number; `codes_of` gives the key numbers of a pool (for the sequential test).
    `backwards`: may a pool key be what Excel made of a code that was recreated?
    """
    links = Links()
    if not (len(left.numbers) and len(right.numbers)):
        return links
    ours, theirs = _rows(codes.take(left.numbers)), _rows(codes.take(right.numbers))
    views = [(ours, theirs)]
    if left.has_hyphens.any() and right.bare.any():
        own = _only(ours, left.has_hyphens)
        bare = {name: pc.replace_substring(own[name], "-", "") for name in ("spaceless", "plain")}
        bare |= {name: own[name] for name in ("place", "code")}
        views.append((pa.RecordBatch.from_pydict(bare), _only(theirs, right.bare)))
    open_left, open_right = (np.asarray(pc.not_equal(rows["plain"], "")) for rows in (ours, theirs))
    is_numbered = cache(lambda pool: is_sequential(codes.take(codes_of(pool))))
    for rung, (_, candidates, is_guess) in LADDER.items():
        may_link = open_right & (~right.is_typed | (rung == "excel"))
        found = []
        for view in views:
            mine, their = _only(view[0], open_left), _only(view[1], may_link)
            pairs = candidates(mine, their)
            if rung == "typo":
                pairs = _typos(pairs, mine, their, left.pool, is_numbered, links.not_sought)
            found.append(_placed(pairs, mine, their))
        one, other = (pairs := _once(found)).T
        if is_guess:
            is_known = (left.course[one] >= 0) & (right.course[other] >= 0)
            is_likely = ~(is_known & (left.course[one] != right.course[other])) & ~right.is_old[other]
            one, other = (pairs := pairs[is_likely & ~np.isin(left.pool[one], list(links.not_sought))]).T
        told = zip(left.numbers[one].tolist(), right.numbers[other].tolist(), _is_alone(pairs), strict=True)
        for key, twin, is_alone in told:
            if is_alone:  # what is unique in both directions; everything else that has a candidate stays undecided
                links.pairs.append((key, twin, rung))
            else:
                links.ambiguous_left.setdefault(key, []).append(twin)
                links.ambiguous_right.setdefault(twin, []).append(key)
        open_left[one] = open_right[other] = False
        if rung == "excel" and backwards:
            mine, their = _only(ours, open_left), _only(theirs, open_right)
            pairs = _placed(_excel(their, mine)[:, ::-1], mine, their)
            one, other = pairs[_is_alone(pairs)].T
            links.backwards = sorted(zip(left.numbers[one].tolist(), right.numbers[other].tolist(), strict=True))
            open_left[one] = open_right[other] = False
    return links


def _is_alone(pairs: Pairs) -> Array:
    """Which pairs have neither of their two in another pair."""
    return np.all([np.bincount(side)[side] == 1 for side in pairs.T], axis=0)


def _once(found: list[Pairs]) -> Pairs:
    one, other = np.concatenate(found).T
    width = other.max(initial=0) + 1
    return np.column_stack(np.divmod(np.unique(one * width + other), width))


# --- codes, and what a fold leaves of them ---


def _rows(code: Texts) -> Rows:
    odd = _is_odd(code)
    folds = {"spaceless": changed(code, odd, fold_whitespace), "plain": changed(code, odd, fold_unicode)}
    return pa.RecordBatch.from_pydict({"place": np.arange(len(code)), "code": code, **folds})


def _only(rows: Rows, is_wanted: Array) -> Rows:
    wanted = is_wanted[rows["place"].to_numpy()]
    return rows if wanted.all() else rows.filter(wanted)


def _placed(pairs: Pairs, ours: Rows, theirs: Rows) -> Pairs:
    """Pairs of rows as pairs of places."""
    return np.column_stack([rows["place"].to_numpy()[side] for rows, side in zip((ours, theirs), pairs.T, strict=True)])


def _is_odd(texts: Texts) -> Any:
    """Which texts hold anything but letters, digits, dash, dot, underscore."""
    return pc.invert(pc.match_substring_regex(texts, rf"^{PLAIN.pattern}$"))


def caseless(texts: Texts) -> Texts:
    """`casefold`, which for ASCII is the lower case."""
    return pc.ascii_lower(changed(texts, pc.invert(pc.string_is_ascii(texts)), str.casefold))


_SIGNS = "".join(CONFUSABLE.values()).encode()
_ONE_SIGN = bytes.maketrans(bytes(CONFUSABLE), _SIGNS)
_ONE_SIGN_CASELESS = bytes.maketrans(bytes(CONFUSABLE).lower(), _SIGNS)


def _unconfused(texts: Texts, one_sign: bytes = _ONE_SIGN) -> Texts:
    """One sign for all that are confused: they are ASCII, so a table over the bytes of UTF-8 will do."""
    _, offsets, letters = texts.buffers()
    told = pa.py_buffer(letters.to_pybytes().translate(one_sign))
    return pa.LargeStringArray.from_buffers(len(texts), offsets, told, offset=texts.offset)


# --- candidates: pairs of rows that a rung would link ---


def _is_in(values: Any, wanted: Any) -> Array:
    return np.asarray(pc.is_in(values, value_set=pa.array(wanted)))


def _shared(ones: Any, others: Any) -> tuple[Array, Array]:
    """Where the values of either side are that the other has too."""
    if len(ones) > len(others):  # the few make the table in which the many are sought
        theirs, mine = _shared(others, ones)
        return mine, theirs
    theirs = np.flatnonzero(_is_in(others, ones))
    return np.flatnonzero(_is_in(ones, others.take(theirs))), theirs


def _equal(ones: Any, others: Any) -> Pairs:
    mine, theirs = _shared(ones, others)
    values = pa.array(ones.take(mine)).dictionary_encode()
    wanted = values.indices.to_numpy()
    value = np.asarray(pc.index_in(others.take(theirs), value_set=values.dictionary))
    order = np.argsort(value, kind="stable")
    first, stop = (np.searchsorted(value[order], wanted, side) for side in ("left", "right"))
    count = stop - first
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.column_stack([np.repeat(mine, count), theirs[order[np.repeat(first, count) + nth]]])


def _pairs(pairs: Iterable[tuple[int, int]]) -> Pairs:
    return np.array(list(pairs), dtype=np.int64).reshape(-1, 2)


_NUMBER = r"^\d+(?:[Ee]\d{1,3})?$"
_DATE_OR_WORD = rf"^(?:{EXCEL_DATE}|(?i:true|false))$"
_MADE = rf"^(?:[\d.]+(?:[Ee][+-]?\d+)?|{EXCEL_DATE}.*|\d[\d./: -]+|(?i:true|false))$"
_SHOWN = re.compile(r"\d+(?:\.(\d*))?(?:[Ee]([+-]?\d{1,3}))?", re.ASCII)


def _excel(sources: Rows, others: Rows) -> Pairs:
    """The other code is what Excel makes of the source."""
    asked, shown = sources["plain"], others["plain"]
    few, pattern = (asked, f"{_NUMBER}|{_DATE_OR_WORD}") if len(asked) < len(shown) else (shown, _MADE)
    if not len(_matching(few, pattern)):
        return _pairs([])
    made = defaultdict(list)
    for row, text in _told(shown, _matching(shown, _MADE)):
        made[text.replace("00:00:00", " 00:00:00")].append(row)  # the fold has taken the blank
    rows = np.concatenate([_matching(asked, _DATE_OR_WORD), _near(asked, made)])
    forms = ((row, form) for row, text in _told(asked, rows) for form in excel_forms(text) if form in made)
    return _pairs((row, other) for row, form in forms for other in made[form])


def _matching(texts: Texts, pattern: str) -> Array:
    return np.flatnonzero(pc.match_substring_regex(texts, pattern))


def _told(texts: Texts, rows: Array) -> Iterator[tuple[int, str]]:
    return zip(rows.tolist(), texts.take(rows).to_pylist(), strict=True)


def _near(texts: Texts, made: Iterable[str]) -> Array:
    """Numbers that one of those made may show rounded: to ask a million numbers for all their forms takes a minute."""
    rows = _matching(texts, _NUMBER)
    value = pc.cast(texts.take(rows), pa.float64()).to_numpy()
    low, high = [], []
    for text in made:
        if (match := _SHOWN.fullmatch(text)) and np.isfinite(number := float(text)):
            lost = 0.6 * float(f"1e{int(match[2]) - len(match[1] or '')}") if match[2] else 2e-14 * number
            low.append(number - lost)
            high.append(number + lost)
    begun, ended = np.searchsorted(np.sort(low), value, "right"), np.searchsorted(np.sort(high), value, "left")
    return rows[(begun > ended) | np.isinf(value)]


def _extra(ours: Rows, theirs: Rows) -> Pairs:
    """The other code is ours and more text, or its beginning."""
    lengths, cut = (np.asarray(pc.utf8_length(rows["plain"])) for rows in (ours, theirs))
    longest = lengths.max(initial=0)
    heads: list[tuple[str, int]] = []
    for row, code in _told(theirs["code"], np.flatnonzero(_is_odd(theirs["code"]))):
        for gap in re.finditer(rf"[{INVISIBLE},;]+", code):
            head = fold_unicode(code[: gap.start()])
            if len(head) > longest or gap.end() == len(code):
                break
            heads.append((head, row))
    one, other = _equal(ours["plain"], pa.array([head for head, _ in heads], TEXT)).T
    found = [np.column_stack([one, np.array([row for _, row in heads], dtype=np.int64)[other]])]
    for length in np.unique(cut[(cut >= SHORTEST) & (cut < longest)]).tolist():
        mine, their = np.flatnonzero(lengths > length), np.flatnonzero(cut == length)
        begin = pc.utf8_slice_codeunits(ours["plain"].take(mine), 0, length)
        one, other = _equal(begin, theirs["plain"].take(their)).T
        found.append(np.column_stack([mine[one], their[other]]))
    return np.concatenate(found)


# --- one typing slip ---


def _typos(
    pairs: Pairs, ours: Rows, theirs: Rows, pools: Array, is_numbered: Callable[[int], bool], not_sought: dict[int, str]
) -> Pairs:
    """Pairs that are one slip apart, and a note of the pools in which that is no sign of a slip."""
    pool = pools[ours["place"].to_numpy()[pairs[:, 0]]]
    not_sought |= {number: "sequential" for number in np.unique(pool).tolist() if is_numbered(number)}
    sought = ~np.isin(pool, list(not_sought))
    pairs, pool = pairs[sought], pool[sought].tolist()
    texts = [rows["plain"].take(side).to_pylist() for rows, side in zip((ours, theirs), pairs.T, strict=True)]
    edits = [_edit(*pair) for pair in zip(*texts, strict=True)]
    found = {(number, text, end) for number, text, edit in zip(pool, texts[0], edits, strict=True) for end in edit}
    times = Counter((number, end) for number, _, end in found)
    not_sought |= {number: "another set" for (number, _), count in times.items() if count >= ANOTHER_SET}
    return pairs[[bool(edit) for edit in edits]]


def _edit(one: str, other: str) -> tuple[tuple[object, ...], ...]:
    """The slip between two codes: its place from the beginning and from the end, with the signs there; none if more."""
    before = _common(one, other)
    one, other = one[before:], other[before:]
    after = _common(one[::-1], other[::-1])
    one, other = one[: len(one) - after], other[: len(other) - after]
    is_slip = max(len(one), len(other)) == 1 or (len(one) == 2 and one == other[::-1])
    return ((before, one, other), (one, other, after)) if is_slip else ()


def _common(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _slipped(ours: Rows, theirs: Rows) -> Pairs:
    """Pairs at optimal-string-alignment distance 1 (or none, or by a rare chance more: `_edit` tells)."""
    ones, others = ours["plain"], theirs["plain"]
    mine, their = _alike_in_half(ones, others)
    ours_by_length, theirs_by_length = _by_length(ones.take(mine)), _by_length(others.take(their))
    found = [_pairs([])]
    for size, other_size in product(ours_by_length, theirs_by_length):
        if abs(size - other_size) <= 1:
            (rows, letters), (other_rows, other_letters) = ours_by_length[size], theirs_by_length[other_size]
            slips = _slips(letters, size - other_size), _slips(other_letters, other_size - size)
            for numbers in zip(*slips, strict=True):
                one, other = _equal(*numbers).T
                found.append(np.column_stack([mine[rows[one]], their[other_rows[other]]]))
    return _once(found)


def _alike_in_half(ones: Texts, others: Texts) -> tuple[Array, Array]:
    """The rows that begin or end like one on the other side: a slip leaves one half of a code as it was."""
    lengths, other_lengths = (np.asarray(pc.utf8_length(texts)) for texts in (ones, others))
    mine, their = np.flatnonzero(lengths >= SHORTEST), np.flatnonzero(other_lengths >= SHORTEST)
    ones, others = ones.take(mine), others.take(their)
    half = (np.concatenate([lengths[mine], other_lengths[their]]).min(initial=99) - 1) // 2
    ends = [[pc.utf8_slice_codeunits(texts, *end) for texts in (ones, others)] for end in ((0, half), (-half, None))]
    near, other_near = (np.unique(np.concatenate(rows)) for rows in zip(*(_shared(*end) for end in ends), strict=True))
    return mine[near], their[other_near]


def is_sequential(codes: Texts) -> bool:
    """Do more than 5 % of a pool's keys have another key of the pool within distance 1?"""
    codes = pc.unique(codes.drop_null())
    by_length = _by_length(codes)
    is_near = np.zeros(len(codes), dtype=bool)
    for size, other_size in product(by_length, repeat=2):
        if other_size - size in (0, 1):
            sides = {size: size - other_size, other_size: other_size - size}
            rows = np.concatenate([by_length[length][0] for length in sides])
            for numbers in zip(*(_slips(by_length[length][1], more) for length, more in sides.items()), strict=True):
                ordered = np.sort(every := np.concatenate(numbers))
                is_near[rows[_is_in(every, ordered[1:][ordered[1:] == ordered[:-1]])]] = True
                if is_near.sum() > SEQUENTIAL * len(codes):
                    return True
    return False


def _by_length(texts: Texts) -> dict[int, tuple[Array, Array]]:
    """For each length the rows with such texts, and their letters: a line of numbers for each place in a text."""
    lengths = np.asarray(pc.utf8_length(texts))
    groups = {}
    for size in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == size)
        letters = np.array(texts.take(rows).to_pylist(), dtype=f"U{size}").view(np.uint32)
        groups[size] = rows, np.ascontiguousarray(letters.reshape(len(rows), -1)[:, :size].T)
    return groups


def _slips(letters: Array, longer_by: int) -> Iterator[Array]:
    """A number for each code, for every slip that may lie between it and another of its length or a letter off.

    Two codes have the same number where nothing but that slip tells them apart. (Numbers are sums of letters times random
    weights: a slip is a small correction, and chance all but never makes two equal.)
    """
    size, nothing = len(letters), np.zeros(letters.shape[1], dtype=np.uint64)
    weights = np.random.default_rng(0).integers(2**64, size=size + 2, dtype=np.uint64)
    whole = sum(map(np.multiply, letters, weights), nothing)
    if longer_by < 0:
        yield from repeat(whole, size + 1)
        return
    cut = sum(map(np.multiply, letters[1:], weights), nothing)
    for at in range(size):  # a letter left out: it is another one there, or there is none
        yield cut
        if at + 1 < size:
            cut = cut + (letters[at].astype(np.uint64) - letters[at + 1]) * weights[at]
    for at in range(size - 1 if longer_by == 0 else 0):  # two letters, whichever comes first
        one, other = letters[at : at + 2].astype(np.uint64)
        rest = whole - one * weights[at] - other * weights[at + 1]
        yield rest + (one + other) * weights[-1] + one * other * weights[-2]


# --- did you mean? ---


def meant_by(codes: Texts, text: str) -> list[int]:
    """The numbers of the codes that a typed text resembles: all candidates of the first rung that has any.

    The ladder looks only at codes that share the beginning or the end of the text, ignoring case and confusables: all
    rungs but far-fetched Excel forms keep one of the two.
    """
    wanted = fold_unicode(text).encode().lower().translate(_ONE_SIGN_CASELESS).decode()
    half = max(2, len(wanted) // 2 - 1)
    if len(wanted) < half:
        return []
    shown = _unconfused(pc.ascii_lower(codes), _ONE_SIGN_CASELESS)
    near = np.flatnonzero(pc.or_(pc.starts_with(shown, wanted[:half]), pc.ends_with(shown, wanted[-half:])))
    if len(near) > MANY:  # a sign more or less, another, or two swapped; a foreign one is not guessed
        cuts = [(wanted[:at], wanted[at:]) for at in range(len(wanted) + 1)]
        signs = ("", *map(chr, range(33, 127)))
        slips = [head + sign + tail[skip:] for head, tail in cuts for sign in signs for skip in (0, 1)]
        slips += [head + tail[1::-1] + tail[2:] for head, tail in cuts]
        few = shown.take(near)
        near = near[_is_in(few, pa.array(slips, TEXT)) | ~np.asarray(pc.string_is_ascii(few))]
    both = pa.concat_arrays([codes.take(near), pa.array([text], TEXT)])
    links = find_lookalikes(both, Side(np.arange(len(near))), Side(np.array([len(near)])), lambda _: near[:0])
    found = [one for one, _, _ in links.pairs] or [one for ones in links.ambiguous_right.values() for one in ones]
    return [int(near[one]) for one in found]


def _same(view: str, fold: Callable[[Texts], Texts] = lambda texts: texts) -> Callable[[Rows, Rows], Pairs]:
    """The pairs of which a fold of a view leaves the same."""
    return lambda ours, theirs: _equal(fold(ours[view]), fold(theirs[view]))


LADDER = {  # rung → how two codes differ, the pairs that do, and are they guesses: no link where courses differ, or of an old key
    "whitespace": ("they differ in blanks, invisible characters or a wrapper", _same("spaceless"), False),
    "unicode": ("they differ in characters that look alike (dashes, full-width or foreign letters)", _same("plain"), False),
    "case": ("they differ in upper and lower case", _same("plain", caseless), False),
    "excel": ("Excel made one of the other", _excel, False),
    "confusable": ("they differ in characters that are easily confused (0 and O, 1 and l, 8 and B …)", _same("plain", _unconfused), True),
    "extra": ("one has more text after the code, or is cut short", _extra, False),
    "typo": ("they differ by one typing slip", _slipped, True),
}  # fmt: skip
RUNGS = {name: told for name, (told, _, _) in LADDER.items()}
