"""DICOM files that hold several frames without stating how many."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataelem import RawDataElement
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series, read_series_slice
from tests.image_files import GREY, dicom_object, notes_of, ramp, zipped

STACK = np.stack([ramp() + 100 * k for k in range(5)])
COLOURS = np.repeat((STACK % 256).astype(np.uint8)[..., None], 3, axis=3)


def read_frames(path: Path) -> list[NDArray[np.float32]]:
    """Return the frames that looking and reading find, after checking that both agree."""
    (entry,) = list_series(path)
    image = read_image(path)
    if len(entry) > 1 and image.source_path.suffix != ".zip":
        said = f"The file does not state how many frames it holds; {len(entry)} were found in it."
        assert notes_of(image) == (f"Frame {len(entry) // 2 + 1} of {len(entry)}.", said)
    return [read_series_slice(entry, k).pixels for k in range(len(entry))]


def without_count(path: Path, stated: str | None = None, **tags: Any) -> Path:
    """Write five frames without their number, or with text that is none."""
    dataset = dicom_object(STACK, **tags)
    if stated is None:
        del dataset.NumberOfFrames
    else:
        tag = dataset["NumberOfFrames"].tag
        value = stated.encode().ljust(2)
        dataset[tag] = RawDataElement(tag, "LO", len(value), value, 0, False, True)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("stated", [None, "0", "many", "1,5"])
def test_plain_frames_are_counted_where_their_number_is_not_stated(
    tmp_path: Path, stated: str | None
) -> None:
    found = read_frames(without_count(tmp_path / "a.dcm", stated))
    np.testing.assert_array_equal(found, STACK)


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_frames_are_counted_in_every_encoding(tmp_path: Path, implicit: bool, little: bool) -> None:
    dataset = dicom_object(STACK)
    del dataset.NumberOfFrames
    if not little:
        dataset.PixelData = STACK.astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = (
        ImplicitVRLittleEndian if implicit
        else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    )  # fmt: skip
    dcmwrite(tmp_path / "a.dcm", dataset, implicit_vr=implicit, little_endian=little)
    np.testing.assert_array_equal(read_frames(tmp_path / "a.dcm"), STACK)


@pytest.mark.parametrize(
    ("keyword", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")]
)
def test_frames_of_floating_point_values_are_counted(
    tmp_path: Path, keyword: str, dtype: str
) -> None:
    values = (STACK / 7).astype(dtype)
    dataset = dicom_object(STACK)
    del dataset.NumberOfFrames, dataset.PixelData, dataset.PixelRepresentation
    dataset.BitsAllocated = values.itemsize * 8
    setattr(dataset, keyword, values.tobytes())
    dataset.save_as(tmp_path / "a.dcm")
    np.testing.assert_allclose(read_frames(tmp_path / "a.dcm"), values, rtol=1e-6)


def test_colour_frames_are_counted(tmp_path: Path) -> None:
    dataset = dicom_object(COLOURS[0])
    dataset.PixelData = COLOURS.tobytes()
    dataset.save_as(tmp_path / "a.dcm")
    assert len(list_series(tmp_path / "a.dcm")[0]) == 5


@pytest.mark.parametrize("rest", [1, 1999, 6000])
def test_a_rest_behind_a_frame_is_no_frame(tmp_path: Path, rest: int) -> None:
    dataset = dicom_object(GREY)
    dataset.PixelData += bytes(rest)
    dataset["PixelData"].VR = "OB"
    dataset.save_as(tmp_path / "a.dcm")
    assert len(list_series(tmp_path / "a.dcm")[0]) == 1
    notes = [note for note in read_image(tmp_path / "a.dcm").notes if "left_over" in note.kind]
    assert [note.values for note in notes] == ([(1, 1)] if rest == 6000 else [])


def compressed_frames(path: Path, table: str, fragments: int = 1) -> Path:
    """Write five frames in JPEG without their number."""
    streams = []
    for frame in (STACK // 10).astype(np.uint8):
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, "JPEG", quality=100)
        streams.append(stream.getvalue() + bytes(len(stream.getvalue()) % 2))
    dataset = dicom_object((STACK // 10).astype(np.uint8))
    del dataset.NumberOfFrames
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    if table == "extended":
        data, places, lengths = encapsulate_extended(streams)
        dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = places, lengths
    else:
        data = encapsulate(streams, fragments_per_frame=fragments, has_bot=table == "basic")
    dataset.PixelData = data
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(
    ("table", "fragments"),
    [("basic", 1), ("basic", 3), ("extended", 1), ("none", 1), ("none", 3)],
)
def test_compressed_frames_are_counted_by_offsets_or_by_their_starts(
    tmp_path: Path, table: str, fragments: int
) -> None:
    path = compressed_frames(tmp_path / "a.dcm", table, fragments)
    np.testing.assert_allclose(read_frames(path), STACK // 10, atol=2)
    zipped(tmp_path / "a.zip", path.parent)
    np.testing.assert_allclose(read_frames(tmp_path / "a.zip"), STACK // 10, atol=2)


def test_run_length_frames_are_counted(tmp_path: Path) -> None:
    dataset = dicom_object(STACK)
    dataset.compress(RLELossless)
    del dataset.NumberOfFrames
    dataset.PixelData = encapsulate(list(generate_frames(dataset.PixelData, number_of_frames=5)),
                                    has_bot=False)  # fmt: skip
    dataset.save_as(tmp_path / "a.dcm")
    np.testing.assert_array_equal(read_frames(tmp_path / "a.dcm"), STACK)
