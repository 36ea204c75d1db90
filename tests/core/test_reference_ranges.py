"""95 % reference ranges: where they come from, whom they hold for, and what is called outside."""

from dataclasses import replace

import pytest

from spinealign.domain.findings import Caution, Facing, WarningCode
from spinealign.domain.measures import (
    MEASURES,
    Extent,
    MeasureCode,
    NormalRange,
    Reference,
    Severity,
    SeverityGrade,
)
from spinealign.domain.reading import Normality, NumberValue
from spinealign.imaging.dicom_age import patient_age_years
from spinealign.measure.alignment import judged_by_posture, measure_alignment
from spinealign.measure.correction.changes import delete_vertebra, set_bent
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.reading.findings import assessed, findings_of
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.measures import NO_REFERENCE_RANGE, definition_text, normal_texts
from spinealign.wording.reading_page import finding_statement
from spinealign.wording.reading_window import caution_label
from tests.core.test_one_way import film
from tests.examinations import LATERAL_NECK, SPINE_MR
from tests.image_files import dicom_object, read_scan
from tests.phantoms_alignment import PIXELS, bent_column, box, from_corners, numbered
from tests.phantoms_xray import draw_column
from tests.readings import measured, neck_analysis

RANGES = [(code, one) for code, definition in MEASURES.items() for one in definition.ranges]
COBB = MEASURES[MeasureCode.COBB_C2_C7]
SLIP = Severity(SeverityGrade.TRANSLATION_OVER_3_5_MM, Reference.WHITE_PANJABI, False)
AXIS = Severity(SeverityGrade.AXIS_OVER_40_MM, Reference.TANG, False)
NECK = from_corners(bent_column([2.0] * 6, [1.0] * 6))


@pytest.mark.parametrize(("code", "one"), RANGES)
def test_a_range_is_mean_and_1_96_standard_deviations_of_a_stated_sample(code, one):
    half = 0.01 if MEASURES[code].quantity == "" else 0.1
    assert one.low == pytest.approx(one.mean - 1.96 * one.sd, abs=half)
    assert one.high == pytest.approx(one.mean + 1.96 * one.sd, abs=half)
    assert one.people >= 100
    assert one.source is not None


@pytest.mark.parametrize("code", MeasureCode)
def test_a_measure_says_its_ranges_or_that_there_is_none(code):
    text = definition_text(code)
    is_drawn = MEASURES[code].extent is Extent.DRAWING
    assert (NO_REFERENCE_RANGE in text) is (not MEASURES[code].ranges and not is_drawn)
    for line in normal_texts(code):
        assert line in text
        assert " people" in line
        assert "±" in line


@pytest.mark.parametrize(
    ("age", "low", "high"),
    [
        (None, -10.2, 38.0), (45, -10.2, 38.0), (25, -15.1, 31.1), (29, -15.1, 31.1),
        (30, -10.2, 38.0), (79, -2.4, 41.8), (17, -16.0, 31.4),
    ],
)  # fmt: skip
def test_the_range_of_the_age_counts_where_the_age_is_known(age, low, high):
    found = COBB.normal_for(("C2", "C7"), age)
    assert (found.low, found.high) == (low, high)


# Films in flexion or extension


def bent(found, is_bent):
    return apply_corrections(found, set_bent(initial_corrections(found), is_bent, found.image))


def test_a_film_in_flexion_or_extension_is_not_judged_by_ranges_of_neutral_posture():
    neutral = film(draw_column("C7"))
    assert any(m.normal for m in neutral.measurements)
    for found in (film(draw_column("C7"), is_bent=True), bent(neutral, True)):
        assert all(m.normal is None for m in found.measurements)
        values = {m.key: m.value for m in found.measurements}
        assert values == {m.key: m.value for m in neutral.measurements}
        told = [finding_statement(each) for each in findings_of(found)]
        assert not [line for line in told if "reference range" in line]
        assert "flexion or extension film" in map(caution_label, found.cautions)


def test_balance_of_a_bent_film_has_no_limit_and_is_not_called_unremarkable():
    axis = measured(MeasureCode.SAGITTAL_VERTICAL_AXIS, 22.0, ("C2", "C7"))
    neutral = replace(neck_analysis(), measurements=(axis,))
    bent_film = replace(neutral, cautions=(Caution(WarningCode.BENT_FILM),))
    [judged], [open_] = (
        [one for one in findings_of(found) if one.code == axis.code.value]
        for found in (neutral, bent_film)
    )
    assert (judged.normality, open_.normality) == (Normality.NORMAL, Normality.UNJUDGED)
    assert judged.reference is not None
    assert open_.reference is None
    assert assessed(open_, NumberValue(60.0, "mm")).normality is Normality.UNJUDGED


def test_what_a_person_says_of_the_posture_counts_before_the_file():
    by_file = film(draw_column("C7"), is_bent=True)
    neutral = bent(by_file, False)
    assert any(m.normal for m in neutral.measurements)
    back = bent(neutral, True)
    assert all(m.normal is None for m in back.measurements)
    assert back.corrections is None  # as the file says


def test_slips_are_judged_on_bent_films_and_balance_is_not():
    slip = measured(MeasureCode.TRANSLATION, 4.0, ("C4", "C5"), severity=SLIP)
    axis = measured(MeasureCode.SAGITTAL_VERTICAL_AXIS, 60.0, ("C2", "C7"), severity=AXIS)
    tilt = measured(MeasureCode.PELVIC_INCIDENCE, 80.0, ("S1",), normal=NormalRange(40, 60))
    kept = judged_by_posture((slip, axis, tilt), is_bent=True)
    assert [m.severity for m in kept] == [SLIP, None, None]
    assert kept[2].normal == NormalRange(40, 60)
    assert judged_by_posture((slip, axis, tilt), is_bent=False) == (slip, axis, tilt)


@pytest.mark.parametrize(
    ("tags", "is_bent"),
    [
        ({"Modality": "CR", "SeriesDescription": "HWS Inklination"}, True),
        ({"Modality": "DX", "SeriesDescription": "C-spine FLEXION"}, True),
        ({"Modality": "DX", "SeriesDescription": "C-spine lateral"}, False),
        ({"Modality": "MR", "SeriesDescription": "T2 FLEX sag"}, False),
        ({"Modality": "DX"}, False),
    ],
)
def test_a_film_is_bent_where_its_file_calls_it_so(tmp_path, tags, is_bent):
    assert read_scan(tmp_path, **tags).is_bent is is_bent


@pytest.mark.parametrize("age", [8, 80, 95])
def test_an_age_that_nobody_measured_has_no_range(age):
    assert COBB.normal_for(("C2", "C7"), age) is None
    assert MEASURES[MeasureCode.SAGITTAL_VERTICAL_AXIS].normal_for((), 60) is None


@pytest.mark.parametrize(("age", "is_inside"), [(None, False), (25, False), (75, True)])
def test_the_same_angle_is_outside_for_one_age_and_inside_for_another(age, is_inside):
    bodies = from_corners(bent_column([5.0] * 6, [3.0] * 6))
    found = {
        m.code: m for m in measure_alignment(
            bodies, Facing.RIGHT, PIXELS, LATERAL_NECK, age_years=age
        )
    }  # fmt: skip
    cobb = found[MeasureCode.COBB_C2_C7]
    assert cobb.value == pytest.approx(40)
    assert cobb.normal.holds(cobb.value) is is_inside


def test_a_range_of_some_levels_holds_there_only():
    bodies = numbered(*(box(f"L{i}", 100, 40 * i, 40, 30) for i in range(1, 5)))
    found = measure_alignment(bodies, Facing.RIGHT, PIXELS, SPINE_MR)
    ranges = {m.levels[0]: m.normal for m in found if m.code is MeasureCode.BODY_HEIGHT_RATIO}
    assert (ranges["L1"].low, ranges["L1"].high) == (0.77, 1.01)
    assert ranges["L1"].mean == 0.89
    assert ranges["L2"].low == 0.76
    assert ranges["L3"] is ranges["L4"] is None


def test_magnified_millimetres_have_no_range():
    geometry = PixelGeometry((0.2, 0.2), are_lengths_true=False)
    found = measure_alignment(NECK, Facing.RIGHT, geometry, LATERAL_NECK)
    axis = next(m for m in found if m.code is MeasureCode.SAGITTAL_VERTICAL_AXIS)
    assert axis.normal is None


def test_a_finding_tells_mean_range_and_ages():
    text = alignment_sentences(film(draw_column("C7")))
    assert "95 % reference range (-10.2 to 38°; mean 13.9° at 20 to 79 years)." in text


AGES = {
    "birthday before": ({"PatientBirthDate": "19800315", "StudyDate": "20260316"}, 46),
    "birthday after": ({"PatientBirthDate": "19800317", "StudyDate": "20260316"}, 45),
    "old dates": ({"PatientBirthDate": "1980.03.15", "StudyDate": "2026.03.16"}, 46),
    "stated": ({"PatientAge": "045Y"}, 45),
    "months": ({"PatientAge": "030M"}, 2),
    "days": ({"PatientAge": "400D"}, 1),
    "both": ({"PatientAge": "044Y", "PatientBirthDate": "19800315", "StudyDate": "20260316"}, 46),
    "born later": ({"PatientBirthDate": "20300315", "StudyDate": "20260316"}, None),
    "nonsense": ({"PatientAge": "old", "PatientBirthDate": "19801399", "StudyDate": "2026"}, None),
    "too old": ({"PatientBirthDate": "18000101", "StudyDate": "20260316"}, None),
    "nothing": ({}, None),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("tags", "age"), AGES.values(), ids=AGES)
def test_the_age_at_the_examination(tags, age):
    assert patient_age_years(dicom_object(None, **tags)) == age


def test_the_age_comes_with_the_picture_and_stays_out_of_what_is_printed(tmp_path):
    image = read_scan(tmp_path, PatientAge="045Y")
    assert image.patient_age_years == 45
    assert "age_years" not in repr(image)


@pytest.mark.parametrize(("age", "people"), [(25, 200), (None, 1230)])
def test_the_age_of_the_picture_chooses_the_range_before_and_after_a_correction(age, people):
    found = film(draw_column("C7"), patient_age_years=age)
    corrected = apply_corrections(found, delete_vertebra(initial_corrections(found), 3))
    for analysis in (found, corrected):
        cobb = next(m for m in analysis.measurements if m.code is MeasureCode.COBB_C2_C7)
        assert cobb.normal.people == people
