"""PNG, JPEG, TIFF, BMP, WebP and GIF through Pillow.

A resolution in these files is meant for printing and says nothing about the
patient, so the pixel spacing stays unknown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import SpineImage
from spinealign.imaging.decoding import COLOUR_NOTE, check_size, is_coloured, make_image
from spinealign.imaging.sniff import FileFormat

_WHITE_IS_ZERO = 0


def read_raster(path: Path, file_format: FileFormat) -> SpineImage:
    """Read an ordinary picture file as grey values.

    Raises
    ------
    ImageReadError
        The picture is too large, too small, damaged or constant.
    Exception
        Anything that Pillow raises on damaged bytes.
    """
    with _open(path, file_format) as picture:
        check_size(path, picture.height, picture.width)
        notes = [*_depth_notes(picture), *_frame_notes(picture)]
        picture.load()
        white_is_zero = _is_deep_white_is_zero(picture)
        upright = _turn_upright(picture, notes)
        pixels, bits = _to_grey(upright, file_format, notes)
    if white_is_zero:
        pixels = 65535 - pixels.astype(np.float32)
    return make_image(path, pixels, bits, file_format=file_format.value, notes=tuple(notes))


def _open(path: Path, file_format: FileFormat) -> Image.Image:
    """Open without decoding; only the decoder of the format seen is let near the file."""
    try:
        return Image.open(path, formats=(file_format.value.upper(),))
    except Image.DecompressionBombError:
        raise ImageReadError(path, ReadProblem.TOO_LARGE) from None


def _frame_notes(picture: Image.Image) -> list[str]:
    frames = getattr(picture, "n_frames", 1)
    return [f"First of {frames} frames or pages."] if frames > 1 else []


def _depth_notes(picture: Image.Image) -> list[str]:
    stored_as = repr(getattr(picture, "tile", ""))
    deep_colour = picture.mode in ("RGB", "RGBA", "LA") and ";16" in stored_as
    return ["16-bit colour, read with 8 bits."] if deep_colour else []


def _turn_upright(picture: Image.Image, notes: list[str]) -> Image.Image:
    if picture.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9):
        notes.append("Turned upright as the file's orientation tag says.")
        return ImageOps.exif_transpose(picture)
    return picture


def _is_deep_white_is_zero(picture: Image.Image) -> bool:
    """Tell 16-bit "white is zero" TIFFs, the only ones Pillow does not invert itself."""
    if not picture.mode.startswith("I;16") or not isinstance(
        picture, TiffImagePlugin.TiffImageFile
    ):
        return False
    return picture.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO


def _to_grey(
    picture: Image.Image, file_format: FileFormat, notes: list[str]
) -> tuple[NDArray[Any], int]:
    """Return grey values (H, W) and their bits; what had to be decided goes to `notes`."""
    if picture.mode.startswith("I;16"):
        return np.asarray(picture), 16
    if picture.mode in ("I", "F"):
        # Pillow before 11 opens 16-bit PNG files with this mode.
        return np.asarray(picture), 16 if file_format is FileFormat.PNG else 32
    if picture.mode == "LAB":
        notes.append(COLOUR_NOTE)
        return np.asarray(picture.getchannel(0)), 8
    if picture.has_transparency_data:
        picture = _on_black(picture, notes)
    if picture.mode not in ("1", "L"):
        picture = picture.convert("RGB")
        if is_coloured(np.asarray(picture), 255):
            notes.append(COLOUR_NOTE)
    return np.asarray(picture.convert("L")), 8


def _on_black(picture: Image.Image, notes: list[str]) -> Image.Image:
    picture = picture.convert("RGBA")
    lowest = picture.getchannel("A").getextrema()[0]
    if lowest == 255:
        return picture
    notes.append("Transparent pixels are shown on black.")
    background = Image.new("RGBA", picture.size, (0, 0, 0, 255))
    background.alpha_composite(picture)
    return background
