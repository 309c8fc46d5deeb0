"""Every column keyaudit knows, as data: its name, kind, header aliases, meaning. (CATALOGUE §6, DESIGN §4)"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache


@dataclass(frozen=True)
class Column:
    """A column of an export: `kind` is text, date, count, flag or status; the first alias is what the samples use."""

    name: str
    kind: str
    aliases: tuple[str, ...]
    meaning: str
    personal: bool = False


def _cut(line: str) -> list[str]:
    return [part.strip() for part in line.split("|")]


_COLUMNS = """
training_key | text | Training Key, Key, Training Keys, Key Code, Code | the code
pool | text | Pool, Training Key Pool, Pool Name | the Training Key Pool
course | text | Course, Course Name | the course the key opens
organization | text | Organization, Organisation, Owner Organization | the owning organization
created_at | date | Created, Created Date, Date Created, Creation Date, Created On, Created At | when it was made
redeemed_at | date | Redeemed, Redeemed Date, Date Redeemed, Redemption Date, Used On, Redeemed On, Redeemed At, Date Used, Used Date, Used, Is Redeemed, Claimed On, Activated On | when a learner redeemed it, or whether
key_status | status | Status, Key Status, State, Redemption Status | redeemed, or still open
redeemed_by | text | Redeemed By, User, Student, Learner, Used By, User Name, Student Name, Learner Name, Redemption User, Claimed By | the learner who redeemed it | personal
redeemed_email | text | Email, User Email, E-mail | the learner's address | personal
starts_on | date | Starts, Start Date, Pool Starts | first day it can be redeemed
expires_on | date | Expires, Expiration, Expiration Date, Expiry, Unredeemed Key Expiration, Pool Expires, Expires On, Expiry Date, Valid Until | first day it can no longer be redeemed
content_availability | count | Content Availability, Content Availability (Days), Availability | days of access after redeeming
sitewide | flag | Sitewide Use, Available To Everyone, Sitewide | available to everyone using the organization
any_organization | flag | Redeemable By Any Student, Redeemable by any student regardless of organization, Any Organization | any student may redeem it
name | text | Name, Key Set | the course key entry
max_uses | count | Max Uses Per Key, Max Number Of Uses Per Key, Max Uses | uses allowed; blank or 0 means one
uses | count | Course Assignments Created From Key, Uses, Times Used, Redemptions, Times Redeemed, Use Count | uses so far
created_by | text | Created By | the administrator who made it | personal
distributed_at | date | Distributed, Sent, Date Sent, Distributed On | when it was sent
distributed_to | text | Distributed To, Recipient, Sent To, Assigned To, User, Student, Learner, Email | the learner it was sent to | personal
payment | text | Payment Type | how the assignment was paid; may name the key
student | text | Student, User | the learner | personal
assignment_status | text | Status | active or cancelled
"""
COLUMNS = {
    name: Column(name, kind, tuple(headers.split(", ")), meaning, bool(personal))
    for name, kind, headers, meaning, *personal in map(_cut, _COLUMNS.strip().splitlines())
}


@dataclass(frozen=True)
class Role:
    """What an export is for: its folders in a case, the columns it may have, the one it must have."""

    name: str
    folders: tuple[str, ...]
    columns: tuple[str, ...]
    required: str
    title: str
    menu: str


_POOL = (
    "training_key pool course organization created_at redeemed_at key_status redeemed_by redeemed_email starts_on "
    "expires_on content_availability sitewide"
)
_COURSE_KEY = (
    "training_key name course organization created_at expires_on max_uses uses content_availability any_organization "
    "created_by redeemed_at redeemed_by redeemed_email"
)
_POOL_MENU = "Training Key Pools, open the pool, Export"


_ROLES = f"""
pools_before | pools-before pools | {_POOL} | pools before: the backup, taken before any key was deleted | {_POOL_MENU}
pools_now | pools-now | {_POOL} | pools now: later exports of the same pools | {_POOL_MENU}
course_keys | course-keys | {_COURSE_KEY} | course keys: Course Assignment Training Keys | Find Course Assignment Keys, show all columns, Export
pool_list | pool-list | pool course organization starts_on expires_on content_availability sitewide created_at | pool list: the settings of each pool | Find Training Key Pools, show expired pools too, Export
distribution | distribution | training_key distributed_at distributed_to pool course | distribution log: your own list of who was sent which key | your own list
other_keys | other-keys | training_key name course organization created_at expires_on | other keys: subscription and class keys | Find Subscription Keys and Find Class Keys, Export
assignments | course-assignments | payment student course created_at assignment_status | course assignments: learners' access to courses | Find Course Assignments, show Payment Type, Export
"""
ROLES = {
    name: Role(name, tuple(folders.split()), tuple(columns.split()), columns.split()[0], title, menu)
    for name, folders, columns, title, menu in map(_cut, _ROLES.strip().splitlines())
}

EXTRA_ALIASES = {("pool_list", "pool"): ("Name",)}  # in this role a column answers to one header more


def role_of(folder: str) -> str | None:
    """The role whose exports lie in a folder of this name, whatever its case, blanks, `-` and `_`."""
    return _ROLE_OF.get(re.sub(r"[\s_-]+", "", folder.casefold()))


_ROLE_OF = {folder.replace("-", ""): role.name for role in ROLES.values() for folder in role.folders}


@lru_cache(1 << 12, typed=True)
def fold_header(text: object) -> str:
    """A header without case, blanks and punctuation, for comparing."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", str(text)).casefold())


@cache
def aliases(role: str) -> Mapping[str, str]:
    """Folded header → our column name, for one role."""
    found: dict[str, str] = {}
    for name in ROLES[role].columns:
        for alias in COLUMNS[name].aliases + EXTRA_ALIASES.get((role, name), ()):
            found.setdefault(fold_header(alias), name)
    return found


# What may follow a header in brackets, or after a slash, without making another header: a unit, a zone, a form.
_UNIT = (
    r"(?:date|time|datetime|days?|months?|hours?|e-?mails?(?: address)?|(?:utc|gmt)?\s*[+-]\s*\d{1,2}(?::?\d{2})?"
    r"|(?:in )?(?:utc|gmt|z)|(?:(?:pacific|eastern|central|mountain|european|local|standard|daylight|summer) )+time|local"
    r"|[a-z]{1,3}t|m[eo]s?z|[dmyhs/.: -]{2,}|y(?:es)?/no?|true/false)"
)
UNIT = re.compile(rf"(?:\s*[(\[](?:{_UNIT}|[a-z]+/[a-z_]+)[)\]]|\s*/\s*{_UNIT})+\W*$", re.I)


def column_named(text: object, known: Mapping[str, str]) -> str | None:
    """The column of ours that a header means, if `known` (folded header → column) has it, with a unit behind it or not."""
    folded = fold_header(text)
    if folded in known or not isinstance(text, str):
        return known.get(folded)
    return known.get(fold_header(UNIT.sub("", text.strip())))


def list_heading(text: object) -> str:
    """What the heading of a list (or the name of a tab) proves, with a count or not; "" for any other text."""
    folded = fold_header(text) if isinstance(text, str) else ""
    return LIST_HEADINGS.get(folded) or LIST_HEADINGS.get(folded.strip("0123456789"), "")


# Headings of lists inside a pool export (and names of worksheet tabs) → what they prove. (CATALOGUE §6)
LIST_HEADINGS = dict.fromkeys(("undistributedkeys", "unredeemedkeys", "availablekeys", "unusedkeys"), "unredeemed")
LIST_HEADINGS |= {"distributedkeys": "distributed", "usedkeys": "redeemed", "redeemedkeys": "redeemed"}

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

FINDINGS = tuple("code severity training_key pool message remedy source_file source_sheet source_row".split())  # noqa: SIM905
