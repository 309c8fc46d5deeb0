"""Rows kept as columns are the rows they were made of; a workbook read that way is read as cell by cell, to the last note."""

from __future__ import annotations

import datetime as dt
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xlsxwriter
from conftest import SAMPLES
from test_plain import HEADERS, ROLE_OF, TRUTH, assert_same

from keyaudit.errors import UnreadableFile
from keyaudit.exports import rows as module
from keyaudit.exports import sheets
from keyaudit.exports.read import FileOptions, read_role
from keyaudit.exports.rows import Cells, ColumnRows

TEXTS = ("", " ", "AB12", "Total: 3", "Redeemed Keys", "Pool: Azure", "04/03/2026", "31/12/2026", "-", "5", "1,5", "ü")
NUMBERS = (5.0, 0.0, -1.5, 123456789012345.0, 1e21)
DATES = (dt.date(2026, 4, 9), dt.date(2026, 12, 31), dt.datetime(2026, 4, 9, 10, 30), dt.time(10, 30))
ODD = (True, False, 7, 2**70, dt.timedelta(hours=30))


def columns_of_rows(draw: random.Random, width: int, length: int) -> list[list[Any]]:
    """Rows whose columns are of one type, but for some cells."""
    usual = [draw.choice(("AB12", 5.0, *DATES, True, "", 7)) for _ in range(width)]
    trouble = draw.choice((0, 0.02, 0.3, 1))
    strange = (*TEXTS, *NUMBERS, *DATES, *ODD)
    return [
        [draw.choice(strange) if draw.random() < trouble else draw.choice((cell, cell, "")) for cell in usual]
        for _ in range(length)
    ]


def typed(cells: Any) -> list[tuple[type, Any]]:
    """Cells with their types: 1 is neither True nor 1.0."""
    return [(type(cell), cell) for cell in cells]


@pytest.mark.parametrize("seed", range(150))
def test_rows_kept_as_columns_are_the_rows_they_were_made_of(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    monkeypatch.setattr(module, "PART", 8)
    monkeypatch.setattr(module, "HEAD", 3)
    draw = random.Random(seed)  # noqa: S311
    given = columns_of_rows(draw, draw.randint(1, 4), draw.choice((1, 3, 4, 40)))
    rows = ColumnRows.of(given)
    if seed % 2:
        at = draw.randrange(len(given))
        rows[at] = given[at] = draw.choice(([], ["odd"], ["AB12", 5.0, True, "x", "y"], [""] * len(given[0])))
    assert [typed(row) for row in rows] == [typed(row) for row in given]
    assert [typed(rows[place]) for place in range(len(rows))] == [typed(row) for row in given]
    assert [typed(row) for row in rows[1:3]] == [typed(row) for row in given[1:3]]
    places = sorted(draw.sample(range(len(given)), draw.randint(0, len(given))))
    for column in range(rows.width):
        wanted = [given[place][column] if column < len(given[place]) else "" for place in places]
        cells = rows.cells(column, np.array(places, dtype=np.int64))
        assert typed(cells.tolist()) == typed(wanted)
        codes, values = cells.distinct()
        assert typed("" if values[code] is None else values[code] for code in codes) == typed(wanted)
        assert typed(cells.as_text().tolist()) == typed(wanted)
        assert all(type(cell) is not str for cell in cells.as_text().others.values())


def test_cells_of_several_types_are_joined_in_their_order() -> None:
    parts = [["Expires", 1.0, 2.0], ["", ""], [3.0, "never"], ["a", "b", "c", "d", "e", 2**70]]
    assert typed(Cells.joined([Cells.of(part) for part in parts]).tolist()) == typed(
        cell for part in parts for cell in part
    )
    assert Cells.joined([Cells.of(part) for part in parts[:3]]).others == {0: "Expires", 6: "never"}


def both(role: str, path: Path, monkeypatch: pytest.MonkeyPatch, known: FileOptions | None = None) -> Any:
    """What the two ways give: tables with every cell, or the text of the error."""
    given = []
    for is_fast in (True, False):
        with monkeypatch.context() as patch:
            if not is_fast:
                patch.setattr(sheets.ColumnRows, "of", staticmethod(list))
            try:
                given.append(read_role(role, path, lambda _: known or FileOptions()))
            except UnreadableFile as problem:
                given.append(str(problem))
    return given


def workbooks_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.xls[xm]")) if path.parent.name in ROLE_OF]


@pytest.mark.parametrize("case", sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()))
def test_every_workbook_of_the_samples_reads_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in workbooks_in(SAMPLES / case):
        assert_same(*both(ROLE_OF[path.parent.name], path, monkeypatch))


@pytest.mark.parametrize("case", TRUTH, ids=lambda path: path.stem)
def test_every_workbook_of_the_cases_with_known_answers_reads_the_same(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipfile.ZipFile(case).extractall(tmp_path)
    for path in workbooks_in(tmp_path):
        assert_same(*both(ROLE_OF[path.parent.name], path, monkeypatch))


def write_workbook(path: Path, draw: random.Random) -> None:
    """A sheet of random rows: types mixed, numbers padded by their format, errors, formulas without a value."""
    book = xlsxwriter.Workbook(str(path))
    formats = {dt.date: book.add_format({"num_format": "yyyy-mm-dd"}), dt.time: book.add_format({"num_format": "h:mm"})}
    formats |= {dt.datetime: formats[dt.date], dt.timedelta: formats[dt.time]}
    padded = book.add_format({"num_format": "0" * 10})
    sheet = book.add_worksheet()
    headers = ["Training Key", *draw.sample(HEADERS[1:], draw.randint(0, 8))]
    draw.shuffle(headers)
    top, left = draw.choice((0, 0, 2)), draw.choice((0, 0, 1))
    if top:
        sheet.write_string(0, 0, draw.choice(TEXTS))
    sheet.write_row(top, left, headers)
    usual: dict[str, Any] = {
        "Created": DATES[0],
        "Expires": DATES[2],
        "Redeemed": "2026-01-31",
        "Max Uses Per Key": 1.0,
    }
    trouble = draw.choice((0, 0.02, 0.1, 0.4))
    for row in range(top + 1, top + 1 + draw.choice((0, 1, 3, 60, 120))):
        for column, header in enumerate(headers, left):
            cell = f"AB{row:06d}" if header == "Training Key" else draw.choice(("", usual.get(header, "A b")))
            if draw.random() < trouble:
                cell = draw.choice((*TEXTS, *NUMBERS[:4], *DATES, True, 7, "#N/A", "=A1", "padded", header))
            if cell == "padded":
                sheet.write_number(row, column, draw.choice((7, 1234, 5.5)), padded)
            elif cell in ("#N/A", "=A1") and isinstance(cell, str):
                sheet.write_formula(row, column, "=B1", value="#N/A" if cell == "#N/A" else "")
            elif type(cell) in formats:
                sheet.write_datetime(row, column, cell, formats[type(cell)])
            elif cell != "":
                sheet.write(row, column, cell)
    book.close()


@pytest.mark.parametrize("seeds", range(0, 160, 40))
def test_random_hostile_workbooks_read_the_same(seeds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART", 16)
    monkeypatch.setattr(module, "HEAD", 5)
    path = tmp_path / "a.xlsx"
    for seed in range(seeds, seeds + 40):
        write_workbook(path, random.Random(seed))  # noqa: S311
        known = FileOptions(day_first=(None, True, False)[seed % 3], pool=(None, "P")[seed % 2])
        for role in ("pools_before", "course_keys"):
            assert_same(*both(role, path, monkeypatch, known))


def test_the_samples_take_the_fast_way() -> None:
    """Otherwise the comparisons above compare one way with itself."""
    opened = [sheets.open_file(path, path.name, set()) for path in workbooks_in(SAMPLES)]
    grids = [grid for source in opened for grid in source.grids if len(grid.rows)]
    assert len(grids) > 20
    assert all(isinstance(grid.rows, ColumnRows) for grid in grids)
