"""Frontal films as training sees them, and their crops; no TensorFlow."""

from dataclasses import replace

import numpy as np
import pytest

from spinealign.domain.errors import DataSetError
from spinealign.frontal import FRONTAL_LEVELS
from spinealign.measure.geometry.challenge_cobb import challenge_cobb
from spinealign.training import frontal_appearance as surroundings
from spinealign.training import frontal_films as films
from spinealign.training import frontal_patches as patches
from spinealign.training.dataset import IGNORE
from spinealign.training.frontal_bend import Bend
from tests.frontal import drawn_corners, drawn_film, row_of

PIXELS = np.zeros((1280, 440), np.uint8)


def test_a_row_of_the_table_becomes_a_film():
    corners = drawn_corners()
    film = films.frontal_film(row_of(corners), PIXELS)
    assert film.levels == FRONTAL_LEVELS
    assert np.allclose(film.corners, corners)
    assert film.patient == "162"
    assert film.is_usable
    assert not film.repairs


@pytest.mark.parametrize("plates", [1, 2])
def test_endplates_stored_behind_the_last_one_are_moved_to_the_top(plates):
    corners = drawn_corners()
    lines = np.stack([corners[:, :2], corners[:, (3, 2)]], axis=1).reshape(-1, 2, 2)
    stored = np.roll(lines, -plates, axis=0).reshape(17, 4, 2)[:, (0, 1, 3, 2)]
    film = films.frontal_film(row_of(stored), PIXELS)
    assert np.allclose(film.corners, corners)
    assert film.repairs == (f"{plates} endplates moved from the end to the top",)


def test_a_body_that_repeats_the_last_one_is_left_out():
    corners = drawn_corners()
    corners[16] = corners[15] + 2
    film = films.frontal_film(row_of(corners), PIXELS)
    assert film.levels == FRONTAL_LEVELS[:16]
    assert not film.is_complete
    assert not film.is_usable


def test_a_body_that_fits_neither_neighbour_is_doubtful():
    corners = drawn_corners()
    corners[7, 2:] -= [0, 0.7 * (corners[7, 2, 1] - corners[7, 1, 1])]
    film = films.frontal_film(row_of(corners), PIXELS)
    assert film.doubtful == {"T8"}
    assert film.is_usable


@pytest.mark.parametrize(
    ("source", "patient"),
    [
        ("sunhl-1th-02-Jan-2017-162 A AP", "162"),
        ("sunhl-1th-03-Nov-2016-33 D AP2", "33"),
        ("sunhl-1th-03-Nov-2016-33 A AP (2)", "33"),
        ("sunhl-1th-22-Nov-2016-141 B AP", "77"),
        ("sunhl-1th-20-Jul-2016-coronal8", "5"),
        ("sunhl-1th-20-Jul-2016-coronal2", "coronal2"),
    ],
)
def test_patients_are_told_by_number(source, patient):
    assert films.patient_of(source) == patient


def test_parts_are_fixed_and_doubtful_patients_are_never_judged():
    assert films.part_of("coronal2") == films.TRAINING_ONLY
    assert films.part_of("5") == films.TRAINING_ONLY
    parts = [films.part_of(str(n)) for n in range(100, 300) if str(n) not in ("238", "239")]
    assert set(parts) == {films.HELD_OUT, "0", "1", "2", "3"}
    assert 0.08 < parts.count(films.HELD_OUT) / len(parts) < 0.22
    # Changing the hash would let patients that were trained on be judged.
    assert [films.part_of(n) for n in ("162", "163", "164", "165", "33")] == PARTS


PARTS = ["3", "2", "2", "2", "1"]


def test_a_folder_without_a_table_is_told(tmp_path):
    with pytest.raises(DataSetError):
        films.load_frontal(tmp_path)


def test_a_cut_film_keeps_its_bodies_in_place():
    film = drawn_film()
    part = films.cut_film(film, "T6", "L1")
    assert part.levels[0] == "T6"
    assert part.levels[-1] == "L1"
    moved = film.corners[5:13] - part.corners
    assert np.ptp(moved.reshape(-1, 2), axis=0) == pytest.approx([0, 0])
    assert part.pixels.shape[0] < film.pixels.shape[0]
    assert part.corners[..., 1].min() > 0
    assert part.corners[..., 1].max() < part.pixels.shape[0]


def test_names_that_are_off_are_moved_and_what_lies_beyond_is_left_out(monkeypatch):
    monkeypatch.setattr(films, "_NAMES_MOVED", {"ap_480": 3, "ap_083": -2})
    low = films.as_seen(replace(drawn_film(), name="ap_480", doubtful=frozenset({"T3", "L4"})))
    assert low.levels == FRONTAL_LEVELS[3:]
    assert low.doubtful == {"T6"}
    assert np.array_equal(low.corners, drawn_film().corners[:14])
    high = films.as_seen(replace(drawn_film(), name="ap_083"))
    assert high.levels == FRONTAL_LEVELS[:15]
    assert np.array_equal(high.corners, drawn_film().corners[2:])
    assert films.as_seen(drawn_film()) is not None
    assert films.as_seen(drawn_film()).levels == FRONTAL_LEVELS
    [taught] = films.training_films([replace(drawn_film(), name="ap_083", patient="3")], ())
    assert taught.levels == high.levels


def test_beyond_an_end_that_is_not_that_of_the_column_nothing_is_taught():
    film = drawn_film()
    short = replace(film, levels=film.levels[:15], corners=film.corners[:15])
    made, whole = labels_of(short).packed(), labels_of(film).packed()
    x, y = np.floor(film.corners[16].mean(axis=0) / patches.STRIDE).astype(int)
    assert whole[y, x, patches.MASK] == patches.BODY
    assert made[y, x, patches.MASK] == IGNORE
    assert made[y, x, patches.CENTRE_WEIGHT] == made[y, x, patches.CORNER_WEIGHT] == 0
    x, y = np.floor(film.corners[14].mean(axis=0) / patches.STRIDE).astype(int)
    assert made[y, x, patches.MASK] == patches.BODY
    assert made[y, x, patches.CENTRE_WEIGHT] == 1
    x, y = np.floor(film.corners[0].mean(axis=0) / patches.STRIDE).astype(int)
    assert made[y, x, patches.CENTRE_WEIGHT] == whole[y, x, patches.CENTRE_WEIGHT] == 3


def labels_of(film, corners=None, pitch=60.0, shape=(1280, 440)):
    made = patches.FrontalLabels(film, film.corners if corners is None else corners, shape, pitch)
    return made


def test_labels_show_each_body_with_its_number_corners_and_offsets():
    film = drawn_film()
    made = labels_of(film).packed()
    assert made.shape == (640, 220, patches.CHANNELS)
    for number, body in enumerate(film.corners, start=1):
        col, row = (int(v) for v in body.mean(axis=0) / 2)
        assert made[row, col, patches.MASK] == patches.BODY
        assert made[row, col, patches.LEVEL] == number
        cell = 2 * np.array([col + 0.5, row + 0.5])
        back = cell + made[row, col, patches.OFFSETS].reshape(4, 2)
        assert back == pytest.approx(body, abs=1e-3)
        for place, corner in enumerate(body):
            heat = made[..., patches.CORNERS][..., place]
            near = heat[int(corner[1] / 2), int(corner[0] / 2)]
            assert near > 0.7
    assert made[0, 0, patches.LEVEL_WEIGHT] == 0


def test_a_doubtful_body_teaches_nothing():
    film = replace(drawn_film(), doubtful=frozenset(["T8"]))
    made = labels_of(film).packed()
    col, row = (int(v) for v in film.corners[7].mean(axis=0) / 2)
    assert made[row, col, patches.MASK] == IGNORE
    for weight in (patches.CORNER_WEIGHT, patches.CENTRE_WEIGHT, patches.LEVEL_WEIGHT):
        assert made[row, col, weight] == 0
    assert made[row, col, patches.OFFSET_WEIGHT] == 0


def test_what_is_hidden_is_background_and_a_body_cut_by_its_edge_is_not_taught():
    film = drawn_film()
    made = labels_of(film)
    hidden = np.zeros((1280, 440), bool)
    middle = int(film.corners[8].mean(axis=0)[1])
    hidden[middle:] = True
    made.hide(hidden)
    packed = made.packed()
    below = packed[middle // 2 + 1 :]
    assert (below[..., patches.MASK] == 0).all()
    assert (below[..., patches.CENTRE] == 0).all()
    assert (below[..., patches.CENTRE_WEIGHT] == 1).all()
    col = int(film.corners[8].mean(axis=0)[0] / 2)
    assert packed[middle // 2 - 4, col, patches.MASK] == IGNORE
    assert packed[int(film.corners[3].mean(axis=0)[1] / 2), 110, patches.MASK] == patches.BODY


def test_bodies_in_burnt_or_black_parts_are_not_taught():
    film = drawn_film()
    made = labels_of(film)
    image = film.pixels.astype(np.float32) / 255
    burnt = int(film.corners[5, 2:, 1].max()) + 8
    image[:burnt] = 1.0
    made.forget_unseen(image)
    packed = made.packed()
    for number, body in enumerate(film.corners):
        col, row = (int(v) for v in body.mean(axis=0) / 2)
        assert packed[row, col, patches.MASK] == (IGNORE if number < 6 else patches.BODY)


def test_small_bodies_teach_no_corners_but_centres():
    made = labels_of(drawn_film(), pitch=12.0).packed()
    assert (made[..., patches.CORNER_WEIGHT] == 0).all()
    assert (made[..., patches.CENTRE_WEIGHT] >= 1).all()


def test_centres_weigh_more_at_both_ends_and_beyond_them_but_not_where_nothing_is_taught():
    film = drawn_film()
    made = labels_of(film)
    weight = made.packed()[..., patches.CENTRE_WEIGHT]
    cells = film.corners.mean(axis=1) / 2
    for end, following in ((cells[0], cells[1]), (cells[-1], cells[-2])):
        for x, y in (end, 2 * end - following):
            assert weight[int(y), int(x)] > 1
    for x, y in cells[2:-2]:
        assert weight[int(y), int(x)] == 1
    hidden = np.zeros((1280, 440), bool)
    hidden[: int(film.corners[1, :, 1].max())] = True
    made.hide(hidden)
    x, y = cells[0]
    assert made.packed()[int(y), int(x), patches.CENTRE_WEIGHT] == 1
    x, y = cells[1]
    assert made.packed()[int(y), int(x), patches.CENTRE] == 0
    doubtful = labels_of(replace(film, doubtful=frozenset(["T1"]))).packed()
    x, y = cells[0]
    assert doubtful[int(y), int(x), patches.CENTRE_WEIGHT] == 0


def test_a_mirrored_crop_changes_left_and_right_and_keeps_the_order_of_corners():
    corners = drawn_corners(15.0)
    mirror = np.array([[-1.0, 0.0, 440.0], [0.0, 1.0, 0.0]])
    turned = patches.in_crop(corners, mirror)
    assert (turned[:, (0, 3), 0] < turned[:, (1, 2), 0]).all()
    assert (turned[:, :2, 1].mean(axis=1) < turned[:, 2:, 1].mean(axis=1)).all()
    assert np.allclose(patches.in_crop(turned, mirror), corners)


BEND = Bend(slope=0.25, wave_px=600.0, phase=0.7, middle=220.0, reach_px=260.0)


def test_a_bent_crop_has_its_points_where_they_are_seen():
    for x, y in ((150.0, 200.0), (220.5, 610.0), (300.0, 990.0)):
        spot = np.zeros((1280, 440), np.float32)
        spot[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] = 1
        bent = BEND.image(spot)
        rows, cols = np.nonzero(bent > 0.5)
        middle = np.array([int(x) + 0.5, int(y) + 0.5])
        seen = np.array([cols.mean() + 0.5, rows.mean() + 0.5])
        assert BEND.points(middle) == pytest.approx(seen, abs=0.5)
        assert np.linalg.norm(seen - middle) > 1
        assert BEND.source(BEND.points(middle)) == pytest.approx(middle, abs=1e-3)


def test_a_bend_makes_a_straight_column_a_curve_whose_bodies_keep_their_shape():
    corners = drawn_corners(bend_deg=0.0)
    bent = BEND.points(corners)
    angles = challenge_cobb(bent, 1280).angles_deg
    assert angles[0] == pytest.approx(2 * np.degrees(np.arctan(0.25)), abs=2)
    for before, after in zip(corners, bent, strict=True):
        sides = [np.linalg.norm(np.roll(c, -1, axis=0) - c, axis=1) for c in (before, after)]
        assert sides[1] == pytest.approx(sides[0], rel=0.25)
        across, down = after[1] - after[0], after[3] - after[0]
        square = across @ down / np.linalg.norm(across) / np.linalg.norm(down)
        assert abs(square) < 0.1


def test_films_with_large_curves_are_drawn_twice_as_often():
    film = drawn_film()
    large = replace(film, name="ap_002", published_deg=(52.0, 30.0, 20.0))
    drawn = patches.FrontalPatches([film, large], [], [film.pixels], SMALL, 1)
    counts = [0, 0]
    for _ in range(200):
        counts[drawn._rng.choice(2, p=drawn._weights)] += 1
    assert counts[1] > 1.4 * counts[0]


SMALL = patches.FrontalPatchSettings(
    crop=(96, 64), coarse_px=(4.0, 8.0), close_px=(14.0, 24.0), negative_share=0.1
)


def drawn_crops(seed, settings=SMALL):
    film = drawn_film()
    picture = np.full((80, 60), 90, np.uint8)
    return patches.FrontalPatches([film], [picture], [film.pixels], settings, seed)


def test_crops_are_those_of_their_seed():
    for _ in range(2):
        first, again = next(drawn_crops(5).batches(6)), next(drawn_crops(5).batches(6))
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], next(drawn_crops(6).batches(6))[0])


def test_many_crops_are_finite_in_range_and_mostly_show_bodies():
    stream = drawn_crops(1)
    shown = 0
    for _ in range(60):
        image, made = stream.sample()
        assert image.shape == (96, 64, 1)
        assert made.shape == (48, 32, patches.CHANNELS)
        assert np.isfinite(image).all()
        assert image.min() >= 0
        assert image.max() <= 1
        assert set(np.unique(made[..., patches.MASK])) <= {0.0, 1.0, float(IGNORE)}
        assert np.isfinite(made).all()
        shown += bool((made[..., patches.MASK] == patches.BODY).any())
    assert shown > 40


def test_a_body_around_a_film_leaves_the_film_itself_unchanged():
    film = drawn_film()
    image = film.pixels.astype(np.float32) / 255
    shown = np.ones(image.shape, bool)
    shown[:40], shown[:, :60] = False, False
    body = surroundings.Body(film.corners.mean(axis=1))
    made = surroundings.whole_body(image, shown, body, np.random.default_rng(0))
    np.testing.assert_array_equal(made[shown], image[shown])
    assert not np.allclose(made[~shown], image[~shown])
    whole = surroundings.whole_body(image, np.ones_like(shown), body, np.random.default_rng(0))
    np.testing.assert_array_equal(whole, image)


def test_rods_lie_beside_the_column():
    film = drawn_film(corners=drawn_corners(0.0))
    body = surroundings.Body(film.corners.mean(axis=1))
    dark = np.zeros(film.pixels.shape, np.float32)
    made = surroundings.instruments(dark, body, np.random.default_rng(0))
    cols = np.nonzero(made > 0.5)[1]
    assert cols.size
    assert np.abs(cols - 220).max() < 0.6 * film.pitch_px
