"""Bodies found on a frontal film, on what a network that knows them would say; no network runs."""

from dataclasses import replace

import numpy as np
import pytest

from spinealign.frontal import FRONTAL_LEVELS, bodies, corners_of, find_bodies
from spinealign.frontal.candidates import Candidate, candidates, merged
from spinealign.frontal.column import best_column
from spinealign.training.frontal_films import cut_film, image_of
from tests.frontal import TILE, Oracle, drawn_corners, drawn_film


class Model:
    """Says how large its input is; what it sees comes from the oracle."""

    class card:  # noqa: N801
        input_shape = TILE
        training = {}  # noqa: RUF012


def found(monkeypatch, film, **how):
    oracle = Oracle(film, **how)
    monkeypatch.setattr(bodies, "whole_look", oracle.whole_look)
    monkeypatch.setattr(bodies, "look_at", oracle.look_at)
    return find_bodies(Model(), image_of(film))


def off_px(spine, film):
    return np.linalg.norm(corners_of(spine, film.levels) - film.corners, axis=-1)


@pytest.mark.parametrize("bend_deg", [0.0, 12.0, 30.0, 45.0])
def test_there_and_back_every_corner_to_half_a_pixel(monkeypatch, bend_deg):
    film = drawn_film(corners=drawn_corners(bend_deg))
    spine = found(monkeypatch, film)
    assert [body.level for body in spine.bodies] == list(FRONTAL_LEVELS)
    assert off_px(spine, film).max() < 0.5
    assert spine.margin > 10


def test_offsets_alone_give_corners_and_heat_alone_corrects_them(monkeypatch):
    film = drawn_film()
    assert off_px(found(monkeypatch, film, blank_heat=True), film).max() < 0.1
    oracle = Oracle(film)
    look = oracle.whole_look(None, image_of(film))
    pushed = replace(look, offsets=look.offsets + np.float32(1.0))
    straight = {round(float(c.level)): c.corners for c in candidates(look)}
    cell_px = 1 / look.grid.scale[0]
    for one in candidates(pushed):
        left = np.linalg.norm(one.corners - straight[round(one.level)], axis=1).mean() / cell_px
        assert left < 0.75 * np.sqrt(2)


def test_a_mirrored_film_keeps_names_and_changes_left_and_right(monkeypatch):
    corners = drawn_corners(20.0)
    width = 440
    turned = (corners * [-1, 1] + [width, 0])[:, (1, 0, 3, 2)]
    spine = found(monkeypatch, drawn_film(corners=turned))
    assert [body.level for body in spine.bodies] == list(FRONTAL_LEVELS)
    for body in spine.bodies:
        assert (body.corners[[0, 3], 0] < body.corners[[1, 2], 0]).all()


@pytest.mark.parametrize(("first", "last"), [("T1", "T9"), ("T8", "L5"), ("T5", "L2")])
def test_a_film_cut_to_a_part_names_the_bodies_that_it_shows(monkeypatch, first, last):
    film = cut_film(drawn_film(), first, last)
    spine = found(monkeypatch, film)
    assert [body.level for body in spine.bodies] == list(film.levels)
    assert (film.levels[0], film.levels[-1]) == (first, last)
    assert off_px(spine, film).max() < 0.7


def test_bodies_that_are_not_seen_leave_a_gap_and_do_not_shift_names(monkeypatch):
    film = drawn_film()
    spine = found(monkeypatch, film, hidden=("T6", "T7", "L2"))
    missing = set(FRONTAL_LEVELS) - {body.level for body in spine.bodies}
    assert missing == {"T6", "T7", "L2"}
    assert np.isnan(corners_of(spine, ["T6"])).all()


def test_levels_off_by_a_third_change_no_name_and_by_one_all_of_them(monkeypatch):
    film = drawn_film(corners=drawn_corners(count=12))
    third = found(monkeypatch, film, level_error=0.35)
    assert [body.level for body in third.bodies] == list(FRONTAL_LEVELS[:12])
    one = found(monkeypatch, film, level_error=1.0)
    assert [body.level for body in one.bodies] == list(FRONTAL_LEVELS[1:13])
    assert third.margin < found(monkeypatch, film).margin


def test_a_small_column_is_looked_at_once_more(monkeypatch):
    small = drawn_film(
        corners=drawn_corners(pitch=24.0, top=500.0, middle=300.0), shape=(1400, 600)
    )
    looks = []
    for film in (drawn_film(), small):
        oracle = Oracle(film)
        monkeypatch.setattr(bodies, "whole_look", oracle.whole_look)
        monkeypatch.setattr(bodies, "look_at", oracle.look_at)
        image = image_of(film)
        column = bodies.coarse_column(Model(), image, oracle.whole_look(None, image))
        assert column.numbers == tuple(range(1, 18))
        looks.append(oracle.looks)
    assert looks == [2, 4]


def test_a_picture_without_bodies_has_none(monkeypatch):
    film = replace(drawn_film(), levels=(), corners=np.empty((0, 4, 2)))
    monkeypatch.setattr(bodies, "whole_look", lambda *_: Oracle(drawn_film()).look_at)
    monkeypatch.setattr(bodies, "candidates", lambda _look: [])
    assert find_bodies(Model(), image_of(film)).bodies == ()


def column_of(corners, **changes):
    return [
        Candidate(body, changes.get("score", 0.9), float(n + 1), 0.5)
        for n, body in enumerate(corners)
    ]


def test_candidates_beside_the_column_are_no_part_of_it():
    corners = drawn_corners(15.0)
    strays = [Candidate(corners[n] + [160, 8], 0.5, float(n + 1), 0.5) for n in (3, 8, 12)]
    column = best_column([*column_of(corners), *strays])
    assert column.numbers == tuple(range(1, 18))
    assert np.allclose(column.centres, corners.mean(axis=1))


def test_bodies_above_the_first_and_below_the_last_level_are_left_out():
    corners = drawn_corners(10.0, pitch=55.0, count=20)
    every = [Candidate(body, 0.9, float(n - 1), 0.5) for n, body in enumerate(corners)]
    column = best_column(every)
    assert column.numbers == tuple(range(1, 18))
    assert np.allclose(column.centres, corners[2:19].mean(axis=1))


def test_one_body_with_a_wrong_level_renames_nothing():
    every = column_of(drawn_corners())
    every[5] = replace(every[5], level=12.0, spread=0.2)
    assert best_column(every).numbers == tuple(range(1, 18))


def test_the_same_body_of_two_looks_is_one_at_the_mean_place():
    corners = drawn_corners()
    first = column_of(corners)
    second = [replace(one, corners=one.corners + 2.0) for one in first]
    joined = merged([*first, *second], 66.0)
    assert len(joined) == 17
    places = sorted((one.centre for one in joined), key=lambda c: c[1])
    assert np.allclose(places, corners.mean(axis=1) + 1.0, atol=0.01)
    far = replace(first[0], weight=1e-6)
    assert np.allclose(merged([far, second[0]], 66.0)[0].corners, second[0].corners, atol=0.01)


def test_of_very_many_peaks_the_highest_are_followed():
    film = drawn_film()
    look = Oracle(film).whole_look(None, image_of(film))
    noise = np.random.default_rng(0).uniform(0.1, 0.3, look.centre.shape).astype(np.float32)
    found = candidates(replace(look, centre=np.maximum(look.centre, noise)))
    assert len(found) <= 60
    assert best_column(found).numbers == tuple(range(1, 18))


def test_what_the_mirror_image_says_takes_an_error_to_one_side_away(monkeypatch):
    film = drawn_film()
    monkeypatch.setattr(Model.card, "training", {"close_looks": False})
    assert off_px(found(monkeypatch, film, shift_px=6.0), film).max() < 0.6
    monkeypatch.setattr(bodies, "mirrored_back", lambda one, cols: one)
    assert off_px(found(monkeypatch, film, shift_px=6.0), film).max() > 3


def test_a_network_that_sees_nothing_more_closely_is_not_asked_to(monkeypatch):
    film = drawn_film()
    counts = []
    for closer in (True, False):
        monkeypatch.setattr(Model.card, "training", {"close_looks": closer})
        oracle = Oracle(film)
        monkeypatch.setattr(bodies, "whole_look", oracle.whole_look)
        monkeypatch.setattr(bodies, "look_at", oracle.look_at)
        spine = find_bodies(Model(), image_of(film))
        assert [body.level for body in spine.bodies] == list(FRONTAL_LEVELS)
        counts.append(oracle.looks)
    assert counts[0] > counts[1] == 2
