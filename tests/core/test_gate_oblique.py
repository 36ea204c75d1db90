"""Oblique necks drawn on lateral films: what turning changes, and what it leaves alone."""

from functools import partial

import numpy as np
import pytest

from spinealign.training import gate_oblique
from spinealign.training.gate_oblique import draw_vertebra, imitate, imitations, projected
from spinealign.training.spine_films import HEAD_SOURCE, from_outlined
from tests.films import ColumnShape, make_film

RNG = partial(np.random.default_rng, 0)
LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7")
FILM = from_outlined(make_film(ColumnShape(LEVELS, (420, 240))), HEAD_SOURCE, is_continued=True)


def column(turn_deg: float, seed: int = 0) -> np.ndarray:
    """Return the middle one of three vertebrae on each other; rows down, columns forward."""
    one = projected(draw_vertebra(np.random.default_rng(seed)), turn_deg)
    pitch = round(1.05 * gate_oblique._CELLS)
    tall = np.zeros((one.shape[0] + 2 * pitch, one.shape[1]))
    for place in range(3):
        tall[place * pitch : place * pitch + one.shape[0]] += one
    centre = pitch + round(gate_oblique._HIGH[2] * gate_oblique._CELLS)
    return tall[centre - pitch // 2 : centre + pitch // 2]


def behind_the_body(picture: np.ndarray) -> np.ndarray:
    """Return the strip where foramina open, from the posterior wall back."""
    start, stop = ((x - gate_oblique._LOW[0]) * gate_oblique._CELLS for x in (-0.8, -0.55))
    return picture[:, int(start) : int(stop)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("side", [-1, 1], ids=["right", "left"])
def test_foramina_open_behind_the_bodies_of_an_oblique_neck(seed: int, side: int) -> None:
    rows = behind_the_body(column(side * 45.0, seed)).mean(axis=1)
    pedicle, gap = rows.max(), rows.min()
    assert gap < 0.45 * pedicle
    lateral = behind_the_body(column(0.0, seed)).mean(axis=1)
    assert lateral.min() > gap


def test_the_spinous_process_of_a_turned_vertebra_reaches_less_far_back() -> None:
    vertebra = draw_vertebra(np.random.default_rng(1))
    reach = [np.argmax(projected(vertebra, turn).max(axis=0) > 0.05) for turn in (0.0, 30.0, 60.0)]
    assert reach == sorted(reach)
    assert reach[-1] - reach[0] > 0.5 * gate_oblique._CELLS


def test_turning_to_either_side_looks_alike_as_a_vertebra_is_symmetrical() -> None:
    vertebra = draw_vertebra(np.random.default_rng(2))
    left, right = (projected(vertebra, turn).sum(axis=0) for turn in (45.0, -45.0))
    assert np.abs(left - right).max() < 0.1 * left.max()


@pytest.mark.parametrize("turn_deg", [0.0, 45.0])
def test_only_the_column_and_what_stands_behind_it_is_drawn_anew(turn_deg: float) -> None:
    drawn = imitate(FILM, draw_vertebra(RNG()), turn_deg, RNG())
    assert drawn is not None
    changed = np.abs(drawn - FILM.pixels) > 1
    body = FILM.bodies[2].outline.astype(int)
    assert changed[body[:, 1].min() : body[:, 1].max(), body[:, 0].min() : body[:, 0].max()].any()
    front = max(b.outline[:, 0].max() for b in FILM.bodies)
    depth = np.ptp(FILM.bodies[2].outline[:, 0])
    assert not changed[:, int(front + 2.5 * depth) :].any()
    assert 0 <= drawn.min() <= drawn.max() <= 255


def test_a_film_of_one_body_is_not_drawn_anew() -> None:
    film = from_outlined(
        make_film(ColumnShape(LEVELS[:2], (420, 240))), HEAD_SOURCE, is_continued=True
    )
    assert imitate(film, draw_vertebra(RNG()), 45.0, RNG()) is None
    assert not list(imitations([film], 3, np.random.default_rng(0), is_oblique=True))


@pytest.mark.parametrize("is_oblique", [True, False])
def test_rotations_are_those_of_the_projection(
    is_oblique: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[float] = []
    monkeypatch.setattr(
        gate_oblique, "imitate", lambda film, vertebra, turn, rng: turns.append(turn)
    )
    list(imitations([FILM], 60, np.random.default_rng(0), is_oblique=is_oblique))
    sizes = np.abs(turns)
    low, high = gate_oblique.OBLIQUE_DEG
    assert len(turns) == 60
    assert min(turns) < 0 < max(turns)
    assert sizes.max() <= high
    if is_oblique:
        assert sizes.min() >= low
    else:
        assert np.median(sizes) < gate_oblique.LATERAL_DEG
