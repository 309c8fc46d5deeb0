"""Every column keyaudit knows, as data: its name, type, header aliases, meaning. (CATALOGUE §6, DESIGN §4)"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """A column of an export: `kind` is text, date, count or flag; the first alias is what the samples use."""

    name: str
    kind: str
    aliases: tuple[str, ...]
    meaning: str
    personal: bool = False


def _table(*columns: Column) -> dict[str, Column]:
    return {column.name: column for column in columns}


COLUMNS = _table(
    Column("training_key", "text", ("Training Key", "Key", "Training Keys", "Key Code", "Code"), "the code"),
    Column("pool", "text", ("Pool", "Training Key Pool", "Pool Name"), "the Training Key Pool"),
    Column("course", "text", ("Course", "Course Name"), "the course the key opens"),
    Column("organization", "text", ("Organization", "Organisation", "Owner Organization"), "the owning organization"),
    Column("created_at", "date", ("Created", "Created Date", "Date Created", "Creation Date"), "when it was made"),
    Column(
        "redeemed_at",
        "date",
        ("Redeemed", "Redeemed Date", "Date Redeemed", "Redemption Date", "Used On"),
        "when a learner redeemed it",
    ),
    Column(
        "redeemed_by",
        "text",
        ("Redeemed By", "User", "Student", "Learner", "Used By", "User Name"),
        "the learner who redeemed it",
        personal=True,
    ),
    Column("redeemed_email", "text", ("Email", "User Email", "E-mail"), "the learner's address", personal=True),
    Column("starts_on", "date", ("Starts", "Start Date", "Pool Starts"), "first day it can be redeemed"),
    Column(
        "expires_on",
        "date",
        (
            "Expires",
            "Expiration",
            "Expiration Date",
            "Expiry",
            "Unredeemed Key Expiration",
            "Pool Expires",
        ),
        "first day it can no longer be redeemed",
    ),
    Column(
        "content_availability",
        "count",
        ("Content Availability", "Content Availability (Days)", "Availability"),
        "days of access after redeeming",
    ),
    Column(
        "sitewide",
        "flag",
        ("Sitewide Use", "Available To Everyone", "Sitewide"),
        "available to everyone using the organization",
    ),
    Column(
        "any_organization",
        "flag",
        (
            "Redeemable By Any Student",
            "Redeemable by any student regardless of organization",
            "Any Organization",
        ),
        "any student may redeem it",
    ),
    Column("name", "text", ("Name", "Key Set"), "the course key entry"),
    Column(
        "max_uses",
        "count",
        ("Max Uses Per Key", "Max Number Of Uses Per Key", "Max Uses"),
        "uses allowed; blank or 0 means one",
    ),
    Column(
        "uses",
        "count",
        ("Course Assignments Created From Key", "Uses", "Times Used", "Redemptions"),
        "uses so far",
    ),
    Column("created_by", "text", ("Created By",), "the administrator who made it", personal=True),
    Column("distributed_at", "date", ("Distributed", "Sent", "Date Sent", "Distributed On"), "when it was sent"),
    Column(
        "distributed_to",
        "text",
        (
            "Distributed To",
            "Recipient",
            "Sent To",
            "Assigned To",
            "User",
            "Student",
            "Learner",
            "Email",
        ),
        "the learner it was sent to",
        personal=True,
    ),
    Column("payment", "text", ("Payment Type",), "how the assignment was paid; may name the key"),
    Column("student", "text", ("Student", "User"), "the learner", personal=True),
    Column("assignment_status", "text", ("Status",), "active or cancelled"),
)


@dataclass(frozen=True)
class Role:
    """What an export is for: its folder in a case, the columns it may have, the one it must have."""

    name: str
    folders: tuple[str, ...]
    columns: tuple[str, ...]
    required: str
    title: str
    menu: str
    counts_in_tie_out: bool = False


_POOL_COLUMNS = (
    "training_key",
    "pool",
    "course",
    "organization",
    "created_at",
    "redeemed_at",
    "redeemed_by",
    "redeemed_email",
    "starts_on",
    "expires_on",
    "content_availability",
    "sitewide",
)
_POOL_MENU = "Training Key Pools, open the pool, Export"

ROLES = {
    role.name: role
    for role in (
        Role(
            "pools_before",
            ("pools-before", "pools"),
            _POOL_COLUMNS,
            "training_key",
            "pools before: the backup, taken before any key was deleted",
            _POOL_MENU,
            True,
        ),
        Role(
            "pools_now",
            ("pools-now",),
            _POOL_COLUMNS,
            "training_key",
            "pools now: later exports of the same pools",
            _POOL_MENU,
            True,
        ),
        Role(
            "course_keys",
            ("course-keys",),
            (
                "training_key",
                "name",
                "course",
                "organization",
                "created_at",
                "expires_on",
                "max_uses",
                "uses",
                "content_availability",
                "any_organization",
                "created_by",
                "redeemed_at",
                "redeemed_by",
                "redeemed_email",
            ),
            "training_key",
            "course keys: Course Assignment Training Keys",
            "Find Course Assignment Keys, show all columns, Export",
            True,
        ),
        Role(
            "pool_list",
            ("pool-list",),
            (
                "pool",
                "course",
                "organization",
                "starts_on",
                "expires_on",
                "content_availability",
                "sitewide",
                "created_at",
            ),
            "pool",
            "pool list: the settings of each pool",
            "Find Training Key Pools, show expired pools too, Export",
        ),
        Role(
            "distribution",
            ("distribution",),
            ("training_key", "distributed_at", "distributed_to", "pool", "course"),
            "training_key",
            "distribution log: your own list of who was sent which key",
            "your own list",
        ),
        Role(
            "other_keys",
            ("other-keys",),
            ("training_key", "name", "course", "organization", "created_at", "expires_on"),
            "training_key",
            "other keys: subscription and class keys",
            "Find Subscription Keys and Find Class Keys, Export",
        ),
        Role(
            "assignments",
            ("course-assignments",),
            ("payment", "student", "course", "created_at", "assignment_status"),
            "payment",
            "course assignments: learners' access to courses",
            "Find Course Assignments, show Payment Type, Export",
        ),
    )
}

# In these roles a column answers to more headers than CATALOGUE's common list.
EXTRA_ALIASES = {
    ("pool_list", "pool"): ("Name",),
    ("assignments", "created_at"): ("Created",),
}


def fold_header(text: object) -> str:
    """A header without case, blanks and punctuation, for comparing."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", str(text)).casefold())


def aliases(role: str) -> dict[str, str]:
    """Folded header → our column name, for one role."""
    found: dict[str, str] = {}
    for name in ROLES[role].columns:
        for alias in COLUMNS[name].aliases + EXTRA_ALIASES.get((role, name), ()):
            found.setdefault(fold_header(alias), name)
    return found


# Headings of lists inside a pool export (and names of worksheet tabs) → what they prove. (CATALOGUE §6)
LIST_HEADINGS = {
    "undistributedkeys": "unredeemed",
    "unredeemedkeys": "unredeemed",
    "availablekeys": "unredeemed",
    "unusedkeys": "unredeemed",
    "distributedkeys": "distributed",
    "usedkeys": "redeemed",
    "redeemedkeys": "redeemed",
}

BLANK_DATES = frozenset({"", "-", "—", "–", "n/a", "none", "never", "not redeemed", "0001-01-01"})

# One row per key: the columns of keys.csv and of `audit.keys`, in this order. (DESIGN §4)
KEYS = {
    "training_key": "the code, blank where it cannot be read",
    "status": "one of the 14 statuses",
    "works": "does it work on the as-of date: yes, no, not_yet, used, unknown",
    "works_until": "first date it no longer works; blank = no end",
    "next_step": "what to do",
    "act_by": "last day to do it",
    "reason": "the rule that fired",
    "pool": "its Training Key Pool",
    "course": "the pool's course",
    "organization": "the pool's organization",
    "is_distributed": "was it sent to a learner: yes, no, unknown",
    "redeemed_at": "when a learner redeemed it in the pool",
    "pool_expires_on": "when its pool expires",
    "in_before": "is it in the backup",
    "in_now": "is it in the later export of its pool",
    "in_course_keys": "is it a course key",
    "course_key_name": "the course key entry",
    "course_key_course": "the course key's course",
    "course_key_organization": "the course key's organization",
    "course_key_expires_on": "when the course key expires",
    "uses": "uses of the course key so far",
    "max_uses": "uses allowed",
    "uses_left": "uses left",
    "lookalike": "the other code it resembles",
    "damage": "how the two differ, or what Excel did to it",
    "reference": "how it is named where others may see it",
    "evidence": "the file that decided",
    "source_file": "first export that shows it",
    "source_sheet": "sheet",
    "source_row": "row",
}

FINDINGS = (
    "code",
    "severity",
    "training_key",
    "pool",
    "message",
    "remedy",
    "source_file",
    "source_sheet",
    "source_row",
)


def distinct_texts(column: pd.Series) -> tuple[Any, list[str]] | None:
    """For each cell of a column of few different cells its place among their texts (as `as_text`), and those.

    None for a column of texts or whole numbers, which are as many as there are cells.
    """
    import numpy as np
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        texts = [*map(str, column.cat.categories), ""]
        return column.cat.codes.to_numpy().astype(np.int64) % len(texts), texts  # -1: the last
    if pd.api.types.is_datetime64_any_dtype(column):
        codes, dates = pd.factorize(column, use_na_sentinel=False)
        return codes, ["" if pd.isna(date) else date.strftime("%Y-%m-%d") for date in dates]
    if pd.api.types.is_float_dtype(column):
        codes, values = pd.factorize(column, use_na_sentinel=False)
        return codes, ["" if np.isnan(v) else "Unlimited" if np.isinf(v) else f"{v:.0f}" for v in values]
    return None


def as_text(column: pd.Series) -> pd.Series:
    """A column as it stands in a CSV file: ISO dates, whole numbers without .0, blank = not known."""
    import pandas as pd
    import pyarrow as pa

    if (told := distinct_texts(column)) is not None:
        codes, texts = told
        return pd.Series(pd.array(texts, dtype="str").take(codes), index=column.index)
    if pd.api.types.is_integer_dtype(column):
        return pd.Series(pa.array(column).cast(pa.large_string()), index=column.index, dtype="str")
    return column.astype("str").fillna("")


def as_arrow(texts: pd.Series | list[str]) -> pa.Array:
    """A column of text as one Arrow array. (pandas may hold it in pieces, which have no common buffers.)"""
    import pyarrow as pa

    column = pa.array(texts, type=pa.large_string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def as_one(texts: pa.Array, between: str = "") -> pa.Buffer:
    """All texts of an Arrow array (large_string) put together, as UTF-8."""
    import pyarrow as pa
    import pyarrow.compute as pc

    row = pa.LargeListArray.from_arrays(pa.array([0, len(texts)], pa.int64()), texts)
    return pc.binary_join(row, pa.scalar(between, pa.large_string()))[0].as_buffer()


def give_back_memory() -> None:
    """Return to the system what allocators keep for later: after a million rows that is a third of all."""
    import ctypes

    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # only the C library of Linux has it
        ctypes.CDLL(None).malloc_trim(0)
