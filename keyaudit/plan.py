"""What to do in the TMS, key by key: batches with the settings to type, lists to delete and to paste, people to tell.

The vendor's procedure (DOMAIN §3) in its order: back up, delete, recreate, count, export again, expire the pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from keyaudit.deadlines import count, weekday
from keyaudit.facts import Evidence, is_known
from keyaudit.masking import endings
from keyaudit.reconciliation import NO_POOL, Reconciliation
from keyaudit.statuses import STATUSES, WORKS

ASK = "ask"  # a setting nobody can read off the exports is asked for, never left blank


@dataclass(frozen=True)
class Situation:
    """What decides about a key's action: arrays over situations, and the phase."""

    status: Any
    works: Any
    is_free: Any  # its code stands nowhere: gone from its pool, and no course key
    used: Any  # its course key has been used
    logged: Any
    is_editable: bool  # pools can still be changed
    is_removed: bool


@dataclass(frozen=True)
class Action:
    """What is to be done with a key. `deletes` and `pastes` say on which lists it stands."""

    code: str
    meaning: str
    when: Callable[[Situation], Any]
    deletes: str = ""  # from the pool, or the course key
    pastes: bool = False


ACTIONS = {
    action.code: action
    for action in (
        Action(
            "export again",
            "export it again and audit again: until then nobody can say what to do",
            lambda s: (
                np.isin(s.status, ["undetermined", "duplicate"])
                | np.isin(s.status, ["to_migrate", "altered"]) & (s.works == "unknown")
            ),
        ),
        Action(
            "migrate",
            "delete it from its pool, then recreate it as a course key",
            lambda s: (s.status == "to_migrate") & np.bool_(s.is_editable),
            deletes="pool",
            pastes=True,
        ),
        Action(
            "recreate",
            "its code is free: recreate it as a course key",
            lambda s: (s.status == "missing") & s.is_free,
            pastes=True,
        ),
        Action(
            "compare",
            "compare it with its lookalike; then free the exact code and recreate it",
            lambda s: (s.status == "altered") & (s.is_free | np.bool_(s.is_editable)),
        ),
        Action(
            "move",
            "delete the course key, then recreate it under the pool's course",
            lambda s: (s.status == "wrong_course") & ~s.used,
            deletes="course key",
            pastes=True,
        ),
        Action(
            "right the course",
            "give the learner the right course; cancel the wrong assignment, or ask Support",
            lambda s: (s.status == "wrong_course") & s.used,
        ),
        Action(
            "remind",
            "ask the learner to redeem it while it works, or issue a new key",
            lambda s: np.isin(s.status, ["to_migrate", "altered"]) & (s.works == "yes") & np.bool_(not s.is_removed),
        ),
        Action(
            "reissue",
            "issue a new course key to the learner",
            lambda s: np.isin(s.status, ["to_migrate", "altered", "lapsed", "missing"]),
        ),
        Action(
            "extend",
            "extend the course key's expiration, or issue a new key",
            lambda s: (s.status == "migrated") & (s.works == "no"),
        ),
        Action(
            "delete course key",
            "delete the course key: its learner has redeemed it already",
            lambda s: (s.status == "redeemed_recreated") & ~s.used,
            deletes="course key",
        ),
        Action(
            "delete stray",
            "a key was recreated with damage as this code: delete it once the two are compared",
            lambda s: (s.status == "stray") & ~s.logged & ~s.used,
        ),
        Action(
            "review the invoice",
            "it was redeemed in its pool and as a course key: review the second invoice",
            lambda s: s.status == "redeemed_recreated",
        ),
        Action("leave", "leave it: someone holds it", lambda s: s.status == "stray"),
    )
}

SETTINGS = ("name", "course", "organization", "expiration", "max_uses", "content_availability", "any_organization")
LETTER = (
    "Your training key{ending} for {course} no longer works; here is a new one. If you already have an account, sign in first and "
    "redeem the key from your account: do not use the training key field of the login page, which is for people who have "
    "no account yet. Type the key exactly as it stands, in upper and lower case, without blanks."
)
REMINDER = (
    "Please redeem your training key{ending} for {course} before {until}: it stops working on that day. If you already have an "
    "account, sign in first: do not use the training key field of the login page."
)


@dataclass(frozen=True)
class MigrationPlan:
    """The remaining work. Shown masked; `keys` holds full codes, for computing and for the lists.

    `batches`: one row per pool with keys to recreate: the settings to type and the counts to check. `keys`: one row per
    key that needs somebody, with its action. `steps`: what to do, pool by pool, in order. `reissue`, `reminders`: whom to
    write to.
    """

    batches: pd.DataFrame
    keys: pd.DataFrame
    steps: pd.DataFrame
    reissue: pd.DataFrame
    reminders: pd.DataFrame
    title: str

    def lists(self, what: str) -> dict[str, list[str]]:
        """Pool → its codes on one of LISTS, in the order of its export; pools with none are left out."""
        listed = _listed(self.keys, what)
        return {str(pool): codes.tolist() for pool, codes in listed.groupby("pool", sort=False)["training_key"]}

    def codes(self, pool: str, what: str) -> list[str]:
        """The codes of one pool on one of LISTS."""
        return self.lists(what).get(pool, [])

    def __repr__(self) -> str:
        """The counts of every action."""
        counts = self.keys["action"].value_counts()
        width = max(map(len, ACTIONS))
        lines = [
            f"  {code:<{width}}  {counts[code]:>7,}  {row.meaning}" for code, row in ACTIONS.items() if counts[code]
        ]
        return "\n".join([self.title, *lines])


LISTS: dict[str, Callable[[Action], bool]] = {
    "delete after comparing": lambda action: action.code == "delete stray",
    "delete from the pool": lambda action: action.deletes == "pool",
    "delete course keys": lambda action: action.deletes == "course key",
    "paste": lambda action: action.pastes,
    "paste after comparing": lambda action: action.code == "compare",
}


def migration_plan(audit: Reconciliation) -> MigrationPlan:
    """Plan the remaining work of an audit: what to delete, recreate, reissue, in which pool, with which settings."""
    e, keys = audit._evidence, audit.keys
    action = _actions(audit, e)
    needed = action >= 0
    table = keys[needed].assign(action=pd.Categorical.from_codes(action[needed], list(ACTIONS)))
    numbers = table.index.to_numpy()
    partner = np.where(e.link[numbers] >= 0, e.home_pool[e.link[numbers]], -1)
    of_partner = np.array([*e.pools.table["pool"], None], dtype=object)[partner]
    pool = table["pool"].astype(object).where(table["pool"].notna(), of_partner)  # a stray goes with its key
    pool = pool.where(pool.notna(), NO_POOL).astype("str")
    table = table.assign(pool=pool, number=numbers)
    table = table.sort_values(["pool", "source_file", "source_row"], kind="stable")
    table = table[["number", "pool", "action", "training_key", "reference", "status", "works", "works_until", "act_by"]]
    on_list = pd.DataFrame({what: _listed(table, what)["pool"].value_counts() for what in LISTS})
    on_list = on_list.reindex(table["pool"].drop_duplicates()).fillna(0).astype(int)
    batches = _batches(audit, e, on_list)
    sent_to = _learners(e)
    needs = f"{count(len(table))} {'needs' if len(table) == 1 else 'need'} somebody."
    title = "Nothing is left to do." if (table["action"] == "leave").all() else needs
    return MigrationPlan(
        batches=batches,
        keys=table.drop(columns="number").reset_index(drop=True),
        steps=_steps(audit, table, on_list, batches),
        reissue=_letters(audit, table[table["action"] == "reissue"], sent_to, LETTER, "new training key"),
        reminders=_letters(audit, table[table["action"] == "remind"], sent_to, REMINDER, "works until"),
        title=title,
    )


def _actions(audit: Reconciliation, e: Evidence) -> Any:
    """The place in ACTIONS of what is to be done with each key, -1: nothing. Decided once for every situation there can be."""
    keys, calendar = audit.keys, audit.calendar
    facts = {
        "status": (keys["status"].cat.codes.to_numpy(), list(STATUSES)),
        "works": (keys["works"].cat.codes.to_numpy(), list(WORKS)),
        "is_free": (((keys["in_now"] == "no") & (keys["in_course_keys"] == "no")).to_numpy(), [False, True]),
        "used": ((keys["uses"].fillna(0) > 0).to_numpy(), [False, True]),
        "logged": (e.log_named[keys.index.to_numpy()], [False, True]),
    }
    places, values = zip(*facts.values(), strict=True)
    sizes = [len(known) for known in values]
    grid = dict(zip(facts, np.meshgrid(*(np.array(known) for known in values), indexing="ij"), strict=True))
    situation = Situation(
        **{name: cells.ravel() for name, cells in grid.items()},
        is_editable=audit.as_of < calendar.read_only,
        is_removed=audit.as_of >= calendar.removed,
    )
    masks = [action.when(situation) for action in ACTIONS.values()]
    decided = np.select(masks, list(range(len(ACTIONS))), default=-1)
    return decided[np.ravel_multi_index([place.astype(np.int64) for place in places], sizes)]


def _batches(audit: Reconciliation, e: Evidence, on_list: pd.DataFrame) -> pd.DataFrame:
    """One row per pool with codes to paste: the form's settings as the pool has them, and the counts to check."""
    pools = audit.pools.set_index("pool")
    pasted = on_list.index[on_list[["paste", "paste after comparing"]].any(axis=1)]
    rows = []
    availability, sitewide = (_of_pools(e, column) for column in ("content_availability", "sitewide"))
    for name in pasted.intersection(pools.index):
        pool = pools.loc[name]
        expires = pool["expires_on"]
        is_later = not pd.isna(expires) and expires.date() > audit.as_of
        days = availability.get(name)
        rows.append(
            {
                "pool": name,
                "name": f"{name} (from its pool)",
                "course": _or_ask(pool["course"]),
                "organization": _or_ask(pool["organization"]),
                "expiration": expires.date().isoformat() if is_later else ASK,
                "max_uses": "leave blank",
                "content_availability": ASK if days is None or not days > 0 else f"{days:.0f} days",
                "any_organization": _BOX.get(str(sitewide.get(name)).casefold(), ASK),
                **on_list.loc[name].to_dict(),
                "act_by": pool["act_by"],
            }
        )
    columns = ["pool", *SETTINGS, *LISTS, "act_by"]
    return pd.DataFrame(rows, columns=columns).sort_values(["act_by", "pool"], ignore_index=True)


_BOX = {"yes": "tick", "true": "tick", "no": "do not tick", "false": "do not tick"}


def _listed(keys: pd.DataFrame, what: str) -> pd.DataFrame:
    """The keys on one of LISTS; one that cannot be read stands on none."""
    wanted = [code for code, action in ACTIONS.items() if LISTS[what](action)]
    return keys[keys["action"].isin(wanted) & keys["training_key"].notna()]


def _of_pools(e: Evidence, column: str) -> dict[str, Any]:
    """A pool's setting from the latest export or pool list that gives one."""
    values = e.latest_filled(column)
    known = np.flatnonzero(is_known(values))[::-1]
    return dict(zip(e.pools.table["pool"].to_numpy()[e.place_pool[known]], values[known], strict=True))


def _or_ask(value: Any) -> str:
    return value if isinstance(value, str) and value else ASK


def _steps(audit: Reconciliation, keys: pd.DataFrame, on_list: pd.DataFrame, batches: pd.DataFrame) -> pd.DataFrame:
    """The guide's steps, pool by pool in the order of act_by: pool, step, what to do, how many keys."""
    rows = []
    settings = {
        row["pool"]: "; ".join(f"{name.replace('_', ' ')}: {row[name]}" for name in SETTINGS)
        for row in batches.to_dict("records")
    }
    due = keys.groupby("pool")["act_by"].min()
    acts = pd.crosstab(keys["pool"], keys["action"].astype("str")).reindex(columns=list(ACTIONS), fill_value=0)
    for pool in sorted(due.index, key=lambda name: (due[name] if not pd.isna(due[name]) else pd.Timestamp.max, name)):
        todo = _pool_steps(audit, acts.loc[pool].to_dict(), on_list.loc[pool].to_dict(), settings.get(pool, ""))
        rows += [(pool, place, text, number) for place, (text, number) in enumerate(todo, start=1)]
    return pd.DataFrame(rows, columns=["pool", "step", "what", "keys"])


def _pool_steps(
    audit: Reconciliation, acts: dict[str, int], on_list: dict[str, int], settings: str
) -> Iterator[tuple[str, int]]:
    """What to do in one pool, in order, each with the number of keys it is about (0: none in particular)."""
    is_removed = audit.as_of >= audit.calendar.removed
    said = {code: f"{row.meaning[0].upper()}{row.meaning[1:]}." for code, row in ACTIONS.items()}
    if is_removed:
        said["export again"] = "Look for an export made before the removal, or ask the learner for the code."
    for code in ("export again", "right the course", "review the invoice", "extend", "leave"):
        if acts[code]:
            yield said[code], acts[code]
    strays, delete, courses, paste, compared = (on_list[what] for what in LISTS)
    if delete:
        yield "Open the pool and export it once more, into pools-now; leave the backup in pools-before as it is.", 0
        yield "Delete exactly the keys of the list `delete from the pool`, and save.", delete
    if courses:
        yield "Delete the course keys of the list `delete course keys`.", courses
    if strays:
        yield (
            "Compare each code of the list `delete after comparing` with the key it was made from (`keyaudit explain` names "
            "it; a blank at the end counts). If they belong together and nobody was sent it, delete the course key.",
            strays,
        )
    if paste or compared:
        yield f"Create a Course Assignment Training Key entry. {settings[0].upper()}{settings[1:]}.", 0
    if paste:
        yield "Paste the list `paste` into Add Multiple Training Keys, one code per line, and save.", paste
        yield f"Count in Find Course Assignment Keys: pasted {paste:,}, appeared ___. They must be equal.", paste
    if compared:
        is_editable = audit.as_of < audit.calendar.read_only
        free = " Delete them from the pool first, if they are still there." if is_editable else ""
        yield f"Of the list `paste after comparing`, paste those you have compared, and count again.{free}", compared
    if any(on_list.values()):
        pool = "" if is_removed else " and this pool"
        yield f"Export Find Course Assignment Keys{pool} again, and audit again.", 0
    if delete:
        yield "Expire the pool once the audit calls it moved, not earlier.", 0
    if acts["remind"]:
        last = weekday(audit.calendar.removed)
        yield (
            f"Write to the learners of the sheet Reminders: each key works until its date, at the latest until {last}.",
            acts["remind"],
        )
    if acts["reissue"]:
        yield (
            "Check in Find Course Assignments that the learner has not redeemed since the last pool export; if not, create a "
            "new course key with the pool's settings and write to the learner (sheet Reissue).",
            acts["reissue"],
        )


def _learners(e: Evidence) -> pd.Series:
    """Key number → whom the log says it was sent to (the latest row)."""
    log = e.exports.distribution
    if log is None or "distributed_to" not in log.rows:
        return pd.Series(dtype="str")
    named = pd.Series(log.rows["distributed_to"].to_numpy(), index=e.log_ids).dropna()
    linked = {other: one for one, other, _ in e.log_links.pairs}
    named.index = pd.Index([linked.get(number, number) for number in named.index])
    return named[~named.index.duplicated(keep="last")]


def _letters(audit: Reconciliation, keys: pd.DataFrame, sent_to: pd.Series, text: str, last: str) -> pd.DataFrame:
    """A row per learner and key for a mail merge; the key by its reference and ending, the last column for what is new."""
    course = audit.keys.loc[keys["number"], "course"].astype("str").fillna("your course").to_numpy()
    until = keys["works_until"].dt.strftime("%Y-%m-%d").fillna("").to_numpy()
    learner = sent_to.reindex(keys["number"]).fillna("not in the log").to_numpy()
    table = pd.DataFrame(
        {
            "learner": learner,
            "course": course,
            "pool": keys["pool"].to_numpy(),
            "former key": (keys["reference"] + " " + endings(keys["training_key"])).str.strip().to_numpy(),
            last: until if last == "works until" else "",
            "text": [
                text.format(course=c, until=u, ending=f" ending in {e[1:]}" if e else "")
                for c, u, e in zip(course, until, endings(keys["training_key"]), strict=True)
            ],
        }
    )
    return table.sort_values(["learner", "course", "former key"], kind="stable", ignore_index=True)
