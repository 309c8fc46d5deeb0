"""The header of a sheet, the lists below and beside it, and what is said of a header that is not known. (CATALOGUE §3, §5, §6)"""

from __future__ import annotations

import re
import time
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from reading import ROWS, aside, codes, column, read, signs, told

import keyaudit as ka
from keyaudit.columns import aliases, column_named, list_heading
from keyaudit.errors import UnreadableFile
from keyaudit.exports.records import Export

# --- which row is the header, and what stands below it ---


@pytest.mark.parametrize(
    ("text", "expected", "set_aside"),
    [
        # a repeated header does not make what stands above it vanish
        ("Training Key,Kurs\nABCDEFGH,x\nA1B2C3D4,x\nTraining Key,Kurs\nA1B2C3D6,x\n", ["ABCDEFGH", "A1B2C3D4", "A1B2C3D6"], [4]),
        ("Code,Kurs\nA1B2C3D4,x\n\nCode,Kurs\nA1B2C3D6,x\n", ["A1B2C3D4", "A1B2C3D6"], [4]),
        # the word in another column of the data is none
        ("Code,Type\nABCDEFGH,Key\nA1B2C3D5,Key\nA1B2C3D6,Key\n", ["ABCDEFGH", "A1B2C3D5", "A1B2C3D6"], []),
        ("Code,Type\nABCDEFGH,Key\nIJKLMNOP,Key\n", ["ABCDEFGH", "IJKLMNOP"], []),
        # a title that is called like a header
        ("Training Keys;;\n;;\nNr;Beschreibung;Code\n1;x;A1B2C3D4\n2;y;A1B2C3D6\n", ["A1B2C3D4", "A1B2C3D6"], []),
        ("Training Keys,,\nContoso,,\nKey,Course,Redeemed\nA1B2C3D4,C,\n", ["A1B2C3D4"], []),
        # the key's header alone in its row: the other columns stay what they are
        ("Training Key,Redeemed Date\nA1B2C3D4,2026-03-01\nTraining Key,\nA1B2C3D6,2026-03-02\n", ["A1B2C3D4", "A1B2C3D6"], [3]),
        # a second list with other columns
        ("Key,Course\nA1B2C3D4,C\nKey,Redeemed\nA1B2C3D6,2026-03-02\n", ["A1B2C3D4", "A1B2C3D6"], [3]),
        ("Key,Course\nA1B2C3D4,C\nCourse,Key\nC,A1B2C3D6\n", ["A1B2C3D4", "A1B2C3D6"], [3]),
        # a code that reads like a header
        ("Key,Note\nA1B2C3D4,see Key\nKey,my note\nA1B2C3D6,x\n", ["A1B2C3D4", "Key", "A1B2C3D6"], []),
        # a list of words, a list without a key
        ("Key\nLAB KEY ONE\nLAB KEY TWO\n", ["LAB KEY ONE", "LAB KEY TWO"], []),
        ("Training Key,Course\nNo records found.,\n", [], [2]),
        ("Training Key\n", [], []),
    ],
)  # fmt: skip
def test_the_header_is_the_first_row_below_which_codes_stand(
    text: str, expected: list[str], set_aside: list[int]
) -> None:
    export = read(text)
    assert codes(export) == expected
    assert [row for row, _ in aside(export)] == set_aside


def test_a_header_alone_in_its_row_is_told_and_loses_no_date() -> None:
    export = read("Key,Redeemed\nA1B2C3D4,2026-03-01\nKey,\nA1B2C3D6,2026-03-02\n")
    assert (signs(export), told(export)) == (["redeemed"] * 2, ["header_as_key"])


@pytest.mark.parametrize(
    "text",
    ["Key,Course\nA1B2C3D4,C\n,Key\n,A1B2C3D6\n", "Key,Kurs\nA1B2C3D4,C\nNr,Key\n1,A1B2C3D6\n"],
)
def test_two_rows_that_could_be_the_header_are_shown_both(text: str) -> None:
    with pytest.raises(UnreadableFile, match=r"row 1 and row 3 could both be the header: .* column 1 and in column 2"):
        read(text)


@pytest.mark.parametrize(
    ("row", "is_told"),
    [
        ("Export 2026-03-20,,", False),
        ("Contoso,Keys,", False),
        ("A1B2C3D9,C,", True),
        ("see A1B2C3D9,,", True),
        ("ABCDEFGH,C,x", True),  # as wide as the header
        ("Remark,Key,", True),  # another header for the key: what stands below it is not read
        ("Training Key,,", False),  # a title
        ("Training Key,Dates,", False),  # the upper half of a header in two rows
    ],
)
def test_a_row_above_the_header_that_may_be_a_key_is_told(row: str, is_told: bool) -> None:
    export = read(f"{row}\nTraining Key,Course,Redeemed\nA1B2C3D4,C,\n")
    assert (codes(export), told(export)) == (["A1B2C3D4"], ["sheet_not_read"] if is_told else [])


@pytest.mark.parametrize(
    "text",
    [
        '"Training Key","Pool","Redeemed By"\n"1","A1B2C3D4","Azure",\n"2","A1B2C3D5","Azure",\n',
        "Training Key,Pool\nr1,A1B2C3D4,Azure\nr2,A1B2C3D5,Azure\n",
        "Pool,Training Key,Note\nx,Azure,A1B2C3D4,\ny,Azure,A1B2C3D5,\n",
    ],
)
def test_a_header_one_cell_narrower_than_every_row_is_refused(text: str) -> None:
    with pytest.raises(UnreadableFile, match=r"every row has \d cells and the header has \d") as problem:
        read(text)
    assert "A1B2" not in str(problem.value)


def test_a_delimiter_at_the_end_of_every_line_does_no_harm() -> None:
    assert codes(read("Training Key,Course\nA1B2C3D4,C,\nA1B2C3D5,C,\nTotal: 2\n")) == ["A1B2C3D4", "A1B2C3D5"]


# --- lists beside each other ---


@pytest.mark.parametrize(
    "text",
    [
        "Unredeemed Keys,,,Redeemed Keys (1),\nKey,Course,,Key,Course\nA1B2C3D4,C,,A1B2C3D6,C\nA1B2C3D5,C,,,\n",
        "Unredeemed Keys,,Redeemed Keys,\nKey,Course,Key,Course\nA1B2C3D4,C,A1B2C3D6,C\nA1B2C3D5,C,,\n",
        "Unredeemed Keys,Redeemed Keys\nA1B2C3D4,A1B2C3D6\nA1B2C3D5,\n",
    ],
)
def test_lists_beside_each_other(text: str) -> None:
    export = read(text)
    assert (codes(export), signs(export)) == (
        ["A1B2C3D4", "A1B2C3D5", "A1B2C3D6"],
        ["", "", "redeemed without_learner"],
    )


def test_a_heading_that_is_declared_loses_no_list_beside_it() -> None:
    text = "Undistributed Keys,Distributed Keys\nA1B2C3D4,A1B2C3D6\nA1B2C3D5,A1B2C3D7\n"
    export = read(text, columns={"training_key": "Undistributed Keys"})
    assert codes(export) == ["A1B2C3D4", "A1B2C3D5", "A1B2C3D6", "A1B2C3D7"]
    assert signs(export) == ["", "", "distributed", "distributed"]


@pytest.mark.parametrize(
    "text",
    [
        "Key,Redeemed By,,\nA1B2C3D4,ann,,\nA1B2C3D5,bob,Key,Redeemed By\nA1B2C3D6,cid,ZZ99ZZ99,zoe\n",
        "Key,Redeemed By,,,\nA1B2C3D4,ann,,,\nA1B2C3D5,bob,Nr,Key,Redeemed By\nA1B2C3D6,cid,1,ZZ99ZZ99,zoe\n",
    ],
)
def test_a_list_that_begins_beside_the_first_further_down(text: str) -> None:
    export = read(text)
    assert codes(export) == ["A1B2C3D4", "A1B2C3D5", "A1B2C3D6", "ZZ99ZZ99"]
    assert column(export, "redeemed_by") == ["ann", "bob", "cid", "zoe"]
    assert aside(export) == [(3, "header of a list")]


@pytest.mark.parametrize("heading", ["Undistributed Keys,,", "Undistributed Keys"])
def test_below_a_heading_a_row_of_headers_is_no_key(heading: str) -> None:
    """The key's header is not known: it is asked for, and never becomes a code."""
    rows = "0A5717491BCD2233,AZ-800,2026-12-31\n0A5717492BCD2233,AZ-800,2026-12-31\n"
    with pytest.raises(UnreadableFile, match=r'columns = \{ training_key = "Lizenzschlüssel" \}'):
        read(f"{heading}\nLizenzschlüssel,Course,Expires\n{rows}")
    assert len(read(f"{heading}\nTraining Key,Course,Expires\n{rows}")) == 2


def test_lists_beside_each_other_without_headings() -> None:
    export = read("Key,Course,,Key,Course\nA1B2C3D4,C,,A1B2C3D6,D\n")
    assert (codes(export), column(export, "course")) == (["A1B2C3D4", "A1B2C3D6"], ["C", "D"])
    with pytest.raises(UnreadableFile, match="two headers for one column"):
        read("Key,Training Key\nA1B2C3D4,A1B2C3D6\n")


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("Key,Old\nA1B2C3D4,B1B2C3D4\nA1B2C3D5,B1B2C3D5\n", True),
        ("Key,\nA1B2C3D4,B1B2C3D4\nA1B2C3D5,B1B2C3D5\n", True),
        ("Key,Old\nA1B2C3D4,B1B2\nA1B2C3D5,B1B3\n", False),  # not as long as the codes
        ("Key,Day\nA1B2C3D4EF,2026-04-01\nA1B2C3D5EF,2026-04-02\n", False),
        ("Key,Price\nA1B2,1200\nA1B3,1300\n", False),
    ],
)
def test_a_second_column_of_codes_is_told(text: str, is_told: bool) -> None:
    assert told(read(text)) == (["sheet_not_read"] if is_told else [])


# --- lists below each other, pools under titles ---


def test_lists_under_headings_nobody_knows_ask_for_the_pool_and_are_all_read() -> None:
    """Their keys are read; whether they are redeemed is not known, whatever the headings may say."""
    text = "Eingelöste Schlüssel,\nSchlüssel,Kurs\nABCDEFGH,x\n,\nOffene Schlüssel,\nSchlüssel,Kurs\nA1B2C3D6,x\n"
    known: dict[str, Any] = {"columns": {"training_key": "Schlüssel"}}
    with pytest.raises(UnreadableFile, match=r'(?s)row 5 a second list begins.*\npool = "…"'):
        read(text, **known)
    export = read(text, pool="Azure", **known)
    assert (codes(export), export.files[0].shows["redemption"]) == (["ABCDEFGH", "A1B2C3D6"], "no")


@pytest.mark.parametrize("title", ["Eingelöste Schlüssel", "Redeemed Keys 1 of 3", "Keys that were redeemed"])
def test_a_title_nobody_knows_ends_what_the_heading_above_proves(title: str) -> None:
    text = f"Unredeemed Keys (1),\nKey,Course\nA1B2C3D4,x\n,\n{title},\nKey,Course\nA1B2C3D5,x\n"
    with pytest.raises(UnreadableFile, match='write "Redeemed Keys" or "Unredeemed Keys" in its place'):
        read(text)
    assert read(text, pool="Azure").files[0].shows["redemption"] == "no"
    followed = read(text.replace(title, "Redeemed Keys"))
    assert (followed.files[0].shows["redemption"], signs(followed)) == ("yes", ["", "redeemed without_learner"])


def test_a_row_narrower_than_the_key_column_is_no_error() -> None:
    export = read("Pool,Training Key\nAzure,A1B2C3D4\nLinux\nPool,Training Key\nLinux,A1B2C3D5\n")
    assert (codes(export), column(export, "pool")) == (["A1B2C3D4", "A1B2C3D5"], ["Azure", "Linux"])
    assert aside(export) == [(3, "title of a list"), (4, "repeated header")]


def test_every_row_below_the_first_header_is_accounted_for() -> None:
    text = "Key,Course\nA1B2C3D4,C\nTotal: 1,\nKey,Course\n\nPage 1,\nA1B2C3D5,C\n,\n,x\nKey,Course\nA1B2C3D4,C\nNote below,\n"
    file = read(text).files[0]
    assert (file.rows_read, file.keys, file.repeats, file.set_aside) == (9, 2, 1, 6)


# --- headers ---


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *(("Redeemed (UTC)", "redeemed_at"), ("Redeemed Date/Time", "redeemed_at"), ("Redemption Date [CEST]", "redeemed_at")),
        *(("Expires (dd/mm/yyyy)", "expires_on"), ("Created (Europe/Berlin)", "created_at"), ("Expires (UTC+2)", "expires_on")),
        *(("Redeemed By (Email)", "redeemed_by"), ("Is Redeemed (Y/N)", "redeemed_at"), ("KEY_CODE:", "training_key")),
        *(("Redeemed On", "redeemed_at"), ("Claimed By", "redeemed_by"), ("State", "key_status"), ("Valid Until", "expires_on")),
        *(("Key (old)", None), ("Course (2)", None), ("Redeemed by phone", None), ("Key/Course", None)),
    ],
)  # fmt: skip
def test_a_unit_or_a_zone_does_not_make_another_header(header: str, expected: str | None) -> None:
    assert column_named(header, aliases("pools_before")) == expected


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        *(("Redeemed Keys (2)", "redeemed"), ("Used Keys: 14", "redeemed"), ("12 Unused Keys", "unredeemed")),
        *(
            ("Distributed Keys", "distributed"),
            ("Redeemed", ""),
            ("Total Redeemed Keys", ""),
            ("Redeemed Keys of Kim", ""),
        ),
    ],
)
def test_headings_of_lists(heading: str, expected: str) -> None:
    assert list_heading(heading) == expected


# --- columns that no role uses ---


def unused(export: Export, untold: str | None = None) -> dict[str, tuple[str, str]]:
    """Header → the fact it may be, and the severity with which it is told."""
    severities = {
        note.message.split('"')[1]: note.severity for note in export.told if note.code == "column_not_understood"
    }
    severities = severities if untold is None else defaultdict(lambda: untold, severities)
    return {h.header: (h.may_be, severities[h.header]) for h in export.headers if not h.column}


@pytest.mark.parametrize(
    ("role", "text", "expected"),
    [
        ("pools_before", "Key,Eingelöst am,Kurs,Bemerkung\nA1,2025-06-14,C,x\n",
         {"Eingelöst am": ("redeemed_at", "warning"), "Kurs": ("course", "warning"), "Bemerkung": ("", "note")}),
        ("pools_before", "Key,Redeemed,Kurs,Course\nA1,2025-06-14,C,D\n", {"Kurs": ("", "note")}),
        ("pools_before", "Key,Redeemed,Kurs,Course\nA1,2025-06-14,C,NULL\n", {"Kurs": ("course", "warning")}),
        ("pools_before", "Key,Zustand,Gültig bis\nA1,offen,2026-12-31\n",
         {"Zustand": ("key_status", "warning"), "Gültig bis": ("expires_on", "warning")}),
        ("course_keys", "Key,Nutzungen,Ablauf,Max. Anzahl\nA1,0,31.12.2026,1\n",
         {"Nutzungen": ("uses", "warning"), "Ablauf": ("expires_on", "warning"), "Max. Anzahl": ("max_uses", "warning")}),
        ("course_keys", "Key,Cost Center\nA1,42\n", {"Cost Center": ("", "note")}),
        ("pools_before", "Key,Redeemed By,Expires,Starts,Created,Xyz\nA1,,2026-12-31,2025-01-01,2025-01-01,2025-06-14\n",
         {"Xyz": ("redeemed_at", "warning")}),
    ],
)  # fmt: skip
def test_columns_that_no_role_uses_are_told_with_the_fact_they_may_be(
    role: str, text: str, expected: dict[str, tuple[str, str]]
) -> None:
    export = read(text, role)
    assert unused(export) == expected
    for header in export.headers:
        if header.may_be:
            declared = tomllib.loads(header.line)["files"][export.files[0].source_file]["columns"]
            assert declared == {header.may_be: header.header}
            assert export.files[0].shows.get(header.may_be, header.header) in (header.header, "yes")


WORDS = {  # what a header speaks of by its first word we know: an end or a begin, even where it speaks of redeeming too
    "expires_on": "Redeem By|Redeemable Until|Redemption Deadline|Valid To|Use Before|Einlösbar bis|Utilisable jusqu'au|Canjeable hasta"
    "|Inwisselbaar tot|Resgatável até|Verloopt op|Scadenza|有効期限|Срок действия",
    "starts_on": "Valid From|Active From|Gültig ab|Redeemable From|Válido desde|開始日",
    "created_at": "Date Added|Issued On|Date de création|Creado|作成日",
    "redeemed_by": "Redeemer|Eingelöst von|Utilisé par|Canjeado por|利用者|Trainee",
    "redeemed_at": "Redemption Timestamp|Date d'utilisation|Fecha de uso|Verzilverd op|使用日|Użyto|Validé: utilisé",
}


@pytest.mark.parametrize("name", WORDS)
def test_words_of_headers_in_several_languages(name: str) -> None:
    """Also where every fact of ours is missing: a line that is followed must not make an end, a begin or a learner a redemption."""
    cells = "Ann" if name == "redeemed_by" else "2025-06-14"
    told_so = {text: unused(read(f"Key,{text}\nA1B2C3D4,{cells}\n"))[text][0] for text in WORDS[name].split("|")}
    assert told_so == dict.fromkeys(told_so, name)


@pytest.mark.parametrize(
    ("header", "may_be"),
    [
        ("Uses Left", ""),
        ("Verbleibende Nutzungen", ""),
        ("Eingelöst", "uses"),
        ("Claims", "uses"),
        ("Utilizzi massimi", "max_uses"),
    ],
)
def test_counts_of_course_keys(header: str, may_be: str) -> None:
    """What is left is no count of uses; a count below a word of redeeming is."""
    assert unused(read(f"Key,{header}\nA1B2C3D4,0\nA1B2C3D5,3\n", "course_keys"))[header][0] == may_be


def test_a_pool_list_tells_a_setting_that_is_not_understood() -> None:
    assert unused(read("Pool,Valid To,Batch\nP,2026-06-30,7\n", "pool_list"), "") == {
        "Valid To": ("expires_on", "warning"),
        "Batch": ("", ""),
    }


def test_a_log_may_have_columns_of_its_own() -> None:
    assert read("Key,Sent To,Eingelöst am\nA1,ann,2025-06-14\n", "distribution").told == ()


# --- following what is printed ---

LINE = re.compile(r"\[files\..*?\]\ncolumns = \{.*\}")


def followed(content: str | ROWS, role: str, most: int = 8) -> tuple[Export, list[str]]:
    """Read a file and follow every line for case.toml that is printed, one after the other, until none is left."""
    columns: dict[str, str] = {}
    lines: list[str] = []
    for _ in range(most):
        try:
            export = read(content, role, columns=columns)
            printed = [note.message for note in export.told]
        except UnreadableFile as problem:
            printed = [str(problem)]
        line = next((line[0] for text in printed if (line := LINE.search(text))), None)
        if line is None:
            return export, lines
        (declared,) = tomllib.loads(line)["files"].values()
        assert dict(columns).items() <= declared["columns"].items()  # what is declared already stays
        assert declared["columns"] != columns
        columns = declared["columns"]
        lines.append(line)
    raise AssertionError(lines)


GERMAN: ROWS = [
    ["Schlüssel", "Kurs", "Erstellt", "Eingelöst am", "Benutzer", "Läuft ab"],
    ["QX7-0PLMW-ZT0", "AZ", "2025-11-03", "2026-01-10", "Ann", "2026-12-31"],
    ["QX7-1PLMW-ZT1", "AZ", "2025-11-03", None, None, "2026-12-31"],
]
FOLLOWED: dict[str, tuple[str, str | ROWS, dict[str, list[str]]]] = {
    "german workbook": ("pools_before", GERMAN, {
        "training_key": ["QX7-0PLMW-ZT0", "QX7-1PLMW-ZT1"], "course": ["AZ", "AZ"], "created_at": ["2025-11-03"] * 2,
        "redeemed_at": ["2026-01-10", ""], "redeemed_by": ["Ann", ""], "expires_on": ["2026-12-31"] * 2,
    }),
    "german text": ("pools_before", "\n".join(";".join(cell or "" for cell in row) for row in GERMAN), {
        "training_key": ["QX7-0PLMW-ZT0", "QX7-1PLMW-ZT1"], "redeemed_at": ["2026-01-10", ""], "expires_on": ["2026-12-31"] * 2,
    }),
    "german course keys": ("course_keys", "Schlüssel;Kurs;Nutzungen;Gültig bis\nA1B2C3D4;AZ;1;31.12.2026\n", {
        "training_key": ["A1B2C3D4"], "course": ["AZ"], "uses": ["1"], "expires_on": ["2026-12-31"],
    }),
    "french": ("pools_before", "Clé;Cours;Utilisé le;Expire\nA1B2C3D4;AZ;14/06/2025;31/12/2026\n", {
        "training_key": ["A1B2C3D4"], "redeemed_at": ["2025-06-14"], "expires_on": ["2026-12-31"], "course": ["AZ"],
    }),
    "spanish": ("pools_before", "Clave,Estado,Caduca\nA1B2C3D4,Redeemed,2026-12-31\nA1B2C3D5,Open,2026-12-31\n", {
        "training_key": ["A1B2C3D4", "A1B2C3D5"], "key_status": ["1", "0"], "expires_on": ["2026-12-31"] * 2,
    }),
    "uses in a pool": ("pools_before", "Key,Times Used\nA1B2C3D4,1\nA1B2C3D5,0\n", {"redeemed_at": ["?", ""]}),
    "flags under an odd name": ("pools_before", "Key,Activated?\nA1B2C3D4,Yes\nA1B2C3D5,No\n", {"redeemed_at": ["?", ""]}),
    "two lists beside each other": ("pools_before", "Undistributed Keys,Distributed Keys\nA1B2C3D4,A1B2C3D6\n", {
        "training_key": ["A1B2C3D4", "A1B2C3D6"],
    }),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOLLOWED)
def test_following_every_printed_line_leads_to_the_right_reading(kind: str) -> None:
    role, content, expected = FOLLOWED[kind]
    export, lines = followed(content, role)
    read_so = {name: codes(export) if name == "training_key" else column(export, name) for name in expected}
    assert read_so == expected
    assert bool(lines) == (kind != "two lists beside each other")
    if role == "pools_before":
        assert export.files[0].shows["redemption"] == "yes"


def test_no_line_is_printed_that_names_a_column_without_codes() -> None:
    """Rows one cell wider than the header: the column below `Pool Code` holds no codes."""
    with pytest.raises(UnreadableFile, match='training_key = "the header in your file"'):
        read("Pool Code,Owner Training Key,Learner,Note\nAz,Contoso,A1B2C3D4,,\nAz,Contoso,A1B2C3D5,,\n")


# --- no code and no person stands in an error ---

CODES = ["AB1C 2D3E 4F5G", "Z21C XD3E HF5G"]
PEOPLE = ["Kim Park", "Lee Moon"]
FORMS = {
    "alone": "{code}",
    "with a person": "{code},{person}",
    "blanks": "{code} {person}",
    "colon": "{code}:{person}",
    "slash": "{code}/{person}",
    "hash": "#{code},{person}",
    "braces": "{{{code}}},{person}",
    "brackets": "[{code}],({person})",
    "numbered": "1. {code},{person}",
    "labelled": "Key: {code},{person}",
    "labelled in full": "Training Key: {code}|{person}",
    "beside a word of status": "{code},{person},Redeemed",
    "beside a known header": "{code},Course,{person}",
    "with a date": "{code},{person},2026-03-01",
}
SECRETS = {
    "codes with blanks": CODES,
    "letters only": ["QWERTZUI", "ASDFGHJK"],
    "letters only among digits": ["QWERTZUI", "58703BA0"],
    "hyphens": ["QX7-0PLM-WZT0", "QX7-1PLM-WZT1"],
    "hexadecimal": ["58703BA0", "58703BA1"],
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("role", ["pools_before", "course_keys", "distribution", "pool_list", "assignments"])
def test_a_file_without_a_header_shows_no_code_and_no_person(form: str, kind: str, role: str) -> None:
    text = "".join(FORMS[form].format(code=c, person=p) + "\n" for c, p in zip(SECRETS[kind], PEOPLE, strict=True))
    try:
        shown = " ".join(note.message for note in read(text, role).told)
    except UnreadableFile as problem:
        shown = str(problem)
    for secret in (*SECRETS[kind], *PEOPLE):
        for part in (secret, *(word for word in secret.split() if len(word) > 3)):
            assert part not in shown, shown


@pytest.mark.parametrize("title", ["Kim Park", "QX7-0PLM WZT0", "AB1C 2D3E 4F5G: Kim Park"])
def test_a_title_is_not_shown(title: str) -> None:
    for content in (
        f"Key,Course\nA1B2C3D4,C\n\n{title},\nKey,Course\nA1B2C3D6,D\n",
        f"{title},,\nKeys?,C,x\nABCD,D,\n",
    ):
        with pytest.raises(UnreadableFile) as problem:
            read(content)
        assert not re.search("Kim|Park|QX7|AB1C|A1B2", str(problem.value))


def test_a_header_that_holds_what_may_be_a_code_is_not_shown_whole() -> None:
    export = read("Key,Redeemed,Batch QX70PLMWZT0\nA1B2C3D4,,x\n")
    shown = " ".join((export.told[0].message, export.headers[2].header, export.headers[2].line))
    assert "QX70" not in shown


# --- header_mapping ---


def test_header_mapping_shows_how_headers_are_understood(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "Key,Eingelöst am,Course,Note\nA1B2C3D4,2025-06-14,AZ-900,Kim Park\n", encoding="utf-8"
    )
    (tmp_path / "b.csv").write_text("Schlüssel;Kim\nA1B2C3D4;x\n", encoding="utf-8")
    told_so = ka.header_mapping(tmp_path)
    assert told_so[["file", "header", "column", "looks_like", "may_be"]].to_numpy().tolist() == [
        ["a.csv", "Key", "training_key", "A9A9A9A9", ""],
        ["a.csv", "Eingelöst am", "", "9999-99-99", "redeemed_at"],
        ["a.csv", "Course", "course", "AA-999", ""],
        ["a.csv", "Note", "", "Aaa Aaaa", ""],
        ["b.csv", "Schlüssel", "", "A9A9A9A9", ""],
        ["b.csv", "(3 signs)", "", "a", ""],
    ]


WIDE = ",".join(["Key", *(f"h {n}" for n in range(6_000))])
LONG = {
    "many columns": lambda: WIDE + "\n" + ("A1B2C3D4" + ",x" * 6_000 + "\n") * 10,
    "many lists": lambda: "Key,Course\n" + "Used Keys,\nA1B2C3D4,C\n" * 9_000,
    "many pages": lambda: ("Key,Course\n" + "A1B2C3D4,C\n" * 3 + "Page 1 of 2,\n") * 9_000,
    "many headers": lambda: "Key,Course\n" + "Key,Expires\nA1B2,2026-01-01\nKey,Course\nA1B3,C\n" * 2_000,
    "many words": lambda: "Code,Type\n" + "ABCDEFGH,Key\n" * 30_000,
    "many checkboxes": lambda: "Key,Course,X\nA1B2C3D4,C,TRUE\n" + ",,FALSE\n" * 100_000,
    "many damaged rows": lambda: "Key,Course\nA1B2C3D4,C\n" + "A1B2C3D4,C,D,E\n" * 60_000,
}


@pytest.mark.parametrize("kind", LONG)
def test_no_layout_takes_long(kind: str) -> None:
    text = LONG[kind]()
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 10


def test_more_lists_than_any_export_has_are_refused() -> None:
    with pytest.raises(UnreadableFile, match="more than 10,000 lists"):
        read("Key,Course\n" + "Used Keys,\nA1B2C3D4,C\n" * 10_001)


# --- what a person sees before any audit ---


def test_what_is_understood_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "a (10).csv").write_text("Key,Eingelöst am,Pool\nA1B2C3D4,,Linux\nA1B2C3D5,,\n", encoding="utf-8")
    (tmp_path / "a (9).csv").write_text("Key,Redeemed,Expires\n", encoding="utf-8")
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.7")
    export = ka.read_pool_exports(tmp_path)
    first, second = export.files
    assert (first.source_file, export.tables[0].pool) == (f"{tmp_path.name}/a (9).csv", "a")
    assert first.shows == {
        "redemption": "yes",
        "expires_on": "yes",
        "starts_on": "no",
        "course": "no",
        "organization": "no",
    }
    assert (export.tables[1].pool, second.rows_read) == ("Linux", 2)
    told = [header for header in export.headers if header.source_file == second.source_file]
    assert [(header.header, header.column, header.may_be) for header in told] == [
        ("Key", "training_key", ""),
        ("Eingelöst am", "", "redeemed_at"),
        ("Pool", "pool", ""),
    ]
    notes = [note.code for note in export.told if note.source_file == second.source_file]
    assert notes == ["redemption_not_shown", "column_not_understood"][::-1]
    assert second.shows["redemption"] == "Eingelöst am"
    assert [note.source_file for note in export.told if note.code == "files_passed_over"] == [
        f"{tmp_path.name}/notes.pdf"
    ]


@pytest.mark.parametrize(
    ("header", "expected"),
    [("Redeemed By,Redeemed By (Email)", ["Ann", ""]), ("Redeemed By (Email),Redeemed By", ["ann@x.org", ""])],
)
def test_a_header_with_a_unit_gives_way_to_the_one_without(header: str, expected: list[str]) -> None:
    """The plain header counts, whichever stands first; two plain ones are an error."""
    export = read(f"Key,{header}\nA1B2C3D4,Ann,ann@x.org\nA1B2C3D5,,\n")
    assert column(export, "redeemed_by") == expected
    with pytest.raises(UnreadableFile, match="two headers for one column"):
        read(f"Key,{header},User\nA1B2C3D4,Ann,ann@x.org,x\n")


def test_a_header_again_as_the_name_of_a_row_is_refused() -> None:
    """A cross table whose rows are called like its columns, with one of them declared as the key."""
    text = "-,North,South\nNorth,26,12\nSouth,65,17\nEast,14,33\n"
    with pytest.raises(UnreadableFile, match=r"row 1 and row 2 could both be the header.*column 2 and in column 1"):
        read(text, columns={"training_key": "North"})
    legend = "Key,Meaning\nx,redeemed\n\nPool,Training Key,Expires\nAzure-1,A1B2C3D0,2026-12-31\n"
    assert codes(read(legend)) == ["A1B2C3D0"]  # a header with another one we know beside it has no rival


def test_a_list_that_begins_far_down_beside_another() -> None:
    rows = [["Training Key", "Course"], *([f"A1B2C3{place:02}", "C"] for place in range(60))]
    rows = [
        [*row, None, "Key" if place == 55 else f"Z9Y8X7{place:02}" if place > 55 else None]
        for place, row in enumerate(rows)
    ]
    export = read("".join(",".join(cell or "" for cell in row) + "\n" for row in rows))
    assert codes(export) == [f"A1B2C3{place:02}" for place in range(60)] + [
        f"Z9Y8X7{place:02}" for place in range(56, 61)
    ]


def test_a_code_that_is_taken_for_the_header_again_is_told() -> None:
    """A file without a header, whose first code was declared to be it."""
    export = read("1.5f+02\n7.5f+01\n1.5f+02\n1.41f+02\n", columns={"training_key": "1.5f+02"})
    assert (codes(export), told(export)) == (["7.5f+01", "1.41f+02"], ["header_as_key"])
