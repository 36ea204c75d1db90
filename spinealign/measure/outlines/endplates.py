"""Endplates from outlines alone: corners of a vertebral body, and the borders of a disc."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Landmark, LandmarkName, LandmarkSource
from spinealign.measure.outlines.contours import level_contour, side_middle
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.disc_shapes import DISC, DiscShape
from spinealign.measure.outlines.vertebrae import BodyAxes

Points = NDArray[np.float64]
Mask = NDArray[np.uint8]

_SAMPLES = 480
"""Points on an outline, evenly spaced.

Source: numerical resolution; twice as many change no angle of two training slices of
mr_segmentation by more than 0.2 degrees.
"""

_ROUNDS = 3
"""Times that corners are placed again from the corners before.

Source: numerical resolution; twice as many change no angle of two training slices of
mr_segmentation by more than 0.3 degrees.
"""

_ENDPLATE_PART, _WALL_PART = (0.07, 0.40), (0.12, 0.48)
"""Parts of an endplate and of a wall to which the lines are fitted that cross at a corner, in
distances between corners, from that corner.

Source: unknown; set by hand; a fifth less or a quarter more turns an angle on 2 slices by up to
2.1 degrees (benchmarks/constants.py).
"""

_FARTHEST_FROM_CORNER = 0.22
"""Largest distance from the crossing of these lines to the outline's corner, in the shorter side
of the body.

Source: unknown; set by hand; a fifth less turns an angle on 2 slices by up to 2.1 degrees
(benchmarks/constants.py).
"""

_FEWEST_POINTS = 5
"""Fewest points to which a line is fitted.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_MOST_PARALLEL_SINE = 0.3
"""Least sine of the angle between endplate and wall.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_BORDER_ENDS = (0.15, 0.85)
"""Where the line along a disc's border runs through it, in lengths of the disc from its anterior
end.

Source: unknown; set by hand; a fifth less of the second turns an angle on 2 slices by up to 1.0
degrees (benchmarks/constants.py).
"""

_BORDER_PART = 0.03
"""How far from there to either side points of the border count, in lengths of the disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_BORDER_SMOOTHING_PX = 0.8
"""Standard deviation of the blur that smooths a disc's border, in pixels of the mask.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_BORDER_MARGIN_PX = 4
"""Room around a disc's outline in which it is blurred, in pixels: five standard deviations.

Source: numerical resolution.
"""

_LINE_ACCURACY = 1e-3
"""Accuracy of a fitted line, in pixels and in radians.

Source: numerical resolution; a tenth of the default that OpenCV's manual names for `fitLine`.
"""


def outline_landmarks(contour: Points, frame: BodyAxes, confidence: float) -> tuple[Landmark, ...]:
    """Place four corners and the middles of both endplates on an outline.

    Parameters
    ----------
    contour : ndarray of float64, shape (N, 2)
        Closed outline of one body without posterior elements, (x, y).
    frame : BodyAxes
        With `anterior`; without it nothing is placed.
    confidence : float
        0..1, given to every landmark.

    Returns
    -------
    tuple of Landmark
        Source "contour": the corners in the order of `corners.CORNERS`, then the
        superior and the inferior middle; or nothing.
    """
    if frame.anterior is None:
        return ()
    corners = outline_corners(contour, frame.up, frame.anterior)
    points: dict[LandmarkName, Points] = dict(zip(CORNERS, corners, strict=True))
    points |= _middles(contour, points)
    return tuple(
        Landmark(name, float(x), float(y), confidence, LandmarkSource.CONTOUR)
        for name, (x, y) in points.items()
    )


def _middles(contour: Points, corners: Mapping[LandmarkName, Points]) -> dict[LandmarkName, Points]:
    ends = [corners[name] for name in CORNERS]
    return {
        LandmarkName.SUPERIOR_MIDDLE: side_middle(contour, ends[0], ends[1]),
        LandmarkName.INFERIOR_MIDDLE: side_middle(contour, ends[3], ends[2]),
    }


def outline_corners(contour: Points, up: Points, anterior: Points) -> Points:
    """Return the corners of a body's outline.

    A line is fitted to the part of each endplate and of each wall that is near a corner
    but not at it; where the two lines cross, they would meet without rounding (by the
    network, by the slice's thickness) and without bone spurs. The corner is the point
    of the outline next to the crossing, or the crossing itself where a spur puts the
    outline beyond it.

    Parameters
    ----------
    contour : ndarray of float64, shape (N, 2)
    up, anterior : ndarray of float64, shape (2,)
        The body's directions as unit vectors; 30 degrees off does not matter.

    Returns
    -------
    ndarray of float64, shape (4, 2)
        In the order of `corners.CORNERS`.
    """
    ring = resampled(contour, _SAMPLES)
    at = _diagonal_ends(ring, up, anterior)
    corners = ring[at]
    for _ in range(_ROUNDS):
        corners = np.array([_corner(contour, ring, at, corners, i) for i in range(4)])
        at = [int(np.argmin(((ring - corner) ** 2).sum(axis=1))) for corner in corners]
    return corners


def resampled(contour: Points, count: int) -> Points:
    """Return `count` points evenly spaced along a closed contour (N, 2)."""
    closed = np.concatenate([contour, contour[:1]])
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    places = np.linspace(0, travelled[-1], count, endpoint=False)
    return np.stack([np.interp(places, travelled, closed[:, i]) for i in (0, 1)], axis=1)


def _diagonal_ends(ring: Points, up: Points, anterior: Points) -> list[int]:
    """Return the indices of the points farthest in the four diagonal directions."""
    across, along = ring @ anterior, ring @ up
    half_depth, half_height = (max(np.ptp(v) / 2, 1e-6) for v in (across, along))
    a, u = across / half_depth, along / half_height
    return [int(np.argmax(s * a + t * u)) for s, t in ((1, 1), (-1, 1), (-1, -1), (1, -1))]


def _corner(contour: Points, ring: Points, at: list[int], corners: Points, i: int) -> Points:
    """Return a better place of corner `i`; `at` are the corners' indices on the ring."""
    beside, beyond = (i + 1) % 4, (i - 1) % 4
    # Corners 0-1 and 2-3 are joined by endplates, 1-2 and 3-0 by walls.
    plate, wall = (beside, beyond) if i % 2 == 0 else (beyond, beside)
    lines = [
        _line(ring, at, i, plate, _ENDPLATE_PART),
        _line(ring, at, i, wall, _WALL_PART),
    ]
    crossing = _crossing(lines[0], lines[1])
    reach = _FARTHEST_FROM_CORNER * min(
        np.hypot(*(corners[other] - corners[i])) for other in (plate, wall)
    )
    if crossing is None or np.hypot(*(crossing - ring[at[i]])) > reach:
        return np.asarray(ring[at[i]])
    shape = contour.astype(np.float32)[:, None, :]
    if cv2.pointPolygonTest(shape, (float(crossing[0]), float(crossing[1])), False) > 0:
        return crossing
    return on_contour(contour, crossing)


_Line = tuple[Points, Points]


def _line(
    ring: Points, at: list[int], start: int, stop: int, part: tuple[float, float]
) -> _Line | None:
    """Fit a line to a part of the side between two corners, counted from `start`."""
    side = _side(ring, at[start], at[stop])
    chord = ring[at[stop]] - ring[at[start]]
    progress = (side - ring[at[start]]) @ chord / max(float(chord @ chord), 1e-9)
    points = side[(progress >= part[0]) & (progress <= part[1])]
    return None if len(points) < _FEWEST_POINTS else fitted_line(points)


def _side(ring: Points, start: int, stop: int) -> Points:
    """Return the shorter way along a ring between two of its points."""
    steps = (stop - start) % len(ring)
    direction = 1 if steps <= len(ring) / 2 else -1
    count = min(steps, len(ring) - steps) + 1
    return np.asarray(ring[(start + direction * np.arange(count)) % len(ring)])


def fitted_line(points: Points) -> _Line:
    """Return a point on and the unit direction of a line that outliers hardly move.

    Total least squares of points (N, 2) with Huber weights.
    """
    about = points.mean(axis=0)
    centred, accuracy = (points - about).astype(np.float32), _LINE_ACCURACY
    found = cv2.fitLine(centred, cv2.DIST_HUBER, 0, accuracy, accuracy)
    dx, dy, x, y = (float(v) for v in found.ravel())
    return about + np.array([x, y]), np.array([dx, dy])


def _crossing(one: _Line | None, other: _Line | None) -> Points | None:
    """Return where two lines cross; None when they hardly do."""
    if one is None or other is None:
        return None
    (p, d), (q, e) = one, other
    sine = float(d[0] * e[1] - d[1] * e[0])
    if abs(sine) < _MOST_PARALLEL_SINE:
        return None
    gap = q - p
    return np.asarray(p + d * float(gap[0] * e[1] - gap[1] * e[0]) / sine, np.float64)


def on_contour(contour: Points, point: Points) -> Points:
    """Return the point of a closed contour (N, 2) nearest to a point (2,)."""
    step = np.roll(contour, -1, axis=0) - contour
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((point - contour) * step).sum(axis=1) / length, 0, 1)
    foot = contour + share[:, None] * step
    return np.asarray(foot[np.argmin(((foot - point) ** 2).sum(axis=1))], np.float64)


def disc_borders(disc: DiscShape, mask: Mask) -> tuple[Points, Points] | None:
    """Return straight lines along a disc's borders to the bodies above and below it.

    A border is hollowed by the endplate and rolls off at its ends, so the line runs
    through two short parts of it, near the front and near the back.

    Parameters
    ----------
    disc : DiscShape
    mask : ndarray of uint8, shape (H, W)

    Returns
    -------
    upper, lower : ndarray of float64, shape (2, 2)
        Each from front to back, (x, y), 15 % of the disc's length inside its ends.
        None where the disc is inferred, or too ragged to have both borders.
    """
    ring = None if disc.is_inferred else _disc_ring(disc, mask)
    if ring is None:
        return None
    axis = (disc.posterior - disc.anterior) / disc.length_px
    share = (ring - disc.anterior) @ axis / disc.length_px
    below = (ring - disc.centre) @ disc.down > 0
    ends = [
        [ring[is_side & (np.abs(share - end) <= _BORDER_PART)] for end in _BORDER_ENDS]
        for is_side in (~below, below)
    ]
    if any(len(points) == 0 for side in ends for points in side):
        return None
    upper, lower = (np.array([points.mean(axis=0) for points in side]) for side in ends)
    return upper, lower


def _disc_ring(disc: DiscShape, mask: Mask) -> Points | None:
    low = np.maximum(np.floor(disc.outline.min(axis=0)).astype(int) - _BORDER_MARGIN_PX, 0)
    high = np.ceil(disc.outline.max(axis=0)).astype(int) + _BORDER_MARGIN_PX
    part = (mask[low[1] : high[1], low[0] : high[0]] == DISC).astype(np.uint8)
    near = np.zeros_like(part)
    cv2.fillPoly(near, [np.round(disc.outline - low - 0.5).astype(np.int32)], 1)
    own = (part & cv2.dilate(near, np.ones((3, 3), np.uint8))).astype(np.float32)
    contour = level_contour(
        np.asarray(cv2.GaussianBlur(own, (0, 0), _BORDER_SMOOTHING_PX), np.float32)
    )
    return None if contour is None else resampled(contour + low, _SAMPLES)
