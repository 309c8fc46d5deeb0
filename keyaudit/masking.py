"""How a key is shown where others may see it: a reference and an ending, never the code. (DESIGN §5)"""

from __future__ import annotations

import re

import pandas as pd

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
