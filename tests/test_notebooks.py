"""The notebooks: run from top to bottom, true in their prose, safe to show, and of use for one's own case."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import ROOT, SAMPLES, files_of, forked, keyaudit

import keyaudit as ka
from keyaudit import new
from keyaudit import notebook as reading
from keyaudit.errors import KeyauditError

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
MACHINE_PATH = re.compile(rf"(?:^|[^A-Za-z0-9_.])/(?:{'|'.join(('home', 'root', 'tmp', 'Users', 'work'))})/[a-z]")

Cell = dict[str, Any]


def cells_of(notebook: Path) -> list[Cell]:
    cells: list[Cell] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return cells


def code_of(notebook: Path) -> list[Cell]:
    return [cell for cell in cells_of(notebook) if cell["cell_type"] == "code"]


def source(cell: Cell) -> str:
    return "".join(cell["source"])


def tags(cell: Cell) -> list[str]:
    found: list[str] = cell["metadata"].get("tags", [])
    return found


def parameters(notebook: Path) -> dict[str, str]:
    (cell,) = (cell for cell in code_of(notebook) if tags(cell) == ["parameters"])
    return dict(re.findall(r"^([A-Z_]+) = (.*)$", source(cell), re.M))


def outputs(notebook: Path) -> str:
    return json.dumps([cell["outputs"] for cell in code_of(notebook)], ensure_ascii=False)


# --- how a notebook is made ---


def test_the_walk_is_complete() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "00_start_here",
        "01_read_exports",
        "02_reconcile_keys",
        "03_migrate_a_pool",
        "04_status_against_deadlines",
        "05_after_the_sunset",
        "06_rehearse",
    ]


@every_notebook
def test_a_notebook_was_run_from_top_to_bottom(notebook: Path) -> None:
    """nbval passes a notebook whose outputs were cleared; this does not."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    code = code_of(notebook)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    silent = [source(cell) for cell in code if not cell["outputs"]]
    assert all(re.match(r"import |from ", text) or re.match(r"[A-Z_]+ = ", text) for text in silent), silent
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert not any(output["output_type"] in ("stream", "error") for cell in code for output in cell["outputs"])
    assert notebook.stat().st_size < 1_500_000


@every_notebook
def test_a_notebook_keeps_the_rhythm(notebook: Path) -> None:
    """A question as title, three lines, the answer first; then question → one call → a sentence; nothing defined."""
    cells = cells_of(notebook)
    title, *lines = [line for line in source(cells[0]).splitlines() if line]
    assert re.fullmatch(r"# [A-Z].*\?", title)
    assert [line[:13] for line in lines] == ["* *You get:* ", "* *You need:*", "* *It takes:*"]
    assert source(cells[1]).startswith("**The answer")
    code = [source(cell) for cell in code_of(notebook)]
    assert max(len(text.splitlines()) for text in code) <= 6
    assert not any(re.search(r"^\s*(?:def|class|for|while|async|@)\b|\blambda\b", text, re.M) for text in code)
    assert not any(text.rstrip().endswith(";") or re.search(r"^\s*[%!]", text, re.M) for text in code)
    assert not any(re.search(r"skip|raises-exception|nbval", str(cell["metadata"])) for cell in cells)
    prose = sum(len(source(cell).split()) for cell in cells if cell["cell_type"] == "markdown")
    assert prose >= 7 * sum(len([line for line in text.splitlines() if line]) for text in code)
    links = re.findall(r"\]\((\d\d_[a-z_]+\.ipynb)\)", source(cells[-1]))
    place = NOTEBOOKS.index(notebook)
    beside = [NOTEBOOKS[i].name for i in (place - 1, place + 1) if 0 <= i < len(NOTEBOOKS)]
    assert links == (beside if place < len(NOTEBOOKS) - 1 else [*beside, "00_start_here.ipynb"])


@every_notebook
def test_a_notebook_gives_no_secret_away(notebook: Path) -> None:
    """No full key, no address, no path of a machine; parameters stay within data/samples."""
    text = outputs(notebook)
    assert [code for code in sample_codes() if code in text] == []
    assert not re.search(r"[\w.]+@[\w.]+\.\w+|[A-Z]:\\\\", text)
    assert not MACHINE_PATH.search(text)
    for name, value in parameters(notebook).items():
        if name in ("CASE", "AFTER", "MENDED"):
            assert json.loads(value).startswith("../data/samples/"), value
        if name in ("OUT", "PRACTICE"):
            assert value in ('"report"', '"rehearsal"')  # both ignored by git, and not start.py's folder


@cache
def sample_codes() -> tuple[str, ...]:
    """Every code of the samples that is long enough to be told from other text."""
    cases = [folder.parent for folder in SAMPLES.rglob("pools-before")]
    assert len(cases) >= len([folder for folder in SAMPLES.iterdir() if folder.is_dir()])
    audits = [ka.open_case(case).reconcile(as_of="2026-04-09") for case in cases]
    codes = {code for audit in audits for code in audit.keys["training_key"].dropna() if len(code) > 5}
    return tuple(codes - {"Training Key"})


# --- every figure in the prose ---

NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
WORDS = {word: number for number, word in enumerate(NUMBERS)} | {
    word: 10 * number
    for number, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"

# Figures that are no result of an audit: rules of the TMS, of keyaudit or of the calendar.
FIXED = (
    r"`[^`]*`",  # code
    r"\]\([^)]*\)",  # where a link leads
    r"\b0\d · ",  # the number of a notebook
    r"\b\d{1,2} (?:" + MONTHS + r")(?: \d{4})?\b",
    r"\b(?:" + MONTHS + r")(?: and (?:" + MONTHS + r"))? \d{4}\b",
    r"\b\d{4}-\d\d-\d\d\b",
    r"\b(?:ten|fifteen|thirty) minutes\b",
    r"\b14 statuses\b",
    r"\bwithin (?:seven|thirty) days\b",
    r"\b24 hours\b",
    r"\b(?:six|both) steps\b|\bSteps? (?:(?:one|two|three|four|five|six)(?: and )?)+\b",
    r"\bfour answers\b",
    r"\brow \d+\b",  # where a key stands
    r"^\d\. ",  # a numbered list
    r"\bone\b|\bOne\b",  # also a pronoun
    r"\b(?:the|these|those|both|between the) two\b|\btwo (?:exports|keys|orders|places|steps|tables)\b",
)


def figures(prose: str) -> list[str]:
    """Every number a text states, in digits; number words count."""
    for phrase in FIXED:
        prose = re.sub(phrase, " ", prose, flags=re.M)
    stated = [WORDS[word] for word in re.findall(r"[a-z]+", prose.lower()) if word in WORDS]
    digits = re.findall(r"(?<![\w.])\d[\d,]*(?!\w)", prose)
    return [f"{number}" for number in stated] + [number.replace(",", "").rstrip(",") for number in digits]


def shown_figures(cell: Cell) -> set[str]:
    """Every number the output of a cell shows, and how many rows its tables have; row labels and dates left out."""
    found: set[str] = set()
    for output in cell["outputs"]:
        data = output["data"]
        text = "".join(data.get("text/html", data["text/plain"]))
        rows = re.search(r"<tbody>(.*?)</tbody>", text, re.S)
        if rows:
            found.add(str(rows[1].count("<tr>")))
        text = html.unescape(re.sub(r"<style.*?</style>|<th>\d+</th>|<[^>]+>", " ", text, flags=re.S))
        text = re.sub(r"\d{4}-\d\d-\d\d|\d{1,2} [A-Z][a-z]{2} \d{4}|\brow \d+", " ", text)
        found |= {number.replace(",", "") for number in re.findall(r"(?<![\w.…])\d[\d,]*(?!\w)", text)}
    return found


@every_notebook
def test_every_figure_in_the_prose_is_in_the_output_above(notebook: Path) -> None:
    """The answer at the top is held against all outputs, a reading against the last output above it."""
    cells = cells_of(notebook)
    everything = set().union(*(shown_figures(cell) for cell in code_of(notebook)))
    last = everything
    for cell in cells:
        if cell["cell_type"] == "code":
            last = shown_figures(cell) if cell["outputs"] else last
        else:
            wrong = [number for number in figures(source(cell)) if number not in last]
            assert not wrong, (wrong, source(cell))


@every_notebook
def test_only_what_speaks_of_the_sample_states_figures(notebook: Path) -> None:
    """What is not tagged `sample` is copied into a case of one's own, where the sample's figures would be wrong."""
    for cell in cells_of(notebook):
        if cell["cell_type"] == "markdown" and tags(cell) != ["sample"]:
            assert figures(source(cell)) == [], source(cell)


@every_notebook
def test_words_about_the_sample_say_so(notebook: Path) -> None:
    """What is run on another case by papermill or nbconvert keeps these words: nobody takes them for words about his case.

    In 03 to 05 none stands beside a result: the pictures and tables say their figures themselves.
    """
    is_model = notebook.stem == "06_rehearse"  # a world of its own: nobody's case
    spoken = [cell for cell in cells_of(notebook) if tags(cell) == ["sample"]]
    assert all(cell["cell_type"] == "markdown" for cell in spoken)
    begun = r"\*\*The answer, on the sample `[a-z-]+`:\*\*|\*\*To use your own exports|\*On the sample:\* "
    assert is_model or all(re.match(begun, source(cell)) for cell in spoken)
    if notebook.stem[:2] in ("03", "04", "05"):
        assert len(spoken) == 2 and cells_of(notebook)[1:3] == spoken


def test_a_false_figure_would_be_seen() -> None:
    table = "<table><tbody><tr><th>7</th><td>12</td></tr><tr><th>8</th><td>2026-04-09, row 33 …1234</td></tr></tbody></table>"
    cell = {"outputs": [{"data": {"text/html": [table], "text/plain": ["x"]}}]}
    assert shown_figures(cell) == {"12", "2"}
    assert figures("Twelve of 1,300 keys, on 8 May, within seven days.") == ["12", "1300"]


def test_the_rehearsal_ends_as_it_says() -> None:
    """One key is forgotten and found; mended, nothing is open: what its prose tells, its cards say."""
    said = "".join(
        "".join(output["data"]["text/plain"]) for cell in code_of(NOTEBOOKS[-1]) for output in cell["outputs"]
    )
    verdicts = re.findall(r'Case "rehearsal"\n(.*)', said)
    assert verdicts == [
        "9 of 12 keys need action.",
        "1 of 12 keys needs action.",
        "Nothing is open: all 12 keys are accounted for.",
    ]


# --- tables for reading ---


def rows_of(table: pd.DataFrame) -> list[list[str]]:
    """Header and rows of a table as it is shown."""
    rows = re.findall(r"<tr>(.*?)</tr>", reading.as_html(table))
    return [re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_a_table_is_shown_for_reading() -> None:
    table = pd.DataFrame({
        "pool": ["A <b>", None], "keys": [1234567, 2], "share": [0.5, None], "due": pd.to_datetime(["2026-04-10", None])
    })  # fmt: skip
    first = ["A &lt;b&gt;", "1,234,567", "0.5", "2026-04-10"]
    assert rows_of(table) == [["pool", "keys", "share", "due"], first, ["", "2", "", ""]]
    assert rows_of(table.set_index("pool")) == rows_of(table)
    assert rows_of(table[["pool", "pool"]].set_axis([7, 9])) == [["pool", "pool"], ["A &lt;b&gt;"] * 2, ["", ""]]
    counted = table.value_counts(["pool", "keys"]).to_frame()
    assert rows_of(counted) == [["pool", "keys", "count"], ["A &lt;b&gt;", "1,234,567", "1"]]
    across = table[["keys"]].set_axis(["x", "y"]).rename_axis(columns="pool").T.rename_axis(columns="pool")
    assert rows_of(across) == [["pool", "x", "y"], ["keys", "1,234,567", "2"]]
    assert rows_of(table.head(0)) == [["pool", "keys", "share", "due"]]
    assert reading.as_html(table.head(0)).endswith("</table><div>none</div>")
    step = "Delete the code from its pool, then paste it elsewhere."
    assert rows_of(pd.DataFrame({"do": [step, step, "Nothing.", step], "n": [1, 1, 1, 1]}))[1:] == [
        [step, "1"], ["as above", "1"], ["Nothing.", "1"], [step, "1"]
    ]  # fmt: skip
    assert "red_<wbr>recreated</th>" in reading.as_html(pd.DataFrame({"red_recreated": [1]}))
    long = reading.as_html(pd.DataFrame({"n": range(1061)}))
    assert (long.count("<td"), long.endswith("<div>… and 1,001 more rows</div>")) == (60, True)


# --- copies for one's own case ---


def new_case(tmp_path: Path) -> Path:
    """The two-files sample as a case of one's own."""
    ka.new_case(tmp_path / "mine")
    for folder in ("pools-before", "course-keys"):
        shutil.copytree(SAMPLES / "two-files" / folder, tmp_path / "mine" / folder, dirs_exist_ok=True)
    (tmp_path / "mine" / "case.toml").write_text("as_of = 2026-04-09\n")
    return tmp_path / "mine"


def walk(folder: Path, *names: str, **environment: str) -> None:
    """Run notebooks in IPython; in JupyterLab, under nbval, papermill and nbconvert other tests and CI run them."""
    run = forked("walking", *names, folder=folder, **environment)
    assert (run.returncode, run.stdout) == (0, ""), run.stderr[-2000:]


def test_copies_point_at_their_case_and_hold_nothing_of_the_sample(tmp_path: Path) -> None:
    folder = new_case(tmp_path) / "notebooks"
    assert sorted(path.name for path in folder.iterdir()) == [path.name for path in NOTEBOOKS]
    for original in NOTEBOOKS:
        copy = folder / original.name
        assert "sample" not in "".join(source(cell) for cell in code_of(copy))
        assert not any(tags(cell) == ["sample"] for cell in cells_of(copy))
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code_of(copy))
        own = {name: new.OWN[name] for name in parameters(original) if name not in ("TODAY", "PRACTICE")}
        assert {name: value for name, value in parameters(copy).items() if name in own} == own
    assert parameters(folder / "00_start_here.ipynb")["CASE"] == '".."'


def test_copies_run_on_a_case_of_ones_own(tmp_path: Path) -> None:
    """All seven, on a case that has only two files, without an edit: the worst pool and the worst key are looked at."""
    case = new_case(tmp_path)
    walk(case / "notebooks", *(path.name for path in NOTEBOOKS))
    summary = json.loads((case / "report" / "summary.json").read_text(encoding="utf-8"))
    assert summary["as_of"] == "2026-04-09"
    assert f"of {summary['keys']} keys need" in outputs(case / "notebooks" / "00_start_here.ipynb")
    worst = ka.open_case(case).reconcile()
    assert worst.show(limit=1).index[0] in outputs(case / "notebooks" / "02_reconcile_keys.ipynb")
    assert worst.pools["pool"][0] in outputs(case / "notebooks" / "03_migrate_a_pool.ipynb")


@pytest.mark.parametrize("sample", [pytest.param("clean", marks=pytest.mark.long), "late-backup", "ugly"])
def test_copies_run_on_any_case(sample: str, tmp_path: Path) -> None:
    """Where nothing is wrong, where hardly anything is known, where there are sixty pools."""
    shutil.copytree(SAMPLES / sample, tmp_path / "mine")
    ka.new_case(tmp_path / "mine")
    walk(tmp_path / "mine" / "notebooks", *(path.name for path in NOTEBOOKS[1:6]), KEYAUDIT_AS_OF="2026-04-20")


def test_a_slip_is_one_sentence_with_the_choices(tmp_path: Path) -> None:
    """A pool, a status or a day that there is not; a key that no export knows is answered like any other."""
    audit = ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09")
    assert ka.choose_pool(audit, " networking - TAILSPIN") == "Networking - Tailspin"
    assert ka.choose_pool(audit) == audit.pools["pool"][0]
    slips = {
        lambda: ka.choose_pool(audit, "Networkin"): "Networking - Tailspin",
        lambda: audit.show(status="mising"): "missing",
        lambda: audit.summary(by="pol"): '"pool"',
        lambda: audit.outlook(by="pol"): '"pool"',
        lambda: audit.explain(" "): "a reference",
        lambda: ka.open_case(tmp_path / "nowhere"): "nowhere",
        lambda: ka.open_case(SAMPLES / "halfway").reconcile(as_of="9.4."): "2026-04-09",
    }
    for slip, choice in slips.items():
        with pytest.raises(KeyauditError, match=re.escape(choice)) as problem:
            slip()
        (line,) = problem.value._render_traceback_()
        assert line == f"keyaudit: {problem.value}" and "Traceback" not in line
    assert audit.explain("no such key").found is False


def test_a_slip_stops_a_notebook_with_one_sentence(tmp_path: Path) -> None:
    case = new_case(tmp_path)
    mine = case / "notebooks" / "03_migrate_a_pool.ipynb"
    text = mine.read_text(encoding="utf-8")
    mine.write_text(re.sub(r"POOL = None[^\\]*", "POOL = 'Azur'", text, count=1), encoding="utf-8")
    with pytest.raises(AssertionError, match=r'There is no pool "Azur" in .*Azure Fundamentals') as problem:
        walk(case / "notebooks", mine.name)
    assert "choose_pool(audit" not in str(problem.value)  # the message alone, not the lines of keyaudit it came from


def test_a_copy_somebody_worked_in_is_kept(tmp_path: Path) -> None:
    case = new_case(tmp_path)
    mine = case / "notebooks" / "00_start_here.ipynb"
    mine.write_text("mine")
    (case / "notebooks" / "06_rehearse.ipynb").unlink()
    assert any("begin with 00_start_here.ipynb" in line for line in ka.new_case(case))
    assert mine.read_text() == "mine"
    assert (case / "notebooks" / "06_rehearse.ipynb").is_file()


def test_an_installation_without_notebooks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new, "NOTEBOOKS", (tmp_path / "nowhere",))
    assert "not part of this installation" in ka.new_case(tmp_path / "mine")[-1]
    assert not (tmp_path / "mine" / "notebooks").exists()


def test_the_environment_beats_the_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ka.from_environment("a", "b", "2026-04-09") == ("a", "b", "2026-04-09")
    monkeypatch.setenv("KEYAUDIT_CASE", "mine")
    assert ka.from_environment("a", "b", None) == ("mine", "mine", None)
    monkeypatch.setenv("KEYAUDIT_AS_OF", "2026-04-20")
    assert ka.from_environment("a", None) == ("mine", "2026-04-20")
    shutil.copy(ROOT / "notebooks" / "02_reconcile_keys.ipynb", tmp_path)
    walk(tmp_path, "02_reconcile_keys.ipynb", KEYAUDIT_CASE=str(SAMPLES / "two-files"), KEYAUDIT_AS_OF="2026-04-20")
    shown = outputs(tmp_path / "02_reconcile_keys.ipynb")
    assert "pools-before/Azure Fundamentals.xlsx" in shown
    assert "Security Operations" not in shown


def test_papermill_sets_the_parameters(tmp_path: Path) -> None:
    case, out = SAMPLES / "two-files", tmp_path / "report"
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--cwd", str(tmp_path)]
    given = ["-p", "CASE", str(case), "-p", "AS_OF", "2026-04-20", "-p", "OUT", str(out)]
    files = [str(ROOT / "notebooks" / "00_start_here.ipynb"), str(tmp_path / "done.ipynb")]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([*command, *files, *given], env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["as_of"] == "2026-04-20"


# --- what is passed on ---


def test_the_report_of_a_notebook_is_the_report_of_the_command_line(tmp_path: Path) -> None:
    shutil.copy(ROOT / "notebooks" / "00_start_here.ipynb", tmp_path)
    case = SAMPLES / "halfway"
    walk(tmp_path, "00_start_here.ipynb", KEYAUDIT_CASE=str(case))
    run = keyaudit("audit", case, "--as-of", "2026-04-09", "--out", tmp_path / "same")
    assert (run.returncode, run.stderr) == (1, "")
    assert files_of(tmp_path / "report") == files_of(tmp_path / "same")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every notebook as a page, by the recipe of docs/own-exports.md."""
    out = tmp_path_factory.mktemp("pages")
    recipe = re.search(r"jupyter (nbconvert --to html .*) notebooks/", (ROOT / "docs/own-exports.md").read_text())
    assert recipe is not None
    command = [sys.executable, "-m", "jupyter", *recipe[1].split(), "--output-dir", str(out), *map(str, NOTEBOOKS)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return out


def test_a_picture_on_a_page_is_read_aloud(pages: Path) -> None:
    """Every chart has its sentence, with the figures, for whoever does not see it."""
    (walk,) = (path for path in NOTEBOOKS if path.stem == "04_status_against_deadlines")
    said = [
        output["data"]["text/plain"]
        for cell in code_of(walk)
        for output in cell["outputs"]
        if "image/png" in output["data"]
    ]
    text = (pages / f"{walk.stem}.html").read_text(encoding="utf-8")
    shown = re.findall(r'<img\b[^>]*?\balt="([^"]*)"', text)
    assert [html.unescape(words) for words in shown] == ["".join(words) for words in said]
    assert len(said) == 6


@every_notebook
def test_a_notebook_as_a_page_asks_nothing_of_the_network(notebook: Path, pages: Path) -> None:
    text = (pages / f"{notebook.stem}.html").read_text(encoding="utf-8")
    assert source(cells_of(notebook)[0]).splitlines()[0].removeprefix("# ") in html.unescape(text)
    loaded = re.findall(r"""<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=["']?([^"'\s>]*)""", text)
    loaded += re.findall(r"""(?:url\(\s*["']?|@import\s+["']|\bimport\(["'])([^"')\s]+)""", text)
    assert [link for link in loaded if not link.startswith(("data:", "#"))] == []
