"""PNG, JPEG, TIFF, BMP, WebP and GIF through Pillow.

A resolution in these files is meant for printing and says nothing about the
patient, so the pixel spacing stays unknown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

from spinealign.domain import formats
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.formats import ImageFormat
from spinealign.domain.image import ImagePart, NoteKind, ReaderNote, SpineImage
from spinealign.domain.study import SeriesEntry
from spinealign.imaging import tiff
from spinealign.imaging.decoding import (
    COLOUR_NOTE,
    check_plausible,
    check_size,
    checksum,
    is_coloured,
    luminance,
    make_image,
)
from spinealign.imaging.raster_whole import (
    check_decoded,
    check_stored,
    holds_zeros,
    png_without_texts,
)

_SEARCHED_BYTES = 65_536
_BIG_ENDIAN_BIGTIFF = b"MM\x00\x2b"
_MARKER = 0xFF
_LOSSLESS_FRAMES = (0xC3, 0xC7, 0xCB, 0xCF, 0xF7)
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC5, 0xC6, 0xC9, 0xCA, 0xCD, 0xCE)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings each orientation upright (Exif 2.32, tag 0x0112; TIFF 6.0, tag 274)."""


def read_raster(part: ImagePart, file: BinaryIO, file_format: ImageFormat) -> SpineImage:
    """Read an ordinary picture file as grey values; the first page when `part` names none.

    Raises
    ------
    ImageReadError
        The picture is too large, too small or damaged.
    Exception
        Anything that Pillow raises on damaged bytes.
    """
    sha256 = checksum(file)
    with _open(part.path, file, file_format) as picture:
        notes = _choose_page(picture, part)
        check_size(part.path, picture.height, picture.width)
        _check_decoded_size(part.path, file, picture)
        check_stored(part.path, file, picture)
        if detail := tiff.unsupported_layout(picture):
            raise ImageReadError(part.path, ReadProblem.UNSUPPORTED_PIXELS, detail)
        if holds_zeros(file, picture):
            notes.append(ReaderNote(NoteKind.ZEROS_IN_DATA))
        pixels, bits = _grey_of_page(part, file, file_format, picture, notes)
    return make_image(part, sha256, pixels, bits, file_format=file_format.name, notes=tuple(notes))


def _grey_of_page(
    part: ImagePart,
    file: BinaryIO,
    file_format: ImageFormat,
    picture: Image.Image,
    notes: list[ReaderNote],
) -> tuple[NDArray[Any], int]:
    """Decode the page at which a file stands: grey values (H, W), and bits."""
    is_deep_colour = _is_deep_colour(picture)
    turn = _turn_of(picture)  # of a PNG this decodes the picture
    if turn is not None:
        notes.append(ReaderNote(NoteKind.TURNED_BY_EXIF))
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        turn = None  # its decoders turn it themselves
    if is_deep_colour:
        return _deep_grey(_deep_samples(file, picture), turn, notes), 16
    if tiff.has_deep_planes(picture):
        picture = tiff.plane(file, picture, 0)
    white_is_zero = tiff.is_white_zero(picture)
    tiff.settle_order(picture)
    picture.load()
    check_decoded(part.path, file, picture)
    upright = picture if turn is None else picture.transpose(turn)
    pixels, bits = _to_grey(upright, file_format, notes)
    pixels = tiff.as_stored(pixels, picture)
    if pixels.dtype == np.int8:
        bits = 16  # 8 would promise display values 0..255
    if white_is_zero:
        ends = 65535 if bits == 16 else float(pixels.min()) + float(pixels.max())
        pixels = ends - pixels.astype(np.float32)
    return pixels, bits


def raster_entries(part: ImagePart, file: BinaryIO, file_format: ImageFormat) -> list[SeriesEntry]:
    """Return the pages or frames of a picture file as a series, reduced copies as another."""
    with _open(part.path, file, file_format) as picture:
        groups = tiff.picture_pages(picture)
        is_only = int(getattr(picture, "n_frames", 1)) == 1
    if is_only:
        return [SeriesEntry((part,), file_format.name)]
    return [
        SeriesEntry(
            tuple(ImagePart(part.path, part.member, page) for page in group), file_format.name
        )
        for group in groups
    ]


def _open(path: Path, file: BinaryIO, file_format: ImageFormat) -> Image.Image:
    """Open without decoding; only the decoder of the format seen is let near the file."""
    if file_format is formats.WEBP:
        _check_webp_size(path, file)
    file.seek(0)
    # Text of 1 MB is refused unless told otherwise; 64 MB of all texts together stay its limit.
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
    try:
        return Image.open(file, formats=(file_format.name.upper(),))
    except Image.DecompressionBombError:
        raise ImageReadError(path, ReadProblem.TOO_LARGE) from None
    except ValueError:
        if file_format is not formats.PNG:
            raise
        return Image.open(png_without_texts(file), formats=("PNG",))
    except UnidentifiedImageError:
        detail = _unsupported(file, file_format)
        if not detail:
            raise
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_PIXELS, detail) from None


def _unsupported(file: BinaryIO, file_format: ImageFormat) -> str:
    """Return what a sound file is that Pillow cannot read; empty for a damaged one."""
    file.seek(0)
    head = file.read(_SEARCHED_BYTES)
    if head.startswith(_BIG_ENDIAN_BIGTIFF):
        return "big-endian BigTIFF"
    if file_format is formats.JPEG:
        return _unusual_jpeg(head)
    bits = tiff.bits_of_unknown(file) if file_format is formats.TIFF else None
    return "" if bits is None else f"{bits} bits"


def _unusual_jpeg(head: bytes) -> str:
    """Return what kind of JPEG this is, if not the usual one of 8 bits (ITU-T T.81 B.2.2)."""
    place = 2
    while place + 5 <= len(head) and head[place] == _MARKER:
        marker, length = head[place + 1], int.from_bytes(head[place + 2 : place + 4], "big")
        if marker in _LOSSLESS_FRAMES:
            return "lossless JPEG"
        if marker in _FRAMES:
            return "" if head[place + 4] == 8 else f"JPEG of {head[place + 4]} bits"
        place += 2 + length
    return ""


def _check_webp_size(path: Path, file: BinaryIO) -> None:
    """Look at the canvas that a WebP file claims: Pillow takes memory for it when opening."""
    file.seek(0)
    head = file.read(30)
    if len(head) < 30:
        raise ImageReadError(path, ReadProblem.TRUNCATED)
    if head[12:16] == b"VP8X":
        cols, rows = (int.from_bytes(head[k : k + 3], "little") + 1 for k in (24, 27))
    elif head[12:16] == b"VP8L":
        packed = int.from_bytes(head[21:25], "little")
        cols, rows = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        cols, rows = (int.from_bytes(head[k : k + 2], "little") & 0x3FFF for k in (26, 28))
    check_size(path, rows, cols)


def _check_decoded_size(path: Path, file: BinaryIO, picture: Image.Image) -> None:
    place = file.tell()
    decoded = picture.width * picture.height * len(picture.getbands())
    check_plausible(path, decoded, file.seek(0, 2))
    file.seek(place)


def _choose_page(picture: Image.Image, part: ImagePart) -> list[ReaderNote]:
    pages = getattr(picture, "n_frames", 1)
    if part.index is not None:
        picture.seek(part.index)
        return []
    if pages == 1:
        return []
    page = tiff.picture_pages(picture)[0][0]
    picture.seek(page)
    return [ReaderNote(NoteKind.PAGE_TAKEN, (page + 1, pages))]


def _is_deep_colour(picture: Image.Image) -> bool:
    """Tell 16-bit colour, of which Pillow keeps only 8 bits."""
    is_deep = ";16" in repr(getattr(picture, "tile", "")) or tiff.has_deep_planes(picture)
    return is_deep and picture.mode in ("RGB", "RGBA", "LA")


def _deep_samples(file: BinaryIO, picture: Image.Image) -> NDArray[np.uint16]:
    """Decode 16-bit colour (H, W, samples), all bits kept; the last of 2 or 4 is transparency."""
    if tiff.has_deep_planes(picture):
        planes = [tiff.plane(file, picture, number) for number in range(len(picture.getbands()))]
        return np.stack([np.asarray(each, np.uint16) for each in planes], axis=-1)
    file.seek(0)
    content = np.frombuffer(file.read(), np.uint8)
    page = picture.tell()
    found, pages = cv2.imdecodemulti(content, cv2.IMREAD_UNCHANGED, range=(page, page + 1))
    if not found or pages[0].dtype != np.uint16:
        raise ValueError("no 16-bit picture")
    pixels = np.asarray(pages[0], np.uint16)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return pixels if pixels.shape[2] < 3 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def _deep_grey(
    pixels: NDArray[np.uint16], turn: Image.Transpose | None, notes: list[ReaderNote]
) -> NDArray[np.float32]:
    """Turn 16-bit colour (H, W, samples) grey (H, W) and upright."""
    rgb = pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
    if is_coloured(rgb, 65535):
        notes.append(COLOUR_NOTE)
    grey = luminance(rgb)
    alpha = pixels[..., -1] if pixels.shape[2] in (2, 4) else None
    if alpha is not None and alpha.max() == 0:  # nothing would be left to see
        notes.append(ReaderNote(NoteKind.TRANSPARENCY_IGNORED))
    elif alpha is not None and alpha.min() < 65535:
        notes.append(ReaderNote(NoteKind.TRANSPARENT))
        grey *= alpha / np.float32(65535)
    return grey if turn is None else np.asarray(Image.fromarray(grey).transpose(turn))


def _turn_of(picture: Image.Image) -> Image.Transpose | None:
    """Return how a picture is turned upright by its orientation tag; None for not at all."""
    return _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))


def _to_grey(
    picture: Image.Image, file_format: ImageFormat, notes: list[ReaderNote]
) -> tuple[NDArray[Any], int]:
    """Return grey values (H, W) and their bits; what had to be decided goes to `notes`."""
    if picture.mode.startswith("I;16"):
        return np.asarray(picture), 16
    if picture.mode in ("I", "F"):
        # Pillow before 11 opens 16-bit PNG files with this mode.
        return np.asarray(picture), 16 if file_format is formats.PNG else 32
    if picture.mode == "LAB":
        notes.append(COLOUR_NOTE)
        return np.asarray(picture.getchannel(0)), 8
    if picture.mode == "La":  # grey that is already multiplied by its transparency
        picture = picture.convert("LA")
    if picture.has_transparency_data:
        picture = _on_black(picture, notes)
    if picture.mode not in ("1", "L"):
        picture = picture.convert("RGB")
        if is_coloured(np.asarray(picture), 255):
            notes.append(COLOUR_NOTE)
    return np.asarray(picture.convert("L")), 8


def _on_black(picture: Image.Image, notes: list[ReaderNote]) -> Image.Image:
    picture = picture.convert("RGBA")
    lowest, highest = picture.getchannel("A").getextrema()
    if lowest == 255:
        return picture
    if highest == 0:  # nothing would be left to see
        notes.append(ReaderNote(NoteKind.TRANSPARENCY_IGNORED))
        return picture.convert("RGB")
    notes.append(ReaderNote(NoteKind.TRANSPARENT))
    background = Image.new("RGBA", picture.size, (0, 0, 0, 255))
    background.alpha_composite(picture)
    return background
