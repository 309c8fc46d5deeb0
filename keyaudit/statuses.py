"""The status table: facts → status → does it work → next step. First match wins. (CATALOGUE §3)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Mask: Any = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Facts:
    """What the exports prove of every key, each a boolean array over the keys; and of the day."""

    readable: Mask
    in_pool: Mask
    in_course_keys: Mask
    redeemed: Mask
    here: Mask  # in_now = yes
    gone: Mask  # in_now = no
    in_two_pools: Mask  # unredeemed in the latest exports of two or more pools
    in_two_entries: Mask  # in two entries of one course-key file
    course_differs: Mask
    has_lookalike: Mask  # exactly one course key in no pool is its lookalike
    not_distributed: Mask
    expired_unannounced: Mask  # its pool expired before the sunset was announced
    pool_expired: Mask  # its pool's expiry has come
    stray: Mask  # a course key in no pool that is the lookalike of an altered key
    begun: Mask  # its pool is begun
    used: Mask  # the course key has been used at least once
    works_no: Mask  # filled in once works is known
    works_unknown: Mask
    logged: Mask  # the log names it
    course_keys_given: bool
    is_read_only: bool
    is_removed: bool


@dataclass(frozen=True)
class Step:
    """A next step and when it applies; the first that applies is taken."""

    text: str
    when: Callable[[Facts], Mask] | None = None


@dataclass(frozen=True)
class Status:
    """One row of CATALOGUE §3. `works_by` says which place decides; `act_by` is now, deadline, if_no or never."""

    code: str
    family: str
    when: str
    rule: Callable[[Facts], Mask]
    steps: tuple[Step, ...]
    works_by: str
    act_by: str
    reason: str


REISSUE = "Ask the learner to redeem it in the pool before the removal, or issue a new course key."

STATUSES = {
    status.code: status
    for status in (
        Status(
            "undetermined",
            "check",
            "the code in the pool export is not readable; or no course-key file was given, the key is unredeemed, and it is "
            "gone from its pool or the removal date has come",
            lambda f: (
                ~f.readable
                | (f.in_pool & ~f.redeemed & (f.gone | np.bool_(f.is_removed)) & np.bool_(not f.course_keys_given))
            ),
            (
                Step("Find the code in the raw CSV or with the learner.", lambda f: ~f.readable),
                Step("Export Find Course Assignment Keys and audit again."),
            ),
            "none",
            "now",
            "The exports do not show what became of it.",
        ),
        Status(
            "redeemed_recreated",
            "check",
            "redeemed in a pool and in course keys",
            lambda f: f.redeemed & f.in_pool & f.in_course_keys,
            (
                Step("It was used as a course key too: review the second invoice.", lambda f: f.used),
                Step("Delete the course key: its learner has already redeemed it."),
            ),
            "course_key",
            "now",
            "It was redeemed in its pool, and it exists as a course key.",
        ),
        Status(
            "duplicate",
            "check",
            "unredeemed in the latest exports of two or more pools; or still in its pool and in course keys; or in two "
            "entries of one course-key file",
            lambda f: f.in_two_pools | (f.here & f.in_course_keys) | f.in_two_entries,
            (
                Step(
                    "A code is unique in the TMS, so first suspect an old file: export both places again. Only if both "
                    "still show it: delete the unused copy outside the right course, or ask Support."
                ),
            ),
            "places",
            "now",
            "The exports show it in two places, and the TMS allows one.",
        ),
        Status(
            "wrong_course",
            "dead",
            "in course keys, both courses known, and they differ",
            lambda f: f.in_pool & f.in_course_keys & f.course_differs,
            (
                Step(
                    "Give the learner the right course; cancel the wrong assignment within 24 hours if no lab was "
                    "launched, later ask Support.",
                    lambda f: f.used,
                ),
                Step("Delete the course key and recreate it under the pool's course."),
            ),
            "course_key",
            "now",
            "It was recreated under another course than its pool's.",
        ),
        Status(
            "migrated",
            "works",
            "in course keys",
            lambda f: f.in_pool & f.in_course_keys,
            (
                Step("Extend the course key's expiration, or issue a new key.", lambda f: f.works_no),
                Step("Export Find Course Assignment Keys with Uses and Expires shown.", lambda f: f.works_unknown),
                Step("Nothing."),
            ),
            "course_key",
            "if_no",
            "It is a course key.",
        ),
        Status(
            "redeemed",
            "done",
            "redeemed, not in course keys",
            lambda f: f.redeemed & f.in_pool,
            (Step("Keep the record."),),
            "used",
            "never",
            "A learner redeemed it in its pool.",
        ),
        Status(
            "altered",
            "dead",
            "not in course keys, but exactly one course key in no pool is its lookalike",
            lambda f: f.in_pool & f.has_lookalike,
            (
                Step("Its pool is removed: issue a new course key.", lambda f: ~f.gone & np.bool_(f.is_removed)),
                Step(REISSUE, lambda f: ~f.gone & np.bool_(f.is_read_only)),
                Step(
                    "Compare the two. If the stray is unused and nobody was sent it, delete it; delete the exact code from "
                    "the pool if it is still there, and recreate it."
                ),
            ),
            "pool",
            "now",
            "It was recreated with damage: one course key in no pool looks like it.",
        ),
        Status(
            "undistributed",
            "nothing",
            "the distribution log shows that nobody was sent it",
            lambda f: f.in_pool & f.not_distributed,
            (Step("Nothing; do not recreate it."),),
            "pool",
            "never",
            "Nobody was sent it.",
        ),
        Status(
            "missing",
            "dead",
            "gone from its pool, and not in course keys",
            lambda f: f.in_pool & f.gone & ~f.in_course_keys & np.bool_(f.course_keys_given),
            (Step("Recreate it today as a course key; else issue a new key to the learner."),),
            "pool",
            "now",
            "It left its pool and never arrived in course keys.",
        ),
        Status(
            "expired",
            "nothing",
            "its pool expired before the sunset was announced",
            lambda f: f.in_pool & f.expired_unannounced,
            (Step("Let it rest, or issue a new key."),),
            "pool",
            "never",
            "Its pool had expired before the end of the pools was announced.",
        ),
        Status(
            "lapsed",
            "dead",
            "the read-only date has come and the code no longer works in its pool (removed, or expired)",
            lambda f: f.in_pool & np.bool_(f.is_read_only) & (np.bool_(f.is_removed) | f.pool_expired),
            (
                Step(
                    "Check Find Course Assignments that the learner has not redeemed since the last pool export; if not, "
                    "issue a new course key."
                ),
            ),
            "pool",
            "now",
            "Its pool ended before it was migrated.",
        ),
        Status(
            "to_migrate",
            "todo",
            "every other key in a pool",
            lambda f: f.in_pool,
            (
                Step(REISSUE, lambda f: np.full(len(f.begun), f.is_read_only)),
                Step(
                    "Migrate it: delete it from the pool and recreate it as a course key.", lambda f: f.here | ~f.begun
                ),
                Step("Export the pool now: if it is still there, migrate it; if it is gone, recreate it today."),
            ),
            "pool",
            "deadline",
            "It exists only in its pool.",
        ),
        Status(
            "stray",
            "check",
            "a course key in no pool that is the lookalike of an altered key",
            lambda f: f.stray,
            (
                Step("Leave it: someone holds it.", lambda f: f.used | f.logged),
                Step("Delete it."),
            ),
            "course_key",
            "now",
            "It is in no pool, and it looks like a key that was altered.",
        ),
        Status(
            "new",
            "works",
            "every other course key in no pool",
            lambda f: ~f.in_pool,
            (Step("Nothing: it is not part of the migration."),),
            "course_key",
            "never",
            "It is a course key in no pool.",
        ),
    )
}

# Colours by family, the same in every view. (look/README.md)
FAMILIES = {
    "todo": ("#D55E00", "#B84F00", "still to do"),
    "dead": ("#5A0F3D", "#5A0F3D", "dead"),
    "check": ("#E9B000", "#8A6800", "to be checked"),
    "works": ("#12877A", "#0E6E64", "works"),
    "done": ("#9FB8CE", "#4F7291", "done"),
    "nothing": ("#E1E5EA", "#66727F", "nothing owed"),
}

WORKS = ("yes", "used", "unknown", "not_yet", "no")  # best first

WORKS_MEANING = {
    "yes": "a learner who redeems it on the as-of date gets in",
    "used": "it has been redeemed",
    "unknown": "the exports do not tell",
    "not_yet": "its pool has not started",
    "no": "the learner gets an error",
}


def assign_statuses(facts: Facts) -> npt.NDArray[np.int64]:
    """The number of each key's status (a place in STATUSES): the first row whose rule holds."""
    return np.select([status.rule(facts) for status in STATUSES.values()], list(range(len(STATUSES))), default=-1)


def next_steps(facts: Facts, status: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """The next step of every key: the first step of its status that applies."""
    result = np.full(len(status), "", dtype=object)
    for number, row in enumerate(STATUSES.values()):
        open_ = status == number
        for step in row.steps:
            applies = open_ if step.when is None else open_ & step.when(facts)
            result[applies] = step.text
            open_ = open_ & ~applies
    return result
