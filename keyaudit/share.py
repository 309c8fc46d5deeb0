"""The twin of an audit that may be sent to others: no code in full, no person. (DESIGN §5)"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.audit import Audit
from keyaudit.coded import TEXT, Numbered, beside, changed
from keyaudit.columns import COLUMNS
from keyaudit.exports.codes import PARTS
from keyaudit.exports.grid import Odd
from keyaudit.exports.records import Export
from keyaudit.facts import KEYED
from keyaudit.masking import BETWEEN, WHOLE_WORD, Secrets, ending, fold_secret

Shown: TypeAlias = Mapping[str, str]  # a name → what it is shown as
PEOPLE = [name for name, column in COLUMNS.items() if column.personal]
HEADERS = {fold_secret(alias) for alias in COLUMNS["training_key"].aliases}  # pasted as a key, they are no secret
_WITH_PLACE = re.compile(r"(.*?)(, row \d+)( \(.*\))", re.S)  # a reference that file and sheet are needed for
SHOWN = ("pool", "course", "organization", "name", "assignment_status")  # columns whose cells are shown as they are
MANY = 5_000  # names, beyond which a code is sought among their words only
OF_SOURCE = ("sheets", "columns_used", "columns_not_used")
NAMES = ("course", "organization", "course_key_name", "course_key_course", "course_key_organization")


def masked(audit: Audit) -> Audit:
    """An audit of the same counts in which every code is a reference and an ending, wherever it stood.

    Known codes and people are also taken out of what people write themselves: names of pools, courses, organizations, course
    keys, files and worksheet tabs, headers, messages, reasons. Every writer takes the twin as it takes the audit.
    """
    secrets = _secrets(export for _, export in audit.facts.given())
    pools = _apart([row.pool for row in audit.pool_rows], secrets)
    files = _apart([row["source_file"] for row in audit.source_rows], secrets)
    name = _references(audit, secrets, pools, files)
    sources = [
        {**row, "source_file": files[row["source_file"]]} | {word: secrets.hide(row[word]) for word in OF_SOURCE}
        for row in audit.source_rows
    ]
    rows = []
    for row in audit.pool_rows:
        told: dict[str, Any] = {
            word: (text := getattr(row, word)) and secrets.hide(text) for word in ("course", "organization")
        }
        elsewhere = {pools[pool]: number for pool, number in row.elsewhere.items()}
        rows.append(replace(row, pool=pools[row.pool], elsewhere=elsewhere, **told))
    shown = {  # instead of the audit's own
        "key_columns": _keys(audit, secrets, pools, files, name),
        "finding_columns": _findings(audit, secrets, pools, files, name),
        "pool_rows": tuple(rows),
        "source_rows": tuple(sources),
        "not_checked": tuple(map(secrets.hide, audit.not_checked)),
        "not_understood": tuple(map(secrets.hide, audit.not_understood)),
        "hide": cache(secrets.hide),
    }
    return replace(audit, shown=shown, name=secrets.hide(audit.name))


def names_hold_codes(audit: Audit) -> bool:
    """Does a name (of the case, a pool, file, worksheet, column, course, …), or a reason, hold a code of six signs or more?"""
    f = audit.facts
    names = {audit.name, *f.pools.names, *(text for lost in audit.unreadable for text in lost)}
    names |= {accepted.reason for accepted in f.accepted}
    names |= {getattr(file, word) for file in f.files for word in ("source_file", *OF_SOURCE)}
    names |= {table.pool for _, export in f.given() for table in export.tables}
    names.update(*(map(str, export.column(column).listed()) for column in SHOWN for _, export in f.given()))
    others = (export for role, export in f.given() if role not in KEYED)
    return _any_in(names, [f.coded.dictionary, _unread_parts(f.exports.values()), *_codes(others)])


def hidden(text: str, exports: Collection[Export]) -> str:
    """A text about exports, such as an error: without codes and people, if a code of six signs or more is in it."""
    return _secrets(exports).hide(text) if _any_in([text], [_unread_parts(exports), *_codes(exports)]) else text


def _codes(exports: Iterable[Export]) -> Iterator[Any]:
    """Every code that exports name, as Arrow texts; of a cell with several each."""
    for export in exports:
        whole = pa.array([], TEXT) if export.keys is None else export.keys.drop_null().unique()
        several = whole.filter(pc.match_substring_regex(whole, PARTS.pattern)).to_pylist()
        yield from (whole, pa.array([part for cell in several for part in _parts(cell)], TEXT))


def _parts(cell: str) -> list[str]:
    """What in a cell may be codes: not its words."""
    return [part for part in PARTS.split(cell) if re.search(r"\d|^[A-Z]{6,}$", part)]


def _unread(exports: Iterable[Export]) -> list[str]:
    """The key cells that are not one readable code: several of them, or what Excel made of one; not what we say of such a cell."""
    return [cell for export in exports for cell in export.raw.values() if not cell.startswith(f"{Odd.__name__}(")]


def _unread_parts(exports: Iterable[Export]) -> Any:
    return pa.array([part for cell in _unread(exports) for part in _parts(cell)], TEXT)


def _any_in(texts: Iterable[str], codes: Iterable[Any]) -> bool:
    """Is a code of six signs or more in some texts, however it is written? A number, or in many texts: as a word of its own."""
    names = set(texts)
    plain = {fold_secret(text) for text in names}
    words = {fold_secret(word) for text in names for word in re.split(r"[\W_]+", text)} | plain
    few = plain if len(names) <= MANY else ()
    for known in codes:
        folded = _folded(known)
        sizes = [size for size in pc.unique(pc.utf8_length(folded)).to_pylist() if size >= WHOLE_WORD]
        parts = (text[at : at + size] for text in few for size in sizes for at in range(len(text) - size + 1))
        sought = words.union(part for part in parts if not part.isdigit()) - HEADERS
        if pc.any(pc.is_in(folded, pa.array(sorted(part for part in sought if len(part) >= WHOLE_WORD), TEXT))).as_py():
            return True
    return False


def _folded(codes: Any) -> Any:
    """Arrow texts, folded as secrets are compared; those with more than letters and numbers once more, behind all."""
    codes = codes.fill_null("")
    odd = codes.filter(pc.invert(pc.and_(pc.utf8_is_alnum(codes), pc.string_is_ascii(codes))))
    odd = changed(odd, pc.invert(pc.string_is_ascii(odd)), fold_secret)
    for sign in BETWEEN:
        odd = pc.replace_substring(odd, sign, "")
    return pc.ascii_lower(pa.chunked_array([codes, odd]))


def _secrets(exports: Iterable[Export]) -> Secrets:
    """Every code and every person any export names."""
    given = list(exports)
    codes = [code for known in _codes(given) for code in known.to_pylist()]
    codes += [part for cell in _unread(given) for part in (cell, *PARTS.split(cell))]
    people = {
        text for export in given for name in PEOPLE if name in export.columns for text in export.column(name).listed()
    }
    return Secrets((code for code in codes if code and fold_secret(code) not in HEADERS), map(str, people))


def _apart(names: Iterable[str], secrets: Secrets) -> dict[str, str]:
    """Name → what it is shown as; two names stay two."""
    shown: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        hides, number = secrets.hide(name), 2
        text = hides
        while text in taken:
            text, number = f"{hides} ({number})", number + 1
        taken.add(text)
        shown[name] = text
    return shown


def _references(audit: Audit, secrets: Secrets, pools: Shown, files: Shown) -> Numbered:
    """Of every key, in the order of urgency: its reference without secrets."""
    known = {**pools} | {name.rsplit("/", 1)[-1]: shown.rsplit("/", 1)[-1] for name, shown in files.items()}
    reference: Numbered = audit.key_columns["reference"]

    def shown(text: str) -> str:
        if text not in known and (match := _WITH_PLACE.fullmatch(text)):
            return f"{shown(match[1])}{match[2]}{secrets.hide(match[3])}"
        return known[text] if text in known else secrets.hide(text)

    return replace(reference, name=reference.name.map(shown))


def _keys(audit: Audit, secrets: Secrets, pools: Shown, files: Shown, name: Numbered) -> dict[str, Any]:
    columns = dict(audit.key_columns)
    ends = pa.array([ending(code or "") for code in columns["training_key"].to_pylist()], TEXT)
    told = pc.utf8_rtrim_whitespace(beside(name.texts(), ends, between=" "))
    partner = np.append(audit.places, -1)[audit.facts.link[audit.order]]  # the place of each key's lookalike
    blank, evidence = pa.scalar(None, TEXT), columns["evidence"]
    names = _apart(dict.fromkeys(name for column in NAMES for name in columns[column].listed()), secrets)
    columns |= {column: columns[column].map(names.__getitem__) for column in NAMES}
    columns["source_sheet"] = columns["source_sheet"].map(secrets.hide)
    columns |= {
        "training_key": pc.if_else(pc.is_valid(columns["training_key"]), told, blank),
        "reference": name,
        "lookalike": pc.if_else(pa.array(partner >= 0), told.take(pa.array(np.maximum(partner, 0))), blank),
        "pool": columns["pool"].map(lambda pool: pools[pool]),
        "source_file": columns["source_file"].map(lambda file: files.get(file, file)),
        "evidence": replace(evidence, name=evidence.name.map(lambda text: _shown_file(text, files))),
    }
    return columns


def _shown_file(text: str, files: Shown) -> str:
    """`file`, or `file, not listed`, with the name its file is shown by."""
    name, comma, rest = (text, "", "") if text in files else text.rpartition(", ")
    return f"{files.get(name, name)}{comma}{rest}"


def _findings(audit: Audit, secrets: Secrets, pools: Shown, files: Shown, name: Numbered) -> dict[str, Any]:
    """A finding's code is shown as its key is; a code no export knows, by its place."""
    columns = dict(audit.finding_columns)
    place = np.append(audit.places, -1)[columns["key"]]
    sheet, file, row = columns["source_sheet"], columns["source_file"], columns["source_row"]
    shown, names = [], name.tolist()
    for at, code in enumerate(columns["training_key"].to_pylist()):
        end = "" if not code or PARTS.search(code) else ending(code)
        where = names[place[at]] if place[at] >= 0 else f"{files.get(file[at] or '', '')}, row {row[at]}"
        shown.append(f"{where} {end}".strip() if code else "")
    return columns | {
        "training_key": pa.array(shown, TEXT),
        "pool": columns["pool"].map(lambda pool: pools.get(pool, secrets.hide(pool))),
        "message": columns["message"].map(secrets.hide),
        "source_file": file.map(lambda text: files.get(text, secrets.hide(text))),
        "source_sheet": sheet.map(secrets.hide),
    }
