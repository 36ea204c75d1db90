"""The rendered neck film: the shipped file is what the code renders, and its truth is true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from spinealign.domain.image import SpacingSource
from spinealign.domain.paths import resources_dir
from spinealign.imaging.read import read_image
from tests.examinations import LATERAL_NECK
from tools.phantoms import film as phantom_film
from tools.phantoms.film_anatomy import draw_column, smooth_outline

SHIPPED = resources_dir() / "samples" / "xray_lateral_phantom"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    assert phantom_film.main([str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", [phantom_film.DICOM_NAME, phantom_film.MASK_NAME])
def test_the_shipped_files_are_the_rendered_ones(written: Path, name: str) -> None:
    assert (written / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_it_reads_as_a_radiograph_with_calibrated_millimetres(written: Path) -> None:
    image = read_image(written / phantom_film.DICOM_NAME)
    assert image.stated_kind is LATERAL_NECK.image_kind
    assert (image.modality, image.shape) == ("DX", phantom_film.SHAPE)
    assert (image.spacing_mm, image.spacing_source) == ((0.2, 0.2), SpacingSource.CALIBRATED)


def test_nobody_can_take_it_for_a_patient(written: Path) -> None:
    dataset = dcmread(written / phantom_film.DICOM_NAME)
    assert dataset.PatientName == "Phantom^Neck"
    assert "PHANTOM" in dataset.SeriesDescription
    assert dataset.ImageType[0] == "DERIVED"


def inferior_slope(level: str) -> float:
    body = next(body for body in draw_column() if body.level == level)
    x, y = body.corners_mm["posterior_inferior"] - body.corners_mm["anterior_inferior"]
    return float(np.degrees(np.arctan2(-y, x)))


def test_the_endplates_have_the_stated_angle() -> None:
    assert inferior_slope("C7") - inferior_slope("C2") == pytest.approx(14.0)


def test_the_truth_mask_lies_on_the_drawn_bodies() -> None:
    with Image.open(SHIPPED / phantom_film.MASK_NAME) as picture:
        mask = np.asarray(picture)
    assert set(np.unique(mask)) == set(range(8))
    for body in draw_column():
        if body.level in phantom_film.MASK_LEVELS:
            x, y = (body.at(0, -5) / phantom_film.SPACING_MM).astype(int)
            assert mask[y, x] == 1 + phantom_film.MASK_LEVELS.index(body.level)


def test_bone_is_brighter_than_the_discs_and_air_is_dark() -> None:
    image = read_image(SHIPPED / phantom_film.DICOM_NAME)
    bodies = [body for body in draw_column() if body.level in ("C3", "C4", "C5", "C6")]

    def grey(body, down_mm: float) -> float:
        x, y = (body.at(0, down_mm) / phantom_film.SPACING_MM).astype(int)
        return float(np.median(image.pixels[y - 3 : y + 4, x - 8 : x + 9]))

    for body in bodies:
        assert grey(body, -6) > 1.2 * grey(body, 2.1)
    assert np.median(image.pixels[500:700, -40:]) < 0.4 * np.median(image.pixels)


def test_a_smooth_outline_keeps_its_points_and_sharp_corners() -> None:
    square = [(0, 0), (10, 0), (10, 10), (0, 10)]
    round_, sharp = smooth_outline(square), smooth_outline(square, {0, 1, 2, 3})
    for curve in (round_, sharp):
        assert {tuple(p) for p in curve} >= {tuple(map(float, p)) for p in square}
    assert round_.max() > 10.5
    assert sharp.max() == pytest.approx(10)


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_the_command_explains_itself(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert phantom_film.main(arguments) == 2
    assert "OUT_DIR" in capsys.readouterr().err
