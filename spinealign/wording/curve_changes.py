"""Curves of a scoliosis on two films of one patient: what changed, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.comparison import (
    PROGRESSION_DEG,
    Change,
    ComparedMeasure,
    PatientExamination,
    reaches_progression,
)
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import Reference
from spinealign.wording.measure_rows import number_text, unit_text, value_text
from spinealign.wording.measures import measurement_name
from spinealign.wording.text import in_sentence, safe_text

_RULE = f"{PROGRESSION_DEG:g}° or more"
PROGRESSED, SMALLER = f"Progression ({_RULE} larger on the later film)", f"Smaller by {_RULE}"
NO_PROGRESSION = f"No progression (less than {PROGRESSION_DEG:g}°)"
NOT_SURE = f"{_RULE}, but no more than the error of a change, so measure both films again"
CHANGED_BY_RULE = f"changed by {_RULE}"
WITHIN_RULE = f"no change: less than {PROGRESSION_DEG:g}°"
WITHIN_ERROR = f"{_RULE}, but within the error of a change"
ORDER_UNKNOWN = (
    "Whether a curve progressed is not told: the dates of both films do not say which is later."
)
READERS_DIFFER = (
    f"A curve has progressed where Cobb’s angle is larger by {_RULE} ({Reference.SOSORT}): readers "
    "of one film differ by 3 to 5°, so a smaller difference is no change."
)
ONE_SIDE_UNKNOWN = (
    "The file of one film does not say which side of the patient is which, so whether a curve is "
    "convex to the same side is not known."
)
OTHER_SIDES = (
    "A curve is convex to the other side on the second film, and is not subtracted: check whether "
    "one of both films is shown from behind or mirrored."
)


def curve_judgement(compared: ComparedMeasure) -> str:
    """Return what the difference of a curve is worth; empty of other measures and without one."""
    if not compared.is_of_curve or compared.difference is None:
        return ""
    if compared.change is Change.BEYOND:
        return CHANGED_BY_RULE
    if compared.change is Change.WITHIN:
        return WITHIN_ERROR if reaches_progression(compared.difference) else WITHIN_RULE
    return ""


def compared_name(compared: ComparedMeasure) -> str:
    """Return what was compared; of a curve with what it is on the second film, where it differs.

    Returns
    -------
    str
        Such as "Main thoracic curve T5–T11 (second: T6–T12)".
    """
    first, second = compared.first, compared.second
    if first is None or second is None or not compared.is_of_curve:
        return measurement_name(compared.either)
    if first.code is not second.code:
        other = in_sentence(measurement_name(second))
    elif compared.has_other_ends:
        other = ends_text(second)
    else:
        return measurement_name(first)
    return f"{measurement_name(first)} (second: {other})"


def ends_text(measured: Measurement) -> str:
    """Return the end vertebrae of a curve: "T5–T11"."""
    return "–".join(safe_text(level) for level in measured.levels)


def progression_sentences(
    first: PatientExamination, second: PatientExamination, rows: Sequence[ComparedMeasure]
) -> list[str]:
    """Return which curves progressed between two films, and which did not.

    Parameters
    ----------
    first, second : PatientExamination
        Their dates tell which film is the later one.
    rows : sequence of ComparedMeasure
        From `first` to `second`.

    Returns
    -------
    list of str
        Such as "Progression (5° or more larger on the later film): main thoracic curve T5–T11
        from 30.0° to 37.0°."; empty without curves.
    """
    curves = [row for row in rows if row.is_of_curve]
    told = [row for row in curves if row.change in (Change.BEYOND, Change.WITHIN)]
    sign = _direction(first, second)
    if told and not sign:
        return [ORDER_UNKNOWN, *_one_sided(curves)]
    headed: dict[str, list[str]] = {}
    for row in told:
        headed.setdefault(_heading(row, sign), []).append(_from_to(row, sign))
    order = (PROGRESSED, NOT_SURE, SMALLER, NO_PROGRESSION)
    said = [f"{head}: {'; '.join(headed[head])}." for head in order if head in headed]
    return [*said, *_one_sided(curves)]


def are_curves_told(first: PatientExamination, second: PatientExamination) -> bool:
    """Whether `progression_sentences` tell what became of curves; else their dates do not allow it.

    Parameters
    ----------
    first, second : PatientExamination

    Returns
    -------
    bool
    """
    return _direction(first, second) != 0


def _direction(first: PatientExamination, second: PatientExamination) -> int:
    """Return 1 where the second film is the later one, -1 where the first is, 0 where unknown."""
    if first.date is None or second.date is None or first.date == second.date:
        return 0
    return 1 if second.date > first.date else -1


def _heading(row: ComparedMeasure, sign: int) -> str:
    grown = sign * (row.difference or 0.0)
    if row.change is Change.BEYOND:
        return PROGRESSED if grown > 0 else SMALLER
    return NOT_SURE if reaches_progression(grown) else NO_PROGRESSION


def _from_to(row: ComparedMeasure, sign: int) -> str:
    assert row.first is not None
    assert row.second is not None
    early, late = (row.first, row.second) if sign > 0 else (row.second, row.first)
    return f"{in_sentence(compared_name(row))} from {value_text(early)} to {value_text(late)}"


_ONLY = {Change.ONLY_FIRST: "first", Change.ONLY_SECOND: "second"}


def _one_sided(curves: Sequence[ComparedMeasure]) -> list[str]:
    """Return the curves that one film alone shows."""
    return [
        f"{measurement_name(row.either)} {value_text(row.either)} is on the {_ONLY[row.change]} "
        "film only: the other shows no curve of 5° there, or its bodies are not named."
        for row in curves
        if row.change in _ONLY
    ]


def curve_cautions(rows: Sequence[ComparedMeasure]) -> list[str]:
    """Return what to know before trusting the differences of curves; empty without curves."""
    curves = [row for row in rows if row.is_of_curve]
    if not curves:
        return []
    said = [READERS_DIFFER]
    said += [_ends_sentence(row) for row in curves if row.has_other_ends]
    if any(row.change is Change.OTHER_SIDE for row in curves):
        said.append(OTHER_SIDES)
    if any(map(_has_one_side, curves)):
        said.append(ONE_SIDE_UNKNOWN)
    return said


def _ends_sentence(row: ComparedMeasure) -> str:
    """Return that a curve has other end vertebrae, and its angle on the same ones."""
    assert row.first is not None
    assert row.second is not None
    said = (
        f"{measurement_name(row.first)} has other end vertebrae on the second film "
        f"({ends_text(row.second)}): each film is measured between its own most tilted bodies"
    )
    if row.on_first_ends is None:
        return f"{said}."
    angle = f"{number_text(row.on_first_ends, row.unit)}{unit_text(row.unit)}"
    return f"{said}; between {ends_text(row.first)} the second has {angle}."


def _has_one_side(row: ComparedMeasure) -> bool:
    curves = [None if one is None else one.curve for one in (row.first, row.second)]
    sides = [curve.patient_side for curve in curves if curve is not None]
    return len(sides) > 1 and sides.count(None) == 1
