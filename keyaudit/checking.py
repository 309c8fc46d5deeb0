"""Before any audit: how each file is understood, what it proves, and what it does not. (DESIGN §4, `keyaudit check`)"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keyaudit.case import Case, open_case
from keyaudit.checks import lacking_lines
from keyaudit.columns import ROLES
from keyaudit.errors import KeyauditError
from keyaudit.exports.read import Options
from keyaudit.exports.records import Export, Note, Understood, frame_of
from keyaudit.masking import mask_text, one_line
from keyaudit.rulebook import FINDINGS, Code
from keyaudit.share import hidden
from keyaudit.words import count, listed

if TYPE_CHECKING:
    import pandas as pd

PROVES = {  # fact → what a file that shows it proves
    "redemption": "which keys are redeemed",
    "expires_on": "until when they can be redeemed",
    "starts_on": "from when on",
    "course": "the course",
    "organization": "the organization",
    "uses": "how often each was used",
    "max_uses": "how often each may be used",
}
OF_ROLE = {  # what files of other roles prove by what they are
    "pool_list": "the settings of pools",
    "distribution": "who was sent which key",
    "other_keys": "which codes other keys hold",
    "assignments": "which keys were redeemed, where the payment names them",
}
SAID = {
    "understood": "understood",
    "proves": "proves",
    "does_not_say": "does not say",
    "not_understood": "not understood: ",
}
SHOWN = 12  # pools whose lines for case.toml are shown


@dataclass(frozen=True)
class CheckedFile:
    """One file: its role and pools, rows, how its headers are understood, what it proves, what it does not say."""

    file: str
    role: str
    pools: str
    rows: int
    understood: str
    not_understood: str
    proves: str
    does_not_say: str
    lines: str  # ready for case.toml


@dataclass(frozen=True)
class Checked:
    """What an audit of a case would rest on. `exit_code`: 0 all is understood, 1 a person is asked, 2 a file cannot be read."""

    name: str
    checked: tuple[CheckedFile, ...]
    unreadable: tuple[str, ...]
    passed_over: tuple[str, ...]
    absent: tuple[str, ...]
    doubts: tuple[str, ...]  # what was read, and is not certain, or was not read of a file
    settings: tuple[str, ...]  # a block of case.toml for each pool of which something is not known
    asks: bool = False
    hide: Callable[[str], str] = str  # takes codes and people out of a text, if a name in it holds a code

    @property
    def exit_code(self) -> int:
        """0, 1 or 2, as `keyaudit check` exits."""
        return 2 if self.unreadable else int(self.asks)

    @property
    def files(self) -> pd.DataFrame:
        """One row per file, the columns of CheckedFile."""
        return frame_of(self.checked, CheckedFile.__dataclass_fields__)

    def __repr__(self) -> str:
        return "\n".join(map(one_line, self.hide("\n".join(self._lines())).split("\n")))

    def _repr_html_(self) -> str:
        return f'<pre style="white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere">{html.escape(repr(self))}</pre>'

    def _lines(self) -> Iterator[str]:
        told = ("every file is understood", "please look at what is not understood", "not every file can be read")
        yield f"{self.name}: {told[self.exit_code]}"
        alike: dict[tuple[str, ...], list[CheckedFile]] = {}  # the files of a role that are understood in the same way
        for file in sorted(self.checked, key=lambda file: list(ROLES).index(file.role)):
            alike.setdefault((file.role, *(getattr(file, name) for name in SAID)), []).append(file)
        for files in alike.values():
            yield from _told(files)
        others = {
            "Cannot be read": self.unreadable,
            "Not read": self.passed_over,
            "Read with doubts": self.doubts,
            "Not there": self.absent,
        }
        for what, texts in others.items():
            yield from (f"\n{what}:", *(f"  {text}" for text in texts)) if texts else ()
        if self.settings:
            yield f"\nSettings that no file says, of {count(len(self.settings), 'pool')}; into case.toml, as its page shows them (the # goes):"
            yield from (f"  {line}" for block in self.settings[:SHOWN] for line in block.splitlines())
        if len(self.settings) > SHOWN:
            yield f"  and {count(len(self.settings) - SHOWN, 'pool')} more: all are among the findings of the audit."


def _told(files: list[CheckedFile]) -> Iterator[str]:
    """Some files that are understood in the same way: each in a line, and how."""
    yield f"\n{ROLES[files[0].role].title}"
    for file in files:
        yield f"  {count(file.rows, 'row'):>12}  {file.file}{': ' if file.pools else ''}{file.pools}"
    for name, label in SAID.items():
        if words := getattr(files[0], name):
            yield f"      {label:<14}{words}"
    for file in files:
        if file.lines:
            yield "      into case.toml, in place of what it says of the file so far:"
        yield from (f"          {line}" for line in file.lines.splitlines())


DOUBTS = (Code.sheet_not_read, Code.unreadable_date, Code.export_cut)  # and all that is an error
TOLD_BESIDE = (Code.column_not_understood, Code.redemption_not_shown)  # beside the headers of their file


def check(case: str | Path | Case) -> Checked:
    """Read every file of a case and tell how it is understood, before any audit.

    Raises CaseError where the folder or its case.toml is not as agreed; a file that cannot be read is told with the others.
    """
    opened = case if isinstance(case, Case) else open_case(case)
    exports, unreadable = opened.read(keep_going=True)
    problems = [text for _, text in unreadable]
    blocks, asks = [], False
    if {"pools_before", "pools_now"} & set(exports):
        try:
            facts = opened.reconcile(keep_going=True, read=(exports, unreadable)).facts
            blocks, asks = lacking_lines(facts), bool(facts.pool_course_or_expiry_lacking.any())
        except KeyauditError as problem:  # the exports contradict each other
            problems.append(str(problem))
    notes = [*(note for export in exports.values() for note in export.told), *opened.notes]
    passed = [f"{note.source_file}: {note.message}" for note in notes if note.code == Code.files_passed_over]
    doubts = _doubts(notes)
    asks |= any(note.code in TOLD_BESIDE for note in notes) or bool(passed or doubts)
    checked = [file for export in exports.values() for file in _files(export, opened.options)]
    roles = [of for role, of in ROLES.items() if role not in opened.folders]
    absent = [f"{of.folders[0]}: {of.title.partition(': ')[2]}" for of in roles]
    told = tuple(checked), tuple(problems), tuple(passed), tuple(absent), tuple(doubts), tuple(blocks)
    return Checked(opened.name, *told, asks, partial(hidden, exports=tuple(exports.values())))


def _doubts(notes: Iterable[Note]) -> list[str]:
    """What an audit will call an error of reading, or a part that was not read; of one kind in one file the first, and how many."""
    found: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        severity = note.severity or FINDINGS[note.code].severity[0]
        if note.code not in TOLD_BESIDE and (severity in ("critical", "error") or note.code in DOUBTS):
            found.setdefault((note.source_file, note.code), []).append(note)
    return [_first(told) for told in found.values()]


def _first(notes: list[Note]) -> str:
    """The first note of a kind, and before its message, which may end in lines to copy, how many more there are."""
    note, more = notes[0], f" (and {len(notes) - 1:,} more)" if len(notes) > 1 else ""
    return f"{note.source_file}{f', row {note.source_row}' if note.source_row else ''}{more}: {note.message}"


def _files(export: Export, known_of: Options) -> Iterator[CheckedFile]:
    for place, source in enumerate(export.files):
        headers = [told for told in export.headers if told.source_file == source.source_file]
        known = [f"{mask_text(told.header)} = {told.column}" for told in headers if told.column]
        unknown = [told for told in headers if not told.column]
        shown = {words: source.shows.get(name, "") for name, words in PROVES.items()}
        unread = sum(
            note.code == Code.redemption_unreadable and note.source_file == source.source_file for note in export.told
        )
        of_some = (
            {PROVES["redemption"]: f" (but of {count(unread, 'row')}, whose cell was not understood)"} if unread else {}
        )
        proven = [words + of_some.get(words, "") for words, told in shown.items() if told == "yes"]
        proven += [OF_ROLE[source.role]] if source.role in OF_ROLE else []
        silent = ((words, told) for words, told in shown.items() if told not in ("yes", ""))
        unsaid = [words if told == "no" else f'{words} (unless "{told}" does)' for words, told in silent]
        texts = [", ".join(dict.fromkeys(own)) for own in (known, map(_may_be, unknown))]
        texts += [listed(own, most=9) for own in (proven, unsaid)]
        likely = sorted(unknown, key=lambda told: told.header not in source.shows.values())  # as the audit will say
        columns = {told.may_be: told.header for told in reversed(likely) if told.may_be}  # the first of each counts
        options = known_of(source.source_file)
        texts.append(options.entry(source.source_file, dict(sorted(columns.items()))) if columns else "")
        yield CheckedFile(source.source_file, source.role, _pools(export, place), source.rows_read, *texts)


def _may_be(told: Understood) -> str:
    what = f", {told.looks_like}" if told.looks_like else ""
    return f'"{mask_text(told.header)}" ({"may be " + told.may_be if told.may_be else "not used"}{what})'


def _pools(export: Export, file: int) -> str:
    """The pools that a file names, by its cells, titles or name."""
    if "pool" not in ROLES[export.role].columns:
        return ""
    named = export.column("pool")
    cells = named.take(np.flatnonzero(export.file == file)).compact().distinct().listed()
    titles = [table.pool for table in export.tables if table.file == file and table.pool and table.records]
    return listed(list(dict.fromkeys([*map(str, filter(None, cells)), *([] if cells else titles)])), most=6)
