"""A set of files put into its folder as a whole: at any moment the old set stands there, or the new one. (DESIGN §4)

A set is written into a room beside its folder, read back, forced onto the disk, and the two folders change places in one
step. What in the folder belongs to others (files of their own, a workbook they have edited) gets a second name in the new
one before that, and so never leaves its place. What a run that was killed has left, the next one clears up.
"""

from __future__ import annotations

import datetime as dt
import errno
import filecmp
import json
import os
import secrets
import shutil
import stat
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any

from keyaudit.columns import ROLES, fold_header
from keyaudit.errors import KeyauditError
from keyaudit.interrupts import held
from keyaudit.report.sets import KINDS, MANIFEST, below, edited, forced, kind_of, outputs_of, read_manifest, secured

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

ROOM, NEW, LOCK, FORMER = "keyaudit-", "new", "lock", "former"  # in a room; a whole set is named by its inode number
PATIENCE = 10.0  # seconds for another run to place its set, which takes it milliseconds
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "the disk is full. Make room, or choose another --out"),
    errno.EFBIG: "the file would be larger than is allowed here. Choose another --out",
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "too many files are open. Close some programs, and try again"),
    errno.EROFS: "this disk can only be read. Choose another --out",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "it may not be written. Close it in other programs, check the rights"),
    errno.EIO: "the disk does not work as it should. Check it, or choose another --out",
    errno.ENAMETOOLONG: "the path is too long. Choose a shorter --out",
}
REFUSED = {
    "a file": "{path} is a file. --out needs a folder.",
    "for exports": "{path}: a folder of this name is for exports of the TMS. Choose another --out.",
    "with exports": "{path} holds the exports of the case, or lies among them: a report must not be mixed with them. Choose another --out.",
    "mounted": "{path} is where a disk is mounted and cannot be replaced. Choose a folder in it: --out {inside}",
    "no rights": "{path}: cannot write into it. Check the rights, or choose another --out.",
    "not empty": "{path} is not empty and holds no report of keyaudit. Choose another --out, or empty it first.",
    "another kind": "{path} holds {former}, which {new} would replace. Choose another --out.",
    "not deleted": "{path} could not be deleted ({problem}). It may hold codes of a former report: delete it yourself.",
}  # fmt: skip
LARGE = 1 << 20  # bytes: what is less is done before a thread has its turn
_begun: list[tuple[Path, int]] = []  # targets, and the inode number of the folder that was to be put there


def _refused(why: str, path: str | Path, **words: object) -> KeyauditError:
    return KeyauditError(REFUSED[why].format(path=path, **words))


def check_target(path: str | Path, kind: str, inputs: Iterable[Path] = ()) -> None:
    """Refuse, before any work, a folder that cannot take a set or holds what is not ours; clear up after killed runs.

    `kind`: one of KINDS. `inputs`: the folders of exports; no set goes into one or around one.
    """
    try:
        str(path).encode()  # a name that is no text cannot be told, nor written into a file
        target = Path(path).resolve()
        if target.exists() and not target.is_dir():
            raise _refused("a file", path)
        if fold_header(target.name) in {fold_header(name) for role in ROLES.values() for name in role.folders}:
            raise _refused("for exports", path)
        if any(_is_within(target, folder) or _is_within(folder, target) for folder in map(Path.resolve, inputs)):
            raise _refused("with exports", path)
        parent = next(folder for folder in target.parents if folder.exists())
        with held(), _turn(parent / target.name):  # what can be locked can be written
            if parent == target.parent:
                _clear_up(target)
        _check_place(path, target, kind)
    except (OSError, RuntimeError, ValueError) as problem:
        raise _explained(problem, str(path), "Nothing was written.") from None


def _check_place(path: str | Path, target: Path, kind: str) -> None:
    if not target.exists():
        return
    if _is_mounted(target):
        raise _refused("mounted", path, inside=Path(path) / kind)
    if not os.access(target, os.W_OK | os.X_OK):
        raise _refused("no rights", path)
    found = read_manifest(target)
    if found is None and any(target.iterdir()):
        raise _refused("not empty", path)
    if found is not None and kind_of(found) != kind:
        raise _refused("another kind", path, former=KINDS[kind_of(found)], new=KINDS[kind])


def _is_within(place: Path, folder: Path) -> bool:
    """Whether a place is a folder or lies in it, by whatever name or link."""
    around = (place, *place.parents)
    return any(one == folder or (one.exists() and folder.exists() and one.samefile(folder)) for one in around)


def _is_mounted(folder: Path) -> bool:
    """Whether something is mounted there; what lies on the same disk only the kernel's own list tells."""
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            if line.split()[4].replace("\\040", " ") == str(folder):
                return True
    return os.path.ismount(folder)


def write_set(
    path: str | Path,
    kind: str,
    write: Callable[[Path], Iterable[tuple[str, int]]],
    manifest: Callable[[dict[str, Any]], dict[str, Any]],
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """Let `write` fill an empty folder, and put it in the place of `path` as a whole, a manifest with it.

    `write` gives every file with its rows once it is written; `manifest` is given sha256, bytes and rows of each and
    returns all that is to be said of the set. What can no longer stop the run (a former set that cannot be deleted) is told. Raises KeyauditError.
    """
    check_target(path, kind)
    target = Path(path).resolve()
    kept = "Nothing was written."
    room, lock, missing, begun, is_placed = None, None, list[Path](), len(_begun), False
    aside = ThreadPoolExecutor(1)  # for what is done beside the rest
    with held() as may_stop:
        try:
            kept = "The former report was kept." if target.exists() else kept
            missing += [folder for folder in target.parents if not folder.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            with _turn(target):
                _clear_up(target, tell)
                room = target.with_name(f".{target.name}.{ROOM}{secrets.token_hex(4)}")
                room.mkdir(0o700 if os.name == "posix" else 0o777)  # Windows would shut out all others for good
                lock = _locked(room / LOCK)
            new = room / NEW
            new.mkdir()
            with may_stop():
                results = {
                    name: _begin(aside, new / name, partial(secured, new, name, rows, kind))
                    for name, rows in write(new)
                }
                outputs = {name: result() for name, result in results.items()}
            told = json.dumps({"kind": kind, **manifest(outputs)}, indent=2, ensure_ascii=False) + "\n"
            (new / MANIFEST).write_text(told, encoding="utf-8", errors="backslashreplace", newline="\n")
            forced(new / MANIFEST)
            with _turn(target):
                _check_place(path, target, kind)
                _put(new, target)
                is_placed = True
                _force_names(target.parent)
        except (OSError, zipfile.BadZipFile) as problem:
            if not is_placed and not placed(begun):
                raise _explained(problem, _culprit(problem, room, target), kept) from None
            tell(str(_explained(problem, str(path), "The new report is in place.")))
        finally:
            aside.shutdown(cancel_futures=True)  # only what it does at the moment is waited for
            if room is not None:
                try:
                    with _turn(target):
                        _empty(room, target, lock)
                except OSError as problem:
                    tell(REFUSED["not deleted"].format(path=room, problem=problem.strerror))
            if lock is not None:
                lock.close()
            for folder in missing:
                with suppress(OSError):
                    folder.rmdir()  # only if it is empty
    return Path(path)


def _begin(aside: Executor, file: Path, work: Callable[[], Any]) -> Callable[[], Any]:
    """Begin what is to be done with a large file while others are written; its result. Else it is done when asked for."""
    if file.stat().st_size > LARGE:
        with suppress(RuntimeError):  # no thread can be started here
            return aside.submit(work).result
    return work


def _force_names(*folders: Path) -> None:
    """Force the names in folders onto the disk, where folders can be opened for that."""
    for folder in folders if os.name == "posix" else ():
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        except OSError as problem:
            if problem.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(number)


# --- the one step, and what surrounds it ---


def _put(new: Path, target: Path) -> None:
    """Give the new set what belongs to others, then let it and the folder change places."""
    if target.exists():
        _keep(target, new)
        if os.name == "posix":
            new.chmod(stat.S_IMODE(target.stat().st_mode))
    number = new.stat().st_ino
    whole = new.rename(new.with_name(str(number)))
    _force_names(whole.parent, *{(whole / name).parent for name in (MANIFEST, *outputs_of(whole))})
    _begun.append((target, number))
    if not target.exists():
        whole.rename(target)
    elif not _exchange(whole, target):
        target.rename(whole.with_name(FORMER))
        whole.rename(target)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step, where the system can."""
    try:
        import ctypes

        system, names = ctypes.CDLL(None, use_errno=True), (os.fsencode(one), os.fsencode(other))
        if sys.platform == "darwin":
            return system.renamex_np(*names, 2) == 0  # RENAME_SWAP
        return bool(system.renameat2(-100, names[0], -100, names[1], 2) == 0)  # AT_FDCWD, RENAME_EXCHANGE
    except (ImportError, AttributeError, OSError, TypeError):
        return False


def placed(since: int = 0) -> Path | None:
    """Where this process has put a set last: who says after an error that nothing was written asks this before."""
    for target, number in reversed(_begun[since:]):
        with suppress(OSError):
            if target.stat().st_ino == number:
                return target
    return None


def _keep(source: Path, target: Path) -> None:
    """Give all in a folder that is not of its set, or was edited since, a second name in another folder."""
    ours, theirs = outputs_of(source), outputs_of(target)
    changed = {file.relative_to(source).as_posix() for file in edited(source)}
    if kind_of(read_manifest(source) or {}) == "share":
        changed = set()
    folders = {parent.as_posix() for name in ours for parent in Path(name).parents}
    for entry in below(source):
        name = entry.relative_to(source).as_posix()
        if entry.is_dir() and not entry.is_symlink():
            if os.path.ismount(entry):
                raise OSError(errno.EBUSY, "something is mounted there: move it elsewhere", str(entry))
            if name not in folders:
                (target / name).mkdir(parents=True, exist_ok=True)
        elif name in changed or (name in theirs and name not in ours):
            day = dt.datetime.fromtimestamp(entry.stat().st_mtime).strftime("%Y-%m-%d %H-%M")
            _name_twice(entry, (target / name).with_stem(f"{entry.stem} (edited {day})"))
        elif name not in ours and name != MANIFEST:
            _name_twice(entry, target / name)


def _name_twice(source: Path, place: Path) -> None:
    """Another name for a file, the next free one of its kind; a copy where the disk knows no second names."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        free = place if number == 1 else place.with_stem(f"{place.stem} {number}")
        if not os.path.lexists(free):
            break
        if _alike(source, free):
            return
    try:
        os.link(source, free, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, free, follow_symlinks=False)


def _alike(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    return one.samefile(other) or filecmp.cmp(one, other)


# --- rooms: what a run has beside its target, and whether it still lives ---


def _clear_up(target: Path, tell: Callable[[str], None] = lambda _: None) -> None:
    """Empty the rooms of runs that were killed."""
    begin = f".{target.name}.{ROOM}"
    for room in sorted(entry for entry in target.parent.iterdir() if entry.name.startswith(begin)):
        if room.is_dir() and not room.is_symlink():
            try:
                lock = _locked(room / LOCK)
                if lock is not None:
                    _empty(room, target, lock)
            except OSError as problem:
                if problem.errno != errno.EBUSY:  # it lives
                    tell(REFUSED["not deleted"].format(path=room, problem=problem.strerror))


def _empty(room: Path, target: Path, lock: IO[bytes] | None) -> None:
    """Delete a room; the folder gets back what is its own: all of it if it is gone, else what belongs to others."""
    if not room.exists():
        return
    with lock or nullcontext():
        if not target.exists() and (room / FORMER).is_dir():
            (room / FORMER).rename(target)
        for folder in [*room.iterdir()] if target.is_dir() else ():
            is_former = folder.name not in (NEW, LOCK, str(folder.stat().st_ino))  # a new set has its own number
            if is_former and folder.is_dir():
                _keep(folder, target)
    _delete(room)  # after its lock is closed: Windows deletes no file that is open


def _delete(folder: Path) -> None:
    """Delete a folder with all in it. (shutil.rmtree has several folders open at once: sometimes that is too many.)"""
    for entry in sorted(below(folder), reverse=True):
        if entry.is_dir() and not entry.is_symlink():
            entry.rmdir()
        else:
            entry.unlink()
    folder.rmdir()


def _locked(path: Path, patience: float = 0) -> IO[bytes] | None:
    """A file that is locked as long as it is open and its process lives; None where the disk knows no locks.

    Raises OSError (EBUSY) if it is another's for longer than `patience`, in seconds.
    """
    file, ends = path.open("ab"), time.monotonic() + patience
    try:
        while True:
            try:
                if sys.platform == "win32":
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                else:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= ends:
                    raise OSError(errno.EBUSY, "another run of keyaudit is at work there", str(path)) from None
                time.sleep(0.01)
    except BaseException as problem:  # an interrupt, too: nobody may wait for a lock of ours
        file.close()
        if isinstance(problem, OSError) and problem.errno in NO_LOCKS:
            return None
        raise


@contextmanager
def _turn(target: Path) -> Iterator[None]:
    """Wait until no other run places a set there or clears up."""
    path = target.with_name(f".{target.name}.{ROOM}lockfile")  # as long as the name of a room
    lock, is_ours = None, False
    try:
        lock = _locked(path, PATIENCE)
        while lock is not None and not _is_named(lock, path):
            lock.close()  # who had it has deleted it
            lock = _locked(path, PATIENCE)
        is_ours = True
        yield
    finally:
        if lock is not None and sys.platform == "win32":
            lock.close()
        if is_ours:
            with suppress(OSError):
                path.unlink()
        if lock is not None:
            lock.close()


def _is_named(file: IO[bytes], path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    return False


def _explained(problem: Exception, where: str, kept: str) -> KeyauditError:
    """One message: where, what is wrong, what to do, and what has become of the report."""
    what = "it did not read back as written" if isinstance(problem, zipfile.BadZipFile) else "no such path can be"
    if isinstance(problem, OSError):
        what = ADVICE.get(problem.errno or 0) or f"{problem.strerror}. Choose another --out"
    return KeyauditError(f"{where}: {what}. {kept}")


def _culprit(problem: Exception, room: Path | None, target: Path) -> str:
    """The file that something is wrong with: named by the system, in use by another program, or written last."""
    new = (room or target) / NEW
    name = getattr(problem, "filename", None)
    path = target if name is None else Path(os.fsdecode(name))
    with suppress(OSError):
        if name is None:
            files = (one for one in new.rglob("*") if one.is_file())
            path = max(files, key=lambda one: one.stat().st_mtime_ns, default=target)
        elif isinstance(problem, PermissionError) and path == target:
            path = next((one for one in below(target) if one.is_file() and _is_in_use(one)), target)
    for folder in (new, target):
        if path != folder and path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return path.name or str(path)


def _is_in_use(path: Path) -> bool:
    try:
        path.open("rb+").close()
    except OSError:
        return True
    return False
