"""Text files: the encoding is told or known, the delimiter explains the header, and no quotation mark swallows a row. (HAZARDS D)"""

from __future__ import annotations

import csv
import io
import random
import re
import time
from typing import Any

import pyarrow as pa
import pytest
from workbooks import cells

from keyaudit.errors import UnreadableFile
from keyaudit.exports import texts
from keyaudit.exports.grid import Grid
from keyaudit.exports.texts import text_grid

KNOWN = {"trainingkey", "key", "pool", "course", "redeemedby"}
DAMAGED = "its quotation marks are damaged"


def split(text: str | bytes, encoding: str | None = None) -> Grid:
    content = text.encode() if isinstance(text, str) else text
    return text_grid(content, "pools/a.csv", KNOWN, encoding)


def told(grid: Grid) -> list[list[Any]]:
    """The rows as they were split, None for a blank cell."""
    return [grid.row(place) for place in range(grid.height)]


ROWS = [["Training Key", "Pool"], ["00123", "Zürich – Ærø"], ["NA", "a,b;c\td|e"], ["=A1", 'say "hi"'], ["null", "x"]]
EMBEDDED = [*ROWS, ["AB12", "first\nsecond"], ["AB13", "first\r\nsecond\r"], ["AB14", "\u2028 \x85 \x0b \x0c"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "§"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_encoding_delimiter_and_line_end_gives_the_same_cells(
    encoding: str, delimiter: str, quoting: Any, line_end: str
) -> None:
    rows = ROWS if line_end == "\r" or encoding == "cp1252" else EMBEDDED
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(rows)
    is_declared = delimiter in ":§"
    content = (f"sep={delimiter}{line_end}" if is_declared else "") + text.getvalue()
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    grid = split(mark + content.encode(encoding), "cp1252" if encoding == "cp1252" else None)
    assert cells(grid)[is_declared:] == rows
    assert grid.widths is not None
    assert grid.widths.tolist()[is_declared:] == [2] * len(rows)
    assert grid.damaged == {}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        # rows of every width, blank lines, the end of the file
        ("Key,Pool\nA1,x\nA2\n\nA3,y,z\nA4,w", [["Key", "Pool"], ["A1", "x"], ["A2"], [None, None], ["A3", "y", "z"], ["A4", "w"]]),
        ("Key,Pool\r\n\r\nA1,x\r\n\r\n\r\n", [["Key", "Pool"], [None, None], ["A1", "x"]]),
        ("Key,Pool\nA1,x\rA2,y\r\nA3,z\n\rA4,w", [["Key", "Pool"], ["A1", "x"], ["A2", "y"], ["A3", "z"], [None, None], ["A4", "w"]]),
        ("Key\nA1\n\nA2\n", [["Key"], ["A1"], [None], ["A2"]]),
        ("Key,Pool\nA1,x\n\x1a", [["Key", "Pool"], ["A1", "x"]]),
        ("A title\nAnother\nKey,Pool,Course\nA1,x,C\nA2,y,C\nA3,z,C\n", [["A title"], ["Another"], ["Key", "Pool", "Course"], ["A1", "x", "C"], ["A2", "y", "C"], ["A3", "z", "C"]]),
        # byte order marks: before the text, and where one file was put below another
        ("\ufeff\ufeffKey,Pool\nA1,x\n", [["Key", "Pool"], ["A1", "x"]]),
        ('Key,Pool\nA1,x\n\ufeffKey,Pool\n\ufeff"A2","y"\n', [["Key", "Pool"], ["A1", "x"], ["Key", "Pool"], ["A2", "y"]]),
        # the first line may say the delimiter; it stays a row, so that row numbers agree
        ("sep=;\nKey;Pool\nA1;x,y\n", [[None, None], ["Key", "Pool"], ["A1", "x,y"]]),
        ('"sep=;"\r\nKey;Pool\r\nA1;x,y\r\n', [[None, None], ["Key", "Pool"], ["A1", "x,y"]]),
        ("SEP=\t\nKey\tPool\nA1\tx,y\n", [[None, None], ["Key", "Pool"], ["A1", "x,y"]]),
        # quotation marks
        ('Key,Pool\n"A1","x, ""y"""\n"",""\n"""A2""",\n', [["Key", "Pool"], ["A1", 'x, "y"'], [None, None], ['"A2"', None]]),
        ('Key,Pool\nA1,"x\ny"\n"A2\r\n",z\n', [["Key", "Pool"], ["A1", "x\ny"], ["A2\r\n", "z"]]),
        ('"Key","Pool"\n"A1\nx","y"\n"A2","z"\n\n"A3","\n"\n', [["Key", "Pool"], ["A1\nx", "y"], ["A2", "z"], [None, None], ["A3", "\n"]]),
        # ="…" keeps a program's hands off a code
        ('Key,Pool\n="00123",x\n"=""00124""",="y"\n', [["Key", "Pool"], ['="00123"', "x"], ['="00124"', '="y"']]),
        # a blank beside a quotation mark is the file's
        ('"Key", "Pool"\n"A1", "Bauer, Eva"\n"A2" ,"x" \n', [["Key", "Pool"], ["A1", "Bauer, Eva"], ["A2", "x"]]),
        ('Course, Key, Pool\nann,  "A1, ""x""", Azure\n', [["Course", " Key", " Pool"], ["ann", 'A1, "x"', " Azure"]]),
        ('Key, Pool\n"A1"\t,x\n', [["Key", " Pool"], []]),
        ('Key, Pool\nA1, "x\ny"\nA2, z\n', [["Key", " Pool"], ["A1", "x\ny"], ["A2", " z"]]),
        # single quotation marks around every cell
        ("'Key','Pool'\n'A1','Bauer, Eva'\n'A2','O'Neil'\n'A3',''\n", [["Key", "Pool"], ["A1", "Bauer, Eva"], ["A2", "O'Neil"], ["A3", None]]),
        ("'Key';'Pool'\r\n'A1'; 'x;y'\r\n'it's';'a', 'b'\r\n", [["Key", "Pool"], ["A1", "x;y"], ["it's", "a', 'b"]]),
        ("Key,Pool\n'A1,x\n'A2,y\n", [["Key", "Pool"], ["'A1", "x"], ["'A2", "y"]]),
        # no delimiter at all
        ("Key^Pool\nA1^x\n", [["Key^Pool"], ["A1^x"]]),
        # other signs that end a line somewhere stand in a cell
        ("Key,Pool\nA\u20281,x\x85y\nA\x0b2,\x0c\n", [["Key", "Pool"], ["A\u20281", "x\x85y"], ["A\x0b2", "\x0c"]]),
    ],
)  # fmt: skip
def test_how_a_text_is_split(text: str, rows: list[list[Any]]) -> None:
    assert told(split(text)) == rows


@pytest.mark.parametrize(
    ("text", "rows", "damaged"),
    [
        # a quotation mark inside an unquoted cell
        ('Key,Pool\nA1"x, y"\nA2,"x, y"\n', [["Key", "Pool"], [], ["A2", "x, y"]], {1: DAMAGED}),
        ('Course,Key,Pool\nann,A1"x, y"\nbob,A2,"x, y"\n', [["Course", "Key", "Pool"], [], ["bob", "A2", "x, y"]], {1: DAMAGED}),
        ('Key,Pool\nA1,5" disk\nA2,x\n', [["Key", "Pool"], [], ["A2", "x"]], {1: DAMAGED}),
        ('Key,Pool\nA1,x"\nA2,"y"\n', [["Key", "Pool"], [], ["A2", "y"]], {1: DAMAGED}),
        # text behind a closing one
        ('Key,Pool\n"A1"x,y\n"A2",z\n', [["Key", "Pool"], [], ["A2", "z"]], {1: DAMAGED}),
        ('"Key","Pool"\n"A1" "x","y"\n"A2","z"\n', [["Key", "Pool"], [], ["A2", "z"]], {1: DAMAGED}),
        # rows of several lines and damaged ones in turn
        ('Key,Pool\nA1,"x\ny"\nA2,z"\n"A3","\n"\nA4"\nA5,w\n', [["Key", "Pool"], ["A1", "x\ny"], [], ["A3", "\n"], [], ["A5", "w"]], {2: DAMAGED, 4: DAMAGED}),
        # one that closes lines later, with what seem rows between
        ('Key,Pool,Course\nAA11,"C,x\nBB22,C",y\nCC33,C,z\n', [["Key", "Pool", "Course"], [], ["CC33", "C", "z"]],
         {1: "a quotation mark opened in line 2 closes in line 3, with what seem rows between"}),
        ('Key,Pool,Course\nAA11,C,x\nBB22,"C,x\nCC33,C,x\nDD44,C",y\nEE55,C,z\n', [["Key", "Pool", "Course"], ["AA11", "C", "x"], [], ["EE55", "C", "z"]],
         {2: "a quotation mark opened in line 3 closes in line 5, with what seem rows between"}),
        # what people write into a cell
        ('Key,Pool,Course\nAA11,C,"x, y\nand z, w"\nBB22,C,x\n', [["Key", "Pool", "Course"], ["AA11", "C", "x, y\nand z, w"], ["BB22", "C", "x"]], {}),
        ('Key,Pool,Course\nAA11,C,"x\ny\nz"\nBB22,C,x\n', [["Key", "Pool", "Course"], ["AA11", "C", "x\ny\nz"], ["BB22", "C", "x"]], {}),
    ],
)  # fmt: skip
def test_a_row_whose_quotation_marks_are_damaged_is_set_aside(
    text: str, rows: list[list[Any]], damaged: dict[int, str]
) -> None:
    grid = split(text)
    assert told(grid) == rows
    assert grid.damaged == damaged
    assert all(cells(grid)[place] == [None] * len(grid.columns) for place in damaged)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('Training Key,Course\n"AB12,C\nCD34,C\n', 2),
        ('Key,Pool\nA1,x\nA2,"y\n', 3),
        ('Key,Pool\nA1,"x\n"A2",y\n', 2),  # it seems to close where the next one opens
        ('Key,Pool\nA1,5" x"\nA2,"y', 3),
        ('"', 1),
    ],
)
def test_a_quotation_mark_that_is_not_closed_stops(text: str, line: int) -> None:
    with pytest.raises(
        UnreadableFile, match=f"^pools/a.csv: a quotation mark opened in line {line} is not closed"
    ) as problem:
        split(text)
    assert "AB12" not in str(problem.value)


ENCODED = [
    ("Training Key;Pool\nAB12CD34;Zürich\n".encode("cp1252"), None, r'line 2 is not UTF-8 \(AA99AA99;Aa?aaaa\)(?s:.*)\n\[files\."pools/a\.csv"\]\nencoding = "cp1252"\n'),
    ("Key\tPool".encode("utf-16-le"), None, "UTF-16 without its mark, or binary data"),
    (b"\x01\x02Key\x00,Pool", None, "holds binary data"),
    (b"Key,Pool\n" + b"A1,x\n" * 2000 + b"A2,\x00\n", None, "holds binary data: it is not a table"),
    (b"\xff\xfeK\x00e\x00y\x00", None, None),
    (b"\xff\xfeK\x00e\x00y", None, "line 1 is not utf-16"),
    (b"\xff\xfeK\x00e\x00\x00\x00", None, "holds binary data: it is not a table"),
    (b"Key,Pool\nA1,x\n", "klingon", '"klingon" is no encoding of text'),
    (b"Key,Pool\nA1,x\n", "rot13", '"rot13" is no encoding of text'),
    (b"Key,Pool\nA1,x\n", "base64", '"base64" is no encoding of text'),
    ("Key,Pool\nA1,Zürich\n".encode(), "cp1252", 'is UTF-8, and case.toml says encoding = "cp1252"'),
    ("Key,Pool\nA1,Zürich\n".encode("cp1252"), "ascii", "line 2 is not ascii"),
    *((b"Key,Pool\nA1,x\n", name, rf'is UTF-8, and case.toml says encoding = "{name}"\. Take that entry out, or name there') for name in ("utf-16", "utf-16-le", "utf-32")),
    ("Key,Pool\nA1,Zürich".encode("cp1252"), "utf-8", "line 2 is not utf-8"),
    (b"Key,Pool\nA1,x\n", "cp1252", None),
    ("Key,Pool\nA1,Zürich\n".encode("utf-8-sig"), "cp1252", None),
]  # fmt: skip


@pytest.mark.parametrize(("content", "encoding", "words"), ENCODED)
def test_an_encoding_is_never_guessed(content: bytes, encoding: str | None, words: str | None) -> None:
    if words is None:
        assert split(content, encoding).height > 0
        return
    with pytest.raises(UnreadableFile, match=words) as problem:
        split(content, encoding)
    assert "AB12CD34" not in str(problem.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Key,Pool\n" + "," * 16_384 + "\n", "has 16,385 cells in row 2: it is no table"),
        ("k" + ",k" * 20_000 + "\n", "has 20,001 cells in row 1: it is no table"),
        ("Key\n" + "\n" * 2_000_000 + "A1\n", "holds 2,000,002 lines, more than its size allows"),
        (
            ",".join(f"h{n}" for n in range(16_000)) + "\n" * 200_000 + "A1\n",
            "has rows of 16,000 cells, and 200,001 lines that are nearly blank",
        ),
        ("Key\r" + "\r" * 2_000_000 + "A1\r", "holds 2,000,002 lines, more than its size allows"),
    ],
)
def test_what_is_no_table_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        split(text)


def test_one_row_far_wider_than_the_others_is_damaged_and_widens_nothing() -> None:
    grid = split("Key,Pool\n" + "A1,x\n" * 20_000 + "A2" + ",x" * 9_000 + "\n" + "A3,y,z\n")
    assert grid.damaged == {20_001: "it has 9,001 cells, most rows have 2"}
    assert (grid.height, len(grid.columns)) == (20_003, 3)
    assert grid.row(20_002) == ["A3", "y", "z"]


def test_wide_tables_are_read() -> None:
    grid = split(
        "\n".join([",".join(f"h{n}" for n in range(16_384)), *[",".join(str(n % 7) for n in range(16_384))] * 3])
    )
    assert (grid.height, len(grid.columns)) == (4, 16_384)
    assert grid.row(3)[-3:] == [str(n % 7) for n in range(16_381, 16_384)]


def test_a_column_says_of_what_it_is() -> None:
    grid = split("Key,Pool,Note\n" + "".join(f"AB{n},P{n % 3},\n" for n in range(5_000)))
    assert all(isinstance(column.values, pa.Array) for column in grid.columns)
    assert [len(column.values) for column in grid.columns] == [5_001, 4, 1]
    assert grid.columns[2].codes.tolist() == [0, *[-1] * 5_000]


@pytest.mark.parametrize("seed", range(60))
def test_random_files_are_split_as_by_the_csv_module(seed: int) -> None:
    """Where quotation marks are in order, Python's own reader says what is right."""
    draw = random.Random(seed)  # noqa: S311
    delimiter, line_end = draw.choice(",;\t|"), draw.choice(("\n", "\r\n", "\r"))
    signs = (
        "",
        "",
        "A b",
        "ü東😀",
        "00123",
        "NA",
        delimiter,
        '"',
        "x\ny",
        "a\r\nb",
        " c ",
        "'d'",
        "=e",
        "\u2028",
        "f" * 300,
    )
    width = draw.randint(3, 6)
    header = ["Training Key", "Pool", "Course", "Redeemed By", "Note", "More"][:width]
    rows = [header] + [
        ["".join(draw.choices(signs, k=2)) for _ in range(width)] for _ in range(draw.choice((0, 30, 80)))
    ]
    for _ in range(draw.choice((0, 0, 3))):
        rows.insert(draw.randrange(1, len(rows) + 1), draw.choice((["x"], ["y"] * (width + 2), rows[-1] * 2)))
    text = io.StringIO(newline="")
    csv.writer(
        text, delimiter=delimiter, lineterminator=line_end, quoting=draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    ).writerows(rows)
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter))
    grid = text_grid(text.getvalue().encode(), "a.csv", KNOWN)
    given = [[cell or "" for cell in row] for row in told(grid)]
    for place, row in enumerate(expected):
        spaced = [cell.strip(" ") for cell in row]  # beside a quotation mark, a blank is the file's
        assert place in grid.damaged or given[place] == row or [cell.strip(" ") for cell in given[place]] == spaced
    assert len(grid.damaged) <= 0.1 * len(rows)
    assert len(given) == len(expected) or not any(expected[len(given) :])


LONG = {
    "one long line": "A" * 13_000_000 + "\nA1\n",
    "many cells": "Key," + "c," * 1_000_000,
    "one long cell": 'Key,Course\nA1,"' + "x\n" * 400_000 + '"\n',
    "rows of two lines": "Key,Pool\n" + '"A\n1",x\n' * 300_000,
    "damaged rows": "Key,Pool\n" + 'A1"x,yyyy\n' * 300_000,
    "rows of every width": "Key,Pool,Course\n" + "".join("A" + ",x" * (n % 7) + "\n" for n in range(300_000)),
    "only quotation marks": '"' * 3_000_000,
    "quotation marks and blanks": "Key,Pool\n" + ('"a" ' + " " * 50 + ',"b"\n') * 40_000,
    "blanks": "Key,Pool\n" + " " * 5_000_000 + '"x",y\n',
    "apostrophes": "'Key'\n" * 61 + "'a" * 2_000_000 + "'\n",
    "apostrophes and delimiters": "'Key'\n" * 61 + "'," * 8_000 + "'\n" + "','" * 5_000 + "\n",
    "wide rows": "\n".join(["k" + ",k" * 16_000] * 100),
    "codes in apostrophes": "'Key','Pool'\n" + "'AB12CD34','x'\n" * 200_000,
}


@pytest.mark.parametrize("kind", LONG)
def test_no_text_takes_long(kind: str) -> None:
    began = time.process_time()
    try:
        split(LONG[kind])
    except UnreadableFile as problem:
        assert len(str(problem)) < 2_000
    assert time.process_time() - began < 10


def test_a_mistake_of_the_splitter_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise pa.ArrowInvalid("AB12CD34")

    monkeypatch.setattr(texts.arrow_csv, "read_csv", fail)
    with pytest.raises(UnreadableFile, match=r"^pools/a.csv: cannot be split into rows\. Export it again\.$"):
        split("Key,Pool\nAB12CD34,x\n")


def test_the_patterns_know_every_line_end() -> None:
    assert re.findall(texts.LINE_END, b"a\r\nb\nc\rd") == [b"\r\n", b"\n", b"\r"]
