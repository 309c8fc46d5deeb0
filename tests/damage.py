"""Damaged copies of the samples: bytes changed, lost, repeated, added, in a file and inside a workbook."""

from __future__ import annotations

import contextlib
import html
import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
ROLES = {"pools-before": "pools_before", "pools-now": "pools_now", "course-keys": "course_keys"}
FILES = sorted(path for folder in ROLES for path in SAMPLES.glob(f"*/{folder}/*"))
SPICE = (
    b'"',
    b",",
    b";",
    b"\n",
    b"\r",
    b"\t",
    b"\0",
    b"\xff",
    b"<",
    b">",
    b"&#x41;",
    b"=",
    b"'",
    b"Key",
    b"1E5",
    b"\xef\xbb\xbf",
)
CELL = (
    b't="s"',
    b't="e"',
    b't="b"',
    b't="n"',
    b't="str"',
    b'r="A1"',
    b'r="XFD9"',
    b"<v></v>",
    b"<v>-1</v>",
    b"<v>1e309</v>",
)

Damage = Callable[[bytes, random.Random], bytes]


def flip(content: bytes, chance: random.Random) -> bytes:
    """Change some bytes."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 20))):
        made[chance.randrange(len(made))] = chance.randrange(256)
    return bytes(made)


def cut(content: bytes, chance: random.Random) -> bytes:
    """Lose the end."""
    return content[: chance.randrange(len(content))]


def lose(content: bytes, chance: random.Random) -> bytes:
    """Lose a piece in the middle."""
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randrange(1, 200) :]


def repeat(content: bytes, chance: random.Random) -> bytes:
    """Have a piece twice."""
    start = chance.randrange(len(content))
    stop = start + chance.randrange(1, 400)
    return content[:stop] + content[start:]


def spice(content: bytes, chance: random.Random) -> bytes:
    """Gain signs that mean something."""
    for _ in range(chance.choice((1, 2, 5))):
        place = chance.randrange(len(content) + 1)
        content = content[:place] + chance.choice(SPICE) + content[place:]
    return content


def inside(content: bytes, chance: random.Random) -> bytes:
    """Damage one part of a workbook and pack it again."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    name = chance.choice([name for name in parts if parts[name]])
    kind = chance.randrange(5)
    if kind == 0:
        del parts[name]
    elif kind == 1:
        other = chance.choice(list(parts))
        parts[name], parts[other] = parts[other], parts[name]
    elif kind == 2:
        cells = re.findall(rb'<c [^>]*>|<v>[^<]*</v>|t="\w+"|r="[A-Z]+\d+"', parts[name]) or [b">"]
        for _ in range(chance.choice((1, 4))):
            parts[name] = parts[name].replace(chance.choice(cells), chance.choice(CELL), 1)
    else:
        parts[name] = chance.choice((flip, lose, repeat, spice))(parts[name], chance)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for member, text in parts.items():
            new.writestr(member, text)
    return made.getvalue()


def damaged(path: Path, chance: random.Random) -> bytes:
    """A copy of a file with one kind of damage."""
    content = path.read_bytes()
    is_book = content.startswith(b"PK")
    kinds: list[Damage] = [flip, cut, lose, repeat, spice] + [inside] * (7 if is_book else 0)
    return chance.choice(kinds)(content, chance)


def _parts(content: bytes) -> Iterator[bytes]:
    """Every part of a workbook that is whole: a damaged one that nobody needs does no harm."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        for name in book.namelist():
            with contextlib.suppress(zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError):
                yield book.read(name)


def texts_of(content: bytes) -> str:
    """Everything a person could find in the file."""
    if content.startswith(b"PK"):
        content = b"\n".join(_parts(content))
        text = html.unescape(content.decode("utf-8", "replace"))
        return text + re.sub(r"<[^>]*>", "", text)
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
