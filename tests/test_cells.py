"""Dates in an order that is proven, names as a person compares them, codes that Excel has changed. (CATALOGUE §1, §2, §4, §6)"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from keyaudit.coded import TEXT, Coded, words_of
from keyaudit.exports.codes import BLANKS, INVISIBLE, excel_forms
from keyaudit.exports.dates import (
    TO_CLEAN,
    Order,
    bare,
    count_of,
    flag_of,
    is_blank,
    is_type,
    may_be,
    orders_of,
    proof_of,
    written,
)
from keyaudit.exports.evidence import _text
from keyaudit.exports.names import clean_name, fold_name, natural, pool_name, undated_name


def day(cell: object, day_first: bool | None) -> str:
    """The date of a cell, or why there is none."""
    found = Order(day_first).read(written(cell))
    return found if isinstance(found, str) else f"{found:%Y-%m-%d %H:%M:%S}".removesuffix(" 00:00:00")


@pytest.mark.parametrize(
    ("cell", "day_first", "expected"),
    [
        ("2026-04-03", None, "2026-04-03"),
        ("2026-04-03T00:00:00Z", None, "2026-04-03"),
        ("2026/4/3", None, "2026-04-03"),
        ("20260403", None, "unreadable"),
        ("2026-13-03", None, "unreadable"),
        ("13/04/2026", True, "2026-04-13"),
        ("4/13/2026 5:30 PM", False, "2026-04-13 17:30:00"),
        ("3.4.2026", True, "2026-04-03"),
        ("3 Apr 2026", None, "2026-04-03"),
        ("Apr 3, 2026", None, "2026-04-03"),
        ("03-Apr-26", None, "2026-04-03"),
        ("Fri, 3 April 2026", None, "2026-04-03"),
        ("Fri Sat 3 April 2026", None, "unreadable"),  # two days of the week: which is meant?
        ("Sept 3, 2026", None, "2026-09-03"),
        ("Marc 3, 2026", None, "unreadable"),
        ("9 marras 2026", None, "unreadable"),
        ("3/4/2026", None, "ambiguous"),
        ("7/7/2026", None, "2026-07-07"),
        ("31/31/2026", None, "unreadable"),
        ("12/13/2026", None, "ambiguous"),
        ("13/14/2026", None, "unreadable"),
        ("31/12/2026", False, "unreadable"),
        # a year may stand first
        ("26-05-31", None, "ambiguous"),
        ("31-12-26", None, "ambiguous"),
        ("31/12/26", True, "2026-12-31"),
        ("31-12-26", True, "2026-12-31"),
        # hours and minutes are not taken for each other
        ("2026-04-03 13:07", None, "2026-04-03 13:07:00"),
        ("2026-04-03 07:13:59", None, "2026-04-03 07:13:59"),
        ("2026-04-03T07", None, "2026-04-03 07:00:00"),  # whatever is ISO 8601
        ("2026-04-03T071359.5+0200", None, "2026-04-03 07:13:59"),
        ("3/4/2026 12:05 AM", True, "2026-04-03 00:05:00"),
        ("3/4/2026 12:05 PM", True, "2026-04-03 12:05:00"),
        ("3/4/2026 1:02:03 pm", True, "2026-04-03 13:02:03"),
        ("3/4/2026 13:60", True, "unreadable"),
        ("3/4/2026 24:01", True, "unreadable"),
        ("2026-04-03 10:00 +0200", None, "2026-04-03 10:00:00"),
        ("2026-04-03T10:00:00+02:00", None, "2026-04-03 10:00:00"),
        # no dates
        ("soon", None, "unreadable"),
        ("1926-04-03", None, "unreadable"),
        ("1999-12-31", None, "unreadable"),
        ("2000-01-01", None, "2000-01-01"),
        ("2100-12-31", None, "2100-12-31"),
        ("2101-01-01", None, "unreadable"),
        (46115, None, "unreadable"),
        (True, None, "unreadable"),
        (dt.date(2026, 4, 3), None, "2026-04-03"),
        (dt.datetime(2026, 4, 3, 13, 7, 0, 500, dt.UTC), None, "2026-04-03 13:07:00"),
    ],
)
def test_dates(cell: object, day_first: bool | None, expected: str) -> None:
    assert day(cell, day_first) == expected


@pytest.mark.parametrize(
    ("cell", "is_a_day"),
    [("13/4/2026", True), ("4/13/2026", True), ("13/14/2026", False), ("2026-04-03", True), ("2026-13-03", False)],
)
def test_what_may_be_a_date_in_some_order(cell: str, is_a_day: bool) -> None:
    assert may_be(written(cell)) == is_a_day


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["3/4/2026", "13/4/2026"], True),
        (["3/4/2026", "4/13/2026"], False),
        (["3/4/2026"], None),
        (["13/4/2026", "4/13/2026"], None),
        (["13/12/2026"], True),
        (["12/13/2026"], False),
        (["12/11/2026"], None),
        (["13/14/2026"], None),
        (["13-12-26"], None),
        (["31/31/2026", "7/7/2026"], None),
    ],
)
def test_an_order_is_proven_or_not_known(cells: list[str], order: bool | None) -> None:
    assert proof_of(map(written, cells)).order is order


def on(day: int, month: int) -> dt.datetime:
    """A cell that is a date already."""
    return dt.datetime(2026, month, day)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # a program made dates of the texts that its own order could read, and left those with a day over 12
        ([on(3, 4), "13/4/2026"], ["swapped", "2026-04-13"]),
        ([on(12, 4), "13/4/2026"], ["swapped", "2026-04-13"]),
        ([on(4, 4), on(3, 4), "13/4/2026"], ["2026-04-04", "swapped", "2026-04-13"]),  # 4 April is the same in both
        ([on(3, 4), "4/13/2026"], ["swapped", "2026-04-13"]),
        # it did not
        ([on(3, 4), on(13, 4), "13/4/2026"], ["2026-04-03", "2026-04-13", "2026-04-13"]),
        ([on(3, 4), "13/4/2026", "5/4/2026"], ["2026-04-03", "2026-04-13", "2026-04-05"]),
        ([on(3, 4), "4/4/2026"], ["2026-04-03", "2026-04-04"]),
        ([on(4, 4), "13/4/2026"], ["2026-04-04", "2026-04-13"]),
        ([on(3, 4)], ["2026-04-03"]),
    ],
)
def test_dates_that_a_program_may_have_swapped(cells: list[object], expected: list[str]) -> None:
    order = orders_of({"a": proof_of(map(written, cells))}, None)["a"]
    found = [order.read(written(cell)) for cell in cells]
    assert [one if isinstance(one, str) else f"{one:%Y-%m-%d}" for one in found] == expected


@pytest.mark.parametrize(
    ("columns", "swapped"),
    [
        ({"a": ["13/4/2026"], "b": [on(3, 4)]}, {"a": False, "b": True}),  # whoever opened a file opened all of it
        ({"a": ["13/4/2026"], "b": [on(3, 4)], "c": [on(13, 4)]}, {"a": False, "b": False, "c": False}),
        ({"a": ["13/4/2026", on(3, 4)], "b": [on(5, 4)], "c": [on(13, 4)]}, {"a": True, "b": True, "c": False}),
        ({"a": [on(3, 4)], "b": [on(5, 4)]}, {"a": False, "b": False}),
    ],
)
def test_the_columns_of_a_file_were_opened_together(columns: dict[str, list[object]], swapped: dict[str, bool]) -> None:
    orders = orders_of({name: proof_of(map(written, cells)) for name, cells in columns.items()}, None)
    assert {name: order.is_swapped for name, order in orders.items()} == swapped


@pytest.mark.parametrize(
    ("columns", "declared", "expected"),
    [
        # proven by the column, else by the other columns
        ({"a": ["13/4/2026"], "b": ["3/4/2026"]}, None, {"a": True, "b": True}),
        ({"a": ["12/4/2026"], "b": ["3/4/2026"]}, None, {"a": None, "b": None}),  # there are twelve months
        ({"a": ["13/4/2026"], "b": ["4/13/2026"], "c": ["3/4/2026"]}, None, {"a": True, "b": False, "c": None}),
        # declared, and contradicted
        ({"a": ["3/4/2026"]}, True, {"a": True}),
        ({"a": ["3/4/2026"]}, False, {"a": False}),
        ({"a": ["13/4/2026"], "b": ["3/4/2026"]}, True, {"a": True, "b": True}),
        ({"a": ["4/13/2026"], "b": ["13/4/2026"], "c": ["3/4/2026"]}, True, {"a": None, "b": True, "c": None}),
        ({"a": ["4/13/2026"], "b": ["3/4/2026"]}, True, {"a": None, "b": None}),
    ],
)
def test_the_columns_of_a_file_prove_each_other(
    columns: dict[str, list[str]], declared: bool | None, expected: dict[str, bool | None]
) -> None:
    orders = orders_of({name: proof_of(map(written, cells)) for name, cells in columns.items()}, declared)
    assert {name: order.day_first for name, order in orders.items()} == expected


def test_an_order_that_its_column_contradicts_is_said_of_that_column() -> None:
    columns: dict[str, list[object]] = {"a": ["4/13/2026"], "b": ["13/4/2026"], "c": ["3/4/2026"]}
    orders = orders_of({name: proof_of(map(written, cells)) for name, cells in columns.items()}, True)
    assert {name: order.is_contradicted for name, order in orders.items()} == {"a": True, "b": False, "c": True}


def test_a_part_of_a_second_is_dropped() -> None:
    assert written(dt.datetime(2026, 4, 3, 7, 13, 59, 500_000)) == dt.datetime(2026, 4, 3, 7, 13, 59)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        *(
            ("Yes", True),
            ("no", False),
            ("TRUE", True),
            ("0", False),
            (1.0, True),
            (0, False),
            ("x", True),
            (True, True),
        ),
        *(("ja", True), ("Nein", False), ("✓", True), (2, None), ("maybe", None), (None, None), ("", None)),
    ],
)
def test_flags(cell: object, expected: bool | None) -> None:
    assert flag_of(cell) is expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        *(("0 of 1", 0), ("12 von 20", 12), ("1.000", 1000), ("1 000", 1000), (7.0, 7), (0, 0), ("∞", np.inf)),
        *(("10.00", 10), ("10,0", 10), ("1,234,567", 1234567), ("1 day", 1), ("30 days", 30), ("Unlimited", np.inf)),
        *(("'5", 5), ("'12", 12), ('="3"', 3), ("'4'", 4), ("'", np.nan)),
        *(
            (-1, np.nan),
            (1, 1),
            (True, np.nan),
            (1.0, 1),
            ("1.5", np.nan),
            ("12 keys", np.nan),
            ("", np.nan),
            ("days", np.nan),
        ),
    ],
)
def test_counts(cell: object, expected: float) -> None:
    np.testing.assert_equal(count_of(cell), expected)


def test_a_flag_is_no_number_however_often_one_was_seen() -> None:
    assert [type(bare(cell)) for cell in (1, True, 1.0, 0, False, 0.0)] == [int, bool, float, int, bool, float]


def test_days_that_are_all_the_first_of_a_month_may_have_been_months() -> None:
    days = {1: True, 12: True, 13: False}
    assert {day: proof_of([dt.datetime(2026, 2, day)]).may_be_swapped for day in days} == days
    assert not proof_of([]).may_be_swapped


def test_an_apostrophe_alone_is_a_sign() -> None:
    assert [bare(cell) for cell in ("'", "'7", "' ", "''")] == ["'", "7", "'", ""]


def test_what_is_the_type_of_a_column() -> None:
    types = ("varchar(20)", "Text", "yyyy-mm-dd", "DATETIME", "yyyymmddhhmmss")
    assert [cell for cell in (*types, "Ana", "", "d", None, 7, dt.date(2026, 4, 1)) if is_type(cell)] == list(types)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        *(
            (None, True),
            ('=""', True),
            ("''", True),
            ('="0"', True),
            ('="1"', False),
            ("-", True),
            ("✓", False),
            ("'", True),
        ),
        *((dt.date(1, 12, 31), True), (dt.date(2, 1, 1), False), (dt.date(1904, 1, 1), True)),
        *((dt.date(1904, 1, 2), False), (dt.date(1899, 12, 30), True), (dt.date(1899, 12, 29), False)),
        *((dt.datetime(1899, 12, 31), True), (dt.datetime(1899, 12, 31, 0, 7), False)),
        *((dt.time(0, 0), True), (dt.time(0, 7), False), (dt.timedelta(), True), (dt.timedelta(1), False)),
        *((7, False), (True, False)),
    ],
)
def test_what_is_blank_beside_a_key(cell: object, expected: bool) -> None:
    """Nothing, a cell without a letter or digit, a date or a time of zeros: wrapped or not."""
    assert is_blank(cell) is expected


def test_whatever_nobody_sees_is_a_blank() -> None:
    """Every separator of Unicode, and what its names call of no width, a joiner, a filler or a direction; no sign that is seen."""
    named = (
        r"ZERO WIDTH|^WORD JOINER|GRAPHEME JOINER|HANGUL.*FILLER|^SOFT HYPHEN|VARIATION SELECTOR"
        r"|-TO-(LEFT|RIGHT) (MARK|EMBEDDING|OVERRIDE|ISOLATE)|INHERENT"
    )
    unseen = {sign for sign in map(chr, range(0x10000)) if unicodedata.category(sign) in ("Zs", "Zl", "Zp")}
    unseen |= {sign for sign in map(chr, range(0x10000)) if re.search(named, unicodedata.name(sign, ""))}
    assert unseen - set(BLANKS) == set()
    controls = [*range(32), 0x7F, 0x85]
    assert [sign for sign in BLANKS if unicodedata.category(sign) == "Cc"] == [chr(sign) for sign in controls]
    seen = ("L", "N", "P", "S")  # fillers and inherent vowels are letters and marks
    assert [
        sign for sign in BLANKS if unicodedata.category(sign)[0] in seen and "FILLER" not in unicodedata.name(sign)
    ] == []


# --- names ---


@pytest.mark.parametrize(
    ("file", "sheet", "name"),
    [
        ("pools/Azure.xlsx", "Sheet1", "Azure"),
        ("pools/Azure (1).xlsx", "Tabelle1", "Azure"),
        ("pools/Azure - Copy.csv", "", "Azure"),
        ("pools/Azure.tab", "", "Azure"),
        ("pools/Azure", "", "Azure"),
        ("pools/export 4.xlsx", "Azure", "Azure"),
        ("pools/export 4.xlsx", "\u200bAzure ", "Azure"),
        ("pools/Azure: What is next?.xlsx", "Azure What is next", "Azure: What is next?"),
        (
            "pools/Networking spring cohort for the whole organization.xlsx",
            "Networking spring cohort for th",
            "Networking spring cohort for the whole organization",
        ),
        ("pools/Azure.xlsx", "Redeemed Keys", "Azure"),
        ("pools/Azure (1).xlsx", "Azure (1)", "Azure"),  # Excel names the tab of a CSV by its file
        ("pools/Azure - Copy.xlsx", "Azure - Copy", "Azure"),
        ("pools/export 4.xlsx", "Azure (2024)", "Azure (2024)"),
        ("pools/Azure.xlsx", "Unredeemed Keys (12)", "Azure"),
    ],
)
def test_the_name_of_a_pool(file: str, sheet: str, name: str) -> None:
    assert pool_name(file, sheet) == name


TABS = """Sheet1 Tabelle1 Tabellenblatt1 Blatt_1 Feuil1 Feuille_1 Hoja1 Foglio1 Blad1 Planilha1 Plan1 Folha1 Página1 Ark1 Taul1 Taulukko1
Arkusz1 List1 Hárok1 Munka1 Munkalap1 Foaie1 Sayfa1 Лист1 Аркуш1 Φύλλο1 גיליון1 ورقة1 シート1 工作表1 시트1 Trang_tính1 แผ่น1 Lapa1 Lapas1
Leht1 Export_Worksheet Page_1 Sheet Worksheet Sheet_1_-_Table_1 Blatt_1_-_Tabelle_1 Feuille_1_-_Tableau_1 Export Results Data
Sheet_1_-_Table_1-1 TABELLE2 sheet_12"""


@pytest.mark.parametrize("tab", TABS.split())
def test_a_tab_that_a_program_named_names_no_pool(tab: str) -> None:
    assert pool_name("pools/Azure.xlsx", tab.replace("_", " ")) == "Azure"


@pytest.mark.parametrize(
    "tab", ["Sheet Metal", "Data Lakes", "Listening", "Plan B", "Arkansas", "Exports of 2026", "Lapland", "Page"]
)
def test_a_tab_that_a_person_named_names_a_pool(tab: str) -> None:
    assert pool_name("pools/Azure.xlsx", tab) == ("Azure" if tab == "Page" else tab)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Azure 2026-03-20", "azure"),
        ("Azure_20260320", "azure"),
        ("2026-03-20 Azure", "azure"),
        ("20.03.2026 - Azure", "azure"),
        ("Azure (20 Mar 2026)", "azure"),
        ("Azure March 20, 2026", "azure"),
        ("Azure 2026-03-20T10-15-00", "azure"),
        ("Azure - Copy (2)", "azure"),
        ("Copy of Azure 2026-03", "azure"),
        ("Kopie von Azure", "azure"),
        ("AZ-900", "az-900"),
        ("Cohort 2026", "cohort 2026"),
        ("Networking 2025-26", "networking 2025-26"),
        ("2026-03-20", "2026-03-20"),
        ("Copyright", "copyright"),
    ],
)
def test_names_match_without_a_date_or_copy_at_either_end(name: str, expected: str) -> None:
    assert undated_name(name) == expected


def test_names_compare_as_a_person_sees_them() -> None:
    for one, other in (
        ("\u200bAzure  Basics", "azure basics"),
        ("R&amp;D", "r&d"),
        ("Azure&nbsp;Basics", "AZURE BASICS"),
        ("Ａｚｕｒｅ", "azure"),
        ("Straße", "STRASSE"),
        ("soft\u00adware", "Software"),
    ):
        assert fold_name(one) == fold_name(other)
    assert clean_name("AT&T and B&B") == "AT&T and B&B"
    assert clean_name("A\x1b]0;B\x07 \u200b\x00\tC\nD") == "A]0;B C D"  # nothing of it steers a terminal


def test_numbers_in_names_compare_as_numbers() -> None:
    names = ["ck (10)", "ck (9)", "ck (1)", "ck 2026-04-05", "ck 2026-03-30", "CK (2)"]
    assert sorted(names, key=natural) == ["ck 2026-03-30", "ck 2026-04-05", "ck (1)", "CK (2)", "ck (9)", "ck (10)"]


# --- what Excel makes of a code ---


@pytest.mark.parametrize(
    ("code", "form"),
    [
        ("00123456", "123456"),
        ("478109E2", "47810900"),
        ("478109E2", "4.78109E+07"),
        ("478109E2", "4.78E+07"),
        ("6301190012345678901", "6301190012345670000"),
        ("6301190012345678901", "6.30119E+18"),
        ("7170000000000010", "7.17E+15"),  # sixteen digits that end in 0
        ("123456789012", "1.23457E+11"),  # twelve digits are too many for a cell
        ("MAR-2026", "Mar-26"),
        ("MAR-26", "2026-03-01"),
        ("MAR-26", "26-Mar"),
        ("mar1", "1-Mar"),
        ("3-SEPT-26", "2026-09-03"),
        ("3 September 2026", "2026-09-03"),
        ("1-MAR-26", "2026-03-01"),
        ("1-2", "2-Jan"),
        ("1-2", "1-Feb"),
        ("1-2", "2019-01-02"),  # the year in which somebody opened the file is not known
        ("1-2", "2027-01-02"),
        ("5/31", "31-May"),
        ("5/31", "May-31"),
        ("31-5", "31-May"),
        ("2026-5", "May-26"),
        ("31/5/26", "5/31/2026"),
        ("2026-05-31", "31-May-26"),  # three parts, the year first
        ("2026-5-31", "5/31/2026"),
        ("5/31/26", "31.05.2026"),
        ("3-MAR-99", "03.03.1999"),  # of two digits those from 30 on are of the last century,
        ("3-MAR-99", "03.03.2099"),  # or of this one, as Windows is set
        ("3-4-29", "2029-03-04"),
        ("3-4-30", "1930-03-04"),
        ("3-4-30", "2030-03-04"),
        ("3-4-2026", "2026-03-04"),
        ("MAR-45", "1945-03-01"),
        ("3-45", "2045-03-01"),
        ("45-03-02", "1945-03-02"),
        ("2026-5", "2026-05-01"),
        ("1900-1", "Jan-1900"),
        ("2100-12-31", "31-Dec-2100"),
        ("true", "TRUE"),
    ],
)
def test_excel_forms(code: str, form: str) -> None:
    assert form in set(excel_forms(code))


def test_excel_keeps_fifteen_digits() -> None:
    shown = [re.match(r"([\d.]+)E\+", form) for form in excel_forms("1234567890123457")]
    assert {len(found[1].replace(".", "")) for found in shown if found} == set(range(1, 16))


@pytest.mark.parametrize(
    "code",
    [
        "A1B2C3D4",
        "12345678",
        "12345678901",
        "2026-13-31",
        "1899-12-31",
        "2101-01",
        "3-MAR-100",
        "31-31",
        "QX7-0",
        "FEBFCAE5",  # begins like a month
        "38DECA47",
        "MARCHE26",
        "truely",
    ],
)
def test_codes_that_excel_leaves_alone(code: str) -> None:
    forms = set(excel_forms(code)) - {f"{code}.0"}
    assert not forms


def test_a_date_without_a_year_is_of_a_year_in_which_somebody_may_have_opened_the_file() -> None:
    days = {form for form in excel_forms("30-1") if re.fullmatch(r"\d{4}-01-30", form)}
    assert days == {f"{year}-01-30" for year in range(2019, 2028)}


# --- coded columns ---


@pytest.mark.parametrize("texts", [["ab", "cd", "aa"], ["ä", "xyz", "", "12345678", "123456789"], ["K" * 16] * 3])
def test_texts_as_words_sort_as_they_do(texts: list[str]) -> None:
    """Each padded with zeros to the longest; also some of them alone."""
    for own in (texts, texts[1:]):
        width = -(-max(len(text.encode()) for text in own) // 8) * 8
        padded = [text.encode().ljust(width, b"\0") for text in own]
        words = [[int.from_bytes(signs[at : at + 8]) for at in range(0, width, 8)] for signs in padded]
        assert words_of(pa.array(texts, TEXT).slice(len(texts) - len(own))).tolist() == words


def test_a_compact_column_keeps_what_its_rows_say() -> None:

    for values in (["a", "b", "c"], np.array([1.0, 2.0, 3.0]), pa.array(["a", "b", "c"], pa.large_string())):
        column = Coded(np.array([2, -1, 0, 2]), values)
        assert len(column.compact().values) == 2
        assert [column.compact()[row] for row in range(4)] == [column[row] for row in range(4)]
        assert column.compact().listed() == [column.listed()[place] for place in (0, 2)]


def test_of_many_names_the_odd_ones_are_read_as_of_few() -> None:
    """Names beyond a thousand are looked at by a pattern first: no row may tell the difference."""
    names = ["N/A", " x  y", "-", "ü\u200b", "Ann", "A&amp;B", '"Bo"', "null", "0"]
    many = pa.array([*names, *(f"Learner {n}" for n in range(2000))], TEXT)
    codes = np.array([*range(len(names)), 1500, -1, 2], dtype=np.int32)
    told = Coded(codes, many).map(_text, TO_CLEAN)
    expected = [None, "x y", None, "ü", "Ann", "A&B", "Bo", None, None, f"Learner {1500 - len(names)}", None, None]
    assert [told[row] for row in range(len(codes))] == expected
    assert None not in told.listed()
    few = Coded(codes[:9], many[:9]).map(_text, TO_CLEAN)
    assert [few[row] for row in range(9)] == expected[:9]


def test_what_is_stripped_is_what_is_invisible() -> None:
    assert set(BLANKS) == set(re.findall(f"[{INVISIBLE}]", "".join(map(chr, range(0x10000)))))
