"""A plain text file is read in two ways, and both give the same, to the last note."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLES

from keyaudit.columns import ROLES
from keyaudit.errors import UnreadableFile
from keyaudit.exports import texts
from keyaudit.exports.plain import plain_rows
from keyaudit.exports.read import Export, FileOptions, read_role
from keyaudit.exports.rows import ColumnRows

ROLE_OF = {folder: name for name, role in ROLES.items() for folder in role.folders}
TRUTH = sorted((Path(__file__).parent / "truth").glob("*.zip"))
HEADERS = (
    "Training Key",
    "Pool",
    "Course",
    "Created",
    "Redeemed",
    "Redeemed By",
    "Expires",
    "Max Uses Per Key",
    "Note of ours",
)
HOSTILE = (
    *("", " ", "\u00a0", "\ufeff", "\u200b", "NA", "null", "0", "1E5", "00123", "TRUE", "-", "ÅÆØ 1", "\u2028", "𝔸𝔹1"),
    *("a@b.example", " x  y ", "2026-03-04", "04/03/2026", "31/12/2026", "0001-01-01", "Unlimited", "1,5", "a;b|c\td"),
    *("AB12CD34", "AB12CD34, AB12CD35", "Total: 3", "Training Key", "Redeemed Keys", "Pool: Azure", 'a"b', '"', "'A1"),
    *("=A1", '="A1"', "#N/A", "first\nsecond", "Note: end of the list"),
)


def both(role: str, path: Path, monkeypatch: pytest.MonkeyPatch, known: FileOptions | None = None) -> Any:
    """What the two ways give: tables with every cell, or the text of the error."""
    given = []
    for is_fast in (True, False):
        with monkeypatch.context() as patch:
            if not is_fast:
                patch.setattr(texts, "plain_rows", lambda *_: None)
            try:
                given.append(read_role(role, path, lambda _: known or FileOptions()))
            except UnreadableFile as problem:
                given.append(str(problem))
    return given


def assert_same(fast: Export | str, slow: Export | str) -> None:
    if isinstance(fast, str) or isinstance(slow, str):
        assert fast == slow
        return
    for name in ("rows", "tables", "set_aside", "notes", "sources"):
        pd.testing.assert_frame_equal(getattr(fast, name), getattr(slow, name), obj=name)


@pytest.mark.parametrize("case", sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()))
def test_every_text_file_of_the_samples_reads_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in sorted((SAMPLES / case).rglob("*.*")):
        if path.suffix in (".csv", ".tsv", ".txt") and path.parent.name in ROLE_OF:
            assert_same(*both(ROLE_OF[path.parent.name], path, monkeypatch))


@pytest.mark.parametrize("case", TRUTH, ids=lambda path: path.stem)
def test_every_text_file_of_the_cases_with_known_answers_reads_the_same(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipfile.ZipFile(case).extractall(tmp_path)
    found = [path for path in sorted(tmp_path.rglob("*.csv")) if path.parent.name in ROLE_OF]
    for path in found:
        assert_same(*both(ROLE_OF[path.parent.name], path, monkeypatch))


def made(seed: int) -> str:
    """A text file of random rows, some of them hostile, in a random dress."""
    draw = random.Random(seed)  # noqa: S311
    delimiter, newline = draw.choice(",;\t|"), draw.choice(("\n", "\r\n", "\r"))
    headers = ["Training Key", *draw.sample(HEADERS[1:], draw.randint(0, 8))]
    draw.shuffle(headers)
    trouble = draw.choice((0, 0, 0.02, 0.1, 0.4))
    quoting = draw.choice((csv.QUOTE_NONE, csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    rows: list[list[str]] = [[draw.choice(HOSTILE)] for _ in range(draw.choice((0, 0, 1, 2)))] + [headers]
    for number in range(draw.choice((0, 1, 3, 60, 200))):
        row = [
            f"AB{number:06d}" if header == "Training Key" else draw.choice(("", "A b", "2026-01-31"))
            for header in headers
        ]
        if draw.random() < trouble:
            row[draw.randrange(len(row))] = draw.choice(HOSTILE)
        if draw.random() < trouble / 4:
            row = draw.choice(([], headers, [draw.choice(HOSTILE)], row[:-1], [*row, ""], [""] * len(row), row * 2))
        rows.append(row)
    rows += draw.choice(([], [], [["Total", "2"]], [[""], []], [["Page 1 of 3"]], [[*rows[-1], "", ""]]))
    text = io.StringIO(newline="")
    if quoting == csv.QUOTE_NONE:
        text.write(newline.join(delimiter.join(row) for row in rows) + draw.choice(("", newline, newline * 3)))
    else:
        csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=newline).writerows(rows)
    return draw.choice(("", "", "", f"sep={delimiter}{newline}", "\ufeff", "\ufeff\ufeff")) + text.getvalue()


@pytest.mark.parametrize("seeds", range(0, 200, 50))
def test_random_hostile_files_read_the_same(seeds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    for seed in range(seeds, seeds + 50):
        encoding = ("utf-8", "utf-8", "utf-8-sig", "utf-16")[seed % 4]
        path.write_bytes(made(seed).encode(encoding))
        known = FileOptions(day_first=(None, True, False)[seed % 3], pool=(None, "P")[seed % 2])
        for role in ("pools_before", "course_keys"):
            assert_same(*both(role, path, monkeypatch, known))


def test_a_plain_file_is_kept_as_columns_with_its_odd_lines_beside_them() -> None:
    rows = plain_rows(
        'Key,Pool\nA1,x\nA2," y, z "\nA3\n\nA4,ü\nA5,\nA6,q\nA7,r\nA8,s\nA9,t\nB1,u\nB2,v\nB3,w\n', ",", 9
    )
    assert rows is not None
    assert list(rows) == [rows[place] for place in range(len(rows))]
    assert rows[:6] == [["Key", "Pool"], ["A1", "x"], ["A2", " y, z "], ["A3"], [], ["A4", "ü"]]
    assert rows.cells(1, np.array([1, 2, 3, 5])).tolist() == ["x", " y, z ", "", "ü"]
    assert rows.unusual(0, "Key").tolist() == [0, 3, 4]


@pytest.mark.parametrize(
    "text",
    [
        'Key,Pool\nA1,"x\ny"\nA2,z\nA3,z\nA4,z\n',  # a cell of two lines
        'Key,Pool\nA1,"x"y\nA2,z\nA3,z\nA4,z\n',  # a damaged quotation mark
        'Key,Pool\nA1,x\nA2,"z\nA3,z\nA4,z\n',  # one that is not closed
        "Key,Pool\nA1\nA2\nA3,z\nA4\nA5,x\n",  # no width that most lines have
    ],
)
def test_what_is_not_plain_is_read_cell_by_cell(text: str) -> None:
    assert plain_rows(text, ",", 9) is None


def test_a_file_whose_codes_are_unusual_is_read_row_by_row_from_there_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Training Key,Pool\n" + "".join(f"{'ABCDEFGH'[place % 8 :]}XY,P\n" for place in range(50)))
    fast, slow = both("pools_before", path, monkeypatch)
    assert len(fast.rows) == 50
    assert_same(fast, slow)


def test_the_samples_take_the_fast_way() -> None:
    """Otherwise the comparisons above compare one way with itself."""
    files = [
        path for path in SAMPLES.rglob("*.csv") if path.parent.name in ROLE_OF and path.parent.parent.name != "ugly"
    ]
    fast = [isinstance(plain_rows(path.read_text(encoding="utf-8"), ",", 99), ColumnRows) for path in files]
    assert sum(fast) > 0.8 * len(fast)
