"""The samples, made by the model of the TMS, each from a seed: same seed, same bytes. (DESIGN §6)

`python -m keyaudit.samples data/samples` writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from keyaudit.samples.stories import after_sunset, clean, halfway, late_backup, one_pool, two_files
from keyaudit.samples.ugly import ugly

SAMPLES: dict[str, Callable[[Path], None]] = {
    "two-files": two_files,
    "halfway": halfway,
    "one-pool": one_pool,
    "clean": clean,
    "late-backup": late_backup,
    "after-sunset": after_sunset,
    "ugly": ugly,
}


def write_samples(folder: Path) -> None:
    """Write every sample below a folder; READMEs and case.toml files are written by hand and stay."""
    for name, make in SAMPLES.items():
        make(folder / name)
