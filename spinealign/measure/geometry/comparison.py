"""Examinations of one patient, measure by measure: two of them, or a course."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from spinealign.domain.comparison import (
    PROGRESSION_DEG,
    Change,
    ComparedMeasure,
    Course,
    CourseRow,
    ErrorOfChange,
    PatientExamination,
    in_order,
    published_limit,
    reaches_progression,
)
from spinealign.domain.errors import PatientsDifferError
from spinealign.domain.findings import Analysis
from spinealign.domain.identifiers import PatientMatch
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import (
    IntervalRule,
    Measurement,
    MeasureState,
    UnmeasurableReason,
)
from spinealign.domain.measures import Extent, MeasureDefinition
from spinealign.measure.geometry.same_curves import (
    angle_between_deg,
    as_same_curves,
    is_other_side,
)

Key = tuple[str, tuple[str, ...]]


def compare(first: Analysis, second: Analysis) -> tuple[ComparedMeasure, ...]:
    """Pair the measures of two examinations by `Measurement.key` and subtract them.

    Drawn measures are left out: the first line drawn on one image is not the first
    line drawn on the other. Whose images they are is not asked here; see `require_one_patient`.

    Returns
    -------
    tuple of ComparedMeasure
        What changed, in the order of the first examination; then what else can be subtracted,
        then what both have, then what only one of them has.
    """
    before = values_by_key(first)
    after = as_same_curves(values_by_key(second), before)
    keys = dict.fromkeys((*before, *after))
    uncertain = _uncertain(first), _uncertain(second)
    pair = MeasurePair(measured_with(first), measured_with(second))
    rows = [pair.compared(before.get(key), after.get(key)) for key in keys]
    doubted = (_with_doubt(row, *uncertain) for row in rows)
    told = (_of_curve(row, first, second) if row.is_of_curve else row for row in doubted)
    return tuple(sorted(told, key=_rank))


def _of_curve(row: ComparedMeasure, first: Analysis, second: Analysis) -> ComparedMeasure:
    """Return a curve with its angle on the same end vertebrae, and why it has no counterpart."""
    if row.first is None or row.second is None:
        is_nameless = first.levels_uncertain or second.levels_uncertain
        is_missing = row.change in (Change.ONLY_FIRST, Change.ONLY_SECOND)
        return replace(row, change=Change.UNNAMED_LEVELS) if is_nameless and is_missing else row
    if row.difference is None or not row.has_other_ends or row.second.curve is None:
        return row
    side = row.second.curve.convex_to
    return replace(row, on_first_ends=angle_between_deg(second, row.first.levels, side))


def require_one_patient(examinations: Sequence[PatientExamination]) -> None:
    """Refuse examinations that by their files are of different patients.

    Raises
    ------
    PatientsDifferError
        Naming the files of two that differ.
    """
    for one, other in combinations(examinations, 2):
        if one.match(other) is PatientMatch.OTHER:
            raise PatientsDifferError(
                one.analysis.image.source_path, other.analysis.image.source_path
            )


def course_of(examinations: Sequence[PatientExamination]) -> Course:
    """Put the measures of several examinations of one patient in the order of their dates.

    Returns
    -------
    Course
        Measures that more than one examination has a value for: those that changed against the
        first, then the others, in the order of the first examination.
    """
    ordered = in_order(examinations)
    found: list[dict[Key, Measurement]] = []
    known: dict[Key, Measurement] = {}
    for one in ordered:
        found.append(as_same_curves(values_by_key(one.analysis), known))
        known |= found[-1]
    keys = dict.fromkeys(key for values in found for key in values)
    rows = [
        _course_row(ordered, [values.get(key) for values in found])
        for key in keys
        if sum(key in values for values in found) > 1
    ]
    return Course(ordered, tuple(sorted(rows, key=_is_unchanged)))


def _is_unchanged(row: CourseRow) -> bool:
    return all(one is None or one.change is not Change.BEYOND for one in row.changes)


def _course_row(
    examinations: Sequence[PatientExamination], values: Sequence[Measurement | None]
) -> CourseRow:
    start = next(place for place, value in enumerate(values) if value is not None)
    first = measured_with(examinations[start].analysis)
    changes = [
        None
        if value is None or place <= start
        else MeasurePair(first, measured_with(one.analysis)).compared(values[start], value)
        for place, (one, value) in enumerate(zip(examinations, values, strict=True))
    ]
    return CourseRow(tuple(values), tuple(changes), _latest(examinations, values))


def _latest(
    examinations: Sequence[PatientExamination], values: Sequence[Measurement | None]
) -> ComparedMeasure | None:
    """Return the last value against the one before; None where the last examination has none."""
    seen = [place for place, value in enumerate(values) if value is not None]
    if len(seen) < 2 or seen[-1] != len(values) - 1:
        return None
    before, last = seen[-2:]
    bases = (measured_with(examinations[place].analysis) for place in (before, last))
    return MeasurePair(*bases).compared(values[before], values[last])


def error_of_change(
    first: Measurement, second: Measurement, rules: tuple[IntervalRule, IntervalRule]
) -> ErrorOfChange | None:
    """Return how far two values of a measure differ where nothing changed; None if not known.

    Parameters
    ----------
    first, second : Measurement
        In the same unit.
    rules : tuple of IntervalRule
        Of the analyses that they come from.

    Notes
    -----
    What readers of radiographs differ by is the least on MR too: on a patient of a scanner that
    the measured factors do not know, they alone marked too many changes.
    """
    if first.interval is None or second.interval is None:
        return None
    measured = _measured(first, second, rules)
    published = published_limit(first.definition)
    halves = (measured, None if published is None else published.half_width)
    known = [half for half in halves if half is not None]
    return ErrorOfChange(max(known), measured, published) if known else None


def _measured(
    first: Measurement, second: Measurement, rules: tuple[IntervalRule, IntervalRule]
) -> float | None:
    """Return half of the 95 % interval of a difference without a change, as measured.

    Notes
    -----
    An interval is a factor times the standard deviation of the value; the standard deviation of
    a difference is that of both values together. Where a person placed points, the share of
    their own error is not known any more, so an interval is widened for it, never narrowed.
    """
    factors = [rule.change_factors.get(first.code) for rule in rules]
    known = [factor for factor in factors if factor is not None]
    if len(known) < len(rules):
        return None
    factor = max(known)
    halves = [_half_width(one) for one in (first, second)]
    widths = [
        half * _widened(factor / rule.factor_of(one.code), one)
        for half, one, rule in zip(halves, (first, second), rules, strict=True)
    ]
    return math.hypot(*widths)


def _half_width(measurement: Measurement) -> float:
    """Return half of an interval: its upper end is never cut off at zero."""
    assert measurement.interval is not None
    assert measurement.value is not None
    return measurement.interval[1] - measurement.value


def _widened(by: float, measurement: Measurement) -> float:
    return by if measurement.state is MeasureState.AUTOMATIC else max(by, 1.0)


def values_by_key(analysis: Analysis) -> dict[Key, Measurement]:
    """Return the measures that have a value and can be found again on another image."""
    return {
        measurement.key: measurement
        for measurement in analysis.measurements
        if measurement.state is not MeasureState.DRAWN
        and measurement.value is not None
        and math.isfinite(measurement.value)
    }


def _uncertain(analysis: Analysis) -> frozenset[Key]:
    """Return the measures that have no value because the outlines are uncertain."""
    return frozenset(
        measurement.key
        for measurement in analysis.measurements
        if measurement.unmeasurable is not None
        and measurement.unmeasurable.reason is UnmeasurableReason.OUTLINES_UNCERTAIN
    )


def _with_doubt(
    row: ComparedMeasure, on_first: frozenset[Key], on_second: frozenset[Key]
) -> ComparedMeasure:
    """Return a row with the reason why one examination has no value, where that is doubt."""
    if row.first is None and row.either.key in on_first:
        return replace(row, change=Change.UNCERTAIN_FIRST)
    if row.second is None and row.either.key in on_second:
        return replace(row, change=Change.UNCERTAIN_SECOND)
    return row


def _rank(row: ComparedMeasure) -> int:
    if row.difference is not None:
        return 0 if row.change is Change.BEYOND else 1
    return 2 if row.first is not None and row.second is not None else 3


@dataclass(frozen=True)
class MeasuredWith:
    """What values of one examination rest on, as far as a comparison asks.

    Parameters
    ----------
    rule : IntervalRule
        Of the network that placed the points.
    spacing_source : SpacingSource
    is_named : bool
        Whether the levels are certain.
    """

    rule: IntervalRule
    spacing_source: SpacingSource
    is_named: bool = True


def measured_with(analysis: Analysis) -> MeasuredWith:
    """Return what the values of an analysis rest on."""
    return MeasuredWith(
        analysis.interval_rule, analysis.image.spacing_source, not analysis.levels_uncertain
    )


class MeasurePair:
    """What two examinations leave comparable."""

    def __init__(self, first: MeasuredWith, second: MeasuredWith) -> None:
        self._is_named = first.is_named and second.is_named
        self._sources = (first.spacing_source, second.spacing_source)
        self._rules = (first.rule, second.rule)

    def compared(self, first: Measurement | None, second: Measurement | None) -> ComparedMeasure:
        """Return one measure on both."""
        if first is None or second is None:
            only = Change.ONLY_SECOND if first is None else Change.ONLY_FIRST
            return ComparedMeasure(first, second, only)
        obstacle = self._obstacle(first, second)
        if obstacle is not None:
            return ComparedMeasure(first, second, obstacle)
        assert first.value is not None
        assert second.value is not None
        difference = second.value - first.value
        is_magnified = first.unit == "mm" and SpacingSource.DETECTOR_PLANE in self._sources
        if is_magnified:
            return ComparedMeasure(first, second, Change.MAGNIFIED, difference)
        error = error_of_change(first, second, self._rules)
        change = _judged(first.definition, difference, error)
        return ComparedMeasure(first, second, change, difference, error)

    def _obstacle(self, first: Measurement, second: Measurement) -> Change | None:
        """Return why two values must not be subtracted, or None if they may."""
        if first.unit != second.unit:
            return Change.UNLIKE_UNITS
        if not self._is_named and first.levels:
            return Change.UNNAMED_LEVELS
        if is_other_side(first, second):
            return Change.OTHER_SIDE
        if first.unit == "px":
            return Change.PIXELS
        is_one_magnified = self._sources.count(SpacingSource.DETECTOR_PLANE) == 1
        return Change.ONE_MAGNIFIED if first.unit == "mm" and is_one_magnified else None


def _judged(
    definition: MeasureDefinition, difference: float, error: ErrorOfChange | None
) -> Change:
    """Return what a difference is worth; one of a curve counts from 5 degrees on, 5 included."""
    if error is None:
        return Change.UNJUDGED
    is_by_rule = definition.extent is Extent.CURVE and error.half_width == PROGRESSION_DEG
    is_more = abs(difference) > error.half_width
    is_beyond = reaches_progression(difference) if is_by_rule else is_more
    return Change.BEYOND if is_beyond else Change.WITHIN


def changed(rows: Iterable[ComparedMeasure]) -> tuple[ComparedMeasure, ...]:
    """Return the measures that changed by more than the error of a change."""
    return tuple(row for row in rows if row.change is Change.BEYOND)
