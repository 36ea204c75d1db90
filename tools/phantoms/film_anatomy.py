"""Shapes of the neck phantom: outlines in patient millimetres, built from stated endplate slopes.

Axes: x to the right of the picture is posterior (the patient looks to the left), y is down.
A slope is positive where an endplate falls towards the front.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_C2_FOOT_MM = (78.0, 92.0)
_CORNER_NAMES = (
    "anterior_superior", "posterior_superior", "posterior_inferior", "anterior_inferior",
)  # fmt: skip


@dataclass(frozen=True)
class DrawnBody:
    """A vertebra seen from the side.

    Parameters
    ----------
    level : str
    corners_mm : mapping of str to ndarray, shape (2,)
        Named as `LandmarkName`; C2 has no superior ones.
    outline_mm : ndarray of float64, shape (N, 2)
        Closed contour of the body, of C2 with its dens.
    """

    level: str
    corners_mm: Mapping[str, Points]
    outline_mm: Points

    @property
    def back(self) -> Points:
        """Unit vector (x, y) along the inferior endplate towards the back."""
        run = self.corners_mm["posterior_inferior"] - self.corners_mm["anterior_inferior"]
        return np.asarray(run / np.hypot(*run))

    @property
    def down(self) -> Points:
        """Unit vector (x, y) across the inferior endplate, downwards."""
        return np.array([-self.back[1], self.back[0]])

    def at(self, back_mm: float, down_mm: float) -> Points:
        """Return the point (x, y) at an offset from the middle of the inferior endplate."""
        foot = (self.corners_mm["posterior_inferior"] + self.corners_mm["anterior_inferior"]) / 2
        return np.asarray(foot + back_mm * self.back + down_mm * self.down)


Row = tuple[str, float, float, float, float, float, float]
"""Level, slopes of the upper and lower endplate (degrees), their depths, height, disc above."""

_C2_SLOPE, _C2_DEPTH = 4.0, 16.6
_NECK: tuple[Row, ...] = (
    ("C3", 6.5, 6.0, 16.0, 17.0, 14.0, 4.2),
    ("C4", 8.5, 8.0, 16.4, 17.4, 13.6, 4.4),
    ("C5", 11.0, 10.0, 16.8, 18.0, 13.2, 4.2),
    ("C6", 12.5, 13.0, 17.4, 18.6, 13.4, 4.2),
    ("C7", 16.0, 18.0, 17.8, 18.4, 15.2, 4.4),
    ("T1", 22.0, 24.0, 18.0, 18.8, 16.6, 4.6),
    ("T2", 27.0, 29.0, 18.6, 19.4, 17.6, 5.0),
    ("T3", 31.0, 33.0, 19.2, 20.0, 18.4, 4.6),
)


def slope_run(slope_deg: float) -> Points:
    """Return the unit vector (x, y) towards the back of an endplate with this slope."""
    angle = math.radians(slope_deg)
    return np.array([math.cos(angle), -math.sin(angle)])


def draw_column(
    rows: Sequence[Row] = _NECK,
    foot_mm: tuple[float, float] = _C2_FOOT_MM,
    slope: float = _C2_SLOPE,
) -> tuple[DrawnBody, ...]:
    """Return C2 and the bodies below it from the top: without arguments the neck's, to T3.

    Parameters
    ----------
    rows : sequence of Row
    foot_mm : (x, y)
        Middle of the inferior endplate of C2.
    slope : float
        Of that endplate, in degrees.
    """
    foot = np.array(foot_mm)
    bodies = [_draw_c2(foot, slope)]
    for level, upper, lower, upper_depth, lower_depth, height, gap in rows:
        top = foot + gap * _normal((slope + upper) / 2)
        foot = top + height * _normal((upper + lower) / 2)
        corners = {
            "anterior_superior": top - upper_depth / 2 * slope_run(upper),
            "posterior_superior": top + upper_depth / 2 * slope_run(upper),
            "posterior_inferior": foot + lower_depth / 2 * slope_run(lower),
            "anterior_inferior": foot - lower_depth / 2 * slope_run(lower),
        }
        outline = rounded_body([corners[name] for name in _CORNER_NAMES], _HOLLOW)
        bodies.append(DrawnBody(level, corners, outline))
        slope = lower
    return tuple(bodies)


def _normal(slope_deg: float) -> Points:
    run = slope_run(slope_deg)
    return np.array([-run[1], run[0]])


def _draw_c2(foot: Points, slope: float) -> DrawnBody:
    back, down = slope_run(slope), _normal(slope)
    half = _C2_DEPTH / 2
    shape = [
        (-half, 0.0), (-0.5 * half, -0.9), (0.0, -1.3), (0.5 * half, -0.9), (half, 0.0),
        (half - 0.9, -6.0), (half - 1.3, -13.0), (half - 1.0, -19.0), (half - 2.0, -25.0),
        (half - 2.6, -31.0), (half - 5.0, -34.6), (half - 8.4, -34.4), (half - 11.0, -32.5),
        (half - 11.4, -27.0), (half - 12.2, -21.0), (half - 15.0, -16.5), (-half + 0.9, -12.0),
        (-half + 1.2, -6.5), (-half + 0.2, -2.0),
    ]  # fmt: skip
    outline = smooth_outline([foot + u * back + v * down for u, v in shape], {0, 4})
    corners = {
        "posterior_inferior": foot + half * back,
        "anterior_inferior": foot - half * back,
    }
    return DrawnBody("C2", corners, outline)


_HOLLOW = (0.5, 0.3, 0.6, 0.5)
"""Of a body seen from the side: superior endplate, back, inferior endplate, front; in mm."""


def rounded_body(four: Sequence[Points], hollow: Sequence[float]) -> Points:
    """Return the outline (N, 2) of a body: sharp corners, hollow sides and endplates.

    Parameters
    ----------
    four : sequence of ndarray, shape (2,)
        Corners around the body; side k runs from corner k to the next.
    hollow : sequence of float
        How far the middle of each side lies inside, in mm.
    """
    middle = np.mean(four, axis=0)
    points: list[Points] = []
    for start, end, depth in zip(four, [*four[1:], four[0]], hollow, strict=True):
        inwards = middle - (start + end) / 2
        inwards /= np.hypot(*inwards)
        points += [
            start + share * (end - start) + 4 * share * (1 - share) * depth * inwards
            for share in (0.0, 0.12, 0.3, 0.5, 0.7, 0.88)
        ]
    return smooth_outline(points, {0, 6, 12, 18})


def smooth_outline(
    points: Sequence[Sequence[float] | Points] | Points, sharp: Collection[int] = (), steps: int = 6
) -> Points:
    """Return a closed Catmull-Rom curve (N, 2) through `points`; those in `sharp` stay corners."""
    knots = [np.asarray(point, np.float64) for point in points]
    count, share = len(knots), (np.arange(steps) / steps)[:, None]
    pieces = []
    for i in range(count):
        before, start, end, after = (knots[(i + k) % count] for k in (-1, 0, 1, 2))
        before = start if i in sharp else before
        after = end if (i + 1) % count in sharp else after
        bend = 2 * before - 5 * start + 4 * end - after
        twist = 3 * start - before - 3 * end + after
        pieces.append(start + (share * (end - before) + share**2 * bend + share**3 * twist) / 2)
    return np.concatenate(pieces)


def rod(points: Sequence[Sequence[float] | Points], half_widths: Sequence[float]) -> Points:
    """Return the outline (N, 2) of a bent rod with round ends."""
    line, half = np.asarray(points, np.float64), np.asarray(half_widths, np.float64)
    run = np.gradient(line, axis=0)
    run /= np.hypot(*run.T)[:, None]
    side = np.stack([-run[:, 1], run[:, 0]], axis=1) * half[:, None]
    start, end = line[0] - 0.8 * half[0] * run[0], line[-1] + 0.8 * half[-1] * run[-1]
    return smooth_outline([*(line + side), end, *(line - side)[::-1], start], steps=5)
