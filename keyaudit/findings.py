"""Everything a person must look at: the findings of CATALOGUE §5, from rules over facts and a few small checks."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.errors import toml
from keyaudit.exports.codes import FRAGILE
from keyaudit.exports.names import fold_name
from keyaudit.exports.records import Note
from keyaudit.facts import NEVER, By, Facts, fact, named
from keyaudit.lookalikes import caseless
from keyaudit.masking import ending
from keyaudit.rulebook import FINDINGS, SEVERITIES, STATUSES, holds, severity_of
from keyaudit.settings import differ, key_setting, latest_row, of_pools, pool_setting
from keyaudit.verdicts import DAY
from keyaudit.words import count, listed, plain

# --- facts that only findings ask for: one line each ---


def _pool_number(f: Facts, name: str) -> Array:
    """A count or flag of the pool every key counts in, NaN where it is not known."""
    return np.append(f.numbers(name), np.nan)[f.of_key(f.home, latest_row(f, name), -1)]


def _key_number(f: Facts, name: str) -> Array:
    return np.append(f.numbers(name), np.nan)[f.course_row]


def _in_file(f: Facts, role: str, mask: Array) -> Array:
    return f.by_key.any(f.is_in(role) & mask)


def _day(dates: Array) -> Array:
    return dates.astype("datetime64[D]")


named("made", lambda f: np.append(f.dates("created_at"), NEVER)[f.course_row])
named("key_expires", lambda f: np.append(f.dates("expires_on"), NEVER)[f.course_row])
named("organization_differs", lambda f: differ(f, "organization"))
named("pool_sitewide", lambda f: _pool_number(f, "sitewide") == 1)
named("pool_bound", lambda f: _pool_number(f, "sitewide") == 0)
named("key_open", lambda f: _key_number(f, "any_organization") == 1)
named("key_bound", lambda f: _key_number(f, "any_organization") == 0)
named("many_uses", lambda f: f.max_uses > 1)
named("pool_days", lambda f: (days := _pool_number(f, "content_availability"), np.where(days > 0, days, np.nan))[1])
named("key_days", lambda f: (days := _key_number(f, "content_availability"), np.where(days > 0, days, np.nan))[1])
named("availability_less", lambda f: f.key_days < f.pool_days)
named("availability_more", lambda f: f.key_days > f.pool_days)
named("key_expires_first", lambda f: f.key_expires < f.pool_expires_on)
named("started_after_made", lambda f: f.starts_on > f.made)
named("ended_before_made", lambda f: f.pool_expires_on <= f.made)
named("made_late", lambda f: _day(f.made) > np.datetime64(f.calendar.migrate_by))
named("made_when_read_only", lambda f: f.made >= np.datetime64(f.calendar.read_only))
named("key_ends_in_a_month", lambda f: f.key_expires <= f.as_of + 30 * DAY)
named("key_expiry_blank", lambda f: (f.course_row >= 0) & np.append(f.shows("expires_on") & ~f.column("expires_on").filled, False)[f.course_row])  # fmt: skip
named("redeemed_in_backup", lambda f: _in_file(f, "pools_before", f.sign("redeemed")))
named("learner_without_date", lambda f: f.by_key.any(f.sign("learner_without_date")))
named("redeemed_by_list", lambda f: f.by_key.any(f.sign("without_learner")))
named("redeemed_later", lambda f: f.redeemed_at >= f.as_of + DAY)
named("redeemed_before_created", lambda f: f.by_key.any(f.in_pools & (_day(f.dates("redeemed_at")) < _day(f.dates("created_at")))))  # fmt: skip
named("added_late", lambda f: f.by_key.any(f.in_pools & (f.dates("created_at") >= np.datetime64(f.calendar.creation_off))))  # fmt: skip
named("pool_backed", lambda f: f.of_key(f.home_pool, f.pools.has_before, False))
named("paid_before_made", lambda f: By(f.paid[1], f.keys).any(f.paid[2] & (_day(f.dates("created_at")[f.paid[0]]) < _day(f.made[f.paid[1]]))) & f.in_pool & ~f.redeemed_in_pool)  # fmt: skip
named("paid_after_removal", lambda f: By(f.paid[1], f.keys).any(f.dates("created_at")[f.paid[0]] >= np.datetime64(f.calendar.removed)) & ~f.in_course_keys & f.course_keys_given)  # fmt: skip
named("live_assignments", lambda f: By(f.paid[1], f.keys).count(f.paid[2]))
named("pool_has_before", lambda f: f.pools.has_before)
named("pool_has_now", lambda f: f.pools.has_now)
named("pool_listed", lambda f: f.pools.in_list)
named("pool_needs", lambda f: By(f.home_pool, f.pool_count).any(f.needs))
named("pool_has_to_migrate", lambda f: By(f.home_pool, f.pool_count).any(f.status_to_migrate))


@fact
def pool_is_over(f: Facts) -> Array:
    """Of every pool: it is removed, or all its keys' places have expired."""
    by = By(f.place_pool, f.pool_count)
    every = np.ones(len(f.place_pool), dtype=bool)
    return np.bool_(f.is_removed) | (by.any(every) & ~by.any(~f.place_ended))


@fact
def repeated(f: Facts) -> Array:
    """One pool file lists it more than once."""
    rows = np.flatnonzero(f.in_pools & (f.code >= 0))
    pair = np.sort(f.code[rows] * max(len(f.files), 1) + f.file[rows])
    found = np.zeros(f.keys, dtype=bool)
    found[pair[1:][pair[1:] == pair[:-1]] // max(len(f.files), 1)] = True
    return found


@fact
def case_twin(f: Facts) -> Array:
    """Another key differs from it only in upper and lower case (and neither is the other's lookalike)."""
    left_out = np.zeros(f.keys, dtype=bool)
    left_out[[key for key, rung in f.rung.items() if rung == "case"]] = True
    numbers = np.flatnonzero((f.in_pool | f.in_course_keys) & f.readable & ~left_out)
    texts = f.codes.take(pa.array(numbers))
    folded = caseless(texts)
    is_lower = pc.equal(folded, texts)
    usual = folded if (pc.mean(is_lower.cast(pa.float64())).as_py() or 0) > 0.5 else pc.utf8_upper(folded)
    odd = folded.filter(pc.not_equal(texts, usual)).unique()  # of two twins one is not written as most codes are
    is_twin = pc.is_in(folded, value_set=odd).to_numpy(zero_copy_only=False)
    numbers, folded = numbers[is_twin], folded.filter(pa.array(is_twin))
    group = folded.dictionary_encode().indices.to_numpy()
    found = np.zeros(f.keys, dtype=bool)
    found[numbers[np.bincount(group)[group] > 1]] = True if len(group) else found[numbers]
    return found


# --- what a finding is ---


@dataclass
class Found:
    """Findings of one kind: the keys (numbers, -1 for none) or pools they are about, what is said, where it stands.

    `severity`: places in SEVERITIES. `text`: what stands for the code where it is no key of ours. `where`: file, sheet, row.
    """

    code: str
    key: Array
    message: Coded
    severity: Array
    pool: Array
    text: list[str] | None = None
    where: list[tuple[str, str, int]] | None = None


def _of_keys(f: Facts, code: str, of: Array, messages: Sequence[str] | None = None) -> Found:
    row = FINDINGS[code]
    message = Coded(np.zeros(len(of), np.int32), [row.message]) if messages is None else Coded.of(messages)
    return Found(code, of, message, severity_of(row, f.period, f, of), f.home_pool[of])


def _of_pools(
    f: Facts, code: str, pools: Sequence[int] | Array, messages: Sequence[str], severity: str | None = None
) -> Found:
    of = np.asarray(pools, dtype=np.int64)
    rank = (
        severity_of(FINDINGS[code], f.period, f, of)
        if severity is None
        else np.full(len(of), SEVERITIES.index(severity))
    )
    return Found(code, np.full(len(of), -1), Coded.of(messages), rank, of)


def noted(f: Facts, notes: Iterable[Note]) -> list[Found]:
    """What the readers noted, a block for each kind."""
    kinds: dict[str, list[Note]] = {}
    for note in notes:
        kinds.setdefault(note.code, []).append(note)
    number = {fold_name(name): place for place, name in enumerate(f.pools.names)}
    blocks = []
    for code, of in kinds.items():
        base = FINDINGS[code].severity[f.period]
        rank = np.array([SEVERITIES.index(note.severity or base) for note in of])
        key = pc.index_in(pa.array([note.training_key or None for note in of], TEXT), value_set=f.coded.dictionary)
        pool = np.array([number.get(fold_name(note.pool), -1) for note in of])
        where = [(note.source_file, note.source_sheet, note.source_row) for note in of]
        numbers = key.fill_null(-1).to_numpy().astype(np.int64)
        texts = [note.training_key for note in of]
        blocks.append(Found(code, numbers, Coded.of([note.message for note in of]), rank, pool, texts, where))
    return blocks


FIELDS: dict[str, Callable[[Facts, Array], list[str]]] = {
    "course": lambda f, of: _named(pool_setting(f, "course"), of),
    "organization": lambda f, of: _named(pool_setting(f, "organization"), of),
    "course_key_course": lambda f, of: _named(key_setting(f, "course"), of),
    "course_key_organization": lambda f, of: _named(key_setting(f, "organization"), of),
    "uses_left": lambda f, of: [_uses_left(left) for left in (f.max_uses - np.nan_to_num(f.uses))[of]],
}


def _named(column: Coded, of: Array) -> list[str]:
    return [column[key] or "" for key in of]


def _uses_left(left: float) -> str:
    return "without limit" if np.isinf(left) else "not known" if np.isnan(left) else f"{max(left, 0):.0f}"


def by_rules(f: Facts, of_what: str) -> list[Found]:
    """The findings that are a predicate over keys (of the statuses, of settings), or over pools."""
    blocks = []
    sentence, sentences = f.reason
    for code, row in FINDINGS.items():
        if not row.rule or row.of != of_what:
            continue
        of = np.flatnonzero(np.broadcast_to(holds(row.rule, f), f.keys if row.of == "key" else f.pool_count))
        if not len(of):
            continue
        if row.of == "pool":
            blocks.append(_of_pools(f, code, of, [row.message] * len(of)))
            continue
        fields = [name for _, name, _, _ in Formatter().parse(row.message) if name]
        if fields:
            told = zip(*(FIELDS[name](f, of) for name in fields), strict=True)
            messages = [row.message.format(**dict(zip(fields, values, strict=True))) for values in told]
            blocks.append(_of_keys(f, code, of, messages))
        elif code in STATUSES:
            blocks.append(
                Found(
                    code,
                    of,
                    Coded(sentence[of].astype(np.int32), sentences),
                    severity_of(row, f.period, f, of),
                    f.home_pool[of],
                )
            )
        else:
            blocks.append(_of_keys(f, code, of))
    return blocks


def by_checks(f: Facts) -> list[Found]:
    """The findings that need more than a predicate: the function of their name."""
    names = [code for code, row in FINDINGS.items() if not row.rule and code in _CHECKS]
    return [found for code in names if len((found := _CHECKS[code](f)).key)]


_CHECKS: dict[str, Callable[[Facts], Found]] = {}


def _check(function: Callable[[Facts, str], Found]) -> Callable[[Facts, str], Found]:
    code = function.__name__.removeprefix("find_")
    _CHECKS[code] = lambda f: function(f, code)
    return function


# --- courses, uses, people ---


@_check
def find_pool_in_two_courses(f: Facts, code: str) -> Found:
    """Keys of one pool under several courses: the keys of the smaller ones are named."""
    rows = np.flatnonzero(f.in_pool & f.in_course_keys)
    course, shown = key_setting(f, "course", True).codes[rows], key_setting(f, "course")
    told = []
    for pool in np.unique(f.home_pool[rows]):
        mine = rows[(f.home_pool[rows] == pool) & (course >= 0)]
        kinds = key_setting(f, "course", True).codes[mine]
        sizes = {kind: int((kinds == kind).sum()) for kind in dict.fromkeys(kinds.tolist())}
        if len(sizes) > 1:
            *small, largest = sorted(sizes, key=lambda kind: (sizes[kind], kind))
            named_ = [f'{count(sizes[kind])} under "{shown[mine[kinds == kind][0]]}"' for kind in (largest, *small)]
            few = _names(f, mine[np.isin(kinds, small)])
            told.append(
                (
                    int(pool),
                    f"A pool has one course; its keys were recreated under {len(sizes)}: {listed(named_)}. The smaller side: {few}.",
                )
            )
    return _of_pools(f, code, [pool for pool, _ in told], [text for _, text in told])


@_check
def find_double_redemption(f: Facts, code: str) -> Found:
    """Used in both places, used more often than allowed, or paid for by more live assignments than allowed."""
    twice = f.status_redeemed_recreated & f.used
    allowed = np.where(f.in_course_keys, f.max_uses, 1.0)  # not known: nothing is more
    over = ~twice & ((f.live_assignments > allowed) | (f.uses > f.max_uses))
    of = np.flatnonzero(twice | over)
    both = "It was redeemed in its pool and used as a course key: two assignments may be billed."
    most = np.maximum(f.live_assignments, np.nan_to_num(f.uses))
    return _of_keys(f, code, of, [both if twice[key] else f"{count(int(most[key]), 'assignment')}, and {allowed[key]:.0f} allowed: one may be billed without need." for key in of])  # fmt: skip


@_check
def find_uses_disagree(f: Facts, code: str) -> Found:
    """Only where the assignments name keys at all; a key redeemed in its pool has an assignment from there."""
    known = f.in_course_keys & ~f.redeemed_in_pool & ~np.isnan(f.uses) & bool(len(f.paid[1]))
    of = np.flatnonzero(known & ~f.paid_before_made & (f.live_assignments != np.nan_to_num(f.uses)))
    return _of_keys(f, code, of, [f"Uses counted by the course-key export: {f.uses[key]:.0f}; assignments that are not cancelled: {f.live_assignments[key]}." for key in of])  # fmt: skip


@_check
def find_redeemed_by_other(f: Facts, code: str) -> Found:
    """Names are compared with names, addresses with addresses; a key of many uses has many learners."""
    sent: dict[tuple[int, bool], set[str]] = {}
    if "distribution" in f.exports:
        told = f.exports["distribution"].column("distributed_to")
        for row, keys in f.log[3].items():
            if told.codes[row] >= 0 and len(keys) == 1:
                sent.setdefault((keys[0], "@" in told[row]), set()).add(_person(told[row]))
    if not sent:
        return _of_keys(f, code, np.array([], dtype=np.int64), [])
    single = ~(f.max_uses > 1) & f.logged
    found = set()
    for name in ("redeemed_by", "redeemed_email"):
        people = f.column(name)
        rows = np.flatnonzero(people.filled & np.append(single, False)[f.key])
        found |= {int(f.key[row]) for row in rows if _is_other(sent, int(f.key[row]), people[row])}
    students = f.column("student")
    rows, keys, live = f.paid
    pairs = zip(rows[live].tolist(), keys[live].tolist(), strict=True)
    found |= {
        key for row, key in pairs if single[key] and students.codes[row] >= 0 and _is_other(sent, key, students[row])
    }
    return _of_keys(f, code, np.array(sorted(found), dtype=np.int64))


def _is_other(sent: dict[tuple[int, bool], set[str]], key: int, who: str) -> bool:
    holders = sent.get((key, "@" in who))
    return holders is not None and _person(who) not in holders


def _person(text: str) -> str:
    return " ".join(sorted(re.split(r"[\s,]+", fold_name(text).strip(" ,"))))


@_check
def find_log_key_unknown(f: Facts, code: str) -> Found:
    """A learner holds a code no export knows."""
    numbers, texts, rows, _ = f.log
    partner = {other: one for one, other, _ in f.log_links.pairs}
    like = [f" It resembles {_names(f, [partner[n]])}." if n in partner else "" for n in numbers.tolist()]
    messages = [f"The log says a learner was sent it, but no export knows it.{text}" for text in like]
    nobody = np.full(len(texts), -1)
    return Found(code, nobody, Coded.of(messages), severity_of(FINDINGS[code], f.period, f, nobody), nobody, texts, [_where(f, row) for row in rows])  # fmt: skip


@_check
def find_log_incomplete(f: Facts, code: str) -> Found:
    """The log names some keys of a pool and not others, and nobody calls it complete."""
    by, pooled = By(f.home_pool, f.pool_count), f.in_pool
    known, every = by.count(pooled & f.logged), by.count(pooled)
    of = np.flatnonzero((known > 0) & (known < every) & (not f.log_is_complete))
    return _of_pools(
        f, code, of, [f"The log names {known[pool]:,} of its {every[pool]:,} keys: is it complete?" for pool in of]
    )


# --- codes ---


@_check
def find_ambiguous_lookalike(f: Facts, code: str) -> Found:
    """Codes with several candidates, or one that has several itself; of the log too."""
    candidates = {**f.links.ambiguous_left, **f.links.ambiguous_right}
    keys = np.array(list(candidates), dtype=np.int64)
    ours = [
        f"It resembles {_names(f, ones)}, and is not the only one to do so. Nothing is decided." if len(ones) == 1
        else f"It resembles {len(ones)} codes: {_names(f, ones)}. Nothing is decided." for ones in candidates.values()
    ]  # fmt: skip
    logged = f.log_links.ambiguous_right
    theirs = [
        f"The log's code resembles {count(len(ones))}: {_names(f, ones)}. Nothing is decided."
        for ones in logged.values()
    ]
    texts = [f.codes[key].as_py() for key in candidates] + [f.log[1][number - f.keys] for number in logged]
    of = np.append(keys, np.full(len(logged), -1))
    where = [_where(f, f.first_record[key]) for key in candidates] + [
        _where(f, f.log[2][number - f.keys]) for number in logged
    ]
    rank = np.full(len(of), SEVERITIES.index(FINDINGS[code].severity[f.period]))
    return Found(code, of, Coded.of([*ours, *theirs]), rank, np.append(f.home_pool, -1)[of], texts, where)


def _names(f: Facts, numbers: Iterable[int]) -> str:
    """Keys where others may see them: reference and ending."""
    keys = [int(number) for number in numbers]
    return listed([f"{f.references[key].as_py()} {ending(f.codes[key].as_py() or '')}".strip() for key in keys])


@_check
def find_fragile_key(f: Facts, code: str) -> Found:
    """Codes still to be pasted that Excel would change: one a pool, with a count."""
    of = np.flatnonzero(f.in_pool & f.readable & ~f.redeemed & ~f.in_course_keys)
    fragile = pc.match_substring_regex(f.codes.take(pa.array(of)), f"^(?:{FRAGILE})$").to_numpy(zero_copy_only=False)
    counts = np.bincount(f.home_pool[of[fragile]], minlength=f.pool_count)
    pools = np.flatnonzero(counts)
    return _of_pools(
        f,
        code,
        pools,
        [f"{count(int(counts[pool]), 'code')} of this pool would be changed by Excel." for pool in pools],
    )


@_check
def find_typos_not_sought(f: Facts, code: str) -> Found:
    """Pools whose codes are too much alike, or that are another set of codes than the course keys."""
    why = {
        "sequential": "Its codes are so much alike that a typing slip makes one of another: slips were not sought.",
        "another set": "One and the same change would explain several of its codes: they are another set of codes than the course keys, and slips were not sought.",
    }  # fmt: skip
    found = dict(sorted({**f.log_links.not_sought, **f.links.not_sought}.items()))
    return _of_pools(f, code, list(found), [why[text] for text in found.values()])


# --- pools ---


@_check
def find_backup_looks_late(f: Facts, code: str) -> Found:
    """A backup without an unredeemed key, and course keys of its course in no pool made since the announcement."""
    by = By(f.home_pool, f.pool_count)
    open_ = By(f.place_pool, f.pool_count).any((f.place_before_row >= 0) & ~f.redeemed[f.place_key])
    of = np.flatnonzero(f.pools.has_before & ~open_ & (_made_elsewhere(f) > 0) & by.any(f.in_before))
    return _of_pools(f, code, of, [FINDINGS[code].message] * len(of))


def _made_elsewhere(f: Facts) -> Array:
    """Of every pool: how many course keys of its course, in no pool, were made since the announcement."""
    strangers = f.in_course_keys & ~f.in_pool & (f.made >= np.datetime64(f.calendar.announced_on))
    theirs = key_setting(f, "course", True).codes[strangers]
    counts = np.bincount(theirs[theirs >= 0], minlength=len(f.comparable("course").values) + 1)
    ours = of_pools(f, "course", True).codes
    return np.where(ours >= 0, counts[ours], 0)


@_check
def find_codes_regenerated(f: Facts, code: str) -> Found:
    """Unredeemed keys of a backup are gone, none is a course key, and course keys of its course were made instead."""
    by = By(f.home_pool, f.pool_count)
    ours = f.in_before & ~f.redeemed
    lost, arrived = by.any(ours & f.gone), by.any(ours & (f.in_course_keys | f.has_lookalike))
    of = np.flatnonzero(lost & ~arrived & (_made_elsewhere(f) > 0))
    return _of_pools(f, code, of, [FINDINGS[code].message] * len(of))


SETTINGS = {  # of [pools."NAME"] in case.toml → our column, and what a blank line of it looks like
    "course": ("course", '""'),
    "expires": ("expires_on", '"a date, as its page shows it"'),
    "organization": ("organization", '""'),
    "starts": ("starts_on", '"a date, as its page shows it"'),
    "content_availability": ("content_availability", '"days, as its page shows them"'),
    "sitewide": ("sitewide", '"true or false"'),
}


@_check
def find_pool_setting_unknown(f: Facts, code: str) -> Found:
    """What no export and no list says of a pool that has keys: one finding a pool, with the lines to fill in."""
    known = {}
    for name, (column, _) in SETTINGS.items():
        rows = f.shows(column) if column in ("expires_on", "starts_on") else f.column(column).filled
        known[name] = By(f.pool, f.pool_count).any(rows & f.is_in("declared", "pools_now", "pool_list", "pools_before"))
    lacking = ~np.array(list(known.values()))
    of = np.flatnonzero(lacking.any(axis=0) & (f.pools.has_before | f.pools.has_now))
    messages, severe = [], []
    for pool in of:
        names = [name for name in known if not known[name][pool]]
        lines = "\n".join(f"{name} = {SETTINGS[name][1]}" for name in names)
        what = listed([plain(name) for name in names], most=6)
        messages.append(
            f"No export and no list says its {what}. In case.toml:\n[pools.{toml(f.pools.names[pool])}]\n{lines}"
        )
        severe.append(bool({"course", "expires"} & set(names)))
    found = _of_pools(f, code, of, messages)
    found.severity = np.where(severe, found.severity, SEVERITIES.index("note")) if len(of) else found.severity
    return found


# --- coverage ---


def _of_files(f: Facts, code: str, told: Sequence[tuple[str, str, str]]) -> Found:
    """About files or the whole audit: message, severity ("": as the rule book says) and file."""
    base = FINDINGS[code].severity[f.period]
    rank = np.array([SEVERITIES.index(severity or base) for _, severity, _ in told], dtype=np.int64)
    nobody = np.full(len(told), -1)
    where = [(file, "", 0) for _, _, file in told]
    return Found(code, nobody, Coded.of([text for text, _, _ in told]), rank, nobody, [""] * len(told), where)


@_check
def find_input_missing(f: Facts, code: str) -> Found:
    """Exports that would tell more and were not given."""
    told = []
    if "course_keys" not in f.exports:
        text = "No Find Course Assignment Keys export was given: what was migrated is not known."
        told.append((text, "error" if f.is_late else "", ""))
    if "pools_now" not in f.exports:
        told.append(("No later pool exports were given: what was deleted from the pools is not known.", "", ""))
    if "distribution" not in f.exports:
        text = "No distribution log was given: every unredeemed key is presumed to be in a learner's hands."
        told.append((text, "", ""))
    return _of_files(f, code, told)


@_check
def find_column_missing(f: Facts, code: str) -> Found:
    """Columns of course keys that were not shown."""
    export = f.exports.get("course_keys")
    wanted = ("uses", "max_uses", "expires_on", "course")
    told = []
    for table in export.tables if export else ():
        if lacking := [plain(name) for name in wanted if name not in table.columns]:
            text = f"It does not show {listed(lacking)}: that could not be checked."
            told.append((text, "", export.files[table.file].source_file if export else ""))
    return _of_files(f, code, list(dict.fromkeys(told)))


@_check
def find_pool_list_filtered(f: Facts, code: str) -> Found:
    """A pool list without an expired pool."""
    listed_ = f.is_in("pool_list")
    filtered = listed_.any() and not (f.dates("expires_on")[listed_] <= f.as_of).any()
    return _of_files(f, code, [(FINDINGS[code].message, "", "")] if filtered else [])


# --- all of them, as one table ---


@dataclass(frozen=True)
class Accepted:
    """A finding somebody has accepted, until a date: it stays listed and no longer counts."""

    finding: str
    reason: str
    pool: str | None = None
    reference: str | None = None
    until: dt.date | None = None


def _where(f: Facts, row: int) -> tuple[str, str, int]:
    """File, sheet and row of a record."""
    return f.files[f.file[row]].source_file, f.sheet[row] or "", int(f.row[row])


@fact
def found_of_keys(f: Facts) -> list[Found]:
    """The findings that do not depend on what is left to do: all but those about what is left in a pool."""
    notes = [note for _, export in f.given() for note in export.told]
    return [*noted(f, [*notes, *f.pools.notes]), *by_rules(f, "key"), *by_checks(f)]


@fact
def found(f: Facts) -> list[Found]:
    """All findings, a block for each kind."""
    return [*f.found_of_keys, *by_rules(f, "pool")]


@fact
def excused(f: Facts) -> Array:
    """Keys of which something is accepted, and nothing else counts: nobody needs to do anything about them."""
    counting, accepted = np.zeros(f.keys + 1, dtype=bool), np.zeros(f.keys + 1, dtype=bool)
    for block in f.found_of_keys if f.accepted else ():
        rank = ranks(f, block, f.accepted)
        counting[block.key[rank < SEVERITIES.index("note")]] = True
        accepted[block.key[rank == SEVERITIES.index("accepted")]] = True
    return (accepted & ~counting)[:-1]


def table(f: Facts, blocks: Sequence[Found], accepted: Sequence[Accepted] = ()) -> dict[str, Any]:
    """The findings as columns (columns.FINDINGS), worst first; and `key`, the number of the key each is about."""
    kinds = list(FINDINGS)
    size = [len(block.key) for block in blocks]
    code = np.repeat([kinds.index(block.code) for block in blocks], size).astype(np.int64)
    empty = [np.array([], dtype=np.int64)]
    key = np.concatenate([*empty, *(block.key for block in blocks)])
    pool = np.concatenate([*empty, *(block.pool for block in blocks)])
    rank = np.concatenate([*empty, *(ranks(f, block, accepted) for block in blocks)])
    message = Coded.stacked([Coded.nothing(0), *(_said(f, block, accepted) for block in blocks)])
    texts, files, sheets, rows = _places(f, blocks)
    step, steps = f.next_step
    own = np.isin(code, [kinds.index(name) for name in STATUSES if name in FINDINGS])
    remedies = [FINDINGS[name].remedy[f.period] for name in kinds]
    remedy = Coded(
        np.where(own & (key >= 0), len(kinds) + np.append(step, 0)[key], code).astype(np.int32), [*remedies, *steps]
    )
    order = np.lexsort(
        (
            np.append(f.rank_of_code, f.keys)[key],
            rows,
            sheets.codes,
            files.codes,
            np.where(pool < 0, -1, pool),
            code,
            rank,
        )
    )
    columns: dict[str, Any] = {
        "code": Coded(code.astype(np.int32), kinds),
        "severity": Coded(rank.astype(np.int32), list(SEVERITIES)),
        "training_key": texts,
        "pool": Coded(pool.astype(np.int32), f.pools.names),
        "message": message,
        "remedy": remedy,
        "source_file": files,
        "source_sheet": sheets,
        "source_row": rows,
    }
    told = {
        name: column.take(pa.array(order)) if isinstance(column, pa.Array) else column.take(order)
        for name, column in columns.items()
    }
    return told | {"key": key[order]}


def _places(f: Facts, blocks: Sequence[Found]) -> tuple[Any, Coded, Coded, Array]:
    """Of every finding: the code it names, and the file, sheet and row where it stands (of a key, its first record)."""
    names = [file.source_file for file in f.files]
    texts, files, sheets, rows = (
        [pa.array([], TEXT)],
        [Coded.nothing(0)],
        [Coded.nothing(0)],
        [np.array([], dtype=np.int64)],
    )
    for block in blocks:
        if block.text is None:
            texts.append(f.codes.take(pa.array(block.key, mask=block.key < 0)).cast(TEXT))
        else:
            texts.append(pa.array(block.text, TEXT))
        if block.where is None:
            record = np.append(f.first_record, -1)[block.key]
            files.append(Coded(np.append(f.file, -1)[record].astype(np.int32), names))
            sheets.append(f.sheet.take(record))
            rows.append(np.append(f.row, 0)[record])
        else:
            files.append(Coded.of([file or None for file, _, _ in block.where]))
            sheets.append(Coded.of([sheet or None for _, sheet, _ in block.where]))
            rows.append(np.array([row for _, _, row in block.where], dtype=np.int64))
    sorted_files, sorted_sheets = (_sorted(Coded.stacked(parts).distinct()) for parts in (files, sheets))
    return pa.concat_arrays(texts), sorted_files, sorted_sheets, np.concatenate(rows)


def _sorted(column: Coded) -> Coded:
    """The same column, its values in order."""
    values = column.listed()
    order = sorted(range(len(values)), key=lambda place: values[place])
    place = np.empty(len(values) + 1, dtype=np.int32)
    place[order], place[-1] = np.arange(len(values)), -1
    return Coded(place[column.codes], [values[at] for at in order])


def _said(f: Facts, block: Found, accepted: Sequence[Accepted]) -> Coded:
    """The messages of a block; of an accepted finding with the reason."""
    codes, told = block.message.codes.copy(), block.message.listed()
    for entry, mask in _accepted(f, block, accepted):
        for number in np.unique(codes[mask]).tolist():
            codes[mask & (codes == number)] = len(told)
            told.append(f"{told[number]} Accepted: {entry.reason}")
    return Coded(codes, told)


def ranks(f: Facts, block: Found, accepted: Sequence[Accepted]) -> Array:
    """The severity of every finding of a block; what somebody has accepted, until a date, no longer counts."""
    rank = block.severity.copy()
    for entry, mask in _accepted(f, block, accepted):
        rank[mask] = SEVERITIES.index("accepted")
    return rank


def _accepted(f: Facts, block: Found, accepted: Sequence[Accepted]) -> Iterator[tuple[Accepted, Array]]:
    for entry in accepted:
        if entry.finding != block.code or (entry.until is not None and entry.until < f.day):
            continue
        mask = np.ones(len(block.key), dtype=bool)
        if entry.pool is not None:
            wanted = [fold_name(name) == fold_name(entry.pool) for name in f.pools.names]
            mask &= np.array([*wanted, False])[block.pool]
        if entry.reference is not None:
            names = f.references.take(pa.array(block.key, mask=block.key < 0))
            mask &= pc.fill_null(pc.equal(names, entry.reference), False).to_numpy(zero_copy_only=False)
        yield entry, mask


def counts_of(f: Facts, blocks: Sequence[Found], accepted: Sequence[Accepted]) -> dict[str, dict[str, int]]:
    """Severity → kind → how many findings, the most first."""
    counts: dict[str, dict[str, int]] = {severity: {} for severity in SEVERITIES}
    for block in blocks:
        for rank, number in enumerate(np.bincount(ranks(f, block, accepted), minlength=len(SEVERITIES)).tolist()):
            if number:
                counts[SEVERITIES[rank]][block.code] = counts[SEVERITIES[rank]].get(block.code, 0) + number
    return {severity: dict(sorted(kinds.items(), key=lambda kind: -kind[1])) for severity, kinds in counts.items()}
