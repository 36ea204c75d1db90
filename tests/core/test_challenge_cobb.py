"""The challenge's angles: against columns whose angles are known, and films of the data set."""

import numpy as np
import pytest

from spinealign.measure.geometry.challenge_cobb import challenge_cobb, tilts_deg
from tests.frontal import drawn_corners


def column(tilts, height_px=60.0):
    """Bodies of given tilts stacked so that their centres follow their axes."""
    place, made = np.array([200.0, 50.0]), []
    for tilt in np.deg2rad(tilts):
        across, down = (
            np.array([np.cos(tilt), np.sin(tilt)]),
            np.array([-np.sin(tilt), np.cos(tilt)]),
        )
        made.append([
            place - 40 * across - 20 * down, place + 40 * across - 20 * down,
            place + 40 * across + 20 * down, place - 40 * across + 20 * down,
        ])  # fmt: skip
        place = place + height_px * down
    return np.array(made)


def test_tilts_are_positive_where_the_right_side_is_lower():
    assert tilts_deg(column([0, 10, -20])) == pytest.approx([0, 10, -20])


def test_a_single_curve_takes_the_angles_to_both_ends_of_the_column():
    tilts = np.array([-20, -16, -10, -4, 0, 6, 12, 18, 20.0])
    cobb = challenge_cobb(column(tilts), 10_000)
    assert cobb.angles_deg == pytest.approx((40, 0, 0), abs=1e-4)
    assert cobb.ends == (0, 8)


def test_a_double_curve_in_the_upper_half_takes_the_angles_above_and_below():
    tilts = np.array([0, 5, 15, 5, -10, -20, -10, 0, 8, 4.0])
    upper = challenge_cobb(column(tilts), 10_000)
    assert upper.angles_deg == pytest.approx((35, 15, 28), abs=1e-4)
    assert upper.ends == (2, 5)


def test_a_double_curve_in_the_lower_half_takes_both_angles_above():
    tilts = np.array([0, 5, 15, 5, -10, -20, -10, 0, 8, 4.0])
    lower = challenge_cobb(column(tilts), 100)
    assert lower.angles_deg == pytest.approx((35, 15, 0), abs=1e-4)


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_scale_and_place_change_nothing(scale):
    corners = drawn_corners(22.0)
    expected = challenge_cobb(corners, 1280.0)
    moved = challenge_cobb(scale * corners, scale * 1280.0)
    assert moved.angles_deg == pytest.approx(expected.angles_deg, abs=1e-4)
    assert moved.ends == expected.ends
