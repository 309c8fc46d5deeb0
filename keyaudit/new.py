"""A new case, and a demonstration: folders, a commented case.toml, copies of the notebooks. (DESIGN §4, §6)"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from keyaudit.columns import ROLES
from keyaudit.errors import CaseError

HERE = Path(__file__).parent
# In a clone the notebooks and samples lie beside the package, in a wheel inside it.
NOTEBOOKS = (HERE.parent / "notebooks", HERE / "walkthrough")
SAMPLES = (HERE.parent / "data" / "samples", HERE / "demo")
SAMPLE, SAMPLE_DAY = "halfway", "2026-04-09"
ELSEWHERE = "not part of this installation: copy it from keyaudit's repository."

OWN = {  # what the parameters of a notebook are in a copy that lies in a case's folder notebooks/; others stay
    "CASE": '".."',
    "AFTER": '".."',
    "MENDED": '".."',
    "AS_OF": 'None  # what case.toml says, else today; or a date such as "2026-04-09"',
    "OUT": '"../report"',
    "POOL": "None  # the one that needs action most; better its name, before you begin",
    "KEY": "None  # the one that needs action most; or a code, a reference, the end of a code, a learner's name",
}


def new_case(path: str | Path) -> list[str]:
    """Make the folders of a case, a commented case.toml and copies of the notebooks; returns the lines to tell about them.

    Nothing that exists is overwritten, and git ignores all of it. Raises CaseError if a file is where a folder must be.
    """
    root = Path(path)
    if root.exists() and not root.is_dir():
        raise CaseError(f"{path} is a file. Choose another name for the case.")
    for name in ("notebooks", *(role.folders[0] for role in ROLES.values())):
        if (root / name).exists() and not (root / name).is_dir():
            raise CaseError(f"{root / name} is a file, where a folder must be. Move it elsewhere.")
    lines = []
    for role in ROLES.values():
        folder = root / role.folders[0]
        folder.mkdir(parents=True, exist_ok=True)
        lines.append(f"{folder}: {role.title}. TMS: {role.menu}.")
    _write_once(root / ".gitignore", "*\n")  # exports hold redeemable keys: never committed
    _write_once(root / "case.toml", (HERE / "case_template.toml").read_text(encoding="utf-8"))
    copies = copy_notebooks(root)
    told = f"{copies}: the notebooks, pointed at this case; begin with 00_start_here.ipynb."
    return [*lines, told if copies else f"The folder of notebooks is {ELSEWHERE}"]


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8", newline="\n")


def demo_case(path: str | Path) -> Path:
    """Copy the sample of a migration halfway into a new folder, with notebooks; returns it. Raises CaseError if it exists."""
    root = Path(path)
    sample = next((place / SAMPLE for place in SAMPLES if (place / SAMPLE).is_dir()), None)
    if sample is None:
        raise CaseError(f"The sample is {ELSEWHERE}")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise CaseError(f"{path} exists already. Choose another folder for the demonstration.")
    shutil.copytree(sample, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("report*"))
    new_case(root)
    toml = root / "case.toml"
    toml.write_text(f"as_of = {SAMPLE_DAY}\n\n{toml.read_text(encoding='utf-8')}", encoding="utf-8", newline="\n")
    return root


def copy_notebooks(case: Path) -> Path | None:
    """Copy the notebooks into a case: parameters pointed at it, outputs empty, without what speaks of the sample only.

    A copy that exists stays as it is. Returns the folder, or None where this installation holds no notebooks.
    """
    originals = next((sorted(place.glob("0*.ipynb")) for place in NOTEBOOKS if place.is_dir()), [])
    if not originals:
        return None
    folder = case / "notebooks"
    folder.mkdir(exist_ok=True)
    for original in originals:
        content = _own(json.loads(original.read_text(encoding="utf-8")))
        _write_once(folder / original.name, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return folder


def _own(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook as a copy for one's own case: without outputs, its parameters those of OWN."""
    cells = []
    for cell in notebook["cells"]:
        tags, source = cell["metadata"].get("tags", []), "".join(cell["source"])
        for name, value in OWN.items() if "parameters" in tags else ():
            source = re.sub(rf"^{name} = .*$", f"{name} = {value}", source, flags=re.MULTILINE)
        if cell["cell_type"] == "code":
            cell = cell | {"source": source.splitlines(keepends=True), "outputs": [], "execution_count": None}
        cells += [cell] * ("sample" not in tags)
    return notebook | {"cells": cells}
