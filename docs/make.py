"""Write what the pages of docs/ take from the code: tables between comments, and the output of their Python blocks.

`python start.py regenerate` brings them up to date; a test compares them.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from keyaudit.case import CASE_TOML
from keyaudit.columns import COLUMNS, EXTRA_ALIASES, ROLES
from keyaudit.findings import FINDINGS_TABLE, SEVERITIES
from keyaudit.reconciliation import ANSWERS
from keyaudit.statuses import FAMILIES, STATUSES, WORKS, WORKS_MEANING

DOCS = Path(__file__).parent
ACT_BY = {
    "now": "today",
    "deadline": "the next deadline at which it can still be done",
    "if_no": "today if it does not work",
    "never": "",
}


def table(header: str, rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    names = header.split(" | ")
    lines = [names, ["---"] * len(names), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folders() -> str:
    """Which export belongs into which folder."""
    rows = [(", ".join(f"`{name}/`" for name in role.folders), role.title, role.menu) for role in ROLES.values()]
    return table("folder | what | in the TMS", rows)


def headers() -> str:
    """Which headers are known, and in which folders."""
    rows = []
    for column in COLUMNS.values():
        extra = [
            f"{alias} (in `{ROLES[role].folders[0]}`)"
            for (role, name), aliases in EXTRA_ALIASES.items()
            if name == column.name
            for alias in aliases
            if alias not in column.aliases
        ]
        places = ", ".join(f"`{role.folders[0]}`" for role in ROLES.values() if column.name in role.columns)
        rows.append((f"`{column.name}`", column.meaning, ", ".join([*column.aliases, *extra]), places))
    return table("our column | meaning | your header | read in", rows)


def statuses() -> str:
    """The 14 statuses."""
    rows = [
        (
            f"`{row.code}`",
            FAMILIES[row.family][2],
            row.when,
            " *or* ".join(s.text for s in row.steps),
            ACT_BY[row.act_by],
        )
        for row in STATUSES.values()
    ]
    return table("status | family | when | next step | by", rows)


def findings() -> str:
    """The findings, worst first."""
    worst_first = sorted(FINDINGS_TABLE.values(), key=lambda row: SEVERITIES.index(row.severity))
    return table(
        "finding | severity | what | what to do",
        [(f"`{row.code}`", row.severity, row.meaning, row.remedy) for row in worst_first],
    )


PARTS: dict[str, Callable[[], str]] = {
    "folders": folders,
    "headers": headers,
    "case.toml": lambda: f"```toml\n{CASE_TOML.strip()}\n```",
    "statuses": statuses,
    "families": lambda: table("family | colour", [(words, f"`{shade}`") for shade, _, words in FAMILIES.values()]),
    "works": lambda: table("works | meaning", [(f"`{value}`", WORKS_MEANING[value]) for value in WORKS]),
    "answers": lambda: table("answer | which keys", ANSWERS.items()),
    "findings": findings,
}


def rendered(page: Path) -> str:
    """A page as it must be: its tables from the code, and what its Python blocks print."""
    text = page.read_text(encoding="utf-8")
    for name, part in PARTS.items():
        text = re.sub(
            rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)",
            lambda found, part=part: f"{found[1]}{part()}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
    names: dict[str, object] = {}

    def run(found: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(found[1], names)  # noqa: S102 - our own pages
        return f"```python\n{found[1]}```\n\n```text\n{printed.getvalue()}```"

    return re.sub(r"```python\n(.*?)```\n\n```text\n.*?```", run, text, flags=re.DOTALL)


def main() -> None:
    """Write every page anew."""
    os.chdir(DOCS.parent)
    for page in sorted(DOCS.glob("*.md")):
        page.write_text(rendered(page), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
