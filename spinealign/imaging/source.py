"""The bytes of an image: a file on the disk, or a member of an archive held in memory.

Nothing is ever unpacked to the disk, so a hostile archive has no place to write to.
"""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart
from spinealign.imaging.sniff import HEAD_BYTES, is_gzip, sniff

MAX_UNPACKED_BYTES = 256 << 20
"""The most that one compressed file or member may grow to in memory."""

MAX_MEMBERS = 20_000
_BLOCK_BYTES = 1 << 20
_ENCRYPTED_FLAG = 1


@contextmanager
def opened(part: ImagePart) -> Iterator[BinaryIO]:
    """Open the bytes of a part for reading and seeking, unpacked where they are compressed.

    Raises
    ------
    ImageReadError
        The file is missing, unreadable, empty, encrypted or too large unpacked.
    """
    _require_file(part.path)
    try:
        with part.path.open("rb") as file:
            content = _member(part, file) if part.member else _plain(part.path, file)
            if not content.read(1):
                raise ImageReadError(part.path, ReadProblem.EMPTY)
            content.seek(0)
            yield content
    except (FileNotFoundError, NotADirectoryError):
        raise ImageReadError(part.path, ReadProblem.MISSING) from None
    except PermissionError:
        raise ImageReadError(part.path, ReadProblem.UNREADABLE) from None


def _require_file(path: Path) -> None:
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ImageReadError(path, ReadProblem.MISSING) from None
    except OSError:
        raise ImageReadError(path, ReadProblem.UNREADABLE) from None
    if not is_file:
        raise ImageReadError(path, ReadProblem.UNREADABLE)


def _plain(path: Path, file: BinaryIO) -> BinaryIO:
    """Return the file itself; a compressed one that is no NIfTI is unpacked in memory."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not is_gzip(head) or sniff(head) is not None:
        return file
    try:
        return _bounded_copy(path, cast(BinaryIO, gzip.GzipFile(fileobj=file)))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ImageReadError(path, ReadProblem.NOT_AN_IMAGE) from None


def _member(part: ImagePart, file: BinaryIO) -> BinaryIO:
    try:
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(part.member)
            if info.flag_bits & _ENCRYPTED_FLAG:
                raise ImageReadError(part.path, ReadProblem.ENCRYPTED)
            if info.file_size > MAX_UNPACKED_BYTES:
                raise ImageReadError(part.path, ReadProblem.TOO_LARGE, _megabytes(info.file_size))
            with archive.open(info) as packed:
                if sniff(packed.read(HEAD_BYTES)) is None:
                    raise ImageReadError(part.path, ReadProblem.NOT_AN_IMAGE)
                packed.seek(0)
                return _bounded_copy(part.path, cast(BinaryIO, packed))
    except KeyError:
        raise ImageReadError(part.path, ReadProblem.MISSING) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise ImageReadError(part.path, ReadProblem.TRUNCATED) from None


def _bounded_copy(path: Path, packed: BinaryIO) -> io.BytesIO:
    """Unpack into memory; what a file claims about its size is not believed."""
    unpacked = io.BytesIO()
    while block := packed.read(_BLOCK_BYTES):
        if unpacked.tell() + len(block) > MAX_UNPACKED_BYTES:
            raise ImageReadError(path, ReadProblem.TOO_LARGE, _megabytes(MAX_UNPACKED_BYTES))
        unpacked.write(block)
    unpacked.seek(0)
    return unpacked


def _megabytes(count: int) -> str:
    return f"{count >> 20} MB unpacked"


def archive_members(path: Path) -> list[str]:
    """List the files of a zip archive by name, hidden ones left out.

    Raises
    ------
    ImageReadError
        TRUNCATED when it is no whole archive, TOO_LARGE with too many members,
        ENCRYPTED when all of it is locked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if _is_wanted(info)]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, UnicodeDecodeError):
        raise ImageReadError(path, ReadProblem.TRUNCATED) from None
    if len(infos) > MAX_MEMBERS:
        raise ImageReadError(path, ReadProblem.TOO_LARGE, f"{len(infos)} files")
    if infos and all(info.flag_bits & _ENCRYPTED_FLAG for info in infos):
        raise ImageReadError(path, ReadProblem.ENCRYPTED)
    return [info.filename for info in infos]


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    parts = info.filename.split("/")
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not info.is_dir() and not is_hidden
