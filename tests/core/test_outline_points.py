import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.measure.geometry.outline_points import (
    c2_centre,
    c2_posterior_wall,
    centroid,
    polygon_area,
    straightened,
)
from tests.phantoms_alignment import c2, edges

BACK, FRONT = np.array([100.0, 100.0]), np.array([120.0, 100.0])
OUTLINE = np.array(c2(BACK, FRONT).outline)


def moved(points, angle, scale):
    sine, cosine = np.sin(angle), np.cos(angle)
    return scale * np.asarray(points) @ np.array([[cosine, sine], [-sine, cosine]])


CORNER = np.array([(0.0, 0), (30, 0), (30, 10), (10, 10), (10, 40), (0, 40)])
"""An L of two rectangles: 30 by 10 about (15, 5), and 10 by 30 about (5, 25)."""


@given(st.floats(-3, 3), st.floats(0.3, 5), st.sampled_from([1, -1]), st.floats(-1e5, 1e5))
def test_area_and_centroid_of_a_polygon_that_is_not_convex(angle, scale, step, shift):
    polygon = moved(CORNER, angle, scale)[::step] + shift
    assert polygon_area(polygon) == pytest.approx(600 * scale**2)
    assert centroid(polygon) == pytest.approx(moved((10.0, 15.0), angle, scale) + shift)


def test_points_that_enclose_nothing_have_their_mean_and_no_area():
    line = np.array([(0.0, 0), (1, 1), (5, 5)])
    assert polygon_area(line) == 0
    assert centroid(line) == pytest.approx([2, 2])


@given(st.floats(-3, 3), st.floats(0.3, 5))
def test_the_centre_of_c2_is_that_of_its_body_without_the_dens(angle, scale):
    outline, back, front, centre = (
        moved(points, angle, scale) for points in (OUTLINE, BACK, FRONT, (110.0, 90.0))
    )
    assert c2_centre(outline, back, front) == pytest.approx(centre)
    without_dens = outline[[0, 1, 2, 7]]
    assert c2_centre(without_dens, back, front) == pytest.approx(centre)


@given(st.floats(-3, 3), st.floats(0.3, 5))
def test_the_posterior_wall_of_c2_runs_along_its_body(angle, scale):
    outline, back, front = (moved(points, angle, scale) for points in (OUTLINE, BACK, FRONT))
    upper, lower = c2_posterior_wall(outline, back, front)
    assert upper == pytest.approx(moved((100.0, 87.0), angle, scale))
    assert lower == pytest.approx(moved((100.0, 97.0), angle, scale))


def test_a_leaning_wall_leans():
    leaning = OUTLINE + np.outer(100 - OUTLINE[:, 1], [0.2, 0])
    upper, lower = c2_posterior_wall(leaning, BACK, FRONT)
    assert (lower - upper)[0] / (upper - lower)[1] == pytest.approx(0.2)


@pytest.mark.parametrize("points", [OUTLINE[:2], OUTLINE[[0, 1]] - [0, 3]], ids=["flat", "thin"])
def test_an_outline_that_is_cut_off_gives_neither(points):
    assert c2_centre(points, BACK, FRONT) is None
    assert c2_posterior_wall(points, BACK, FRONT) is None


class TestStraightened:
    BOX = edges(np.array([(120.0, 100), (100, 100), (100, 118), (120, 118)]))
    LOW, HIGH = np.array([100.0, 101.0]), np.array([120.0, 99.0])

    @pytest.mark.parametrize(
        ("share", "pivot", "back", "front"),
        [
            (0.0, 0.5, 101, 99),
            (1.0, 0.5, 100, 100),
            (0.5, 0.5, 100.5, 99.5),
            (1.0, 0.0, 101, 101),
            (1.0, 1.0, 99, 99),
        ],
        ids=["kept", "as the outline", "half way", "about the back", "about the front"],
    )
    def test_corners_turn_towards_the_outline(self, share, pivot, back, front):
        posterior, anterior = straightened(self.BOX, self.LOW, self.HIGH, share, pivot)
        assert posterior[1] == pytest.approx(back, abs=0.01)
        assert anterior[1] == pytest.approx(front, abs=0.01)

    @given(st.floats(-3, 3), st.floats(0.3, 5), st.floats(0, 1))
    def test_any_orientation_is_turned_alike(self, angle, scale, share):
        for flip in (np.diag([1.0, 1.0]), np.diag([-1.0, 1.0])):
            args = [moved(p @ flip, angle, scale) for p in (self.BOX, self.LOW, self.HIGH)]
            plain = straightened(self.BOX, self.LOW, self.HIGH, share)
            for found, expected in zip(straightened(*args, share), plain, strict=True):
                assert found == pytest.approx(moved(expected @ flip, angle, scale), abs=1e-6)

    def test_a_hollow_does_not_turn_an_endplate(self):
        hollow = self.BOX.copy()
        top = hollow[:, 1] == 100
        hollow[top, 1] += 3 * np.sin(np.pi * (hollow[top, 0] - 100) / 20)
        posterior, anterior = straightened(
            hollow, np.array([100.0, 100.0]), np.array([120.0, 100.0]), 1.0
        )
        assert posterior == pytest.approx((100, 100), abs=0.01)
        assert anterior == pytest.approx((120, 100), abs=0.01)

    def test_an_outline_elsewhere_does_not_count(self):
        posterior, anterior = straightened(self.BOX + 60, self.LOW, self.HIGH, 1.0)
        assert (posterior, anterior) == (pytest.approx(self.LOW), pytest.approx(self.HIGH))
