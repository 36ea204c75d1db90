"""Whether the bytes of a picture file are all there, where Pillow does not ask."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.imaging.codestreams import is_whole

_PNG_SIGNATURE, _PNG_CHECKED = b"\x89PNG\r\n\x1a\n", (b"IHDR", b"PLTE", b"IDAT")
_TIFF_MOST_PIXEL_BYTES = 32


def check_stored(path: Path, file: BinaryIO, picture: Image.Image) -> None:
    """Refuse a PNG or TIFF file whose coded bytes are not all there, as decoders do not always.

    Raises
    ------
    ImageReadError
        TRUNCATED
    """
    place, is_stored = file.tell(), True
    if isinstance(picture, PngImagePlugin.PngImageFile):
        is_stored = _has_whole_chunks(file)
    elif isinstance(picture, TiffImagePlugin.TiffImageFile):
        is_stored = _last_coded_byte(picture) <= file.seek(0, 2)
    file.seek(place)
    if not is_stored:
        raise ImageReadError(path, ReadProblem.TRUNCATED)


def _has_whole_chunks(file: BinaryIO) -> bool:
    """Walk the chunks of a PNG file to its end; those of the picture must fit their checksum."""
    file.seek(len(_PNG_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"IEND":
            return True
        if name not in _PNG_CHECKED:
            file.seek(length + 4, 1)
            continue
        content, checked = file.read(length), file.read(4)
        if zlib.crc32(content, zlib.crc32(name)).to_bytes(4, "big") != checked:
            return False
    return False


def _last_coded_byte(picture: TiffImagePlugin.TiffImageFile) -> int:
    """Return the end of the strip or tile that lies last in the file."""
    tags = picture.tag_v2
    starts = tags.get(TiffImagePlugin.STRIPOFFSETS) or tags.get(TiffImagePlugin.TILEOFFSETS) or ()
    counts = tags.get(TiffImagePlugin.STRIPBYTECOUNTS) or tags.get(TiffImagePlugin.TILEBYTECOUNTS)
    # Some writers state more bytes than an uncompressed picture can hold.
    most = picture.width * picture.height * _TIFF_MOST_PIXEL_BYTES
    ends = [start + min(count, most) for start, count in zip(starts, counts or (), strict=False)]
    return max(ends, default=0)


def check_decoded(path: Path, file: BinaryIO, picture: Image.Image) -> None:
    """Refuse a JPEG file whose decoded picture is partly invented; libjpeg only warns of it.

    Raises
    ------
    ImageReadError
        TRUNCATED
    """
    if not isinstance(picture, JpegImagePlugin.JpegImageFile) or picture.tell() != 0:
        return
    file.seek(0)
    if not is_whole(file.read(), np.asarray(picture), _decoded_jpeg):
        raise ImageReadError(path, ReadProblem.TRUNCATED)


def _decoded_jpeg(stream: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(stream), formats=("JPEG",)) as picture:
        return np.asarray(picture)
