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

from keyaudit.calendar import Calendar
from keyaudit.masking import ending
from keyaudit.words import weekday

LONG_KEYS_FROM = dt.date(2021, 3, 25)  # generated keys have 16 hexadecimal digits from this day, 8 before
LEARNERS = ("Ana Lima", "Bo Chen", "Ivo Petrov", "Jo O'Neil", "Kim Park", "Mia Rossi", "Søren Dahl", "Zoë Marsh")
DAY = dt.timedelta(days=1)


class Refused(Exception):
    """The TMS does not do what an administrator asks."""


class InvalidKey(Refused):
    """What a learner is told when a code cannot be redeemed."""


@dataclass
class PoolKey:
    """A key of a pool: one use by one learner."""

    code: str
    created: dt.date
    redeemed: dt.date | None = None
    learner: str = ""


@dataclass
class Pool:
    """A Training Key Pool: a batch of keys for one course, redeemable from `starts` until the day before `expires`."""

    name: str
    course: str
    organization: str
    starts: dt.date | None
    expires: dt.date | None
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
    expires: dt.date | None
    max_uses: int | None
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

    def create_pool(
        self,
        name: str,
        course: str,
        organization: str,
        starts: dt.date | None,
        expires: dt.date | None,
        **settings: Any,
    ) -> Pool:
        """Create a pool; refused once creation is disabled."""
        if self.today >= self.calendar.creation_off:
            raise Refused("New pools can no longer be created.")
        self.pools[name] = Pool(name, course, organization, starts, expires, **settings)
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
        target = self._editable(pool)
        for code in codes:
            if code not in target.keys:
                raise Refused("The pool does not hold this key.")
            del target.keys[code]

    def send(self, codes: Iterable[str]) -> None:
        """Send each key to a learner. The TMS does not notice: only the administrator's own list knows."""
        self.sent += [(code, self.today, LEARNERS[place % len(LEARNERS)]) for place, code in enumerate(codes)]

    def expire_pool(self, pool: str, on: dt.date) -> None:
        """Set a pool's expiration."""
        self._editable(pool).expires = on

    def create_course_keys(
        self,
        entry: str,
        course: str,
        organization: str,
        codes: Iterable[str],
        expires: dt.date | None = None,
        max_uses: int | None = None,
        **settings: Any,
    ) -> None:
        """Paste codes, one per line, into a Course Assignment Training Key entry; refused if one exists anywhere."""
        codes = list(codes)
        self._refuse_known(codes)
        for code in codes:
            self.course_keys[code] = CourseKey(
                code, entry, course, organization, self.today, expires, max_uses, **settings
            )

    def delete_course_keys(self, codes: Iterable[str]) -> None:
        """Delete course keys: their codes are free from now on."""
        for code in codes:
            if code not in self.course_keys:
                raise Refused("There is no such course key.")
            del self.course_keys[code]

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
        holder = next((pool for pool in self.pools.values() if code in pool.keys), None)
        if holder is not None:
            key = holder.keys[code]
            too_early = holder.starts is not None and self.today < holder.starts
            too_late = holder.expires is not None and self.today >= holder.expires
            if key.redeemed is not None or too_early or too_late:
                raise InvalidKey("This key is invalid.")
            key.redeemed, key.learner = self.today, learner
            course = holder.course
        elif code in self.course_keys:
            entry = self.course_keys[code]
            if len(entry.uses) >= (entry.max_uses or 1) or (entry.expires is not None and self.today >= entry.expires):
                raise InvalidKey("This key is invalid.")
            entry.uses.append((self.today, learner))
            course = entry.course
        else:
            raise InvalidKey("This key is invalid.")
        self.assignments.append(Assignment(learner, course, self.today, code))
        return self.assignments[-1]

    def would_work(self, code: str) -> bool:
        """Would a learner who enters the code today get in? Nothing is redeemed."""
        if code in self.course_keys:
            entry = self.course_keys[code]
            return len(entry.uses) < (entry.max_uses or 1) and (entry.expires is None or self.today < entry.expires)
        pool = next((pool for pool in self.pools.values() if code in pool.keys), None)
        if pool is None or pool.keys[code].redeemed is not None:
            return False
        return (pool.starts is None or pool.starts <= self.today) and (
            pool.expires is None or self.today < pool.expires
        )

    def learner_enters(self, code: str, learner: str) -> str:
        """Let a learner enter a code; returns what happens, in words."""
        try:
            return f"{learner} enters {ending(code)} and gets in: {self.redeem(code, learner).course}."
        except InvalidKey as problem:
            return f"{learner} enters {ending(code)} and reads: {problem}"

    # --- what can be exported: a list of rows, the header first ---

    def export_pool(self, name: str) -> list[list[Any]]:
        """A pool's keys."""
        pool = self.pools[name]
        rows: list[list[Any]] = [list(POOL_HEADER)]
        for key in pool.keys.values():
            settings = [
                pool.course,
                pool.organization,
                key.created,
                key.redeemed,
                key.learner,
                pool.starts,
                pool.expires,
            ]
            rows.append([key.code, *settings])
        return rows

    def export_course_keys(self) -> list[list[Any]]:
        """Find Course Assignment Keys, all columns shown."""
        rows: list[list[Any]] = [list(COURSE_KEY_HEADER)]
        for key in self.course_keys.values():
            shared = "Yes" if key.any_organization else "No"
            where = [key.code, key.entry, key.course, key.organization, key.created, key.expires]
            rows.append([*where, key.max_uses, len(key.uses), key.availability, shared])
        return rows

    def export_pool_list(self) -> list[list[Any]]:
        """Find Training Key Pools, expired pools shown too."""
        rows: list[list[Any]] = [list(POOL_LIST_HEADER)]
        for pool in self.pools.values():
            settings = [pool.course, pool.organization, pool.starts, pool.expires, pool.availability]
            rows.append([pool.name, *settings, "Yes" if pool.sitewide else "No"])
        return rows

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
        write_csv(root / "distribution/sent.csv", [list(LOG_HEADER), *(list(row) for row in self.sent)])

    def export_assignments(self) -> list[list[Any]]:
        """Find Course Assignments with the payment type shown."""
        rows: list[list[Any]] = [["Payment Type", "Student", "Course", "Created", "Status"]]
        for a in self.assignments:
            rows.append(
                [f"Training Key {a.code}", a.learner, a.course, a.created, "Cancelled" if a.cancelled else "Active"]
            )
        return rows


POOL_HEADER = ("Training Key", "Course", "Organization", "Created", "Redeemed", "Redeemed By", "Starts", "Expires")
COURSE_KEY_HEADER = (
    *("Training Key", "Name", "Course", "Organization", "Created", "Expires", "Max Uses Per Key"),
    *("Course Assignments Created From Key", "Content Availability", "Redeemable By Any Student"),
)
POOL_LIST_HEADER = ("Name", "Course", "Organization", "Starts", "Expires", "Content Availability", "Sitewide Use")
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
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerows(
        [["" if cell is None else str(cell) for cell in row] for row in rows]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue().encode(encoding))


def write_xlsx(
    path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], touch: Callable[[Any], None] | None = None
) -> None:
    """Write sheets with real dates and text cells; stored, so that the same content is the same bytes everywhere.

    `touch` may do to the book what a person does in Excel.
    """
    import xlsxwriter

    made = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(made, options)
    book.set_properties({"created": dt.datetime(2026, 1, 1)})
    date = book.add_format({"num_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name[:31])
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if isinstance(cell, dt.date):
                    sheet.write_datetime(r, c, dt.datetime.combine(cell, dt.time()), date)
                elif isinstance(cell, bool):
                    sheet.write_boolean(r, c, cell)
                elif isinstance(cell, (int, float)):
                    sheet.write_number(r, c, cell)
                elif cell is not None:
                    sheet.write_string(r, c, str(cell))
    if touch is not None:
        touch(book)
    book.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(made) as deflated, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as stored:
        for member in deflated.infolist():
            stored.writestr(zipfile.ZipInfo(member.filename), deflated.read(member))


# --- people: learners who redeem now and then, an administrator who makes mistakes ---


def learners_redeem(
    tms: Tms, codes: Sequence[str], since: dt.date, until: dt.date, holder: Mapping[str, str] | None = None
) -> None:
    """Let codes be redeemed on chance days, in order of time, each by its holder or else by anybody; the model's clock still stands before `since`."""
    span = (until - since).days
    days = sorted((since + DAY * tms.chance.randrange(span), i) for i in range(len(codes)))
    for day, place in days:
        if day > tms.today:
            tms.wait_until(day)
        anybody = tms.chance.choice(LEARNERS)
        tms.redeem(codes[place], (holder or {}).get(codes[place], anybody))


def migrate(
    tms: Tms,
    pool: str,
    codes: Sequence[str],
    expires: dt.date | None,
    entry: str | None = None,
    *,
    forget: Iterable[str] = (),
    damage: dict[str, str] | None = None,
    course: str | None = None,
    organization: str | None = None,
    max_uses: int | None = None,
    **settings: Any,
) -> None:
    """The guide's steps 3 to 6: delete keys from the pool, recreate them as course keys; with mistakes if wished.

    `forget` are deleted and not recreated; `damage` maps a code to the kind of damage it suffers on the way (DAMAGE).
    """
    source, damage, forgotten = tms.pools[pool], damage or {}, set(forget)
    tms.delete_keys(pool, codes)
    pasted = [DAMAGE[damage[code]](code) if code in damage else code for code in codes if code not in forgotten]
    tms.create_course_keys(
        entry or f"{pool} migrated",
        course or source.course,
        organization or source.organization,
        pasted,
        expires,
        max_uses,
        **{"availability": source.availability, **settings},
    )
