"""Whether the bytes of a picture file are all there, where Pillow does not ask."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.imaging.codestreams import is_whole

_PNG_SIGNATURE, _PNG_CHECKED = b"\x89PNG\r\n\x1a\n", (b"IHDR", b"PLTE", b"IDAT")
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
_TIFF_MOST_PIXEL_BYTES = 32
_TIFF_COMPRESSION, _DEFLATES = 259, (8, 32946)  # the latter of libtiff before Adobe's number
_FLUSHED = b"\0\0\xff\xff"
"""Ends packed bytes whose writer flushed them and never finished, so without a checksum."""

_ZERO_TOLD = frozenset((5, 32773))
"""LZW and PackBits, whose decoders make values of zeros too."""

_WEBP_PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
_TOO_MANY_ZEROS = bytes(256)
"""Pictures, also blank ones and drawn patterns, have at most 29 in a row in WebP and 8 in LZW."""

_BLOCK_BYTES = 1 << 20
_TIFF_MOST_PADDING_BYTES = 64 << 20


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
        is_stored = _last_coded_byte(picture) <= file.seek(0, 2) and _fits_checksums(file, picture)
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


def png_without_texts(file: BinaryIO) -> BinaryIO:
    """Return a PNG file without its texts and colour profile, of which Pillow refuses large ones.

    Nothing of them is asked for here, whatever they unpack to.
    """
    file.seek(0)
    kept = [file.read(len(_PNG_SIGNATURE))]
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name in _PNG_TEXTS:
            file.seek(length + 4, 1)
        else:
            kept += [head, file.read(length + 4)]
    return io.BytesIO(b"".join(kept))


def _fits_checksums(file: BinaryIO, picture: TiffImagePlugin.TiffImageFile) -> bool:
    """Unpack the deflated strips or tiles of a page to their checksums.

    libtiff stops where it has the values that it wants, and damage may make them more.
    """
    if picture.tag_v2.get(_TIFF_COMPRESSION) not in _DEFLATES:
        return True
    left = picture.width * picture.height * _TIFF_MOST_PIXEL_BYTES + _TIFF_MOST_PADDING_BYTES
    for start, count in _coded_parts(picture):
        file.seek(start)
        left -= count
        unpacked = _unpacked_bytes(file.read(count), left)
        if unpacked is None:
            return False
        left -= unpacked
    return True


def _unpacked_bytes(content: bytes, most: int) -> int | None:
    """Return to how much bytes unpack; None where they do not fit their checksum, or it is more."""
    unpacking, count = zlib.decompressobj(), 0
    is_flushed = content.endswith(_FLUSHED)
    try:
        while content and not unpacking.eof and count <= most:
            count += len(unpacking.decompress(content, _BLOCK_BYTES))
            content = unpacking.unconsumed_tail
    except zlib.error:
        return None
    return count if (unpacking.eof or is_flushed) and count <= most else None


def _last_coded_byte(picture: TiffImagePlugin.TiffImageFile) -> int:
    """Return the end of the strip or tile that lies last in the file."""
    return max((start + count for start, count in _coded_parts(picture)), default=0)


def _coded_parts(picture: TiffImagePlugin.TiffImageFile) -> list[tuple[int, int]]:
    """Return where each strip or tile of a page starts, and its bytes."""
    tags = picture.tag_v2
    starts = tags.get(TiffImagePlugin.STRIPOFFSETS) or tags.get(TiffImagePlugin.TILEOFFSETS) or ()
    counts = tags.get(TiffImagePlugin.STRIPBYTECOUNTS) or tags.get(TiffImagePlugin.TILEBYTECOUNTS)
    # Some writers state more bytes than an uncompressed picture can hold.
    most = picture.width * picture.height * _TIFF_MOST_PIXEL_BYTES
    return [(start, min(count, most)) for start, count in zip(starts, counts or (), strict=False)]


def holds_zeros(file: BinaryIO, picture: Image.Image) -> bool:
    """Tell whether so many zeros lie in the coded bytes of a WebP or TIFF file as none gives.

    Their decoders take zeros for values, and no checksum tells.
    """
    place, parts = file.tell(), []
    if isinstance(picture, WebPImagePlugin.WebPImageFile):
        parts = _webp_parts(file)
    elif isinstance(picture, TiffImagePlugin.TiffImageFile):
        is_told = picture.tag_v2.get(_TIFF_COMPRESSION) in _ZERO_TOLD
        parts = _coded_parts(picture) if is_told else []
    found = any(_TOO_MANY_ZEROS in _bytes_at(file, *part) for part in parts)
    file.seek(place)
    return found


def _bytes_at(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)


def _webp_parts(file: BinaryIO) -> list[tuple[int, int]]:
    """Return where each chunk of pixels of a WebP file starts, and its bytes."""
    parts, place = [], 12
    while len(head := _bytes_at(file, place, 8)) == 8:
        count = int.from_bytes(head[4:], "little")
        if head[:4] in _WEBP_PIXELS:
            parts.append((place + 8, count))
        place += 8 + count + count % 2
    return parts


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
