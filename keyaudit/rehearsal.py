"""An executable model of the TMS' key rules, to practise on, to make the samples, and to judge the audit. (DOMAIN)

It refuses what the TMS refuses: a code that exists anywhere, an edit of a pool that is read-only; and it answers a
learner "invalid key" where DOMAIN §6 says so. Everything is made from a seed: same seed, same bytes.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keyaudit.calendar import DAY, Calendar
from keyaudit.masking import ending
from keyaudit.words import weekday

LONG_KEYS_FROM = dt.date(2021, 3, 25)  # generated keys have 16 hexadecimal digits from this day, 8 before
LEARNERS = ("Ana Lima", "Bo Chen", "Ivo Petrov", "Jo O'Neil", "Kim Park", "Mia Rossi", "Søren Dahl", "Zoë Marsh")
Date = dt.date | None


class Refused(Exception):
    """The TMS does not do what an administrator asks."""

    def _render_traceback_(self) -> list[str]:
        """In a notebook: the answer alone, as the TMS gives it."""
        return [f"The TMS refuses: {self}"]


class InvalidKey(Refused):
    """What a learner is told when a code cannot be redeemed."""


@dataclass
class PoolKey:
    """A key of a pool: one use by one learner."""

    code: str
    created: dt.date
    redeemed: Date = None
    learner: str = ""


@dataclass
class Pool:
    """A Training Key Pool: a batch of keys for one course, redeemable from `starts` until the day before `expires`."""

    name: str
    course: str
    organization: str
    starts: Date
    expires: Date
    availability: int = 180
    sitewide: bool = False
    keys: dict[str, PoolKey] = field(default_factory=dict)

    def unredeemed(self) -> list[str]:
        """The codes nobody has redeemed, in order of creation."""
        return [key.code for key in self.keys.values() if key.redeemed is None]


@dataclass
class CourseKey:
    """A Course Assignment Training Key. `max_uses` None is a single use, 0 the same; `uses` are (day, learner)."""

    code: str
    entry: str
    course: str
    organization: str
    created: dt.date
    expires: Date
    max_uses: int | None = None
    availability: int = 180
    any_organization: bool = False
    uses: list[tuple[dt.date, str]] = field(default_factory=list)


@dataclass
class Assignment:
    """One learner's access to one course."""

    learner: str
    course: str
    created: dt.date
    code: str
    cancelled: bool = False


class Tms:
    """The TMS on a day. Time only moves forward (`wait_until`)."""

    def __init__(self, today: dt.date, seed: int = 0, calendar: Calendar | None = None) -> None:
        self.today, self.calendar = today, calendar or Calendar()
        self.chance = random.Random(seed)  # noqa: S311 - a rehearsal must be repeatable, not secret
        self.pools: dict[str, Pool] = {}
        self.course_keys: dict[str, CourseKey] = {}
        self.other_keys: dict[str, str] = {}
        self.assignments: list[Assignment] = []
        self.sent: list[tuple[str, dt.date, str]] = []

    def __repr__(self) -> str:
        """What an administrator sees of it today."""
        counts = f"sent: {len(self.sent)}; course keys: {len(self.course_keys)}; assignments: {len(self.assignments)}"
        lines = [f"{weekday(self.today)}; {counts}"]
        for pool in self.pools.values():
            left = len(pool.unredeemed())
            lines.append(f"  pool {pool.name}: {left} unredeemed, {len(pool.keys) - left} redeemed")
        return "\n".join(lines)

    def wait_until(self, day: dt.date) -> None:
        """Let time pass. On the removal date the pools are gone, and their record with them."""
        if day < self.today:
            raise Refused(f"Time does not run backwards: it is {self.today}.")
        self.today = day
        if day >= self.calendar.removed:
            self.pools.clear()

    # --- what administrators do ---

    def create_pool(self, name: str, course: str, organization: str, starts: Date, expires: Date, **more: Any) -> Pool:
        """Create a pool; refused once creation is disabled."""
        if self.today >= self.calendar.creation_off:
            raise Refused("New pools can no longer be created.")
        if name in self.pools:
            raise Refused(f'There is a pool "{name}" already.')
        self.pools[name] = Pool(name, course, organization, starts, expires, **more)
        return self.pools[name]

    def generate_keys(self, pool: str, count: int) -> list[str]:
        """Let the TMS make up keys: 8 hexadecimal digits before 2021-03-25, 16 later."""
        digits = 16 if self.today >= LONG_KEYS_FROM else 8
        codes = [f"{self.chance.getrandbits(4 * digits):0{digits}X}" for _ in range(count)]
        self.add_keys(pool, codes)
        return codes

    def add_keys(self, pool: str, codes: Iterable[str]) -> None:
        """Add one's own codes to a pool; refused if read-only, or if a code exists anywhere."""
        target, codes = self._editable(pool), list(codes)
        self._refuse_known(codes)
        target.keys |= {code: PoolKey(code, self.today) for code in codes}

    def delete_keys(self, pool: str, codes: Iterable[str]) -> None:
        """Delete keys from a pool: their codes are free from now on."""
        _delete(self._editable(pool).keys, codes, "The pool does not hold this key.")

    def send(self, codes: Iterable[str]) -> None:
        """Send each key to a learner. The TMS does not notice: only the administrator's own list knows."""
        self.sent += [(code, self.today, LEARNERS[place % len(LEARNERS)]) for place, code in enumerate(codes)]

    def expire_pool(self, pool: str, on: dt.date) -> None:
        """Set a pool's expiration."""
        self._editable(pool).expires = on

    def create_course_keys(
        self, entry: str, course: str, organization: str, codes: Iterable[str], expires: Date = None, **settings: Any
    ) -> None:
        """Paste codes, one per line, into a Course Assignment Training Key entry; refused if one exists anywhere."""
        codes = list(codes)
        self._refuse_known(codes)
        for code in codes:
            self.course_keys[code] = CourseKey(code, entry, course, organization, self.today, expires, **settings)

    def delete_course_keys(self, codes: Iterable[str]) -> None:
        """Delete course keys: their codes are free from now on."""
        _delete(self.course_keys, codes, "There is no such course key.")

    def create_other_key(self, kind: str, code: str) -> None:
        """Create a subscription or class key: codes are unique across all kinds."""
        self._refuse_known([code])
        self.other_keys[code] = kind

    def cancel(self, assignment: Assignment) -> None:
        """Cancel an assignment within a day of its creation; later only Support can."""
        if self.today > assignment.created + DAY:
            raise Refused("Only Support can cancel an assignment older than 24 hours.")
        assignment.cancelled = True

    def _editable(self, name: str) -> Pool:
        if name not in self.pools:
            raise Refused(f'There is no pool "{name}".')
        if self.today >= self.calendar.read_only:
            raise Refused("Pools are read-only.")
        return self.pools[name]

    def _refuse_known(self, codes: Sequence[str]) -> None:
        known = set(self.course_keys) | set(self.other_keys) | {code for p in self.pools.values() for code in p.keys}
        taken = sum(code in known for code in codes)
        if taken or len(set(codes)) < len(codes):
            raise Refused(f"{taken or 'Some'} of these keys exist already. A key can exist only once.")

    # --- what learners do ---

    def redeem(self, code: str, learner: str) -> Assignment:
        """Enter a code exactly as typed. Raises InvalidKey for every reason a key can fail."""
        course, pool = self._opened_by(code), self._pool_of(code)
        if course is None:
            raise InvalidKey("This key is invalid.")
        if pool is not None:
            pool.keys[code].redeemed, pool.keys[code].learner = self.today, learner
        else:
            self.course_keys[code].uses.append((self.today, learner))
        self.assignments.append(Assignment(learner, course, self.today, code))
        return self.assignments[-1]

    def would_work(self, code: str) -> bool:
        """Would a learner who enters the code today get in? Nothing is redeemed."""
        return self._opened_by(code) is not None

    def _pool_of(self, code: str) -> Pool | None:
        return next((pool for pool in self.pools.values() if code in pool.keys), None)

    def _opened_by(self, code: str) -> str | None:
        """The course that a code opens today."""
        pool, entry = self._pool_of(code), self.course_keys.get(code)
        if pool is not None:
            is_open = pool.keys[code].redeemed is None and (pool.starts or self.today) <= self.today
        else:
            is_open = entry is not None and len(entry.uses) < (entry.max_uses or 1)
        opened = pool or entry
        return opened.course if opened and is_open and self.today < (opened.expires or dt.date.max) else None

    def learner_enters(self, code: str, learner: str) -> str:
        """Let a learner enter a code; returns what happens, in words."""
        try:
            return f"{learner} enters {ending(code)} and gets in: {self.redeem(code, learner).course}."
        except InvalidKey as problem:
            return f"{learner} enters {ending(code)} and reads: {problem}"

    # --- what can be exported: a list of rows, the header first ---

    def export_pool(self, name: str) -> list[list[Any]]:
        """A pool's keys."""
        p = self.pools[name]
        keys = ([k.code, p.course, p.organization, k.created, k.redeemed, k.learner] for k in p.keys.values())
        return [[*POOL_HEADER], *([*key, p.starts, p.expires] for key in keys)]

    def export_course_keys(self) -> list[list[Any]]:
        """Find Course Assignment Keys, all columns shown."""
        rows: list[list[Any]] = [[*COURSE_KEY_HEADER]]
        for k in self.course_keys.values():
            uses = (k.max_uses, len(k.uses), k.availability, _YES[k.any_organization])
            rows.append([k.code, k.entry, k.course, k.organization, k.created, k.expires, *uses])
        return rows

    def export_pool_list(self) -> list[list[Any]]:
        """Find Training Key Pools, expired pools shown too."""
        pools = ((p, (p.starts, p.expires, p.availability, _YES[p.sitewide])) for p in self.pools.values())
        return [[*POOL_LIST_HEADER], *([p.name, p.course, p.organization, *settings] for p, settings in pools)]

    def export_assignments(self) -> list[list[Any]]:
        """Find Course Assignments with the payment type shown."""
        paid = ((f"Training Key {a.code}", a, "Cancelled" if a.cancelled else "Active") for a in self.assignments)
        return [[*ASSIGNMENT_HEADER], *([payment, a.learner, a.course, a.created, state] for payment, a, state in paid)]

    def export_case(self, folder: str | Path, *, backup: bool = False) -> None:
        """Download today's exports into the folders of a case; a backup begins the case anew."""
        root = Path(folder)
        for name in self.pools:
            later = root / "pools-now" / f"{name}.xlsx"
            if backup:
                later.unlink(missing_ok=True)
            write_xlsx(root / "pools-before" / later.name if backup else later, {name: self.export_pool(name)})
        write_csv(root / "course-keys/course keys.csv", self.export_course_keys())
        write_csv(root / "pool-list/pools.csv", self.export_pool_list())
        write_csv(root / "distribution/sent.csv", [LOG_HEADER, *self.sent])
        if not (root / "case.toml").exists():  # the model's log names every key that was sent
            (root / "case.toml").write_text("[distribution]\ncomplete = true\n", encoding="utf-8", newline="\n")


def _delete(keys: dict[str, Any], codes: Iterable[str], otherwise: str) -> None:
    """All of them or none."""
    gone = list(codes)
    if len(set(gone)) < len(gone) or not keys.keys() >= set(gone):
        raise Refused(otherwise)
    for code in gone:
        del keys[code]


_YES = ("No", "Yes")
POOL_HEADER = ("Training Key", "Course", "Organization", "Created", "Redeemed", "Redeemed By", "Starts", "Expires")
COURSE_KEY_HEADER = (
    *("Training Key", "Name", "Course", "Organization", "Created", "Expires", "Max Uses Per Key"),
    *("Course Assignments Created From Key", "Content Availability", "Redeemable By Any Student"),
)
POOL_LIST_HEADER = ("Name", "Course", "Organization", "Starts", "Expires", "Content Availability", "Sitewide Use")
ASSIGNMENT_HEADER = ("Payment Type", "Student", "Course", "Created", "Status")
LOG_HEADER = ("Training Key", "Distributed", "Distributed To")

# --- how codes get damaged on the way from one form to the other (CATALOGUE §4) ---

DAMAGE: dict[str, Callable[[str], str]] = {
    "whitespace": lambda code: code + " ",
    "unicode": lambda code: code.replace("-", "\u2013") if "-" in code else code[:3] + "\u200b" + code[3:],
    "case": lambda code: code.lower() if code != code.lower() else code.upper(),
    "excel": lambda code: code.lstrip("0") if code.startswith("0") else f"{float(code):.5E}",
    "confusable": lambda code: re.sub(r"[0O]", lambda m: "O" if m[0] == "0" else "0", code, count=1),
    "extra": lambda code: code + ", 2nd batch",
    "cut": lambda code: code[:-2],
    "typo": lambda code: code[:-3] + code[-2] + code[-3] + code[-1],
}

# --- files ---


def write_csv(path: Path, rows: Sequence[Sequence[Any]], encoding: str = "utf-8", delimiter: str = ",") -> None:
    """Write rows as text; dates in ISO order."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue().encode(encoding))


def write_xlsx(
    path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], touch: Callable[[Any], None] | None = None
) -> None:
    """Write sheets with real dates and text cells; stored, so that the same content is the same bytes everywhere.

    `touch` may do to the book what a person does in Excel.
    """
    import xlsxwriter

    made, as_text = io.BytesIO(), {f"strings_to_{kind}": False for kind in ("formulas", "urls", "numbers")}
    book = xlsxwriter.Workbook(made, {"in_memory": True, "default_date_format": "yyyy-mm-dd", **as_text})
    book.set_properties({"created": dt.datetime(2026, 1, 1)})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name[:31])
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                (sheet.write_string if cell == "" else sheet.write)(r, c, cell)
    if touch is not None:
        touch(book)
    book.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(made) as deflated, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as stored:
        for member in deflated.infolist():
            stored.writestr(zipfile.ZipInfo(member.filename), deflated.read(member))


# --- an administrator who makes mistakes ---


def migrate(
    tms: Tms, pool: str, codes: Sequence[str], expires: Date, entry: str = "", forget: Iterable[str] = (),
    damage: Mapping[str, str] = {}, **settings: Any
) -> None:  # fmt: skip
    """The guide's steps 3 to 6: delete keys from the pool, recreate them as course keys; with mistakes if wished.

    `forget` are deleted and not recreated; `damage` maps a code to the kind of damage it suffers on the way (DAMAGE).
    """
    if pool not in tms.pools:
        raise Refused(f'There is no pool "{pool}".')
    source, forgotten = tms.pools[pool], set(forget)
    pasted = [DAMAGE[damage[code]](code) if code in damage else code for code in codes if code not in forgotten]
    tms.delete_keys(pool, codes)
    given = {"course": source.course, "organization": source.organization, "availability": source.availability}
    tms.create_course_keys(entry or f"{pool} migrated", codes=pasted, expires=expires, **{**given, **settings})
