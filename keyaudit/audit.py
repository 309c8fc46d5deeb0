"""The one noun: a frozen answer to what became of every key. (DESIGN §1, §3)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from keyaudit.calendar import Calendar
from keyaudit.changes import Changes
from keyaudit.coded import Array, as_texts
from keyaudit.columns import KEYS
from keyaudit.exports.records import Note, frame_of
from keyaudit.facts import KEYED, Facts, at
from keyaudit.findings import NOT_GIVEN, Found, meaning, noted, table
from keyaudit.keytable import COLUMNS, frame
from keyaudit.masking import ending
from keyaudit.rulebook import ANSWERS, DOUBLED, GROUPS, SEVERITIES, STATUS, STATUSES, VERDICTS, WORKS, Code
from keyaudit.tallies import POOLS, PoolRow, Task, tasks
from keyaudit.words import agree, are, away, count, listed, plain, weekday

if TYPE_CHECKING:
    import pandas as pd

DISPLAYED = ("status", "works", "works_until", "act_by", "next_step")


@dataclass(frozen=True)
class Audit:
    """What became of every key, on a date.

    `keys`: one row per key, columns KEYS, full codes: for computing, not for display. `pools`: one row per pool.
    `findings`: what a person must look at, worst first. `tie_out`, `sources`: one row per file. `answers`: four rows.
    `facts`: what all of it follows from, by key number. DataFrames are made when they are first asked for; views that can
    do without take `key_columns` (in the order of urgency), `finding_columns` and `pool_rows`. Of a twin to share, `shown` is
    what it says of these and a few more, masked. (share.py)
    """

    facts: Facts = field(repr=False)
    unreadable: tuple[tuple[str, str], ...] = ()
    name: str = ""
    shown: Mapping[str, Any] = field(default_factory=dict, repr=False)  # of a twin to share
    changes: Changes | None = field(default=None, repr=False)  # since a former audit, for the card and the page

    def __post_init__(self) -> None:
        self.__dict__.update(self.shown)

    # --- as columns ---

    @property
    def is_masked(self) -> bool:
        """Is it a twin to share: no code in full, no person?"""
        return bool(self.shown)

    @property
    def seen(self) -> Audit:
        """As it may be seen by others: itself, or a twin."""
        return self

    def hide(self, text: str) -> str:
        """A text that may hold what is typed into exports, as it may be shown: a twin to share hides codes and people."""
        return text

    def found_of(self, keys: Array) -> dict[int, list[tuple[str, str]]]:
        """What is found of some keys, by their numbers: severity and message, the worst first."""
        wanted, found = self.facts.mask_of(keys), []
        for block in self._blocks:
            places = np.flatnonzero(at(wanted, block.key, False)).tolist()
            found += [(block.rank[n], int(block.key[n]), f"{plain(block.code)}. {block.message[n]}") for n in places]
        told: dict[int, list[tuple[str, str]]] = {}
        for rank, key, text in sorted(found, key=itemgetter(0)):
            told.setdefault(key, []).append((SEVERITIES[rank], text))
        return told

    @property
    def order(self) -> Array:
        """The numbers of all keys, the most urgent first."""
        return self.facts.order

    @cached_property
    def places(self) -> Array:
        """Of every key, by its number: its place in the order of urgency."""
        places = np.empty_like(self.order)
        places[self.order] = np.arange(self.total, dtype=places.dtype)
        return places

    @cached_property
    def key_columns(self) -> Mapping[str, Any]:
        """The columns of KEYS in the order of urgency: Coded, NumPy or Arrow."""
        self._blocks, self.pool_rows  # noqa: B018 - they share most facts: all of these are found once, and let go together
        order = self.order.astype(np.int64)
        made = {name: COLUMNS[name](self.facts).take(order) for name in KEYS}
        self.facts.let_go("checks")
        return made

    @cached_property
    def finding_columns(self) -> Mapping[str, Any]:
        """The columns of findings, worst first, and `key`: the number of the key each is about (-1: none)."""
        return table(self.facts, self._blocks)

    @cached_property
    def _blocks(self) -> list[Found]:
        lost = [Note(Code.file_unreadable, text, file) for file, text in self.unreadable]
        return [*self.facts.found, *noted(self.facts, lost)]

    def _notes(self, code: str) -> list[Note]:
        return [note for block in self._blocks if block.code == code for note in block.notes]

    @cached_property
    def pool_rows(self) -> tuple[PoolRow, ...]:
        """Every pool, those that need action first."""
        return tuple(self.facts.pool_rows)

    @cached_property
    def source_rows(self) -> tuple[Mapping[str, Any], ...]:
        """Every file; keys, repeats and set aside as the audit counts them."""
        return tuple(_sources(self.facts))

    # --- as DataFrames ---

    @cached_property
    def keys(self) -> pd.DataFrame:
        """One row per key, columns KEYS, the most urgent first; full codes: for computing, not for display."""
        return frame(self.key_columns, KEYS)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """What a person must look at, worst first."""
        made = {name: column for name, column in self.finding_columns.items() if name != "key"}
        texts = {name: as_texts(column) for name, column in made.items() if name not in ("severity", "source_row")}
        return frame(made | texts)

    @cached_property
    def pools(self) -> pd.DataFrame:
        """One row per pool: stage, counts per status, next step, act_by, sign-off; those that need action first."""
        dates = dict.fromkeys(("expires_on", "act_by"), "datetime64[s]")
        return frame_of((row.as_dict() for row in self.pool_rows), POOLS).astype(dates)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """One row per file: role, name, hash, columns used and not, the account of its rows."""
        return frame_of(self.source_rows).astype({"matched": "Int64", "unmatched": "Int64"})

    @property
    def tie_out(self) -> pd.DataFrame:
        """Pool and course-key files: rows read = keys + repeats + set aside."""
        sources = self.seen.sources
        counted = sources[[role in KEYED for role in sources["role"]]]
        return counted[["role", "source_file", "rows_read", "keys", "repeats", "set_aside"]].reset_index(drop=True)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """The user's four words, always four rows: count, of which certain, definition. (CATALOGUE §3)"""
        return frame_of(self.answer_rows)

    @property
    def answer_rows(self) -> list[dict[str, Any]]:
        """The same as rows."""
        told = ((word, definition, *self.answer_counts[word]) for word, definition in ANSWERS.items())
        return [{"answer": word, "count": of, "certain": sure, "definition": text} for word, text, of, sure in told]

    # --- counts ---

    @property
    def as_of(self) -> dt.date:
        """The day of the audit."""
        return self.facts.day

    @property
    def calendar(self) -> Calendar:
        """The sunset this audit goes by."""
        return self.facts.calendar

    @property
    def phase(self) -> str:
        """The phase of the calendar, one of PHASES."""
        return self.calendar.phase(self.as_of)

    @property
    def total(self) -> int:
        """How many keys there are."""
        return int(self.facts.keys)

    @cached_property
    def statuses(self) -> dict[str, int]:
        """How many keys have each of the 14 statuses, zeros included."""
        return _counted(self.facts.status, STATUSES)

    @cached_property
    def works(self) -> dict[str, int]:
        """How many keys work, are used, …: every value of WORKS, zeros included."""
        return _counted(self.facts.works, WORKS)

    @cached_property
    def groups(self) -> dict[str, int]:
        """How many keys stand in each of GROUPS, the first screen of every view; together all keys."""
        return self.groups_of(slice(None))

    def groups_of(self, keys: Any) -> dict[str, int]:
        """The same of some keys, by their numbers or as a mask."""
        return _counted(self.facts.group[keys], GROUPS)

    @cached_property
    def needing(self) -> int:
        """How many keys need action."""
        return int(self.facts.needs.sum())

    @cached_property
    def excused(self) -> int:
        """How many keys would need action, and all that is found of them is accepted."""
        return int(self.facts.excused.sum())

    @cached_property
    def answer_counts(self) -> dict[str, tuple[int, int]]:
        """The four answers: how many keys, and of how many that is certain."""
        f = self.facts
        unredeemed = f.in_pool & ~f.redeemed & ~f.status_undistributed
        doubled = np.zeros(f.keys + 1, dtype=bool)
        for block in self._blocks:
            if block.code in DOUBLED:
                doubled[block.key] = True
        duplicate, missing = f.status_duplicate, f.status_missing
        possibly = missing | (f.status_to_migrate & f.presence_unknown)
        counts = (
            (unredeemed, unredeemed & (f.is_distributed == 1)),
            (duplicate | doubled[:-1], duplicate),
            (f.status_migrated, f.status_migrated & f.courses_known),
            (possibly, missing),
        )
        return {word: (int(of.sum()), int(sure.sum())) for word, (of, sure) in zip(ANSWERS, counts, strict=True)}

    def count_findings(self) -> dict[str, int]:
        """How many findings of each severity, zeros included."""
        return _counted(np.concatenate([np.zeros(0, int), *(block.rank for block in self._blocks)]), SEVERITIES)

    def tie_out_sums(self) -> dict[str, int]:
        """Sums over pool and course-key files; `unexplained` is always 0 (checked when the audit was made)."""
        rows = [row for row in self.source_rows if row["role"] in KEYED]
        sums = {name: sum(row[name] for row in rows) for name in ("rows_read", "keys", "repeats", "set_aside")}
        sums["unexplained"] = sums["rows_read"] - sums["keys"] - sums["repeats"] - sums["set_aside"]
        return sums

    # --- the verdict in words ---

    @property
    def verdict(self) -> str:
        """One of VERDICTS, worst first."""
        counts = self.count_findings()
        reasons = (counts["critical"], counts["error"], self.not_checked, counts["warning"], "clear")
        return next(verdict for verdict, found in zip(VERDICTS, reasons, strict=True) if found)

    @property
    def locked_out(self) -> int:
        """How many keys fail today that a learner may hold."""
        return self.groups["locked out now"]

    @property
    def headline(self) -> str:
        """The verdict in one sentence with its figure."""
        excused, needing = self.excused, self.needing
        as_it_is = f" {count(excused)} {are(excused)} accepted as {agree(excused, 'it is', 'they are')}."
        accepted = as_it_is if excused else ""
        if self.verdict == "clear":
            every = agree(self.total, "the one key is", f"all {self.total:,} keys are")
            return f"Nothing is open: {every} accounted for.{accepted}"
        if needing:
            return f"{needing:,} of {count(self.total)} {agree(needing, 'needs', 'need')} action.{accepted}"
        return f"No key needs action{_NOBODY.get(self.verdict, ', but there are findings to look at')}.{accepted}"

    @cached_property
    def sentence(self) -> str:
        """What the verdict means: who is locked out, and why; then the largest kind of the worst findings about others."""
        return meaning(self.facts, self._blocks, self.verdict) or VERDICTS[self.verdict]

    def deadline_sentence(self) -> str:
        """What is due today, and how far the next deadline is."""
        now = self.groups_of(self.facts.act_by == self.facts.as_of)
        name, date = self.calendar.next_deadline(self.as_of) or ("", self.calendar.removed)
        what = f"next deadline: {name.lower()}" if name else "the pools were removed on"
        deadline = f"{what} {weekday(date)}, {away((date - self.as_of).days)}"
        if not (today := sum(now.values())):
            return deadline
        kinds = [(number, name.removesuffix(" now")) for name, number in now.items() if number]
        told = ", ".join(f"{number:,} {name}" for number, name in kinds) if len(kinds) > 1 else kinds[0][1]
        return f"{count(today)} today ({told}); {deadline}"

    @cached_property
    def not_checked(self) -> tuple[str, ...]:
        """What the audit could not decide: with any of these the verdict is at best `incomplete`."""
        undetermined = self.statuses[STATUS.undetermined]
        unknown = self.works["unknown"] - undetermined
        found = [] if self.facts.course_keys_given else [NOT_GIVEN["course_keys"]]
        found += [f"What became of {count(undetermined)} is not known."] if undetermined else []
        found += [f"Whether {count(unknown)} would work is not known."] if unknown else []
        for file, lost in ((row["source_file"], row["damaged"]) for row in self.source_rows if row["damaged"]):
            told = f"{count(lost, 'damaged row')} {agree(lost, 'was', 'were')} set aside; a key may be lost there."
            found.append(f"{file}: {told}")
        dark = [note.source_file for note in self._notes(Code.redemption_not_shown)]
        found += [f"{listed(dark, 2)}: which keys are redeemed is not shown."] if dark else []
        return (*found, *(text for _, text in self.unreadable))

    @cached_property
    def not_understood(self) -> tuple[str, ...]:
        """The columns of pool and course-key files that no role uses, the same of several files once."""
        files: dict[str, list[str]] = {}
        for note in self._notes(Code.column_not_understood):
            text, _, line = note.message.partition("\n")
            text = f"{text.rpartition('. ')[0]}; keyaudit check gives the line for case.toml" if line else text
            files.setdefault(text, []).append(note.source_file)
        return tuple(f"{listed(list(dict.fromkeys(of)), 2)}: {text}" for text, of in files.items())

    def when(self, day: dt.date) -> str:
        """`today`, or `by Fri 10 Apr 2026`."""
        return "today" if day == self.as_of else f"by {weekday(day)}"

    def as_summary(self) -> dict[str, Any]:
        """The content of summary.json. (DESIGN §4)"""
        return {
            "case": self.name,
            "as_of": self.as_of.isoformat(),
            "phase": self.phase,
            "verdict": self.verdict,
            "headline": self.headline,
            "answers": self.answer_rows,
            "keys": self.total,
            "groups": self.groups,
            "accepted": self.excused,
            "statuses": self.statuses,
            "works": self.works,
            "findings": self.count_findings(),
            "tie_out": self.tie_out_sums(),
            "sources": [dict(row) for row in self.source_rows],
            "not_checked": list(self.not_checked),
        }

    def shown_rows(self, rows: Array) -> pd.DataFrame:
        """Some keys, by their places in the order of urgency, for display: masked."""
        import pandas as pd

        part = {name: self.key_columns[name].take(rows) for name in ("reference", *DISPLAYED)}
        shown = frame(part, DISPLAYED)
        for name in ("works_until", "act_by"):
            shown[name] = shown[name].dt.strftime("%Y-%m-%d").fillna("")
        shown = shown.astype("str").rename(columns={"next_step": "next step"})
        codes = self.facts.codes.take(pa.array(self.order[rows])).to_pylist()
        shown.insert(0, "ends in", [ending(code or "") for code in codes])
        return shown.set_index(pd.Index(part["reference"].tolist(), name="key"))

    @cached_property
    def work(self) -> list[Task]:
        """The work list as rows: what to do, by when, in which pool, for how many keys; the most urgent first."""
        return tasks(self.key_columns, self.facts.locked_out[self.order])


def _sources(f: Facts) -> list[dict[str, Any]]:
    """Every file as it was read; rows of later exports that its backup shows too are set aside, not keys."""
    lost = np.bincount(f.file[f.is_set_aside], minlength=len(f.files)).tolist()
    rows = []
    for place, file in enumerate(f.files):
        row = {name: told for name, told in vars(file).items() if name not in ("shows", "padding_doubted")}
        row |= {"keys": file.keys - lost[place], "set_aside": file.set_aside + lost[place]}
        matched = f.matched.get(place)
        row |= {"matched": matched, "unmatched": None if matched is None else row["keys"] - matched}
        rows += [row] if file.role != "declared" else []
    return rows


def _counted(codes: Array, names: Iterable[str]) -> dict[str, int]:
    words = list(names)
    return dict(zip(words, np.bincount(codes, minlength=len(words)).tolist(), strict=True))


_NOBODY = {"incomplete": ", but some questions are open", "watch": "; some things are worth a look"}
