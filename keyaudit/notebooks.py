"""The notebooks: tables for reading, parameters from the environment, copies for one's own case. (DESIGN §4, §5)"""

from __future__ import annotations

import json
import os
import re
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

# In a clone the notebooks lie beside the package, in a wheel inside it.
PLACES = (Path(__file__).parent.parent / "notebooks", Path(__file__).parent / "walkthrough")

# What the parameters of a notebook are in a copy that lies in a case's folder notebooks/. Others stay.
OWN = {
    "CASE": '".."',
    "AFTER": '".."',
    "AS_OF": 'None  # what case.toml says, else today; or a date such as "2026-04-09"',
    "OUT": '"../report"',
    "FILE": '"pools-before"',
    "POOL": '"write the name of a pool here"',
    "KEY": '"write a code, a reference, or the end of a code here"',
}


ROWS = 60  # more rows of a table are counted, not shown
SHORT = 40  # a column of texts up to this length is not broken into lines


def readable_tables() -> None:
    """Show tables in this notebook for reading: whole texts, left-aligned, without row numbers.

    Inline styles only, so that they look the same in a notebook that is not trusted yet. Outside of a notebook: nothing.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        shell.display_formatter.formatters["text/html"].for_type(pd.DataFrame, as_html)


def as_html(table: pd.DataFrame) -> str:
    """A table as HTML, everything in it escaped."""
    shown = table.head(ROWS)
    columns = [_column(name, shown.iloc[:, place]) for place, name in enumerate(shown.columns)]
    if shown.index.names != [None] or not pd.api.types.is_integer_dtype(shown.index):
        names = [name or shown.columns.name or "" for name in shown.index.names]
        labels = (shown.index.get_level_values(level).to_series() for level in range(len(names)))
        columns = [*map(_column, names, labels), *columns]
    head = "".join(f'<th style="{style}">{name}</th>' for name, style, _ in columns)
    rows = zip(*([f'<td style="{style}">{text}</td>' for text in texts] for _, style, texts in columns), strict=True)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    more = "" if len(table) else "<div>none</div>"
    if len(table) > ROWS:
        more = f"<div>… and {len(table) - ROWS:,} more rows</div>"
    page = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<table class="tex2jax_ignore mathjax_ignore">{page}</table>{more}'


def _column(name: object, column: pd.Series) -> tuple[str, str, list[str]]:
    """Name, style and texts of a column: numbers on the right, dates without a clock, nothing where nothing is known."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%d")
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    known = [None if pd.api.types.is_scalar(value) and pd.isna(value) else value for value in column]
    texts = ["" if value is None else f"{value:,.10g}" if is_number else _text(value) for value in known]
    wrap = "nowrap" if max(map(len, texts), default=0) <= SHORT else "normal"
    style = f"text-align:{'right' if is_number else 'left'};vertical-align:top;white-space:{wrap}"
    return escape(str(name)), style, [escape(text) for text in texts]


def _text(value: object) -> str:
    return str(value.date() if isinstance(value, pd.Timestamp) else value)


def from_environment(*parameters: str | None) -> tuple[str | None, ...]:
    """Case folders and, last, a date; KEYAUDIT_CASE and KEYAUDIT_AS_OF, where they are set, take their places.

    `CASE, AS_OF = ka.from_environment(CASE, AS_OF)` ends a notebook's parameters, so that a whole row of notebooks can be
    run on a case without a change. A relative KEYAUDIT_CASE is seen from the notebook's folder: give a whole path.
    """
    *cases, as_of = parameters
    case = os.environ.get("KEYAUDIT_CASE")
    return *([case] * len(cases) if case else cases), os.environ.get("KEYAUDIT_AS_OF") or as_of


def copy_notebooks(case: Path) -> Path | None:
    """Copy the notebooks into a case: parameters pointed at it, outputs empty, without what speaks of the sample only.

    A copy that exists stays as it is. Returns the folder, or None where this installation holds no notebooks.
    """
    originals = next((sorted(place.glob("0*.ipynb")) for place in PLACES if place.is_dir()), [])
    if not originals:
        return None
    folder = case / "notebooks"
    folder.mkdir(exist_ok=True)
    for original in originals:
        if not (folder / original.name).exists():
            content = _own(json.loads(original.read_text(encoding="utf-8")))
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            (folder / original.name).write_text(text, encoding="utf-8", newline="\n")
    return folder


def _own(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook as a copy for one's own case."""
    cells = [cell for cell in notebook["cells"] if "sample" not in cell["metadata"].get("tags", [])]
    return notebook | {"cells": [_emptied(cell) for cell in cells]}


def _emptied(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell without outputs; a cell of parameters with those of OWN."""
    if cell["cell_type"] != "code":
        return cell
    source = "".join(cell["source"])
    if "parameters" in cell["metadata"].get("tags", []):
        for name, value in OWN.items():
            source = re.sub(rf"^{name} = .*$", f"{name} = {value}", source, flags=re.MULTILINE)
    return cell | {"source": source.splitlines(keepends=True), "outputs": [], "execution_count": None}
