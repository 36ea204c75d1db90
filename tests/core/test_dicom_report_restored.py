"""A reading and its hand measures from a structured report: ours, another's, damaged ones."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from spinealign.dicom.contents import contents_of
from spinealign.dicom.measurement_report import measurement_report
from spinealign.dicom.report_file import read_report
from spinealign.dicom.restoring import restored, with_restored
from spinealign.dicom.restoring_report import restored_report
from spinealign.dicom.segmentation import segmentation_of
from spinealign.dicom.segmentation_file import read_segmentation
from spinealign.dicom.source import source_of
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem, SpineAlignError
from spinealign.domain.measurements import DrawingTool
from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import (
    Decision,
    GradeScale,
    GradeValue,
    NumberValue,
    PresenceValue,
    ReadingStatus,
)
from spinealign.measure.correction.corrected import without_corrections
from spinealign.reading.findings import findings_of, measure_key
from spinealign.wording import explain
from tests.dicom_objects import kind_analysis
from tests.dicom_reports import DRAWN, details, read_by_hand, with_measures
from tests.readings import NOW

POINT_PX = 1e-3


def saved(analysis, folder: Path, reading=None) -> Path:
    path = folder / "report.dcm"
    measurement_report(analysis, details(reading)).save_as(path)
    return path


def opened(analysis, path: Path):
    source = source_of(analysis.image, details().dicom)
    return restored_report(analysis, read_report(path), source, NOW)


def undrawn(analysis):
    """Return the analysis as the program made it, before anybody drew."""
    return without_corrections(analysis)


DECIDED = {
    "measure/disc_height/L4/L5": (Decision.CHANGED, NumberValue(6.5, "mm")),
    "measure/body_height_anterior/L4": (Decision.REJECTED, None),
    "disc_grade/pfirrmann/L4/L5": (Decision.CHANGED, GradeValue(GradeScale.PFIRRMANN, 2)),
    "disc_grade/bulging/L4/L5": (Decision.REJECTED, None),
    "disc_grade/narrowing/L4/L5": (Decision.CHANGED, PresenceValue(True)),
    "disc_grade/modic/L4/L5": (Decision.ACCEPTED, None),
}


@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("name", ["slice", "slice turned and mirrored", "enhanced"])
def test_decisions_drawings_and_impression_come_back(name, is_signed, tmp_path):
    analysis = with_measures(kind_analysis(name, tmp_path))
    reading = read_by_hand(analysis, tmp_path, DECIDED, is_signed=is_signed)
    found = opened(undrawn(analysis), saved(analysis, tmp_path, reading))

    assert found.differing == ()
    assert found.drawn == len(DRAWN)
    made = {one.key: (one.decision, one.human) for one in found.reading.decisions}
    assert made == {one.key: (one.decision, one.human) for one in reading.decisions}
    assert found.reading.status is ReadingStatus.BEING_READ  # to be signed again
    assert found.reading.reader == "A. Reader"
    if is_signed:
        assert found.reading.impression.text == "Signed by hand."
        assert found.reading.impression.is_edited
    for drawing, (tool, points) in zip(found.analysis.corrections.drawings, DRAWN, strict=True):
        assert drawing.tool is tool
        assert np.allclose(sorted(drawing.points), sorted(points), atol=POINT_PX)


def test_a_case_shows_the_same_numbers_again(tmp_path):
    analysis = with_measures(kind_analysis("slice turned and mirrored", tmp_path))
    reading = read_by_hand(analysis, tmp_path, DECIDED)
    source = source_of(analysis.image)
    (tmp_path / "seg").mkdir()
    segmentation_of(analysis, source).save_as(tmp_path / "seg/segmentation.dcm")
    path = saved(analysis, tmp_path, reading)

    bare = undrawn(analysis)
    outlined = with_restored(
        bare, restored(bare, read_segmentation(tmp_path / "seg/segmentation.dcm"), source)
    )
    again = opened(outlined, path)
    assert again.drawn == 0  # the segmentation brought them
    assert again.differing == ()
    before = {
        one.finding.key: one.finding.value for one in contents_of(analysis, reading).statements
    }
    after = {
        one.finding.key: one.finding.value
        for one in contents_of(again.analysis, again.reading).statements
    }
    assert before
    for key, value in before.items():
        if isinstance(value, NumberValue):
            assert math.isclose(after[key].value, value.value, rel_tol=1e-6)
        else:
            assert after[key] == value


def test_drawn_numbers_are_those_of_before_to_the_points_of_32_bits(tmp_path):
    film = with_measures(kind_analysis("film on its side", tmp_path))
    found = opened(undrawn(film), saved(film, tmp_path))
    before = {measure_key(m): m.value for m in film.measurements}
    after = {measure_key(m): m.value for m in found.analysis.measurements}
    assert set(before) == set(after)
    for key, value in before.items():
        if value is not None:
            assert math.isclose(after[key], value, rel_tol=1e-5)


def test_what_says_something_else_now_waits_to_be_decided_again(tmp_path):
    analysis = with_measures(kind_analysis("slice", tmp_path))
    path = saved(analysis, tmp_path, read_by_hand(analysis, tmp_path, DECIDED))
    moved = tuple(
        replace(m, value=m.value + 3) if m.code is MeasureCode.BODY_HEIGHT_POSTERIOR else m
        for m in analysis.measurements
    )
    asked = {measure_key(m) for m in moved if m.code is MeasureCode.BODY_HEIGHT_POSTERIOR}
    other = replace(analysis, measurements=moved)
    signed = read_by_hand(
        other, tmp_path / "other", dict.fromkeys(asked, (Decision.ACCEPTED, None))
    )
    path = saved(other, tmp_path, signed)
    found = opened(analysis, path)
    assert set(found.differing) == asked
    assert not {one.key for one in found.reading.decisions} & asked


def test_what_another_network_says_is_not_rejected_unseen(tmp_path):
    analysis = with_measures(kind_analysis("slice", tmp_path))
    path = saved(analysis, tmp_path, read_by_hand(analysis, tmp_path, DECIDED))
    newer = replace(analysis.disc_model, sha256="0" * 64)
    found = opened(replace(analysis, disc_model=newer), path)
    assert "disc_grade/bulging/L4/L5" in found.differing
    made = {one.key: one.decision for one in found.reading.decisions}
    assert "disc_grade/bulging/L4/L5" not in made
    assert made["measure/body_height_anterior/L4"] is Decision.REJECTED


def test_opened_twice_nothing_is_drawn_twice(tmp_path):
    film = with_measures(kind_analysis("film", tmp_path))
    path = saved(film, tmp_path)
    once = opened(undrawn(film), path)
    twice = opened(once.analysis, path)
    assert twice.drawn == 0
    assert len(twice.analysis.corrections.drawings) == len(DRAWN)
    assert opened(film, path).drawn == 0


# Of other programs


def foreign(image, folder: Path) -> Path:
    """Write a report as another program would: a length, an angle, an area of a region."""
    from highdicom.sr import (
        ComprehensiveSR,
        CoordinatesForMeasurement,
        DeviceObserverIdentifyingAttributes,
        GraphicTypeValues,
        ImageRegion,
        Measurement,
        MeasurementReport,
        MeasurementsAndQualitativeEvaluations,
        ObservationContext,
        ObserverContext,
        PlanarROIMeasurementsAndQualitativeEvaluations,
        SourceImageForRegion,
        TrackingIdentifier,
    )

    header = dcmread(image.source_path)
    picture = SourceImageForRegion(header.SOPClassUID, header.SOPInstanceUID)

    def line(points):
        return CoordinatesForMeasurement(
            GraphicTypeValues.POLYLINE, np.array(points, float), picture
        )

    def tracked(name):
        return TrackingIdentifier(generate_uid(), name)

    numbers = [
        Measurement(codes.DCM.Distance, 9.9, codes.UCUM.Millimeter,
                    referenced_coordinates=[line([[10, 12], [40, 52]])]),
        Measurement(codes.SCT.CobbAngle, 20.0, codes.UCUM.Degree,
                    referenced_coordinates=[line([[5, 5], [45, 9]]), line([[7, 60], [47, 50]])]),
        Measurement(codes.SCT.Area, 3.0, codes.UCUM.Degree),
    ]  # fmt: skip
    ring = np.array([(60, 20), (80, 22), (75, 40), (60, 20)], float)
    groups = [
        MeasurementsAndQualitativeEvaluations(tracked("lesion"), measurements=numbers),
        PlanarROIMeasurementsAndQualitativeEvaluations(
            tracked("region"),
            referenced_region=ImageRegion(GraphicTypeValues.POLYLINE, ring, picture),
            measurements=[Measurement(codes.SCT.Area, 8.0, codes.UCUM.SquareMillimeter)],
        ),
    ]
    device = DeviceObserverIdentifyingAttributes(generate_uid(), "Other")
    report = MeasurementReport(
        ObservationContext(observer_device_context=ObserverContext(codes.DCM.Device, device)),
        codes.LN.MRISpineReport, groups, title=codes.DCM.ImagingMeasurementReport,
    )  # fmt: skip
    made = ComprehensiveSR([header], report, generate_uid(), 5, generate_uid(), 1, "Other")
    path = folder / "foreign.dcm"
    made.save_as(path)
    return path


def test_another_program_s_numbers_become_drawings(tmp_path):
    film = kind_analysis("film on its side", tmp_path)
    source = source_of(film.image)
    found = opened(film, foreign(film.image, tmp_path))
    drawn = {
        one.tool: source.points_to_stored(one.points) for one in found.analysis.corrections.drawings
    }

    assert set(drawn) == {DrawingTool.DISTANCE, DrawingTool.COBB, DrawingTool.AREA}
    assert drawn[DrawingTool.DISTANCE].tolist() == [[10, 12], [40, 52]]
    assert drawn[DrawingTool.COBB].tolist() == [[5, 5], [45, 9], [7, 60], [47, 50]]
    assert drawn[DrawingTool.AREA].tolist() == [[60, 20], [80, 22], [75, 40]]
    values = {m.code: m.value for m in found.analysis.measurements}
    assert math.isclose(values[MeasureCode.DRAWN_DISTANCE], 50 * 0.2)  # measured here
    assert found.reading.status is ReadingStatus.AUTOMATIC
    assert found.reading.decisions == ()


# Refused


def refused(call) -> DicomObjectProblem:
    with pytest.raises(DicomObjectError) as caught:
        call()
    assert explain(caught.value).sentence
    return caught.value.problem


def test_a_report_of_another_image_is_refused(tmp_path):
    film = with_measures(kind_analysis("film", tmp_path))
    path = saved(film, tmp_path)
    (tmp_path / "other").mkdir()
    other = kind_analysis("film", tmp_path / "other")
    assert refused(lambda: opened(other, path)) is DicomObjectProblem.REPORT_OF_OTHER


def test_a_report_of_another_patient_is_refused(tmp_path):
    film = with_measures(kind_analysis("film", tmp_path))
    path = saved(film, tmp_path)
    report = dcmread(path)
    report.PatientID, report.PatientName = "ZZ", "Other^Person"
    report.save_as(path)
    assert refused(lambda: opened(film, path)) is DicomObjectProblem.OTHER_PATIENT


def test_what_is_no_report_is_refused(tmp_path):
    film = kind_analysis("film", tmp_path)
    assert refused(lambda: read_report(film.image.source_path)) is DicomObjectProblem.NO_REPORT
    (tmp_path / "x.dcm").write_bytes(b"no dicom")
    assert refused(lambda: read_report(tmp_path / "x.dcm")) is DicomObjectProblem.NO_REPORT


def test_damaged_reports_are_refused_and_nothing_else_happens(tmp_path):
    film = with_measures(kind_analysis("film", tmp_path))
    content = saved(film, tmp_path).read_bytes()
    random = np.random.default_rng(17)
    path, refusals = tmp_path / "damaged.dcm", 0
    for round_ in range(60):
        broken = bytearray(content)
        if round_ % 3:
            for place in random.integers(132, len(content), 6):
                broken[place] = random.integers(0, 256)
        else:
            del broken[int(random.integers(200, len(content))) :]
        path.write_bytes(broken)
        try:
            opened(film, path)
        except SpineAlignError:
            refusals += 1
    assert refusals > 5


def test_a_report_that_goes_too_deep_ends(tmp_path):
    film = with_measures(kind_analysis("film", tmp_path))
    report = dcmread(saved(film, tmp_path))
    item = report.ContentSequence[0]
    for _ in range(60):
        inner = type(item)()
        inner.ValueType, inner.RelationshipType = "CONTAINER", "CONTAINS"
        item.ContentSequence = [*item.get("ContentSequence", []), inner]
        item = inner
    report.save_as(tmp_path / "deep.dcm")
    assert opened(undrawn(film), tmp_path / "deep.dcm").drawn == len(DRAWN)


def test_findings_of_a_plain_report_are_taken_without_decisions(tmp_path):
    analysis = with_measures(kind_analysis("slice", tmp_path))
    found = opened(analysis, saved(analysis, tmp_path))
    assert found.reading.decisions == ()
    assert found.differing == ()
    assert {f.key for f in findings_of(found.analysis)} == {f.key for f in findings_of(analysis)}
