"""Enhanced DICOM files whose functional groups do not fit their frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.examination import Plane
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.imaging.readers import read_part
from spinealign.imaging.study import list_series
from spinealign.imaging.volume import load_volume
from tests.image_files import AXIAL, SAGITTAL, item, notes_of, ramp, write_dicom

TOLD = "The file describes another number of frames ({}) than it holds ({}), so what it says of "


def groups(k: int, spacing_mm: float = 0.6) -> Any:
    """Return what an enhanced file says of frame k."""
    return item(
        PlanePositionSequence=[item(ImagePositionPatient=[5.0 * k, 0, 0])],
        PlaneOrientationSequence=[item(ImageOrientationPatient=SAGITTAL)],
        PixelMeasuresSequence=[item(PixelSpacing=[spacing_mm, spacing_mm])],
        PixelValueTransformationSequence=[item(RescaleSlope=2, RescaleIntercept=k)],
        FrameVOILUTSequence=[item(WindowCenter=500 + k, WindowWidth=800)],
    )


def write_frames(path: Path, items: list[Any], **tags: Any) -> Path:
    """Write four frames with these functional groups."""
    pixels = np.stack([ramp() + k for k in range(4)])
    return write_dicom(path, pixels, Modality="MR", PerFrameFunctionalGroupsSequence=items, **tags)


def frames_of(path: Path) -> list[SpineImage]:
    return [read_part(ImagePart(path, "", k)) for k in range(4)]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_no_frame_takes_the_groups_of_another(tmp_path: Path, count: int) -> None:
    items = [groups(k, 0.5 + 0.1 * k) for k in range(count)]
    at_top = {"PixelSpacing": [1, 1], "ImageOrientationPatient": AXIAL, "RescaleIntercept": 9}
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[2, 2], SliceThickness=3)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=AXIAL)],
    )
    path = write_frames(
        tmp_path / "a.dcm", items, SharedFunctionalGroupsSequence=[shared],
        ImagePositionPatient=[1, 2, 3], WindowCenter=7, WindowWidth=8, **at_top,
    )  # fmt: skip
    for k, image in enumerate(frames_of(path)):
        np.testing.assert_array_equal(image.pixels, ramp() + k)
        assert image.spacing_mm is None
        assert image.window is None
        assert notes_of(image)[0].startswith(TOLD.format(count, 4))
    (entry,) = list_series(path)
    assert entry.positions_mm is None
    assert entry.plane is (Plane.SAGITTAL if count == 5 else None)
    volume = run_to_end(load_volume(entry))
    assert volume.spacing_mm is None


def test_what_too_many_items_state_alike_holds_for_every_frame(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "a.dcm", [groups(k) for k in range(6)], PixelSpacing=[1, 1])
    for image in frames_of(path):
        assert image.spacing_mm == (0.6, 0.6)
        assert notes_of(image)[0].startswith(TOLD.format(6, 4))
    (entry,) = list_series(path)
    assert (entry.plane, entry.positions_mm) == (Plane.SAGITTAL, None)


def test_what_frames_share_holds_beside_too_few_items(tmp_path: Path) -> None:
    items = [item(PlanePositionSequence=groups(k).PlanePositionSequence) for k in range(3)]
    shared = groups(0)
    del shared.PlanePositionSequence
    path = write_frames(tmp_path / "a.dcm", items, SharedFunctionalGroupsSequence=[shared])
    assert {image.spacing_mm for image in frames_of(path)} == {(0.6, 0.6)}
    (entry,) = list_series(path)
    assert (entry.plane, entry.positions_mm) == (Plane.SAGITTAL, None)


def test_a_frame_without_its_own_takes_nothing_from_the_top_of_the_file(tmp_path: Path) -> None:
    items = [groups(0), groups(1), item(), groups(3)]
    path = write_frames(
        tmp_path / "a.dcm", items, PixelSpacing=[1, 1], ImageOrientationPatient=AXIAL,
        ImagePositionPatient=[90, 0, 0], RescaleSlope=7, RescaleIntercept=9,
    )  # fmt: skip
    found = frames_of(path)
    assert [image.spacing_mm for image in found] == [(0.6, 0.6), (0.6, 0.6), None, (0.6, 0.6)]
    np.testing.assert_array_equal(found[2].pixels, ramp() + 2)
    assert sorted(len(entry) for entry in list_series(path)) == [1, 3]


def test_frames_without_any_groups_keep_what_the_top_of_the_file_says(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "a.dcm", [], PixelSpacing=[1, 1])
    assert {image.spacing_mm for image in frames_of(path)} == {(1.0, 1.0)}
    assert all(notes_of(image) == () for image in frames_of(path))


# --- numbers of frames that are not stated, or stated otherwise -------------------------


def write_as(path: Path, frames: int, stated: int | None, rest: int = 0, items: int = 4) -> Path:
    """Write a file that holds frames (and a rest in bytes), states and describes as many."""
    write_frames(path, [groups(k) for k in range(items)])
    dataset = dcmread(path)
    data = np.stack([ramp() + k for k in range(7)]).tobytes()
    dataset.PixelData = data[: frames * ramp().nbytes + rest]
    dataset.NumberOfFrames = stated
    if stated is None:
        del dataset.NumberOfFrames
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("rest", [0, 100, 1000])
def test_functional_groups_tell_frames_with_something_behind_them(
    tmp_path: Path, rest: int
) -> None:
    (entry,) = list_series(write_as(tmp_path / "a.dcm", 4, None, rest))
    assert entry.positions_mm == (0.0, 5.0, 10.0, 15.0)
    image = read_part(entry.parts[3])
    np.testing.assert_array_equal(image.pixels, (ramp() + 3) * 2 + 3)
    assert "4 were found in it" in notes_of(image)[0]


def test_a_frame_that_is_described_and_cut_short_is_damaged(tmp_path: Path) -> None:
    (entry,) = list_series(write_as(tmp_path / "a.dcm", 3, None, 1000))
    assert len(entry) == 4
    with pytest.raises(ImageReadError) as caught:
        read_part(entry.parts[3])
    assert caught.value.problem is ReadProblem.TRUNCATED


@pytest.mark.parametrize("stated", [1, 2, 9])
def test_frames_that_are_there_and_described_count_whatever_is_stated(
    tmp_path: Path, stated: int
) -> None:
    (entry,) = list_series(write_as(tmp_path / "a.dcm", 4, stated))
    assert entry.positions_mm == (0.0, 5.0, 10.0, 15.0)
    said = f"The file states another number of frames ({stated}) than it holds and describes (4)."
    assert notes_of(read_part(entry.parts[3])) == (said,)


@pytest.mark.parametrize(("frames", "stated"), [(7, 4), (5, 5), (4, 7)])
def test_frames_count_as_stated_where_less_than_both_others_agree(
    tmp_path: Path, frames: int, stated: int
) -> None:
    (entry,) = list_series(
        write_as(tmp_path / "a.dcm", frames, stated, items=6 - (stated == 4) * 2)
    )
    assert len(entry) == stated
