"""Examinations of one patient as tables for programs: two of them, or a course."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spinealign.domain.comparison import (
    Change,
    ComparedMeasure,
    Course,
    CourseRow,
    PatientExamination,
)
from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureGroup
from spinealign.domain.motion import Motion
from spinealign.domain.report_details import ReportDetails
from spinealign.export.measure_tables import json_number, measurement_record
from spinealign.files import write_export
from spinealign.measure.geometry.comparison import changed, compare
from spinealign.wording import display_name
from spinealign.wording.comparison import (
    COMPARISON_COLUMNS,
    COMPARISON_HEADINGS,
    change_sentence,
    comparison_cautions,
    comparison_record,
    comparison_row,
    interval_sentence,
    judgement_text,
    span_text,
)
from spinealign.wording.course import (
    COURSE_COLUMNS,
    course_cautions,
    course_cells,
    course_headings,
    course_records,
)
from spinealign.wording.curve_changes import (
    are_curves_told,
    curve_cautions,
    progression_sentences,
)
from spinealign.wording.measures import measurement_name
from spinealign.wording.motion import (
    MOTION_HEADINGS,
    motion_cautions,
    motion_row,
    motion_sentences,
)

NOT_READ = "This section was made by the program. It is no part of what the reader signed."
NO_CHANGE = "No measure changed by more than the error of a change."
ORIGIN_COLUMNS = (
    "first_file", "first_sha256", "first_date", "second_file", "second_sha256", "second_date",
    "patient", "program_version", "disclaimer",
)  # fmt: skip
COURSE_ORIGIN_COLUMNS = ("file", "sha256", "program_version", "disclaimer")


def main_rows(rows: Sequence[ComparedMeasure]) -> tuple[ComparedMeasure, ...]:
    """Return what changed, and the measures of the whole neck or back: what a report holds."""
    return tuple(row for row in rows if row.change is Change.BEYOND or _is_main(row.either))


def main_course_rows(rows: Sequence[CourseRow]) -> tuple[CourseRow, ...]:
    """Return the same of a course: what changed against the first at any date, and the rest."""
    return tuple(
        row
        for row in rows
        if _is_main(row.either)
        or any(one is not None and one.change is Change.BEYOND for one in row.changes)
    )


def _is_main(measurement: Measurement) -> bool:
    return measurement.definition.group in (MeasureGroup.ALIGNMENT, MeasureGroup.BALANCE)


def appended_lines(analysis: Analysis, details: ReportDetails) -> list[tuple[str, list[str]]]:
    """Return the sections of a report on other examinations in words: title and lines.

    A course is its dates, and left out of a de-identified report.
    """
    found = []
    if details.prior is not None:
        now = PatientExamination(analysis, details.patient)
        lines = _comparison_lines(details.prior, now, with_dates=not details.is_deidentified)
        found.append(("Compared with an earlier examination", lines))
    if details.course is not None and not details.is_deidentified:
        found.append(("Course by date", _course_lines(details.course)))
    if details.motion is not None:
        found.append(("Flexion and extension", _motion_lines(details.motion)))
    return [(title, [*lines, NOT_READ]) for title, lines in found]


def _comparison_lines(
    first: PatientExamination, second: PatientExamination, *, with_dates: bool
) -> list[str]:
    rows = compare(first.analysis, second.analysis)
    told = [row for row in main_rows(rows) if row.is_of_curve or row.change is not Change.BEYOND]
    others = [_cells(COMPARISON_HEADINGS, comparison_row(row)) for row in told]
    times = interval_sentence(first, second, with_dates=with_dates)
    progress = progression_sentences(first, second, rows)
    cautions = [*curve_cautions(rows), *comparison_cautions(first, second)]
    return [times, *progress, *change_sentences(first, second, rows), *others, *cautions]


def change_sentences(
    first: PatientExamination, second: PatientExamination, rows: Sequence[ComparedMeasure]
) -> list[str]:
    """Return what changed by more than the error of a change, a sentence a measure.

    Curves of which `progression_sentences` tells what became of them are not told once more.

    Parameters
    ----------
    first, second : PatientExamination
    rows : sequence of ComparedMeasure
        From `first` to `second`.

    Returns
    -------
    list of str
        That nothing did, where no measure and no curve did.
    """
    found = changed(rows)
    once = [row for row in found if not (row.is_of_curve and are_curves_told(first, second))]
    return [change_sentence(row) for row in once] or ([] if found else [NO_CHANGE])


def _course_lines(course: Course) -> list[str]:
    heads = course_headings(course)
    rows = [_cells(heads, course_cells(row)) for row in main_course_rows(course.rows)]
    return [*rows, *course_cautions(course)]


def _motion_lines(motion: Motion) -> list[str]:
    rows = [_cells(MOTION_HEADINGS, motion_row(segment)) for segment in motion.segments]
    return [*motion_sentences(motion), *rows, *motion_cautions(motion)]


def _cells(headings: Sequence[str], cells: Sequence[str]) -> str:
    """Return a row in words: "C4/C5: Flexion -1.4°, Extension 10.9°"."""
    pairs = zip(headings[1:], cells[1:], strict=True)
    return f"{cells[0]}: {', '.join(f'{heading} {cell}' for heading, cell in pairs)}"


def comparison_csv(first: PatientExamination, second: PatientExamination) -> str:
    """Return the compared measures as CSV (RFC 4180): dates, and nothing else of the patient.

    Returns
    -------
    str
        `COMPARISON_COLUMNS` and `ORIGIN_COLUMNS`; empty cells mean "no value" or "must
        not be subtracted", and the judgement says why. The column "patient" says whether
        both are of the same patient: "same", "doubtful", "other" or "unknown".
    """
    last = (first.match(second).value, second.analysis.program_version, DISCLAIMER)
    origin = (*_origin(first), *_origin(second), *last)
    rows = compare(first.analysis, second.analysis)
    return _csv(
        (*COMPARISON_COLUMNS, *ORIGIN_COLUMNS), ((*comparison_record(row), *origin) for row in rows)
    )


def course_csv(course: Course) -> str:
    """Return a course as CSV (RFC 4180), a line for each value of each measure.

    Returns
    -------
    str
        `COURSE_COLUMNS` and `COURSE_ORIGIN_COLUMNS`; "days" count from the first date, and the
        difference is against the first value.
    """
    lines = [
        (*record, *_file(one.analysis), one.analysis.program_version, DISCLAIMER)
        for row in course.rows
        for record, one in zip(
            course_records(course, row), _with_value(course, row.values), strict=True
        )
    ]
    return _csv((*COURSE_COLUMNS, *COURSE_ORIGIN_COLUMNS), lines)


def _with_value(course: Course, values: Sequence[object]) -> list[PatientExamination]:
    pairs = zip(course.examinations, values, strict=True)
    return [one for one, value in pairs if value is not None]


def _csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue()


def comparison_json(first: PatientExamination, second: PatientExamination) -> dict[str, Any]:
    """Return the compared measures as a JSON object, with what to know before trusting them.

    Returns
    -------
    dict
        `first` and `second` of each measure are as in `measurements` of analysis.json, or
        None; `difference` is second minus first, None where the two must not be subtracted;
        `error_of_change` is what it was judged by. `progression` says of films from the front
        which curves progressed; where one has other end vertebrae on the second,
        `second_between_first_ends` is its angle there between those of the first.
    """
    files = [
        dict(zip(("file_name", "sha256", "date"), _origin(one), strict=True))
        for one in (first, second)
    ]
    rows = compare(first.analysis, second.analysis)
    return {
        "program": {"name": "SpineAlign", "version": second.analysis.program_version},
        "first": files[0],
        "second": files[1],
        "patient": first.match(second).value,
        "time_between": span_text(first.date, second.date),
        "progression": progression_sentences(first, second, rows),
        "measures": [_compared(row) for row in rows],
        "warnings": [*curve_cautions(rows), *comparison_cautions(first, second)],
        "disclaimer": DISCLAIMER,
    }


def _compared(row: ComparedMeasure) -> dict[str, Any]:
    error = None if row.error is None else row.error
    published = None if error is None or error.published is None else error.published
    return {
        "name": measurement_name(row.either),
        "first": None if row.first is None else measurement_record(row.first),
        "second": None if row.second is None else measurement_record(row.second),
        "difference": json_number(row.difference, 4),
        "error_of_change": None if error is None else json_number(error.half_width, 4),
        "error_measured": None if error is None else json_number(error.measured, 4),
        "error_published": None if published is None else published.half_width,
        "error_source": None if published is None else published.source.value,
        "change": row.change.value,
        "judgement": judgement_text(row),
        "second_between_first_ends": json_number(row.on_first_ends, 4),
    }


def write_comparison(first: PatientExamination, second: PatientExamination, path: Path) -> None:
    """Write `comparison_csv` to a file, whole or not at all.

    Raises
    ------
    ExportError
        The file is as it was before.
    """
    write_export(path, comparison_csv(first, second).encode())


def write_course(course: Course, path: Path) -> None:
    """Write `course_csv` to a file, whole or not at all.

    Raises
    ------
    ExportError
        The file is as it was before.
    """
    write_export(path, course_csv(course).encode())


def _origin(examination: PatientExamination) -> tuple[str, str, str]:
    day = examination.date
    return (*_file(examination.analysis), "" if day is None else day.isoformat())


def _file(analysis: Analysis) -> tuple[str, str]:
    return display_name(analysis.image.source_path), analysis.image.sha256
