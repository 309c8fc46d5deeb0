"""One list of keys in many layouts: whatever stands around it, the keys and their redemptions are read as they are."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest
import xlsxwriter
from conftest import audit, verdicts
from reading import ROWS, codes, read, signs, workbook

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
KINDS = ("hexadecimal", "long", "dashes", "sku", "letters", "digits")
SHOWN = {  # how a pool export may show redemption → headers of that column
    "date": ("Redeemed", "Redeemed Date", "Redemption Date (UTC)", "Used On"),
    "flag": ("Redeemed", "Is Redeemed", "Used"),
    "status": ("Status", "Key Status", "State"),
    "learner": (),
    "headings": (),
    "tabs": (),
}
FLAGS = (("Yes", "No"), ("TRUE", "FALSE"), ("1", "0"), ("x", ""))
WORDS = (("Redeemed", "Available"), ("Used", "Unused"), ("Claimed", "Sent"))
BLANKS = ("", "NULL", "-", "N/A", "None", "0000-00-00")
FOOTERS = (
    "Total: 7",
    "Copyright (c) 2026 Contoso. All rights reserved.",
    "Confidential - do not pass on",
    "Page 1 of 1",
)
SETTINGS = {"Course": "AZ-900: Basics", "Organization": "Contoso", "Created": "2024-11-03", "Expires": "2026-12-31"}


def code(kind: str, chance: random.Random) -> str:
    """A code as one of the families has it."""
    return {
        "hexadecimal": lambda: f"{chance.getrandbits(32):08X}",
        "long": lambda: f"{chance.getrandbits(64):016X}",
        "dashes": lambda: "-".join("".join(chance.choices(ALPHABET, k=4)) for _ in range(3)),
        "sku": lambda: f"AZ-{chance.randrange(10**6)}",
        "letters": lambda: "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=8)),
        "digits": lambda: f"{chance.randrange(10**9):09d}",
    }[kind]()


def layout(chance: random.Random) -> tuple[dict[str, bool], str | ROWS | dict[str, ROWS]]:
    """Keys, whether each is redeemed, and a file that says so."""
    kind, shown = chance.choice(KINDS), chance.choice(list(SHOWN))
    keys = {code(kind, chance): chance.random() < 0.4 for _ in range(chance.choice((1, 2, 3, 8, 30)))}
    header = ["Training Key", *chance.sample([*SETTINGS, "Notes", "Lab Profile"], chance.randrange(6))]
    header += [chance.choice(SHOWN[shown])] if SHOWN[shown] else []
    if shown == "learner" or chance.random() < 0.3:
        header.append(chance.choice(("Redeemed By", "User", "Learner")))
    chance.shuffle(header)
    blank, flags, words = chance.choice(BLANKS), chance.choice(FLAGS), chance.choice(WORDS)

    def cell(column: str, key: str) -> str:
        is_redeemed = keys[key]
        if column in SETTINGS or column == "Training Key":
            return SETTINGS.get(column, key)
        if column in ("Notes", "Lab Profile"):
            return chance.choice(("", "x", "42", "n/a"))
        if column in ("Redeemed By", "User", "Learner"):
            return chance.choice(("Ann Lee", "Zoë Marsh")) if is_redeemed else blank
        if shown == "date":
            return f"2025-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}" if is_redeemed else blank
        return (flags if shown == "flag" else words)[not is_redeemed]

    def listed(some: list[str]) -> ROWS:
        rows: ROWS = [header]
        for key in some:
            rows.append([cell(column, key) for column in header])
            rows += [[""] * len(header)] if chance.random() < 0.05 else []
            rows += [header] if len(header) > 1 and chance.random() < 0.06 else []
        return rows

    def alone(text: str) -> list[str]:
        return [text, *[""] * (len(header) - 1)]

    open_ones, used = [key for key in keys if not keys[key]], [key for key in keys if keys[key]]
    if shown == "tabs":
        return keys, {"Unused Keys": listed(open_ones), f"Redeemed Keys ({len(used)})": listed(used)}
    rows = [alone("Exported by an administrator")] if chance.random() < 0.3 else []
    rows += [alone("")] if chance.random() < 0.2 else []
    if shown == "headings":
        lists = [(chance.choice(("Unredeemed Keys", "Unused Keys")), open_ones), ("Used Keys", used)]
        for heading, some in chance.sample(lists, 2):
            rows += [
                alone(heading + chance.choice(("", f" ({len(some)})", f": {len(some)}"))),
                *listed(some),
                alone(""),
            ]
    else:
        rows += listed(list(keys))
    is_filled = header[0] == "Training Key" and len(keys) > 1 and {*SETTINGS} & {*header}
    rows += [alone(chance.choice(FOOTERS))] if is_filled and chance.random() < 0.3 else []
    return keys, formed(rows, header, chance)


def formed(rows: ROWS, header: list[str], chance: random.Random) -> str | ROWS:
    """The rows as a workbook, or as a text in one of the forms that programs write."""
    form = chance.choice(("commas", "semicolons", "tabs", "workbook", "wrapped", "quoted", "padded"))
    if form == "workbook":
        return [[cell or None for cell in row] for row in rows]
    if form == "padded":
        widths = [max(len(row[place]) for row in rows) for place in range(len(header))]
        return "".join(
            ",".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows
        )
    if form == "wrapped":
        key = header.index("Training Key")
        rows = [[cell if cell in header or not row[key] else f'="{cell}"' for cell in row] for row in rows]
    text = io.StringIO()
    delimiter = {"semicolons": ";", "tabs": "\t"}.get(form, ",")
    quoting = csv.QUOTE_ALL if form == "quoted" else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("seed", range(150))
def test_a_list_is_read_whatever_its_layout(seed: int) -> None:
    keys, content = layout(random.Random(seed))  # noqa: S311 - the same layout each time
    export = read(content)
    assert dict(zip(codes(export), ("redeemed" in sign.split() for sign in signs(export)), strict=True)) == keys
    assert not any("unreadable" in sign for sign in signs(export))
    assert export.files[0].shows["redemption"] == "yes"


KEYS = "Training Key,Created,Redeemed,Expires"
USED, OPEN, OTHER = (
    "AB12CD34EF01,2025-05-13,2026-01-20,2026-12-31",
    "QX77CD34EF57,2025-05-13,,2026-12-31",
    "LMN4CD34EF99,2025-05-13,,2026-12-31",
)
SHIFTED = OPEN.replace("QX77CD34EF57,", "QX77CD34EF57,,")
STATES = {"AB12CD34EF01": "redeemed used", "QX77CD34EF57": "to_migrate yes", "LMN4CD34EF99": "to_migrate yes"}
UNKNOWN = dict.fromkeys(("AB12CD34EF01", "QX77CD34EF57"), "to_migrate unknown")
LOST = {key: state for key, state in STATES.items() if key != "QX77CD34EF57"}
LATER = f"{KEYS}\n{USED}\n{OTHER}\n"
BY_LEARNER = "Training Key,{},Learner,Expires\nAB12CD34EF01,2026-01-20,Ann,2026-12-31\nQX77CD34EF57,,Bob,2026-12-31\n"
STARTING = "Training Key,Redeemed,{},Expires\nAB12CD34EF01,2026-01-20,2026-05-01,2026-12-31\nQX77CD34EF57,,2026-05-01,2026-12-31\n"
ROW_LOST = {"damaged_row"}
READ: list[tuple[str, dict[str, str], dict[str, str], set[str]]] = [  # what it is, files (.xlsx: as a workbook), what the keys are, findings
    ("a column without a header over dates", {"p.csv": BY_LEARNER.format("")}, UNKNOWN, {"redemption_not_shown", "column_not_understood"}),
    ("the same in a workbook", {"p.xlsx": BY_LEARNER.format("")}, UNKNOWN, {"redemption_not_shown", "column_not_understood"}),
    ("a row shifted in a workbook", {"p.xlsx": "\n".join((KEYS, USED, SHIFTED, OTHER))}, LOST, ROW_LOST),
    ("a row shifted where a delimiter ends every line", {"p.csv": "\n".join((KEYS + ",", USED + ",", SHIFTED, OTHER + ","))}, LOST, ROW_LOST),
    ("a remark beside a row is none", {"p.xlsx": "\n".join((KEYS, USED, f"{OPEN},,ask Dana", OTHER))}, STATES, set()),
    ("a date that may have slid below another date's header", {"p.csv": f"Training Key,Created,Redeemed\n{USED[:-11]}\nQX77CD34EF57,,2025-05-13,\n"}, {"AB12CD34EF01": "redeemed used"}, ROW_LOST),
    ("a row shifted from its key on proves no absence", {"p.csv": "\n".join((KEYS, USED, OPEN, OTHER)), "pools-now/p.xlsx": f"{LATER},{OPEN}"}, STATES, ROW_LOST),
    ("lines with another delimiter prove no absence", {"p.csv": "\n".join((KEYS, USED, OPEN, OTHER)), "pools-now/p.csv": LATER + "\n".join((KEYS, OPEN)).replace(",", ";")}, STATES, {"damaged_row", "notes_set_aside"}),
    ("a copied worksheet", {"p.xlsx:Sheet1 (2)": f"{KEYS}\n{USED}", "q.xlsx:Sheet1 (2)": f"{KEYS}\n{OPEN}", "pools-now/p.xlsx:Copy of Sheet1": f"{KEYS}\n{USED}\n"}, {key: STATES[key] for key in UNKNOWN}, set()),
    ("an error where an assignment may be cancelled", {"p.csv": f"{KEYS}\n{OPEN}", "course-assignments/a.xlsx": "Payment Type,Student,Course,Created,Status\nQX77CD34EF57,Bob,AZ,2026-03-22,#REF!"}, {"QX77CD34EF57": "to_migrate yes"}, {"excel_damage"}),
    ("a note that names a code", {"p.csv": "\n".join((KEYS, USED, OPEN, "Note: QX77CD34EF57 was reissued,,,"))}, {key: STATES[key] for key in UNKNOWN}, {"notes_set_aside"}),
    ("a start under a header that is not understood", {"p.csv": STARTING.format("Starts"), "pools-now/p.csv": STARTING.format("Valid From")}, {"AB12CD34EF01": "redeemed used", "QX77CD34EF57": "to_migrate unknown"}, {"column_not_understood"}),
    ("a date of zeros with a zone", {"p.csv": f"{KEYS}\n{USED}\n{OPEN.replace(',,', ',0001-01-01T00:00:00+00:00,')}"}, {key: STATES[key] for key in UNKNOWN}, set()),
    ("an entity in capitals is a blank", {"p.csv": "Training Key,Learner,Expires\nAB12CD34EF01,Ann,2026-12-31\nQX77CD34EF57,&NBSP;,2026-12-31"}, {key: STATES[key] for key in UNKNOWN}, set()),
    ("a box of numbers beside the list", {"p.xlsx": "\n".join((KEYS, f"{USED},,Total,3", f"{OPEN},,Redeemed,1", f"{OTHER},,Open,2"))}, STATES, {"column_not_understood"}),
    ("marks right behind whole rows", {"p.xlsx": "\n".join((KEYS, f"{USED},x", OPEN, *(f"{OTHER[:11]}{n},2025-05-13,,2026-12-31" for n in range(9)))), "pools-now/p.xlsx": "\n".join((KEYS, f"{USED},5", OPEN, *(f"{OTHER[:11]}{n},2025-05-13,,2026-12-31" for n in range(8, -1, -1))))}, {**{f"LMN4CD34EF9{n}": "to_migrate yes" for n in range(9)}, **{key: STATES[key] for key in UNKNOWN}}, set()),
    ("whole rows that end in a delimiter", {"p.csv": "Training Key,Created,Redeemed\nAB12CD34EF01,2025-05-13,2026-01-20,\n" + "".join(f"USED1234567{n},2025-05-13,2026-01-2{n}\n" for n in range(5))}, {"AB12CD34EF01": "redeemed used", **{f"USED1234567{n}": "redeemed used" for n in range(5)}}, set()),
    ("words for dates where every line ends in a delimiter", {"p.csv": "\n".join((KEYS, f"{USED},", f"{OPEN},".replace("2025-05-13", "see mail"), f"{OTHER},"))}, STATES, {"unreadable_date"}),
    ("a date below the list is none of its columns", {"p.csv": f"{BY_LEARNER.format('').replace('2026-01-20', '')}Printed on:,2026-04-01,,"}, dict.fromkeys(UNKNOWN, "redeemed used"), {"notes_set_aside"}),
    ("lists of other columns below each other", {"p.xlsx": f"Training Key,Created\nLMN4CD34EF99,2025-05-13\n\n{KEYS}\n{USED}\n{OPEN}"}, {**dict.fromkeys(STATES, "to_migrate unknown"), "AB12CD34EF01": "redeemed used"}, {"redemption_not_shown"}),
    ("a zone behind a header", {"p.csv": f"{KEYS}\n{USED}\n{OPEN}".replace("Redeemed", "Redeemed (Pacific Time)")}, {key: STATES[key] for key in UNKNOWN}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("files", "states", "expected"), [case[1:] for case in READ], ids=[case[0] for case in READ])
def test_what_stands_where_it_should_not(
    files: dict[str, str], states: dict[str, str], expected: set[str], tmp_path: Path
) -> None:
    """What was not understood proves nothing, whatever it does to a row."""
    for name, text in ({"course-keys/c.csv": "Training Key,Expires,Uses\nZZTOP990001Q,2026-12-31,0"} | files).items():
        where, _, tab = name.partition(":")
        path = tmp_path / (where if "/" in where else f"pools-before/{where}")
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".xlsx":
            rows = [[cell or None for cell in line.split(",")] for line in text.splitlines()]
            workbook(path, {tab or "Sheet1": rows})
        else:
            path.write_text(text)
    result = audit(tmp_path, "2026-04-09")
    keys = result.keys[result.keys["in_before"] == "yes"]
    assert (
        dict(zip(keys["training_key"], keys["status"].astype("str") + " " + keys["works"].astype("str"), strict=True))
        == states
    )
    known = {
        "to_migrate",
        "input_missing",
        "pool_setting_unknown",
        "pool_not_reexported",
        "column_missing",
        "history_not_kept",
    }
    assert set(result.findings["code"].astype("str")) - known == expected


def test_a_column_without_a_header_can_be_named_in_the_case(tmp_path: Path) -> None:
    """The line that the finding gives, as it is given."""
    for name, text in {
        "pools-before/p.csv": BY_LEARNER.format(""),
        "course-keys/c.csv": "Training Key\nZZTOP990001Q",
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    findings = audit(tmp_path, "2026-04-09").findings.set_index("code")
    _, *lines = findings.loc["redemption_not_shown", "message"].splitlines()
    (tmp_path / "case.toml").write_text("\n".join(lines[:2]))
    assert verdicts(audit(tmp_path, "2026-04-09")) == {
        "AB12CD34EF01": "redeemed",
        "QX77CD34EF57": "to_migrate",
        "ZZTOP990001Q": "new",
    }


def test_a_merged_cell_s_value_holds_over_what_it_covers(tmp_path: Path) -> None:
    path = tmp_path / "pools-before" / "p.xlsx"
    path.parent.mkdir()
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate((("Training Key", "Redeemed", "Expires"), ("QX77CD34EF57",), ("LMN4CD34EF99",))):
            sheet.write_row(row, 0, cells)
        sheet.merge_range(1, 2, 2, 2, "2026-12-31")
        sheet.write_string(2, 2, "2020-01-01")
    keys = audit(tmp_path, "2026-04-09").keys
    assert set(keys["pool_expires_on"].astype("str")) == {"2026-12-31"}
