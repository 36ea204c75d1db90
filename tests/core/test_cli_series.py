"""Series on the command line: listed, and chosen by number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinealign.cli import main as cli
from spinealign.domain.examination import Examination
from spinealign.domain.study import SeriesPicture
from spinealign.imaging.choice import first_picture
from tests import phantoms
from tests.examinations import LATERAL_NECK, NECK_CT, SPINE_MR
from tests.image_files import ramp, write_dicom, write_nifti, write_series, zipped

Run = Callable[..., int]


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let every analysis answer at once, and remember what it was to read."""
    asked: list[Any] = []

    def analyze_file(source, models, examination=None, *_options):  # type: ignore[no-untyped-def]
        yield from ()
        asked.append(source)
        image = first_picture(source)
        return replace(phantoms.mr_analysis(image.shape), image=image)

    monkeypatch.setattr("spinealign.analysis.analyze_file", analyze_file)
    return asked


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    write_series(folder / "1", 5, SeriesNumber=1, SeriesDescription="T1 sag")
    write_series(folder / "2", 5, SeriesNumber=2, SeriesDescription="T2 sag")
    return folder


def analyze(path: Path, *options: str) -> int:
    return cli.run_command(["analyze", str(path), *options])


@pytest.mark.parametrize(
    ("given", "examination"),
    [
        ([], None), (["--view", "auto"], None), (["--view", "xray"], LATERAL_NECK),
        (["--view", "mr"], SPINE_MR), (["--examination", "lateral-neck"], LATERAL_NECK),
        (["--examination", "cervical_ct_slice"], NECK_CT), (["--examination", "ct"], NECK_CT),
    ],
    ids=["default", "auto", "xray", "mr", "key", "kind", "former name"],
)  # fmt: skip
def test_an_examination_is_chosen_by_its_key_or_the_name_of_former_versions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: list[str], examination: Examination
) -> None:
    asked = []

    def analyze_file(source, models, examination=None, *_options):  # type: ignore[no-untyped-def]
        yield from ()
        asked.append(examination)
        return phantoms.mr_analysis()

    monkeypatch.setattr("spinealign.analysis.analyze_file", analyze_file)
    write_nifti(tmp_path / "mr.nii", np.arange(210, dtype=np.int16).reshape(5, 6, 7))
    assert analyze(tmp_path / "mr.nii", "--out", str(tmp_path / "out"), *given) == 0
    assert asked == [examination]


@pytest.mark.parametrize(
    ("given", "examination"),
    [([], None), (["--view", "mr"], SPINE_MR), (["--examination", "spine-mr"], SPINE_MR)],
    ids=["not stated", "former name", "key"],
)
def test_own_weights_are_packaged_for_an_examination(
    monkeypatch: pytest.MonkeyPatch, given: list[str], examination: Examination | None
) -> None:
    asked = []
    monkeypatch.setattr(
        "spinealign.cli.training._train", lambda options: asked.append(options) or 0
    )
    words = ["package", "w.h5", "--classes", "a", "b", "--positive", "a", "--out", "o", *given]
    assert cli.run_command(words) == 0
    assert asked[0].examination is examination


def test_series_are_listed_with_their_numbers(
    study: Path, sources: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze(zipped(study.with_suffix(".zip"), study), "--list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "1  T1 sag (series 1, MR sagittal, 5 images, 50×40), can be analysed",
        "2  T2 sag (series 2, MR sagittal, 5 images, 50×40), can be analysed",
    ]
    assert sources == []


def test_what_cannot_be_listed_says_why(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert analyze(tmp_path / "empty", str(study), "--list") == 1
    captured = capsys.readouterr()
    assert "no images in the folder “empty”" in captured.err
    assert captured.out.startswith("study:\n1  T1 sag")


@pytest.mark.parametrize(
    ("options", "folder", "value"),
    [
        (["--series", "1"], "study_series-1", 2),
        (["--series", "2", "--slice", "5"], "study_series-2_slice-5", 4),
        (["--slice", "1"], "study_series-2_slice-1", 0),
    ],
    ids=["series", "slice", "likeliest series"],
)
def test_a_picture_is_chosen_by_numbers(
    study: Path, sources: list[Any], tmp_path: Path, options: list[str], folder: str, value: int
) -> None:
    assert analyze(study, "--out", str(tmp_path / "out"), *options) == 0
    assert [place.name for place in (tmp_path / "out").iterdir()] == [folder]
    [source] = sources
    assert int(first_picture(source).pixels.min()) == value


def test_a_volume_in_time_is_chosen(tmp_path: Path, sources: list[Any]) -> None:
    values = np.arange(5 * 40 * 36 * 3, dtype=np.int16).reshape(5, 40, 36, 3)
    path = write_nifti(tmp_path / "time.nii.gz", values, np.diag([4.0, 0.6, 0.5, 1]))
    out = tmp_path / "out"
    assert analyze(path, "--out", str(out), "--volume", "3", "--slice", "2") == 0
    assert analyze(path, "--out", str(out), "--volume", "2") == 0
    chosen, series = sources
    assert isinstance(chosen, SeriesPicture)
    part = chosen.series.parts[chosen.index]
    assert (part.volume, part.index) == (2, 3)  # slices run from right to left
    assert {part.volume for part in series.parts} == {1}
    names = sorted(place.name for place in out.iterdir())
    assert names == ["time_series-1_volume-2", "time_series-1_volume-3_slice-2"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--series", "3"], "there are 2"),
        (["--series", "0"], "numbers count from 1"),
        (["--series", "1", "--slice", "6"], "has 5"),
        (["--series", "1", "--volume", "2"], "has 1"),
    ],
    ids=["series", "zero", "slice", "volume"],
)
def test_numbers_that_there_are_not_are_wrong_use(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert analyze(study, "--out", str(tmp_path / "out"), *options) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_of_series_alike_none_is_taken_unasked(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(study / "3", 5, SeriesNumber=3, SeriesDescription="T2 sag again")
    assert analyze(study, "--out", str(tmp_path / "out"), "--slice", "2") == 2
    assert "of 3 series choose one" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [[], ["--out", "o", "--slice", "1"]], ids=["no place", "two inputs"]
)
def test_options_that_do_not_fit_are_wrong_use(
    study: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    given = [str(study), str(study)] if options else [str(study)]
    assert cli.run_command(["analyze", *given, *options]) == 2
    assert "usage" in capsys.readouterr().err


def test_an_input_that_holds_nothing_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert analyze(tmp_path / "empty", "--out", str(tmp_path / "out"), "--series", "1") == 1
    assert "no images in the folder" in capsys.readouterr().err


def test_results_below_the_images_are_not_analysed_by_the_next_run(
    tmp_path: Path, sources: list[Any]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    write_dicom(folder / "a.dcm", ramp())
    for out in (folder / "results", folder):
        sources.clear()
        for _ in range(2):
            assert analyze(folder, "--out", str(out)) == 0
        assert sources == [folder / "a.dcm"] * 2


def test_links_to_one_file_are_read_once_and_said(
    tmp_path: Path, sources: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(2):
        write_dicom(folder / f"{k}.dcm", ramp())
        for link in range(15):
            (folder / f"{k} link {link}.dcm").symlink_to(folder / f"{k}.dcm")
    assert analyze(folder, "--out", str(tmp_path / "out")) == 0
    assert len(sources) == 2
    printed = capsys.readouterr().out
    assert "30 inputs are other names of files that were analysed already" in printed
    assert "2 done, 0 not done" in printed
