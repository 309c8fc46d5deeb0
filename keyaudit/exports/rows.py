"""The rows below a header: which are records, and why the others are none. (CATALOGUE §1, §3, §6)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, Coded
from keyaudit.columns import COLUMNS
from keyaudit.exports.codes import BLANKS, PARTS
from keyaudit.exports.dates import bare, count_of, flag_of, is_blank, is_number, is_type, written
from keyaudit.exports.headers import ORDINARY, ORDINARY_TEXT, SAMPLE, Header, Sheet
from keyaudit.exports.hints import DATE_LIKE

_TOTAL = (
    r"(?:(?:grand|sub)[\s-]*totals?|totals?|count|sum|summary|(?:ins)?gesamt(?:summe|ergebnis)?|zwischensumme|summe|anzahl|(?:sous-)?total|somme"
    r"|totale|totaal|sub-?totaal|suma|soma|summa|razem|toplam|yhteensä|Σ|итого|合計|小計|总计)"
)
_PAGE = r"(?:page|seite|página|pagina|strona|sida|side|sivu|страница|ページ)"
_MADE = (
    r"(?:(?:auto(?:matically)?[\s-]*)?(?:generated|printed|exported|created|prepared|produced|downloaded|extracted|run|as)|report(?:ed)?"
    r"|erstellt|erzeugt|gedruckt|exportiert|stand|g[ée]n[ée]r[ée]|imprim[ée]|[ée]dit[ée]|export[ée]|generado|impreso|exportado|gerado"
    r"|impresso|generato|stampato|esportato|gegenereerd|afgedrukt|aangemaakt)"
)
_BY = r"by|on|at|from|of|date|von|am|vom|durch|par|le|por|el|em|da|il|door|op"
TOTALS = re.compile(rf"{_TOTAL}\b(?!-)", re.I)
PAGE = re.compile(rf"{_PAGE}\s*:?\s*\d+.*", re.I | re.S)
MADE = re.compile(rf"{_MADE}(?:\s+(?:{_BY})\b|\s*:|\s+\d).*", re.I | re.S)
SPECIAL = rf"(?i)^[^\pL\pN]*(?:{_TOTAL}|{_PAGE}|{_MADE})".replace(r"\s", r"\s\pZ")  # what one of them may be, for Arrow
LABEL_END = r"(?i)\s(?:total|count|sum|ergebnis|summe|anzahl|totaal|totale)\W*$"  # as a spreadsheet groups rows
LABEL = rf"{SPECIAL}|{LABEL_END}"
RULE = re.compile(r"[-=+|_*~.:\s]*[-=+|_*~][-=+|_*~.:\s]*")
AROUND = r"^\s*(?:=\"|['\"])(.*)['\"]\s*$"  # what a file may put around a code
KINDS = {"9": "[0-9]", "A": "[A-Z]", "a": "[a-z]"}
THIN = 2  # cells of a footer at most
MOST = 0.9  # of the rows: what they fill is not left blank
MAX_FOOTERS = 20  # of one list
MAX_SUMS = 3  # rows without a code at the end of one list: more are rows whose code was lost
NO_FACT = "no code, and no fact of ours"
BLANK_KEY = "blank key"
NAMES_CODE = "note that names a code"
TYPES_ROW = "types of the columns"


@dataclass
class Shape:
    """Which lengths and kinds of signs the codes of a list have."""

    lengths: set[int]
    kinds: set[str]

    @classmethod
    def of(cls, sheet: Sheet, key: int, rows: Array) -> Shape:
        """The shape of the codes in some rows of the key's column."""
        values = sheet.cells(key, rows).values
        if not isinstance(values, pa.Array):
            values = pa.array([plain(value) for value in values], TEXT)
        values = pc.utf8_trim(pc.replace_substring_regex(values, AROUND, r"\1"), characters=BLANKS)
        kinds = {kind for kind, signs in KINDS.items() if pc.any(pc.match_substring_regex(values, signs)).as_py()}
        other = values.filter(pc.match_substring_regex(values, "[^0-9A-Za-z]"))
        kinds |= {sign for text in other.slice(0, 10_000).to_pylist() for sign in text if not sign.isalnum()}
        return cls(set(pc.unique(pc.utf8_length(values)).to_pylist()), kinds)

    def fits(self, text: str) -> bool:
        """Has a text the shape of a code of the list?"""
        return len(text) in self.lengths and self._has_kinds(text)

    def is_begun(self, text: str) -> bool:
        """Is it how a code of the list may begin: a word that is shorter, with its kinds of signs, and no bare number beside letters?"""
        is_word = 1 < len(text) < min(self.lengths, default=0) and bool(ORDINARY(text))
        return is_word and (not text.isdigit() or self.kinds == {"9"}) and self._has_kinds(text)

    def _has_kinds(self, text: str) -> bool:
        return {"9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text} <= self.kinds

    def begins(self, text: str) -> bool:
        """Is the first word of a text as long as a code, eight signs at least, with letters and digits?"""
        return self.is_within(PARTS.split(text.strip(BLANKS), maxsplit=1)[0])

    def is_within(self, cell: Any) -> bool:
        """Stands a word in the cell that is as long as a code, eight signs at least, with letters and digits?"""
        words = [word.strip("()[],;:'\"=") for word in cell.split()] if isinstance(cell, str) else []
        return any(len(w) in self.lengths and len(w) >= 8 and ORDINARY(w) and not DATE_LIKE.match(w) for w in words)


def plain(cell: Any) -> str:
    """A key cell as text, without what a file puts around it; a number without its `.0`."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(bare(cell))


def is_special(cell: Any) -> bool:
    """Begins a text like a total, or is it the number of a page, or who made it and when?"""
    text = bare(cell)
    return isinstance(text, str) and bool(TOTALS.match(text) or PAGE.fullmatch(text) or MADE.fullmatch(text))


def is_code(text: str) -> bool:
    """Can it be nothing but a code, no date or number either?"""
    return bool(ORDINARY(text)) and not DATE_LIKE.match(text) and not is_number(text)


def is_label(cell: Any) -> bool:
    """May the text stand beside a sum, at its begin or its end?"""
    text = bare(cell)
    return isinstance(text, str) and bool(TOTALS.match(text) or re.search(LABEL_END, text))


class Rows:
    """The rows of a sheet below one header: masks over all of them, and what becomes of some that follow each other.

    `cells`: how many are filled between the header's borders. `facts`: is anything of ours filled beside the key?
    `is_ordinary`: is the key cell plainly a code? `is_plain`: is the row a record if it has the header's width?
    """

    def __init__(self, sheet: Sheet, header: Header) -> None:
        self.sheet, self.header, self.texts, self.key = sheet, header, header.texts, header.places[sheet.required]
        self.columns = [*range(header.start, min(header.stop, sheet.width))]
        self.cells, self.has_keys = sheet.filled(header.start, header.stop), sheet.required == "training_key"
        self.codes, values = sheet.codes(self.key), sheet.grid.columns[self.key].values
        others = [sheet.says(place) for place in header.places.values() if place != self.key]
        self.facts = np.any([np.zeros(sheet.height, dtype=bool), *others], axis=0)
        text = self.texts[self.key]
        if isinstance(values, pa.Array):
            held = pc.match_substring_regex(values, ORDINARY_TEXT)
            held = pc.and_(held, pc.not_equal(values, text)) if ORDINARY(text) else held
        else:
            held = [isinstance(cell, str) and bool(ORDINARY(cell)) and cell != text for cell in values]
        self.is_ordinary = np.append(np.asarray(held, dtype=bool), False).take(self.codes)
        odd = (self.codes >= 0) & ~self.is_ordinary
        key = Coded(np.where(odd, self.codes, -1), values).compact() if odd.any() else Coded.nothing(sheet.height)
        self.is_special = key.has(is_special, SPECIAL)
        is_typed = key.has(lambda cell: not isinstance(cell, str))
        self.is_plain = self.is_ordinary | is_typed | (odd & self.facts & ~self.is_special)

    def text(self, row: int) -> str:
        """The key cell of a row, "" where nothing is seen."""
        return plain(self.sheet.grid.columns[self.key][row]) if self.codes[row] >= 0 else ""

    def shape(self, rows: Array) -> Shape:
        """The shape of the codes in some rows."""
        return Shape.of(self.sheet, self.key, rows)

    def settle(self, rows: Array, stops: Array) -> tuple[Array, list[tuple[int, str]]]:
        """Which of some filled rows that follow each other are records, and the reasons of the others.

        `stops`: where the list ends, and the rows in which its header stands again: above each may stand what stands at
        an end.
        """
        aside = dict[int, str]()
        for look in (self.types, self.footers):
            for part in np.split(rows, np.searchsorted(rows, stops[:-1])):
                aside |= look(part) if len(part) else {}
            rows = rows[~np.isin(rows, [*aside])] if aside else rows
        if sums := self.sums_beside(rows):
            aside |= sums
            rows = rows[~np.isin(rows, [*sums])]
        fits = self.fits(rows)
        good = self.is_plain[rows] & fits
        if good.all() and np.count_nonzero(self.cells[rows] == 1) in (0, len(rows)):
            return rows, [*aside.items()]
        notes = np.isin(rows, self.notes_below(rows[good])) if self.has_keys else np.zeros(len(rows), dtype=bool)
        good &= ~notes
        shape = cache(lambda: self.shape(rows[good]))
        has_key, is_below = self.codes[rows] >= 0, rows > rows[good].max(initial=-1)
        nothing = ~has_key & ~self.facts[rows]
        nothing[nothing] = ~self.sheet.holds(rows[nothing], self.columns, lambda cell: shape().is_within(cell))
        nothing &= fits | is_below
        sums = nothing & is_below & (np.count_nonzero(nothing & is_below) <= MAX_SUMS)
        damaged = ~fits & ~nothing & (~has_key | (~self.is_special[rows] & (self.cells[rows] > 1)))
        lost = ~has_key & ~nothing & ~damaged
        why = np.full(len(rows), "", dtype=object)
        for mask, reason in ((notes, "note"), (lost, BLANK_KEY), (nothing, NO_FACT), (sums, "totals")):
            why[mask] = reason
        why[damaged] = [*map(self.damage, rows[damaged].tolist())]
        others_fill = bool(good.any()) and bool((self.cells[rows[good]] > 1).all())
        solid = np.append(rows[good | damaged | lost], len(self.cells))
        doubted = np.flatnonzero(~good & (why == ""))[::-1]
        ends, nexts = (found[np.searchsorted(found, rows[doubted])].tolist() for found in (stops, solid))
        record = len(self.cells)  # the first one below that is not plainly one
        for place, end, following in zip(doubted.tolist(), ends, nexts, strict=True):
            row = int(rows[place])
            reason = self.reason(row, min(record, following) >= end, others_fill, shape())
            why[place] = reason or ("" if fits[place] else self.damage(row))
            record = record if reason else row
        is_note = np.flatnonzero(why == "note")
        why[is_note[self.sheet.holds(rows[is_note], [self.key], lambda cell: shape().is_within(cell))]] = NAMES_CODE
        is_record = why == ""
        return rows[is_record], [*aside.items(), *zip(rows[~is_record].tolist(), why[~is_record], strict=True)]

    def sums_beside(self, rows: Array) -> dict[int, str]:
        """The rows whose key cell is a number unlike every code of the list, beside the label of a sum."""
        places = self.header.places
        labels = {places[name] for name in ("pool", "name", "course", "organization") if name in places}
        labels = {self.header.start, *labels} - {self.key}
        found = self.sheet.holds(rows, sorted(labels), is_label, LABEL) & (self.codes[rows] >= 0)
        if not self.has_keys or not found.any() or found.all():
            return {}
        shape, rows = self.shape(rows[~found & self.is_plain[rows]]), rows[found]
        cells = self.sheet.cells(self.key, rows)
        is_sum = cells.has(lambda cell: is_number(cell) and bool(shape.lengths) and not shape.fits(plain(cell)))
        return dict.fromkeys(rows[is_sum].tolist(), "totals")

    def beside(self, row: int) -> dict[int, Any]:
        """The filled cells of a row between the header's borders, but for the key's."""
        cells = self.sheet.row(row, self.header.start, self.header.stop)
        return {at: cell for at, cell in cells.items() if at != self.key}

    def types(self, rows: Array) -> dict[int, str]:
        """The row below a header that says what its columns hold: types, units, or words where a date must stand."""
        row = int(rows[0])
        text, others = self.text(row), self.beside(row)
        if not isinstance(self.sheet.grid.columns[self.key][row], str) or (self.is_ordinary[row] and not others):
            return {}
        is_read, is_types = self.are_read(others), is_type(text) and all(map(is_type, others.values()))
        is_sure = bool(others) and is_types
        if not is_sure and self.has_keys and (is_types or (" " in text and is_read and not any(is_read))):
            shape = self.shape(rows[1:])
            is_other = " " not in shape.kinds if others else "9" in shape.kinds
            is_sure = is_other and bool(shape.lengths) and not shape.fits(text)
        return {row: TYPES_ROW} if is_sure else {}

    def are_read(self, others: Mapping[int, Any]) -> list[bool]:
        """Of every cell in a column of dates, numbers or flags: is it one?"""
        kinds = {place: COLUMNS[name].kind for name, place in self.header.places.items()}
        cells = [cell for place, cell in others.items() if kinds.get(place) in ("date", "count", "flag")]
        tests = (is_blank, written, lambda cell: flag_of(cell) is not None, lambda cell: count_of(cell) >= 0)
        return [not isinstance(cell, str) or any(test(cell) for test in tests) for cell in cells]

    def footers(self, rows: Array) -> dict[int, str]:
        """The last rows of a list that fill two cells at most and no code, and leave a column blank that all rows above fill."""
        found, stop = dict[int, str](), len(rows)
        while self.has_keys and stop > 1 and len(rows) - stop < MAX_FOOTERS and self.cells[rows[stop - 1]] <= THIN:
            row = int(rows[stop - 1])
            text, others = self.text(row), self.beside(row)
            is_sum = not text and any(map(is_label, others.values()))
            is_lost = self.facts[row] and (is_sum or not any(self.are_read(others)))
            if is_code(text):
                break
            if (len(others) == 1 and self.is_plain[row]) if text else is_lost:
                near = self.shape(rows[max(0, stop - 1 - SAMPLE) : stop - 1])
                if near.fits(text) or any(map(near.is_within, (text, *others.values()))):
                    break
                found[row] = "totals" if is_sum else "note"
            stop -= 1
        above = rows[:stop][self.codes[rows[:stop]] >= 0]
        seen = (self.sheet.codes(place) >= 0 for place in (self.columns if found else ()) if place != self.key)
        is_short = any(own[above].all() and not own[[*found]].any() for own in seen)
        if not is_short or not len(above) or not self.fits(rows[stop:]).all():
            return {}
        shape = self.shape(above)
        beside = {row: self.beside(row) for row in found}
        known = {at: self.sheet.cells(at, above).listed() for own in beside.values() for at in own}
        is_known = {row: any(cell in known[at] for at, cell in own.items()) for row, own in beside.items()}
        notes = [row for row in found if not is_known[row] and not shape.fits(self.text(row))]
        return {row: why for row, why in found.items() if why == "totals" or row in notes}

    def notes_below(self, rows: Array) -> Array:
        """The last rows of a list that fill one cell only, where all others fill more, and are shaped like none of its codes.

        A number beside a word is no cell more: it may be a sum.
        """
        fills = self.cells[rows] > 1
        may_be_sum = (self.cells[rows] == 2) & ~self.is_ordinary[rows]
        if may_be_sum[-1:].any():
            beside = [place for place in self.columns if place != self.key]
            fills[may_be_sum] = ~self.sheet.holds(rows[may_be_sum], beside, is_number)
        border = int(np.flatnonzero(fills)[-1:].sum()) + 1 if fills.any() else 0
        if border in (0, len(rows)) or not fills[:border].all():
            return rows[:0]
        above, below = self.shape(rows[:border]), self.sheet.cells(self.key, rows[border:])
        is_note = not below.has(lambda cell: above.fits(plain(cell)) or above.begins(plain(cell))).any()
        are_codes = np.count_nonzero(below.has(lambda cell: is_code(plain(cell)))) >= border
        return rows[border:] if is_note and not are_codes and not self.is_cut(int(rows[-1]), above) else rows[:0]

    def is_cut(self, row: int, shape: Shape) -> bool:
        """Does a text file end within the code of its last row?"""
        widths = self.sheet.grid.widths
        is_last = widths is not None and row + 1 == len(widths) and widths[row] < self.header.named
        return bool(is_last) and shape.is_begun(self.text(row))

    def reason(self, row: int, at_end: bool, others_fill: bool, shape: Shape) -> str:
        """Why a row with a key cell is no record, "" if it is one."""
        text, others = self.text(row), [*self.beside(row).values()] if self.cells[row] > 1 else []
        is_rule = all(isinstance(cell, str) and RULE.fullmatch(cell) for cell in (text, *others))
        are_numbers, are_words, has_digit = all(map(is_number, others)), len(text.split()) > 1, re.search(r"\d", text)
        is_other, says = not shape.fits(text), self.facts[row]
        if shape.lengths:
            is_sentence = are_words and " " not in shape.kinds
        else:  # a list without a key
            is_sentence = are_words and not has_digit and len(self.header.places) > 1
        is_thin = others_fill and is_other and self.has_keys and bool(shape.lengths)
        reasons = (  # the first that holds
            ("rule", is_rule),
            ("number of a page", PAGE.fullmatch(text) and not says),
            (
                "totals" if are_numbers else "note",
                TOTALS.match(text) and (are_numbers or not says) and (at_end or is_other),
            ),
            ("note", MADE.fullmatch(text) and at_end and is_other and len(others) < THIN),
            ("", (shape.begins if at_end and others_fill else shape.is_within)(text) or self.is_cut(row, shape)),
            ("note", at_end and is_sentence and not others),
            ("note", is_thin and not others and (at_end or are_words or not has_digit)),
            ("note", is_thin and others and at_end and are_numbers),
        )
        return next((reason for reason, holds in reasons if holds), "")

    def fits(self, rows: Array) -> Array:
        """Which rows have the header's width? Blank cells behind it do not count where no cell can have shifted.

        None has where a delimiter stands at the end of every line, and where the last filled cell is a date below a date's
        header. A row that looks displaced has shifted if there is a delimiter too many, or if something stands right behind
        the last header: in a worksheet too.
        """
        sheet, header = self.sheet, self.header
        fits, wide, slid = np.ones(len(rows), bool), np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        if header.named < min(header.stop, sheet.width):
            slid = sheet.codes(header.named)[rows] >= 0
        if sheet.grid.widths is not None:
            widths = sheet.grid.widths[rows]
            fits, wide = (widths >= header.named) & (widths <= header.width), widths > header.width
            for place in range(header.width, sheet.width if wide.any() else 0):
                wide &= sheet.codes(place)[rows] < 0
        if wide.any():
            dates = {place for name, place in header.places.items() if COLUMNS[name].kind == "date"}
            fits[wide] = bool((wide | (widths < header.named)).all())  # a delimiter stands at the end of every line
            for at in np.flatnonzero(wide & ~fits).tolist() if dates else ():
                place, cell = sheet.row(rows[at]).popitem()
                fits[at] = place in dates and written(cell) is not None
            slid |= wide
        if slid.any():
            fits[slid] &= ~self.are_displaced(rows[slid], rows[~slid])
        return fits

    def are_displaced(self, rows: Array, others: Array) -> Array:
        """Which rows leave a column blank that nearly all others fill, or have a word where nearly all others have a date?

        Where there are no others: which have a word in a column of dates that has no date at all?
        """
        found = np.zeros(len(rows), dtype=bool)
        for name, place in self.header.places.items():
            codes = self.sheet.codes(place)
            if len(others) and np.count_nonzero(codes[others] >= 0) >= MOST * len(others):
                found |= codes[rows] < 0
            if COLUMNS[name].kind == "date" and name != "redeemed_at":
                own, usual = (self.sheet.cells(place, of) for of in (rows, others))
                is_date, are_dates = (cells.has(lambda cell: written(cell) is not None) for cells in (own, usual))
                if are_dates.sum() >= MOST * usual.filled.sum() > 0 or not (len(others) or is_date.any()):
                    found |= own.has(lambda cell: not is_blank(cell)) & ~is_date
        return found

    def damage(self, row: int) -> str:
        """What is said of a row of another width."""
        widths, header = self.sheet.grid.widths, self.header
        if widths is None or widths[row] == header.width:
            return "damaged row: its cells have shifted; something stands right behind the last header"
        return f"damaged row: {int(widths[row])} cells, the header has {header.width}"
