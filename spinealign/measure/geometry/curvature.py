"""Measures of the whole neck or back: curvature, balance over C7, and slopes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spinealign.domain.findings import LandmarkName
from spinealign.domain.measurements import Unmeasurable
from spinealign.domain.measures import MeasureCode
from spinealign.measure.geometry.lines import lordosis_deg, slope_deg
from spinealign.measure.geometry.sampled import (
    MeasureInputs,
    SampledMeasure,
    Side,
    sides_of,
    why_not,
)
from spinealign.measure.geometry.spine import BodyLine, OutlinePoint, Spine
from spinealign.measure.geometry.strokes import Pen

_LOWER_ENDS = ("C7", "C6", "C5", "C4", "C3")
_COBB_CODES = {"C7": MeasureCode.COBB_C2_C7, "C6": MeasureCode.COBB_C2_C6}
_SPAN = ("C2", "C7")
_KYPHOSES = {
    MeasureCode.THORACIC_KYPHOSIS_T4_T12: "T4",
    MeasureCode.THORACIC_KYPHOSIS_T5_T12: "T5",
}
_LAST_THORACIC = "T12"
_COBBS = frozenset({*_COBB_CODES.values(), MeasureCode.COBB_C2_LOWEST})


def spine_measures(spine: Spine) -> Iterator[SampledMeasure]:
    """Yield the measures of more than one segment; those that cannot be taken with the reason."""
    yield from _cobb(spine)
    yield _posterior_tangent(spine)
    yield _sagittal_vertical_axis(spine)
    yield _slope(spine, MeasureCode.C7_SLOPE, "C7")
    yield _slope(spine, MeasureCode.T1_SLOPE, "T1")
    yield _slope_minus_lordosis(spine)
    for code, top in _KYPHOSES.items():
        yield _kyphosis(spine, code, top)
    yield from _lumbar_lordosis(spine)
    code, ends = MeasureCode.LUMBAR_LORDOSIS_L4_S1, ("L4", "S1")
    yield _between_superior(spine, code, ends)


def _cobb(spine: Spine) -> Iterator[SampledMeasure]:
    """Yield C2–C7, and in its absence the longest angle there is, under its own name."""
    spans = list(_spans(spine, BodyLine.INFERIOR))
    if not spans or spans[0][0] != "C7":
        yield _unmeasurable(spine, MeasureCode.COBB_C2_C7, BodyLine.INFERIOR)
    for place, (lowest, sides) in enumerate(spans):
        upper, lower = (side.line for side in sides)
        yield SampledMeasure(
            _COBB_CODES.get(lowest, MeasureCode.COBB_C2_LOWEST),
            ("C2", lowest),
            lordosis_deg(upper, lower),
            sides,
            Pen(spine.plane).cobb(upper, lower),
            replaces=_COBBS if place else frozenset(),
        )


def _spans(spine: Spine, part: BodyLine) -> Iterator[tuple[str, tuple[Side, ...]]]:
    """Yield the levels that can be compared with C2, from below, with both sides."""
    for level in _LOWER_ENDS:
        sides = sides_of(spine, ("C2", part), (level, part))
        if not isinstance(sides, Unmeasurable):
            yield level, sides


def _unmeasurable(spine: Spine, code: MeasureCode, line: BodyLine) -> SampledMeasure:
    """Return a measure between C2 and C7 with the reason why it cannot be taken."""
    why = sides_of(spine, *((level, line) for level in _SPAN))
    assert isinstance(why, Unmeasurable)
    return SampledMeasure(code, _SPAN, unmeasurable=why)


def _posterior_tangent(spine: Spine) -> SampledMeasure:
    code = MeasureCode.POSTERIOR_TANGENT
    lowest, sides = next(_spans(spine, BodyLine.POSTERIOR_WALL), ("", ()))
    if not sides:
        return _unmeasurable(spine, code, BodyLine.POSTERIOR_WALL)
    upper, lower = (side.line for side in sides)
    strokes = Pen(spine.plane).tangents(upper, lower)
    return SampledMeasure(code, ("C2", lowest), lordosis_deg(upper, lower), sides, strokes)


def _sagittal_vertical_axis(spine: Spine) -> SampledMeasure:
    code = MeasureCode.SAGITTAL_VERTICAL_AXIS
    used = tuple(
        MeasureInputs(spine.by_level[level], (name,))
        for level, name in zip(
            _SPAN, (OutlinePoint.CENTRE, LandmarkName.POSTERIOR_SUPERIOR), strict=True
        )
        if level in spine.by_level and name in spine.by_level[level].points
    )
    if len(used) < len(_SPAN) or not spine.is_signed:
        there = [one.body.name for one in used]
        return SampledMeasure(
            code,
            _SPAN,
            unmeasurable=why_not(spine, _SPAN, [v for v in _SPAN if v not in there]),
        )
    centre, corner = (one.body.points[one.names[0]] for one in used)
    strokes = Pen(spine.plane).plumb(centre, corner)
    return SampledMeasure(code, _SPAN, centre[:, 0] - corner[:, 0], used, strokes)


def _slope(spine: Spine, code: MeasureCode, level: str) -> SampledMeasure:
    sides = sides_of(spine, (level, BodyLine.SUPERIOR))
    if isinstance(sides, Unmeasurable):
        return SampledMeasure(code, (level,), unmeasurable=sides)
    line = sides[0].line
    return SampledMeasure(code, (level,), slope_deg(line), sides, Pen(spine.plane).slope(line))


def _slope_minus_lordosis(spine: Spine) -> SampledMeasure:
    code, levels = MeasureCode.T1_SLOPE_MINUS_LORDOSIS, (*_SPAN, "T1")
    parts = (BodyLine.INFERIOR, BodyLine.INFERIOR, BodyLine.SUPERIOR)
    sides = sides_of(spine, *zip(levels, parts, strict=True))
    if isinstance(sides, Unmeasurable):
        return SampledMeasure(code, levels, unmeasurable=sides)
    upper, lower, base = (side.line for side in sides)
    pen = Pen(spine.plane)
    values = slope_deg(base) - lordosis_deg(upper, lower)
    return SampledMeasure(code, levels, values, sides, (*pen.cobb(upper, lower), *pen.slope(base)))


def _lumbar_lordosis(spine: Spine) -> Iterator[SampledMeasure]:
    """Yield L1–S1, and in its absence L1–L5 under its own name."""
    whole = _between_superior(spine, MeasureCode.LUMBAR_LORDOSIS_L1_S1, ("L1", "S1"))
    yield whole
    sides = sides_of(spine, ("L1", BodyLine.SUPERIOR), ("L5", BodyLine.INFERIOR))
    if not isinstance(sides, Unmeasurable):
        part = _angle(spine, MeasureCode.LUMBAR_LORDOSIS_L1_L5, ("L1", "L5"), sides)
        replaced = frozenset() if whole.values is None else frozenset({whole.code})
        yield replace(part, replaces=replaced)


def _between_superior(spine: Spine, code: MeasureCode, levels: tuple[str, str]) -> SampledMeasure:
    sides = sides_of(spine, *((level, BodyLine.SUPERIOR) for level in levels))
    return _angle(spine, code, levels, sides)


def _kyphosis(spine: Spine, code: MeasureCode, top: str) -> SampledMeasure:
    levels = (top, _LAST_THORACIC)
    sides = sides_of(spine, (top, BodyLine.SUPERIOR), (_LAST_THORACIC, BodyLine.INFERIOR))
    return _angle(spine, code, levels, sides, sign=-1.0)


def _angle(
    spine: Spine, code: MeasureCode, levels: tuple[str, str],
    sides: tuple[Side, ...] | Unmeasurable, sign: float = 1.0,
) -> SampledMeasure:  # fmt: skip
    """Return the angle between two sides, lordosis positive unless `sign` is -1."""
    if isinstance(sides, Unmeasurable):
        return SampledMeasure(code, levels, unmeasurable=sides)
    upper, lower = (side.line for side in sides)
    strokes = Pen(spine.plane).cobb(upper, lower)
    return SampledMeasure(code, levels, sign * lordosis_deg(upper, lower), sides, strokes)
