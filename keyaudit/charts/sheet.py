"""A chart as an object, and the sheet it is laid out on: in inches, labels that never collide. (look/README.md)"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np

from keyaudit.audit import Audit
from keyaudit.charts import paint
from keyaudit.charts.paint import FILL, INK, MUTE, PAPER, RULE, WIDTH, WORD, Lines, Points, Shape, Words, clean, width
from keyaudit.rulebook import FAMILIES
from keyaudit.words import count, weekday

HEIGHT, LEFT, RIGHT = 5.0, 0.42, WIDTH - 0.42  # where text begins and ends
NOTHING = "No key was exported"  # the title of a chart of no key
FILES = {"pools_before": "pool export", "pools_now": "later pool export", "course_keys": "course-key export"}
Box = tuple[float, float, float, float]  # from the lower left corner to the upper right
Spots = Sequence[tuple[float, float, str, str]]  # x, y, and which sides of the words stand there


@dataclass(frozen=True)
class Chart:
    """One picture: what it says in words (its repr), the numbers it shows (`data`), a matplotlib `figure` of it."""

    sentence: str
    told: str  # what is counted
    drawn: tuple[float, Sequence[Shape], Sequence[Words]]  # height, shapes, words
    numbers: Mapping[str, Any]

    def __repr__(self) -> str:
        """What the picture says, with its figures: the alternative text."""
        return self.sentence

    @cached_property
    def data(self) -> Any:
        """The numbers that are drawn, as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(dict(self.numbers))

    @cached_property
    def figure(self) -> Any:
        """The picture as a matplotlib figure, to change or to save; pyplot does not know it."""
        return paint.figure(*self.drawn)

    def _repr_png_(self) -> bytes:
        return paint.png(*self.drawn)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The picture for JupyterLab in its size on paper, with its alternative text."""
        more = {"width": round(WIDTH * 96), "alt": self.sentence}
        return {"image/png": self._repr_png_(), "text/plain": self.sentence}, {"image/png": more}

    def svg(self) -> str:
        """The picture for a page: one `<svg>` that is read aloud; its colours as a dark page says (`dark_css`)."""
        wide, high = WIDTH * 72, self.drawn[0] * 72
        style = "max-width:100%;height:auto;stroke-linejoin:round;font-family:'DejaVu Sans',Verdana,sans-serif"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" width="{wide / 0.75:.0f}" '
            f'height="{high / 0.75:.0f}" role="img" aria-label="{escape(self.sentence)}" style="{style}">\n'
            f"<desc>{escape(self.told)}</desc>\n{paint.svg(*self.drawn)}\n</svg>"
        )


class Sheet:
    """A card measured in inches from its lower left corner, with a title, a subtitle and a source line."""

    def __init__(self, audit: Audit, title: str, told: str, height: float = HEIGHT, note: str = "") -> None:
        self.title, self.told, self.note, self.height = title, told, note, height
        self.shapes: list[Shape] = []
        self.words: list[Words] = []
        self.taken: list[Box] = []
        xs, ys = (WIDTH - 0.13, 0.13, 0.13, WIDTH - 0.13), (height - 0.13, height - 0.13, 0.13, 0.13)
        rim = [point for n in range(4) for point in arc(xs[n], ys[n], 0.12, n / 4, n / 4 + 0.25)]
        self.shape([[*rim, rim[0]]], PAPER, paint.GRID, 0.8, z=-1)
        roles = [FILES.get(row["role"], "other file") for row in audit.source_rows]
        files = [count(roles.count(word), word) for word in dict.fromkeys([*FILES.values(), *roles]) if word in roles]
        source = [audit.seen.name, f"Source: {', '.join(files) or 'no files'}", f"as of {weekday(audit.as_of)}"]
        self.text(LEFT, height - 0.42, title, room=RIGHT - LEFT, size=15, bold=True)
        self.text(LEFT, height - 0.72, told, room=RIGHT - LEFT, size=10, colour=MUTE)
        for y, words in ((0.19, " · ".join(filter(None, source))), (0.36, note)):
            self.text(LEFT, y, words, room=RIGHT - LEFT, size=7.5, colour=MUTE)

    def text(self, x: float, y: float, words: str, ha: str = "left", va: str = "baseline", **look: Any) -> None:
        """Write words where they belong; smaller, then shortened, where there is no `room` (inches)."""
        room, size, bold = look.pop("room", 0), look.pop("size", 9), look.get("bold", False)
        while room and size > 7.5 and width(clean(words), size, bold) > room:
            size -= 0.25
        words = shorten(words, room, size, bold) if room else words
        self.place(words, [(x, y, ha, va)], size, free=True, **look)

    def place(
        self, words: str, spots: Spots, size: float = 9, bold: bool = False, colour: str = INK, free: bool = False
    ) -> None:
        """Write words at the first of the spots where nothing else stands; nowhere if there is none."""
        lines, em = [clean(line) for line in words.split("\n") if line], size / 72
        wide, tall = paint.widest(lines, size, bold), em * (1.35 * len(lines) - 0.35)
        for x, y, ha, va in spots if lines else ():
            left = x - wide * paint.LEFT_OF[ha]
            low = y - {"baseline": 0.24 * em, "bottom": 0, "center": tall / 2 - 0.02 * em, "top": tall}[va]
            box = x0, y0, x1, y1 = (left - 0.03, low - 0.03, left + wide + 0.03, low + tall + 0.03)
            inside = x0 >= 0.1 and x1 <= WIDTH - 0.1 and y0 >= 0.1 and y1 <= self.height - 0.1
            if free or (inside and not any(x0 < c and a < x1 and y0 < d and b < y1 for a, b, c, d in self.taken)):
                self.taken.append(box)
                self.fill([] if free else [box], PAPER, z=5)
                for place, line in enumerate(lines):
                    self.words.append((x, low + tall - (0.76 + 1.35 * place) * em, line, size, bold, colour, ha))
                return

    def shape(self, lines: Lines, fill: str, edge: str = "", width: float = 0, z: float = 2, dash: Any = ()) -> None:
        """Lines through points, filled or stroked (`width`, `dash` in points); what has a higher `z` is drawn later."""
        if lines:
            self.shapes.append((z, lines, fill, edge, width, dash))

    def fill(self, boxes: Sequence[Box], colour: str, z: float = 2) -> None:
        """Rectangles of one colour; what nobody knows is hatched."""
        self.shape([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, y0, x1, y1 in boxes], colour, z=z)
        if colour == FILL["unknown"]:
            self.shape([stroke for box in boxes for stroke in _hatch(*box)], "", WORD["unknown"], 0.7, z=z + 0.1)

    def line(
        self, points: Points, edge: str = RULE, width: float = 1, z: float = 3, dash: Any = (), avoid: bool = False
    ) -> None:
        """A line through points; labels placed later `avoid` it."""
        self.shape([points], "", edge, width, z, dash)
        for (x0, y0), (x1, y1) in pairwise(points) if avoid else ():
            steps = math.ceil(max(abs(x1 - x0), abs(y1 - y0)) / 0.08) + 1
            for x, y in zip(np.linspace(x0, x1, steps).tolist(), np.linspace(y0, y1, steps).tolist(), strict=True):
                self.taken.append((x - 0.05, y - 0.05, x + 0.05, y + 0.05))

    def point(self, x: float, y: float, fill: str, edge: str = PAPER, size: float = 7, z: float = 5.5) -> None:
        """A dot with a rim, its size in points. Labels placed later keep off it."""
        self.shape([arc(x, y, size / 144, 0, 1)], fill, edge, 1.4, z)
        self.taken.append((x - 0.08, y - 0.08, x + 0.08, y + 0.08))

    def bar(self, x: float, y: float, counts: Mapping[str, int], scale: float, way: int = 1) -> float:
        """Keys by family side by side from `x` to the right (`way` -1: left); where it ends. One key can be seen."""
        for family, number in counts.items():
            if number:
                end = x + way * max(number * scale, 0.013)
                self.fill([(min(x, end), y - 0.1, max(x, end), y + 0.1)], FILL[family])
                x = end
        return x

    def legend(self, x: float, y: float, families: Iterable[str], way: int = 1) -> None:
        """The words of some families in their colours, from `x` to the right (left: `way` -1)."""
        for family in families:
            self.text(x, y, FAMILIES[family][2], "left" if way > 0 else "right", bold=True, colour=WORD[family])
            x += way * (width(FAMILIES[family][2], 9, True) + 0.16)

    def ladder(self, x: float, bottom: float, top: float, told: Sequence[tuple[float, str, str, bool]]) -> None:
        """Labels at heights of their own, moved apart where they would touch, a thin line to each from its left."""
        rows = [(y, wrap(words, RIGHT - x, 8.5), colour, bold) for y, words, colour, bold in sorted(told)]
        tall = [0.04 + 0.155 * len(lines) for _, lines, _, _ in rows]
        at, level = [], bottom
        for (y, *_), high in zip(rows, tall, strict=True):
            at.append(max(y, level + high / 2))
            level = at[-1] + high / 2
        for place, high in reversed(list(enumerate(tall))):
            at[place] = min(at[place], top - high / 2)
            top = at[place] - high / 2
        for (y, lines, colour, bold), level in zip(rows, at, strict=True):
            self.line([(x - 0.13, y), (x - 0.04, level)], RULE, 0.6)
            self.text(x, level, "\n".join(lines), va="center", size=8.5, colour=colour, bold=bold)

    def chart(self, numbers: Mapping[str, Any], *more: str) -> Chart:
        """The finished chart; `more` are sentences that follow the title in its repr."""
        drawn = self.height, sorted(self.shapes, key=lambda shape: shape[0]), self.words
        return Chart(" ".join([f"{self.title}.", *filter(None, more)]), self.told, drawn, numbers)


def around(x: float, y: float, ways: str = "NE NW SE SW N") -> Spots:
    """Spots for words about a point, the nearest first: right above it (NE), …"""
    found = []
    for far, aside in ((0.12, 0.1), (0.12, 0.5), (0.3, 0.1), (0.3, 0.9), (0.6, 0.1), (0.6, 1.6)):
        for way in ways.split():
            dx, dy = aside * (("E" in way) - ("W" in way)), far if "N" in way else -far
            side = "left" if dx > 0 else "right" if dx < 0 else "center"
            found.append((x + dx, y + dy, side, "bottom" if dy > 0 else "top"))
    return found


def arc(x: float, y: float, radius: float, start: float, stop: float) -> Points:
    """Points on a circle, from one part of the turn to another."""
    turns = (np.linspace(start, stop, max(6, round(28 * (stop - start)) + 1)) * 2 * math.pi).tolist()
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


def _hatch(x0: float, y0: float, x1: float, y1: float, gap: float = 0.07) -> Iterator[Points]:
    """Diagonals over a rectangle, in one grid with those of its neighbours."""
    for number in range(math.ceil((x0 - y1) / gap), math.floor((x1 - y0) / gap) + 1):
        a, b = max(x0, y0 + number * gap), min(x1, y1 + number * gap)
        if b > a:
            yield [(a, a - number * gap), (b, b - number * gap)]


def shorten(words: str, room: float, size: float, bold: bool = False) -> str:
    """Words that fit: what differs between names stands at their ends, so the middle gives way."""
    words = shown = clean(words)
    for keep in range(min(len(words), 300) - 1, 1, -1):
        if width(shown, size, bold) <= room:
            break
        head = (keep * 3 + 4) // 5
        shown = f"{words[:head].rstrip()}…{words[len(words) - (keep - head) :].lstrip()}"
    return shown


def wrap(words: str, room: float, size: float) -> list[str]:
    """Words on as many lines as the room asks for."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], longer] if width(longer, size) <= room or not lines[-1] else [*lines, word]
    return lines


def day(date: dt.date, week: bool = False, seen: dt.date | None = None) -> str:
    """`10 Apr`, or `Fri 10 Apr`; with the year where that is another than the one it is seen from."""
    return " ".join(weekday(date).split()[0 if week else 1 : 4 if seen and seen.year != date.year else 3])
