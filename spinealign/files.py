"""Files written whole or not at all: a temporary name in the same folder, flushed, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from spinealign.domain.errors import ExportError, ExportProblem

TEMPORARY_PREFIX = ".spinealign-"
"""Of unfinished files and folders; none is left behind unless the program is killed."""

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
def written_beside(path: Path, content: bytes, *, is_private: bool = False) -> Iterator[Path]:
    """Write a file under a temporary name in its folder, for the caller to rename.

    Yields
    ------
    Path
        The temporary file, flushed to the disk; removed if it is still there at the end.

    Raises
    ------
    OSError
        It could not be written.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.urandom(16).hex()}")
    try:
        _write_new(temporary, content, 0o600 if is_private else 0o666)
        yield temporary
    finally:
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
    with _made(folder), _staging(folder) as staging:
        for name, content in contents.items():
            _write_new(staging / name, content)
        _swap(staging, folder, list(contents), stale)


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


def _write_new(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file that does not exist yet; `mode` is what the user's umask then narrows."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


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
def _staging(folder: Path) -> Iterator[Path]:
    """Make a folder for unfinished files on the same disk; always taken away."""
    staging = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, folder: Path, new: Sequence[str], stale: Sequence[str]) -> None:
    """Put the finished files in place of the old ones; on failure put the old ones back."""
    old = staging / "old"
    old.mkdir()
    try:
        for name in (*new, *stale):
            _set_aside(folder / name, old / name)
        for name in new:
            (staging / name).replace(folder / name)
    except BaseException:
        for name in new:
            if not (staging / name).exists():
                (folder / name).unlink()
        for kept in old.iterdir():
            kept.replace(folder / kept.name)
        raise


def _set_aside(path: Path, aside: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() or path.is_symlink():
        path.replace(aside)
