"""What to do in the TMS, key by key: batches with the settings to type, lists to delete and to paste, people to tell.

Which keys stand on which list is said by the steps of the rule book. The vendor's procedure (DOMAIN §3) gives the order: back
up, delete, recreate, count, export again, expire the pool.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from keyaudit.audit import Audit
from keyaudit.coded import Array
from keyaudit.facts import Facts, at
from keyaudit.masking import ending
from keyaudit.rulebook import ACTIONS, ADD, ASSIGNMENTS, KEYS, LISTS, POOL, STATUSES
from keyaudit.settings import of_pools
from keyaudit.tallies import NO_POOL
from keyaudit.words import are, count, listed, plain, sentence, weekday

if TYPE_CHECKING:
    import pandas as pd

SOON = 30  # days: a pool that ends sooner gives no expiration for its keys
SETTINGS = ("name", "course", "organization", "expiration", "max_uses", "content_availability", "any_organization")
ASK_COURSE = "ask whoever ordered the keys: no export says it"
TICK = "tick Redeemable by any student regardless of organization (the pool was open to everyone using its organization; ticking opens the key to students of every organization: ask first)"
LOGIN = "the address of your training site's login page"
THREE_STEPS = (
    "1. Sign in (new learners: create an account). 2. Choose Redeem Training Key. 3. Enter the key exactly as it stands, in "
    "upper and lower case, without blanks. If you already have an account, sign in first and do not use the training key field "
    "of the login page: it is for people who have no account yet."
)
LETTER = "Your training key{ending} for {course} no longer works; here is a new one. " + THREE_STEPS
REMINDER = (
    "Please redeem your training key{ending} for {course} before {until}: it stops working on that day. " + THREE_STEPS
)
FORMULA_LIKE = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Batch:
    """The keys to recreate of one pool: the settings of the form, and how many stand on each list."""

    pool: str
    settings: Mapping[str, str]
    on_list: Mapping[str, int]
    act_by: dt.date | None


@dataclass(frozen=True)
class PlanStep:
    """One line to tick off; `keys` 0: about none in particular."""

    pool: str
    step: int
    what: str
    keys: int


@dataclass(frozen=True)
class Letter:
    """A line of a mail merge: whom to write to, of which key, and the text."""

    learner: str
    course: str
    pool: str
    former_key: str
    new_key: str
    works_until: str
    login_page: str
    text: str


@dataclass(frozen=True)
class MigrationPlan:
    """The remaining work. Shown masked; `lists` hold full codes.

    `batches`: one row per pool with keys to recreate. `keys`: one row per key that needs somebody, with its action.
    `steps`: what to do, pool by pool, in order. `reissue`, `reminders`: whom to write to. `made_from`: the exports.
    """

    title: str
    made_from: tuple[str, ...]
    warnings: tuple[str, ...]
    batch_rows: tuple[Batch, ...]
    step_rows: tuple[PlanStep, ...]
    letters: tuple[Letter, ...]
    reminder_letters: tuple[Letter, ...]
    codes_of: Mapping[tuple[str, str], list[str]] = field(repr=False)
    actions: Mapping[str, int] = field(default_factory=dict)
    key_rows: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)

    def lists(self, what: str) -> dict[str, list[str]]:
        """Pool → its codes on one of LISTS, in the order of its export; pools with none are left out."""
        return {pool: codes for (pool, name), codes in self.codes_of.items() if name == what}

    def codes(self, pool: str, what: str) -> list[str]:
        """The codes of one pool on one of LISTS."""
        return self.codes_of.get((pool, what), [])

    @cached_property
    def batches(self) -> pd.DataFrame:
        """One row per pool with keys to recreate: the form's settings, counts per list, act_by."""
        import pandas as pd

        rows = [{"pool": b.pool, **b.settings, **b.on_list, "act_by": b.act_by} for b in self.batch_rows]
        made = pd.DataFrame(rows, columns=["pool", *SETTINGS, *LISTS, "act_by"])
        return made.astype({"act_by": "datetime64[s]"})

    @cached_property
    def steps(self) -> pd.DataFrame:
        """What to do, pool by pool, in order: pool, step, what, keys."""
        import pandas as pd

        rows = [(step.pool, step.step, step.what, step.keys) for step in self.step_rows]
        return pd.DataFrame(rows, columns=["pool", "step", "what", "keys"])

    @cached_property
    def keys(self) -> pd.DataFrame:
        """One row per key that needs somebody: pool, action, code, reference, status, works, works_until, act_by."""
        import pandas as pd

        names = ["pool", "action", "training_key", "reference", "status", "works", "works_until", "act_by"]
        made = pd.DataFrame(self.key_rows, columns=names)
        return made.astype({"works_until": "datetime64[s]", "act_by": "datetime64[s]"})

    @property
    def reissue(self) -> pd.DataFrame:
        """Learners who need a new key, for a mail merge."""
        return _merge(self.letters)

    @property
    def reminders(self) -> pd.DataFrame:
        """Learners to remind while their key works, for a mail merge."""
        return _merge(self.reminder_letters)

    def __repr__(self) -> str:
        """The counts of every action."""
        width = max(map(len, ACTIONS))
        told = [
            f"  {code:<{width}}  {self.actions[code]:>7,}  {what}"
            for code, what in ACTIONS.items()
            if self.actions.get(code)
        ]
        return "\n".join([self.title, *self.warnings, *told])


def _merge(letters: tuple[Letter, ...]) -> pd.DataFrame:
    import pandas as pd

    names = list(Letter.__dataclass_fields__)
    return pd.DataFrame(
        [[getattr(letter, name) for name in names] for letter in letters], columns=[plain(n) for n in names]
    )


def migration_plan(audit: Audit) -> MigrationPlan:
    """Plan the remaining work of an audit: what to delete, recreate, reissue, in which pool, with which settings."""
    f = audit.facts
    step, steps = f.step
    needing = np.flatnonzero(f.needs)
    pool = np.where(f.home_pool >= 0, f.home_pool, at(f.home_pool, f.link, -1))  # a stray goes with its key
    order = needing[np.lexsort((f.row[f.first_record[needing]], f.file[f.first_record[needing]], pool[needing]))]
    names = np.array([*f.pools.names, NO_POOL], dtype=object)
    work = {
        name: order[pool[order] == number]
        for number, name in zip(np.unique(pool[order]), names[np.unique(pool[order])], strict=True)
    }
    codes_of, odd = _lists(f, work)
    on_list = {name: {what: len(codes_of.get((name, what), ())) for what in LISTS} for name in work}
    due = {name: f.act_by[keys].min().item().date() for name, keys in work.items()}
    batches = tuple(_batches(f, on_list, due))
    acts = {name: _actions(f, keys) for name, keys in work.items()}
    rows = []
    for name in sorted(work, key=lambda name: (due[name], name)):
        batch = next((batch for batch in batches if batch.pool == name), None)
        rows += [PlanStep(name, place, *told) for place, told in enumerate(_steps(audit, name, work[name], acts[name], on_list[name], batch, odd.get(name, [])), start=1)]  # fmt: skip
    totals = {code: sum(act.get(code, 0) for act in acts.values()) for code in ACTIONS}
    left = sum(number for code, number in totals.items() if code != "leave")
    title = f"{count(left)} {'needs' if left == 1 else 'need'} somebody." if left else "Nothing is left to do."
    accepted = (f"{count(audit.excused)} {are(audit.excused)} accepted and left out.",) if audit.excused else ()
    return MigrationPlan(
        title,
        tuple(_made_from(f)),
        (*_doubts(f), *accepted),
        batches,
        tuple(rows),
        tuple(_letters(f, order, "reissue", LETTER)),
        tuple(_letters(f, order, "remind", REMINDER)),
        codes_of,
        totals,
        tuple(_key_rows(f, order, names[pool])),
    )


def _key_rows(f: Facts, order: Array, pool: Array) -> Iterator[tuple[Any, ...]]:
    step, steps = f.step
    works = ("yes", "used", "unknown", "not_yet", "no")
    codes, references = f.codes.take(order).to_pylist(), f.references.take(order).to_pylist()
    for at, key in enumerate(order.tolist()):
        status = list(STATUSES)[f.status[key]]
        yield (
            pool[key],
            steps[step[key]].action,
            codes[at],
            references[at],
            status,
            works[f.works[key]],
            f.works_until[key],
            f.act_by[key],
        )


def _actions(f: Facts, keys: Array) -> dict[str, int]:
    step, steps = f.step
    numbers = np.bincount(step[keys], minlength=len(steps))
    found: dict[str, int] = {}
    for one, number in zip(steps, numbers.tolist(), strict=True):
        if number:
            found[one.action] = found.get(one.action, 0) + number
    return found


def _lists(f: Facts, work: Mapping[str, Array]) -> tuple[dict[tuple[str, str], list[str]], dict[str, list[str]]]:
    """(Pool, list) → codes; and of every pool what is odd about some of them: one that holds a line end stands on no list."""
    step, steps = f.step
    codes_of: dict[tuple[str, str], list[str]] = {}
    odd: dict[str, list[str]] = {}
    for name, keys in work.items():
        for what in LISTS:
            wanted = [number for number, one in enumerate(steps) if what in one.lists]
            mine = keys[np.isin(step[keys], wanted) & f.readable[keys]]
            codes = f.codes.take(mine).to_pylist()
            kept = [code for code in codes if len(code.splitlines()) == 1]
            if len(kept) < len(codes):
                odd.setdefault(name, []).append(f"{count(len(codes) - len(kept), 'code')} of the list `{what}` hold the end of a line and cannot be pasted: type them by hand from the TMS.")  # fmt: skip
            if risky := sum(code.startswith(FORMULA_LIKE) for code in kept):
                odd.setdefault(name, []).append(f"{count(risky, 'code')} of the list `{what}` begin with =, +, - or @: copy them from the text file, never through a spreadsheet.")  # fmt: skip
            if kept:
                codes_of[name, what] = kept
    return codes_of, odd


def _made_from(f: Facts) -> Iterator[str]:
    for role, what in (("pools_now", "later exports"), ("pools_before", "backups"), ("course_keys", "course keys")):
        if role in f.exports:
            yield f"{what}: {listed([file.source_file for file in f.exports[role].files], most=8)}"


def _doubts(f: Facts) -> Iterator[str]:
    """What makes the lists unsafe: said before anything else."""
    hidden = [file.source_file for file in f.files if file.shows.get("redemption", "yes") != "yes"]
    if hidden:
        yield f"Attention: {listed(hidden)} {'does' if len(hidden) == 1 else 'do'} not show who has redeemed. Whoever has redeemed must not be recreated: make the lists anew from exports that show it."  # fmt: skip


def _batches(f: Facts, on_list: Mapping[str, Mapping[str, int]], due: Mapping[str, dt.date]) -> Iterator[Batch]:
    """The form's settings as the pool has them; what nobody knows, or what the pool's end makes doubtful, is asked for."""
    told = {
        name: of_pools(f, name) for name in ("course", "organization", "expires_on", "content_availability", "sitewide")
    }
    for pool, name in enumerate(f.pools.names):
        if name not in on_list or not any(on_list[name][what] for what in ("paste", "paste after comparing")):
            continue
        days, sitewide = told["content_availability"][pool], told["sitewide"][pool]
        box = {1.0: TICK, 0.0: "do not tick Redeemable by any student regardless of organization"}
        settings = {
            "name": f"{name} (from its pool)",
            "course": told["course"][pool] or ASK_COURSE,
            "organization": told["organization"][pool] or ASK_COURSE,
            "expiration": _expiration(f, told["expires_on"][pool]),
            "max_uses": "leave blank (one use)",
            "content_availability": f"{count(int(days), 'day')}" if days is not None and days > 0 else ASK_COURSE,
            "any_organization": box.get(sitewide, f"{ASK_COURSE}; untouched, the key is for its organization alone"),
        }
        yield Batch(name, settings, on_list[name], due[name])


def _expiration(f: Facts, expires: Any) -> str:
    """The pool's own end if it is later than the removal and more than 30 days away; else whom to ask, and why."""
    if expires is None or np.isnat(expires):
        return "ask whoever ordered the keys until when they are promised: the pool's end is not known"
    day = expires.item().date()
    if day == f.calendar.removed:
        return (
            f"ask whoever ordered the keys until when they are promised: the pool ends on {day}, the day of the removal"
        )
    if (day - f.day).days <= SOON:
        when = "ended" if day <= f.day else "ends"
        return f"ask whoever ordered the keys until when they are promised: the pool {when} on {day}"
    return day.isoformat()


def _steps(
    audit: Audit,
    pool: str,
    keys: Array,
    acts: Mapping[str, int],
    on_list: Mapping[str, int],
    batch: Batch | None,
    odd: list[str],
) -> Iterator[tuple[str, int]]:
    """What to do in one pool, in order, each with the number of keys it is about."""
    f = audit.facts
    yield from _once(f, keys, ("export again", "ask the learner", "look it up"))
    if any(on_list.values()):
        again = "" if f.is_removed or pool == NO_POOL else f"this pool ({POOL} → Export) into pools-now and "
        yield f"Unless the exports named above are of today: export {again}{KEYS} (all columns, no filter) into course-keys, audit again, and use the new lists. Whoever redeemed meanwhile must not be recreated.", 0  # fmt: skip
    yield from _once(
        f,
        keys,
        ("ask about the course", "right the course", "review the invoice", "extend", "correct the setting", "leave"),
    )
    for text in odd:
        yield text, 0
    strays, delete, courses, paste, compared = (on_list[what] for what in ("delete after comparing", "delete from the pool", "delete course keys", "paste", "paste after comparing"))  # fmt: skip
    if delete:
        yield (
            f"Delete exactly the keys of the list `delete from the pool` ({POOL} → Edit), and save. Leave the backup in pools-before as it is.",
            delete,
        )
    if courses:
        yield (
            f"Delete the course keys of the list `delete course keys` ({KEYS} → the entry → the code → Delete).",
            courses,
        )
    if strays:
        yield f"Compare each code of the list `delete after comparing` with the key it looks like (keyaudit explain names it; a blank at the end counts). If they belong together and nobody was sent it, delete the course key ({KEYS} → its entry).", strays  # fmt: skip
    if batch:
        told = "; ".join(f"{plain(name)}: {batch.settings[name]}" for name in SETTINGS)
        yield (
            f"Create a Course Assignment Training Key entry (Course Assignment Training Keys → New). {sentence(told)}.",
            0,
        )
    if paste:
        missing = acts.get("recreate", 0)
        first = (
            f" Of these, {count(missing)} {are(missing)} missing: only if {KEYS}, exported anew without a filter, still does not show them; and whoever has got a new key meanwhile is left out."
            if missing
            else ""
        )
        yield (
            f"Paste the list `paste` into Add Multiple Training Keys ({ADD}), one code per line, and save.{first}",
            paste,
        )
        yield f"Count in {KEYS}: pasted {paste:,}, appeared ___. They must be equal.", paste
    if compared:
        free = "" if f.is_read_only else f" Delete each from the pool first ({POOL} → Edit), if it is still there."
        yield (
            f"Of the list `paste after comparing`, paste those you have compared with their lookalikes, and count again.{free}",
            compared,
        )
    if any(on_list.values()):
        yield f"Export {KEYS}{'' if f.is_removed or pool == NO_POOL else ' and this pool'} again, and audit again.", 0
    if delete and not f.is_read_only:
        yield f"Expire the pool ({POOL} → Edit → Expires) once the audit calls it moved, not earlier.", 0
    if number := acts.get("remind"):
        yield (
            f"Write to the learners of the sheet Reminders: each key works until its date, at the latest until {weekday(f.calendar.removed)}.",
            number,
        )
    if number := acts.get("reissue"):
        yield f"Check in {ASSIGNMENTS} that the learner has not redeemed since the last pool export; if not, create a new course key with the pool's settings ({ADD}) and write to the learner (sheet Reissue).", number  # fmt: skip


def _once(f: Facts, keys: Array, actions: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """The steps of some actions in the words of the rule book, each text once."""
    place, steps = f.step
    texts, words = f.next_step
    for action in actions:
        mine = keys[[steps[number].action == action for number in place[keys]]]
        for text in dict.fromkeys(texts[mine].tolist()):
            yield words[text], int((texts[mine] == text).sum())


def _letters(f: Facts, order: Array, action: str, text: str) -> Iterator[Letter]:
    """A line per learner and key; the key by its reference and ending."""
    place, steps = f.step
    mine = [key for key in order.tolist() if steps[place[key]].action == action]
    courses = of_pools(f, "course")
    found = []
    for key in mine:
        pool = int(f.home_pool[key])
        course, until = courses[pool] or "your course", f.works_until[key]
        end, name = ending(f.codes[key].as_py() or ""), f.references[key].as_py()
        day = "" if np.isnat(until) else until.item().date().isoformat()
        words = text.format(
            course=course, until=day or weekday(f.calendar.removed), ending=f" ending in {end[1:]}" if end else ""
        )
        found.append(
            Letter(
                f.holder.get(key, "not in the log"),
                course,
                f.pools.names[pool],
                f"{name} {end}".strip(),
                "",
                day,
                LOGIN,
                words,
            )
        )
    yield from sorted(found, key=lambda letter: (letter.learner, letter.course, letter.former_key))
