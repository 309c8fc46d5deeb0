"""How a key is shown where others may see it: a reference and an ending, never the code. (DESIGN §5)"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PERSON = "(a person)"
ADDRESS = re.compile(r"[^\s<>(),;:\"]+@[^\s<>(),;:\"]+")
SHORTEST = 3  # shorter codes are no secret: they occur in any text
WHOLE_WORD = 6  # below this length a code or a name counts only as a word of its own

CODE_LIKE = re.compile(r"(?=[^\s]*\d)[^\s]{6,}|[^\s]+@[^\s]+")


def ending(code: str) -> str:
    """The last four of 12 or more characters, the last two of 8 or more, else nothing: `…ab12`."""
    shown = 4 if len(code) >= 12 else 2 if len(code) >= 8 else 0
    return f"…{code[-shown:]}" if shown else ""


def endings(codes: pd.Series) -> pd.Series:
    """`ending` of every code of a Series (missing code: empty text)."""
    codes = codes.astype("str").fillna("")
    length = codes.str.len()
    return ("…" + codes.str[-4:]).where(length >= 12, ("…" + codes.str[-2:]).where(length >= 8, ""))


def shape(text: object) -> str:
    """What a cell looks like without what it says: `58703BA0` is 99999AA9, `Kim Park` is Aaa Aaaa."""
    plain = " ".join(str(text).split())[:24]
    return "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in plain)


def mask_text(text: object) -> str:
    """A cell of unknown content for an error message: anything shaped like a code or an address is hidden."""
    shown = CODE_LIKE.sub(lambda m: ending(m[0]) or "…", " ".join(str(text)[:200].split()))
    return shown if len(shown) <= 40 else shown[:39] + "…"


class Secrets:
    """Codes and people that must not be read, and any text without them."""

    def __init__(self, codes: Iterable[str], people: Iterable[str]) -> None:
        self._shown = {name.strip().lower(): PERSON for name in people}
        self._shown |= {code.strip().lower(): ending(code.strip()) or "…" for code in codes}
        self._shown = {text: shown for text, shown in self._shown.items() if len(text) >= SHORTEST}
        self._lengths = sorted({len(text) for text in self._shown}, reverse=True)
        self._heads = {text[:SHORTEST] for text in self._shown}

    def hide(self, text: str) -> str:
        """The text with every code as its ending, every person and address as `(a person)`; the case does not matter."""
        text = ADDRESS.sub(PERSON, text)
        plain = text.lower() if len(text.lower()) == len(text) else text
        shown: list[str] = []
        at = 0
        while at < len(text):
            length = self._length_at(plain, at) if plain[at : at + SHORTEST] in self._heads else 0
            shown.append(self._shown[plain[at : at + length]] if length else text[at])
            at += length or 1
        return "".join(shown)

    def _length_at(self, text: str, at: int) -> int:
        """How long the longest secret is that begins here, 0 if none does."""
        for length in self._lengths:
            if text[at : at + length] in self._shown and at + length <= len(text):
                around = text[at - 1 : at] + text[at + length : at + length + 1]
                if length >= WHOLE_WORD or not any(sign.isalnum() for sign in around):
                    return length
        return 0
