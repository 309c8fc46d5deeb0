"""The page, the card and the stories as their readers meet them: in a browser, on a phone, in the dark, on paper."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES, Write, audit

import keyaudit as ka
from keyaudit.card import first_screen, work_lines
from keyaudit.changes import Changes, compare
from keyaudit.explain import stories
from keyaudit.reconciliation import Reconciliation
from keyaudit.report.page import book, write_page
from keyaudit.rulebook import FINDINGS, GROUPS, STATUSES
from keyaudit.share import masked
from keyaudit.words import plain

PROBE = """<script>addEventListener("load", async () => {
  const text = node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
  const shown = node => node.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const channel = value => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const card = node => node instanceof SVGElement && node.closest("svg").querySelector("path");
  const behind = node => { if (card(node)) return getComputedStyle(card(node)).fill;
    while (node) { const colour = getComputedStyle(node).backgroundColor;
    if (!/, 0\\)$|transparent/.test(colour)) return colour; node = node.parentElement; } return "rgb(255, 255, 255)"; };
  const ink = node => node instanceof SVGElement ? getComputedStyle(node).fill : getComputedStyle(node).color;
  const contrast = node => { const [a, b] = [light(ink(node)), light(behind(node))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
  const all = what => [...document.querySelectorAll(what)], words = node => node.textContent.replace(/\\s+/g, " ").trim();
  const type = (box, value) => { box.value = value; box.dispatchEvent(new Event("input")); };
  const result = {};
  const ask = () => { ASK };
  const first = document.querySelector("#work ~ ol li, #work ~ p");
  result.work = first ? first.getBoundingClientRect().top : -1;
  Object.assign(result, await ask());
  for (const one of all("details")) one.open = true;
  for (const one of all("button.key").slice(0, 40)) one.click();
  const seen = [...document.body.querySelectorAll("*")].filter(node => text(node) && shown(node));
  const wide = [...document.body.querySelectorAll("*")].filter(node => node.scrollWidth > node.clientWidth + 1
    && !["SCRIPT", "SPAN", "B", "I", "A", "INPUT", "BDI", "SMALL", "H3", "LABEL", "OUTPUT", "BUTTON", "TIME"].includes(node.tagName)
    && shown(node) && getComputedStyle(node).overflowX !== "visible");
  Object.assign(result, {
    width: innerWidth, scroll: document.documentElement.scrollWidth, wide: wide.map(node => node.className),
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    contrast: seen.map(node => [contrast(node), node.textContent.trim().slice(0, 40)]).sort((a, b) => a[0] - b[0])[0],
    face: getComputedStyle(document.body).backgroundColor, texts: seen.length,
    loaded: performance.getEntriesByType("resource").map(entry => entry.name),
  });
  parent.postMessage(JSON.stringify(result), "*");
});</script></body>"""
# A frame is as narrow as a phone; a window of a headless browser is not.
FRAME = """<!doctype html><body style="margin:0"><iframe src="probed.html" style="border:0;width:{width}px;height:844px"></iframe>
<script>addEventListener("message", event => {{ const told = document.createElement("pre"); told.id = "told";
told.textContent = event.data; document.body.append(told); }});</script>"""


def browse(page: Path, *options: str) -> str:
    """What Chromium prints of a page."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", profile]
    run = subprocess.run([*command, *options, page.as_uri()], capture_output=True, timeout=120, check=True)
    return run.stdout.decode()


def measured(page: Path, *options: str, width: int = 1180, ask: str = "") -> dict[str, Any]:
    """What a script in the page finds when the page is so wide; `ask` is a script that answers an object."""
    text = re.sub("script-src '[^']*'", "script-src 'unsafe-inline'", page.read_text(encoding="utf-8"))
    probed = text.replace("</body>", PROBE.replace("ASK", ask or "return {};"))
    page.with_name("probed.html").write_text(probed, encoding="utf-8")
    page.with_name("frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    shown = browse(page.with_name("frame.html"), "--dump-dom", "--window-size=1400,1000", *options)
    told = re.search(r'<pre id="told">(.*?)</pre>', shown, re.S)
    assert told is not None
    found: dict[str, Any] = json.loads(html.unescape(told[1]))
    return found


@pytest.fixture(scope="module")
def halfway() -> Reconciliation:
    return ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09")


@pytest.fixture(scope="module")
def page(halfway: Reconciliation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(halfway, path)
    return path


@pytest.fixture
def seven(write: Write) -> Reconciliation:
    """Seven keys, each for a reason of its own.

    In Azure (exported again) ...0001 is redeemed, 0002 still there, 0003 gone, 0004 a good course key, 0005 one that has
    expired. Of Server, not exported again, 0006 is a course key; so 0007 may have been deleted.
    """
    head = "Training_Key Course Redeemed Expires Created"
    redeemed = "AAAA00000001 C 2026-01-05 2026-12-31 2025-06-01"
    rows = [f"AAAA0000000{number} C . 2026-12-31 2025-06-01" for number in range(2, 8)]
    write("pools-before/Azure.csv", "\n".join([head, redeemed, *rows[:4]]))
    write("pools-before/Server.csv", "\n".join([head, *rows[4:]]))
    write("pools-now/Azure.csv", "\n".join([head, redeemed, rows[0]]))
    keys = "Training_Key Course Expires Uses Max_Uses Created\nAAAA00000004 C 2026-12-31 0 1 2026-03-30"
    return audit(
        write(
            "course-keys/k.csv",
            f"{keys}\nAAAA00000005 C 2026-04-01 0 1 2026-03-30\nAAAA00000006 C 2026-12-31 0 1 2026-03-30",
        ),
        "2026-04-03",
    )


def text_of(markup: str) -> str:
    """What is read: without scripts, styles and tags."""
    bare = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", markup, flags=re.S)
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", bare)).split())


def written(result: Reconciliation, folder: Path) -> str:
    write_page(result, folder / "p.html")
    return (folder / "p.html").read_text(encoding="utf-8")


# --- what is read first ---


def test_the_first_screen_says_who_is_locked_out_and_what_is_due(seven: Reconciliation, tmp_path: Path) -> None:
    """A table: group, keys, in words, what it means. Page, card and text twin tell the same."""
    expected = [
        ("locked out now", 2, "locked out now", "the learner's code fails today"),
        ("due", 1, "due by Fri 10 Apr 2026", "needs action; locks nobody out so far"),
        ("not known", 1, "not known", "the exports do not tell whether it works"),
        ("settled", 3, "settled", "nothing is left to do"),
    ]
    assert [(one.name, one.keys, one.words, one.told) for one in first_screen(seven)] == expected
    assert seven.headline == "4 of 7 keys need action."
    page, card, text = written(seven, tmp_path), seven._repr_html_(), repr(seven)
    read = text_of(page)
    assert read.index(seven.headline) < read.index("What to do, in this order") < read.index("What became of every key")
    for _, number, words, told in expected:
        assert f"{number} {words} {told}" in read
        assert f"{number} {words} {told}" in text_of(card)
        assert re.search(rf"^  {words} +{number}$", text, re.M)
    assert 'Case "case" · Training keys as of Fri 3 Apr 2026' in read
    said = [
        "4 of 7 keys need action.",
        "Verdict: blocked. Do not sign this off.",
        "2 keys do not work, and whoever holds one is locked out: 1 missing (deleted, not recreated) and 1 migrated (and "
        "the course key has expired).",
    ]
    assert text.startswith("\n".join(['Case "case"', *said]))
    assert " ".join(said) in read
    assert "2 keys today (locked out); next deadline: migrate by Fri 10 Apr 2026" in text
    assert "2 keys today (locked out); next deadline: migrate by Fri 10 Apr 2026" in read
    shares = re.findall(r'<div title="[^"]*" style="width:([\d.]+)%', card)
    assert shares == ["28.57", "14.29", "14.29", "42.86"]
    assert re.findall(r'<i class="(\w+)" style="flex-grow:(\d+)"', page)[:4] == [
        ("dead", "2"),
        ("todo", "1"),
        ("unknown", "1"),
        ("works", "3"),
    ]


def test_the_work_stands_in_its_order_with_pool_and_keys(seven: Reconciliation, tmp_path: Path) -> None:
    assert work_lines(seven) == [
        "today: 1 key in Azure, missing (deleted, not recreated, the code fails)",
        "today: 1 key in Azure, migrated, with a fault (the course key expired, and nobody is known to have used it, the code fails)",
        "by Fri 10 Apr 2026: 1 key in Azure, to migrate (only in a pool, the code still works)",
        "by Fri 10 Apr 2026: 1 key in Server, to migrate (only in a pool)",
    ]
    assert work_lines(seven, 3, "on the page")[-1] == "and 1 more line; on the page"
    steps = re.findall(r'<li><div class="head">(.*?)</details>\s*</div></li>', written(seven, tmp_path), re.S)
    told = [text_of(step) for step in steps]
    heads = ["1 key missing", "1 key migrated, with a fault", "1 key to migrate", "1 key to migrate"]
    assert [words[: len(head)] for words, head in zip(told, heads, strict=True)] == heads
    chips = ["1 locked out now", "1 locked out now", "1 due", "1 not known"]
    assert [re.findall(r'<span class="chip \w+">([^<]*)<', step) for step in steps] == [[chip] for chip in chips]
    ends = ["in Azure : 1 key row 4 …0003 does not work", "in Azure : 1 key row 6 …0005 does not work"]
    ends += ["in Azure : 1 key row 3 …0002 works until 2026-05-29", "in Server : 1 key row 3 …0007 not known"]
    assert [words[-len(end) :] for words, end in zip(told, ends, strict=True)] == ends
    assert [task.next_step in words for task, words in zip(seven.work, told, strict=True)] == [True] * 4


def test_what_is_not_known_and_needs_only_a_fuller_export_is_counted(write: Write) -> None:
    """The course-key export shows neither uses nor expirations: nobody can tell, and nobody has to touch the key."""
    head = "Training_Key Course Redeemed Expires"
    write("pools-before/P.csv", f"{head}\nAAAA00000001 C . 2026-12-31\nAAAA00000002 C . 2026-12-31")
    write("pools-now/P.csv", head)
    result = audit(write("course-keys/k.csv", "Training_Key Name Course\nAAAA00000001 N C\nAAAA00000002 N C"))
    assert (result.needing, result.groups["not known"]) == (0, 2)
    (unknown,) = (one for one in first_screen(result) if one.name == "not known")
    assert unknown.told == "the exports do not tell whether it works; 2 wait for a fuller export only"
    assert "Whether 2 keys would work is not known." in repr(result)


def test_a_step_that_was_told_before_is_not_told_again(write: Write, tmp_path: Path) -> None:
    """Two pools end on different days: what is to be done is the same, and stands in full where it is asked for."""
    write("pools-before/A.csv", "Training_Key Course Redeemed Expires\nAAAA00000001 C . 2026-04-20")
    case = write("pools-before/B.csv", "Training_Key Course Redeemed Expires\nAAAA00000002 C . 2026-04-25")
    case = write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nAAAA00000009 D 2026-12-31 0 1")
    result = audit(case, "2026-04-15")
    assert [task.act_by.isoformat() for task in result.work] == ["2026-04-19", "2026-04-24"]
    page = written(result, tmp_path)
    assert page.count(f"<p data-copy>{html.escape(result.work[0].next_step)}</p>") == 2
    assert page.count("<summary>What to do: as in 1</summary>") == 1


def test_every_number_of_a_group_is_the_sum_of_its_steps(halfway: Reconciliation, page: Path) -> None:
    counted: Counter[str] = Counter()
    for number, name in re.findall(r'<span class="chip \w+">([\d,]+) ([^<]*)<', page.read_text(encoding="utf-8")):
        counted[name] += int(number.replace(",", ""))
    groups = {name: halfway.groups[name] for name in GROUPS if name != "settled"}
    assert dict(counted) == {name: number for name, number in groups.items() if number}
    assert sum(counted.values()) == halfway.needing


def test_what_is_accepted_is_named_with_its_number(write: Write, tmp_path: Path) -> None:
    head = "Training_Key Course Redeemed Expires"
    write("pools-before/P.csv", f"{head}\nAAAA00000001 C . 2026-12-31\nAAAA00000002 C . 2026-12-31")
    write("pools-now/P.csv", head)
    case = write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nAAAA00000002 C 2026-12-31 0 1")
    (case / "case.toml").write_text('[[accepted]]\nfinding = "missing"\nreason = "the learner has left"\n')
    result = audit(case)
    read = text_of(written(result, tmp_path))
    assert result.groups == {"locked out now": 0, "due": 0, "not known": 0, "settled": 2}
    for shown in (read, text_of(result._repr_html_())):
        assert "1 key is accepted as it is." in shown
        assert "0 locked out now no learner's code is known to fail, apart from what is accepted as it is" in shown
        assert "2 settled nothing is left to do, or accepted as it is (1)" in shown
    assert "1 key would need action, and all that is found is accepted in the case's settings (case.toml)" in read
    (one,) = [
        told
        for what, told in next(stories(result, np.flatnonzero(result.facts.excused)[:1])).lines
        if what == "finding"
    ]
    assert one.startswith("accepted: missing.")
    assert one.endswith("Accepted: the learner has left")


def test_nothing_open_is_said_in_green_with_the_evidence(write: Write, tmp_path: Path) -> None:
    head = "Training_Key Redeemed Expires Course"
    write("pools-before/P.csv", f"{head}\nKEY-00001 . 2026-04-02 C")
    write("pools-now/P.csv", head)
    write("distribution/log.csv", "Training_Key Sent\nKEY-00001 2026-01-02")
    case = write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nKEY-00001 C 2026-12-31 0 1")
    result = audit(case, "2026-04-09")
    page = written(result, tmp_path)
    assert result.verdict == "clear", result.findings[["code", "message"]].to_string()
    assert "<h1>Nothing is open: the one key is accounted for.</h1>" in page
    assert '<header class="verdict clear">' in page
    assert "No key needs action." in page
    assert "<b>2 rows read = 2 keys + 0 repeats + 0 set aside</b>; unexplained: <b>0</b>" in page


def test_what_changed_stands_on_page_and_card(seven: Reconciliation, tmp_path: Path) -> None:
    """The last Azure key was still in its pool when the former audit was made; nothing but that key has changed."""
    former = dict(seven.key_columns)
    codes = former["status"].codes.copy()
    codes[former["training_key"].to_pylist().index("AAAA00000003")] = list(STATUSES).index("to_migrate")
    former["status"] = type(former["status"])(codes, former["status"].values)
    changes = compare(former, seven.key_columns)
    assert len(changes) == 1
    (told,) = changes.counted()
    page = text_of(written(replace(seven, changes=changes), tmp_path))
    assert f"Since the former audit 1 key changed: 1 key {told[1]}" in page
    assert "to migrate → missing" in told[1]
    assert "What changed" not in text_of(written(seven, tmp_path))
    assert "Since the former audit no key has changed." in text_of(
        written(replace(seven, changes=Changes(())), tmp_path)
    )
    same = seven.since(seven)
    assert "Since the former audit no key has changed." in repr(same)
    assert "Since the former audit no key has changed." in text_of(same._repr_html_())
    assert "Since the former audit" not in repr(seven)
    assert same.key_columns is seven.key_columns  # what was found once is kept


# --- looking up, stories ---


LOOK_UP = """
  const box = document.getElementById("find"), group = document.getElementById("group"), found = {};
  const rows = () => all("#found > li").map(words);
  for (const wanted of WANTED) { type(box, wanted); found[wanted] = [rows(), words(box.parentElement.querySelector("output"))]; }
  type(box, ""); document.querySelector('a[data-group="locked out now"]').click();
  found.group = [group.value, rows()]; group.value = ""; type(box, "");
  return {found, visible: shown(box), needed: getComputedStyle(document.getElementById("lookup")).display};
"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1180])
def test_every_key_can_be_looked_up(seven: Reconciliation, tmp_path: Path, width: int) -> None:
    """By pool, row, ending, status, group; by words in any order; by a whole code, of which only the end is compared."""
    written(seven, tmp_path)
    wanted = ("server", "Azure, row 4", "row azure 6", "…0002", "missing", "settled", "XYZW00000006", "nothing such")
    told = measured(tmp_path / "p.html", width=width, ask=LOOK_UP.replace("WANTED", json.dumps(wanted)))
    found = told["found"]
    assert found["server"] == [
        ["Server, row 3 …0007 to migrate, not known", "Server, row 2 …0006 migrated, settled"],
        "2 keys",
    ]
    assert found["Azure, row 4"] == [["Azure, row 4 …0003 missing, locked out now"], "1 key"]
    assert found["row azure 6"][0] == ["Azure, row 6 …0005 migrated, locked out now"]
    assert found["…0002"][0] == ["Azure, row 3 …0002 to migrate, due"]
    assert found["missing"][0] == ["Azure, row 4 …0003 missing, locked out now"]
    assert [row.split(" …")[0] for row in found["settled"][0]] == ["Azure, row 5", "Server, row 2", "Azure, row 2"]
    assert found["XYZW00000006"][0] == ["Server, row 2 …0006 migrated, settled"]
    assert found["nothing such"] == [[], "0 keys"]
    assert found["group"] == [
        "locked out now",
        ["Azure, row 4 …0003 missing, locked out now", "Azure, row 6 …0005 migrated, locked out now"],
    ]
    assert (told["visible"], told["needed"]) == (True, "block")


STORIES = """
  const box = document.getElementById("find"), told = [];
  document.getElementById("group").value = ""; type(box, ", row ");
  for (const button of all("#found > li > span > button")) {
    button.click();
    const open = button.closest("li").nextSibling;
    told.push([words(open.querySelector("b")), [...open.querySelectorAll("dt")].map(words), [...open.querySelectorAll("dd")].map(node => node.textContent),
      [...open.querySelectorAll(".life li")].map(words), [...open.querySelectorAll(".life li.own, .life li.own.later")].length,
      button.getAttribute("aria-expanded")]);
    button.click();
    if (button.closest("li").nextSibling?.className === "told") throw "still open";
  }
  return {told};
"""


@pytest.mark.browser
def test_the_page_tells_the_stories_that_explain_tells(halfway: Reconciliation, page: Path) -> None:
    told = measured(page, ask=STORIES)["told"]
    assert len(told) == 50  # so many are listed at once
    for (headline, whats, texts, life, own, expanded), one in zip(
        told, stories(halfway, halfway.order[:50]), strict=True
    ):
        assert headline == one.headline
        filled = [what or before for before, what in pairwise(["", *whats])]
        assert [what for place, what in enumerate(whats) if what] == list(dict.fromkeys(what for what, _ in one.lines))
        assert texts == [text for _, text in one.lines]
        assert life == [f"{day} {what}" for day, what, _ in one.life]
        assert (own, expanded) == (sum(is_own for _, _, is_own in one.life), "true")
        assert len(filled) == len(one.lines)


def test_stories_told_together_are_those_told_one_by_one(halfway: Reconciliation) -> None:
    together = list(stories(halfway, halfway.order))
    assert together == [next(stories(halfway, np.array([key]))) for key in halfway.order]
    assert len({one.headline for one in together}) == halfway.total


def test_a_story_as_html_says_what_its_text_twin_says(halfway: Reconciliation) -> None:
    """Only what an untrusted notebook keeps: plain elements, inline styles, no fixed ink; a dot for what befell the key."""
    for one in stories(halfway, halfway.order):
        shown = one._repr_html_()
        assert set(re.findall(r"<(\w+)", shown)) <= {"div", "table", "tr", "td", "bdi"}
        assert set(re.findall(r'([\w-]+)="', shown)) == {"class", "style"}
        assert not re.search(r"[;\"]color:(?!inherit)", shown)
        read, told = text_of(shown), " ".join(repr(one).split())
        assert all(" ".join(text.split()) in read and " ".join(text.split()) in told for _, text in one.lines)
        assert all(f"{day} {what}" in read and f"{day} {what}" in told for day, what, _ in one.life)
        assert shown.count("border-radius:50%") == sum(is_own for _, _, is_own in one.life)
    empty = halfway.explain("no such code")
    assert (text_of(empty._repr_html_()), empty.found) == (repr(empty), False)


def test_the_data_of_the_page_are_the_keys_in_the_order_of_urgency(seven: Reconciliation, tmp_path: Path) -> None:
    data = json.loads(
        re.findall(r'<script type="application/json" id="data">(.*?)</script>', written(seven, tmp_path), re.S)[0]
    )
    told = []
    for place, row, end, status, group, family, _, _ in data["keys"]:
        before, after = data["texts"][place]
        told.append(
            (f"{before}{row}{after} {end}", data["statuses"][status], data["groups"][group], data["families"][family])
        )
    assert told == [
        ("Azure, row 4 …0003", "missing", "locked out now", "dead"),
        ("Azure, row 6 …0005", "migrated", "locked out now", "dead"),
        ("Azure, row 3 …0002", "to migrate", "due", "todo"),
        ("Server, row 3 …0007", "to migrate", "not known", "unknown"),
        ("Azure, row 5 …0004", "migrated", "settled", "works"),
        ("Server, row 2 …0006", "migrated", "settled", "works"),
        ("Azure, row 2 …0001", "redeemed", "settled", "done"),
    ]


def test_the_twin_to_share_tells_its_stories_under_its_own_names(write: Write, tmp_path: Path) -> None:
    """A code stands in the name of a pool, a person's in that of a worksheet's file: neither may be read anywhere."""
    head = "Training_Key Course Redeemed Redeemed_By Expires"
    write(
        "pools-before/Kim Park AAAA00000001.csv",
        f"{head}\nAAAA00000001 C . . 2026-12-31\nAAAA00000002 C 2026-01-02 Kim_Park 2026-12-31",
    )
    case = write(
        "course-keys/Kim Park.csv",
        "Training_Key Name Course Expires Uses Max_Uses\nAAAA00000001 for_Kim_Park C 2026-12-31 0 1",
    )
    twin = masked(audit(case))
    text = written(twin, tmp_path) + "".join(one._repr_html_() for one in stories(twin, twin.order))
    assert not re.search("Kim Park|AAAA00000001", text)
    assert "(a person)" in text
    assert [one.headline.split(",")[0] for one in stories(twin, twin.order)] == ["(a person) …0001"] * 2


# --- tables ---


SORT = """
  const table = document.querySelector("table.pools"), heads = [...table.tHead.rows[0].cells], names = () => [...table.tBodies[0].rows].map(row => words(row.cells[0]));
  const told = [["", names(), null]];
  for (const place of [0, 0, 2, 2, 5]) { const button = heads[place].querySelector("button"); button.focus(); button.click();
    told.push([words(heads[place]), names(), heads[place].getAttribute("aria-sort"), document.activeElement === button]); }
  return {sorts: told, foot: [...table.tFoot.rows].map(row => words(row.cells[0])), marked: heads.filter(head => head.hasAttribute("aria-sort")).length};
"""


@pytest.mark.browser
def test_tables_sort_by_their_heads(halfway: Reconciliation, page: Path) -> None:
    """Names from A, numbers from the largest, dates from the first; again: the other way round. The sums stay below."""
    told = measured(page, ask=SORT)
    rows = halfway.pool_rows
    urgent = [row.pool for row in rows]
    by_name = sorted(urgent)
    by_keys = [
        row.pool
        for row in sorted(
            sorted(rows, key=lambda row: by_name.index(row.pool), reverse=True), key=lambda row: -row.keys
        )
    ]
    assert told["sorts"][0] == ["", urgent, None]
    assert told["sorts"][1] == ["Pool", by_name, "ascending", True]
    assert told["sorts"][2] == ["Pool", by_name[::-1], "descending", True]
    assert told["sorts"][3] == ["Keys", by_keys, "descending", True]
    assert told["sorts"][4][1:3] == [
        sorted(by_keys, key=lambda name: {r.pool: r.keys for r in rows}[name]),
        "ascending",
    ]
    day = {row.pool: str(row.act_by or "9999") for row in rows}
    assert [day[name] for name in told["sorts"][5][1]] == sorted(day.values())
    assert (told["foot"], told["marked"]) == (["in no pool", "all keys"], 1)


FILTER = """
  const box = document.getElementById("filter"); box.focus();
  const outline = getComputedStyle(box).outlineStyle, rows = () => all("tr.item").filter(row => row.checkVisibility()).map(row => words(row.cells[0]));
  const answers = {};
  for (const wanted of WANTED) { type(box, wanted); answers[wanted] = [rows(), words(box.parentElement.querySelector("output"))]; }
  type(box, ""); const after = words(box.parentElement.querySelector("output"));
  return {answers, visible: shown(box), outline, total: all("tr.item").length, after, open: all("details.group[open]").length};
"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1180])
def test_the_filter_box_filters_findings(halfway: Reconciliation, page: Path, width: int) -> None:
    """By pool, by status, by reference."""
    findings = halfway.findings.assign(
        reference=halfway.findings["training_key"].map(halfway.keys.set_index("training_key")["reference"])
    )
    (first, *_), missing = findings["reference"].dropna(), int((findings["code"] == "missing").sum())
    wanted = ("Missing", first, "no such thing")
    told = measured(page, width=width, ask=FILTER.replace("WANTED", json.dumps(wanted)))
    assert (told["visible"], told["outline"], told["after"], told["open"]) == (True, "solid", "", 0)
    assert told["total"] == len(findings)
    for rows, said in told["answers"].values():
        assert said == f"{len(rows)} of {len(findings)} listed findings"
    assert told["answers"]["no such thing"][0] == []
    assert set(told["answers"][first][0]) == {first}
    assert len(told["answers"]["Missing"][0]) == missing > 0


COPY = """
  const told = [], step = document.querySelector(".work > li"), button = step.querySelector("button.copy");
  const wait = () => new Promise(done => setTimeout(done, 50));
  return (async () => {
    Object.defineProperty(navigator, "clipboard", {configurable: true, value: {writeText: async words => told.push(words)}});
    button.click(); await wait(); const said = button.textContent;
    Object.defineProperty(navigator, "clipboard", {configurable: true, value: undefined});
    document.execCommand = what => { told.push(what + ": " + document.activeElement.value); return true; };
    button.click(); await wait(); const boxes = all("textarea").length;
    document.execCommand = () => false;
    button.click(); await wait();
    const left = all("textarea"), selected = left[0].value.slice(left[0].selectionStart, left[0].selectionEnd);
    return {told, said, boxes, refused: button.textContent, selected};
  })();
"""


@pytest.mark.browser
def test_every_action_can_be_copied(seven: Reconciliation, tmp_path: Path) -> None:
    """By the clipboard; where there is none, by a selection; and where that is refused too, the reader copies it."""
    written(seven, tmp_path)
    told = measured(tmp_path / "p.html", ask=COPY)
    what = f"{STATUSES['missing'].short}, the code fails"
    words = "\n".join(["1 key missing", "today", what, seven.work[0].next_step, "in Azure: 1 key"])
    assert told["told"] == [words, f"copy: {words}"]
    assert (told["said"], told["boxes"], told["refused"], told["selected"]) == ("Copied", 0, "Press Ctrl+C", words)


# --- for everybody, everywhere ---


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1180])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(page: Path, width: int, theme: str) -> None:
    """No sideways scroll, no request, every text with contrast 4.5 : 1; the work begins within the first screen."""
    dark = ["--blink-settings=preferredColorScheme=0"] if theme == "dark" else []
    found = measured(page, *dark, width=width)
    assert (found["width"], found["dark"]) == (width, theme == "dark")
    assert found["scroll"] <= width
    assert found["wide"] == []
    assert found["loaded"] == []
    assert found["texts"] > 200
    assert found["contrast"][0] >= 4.5, found["contrast"]
    assert (found["face"] == "rgb(255, 255, 255)") == (theme == "light")
    assert 0 < found["work"] < 740  # of 844: its first lines can be read


@pytest.mark.browser
def test_the_page_prints_on_a4(page: Path) -> None:
    paper = page.with_name("page.pdf")
    browse(page, f"--print-to-pdf={paper}")
    content = paper.read_bytes()
    boxes = [tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([^\]]*)\]", content)]
    assert 3 <= len(boxes) <= 20
    assert {(round(right), round(top)) for _, _, right, top in boxes} <= {(595, 842), (596, 842), (595, 841)}


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.headings: list[int] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.scripts: list[str] = []
        self.without_scope = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements[tag] += 1
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if tag == "a" else []
        self.scripts += [given.get("type") or ""] if tag == "script" else []
        self.without_scope += tag == "th" and "scope" not in given
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        assert not any(name.startswith("on") or name in ("src", "srcset", "action") for name, _ in attrs)


ALLOWED = """html head meta title style body a main p header h1 h2 h3 b ul li span small nav ol div bdi br table thead
tbody tfoot tr th td i details summary input select option label output script noscript figure figcaption svg desc path text"""


def test_the_page_is_built_for_everybody(page: Path) -> None:
    """Language, headings in order, header cells with scope, links that lead somewhere, one script, which alone may run."""
    text = page.read_text(encoding="utf-8")
    outline = Outline(text)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert set(outline.elements) <= set(ALLOWED.split())
    assert outline.elements["h1"] == outline.elements["main"] == 1
    assert outline.scripts == ["application/json", ""]
    assert outline.headings[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(outline.headings))
    assert outline.without_scope == 0
    assert all(link.startswith("#") and link[1:] in outline.ids for link in outline.links)
    assert len(outline.ids) == len(set(outline.ids))
    script = re.findall(r"<script>(.*?)</script>", text, re.S)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'\"" in text
    assert "https:" not in text and "http:" not in text


@pytest.mark.browser
def test_only_the_page_s_own_script_runs(page: Path) -> None:
    """A script that came in with the data, could it come in at all, would not run."""
    text = page.read_text(encoding="utf-8").replace("</main>", "</main><script>document.title = 'taken over'</script>")
    page.with_name("foreign.html").write_text(text, encoding="utf-8")
    shown = browse(page.with_name("foreign.html"), "--dump-dom")
    assert "<title>halfway · Training keys as of Thu 9 Apr 2026</title>" in shown
    assert '<button type="button"' in shown or '<button class="key"' in shown


def test_without_its_script_the_page_tells_the_evidence(halfway: Reconciliation, page: Path) -> None:
    """Every key that needs somebody, every kind of finding with its remedy and keys, pools, answers, files, words."""
    read = text_of(page.read_text(encoding="utf-8"))
    for name in (row.pool for row in halfway.pool_rows):
        assert name in read
    listed = re.findall(r'<li data-k="(\d+)">', page.read_text(encoding="utf-8"))
    assert sorted(map(int, listed)) == list(range(halfway.needing))
    for _, row in halfway.findings.iterrows():
        assert f"{row['severity']} · {plain(row['code'])} ·" in read
        assert " ".join(row["remedy"].split()) in read
    for code, number in halfway.statuses.items():
        assert not number or f"{plain(code)} {STATUSES[code].short} {number}" in read
        assert STATUSES[code].when in read
    for word, (number, sure) in halfway.answer_counts.items():
        assert f"{word} {number} {sure}" in read
    for row in halfway.source_rows:
        assert row["source_file"] in read
    assert "Looking up needs a script" in read


def test_a_page_of_100_000_keys_stays_below_2_mb(write: Write, tmp_path: Path) -> None:
    """Every kind of finding is named with its count; what is not listed is said to be in the workbook."""
    case = write("pools-before/P.csv", "Training_Key Course\nKEY-000001 C")
    codes = [f"K{number:07d}Q" for number in range(100_000)]
    for pool in range(50):
        rows = "\n".join(f"{code},C,2026-12-31" for code in codes[pool::50])
        name = f"{pool:02} {'a long name of a pool ' * 3}.csv"
        (case / "pools-before" / name).write_text(f"Training Key,Course,Expires\n{rows}\n", encoding="utf-8")
    result = audit(case)
    listed = write_page(result, tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert result.total == 100_001
    assert (tmp_path / "p.html").stat().st_size < 2_000_000
    assert listed < sum(result.count_findings().values())
    assert re.search(r"And \d{2,3},\d{3} more findings: workbook, sheet <i>Findings</i>", text)
    assert re.search(r"\d,\d{3} keys of 100,001 can be looked up here, the most urgent", text)
    for severity, code in result.findings.groupby(["severity", "code"], observed=True).groups:
        assert f"{severity}</b> · <h3>{plain(code)}</h3> ·" in text


def test_what_can_be_looked_up_ends_with_those_that_need_somebody(
    seven: Reconciliation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit the four that need somebody are told, of these the most urgent, and no more than there is room for."""
    assert book(seven)[1] == 7
    monkeypatch.setattr("keyaudit.report.page.KEYS", 6)
    assert book(seven)[1] == 4
    monkeypatch.setattr("keyaudit.report.page.KEYS", 3)
    assert book(seven)[1] == 3
    monkeypatch.setattr("keyaudit.report.page.BYTES", 10)
    assert book(seven)[1] == 1


NASTY = (
    *(
        "</script><script>alert(1)</script>",
        "<!-- <script>",
        "x]]><svg onload=alert(1)>",
        "{} {0} {{x}}",
        "a\u2028b\u2029c",
    ),
    *(
        '"><img src=x onerror=alert(1)>',
        "&lt;b&gt;&amp;",
        "javascript:alert(1)",
        "a\u202egnp.exe\u2066z",
        "bell\x07\x1b[31m",
    ),
    *("X, row 007, row 12", "é" * 3_000, "`${1}`", "'); alert('1"),
)


@pytest.mark.browser
def test_nothing_from_data_becomes_markup_or_script(write: Write, tmp_path: Path) -> None:
    """Names of pools and course keys that would; each is read as it stands, signs that do not show are spelt out."""
    rows = [f'AAAA{number:08d},"{name.replace(chr(34), chr(34) * 2)}",C' for number, name in enumerate(NASTY)]
    case = write("pools-before/p.csv", "Training_Key Pool Course")
    (case / "pools-before" / "p.csv").write_text(
        "Training Key,Pool,Course\n" + "\n".join(rows) + "\n", encoding="utf-8"
    )
    keys = [
        f'AAAA{number:08d},"{name.replace(chr(34), chr(34) * 2)}",C,2026-12-31,0,1'
        for number, name in enumerate(NASTY[:9])
    ]
    (case / "course-keys").mkdir()
    head = "Training Key,Name,Course,Expires,Uses,Max Uses\n"
    (case / "course-keys" / "k.csv").write_text(head + "\n".join(keys) + "\n", encoding="utf-8")
    result = audit(case)
    text = written(result, tmp_path)
    outline = Outline(text)
    assert set(outline.elements) <= set(ALLOWED.split())
    assert outline.scripts == ["application/json", ""]
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]", text)
    assert len(text) < 400_000  # 3,000 signs are not shown again and again
    block = re.findall(r'id="data">(.*?)</script>', text, re.S)[0]
    assert not re.search("[<>&\u2028\u2029]", block)
    told = measured(tmp_path / "p.html", ask="return {title: document.title, rows: all('#found > li').length};")
    assert (told["title"], told["rows"], told["loaded"]) == ("case · Training keys as of Fri 3 Apr 2026", 12, [])
    for one in (result._repr_html_(), *(one._repr_html_() for one in stories(result, result.order))):
        assert not re.search(r"<(?:script|img|svg|style)|\x07|\u202e", one)
    shown = [one.lines for one in stories(result, result.order)]
    assert any('course key entry: "javascript:alert(1)"' in text for lines in shown for _, text in lines)
    data = json.loads(block)
    names = {"".join([data["texts"][key[0]][0], str(key[1]), data["texts"][key[0]][1]]) for key in data["keys"]}
    assert "</script><script>alert(1)</script>, row 2" in names
    assert "agnp.exez, row 10" in names  # what turns text round is no part of a pool's name; elsewhere it is spelt out
    turned = written(replace(result, name="a\u202egnp.exe"), tmp_path)
    assert "<title>a\\u202egnp.exe · " in turned
    assert "\u202e" not in turned
    assert any(name.startswith("X, row 007, row 12") for name in names)


# --- the card ---


def test_the_card_says_what_its_text_twin_says(halfway: Reconciliation) -> None:
    """Only what an untrusted notebook keeps, the theme's own ink; each line of the work opens to its step and keys."""
    shown, told = halfway._repr_html_(), repr(halfway)
    read = text_of(shown)
    for text in (halfway.name, halfway.headline, halfway.sentence, *halfway.not_checked, *work_lines(halfway)):
        assert text in read
        assert text in told
    for code, number in halfway.statuses.items():
        assert (f"{number} {plain(code)}" in read) == (number > 0)
        assert bool(re.search(rf"^  {plain(code)} +{number}$", told, re.M)) == (number > 0)
    for word, (number, sure) in halfway.answer_counts.items():
        assert f"{word} {number} {sure}" in read
        assert f"{word}: {number} (certain: {sure})" in told
    names = "div span b bdi table thead tbody tr th td details summary ul li"
    assert set(re.findall(r"<(\w+)", shown)) == set(names.split())
    assert set(re.findall(r'([\w-]+)="', shown)) == {"class", "style", "title"}
    assert not re.search(r"[;\"]color:(?!inherit)", shown)
    assert shown.count("<details>") == 6
    assert halfway.work[0].next_step in read


def test_the_few_words_of_every_finding_and_status_are_read_as_plain_text() -> None:
    """They stand in markup as they are: none of them may need a second look."""
    texts = [*(one.short for one in STATUSES.values()), *(one.what for one in FINDINGS.values()), *GROUPS.values()]
    assert all(text == text.strip() and not re.search("[<>&{}]", text) for text in texts)
