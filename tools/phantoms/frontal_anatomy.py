"""Shapes of the frontal phantom: a column with a right thoracic and a left lumbar curve.

Axes: x to the right of the picture is the patient's left, as a film is hung; y is down, in
millimetres. A tilt is positive where the right side of an endplate in the picture is lower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tools.phantoms.film_anatomy import Points, rounded_body

FrontalRow = tuple[str, float, float, float, float, float, float]
"""Level, tilts of the upper and lower endplate (degrees), their widths, height, disc above."""

NECK_TOP_MM = (176.0, 26.0)
"""Middle of the superior endplate of C6."""

NECK_ROWS: tuple[FrontalRow, ...] = (
    ("C6", 6.0, 6.5, 23.0, 25.0, 13.4, 4.6),
    ("C7", 7.5, 8.0, 25.0, 28.0, 14.6, 4.6),
)

ROWS: tuple[FrontalRow, ...] = (
    ("T1", 9.0, 9.5, 29.0, 30.0, 16.0, 4.4),
    ("T2", 10.5, 11.5, 29.0, 29.0, 17.0, 3.8),
    ("T3", 12.5, 13.5, 28.0, 28.0, 17.6, 3.6),
    ("T4", 14.5, 16.0, 27.0, 27.5, 18.2, 3.6),
    ("T5", 17.0, 16.0, 27.0, 28.0, 18.6, 3.8),
    ("T6", 14.0, 11.5, 27.5, 28.5, 19.2, 4.0),
    ("T7", 8.5, 4.5, 28.0, 29.5, 19.6, 4.2),
    ("T8", 1.0, -3.0, 29.0, 30.5, 20.2, 4.4),
    ("T9", -7.0, -10.5, 30.0, 32.0, 20.8, 4.6),
    ("T10", -13.0, -15.0, 31.5, 34.0, 21.6, 5.0),
    ("T11", -16.5, -18.0, 33.5, 36.5, 22.6, 5.4),
    ("T12", -17.5, -15.5, 36.0, 39.0, 23.8, 6.0),
    ("L1", -13.5, -10.5, 38.5, 41.0, 25.2, 7.4),
    ("L2", -6.5, -2.5, 40.0, 42.5, 26.0, 8.6),
    ("L3", 1.5, 4.5, 42.0, 45.0, 26.4, 9.4),
    ("L4", 6.5, 7.5, 44.5, 48.0, 26.6, 10.0),
    ("L5", 6.5, 4.5, 47.5, 50.0, 26.0, 9.6),
)
"""The curve of a spine is the difference of two tilts; the end vertebrae have the steepest."""

SACRUM_ROW: FrontalRow = ("S1", 2.0, 0.0, 52.0, 44.0, 28.0, 9.0)

TRUE_CURVES: Mapping[str, tuple[str, str, float]] = MappingProxyType(
    {
        "curve_proximal_thoracic": ("T1", "T5", 7.0),
        "curve_main_thoracic": ("T5", "T11", 35.0),
        "curve_lumbar": ("T12", "L4", 25.0),
    }
)
"""By the program's code of the measure: end vertebrae and Cobb's angle in degrees."""

_WAIST = (0.5, 1.3, 0.6, 1.3)
_RING = ("superior_left", "superior_right", "inferior_right", "inferior_left")

_ROTATIONS = MappingProxyType(
    {
        "T5": 0.04, "T6": 0.09, "T7": 0.14, "T8": 0.17, "T9": 0.14, "T10": 0.08,
        "L1": -0.07, "L2": -0.12, "L3": -0.1, "L4": -0.04,
    }
)  # fmt: skip
"""How far the spinous process lies to the picture's right of the middle, in widths.

It turns to the concave side of a curve.
"""


@dataclass(frozen=True)
class FrontalBody:
    """A vertebra seen from the front.

    Parameters
    ----------
    level : str
    corners_mm : mapping of str to ndarray, shape (2,)
        superior_left, superior_right, inferior_right, inferior_left of the picture.
    outline_mm : ndarray of float64, shape (N, 2)
    """

    level: str
    corners_mm: Mapping[str, Points]
    outline_mm: Points

    @property
    def turned(self) -> float:
        """How far the spinous process lies to the right of the middle, in widths."""
        return _ROTATIONS.get(self.level, 0.0)

    @property
    def width_mm(self) -> float:
        """Mean width."""
        return float(np.hypot(*self._across))

    @property
    def height_mm(self) -> float:
        """Mean height."""
        return float(np.hypot(*self._down))

    def at(self, across: float, down: float) -> Points:
        """Return the point (x, y) at shares of width and height from the body's middle."""
        middle = np.mean([self.corners_mm[name] for name in _RING], axis=0)
        return np.asarray(middle + across * self._across + down * self._down)

    @property
    def _across(self) -> Points:
        four = self.corners_mm
        run = four["superior_right"] + four["inferior_right"]
        return np.asarray((run - four["superior_left"] - four["inferior_left"]) / 2)

    @property
    def _down(self) -> Points:
        four = self.corners_mm
        run = four["inferior_left"] + four["inferior_right"]
        return np.asarray((run - four["superior_left"] - four["superior_right"]) / 2)


def draw_frontal_column() -> tuple[FrontalBody, ...]:
    """Return C6 to S1 from the top."""
    return draw_rows((*NECK_ROWS, *ROWS, SACRUM_ROW), NECK_TOP_MM)


def draw_rows(rows: Sequence[FrontalRow], top_mm: tuple[float, float]) -> tuple[FrontalBody, ...]:
    """Return bodies below each other; the disc above the first is left out.

    Parameters
    ----------
    rows : sequence of FrontalRow
    top_mm : (x, y)
        Middle of the first superior endplate.
    """
    bodies: list[FrontalBody] = []
    foot, tilt = np.array(top_mm), rows[0][1]
    for level, upper, lower, upper_width, lower_width, height, gap in rows:
        top = foot + (gap if bodies else 0.0) * _down((tilt + upper) / 2)
        foot = top + height * _down((upper + lower) / 2)
        tilt = lower
        corners = {
            "superior_left": top - upper_width / 2 * _across(upper),
            "superior_right": top + upper_width / 2 * _across(upper),
            "inferior_right": foot + lower_width / 2 * _across(lower),
            "inferior_left": foot - lower_width / 2 * _across(lower),
        }
        outline = rounded_body([corners[name] for name in _RING], _WAIST)
        bodies.append(FrontalBody(level, corners, outline))
    return tuple(bodies)


def _across(tilt_deg: float) -> Points:
    angle = np.radians(tilt_deg)
    return np.array([np.cos(angle), np.sin(angle)])


def _down(tilt_deg: float) -> Points:
    run = _across(tilt_deg)
    return np.array([-run[1], run[0]])


def true_corners(spacing_mm: float) -> Mapping[str, Mapping[str, tuple[float, float]]]:
    """Return the corners (x, y) of T1 to L5 in pixels, by level and name of the corner."""
    named = {row[0] for row in ROWS}
    return {
        body.level: {
            name: (float(place[0]) / spacing_mm, float(place[1]) / spacing_mm)
            for name, place in body.corners_mm.items()
        }
        for body in draw_frontal_column()
        if body.level in named
    }
