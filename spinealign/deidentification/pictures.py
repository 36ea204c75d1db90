"""PNG, JPEG, TIFF, WebP, GIF and BMP files without their metadata; every pixel stays as it is."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spinealign.deidentification.codestreams import TEXTS_OF_PROFILE, bare_jpeg, exif_orientation
from spinealign.deidentification.counting import Change, Changes
from spinealign.deidentification.icc import bare_profile
from spinealign.deidentification.tiff import bare_tiff
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.domain.formats import BMP, GIF, JPEG, PNG, TIFF, WEBP, ImageFormat
from spinealign.imaging.decoding import quiet_libraries

_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset([
    "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "sBIT",
    "pHYs", "bKGD", "acTL", "fcTL", "fdAT",
])  # fmt: skip
_PROFILE_NAME: Final = b"icc"
_WEBP_KEPT: Final = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_FLAGS_OF_METADATA: Final = 0b1100
_GIF_LOOP: Final = b"NETSCAPE2.0"
_MOST_FRAMES: Final = 500
_MOST_OF_PROFILE: Final = 1 << 26
_WEBP_FLAG_OF_PROFILE: Final = 0b100000


class LayoutError(ValueError):
    """A file is not laid out as its format has it."""


def bare_picture(path: Path, kind: ImageFormat, content: bytes, counts: Changes) -> bytes:
    """Return a picture file without metadata, after making sure that its pixels are the same.

    Parameters
    ----------
    path : Path
        Where it came from, for errors.
    kind : ImageFormat
        One of `PICTURES`.
    content : bytes
    counts : Counter of Change
        Is added to, by names of pieces.

    Raises
    ------
    DeidentificationError
        LAYOUT, or PIXELS_CHANGED.
    """
    removed: list[str] = []
    try:
        bare = PICTURES[kind](content, removed)
    except (ValueError, OSError, struct.error, zlib.error, IndexError) as error:
        raise DeidentificationError(path, DeidentificationProblem.LAYOUT, kind.name) from error
    if not _are_same_pixels(content, bare):
        raise DeidentificationError(path, DeidentificationProblem.PIXELS_CHANGED, kind.name)
    for name in removed:
        counts[Change(name, f"metadata of {kind.name}", "removed")] += 1
    return bare


def _are_same_pixels(one: bytes, other: bytes) -> bool:
    from PIL import Image, ImageSequence

    with quiet_libraries():
        try:
            with Image.open(io.BytesIO(one)) as before, Image.open(io.BytesIO(other)) as after:
                pairs = zip(
                    ImageSequence.Iterator(before), ImageSequence.Iterator(after), strict=True
                )
                for number, (first, second) in enumerate(pairs):
                    if first.mode != second.mode or first.size != second.size:
                        return False
                    if number < _MOST_FRAMES and first.tobytes() != second.tobytes():
                        return False
        except Exception:  # noqa: BLE001 - whatever Pillow raises on files that are not sound
            return False
    return True


def _bare_png(content: bytes, removed: list[str]) -> bytes:
    if not content.startswith(_PNG_START):
        raise LayoutError
    kept, place = [_PNG_START], len(_PNG_START)
    orientation = b""
    while True:
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            raise LayoutError
        kind = name.decode("latin-1")
        data = content[place + 8 : end - 4]
        if kind == "eXIf":
            orientation = _exif_orientation_of(data)
        if kind == "iCCP":
            kept += _png_profile(data, removed)
        elif kind in _PNG_KEPT:
            kept.append(content[place:end])
        else:
            removed.append(kind)
        place = end
        if kind == "IEND":
            break
    if orientation:
        kept.insert(-1, _png_chunk(b"eXIf", orientation))
    if place < len(content):
        removed.append("data after the picture")
    return b"".join(kept)


def _png_profile(data: bytes, removed: list[str]) -> list[bytes]:
    """Return the chunk of a colour profile without name and texts; none of a damaged one."""
    packed = data[data.index(b"\0") + 2 :]
    whole = zlib.decompressobj().decompress(packed, _MOST_OF_PROFILE)
    bare = bare_profile(whole)
    if bare != whole:
        removed.append("iCCP" if bare is None else TEXTS_OF_PROFILE)
    if bare is None:
        return []
    return [_png_chunk(b"iCCP", _PROFILE_NAME + b"\0\0" + zlib.compress(bare))]


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _exif_orientation_of(tiff: bytes) -> bytes:
    """Return EXIF data with the orientation alone; empty where the picture is upright."""
    from PIL import Image

    with quiet_libraries():
        exif = Image.Exif()
        try:
            exif.load(tiff)
            value = int(exif.get(0x0112, 1))
        except Exception:  # noqa: BLE001 - EXIF data come in every state
            return b""
    return exif_orientation(value) if 2 <= value <= 8 else b""


def _bare_jpeg(content: bytes, removed: list[str]) -> bytes:
    return bare_jpeg(content, removed)


def _bare_webp(content: bytes, removed: list[str]) -> bytes:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise LayoutError
    kept, place = list[tuple[bytes, bytes]](), 12
    stated = min(int(struct.unpack_from("<I", content, 4)[0]) + 8, len(content))
    if stated < len(content):
        removed.append("data after the picture")
    while place + 8 <= stated:
        name, length = struct.unpack_from("<4sI", content, place)
        data = content[place + 8 : place + 8 + length]
        if len(data) < length:
            raise LayoutError
        if name == b"VP8X":
            data = bytes((data[0] & ~_WEBP_FLAGS_OF_METADATA & 0xFF,)) + data[1:]
        bare = bare_profile(data) if name == b"ICCP" else data
        if name in _WEBP_KEPT and bare is not None:
            kept.append((name, bare))
        if name not in _WEBP_KEPT or bare is None:
            removed.append(name.decode("latin-1").strip())
        elif bare != data:
            removed.append(TEXTS_OF_PROFILE)
        place += 8 + length + length % 2
    has_profile = any(name == b"ICCP" for name, _ in kept)
    body = b"WEBP" + b"".join(_webp_chunk(*chunk, has_profile=has_profile) for chunk in kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunk(name: bytes, data: bytes, *, has_profile: bool) -> bytes:
    if name == b"VP8X" and not has_profile:
        data = bytes((data[0] & ~_WEBP_FLAG_OF_PROFILE & 0xFF,)) + data[1:]
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _bare_gif(content: bytes, removed: list[str]) -> bytes:
    place = 13 + _gif_table_bytes(content[10])
    kept = [content[:place]]
    while True:
        start, kind = place, content[place]
        if kind == 0x3B:
            if place + 1 < len(content):
                removed.append("data after the picture")
            return b"".join([*kept, b"\x3b"])
        if kind == 0x2C:
            place += 10 + _gif_table_bytes(content[place + 9]) + 1
            place = _after_gif_blocks(content, place)
            kept.append(content[start:place])
        elif kind == 0x21:
            label = content[place + 1]
            place = _after_gif_blocks(content, place + 2)
            is_loop = label == 0xFF and content[start + 3 : start + 14] == _GIF_LOOP
            if label == 0xF9 or is_loop:
                kept.append(content[start:place])
            else:
                removed.append("comment" if label == 0xFE else "extension")
        else:
            raise LayoutError


def _gif_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_gif_blocks(content: bytes, place: int) -> int:
    while length := content[place]:
        place += length + 1
    return place + 1


def _bare_bmp(content: bytes, removed: list[str]) -> bytes:
    """Write a BMP anew: its formats have no metadata, but gaps and ends where such may stand."""
    from PIL import Image

    target = io.BytesIO()
    with quiet_libraries(), Image.open(io.BytesIO(content)) as picture:
        picture.load()
        picture.info.clear()
        picture.save(target, "BMP")
    if len(target.getvalue()) < len(content):
        removed.append("bytes that are no pixels")
    return target.getvalue()


PICTURES: Final[Mapping[ImageFormat, Callable[[bytes, list[str]], bytes]]] = {
    PNG: _bare_png, JPEG: _bare_jpeg, TIFF: bare_tiff, WEBP: _bare_webp, GIF: _bare_gif,
    BMP: _bare_bmp,
}  # fmt: skip
"""The formats of pictures, each with what takes its metadata out."""


def picture_pixels(content: bytes) -> NDArray[Any]:
    """Return the first picture of a file as (H, W) or (H, W, channels).

    Raises
    ------
    Exception
        Anything that Pillow raises on files that are not sound.
    """
    from PIL import Image

    with quiet_libraries(), Image.open(io.BytesIO(content)) as picture:
        if picture.mode in ("P", "PA", "CMYK", "LA", "1", "YCbCr", "LAB", "HSV"):
            return np.asarray(picture.convert("RGB"))
        return np.asarray(picture)


def page_count(content: bytes) -> int:
    """Return how many pictures a file holds."""
    from PIL import Image

    with quiet_libraries(), Image.open(io.BytesIO(content)) as picture:
        return int(getattr(picture, "n_frames", 1))


def blackened_png(pixels: NDArray[Any]) -> bytes:
    """Return pixels as a PNG file, without loss.

    Raises
    ------
    Exception
        What Pillow raises on kinds of pixels that PNG does not have.
    """
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()
