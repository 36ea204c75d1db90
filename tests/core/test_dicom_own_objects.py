"""Objects of this program beside their image: they are recognised, and none is analysed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydicom import dcmread

from spinealign.cli.main import EXIT_SOME_FAILED, run_command
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.generators import run_to_end
from spinealign.domain.report_details import ReportDetails
from spinealign.export.bundle import write_bundle
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series, scan_paths
from spinealign.wording import explain
from tests.dicom_objects import PATIENT, kind_analysis

PROBLEMS = {
    "overlay.dcm": ReadProblem.OWN_PICTURE,
    "segmentation.dcm": ReadProblem.SEGMENTATION,
    "measurements.dcm": ReadProblem.REPORT,
    "report.dcm": ReadProblem.REPORT,
    "presentation.dcm": ReadProblem.NO_PIXELS,
}


@pytest.fixture(params=["film", "slice", "multi-frame", "colour"])
def study(request, tmp_path) -> Path:
    """Return a folder with an image and everything that was made of it, as an archive has them."""
    analysis = kind_analysis(request.param, tmp_path)
    out, folder = tmp_path / "out", tmp_path / "study"
    write_bundle(analysis, out, ReportDetails(dicom=DicomChoices(PATIENT, is_in_folder=True)))
    folder.mkdir()
    shutil.copy(analysis.image.source_path, folder / "image.dcm")
    for path in out.glob("*.dcm"):
        shutil.copy(path, folder / path.name)
    return folder


def test_the_image_alone_is_a_series(study):
    [series] = list_series(study)
    assert {part.path.name for part in series.parts} == {"image.dcm"}


def test_each_object_is_refused_for_what_it_is(study):
    for name, problem in PROBLEMS.items():
        with pytest.raises(ImageReadError) as caught:
            read_image(study / name)
        assert caught.value.problem is problem
        assert name in explain(caught.value).sentence


def test_each_object_is_named_among_what_was_not_opened(study):
    skipped = {one.part.path.name: one.problem for one in run_to_end(scan_paths([study])).skipped}
    assert skipped == {name: one for name, one in PROBLEMS.items() if name != "presentation.dcm"}


def test_captures_of_other_programs_and_of_pictures_are_images(tmp_path):
    out = tmp_path / "out"
    details = ReportDetails(dicom=DicomChoices(PATIENT, is_in_folder=True))
    write_bundle(kind_analysis("picture", tmp_path), out, details)
    assert read_image(out / "image.dcm").shape == (120, 96)
    other = dcmread(out / "overlay.dcm")
    other.Manufacturer = "Another"
    other.save_as(tmp_path / "other.dcm")
    assert read_image(tmp_path / "other.dcm").shape[0] > 0


def test_the_command_line_analyses_none_of_them(study, tmp_path, capsys):
    command = ["analyze", str(study / "overlay.dcm"), "--out", str(tmp_path / "results")]
    assert run_command(command) == EXIT_SOME_FAILED
    assert "picture of results of SpineAlign" in capsys.readouterr().err
    assert not list((tmp_path / "results").rglob("analysis.json"))
