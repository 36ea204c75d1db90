"""Pages on examinations of one patient: what changed, the course, flexion and extension."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from reportlab.lib.units import mm
from reportlab.platypus import Image as Picture
from reportlab.platypus import KeepTogether, Spacer, Table

from spinealign.domain.comparison import (
    ComparedMeasure,
    Course,
    CourseRow,
    PatientExamination,
)
from spinealign.domain.findings import Analysis
from spinealign.domain.motion import Motion
from spinealign.domain.report_details import ReportDetails
from spinealign.export import page
from spinealign.export.comparison import NOT_READ, change_sentences, main_course_rows, main_rows
from spinealign.export.course_picture import course_picture, drawn_values, motion_picture
from spinealign.export.overlay import overlay_picture
from spinealign.export.page import Story, grid, paragraph, section
from spinealign.export.report_pictures import jpeg
from spinealign.files import write_export
from spinealign.measure.geometry.comparison import compare
from spinealign.wording import is_demonstration
from spinealign.wording.comparison import (
    COMPARISON_HEADINGS,
    NOTHING_MEASURED,
    comparison_cautions,
    comparison_row,
    examination_line,
    interval_sentence,
)
from spinealign.wording.course import (
    course_cautions,
    course_cells,
    course_headings,
)
from spinealign.wording.curve_changes import curve_cautions, progression_sentences
from spinealign.wording.motion import (
    MOTION_HEADINGS,
    motion_cautions,
    motion_row,
    motion_sentences,
)
from spinealign.wording.report import UNNAMED

_PICTURE_HEIGHT = 82 * mm
_CHART_SIZE = (1100, 500)
_PICTURE_PX = 1200
_MOST_CHARTS, _CHARTS_OF_REPORT = 4, 2
_MOST_DATES = 4
_OTHER_COLUMNS = 5
"""Columns of `course_headings` that are no dates."""

_GAP = 4 * mm


def comparison_story(
    first: PatientExamination,
    second: PatientExamination,
    *,
    is_whole: bool = True,
    with_dates: bool = True,
) -> Story:
    """Return the section of a report on what changed since an earlier examination.

    Parameters
    ----------
    first, second : PatientExamination
        Of one patient, the earlier one first; see `require_one_patient`.
    is_whole : bool
        Whether both pictures and all measures follow. A report has pictures of its own, and
        room for what changed and the measures of the whole neck or back.
    with_dates : bool
        Whether dates stand there, or the time between them only.
    """
    rows = compare(first.analysis, second.analysis)
    said = change_sentences(first, second, rows)
    shown = rows if is_whole else main_rows(rows)
    if not rows:
        said = [NOTHING_MEASURED]
    return [
        *section(
            "Compared with an earlier examination",
            paragraph(interval_sentence(first, second, with_dates=with_dates), page.BOLD),
        ),
        *(paragraph(sentence) for sentence in progression_sentences(first, second, rows)),
        *(paragraph(f"• {sentence}") for sentence in said),
        *([Spacer(0, 2 * mm), _pictures(first, second)] if is_whole else ()),
        Spacer(0, 2 * mm),
        *([_comparison_table(shown)] if shown else ()),
        Spacer(0, 1 * mm),
        *_small([*curve_cautions(rows), *comparison_cautions(first, second)]),
    ]


def _comparison_table(rows: Sequence[ComparedMeasure]) -> Table:
    cells = [comparison_row(row) for row in rows if row.difference is not None]
    return grid(COMPARISON_HEADINGS, cells, (0.25, 0.12, 0.12, 0.12, 0.13, 0.26))


def course_story(course: Course, *, is_whole: bool = True) -> Story:
    """Return the section of a report on the course over several examinations.

    Parameters
    ----------
    course : Course
    is_whole : bool
        Whether all measures stand there, or what changed and the measures of the whole neck or
        back only, as in a report.
    """
    if not is_whole:
        course = replace(course, rows=main_course_rows(course.rows))
    return [
        *section(
            "Course by date",
            *(paragraph(examination_line(one, False)) for one in course.examinations),
        ),
        *_charts(course, _MOST_CHARTS if is_whole else _CHARTS_OF_REPORT),
        Spacer(0, 3 * mm),
        *_course_tables(course),
        *_small(course_cautions(course)),
    ]


def _course_tables(course: Course) -> Story:
    """Return a table by date; of more dates than a page has room for, the first and the latest."""
    headings = course_headings(course)
    kept = _kept_columns(len(course.examinations))
    rows = [course_cells(row) for row in course.rows]
    if not rows:
        return [paragraph("These examinations have no measure in common.")]
    dates = len(kept) - _OTHER_COLUMNS
    widths = (0.2, *([0.38 / dates] * dates), 0.11, 0.1, 0.09, 0.12)
    found: Story = [
        grid(
            [headings[place] for place in kept],
            [[row[place] for place in kept] for row in rows],
            widths,
        )
    ]
    left_out = len(headings) - len(kept)
    if left_out:
        found.append(paragraph(f"{left_out} dates have no room here; the table for programs has "
                               "them all.", page.SMALL))  # fmt: skip
    return found


def _kept_columns(dates: int) -> list[int]:
    if dates <= _MOST_DATES:
        return list(range(dates + _OTHER_COLUMNS))
    return [0, 1, *range(dates - _MOST_DATES + 2, dates + _OTHER_COLUMNS)]


def _charts(course: Course, most: int) -> Story:
    """Return drawings of the measures that changed, else of the most important ones."""
    drawn = [row for row in course.rows if drawn_values(course, row)]
    moved = [row for row in drawn if any(one.is_changed for one in drawn_values(course, row))]
    return [
        KeepTogether([Spacer(0, 3 * mm), _chart(course, row)]) for row in (moved or drawn)[:most]
    ]


def _chart(course: Course, row: CourseRow) -> Picture:
    width = 0.72 * page.TEXT_WIDTH
    return _printed(course_picture(course, row, _CHART_SIZE), width, width)


def motion_story(motion: Motion) -> Story:
    """Return the section of a report on flexion and extension."""
    rows = [motion_row(segment) for segment in motion.segments]
    widths = (0.08, 0.09, 0.11, 0.1, 0.08, 0.11, 0.18, 0.13, 0.12)
    return [
        *section(
            "Motion by level",
            *(paragraph(f"• {sentence}") for sentence in motion_sentences(motion)),
        ),
        Spacer(0, 2 * mm),
        _pictures(motion.flexion, motion.extension),
        paragraph("Flexion, and extension.", page.SMALL),
        Spacer(0, 2 * mm),
        *([grid(MOTION_HEADINGS, rows, widths)] if rows else ()),
        *([Spacer(0, 2 * mm), _motion_chart(motion)] if rows else ()),
        Spacer(0, 1 * mm),
        *_small(motion_cautions(motion)),
    ]


def _motion_chart(motion: Motion) -> Picture:
    width = 0.72 * page.TEXT_WIDTH
    return _printed(motion_picture(motion), width, width)


def appended_stories(analysis: Analysis, details: ReportDetails) -> list[Story]:
    """Return the sections on other examinations of the patient that a report was asked for."""
    stories: list[Story] = []
    if details.prior is not None:
        now = PatientExamination(analysis, details.patient)
        with_dates = not details.is_deidentified
        stories.append(comparison_story(details.prior, now, is_whole=False, with_dates=with_dates))
    if details.course is not None and not details.is_deidentified:
        stories.append(course_story(details.course, is_whole=False))
    if details.motion is not None:
        stories.append(motion_story(details.motion))
    return [[*story, paragraph(NOT_READ, page.SMALL)] for story in stories]


def _pictures(*examinations: PatientExamination) -> Table:
    pictures = [overlay_picture(one.analysis, paper=True) for one in examinations]
    room = (page.TEXT_WIDTH - _GAP) / len(pictures)
    row = [_printed(picture, room, _PICTURE_HEIGHT) for picture in pictures]
    found = Table([row], colWidths=[room + _GAP / 2] * len(row))
    found.setStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    found.hAlign = "LEFT"
    return found


def _printed(picture: Image.Image, width: float, height: float) -> Picture:
    factor = min(width / picture.width, height / picture.height)
    size = picture.width * factor, picture.height * factor
    return page.picture(jpeg(picture, _PICTURE_PX), *size)


def _small(sentences: Sequence[str]) -> Story:
    return [paragraph(sentence, page.SMALL) for sentence in sentences]


def _document(title: str, story: Story, examinations: Sequence[PatientExamination]) -> bytes:
    """Return a document of its own: no name, only dates and files."""
    target = io.BytesIO()
    lines = [paragraph(examination_line(one, with_name=False)) for one in examinations]
    is_shown = any(is_demonstration(one.analysis) for one in examinations)
    top: list[Any] = [paragraph(title, page.TITLE), *lines]
    version = examinations[-1].analysis.program_version
    running = page.Running(UNNAMED, title, version, is_demonstration=is_shown)
    page.build([*top, *story], target, running)
    return target.getvalue()


def comparison_pdf(first: PatientExamination, second: PatientExamination) -> bytes:
    """Return two examinations compared, as a PDF with dates and without names."""
    return _document("Comparison", comparison_story(first, second), (first, second))


def course_pdf(course: Course) -> bytes:
    """Return the course of a patient as a PDF with dates and without names."""
    return _document("Course", course_story(course), course.examinations[-1:])


def motion_pdf(motion: Motion) -> bytes:
    """Return flexion and extension as a PDF with dates and without names."""
    both = motion.flexion, motion.extension
    return _document("Flexion and extension", motion_story(motion), both)


def write_pages(path: Path, make: Callable[[], bytes]) -> None:
    """Write a document, whole or not at all.

    Raises
    ------
    ExportError
        The file is as it was before.
    """
    write_export(path, make())
