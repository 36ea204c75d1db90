"""Corners on outlines of known shape, and borders of discs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.findings import LandmarkName, LandmarkSource
from spinealign.measure.outlines.contours import level_contour
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.endplates import (
    fitted_line,
    on_contour,
    outline_corners,
    outline_landmarks,
    resampled,
)
from spinealign.measure.outlines.vertebrae import BodyAxes

UP, LEFT = np.array([0.0, -1.0]), np.array([-1.0, 0.0])


def body(depth=60.0, height=45.0, wedge=0.0, turn_deg=0.0, centre=(150.0, 150.0)):
    """Return a body's corners, facing left, in the order of `CORNERS`."""
    front, back = (height / 2 * (1 + sign * wedge) for sign in (1, -1))
    corners = np.array(
        [[-depth / 2, -front], [depth / 2, -back], [depth / 2, back], [-depth / 2, front]]
    )
    return corners @ turned(turn_deg).T + centre


def turned(angle_deg):
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.array([[cosine, -sine], [sine, cosine]])


def angle_deg(first, second):
    return math.degrees(math.atan2(second[1] - first[1], second[0] - first[0]))


@given(
    depth=st.floats(30, 90), share=st.floats(0.5, 1.1), wedge=st.floats(-0.15, 0.15),
    turn=st.floats(-60, 60), off=st.floats(-20, 20),
)  # fmt: skip
def test_a_perfect_outline_gives_its_own_corners_and_angles(depth, share, wedge, turn, off):
    drawn = body(depth, share * depth, wedge, turn)
    about = turned(turn + off)
    found = outline_corners(drawn, about @ UP, about @ LEFT)
    assert np.abs(found - drawn).max() < 0.01
    for first, second in ((0, 1), (3, 2)):
        error = angle_deg(found[first], found[second]) - angle_deg(drawn[first], drawn[second])
        assert abs(error) < 0.1


def raster(corners, shape=(300, 300), finer=8):
    """Return the contour of a polygon after drawing it on pixels."""
    rows, cols = np.mgrid[0 : shape[0] * finer, 0 : shape[1] * finer] / finer + 0.5 / finer
    inside = np.ones(rows.shape, bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside &= (b[0] - a[0]) * (rows - a[1]) - (b[1] - a[1]) * (cols - a[0]) >= 0
    share = inside.reshape(shape[0], finer, shape[1], finer).mean(axis=(1, 3))
    return level_contour((share >= 0.5).astype(np.float32))


@pytest.mark.parametrize("turn", [-35.0, -12.0, 0.0, 7.0, 24.0])
def test_corners_and_angles_survive_pixels(turn):
    drawn = body(turn_deg=turn, wedge=0.06)
    found = outline_corners(raster(drawn), turned(turn) @ UP, turned(turn) @ LEFT)
    assert np.hypot(*(found - drawn).T).max() < 1.5
    for first, second in ((0, 1), (3, 2)):
        error = angle_deg(found[first], found[second]) - angle_deg(drawn[first], drawn[second])
        assert abs(error) < 1.0


def test_a_spur_does_not_move_the_corner():
    drawn = body()
    spur = drawn[0] + [[0, 9], [-9, -2], [7, 0]]
    outline = np.concatenate([drawn[1:], spur])
    found = outline_corners(outline, UP, LEFT)
    assert np.hypot(*(found - drawn).T).max() < 2.0


def test_rounding_does_not_tilt_endplates():
    drawn = body(wedge=0.08)
    rounded = resampled(drawn, 400)
    for _ in range(60):
        rounded = (np.roll(rounded, 1, 0) + 2 * rounded + np.roll(rounded, -1, 0)) / 4
    found = outline_corners(rounded, UP, LEFT)
    for first, second in ((0, 1), (3, 2)):
        error = angle_deg(found[first], found[second]) - angle_deg(drawn[first], drawn[second])
        assert abs(error) < 0.5


def test_landmarks_are_named_by_the_frame():
    drawn = body()
    marks = {m.name: m for m in outline_landmarks(drawn, BodyAxes(UP, -LEFT), 0.9)}
    assert set(marks) == {*CORNERS, LandmarkName.SUPERIOR_MIDDLE, LandmarkName.INFERIOR_MIDDLE}
    assert all(m.source is LandmarkSource.CONTOUR and m.confidence == 0.9 for m in marks.values())
    anterior = marks[LandmarkName.ANTERIOR_SUPERIOR]
    assert (anterior.x, anterior.y) == pytest.approx(tuple(drawn[1]), abs=0.01)
    middle = marks[LandmarkName.INFERIOR_MIDDLE]
    assert (middle.x, middle.y) == pytest.approx(tuple((drawn[2] + drawn[3]) / 2), abs=0.2)


def test_without_a_front_there_are_no_landmarks():
    assert outline_landmarks(body(), BodyAxes(UP, None), 0.9) == ()


def test_an_outlier_hardly_turns_a_line():
    x = np.linspace(0, 40, 41)
    points = np.stack([x, 0.5 * x + 3], axis=1)
    points[5, 1] += 12
    through, direction = fitted_line(points)
    assert abs(direction[1] / direction[0]) == pytest.approx(0.5, abs=0.02)
    assert through[1] == pytest.approx(0.5 * through[0] + 3, abs=0.5)


def test_the_nearest_point_of_an_outline_may_lie_between_its_points():
    assert on_contour(body(), np.array([150.0, 20.0])) == pytest.approx([150.0, 127.5])
