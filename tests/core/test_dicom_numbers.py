"""Numbers of DICOM attributes that a writer did not write as the standard asks."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from spinealign.domain.generators import run_to_end
from spinealign.domain.image import NoteKind, SpineImage
from spinealign.imaging.dicom_numbers import numbers
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series
from spinealign.imaging.volume import load_volume
from spinealign.imaging.windows import selectable_windows
from tests.image_files import (
    CT,
    GREY,
    SAGITTAL,
    dicom_object,
    item,
    notes_of,
    write_dicom,
    write_series,
)

UNKNOWN = "ZZ"
MR = {"Modality": "MR", "ImageOrientationPatient": SAGITTAL}
WINDOWED_CT = {**CT, "WindowCenter": 40, "WindowWidth": 400}


def raw_element(keyword: str, vr: str, value: bytes) -> RawDataElement:
    tag = Tag(tag_for_keyword(keyword))
    value += b" " * (len(value) % 2)
    return RawDataElement(tag, vr, len(value), value, 0, False, True)


def read_raw(tmp_path: Path, keyword: str, vr: str, value: bytes, **tags: Any) -> SpineImage:
    """Read a file of which one attribute is written with these very bytes."""
    path = tmp_path / "raw.dcm"
    dataset = dicom_object(GREY, **tags)
    stand_in = "US" if len(value) == 2 else "SH"
    written = raw_element(keyword, stand_in if vr == UNKNOWN else vr, value)
    dataset[keyword] = written
    dataset.save_as(path)
    if vr == UNKNOWN:
        place = struct.pack("<HH", written.tag.group, written.tag.element)
        content, known = path.read_bytes(), place + stand_in.encode()
        path.write_bytes(content.replace(known, place + UNKNOWN.encode()))
    return read_image(path)


def kinds(image: SpineImage) -> list[NoteKind]:
    return [note.kind for note in image.notes if note.kind is not NoteKind.TURNED]


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("DS", rb"0,5\0,25"), ("DS", rb"0.5\0.25" + b"\\"), ("DS", b"0.5,0.25"),
        ("DS", rb" 0,5 \ 0,25 "), ("SH", rb"0,5\0,25"), ("UN", rb"0,5\0,25"),
        ("OB", rb"0.5\0.25"), ("UT", rb"0.5\0.25"), ("FD", rb"0.5\0.25"), ("UL", rb"0.5\.25"),
        ("SS", rb"0.5\0.25"), ("ZZ", rb"0.5\0.25"),
    ],
    ids=lambda part: part if isinstance(part, str) else part.decode(),
)  # fmt: skip
def test_a_spacing_of_one_meaning_is_repaired_and_said(
    tmp_path: Path, vr: str, value: bytes
) -> None:
    image = read_raw(tmp_path, "PixelSpacing", vr, value, **MR)
    assert image.spacing_mm == (0.5, 0.25)
    said = "The file writes the pixel spacing in an irregular form; it was read as 0.5, 0.25."
    assert said in notes_of(image)


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("DS", b"0.5"), ("DS", b"0.5\\"), ("DS", rb"\0.5"), ("DS", rb"0.5\0.5\4"),
        ("DS", rb"1,250\1,250"), ("DS", rb"0.5\half"), ("DS", rb"nan\nan"), ("DS", rb"0\0"),
        ("DS", rb"-0.5\-0.5"), ("OB", struct.pack("<2d", 0.5, 0.5)), ("FD", struct.pack("<d", 0.5)),
        ("FD", struct.pack("<2d", 5e8, 5e8)), ("DS", rb"1e-9\1e-9"), ("DS", rb"0.5\50"),
    ],
    ids=lambda part: repr(part),
)  # fmt: skip
def test_a_spacing_of_no_single_meaning_is_left_out_and_said(
    tmp_path: Path, vr: str, value: bytes
) -> None:
    image = read_raw(tmp_path, "PixelSpacing", vr, value, **MR)
    assert image.spacing_mm is None
    said = "The file states the pixel spacing in a form that cannot be used, so it was left out."
    assert said in notes_of(image)


@pytest.mark.parametrize(
    ("vr", "value"),
    [("DS", rb"0.5\0.25"), ("LO", rb"0.5\0.25"), ("FD", struct.pack("<2d", 0.5, 0.25))],
)
def test_numbers_that_are_read_as_they_stand_need_no_note(
    tmp_path: Path, vr: str, value: bytes
) -> None:
    image = read_raw(tmp_path, "PixelSpacing", vr, value, **MR)
    assert (image.spacing_mm, kinds(image)) == ((0.5, 0.25), [])


@pytest.mark.parametrize(
    "value", [rb"0\0\0\0\0\0", rb"1\0\0\1\0\0", rb"1\0\0\0\1", rb"a\0\0\0\1\0"]
)
def test_directions_that_are_none_are_said(tmp_path: Path, value: bytes) -> None:
    image = read_raw(tmp_path, "ImageOrientationPatient", "DS", value, Modality="MR")
    assert image.orientation is None
    said = "The file states the orientation of the image in a form that cannot be used, "
    assert notes_of(image) == (f"{said}so it was left out.",)


@pytest.mark.parametrize("value", [b"", b" ", b"\\"])
def test_what_states_nothing_needs_no_note(tmp_path: Path, value: bytes) -> None:
    assert kinds(read_raw(tmp_path, "PixelSpacing", "DS", value, **MR)) == []


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("RescaleIntercept", b"-1024,0"), ("RescaleIntercept", b"-1024\\"),
        ("RescaleSlope", b"1,00"), ("WindowCenter", b"40,0"), ("WindowWidth", b"400\\"),
    ],
    ids=str,
)  # fmt: skip
def test_a_ct_whose_numbers_are_repaired_stays_in_hounsfield_units(
    tmp_path: Path, keyword: str, value: bytes
) -> None:
    image = read_raw(tmp_path, keyword, "DS", value, **WINDOWED_CT)
    np.testing.assert_array_equal(image.pixels, GREY - 1024.0)
    assert (image.is_hounsfield, image.window) == (True, (40, 400))
    assert kinds(image) == [NoteKind.NUMBER_REPAIRED]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("RescaleIntercept", b"-1,024"), ("RescaleIntercept", b"minus 1024"),
        ("RescaleIntercept", rb"-1024\0"), ("RescaleIntercept", b""), ("RescaleSlope", b"one"),
        ("RescaleSlope", b"0"), ("RescaleSlope", b""), ("RescaleSlope", b"1e38"),
        ("RescaleIntercept", b"-1e38"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("modality", ["CT", "PT"])
def test_without_a_usable_rescale_no_window_of_the_file_is_used(
    tmp_path: Path, keyword: str, value: bytes, modality: str
) -> None:
    tags = {**WINDOWED_CT, "Modality": modality}
    image = read_raw(tmp_path, keyword, "DS", value, **tags)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert not image.is_hounsfield
    assert (image.window, selectable_windows(image)) == (None, ())
    left_out = [NoteKind.NUMBER_LEFT_OUT] if value else []
    assert kinds(image) == [*left_out, NoteKind.NO_RESCALE]


@pytest.mark.parametrize(
    ("tags", "window"),
    [
        pytest.param({"Modality": "CT"}, None, id="CT"),
        pytest.param({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "LOCALIZER"]},
                     (40, 400), id="scout"),
        pytest.param({"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, (40, 400),
                     id="picture of a screen"),
        pytest.param({"Modality": "MR"}, (40, 400), id="MR"),
    ],
)  # fmt: skip
def test_only_slices_of_ct_need_a_rescale(
    tmp_path: Path, tags: dict[str, Any], window: tuple[float, float] | None
) -> None:
    dataset = dicom_object(GREY, WindowCenter=40, WindowWidth=400, **tags)
    dataset.save_as(tmp_path / "a.dcm")
    image = read_image(tmp_path / "a.dcm")
    assert (image.window, image.is_hounsfield) == (window, False)
    assert (NoteKind.NO_RESCALE in kinds(image)) is (window is None)


@pytest.mark.parametrize(
    ("value", "intercept"), [(b"\x00\xfc", None), (b"\xff\xff", None), (b"\x18\x00", 24)], ids=str
)
def test_an_unsigned_number_that_may_be_meant_with_a_sign_is_left_out(
    tmp_path: Path, value: bytes, intercept: int | None
) -> None:
    image = read_raw(tmp_path, "RescaleIntercept", "US", value, **WINDOWED_CT)
    np.testing.assert_array_equal(image.pixels, GREY + (intercept or 0.0))
    assert image.is_hounsfield is (intercept is not None)
    told = [NoteKind.NUMBER_LEFT_OUT, NoteKind.NO_RESCALE] if intercept is None else []
    assert kinds(image) == told


def test_a_slice_of_ct_that_states_no_rescale_says_so(tmp_path: Path) -> None:
    image = read_image(write_dicom(tmp_path / "a.dcm", GREY, Modality="CT"))
    assert kinds(image) == [NoteKind.NO_RESCALE]


@pytest.mark.parametrize(("unit", "expected"), [("HU", True), ("US", False), ("OD", False)])
def test_a_modality_table_says_itself_whether_it_gives_hounsfield_units(
    tmp_path: Path, unit: str, expected: bool
) -> None:
    table = item(LUTDescriptor=[4000, 0, 16], ModalityLUTType=unit)
    table.add_new("LUTData", "OW", np.arange(4000, dtype="<u2").tobytes())
    dataset = dicom_object(GREY, Modality="CT", ModalityLUTSequence=[table])
    dataset.save_as(tmp_path / "a.dcm")
    assert read_image(tmp_path / "a.dcm").is_hounsfield is expected


@pytest.mark.parametrize(
    ("vr", "value", "kept"),
    [("DS", b"1999", True), ("LO", b"1999,0", True), ("DS", b"none", False)],
)
def test_padding_is_read_under_any_representation(
    tmp_path: Path, vr: str, value: bytes, kept: bool
) -> None:
    image = read_raw(tmp_path, "PixelPaddingValue", vr, value, **MR)
    assert image.pixels.max() == (1998 if kept else 1999)
    assert (NoteKind.NUMBER_LEFT_OUT in kinds(image)) is not kept


def test_functional_groups_are_repaired_too(tmp_path: Path) -> None:
    measures = item()
    measures["PixelSpacing"] = raw_element("PixelSpacing", "DS", rb"0,5\0,25")
    shared = item(PixelMeasuresSequence=[measures])
    dataset = dicom_object(GREY, SharedFunctionalGroupsSequence=[shared], **MR)
    dataset.save_as(tmp_path / "a.dcm")
    image = read_image(tmp_path / "a.dcm")
    assert (image.spacing_mm, kinds(image)) == ((0.5, 0.25), [NoteKind.NUMBER_REPAIRED])


def test_slices_with_a_decimal_comma_become_a_volume(tmp_path: Path) -> None:
    for k, path in enumerate(write_series(tmp_path, 4)):
        place = str(4.5 * k).replace(".", ",").encode() + rb"\0\0"
        dataset = dicom_object(
            GREY + k, SeriesInstanceUID="1.2.9", InstanceNumber=9 - k, PixelSpacing=[1, 1], **MR
        )
        dataset["ImagePositionPatient"] = raw_element("ImagePositionPatient", "DS", place)
        dataset.save_as(path)
    (entry,) = list_series(tmp_path)
    assert entry.slice_spacing_mm == pytest.approx(4.5)
    assert run_to_end(load_volume(entry)).voxels[:, 0, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("keyword", "number"), [("Rows", 40), ("BitsStored", 16), ("PixelRepresentation", 0)]
)
@pytest.mark.parametrize("vr", ["IS", "DS", "LO", "OW", "UL", "FD", "ZZ"])
def test_whole_numbers_of_the_layout_are_read_under_any_representation(
    tmp_path: Path, vr: str, keyword: str, number: int
) -> None:
    packed = {"OW": "<H", "ZZ": "<H", "UL": "<I", "FD": "<d"}
    value = struct.pack(packed[vr], number) if vr in packed else str(number).encode()
    image = read_raw(tmp_path, keyword, vr, value)
    np.testing.assert_array_equal(image.pixels, GREY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()), (3, (3,)), ("1,5", (1.5,)), ("-,5", (-0.5,)), ("1,5e-1", (0.15,)),
        ("1,024", ()), ("0,024", (0.024,)), ("1024,000", (1024,)), ("1,2,3", ()),
        ("1.5,2.5,3", ()), (b"1.5\\2", (1.5, 2)), (["1", ""], (1,)), (["", "1"], ()),
        ([float("inf")], ()), ("1e400", ()), (b"\xff\xff", ()),
    ],
    ids=repr,
)  # fmt: skip
def test_numbers(value: Any, expected: tuple[float, ...]) -> None:
    assert numbers(value) == expected
