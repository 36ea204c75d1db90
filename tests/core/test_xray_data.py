import numpy as np
import pytest

from spinealign.domain.errors import DataSetError
from spinealign.training.xray_data import (
    load_films,
    make_body,
    side_curve,
    split_films,
    unknown_below,
)
from tests.films import LEFT, SIDE, ColumnShape, c2_points, make_film, square_points, write_film


def distance_to(outline, point):
    return float(np.linalg.norm(outline - np.array(point), axis=1).min())


def test_corners_keep_the_order_of_the_heat_maps():
    body = make_body("C4", square_points(100.0), uncertain=False)
    right, bottom = LEFT + SIDE, 100 + SIDE
    assert body.corners.tolist() == [[right, 100], [LEFT, 100], [LEFT, bottom], [right, bottom]]
    assert body.height_px == SIDE


def test_c2_has_no_superior_corners():
    body = make_body("C2", c2_points(120.0), uncertain=True)
    assert np.isnan(body.corners[:2]).all()
    assert body.corners[2:].tolist() == [[LEFT, 120], [LEFT + SIDE, 120]]


@pytest.mark.parametrize(
    ("level", "points"), [("C2", c2_points(120.0)), ("C5", square_points(80.0))], ids=["C2", "C5"]
)
def test_the_outline_runs_through_the_readers_points(level, points):
    outline = make_body(level, points, uncertain=False).outline
    assert max(distance_to(outline, p) for p in points) < 1e-9


def test_a_concave_endplate_is_followed():
    curve = side_curve(np.array([[0.0, 0.0], [10.0, 4.0], [20.0, 0.0]]))
    assert curve[0].tolist() == [0, 0]
    assert curve[:, 1].max() == pytest.approx(4)
    assert distance_to(curve, (5.0, 3.0)) < 1e-9


@pytest.mark.parametrize(("level", "count"), [("C2", 8), ("C3", 10), ("C3", 4)])
def test_a_wrong_number_of_points_is_refused(level, count):
    with pytest.raises(DataSetError, match=level):
        make_body(level, np.zeros((count, 2)), uncertain=False)


def test_shrinking_a_film_moves_its_points_along(tmp_path):
    write_film(tmp_path, "001", uncertain=("C4",))
    (full,) = load_films(tmp_path)
    (small,) = load_films(tmp_path, longest_px=160)
    assert small.pixels.shape == (160, 120)
    assert small.bodies[1].corners == pytest.approx(full.bodies[1].corners / 2)
    assert small.height_px == pytest.approx(SIDE / 2)
    assert [b.level for b in full.bodies if b.uncertain] == ["C4"]
    assert full.cut == ("C6",)


def test_quality_is_read_from_the_table(tmp_path):
    for name in ("001", "002"):
        write_film(tmp_path, name)
    (tmp_path / "films.csv").write_text("film,levels,quality\n002,C2,poor\n", encoding="utf-8")
    assert [f.quality for f in load_films(tmp_path)] == ["good", "poor"]


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(DataSetError, match="annotations"):
        load_films(tmp_path)


@pytest.mark.parametrize("levels", [("C2",), ("C2", "C3"), ("C2", "C3", "C4", "C5")])
def test_truth_is_unknown_below_the_last_body_only(levels):
    film = make_film(ColumnShape(levels))
    polygon = unknown_below(film.bodies)
    lowest = max(body.outline[:, 1].max() for body in film.bodies)
    assert polygon[:, 1].min() > lowest
    below = polygon[2:, 0]
    assert below.min() < LEFT
    assert below.max() > LEFT + SIDE


def test_a_film_is_never_on_both_sides_of_the_split():
    films = [make_film(name=f"{i:03d}") for i in range(12)]
    train, held_out = split_films(films, 0.25, seed=7)
    assert len(held_out) == 3
    assert {f.name for f in train}.isdisjoint(f.name for f in held_out)
    assert len(train) + len(held_out) == 12
