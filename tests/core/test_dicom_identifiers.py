"""What a picture is called reaches `SpineImage` on every way in, without the patient's data."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import astuple, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from spinealign.domain.generators import run_to_end
from spinealign.domain.identifiers import DicomIdentifiers, PatientKey, PatientMatch
from spinealign.export.tables import analysis_json, analysis_schema
from spinealign.imaging.dicom_identifiers import dicom_identifiers, patient_key
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series, read_series_slice
from spinealign.imaging.volume import load_volume, read_slices
from tests.core.test_archives import write_medium
from tests.core.test_series import enhanced_mr
from tests.image_files import dicom_object, ramp, read_scan, write_nifti, write_series, zipped
from tests.phantoms import ct_analysis

UIDS = {
    "StudyInstanceUID": "1.2.840.1",
    "SeriesInstanceUID": "1.2.840.2",
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
    "SOPInstanceUID": "1.2.840.3",
    "FrameOfReferenceUID": "1.2.840.4",
}
JANE = {"PatientID": "4711", "PatientBirthDate": "19700203", "PatientName": "Doe^Jane"}


def key(**tags: str) -> PatientKey:
    return patient_key(dicom_object(None, **tags))


def uids(found: DicomIdentifiers | None) -> tuple[str, ...]:
    assert found is not None
    return astuple(found)[:5]


def test_a_single_file(tmp_path: Path) -> None:
    found = read_scan(tmp_path, **UIDS, **JANE).dicom
    assert uids(found) == tuple(UIDS.values())
    assert found.frame_number is None
    assert found.patient == key(**JANE)
    assert found.patient


@pytest.mark.parametrize(
    "value", ["Doe Jane", "1.2.3\\4.5", "", "1." * 33], ids=["words", "two", "empty", "long"]
)
def test_what_is_no_identifier_is_left_out(value: str) -> None:
    dataset = dicom_object(None)
    element = dataset["SOPInstanceUID"]
    element._value = value
    assert dicom_identifiers(dataset, 0, 1).sop_instance_uid == ""


def test_a_file_that_names_nothing() -> None:
    dataset = dicom_object(None, SOPClassUID=None, SOPInstanceUID=None)
    assert dicom_identifiers(dataset, 0, 1) == DicomIdentifiers()
    assert not dicom_identifiers(dataset, 0, 1).patient


def test_a_damaged_attribute_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, whole = dicom_object(None, **JANE), key(**JANE)
    real = type(dataset).get

    def damaged(self: object, name: str, *default: object) -> object:
        if name == "PatientID":
            raise ValueError("odd bytes")
        return real(self, name, *default)

    monkeypatch.setattr(type(dataset), "get", damaged)
    assert patient_key(dataset) == replace(whole, identifier="")


def test_frames_of_an_enhanced_object_count_from_1(tmp_path: Path) -> None:
    path = enhanced_mr(tmp_path / "a.dcm")
    (entry,) = list_series(path)
    stored = [2, 4, 1, 3]  # `enhanced_mr` stores positions 2, 0, 3, 1
    images = [read_series_slice(entry, k) for k in range(4)]
    assert [image.dicom.frame_number for image in images] == stored
    assert [image.dicom.frame_number for image in read_slices(entry, range(4))] == stored
    assert len({uids(image.dicom) for image in images}) == 1
    assert read_image(path).dicom.frame_number == 3, "the middle one as stored"


def series_ways(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "study"
    shared = {name: UIDS[name] for name in ("StudyInstanceUID", "FrameOfReferenceUID")}
    write_series(folder, 3, **shared, **JANE)
    medium = write_medium(tmp_path / "disc", tmp_path)
    return {
        "folder": folder,
        "archive": zipped(tmp_path / "study.zip", folder),
        "medium": medium,
        "medium in an archive": zipped(tmp_path / "disc.zip", medium.parent),
    }


@pytest.mark.parametrize("way", ["folder", "archive", "medium", "medium in an archive"])
def test_every_slice_of_a_series_has_its_own(tmp_path: Path, way: str) -> None:
    (entry,) = list_series(series_ways(tmp_path)[way])
    found = [image.dicom for image in read_slices(entry, range(3))]
    assert found == [read_series_slice(entry, k).dicom for k in range(3)]
    assert len({each.sop_instance_uid for each in found}) == 3
    assert len({each.series_instance_uid for each in found} - {""}) == 1
    assert len({each.patient for each in found}) == 1
    assert all(each.patient and each.frame_number is None for each in found)
    volume = run_to_end(load_volume(entry))
    assert [image.dicom for image in volume.images] == found
    if way in ("folder", "archive"):
        assert {each.frame_of_reference_uid for each in found} == {UIDS["FrameOfReferenceUID"]}
        assert {each.study_instance_uid for each in found} == {UIDS["StudyInstanceUID"]}
        assert found[0].patient == key(**JANE)
    else:
        assert found[0].patient == key(PatientID="1", PatientName="A^B")


def test_other_formats_have_none(tmp_path: Path) -> None:
    Image.fromarray(ramp().astype(np.uint8)).save(tmp_path / "a.png")
    write_nifti(tmp_path / "a.nii", np.arange(40**3, dtype=np.int32).reshape(40, 40, 40))
    assert read_image(tmp_path / "a.png").dicom is None
    assert read_image(tmp_path / "a.nii").dicom is None


# --- patients ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "is_other"),
    [
        (JANE, False),
        (JANE | {"PatientName": "DOE^JANE^^"}, False),
        (JANE | {"PatientID": " 4711 "}, False),
        (JANE | {"PatientName": "Miller^Jane"}, False),
        (JANE | {"PatientID": "4712"}, True),
        (JANE | {"PatientBirthDate": "19700204"}, True),
        ({"PatientID": "4711"}, False),
        ({"PatientID": "4712"}, True),
        ({"PatientName": "DOE^JANE"}, False),
        ({"PatientName": "Miller^Jane"}, True),
        ({"PatientID": "4711", "IssuerOfPatientID": "B"}, False),
        ({}, False),
    ],
)
def test_patients_are_told_apart_by_what_both_files_state(
    tags: dict[str, str], is_other: bool
) -> None:
    assert key(**JANE).is_other_patient_than(key(**tags)) is is_other
    assert key(**tags).is_other_patient_than(key(**JANE)) is is_other


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
@pytest.mark.parametrize(
    ("one", "other", "match"),
    [
        ({}, {}, PatientMatch.SAME),
        ({}, {"PatientID": "4711 "}, PatientMatch.SAME),
        ({"PatientID": "ab12"}, {"PatientID": "AB12"}, PatientMatch.SAME),
        ({"IssuerOfPatientID": "h1"}, {"IssuerOfPatientID": "H1"}, PatientMatch.SAME),
        ({}, {"PatientBirthDate": "1970.02.03"}, PatientMatch.SAME),
        ({}, {"PatientBirthDate": "1970", "PatientName": "Doe^Jane^^Dr"}, PatientMatch.SAME),
        ({}, {"PatientName": "doe^ jane "}, PatientMatch.SAME),
        ({}, {"PatientName": "Doe^Jane=X^Y"}, PatientMatch.SAME),
        ({}, {"PatientName": "Doe^Jane^Ann"}, PatientMatch.SAME),
        ({}, {"PatientName": "Miller^Jane"}, PatientMatch.DOUBTFUL),
        ({}, {"PatientName": "Roe^Richard"}, PatientMatch.DOUBTFUL),
        ({"PatientSex": "F"}, {"PatientSex": "M"}, PatientMatch.DOUBTFUL),
        ({"PatientSex": "F"}, {"PatientSex": "O"}, PatientMatch.SAME),
        ({"PatientSex": "F"}, {"PatientSex": "M", "PatientName": "Roe^Bo"}, PatientMatch.OTHER),
        ({"PatientID": ""}, {"PatientName": "Roe^John"}, PatientMatch.OTHER),
        ({"PatientID": ""}, {"PatientName": "Doe^John"}, PatientMatch.DOUBTFUL),
        ({"PatientID": ""}, {"PatientName": "Doe"}, PatientMatch.UNKNOWN),
        ({"PatientID": "", "PatientSex": "F"}, {"PatientSex": "M"}, PatientMatch.OTHER),
        ({"PatientName": "=張^小東"}, {"PatientName": "Zhang^Xiaodong"}, PatientMatch.SAME),
        ({"PatientName": "=張^小東"}, {"PatientName": "=王^東"}, PatientMatch.DOUBTFUL),
        (
            {"PatientName": "Wang^Wei=\u738b^\u4f1f"},
            {"PatientName": "Wang^Wei=\u738b^\u8587"},
            PatientMatch.DOUBTFUL,
        ),
        ({"PatientName": "Doe^John^^^Sr"}, {"PatientName": "Doe^John^^^Jr"}, PatientMatch.DOUBTFUL),
        ({"PatientID": ""}, {"PatientName": "Doe-Miller^Jane"}, PatientMatch.SAME),
        ({"PatientName": "Lef\u00e8vre^Ana"}, {"PatientName": "LEFEVRE^ANA"}, PatientMatch.SAME),
        (
            {"PatientID": "", "PatientName": "M\u00fcller^Jane"},
            {"PatientName": "Mueller^Jane"},
            PatientMatch.DOUBTFUL,
        ),
        ({}, {"PatientBirthDate": "03.02.1970"}, PatientMatch.SAME),
        ({"PatientID": "4712"}, {}, PatientMatch.OTHER),
        ({"PatientBirthDate": "19700204"}, {}, PatientMatch.OTHER),
    ],
)  # fmt: skip
def test_two_facts_make_one_patient_and_one_that_differs_a_doubt(
    one: dict[str, str], other: dict[str, str], match: PatientMatch
) -> None:
    keys = key(**JANE | one), key(**JANE | other)
    assert keys[0].match(keys[1]) is match
    assert keys[1].match(keys[0]) is match


@pytest.mark.parametrize(
    "identifier",
    ["ANON", "anonymous", "0", "000000", "XXXX", "Unknown", "-", "N/A", "NO ID", "*", "TEST"],
)
@pytest.mark.parametrize("name", ["ANONYMOUS", "Anon^Patient", "NO NAME", "*", "TEST"])
def test_what_stands_in_place_of_everybody_tells_nothing(identifier: str, name: str) -> None:
    stated = {"PatientID": identifier, "PatientName": name, "PatientBirthDate": "19000101"}
    assert key(**stated).match(key(**stated)) is PatientMatch.UNKNOWN
    assert not key(**stated)


def test_one_number_of_two_issuers_is_two_patients() -> None:
    one, other = (key(PatientID="4711", IssuerOfPatientID=issuer) for issuer in "AB")
    assert one.is_other_patient_than(other)


def test_nothing_of_it_is_in_a_representation(tmp_path: Path) -> None:
    image = read_scan(tmp_path, **UIDS, **JANE)
    text = repr(image.dicom) + repr(image.dicom.patient) + repr(replace(image, pixels=ramp()))
    secrets = (*UIDS.values(), *JANE.values(), *astuple(image.dicom.patient))
    assert not [secret for secret in secrets if secret and secret in text]


def test_the_key_means_nothing_in_another_run() -> None:
    code = (
        "from pydicom import Dataset\n"
        "from spinealign.imaging.dicom_identifiers import patient_key\n"
        "one = Dataset()\none.PatientID = '4711'\nprint(patient_key(one).identifier)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout.strip()) == len(key(PatientID="4711").identifier)
    assert done.stdout.strip() != key(PatientID="4711").identifier


# --- analysis.json -----------------------------------------------------------------


def test_results_name_the_object_and_not_the_patient(tmp_path: Path) -> None:
    analysis = ct_analysis(side=64)
    found = read_scan(tmp_path, **UIDS, **JANE).dicom
    analysis = replace(analysis, image=replace(analysis.image, dicom=found))
    table = analysis_json(analysis, {})
    jsonschema.Draft202012Validator(analysis_schema()).validate(table)
    assert table["input"]["dicom"] == {
        "study_instance_uid": UIDS["StudyInstanceUID"],
        "series_instance_uid": UIDS["SeriesInstanceUID"],
        "sop_class_uid": UIDS["SOPClassUID"],
        "sop_instance_uid": UIDS["SOPInstanceUID"],
        "frame_of_reference_uid": UIDS["FrameOfReferenceUID"],
        "frame_number": None,
    }
    text = json.dumps(table)
    secrets = (*JANE.values(), *astuple(found.patient))
    assert not [secret for secret in secrets if secret and secret in text]


def test_what_the_file_does_not_say_is_null(tmp_path: Path) -> None:
    analysis = ct_analysis(side=64)
    analysis = replace(analysis, image=replace(analysis.image, dicom=DicomIdentifiers()))
    table = analysis_json(analysis, {})
    jsonschema.Draft202012Validator(analysis_schema()).validate(table)
    assert set(table["input"]["dicom"].values()) == {None}
    plain = replace(analysis, image=replace(analysis.image, dicom=None))
    assert analysis_json(plain, {})["input"]["dicom"] is None
