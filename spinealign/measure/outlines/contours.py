"""Contours between pixels: where a smooth map crosses a level."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Points = NDArray[np.float64]

_NEWTON_STEPS = 4
"""Steps of a point onto the level.

Source: numerical resolution; twice as many change no angle of two training slices of
mr_segmentation by more than 0.02 degrees.
"""

_MAX_STEP_PX = 0.7
"""Longest step of a point onto the level, in pixels of the map.

Source: numerical resolution; half of it changes no angle of two training slices of mr_segmentation
by more than 0.03 degrees.
"""

_THINNING_PX = 0.06
"""Largest distance of a point that is left out from the line between its neighbours, in pixels.

Source: numerical resolution; half of it changes no angle of two training slices of mr_segmentation
by 0.01 degrees.
"""

_MIN_POINTS = 4
"""Fewest points of a contour that encloses anything. Source: convention of this program."""

_PADDING_PX = 2
"""Width of the empty border around a map, in pixels, so that contours close.

Source: convention of this program.
"""

_SOBEL_SUM = 8
"""What Sobel's kernel of 3 x 3 gives for a slope of one a pixel.

Source: the kernel's own numbers (1, 2, 1; -1, 0, 1).
"""


def level_contour(field: Array, level: float = 0.5) -> Points | None:
    """Trace the longest closed line on which a smooth map has a value.

    Parameters
    ----------
    field : ndarray of float32, shape (H, W)
        Higher inside than outside; beyond its border it counts as 0.
    level : float
        Value on the line.

    Returns
    -------
    ndarray of float64, shape (N, 2), or None
        (x, y) in edge coordinates (pixel i covers i to i + 1), about a pixel apart,
        the first point not repeated; None when nothing reaches the level.
    """
    pad = _PADDING_PX
    padded = cv2.copyMakeBorder(field, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0.0)
    inside = (padded >= level).astype(np.uint8)
    chains, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not chains:
        return None
    chain = max(chains, key=cv2.contourArea)[:, 0, :].astype(np.float64)
    if len(chain) < _MIN_POINTS:
        return None
    exact = _onto_level(chain, np.asarray(padded, np.float32), level)
    # Edge coordinates are half a pixel more than indices.
    return exact - (_PADDING_PX - 0.5)


def thinned(contour: Points) -> Points:
    """Return a contour (N, 2) without points that lie on the line between others."""
    points = cv2.approxPolyDP(contour.astype(np.float32)[:, None, :], _THINNING_PX, True)
    return np.asarray(points[:, 0, :], np.float64)


def _onto_level(points: Points, field: Array, level: float) -> Points:
    """Move points (N, 2), as indices, along the map's slope until it has the level there."""
    slope_x = cv2.Sobel(field, cv2.CV_32F, 1, 0, ksize=3, scale=1 / _SOBEL_SUM)
    slope_y = cv2.Sobel(field, cv2.CV_32F, 0, 1, ksize=3, scale=1 / _SOBEL_SUM)
    moved = points.copy()
    for _ in range(_NEWTON_STEPS):
        x, y = (moved[:, i : i + 1].astype(np.float32) for i in (0, 1))
        value, across, down = (
            cv2.remap(part, x, y, cv2.INTER_LINEAR)[:, 0].astype(np.float64)
            for part in (field, slope_x, slope_y)
        )
        gradient = np.stack([across, down], axis=1)
        steepness = np.maximum((gradient**2).sum(axis=1), 1e-6)
        step = ((level - value) / steepness)[:, None] * gradient
        length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
        moved += step * np.minimum(1, _MAX_STEP_PX / length)[:, None]
    return moved


def along(contour: Points, start: int, stop: int) -> Points:
    """Return the points of a closed contour from one index to another, both included."""
    if start <= stop:
        return contour[start : stop + 1]
    return np.concatenate([contour[start:], contour[: stop + 1]])


def farthest(contour: Points, direction: Points) -> int:
    """Return the index of the contour's point that lies farthest in a direction (2,)."""
    return int(np.argmax(contour @ direction))


def nearest(contour: Points, point: Points) -> int:
    """Return the index of the contour's point nearest to a point (2,)."""
    return int(np.argmin(((contour - point) ** 2).sum(axis=1)))


def distance_to(contour: Points, point: Points) -> float:
    """Return how far a point (2,) is from a closed contour, inside or outside."""
    ring = contour.astype(np.float32)[:, None, :]
    return abs(float(cv2.pointPolygonTest(ring, (float(point[0]), float(point[1])), True)))


def side_middle(contour: Points, first: Points, last: Points) -> Points:
    """Return the middle of the side between two corners: on the contour, half way between them.

    Parameters
    ----------
    contour : ndarray of float64, shape (N, 2)
        Closed.
    first, last : ndarray of float64, shape (2,)
        The corners, on or near the contour; the shorter way between them counts.
    """
    i, j = nearest(contour, first), nearest(contour, last)
    arcs = (along(contour, i, j), along(contour, j, i))
    arc = min(arcs, key=_length)
    progress = (arc - first) @ (last - first) / max(float(((last - first) ** 2).sum()), 1e-9)
    beyond = np.flatnonzero(np.diff(np.sign(progress - 0.5)) != 0)
    if beyond.size == 0:
        return np.asarray(arc[np.argmin(np.abs(progress - 0.5))], np.float64)
    k = int(beyond[0])
    share = (0.5 - progress[k]) / (progress[k + 1] - progress[k])
    return np.asarray(arc[k] + share * (arc[k + 1] - arc[k]), np.float64)


def _length(line: Points) -> float:
    return float(np.hypot(*np.diff(line, axis=0).T).sum())
