"""The notebooks: copies for one's own case, and parameters from the environment. (DESIGN §4, §5)"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

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
