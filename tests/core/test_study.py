"""Folders, files with many pictures, volumes, and whose images they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import ImagePart
from spinealign.domain.study import PatientFacts, SeriesEntry
from spinealign.imaging.read import read_image
from spinealign.imaging.study import (
    list_series,
    read_patient,
    read_series_slice,
    scan_paths,
    scan_series,
)
from spinealign.imaging.volume import MAX_VOLUME_BYTES, load_volume
from spinealign.wording.reading import patient_rows
from spinealign.wording.worklist import skip_reason, skipped_message, skipped_text
from tests.image_files import (
    notes_of,
    offsets,
    problem_of,
    ramp,
    write_dicom,
    write_nifti,
    write_series,
    zipped,
)

# --- folders -----------------------------------------------------------------------


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, 2)
    write_dicom(tmp_path / "report", None, Modality="SR")
    (tmp_path / "broken.dcm").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("hello")
    assert [len(entry) for entry in list_series(tmp_path)] == [2]


def test_every_file_that_is_not_opened_is_named_with_its_reason(tmp_path: Path) -> None:
    write_series(tmp_path / "a", 2)
    write_dicom(tmp_path / "a" / "report", None, Modality="SR")
    write_dicom(tmp_path / "a" / "stamp.dcm", ramp(8, 8))
    (tmp_path / "a" / "notes.txt").write_text("hello")
    (tmp_path / "a" / "slice.dcm.spinealign.json").write_text("{}")
    (tmp_path / "b" / "in").mkdir(parents=True)
    (tmp_path / "b" / "readme.txt").write_text("hello")
    (tmp_path / "b" / "in" / "none.png").write_bytes(b"")
    zipped(tmp_path / "a" / "b.zip", tmp_path / "b")
    (tmp_path / "a" / "c.zip").write_bytes(b"PK no archive")
    scan = run_to_end(scan_paths([tmp_path / "a"]))
    named = {(each.part.path.name, each.part.member, each.problem) for each in scan.skipped}
    assert named == {
        ("report", "", ReadProblem.NO_PIXELS),
        ("stamp.dcm", "", ReadProblem.TOO_SMALL),
        ("notes.txt", "", ReadProblem.NOT_AN_IMAGE),
        ("b.zip", "readme.txt", ReadProblem.NOT_AN_IMAGE),
        ("b.zip", "in/none.png", ReadProblem.EMPTY),
        ("c.zip", "", ReadProblem.NOT_AN_IMAGE),
    }
    message = skipped_message(scan.skipped)
    assert message.sentence == (
        "6 files were skipped: 3 not an image, 1 empty, 1 DICOM without an image and 1 too small."
    )
    assert f"not an image\t{tmp_path / 'a' / 'b.zip'} › readme.txt" in skipped_text(scan.skipped)


def test_a_file_that_was_chosen_itself_is_not_skipped_but_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    scan = run_to_end(scan_paths([tmp_path / "notes.txt"]))
    assert (scan.skipped, len(scan.refused)) == ((), 1)


def test_of_very_many_skipped_files_the_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spinealign.imaging.study.MOST_SKIPPED", 2)
    write_series(tmp_path, 2)
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("hello")
    scan = run_to_end(scan_paths([tmp_path]))
    assert (len(scan.skipped), scan.skipped_beyond) == (2, 3)
    message = skipped_message(scan.skipped, scan.skipped_beyond)
    assert message.sentence == "5 files were skipped: 2 not an image and 3 more."


@pytest.mark.parametrize("problem", ReadProblem)
def test_every_reason_has_words(problem: ReadProblem) -> None:
    assert skip_reason(problem)


def test_looking_through_a_folder_can_be_stopped_at_every_file(tmp_path: Path) -> None:
    write_series(tmp_path, 4)
    assert list(scan_series(tmp_path)) == [1, 2, 3, 4]


def linked(folder: Path) -> Path:
    """Write a picture, a DICOM file without an identifier and one too small, each linked twice."""
    for number, name in enumerate(("a.png", "b.dcm", "c.dcm")):
        path = folder / "once" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "a.png":
            Image.fromarray(ramp().astype(np.uint8)).save(path)
        elif name == "b.dcm":
            write_dicom(path, ramp(), SOPInstanceUID=None)
        else:
            write_dicom(path, ramp(8, 8))
        (folder / "once" / f"soft {number}{path.suffix}").symlink_to(path)
        os.link(path, folder / "once" / f"hard {number}{path.suffix}")
    return folder / "once"


def test_a_file_of_several_names_is_one_entry_and_told(tmp_path: Path) -> None:
    scan = run_to_end(scan_paths([linked(tmp_path)]))
    assert sorted(entry.file_format for entry in scan.found) == ["DICOM", "PNG"]
    assert (len(scan.refused), scan.other_names) == (1, 6)


def test_a_path_named_twice_is_looked_at_once_and_no_failure(tmp_path: Path) -> None:
    folder = linked(tmp_path)
    (tmp_path / "again").symlink_to(folder / "a.png")
    scan = run_to_end(scan_paths([folder / "a.png", folder / "a.png", tmp_path / "again"]))
    assert (len(scan.found), scan.refused, scan.other_names) == (1, (), 2)


def test_members_of_an_archive_linked_to_are_listed_once(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", linked(tmp_path / "in"))
    (tmp_path / "b.zip").symlink_to(archive)
    alone = run_to_end(scan_paths([archive]))
    both = run_to_end(scan_paths([archive, tmp_path / "b.zip"]))
    assert (both.found, len(both.refused)) == (alone.found, len(alone.refused))
    assert (alone.other_names, both.other_names) == (0, 9)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.mkdir(), ReadProblem.NO_IMAGES_IN_FOLDER),
        (lambda path: path.write_bytes(b""), ReadProblem.EMPTY),
        (lambda path: path.write_bytes(b"text" * 100), ReadProblem.NOT_AN_IMAGE),
        (lambda path: write_dicom(path, None), ReadProblem.NO_PIXELS),
        (lambda path: write_dicom(path, ramp(16, 16)), ReadProblem.TOO_SMALL),
        (lambda path: None, ReadProblem.MISSING),
    ],
    ids=["empty folder", "empty", "text", "no pixels", "small", "missing"],
)
def test_refuses(tmp_path: Path, make: Any, problem: ReadProblem) -> None:
    make(tmp_path / "thing")
    assert problem_of(tmp_path / "thing", list_series) is problem


# --- many pictures in one file -----------------------------------------------------


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp"])
def test_pages_of_pictures(tmp_path: Path, suffix: str) -> None:
    pages = [Image.fromarray(np.full((40, 50), 40 * k, np.uint8)) for k in range(1, 4)]
    for page in pages:
        page.putpixel((0, 0), 255)
    options = {"lossless": True} if suffix == "webp" else {}
    path = tmp_path / f"pages.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)
    (entry,) = list_series(path)
    shown = [read_series_slice(entry, k) for k in range(len(entry))]
    assert [int(np.median(image.pixels)) for image in shown] == [40, 80, 120]
    assert shown[2].part == ImagePart(path, "", 2)


def test_a_nifti_volume_runs_from_right_to_left(tmp_path: Path) -> None:
    values = np.zeros((5, 40, 36), np.int16) + np.arange(5, dtype=np.int16)[:, None, None]
    values[:, :, 0] = 100
    path = write_nifti(tmp_path / "t2.nii.gz", values, np.diag([4.0, 0.6, 0.5, 1]))
    (entry,) = list_series(path)
    assert offsets(entry) == [4, 3, 2, 1, 0]  # the file's first axis grows to the right
    assert (entry.plane, entry.slice_spacing_mm) == ("sagittal", pytest.approx(4.0))


# --- volumes -----------------------------------------------------------------------


def test_a_volume_holds_the_slices_as_they_are_read(tmp_path: Path) -> None:
    write_series(tmp_path)
    (entry,) = list_series(tmp_path)
    volume = run_to_end(load_volume(entry))
    assert volume.voxels.shape == (5, 40, 50)
    assert volume.voxels.dtype == np.float32
    for k in range(len(volume)):
        alone, slice_ = read_series_slice(entry, k), volume.slice_image(k)
        np.testing.assert_array_equal(slice_.pixels, alone.pixels)
        assert (slice_.spacing_mm, slice_.part) == (alone.spacing_mm, alone.part)
    assert volume.series.middle == 2


def test_an_empty_slice_at_the_end_is_no_obstacle(tmp_path: Path) -> None:
    path = write_series(tmp_path)[4]
    dataset = dcmread(path)
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(path)
    (entry,) = list_series(tmp_path)
    assert run_to_end(load_volume(entry)).voxels[4].max() == 0
    with pytest.raises(ImageReadError) as caught:
        read_series_slice(entry, 4)
    assert caught.value.problem is ReadProblem.CONSTANT


def test_missing_slices_are_said(tmp_path: Path) -> None:
    write_series(tmp_path)[1].unlink()
    (entry,) = list_series(tmp_path)
    assert entry.slice_spacing_mm is None
    said = notes_of(run_to_end(load_volume(entry)).middle)
    assert "The slices are not evenly spaced; some may be missing." in said


def test_refuses_a_volume_that_does_not_fit_into_memory(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, 1)
    count = MAX_VOLUME_BYTES // (ramp().size * 4) + 1
    entry = SeriesEntry((ImagePart(path),) * count, "DICOM")
    with pytest.raises(ImageReadError) as caught:
        run_to_end(load_volume(entry))
    assert caught.value.problem is ReadProblem.TOO_LARGE


# --- whose images these are --------------------------------------------------------


def test_patient_facts_are_read_and_do_not_show_in_logs(tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", ramp(), PatientName="Doe^Jane", PatientID="4711",
        PatientBirthDate="19700203", PatientSex="F", SpecificCharacterSet="ISO_IR 192",
        InstitutionName="Clinique générale",
    )  # fmt: skip
    facts = read_patient(ImagePart(path))
    assert (facts.name, facts.identifier, facts.birth_date) == ("Doe^Jane", "4711", "19700203")
    assert facts.institution == "Clinique générale"
    assert repr(facts) == "PatientFacts()"
    assert "Doe" not in repr(read_image(path))


@pytest.mark.parametrize(
    ("facts", "rows"),
    [
        ({"name": "Doe^Jane^Q"}, (("Name", "Doe, Jane Q"),)),
        ({"name": "Yamada^Tarou=山田^太郎"}, (("Name", "Yamada, Tarou (山田, 太郎)"),)),
        ({"name": "Doe", "birth_date": "19700203"}, (("Name", "Doe"), ("Born", "1970-02-03"))),
        ({"birth_date": "in 1970"}, (("Born", "in 1970"),)),
        ({"identifier": " 4\x007 "}, (("Patient ID", "4\N{REPLACEMENT CHARACTER}7"),)),
        ({}, ()),
    ],
    ids=str,
)
def test_patient_facts_in_words(facts: dict[str, str], rows: Any) -> None:
    assert patient_rows(PatientFacts(**facts)) == rows


def test_without_facts_there_are_none(tmp_path: Path) -> None:
    Image.fromarray(ramp().astype(np.uint8)).save(tmp_path / "a.png")
    assert read_patient(ImagePart(tmp_path / "a.png")) == PatientFacts()
    assert not read_patient(ImagePart(tmp_path / "gone.dcm"))
