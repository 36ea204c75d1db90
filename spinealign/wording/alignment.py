"""The alignment of a column in one or two cautious sentences, for the top of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spinealign.domain.curve_pattern import pattern_of
from spinealign.domain.examination import SpineRegion
from spinealign.domain.findings import Analysis
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MEASURES, MeasureCode
from spinealign.wording.curve_pattern import pattern_sentences
from spinealign.wording.definitions import MEASURE_WORDS
from spinealign.wording.measure_rows import (
    edited_text,
    has_value,
    interval_text,
    position_in_range,
    range_text,
    unit_text,
    value_text,
)
from spinealign.wording.measures import measurement_name, reason_text


def alignment_sentences(analysis: Analysis) -> str:
    """Return the curvature of each region with its interval, and what stands in for what.

    Of a frontal film its curves together: see `wording.curve_pattern`.

    Returns
    -------
    str
        Such as "C2–C7 Cobb lordosis 12.3° (95 % 9.8 to 14.9): within the 95 % reference
        range (-10.2 to 38°; mean 13.9°)."; empty without any.
    """
    measures = {m.code: m for m in analysis.measurements}
    found = _first_of_regions(analysis.measurements)
    pattern = pattern_of(analysis)
    if pattern is not None:
        return pattern_sentences(pattern)
    if not found:
        return _why_none(measures.get(MeasureCode.COBB_C2_C7))
    return " ".join(_curvature_sentences(curvature, measures) for curvature in found)


def _curvature_sentences(found: Measurement, measures: Mapping[MeasureCode, Measurement]) -> str:
    said = [_value_sentence(found)]
    place = found.definition.stands_in_for
    wanted = None if place is None else measures.get(place)
    if wanted is not None and wanted.unmeasurable is not None:
        reason = reason_text(wanted.unmeasurable)
        said.append(
            f"{reason[0].upper()}{reason[1:]}: {measurement_name(found)} is given instead of "
            f"{measurement_name(wanted)}."
        )
    return " ".join(said)


def _first_of_regions(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return the curvature that a finding begins with, for each region that has one."""
    by_code = {m.code: m for m in measurements if has_value(m)}
    first: dict[frozenset[SpineRegion], Measurement] = {}
    for code, definition in MEASURES.items():
        if definition.is_lordosis and code in by_code:
            first.setdefault(definition.scope, by_code[code])
    return list(first.values())


def _value_sentence(found: Measurement) -> str:
    interval = interval_text(found.interval, found.unit)
    edited = edited_text(found)
    place = position_in_range(found)
    brackets = "; ".join(part for part in (f"95 % {interval}" if interval else "", edited) if part)
    said = f"{measurement_name(found)} {value_text(found)}{f' ({brackets})' if brackets else ''}"
    if place is None or found.normal is None:
        return f"{said}."
    mean = "" if found.normal.mean is None else f"; mean {found.normal.mean:g}"
    unit = unit_text(found.unit) if mean else ""
    aged = "" if found.normal.ages is None else " at {} to {} years".format(*found.normal.ages)
    limits = f"{range_text(found.normal, found.unit)}{mean}{unit}{aged}"
    sentence = f"{said}: {place.value} ({limits})."
    note = MEASURE_WORDS[found.code].normal_note
    return sentence if place.is_inside or not note else f"{sentence} {note}"


def _why_none(wanted: Measurement | None) -> str:
    if wanted is None or wanted.unmeasurable is None:
        return ""
    reason = reason_text(wanted.unmeasurable)
    return f"{measurement_name(wanted)} is not measurable: {reason}."
