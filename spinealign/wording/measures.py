"""Measures in words: names, definitions with their sources, and why one cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from spinealign.domain.measurements import MeasureCode, NormalRange, Severity
from spinealign.wording.definitions import DEFINITION_TABLE, MeasureDefinition, SeverityBand
from spinealign.wording.text import listed

__all__ = [
    "CANAL_INTERRUPTED",
    "DEFINITIONS",
    "FACING_UNKNOWN",
    "LEVELS_UNKNOWN",
    "MeasureDefinition",
    "SeverityBand",
    "corners_missing",
    "cut_off",
    "definition_of",
    "definition_text",
    "measure_name",
    "method_text",
    "not_outlined",
    "severity_of",
]

DEFINITIONS: Mapping[MeasureCode, MeasureDefinition] = MappingProxyType(
    {definition.code: definition for definition in DEFINITION_TABLE}
)

FACING_UNKNOWN = "it is unknown which way the patient looks"
CANAL_INTERRUPTED = (
    "the outlined canal ends or almost ends at this disc: the slice leaves the canal here, or "
    "the canal is badly narrowed; look at the picture"
)
LEVELS_UNKNOWN = "the levels of the bodies are uncertain"

_DISC_MEASURES = (
    MeasureCode.SEGMENTAL_ANGLE,
    MeasureCode.TRANSLATION,
    MeasureCode.LISTHESIS_PERCENT,
    MeasureCode.DISC_HEIGHT,
    MeasureCode.DISC_HEIGHT_RATIO,
    MeasureCode.DISC_HEIGHT_INDEX,
    MeasureCode.CANAL_DIAMETER,
)
_BODY_MEASURES = (
    MeasureCode.BODY_HEIGHT_ANTERIOR,
    MeasureCode.BODY_HEIGHT_MIDDLE,
    MeasureCode.BODY_HEIGHT_POSTERIOR,
    MeasureCode.BODY_HEIGHT_RATIO,
    MeasureCode.MIDDLE_HEIGHT_RATIO,
)
_UNITS = {"deg": "°", "mm": " mm", "mm²": " mm²", "%": " %", "": ""}


def definition_of(code: MeasureCode) -> MeasureDefinition:
    """Return how a measure is taken and read."""
    return DEFINITIONS[code]


def measure_name(code: MeasureCode, levels: Sequence[str] = ()) -> str:
    """Return a measure's name for a table: "C4/C5 segmental angle", "C2–C5 Cobb lordosis"."""
    title = DEFINITIONS[code].title
    if code in _DISC_MEASURES and levels:
        return f"{'/'.join(levels)} {title}"
    if code in _BODY_MEASURES and levels:
        return f"{levels[0]} {title}"
    if code is MeasureCode.COBB_C2_LOWEST and levels:
        return f"{'–'.join(levels)} Cobb lordosis"
    if code is MeasureCode.POSTERIOR_TANGENT and levels:
        return f"{'–'.join(levels)} {title[0].lower()}{title[1:]}"
    return title


def method_text(code: MeasureCode, hidden: Sequence[str] = ()) -> str:
    """Return how a measure was taken; `hidden` names bodies that are hardly visible."""
    definition = DEFINITIONS[code].definition
    if not hidden:
        return definition
    verb = "is" if len(hidden) == 1 else "are"
    return f"{definition} {listed(hidden)} {verb} hardly visible: check the points by eye."


def severity_of(code: MeasureCode, value: float, low: float, high: float) -> Severity | None:
    """Return the word that a cited threshold has for a value.

    Parameters
    ----------
    code : MeasureCode
    value, low, high : float
        The number that is graded, and its 95 % interval. Where the interval reaches
        beyond the word's band the word says "possibly".
    """
    for band in DEFINITIONS[code].severities:
        if band.holds(value):
            is_sure = band.holds(low) and band.holds(high)
            return Severity(band.word if is_sure else f"possibly {band.word}", band.source)
    return None


def definition_text(code: MeasureCode) -> str:
    """Return what the help panel says about a measure, as plain paragraphs."""
    definition = DEFINITIONS[code]
    title = definition.title[0].upper() + definition.title[1:]
    parts = [title, definition.definition, definition.how_to_read]
    if definition.normal is not None:
        parts.append(f"Normal: {normal_text(definition.normal, definition.unit)}.")
        parts.append(definition.normal.note)
    if definition.severities:
        words = "; ".join(f"{band.word} ({band.source})" for band in definition.severities)
        parts.append(f"Thresholds: {words}.")
    if definition.is_length and (definition.normal or definition.severities):
        parts.append("These count only where millimetres hold in the patient.")
    parts += [definition.contradictions, f"Sources: {'; '.join(definition.sources)}."]
    return "\n\n".join(part for part in parts if part)


def normal_text(normal: NormalRange, unit: str) -> str:
    """Return a normal range with its unit and source: "6 to 19° (mean 12.7°, ...)"."""
    sign = _UNITS.get(unit, f" {unit}")
    if normal.low is None or normal.high is None:
        word, end = ("up to", normal.high) if normal.low is None else ("from", normal.low)
        return f"{word} {end:g}{sign} ({normal.source})"
    return f"{normal.low:g} to {normal.high:g}{sign} ({normal.source})"


def not_outlined(levels: Sequence[str]) -> str:
    """Return that bodies are not there to be measured: hidden, or off the film."""
    return f"{listed(levels)} {'is' if len(levels) == 1 else 'are'} not visible or not outlined"


def cut_off(level: str) -> str:
    """Return that the film's border cuts off the part of a body that is needed."""
    return f"the border of the image cuts {level} off"


def corners_missing(level: str) -> str:
    """Return that the points needed of an outlined body could not be placed."""
    return f"the corners of {level} that are needed could not be placed"
