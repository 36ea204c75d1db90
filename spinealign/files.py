"""Files written whole or not at all: a temporary name in the same folder, flushed, then renamed.

Several files change together: a folder is written anew beside the old one and the two are
exchanged at one instant where the system can do that. Where it cannot, the last file of the
list goes first and comes last, and what a kill left half done is taken back by the next run.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from spinealign.domain.errors import ExportError, ExportProblem
from spinealign.domain.interrupts import Interrupt
from spinealign.protected_folders import cipher_of

TEMPORARY_PREFIX = ".spinealign-"
"""Of unfinished files and folders; what a killed program left behind, the next one clears away."""

_MOST_NAMES_BYTES = 1 << 16
_UNFINISHED = re.compile(re.escape(TEMPORARY_PREFIX) + r"([0-9a-f]{8})-(\d+)-[0-9a-f]+")
_COMPUTER = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_ABANDONED_AFTER_S = 86_400
_at_work: set[str] = set()
_MOST_OTHERS = 20
_NAMES = ".names"
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100

_HELD = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_HELD_S = 0.1
"""How often it is looked whether another program is done."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_WRITABLE = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}


def write_whole(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Write one file, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists; its folder must exist.
    content : bytes
        What the file then holds.
    is_private : bool
        Whether only this user may read it; else the file is as readable as others that the
        user makes in this folder.

    Raises
    ------
    OSError
        The file is as it was before.
    """
    with written_beside(path, content, is_private=is_private) as temporary:
        temporary.replace(path)


def write_durably(path: Path, content: bytes) -> None:
    """Write one file that only this user may read, whole or not at all, and its name too.

    When this returns, the file is still there after a kill or a loss of power.

    Raises
    ------
    OSError
        The file is as it was before.
    """
    write_whole(path, content, is_private=True)
    _flush_folder(path.parent)


def write_once(path: Path, content: bytes) -> None:
    """Write a file as `write_durably` does, but never in place of another.

    Raises
    ------
    FileExistsError
        There is a file already; it stays as it is.
    OSError
        Nothing was written.
    """
    with written_beside(path, content, is_private=True) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a drive without hard links
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            temporary.replace(path)
    _flush_folder(path.parent)


@contextmanager
def held_alone(path: Path, interrupt: Interrupt | None = None) -> Iterator[None]:
    """Keep other programs from doing the same at the same time: they wait until this is done.

    Parameters
    ----------
    path : Path
        A file that only marks this; made if missing, its folder must exist.
    interrupt : Interrupt, optional
        Ends the waiting; without one it ends when the other program is done.

    Raises
    ------
    OSError
        The file cannot be made. A drive that knows no such marks is used without.
    Cancelled
        The waiting was ended.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    never = threading.Event()
    try:
        if interrupt is None:
            with suppress(OSError):
                _mark(descriptor, waits=True)
        while interrupt is not None and not _is_marked(descriptor):
            interrupt.wait(never, _HELD_S)
        yield
    finally:
        os.close(descriptor)  # takes the mark away too


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold what `held_alone` does if nobody else holds it; yields whether it is held."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _is_marked(descriptor)
    finally:
        os.close(descriptor)


def _is_marked(descriptor: int) -> bool:
    """Mark a file at once; return False where another program did."""
    try:
        _mark(descriptor, waits=False)
    except OSError as error:
        return error.errno not in _HELD  # else the drive knows no such marks
    return True


def _mark(descriptor: int, *, waits: bool) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK if waits else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _flush_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk; Windows does it by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_beside(
    path: Path, content: bytes | Iterable[bytes], *, is_private: bool = False
) -> Iterator[Path]:
    """Write a file under a temporary name in its folder, for the caller to rename.

    Parameters
    ----------
    path : Path
        What it is to be renamed to.
    content : bytes, or iterable of them
        In pieces where it is too large to be held at once.
    is_private : bool
        Whether only this user may read it.

    Yields
    ------
    Path
        The temporary file, flushed to the disk; removed if it is still there at the end.

    Raises
    ------
    OSError
        It could not be written.
    """
    with _temporary(path.parent) as temporary:
        try:
            _write_new(temporary, content, 0o600 if is_private else 0o666)
            yield temporary
        finally:
            with suppress(OSError):  # on a disk that cannot be written nothing was made
                temporary.unlink(missing_ok=True)


def write_together(folder: Path, contents: Mapping[str, bytes], stale: Sequence[str] = ()) -> None:
    """Write several files into a folder, all or none.

    Parameters
    ----------
    folder : Path
        Made if missing, with its parents.
    contents : Mapping of str to bytes
        By file name; older files of these names are replaced.
    stale : sequence of str
        Names of older files that are removed at the same time.

    Raises
    ------
    OSError
        The folder is as it was before.
    """
    whole = Path(os.path.realpath(folder))
    for place in (whole.parent, whole):
        clear_unfinished(place)
    with _made(whole):
        if not _exchanged(whole, contents, stale):
            _moved_in(whole, contents, stale)


def clear_unfinished(folder: Path) -> None:
    """Take away what a killed program left in a folder, and undo a change that it left half done.

    What another run of the program is writing just now stays; nothing is raised.
    """
    try:
        found = [Path(entry) for entry in os.scandir(folder) if _UNFINISHED.match(entry.name)]
    except OSError:
        return
    for left in filter(_is_abandoned, found):
        with suppress(OSError):
            _cleared(left)


def clear_unfinished_below(folder: Path) -> None:
    """Do as `clear_unfinished` does in a folder and in all that lie below it."""
    for where, folders, _ in os.walk(folder):
        clear_unfinished(Path(where))
        folders[:] = [name for name in folders if not name.startswith(TEMPORARY_PREFIX)]


def _cleared(left: Path) -> None:
    if not left.is_dir() or left.is_symlink():
        left.unlink()
        return
    if (left / _NAMES).is_file():
        with (left / _NAMES).open("rb") as file:
            names = file.read(_MOST_NAMES_BYTES).decode(errors="replace").split("\n")
        # Nobody but this program should write there; a name that leads elsewhere is not followed.
        if all(name == Path(name).name for name in names):
            _undo(left, left.parent, names)
    shutil.rmtree(left)


def _is_abandoned(path: Path) -> bool:
    """Tell whether nobody writes an unfinished file any more; of other computers, after a day."""
    found = _UNFINISHED.match(path.name)
    if found is None or path.name in _at_work:
        return False
    if found[1] == _COMPUTER and os.name != "nt":
        process = int(found[2])
        return process == os.getpid() or not _is_running(process)
    with suppress(OSError):
        return time.time() - path.lstat().st_mtime > _ABANDONED_AFTER_S
    return False


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def write_export(path: Path, content: bytes) -> None:
    """Write one file, whole or not at all, for a person who asked for it.

    Raises
    ------
    ExportError
        The file is as it was before.
    """
    with as_export_error(path):
        write_whole(path, content)


@contextmanager
def as_export_error(path: Path) -> Iterator[None]:
    """Turn the system's refusals into `ExportError` with this path."""
    try:
        yield
    except OSError as error:
        raise export_error(path, error) from error


def export_error(path: Path, error: OSError) -> ExportError:
    """Return what the system's refusal means for a person who wants this file."""
    problem = ExportProblem.NOT_WRITABLE if error.errno in _NOT_WRITABLE else ExportProblem.FAILED
    if error.errno in _FULL:
        problem = ExportProblem.DISK_FULL
    return ExportError(path, problem, error.strerror or "")


def _write_new(path: Path, content: bytes | Iterable[bytes], mode: int = 0o666) -> None:
    """Write a file that does not exist yet; `mode` is what the user's umask then narrows."""
    pieces: Iterable[bytes] = (content,) if isinstance(content, bytes) else content
    cipher = cipher_of(path)
    if cipher is not None:
        pieces, mode = cipher.sealed(pieces), 0o600
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.filename is None:  # the system names no file where writing itself fails
            error.filename = str(path)
        raise


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and its parents; on failure take away again those that were made."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for made in missing:
            with suppress(OSError):
                made.rmdir()
        raise


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Name something unfinished in a folder, and keep other runs from clearing it away."""
    name = f"{TEMPORARY_PREFIX}{_COMPUTER}-{os.getpid()}-{os.urandom(8).hex()}"
    _at_work.add(name)
    try:
        yield folder / name
    finally:
        _at_work.discard(name)


def put_in_place(folder: Path, place: Path) -> None:
    """Give a finished folder its name, in place of an older folder of that name if there is one.

    Parameters
    ----------
    folder : Path
        On the same disk as `place`, best below a `working_folder`: what is left there is the older
        folder.
    place : Path

    Raises
    ------
    OSError
        What is at `place` is as it was before.

    Notes
    -----
    Where the system cannot exchange two names at one instant, `place` is empty between two moves;
    a kill just then takes the older folder away.
    """
    _flush_folder(folder)
    if place.exists() and not _exchange(folder, place):
        aside = folder.with_name("old")
        place.rename(aside)
        try:
            folder.rename(place)
        except OSError:
            aside.rename(place)
            raise
    elif folder.exists() and not place.exists():
        folder.rename(place)
    _flush_folder(place.parent)


@contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """Make a folder below another for a while; what a kill leaves, `clear_unfinished` takes away.

    Raises
    ------
    OSError
    """
    with _staging(folder) as working:
        yield working


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Make a folder for unfinished files on the same disk; always taken away."""
    with _temporary(folder) as staging:
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _exchanged(folder: Path, contents: Mapping[str, bytes], stale: Sequence[str]) -> bool:
    """Write a folder anew beside the old one and exchange them at one instant, if possible."""
    others = _other_files(folder, {*contents, *stale})
    if others is None or not os.access(folder.parent, os.W_OK):
        return False
    with _staging(folder.parent) as staging:
        if not _is_alike(staging, folder, others):
            return False
        for name, content in contents.items():
            _write_new(staging / name, content)
        _flush_folder(staging)
        if not _exchange(staging, folder):
            return False
        for path in staging.iterdir():
            if path.name not in {*contents, *stale, *others}:  # came while this was written
                path.replace(folder / path.name)
    return True


def _other_files(folder: Path, own: set[str]) -> list[str] | None:
    """Return the names of other files in a folder; None where they cannot lie in two folders."""
    with os.scandir(folder) as entries:
        found = list(entries)
    if len(found) > _MOST_OTHERS + len(own) or folder == Path.cwd() or folder.is_mount():
        return None
    if not all(entry.is_file(follow_symlinks=False) for entry in found):
        return None
    return [entry.name for entry in found if entry.name not in own]


def _is_alike(staging: Path, folder: Path, others: Sequence[str]) -> bool:
    """Give a new folder the mode and the other files of the old one, if possible."""
    old, new = folder.stat(), staging.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        return False
    try:
        for name in others:
            os.link(folder / name, staging / name)
        staging.chmod(stat.S_IMODE(old.st_mode))
    except OSError:
        return False
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders at one instant; False where the system cannot."""
    names = [os.fsencode(one), os.fsencode(other)]
    try:
        system = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "linux":
            failed = system.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
        elif sys.platform == "darwin":
            failed = system.renamex_np(*names, _RENAME_EXCHANGE)
        else:
            return False
    except (AttributeError, OSError, TypeError):
        return False
    return not failed


def _moved_in(folder: Path, contents: Mapping[str, bytes], stale: Sequence[str]) -> None:
    with _staging(folder) as staging:
        for name, content in contents.items():
            _write_new(staging / name, content)
        _swap(staging, folder, list(contents), stale)


def _swap(staging: Path, folder: Path, new: Sequence[str], stale: Sequence[str]) -> None:
    """Put the finished files in place of the old ones; on failure put the old ones back."""
    old = staging / "old"
    old.mkdir()
    _write_new(staging / _NAMES, "\n".join(new).encode())
    try:
        for name in (*reversed(new), *stale):
            _set_aside(folder / name, old / name)
        for name in new:
            (staging / name).replace(folder / name)
    except BaseException:
        _undo(staging, folder, new)
        raise


def _undo(staging: Path, folder: Path, new: Sequence[str]) -> None:
    """Put the old files back, unless all the new ones are in place."""
    in_place = [name for name in new if not (staging / name).exists()]
    if len(in_place) == len(new):
        return
    for name in in_place:
        (folder / name).replace(staging / name)
    for kept in (staging / "old").iterdir():
        kept.replace(folder / kept.name)


def _set_aside(path: Path, aside: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() or path.is_symlink():
        path.replace(aside)
