"""Structured reports: judged by others' programs, read back number by number and point by point."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from spinealign.dicom.codes import MEASURE_TERMS, UNITS, body_term, disc_term
from spinealign.dicom.contents import contents_of
from spinealign.dicom.measurement_report import measurement_report, person_name
from spinealign.dicom.segments import algorithm_of
from spinealign.dicom.source import source_of
from spinealign.domain.findings import GradedPicture, LabelAnswer, LabelledPicture, ModelStatus
from spinealign.domain.measurements import CurveShape, Measurement, MeasureState, PictureSide
from spinealign.domain.measures import MeasureCode, NormalRange
from spinealign.domain.reading import Decision, GradeScale, GradeValue, NumberValue
from spinealign.reading.findings import measure_key
from tests.dicom_objects import dciodvfy_errors, kind_analysis, require_program
from tests.dicom_reports import (
    CASES,
    case,
    classified_ct,
    details,
    dsrdump,
    read_by_hand,
    whole_spine,
    with_measures,
)

SIX_DIGITS = 1e-6
NOT_OF_THE_OBJECT = "VR checker does not support this Specific Character Set: ISO_IR 192"
"""What DCMTK warns of every object in UTF-8, which it then prints."""


@pytest.fixture
def film(tmp_path):
    return with_measures(kind_analysis("film", tmp_path))


def written(analysis, folder: Path, reading=None, **changes) -> Dataset:
    path = folder / "report.dcm"
    measurement_report(analysis, details(reading, **changes)).save_as(path)
    return dcmread(path)


def walk(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", []):
        yield child
        yield from walk(child)


def code(item: Dataset, attribute: str = "ConceptNameCodeSequence") -> tuple[str, str]:
    found = item[attribute].value[0]
    return found.CodingSchemeDesignator, found.CodeValue


def below(item: Dataset, wanted: tuple[str, str]) -> list[Dataset]:
    return [child for child in item.get("ContentSequence", []) if code(child) == wanted]


def only(item: Dataset, wanted: tuple[str, str]) -> Dataset:
    (found,) = below(item, wanted)
    return found


KEY, STATUS = ("DCM", "112039"), ("99SPINEALIGN", "READING_STATUS")
METHOD, UPPER, LOWER = ("SCT", "370129005"), ("SCT", "371886008"), ("SCT", "371885007")
SITE, NORMALITY = ("SCT", "363698007"), ("DCM", "121402")
PERSON = ("DCM", "121008")


def numbers(report: Dataset) -> dict[str, Dataset]:
    """Return the numbers of measurement groups by the key of their finding."""
    groups = [item for item in walk(report) if code(item) == ("DCM", "125007")]
    own = [item for group in groups for item in group.ContentSequence]
    found = [item for item in own if item.ValueType == "NUM"]
    return {only(item, KEY).TextValue: item for item in found}


def value_of(item: Dataset) -> float:
    return float(item.MeasuredValueSequence[0].FloatingPointValue)


def status_of(item: Dataset) -> str:
    return code(only(item, STATUS), "ConceptCodeSequence")[1]


# Judged by others


@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("name", CASES)
def test_other_programs_find_no_fault(name, is_signed, tmp_path):
    require_program("dciodvfy", "dicom3tools")
    require_program("dsrdump", "dcmtk")
    analysis = case(name, tmp_path)
    reading = read_by_hand(analysis, tmp_path) if is_signed else None
    report = written(analysis, tmp_path, reading)

    assert dciodvfy_errors(tmp_path / "report.dcm") == []
    printed, warned = dsrdump(tmp_path / "report.dcm")
    assert [words for words in warned if NOT_OF_THE_OBJECT not in words] == []
    flag = "VERIFIED" if is_signed else "UNVERIFIED"
    assert re.search(rf"^Verification Flag +: {flag}$", printed, re.MULTILINE)
    assert report.VerificationFlag == ("VERIFIED" if is_signed else "UNVERIFIED")
    assert report.CompletionFlag == ("COMPLETE" if is_signed else "PARTIAL")
    assert report.PreliminaryFlag == ("FINAL" if is_signed else "PRELIMINARY")


# Numbers and points


@pytest.mark.parametrize("name", CASES)
def test_every_measure_is_read_back_to_six_digits_with_its_points(name, tmp_path):
    analysis = case(name, tmp_path)
    source = source_of(analysis.image, details().dicom)
    found = numbers(written(analysis, tmp_path))

    measured = {measure_key(m): m for m in analysis.measurements if m.value is not None}
    assert set(found) == set(measured)
    assert measured or name == "classified CT"
    for key, measure in measured.items():
        item = found[key]
        assert math.isclose(value_of(item), measure.value, rel_tol=SIX_DIGITS)
        written_value = float(item.MeasuredValueSequence[0].NumericValue)
        assert math.isclose(written_value, measure.value, rel_tol=SIX_DIGITS, abs_tol=1e-12)
        unit = item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]
        assert (unit.CodeValue, "UCUM") == UNITS[measure.unit][:2]
        assert code(item) == _key(MEASURE_TERMS[measure.code].concept)
        method = code(only(item, METHOD), "ConceptCodeSequence")
        assert method == _key(MEASURE_TERMS[measure.code].method)
        assert below(item, SITE)
        if measure.interval is not None:
            low, high = measure.interval
            assert math.isclose(value_of(only(item, UPPER)), high - measure.value, abs_tol=1e-9)
            assert math.isclose(value_of(only(item, LOWER)), measure.value - low, abs_tol=1e-9)
            uncertain = only(item, UPPER).MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]
            assert uncertain.CodeValue == unit.CodeValue
        _assert_points(item, measure, source)


def _key(term) -> tuple[str, str]:
    return term.scheme, term.value


def _assert_points(item, measure, source):
    graphics = [child for child in item.ContentSequence if child.ValueType == "SCOORD"]
    told = [np.array(one.GraphicData).reshape(-1, 2) for one in graphics]
    back = source.points_from_stored(np.concatenate(told)) if told else np.empty((0, 2))
    wanted = {(point.x, point.y) for point in measure.points}
    if measure.code is MeasureCode.DRAWN_ELLIPSE:  # told by its axes
        corners = np.array([*wanted])
        assert np.allclose(back.min(axis=0), corners.min(axis=0))
        assert np.allclose(back.max(axis=0), corners.max(axis=0))
        wanted = set()
    for x, y in wanted:
        assert np.hypot(*(back - (x, y)).T).min() < 1e-3
    for one in graphics:
        (image,) = one.ContentSequence
        assert image.RelationshipType == "SELECTED FROM"
        reference = image.ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == source.sop_instance_uid
        assert reference.get("ReferencedFrameNumber") == source.frame_number


def test_an_angle_between_lines_that_do_not_meet_has_two_polylines(tmp_path):
    analysis = whole_spine(tmp_path)
    found = numbers(written(analysis, tmp_path))
    item = found["measure/cobb_c2_c7/C2/C7"]
    lines = [child for child in item.ContentSequence if child.ValueType == "SCOORD"]

    assert [line.GraphicType for line in lines] == ["POLYLINE", "POLYLINE"]
    assert [len(line.GraphicData) for line in lines] == [4, 4]
    ends = [np.array(line.GraphicData).reshape(2, 2) for line in lines]
    slopes = [math.degrees(math.atan2(*(end - start)[::-1])) for start, end in ends]
    value = value_of(item)
    assert math.isclose(abs(slopes[0] - slopes[1]), abs(value), abs_tol=1e-3)


@pytest.mark.parametrize(
    ("apex", "patient", "place", "side"),
    [
        (("L2",), PictureSide.RIGHT, body_term("L2"), ("SCT", "24028007")),
        (("L1", "L2"), PictureSide.LEFT, disc_term(("L1", "L2")), ("SCT", "7771000")),
        (("L2",), None, body_term("L2"), ("99SPINEALIGN", "PICTURE_LEFT")),
        (("body 3",), None, None, ("99SPINEALIGN", "PICTURE_LEFT")),
    ],
    ids=["a body", "a disc", "a side of the picture", "a body without a level"],
)
def test_a_curve_has_its_apex_and_the_patient_s_side_where_it_is_known(
    apex, patient, place, side, film, tmp_path
):
    shape = CurveShape(apex, PictureSide.LEFT, patient)
    curve = Measurement(MeasureCode.CURVE_LUMBAR, 22.0, "deg", ("T12", "L4"), curve=shape)
    found = numbers(written(replace(film, measurements=(curve,)), tmp_path))
    (item,) = (one for key, one in found.items() if "curve_lumbar" in key)
    value = "ConceptCodeSequence"
    assert code(only(item, ("99SPINEALIGN", "CURVE_CONVEX_TO")), value) == side
    named = [code(one, value) for one in below(item, ("99SPINEALIGN", "CURVE_APEX"))]
    assert named == ([] if place is None else [_key(place)])
    assert dciodvfy_errors(tmp_path / "report.dcm") == []


def test_what_is_drawn_has_the_shape_that_was_drawn(film, tmp_path):
    found = numbers(written(film, tmp_path))
    shapes = {}
    for key, item in found.items():
        if "/drawn_" in key:
            own = [child for child in item.ContentSequence if child.ValueType == "SCOORD"]
            shapes[key.split("/")[1]] = [
                (one.GraphicType, len(one.GraphicData) // 2) for one in own
            ]
    assert shapes == {
        "drawn_distance": [("POLYLINE", 2)],
        "drawn_angle": [("POLYLINE", 3)],
        "drawn_cobb": [("POLYLINE", 2), ("POLYLINE", 2)],
        "drawn_area": [("POLYLINE", 5)],
        "drawn_rectangle": [("POLYLINE", 5)],
        "drawn_ellipse": [("ELLIPSE", 4)],
    }
    ring = np.array(_graphics(found["measure/drawn_area/1"])).reshape(-1, 2)
    assert (ring[0] == ring[-1]).all()
    ends = np.array(_graphics(found["measure/drawn_ellipse/1"])).reshape(4, 2)
    longer, shorter = np.hypot(*(ends[1] - ends[0])), np.hypot(*(ends[3] - ends[2]))
    assert (longer, shorter) == (38.0, 20.0)
    assert math.isclose(
        math.pi * longer * shorter / 4 * 0.2**2, value_of(found["measure/drawn_ellipse/1"]),
        rel_tol=0.02,
    )  # fmt: skip


def _graphics(item: Dataset) -> list[float]:
    (own,) = [child for child in item.ContentSequence if child.ValueType == "SCOORD"]
    return own.GraphicData


# Who says it


def test_automatic_accepted_changed_and_drawn_are_told_apart(film, tmp_path):
    slip = next(m for m in film.measurements if m.code is MeasureCode.TRANSLATION)
    height = next(m for m in film.measurements if m.code is MeasureCode.DISC_HEIGHT)
    decided = {
        measure_key(slip): (Decision.CHANGED, NumberValue(-4.25, "mm")),
        measure_key(height): (Decision.ACCEPTED, None),
    }
    reading = read_by_hand(film, tmp_path, decided, is_signed=False)
    found = numbers(written(film, tmp_path, reading))

    assert status_of(found[measure_key(height)]) == "ACCEPTED"
    assert status_of(found[measure_key(slip)]) == "CHANGED"
    assert value_of(found[measure_key(slip)]) == -4.25
    assert not any(
        child.ValueType == "SCOORD" for child in found[measure_key(slip)].ContentSequence
    )
    program = ("99SPINEALIGN", "PROGRAM_VALUE")
    assert only(found[measure_key(slip)], program).TextValue == f"{slip.value!r} mm"
    rest = {status_of(item) for key, item in found.items() if key not in decided}
    assert rest == {"AUTOMATIC"}
    algorithm = ("DCM", "111001")
    assert only(found[measure_key(height)], algorithm).TextValue == film.segmentation.model.name
    assert below(found[measure_key(slip)], algorithm) == []
    assert below(found["measure/drawn_cobb/1"], algorithm) == []
    points = ("99SPINEALIGN", "POINTS_BY")
    by = code(only(found["measure/drawn_cobb/1"], points), "ConceptCodeSequence")[1]
    assert by == "BY_PERSON"


def test_points_that_a_person_corrected_say_so(film, tmp_path):
    key = MeasureCode.DISC_HEIGHT
    edited = tuple(
        replace(m, state=MeasureState.EDITED, automatic_value=1.5) if m.code is key else m
        for m in film.measurements
    )
    found = numbers(written(replace(film, measurements=edited), tmp_path))
    (item,) = [one for name, one in found.items() if "/disc_height/" in name]
    points = only(item, ("99SPINEALIGN", "POINTS_BY"))
    assert code(points, "ConceptCodeSequence")[1] == "CORRECTED"
    assert only(item, ("99SPINEALIGN", "PROGRAM_VALUE")).TextValue == "1.5 mm"


def test_a_network_is_named_with_version_and_checksum(film, tmp_path):
    model = film.segmentation.model
    item = numbers(written(film, tmp_path))["measure/disc_height/C3/C4"]
    assert only(item, ("DCM", "111003")).TextValue == model.version
    parameters = {one.TextValue for one in below(item, ("DCM", "111002"))}
    assert f"sha256={model.sha256}" in parameters
    assert {*algorithm_of(model, "").parameters} <= parameters


def test_a_rejected_statement_of_the_program_is_not_reported_as_true(tmp_path):
    analysis = with_measures(kind_analysis("slice", tmp_path))
    rejected = {
        "measure/disc_height/L4/L5": (Decision.REJECTED, None),
        "disc_grade/bulging/L4/L5": (Decision.REJECTED, None),
        "disc_grade/pfirrmann/L4/L5": (
            Decision.CHANGED,
            GradeValue(GradeScale.PFIRRMANN, 2),
        ),
    }
    value = next(m.value for m in analysis.measurements if m.code is MeasureCode.DISC_HEIGHT)
    for is_signed in (False, True):
        reading = read_by_hand(analysis, tmp_path / str(is_signed), rejected, is_signed=is_signed)
        report = written(analysis, tmp_path, reading)
        assert "measure/disc_height/L4/L5" not in numbers(report)
        every = [item for item in walk(report) if item.ValueType == "NUM"]
        assert not any(math.isclose(value_of(item), value, rel_tol=1e-3) for item in every)
        names = [code(item)[1] for item in walk(report)]
        assert "DISC_BULGING" not in names
        assert "MODIC_CHANGE" in names  # of the same disc, and not rejected
        told = [item for item in walk(report) if code(item)[1] == "REJECTED_ITEM"]
        assert {code(item, "ConceptCodeSequence")[1] for item in told} == {
            "DISC_HEIGHT", "DISC_BULGING",
        }  # fmt: skip
        assert {status_of(item) for item in told} == {"REJECTED"}
        (grade,) = [item for item in walk(report) if code(item)[1] == "RDES281"]
        assert code(grade, "ConceptCodeSequence")[1] == "PFIRRMANN_2"
        assert status_of(grade) == "CHANGED"
        assert below(grade, ("DCM", "122157")) == []  # no probability of the program's


def test_a_rejected_kind_of_examination_leaves_nothing_of_the_program(film, tmp_path):
    reading = read_by_hand(film, tmp_path, {"examination": (Decision.REJECTED, None)},
                           is_signed=False)  # fmt: skip
    found = numbers(written(film, tmp_path, reading))
    assert found
    assert all("/drawn_" in key for key in found)


def test_what_is_not_determined_is_told_with_its_reason_and_without_a_number(film, tmp_path):
    missing = {measure_key(m): m for m in film.measurements if m.value is None}
    report = written(film, tmp_path)
    told = [item for item in walk(report) if code(item)[1] == "NOT_DETERMINED"]
    keys = {only(item, ("99SPINEALIGN", "FINDING_KEY")).TextValue for item in told}
    assert missing
    assert set(missing) <= keys
    assert not set(missing) & set(numbers(report))
    assert all(
        item.get("MeasuredValueSequence") for item in walk(report) if item.ValueType == "NUM"
    )


def test_probability_is_of_the_stated_value(tmp_path):
    analysis = with_measures(kind_analysis("slice", tmp_path))
    report = written(analysis, tmp_path)
    by_name = {code(item)[1]: item for item in walk(report) if item.ValueType == "CODE"}
    probability = ("DCM", "122157")
    assert code(by_name["DISC_BULGING"], "ConceptCodeSequence") == ("SCT", "52101004")
    assert math.isclose(value_of(only(by_name["DISC_BULGING"], probability)), 0.9)
    assert code(by_name["DISC_NARROWING"], "ConceptCodeSequence") == ("SCT", "272519000")
    assert math.isclose(value_of(only(by_name["DISC_NARROWING"], probability)), 0.98)


@pytest.mark.parametrize(
    ("value", "wanted"), [(31.0, "371879000"), (-1.0, "371880002"), (12.0, "17621005")]
)
def test_normality_is_against_the_range_that_is_written(film, tmp_path, value, wanted):
    angle = next(m for m in film.measurements if m.code is MeasureCode.DISC_ANGLE)
    judged = replace(angle, value=value, normal=NormalRange(0.0, 30.0), interval=None)
    rest = tuple(m for m in film.measurements if m is not angle)
    item = numbers(written(replace(film, measurements=(judged, *rest)), tmp_path))[
        measure_key(angle)
    ]
    assert code(only(item, NORMALITY), "ConceptCodeSequence") == ("SCT", wanted)
    assert value_of(only(item, ("SCT", "385524004"))) == 0.0
    assert value_of(only(item, ("SCT", "371933006"))) == 30.0


def test_uncertainty_reaches_as_far_above_and_below_as_the_interval(film, tmp_path):
    slip = next(m for m in film.measurements if m.code is MeasureCode.TRANSLATION)
    lopsided = replace(slip, value=-0.5, interval=(-0.75, 1.5))
    rest = tuple(m for m in film.measurements if m is not slip)
    report = written(replace(film, measurements=(lopsided, *rest)), tmp_path)
    item = numbers(report)[measure_key(slip)]
    assert value_of(only(item, UPPER)) == 2.0
    assert value_of(only(item, LOWER)) == 0.25


# Whose, and by whom


def test_the_signing_reader_is_observer_and_verifies(film, tmp_path):
    reading = read_by_hand(film, tmp_path, reader="Ana^=Müller")
    report = written(film, tmp_path, reading)
    names = [item.PersonName for item in walk(report) if code(item) == PERSON]
    assert [str(name) for name in names] == ["Ana Müller^"]
    (observer,) = report.VerifyingObserverSequence
    assert str(observer.VerifyingObserverName) == "Ana Müller^"
    assert observer.VerificationDateTime == f"{reading.signed_utc:%Y%m%d%H%M%S.%f}+0000"
    texts = [item.TextValue for item in walk(report) if code(item) == ("DCM", "121073")]
    assert texts == ["Signed by hand."]


def test_a_draft_names_its_reader_and_verifies_nothing(film, tmp_path):
    decided = {"measure/drawn_cobb/1": (Decision.ACCEPTED, None)}
    report = written(film, tmp_path, read_by_hand(film, tmp_path, decided, is_signed=False))
    flags = (report.VerificationFlag, report.CompletionFlag, report.PreliminaryFlag)
    assert flags == ("UNVERIFIED", "PARTIAL", "PRELIMINARY")
    assert "VerifyingObserverSequence" not in report
    names = [str(item.PersonName) for item in walk(report) if code(item) == PERSON]
    assert names == ["A. Reader^"]


def test_without_a_reading_the_program_alone_observes(film, tmp_path):
    report = written(film, tmp_path)
    assert [item for item in walk(report) if code(item) == PERSON] == []
    assert "VerifyingObserverSequence" not in report
    assert not [item for item in walk(report) if code(item) == ("DCM", "121072")]


def test_the_report_lies_in_the_study_of_the_image(film, tmp_path):
    image = dcmread(film.image.source_path)
    report = written(film, tmp_path)
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber"):
        assert report[keyword].value == image[keyword].value
    assert report.SeriesInstanceUID != image.SeriesInstanceUID
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    assert study.ReferencedSeriesSequence[0].SeriesInstanceUID == image.SeriesInstanceUID
    (scheme,) = report.CodingSchemeIdentificationSequence
    assert scheme.CodingSchemeDesignator == "99SPINEALIGN"


def test_findings_and_a_grade_of_the_whole_picture_are_told_with_their_probabilities(tmp_path):
    found = classified_ct(tmp_path)
    model = found.models[0]
    labels = (LabelAnswer("bulging", 0.38, 0.2, 0.1), LabelAnswer("narrow", 0.73, 0.9, 0.5))
    clear = GradedPicture(model, ("none", "mild", "severe"), (0.2, 0.7, 0.1), True)
    split = replace(clear, probabilities=(0.48, 0.04, 0.48))

    def said(grade):
        both = replace(found, labelled=LabelledPicture(model, labels, True), picture_grade=grade)
        items = list(walk(written(both, tmp_path)))
        wanted = ("PICTURE_FINDING", "NOT_REPORTED", "PICTURE_GRADE")
        return [
            (code(i)[1], i.TextValue, [
                float(b.MeasuredValueSequence[0].NumericValue)
                for b in i.ContentSequence if "MeasuredValueSequence" in b
            ])
            for i in items if code(i)[1] in wanted
        ]  # fmt: skip

    assert said(clear) == [
        ("PICTURE_FINDING", "bulging", [0.38]), ("NOT_REPORTED", "narrow", [0.73]),
        ("PICTURE_GRADE", "mild", [0.7]),
    ]  # fmt: skip
    assert said(split)[-1] == ("PICTURE_GRADE", "none to severe", [])
    hidden = replace(model, status=ModelStatus.DEMONSTRATION)
    assert said(replace(clear, model=hidden))[-1][0] != "PICTURE_GRADE"


def test_an_answer_of_a_demonstration_model_is_no_finding(tmp_path):
    shown = written(classified_ct(tmp_path), tmp_path)
    hidden = written(classified_ct(tmp_path, ModelStatus.DEMONSTRATION), tmp_path)
    assert [i.TextValue for i in walk(shown) if code(i)[1] == "CLASS"] == ["fracture"]
    assert [i for i in walk(hidden) if code(i)[1] == "CLASS"] == []
    assert b"fracture" not in (tmp_path / "report.dcm").read_bytes()


def test_a_segmentation_is_referred_to_by_segment_and_tracked_alike(tmp_path):
    from spinealign.dicom.segmentation import segmentation_of

    require_program("dciodvfy", "dicom3tools")
    analysis = with_measures(kind_analysis("slice", tmp_path))
    source = source_of(analysis.image)
    segmentation = segmentation_of(analysis, source)
    path = tmp_path / "report.dcm"
    measurement_report(analysis, details(), segmentation).save_as(path)
    report = dcmread(path)

    assert dciodvfy_errors(path) == []
    tracked = {one.TrackingID: one.TrackingUID for one in segmentation.SegmentSequence}
    groups = [item for item in walk(report) if code(item) == ("DCM", "125007")]
    told = {}
    for group in groups:
        uid = only(group, ("DCM", "112040")).UID
        told.setdefault(only(group, KEY).TextValue, set()).add(uid)
    assert {name: {uid} for name, uid in tracked.items()} == {name: told[name] for name in tracked}
    regions = [item for item in walk(report) if code(item) == ("DCM", "121214")]
    references = [item.ReferencedSOPSequence[0] for item in regions]
    assert [ref.ReferencedSegmentNumber for ref in references] == [
        one.SegmentNumber for one in segmentation.SegmentSequence
    ]
    assert not any("ReferencedFrameNumber" in ref for ref in references)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("A. Reader", "A. Reader^"), (" Dr.  B\tC ", "Dr. B C^"), ("x" * 80, f"{'x' * 63}^")],
)
def test_names_as_typed_become_names_of_dicom(typed, wanted):
    assert person_name(typed) == wanted


def test_signed_contents_are_what_was_signed(film, tmp_path):
    reading = read_by_hand(film, tmp_path)
    shifted = (m if m.value is None else replace(m, value=m.value + 5) for m in film.measurements)
    moved = replace(film, measurements=tuple(shifted))
    told = {one.finding.key: one for one in contents_of(moved, reading).statements}
    signed = {found.key: found for found in reading.findings}
    assert set(told) == set(signed)
    numbers_told = [one for one in told.values() if isinstance(one.finding.value, NumberValue)]
    assert numbers_told
    for one in numbers_told:
        assert one.finding.value == signed[one.finding.key].value
        assert one.measure is None  # the points of another value are not its own


def test_another_reader_of_reports_finds_groups_numbers_and_segments(tmp_path):
    from highdicom.sr import srread

    from spinealign.dicom.segmentation import segmentation_of

    analysis = with_measures(kind_analysis("slice", tmp_path))
    segmentation = segmentation_of(analysis, source_of(analysis.image))
    measurement_report(analysis, details(), segmentation).save_as(tmp_path / "report.dcm")
    content = srread(tmp_path / "report.dcm").content

    found = [
        m for group in content.get_image_measurement_groups() for m in group.get_measurements()
    ]
    measured = [m for m in analysis.measurements if m.value is not None]
    assert len(found) == len(measured)
    assert sorted(m.value for m in found) == sorted(m.value for m in measured)
    regions = content.get_planar_roi_measurement_groups()
    assert [one.tracking_identifier for one in regions] == [
        segment.TrackingID for segment in segmentation.SegmentSequence
    ]
