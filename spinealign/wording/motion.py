"""Flexion and extension in words: motion by level, what is usual, and published limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from spinealign.domain.comparison import Change, ComparedMeasure, PatientExamination
from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.identifiers import PatientMatch
from spinealign.domain.motion import (
    MOTION_LIMITS,
    MetSign,
    Motion,
    MotionSign,
    NormalMotion,
    SegmentMotion,
)
from spinealign.wording.comparison import (
    date_cautions,
    error_text,
    examination_line,
    examined_text,
    match_text,
    span_text,
)
from spinealign.wording.measure_rows import number_text, unit_text, value_text
from spinealign.wording.measures import measurement_name
from spinealign.wording.results import NOTHING
from spinealign.wording.text import listed

MOTION_HEADINGS = (
    "Level", "Flexion", "Extension", "Range of motion", "Error", "95 % of healthy people",
    "Translation", "Of depth", "Checklist",
)  # fmt: skip
MOTION_COLUMNS = (
    "level", "angle_flexion_deg", "angle_extension_deg", "rotation_deg", "rotation_error_deg",
    "usual_mean_deg", "usual_sd_deg", "usual_source", "offset_flexion", "offset_extension",
    "offset_unit", "translation", "translation_error", "translation_percent",
    "translation_percent_error", "criteria_met",
)  # fmt: skip
NOT_DETERMINED = "not determined"
"""Of a translation that the corners of a film do not allow to be taken exactly enough."""

NO_SEGMENTS = "No level has its bodies named and outlined on both films."
NOT_TOLD = (
    "Which film is flexion could not be told: there is no lordosis between the same bodies on "
    "both. Check, and swap them if needed."
)
TOLD = "Flexion is the film with less lordosis; swap them if that is wrong."
LIMITS_MEANING = (
    "Checklist: White and Panjabi 1990 give 2 points each for sagittal translation (over 3.5 mm "
    "or 20 % of the body’s depth in the neck, 4.5 mm or 15 % in the back) and rotation between "
    "flexion and extension (over 20° in the neck; 15° at L1 to L4, 20° at L4/L5, 25° at L5/S1), "
    "or on one film over 11° more kyphotic than a neighbour in the neck. Five points or more of "
    "the whole list, with findings that no film shows, mean clinical instability; the list was "
    "made for injured spines and from cut specimens. A criterion that is met is no diagnosis: "
    "healthy people meet single ones too."
)
EFFORT = (
    "Motion depends on how far the patient could and would bend: a small range of motion is no "
    "proof of a stiff level, nor of a fusion."
)
NO_USUAL_ROTATION = (
    "Where no range of healthy people is given, none with a standard deviation for that level "
    "could be verified; the limits of the checklist hold."
)
_SIGNS: Mapping[MotionSign, str] = MappingProxyType(
    {
        MotionSign.ROTATION: "rotation over {rotation_deg:g}°",
        MotionSign.TRANSLATION_MM: "translation over {translation_mm:g} mm",
        MotionSign.TRANSLATION_PERCENT: "translation over {translation_percent:g} % of the depth",
        MotionSign.ANGLE_AGAINST_NEIGHBOURS: "over {excess_deg:g}° more kyphotic than a neighbour",
    }
)


_UNJUDGED: Mapping[MotionSign, str] = MappingProxyType(
    {
        MotionSign.ROTATION: "rotation",
        MotionSign.TRANSLATION_MM: "translation in millimetres",
        MotionSign.TRANSLATION_PERCENT: "translation in % of the depth",
        MotionSign.ANGLE_AGAINST_NEIGHBOURS: "the angle against the neighbours'",
    }
)


def level_text(segment: SegmentMotion) -> str:
    """Return such as "C4/C5"."""
    return "/".join(segment.levels)


def sign_text(segment: SegmentMotion, met: MetSign) -> str:
    """Return a criterion that a level meets: "possibly rotation over 20°"."""
    words = _SIGNS[met.sign].format(**vars(MOTION_LIMITS[segment.levels]))
    return f"possibly {words}" if met.is_possible else words


def signs_text(segment: SegmentMotion) -> str:
    """Return the criteria that a level meets; empty where it meets none."""
    return "; ".join(sign_text(segment, met) for met in segment.signs)


def usual_text(normal: NormalMotion | None, unit: str) -> str:
    """Return what is usual: "10° (2 to 18°)", or the mean alone where no spread is published."""
    if normal is None:
        return NOTHING
    mean = f"{normal.mean:g}{unit_text(unit)}"
    if normal.range_95 is None:
        return f"mean {mean}"
    low, high = normal.range_95
    return f"{low:.0f} to {high:.0f}{unit_text(unit)}"


def moved_text(compared: ComparedMeasure | None) -> str:
    """Return how far something moved, with its error; the length of either way."""
    if compared is None or compared.difference is None:
        return NOTHING
    moved = abs(compared.difference)
    said = f"{number_text(moved, compared.unit)}{unit_text(compared.unit)}"
    error = error_text(compared.error, compared.unit)
    return f"{said} {error}" if error else said


def motion_row(segment: SegmentMotion) -> tuple[str, ...]:
    """Return the cells of one level under `MOTION_HEADINGS`."""
    rotation = segment.rotation
    assert rotation.first is not None
    assert rotation.second is not None
    assert rotation.difference is not None
    return (
        level_text(segment),
        value_text(rotation.first),
        value_text(rotation.second),
        f"{number_text(rotation.difference, 'deg')}°",
        error_text(rotation.error, "deg") or NOTHING,
        usual_text(segment.normal_rotation, "deg"),
        _translation(segment.translation),
        NOT_DETERMINED
        if segment.translation_percent is None
        else moved_text(segment.translation_percent),
        signs_text(segment) or ("open" if segment.unjudged else "none met"),
    )


def _translation(compared: ComparedMeasure | None) -> str:
    if compared is None or compared.change is Change.PIXELS:
        return "no spacing" if compared is not None else NOT_DETERMINED
    text = moved_text(compared)
    return f"{text} (magnified)" if compared.change is Change.MAGNIFIED else text


def motion_record(segment: SegmentMotion) -> tuple[str, ...]:
    """Return the fields of one level under `MOTION_COLUMNS`, numbers in full."""
    rotation, length, share = segment.rotation, segment.translation, segment.translation_percent
    normal = segment.normal_rotation
    return (
        level_text(segment),
        *_values(rotation),
        _figure(rotation.difference),
        _error(rotation),
        _figure(None if normal is None else normal.mean),
        _figure(None if normal is None else normal.sd),
        "" if normal is None else normal.source.value,
        *(_values(length) if length is not None else ("", "")),
        "" if length is None else length.unit,
        _figure(_size(length)),
        _error(length),
        _figure(_size(share)),
        _error(share),
        signs_text(segment),
    )


def _values(compared: ComparedMeasure) -> tuple[str, str]:
    first, second = compared.first, compared.second
    return (
        _figure(None if first is None else first.value),
        _figure(None if second is None else second.value),
    )


def _size(compared: ComparedMeasure | None) -> float | None:
    if compared is None or compared.difference is None:
        return None
    return abs(compared.difference)


def _error(compared: ComparedMeasure | None) -> str:
    error = None if compared is None else compared.error
    return _figure(None if error is None else error.half_width)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _free_sentences(free: Sequence[SegmentMotion]) -> list[str]:
    """Return where no criterion is met, apart for levels at which the same ones were not judged."""
    alike: dict[tuple[MotionSign, ...], list[str]] = {}
    for segment in free:
        alike.setdefault(segment.unjudged, []).append(level_text(segment))
    return [
        f"No criterion of the checklist that could be judged is met at {listed(levels)}; "
        f"not judged: {listed([_UNJUDGED[sign] for sign in unjudged])}."
        if unjudged
        else f"No criterion of the checklist is met at {listed(levels)}."
        for unjudged, levels in alike.items()
    ]


def motion_sentences(motion: Motion) -> list[str]:
    """Return the result in plain sentences, what matters most first."""
    said = []
    total = motion.total
    if total is not None and total.first is not None and total.second is not None:
        said.append(
            f"{measurement_name(total.either)}: {value_text(total.first)} in flexion, "
            f"{value_text(total.second)} in extension; range of motion {moved_text(total)}."
        )
    met = [segment for segment in motion.segments if segment.signs]
    said += [f"{level_text(segment)}: {signs_text(segment)}." for segment in met]
    said += _free_sentences([segment for segment in motion.segments if not segment.signs])
    contrary = [level_text(one) for one in motion.segments if _moves_the_other_way(one)]
    if contrary:
        said.append(
            f"At {listed(contrary)} the angle moves against the direction of the bend, by more "
            "than its error."
        )
    if motion.unmeasured:
        levels = listed(["/".join(levels) for levels in motion.unmeasured])
        said.append(
            f"Not measured on both films: {levels}. Check and correct the corners of these bodies."
        )
    return said or [NO_SEGMENTS]


def _moves_the_other_way(segment: SegmentMotion) -> bool:
    rotation = segment.rotation
    return rotation.change is Change.BEYOND and (rotation.difference or 0.0) < 0


def motion_cautions(motion: Motion) -> list[str]:
    """Return what to know before trusting the motion of two films."""
    flexion, extension = motion.flexion, motion.extension
    said = [match_text(flexion.match(extension)), TOLD if motion.is_told else NOT_TOLD]
    if flexion.match(extension) is PatientMatch.SAME and not motion.is_told:
        said.reverse()
    span = span_text(flexion.date, extension.date)
    if span != "the same day":
        said.append(
            f"The films are not known to be of one day ({span or 'date not stated'} apart)."
            if not span
            else f"The films are {span} apart: that is a change and no motion."
        )
    if flexion.analysis.image.sha256 == extension.analysis.image.sha256:
        said.append("Both are the same file.")
    said += date_cautions((flexion, extension))
    sources = {
        normal.source.value
        for one in motion.segments
        if (normal := one.normal_rotation) is not None
    }
    if sources:
        said.append(f"Healthy people: mean ± 2 standard deviations ({'; '.join(sorted(sources))}).")
    if any(one.normal_rotation is None for one in motion.segments):
        said.append(NO_USUAL_ROTATION)
    return [*said, EFFORT, LIMITS_MEANING]


def motion_lines(motion: Motion) -> list[str]:
    """Return motion as lines of text, the table with tabs between its cells."""
    return [
        f"Flexion: {examination_line(motion.flexion, with_name=False)}",
        f"Extension: {examination_line(motion.extension, with_name=False)}",
        *motion_sentences(motion),
        "\t".join(MOTION_HEADINGS),
        *("\t".join(motion_row(segment)) for segment in motion.segments),
        *motion_cautions(motion),
        DISCLAIMER,
    ]


def motion_title(examinations: Sequence[PatientExamination]) -> str:
    """Return such as "Flexion and extension, 2025-05-05"."""
    days = dict.fromkeys(map(examined_text, examinations))
    return f"Flexion and extension, {' and '.join(days)}"
