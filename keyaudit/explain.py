"""The whole story of one key, for a help desk on the telephone. Never shows a full code or a person. (DESIGN §3)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from keyaudit.coded import Array
from keyaudit.columns import COLUMNS
from keyaudit.exports.codes import BLANKS
from keyaudit.exports.names import fold_name
from keyaudit.facts import NO, YES, Facts
from keyaudit.lookalikes import RUNGS, meant_by
from keyaudit.masking import ending
from keyaudit.rulebook import FAMILIES, STATUSES, WORKS
from keyaudit.settings import key_setting
from keyaudit.words import count, plain, sentence

if TYPE_CHECKING:
    import pandas as pd

    from keyaudit.audit import Reconciliation

LEARNER_SEES = {
    "yes": "A learner who enters it today gets in.",
    "used": "It has been redeemed: a learner who enters it today gets an error.",
    "unknown": "The exports do not tell what a learner who enters it today sees.",
    "not_yet": "A learner who enters it today gets an error: its pool has not started.",
    "no": "A learner who enters it today gets an invalid-key error.",
}
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
    "pools_before": "pool",
    "pools_now": "pool",
    "course_keys": "course key",
    "distribution": "distribution log",
    "other_keys": "other keys",
    "assignments": "course assignment",
}


@dataclass(frozen=True)
class Explanation:
    """One key's story: a headline, lines of (what, text), and its life as (day, words). Shown masked."""

    found: bool
    headline: str
    lines: tuple[tuple[str, str], ...]
    life: tuple[tuple[dt.date, str], ...] = ()
    colour: str = "#616E7C"

    def __repr__(self) -> str:
        """Plain lines for a terminal."""
        told = [
            *self.lines,
            *(("life" if place == 0 else "", f"{day}  {what}") for place, (day, what) in enumerate(self.life)),
        ]
        width = max((len(what) for what, _ in told), default=0)
        return "\n".join([self.headline, *(f"  {what:<{width}}  {text}" for what, text in told)])

    def _repr_html_(self) -> str:
        """The same for a notebook and the page: its life as a line against the deadlines, inline styles only."""
        rows = "".join(
            f'<tr><td style="text-align:left;vertical-align:top;padding-right:14px;opacity:.75">{escape(what)}</td>'
            f'<td style="text-align:left;white-space:pre-line">{escape(text)}</td></tr>'
            for what, text in self.lines
        )
        head = f'<div style="border-left:6px solid {self.colour};padding-left:12px;font-weight:bold">{escape(self.headline)}</div>'
        return f'<div style="max-width:760px">{head}{self._line()}<table style="color:inherit">{rows}</table></div>'

    def _line(self) -> str:
        if len(self.life) < 2:
            return ""
        first, last = self.life[0][0], self.life[-1][0]
        span = max((last - first).days, 1)
        marks = "".join(
            f'<span style="position:absolute;left:{100 * (day - first).days / span:.1f}%;top:-4px;width:9px;height:9px;'
            f'margin-left:-4px;border-radius:50%;background:{self.colour}"></span>'
            for day, _ in self.life
        )
        told = "".join(f"<li>{day}: {escape(what)}</li>" for day, what in self.life)
        bar = f'<div aria-hidden="true" style="position:relative;height:2px;background:{self.colour};margin:18px 8px 12px">{marks}</div>'
        return f'{bar}<ol style="margin:0 0 8px;padding-left:18px">{told}</ol>'


def explain(audit: Reconciliation, text: str) -> Explanation:
    """Tell the story of the key meant by a code, a reference, a unique ending, a learner's name or address.

    Otherwise say what else may be meant. Raises ValueError if nothing is asked for.
    """
    asked = text if isinstance(text, str) else ""
    if not asked.strip(BLANKS):
        raise ValueError(
            'explain() needs a code, a reference such as "Pool, row 14", the end of a code, or a learner\'s name'
        )
    f = audit.facts
    key, others, how = _located(f, asked)
    if key is not None:
        return story(audit, key)
    meant = [("did you mean", f"{name_of(f, n)}, which is {plain(_status(f, n))}") for n in others[:AT_MOST]]
    meant += [("", f"and {len(others) - AT_MOST:,} more")] * (len(others) > AT_MOST)
    if how == "learner":
        return Explanation(
            False, f"{count(len(others))} belong to that learner. Name one by its reference:", tuple(meant)
        )
    if how == "ending":
        return Explanation(False, f"{count(len(others))} end so. Write more of the code, or a reference:", tuple(meant))
    seen = [("seen", told) for told in _seen_elsewhere(f, asked.strip(BLANKS))]
    headline = "No pool export and no course-key export knows this code."
    if not seen:
        headline = "No export knows this code" + (". Did you mean:" if meant else ", and none resembles it.")
    return Explanation(False, headline, (*seen, *meant))


def _located(f: Facts, asked: str) -> tuple[int | None, list[int], str]:
    """The number of the key meant; or the keys that may be meant, and by what."""
    text = asked.strip(BLANKS)
    for names, value in ((f.codes, asked), (f.codes, text), (f.references, text)):
        found = _where(pc.equal(names, value))
        if len(found) == 1:
            return int(found[0]), [], ""
    tail = text.lstrip("….")
    if 2 <= len(tail) <= 6 and len(found := _where(pc.ends_with(f.codes, tail))):
        return (int(found[0]), [], "") if len(found) == 1 else (None, found.tolist(), "ending")
    if people := sorted({key for key, _ in _of_learner(f, text)}):
        return (people[0], [], "") if len(people) == 1 else (None, people, "learner")
    return None, meant_by(f.codes, text), ""


def _where(mask: Any) -> Array:
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))


def _status(f: Facts, key: int) -> str:
    return list(STATUSES)[f.status[key]]


def story(audit: Reconciliation, key: int) -> Explanation:
    """The story of a key by its number."""
    f = audit.facts
    status, works = _status(f, key), list(WORKS)[f.works[key]]
    until, by = f.works_until[key], f.act_by[key]
    step, steps = f.next_step
    reason, reasons = f.reason
    told = [
        ("status", f"{plain(status)}: {reasons[reason[key]]}"),
        ("rule", sentence(STATUSES[status].when) + "."),
        ("because", _because(f, key)),
        ("evidence", f.evidence[key].as_py()),
        (
            "works",
            f"{plain(works)}{'' if np.isnat(until) else f', until {until.item().date()}'}. {LEARNER_SEES[works]}",
        ),
        ("next step", f"{steps[step[key]]}{'' if np.isnat(by) else f' By {by.item().date()}.'}"),
        *(("seen", text) for text in _seen(f, key)),
    ]
    if key in f.damage and f.link[key] < 0:
        told.append(("code", f"The key cell holds {f.damage[key]}."))
    if f.link[key] >= 0:
        rung = f.damage.get(key, "excel")
        told.append(("lookalike", f"{name_of(f, int(f.link[key]))}: {RUNGS.get(rung, rung)}"))
    for block in audit.blocks_of(key):
        for severity, message in block:
            told.append(("finding", f"{severity}: {message}"))
    colour = list(FAMILIES.values())[f.family_of_key[key]][0]
    return Explanation(True, f"{name_of(f, key)} is {plain(status)}.", tuple(told), _life(f, key), colour)


def _because(f: Facts, key: int) -> str:
    """What the exports say, as the rule book asks for it."""
    answers = ("no", "yes", "not known")
    redeemed = (
        f"on {f.redeemed_at[key].item().date()}"
        if not np.isnat(f.redeemed_at[key])
        else "yes"
        if f.redeemed[key]
        else "no"
    )
    redeemed = "not known" if f.redemption_unreadable[key] and not f.redeemed[key] else redeemed
    told = [
        f"in the backup: {'yes' if f.in_before[key] else 'no'}",
        f"in the later export of its pool: {answers[f.in_now[key]]}",
        f"redeemed in its pool: {redeemed}",
        f"in course keys: {'yes' if f.in_course_keys[key] else 'no' if f.course_keys_given else 'not known'}",
        f"sent to a learner: {answers[f.is_distributed[key]]}",
    ]
    if name := key_setting(f, "name")[key]:
        told.append(f'course key entry: "{name}"')
    if f.in_course_keys[key]:
        allowed, uses = f.max_uses[key], f.uses[key]
        of = "" if np.isnan(allowed) else " without limit" if np.isinf(allowed) else f" of {allowed:.0f}"
        told.append("uses: not shown" if np.isnan(uses) else f"uses: {uses:.0f}{of}")
    return "; ".join(told)


def _records(f: Facts, key: int) -> Iterator[tuple[str, int]]:
    """Every record that shows a key, with its role."""
    rows = [*np.flatnonzero(f.key == key).tolist(), *(row for row, keys in f.log[3].items() if key in keys)]
    rows += f.paid[0][f.paid[1] == key].tolist()
    for row in dict.fromkeys(rows):
        yield next(role for role, where in f.slices.items() if where.start <= row < where.stop), row


def _seen(f: Facts, key: int) -> list[str]:
    """Every row of every export that shows a key, with what it says."""
    lines = [_told(f, role, row) for role, row in _records(f, key)]
    if f.in_now[key] == NO and f.in_pool[key]:
        lines.append("not in the later export of its pool")
    if f.is_distributed[key] == YES and not f.logged[key]:
        lines.append("the log names a code that looks like it, or its list says it was sent")
    return lines


def _told(f: Facts, role: str, row: int) -> str:
    """One record: where it stands, and the dates and the state it gives."""
    words = {
        "redeemed_at": "redeemed",
        "starts_on": "starts",
        "expires_on": "expires",
        "created_at": "created",
        "distributed_at": "sent",
    }
    said = [
        f"{label} {f.dates(name)[row].item().date()}"
        for name, label in words.items()
        if not np.isnat(f.dates(name)[row])
    ]
    if status := f.column("assignment_status")[row]:
        said.append(str(status))
    sheet = f', sheet "{f.sheet[row]}"' if f.sheet[row] else ""
    where = f"{f.files[f.file[row]].source_file}{sheet}, row {f.row[row]}"
    return f"{where} ({ROLES_NAMED[role]}){': ' if said else ''}{', '.join(said)}"


def _seen_elsewhere(f: Facts, text: str) -> list[str]:
    """Rows of the log and of other keys with a code that no pool and no course key has."""
    lines = []
    for role in ("distribution", "other_keys"):
        if role in f.exports:
            rows = _where(pc.equal(f.exports[role].keys, text))
            lines += [_told(f, role, int(row) + f.slices[role].start) for row in rows]
    return lines


def _life(f: Facts, key: int) -> tuple[tuple[dt.date, str], ...]:
    """What happened to a key and when, among the deadlines and the day of the audit."""
    found = set()
    for role, row in _records(f, key):
        for known, column, words in EVENTS:
            day = f.dates(column)[row]
            if role == known and not np.isnat(day):
                cancelled = " and cancelled" if "cancel" in str(f.column("assignment_status")[row]).casefold() else ""
                found.add((day.item().date(), words + cancelled))
    if not np.isnat(f.pool_expires_on[key]):
        found.add((f.pool_expires_on[key].item().date(), "its pool expires"))
    found |= {(date, label.lower()) for label, date in f.calendar.deadlines()} | {(f.day, "the day of the audit")}
    return tuple(sorted(found))


def _of_learner(f: Facts, text: str) -> Iterator[tuple[int, str]]:
    """Keys that name a learner, by a part of the name or the address (three signs at least), and where."""
    wanted = fold_name(text)
    if len(wanted) < 3:
        return
    for name in (name for name, column in COLUMNS.items() if column.personal and name != "created_by"):
        rows = np.flatnonzero(f.column(name).has(lambda told: wanted in fold_name(str(told))))
        named = f.log[3] if name == "distributed_to" else {}
        for row in rows.tolist():
            keys = named.get(row, [])
            keys = keys or ([int(f.key[row])] if f.key[row] >= 0 else f.paid[1][f.paid[0] == row].tolist())
            for key in keys:
                yield (
                    key,
                    next(ROLES_NAMED[role] for role, where in f.slices.items() if where.start <= row < where.stop),
                )


def find(audit: Reconciliation, learner: str) -> pd.DataFrame:
    """The keys of a learner, masked, with where the name stands; empty if no export names them."""
    where: dict[int, list[str]] = {}
    for key, role in _of_learner(audit.facts, learner):
        where.setdefault(key, []).append(role)
    rows = np.flatnonzero(np.isin(audit.order, list(where)))
    table = audit.shown_rows(rows)
    table.insert(0, "named in", [", ".join(dict.fromkeys(where[int(key)])) for key in audit.order[rows]])
    return table


def browse(audit: Reconciliation) -> Any:
    """Every key, masked, in a table to sort and search; with itables if it is there, else a plain table."""
    table = audit.shown_rows(np.arange(audit.total)).reset_index()
    try:
        import itables
    except ImportError:
        return table
    from IPython.display import HTML

    return HTML(itables.to_html_datatable(table, table_id="keyaudit-browse", connected=False, showIndex=False))


def name_of(f: Facts, key: int) -> str:
    """A key where others may see it: its reference and ending."""
    code = f.codes[key].as_py()
    return f"{f.references[key].as_py()} {ending(code) if code is not None else '(not readable)'}".strip()
