"""Measurements in words: in which order, with how many digits, inside or outside of what."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import LandmarkSource
from spinealign.domain.measurements import (
    FEMORAL_HEAD,
    DrawingTool,
    GreyValues,
    LengthUnit,
    Measurement,
    MeasureState,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MeasureCode, MeasureGroup, NormalRange
from spinealign.wording.definitions import GROUP_TITLES, MEASURE_WORDS
from spinealign.wording.measures import (
    curve_text,
    measure_name,
    measurement_name,
    method_text,
    range_source,
    reason_text,
    severity_text,
    sources_text,
)
from spinealign.wording.results import spacing_origin
from spinealign.wording.text import as_sentence, in_sentence, listed, safe_text

_SUFFIXES = {"deg": "°", "": ""}
_SMALL_GREY = 10.0
"""Below it grey values are fractions of something, as in NIfTI files of floating point."""

_DECIMALS = {"deg": 1, "mm": 1, "px": 1, "%": 0, "": 2}

PLACED_MANUALLY = "placed manually"
CONFIRMED = "points confirmed by the reader"
"""Who placed the points of a measure that rests on a person's points alone."""

HAND_HEADING = "Measured by hand on this image"

MEASURE_HEADINGS = (
    "Group", "Measure", "Value", "Unit", "95 % low", "95 % high", "95 % reference range",
    "Severity", "Placed by", "Automatic value", "Method", "Source", "Curve",
)  # fmt: skip


class InRange(Protocol):
    """What a reference range is drawn for: a measurement, or a finding with a reader's value."""

    @property
    def value(self) -> float | None:
        """In the unit of the range."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval (low, high)."""

    @property
    def normal(self) -> NormalRange | None:
        """The 95 % reference range."""


REACHES_BEYOND = "but its interval reaches beyond it"
"""Follows that a value lies within a range where its 95 % interval does not."""


class RangePosition(StrEnum):
    """Where a value and its 95 % interval lie against the reference range of healthy people."""

    INSIDE = "within the 95 % reference range"
    INSIDE_NEAR = f"within the 95 % reference range, {REACHES_BEYOND}"
    BELOW = "below the 95 % reference range"
    BELOW_NEAR = "below the 95 % reference range, but its interval reaches into it"
    ABOVE = "above the 95 % reference range"
    ABOVE_NEAR = "above the 95 % reference range, but its interval reaches into it"

    @property
    def is_inside(self) -> bool:
        """Whether the value itself lies inside."""
        return self in (RangePosition.INSIDE, RangePosition.INSIDE_NEAR)


_STATE_WORDS = {
    MeasureState.AUTOMATIC: "program",
    MeasureState.EDITED: "program, manually corrected",
    MeasureState.DRAWN: "drawn manually",
}


_PLACED_WITH = {
    UnmeasurableReason.FEMORAL_HEADS_MISSING: DrawingTool.FEMORAL_HEADS,
    UnmeasurableReason.FEMORAL_HEADS_IMPOSSIBLE: DrawingTool.FEMORAL_HEADS,
    UnmeasurableReason.PLUMB_POINTS_MISSING: DrawingTool.PLUMB_POINTS,
    UnmeasurableReason.CHEST_EDGES_MISSING: DrawingTool.CHEST_EDGES,
}
"""With which tool a person places what a measure lacks."""

PLACING_WORDS = {
    DrawingTool.FEMORAL_HEADS: "Place both femoral heads",
    DrawingTool.PLUMB_POINTS: "Place the middle of C7 and of S1",
    DrawingTool.CHEST_EDGES: "Place both edges of the chest",
}
"""On buttons."""

_POINT_SOURCES = {
    "network": "detected by the network",
    "contour": "from the outline",
    "user": "placed manually",
    "confirmed": "confirmed by the reader",
    "mask": "from the segmentation",
}


def grouped(
    measurements: Iterable[Measurement],
) -> tuple[tuple[MeasureGroup, tuple[Measurement, ...]], ...]:
    """Return the measures that have a value by group, what a person drew first.

    In a group their order stays.
    """
    groups = sorted(MeasureGroup, key=lambda group: group is not MeasureGroup.DRAWN)
    found: dict[MeasureGroup, list[Measurement]] = {group: [] for group in groups}
    for measurement in measurements:
        if has_value(measurement):
            found[measurement.definition.group].append(measurement)
    return tuple((group, tuple(rows)) for group, rows in found.items() if rows)


def has_value(measurement: Measurement) -> bool:
    """Whether there is a finite value."""
    return measurement.value is not None and math.isfinite(measurement.value)


def waits_for(measurement: Measurement) -> DrawingTool | None:
    """Return with which tool a person places what a measure lacks, or None.

    It has no value only because points are not placed, or wrongly.
    """
    why = measurement.unmeasurable
    return None if why is None else _PLACED_WITH.get(why.reason)


def unmeasurable_lines(measurements: Iterable[Measurement]) -> list[str]:
    """Return a line for each reason: "C7 slope and T1 slope: C7 was not found.".

    Measures whose outlines are uncertain share one line with all bodies to be checked.
    """
    missing = [measurement for measurement in measurements if not has_value(measurement)]
    uncertain = _all_to_check(missing)
    alike: dict[str, list[Measurement]] = {}
    for measurement in missing:
        reason = uncertain if _is_uncertain(measurement) else measurement.unmeasurable
        alike.setdefault(as_sentence(reason_text(reason)), []).append(measurement)
    return [f"{_in_list(_names(same))}: {reason}" for reason, same in alike.items()]


def _in_list(names: Sequence[str]) -> str:
    first, *others = names
    return listed([first, *map(in_sentence, others)])


def _names(measurements: Iterable[Measurement]) -> list[str]:
    """Return names of measures; those of single levels once with all their levels.

    Such as "segmental angle (C2/C3 to C6/C7, T1/T2)".
    """
    by_name: dict[tuple[MeasureCode, tuple[str, ...]], list[Measurement]] = {}
    for measurement in measurements:
        has_one_level = measurement.definition.extent.has_one_level
        place = () if has_one_level else (*measurement.levels, str(measurement.drawing))
        key = (measurement.code, place)
        by_name.setdefault(key, []).append(measurement)
    return [
        measurement_name(same[0])
        if len(same) == 1
        else f"{measure_name(code)} ({', '.join(_runs([m.levels for m in same]))})"
        for (code, _), same in by_name.items()
    ]


def _runs(places: Sequence[tuple[str, ...]]) -> list[str]:
    """Return discs or bodies in words, neighbours that follow each other as from one to another."""
    runs: list[list[tuple[str, ...]]] = []
    for place in sorted(places, key=lambda levels: _place(levels[0])):
        if runs and _place(place[0])[0] == _place(runs[-1][-1][0])[0] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    words = [[safe_text("/".join(place)) for place in run] for run in runs]
    parts = ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else run for run in words)
    return [part for run in parts for part in run]


def missing_title(missing: Sequence[Measurement]) -> str:
    """Return the heading over measures without a value: how many, and how many for doubt."""
    uncertain = sum(map(_is_uncertain, missing))
    doubt = f"; uncertain outlines: {uncertain}" if uncertain else ""
    return f"Not measurable ({len(missing)}{doubt})"


def uncertain_lines(measurements: Iterable[Measurement]) -> list[str]:
    """Return the line of the measures whose outlines are uncertain, if any."""
    lines = unmeasurable_lines(m for m in measurements if _is_uncertain(m))
    return [f"Not measurable: {line}" for line in lines]


def _is_uncertain(measurement: Measurement) -> bool:
    why = measurement.unmeasurable
    return why is not None and why.reason is UnmeasurableReason.OUTLINES_UNCERTAIN


def _all_to_check(measurements: Iterable[Measurement]) -> Unmeasurable:
    """Return one reason for all whose outlines are uncertain, its bodies from the top."""
    names = {
        name
        for measurement in measurements
        if measurement.unmeasurable is not None and _is_uncertain(measurement)
        for name in measurement.unmeasurable.bodies
    }
    return Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, tuple(sorted(names, key=_place)))


def _place(name: str) -> tuple[int, str]:
    return (LEVEL_SEQUENCE.index(name) if name in LEVEL_SEQUENCE else 0, name)


def number_text(value: float, unit: str, signed: bool = False) -> str:
    """Return a number with as many decimals as its unit deserves; never "-0.0"."""
    decimals = _DECIMALS.get(unit, 1)
    rounded = round(value, decimals) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{decimals}f}"


def unit_text(unit: str) -> str:
    """Return what follows a number: "°", " mm", or nothing for a ratio."""
    return _SUFFIXES.get(unit, f" {safe_text(unit)}")


def value_text(measurement: Measurement) -> str:
    """Return the value with its unit; empty without a value."""
    if measurement.value is None or not math.isfinite(measurement.value):
        return ""
    return f"{number_text(measurement.value, measurement.unit)}{unit_text(measurement.unit)}"


def interval_text(interval: tuple[float, float] | None, unit: str, signed: bool = False) -> str:
    """Return a 95 % interval without its unit, "9.8 to 14.9"; empty where there is none.

    Of a size that cannot be told from none at all, the lower end is cut at 0: "up to 3.7".
    """
    if interval is None or not all(math.isfinite(end) for end in interval):
        return ""
    low, high = (number_text(end, unit, signed) for end in interval)
    return f"up to {high}" if interval[0] == 0 and not signed else f"{low} to {high}"


def range_text(normal: NormalRange | None, unit: str) -> str:
    """Return a reference range with its unit, "-10.2 to 38°" or "up to 40 mm"; empty without."""
    if normal is None or (normal.low is None and normal.high is None):
        return ""
    low, high = (None if end is None else f"{end:.3g}" for end in (normal.low, normal.high))
    if low is None:
        words = f"up to {high}"
    elif high is None:
        words = f"from {low}"
    else:
        words = f"{low} to {high}"
    return f"{words}{unit_text(unit)}"


def position_in_range(measurement: InRange) -> RangePosition | None:
    """Return where a value lies against its reference range, or None without one."""
    value, normal = measurement.value, measurement.normal
    if normal is None or value is None or not math.isfinite(value):
        return None
    low, high = measurement.interval or (value, value)
    if normal.holds(value):
        sure = normal.holds(low) and normal.holds(high)
        return RangePosition.INSIDE if sure else RangePosition.INSIDE_NEAR
    if normal.low is not None and value < normal.low:
        return RangePosition.BELOW if high < normal.low else RangePosition.BELOW_NEAR
    assert normal.high is not None
    return RangePosition.ABOVE if low > normal.high else RangePosition.ABOVE_NEAR


def reference_text(measurement: Measurement) -> str:
    """Return the reference range of a value, whom it comes from and what to know; or ""."""
    normal, unit = measurement.normal, measurement.unit
    if normal is None:
        return ""
    source, note = range_source(normal, unit), MEASURE_WORDS[measurement.code].normal_note
    said = f"95 % reference range {range_text(normal, unit)}{f' ({source})' if source else ''}."
    return f"{said} {note}".rstrip()


def edited_text(measurement: Measurement) -> str:
    """Return "manually corrected; automatic 12.3°", or nothing if its points were not moved."""
    if measurement.state is not MeasureState.EDITED:
        return ""
    if measurement.automatic_value is None and _rests_on_heads(measurement):
        return "femoral heads placed manually"
    if any(point.source == LandmarkSource.CONFIRMED for point in measurement.points):
        return _confirmed_text(measurement)
    if measurement.automatic_value is None and _is_all_by_hand(measurement):
        return PLACED_MANUALLY
    if measurement.automatic_value is None:
        return "manually corrected; no automatic value"
    return f"manually corrected; {automatic_text(measurement)}"


def _confirmed_text(measurement: Measurement) -> str:
    """Return what a person did to the points of a value: confirmed them, all or beside others."""
    is_moved = any(point.source == LandmarkSource.USER for point in measurement.points)
    words = "points confirmed by the reader, others placed manually" if is_moved else CONFIRMED
    if measurement.automatic_value is None:
        return f"{words}; no automatic value"
    return f"{words}; {automatic_text(measurement)}" if is_moved else words


def automatic_text(measurement: Measurement) -> str:
    """Return "automatic 12.3°" of a value whose points were moved; else nothing."""
    is_edited = measurement.state is MeasureState.EDITED
    if not is_edited or measurement.automatic_value is None:
        return ""
    automatic = number_text(measurement.automatic_value, measurement.unit)
    return f"automatic {automatic}{unit_text(measurement.unit)}"


def _is_all_by_hand(measurement: Measurement) -> bool:
    points = measurement.points
    return bool(points) and all(point.source == LandmarkSource.USER for point in points)


def _rests_on_heads(measurement: Measurement) -> bool:
    return any(point.body.startswith(FEMORAL_HEAD) for point in measurement.points)


def note_parts(measurement: Measurement) -> tuple[str, ...]:
    """Return what is to know of a value: the word of a threshold, and who moved its points.

    Of a drawn one also its length or area in pixels, what its millimetres rest on, and the grey
    values of an area.
    """
    grade, drawn = _grade_parts(measurement), _drawn_parts(measurement)
    return tuple(part for part in (*grade, edited_text(measurement), *drawn) if part)


def parts_below(measurement: Measurement) -> tuple[str, ...]:
    """Return what stands below a value in the window: all but who moved its points."""
    parts = (*_grade_parts(measurement), *_drawn_parts(measurement))
    return tuple(part for part in parts if part)


def _grade_parts(measurement: Measurement) -> tuple[str, ...]:
    grade = severity_text(measurement.severity), _ungraded_text(measurement)
    return curve_text(measurement.curve), *grade


def _drawn_parts(measurement: Measurement) -> tuple[str, ...]:
    return pixels_text(measurement), grey_text(measurement.grey)


def pixels_text(measurement: Measurement) -> str:
    """Return a drawn length or area in pixels, and what its millimetres rest on; or nothing."""
    if measurement.value_px is None:
        return ""
    said = _pixels(measurement)
    source = measurement.spacing_source
    return said if source is None else f"{said}, scale {spacing_origin(source)}"


def grey_text(grey: GreyValues | None) -> str:
    """Return the grey values of an area: "mean 54.2 HU, SD 12.1, 12 to 98, 345 px"; or nothing."""
    if grey is None:
        return ""
    numbers = (grey_number(value, grey) for value in (grey.lowest, grey.highest))
    parts = (
        f"mean {mean_text(grey)}",
        f"SD {grey_number(grey.deviation, grey)}",
        f"range {' to '.join(numbers)}",
        f"n = {grey.pixels:,} px".replace(",", "\N{NARROW NO-BREAK SPACE}"),
    )
    return ", ".join(parts)


def drawn_text(measurement: Measurement, lengths: LengthUnit = LengthUnit.MILLIMETRES) -> str:
    """Return what stands on the picture beside a measure: its value, and the mean of an area."""
    grey = measurement.grey
    mean = "" if grey is None else f"  mean {mean_text(grey)}"
    return f"{_length_text(measurement, lengths)}{mean}"


def _length_text(measurement: Measurement, lengths: LengthUnit) -> str:
    value = value_text(measurement)
    if measurement.value_px is None or lengths is LengthUnit.MILLIMETRES:
        return value
    pixels = _pixels(measurement)
    return pixels if lengths is LengthUnit.PIXELS else f"{value} ({pixels})"


def _pixels(measurement: Measurement) -> str:
    unit = measurement.unit.replace("mm", "px")
    assert measurement.value_px is not None
    return f"{number_text(measurement.value_px, unit)}{unit_text(unit)}"


def mean_text(grey: GreyValues) -> str:
    """Return the mean grey value of an area, in Hounsfield units where it is in some."""
    return f"{grey_number(grey.mean, grey)}{' HU' if grey.is_hounsfield else ''}"


def grey_number(value: float, grey: GreyValues) -> str:
    """Return a grey value with a decimal, and more where all of an area's are small."""
    largest = max(abs(grey.lowest), abs(grey.highest))
    decimals = 1 if largest >= _SMALL_GREY or not largest else 3
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _ungraded_text(measurement: Measurement) -> str:
    """Return why a slip that is more than two readers differ by has no grade; else nothing."""
    definition, interval = measurement.definition, measurement.interval
    limit, value = definition.reader_limit, measurement.value
    is_gradable = definition.is_graded_if_surely_positive and measurement.severity is None
    if not is_gradable or limit is None or value is None or interval is None:
        return ""
    return "not graded: the interval reaches 0" if value > limit.half_width else ""


def measure_sentence(measurement: Measurement) -> str:
    """Return all that a row of the table shows, as one line that can be read out."""
    interval = interval_text(measurement.interval, measurement.unit)
    place = position_in_range(measurement)
    normal = range_text(measurement.normal, measurement.unit)
    parts = [
        value_text(measurement),
        f"95 % interval {interval}" if interval else "",
        "" if place is None else f"{place.value} ({normal})",
        *note_parts(measurement),
    ]
    said = ", ".join(part for part in parts if part)
    return f"{measurement_name(measurement)}: {said}"


def hand_lines(measurements: Sequence[Measurement]) -> list[str]:
    """Return what was measured by hand on an image without a result, under a heading."""
    if not measurements:
        return []
    measured = [measure_sentence(each) for each in measurements if has_value(each)]
    return [HAND_HEADING, *measured, *unmeasurable_lines(measurements)]


def main_lines(measurements: Sequence[Measurement]) -> list[str]:
    """Return a line for each main measure, and for any measure with a word for its value."""
    main = (MeasureGroup.ALIGNMENT, MeasureGroup.BALANCE, MeasureGroup.DRAWN)
    return [
        measure_sentence(measurement)
        for group, members in grouped(measurements)
        for measurement in members
        if group in main or measurement.severity is not None
    ]


def points_text(measurement: Measurement) -> str:
    """Return which points a value rests on and who placed them, body by body."""
    bodies: dict[str, list[str]] = {}
    for point in measurement.points:
        name = safe_text(point.name.replace("_", " "))
        placed = _POINT_SOURCES.get(point.source, safe_text(point.source))
        bodies.setdefault(safe_text(point.body), []).append(f"{name} ({placed})")
    return "; ".join(f"{body}: {', '.join(points)}" for body, points in bodies.items())


def measure_cells(measurement: Measurement) -> tuple[str, ...]:
    """Return the cells of one measure under `MEASURE_HEADINGS`, numbers without units."""
    unit = measurement.unit
    low, high = measurement.interval or (None, None)
    return (
        GROUP_TITLES[measurement.definition.group],
        measurement_name(measurement),
        _number(measurement.value, unit),
        unit_text(unit).strip(),
        _number(low, unit),
        _number(high, unit),
        range_text(measurement.normal, unit),
        severity_text(measurement.severity),
        _STATE_WORDS[measurement.state],
        _number(measurement.automatic_value, unit),
        method_text(measurement),
        sources_text(measurement.code),
        curve_text(measurement.curve),
    )


def measure_lines(measurements: Sequence[Measurement]) -> list[str]:
    """Return the measures as tab-separated lines, then what could not be measured and why."""
    groups = grouped(measurements)
    rows = [measure_cells(measurement) for _, members in groups for measurement in members]
    lines = ["\t".join(row) for row in (MEASURE_HEADINGS, *rows)] if rows else []
    return lines + [f"Not measurable: {line}" for line in unmeasurable_lines(measurements)]


def _number(value: float | None, unit: str) -> str:
    return "" if value is None or not math.isfinite(value) else number_text(value, unit)
