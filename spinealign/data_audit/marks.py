"""Bright marks and letters put on a picture after it was taken: wherever they lie, and where.

What was drawn on a picture is of one brightness inside and ends within two pixels. Tissue that is
as bright and as even fades over more of them on some side, because a scanner blurs what it sees.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE_PX: Final = 1024
"""Larger pictures are looked at this large: a network sees less of them."""

_EVEN: Final = 2
"""Grey values by which a square of 2 x 2 pixels may differ inside a mark."""

_BRIGHT: Final = 0.5
"""Of the picture's maximum, to be a mark at all."""

_LEAST_AREA_PX: Final = 20
_LARGEST: Final = 0.02
"""Share of the picture; what is larger is the patient."""

_TALLEST: Final = 0.25
_STEP: Final = 0.5
"""Of the maximum, by which a pixel exceeds the darkest beside it, to lie at a sharp edge."""

_LEAST_STEP: Final = 0.15
_LEAST_EDGE_PX: Final = 4
"""Parts with fewer pixels near an edge of `_LEAST_STEP` are not looked at closer."""

_DARKER_SHARES: Final = (10, 25)
_GRID: Final = 16


def mark_numbers(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Return by how much the most mark-like part of a picture exceeds what surrounds it.

    Parameters
    ----------
    grey : ndarray of uint8, shape (H, W)

    Returns
    -------
    dict of str to float
        Shares of the picture's maximum. Of the pixels two beside an even bright part, a tenth (a
        quarter) exceed it less: 0 where such a part fades on one side, large where it ends
        sharply all round.
    """
    steps = [_steps_around(*part) for part in _even_parts(_working(grey))]
    best = np.max(steps, axis=0) if steps else np.zeros(len(_DARKER_SHARES))
    return {
        f"sharp edge around {100 - share} % of a bright patch": float(value)
        for share, value in zip(_DARKER_SHARES, best, strict=True)
    }


def mark_place_numbers(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Return how much of each cell of 16 x 16 lies at a sharp edge, bright side."""
    small = _working(grey)
    sharp = (_above_darkest(small, 5) >= _STEP * _maximum(small)).astype(np.float32)
    cells = cv2.resize(sharp, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    return {
        f"sharp bright edges in row {row + 1}, column {column + 1} of {_GRID}": float(
            cells[row, column]
        )
        for row, column in np.ndindex(cells.shape)
    }


def _working(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = _SIDE_PX / max(grey.shape)
    if factor >= 1:
        return grey
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def _maximum(grey: NDArray[np.uint8]) -> float:
    return max(float(grey.max()), 1.0)


def _above_darkest(grey: NDArray[np.uint8], side_px: int) -> NDArray[np.int16]:
    """Return by how much each pixel exceeds the darkest of the square around it."""
    darkest = cv2.erode(grey, np.ones((side_px, side_px), np.uint8))
    return np.asarray(grey.astype(np.int16) - darkest, np.int16)


def _even_parts(
    grey: NDArray[np.uint8],
) -> list[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
    """Return small bright even parts near a sharp edge: mask and shares of the maximum, (h, w)."""
    square = np.ones((2, 2), np.uint8)
    differs = cv2.dilate(grey, square) - cv2.erode(grey, square)
    is_even = cv2.dilate((differs <= _EVEN).astype(np.uint8), square, anchor=(1, 1))
    most = _maximum(grey)
    is_bright = (is_even > 0) & (grey >= _BRIGHT * most)
    count, places, sizes, _ = cv2.connectedComponentsWithStats(
        is_bright.astype(np.uint8), connectivity=4
    )
    near = (_above_darkest(grey, 7) >= _LEAST_STEP * most).ravel()
    edges = np.bincount(places.ravel(), near, minlength=count)
    kept = (edges >= _LEAST_EDGE_PX) & (sizes[:, 4] >= _LEAST_AREA_PX)
    kept &= (sizes[:, 4] <= _LARGEST * grey.size) & (sizes[:, 3] <= _TALLEST * grey.shape[0])
    found = []
    for one in np.flatnonzero(kept[1:]) + 1:
        left, top, width, height = (int(value) for value in sizes[one, :4])
        rows = slice(max(top - 3, 0), top + height + 3)
        columns = slice(max(left - 3, 0), left + width + 3)
        mask = (places[rows, columns] == one).astype(np.uint8)
        found.append((mask, grey[rows, columns] / most))
    return found


def _steps_around(mask: NDArray[np.uint8], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lower percentiles of what a part has above the pixels two beside it, at least 0."""
    beside = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    ring = (cv2.dilate(mask, np.ones((5, 5), np.uint8)) > 0) & (beside == 0)
    if not ring.any():
        return np.zeros(len(_DARKER_SHARES))
    above = float(np.median(values[mask > 0])) - values[ring]
    return np.asarray(np.maximum(np.percentile(above, _DARKER_SHARES), 0.0), np.float64)
