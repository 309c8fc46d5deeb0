"""Migrations whose exports are of different moments, made by the model of the TMS; and somebody who follows their plan.

Between the exports learners redeem and administrators migrate, undo, misplace and forget; so an export is old where the
other is new. What the audit says of a key that nothing befell since is exact; what the plan says must hurt nobody.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from migrations import Tables

from keyaudit.plan import MigrationPlan
from keyaudit.rehearsal import DAMAGE, DAY, LEARNERS, LOG_HEADER, Refused, Tms, migrate

STARTS = ("2026-03-20", "2026-04-06", "2026-04-30", "2026-05-21", "2026-10-30")  # around each deadline, and long after
ROUNDS = 9  # of acts and exports, a day or two apart
KINDS = ("case", "confusable", "extra", "cut", "typo", "whitespace")


@dataclass
class LateCase:
    """The exports, the TMS behind them, and what the exports cannot know.

    `moment`: of every export the round it was made in; `befell`: the last round in which something befell a code (or the code it
    was made from, `source`); `pool_of`: the pool a code was generated in.
    """

    tms: Tms
    tables: Tables = field(default_factory=dict)
    moment: dict[str, int] = field(default_factory=dict)
    befell: dict[str, int] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    pool_of: dict[str, str] = field(default_factory=dict)
    round: int = 0

    def act(self, codes: Iterable[str], act: Callable[[], object]) -> None:
        """Let somebody do something with codes; what the TMS refuses has not happened."""
        try:
            act()
        except Refused:
            return
        self.befell |= {self.source.get(code, code): self.round for code in codes}

    def export(self, name: str, rows: Callable[[], list[list[object]]]) -> None:
        """Make an export, unless the TMS no longer has what it is of."""
        try:
            self.tables[name] = rows()
        except KeyError:
            return
        self.moment[name] = self.round

    def is_settled(self, code: str) -> bool:
        """Has nothing befallen a code since the older of the latest exports that could show it?"""
        pool = self.pool_of.get(self.source.get(code, code))
        shown = [self.moment.get(f"pools-now/{pool}", self.moment.get(f"pools-before/{pool}", 0))] if pool else []
        keys = max((moment for name, moment in self.moment.items() if name.startswith("course-keys")), default=0)
        return self.befell.get(self.source.get(code, code), 0) <= min([*shown, keys])


def late_migration(seed: int) -> LateCase:
    """One to three pools, exported and migrated bit by bit, in an order that chance makes."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    start = dt.date.fromisoformat(chance.choice(STARTS))
    late = LateCase(tms := Tms(dt.date(2025, 10, 1), seed))
    pools = [f"Pool {number}" for number in range(chance.randint(1, 3))]
    for number, name in enumerate(pools):
        ends = chance.choice([start + chance.randint(4, 60) * DAY, dt.date(2026, 12, 31), dt.date(2026, 12, 31)])
        tms.create_pool(name, f"Course {number}", "O", None, ends)
        late.pool_of |= dict.fromkeys(tms.generate_keys(name, chance.randint(4, 10)), name)
    tms.create_course_keys("Own", "Course 0", "O", ["OWN-KEY-1"], dt.date(2027, 6, 30))
    codes = list(late.pool_of)
    tms.send(chance.sample(codes, chance.randint(1, len(codes))))
    early = min(start, dt.date(2026, 5, 1))
    tms.wait_until(early - 2 * DAY)
    for code in chance.sample(codes, len(codes) // 5):
        tms.redeem(code, "Early")
    for name in pools:
        late.export(f"pools-before/{name}", partial(tms.export_pool, name))
    tms.wait_until(early - DAY)
    exports = {f"pools-now/{name}": partial(tms.export_pool, name) for name in pools if chance.random() < 0.8}
    exports |= {"course-keys/keys 1": tms.export_course_keys}
    if chance.random() < 0.3:
        exports["course-keys/keys 2"] = tms.export_course_keys
    when = {name: chance.randint(1, ROUNDS - 1) for name in exports}
    if "course-keys/keys 2" in when:
        when["course-keys/keys 2"] = chance.randint(when["course-keys/keys 1"], ROUNDS - 1)
    for late.round in range(1, ROUNDS):
        for _ in range(chance.randint(0, 5)):
            _something(late, chance)
        for name, rows in exports.items():
            if when[name] == late.round:
                late.export(name, rows)
        tms.wait_until(max(tms.today + chance.randint(0, 2) * DAY, start if late.round == ROUNDS // 2 else tms.today))
    late.round = ROUNDS
    if "course-keys/keys 1" not in late.tables:
        late.export("course-keys/keys 1", tms.export_course_keys)
    if chance.random() < 0.5:
        sent = [[code, day, learner] for code, day, learner in tms.sent]
        late.tables["distribution/sent"] = [list(LOG_HEADER), *sent]
    if chance.random() < 0.3:
        late.tables["course-assignments/all"] = tms.export_assignments()
    return late


def _something(late: LateCase, chance: random.Random) -> None:
    """One thing that learners or administrators do."""
    tms, codes = late.tms, list(late.pool_of)
    what = chance.choice(("redeem", "redeem", "migrate", "migrate", "undo", "remove", "restore"))
    few = chance.sample(codes, chance.randint(1, min(5, len(codes))))
    if what == "redeem":
        code = chance.choice([*few, *tms.course_keys])  # also a damaged one: somebody was told it on the telephone
        late.act([code], lambda: tms.redeem(code, chance.choice(LEARNERS)))
    elif what == "migrate" and tms.pools:
        pool = chance.choice(list(tms.pools))
        moved = [code for code in few if code in tms.pools[pool].unredeemed()]
        kinds = {code: chance.choice(KINDS) for code in moved if chance.random() < 0.2}
        damage = {code: kind for code, kind in kinds.items() if DAMAGE[kind](code) != code}
        late.source |= {DAMAGE[kind](code): code for code, kind in damage.items()}
        forget = [code for code in moved if chance.random() < 0.15]
        course = tms.pools[pool].course if chance.random() < 0.85 else "Another course"
        ends = chance.choice([dt.date(2026, 12, 31), None, tms.today + chance.randint(2, 40) * DAY])
        late.act(moved, lambda: migrate(tms, pool, moved, ends, forget=forget, damage=damage, course=course))
    elif what == "undo":
        back = [code for code in few if code in tms.course_keys and not tms.course_keys[code].uses]
        by_pool = {name: [code for code in back if late.pool_of[code] == name] for name in tms.pools}
        for name, own in by_pool.items():
            late.act(own, lambda name=name, own=own: _put_back(tms, name, own))
    elif what == "remove":
        own = [code for code in few[:2] if code in tms.course_keys]  # also used ones: somebody tidies up
        late.act(own, lambda: tms.delete_course_keys(own))
    elif what == "restore":
        late.act(few[:1], lambda: tms.create_course_keys("Restored", "Course 0", "O", few[:1], dt.date(2026, 12, 31)))


def _put_back(tms: Tms, pool: str, codes: list[str]) -> None:
    tms._editable(pool)
    tms.delete_course_keys(codes)
    tms.add_keys(pool, codes)


def follow(plan: MigrationPlan, late: LateCase, looks: bool = True) -> set[str]:
    """Do what the steps of a plan say; the TMS refuses nothing to whoever looks first, as every step says.

    Returns the codes whose learners get a new key.
    Somebody who does not look (`looks` false) deletes and pastes what the lists say.
    """
    tms = late.tms
    redeemed = {late.source.get(one.code, one.code) for one in tms.assignments}  # in Find Course Assignments
    redeemed = {one.code for one in tms.assignments} | redeemed if looks else set()
    missing = set(plan.keys.loc[plan.keys["action"] == "recreate", "training_key"])
    for pool in dict.fromkeys(step.pool for step in plan.step_rows):
        on_list, left = partial(plan.codes, pool), set[str]()
        held = tms.pools[pool].keys if pool in tms.pools and tms.today < tms.calendar.read_only else {}
        for code in on_list("delete after comparing") + on_list("delete course keys"):
            if code in tms.course_keys and not (looks and tms.course_keys[code].uses):
                tms.delete_course_keys([code])
            else:
                left.add(code)
        for code in on_list("delete from the pool"):
            if code in held and not (looks and held[code].redeemed):
                tms.delete_keys(pool, [code])
            else:
                left.add(code)
        paste = [code for code in on_list("paste") if code not in left and not (code in missing and code in redeemed)]
        for code in on_list("paste after comparing"):
            if code in held and not (looks and held[code].redeemed):
                tms.delete_keys(pool, [code])
            if code not in redeemed:
                paste.append(code)
        known = {*tms.course_keys, *(code for one in tms.pools.values() for code in one.keys)}
        free = [code for code in paste if code not in known]  # of the others the TMS says that they exist already
        tms.create_course_keys(f"{pool} again", pool, "O", free, dt.date(2027, 6, 30))
    owed = set(plan.keys.loc[plan.keys["action"] == "reissue", "training_key"])
    return {code for code in owed if not (looks and (code in tms.course_keys or code in redeemed))}
