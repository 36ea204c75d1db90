"""The drawn frontal film: its angles and sides are those that were asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinealign.analysis import analyze_file
from spinealign.domain.curve_regions import kind_of
from spinealign.domain.findings import FRONTAL_CORNERS
from spinealign.domain.generators import run_to_end
from spinealign.domain.paths import resources_dir
from spinealign.export.corrections import load_corrections
from spinealign.imaging.read import read_image
from spinealign.measure.correction.changes import apply_corrections
from spinealign.measure.geometry.coronal_curves import coronal_curves, endplate_tilts_deg
from tests.examinations import FRONTAL
from tests.gates import OneGate
from tools.phantoms import frontal_film
from tools.phantoms.frontal_anatomy import (
    ROWS,
    TRUE_CURVES,
    draw_frontal_column,
    draw_rows,
    true_corners,
)

LEVELS = frontal_film.MASK_LEVELS
SHIPPED = resources_dir() / "samples" / "xray_frontal_phantom"
FILES = (frontal_film.DICOM_NAME, frontal_film.MASK_NAME, frontal_film.OUTLINES_NAME)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frontal")
    assert frontal_film.main([str(folder)]) == 0
    return folder


def corners() -> np.ndarray:
    places = true_corners(frontal_film.SPACING_MM)
    return np.array([[places[level][name] for name in FRONTAL_CORNERS] for level in LEVELS])


def test_corners_are_those_of_t1_to_l5_left_and_right_of_the_picture() -> None:
    places = true_corners(frontal_film.SPACING_MM)
    assert (*places,) == (*(f"T{n}" for n in range(1, 13)), *(f"L{n}" for n in range(1, 6)))
    for four in places.values():
        assert set(four) == {
            "superior_left", "superior_right", "inferior_left", "inferior_right"
        }  # fmt: skip
        for part in ("superior", "inferior"):
            assert four[f"{part}_left"][0] < four[f"{part}_right"][0]
        for side in ("left", "right"):
            assert four[f"superior_{side}"][1] < four[f"inferior_{side}"][1]
        x, y = np.array(list(four.values())).T
        rows, columns = frontal_film.SHAPE
        assert x.min() > 0
        assert x.max() < columns
        assert y.min() > 0
        assert y.max() < rows


def test_endplates_have_the_tilts_that_were_asked_for() -> None:
    superior, inferior = endplate_tilts_deg(corners())
    assert superior == pytest.approx([row[1] for row in ROWS])
    assert inferior == pytest.approx([row[2] for row in ROWS])


def test_curves_have_the_angles_and_ends_that_were_asked_for() -> None:
    found = {
        kind_of([LEVELS[place] for place in curve.apex]).value: (
            LEVELS[curve.upper], LEVELS[curve.lower], pytest.approx(abs(curve.angle_deg)),
        )
        for curve in coronal_curves(corners())
    }  # fmt: skip
    assert found == TRUE_CURVES


def test_the_thoracic_curve_is_convex_to_the_side_of_the_liver() -> None:
    """The heart lies on the right of the picture, so that a right curve is convex to the left."""
    _, thoracic, lumbar = coronal_curves(corners())
    assert thoracic.angle_deg == pytest.approx(-35)
    assert lumbar.angle_deg == pytest.approx(25)
    x = corners()[..., 0].mean(axis=1)
    assert x[LEVELS.index("T8")] < x[[LEVELS.index("T5"), LEVELS.index("T11")]].min()
    assert x[LEVELS.index("L2")] > x[[LEVELS.index("T12"), LEVELS.index("L4")]].max()


def test_a_straight_column_is_drawn_straight() -> None:
    rows = tuple((level, 0.0, 0.0, *rest) for level, _, _, *rest in ROWS)
    bodies = draw_rows(rows, (100.0, 20.0))
    assert {round(float(body.at(0, 0)[0]), 9) for body in bodies} == {100.0}
    assert bodies[0].corners_mm["superior_left"][1] == 20.0


def test_spinous_processes_turn_to_the_concave_side() -> None:
    turned = {body.level: body.turned for body in draw_frontal_column()}
    assert turned["T8"] == max(turned.values())
    assert turned["L2"] == min(turned.values())


def test_every_body_is_in_the_mask_where_its_corners_are(written: Path) -> None:
    mask = read_image(written / frontal_film.MASK_NAME).pixels.astype(int)
    assert np.unique(mask).tolist() == list(range(len(LEVELS) + 1))
    for value, ring in enumerate(corners(), start=1):
        x, y = ring.mean(axis=0)
        assert mask[int(y), int(x)] == value


def test_the_film_looks_like_a_film(written: Path) -> None:
    """Lungs are darker than the belly, heart and liver lie on their sides, bodies are brighter."""
    pixels = read_image(written / frontal_film.DICOM_NAME).pixels.astype(float)
    rows, columns = frontal_film.SHAPE
    assert pixels.shape == (rows, columns)
    right_lung, left_lung = pixels[300:460, 190:240].mean(), pixels[420:500, 400:440].mean()
    assert right_lung < pixels[700:900, 180:260].mean()
    assert left_lung > right_lung + 20  # the heart is on the patient's left
    assert np.percentile(pixels, 50) == pytest.approx(100, abs=35)
    mask = read_image(written / frontal_film.MASK_NAME).pixels.astype(int)
    for value in range(1, len(LEVELS)):
        disc = (corners()[value - 1, 2:].mean(axis=0) + corners()[value, :2].mean(axis=0)) / 2
        x, y = disc.astype(int)
        near = pixels[y - 2 : y + 3, x - 8 : x + 9].mean()
        assert pixels[mask == value].mean() > near - 4, LEVELS[value - 1]


def test_the_seed_makes_the_grain_and_nothing_else(written: Path) -> None:
    pixels = read_image(written / frontal_film.DICOM_NAME).pixels
    again, mask = frontal_film.render_frontal_phantom(frontal_film.SHIPPED_SEED)
    other, other_mask = frontal_film.render_frontal_phantom(4)
    assert (pixels == again).all()
    assert (pixels != other).any()
    assert (mask == other_mask).all()


def test_its_tags_say_which_side_is_which_and_no_patient(written: Path) -> None:
    image = read_image(written / frontal_film.DICOM_NAME)
    assert image.orientation == ("L", "F")
    assert image.spacing_mm == (frontal_film.SPACING_MM,) * 2
    content = (written / frontal_film.DICOM_NAME).read_bytes()
    assert b"no patient" in content
    assert b"Phantom^Frontal" in content


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_files_are_the_rendered_ones(written: Path, name: str) -> None:
    assert (written / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_bodies_beside_it_are_found_and_measure_the_drawing() -> None:
    found = run_to_end(analyze_file(SHIPPED / frontal_film.DICOM_NAME, OneGate(None)))
    assert found.examination is FRONTAL
    wanted = load_corrections(found)
    assert wanted is not None
    measures = {m.code.value: m for m in apply_corrections(found, wanted).measurements}
    for code, (upper, lower, angle) in TRUE_CURVES.items():
        assert measures[code].levels == (upper, lower)
        assert measures[code].value == pytest.approx(angle, abs=0.1), code
    curve = measures["curve_main_thoracic"].curve
    assert curve is not None
    assert (curve.apex, curve.convex_to, curve.patient_side) == (("T8",), "left", "right")
    assert measures["coronal_balance"].value is None


def test_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert frontal_film.main([]) == 2
    assert "OUT_DIR" in capsys.readouterr().err
