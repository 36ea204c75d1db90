"""The curves of a film from the front in words: pattern, severity, types, and what is needed."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.curve_pattern import (
    FEWEST_BODIES,
    LEAST_MODERATE_DEG,
    LEAST_SCOLIOSIS_DEG,
    LEAST_SEVERE_DEG,
    CurveCount,
    CurvePattern,
    CurveSize,
    FoundCurve,
    PossibleTypes,
    StillNeeded,
    count_of,
    counted_places,
)
from spinealign.domain.curve_regions import region_of
from spinealign.domain.measurements import CurveShape
from spinealign.domain.measures import MeasureCode
from spinealign.wording.measure_rows import edited_text, interval_text, value_text
from spinealign.wording.measures import measurement_name, reason_text
from spinealign.wording.text import as_sentence, listed, safe_text

_REGIONS = {
    MeasureCode.CURVE_PROXIMAL_THORACIC: "proximal thoracic",
    MeasureCode.CURVE_MAIN_THORACIC: "thoracic",
    MeasureCode.CURVE_THORACOLUMBAR: "thoracolumbar",
    MeasureCode.CURVE_LUMBAR: "lumbar",
    MeasureCode.CURVE_UNNAMED: "curve",
}
_COUNTS = {
    CurveCount.SINGLE: "Single curve",
    CurveCount.DOUBLE: "Double curve",
    CurveCount.TRIPLE: "Triple curve",
}
_SIZES = {
    CurveSize.MILD: (
        f"mild ({LEAST_SCOLIOSIS_DEG:g} to {LEAST_MODERATE_DEG:g}°; observation is usual)"
    ),
    CurveSize.MODERATE: (
        f"moderate ({LEAST_MODERATE_DEG:g} to {LEAST_SEVERE_DEG:g}°; a brace is discussed during "
        "growth)"
    ),
    CurveSize.SEVERE: f"severe ({LEAST_SEVERE_DEG:g}° and more; surgery is discussed)",
}
_SEVERITY_SOURCES = (
    "Severity: SRS, SOSORT 2016 (doi:10.1186/s13013-017-0145-8); others begin moderate at 20° and "
    "severe at 40°."
)
_NEEDS = {
    StillNeeded.BENDING_FILMS: "films bent to both sides",
    StillNeeded.LATERAL_FILM: "kyphosis on a lateral film",
    StillNeeded.SACRAL_MIDLINE: "the middle of C7 and of S1, placed by hand",
    StillNeeded.PEDICLES: "the pedicles at the lower apex",
    StillNeeded.WHOLE_COLUMN: "every body from T1 to L5",
}
NO_ROTATION = (
    "Rotation of vertebrae is not measurable from corners; a scoliosis is a curve with rotation."
)
_SIDE_UNKNOWN = (
    "Sides are those of the picture: the file does not say which side of the patient is which."
)
_SIDE_KNOWN = "Sides are the patient’s, as the file states them."


def pattern_sentences(pattern: CurvePattern) -> str:
    """Return the curves in one to five sentences.

    Returns
    -------
    str
        Such as "Double curve: right thoracic 35.0° (95 % 33.1 to 36.9), T5 to T11, apex T8; left
        lumbar 25.0°, T12 to L4, apex L2. The largest curve is moderate (25 to 45°; a brace is
        discussed during growth).".
    """
    said = [_curves_sentence(pattern)]
    largest, size = pattern.largest, pattern.size
    if size is not None and largest is not None:
        severity = largest.measured.severity
        possibly = "possibly " if severity is not None and severity.is_possible else ""
        said.append(f"The largest curve is {possibly}{_SIZES[size]}.")
    if pattern.beyond:
        head = "A further curve" if len(pattern.beyond) == 1 else "Further curves"
        said.append(f"{head}, smaller than these: {'; '.join(map(_curve, pattern.beyond))}.")
    if pattern.curves and pattern.smaller:
        smaller = "; ".join(map(_curve, pattern.smaller))
        said.append(f"Below {LEAST_SCOLIOSIS_DEG:g}° and no scoliosis: {smaller}.")
    for one in pattern.untold:
        reason = reason_text(one.unmeasurable)
        said.append(f"{measurement_name(one)} is not measurable{f': {reason}' if reason else ''}.")
    return " ".join(said)


def _curves_sentence(pattern: CurvePattern) -> str:
    found = (*pattern.curves, *pattern.smaller)
    unnamed = next((one for one in found if one.measured.code is MeasureCode.CURVE_UNNAMED), None)
    if unnamed is not None:
        return (
            f"Largest curve: {_curve(unnamed)}; the levels are uncertain, so that neither its "
            "part of the spine nor other curves are told."
        )
    if pattern.curves:
        return f"{_COUNTS[pattern.count]}: {'; '.join(map(_curve, pattern.curves))}."
    if pattern.untold:
        return f"No measurable curve reaches {LEAST_SCOLIOSIS_DEG:g}°."
    if len(pattern.levels) < FEWEST_BODIES:
        return "Curves are not measurable: fewer than three bodies are named with their corners."
    told = f": {'; '.join(map(_curve, pattern.smaller))}" if pattern.smaller else ""
    least = f"o curve of {LEAST_SCOLIOSIS_DEG:g}° or more"
    if not pattern.is_whole:
        first, last = pattern.levels[0], pattern.levels[-1]
        among = f"{len(pattern.levels)} bodies between {safe_text(first)} and {safe_text(last)}"
        return f"N{least} among the {among} that are named{told}."
    may = any(one.may_reach_10_deg for one in pattern.smaller)
    return f"{'Possibly no' if may else 'No'} scoliosis: n{least}{told}."


CURVES_TITLE = "Curves of the spine"


def dictated_curves(curves: Sequence[tuple[MeasureCode, CurveShape, float]]) -> str:
    """Return which curves there are together, as it is dictated before each of them.

    Parameters
    ----------
    curves : sequence of (MeasureCode, CurveShape, float)
        Kind, shape and angle in degrees, from the top; smaller ones than 10 degrees do not count.

    Returns
    -------
    str
        "Double curve: right thoracic, left lumbar."; empty of fewer than two.
    """
    large = [one for one in curves if one[2] >= LEAST_SCOLIOSIS_DEG]
    told = [large[place] for place in counted_places([angle for *_, angle in large])]
    count = count_of(len(told))
    if count in (CurveCount.NONE, CurveCount.SINGLE):
        return ""
    return f"{_COUNTS[count]}: {', '.join(_sided(code, shape) for code, shape, _ in told)}."


def _sided(code: MeasureCode, shape: CurveShape) -> str:
    region = _REGIONS[region_of(code, shape.apex)]
    if shape.patient_side is not None:
        return f"{shape.patient_side.value} {region}"
    return f"{region} (convex to the {shape.convex_to} of the picture)"


def _curve(curve: FoundCurve) -> str:
    measured = curve.measured
    interval = interval_text(measured.interval, measured.unit)
    parts = [f"95 % {interval}" if interval else "", edited_text(measured)]
    brackets = "; ".join(part for part in parts if part)
    value = f"{value_text(measured)}{f' ({brackets})' if brackets else ''}"
    apex = "" if measured.curve is None else f", apex {safe_text('/'.join(measured.curve.apex))}"
    return f"{_named(curve)} {value}, {safe_text(' to '.join(measured.levels))}{apex}"


def _named(curve: FoundCurve) -> str:
    shape = curve.measured.curve
    region = _REGIONS[region_of(curve.measured.code, () if shape is None else shape.apex)]
    if curve.patient_side is not None:
        return f"{curve.patient_side.value} {region}"
    return region if shape is None else f"{region}, convex to the {shape.convex_to} of the picture,"


def pattern_notes(pattern: CurvePattern) -> list[str]:
    """Return what else is to be known: whose sides, rotation, sources, types and what they need."""
    found = (*pattern.curves, *pattern.smaller)
    sides = [] if not found else [_SIDE_UNKNOWN if found[0].patient_side is None else _SIDE_KNOWN]
    types = []
    if pattern.lenke is not None and pattern.king is not None:
        types = [_lenke(pattern.lenke), _king(pattern.king), *_left_out(pattern)]
    elif pattern.curves and not pattern.untold:
        types = [
            "Lenke’s and King’s types are not told of curves below 25°: both were made of "
            "idiopathic curves that were operated on."
        ]
    severity = [_SEVERITY_SOURCES] if pattern.curves else []
    return [*sides, *types, *severity, NO_ROTATION]


def _left_out(pattern: CurvePattern) -> list[str]:
    """Return which curves the types do not count: they know one in each part of the spine."""
    further = [one for one in (*pattern.curves, *pattern.beyond) if one.is_further]
    if not further:
        return []
    names = listed([safe_text("–".join(one.measured.levels)) for one in further])
    verb = "is" if len(further) == 1 else "are"
    return [
        f"Types are told of the larger curve in each part of the spine; {names} {verb} no part of "
        "them."
    ]


def _lenke(found: PossibleTypes) -> str:
    if not found.types and not found.needs:
        return "Lenke type: none, as a proximal thoracic curve alone has none (Lenke 2001)."
    if not found.types:
        told = "not told"
    else:
        modifier = f", lumbar modifier {_either(found.modifiers)}" if found.modifiers else ""
        major = listed([_REGIONS[code] for code in found.major], "or")
        told = f"{_either(found.types)}{modifier} ({major} curve major)"
    return as_sentence(f"Lenke type {told}{_needed(found)} (Lenke 2001)")


def _king(found: PossibleTypes) -> str:
    if not found.types and not found.needs:
        return "King type: none, as it has none without a thoracic curve (King 1983)."
    told = _either([_ROMAN[number] for number in found.types]) if found.types else "not told"
    return as_sentence(f"King type {told}{_needed(found)} (King 1983)")


_ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V"}


def _either(names: Sequence[object]) -> str:
    return listed([str(name) for name in names], "or")


def _needed(found: PossibleTypes) -> str:
    return f"; still needed: {listed([_NEEDS[one] for one in found.needs])}" if found.needs else ""
