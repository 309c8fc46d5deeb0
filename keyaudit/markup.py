"""Markup from data. What comes from data is text: it cannot become markup, and nothing in it can hide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape

from keyaudit.masking import visible

LENGTH = 200  # of a text from data on a page; the workbook has all of it


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def html(template: str, *values: object) -> Html:
    """Markup with a value for every {}: escaped, unless it is Html; numbers as 1,000; None is nothing."""
    first, *parts = template.split("{}")
    return Html(first + "".join([_safe(value) + part for value, part in zip(values, parts, strict=True)]))


def filled(template: str, parts: Mapping[str, object]) -> Html:
    """Markup with a part for every {name}, in the same way."""
    return Html(re.sub(r"\{(\w+)\}", lambda found: _safe(parts[found[1]]), template))


def joined(parts: Iterable[object], between: str = "\n") -> Html:
    """Parts one after the other."""
    return Html(between.join(map(_safe, parts)))


def short(text: object, length: int = LENGTH) -> str:
    """A text from data, cut in its middle: what tells two apart often stands at the end."""
    shown, tail = "" if text is None else str(text), length // 3
    return shown if len(shown) <= length else f"{shown[: length - tail - 1]}…{shown[-tail:]}"


def _safe(value: object) -> str:
    if isinstance(value, Html):
        return value
    text = f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
    return escape(text if text.isprintable() else visible(text))
