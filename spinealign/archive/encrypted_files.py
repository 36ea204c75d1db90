"""Files encrypted in pieces, so that a large series costs no memory.

A file is ``SPAENC1`` and a zero byte, 16 random bytes, then pieces of 1 MiB, each AES-256-GCM with
its own tag. The key is the file's own (HKDF-SHA-256 of the archive's key and the random bytes); the
nonce counts the pieces, and its last byte tells the last piece, so that pieces cannot be left out,
put elsewhere or cut off. Source of the construction: STREAM, Hoang, Reyhanitabar, Rogaway, Vizar:
Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, CRYPTO 2015, section 7.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from spinealign.accounts.keys import derived
from spinealign.domain.protection import DamagedFileError
from spinealign.files import written_beside
from spinealign.protected_folders import LockedFolderError

PIECE_BYTES = 1 << 20

_MAGIC = b"SPAENC1\0"
_SALT_BYTES = 16
_TAG_BYTES = 16
_NONCE_COUNT_BYTES = 11
_HEAD_BYTES = len(_MAGIC) + _SALT_BYTES
_SEALED_BYTES = PIECE_BYTES + _TAG_BYTES
_KEPT = "kept"


class Readable(Protocol):
    """A binary file, or what is read like one."""

    def read(self, length: int = -1, /) -> bytes:
        """Return so many bytes, fewer at the end."""


def encrypt_file(path: Path, source: Readable, key: bytes, identifier: str) -> int:
    """Write what a stream holds, encrypted, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists; its folder must exist.
    source : Readable
        Read to its end.
    key : bytes, 32 long
        Of the files of the archive.
    identifier : str
        Of the file: it opens under this name only.

    Returns
    -------
    int
        Bytes that were read.

    Raises
    ------
    OSError
        The file is as it was before.
    """
    pieces = _Counted(source)
    with written_beside(path, _sealed(pieces, key, identifier), is_private=True) as temporary:
        temporary.replace(path)
    return pieces.bytes_read


def decrypted(path: Path, key: bytes, identifier: str) -> Iterator[bytes]:
    """Yield a file's content in pieces.

    A piece is yielded only when it is as it was written; whether the file ends where it should
    is known after the last one. What is made of the pieces must be dropped when this raises.

    Raises
    ------
    DamagedFileError
        A byte was changed, pieces are missing, the key or the identifier is another one's.
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file:
        yield from decrypted_stream(path, file, key, identifier)


def decrypted_stream(path: Path, file: Readable, key: bytes, identifier: str) -> Iterator[bytes]:
    """Yield what a stream holds encrypted, from where it stands, as `decrypted` does for a file.

    Raises
    ------
    DamagedFileError, OSError
        As `decrypted`.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or not head.startswith(_MAGIC):
        raise DamagedFileError(path)
    cipher = AESGCM(derived(key, head[len(_MAGIC) :].hex()))
    for number, piece, is_last in _numbered(iter_pieces(file, _SEALED_BYTES)):
        try:
            yield bytes(cipher.decrypt(_nonce(number, is_last), piece, identifier.encode()))
        except InvalidTag as error:
            raise DamagedFileError(path) from error


def encrypted_stream(pieces: Iterable[bytes], key: bytes, identifier: str) -> Iterator[bytes]:
    """Yield bytes encrypted, as `encrypt_file` writes them."""
    yield from _sealed(_of_one_length(pieces), key, identifier)


def read_decrypted(path: Path, key: bytes, identifier: str) -> bytes:
    """Return a file's content whole.

    Raises
    ------
    DamagedFileError, OSError
        As `decrypted`.
    """
    return b"".join(decrypted(path, key, identifier))


def open_decrypted(path: Path, key: bytes, identifier: str) -> BinaryIO:
    """Open a file's plain content for reading and seeking; what is not read is not decrypted.

    The last piece is looked at first, so that a file that was cut off does not open.

    Raises
    ------
    OSError
        The file cannot be read, or is not as it was written; reading raises it too.
    """
    return io.BufferedReader(_Decrypted(path, key, identifier), io.DEFAULT_BUFFER_SIZE)


class ArchivedFiles:
    """Cipher of the archive's folder of files: each opens under its own name.

    Parameters
    ----------
    key : bytes, 32 long
        Of the files of the archive.
    """

    def __init__(self, key: bytes) -> None:
        self._key = bytearray(key)

    def sealed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces as they are: `encrypt_file` encrypts before it writes."""
        yield from pieces

    def opened(self, path: Path) -> BinaryIO:
        """Open the plain content of a file."""
        return _opened(path, self._key, path.name)

    def drop(self) -> None:
        """Overwrite the key in memory."""
        self._key[:] = bytes(len(self._key))


class KeptFiles:
    """Cipher of a folder of the program's own files, which are renamed and moved within it.

    So a file is not bound to its name: what it belongs to stands in its content.

    Parameters
    ----------
    key : bytes, 32 long
        Of the files of the archive; this folder's own is derived from it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = bytearray(derived(key, _KEPT))

    def sealed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what is written to the disk for a file's content."""
        for piece in _sealed(_of_one_length(pieces), _held(self._key, Path()), _KEPT):
            _held(self._key, Path())
            yield piece

    def opened(self, path: Path) -> BinaryIO:
        """Open the plain content of a file."""
        return _opened(path, self._key, _KEPT)

    def drop(self) -> None:
        """Overwrite the key in memory."""
        self._key[:] = bytes(len(self._key))


def _opened(path: Path, key: bytearray, identifier: str) -> BinaryIO:
    """Open a file that can be read until the key is dropped."""
    raw = _Decrypted(path, _held(key, path), identifier, partial(_held, key, path))
    return io.BufferedReader(raw, io.DEFAULT_BUFFER_SIZE)


def _held(key: bytearray, path: Path) -> bytes:
    if not any(key):
        raise LockedFolderError(path)
    return bytes(key)


class _Decrypted(io.RawIOBase):
    """An encrypted file read like a plain one, piece by piece, the last one kept.

    Before each piece it is asked whether the key is still there.
    """

    def __init__(
        self, path: Path, key: bytes, identifier: str, check: Callable[[], object] = lambda: None
    ) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._path, self._identifier, self._place = path, identifier.encode(), 0
        self._file, self._check = path.open("rb", buffering=0), check
        try:
            head = self._file.read(_HEAD_BYTES)
            if len(head) < _HEAD_BYTES or not head.startswith(_MAGIC):
                raise damaged(path)
            self._cipher = AESGCM(derived(key, head[len(_MAGIC) :].hex()))
            sealed_bytes = os.fstat(self._file.fileno()).st_size - _HEAD_BYTES
            self._count = max(1, -(-sealed_bytes // _SEALED_BYTES))
            self._length = sealed_bytes - self._count * _TAG_BYTES
            self._number, self._piece = -1, b""
            self._load(self._count - 1)
        except BaseException:
            self._file.close()
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        self._piece = b""
        super().close()

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._length}
        place = starts[whence] + offset
        if place < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._place = place
        return place

    def readinto(self, buffer: Any) -> int:
        if self._place >= self._length:
            return 0
        number, start = divmod(self._place, PIECE_BYTES)
        self._load(number)
        part = memoryview(self._piece)[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)

    def _load(self, number: int) -> None:
        from cryptography.exceptions import InvalidTag

        self._check()
        if number == self._number:
            return
        self._file.seek(_HEAD_BYTES + number * _SEALED_BYTES)
        sealed = self._read(_SEALED_BYTES)
        nonce = _nonce(number, number == self._count - 1)
        try:
            self._piece = bytes(self._cipher.decrypt(nonce, sealed, self._identifier))
        except (InvalidTag, ValueError) as error:
            raise damaged(self._path) from error
        self._number = number

    def _read(self, length: int) -> bytes:
        read = bytearray()
        while len(read) < length and (piece := self._file.read(length - len(read))):
            read += piece
        return bytes(read)


def damaged(path: Path) -> OSError:
    """Return what reading an encrypted file that is not as it was written raises."""
    return OSError(errno.EIO, "not as it was written", str(path))


def _of_one_length(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of `PIECE_BYTES`, the last one shorter; one empty for none."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > PIECE_BYTES:
            yield bytes(waiting[:PIECE_BYTES])
            del waiting[:PIECE_BYTES]
    yield bytes(waiting)


def iter_pieces(file: Readable, length: int) -> Iterator[bytes]:
    """Yield what a file holds in pieces of a length, the last one shorter; one empty for none."""
    piece = file.read(length)
    yield piece
    while len(piece) == length and (piece := file.read(length)):
        yield piece


class _Counted:
    """Pieces of a stream, and how many bytes they were."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.bytes_read = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in iter_pieces(self._source, PIECE_BYTES):
            self.bytes_read += len(piece)
            yield piece


def _sealed(pieces: Iterable[bytes], key: bytes, identifier: str) -> Iterator[bytes]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt = secrets.token_bytes(_SALT_BYTES)
    yield _MAGIC + salt
    cipher = AESGCM(derived(key, salt.hex()))
    for number, piece, is_last in _numbered(pieces):
        yield bytes(cipher.encrypt(_nonce(number, is_last), piece, identifier.encode()))


def _numbered(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Yield each piece with its number and whether it is the last one."""
    iterator = iter(pieces)
    piece = next(iterator)
    number = 0
    for following in iterator:
        yield number, piece, False
        piece, number = following, number + 1
    yield number, piece, True


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(_NONCE_COUNT_BYTES, "big") + bytes([is_last])
