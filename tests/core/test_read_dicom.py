"""DICOM files: encodings, frames, and pydicom's own collection of oddities."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.examination import Examination
from spinealign.domain.image import ImagePart, Weighting
from spinealign.imaging.decoding import quiet_libraries
from spinealign.imaging.read import read_image
from spinealign.imaging.readers import read_part
from tests.examinations import NECK_CT, SPINE_MR
from tests.image_files import (
    GREY,
    SAGITTAL,
    dicom_object,
    item,
    notes_of,
    problem_of,
    ramp,
    read_scan,
    write_dicom,
)

# --- files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "possible"),
    [
        ("CT_small.dcm", (128, 128), (NECK_CT,)),
        ("693_J2KI.dcm", (512, 512), (NECK_CT,)),
        ("J2K_pixelrep_mismatch.dcm", (512, 512), (NECK_CT,)),
        ("MR_small.dcm", (64, 64), ()),
        ("MR_small_RLE.dcm", (64, 64), ()),
        ("MR_small_bigendian.dcm", (64, 64), ()),
        ("MR_small_implicit.dcm", (64, 64), ()),
        ("MR_small_jp2klossless.dcm", (64, 64), ()),
        ("MR_small_jpeg_ls_lossless.dcm", (64, 64), ()),
        ("MR_small_padded.dcm", (64, 64), ()),
        ("zipMR.gz", (64, 64), ()),
        ("JPEG2000.dcm", (1024, 256), ()),
        ("JPGExtended.dcm", (1024, 256), ()),
        ("image_dfl.dcm", (512, 512), ()),
        ("examples_overlay.dcm", (300, 484), ()),
        ("examples_palette.dcm", (350, 800), ()),
        ("examples_rgb_color.dcm", (240, 320), ()),
        ("examples_ybr_color.dcm", (240, 320), ()),
        ("SC_rgb_jpeg_dcmtk.dcm", (100, 100), ()),
        ("SC_rgb_rle_16bit_2frame.dcm", (100, 100), ()),
        ("SC_ybr_full_422_uncompressed.dcm", (100, 100), ()),
        ("GDCMJ2K_TextGBR.dcm", (400, 400), None),
    ],
)
def test_opens_pydicoms_files(
    name: str, shape: tuple[int, int], possible: tuple[Examination, ...]
) -> None:
    image = read_image(bundled(name))
    assert (image.shape, image.possible_examinations, image.file_format) == (
        shape,
        possible,
        "DICOM",
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("MR_truncated.dcm", ReadProblem.TRUNCATED),
        ("rtplan_truncated.dcm", ReadProblem.TRUNCATED),
        ("rtplan.dcm", ReadProblem.NO_PIXELS),
        ("rtstruct.dcm", ReadProblem.NO_PIXELS),
        ("test-SR.dcm", ReadProblem.REPORT),
        ("liver_1frame.dcm", ReadProblem.SEGMENTATION),
        ("reportsi.dcm", ReadProblem.REPORT),
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


def test_a_deflated_object_has_to_end(tmp_path: Path) -> None:
    dataset = dicom_object(GREY, DataSetTrailingPadding=bytes(64))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = tmp_path / "a.dcm"
    dcmwrite(path, dataset, enforce_file_format=True)
    content = path.read_bytes()
    np.testing.assert_array_equal(read_image(path).pixels, GREY)
    for behind in (b"\0", b"\0\0"):
        path.write_bytes(content + behind)
        np.testing.assert_array_equal(read_image(path).pixels, GREY)
    path.write_bytes(content[:-4])
    assert problem_of(path) is ReadProblem.TRUNCATED


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


# --- frames


def test_of_several_frames_the_middle_one_is_taken(tmp_path: Path) -> None:
    frames = np.stack([GREY + 3000 * k for k in range(5)])
    image = read_scan(tmp_path, frames)
    np.testing.assert_array_equal(image.pixels, frames[2])
    assert notes_of(image) == ("Frame 3 of 5.",)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize("syntax", ["explicit", "deflated", "big endian", "rle"])
def test_every_frame_can_be_read_by_itself(tmp_path: Path, dtype: Any, syntax: str) -> None:
    frames = np.stack([ramp(300, 200) % 120 + k for k in range(4)]).astype(dtype)
    dataset = dicom_object(frames if syntax != "big endian" else frames.byteswap(), Modality="MR")
    path = tmp_path / "cine.dcm"
    if syntax == "rle":
        dataset.compress("1.2.840.10008.1.2.5")
    elif syntax != "explicit":
        is_deflated = syntax == "deflated"
        uid = "1.2.840.10008.1.2.1.99" if is_deflated else "1.2.840.10008.1.2.2"
        dataset.file_meta.TransferSyntaxUID = uid
        if not is_deflated and dtype == np.uint8:
            dataset["PixelData"].VR = "OB"
    dcmwrite(path, dataset, enforce_file_format=True)
    for k in range(4):
        np.testing.assert_array_equal(read_part(ImagePart(path, "", k)).pixels, frames[k])
    with pytest.raises(ImageReadError):
        read_part(ImagePart(path, "", 4))


def test_enhanced_objects_keep_geometry_in_functional_groups(tmp_path: Path) -> None:
    shared, frame = Dataset(), Dataset()
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=SAGITTAL)]
    shared.PixelMeasuresSequence = [item(PixelSpacing=[0.7, 0.9])]
    frame.PixelValueTransformationSequence = [item(RescaleSlope=3, RescaleIntercept=1)]
    frame.FrameVOILUTSequence = [item(WindowCenter=70, WindowWidth=80)]
    image = read_scan(
        tmp_path, np.stack([GREY, GREY + 1]), Modality="MR",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[Dataset(), frame],
    )  # fmt: skip
    np.testing.assert_array_equal(image.pixels, (GREY + 1) * 3.0 + 1)
    assert image.spacing_mm == (0.7, 0.9)
    assert image.window == (70, 80)
    assert image.possible_examinations == (SPINE_MR,)


# --- weighting ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "weighting"),
    [
        ({"Modality": "MR", "SeriesDescription": "sag T2 tse"}, Weighting.T2),
        ({"Modality": "MR", "ProtocolName": "t1_tse_sag"}, Weighting.T1),
        ({"Modality": "MR", "AcquisitionContrast": "T1", "SeriesDescription": "t2"}, Weighting.T1),
        ({"Modality": "MR", "SeriesDescription": "T1 and T2"}, None),
        ({"Modality": "MR", "SeriesDescription": "T12 to L5"}, None),
        ({"Modality": "MR"}, None),
        ({"Modality": "", "SeriesDescription": "T1"}, Weighting.T1),
        ({"Modality": "DX", "SeriesDescription": "T1 lateral"}, None),
    ],
)
def test_the_weighting_is_what_an_mr_file_states(
    tmp_path: Path, stated: dict[str, str], weighting: Weighting | None
) -> None:
    assert read_scan(tmp_path, **stated).weighting is weighting


def test_libraries_speak_again_when_the_last_of_several_readers_has_ended() -> None:
    logger, filters = logging.getLogger("pydicom"), list(warnings.filters)
    level, first, last = logger.level, quiet_libraries(), quiet_libraries()
    first.__enter__()
    last.__enter__()
    first.__exit__(None, None, None)
    assert logger.level > logging.CRITICAL
    last.__exit__(None, None, None)
    assert logger.level == level
    assert warnings.filters == filters
