import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.measure.outlines.contours import (
    distance_to,
    level_contour,
    side_middle,
    thinned,
)

SQUARE = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])


def disc_field(shape, x, y, radius, softness=1.5):
    """Return a map that is 0.5 on a circle (edge coordinates)."""
    rows, cols = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    return (1 / (1 + np.exp((np.hypot(cols - x, rows - y) - radius) / softness))).astype(np.float32)


@given(x=st.floats(25, 35), y=st.floats(25, 35), radius=st.floats(8, 20))
def test_a_circle_is_traced_between_the_pixels(x, y, radius):
    contour = level_contour(disc_field((60, 60), x, y, radius))
    off = np.hypot(contour[:, 0] - x, contour[:, 1] - y) - radius
    assert np.abs(off).max() < 0.12
    assert np.abs(off).mean() < 0.05


def test_thinning_keeps_the_line():
    contour = level_contour(disc_field((60, 60), 30, 30, 18))
    thin = thinned(contour)
    assert len(thin) < 0.8 * len(contour)
    assert max(distance_to(thin, point) for point in contour) < 0.15


def test_the_border_of_the_map_closes_a_contour():
    contour = level_contour(np.ones((20, 30), np.float32))
    assert contour.min(axis=0) == pytest.approx((0, 0), abs=0.3)
    assert contour.max(axis=0) == pytest.approx((30, 20), abs=0.3)


def test_the_largest_of_several_pieces_is_traced():
    field = np.maximum(disc_field((80, 80), 20, 20, 6), disc_field((80, 80), 55, 50, 15))
    contour = level_contour(field)
    assert contour.mean(axis=0) == pytest.approx((55, 50), abs=1)


@pytest.mark.parametrize("value", [0.0, 0.49])
def test_nothing_above_the_level_has_no_contour(value):
    assert level_contour(np.full((10, 10), value, np.float32)) is None


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [((0, 0), (10, 0), (5, 0)), ((10, 10), (10, 0), (10, 5)), ((0, 10), (0, 0), (0, 5))],
    ids=["top", "right, backwards", "left, across the start"],
)
def test_the_middle_of_a_side_is_half_way_along_it(first, last, expected):
    middle = side_middle(SQUARE, np.array(first, float), np.array(last, float))
    assert middle == pytest.approx(expected)


def test_the_middle_of_a_bent_side_lies_on_the_bend():
    bent = np.insert(SQUARE, 1, [[2.5, 2], [5, 3], [7.5, 2]], axis=0)
    middle = side_middle(bent, np.array([0.0, 0]), np.array([10.0, 0]))
    assert middle == pytest.approx((5, 3))


@pytest.mark.parametrize(
    ("point", "expected"), [((5, -3), 3), ((5, 2), 2), ((13, 14), 5)], ids=["out", "in", "corner"]
)
def test_distance_to_a_contour(point, expected):
    assert distance_to(SQUARE, np.array(point)) == pytest.approx(expected)
