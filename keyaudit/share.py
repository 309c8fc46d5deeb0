"""The twin of an audit that may be sent to others: no code in full, no person. (DESIGN §5)"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.audit import Audit
from keyaudit.coded import TEXT, Numbered
from keyaudit.columns import COLUMNS, fold_header
from keyaudit.exports.codes import PARTS
from keyaudit.exports.records import Export
from keyaudit.masking import WHOLE_WORD, Secrets, ending

Shown: TypeAlias = Mapping[str, str]  # a name → what it is shown as
PEOPLE = [name for name, column in COLUMNS.items() if column.personal]
HEADERS = {fold_header(alias) for alias in COLUMNS["training_key"].aliases}  # pasted as a key, they are no secret
_WITH_PLACE = re.compile(r"(.*?)(, row \d+)( \(.*\))", re.S)  # a reference that file and sheet are needed for
_WORD = re.compile(r"[^\s()\[\]{}<>,;:/\\\"'#]+")
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
    """Does a name (of the case, a pool, file, worksheet, column, course, organization, entry) hold a code of six signs or more?"""
    f = audit.facts
    names = {audit.name, *f.pools.names, *(text for lost in audit.unreadable for text in lost)}
    names |= {getattr(file, word) for file in f.files for word in ("source_file", *OF_SOURCE)}
    names.update(*(f.column(column).listed() for column in ("course", "organization", "name")))
    return _any_in(names, [f.coded.dictionary])


def hidden(text: str, exports: Collection[Export]) -> str:
    """What is said of exports that make no audit: without codes and people, if a word of it is a code."""
    codes = [export.keys for export in exports if export.keys is not None]
    return _secrets(exports).hide(text) if _any_in([text], codes) else text


def _any_in(texts: Iterable[str], codes: Iterable[Any]) -> bool:
    """Is a word of some texts a code, of six signs or more?"""
    words = {word for text in texts for part in (text, *re.split(r"[._]", text)) for word in _WORD.findall(part)}
    long = pa.array(sorted(word for word in words if len(word) >= WHOLE_WORD), TEXT)
    return any(pc.any(pc.is_in(known, value_set=long)).as_py() for known in codes)


def _secrets(exports: Iterable[Export]) -> Secrets:
    """Every code and every person any export names."""
    codes: set[str] = set()
    people: set[str] = set()
    for export in exports:
        if export.keys is not None:
            whole = export.keys.drop_null().unique()
            codes.update(whole.to_pylist())
            several = whole.filter(pc.match_substring_regex(whole, PARTS.pattern)).to_pylist()
            codes.update(part for code in several for part in PARTS.split(code) if re.search(r"\d", part))
        for cell in export.raw.values():  # what is not one readable code: several of them, or what Excel made of one
            codes.update((cell, *PARTS.split(cell)))
        people.update(str(text) for name in PEOPLE if name in export.columns for text in export.column(name).listed())
    return Secrets((code for code in codes if code and fold_header(code) not in HEADERS), people)


def _apart(names: list[str], secrets: Secrets) -> dict[str, str]:
    """Name → what it is shown as; two names stay two."""
    shown: dict[str, str] = {}
    for name in names:
        text, number = secrets.hide(name), 2
        while text in shown.values():
            text, number = f"{secrets.hide(name)} ({number})", number + 1
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
    told = pc.utf8_rtrim_whitespace(pc.binary_join_element_wise(name.texts(), ends, pa.scalar(" ", TEXT)))
    partner = np.append(audit.places, -1)[audit.facts.link[audit.order]]  # the place of each key's lookalike
    blank, evidence = pa.scalar(None, TEXT), columns["evidence"]
    columns |= {text: columns[text].map(secrets.hide) for text in (*NAMES, "source_sheet")}
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
