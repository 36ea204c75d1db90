"""Shared by all image readers: size limits, suppressed warnings, building a `SpineImage`."""

from __future__ import annotations

import errno
import hashlib
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem, SpineAlignError
from spinealign.domain.image import MAX_ASPECT, ImagePart, NoteKind, ReaderNote, SpineImage

MAX_SIDE_PX = 16_384
MAX_MEGAPIXELS = 64
MIN_SIDE_PX = 32
BLOCK_ROWS = 512
"""Rows computed at once where a wider copy of all of them would take much memory."""

MOST_OF_A_VALUE = 1e30
"""Scales and offsets of grey values beyond this are not believed; single precision ends at 3e38."""

COLOUR_NOTE = ReaderNote(NoteKind.COLOUR_TO_GREY)

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_COLOURED_SPREAD = 0.1
_COLOURED_SHARE = 0.01
_SQUARE_WITHIN = 0.001
_UNSUSPECTED_BYTES = 16 << 20
_MAX_RATIO = 1000


def check_size(path: Path, rows: int, cols: int) -> None:
    """Refuse pictures that are too large or too small; to be asked before decoding.

    Raises
    ------
    ImageReadError
        TOO_LARGE or TOO_SMALL, with "columns x rows" as detail.
    """
    detail = f"{cols} x {rows}"
    if max(rows, cols) > MAX_SIDE_PX or rows * cols > MAX_MEGAPIXELS * 1_000_000:
        raise ImageReadError(path, ReadProblem.TOO_LARGE, detail)
    if min(rows, cols) < MIN_SIDE_PX:
        raise ImageReadError(path, ReadProblem.TOO_SMALL, detail)


def is_factor(number: float) -> bool:
    """Tell whether values can be scaled by a number and stay apart in single precision."""
    return 1 / MOST_OF_A_VALUE < abs(number) < MOST_OF_A_VALUE


def is_offset(number: float) -> bool:
    """Tell whether a number can be added to values."""
    return abs(number) < MOST_OF_A_VALUE


def check_plausible(path: Path, decoded_bytes: int, stored_bytes: int) -> None:
    """Refuse a small file that claims to unpack to a very large picture.

    No picture with anything to see compresses a thousandfold.

    Raises
    ------
    ImageReadError
        TRUNCATED
    """
    if decoded_bytes > _UNSUSPECTED_BYTES and decoded_bytes > _MAX_RATIO * stored_bytes:
        raise ImageReadError(path, ReadProblem.TRUNCATED)


class _Quiet:
    """Silence of the libraries, as long as any thread needs it."""

    def __init__(self, *names: str) -> None:
        self._loggers = [logging.getLogger(name) for name in names]
        self._lock, self._count, self._until = threading.Lock(), 0, ExitStack()

    def begin(self) -> None:
        with self._lock:
            if not self._count:
                self._silence()
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                self._until.close()

    def _silence(self) -> None:
        for logger in self._loggers:
            self._until.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        self._until.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")


_quiet = _Quiet("pydicom", "nibabel", "PIL", "highdicom")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence warnings and logs of the libraries: they quote values, also of patients.

    What is silenced belongs to the whole process, so of several threads the first one silences it
    and the last one to end brings it back.
    """
    _quiet.begin()
    try:
        yield
    finally:
        _quiet.end()


def luminance(rgb: NDArray[Any]) -> NDArray[np.float32]:
    """Turn colour (H, W, 3) into grey (H, W) in the same range of values.

    In double precision and channel by channel: the last bits of a matrix product depend on the
    processor, and 32-bit values on those bits.
    """
    grey = np.empty(rgb.shape[:2], np.float32)
    for top in range(0, len(rgb), BLOCK_ROWS):
        rows = slice(top, top + BLOCK_ROWS)
        red, green, blue = (
            rgb[rows, :, channel].astype(np.float64) * weight
            for channel, weight in enumerate(_LUMA)
        )
        grey[rows] = red + green + blue
    return grey


def is_coloured(rgb: NDArray[Any], full_scale: float) -> bool:
    """Tell a colour picture (H, W, 3) from a grey one that is stored with three channels.

    The rounding of JPEG's chroma and a small coloured marker do not count.
    """
    step = max(1, max(rgb.shape[:2]) // 512)
    red, green, blue = np.moveaxis(rgb[::step, ::step].astype(np.float32), 2, 0)
    # Ten times as fast as a reduction along three values.
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return bool(np.mean(spread > _COLOURED_SPREAD * full_scale) > _COLOURED_SHARE)


def make_image(
    part: ImagePart, sha256: str, pixels: NDArray[Any], bits: int, **fields: Any
) -> SpineImage:
    """Wrap decoded grey values (H, W) up.

    Values that are not finite become the smallest finite one.

    Parameters
    ----------
    part : ImagePart
        What was read.
    sha256 : str
        Checksum of the file, from `checksum`.
    pixels : ndarray, shape (H, W)
        Grey values, bright means bright.
    bits : int
        Bits of the stored grey values.
    **fields
        The other fields of `SpineImage`.
    """
    grey = np.array(pixels, dtype=np.float32, order="C")
    finite = np.isfinite(grey)
    if not finite.all():
        grey[~finite] = grey[finite].min() if finite.any() else 0.0
    return SpineImage(grey, bits, source_path=part.path, sha256=sha256, part=part, **fields)


def require_content(image: SpineImage) -> SpineImage:
    """Return the image, unless there is nothing to see in it.

    Raises
    ------
    ImageReadError
        CONSTANT: all pixels are equal.
    """
    if image.pixels.min() == image.pixels.max():
        raise ImageReadError(image.source_path, ReadProblem.CONSTANT)
    return image


def make_square(
    path: Path, pixels: NDArray[Any], aspect: float
) -> tuple[NDArray[Any], tuple[ReaderNote, ...]]:
    """Stretch a picture whose pixels have no known size but are known not to be square.

    Parameters
    ----------
    path : Path
    pixels : ndarray, shape (H, W)
    aspect : float
        Height of a pixel divided by its width; absurd ones are ignored.

    Returns
    -------
    pixels : ndarray, shape (H', W')
        The shorter side of a pixel is kept.
    notes : tuple of ReaderNote
    """
    if abs(aspect - 1) < _SQUARE_WITHIN or not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
        return pixels, ()
    rows = round(pixels.shape[0] * max(aspect, 1))
    cols = round(pixels.shape[1] * max(1 / aspect, 1))
    check_size(path, rows, cols)
    stretched = cv2.resize(pixels.astype(np.float32), (cols, rows), interpolation=cv2.INTER_LINEAR)
    height, width = (round(max(v, 1), 3) for v in (aspect, 1 / aspect))
    return stretched, (ReaderNote(NoteKind.MADE_SQUARE, (f"{height:g}", f"{width:g}")),)


def checksum(file: BinaryIO) -> str:
    """Return the SHA-256 of a whole open file, which is rewound before and after."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn whatever decoders raise on hostile bytes into an `ImageReadError`, silently."""
    try:
        with quiet_libraries():
            yield
    except SpineAlignError:
        raise
    except MemoryError:
        raise ImageReadError(path, ReadProblem.TOO_LARGE) from None
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
        # Not chained: the library's message may quote values of the patient.
        raise ImageReadError(path, _problem_of(error)) from None


def _problem_of(error: Exception) -> ReadProblem:
    # The system's own failures carry a number; "file is truncated" does not. A place that
    # does not exist in the file (EINVAL) is the damaged file's own fault.
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        return ReadProblem.UNREADABLE
    return ReadProblem.TRUNCATED
