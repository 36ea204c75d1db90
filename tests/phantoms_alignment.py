"""Columns with angles that are known before anything is measured, as the program's values.

Everything looks to the right and is in pixels, unless it is moved.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from spinealign.domain.findings import (
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.measurements import IntervalRule, Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.outlines.bodies import Blob
from spinealign.measure.outlines.contours import level_contour
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.vertebrae import BodyAxes, body_landmarks, right_of
from tests.examinations import LATERAL_NECK
from tests.phantoms_xray import LEVELS, DrawnBody, DrawnColumn

PIXELS = PixelGeometry()
PLAIN = IntervalRule()
TRUE_MM = PixelGeometry((0.2, 0.2), are_lengths_true=True)
_NO_CORNER = (np.nan, np.nan)
_EDGE_POINTS = 60


def vertebra(
    level: str | None, corners, middles=(None, None), index: int = 1, outline=None,
    state: VertebraState = VertebraState.COMPLETE, source: LandmarkSource = LandmarkSource.USER,
) -> Vertebra:  # fmt: skip
    """Build a body from its corners in the order of `CORNERS`, NaN where it has none.

    `middles` are those of the superior and inferior endplate; None puts them half way.
    """
    corners = np.array(corners, float)
    places = dict(zip(CORNERS, corners, strict=True))
    places[LandmarkName.SUPERIOR_MIDDLE] = _middle(corners[0], corners[1], middles[0])
    places[LandmarkName.INFERIOR_MIDDLE] = _middle(corners[3], corners[2], middles[1])
    marks = tuple(
        Landmark(name, float(x), float(y), 0.9, source)
        for name, (x, y) in places.items()
        if np.isfinite(x)
    )
    ring = corners[np.isfinite(corners[:, 0])] if outline is None else np.array(outline, float)
    points = tuple((float(x), float(y)) for x, y in ring)
    return Vertebra(level, index, points, marks, 0.9, state)


def _middle(one, other, wanted):
    return (one + other) / 2 if wanted is None else np.array(wanted, float)


def c2(posterior=(100, 100), anterior=(120, 100), **changes) -> Vertebra:
    """Build a C2 whose body is a square on its inferior endplate, with a dens on top."""
    back, front = np.array(posterior, float), np.array(anterior, float)
    run = front - back
    up = np.array([run[1], -run[0]])
    outline = [
        back, front, front + up, back + 0.7 * run + up, back + 0.7 * run + 2 * up,
        back + 0.3 * run + 2 * up, back + 0.3 * run + up, back + up,
    ]  # fmt: skip
    return vertebra("C2", [_NO_CORNER, _NO_CORNER, back, front], outline=outline, **changes)


def box(level: str | None, left: float, top: float, width=20.0, height=15.0, **changes) -> Vertebra:
    """Build an upright rectangular body from its posterior-superior corner."""
    right, low = left + width, top + height
    return vertebra(level, [(right, top), (left, top), (left, low), (right, low)], **changes)


def numbered(*bodies: Vertebra) -> tuple[Vertebra, ...]:
    """Return bodies with their places from the top."""
    return tuple(replace(body, index=i) for i, body in enumerate(bodies, start=1))


def taken(
    bodies, geometry=PIXELS, facing=Facing.RIGHT, examination=LATERAL_NECK, canal=None,
    rule=PLAIN,
):  # fmt: skip
    """Return measurements by their keys."""
    found = measure_alignment(bodies, facing, geometry, examination, canal, rule=rule)
    return {measure.key: measure for measure in found}


def value_of(found, code: MeasureCode, *levels: str) -> float:
    measure = found[(code.value, levels)]
    assert measure.value is not None, measure.unmeasurable
    return measure.value


def bent_column(
    discs, wedges, first_deg: float = 0.0, height: float = 60.0, shape=(1000, 800)
) -> DrawnColumn:
    """Draw a column from C2 down with given angles.

    Parameters
    ----------
    discs, wedges : sequences of the same length
        Angle of each disc, and between the endplates of the body below it: lordosis positive.
    first_deg : float
        Slope of the inferior endplate of C2.
    """
    slope, width = np.radians(first_deg), 1.2 * height
    place = np.array([shape[1] * 0.55, shape[0] * 0.5 - 2.4 * height])
    bodies = [_drawn_c2(place, slope, width)]
    for level, disc, wedge in zip(LEVELS[1:], discs, wedges, strict=False):
        top, place = slope + np.radians(disc), _below(place, slope, np.radians(disc), 0.35 * height)
        upper = _endplate(place, top, width)
        place = _below(place, top, np.radians(wedge), height)
        slope = top + np.radians(wedge)
        lower = _endplate(place, slope, width)
        corners = np.stack([upper[1], upper[0], lower[0], lower[1]])
        bodies.append(DrawnBody(level, edges(corners), corners))
    return DrawnColumn(tuple(bodies), shape)


def _below(place, slope, turn, distance):
    middle = slope + turn / 2
    return place + distance * np.array([-np.sin(middle), np.cos(middle)])


def _endplate(place, slope, width):
    half = width / 2 * np.array([np.cos(slope), np.sin(slope)])
    return place - half, place + half


def _drawn_c2(place, slope, width) -> DrawnBody:
    back, front = _endplate(place, slope, width)
    outline = np.array(c2(back, front).outline)
    corners = np.array([_NO_CORNER, _NO_CORNER, back, front])
    return DrawnBody("C2", edges(outline), corners)


def edges(corners) -> np.ndarray:
    """Return a closed polygon with many points on each side, the corners among them."""
    shares = np.linspace(0, 1, _EDGE_POINTS, endpoint=False)[:, None]
    following = np.roll(corners, -1, axis=0)
    return np.concatenate([a + shares * (b - a) for a, b in zip(corners, following, strict=True)])


def from_corners(column: DrawnColumn) -> tuple[Vertebra, ...]:
    """Return the bodies with their drawn corners."""
    return numbered(*(vertebra(b.level, b.corners, outline=b.outline) for b in column.bodies))


def from_outlines(column: DrawnColumn) -> tuple[Vertebra, ...]:
    """Return the bodies with the corners that the program finds on the drawn outlines."""
    return numbered(*(_found(b, b.outline) for b in column.bodies))


def from_masks(column: DrawnColumn) -> tuple[Vertebra, ...]:
    """Return the bodies with outlines and corners that the program finds on drawn masks."""
    return numbered(*(_found(b, _traced(b.outline, column.shape)) for b in column.bodies))


def _traced(outline, shape) -> np.ndarray:
    mask = rasterised(outline, shape).astype(np.float32)
    contour = level_contour(cv2.GaussianBlur(mask, (0, 0), 1.0))
    assert contour is not None
    return contour


def rasterised(outline, shape) -> np.ndarray:
    """Return the pixels whose centres lie inside a polygon, as bool (rows, columns)."""
    fine = np.zeros((shape[0] * 8, shape[1] * 8), np.uint8)
    cv2.fillPoly(fine, [np.rint(outline * 8 - 0.5).astype(np.int32)], 1)
    return fine[4::8, 4::8] > 0


def _found(body: DrawnBody, contour) -> Vertebra:
    lower, upper = body.corners[3] - body.corners[2], body.corners[0] - body.corners[1]
    along = lower if body.is_c2 else lower + upper
    up = np.array([along[1], -along[0]]) / np.hypot(*along)
    depth = float(np.hypot(*lower))
    blob = Blob(1, contour, 0.95, 1.0 if body.is_c2 else 0.0)
    marks = body_landmarks(contour, [[]] * 4, BodyAxes(up, right_of(up)), depth / 1.2, blob)
    outline = tuple((float(x), float(y)) for x, y in contour)
    return Vertebra(body.level, 1, outline, marks, 0.95, VertebraState.COMPLETE)


def angle_of(measures: tuple[Measurement, ...], code: MeasureCode) -> float:
    return next(m.value for m in measures if m.code is code and m.value is not None)


def by_network(*bodies: Vertebra, confidence: float = 0.6) -> tuple[Vertebra, ...]:
    """Return bodies from the top whose points a network placed."""
    return numbered(
        *(
            replace(
                body,
                landmarks=tuple(
                    replace(m, source=LandmarkSource.NETWORK, confidence=confidence)
                    for m in body.landmarks
                ),
            )
            for body in bodies
        )
    )
