"""The stories of keys as data of a page: each text stands in it once, so that thousands of keys are small."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring_ascii

from keyaudit.audit import Audit
from keyaudit.explain import TODAY, named, stories
from keyaudit.markup import Html, short
from keyaudit.masking import visible
from keyaudit.rulebook import FAMILIES, GROUPS, STATUSES
from keyaudit.words import plain

KEYS = 5_000  # all, if there are no more; else the most urgent of those that need action
BYTES = 900_000  # of their stories
LENGTH = 750  # of a line of a story
PLACE = re.compile(r"(?s)(.*?, row )(0|[1-9][0-9]{0,8})(?![0-9])(.*)")
EPOCH = 719_163  # 1 January 1970


class Book:
    """What `page.js` tells of a key: [name, row, end, status, group, family, [what, text, …], [day, what, …]].

    Texts are numbers of `texts`; one that names a row is a pair there, and its row follows its number.
    """

    def __init__(self, audit: Audit) -> None:
        f, size = audit.facts, 0
        keys = audit.order[: audit.total if audit.total <= KEYS else min(audit.needing, KEYS)]
        self._texts: dict[object, int] = {}
        self._known: dict[str, str] = {}
        self._keys: list[str] = []
        of = zip(*(column[keys].tolist() for column in (f.status, f.group, f.family_of_key)), strict=True)
        for (name, end), kinds, story in zip(named(audit, keys), of, stories(audit, keys), strict=True):
            head = self._placed(name)
            lines = ",".join(f"{self._place(what)},{self._placed(text)}" for what, text in story.lines)
            life = ",".join(
                f"{day.toordinal() - EPOCH},{self._place(what)}" for day, what, is_own in story.life if is_own
            )
            head += "" if "," in head else ",0"
            told = f"[{head},{encode_basestring_ascii(visible(end))},{','.join(map(str, kinds))},[{lines}],[{life}]]"
            self._keys.append(told)
            size += len(told)
            if size > BYTES:
                break
        shared = [*((date, label.lower()) for label, date in audit.calendar.deadlines()), (audit.as_of, TODAY)]
        self._shared = [[day.toordinal() - EPOCH, what] for day, what in shared]

    def __len__(self) -> int:
        return len(self._keys)

    def as_json(self) -> Html:
        """All of it as JSON that can stand in a page: no sign in it ends an element or a line."""
        words = {
            "texts": list(self._texts),
            "deadlines": self._shared,
            "today": TODAY,
            "statuses": [*map(plain, STATUSES)],
        }
        told = json.dumps(words | {"groups": list(GROUPS), "families": list(FAMILIES)}, separators=(",", ":"))
        whole = f'{told[:-1]},"keys":[{",".join(self._keys)}]}}'
        return Html(whole.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))

    def _place(self, text: object) -> int:
        return self._texts.setdefault(text, len(self._texts))

    def _placed(self, text: str) -> str:
        """The number of a text, and of the row it names."""
        if text in self._known:
            return self._known[text]
        shown = visible(short(text, LENGTH))
        if ", row " in shown and (found := PLACE.fullmatch(shown)):
            return f"{self._place((found[1], found[3]))},{found[2]}"
        self._known[text] = told = str(self._place(shown))
        return told
