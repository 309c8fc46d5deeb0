"""Read exports: files in, records of a role out, every row of every file accounted for. (CATALOGUE §1, §2, §3, §6)"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.columns import COLUMNS, ROLES, aliases, fold_header
from keyaudit.errors import KeyauditError, UnreadableFile
from keyaudit.exports.codes import BEGIN, Codes, carried, recorded_codes
from keyaudit.exports.dates import count_of, is_blank
from keyaudit.exports.evidence import HEADINGS, LEARNER, REDEMPTION, Said, said, signs_of
from keyaudit.exports.files import Ahead, Paths, Request, SourceFile, files_of, label_of, passed_over
from keyaudit.exports.headers import Sheet
from keyaudit.exports.hints import explain, headers_of, may_be_redemption, second_codes, unknown_header
from keyaudit.exports.names import pool_name
from keyaudit.exports.records import FEW, Aside, Note, Source, Table, Understood, stacked
from keyaudit.exports.records import Export as Export
from keyaudit.exports.records import FileOptions as FileOptions
from keyaudit.exports.rows import BLANK_KEY, NAMES_CODE, NO_FACT, TYPES_ROW
from keyaudit.exports.tables import Found, find_lists
from keyaudit.masking import mask_text
from keyaudit.rulebook import Code
from keyaudit.words import count, ranges, toml

if TYPE_CHECKING:
    import pandas as pd

Options: TypeAlias = Callable[[str], FileOptions]

CUT_AT = {500, 1_000, 5_000, 10_000, 65_536}  # rows at which a program stops to export
POOLS = ("pools_before", "pools_now")
SHOWN = {  # the facts of a role that a file may or may not show, beside redemption
    **dict.fromkeys((*POOLS, "pool_list"), ("expires_on", "starts_on", "course", "organization")),
    "course_keys": ("uses", "max_uses", "expires_on", "course"),
    "assignments": ("assignment_status",),
}
NOT_ALL = {"every_key": "no"}  # of a file of which something was not read that seems to hold keys
SECOND = "seems to hold keys beside those of the list: not read. If they are, give them a file of their own"
NOT_WHOLE = ": until it is mended, the log does not count as complete"
TOLD = {  # reason of a row that was set aside → the finding about it
    BLANK_KEY: (Code.blank_key, "the key cell is blank"),
    "repeated header, of the key only": (Code.header_as_key, "holds only the header of the key: set aside, not a key"),
}
TOLD_TOGETHER = {  # the same, one finding about all of them
    "note": (Code.notes_set_aside, "taken for notes, not keys"),
    NAMES_CODE: (Code.notes_set_aside, "taken for notes, not keys, though what may be a code stands in them"),
    TYPES_ROW: (Code.notes_set_aside, "below a header taken for types or units of its columns, not a key"),
    NO_FACT: (Code.blank_key, "without a code and without anything else we read: taken for blank rows"),
}


def read_pool_exports(paths: Paths, *, now: bool = False, options: Options | None = None) -> Export:
    """Read the exports of Training Key Pools: a file, a list, a pattern or a folder; xlsx and csv together.

    `now=True` reads later exports of the same pools. Raises UnreadableFile for a file without a key column.
    """
    return read_role("pools_now" if now else "pools_before", paths, options)


def read_course_keys(paths: Paths, *, options: Options | None = None) -> Export:
    """Read Find Course Assignment Keys exports. Codes stay as recorded: the TMS compares every character."""
    return read_role("course_keys", paths, options)


def read_pool_list(paths: Paths, *, options: Options | None = None) -> Export:
    """Read Find Training Key Pools exports: one row per pool, with its settings."""
    return read_role("pool_list", paths, options)


def read_distribution_log(paths: Paths, *, options: Options | None = None) -> Export:
    """Read your own list of who was sent which key."""
    return read_role("distribution", paths, options)


def read_other_keys(paths: Paths, *, options: Options | None = None) -> Export:
    """Read subscription and class key exports: they share the uniqueness of codes."""
    return read_role("other_keys", paths, options)


def read_course_assignments(paths: Paths, *, options: Options | None = None) -> Export:
    """Read Find Course Assignments exports: evidence of redemption where the payment type names the key."""
    return read_role("assignments", paths, options)


def read_role(role: str, paths: Paths, options: Options | None = None) -> Export:
    """Read every file of one role, as `read_roles` does."""
    return read_roles({role: paths}, options)[role]


def read_roles(
    folders: Mapping[str, Paths],
    options: Options | None = None,
    *,
    on_unreadable: Callable[[UnreadableFile], None] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Export]:
    """Read every file of some roles, in natural order of their names, several at a time.

    `options` gives what is known of a file by its label (`folder/name`). `on_unreadable` receives the error of a file
    that cannot be read and the reading goes on; without it the first such error is raised. `progress` is told each file
    before it is read. What a folder holds beside exports is passed over, and said.
    """
    requests = {role: requests_of(role, paths, options) for role, paths in folders.items()}
    found = {}
    with Ahead(itertools.chain(*requests.values()), read_file) as ahead:
        for role, files in requests.items():
            parts = []
            for file in files:
                progress(f"reading {file.label}")
                try:
                    parts.append(ahead.read(file))
                except UnreadableFile as problem:
                    if on_unreadable is None:
                        raise
                    on_unreadable(problem)
            found[role] = _of_role(role, passed_over(folders[role]), parts)
    return found


def _of_role(role: str, beside: Iterable[tuple[str, str]], files: Iterable[Export]) -> Export:
    """The files of one role as one export, those with the same bytes once."""
    parts: dict[str | int, Export] = {}
    told = [Note(Code.files_passed_over, f"{why}: not read", label) for label, why in beside]
    for part in files:
        file = part.files[0]
        content = file.sha256 if file.rows_read else id(part)  # two empty pools have the same bytes, and are two pools
        if content in parts:  # of course keys the last file counts, and stands in its own place
            kept, other = (part, parts.pop(content)) if role == "course_keys" else (parts[content], part)
            name, told_of = (one.files[0].source_file for one in (kept, other))
            told.append(Note(Code.same_file_twice, f"has the same bytes as {name}; read once", told_of))
            part = kept
        parts[content] = part
    made = stacked(role, list(parts.values()))
    return replace(made, told=(*told, *made.told))


def read_file(request: Request) -> Export:
    """Read one file: find its lists, make records of their rows, and account for every row."""
    role, source, known = request.role, request.open(), request.known
    sheets = [Sheet(grid, role, source.label, known) for grid in source.grids]
    found = [lists for sheet in sheets if (lists := find_lists(sheet))]
    if not found:
        raise unknown_header(sheets) if sheets else UnreadableFile(source.label, "holds no worksheet. Export it again.")
    _refuse(source, known, found)
    account = FileAccount(role, source, known, found)
    read = [lists.sheet for lists in found]
    for sheet in sheets:
        grid = sheet.grid
        if sheet not in read and second_codes(sheet):
            account.note(Code.sheet_not_read, "a sheet without a header we know, which seems to hold keys", grid.name)
            account.unread = NOT_ALL
        hidden = [] if grid.visible else ["the sheet is hidden"]
        hidden += [f"{count(grid.hidden_rows, 'row')} hidden or filtered out"] if grid.hidden_rows else []
        hidden += [f"{count(grid.hidden_columns, 'column')} hidden"] if grid.hidden_columns else []
        if hidden and sheet in read:
            account.note(Code.hidden_rows, f"{', '.join(hidden)}: everything was read", grid.name)
    for text in source.notes:
        account.note(Code.column_missing, text)
    export = account.export()
    for sheet in sheets:
        vars(sheet).clear()  # it holds itself: what it kept is free from here on
    return export


def _refuse(source: SourceFile, known: FileOptions, found: list[Found]) -> None:
    """Refuse a file without a header that case.toml names, and one whose rows are all of another width."""
    lists = [part for sheet in found for part in sheet.lists]
    for column, header in known.columns.items():
        if not any(fold_header(part.header.headers.get(column, "")) == fold_header(header) for part in lists):
            texts = (text for part in lists for text in (*part.header.headers.values(), *part.header.unused.values()))
            what = f'case.toml maps {column} to "{header}", and no header is called so. '
            raise UnreadableFile(source.label, f"{what}Found: {', '.join(map(mask_text, dict.fromkeys(texts)))}.")
    reasons = [reason for part in lists for _, reason in part.set_aside]
    damaged = sum(reason.startswith("damaged") for reason in reasons)
    if damaged and damaged == len(reasons) and not any(len(part.rows) for part in lists):
        what = f"every row has another number of cells than the header ({damaged} rows). Export it again."
        raise UnreadableFile(source.label, what)


def requests_of(role: str, paths: Paths, options: Options | None = None) -> list[Request]:
    """The files of one role, in natural order, and what is known of each before it is opened."""
    files = ((path, label_of(path)) for path in files_of(paths))
    return [Request(path, label, role, options(label) if options else FileOptions()) for path, label in files]


def header_mapping(paths: Paths, role: str = "pools_before", options: Options | None = None) -> pd.DataFrame:
    """How the headers of exports are understood, before anything is read.

    One row per header: file, sheet, header, column (ours, "" if it is not used), looks_like (the shape of the first cells,
    never their content), may_be (the fact an unknown header may be), line (what to write into case.toml if it is).
    """
    import pandas as pd

    if role not in ROLES:
        raise KeyauditError(f'header_mapping(role="{role}"): choose one of {", ".join(ROLES)}.')
    rows = []
    for request in requests_of(role, paths, options):
        told = (explain(Sheet(grid, role, request.label, request.known)) for grid in request.open().grids)
        rows += [(request.path.name, *astuple(one)[1:]) for own in told for one in own]
    return pd.DataFrame(rows, columns=["file", *(entry.name for entry in fields(Understood)[1:])])


class FileAccount:
    """One file on its way from lists to records."""

    def __init__(self, role: str, source: SourceFile, known: FileOptions, found: list[Found]) -> None:
        self.role, self.label, self.source, self.known, self.found = role, source.label, source, known, found
        self.required, self.is_pool = ROLES[role].required, role in POOLS
        self.lists = [part for sheet in found for part in sheet.lists]
        self.sizes = [len(part.rows) for part in self.lists]
        self.rows = np.concatenate([part.rows for part in self.lists]).astype(np.int32) + 1
        self.table = np.repeat(np.arange(len(self.lists), dtype=np.int32), self.sizes)
        self.told: list[Note] = []
        self.unread: Mapping[str, str] = {}
        self.codes = Codes(pa.nulls(len(self.rows), TEXT))

    def note(self, code: str, message: str, sheet: str = "", row: int = 0, key: str = "", severity: str = "") -> None:
        """A finding about the file, a sheet or a row."""
        self.told.append(Note(code, message, self.label, sheet, row, key, severity=severity))

    def note_keys(self, code: str, what: str, records: Iterable[int], texts: Mapping[int, str] | None = None) -> None:
        """A finding about each of some records, which names its code, or what `texts` says of it."""
        for record in records:
            key = self.codes.keys[record].as_py() if texts is None else texts.get(record)
            self.note(code, what, self.lists[self.table[record]].sheet.grid.name, int(self.rows[record]), key or "")

    def export(self) -> Export:
        """Its records, what is to be told of it, and the account of every row."""
        names = [name for name in ROLES[self.role].columns if any(name in part.header.places for part in self.lists)]
        raw = {name: self.cells(name) for name in names}
        key = raw.pop("training_key", None)
        told = said(raw, self.label, self.known)
        if key is not None:
            self.read_codes(key, raw, told)
        codes, headers = self.codes, self.understand(raw)
        may_be = {header.may_be: header.header for header in reversed(headers)}
        shows = {fact: "yes" if fact in names else may_be.get(fact, "no") for fact in SHOWN.get(self.role, ())}
        signs: dict[str, Array] = {}
        if self.is_pool:
            shows["redemption"] = self.shows_redemption(raw)
            heading = np.array([HEADINGS.index(part.heading) for part in self.lists], dtype=np.int8)[self.table]
            signs = signs_of(told, raw, heading, shows["redemption"] == "yes", self.label)
        for code, message, rows, is_of_each in sorted(told.told, key=lambda one: not one[3]):
            self.note_keys(code, message, rows.tolist() if is_of_each else [int(rows[0])], None if is_of_each else {})
        if self.role == "distribution" and not len(self.rows):
            self.note(Code.log_incomplete, f"the log names no key{NOT_WHOLE}")
        tables = self.tables(told)
        if self.known.pool is not None:
            told.columns.pop("pool", None)
        # a course key that cannot be read: its code may be any pool key's
        blind = np.flatnonzero(np.asarray(codes.keys.is_null()) & (self.role == "course_keys"))
        for record in blind.tolist():
            why = f"not readable: {codes.damage.get(record, 'several codes in one cell')}"
            self.lists[self.table[record]].set_aside.append((int(self.rows[record]) - 1, why))
        aside, keys = self.set_aside(), None if key is None else codes.keys
        few: dict[str, Any] = {name: getattr(codes, name) for name in FEW}
        made = Export(self.role, keys, told.columns, self.rows, self.table, tables, (), signs=signs, **few)
        made = made.without(blind) if len(blind) else made
        file = self.account(made, aside, shows)
        return replace(made, files=(file,), told=tuple(self.told), aside=aside, headers=tuple(headers))

    def cells(self, name: str) -> Coded:
        """A column of the file: the cells of every list, one below the other."""
        columns = []
        where = ((part.sheet, part.header.places.get(name), part.rows) for part in self.lists)
        for (sheet, place), parts in itertools.groupby(where, lambda one: one[:2]):
            rows = np.concatenate([own for _, _, own in parts])
            columns.append(Coded.nothing(len(rows)) if place is None else sheet.cells(place, rows))
        return Coded.stacked(columns)

    def carries(self, raw: Mapping[str, Coded], pattern: str) -> bool:
        """Is every column beside the key carried by a pattern? (No blank stands before the first cell of a line.)"""
        firsts = [name for name in raw if all(part.header.places.get(name, 0) == 0 for part in self.lists)]
        others = [cells.listed() for name, cells in raw.items() if pattern != BEGIN or name not in firsts]
        texts = [own for cells in others if (own := [cell for cell in cells if isinstance(cell, str)])]
        return bool(texts) and all(carried(pa.array(own, TEXT), pattern) for own in texts)

    def read_codes(self, key: Coded, raw: Mapping[str, Coded], told: Said) -> None:
        """Read the codes, and tell what was removed from them and which cells hold something else than one code."""
        kind = "pool" if self.is_pool else "course" if self.role == "course_keys" else "list"
        odd = np.flatnonzero(np.concatenate([np.array([], bool), *(odd for part in self.lists for odd in part.odd)]))
        self.codes = codes = recorded_codes(key, odd, kind, lambda pattern: self.carries(raw, pattern))
        codes.is_doubted &= not _is_used(told)
        check = "open one in the TMS; if it shows there too, none will redeem" if codes.is_doubted else "removed"
        for what in codes.removed:
            self.note(Code.uniform_padding, f"{what}: {check}", severity="error" if codes.is_doubted else "note")
        self.note_keys(Code.padded_key, "blanks or invisible characters around the code were removed", codes.padded)
        for record, parts in codes.parts.items():
            self.note_keys(Code.several_keys_in_cell, f"{parts} codes stand in one cell", [record], codes.raw)
        for record, damage in sorted(codes.damage.items()):
            self.note_keys(Code.excel_damage, f"the key cell holds {damage}", [record])
        known = {alias for alias, column in aliases(self.role).items() if column == "training_key"}
        known |= {fold_header(part.header.headers["training_key"]) for part in self.lists}
        begin = "".join(sorted({alias[:1] for alias in known}))
        may_be = pc.match_substring_regex(codes.keys.take(pa.array(odd)), f"^[^0-9A-Za-z]|(?i)^[{begin}]")
        odd = odd[np.asarray(may_be.fill_null(False))]
        pasted = [record for record in odd.tolist() if fold_header(codes.keys[record].as_py()) in known]
        self.note_keys(Code.header_as_key, "the code is the text of a header: a header was pasted as a key", pasted)

    def understand(self, raw: Mapping[str, Coded]) -> list[Understood]:
        """How its headers are understood; those that no role uses are told, of a pool list only what may be a setting."""
        says = {name for name, cells in raw.items() if any(not is_blank(cell) for cell in cells.listed())}
        missing = [name for name in ROLES[self.role].columns if name not in says and name != self.required]
        told = [header for found in self.found for header in headers_of(found.sheet, found.headers, missing)]
        known = SHOWN.get(self.role, ())
        unused = {header.header: header for header in told if not header.column and known}
        for text, header in unused.items():
            what = f'column "{text}" is not understood, and not used'
            if header.may_be:
                what += f": it may be {COLUMNS[header.may_be].meaning}. If it is, say so in case.toml:\n{header.line}"
            if header.may_be == "assignment_status":
                what += "\nUntil then no assignment of the file counts as one that was not cancelled"
            if {"pool_list": header.may_be, "assignments": header.may_be in known}.get(self.role, True):
                self.note(Code.column_not_understood, what, severity="warning" if header.may_be else "note")
        may_count = self.role == "course_keys" and "uses" not in raw and "redeemed_at" in raw
        if may_count and any(count_of(cell) >= 0 for cell in raw["redeemed_at"].listed()):
            part = next(part for part in self.lists if "redeemed_at" in part.header.headers)
            text = part.header.headers["redeemed_at"]
            what = "holds numbers, and may count uses or say yes and no: uses are not known. If it counts them, say so in case.toml:"
            line = part.sheet.ready_line("uses", text)
            self.note(Code.column_not_understood, f'column "{mask_text(text)}" {what}\n{line}', severity="warning")
        return told

    def shows_redemption(self, raw: Mapping[str, Coded]) -> str:
        """Does the file show which keys are redeemed: "yes", "no", or the header of a column that may say so."""
        parts = [part for part in self.lists if len(part.rows)] or self.lists
        dark = [part for part in parts if not part.heading and not {*REDEMPTION} & set(part.header.places)]
        cells = (cell for name in REDEMPTION if name in raw for cell in raw[name].listed())
        is_lit = any(part.heading for part in parts) or not all(map(is_blank, cells))  # a blank column is no proof
        headers = {id(part.header): part for part in dark or ([] if is_lit else parts)}.values()
        found = [one for part in headers for one in may_be_redemption(part.sheet, part.header, only_words=not dark)]
        has_learner = all({*LEARNER} & set(part.header.places) for part in dark)
        found = [one for one in found if has_learner or one[2] in (*REDEMPTION, *LEARNER)]
        if not found and has_learner:
            return "yes"
        _, text, column = min(found, default=((0, 0, 0), "", ""))
        what = "shows no sign of redemption (no date, flag, status, learner or heading of a list that we know)"
        if found:
            may_be = "" if column in (*REDEMPTION, *LEARNER) else f"be {COLUMNS[column].meaning}, or "
            what = f'column "{mask_text(text)}" may {may_be}say which keys are redeemed, and is not understood. '
            what += f"If it {'is the first' if may_be else 'does'}, say so in case.toml:"
            what += f"\n{parts[0].sheet.ready_line(column, text)}\nUntil then"
        if len(self.rows):
            what += ": its keys count as unredeemed, and whether they work is not known"
            self.note(Code.redemption_not_shown, what)
        return mask_text(text) or "no"

    def tables(self, told: Said) -> tuple[Table, ...]:
        """Where each list stands, what it shows, and the pool of its keys where no cell names one."""
        named = told.columns.get("pool", Coded.nothing(0)).compact().distinct().listed()
        titles = {id(found.sheet): {part.title for part in found.lists} for found in self.found}
        tables = []
        for part, size in zip(self.lists, self.sizes, strict=True):
            sheet, pool = part.sheet.grid.name, self.known.pool or ""
            if self.is_pool and self.known.pool is None:
                where = f', sheet "{sheet}": ' if sheet else ""
                if part.doubt is not None and "pool" not in part.header.places:
                    raise UnreadableFile(
                        self.label,
                        f"{where}below the title in row {part.doubt + 1} a second list begins, and it is not known whether it is "
                        'of another pool. If the title says which keys these are, write "Redeemed Keys" or "Unredeemed Keys" in its '
                        'place. Else write "Pool: NAME" above each list, give each pool a file of its own, or, if all keys '
                        f'are of one pool, name it in case.toml:\n[files.{toml(self.label)}]\npool = "…"',
                    )
                pool = str(named[0]) if len(named) == 1 else pool_name(self.label, sheet)
                if len(titles[id(part.sheet)]) > 1:
                    pool = part.title or pool  # pools stacked in one sheet, each under its title
            tables.append(Table(0, sheet, part.heading, frozenset(part.header.places), pool, size))
            if part.declared is not None and part.declared != size:
                what = f"the heading of a list says {count(part.declared)}, and {size:,} were read"
                self.note(Code.rows_unaccounted, what, sheet, part.header.row + 1)
        return tuple(tables)

    def set_aside(self) -> tuple[Aside, ...]:
        """Every row that holds no record, with its reason; some are told."""
        parts = ((part.sheet.grid.name, row + 1, why) for part in self.lists for row, why in sorted(part.set_aside))
        aside = tuple(Aside(self.label, sheet, row, why) for sheet, row, why in parts)
        for entry in aside:
            code, what = TOLD.get(entry.reason, ("", ""))
            if entry.reason.startswith("damaged"):
                code, what = Code.damaged_row, f"{entry.reason}; a key may be lost there"
            if code:
                is_log = self.role == "distribution" and code != Code.header_as_key
                self.note(code, what + NOT_WHOLE * is_log, entry.source_sheet, entry.source_row)
        for why, (code, what) in TOLD_TOGETHER.items():
            if rows := [entry.source_row for entry in aside if entry.reason == why]:
                where = f"{'row' if len(rows) == 1 else 'rows'} {ranges(rows)}"
                severity = "warning" if why == NAMES_CODE else "note"
                self.note(code, f"{count(len(rows), 'row')} {what}: {where}", severity=severity)
        for found in self.found:
            if found.above is not None:
                what = "a row above the header holds what looks like a key or its header, or is as wide as the header: not read"
                self.note(Code.sheet_not_read, what, found.sheet.grid.name, found.above + 1)
        return aside

    def account(self, made: Export, aside: tuple[Aside, ...], shows: Mapping[str, str]) -> Source:
        """The account of the file: its rows as counted on its sheets, and what became of them."""
        own = [found.rows for found in self.found]
        if self.known.rows is not None and self.known.rows != sum(own):
            self.note(Code.rows_unaccounted, f"{self.known.rows} rows declared in case.toml, {sum(own)} read")
        heights = [found.sheet.height for found in self.found if found.rows > max(CUT_AT) - 100]  # with its header
        if cut := {sum(own), *own, *heights} & CUT_AT:
            what = f"has exactly {max(cut):,} rows, where programs stop to export: it may have been cut off"
            self.note(Code.export_cut, what)
        headers = [(found.sheet, header) for found in self.found for header in found.headers]
        if made.keys is not None:
            lengths = set(pc.unique(pc.utf8_length(made.keys.slice(0, 1000))).to_pylist())
            for sheet, header in headers:
                for text in second_codes(sheet, header, lengths):
                    what = f'column "{mask_text(text)}"' if text else "a column without a header"
                    self.note(Code.sheet_not_read, f"{what} {SECOND}", sheet.grid.name, header.row + 1)
                    self.unread = NOT_ALL
            keys = made.keys.null_count + len(pc.unique(made.keys.drop_null()))
        else:
            names = made.column(self.required).distinct()
            keys = len(names.compact().values) + int(np.count_nonzero(~names.filled))
        return Source(
            role=self.role,
            source_file=self.label,
            sheets=_joined(found.sheet.grid.name for found in self.found),
            sha256=self.source.sha256,
            bytes=self.source.size,
            columns_used=_joined(text for _, header in headers for text in header.headers.values()),
            columns_not_used=_joined(text for _, header in headers for text in header.unused.values()),
            rows_read=sum(own),
            keys=keys,
            repeats=len(made) - keys,
            set_aside=len(aside),
            damaged=sum(entry.reason.startswith(("damaged", "not readable")) for entry in aside),
            shows={**shows, **self.unread},
            padding_doubted=self.codes.is_doubted,
        )


def _is_used(told: Said) -> bool:
    """Shows a file of course keys a use of one? Then what learners type is what it shows."""
    uses, *others = (told.columns.get(name, Coded.nothing(0)) for name in ("uses", "redeemed_at", *LEARNER))
    return bool((uses.spread(0.0, float) > 0).any()) or any(column.filled.any() for column in others)


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(text for text in texts if text))
