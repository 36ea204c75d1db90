"""Pages on examinations of one patient, and the drawn course."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from spinealign.domain.comparison import PatientExamination
from spinealign.domain.measures import MeasureCode, NormalRange
from spinealign.domain.report_details import ReportDetails
from spinealign.export.comparison import NO_CHANGE, NOT_READ
from spinealign.export.comparison_pages import (
    comparison_pdf,
    course_pdf,
    motion_pdf,
)
from spinealign.export.course_picture import (
    NOTHING_TO_DRAW,
    PAPER,
    course_in_words,
    course_picture,
    drawn_values,
    motion_in_words,
    motion_picture,
    nice_ticks,
    write_course_picture,
)
from spinealign.export.report import report_pdf
from spinealign.export.report_html import report_html
from spinealign.measure.geometry.comparison import course_of
from spinealign.measure.motion import motion_of
from tests.core.test_comparison import cobb, of_patient, translation
from tests.core.test_motion import pair
from tests.phantoms_alignment import bent_column
from tests.phantoms_xray import analysed


def text_of(data):
    pages = PdfReader(io.BytesIO(data)).pages
    return " ".join(" ".join(one.extract_text() for one in pages).split())


def test_a_comparison_says_dates_changes_and_all_measures():
    first = of_patient(cobb(22.0), translation(1.0))
    second = of_patient(cobb(8.0), translation(1.5), day="20250505")
    text = text_of(comparison_pdf(first, second))
    assert "2024-03-01 to 2025-05-05: 14 months." in text
    assert "Cobb lordosis fell from 22.0° to 8.0°" in text
    assert "C4/C5 translation" in text
    assert NO_CHANGE not in text
    assert NO_CHANGE in text_of(comparison_pdf(first, of_patient(cobb(22.0), day="20250505")))


def html_of(analysis, details):
    return " ".join(report_html(analysis, details).decode().split())


def in_report(details, analysis):
    """Return what both kinds of report say."""
    return text_of(report_pdf(analysis, details)), html_of(analysis, details)


def test_in_a_report_stand_the_changes_and_the_main_measures_only():
    prior = of_patient(cobb(22.0), translation(1.0))
    now = of_patient(cobb(8.0), translation(1.2), day="20250505")
    for text in in_report(ReportDetails(now.facts, prior=prior), now.analysis):
        section = text[text.index("Compared with an earlier examination") :]
        assert "2024-03-01 to 2025-05-05: 14 months." in section
        assert "Cobb lordosis fell from 22.0° to 8.0°" in section
        assert "Error of a change" in section
        assert NOT_READ in section
        assert "C4/C5 translation: First" not in section
    for text in in_report(ReportDetails(now.facts), now.analysis):
        assert "Compared with" not in text


def test_a_deidentified_report_holds_no_date_of_another_examination():
    prior = of_patient(cobb(22.0), translation(1.0))
    now = of_patient(cobb(8.0), translation(1.2), day="20250505")
    course = course_of([prior, now])
    details = ReportDetails(now.facts, prior=prior, course=course, is_deidentified=True)
    for text in in_report(details, now.analysis):
        assert "Time between both examinations: 14 months." in text
        assert "2024-03-01" not in text
        assert "Course by date" not in text
    for text in in_report(replace(details, is_deidentified=False), now.analysis):
        section = text[text.index("Course by date") :]
        assert "2024-03-01" in section
        assert "Cobb" in section
        assert "C4/C5 translation" not in section


def test_flexion_and_extension_stand_in_a_report():
    motion = motion_of(*pair())
    details = ReportDetails(motion.flexion.facts, motion=motion)
    for text in in_report(details, motion.flexion.analysis):
        assert "C4/C5: rotation over 20°" in text or "possibly rotation over 20°" in text
        assert "no diagnosis" in text
        assert "The film is taken in flexion or extension" in text
    film = of_patient(replace(cobb(8.0), normal=NormalRange(100.0, 101.0))).analysis
    for is_told, said in ((False, details), (True, ReportDetails(motion.flexion.facts))):
        assert all(("below range" in text) is is_told for text in in_report(said, film))


def test_a_film_with_flexion_and_extension_stays_at_two_pages():
    bent, stretched = ([-2.0, -4.0, -6.0, -5.0, -3.0], [6.0, 8.0, 12.0, 9.0, 7.0])
    films = [analysed(bent_column(discs, [0.0] * 5)) for discs in (bent, stretched)]
    motion = motion_of(*map(PatientExamination, films))
    for details in (ReportDetails(), ReportDetails(motion=motion)):
        data = report_pdf(films[0], details)
        assert len(PdfReader(io.BytesIO(data)).pages) <= 2


def test_a_course_on_paper_draws_what_changed_and_lists_all_dates():
    course = course_of(
        [of_patient(cobb(v), day=day) for v, day in ((10.0, "20230101"), (22.0, "20250505"))]
    )
    data = course_pdf(course)
    text = text_of(data)
    assert "2023-01-01" in text
    assert "22.0°*" in text
    assert len(PdfReader(io.BytesIO(data)).pages[0].images) == 1


def test_more_dates_than_a_page_has_room_for_are_told():
    days = [f"20{year}0101" for year in range(10, 20)]
    text = text_of(course_pdf(course_of([of_patient(cobb(10.0), day=day) for day in days])))
    assert "2010-01-01" in text
    assert "2019-01-01" in text
    assert "6 dates have no room here" in text


def test_motion_on_paper_names_levels_and_limits():
    text = text_of(motion_pdf(motion_of(*pair())))
    assert "C4/C5" in text
    assert "White and Panjabi" in text
    assert "no diagnosis" in text


def pixels_of(course, row, colour):
    picture = np.asarray(course_picture(course, row, (600, 300), scale=1.0))
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.argwhere((picture == wanted).all(axis=2))


def course_with(*values):
    return course_of([of_patient(cobb(value), day=day) for value, day in values])


def test_a_change_is_drawn_higher_and_later_where_it_rose():
    course = course_with((10.0, "20230101"), (22.0, "20250101"))
    ink, mark = (pixels_of(course, course.rows[0], c) for c in (PAPER.ink, PAPER.mark))
    assert len(mark)
    dot = ink[ink[:, 0] > 60]
    assert mark[:, 0].mean() < dot[:, 0].mean()
    assert mark[:, 1].min() > 500
    falls = course_with((22.0, "20230101"), (10.0, "20250101"))
    fallen = pixels_of(falls, falls.rows[0], PAPER.mark)
    assert fallen[:, 0].mean() > mark[:, 0].mean()


def test_what_is_within_the_error_has_no_mark_and_lies_in_the_band():
    course = course_with((10.0, "20230101"), (12.0, "20250101"))
    assert not len(pixels_of(course, course.rows[0], PAPER.mark))
    assert len(pixels_of(course, course.rows[0], PAPER.band))
    assert "changed" not in course_in_words(course, course.rows[0])


def test_only_dated_values_that_can_be_compared_are_drawn():
    course = course_with((10.0, "20230101"), (12.0, "20250101"), (14.0, ""))
    assert [one.value for one in drawn_values(course, course.rows[0])] == [10.0, 12.0]
    alone = course_with((10.0, "20230101"), (14.0, ""))
    assert drawn_values(alone, alone.rows[0]) == ()
    assert NOTHING_TO_DRAW in course_in_words(alone, alone.rows[0])
    course_picture(alone, alone.rows[0])
    pixels = course_of(
        [of_patient(translation(v, "px"), day=d) for v, d in ((1.0, "20230101"), (2.0, "20250101"))]
    )
    assert drawn_values(pixels, pixels.rows[0]) == ()


def test_values_of_one_day_are_drawn_without_a_time_axis():
    course = course_with((10.0, "20230101"), (12.0, "20230101"))
    assert course_picture(course, course.rows[0]).size == (1200, 620)


def test_a_drawn_course_is_written(tmp_path):
    course = course_with((10.0, "20230101"), (22.0, "20250101"))
    write_course_picture(course, course.rows[0], tmp_path / "course.png")
    with Image.open(tmp_path / "course.png") as picture:
        assert picture.size == (1200, 620)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.1, 9.0, (0, 2, 4, 6, 8, 10)),
        (-3.0, 3.0, (-3, -2, -1, 0, 1, 2, 3)),
        (5.0, 5.0, None),
        (0.31, 0.42, (0.3, 0.32, 0.34, 0.36, 0.38, 0.4, 0.42)),
    ],
)
def test_ticks_are_round_and_hold_all_values(low, high, ticks):
    found = nice_ticks(low, high)
    assert found[0] <= low + 1e-9
    assert found[-1] >= high - 1e-9
    assert len(found) >= 3
    if ticks is not None:
        assert found == pytest.approx(ticks)


def test_a_measure_without_an_interval_is_drawn_as_a_point():
    bare = [of_patient(cobb(v, None), day=d) for v, d in ((1.0, "20230101"), (9.0, "20250101"))]
    course = course_of(bare)
    assert replace(course.rows[0]).either.code is MeasureCode.COBB_C2_C7
    assert len(pixels_of(course, course.rows[0], PAPER.ink))


def test_motion_is_drawn_level_by_level_and_a_wide_one_marked():
    motion = motion_of(*pair())
    picture = np.asarray(motion_picture(motion, (500, 300), scale=1.0))
    wanted = [int(PAPER.mark[i : i + 2], 16) for i in (1, 3, 5)]
    marked = np.argwhere((picture == wanted).all(axis=2))
    # The third of five levels turns by more than 20 degrees.
    middle = 62 + (500 - 62 - 26) * 0.5
    assert abs(marked[:, 1].mean() - middle) < 10
    words = motion_in_words(motion)
    assert [part.split()[-1] for part in words.split(", ")] == [
        "8.0°", "12.0°", "23.0°", "14.0°", "10.0°",
    ]  # fmt: skip
    empty = replace(motion, segments=())
    assert motion_picture(empty, (300, 200), scale=1.0).size == (300, 200)
