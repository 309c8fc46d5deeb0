"""The page as its readers meet it: in a browser, on a phone, in the dark, on paper, without a network."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import SAMPLES, Write, audit

import keyaudit as ka
from keyaudit.report.page import write_page

PROBE = """<script>addEventListener("load", () => {
  const text = node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
  const shown = node => node.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const channel = value => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const behind = node => { while (node) { const colour = getComputedStyle(node).backgroundColor;
    if (!/, 0\\)$|transparent/.test(colour)) return colour; node = node.parentElement; } return "rgb(255, 255, 255)"; };
  const ink = node => node instanceof SVGElement ? getComputedStyle(node).fill : getComputedStyle(node).color;
  const contrast = node => { const [a, b] = [light(ink(node)), light(behind(node))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
  for (const one of document.querySelectorAll("details")) one.open = true;
  const seen = [...document.body.querySelectorAll("*")].filter(node => text(node) && shown(node));
  const wide = [...document.body.querySelectorAll("*")].filter(node => node.scrollWidth > node.clientWidth + 1
    && !["SCRIPT", "SPAN", "B", "I", "A", "INPUT", "BDI", "SMALL", "H3", "LABEL", "OUTPUT"].includes(node.tagName) && shown(node)
    && getComputedStyle(node).overflowX !== "visible");
  const result = {
    width: innerWidth, scroll: document.documentElement.scrollWidth, wide: wide.map(node => node.className),
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    contrast: seen.map(node => [contrast(node), node.textContent.trim().slice(0, 40)]).sort((a, b) => a[0] - b[0])[0],
    face: getComputedStyle(document.body).backgroundColor, texts: seen.length,
    loaded: performance.getEntriesByType("resource").map(entry => entry.name),
  };
  const box = document.getElementById("filter");
  if (box) {
    box.focus();
    const outline = getComputedStyle(box).outlineStyle;
    const rows = () => [...document.querySelectorAll("tr.item")].filter(shown).map(row => row.cells[0].textContent);
    const before = rows().length, answers = {};
    for (const wanted of WANTED) {
      box.value = wanted; box.dispatchEvent(new Event("input"));
      answers[wanted] = [rows().length, [...new Set(rows())].length, document.querySelector("output").textContent];
    }
    box.value = ""; box.dispatchEvent(new Event("input"));
    result.filter = {visible: shown(box), outline, before, answers};
  }
  parent.postMessage(JSON.stringify(result), "*");
});</script></body>"""
# A frame is as narrow as a phone; a window of a headless browser is not.
FRAME = """<!doctype html><body style="margin:0"><iframe src="probed.html" style="border:0;width:{width}px;height:900px"></iframe>
<script>addEventListener("message", event => {{ const told = document.createElement("pre"); told.id = "told";
told.textContent = event.data; document.body.append(told); }});</script>"""


def browse(page: Path, *options: str) -> str:
    """What Chromium prints of a page."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", profile]
    run = subprocess.run([*command, *options, page.as_uri()], capture_output=True, timeout=120, check=True)
    return run.stdout.decode()


def measured(page: Path, *options: str, width: int = 1180, wanted: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a script in the page finds when the page is so wide."""
    probe = PROBE.replace("WANTED", json.dumps(wanted))
    text = page.read_text(encoding="utf-8").replace("</body>", probe)
    page.with_name("probed.html").write_text(text, encoding="utf-8")
    page.with_name("frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    shown = browse(page.with_name("frame.html"), "--dump-dom", "--window-size=1400,1000", *options)
    told = re.search(r'<pre id="told">(.*?)</pre>', shown, re.S)
    assert told is not None
    found: dict[str, Any] = json.loads(html.unescape(told[1]))
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(ka.open_case(SAMPLES / "halfway").reconcile(as_of="2026-04-09"), path)
    return path


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1180])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(page: Path, width: int, theme: str) -> None:
    """No sideways scroll, no request, every text with contrast 4.5 : 1 against what is behind it."""
    dark = ["--blink-settings=preferredColorScheme=0"] if theme == "dark" else []
    found = measured(page, *dark, width=width)
    assert (found["width"], found["dark"]) == (width, theme == "dark")
    assert found["scroll"] <= width
    assert found["wide"] == []
    assert found["loaded"] == []
    assert found["texts"] > 200
    assert found["contrast"][0] >= 4.5, found["contrast"]
    assert (found["face"] == "rgb(255, 255, 255)") == (theme == "light")


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1180])
def test_the_filter_box_filters(page: Path, width: int) -> None:
    """By pool, by status, by reference. Three keys are missing; twenty of Networking are to migrate, and it is not exported
    again."""
    wanted = ("Missing", "Security Operations - Fabrikam, row 24", "no such thing", "networking")
    found = measured(page, width=width, wanted=wanted)["filter"]
    assert (found["visible"], found["outline"]) == (True, "solid")
    total, answers = found["before"], found["answers"]
    for rows, _, told in answers.values():
        assert told == f"{rows} of {total} listed findings"
    assert answers["no such thing"][0] == 0
    assert answers["Security Operations - Fabrikam, row 24"][:2] == [1, 1]
    assert answers["Missing"][0] == 3
    assert answers["networking"][0] == 21


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
        self.without_scope = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements[tag] += 1
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if tag == "a" else []
        self.without_scope += tag == "th" and "scope" not in given
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        assert not any(name.startswith("on") or name in ("src", "srcset", "action") for name, _ in attrs)


ALLOWED = """html head meta title style body a main p header h1 h2 h3 b ul li span small nav ol div bdi br table thead
tbody tr th td i details summary input label output script figure figcaption svg g path text"""


def test_the_page_is_built_for_everybody(page: Path) -> None:
    """Language, headings in order, header cells with scope, links that lead somewhere, one script."""
    text = page.read_text(encoding="utf-8")
    outline = Outline(text)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert set(outline.elements) <= set(ALLOWED.split())
    assert outline.elements["script"] == outline.elements["h1"] == outline.elements["main"] == 1
    assert outline.headings[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(outline.headings))
    assert outline.without_scope == 0
    assert all(link.startswith("#") and link[1:] in outline.ids for link in outline.links)
    assert len(outline.ids) == len(set(outline.ids))


def test_nothing_open_is_said_in_green_with_the_evidence(write: Write, tmp_path: Path) -> None:
    write("pools-before/P.csv", "Training_Key Expires Course\nKEY-00001 2026-04-02 C")
    write("pools-now/P.csv", "Training_Key Expires Course")
    write("distribution/log.csv", "Training_Key Sent\nKEY-00001 2026-01-02")
    case = write("course-keys/k.csv", "Training_Key Course Expires Uses Max_Uses\nKEY-00001 C 2026-12-31 0 1")
    result = audit(case, "2026-04-09")
    write_page(result, tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert result.verdict == "clear", result.findings[["code", "message"]].to_string()
    assert "<h1>Nothing is open: the one key is accounted for.</h1>" in text
    assert '<header class="verdict clear">' in text
    assert "No key needs somebody." in text
    assert "<b>2</b> rows read = <b>2</b> keys" in text


def test_a_page_of_100_000_keys_stays_below_2_mb(write: Write, tmp_path: Path) -> None:
    """Every kind of finding is named with its count; what is not listed is said to be in the workbook."""
    case = write("pools-before/P.csv", "Training_Key Course\nKEY-000001 C")
    codes = [f"K{number:07d}Q" for number in range(100_000)]
    for pool in range(50):
        rows = pd.DataFrame({"Training Key": codes[pool::50], "Course": "C", "Expires": "2026-12-31"})
        rows.to_csv(case / "pools-before" / f"{pool:02} {'a long name of a pool ' * 3}.csv", index=False)
    result = audit(case)
    listed = write_page(result, tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert len(result.keys) == 100_001
    assert (tmp_path / "p.html").stat().st_size < 2_000_000
    assert listed < len(result.findings)
    assert re.search(r"And 9\d,\d{3} more: workbook, sheet <i>Findings</i>", text)
    for code in result.findings["code"].unique():
        assert f"· {code.replace('_', ' ')} ·" in text
