"""Facts that only findings ask for, and the fields of their messages. (CATALOGUE §5)"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import Array, Coded
from keyaudit.exports.codes import FRAGILE
from keyaudit.exports.names import fold_name
from keyaudit.facts import DAY, NEVER, By, Facts, alike, at, fact, facts
from keyaudit.lookalikes import caseless
from keyaudit.masking import ending
from keyaudit.rulebook import Code
from keyaudit.settings import KNOWN_ROLES, differ, key_setting, of_pools, pool_setting
from keyaudit.verdicts import by_status
from keyaudit.words import count, listed, toml


def _is_earlier(one: Array, other: Array) -> Array:
    return one.astype("datetime64[D]") < other.astype("datetime64[D]")


facts(  # of keys: settings of pool and course key
    made=lambda f: at(f.dates("created_at"), f.course_row, NEVER),
    key_expires=lambda f: at(f.dates("expires_on"), f.course_row, NEVER),
    organization_differs=lambda f: differ(f, "organization"),
    pool_sitewide=lambda f: pool_setting(f, "sitewide").spread(np.nan, float),
    key_open=lambda f: key_setting(f, "any_organization").spread(np.nan, float),
    pool_days=lambda f: pool_setting(f, "content_availability").spread(np.nan, float),
    key_days=lambda f: key_setting(f, "content_availability").spread(np.nan, float),
    both_days=lambda f: (f.key_days > 0) & (f.pool_days > 0),
    made_late=lambda f: f.made >= f.migrate_by + DAY,
    made_when_read_only=lambda f: f.made >= f.read_only,
    key_ends_in_a_month=lambda f: f.key_expires <= f.as_of + 30 * DAY,
    key_expiry_blank=lambda f: at(f.shows("expires_on") & ~f.column("expires_on").filled, f.course_row, False),
    # of keys: redemption
    redeemed_in_backup=lambda f: f.by_key.any(f.is_in("pools_before") & f.sign("redeemed")),
    learner_without_date=lambda f: f.by_key.any(f.sign(Code.learner_without_date)),
    redeemed_by_list=lambda f: f.by_key.any(f.sign("without_learner")),
    redeemed_later=lambda f: f.redeemed_at >= f.as_of + DAY,
    redeemed_before_created=lambda f: f.by_key.any(
        f.in_pools & _is_earlier(f.dates("redeemed_at"), f.dates("created_at"))
    ),
    paid_at=lambda f: f.dates("created_at")[f.paid[0]],  # of every payment
    paid_before=lambda f: f.paid_by.any(f.paid[2] & _is_earlier(f.paid_at, f.made[f.paid[1]])),
    paid_after_removal=lambda f: f.paid_by.any(f.paid_at >= f.removed) & ~f.in_course_keys & f.course_keys_given,
    used_in_both=lambda f: f.status_redeemed_recreated & f.used,
    used_too_often=lambda f: (f.paid_live > np.where(f.in_course_keys, f.max_uses, 1.0)) | (f.uses > f.max_uses),
    uses_known=lambda f: f.in_course_keys & ~np.isnan(f.uses) & bool(len(f.paid[1])),
    # of keys: their codes and files
    added_late=lambda f: f.by_key.any(f.in_pools & (f.dates("created_at") >= f.creation_off)),
    pool_backed=lambda f: at(f.pools.has_before, f.home_pool, False),
    # a learner may hold it, and it is no course key, or stands in two places
    needs_its_pool=lambda f: (by_status(f, "owed", True) & ~f.in_course_keys) | f.status_duplicate,
    # of pools
    pool_has_before=lambda f: f.pools.has_before,
    pool_has_now=lambda f: f.pools.has_now,
    pool_listed=lambda f: f.pools.in_list,
    pool_needs=lambda f: f.by_home.any(f.needs),
    pool_has_to_migrate=lambda f: f.by_home.any(f.status_to_migrate),
    pool_has_keys=lambda f: f.by_pool.any(np.ones(len(f.place_pool), dtype=bool)),
    pool_is_over=lambda f: f.is_removed | (f.pool_has_keys & ~f.by_pool.any(~f.place_ended)),
    # a learner may still need it, or a row of its files was not read
    pool_in_use=lambda f: f.pool_unread | f.by_pool.any(f.may_hold & f.needs_its_pool[f.place_key]),
    pool_logged=lambda f: f.by_home.count(f.in_pool & f.logged),
    pool_keys=lambda f: f.by_home.count(f.in_pool),
    pool_was_used_up=lambda f: f.pool_has_keys & ~f.by_pool.any((f.place_before_row >= 0) & ~f.redeemed[f.place_key]),
    pool_lost_keys=lambda f: f.by_home.any(f.in_before & f.readable & ~f.redeemed & ~f.redemption_unreadable & f.gone),
    pool_arrived=lambda f: f.by_home.any(f.in_before & ~f.redeemed & (f.in_course_keys | f.has_lookalike)),
    typos_off=lambda f: f.log_links.not_sought | f.links.not_sought,  # pool → why
    pool_typos_off=lambda f: np.isin(np.arange(f.pool_count), list(f.typos_off)),
    pool_settings_lacking=lambda f: f.lacking.any(axis=0),
    pool_course_or_expiry_lacking=lambda f: f.lacking[:2].any(axis=0),
    # course keys of its course, in no pool, are known to be made since the announcement; or nobody says when
    pool_has_fresh_course_keys=lambda f: _of_its_course(f, f.made >= f.announced_on),
    pool_has_new_course_keys=lambda f: f.pool_has_fresh_course_keys | _of_its_course(f, np.isnat(f.made)),
    # the log names every key of the pool, and none of those: they are no former keys of it
    pool_log_clears=lambda f: (f.pool_logged == f.pool_keys) & ~_of_its_course(f, f.logged),
    pool_has_two_courses=lambda f: np.isin(np.arange(f.pool_count), list(f.courses_of_pool)),
)


@fact
def pool_unread(f: Facts) -> Array:
    """Of every pool: was a row of one of its files not read, so that a key of it may stand there?"""
    codes = (Code.damaged_row, Code.blank_key, Code.rows_unaccounted)
    told = (note for _, export in f.given() for note in export.told if note.code in codes and note.severity != "note")
    files = {note.source_file for note in told}
    return By(f.pool, f.pool_count).any(f.of_file(lambda file: file.source_file in files) & f.in_pools)


@fact
def repeated(f: Facts) -> Array:
    """One pool file lists it more than once."""
    rows = np.flatnonzero(f.in_pools & (f.code >= 0))
    first, _, sizes = alike(f.code[rows], f.file[rows])
    return f.mask_of(f.code[rows[first[sizes > 1]]])


@fact
def case_twin(f: Facts) -> Array:
    """Another key differs from it only in upper and lower case (and neither is the other's lookalike)."""
    linked = f.mask_of([key for key, rung in f.rung.items() if rung == "case"])
    numbers = np.flatnonzero((f.in_pool | f.in_course_keys) & f.readable & ~linked)
    texts = f.codes.take(pa.array(numbers))
    odd = pc.not_equal(texts, pc.ascii_upper(texts))  # of two twins one is not in upper case, or no ASCII
    odd = pc.or_(odd, pc.invert(pc.string_is_ascii(texts)))
    upper = pc.ascii_upper(caseless(texts.filter(odd)))
    near = np.asarray(pc.or_(odd, pc.is_in(texts, value_set=upper)))
    twin = caseless(texts.filter(pa.array(near))).dictionary_encode().indices.to_numpy()
    return f.mask_of(numbers[near][np.bincount(twin)[twin] > 1])


@fact
def redeemed_by_another(f: Facts) -> Array:
    """Redeemed by somebody else than the log names: names are compared with names, addresses with addresses."""
    sent: dict[tuple[int, bool], set[str]] = defaultdict(set)
    told = f.column("distributed_to")
    for row, keys in f.log[3].items():
        if told.codes[row] >= 0 and len(keys) == 1:
            sent[keys[0], "@" in told[row]].add(_person(told[row]))
    single = ~(f.max_uses > 1) & f.logged  # a key of many uses has many learners
    every, live, found = np.flatnonzero((f.key >= 0) & (f.sign("redeemed") | ~f.in_pools)), f.paid[2], []
    seen = [(f.column(name), every, f.key[every]) for name in ("redeemed_by", "redeemed_email")]
    for people, rows, keys in (*seen, (f.column("student"), f.paid[0][live], f.paid[1][live])):
        mine = people.filled[rows] & single[keys]
        for key, row in zip(keys[mine].tolist(), rows[mine].tolist(), strict=True):
            who = _person(people[row])
            found += [key] if who not in sent.get((key, "@" in who), {who}) else []
    return f.mask_of(found)


def _person(text: str) -> str:
    return " ".join(sorted(re.split(r"[\s,]+", fold_name(text).strip(" ,"))))


@fact
def pool_fragile(f: Facts) -> Array:
    """Of every pool: how many codes are still to be pasted that Excel would change."""
    of = np.flatnonzero(f.in_pool & f.readable & ~f.redeemed & ~f.in_course_keys)
    fragile = pc.match_substring_regex(f.codes.take(pa.array(of)), f"^(?:{FRAGILE})$").to_numpy(zero_copy_only=False)
    return np.bincount(f.home_pool[of[fragile]], minlength=f.pool_count)


def _of_its_course(f: Facts, keys: Array) -> Array:
    """Of every pool: is any of some course keys that are in no pool of its course?"""
    strangers = f.in_course_keys & ~f.in_pool & keys
    theirs, ours = key_setting(f, "course", True, strangers).codes, of_pools(f, "course", True).codes
    return np.isin(ours, theirs[theirs >= 0])


@fact
def courses_of_pool(f: Facts) -> dict[int, str]:
    """Pool → the courses under which its keys were recreated, where they are several, and the keys of the smaller side."""
    course, shown = key_setting(f, "course", True).codes, key_setting(f, "course")
    rows, told = np.flatnonzero(course >= 0), {}
    least, most = f.by_home.span(np.where(course >= 0, course, np.nan))
    for pool in np.flatnonzero(least < most).tolist():
        mine = rows[f.home_pool[rows] == pool]
        kinds, first, sizes = np.unique(course[mine], return_index=True, return_counts=True)
        order = np.argsort(-sizes, kind="stable")
        names = listed([f'{count(int(sizes[at]))} under "{shown[mine[first[at]]]}"' for at in order])
        few = f"The smaller side: {name_keys(f, mine[course[mine] != kinds[order[0]]])}."
        told[pool] = f"A pool has one course; its keys were recreated under {len(kinds)}: {names}. {few}"
    return told


SETTINGS = {  # of [pools."NAME"] in case.toml → our column, the form of what its page shows, and its name in a sentence
    "course": ("course", '"AZ-900"', "course"),
    "expires": ("expires_on", "2026-12-31", "expiry"),
    "organization": ("organization", '"Contoso"', "organization"),
    "starts": ("starts_on", "2025-06-01", "start"),
    "content_availability": ("content_availability", "180", "content availability"),
    "sitewide": ("sitewide", "true", "sitewide use"),
}


@fact
def lacking(f: Facts) -> Array:
    """Of every pool that was exported: the settings (rows, as SETTINGS) that no export, list or case says."""
    known = []
    for column, _, _ in SETTINGS.values():
        rows = f.shows(column) if column.endswith("_on") else f.column(column).filled
        known.append(By(f.pool, f.pool_count).any(rows & f.is_in(*KNOWN_ROLES)))
    return ~np.array(known) & (f.pools.has_before | f.pools.has_now)


def _lacking(f: Facts, pool: int) -> tuple[list[str], str]:
    """The settings of a pool that nothing says, and the lines of case.toml that would."""
    names = [name for name, is_lacking in zip(SETTINGS, f.lacking[:, pool], strict=True) if is_lacking]
    lines = [f"[pools.{toml(f.pools.names[pool])}]", *(f"# {name} = {SETTINGS[name][1]}" for name in names)]
    return names, "\n".join(lines)


def lacking_lines(f: Facts) -> list[str]:
    """For every pool of which something is not known: a block for case.toml, to be filled in."""
    return [_lacking(f, pool)[1] for pool in np.flatnonzero(f.pool_settings_lacking).tolist()]


def _told_lacking(f: Facts, pool: int) -> str:
    names, lines = _lacking(f, pool)
    told = listed([SETTINGS[name][2] for name in names], most=6)
    says = "an older export, a list or a mail says" if f.is_removed else "its page shows"
    return f"No export and no list says its {told}. In case.toml, as {says} it (the # goes):\n{lines}"


def name_keys(f: Facts, numbers: Iterable[int]) -> str:
    """Keys where others may see them: reference and ending."""
    keys = [int(number) for number in numbers]
    return listed([f"{f.references[key]} {ending(f.codes[key].as_py() or '')}".strip() for key in keys])


TYPOS_OFF = {
    "sequential": "Its codes are so much alike that a typing slip makes one of another: slips were not sought.",
    "another set": "One and the same change would explain several of its codes: they are another set of codes than the course keys, and slips were not sought.",
}
NEW_KEYS = {
    True: "course keys of its course that are in no pool were made since the announcement",
    False: "there are course keys of its course that are in no pool (no export says when they were made)",
}
FIELDS: dict[str, Callable[[Facts, Array], Iterable[Any]]] = {  # of messages: a text for each key, or each pool
    "reason": lambda f, of: [f.reason[1][number] for number in f.reason[0][of]],
    "course": lambda f, of: _named(pool_setting(f, "course"), of),
    "organization": lambda f, of: _named(pool_setting(f, "organization"), of),
    "course_key_course": lambda f, of: _named(key_setting(f, "course"), of),
    "course_key_organization": lambda f, of: _named(key_setting(f, "organization"), of),
    "uses_left": lambda f, of: [_left(number) for number in (f.max_uses - np.nan_to_num(f.uses))[of]],
    "uses": lambda f, of: [f"{number:.0f}" for number in f.uses[of]],
    "assignments": lambda f, of: f.paid_live[of].tolist(),
    "how_often": lambda f, of: [_how_often(f, key) for key in of],
    "logged": lambda f, of: [f"{number:,}" for number in f.pool_logged[of]],
    "keys": lambda f, of: [f"{number:,}" for number in f.pool_keys[of]],
    "fragile": lambda f, of: [count(number, "code") for number in f.pool_fragile[of].tolist()],
    "typos_off": lambda f, of: [TYPOS_OFF[f.typos_off[pool]] for pool in of.tolist()],
    "courses": lambda f, of: [f.courses_of_pool[pool] for pool in of.tolist()],
    "new_keys": lambda f, of: [NEW_KEYS[bool(is_sure)] for is_sure in f.pool_has_fresh_course_keys[of]],
    "lacking": lambda f, of: [_told_lacking(f, pool) for pool in of.tolist()],
}


def _named(column: Coded, of: Array) -> list[str]:
    return [column[key] or "" for key in of]


def _left(number: float) -> str:
    return "without limit" if np.isinf(number) else "not known" if np.isnan(number) else f"{max(number, 0):.0f}"


def _how_often(f: Facts, key: int) -> str:
    if f.used_in_both[key]:
        return "It was redeemed in its pool and used as a course key: two assignments may be billed."
    most = int(max(f.paid_live[key], np.nan_to_num(f.uses[key])))
    allowed = f.max_uses[key] if f.in_course_keys[key] else 1.0
    return f"{count(most, 'assignment')}, and {allowed:.0f} allowed: one may be billed without need."
