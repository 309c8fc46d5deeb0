"""How a key is shown where others may see it: a reference and an ending, never the code. (DESIGN §5)"""

from __future__ import annotations

import itertools
import re
import string
import unicodedata
from collections.abc import Iterable, Sequence

PERSON = "(a person)"
ADDRESS = re.compile(r"[^\s<>(),;:\"]+@[^\s<>(),;:\"]+")
SHORTEST = 3  # shorter codes are no secret: they occur in any text
WHOLE_WORD = 6  # below this length a code or a name counts only as a word of its own
MAX_WORDS = 4  # of a name that is sought in every order
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
ASCII_SHAPE = str.maketrans(string.digits + string.ascii_letters, "9" * 10 + "a" * 26 + "A" * 26)
BETWEEN = " _-.,;+"  # what people put between the parts of a code or a name
_DROP = str.maketrans("", "", BETWEEN)
_LEFT_OUT = ("Pd", "Cf", "Zs")  # dashes, signs nobody sees, blanks
CODE_LIKE = re.compile(r"(?=[^\s]*\d)[^\s]{6,}|[^\s]+@[^\s]+")


def ending(code: str) -> str:
    """The last four of 12 or more characters, the last two of 8 or more, else nothing: `…ab12`."""
    shown = 4 if len(code) >= 12 else 2 if len(code) >= 8 else 0
    return f"…{code[-shown:]}" if shown else ""


def shape(text: object) -> str:
    """What a cell looks like without what it says: `58703BA0` is 99999AA9, `Kim Park` is Aaa Aaaa."""
    plain = " ".join(str(text).split())[:24]
    if plain.isascii():
        return plain.translate(ASCII_SHAPE)
    return "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in plain)


def mask_text(text: object) -> str:
    """A cell of unknown content for an error message: anything shaped like a code or an address is hidden."""
    shown = CODE_LIKE.sub(lambda m: ending(m[0]) or "…", " ".join(str(text)[:200].split()))
    return shown if len(shown) <= 40 else shown[:39] + "…"


def visible(text: str) -> str:
    """A text for a page: signs that would not show, or would turn the text round, are spelt out."""
    return UNSEEN.sub(lambda match: f"\\x{ord(match[0]):02x}" if match[0] < "\xff" else f"\\u{ord(match[0]):04x}", text)


def one_line(text: str) -> str:
    """A text with names from files in it: nothing in it may steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def fold_secret(text: str) -> str:
    """A text as secrets are compared: without case, accents, forms of one sign, blanks, dashes, and signs between words."""
    return text.translate(_DROP).lower() if text.isascii() else _folded(text)[0]


def _folded(text: str) -> tuple[str, list[int] | range]:
    """The same, and where each sign stood."""
    if text.isascii():
        places = [place for place, sign in enumerate(text) if sign not in BETWEEN]
        return text.translate(_DROP).lower(), places
    signs, places = [], []
    for place, sign in enumerate(text):
        for part in unicodedata.normalize("NFKD", sign).casefold():
            if not unicodedata.combining(part) and unicodedata.category(part) not in _LEFT_OUT and part not in BETWEEN:
                signs.append(part)
                places.append(place)
    return "".join(signs), places


class Secrets:
    """Codes and people that must not be read, and any text without them."""

    def __init__(self, codes: Iterable[str], people: Iterable[str]) -> None:
        self._shown: dict[str, str] = {}
        for name in people:
            words = [word for word in re.split(r"[\s,]+", name.strip()) if word]
            orders = itertools.permutations(words) if 1 < len(words) <= MAX_WORDS else [words]
            self._shown |= {fold_secret("".join(order)): PERSON for order in orders}
        told = {fold_secret(code): code.strip() for code in codes}
        self._own = {text: _signs_between(code) for text, code in told.items() if not code.isalnum()}
        self._shown |= {text: ending(code) or "…" for text, code in told.items()}
        self._shown = {text: shown for text, shown in self._shown.items() if len(text) >= SHORTEST}
        self._lengths = sorted({len(text) for text in self._shown}, reverse=True)
        self._heads = {text[:SHORTEST] for text in self._shown}

    def hide(self, text: str) -> str:
        """The text with every code as its ending, every person and address as `(a person)`, however they are written."""
        text = ADDRESS.sub(PERSON, text)
        plain, places = _folded(text)
        shown: list[str] = []
        at = last = 0
        while at < len(plain):
            length = self._length_at(text, plain, places, at) if plain[at : at + SHORTEST] in self._heads else 0
            if length:
                shown += [text[last : places[at]], self._shown[plain[at : at + length]]]
                last = places[at + length - 1] + 1
                while last < len(text) and unicodedata.combining(text[last]):
                    last += 1
            at += length or 1
        return "".join([*shown, text[last:]])

    def _length_at(self, text: str, plain: str, places: Sequence[int], at: int) -> int:
        """How long the longest secret is that begins here, 0 if none does."""
        for length in self._lengths:
            if (secret := plain[at : at + length]) in self._shown and at + length <= len(plain):
                first, end = places[at], places[at + length - 1] + 1
                is_whole = not any(sign.isalnum() for sign in text[max(first - 1, 0) : first] + text[end : end + 1])
                if (length >= WHOLE_WORD or is_whole) and _signs_between(text[first:end]) <= self._allowed(secret):
                    return length
        return 0

    def _allowed(self, secret: str) -> set[str]:
        """What may stand between the signs of a secret: of a code that might be words or a number, little."""
        if self._shown[secret] == PERSON:
            return set(BETWEEN)
        is_mixed = not secret.isalpha() and not secret.isdigit()
        return set(" _-" if is_mixed else "-") | self._own.get(secret, set())


def _signs_between(text: str) -> set[str]:
    """Of BETWEEN, those that stand in a text."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return {sign for sign in BETWEEN if sign in plain}
