"""DICOM: grey-scale chain, spacing, view, frames, and pydicom's own collection of oddities."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import SpacingSource, SpineImage, View
from spinealign.imaging.read import read_image
from tests.image_files import AXIAL, CORONAL, SAGITTAL, dicom_object, notes_of, ramp, write_dicom

GREY = ramp(40, 50)
CT = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}


def read(tmp_path: Path, pixels: Any = GREY, **tags: Any) -> SpineImage:
    return read_image(write_dicom(tmp_path / "scan.dcm", pixels, **tags))


def problem_of(path: Path) -> ReadProblem:
    with pytest.raises(ImageReadError) as caught:
        read_image(path)
    return caught.value.problem


# --- files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "view"),
    [
        ("CT_small.dcm", (128, 128), View.CT),
        ("693_J2KI.dcm", (512, 512), View.CT),
        ("J2K_pixelrep_mismatch.dcm", (512, 512), View.CT),
        ("MR_small.dcm", (64, 64), View.OTHER),
        ("MR_small_RLE.dcm", (64, 64), View.OTHER),
        ("MR_small_bigendian.dcm", (64, 64), View.OTHER),
        ("MR_small_implicit.dcm", (64, 64), View.OTHER),
        ("MR_small_jp2klossless.dcm", (64, 64), View.OTHER),
        ("MR_small_jpeg_ls_lossless.dcm", (64, 64), View.OTHER),
        ("MR_small_padded.dcm", (64, 64), View.OTHER),
        ("zipMR.gz", (64, 64), View.OTHER),
        ("JPEG2000.dcm", (1024, 256), View.OTHER),
        ("JPGExtended.dcm", (1024, 256), View.OTHER),
        ("image_dfl.dcm", (512, 512), View.OTHER),
        ("examples_overlay.dcm", (300, 484), View.OTHER),
        ("examples_palette.dcm", (350, 800), View.OTHER),
        ("examples_rgb_color.dcm", (240, 320), View.OTHER),
        ("examples_ybr_color.dcm", (240, 320), View.OTHER),
        ("liver_1frame.dcm", (512, 512), View.OTHER),
        ("SC_rgb_jpeg_dcmtk.dcm", (100, 100), View.OTHER),
        ("SC_rgb_rle_16bit_2frame.dcm", (100, 100), View.OTHER),
        ("SC_ybr_full_422_uncompressed.dcm", (100, 100), View.OTHER),
        ("GDCMJ2K_TextGBR.dcm", (400, 400), None),
    ],
)
def test_opens_pydicoms_files(name: str, shape: tuple[int, int], view: View | None) -> None:
    image = read_image(bundled(name))
    assert (image.shape, image.view_hint, image.file_format) == (shape, view, "DICOM")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("MR_truncated.dcm", ReadProblem.TRUNCATED),
        ("JPEG-lossy.dcm", ReadProblem.TRUNCATED),
        ("rtplan_truncated.dcm", ReadProblem.TRUNCATED),
        ("rtplan.dcm", ReadProblem.NO_PIXELS),
        ("rtstruct.dcm", ReadProblem.NO_PIXELS),
        ("test-SR.dcm", ReadProblem.NO_PIXELS),
        ("reportsi.dcm", ReadProblem.NO_PIXELS),
        ("waveform_ecg.dcm", ReadProblem.NO_PIXELS),
        ("DICOMDIR", ReadProblem.TOO_SMALL),
        ("rtdose.dcm", ReadProblem.TOO_SMALL),
        ("SC_rgb_small_odd.dcm", ReadProblem.TOO_SMALL),
        ("README.txt", ReadProblem.NOT_AN_IMAGE),
    ],
)
def test_refuses_pydicoms_files(name: str, problem: ReadProblem) -> None:
    assert problem_of(bundled(name)) is problem


def bundled(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert path is not None
    return Path(str(path))


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_bigendian.dcm"])
def test_every_encoding_gives_the_same_pixels(name: str) -> None:
    expected = read_image(bundled("MR_small.dcm")).pixels
    np.testing.assert_array_equal(read_image(bundled(name)).pixels, expected)


@pytest.mark.parametrize(
    ("implicit", "little"),
    [(True, True), (False, True), (False, False)],
    ids=["implicit", "explicit", "big endian"],
)
def test_opens_a_bare_data_set(tmp_path: Path, implicit: bool, little: bool) -> None:
    dataset = dicom_object(GREY if little else GREY.byteswap(), Modality="MR")
    del dataset.file_meta
    path = tmp_path / "1.2.840.1"
    dcmwrite(path, dataset, implicit_vr=implicit, little_endian=little)
    image = read_image(path)
    assert image.modality == "MR"
    np.testing.assert_array_equal(image.pixels, GREY)


def test_refuses_a_compression_it_has_no_decoder_for(tmp_path: Path) -> None:
    dataset = dcmread(write_dicom(tmp_path / "video.dcm", GREY))
    dataset.PixelData = encapsulate([GREY.tobytes()])
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    dataset.save_as(tmp_path / "video.dcm")
    with pytest.raises(ImageReadError, match="MPEG-4") as caught:
        read_image(tmp_path / "video.dcm")
    assert caught.value.problem is ReadProblem.UNSUPPORTED_COMPRESSION


def test_refuses_an_object_without_pixels(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "scan.dcm", GREY, PixelData=None)
    assert problem_of(path) is ReadProblem.NO_PIXELS


def test_an_object_cut_before_its_pixels_is_damaged_not_empty(tmp_path: Path) -> None:
    whole = write_dicom(tmp_path / "scan.dcm", GREY, ImageComments="x" * 400).read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: whole.index(b"x" * 400) + 50])
    assert problem_of(tmp_path / "cut.dcm") is ReadProblem.TRUNCATED


def test_neither_warnings_nor_logs_leave_the_reader(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_dicom(tmp_path / "scan.dcm", GREY, PatientName="Doe^Jane")
    content = path.read_bytes().replace(b"Doe^Jane", b"D\xff^Jane\\")
    path.write_bytes(content)
    with caplog.at_level(logging.DEBUG):
        read_image(path)
    assert caplog.records == []
    assert logging.getLogger("pydicom").level < logging.CRITICAL


# --- grey values -------------------------------------------------------------------


def test_rescale_gives_hounsfield_units_for_ct(tmp_path: Path) -> None:
    image = read(tmp_path, **CT)
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
    assert read(tmp_path, **tags).is_hounsfield is expected


def test_signed_values_and_negative_slopes(tmp_path: Path) -> None:
    signed = GREY.astype(np.int16) - 500
    image = read(tmp_path, signed, RescaleSlope=-2, RescaleIntercept=10)
    np.testing.assert_array_equal(image.pixels, -2.0 * signed + 10)


def test_modality_lut_is_applied(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [2000, 0, 16]
    table.LUTData = (np.arange(2000, dtype=np.uint16)[::-1] * 2).tobytes()
    table.ModalityLUTType = "US"
    table["LUTDescriptor"].VR = "US"
    table["LUTData"].VR = "OW"
    image = read(tmp_path, Modality="CR", ModalityLUTSequence=Sequence([table]))
    np.testing.assert_array_equal(image.pixels, (1999 - GREY.astype(float)) * 2)


def test_rescaled_8_bit_values_are_not_taken_for_display_values(tmp_path: Path) -> None:
    pixels = (GREY % 256).astype(np.uint8)
    assert read(tmp_path, pixels).bits == 8
    assert read(tmp_path, pixels, RescaleSlope=4, RescaleIntercept=0).bits > 8


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
    image = read(tmp_path, BitsStored=12, HighBit=11, WindowCenter=1000, WindowWidth=400, **tags)
    np.testing.assert_array_equal(image.pixels, 4095 - GREY.astype(float))
    # The standard's linear window reaches from 800 to 1199, so its mirror from 2896 to 3295.
    assert image.window == (3096, 400)


def test_inversion_comes_after_the_rescale(tmp_path: Path) -> None:
    image = read(
        tmp_path, PhotometricInterpretation="MONOCHROME1", RescaleSlope=2, RescaleIntercept=-100
    )
    rescaled = GREY * 2.0 - 100
    np.testing.assert_array_equal(image.pixels, rescaled.max() + rescaled.min() - rescaled)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_becomes_the_darkest_of_the_rest(tmp_path: Path, photometric: str) -> None:
    pixels = GREY.astype(np.int16) + 100
    pixels[:10] = -2000
    image = read(tmp_path, pixels, PixelPaddingValue=-2000, PhotometricInterpretation=photometric)
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
    assert read(tmp_path, **tags).window == expected


def test_colour_becomes_grey_with_a_note(tmp_path: Path) -> None:
    rgb = np.zeros((40, 50, 3), np.uint8)
    rgb[:, :25] = (200, 20, 20)
    image = read(tmp_path, rgb, Modality="US")
    assert image.pixels[0, 0] == pytest.approx(0.299 * 200 + 0.701 * 20, abs=0.01)
    assert notes_of(image) == ("Colour picture, turned to grey.",)
    grey = np.repeat((GREY % 256).astype(np.uint8)[..., None], 3, axis=2)
    assert notes_of(read(tmp_path, grey)) == ("Grey picture, stored in colour.",)


def test_of_several_frames_the_middle_one_is_taken(tmp_path: Path) -> None:
    frames = np.stack([GREY + 3000 * k for k in range(5)])
    image = read(tmp_path, frames)
    np.testing.assert_array_equal(image.pixels, frames[2])
    assert notes_of(image) == ("Frame 3 of 5.",)


def test_enhanced_objects_keep_geometry_in_functional_groups(tmp_path: Path) -> None:
    shared, frame = Dataset(), Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=SAGITTAL)]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=[0.7, 0.9])]
    frame.PixelValueTransformationSequence = [_item(RescaleSlope=3, RescaleIntercept=1)]
    frame.FrameVOILUTSequence = [_item(WindowCenter=70, WindowWidth=80)]
    image = read(
        tmp_path, np.stack([GREY, GREY + 1]), Modality="MR",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[Dataset(), frame],
    )  # fmt: skip
    np.testing.assert_array_equal(image.pixels, (GREY + 1) * 3.0 + 1)
    assert image.spacing_mm == (0.7, 0.9)
    assert image.window == (70, 80)
    assert image.view_hint is View.MR


def _item(**tags: Any) -> Dataset:
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item


# --- spacing -----------------------------------------------------------------------

PIXEL = {"PixelSpacing": [0.5, 0.4]}
DETECTOR = {"ImagerPixelSpacing": [0.5, 0.4]}
OTHER_DETECTOR = {"ImagerPixelSpacing": [0.6, 0.48]}


@pytest.mark.parametrize(
    ("tags", "spacing", "source"),
    [
        pytest.param({}, None, SpacingSource.UNKNOWN, id="nothing"),
        pytest.param({"Modality": "MR", **PIXEL}, (0.5, 0.4), SpacingSource.PATIENT_PLANE, id="MR"),
        pytest.param({"Modality": "CT", **PIXEL}, (0.5, 0.4), SpacingSource.PATIENT_PLANE, id="CT"),
        pytest.param(
            {"Modality": "DX", **DETECTOR}, (0.5, 0.4), SpacingSource.DETECTOR_PLANE,
            id="imager only",
        ),
        pytest.param(
            {"Modality": "CR", **PIXEL, **DETECTOR}, (0.5, 0.4), SpacingSource.DETECTOR_PLANE,
            id="equal",
        ),
        pytest.param(
            {"Modality": "CR", **PIXEL, **OTHER_DETECTOR}, (0.5, 0.4), SpacingSource.CALIBRATED,
            id="different",
        ),
        pytest.param(
            {"Modality": "CR", **PIXEL}, (0.5, 0.4), SpacingSource.DETECTOR_PLANE,
            id="radiograph that states PixelSpacing alone",
        ),
        pytest.param(
            {"Modality": "CR", **PIXEL, "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.5, 0.4),
            SpacingSource.CALIBRATED, id="calibrated on an object",
        ),
        pytest.param({"Modality": "MR", "PixelSpacing": [0, 0.5]}, None, SpacingSource.UNKNOWN,
            id="zero",
        ),
        pytest.param({"Modality": "MR", "PixelSpacing": [0.5]}, None, SpacingSource.UNKNOWN,
            id="one number",
        ),
    ],
)  # fmt: skip
def test_spacing(tmp_path: Path, tags: dict[str, Any], spacing: Any, source: SpacingSource) -> None:
    image = read(tmp_path, **tags)
    assert (image.spacing_mm, image.spacing_source) == (spacing, source)


@pytest.mark.parametrize(
    ("tags", "spacing", "source"),
    [
        ({**DETECTOR}, (0.4, 0.32), SpacingSource.DEMAGNIFIED),
        ({**PIXEL, **DETECTOR}, (0.4, 0.32), SpacingSource.DEMAGNIFIED),
        ({**PIXEL, **OTHER_DETECTOR}, (0.5, 0.4), SpacingSource.CALIBRATED),
        ({"NominalScannedPixelSpacing": [0.5, 0.4]}, (0.4, 0.32), SpacingSource.DEMAGNIFIED),
        ({}, None, SpacingSource.UNKNOWN),
    ],
    ids=["imager only", "equal", "calibrated already", "scanned film", "no spacing"],
)
def test_a_stated_magnification_is_taken_out_once(
    tmp_path: Path, tags: dict[str, Any], spacing: Any, source: SpacingSource
) -> None:
    image = read(tmp_path, Modality="DX", EstimatedRadiographicMagnificationFactor=1.25, **tags)
    assert image.spacing_mm == (None if spacing is None else pytest.approx(spacing))
    assert image.spacing_source is source
    assert any("magnification of 1.25" in note for note in notes_of(image)) is (
        source is SpacingSource.DEMAGNIFIED
    )


@pytest.mark.parametrize("factor", [1, 0, -1.2, 25])
def test_an_absurd_magnification_is_not_believed(tmp_path: Path, factor: float) -> None:
    image = read(
        tmp_path, Modality="DX", **DETECTOR, EstimatedRadiographicMagnificationFactor=factor
    )
    assert (image.spacing_mm, image.spacing_source) == ((0.5, 0.4), SpacingSource.DETECTOR_PLANE)


def test_a_digitised_film_is_measured_on_the_film(tmp_path: Path) -> None:
    image = read(tmp_path, Modality="CR", NominalScannedPixelSpacing=[0.2, 0.1])
    assert (image.spacing_mm, image.spacing_source) == ((0.2, 0.1), SpacingSource.DETECTOR_PLANE)


@pytest.mark.parametrize(
    ("ratio", "shape", "said"),
    [
        ([2, 1], (80, 50), "The pixels are not square (2 : 1); the picture was stretched."),
        ([1, 2], (40, 100), "The pixels are not square (1 : 2); the picture was stretched."),
        ([1, 1], (40, 50), None),
        ([1, 500], (40, 50), None),
        ([0, 1], (40, 50), None),
    ],
    ids=str,
)
def test_pixels_that_are_not_square_are_stretched_where_their_size_is_unknown(
    tmp_path: Path, ratio: list[int], shape: tuple[int, int], said: str | None
) -> None:
    image = read(tmp_path, PixelAspectRatio=ratio)
    assert image.shape == shape
    assert notes_of(image) == (() if said is None else (said,))
    assert image.pixels.mean() == pytest.approx(GREY.mean(), rel=1e-3)


def test_a_known_spacing_is_kept_with_the_pixels_as_they_are(tmp_path: Path) -> None:
    image = read(tmp_path, Modality="MR", PixelSpacing=[1.0, 0.5], PixelAspectRatio=[2, 1])
    assert (image.shape, image.spacing_mm, image.pixel_aspect) == ((40, 50), (1.0, 0.5), 2.0)


@pytest.mark.parametrize(
    ("tags", "side"),
    [
        ({"Laterality": "L"}, "L"),
        ({"Laterality": "L", "ImageLaterality": "R"}, "R"),
        ({"ImageLaterality": "U"}, ""),
        ({}, ""),
    ],
    ids=str,
)
def test_the_side_is_read(tmp_path: Path, tags: dict[str, Any], side: str) -> None:
    assert read(tmp_path, Modality="DX", **tags).laterality == side


def test_how_it_was_calibrated_is_said(tmp_path: Path) -> None:
    image = read(
        tmp_path, Modality="DX", **PIXEL, **OTHER_DETECTOR, PixelSpacingCalibrationType="GEOMETRY"
    )
    assert any("geometry" in note for note in notes_of(image))


# --- view --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "view", "says_why"),
    [
        pytest.param({}, None, False, id="no modality"),
        pytest.param({"Modality": "CR"}, View.XRAY, False, id="CR"),
        pytest.param({"Modality": "DX"}, View.XRAY, False, id="DX"),
        pytest.param({"Modality": "RG"}, View.XRAY, False, id="RG"),
        pytest.param({"Modality": "US"}, View.OTHER, False, id="US"),
        pytest.param({"Modality": "MG"}, View.OTHER, False, id="MG"),
        pytest.param({"Modality": "CT"}, View.CT, False, id="CT, plane unknown"),
        pytest.param({"Modality": "CT", "ImageOrientationPatient": AXIAL}, View.CT, False, id="CT"),
        pytest.param(
            {"Modality": "CT", "ImageOrientationPatient": [1, 0, 0, 0, 0.9, -0.43]}, View.CT, False,
            id="CT, tilted gantry",
        ),
        pytest.param(
            {"Modality": "CT", "ImageOrientationPatient": SAGITTAL}, View.OTHER, True,
            id="CT sagittal",
        ),
        pytest.param(
            {"Modality": "CT", "ImageOrientationPatient": CORONAL}, View.OTHER, True,
            id="CT coronal",
        ),
        pytest.param(
            {"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, View.OTHER, True,
            id="CT localizer",
        ),
        pytest.param({"Modality": "MR"}, View.MR, False, id="MR, plane unknown"),
        pytest.param(
            {"Modality": "MR", "ImageOrientationPatient": SAGITTAL}, View.MR, False,
            id="MR sagittal",
        ),
        pytest.param(
            {"Modality": "MR", "ImageOrientationPatient": [0.3, 0.95, 0, 0, 0, -1]}, View.MR, False,
            id="MR, oblique sagittal",
        ),
        pytest.param(
            {"Modality": "MR", "ImageOrientationPatient": AXIAL}, View.OTHER, True, id="MR axial"
        ),
        pytest.param(
            {"Modality": "MR", "ImageOrientationPatient": SAGITTAL,
             "ImageType": ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]}, View.OTHER, True,
            id="MR projection",
        ),
    ],
)  # fmt: skip
def test_view(tmp_path: Path, tags: dict[str, Any], view: View | None, says_why: bool) -> None:
    image = read(tmp_path, **tags)
    assert image.view_hint is view
    assert bool(notes_of(image)) is says_why
