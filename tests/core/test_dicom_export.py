"""DICOM objects from the table of exporters and the command line, and a case restored by it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from pydicom import dcmread
from pydicom.pixels import pack_bits

from spinealign.analysis import analyze_image
from spinealign.cli.main import EXIT_DONE, EXIT_PARTIAL, EXIT_WRONG_USE, run_command
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import DicomObjectError
from spinealign.domain.generators import run_to_end
from spinealign.domain.measurements import DrawingTool
from spinealign.domain.reading import Decision
from spinealign.domain.report_details import ReportDetails
from spinealign.domain.study import PatientFacts
from spinealign.export.bundle import write_bundle, write_one
from spinealign.export.exporters import EXPORTERS, available_kinds
from spinealign.export.tables import analysis_schema
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.measure.correction.changes import add_drawing
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from tests.dicom_objects import (
    PATIENT,
    dciodvfy_errors,
    film_analysis,
    kind_analysis,
    require_program,
)
from tests.dicom_reports import read_by_hand

DICOM_KINDS = [kind for kind, one in EXPORTERS.items() if one.is_dicom]
TOLD = ReportDetails(dicom=DicomChoices(PATIENT, is_in_folder=True))


@pytest.fixture(params=["film", "slice", "picture"])
def analysis(request, tmp_path):
    return kind_analysis(request.param, tmp_path)


def test_a_folder_holds_objects_only_where_they_are_chosen(analysis):
    assert not set(available_kinds(analysis)) & set(DICOM_KINDS)
    assert not set(available_kinds(analysis, ReportDetails())) & set(DICOM_KINDS)
    wanted = {"dicom_seg", "dicom_sr", "dicom_pr", "dicom_sc", "dicom_pdf"}
    if analysis.image.file_format != "DICOM":
        wanted |= {"dicom_source"}
    assert wanted <= set(available_kinds(analysis, TOLD))


def test_every_object_in_a_folder_is_sound_and_of_one_study(analysis, tmp_path):
    require_program("dciodvfy", "dicom3tools")
    folder = tmp_path / "out"
    write_bundle(analysis, folder, TOLD)
    objects = sorted(folder.glob("*.dcm"))
    assert len(objects) >= 5
    for path in objects:
        assert dciodvfy_errors(path) == []
    assert len({dcmread(path).StudyInstanceUID for path in objects}) == 1
    listed = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))["files"]
    assert {path.name for path in objects} <= set(listed.values())
    table = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    Draft202012Validator(analysis_schema()).validate(table)
    write_bundle(analysis, folder)
    assert not list(folder.glob("*.dcm"))


def test_objects_of_a_picture_refer_to_the_one_that_is_written(tmp_path):
    folder = tmp_path / "out"
    write_bundle(kind_analysis("picture", tmp_path), folder, TOLD)
    image = dcmread(folder / "image.dcm")
    seg = dcmread(folder / "segmentation.dcm")
    (series,) = seg.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == image.SeriesInstanceUID
    (instance,) = series.ReferencedInstanceSequence
    assert instance.ReferencedSOPInstanceUID == image.SOPInstanceUID
    sc = dcmread(folder / "overlay.dcm")
    assert sc.SourceImageSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID


def test_nothing_is_left_where_one_object_cannot_be_made(tmp_path):
    folder = tmp_path / "out"
    nobody = ReportDetails(dicom=DicomChoices(is_in_folder=True))
    with pytest.raises(DicomObjectError):
        write_bundle(kind_analysis("picture", tmp_path), folder, nobody)
    assert not folder.exists()


def test_words_that_a_person_wrote_are_told_to_be_burned_in(tmp_path):
    analysis = kind_analysis("film", tmp_path)
    wanted = initial_corrections(analysis)
    wanted = add_drawing(wanted, DrawingTool.TEXT, [(5, 5)], "Jane Doe")
    noted = apply_corrections(analysis, wanted)
    path = tmp_path / "sc.dcm"
    write_one(noted, "dicom_sc", path, TOLD)
    assert dcmread(path).BurnedInAnnotation == "YES"
    write_one(analysis, "dicom_sc", path, TOLD)
    assert "BurnedInAnnotation" not in dcmread(path)


@pytest.mark.parametrize(
    ("patient", "is_deidentified", "wanted"),
    [(PatientFacts("Doe"), False, "YES"), (PatientFacts("Doe"), True, "NO"),
     (PatientFacts(), False, "NO")],
)  # fmt: skip
def test_the_document_says_whether_its_pages_name_the_patient(
    patient, is_deidentified, wanted, tmp_path
):
    details = replace(TOLD, patient=patient, is_deidentified=is_deidentified)
    path = tmp_path / "report.dcm"
    write_one(kind_analysis("film", tmp_path), "dicom_pdf", path, details)
    assert dcmread(path).BurnedInAnnotation == wanted


# The command line, on a sample that is shipped


@pytest.fixture(params=["neck_phantom.dcm", "lumbar_phantom.dcm"])
def sample(request) -> Path:
    from spinealign.imaging.samples import list_samples

    return next(one.path for one in list_samples() if one.path.name == request.param)


def numbers(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    return {key: found.get(key) for key in ("measurements", "vertebrae", "segmentation")}


def results_in(folder: Path) -> Path:
    (path,) = folder.glob("*/analysis.json")
    return path.parent


@pytest.mark.model
def test_a_case_is_restored_on_the_command_line(sample, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert run_command(["analyze", str(sample), "--out", str(first), "--dicom"]) == EXIT_DONE
    seg = results_in(first) / "segmentation.dcm"
    command = ["analyze", str(sample), "--out", str(second), "--segmentation", str(seg)]
    assert run_command(command) == EXIT_DONE
    assert numbers(results_in(second)) == numbers(results_in(first))
    masks = [np.array(Image.open(results_in(each) / "mask.png")) for each in (first, second)]
    np.testing.assert_array_equal(*masks)


def thinner_disc(path: Path, label: str) -> None:
    """Take the uppermost quarter of a disc off, as another program would, without our points."""
    dataset = dcmread(path)
    dataset.remove_private_tags()
    numbers_of = {item.SegmentLabel: item.SegmentNumber for item in dataset.SegmentSequence}
    frames = dataset.pixel_array.copy()
    for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        if number == numbers_of[label]:
            rows = np.nonzero(frame.any(axis=1))[0]
            frame[: rows[0] + len(rows) // 4] = 0
    packed = pack_bits(frames)
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    dataset.save_as(path)


@pytest.mark.model
def test_discs_that_another_program_drew_are_graded_and_measured(tmp_path):
    from spinealign.imaging.samples import list_samples

    sample = next(one.path for one in list_samples() if one.path.name == "lumbar_phantom.dcm")
    first, second = tmp_path / "first", tmp_path / "second"
    assert run_command(["analyze", str(sample), "--out", str(first), "--dicom"]) == EXIT_DONE
    seg = results_in(first) / "segmentation.dcm"
    thinner_disc(seg, "L4/L5")
    command = ["analyze", str(sample), "--out", str(second), "--segmentation", str(seg)]
    assert run_command(command) == EXIT_DONE
    masks = [np.array(Image.open(results_in(each) / "mask.png")) for each in (first, second)]
    changed = masks[0] != masks[1]
    assert set(masks[0][changed].tolist()) == {2}
    assert set(masks[1][changed].tolist()) == {0}
    found = [
        json.loads((results_in(each) / "analysis.json").read_text(encoding="utf-8"))
        for each in (first, second)
    ]
    heights = [
        {disc["level"]: disc["height_px"] for disc in each["disc_grading"]["discs"]}
        for each in found
    ]
    assert heights[1]["L4/L5"] < heights[0]["L4/L5"] - 0.5
    assert heights[1]["L2/L3"] == pytest.approx(heights[0]["L2/L3"], abs=1e-6)


@pytest.mark.model
def test_a_picture_needs_its_patient_on_the_command_line(tmp_path, capsys):
    path = kind_analysis("picture", tmp_path).image.source_path
    command = ["analyze", str(path), "--out", str(tmp_path / "out"), "--dicom",
               "--examination", "lateral-neck"]  # fmt: skip
    assert run_command(command) == EXIT_PARTIAL
    assert "--dicom-patient-id" in capsys.readouterr().err
    command += ["--dicom-patient-id", "P1", "--dicom-patient-name", "Doe^Jane"]
    command += ["--dicom-birth-date", "1970-01-02", "--dicom-sex", "F", "--uid-root", "1.2.840.99"]
    assert run_command(command) == EXIT_DONE
    image = dcmread(results_in(tmp_path / "out") / "image.dcm")
    assert (image.PatientID, image.PatientName, image.PatientBirthDate) == (
        "P1", "Doe^Jane", "19700102",
    )  # fmt: skip
    assert image.SOPInstanceUID.startswith("1.2.840.99.")


@pytest.mark.model
def test_decisions_and_drawings_are_restored_on_the_command_line(sample, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    image = read_image(sample)
    assert run_command(["analyze", str(sample), "--out", str(first), "--dicom"]) == EXIT_DONE
    analysis = run_to_end(analyze_image(image, ModelStore()))
    drawn = add_drawing(initial_corrections(analysis), DrawingTool.DISTANCE, [(9, 9), (39, 49)])
    analysis = apply_corrections(analysis, drawn)
    decided = {"measure/drawn_distance/1": (Decision.ACCEPTED, None)}
    reading = read_by_hand(analysis, tmp_path, decided)
    report = tmp_path / "sr.dcm"
    write_one(analysis, "dicom_sr", report, ReportDetails(reading=reading))
    capsys.readouterr()

    command = ["analyze", str(sample), "--out", str(second), "--structured-report", str(report)]
    assert run_command(command) == EXIT_DONE
    told = capsys.readouterr().err
    assert f"1 drawing and {len(reading.decisions)} decisions." in told
    assert "decide again" not in told
    found = json.loads((results_in(second) / "analysis.json").read_text(encoding="utf-8"))
    assert found["reading"]["status"] == "being_read"
    own = [m for m in found["measurements"] if m["code"] == "drawn_distance"]
    assert len(own) == 1
    assert len(found["reading"]["decisions"]) == len(reading.decisions)


@pytest.mark.parametrize(
    "options",
    [["--segmentation", "seg.dcm"], ["--structured-report", "sr.dcm"],
     ["--dicom-patient-id", "P1"], ["--uid-root", "1.2."], ["--dicom-birth-date", "2.1.1970"]],
)  # fmt: skip
def test_wrong_use_is_told(options, tmp_path, capsys):
    for name in ("a.png", "b.png"):
        Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(tmp_path / name)
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    assert (
        run_command(["analyze", *paths, "--out", str(tmp_path / "o"), *options]) == EXIT_WRONG_USE
    )
    assert capsys.readouterr().err


def test_names_are_not_told_by_the_libraries(tmp_path, recwarn, caplog, capsys):
    analysis = kind_analysis("film", tmp_path)
    header = dcmread(analysis.image.source_path)
    header.PatientName = "Müller"
    header.save_as(tmp_path / "one_name.dcm")
    film = film_analysis(read_image(tmp_path / "one_name.dcm"))
    for kind in DICOM_KINDS:
        if EXPORTERS[kind].is_available(film):
            assert EXPORTERS[kind].write(film, TOLD)
    out = capsys.readouterr()
    told = [str(each.message) for each in recwarn.list] + [caplog.text, out.out, out.err]
    assert not any("Müller" in words for words in told)
