"""What to do in the TMS, key by key: batches with the settings to type, lists to delete and to paste, people to tell.

Which keys stand on which list is said by the steps of the rule book. The vendor's procedure (DOMAIN §3) gives the order: back
up, delete, recreate, count, export again, expire the pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keyaudit.audit import Audit
from keyaudit.coded import Array, Coded, text_of
from keyaudit.exports.records import frame_of
from keyaudit.facts import Facts, at
from keyaudit.keytable import frame
from keyaudit.masking import ending
from keyaudit.rulebook import ACTIONS, FINDINGS, LISTS, Code, holds
from keyaudit.rulebook.statuses import ADD, ASSIGNMENTS, DIFFERENCE, KEYS, POOL, SAME_COURSE
from keyaudit.settings import key_setting, of_pools, pool_setting
from keyaudit.tallies import NO_POOL
from keyaudit.words import agree, are, count, listed, plain, sentence, weekday

if TYPE_CHECKING:
    import pandas as pd

SOON = 30  # days: a pool that ends sooner gives no expiration for its keys
SETTINGS = ("name", "course", "organization", "expiration", "max_uses", "content_availability", "any_organization")
IN_BATCH = ("pool", *SETTINGS, *LISTS, "act_by")
IN_PLAN = ("pool", "action", "training_key", "reference", "status", "works", "works_until", "act_by")
TO_TYPE = {  # finding about a setting → the pool's column with what to type
    Code.expires_earlier: "expires_on",
    Code.availability_shorter: "content_availability",
    Code.organization_differs: "organization",
}
FORMULA_LIKE = ("=", "+", "-", "@")
LOGIN = "the address of your training site's login page"
THREE_STEPS = (
    "1. Sign in (new learners: create an account). 2. Choose Redeem Training Key. 3. Enter the key exactly as it stands, in "
    "upper and lower case, without blanks. If you already have an account, sign in first and do not use the training key field "
    "of the login page: it is for people who have no account yet."
)
LETTERS = {  # by action
    "reissue": "Your training key{ending} for {course} {fails}; here is a new one. " + THREE_STEPS,
    "remind": "Please redeem your training key{ending} for {course} {since}before {until}: {ends}. " + THREE_STEPS,
}
FAILS = {True: "no longer works", False: "is replaced: leave it alone, also where it still works"}
ENDS = {True: "it stops working on that day", False: "it works until then at the longest"}  # is the day known?
ASK = "ask whoever ordered the keys"
FIRST = {"begin": "create the entry", "when": "there"}
ASKED = {"any_organization": "whether students of other organizations may redeem them"}
WORDS = {
    "who": f"{ASK}: no export says it",
    "until": f"{ASK} until when they are promised: ",
    "tick": "tick Redeemable by any student regardless of organization (the pool was open to everyone using its organization; ticking opens the key to students of every organization: ask first)",
    "leave": "do not tick Redeemable by any student regardless of organization",
    "alone": "untouched, the key is for its organization alone",
    "hidden": "Attention: {files} not show who has redeemed. A redeemed key must not be recreated: make the lists anew from exports that show it.",
    "again": f"Unless the lists were made from exports of today: export {{pool}}{KEYS} (all columns, no filter) into course-keys, run the audit again, and use the new lists. A key that was redeemed meanwhile must not be recreated.",
    "pool_again": f"this pool ({POOL} → Export) into pools-now, in place of a later export there, and ",
    "line_end": "{codes} of the list `{what}` {hold} the end of a line and cannot be pasted: type {them} by hand from the TMS.",
    "formula": "{codes} of the list `{what}` {begin} with =, +, - or @: copy {them} from the text file, never through a spreadsheet.",
    "ask": "Before you {begin}, ask whoever ordered the keys: {what}. You will type {them} {when}.",
    "delete from the pool": f"Delete exactly the keys of the list `delete from the pool` ({POOL} → Edit), but for those that show a redemption there now; save, and go on at once, for until they are pasted they do not work. A key you leave there, or that the pool no longer holds, is not pasted. If the pool cannot be edited any more, stop, and run the audit again. Leave the backup in pools-before as it is. To undo before the read-only date: add the same codes to the pool again.",  # noqa: S608 - prose
    "delete course keys": f"{{courses}}Delete the course keys of the list `delete course keys` ({KEYS} → their entry → the code → Delete), each only if its uses are still 0; one used meanwhile stays, and is not pasted.{{twice}} To undo: add the same code to the entry again{{but}}.",
    "twice": " {keys} redeemed in the pool already: the course key would let {them} be redeemed, and billed, a second time.",
    "but": " (not one that was redeemed in the pool)",
    "courses": f"{{keys}} under {{theirs}} instead of {{ours}}: first make sure that these are not two names of one course (else {SAME_COURSE}, and run the audit again); then go on at once, for until they are pasted under the right one they do not work. ",
    "delete after comparing": f"Compare each code of the list `delete after comparing` with the key it looks like ({DIFFERENCE}; a blank at the end counts). If they belong together, nobody was sent it and its uses are still 0, delete the course key ({KEYS} → its entry → the code → Delete); else leave it. To undo: add the same code to the entry again.",
    "create": "Create a Course Assignment Training Key entry (Course Assignment Training Keys → New). {settings}.",
    "paste": f"Paste the list `paste` into the new entry ({ADD}), one code per line, and save. Leave out a code that you have not deleted because it was redeemed or used meanwhile, and one that the TMS says exists already: it has been recreated since.{{missing}}",
    "gone": f" Of these, {{keys}} missing: paste {{them}} only if {KEYS}, exported anew without a filter, still does not show {{them}}, and {ASSIGNMENTS} shows no redemption of {{them}}; and leave out whoever has got a new key meanwhile.",
    "count": f"Count in {KEYS}: on the list {{paste:,}}, left out ___, pasted ___, appeared ___. As many must have appeared as you pasted; if not, export {KEYS} again and look for the rest.",
    "paste after comparing": f"Take the list `paste after comparing`, whether a code belongs together with its lookalike or not, but leave out one whose learner has got in with the lookalike or with the code itself ({ASSIGNMENTS}).{{free}} Paste them into the new entry ({ADD}), and count again.",
    "free": f" First delete each from the pool ({POOL} → Edit), if it is still there; leave it, and do not paste it, if it shows a redemption there; then go on at once.",
    "audit again": f"Export {KEYS}{{pool}} again, and run the audit again.",
    "expire": f"Expire the pool ({POOL} → Edit → Expires) once the audit calls it moved, not earlier.",
    "remind": "Write to the learners of the sheet Reminders: each key works until its date, at the latest until {removed}.",
    "reissue": f"Look in {KEYS} whether the code stands there by now, and in {ASSIGNMENTS} whether the learner has redeemed since the last pool export; only if neither, create a new course key (Course Assignment Training Keys → New) and write to the learner (sheet Reissue). {{settings}}.",
}  # fmt: skip
MADE_FROM = {"pools_now": "later exports", "pools_before": "backups", "course_keys": "course keys"}
LOOK_FIRST = ("export again", "ask the learner", "look it up")
BY_THEMSELVES = ("ask about the course", "right the course", "review the invoice", "extend", "correct the setting", "leave")  # fmt: skip


class PlanStep(NamedTuple):
    """One line to tick off; `keys` 0: about the pool, and no key in particular."""

    pool: str
    step: int
    what: str
    keys: int


class Letter(NamedTuple):
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
    """The remaining work. Shown masked; the lists hold full codes.

    `batches`: one row per pool with keys to recreate, columns IN_BATCH. `keys`: one row per key that needs action, with its action.
    `steps`: what to do, pool by pool, in order. `reissue`, `reminders`: whom to write to. `made_from`: the exports.
    """

    title: str
    made_from: tuple[str, ...]
    warnings: tuple[str, ...]
    batch_rows: tuple[Mapping[str, Any], ...]
    step_rows: tuple[PlanStep, ...]
    letters: tuple[Letter, ...]
    reminder_letters: tuple[Letter, ...]
    actions: Mapping[str, int]
    codes_of: Mapping[tuple[str, str], list[str]]
    key_columns: Mapping[str, Any]

    def codes(self, pool: str, what: str) -> list[str]:
        """The codes of one pool on one of LISTS, in the order of its export."""
        return self.codes_of.get((pool, what), [])

    @cached_property
    def batches(self) -> pd.DataFrame:
        """One row per pool with keys to recreate: the form's settings, counts per list, act_by."""
        return frame_of(self.batch_rows, IN_BATCH).astype({"act_by": "datetime64[s]"})

    @cached_property
    def steps(self) -> pd.DataFrame:
        """What to do, pool by pool, in order: pool, step, what, keys (blank: about the pool)."""
        return frame_of([(*step[:-1], step.keys or "") for step in self.step_rows], PlanStep._fields)

    @cached_property
    def keys(self) -> pd.DataFrame:
        """One row per key that needs action, columns IN_PLAN."""
        return frame(self.key_columns, IN_PLAN).astype(dict.fromkeys(("pool", "action", "status", "works"), "str"))

    @property
    def reissue(self) -> pd.DataFrame:
        """Learners who need a new key, for a mail merge."""
        return frame_of(self.letters, Letter._fields).rename(columns=plain)

    @property
    def reminders(self) -> pd.DataFrame:
        """Learners to remind while their key works, for a mail merge."""
        return frame_of(self.reminder_letters, Letter._fields).rename(columns=plain)

    def __repr__(self) -> str:
        """The counts of every action."""
        width = max(map(len, ACTIONS))
        told = [f"  {code:<{width}}  {self.actions[code]:>7,}  {what}" for code, what in ACTIONS.items() if self.actions[code]]  # fmt: skip
        return "\n".join([self.title, *self.warnings, *told])


def migration_plan(audit: Audit) -> MigrationPlan:
    """Plan the remaining work of an audit: what to delete, recreate, reissue, in which pool, with which settings."""
    f = audit.facts
    pool = np.where(f.home_pool >= 0, f.home_pool, at(f.home_pool, f.link, -1))  # a stray goes with its key
    order = np.flatnonzero(f.needs)
    order = order[np.lexsort((f.row[f.first_record[order]], f.file[f.first_record[order]], pool[order]))]
    names = [*f.pools.names, NO_POOL]
    work = {names[number]: order[pool[order] == number] for number in np.unique(pool[order]).tolist()}
    codes_of, odd = _lists(f, work)
    due = {name: f.act_by[keys].min().item().date() for name, keys in work.items()}
    kinds = [*ACTIONS, ""]
    action = np.array([kinds.index(step.action) for step in f.step[1]])[f.step[0]]
    does = {name: {kind: own[action[own] == place] for place, kind in enumerate(kinds)} for name, own in work.items()}
    batches, rows = dict[str, dict[str, Any]](), list[PlanStep]()
    urgent = {name: place for place, name in enumerate(dict.fromkeys(task.pool for task in audit.work))}
    for name in sorted(work, key=lambda name: (due[name], urgent.get(name, len(urgent)), name)):
        on_list = {what: len(codes_of.get((name, what), ())) for what in LISTS}
        if on_list["paste"] or on_list["paste after comparing"]:
            batches[name] = {"pool": name, **_settings(f, name), **on_list, "act_by": due[name]}
        told = _steps(f, name, does[name], on_list, batches.get(name), odd[name])
        rows += [PlanStep(name, place, *step) for place, step in enumerate(told, start=1)]
    totals = {code: sum(len(of[code]) for of in does.values()) for code in ACTIONS}
    left = len(order)
    hidden = [file.source_file for file in f.files if file.shows.get("redemption", "yes") != "yes"]
    files = f"{audit.seen.hide(listed(hidden))} {agree(len(hidden), 'does', 'do')}"
    doubts = [WORDS["hidden"].format(files=files)] if hidden else []  # what makes the lists unsafe comes first
    doubts += [f"{count(audit.excused)} {are(audit.excused)} accepted and left out."] if audit.excused else []
    given = {what: f.exports[role].files for role, what in MADE_FROM.items() if role in f.exports}
    columns = {name: audit.key_columns[name].take(audit.places[order]) for name in IN_PLAN if name != "action"}
    columns["pool"] = Coded(np.where(pool[order] < 0, len(names) - 1, pool[order]).astype(np.int32), names)
    columns["action"] = Coded.of(kinds[place] for place in action[order].tolist())
    title = f"{count(left)} {agree(left, 'needs', 'need')} action." if left else "Nothing is left to do."
    if not left and audit.verdict not in ("clear", "watch"):
        title = audit.headline
    made_from = tuple(f"{what}: {listed([file.source_file for file in of], most=8)}" for what, of in given.items())
    forms = tuple(batches[name] for name in names if name in batches)
    reissue, remind = (tuple(_letters(f, does.values(), action)) for action in ("reissue", "remind"))
    lines = made_from, tuple(doubts), forms, tuple(rows)
    return MigrationPlan(title, *lines, reissue, remind, totals, codes_of, columns)


def _lists(f: Facts, work: Mapping[str, Array]) -> tuple[dict[tuple[str, str], list[str]], dict[str, list[str]]]:
    """(Pool, list) → codes; and of every pool what is odd about some of them: one that holds a line end stands on no list."""
    step, steps = f.step
    codes_of: dict[tuple[str, str], list[str]] = {}
    odd: dict[str, list[str]] = {name: [] for name in work}
    for what in LISTS:
        is_on = np.array([what in one.lists for one in steps])
        for name, keys in work.items():
            codes = f.codes.take(keys[is_on[step[keys]] & f.readable[keys]]).to_pylist()
            kept = [code for code in codes if len(code.splitlines()) == 1]
            risky = sum(code.startswith(FORMULA_LIKE) for code in kept)
            for number, told in ((len(codes) - len(kept), "line_end"), (risky, "formula")):
                words = {"codes": count(number, "code"), "what": what, "them": agree(number, "it", "them")}
                words |= {verb: agree(number, f"{verb}s", verb) for verb in ("hold", "begin")}
                odd[name] += [WORDS[told].format(**words)] if number else []
            codes_of |= {(name, what): kept} if kept else {}
    return codes_of, odd


def _settings(f: Facts, pool: str) -> dict[str, str]:
    """The form's settings as the pool has them; what nobody knows, or what the pool's end makes doubtful, is asked for."""
    place, who = f.pools.names.index(pool), WORDS["who"]
    names = ("course", "organization", "expires_on", "content_availability", "sitewide")
    course, organization, expires, days, sitewide = (of_pools(f, name)[place] for name in names)
    box = {1.0: WORDS["tick"], 0.0: WORDS["leave"]}
    return {
        "name": f"{pool} (from its pool)",
        "course": course or who,
        "organization": organization or who,
        "expiration": _expiration(f, expires),
        "max_uses": "leave blank (one use)",
        "content_availability": _days(days) if days is not None and days > 0 else who,
        "any_organization": box.get(sitewide, f"{who}; {WORDS['alone']}"),
    }


def _days(number: float) -> str:
    return text_of(number) if np.isinf(number) else count(int(number), "day")


def _expiration(f: Facts, expires: Any) -> str:
    """The pool's own end if it is not the removal and more than 30 days away; else whom to ask, and why."""
    if expires is None or np.isnat(expires):
        return WORDS["until"] + "the pool's end is not known"
    day = expires.item().date()
    if day == f.calendar.removed:
        return WORDS["until"] + f"the pool ends on {day}, the day of the removal"
    if (day - f.day).days <= SOON:
        ends = "ended" if day <= f.day else "was to end" if f.is_removed else "ends"
        return WORDS["until"] + f"the pool {ends} on {day}"
    return str(day)


def _steps(f: Facts, pool: str, of: Mapping[str, Array], on_list: Mapping[str, int], batch: Mapping[str, Any] | None, odd: list[str]) -> Iterator[tuple[str, int]]:  # fmt: skip
    """What to do in one pool, in order, each with the number of keys it is about."""
    has_pool = not f.is_removed and pool != NO_POOL
    yield from _once(f, of, LOOK_FIRST)
    if any(on_list.values()) or len(of["reissue"]):
        yield WORDS["again"].format(pool=WORDS["pool_again"] if has_pool else ""), 0
    yield from _once(f, of, BY_THEMSELVES)
    regenerated = FINDINGS[Code.codes_regenerated]
    if batch and holds(regenerated.rule, f)[f.pools.names.index(pool)]:
        yield f"{regenerated.what} Before you paste, decide. {regenerated.remedy[f.period]}", 0
    yield from ((text, 0) for text in odd)
    if unknown := [ASKED.get(name, f"the {plain(name)}") for name in SETTINGS if batch and ASK in batch[name]]:
        deletes = any(on_list[what] for what in LISTS if what.startswith("delete"))
        words = {"begin": "delete anything", "when": "while the keys work nowhere"} if deletes else FIRST
        yield WORDS["ask"].format(what=listed(unknown), them=agree(len(unknown), "it", "them"), **words), 0
    again = of["delete course key"]
    found = {"delete after comparing": of["delete stray"], "delete course keys": np.append(of["move"], again)}
    for what in (*found, "delete from the pool"):
        if on_list[what]:
            twice = _with_number("twice", len(again), "was", "were")
            words = {"courses": _courses(f, of["move"]), "twice": twice, "but": WORDS["but"] if twice else ""}
            yield WORDS[what].format(**words) + _entry(f, found.get(what, again[:0])), on_list[what]
    if batch:
        yield WORDS["create"].format(settings=_typed(batch)), 0
    if paste := on_list["paste"]:
        yield WORDS["paste"].format(missing=_with_number("gone", len(of["recreate"]), "is", "are")), paste
        yield WORDS["count"].format(paste=paste), paste
    if compared := on_list["paste after comparing"]:
        yield WORDS["paste after comparing"].format(free="" if f.is_read_only else WORDS["free"]), compared
    if any(on_list.values()):
        yield WORDS["audit again"].format(pool=" and this pool" if has_pool else ""), 0
    if on_list["delete from the pool"] and not f.is_read_only:
        yield WORDS["expire"], 0
    if number := len(of["remind"]):
        yield WORDS["remind"].format(removed=weekday(f.calendar.removed)), number
    if number := len(of["reissue"]):
        yield WORDS["reissue"].format(settings=_typed(_settings(f, pool))), number


def _typed(settings: Mapping[str, str]) -> str:
    return sentence("; ".join(f"{plain(name)}: {settings[name]}" for name in SETTINGS))


def _with_number(what: str, number: int, one: str, several: str) -> str:
    """Words about some keys, nothing where there are none."""
    words = {"keys": f"{count(number)} {agree(number, one, several)}", "them": agree(number, "it", "them")}
    return WORDS[what].format(**words) if number else ""


def _once(f: Facts, of: Mapping[str, Array], actions: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """The steps of some actions in the words of the rule book, each text once; of a setting with its entries and its value."""
    texts, words = f.next_step
    number = np.array(list(map(words.index, words)), dtype=int)  # one a text
    for action in actions:
        told = number[texts[of[action]]]
        for text in dict.fromkeys(told.tolist()):
            mine = of[action][told == text]
            yield words[text] + (_to_type(f, mine) if action in ("correct the setting", "extend") else ""), len(mine)


def _to_type(f: Facts, keys: Array) -> str:
    """In which entries some keys with one wrong setting stand, and what their pool has there."""
    code = f.setting_findings[f.setting_number[keys[0]] - 1][0]
    told = _entry(f, keys)
    value = of_pools(f, TO_TYPE[code])[int(f.home_pool[keys[0]])] if code in TO_TYPE else None
    return told if value is None else f"{told} The pool's: {text_of(value)}."


def _entry(f: Facts, keys: Array) -> str:
    """In which entries some course keys stand, where that is known."""
    entries = _quoted(key_setting(f, "name", keys=keys))
    return f" Entry: {entries}." if entries else ""


def _quoted(column: Coded) -> str:
    return listed([f'"{name}"' for name in column.compact().listed()])


def _courses(f: Facts, mine: Array) -> str:
    """What is to be asked before keys are deleted that stand under another course than their pool's."""
    settings = {"theirs": key_setting, "ours": pool_setting}
    words = {whose: _quoted(setting(f, "course", keys=mine)) for whose, setting in settings.items()}
    keys = f"{count(len(mine))} {agree(len(mine), 'stands', 'stand')}"
    return WORDS["courses"].format(keys=keys, **words) if len(mine) else ""


def _letters(f: Facts, does: Iterable[Mapping[str, Array]], action: str) -> list[Letter]:
    """A line per learner and key; the key by its reference and ending."""
    courses, found = of_pools(f, "course"), []
    for key in (key for of in does for key in of[action].tolist()):
        pool, until, end = int(f.home_pool[key]), f.works_until[key], ending(f.codes[key].as_py() or "")
        course, day = courses[pool] or "your course", None if np.isnat(until) else until.item().date()
        words = {"until": weekday(day or f.calendar.removed), "ending": f" ending in {end[1:].strip()}" if end else ""}
        waits = f.starts_on[key] > np.datetime64(f.day)
        words["since"] = f"from {weekday(f.starts_on[key].item().date())} on, not earlier, and " if waits else ""
        words |= {"fails": FAILS[bool(f.works_no[key])], "ends": ENDS[day is not None]}
        learner, former = f.holder.get(key, "not in the log"), f"{f.references[key]} {end}".strip()
        text = LETTERS[action].format(course=course, **words)
        found.append(Letter(learner, course, f.pools.names[pool], former, "", str(day or ""), LOGIN, text))
    return sorted(found, key=lambda letter: (letter.learner, letter.course, letter.former_key))
