"""Damaged copies of the samples: read right, or refused in words; nothing invented, no row lost, no time without end."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from damage import FILES, ROLES, damaged, texts_of

from keyaudit.errors import KeyauditError
from keyaudit.exports.read import FileOptions, read_role


def check(path: Path, role: str) -> None:
    """The file is read, or refused with our own error; every row is accounted for and every code stands in the file."""
    began = time.process_time()
    try:
        export = read_role(role, path, lambda _: FileOptions(pool="P"))
    except KeyauditError as problem:
        assert path.name in str(problem)
        return
    finally:
        assert time.process_time() - began < 20
    source = export.sources.iloc[0]
    assert source["rows_read"] == source["keys"] + source["repeats"] + source["set_aside"]
    assert len(export.rows) + len(export.set_aside) == source["rows_read"]
    content = path.read_bytes()
    text = texts_of(content)
    whole = [code for record, code in enumerate(export.keys.to_pylist()) if code and record not in export.damage]
    invented = [code for code in whole if code not in text]
    assert len([code for code in invented if code.replace('"', '""') not in text and "\n" not in code]) == 0
    if not content.startswith(b"PK") and '"' not in text:
        lines = {
            number
            for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1)
            if line.strip(" \t,;|\u00a0\u200b\ufeff\x1a")
        }
        told = set(export.rows["source_row"]) | set(export.set_aside["source_row"])
        first = min(told, default=10**9)
        assert {line for line in lines if line > first} <= told


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_copy_is_read_right_or_refused(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same damage each time
    for number in range(100):
        source = chance.choice(FILES)
        path = tmp_path / f"{number}{source.suffix}"
        path.write_bytes(damaged(source, chance))
        check(path, ROLES[source.parent.name])
        path.unlink()
