"""Folders whose files are encrypted: what is read and written below them goes through a cipher.

The encrypted archive registers its folders here while somebody is signed in. Everything that
reads images or the program's own files opens them by `open_binary`, and everything that `files`
writes asks `cipher_of` first, so that nothing can lie there in plain by oversight. While nobody
is signed in such a folder is locked: reading and writing fail, rather than leaving something
unencrypted behind.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol


class FileCipher(Protocol):
    """What encrypts the files of a folder."""

    def sealed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what is written to the disk for a file's content."""

    def opened(self, path: Path) -> BinaryIO:
        """Open the plain content of a file for reading and seeking."""


class LockedFolderError(PermissionError):
    """A file lies in a folder that is encrypted, and nobody is signed in."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EACCES, "encrypted, and nobody is signed in", str(path))


_ciphers: dict[str, FileCipher | None] = {}


def protect(folder: Path, cipher: FileCipher) -> None:
    """Have what is read and written below a folder go through a cipher.

    Parameters
    ----------
    folder : Path
        It need not exist yet.
    cipher : FileCipher
    """
    _ciphers[_root(folder)] = cipher


def lock(folder: Path) -> None:
    """Have reading and writing below a folder fail until `protect` gives it a cipher."""
    _ciphers[_root(folder)] = None


def release(folder: Path) -> None:
    """Have a folder be like any other again; unknown ones are."""
    _ciphers.pop(_root(folder), None)


def folders() -> tuple[tuple[str, bool], ...]:
    """Return the encrypted folders, and whether each is open: what another process must know."""
    return tuple((root.rstrip(os.sep), cipher is not None) for root, cipher in _ciphers.items())


def cipher_of(path: Path) -> FileCipher | None:
    """Return what encrypts a file; None for a file in no such folder.

    Raises
    ------
    LockedFolderError
        It lies in a folder that is locked.
    """
    if not _ciphers:
        return None
    whole = _whole(path)
    for root in [root for root in _ciphers if whole.startswith(root)]:
        cipher = _ciphers.get(root)
        if cipher is None:
            raise LockedFolderError(path)
        return cipher
    return None


def is_protected(path: Path) -> bool:
    """Return whether a file lies in an encrypted folder, locked or not."""
    whole = _whole(path) if _ciphers else ""
    return any(whole.startswith(root) for root in list(_ciphers))


def open_binary(path: Path) -> BinaryIO:
    """Open a file's plain content for reading and seeking, wherever it lies.

    Raises
    ------
    LockedFolderError
    OSError
    """
    cipher = cipher_of(path)
    return path.open("rb") if cipher is None else cipher.opened(path)


def _root(folder: Path) -> str:
    return _whole(folder) + os.sep


def _whole(path: Path) -> str:
    """Return a path that is the same however it was written, links followed."""
    return os.path.normcase(os.path.realpath(path))
