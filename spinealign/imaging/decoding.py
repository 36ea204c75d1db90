"""What every image reader shares: limits, silence, and the last step to a `SpineImage`."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import SpineImage

MAX_SIDE_PX = 16_384
MAX_MEGAPIXELS = 120
MIN_SIDE_PX = 32

COLOUR_NOTE = "Colour picture, turned to grey."

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_COLOURED_SPREAD = 0.1
_COLOURED_SHARE = 0.01


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


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence warnings and logs of the decoders: they quote values, also of patients."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "nibabel", "PIL")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def luminance(rgb: NDArray[Any]) -> NDArray[np.float32]:
    """Turn colour (H, W, 3) into grey (H, W) in the same range of values."""
    grey: NDArray[np.float32] = rgb.astype(np.float32) @ _LUMA
    return grey


def is_coloured(rgb: NDArray[Any], full_scale: float) -> bool:
    """Tell a colour picture (H, W, 3) from a grey one that is stored with three channels.

    The rounding of JPEG's chroma and a small coloured marker do not count.
    """
    step = max(1, max(rgb.shape[:2]) // 512)
    spread = np.ptp(rgb[::step, ::step].astype(np.float32), axis=2)
    return bool(np.mean(spread > _COLOURED_SPREAD * full_scale) > _COLOURED_SHARE)


def make_image(path: Path, pixels: NDArray[Any], bits: int, **fields: Any) -> SpineImage:
    """Check decoded grey values (H, W) and wrap them up.

    Values that are not finite become the smallest finite one.

    Parameters
    ----------
    path : Path
        The file that was read; its checksum is taken here.
    pixels : ndarray, shape (H, W)
        Grey values, bright means bright.
    bits : int
        Bits of the stored grey values.
    **fields
        The other fields of `SpineImage`.

    Raises
    ------
    ImageReadError
        CONSTANT: all pixels are equal, so there is nothing to see.
    """
    grey = np.array(pixels, dtype=np.float32, order="C")
    finite = np.isfinite(grey)
    if not finite.all():
        grey[~finite] = grey[finite].min() if finite.any() else 0.0
    if grey.min() == grey.max():
        raise ImageReadError(path, ReadProblem.CONSTANT)
    return SpineImage(grey, bits, source_path=path, sha256=_sha256(path), **fields)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
