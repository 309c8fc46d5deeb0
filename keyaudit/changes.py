"""Two audits of one migration: which keys moved, which are new, which are gone, and why. (DESIGN §3)"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from keyaudit.coded import as_text
from keyaudit.errors import UnreadableFile
from keyaudit.masking import endings
from keyaudit.rulebook import STATUSES

ANY, SOME = "*", "+"  # whatever; whatever but a blank
WHY = (  # column, what it said before, what it says now, in words; the first row of a column that holds is told
    ("redeemed_at", "", ANY, "it was redeemed"),
    ("in_now", ANY, "no", "it is gone from its pool"),
    ("in_now", ANY, "yes", "its pool was exported again and still holds it"),
    ("in_now", ANY, "unknown", "there is no later export of its pool to tell"),
    ("in_course_keys", ANY, "yes", "it is a course key now"),
    ("in_course_keys", ANY, "no", "it is not among the course keys"),
    ("lookalike", "", ANY, "a course key that looks like it has appeared"),
    ("lookalike", ANY, "", "no course key looks like it any more"),
    ("uses", SOME, SOME, "its course key has another number of uses"),
    ("course_key_course", SOME, SOME, "its course key has another course"),
    ("course_key_expires_on", SOME, SOME, "its course key has another expiration"),
    ("pool_expires_on", ANY, ANY, "its pool has another expiration"),
    ("is_distributed", ANY, "yes", "the log names it now"),
    ("is_distributed", ANY, "no", "the log shows now that nobody was sent it"),
)
TIME = "time has passed, or another export has changed what is known"
CHANGES = ("change", "key", "ends in", "status before", "status", "works before", "works", "why")
_NEEDED = ("training_key", "status", "works", "reference", *dict.fromkeys(row[0] for row in WHY))


def read_former(path: str | Path) -> pd.DataFrame:
    """The keys.csv of a former audit, every column as text. Raises UnreadableFile if it is none, or a masked twin."""
    file = Path(path)
    try:
        keys = pd.read_csv(file, dtype="str", keep_default_na=False, na_filter=False, index_col=False, encoding="utf-8")
    except OSError as problem:
        raise UnreadableFile(str(file), f"{problem.strerror or 'cannot be read'}.") from None
    except (ValueError, pd.errors.ParserError):
        raise UnreadableFile(
            str(file), "it cannot be read as a table, so it is no keys.csv of a former audit."
        ) from None
    lacking = [name for name in _NEEDED if name not in keys]
    if lacking:
        raise UnreadableFile(
            str(file),
            f"it is no keys.csv of a former audit: it has no column {', '.join(lacking)}. "
            "Take the keys.csv that `keyaudit audit` wrote.",
        )
    coded = keys[keys["training_key"] != ""]
    if len(coded) and all(map(str.startswith, coded["training_key"], coded["reference"])):
        raise UnreadableFile(str(file), "it is the masked twin of a report (--share). Take the full one.")
    return keys


def compare(former: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """A row per key whose status or works changed, that is new, or gone; columns CHANGES, masked: moved, gone, new.

    Both are tables of keys with the columns KEYS. A key whose code is not readable is known by its reference.
    """
    before = pd.DataFrame({name: as_text(former[name]) for name in _NEEDED}).reset_index(drop=True)
    now = pd.DataFrame({name: as_text(keys[name]) for name in _NEEDED}).reset_index(drop=True)
    place = pd.Index(_identity(before)).get_indexer(pd.Index(_identity(now)))
    is_new = place < 0
    seen = before.iloc[place[~is_new]].reset_index(drop=True)
    same = now[~is_new].reset_index(drop=True)
    moved = ((seen["status"] != same["status"]) | (seen["works"] != same["works"])).to_numpy()
    was, became = seen[moved].reset_index(drop=True), same[moved].reset_index(drop=True)
    is_gone = np.ones(len(before), dtype=bool)
    is_gone[place[~is_new]] = False
    gone = before[is_gone].rename(columns={"status": "was", "works": "worked"})
    table = pd.concat(
        [
            became.assign(was=was["status"], worked=was["works"], why=_why(was, became), change="moved"),
            gone.assign(status="", works="", why="no export shows it", change="gone"),
            now[is_new].assign(was="", worked="", why="it was in no export before", change="new"),
        ],
        ignore_index=True,
    )
    table["ends in"] = endings(table["training_key"])
    rank = {code: place for place, code in enumerate(STATUSES)}
    kind = pd.Categorical(table["change"], ["moved", "gone", "new"]).codes
    order = np.lexsort((table["reference"], table["status"].map(rank).fillna(-1), kind))
    shown = table.rename(columns={"reference": "key", "was": "status before", "worked": "works before"})
    return shown.iloc[order][list(CHANGES)].reset_index(drop=True)


def counted(changes: pd.DataFrame) -> pd.DataFrame:
    """How many keys made the same move for the same reason, the most first."""
    by = ["change", "status before", "status", "works before", "works", "why"]
    return changes.groupby(by, sort=False).size().rename("keys").reset_index().sort_values("keys", ascending=False)


def _identity(keys: pd.DataFrame) -> pd.Series:
    """What a key is known by: its code, else (not readable) its reference, which no code can be taken for."""
    return keys["training_key"].where(keys["training_key"] != "", "\0" + keys["reference"])


def _why(was: pd.DataFrame, became: pd.DataFrame) -> pd.Series:
    """The facts that changed, in words."""
    told = pd.Series("", index=was.index, dtype="str")
    for column in dict.fromkeys(row[0] for row in WHY):
        before, now = was[column], became[column]
        open_ = before != now
        for _, was_value, is_value, words in (row for row in WHY if row[0] == column):
            holds = open_ & _is(before, was_value) & _is(now, is_value)
            told = told.where(~holds, told + "; " + words)
            open_ &= ~holds
    return told.str.removeprefix("; ").where(told != "", TIME)


def _is(column: pd.Series, wanted: str) -> pd.Series:
    return column == column if wanted == ANY else column != "" if wanted == SOME else column == wanted
