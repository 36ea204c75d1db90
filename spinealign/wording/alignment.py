"""The alignment of a column in one or two cautious sentences, for the top of a result."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.findings import Analysis
from spinealign.domain.measurements import MeasureCode, Measurement
from spinealign.wording.measure_rows import (
    RangePlace,
    edited_text,
    has_value,
    interval_text,
    place_in_range,
    range_text,
    value_text,
)
from spinealign.wording.text import safe_text

_LORDOSIS = (
    MeasureCode.COBB_C2_C7,
    MeasureCode.COBB_C2_C6,
    MeasureCode.COBB_C2_LOWEST,
    MeasureCode.LUMBAR_LORDOSIS_L1_S1,
    MeasureCode.LUMBAR_LORDOSIS_L1_L5,
)
_SUBSTITUTES = {
    MeasureCode.COBB_C2_C6: MeasureCode.COBB_C2_C7,
    MeasureCode.COBB_C2_LOWEST: MeasureCode.COBB_C2_C7,
    MeasureCode.LUMBAR_LORDOSIS_L1_L5: MeasureCode.LUMBAR_LORDOSIS_L1_S1,
}
_PLACES = {
    RangePlace.INSIDE: "within the usual range of healthy people",
    RangePlace.INSIDE_NEAR: (
        "within the usual range of healthy people, but its uncertainty reaches beyond it"
    ),
    RangePlace.BELOW: "below the usual range of healthy people",
    RangePlace.BELOW_NEAR: (
        "below the usual range of healthy people, but its uncertainty reaches into it"
    ),
    RangePlace.ABOVE: "above the usual range of healthy people",
    RangePlace.ABOVE_NEAR: (
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
    wanted = measures.get(_SUBSTITUTES[found.code]) if found.code in _SUBSTITUTES else None
    if wanted is not None and wanted.reason:
        reason = safe_text(wanted.reason)
        said.append(
            f"{reason[0].upper()}{reason[1:]}: {safe_text(found.name)} is given instead of "
            f"{safe_text(wanted.name)}."
        )
    return " ".join(said)


def _first(measurements: Sequence[Measurement]) -> Measurement | None:
    by_code = {m.code: m for m in measurements if has_value(m)}
    return next((by_code[code] for code in _LORDOSIS if code in by_code), None)


def _value_sentence(found: Measurement) -> str:
    interval = interval_text(found.interval, found.unit)
    edited = edited_text(found)
    place = place_in_range(found)
    brackets = "; ".join(part for part in (f"95 % {interval}" if interval else "", edited) if part)
    said = f"{safe_text(found.name)} {value_text(found)}{f' ({brackets})' if brackets else ''}"
    if place is None or found.normal is None:
        return f"{said}."
    sentence = f"{said}: {_PLACES[place]} ({range_text(found.normal, found.unit)})."
    return (
        sentence if place.is_inside or not found.normal.note else f"{sentence} {found.normal.note}"
    )


def _why_none(wanted: Measurement | None) -> str:
    if wanted is None or not wanted.reason:
        return ""
    return f"{safe_text(wanted.name)} is not measurable: {safe_text(wanted.reason)}."
