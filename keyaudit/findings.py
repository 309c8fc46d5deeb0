"""Everything a person must look at: the findings of CATALOGUE §5, from rules over facts, and as one table."""

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
from keyaudit.facts import Facts, at, fact, facts
from keyaudit.rulebook import BY_PAIR, FINDINGS, SEVERITIES, STATUSES, Code, holds, severity_of
from keyaudit.words import count, listed, plain


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
    """Findings of one kind: the keys (numbers, -1 for none) or pools they are about, what is said, where it stands.

    `severity`: places in SEVERITIES. `text`: what stands for the code where it is no key of ours. `where`: file, sheet, row
    (without it, a key's first record).
    """

    code: str
    key: Array
    pool: Array
    message: Coded
    severity: Array
    text: list[str] | None = None
    where: list[tuple[str, str, int]] | None = None


def by_rules(f: Facts, of_what: str) -> Iterator[Found]:
    """The findings that are a predicate over keys (of the statuses, of settings), or over pools."""
    size = f.keys if of_what == "key" else f.pool_count
    for code, row in FINDINGS.items():
        if not row.rule or row.of != of_what:
            continue
        of = np.flatnonzero(np.broadcast_to(holds(row.rule, f), size))
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
        yield Found(code, key, pool, message, severity_of(row, f.period, f, of))


def noted(f: Facts, notes: Iterable[Note]) -> Iterator[Found]:
    """What was noted one by one, in reading and below, a block for each kind."""
    kinds: dict[str, list[Note]] = {}
    for note in notes:
        kinds.setdefault(note.code, []).append(note)
    number = {fold_name(name): place for place, name in enumerate(f.pools.names)}
    told = pa.array(sorted({note.training_key for of in kinds.values() for note in of} - {""}), TEXT)
    place = pc.index_in(f.coded.dictionary, value_set=told) if len(told) else pa.array([], pa.int32())
    keys = np.flatnonzero(place.is_valid())
    key_of = dict(zip(told.take(place.take(pa.array(keys))).to_pylist(), keys.tolist(), strict=True))
    for code, of in kinds.items():
        base = FINDINGS[code].severity[f.period]
        yield Found(
            code,
            np.array([key_of.get(note.training_key, -1) for note in of]),
            np.array([number.get(fold_name(note.pool), -1) for note in of]),
            Coded.of([note.message for note in of]),
            np.array([SEVERITIES.index(note.severity or base) for note in of]),
            [note.training_key for note in of],
            [(note.source_file, note.source_sheet, note.source_row) for note in of],
        )


# --- what is noted here: of few codes, or of files and the whole audit ---


def _note_at(f: Facts, record: int, code: str, message: str, text: str) -> Note:
    """A note about what stands in a record."""
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


def _of_inputs(f: Facts) -> Iterator[Note]:
    """Exports and columns that would tell more and were not given; a pool list without an expired pool."""
    for role, text, severity in (
        ("course_keys", "No Find Course Assignment Keys export was given: what was migrated is not known.", "error"),
        ("pools_now", "No later pool exports were given: what was deleted from the pools is not known.", ""),
        (
            "distribution",
            "No distribution log was given: every unredeemed key is presumed to be in a learner's hands.",
            "",
        ),
    ):
        if role not in f.exports:
            yield Note(Code.input_missing, text, severity=severity if f.is_late else "")
    export = f.exports.get("course_keys")
    wanted = ("uses", "max_uses", "expires_on", "course")
    for file, columns in dict.fromkeys((table.file, table.columns) for table in export.tables) if export else ():
        if export and (lacking := [plain(name) for name in wanted if name not in columns]):
            message = f"It does not show {listed(lacking)}: that could not be checked."
            yield Note(Code.column_missing, message, export.files[file].source_file)
    shown = f.is_in("pool_list")
    if shown.any() and not (f.dates("expires_on")[shown] <= f.as_of).any():
        yield Note(Code.pool_list_filtered, FINDINGS[Code.pool_list_filtered].what)


# --- all of them ---

facts(
    found=lambda f: [*f.found_of_keys, *by_rules(f, "pool")]  # all, a block for each kind
)


@fact
def found_of_keys(f: Facts) -> list[Found]:
    """The findings that do not depend on what is left to do: all but those about pools."""
    notes = [note for _, export in f.given() for note in export.told]
    return [*noted(f, [*notes, *f.pools.notes, *_of_codes(f), *_of_inputs(f)]), *by_rules(f, "key")]


@fact
def excused(f: Facts) -> Array:
    """Keys of which something is accepted, and nothing else counts: nobody needs to do anything about them."""
    counting, accepted = np.zeros(f.keys + 1, dtype=bool), np.zeros(f.keys + 1, dtype=bool)
    for block in f.found_of_keys if f.accepted else ():
        rank = ranks(f, block)
        counting[block.key[rank < SEVERITIES.index("note")]] = True
        accepted[block.key[rank == SEVERITIES.index("accepted")]] = True
    return (accepted & ~counting)[:-1]


def _accepted(f: Facts, block: Found) -> Iterator[tuple[Accepted, Array]]:
    """The entries of case.toml that accept some findings of a block on the day, and which."""
    for entry in f.accepted:
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


def ranks(f: Facts, block: Found) -> Array:
    """The severity of every finding of a block; what somebody has accepted no longer counts."""
    rank = block.severity.copy()
    for _, mask in _accepted(f, block):
        rank[mask] = SEVERITIES.index("accepted")
    return rank


def messages(f: Facts, block: Found) -> Coded:
    """The messages of a block; of an accepted finding with the reason."""
    codes, told = block.message.codes.copy(), block.message.listed()
    for entry, mask in _accepted(f, block):
        for number in np.unique(codes[mask]).tolist():
            codes[mask & (codes == number)] = len(told)
            told.append(f"{told[number]} Accepted: {entry.reason}")
    return Coded(codes, told)


def counts_of(f: Facts, blocks: Sequence[Found]) -> dict[str, dict[str, int]]:
    """Severity → kind → how many findings, the most first."""
    counts: dict[str, dict[str, int]] = {severity: {} for severity in SEVERITIES}
    for block in blocks:
        for rank, number in enumerate(np.bincount(ranks(f, block), minlength=len(SEVERITIES)).tolist()):
            if number:
                counts[SEVERITIES[rank]][block.code] = counts[SEVERITIES[rank]].get(block.code, 0) + number
    return {severity: dict(sorted(kinds.items(), key=lambda kind: -kind[1])) for severity, kinds in counts.items()}


def table(f: Facts, blocks: Sequence[Found]) -> dict[str, Any]:
    """The findings as columns (columns.FINDINGS), worst first; and `key`, the number of the key each is about."""
    kinds, none = list(FINDINGS), np.array([], dtype=np.int64)
    code = np.repeat(
        np.array([kinds.index(block.code) for block in blocks], dtype=np.int64), [len(b.key) for b in blocks]
    )
    key, pool, rank = (
        (
            np.concatenate([none, *parts])
            for parts in zip(*((block.key, block.pool, ranks(f, block)) for block in blocks), strict=True)
        )
        if blocks
        else (none, none, none)
    )
    step, steps = f.next_step
    own = np.isin(code, [kinds.index(name) for name in STATUSES if name in FINDINGS]) & (key >= 0)
    remedy = np.where(own, len(kinds) + at(step, key, 0), code)
    columns: dict[str, Any] = {
        "code": Coded(code.astype(np.int32), kinds),
        "severity": Coded(rank.astype(np.int32), list(SEVERITIES)),
        "training_key": pa.concat_arrays([pa.array([], TEXT), *(_texts(f, block) for block in blocks)]),
        "pool": Coded(pool.astype(np.int32), f.pools.names),
        "message": Coded.stacked([Coded.nothing(0), *(messages(f, block) for block in blocks)]),
        "remedy": Coded(remedy.astype(np.int32), [*(FINDINGS[name].remedy[f.period] for name in kinds), *steps]),
        **_places(f, blocks),
    }
    last = at(f.rank_of_code, key, f.keys)
    order = np.lexsort(
        (last, columns["source_row"], *(columns[n].codes for n in ("source_sheet", "source_file")), pool, code, rank)
    )
    take = {name: column.take(order) for name, column in columns.items()}
    return take | {"key": key[order]}


def _texts(f: Facts, block: Found) -> Any:
    """The codes a block names."""
    if block.text is not None:
        return pa.array(block.text, TEXT)
    return f.codes.take(pa.array(block.key, mask=block.key < 0))


def _places(f: Facts, blocks: Sequence[Found]) -> dict[str, Any]:
    """Of every finding the file, sheet and row where it stands; their values sorted, so that codes sort as they do."""
    names, files, sheets = [file.source_file for file in f.files], [Coded.nothing(0)], [Coded.nothing(0)]
    rows = [np.array([], dtype=np.int64)]
    for block in blocks:
        if block.where is None:
            record = at(f.first_record, block.key, -1)
            files.append(Coded(at(f.file, record, -1).astype(np.int32), names))
            sheets.append(f.sheet.take(record))
            rows.append(at(f.row, record, 0))
        else:
            files.append(Coded.of([file or None for file, _, _ in block.where]))
            sheets.append(Coded.of([sheet or None for _, sheet, _ in block.where]))
            rows.append(np.array([row for _, _, row in block.where], dtype=np.int64))
    told = {"source_file": files, "source_sheet": sheets}
    return {name: Coded.stacked(parts).distinct(sort=True) for name, parts in told.items()} | {
        "source_row": np.concatenate(rows)
    }
