"""Counts, dates and lists in sentences, and values for case.toml, the same in every view and every locale."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any


def count(number: int, noun: str = "key") -> str:
    """`1 key`, `1,200 keys`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def agree(number: int, one: str, several: str) -> str:
    """The word for one, or for any other number."""
    return one if number == 1 else several


def are(number: int) -> str:
    """`is` for one, `are` for any other number."""
    return agree(number, "is", "are")


def weekday(date: dt.date) -> str:
    """`Fri 10 Apr 2026`."""
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[date.weekday()]} {date.day} {months[date.month - 1]} {date.year}"


def away(days: int) -> str:
    """How far a day is: `today`, `in 3 days`, `1 day ago`."""
    told = count(abs(days), "day")
    return "today" if days == 0 else f"in {told}" if days > 0 else f"{told} ago"


def listed(items: Sequence[str], most: int = 5) -> str:
    """`a`, `a and b`, `a, b and 3 more`."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"{len(items) - most:,} more")
    return " and ".join([*([", ".join(shown[:-1])] if len(shown) > 1 else []), *shown[-1:]])


def plain(name: str) -> str:
    """A name of ours as words: `to migrate` for to_migrate, `not known` for unknown."""
    return name.replace("_", " ").replace("unknown", "not known")


def sentence(text: str) -> str:
    """With a capital, whatever the rest."""
    return text[:1].upper() + text[1:]


def toml(value: Any) -> str:
    """A value as case.toml wants it: a text between quotation marks, whatever signs a file's name or header holds."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {toml(one)}' for name, one in value.items())} }}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def ranges(rows: Sequence[int]) -> str:
    """Rows in their order: `4`, `4 to 990`, `4 to 6 and 9`."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return listed([str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs])
