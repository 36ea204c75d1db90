"""What DICOM objects refer to: identifiers, the image's header, and the way back to its pixels."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from spinealign.dicom.anatomy import (
    Structure,
    StructureKind,
    anatomy_code,
    structure_of_code,
    structure_of_label,
)
from spinealign.dicom.identifiers import derived_uid, new_uid, tracking_of
from spinealign.dicom.picture import made_picture, with_file_meta
from spinealign.dicom.segments import segments_of
from spinealign.dicom.source import source_of
from spinealign.domain.dicom_choices import DicomChoices, StatedPatient, is_uid_root
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import LandmarkSource
from spinealign.imaging.read import read_image
from spinealign.wording import explain
from tests.dicom_objects import KINDS, PATIENT, film_analysis, kind_analysis, mr_analysis
from tests.image_files import ramp, write_dicom

CHOICES = DicomChoices(PATIENT)


@pytest.mark.parametrize("root", ["", "1.2.840.99", "2.16.840.1.113883.19.12345678.901234567"])
def test_identifiers_are_of_their_root_and_fit(root):
    uids = {new_uid(root) for _ in range(20)}
    assert len(uids) == 20
    for uid in uids | {derived_uid("a", root=root)}:
        assert uid.startswith(f"{root or '2.25'}.")
        assert len(uid) <= 64
        assert not uid.rsplit(".", 1)[1].startswith("0")


@pytest.mark.parametrize(
    ("root", "holds"),
    [("", True), ("1.2", True), ("1", False), ("3.4", False), ("1.02", False), ("1.2.", False),
     ("1.2.x", False), ("1.2" + ".34" * 13, False)],
)  # fmt: skip
def test_tells_roots_from_other_texts(root, holds):
    assert is_uid_root(root) is holds


def test_no_identifier_has_a_faulty_root():
    with pytest.raises(ValueError, match="root"):
        new_uid("1.2.")


def test_what_is_tracked_keeps_its_identifier_and_tells_pictures_apart():
    first = tracking_of("1.2.3", None, "net 1", "C5")
    assert first == tracking_of("1.2.3", None, "net 1", "C5")
    assert first.text == "C5"
    others = [("1.2.4", None, "net 1", "C5"), ("1.2.3", 2, "net 1", "C5"),
              ("1.2.3", None, "net 2", "C5"), ("1.2.3", None, "net 1", "C6")]  # fmt: skip
    assert len({first.uid, *(tracking_of(*other).uid for other in others)}) == 5


@pytest.mark.parametrize("level", LEVEL_SEQUENCE)
def test_every_level_has_a_code_that_leads_back(level):
    wanted = Structure(StructureKind.VERTEBRA, level)
    code = anatomy_code(*wanted)
    assert structure_of_code(code.value, code.scheme) == wanted


def test_codes_of_discs_lead_back_and_are_those_of_pydicom():
    from pydicom.sr.codedict import codes

    for upper, lower in itertools.pairwise(LEVEL_SEQUENCE[1:]):
        code = anatomy_code(StructureKind.DISC, f"{upper}/{lower}")
        assert structure_of_code(code.value, code.scheme).level == f"{upper}/{lower}"
        assert getattr(codes.SCT, f"{upper}{lower}Disc").value == code.value
    for level in LEVEL_SEQUENCE[:-1]:
        ours = anatomy_code(StructureKind.VERTEBRA, level)
        assert getattr(codes.SCT, f"{level}Vertebra").value == ours.value


@pytest.mark.parametrize(
    ("label", "kind", "level"),
    [("vertebrae_L4", "vertebra", "L4"), ("C5", "vertebra", "C5"), ("L4-L5", "disc", "L4/L5"),
     ("disc L4/5", "disc", "L4/L5"), ("IVD_L5_S1", "disc", "L5/S1"), ("disc", "disc", None),
     ("Spinal Canal", "canal", None), ("Corpus t12", "vertebra", "T12"),
     ("vertebra", "vertebra", None), ("Liver", "other", None), ("T2 lesion C9", "vertebra", "T2")],
)  # fmt: skip
def test_labels_of_other_programs_name_structures(label, kind, level):
    assert structure_of_label(label) == Structure(StructureKind(kind), level)


@pytest.mark.parametrize("name", KINDS)
def test_masks_and_points_lead_back_to_the_stored_pixels(name, tmp_path):
    analysis = kind_analysis(name, tmp_path)
    source = source_of(analysis.image, CHOICES)
    mask = analysis.segmentation.mask
    stored = source.mask_to_stored(mask)
    assert stored.shape == (source.header.Rows, source.header.Columns) == source.stored_shape
    np.testing.assert_array_equal(source.mask_from_stored(stored), mask)
    # The middle of a pixel is in the middle of the same pixel of the stored frame.
    y, x = np.argwhere(mask > 0)[0]
    (column, row), = source.points_to_stored([(x + 0.5, y + 0.5)])  # fmt: skip
    only = np.zeros_like(mask)
    only[y, x] = 1
    np.testing.assert_array_equal(
        np.argwhere(source.mask_to_stored(only)), [[int(row), int(column)]]
    )
    np.testing.assert_allclose(
        source.points_from_stored([(column, row)]), [(x + 0.5, y + 0.5)], atol=1e-12
    )


@pytest.mark.parametrize("name", [name for name in KINDS if name != "picture"])
def test_the_header_is_that_of_the_stored_pixels(name, tmp_path):
    """The picture that is shown, brought back to stored pixels, is what the file stores."""
    analysis = kind_analysis(name, tmp_path)
    dataset = dcmread(analysis.image.source_path)
    stored = dataset.pixel_array
    source = source_of(analysis.image)
    if source.frame_number is not None:
        stored = stored[source.frame_number - 1]
    if stored.ndim == 2:
        back = source.mask_to_stored(analysis.image.pixels)
        np.testing.assert_array_equal(back, stored)
    assert source.sop_instance_uid == dataset.SOPInstanceUID
    assert source.header.StudyInstanceUID == "2.25.17001"
    assert "PixelData" not in source.header


def test_middle_frame_is_the_one_referred_to(tmp_path):
    assert source_of(kind_analysis("multi-frame", tmp_path).image).frame_number == 2
    assert source_of(kind_analysis("enhanced", tmp_path).image).frame_number == 3
    assert source_of(kind_analysis("film", tmp_path).image).frame_number is None


def test_a_picture_becomes_the_same_secondary_capture_each_time(tmp_path):
    image = kind_analysis("picture", tmp_path).image
    first, second = made_picture(image, CHOICES), made_picture(image, CHOICES)
    assert first == second
    path = tmp_path / "made.dcm"
    with_file_meta(first).save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(read_image(path).pixels, image.pixels)
    assert first.PatientName == "Doe^Jané"
    other = replace(PATIENT, identifier="P-18")
    assert made_picture(image, DicomChoices(other)).SOPInstanceUID != first.SOPInstanceUID
    assert source_of(image, CHOICES).sop_instance_uid == first.SOPInstanceUID


def test_pictures_of_one_examination_share_its_study(tmp_path):
    image = kind_analysis("picture", tmp_path).image
    other = replace(image, sha256="0" * 64)
    studies = {made_picture(one, CHOICES).StudyInstanceUID for one in (image, other)}
    assert len(studies) == 1
    untold = DicomChoices(replace(PATIENT, study_date=None, accession_number=""))
    studies = {made_picture(one, untold).StudyInstanceUID for one in (image, other)}
    assert len(studies) == 2


def test_values_that_are_no_grey_levels_are_scaled_and_lead_back(tmp_path):
    image = kind_analysis("picture", tmp_path).image
    wide = replace(image, pixels=image.pixels * 3.7 - 500.25)
    dataset = with_file_meta(made_picture(wide, CHOICES))
    path = tmp_path / "made.dcm"
    dataset.save_as(path, enforce_file_format=True)
    step = float(np.ptp(wide.pixels)) / 65_535
    np.testing.assert_allclose(read_image(path).pixels, wide.pixels, atol=step)


def refusal(image, choices=None) -> DicomObjectError:
    with pytest.raises(DicomObjectError) as caught:
        source_of(image, choices)
    message = explain(caught.value)
    assert message.sentence
    assert message.advice
    return caught.value


def test_a_picture_of_nobody_is_refused_with_what_to_do(tmp_path):
    image = kind_analysis("picture", tmp_path).image
    assert refusal(image).problem is DicomObjectProblem.NO_PATIENT


@pytest.mark.parametrize(
    ("change", "field"),
    [({"identifier": " "}, "identifier"), ({"identifier": "a\\b"}, "identifier"),
     ({"name": "^^"}, "name"), ({"name": "a^b^c^d^e^f"}, "name"), ({"name": "x" * 65}, "name"),
     ({"sex": "female"}, "sex"), ({"accession_number": "1" * 17}, "accession_number"),
     ({"study_date": PATIENT.birth_date.replace(year=1969)}, "study_date")],
)  # fmt: skip
def test_fields_that_dicom_does_not_take_are_named(change, field, tmp_path):
    image = kind_analysis("picture", tmp_path).image
    error = refusal(image, DicomChoices(replace(PATIENT, **change)))
    assert (error.problem, error.fields) == (DicomObjectProblem.FAULTY_PATIENT, (field,))


def test_the_patient_is_in_no_representation():
    assert "Doe" not in repr(PATIENT)
    assert "P-17" not in repr(DicomChoices(PATIENT))
    assert StatedPatient("1", "A").faults == ()


def test_a_file_that_changed_is_refused(tmp_path):
    image = kind_analysis("film", tmp_path).image
    write_dicom(image.source_path, ramp())
    assert refusal(image).problem is DicomObjectProblem.FILE_CHANGED


def test_a_file_without_a_study_is_refused(tmp_path):
    image = read_image(write_dicom(tmp_path / "a.dcm", ramp(), Modality="DX"))
    error = refusal(image)
    assert error.problem is DicomObjectProblem.NO_IDENTIFIERS
    assert error.fields == ("StudyInstanceUID", "SeriesInstanceUID")


@pytest.mark.parametrize("is_enhanced", [True, False])
def test_a_class_that_only_the_file_states_has_to_fit_the_data_set(tmp_path, is_enhanced):
    image = kind_analysis("film", tmp_path).image
    dataset = dcmread(image.source_path)
    del dataset.SOPClassUID
    if is_enhanced:
        dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    path = tmp_path / "without.dcm"
    dataset.save_as(path, enforce_file_format=False)
    again = read_image(path)
    if not is_enhanced:
        assert source_of(again).sop_class_uid == dataset.file_meta.MediaStorageSOPClassUID
        return
    error = refusal(again)
    assert error.problem is DicomObjectProblem.NO_IDENTIFIERS
    assert error.fields == ("SOPClassUID",)


def test_an_identity_that_the_data_set_lost_is_that_of_the_file(tmp_path):
    image = kind_analysis("film", tmp_path).image
    stated = source_of(image)
    dataset = dcmread(image.source_path)
    del dataset.SOPClassUID, dataset.SOPInstanceUID
    dataset.save_as(image.source_path)
    found = source_of(read_image(image.source_path))
    assert found.sop_class_uid == stated.sop_class_uid
    assert found.sop_instance_uid == stated.sop_instance_uid


def test_stretched_pixels_are_refused(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm", ramp(), Modality="DX", PixelAspectRatio=[2, 1],
        StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2",
    )  # fmt: skip
    assert refusal(read_image(path)).problem is DicomObjectProblem.RESAMPLED


def test_a_faulty_root_is_refused(tmp_path):
    image = kind_analysis("film", tmp_path).image
    assert refusal(image, DicomChoices(uid_root="x")).problem is DicomObjectProblem.FAULTY_ROOT


def test_segments_are_the_mask_each_pixel_once(tmp_path):
    analysis = kind_analysis("slice", tmp_path)
    found = segments_of(analysis)
    assert [one.key for one in found] == ["L4", "L5", "vertebra", "L4/L5", "canal"]
    total = sum(one.mask.astype(int) for one in found)
    np.testing.assert_array_equal(total, analysis.segmentation.mask > 0)
    assert found[2].mask.sum() == 16
    assert found[0].mask.sum() == 21 * 25


def test_bodies_that_touch_are_parted_between_their_outlines(tmp_path):
    analysis = mr_analysis(kind_analysis("slice", tmp_path).image)
    mask = analysis.segmentation.mask.copy()
    mask[41:50, 40:45] = 1
    joined = replace(analysis, segmentation=replace(analysis.segmentation, mask=mask))
    upper, lower = segments_of(joined)[:2]
    assert upper.mask[41:45, 40:45].all()
    assert not upper.mask[46:, :].any()
    assert lower.mask[46:50, 40:45].all()


def test_a_body_that_a_person_moved_is_told(tmp_path):
    analysis = film_analysis(kind_analysis("film", tmp_path).image)
    assert [one.is_by_person for one in segments_of(analysis)] == [False, False]
    first = analysis.vertebrae[0]
    marks = tuple(replace(mark, source=LandmarkSource.USER) for mark in first.landmarks)
    moved = replace(first, landmarks=marks)
    changed = replace(analysis, vertebrae=(moved, analysis.vertebrae[1]), automatic=analysis)
    assert [one.is_by_person for one in segments_of(changed)] == [True, False]


def test_the_header_is_a_plain_data_set(tmp_path):
    header = source_of(kind_analysis("film", tmp_path).image).header
    assert isinstance(header, Dataset)
    assert header.PatientName == "Phantom^Jané"
