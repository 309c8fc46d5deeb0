"""The twin to share: the same counts, no code in full, nobody named, in any byte of any file."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from conftest import SAMPLES, audit, files_of, keyaudit

import keyaudit as ka
from keyaudit import charts
from keyaudit.errors import KeyauditError, ReconcileError, Slip
from keyaudit.masking import Secrets
from keyaudit.notebook import choose_pool, reading_findings
from keyaudit.reconciliation import Reconciliation
from keyaudit.share import masked

CANARY = "zqx"  # every planted code begins with it, and every planted person holds it

FILES: dict[str, list[list[str]]] = {
    "pools-before/one.csv": [
        ["Training Key", "Pool", "Course", "Organization", "Redeemed", "Redeemed By", "Email", "Expires"],
        ["ZQX-POOL-000001", "Pool of Zqxada Person", "C", "O", "", "", "", "2026-12-31"],
        ["ZQX-POOL-000002", "Pool of Zqxada Person", "C", "O", "2026-01-02", "Zqxada Person", "zqx.ada@x.example", ""],
        ["ZQX-POOL-000003", "Pool of Zqxada Person", "C", "O", "", "Zqxbob", "", "2026-12-31"],
        ["ZQX-MOVED-00020", "Pool of Zqxada Person", "C", "O", "", "", "", "2026-12-31"],
        ["zqx-pool-000001", "Pool of Zqxada Person", "C", "O", "", "", "", "2026-12-31"],
        ["ZQX7Q", "Pool for ZQX-POOL-000001", "Course ZQX7Q", "Org of zqx.cay@x.example", "", "", "", "2026-12-31"],
        ["ZQX00009", "Pool for ZQX-POOL-000001", "Course ZQX7Q", "Org of zqx.cay@x.example", "", "", "", "2026-12-31"],
        ["ZQXA-00010;ZQXB-00011", "Pool for ZQX-POOL-000001", "Course ZQX7Q", "O", "", "", "", "2026-12-31"],
        ["ZQX-ALTERED-0012", "Pool for ZQX-POOL-000001", "Course ZQX7Q", "O", "", "", "", "2026-12-31"],
        ["ZQX-ALTERED-0013", "Pool for ZQX-POOL-000001", "Course ZQX7Q", "O", "", "", "", "2026-12-31"],
        ["ZQX-MOVED-00014", "Pool for ZQX-POOL-000001", "Course ZQX7Q", "O", "", "", "", "2026-12-31"],
    ],
    "course-keys/keys.csv": [
        ["Training Key", "Name", "Course", "Organization", "Expires", "Max Uses", "Uses", "Created By"],
        ["ZQX-ALTERED-0O12", "Keys of Zqxada Person", "Course ZQX7Q", "Zqxdan's", "2026-12-31", "1", "0", "Zqxdan"],
        ["ZQX-ALTERED-0013, for Zqxbob", "ZQX-POOL-000001", "C", "O", "2026-12-31", "1", "0", "Zqxdan"],
        ["ZQX-MOVED-00014", "batch (ZQX-POOL-000003)", "D of Zqxada Person", "O", "2026-12-31", "1", "0", "Zqxdan"],
        ["ZQX-MOVED-00020", "batch", "C", "Zqxgil & Sons", "2026-12-31", "1", "0", "Zqxgil & Sons"],
        ["Training Key", "pasted", "C", "O", "2026-12-31", "1", "0", "Zqxdan"],
    ],
    "other-keys/other.csv": [["Training Key", "Name"], ["ZQX-POOL-000001", "n"], ["ZQX-OTHER-0015", "Zqxada Person"]],
    "distribution/log.csv": [
        ["Training Key", "Sent", "Sent To"],
        ["ZQX-STRANGER-16", "2026-01-01", "Zqxeve Last"],
        ["ZQX-POOL-000001", "2026-01-01", "zqx.eve@x.example"],
        ["ZQX-LOG-A-0017; ZQX-LOG-B-0018", "2026-01-01", "Zqxeve Last"],
    ],
    "course-assignments/a.csv": [
        ["Payment Type", "Student", "Course", "Created", "Status"],
        ["Training Key: ZQX-POOL-000003", "Zqxfay Last", "C", "2026-02-02", "Active"],
    ],
}
CASE_TOML = """[[accepted]]
finding = "case_twin"
reason = "Zqxfay Last said so of ZQX-POOL-000001"
[files."pools-before/one.csv"]
rows = 99
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    root = tmp_path / "case"
    for name, rows in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with (root / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    book = openpyxl.Workbook()
    book.active.title = "List of Zqxada Person"
    for row in [["Training Key", "Zqxada Person", "Expires"], ["ZQX-SHEET-0019", "x", None], [2.5e15, "x", None]]:
        book.active.append(row)
    book.save(root / "pools-before" / "sheets.xlsx")
    (root / "case.toml").write_text(CASE_TOML, encoding="utf-8")
    return root


def canaries(folder: Path) -> list[str]:
    """Every file, or member of a workbook, in which the canary's letters stand in some encoding."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = {path.name: path.read_bytes()}
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                parts |= {f"{path.name}/{name}": archive.read(name) for name in archive.namelist()}
        for name, content in parts.items():
            folded = content.lower()
            at = [folded.find(CANARY.encode(encoding)) for encoding in ("utf-8", "utf-16-le", "utf-16-be")]
            if max(at) >= 0:
                found.append(f"{name}: {content[max(max(at) - 60, 0) :][:140]!r}")
    return found


def test_no_planted_code_or_person_is_in_any_byte(case: Path, tmp_path: Path) -> None:
    without = shutil.ignore_patterns("course-keys")
    former = audit(shutil.copytree(case, tmp_path / "before" / "case", ignore=without), "2026-04-01")
    result = audit(case, "2026-04-09").since(former)
    shared = ka.write_report(result, tmp_path / "shared", share=True)
    full = ka.write_report(result, tmp_path / "full")
    assert len(canaries(full)) >= 5  # the search does find what is there
    assert canaries(shared) == []
    assert len(pd.read_csv(shared / "changes.csv")) == len(pd.read_csv(full / "changes.csv")) > 5
    assert sorted(path.name for path in shared.iterdir()) == sorted(
        path.name for path in full.iterdir() if path.name != "plan"
    )


def test_names_of_files_and_of_the_case_are_masked_too(case: Path, tmp_path: Path) -> None:
    """In every file, and on the terminal that says so."""
    (case / "case.toml").unlink()
    (case / "pools-before" / "sheets.xlsx").rename(case / "pools-before" / "ZQX-SHEET-0019 of Zqxada Person.xlsx")
    (case / "distribution" / "log.csv").rename(case / "distribution" / "sent by Zqxfay Last.csv")
    case = case.rename(tmp_path / "ZQX-POOL-000001")
    run = keyaudit("audit", case, "--as-of", "2026-04-09", "--share", "--out", tmp_path / "shared")
    assert run.returncode == 1
    assert canaries(tmp_path / "shared") == []
    above, paths = run.stdout.split("Page: ")
    assert CANARY not in above.lower()
    assert "Not understood: " in above
    assert "Codes are masked, and nobody is named" in paths


NAMED = ("case", "pool", "file", "sheet", "column", "course", "organization", "entry")


@pytest.mark.parametrize("where", NAMED)
def test_a_code_in_a_name_stands_in_nothing_that_is_not_marked_secret(where: str, tmp_path: Path) -> None:
    """One that is in no name leaves the names as they are."""
    case = named_case(where, tmp_path)
    full = ka.write_report(audit(case, "2026-04-09"), tmp_path / "full")
    assert [name for name in ("report.html", "summary.json") if seen(full / name)] == []
    plan = ka.write_plan(audit(case, "2026-04-09"), tmp_path / "plan")
    assert [path for path in (full / "MANIFEST.json", plan / "MANIFEST.json") if seen(path)] == []
    assert [path for path in full.rglob("*") if CANARY in path.name.lower()] == []
    page = (full / "report.html").read_text(encoding="utf-8")
    assert "Codes are masked here: the workbook and keys.csv hold them in full." in page
    assert "to share" not in page
    assert CANARY not in (full / "plan" / "deadlines.ics").read_text(encoding="utf-8").lower()


WRITTEN = (  # a code in the name of a pool
    *(
        "pool-{}",
        "{}-old",
        "pool–{}",
        "key={}",
        "a|{}",
        "“{}”!",
        "?key={}",
        "\N{KEY}{}",
        "Pool{}",
        "of ZQXA_C12\u200bD34",
    ),
    *("of zqxac12d34", "ZQXAC-12D-34", "ZQX AC12 D34", "ＺＱＸAC12D34", "Z\u0323QXAC12D34", "ZQXAC12D34"),
)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_code_is_found_in_a_name_however_it_is_written(name: str, tmp_path: Path) -> None:
    case = tmp_path / "case"
    (case / "pools-before").mkdir(parents=True)
    rows = (
        f"Training Key,Pool,Expires\nZQXAC12D34,{name.format('ZQXAC12D34')},2026-12-31\nOTHER-0002,Another,2026-12-31\n"
    )
    (case / "pools-before" / "p.csv").write_text(rows, encoding="utf-8")
    result = audit(case, "2026-04-09")
    assert (result.seen.is_masked, result.pools["pool"].nunique()) == (True, 2)
    shown = next(pool for pool in result.seen.pools["pool"] if pool != "Another")
    assert "…34" in shown
    assert Secrets(["ZQXAC12D34"], []).hide(shown) == shown
    # what is shown can be typed
    assert len(result.show(pool=shown)) == len(result.show_pools(pool=shown)) == len(result.show(contains=shown)) == 1
    assert result.explain(f"{shown}, row 2").found
    pool = choose_pool(result, shown)
    assert pool == dict(zip(result.keys["training_key"], result.keys["pool"], strict=True))["ZQXAC12D34"]
    assert result.show_findings(pool=shown)["findings"].sum() == (result.findings["pool"] == pool).sum() > 0


@pytest.mark.parametrize("code", ["ÉCOLE12345", "ECOLE-123-45", "Ecole 12345", "ＥCOLE12345"])
def test_a_code_of_any_signs_is_found_in_a_name(code: str, tmp_path: Path) -> None:
    (tmp_path / "case" / "pools-before").mkdir(parents=True)
    rows = f"Training Key,Pool\n{code},of école12345\nOTHER-0002,Another\n"
    (tmp_path / "case" / "pools-before" / "p.csv").write_text(rows, encoding="utf-8")
    assert audit(tmp_path / "case", "2026-04-09").seen.is_masked


ELSEWHERE = {  # where a code stands that is shown as it is, or that no pool export knows
    "reason": {"case.toml": '[[accepted]]\nfinding = "input_missing"\nreason = "Asked for ZQXAC12D34."\n'},
    "backup": {"pools-before/p.csv": "Training Key,Pool\nZQXAC12D34,Old ZQXAC12D34\nKEY-00002,Old ZQXAC12D34\n",
               "pools-now/n.csv": "Training Key,Pool\nZQXAC12D34,New\nKEY-00002,New\n"},
    "name": {"case.toml": '[files."pools-before/p.csv"]\npool = "Old ZQXAC12D34"\n',
             "pools-before/p.csv": "Training Key\nZQXAC12D34\nKEY-00002\n",
             "pools-now/n.csv": "Training Key,Pool\nZQXAC12D34,New\nKEY-00002,New\n"},
    "status": {"course-assignments/a.csv": "Payment Type,Student,Created,Status\nTraining Key: ZQXAC12D34,Ana Lima,2026-04-01,ZQXAC12D34\n"},
    "other": {"other-keys/o.csv": "Training Key,Name\nZQX-OTHER-77,x\n", "course-keys/k.csv": "Training Key,Name\nNEW-00001,of ZQX-OTHER-77\n"},
    "several": {"pools-before/p.csv": "Training Key,Pool\nZQXAC12D34 ZQXAC12D35,of ZQXAC12D35\nKEY-000002,of ZQXAC12D35\n"},
    "log": {"distribution/l.csv": "Training Key,Sent To\nZQX-LOG-7777,Bo\n", "course-keys/k.csv": "Training Key,Name\nNEW-00001,of ZQX-LOG-7777\n"},
}  # fmt: skip


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_code_is_masked_wherever_a_person_has_written_it(where: str, tmp_path: Path) -> None:
    files = {"pools-before/p.csv": "Training Key,Pool\nZQXAC12D34,Pool\nKEY-00002,Pool\n"} | ELSEWHERE[where]
    for name, text in files.items():
        (tmp_path / "case" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "case" / name).write_text(text, encoding="utf-8")
    result = audit(tmp_path / "case", "2026-04-09")
    full = ka.write_report(result, tmp_path / "full")
    shown = [*displayed(result), reading_findings(result).to_csv(), repr(ka.check(tmp_path / "case"))]
    assert [text for text in shown if CANARY in text.lower()] == []
    assert [name for name in ("report.html", "summary.json", "MANIFEST.json") if seen(full / name)] == []


def test_an_error_about_case_toml_draws_no_code_out(tmp_path: Path) -> None:
    case = named_case("pool", tmp_path)
    (case / "case.toml").write_text('[pools."of_ZQX-POOL-00000"]\ncourse = "C"\n', encoding="utf-8")
    with pytest.raises(KeyauditError) as caught:
        audit(case)
    assert 'Did you mean "of_…0001"?' in str(caught.value)


def named_case(where: str, tmp_path: Path) -> Path:
    """A case in which one name holds a code."""
    code = "ZQX-POOL-000001"
    name = dict.fromkeys(NAMED, "Word") | {where: f"of_{code}"}
    case = tmp_path / name["case"]
    rows = [["Training Key", "Pool", "Course", "Organization", "Expires", name["column"]]]
    rows += [
        [key, name["pool"], name["course"], name["organization"], "2026-12-31", "x"] for key in (code, "OTHER-000002")
    ]
    book = openpyxl.Workbook()
    book.active.title = name["sheet"]
    for row in rows:
        book.active.append(row)
    (case / "pools-before").mkdir(parents=True)
    book.save(case / "pools-before" / f"{name['file']}.xlsx")
    (case / "course-keys").mkdir()
    entry = f"Training Key,Name,Course,Uses\nNEW-00000003,{name['entry']},{name['course']},0\n"
    (case / "course-keys" / "k.csv").write_text(entry, encoding="utf-8")
    return case


@pytest.mark.parametrize("where", NAMED)
def test_a_code_in_a_name_is_not_displayed(where: str, tmp_path: Path) -> None:
    """Nor on the card, in tables and charts, nor on a terminal; what is asked for by its name is found."""
    case = named_case(where, tmp_path)
    result = audit(case, "2026-04-09")
    pool = result.pool_rows[0].pool
    shown = [*displayed(result), repr(ka.check(case)), ka.check(case)._repr_html_()]
    shown += [
        result.show_pools(pool=pool).to_csv(),
        result.show_findings(pool=pool).to_csv(),
        result.show(pool=pool).to_csv(),
    ]
    shown += [list(result.seen.not_checked), result.tie_out.to_csv(), reading_findings(result).to_csv()]
    with pytest.raises(Slip) as slip:
        choose_pool(result, "another")
    assert len(result.show_pools(pool=pool)) == 1
    assert len(result.show(pool=pool)) == 2
    assert result.show_findings(pool=pool)["findings"].sum() == (result.findings["pool"] == pool).sum() > 0
    for command in (
        ("check",),
        ("audit", "--out", tmp_path / "full"),
        ("plan", "--out", tmp_path / "plan"),
        ("explain",),
    ):
        run = keyaudit(command[0], case, *(["ZQX-POOL-000001"] if command[0] == "explain" else []), *command[1:])
        told = re.sub(r"(Page|Workbook|Plan|Steps|Sheets): .*", "", run.stdout + run.stderr)  # where it was asked to be
        assert len(told) > 100
        shown.append(told)
    assert [text for text in [*map(str, shown), str(slip.value)] if CANARY in text.lower()] == []


def displayed(result: Reconciliation) -> list[str]:
    """Everything an audit displays in a notebook."""
    tables = [result.show(limit=999), result.show_findings(999), result.show_pools(), result.today()]
    tables += [result.summary(by) for by in (None, "pool", "course", "organization")]
    tables += [result.outlook(), result.outlook("pool"), result.find("zqxada"), result.changes_since(result)]
    tables.append(pd.DataFrame([result.browse().data]))
    stories = [result.explain(name) for name in (None, *result.keys["training_key"].dropna())]
    shown = [repr(result), result._repr_html_(), repr(ka.migration_plan(result)), *(table.to_csv() for table in tables)]
    shown += [text for one in stories for text in (repr(one), one._repr_html_())]
    return shown + [text for draw in charts.DRAWN for text in (repr(draw(result)), draw(result).svg())]


PERSONAL = ("Training Key", "Redeemed By", "Email", "Created By", "Sent To", "Payment Type", "Student")


def test_nothing_but_what_is_marked_secret_shows_a_planted_code_or_person(case: Path, tmp_path: Path) -> None:
    """Of the full report, of what is displayed and said: codes and people that stand in cells for them, and nowhere else."""
    for name, (heads, *rows) in FILES.items():
        plain = [[cell if head in PERSONAL else re.sub("(?i)zqx", "word", cell) for head, cell in zip(heads, row, strict=True)] for row in rows]  # fmt: skip
        with (case / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([heads, *plain])
    book = openpyxl.load_workbook(case / "pools-before" / "sheets.xlsx")
    book.active.title = "List"
    book.active["B1"] = "Remark"
    book.save(case / "pools-before" / "sheets.xlsx")
    (case / "case.toml").unlink()
    former = audit(case, "2026-04-01")
    result = audit(case, "2026-04-09").since(former)
    full = ka.write_report(result, tmp_path / "full")
    holds = {path.relative_to(full).as_posix() for path in full.rglob("*") if path.is_file() and seen(path)}
    lists = {name for name in holds if re.fullmatch(r"plan/\d\d .*\.txt", name)}
    assert holds - lists <= {"keys.csv", "findings.csv", "report.xlsx", "plan/plan.xlsx"}
    assert {"keys.csv", "findings.csv", "report.xlsx"} <= holds
    codes = [code for code in result.keys["training_key"].dropna() if CANARY in code.lower()]
    assert len(codes) >= 12
    shown = [
        *displayed(result),
        result.changes_since(former).to_csv(),
        repr(ka.check(case)),
        repr(ka.check(case).files.to_csv()),
    ]
    assert [text[max(text.lower().find(CANARY) - 60, 0) :][:160] for text in shown if CANARY in text.lower()] == []
    for name in FILES:  # a file without its header, in every role
        text = (case / name).read_text(encoding="utf-8")
        (case / name).write_text(text.partition("\n")[2], encoding="utf-8")
        with pytest.raises(KeyauditError) as caught:
            audit(case)
        assert CANARY not in str(caught.value).lower()
        (case / name).write_text(text, encoding="utf-8")


def seen(path: Path) -> bool:
    """Does the canary stand in a file, or in a member of a workbook?"""
    if path.suffix != ".xlsx":
        return CANARY.encode() in path.read_bytes().lower()
    with zipfile.ZipFile(path) as archive:
        return any(CANARY.encode() in archive.read(name).lower() for name in archive.namelist())


def test_the_planted_case_reaches_the_dangerous_findings(case: Path) -> None:
    """Messages and keys of these findings are made from data: the case must have them all."""
    codes = set(audit(case, "2026-04-09").findings["code"])
    wanted = {
        "altered",
        "stray",
        "several_keys_in_cell",
        "header_as_key",
        "case_twin",
        "excel_damage",
        "log_key_unknown",
    }
    wanted |= {"collides_with_other_key", "organization_differs", "wrong_course", "rows_unaccounted"}
    assert wanted - codes == set()


@pytest.fixture(scope="module")
def halfway() -> Reconciliation:
    return ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09")


def test_the_twin_counts_what_the_audit_counts(halfway: Reconciliation) -> None:
    twin = masked(halfway)
    assert twin.is_masked
    assert not halfway.is_masked
    assert twin.as_summary() == halfway.as_summary()
    assert twin.today().equals(halfway.today())
    for name in ("status", "works", "act_by", "works_until", "next_step", "reference"):
        assert twin.keys[name].astype(str).tolist() == halfway.keys[name].astype(str).tolist(), name
    for table, other in ((twin.keys, halfway.keys), (twin.findings, halfway.findings), (twin.pools, halfway.pools)):
        assert list(table.columns) == list(other.columns)
        assert len(table) == len(other)


def test_a_pool_named_by_a_code_counts_in_the_outlook_of_a_twin(tmp_path: Path) -> None:
    for folder in ("pools-before", "pools-now"):
        (tmp_path / "case" / folder).mkdir(parents=True)
        text = "Training Key,Redeemed,Expires\nQX77CD34EF57,,2026-12-31\nQX77CD34EF58,,2026-12-31\n"
        (tmp_path / "case" / folder / "Azure QX77CD34EF57.csv").write_text(text, encoding="utf-8")
    report = ka.write_report(audit(tmp_path / "case"), tmp_path / "r", share=True)
    last = list(openpyxl.load_workbook(report / "report.xlsx")["Outlook"].iter_rows(values_only=True))[-1]
    assert [cell for cell in last if cell is not None] == ["Azure …EF57", 2, 2, 2, 2, 0]


def test_a_code_is_shown_by_its_place_and_ending(halfway: Reconciliation) -> None:
    """16 characters show four, 8 to 11 two, fewer none; a link still leads to its key."""
    twin = masked(halfway)
    shown = dict(zip(halfway.keys["training_key"], twin.keys["training_key"], strict=True))
    assert shown["0C67D997EC562110"] == "Security Operations - Fabrikam, row 26 …2110"
    assert shown["BA6ACE6C"] == "Data Engineering - Northwind, row 23 …6C"
    altered = twin.keys[twin.keys["status"] == "altered"]
    assert set(altered["lookalike"]) == set(twin.keys.loc[twin.keys["status"] == "stray", "training_key"])
    links = twin.findings.loc[twin.findings["code"] == "altered", "training_key"]
    assert set(links) == set(altered["training_key"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("of ABCDEF123456, again", "of …3456, again"),
        ("xABCDEF123456x", "x…3456x"),
        ("abcdef123456", "…3456"),
        ("ABCD1234", "…34"),
        ("AB12 and AB123", "… and AB123"),
        ("Kim Park's keys", "(a person)'s keys"),
        ("ask kim@x.example today", "ask (a person) today"),
        ("A1 of the kit", "A1 of the (a person)"),
        ("A1 of the kitchen", "A1 of the kitchen"),
        ("ABCD-EF12 3456 and AB_CD_12_34", "…3456 and …34"),
        ("Kim_Park.csv; ParkKim, Park; Kim", "(a person).csv; (a person), (a person)"),
        ("the key, and thekey", "the key, and …"),  # a code that may be words: only as it is written
        ("7, 654 321 and 765-4321", "7, 654 321 and …"),  # nor one that may be a number
        ("", ""),
    ],
)
def test_secrets_are_taken_out_of_a_text(text: str, shown: str) -> None:
    secrets = Secrets(["ABCDEF123456", "ABCD1234", "AB12", "A1", "", "thekey", "7654321"], ["Kim Park", "Kit", "Kim"])
    assert secrets.hide(text) == shown


def test_two_pools_keep_two_names(tmp_path: Path) -> None:
    root = tmp_path / "case" / "pools-before"
    root.mkdir(parents=True)
    rows = [["KEY-000001", "Of Ann Lee", "Ann Lee"], ["KEY-000002", "Of Bea Lee", "Bea Lee"]]
    frame = pd.DataFrame(rows, columns=["Training Key", "Pool", "Redeemed By"])
    frame.to_csv(root / "p.csv", index=False)
    twin = masked(audit(tmp_path / "case"))
    assert twin.pools["pool"].tolist() == ["Of (a person)", "Of (a person) (2)"]
    assert twin.keys["reference"].tolist() == ["Of (a person), row 2", "Of (a person) (2), row 3"]


def test_a_full_report_is_not_replaced_by_its_twin(halfway: Reconciliation, tmp_path: Path) -> None:
    """Its paste lists and notes would go, or stay in a folder that is sent on."""
    target = ka.write_report(halfway, tmp_path / "r")
    former = files_of(target)
    with pytest.raises(KeyauditError, match="holds a report, which a report to share would replace"):
        ka.write_report(halfway, target, share=True)
    assert files_of(target) == former


def share(case: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return keyaudit("audit", case, "--as-of", "2026-04-09", "--share", *more)


def test_a_twin_is_replaced_by_the_next_and_compared_with_the_full_report(tmp_path: Path) -> None:
    """By default it stands beside the report, and tells what changed since that; what others have put there is named."""
    case = shutil.copytree(SAMPLES / "two-files", tmp_path / "two")
    assert keyaudit("audit", case, "--as-of", "2026-04-01").returncode == 1
    first, again = share(case), share(case)
    assert (first.returncode, first.stderr, again.returncode, again.stderr) == (1, "", 1, "")
    assert first.stdout == again.stdout
    assert "Since the former audit" in first.stdout
    assert first.stdout.count("these files can be sent on") == 1
    twin = case / "report-to-share"
    assert sorted(path.name for path in twin.iterdir()) == [
        "MANIFEST.json",
        "changes.csv",
        "findings.csv",
        "keys.csv",
        "report.html",
        "report.xlsx",
        "summary.json",
    ]
    (twin / "letter.txt").write_text("Dear Ana Lima")
    assert "Not of this report, and not masked: letter.txt." in share(case).stdout


def test_the_share_option_says_what_it_wrote(tmp_path: Path) -> None:
    run = share(SAMPLES / "two-files", "--out", str(tmp_path / "r"))
    assert run.returncode == 1
    assert "Codes are masked, and nobody is named" in run.stdout
    manifest = json.loads((tmp_path / "r" / "MANIFEST.json").read_text())
    assert manifest["options"]["share"] is True
    with zipfile.ZipFile(tmp_path / "r" / "report.xlsx") as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name]
    assert all("masked: no code in full" in sheet and "contains redeemable keys" not in sheet for sheet in sheets)


@pytest.mark.parametrize("name", ["Azure", "of ZQX-POOL-000001"])
def test_an_error_about_exports_names_no_code(name: str, tmp_path: Path) -> None:
    """A pool export among the course keys: the pool is named, but for a code in its name."""
    case = tmp_path / "case"
    rows = (
        f"Training Key,Pool,Starts,Redeemed\nZQX-POOL-000001,{name},2026-01-01,\nZQX-POOL-000002,{name},2026-01-01,\n"
    )
    for folder, more in (("pools-before", ""), ("course-keys", "ZQX-POOL-000003,Other,2026-01-01,\n")):
        (case / folder).mkdir(parents=True)
        (case / folder / "x.csv").write_text(rows + more, encoding="utf-8")
    with pytest.raises(ReconcileError) as caught:
        audit(case)
    shown = name.replace("ZQX-POOL-000001", "…0001")
    assert f'course-keys/x.csv: at least half of its codes are unredeemed keys of the pool "{shown}"' in str(
        caught.value
    )
    assert CANARY not in repr(ka.check(case)).lower()


def test_an_error_about_one_file_in_two_folders_names_no_code(tmp_path: Path) -> None:
    for folder in ("pools-before", "course-keys"):
        (tmp_path / "case" / folder).mkdir(parents=True)
        (tmp_path / "case" / folder / "ZQX-POOL-000001.csv").write_text("Training Key,Pool\nZQX-POOL-000001,P\n")
    with pytest.raises(ReconcileError, match=r"pools-before/…0001\.csv and course-keys/…0001\.csv are the same file"):
        audit(tmp_path / "case")


def test_two_courses_stay_two(tmp_path: Path) -> None:
    (tmp_path / "case" / "pools-before").mkdir(parents=True)
    rows = "ZQXAAA-1234,Course ZQXAAA-1234\nZQXBBB-1234,Course ZQXBBB-1234\nZQXBBB-1235,Course ZQXBBB-1234\n"
    (tmp_path / "case" / "pools-before" / "p.csv").write_text(f"Training Key,Course\n{rows}")
    assert audit(tmp_path / "case").summary("course")["keys"].to_dict() == {"Course …34": 1, "Course …34 (2)": 2}
