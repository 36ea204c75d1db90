"""DICOM slices put into series: which belong together, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import generate_uid

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import NoteKind, SpineImage
from spinealign.domain.study import stacked
from spinealign.imaging.choice import first_picture
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series, read_series_slice
from spinealign.imaging.volume import load_volume
from spinealign.wording.series import series_lines
from tests.examinations import SPINE_MR
from tests.image_files import (
    PLACES,
    SAGITTAL,
    item,
    notes_of,
    offsets,
    ramp,
    write_dicom,
    write_series,
    zipped,
)


@pytest.mark.parametrize("plane", PLACES)
def test_slices_are_sorted_by_position_not_by_name(tmp_path: Path, plane: str) -> None:
    write_series(tmp_path / "série ß 1", plane=plane)
    (entry,) = list_series(tmp_path)
    assert offsets(entry) == [0, 1, 2, 3, 4]
    assert (entry.plane, entry.shape, entry.number) == (plane, (40, 50), 4)
    assert np.diff(entry.positions_mm) == pytest.approx([4.0] * 4)
    assert entry.slice_spacing_mm == pytest.approx(4.0)
    [line] = series_lines(stacked([entry]))
    assert line.startswith(f"1  T2 sag (series 4, MR {plane}, 5 images, 50×40)")


def test_series_are_told_apart_and_ordered(tmp_path: Path) -> None:
    write_series(tmp_path, 3, SeriesNumber=12, SeriesDescription="T1")
    write_series(tmp_path / "b", 4, SeriesNumber=2)
    write_series(tmp_path / "c", 2, "axial", SeriesNumber=3)
    Image.fromarray(ramp().astype(np.uint8)).save(tmp_path / "key image.png")
    found = list_series(tmp_path)
    assert [(e.number, len(e)) for e in found] == [(2, 4), (3, 2), (12, 3), (None, 1)]
    assert [e.possible_examinations for e in found] == [(SPINE_MR,), (), (SPINE_MR,), None]


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
    volume = run_to_end(load_volume(entry))
    np.testing.assert_array_equal(volume.voxels[3], ramp() + 3)
    assert volume.series.slice_spacing_mm == pytest.approx(5)


@pytest.mark.parametrize(
    "marks",
    [
        {"TemporalPositionIdentifier": [1, 2]},
        {"EchoNumbers": [1, 2]},
        {"TriggerTime": [0, 350]},
        {"DiffusionBValue": [0, 800]},
        {"AcquisitionNumber": [1, 2]},
        {},
    ],
    ids=lambda marks: next(iter(marks), "numbers alone"),
)
def test_what_lies_on_top_of_each_other_is_never_interleaved(
    tmp_path: Path, marks: dict[str, list[Any]]
) -> None:
    uid = generate_uid()
    for k in range(2):
        tags = {name: values[k] for name, values in marks.items()}
        for path in write_series(tmp_path / str(k), 4, SeriesInstanceUID=uid, **tags):
            dataset = dcmread(path)
            # Numbers run place by place: both times of a place follow each other.
            dataset.InstanceNumber = 2 * dataset.InstanceNumber + k
            dataset.save_as(path)
    (tmp_path / "1" / "IM0002").unlink()  # a gap in the second one
    first, second = list_series(tmp_path)
    assert [{p.path.parent.name for p in e.parts} for e in (first, second)] == [{"0"}, {"1"}]
    assert offsets(first) == [0, 1, 2, 3]
    assert offsets(second) == [0, 1, 3]


def test_copies_of_a_picture_count_once(tmp_path: Path) -> None:
    for path in write_series(tmp_path, 3):
        (tmp_path / f"{path.name} (copy)").write_bytes(path.read_bytes())
    (entry,) = list_series(tmp_path)
    assert offsets(entry) == [0, 1, 2]
    assert entry.copies == 3


@pytest.mark.parametrize("read", [read_image, lambda path: first_picture(list_series(path)[0])])
def test_copies_that_are_left_out_are_told(
    tmp_path: Path, read: Callable[[Path], SpineImage]
) -> None:
    content = write_series(tmp_path / "a", 1)[0].read_bytes()
    for number in range(6):
        cut = len(content) if number == 0 else len(content) - 900
        (tmp_path / "a" / f"IM{number:04d}").write_bytes(content[:cut])
    archive = zipped(tmp_path / "a.zip", tmp_path / "a")
    assert any(
        "those in this series (5) were taken for copies" in n for n in notes_of(read(archive))
    )
    [line] = series_lines(stacked(list_series(archive)))
    assert "5 copies left out" in line
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "IM0001").write_bytes(content)
    assert not any(
        "copies" in note for note in notes_of(read(zipped(tmp_path / "b.zip", tmp_path / "b")))
    )


def test_damaged_pictures_in_the_middle_of_a_series_are_told(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 5)
    (entry,) = list_series(tmp_path)
    said = "Pictures nearer to the middle of the series ({}) cannot be read"
    assert not any("cannot be read" in note for note in notes_of(first_picture(entry)))
    for count, place in enumerate((2, 1), start=1):
        paths[place].write_bytes(paths[place].read_bytes()[:-900])
        image = first_picture(entry)
        assert image.source_path == paths[(1, 3)[count - 1]]
        assert any(said.format(count) in note for note in notes_of(image))


def test_replaced_identifiers_do_not_make_copies(tmp_path: Path) -> None:
    write_series(tmp_path, 3, SOPInstanceUID="1.2.3.4")
    assert [len(entry) for entry in list_series(tmp_path)] == [3]


def test_slice_locations_stand_in_for_positions(tmp_path: Path) -> None:
    for path, location in zip(write_series(tmp_path, 4), (30, 10, 20, 40), strict=True):
        dataset = dcmread(path)
        del dataset.ImagePositionPatient
        dataset.SliceLocation = location
        dataset.save_as(path)
    (entry,) = list_series(tmp_path)
    assert offsets(entry) == [1, 2, 0, 3]
    assert entry.slice_spacing_mm == pytest.approx(10)


def test_a_location_beside_positions_is_not_mixed_with_them(tmp_path: Path) -> None:
    first = write_series(tmp_path, 3, SliceLocation=-500)[0]
    dataset = dcmread(first)
    del dataset.ImagePositionPatient
    dataset.save_as(first)
    (entry,) = list_series(tmp_path)
    assert entry.slice_spacing_mm is None
    assert offsets(entry) == [2, 1, 0], "by instance number"


def test_tiny_differences_of_direction_do_not_split_a_series(tmp_path: Path) -> None:
    for k, path in enumerate(write_series(tmp_path, 4)):
        dataset = dcmread(path)
        dataset.ImageOrientationPatient = [0.005 + (-1) ** k * 1e-5, 0.99999, 0, 0, 0, -1]
        dataset.save_as(path)
    assert [len(entry) for entry in list_series(tmp_path)] == [4]


def stacked_mr(path: Path, group: str, keyword: str, values: list[Any]) -> Path:
    """Write an enhanced object with both pictures of a place after each other."""
    frames = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[5.0 * k, 0, 0])],
            **{group: [item(**{keyword: value})]},
        )
        for k in range(3)
        for value in values
    ]
    shared = item(PlaneOrientationSequence=[item(ImageOrientationPatient=SAGITTAL)])
    pixels = np.stack([ramp() + 10 * v + k for k in range(3) for v in range(len(values))])
    return write_dicom(
        path, pixels, Modality="MR", SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=frames,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("group", "keyword", "values"),
    [
        ("FrameContentSequence", "StackID", ["1", "2"]),
        ("FrameContentSequence", "TemporalPositionIndex", [1, 2]),
        ("MRDiffusionSequence", "DiffusionBValue", [0.0, 800.0]),
        ("MREchoSequence", "EffectiveEchoTime", [20.0, 90.0]),
    ],
)
def test_stacks_and_times_of_an_enhanced_object_are_told_apart(
    tmp_path: Path, group: str, keyword: str, values: list[Any]
) -> None:
    found = list_series(stacked_mr(tmp_path / "emr.dcm", group, keyword, values))
    assert [offsets(entry) for entry in found] == [[0, 1, 2], [10, 11, 12]]
    assert [entry.slice_spacing_mm for entry in found] == [pytest.approx(5)] * 2


# --- presentation states -----------------------------------------------------------


def presentation_state(path: Path, instances: list[str]) -> Path:
    images = [item(ReferencedSOPInstanceUID=uid) for uid in instances]
    series = [item(ReferencedImageSequence=images)]
    return write_dicom(path, None, Modality="PR", ReferencedSeriesSequence=series)


def test_a_presentation_state_is_said_not_to_be_applied(tmp_path: Path) -> None:
    uids = [str(dcmread(path).SOPInstanceUID) for path in write_series(tmp_path / "a", 2)]
    write_series(tmp_path / "b", 2, SeriesNumber=5, SeriesDescription="T1")
    presentation_state(tmp_path / "state", uids[:1])
    shown, other = series_lines(stacked(list_series(tmp_path)))
    assert "1 presentation state not applied" in shown
    assert "T1 (series 5" in other
    assert "not applied" not in other


def test_opening_an_archive_says_so_too(tmp_path: Path) -> None:
    uids = [str(dcmread(path).SOPInstanceUID) for path in write_series(tmp_path / "a", 3)]
    presentation_state(tmp_path / "a" / "state", uids)
    image = read_image(zipped(tmp_path / "study.zip", tmp_path / "a"))
    assert "Presentation states of this image (1) are not applied." in notes_of(image)


def test_a_presentation_state_alone_is_no_picture(tmp_path: Path) -> None:
    path = presentation_state(tmp_path / "state", ["1.2.3"])
    for look in (read_image, list_series):
        with pytest.raises(ImageReadError) as caught:
            look(path)
        assert caught.value.problem is ReadProblem.NO_PIXELS


@pytest.mark.parametrize(
    "owner",
    [
        {"PatientID": "another"}, {"StudyInstanceUID": "1.2.4"}, {"FrameOfReferenceUID": "1.2.5"},
        {"Modality": "CT"}, {"PatientName": "B"}, {"PatientSex": "M"}, {"StudyDate": "20240102"},
        {"AccessionNumber": "8"}, {"StudyTime": "120000"}, {"StudyID": "2"}, {"PatientAge": "070Y"},
    ],
    ids=lambda owner: next(iter(owner)),
)  # fmt: skip
def test_series_that_share_an_identifier_are_never_one_volume(
    tmp_path: Path, owner: dict[str, str]
) -> None:
    first = {
        "PatientID": "one",
        "PatientName": "A",
        "StudyInstanceUID": "1.2.3",
        "FrameOfReferenceUID": "1.2.6",
        "PatientSex": "F",
        "StudyDate": "20200102",
        "AccessionNumber": "7",
        "StudyTime": "080000",
        "StudyID": "1",
        "PatientAge": "020Y",
    }
    write_series(tmp_path / "0", 4, SeriesInstanceUID="1.2.7", **first)
    write_series(tmp_path / "1", 4, SeriesInstanceUID="1.2.7", **first | owner)
    for path in (tmp_path / "1").iterdir():  # between the slices of the other one
        dataset = dcmread(path)
        dataset.ImagePositionPatient = [dataset.ImagePositionPatient[0] + 2, 0, 0]
        dataset.save_as(path)
    folders = [{part.path.parent.name for part in entry.parts} for entry in list_series(tmp_path)]
    assert sorted(map(sorted, folders)) == [["0"], ["1"]]


def write_singles(folder: Path, count: int = 5, **changes: list[Any]) -> Path:
    """Write slices each with a series identifier of its own, and further attributes a slice."""
    for k, path in enumerate(write_series(folder, count, FrameOfReferenceUID="1.2.6")):
        dataset = dcmread(path)
        dataset.SeriesInstanceUID = generate_uid()
        for keyword, values in changes.items():
            setattr(dataset, keyword, values[k])
        dataset.save_as(path)
    return folder


UNEVEN = [[x, 0, 0] for x in (0, 4, 8, 13, 16)]


def test_slices_with_a_series_identifier_each_become_one_series(tmp_path: Path) -> None:
    (entry,) = list_series(write_singles(tmp_path / "a"))
    assert offsets(entry) == [0, 1, 2, 3, 4]
    assert entry.slice_spacing_mm == pytest.approx(4)


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientID": ["a7", "b7", "c7", "d7", "e7"]}, {"SeriesDescription": list("abcde")},
        {"Modality": ["MR", "CT", "PT", "NM", "US"]}, {"ImagePositionPatient": [[0, 0, 0]] * 5},
        {"StudyInstanceUID": ["1.2.1", "1.2.2", "1.2.1", "1.2.2", "1.2.3"]},
        {"SeriesNumber": [1, 2, 3, 4, 5], "ImagePositionPatient": UNEVEN},
        {"FrameOfReferenceUID": [f"1.2.{k}" for k in range(5)], "ImagePositionPatient": UNEVEN},
        {"InstanceNumber": [1] * 5, "ImagePositionPatient": UNEVEN},
        {"EchoTime": [10, 100, 60, 30, 200]}, {"RepetitionTime": [500, 4000, 3000, 90, 2000]},
        {"SequenceName": ["se", "tse", "tir", "fl", "ep"]},
        {"ScanningSequence": ["SE", "IR", "GR", "EP", "RM"]}, {"FlipAngle": [5, 70, 30, 90, 12]},
        {"DiffusionBValue": [0.0, 500.0, 1000.0, 50.0, 800.0]},
        {"ImageType": [["DERIVED", "PRIMARY", word] for word in ("ADC", "FA", "TRACEW", "W", "F")]},
        {"SeriesDescription": [f"T{k} sag" for k in range(5)], "SeriesNumber": [1, 2, 3, 4, 5]},
        {"StudyDate": [f"202{k}0102" for k in range(5)]},
        {"StudyInstanceUID": [f"1.2.{k}" for k in range(5)], "AccessionNumber": list("12345")},
    ],
    ids=lambda changes: " ".join(changes),
)  # fmt: skip
def test_series_of_one_slice_that_differ_stay_apart(
    tmp_path: Path, changes: dict[str, list[Any]]
) -> None:
    found = list_series(write_singles(tmp_path / "a", **changes))
    assert [len(entry) for entry in found] == [1] * 5


@pytest.mark.parametrize(
    "changes",
    [
        {"EchoTime": [97.04, 97.06, 97.08, 97.1, 97.12]}, {"InstanceNumber": [None] * 5},
        {"InstanceNumber": [1] * 5}, {"SeriesNumber": [1, 2, 3, 4, 5]},
        {"StudyInstanceUID": [f"1.2.{k}" for k in range(5)]},
        {"FrameOfReferenceUID": [f"1.2.{k}" for k in range(5)]},
        {"SeriesDescription": [f"T2 sag {k}/5" for k in range(5)], "SeriesNumber": [1, 2, 3, 4, 5]},
        {"ImageType": [["ORIGINAL", "PRIMARY", *["NORM"] * (k % 2)] for k in range(5)]},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_with_an_identifier_each_small_differences_split_nothing_either(
    tmp_path: Path, changes: dict[str, list[Any]]
) -> None:
    (entry,) = list_series(write_singles(tmp_path / "a", **changes))
    assert offsets(entry) == [0, 1, 2, 3, 4]


def test_echoes_with_an_identifier_a_slice_are_told_apart(tmp_path: Path) -> None:
    write_singles(tmp_path / "a", EchoTime=[20] * 5)
    write_singles(tmp_path / "b", EchoTime=[80] * 5, InstanceNumber=[11, 12, 13, 14, 15])
    found = list_series(tmp_path)
    assert [{part.path.parent.name for part in entry.parts} for entry in found] == [{"a"}, {"b"}]


def test_a_modality_that_some_slices_leave_out_splits_nothing(tmp_path: Path) -> None:
    for k, path in enumerate(write_series(tmp_path, 6)):
        dataset = dcmread(path)
        if k % 2:
            del dataset.Modality
        dataset.save_as(path)
    assert [len(entry) for entry in list_series(tmp_path)] == [6]


@pytest.mark.parametrize(
    "patients",
    [
        [{"PatientID": "1", "PatientName": "A^B"}, {"PatientName": "A^B"}],
        [{"PatientID": "1", "PatientBirthDate": "19700101"}, {"PatientID": "1"}, {}],
    ],
    ids=["no identifier", "less and less"],
)
def test_what_some_slices_leave_out_of_the_patient_splits_nothing(
    tmp_path: Path, patients: list[dict[str, str]]
) -> None:
    for k, path in enumerate(write_series(tmp_path, 6)):
        dataset = dcmread(path)
        for keyword, value in patients[k % len(patients)].items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    assert [len(entry) for entry in list_series(tmp_path)] == [6]


def test_what_might_belong_to_either_patient_stays_apart(tmp_path: Path) -> None:
    patients = [{"PatientID": "1"}, {"PatientID": "2"}, {"PatientName": "A^B"}]
    for k, path in enumerate(write_series(tmp_path, 6)):
        dataset = dcmread(path)
        for keyword, value in patients[k % 3].items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    found = sorted(offsets(entry) for entry in list_series(tmp_path))
    assert found == [[0, 3], [1, 4], [2, 5]]


def test_two_slices_are_not_taken_for_one_series(tmp_path: Path) -> None:
    assert [len(entry) for entry in list_series(write_singles(tmp_path / "a", 2))] == [1, 1]


def test_echo_time_and_kind_split_nothing_where_no_place_comes_twice(tmp_path: Path) -> None:
    for k, path in enumerate(write_series(tmp_path, 6)):
        dataset = dcmread(path)
        dataset.EchoTime = 97.0 + k
        dataset.ImageType = ["ORIGINAL", "PRIMARY", *(["NORM"] if k % 2 else [])]
        dataset.save_as(path)
    (entry,) = list_series(tmp_path)
    assert offsets(entry) == [0, 1, 2, 3, 4, 5]


def rewritten(paths: list[Path], **changes: list[Any]) -> list[Path]:
    """Write attributes a slice; those that are None are left out."""
    for k, path in enumerate(paths):
        dataset = dcmread(path)
        for keyword, values in changes.items():
            if values[k] is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, values[k])
        dataset.save_as(path)
    return paths


WORDS = [["ORIGINAL", "PRIMARY", *["NORM"] * (k % 2)] for k in range(6)]
JITTER = [97.0 + 0.1 * k for k in range(6)]


@pytest.mark.parametrize("twice", [2, 3])
@pytest.mark.parametrize(
    "changes",
    [
        {"ImageType": WORDS}, {"EchoTime": JITTER}, {"AcquisitionNumber": list(range(6))},
        {"ImageType": [["ORIGINAL", "PRIMARY", *["NORM"] * (k > 2)] for k in range(6)]},
        {"EchoTime": JITTER, "ImageType": WORDS},
    ],
    ids=lambda changes: " ".join(changes),
)  # fmt: skip
def test_a_slice_that_was_sent_twice_splits_nothing_else(
    tmp_path: Path, changes: dict[str, list[Any]], twice: int
) -> None:
    paths = rewritten(write_series(tmp_path, 6), **changes)
    dataset = dcmread(paths[twice])
    dataset.SOPInstanceUID, dataset.InstanceNumber = generate_uid(), 99
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "NORM"]
    dataset.save_as(tmp_path / "again")
    found = list_series(tmp_path)
    assert sorted(len(entry) for entry in found) == [1, 6]
    assert max(found, key=len).slice_spacing_mm == pytest.approx(4)


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID"])
def test_what_some_slices_leave_out_of_study_and_space_splits_nothing(
    tmp_path: Path, keyword: str
) -> None:
    rewritten(write_series(tmp_path, 5), **{keyword: ["1.2.3", None] * 2 + ["1.2.3"]})
    assert [len(entry) for entry in list_series(tmp_path)] == [5]


def test_what_might_be_of_either_space_stays_apart(tmp_path: Path) -> None:
    spaces = ["1.2.3", "1.2.4", None] * 2
    rewritten(write_series(tmp_path, 6), FrameOfReferenceUID=spaces)
    assert sorted(len(entry) for entry in list_series(tmp_path)) == [2, 2, 2]


def test_a_space_of_its_own_for_every_slice_splits_no_evenly_placed_ones(tmp_path: Path) -> None:
    spaces = [f"1.2.{k}" for k in range(5)]
    paths = rewritten(write_series(tmp_path, 5), FrameOfReferenceUID=spaces)
    assert [len(entry) for entry in list_series(tmp_path)] == [5]
    rewritten(paths, ImagePositionPatient=UNEVEN)
    assert [len(entry) for entry in list_series(tmp_path)] == [1] * 5


@pytest.mark.parametrize("step", [0.004, 0.1])
def test_echoes_are_told_apart_whatever_their_last_digits(tmp_path: Path, step: float) -> None:
    uid = generate_uid()
    for name, echo_ms in (("a", 20.047), ("b", 100.047)):
        paths = write_series(tmp_path / name, 5, SeriesInstanceUID=uid)
        rewritten(paths, EchoTime=[round(echo_ms + step * k, 3) for k in range(5)])
    found = list_series(tmp_path)
    assert [{part.path.parent.name for part in entry.parts} for entry in found] == [{"a"}, {"b"}]
    assert [len(entry) for entry in found] == [5, 5]


def test_a_kind_of_which_there_are_few_slices_does_not_split_the_other(tmp_path: Path) -> None:
    uid = generate_uid()
    write_series(tmp_path / "a", 6, SeriesInstanceUID=uid, ImageType=["ORIGINAL", "PRIMARY"])
    few = write_series(tmp_path / "b", 6, SeriesInstanceUID=uid, ImageType=["DERIVED", "PRIMARY"])
    for path in (*few[:2], few[5]):
        path.unlink()
    found = sorted(list_series(tmp_path), key=len)
    assert [{part.path.parent.name for part in entry.parts} for entry in found] == [{"b"}, {"a"}]


@pytest.mark.parametrize("changes", [{"ImageType": WORDS}, {"EchoTime": JITTER}], ids=str)
@pytest.mark.parametrize("lacking", [1, 6])
def test_without_positions_nothing_is_known_to_come_twice(
    tmp_path: Path, changes: dict[str, list[Any]], lacking: int
) -> None:
    paths = rewritten(write_series(tmp_path, 6), **changes)
    rewritten(paths[:lacking], ImagePositionPatient=[None] * lacking)
    assert [len(entry) for entry in list_series(tmp_path)] == [6]


def test_without_positions_two_echoes_are_told_apart_all_the_same(tmp_path: Path) -> None:
    paths = rewritten(write_series(tmp_path, 6), ImagePositionPatient=[None] * 6)
    rewritten(paths, EchoTime=[20, 80] * 3)
    assert [offsets(entry) for entry in list_series(tmp_path)] == [
        [4, 2, 0],
        [5, 3, 1],
    ]  # by number


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize(
    ("keyword", "values"), [("Modality", ["MR", "mr"]), ("PatientName", ["A^B", "a^ B=X^Y"])]
)
def test_spelling_splits_nothing(tmp_path: Path, keyword: str, values: list[str]) -> None:
    rewritten(write_series(tmp_path, 6), **{keyword: values * 3})
    assert [len(entry) for entry in list_series(tmp_path)] == [6]


def test_functional_groups_win_over_the_top_of_the_file(tmp_path: Path) -> None:
    path = enhanced_mr(tmp_path / "emr.dcm")
    dataset = dcmread(path)
    dataset.PixelSpacing, dataset.RescaleSlope, dataset.RescaleIntercept = [1, 1], 1, 0
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    rescale = item(RescaleSlope=5, RescaleIntercept=0)
    dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence = [rescale]
    dataset.save_as(path)
    (entry,) = list_series(path)
    image = read_series_slice(entry, 0)
    assert (str(entry.plane), image.spacing_mm) == ("sagittal", (0.6, 0.5))
    np.testing.assert_array_equal(image.pixels, 5 * ramp())


def test_a_backslash_in_a_name_of_a_series_stays_one(tmp_path: Path) -> None:
    rewritten(write_series(tmp_path, 3), SeriesDescription=["T2\\SAG"] * 3)
    (entry,) = list_series(tmp_path)
    assert entry.description == "T2\\SAG"


def test_copies_are_counted_where_slice_locations_stand_for_positions(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 4)
    rewritten(paths, ImagePositionPatient=[None] * 4, SliceLocation=[0, 4, 8, 12])
    assert [entry.copies for entry in list_series(tmp_path)] == [0]
    (tmp_path / "copy").write_bytes(paths[1].read_bytes())
    assert [(len(entry), entry.copies) for entry in list_series(tmp_path)] == [(4, 1)]


def test_slices_of_a_series_that_are_set_apart_are_told(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 5)
    for path in paths[:2]:
        dataset = dcmread(path)
        pixels = np.kron(dataset.pixel_array, np.ones((2, 2), np.uint16)).astype(np.uint16)
        (dataset.Rows, dataset.Columns), dataset.PixelData = pixels.shape, pixels.tobytes()
        dataset.save_as(path)
    long, short = sorted(list_series(tmp_path), key=len, reverse=True)
    assert (len(long), long.apart, short.apart) == (3, 2, 0)
    assert NoteKind.SET_APART in {n.kind for n in run_to_end(load_volume(long)).notes}
    image = first_picture(long)
    assert any(
        "Further images of this series identifier, or of none, (2)" in note
        for note in notes_of(image)
    )


def test_echoes_on_top_of_each_other_and_scouts_are_not_set_apart(tmp_path: Path) -> None:
    uid = generate_uid()
    for name, echo_ms in (("a", 20), ("b", 80)):
        write_series(tmp_path / name, 4, SeriesInstanceUID=uid, EchoTime=echo_ms)
    write_series(tmp_path / "scout", 1, "axial", SeriesInstanceUID=uid)
    assert [entry.apart for entry in list_series(tmp_path)] == [0, 0, 0]


def test_slices_of_a_series_that_are_tilted_a_little_are_set_apart_and_told(tmp_path: Path) -> None:
    for path in write_series(tmp_path, 5)[1::2]:
        dataset = dcmread(path)
        dataset.ImageOrientationPatient = [0.03, 0.99955, 0, 0, 0, -1]
        dataset.save_as(path)
    long, short = sorted(list_series(tmp_path), key=len, reverse=True)
    assert (len(long), len(short), long.apart) == (3, 2, 2)


def test_slices_without_a_series_identifier_that_lie_between_others_are_told(
    tmp_path: Path,
) -> None:
    for path in write_series(tmp_path, 5, StudyInstanceUID="1.2.3")[1::2]:
        dataset = dcmread(path)
        del dataset.SeriesInstanceUID
        dataset.save_as(path)
    found = sorted(list_series(tmp_path), key=len)
    assert [(len(entry), entry.apart) for entry in found] == [(1, 0), (1, 0), (3, 2)]
