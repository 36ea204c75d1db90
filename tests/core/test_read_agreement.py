"""The readers beside two independent ones: SimpleITK (GDCM) and DCMTK, on the whole corpus.

SimpleITK gives values before windowing, spacing, and its own way to turn slices; DCMTK
renders windows, VOI LUTs, modality LUTs and MONOCHROME1. DCMTK is a program (Debian:
``dcmtk``) that ``start.py test`` installs where it may; under CI it has to be there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - everybody's name for it
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.uid import EnhancedMRImageStorage

from spinealign.domain.generators import run_to_end
from spinealign.domain.image import NoteKind, SpineImage
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series
from spinealign.imaging.volume import load_volume
from spinealign.imaging.windows import apply_window
from tests.corpus import SERIES_MISSING, SERIES_ROOT, corpus_files, read_table

FILES = corpus_files()
OPENED = [name for name, row in read_table().items() if row["outcome"] == "opened"]
LUMA = (0.299, 0.587, 0.114)
LOSSY_COLOUR = ("color3d_jpeg_baseline", "examples_ybr_color")

SPACING_TAG, POSITION_TAG = "0028|0030", "0020|0032"
CONVENTIONAL = ("PIR", "LIA", "LPS")  # sagittal, coronal, axial: across, down, through

# What SimpleITK 2.5 reads differently, by part of the name, and why that is no agreement lost.
ITK_EXCEPTIONS = {
    "zipMR.gz": "does not unpack gzip",
    "color-p": "leaves pixels that are not square as they are",
    "mlut_18": "ignores the modality LUT",
    "OBXXXX1A": "keeps 8 of a palette's 16 bits",
    "OT-PAL-8": "keeps 8 of a palette's 16 bits",
    "examples_palette": "keeps 8 of a palette's 16 bits",
    "rle_16bit": "mixes the bytes of 16-bit colour up; DCMTK agrees with SpineAlign",
    "rle_32bit": "mixes the bytes of 32-bit colour up",
}
DCMTK_MISSING = "dcmj2pnm of DCMTK is not installed (Debian: apt-get install dcmtk)"


def exception_for(name: str) -> str | None:
    return next((why for part, why in ITK_EXCEPTIONS.items() if part in name), None)


@pytest.mark.parametrize("name", [name for name in OPENED if exception_for(name) is None])
def test_values_and_spacing_are_those_of_simpleitk(name: str) -> None:
    if name not in FILES:
        pytest.skip(SERIES_MISSING)
    image = read_image(FILES[name])
    expected, spacing = itk_slices(FILES[name])
    padding = padding_mask(FILES[name], image)
    tolerance = 2 if any(part in name for part in LOSSY_COLOUR) else 1
    tolerance = max(tolerance, 1e-6 * float(np.abs(image.pixels).max()))  # float32 has 24 bits
    off = [np.where(padding, 0, np.abs(values - image.pixels)).max() for values in expected]
    assert min(off) <= tolerance
    if image.spacing_mm is not None:
        assert spacing == pytest.approx(image.spacing_mm, rel=1e-5)


def itk_slices(path: Path) -> tuple[list[NDArray[np.float64]], tuple[float, float]]:
    """Return the frames in grey, turned the conventional way by ITK's own means."""
    read = sitk.ReadImage(str(path))
    stated = stated_by_itk(read, SPACING_TAG) if is_bare_enhanced(path) else ()
    if read.GetDimension() == 3:
        normal = np.reshape(read.GetDirection(), (3, 3))[:, 2]
        read = sitk.DICOMOrient(read, CONVENTIONAL[int(np.abs(normal).argmax())])
    values = sitk.GetArrayFromImage(read).astype(np.float64)
    if read.GetNumberOfComponentsPerPixel() == 3:
        values = values @ LUMA
    cols_mm, rows_mm = stated[::-1] or read.GetSpacing()[:2]
    return list(values if values.ndim == 3 else values[None]), (rows_mm, cols_mm)


def is_bare_enhanced(path: Path) -> bool:
    """Tell enhanced objects without functional groups, whose geometry SimpleITK leaves out."""
    with warnings.catch_warnings(action="ignore"):
        dataset = dcmread(path, force=True, stop_before_pixels=True)
    kind = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
    return kind == EnhancedMRImageStorage and "SharedFunctionalGroupsSequence" not in dataset


def stated_by_itk(read: sitk.Image, tag: str) -> tuple[float, ...]:
    """Return numbers of an attribute as SimpleITK reads them; none where it is absent."""
    text = read.GetMetaData(tag) if read.HasMetaDataKey(tag) else ""
    return tuple(float(part) for part in text.split("\\") if part)


def padding_mask(path: Path, image: SpineImage) -> NDArray[np.bool_]:
    """Return the pixels that only SpineAlign darkens: what the file calls padding."""
    with warnings.catch_warnings(action="ignore"):
        dataset = dcmread(path, force=True)
    if "PixelPaddingValue" not in dataset:
        return np.zeros(image.shape, bool)
    return np.asarray(dataset.pixel_array == dataset.PixelPaddingValue)


def dcmtk_picture(name: str, image: SpineImage, folder: Path) -> NDArray[np.float64] | None:
    """Return DCMTK's 8-bit rendering of the same frame; None when it cannot read the file."""
    has_table = bool(image.windows) and image.windows[0].table is not None
    windowed = ["+Wi", "1"] if image.windows else ["+Wm"]
    how = ["+Wl", "1"] if has_table else windowed
    frame = next((n.values[0] for n in image.notes if n.kind is NoteKind.FRAME_TAKEN), 1)
    target = folder / "picture.pnm"
    command = ["dcmj2pnm", "-q", "-O", "+F", str(frame), *how, str(FILES[name]), str(target)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        return None
    with Image.open(target) as picture:
        values = np.asarray(picture).astype(np.float64)
    return values @ LUMA if values.ndim == 3 else values


def own_picture(image: SpineImage) -> NDArray[np.float64]:
    is_colour = any(
        note.kind in (NoteKind.COLOUR_TO_GREY, NoteKind.GREY_IN_COLOUR) for note in image.notes
    )
    if image.windows:
        return apply_window(image.pixels, image.windows[0]).astype(np.float64)
    low, high = float(image.pixels.min()), float(image.pixels.max())
    if is_colour:
        low, high = 0.0, 2.0**image.bits - 1
    return (image.pixels.astype(np.float64) - low) / (high - low) * 255


# Lossy JPEG leaves the decoders some freedom: one stored value, which is more on a screen.
DCMTK_WIDER = {"JPGExtended": 2.0, "JPEG-lossy": 2.0, **dict.fromkeys(LOSSY_COLOUR, 2.0)}


def require_dcmtk() -> None:
    if shutil.which("dcmj2pnm") is None:
        if os.environ.get("CI"):
            pytest.fail(DCMTK_MISSING)
        pytest.skip(DCMTK_MISSING)


def test_screens_are_those_of_dcmtk(tmp_path: Path) -> None:
    require_dcmtk()
    compared = []
    for name in filter(FILES.__contains__, OPENED):
        image = read_image(FILES[name])
        theirs = dcmtk_picture(name, image, tmp_path)
        if theirs is None or theirs.shape != image.shape:
            continue
        limit = next((limit for part, limit in DCMTK_WIDER.items() if part in name), 1.001)
        off = np.abs(theirs - own_picture(image)).max()
        assert off <= limit, f"{name}: {off:.2f} grey levels"
        compared.append(name)
    # The rest is JPEG 2000 and JPEG-LS, which this program of DCMTK does not decode, or turned.
    assert len(compared) >= 90
    for needed in ("vlut_04", "mlut_18", "RG1_UNCR", "MR_small_bigendian", "OBXXXX1A_expb"):
        assert any(needed in name for name in compared), needed


SERIES = {"lumbar_mr_1002894806/801316590": 18, "lumbar_mr_1002894806/866293114": 18,
          "ct_head_gantry_tilt": 14}  # fmt: skip
"""Folders of the real series, and how many slices lie in each."""


@pytest.mark.parametrize("folder", SERIES)
def test_series_are_put_together_as_simpleitk_does(folder: str) -> None:
    if not SERIES_ROOT.is_dir():
        pytest.skip(SERIES_MISSING)
    (entry,) = list_series(SERIES_ROOT / folder)
    assert len(entry) == SERIES[folder]
    expected = [itk_place(part.path) for part in entry.parts]
    away = np.abs(np.diff(expected))
    assert np.diff(entry.positions_mm or ()) == pytest.approx(away, abs=1e-3)
    assert len(set(np.sign(np.diff(expected)))) == 1
    volume = run_to_end(load_volume(entry))
    for k, part in enumerate(entry.parts):
        (values, *_), spacing = itk_slices(part.path)
        padding = padding_mask(part.path, volume.slice_image(k))
        assert np.where(padding, 0, np.abs(volume.voxels[k] - values)).max() < 1e-3
        assert volume.slice_image(k).spacing_mm == pytest.approx(spacing, rel=1e-5)
    assert sum(entry.slice_thicknesses_mm or ()) == pytest.approx(
        away.sum() + (away[0] + away[-1]) / 2, abs=1e-3
    )


def itk_place(path: Path) -> float:
    """Return how far a slice lies along its normal, by ITK's own geometry."""
    read = sitk.ReadImage(str(path))
    normal = np.reshape(read.GetDirection(), (3, 3))[:, 2]
    place = stated_by_itk(read, POSITION_TAG) if is_bare_enhanced(path) else read.GetOrigin()
    return float(np.dot(normal, place))
