"""The cells of one file → what they say: names, dates, numbers, flags, and whether a key is redeemed. (CATALOGUE §2, §6)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from keyaudit.coded import Array, Coded
from keyaudit.columns import COLUMNS
from keyaudit.exports import dates
from keyaudit.exports.dates import flag_of, is_blank
from keyaudit.exports.grid import Odd, Padded
from keyaudit.exports.hints import shapes
from keyaudit.exports.names import clean_name
from keyaudit.exports.records import FileOptions
from keyaudit.rulebook import Code
from keyaudit.words import count, toml

HEADINGS = ("", "unredeemed", "distributed", "redeemed")  # what the heading of a list proves
FEW = 4  # records: fewer may well be of one learner
REDEMPTION, LEARNER = ("redeemed_at", "key_status"), ("redeemed_by", "redeemed_email")
STATES = {"redeemed": 1.0, "open": 0.0, "distributed": 0.0, "": 2.0, None: None}  # what a status says → its number
NO_DATE = np.datetime64("NaT", "s")
WRONG_DATES = {
    "ambiguous": "could be day first or month first; say in case.toml: {} and on the line below it day_first = true (or false)",
    "swapped": "stand beside texts whose day and month a program could not tell: it may have swapped them here; "
    "export again and do not open the file in Excel",
    "unreadable": "cannot be read",
    "contradicted": "case.toml says day_first = {1}, and the file holds a day over 12 in the other place; mend the entry",
}


@dataclass
class Said:
    """What the columns of one file say of its records, and what is to be told of cells that were not understood.

    `told`: the code of a finding, its message, the records it is about, and whether each of them gets its own.
    """

    columns: dict[str, Coded] = field(default_factory=dict)
    signs: dict[str, Array] = field(default_factory=dict)  # redeemed, unclear (not understood), distributed
    told: list[tuple[str, str, Array, bool]] = field(default_factory=list)


def said(raw: Mapping[str, Coded], label: str, known: FileOptions) -> Said:
    """Understand the columns beside the key. `raw`: our column → its cells, no value among them that no record has."""
    told, words = Said(), dict(dates.STATUSES)
    for meaning, own in (("redeemed", known.redeemed_when), ("open", known.open_when)):
        words |= dict.fromkeys((clean_name(word).casefold() for word in own), meaning)
    for name, cells in raw.items():
        kind = COLUMNS[name].kind
        if not isinstance(cells.values, pa.Array):
            odd = cells.map(lambda cell: cell.what if isinstance(cell, Odd) else None)
            for place, what in enumerate(odd.values):
                text = f"its cell in {_named(name)} holds {what}"
                told.told.append((Code.excel_damage, text, np.flatnonzero(odd.codes == place), True))
        if name in ("distributed_to", "assignment_status"):  # somebody was sent the key; some status it had
            told.columns[name] = cells.map(lambda cell: cell.what if isinstance(cell, Odd) else _text(cell))
        elif name in LEARNER:
            told.columns[name], told.signs[name] = _learners(cells, words)
        elif kind == "text":
            told.columns[name] = cells.map(_text, dates.TO_CLEAN)  # of many names only the odd ones are looked at
        elif kind == "status":
            state = cells.map(lambda cell: _meaning(cell, words))
            told.signs["distributed"] = state.has(lambda meant: meant == "distributed")
            told.columns[name] = state.map(STATES.get, dtype=float)
        elif kind != "date":  # dates are read together: whoever made the file wrote all of them alike
            told.columns[name] = _numbers(told, name, cells)
    _read_dates(raw, told, label, known.day_first, words)
    return told


def _named(column: str) -> str:
    return f'column "{COLUMNS[column].aliases[0]}"'


def _meaning(cell: Any, words: Mapping[str, str]) -> str | None:
    """What a status says, "" for a word that is not known, None for a blank cell."""
    return dates.status_of(cell, words) or (None if dates.is_nothing(cell) else "")


def _numbers(told: Said, name: str, cells: Coded) -> Coded:
    """A column of numbers or flags (NaN, 2: it is none); what is none is told, and is not known."""
    is_count = COLUMNS[name].kind == "count"

    def number(cell: Any) -> float | None:
        if (flag := None if is_count else flag_of(cell)) is not None:
            return float(flag)
        if dates.is_nothing(cell) and not (is_count and dates.bare(cell) in ("0", dates.NO_LIMIT)):
            return None
        return dates.count_of(cell) if is_count else 2.0

    numbers = cells.map(number, dtype=float)
    is_none = numbers.has(np.isnan if is_count else (2.0).__eq__) & ~cells.has(lambda cell: isinstance(cell, Odd))
    if len(rows := np.flatnonzero(is_none)):
        what = f"no {'number' if is_count else 'yes or no'} ({shapes(cells.take(rows).compact().listed())}): not known"
        told.told.append((Code.column_missing, f"{_named(name)}: {len(rows)} cells are {what}", rows, False))
    return numbers


def _text(cell: Any) -> str | None:
    """A name as a person sees it, None for a blank one; a number in its plain form."""
    if isinstance(cell, Padded):
        return cell.text
    if is_blank(cell) or isinstance(cell, Odd) or cell == 0:
        return None
    return clean_name(dates.bare(str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell))) or None


def _learners(cells: Coded, words: Mapping[str, str]) -> tuple[Coded, Array]:
    """Who redeemed, and in which records that may be nobody: one text in at least half of them, where no cell is blank.

    A word for "no" or for a key that is open is nobody, here too.
    """
    nobody = dates.NOBODY | {word for word, meaning in words.items() if meaning in ("open", "distributed")}
    pattern = rf"{dates.TO_CLEAN}|(?i)^\W*(?:{'|'.join(map(re.escape, sorted(nobody)))})\W*$"
    named = cells.map(lambda cell: None if dates.word_of(cell) in nobody else _text(cell), pattern)
    if len(cells.codes) < FEW or not named.filled.all():
        return named, np.zeros(len(cells.codes), dtype=bool)
    codes = named.distinct().codes
    is_common = 2 * np.bincount(codes)[codes] >= len(codes)
    return named, is_common & ~cells.has(lambda cell: dates.word_of(cell) in words)


def _read_dates(
    raw: Mapping[str, Coded], told: Said, label: str, day_first: bool | None, words: Mapping[str, str]
) -> None:
    columns = {name: cells for name, cells in raw.items() if COLUMNS[name].kind == "date"}
    cells = {name: column.listed() for name, column in columns.items()}
    found = {name: [None if _is_no_date(cell) else dates.written(cell) for cell in cells[name]] for name in cells}
    orders = dates.orders_of({name: dates.proof_of(found[name]) for name in found}, day_first)
    for name, order in orders.items():
        codes, states = columns[name].codes, [*map(_state, cells[name], found[name])]
        to_tell = {"date"} if name == "redeemed_at" else {"date", "unclear", "flag redeemed", "flag open"}
        if name == "redeemed_at":
            late = [date is not None and date.year >= dates.NEVER_YET for date in found[name]]
            states = [_meaning(cell, words) or state for cell, state in zip(cells[name], states, strict=True)]
            states = ["unclear" if is_late else state for is_late, state in zip(late, states, strict=True)]
            is_flags = not {"date", "unclear"} & set(states)  # a flag counts only where all filled cells are flags
            states = [state.removeprefix("flag ") if is_flags or state[:4] != "flag" else "unclear" for state in states]
            told.signs["redeemed"] = Coded(codes, states).has(lambda state: state in ("date", "redeemed"))
            told.signs["unclear"] = Coded(codes, states).has(lambda state: state == "unclear")
        read: list[Any] = [order.read(date) for date in found[name]]
        wrong: list[str | None] = [None] * len(read)
        for place, (cell, state) in enumerate(zip(cells[name], states, strict=True)):
            if isinstance(read[place], str):  # why it is no date
                wrong[place] = read[place] if state in to_tell and not isinstance(cell, Odd) else None
                read[place] = NO_DATE
            read[place] = None if state in ("blank", "open", "distributed") else read[place]
        told.columns[name] = Coded(codes, read).map(lambda date: date, dtype="datetime64[s]")
        problems = Coded(codes, wrong).distinct(sort=True)
        for place, problem in enumerate(problems.values):
            rows = np.flatnonzero(problems.codes == place)
            text = WRONG_DATES["contradicted" if problem == "ambiguous" and order.is_contradicted else problem]
            text = text.format(f"[files.{toml(label)}]", str(day_first).lower())
            code = Code.unreadable_date if problem == "unreadable" else Code.ambiguous_dates
            told.told.append((code, f"{_named(name)}: {count(len(rows), 'date')}: {text}", rows, False))


def _state(cell: Any, date: dates.Date) -> str:
    if dates.may_be(date):
        return "date"
    flag = {None: "unclear", True: "flag redeemed", False: "flag open"}[flag_of(cell)]
    return "blank" if _is_no_date(cell) else flag


def _is_no_date(cell: Any) -> bool:
    return dates.is_nothing(cell) or (isinstance(cell, (int, float)) and not isinstance(cell, bool) and cell == 0)


def signs_of(told: Said, raw: Mapping[str, Coded], heading: Array, is_shown: bool, label: str) -> dict[str, Array]:
    """What each record of a pool export says of redemption (CATALOGUE §2); cells that are not understood are told.

    `heading`: for each record a place in HEADINGS. `is_shown`: shows the file redemption at all?
    """
    none = np.zeros(len(heading), dtype=bool)
    no_heading, in_sent, in_redeemed = (heading == HEADINGS.index(name) for name in ("", "distributed", "redeemed"))
    status = told.columns.get("key_status", Coded.nothing(len(heading))).spread(np.nan, float)
    learners, has_column = [name for name in LEARNER if name in raw], any(name in raw for name in REDEMPTION)
    date, is_sent, no_flag = (told.signs.get(name, none) for name in ("redeemed", "distributed", "unclear"))
    learner = np.any([none, *(told.columns[name].filled for name in learners)], axis=0)
    proven = np.any([none, *(told.columns[name].filled & ~told.signs[name] for name in learners)], axis=0)
    redeemed = date | (status == 1) | in_redeemed
    unclear_in = {"redeemed_at": no_flag, "key_status": status == 2}
    if is_shown and not has_column:  # a learner is proof only where nothing else may be
        redeemed = redeemed | (proven & no_heading)
        for name in learners:
            unclear_in[name] = (raw[name].has(lambda cell: isinstance(cell, Odd)) | told.signs[name]) & no_heading
    unclear = none.copy()
    for name, mask in unclear_in.items():
        if len(rows := np.flatnonzero(mask & ~redeemed & ~unclear)):
            cells = raw[name].take(rows).compact().listed()
            text = f"its {_named(name)} holds no date, flag or word that we know"
            if forms := shapes(cell for cell in cells if isinstance(cell, str)):
                text += f" (like {forms}). If the words say whether a key is redeemed, tell it in case.toml:"
                text += f'\n[files.{toml(label)}]\nredeemed_when = ["…"]\nopen_when = ["…"]'
            told.told.append((Code.redemption_unreadable, text, rows, True))
            unclear[rows] = True
    return {
        "redeemed": redeemed,
        Code.redemption_unreadable: unclear,
        Code.learner_without_date: learner & ~redeemed & ~unclear & ~is_sent & (has_column | ~no_heading) & is_shown,
        "without_learner": redeemed & ~date & ~learner & (status != 1),
        "distributed": is_sent | in_sent,
    }
