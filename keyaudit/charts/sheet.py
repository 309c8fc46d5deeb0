"""A chart as an object, and the sheet it is drawn on: in inches, labels that never collide. (look/README.md)"""

from __future__ import annotations

import datetime as dt
import io
import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, TypeAlias
from xml.etree import ElementTree

import pandas as pd

from keyaudit.deadlines import count, weekday
from keyaudit.reconciliation import Reconciliation
from keyaudit.statuses import FAMILIES

_loud = logging.getLogger("matplotlib")
_level = _loud.level
_loud.setLevel(logging.ERROR)  # the first import on a machine tells that it builds a font cache
import matplotlib as mpl  # noqa: E402
from matplotlib import style  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.font_manager import FontProperties, findfont, get_font  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Circle, PathPatch, Polygon, Rectangle  # noqa: E402
from matplotlib.path import Path as MplPath  # noqa: E402
from matplotlib.text import Text  # noqa: E402
from matplotlib.transforms import Bbox  # noqa: E402

_loud.setLevel(_level)

Points: TypeAlias = Any  # numbers in inches: a list or a NumPy array

WIDTH, HEIGHT, DPI = 9.2, 5.0, 160
LEFT, RIGHT = 0.42, WIDTH - 0.32  # where text begins and ends
NOTHING = "No key was exported"  # the title of a chart of no key
FONT = "DejaVu Sans"  # comes with matplotlib, so that a chart looks the same on every machine
INK, MUTE, GRID, RULE, BAND = "#1F2933", "#616E7C", "#E8ECF0", "#9AA5B1", "#EDF0F3"
FILL = {family: colours[0] for family, colours in FAMILIES.items()}
PALE = {"todo": "#F8E3D6", "done": "#CCDAE6", "nothing": "#E1E5EA"}  # what went before, what is not known
WORD = {family: colours[1] for family, colours in FAMILIES.items()}  # darker: text has a contrast of 4.5 at least


@dataclass(frozen=True, eq=False, repr=False)
class Chart:
    """One picture: `figure`, the numbers it shows (`data`), and what it says in words (its repr)."""

    name: str
    sentence: str
    figure: Figure
    data: pd.DataFrame
    _originals: dict[str, str] = field(default_factory=dict)  # names with signs that the font does not have

    def __repr__(self) -> str:
        """What the picture says, with its figures: the alternative text."""
        return self.sentence

    def _repr_png_(self) -> bytes:
        """The picture for JupyterLab."""
        target = io.BytesIO()
        with _own_settings(self.name):
            self.figure.savefig(target, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
        return target.getvalue()

    def svg(self) -> str:
        """The picture for a page: one `<svg>` element, text as text, every id its own, nothing from outside."""
        target = io.StringIO()
        with _own_settings(self.name):
            self.figure.savefig(target, format="svg", facecolor="white", metadata={"Date": None})
        return _tidy(target.getvalue(), self)


@contextmanager
def _own_settings(name: str) -> Iterator[None]:
    """matplotlib as it comes, whatever style the notebook has chosen."""
    with style.context("default"), mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        yield


_SVG = "{http://www.w3.org/2000/svg}"


def _tidy(text: str, chart: Chart) -> str:
    """matplotlib's SVG as a part of a page: no prolog, no style sheet that would reach the page, no ids that could clash."""
    ElementTree.register_namespace("", _SVG[1:-1])
    root = ElementTree.fromstring(text)  # noqa: S314 - what matplotlib has just written
    for parent in root.iter():
        for child in list(parent):
            if child.tag in (f"{_SVG}metadata", f"{_SVG}defs"):
                parent.remove(child)
    for element in root.iter():
        original = chart._originals.get(element.attrib.pop("id", ""))
        for words in element.iter(f"{_SVG}text") if original else ():
            words.text = original
        if "style" in element.attrib:
            element.set("style", re.sub(f"'{FONT}'", f"'{FONT}', Verdana, sans-serif", element.attrib["style"]))
        if re.fullmatch(r"rotate\(-?0 .*\)", element.get("transform", "")):
            del element.attrib["transform"]
        if "d" in element.attrib:
            element.set("d", " ".join(element.attrib["d"].split()))
        element.tail = None
        if element.tag != f"{_SVG}text":
            element.text = None
    width, height = (round(WIDTH * 96), round(chart.figure.get_figheight() * 96))
    root.attrib.update({"width": str(width), "height": str(height), "role": "img", "aria-label": chart.sentence})
    root.set("style", "max-width:100%;height:auto;stroke-linejoin:round;stroke-linecap:butt")
    return ElementTree.tostring(root, encoding="unicode")


class Sheet:
    """A white sheet measured in inches from its lower left corner, with a title, a subtitle and a source line."""

    def __init__(self, audit: Reconciliation, title: str, subtitle: str, *, height: float = HEIGHT, note: str = ""):
        self.height = height
        self.figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1), frame_on=False)
        self.axes.set_axis_off()
        self.axes.set_xlim(0, WIDTH)
        self.axes.set_ylim(0, height)
        self.taken: list[Bbox] = []
        self.originals: dict[str, str] = {}
        self.title, self.note = title, note
        self.text(LEFT, height - 0.42, title, size=15, bold=True, room=RIGHT - LEFT)
        self.text(LEFT, height - 0.72, subtitle, size=10, colour=MUTE, room=RIGHT - LEFT)
        self.text(LEFT, 0.17, source_line(audit), size=7.5, colour=MUTE, room=RIGHT - LEFT)
        if note:
            self.text(LEFT, 0.33, note, size=7.5, colour=MUTE, room=RIGHT - LEFT)

    # --- words ---

    def text(self, x: float, y: float, words: str, *, room: float | None = None, **look: Any) -> Bbox:
        """Write words where they belong; smaller, then shortened, where there is no `room` (inches)."""
        size = look.pop("size", 9)
        while room and size > 7.5 and self.width(words, size, look.get("bold", False)) > room:
            size -= 0.25
        if room:
            words = self.shorten(words, room, size, look.get("bold", False))
        if look.get("va") == "center" and "\n" not in words:  # on one line with its neighbours, whatever their letters
            look["va"], y = "baseline", y - 0.36 * size / 72
        artist = self._write(words, size=size, **look)
        artist.set_position((x, y))
        return self._take(artist)

    def place(self, words: str, spots: Iterable[tuple[float, float, str, str]], **look: Any) -> bool:
        """Write words at the first of the spots (x, y, ha, va) where nothing else stands; nowhere if there is none."""
        artist = self._write(words, **look)
        for x, y, ha, va in spots:
            artist.set(position=(x, y), ha=ha, va=va)
            if self._is_free(self._box(artist)):
                self._take(artist)
                return True
        artist.remove()
        return False

    def _write(
        self, words: str, *, size: float = 9, colour: str = INK, bold: bool = False, back: bool = False, **align: Any
    ) -> Text:
        shown = printable(words)
        artist = self.axes.text(
            0, 0, shown, fontproperties=font(size, bold), color=colour, parse_math=False, zorder=6, linespacing=1.25, **align
        )  # fmt: skip
        if shown != words and "\n" not in shown:
            name = f"words{len(self.originals)}"
            artist.set_gid(name)
            self.originals[name] = _without_controls(words)
        if back:
            artist.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
        return artist

    def _box(self, artist: Text) -> Bbox:
        box = artist.get_window_extent(_ruler)
        return Bbox(box.get_points() / DPI)

    def _take(self, artist: Text) -> Bbox:
        box = self._box(artist)
        self.taken.append(box)
        return box

    def _is_free(self, box: Bbox) -> bool:
        inside = box.x0 >= 0.1 and box.x1 <= WIDTH - 0.1 and box.y0 >= 0.1 and box.y1 <= self.height - 0.1
        wide = box.padded(0.03)
        return inside and not any(wide.overlaps(other) for other in self.taken)

    def avoid(self, xs: Points, ys: Points, gap: float = 0.04) -> None:
        """Keep labels placed later off a drawn line."""
        for (x0, y0), (x1, y1) in zip(
            zip(xs[:-1], ys[:-1], strict=True), zip(xs[1:], ys[1:], strict=True), strict=True
        ):
            steps = max(1, int(max(abs(x1 - x0), abs(y1 - y0)) / 0.15)) if x0 != x1 and y0 != y1 else 1
            for k in range(steps):
                ax, ay = x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps
                bx, by = x0 + (x1 - x0) * (k + 1) / steps, y0 + (y1 - y0) * (k + 1) / steps
                self.taken.append(
                    Bbox([[min(ax, bx) - gap, min(ay, by) - gap], [max(ax, bx) + gap, max(ay, by) + gap]])
                )

    def width(self, words: str, size: float, bold: bool = False) -> float:
        """How wide words are, in inches."""
        return _width(printable(words), size, bold)

    def shorten(self, words: str, room: float, size: float, bold: bool = False) -> str:
        """Words that fit: what differs between names stands at their ends, so the middle gives way."""
        words = " ".join(words.split())
        keep = len(words)
        shown = words
        while keep > 2 and self.width(shown, size, bold) > room:
            keep = min(keep - 1, max(2, int(keep * room / self.width(shown, size, bold))))
            head = (keep * 3 + 4) // 5
            shown = f"{words[:head].rstrip()}…{words[len(words) - (keep - head) :].lstrip()}"
        return shown

    # --- shapes ---

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, colour: str, z: float = 2) -> None:
        """A filled rectangle."""
        self.axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fc=colour, ec="none", lw=0, clip_on=False, zorder=z))

    def line(self, xs: Points, ys: Points, colour: str = RULE, width: float = 1, dash: Any = "-", z: float = 3) -> None:
        """A line through points."""
        self.axes.add_line(Line2D(xs, ys, color=colour, lw=width, ls=dash, solid_capstyle="butt", clip_on=False, zorder=z))  # fmt: skip

    def lines(self, segments: Sequence[Any], colour: str, width: float, z: float = 1.5) -> None:
        """Many short lines of one colour."""
        points = [point for segment in segments for point in segment]
        codes = [MplPath.MOVETO, MplPath.LINETO] * len(segments)
        path = MplPath(points, codes) if points else MplPath([(0, 0)])
        self.axes.add_patch(PathPatch(path, fc="none", ec=colour, lw=width, clip_on=False, zorder=z))

    def area(self, xs: Points, lower: Points, upper: Points, colour: str, z: float = 2) -> None:
        """What lies between two lines."""
        outline = [*zip(xs, upper, strict=True), *zip(xs[::-1], lower[::-1], strict=True)]
        self.axes.add_patch(Polygon(outline, closed=True, fc=colour, ec="none", lw=0, clip_on=False, zorder=z))

    def point(self, x: float, y: float, colour: str, *, hollow: bool = False, size: float = 7, z: float = 5) -> None:
        """A dot with a white rim; hollow where it is a projection. Labels placed later keep off it."""
        self.disc(x, y, *(("white", colour) if hollow else (colour, "white")), size=size, z=z)
        self.taken.append(Bbox([[x - 0.05, y - 0.05], [x + 0.05, y + 0.05]]))

    def disc(self, x: float, y: float, fill: str, edge: str, *, size: float = 8.5, z: float = 3) -> None:
        """A round sign, its size in points."""
        self.axes.add_patch(Circle((x, y), size / 144, fc=fill, ec=edge, lw=1.4, clip_on=False, zorder=z))

    def veil(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Fade what is drawn below: it is not known yet."""
        self.axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fc="white", ec="none", lw=0, alpha=0.7, clip_on=False, zorder=4))  # fmt: skip

    # --- labels beside a plot ---

    def column(self, x: float, bottom: float, top: float, told: Sequence[tuple[int, str, str]]) -> None:
        """Numbers with what they mean and their family, from the bottom up, over the whole height."""
        blocks = [(number, self.wrap(words, RIGHT - x, 8.5), family) for number, words, family in told]
        tall = [0.24 + 0.15 * words.count("\n") + 0.15 for _, words, _ in blocks]
        gap = (top - bottom - sum(tall)) / max(len(blocks), 1)
        y = bottom + gap / 2
        for (number, words, family), height in zip(blocks, tall, strict=True):
            y += height
            self.text(x, y, f"{number:,}", size=12, bold=True, colour=WORD[family], va="top")
            self.text(x, y - 0.22, words, size=8.5, colour=WORD[family], va="top")
            y += gap

    def ladder(
        self, x: float, bottom: float, top: float, told: Iterable[tuple[float, str, str, bool]], anchor: float
    ) -> None:
        """Labels at heights of their own, moved apart where they would touch, with a thin line from `anchor` to each."""
        rows = sorted(told, key=lambda row: row[0])
        gap = min(0.19, (top - bottom) / max(len(rows) - 1, 1))
        at: list[float] = []
        for y, *_ in rows:
            at.append(max(y, at[-1] + gap if at else bottom))
        ceiling = top
        for place in reversed(range(len(at))):
            at[place] = min(at[place], ceiling)
            ceiling = at[place] - gap
        for (y, words, colour, bold), level in zip(rows, at, strict=True):
            self.line([anchor + 0.02, x - 0.04], [y, level], RULE, 0.6)
            self.text(x, level, words, size=8.5, colour=colour, bold=bold, va="center", room=RIGHT - x)

    def wrap(self, words: str, room: float, size: float) -> str:
        """Words on as many lines as the room asks for."""
        lines = [""]
        for word in words.split():
            longer = f"{lines[-1]} {word}".strip()
            lines = [*lines[:-1], longer] if self.width(longer, size) <= room or not lines[-1] else [*lines, word]
        return "\n".join(lines)

    def chart(self, name: str, data: pd.DataFrame, *more: str) -> Chart:
        """The finished chart; `more` are sentences that follow the title in its repr."""
        return Chart(name, " ".join([f"{self.title}.", *filter(None, more)]), self.figure, data, self.originals)


def drawn(build: Any) -> Any:
    """A function that draws does so with matplotlib as it comes."""

    def chart(audit: Reconciliation) -> Chart:
        with _own_settings(build.__name__):
            return build(audit)  # type: ignore[no-any-return]

    chart.__name__, chart.__qualname__, chart.__doc__ = build.__name__, build.__name__, build.__doc__
    return chart


# --- words of the trade ---


def are(number: int) -> str:
    """The verb after a count."""
    return "is" if number == 1 else "are"


def day(date: dt.date, *, week: bool = False) -> str:
    """`10 Apr`, or `Fri 10 Apr`."""
    text = weekday(date).rsplit(" ", 1)[0]
    return text if week else text.partition(" ")[2]


def plain(code: str) -> str:
    """A status as a word: `to migrate`."""
    return code.replace("_", " ")


ROLE_WORDS = {"pools_before": "pool export", "pools_now": "later pool export", "course_keys": "course-key export"}


def source_line(audit: Reconciliation) -> str:
    """`Source: 6 pool exports, 1 course-key export, 2 other files · as of Thu 9 Apr 2026`."""
    words = audit.sources["role"].map(ROLE_WORDS).fillna("other file").value_counts()
    named = [count(int(words[word]), word) for word in (*ROLE_WORDS.values(), "other file") if word in words]
    return f"Source: {', '.join(named) or 'no files'} · as of {weekday(audit.as_of)}"


# --- text that can be drawn ---


@cache
def font(size: float, bold: bool = False) -> FontProperties:
    """DejaVu Sans in a size."""
    return FontProperties(family=[FONT], size=size, weight="bold" if bold else "normal")


_ruler: Any = RendererAgg(16, 16, DPI)  # type: ignore[no-untyped-call]


@lru_cache(2048)
def _width(words: str, size: float, bold: bool) -> float:
    return float(_ruler.get_text_width_height_descent(words, font(size, bold), False)[0]) / DPI


@cache
def _signs() -> frozenset[int]:
    """The code points that both weights of the font can draw."""
    return frozenset.intersection(
        *(frozenset(get_font(findfont(font(9, bold))).get_charmap()) for bold in (False, True))
    )


def _without_controls(text: str) -> str:
    """Text on one line, without control signs and signs that turn the direction of reading."""
    kinds = {sign: unicodedata.category(sign) for sign in set(text)}
    held = ("" if kinds[s] == "Cf" else " " if kinds[s][0] in "CZ" else s for s in text if s != "\ufeff")
    return " ".join("".join(held).split())


def printable(text: str) -> str:
    """Text as the font can draw it: `□` for signs it does not have, line ends as blanks between words we did not break."""
    if text.isascii() and text.isprintable():
        return text
    lines = [_without_controls(line) for line in text.split("\n")] if "\n" in text else [_without_controls(text)]
    return "\n".join("".join(sign if ord(sign) in _signs() else "□" for sign in line) for line in lines)
