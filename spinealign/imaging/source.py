"""The bytes of an image: a file on the disk, or a member of an archive held in memory.

Nothing is ever unpacked to the disk, so a hostile archive has no place to write to.
"""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart
from spinealign.imaging.sniff import HEAD_BYTES, is_gzip, is_zip, sniff
from spinealign.protected_folders import open_binary

MAX_UNPACKED_BYTES = 224 << 20
"""The most that one compressed file or member may grow to in memory."""

MAX_MEMBERS = 20_000
_MOST_LIST_BYTES = 16 << 20
_LIST_BYTES_FIELD = 5
_LEAST_BLOCK_BYTES, _MOST_BLOCK_BYTES = 1 << 16, 1 << 20
_ENCRYPTED_FLAG = 1
_PACKINGS = {9: "Deflate64", 93: "Zstandard", 96: "JPEG", 98: "PPMd"}
_LOCAL_HEADER, _LOCAL_HEADER_BYTES = b"PK\x03\x04", 30


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
        with open_binary(part.path) as file:
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
    """Return the file itself; a compressed one that is no NIfTI is unpacked as it is read."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not is_gzip(head) or sniff(head) is not None:
        return file
    try:
        packed = gzip.GzipFile(fileobj=file)
        packed.read(1)
        packed.seek(0)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ImageReadError(path, ReadProblem.NOT_AN_IMAGE) from None
    return _unpacked(path, packed)


def _member(part: ImagePart, file: BinaryIO) -> BinaryIO:
    info = _directory(part.path).get(part.member)
    if info is None:
        raise ImageReadError(part.path, ReadProblem.MISSING)
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise ImageReadError(part.path, ReadProblem.ENCRYPTED)
    if info.file_size > MAX_UNPACKED_BYTES:
        raise ImageReadError(part.path, ReadProblem.TOO_LARGE, _megabytes(info.file_size))
    content = _unpacked(part.path, _packed_member(part.path, file, info), info.file_size)
    if is_zip(content.read(HEAD_BYTES)):
        raise ImageReadError(part.path, ReadProblem.NESTED_ARCHIVE)
    content.seek(0)
    return content


def _packed_member(path: Path, file: BinaryIO, info: zipfile.ZipInfo) -> zipfile.ZipExtFile:
    """Open a member without reading the archive's directory again, as `ZipFile.open` would."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER_BYTES)
    if len(header) < _LOCAL_HEADER_BYTES or not header.startswith(_LOCAL_HEADER):
        raise ImageReadError(path, ReadProblem.TRUNCATED)
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    try:
        return zipfile.ZipExtFile(file, "r", info)
    except NotImplementedError:  # a compression that zipfile does not know
        method = _PACKINGS.get(info.compress_type, f"method {info.compress_type}")
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_PACKING, method) from None


def _unpacked(
    path: Path, packed: gzip.GzipFile | zipfile.ZipExtFile, size: int | None = None
) -> BinaryIO:
    return io.BufferedReader(_Unpacked(path, packed, size), _LEAST_BLOCK_BYTES)


def stated_bytes(file: BinaryIO) -> int | None:
    """Return how long a member of an archive is said to be; None for other files."""
    raw = getattr(file, "raw", None)
    return raw.stated_bytes if isinstance(raw, _Unpacked) else None


class _Unpacked(io.RawIOBase):
    """A compressed stream that is unpacked into memory, only as far as it is read.

    What a file claims about its size is not believed.
    """

    def __init__(
        self, path: Path, packed: gzip.GzipFile | zipfile.ZipExtFile, size: int | None
    ) -> None:
        self._path, self._packed = path, packed
        self.stated_bytes = size
        self._blocks: list[bytearray] = []  # of one size: one growing buffer is copied as it grows
        self._unpacked_bytes = self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            self._unpack(MAX_UNPACKED_BYTES)
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._unpacked_bytes}
        self._place = max(starts[whence] + offset, 0)
        return self._place

    def readinto(self, buffer: Any) -> int:
        self._unpack(self._place + len(buffer))
        number, start = divmod(self._place, _MOST_BLOCK_BYTES)
        if self._place >= self._unpacked_bytes:
            return 0
        part = memoryview(self._blocks[number])[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)

    def _unpack(self, needed: int) -> None:
        """Unpack until so many bytes, or all there are, lie in memory."""
        while self._unpacked_bytes < needed:
            block = self._block(needed - self._unpacked_bytes)
            if not block:
                return
            self._keep(block)
            if self._unpacked_bytes > MAX_UNPACKED_BYTES:
                detail = _megabytes(MAX_UNPACKED_BYTES)
                raise ImageReadError(self._path, ReadProblem.TOO_LARGE, detail)

    def _keep(self, block: bytes) -> None:
        self._unpacked_bytes += len(block)
        while block:
            if not self._blocks or len(self._blocks[-1]) == _MOST_BLOCK_BYTES:
                self._blocks.append(bytearray())
            room = _MOST_BLOCK_BYTES - len(self._blocks[-1])
            self._blocks[-1] += block[:room]
            block = block[room:]

    def _block(self, wanted: int) -> bytes:
        try:
            size = min(max(wanted, _LEAST_BLOCK_BYTES), _MOST_BLOCK_BYTES)
            return self._packed.read1(size)  # `read` loses what stands before an error
        except gzip.BadGzipFile as error:
            if is_put_behind(error):
                return b""
            raise ImageReadError(self._path, ReadProblem.TRUNCATED) from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
            raise ImageReadError(self._path, ReadProblem.TRUNCATED) from None


def is_put_behind(error: gzip.BadGzipFile) -> bool:
    """Tell that bytes which are not packed were put behind packed ones, all of which are whole."""
    return str(error).startswith("Not a gzipped file")


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
    infos = [info for info in _directory(path).values() if _is_wanted(info)]
    if infos and all(info.flag_bits & _ENCRYPTED_FLAG for info in infos):
        raise ImageReadError(path, ReadProblem.ENCRYPTED)
    return [info.filename for info in infos]


def _directory(path: Path) -> Mapping[str, zipfile.ZipInfo]:
    """Return what an archive lists by name; of members with the same name, the last one."""
    state = path.stat()
    return _read_directory(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read_directory(path: Path, _mtime_ns: int, _size: int) -> Mapping[str, zipfile.ZipInfo]:
    # Kept, as a study has thousands of members and each is opened by itself.
    _require_short_list(path)
    try:
        with open_binary(path) as file, zipfile.ZipFile(file) as archive:
            infos = {info.filename: info for info in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, UnicodeDecodeError):
        raise ImageReadError(path, ReadProblem.TRUNCATED) from None
    if len(infos) > MAX_MEMBERS:
        raise ImageReadError(path, ReadProblem.TOO_MANY, f"{len(infos):,} files")
    return infos


def _require_short_list(path: Path) -> None:
    """Refuse a list of members that alone would take much memory, before it is read."""
    with open_binary(path) as file:
        # Private in zipfile, and nothing public tells the size of the list before reading it.
        record = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if record and record[_LIST_BYTES_FIELD] > _MOST_LIST_BYTES:
        detail = f"{record[_LIST_BYTES_FIELD] >> 20} MB of file names"
        raise ImageReadError(path, ReadProblem.TOO_MANY, detail)


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    parts = info.filename.split("/")
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not info.is_dir() and not is_hidden
