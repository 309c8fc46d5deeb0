"""Which files are read, what each really is, and how many are opened ahead. (CATALOGUE §2, HAZARDS A)"""

from __future__ import annotations

import hashlib
import html
import io
import os
import random
import re
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from damage import FILES, damaged, texts_of
from workbooks import book, cells

from keyaudit.errors import UnreadableFile
from keyaudit.exports import files
from keyaudit.exports.files import Ahead, Request, SourceFile, open_file, why_not_read
from keyaudit.exports.grid import Odd

KNOWN = {"trainingkey", "pool"}
TABLE = b"Training Key,Pool\nAB12CD34,x\n"
WORKBOOK = book(
    '<row r="1"><c r="A1" t="str"><v>Training Key</v></c></row><row r="2"><c r="A2" t="str"><v>AB12CD34</v></c></row>'
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

NAMES = {
    # what is read whatever it holds: what is wrong with it is said when it is opened
    **dict.fromkeys(("a.xlsx", "a.XLSM", "a.csv", "a.tsv", "a.txt", "a.tab"), (b"", "data")),
    # what is read if it is text
    **dict.fromkeys(("a.dat", "a.asc", "a", "a.xls", "a.csv.bak", "a.2026-04-09", "a.prn", "a.out"), (TABLE, "data")),
    "b.dat": ("Key\tPool\nZürich".encode("utf-16"), "data"),
    "c.dat": ("Key;Pool\nA1;Zürich".encode("cp1252"), "data"),
    # what is passed over, and why
    "~$a.xlsx": (b"x", "lock file"),
    ".~lock.a.csv#": (b"x", "lock file"),
    ".DS_Store": (b"x", "hidden"),
    "a.csv.crdownload": (TABLE, "not finished"),
    "a.xlsx.part": (WORKBOOK, "not finished"),
    "README.md": (b"# Keys", "a document"),
    "keys.json": (b"[]", "a document"),
    "letter.pdf": (b"%PDF-1.7", "a PDF"),
    "page": (b"<!DOCTYPE html>", "a web page"),
    "notes.doc": (rb"{\rtf1 x}", "Rich Text"),
    "b.xls": (OLE + bytes(600), "legacy .xls"),
    "b.ods": (b"PK\x03\x04", "an archive or a workbook"),
    "b": (WORKBOOK, "give it the suffix .xlsx"),
    "a.png": (b"\x89PNG\r\n\x1a\n\x00\x00", "neither a workbook nor a text"),
    "a.gz": (b"\x1f\x8b\x08", "compressed"),
    "empty": (b"", "is empty"),
}


@pytest.mark.parametrize("name", NAMES)
def test_which_files_are_read(name: str, tmp_path: Path) -> None:
    content, words = NAMES[name]
    (tmp_path / name).write_bytes(content)
    why = why_not_read(tmp_path / name)
    assert why == "" if words == "data" else words in why


def opened(tmp_path: Path, name: str, content: bytes) -> SourceFile:
    (tmp_path / name).write_bytes(content)
    return open_file(tmp_path / name, f"pools/{name}", KNOWN)


@pytest.mark.parametrize(
    ("name", "content", "notes"),
    [
        ("a.csv", TABLE, []),
        ("a.xlsx", WORKBOOK, []),
        ("a.XLSM", WORKBOOK, []),
        ("a.csv", WORKBOOK, ["is an Excel workbook, whatever its name says"]),
        ("a.xlsx", TABLE, ["is a text file, not an Excel workbook; read as CSV"]),
    ],
)
def test_a_file_is_read_as_what_it_is(name: str, content: bytes, notes: list[str], tmp_path: Path) -> None:
    source = opened(tmp_path, name, content)
    assert source.notes == notes
    assert (source.size, source.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert [row[0] for row in cells(source.grids[0])] == ["Training Key", "AB12CD34"]
    assert source.grids[0].name == ("Keys" if content is WORKBOOK else "")


BAD = {
    "empty": (b"", "is empty"),
    "blank": (b"\r\n \r\n", "is empty"),
    "blank, in UTF-16": ("\r\n \r\n".encode("utf-16"), "is empty"),
    "PDF": (b"%PDF-1.7 ...", "is a PDF"),
    "web page": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
    "a page without a head": (b"<!-- saved --><table>", "is a web page"),
    "a page from its first tag": (b"\xef\xbb\xbf <meta charset=utf-8>", "is a web page"),
    "XML": (b'<?xml version="1.0"?><Workbook/>', "is an XML file"),
    "a web archive": (b"MIME-Version: 1.0", "is a web archive"),
    "Rich Text": (rb"{\rtf1\ansi AB12CD34}", "is a Rich Text document"),
    "JSON": (b'[\n {"Training Key": "AB12CD34"}]', "is a JSON file"),
    "JSON of one key": (b'{"Training Key": "AB12CD34"}', "is a JSON file"),
    "gzip": (b"\x1f\x8b\x08\x00", "is a compressed"),
    "SYLK": (b"ID;PWXL;N;E\nP;PGeneral\nC;Y1;X1\n", "is a SYLK file"),
    "old Excel": (OLE + bytes(600), "legacy .xls"),
    "password": (OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    "cut short": (b"PK\x03\x04 and then nothing", "damaged or cut short"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_something_else_is_one_clear_error(kind: str, tmp_path: Path) -> None:
    content, words = BAD[kind]
    with pytest.raises(UnreadableFile, match=f"^pools/a.xlsx: .*{words}") as problem:
        opened(tmp_path, "a.xlsx", content)
    assert "AB12CD34" not in str(problem.value)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"a.csv: cannot be opened \(No such file or directory\). Check the name"):
        open_file(tmp_path / "a.csv", "a.csv", KNOWN)
    with pytest.raises(UnreadableFile, match=r"a.csv: cannot be opened \(Is a directory\)"):
        open_file(tmp_path, "a.csv", KNOWN)


@pytest.mark.parametrize("change", ["grows", "is written anew", "is replaced", "vanishes"])
def test_a_file_that_changes_while_it_is_read(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(TABLE)
    real = os.fstat

    def meddle(descriptor: int) -> os.stat_result:
        told = real(descriptor)
        if change == "grows":
            path.write_bytes(TABLE * 2)
        elif change == "is written anew":
            path.write_bytes(TABLE.lower())
            os.utime(path, ns=(0, 0))
        elif change == "is replaced":
            (tmp_path / "b.csv").write_bytes(TABLE)
            (tmp_path / "b.csv").replace(path)
        else:
            path.unlink(missing_ok=True)
        return told

    monkeypatch.setattr(files.os, "fstat", meddle)
    words = "cannot be opened" if change == "vanishes" else "was changed while it was read"
    with pytest.raises(UnreadableFile, match=f"^a.csv: {words}"):
        open_file(path, "a.csv", KNOWN)


# --- many files ---


def requests(tmp_path: Path, count: int) -> list[Request]:
    for number in range(count):
        (tmp_path / f"{number}.csv").write_bytes(b"Training Key\n" + b"A1\n" * (number % 7) + b"B%d\n" % number)
    return [Request(tmp_path / f"{number}.csv", f"{number}.csv", "pools_before") for number in range(count)]


@pytest.mark.parametrize("can_start", [True, False])
def test_files_are_given_in_the_order_in_which_they_are_asked_for(
    can_start: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    if not can_start:
        monkeypatch.setattr(threading.Thread, "start", refuse)
    wanted = requests(tmp_path, 30)
    with Ahead(wanted, Request.open) as ahead:
        lasts = [ahead.read(file).grids[0] for file in wanted]
    assert [grid.row(grid.height - 1) for grid in lasts] == [[f"B{number}"] for number in range(30)]


def test_the_biggest_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = requests(tmp_path, 5)
    (tmp_path / "3.csv").write_bytes(TABLE * 100)
    begun: list[str] = []
    monkeypatch.setattr(files, "open_file", lambda _, label, *__: begun.append(label))
    monkeypatch.setattr(files, "WORKERS", 1)
    with Ahead(wanted, Request.open) as ahead:
        for file in wanted:
            ahead.read(file)
    assert begun == ["3.csv", "0.csv", "1.csv", "2.csv", "4.csv"]


def test_what_a_file_raises_is_raised_where_it_is_asked_for(tmp_path: Path) -> None:
    wanted = requests(tmp_path, 4)
    (tmp_path / "1.csv").write_bytes(b"")
    (tmp_path / "2.csv").unlink()
    with Ahead(wanted, Request.open) as ahead:
        assert ahead.read(wanted[0]).label == "0.csv"
        for number, words in ((1, "is empty"), (2, "cannot be opened")):
            with pytest.raises(UnreadableFile, match=words):
                ahead.read(wanted[number])
        assert ahead.read(wanted[3]).label == "3.csv"


def test_no_more_files_are_open_than_have_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(files, "open_file", lambda _, label, *__: begun.append(label))
    with Ahead(requests(tmp_path, 20), Request.open):
        time.sleep(0.2)
        assert 1 <= len(begun) <= files.WAITING


STUCK = """
import sys, threading, time
from pathlib import Path
from keyaudit.exports import files
files.open_file = lambda *_: time.sleep(3600)
with files.Ahead([files.Request(Path(sys.argv[1]), "a", "pools_before")], files.Request.open):
    time.sleep(0.2)
    raise KeyboardInterrupt
"""


def test_nobody_waits_for_a_worker_after_an_interrupt(tmp_path: Path) -> None:
    """A worker that never comes back would keep the program from ending, if its thread were not a daemon."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", STUCK, str(tmp_path)], capture_output=True, timeout=60, check=False)
    assert b"KeyboardInterrupt" in done.stderr
    assert time.monotonic() - began < 30


def test_reading_needs_no_pandas_and_no_engine() -> None:
    """NumPy and Arrow are enough: nothing else that is heavy is loaded."""
    told = "import sys, keyaudit.exports.files; print(sorted({'openpyxl', 'python_calamine', 'matplotlib', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- damaged copies ---


def texts_in(content: bytes) -> str:
    """Everything a person could find in the file, as it stands there and as it reads."""
    if not content.startswith(b"PK"):
        return texts_of(content)
    found = []
    with zipfile.ZipFile(io.BytesIO(content)) as members:
        for name in members.namelist():
            with suppress(
                zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError
            ):  # a part that nobody reads
                found.append(members.read(name).decode("utf-8", "replace"))
    text = "\n".join(found)
    return html.unescape(text + re.sub(r"<[^>]*>", "", text))


def texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_copy_is_read_or_refused_and_nothing_is_invented(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same damage each time
    for number in range(100):
        source = chance.choice(FILES)
        path = tmp_path / f"{number}{source.suffix}"
        path.write_bytes(damaged(source, chance))
        began = time.process_time()
        try:
            grids = open_file(path, path.name, KNOWN).grids
        except UnreadableFile as problem:
            assert str(problem).startswith(path.name)
            continue
        finally:
            assert time.process_time() - began < 20
        known = texts_in(path.read_bytes())
        for grid in grids:
            assert all(len(column) == grid.height for column in grid.columns)
            assert all(column.codes.max(initial=-1) < len(column.values) for column in grid.columns)
            for column in grid.columns:
                for value in column.listed():
                    assert not isinstance(value, Odd) or len(value.what) < 60
                    for text in texts(value):
                        assert text in known or text.replace('"', '""') in known or "\n" in text or '"' in text
        path.unlink()
