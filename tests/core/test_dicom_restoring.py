"""A case restored from its segmentation: its own as it was, another program's by its outlines."""

import contextlib
import csv
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from spinealign.dicom.anatomy import Structure, StructureKind
from spinealign.dicom.measurement_report import measurement_report
from spinealign.dicom.restoring import outlined_by, restored, with_restored
from spinealign.dicom.segmentation import segmentation_of
from spinealign.dicom.segmentation_file import read_segmentation
from spinealign.dicom.segments import segments_of
from spinealign.dicom.source import source_of
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem, ImageReadError
from spinealign.domain.findings import Facing, LandmarkSource
from spinealign.domain.measurements import DrawingTool, UnmeasurableReason
from spinealign.domain.measures import MeasureCode
from spinealign.domain.report_details import ReportDetails
from spinealign.domain.structures import STRUCTURES
from spinealign.export.tables import regions_csv
from spinealign.measure.correction.changes import (
    add_drawing,
    delete_vertebra,
    move_landmark,
    rename_level,
)
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.wording import explain
from spinealign.wording.vertebrae import outlines_headline
from tests.dicom_objects import (
    KINDS,
    PATIENT,
    film_analysis,
    kind_analysis,
    structured_analysis,
)

CHOICES = DicomChoices(PATIENT)
STRUCTURES_BY_VALUE = dict(enumerate(STRUCTURES[1:], start=1))
ANALYSED = [name for name in KINDS if name not in ("colour",)]


def measured(analysis):
    """Return an analysis with the measures of its bodies, as the program takes them."""
    start = initial_corrections(analysis)
    turned = apply_corrections(analysis, replace(start, is_bent=True))
    return replace(analysis, measurements=turned.measurements)


def case(name: str, folder: Path):
    return measured(kind_analysis(name, folder))


def changed(analysis):
    """Return it after a person moved a corner, renamed bodies and drew a distance."""
    wanted = initial_corrections(analysis)
    mark = analysis.vertebrae[0].landmarks[0]
    wanted = move_landmark(wanted, 1, mark.name, mark.x + 1.3, mark.y - 2.1)
    wanted = rename_level(wanted, 1, {"C3": "C4", "L4": "L3"}[analysis.vertebrae[0].level])
    wanted = add_drawing(wanted, DrawingTool.DISTANCE, [(3.25, 4.5), (40.125, 60.0)])
    return apply_corrections(analysis, wanted)


def file_of(analysis, folder: Path, edit=lambda dataset: None):
    source = source_of(analysis.image, CHOICES)
    dataset = segmentation_of(analysis, source, CHOICES)
    edit(dataset)
    path = folder / "seg.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return read_segmentation(path), source


def numbers(analysis):
    return {one.key: (one.value, one.interval) for one in analysis.measurements}


@pytest.mark.parametrize("is_changed", [False, True], ids=["automatic", "corrected"])
@pytest.mark.parametrize("name", ANALYSED)
def test_a_case_is_as_it_was(name, is_changed, tmp_path):
    first = case(name, tmp_path)
    written = changed(first) if is_changed else first
    found = restored(first, *file_of(written, tmp_path))
    assert found.is_own
    back = with_restored(first, found)
    assert back.vertebrae == written.vertebrae
    np.testing.assert_array_equal(back.segmentation.mask, written.segmentation.mask)
    assert dict(back.segmentation.classes) == dict(written.segmentation.classes)
    assert numbers(back) == numbers(written)
    assert back.corrections == written.corrections


def without_points(dataset) -> None:
    """Take out what archives may take out: private attributes."""
    dataset.remove_private_tags()


def by_another_program(dataset) -> None:
    """Leave what any program writes: masks and codes, and other words."""
    without_points(dataset)
    for item in dataset.SegmentSequence:
        item.SegmentLabel = f"Segment {item.SegmentNumber}"
        del item.TrackingID, item.TrackingUID


@pytest.mark.parametrize("edit", [without_points, by_another_program])
@pytest.mark.parametrize("name", [n for n in ANALYSED if "slice" not in n and n != "enhanced"])
def test_outlines_of_a_film_are_measured(name, edit, tmp_path):
    first = case(name, tmp_path)
    found = restored(first, *file_of(first, tmp_path, edit))
    assert not found.is_own
    np.testing.assert_array_equal(found.mask, first.segmentation.mask)
    back = with_restored(first, found)
    assert [body.level for body in back.vertebrae] == ["C3", "C4"]
    for body, drawn in zip(back.vertebrae, first.vertebrae, strict=True):
        for mark in drawn.landmarks:
            place = body.landmark(mark.name)
            assert place.source is LandmarkSource.CONTOUR
            assert np.hypot(place.x - mark.x, place.y - mark.y) < 2.0
    key = (MeasureCode.BODY_HEIGHT_ANTERIOR, ("C3",))
    assert numbers(back)[key][0] == pytest.approx(numbers(first)[key][0], rel=0.08)


def by_hand_elsewhere(dataset):
    """Leave what another program writes of outlines that a person drew, and a larynx."""
    by_another_program(dataset)
    dataset.Manufacturer = "Highdrawer"
    for item in dataset.SegmentSequence:
        item.SegmentAlgorithmType = "MANUAL"
        for keyword in ("SegmentAlgorithmName", "SegmentationAlgorithmIdentificationSequence"):
            item.pop(keyword, None)
    larynx = dataset.SegmentSequence[-1]
    larynx.SegmentLabel = "Larynx"
    larynx.SegmentedPropertyTypeCodeSequence[0].CodeValue = "4596009"
    larynx.SegmentedPropertyTypeCodeSequence[0].CodeMeaning = "Larynx"


def test_what_another_program_outlined_is_told_as_that(tmp_path):
    first = case("film", tmp_path)
    back = with_restored(first, restored(first, *file_of(first, tmp_path, by_hand_elsewhere)))
    assert [body.level for body in back.vertebrae] == ["C3"]
    said = outlines_headline(back)
    assert "Outlined C3 only on this" in said
    assert "by another program's segmentation (Highdrawer; drawn by hand)" in said
    assert "not used of it: Larynx." in said
    assert "removed" not in said
    assert "not found" not in said
    assert back.removed == ()
    assert UnmeasurableReason.REMOVED not in {
        one.unmeasurable.reason for one in back.measurements if one.unmeasurable is not None
    }
    rows = list(csv.DictReader(StringIO(regions_csv(back))))
    assert rows
    assert all(row["mean_confidence"] == row["model_status"] == "" for row in rows)
    assert all("Highdrawer; drawn by hand" in row["model"] for row in rows)
    again = apply_corrections(back, replace(back.corrections, is_bent=True))
    assert again.outlined_by == back.outlined_by
    assert again.removed == ()
    assert {one.mean_confidence for one in again.regions} == {None}


def test_a_report_says_that_outlines_are_another_programs(tmp_path):
    first = case("film", tmp_path)
    back = with_restored(first, restored(first, *file_of(first, tmp_path, by_hand_elsewhere)))
    report = measurement_report(back, ReportDetails(dicom=CHOICES))
    said = [str(one.value) for one in report.iterall() if one.VR in ("LO", "UT")]
    assert "The program, corrected by a person" not in said
    assert "Taken from another program's outlines" in said
    assert "outlines of another program=Highdrawer; MANUAL" in said
    assert f"sha256={first.segmentation.model.sha256}" not in said
    assert first.segmentation.model.name not in said


def test_a_body_that_another_program_shifted_is_measured_there(tmp_path):
    first = case("film", tmp_path)
    mask = np.roll(first.segmentation.mask, 12, axis=0)
    moved = replace(first, segmentation=replace(first.segmentation, mask=mask))
    found = restored(first, *file_of(moved, tmp_path, without_points))
    back = with_restored(first, found)
    np.testing.assert_array_equal(back.segmentation.mask, mask)
    tops = [np.array(body.outline)[:, 1].min() for body in back.vertebrae]
    assert tops == pytest.approx([32, 62], abs=0.6)
    assert [region.pixels for region in back.regions if region.name == "C3"] == [524]


def test_points_do_not_go_with_pixels_that_were_changed_afterwards(tmp_path):
    first = case("film", tmp_path)

    def edit(dataset) -> None:
        pixels = bytearray(dataset.PixelData)
        pixels[len(pixels) // 3] ^= 0xFF
        dataset.PixelData = bytes(pixels)

    assert not restored(first, *file_of(first, tmp_path, edit)).is_own


def test_labels_name_what_codes_do_not(tmp_path):
    first = case("film", tmp_path)

    def edit(dataset) -> None:
        without_points(dataset)
        for item, level in zip(dataset.SegmentSequence, ("vertebrae_C5", "C6"), strict=True):
            item.SegmentLabel = level
            item.SegmentedPropertyTypeCodeSequence[0].CodeValue = "272673000"  # bone

    found = restored(first, *file_of(first, tmp_path, edit))
    assert [body.level for body in found.corrections.vertebrae] == ["C5", "C6"]


def test_bodies_without_levels_are_numbered(tmp_path):
    first = case("film", tmp_path)

    def edit(dataset) -> None:
        without_points(dataset)
        for item in dataset.SegmentSequence:
            item.SegmentLabel = "vertebra"
            item.SegmentedPropertyTypeCodeSequence[0].CodeValue = "51282000"

    found = restored(first, *file_of(first, tmp_path, edit))
    assert [body.name for body in found.corrections.vertebrae] == ["body 1", "body 2"]
    assert found.corrections.levels_uncertain


@pytest.mark.parametrize("edit", [without_points, by_another_program])
@pytest.mark.parametrize("name", ["slice", "slice turned and mirrored", "enhanced"])
def test_structures_of_a_slice_are_taken_over(name, edit, tmp_path):
    first = case(name, tmp_path)
    found = restored(first, *file_of(first, tmp_path, edit))
    np.testing.assert_array_equal(found.mask, first.segmentation.mask)
    assert [body.level for body in found.corrections.vertebrae] == ["L4", "L5"]
    assert found.corrections.facing is Facing.RIGHT


def problem(analysis, file, source) -> DicomObjectProblem:
    with pytest.raises(DicomObjectError) as caught:
        restored(analysis, file, source)
    assert "seg.dcm" in explain(caught.value).sentence
    return caught.value.problem


@pytest.mark.parametrize("is_changed", [False, True], ids=["automatic", "corrected"])
def test_bodies_and_the_sacrum_of_a_network_that_tells_them_come_back(is_changed, tmp_path):
    first = measured(structured_analysis(case("slice", tmp_path).image))
    wanted = delete_vertebra(initial_corrections(first), 2)
    written = apply_corrections(first, wanted) if is_changed else first
    found = restored(first, *file_of(written, tmp_path))
    assert found.is_own
    back = with_restored(first, found)
    np.testing.assert_array_equal(back.segmentation.mask, written.segmentation.mask)
    assert dict(back.segmentation.classes) == dict(STRUCTURES_BY_VALUE)
    assert [body.level for body in back.vertebrae] == (["L5"] if is_changed else ["L5", "S1"])


def test_segments_of_a_network_that_tells_the_sacrum_are_named_and_coded(tmp_path):
    first = structured_analysis(case("slice", tmp_path).image)
    found = {one.key: one for one in segments_of(first)}
    assert set(found) == {"L5", "sacrum", "posterior elements", "L5/S1", "canal"}
    assert found["sacrum"].structure == Structure(StructureKind.VERTEBRA, "S1")
    assert found["posterior elements"].structure.kind is StructureKind.OTHER
    assert (found["sacrum"].mask == (first.segmentation.mask == 3)).all()
    assert (found["L5"].mask == (first.segmentation.mask == 1)).all()


def test_another_program_s_vertebrae_are_taken_over_whatever_classes_the_network_has(tmp_path):
    plain = case("slice", tmp_path)
    file, _ = file_of(plain, tmp_path, without_points)
    now = structured_analysis(plain.image).segmentation
    taken = outlined_by(file, CHOICES)(plain.image, now)
    assert set(taken.classes.values()) == {"vertebra", "disc", "canal"}
    np.testing.assert_array_equal(taken.mask, plain.segmentation.mask)


def test_what_an_earlier_network_outlined_keeps_its_classes(tmp_path):
    plain = case("slice", tmp_path)
    file, _ = file_of(plain, tmp_path)
    now = structured_analysis(plain.image).segmentation
    taken = outlined_by(file, CHOICES)(plain.image, now)
    assert dict(taken.classes) == dict(plain.segmentation.classes)
    np.testing.assert_array_equal(taken.mask, plain.segmentation.mask)


def test_a_segmentation_of_another_image_is_refused(tmp_path):
    file, _ = file_of(case("film", tmp_path), tmp_path)
    other = case("film on its head", tmp_path)
    source = source_of(other.image)
    assert problem(other, file, source) is DicomObjectProblem.OTHER_IMAGE


def test_a_segmentation_of_another_patient_is_refused(tmp_path):
    first = case("film", tmp_path)
    file, source = file_of(first, tmp_path)
    dataset = dcmread(file.path)
    dataset.PatientID, dataset.PatientName = "ZZ", "Other^Person"
    dataset.save_as(file.path)
    assert problem(first, read_segmentation(file.path), source) is DicomObjectProblem.OTHER_PATIENT


def test_a_segmentation_on_another_grid_is_refused(tmp_path):
    first = case("film", tmp_path)
    file, source = file_of(first, tmp_path)
    file.dataset.Rows = 119
    assert problem(first, file, source) is DicomObjectProblem.OTHER_MATRIX


def test_a_segmentation_that_lies_elsewhere_is_refused(tmp_path):
    first = case("slice", tmp_path)

    def edit(dataset) -> None:
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            frame.PlanePositionSequence[0].ImagePositionPatient = [9, -40, 50]

    assert problem(first, *file_of(first, tmp_path, edit)) is DicomObjectProblem.OTHER_MATRIX


def test_a_segmentation_that_names_no_image_goes_by_its_place(tmp_path):
    first = case("slice", tmp_path)

    def edit(dataset) -> None:
        without_points(dataset)
        del dataset.ReferencedSeriesSequence
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            del frame.DerivationImageSequence

    found = restored(first, *file_of(first, tmp_path, edit))
    np.testing.assert_array_equal(found.mask, first.segmentation.mask)


def test_organs_are_no_spine(tmp_path):
    first = case("film", tmp_path)

    def edit(dataset) -> None:
        without_points(dataset)
        for item in dataset.SegmentSequence:
            item.SegmentLabel = "Liver"
            item.SegmentedPropertyTypeCodeSequence[0].CodeValue = "10200004"

    assert problem(first, *file_of(first, tmp_path, edit)) is DicomObjectProblem.NO_SPINE


def test_other_files_are_no_segmentations(tmp_path):
    image = kind_analysis("film", tmp_path).image
    for path, wanted in (
        (image.source_path, DicomObjectProblem.NO_SEGMENTATION),
        (tmp_path / "text.dcm", DicomObjectProblem.NO_SEGMENTATION),
    ):
        if not path.exists():
            path.write_bytes(b"no DICOM at all" * 20)
        with pytest.raises(DicomObjectError) as caught:
            read_segmentation(path)
        assert caught.value.problem is wanted
    with pytest.raises(ImageReadError):
        read_segmentation(tmp_path / "absent.dcm")


def test_damaged_segmentations_are_refused_in_words(tmp_path):
    """Cut anywhere, a file is read or refused, and nothing else happens."""
    first = case("film", tmp_path)
    _, source = file_of(first, tmp_path)
    content = (tmp_path / "seg.dcm").read_bytes()
    for length in range(140, len(content), 997):
        (tmp_path / "seg.dcm").write_bytes(content[:length])
        with contextlib.suppress(DicomObjectError):
            restored(first, read_segmentation(tmp_path / "seg.dcm"), source)


def test_the_points_of_a_stranger_are_not_taken(tmp_path):
    """A private attribute of ours that is not ours in its words is left alone."""
    first = film_analysis(case("film", tmp_path).image)

    def edit(dataset) -> None:
        dataset.private_block(0x0071, "SPINEALIGN")[0x01].value = '{"schema": "other"}'

    assert not restored(first, *file_of(first, tmp_path, edit)).is_own


def test_fractions_count_from_a_half(tmp_path):
    import highdicom as hd

    first = case("slice", tmp_path)
    source = source_of(first.image)
    binary = segmentation_of(first, source)
    values = np.zeros((1, *source.stored_shape, 1), np.float32)
    values[0, 20:41, 30:55, 0], values[0, 20, 30:55, 0] = 0.9, 0.4
    fractional = hd.seg.Segmentation(
        [source.header], values, hd.seg.SegmentationTypeValues.FRACTIONAL,
        [hd.seg.SegmentDescription.from_dataset(binary.SegmentSequence[0])],
        "2.25.1", 1, "2.25.2", 1, "x", "x", "1", "1",
    )  # fmt: skip
    path = tmp_path / "fraction.dcm"
    fractional.save_as(path)
    (found,) = read_segmentation(path).segments_on(source)
    wanted = np.zeros(source.shape, bool)
    wanted[21:41, 30:55] = True
    np.testing.assert_array_equal(found.mask, wanted)


def test_a_file_begins_as_every_dicom_file(tmp_path):
    file_of(case("film", tmp_path), tmp_path)
    content = (tmp_path / "seg.dcm").read_bytes()
    assert content[128:132] == b"DICM"
    assert dcmread(BytesIO(content)).Modality == "SEG"
