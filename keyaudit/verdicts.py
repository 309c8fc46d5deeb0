"""Facts → the verdict on every key: status, does it work, until when, what to do, by when. (CATALOGUE §3)"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keyaudit import links  # noqa: F401 - its facts
from keyaudit.coded import Array, Coded
from keyaudit.facts import DAY, NEVER, NO, UNKNOWN, By, Facts, at, combined, fact, facts
from keyaudit.rulebook import FAMILIES, FINDINGS, GROUPS, SEVERITIES, STATUS, STATUSES, URGENCY, WORKS
from keyaudit.rulebook.statuses import Status, family, holds, severity_of
from keyaudit.settings import counted_uses

NUMBER = {code: number for number, code in enumerate(STATUSES)}
W_YES, W_USED, W_UNKNOWN, W_NOT_YET, W_NO = range(len(WORKS))
FIRST, LAST = np.datetime64(-(2**62), "s"), np.datetime64(2**62, "s")

facts(  # of keys; `status_missing`, `works_no` and the like: is it that?
    status=lambda f: np.select([holds(row.rule, f) for row in STATUSES.values()], list(range(len(STATUSES))), -1),
    works=lambda f: f.working[0],  # a place in WORKS
    works_until=lambda f: f.working[1],  # NaT: no end, or it does not work
    ends_soon=lambda f: f.works_until <= f.as_of + 7 * DAY,
    setting_error=lambda f: f.setting_number > 0,
    # about settings of migrated keys, and making work, the worst first: code, and which keys
    setting_findings=lambda f: [(row.code, holds(row.rule, f)) for row in FINDINGS.values() if row.setting],
    needs=lambda f: ~np.isnat(f.act_by),  # somebody
    locked_out=lambda f: f.group == list(GROUPS).index("locked out now"),
    step=lambda f: _chosen(f, lambda row: [(step.when, step) for step in row.steps]),
    reason=lambda f: _chosen(f, lambda row: row.reasons),
    **{f"status_{code}": lambda f, number=number: f.status == number for code, number in NUMBER.items()},
    **{f"works_{word}": lambda f, number=number: f.works == number for number, word in enumerate(WORKS)},
)


def by_status(f: Facts, what: str, said: Any) -> Array:
    """Of every key: does the row of its status say so?"""
    return np.array([getattr(row, what) == said for row in STATUSES.values()]).take(f.status)


def _chosen(f: Facts, texts: Callable[[Status], Sequence[tuple[str, Any]]]) -> tuple[Array, list[Any]]:
    """Of every key the first of its status' texts that applies: a place among those of all statuses, and those."""
    found = np.full(f.keys, -1)
    every: list[Any] = []
    for number, row in enumerate(STATUSES.values()):
        of, known = np.flatnonzero(f.status == number), texts(row)
        if len(of):
            masks = [np.broadcast_to(holds(when, f, of), len(of)) for when, _ in known]
            found[of] = len(every) + np.select(masks, list(range(len(masks))))
        every += [told for _, told in known]
    return found, every


@fact
def is_lookalike(f: Facts) -> Array:
    """A course key in no pool that is the lookalike of an altered key."""
    earlier = [holds(row.rule, f) for row in list(STATUSES.values())[: NUMBER[STATUS.altered]]]
    return ~f.in_pool & at(f.has_lookalike & ~np.any(earlier, axis=0), f.link, False)


# --- does it work, and until when ---


@fact
def working(f: Facts) -> tuple[Array, Array]:
    """Does every key work, and until when: by the place its status names."""
    used, course, pool, places = (by_status(f, "works_by", of) for of in ("used", "course_key", "pool", "places"))
    found, until = np.where(used, W_USED, W_UNKNOWN), np.full(f.keys, NEVER)
    entered = np.flatnonzero(course)
    found[entered], until[entered] = _by_course_key(f, f.course_row[entered], f.uses[entered])
    held = np.flatnonzero(pool[f.place_key] | (places[f.place_key] & f.place_latest))
    shown = [(f.place_key[held], *(told[held] for told in f.by_its_pool))]
    shown += [_entries_of(f, places)] if places.any() else []
    best, last = _best(f.keys, *(np.concatenate(part) for part in zip(*shown, strict=True)))
    several = pool | places
    found[several], until[several] = best[several], last[several]
    until[(found != W_YES) & (found != W_NOT_YET)] = NEVER
    return found, until


@fact
def by_its_pool(f: Facts) -> tuple[Array, Array]:
    """Of every place: does its pool let the key work, and until when; the rows of CATALOGUE §3 in order."""
    (expires, is_known, _), (starts, starts_known, _) = f.place_expires, f.place_starts
    bad_start = (f.column("starts_on").filled & np.isnat(f.dates("starts_on"))) | f.doubted("starts_on")
    is_unread = np.bool_("course_keys" in f.unread)  # a file: what is gone may stand there
    no = ((f.place_in_now == NO) & ~is_unread) | f.is_removed | (is_known & (expires <= f.as_of))
    unknown = (f.place_in_now == UNKNOWN) & f.pool_begun[f.place_pool] | ((f.place_in_now == NO) & is_unread)
    unknown |= ~is_known | f.redemption_hidden
    unknown |= ~starts_known & By(f.pool, f.pool_count).any(bad_start)[f.place_pool]
    not_yet = starts_known & (f.as_of < starts)
    found = np.select([no, unknown, not_yet], [W_NO, W_UNKNOWN, W_NOT_YET], W_YES)
    return found, np.where(is_known, np.fmin(expires, f.removed), f.removed)


def _by_course_key(f: Facts, row: Array, uses: Array) -> tuple[Array, Array]:
    """By the course key of some records: does it let the key work, and until when; the rows of CATALOGUE §3 in order."""
    allowed, expires = f.row_max[row], f.dates("expires_on")[row]
    is_used = np.nan_to_num(uses) >= np.nan_to_num(allowed, nan=np.inf, posinf=1e18)
    unknown = np.isnan(f.row_uses[row]) | (np.isnan(allowed) & (uses > 0))
    unknown |= ~f.shows("expires_on")[row] | (f.column("expires_on").filled[row] & np.isnat(expires))
    unknown |= f.course_key_gone[f.key[row]] | f.of_file(lambda file: file.padding_doubted)[row]
    return np.select([is_used, expires <= f.as_of, unknown], [W_USED, W_NO, W_UNKNOWN], W_YES), expires


def _entries_of(f: Facts, keys: Array) -> tuple[Array, Array, Array]:
    """The course-key entries of some keys, each by its last record and its largest uses: key, works, until.

    Only one file can tell two entries of a code apart: of other keys the last file's is the only one.
    """
    by, rows = f.entries, f.course_rows & at(keys & f.in_two_entries, f.key, False)
    most = np.fmax(by.most(f.row_uses, rows, np.nan), counted_uses(f, by))
    last = at(by.most(f.file_rank, rows, -1), by.group, -1)
    uses = np.where(rows, at(most, by.group, np.nan), at(f.uses, f.key, np.nan))
    alone = f.course_row[keys & f.in_course_keys & ~f.in_two_entries]
    shown = np.append(np.flatnonzero(rows & (f.file_rank == last)), alone)
    return f.key[shown], *_by_course_key(f, shown, uses[shown])


def _best(keys: int, key: Array, works: Array, until: Array) -> tuple[Array, Array]:
    """A key works as the best of its places does, as long as the longest of those."""
    by = By(key, keys)
    best = by.most(works, True, len(WORKS), np.fmin)
    longest = by.most(np.where(np.isnat(until), LAST, until), works == best[key], FIRST)
    return best, np.where(longest == LAST, NEVER, longest)


# --- what to do, by when ---


@fact
def setting_number(f: Facts) -> Array:
    """The first critical or error finding about a setting of its course key, its number from 1; 0 for none."""
    found = np.zeros(f.keys, dtype=np.int64)
    for number, (code, mask) in reversed(list(enumerate(f.setting_findings, start=1))):
        of = np.flatnonzero(mask)
        found[of[severity_of(FINDINGS[code], f.period, f, of) <= SEVERITIES.index("error")]] = number
    return found


@fact
def next_step(f: Facts) -> tuple[Array, list[str]]:
    """The words of every key's next step; of a wrong setting, that finding's remedy."""
    place, steps = f.step
    texts = [step.text for step in steps] + [FINDINGS[code].remedy[f.period] for code, _ in f.setting_findings]
    wrong = np.array([step.text == "" for step in steps])[place]
    return np.where(wrong, len(steps) + f.setting_number - 1, place), texts


@fact
def act_by(f: Facts) -> Array:
    """The last day to act, NaT where nobody needs to: CATALOGUE §3, act_by."""
    now, if_wrong, in_time = (by_status(f, "act_by", of) for of in ("now", "if_wrong", "deadline"))
    found = np.where(now | (if_wrong & (f.works_no | f.setting_error)), f.as_of, NEVER)
    deadline = np.datetime64(f.calendar.last_day_to_migrate(f.day), "s")
    last = np.where(np.isnat(f.works_until), deadline, np.minimum(deadline, f.works_until - DAY))
    last = np.where(f.works_no, f.as_of, np.maximum(last, f.as_of))
    return np.where(f.excused, NEVER, np.where(in_time, last, found))


@fact
def family_of_key(f: Facts) -> Array:
    """The number of every key's colour family: it follows whether the code works, and whether it needs action.

    What is accepted asks for nothing; a code that works and has a wrong setting is to be checked.
    """
    names = list(FAMILIES)
    table = np.array([[names.index(family(code, word)) for word in WORKS] for code in STATUSES])
    found = np.where(f.excused, names.index("nothing"), table[f.status, f.works])
    is_safe = np.isin(found, [names.index(name) for name in ("works", "done", "nothing")])
    return np.where(f.needs & is_safe, names.index("check"), found)


@fact
def group(f: Facts) -> Array:
    """The number of every key's group of the first screen (GROUPS)."""
    is_dead, is_unknown = (f.family_of_key == list(FAMILIES).index(name) for name in ("dead", "unknown"))
    out, unknown, due, settled = map(list(GROUPS).index, ("locked out now", "not known", "due", "settled"))
    return np.select([is_dead, is_unknown, f.needs], [out, unknown, due], settled)


@fact
def order(f: Facts) -> Array:
    """The keys in the one order of urgency: act_by, who is locked out, status, pool, then code, file and row. For tables only."""
    urgency = np.array([URGENCY.index(code) for code in STATUSES])[f.status]
    day = Coded.ordered(f.act_by)
    act_by = np.where(day.filled, day.codes, len(day.values))
    pool = np.where(f.home_pool < 0, f.pool_count, f.home_pool)
    return np.argsort(combined(act_by, ~f.locked_out, urgency, pool, f.rank_of_code))  # no two have one rank
