"""Shapes of the whole-spine phantom: C2 to S1 and both femoral heads, with known angles.

Axes as in `film_anatomy`: x to the right of the picture is posterior, y is down, in millimetres.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tools.phantoms.film_anatomy import DrawnBody, Points, Row, draw_column

C2_SLOPE_DEG = 3.0
C2_FOOT_MM = (205.0, 128.0)
PELVIC_TILT_DEG = 12.0
HEAD_RADIUS_MM = 23.0

ROWS: tuple[Row, ...] = (
    ("C3", 5.0, 5.0, 16.0, 16.6, 14.0, 4.6),
    ("C4", 6.5, 6.5, 16.4, 17.0, 13.8, 4.6),
    ("C5", 8.0, 8.0, 16.8, 17.6, 13.4, 4.6),
    ("C6", 10.0, 10.5, 17.2, 18.2, 13.6, 4.6),
    ("C7", 13.0, 15.0, 17.6, 18.0, 15.0, 4.8),
    ("T1", 21.0, 23.0, 17.8, 18.4, 16.4, 4.4),
    ("T2", 24.5, 25.5, 18.4, 19.2, 17.4, 3.8),
    ("T3", 25.0, 24.5, 19.4, 20.4, 17.8, 3.6),
    ("T4", 23.0, 21.0, 20.6, 21.8, 18.4, 3.8),
    ("T5", 19.0, 17.0, 22.0, 23.2, 18.8, 4.0),
    ("T6", 14.5, 12.0, 23.4, 24.6, 19.2, 4.2),
    ("T7", 9.0, 6.0, 24.8, 26.0, 19.6, 4.4),
    ("T8", 3.0, 0.0, 26.2, 27.2, 20.2, 4.6),
    ("T9", -2.0, -5.0, 27.4, 28.2, 20.8, 4.8),
    ("T10", -7.0, -10.0, 28.4, 29.2, 21.8, 5.2),
    ("T11", -12.0, -14.0, 29.4, 30.2, 22.8, 5.6),
    ("T12", -15.5, -17.0, 30.2, 31.0, 24.0, 6.2),
    ("L1", -18.0, -17.0, 31.0, 32.0, 25.6, 7.2),
    ("L2", -16.0, -14.0, 32.0, 33.2, 26.4, 8.4),
    ("L3", -11.0, -8.0, 33.2, 34.2, 27.0, 9.6),
    ("L4", -1.0, 3.0, 34.2, 35.0, 27.2, 10.6),
    ("L5", 11.0, 21.0, 34.8, 34.4, 26.6, 10.4),
    ("S1", 40.0, 44.0, 34.0, 26.0, 27.0, 9.4),
)
"""Slopes that fall to the front are positive; every angle below is a difference of two of them."""

_HIP_DISTANCE_MM = 108.0
_HEADS_APART_MM = (5.0, -3.0)


@dataclass(frozen=True)
class DrawnSpine:
    """Bodies from C2 to S1 from the top, and the centres of both femoral heads."""

    bodies: tuple[DrawnBody, ...]
    heads_mm: tuple[Points, Points]

    def named(self, level: str) -> DrawnBody:
        """Return the body of a level."""
        return next(body for body in self.bodies if body.level == level)


def draw_spine() -> DrawnSpine:
    """Return the whole column."""
    bodies = draw_column(ROWS, C2_FOOT_MM, C2_SLOPE_DEG)
    plate = bodies[-1].corners_mm
    middle = (plate["anterior_superior"] + plate["posterior_superior"]) / 2
    tilt = math.radians(PELVIC_TILT_DEG)
    hips = middle + _HIP_DISTANCE_MM * np.array([-math.sin(tilt), math.cos(tilt)])
    apart = np.array(_HEADS_APART_MM)
    return DrawnSpine(bodies, (hips + apart, hips - apart))


def true_angles() -> Mapping[str, float]:
    """Return the angles of the drawing in degrees, by the codes of the program's measures."""
    top = {row[0]: row[1] for row in ROWS}
    bottom = {"C2": C2_SLOPE_DEG} | {row[0]: row[2] for row in ROWS}
    lordosis, slope = top["S1"] - top["L1"], top["S1"]
    return MappingProxyType(
        {
            "cobb_c2_c7": bottom["C7"] - bottom["C2"],
            "c7_slope": top["C7"],
            "t1_slope": top["T1"],
            "t1_slope_minus_lordosis": top["T1"] - bottom["C7"] + bottom["C2"],
            "thoracic_kyphosis_t4_t12": top["T4"] - bottom["T12"],
            "thoracic_kyphosis_t5_t12": top["T5"] - bottom["T12"],
            "lumbar_lordosis_l1_s1": lordosis,
            "lumbar_lordosis_l4_s1": top["S1"] - top["L4"],
            "sacral_slope": slope,
            "pelvic_tilt": PELVIC_TILT_DEG,
            "pelvic_incidence": PELVIC_TILT_DEG + slope,
            "pelvic_incidence_minus_lordosis": PELVIC_TILT_DEG + slope - lordosis,
        }
    )
