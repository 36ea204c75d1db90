"""DICOM's grey-scale chain, up to what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.sequence import Sequence

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.imaging.read import read_image
from spinealign.imaging.windows import apply_window
from tests.image_files import (
    CT,
    GREY,
    dicom_object,
    item,
    notes_of,
    problem_of,
    read_scan,
    write_dicom,
)

# --- grey values -------------------------------------------------------------------


def test_rescale_gives_hounsfield_units_for_ct(tmp_path: Path) -> None:
    image = read_scan(tmp_path, **CT)
    np.testing.assert_array_equal(image.pixels, GREY.astype(float) - 1024)
    assert image.is_hounsfield
    assert image.modality == "CT"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({"RescaleSlope": 1, "RescaleIntercept": 0}, True, id="identity rescale"),
        pytest.param({"RescaleType": "HU"}, True, id="type HU"),
        pytest.param({"RescaleType": "US"}, False, id="type unspecified"),
        pytest.param({"Modality": "MR"}, False, id="MR"),
        pytest.param({"RescaleIntercept": None}, False, id="no intercept"),
        pytest.param({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, False, id="localizer"),
    ],
)
def test_hounsfield_needs_a_ct_slice_with_a_rescale(
    tmp_path: Path, tags: dict[str, Any], expected: bool
) -> None:
    tags = {**CT, **tags}
    tags = {name: value for name, value in tags.items() if value is not None}
    assert read_scan(tmp_path, **tags).is_hounsfield is expected


def test_signed_values_and_negative_slopes(tmp_path: Path) -> None:
    signed = GREY.astype(np.int16) - 500
    image = read_scan(tmp_path, signed, RescaleSlope=-2, RescaleIntercept=10)
    np.testing.assert_array_equal(image.pixels, -2.0 * signed + 10)


def test_modality_lut_is_applied(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [2000, 0, 16]
    table.LUTData = (np.arange(2000, dtype=np.uint16)[::-1] * 2).tobytes()
    table.ModalityLUTType = "US"
    table["LUTDescriptor"].VR = "US"
    table["LUTData"].VR = "OW"
    image = read_scan(tmp_path, Modality="CR", ModalityLUTSequence=Sequence([table]))
    np.testing.assert_array_equal(image.pixels, (1999 - GREY.astype(float)) * 2)


def test_rescaled_8_bit_values_are_not_taken_for_display_values(tmp_path: Path) -> None:
    pixels = (GREY % 256).astype(np.uint8)
    assert read_scan(tmp_path, pixels).bits == 8
    assert read_scan(tmp_path, pixels, RescaleSlope=4, RescaleIntercept=0).bits > 8


@pytest.mark.parametrize(
    "tags",
    [
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PresentationLUTShape": "INVERSE"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    ],
    ids=["monochrome1", "inverse", "both are one"],
)
def test_inverted_pictures_are_turned_bright_with_their_window(
    tmp_path: Path, tags: dict[str, Any]
) -> None:
    image = read_scan(
        tmp_path, BitsStored=12, HighBit=11, WindowCenter=1000, WindowWidth=400, **tags
    )
    np.testing.assert_array_equal(image.pixels, 4095 - GREY.astype(float))
    # The standard's linear window reaches from 800 to 1199, so its mirror from 2896 to 3295.
    assert image.window == (3096, 400)


def test_inversion_comes_after_the_rescale(tmp_path: Path) -> None:
    image = read_scan(
        tmp_path, PhotometricInterpretation="MONOCHROME1", RescaleSlope=2, RescaleIntercept=-100
    )
    rescaled = GREY * 2.0 - 100
    np.testing.assert_array_equal(image.pixels, rescaled.max() + rescaled.min() - rescaled)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_becomes_the_darkest_of_the_rest(tmp_path: Path, photometric: str) -> None:
    pixels = GREY.astype(np.int16) + 100
    pixels[:10] = -2000
    image = read_scan(
        tmp_path, pixels, PixelPaddingValue=-2000, PhotometricInterpretation=photometric
    )
    assert set(np.unique(image.pixels[:10])) == {image.pixels[10:].min()}
    assert np.ptp(image.pixels) == np.ptp(pixels[10:])


def test_a_padding_range_and_a_value_of_the_wrong_sign(tmp_path: Path) -> None:
    pixels = GREY + 100
    pixels[0], pixels[1] = 65000, 65535
    dataset = dicom_object(pixels, PixelPaddingValue=65000, PixelPaddingRangeLimit=65535)
    dataset["PixelPaddingValue"].VR = dataset["PixelPaddingRangeLimit"].VR = "SS"
    dataset["PixelPaddingValue"].value, dataset["PixelPaddingRangeLimit"].value = -536, -1
    dcmwrite(tmp_path / "pad.dcm", dataset, enforce_file_format=True)
    assert read_image(tmp_path / "pad.dcm").pixels.max() == pixels[2:].max()


@pytest.mark.parametrize(
    ("centre", "width", "expected"),
    [
        (40, 400, (40, 400)),
        ([50, 600], [350, 2000], (50, 350)),
        (40, 0, None),
        (None, None, None),
    ],
    ids=["one", "first of two", "no width", "none"],
)
def test_window(tmp_path: Path, centre: Any, width: Any, expected: Any) -> None:
    tags = {} if centre is None else {"WindowCenter": centre, "WindowWidth": width}
    assert read_scan(tmp_path, **tags).window == expected


def test_colour_becomes_grey_with_a_note(tmp_path: Path) -> None:
    rgb = np.zeros((40, 50, 3), np.uint8)
    rgb[:, :25] = (200, 20, 20)
    image = read_scan(tmp_path, rgb, Modality="US")
    assert image.pixels[0, 0] == pytest.approx(0.299 * 200 + 0.701 * 20, abs=0.01)
    assert notes_of(image) == ("Colour image, converted to greyscale.",)
    grey = np.repeat((GREY % 256).astype(np.uint8)[..., None], 3, axis=2)
    assert notes_of(read_scan(tmp_path, grey)) == ("Greyscale image, stored in colour.",)


# --- tables ------------------------------------------------------------------------


def table_item(count: int, first: int, bits: int, data: bytes, first_vr: str = "US") -> Dataset:
    made = item(ModalityLUTType="US", LUTExplanation="curve")
    made.add_new("LUTDescriptor", first_vr, [count, first, bits])
    made.add_new("LUTData", "OW", data)
    return made


CURVE = (np.arange(2000) ** 2 // 62).astype("<u2")
SIGNED = GREY.astype(np.int16) - 1000


@pytest.mark.parametrize(
    ("pixels", "table", "expected"),
    [
        pytest.param(GREY, table_item(2000, 0, 16, CURVE.tobytes()), CURVE[GREY], id="plain"),
        pytest.param(
            SIGNED, table_item(2000, -1000, 16, CURVE.tobytes(), "SS"), CURVE[GREY],
            id="negative first value",
        ),
        pytest.param(
            SIGNED, table_item(2000, 65536 - 1000, 16, CURVE.tobytes()), CURVE[GREY],
            id="negative first value, stored as unsigned",
        ),
        pytest.param(
            GREY, table_item(0, 0, 16, np.arange(65536).astype("<u2").tobytes()), GREY,
            id="0 stands for 65536 entries",
        ),
        pytest.param(
            GREY, table_item(2000, 0, 8, (np.arange(2000) // 8).astype(np.uint8).tobytes()),
            GREY // 8, id="bytes",
        ),
        pytest.param(
            GREY, table_item(500, 1000, 16, CURVE[:1000].tobytes()),
            CURVE[np.clip(GREY.astype(int) - 1000, 0, 499)], id="values beyond its ends",
        ),
    ],
)  # fmt: skip
def test_a_table_is_used_alike_as_modality_and_as_voi_lut(
    tmp_path: Path, pixels: Any, table: Dataset, expected: Any
) -> None:
    image = read_scan(tmp_path, pixels, Modality="CR", ModalityLUTSequence=[table])
    np.testing.assert_array_equal(image.pixels, expected)
    image = read_scan(tmp_path, pixels, Modality="CR", VOILUTSequence=[table])
    np.testing.assert_array_equal(image.pixels, pixels)
    bits = table.LUTDescriptor[2]
    shown = np.rint(expected / (2.0**bits - 1) * 255)
    assert np.abs(apply_window(image.pixels, image.windows[0]) - shown).max() <= 1


def test_a_table_shorter_than_it_claims_is_not_used(tmp_path: Path) -> None:
    table = table_item(4000, 0, 16, CURVE.tobytes())
    assert read_scan(tmp_path, Modality="CR", VOILUTSequence=[table]).windows == ()
    path = write_dicom(tmp_path / "modality.dcm", GREY, ModalityLUTSequence=[table])
    assert problem_of(path) is ReadProblem.TRUNCATED


# --- how values are stored ---------------------------------------------------------


def test_what_lies_in_unused_bits_above_is_left_out(tmp_path: Path) -> None:
    image = read_scan(tmp_path, (GREY | 0xA000).astype(np.uint16), BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(image.pixels, GREY)


@pytest.mark.parametrize("representation", [0, 1], ids=["unsigned", "signed"])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("high", [15, 13])
def test_values_at_the_upper_end_of_a_word_are_shifted_down(
    tmp_path: Path, high: int, frames: int, representation: int
) -> None:
    values = GREY.astype(np.int64) - 1000 * representation
    stored = ((values & 0xFFF) << (high - 11)).astype(np.uint16) | 1
    whole = stored if frames == 1 else np.stack([stored] * frames)
    image = read_scan(
        tmp_path, whole, BitsStored=12, HighBit=high, PixelRepresentation=representation
    )
    np.testing.assert_array_equal(image.pixels, values)


def test_signed_bytes_are_not_taken_for_display_values(tmp_path: Path) -> None:
    pixels = (GREY % 256 - 128).astype(np.int8)
    image = read_scan(tmp_path, pixels)
    assert image.bits > 8
    np.testing.assert_array_equal(image.pixels, pixels)


@pytest.mark.parametrize(
    "pixels", [GREY.astype(np.uint32) * 1000, GREY.astype(np.int32) * -1000], ids=["u4", "i4"]
)
def test_32_bit_values(tmp_path: Path, pixels: Any) -> None:
    np.testing.assert_array_equal(read_scan(tmp_path, pixels).pixels, pixels)


@pytest.mark.parametrize(
    ("keyword", "dtype"), [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)]
)
def test_floating_point_values(tmp_path: Path, keyword: str, dtype: Any) -> None:
    values = (GREY / 7).astype(dtype)
    image = read_scan(
        tmp_path, BitsAllocated=values.itemsize * 8, PixelData=None, BitsStored=None, HighBit=None,
        PixelRepresentation=None, **{keyword: values.tobytes()},
    )  # fmt: skip
    np.testing.assert_array_equal(image.pixels, values.astype(np.float32))


def test_small_values_keep_their_differences_when_inverted(tmp_path: Path) -> None:
    stored = np.tile(np.arange(200, dtype=np.uint16), (100, 1))
    tags = {"RescaleSlope": 1e-4, "RescaleIntercept": 0, "PhotometricInterpretation": "MONOCHROME1"}
    image = read_scan(tmp_path, stored, **tags)
    np.testing.assert_allclose(image.pixels, (199 - stored) * 1e-4, atol=1e-8)
    assert len(np.unique(image.pixels)) == 200


def test_a_rescale_in_which_steps_get_lost_is_not_used_and_said(tmp_path: Path) -> None:
    stored = np.tile(np.arange(200, dtype=np.uint16), (100, 1))
    image = read_scan(tmp_path, stored, RescaleSlope=1e-4, RescaleIntercept=1e6)
    np.testing.assert_array_equal(image.pixels, stored)
    assert any("rescale" in note for note in notes_of(image))
    assert read_scan(tmp_path, stored, RescaleSlope=1, RescaleIntercept=-1e6).notes == ()


def test_a_slope_of_zero_is_not_believed(tmp_path: Path) -> None:
    image = read_scan(tmp_path, Modality="CT", RescaleSlope=0, RescaleIntercept=10)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert not image.is_hounsfield


@pytest.mark.parametrize(
    ("tags", "detail"),
    [
        ({"PhotometricInterpretation": "HSV", "SamplesPerPixel": 3}, "HSV"),
        ({"PhotometricInterpretation": "CMYK", "SamplesPerPixel": 4}, "CMYK"),
        ({"PhotometricInterpretation": "JANE DOE"}, ""),
        ({"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11}, "12 bits"),
    ],
    ids=["HSV", "CMYK", "nonsense", "12 bits a pixel"],
)
def test_kinds_of_pixels_that_are_refused(
    tmp_path: Path, tags: dict[str, Any], detail: str
) -> None:
    with pytest.raises(ImageReadError) as caught:
        read_scan(tmp_path, **tags)
    assert (caught.value.problem, caught.value.detail) == (
        ReadProblem.UNSUPPORTED_PIXELS, detail,
    )  # fmt: skip


def test_an_overlay_is_said_not_to_be_shown(tmp_path: Path) -> None:
    dataset = dicom_object(GREY)
    drawn = np.packbits((GREY % 7 == 0).ravel(), bitorder="little").tobytes()
    for element, vr, value in (
        (0x10, "US", 40), (0x11, "US", 50), (0x40, "CS", "G"), (0x50, "SS", [1, 1]),
        (0x100, "US", 1), (0x102, "US", 0), (0x3000, "OW", drawn),
    ):  # fmt: skip
        dataset.add_new((0x6000, element), vr, value)
    dcmwrite(tmp_path / "a.dcm", dataset, enforce_file_format=True)
    image = read_image(tmp_path / "a.dcm")
    np.testing.assert_array_equal(image.pixels, GREY)
    assert notes_of(image) == ("Overlays stored with the image are not shown.",)


# --- colour ------------------------------------------------------------------------

RGB = np.stack([GREY % 256, GREY * 3 % 256, GREY // 8 % 256], axis=-1).astype(np.uint8)
NEUTRAL = np.full_like(GREY, 128)
YBR = np.stack([GREY % 256, NEUTRAL, NEUTRAL], axis=-1).astype(np.uint8)


def test_colours_plane_by_plane(tmp_path: Path) -> None:
    planes = np.moveaxis(RGB, -1, 0).tobytes()
    image = read_scan(tmp_path, RGB, PlanarConfiguration=1, PixelData=planes)
    np.testing.assert_array_equal(image.pixels, read_scan(tmp_path, RGB).pixels)


def test_luminance_and_chroma(tmp_path: Path) -> None:
    image = read_scan(tmp_path, YBR, PhotometricInterpretation="YBR_FULL")
    assert np.abs(image.pixels - GREY % 256).max() < 1
    halved = np.stack([YBR[:, ::2, 0], YBR[:, 1::2, 0], *[NEUTRAL[:, ::2]] * 2], axis=-1)
    image = read_scan(
        tmp_path, YBR, PhotometricInterpretation="YBR_FULL_422",
        PixelData=halved.astype(np.uint8).tobytes(),
    )  # fmt: skip
    assert np.abs(image.pixels - GREY % 256).max() < 1


def test_grey_of_deep_colour_is_right_to_the_last_bit_on_every_processor(tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 1 << 32, (40, 70, 3), np.uint32)
    thousandfold = (stored.astype(np.int64) * (299, 587, 114)).sum(axis=2)
    image = read_scan(tmp_path, stored, BitsAllocated=32, BitsStored=32, HighBit=31)
    np.testing.assert_array_equal(image.pixels, (thousandfold / 1000).astype(np.float32))


def test_a_palette(tmp_path: Path) -> None:
    tables = {}
    for colour in ("Red", "Green", "Blue"):
        tables[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        falling = (np.arange(256)[::-1] * 257).astype("<u2").tobytes()
        tables[f"{colour}PaletteColorLookupTableData"] = falling
    image = read_scan(
        tmp_path, (GREY % 256).astype(np.uint8), PhotometricInterpretation="PALETTE COLOR", **tables
    )
    np.testing.assert_allclose(image.pixels, (255 - GREY % 256) * 257.0, atol=0.01)


# --- what old and careless writers leave out ------------------------------------------


def write_without(path: Path, *keywords: str) -> Path:
    dataset = dicom_object(GREY)
    for keyword in keywords:
        delattr(dataset, keyword)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(
    "keywords",
    [
        ["SamplesPerPixel"], ["PhotometricInterpretation"], ["PixelRepresentation"],
        ["SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_grey_values_are_read_where_their_layout_is_left_unsaid(
    tmp_path: Path, keywords: list[str]
) -> None:
    image = read_image(write_without(tmp_path / "a.dcm", *keywords))
    np.testing.assert_array_equal(image.pixels, GREY)
    said = {
        "PhotometricInterpretation": (
            "The file does not state whether high values are bright; they were taken to be."
        ),
        "PixelRepresentation": (
            "The file does not state whether its values are signed; they were taken to be unsigned."
        ),
    }
    assert notes_of(image) == tuple(said[keyword] for keyword in keywords if keyword in said)


@pytest.mark.parametrize("bits", [0, 17, 64])
def test_bits_that_a_value_cannot_have_are_said(tmp_path: Path, bits: int) -> None:
    image = read_scan(tmp_path, BitsStored=bits)
    np.testing.assert_array_equal(image.pixels, GREY)
    said = "The file does not state how many bits a value has, or not rightly; 16 were assumed."
    assert notes_of(image) == (said,)


def test_colours_without_a_number_of_samples_are_not_guessed(tmp_path: Path) -> None:
    dataset = dicom_object(np.dstack([GREY] * 3))
    del dataset.SamplesPerPixel
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageReadError):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    "table", [item(), item(LUTDescriptor=[256, 0, 16])], ids=["empty", "no data"]
)
def test_a_modality_table_without_content_does_not_count(tmp_path: Path, table: Dataset) -> None:
    image = read_scan(tmp_path, **CT, ModalityLUTSequence=Sequence([table]))
    np.testing.assert_array_equal(image.pixels, GREY.astype(float) - 1024)
    said = "A modality LUT stored with the image is empty or damaged and is not used."
    assert notes_of(image) == (said,)


@pytest.mark.parametrize(
    "table",
    [
        item(),
        item(LUTDescriptor=[256, 0, 16]),
        item(LUTDescriptor=[256, 0, 16], LUTData=b""),
        item(LUTDescriptor=[256, 0, 16], LUTData=None),
    ],
    ids=["empty", "no data", "data of no length", "nothing"],
)
def test_a_voi_table_without_content_is_left_out(tmp_path: Path, table: Dataset) -> None:
    image = read_scan(tmp_path, Modality="MR", VOILUTSequence=Sequence([table]))
    assert image.windows == ()
    said = "A VOI LUT stored with the image is empty or damaged and is not used."
    assert notes_of(image) == (said,)


def test_without_its_modality_table_no_window_of_the_file_is_used(tmp_path: Path) -> None:
    tags = {"Modality": "MR", "WindowCenter": 500, "WindowWidth": 400}
    table = item(LUTDescriptor=[256, 0, 16])
    image = read_scan(tmp_path, ModalityLUTSequence=Sequence([table]), **tags)
    assert image.windows == ()
    empty = read_scan(tmp_path, ModalityLUTSequence=Sequence([item()]), **tags)
    assert empty.window == (500, 400)
