"""Measures in words: names, definitions with their sources, and why one cannot be taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from spinealign.domain.comparison import published_limit
from spinealign.domain.measurements import CurveShape, Measurement, Unmeasurable, UnmeasurableReason
from spinealign.domain.measures import (
    MEASURES,
    Extent,
    MeasureCode,
    MeasureDefinition,
    NormalRange,
    Quantity,
    Severity,
    SeverityBand,
)
from spinealign.domain.model_card import ChangeFactor, IntervalFactor
from spinealign.wording.definitions import MEASURE_WORDS, SEVERITY_WORDS
from spinealign.wording.text import listed, safe_text
from spinealign.wording.vertebrae import removed_text

_UNITS = {"deg": "°", "mm": " mm", "mm²": " mm²", "%": " %", "": ""}


def measure_name(code: MeasureCode, levels: Sequence[str] = (), drawing: int = 0) -> str:
    """Return a measure's name for a table: "C4/C5 segmental angle", "C2–C5 Cobb lordosis"."""
    words, extent = MEASURE_WORDS[code], MEASURES[code].extent
    if extent is Extent.DRAWING and drawing:
        return words.short.format("", "", drawing)
    if not levels or extent is Extent.SPINE:
        return words.title
    if extent is Extent.CURVE:
        return f"{words.title} {'–'.join(levels)}"
    if extent is Extent.SPAN:
        return f"{'–'.join(levels)} {words.after_levels}"
    return f"{'/'.join(levels)} {words.title}"


def measurement_name(measurement: Measurement) -> str:
    """Return the name of what was measured."""
    return safe_text(measure_name(measurement.code, measurement.levels, measurement.drawing))


def curve_text(curve: CurveShape | None) -> str:
    """Return "apex T8, convex to the right of the picture"; empty without a curve.

    The patient's side stands there where the file says which way round the picture is.
    """
    if curve is None:
        return ""
    apex = safe_text("/".join(curve.apex))
    if curve.patient_side is not None:
        return f"apex {apex}, convex to the patient’s {curve.patient_side}"
    return f"apex {apex}, convex to the {curve.convex_to} of the picture"


def short_name(measurement: Measurement) -> str:
    """Return a name fit to stand on the picture: "C2–C7 Cobb", "C4/C5"."""
    levels = measurement.levels
    if not levels and not measurement.drawing:
        return measurement_name(measurement)
    ends = (levels[0], levels[-1]) if levels else ("", "")
    words = MEASURE_WORDS[measurement.code].short.format(*ends, measurement.drawing)
    return safe_text(words)


def method_text(measurement: Measurement) -> str:
    """Return how a measure was taken, and which of its bodies were found with low confidence."""
    definition, hidden = MEASURE_WORDS[measurement.code].definition, measurement.hidden
    if not hidden:
        return definition
    verb = "was" if len(hidden) == 1 else "were"
    doubt = f"{listed(hidden)} {verb} found with low confidence"
    return f"{definition} {doubt}: check the points visually."


def sources_text(code: MeasureCode) -> str:
    """Return who defined a measure."""
    further = MEASURE_WORDS[code].further_sources
    return "; ".join((*MEASURES[code].sources, *((further,) if further else ())))


def severity_text(severity: Severity | None) -> str:
    """Return the word of a grade, "possibly" where it is not sure; empty without one."""
    if severity is None:
        return ""
    word, _ = SEVERITY_WORDS[severity.grade]
    return f"possibly {word}" if severity.is_possible else word


def severity_source(severity: Severity | SeverityBand) -> str:
    """Return who set the threshold of a grade: "Genant’s grades: over 40 % loss"."""
    _, threshold = SEVERITY_WORDS[severity.grade]
    return f"{severity.source}: {threshold}" if threshold else severity.source.value


def thresholds_text(definition: MeasureDefinition) -> str:
    """Return the words of a measure's thresholds with their sources; empty without any."""
    words = [SEVERITY_WORDS[band.grade][0] for band in definition.severities]
    sources = [severity_source(band) for band in definition.severities]
    if len(set(sources)) == 1:
        return f"{'; '.join(words)} ({sources[0]})"
    return "; ".join(f"{word} ({source})" for word, source in zip(words, sources, strict=True))


def range_source(normal: NormalRange, unit: Quantity | str) -> str:
    """Return whom a reference range comes from.

    Such as "mean and standard deviation 13.9 ± 12.3°, 1,230 people aged 20 to 79, Yukawa 2012";
    empty where nothing is stated.
    """
    mean = ""
    if normal.mean is not None and normal.sd is not None:
        mean = f"mean and standard deviation {normal.mean:g} ± {normal.sd:g}{_UNITS[unit]}"
    aged = "" if normal.ages is None else " aged {} to {}".format(*normal.ages)
    people = f"{normal.people:,} people{aged}" if normal.people else ""
    source = "" if normal.source is None else normal.source.value
    return ", ".join(part for part in (mean, people, source) if part)


def normal_texts(code: MeasureCode) -> list[str]:
    """Return every 95 % reference range of a measure with its unit and source, a line each."""
    definition = MEASURES[code]
    return [_normal_text(one, definition.quantity) for one in definition.ranges]


def _normal_text(one: NormalRange, unit: Quantity) -> str:
    levels = f"{' and '.join(one.levels)} " if one.levels else ""
    return f"{levels}{one.low:g} to {one.high:g}{_UNITS[unit]} ({range_source(one, unit)})"


NO_REFERENCE_RANGE = (
    "No 95 % reference range: no mean with standard deviation and number of people, measured by "
    "this definition, is known to the program."
)


def definition_text(code: MeasureCode) -> str:
    """Return what the help panel says about a measure, as plain paragraphs."""
    definition, words = MEASURES[code], MEASURE_WORDS[code]
    title = words.title[0].upper() + words.title[1:]
    parts = [title, words.definition, words.how_to_read]
    parts += _reference_parts(code)
    if definition.severities:
        parts.append(f"Thresholds: {thresholds_text(definition)}.")
    if definition.is_length and (definition.ranges or definition.severities):
        parts.append("These apply only where lengths are true millimetres in the patient.")
    if definition.reader_limit is not None:
        parts.append(limit_text(definition))
    parts.append(change_limit_text(definition))
    parts += [words.contradictions, f"Sources: {sources_text(code)}."]
    return "\n\n".join(part for part in parts if part)


def _reference_parts(code: MeasureCode) -> list[str]:
    """Return the paragraphs on reference ranges; nothing about what a person drew."""
    ranges = normal_texts(code)
    if ranges:
        return [f"95 % reference range: {'; '.join(ranges)}.", MEASURE_WORDS[code].normal_note]
    return [] if MEASURES[code].extent is Extent.DRAWING else [NO_REFERENCE_RANGE]


def limit_text(definition: MeasureDefinition) -> str:
    """Return from when on a value is withheld on radiographs; empty without a limit."""
    limit = definition.reader_limit
    if limit is None:
        return ""
    return (
        f"On radiographs no value is given where its 95 % interval reaches farther than "
        f"± {limit.half_width:g}{_UNITS[definition.quantity]}, as far as readings without the "
        f"program differ ({limit.source})."
    )


def change_limit_text(definition: MeasureDefinition) -> str:
    """Return from when on a difference between two examinations is a change; empty for drawings."""
    if definition.extent is Extent.DRAWING:
        return ""
    limit = published_limit(definition)
    told = "where that was measured with the network that placed the points"
    if limit is None:
        return (
            "Between two examinations a difference counts as a change where it is more than the "
            f"error of a change, {told}; readers’ own is not published."
        )
    return (
        "Between two examinations a difference counts as a change where it is more than the error "
        f"of a change, {told}, and at least ± {limit.half_width:g}"
        f"{_UNITS[definition.quantity]}, as far as readings of one patient differ ({limit.source})."
    )


def change_factor_lines(factors: Mapping[MeasureCode, ChangeFactor]) -> list[str]:
    """Return a line for each measure whose error of a change was measured with a network."""
    return [
        f"{measure_name(code)}: held {100 * found.coverage:.0f} % of {found.pairs} differences of "
        f"{found.patients} patients ({listed(found.sources)}), factor {found.factor:.2f}"
        + ("" if found.repeated is None else f"; one film exposed twice {found.repeated:.2f}")
        for code, found in factors.items()
    ]


def factor_lines(factors: Mapping[MeasureCode, IntervalFactor]) -> list[str]:
    """Return a line for each measure whose 95 % interval is calibrated for a network."""
    return [
        f"{measure_name(code)}: held {100 * found.coverage:.0f} % of {found.values} values on "
        f"{found.films} films ({listed(found.sources)}), factor {found.factor:.2f}"
        for code, found in factors.items()
    ]


def reason_text(unmeasurable: Unmeasurable | None) -> str:
    """Return why a measure could not be taken, fit to follow a colon; empty without a reason."""
    return "" if unmeasurable is None else _REASONS[unmeasurable.reason](unmeasurable)


def _not_outlined(why: Unmeasurable) -> str:
    verb = "was" if len(why.bodies) == 1 else "were"
    return f"{listed(why.bodies)} {verb} not found"


def _points_missing(why: Unmeasurable) -> str:
    verb = "is" if why.points_given == 1 else "are"
    return f"{why.points_needed} points are needed, and {why.points_given} {verb} set"


_REASONS: Mapping[UnmeasurableReason, Callable[[Unmeasurable], str]] = {
    UnmeasurableReason.LEVELS_UNKNOWN: lambda _: "the levels of the bodies are uncertain",
    UnmeasurableReason.FACING_UNKNOWN: lambda _: "it is unknown which side the patient faces",
    UnmeasurableReason.NOT_OUTLINED: _not_outlined,
    UnmeasurableReason.REMOVED: lambda why: removed_text(why.bodies),
    UnmeasurableReason.NAME_UNCONFIRMED: lambda why: (
        f"nobody confirmed the name of {listed([f'{name}?' for name in why.bodies])}"
    ),
    UnmeasurableReason.CUT_OFF: lambda why: (
        f"the border of the image cuts {listed(why.bodies)} off"
    ),
    UnmeasurableReason.CORNERS_MISSING: lambda why: (
        f"the corners of {listed(why.bodies)} that are needed could not be placed"
    ),
    UnmeasurableReason.CANAL_INTERRUPTED: lambda _: (
        "the outlined canal ends or almost ends at this disc: the slice leaves the canal here, or "
        "the canal is severely narrowed; check the image"
    ),
    UnmeasurableReason.CANAL_CLOSED: lambda _: (
        "the outlined canal ends at this disc and goes on behind both bodies beside it: severe "
        "narrowing is suspected; check the image"
    ),
    UnmeasurableReason.NOT_UPRIGHT: lambda _: (
        "the image lies on its side, so its vertical is not the patient's"
    ),
    UnmeasurableReason.POINTS_COINCIDE: lambda _: "two of its points coincide",
    UnmeasurableReason.OUTLINE_CROSSES: lambda _: "its outline crosses itself",
    UnmeasurableReason.POINTS_MISSING: _points_missing,
    UnmeasurableReason.FEMORAL_HEADS_MISSING: lambda _: "place both femoral heads",
    UnmeasurableReason.PLUMB_POINTS_MISSING: lambda _: "place the middle of C7 and of S1",
    UnmeasurableReason.CHEST_EDGES_MISSING: lambda _: "place both edges of the chest",
    UnmeasurableReason.FEMORAL_HEADS_IMPOSSIBLE: lambda _: (
        "the femoral heads cannot lie there or be that small beside S1; place both again, and "
        "check the superior endplate of S1"
    ),
    UnmeasurableReason.OUTLINES_UNCERTAIN: lambda why: (
        f"the outlines are uncertain; check and correct the corners of {listed(why.bodies)}"
    ),
    UnmeasurableReason.ENDPLATES_TOUCH: lambda why: (
        f"the outlined endplates of {listed(why.bodies)} touch or cross; check and correct their "
        "corners"
    ),
    UnmeasurableReason.NEEDS_T2: lambda _: "it needs T2-weighted images: add the T2 series",
}
