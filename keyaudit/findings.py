"""Everything a person must look at: the findings of CATALOGUE §5, from rules over facts, as one table, and in a sentence. (DESIGN §5)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.checks import FIELDS, name_keys
from keyaudit.coded import TEXT, Array, Coded
from keyaudit.exports.names import fold_name
from keyaudit.exports.records import Note
from keyaudit.facts import Facts, at, fact, facts, numbers_of
from keyaudit.rulebook import BY_PAIR, FINDINGS, SEVERITIES, STATUS, STATUSES, URGENCY, Code, holds, severity_of
from keyaudit.settings import of_pools
from keyaudit.words import agree, are, count, listed, plain, weekday

ACCEPTED = SEVERITIES.index("accepted")
ONCE_A_KEY = (Code.redemption_unreadable,)  # however many rows say it; else a finding each


@dataclass(frozen=True)
class Accepted:
    """A finding somebody has accepted, until a date: it stays listed and no longer counts."""

    finding: str
    reason: str
    pool: str | None = None
    reference: str | None = None
    until: dt.date | None = None


@dataclass
class Found:
    """Findings of one kind: the keys (numbers, -1 for none) or pools they are about, how bad each is, what is said.

    `rank`: places in SEVERITIES. `notes`: what was noted one by one says the code and the place; else it is a key's first record.
    """

    code: str
    key: Array
    pool: Array
    message: Coded
    rank: Array
    notes: Sequence[Note] = ()


def _accepted(f: Facts, block: Found) -> Found:
    """What an entry of case.toml accepts on the day no longer counts, and says the reason."""
    for entry in f.accepted:
        if entry.finding != block.code or (entry.until is not None and entry.until < f.day):
            continue
        mask = np.ones(len(block.key), dtype=bool)
        if entry.pool is not None:
            wanted = [fold_name(name) == fold_name(entry.pool) for name in f.pools.names]
            mask &= np.array([*wanted, False])[block.pool]
        if entry.reference is not None:
            mask &= np.array(pc.equal(f.references.take(block.key).texts(), entry.reference))
        block.rank[mask] = ACCEPTED
        codes, told = block.message.codes.astype(np.int32), block.message.listed()
        both = [*told, *(f"{text} Accepted: {entry.reason}" for text in told)]
        block.message = Coded(np.where(mask, codes + len(told), codes), both).compact()
    return block


def by_rules(f: Facts, of_what: str) -> Iterator[Found]:
    """The findings that are a predicate over keys (of the statuses, of settings), or over pools."""
    for code, row in FINDINGS.items():
        if not row.rule or row.of != of_what:
            continue
        of = np.flatnonzero(holds(row.rule, f))
        if not len(of):
            continue
        if code in STATUSES and code not in BY_PAIR:
            message = Coded(f.reason[0][of].astype(np.int32), f.reason[1])
        elif fields := {name: FIELDS[name](f, of) for _, name, _, _ in Formatter().parse(row.message) if name}:
            told = zip(*fields.values(), strict=True)
            message = Coded.of([row.message.format(**dict(zip(fields, values, strict=True))) for values in told])
        else:
            message = Coded(np.zeros(len(of), np.int32), [row.message])
        key, pool = (of, f.home_pool[of]) if of_what == "key" else (np.full(len(of), -1), of)
        yield _accepted(f, Found(code, key, pool, message, severity_of(row, f.period, f, of)))


def noted(f: Facts, notes: Iterable[Note]) -> Iterator[Found]:
    """What was noted one by one, in reading and below, a block for each kind."""
    kinds: dict[str, list[Note]] = {}
    for note in notes:
        kinds.setdefault(note.code, []).append(note)
    number = {fold_name(name): place for place, name in enumerate(f.pools.names)}
    key_of = numbers_of(f, {note.training_key for of in kinds.values() for note in of} - {""})
    for code, of in kinds.items():
        if code in ONCE_A_KEY:
            first: dict[str | int, Note] = {}
            for place, note in enumerate(of):
                first.setdefault(note.training_key or place, note)
            of = list(first.values())
        key = np.array([key_of.get(note.training_key, -1) for note in of])
        pool = np.array([number.get(fold_name(note.pool), -1) for note in of])
        pool = np.where(pool < 0, at(f.home_pool, key, -1), pool)
        severity = [note.severity or FINDINGS[code].severity[f.period] for note in of]
        message, rank = Coded.of([note.message for note in of]), np.array([*map(SEVERITIES.index, severity)])
        yield _accepted(f, Found(code, key, pool, message, rank, of))


# --- what is noted here: of few codes, or of files and the whole audit ---


def _note_at(f: Facts, record: int, code: str, message: str, text: str) -> Note:
    file = f.files[f.file[record]].source_file
    return Note(code, message, file, f.sheet[record] or "", int(f.row[record]), text)


def _of_codes(f: Facts) -> Iterator[Note]:
    """Codes of the log that no export knows; codes with several candidates, or one that has several itself."""
    _, texts, records, _ = f.log
    partner = {other - f.keys: one for one, other, _ in f.log_links.pairs}
    for place, text in enumerate(texts):
        like = f" It resembles {name_keys(f, [partner[place]])}." if place in partner else ""
        message = f"The log says a learner was sent it, but no export knows it.{like}"
        yield _note_at(f, records[place], Code.log_key_unknown, message, text)
    for key, ones in {**f.links.ambiguous_left, **f.links.ambiguous_right}.items():
        alone = f"{name_keys(f, ones)}, and is not the only one to do so"
        like = alone if len(ones) == 1 else f"{len(ones)} codes: {name_keys(f, ones)}"
        message = f"It resembles {like}. Nothing is decided."
        yield _note_at(f, f.first_record[key], Code.ambiguous_lookalike, message, f.codes[key].as_py())
    for number, ones in f.log_links.ambiguous_right.items():
        message = f"The log's code resembles {count(len(ones))}: {name_keys(f, ones)}. Nothing is decided."
        place = number - f.keys
        yield _note_at(f, records[place], Code.ambiguous_lookalike, message, texts[place])


NOT_GIVEN = {  # role → what is not known without it
    "course_keys": "No Find Course Assignment Keys export was given: what was migrated is not known.",
    "pools_now": "No later pool exports were given: what was deleted from the pools is not known.",
    "distribution": "No distribution log was given: every unredeemed key is presumed to be in a learner's hands.",
}


CHECKED = {  # what is checked of course keys, and the setting of pools it is compared with, if any
    **dict.fromkeys(("uses", "max_uses", "expires_on", "course", "created_at"), ""),
    "organization": "organization", "content_availability": "content_availability", "any_organization": "sitewide",
}  # fmt: skip


def _of_inputs(f: Facts) -> Iterator[Note]:
    """Exports and columns that would tell more and were not given; a pool list without an expired pool."""
    for role, text in NOT_GIVEN.items():
        if role not in f.exports:
            yield Note(Code.input_missing, text, severity="error" if role == "course_keys" and f.is_late else "")
    export = f.exports.get("course_keys")
    wanted = [name for name, of_pool in CHECKED.items() if not of_pool or of_pools(f, of_pool).filled.any()]
    for file, columns in dict.fromkeys((table.file, table.columns) for table in export.tables) if export else ():
        if export and (lacking := [plain(name) for name in wanted if name not in columns]):
            message = f"It does not show {listed(lacking, most=9)}: that could not be checked."
            yield Note(Code.column_missing, message, export.files[file].source_file)
    shown = f.is_in("pool_list") & f.shows("expires_on")
    if shown.any() and not (f.dates("expires_on")[shown] <= f.as_of).any():
        yield Note(Code.pool_list_filtered, FINDINGS[Code.pool_list_filtered].what)


# --- all of them ---

facts(found=lambda f: [*f.found_of_keys, *by_rules(f, "pool")])  # all, a block for each kind


@fact
def found_of_keys(f: Facts) -> list[Found]:
    """The findings that do not depend on what is left to do: all but those about pools."""
    notes = [note for _, export in f.given() for note in export.told]
    return [*noted(f, [*notes, *f.pools.notes, *_of_codes(f), *_of_inputs(f)]), *by_rules(f, "key")]


@fact
def excused(f: Facts) -> Array:
    """Keys of which something is accepted, and nothing else counts: nobody needs to do anything about them."""
    counting, accepted = np.zeros((2, f.keys + 1), dtype=bool)
    for block in f.found_of_keys if f.accepted else ():
        counting[block.key[block.rank < SEVERITIES.index("note")]] = True
        accepted[block.key[block.rank == ACCEPTED]] = True
    return (accepted & ~counting)[:-1]


def table(f: Facts, blocks: Sequence[Found]) -> dict[str, Any]:
    """The findings as columns (columns.FINDINGS), worst first; and `key`, the number of the key each is about."""
    kinds, (step, steps) = list(FINDINGS), f.next_step
    numbers = ((np.full(len(b.key), kinds.index(b.code)), b.rank, b.pool, b.key) for b in blocks)
    code, rank, pool, key = np.concatenate([np.zeros((4, 0), np.int64), *map(np.stack, numbers)], axis=1)
    nowhere = (pa.array([], TEXT), Coded.nothing(0), Coded.nothing(0), np.zeros(0, np.int64))
    texts, files, sheets, rows = zip(nowhere, *(_where(f, block) for block in blocks), strict=True)
    own = np.isin(code, [kinds.index(name) for name in STATUSES if name in FINDINGS]) & (key >= 0)
    remedy = np.where(own, len(kinds) + at(step, key, 0), code)
    columns: dict[str, Any] = {
        "code": Coded(code.astype(np.int32), kinds),
        "severity": Coded(rank.astype(np.int32), list(SEVERITIES)),
        "training_key": pa.concat_arrays(texts),
        "pool": Coded(pool.astype(np.int32), f.pools.names),
        "message": Coded.stacked([Coded.nothing(0), *(block.message for block in blocks)]),
        "remedy": Coded(remedy.astype(np.int32), [*(FINDINGS[name].remedy[f.period] for name in kinds), *steps]),
        "source_file": Coded.stacked(files).distinct(sort=True),  # sorted, so that codes sort as their values do
        "source_sheet": Coded.stacked(sheets).distinct(sort=True),
        "source_row": np.concatenate(rows),
        "key": key,
    }
    by = (at(f.rank_of_code, key, f.keys), columns["source_row"], columns["source_sheet"].codes)
    order = np.lexsort((*by, columns["source_file"].codes, pool, code, rank))
    return {name: column.take(order) for name, column in columns.items()}


def _where(f: Facts, block: Found) -> tuple[Any, Coded, Coded, Array]:
    """Of every finding of a block the code it names, and the file, sheet and row where it stands."""
    if notes := block.notes:
        file, sheet = (Coded.of(getattr(note, of) or None for note in notes) for of in ("source_file", "source_sheet"))
        row = np.array([note.source_row for note in notes], dtype=np.int64)
        return pa.array([note.training_key for note in notes], TEXT), file, sheet, row
    record = at(f.first_record, block.key, -1)
    files = Coded(at(f.file, record, -1).astype(np.int32), [file.source_file for file in f.files])
    texts = f.codes.take(pa.array(block.key, mask=block.key < 0))
    return texts, files, f.sheet.take(record), at(f.row, record, 0)


# --- what a verdict means: who is locked out and why, then the largest kind of what else is worst ---

WORST = {"blocked": ("critical", "Critical"), "act": ("error", "To be put right")}  # verdict → severity, in words
IN_A_SENTENCE = {
    STATUS.to_migrate: "still to be migrated",
    STATUS.redeemed_recreated: "redeemed and recreated",
    STATUS.wrong_course: "in the wrong course",
}
DEAD = {  # what became of codes that fail, where the status alone does not say it
    STATUS.to_migrate: "to migrate (only in a pool, and that has ended)",
    STATUS.migrated: "migrated (and the course key has expired)",
}


def meaning(f: Facts, found: Sequence[Found], verdict: str) -> str:
    """Who is locked out, and the largest kind of the worst findings about others; nothing where there are none."""
    told = [_lockout(f)] if f.locked_out.any() else []
    severity, words = WORST.get(verdict, ("", ""))
    if kinds := _besides(f, found, severity) if severity else {}:
        kind = max(kinds, key=lambda code: len(kinds[code]))
        more = " besides" if told else " above all" if len(kinds) > 1 else ""
        told.append(f"{words}{more}: {_said(f, kind, kinds[kind])}.")
    return " ".join(told)


def _lockout(f: Facts) -> str:
    """How many codes fail that a learner may hold, and what became of them."""
    codes, number = list(STATUSES), int(f.locked_out.sum())
    statuses = np.bincount(f.status[f.locked_out], minlength=len(codes)).tolist()
    kinds = {code: statuses[codes.index(code)] for code in URGENCY if statuses[codes.index(code)]}
    said = [f"{f'{keys:,} ' if len(kinds) > 1 else ''}{DEAD.get(code, _named(code))}" for code, keys in kinds.items()]
    what = f"{count(number)} {agree(number, 'does', 'do')} not work, and whoever holds {agree(number, 'it', 'one')} is"
    return f"{what} locked out: {listed(said)}."


def _besides(f: Facts, found: Sequence[Found], severity: str) -> dict[str, Array]:
    """The findings of a severity by kind, without those about keys (or pools of keys) that are locked out: the key of each (-1: none)."""
    rank, told, is_told = SEVERITIES.index(severity), dict[str, Array](), np.append(f.locked_out, False)
    others = f.by_home.any(f.status_to_migrate & ~f.locked_out)  # of every pool: not all of its keys are told
    for block in found:
        of_pool = block.code != Code.pool_expired_too_soon or others[block.pool]
        keys = block.key[(block.rank == rank) & ~is_told[block.key] & of_pool]
        if len(keys):
            told[block.code] = np.concatenate([told.get(block.code, keys[:0]), keys])
    return told


def _said(f: Facts, kind: str, keys: Array) -> str:
    """A kind of finding and how many there are; of a status, how many keys, of how many, and until when they work."""
    number = len(keys)
    if kind not in STATUSES:
        what = FINDINGS[kind].what.rstrip(".")
        return f"{what[:1].lower()}{what[1:]} ({number:,})"
    every, until = int((f.status == list(STATUSES).index(kind)).sum()), f.works_until[keys]
    if kind != STATUS.to_migrate or np.isnat(until).any():
        of = f"{number:,} of the {count(every)} that {are(every)}"
        unknown = int(np.isnat(until).sum())
        who = agree(number, "it works", "they work") if unknown == number else f"{unknown:,} of them work"
        when = f"; until when {who} is not known" * (kind == STATUS.to_migrate)
        return f"{f'{count(number)} {are(number)}' if number == every else of} {_named(kind)}{when}"
    first, last = (day.item().date() for day in (until.min(), until.max()))
    when = f"on {weekday(first)}" if first == last else f"from {weekday(first)} on"
    stops = agree(number, f"stops working {when}, when its pool ends", f"stop working {when}, when their pools end")
    return f"{count(number) if number == every else f'{number:,} of the {count(every)}'} {_named(kind)} {stops}"


def _named(code: str) -> str:
    """A status, and what it means: `missing (deleted, not recreated)`."""
    return f"{IN_A_SENTENCE.get(code, plain(code))} ({STATUSES[code].short})"
