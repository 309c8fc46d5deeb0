"""One list of keys in many layouts: whatever stands around it, the keys and their redemptions are read as they are."""

from __future__ import annotations

import csv
import io
import random

import pytest
from reading import ROWS, codes, read, signs

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
KINDS = ("hexadecimal", "long", "dashes", "sku", "letters", "digits")
SHOWN = {  # how a pool export may show redemption → headers of that column
    "date": ("Redeemed", "Redeemed Date", "Redemption Date (UTC)", "Used On"),
    "flag": ("Redeemed", "Is Redeemed", "Used"),
    "status": ("Status", "Key Status", "State"),
    "learner": (),
    "headings": (),
    "tabs": (),
}
FLAGS = (("Yes", "No"), ("TRUE", "FALSE"), ("1", "0"), ("x", ""))
WORDS = (("Redeemed", "Available"), ("Used", "Unused"), ("Claimed", "Sent"))
BLANKS = ("", "NULL", "-", "N/A", "None", "0000-00-00")
FOOTERS = (
    "Total: 7",
    "Copyright (c) 2026 Contoso. All rights reserved.",
    "Confidential - do not pass on",
    "Page 1 of 1",
)
SETTINGS = {"Course": "AZ-900: Basics", "Organization": "Contoso", "Created": "2024-11-03", "Expires": "2026-12-31"}


def code(kind: str, chance: random.Random) -> str:
    """A code as one of the families has it."""
    return {
        "hexadecimal": lambda: f"{chance.getrandbits(32):08X}",
        "long": lambda: f"{chance.getrandbits(64):016X}",
        "dashes": lambda: "-".join("".join(chance.choices(ALPHABET, k=4)) for _ in range(3)),
        "sku": lambda: f"AZ-{chance.randrange(10**6)}",
        "letters": lambda: "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=8)),
        "digits": lambda: f"{chance.randrange(10**9):09d}",
    }[kind]()


def layout(chance: random.Random) -> tuple[dict[str, bool], str | ROWS | dict[str, ROWS]]:
    """Keys, whether each is redeemed, and a file that says so."""
    kind, shown = chance.choice(KINDS), chance.choice(list(SHOWN))
    keys = {code(kind, chance): chance.random() < 0.4 for _ in range(chance.choice((1, 2, 3, 8, 30)))}
    header = ["Training Key", *chance.sample([*SETTINGS, "Notes", "Lab Profile"], chance.randrange(6))]
    header += [chance.choice(SHOWN[shown])] if SHOWN[shown] else []
    if shown == "learner" or chance.random() < 0.3:
        header.append(chance.choice(("Redeemed By", "User", "Learner")))
    chance.shuffle(header)
    blank, flags, words = chance.choice(BLANKS), chance.choice(FLAGS), chance.choice(WORDS)

    def cell(column: str, key: str) -> str:
        is_redeemed = keys[key]
        if column in SETTINGS or column == "Training Key":
            return SETTINGS.get(column, key)
        if column in ("Notes", "Lab Profile"):
            return chance.choice(("", "x", "42", "n/a"))
        if column in ("Redeemed By", "User", "Learner"):
            return chance.choice(("Ann Lee", "Zoë Marsh")) if is_redeemed else blank
        if shown == "date":
            return f"2025-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}" if is_redeemed else blank
        return (flags if shown == "flag" else words)[not is_redeemed]

    def listed(some: list[str]) -> ROWS:
        rows: ROWS = [header]
        for key in some:
            rows.append([cell(column, key) for column in header])
            rows += [[""] * len(header)] if chance.random() < 0.05 else []
            rows += [header] if len(header) > 1 and chance.random() < 0.06 else []
        return rows

    def alone(text: str) -> list[str]:
        return [text, *[""] * (len(header) - 1)]

    open_ones, used = [key for key in keys if not keys[key]], [key for key in keys if keys[key]]
    if shown == "tabs":
        return keys, {"Unused Keys": listed(open_ones), f"Redeemed Keys ({len(used)})": listed(used)}
    rows = [alone("Exported by an administrator")] if chance.random() < 0.3 else []
    rows += [alone("")] if chance.random() < 0.2 else []
    if shown == "headings":
        lists = [(chance.choice(("Unredeemed Keys", "Unused Keys")), open_ones), ("Used Keys", used)]
        for heading, some in chance.sample(lists, 2):
            rows += [
                alone(heading + chance.choice(("", f" ({len(some)})", f": {len(some)}"))),
                *listed(some),
                alone(""),
            ]
    else:
        rows += listed(list(keys))
    is_filled = header[0] == "Training Key" and len(keys) > 1 and {*SETTINGS} & {*header}
    rows += [alone(chance.choice(FOOTERS))] if is_filled and chance.random() < 0.3 else []
    return keys, formed(rows, header, chance)


def formed(rows: ROWS, header: list[str], chance: random.Random) -> str | ROWS:
    """The rows as a workbook, or as a text in one of the forms that programs write."""
    form = chance.choice(("commas", "semicolons", "tabs", "workbook", "wrapped", "quoted", "padded"))
    if form == "workbook":
        return [[cell or None for cell in row] for row in rows]
    if form == "padded":
        widths = [max(len(row[place]) for row in rows) for place in range(len(header))]
        return "".join(
            ",".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows
        )
    if form == "wrapped":
        key = header.index("Training Key")
        rows = [[cell if cell in header or not row[key] else f'="{cell}"' for cell in row] for row in rows]
    text = io.StringIO()
    delimiter = {"semicolons": ";", "tabs": "\t"}.get(form, ",")
    quoting = csv.QUOTE_ALL if form == "quoted" else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("seed", range(150))
def test_a_list_is_read_whatever_its_layout(seed: int) -> None:
    keys, content = layout(random.Random(seed))  # noqa: S311 - the same layout each time
    export = read(content)
    assert dict(zip(codes(export), ("redeemed" in sign.split() for sign in signs(export)), strict=True)) == keys
    assert not any("unreadable" in sign for sign in signs(export))
    assert export.files[0].shows["redemption"] == "yes"
