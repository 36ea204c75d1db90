"""Which curve of a frontal film is which on another film of the patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spinealign.domain.curve_regions import COLUMN_LEVELS
from spinealign.domain.findings import FRONTAL_CORNERS, Analysis
from spinealign.domain.measurements import CurveShape, Measurement, PictureSide
from spinealign.measure.geometry.coronal_curves import endplate_tilts_deg
from spinealign.measure.geometry.plane import PixelGeometry

Key = tuple[str, tuple[str, ...]]


def as_same_curves(
    values: Mapping[Key, Measurement], known: Mapping[Key, Measurement]
) -> dict[Key, Measurement]:
    """Return the measures of a film with each curve under the key that it has on another film.

    Parameters
    ----------
    values : mapping of (str, tuple of str) to Measurement
        By `Measurement.key`.
    known : mapping of (str, tuple of str) to Measurement
        Of the other film.

    Notes
    -----
    A curve is the same where the apex of each lies between the end vertebrae of the other. Curves
    that are convex to the same side are put together first, the nearest before others. One that
    is convex to another side has the same key, and is not to be subtracted. Its kind may be another
    one: an apex that moved by half a body may lie in the next part of the spine.
    """
    mine = {key: one for key, one in values.items() if _is_placed(one)}
    theirs = {key: one for key, one in known.items() if _is_placed(one)}
    found: dict[Key, Key] = {}
    for key, other in _pairs(mine, theirs):
        if key not in found and other not in found.values():
            found[key] = other
    taken = {*known, *found.values()}
    for key, one in mine.items():
        if key not in found:
            found[key] = (one.code.value, one.levels) if key in taken else key
            taken.add(found[key])
    return {found.get(key, key): one for key, one in values.items()}


def _pairs(
    mine: Mapping[Key, Measurement], theirs: Mapping[Key, Measurement]
) -> list[tuple[Key, Key]]:
    """Return which curves may be the same, the likeliest first."""
    near = [
        (is_other_side(one, other), abs(_apex(one) - _apex(other)), one.code != other.code, pair)
        for pair in ((key, other_key) for key in mine for other_key in theirs)
        if _lie_together(one := mine[pair[0]], other := theirs[pair[1]])
    ]
    return [pair for *_, pair in sorted(near)]


def _is_placed(measured: Measurement) -> bool:
    curve = measured.curve
    return curve is not None and {*measured.levels, *curve.apex} <= {*COLUMN_LEVELS}


def _apex(measured: Measurement) -> float:
    assert measured.curve is not None
    return float(np.mean(_places(measured.curve.apex)))


def _places(levels: Sequence[str]) -> list[int]:
    return [COLUMN_LEVELS.index(level) for level in levels]


def _lie_together(one: Measurement, other: Measurement) -> bool:
    return _is_between(_apex(one), other) and _is_between(_apex(other), one)


def _is_between(place: float, measured: Measurement) -> bool:
    upper, lower = _places(measured.levels)
    return upper < place < lower


def is_other_side(one: Measurement, other: Measurement) -> bool:
    """Whether curves are convex to different sides: of the patient, or of pictures without one.

    False where the file of one film says which side of the patient is which, and the other's not.
    """
    if one.curve is None or other.curve is None:
        return False
    sides = _sides(one.curve, other.curve)
    return sides is not None and sides[0] is not sides[1]


def _sides(one: CurveShape, other: CurveShape) -> tuple[PictureSide, PictureSide] | None:
    patient = (one.patient_side, other.patient_side)
    if patient[0] is not None and patient[1] is not None:
        return patient[0], patient[1]
    return (one.convex_to, other.convex_to) if patient == (None, None) else None


def angle_between_deg(analysis: Analysis, ends: Sequence[str], side: PictureSide) -> float | None:
    """Return Cobb's angle of a film between two given bodies.

    Parameters
    ----------
    analysis : Analysis
    ends : sequence of str
        Levels of the upper and the lower body.
    side : PictureSide
        Where the angle is positive if the column between them is convex to it.

    Returns
    -------
    float or None
        In degrees; None where a body, its confirmed name or one of its corners is missing.
    """
    bodies = {body.level: body for body in analysis.vertebrae if not body.is_name_open}
    rings = []
    for level in ends:
        body = bodies.get(level)
        marks = {} if body is None else {mark.name: (mark.x, mark.y) for mark in body.landmarks}
        if any(name not in marks for name in FRONTAL_CORNERS):
            return None
        rings.append([marks[name] for name in FRONTAL_CORNERS])
    superior, inferior = endplate_tilts_deg(
        np.array(rings, np.float64) * PixelGeometry.of(analysis.image).scale
    )
    angle = float(inferior[-1] - superior[0])
    return angle if side is PictureSide.RIGHT else -angle
