"""A measure as it was taken on displaced points, before it becomes a `Measurement`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import BY_PERSON, UNSURE, VertebraState
from spinealign.domain.measurements import (
    CurveShape,
    IntervalRule,
    MeasuredPoint,
    Measurement,
    Stroke,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MEASURES, MeasureCode, NormalRange, Severity
from spinealign.measure.geometry.lines import Line
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.geometry.spine import Body, BodyLine, Spine
from spinealign.measure.geometry.uncertainty import Spread, spread_of

Values = NDArray[np.float64]

_USUAL_HEIGHT_MM = {"C": 14.0, "T": 20.0, "L": 27.0, "S": 27.0}
"""About how high a vertebral body is, by the first letter of its level, in millimetres.

Source: unknown; set by hand. Readers' limits in millimetres are brought to images without
spacing with it; no length is told in it.
"""


@dataclass(frozen=True, eq=False)
class MeasureInputs:
    """Points of one body that a measure used."""

    body: Body
    names: tuple[str, ...]

    @property
    def points(self) -> tuple[MeasuredPoint, ...]:
        """The points as measurements list them."""
        return tuple(self.body.measured[name] for name in self.names)

    @property
    def is_by_hand(self) -> bool:
        """Whether a person stands for every point."""
        return all(point.source in BY_PERSON for point in self.points)

    @property
    def is_hidden(self) -> bool:
        """Whether a point is the program's own on a body that it was unsure of."""
        return not self.is_by_hand and self.body.vertebra.state in UNSURE


@dataclass(frozen=True)
class PlacedPoints:
    """Points that a person placed, of no body, which a measure used."""

    points: tuple[MeasuredPoint, ...]


@dataclass(frozen=True, eq=False)
class Side(MeasureInputs):
    """A side of a body as a measure used it."""

    line: Line


Used = MeasureInputs | PlacedPoints
"""Where the points that a measure used come from."""


def side_of(body: Body, part: BodyLine) -> Side | None:
    """Return a side of a body, or None where a point of it is missing."""
    line = body.line_of(part)
    return None if line is None else Side(body, body.ends_of(part), line)


def sides_of(spine: Spine, *wanted: tuple[str, BodyLine]) -> tuple[Side, ...] | Unmeasurable:
    """Return sides of levels for a measure with a sign, or why one cannot be had."""
    found = [(level, _side(spine, level, part)) for level, part in wanted]
    lacking = [level for level, side in found if side is None]
    if lacking or not spine.is_signed:
        return why_not(spine, [level for level, _ in wanted], lacking)
    return tuple(side for _, side in found if side is not None)


def _side(spine: Spine, level: str, part: BodyLine) -> Side | None:
    body = spine.by_level.get(level)
    return None if body is None else side_of(body, part)


def why_not(spine: Spine, levels: Sequence[str], lacking: Sequence[str]) -> Unmeasurable:
    """Return why a measure with a sign cannot be taken.

    Parameters
    ----------
    spine : Spine
    levels, lacking : sequence of str
        The levels that the measure needs, and those whose points are not all there.
    """
    if not spine.has_levels:
        return Unmeasurable(UnmeasurableReason.LEVELS_UNKNOWN)
    absent = tuple(level for level in levels if level not in spine.by_level)
    if absent:
        return Unmeasurable(UnmeasurableReason.NOT_OUTLINED, absent)
    if not spine.is_signed:
        return Unmeasurable(UnmeasurableReason.FACING_UNKNOWN)
    is_cut = spine.by_level[lacking[-1]].vertebra.state is VertebraState.CUT
    reason = UnmeasurableReason.CUT_OFF if is_cut else UnmeasurableReason.CORNERS_MISSING
    return Unmeasurable(reason, (lacking[-1],))


@dataclass(frozen=True, eq=False)
class SampledMeasure:
    """One measure of one place.

    Parameters
    ----------
    code : MeasureCode
    levels : tuple of str
    values : ndarray of float64, shape (S,), or None
        The exact value first; None when it could not be taken.
    used : tuple of MeasureInputs or PlacedPoints
    strokes : tuple of Stroke
    unmeasurable : Unmeasurable or None
        Why there are no values.
    graded : ndarray of float64, shape (S,), or None
        What thresholds are compared with, where it is not the value itself.
    is_graded : bool
        Whether the measure's thresholds apply here at all.
    replaces : frozenset of MeasureCode
        Measures without a value that this one is taken for, and not otherwise.
    curve : CurveShape or None
        Of a curve of the spine seen from the front.
    """

    code: MeasureCode
    levels: tuple[str, ...]
    values: Values | None = None
    used: tuple[Used, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    unmeasurable: Unmeasurable | None = None
    graded: Values | None = None
    is_graded: bool = True
    replaces: frozenset[MeasureCode] = frozenset()
    curve: CurveShape | None = None


def measurements_of(
    taken: Iterable[SampledMeasure], spine: Spine, rule: IntervalRule
) -> tuple[Measurement, ...]:
    """Return measurements with intervals, ranges and severities, in the order given.

    A measure that only replaces others is left out where one of these has a value, or where
    it has none itself.
    """
    found: list[Measurement] = []
    for measure in taken:
        if not any(one.code in measure.replaces and one.is_measurable for one in found):
            taken_one = _measurement(_checked(measure), spine, rule)
            if taken_one.is_measurable or not measure.replaces:
                found.append(taken_one)
    return tuple(found)


def _measurement(measure: SampledMeasure, spine: Spine, rule: IntervalRule) -> Measurement:
    geometry = spine.plane.geometry
    if measure.values is None:
        return not_measured(measure.code, measure.levels, measure.unmeasurable, geometry)
    spread = spread_of(measure.values, spine.is_by_hand)
    if rule.is_limited and _is_uncertain(measure, spread, rule, geometry):
        why = Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, _bodies_to_check(measure))
        return not_measured(measure.code, measure.levels, why, geometry)
    return _measured(measure, measure.values, spine, rule)


def _is_uncertain(
    measure: SampledMeasure, spread: Spread, rule: IntervalRule, geometry: PixelGeometry
) -> bool:
    """Whether the program's points leave a value an interval wider than a reader's own.

    It is uncertain as well where the interval of a size reaches down to none at all.
    """
    if measure.values is None or not spread.program:
        return False
    half = spread.half_width(rule.factor_of(measure.code))
    is_none = MEASURES[measure.code].is_size and measure.values[0] <= half
    return is_none or _is_wide(measure, half, geometry)


def _is_wide(measure: SampledMeasure, half: float, geometry: PixelGeometry) -> bool:
    """Whether half of an interval is wider than the one of a reader without the program."""
    limit = MEASURES[measure.code].reader_limit
    if limit is None:
        return False
    scale = _pixels_in_a_mm(measure) if unit_of(measure.code, geometry) == "px" else 1.0
    return half > limit.half_width * scale


def _pixels_in_a_mm(measure: SampledMeasure) -> float:
    """Return about how long a millimetre is on an image without spacing, by the bodies measured."""
    bodies = [used.body for used in measure.used if isinstance(used, MeasureInputs)]
    return float(np.median([body.height / usual_height_mm(body.name) for body in bodies]))


def usual_height_mm(name: str) -> float:
    """Return about how high the body of a level is, in millimetres; without one, of the neck."""
    return _USUAL_HEIGHT_MM.get(name[0], _USUAL_HEIGHT_MM["C"])


def _bodies_to_check(measure: SampledMeasure) -> tuple[str, ...]:
    """Return the bodies with points of the program's own, or all where every point is placed."""
    bodies = [used for used in measure.used if isinstance(used, MeasureInputs)]
    own = [used for used in bodies if not used.is_by_hand]
    return tuple(dict.fromkeys(used.body.name for used in own or bodies))


def _interval(
    measure: SampledMeasure, values: Values, spine: Spine, rule: IntervalRule
) -> tuple[float, float]:
    """Return the 95 % interval of a measure, or of what its thresholds are compared with."""
    value = float(values[0])
    half = spread_of(values, spine.is_by_hand).half_width(rule.factor_of(measure.code))
    low = value - half
    return (max(low, 0.0) if MEASURES[measure.code].is_size else low, value + half)


def by_importance(measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Return measurements with the most important first; levels of one measure stay in order."""
    return tuple(sorted(measurements, key=_importance))


def _importance(measurement: Measurement) -> int:
    return measurement.definition.importance


def _checked(measure: SampledMeasure) -> SampledMeasure:
    """Return a measure without a value where points that coincide leave none."""
    if measure.values is None or np.isfinite(measure.values[0]):
        return measure
    why = Unmeasurable(UnmeasurableReason.CORNERS_MISSING, measure.levels[-1:])
    return SampledMeasure(measure.code, measure.levels, unmeasurable=why)


def not_measured(
    code: MeasureCode, levels: tuple[str, ...], why: Unmeasurable | None, geometry: PixelGeometry
) -> Measurement:
    """Return a measure without a value, for a reason."""
    return Measurement(code, None, unit_of(code, geometry), levels, unmeasurable=why)


def _measured(
    measure: SampledMeasure, values: Values, spine: Spine, rule: IntervalRule
) -> Measurement:
    geometry = spine.plane.geometry
    value = float(values[0])
    return Measurement(
        code=measure.code,
        value=value,
        unit=unit_of(measure.code, geometry),
        levels=measure.levels,
        hidden=tuple(
            used.body.name
            for used in measure.used
            if isinstance(used, MeasureInputs) and used.is_hidden
        ),
        points=tuple(point for used in measure.used for point in used.points),
        interval=_interval(measure, values, spine, rule),
        normal=normal_of(measure, spine),
        severity=_severity(measure, values, spine, rule),
        automatic_value=value,
        strokes=measure.strokes,
        curve=measure.curve,
    )


def _severity(
    measure: SampledMeasure, values: Values, spine: Spine, rule: IntervalRule
) -> Severity | None:
    """Return the grade of a measure, or None.

    What a network's points on a film leave vaguer than a reader's own value is told as a grade
    only where it is sure: on 19 standing films' necks all four segments that were "possibly" over
    the limit of their neighbours, with intervals of 12 to 14 degrees to either side, were not so
    by the reader, and on 33 head films both of 6 degrees were (docs/design/intervals.md).
    """
    graded = values if measure.graded is None else measure.graded
    if not measure.is_graded or not thresholds_hold(measure.code, spine.plane.geometry):
        return None
    low, high = _interval(measure, graded, spine, rule)
    definition = MEASURES[measure.code]
    if definition.is_graded_if_surely_positive and low <= 0:
        return None
    if definition.is_graded_on_films_if_sure and _is_of_network_on_film(graded, spine, rule):
        ends = (definition.severity_of(end, end, end) for end in (low, high))
        if None in ends:
            return None
    found = definition.severity_of(float(graded[0]), low, high)
    if found is None or not found.is_possible:
        return found
    is_vague = _is_of_network_on_film(graded, spine, rule) and _is_wide(
        measure, high - float(graded[0]), spine.plane.geometry
    )
    return None if is_vague else found


def _is_of_network_on_film(graded: Values, spine: Spine, rule: IntervalRule) -> bool:
    """Whether a value rests on points that a network placed on a radiograph."""
    return rule.is_limited and spread_of(graded, spine.is_by_hand).program > 0


def unit_of(code: MeasureCode, geometry: PixelGeometry) -> str:
    """Return the unit that a measure has on an image: lengths are in pixels without spacing."""
    definition = MEASURES[code]
    return geometry.unit if definition.is_length else definition.quantity.value


def normal_of(measure: SampledMeasure, spine: Spine) -> NormalRange | None:
    """Return the reference range of a measure, unless its millimetres do not hold here."""
    if not thresholds_hold(measure.code, spine.plane.geometry):
        return None
    return MEASURES[measure.code].normal_for(measure.levels, spine.age_years)


def thresholds_hold(code: MeasureCode, geometry: PixelGeometry) -> bool:
    """Whether a measure's ranges and thresholds may be compared with values of an image."""
    return geometry.are_lengths_true or not MEASURES[code].is_length
