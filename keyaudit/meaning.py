"""What a verdict means, in a sentence or two: who is locked out and why, then the largest kind of what else is worst. (DESIGN §5)"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keyaudit.coded import Array
from keyaudit.facts import Facts
from keyaudit.findings import Found
from keyaudit.rulebook import FINDINGS, GROUPS, SEVERITIES, STATUS, STATUSES, URGENCY, Code
from keyaudit.words import agree, are, count, listed, plain, weekday

WORST = {"blocked": ("critical", "Critical"), "act": ("error", "To be put right")}  # verdict → severity, in words
IN_A_SENTENCE = {
    STATUS.to_migrate: "still to be migrated",
    STATUS.redeemed_recreated: "redeemed and recreated",
    STATUS.wrong_course: "in the wrong course",
}
DEAD = {  # what became of codes that fail, where the status alone does not say it
    STATUS.to_migrate: "to migrate (only in a pool, and that has ended)",
    STATUS.migrated: "migrated (and the course key has expired)",
}


def meaning(f: Facts, found: Sequence[Found], verdict: str) -> str:
    """Who is locked out, and the largest kind of the worst findings about others; nothing where there are none."""
    out = f.group == list(GROUPS).index("locked out now")
    told = [_lockout(f, out)] if out.any() else []
    severity, words = WORST.get(verdict, ("", ""))
    if kinds := _besides(f, found, severity, out) if severity else {}:
        kind = max(kinds, key=lambda code: len(kinds[code]))
        more = " besides" if told else " above all" if len(kinds) > 1 else ""
        told.append(f"{words}{more}: {_said(f, kind, kinds[kind])}.")
    return " ".join(told)


def _lockout(f: Facts, out: Array) -> str:
    """How many codes fail that a learner may hold, and what became of them."""
    codes, number = list(STATUSES), int(out.sum())
    statuses = np.bincount(f.status[out], minlength=len(codes)).tolist()
    kinds = {code: statuses[codes.index(code)] for code in URGENCY if statuses[codes.index(code)]}
    said = [f"{f'{keys:,} ' if len(kinds) > 1 else ''}{DEAD.get(code, _named(code))}" for code, keys in kinds.items()]
    what = f"{count(number)} {agree(number, 'does', 'do')} not work, and whoever holds {agree(number, 'it', 'one')} is"
    return f"{what} locked out: {listed(said)}."


def _besides(f: Facts, found: Sequence[Found], severity: str, out: Array) -> dict[str, Array]:
    """The findings of a severity by kind, without those about keys (or pools of keys) that are locked out: the key of each (-1: none)."""
    rank, told, is_told = SEVERITIES.index(severity), dict[str, Array](), np.append(out, False)
    others = f.by_home.any(f.status_to_migrate & ~out)  # of every pool: not all of its keys are told
    for block in found:
        of_pool = block.code != Code.pool_expired_too_soon or others[block.pool]
        keys = block.key[(block.rank == rank) & ~is_told[block.key] & of_pool]
        if len(keys):
            told[block.code] = np.concatenate([told.get(block.code, keys[:0]), keys])
    return told


def _said(f: Facts, kind: str, keys: Array) -> str:
    """A kind of finding and how many there are; of a status, how many keys, of how many, and until when they work."""
    number = len(keys)
    if kind not in STATUSES:
        what = FINDINGS[kind].what.rstrip(".")
        return f"{what[:1].lower()}{what[1:]} ({number:,})"
    every, until = int((f.status == list(STATUSES).index(kind)).sum()), f.works_until[keys]
    if kind != STATUS.to_migrate or np.isnat(until).any():
        of = f"{number:,} of the {count(every)} that {are(every)}"
        when = f"; until when {agree(number, 'it works', 'they work')} is not known" * (kind == STATUS.to_migrate)
        return f"{f'{count(number)} {are(number)}' if number == every else of} {_named(kind)}{when}"
    first, last = (day.item().date() for day in (until.min(), until.max()))
    when = f"on {weekday(first)}" if first == last else f"from {weekday(first)} on"
    stops = agree(number, f"stops working {when}, when its pool ends", f"stop working {when}, when their pools end")
    return f"{count(number) if number == every else f'{number:,} of the {count(every)}'} {_named(kind)} {stops}"


def _named(code: str) -> str:
    """A status, and what it means: `missing (deleted, not recreated)`."""
    return f"{IN_A_SENTENCE.get(code, plain(code))} ({STATUSES[code].short})"
