"""Files encrypted in pieces, so that a large series costs no memory.

A file is ``SPAENC1`` and a zero byte, 16 random bytes, then pieces of 1 MiB, each AES-256-GCM with
its own tag. The key is the file's own (HKDF-SHA-256 of the archive's key and the random bytes); the
nonce counts the pieces, and its last byte tells the last piece, so that pieces cannot be left out,
put elsewhere or cut off. Source of the construction: STREAM, Hoang, Reyhanitabar, Rogaway, Vizar:
Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, CRYPTO 2015, section 7.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from spinealign.accounts.keys import derived
from spinealign.domain.errors import SpineAlignError
from spinealign.files import written_beside

PIECE_BYTES = 1 << 20

_MAGIC = b"SPAENC1\0"
_SALT_BYTES = 16
_TAG_BYTES = 16
_NONCE_COUNT_BYTES = 11


class Readable(Protocol):
    """A binary file, or what is read like one."""

    def read(self, length: int = -1, /) -> bytes:
        """Return so many bytes, fewer at the end."""


class DamagedFileError(SpineAlignError):
    """An encrypted file is not as it was written, or is another archive's.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        super().__init__("damaged")
        self.path = path


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
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    with path.open("rb") as file:
        head = file.read(len(_MAGIC) + _SALT_BYTES)
        if len(head) < len(_MAGIC) + _SALT_BYTES or not head.startswith(_MAGIC):
            raise DamagedFileError(path)
        cipher = AESGCM(derived(key, head[len(_MAGIC) :].hex()))
        for number, piece, is_last in _numbered(iter_pieces(file, PIECE_BYTES + _TAG_BYTES)):
            try:
                yield bytes(cipher.decrypt(_nonce(number, is_last), piece, identifier.encode()))
            except InvalidTag as error:
                raise DamagedFileError(path) from error


def read_decrypted(path: Path, key: bytes, identifier: str) -> bytes:
    """Return a file's content whole.

    Raises
    ------
    DamagedFileError, OSError
        As `decrypted`.
    """
    return b"".join(decrypted(path, key, identifier))


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
