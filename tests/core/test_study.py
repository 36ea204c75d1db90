"""Folders, archives, indexes and files with many pictures, as series and volumes."""

from __future__ import annotations

import gc
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart, View
from spinealign.domain.study import PatientFacts, SeriesEntry
from spinealign.imaging.read import read_image
from spinealign.imaging.source import MAX_UNPACKED_BYTES
from spinealign.imaging.study import list_series, read_patient, read_series_slice, scan_series
from spinealign.imaging.volume import MAX_VOLUME_BYTES, read_volume
from spinealign.wording.reading import patient_rows
from tests.image_files import (
    PLACES,
    SAGITTAL,
    notes_of,
    ramp,
    write_dicom,
    write_nifti,
    write_series,
    zipped,
)


def offsets(entry: SeriesEntry) -> list[int]:
    return [int(read_series_slice(entry, k).pixels.min()) for k in range(len(entry))]


def problem_of(path: Path) -> ReadProblem:
    with pytest.raises(ImageReadError) as caught:
        list_series(path)
    assert caught.value.path == path
    return caught.value.problem


# --- folders -----------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLACES)
def test_slices_are_sorted_by_position_not_by_name(tmp_path: Path, plane: str) -> None:
    write_series(tmp_path / "série ß 1", plane=plane)
    (entry,) = list_series(tmp_path)
    assert offsets(entry) == [0, 1, 2, 3, 4]
    assert (entry.plane, entry.shape, entry.number) == (plane, (40, 50), 4)
    assert np.diff(entry.positions_mm) == pytest.approx([4.0] * 4)
    assert entry.slice_spacing_mm == pytest.approx(4.0)


def test_series_are_told_apart_and_ordered(tmp_path: Path) -> None:
    write_series(tmp_path, 3, SeriesNumber=12, SeriesDescription="T1")
    write_series(tmp_path / "b", 4, SeriesNumber=2)
    write_series(tmp_path / "c", 2, "axial", SeriesNumber=3)
    Image.fromarray(ramp().astype(np.uint8)).save(tmp_path / "key image.png")
    found = list_series(tmp_path)
    assert [(e.number, len(e)) for e in found] == [(2, 4), (3, 2), (12, 3), (None, 1)]
    assert [e.view_hint for e in found] == [View.MR, View.OTHER, View.MR, None]


def test_a_localizer_in_the_series_is_set_apart(tmp_path: Path) -> None:
    uid = generate_uid()
    write_series(tmp_path, 4, "axial", Modality="CT", SeriesInstanceUID=uid)
    write_series(tmp_path / "scout", 1, "sagittal", Modality="CT", SeriesInstanceUID=uid)
    assert sorted(len(entry) for entry in list_series(tmp_path)) == [1, 4]


def test_slices_on_top_of_each_other_become_series_of_their_own(tmp_path: Path) -> None:
    uid = generate_uid()
    write_series(tmp_path / "a", 3, SeriesInstanceUID=uid, EchoTime=20)
    write_series(tmp_path / "b", 3, SeriesInstanceUID=uid, EchoTime=80)
    assert [offsets(entry) for entry in list_series(tmp_path)] == [[0, 1, 2]] * 2
    for k, path in enumerate(write_series(tmp_path / "c", 3, SeriesInstanceUID=uid, EchoTime=20)):
        dataset = dcmread(path)
        dataset.InstanceNumber = 100 - k
        dataset.save_as(path)
    assert [offsets(entry) for entry in list_series(tmp_path)] == [[0, 1, 2]] * 3


def test_radiographs_of_one_series_stay_pictures_of_their_own(tmp_path: Path) -> None:
    for k in range(2):
        write_dicom(tmp_path / f"{k}.dcm", ramp(), Modality="DX", SeriesInstanceUID="1.2.9")
    assert [len(entry) for entry in list_series(tmp_path)] == [1, 1]


def test_without_positions_instance_numbers_count(tmp_path: Path) -> None:
    for name, number in (("a", 10), ("b", 9), ("c", 2)):
        write_dicom(
            tmp_path / name, ramp() + number, InstanceNumber=number, SeriesInstanceUID="1.2.5"
        )
    (entry,) = list_series(tmp_path)
    assert offsets(entry) == [2, 9, 10]
    assert (entry.positions_mm, entry.slice_spacing_mm) == (None, None)


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, 2)
    write_dicom(tmp_path / "report", None, Modality="SR")
    (tmp_path / "broken.dcm").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("hello")
    assert [len(entry) for entry in list_series(tmp_path)] == [2]


def test_looking_through_a_folder_can_be_stopped_at_every_file(tmp_path: Path) -> None:
    write_series(tmp_path, 4)
    assert list(scan_series(tmp_path)) == [1, 2, 3, 4]


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
    assert problem_of(tmp_path / "thing") is problem


# --- many pictures in one file -----------------------------------------------------


def item(**tags: Any) -> Dataset:
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return made


def enhanced_mr(path: Path) -> Path:
    """Write an enhanced MR object whose frames are stored out of order."""
    order = [2, 0, 3, 1]
    frames = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[5.0 * k, 0, 0])]) for k in order
    ]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=SAGITTAL)],
        PixelMeasuresSequence=[item(PixelSpacing=[0.6, 0.5])],
    )
    return write_dicom(
        path, np.stack([ramp() + k for k in order]), Modality="MR",
        SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=frames,
    )  # fmt: skip


def test_frames_of_enhanced_objects_are_sorted_by_position(tmp_path: Path) -> None:
    (entry,) = list_series(enhanced_mr(tmp_path / "emr.dcm"))
    assert offsets(entry) == [0, 1, 2, 3]
    assert [part.index for part in entry.parts] == [1, 3, 0, 2]
    volume = read_volume(entry)
    np.testing.assert_array_equal(volume.voxels[3], ramp() + 3)
    assert volume.series.slice_spacing_mm == pytest.approx(5)


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
    volume = read_volume(entry)
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
    assert read_volume(entry).voxels[4].max() == 0
    with pytest.raises(ImageReadError) as caught:
        read_series_slice(entry, 4)
    assert caught.value.problem is ReadProblem.CONSTANT


def test_missing_slices_are_said(tmp_path: Path) -> None:
    write_series(tmp_path)[1].unlink()
    (entry,) = list_series(tmp_path)
    assert entry.slice_spacing_mm is None
    said = notes_of(read_volume(entry).template)
    assert "The slices are not evenly spaced; some may be missing." in said


def test_refuses_a_volume_that_does_not_fit_into_memory(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, 1)
    count = MAX_VOLUME_BYTES // (ramp().size * 4) + 1
    entry = SeriesEntry((ImagePart(path),) * count, "DICOM")
    with pytest.raises(ImageReadError) as caught:
        read_volume(entry)
    assert caught.value.problem is ReadProblem.TOO_LARGE


# --- archives ----------------------------------------------------------------------


def test_an_archive_is_read_like_its_folder(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "serié 1")
    path = zipped(tmp_path / "étude.zip", tmp_path / "study")
    before = sorted(tmp_path.rglob("*"))
    (entry,) = list_series(path)
    assert offsets(entry) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(read_volume(entry).voxels[1], ramp() + 1)
    assert entry.parts[0].member == "serié 1/IM0005"
    assert sorted(tmp_path.rglob("*")) == before, "nothing is unpacked to the disk"


def test_opening_an_archive_shows_the_middle_of_the_likeliest_series(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "a", 3, "axial", SeriesNumber=1)
    write_series(tmp_path / "study" / "b", 5, "sagittal", SeriesNumber=2)
    image = read_image(zipped(tmp_path / "study.zip", tmp_path / "study"))
    assert image.pixels.min() == 2
    assert notes_of(image)[0] == "Picture 3 of 5 in series 2 of 2."
    assert image.source_path == tmp_path / "study.zip"


def test_hostile_names_write_nothing_outside(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    content = write_dicom(tmp_path / "a.dcm", ramp()).read_bytes()
    with zipfile.ZipFile(inner / "evil.zip", "w") as archive:
        for name in ("../../evil.dcm", "/evil.dcm", "C:\\evil.dcm", "ok/../../evil2.dcm"):
            archive.writestr(name, content)
    before = sorted(tmp_path.rglob("*"))
    names = [entry.parts[0].member for entry in list_series(inner / "evil.zip")]
    assert names == ["/evil.dcm", "C:\\evil.dcm"], "the others are hidden"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_zip_bomb_is_refused_whatever_it_claims(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bomb.dcm", "w", force_zip64=True) as member,
    ):
        for _ in range((MAX_UNPACKED_BYTES >> 20) + 1):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    assert problem_of(path) is ReadProblem.TOO_LARGE
    content = bytearray(path.read_bytes())
    where = content.rindex(b"PK\x01\x02")
    content[where + 24 : where + 28] = (1000).to_bytes(4, "little")  # the size it claims
    path.write_bytes(content)
    assert problem_of(path) in (ReadProblem.TRUNCATED, ReadProblem.TOO_LARGE)


def test_a_locked_archive_says_so(tmp_path: Path) -> None:
    path = tmp_path / "locked.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.dcm", b"x" * 500)
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert problem_of(path) is ReadProblem.ENCRYPTED


@pytest.mark.parametrize("members", [{}, {"a.txt": b"hello", "b.txt": b"bye"}])
def test_an_archive_without_images(tmp_path: Path, members: dict[str, bytes]) -> None:
    path = tmp_path / "texts.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert problem_of(path) is ReadProblem.NO_IMAGES_IN_ARCHIVE


def test_an_archive_cut_short(tmp_path: Path) -> None:
    write_series(tmp_path / "study")
    path = zipped(tmp_path / "study.zip", tmp_path / "study")
    path.write_bytes(path.read_bytes()[:-300])
    assert problem_of(path) is ReadProblem.TRUNCATED


# --- the index of a medium ---------------------------------------------------------


def write_medium(folder: Path, tmp_path: Path) -> Path:
    """Write a DICOMDIR and its files, as a hospital's disc has them."""
    files = FileSet()
    for path in write_series(
        tmp_path / "sources", 3, PatientID="1", PatientName="A^B", StudyID="1",
        StudyDate="20200101", StudyTime="120000",
    ):  # fmt: skip
        files.add(path)
    files.write(folder)
    with warnings.catch_warnings(action="ignore"):
        del files  # pydicom leaves the cleaning of its own temporary folder to the collector
        gc.collect()
    return folder / "DICOMDIR"


def test_an_index_leads_to_its_files(tmp_path: Path) -> None:
    (entry,) = list_series(write_medium(tmp_path / "disc", tmp_path))
    assert offsets(entry) == [0, 1, 2]


def test_an_index_whose_files_are_gone(tmp_path: Path) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    shutil.move(index, tmp_path / "DICOMDIR")
    assert problem_of(tmp_path / "DICOMDIR") is ReadProblem.NO_FILES_OF_INDEX


def test_an_index_is_not_followed_out_of_its_folder(tmp_path: Path) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    dataset = dcmread(index)
    with warnings.catch_warnings(action="ignore"):
        for record in dataset.DirectoryRecordSequence:
            if "ReferencedFileID" in record:
                record.ReferencedFileID = ["..", "sources", "IM0001"]
        dataset.save_as(index)
    assert (tmp_path / "sources" / "IM0001").is_file()
    assert problem_of(index) is ReadProblem.NO_FILES_OF_INDEX


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
        ({"name": "Yamada^Tarou=山田^太郎"}, (("Name", "Yamada, Tarou"),)),
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
