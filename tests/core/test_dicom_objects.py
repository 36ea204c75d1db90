"""DICOM objects of every kind of examination: sound by an independent judge, read back equal."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from spinealign.dicom.encapsulated_pdf import document_bytes
from spinealign.dicom.objects import object_bytes
from spinealign.dicom.picture import made_picture
from spinealign.dicom.secondary_capture import capture_bytes
from spinealign.dicom.segmentation import segmentation_bytes, volume_segmentation_bytes
from spinealign.dicom.segmentation_file import read_segmentation
from spinealign.dicom.segments import segments_of
from spinealign.dicom.source import source_of, sources_of
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.domain.findings import LandmarkSource, VertebraState
from spinealign.domain.generators import run_to_end
from spinealign.domain.study import SegmentedVolume
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series
from spinealign.imaging.volume import load_volume
from spinealign.measure.outlines.volumes import structure_volumes
from tests import phantoms
from tests.dicom_objects import (
    COLS,
    KINDS,
    PATIENT,
    ROWS,
    dciodvfy_errors,
    kind_analysis,
    require_program,
    write_mr_series,
)

LABEL_MAP_UNKNOWN = {
    "Error - Information Object Not found",
    "Error - SegmentNumber not monotonically increasing from one by one - have SegmentSequence "
    "item number 1 (from one) with SegmentNumber of 0",
}
"""What the judge of Debian 12 says of every label map: it is older than Supplement 243, which
brought the object, and with it the segment 0 of the background."""

PDF = b"%PDF-1.4\n%made up"


def choices(is_label_map: bool = False, root: str = "") -> DicomChoices:
    return DicomChoices(PATIENT, root, is_label_map)


def written(analysis, folder: Path, chosen: DicomChoices) -> Path:
    path = folder / "seg.dcm"
    source = source_of(analysis.image, chosen)
    path.write_bytes(segmentation_bytes(analysis, source, chosen))
    return path


def judged(path: Path) -> set[str]:
    require_program("dciodvfy", "dicom3tools")
    return set(dciodvfy_errors(path))


@pytest.mark.parametrize("is_label_map", [False, True], ids=["binary", "label map"])
@pytest.mark.parametrize("name", KINDS)
class TestSegmentation:
    def test_has_no_errors(self, name, is_label_map, tmp_path):
        path = written(kind_analysis(name, tmp_path), tmp_path, choices(is_label_map))
        assert judged(path) == (LABEL_MAP_UNKNOWN if is_label_map else set())

    def test_is_read_back_equal(self, name, is_label_map, tmp_path):
        analysis, chosen = kind_analysis(name, tmp_path), choices(is_label_map)
        path = written(analysis, tmp_path, chosen)
        found = read_segmentation(path).segments_on(source_of(analysis.image, chosen))
        wanted = segments_of(analysis)
        assert [one.label for one in found] == [one.key for one in wanted]
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(one.mask, other.mask)
            assert one.structure == other.structure

    def test_is_read_by_highdicom_on_the_stored_pixels(self, name, is_label_map, tmp_path):
        import highdicom as hd

        analysis, chosen = kind_analysis(name, tmp_path), choices(is_label_map)
        source = source_of(analysis.image, chosen)
        seg = hd.seg.segread(written(analysis, tmp_path, chosen))
        wanted = np.zeros(source.shape, np.uint8)
        for number, one in enumerate(segments_of(analysis), start=1):
            wanted[one.mask] = number
        if source.frame_number is None:
            pixels = seg.get_pixels_by_source_instance(
                [source.sop_instance_uid], combine_segments=True, ignore_spatial_locations=True
            )
        else:
            pixels = seg.get_pixels_by_source_frame(
                source.sop_instance_uid, [source.frame_number], combine_segments=True,
                ignore_spatial_locations=True,
            )  # fmt: skip
        np.testing.assert_array_equal(pixels[0], source.mask_to_stored(wanted))


@pytest.mark.parametrize("name", KINDS)
def test_pictures_and_reports_have_no_errors(name, tmp_path):
    analysis = kind_analysis(name, tmp_path)
    source = source_of(analysis.image, choices())
    picture = np.random.default_rng(2).integers(0, 256, (51, 33, 3), dtype=np.uint8)
    path = tmp_path / "sc.dcm"
    path.write_bytes(capture_bytes(source, picture, "Structures drawn over the image"))
    assert judged(path) == set()
    back = dcmread(path)
    np.testing.assert_array_equal(back.pixel_array, picture)
    assert back.SourceImageSequence[0].ReferencedSOPInstanceUID == source.sop_instance_uid
    path.write_bytes(document_bytes(source, PDF, "T", names_patient=True, is_verified=False))
    assert judged(path) == set()
    back = dcmread(path)
    assert back.EncapsulatedDocument[: back.EncapsulatedDocumentLength] == PDF
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber"):
        assert back.get(keyword) == source.header.get(keyword)


def test_the_capture_of_a_picture_has_no_errors(tmp_path):
    path = tmp_path / "made.dcm"
    image = kind_analysis("picture", tmp_path).image
    path.write_bytes(object_bytes(made_picture(image, choices())))
    assert judged(path) == set()


def seg_of(analysis, chosen=None):
    source = source_of(analysis.image, chosen)
    return dcmread(BytesIO(segmentation_bytes(analysis, source, chosen)))


def test_objects_are_in_the_study_under_new_identifiers_of_the_root(tmp_path):
    analysis, chosen = kind_analysis("film", tmp_path), choices(root="1.2.840.99")
    first, second = seg_of(analysis, chosen), seg_of(analysis, chosen)
    assert first.StudyInstanceUID == "2.25.17001"
    assert first.SeriesInstanceUID != "2.25.17002"
    assert first.SOPInstanceUID != second.SOPInstanceUID
    for one in (
        first.SOPInstanceUID,
        first.SeriesInstanceUID,
        first.SegmentSequence[0].TrackingUID,
    ):
        assert one.startswith("1.2.840.99.")
    tracked = [[item.TrackingUID for item in one.SegmentSequence] for one in (first, second)]
    assert tracked[0] == tracked[1]
    assert len(set(tracked[0])) == 2


def test_segments_say_what_and_by_what_they_are(tmp_path):
    analysis = kind_analysis("slice", tmp_path)
    first, *_, last = seg_of(analysis).SegmentSequence
    kind = first.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("11994002", "SCT")
    by = first.SegmentationAlgorithmIdentificationSequence[0]
    model = phantoms.mr_model()
    assert (by.AlgorithmName, by.AlgorithmVersion) == (model.name, model.version)
    assert by.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    assert last.SegmentedPropertyTypeCodeSequence[0].CodeValue == "61853006"


def test_who_outlined_a_body_is_told(tmp_path):
    analysis = kind_analysis("film", tmp_path)
    first, second = analysis.vertebrae
    marks = tuple(replace(mark, source=LandmarkSource.USER) for mark in first.landmarks)
    bodies = (replace(first, landmarks=marks), replace(second, state=VertebraState.ADDED))
    changed = replace(analysis, vertebrae=bodies, automatic=analysis)
    how = [item.SegmentAlgorithmType for item in seg_of(changed).SegmentSequence]
    assert how == ["SEMIAUTOMATIC", "MANUAL"]


def test_a_private_scheme_is_identified_where_it_is_used(tmp_path):
    analysis = kind_analysis("slice", tmp_path)
    assert "CodingSchemeIdentificationSequence" not in seg_of(analysis)
    unnamed = replace(analysis, discs=())
    schemes = seg_of(unnamed).CodingSchemeIdentificationSequence
    assert [item.CodingSchemeDesignator for item in schemes] == ["99SPINEALIGN"]


def test_nothing_outlined_is_refused(tmp_path):
    analysis = replace(kind_analysis("film", tmp_path), segmentation=None)
    with pytest.raises(DicomObjectError) as caught:
        seg_of(analysis)
    assert caught.value.problem is DicomObjectProblem.NOTHING_OUTLINED


@pytest.mark.parametrize(
    ("stated", "has_free_text", "wanted"),
    [("YES", False, "YES"), ("NO", False, "NO"), ("NO", True, "YES"), (None, False, None)],
)
def test_burned_in_words_are_told_truthfully(stated, has_free_text, wanted, tmp_path):
    source = source_of(kind_analysis("film", tmp_path).image)
    if stated is not None:
        source.header.BurnedInAnnotation = stated
    picture = np.zeros((4, 4, 3), np.uint8)
    content = capture_bytes(source, picture, "x", has_free_text=has_free_text)
    assert dcmread(BytesIO(content)).get("BurnedInAnnotation") == wanted


@pytest.mark.parametrize(
    ("names_patient", "is_verified", "wanted"),
    [(True, False, ("YES", "UNVERIFIED")), (False, True, ("NO", "VERIFIED"))],
)
def test_reports_say_whether_they_name_the_patient_and_are_signed(
    names_patient, is_verified, wanted, tmp_path
):
    source = source_of(kind_analysis("film", tmp_path).image)
    content = document_bytes(source, PDF, "T", names_patient=names_patient, is_verified=is_verified)
    back = dcmread(BytesIO(content))
    assert (back.BurnedInAnnotation, back.VerificationFlag) == wanted


def test_what_is_no_picture_or_document_is_no_object(tmp_path):
    source = source_of(kind_analysis("film", tmp_path).image)
    with pytest.raises(ValueError, match="picture"):
        capture_bytes(source, np.zeros((4, 4), np.uint8), "x")
    with pytest.raises(ValueError, match="PDF"):
        document_bytes(source, b"<html>", "x", names_patient=True, is_verified=False)


def segmented(folder: Path) -> SegmentedVolume:
    write_mr_series(folder)
    volume = run_to_end(load_volume(list_series(folder)[0]))
    masks = np.zeros((5, ROWS, COLS), np.uint8)
    for index in range(1, 5):
        masks[index, 20 + index : 41, 30:55] = 1
        masks[index, 50:60, 60 + index : 70] = 3
    classes = dict(phantoms.MR_CLASSES)
    parts = structure_volumes(masks, classes, volume.voxel_volumes_mm3)
    confidence = np.ones(masks.shape, np.float32)
    return SegmentedVolume(volume, phantoms.mr_model(), classes, masks, confidence, 2, parts)


@pytest.mark.parametrize("is_label_map", [False, True], ids=["binary", "label map"])
def test_a_whole_series_is_one_segmentation(is_label_map, tmp_path):
    found = segmented(tmp_path / "series")
    chosen = choices(is_label_map)
    sources = sources_of(found.volume.images, chosen)
    path = tmp_path / "seg.dcm"
    path.write_bytes(volume_segmentation_bytes(found, sources, chosen))
    assert judged(path) == (LABEL_MAP_UNKNOWN if is_label_map else set())
    file = read_segmentation(path)
    assert file.series_uids == {"2.25.17002"}
    for source, mask in zip(sources, found.masks, strict=True):
        back = np.zeros(mask.shape, np.uint8)
        for one in file.segments_on(source):
            back[one.mask] = {"vertebra": 1, "canal": 3}[one.label]
        np.testing.assert_array_equal(back, mask)


@pytest.mark.parametrize("name", KINDS)
def test_references_name_the_image_by_its_own_class(name, tmp_path):
    analysis = kind_analysis(name, tmp_path)
    source = source_of(analysis.image, choices())
    seg = seg_of(analysis, choices())
    items = [seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]]
    frames = seg.PerFrameFunctionalGroupsSequence
    items += [frame.DerivationImageSequence[0].SourceImageSequence[0] for frame in frames]
    for item in items:
        assert item.ReferencedSOPClassUID == source.sop_class_uid
        assert item.ReferencedSOPInstanceUID == source.sop_instance_uid
    stated = {item.get("ReferencedFrameNumber") for item in items[1:]}
    assert stated == {source.frame_number}


def test_a_slice_without_a_frame_of_reference_has_a_segmentation_all_the_same(tmp_path):
    analysis = kind_analysis("slice", tmp_path)
    path = analysis.image.source_path
    dataset = dcmread(path)
    del dataset.FrameOfReferenceUID
    dataset.save_as(path)
    image = read_image(path)
    path = written(replace(analysis, image=image), tmp_path, choices())
    found = read_segmentation(path).segments_on(source_of(image))
    np.testing.assert_array_equal(
        sum(one.mask.astype(int) for one in found), analysis.segmentation.mask > 0
    )


def test_tags_that_contradict_each_other_are_told(tmp_path):
    """Slices of one frame each that call themselves objects of many frames, as exports do."""
    found = segmented(tmp_path / "series")
    sources = sources_of(found.volume.images)
    for source in sources:
        source.header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    with pytest.raises(DicomObjectError) as caught:
        volume_segmentation_bytes(found, sources)
    assert caught.value.problem is DicomObjectProblem.FAULTY_TAGS
