"""Shapes and words in inches, and how matplotlib draws them: for a notebook, for a page, as a figure."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from keyaudit.rulebook import FAMILIES

Points = Sequence[tuple[float, float]]
Lines = Sequence[Points]
Shape = tuple[float, Lines, str, str, float, Sequence[float]]  # z, lines, fill, edge; width, dash in points
Words = tuple[float, float, str, float, bool, str, str]  # x, y of the baseline, text, size, is it bold?, colour, side

WIDTH, DPI = 9.2, 160
# A card of its own that suits a white page and a dark notebook.
PAPER, INK, MUTE, GRID = "#F5F7FA", "#1F2933", "#5B6874", "#E0E5EA"
RULE, BAND, STRIPE = "#9AA5B1", "#E8ECF0", "#EDF0F4"
FILL = {family: colours[0] for family, colours in FAMILIES.items()}
WORD = {family: colours[1] for family, colours in FAMILIES.items()}  # darker: text has a contrast of 4.5 at least
PALE = {"todo": "#F6DFD0", "done": "#CBDAE7", "dead": "#EADCE4"}  # what was; of no known day; what no longer works
DARK = {  # the same on a page that turns dark
    PAPER: "#212A33", INK: "#E8ECF0", MUTE: "#A7B3BF", GRID: "#323D48", RULE: "#66727F", BAND: "#2A343E",
    STRIPE: "#29333D", PALE["todo"]: "#4B3627", PALE["done"]: "#43566A", PALE["dead"]: "#40303B",
    FILL["todo"]: "#E0701A", FILL["dead"]: "#CF7FAF", FILL["unknown"]: "#7D6A94", FILL["works"]: "#1FA091",
    FILL["done"]: "#6C8AA6", FILL["nothing"]: "#55626F", WORD["todo"]: "#FF9A52", WORD["check"]: "#F0C63C",
    WORD["unknown"]: "#CDB8E4", WORD["works"]: "#4FC7B8", WORD["done"]: "#A9C5DF", WORD["nothing"]: "#AEB9C4",
}  # fmt: skip
LEFT_OF = {"left": 0.0, "center": 0.5, "right": 1.0}  # which part of a text stands left of where it is placed
SETTINGS = ("text.antialiased", "text.hinting", "text.hinting_factor", "path.snap", "path.simplify")


def dark_css() -> str:
    """For the style of a page that turns dark: the colours of its charts then."""
    return "".join(f"--{light[1:].lower()}:{dark};" for light, dark in DARK.items())


def png(height: float, shapes: Sequence[Shape], words: Sequence[Words]) -> bytes:
    """The picture for a notebook, transparent around the card."""
    from matplotlib.backends.backend_agg import RendererAgg
    from PIL import Image

    canvas: Any = RendererAgg(round(WIDTH * DPI), round(height * DPI), DPI)  # type: ignore[no-untyped-call]
    _paint(canvas, DPI, printable, height, shapes, words)
    target = io.BytesIO()
    Image.fromarray(np.asarray(canvas.buffer_rgba())).save(target, format="PNG")
    return target.getvalue()


def svg(height: float, shapes: Sequence[Shape], words: Sequence[Words]) -> str:
    """Elements of SVG for a page: text as text, no id, the font left to the page, colours that it can change."""
    from matplotlib.backends.backend_svg import RendererSVG

    target = io.StringIO()
    canvas: Any = RendererSVG(WIDTH * 72, height * 72, target)  # type: ignore[no-untyped-call]
    _paint(canvas, 72, str, height, shapes, words)
    text = "\n".join(re.findall(r"<(?:path|text)\b.*?(?:/>|</text>)", target.getvalue(), re.DOTALL))
    text = re.sub(r'\s*\n(?!<)| font-family: [^;"]*;| text-anchor: start;| transform="rotate[^"]*"', "", text)
    return re.sub(r"(fill|stroke): (#\w{6})", lambda found: f"{found[1]}:var(--{found[2][1:]},{found[2]})", text)


def figure(height: float, shapes: Sequence[Shape], words: Sequence[Words]) -> Any:
    """A matplotlib figure, to change or to save, which pyplot does not know."""
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch

    made = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="none")
    for _, lines, fill, edge, wide, dash in shapes:
        pen: dict[str, Any] = {"fc": fill or "none", "ec": edge or "none", "lw": wide, "capstyle": "butt"}
        style = (0, [part / wide for part in dash]) if dash else "-"
        made.add_artist(PathPatch(_path(lines), ls=style, transform=made.dpi_scale_trans, **pen))
    for x, y, text, size, bold, colour, ha in words:
        pen = {"color": colour, "ha": ha, "va": "baseline", "font": _font(size, bold), "parse_math": False}
        made.text(x, y, printable(text), transform=made.dpi_scale_trans, **pen)
    return made


def _paint(canvas: Any, unit: int, sign: Any, height: float, shapes: Sequence[Shape], words: Sequence[Words]) -> None:
    """Draw with a renderer of matplotlib, `unit` to the inch, whatever style the notebook has chosen."""
    import matplotlib as mpl
    from matplotlib.colors import to_rgba
    from matplotlib.text import Text
    from matplotlib.transforms import Affine2D

    inches, gc = Affine2D().scale(unit), canvas.new_gc()
    as_it_comes: Any = {name: value for name, value in mpl.rcParamsDefault.items() if name in SETTINGS}
    with mpl.rc_context(as_it_comes | {"svg.fonttype": "none"}):
        for _, lines, fill, edge, wide, dash in shapes:
            gc.set_linewidth(wide)
            gc.set_foreground(edge or "none")
            gc.set_dashes(0, dash or None)
            canvas.draw_path(gc, _path(lines), inches, to_rgba(fill) if fill else None)
        for x, y, text, size, bold, colour, ha in words:
            gc.set_foreground(colour)
            left, anchor = x - LEFT_OF[ha] * width(text, size, bold), Text(x * unit, 0, ha=ha)
            canvas.draw_text(gc, left * unit, (height - y) * unit, sign(text), _font(size, bold), 0, False, anchor)


def _path(lines: Lines) -> Any:
    from matplotlib.path import Path

    codes = [code for line in lines for code in (Path.MOVETO, *[Path.LINETO] * (len(line) - 1))]
    return Path([point for line in lines for point in line], codes)


@cache
def _face(bold: bool) -> Any:
    """DejaVu Sans comes with matplotlib, so that a chart looks the same on every machine."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    face = FT2Font(f"{get_data_path()}/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf")
    face.set_size(1024, 72)
    return face


@cache
def _font(size: float, bold: bool) -> Any:
    from matplotlib.font_manager import FontProperties

    return FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal", fname=_face(bold).fname)


@cache
def _drawable(sign: str, bold: bool) -> tuple[str, float]:
    """A sign as the font can draw it, `□` if it cannot; and how far it moves the pen, in inches at one point."""
    if not all(_face(weight).get_char_index(ord(sign)) for weight in (False, True)):
        return _drawable("□", bold)
    return sign, float(_face(bold).load_char(ord(sign)).linearHoriAdvance) / 65536 / 1024 / 72


def printable(text: str) -> str:
    """Text as the font can draw it."""
    return "".join(_drawable(sign, False)[0] for sign in text)


def width(words: str, size: float, bold: bool = False) -> float:
    """How wide words are, in inches."""
    return size * sum(_drawable(sign, bold)[1] for sign in words)


def widest(texts: Iterable[str], size: float, bold: bool = False) -> float:
    """How wide the widest of some texts is."""
    return max((width(clean(text), size, bold) for text in texts), default=0.0)


def clean(text: str) -> str:
    """Text on one line, without control signs and signs that turn the direction of reading."""
    kinds = {sign: unicodedata.category(sign) for sign in set(text)}
    held = ("" if kinds[sign] in ("Cf", "Cs") else " " if kinds[sign][0] in "CZ" else sign for sign in text)
    return " ".join("".join(held).split())
