"""Two examinations of one patient, measure by measure."""

from __future__ import annotations

import math
from dataclasses import replace

from spinealign.domain.comparison import Change, ComparedMeasure
from spinealign.domain.findings import Analysis
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import Measurement, MeasureState, UnmeasurableReason

Key = tuple[str, tuple[str, ...]]


def compare(first: Analysis, second: Analysis) -> tuple[ComparedMeasure, ...]:
    """Pair the measures of two examinations by `Measurement.key` and subtract them.

    Drawn measures are left out: the first line drawn on one image is not the first
    line drawn on the other.

    Returns
    -------
    tuple of ComparedMeasure
        What can be subtracted, in the order of the first examination; then what both have,
        then what only one of them has.
    """
    before, after = _by_key(first), _by_key(second)
    keys = dict.fromkeys((*before, *after))
    named = not (first.levels_uncertain or second.levels_uncertain)
    sources = (first.image.spacing_source, second.image.spacing_source)
    rows = [_compared(before.get(key), after.get(key), named, sources) for key in keys]
    uncertain = _uncertain(first), _uncertain(second)
    return tuple(sorted((_with_doubt(row, *uncertain) for row in rows), key=_rank))


def difference_interval(first: Measurement, second: Measurement) -> tuple[float, float] | None:
    """Return the 95 % interval of second minus first, or None if one has no interval.

    The distances of each value from the ends of its interval are squared and added
    (Zou and Donner 2008, 10.1002/sim.3095), which keeps lopsided intervals lopsided.
    The two examinations are taken to be independent.
    """
    if first.interval is None or second.interval is None:
        return None
    if first.value is None or second.value is None:
        return None
    difference = second.value - first.value
    down = math.hypot(second.value - second.interval[0], first.interval[1] - first.value)
    up = math.hypot(second.interval[1] - second.value, first.value - first.interval[0])
    return difference - down, difference + up


def _by_key(analysis: Analysis) -> dict[Key, Measurement]:
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
        return 0
    return 1 if row.first is not None and row.second is not None else 2


def _compared(
    first: Measurement | None,
    second: Measurement | None,
    named: bool,
    sources: tuple[SpacingSource, SpacingSource],
) -> ComparedMeasure:
    if first is None or second is None:
        only = Change.ONLY_SECOND if first is None else Change.ONLY_FIRST
        return ComparedMeasure(first, second, only)
    obstacle = _obstacle(first, second, named, sources)
    if obstacle is not None:
        return ComparedMeasure(first, second, obstacle)
    assert first.value is not None
    assert second.value is not None
    interval = difference_interval(first, second)
    is_magnified = first.unit == "mm" and SpacingSource.DETECTOR_PLANE in sources
    change = Change.MAGNIFIED if is_magnified else _judged(interval)
    return ComparedMeasure(first, second, change, second.value - first.value, interval)


def _obstacle(
    first: Measurement,
    second: Measurement,
    named: bool,
    sources: tuple[SpacingSource, SpacingSource],
) -> Change | None:
    """Return why two values must not be subtracted, or None if they may."""
    if first.unit != second.unit:
        return Change.UNLIKE_UNITS
    if not named and first.levels:
        return Change.UNNAMED_LEVELS
    if first.unit == "px":
        return Change.PIXELS
    is_one_magnified = sources.count(SpacingSource.DETECTOR_PLANE) == 1
    return Change.ONE_MAGNIFIED if first.unit == "mm" and is_one_magnified else None


def _judged(interval: tuple[float, float] | None) -> Change:
    if interval is None:
        return Change.UNJUDGED
    low, high = interval
    return Change.WITHIN if low <= 0 <= high else Change.BEYOND
