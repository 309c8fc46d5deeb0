"""Exports of different moments: what the audit may say of them, and that the plan made from them hurts nobody."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from conftest import audit, verdicts
from late import LateCase, follow, late_migration
from migrations import write_case

from keyaudit.plan import WORDS, MigrationPlan, migration_plan
from keyaudit.rehearsal import DAY
from keyaudit.rulebook import STATUSES

SEEDS = [*range(30), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(30, 300))]


def proves_nothing(late: LateCase, code: str) -> bool:
    """Was its pool not exported again (a copy of the backup is no later export), or is it in the earlier course-key file alone?"""
    pool = late.pool_of.get(code)
    now, last = late.tables.get(f"pools-now/{pool}"), late.tables.get("course-keys/keys 2")
    is_lost = last is not None and code not in {row[0] for row in last}
    return is_lost or now is None or now == late.tables[f"pools-before/{pool}"]


def those_hurt(plan: MigrationPlan, late: LateCase, looks: bool = True) -> list[tuple[str, str]]:
    """Whom following the plan locks out; whose code can be redeemed a second time after it and could not before; who gets a
    new key and has got in, or holds one that works."""
    tms = late.tms
    used = {late.source.get(one.code, one.code) for one in tms.assignments}
    before = {code: tms.would_work(code) for code in late.pool_of}
    issued = follow(plan, late, looks)
    after = {code: tms.would_work(code) for code in late.pool_of}
    locked_out = [
        ("locked out", code) for code, works in before.items() if works and not after[code] and code not in used
    ]
    twice = [("twice", code) for code in used & set(after) if after[code] and not before[code]]
    return locked_out + twice + [("two keys", code) for code in issued if code in used or after[code]]


@pytest.mark.parametrize("seed", SEEDS)
def test_late_exports_mislead_nobody(seed: int, tmp_path: Path) -> None:
    """Of a key that nothing befell since its exports `works` is what redeeming does; the plan, followed to the letter on
    that day or the next, locks nobody out, lets nothing be billed twice, and is refused nothing."""
    late = late_migration(seed)
    result = audit(write_case(tmp_path / "case", late.tables), late.tms.today.isoformat())
    status, plan = verdicts(result), migration_plan(result)
    wrong = {
        (status[code], says, late.tms.would_work(code))
        for code, says in verdicts(result, "works").items()
        if late.is_settled(code)
        if not (
            proves_nothing(late, late.source.get(code, code))
            if says == "unknown"
            else (says == "yes") == late.tms.would_work(code)
        )
    }
    assert wrong == set()
    for days in (0, 1):
        world = copy.deepcopy(late)
        world.tms.wait_until(world.tms.today + days * DAY)
        assert those_hurt(plan, world) == []


def test_who_does_not_look_bills_twice(tmp_path: Path) -> None:
    """The conditions of the steps are what protects: without them some of these plans let a code be redeemed again."""
    hurt = []
    for seed in (1, 5, 7, 16, 64):
        late = late_migration(seed)
        result = audit(write_case(tmp_path / str(seed), late.tables), late.tms.today.isoformat())
        hurt += those_hurt(migration_plan(result), late, looks=False)
    assert {kind for kind, _ in hurt} == {"twice", "two keys"}


@pytest.mark.parametrize(
    ("step", "condition"),
    [
        ("delete from the pool", "but for those that show a redemption there now"),
        ("delete from the pool", "If the pool cannot be edited any more, stop"),
        ("delete course keys", "each only if its uses are still 0"),
        ("delete after comparing", "its uses are still 0"),
        ("paste", "Leave out a code that you have not deleted because it was redeemed or used meanwhile"),
        ("gone", "Find Course Assignments shows no redemption"),
        ("paste after comparing", "leave out one whose learner has got in with the lookalike"),
        ("free", "leave it, and do not paste it, if it shows a redemption there"),
        ("reissue", "whether the code stands there by now"),
        ("reissue", "only if neither, create"),
    ],
)
def test_a_step_says_what_to_look_at_before(step: str, condition: str) -> None:
    """What `follow` looks at is what the plan says."""
    assert condition in WORDS[step]


def test_every_next_step_that_deletes_or_pastes_has_a_condition() -> None:
    """The same for one key: nothing is deleted, recreated or reissued on an old export's word."""
    for row in STATUSES.values():
        for step in row.steps:
            if step.lists or step.action in ("reissue", "remind"):
                looks = ("still 0", "still unredeemed", "shows no redemption", "nobody has got in", "only if neither", "Only if they cannot")  # fmt: skip
                assert any(words in step.text for words in looks), step.text
