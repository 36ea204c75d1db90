import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.imaging.fit import place, plan_letterbox
from spinealign.imaging.tiles import (
    FilmWindow,
    Grid,
    averaged_tiles,
    letterbox_grid,
    resample,
    tile_starts,
    tile_weight,
    tiles_along,
    window_around,
)

SIZES = st.integers(20, 400)


def ramp(rows, cols):
    """Return a film whose value is 3 x + 5 y at each pixel's centre."""
    y, x = np.mgrid[0:rows, 0:cols] + 0.5
    return (3 * x + 5 * y).astype(np.float32)


def values_at(points):
    return 3 * points[:, 0] + 5 * points[:, 1]


def cell_centres(grid, margin=3):
    y, x = np.mgrid[margin : grid.shape[0] - margin, margin : grid.shape[1] - margin] + 0.5
    return np.stack([x.ravel(), y.ravel()], axis=1)


@given(
    scale=st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)),
    origin=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    point=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
)
def test_there_and_back(scale, origin, point):
    grid = Grid((10, 10), scale, origin)
    points = np.array([point])
    assert grid.to_film(grid.to_grid(points)) == pytest.approx(points, abs=1e-6)


@pytest.mark.parametrize("shape", [(300, 120), (120, 300), (64, 64), (30, 20)])
def test_a_letterboxed_film_lies_where_its_grid_says(shape):
    box = plan_letterbox(shape, (64, 64))
    canvas, grid = place(ramp(*shape), box), letterbox_grid(box)
    centres = cell_centres(grid)
    film = grid.to_film(centres)
    inside = ((film > 3) & (film < np.array(shape[::-1]) - 3)).all(axis=1)
    seen = canvas[centres[inside, 1].astype(int), centres[inside, 0].astype(int)]
    assert seen == pytest.approx(values_at(film[inside]), abs=0.6)


@pytest.mark.parametrize("scale", [0.3, 0.77, 1.6])
def test_a_resampled_window_lies_where_its_grid_says(scale):
    window = FilmWindow(17, 40, 160, 210)
    film = ramp(260, 200)
    canvas, grid = resample(window.cut(film), window, scale, (20, 20))
    centres = cell_centres(grid)
    seen = canvas[centres[:, 1].astype(int), centres[:, 0].astype(int)]
    off = seen - values_at(grid.to_film(centres))
    # A cell averages whole pixels, so single cells may be off by a tenth of a pixel.
    assert np.abs(off).max() < 0.8
    assert abs(off.mean()) < 1e-3


def test_a_small_window_is_padded_on_all_sides():
    window = FilmWindow(5, 5, 25, 15)
    canvas, grid = resample(np.ones((10, 20), np.float32), window, 1.0, (40, 40))
    rows, cols = np.nonzero(canvas)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (15, 24, 10, 29)
    assert grid.to_film(np.array([[10.0, 15.0]]))[0] == pytest.approx((5, 5))


@pytest.mark.parametrize("finer", [1, 2, 3])
def test_sampling_on_film_pixels_keeps_places(finer):
    grid = Grid((60, 50), (0.5, 0.4), (-7.0, 3.0))
    y, x = np.mgrid[0:60, 0:50] + 0.5
    film = grid.to_film(np.stack([x.ravel(), y.ravel()], axis=1))
    values = values_at(film).reshape(60, 50).astype(np.float32)
    sampled = grid.sample(values, 10, 20, (30, 40), finer)
    assert sampled.shape == (30 * finer, 40 * finer)
    fy, fx = (np.mgrid[0 : 30 * finer, 0 : 40 * finer] + 0.5) / finer
    assert sampled == pytest.approx(3 * (fx + 10) + 5 * (fy + 20), abs=0.05)


@given(
    shape=st.tuples(SIZES, SIZES),
    corner=st.tuples(st.floats(-50, 350), st.floats(-50, 350)),
    size=st.tuples(st.floats(1, 300), st.floats(1, 300)),
    side=st.floats(5, 500),
)
def test_a_window_stays_on_the_film_and_holds_the_box(shape, corner, size, side):
    low = np.array(corner)
    high = low + size
    window = window_around(low, high, side, shape)
    assert 0 <= window.left < window.right <= shape[1]
    assert 0 <= window.top < window.bottom <= shape[0]
    for start, stop, first, last, length in (
        (low[0], high[0], window.left, window.right, shape[1]),
        (low[1], high[1], window.top, window.bottom, shape[0]),
    ):
        if start >= 0 and stop <= length:
            assert first <= start + 1e-6
            assert stop <= last + 1e-6
        assert last - first >= min(side, length) - 1.5


@given(
    length=st.integers(1, 3000), tile=st.sampled_from([64, 384]), share=st.sampled_from([0.1, 0.4])
)
def test_tiles_cover_everything_and_overlap(length, tile, share):
    overlap = int(tile * share)
    starts = tile_starts(length, tile, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(length - tile, 0)
    steps = np.diff(starts)
    assert (steps <= tile - overlap + 1).all()
    assert (steps > 0).all()


def test_weights_are_highest_inside_and_never_nothing():
    weight = tile_weight((40, 60), 10)
    assert weight.shape == (40, 60)
    assert weight[20, 30] == 1
    assert 0 < weight[0, 0] < weight[3, 3] < 1
    assert np.allclose(weight, weight[::-1, ::-1])


@given(rows=st.integers(16, 60), cols=st.integers(16, 60))
def test_tiles_that_agree_are_joined_without_a_seam(rows, cols):
    canvas = np.random.default_rng(rows * cols).random((rows, cols)).astype(np.float32)
    starts = [(t, left) for t in tile_starts(rows, 16, 6) for left in tile_starts(cols, 16, 6)]
    joined = averaged_tiles(
        lambda part: np.stack([1 - part, part], axis=-1), canvas, starts, (16, 16), 6
    )
    assert joined[..., 1] == pytest.approx(canvas, abs=1e-3)
    assert joined.sum(axis=-1) == pytest.approx(np.ones_like(canvas), abs=1e-5)


def test_where_no_tile_lies_is_what_stands_for_nothing():
    canvas = np.ones((40, 16), np.float32)
    joined = averaged_tiles(
        lambda part: np.stack([part, part, part], axis=-1), canvas, [(0, 0)], (16, 16), 6, 2
    )
    assert joined[20:] == pytest.approx(np.broadcast_to([0, 0, 1], (20, 16, 3)))
    assert joined[5, 5] == pytest.approx([1, 1, 1], abs=1e-4)


@pytest.mark.parametrize("is_tall", [True, False], ids=["tall", "wide"])
def test_tiles_follow_a_path_and_stay_on_the_canvas(is_tall):
    path = np.array([[30.0, 20.0], [170.0, 380.0]])
    shape = (400, 200) if is_tall else (200, 400)
    starts = tiles_along(shape, (100, 100), path if is_tall else path[:, ::-1], 20)
    along = [start[0 if is_tall else 1] for start in starts]
    across = [start[1 if is_tall else 0] for start in starts]
    assert along == list(tile_starts(400, 100, 20))
    assert across == sorted(across)
    assert across[0] == 0
    assert across[-1] == 100
