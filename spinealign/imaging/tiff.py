"""Layouts of TIFF files that Pillow misreads or leaves open, and which of the pages are pictures.

Sections and tags are those of TIFF 6.0.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

_NEW_SUBFILE, _OLD_SUBFILE = 254, 255
_REDUCED_OR_MASK, _OLD_REDUCED = 1 | 4, 2
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _SAMPLES, _STRIP_ROWS, _STRIP_BYTES = 273, 277, 278, 279
_PLANAR, _PREDICTOR, _TILE_COLS, _TILE_ROWS, _TILES, _TILE_BYTES = 284, 317, 322, 323, 324, 325
_ORIENTATION, _SAMPLE_FORMAT, _BELOW = 274, 339, 330
_KEPT = (
    _WIDTH, _HEIGHT, _COMPRESSION, _FILL_ORDER, _ORIENTATION, _STRIP_ROWS, _PREDICTOR, _TILE_COLS,
    _TILE_ROWS,
)  # fmt: skip
_LONG = 4
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _CMYK, _SEPARATE_PLANES = 0, 1, 5, 2
_UNSIGNED, _SIGNED = 1, 2
_ORDERS = {b"II": "<", b"MM": ">"}
_NATIVE = {
    "I;16S": "I;16NS", "I;16BS": "I;16NS", "I;32S": "I;32NS", "I;32BS": "I;32NS",
    "F;32F": "F;32NF", "F;32BF": "F;32NF",
}  # fmt: skip
_MOST_SIZES = 64
_REDUCED_AT_MOST = 0.5


def picture_pages(picture: Image.Image) -> list[list[int]]:
    """Return the pages of a file that are pictures, those of full size before reduced ones.

    Pages that say that they are reduced copies or masks of others are left out (section 8,
    NewSubfileType). Pages that look like reduced copies, of equal proportions and at most half
    the size of another page, form a second group: they are not shown first.

    Parameters
    ----------
    picture : Image
        Any open picture file; what is not TIFF has one group of all pages.

    Returns
    -------
    list of list of int
        One or two groups.
    """
    count = int(getattr(picture, "n_frames", 1))
    everything = list(range(count))
    if not isinstance(picture, TiffImagePlugin.TiffImageFile) or not 1 < count <= _MOST_SIZES:
        return [everything]
    at = picture.tell()
    facts = {page: _page_facts(picture, page) for page in everything}
    picture.seek(at)
    kept = [page for page in everything if not facts[page][0]] or everything
    sizes = [facts[page][1] for page in kept]
    smaller = [page for page in kept if any(_is_reduced(facts[page][1], of) for of in sizes)]
    full = [page for page in kept if page not in smaller]
    return [full, smaller] if smaller else [full]


def _page_facts(picture: TiffImagePlugin.TiffImageFile, page: int) -> tuple[bool, tuple[int, int]]:
    """Return whether a page says that it is no picture of its own, and its size."""
    try:
        picture.seek(page)
    except (SyntaxError, ValueError, KeyError, TypeError):  # a layout that Pillow does not know
        return False, (0, 0)
    tags = picture.tag_v2
    is_reduced = int(tags.get(_NEW_SUBFILE, 0)) & _REDUCED_OR_MASK
    return bool(is_reduced or tags.get(_OLD_SUBFILE) == _OLD_REDUCED), picture.size


def _is_reduced(size: tuple[int, int], of: tuple[int, int]) -> bool:
    if 0 in size or 0 in of or max(size[k] / of[k] for k in (0, 1)) > _REDUCED_AT_MOST:
        return False
    scale = max(size) / max(of)
    return all(abs(size[k] - of[k] * scale) <= 1 for k in (0, 1))


def settle_order(picture: Image.Image) -> None:
    """Make Pillow take what libtiff decodes in the order of bytes in which libtiff gives it.

    Pillow 13 does so for unsigned samples only: signed and floating ones of compressed
    big-endian files come out with their bytes swapped.
    """
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return
    picture.tile = [
        tile._replace(args=(_NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:]))
        if tile.codec_name == "libtiff" and isinstance(tile.args, tuple)
        else tile
        for tile in picture.tile
    ]


def unsupported_layout(picture: Image.Image) -> str:
    """Return the name of a layout that Pillow opens but whose values it does not keep, or ""."""
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return ""
    bits = _bits(picture)
    if picture.tag_v2.get(_PHOTOMETRIC) == _CMYK and bits != 8:
        return f"CMYK of {bits} bits"
    if _has_larger_below(picture):
        return "a reduced copy, with the picture itself in a directory below it"
    return ""


def _has_larger_below(picture: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether a directory below that of the page (tag SubIFDs, TIFF Technical Note 1) is larger.

    Pillow does not tell of directories below a page of BigTIFF.
    """
    starts, file = picture.tag_v2.get(_BELOW), picture.fp
    if starts is None or file is None:
        return False
    at, below = file.tell(), []
    try:
        file.seek(0)
        head = file.read(8)
        for start in (starts if isinstance(starts, tuple) else (starts,))[:_MOST_SIZES]:
            tags = TiffImagePlugin.ImageFileDirectory_v2(head)
            file.seek(start)
            tags.load(file)
            below.append((int(tags.get(_WIDTH, 0)), int(tags.get(_HEIGHT, 0))))
    except (KeyError, IndexError, TypeError, ValueError, SyntaxError, struct.error, OSError):
        return False
    finally:
        file.seek(at)
    width, height = picture.tag_v2.get(_WIDTH, 0), picture.tag_v2.get(_HEIGHT, 0)
    return any(size[0] > width and size[1] > height for size in below)


def has_deep_planes(picture: Image.Image) -> bool:
    """Tell a page whose samples of more than 8 bits lie in a plane each, which Pillow mixes up."""
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return False
    tags = picture.tag_v2
    is_separate = tags.get(_PLANAR) == _SEPARATE_PLANES and int(tags.get(_SAMPLES, 1)) > 1
    return is_separate and _bits(picture) > 8


def plane(file: BinaryIO, picture: Image.Image, number: int) -> Image.Image:
    """Open one plane of a page as a grey picture of its own, turned as the page is.

    Parameters
    ----------
    file : file
        The whole TIFF file.
    picture : Image
        Stands at the page.
    number : int
        Which sample of a pixel, counted from 0.

    Returns
    -------
    Image
        Not yet loaded.
    """
    assert isinstance(picture, TiffImagePlugin.TiffImageFile)
    tags = picture.tag_v2
    places, lengths = (_STRIPS, _STRIP_BYTES) if _STRIPS in tags else (_TILES, _TILE_BYTES)
    share = len(tags[places]) // int(tags[_SAMPLES])
    part = slice(number * share, (number + 1) * share)
    fields: dict[int, Sequence[int]] = {tag: (int(tags[tag]),) for tag in _KEPT if tag in tags}
    photometric = tags.get(_PHOTOMETRIC, _BLACK_IS_ZERO)
    fields |= {places: tags[places][part], lengths: tags[lengths][part], _SAMPLES: (1,)}
    fields |= {_BITS: (_bits(picture),), _PHOTOMETRIC: (min(photometric, _BLACK_IS_ZERO),)}
    fields[_SAMPLE_FORMAT] = (int(tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0]),)
    file.seek(0)
    content = _with_directory(bytearray(file.read()), tags.prefix, fields)
    return Image.open(io.BytesIO(content), formats=("TIFF",))


def _with_directory(
    content: bytearray, order: bytes, fields: dict[int, Sequence[int]]
) -> bytearray:
    """Return a TIFF file with another directory, behind its bytes (section 2)."""
    content += bytes(len(content) % 2)
    at, sign = len(content), _ORDERS[order]
    behind, entries = at + 2 + 12 * len(fields) + 4, b""
    long = b""
    for tag, values in sorted(fields.items()):
        packed = struct.pack(f"{sign}{len(values)}I", *values)
        if len(values) > 1:
            packed, long = struct.pack(f"{sign}I", behind + len(long)), long + packed
        entries += struct.pack(f"{sign}HHI", tag, _LONG, len(values)) + packed
    content[:8] = struct.pack(f"{sign}2sHI", order, 42, at)
    return content + struct.pack(f"{sign}H", len(fields)) + entries + bytes(4) + long


def _bits(picture: TiffImagePlugin.TiffImageFile) -> int:
    return int(picture.tag_v2.get(_BITS, (1,))[0])


def is_white_zero(picture: Image.Image) -> bool:
    """Tell "white is zero" TIFFs of more than 8 bits: Pillow does not invert those itself."""
    is_deep = picture.mode.startswith("I;16") or picture.mode in ("I", "F")
    if not is_deep or not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return False
    return picture.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def as_stored(pixels: NDArray[Any], picture: Image.Image) -> NDArray[Any]:
    """Return grey values with the sign of the file: of 8 bits Pillow drops it, of 32 adds one."""
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return pixels
    sample_format = picture.tag_v2.get(_SAMPLE_FORMAT, (_UNSIGNED,))
    if picture.mode == "L" and sample_format == (_SIGNED,):
        return pixels.view(np.int8)
    if picture.mode == "I" and sample_format == (_UNSIGNED,) and pixels.dtype == np.int32:
        return pixels.view(np.uint32)
    return pixels


def bits_of_unknown(file: BinaryIO) -> int | None:
    """Return the bits of a sample in a TIFF file with a whole header, else None."""
    file.seek(0)
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        starts = tags.get(_STRIPS) or tags[_TILES]
        is_whole = max(starts) < file.seek(0, 2)
        return int(tags[_BITS][0]) if is_whole else None
    except (KeyError, IndexError, TypeError, ValueError, SyntaxError, struct.error, OSError):
        return None
