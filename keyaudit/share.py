"""The twin of an audit that may be sent to others: no code in full, no person. (DESIGN §5)"""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd

from keyaudit.columns import COLUMNS, fold_header
from keyaudit.exports.codes import PARTS
from keyaudit.masking import Secrets, ending, endings
from keyaudit.reconciliation import Reconciliation

PEOPLE = [name for name, column in COLUMNS.items() if column.personal]
HEADERS = {fold_header(alias) for alias in COLUMNS["training_key"].aliases}  # pasted as a key, they are no secret


def masked(audit: Reconciliation) -> Reconciliation:
    """An audit of the same counts in which every code is a reference and an ending, wherever it stood.

    Known codes and people are also taken out of what people write themselves: names of pools, courses, organizations and
    course keys, worksheet tabs, headers, messages. File names stay. Every writer takes the twin as it takes the audit.
    """
    secrets = _secrets(audit)
    pools = _names_of_pools(audit, secrets)
    keys = _keys(audit.keys, secrets, pools)
    shown = dict(zip(audit.keys["training_key"], keys["training_key"], strict=True))
    return replace(
        audit,
        keys=keys,
        pools=_hidden(audit.pools, secrets, "course", "organization").assign(pool=audit.pools["pool"].map(pools)),
        findings=_findings(audit.findings, secrets, pools, shown),
        sources=_hidden(audit.sources, secrets, "sheets", "columns_used", "columns_not_used"),
        not_checked=tuple(map(secrets.hide, audit.not_checked)),
        is_masked=True,
    )


def _secrets(audit: Reconciliation) -> Secrets:
    """Every code and every person any export names."""
    codes: set[str] = set()
    people: set[str] = set()
    for export in audit._evidence.exports.given():
        if "training_key" in export.rows:
            whole = export.rows["training_key"].dropna().drop_duplicates()
            codes.update(whole)
            several = whole[whole.str.contains(PARTS.pattern)]
            codes.update(part for code in several for part in PARTS.split(code) if re.search(r"\d", part))
        if "raw" in export.rows:  # what is not one readable code: several of them, or what Excel made of one
            raw = export.rows["raw"].astype("str").unique()
            codes.update(part for cell in raw for part in (cell, *PARTS.split(cell)))
        for name in PEOPLE:
            if name in export.rows:
                people.update(export.rows[name].dropna().astype("str").unique())
    return Secrets((code for code in codes if fold_header(code) not in HEADERS), people)


def _names_of_pools(audit: Reconciliation, secrets: Secrets) -> dict[str, str]:
    """Pool → the name it is shown by; two pools keep two names."""
    names: dict[str, str] = {}
    for pool in audit.pools["pool"]:
        name = shown = secrets.hide(pool)
        number = 2
        while shown in names.values():
            shown, number = f"{name} ({number})", number + 1
        names[pool] = shown
    return names


def _keys(keys: pd.DataFrame, secrets: Secrets, pools: dict[str, str]) -> pd.DataFrame:
    texts = ("course", "organization", "course_key_name", "course_key_course", "course_key_organization")
    twin = _hidden(keys, secrets, *texts, "source_sheet").assign(pool=keys["pool"].map(pools).astype("category"))
    named = keys["reference"].str.extract(r"(?s)^(?P<name>.*?)(?P<row>, row \d+)(?P<more>(?: \(.*\))?)$")
    names = {text: pools.get(text, secrets.hide(text)) for text in named["name"].unique()}
    more = {text: secrets.hide(text) for text in named["more"].unique()}
    twin["reference"] = named["name"].map(names) + named["row"] + named["more"].map(more)
    name = (twin["reference"] + " " + endings(keys["training_key"])).str.strip()
    twin["training_key"] = name.where(keys["training_key"].notna())
    partners = keys.loc[keys["lookalike"].notna(), "lookalike"]
    own = keys["training_key"].isin(set(partners))
    shown = dict(zip(keys.loc[own, "training_key"], name[own], strict=True))
    twin["lookalike"] = keys["lookalike"].map(shown).astype("str").where(keys["lookalike"].notna())
    return twin


def _findings(findings: pd.DataFrame, secrets: Secrets, pools: dict[str, str], shown: dict[str, str]) -> pd.DataFrame:
    """A finding's code is shown as its key is; a code no export knows, by its place."""
    place = findings["source_file"] + ", row " + findings["source_row"].astype("str")
    single = [ending(code) if not PARTS.search(code) else "" for code in findings["training_key"]]
    code = findings["training_key"].map(shown).fillna((place + " " + pd.Series(single, place.index)).str.strip())
    return _hidden(findings, secrets, "message", "source_sheet").assign(
        training_key=code.where(findings["training_key"] != "", ""),
        pool=findings["pool"].map(pools).fillna(findings["pool"].map(secrets.hide)),
    )


def _hidden(table: pd.DataFrame, secrets: Secrets, *names: str) -> pd.DataFrame:
    """A copy in which the texts of some columns are shown without secrets."""
    return table.assign(**{name: _column(table[name], secrets) for name in names})


def _column(column: pd.Series, secrets: Secrets) -> pd.Series:
    shown = {text: secrets.hide(text) for text in column.dropna().unique()}
    return column.astype("object").map(shown).astype(column.dtype if column.dtype != "category" else "category")
