"""Range of motion and translation of every level between flexion and extension."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from spinealign.domain.comparison import Change, ComparedMeasure, PatientExamination
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Analysis
from spinealign.domain.measurements import Measurement
from spinealign.domain.motion import (
    MOTION_LIMITS,
    Levels,
    MetSign,
    Motion,
    MotionSign,
    SegmentMotion,
)
from spinealign.measure.geometry.comparison import MeasurePair, compare, measured_with
from spinealign.measure.segment_positions import SegmentPosition, segment_positions


def motion_of(
    one: PatientExamination, other: PatientExamination, *, is_swapped: bool = False
) -> Motion:
    """Read two films of one patient as flexion and extension.

    The film with less lordosis between the same bodies is flexion; without a lordosis that both
    have, the first one is. Whose films they are is not asked here; see `require_one_patient`.

    Parameters
    ----------
    one, other : PatientExamination
        In any order.
    is_swapped : bool
        A person says that it is the other way round.
    """
    turn = _lordosis(one.analysis, other.analysis)
    is_turned = turn is not None and (turn.difference or 0.0) < 0
    flexion, extension = (other, one) if is_turned != is_swapped else (one, other)
    segments = tuple(_segments(flexion.analysis, extension.analysis))
    seen = {**_positions(flexion.analysis), **_positions(extension.analysis)}
    measured = {segment.levels for segment in segments}
    return Motion(
        flexion,
        extension,
        _lordosis(flexion.analysis, extension.analysis),
        segments,
        tuple(levels for levels in sorted(seen, key=_place) if levels not in measured),
        is_told=turn is not None,
    )


def _place(levels: Levels) -> int:
    return LEVEL_SEQUENCE.index(levels[0])


def _lordosis(first: Analysis, second: Analysis) -> ComparedMeasure | None:
    """Return the most important lordosis that both have, subtracted."""
    return next(
        (
            row
            for row in compare(first, second)
            if row.either.definition.is_lordosis and row.difference is not None
        ),
        None,
    )


def _segments(flexion: Analysis, extension: Analysis) -> Iterator[SegmentMotion]:
    """Yield the motion of every level that both films show.

    Two angles between lines of two rigid bodies differ by as much as the bodies turn against
    each other, whichever lines they are.
    """
    pair = MeasurePair(measured_with(flexion), measured_with(extension))
    bent, stretched = _positions(flexion), _positions(extension)
    angles = {levels: _value(one.angle) for levels, one in bent.items()}
    for levels in bent:
        if levels in stretched:
            segment = _segment(pair, levels, bent[levels], stretched[levels])
            if segment is not None:
                excess = _excess(levels, angles)
                yield _with_signs(segment, excess)


def _positions(analysis: Analysis) -> dict[Levels, SegmentPosition]:
    return {(one.levels[0], one.levels[1]): one for one in segment_positions(analysis)}


def _segment(
    pair: MeasurePair, levels: Levels, bent: SegmentPosition, stretched: SegmentPosition
) -> SegmentMotion | None:
    rotation = _pair_of(pair, bent.angle, stretched.angle)
    if rotation is None or rotation.difference is None:
        return None
    return SegmentMotion(
        levels,
        rotation,
        _pair_of(pair, bent.translation, stretched.translation),
        _pair_of(pair, bent.translation_percent, stretched.translation_percent),
    )


def _pair_of(
    pair: MeasurePair, first: Measurement | None, second: Measurement | None
) -> ComparedMeasure | None:
    """Return a measure on both films; None unless both have a value."""
    if _value(first) is None or _value(second) is None:
        return None
    return pair.compared(first, second)


def _value(measurement: Measurement | None) -> float | None:
    return None if measurement is None else measurement.value


def _with_signs(segment: SegmentMotion, excess: float | None) -> SegmentMotion:
    segment = replace(segment, excess_deg=excess)
    return replace(segment, signs=tuple(_signs(segment)), unjudged=tuple(unjudged(segment)))


def _excess(levels: Levels, angles: Mapping[Levels, float | None]) -> float | None:
    """Return how much more kyphotic a segment is than the less lordotic of its neighbours."""
    own = angles[levels]
    around = [
        angle
        for (upper, lower), angle in angles.items()
        if angle is not None and (lower == levels[0] or upper == levels[1])
    ]
    return None if own is None or not around else min(around) - own


def _signs(segment: SegmentMotion) -> Iterator[MetSign]:
    limits = MOTION_LIMITS.get(segment.levels)
    if limits is None:
        return
    yield from _met(MotionSign.ROTATION, segment.rotation, limits.rotation_deg)
    length, share = segment.translation, segment.translation_percent
    if length is not None and _is_in_the_patient(length):
        yield from _met(MotionSign.TRANSLATION_MM, length, limits.translation_mm, on_one_film=True)
    if share is not None:
        yield from _met(
            MotionSign.TRANSLATION_PERCENT, share, limits.translation_percent, on_one_film=True
        )
    excess = segment.excess_deg
    if excess is not None and limits.excess_deg is not None and excess > limits.excess_deg:
        error = segment.rotation.error
        is_sure = error is not None and excess - error.half_width > limits.excess_deg
        yield MetSign(MotionSign.ANGLE_AGAINST_NEIGHBOURS, not is_sure)


def _is_in_the_patient(length: ComparedMeasure) -> bool:
    return length.unit == "mm" and length.change is not Change.MAGNIFIED


def unjudged(segment: SegmentMotion) -> Iterator[MotionSign]:
    """Yield the criteria of `MOTION_LIMITS` that nothing is known of at a level."""
    limits = MOTION_LIMITS.get(segment.levels)
    length, share = segment.translation, segment.translation_percent
    if length is None or length.difference is None or not _is_in_the_patient(length):
        yield MotionSign.TRANSLATION_MM
    if share is None or share.difference is None:
        yield MotionSign.TRANSLATION_PERCENT
    if limits is not None and limits.excess_deg is not None and segment.excess_deg is None:
        yield MotionSign.ANGLE_AGAINST_NEIGHBOURS


def _met(
    sign: MotionSign, compared: ComparedMeasure, limit: float, *, on_one_film: bool = False
) -> Iterator[MetSign]:
    """Yield a criterion where the difference, or the value of a film, is over its limit."""
    values = [abs(compared.difference)] if compared.difference is not None else []
    if on_one_film:
        values += [abs(m.value) for m in (compared.first, compared.second) if m and m.value]
    if values and max(values) > limit:
        error = compared.error
        yield MetSign(sign, error is None or max(values) - error.half_width <= limit)
