"""Every cell of a worksheet, whatever wrote it: the fast way and the slow way give the same, and what openpyxl gives."""

from __future__ import annotations

import datetime as dt
import io
import random
import string
import warnings
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter
from workbooks import MAIN, SHEET, book, cells, is_plain, told, told_tag_by_tag

from keyaudit.coded import Coded
from keyaudit.exports import parts
from keyaudit.exports.grid import Odd, Padded, cell_at, coded, column_letters
from keyaudit.exports.sheets import worksheets

HERE = Path(__file__).parent
SAMPLES = sorted((HERE.parent / "data" / "samples").rglob("*.xls[xm]"))
TRUTH = sorted((HERE / "truth").glob("*.zip"))


def rows_of(content: bytes) -> list[list[Any]]:
    (grid,) = worksheets(content, "a.xlsx")
    return cells(grid)


def typed(rows: Any) -> Any:
    """Cells with their types: 1 is neither True nor 1.0."""
    return [[(type(cell).__name__, cell) for cell in row] for row in rows]


# --- one cell ---

FORMATS = (
    "yyyy\\-mm\\-dd",
    "h:mm",
    "[h]:mm:ss",
    "00000000",
    "#,##0.00",
    "0&quot; days&quot;",
    "d/m/yyyy h:mm;@",
    "[$-409]mmm\\-yy",
)
DATE, CLOCK, DURATION, PADDED, MONEY, DAYS, MOMENT, MONTH = range(1, 9)
STRINGS = (
    "<si><t>first</t></si><si><t xml:space='preserve'> second </t></si><si><r><t>ri</t></r><r><rPr/><t>ch</t></r></si>"
    "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh><phoneticPr fontId='1'/></si><si><t/></si><si><t>a_x000D_b_x005F_x000D_&amp;</t></si>"
)
ONE_CELL = {
    '<c r="A1"><v>5</v></c>': 5.0,
    '<c r="A1" t="n"><v>1.5E+21</v></c>': 1.5e21,
    '<c r="A1"><v>-0.25</v></c>': -0.25,
    '<c r="A1"><v>abc</v></c>': Odd("a number that cannot be read"),
    '<c r="A1"><v>NaN</v></c>': Odd("a number that cannot be read"),
    '<c r="A1"><v>1e999</v></c>': Odd("a number that cannot be read"),
    '<c r="A1" t="b"><v>1</v></c>': True,
    '<c r="A1" t="b"><v>0</v></c>': False,
    '<c r="A1" t="e"><v>#N/A</v></c>': Odd("the error #N/A"),
    '<c r="A1" t="e"><v>#DIV/0!</v></c>': Odd("the error #DIV/0!"),
    '<c r="A1" t="e"><v>AB12CD34</v></c>': Odd("an error"),
    '<c r="A1" t="s"><v>0</v></c>': "first",
    '<c r="A1" t="s"><v>1</v></c>': " second ",
    '<c r="A1" t="s"><v>2</v></c>': "rich",
    '<c r="A1" t="s"><v>3</v></c>': "東京",
    '<c r="A1" t="s"><v>4</v></c>': None,
    '<c r="A1" t="s"><v>5</v></c>': "a\rb_x000D_&",
    '<c r="A1" t="str"><v>  AB12  </v></c>': "  AB12  ",
    '<c r="A1" t="inlineStr"><is><t>AB12 </t></is></c>': "AB12 ",
    '<c r="A1" t="inlineStr"><is><t xml:space="preserve"> AB12 </t></is></c>': " AB12 ",
    '<c r="A1" t="inlineStr"><is><r><t>AB</t></r><r><t>12</t></r></is></c>': "AB12",
    '<c r="A1" t="inlineStr"><is><t>A</t><rPh sb="0" eb="1"><t>B</t></rPh></is></c>': "A",
    '<c r="A1" t="inlineStr"><is><t>A&#38;B &lt;&#x42;&gt; &#x1F600;</t></is></c>': "A&B <B> 😀",
    '<c r="A1" t="inlineStr"><is><t>_xD83D__xDE00_ _xD83D_</t></is></c>': "😀 �",
    '<c r="A1" t="inlineStr"><is><t>first\nsecond</t></is></c>': "first\nsecond",
    '<c r="A1" t="inlineStr"><is><t>first\r\nsecond</t></is></c>': "first\nsecond",
    '<c r="A1" t="inlineStr"><is><t>a\x01b</t></is></c>': "a\x01b",
    '<c r="A1" t="inlineStr"><is><t> </t></is></c>': " ",
    '<c r="A1" t="str"><f>B1&amp;"x"</f><v>AB12</v></c>': "AB12",
    '<c r="A1"><f>B1*2</f><v>5</v></c>': 5.0,
    '<c r="A1"><f t="shared" ref="A1:A9" si="0">A9/2</f><v>7</v></c>': 7.0,
    '<c r="A1"><f t="shared" si="0"/><v>7</v></c>': 7.0,
    '<c r="A1" t="e"><f>NA()</f><v>#N/A</v></c>': Odd("the error #N/A"),
    '<c r="A1"><f>TODAY()</f></c>': Odd("a formula without a stored value"),
    '<c r="A1"><f>TODAY()</f><v/></c>': Odd("a formula without a stored value"),
    '<c r="A1"><f>TODAY()</f><v></v></c>': Odd("a formula without a stored value"),
    '<c r="A1"><f>TODAY()</f><v /></c>': Odd("a formula without a stored value"),
    '<c r="A1" t="str"><f>TODAY()</f></c>': Odd("a formula without a stored value"),
    '<c r="A1" t="str"><f>IF(B1="","",B1)</f><v></v></c>': None,
    '<c r="A1" t="str"><f>IF(B1="","",B1)</f><v/></c>': None,
    f'<c r="A1" s="{DATE}"><v>46121</v></c>': dt.date(2026, 4, 9),
    f'<c r="A1" s="{DATE}"><v>46121.5</v></c>': dt.datetime(2026, 4, 9, 12),
    f'<c r="A1" s="{DATE}"><v>46120.99999999999</v></c>': dt.date(2026, 4, 9),
    f'<c r="A1" s="{DATE}"><v>0</v></c>': 0.0,
    f'<c r="A1" s="{DATE}"><v>1</v></c>': dt.date(1900, 1, 1),
    f'<c r="A1" s="{DATE}"><v>59</v></c>': dt.date(1900, 2, 28),
    f'<c r="A1" s="{DATE}"><v>61</v></c>': dt.date(1900, 3, 1),
    f'<c r="A1" s="{DATE}"><v>-1</v></c>': -1.0,
    f'<c r="A1" s="{DATE}"><v>3000000</v></c>': 3_000_000.0,
    f'<c r="A1" s="{DATE}" t="s"><v>0</v></c>': "first",
    f'<c r="A1" s="{CLOCK}"><v>0.4375</v></c>': dt.time(10, 30),
    f'<c r="A1" s="{CLOCK}"><v>0</v></c>': dt.time(0, 0),
    f'<c r="A1" s="{DURATION}"><v>1.25</v></c>': dt.timedelta(hours=30),
    f'<c r="A1" s="{PADDED}"><v>745242</v></c>': Padded(745242.0, "00745242"),
    f'<c r="A1" s="{PADDED}"><v>7.5</v></c>': 7.5,
    f'<c r="A1" s="{MONEY}"><v>7.5</v></c>': 7.5,
    f'<c r="A1" s="{DAYS}"><v>7</v></c>': 7.0,
    f'<c r="A1" s="{MOMENT}"><v>46121.4375</v></c>': dt.datetime(2026, 4, 9, 10, 30),
    f'<c r="A1" s="{MONTH}"><v>46113</v></c>': dt.date(2026, 4, 1),
    '<c r="A1" s="99"><v>46113</v></c>': 46113.0,
    '<c r="A1" t="d"><v>2026-04-09</v></c>': dt.date(2026, 4, 9),
    '<c r="A1" t="d"><v>2026-04-09T00:00:00Z</v></c>': dt.date(2026, 4, 9),
    '<c r="A1" t="d"><v>2026-04-09T10:30:00</v></c>': dt.datetime(2026, 4, 9, 10, 30),
    '<c r="A1" t="d"><v>10:30:00</v></c>': dt.time(10, 30),
    '<c r="A1" t="d"><v>PT30H5M</v></c>': dt.timedelta(hours=30, minutes=5),
    '<c r="A1" t="d"><v>soon</v></c>': Odd("a date that cannot be read"),
    '<c r="A1" t="q"><v>1</v></c>': Odd("a cell of an unknown kind"),
    '<c t="s" s="1" r="A1"><v>0</v></c>': "first",
    "<c><v>5</v></c>": 5.0,
    '<c r="A1"><v>5</v><extLst><ext uri="x"><x14:id>9</x14:id></ext></extLst></c>': 5.0,
}  # fmt: skip


@pytest.mark.parametrize("xml", ONE_CELL)
def test_a_cell_is_what_its_xml_says(xml: str) -> None:
    content = book(f'<row r="1">{xml}</row>', strings=STRINGS, formats=FORMATS)
    assert typed(rows_of(content)) == typed([[ONE_CELL[xml]]])
    assert told(content) == told_tag_by_tag(content)


def test_cells_of_every_kind_in_one_column() -> None:
    """The column is put together kind by kind: every cell must find its row."""
    rows = [f'<row r="{n}">{xml}</row>' for n, xml in enumerate(ONE_CELL, 1)]
    for n in range(1, len(rows) + 1):  # each cell in its own row
        rows[n - 1] = rows[n - 1].replace('r="A1"', f'r="A{n}"')
    content = book("".join(rows), strings=STRINGS, formats=FORMATS)
    expected = [*ONE_CELL.values()]
    assert typed(rows_of(content)) == typed([[cell] for cell in expected])
    assert told(content) == told_tag_by_tag(content)


@pytest.mark.parametrize(
    ("settings", "serial", "day"),
    [("", 44659, dt.date(2022, 4, 8)), ('<workbookPr date1904="1"/>', 44659, dt.date(2026, 4, 9)), ('<workbookPr date1904="0"/>', 1, dt.date(1900, 1, 1))],
)  # fmt: skip
def test_days_are_counted_from_1900_or_1904(settings: str, serial: int, day: dt.date) -> None:
    assert rows_of(
        book(f'<row r="1"><c r="A1" s="1"><v>{serial}</v></c></row>', formats=FORMATS, settings=settings)
    ) == [[day]]


@pytest.mark.parametrize(("identity", "cell"), [(14, dt.date(2026, 4, 9)), (22, dt.date(2026, 4, 9)), (46, dt.timedelta(46121)), (9, 46121.0), (57, dt.date(2026, 4, 9))])  # fmt: skip
def test_number_formats_that_every_program_has(identity: int, cell: Any) -> None:
    styles = f'<styleSheet {MAIN}><dxfs><dxf><numFmt numFmtId="9" formatCode="yyyy"/></dxf></dxfs><cellXfs><xf numFmtId="{identity}"/></cellXfs></styleSheet>'
    content = book('<row r="1"><c r="A1" s="0"><v>46121</v></c></row>', parts={"xl/styles.xml": styles.encode()})
    assert rows_of(content) == [[cell]]


# --- rows and columns ---


def test_gaps_stay_gaps_and_a_row_is_the_row_of_the_sheet() -> None:
    content = book('<row r="3"><c r="B3"><v>1</v></c><c r="D3" s="0"/><c r="AB3" t="str"><v>x</v></c></row><row r="5" spans="1:3"/><row r="6"><c r="A6"><v>2</v></c></row><row r="9"></row>')  # fmt: skip
    (grid,) = worksheets(content, "a.xlsx")
    assert (grid.height, len(grid.columns)) == (6, 28)
    assert grid.row(2) == [None, 1.0, *[None] * 25, "x"]
    assert [grid.row(0), grid.row(3), grid.row(4)] == [[None] * 28] * 3
    assert grid.row(5) == [2.0, *[None] * 27]
    assert is_plain(content)
    assert told(content) == told_tag_by_tag(content)


def test_rows_and_cells_without_a_place_follow_each_other() -> None:
    content = book('<row><c><v>1</v></c><c/><c t="str"><v>x</v></c></row><row r="4"><c r="B4"><v>2</v></c><c><v>3</v></c></row><row><c><v>4</v></c></row>')  # fmt: skip
    assert rows_of(content) == [[1.0, None, "x"], [None] * 3, [None] * 3, [None, 2.0, 3.0], [4.0, None, None]]


def test_the_value_of_a_merged_cell_holds_for_every_row_that_has_cells_of_its_own() -> None:
    rows = [
        ["Pool", "Key", "Note"],
        ["Azure", "A1", None],
        [None, "A2", None],
        [None, None, None],
        [None, "A3", "x"],
        ["SQL", "A4", "y"],
    ]
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for span in ("A2:A5", "B1:C1", "C5:C9"):
        made.active.merge_cells(span)
    made.active["A4"].number_format = "0"
    content = io.BytesIO()
    made.save(content)
    (grid,) = worksheets(content.getvalue(), "a.xlsx")
    assert sorted(grid.merged) == [((0, 1), (0, 2)), ((1, 0), (4, 0)), ((4, 2), (8, 2))]
    expected = [
        ["Pool", "Key", None],
        ["Azure", "A1", None],
        ["Azure", "A2", None],
        [None] * 3,
        ["Azure", "A3", "x"],
        ["SQL", "A4", "x"],
    ]
    assert cells(grid) == expected


def test_merged_cells_that_overlap_or_reach_on_do_no_harm() -> None:
    spans = ("A1:A1000000", "A2:A3", "A1:B5", "C1:C2", "XFD1:XFD9", "B3:B2", "A1", "", "q:r")
    tail = "".join(f'<mergeCell ref="{span}"/>' for span in spans)
    tail = f"<mergeCells>{tail}</mergeCells>"
    content = book('<row r="1"><c r="A1"><v>1</v></c></row><row r="3"><c r="B3"><v>2</v></c></row>', tail=tail)
    assert rows_of(content) == [[1.0, None], [None, None], [1.0, 2.0]]


def test_hidden_rows_columns_and_sheets_are_counted() -> None:
    rows = '<row r="1" hidden="1" ht="3.5"><c r="A1"><v>1</v></c></row><row r="2" spans="1:2"><c r="B2"><v>1</v></c></row><row r="3" hidden="true"><c r="A3"><v>1</v></c></row><row r="4" hidden="0"><c r="A4"/></row><row r="9" hidden="1"></row>'
    content = book(rows, head='<cols><col min="2" max="16384" hidden="1"/><col min="1" max="1" hidden="0"/></cols>')
    (grid,) = worksheets(content, "a.xlsx")
    assert (grid.hidden_rows, grid.hidden_columns, grid.visible) == (2, 1, True)
    assert is_plain(content)
    assert told(content) == told_tag_by_tag(content)


def test_a_column_says_of_what_it_is() -> None:
    """Texts alone stay with Arrow; the many of a key column are not compared with each other."""
    rows = "".join(
        f'<row r="{n}"><c r="A{n}" t="str"><v>AB{n}</v></c><c r="B{n}" t="str"><v>C{n % 3}</v></c><c r="C{n}"><v>{n % 2}</v></c></row>'
        for n in range(1, 5001)
    )
    (grid,) = worksheets(book(rows), "a.xlsx")
    keys, courses, numbers = grid.columns
    assert isinstance(keys.values, pa.Array)
    assert [len(keys.values), len(courses.values), numbers.values] == [5000, 3, [1.0, 0.0]]
    assert keys.listed()[:2] == ["AB1", "AB2"]
    assert sorted(courses.listed()) == ["C0", "C1", "C2"]


@pytest.mark.parametrize(
    "texts", [["a", "", "b", "a"], [""], [], ["", "x"] * 3, [f"AB{n}" if n % 50 else "" for n in range(3000)]]
)
def test_texts_become_codes_and_an_empty_one_is_blank(texts: list[str]) -> None:
    told = coded(pa.array(texts, pa.large_string()))
    assert [told[row] for row in range(len(told))] == [text or None for text in texts]
    assert told.codes.max(initial=-1) < len(told.values)


@pytest.mark.parametrize(("place", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")])  # fmt: skip
def test_columns_by_letter(place: int, letters: str) -> None:
    assert column_letters(place) == letters
    assert cell_at(f"{letters}7") == (6, place)


def test_what_names_no_cell() -> None:
    assert [cell_at(name) for name in ("", "A", "7", "a1", "A1:B2", "AAAA1", "A12345678")] == [None] * 7


# --- whole workbooks, in both ways ---


def in_openpyxl(content: bytes) -> dict[str, list[list[Any]]]:
    """What openpyxl sees of a workbook, in our words; a formula without a value is blank to it, an error a text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    found = {}
    for sheet in made.worksheets:
        rows = [[_ours(cell.value, cell.data_type) for cell in row] for row in sheet.iter_rows()]
        found[sheet.title] = _trimmed(rows)
    return found


def _ours(value: Any, kind: str) -> Any:
    if kind == "e":
        return "an error"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    if isinstance(value, str):  # openpyxl leaves Excel's escapes
        return value.replace("_x000D_", "\r").replace("_x005F_", "_") or None
    return value


def _seen(cell: Any) -> Any:
    if isinstance(cell, Odd):
        return None if "formula" in cell.what else "an error"
    return cell.value if isinstance(cell, Padded) else cell


def _trimmed(rows: list[list[Any]]) -> list[list[Any]]:
    """Without the blank cells at the end of each row, and the blank rows at the end."""
    rows = [row[: max((n for n, cell in enumerate(row, 1) if cell is not None), default=0)] for row in rows]
    return rows[: max((n for n, row in enumerate(rows, 1) if row), default=0)]


def assert_same(content: bytes, against_openpyxl: bool = True) -> None:
    given = told(content)
    assert repr(given) == repr(told_tag_by_tag(content))
    if against_openpyxl:
        expected = in_openpyxl(content)
        assert not isinstance(given, str), given
        for name, rows, _, _, _, merged in given:
            if name in expected and not merged:
                assert _trimmed([[_seen(cell) for cell in row] for row in rows]) == expected[name]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_every_workbook_of_the_samples(path: Path) -> None:
    if path.name != "text inside.xlsx":
        assert_same(path.read_bytes())


@pytest.mark.parametrize("case", TRUTH, ids=lambda path: path.stem)
def test_every_workbook_of_the_cases_with_known_answers(case: Path) -> None:
    with zipfile.ZipFile(case) as files:
        for name in files.namelist():
            if name.endswith(".xlsx"):
                assert_same(files.read(name))


def test_the_samples_take_the_fast_way() -> None:
    """Otherwise the comparisons above compare one way with itself."""
    plain = [is_plain(path.read_bytes()) for path in SAMPLES if path.name != "text inside.xlsx"]
    assert len(plain) > 20
    assert sum(plain) > 0.9 * len(plain)


TEXTS = ("", " ", "AB12CD34", " AB12 ", "ü–東京😀", "a&b<c>\"d'", "_x000D_", "_x005F_", "line\nbreak", "NA", "TRUE", "00123", "=A1", "1E5")  # fmt: skip
NUMBERS = (5.0, 0.0, -1.5, 123456789012345.0, 1e21, 46121.0, 46121.4375)
MOMENTS = (dt.date(2026, 4, 9), dt.datetime(2026, 4, 9, 10, 30), dt.time(10, 30), dt.timedelta(hours=30))


def by_xlsxwriter(draw: random.Random) -> bytes:
    """Random cells of all types; texts in the cells or in a list of their own."""
    made = io.BytesIO()
    out = xlsxwriter.Workbook(made, {"in_memory": True, "constant_memory": draw.random() < 0.5, "strings_to_formulas": False, "strings_to_numbers": False, "date_1904": draw.random() < 0.1})  # fmt: skip
    codes = {
        dt.date: "yyyy-mm-dd",
        dt.datetime: "d/m/yyyy h:mm",
        dt.time: "h:mm",
        dt.timedelta: "[h]:mm",
        float: "0" * 10,
    }
    formats = {kind: out.add_format({"num_format": code}) for kind, code in codes.items()}
    colours = [out.add_format({"bg_color": f"#{n:06x}"}) for n in range(draw.choice((1, 90)))]
    for _ in range(draw.choice((1, 1, 3))):
        sheet = out.add_worksheet()
        for row in range(draw.choice((0, 1, 60))):
            if draw.random() < 0.1:
                sheet.set_row(row, draw.choice((None, 20)), None, {"hidden": draw.random() < 0.5})
            for column in range(draw.choice((1, 3, 8, 30))):
                cell = draw.choice((*TEXTS, *NUMBERS, *MOMENTS, True, False, "#N/A", "formula", "rich", None, None))
                if cell in ("#N/A", "formula") and isinstance(cell, str):
                    sheet.write_formula(row, column, "=B1/2", None, draw.choice(("#N/A", "", 7, "text", True)))
                elif cell == "rich":
                    sheet.write_rich_string(row, column, "one ", colours[0], "two", " & three")
                elif (
                    type(cell) in formats
                    and not isinstance(cell, bool)
                    and (type(cell) is not float or draw.random() < 0.3)
                ):
                    (sheet.write_number if type(cell) is float else sheet.write_datetime)(
                        row, column, cell, formats[type(cell)]
                    )
                elif isinstance(cell, str):
                    sheet.write_string(row, column, cell, draw.choice((None, *colours)))
                elif cell is None:
                    sheet.write_blank(row, column, None, draw.choice((None, *colours)))
                else:
                    sheet.write(row, column, cell)
    out.close()
    return made.getvalue()


def by_openpyxl(draw: random.Random) -> bytes:
    """The same; openpyxl writes every text into a list of their own."""
    out = openpyxl.Workbook(write_only=draw.random() < 0.3)
    sheet = out.create_sheet("Keys") if out.write_only else out.active
    for row in range(1, draw.choice((1, 2, 50))):
        drawn = [
            draw.choice((*TEXTS, *NUMBERS, *MOMENTS, True, False, None, "=B1", "#N/A"))
            for _ in range(draw.choice((1, 4, 30)))
        ]
        sheet.append(drawn)
        if not out.write_only and draw.random() < 0.1:
            sheet.row_dimensions[row].hidden = True
    made = io.BytesIO()
    out.save(made)
    return made.getvalue()


def by_hand(draw: random.Random) -> tuple[bytes, list[list[Any]]]:
    """XML as other programs write it, and the cells that stand in it."""
    strings = [text for text in TEXTS if "_x" not in text]
    prefix = draw.choice(("", "", "x:"))
    blank = draw.choice(("", "", "\n  "))
    first = draw.random() < 0.7  # does the place of a cell come first?
    rows, xml, last = [], [], 0
    width = draw.choice((1, 4, 30))
    for number in range(1, draw.choice((2, 40))):
        if draw.random() < 0.1:
            continue
        rows += [[None] * width for _ in range(number - last - 1)]
        row: list[Any] = [None] * width
        made = []
        for column in range(width):
            kind = draw.choice(("", "", "n", "s", "s", "str", "inlineStr", "rich", "b", "e", "f", "formula"))
            place = f'r="{column_letters(column)}{number}"'
            text = draw.choice(strings)
            number_ = draw.choice(("5", "-1.5", "1E+21", "0"))
            n = draw.randrange(len(strings))
            own = {"n": "", "rich": ' t="inlineStr"', "f": "", "formula": ""}.get(kind, f' t="{kind}"' if kind else "")
            own = place + own if first else f"{own.strip()} {place}".strip()
            body, cell = {
                "": ("", None),
                "n": (f"<v>{number_}</v>", float(number_)),
                "s": (f"<v>{n}</v>", strings[n] or None),
                "str": (f"<v>{escape(text)}</v>", text or None),
                "inlineStr": (f'<is><t xml:space="preserve">{escape(text)}</t></is>', text or None),
                "rich": (f"<is><r><t>{escape(text)}</t></r><r><t>x</t></r></is>", text + "x"),
                "b": ("<v>1</v>", True),
                "e": ("<v>#REF!</v>", Odd("the error #REF!")),
                "f": ("<f>A1+1</f><v>2</v>", 2.0),
                "formula": ("<f>A1+1</f>", Odd("a formula without a stored value")),
            }[kind]
            row[column] = cell
            made.append(f"<c {own}>{body}</c>" if body or draw.random() < 0.5 else f"<c {own}/>")
        tag = draw.choice(
            (f'r="{number}"', f'r="{number}" spans="1:9"', f'ht="12.75" r="{number}"', f'r="{number}" hidden="1"')
        )
        xml.append(f"<row {tag}>{blank}{blank.join(made)}{blank}</row>")
        rows.append(row)
        last = number
    items = "".join(f"<si><t xml:space='preserve'>{escape(text)}</t></si>" for text in strings)
    sheet = f"<worksheet {MAIN}><sheetData>{blank}{blank.join(xml)}{blank}</sheetData></worksheet>"
    if prefix:
        sheet = sheet.replace("</", "</" + prefix).replace("<", "<" + prefix).replace(f"<{prefix}/{prefix}", f"</{prefix}").replace("xmlns=", "xmlns:x=")  # fmt: skip
    content = book("", strings=items, parts={SHEET: sheet.encode()})
    return content, rows


@pytest.mark.parametrize("seeds", range(0, 80, 20))
def test_random_workbooks_of_xlsxwriter(seeds: int) -> None:
    for seed in range(seeds, seeds + 20):
        assert_same(by_xlsxwriter(random.Random(seed)), against_openpyxl=False)  # noqa: S311


@pytest.mark.parametrize("seeds", range(0, 40, 20))
def test_random_workbooks_of_openpyxl(seeds: int) -> None:
    for seed in range(seeds, seeds + 20):
        assert_same(by_openpyxl(random.Random(seed)))  # noqa: S311


@pytest.mark.parametrize("seeds", range(0, 100, 25))
def test_random_workbooks_made_by_hand(seeds: int) -> None:
    for seed in range(seeds, seeds + 25):
        content, expected = by_hand(random.Random(seed))  # noqa: S311
        (_, rows, *_) = told(content)[0]
        assert _trimmed(rows) == _trimmed(expected)
        assert_same(content, against_openpyxl=False)


@pytest.mark.parametrize("size", [40, 333, 5000])
def test_where_a_piece_ends_makes_no_difference(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [by_xlsxwriter(random.Random(7)), by_hand(random.Random(3))[0], book("", strings=STRINGS)]  # noqa: S311
    whole = [told(content) for content in contents]
    monkeypatch.setattr(parts, "PIECE", size)
    monkeypatch.setattr(parts, "LONGEST", 2 * size)
    assert repr([told(content) for content in contents]) == repr(whole)


def test_wide_sheets_reach_the_last_column() -> None:
    places = [0, 25, 26, 701, 702, 16383]
    row = "".join(f'<c r="{column_letters(place)}1"><v>{place}</v></c>' for place in places)
    content = book(f'<row r="1">{row}</row>')
    (grid,) = worksheets(content, "a.xlsx")
    assert len(grid.columns) == 16384
    assert [grid.columns[place][0] for place in places] == [float(place) for place in places]
    assert isinstance(grid.columns[5], Coded)
    assert is_plain(content)
    assert told(content) == told_tag_by_tag(content)


def test_alphabets_of_codes_are_kept(tmp_path: Path) -> None:
    """Every printable sign, and every line end that text files know, in a shared and in an inline text."""
    texts = [*string.printable.strip(), "\u2028", "\x85", "\x0b", "\u200b", "\ufeff", "\xa0"]
    made = openpyxl.Workbook()
    for text in texts:
        if text not in "\x0b":
            made.active.append([f"A{text}1"])
            made.active.cell(made.active.max_row, 1).data_type = "s"
    made.save(tmp_path / "a.xlsx")
    assert rows_of((tmp_path / "a.xlsx").read_bytes()) == [[f"A{text}1"] for text in texts if text != "\x0b"]
