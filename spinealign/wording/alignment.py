"""The alignment of a column in one or two cautious sentences, for the top of a result."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.findings import Analysis
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MEASURES, MeasureCode
from spinealign.wording.definitions import MEASURE_WORDS
from spinealign.wording.measure_rows import (
    RangePosition,
    edited_text,
    has_value,
    interval_text,
    position_in_range,
    range_text,
    value_text,
)
from spinealign.wording.measures import measurement_name, reason_text

_PLACES = {
    RangePosition.INSIDE: "within the usual range of healthy people",
    RangePosition.INSIDE_NEAR: (
        "within the usual range of healthy people, but its uncertainty reaches beyond it"
    ),
    RangePosition.BELOW: "below the usual range of healthy people",
    RangePosition.BELOW_NEAR: (
        "below the usual range of healthy people, but its uncertainty reaches into it"
    ),
    RangePosition.ABOVE: "above the usual range of healthy people",
    RangePosition.ABOVE_NEAR: (
        "above the usual range of healthy people, but its uncertainty reaches into it"
    ),
}


def alignment_sentences(analysis: Analysis) -> str:
    """Return the lordosis with its interval, and what stands in for what; empty without it.

    Returns
    -------
    str
        Such as "C2–C7 Cobb lordosis 12.3° (95 % 9.8 to 14.9): within the usual range of
        healthy people (6 to 19°)."
    """
    measures = {m.code: m for m in analysis.measurements}
    found = _first(analysis.measurements)
    if found is None:
        return _why_none(measures.get(MeasureCode.COBB_C2_C7))
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


def _first(measurements: Sequence[Measurement]) -> Measurement | None:
    by_code = {m.code: m for m in measurements if has_value(m)}
    lordoses = (code for code, definition in MEASURES.items() if definition.is_lordosis)
    return next((by_code[code] for code in lordoses if code in by_code), None)


def _value_sentence(found: Measurement) -> str:
    interval = interval_text(found.interval, found.unit)
    edited = edited_text(found)
    place = position_in_range(found)
    brackets = "; ".join(part for part in (f"95 % {interval}" if interval else "", edited) if part)
    said = f"{measurement_name(found)} {value_text(found)}{f' ({brackets})' if brackets else ''}"
    if place is None or found.normal is None:
        return f"{said}."
    sentence = f"{said}: {_PLACES[place]} ({range_text(found.normal, found.unit)})."
    note = MEASURE_WORDS[found.code].normal_note
    return sentence if place.is_inside or not note else f"{sentence} {note}"


def _why_none(wanted: Measurement | None) -> str:
    if wanted is None or wanted.unmeasurable is None:
        return ""
    reason = reason_text(wanted.unmeasurable)
    return f"{measurement_name(wanted)} is not measurable: {reason}."
