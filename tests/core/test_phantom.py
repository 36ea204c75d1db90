"""The rendered spine: the shipped file is what the code renders, and its truth is true."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from spinealign.domain.image import SpacingSource
from spinealign.domain.paths import resources_dir
from spinealign.imaging.read import read_image
from tests.examinations import SPINE_MR
from tools.phantoms import lumbar as phantom
from tools.phantoms.lumbar_anatomy import VERTEBRAE, Anatomy

SHIPPED = resources_dir() / "samples" / "mr_lumbar_phantom"
PIXELS, MASK = phantom.render_lumbar_phantom(phantom.SHIPPED_SEED)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    assert phantom.main([str(folder)]) == 0
    return folder


def test_the_shipped_file_is_the_rendered_one(written: Path) -> None:
    shipped, rendered = SHIPPED / phantom.DICOM_NAME, written / phantom.DICOM_NAME
    assert rendered.read_bytes() == shipped.read_bytes()


def test_the_shipped_truth_is_the_rendered_one() -> None:
    with Image.open(SHIPPED / phantom.MASK_NAME) as shipped:
        np.testing.assert_array_equal(np.asarray(shipped), MASK)


def test_the_file_reads_as_a_sagittal_mr_image(written: Path) -> None:
    image = read_image(written / phantom.DICOM_NAME)
    np.testing.assert_array_equal(image.pixels, PIXELS)
    assert (image.possible_examinations, image.modality, image.notes) == ((SPINE_MR,), "MR", ())
    assert (image.spacing_mm, image.spacing_source) == ((0.6, 0.6), SpacingSource.PATIENT_PLANE)


def test_nobody_can_take_it_for_a_patient(written: Path) -> None:
    dataset = dcmread(written / phantom.DICOM_NAME)
    assert dataset.PatientName == "Phantom^Lumbar"
    assert "PHANTOM" in dataset.SeriesDescription
    assert dataset.ImageType[0] == "DERIVED"


def test_another_seed_changes_the_picture_and_not_the_anatomy() -> None:
    pixels, mask = phantom.render_lumbar_phantom(phantom.SHIPPED_SEED + 1)
    assert np.abs(pixels.astype(int) - PIXELS).mean() > 1
    np.testing.assert_array_equal(mask, MASK)


@pytest.mark.parametrize(
    ("value", "parts"),
    [(1, 2 * len(VERTEBRAE)), (2, len(VERTEBRAE)), (3, 1)],
    ids=["bodies and processes", "discs", "canal"],
)
def test_the_truth_holds_every_structure_once(value: int, parts: int) -> None:
    count, _, stats, _ = cv2.connectedComponentsWithStats((value == MASK).astype(np.uint8))
    assert count - 1 == parts
    assert stats[1:, cv2.CC_STAT_AREA].min() > 150


def test_a_t2_picture_has_bright_fluid_grey_marrow_and_dark_air() -> None:
    vertebra, disc, canal = (np.median(PIXELS[value == MASK]) for value in (1, 2, 3))
    air = np.median(PIXELS[:, -8:])
    assert canal > 2 * vertebra > 3 * air
    assert disc < vertebra


def test_lower_discs_are_drawn_degenerated() -> None:
    heights = {disc.frame.name: disc.gap_mm for disc in Anatomy().discs}
    assert heights["L3/L4"] > heights["L4/L5"] > heights["L5/S1"]


def test_the_spine_is_lordotic_between_l1_and_s1() -> None:
    tilts = {level.name: np.rad2deg(level.tilt_rad) for level in Anatomy().levels}
    assert 40 < tilts["L1"] - tilts["S1"] < 65


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_the_command_explains_itself(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert phantom.main(arguments) == 2
    assert "OUT_DIR" in capsys.readouterr().err
