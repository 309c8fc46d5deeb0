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

from keyaudit.calendar import PERIODS
from keyaudit.columns import COLUMNS, EXTRA_ALIASES, ROLES
from keyaudit.new import HERE
from keyaudit.rulebook import ANSWERS, FAMILIES, FINDINGS, SEVERITIES, STATUSES, WORKS, in_words

DOCS = Path(__file__).parent
ACT_BY = {
    "now": "today",
    "deadline": "the next deadline at which it can still be done",
    "if_wrong": "today if it does not work, or a setting of it is wrong",
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
    rows = [(f"`{row.code}`", row.when, in_words(row.rule), ACT_BY[row.act_by]) for row in STATUSES.values()]
    return table("status | when | the rule, as it is evaluated | by", rows)


def steps() -> str:
    """What to do, by status and by what is known."""
    rows = []
    for row in STATUSES.values():
        for step in row.steps:
            when = in_words(step.when) if step.when else "otherwise"
            rows.append((f"`{row.code}`", when, step.text or "what the finding about its setting says"))
    return table("status | where | next step", rows)


def findings() -> str:
    """The findings, worst first."""
    worst_first = sorted(FINDINGS.values(), key=lambda row: min(map(SEVERITIES.index, row.severity)))
    rows = []
    for row in worst_first:
        raised = "; ".join(f"{severity} where {in_words(rule)}" for rule, severity in row.raised)
        severity = _by_period(row.severity) + (f"; {raised}" if raised else "")
        rows.append((f"`{row.code}`", severity, row.what, _by_period(row.remedy) or "the key's next step"))
    return table("finding | severity | what | what to do", rows)


def _by_period(texts: tuple[str, ...]) -> str:
    """A text, or one for each period in which it differs from the former."""
    told: dict[str, list[str]] = {}
    for period, text in zip(PERIODS, texts, strict=True):
        told.setdefault(text, []).append(period)
    if len(told) == 1:
        return texts[0]
    return "; ".join(f"{text} ({', '.join(periods)})" for text, periods in told.items() if text)


PARTS: dict[str, Callable[[], str]] = {
    "folders": folders,
    "headers": headers,
    "case.toml": lambda: f"```toml\n{(HERE / 'case_template.toml').read_text(encoding='utf-8').strip()}\n```",
    "statuses": statuses,
    "steps": steps,
    "families": lambda: table("family | colour", [(words, f"`{shade}`") for shade, _, words in FAMILIES.values()]),
    "works": lambda: table("works | meaning", [(f"`{word}`", meaning) for word, meaning in WORKS.items()]),
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
