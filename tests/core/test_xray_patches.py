import numpy as np
import pytest

from spinealign.training import xray_augment
from spinealign.training.dataset import IGNORE
from spinealign.training.xray_augment import PAD_PX, ColumnCourse, surround
from spinealign.training.xray_data import make_body, unknown_below
from spinealign.training.xray_patches import (
    C2,
    LOWER_BODY,
    FilmPatches,
    PatchSettings,
    SurroundedFilm,
    draw_corners,
    draw_mask,
    rasterise,
)
from tests.films import LEFT, SIDE, make_film, square_points

UNMOVED = np.array([[1.0, 0, 0], [0, 1, 0]])
SMALL = PatchSettings(crop=(128, 96), body_px=((10.0, 20.0), (20.0, 30.0)))


@pytest.mark.parametrize("size", [(6.3, 9.1), (14.0, 14.0), (25.5, 11.2)])
def test_rasterised_bodies_are_on_average_as_large_as_their_outlines(size):
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size
    starts = np.random.default_rng(0).uniform(3, 7, (200, 2))
    areas = [rasterise([corners + start], (40, 40)).sum() for start in starts]
    assert np.mean(areas) == pytest.approx(size[0] * size[1], rel=0.03)


def test_classes_and_unknown_pixels_of_the_mask():
    film = make_film()
    mask = draw_mask(film.bodies, UNMOVED, film.pixels.shape, unknown_below(film.bodies))
    for body in film.bodies:
        x, y = body.corners[2:].mean(axis=0)
        assert mask[int(y - 5), int(x)] == (C2 if body.level == "C2" else LOWER_BODY)
    last = film.bodies[-1].corners[2:].mean(axis=0)
    assert mask[int(last[1] + 10), int(last[0])] == IGNORE
    assert mask[5, 5] == 0


def test_each_corner_has_its_own_heat_map():
    body = make_body("C4", square_points(40.0), uncertain=False)
    heat, weight = draw_corners([body], UNMOVED, (120, 140))
    for channel, (x, y) in enumerate(body.corners):
        row, col = np.unravel_index(heat[..., channel].argmax(), heat.shape[:2])
        assert abs(col + 0.5 - x) <= 0.5
        assert abs(row + 0.5 - y) <= 0.5
        assert heat[row, col, channel] > 0.9
    assert (weight == 1).all()


def test_uncertain_corners_weigh_less():
    body = make_body("C4", square_points(40.0), uncertain=True)
    _, weight = draw_corners([body], UNMOVED, (120, 140))
    assert weight[40, int(LEFT)] < 0.5
    assert weight[5, 5] == 1


def test_corners_outside_the_crop_leave_no_trace():
    body = make_body("C4", square_points(-200.0), uncertain=False)
    assert draw_corners([body], UNMOVED, (60, 60))[0].max() == 0


def test_surroundings_leave_the_film_as_it_is():
    film = make_film()
    wide = surround(film.pixels, np.random.default_rng(0))
    rows, cols = film.pixels.shape
    inside = wide[PAD_PX["top"] :, PAD_PX["left"] :][:rows, :cols]
    assert np.array_equal(inside[30:-30, 30:-30], film.pixels[30:-30, 30:-30])
    assert wide.shape == (rows + PAD_PX["top"] + PAD_PX["bottom"], cols + 360 + PAD_PX["right"])


def test_the_film_and_its_outlines_move_together():
    film = make_film()
    one = SurroundedFilm(film, np.random.default_rng(0))
    matrix = np.array([[-0.9, 0.2, 200.0], [0.2, 0.9, -5.0]])
    image = one.warp(matrix, (300, 240), 0)
    mask = draw_mask(film.bodies, matrix, (300, 240), None)
    assert image[mask > 0].mean() > 0.6
    ring = rasterise([b.outline * 1.0 for b in film.bodies], (300, 240))
    assert image[(mask == 0) & ~ring].mean() < 0.45


def column():
    posterior = np.array([[60.0, 20], [60, 60], [60, 100]])
    return ColumnCourse(posterior, posterior + np.array([30.0, 0]), 30.0)


def test_the_neck_ends_behind_the_column_and_not_in_front():
    image = np.full((120, 400), 0.5, np.float32)
    aside = np.array([240.0, 0])
    wide = ColumnCourse(column().posterior + aside, column().anterior + aside, 30.0)
    faded = xray_augment.fade_behind(image, wide, np.random.default_rng(1))
    assert faded[60, 5] < 0.2
    assert faded[60, 330] > 0.4


def test_a_shoulder_veils_the_lower_end():
    image = np.random.default_rng(0).uniform(0, 1, (160, 140)).astype(np.float32)
    _, veil = xray_augment.shoulder(image, column(), np.random.default_rng(3))
    assert veil[150, 75] > veil[5, 75]
    assert 0 <= veil.min() <= veil.max() <= 1


def test_patches_have_the_promised_form_and_follow_the_seed():
    films = [make_film()]
    one = FilmPatches(films, [], SMALL, seed=3)
    same = FilmPatches(films, [], SMALL, seed=3)
    for _ in range(12):
        image, labels = one.sample()
        again, _ = same.sample()
        assert image.shape == (128, 96, 1)
        assert 0 <= image.min() <= image.max() <= 1
        assert labels.shape == (128, 96, 6)
        assert set(np.unique(labels[..., 0])) <= {0, C2, LOWER_BODY, IGNORE}
        assert (labels[..., 5][labels[..., 0] == IGNORE] == 0).all()
        assert np.array_equal(image, again)


def test_most_patches_show_a_body():
    patches = FilmPatches([make_film()], [], SMALL, seed=0)
    shown = [np.isin(patches.sample()[1][..., 0], (C2, LOWER_BODY)).any() for _ in range(20)]
    assert sum(shown) >= 14


def test_pictures_without_a_column_are_all_background():
    settings = PatchSettings(crop=(64, 64), negative_share=1.0)
    picture = np.random.default_rng(0).integers(0, 256, (90, 70)).astype(np.uint8)
    images, labels = next(FilmPatches([make_film()], [picture], settings, seed=0).batches(3))
    assert images.shape == (3, 64, 64, 1)
    assert (labels[..., :5] == 0).all()
    assert images.std() > 0.01


@pytest.mark.parametrize("side", ["flip", "none"])
def test_anterior_stays_anterior_when_a_film_is_flipped(side):
    film = make_film()
    matrix = UNMOVED if side == "none" else np.array([[-1.0, 0, 240.0], [0, 1, 0]])
    heat, _ = draw_corners(film.bodies, matrix, film.pixels.shape)
    anterior = np.argwhere(heat[..., 0] > 0.8)[:, 1].mean()
    posterior = np.argwhere(heat[..., 1] > 0.8)[:, 1].mean()
    assert (anterior > posterior) == (side == "none")
    assert abs(anterior - posterior) == pytest.approx(SIDE, abs=2)
