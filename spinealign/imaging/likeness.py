"""A mark of what a picture shows, which stays when it is stored or sized otherwise."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

_RANGE_PERCENTILES: Final = (0.5, 99.5)
"""Black and white, so that windows and bits a pixel do not matter."""

_SIDE_PX: Final = 64
"""The whole picture squeezed into a square: its size and shape do not matter."""

_SKIPPED: Final = 15
"""Slowest waves, which all films of one kind share: a bright column on dark ground."""

_BITS: Final = 128


def _waves() -> NDArray[np.int64]:
    """Return rows and columns of the waves that count, (128, 2), the slowest first."""
    every = [(row, column) for row in range(_SIDE_PX) for column in range(_SIDE_PX)]
    every.sort(key=lambda at: (at[0] + at[1], at))
    return np.array(every[_SKIPPED : _SKIPPED + _BITS], np.int64)


_WAVES: Final = _waves()


def content_mark(pixels: NDArray[np.float32]) -> str:
    """Return 128 bits of a picture as 32 hex digits: which of its middling waves are positive.

    The signs of coefficients of the discrete cosine transform, as in perceptual hashes (Zauner
    2010, Implementation and benchmarking of perceptual image hash functions, section 3.2.1), of
    finer waves than is usual. `domain.trained_on` says how many may differ in copies.

    Parameters
    ----------
    pixels : (rows, cols) float32
        Grey values in any unit.
    """
    return _mark(_squeezed(pixels))


def moved_marks(pixels: NDArray[np.float32]) -> tuple[str, ...]:
    """Return the marks of a picture mirrored and turned by quarter turns, without its own: seven.

    Parameters
    ----------
    pixels : (rows, cols) float32
        Grey values in any unit.
    """
    small = _squeezed(pixels)
    every = [np.rot90(side, turns) for side in (small, small[:, ::-1]) for turns in range(4)]
    return tuple(_mark(each) for each in every[1:])


def _squeezed(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = np.percentile(pixels, _RANGE_PERCENTILES)
    grey = np.clip((pixels - low) * (255 / max(float(high - low), 1e-6)), 0, 255)
    sides = (_SIDE_PX, _SIDE_PX)
    small = cv2.resize(grey.astype(np.float32), sides, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _mark(small: NDArray[np.float32]) -> str:
    found = np.asarray(dctn(small, norm="ortho"))[_WAVES[:, 0], _WAVES[:, 1]]
    return np.packbits(found > 0).tobytes().hex()
