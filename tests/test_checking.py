"""`keyaudit check`: what each file proves before any audit, and what to write into case.toml where it does not."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from conftest import SAMPLES, Write, audit, verdicts

import keyaudit as ka
from keyaudit import cli
from keyaudit.errors import CaseError, UnreadableFile

POOL = "Training_Key Redeemed Expires Starts Course Organization Content_Availability Sitewide"
KEYS = "Training_Key Course Organization Expires Max_Uses Uses"


@pytest.fixture
def whole(write: Write) -> Path:
    """A case of which everything is said."""
    write("pools-before/Azure.csv", f"{POOL}\nAAAA0001 . 2026-12-31 2025-01-01 C O 180 no")
    write("pools-now/Azure.csv", POOL)
    return write("course-keys/k.csv", f"{KEYS}\nAAAA0001 C O 2026-12-31 1 0")


def lines_of(told: object) -> list[str]:
    return [" ".join(line.split()) for line in repr(told).splitlines() if line]


def test_a_case_of_which_everything_is_said(whole: Path) -> None:
    """Each file with role, pool, rows, how its headers are understood, what it proves; then what is not there."""
    told = ka.check(whole)
    assert told.exit_code == 0
    assert lines_of(told) == [
        "case: every file is understood",
        "pools before: the backup, taken before any key was deleted",
        "1 row pools-before/Azure.csv: Azure",
        "understood Training Key = training_key, Redeemed = redeemed_at, Expires = expires_on, Starts = starts_on, "
        "Course = course, Organization = organization, Content Availability = content_availability, Sitewide = sitewide",
        "proves which keys are redeemed, until when they can be redeemed, from when on, the course and the organization",
        "pools now: later exports of the same pools",
        "0 rows pools-now/Azure.csv",
        "understood Training Key = training_key, Redeemed = redeemed_at, Expires = expires_on, Starts = starts_on, "
        "Course = course, Organization = organization, Content Availability = content_availability, Sitewide = sitewide",
        "proves which keys are redeemed, until when they can be redeemed, from when on, the course and the organization",
        "course keys: Course Assignment Training Keys",
        "1 row course-keys/k.csv",
        "understood Training Key = training_key, Course = course, Organization = organization, Expires = expires_on, "
        "Max Uses = max_uses, Uses = uses",
        "proves until when they can be redeemed, the course, how often each was used and how often each may be used",
        "Not there:",
        "pool-list: the settings of each pool",
        "distribution: your own list of who was sent which key",
        "other-keys: subscription and class keys",
        "course-assignments: learners' access to courses",
    ]


def test_every_line_that_is_printed_can_be_followed(write: Write) -> None:
    """All lines pasted as they are leave a case that reads the same; filled in, nothing is asked any more."""
    rows = "AAAA00001234,2026-01-02,2026-12-31,C\nAAAA00001235,,2026-12-31,C\n"
    case = write("pools-before/Azure.csv", "x")
    (case / "pools-before" / "Azure.csv").write_text(
        f"Training Key,Eingelöst am,Gültig bis,Kurs\n{rows}", encoding="utf-8"
    )
    write("pools-now/Azure.csv", "Training_Key Redeemed Expires Course")
    write("course-keys/k.csv", f"{KEYS}\nAAAA00001235 C O 2026-12-31 1 0")
    seen = []
    for _ in range(4):
        told = ka.check(case)
        seen.append(told.exit_code)
        printed = [line.strip() for line in repr(told).splitlines()]
        blocks = [line for line in printed if re.match(r"\[|columns = |# \w+ = ", line)]
        if not blocks:
            break
        before = (case / "case.toml").read_text(encoding="utf-8") if (case / "case.toml").exists() else ""
        text = before + "\n".join(blocks) + "\n"
        (case / "case.toml").write_text(text, encoding="utf-8")
        pasted = ka.check(case)  # is read, as it stands
        assert pasted.exit_code <= told.exit_code
        shown = text.replace('"AZ-900"', '"C"').replace('"Contoso"', '"O"')  # what the pool's page shows
        (case / "case.toml").write_text(re.sub("^# ", "", shown, flags=re.M), encoding="utf-8")
    assert (seen[0], seen[-1]) == (1, 0)
    read = audit(case)
    assert verdicts(read) == {"AAAA00001234": "redeemed", "AAAA00001235": "migrated"}
    assert verdicts(read, "works") == {"AAAA00001234": "used", "AAAA00001235": "yes"}
    assert verdicts(read, "pool_expires_on") == dict.fromkeys(verdicts(read), "2026-12-31")


def test_the_entry_that_is_printed_keeps_what_is_said_of_the_file_so_far(write: Write) -> None:
    """It stands in place of the former entry: nothing that was said before is lost, in check and in the findings alike."""
    case = write("pools-before/Azure.csv", "x")
    (case / "pools-before/Azure.csv").write_bytes(
        "Schlüssel;Kurs;Eingelöst am;Gültig bis\nAAAA0001;C;03.04.2026;31.12.2026\nAAAA0002;C;;31.12.2026\n".encode(
            "cp1252"
        )
    )
    head = '[files."pools-before/Azure.csv"]'
    so_far = (
        'encoding = "cp1252"\nday_first = true\nrows = 2\nopen_when = ["-"]\ncolumns = { training_key = "Schlüssel" }'
    )
    (case / "case.toml").write_text(f"{head}\n{so_far}\n", encoding="utf-8")
    (file,) = ka.check(case).checked
    assert set(so_far.splitlines()[:-1]) < set(file.lines.splitlines())
    found = next(text for text in audit(case).findings["message"] if '"Kurs"' in text)
    both = 'columns = { training_key = "Schlüssel", course = "Kurs" }'
    assert sorted(found.splitlines()[1:]) == sorted([head, *so_far.splitlines()[:-1], both])
    (case / "case.toml").write_text(f"{file.lines}\n", encoding="utf-8")
    (file,) = ka.check(case).checked
    assert (file.not_understood, file.lines) == ("", "")
    assert verdicts(audit(case)) == {"AAAA0001": "redeemed", "AAAA0002": "to_migrate"}


def test_two_entries_of_one_file_are_one_too_many(whole: Path) -> None:
    entry = '[files."pools-before/Azure.csv"]\nrows = 1\n'
    (whole / "case.toml").write_text(entry + entry)
    with pytest.raises(CaseError, match="put all that is said of a file or a pool below one heading"):
        ka.check(whole)


def test_files_that_are_not_read_are_said(whole: Path) -> None:
    """In a folder of exports they ask for a look; a picture beside the folders does too, and stops nothing."""
    (whole / "course-keys" / "legacy.xls").write_bytes(b"\xd0\xcf\x11\xe0 old")
    (whole / "pools-before" / "more.csv.crdownload").write_text("half")
    (whole / "pools-before" / "~$Azure.xlsx").write_text("lock")
    for hidden in (".rest.csv", "._Azure.csv", ".DS_Store"):  # the last two are made by a Macintosh for itself
        (whole / "pools-before" / hidden).write_text("Training Key")
    (whole / "letter.pdf").write_bytes(b"%PDF-1.4")
    told = ka.check(whole)
    assert told.exit_code == 1
    assert [text.partition(":")[0] for text in told.passed_over] == [
        "pools-before/.rest.csv",
        "pools-before/more.csv.crdownload",
        "pools-before/~$Azure.xlsx",
        "course-keys/legacy.xls",
        "case/letter.pdf",
    ]


def test_a_folder_that_holds_nothing_but_what_is_not_read_is_told(whole: Path) -> None:
    (whole / "distribution").mkdir()
    (whole / "distribution" / "sent.xls").write_bytes(b"\xd0\xcf\x11\xe0 old")
    assert [text.partition(":")[0] for text in ka.check(whole).passed_over] == ["distribution/sent.xls"]


def test_a_file_that_cannot_be_read_is_told_beside_the_others(whole: Path) -> None:
    (whole / "pools-before" / "B.csv").write_text("Schlüssel,Nutzer\nSECRET-CODE-77,B\n", encoding="utf-8")
    told = ka.check(whole)
    assert (told.exit_code, len(told.checked), len(told.unreadable)) == (2, 3, 1)
    assert told.unreadable[0].startswith("pools-before/B.csv: no column holds the training key.")
    assert "SECRET" not in repr(told) + told._repr_html_()
    assert lines_of(told)[0] == "case: not every file can be read"


def test_exports_that_contradict_each_other_are_told(whole: Path) -> None:
    (whole / "course-keys" / "k.csv").write_bytes((whole / "pools-before" / "Azure.csv").read_bytes())
    told = ka.check(whole)
    assert told.exit_code == 2
    assert "are the same file. Take it out of the wrong folder." in told.unreadable[0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("AAAA0002 03/04/2025 2026-12-31 2025-01-01 C O 180 no", "could be day first or month first"),
        ("4.78E+07 . 2026-12-31 2025-01-01 C O 180 no", "the key cell holds"),
        ("AAAA0002 . someday 2025-01-01 C O 180 no", "cannot be read"),
        ("AAAA0002 . 2026-12-31 2025-01-01 C", "damaged row"),
    ],
)
def test_what_is_read_with_doubts_is_told_before_any_audit(row: str, words: str, write: Write) -> None:
    write("course-keys/k.csv", f"{KEYS}\nAAAA0001 C O 2026-12-31 1 0")
    table = f"{POOL}\nAAAA0001 . 2026-12-31 2025-01-01 C O 180 no\n{row}"
    told = ka.check(write("pools-before/Azure.csv", table))
    assert told.exit_code == 1
    assert [words in line for line in told.doubts] == [True]
    assert f"Read with doubts: {told.doubts[0]}" in " ".join(repr(told).split()) or "\n" in told.doubts[0]


CASES = sorted(path.parent.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("pools-before"))


@pytest.mark.parametrize("sample", CASES)
def test_every_sample_can_be_checked_and_no_code_is_shown(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each of its files is told once; table, text, command line say the same."""
    told = ka.check(SAMPLES / sample)
    case = ka.open_case(SAMPLES / sample)
    exports, _ = case.read(keep_going=True)
    names = sorted(file.source_file for export in exports.values() for file in export.files)
    assert sorted(told.files["file"]) == names
    codes = {code for export in exports.values() if export.keys is not None for code in export.keys.to_pylist() if code}
    assert not [code for code in codes if len(code) > 6 and code != "Training Key" and code in repr(told)]
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", str(SAMPLES / sample)])
    assert ended.value.code == told.exit_code
    assert capsys.readouterr().out == f"{told!r}\n"


def test_git_sees_nothing_of_a_new_case(tmp_path: Path) -> None:
    """Exports, report, plan and notebooks hold redeemable codes."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S607
    ka.new_case(tmp_path / "mine")
    (tmp_path / "mine" / "pools-before" / "P.csv").write_text("Training Key,Redeemed\nAAAA00000001,\n")
    ka.write_report(audit(tmp_path / "mine"), tmp_path / "mine" / "report")
    (tmp_path / "seen.txt").write_text("x")
    command = ["git", "-C", str(tmp_path), "add", "-A", "-n"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    assert listed.stdout == "add 'seen.txt'\n"
    assert (tmp_path / "mine" / ".gitignore").read_text() == "*\n"
    assert json.loads((tmp_path / "mine" / "report" / "summary.json").read_text())["keys"] == 1


@pytest.mark.parametrize(
    ("headers", "rows", "column"),
    [
        ("Aktiviert Eingelöst_am", [("Ja", "."), ("Ja", "2025-06-01")], "Eingelöst am"),  # a date says most
        ("Eingelöst_am Aktiviert", [(".", "Ja"), ("2025-06-01", "Ja")], "Eingelöst am"),
        ("Verwendungszweck Aktiviert", [("Kurs", "Ja"), ("Amt", "Nein")], "Verwendungszweck"),
    ],
)
def test_the_ready_line_of_check_is_that_of_the_audit(
    headers: str, rows: list[tuple[str, str]], column: str, write: Write
) -> None:
    table = [f"Training_Key Course {headers}", *(f"AAAA000{place} C {' '.join(row)}" for place, row in enumerate(rows))]
    case = write("pools-before/Azure.csv", "\n".join(table))
    line = f'columns = {{ redeemed_at = "{column}" }}'
    assert line in ka.check(case).checked[0].lines
    messages = audit(case).findings.set_index("code")["message"]
    assert line in messages["redemption_not_shown"]


def test_how_often_a_key_may_be_used_is_no_redemption(write: Write) -> None:
    case = write("pools-before/Azure.csv", "Training_Key Course Max_Uses Uses\nAAAA0001 C 1 0\nAAAA0002 C 1 1")
    assert 'redeemed_at = "Uses"' in audit(case).findings.set_index("code")["message"]["redemption_not_shown"]


@pytest.mark.parametrize("header", ["Aktivierungscode", "Clé_de_formation"])
def test_of_a_key_whose_header_may_be_a_code_no_other_column_is_named(header: str, write: Write) -> None:
    """It is as long as the codes below it."""
    rows = "\n".join(f"0A571749{place}BCD2233 AZ-90{place} Woodgrove 2025-06-01" for place in range(1, 4))
    case = write("pools-before/Azure.csv", f"{header} Kurs Firma Erstellt_am\n{rows}")
    assert 'columns = { training_key = "the header in your file" }' in ka.check(case).unreadable[0]


def test_what_a_column_proves_it_proves_of_the_rows_that_are_understood(write: Write) -> None:
    case = write("pools-before/A.csv", "Training_Key Status\nAAAA0001 Frei\nAAAA0002 Verbraucht\nAAAA0003 Redeemed")
    told = ka.check(case)
    assert "which keys are redeemed (but of 2 rows, whose cell was not understood)" in " ".join(repr(told).split())
    (doubt,) = told.doubts
    assert doubt.endswith('open_when = ["…"]')
    assert " (and 1 more): " in doubt


def test_a_header_that_case_toml_names_and_that_is_not_there_is_said(write: Write) -> None:
    case = write("pools-before/A.csv", "Training_Key Course\nAAAA0001 C")
    (case / "case.toml").write_text('[files."pools-before/*"]\ncolumns = { training_key = "Nope" }\n')
    with pytest.raises(UnreadableFile, match=r'Looked for "Nope" \(as case\.toml says\); found "Training Key"'):
        audit(case)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pools-before/B.csv", "If it has no header, write one above its first row; if it is no export, take it out"),
        (
            "course-assignments/B.csv",
            "Export it again with the column Payment Type shown, or take it out of the folder",
        ),
    ],
)
def test_a_table_without_its_header_has_a_way_out(name: str, words: str, write: Write) -> None:
    write("pools-before/A.csv", "Training_Key Course\nAAAA0001 C")
    with pytest.raises(UnreadableFile, match=words):
        audit(write(name, "AAAA0002 C\nAAAA0003 C"))
