"""Series found in several paths, which of them to begin with, and single pictures of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from spinealign.domain.errors import ImageReadError, PatientsDifferError, ReadProblem
from spinealign.domain.examination import Examination
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import ImagePart
from spinealign.domain.study import (
    SeriesEntry,
    SeriesPicture,
    SeriesStack,
    SlicePosition,
    likeliest,
    stacked,
)
from spinealign.imaging.choice import first_picture, read_companion, readable_volume
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series, read_series_slice, scan_paths
from spinealign.imaging.volume import read_slices
from spinealign.wording.failures import explain
from spinealign.wording.series import (
    case_name,
    picture_name,
    picture_word,
    position_text,
    refused_message,
    series_lines,
    series_name,
)
from tests.examinations import LATERAL_NECK, NECK_CT, SPINE_MR
from tests.image_files import ramp, write_dicom, write_nifti, write_series, zipped


def entry(
    description: str = "",
    count: int = 9,
    hint: tuple[Examination, ...] | None = (SPINE_MR,),
    **more: Any,
) -> SeriesEntry:
    parts = tuple(ImagePart(Path(f"/study/{description}/{k}")) for k in range(count))
    return SeriesEntry(parts, "DICOM", description, possible_examinations=hint, **more)


def spoil(path: Path) -> None:
    """Cut a file's pixels away and leave its tags."""
    path.write_bytes(path.read_bytes()[:-1000])


# --- scanning ----------------------------------------------------------------------


def test_slices_chosen_one_by_one_are_one_series(tmp_path: Path) -> None:
    scan = run_to_end(scan_paths(write_series(tmp_path, 5)))
    assert [len(found) for found in scan.found] == [5]
    assert scan.refused == ()


def test_every_path_that_holds_nothing_says_why_and_the_others_count(tmp_path: Path) -> None:
    write_series(tmp_path / "study", 3)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello" * 100)
    paths = [tmp_path / name for name in ("empty", "study", "gone", "notes.txt")]
    scan = run_to_end(scan_paths(paths))
    assert [len(found) for found in scan.found] == [3]
    assert [(refusal.path.name, refusal.problem) for refusal in scan.refused] == [
        ("empty", ReadProblem.NO_IMAGES_IN_FOLDER),
        ("gone", ReadProblem.MISSING),
        ("notes.txt", ReadProblem.NOT_AN_IMAGE),
    ]


def test_a_damaged_image_of_a_folder_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    write_series(tmp_path, 3)
    write_dicom(tmp_path / "report", None, Modality="SR")
    write_dicom(tmp_path / "stamp", ramp(8, 8))
    (tmp_path / "readme.txt").write_text("hello")
    scan = run_to_end(scan_paths([tmp_path]))
    assert [refusal.path.name for refusal in scan.refused] == ["stamp"]


def test_counting_goes_on_over_all_paths_and_files_that_are_no_images(tmp_path: Path) -> None:
    write_series(tmp_path / "a", 2)
    write_series(tmp_path / "b", 2)
    (tmp_path / "b" / "notes.txt").write_text("hello")
    assert list(scan_paths([tmp_path / "a", tmp_path / "b"])) == [1, 2, 3, 4, 5]


def test_looking_stops_at_the_next_file(tmp_path: Path) -> None:
    write_series(tmp_path, 4)
    looking = scan_paths([tmp_path])
    assert next(looking) == 1
    looking.close()
    assert list(looking) == []


# --- single pictures ---------------------------------------------------------------


def test_pictures_come_in_the_order_asked_for(tmp_path: Path) -> None:
    write_series(tmp_path, 5)
    (found,) = list_series(tmp_path)
    values = [int(image.pixels.min()) for image in read_slices(found, [3, 0, 4])]
    assert values == [3, 0, 4]


def test_pictures_before_a_damaged_one_are_read(tmp_path: Path) -> None:
    spoil(write_series(tmp_path, 5)[2])
    (found,) = list_series(tmp_path)
    pictures = read_slices(found, [1, 2, 3])
    assert int(next(pictures).pixels.min()) == 1
    with pytest.raises(ImageReadError):
        next(pictures)


def test_without_its_middle_a_series_begins_beside_it(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 5)
    spoil(paths[2])
    (found,) = list_series(tmp_path)
    assert int(first_picture(found).pixels.min()) in (1, 3)
    assert int(first_picture(SeriesPicture(found, 4)).pixels.min()) == 4
    volume = run_to_end(readable_volume(found))
    assert volume.voxels[:, 0, 0].tolist() == [0, 1, 3, 4]
    for path in paths:
        spoil(path)
    with pytest.raises(ImageReadError):
        first_picture(found)


# --- which one lies beside, and which one to begin with -----------------------------


def test_the_other_contrast_is_taken_where_the_slice_lies(tmp_path: Path) -> None:
    write_series(tmp_path / "t2", 5, step_mm=4.0)
    write_series(tmp_path / "t1", 9, step_mm=2.0, SeriesNumber=5)
    (t2,), (t1,) = list_series(tmp_path / "t2"), list_series(tmp_path / "t1")
    image = read_series_slice(t2, 3)
    for companion in (t1, tmp_path / "t1"):
        for source in (t2, SeriesPicture(t2, 3)):
            beside = read_companion(companion, source, image)
            assert beside is not None
            assert int(beside.pixels.min()) == 6  # 12 mm into both series
    assert read_companion(None, t2, image) is None


def test_without_positions_the_same_share_of_the_way_counts() -> None:
    assert entry("a", 10).nearest(entry("b", 5), 4) == 8
    assert entry("a", 1).nearest(entry("b", 5), 4) == 0


@pytest.mark.parametrize(
    ("found", "best"),
    [
        ([entry("T1 sag"), entry("T2 sag")], ["T2 sag"]),
        ([entry("t2_tse_sag"), entry("t2_tirm_sag")], ["t2_tse_sag"]),
        ([entry("T2 sag"), entry("T2 sag again")], ["T2 sag", "T2 sag again"]),
        ([entry("scout", 1), entry("T1 sag")], ["T1 sag"]),
        ([entry("T2 tra", hint=()), entry("STIR sag")], ["STIR sag"]),
        ([entry("T2 tra", hint=()), entry("photo", 1, None)], []),
        ([entry("neck", 90, (NECK_CT,)), entry("scout", 2, ())], ["neck"]),
        ([entry("lateral", 1, (LATERAL_NECK,)), entry("ax", 20, ())], ["lateral"]),
    ],
    ids=["T2", "no fat suppression", "two", "volume", "sagittal", "nothing", "CT", "film"],
)
def test_which_series_to_begin_with(found: list[SeriesEntry], best: list[str]) -> None:
    assert [stack.first.description for stack in likeliest(stacked(found))] == best


def test_an_archive_begins_with_the_series_that_the_window_opens(tmp_path: Path) -> None:
    write_series(tmp_path / "a" / "1", 5, SeriesNumber=1, SeriesDescription="T1 sag")
    paths = write_series(tmp_path / "a" / "2", 5, SeriesNumber=2, SeriesDescription="T2 sag")
    archive = zipped(tmp_path / "a.zip", tmp_path / "a")
    image = read_image(archive)
    assert image.part is not None
    assert image.part.member == paths[2].relative_to(tmp_path / "a").as_posix()


def test_volumes_of_one_file_are_one_stack(tmp_path: Path) -> None:
    values = np.arange(5 * 40 * 36 * 3, dtype=np.int16).reshape(5, 40, 36, 3)
    path = write_nifti(tmp_path / "time.nii.gz", values, np.diag([4.0, 0.6, 0.5, 1]))
    other = write_nifti(tmp_path / "one.nii", values[..., 0], np.diag([4.0, 0.6, 0.5, 1]))
    (alone, timed) = stacked(run_to_end(scan_paths([other, path])).found)
    assert (len(alone.volumes), len(timed.volumes)) == (1, 3)
    place = SlicePosition(2, 1)
    picture = timed.picture_at(place)
    assert timed.place_of(picture.series.parts[picture.index]) == place
    assert timed.place_of(ImagePart(other, "", 1)) is None
    assert position_text(timed, place) == "Slice 2 of 5, volume 3 of 3"
    assert not timed.is_single


@pytest.mark.parametrize(
    ("place", "there"),
    [((0, 0), True), ((0, 8), True), ((0, 9), False), ((1, 0), False), ((0, -1), False)],
)
def test_places_that_there_are(place: tuple[int, int], there: bool) -> None:
    assert SeriesStack((entry(),)).has_position(SlicePosition(*place)) is there


# --- words -------------------------------------------------------------------------


def test_a_list_of_series_has_the_numbers_by_which_they_are_chosen(tmp_path: Path) -> None:
    write_series(tmp_path, 3)
    write_series(tmp_path / "b", 2, "axial", SeriesNumber=7, SeriesDescription="T2 tra\n")
    Image.fromarray(ramp().astype(np.uint8)).save(tmp_path / "key.png")
    assert series_lines(stacked(list_series(tmp_path))) == (
        "1  T2 sag (series 4, MR sagittal, 3 images, 50×40), can be analysed",
        "2  T2 tra (series 7, MR axial, 2 images, 50×40)",
        "3  key.png (PNG, 1 image)",
    )


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ([ImagePart(Path("/a/study/1")), ImagePart(Path("/a/study/2"))], "study"),
        ([ImagePart(Path("/a/film.dcm"))], "film.dcm"),
        ([ImagePart(Path("/a.zip"), "x/t2/1"), ImagePart(Path("/a.zip"), "x/t2/2")], "t2"),
        ([ImagePart(Path("/a.zip"), "x/1.png")], "1.png"),
        ([ImagePart(Path("/a.tif"), "", 0), ImagePart(Path("/a.tif"), "", 1)], "a.tif"),
    ],
    ids=["folder", "file", "folder in archive", "member", "pages"],
)
def test_series_without_a_name_go_by_their_file(parts: list[ImagePart], name: str) -> None:
    assert series_name(SeriesEntry(tuple(parts), "PNG")) == name


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ([ImagePart(Path("/a/film.dcm"))], "film.dcm"),
        ([ImagePart(Path("/a/1")), ImagePart(Path("/a/2"))], "T2 sag"),
        ([ImagePart(Path("/a.zip"), "1")], "T2 sag"),
    ],
    ids=["file", "folder", "member"],
)
def test_a_picture_that_stands_alone_goes_by_its_file(parts: list[ImagePart], name: str) -> None:
    assert case_name(SeriesStack((SeriesEntry(tuple(parts), "DICOM", "T2 sag"),))) == name


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (entry(plane="axial"), "Slice"),
        (SeriesEntry((ImagePart(Path("a"), "", 0), ImagePart(Path("a"), "", 1)), "TIFF"), "Page"),
        (SeriesEntry((ImagePart(Path("a"), "", 0), ImagePart(Path("a"), "", 1)), "DICOM"), "Frame"),
        (entry(), "Image"),
    ],
    ids=["slice", "page", "frame", "image"],
)
def test_what_a_picture_is_called(found: SeriesEntry, word: str) -> None:
    assert picture_word(found) == word


def test_a_picture_is_named_by_its_file_and_place() -> None:
    assert picture_name(ImagePart(Path("/a/film.dcm"))) == "film.dcm"
    part = ImagePart(Path("/a/study.zip"), "x/time.nii", 7, 2)
    assert picture_name(part) == "study.zip, time.nii, volume 3, image 8"


def test_several_refusals_are_one_sentence() -> None:
    refused = [ImageReadError(Path(f"{n}.dcm"), ReadProblem.TRUNCATED) for n in "ab"]
    assert refused_message(refused[:1]).sentence == "“a.dcm” is damaged or incomplete."
    said = refused_message(refused).sentence
    assert said == "2 files could not be opened. The first: “a.dcm” is damaged or incomplete."


def test_series_of_two_studies_keep_their_numbers_apart(tmp_path: Path) -> None:
    for study in ("1.2.3", "1.2.4"):
        write_series(
            tmp_path / study, 3, StudyInstanceUID=study, SeriesInstanceUID=generate_uid()
        )  # fmt: skip
    stacks = stacked(list_series(tmp_path))
    assert [(stack.number, stack.first.study) for stack in stacks] == [(1, "1.2.3"), (2, "1.2.4")]


def test_a_companion_of_another_patient_is_refused(tmp_path: Path) -> None:
    paths = [
        write_dicom(tmp_path / f"{name}.dcm", ramp(), PatientID=name, PatientBirthDate="19700101")
        for name in ("one", "other")
    ]
    image = read_image(paths[0])
    assert read_companion(paths[0], paths[0], image) is not None
    with pytest.raises(PatientsDifferError) as caught:
        read_companion(paths[1], paths[0], image)
    message = explain(caught.value)
    assert "not graded together" in message.sentence
    assert "confirm" not in message.advice


def test_a_companion_under_another_name_is_refused_too(tmp_path: Path) -> None:
    paths = [
        write_dicom(tmp_path / f"{name}.dcm", ramp(), PatientID="4711", PatientName=name)
        for name in ("Doe^Jane", "Roe^Richard")
    ]
    with pytest.raises(PatientsDifferError):
        read_companion(paths[1], paths[0], read_image(paths[0]))
