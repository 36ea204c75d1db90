"""Sound DICOM files that pydicom does not read: bits unsaid, items, other orders of bytes."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian

from spinealign.domain.errors import ReadProblem
from spinealign.imaging.read import read_image
from tests.image_files import GREY, dicom_object, problem_of, write_dicom

META = (
    bytes(128)
    + b"DICM\2\0\0\0UL\4\0\x1c\0\0\0"
    + b"\2\0\x10\0UI\x14\0"
    + str(ExplicitVRBigEndian).encode().ljust(20, b"\0")
)
PIXELS_AT = {"<": b"\xe0\x7f\x10\0", ">": b"\x7f\xe0\0\x10"}
UNDEFINED = 0xFFFFFFFF


def big_endian(**tags: object) -> bytes:
    """Return a data set in explicit big-endian encoding."""
    dataset = dicom_object(GREY, **tags)
    dataset.PixelData = GREY.byteswap().tobytes()
    dataset["PixelData"].VR = "OW"
    return encoded(dataset, is_little_endian=False)


def encoded(dataset: Dataset, *, is_little_endian: bool) -> bytes:
    stream = io.BytesIO()
    file = DicomFileLike(stream)
    file.is_little_endian, file.is_implicit_VR = is_little_endian, False
    write_dataset(file, dataset)
    return stream.getvalue()


# --- bits --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lacking",
    [("BitsStored",), ("HighBit",), ("BitsStored", "HighBit"), ("BitsAllocated",)],
    ids="+".join,
)
def test_bits_are_concluded_from_one_another(tmp_path: Path, lacking: tuple[str, ...]) -> None:
    path = write_dicom(tmp_path / "a.dcm", GREY)
    whole = path.read_bytes()
    for keyword in lacking:
        number = {"BitsAllocated": 0x100, "BitsStored": 0x101, "HighBit": 0x102}[keyword]
        place = whole.index(struct.pack("<HH2s", 0x28, number, b"US"))
        whole = whole[:place] + whole[place + 10 :]
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_image(path).pixels, GREY)
    assert read_image(path).bits == 16


def test_bits_stored_end_at_the_high_bit(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", GREY, HighBit=11, BitsStored=None)
    assert read_image(path).bits == 12


@pytest.mark.parametrize("colours", ["monochrome1", "Monochrome1"])
def test_kinds_of_colours_are_read_in_any_letters(tmp_path: Path, colours: str) -> None:
    path = write_dicom(tmp_path / "a.dcm", GREY, PhotometricInterpretation="MONOCHROME1")
    expected = read_image(path).pixels
    path.write_bytes(path.read_bytes().replace(b"MONOCHROME1", colours.encode()))
    np.testing.assert_array_equal(read_image(path).pixels, expected)


# --- pixel data in items -----------------------------------------------------------


def wrapped(sign: str, *parts: bytes) -> bytes:
    """Return a file whose pixel data of undefined length are these items."""
    dataset = big_endian() if sign == ">" else encoded(dicom_object(GREY), is_little_endian=True)
    head = dataset[: dataset.rindex(PIXELS_AT[sign])]
    items = b"".join(struct.pack(f"{sign}HHI", 0xFFFE, 0xE000, len(part)) + part for part in parts)
    element = PIXELS_AT[sign] + b"OW\0\0" + struct.pack(f"{sign}I", UNDEFINED)
    return head + element + items + struct.pack(f"{sign}HHI", 0xFFFE, 0xE0DD, 0)


@pytest.mark.parametrize("sign", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("table", [(), (b"",), (bytes(4),)], ids=["none", "empty", "of one frame"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_plain_pixels_in_items(
    tmp_path: Path, sign: str, table: tuple[bytes, ...], pieces: int
) -> None:
    stored = GREY.astype(f"{sign}u2").tobytes()
    half = len(stored) // pieces
    parts = [stored[start : start + half] for start in range(0, len(stored), half)]
    path = tmp_path / "a.dcm"
    path.write_bytes(wrapped(sign, *table, *parts))
    np.testing.assert_array_equal(read_image(path).pixels, GREY)


@pytest.mark.parametrize("change", [-2, 4])
def test_items_of_another_length_than_the_picture_are_damage(tmp_path: Path, change: int) -> None:
    stored = (GREY.tobytes() + bytes(4))[: GREY.nbytes + change]
    path = tmp_path / "a.dcm"
    path.write_bytes(wrapped("<", stored))
    assert problem_of(path) is ReadProblem.TRUNCATED


# --- sequences of another order of bytes -------------------------------------------


def foreign_sequence() -> bytes:
    """Return a big-endian element of unknown type and undefined length, as PS3.5 wants it."""
    item = struct.pack("<HHI", 8, 0x100, 2) + b"AB"
    inner = struct.pack("<HHI", 0x40, 0xA043, UNDEFINED) + nested(item) + end(0xE0DD)
    creator = b"\0\x27\0\x10LO\0\4TEST"
    return creator + b"\0\x27\x10\x10UN\0\0\xff\xff\xff\xff" + nested(item + inner) + end(0xE0DD)


def nested(content: bytes) -> bytes:
    return (
        struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
        + content
        + end(0xE00D)
        + struct.pack("<HHI", 0xFFFE, 0xE000, len(content))
        + content
    )


def end(number: int) -> bytes:
    return struct.pack("<HHI", 0xFFFE, number, 0)


@pytest.mark.parametrize("meta", [META, b""], ids=["meta information", "bare"])
def test_unknown_elements_of_undefined_length_in_big_endian_files(
    tmp_path: Path, meta: bytes
) -> None:
    whole = big_endian(Modality="MR")
    place = whole.index(b"\0\x28\0\x02US")
    path = tmp_path / "a.dcm"
    path.write_bytes(meta + whole[:place] + foreign_sequence() + whole[place:])
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert image.modality == "MR"
    path.write_bytes(meta + whole[:place] + foreign_sequence()[:-30])
    assert problem_of(path) in (ReadProblem.TRUNCATED, ReadProblem.NO_PIXELS)


def test_sequences_of_undefined_length_in_big_endian_files(tmp_path: Path) -> None:
    item = Dataset()
    item.CodeValue = "A"
    item.is_undefined_length_sequence_item = True
    dataset = dicom_object(GREY, ProcedureCodeSequence=[item])
    dataset["ProcedureCodeSequence"].is_undefined_length = True
    dataset.PixelData = GREY.byteswap().tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dcmwrite(tmp_path / "a.dcm", dataset, enforce_file_format=True)
    assert dcmread(tmp_path / "a.dcm").ProcedureCodeSequence[0].CodeValue == "A"
    np.testing.assert_array_equal(read_image(tmp_path / "a.dcm").pixels, GREY)
