"""How the bodies of each segment stand to each other, to be compared in flexion and extension."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from spinealign.domain.findings import Analysis, Facing
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.geometry.sampled import SampledMeasure, measurements_of
from spinealign.measure.geometry.segments import discs_of, listheses, translations
from spinealign.measure.geometry.spine import Spine, displaced_spine

Levels = tuple[str, ...]


@dataclass(frozen=True)
class SegmentPosition:
    """How a body stands to the one below it.

    A measurement without a value says why; none of the three carries a grade, because the
    limits of neutral images do not hold for bent ones.

    Parameters
    ----------
    levels : tuple of str
        The body above and the body below: ("C4", "C5").
    angle : Measurement or None
        From body to body in degrees, lordosis positive; None where an endplate is missing.
    translation : Measurement or None
        Offset of the posterior walls at the disc, positive with the upper body in front; in mm,
        or in px without spacing.
    translation_percent : Measurement or None
        The same at the lower body's superior endplate, in per cent of that endplate's length:
        free of magnification, so that it can be compared between two films.
    """

    levels: Levels
    angle: Measurement | None
    translation: Measurement | None
    translation_percent: Measurement | None


def segment_positions(analysis: Analysis) -> tuple[SegmentPosition, ...]:
    """Return the position of every segment whose levels are certain, from the top.

    Empty where the levels or the side that the patient looks to are unknown.
    """
    if analysis.levels_uncertain or not analysis.vertebrae:
        return ()
    angles = _by_levels(
        replace(measurement, severity=None, normal=None)
        for measurement in analysis.measurements
        if measurement.code is MeasureCode.BODY_SEGMENTAL_ANGLE
    )
    facing = None if analysis.facing is None else Facing(analysis.facing)
    spine = displaced_spine(analysis.vertebrae, facing, PixelGeometry.of(analysis.image))
    found = measurements_of(_offsets(spine), spine, analysis.interval_rule)
    offsets = _by_levels(m for m in found if m.code is MeasureCode.TRANSLATION)
    shares = _by_levels(m for m in found if m.code is MeasureCode.LISTHESIS_PERCENT)
    return tuple(
        SegmentPosition(levels, angles.get(levels), offsets.get(levels), shares.get(levels))
        for upper, lower in spine.neighbours()
        if (levels := (upper.name, lower.name)) in angles.keys() | offsets.keys() | shares.keys()
    )


def _offsets(spine: Spine) -> Iterator[SampledMeasure]:
    discs = discs_of(spine)
    for measure in (*translations(spine, discs), *listheses(spine, discs)):
        yield replace(measure, is_graded=False)


def _by_levels(measurements: Iterable[Measurement]) -> dict[Levels, Measurement]:
    return {measurement.levels: measurement for measurement in measurements}
