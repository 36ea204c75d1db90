"""Figures by source, on made-up answers."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from spinealign.domain.findings import Landmark, LandmarkSource, Vertebra, VertebraState
from spinealign.training.film_sources import as_text, figures, neck_part, score_by_corners
from spinealign.training.spine_films import HEAD_SOURCE, SPINE_SOURCE, from_outlined
from spinealign.training.xray_data import CORNERS
from tests.films import SIDE, ColumnShape, make_film

FILM = from_outlined(
    make_film(ColumnShape(("C2", "C3", "C4", "C5", "C6", "C7"), (420, 240))),
    HEAD_SOURCE, is_continued=True,
)  # fmt: skip


def found(body, level=None, shift=(0.0, 0.0), turn_deg=0.0):
    turn = np.deg2rad(turn_deg)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.nanmean(body.corners, axis=0)
    corners = (body.corners - centre) @ matrix.T + centre + shift
    marks = tuple(
        Landmark(name, float(x), float(y), 0.9, LandmarkSource.NETWORK)
        for name, (x, y) in zip(CORNERS, corners, strict=True)
        if np.isfinite(x)
    )
    outline = tuple(map(tuple, body.outline + shift))
    return Vertebra(level or body.level, 1, outline, marks, 0.9, VertebraState.COMPLETE)


def score(answer):
    return score_by_corners(lambda _image: answer, FILM)


def test_the_readers_own_points_are_perfect():
    perfect = score([found(body) for body in FILM.bodies])
    assert perfect.neck.is_complete
    assert perfect.is_neck_found
    assert not perfect.neck.wrong_names + perfect.strays
    assert max(perfect.neck.corner_errors) < 1e-6
    assert perfect.angle_errors["C2-C7"] == pytest.approx(0)


def test_errors_are_shares_of_a_bodys_height():
    shifted = score([found(body, shift=(0.1 * SIDE, 0)) for body in FILM.bodies])
    height = (5 * SIDE + 0.75 * SIDE) / 6
    assert shifted.neck.corner_errors == pytest.approx([0.1 * SIDE / height] * 22)


def test_names_one_level_off_are_wrong_and_still_found():
    names = ["C3", "C4", "C5", "C6", "C7", "T1"]
    shifted = score([found(b, name) for b, name in zip(FILM.bodies, names, strict=True)])
    assert shifted.neck.is_complete
    assert shifted.neck.wrong_names == 6


def test_a_body_elsewhere_is_a_stray_and_one_missing_is_missing():
    one = score([*(found(b) for b in FILM.bodies[:-1]), found(FILM.bodies[0], shift=(120, 0))])
    assert one.strays == 1
    assert not one.neck.is_complete
    assert np.isnan(one.angle_errors["C2-C7"])
    assert one.angle_errors["C2-C6"] == pytest.approx(0)


def test_a_body_is_found_once():
    twice = score([found(b) for b in FILM.bodies] + [found(FILM.bodies[2], shift=(1, 0))])
    assert twice.strays == 1
    assert twice.neck.matched == 6


def test_a_turned_endplate_is_an_error_of_the_angle():
    answer = [found(b) for b in FILM.bodies]
    answer[-1] = found(FILM.bodies[-1], turn_deg=7.0)
    assert abs(score(answer).angle_errors["C2-C7"]) == pytest.approx(7)


def test_rows_have_every_figure():
    good = score([found(b) for b in FILM.bodies])
    row = figures([good, replace(good, angle_errors={"C2-C7": -4.0}), score([])])
    assert row["neck found"]["value"] == pytest.approx(2 / 3, abs=1e-3)
    assert row["C2-C7"].startswith("2.0")
    assert "2/3" in row["C2-C7"]
    assert "corner median" in as_text(row)


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_the_neck_is_cut_out_with_its_points(is_mirrored):
    part = neck_part(FILM, 0.1, is_mirrored=is_mirrored)
    assert part.pixels.shape[0] < FILM.pixels.shape[0]
    for body in part.bodies:
        x, y = body.outline.mean(axis=0).astype(int)
        assert part.pixels[y, x] > 150
    front, back = part.bodies[2].corners[:2]
    assert (front[0] > back[0]) != is_mirrored


def test_a_turned_body_shows_in_its_two_discs_and_its_slope():
    answer = [found(b, turn_deg=4.0 if b.level == "C7" else 0) for b in FILM.bodies]
    turned = score(answer)
    assert [abs(e) for e in turned.segmental_errors] == pytest.approx([0, 0, 0, 0, 4], abs=1e-6)
    assert abs(turned.angle_errors["C7 slope"]) == pytest.approx(4)
    assert turned.angle_errors["C2-C6"] == pytest.approx(0)
    assert "T1 slope" not in turned.angle_errors


def test_outlines_are_compared_where_a_reader_drew_them_and_missing_ones_count_as_nothing():
    assert score([found(b) for b in FILM.bodies]).dice == pytest.approx([1] * 6)
    assert score([found(b) for b in FILM.bodies[1:]]).dice == pytest.approx([0, 1, 1, 1, 1, 1])
    by_corners = replace(FILM, source=SPINE_SOURCE)
    assert score_by_corners(lambda _image: [], by_corners).dice == ()


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_body_below_the_neck_counts_neither_way_once_the_neck_is_cut_out(is_mirrored):
    named = (*FILM.bodies[:-1], replace(FILM.bodies[-1], level="T1"))
    part = neck_part(replace(FILM, bodies=named, unknown=()), 0.8, is_mirrored=is_mirrored)
    assert [b.level for b in part.bodies] == ["C2", "C3", "C4", "C5", "C6"]
    x, y = part.doubtful[-1].mean(axis=0).astype(int)
    assert part.pixels[y, x] > 150
    below = Vertebra(
        "T1", 1, tuple(map(tuple, part.doubtful[-1])), (), 0.9, VertebraState.COMPLETE
    )  # fmt: skip
    assert score_by_corners(lambda _image: [below], part).strays == 0
    assert score_by_corners(lambda _image: [below], replace(part, doubtful=())).strays == 1
