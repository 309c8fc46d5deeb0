"""Reports are placed as a whole, whatever fails, whoever kills the run, and whatever else lies in their folder.

A kill at every change of a file and 30 at random moments belong to every run of the tests. More of them:

    KEYAUDIT_KILLS=1000 python -m pytest -s -m long tests/test_place.py
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import placing
import pytest

from keyaudit.errors import KeyauditError
from keyaudit.interrupts import held, stoppable
from keyaudit.report import place, sets

KILLS = int(os.environ.get("KEYAUDIT_KILLS", "0"))
PROGRAM = [sys.executable, str(Path(placing.__file__))]
posix = pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
ROOM = tempfile.TemporaryDirectory()
TEMPLATE = Path(ROOM.name)
NOON = dt.datetime(2026, 4, 9, 14, 5).timestamp()
EDITED = "report (edited 2026-04-09 14-05).xlsx"
THEIRS = {
    "letter.txt": "Dear Ms Park",
    "plan/letter.docx": "Please paste",
    "mine/a/b.txt": "deep",
    EDITED: "ticked and signed",
}


def teardown_module() -> None:
    ROOM.cleanup()


def written(target: Path, version: str, **options: Any) -> Path:
    return place.write_set(target, "report", placing.write(version), placing.manifest, **options)


def lived_in(folder: Path) -> Path:
    """A report of the version `old`, its workbook edited at 14:05, a letter beside it, another in plan/, a folder."""
    if not (TEMPLATE / "report").exists():
        written(TEMPLATE / "report", "old")
        for name, text in THEIRS.items():
            path = TEMPLATE / "report" / ("report.xlsx" if name == EDITED else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            os.utime(path, (NOON, NOON))
    shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True)
    return folder / "report"


def version(target: Path) -> str:
    """The version of the set, every file of which is whole (an edited workbook aside)."""
    told = json.loads((target / sets.MANIFEST).read_text())
    for name, output in told["outputs"].items():
        content = (target / name).read_bytes()
        if content != THEIRS[EDITED].encode():
            assert hashlib.sha256(content).hexdigest() == output["sha256"], name
    (found,) = {name.split()[1] for name in told["outputs"] if name.startswith("plan/01")}
    assert all(found in (target / name).read_text() for name in ("keys.txt", "report.html", "plan/steps.txt"))
    return str(found)


def theirs(target: Path) -> dict[str, str]:
    """What is in the folder beside the set; the edited workbook by its later name."""
    ours = {sets.MANIFEST, *json.loads((target / sets.MANIFEST).read_text())["outputs"]}
    found = {
        path.relative_to(target).as_posix(): path.read_bytes().decode()
        for path in target.rglob("*")
        if path.is_file() and path.relative_to(target).as_posix() not in ours
    }
    if b"<sheet>" not in (target / "report.xlsx").read_bytes():
        found[EDITED] = (target / "report.xlsx").read_text()
    return found


def beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be forced onto the disk: nobody here cuts the power, and it takes long."""
    forced: list[str] = []
    monkeypatch.setattr(
        place.os,
        "fsync",
        lambda number: forced.append(str(Path(f"/proc/self/fd/{number}").resolve())),
    )
    return forced


# --- what is written ---


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="which file is meant is asked of /proc")
def test_all_is_forced_onto_the_disk_before_it_is_placed(
    disk: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = lived_in(tmp_path)
    exchange = place._exchange

    def exchanged(one: Path, other: Path) -> bool:
        disk.append("exchanged")
        return exchange(one, other)

    monkeypatch.setattr(place, "_exchange", exchanged)
    disk.clear()
    written(target, "new")
    names = [re.sub(r"^.*/(\.report\.keyaudit-[0-9a-f]{8})", "room", path) for path in disk]
    names = [re.sub(r"^room/\d+", "set", name).removeprefix("room/new/") for name in names]
    files = ["keys.txt", "report.xlsx", "report.html", "plan/steps.txt", "plan/01 new - paste.txt", "MANIFEST.json"]
    assert names[: len(files)] == files
    assert sorted(names[len(files) : -2]) == ["room", "set", "set/plan"]
    assert names[-2:] == ["exchanged", str(tmp_path)]


def test_a_set_is_written_with_its_manifest(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "report"
    assert written(target, "new") == target
    told = json.loads((target / sets.MANIFEST).read_text())
    assert list(told) == ["kind", "tool", "as_of", "options", "outputs"]
    assert told["kind"] == "report"
    text = b"KEY-1 new\nKEY-2 new\n"
    assert told["outputs"]["keys.txt"] == {"sha256": hashlib.sha256(text).hexdigest(), "bytes": 20, "rows": 2}
    assert (version(target), theirs(target), beside(target)) == ("new", {}, [])
    assert sets.edited(target) == sets.foreign(target) == []
    assert place.placed() == target


def test_what_belongs_to_others_stays_and_what_was_edited_is_kept_beside(tmp_path: Path) -> None:
    target = lived_in(tmp_path)
    assert sets.edited(target) == [target / "report.xlsx"]
    assert [path.relative_to(target).as_posix() for path in sets.foreign(target)] == [
        "letter.txt",
        "mine/a/b.txt",
        "plan/letter.docx",
    ]
    number = (target / "letter.txt").stat().st_ino
    (target / "plan" / "steps.txt").unlink()  # what somebody has deleted is not edited
    written(target, "new")
    assert (version(target), theirs(target), beside(target)) == ("new", THEIRS, [])
    assert (target / "letter.txt").stat().st_ino == number  # who has it open writes into it still
    assert not (target / "plan" / "01 old - paste.txt").exists()
    written(target, "newer")
    assert (version(target), theirs(target), beside(target)) == ("newer", THEIRS, [])


def test_every_edit_is_kept_under_a_name_of_its_own(tmp_path: Path) -> None:
    target = lived_in(tmp_path)
    written(target, "new")
    for text in ("again", "and again", "and again"):
        (target / "report.xlsx").write_text(text)
        os.utime(target / "report.xlsx", (NOON, NOON))
        written(target, "newer")
    stem = EDITED.removesuffix(".xlsx")
    assert theirs(target) == THEIRS | {f"{stem} 2.xlsx": "again", f"{stem} 3.xlsx": "and again"}


def test_a_file_of_others_whose_name_the_set_takes_now_is_kept_beside(tmp_path: Path) -> None:
    target = tmp_path / "report"
    written(target, "old")
    (target / "plan" / "01 new - paste.txt").write_text("mine")
    os.utime(target / "plan" / "01 new - paste.txt", (NOON, NOON))
    written(target, "new")
    assert (version(target), theirs(target)) == ("new", {"plan/01 new - paste (edited 2026-04-09 14-05).txt": "mine"})


def test_links_empty_folders_and_rights_of_others_stay_what_they_are(tmp_path: Path) -> None:
    target = tmp_path / "report"
    written(target, "old")
    (target / "empty" / "inside").mkdir(parents=True)
    (target / "there").symlink_to(tmp_path)
    (target / "nowhere").symlink_to("missing")
    (target / "plan" / "letter").write_text("x")
    (target / "plan" / "letter").chmod(0o640)
    for name in ("new", "newer"):
        written(target, name)
        assert (target / "empty" / "inside").is_dir()
        assert ((target / "there").readlink(), (target / "nowhere").readlink()) == (tmp_path, Path("missing"))
        assert stat.S_IMODE((target / "plan" / "letter").stat().st_mode) == 0o640
    assert version(target) == "newer"


def test_an_edited_file_is_no_part_of_a_folder_to_share(tmp_path: Path) -> None:
    target = tmp_path / "shared"
    for name in ("old", "new"):
        place.write_set(target, "share", placing.write(name), placing.manifest)
        (target / "report.xlsx").write_text("ticked")
        (target / "letter.txt").write_text("mine")
    place.write_set(target, "share", placing.write("newer"), placing.manifest)
    assert (version(target), theirs(target)) == ("newer", {"letter.txt": "mine"})
    assert sets.foreign(target) == [target / "letter.txt"]


def test_a_file_copied_with_a_later_date_is_not_edited(tmp_path: Path) -> None:
    written(tmp_path / "report", "old")
    shutil.copytree(tmp_path / "report", tmp_path / "copy", copy_function=shutil.copyfile)
    for path in (tmp_path / "copy").rglob("*.xlsx"):
        os.utime(path, (time.time() + 60, time.time() + 60))
    assert sets.edited(tmp_path / "copy") == []
    with (tmp_path / "copy" / "report.xlsx").open("r+b") as file:  # the same size
        file.write(b"Q")
    os.utime(tmp_path / "copy" / "report.xlsx", (time.time() + 60, time.time() + 60))
    assert sets.edited(tmp_path / "copy") == [tmp_path / "copy" / "report.xlsx"]


# --- rights ---


@posix
@pytest.mark.parametrize(
    ("mask", "former", "folder", "keys", "page"),
    [
        (0o022, None, 0o755, 0o600, 0o644),
        (0o077, None, 0o700, 0o600, 0o600),
        (0o277, None, 0o500, 0o400, 0o400),
        (0o022, 0o700, 0o700, 0o600, 0o644),
        (0o077, 0o755, 0o755, 0o600, 0o600),
        (0o002, 0o2770, 0o2770, 0o600, 0o664),
    ],
)
def test_rights(mask: int, former: int | None, folder: int, keys: int, page: int, tmp_path: Path) -> None:
    """A folder keeps its rights, a new one has those of the umask; what holds codes is open to its owner alone."""
    if mask == 0o277 and os.geteuid():
        pytest.skip("only root writes where nobody may")
    target = tmp_path / "report"
    if former is not None:
        written(target, "old")
        target.chmod(former)
    before = os.umask(mask)
    try:
        written(target, "new")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((target / name).stat().st_mode) for name in (".", "keys.txt", "report.xlsx", "report.html")]
    assert modes == [folder, keys, keys, page]


@posix
def test_while_it_is_written_nobody_else_can_look_into_it(tmp_path: Path) -> None:
    seen: list[int] = []

    def write(folder: Path) -> Iterable[tuple[str, int]]:
        seen.append(stat.S_IMODE(folder.parent.stat().st_mode))
        return placing.write("new")(folder)  # type: ignore[no-any-return]

    place.write_set(tmp_path / "report", "report", write, placing.manifest)
    assert seen == [0o700]


@posix
def test_what_is_to_be_shared_can_be_read_as_the_umask_says(tmp_path: Path) -> None:
    place.write_set(tmp_path / "s", "share", placing.write("new"), placing.manifest)
    assert stat.S_IMODE((tmp_path / "s" / "keys.txt").stat().st_mode) == 0o644


# --- what is refused before any work ---


def refused(path: Path, words: str, kind: str = "report", inputs: tuple[Path, ...] = ()) -> None:
    before = sorted(path.parent.rglob("*")) if path.parent.exists() else None
    with pytest.raises(KeyauditError, match=words):
        place.check_target(path, kind, inputs)
    assert (sorted(path.parent.rglob("*")) if path.parent.exists() else None) == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "is a file. --out needs a folder")
    refused(tmp_path / "file" / "report", "file/report: Not a directory. Choose another --out. Nothing was written.")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").write_text("x")
    refused(tmp_path / "full", "is not empty and holds no report of keyaudit")
    for foreign in (
        '{"name": "an app"}',
        "[]",
        "{",
        '{"tool": "keyaudit 0.1.0", "outputs": ["x"]}',
        "[" * 100_000,
        "\x00",
    ):
        (tmp_path / "full" / "MANIFEST.json").write_text(foreign)
        refused(tmp_path / "full", "is not empty and holds no report of keyaudit")
    refused(tmp_path / "a\0b", "no such path can be")
    (tmp_path / "loop").symlink_to("loop")
    refused(tmp_path / "loop", "no such path can be|Too many levels")
    for length in (300, 255, 240, 237):
        refused(tmp_path / ("x" * length), "path is too long")
    place.check_target(tmp_path / ("x" * 236), "report")
    refused(tmp_path / "new" / ("x" * 300), "path is too long")
    (tmp_path / "empty").mkdir()
    place.check_target(tmp_path / "empty", "report")
    assert version(written(tmp_path / "empty", "new")) == "new"


def test_folders_of_exports_are_refused_whatever_lies_in_them(tmp_path: Path) -> None:
    case = tmp_path / "case"
    written(case / "now", "old")  # a manifest in it does not make a role folder a report
    (case / "pools-now").mkdir()
    (case / "link").symlink_to("now")
    for path in ("now", "now/report", "link", "link/report", ".", "../case"):
        refused(case / path, "holds the exports of the case", inputs=(case / "now", case / "pools-now"))
    for name in ("pools-before", "Pools Now", "course_keys", "distribution"):
        refused(case / "new" / name, "a folder of this name is for exports")
    place.check_target(case / "report", "report", [case / "now", case / "pools-now"])


def test_another_kind_of_set_is_not_replaced(tmp_path: Path) -> None:
    target = lived_in(tmp_path)
    refused(target, "holds a report, which a plan would replace", "plan")
    refused(target, "holds a report, which a report to share would replace", "share")
    for options, kind in (({"only": "plan"}, "plan"), ({"share": True}, "share"), ({"share": False}, "report")):
        told = json.loads((target / sets.MANIFEST).read_text()) | {"options": options}
        told.pop("kind", None)  # as keyaudit 0.1 wrote it
        (target / sets.MANIFEST).write_text(json.dumps(told))
        place.check_target(target, kind)
    refused(target, "would replace", "plan")


@posix
@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_one_may_not_write_into_is_refused(tmp_path: Path) -> None:
    target = lived_in(tmp_path / "parent") if (tmp_path / "parent").mkdir() is None else tmp_path
    target.chmod(0o500)
    refused(target, "cannot write into it")
    target.parent.chmod(0o500)
    refused(target, "check the rights")
    target.parent.chmod(0o700)


@pytest.mark.parametrize("seen", [True, False])
def test_where_a_disk_is_mounted_is_refused(seen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the kernel's list, or where there is none by the number of the disk."""
    target = tmp_path / "my disk"
    target.mkdir()
    listed = (
        f"36 35 98:0 / {str(target).replace(' ', chr(92) + '040')} rw,noatime - ext4 /dev/root rw\n" if seen else ""
    )
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, *a, **k: listed if "mountinfo" in self.name else read(self, *a, **k)
    )
    monkeypatch.setattr(place.os.path, "ismount", lambda path: not seen and path == target)
    refused(target, "is where a disk is mounted.*--out .*my disk/report")


# --- faults ---

CALLS = {
    "open": (place.os, "open"),
    "io.open": ("io", "open"),
    **{
        name: (place.os, name)
        for name in (
            "mkdir",
            "rename",
            "link",
            "unlink",
            "rmdir",
            "chmod",
            "fsync",
            "scandir",
            "listdir",
            "stat",
            "lstat",
        )
    },
}
LOOKING = ("scandir", "listdir", "stat", "lstat")  # what lasts is tried at every seventh of these alone
FAULTS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE)


class Faults:
    """Lets the n-th call of one kind fail, or all from the n-th on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, first: int, lasting: bool, number: int) -> None:
        self.seen, self.first, self.lasting, self.number = 0, first, lasting, number
        module, attribute = CALLS[name]
        module = sys.modules[module] if isinstance(module, str) else module
        self.real = getattr(module, attribute)
        self.patch = monkeypatch
        monkeypatch.setattr(module, attribute, self.call)

    def call(self, *arguments: Any, **options: Any) -> Any:
        self.seen += 1
        if self.seen == self.first or (self.lasting and self.seen > self.first):
            place_ = arguments[0] if arguments and isinstance(arguments[0], (str, os.PathLike)) else None
            raise OSError(self.number, os.strerror(self.number), *([os.fspath(place_)] if place_ else []))
        return self.real(*arguments, **options)


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize(
    ("name", "exchanges"),
    [
        *((name, True) for name in CALLS),
        *((name, False) for name in ("mkdir", "rename", "unlink", "rmdir", "link", "io.open")),
    ],
)
def test_any_call_may_fail(name: str, exchanges: bool, lasting: bool, tmp_path: Path) -> None:
    """One message, the old set or the new one, everybody's files; after the next run nothing is left anywhere."""
    first, tried = 1, 0
    while True:
        folder = tmp_path / str(first)
        folder.mkdir()
        target = lived_in(folder)
        told: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            if not exchanges:
                patch.setattr(place, "_exchange", lambda *_: False)
            faults = Faults(patch, name, first, lasting, FAULTS[first % len(FAULTS)])
            outcome = "new"
            try:
                written(target, "new", tell=told.append)
            except KeyauditError as problem:
                outcome = "old"
                message = str(problem)
                assert re.fullmatch(r"(?s).+: .+\. (The former report was kept|Nothing was written)\.", message), (
                    message
                )
                assert "Traceback" not in message
        if faults.seen < first:
            break
        tried += 1
        if not lasting or target.exists():
            assert (version(target), theirs(target)) == (outcome, THEIRS), (first, told)
        if not lasting and not told and name != "rmdir":
            assert beside(target) in ([], [".report.keyaudit-lockfile"]), (first, outcome)
        assert all("delete it yourself" in text or "is in place" in text for text in told)
        place.check_target(target, "report")
        assert (version(target), theirs(target), beside(target)) == (outcome, THEIRS, []), first
        shutil.rmtree(folder)
        first += 7 if lasting and name in LOOKING else 1
    assert tried >= {"scandir": 0, "lstat": 0}.get(name, 1)


@pytest.mark.parametrize("number", [*FAULTS, errno.EFBIG, errno.EDQUOT, errno.ENAMETOOLONG, errno.ENXIO])
def test_the_message_names_the_file_and_what_to_do(number: int, tmp_path: Path) -> None:
    target = lived_in(tmp_path)

    def write(folder: Path) -> Iterable[tuple[str, int]]:
        placing.write("new")(folder)
        time.sleep(0.01)
        (folder / "keys.csv").write_text("half")
        raise OSError(number, os.strerror(number))  # writing fails without a name

    with pytest.raises(KeyauditError, match=r"^keys\.csv: .*\. The former report was kept\.$") as caught:
        place.write_set(target, "report", write, placing.manifest)
    advice = place.ADVICE.get(number, "No such device or address. Choose another --out")
    assert str(caught.value) == f"keys.csv: {advice}. The former report was kept."
    assert (version(target), theirs(target), beside(target)) == ("old", THEIRS, [])


@pytest.mark.parametrize("read_back", ["at the end", "beside", "without a thread"])
def test_what_does_not_read_back_as_written_is_not_placed(
    read_back: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CSV with a row less, a text with a line less, a cut workbook, an empty page."""
    monkeypatch.setattr(place, "LARGE", place.LARGE if read_back == "at the end" else -1)
    if read_back == "without a thread":
        monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    sound = written(tmp_path / "sound", "old")
    told = json.loads((sound / "MANIFEST.json").read_text())["outputs"]
    assert [one["rows"] for one in told.values()] == [2, 2, 1, 2, 1]
    assert all(hashlib.sha256((sound / name).read_bytes()).hexdigest() == one["sha256"] for name, one in told.items())
    shutil.rmtree(sound)
    contents = {
        "keys.csv": (b'a,b\r\n1,"x\r\ny"\r\n', sets.Counted(2, zlib.crc32(b'a,b\r\n1,"x\r\ny"\r\n2,z\r\n'))),
        "any.csv": (b"a,b\r\n1,x\r\n2,y\r\n", 2),  # nobody knows what was written
        "list.txt": (b"one\ntwo", 2),
        "page.html": (b"", 1),
    }
    for name, (content, rows) in contents.items():

        def write(
            folder: Path, name: str = name, content: bytes = content, rows: int = rows
        ) -> Iterator[tuple[str, int]]:
            (folder / name).write_bytes(content)
            yield name, rows

        with pytest.raises(KeyauditError, match=f"^{name}: {rows} rows? .*read back.* The former report was kept"):
            place.write_set(tmp_path / "report", "report", write, placing.manifest)

    def cut(folder: Path) -> Iterator[tuple[str, int]]:
        with zipfile.ZipFile(folder / "report.xlsx", "w") as archive:
            archive.writestr("sheet.xml", "x" * 1000)
        content = (folder / "report.xlsx").read_bytes()
        (folder / "report.xlsx").write_bytes(content[:500] + b"?" + content[501:])
        yield "report.xlsx", 3

    with pytest.raises(KeyauditError, match=r"^report\.xlsx: "):
        place.write_set(tmp_path / "report", "report", cut, placing.manifest)
    assert list(tmp_path.iterdir()) == []


def test_a_former_report_that_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = lived_in(tmp_path)

    def failing(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(place, "_delete", failing)
        written(target, "new", tell=told.append)
    (left,) = beside(target)
    assert told == [f"{tmp_path / left} could not be deleted (Permission denied). It may hold codes of a former report: delete it yourself."]  # fmt: skip
    assert (version(target), theirs(target)) == ("new", THEIRS)


def test_a_file_that_is_open_elsewhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: a folder in which a file is open can be neither renamed nor exchanged."""
    target = lived_in(tmp_path)
    rename = os.rename

    def failing(one: Any, other: Any) -> None:
        if Path(one) == target:
            raise PermissionError(errno.EACCES, "The process cannot access the file", str(one))
        rename(one, other)

    monkeypatch.setattr(place, "_exchange", lambda *_: False)
    monkeypatch.setattr(place.os, "rename", failing)
    monkeypatch.setattr(place, "_is_in_use", lambda path: path.name == "report.xlsx")
    with pytest.raises(
        KeyauditError, match=r"^report\.xlsx: it may not be written. Close it in other programs.*former report was kept"
    ):
        written(target, "new")
    assert (version(target), theirs(target), beside(target)) == ("old", THEIRS, [])


@posix
@pytest.mark.parametrize(("limit", "first"), [("RLIMIT_FSIZE", 0), ("RLIMIT_NOFILE", 3)])
def test_a_program_that_may_not_write_large_files_or_open_many(limit: str, first: int, tmp_path: Path) -> None:
    """Every size up to that of the largest file, every number of open files: one message, and nothing is left."""
    import resource

    kind = getattr(resource, limit)
    hard = resource.getrlimit(kind)
    outcomes = []
    for allowed in range(first, 1_200, 100) if limit == "RLIMIT_FSIZE" else range(first, first + 60):
        folder = tmp_path / str(allowed)
        folder.mkdir()
        target = lived_in(folder)
        told: list[str] = []
        resource.setrlimit(kind, (allowed, hard[1]))
        try:
            written(target, "new", tell=told.append)
            outcomes.append("new")
        except KeyauditError as problem:
            outcomes.append("old")
            advice = place.ADVICE[errno.EFBIG if limit == "RLIMIT_FSIZE" else errno.EMFILE]
            assert advice in str(problem)
        finally:
            resource.setrlimit(kind, hard)
        assert (version(target), theirs(target)) == (outcomes[-1], THEIRS)
        if not told:
            assert beside(target) == []
        place.check_target(target, "report")
        assert (version(target), theirs(target), beside(target)) == (outcomes[-1], THEIRS, [])
        if outcomes[-2:] == ["new", "new"]:
            break
    assert outcomes[0] == "old"
    assert outcomes[-1] == "new"
    assert outcomes == sorted(outcomes, reverse=True)


def test_where_files_have_one_name_only_they_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(place.os, "link", failing)
    target = lived_in(tmp_path)
    for name in ("new", "newer"):
        written(target, name)
        assert (version(target), theirs(target), beside(target)) == (name, THEIRS, [])


def test_a_letter_that_arrives_while_folders_change_places_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = lived_in(tmp_path)
    exchange = place._exchange

    def late(one: Path, other: Path) -> bool:
        (target / "late.txt").write_text("in the last moment")
        return exchange(one, other)

    monkeypatch.setattr(place, "_exchange", late)
    written(target, "new")
    assert (version(target), theirs(target), beside(target)) == ("new", THEIRS | {"late.txt": "in the last moment"}, [])


# --- kills ---


class Runs:
    """A process that starts others, each of which writes a report, and is imported once."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "output"
        self._starter = subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, target: Path, name: str, *, change: int = 0, exchanges: bool = True) -> int:
        """The number of the process."""
        self.output.write_text("")
        return self._answer(json.dumps([str(target), name, change, exchanges, str(self.output)]))

    def end(self) -> int:
        """Wait for it; its exit code."""
        return self._answer("")

    def _answer(self, line: str) -> int:
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        self._starter.stdin.write(f"{line}\n")
        self._starter.stdin.flush()
        return int(self._starter.stdout.readline())

    def close(self) -> None:
        self._starter.communicate(timeout=60)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    started = Runs(tmp_path)
    yield started
    started.close()


def check_after_kill(target: Path, *, gap: bool = False) -> str:
    """The old set or the new one where it belongs, and everybody's files; the next run leaves nothing else.

    `gap`: there the folder may be gone for a moment, and the next run brings it back.
    """
    found = ""
    if not gap or target.exists():
        found = version(target)
        assert theirs(target) == THEIRS
    place.check_target(target, "report")
    assert version(target) == (found or "old")
    assert (theirs(target), beside(target)) == (THEIRS, [])
    written(target, "next")
    assert (version(target), theirs(target), beside(target)) == ("next", THEIRS, [])
    return found


@posix
@pytest.mark.parametrize("exchanges", [True, False])
def test_a_kill_at_every_change_of_a_file(exchanges: bool, runs: Runs, tmp_path: Path) -> None:
    """A process that ends before any of its changes: the folder is never half old and half new."""
    outcomes = []
    for change in range(1, 1_000):
        target = lived_in(tmp_path / str(change))
        runs.start(target, "new", change=change, exchanges=exchanges)
        code = runs.end()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        outcomes.append(check_after_kill(target, gap=not exchanges))
    placed = outcomes.index("new")
    assert set(outcomes[:placed]) <= {"old", ""}
    assert set(outcomes[placed:]) == {"new"}
    assert outcomes.count("") == (0 if exchanges else 1)
    assert len(outcomes) > 40


@posix
def test_a_kill_at_every_change_of_a_first_report(runs: Runs, tmp_path: Path) -> None:
    for change in range(1, 1_000):
        target = tmp_path / str(change) / "report"
        runs.start(target, "new", change=change)
        if runs.end() == 0:
            break
        if target.exists():
            assert version(target) == "new"
        place.check_target(target, "report")
        assert not target.parent.exists() or beside(target) == []
    assert change > 30


def kills(runs: Runs, tmp_path: Path, number: int) -> dict[str, int]:
    """Kill runs at random moments, every third by SIGTERM, every second where folders cannot change places.

    Which set stood there then, how many runs had ended before, and how many SIGTERM made tell what they had done.
    """
    chance, counts = random.Random(18), dict.fromkeys(("old", "new", "gone", "ended", "told"), 0)  # noqa: S311
    spans = []
    for at in range(5):
        target = lived_in(tmp_path / f"timed{at}")
        begun = time.perf_counter()
        runs.start(target, "new")
        runs.end()
        spans.append(time.perf_counter() - begun)
    for at in range(number):
        target = lived_in(tmp_path / str(at))
        by = signal.SIGTERM if at % 3 == 0 else signal.SIGKILL
        process = runs.start(target, "new", exchanges=at % 2 == 0)
        time.sleep(chance.random() * 1.1 * sorted(spans)[2])
        os.kill(process, by)  # it may have ended: then it is told what it no longer hears
        code = runs.end()
        if code == 130:
            assert by == signal.SIGTERM
            assert runs.output.read_text() == ("placed" if version(target) == "new" else "not placed")
            assert beside(target) == []
            counts["told"] += 1
        else:
            assert code in (0, -by)
        counts["ended"] += code == 0
        counts[check_after_kill(target, gap=at % 2 == 1) or "gone"] += 1
        shutil.rmtree(target.parent)
    return counts


@posix
def test_kills_at_random_moments(runs: Runs, tmp_path: Path) -> None:
    counts = kills(runs, tmp_path, 30)
    assert counts["old"] + counts["new"] + counts["gone"] == 30


if KILLS:  # else it is no test of this run

    @posix
    @pytest.mark.long
    def test_many_kills_at_random_moments(runs: Runs, tmp_path: Path) -> None:
        counts = kills(runs, tmp_path, KILLS)
        print(counts)  # noqa: T201
        assert counts["old"] + counts["new"] + counts["gone"] == KILLS


@pytest.mark.parametrize("number", [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)])
def test_a_request_to_end_is_an_interrupt(number: int) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # who started the tests may ignore it
    with pytest.raises(KeyboardInterrupt), stoppable():
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert signal.signal(number, before) == signal.SIG_DFL
    done = []
    thread = threading.Thread(target=lambda: done.append(stoppable().__enter__()))  # there no signal arrives
    thread.start()
    thread.join()
    assert done == [None]


def test_an_interrupt_that_python_hides_is_one() -> None:
    """It drops one within a finalizer, and Python 3.11 wraps one while a class is being made."""

    def ask(*_: object) -> None:
        raise KeyboardInterrupt

    dropped, wrapped = type("Dropped", (), {"__del__": ask}), type("Wrapped", (), {"__set_name__": ask})
    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), stoppable():
        dropped()
        time.sleep(5)
    with pytest.raises(KeyboardInterrupt), stoppable():
        type("Made", (), {"at": wrapped()})
    assert sys.unraisablehook is before


def python(program: str, **more: str) -> tuple[int, str]:
    """A Python of its own: its exit code and what it said on standard error."""
    command = [sys.executable, "-c", f"import atexit, os, sys; {program}"]
    run = subprocess.run(command, env=os.environ | more, capture_output=True, text=True, check=False)
    return run.returncode, run.stderr.strip()


@posix
def test_an_interrupt_while_the_command_line_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
    told = "keyaudit: interrupted. Nothing was written."
    assert python("import keyaudit.__main__ as program; program.main()", PYTHONPATH=path) == (130, told)


@posix
def test_an_interrupt_while_python_clears_up_changes_no_exit_code() -> None:
    again = f"atexit.register(os.kill, os.getpid(), {int(signal.SIGINT)})"
    program = "import keyaudit.__main__ as program; sys.argv[1:] = ['audit', 'no such folder']; program.main()"
    code, told = python(f"{again}; {program}")
    assert code == 2
    assert told.startswith("keyaudit: no such folder")


def test_what_must_not_stop_half_way_is_finished_first() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), stoppable(), held() as may_stop:
        os.kill(os.getpid(), signal.SIGINT)
        done.append("held")
        with may_stop():
            done.append("not reached")
    with pytest.raises(KeyboardInterrupt), stoppable(), held():
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("to its end")
    assert done == ["held", "to its end"]
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


# --- two at once ---


@posix
def test_two_runs_at_once_leave_one_whole_set(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    starters = {name: Runs(tmp_path / name) for name in ("one", "two")}
    for at in range(20):
        target = lived_in(tmp_path / str(at))
        for name, runs in starters.items():
            runs.start(target, name, exchanges=at % 2 == 0)
        codes = [runs.end() for runs in starters.values()]
        assert codes == [0, 0], [runs.output.read_text() for runs in starters.values()]
        assert version(target) in starters
        assert (theirs(target), beside(target)) == (THEIRS, [])
    for runs in starters.values():
        runs.close()


def test_a_living_run_is_left_alone(tmp_path: Path) -> None:
    target = lived_in(tmp_path)

    def write(folder: Path) -> Iterable[tuple[str, int]]:
        written(target, "other")
        place.check_target(target, "report")
        return placing.write("new")(folder)  # type: ignore[no-any-return]

    place.write_set(target, "report", write, placing.manifest)
    assert (version(target), theirs(target), beside(target)) == ("new", THEIRS, [])
