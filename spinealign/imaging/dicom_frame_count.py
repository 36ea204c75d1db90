"""How many frames lie in the pixel data of a file that does not state their number."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import BinaryIO

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from spinealign.imaging.dicom_frames import STREAM_STARTS
from spinealign.imaging.dicom_numbers import numbers
from spinealign.imaging.source import stated_bytes

_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_UNDEFINED = 0xFFFFFFFF
_ITEM = b"\xfe\xff\x00\xe0"
_MOST_FRAGMENTS = 100_000
_DELIMITER_BYTES = 8


def count_frames(dataset: Dataset, file: BinaryIO, described: int = 0) -> int:
    """Return the number of frames, by the pixel data's length, offset table or fragments.

    Parameters
    ----------
    dataset : Dataset
        Without a usable number of frames.
    file : file
        The bytes that it was read from: at the pixel data where these were left out.
    described : int
        How many frames its functional groups describe; counts where something lies behind the
        last whole frame of uncompressed data.

    Returns
    -------
    int
        1 where nothing tells more.
    """
    place = file.tell()
    start, length = _pixel_data(dataset, file)
    if length == _UNDEFINED:
        count = _compressed_frames(dataset, file, start)
    else:
        count = _plain_frames(dataset, length, described)
    file.seek(place)
    return max(count, 1)


def frames_left_over(dataset: Dataset, file: BinaryIO, frames: int) -> int:
    """Return how many further whole frames lie behind those that are read; 0 of compressed ones.

    Parameters
    ----------
    dataset, file
        As for `count_frames`.
    frames : int
        How many are read.
    """
    place = file.tell()
    _, length = _pixel_data(dataset, file)
    file.seek(place)
    frame_bits = _frame_bits(dataset)
    if length == _UNDEFINED or frame_bits is None:
        return 0
    return max(length * 8 // frame_bits - frames, 0)


def _pixel_data(dataset: Dataset, file: BinaryIO) -> tuple[int, int]:
    """Return where the value of the pixel data starts and how long it is; (0, 0) without."""
    for tag in _PIXEL_TAGS:
        element = dataset.get_item(tag, keep_deferred=True)
        if isinstance(element, RawDataElement):
            return element.value_tell, element.length
    is_implicit, is_little_endian = dataset.original_encoding
    order = "<" if is_little_endian else ">"
    head = file.read(8 if is_implicit else 12)
    if len(head) < 8 or (len(head) < 12 and not is_implicit):
        return 0, 0
    group, number = struct.unpack_from(f"{order}2H", head)
    if group << 16 | number not in _PIXEL_TAGS:
        return 0, 0
    return file.tell(), struct.unpack_from(f"{order}I", head, 4 if is_implicit else 8)[0]


def _plain_frames(dataset: Dataset, length: int, described: int) -> int:
    frame_bits = _frame_bits(dataset)
    if frame_bits is None:
        return 1
    count = length * 8 // frame_bits
    is_exact = length - (count * frame_bits + 7) // 8 in (0, 1)
    return count if is_exact else described


def _frame_bits(dataset: Dataset) -> int | None:
    """Return how long a frame is that is not compressed; None where its size is not stated."""
    sizes = [numbers(dataset.get(key)) for key in ("Rows", "Columns", "BitsAllocated")]
    if not all(len(size) == 1 and size[0] >= 1 for size in sizes):
        return None
    (rows,), (cols,), (bits,) = sizes
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2  # two pixels share their colours (PS3.3 C.7.6.3.1.2)
    return int(rows) * int(cols) * int(bits) * samples


def _compressed_frames(dataset: Dataset, file: BinaryIO, start: int) -> int:
    extended = dataset.get("ExtendedOffsetTable")
    if extended:
        return len(extended) // 8
    file.seek(start)
    table = file.read(_item_length(file.read(8)))
    offsets = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    if offsets and offsets[0] == 0 and all(a < b for a, b in pairwise(offsets)):
        return len(offsets)
    return _stream_starts(file)


def _stream_starts(file: BinaryIO) -> int:
    """Count the fragments in which a compressed picture begins.

    A member of an archive is not unpacked to its end where only one fragment fits into it.
    """
    count, size = 0, stated_bytes(file)
    for _ in range(_MOST_FRAGMENTS):
        if size is not None and file.tell() + _DELIMITER_BYTES >= size:
            break
        head = file.read(8)
        if not head.startswith(_ITEM) or len(head) < 8:
            break
        place = file.tell()
        count += file.read(8).startswith(STREAM_STARTS)
        file.seek(place + _item_length(head))
    return count


def _item_length(head: bytes) -> int:
    return int.from_bytes(head[4:8], "little") if head.startswith(_ITEM) else 0
