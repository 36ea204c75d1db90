"""NIfTI files without free text and extensions; the values of the volume stay as they are."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Final

from spinealign.deidentification.counting import Change, Changes
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.imaging.sniff import is_gzip

_TEXTS_1: Final = {
    "data_type": (4, 10), "db_name": (14, 18), "extents": (32, 4), "session_error": (36, 2),
    "regular": (38, 1), "descrip": (148, 80), "aux_file": (228, 24), "intent_name": (328, 16),
}  # fmt: skip
"""Fields of NIfTI-1 that hold text, or nothing that is used (nifti1.h): where, and how long."""

_TEXTS_2: Final = {
    "descrip": (240, 80), "aux_file": (320, 24), "intent_name": (508, 16), "unused_str": (525, 15),
}  # fmt: skip
_SINGLE: Final = (b"n+1\0", b"n+2\0")
_MAGICS: Final = {348: (344, 4), 540: (4, 8)}
_MOST_BYTES: Final = 4 << 30


class _LayoutError(ValueError):
    pass


def bare_nifti(path: Path, content: bytes, counts: Changes) -> tuple[bytes, str]:
    """Return a NIfTI file without text and extensions, and its suffix.

    A file of one piece ends with the last value; of one in two pieces this is the header. A
    compressed file is compressed anew, without its former name and time.

    Parameters
    ----------
    path : Path
        Where it came from, for errors.
    content : bytes
    counts : Counter of Change
        Is added to.

    Raises
    ------
    DeidentificationError
        LAYOUT
    """
    try:
        plain = _unpacked(content) if is_gzip(content) else content
        header, values = _bare(plain, counts)
    except (_LayoutError, struct.error, OSError, EOFError, zlib.error) as error:
        problem = DeidentificationProblem.LAYOUT
        raise DeidentificationError(path, problem, "NIfTI") from error
    suffix = ".hdr" if values is None else ".nii"
    whole = header + (values or b"")
    if is_gzip(content):
        return gzip.compress(whole, mtime=0), f"{suffix}.gz"
    return whole, suffix


def bare_values(path: Path, content: bytes, header: bytes) -> bytes:
    """Return the other half of a NIfTI in two files: as many values as the header states.

    Raises
    ------
    DeidentificationError
        LAYOUT
    """
    try:
        plain = _unpacked(content) if is_gzip(content) else content
        _, length = _size(header if not is_gzip(header) else _unpacked(header))
        start = _value_start(header if not is_gzip(header) else _unpacked(header))
    except (_LayoutError, struct.error, OSError, EOFError, zlib.error) as error:
        problem = DeidentificationProblem.LAYOUT
        raise DeidentificationError(path, problem, "NIfTI") from error
    values = b"\0" * start + plain[start : start + length]
    return gzip.compress(values, mtime=0) if is_gzip(content) else values


def _unpacked(content: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    plain = inflate.decompress(content, _MOST_BYTES)
    if not inflate.eof:
        raise _LayoutError
    return plain


def _bare(content: bytes, counts: Changes) -> tuple[bytes, bytes | None]:
    order, length = _order(content), len(content)
    (size,) = struct.unpack_from(f"{order}i", content)
    header = bytearray(content[:size])
    for name, (place, room) in (_TEXTS_1 if size == 348 else _TEXTS_2).items():
        if header[place : place + room].strip(b"\0") and name not in ("extents", "regular"):
            counts[Change(name, "header of NIfTI", "removed")] += 1
        header[place : place + room] = b"\0" * room
    magic_place, magic_room = _MAGICS[size]
    magic = bytes(header[magic_place : magic_place + magic_room])
    if magic[:4] not in _SINGLE:
        if length > size + 4:
            counts[Change("extension", "header of NIfTI", "removed")] += 1
        return bytes(header) + b"\0\0\0\0", None
    start = max(_value_start(content), size + 4)
    if content[size : size + 1] not in (b"\0", b""):
        counts[Change("extension", "header of NIfTI", "removed")] += 1
    _, values = _size(content)
    if start + values > length:
        raise _LayoutError
    if start + values < length:
        counts[Change("data after the volume", "NIfTI", "removed")] += 1
    new_start = size + 4
    if size == 348:
        new_start = 352
        struct.pack_into(f"{order}f", header, 108, float(new_start))
    else:
        new_start = 544
        struct.pack_into(f"{order}q", header, 168, new_start)
    return bytes(header) + b"\0\0\0\0", content[start : start + values]


def _order(content: bytes) -> str:
    for order in "<>":
        if len(content) >= 348 and struct.unpack_from(f"{order}i", content)[0] in _MAGICS:
            return order
    raise _LayoutError


def _value_start(content: bytes) -> int:
    order = _order(content)
    if struct.unpack_from(f"{order}i", content)[0] == 348:
        return max(int(struct.unpack_from(f"{order}f", content, 108)[0]), 0)
    return max(int(struct.unpack_from(f"{order}q", content, 168)[0]), 0)


def _size(content: bytes) -> tuple[tuple[int, ...], int]:
    """Return the dimensions and how many bytes the values have."""
    order = _order(content)
    if struct.unpack_from(f"{order}i", content)[0] == 348:
        shape = struct.unpack_from(f"{order}8h", content, 40)
        (bits,) = struct.unpack_from(f"{order}h", content, 72)
    else:
        shape = struct.unpack_from(f"{order}8q", content, 16)
        (bits,) = struct.unpack_from(f"{order}h", content, 14)
    if not 1 <= shape[0] <= 7 or any(n < 1 for n in shape[1 : shape[0] + 1]) or bits < 1:
        raise _LayoutError
    sizes = tuple(int(n) for n in shape[1 : shape[0] + 1])
    count = 1
    for number in sizes:
        count *= number
    return sizes, (count * int(bits) + 7) // 8
