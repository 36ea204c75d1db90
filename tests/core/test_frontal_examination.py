"""A frontal film through the whole analysis; an oracle stands where the network is."""

import json
from dataclasses import replace

import numpy as np
import pytest

from spinealign.domain.findings import FRONTAL_CORNERS, LevelUncertainty, VertebraState, WarningCode
from spinealign.domain.measurements import PictureSide
from spinealign.domain.measures import MeasureCode
from spinealign.export.bundle import write_bundle
from spinealign.frontal import FRONTAL_LEVELS
from spinealign.measure.geometry.challenge_cobb import challenge_cobb
from spinealign.training.frontal_films import image_of
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.measures import curve_text
from tests.core.test_one_way import Store
from tests.examinations import FRONTAL
from tests.frontal import drawn_corners, drawn_film, film_analysis, frontal_model


def analysed(film=None, **how):
    return film_analysis(Store(frontal_model()), film, **how)


def values(found):
    return {m.code: m for m in found.measurements if m.value is not None}


def test_bodies_have_names_corners_and_a_mask():
    film = drawn_film()
    found = analysed(film)
    assert found.examination is FRONTAL
    assert [body.level for body in found.vertebrae] == list(FRONTAL_LEVELS)
    for body, true in zip(found.vertebrae, film.corners, strict=True):
        assert tuple(mark.name for mark in body.landmarks) == FRONTAL_CORNERS
        placed = np.array([(mark.x, mark.y) for mark in body.landmarks])
        assert np.linalg.norm(placed - true, axis=1).max() < 0.5
        assert body.state is VertebraState.COMPLETE
    seen = found.segmentation
    for body, true in zip(found.vertebrae, film.corners, strict=True):
        x, y = true.mean(axis=0).astype(int)
        assert seen.classes[int(seen.mask[y, x])] == body.level
        assert seen.confidence[y, x] > 0.9
    assert seen.confidence[2, 2] > 0.9


def test_the_mask_covers_the_pixels_inside_the_corners():
    corners = np.array([[[20, 10 + 30 * n], [60, 10 + 30 * n], [60, 30 + 30 * n], [20, 30 + 30 * n]]
                        for n in range(17)], float)  # fmt: skip
    found = analysed(drawn_film(corners=corners, shape=(540, 160)))
    (value,) = [v for v, name in found.segmentation.classes.items() if name == "T3"]
    rows, cols = np.nonzero(found.segmentation.mask == value)
    assert abs(rows.min() - 70) <= 1
    assert abs(rows.max() + 1 - 90) <= 1
    assert abs(cols.min() - 20) <= 1
    assert abs(cols.max() + 1 - 60) <= 1


def test_curves_and_the_angles_of_the_challenge_are_measured(tmp_path):
    film = drawn_film(corners=drawn_corners(25.0))
    found = analysed(film)
    taken = values(found)
    true = challenge_cobb(film.corners, film.pixels.shape[0])
    for code, angle in zip(
        (MeasureCode.CHALLENGE_COBB_1, MeasureCode.CHALLENGE_COBB_2, MeasureCode.CHALLENGE_COBB_3),
        true.angles_deg,
        strict=True,
    ):
        assert taken[code].value == pytest.approx(angle, abs=0.8)
    curves = [m for m in found.measurements if m.curve is not None]
    assert max(m.value for m in curves) == pytest.approx(50.0, abs=1.0)
    write_bundle(found, tmp_path)
    (written,) = tmp_path.rglob("analysis.json")
    told = json.loads(written.read_text("utf-8"))
    names = {mark["name"] for body in told["vertebrae"] for mark in body["landmarks"]}
    assert names == {name.value for name in FRONTAL_CORNERS}
    assert {"cobb_1", "cobb_2", "cobb_3"} <= {row["code"] for row in told["measurements"]}


@pytest.mark.parametrize(
    ("orientation", "words"),
    [(None, "of the picture"), (("L", "F"), "the patient’s"), (("A", "F"), "of the picture")],
    ids=["not said", "patient's left on the right", "lateral, which is none"],
)
def test_the_patients_side_is_told_only_where_the_file_says_it(orientation, words):
    film = drawn_film()
    image = replace(image_of(film), orientation=orientation)
    curves = [m.curve for m in analysed(film, image=image).measurements if m.curve is not None]
    assert curves
    for curve in curves:
        assert words in curve_text(curve)
        if orientation == ("L", "F"):
            same = curve.convex_to is PictureSide.RIGHT
            assert curve.patient_side is (PictureSide.LEFT if same else PictureSide.RIGHT)
        else:
            assert curve.patient_side is None


def test_a_film_that_lies_upside_down_names_no_side_of_the_patient():
    found = analysed(drawn_film())
    from spinealign.measure.geometry.plane import PixelGeometry

    assert any(m.curve is not None for m in found.measurements)
    lying = PixelGeometry(upright_deg=180.0, rows_run_to=PictureSide.LEFT)
    assert lying.patient_side(PictureSide.RIGHT) is None
    assert PixelGeometry(rows_run_to=PictureSide.LEFT).patient_side(PictureSide.RIGHT) == "left"
    assert PixelGeometry(rows_run_to=PictureSide.RIGHT).patient_side(PictureSide.LEFT) == "left"


def test_names_that_fit_better_one_further_are_withheld():
    found = analysed(level_error=0.6)
    assert found.levels_uncertain
    assert {body.level for body in found.vertebrae} == {None}
    (doubt,) = [c.doubt for c in found.cautions if c.code is WarningCode.LEVELS_UNCERTAIN]
    assert doubt is LevelUncertainty.NO_ENDS
    (largest,) = [m for m in found.measurements if m.curve is not None]
    assert largest.code is MeasureCode.CURVE_UNNAMED
    assert largest.value == pytest.approx(50.0, abs=1.0)
    assert "the levels are uncertain" in alignment_sentences(found)


def test_a_body_that_was_not_seen_shifts_no_name():
    found = analysed(hidden=("T7",))
    assert [body.level for body in found.vertebrae] == [
        level for level in FRONTAL_LEVELS if level != "T7"
    ]
    assert [body.index for body in found.vertebrae] == list(range(1, 17))


def test_a_film_in_a_frame_has_its_bodies_where_they_are():
    film = drawn_film()
    frame = np.zeros((film.pixels.shape[0] + 300, film.pixels.shape[1] + 400), np.uint8)
    frame[100 : 100 + film.pixels.shape[0], 150 : 150 + film.pixels.shape[1]] = film.pixels
    image = replace(image_of(film), pixels=frame.astype(image_of(film).pixels.dtype))
    found = analysed(film, image=image)
    assert found.segmentation.mask.shape == frame.shape
    first = found.vertebrae[0].landmarks[0]
    assert (first.x, first.y) == pytest.approx(film.corners[0, 0] + (150, 100), abs=1.5)
