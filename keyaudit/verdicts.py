"""Facts → the verdict on every key: status, does it work, until when, what to do, by when. (CATALOGUE §3)"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keyaudit import links, settings  # noqa: F401 - their facts
from keyaudit.coded import Array
from keyaudit.facts import NEVER, NO, UNKNOWN, By, Facts, fact, named, of_file
from keyaudit.rulebook import (
    FAMILIES,
    FINDINGS,
    SEVERITIES,
    STATUS,
    STATUSES,
    URGENCY,
    WORKS,
    Status,
    Step,
    family,
    holds,
    severity_of,
)

NUMBER = {code: number for number, code in enumerate(STATUSES)}
W_YES, W_USED, W_UNKNOWN, W_NOT_YET, W_NO = range(len(WORKS))
DAY = np.timedelta64(1, "D").astype("timedelta64[s]")
FOREVER = np.datetime64(2**62, "s")


@fact
def status(f: Facts) -> Array:
    """The number of each key's status (a place in STATUSES): the first row whose rule holds."""
    rules = [np.broadcast_to(holds(row.rule, f), f.keys) for row in STATUSES.values()]
    return np.select(rules, list(range(len(rules))), default=-1)


for _number, _code in enumerate(STATUSES):
    named(f"status_{_code}", lambda f, number=_number: f.status == number)  # type: ignore[misc]


@fact
def is_lookalike(f: Facts) -> Array:
    """A course key in no pool that is the lookalike of an altered key."""
    earlier = [row.rule for row in list(STATUSES.values())[: NUMBER[STATUS.altered]]]
    is_altered = f.has_lookalike & ~np.any([np.broadcast_to(holds(rule, f), f.keys) for rule in earlier], axis=0)
    return ~f.in_pool & f.of_key(f.link, is_altered, False)


@fact
def works(f: Facts) -> Array:
    """The place in WORKS of every key."""
    return f.working[0]


@fact
def works_until(f: Facts) -> Array:
    """The first date it no longer works, NaT for no end, and where it does not work or is used."""
    return f.working[1]


@fact
def working(f: Facts) -> tuple[Array, Array]:
    """Does every key work, and until when: by the place its status names."""
    by = np.array([row.works_by for row in STATUSES.values()], dtype=object)[f.status]
    found, until = np.full(f.keys, W_UNKNOWN), np.full(f.keys, NEVER)
    found[by == "used"] = W_USED
    place_works, place_until = f.by_its_pool
    entry = np.flatnonzero(by == "course_key")
    row_works, row_until = _by_course_key(f, f.course_row[entry], f.uses[entry], entry)
    found[entry], until[entry] = row_works, row_until
    pooled, several = by == "pool", by == "places"
    may_hold = f.place_in_now != NO
    chosen = pooled[f.place_key] & (may_hold | ~f.places.any(may_hold)[f.place_key])
    best, last = _best(f.keys, f.place_key[chosen], place_works[chosen], place_until[chosen])
    found[pooled], until[pooled] = best[pooled], last[pooled]
    if several.any():
        key, what, end = _places_of(f, several, place_works, place_until)
        best, last = _best(f.keys, key, what, end)
        found[several], until[several] = best[several], last[several]
    until[(found != W_YES) & (found != W_NOT_YET)] = NEVER
    return found, until


@fact
def by_its_pool(f: Facts) -> tuple[Array, Array]:
    """Of every place: does its pool let the key work, and until when; the rows of CATALOGUE §3 in order."""
    (expires, is_known, _), (starts, starts_known, _) = f.place_expires, f.place_starts
    begun = f.pool_begun[f.place_pool]
    shows_start = f.column("starts_on").filled.any()
    found = np.select(
        [
            f.place_in_now == NO,
            np.broadcast_to(f.is_removed, len(expires)),
            is_known & (expires <= f.as_of),
            (f.place_in_now == UNKNOWN) & begun,
            ~is_known | f.redemption_hidden,
            ~starts_known & shows_start & f.starts_illegible,
            starts_known & (f.as_of < starts),
        ],
        [W_NO, W_NO, W_NO, W_UNKNOWN, W_UNKNOWN, W_UNKNOWN, W_NOT_YET],
        default=W_YES,
    )
    removed = np.datetime64(f.calendar.removed, "s")
    return found, np.where(is_known, np.fmin(expires, removed), removed)


@fact
def starts_illegible(f: Facts) -> Array:
    """Of every place: its pool has a start that cannot be read."""
    bad = f.column("starts_on").filled & np.isnat(f.dates("starts_on"))
    return By(f.pool, f.pool_count).any(bad)[f.place_pool]


def _by_course_key(f: Facts, row: Array, uses: Array, key: Array) -> tuple[Array, Array]:
    """By its course key: does the entry of a record let the key work, and until when; the rows of CATALOGUE §3 in order."""
    allowed, expires = f.row_max[row], f.dates("expires_on")[row]
    illegible = f.column("expires_on").filled[row] & np.isnat(expires)
    shown = f.shows("uses")[row] & ~np.isnan(f.row_uses[row])
    doubted = of_file(f, lambda file: file.padding_doubted)[row]
    found = np.select(
        [
            np.nan_to_num(uses) >= np.where(np.isnan(allowed), np.inf, np.where(np.isinf(allowed), 1e18, allowed)),
            expires <= f.as_of,
            ~shown | ~f.shows("expires_on")[row] | illegible,
            np.isnan(allowed) & (uses > 0),
            f.course_key_gone[key] | doubted,
        ],
        [W_USED, W_NO, W_UNKNOWN, W_UNKNOWN, W_UNKNOWN],
        default=W_YES,
    )
    return found, expires


def _places_of(f: Facts, several: Array, place_works: Array, place_until: Array) -> tuple[Array, Array, Array]:
    """The places of duplicates: each course-key entry (its last record, its largest uses), each pool that shows it now."""
    rows, entry = f.entries
    by_entry = By(np.full(f.records, -1), int(entry.max(initial=-1)) + 1)
    by_entry.group[rows] = entry
    all_rows = f.course_rows & (f.key >= 0)
    last = by_entry.most(f.file_rank, all_rows, -1)
    most_uses = by_entry.most(f.row_uses, all_rows, np.nan)
    counted = _learners_of_entry(f, by_entry)
    uses = np.where(
        by_entry.group >= 0,
        np.append(np.fmax(most_uses, counted), np.nan)[by_entry.group],
        np.append(f.uses, np.nan)[f.key],
    )
    shown = np.flatnonzero(all_rows & np.append(several, False)[f.key])
    shown = shown[(by_entry.group[shown] < 0) | (f.file_rank[shown] == np.append(last, -1)[by_entry.group[shown]])]
    row_works, row_until = _by_course_key(f, shown, uses[shown], f.key[shown])
    held = np.flatnonzero(several[f.place_key] & f.place_latest)
    key = np.concatenate([f.key[shown], f.place_key[held]])
    return key, np.concatenate([row_works, place_works[held]]), np.concatenate([row_until, place_until[held]])


def _learners_of_entry(f: Facts, by_entry: By) -> Array:
    """Uses counted as rows with a learner, the most of any file; NaN where no row is one."""
    rows = np.flatnonzero(f.is_use & (by_entry.group >= 0))
    pair, counts = np.unique(by_entry.group[rows] * max(len(f.files), 1) + f.file[rows], return_counts=True)
    found = np.full(by_entry.size, np.nan)
    np.fmax.at(found, pair // max(len(f.files), 1), counts.astype(float))
    return found


def _best(keys: int, key: Array, works: Array, until: Array) -> tuple[Array, Array]:
    """A key works as the best of its places does, as long as the longest of those."""
    best = np.full(keys, len(WORKS))
    np.minimum.at(best, key, works)
    is_best = works == best[key]
    longest = np.full(keys, np.datetime64(-(2**62), "s"))
    np.maximum.at(longest, key[is_best], np.where(np.isnat(until), FOREVER, until)[is_best])
    return best, np.where(longest == FOREVER, NEVER, longest)


named("works_yes", lambda f: f.works == W_YES)
named("works_unknown", lambda f: f.works == W_UNKNOWN)
named("works_no", lambda f: f.works == W_NO)


@fact
def ends_soon(f: Facts) -> Array:
    """It stops working within 7 days."""
    return f.works_until <= f.as_of + 7 * DAY


# --- what to do, by when ---


@fact
def setting_findings(f: Facts) -> list[tuple[str, Array]]:
    """The findings about settings of migrated keys that make work: code, and the keys. The worst first."""
    rows = [row for row in FINDINGS.values() if row.setting and row.of == "key"]
    return [(row.code, np.broadcast_to(holds(row.rule, f), f.keys)) for row in rows]


@fact
def setting_number(f: Facts) -> Array:
    """The first critical or error finding about a setting of its course key, its number from 1; 0 for none."""
    found = np.zeros(f.keys, dtype=np.int64)
    for number, (code, mask) in reversed(list(enumerate(f.setting_findings, start=1))):
        of = np.flatnonzero(mask)
        bad = severity_of(FINDINGS[code], f.period, f, of) <= SEVERITIES.index("error")
        found[of[bad]] = number
    return found


@fact
def setting_error(f: Facts) -> Array:
    """A setting of its course key is wrong."""
    return f.setting_number > 0


def _chosen(f: Facts, texts: Callable[[Status], Sequence[tuple[str, Any]]]) -> tuple[Array, list[Any]]:
    """Of every key the first of its status' texts that applies: a place among those of all statuses."""
    found, every = np.full(f.keys, -1), []
    for number, row in enumerate(STATUSES.values()):
        of, known = np.flatnonzero(f.status == number), texts(row)
        if len(of):
            masks = [np.broadcast_to(holds(when, f, of), len(of)) for when, _ in known]
            found[of] = len(every) + np.select(masks, list(range(len(masks))))
        every += [told for _, told in known]
    return found, every


@fact
def step(f: Facts) -> tuple[Array, list[Step]]:
    """The next step of every key, as a place in a list of steps."""
    return _chosen(f, lambda row: [(step.when, step) for step in row.steps])


@fact
def reason(f: Facts) -> tuple[Array, list[str]]:
    """What happened to every key, as a place in a list of sentences."""
    return _chosen(f, lambda row: row.reasons)


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
    rule = np.array([row.act_by for row in STATUSES.values()], dtype=object)[f.status]
    wrong = (f.works == W_NO) | f.setting_error
    found = np.where((rule == "now") | ((rule == "if_wrong") & wrong), f.as_of, NEVER)
    deadline = np.datetime64(f.calendar.last_day_to_migrate(f.day), "s")
    last = np.where(np.isnat(f.works_until), deadline, np.minimum(deadline, f.works_until - DAY))
    last = np.where(f.works == W_NO, f.as_of, np.maximum(last, f.as_of))
    return np.where(f.excused, NEVER, np.where(rule == "deadline", last, found))


named("needs", lambda f: ~np.isnat(f.act_by))


@fact
def family_of_key(f: Facts) -> Array:
    """The number of every key's colour family: it follows whether the code works. (What is accepted asks for nothing.)"""
    names = list(FAMILIES)
    table = np.array([[names.index(family(code, word)) for word in WORKS] for code in STATUSES])
    return np.where(f.excused, names.index("nothing"), table[f.status, f.works])


@fact
def group(f: Facts) -> Array:
    """The number of every key's group of the first screen (GROUPS): locked out, due, not known, settled."""
    kind = f.family_of_key
    dead, unknown = (kind == list(FAMILIES).index(name) for name in ("dead", "unknown"))
    return np.select([dead, unknown, f.needs], [0, 2, 1], default=3)


@fact
def order(f: Facts) -> Array:
    """The keys in the one order of urgency: act_by, status, pool, then code, file and row. Done once, when a table is asked for."""
    urgency = np.array([URGENCY.index(code) for code in STATUSES])[f.status]
    never = np.datetime64(2**62, "s")
    days = np.where(np.isnat(f.act_by), never, f.act_by)
    day = np.unique(days, return_inverse=True)[1].astype(np.int64)
    pool = np.where(f.home_pool < 0, f.pool_count, f.home_pool)
    group = (day * len(URGENCY) + urgency) * (f.pool_count + 1) + pool
    return np.argsort(group * f.keys + f.rank_of_code, kind="stable")
