"""The rule book: statuses, findings, and every word that is said of them. (CATALOGUE)"""

from __future__ import annotations

from types import SimpleNamespace

from keyaudit.rulebook.findings import BY_PAIR, DOUBLED, FINDINGS, Finding
from keyaudit.rulebook.statuses import (
    ACTIONS,
    ADD,
    ANSWERS,
    ASSIGNMENTS,
    DIFFERENCE,
    FACTS,
    FAMILIES,
    GROUPS,
    KEYS,
    LISTS,
    POOL,
    SAME_COURSE,
    SEVERITIES,
    SHADES,
    STAGES,
    STATUSES,
    URGENCY,
    VERDICTS,
    WORKS,
    Status,
    Step,
    family,
    holds,
    in_words,
    severity_of,
    ways,
)

Code = SimpleNamespace(
    **{code: code for code in FINDINGS}
)  # names of findings, for those who note them: Code.blank_key
STATUS = SimpleNamespace(**{code: code for code in STATUSES})

__all__ = [
    "ACTIONS", "ADD", "ANSWERS", "ASSIGNMENTS", "BY_PAIR", "DIFFERENCE", "DOUBLED", "FACTS", "FAMILIES", "FINDINGS", "GROUPS", "KEYS", "LISTS", "POOL", "SAME_COURSE", "SEVERITIES", "SHADES", "STAGES",
    "STATUS", "STATUSES", "URGENCY", "VERDICTS", "WORKS", "Code", "Finding", "Status", "Step", "family", "holds", "in_words", "severity_of", "ways",
]  # fmt: skip
