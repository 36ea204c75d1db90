"""The course of a patient over several dates in words: its table, its cautions, its lines."""

from __future__ import annotations

from spinealign.domain.comparison import Change, ComparedMeasure, Course, CourseRow
from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.identifiers import PatientMatch
from spinealign.domain.measurements import Measurement
from spinealign.wording.comparison import (
    ERROR_OF_CHANGE,
    NOTHING_MEASURED,
    date_cautions,
    difference_text,
    error_text,
    examination_line,
    examined_text,
    figure_text,
    judgement_text,
    levels_text,
    match_text,
    measurement_record,
    mixed_kinds_text,
    value_or_nothing,
)
from spinealign.wording.curve_changes import ends_text
from spinealign.wording.examinations import examination_text
from spinealign.wording.measures import measurement_name
from spinealign.wording.results import NOTHING
from spinealign.wording.text import count_text, safe_text

COURSE_COLUMNS = (
    "measure", "code", "levels", "unit", "date", "days", "value", "low", "high", "state",
    "difference", "error_of_change", "judgement",
)  # fmt: skip
CHANGED_MARK = "* changed against the first by more than the error of a change."

_SHORT_CHANGES = {
    Change.BEYOND: "changed",
    Change.WITHIN: "no change",
    Change.UNJUDGED: "not assessed",
    Change.MAGNIFIED: "not assessed: magnified",
}


def course_records(course: Course, row: CourseRow) -> list[tuple[str, ...]]:
    """Return a line for each value of a measure under `COURSE_COLUMNS`."""
    start = next((one.date for one in course.examinations if one.date is not None), None)
    places = zip(course.examinations, row.values, row.changes, strict=True)
    return [
        (
            measurement_name(row.either),
            row.either.code.value,
            levels_text(row.either),
            safe_text(value.unit),
            "" if one.date is None else one.date.isoformat(),
            "" if one.date is None or start is None else str((one.date - start).days),
            *measurement_record(value)[:4],
            figure_text(None if change is None else change.difference),
            figure_text(
                None if change is None or change.error is None else change.error.half_width
            ),
            "" if change is None else judgement_text(change),
        )
        for one, value, change in places
        if value is not None
    ]


def course_cells(row: CourseRow) -> tuple[str, ...]:
    """Return the cells of one measure under `course_headings`: name, values, changes, judgement.

    A value that changed against the first by more than the error of a change has a mark, and a
    curve its end vertebrae where they are not those of the name.
    """
    marks = [
        "*" if change is not None and change.change is Change.BEYOND else ""
        for change in row.changes
    ]
    values = (
        f"{value_or_nothing(value)}{mark}{_other_ends(row.either, value)}"
        for value, mark in zip(row.values, marks, strict=True)
    )
    last = row.last
    return (
        measurement_name(row.either),
        *values,
        _latest_text(row.latest),
        (difference_text(last) if last is not None else "") or NOTHING,
        (error_text(last.error, last.unit) if last is not None else "") or NOTHING,
        _SHORT_CHANGES.get(last.change, judgement_text(last)) if last is not None else NOTHING,
    )


def _other_ends(named: Measurement, value: Measurement | None) -> str:
    if value is None or value.curve is None or value.levels == named.levels:
        return ""
    return f" ({ends_text(value)})"


def _latest_text(latest: ComparedMeasure | None) -> str:
    """Return the last change, and whether it is more than the error of a change."""
    difference = "" if latest is None else difference_text(latest)
    is_beyond = latest is not None and latest.change is Change.BEYOND
    return f"{difference}{' (changed)' if is_beyond else ''}" or NOTHING


def course_headings(course: Course) -> tuple[str, ...]:
    """Return the headings over `course_cells`."""
    dates = (examined_text(one) for one in course.examinations)
    return ("Measure", *dates, "Last change", "Last against first", "Error of a change",
            "Judgement")  # fmt: skip


def course_cautions(course: Course) -> list[str]:
    """Return what to know before trusting a course."""
    matches = {course.examinations[0].match(other) for other in course.examinations[1:]}
    said = [match_text(match) for match in PatientMatch if match in matches]
    kinds = dict.fromkeys(one.analysis.examination for one in course.examinations)
    if len(kinds) > 1:
        said.append(mixed_kinds_text([examination_text(kind) for kind in kinds]))
    undated = sum(one.date is None for one in course.examinations)
    if undated:
        said.append(
            f"{count_text(undated, 'examination')} without a date: in the table at the end, and "
            "not drawn. “Date of the examination…” in the Analysis menu gives one."
        )
    said += date_cautions(course.examinations)
    days = [one.date for one in course.examinations if one.date is not None]
    if len(set(days)) < len(days):
        said.append("Several examinations are of one day: their differences are no course.")
    return [*said, CHANGED_MARK, ERROR_OF_CHANGE]


def course_lines(course: Course) -> list[str]:
    """Return a course as lines of text, the table with tabs between its cells."""
    return [
        *(examination_line(one, with_name=False) for one in course.examinations),
        "\t".join(course_headings(course)),
        *(["\t".join(course_cells(row)) for row in course.rows] or [NOTHING_MEASURED]),
        *course_cautions(course),
        DISCLAIMER,
    ]
