"""Runs the code cells of notebooks in IPython, without a kernel's start for each: what a cell shows is formatted, as there.

The outputs are written into the notebook; the first error ends the walk, said as IPython says it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

CONFIG = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "NoColor"}})


def main(notebooks: list[str]) -> None:
    for name in notebooks:
        InteractiveShell.clear_instance()
        shell = InteractiveShell.instance(config=CONFIG)
        path = Path(name)
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for number, cell in enumerate(code, 1):
            with capture_output() as said:
                done = shell.run_cell("".join(cell["source"]), store_history=True)
            if not done.success:
                sys.exit(said.stdout + said.stderr)
            if said.stderr:
                sys.exit(said.stderr)
            shown = [] if done.result is None else [formatted(shell, done.result)]
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "execute_result", "data": data} for data in shown]
        path.write_text(json.dumps(notebook), encoding="utf-8")


def formatted(shell: InteractiveShell, result: object) -> dict[str, str]:
    """A result in every form a notebook would show."""
    data, _ = shell.display_formatter.format(result)
    return {kind: value if isinstance(value, str) else "(a picture)" for kind, value in data.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
