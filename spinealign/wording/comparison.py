"""Two examinations side by side in words: differences, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.comparison import Change, ComparedMeasure
from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import Measurement
from spinealign.wording.examinations import examination_text
from spinealign.wording.measure_rows import (
    edited_text,
    interval_text,
    number_text,
    unit_text,
    value_text,
)
from spinealign.wording.measures import measurement_name
from spinealign.wording.results import NOTHING
from spinealign.wording.series import picture_name
from spinealign.wording.text import safe_text

COMPARISON_HEADINGS = ("Measure", "First", "Second", "Difference", "95 % interval", "Judgement")
COMPARISON_COLUMNS = (
    "measure", "code", "levels", "unit", "first", "first_low", "first_high", "first_state",
    "first_automatic", "second", "second_low", "second_high", "second_state", "second_automatic",
    "difference", "difference_low", "difference_high", "judgement",
)  # fmt: skip
NOTHING_MEASURED = "Neither image has a measure."
SAME_PATIENT = (
    "SpineAlign does not know whether both images show the same patient, nor when they were "
    "made. The intervals cover the uncertainty of the points only: posture, breathing and the "
    "direction of the beam change measures too, and among many measures about one in twenty "
    "lies beyond its interval by chance."
)

_CHANGES = {
    Change.BEYOND: "beyond the uncertainty of both",
    Change.WITHIN: "within the uncertainty of both",
    Change.UNJUDGED: "not assessed: an interval is missing",
    Change.MAGNIFIED: "not assessed: both lengths are magnified, possibly by different factors",
    Change.ONLY_FIRST: "only on the first",
    Change.ONLY_SECOND: "only on the second",
    Change.UNLIKE_UNITS: "not comparable: different units",
    Change.PIXELS: "not comparable: pixels of two images",
    Change.ONE_MAGNIFIED: "not comparable: one of the lengths is magnified",
    Change.UNNAMED_LEVELS: "not comparable: levels are uncertain",
    Change.UNCERTAIN_FIRST: "not comparable: the outlines on the first are uncertain",
    Change.UNCERTAIN_SECOND: "not comparable: the outlines on the second are uncertain",
}


def change_text(change: Change) -> str:
    """Return what can be said about a difference."""
    return _CHANGES[change]


def comparison_row(compared: ComparedMeasure) -> tuple[str, ...]:
    """Return the cells of one measure under `COMPARISON_HEADINGS`."""
    difference = compared.difference
    signed = "" if difference is None else number_text(difference, compared.unit, signed=True)
    return (
        measurement_name(compared.either),
        _value(compared.first),
        _value(compared.second),
        f"{signed}{unit_text(compared.unit)}" if signed else NOTHING,
        interval_text(compared.interval, compared.unit, signed=True) or NOTHING,
        change_text(compared.change),
    )


def comparison_record(compared: ComparedMeasure) -> tuple[str, ...]:
    """Return the fields of one measure under `COMPARISON_COLUMNS`, numbers in full."""
    one = compared.either
    low, high = compared.interval or (None, None)
    return (
        measurement_name(one),
        one.code.value,
        "/".join(safe_text(level) for level in one.levels),
        safe_text(one.unit) if _has_one_unit(compared) else "",
        *_record(compared.first),
        *_record(compared.second),
        *map(_figure, (compared.difference, low, high)),
        change_text(compared.change),
    )


def comparison_lines(
    first: Analysis, second: Analysis, rows: Sequence[ComparedMeasure]
) -> list[str]:
    """Return a comparison as lines of text, the table with tabs between its cells."""
    return [
        f"First: {picture_name(first.image.place)}",
        f"Second: {picture_name(second.image.place)}",
        "\t".join(COMPARISON_HEADINGS),
        *(["\t".join(comparison_row(row)) for row in rows] or [NOTHING_MEASURED]),
        *comparison_cautions(first, second),
        DISCLAIMER,
    ]


def comparison_cautions(first: Analysis, second: Analysis) -> list[str]:
    """Return what to know before trusting the differences between two examinations."""
    said = [SAME_PATIENT]
    if first.image.sha256 == second.image.sha256:
        said.insert(0, "Both are the same file.")
    if first.examination is not second.examination:
        one, other = (examination_text(each.examination) for each in (first, second))
        kinds = f"a {one} and a {other}"
        said.append(f"These are {kinds}: standing and lying change the curve of the spine.")
    sources = (first.image.spacing_source, second.image.spacing_source)
    if SpacingSource.UNKNOWN in sources:
        said.append("Lengths are not compared where the pixel spacing is unknown.")
    elif SpacingSource.DETECTOR_PLANE in sources:
        said.append("Lengths at the detector are magnified: their differences are not assessed.")
    return said


def _value(measurement: Measurement | None) -> str:
    if measurement is None:
        return NOTHING
    value, edited = value_text(measurement), edited_text(measurement)
    return f"{value} ({edited})" if edited else value


def _has_one_unit(compared: ComparedMeasure) -> bool:
    return compared.change is not Change.UNLIKE_UNITS


def _record(measurement: Measurement | None) -> tuple[str, ...]:
    if measurement is None:
        return ("",) * 5
    low, high = measurement.interval or (None, None)
    return (
        *map(_figure, (measurement.value, low, high)),
        measurement.state.value,
        _figure(measurement.automatic_value),
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
