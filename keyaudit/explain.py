"""The whole story of one key, for a help desk on the telephone. Never shows a full code or a person. (DESIGN §3)"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.audit import Audit
from keyaudit.coded import Array, Coded
from keyaudit.columns import COLUMNS
from keyaudit.errors import Slip
from keyaudit.exports.codes import BLANKS
from keyaudit.exports.dates import is_cancelled
from keyaudit.facts import YES, Facts, at, named_codes
from keyaudit.lookalikes import RUNGS, meant_by
from keyaudit.markup import Html, html, joined
from keyaudit.masking import ending, fold_secret
from keyaudit.rulebook import FAMILIES, SHADES, STATUSES, WORKS
from keyaudit.words import count, plain, sentence

CELL = "text-align:left;vertical-align:top;padding:2px 14px 2px 0;overflow-wrap:anywhere"
TODAY = "the day of the audit"
DATES = {  # of a record, in words
    "redeemed_at": "redeemed", "starts_on": "starts", "expires_on": "expires", "created_at": "created", "distributed_at": "sent"
}  # fmt: skip
ASKED = {  # what the rule book asks of a key: column of KEYS → in words
    "in_before": "in the backup",
    "in_now": "in the later export of its pool",
    "redeemed_at": "redeemed in its pool",
    "in_course_keys": "in course keys",
    "is_distributed": "sent to a learner",
}
TABLE = (  # the columns of KEYS that a story tells
    *("status", "reason", "works", "works_until", "next_step", "act_by", "evidence"),
    *(*ASKED, "course_key_name", "max_uses", "uses"),
)
AT_MOST = 10  # keys named where several may be meant
EVENTS = (  # role, column, in words
    ("pools_before", "created_at", "made"),
    ("distribution", "distributed_at", "sent"),
    ("pools_before", "redeemed_at", "redeemed in its pool"),
    ("pools_now", "redeemed_at", "redeemed in its pool"),
    ("course_keys", "created_at", "made a course key"),
    ("course_keys", "redeemed_at", "used as a course key"),
    ("course_keys", "expires_on", "the course key expires"),
    ("assignments", "created_at", "an assignment was created"),
)
ROLES_NAMED = {
    "pools_before": "pool", "pools_now": "pool", "course_keys": "course key", "distribution": "distribution log",
    "other_keys": "other keys", "assignments": "course assignment",
}  # fmt: skip
SEVERAL = {  # keys that are meant, and by what
    "learner": "{} name that learner. Name one by its reference:",
    "ending": "{} end so. Write more of the code, or a reference:",
}


@dataclass(frozen=True)
class Explanation:
    """One key's story: a headline, lines of (what, text), and its life as (day, what, is it the key's own). Shown masked."""

    found: bool
    headline: str
    lines: tuple[tuple[str, str], ...]
    life: tuple[tuple[dt.date, str, bool], ...] = ()
    family: str = "done"

    def __repr__(self) -> str:
        """Plain lines for a terminal."""
        life = (("life" if place == 0 else "", f"{day}  {what}") for place, (day, what, _) in enumerate(self.life))
        told = [*self.lines, *life]
        width = max((len(what) for what, _ in told), default=0)
        return "\n".join([self.headline, *(f"  {what:<{width}}  {text}" for what, text in told)])

    def _repr_html_(self) -> str:
        """The same for a notebook: inline styles only, so that it survives one that is not trusted, and both themes."""
        line = '<tr><td style="{};white-space:nowrap;opacity:.75">{}</td><td style="{}"><bdi>{}</bdi></td></tr>'
        named = (what if what != before else "" for (before, _), (what, _) in pairwise([("", ""), *self.lines]))
        rows = joined(html(line, CELL, what, CELL, text) for what, (_, text) in zip(named, self.lines, strict=True))
        return html(
            '<div class="tex2jax_ignore mathjax_ignore" style="max-width:760px;font-family:sans-serif;overflow-wrap:anywhere"><div style="border-left:6px solid {};padding-left:12px;'
            'margin-bottom:8px;font-weight:bold"><bdi>{}</bdi></div>{}{}</div>',
            *(SHADES[self.family], self.headline),
            html('<table style="margin:0 0 12px 0;color:inherit">{}</table>', rows) if rows else "",
            joined(self._moments()),
        )

    def _moments(self) -> Iterator[Html]:
        """Its life as a line from top to bottom: what befell it as dots, the deadlines as ticks."""
        moment = (
            '<div style="display:flex;line-height:22px;font-weight:{}"><div style="width:108px">{}</div><div style="'
            'border-left:2px solid {};padding-left:14px"><div style="display:flex"><div style="width:12px;height:{}px;'
            'border-radius:{}%;background-color:{};margin:{}px 10px 0 -21px"></div><div>{}</div></div></div></div>'
        )
        for day, what, is_own in self.life:
            weight, *mark, top = ("bold", 12, 50, 5) if is_own else ("normal", 2, 0, 10)
            yield html(moment, weight, day, SHADES[self.family], *mark, SHADES[self.family], top, what)


def explain(audit: Audit, text: str | None) -> Explanation:
    """Tell the story of the key meant by a code (also inside a link), a reference, a unique ending, a learner's name or address.

    Otherwise say what else may be meant. Raises Slip if nothing is asked for.
    """
    if text is None:
        nothing = Explanation(False, "There is no key to explain: no export shows one.", ())
        return next(stories(audit, audit.order[:1]), nothing)
    asked = text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""
    if not asked.strip(BLANKS):
        needs = """a code, a reference such as "Pool, row 14", the end of a code, or a learner's name"""
        raise Slip(f"explain() needs {needs}")
    f = audit.facts
    others, how = _meant(audit, asked)
    if how and len(others) == 1:
        return next(stories(audit, np.array(others)))
    if how:  # of several that are meant alike, the most urgent first
        others = sorted(others, key=audit.places.__getitem__)
    few = np.array(others[:AT_MOST], dtype=np.int64)
    meant = [
        ("did you mean", f"{' '.join(name).strip()}, which is {plain(status)}")
        for name, status in zip(named(audit, few), _column(audit, "status", few), strict=True)
    ]
    meant += [("", f"and {len(others) - AT_MOST:,} more")] * (len(others) > AT_MOST)
    if how:
        return Explanation(False, SEVERAL[how].format(count(len(others))), tuple(meant))
    text, headline = asked.strip(BLANKS), "No pool export and no course-key export knows this code."
    elsewhere = [role for role in ("distribution", "other_keys") if role in f.exports]
    rows = [_where(pc.equal(f.exports[role].keys, text)) + f.slices[role].start for role in elsewhere]
    seen = [("seen", told) for found in rows for told in _told(audit, found)]
    if not seen:
        headline = "No export knows this code. Did you mean:"
    if not seen and not meant:
        headline = "No export knows this code or learner, and no code resembles it."
        if audit.not_understood:
            headline += " A learner may stand in a column that is not understood: keyaudit check names them."
    return Explanation(False, headline, (*seen, *meant))


def _meant(audit: Audit, asked: str) -> tuple[list[int], str]:
    """The numbers of the keys that are meant, and by what; by nothing: of those that may be."""
    f, text = audit.facts, asked.strip(BLANKS)
    for code in (asked, text):
        if len(found := _where(pc.equal(f.codes, code))) == 1:
            return found.tolist(), "name"
    if len(found := np.flatnonzero(f.references.are(text))) == 1:
        return found.tolist(), "name"
    if audit.is_masked and len(found := np.flatnonzero(audit.key_columns["reference"].are(text))) == 1:
        return audit.order[found].tolist(), "name"
    if len(inside := named_codes(f, [text])[0]) == 1:
        return inside, "name"
    tail = text.lstrip("….")
    if len(tail) >= 2 and len(found := _where(pc.ends_with(f.codes, tail))):
        return found.tolist(), "ending"
    if people := sorted({key for key, _ in of_learner(f, text)}):
        return people, "learner"
    return meant_by(f.codes, text), ""


def _where(mask: Any) -> Array:
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))


def stories(audit: Audit, keys: Array) -> Iterator[Explanation]:
    """The stories of some keys, by their numbers; what is said of many is found once, for all of them together."""
    f, (of, rows) = audit.facts, _records(audit.facts, keys)
    links = np.unique(f.link[keys][f.link[keys] >= 0])
    partner = dict(zip(links.tolist(), map(" ".join, named(audit, links)), strict=True))
    found, life, seen = audit.found_of(keys), _life(audit, of, rows, keys), dict[int, list[str]]()
    for key, line in zip(of.tolist(), _told(audit, rows), strict=True):
        seen.setdefault(key, []).append(line)
    table = zip(*(_column(audit, name, keys) for name in TABLE), strict=True)
    for key, name, values in zip(keys.tolist(), named(audit, keys), table, strict=True):
        row = dict(zip(TABLE, values, strict=True))
        told = [*_verdict(f, key, row), *(("seen", text) for text in seen.get(key, ()))]
        if f.gone[key]:
            told.append(("seen", "not in the later export of its pool"))
        if f.is_distributed[key] == YES and not f.logged[key]:
            told.append(("seen", "the log names a code that looks like it, or its list says it was sent"))
        if f.link[key] >= 0:
            rung = f.damage.get(key, "excel")
            told.append(("lookalike", f"{partner[f.link[key]].strip()}: {RUNGS.get(rung, rung)}"))
        elif key in f.damage:
            told.append(("code", f"The key cell holds {audit.hide(f.damage[key])}."))
        told += [("finding", f"{severity}: {audit.hide(message)}") for severity, message in found.get(key, ())]
        headline = f"{' '.join(name).strip()} is {plain(row['status'])}."
        yield Explanation(True, headline, tuple(told), life[key], list(FAMILIES)[f.family_of_key[key]])


def _verdict(f: Facts, key: int, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Status, rule, what the exports say as the rule asks for it, what proves it, does it work, next step."""
    until, by = (row[name] and row[name].item().date() for name in ("works_until", "act_by"))
    yield "status", f"{plain(row['status'])}: {row['reason']}"
    yield "rule", f"{sentence(STATUSES[row['status']].when)}."
    yield "because", _because(f, key, row)
    yield "evidence", row["evidence"]
    yield "works", f"{plain(row['works'])}{f', until {until}' if until else ''}. {sentence(WORKS[row['works']])}."
    yield "next step", f"{row['next_step']}{f' By {by}.' if by else ''}"


def named(audit: Audit, keys: Array) -> list[tuple[str, str]]:
    """Keys where others may see them: reference and ending."""
    codes = audit.facts.codes.take(pa.array(keys)).to_pylist()
    ends = ("(not readable)" if code is None else ending(code) for code in codes)
    return list(zip(_column(audit, "reference", keys), ends, strict=True))


def _column(audit: Audit, name: str, keys: Array) -> list[Any]:
    """A column of some keys as it may be seen: a twin to share has its own."""
    column = audit.key_columns[name].take(audit.places[keys])
    return column.cells() if isinstance(column, Coded) else list(column.tolist())


def _because(f: Facts, key: int, row: Mapping[str, Any]) -> str:
    """What the exports say of a key, as the rule book asks for it."""
    redeemed = "yes" if f.redeemed[key] else "not known" if f.redemption_unreadable[key] else "no"
    day = row["redeemed_at"] and row["redeemed_at"].item().date()
    answers = {**row, "redeemed_at": f"on {day}" if day else redeemed}
    told = [f"{words}: {plain(answers[name])}" for name, words in ASKED.items()]
    if row["course_key_name"]:
        told.append(f'course key entry: "{row["course_key_name"]}"')
    if f.in_course_keys[key]:
        allowed, uses = row["max_uses"], row["uses"]
        most = "" if allowed is None else " without limit" if np.isinf(allowed) else f" of {allowed:.0f}"
        told.append("uses: not shown" if uses is None else f"uses: {uses:.0f}{most}")
    return "; ".join(told)


def _records(f: Facts, keys: Array) -> tuple[Array, Array]:
    """Every record that shows some keys, or names them: the key, and the record."""
    wanted = f.mask_of(keys)
    rows = np.flatnonzero(at(wanted, f.key, False))
    logged = [(row, key) for row, named in f.log[3].items() for key in named if wanted[key]]
    paying = [(row, key) for row, key in zip(*(part.tolist() for part in f.paid[:2]), strict=True) if wanted[key]]
    pairs = {*zip(rows.tolist(), f.key[rows].tolist(), strict=True), *logged, *paying}
    places, of = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    return of, places


def _roles(f: Facts, rows: Array) -> list[str]:
    """The role of some records."""
    return [f.files[file].role for file in f.file[rows].tolist()]


def _told(audit: Audit, rows: Array) -> list[str]:
    """Some records in words: where each stands, and the dates and the state it gives."""
    f = audit.facts
    shown = (row["source_file"] for row in audit.source_rows)
    files = [file.source_file if file.role == "declared" else next(shown) for file in f.files]
    dates = (f.dates(name, rows).astype("datetime64[D]").tolist() for name in DATES)
    state, sheet = f.column_in(rows, "assignment_status"), f.sheet.take(rows)
    seen = zip(_roles(f, rows), f.file[rows].tolist(), f.row[rows].tolist(), *dates, strict=True)
    lines = []
    for place, (role, file, row, *days) in enumerate(seen):
        said = [f"{words} {day}" for words, day in zip(DATES.values(), days, strict=True) if day]
        said += [audit.hide(str(state[place]))] if state[place] else []
        where = f', sheet "{audit.hide(sheet[place])}"' if sheet[place] else ""
        lines.append(f"{files[file]}{where}, row {row} ({ROLES_NAMED[role]}){': ' if said else ''}{', '.join(said)}")
    return lines


def _life(audit: Audit, of: Array, rows: Array, keys: Array) -> dict[int, Any]:
    """What happened to some keys and when, among the deadlines and the day of the audit."""
    f = audit.facts
    shared = {*((date, label.lower(), False) for label, date in f.calendar.deadlines()), (f.day, TODAY, False)}
    found, roles = {key: set(shared) for key in keys.tolist()}, np.array(_roles(f, rows))
    cancelled = f.column_in(rows, "assignment_status").has(is_cancelled)
    for role, column, words in EVENTS:
        days = f.dates(column, rows).astype("datetime64[D]")
        mask = (roles == role) & ~np.isnat(days)
        for key, day, is_over in zip(of[mask].tolist(), days[mask].tolist(), cancelled[mask].tolist(), strict=True):
            found[key].add((day, f"{words}{' and cancelled' if is_over else ''}", True))
    for key, end in zip(keys.tolist(), _column(audit, "pool_expires_on", keys), strict=True):
        if end is not None:
            found[key].add((end.item().date(), "its pool expires", True))
    return {key: tuple(sorted(moments)) for key, moments in found.items()}


def of_learner(f: Facts, text: str) -> Iterator[tuple[int, str]]:
    """Keys that name a learner, by parts of the name or the address in any order (three signs at least), and where."""
    words = [word for word in map(fold_secret, re.split(r"[\s,;]+", text)) if word]
    words = words if max(map(len, words), default=0) >= 3 else ["".join(words)]  # short ones only together
    if len(max(words, key=len)) < 3:
        return

    def is_named(told: Any) -> bool:
        name = fold_secret(str(told))
        return all(word in name for word in words)

    for name in (name for name, column in COLUMNS.items() if column.personal and name != "created_by"):
        rows = np.flatnonzero(f.column(name).has(is_named))
        named = f.log[3] if name == "distributed_to" else {}
        for row in rows.tolist():
            keys = named.get(row, [])
            keys = keys or ([int(f.key[row])] if f.key[row] >= 0 else f.paid[1][f.paid[0] == row].tolist())
            for key in keys:
                yield key, ROLES_NAMED[_roles(f, np.array([row]))[0]]
