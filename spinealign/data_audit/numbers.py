"""Numbers of one picture that should not tell its class, and what they are taken from.

Each is plain enough that somebody can check it by hand; the trees of `shortcuts` decide on them.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.descriptors import stretched

THUMBNAIL_SIDE: Final = 16
_FRAME_SIDE: Final = 32
_FRAME_WIDTH: Final = 2
"""The border is the outer 2 of 32: 6 % of the picture on each side."""

_GRID: Final = 8
_MARKER_SIDE: Final = 128
_EXTREMES: Final = (4, 251)
_LEAST_MARKER_PX: Final = 6
_LARGEST_MARKER: Final = 0.04
"""Share of the picture; what is larger is the patient, or the air around him."""

_LEAST_FILLED: Final = 0.7
_PROFILE: Final = 8
_LEVEL_SIDE: Final = 96
_BRIGHT: Final = 0.9


def histogram_numbers(pixels: NDArray[np.float32]) -> dict[str, float]:
    """Return five numbers of the grey values as stored: mean, spread, median and outer deciles."""
    low, middle, high = np.percentile(pixels, (10, 50, 90))
    return {
        "mean": float(pixels.mean()),
        "spread": float(pixels.std()),
        "lowest tenth": float(low),
        "median": float(middle),
        "highest tenth": float(high),
    }


def noise_numbers(pixels: NDArray[np.float32]) -> dict[str, float]:
    """Return how noisy and how sharp a picture is, relative to its range, and its grey levels."""
    low, high = np.percentile(pixels, (0.5, 99.5))
    scaled = pixels / max(float(high - low), 1e-6)
    fine = scaled - cv2.medianBlur(np.ascontiguousarray(scaled, np.float32), 3)
    return {
        "noise": float(np.median(np.abs(fine))),
        "mean noise": float(np.abs(fine).mean()),
        "sharpness": float(np.log(cv2.Laplacian(scaled, cv2.CV_32F).var() + 1e-9)),
        "grey levels": float(len(np.unique(pixels))),
    }


def thumbnail(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the picture as 16 x 16 values, (256,) float32 0..1."""
    side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    small = cv2.resize(stretched(grey), side, interpolation=cv2.INTER_AREA)
    return np.asarray(small.astype(np.float32).ravel() / 255, np.float32)


def border(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the outer 6 % of the picture, (240,) float32 0..1, not stretched."""
    small = cv2.resize(grey, (_FRAME_SIDE, _FRAME_SIDE), interpolation=cv2.INTER_AREA)
    outside = np.ones(small.shape, bool)
    outside[_FRAME_WIDTH:-_FRAME_WIDTH, _FRAME_WIDTH:-_FRAME_WIDTH] = False
    return np.asarray(small[outside].astype(np.float32) / 255, np.float32)


def marker_numbers(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Return how much of each place is filled by small flat patches of black or white.

    Something stuck on, a square or a letter of lead, is flat, extreme, compact and small; bone
    and air are none of it for long.
    """
    side = (_MARKER_SIDE, _MARKER_SIDE)
    small = cv2.resize(stretched(grey), side, interpolation=cv2.INTER_NEAREST)
    found = np.zeros(small.shape, np.uint8)
    numbers = {}
    for name, extreme in (("white", small >= _EXTREMES[1]), ("black", small <= _EXTREMES[0])):
        kept = _compact(extreme.astype(np.uint8))
        numbers[f"{name} patches"] = float(kept.mean())
        found |= kept
    step = _MARKER_SIDE // _GRID
    cells = found.reshape(_GRID, step, _GRID, step).mean(axis=(1, 3))
    for row, column in np.ndindex(cells.shape):
        numbers[f"patch in row {row + 1}, column {column + 1} of {_GRID}"] = float(
            cells[row, column]
        )
    return numbers


def _compact(extreme: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, places, sizes, _ = cv2.connectedComponentsWithStats(extreme, connectivity=4)
    kept = np.zeros(count, np.uint8)
    for one in range(1, count):
        _, _, width, height, area = (int(value) for value in sizes[one])
        is_small = _LEAST_MARKER_PX <= area <= _LARGEST_MARKER * extreme.size
        kept[one] = is_small and area >= _LEAST_FILLED * width * height
    return np.asarray(kept[places], np.uint8)


def level_numbers(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Return where and how large the body is in the picture, and how much of it is bright.

    Levels of the body differ in their outline: a skull, a neck, shoulders.
    """
    side = (_LEVEL_SIDE, _LEVEL_SIDE)
    small = cv2.resize(stretched(grey), side, interpolation=cv2.INTER_AREA)
    _, body = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    rows, columns = np.nonzero(body)
    if not len(rows):
        rows = columns = np.array([0, _LEVEL_SIDE - 1])
    bright = (small >= _BRIGHT * 255).astype(np.float32)
    numbers = {
        "body": float(body.mean()),
        "body height": float(rows.max() - rows.min() + 1) / _LEVEL_SIDE,
        "body width": float(columns.max() - columns.min() + 1) / _LEVEL_SIDE,
        "middle row": float(rows.mean()) / _LEVEL_SIDE,
        "middle column": float(columns.mean()) / _LEVEL_SIDE,
        "bright": float(bright.mean()),
    }
    step = _LEVEL_SIDE // _PROFILE
    for band, share in enumerate(body.reshape(_PROFILE, step, -1).mean(axis=(1, 2)), start=1):
        numbers[f"body in band {band} of {_PROFILE}"] = float(share)
    return numbers
