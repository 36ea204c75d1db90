"""Corners of vertebral bodies in a network's heat maps, to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import LandmarkName

Array = NDArray[np.float32]
Points = NDArray[np.float64]

CORNERS = (
    LandmarkName.ANTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_INFERIOR,
    LandmarkName.ANTERIOR_INFERIOR,
)
"""Order of the heat maps."""

MIN_PEAK = 0.3
"""Least height (0..1) of a corner in a heat map.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); a quarter more
turns an angle on 3 films by up to 2.9 degrees (benchmarks/constants.py).
"""

_REFINE_PX = 4
"""How far around a maximum its centre of gravity is taken, in pixels of the heat map.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); one less or
more turns an angle on 3 films by up to 1.0 degrees (benchmarks/constants.py).
"""

_ENDPLATE_LENGTH = (0.6, 2.2)
"""Least and largest distance between the corners of an endplate, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); corners on the
training films lie 0.72 to 2.09 apart (benchmarks/body_shapes.py).
"""

_NEAR_BONE = 0.15
"""How far outside of fused bodies their corners are looked for, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""


@dataclass(frozen=True, eq=False)
class Peak:
    """A maximum of a heat map: where (x, y), in edge coordinates, and how high (0..1)."""

    point: Points
    height: float


def peak_in(heat: Array, where: NDArray[np.bool_]) -> Peak | None:
    """Return the highest place of a heat map (h, w) inside a region, or None if it is low."""
    inside = np.where(where, heat, 0)
    row, col = np.unravel_index(int(inside.argmax()), inside.shape)
    height = float(inside[row, col])
    if height < MIN_PEAK:
        return None
    return Peak(_centroid(heat, int(row), int(col)), height)


def _centroid(heat: Array, row: int, col: int) -> Points:
    """Return the centre of what is above half the peak, around the peak."""
    top, left = max(row - _REFINE_PX, 0), max(col - _REFINE_PX, 0)
    part = heat[top : row + _REFINE_PX + 1, left : col + _REFINE_PX + 1]
    weight = np.clip(part - 0.5 * heat[row, col], 0, None)
    ys, xs = np.mgrid[0 : part.shape[0], 0 : part.shape[1]]
    centre = np.array([(weight * xs).sum(), (weight * ys).sum()]) / weight.sum()
    return np.asarray(centre + np.array([left + 0.5, top + 0.5]), np.float64)


def all_peaks(heat: Array, where: NDArray[np.bool_], apart_px: float) -> list[Peak]:
    """Return the maxima of a heat map inside a region that are at least `apart_px` apart."""
    highest = cv2.dilate(heat, np.ones((3, 3), np.uint8))
    rows, cols = np.nonzero((heat >= highest) & (heat >= MIN_PEAK) & where)
    found: list[Peak] = []
    for i in np.argsort(-heat[rows, cols], kind="stable"):
        peak = Peak(_centroid(heat, int(rows[i]), int(cols[i])), float(heat[rows[i], cols[i]]))
        if all(np.hypot(*(peak.point - other.point)) >= apart_px for other in found):
            found.append(peak)
    return found


def corner_lines(
    corners: Array, where: NDArray[np.bool_], height_px: float
) -> list[tuple[Points, Points]]:
    """Return the endplates that the corners inside a region imply, as lines.

    Parameters
    ----------
    corners : ndarray of float32, shape (h, w, 4)
        In the order of `CORNERS`.
    where : ndarray of bool, shape (h, w)
        Fused bodies.
    height_px : float
        Typical height of a body; an endplate is about as long.

    Returns
    -------
    list of (start, stop)
        Pairs of an anterior and a posterior corner that are each other's nearest.
    """
    reach = 2 * max(1, round(_NEAR_BONE * height_px)) + 1
    near = cv2.dilate(where.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    lines = []
    for anterior, posterior in ((0, 1), (3, 2)):
        ones, others = (
            all_peaks(np.ascontiguousarray(corners[..., c]), near, 0.5 * height_px)
            for c in (anterior, posterior)
        )
        lines += _mutually_nearest(ones, others, height_px)
    return lines


def _mutually_nearest(
    ones: list[Peak], others: list[Peak], height_px: float
) -> list[tuple[Points, Points]]:
    if not ones or not others:
        return []
    apart = np.array([[np.hypot(*(a.point - b.point)) for b in others] for a in ones])
    low, high = (share * height_px for share in _ENDPLATE_LENGTH)
    return [
        (ones[i].point, others[j].point)
        for i, j in enumerate(apart.argmin(axis=1))
        if apart[:, j].argmin() == i and low <= apart[i, j] <= high
    ]
