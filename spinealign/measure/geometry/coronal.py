"""Measures of a frontal film: curves with their Cobb angles, tilts, and balance.

The plane's x runs to the right of the picture and y down. Source of the definitions beside Cobb's
angle: Spinal Deformity Study Group, Radiographic Measurement Manual, 2008.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.curve_regions import COLUMN_LEVELS, kind_of, region_of
from spinealign.domain.findings import FRONTAL_CORNERS
from spinealign.domain.measurements import (
    CurveShape,
    DrawingTool,
    PictureSide,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MeasureCode
from spinealign.measure.geometry.challenge_cobb import challenge_cobb
from spinealign.measure.geometry.coronal_curves import CoronalCurve, coronal_curves
from spinealign.measure.geometry.lines import Line, angle_between_deg, slope_deg
from spinealign.measure.geometry.sampled import (
    MeasureInputs,
    PlacedPoints,
    SampledMeasure,
    Side,
    Used,
    side_of,
)
from spinealign.measure.geometry.spine import Body, BodyLine, PlacedMarks, Spine
from spinealign.measure.geometry.strokes import Pen, Strokes

Points = NDArray[np.float64]
Values = NDArray[np.float64]

_FEWEST = 3
"""Fewer bodies make no curve. Source: a curve has two end vertebrae and an apex."""

_THORACIC = (MeasureCode.CURVE_PROXIMAL_THORACIC, MeasureCode.CURVE_MAIN_THORACIC)
_CHALLENGE = (
    MeasureCode.CHALLENGE_COBB_1,
    MeasureCode.CHALLENGE_COBB_2,
    MeasureCode.CHALLENGE_COBB_3,
)


def coronal_measures(spine: Spine, picture_height: float | None) -> Iterator[SampledMeasure]:
    """Yield what a frontal film tells; what cannot be taken with the reason.

    Parameters
    ----------
    spine : Spine
    picture_height : float or None
        In the plane's unit; the challenge's angles depend on it, and are left out without it.
    """
    chain = named_bodies(spine)
    curves = list(curves_by_kind(chain))
    unnamed = unnamed_bodies(spine)
    if len(chain) < _FEWEST <= len(unnamed):
        chain, curves = unnamed, list(largest_curve(unnamed))
    for code, curve in curves:
        yield _cobb(spine, chain, code, curve)
    for code, level, part in (
        (MeasureCode.T1_TILT, "T1", BodyLine.SUPERIOR),
        (MeasureCode.L5_TILT, "L5", BodyLine.INFERIOR),
    ):
        yield _tilt(spine, code, level, part)
    yield _balance(spine)
    yield _trunk_shift(spine)
    for code, curve in curves:
        yield _apical_translation(spine, chain, code, curve)
    if picture_height is not None:
        yield from _of_challenge(spine, chain, picture_height)


def named_bodies(spine: Spine) -> list[Body]:
    """Return the bodies with a level from T1 to L5 and all four corners, from the top."""
    return [
        body for body in spine.bodies
        if body.vertebra.level in COLUMN_LEVELS
        and all(name in body.points for name in FRONTAL_CORNERS)
    ]  # fmt: skip


def unnamed_bodies(spine: Spine) -> list[Body]:
    """Return the bodies without a level that have all four corners, from the top."""
    return [
        body for body in spine.bodies
        if body.vertebra.level is None and all(name in body.points for name in FRONTAL_CORNERS)
    ]  # fmt: skip


def largest_curve(bodies: Sequence[Body]) -> Iterator[tuple[MeasureCode, CoronalCurve]]:
    """Yield the largest curve of bodies without levels, whose part of the spine is not known."""
    found = coronal_curves(corners_of(bodies))
    if found:
        yield MeasureCode.CURVE_UNNAMED, max(found, key=lambda one: abs(one.angle_deg))


def corners_of(bodies: Sequence[Body]) -> Points:
    """Return the exact corners (n, 4, 2) of bodies: superior left, then on with the clock."""
    return np.array([[body.points[name][0] for name in FRONTAL_CORNERS] for body in bodies])


def curves_by_kind(bodies: Sequence[Body]) -> Iterator[tuple[MeasureCode, CoronalCurve]]:
    """Yield the curves from the top; of several of one part of the spine the largest has its kind.

    The others are `MeasureCode.CURVE_FURTHER`.
    """
    if len(bodies) < _FEWEST:
        return
    found = coronal_curves(corners_of(bodies))
    kinds = [kind_of([bodies[place].name for place in curve.apex]) for curve in found]
    largest: dict[MeasureCode, CoronalCurve] = {}
    for kind, curve in zip(kinds, found, strict=True):
        kept = largest.get(kind)
        if kept is None or abs(curve.angle_deg) > abs(kept.angle_deg):
            largest[kind] = curve
    for kind, curve in zip(kinds, found, strict=True):
        yield (kind if largest[kind] is curve else MeasureCode.CURVE_FURTHER), curve


def _cobb(
    spine: Spine, chain: Sequence[Body], code: MeasureCode, curve: CoronalCurve
) -> SampledMeasure:
    upper = _side(chain[curve.upper], BodyLine.SUPERIOR)
    lower = _side(chain[curve.lower], BodyLine.INFERIOR)
    signed = angle_between_deg(upper.line.run, lower.line.run)
    is_to_the_right = curve.angle_deg > 0
    side = PictureSide.RIGHT if is_to_the_right else PictureSide.LEFT
    apex = tuple(chain[place].name for place in curve.apex)
    shape = CurveShape(apex, side, spine.plane.geometry.patient_side(side))
    return SampledMeasure(
        code, (upper.body.name, lower.body.name), signed if is_to_the_right else -signed,
        (upper, lower), _strokes(spine, upper.line, lower.line, is_to_the_right),
        curve=shape,
    )  # fmt: skip


def _strokes(spine: Spine, upper: Line, lower: Line, is_to_the_right: bool) -> Strokes:
    """Draw the angle on the concave side, where the endplates converge."""
    if not is_to_the_right:
        upper, lower = Line(upper.end, upper.start), Line(lower.end, lower.start)
    return Pen(spine.plane).cobb(upper, lower)


def _side(body: Body, part: BodyLine) -> Side:
    side = side_of(body, part)
    assert side is not None  # `named_bodies` have all corners
    return side


def _tilt(spine: Spine, code: MeasureCode, level: str, part: BodyLine) -> SampledMeasure:
    body = spine.by_level.get(level)
    side = None if body is None else side_of(body, part)
    if side is None:
        is_absent = body is None
        missing = (
            UnmeasurableReason.NOT_OUTLINED if is_absent else UnmeasurableReason.CORNERS_MISSING
        )
        return SampledMeasure(code, (level,), unmeasurable=Unmeasurable(missing, (level,)))
    strokes = Pen(spine.plane).slope(side.line)
    return SampledMeasure(code, (level,), slope_deg(side.line), (side,), strokes)


_NO_PLUMB_POINTS = Unmeasurable(UnmeasurableReason.PLUMB_POINTS_MISSING)


def _balance(spine: Spine) -> SampledMeasure:
    """Return how far C7 lies to the right of the sacral midline."""
    code, levels = MeasureCode.CORONAL_BALANCE, ("C7", "S1")
    marks = spine.marks.get(DrawingTool.PLUMB_POINTS)
    if marks is None:
        return SampledMeasure(code, levels, unmeasurable=_NO_PLUMB_POINTS)
    neck, sacrum = marks.places
    away = neck[:, 0] - sacrum[:, 0]
    strokes = Pen(spine.plane).plumb(neck, sacrum)
    return SampledMeasure(code, levels, away, (_placed(marks),), strokes, graded=np.abs(away))


def _placed(marks: PlacedMarks) -> PlacedPoints:
    return PlacedPoints(marks.points)


def _trunk_shift(spine: Spine) -> SampledMeasure:
    """Return how far the middle of the chest lies to the right of the sacral midline."""
    code, levels = MeasureCode.TRUNK_SHIFT, ()
    plumb = spine.marks.get(DrawingTool.PLUMB_POINTS)
    chest = spine.marks.get(DrawingTool.CHEST_EDGES)
    if plumb is None or chest is None:
        missing = UnmeasurableReason.CHEST_EDGES_MISSING
        why = _NO_PLUMB_POINTS if plumb is None else Unmeasurable(missing)
        return SampledMeasure(code, levels, unmeasurable=why)
    middle, sacrum = (chest.places[0] + chest.places[1]) / 2, plumb.places[1]
    strokes = Pen(spine.plane).plumb(middle, sacrum)
    used = (_placed(chest), _placed(plumb))
    return SampledMeasure(code, levels, middle[:, 0] - sacrum[:, 0], used, strokes)


def _apical_translation(
    spine: Spine, chain: Sequence[Body], kind: MeasureCode, curve: CoronalCurve
) -> SampledMeasure:
    """Return how far a curve's apex lies to the right of its plumb line.

    Of thoracic curves that is the one through C7, of the others the sacral midline.
    """
    bodies = [chain[place] for place in curve.apex]
    code, levels = MeasureCode.APICAL_TRANSLATION, tuple(body.name for body in bodies)
    marks = spine.marks.get(DrawingTool.PLUMB_POINTS)
    if marks is None:
        return SampledMeasure(code, levels, unmeasurable=_NO_PLUMB_POINTS)
    kind = region_of(kind, levels)
    plumb = marks.places[0 if kind in _THORACIC else 1]
    apex = np.mean([body.points[name] for body in bodies for name in FRONTAL_CORNERS], axis=0)
    used: tuple[Used, ...] = (
        *(MeasureInputs(body, FRONTAL_CORNERS) for body in bodies),
        _placed(marks),
    )
    strokes = Pen(spine.plane).plumb(plumb, apex)
    return SampledMeasure(code, levels, apex[:, 0] - plumb[:, 0], used, strokes)


def _of_challenge(
    spine: Spine, chain: Sequence[Body], picture_height: float
) -> Iterator[SampledMeasure]:
    """Yield the angles that the AASCE challenge defines, of the bodies that were found.

    The challenge has all of them from T1 to L5; of fewer the angles may be smaller.
    """
    if len(chain) < _FEWEST:
        found = {body.name for body in chain}
        absent = tuple(level for level in COLUMN_LEVELS if level not in found)
        why = Unmeasurable(UnmeasurableReason.NOT_OUTLINED, absent)
        yield from (SampledMeasure(code, (), unmeasurable=why) for code in _CHALLENGE)
        return
    pairs = challenge_cobb(corners_of(chain), picture_height).pairs
    for code, pair in zip(_CHALLENGE, pairs, strict=True):
        bodies = [chain[place] for place in pair]
        used = tuple(MeasureInputs(body, FRONTAL_CORNERS) for body in bodies)
        one, other = (_mid_line(body) for body in bodies)
        angle = angle_between_deg(one, other)
        yield SampledMeasure(code, (), angle if angle[0] >= 0 else -angle, used)


def _mid_line(body: Body) -> Points:
    """Return the vectors (S, 2) between the middles of both sides, to the right."""
    upper_left, upper_right, lower_right, lower_left = (
        body.points[name] for name in FRONTAL_CORNERS
    )
    return (upper_right + lower_right - upper_left - lower_left) / 2
