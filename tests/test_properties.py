"""Properties of HAZARDS §2: order, splitting, unknown columns, renaming and re-coding change nothing they should not."""

from __future__ import annotations

import csv
import io
import random
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from conftest import SAMPLES

import keyaudit as ka
from keyaudit.columns import COLUMNS
from keyaudit.errors import KeyauditError
from keyaudit.exports.read import read_role
from keyaudit.reconciliation import Reconciliation

Rows = list[list[str]]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample `halfway` with every workbook saved as CSV, so that rows can be moved about."""
    case = tmp_path_factory.mktemp("plain") / "case"
    shutil.copytree(SAMPLES / "halfway", case, ignore=shutil.ignore_patterns("*.xlsx", "*.md", "report"))
    audit = ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09")
    for role, folder in (("pools_before", "pools-before"), ("pools_now", "pools-now"), ("course_keys", "course-keys")):
        rows = audit.facts.exports[role].rows
        books = rows[rows["source_file"].astype("str").str.endswith(".xlsx")].dropna(subset=["training_key"])
        for file, part in books.groupby("source_file", observed=True):
            table = part.drop(columns=[name for name in part if name.startswith("source_")]).dropna(axis=1, how="all")
            headers = {name: COLUMNS[name].aliases[0] for name in table}
            path = case / folder / (Path(str(file)).stem + ".csv")
            table.rename(columns=headers).to_csv(path, index=False, date_format="%Y-%m-%d")
    return case


def changed(case: Path, to: Path, change: Callable[[Path, Rows], Rows]) -> Reconciliation:
    """The audit of the case with every CSV changed."""
    shutil.copytree(case, to)
    for path in sorted(to.rglob("*.csv")):
        text = path.read_text(encoding="utf-8-sig")
        delimiter = ";" if text.partition("\n")[0].count(";") else ","
        rows = change(path, list(csv.reader(io.StringIO(text), delimiter=delimiter)))
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
    return ka.open_case(to).reconcile(as_of="2026-04-09")


def verdicts(audit: Reconciliation) -> pd.DataFrame:
    told = [
        "training_key",
        "status",
        "works",
        "works_until",
        "act_by",
        "lookalike",
        "damage",
        "uses_left",
        "is_distributed",
    ]
    return audit.keys[told].astype("str").sort_values("training_key", ignore_index=True)


def counts(audit: Reconciliation) -> Counter[tuple[str, str]]:
    return Counter(zip(audit.findings["code"], audit.findings["severity"].astype(str), strict=True))


def test_the_order_of_rows_changes_nothing(plain: Path, tmp_path: Path) -> None:
    shuffle = random.Random(5)  # noqa: S311 - repeatable

    def shuffled(_: Path, rows: Rows) -> Rows:
        body = rows[1:]
        shuffle.shuffle(body)
        return [rows[0], *body]

    before = ka.open_case(plain).reconcile(as_of="2026-04-09")
    after = changed(plain, tmp_path / "case", shuffled)
    pd.testing.assert_frame_equal(verdicts(after), verdicts(before))
    assert counts(after) == counts(before)


def test_unknown_columns_and_their_order_change_nothing(plain: Path, tmp_path: Path) -> None:
    before = ka.open_case(plain).reconcile(as_of="2026-04-09")
    after = changed(
        plain,
        tmp_path / "case",
        lambda _, rows: [["Cost Center" if not i else "x", *row[::-1], ""] for i, row in enumerate(rows)],
    )
    pd.testing.assert_frame_equal(verdicts(after), verdicts(before))
    noted = Counter(
        {
            ("column_not_understood", "note"): sum(
                after.sources["role"].isin(["pools_before", "pools_now", "course_keys"])
            )
        }
    )
    assert counts(after) == counts(before) + noted
    assert after.sources["columns_not_used"].eq("Cost Center").all()


def test_a_file_in_two_parts_is_the_whole_file(plain: Path, tmp_path: Path) -> None:
    def half(path: Path, rows: Rows) -> Rows:
        if path.parent.name != "pools-before" or "Pool" in rows[0]:
            return rows
        pool, middle = path.stem, len(rows) // 2
        with path.with_name(f"{pool} part 2.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([[*rows[0], "Pool"], *([*row, pool] for row in rows[middle:])])
        return rows[:middle]

    before = ka.open_case(plain).reconcile(as_of="2026-04-09")
    after = changed(plain, tmp_path / "case", half)
    pd.testing.assert_frame_equal(verdicts(after), verdicts(before))
    assert counts(after) == counts(before)
    assert len(after.sources) > len(before.sources)


def test_renaming_the_pools_renames_them_and_changes_nothing_else(plain: Path, tmp_path: Path) -> None:
    before = ka.open_case(plain).reconcile(as_of="2026-04-09")
    new = {name: f"Pool number {place}" for place, name in enumerate(before.pools["pool"])}

    def renamed(_: Path, rows: Rows) -> Rows:
        return [[new.get(cell, cell) for cell in row] for row in rows]

    shutil.copytree(plain, tmp_path / "named")
    for path in (tmp_path / "named").rglob("pools-*/*.csv"):
        stem = path.stem.removesuffix(" (1)")
        if stem in new:
            path.rename(path.with_name(new[stem] + ".csv"))
    after = changed(tmp_path / "named", tmp_path / "case", renamed)
    pd.testing.assert_frame_equal(verdicts(after), verdicts(before))
    assert sorted(after.pools["pool"]) == sorted(new.values())


def test_one_more_key_changes_one_count_by_one(plain: Path, tmp_path: Path) -> None:
    def longer(path: Path, rows: Rows) -> Rows:
        return [*rows, ["MORE-0001-ZZ", *rows[-1][1:]]] if path.stem == "export 3" else rows

    before = ka.open_case(plain).reconcile(as_of="2026-04-09")
    after = changed(plain, tmp_path / "case", longer)
    difference = (after.summary(by="pool") - before.summary(by="pool")).stack()
    assert difference[difference != 0].to_dict() == {
        ("Networking - Tailspin", "keys"): 1,
        ("Networking - Tailspin", "to_migrate"): 1,  # the log does not name it, and nobody said it is complete
    }


def test_any_bytes_give_a_result_or_an_error_in_words(tmp_path: Path) -> None:
    """Damaged copies of the samples: records or a KeyauditError, nothing else; what is read still ties out."""
    chance = random.Random(11)  # noqa: S311
    sources = [
        p for p in sorted(SAMPLES.rglob("*")) if p.suffix in (".csv", ".xlsx", ".txt") and p.stat().st_size < 40_000
    ]
    outcomes: Counter[str] = Counter()
    for number in range(400):
        source = chance.choice(sources)
        content = bytearray(source.read_bytes())
        for _ in range(chance.choice((1, 1, 3, 30))):
            at = chance.randrange(len(content))
            kind = chance.randrange(4)
            if kind == 0:
                content[at] = chance.randrange(256)
            elif kind == 1:
                del content[at : at + chance.randrange(1, 200)]
            elif kind == 2:
                content[at:at] = bytes(chance.randrange(256) for _ in range(8))
            else:
                content[at:at] = content[max(0, at - 60) : at]
            if not content:
                break
        path = tmp_path / f"{number}{source.suffix}"
        path.write_bytes(bytes(content))
        try:
            export = read_role("pools_before", path)
            totals = export.sources[["rows_read", "keys", "repeats", "set_aside"]].sum()
            assert totals["rows_read"] == totals["keys"] + totals["repeats"] + totals["set_aside"]
            outcomes["read"] += 1
        except KeyauditError as problem:
            assert path.name in str(problem)
            outcomes["refused"] += 1
    assert outcomes["read"] > 20
    assert outcomes["refused"] > 100


def test_a_damaged_workbook_is_never_read_as_other_codes(tmp_path: Path) -> None:
    """A byte changed inside the packed sheet is found by its checksum: the codes are the same, or there is an error."""
    source = SAMPLES / "halfway" / "pools-before" / "Azure Administrator - Contoso.xlsx"
    true = set(read_role("pools_before", source).rows["training_key"])
    with zipfile.ZipFile(source) as archive:
        start = archive.getinfo("xl/worksheets/sheet1.xml").header_offset
    content, chance = source.read_bytes(), random.Random(3)  # noqa: S311
    for number in range(120):
        damaged = bytearray(content)
        damaged[start + 100 + chance.randrange(5_000)] ^= 1 << chance.randrange(8)
        path = tmp_path / f"{number}.xlsx"
        path.write_bytes(bytes(damaged))
        try:
            assert set(read_role("pools_before", path).rows["training_key"]) == true
        except KeyauditError:
            continue


def test_the_samples_are_not_touched_by_an_audit(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in SAMPLES.rglob("*") if path.is_file()}
    ka.write_report(ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09"), tmp_path / "r")
    assert {path: path.read_bytes() for path in SAMPLES.rglob("*") if path.is_file()} == before
