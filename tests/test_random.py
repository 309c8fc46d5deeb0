"""Properties of HAZARDS §2 on random migrations: what must not change a verdict does not; a clean one raises no alarm."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import verdicts
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from migrations import AS_OF, FORMS, Table, Tables, random_migration, write_case

import keyaudit as ka
from keyaudit.exports.codes import BLANKS
from keyaudit.reconciliation import Reconciliation

few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
seeds = st.integers(0, 1_000_000)
New = Callable[[], Path]


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> New:
    return lambda: tmp_path_factory.mktemp("random") / "case"


def audited(case: Path) -> Reconciliation:
    return ka.open_case(case).reconcile(as_of=AS_OF)


def said(result: Reconciliation) -> tuple[object, ...]:
    """Every verdict, and how many findings of each kind; nothing that names a row or a file."""
    columns = ("status", "works", "works_until", "act_by", "pool", "is_distributed", "lookalike", "damage")
    return (
        [verdicts(result, column) for column in columns],
        Counter(zip(result.findings["code"], result.findings["severity"].astype(str), strict=True)),
        result.answers["count"].tolist(),
        result.verdict,
    )


def each(tables: Tables, change: Callable[[str, Table], Table]) -> Tables:
    return {name: change(name, [list(row) for row in rows]) for name, rows in tables.items()}


@pytest.mark.parametrize("first", [0, 20, *(pytest.param(first, marks=pytest.mark.long) for first in (40, 60, 80))])
def test_a_clean_migration_raises_no_alarm(first: int, tmp_path: Path) -> None:
    """Forty of them, one hundred with `-m long`: no finding at all, no open question, and every key is migrated, redeemed, or new."""
    for seed in range(first, first + 20):
        case = write_case(tmp_path / str(seed), random_migration(seed, clean=True), "csv" if seed % 4 else "xlsx")
        result = audited(case)
        assert (seed, result.verdict, result.findings["code"].tolist()) == (seed, "clear", [])
        assert set(verdicts(result).values()) <= {"migrated", "redeemed", "new"}


def test_the_mistakes_are_made(folder: New) -> None:
    """What follows would prove nothing on cases in which nothing happens."""
    seen = {
        status
        for seed in range(8)
        for status in verdicts(audited(write_case(folder(), random_migration(seed)))).values()
    }
    assert {"migrated", "redeemed", "missing", "altered", "stray", "to_migrate", "new"} <= seen


@few
@given(seed=seeds)
def test_the_order_of_rows_and_of_columns_changes_nothing(seed: int, folder: New) -> None:
    """P6, P8: shuffled rows, shuffled columns, and columns nobody knows (a note for every pool and course-key file)."""
    tables = random_migration(seed)

    def shuffle(_: str, rows: Table) -> Table:
        header, body, chance = rows[0], rows[1:], random.Random(f"{seed} {rows}")  # noqa: S311 - equal files stay equal
        chance.shuffle(body)
        rows = [["Seat Price", *header], *(["n/a", *row] for row in body)]
        order = chance.sample(range(len(rows[0])), len(rows[0]))
        return [[row[place] for place in order] for row in rows]

    shuffled, plain = (
        said(audited(write_case(folder(), each(tables, shuffle)))),
        said(audited(write_case(folder(), tables))),
    )
    noted = sum(name.startswith(("pools-before/", "pools-now/", "course-keys/")) for name in tables)
    noted -= sum(  # a copy of the backup is not read
        len(rows) > 1 and rows == tables.get(name.replace("pools-now/", "pools-before/")) and "pools-now/" in name
        for name, rows in tables.items()
    )
    plain[1][("column_not_understood", "note")] += noted
    assert shuffled == plain


def are_padded(rows: Table) -> bool:
    """Do all codes of a file begin or end in a blank? None is a code."""
    codes = [str(row[rows[0].index("Training Key")]) for row in rows[1:]]
    return bool(codes) and all(code != code.strip(BLANKS) for code in codes)


@few
@given(seed=seeds)
def test_a_case_in_parts_is_the_whole_case(seed: int, folder: New) -> None:
    """P7: every backup and the course keys in two files each; pools keep their names by a column."""
    tables = random_migration(seed)
    named = {
        name: [[*row, "Pool" if i == 0 else name.partition("/")[2]] for i, row in enumerate(rows)]
        for name, rows in tables.items()
        if name.startswith("pools-before")
    }
    whole = tables | named
    parts = {name: rows for name, rows in whole.items() if name not in named and name != "course-keys/keys"}
    for name in (*named, "course-keys/keys"):
        header, *body = whole[name]
        for part in (0, 1):
            parts[f"{name} part {part}"] = [header, *body[part::2]]
            # a file whose every code is padded says something else than one whose some are (CATALOGUE §1)
            assume(are_padded(parts[f"{name} part {part}"]) == are_padded(whole[name]))
    assert said(audited(write_case(folder(), parts))) == said(audited(write_case(folder(), whole)))


@few
@given(seed=seeds, form=st.sampled_from([*FORMS, "xlsx"]))
def test_the_form_of_the_files_changes_nothing(seed: int, form: str, folder: New) -> None:
    """P9: xlsx, UTF-8, with a BOM, cp1252 declared, UTF-16; commas, semicolons, tabs, bars."""
    tables = random_migration(seed)
    assert said(audited(write_case(folder(), tables, form))) == said(audited(write_case(folder(), tables)))


@few
@given(seed=seeds)
def test_the_same_file_twice_is_read_once(seed: int, folder: New) -> None:
    """P11: nothing but one finding more."""
    tables = random_migration(seed)
    name = next(iter(tables))
    twice = audited(write_case(folder(), tables | {f"{name} (2)": tables[name]}))
    once = audited(write_case(folder(), tables))
    assert said(twice)[0] == said(once)[0]
    assert said(twice)[1] - said(once)[1] == Counter({("same_file_twice", "warning"): 1})
    assert twice.tie_out_sums() == once.tie_out_sums()


@few
@given(seed=seeds)
def test_one_more_key_changes_one_count_by_one(seed: int, folder: New) -> None:
    """P15: a key that waits in its pool."""
    tables = random_migration(seed)
    before, now = (next(name for name in tables if name.startswith(f"pools-{when}")) for when in ("before", "now"))
    row = ["ZZZZ-9999-WAIT", *tables[before][1][1:4], None, "", *tables[before][1][6:]]
    more = tables | {name: [*tables[name], row] for name in (before, now)}
    one, other = audited(write_case(folder(), tables)), audited(write_case(folder(), more))
    differ = {
        code: other.statuses[code] - count for code, count in one.statuses.items() if other.statuses[code] != count
    }
    assert differ in ({"to_migrate": 1}, {"undistributed": 1})
    assert verdicts(one).items() <= verdicts(other).items()


@few
@given(seed=seeds)
def test_names_of_pools_and_codes_of_keys_do_not_matter(seed: int, folder: New) -> None:
    """P16, P17: other names, and other digits that no fold confuses, rename what is shown and change no count."""
    tables = random_migration(seed)
    digits = str.maketrans("3479ACDFacdf", "7943CAFDcafd")

    def recode(_: str, rows: Table) -> Table:
        place = rows[0].index("Training Key") if "Training Key" in rows[0] else None
        pay = rows[0].index("Payment Type") if "Payment Type" in rows[0] else None
        for row in rows[1:]:
            if place is not None and row[place] != "OWN-KEY-1":
                row[place] = row[place].partition(",")[0].translate(digits) + "".join(row[place].partition(",")[1:])
            if pay is not None:
                row[pay] = "Training Key " + row[pay].removeprefix("Training Key ").translate(digits)
        return rows

    recoded = each(tables, recode)
    renamed = {f"{name} renamed" if name.startswith("pools-") else name: rows for name, rows in recoded.items()}
    renamed["pool-list/pools"] = [
        [f"{row[0]} renamed" if i else row[0], *row[1:]] for i, row in enumerate(recoded["pool-list/pools"])
    ]
    one, other = audited(write_case(folder(), tables)), audited(write_case(folder(), renamed))
    assert (other.statuses, other.works, said(other)[1:]) == (one.statuses, one.works, said(one)[1:])
    assert sorted(other.pools["pool"]) == sorted(f"{name} renamed" for name in one.pools["pool"])
