"""DICOM objects that are made together: references, identifiers, and those that cannot be made."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from spinealign.cli.main import (
    EXIT_DONE,
    EXIT_PARTIAL,
    EXIT_REFUSED,
    EXIT_SOME_FAILED,
    EXIT_WRONG_USE,
    run_command,
)
from spinealign.dicom.identifiers import IMPLEMENTATION_UID
from spinealign.dicom.report_context import image_library
from spinealign.dicom.source import source_of
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.domain.examination import ImageKind
from spinealign.domain.image import KindCheck
from spinealign.domain.report_details import ReportDetails
from spinealign.export.bundle import with_objects, write_bundle, write_one
from spinealign.export.exporters import EXPORTERS, available_kinds
from spinealign.imaging.read import read_image
from spinealign.wording.dicom_missing import OBJECT_NAMES, missing_objects_lines
from tests.dicom_objects import (
    KINDS,
    PATIENT,
    dciodvfy_errors,
    film_analysis,
    kind_analysis,
    mr_analysis,
    require_program,
)
from tests.dicom_reports import dsrdump

ROOT = "1.2.826.0.1.9999"
NOT_OF_THE_OBJECT = "VR checker does not support this Specific Character Set: ISO_IR 192"
"""What DCMTK warns of every object in UTF-8, which it then prints."""

DICOM_KINDS = tuple(kind for kind, one in EXPORTERS.items() if one.is_dicom)


def told(**choices) -> ReportDetails:
    return ReportDetails(dicom=DicomChoices(PATIENT, is_in_folder=True, **choices))


def items_of(item: Dataset, name: str) -> list[Dataset]:
    found = [
        each
        for each in item.get("ContentSequence", [])
        if each.ConceptNameCodeSequence[0].CodeValue == name
    ]
    for each in item.get("ContentSequence", []):
        found += items_of(each, name)
    return found


def evidence(report: Dataset) -> dict[str, str]:
    """Return class by instance of what a report says it rests on."""
    return {
        str(instance.ReferencedSOPInstanceUID): str(instance.ReferencedSOPClassUID)
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }


@pytest.mark.parametrize("is_label_map", [False, True], ids=["binary", "label map"])
@pytest.mark.parametrize("name", KINDS)
def test_a_report_refers_to_the_segmentation_beside_it(name, is_label_map, tmp_path):
    require_program("dciodvfy", "dicom3tools")
    folder = tmp_path / "out"
    write_bundle(kind_analysis(name, tmp_path), folder, told(is_label_map=is_label_map))
    report, seg = (dcmread(folder / each) for each in ("measurements.dcm", "segmentation.dcm"))
    assert dciodvfy_errors(folder / "measurements.dcm") == []
    printed, warned = dsrdump(folder / "measurements.dcm")
    assert printed
    assert [words for words in warned if NOT_OF_THE_OBJECT not in words] == []
    assert evidence(report)[seg.SOPInstanceUID] == seg.SOPClassUID
    own = [each for each in seg.SegmentSequence if each.SegmentNumber]
    regions = [item.ReferencedSOPSequence[0] for item in items_of(report, "121214")]
    referred = {(each.ReferencedSOPInstanceUID, each.ReferencedSegmentNumber) for each in regions}
    wanted = {(seg.SOPInstanceUID, each.SegmentNumber) for each in own}
    assert referred == (set() if is_label_map else wanted)
    tracked = {item.UID for item in items_of(report, "112040")}
    assert is_label_map or {each.TrackingUID for each in own} <= tracked


@pytest.mark.parametrize("name", KINDS)
def test_a_report_lists_its_image_in_a_library(name, tmp_path):
    analysis = kind_analysis(name, tmp_path)
    report = dcmread(BytesIO(EXPORTERS["dicom_sr"].write(analysis, told())))
    names = [item.ConceptNameCodeSequence[0].CodeValue for item in report.ContentSequence]
    assert names.index("111028") == names.index("126010") - 1
    [library] = items_of(report, "111028")
    [entry] = items_of(library, "260753009")
    source = source_of(analysis.image, told().dicom)
    [reference] = entry.ReferencedSOPSequence
    assert reference.ReferencedSOPInstanceUID == source.sop_instance_uid
    assert reference.get("ReferencedFrameNumber") == source.frame_number
    modalities = [item.ConceptCodeSequence[0].CodeValue for item in items_of(entry, "121139")]
    assert modalities == ([] if source.header.Modality == "OT" else [source.header.Modality])
    assert items_of(entry, "111060")[0].Date == source.header.StudyDate


def test_a_modality_that_the_standard_does_not_name_is_left_out(tmp_path):
    source = source_of(kind_analysis("film", tmp_path).image)
    source.header.Modality, source.header.StudyDate = "XX", ""
    [entry] = items_of(image_library(source), "260753009")
    assert "ContentSequence" not in entry


def test_a_report_names_the_one_that_it_takes_the_place_of(tmp_path):
    require_program("dciodvfy", "dicom3tools")
    folder = tmp_path / "out"
    analysis = kind_analysis("film", tmp_path)
    write_bundle(analysis, folder, told())
    path = folder / "measurements.dcm"
    first = dcmread(path)
    assert "PredecessorDocumentsSequence" not in first
    for write in (
        lambda: write_bundle(analysis, folder, told()),
        lambda: write_one(analysis, "dicom_sr", path, told()),
    ):
        earlier = dcmread(path)
        write()
        [study] = dcmread(path).PredecessorDocumentsSequence
        [series] = study.ReferencedSeriesSequence
        [instance] = series.ReferencedSOPSequence
        assert study.StudyInstanceUID == earlier.StudyInstanceUID
        assert series.SeriesInstanceUID == earlier.SeriesInstanceUID
        assert instance.ReferencedSOPInstanceUID == earlier.SOPInstanceUID
        assert instance.ReferencedSOPClassUID == earlier.SOPClassUID
        assert dciodvfy_errors(path) == []


def test_a_report_of_another_image_is_no_predecessor(tmp_path):
    path = tmp_path / "measurements.dcm"
    write_one(kind_analysis("film", tmp_path), "dicom_sr", path, told())
    write_one(kind_analysis("film on its head", tmp_path), "dicom_sr", path, told())
    assert "PredecessorDocumentsSequence" not in dcmread(path)


def identifiers(dataset: Dataset) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()

    def note(_parent, element) -> None:
        if element.VR == "UI" and element.value:
            found.add((element.keyword, str(element.value)))

    dataset.walk(note)
    return found


@pytest.mark.parametrize("root", ["", ROOT])
@pytest.mark.parametrize("is_label_map", [False, True], ids=["binary", "label map"])
@pytest.mark.parametrize("name", ["film", "slice", "enhanced", "colour", "picture"])
def test_every_identifier_is_of_the_root_the_image_or_the_standard(
    name, is_label_map, root, tmp_path
):
    folder = tmp_path / "out"
    analysis = kind_analysis(name, tmp_path)
    write_bundle(analysis, folder, told(is_label_map=is_label_map, uid_root=root))
    of_image = {"1.2.840.10008"}
    if analysis.image.file_format == "DICOM":
        of_image |= {uid for _, uid in identifiers(dcmread(analysis.image.source_path))}
    objects = sorted(folder.glob("*.dcm"))
    assert len(objects) >= 5
    for path in objects:
        dataset = dcmread(path)
        strange = {
            (keyword, uid)
            for keyword, uid in identifiers(dataset)
            if not uid.startswith((f"{root or '2.25'}.", "1.2.840.10008.")) and uid not in of_image
        }
        assert strange == set()
        assert dataset.file_meta.ImplementationClassUID == IMPLEMENTATION_UID


# What cannot be made


def faulty(folder: Path):
    """Return a slice that calls itself an object of many frames, as some exports do."""
    analysis = kind_analysis("slice", folder)
    path = analysis.image.source_path
    dataset = dcmread(path)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.save_as(path)
    return mr_analysis(read_image(path))


def test_what_can_be_made_is_written_and_the_rest_is_named(tmp_path):
    analysis, folder = faulty(tmp_path), tmp_path / "out"
    details, missing = with_objects(analysis, folder, told())
    assert [one.kind for one in missing] == ["dicom_seg", "dicom_pr"]
    write_bundle(analysis, folder, details)
    names = {path.name for path in folder.iterdir()}
    assert {"report.pdf", "analysis.json", "measurements.dcm", "overlay.dcm", "report.dcm"} <= names
    assert not names & {"segmentation.dcm", "presentation.dcm"}
    listed = (folder / "analysis.json").read_text(encoding="utf-8")
    assert "segmentation.dcm" not in listed
    [line] = missing_objects_lines([(one.kind, one.error) for one in missing])
    assert "SharedFunctionalGroupsSequence" in line
    assert "segmentation and lines and labels" in line
    assert "Phantom" not in line


def test_what_a_library_says_of_the_patient_is_not_told(tmp_path):
    from spinealign.export.dicom_objects import made_objects

    def broken(_analysis, _details) -> bytes:
        raise ValueError("Phantom^Jané is no name")

    analysis = kind_analysis("film", tmp_path)
    details, [missing] = made_objects(analysis, told(), {"dicom_pr": broken})
    assert details.objects == {}
    assert isinstance(missing.error, DicomObjectError)
    assert missing.error.problem is DicomObjectProblem.FAULTY_TAGS
    assert missing.error.fields == ()


def test_without_a_patient_one_reason_stands_for_all_objects(tmp_path):
    details = ReportDetails(dicom=DicomChoices(is_in_folder=True))
    analysis = kind_analysis("picture", tmp_path)
    _, missing = with_objects(analysis, tmp_path, details)
    assert {one.kind for one in missing} == set(DICOM_KINDS)
    [line] = missing_objects_lines([(one.kind, one.error) for one in missing])
    assert all(name in line for name in OBJECT_NAMES.values())


def test_every_kind_of_object_has_a_name():
    assert set(OBJECT_NAMES) == set(DICOM_KINDS)


def test_of_a_refused_image_there_is_no_object(tmp_path):
    for name in ("film", "picture"):
        analysis = kind_analysis(name, tmp_path)
        check = KindCheck(ImageKind.OTHER_RADIOGRAPH, accepted=False)
        refused = replace(analysis, examination=None, kind_check=check)
        assert refused.is_refused
        assert not set(available_kinds(refused, told())) & set(DICOM_KINDS)
        assert not any(EXPORTERS[kind].is_available(refused) for kind in DICOM_KINDS)


# The command line


@pytest.mark.model
def test_the_command_line_tells_a_partial_result(tmp_path, capsys):
    path = faulty(tmp_path).image.source_path
    command = ["analyze", str(path), "--out", str(tmp_path / "out"), "--examination", "spine-mr"]
    assert run_command([*command, "--dicom"]) == EXIT_PARTIAL
    said = capsys.readouterr()
    assert "could not be made: lines and labels" in said.err
    assert "1 done, 1 without all DICOM objects" in said.out
    assert (tmp_path / "out" / "slice" / "analysis.json").exists()
    assert run_command(command) == EXIT_DONE


@pytest.mark.model
def test_a_patient_beside_a_dicom_image_is_refused(tmp_path, capsys):
    path = kind_analysis("film", tmp_path).image.source_path
    out = tmp_path / "out"
    command = ["analyze", str(path), "--out", str(out), "--examination", "lateral-neck"]
    stated = ["--dicom-patient-id", "P-18"]
    assert run_command([*command, "--dicom", *stated]) == EXIT_SOME_FAILED
    assert "says itself whose image it is" in capsys.readouterr().err
    assert not out.exists()
    for options in (stated, ["--label-map"], ["--uid-root", "1.2.3"]):
        assert run_command([*command, *options]) == EXIT_WRONG_USE
        assert "--dicom" in capsys.readouterr().err


@pytest.mark.model
def test_no_object_is_written_of_an_image_that_is_refused(tmp_path, capsys):
    path = kind_analysis("colour", tmp_path).image.source_path
    out = tmp_path / "out"
    code = run_command(["analyze", str(path), "--out", str(out), "--dicom"])
    assert code == EXIT_REFUSED
    assert not list(out.rglob("*.dcm"))
    assert "No DICOM objects were written" in capsys.readouterr().err


def test_pictures_of_each_kind_have_their_patient(tmp_path):
    """What the other tests rest on: a film that says whose it is needs nobody to say so."""
    image = film_analysis(kind_analysis("film", tmp_path).image).image
    assert source_of(image).header.PatientID == "PHANTOM-17"
