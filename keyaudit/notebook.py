"""In a notebook: tables and files for reading, the pool to look at, parameters from the environment. (DESIGN §3, §5)"""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from keyaudit.audit import Audit
from keyaudit.errors import Slip
from keyaudit.exports.names import fold_name
from keyaudit.rulebook import FINDINGS
from keyaudit.words import count, listed

ROWS = 60  # more rows of a table are counted, not shown
SHORT = 40  # a column of texts up to this length is not broken into lines
MANY = 10  # more columns than these are written small


def from_environment(*parameters: str | None) -> tuple[str | None, ...]:
    """Case folders and, last, a date; KEYAUDIT_CASE and KEYAUDIT_AS_OF, where they are set, take their places.

    `CASE, AS_OF = ka.from_environment(CASE, AS_OF)` ends a notebook's parameters, so that a whole row of notebooks can be
    run on a case without a change. A relative KEYAUDIT_CASE is seen from the notebook's folder: give a whole path.
    """
    *cases, as_of = parameters
    case = os.environ.get("KEYAUDIT_CASE")
    return *([case] * len(cases) if case else cases), os.environ.get("KEYAUDIT_AS_OF") or as_of


def choose_pool(audit: Audit, name: str | None = None) -> str:
    """The pool of that name, as its exports write it; without a name, the one that needs action most.

    Raises Slip, with the names there are, for another one.
    """
    pools, shown = ([row.pool for row in of.pool_rows] for of in (audit, audit.seen))
    for pool, twin in zip(pools, shown, strict=True):
        if name is None or fold_name(str(name)) in (fold_name(pool), fold_name(twin)):
            return pool
    choice, case = listed(shown, most=20), audit.seen.name
    raise Slip(f'There is no pool "{name or ""}" in {case}. Choose one of: {choice or "none"}.')


def reading_findings(audit: Audit) -> pd.DataFrame:
    """What was noted in reading the files, worst first: every finding that follows from a file and not from a rule. Masked."""
    findings = audit.seen.findings
    noted = findings["code"].isin([code for code, finding in FINDINGS.items() if not finding.rule])
    found = findings.loc[noted, ["severity", "code", "source_file", "source_row", "message"]]
    return found.replace({"source_row": {0: pd.NA}})  # what is said of a whole file stands in no row


@dataclass(frozen=True)
class Files:
    """The files of a report's folder; in a notebook, links that open them. A plan's numbered lists are only counted."""

    folder: Path

    def __repr__(self) -> str:
        return "\n".join(self._told())

    def _repr_html_(self) -> str:
        place, page = Path(os.path.relpath(self.folder)).as_posix(), ""
        for name in self._told():
            link = f'<a href="{quote(f"{place}/{name}")}">{escape(name)}</a>'
            page += f"<div>{link if (self.folder / name).is_file() else escape(name)}</div>"
        return page

    def _told(self) -> list[str]:
        names = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        lists = [name for name in names if name.rpartition("/")[2][0].isdigit()]
        more = [f"and {count(len(lists), 'list')} to delete or to paste"] if lists else []
        return [name for name in names if name not in lists] + more


def readable_tables() -> None:
    """Show tables in this notebook for reading: whole texts, left-aligned, without row numbers.

    Inline styles only, so that they look the same in a notebook that is not trusted yet. Outside of a notebook: nothing.
    """
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return
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
    small = ";font-size:10px;padding:3px" if len(columns) > MANY else ""
    head = "".join(f'<th style="{style}{small}">{name}</th>' for name, style, _ in columns)
    cells = ([f'<td style="{style}{small}">{text}</td>' for text in texts] for _, style, texts in columns)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*cells, strict=True))
    more = f"<div>… and {len(table) - ROWS:,} more rows</div>" if len(table) > ROWS else ""
    page = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<table class="tex2jax_ignore mathjax_ignore">{page}</table>{more if len(table) else "<div>none</div>"}'


def _column(name: object, column: pd.Series) -> tuple[str, str, list[str]]:
    """Name, style and texts of a column: numbers on the right, dates without a clock, nothing where nothing is known."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%d")
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    known = [None if pd.api.types.is_scalar(value) and pd.isna(value) else value for value in column]
    days = [value.date() if isinstance(value, pd.Timestamp) else value for value in known]
    texts = ["" if value is None else f"{value:,.10g}" if is_number else str(value) for value in days]
    is_short = max(map(len, texts), default=0) <= SHORT
    if not is_short:  # a long text is not read twice
        texts = [text if text != above or len(text) <= SHORT else "as above" for above, text in pairwise(["", *texts])]
    wrap = "nowrap" if is_short and not is_number else "normal"
    style = f"text-align:{'right' if is_number else 'left'};vertical-align:top;white-space:{wrap}"
    style += "" if is_short else ";overflow-wrap:anywhere;min-width:9em"
    return escape(str(name)).replace("_", "_<wbr>"), style, [escape(text) for text in texts]
