"""DICOM: spacing and where it comes from, side, and the view that the tags imply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spinealign.domain.examination import Examination
from spinealign.domain.image import SpacingSource
from tests.examinations import FRONTAL, LATERAL_NECK, NECK_CT, SPINE_MR, WHOLE_SPINE
from tests.image_files import (
    AXIAL,
    CORONAL,
    GREY,
    SAGITTAL,
    notes_of,
    read_scan,
)

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
    image = read_scan(tmp_path, **tags)
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
    image = read_scan(
        tmp_path, Modality="DX", EstimatedRadiographicMagnificationFactor=1.25, **tags
    )
    assert image.spacing_mm == (None if spacing is None else pytest.approx(spacing))
    assert image.spacing_source is source
    assert any("magnification of 1.25" in note for note in notes_of(image)) is (
        source is SpacingSource.DEMAGNIFIED
    )


@pytest.mark.parametrize("factor", [1, 0, -1.2, 25])
def test_an_absurd_magnification_is_not_believed(tmp_path: Path, factor: float) -> None:
    image = read_scan(
        tmp_path, Modality="DX", **DETECTOR, EstimatedRadiographicMagnificationFactor=factor
    )
    assert (image.spacing_mm, image.spacing_source) == ((0.5, 0.4), SpacingSource.DETECTOR_PLANE)


def test_a_digitised_film_is_measured_on_the_film(tmp_path: Path) -> None:
    image = read_scan(tmp_path, Modality="CR", NominalScannedPixelSpacing=[0.2, 0.1])
    assert (image.spacing_mm, image.spacing_source) == ((0.2, 0.1), SpacingSource.DETECTOR_PLANE)


@pytest.mark.parametrize(
    ("ratio", "shape", "said"),
    [
        ([2, 1], (80, 50), "The pixels are not square (2 : 1); the image was resampled."),
        ([1, 2], (40, 100), "The pixels are not square (1 : 2); the image was resampled."),
        ([1, 1], (40, 50), None),
        ([1, 500], (40, 50), None),
        (
            [0, 1],
            (40, 50),
            "The file states the proportions of a pixel in a form that cannot be used, "
            "so it was left out.",
        ),
    ],
    ids=str,
)
def test_pixels_that_are_not_square_are_stretched_where_their_size_is_unknown(
    tmp_path: Path, ratio: list[int], shape: tuple[int, int], said: str | None
) -> None:
    image = read_scan(tmp_path, PixelAspectRatio=ratio)
    assert image.shape == shape
    assert notes_of(image) == (() if said is None else (said,))
    assert image.pixels.mean() == pytest.approx(GREY.mean(), rel=1e-3)


def test_a_known_spacing_is_kept_with_the_pixels_as_they_are(tmp_path: Path) -> None:
    image = read_scan(tmp_path, Modality="MR", PixelSpacing=[1.0, 0.5], PixelAspectRatio=[2, 1])
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
    assert read_scan(tmp_path, Modality="DX", **tags).laterality == side


def test_how_it_was_calibrated_is_said(tmp_path: Path) -> None:
    image = read_scan(
        tmp_path, Modality="DX", **PIXEL, **OTHER_DETECTOR, PixelSpacingCalibrationType="GEOMETRY"
    )
    assert any("geometry" in note for note in notes_of(image))


FILMS = (LATERAL_NECK, WHOLE_SPINE, FRONTAL)


# --- view --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "possible", "says_why"),
    [
        pytest.param({}, None, False, id="no modality"),
        pytest.param({"Modality": "CR"}, FILMS, False, id="CR"),
        pytest.param({"Modality": "DX"}, FILMS, False, id="DX"),
        pytest.param({"Modality": "RG"}, FILMS, False, id="RG"),
        pytest.param({"Modality": "US"}, (), False, id="US"),
        pytest.param({"Modality": "MG"}, (), False, id="MG"),
        pytest.param({"Modality": "CT"}, (NECK_CT,), False, id="CT, plane unknown"),
        pytest.param(
            {"Modality": "CT", "ImageOrientationPatient": AXIAL}, (NECK_CT,), False, id="CT"
        ),
        pytest.param(
            {"Modality": "CT", "ImageOrientationPatient": [1, 0, 0, 0, 0.9, -0.43]},
            (NECK_CT,), False,
            id="CT, tilted gantry",
        ),
        pytest.param(
            {"Modality": "CT", "ImageOrientationPatient": SAGITTAL}, (), True,
            id="CT sagittal",
        ),
        pytest.param(
            {"Modality": "CT", "ImageOrientationPatient": CORONAL}, (), True,
            id="CT coronal",
        ),
        pytest.param(
            {"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, (), True,
            id="CT localizer",
        ),
        pytest.param({"Modality": "MR"}, (SPINE_MR,), False, id="MR, plane unknown"),
        pytest.param(
            {"Modality": "MR", "ImageOrientationPatient": SAGITTAL}, (SPINE_MR,), False,
            id="MR sagittal",
        ),
        pytest.param(
            {"Modality": "MR", "ImageOrientationPatient": [0.3, 0.95, 0, 0, 0, -1]},
            (SPINE_MR,), False,
            id="MR, oblique sagittal",
        ),
        pytest.param(
            {"Modality": "MR", "ImageOrientationPatient": AXIAL}, (), True, id="MR axial"
        ),
        pytest.param(
            {"Modality": "MR", "ImageOrientationPatient": SAGITTAL,
             "ImageType": ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]}, (), True,
            id="MR projection",
        ),
    ],
)  # fmt: skip
def test_possible_examinations(
    tmp_path: Path, tags: dict[str, Any], possible: tuple[Examination, ...], says_why: bool
) -> None:
    image = read_scan(tmp_path, RescaleSlope=1, RescaleIntercept=0, **tags)
    assert image.possible_examinations == possible
    assert bool(notes_of(image)) is says_why
