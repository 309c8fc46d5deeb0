"""The whole story of one key, for a help desk on the telephone. Never shows a full code or a person. (DESIGN §3)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from keyaudit.exports.codes import BLANKS
from keyaudit.facts import NO, YES, Array, Evidence
from keyaudit.lookalikes import RUNGS, find_lookalikes, worth_comparing
from keyaudit.masking import ending
from keyaudit.statuses import STATUSES

LEARNER_SEES = {
    "yes": "The learner who enters it gets in.",
    "used": "It has been redeemed: entering it again fails.",
    "unknown": "The exports do not tell what the learner sees.",
    "not_yet": "The learner gets an error until the pool starts.",
    "no": "The learner gets an invalid-key error.",
}
AT_MOST = 10  # keys named where several may be meant


@dataclass(frozen=True)
class Explanation:
    """One key's story: a headline and lines of (what, text). Shown masked."""

    found: bool
    headline: str
    lines: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Plain lines for a terminal and a notebook."""
        width = max((len(what) for what, _ in self.lines), default=0)
        return "\n".join([self.headline, *(f"  {what:<{width}}  {text}" for what, text in self.lines)])


def explain(key: str, keys: pd.DataFrame, findings: pd.DataFrame, evidence: Evidence) -> Explanation:
    """Tell the story of the key meant by a code, a reference or a unique ending; or say what else may be meant."""
    number, others = _locate(key, keys)
    if number is not None:
        return _story(number, keys, findings, evidence)
    seen = _seen_elsewhere(key.strip(BLANKS), evidence)
    meant = [("did you mean", f"{name_of(keys.loc[n])}, which is {keys.at[n, 'status']}") for n in others[:AT_MOST]]
    if len(others) > AT_MOST:
        meant.append(("", f"and {len(others) - AT_MOST:,} more"))
    headline = "No pool export and no course-key export knows this code."
    tail = key.strip(BLANKS).lstrip("….")
    if others and keys.loc[others, "training_key"].str.endswith(tail).all():
        return Explanation(False, f"{len(others):,} keys end so. Write more of the code, or a reference:", tuple(meant))
    if not seen and not meant:
        headline = "No export knows this code, and none resembles it."
    elif not seen:
        headline = "No export knows this code. Did you mean:"
    return Explanation(False, headline, (*seen, *meant))


def _locate(key: str, keys: pd.DataFrame) -> tuple[int | None, list[int]]:
    """The number of the key meant, or the keys that may be meant."""
    text = key.strip(BLANKS)
    for column, value in (("training_key", key), ("training_key", text), ("reference", text)):
        found = _numbers(keys, keys[column] == value)
        if len(found) == 1:
            return found[0], []
    tail = text.lstrip("….")
    if 2 <= len(tail) <= 6:
        found = _numbers(keys, keys["training_key"].str.endswith(tail).fillna(False))
        if found:
            return (found[0], []) if len(found) == 1 else (None, found)
    codes = worth_comparing(keys["training_key"].dropna(), text)
    links = find_lookalikes(codes, pd.Series([text], index=[-1], dtype="str"), (), lambda _: 0, lambda _: codes.head(0))
    ones = [one for one, _, _ in links.pairs] + [one for ones in links.ambiguous_right.values() for one in ones]
    return None, ones


def _numbers(keys: pd.DataFrame, mask: pd.Series) -> list[int]:
    return [int(number) for number in keys.index[mask.to_numpy(dtype=bool)]]


def _story(number: int, keys: pd.DataFrame, findings: pd.DataFrame, e: Evidence) -> Explanation:
    row = keys.loc[number]
    status = STATUSES[str(row["status"])]
    works = str(row["works"])
    until = "" if pd.isna(row["works_until"]) else f", until {row['works_until'].date()}"
    by = "" if pd.isna(row["act_by"]) else f" By {row['act_by'].date()}."
    lines = [
        ("status", f"{status.code}: {row['reason']}"),
        ("because", _facts(row)),
        ("evidence", str(row["evidence"])),
        ("works", f"{works}{until}. {LEARNER_SEES[works]}"),
        ("next step", f"{row['next_step']}{by}"),
        *(("seen", text) for text in _seen(e, number)),
    ]
    if isinstance(row["lookalike"], str):
        partner = keys[keys["training_key"] == row["lookalike"]].iloc[0]
        lines.append(("lookalike", f"{name_of(partner)}: {RUNGS.get(str(row['damage']), row['damage'])}"))
    if isinstance(row["training_key"], str):
        own = findings[(findings["training_key"] == row["training_key"]).to_numpy()]
        lines += [("finding", f"{f.severity}: {f.code}. {f.message}") for f in own.itertuples()]
    return Explanation(True, f"{name_of(row)} is {status.code}.", tuple(lines))


def _facts(row: pd.Series) -> str:
    """What the exports say, as the status table asks for it."""
    redeemed = "not known when" if row["status"] == "redeemed" else "no"
    if not pd.isna(row["redeemed_at"]):
        redeemed = f"on {row['redeemed_at'].date()}"
    told = [
        f"in the backup: {row['in_before']}",
        f"in the later export of its pool: {row['in_now']}",
        f"redeemed in its pool: {redeemed}",
        f"in course keys: {row['in_course_keys']}",
        f"sent to a learner: {row['is_distributed']}",
    ]
    if isinstance(row["course_key_name"], str):
        told.append(f'course key entry: "{row["course_key_name"]}"')
    if not pd.isna(row["uses"]):
        allowed = row["max_uses"]
        of = "" if pd.isna(allowed) else " without limit" if np.isinf(allowed) else f" of {allowed:.0f}"
        told.append(f"uses: {row['uses']:.0f}{of}")
    if not pd.isna(row["course_key_expires_on"]):
        told.append(f"course key expires: {row['course_key_expires_on'].date()}")
    return "; ".join(told)


_DATES = (
    ("redeemed_at", "redeemed"),
    ("starts_on", "starts"),
    ("expires_on", "expires"),
    ("created_at", "created"),
    ("distributed_at", "sent"),
)


def _seen(e: Evidence, number: int) -> list[str]:
    """Every row of every export that shows a key, with what it says."""
    lines = []
    for rows, ids, what in _roles(e):
        lines += [_told(rows.iloc[place], what) for place in np.flatnonzero(ids == number)]
    if e.in_now[number] == NO and e.in_pool[number]:
        lines.append("not in the later export of its pool")
    if e.is_distributed[number] == YES and not e.log_named[number] and not e.on_distributed_list[number]:
        lines.append("the log names a code that looks like it")
    return lines


def _seen_elsewhere(text: str, e: Evidence) -> list[tuple[str, str]]:
    """Rows of the log and of other keys with a code that no pool and no course key has."""
    lines = []
    for export, what in ((e.exports.distribution, "distribution log"), (e.exports.other_keys, "other keys")):
        if export is not None:
            rows = export.rows[(export.rows["training_key"] == text).fillna(False).to_numpy(dtype=bool)]
            lines += [("seen", _told(row, what)) for _, row in rows.iterrows()]
    return lines


def _roles(e: Evidence) -> list[tuple[pd.DataFrame, Array, str]]:
    """Rows, the key number of each, and what they are, of every role that names keys."""
    roles = [(e.rows, e.row_ids, "pool"), (e.course_rows, e.course_ids, "course key")]
    if e.exports.distribution is not None:
        roles.append((e.exports.distribution.rows, e.log_ids, "distribution log"))
    if e.exports.other_keys is not None:
        roles.append((e.exports.other_keys.rows, e.other_ids, "other keys"))
    if e.exports.assignments is not None:
        roles.append((e.exports.assignments.rows.iloc[e.paid_row], e.paid_key, "course assignment"))
    return roles


def _told(row: Any, what: str) -> str:
    """One row of an export: where it stands, and the dates and the state it gives."""
    sheet = f', sheet "{row["source_sheet"]}"' if row["source_sheet"] else ""
    said = [f"{label} {row[name].date()}" for name, label in _DATES if name in row and not pd.isna(row[name])]
    if "assignment_status" in row and isinstance(row["assignment_status"], str):
        said.append(row["assignment_status"])
    return f"{row['source_file']}{sheet}, row {row['source_row']} ({what}){': ' if said else ''}{', '.join(said)}"


def name_of(row: pd.Series) -> str:
    """A key where others may see it: its reference and ending."""
    code = row["training_key"]
    return f"{row['reference']} {ending(code) if isinstance(code, str) else '(not readable)'}".strip()
