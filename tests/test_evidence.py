"""What was not understood proves nothing: each kind of cell, and what is read from it. (CATALOGUE §1, §2, §6)"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from reading import ROWS, aside, codes, column, read, signs, told

from keyaudit.exports.codes import _typed_code
from keyaudit.exports.grid import Padded

REDEEMED, UNCLEAR, OPEN = "redeemed", "redemption_unreadable", ""
HEAD = "Training Key,Redeemed,Expires\n"


def of_cells(cells: list[Any], header: str = "Redeemed", **known: Any) -> list[str]:
    """What the cells of one column of a pool export say, the second column of a workbook."""
    rows: ROWS = [["Training Key", header, "Expires"]]
    rows += [[f"A1B2C3D{place}", cell, dt.date(2026, 12, 31)] for place, cell in enumerate(cells)]
    return [sign.replace(" without_learner", "") for sign in signs(read(rows, **known))]


BLANKS = [
    *(
        "NULL",
        "null",
        "N/A",
        "n.a.",
        "na",
        "nil",
        "None",
        "NaN",
        "NaT",
        "never",
        "Not redeemed",
        "not used",
        "undefined",
    ),
    *(
        "(blank)",
        "(NULL)",
        "(none)",
        "\\N",
        "&nbsp;",
        "invalid date",
        "-",
        "—",
        ".",
        "?",
        " \u00a0 ",
        '=""',
        "''",
        '" "',
    ),
    *("0000-00-00", "0000-00-00 00:00:00", "0001-01-01", "0001-01-01T00:00:00Z", "1/1/0001 12:00:00 AM", "01.01.0001"),
    *("12/30/1899 12:00:00 AM", "30.12.1899", "12/31/1899 0:00"),
    *("1/0/1900", "1/0/1900 0:00", "1900-01-00", "00.01.1900", "0", "00:00:00", 0, dt.time(0, 0)),
]


@pytest.mark.parametrize("cell", BLANKS)
def test_blank_words_and_dates_of_zeros_are_blank(cell: Any) -> None:
    """Beside a key that is redeemed for certain, such a cell says nothing; so in every column but the key's."""
    assert of_cells([cell, dt.date(2025, 6, 14)]) == [OPEN, REDEEMED]
    rows: ROWS = [["Training Key", "Redeemed By", "Course", "Expires"], ["A1B2C3D0", cell, cell, cell]]
    export = read([*rows, ["A1B2C3D1", "Ann", "C", "2026-12-31"]])
    assert signs(export) == ["", REDEEMED]
    assert [column(export, name)[0] for name in ("redeemed_by", "course", "expires_on")] == ["", "", ""]


@pytest.mark.parametrize("cell", ["01/01/1900", "01.01.1900 00:00", "31/02/2025", "45/45/2025", "10/20/2205"])
def test_what_is_no_day_of_the_calendar_in_any_order_proves_nothing(cell: str) -> None:
    assert of_cells([cell, dt.date(2025, 6, 14)]) == [UNCLEAR, REDEEMED]


@pytest.mark.parametrize("sign", ";\t")
def test_a_row_in_single_quotation_marks_may_end_in_a_blank_cell(sign: str) -> None:
    rows = [f"'A1B2C3{number}'{sign}'C'{sign}''" for number in range(10, 90)]
    export = read("\n".join([f"'Key'{sign}'Course'{sign}'Redeemed'", *rows, f"'A1B2C399'{sign}'C'{sign}", ""]))
    assert codes(export)[-2:] == ["A1B2C389", "A1B2C399"]


def test_a_key_is_told_to_be_padded_where_something_was_removed() -> None:
    export = read("Key,Course,Redeemed\nAB12CD34 ,C,\nÄB12CD35,C,\nAB12CD36,C,\n")
    assert codes(export) == ["AB12CD34", "ÄB12CD35", "AB12CD36"]
    assert [note.source_row for note in export.told if note.code == "padded_key"] == [2]


@pytest.mark.parametrize("role", ["pools_before", "course_keys"])
def test_a_wrapper_comes_off_the_codes_that_need_it_wherever_they_stand(role: str) -> None:
    for cells in (['="00123"', "AB12"], ["AB12", '="00123"']):
        rows = "".join(f"{cell};C;\n" for cell in cells)
        assert codes(read(f"Key;Course;Redeemed\n{rows}", role)) == [cell.strip('="') for cell in cells]


def test_an_apostrophe_before_every_cell_comes_off_every_cell() -> None:
    rows = "Key,Course,Redeemed,Expires\n'A1B2C3D4,'Lab,'2025-06-14,'2026-12-31\n'A1B2C3D5,'Lab,',''\n"
    export = read(rows)
    assert (codes(export), signs(export)) == (["A1B2C3D4", "A1B2C3D5"], ["redeemed", ""])
    assert [column(export, name) for name in ("course", "expires_on")] == [["Lab", "Lab"], ["2026-12-31", ""]]


@pytest.mark.parametrize("code", ["NA", "NULL", "TRUE", "none", "0001-01-01"])
def test_the_same_words_in_the_key_column_are_codes(code: str) -> None:
    assert codes(read(f"{HEAD}{code},,2026-12-31\nA1B2C3D4,,2026-12-31\n")) == [code, "A1B2C3D4"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2025-06-14", "", "14 Jun 2025"], [REDEEMED, OPEN, REDEEMED]),
        (["Yes", "No", "yes", "", "NO"], [REDEEMED, OPEN, REDEEMED, OPEN, OPEN]),
        (["TRUE", "FALSE", "FALSE", "", ""], [REDEEMED, OPEN, OPEN, OPEN, OPEN]),
        ([True, False, None], [REDEEMED, OPEN, OPEN]),
        ([1, 0, 0], [REDEEMED, OPEN, OPEN]),
        (["x", "", "X"], [REDEEMED, OPEN, REDEEMED]),
        (["✓", "", "✔"], [REDEEMED, OPEN, REDEEMED]),
        # a flag counts only where all filled cells are flags
        (["Yes", "2025-06-14", "No", ""], [UNCLEAR, REDEEMED, UNCLEAR, OPEN]),
        (["1", "2025-06-14", 0, ""], [UNCLEAR, REDEEMED, OPEN, OPEN]),
        # words of status
        (["Used", "Available", "Not redeemed", "2025-06-14"], [REDEEMED, OPEN, OPEN, REDEEMED]),
        # what nobody understands is not a redemption, and no proof that there is none
        (["by phone", "2025-06-14", ""], [UNCLEAR, REDEEMED, OPEN]),
        (["soon", "soon", ""], [UNCLEAR, UNCLEAR, OPEN]),
        ([46115, dt.date(2025, 6, 14)], [UNCLEAR, REDEEMED]),  # a number may be a date of either calendar system
        (["#N/A", dt.date(2025, 6, 14), "=TODAY()"], [UNCLEAR, REDEEMED, UNCLEAR]),
        (["1926-06-14", "2025-06-14"], [UNCLEAR, REDEEMED]),
        (["2099-12-31", "12/31/2079", "2025-06-14"], [UNCLEAR, UNCLEAR, REDEEMED]),  # filled in for nothing
        (["*", "", "●", "👍", "+", "-"], [UNCLEAR, OPEN, UNCLEAR, UNCLEAR, UNCLEAR, OPEN]),  # a mark may say something
        # a date is a redemption, whatever its order
        (["03/04/2025", ""], [REDEEMED, OPEN]),
    ],
)
def test_what_a_redemption_cell_says(cells: list[Any], expected: list[str]) -> None:
    assert of_cells(cells) == expected


def test_a_date_of_open_order_is_a_redemption_on_an_unknown_day() -> None:
    export = read(f"{HEAD}A1B2C3D4,03/04/2025,\n")
    assert (signs(export), column(export, "redeemed_at")) == (["redeemed"], ["?"])
    assert told(export) == ["ambiguous_dates"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *((word, REDEEMED) for word in ("Redeemed", "USED", "claimed", "Consumed", "Activated", "Completed")),
        *((word, OPEN) for word in ("Available", "Unredeemed", "unused", "Open", "New", "Active", "Undistributed", "")),
        *((word, "distributed") for word in ("Distributed", "sent", "Assigned", "Issued")),
        *((word, UNCLEAR) for word in ("Expired", "Verbraucht", "Yes", "2025-06-14", 1, "#N/A")),
    ],
)
def test_words_of_status(word: Any, expected: str) -> None:
    assert of_cells([word], "Status") == [expected]


def test_words_of_status_that_the_case_knows() -> None:
    known = {"redeemed_when": ("Verbraucht", "-"), "open_when": ("offen",)}
    assert of_cells(["verbraucht", "Offen", "-", "?"], "Zustand", columns={"key_status": "Zustand"}, **known) == [
        REDEEMED,
        OPEN,
        REDEEMED,
        OPEN,
    ]
    assert of_cells(["verbraucht", "Offen", "2025-06-14"], **known) == [REDEEMED, OPEN, REDEEMED]


def test_either_column_can_prove_a_redemption() -> None:
    text = "Key,Status,Redeemed\nA1,Available,2025-06-14\nA2,Redeemed,\nA3,Available,\nA4,what,2025-06-14\nA5,what,\n"
    assert signs(read(text)) == ["redeemed", "redeemed", "", "redeemed", UNCLEAR]


def test_each_unreadable_redemption_is_told_with_its_key_and_without_its_words() -> None:
    export = read(f"{HEAD}A1B2C3D4,Kim Park,\nA1B2C3D5,2025-06-14,\nA1B2C3D6,sold,\n")
    notes = [note for note in export.told if note.code == "redemption_unreadable"]
    assert [(note.training_key, note.source_row) for note in notes] == [("A1B2C3D4", 2), ("A1B2C3D6", 4)]
    assert all("Park" not in note.message and "sold" not in note.message for note in notes)
    assert all('redeemed_when = ["…"]' in note.message for note in notes)


# --- a learner is proof only where nothing else may be ---


@pytest.mark.parametrize(
    ("text", "shows", "expected"),
    [
        # nothing but the learner
        ("Key,Redeemed By\nA1,Ann\nA2,-\n", "yes", ["redeemed", ""]),
        ("Key,E-mail\nA1,ann@x.org\nA2,\n", "yes", ["redeemed", ""]),
        # beside a column that says when: an empty date is no redemption
        ("Key,Redeemed On,User\nA1,2025-06-14,Ann\nA2,,Bo\n", "yes", ["redeemed", "learner_without_date"]),
        ("Key,Status,User\nA1,Redeemed,Ann\nA2,Available,Bo\n", "yes", ["redeemed", "learner_without_date"]),
        ("Key,Status,User\nA1,Assigned,Ann\nA2,,Bo\n", "yes", ["distributed", "learner_without_date"]),
        # beside a column that may say so, and is not understood
        ("Key,Eingelöst am,User\nA1,2025-06-14,Ann\nA2,,Bo\n", "Eingelöst am", ["", ""]),
        ("Key,Claim Status,User\nA1,open,Ann\nA2,,Bo\n", "Claim Status", ["", ""]),
        ("Key,Usage,User\nA1,,Ann\nA2,,Bo\n", "Usage", ["", ""]),
        ("Key,Xyz,User\nA1,2025-06-14,Ann\nA2,,Bo\n", "Xyz", ["", ""]),  # its filled cells are dates
        ("Key,Xyz,User\nA1,red,Ann\nA2,,Bo\n", "yes", ["redeemed", "redeemed"]),
        # its header is a state, or its cells are words of status
        ("Key,Completed,User\nA1,x,Ann\nA2,,Bo\n", "Completed", ["", ""]),
        ("Key,Xyz,User\nA1,used,Ann\nA2,Open,Bo\n", "Xyz", ["", ""]),
        # no sign at all
        ("Key,Course\nA1,C\n", "no", [""]),
        ("Key,Notes\nA1,C\n", "no", [""]),
        # dates below a header that speaks of another date of ours: they may be that, if no column is
        ("Key,Erstellt am,User\nA1,2025-06-14,Ann\nA2,2025-06-14,\n", "Erstellt am", ["", ""]),
        ("Key,Created,Erstellt am,User\nA1,2025-01-01,2025-06-14,Ann\nA2,,,\n", "yes", ["redeemed", ""]),
        ("Key,Redeem By\nA1,2026-12-31\n", "no", [""]),
        # understood, and blank throughout, beside a column that speaks of it
        ("Key,Redeemed,Eingelöst am\nA1,,2025-06-14\n", "Eingelöst am", [""]),
        ("Key,Redeemed,Printed\nA1,,2025-06-14\n", "yes", [""]),
        ("Key,Redeemed,Eingelöst am\nA1,No,2025-06-14\n", "yes", [""]),
    ],
)
def test_a_learner_is_proof_only_where_nothing_else_may_be(text: str, shows: str, expected: list[str]) -> None:
    export = read(text)
    assert (export.files[0].shows["redemption"], signs(export)) == (shows, expected)
    told_of = [note for note in export.told if note.code == "redemption_not_shown"]
    assert len(told_of) == (shows != "yes")
    assert all(f'= "{shows}"' in note.message for note in told_of if shows != "no")


@pytest.mark.parametrize(
    ("learners", "expected"),
    [
        ("Ann|available|Unused|No|FALSE|not redeemed|Bo", "r.....r"),
        ("nobody|nobody|nobody|Ann|Bo", "???rr"),  # one text in most rows, where no cell is blank
        ("nobody|nobody|nobody||Bo", "rrr.r"),
        ("Ann|Ann|Ann", "rrr"),  # few
        ("Ann|Ann|Bo|Cy|Di", "rrrrr"),
    ],
)
def test_a_word_for_nobody_is_no_learner(learners: str, expected: str) -> None:
    """What is printed of it helps: said to mean open or redeemed, it does."""
    rows = [f"A1B2C3D{place},{learner}\n" for place, learner in enumerate(learners.split("|"))]
    text = f"Key,Redeemed By\n{''.join(rows)}"
    meant = {"r": REDEEMED, "?": UNCLEAR, ".": ""}
    assert signs(read(text)) == [meant[sign] for sign in expected]
    if "?" in expected:
        assert signs(read(text, redeemed_when=("nobody",))) == [REDEEMED] * 5
        assert signs(read(text, open_when=("Nobody",))) == ["", "", "", REDEEMED, REDEEMED]


def test_no_learner_has_redeemed_from_2050_on() -> None:
    text = "Training Key,Redeemed\nA1B2C3D1,2049-12-31\nA1B2C3D2,2050-01-01\nA1B2C3D3,\n"
    assert [sign.split()[0] if sign else "" for sign in signs(read(text))] == ["redeemed", "redemption_unreadable", ""]


def test_a_sign_of_no_limit_is_no_blank() -> None:
    export = read("Training Key,Max Uses,Uses\nA1B2C3D1,∞,3\nA1B2C3D2,—,—\n", "course_keys")
    assert [column(export, name) for name in ("max_uses", "uses")] == [["inf", ""], ["3", ""]]


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("E5F6", "damaged row: 1 cells, the header has 3"),
        ("E5F6\n", "damaged row: 1 cells, the header has 3"),
        ("2026", "note"),
        ("Exported by Ann", "note"),
        ("E5F6,,", "note"),
    ],
)
def test_a_text_file_that_ends_within_a_code_is_damaged_there(last: str, reason: str) -> None:
    export = read(HEAD + "A1B2C3D1,,2026-12-31\nA1B2C3D2,,2026-12-31\n" + last)
    assert (codes(export), aside(export)) == (["A1B2C3D1", "A1B2C3D2"], [(4, reason)])


@pytest.mark.parametrize(
    "row",
    [
        "Total,3,,",
        "Total keys:,3,1,",
        'Grand total,"3,000",,',
        "Azure Total,3,,",
        "Azure Count,3,,",
        "Gesamtergebnis,3,,",
    ],
)
def test_a_sum_in_the_key_column_beside_its_label_is_no_key(row: str) -> None:
    """At the end of a list or, as a spreadsheet groups rows, within it."""
    head, first, second = (
        "Pool,Training Key,Redeemed,Expires",
        "Azure,A1B2C3D1,,2026-12-31",
        "Linux,A1B2C3D2,,2026-12-31",
    )
    export = read("\n".join([head, first, row, second, row, ""]))
    assert (codes(export), aside(export)) == (["A1B2C3D1", "A1B2C3D2"], [(3, "totals"), (5, "totals")])
    workbook: ROWS = [head.split(","), first.split(","), ["Azure Total", 3], second.split(",")]
    assert codes(read(workbook)) == ["A1B2C3D1", "A1B2C3D2"]
    assert codes(read(f"{head}\nTotal Care,12345,,\nTotal Care,12346,,\nAzure,12347,,\n")) == [
        "12345",
        "12346",
        "12347",
    ]


def test_an_error_in_the_learner_column_is_not_blank() -> None:
    rows: ROWS = [["Key", "Redeemed By"], ["A1B2C3D1", "#N/A"], ["A1B2C3D2", None], ["A1B2C3D3", "Ann"]]
    export = read(rows)
    assert signs(export) == [UNCLEAR, "", "redeemed"]
    assert told(export) == ["excel_damage", "redemption_unreadable"]


def test_an_empty_export_shows_what_its_header_shows() -> None:
    export = read("Training Key,Course,Redeemed\n")
    assert (export.files[0].shows["redemption"], export.told) == ("yes", ())
    assert not [note for note in read("Training Key,Course\n").told if note.code == "redemption_not_shown"]


# --- headings of lists ---


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Redeemed Keys (2)", "redeemed without_learner"),
        ("Used Keys: 2", "redeemed without_learner"),
        ("USED KEYS", "redeemed without_learner"),
        ("Unredeemed Keys [2]", ""),
        ("Undistributed Keys - 2", ""),
        ("Distributed Keys (2):", "distributed"),
    ],
)
def test_a_heading_may_carry_a_count_or_a_colon(heading: str, expected: str) -> None:
    assert signs(read(f"{heading},\nTraining Key,Expires\nA1B2C3D1,\nA1B2C3D2,\n")) == [expected] * 2
    rows: ROWS = [["Training Key", "Expires"], ["A1B2C3D1", "2026-12-31"], ["A1B2C3D2", "2026-12-31"]]
    tab = read({heading.replace("[", "(").replace("]", ")").replace(":", ""): rows})
    assert (signs(tab), tab.tables[0].pool) == ([expected] * 2, "Azure")


def test_counts_of_all_lists_above_one_list_prove_nothing() -> None:
    export = read("Unredeemed Keys: 2\nRedeemed Keys: 1\n\nKey,Course\nA1B2C3D1,C\nA1B2C3D2,C\nA1B2C3D3,C\n")
    assert (signs(export), export.files[0].shows["redemption"]) == (["", "", ""], "no")


def test_a_count_that_is_not_the_number_of_keys_read_is_told() -> None:
    export = read("Redeemed Keys (3)\nKey,Course\nA1B2C3D1,C\nA1B2C3D2,C\n")
    assert told(export) == ["rows_unaccounted"]


def test_headings_may_be_the_only_headers() -> None:
    export = read("Unredeemed Keys,Redeemed Keys\nA1B2C3D1,A1B2C3D3\nA1B2C3D2,\n")
    assert codes(export) == ["A1B2C3D1", "A1B2C3D2", "A1B2C3D3"]
    assert signs(export) == ["", "", "redeemed without_learner"]
    stacked = read("Unredeemed Keys\nA1B2C3D1\n\nRedeemed Keys (1)\nA1B2C3D3\n")
    assert (codes(stacked), signs(stacked)) == (["A1B2C3D1", "A1B2C3D3"], ["", "redeemed without_learner"])


def test_a_learner_does_not_contradict_the_heading_of_a_list() -> None:
    export = read("Unredeemed Keys,\nKey,User\nA1B2C3D1,Ann\nUsed Keys,\nKey,User\nA1B2C3D2,Bo\n")
    assert signs(export) == ["learner_without_date", "redeemed"]


# --- errors and formulas without a value, numbers, flags ---


def test_an_error_cell_is_never_blank() -> None:
    rows: ROWS = [
        ["Training Key", "Course", "Expires", "Uses", "Max Uses", "Redeemable By Any Student"],
        ["A1B2C3D1", "#REF!", "#N/A", "#NAME?", "=1+1", "=1=1"],
        ["A1B2C3D2", "C", "2026-12-31", 0, 1, "No"],
    ]
    export = read(rows, "course_keys")
    assert [column(export, name) for name in ("course", "expires_on", "uses", "max_uses", "any_organization")] == [
        ["", "C"],
        ["?", "2026-12-31"],
        ["?", "0"],
        ["?", "1"],
        ["2", "0"],
    ]
    assert told(export) == ["excel_damage"] * 5
    assert {note.training_key for note in export.told} == {"A1B2C3D1"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        *(("0 of 1", "0"), ("3 / 5", "3"), ("0", "0"), (0, "0"), ("1,000", "1000"), ("5.0", "5"), ("180 days", "180")),
        *(("Unlimited", "inf"), ("-", ""), ("NULL", ""), ('="4"', "4"), ("many", "?"), (-1, "?"), (True, "?")),
    ],
)
def test_counts(cell: Any, expected: str) -> None:
    rows: ROWS = [["Training Key", "Uses", "Expires"], ["A1B2C3D1", cell, "2026-12-31"]]
    export = read(rows, "course_keys")
    assert column(export, "uses") == [expected]
    assert told(export) == (["column_missing"] if expected == "?" else [])


def test_a_recipient_that_is_an_error_is_somebody() -> None:
    rows: ROWS = [["Training Key", "Sent To"], ["A1B2C3D1", "#N/A"], ["A1B2C3D2", "-"], ["A1B2C3D3", "ann@x.org"]]
    assert column(read(rows, "distribution"), "distributed_to") == ["the error #N/A", "", "ann@x.org"]


# --- every cell, not only the key's ---

TABLE = [
    ["Training Key", "Course", "Redeemed", "Redeemed By", "Expires"],
    ["A1B2C3D0", "AZ-900", "2025-06-14", "Bauer, Eva", "2026-12-31"],
    ["A1B2C3D1", "AZ-900", "", "", "2026-12-31"],
    ["A1B2C3D2", "AZ-900", "", "", "2026-12-31"],
]
AROUND = {
    "formula around every cell": lambda cell: '"=""' + cell + '"""',
    "formula, headers bare": lambda cell: cell if cell in TABLE[0] else '"=""' + cell + '"""',
    "single quotation marks": lambda cell: f"'{cell}'",
    "double quotation marks": lambda cell: f'"{cell}"',
    "a blank before quotation marks": lambda cell: f' "{cell}"',
    "a blank behind quotation marks": lambda cell: f'"{cell}" ',
    "padding to a width": lambda cell: f'"{cell:24}"',
    "padding on the left": lambda cell: f'"{cell:>24}"',
    "zero-width signs": lambda cell: f'"\u200b{cell}\u200b"' if cell else '""',
}


@pytest.mark.parametrize("role", ["pools_before", "course_keys"])
@pytest.mark.parametrize("form", AROUND)
def test_what_stands_around_every_cell_comes_off_every_cell(form: str, role: str) -> None:
    text = "\r\n".join(",".join(AROUND[form](cell) for cell in row) for row in TABLE) + "\r\n"
    export = read(text, role)
    assert codes(export) == ["A1B2C3D0", "A1B2C3D1", "A1B2C3D2"]
    assert column(export, "course") == ["AZ-900"] * 3
    assert column(export, "redeemed_by") == ["Bauer, Eva", "", ""]
    assert column(export, "redeemed_at") == ["2025-06-14", "", ""]
    assert column(export, "expires_on") == ["2026-12-31"] * 3
    assert not export.files[0].padding_doubted
    assert set(told(export)) <= {"uniform_padding note"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rules_of_dashes_and_a_footer_of_a_database(delimiter: str) -> None:
    rows = [[f"{cell.replace(',', ''):24}" for cell in row] for row in TABLE]
    rule = ["-" * 24 for _ in TABLE[0]]
    text = "\n".join(delimiter.join(row) for row in [rows[0], rule, *rows[1:]]) + "\n\n(3 rows affected)\n"
    export = read(text, "course_keys")
    assert codes(export) == ["A1B2C3D0", "A1B2C3D1", "A1B2C3D2"]
    assert aside(export) == [(2, "rule"), (7, "note")]
    assert told(export) == ["uniform_padding note", "notes_set_aside note"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("\u200bAzure\u00ad Basics,R&amp;D&nbsp;Lab,Zoë&#39;s \u202aDad", ["Azure Basics", "R&D Lab", "Zoë's Dad"]),
        ("<b>Azure</b> Basics,R<br>D<br/>,<p>Zoë <z@x.org></p>", ["Azure Basics", "R D", "Zoë <z@x.org>"]),
        ('"<span class=""x"">Azure</span>",&lt;i&gt;Lab,<DIV>Zoë</DIV>', ["Azure", "Lab", "Zoë"]),
        ("C <3,a<b and c>d,<AZ-900>", ["C <3", "a<b and c>d", "<AZ-900>"]),  # signs of a name
    ],
)
def test_invisible_signs_entities_and_tags_in_names(cells: str, expected: list[str]) -> None:
    export = read(f"Key,Course,Organization,Redeemed By\nA1B2C3D1,{cells}\n")
    assert [column(export, name)[0] for name in ("course", "organization", "redeemed_by")] == expected


# --- padding of codes in course keys: perhaps it is in the TMS ---


@pytest.mark.parametrize(
    ("cells", "uses", "expected", "severity"),
    [
        (["AB12 ", "CD34 "], "0", ["AB12", "CD34"], "error"),
        (["AB12 ", "CD34 "], "1", ["AB12", "CD34"], "note"),
        (["\tAB12", "\tCD34"], "0", ["AB12", "CD34"], "error"),
        (["'AB12", "'CD34"], "0", ["AB12", "CD34"], "error"),
        (["A1B2C3D0        ", "0F1E2D3C4B5A6978"], "0", ["A1B2C3D0", "0F1E2D3C4B5A6978"], "error"),
        (["0F1E2D3C4B5A6978", "A1B2C3D0        "], "0", ["0F1E2D3C4B5A6978", "A1B2C3D0"], "error"),
        (['"=""AB12"""', '"=""CD34"""'], "0", ["AB12", "CD34"], "note"),
        (["AB12 "], "0", ["AB12 "], ""),  # one code says nothing of the file
        (["AB12 ", "CD3456"], "0", ["AB12 ", "CD3456"], ""),
        (["'-AB1", "CD34"], "0", ["-AB1", "CD34"], "note"),  # a guard against formulas
        (["'-AB1", "'CD34", "EF56"], "0", ["'-AB1", "'CD34", "EF56"], ""),
        *(
            ([f"{begin}{code}{end}" for code in ("AB12", "CD34")], uses, ["AB12", "CD34"], severity)
            for begin, end in ("[]", "<>", "()", "``", ("", ";"), ('"', ',"'), "**", "“”", ("• ", ""), ("<b>", "</b>"))
            for uses, severity in (("0", "error"), ("1", "note"))
        ),
        (["[AB12]", "CD34"], "0", ["[AB12]", "CD34"], ""),
        (["AB12;", "CD34;", "EF56"], "0", ["AB12;", "CD34;", "EF56"], ""),
        (["[AB12]"], "0", ["[AB12]"], ""),
    ],
)
def test_padding_in_course_keys(cells: list[str], uses: str, expected: list[str], severity: str) -> None:
    text = "Training Key,Name,Uses\n" + "".join(f"{cell},Set {i},{uses}\n" for i, cell in enumerate(cells))
    export = read(text, "course_keys")
    assert codes(export) == expected
    assert told(export) == ([f"uniform_padding {severity}"] if severity else [])
    assert export.files[0].padding_doubted is (severity == "error")
    assert "note" in "".join(told(read(text))) or not severity  # in a pool it is a note


@pytest.mark.parametrize("number", [1, 2])
def test_what_every_cell_of_a_file_ends_in_is_the_file_s(number: int) -> None:
    export = read(
        "Training Key ,Name ,Uses \n" + "".join(f"AB{n} ,Set {n} ,0 \n" for n in range(number)), "course_keys"
    )
    assert codes(export) == ["AB0", "AB1"][:number]
    assert (told(export), export.files[0].padding_doubted) == (["uniform_padding note"], False)


def test_the_text_of_a_cell_is_its_signs() -> None:
    """A blank at the end of a course key in a workbook counts, the padding of a pool does not."""
    rows: ROWS = [["Training Key", "Course"], ["A1B2C3D0 ", "C"], ["A1B2C3D1", "C"]]
    assert codes(read(rows, "course_keys")) == ["A1B2C3D0 ", "A1B2C3D1"]
    assert codes(read(rows)) == ["A1B2C3D0", "A1B2C3D1"]


# --- codes that are none ---


@pytest.mark.parametrize("sign", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028"])
def test_a_line_end_inside_a_code_has_one_reading(sign: str) -> None:
    text = f'Training Key,Pool\n"ABCD1234{sign}(sent to Kim)",P\nWXYZ5678,P\n'
    export = read(text)
    assert codes(export) == ["?", "WXYZ5678"]
    assert told(export) == ["excel_damage"]
    several = read(text.replace("(sent to Kim)", "ABCD1235"))
    assert (codes(several), told(several)) == (["?", "WXYZ5678"], ["several_keys_in_cell"])
    course = read(text, "course_keys")
    assert codes(course) == ["WXYZ5678"]
    assert [reason for _, reason in aside(course)] == ["not readable: a line end inside the code"]
    assert course.files[0].damaged == 1


@pytest.mark.parametrize("cell", ["4.78E+07", "1.23457E+12", "4,78E+07", "5E+120", "4.78109e+21"])
def test_an_exponent_in_a_pool_is_what_a_spreadsheet_has_made_of_a_code(cell: str) -> None:
    text = f'Training Key,Course\n"{cell}",C\nA1B2C3D4,C\n'
    export = read(text)
    assert (codes(export), told(export)) == (["?", "A1B2C3D4"], ["excel_damage"])
    assert codes(read(text, "course_keys")) == [cell, "A1B2C3D4"]
    assert codes(read("Training Key,Course\n478109E2,C\n4E7,C\n")) == ["478109E2", "4E7"]


@pytest.mark.parametrize("number", [1234567890123450, 1e15 + 0.0, 18472200])
def test_a_number_whose_last_digits_may_be_lost_is_no_code(number: float) -> None:
    """Sixteen digits that end in 0, or a number that ends in 00: a spreadsheet may have rounded it."""
    width = len(str(int(number)))
    rows: ROWS = [["Training Key"], *([f"{1 + n:0{width}d}"] for n in range(30)), [number]]
    assert codes(read(rows))[-1] == "?"


@pytest.mark.parametrize(
    ("width", "alike", "others", "number", "expected"),
    [
        (8, 20, 0, 18472210, "18472210"),
        (8, 19, 0, 18472210, "?"),  # fewer than 20 text keys have that width
        (8, 38, 2, 18472210, "18472210"),  # 95 %
        (8, 37, 2, 18472210, "?"),
        (8, 20, 0, 18472211.5, "?"),
        (15, 20, 0, 123456789012340, "123456789012340"),  # fifteen digits are kept
        (16, 20, 0, 1234567890123450, "?"),
        (16, 20, 0, 1234567890123455, "1234567890123455"),
    ],
)
def test_a_number_is_a_code_only_where_the_other_codes_prove_its_width(
    width: int, alike: int, others: int, number: float, expected: str
) -> None:
    texts = [f"{n + 1:0{width}d}" for n in range(alike)] + [f"{n:0{width + 1}d}" for n in range(others)]
    export = read([["Training Key", "Course"], *([text, "C"] for text in texts), [number, "C"]])
    assert (codes(export)[-1], told(export)) == (expected, ["excel_damage"])


def test_a_course_key_that_is_no_text_keeps_its_plain_form() -> None:
    rows: ROWS = [["Training Key", "Name"], ["A1B2C3D0", "E"], *([cell, "E"] for cell in (True, 7.0, 12.5, 1234567))]
    assert codes(read(rows, "course_keys")) == ["A1B2C3D0", "TRUE", "7", "12.5", "1234567"]
    assert codes(read(rows)) == ["A1B2C3D0", "?", "?", "?", "?"]


def test_a_number_that_its_format_pads_is_of_a_pool_the_code_it_shows_and_of_a_course_key_its_number() -> None:
    assert _typed_code(Padded(745242.0, "00745242"), "pool", {}) == (
        "00745242",
        "a number: its format pads it with zeros",
    )
    assert _typed_code(Padded(745242.0, "00745242"), "course", {}) == ("745242", "a number, not text")


# --- rows that are no keys, and the rows that are ---


@pytest.mark.parametrize(
    ("rows", "expected", "reasons"),
    [
        # footers
        (["A1B2C3D0,C,", "A1B2C3D1,C,", ",,", "Copyright (c) 2026 Contoso.,,", "Contoso,,"], 2, ["note", "note"]),
        (["A1B2C3D0,C,", "Stand: 01.04.2026,,", "2026-04-01,,", "12,,"], 1, ["note"] * 3),
        (["A1B2C3D0,C,", "Contoso"], 1, ["note"]),
        # a code is no footer
        (["A1B2C3D0,C,", "A1B2C3D9,,"], 2, []),
        (["A1B2C3D0,C,", "ABCDEFGH,,"], 2, []),
        (["A1B2C3D0,C,", "A1B2C3D9 (reserve),,"], 2, []),
        (["A1B2C3D0,C,2025-06-14", "A1B2C3D1,,", "A1B2C3D22,,"], 3, []),  # other rows fill one cell as well
        # pages, subtotals, groups in the middle
        (["A1B2C3D0,C,", "Page 1 of 2,,", "A1B2C3D1,C,", "Seite 2 von 2,,"], 2, ["number of a page"] * 2),
        (["A1B2C3D0,C,", "Subtotal,,", "A1B2C3D1,C,", "Gesamt,,"], 2, ["totals"] * 2),
        (["A1B2C3D0,C,", "Zwischensumme: 1,,1", "A1B2C3D1,C,", "Sous-total,,"], 2, ["totals"] * 2),
        (["A1B2C3D0,C,", "Team North,,", "A1B2C3D1,C,"], 2, ["note"]),
        # a block of sums
        (["A1B2C3D0,C,", "A1B2C3D1,C,", "Summary,,", "Redeemed,0,", "Unredeemed,2,"], 2, ["totals", "note", "note"]),
        # a key that is called like a total
        (["A1B2C3D0,C,", "Total-12,C,", "A1B2C3D1,C,"], 3, []),
    ],
)
def test_rows_that_are_no_keys_are_set_aside_and_said(rows: list[str], expected: int, reasons: list[str]) -> None:
    export = read("Training Key,Course,Redeemed\n" + "\n".join(rows) + "\n")
    assert len(export) == expected
    assert [reason for _, reason in aside(export)] == reasons
    assert told(export).count("notes_set_aside note") == ("note" in reasons)
    sheet: ROWS = [row.split(",") for row in rows]
    in_book = read([["Training Key", "Course", "Redeemed"], *([cell or None for cell in row] for row in sheet)])
    assert (codes(in_book), [reason for _, reason in aside(in_book)]) == (codes(export), reasons)


@pytest.mark.parametrize("role", ["pools_before", "course_keys", "distribution"])
def test_rows_of_checkboxes_are_blank_rows_told_once(role: str) -> None:
    text = "Training Key,Course,Opened\nA1B2C3D0,C,TRUE\n" + ",,FALSE\n" * 987
    export = read(text, role)
    assert codes(export) == ["A1B2C3D0"]
    assert {reason for _, reason in aside(export)} == {"no code, and no fact of ours"}
    assert told(export) == ["blank_key note"]
    assert any("987 rows" in note.message and "rows 3 to 989" in note.message for note in export.told)


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#NAME?"])
def test_the_text_of_an_error_is_no_code_of_a_pool_and_may_be_one_of_a_course_key(error: str) -> None:
    text = f"Training Key,Course\n{error},C\nA1B2C3D0,C\n"
    assert (codes(read(text)), told(read(text))) == (["?", "A1B2C3D0"], ["excel_damage"])
    assert codes(read(text, "course_keys")) == [error, "A1B2C3D0"]


def test_two_parts_are_two_codes_where_plain_codes_are_as_long() -> None:
    """A code with a foreign letter does not say how long codes are."""
    head = "Training Key,Course\n0F1E2D3C4B5A6978,C\n"
    assert codes(read(head + "ÄB12,C\nAB12 CD34,C\n"))[1:] == ["ÄB12", "AB12 CD34"]
    assert codes(read(head + "AB12,C\nAB12 CD34,C\n"))[1:] == ["AB12", "?"]


def test_a_row_without_a_code_but_with_a_fact_is_told() -> None:
    export = read("Training Key,Course,Opened\nA1B2C3D0,C,TRUE\n,C,\nA1B2C3D1,C,\n,,A1B2C3D2\n")
    assert aside(export) == [(3, "blank key"), (5, "blank key")]  # the last one holds a code under the wrong header
    assert told(export) == ["blank_key", "blank_key"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Azure,,2026-12-31", "damaged row: 3 cells, the header has 4"),
        (",A1B2C3D3,Azure,,2026-12-31", "damaged row: 5 cells, the header has 4"),
        ("A1B2C3D3,,Azure,,2026-12-31", "damaged row: 5 cells, the header has 4"),
        ("A1B2C3D3,Azure,West,,2026-12-31", "damaged row: 5 cells, the header has 4"),
        ("A1B2C3D3", "damaged row: 1 cells, the header has 4"),
        ("A1B2C3D3,Azure,Kim,2026,,", "damaged row: 6 cells, the header has 4"),
        ("A1B2C3D3,Azure,,2026-12-31,", ""),  # nothing can have shifted: a date stands in its place
    ],
)
def test_a_row_of_another_width_is_damaged_whatever_its_key_cell_holds(row: str, reason: str) -> None:
    body = "".join(f"A1B2C3E{n},Azure,,2026-12-31\n" for n in range(3))
    export = read(f"Training Key,Pool,Redeemed By,Expires\n{body}{row}\n{body.replace('E', 'F')}")
    assert len(export) == (6 if reason else 7)
    assert aside(export) == ([(5, reason)] if reason else [])
    assert export.files[0].damaged == bool(reason)


# --- files ---


@pytest.mark.parametrize(("rows", "is_told"), [(500, True), (1000, True), (999, False), (10_000, True), (1001, False)])
def test_an_export_of_a_round_number_of_rows_may_be_cut_off(rows: int, is_told: bool) -> None:
    export = read("Training Key,Redeemed\n" + "".join(f"C{n:07d},\n" for n in range(rows)))
    assert told(export) == (["export_cut"] if is_told else [])
