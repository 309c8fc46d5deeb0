"""Pieces of a page. What comes from data is text: it cannot become markup, and nothing in it can hide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape

from keyaudit.masking import visible
from keyaudit.rulebook import FAMILIES
from keyaudit.words import count

LENGTH = 200  # of a text from data; the workbook has all of it


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def html(template: str, *values: object) -> Html:
    """Markup with a value for every {}: escaped, unless it is Html; numbers as 1,000; None is nothing."""
    first, *parts = _pieces(template)
    return Html(first + "".join([safe(value) + part for value, part in zip(values, parts, strict=True)]))


@cache
def _pieces(template: str) -> list[str]:
    return template.split("{}")


def safe(value: object) -> str:
    """A value as it may stand in markup."""
    if isinstance(value, Html):
        return value
    text = (
        value
        if isinstance(value, str)
        else f"{value:,}"
        if isinstance(value, int)
        else ""
        if value is None
        else str(value)
    )
    return escape(text if text.isprintable() else visible(text))


def short(text: object, length: int = LENGTH) -> str:
    """A text from data, cut."""
    shown = "" if text is None else str(text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def joined(parts: Iterable[object], between: str = "\n") -> Html:
    """Parts one after the other."""
    return Html(between.join(map(safe, parts)))


def cell(value: object, of: str = "", kind: str = "") -> Html:
    """A cell; on a narrow screen, where a table has no head, `of` stands before what it holds."""
    named = html(' data-of="{}"', of) if of and value not in ("", None) else Html()
    return html("<td{}{}>{}</td>", html(' class="{}"', kind) if kind else Html(), named, value)


def row(title: object, *cells: Html) -> Html:
    """A row of a table; its first cell is a heading."""
    return html('<tr><th scope="row">{}</th>{}</tr>', title, joined(cells, ""))


def table(heads: Sequence[str], rows: Iterable[Html], foot: Iterable[Html] = (), kind: str = "sort") -> Html:
    """A table; a head that begins with # is of a column of numbers."""
    head = joined(
        (
            html('<th scope="col"{}>{}</th>', Html(' class="n"' if name[:1] == "#" else ""), name.lstrip("#"))
            for name in heads
        ),
        "",
    )
    below = html("<tfoot>{}</tfoot>", joined(foot)) if foot else Html()
    return html(
        '<table class="{}"><thead><tr>{}</tr></thead><tbody>\n{}\n</tbody>{}</table>', kind, head, joined(rows), below
    )


def bar(parts: Mapping[str, int], share: float = 1) -> Html:
    """Families of keys as a bar that takes a share of its line; words beside it say the same."""
    if not any(parts.values()):
        return Html()
    drawn = (
        html('<i class="{}" style="flex-grow:{}"></i>', name, str(number)) for name, number in parts.items() if number
    )
    return html(
        '<span class="bar" aria-hidden="true" style="width:{}%">{}</span>', f"{100 * share:.4g}", joined(drawn, "")
    )


def split(parts: Mapping[str, int]) -> Html:
    """Families of keys in words and numbers."""
    told = (html('<span class="t-{}">{}: {}</span>', name, FAMILIES[name][2], n) for name, n in parts.items() if n)
    return joined(told, ", ")


def rest(number: int, what: str, sheet: str) -> Html:
    """How much is not listed, and where it stands."""
    more = '<p class="mute">And {}: workbook, sheet <i>{}</i>.</p>'
    return html(more, count(number, f"more {what}"), sheet) if number > 0 else Html()
