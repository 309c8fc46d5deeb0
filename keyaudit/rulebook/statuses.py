"""The rule book: every status and every finding once, with its rule, severity, words and next step. (CATALOGUE §3, §5)

A rule is a predicate over the named FACTS: it is evaluated (`holds`) and printed (`in_words`). Everything that is said of a
status or a finding anywhere is printed from here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

# Where things stand in the TMS.
POOL = "Training Key Pools → the pool"
KEYS = "Find Course Assignment Keys"
ENTRY = f"{KEYS} → its entry"
ADD = "Course Assignment Training Keys → the entry → Add Multiple Training Keys"
ASSIGNMENTS = "Find Course Assignments"
ASK_SUPPORT = "ask Skillable Support"


def in_settings(entry: str) -> str:
    """Where keyaudit is told what no export says: in plain words, then for whoever writes it."""
    return f"in the case's settings (case.toml: {entry})"


SAME_COURSE = f"tell keyaudit {in_settings('[same_course]')} that they are the same course"
DIFFERENCE = "Look up a key, on the page report.html, tells what differs; so does keyaudit explain"

TERMS = {  # words of the steps, for whoever has never seen them
    "Needs action": "whoever looks after the keys in the TMS has to do something; the next step says what, and by when.",
    "Entry": "one batch of course keys, a line under Course Assignment Training Keys. Each pool has its own; if it has none yet, make one with New.",
    "Lookalike": "a course key that differs only a little from a pool's key, such as in upper and lower case or by a blank. To the TMS it is another key: it does not help a learner who holds the exact code.",
    "Run the audit again": "put the new exports into the folders of the case that the step names, then run `keyaudit audit` on the case, or its notebook from the first cell; ticks and notes are kept.",
}
TOLD_TERMS = [": ".join(term) for term in TERMS.items()]

FACTS = {
    "readable": "its code is readable",
    "in_pool": "in a pool",
    "in_course_keys": "in course keys",
    "redeemed": "redeemed",
    "redemption_unreadable": "whether it was redeemed cannot be read",
    "damaged_in_backup": "it is what Excel makes of one course key in no pool",
    "here": "its pool's latest export shows it",
    "gone": "its pool's latest export does not show it",
    "presence_unknown": "its pool is begun and was not exported again",
    "in_two_pools": "unredeemed in the latest exports of two or more pools",
    "in_two_entries": "in two entries of one course-key file",
    "course_differs": "pool and course key have different courses",
    "all_elsewhere": "all recreated keys of its pool are under one other course",
    "has_lookalike": "exactly one course key in no pool is its lookalike",
    "is_lookalike": "it is the lookalike of an altered key",
    "not_distributed": "the complete log does not name it",
    "expired_unannounced": "its pool expired before the sunset was announced",
    "pool_ended": "its pool is removed or has expired",
    "starts_too_late": "its pool starts on the removal date or later",
    "used": "its course key was used",
    "uses_unknown": "the uses of its course key are not shown",
    "partner_uses_unknown": "the uses of its lookalike are not shown",
    "course_key_gone": "a later course-key export no longer shows it",
    "padding_doubted": "every code of its course-key file is padded",
    "logged": "the log names it",
    "taken": "another kind of key has the same code",
    "works_no": "it does not work",
    "works_unknown": "whether it works is not known",
    "ends_soon": "it stops working within 7 days",
    "setting_error": "a setting of its course key is wrong",
    "made_when_read_only": "its course key was created from the read-only date on",
    "pool_begun": "its pool's migration is begun",
    "pool_course_or_expiry_lacking": "no export says its course or its end",
    "course_keys_given": "a course-key file was given",
    "is_read_only": "the read-only date has come",
    "is_removed": "the removal date has come",
}


_compiled = cache(compile)


def holds(rule: str, facts: Any, of: Any = None) -> Any:
    """Where a rule holds: names, &, |, ~ and comparisons of facts (arrays over keys, or one truth for all); for some keys only if `of`."""
    found = eval(_compiled(rule or "True", rule, "eval"), {}, facts)  # noqa: S307 - our own rules
    return found[of] if of is not None and np.ndim(found) else found


def severity_of(row: Status | Any, period: int, facts: Any, of: Any) -> Any:
    """The place in SEVERITIES for every key (or pool) of `of`: that of the period, or a worse one that a rule raises it to."""
    found = np.full(len(of), SEVERITIES.index(row.severity[period]))
    for rule, severity in row.raised:
        found = np.where(holds(rule, facts, of), np.minimum(found, SEVERITIES.index(severity)), found)
    return found


def ways(row: Status) -> list[tuple[str, str]]:
    """The rules of which any one makes it this status, each with its words; what else holds does not matter."""
    rules = re.split(r" \| (?![^(]*\))", row.rule)
    return list(zip(rules, row.when.split("; or "), strict=True)) if len(rules) > 1 else [(row.rule, row.when)]


def in_words(rule: str) -> str:
    """A rule as a sentence."""
    told = re.sub(r"(~?)(\w+)", lambda name: f"not ({FACTS[name[2]]})" if name[1] else FACTS[name[2]], rule)
    return told.replace("~(", "not (").replace(" & ", " and ").replace(" | ", "; or ")


@dataclass(frozen=True)
class Step:
    """A next step: `action` is its name in the plan, `lists` are the plan's lists the key stands on. First match wins."""

    action: str
    when: str  # "": always
    text: str
    lists: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """One row of CATALOGUE §3. `severity` by period (calendar.PERIODS), "" for none; `raised`: rules that change it.

    `short`: what became of it, in a few words. `works_by`: which place decides. `act_by`: now, deadline, if_wrong or never. `owed`: a learner may hold it and has not
    got what it promises. `left`: counted as left to migrate.
    """

    code: str
    family: str
    short: str
    when: str
    rule: str
    reasons: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    works_by: str
    act_by: str
    severity: tuple[str, ...]
    raised: tuple[tuple[str, str], ...] = ()
    owed: bool = False
    left: bool = False


def by_period(told: str | Sequence[str]) -> tuple[str, ...]:
    """What holds in every period, or is told of each. (calendar.PERIODS)"""
    parts = (told,) if isinstance(told, str) else tuple(told)
    return parts if len(parts) == 4 else parts * 4


def _status(
    code: str, family: str, short: str, when: str, rule: str, *told: Any, severity: str = "", **more: Any
) -> Status:
    """A status; `told` are its reasons and its steps, of both the first that holds first."""
    reasons = tuple(part for part in told if isinstance(part, tuple))
    steps = tuple(part for part in told if isinstance(part, Step))
    severities = by_period(severity.split() or "")
    return Status(code, family, short, when, rule, reasons, steps, severity=severities, **more)


_FIRST_USES = f"Export {KEYS} with the column Course Assignments Created From Key (uses) shown, and run the audit again: delete nothing before you know."
_UNDO_ENTRY = "To undo: add the same code to the entry again."
_REISSUE = f"Look in {KEYS} whether the code stands there by now, and in {ASSIGNMENTS} whether the learner has redeemed since the last pool export; only if neither, issue a new course key to the learner ({ADD})."
_NEW_KEY = (
    f"Another kind of key (subscription or class) has the same code, which therefore cannot be recreated. {_REISSUE}"
)
_REMIND = f"Ask the learner to redeem while the pool still allows it: since the read-only date no code can be freed from its pool. Only if they cannot before the pool ends, issue a new course key ({ADD}): until then both would work."
_BELONG = f"If they belong together, and nobody has got in with the lookalike ({ASSIGNMENTS}; else leave both): delete the lookalike ({ENTRY} → the code → Delete) if it is unused and nobody was sent it; then"
_APART = "If they do not: leave the lookalike"
_SEE = f"Export the pool now ({POOL} → Export) into pools-now, and run the audit again: a code that is gone from there is free and can be recreated today; of one that is still there, ask the learner to redeem; only if they cannot, issue a new course key."
_MIGRATE = f"Migrate: if the code is still unredeemed in its pool, delete it there ({POOL} → Edit → the code → Delete, Save), then at once paste the same code into the entry of its pool ({ADD}): between the two no learner can use it. To undo before the read-only date: delete it there and add it to the pool again."

STATUSES: dict[str, Status] = {
    status.code: status
    for status in (
        _status("undetermined", "check", "these exports do not tell",
            "its code in the pool export is not readable; or Excel has changed it in the backup; or whether it was redeemed is not readable; or no course-key file was given, the key is unredeemed, and it is gone from its pool or the removal date has come",
            "~readable | damaged_in_backup & ~redeemed | redemption_unreadable & ~redeemed | in_pool & ~redeemed & ~course_keys_given & (gone | is_removed)",
            ("~readable", "The code in the pool export is not readable."),
            ("damaged_in_backup", "Excel has changed this code in the backup: it is what Excel makes of one course key that is in no pool."),
            ("redemption_unreadable", "Its redemption cell is filled and was not understood: whether it was redeemed is not known."),
            ("gone", "It is gone from its pool, and no course-key export was given: whether it was recreated is not known."),
            ("", "Its pool is removed, and no course-key export was given: whether it was recreated is not known."),
            Step("ask the learner", "~readable & is_removed", f"Its pool is gone: ask the learner to read the code from their e-mail, and look that code up in {KEYS}. If it is not there, and {ASSIGNMENTS} shows no redemption, issue a new course key ({ADD})."),
            Step("export again", "~readable", f"Export the pool again ({POOL} → Export), do not open the file in Excel, and put it in place of the damaged file; but if keys were deleted from the pool since, put it into pools-now, and write the code, from there or from the learner's e-mail, into its row of the damaged file. Then run the audit again."),
            Step("ask the learner", "damaged_in_backup & is_removed", f"Ask the learner which code they hold: if that is the course key named as its lookalike, nothing is left to do; if not, issue a new course key ({ADD})."),
            Step("export again", "damaged_in_backup", f"Export the pool again ({POOL} → Export), do not open the file in Excel, and run the audit again: the course key named as its lookalike is probably the learner's code, so delete nothing."),
            Step("look it up", "redemption_unreadable & is_removed", f"Look in {ASSIGNMENTS} whether the learner has redeemed, or ask them; if not, issue a new course key ({ADD})."),
            Step("look it up", "redemption_unreadable", f"Look in {POOL} whether the key is redeemed. If the word in the export means redeemed or not redeemed, tell keyaudit what it means {in_settings('redeemed_when, open_when')}; else export the pool again without opening it in Excel. Then run the audit again."),
            Step("export again", "", f"Export {KEYS} (all columns, no filter) into course-keys, and run the audit again."),
            works_by="none", act_by="now", severity="error", owed=True),
        _status("redeemed_recreated", "check", "redeemed, and a course key", "redeemed in a pool and in course keys", "redeemed & in_pool & in_course_keys",
            ("used", "It was redeemed in its pool and used as a course key too: two assignments may be billed."),
            ("uses_unknown", "It was redeemed in its pool and is a course key; whether it was used there too is not shown."),
            ("", "It was redeemed in its pool and is a course key: it can be redeemed, and billed, a second time."),
            Step("review the invoice", "used", f"Review the second invoice: {ASSIGNMENTS} shows both assignments. Within 24 hours and if no lab was launched, cancel the one that was not meant; later {ASK_SUPPORT}."),
            Step("export again", "uses_unknown", _FIRST_USES),
            Step("delete course key", "", f"If the course key's uses are still 0, delete it ({ENTRY} → the code → Delete): the learner has redeemed in the pool already. {_UNDO_ENTRY}", ("delete course keys",)),
            works_by="course_key", act_by="now", severity="critical"),
        _status("duplicate", "check", "in two places",
            "unredeemed in the latest exports of two or more pools; or still in its pool and in course keys; or in two entries of one course-key file",
            "in_two_pools | here & in_course_keys | in_two_entries",
            ("in_two_entries", "Two entries of one course-key file show it, and a code can exist only once."),
            ("here & in_course_keys", "It is a course key, and the latest export of its pool still shows it: a code can exist only once."),
            ("", "The latest exports of two pools show it unredeemed, and a code can exist only once."),
            Step("reissue", "is_removed & ~in_course_keys", _REISSUE),
            Step("export again", "is_removed | in_two_entries & ~here", f"A code can exist only once, so first suspect an old file: export {KEYS} again (all columns, no filter), and run the audit again. Only if two entries still show it: {ASK_SUPPORT}."),
            Step("export again", "is_read_only", f"A code can exist only once, so first suspect an old file: export both places again ({POOL} → Export; {KEYS} → Export), and run the audit again. Only if both still show it: {ASK_SUPPORT}, as pools can no longer be edited."),
            Step("export again", "", f"A code can exist only once, so first suspect an old file: export both places again ({POOL} → Export; {KEYS} → Export), and run the audit again. Only if both still show it: delete the copy that is unused and not under the right course (in the pool: {POOL} → Edit; the course key: {ENTRY} → the code → Delete), or {ASK_SUPPORT}. To undo: add the same code there again."),
            works_by="places", act_by="now", severity="error", owed=True),
        _status("wrong_course", "dead", "under another course", "in course keys, both courses known, and they differ", "in_pool & in_course_keys & course_differs",
            ("all_elsewhere", "Every recreated key of its pool is under one other course name than the pool's: a renamed course, or the wrong one."),
            ("", "It was recreated under another course than its pool's."),
            Step("ask about the course", "all_elsewhere", f"First ask: do the two names mean one course? If so, {SAME_COURSE}, and run the audit again. Only if they are two courses: unused keys are deleted ({ENTRY} → the code → Delete) and recreated under the pool's course; learners of used ones are given the right course."),
            Step("right the course", "used", f"Give the learner the right course ({ASSIGNMENTS} → Create); cancel the wrong assignment within 24 hours if no lab was launched, later {ASK_SUPPORT}."),
            Step("export again", "uses_unknown", _FIRST_USES),
            Step("right the course", "taken", f"If the two names mean one course, {SAME_COURSE}. If not, and the course key's uses are still 0: another kind of key (subscription or class) has the same code, which therefore cannot be recreated. Delete the course key ({ENTRY} → the code → Delete), and issue a new course key under the pool's course to the learner ({ADD})."),
            Step("move", "", f"If the two names mean one course, {SAME_COURSE}. If not, and the course key's uses are still 0: delete it ({ENTRY} → the code → Delete) and at once paste the same code into an entry of the pool's course ({ADD}). {_UNDO_ENTRY}", ("delete course keys", "paste")),
            works_by="course_key", act_by="now", severity="error", raised=(("~all_elsewhere", "critical"),), owed=True),
        _status("migrated", "works", "recreated as a course key", "in course keys", "in_pool & in_course_keys",
            ("course_key_gone", "It was a course key, and a later course-key export no longer shows it: it may have been deleted."),
            ("works_no", "It is a course key, and it has expired."),
            ("padding_doubted", "It is a course key, and every code of its file carries the same padding: whether the learner's code matches is not known."),
            ("", "It is a course key."),
            Step("export again", "course_key_gone & ~used", f"Export {KEYS} anew, without a filter, and run the audit again: a code that is absent there too, and of which {ASSIGNMENTS} shows no redemption, is to be pasted into the entry of its pool again ({ADD})."),
            Step("extend", "works_no", f"Extend the course key's expiration ({ENTRY} → Edit → Unredeemed Key Expiration), or issue a new key to the learner: never both."),
            Step("correct the setting", "setting_error", ""),  # the remedy of that finding
            Step("look it up", "works_unknown & padding_doubted", f"Open one of these codes in {ENTRY}: if the padding shows there too, no learner's code matches it, and the codes are to be recreated without it."),
            Step("export again", "works_unknown", f"Export {KEYS} with Uses, Max Uses Per Key and Expires shown, and run the audit again."),
            Step("", "", "Nothing."),
            works_by="course_key", act_by="if_wrong", owed=True),
        _status("redeemed", "done", "redeemed in a pool", "redeemed, not in course keys", "redeemed & in_pool",
            ("", "A learner has redeemed it."),
            Step("", "", "Nothing: keep the record."),
            works_by="used", act_by="never"),
        _status("altered", "dead", "recreated as a lookalike", "not in course keys, but exactly one course key in no pool is its lookalike", "in_pool & has_lookalike",
            ("gone", "It was recreated as a code that is not the same: the learner's code fails."),
            ("", "It is not a course key; one that looks like it, and is not the same, was made."),
            Step("reissue", "taken", _NEW_KEY),
            Step("reissue", "~gone & is_removed", _REISSUE),
            Step("reissue", "~gone & is_read_only & works_no", _REISSUE),
            Step("export again", "presence_unknown & is_read_only", _SEE),
            Step("remind", "~gone & is_read_only", _REMIND),
            Step("export again", "presence_unknown", f"Export the pool now ({POOL} → Export) into pools-now, and run the audit again: only then it is known whether the code must be deleted there before it is recreated."),
            Step("export again", "partner_uses_unknown", f"Compare the two codes character by character ({DIFFERENCE}). {_FIRST_USES}"),
            Step("compare", "gone", f"Compare the two codes ({DIFFERENCE}). {_BELONG} paste the exact code into the entry of its pool ({ADD}). {_APART}, and paste the exact code all the same, unless it was redeemed. {_UNDO_ENTRY}", ("paste after comparing",)),
            Step("compare", "", f"Compare the two codes ({DIFFERENCE}). {_BELONG} if the exact code is still unredeemed in its pool, delete it there ({POOL} → Edit) and at once paste it into its pool's entry ({ADD}). {_APART}, and move the exact code all the same. {_UNDO_ENTRY}", ("paste after comparing",)),
            works_by="pool", act_by="now", severity="critical", owed=True, left=True),
        _status("undistributed", "nothing", "nobody was sent it", "the log is complete and does not name it", "in_pool & not_distributed",
            ("", "The log is complete and does not name it: nobody was sent it."),
            Step("", "", "Nothing: do not recreate it."),
            works_by="pool", act_by="never"),
        _status("missing", "dead", "deleted, not recreated", "gone from its pool, and not in course keys", "in_pool & gone & ~in_course_keys & course_keys_given",
            ("works_unknown", "It is gone from its pool and is not among the course keys that were read; a file of them could not be read: whether it works is not known."),
            ("", "It is gone from its pool and is not among the course keys: the learner gets an invalid-key error."),
            Step("reissue", "taken", _NEW_KEY),
            Step("recreate", "", f"Export {KEYS} anew, without a filter, and run the audit again. A code that is still absent, and of which {ASSIGNMENTS} shows no redemption: paste the code into the entry of its pool ({ADD}), or issue a new key to the learner: never both.", ("paste",)),
            works_by="pool", act_by="now", severity="critical", owed=True, left=True),
        _status("expired", "nothing", "pool had ended before", "its pool expired before the sunset was announced", "in_pool & expired_unannounced",
            ("", "Its pool had expired before the end of the pools was announced."),
            Step("", "", f"Let it rest; if its learner still asks for access, issue a new course key ({ADD})."),
            works_by="pool", act_by="never", severity="note", raised=(("logged", "warning"),)),
        _status("lapsed", "dead", "pool ended, not migrated", "the read-only date has come and the code no longer works in its pool (removed, or expired)", "in_pool & is_read_only & pool_ended",
            ("is_removed", "Its pool was removed, and it is not among the course keys: the learner gets an invalid-key error."),
            ("", "Its pool has expired, and it is not among the course keys: the learner gets an invalid-key error."),
            Step("reissue", "taken", _NEW_KEY),
            Step("reissue", "", _REISSUE),
            works_by="pool", act_by="now", severity="critical", owed=True, left=True),
        _status("to_migrate", "todo", "only in a pool", "every other key in a pool", "in_pool",
            ("~course_keys_given", "Its pool shows it unredeemed; no course-key export was given, so whether it was recreated is not known."),
            ("works_no", "It is not among the course keys, and its pool has expired: the learner gets an invalid-key error."),
            ("presence_unknown", "It is not among the course keys, and its pool was not exported since its migration began: it may be missing."),
            ("here", "It is still in its pool, and not among the course keys."),
            ("", "Its pool's backup shows it unredeemed, and it is not among the course keys."),
            Step("reissue", "taken", _NEW_KEY),
            Step("export again", "presence_unknown & is_read_only", _SEE),
            Step("reissue", "is_read_only & starts_too_late", _REISSUE),
            Step("remind", "is_read_only", _REMIND),
            Step("export again", "presence_unknown", f"Export the pool now ({POOL} → Export) into pools-now, and run the audit again: a code that is still there, unredeemed, is to be migrated, one that is gone is to be recreated today."),
            Step("migrate", "~course_keys_given", f"If course keys were made already, export {KEYS} (all columns, no filter) into course-keys, and run the audit again. Then m{_MIGRATE[1:]}", ("delete from the pool", "paste")),
            Step("migrate", "", _MIGRATE, ("delete from the pool", "paste")),
            works_by="pool", act_by="deadline", severity="warning error critical critical", raised=(("works_unknown", "error"), ("works_no", "critical"), ("ends_soon", "critical")), owed=True, left=True),
        _status("stray", "check", "the lookalike of an altered key", "a course key in no pool that is the lookalike of an altered key", "is_lookalike",
            ("", "It is a course key in no pool, and the lookalike of a pool's key that is not among the course keys (altered)."),
            Step("leave", "used | logged", "Leave the code as it is: someone holds it. Tell its learner that nothing has changed; the altered key that it looks like is dealt with by itself."),
            Step("export again", "uses_unknown", _FIRST_USES),
            Step("delete stray", "", f"Compare the code with that of the altered key it looks like ({DIFFERENCE}). If they belong together, nobody was sent the lookalike and its uses are still 0: delete it ({ENTRY} → the code → Delete), so that nobody can redeem it by chance. If they do not belong together, leave it: it is a key of its own. {_UNDO_ENTRY}", ("delete after comparing",)),
            works_by="course_key", act_by="now", severity="error"),
        _status("new", "works", "a course key in no pool", "every other course key in no pool", "~in_pool",
            ("", "It is a course key in no pool."),
            Step("", "", "Nothing, unless it was made for a pool: then that pool's backup is incomplete."),
            works_by="course_key", act_by="never"),
    )
}  # fmt: skip

URGENCY = (  # what is looked at first among what is due on one day; the one order of every view
    *("missing", "lapsed", "altered", "wrong_course", "migrated", "duplicate", "redeemed_recreated", "undetermined"),
    *("to_migrate", "stray", "expired", "redeemed", "undistributed", "new"),
)

LISTS = ("delete from the pool", "delete course keys", "delete after comparing", "paste", "paste after comparing")

ACTIONS = {  # of a plan, in its order: what is done with the keys, in a few words
    "export again": "export again and run the audit again before anything is decided",
    "look it up": "look up in the TMS",
    "ask the learner": "ask the learner which code they hold",
    "ask about the course": "ask whether two course names mean one course",
    "right the course": "give the learner the right course",
    "review the invoice": "review the second invoice",
    "correct the setting": "correct a setting of the course key",
    "extend": "extend the course key's expiration, or issue a new key: never both",
    "migrate": "delete from the pool, then recreate as a course key",
    "recreate": "export the course keys again; recreate what is still absent",
    "move": "delete the course key, then recreate under the pool's course",
    "delete course key": "delete the course key: the learner has redeemed already",
    "compare": "compare with the lookalike, then recreate the exact code",
    "delete stray": "compare with the altered key, then delete the lookalike",
    "leave": "leave as it is: someone holds it",
    "remind": "ask the learner to redeem while the pool allows it; only if they cannot, issue a new key",
    "reissue": "issue a new course key to the learner",
}

FAMILIES = {  # colour, its darker shade for text, words
    "todo": ("#D55E00", "#B84F00", "still to do"),
    "dead": ("#5A0F3D", "#5A0F3D", "locked out"),
    "check": ("#E9B000", "#8A6800", "to be checked"),
    "unknown": ("#C9B8DB", "#6B4E8A", "not known"),
    "works": ("#12877A", "#0E6E64", "in order"),
    "done": ("#9FB8CE", "#4F7291", "done"),
    "nothing": ("#C9D1D9", "#66727F", "nothing owed"),
}
SHADES = {name: colour for name, (colour, _, _) in FAMILIES.items()} | {
    "dead": "#9C3D78",
    "nothing": "#A3AEB9",
}  # on white and on black

WORKS = {  # best first
    "yes": "a learner who enters it today gets in",
    "used": "it has been redeemed: a learner who enters it today gets an error",
    "unknown": "the exports do not tell what a learner who enters it today sees",
    "not_yet": "its pool has not started: a learner who enters it today gets an error",
    "no": "a learner who enters it today gets an invalid-key error",
}


def family(status: str, works: str) -> str:
    """The colour of a key: it follows whether the code works, not the name of the status. (DESIGN §5)"""
    row = STATUSES[status]
    if works == "unknown":
        return "unknown"
    if row.owed and works == "no":
        return "dead"
    if row.family == "works":
        return {"used": "done", "no": "nothing"}.get(works, "works")
    return "check" if row.family == "dead" else row.family


SEVERITIES = ("critical", "error", "warning", "note", "accepted")

VERDICTS = {
    "blocked": "Do not sign this off: a learner is locked out or may be, or money is lost.",
    "act": "Something is likely to go wrong: act.",
    "incomplete": "The exports leave questions open.",
    "watch": "Nothing is wrong yet; some things are worth a look.",
    "clear": "Nothing is open.",
}

STAGES = {
    "not_exported": "in the pool list, in no export",
    "not_begun": "no key of it is a course key yet",
    "begun": "some keys are course keys, others are still to be dealt with",
    "moved": "nothing left to do in it",
    "closed": "nothing left to do, and expired or removed",
}

ANSWERS = {
    "distributed but unredeemed": "every pool key not redeemed in a pool, except those a complete log shows nobody was sent; certain = the log names it",
    "duplicates": "keys that two places show, and keys listed twice, in conflict, or shared with another kind of key; certain = the status is duplicate",
    "migrated": "keys of a pool that are course keys under its course; certain = both courses are known",
    "missing": "gone from their pool and not in course keys (certain); possibly also those of a begun pool that was not exported again",
}

GROUPS = {  # of the first screen: every key stands in one
    "locked out now": "the learner's code fails today",
    "due": "needs action by a date",
    "not known": "the exports do not tell whether it works",
    "settled": "nothing is left to do",
}
