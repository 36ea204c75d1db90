"""Two curves of one part of the spine, and more than three: none is lost without a word."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.curve_pattern import CurveCount, pattern_of
from spinealign.domain.curve_regions import region_of
from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.domain.measures import MeasureCode, SeverityGrade
from spinealign.domain.report_details import ReportDetails
from spinealign.export.case_table import CaseRow, cases_csv
from spinealign.export.measure_tables import measurements_csv
from spinealign.export.report_content import report_content
from spinealign.measure.geometry.coronal_curves import coronal_curves
from spinealign.reading.findings import findings_of
from spinealign.wording.curve_pattern import dictated_curves, pattern_notes, pattern_sentences
from spinealign.wording.measure_rows import measure_lines
from spinealign.wording.reading_page import finding_statement
from spinealign.wording.reading_window import line_note
from tests.coronal import DOUBLE, LEVELS, TWO_THORACIC, UPPER_IS_LARGER, analysis_of, column

HUNG = ("L", "F")
MAIN, FURTHER = MeasureCode.CURVE_MAIN_THORACIC, MeasureCode.CURVE_FURTHER
TILTS = st.lists(st.floats(-35, 35), min_size=17, max_size=17).map(
    lambda tilts: [0.98713 * tilt + 0.0113 * place for place, tilt in enumerate(tilts)]
)
"""No equal and no round tilts: rounding would decide about turns of 5 degrees and their places."""


def curves_of(tilts, **how):
    return [m for m in analysis_of(column(tilts), HUNG, **how).measurements if m.curve is not None]


@pytest.mark.parametrize(
    ("tilts", "found"),
    [
        (TWO_THORACIC, [(FURTHER, ("T3", "T8"), 20), (MAIN, ("T8", "T12"), 30)]),
        (UPPER_IS_LARGER, [(MAIN, ("T3", "T8"), 40), (FURTHER, ("T8", "T12"), 25)]),
    ],
)
def test_the_smaller_of_two_curves_of_one_region_is_a_measure_of_its_own(tilts, found):
    taken = curves_of(tilts)[:2]
    assert [(one.code, one.levels, pytest.approx(one.value)) for one in taken] == found
    further = next(one for one in taken if one.code is FURTHER)
    assert further.severity is not None
    assert further.strokes
    assert region_of(FURTHER, further.curve.apex) is MAIN


def test_both_are_told_with_their_sides_and_the_types_say_which_they_count():
    pattern = pattern_of(analysis_of(column(TWO_THORACIC), HUNG))
    said = pattern_sentences(pattern)
    assert said.startswith("Triple curve: left thoracic 20.0°")
    assert "; right thoracic 30.0°" in said
    assert pattern.count is CurveCount.TRIPLE
    assert "; T3–T8 is no part of them." in "\n".join(pattern_notes(pattern))
    alone = pattern_of(analysis_of(column(DOUBLE), HUNG))
    assert "no part of them" not in "\n".join(pattern_notes(alone))


def test_a_fourth_curve_is_told_and_not_counted():
    analysis = analysis_of(column(DOUBLE), HUNG)
    pattern = pattern_of(analysis)
    assert pattern.count is CurveCount.TRIPLE
    (fourth,) = pattern.beyond
    assert fourth.measured.levels == ("L3", "L5")
    assert "A further curve, smaller than these: left lumbar 10.0°" in pattern_sentences(pattern)
    told = [(m.code, m.curve, m.value) for m in analysis.measurements if m.curve is not None]
    assert dictated_curves(told) == (
        "Triple curve: right proximal thoracic, left thoracic, right thoracolumbar."
    )


@settings(max_examples=40)
@given(TILTS)
def test_every_curve_of_the_column_is_told(tilts):
    analysis = analysis_of(column(tilts), HUNG)
    angles = sorted(abs(one.angle_deg) for one in coronal_curves(column(tilts)))
    pattern = pattern_of(analysis)
    told = (*pattern.curves, *pattern.beyond, *pattern.smaller)
    assert len(told) + len(pattern.untold) == len(angles)
    assert all(min(abs(one.angle_deg - angle) for angle in angles) < 1e-6 for one in told)
    said = pattern_sentences(pattern)
    assert all(" to ".join(one.measured.levels) in said for one in told)
    assert all("–".join(one.levels) in said for one in pattern.untold)
    keys = [finding.key for finding in findings_of(analysis)]
    assert len({*keys}) == len(keys)
    if pattern.untold:
        return
    regions = [region_of(one.measured.code, one.measured.curve.apex) for one in told]
    for code in {*regions}:
        same = [one for one, region in zip(told, regions, strict=True) if region is code]
        (main,) = [one for one in same if not one.is_further]
        assert main.angle_deg == max(one.angle_deg for one in same)


def test_the_apex_of_a_further_thoracic_curve_is_measured_from_c7():
    plumb = Drawing(DrawingTool.PLUMB_POINTS, 1, ((290.0, 10.0), (320.0, 1000.0)))
    corners = column(TWO_THORACIC)
    analysis = analysis_of(corners, HUNG, (plumb,))
    taken = analysis.measurements
    further = next(one for one in taken if one.code is FURTHER)
    (away,) = [
        one for one in taken
        if one.code is MeasureCode.APICAL_TRANSLATION and one.levels == further.curve.apex
    ]  # fmt: skip
    places = [LEVELS.index(level) for level in further.curve.apex]
    width_mm = analysis.image.spacing_mm[1]
    assert away.value == pytest.approx(width_mm * (corners[places, :, 0].mean() - 290.0))


def test_rows_of_curves_say_ends_apex_and_side_wherever_they_stand():
    analysis = analysis_of(column(TWO_THORACIC), HUNG)
    shape = "convex to the patient’s left"
    for row in report_content(analysis, ReportDetails()).rows:
        if row.what == "Further curve T3–T8":
            assert row.meaning.startswith("apex T")
            assert shape in row.meaning
            break
    else:
        pytest.fail("the further curve has no row")
    (finding,) = [one for one in findings_of(analysis) if one.code == FURTHER]
    assert shape in finding_statement(finding)
    assert shape in line_note([finding])
    lines = [line.split("\t") for line in measure_lines(analysis.measurements)]
    (cells,) = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]
                if len(line) > 1 and line[1] == "Further curve T3–T8"]  # fmt: skip
    assert shape in cells["Curve"]
    table = list(csv.DictReader(io.StringIO(measurements_csv(analysis), newline="")))
    (row,) = [row for row in table if row["code"] == FURTHER]
    assert (row["levels"], row["convex_to"], row["patient_side"]) == ("T3/T8", "right", "left")
    assert row["apex"].startswith("T")


def test_a_table_of_cases_has_one_column_for_a_curve_and_one_for_what_it_is():
    one, other = (analysis_of(column(tilts), HUNG) for tilts in (DOUBLE, TWO_THORACIC))
    rows = [CaseRow(each.image.source_path, "to check", each) for each in (one, other)]
    first, second = csv.DictReader(io.StringIO(cases_csv(rows), newline=""))
    name = "Main thoracic curve"
    assert (float(first[f"{name} (deg)"]), float(second[f"{name} (deg)"])) == (50.0, 30.0)
    assert (first[f"{name} end vertebrae"], second[f"{name} end vertebrae"]) == ("T5/T11", "T8/T12")
    assert (first[f"{name} apex"], first[f"{name} convex_to"]) == ("T8", "right")
    assert (first[f"{name} patient_side"], second[f"{name} patient_side"]) == ("left", "right")
    assert float(second["Further curve T3–T8 (deg)"]) == 20.0
    assert first["Further curve T3–T8 (deg)"] == ""


def test_severity_of_a_further_curve_is_judged_as_any_other():
    (further,) = [one for one in curves_of(TWO_THORACIC) if one.code is FURTHER]
    assert further.severity.grade is SeverityGrade.CURVE_10_TO_25
