import math

import numpy as np
import pytest

from spinealign.domain.findings import Landmark, LandmarkName, LandmarkSource
from spinealign.measure.geometry.uncertainty import (
    NORMAL_95,
    Spread,
    displaced,
    landmark_sigma_px,
    spread_of,
    user_sigma_px,
)


def mark(source, confidence=0.8, name=LandmarkName.ANTERIOR_INFERIOR):
    return Landmark(name, 0.0, 0.0, confidence, source)


def test_a_surer_network_is_more_exact():
    sigmas = [landmark_sigma_px(mark(LandmarkSource.NETWORK, c), 80) for c in (0.3, 0.6, 0.95)]
    assert sigmas == sorted(sigmas, reverse=True)
    assert sigmas[0] > sigmas[-1]


def test_what_a_person_placed_is_the_most_exact():
    person = landmark_sigma_px(mark(LandmarkSource.USER), 80)
    assert person == user_sigma_px(80)
    assert person < landmark_sigma_px(mark(LandmarkSource.NETWORK, 1.0), 80)
    assert person < landmark_sigma_px(mark(LandmarkSource.CONTOUR), 80)


@pytest.mark.parametrize("source", list(LandmarkSource))
def test_sigma_grows_with_the_body(source):
    assert landmark_sigma_px(mark(source), 120) == pytest.approx(
        1.5 * landmark_sigma_px(mark(source), 80)
    )


def moved(points, sigmas, measure):
    """A measure of displaced points: its samples."""
    return np.array([measure(*places) for places in zip(*displaced(points, sigmas), strict=True)])


def test_every_coordinate_is_moved_alone_and_either_way():
    one, other = displaced([np.array([10.0, 20.0]), np.array([30.0, 40.0])], [1.0, 2.0])
    assert [tuple(p) for p in one - one[0]] == [
        (0, 0), (1, 0), (0, 1), (0, 0), (0, 0), (-1, 0), (0, -1), (0, 0), (0, 0),
    ]  # fmt: skip
    assert [tuple(p) for p in other - other[0]] == [
        (0, 0), (0, 0), (0, 0), (2, 0), (0, 2), (0, 0), (0, 0), (-2, 0), (0, -2),
    ]  # fmt: skip


def test_the_spread_of_a_distance_is_that_of_both_ends_along_it():
    ends = [np.array([0.0, 0.0]), np.array([100.0, 0.0])]
    samples = moved(ends, [3.0, 4.0], lambda a, b: np.hypot(*(b - a)))
    assert samples[0] == 100
    assert spread_of(samples, np.array([False, False])).program == pytest.approx(5.0, abs=1e-2)
    apart = spread_of(samples, np.array([True, False]))
    assert (apart.hand, apart.program) == pytest.approx((3.0, 4.0), abs=1e-2)


def test_a_spread_agrees_with_points_moved_at_random():
    rng, sigmas = np.random.default_rng(1), (0.6, 0.9, 0.6, 1.2)
    ends = [np.array(p, float) for p in ((0, 0), (40, 3), (2, 100), (41, 90))]

    def angle(a, b, c, d):
        return np.degrees(np.arctan2(*(b - a)[::-1]) - np.arctan2(*(d - c)[::-1]))

    drawn = [angle(*(p + rng.normal(0, s, 2) for p, s in zip(ends, sigmas, strict=True)))
             for _ in range(20_000)]  # fmt: skip
    spread = spread_of(moved(ends, sigmas, angle), np.zeros(4, bool))
    assert spread.program == pytest.approx(np.std(drawn), rel=0.03)


def test_points_that_do_not_count_and_the_order_of_points_leave_the_last_digit():
    rng = np.random.default_rng(3)
    halves = rng.normal(0, 1, 16)
    shuffled = rng.permutation(halves.reshape(8, 2)).ravel()
    padded = np.concatenate([np.zeros(6), shuffled[:8], np.zeros(20), shuffled[8:]])

    def spread(parts):
        samples = 7 + np.concatenate([[0], 2 * parts, np.zeros(len(parts))])
        return spread_of(samples, np.zeros(len(parts) // 2, bool)).program

    assert spread(halves) == spread(padded)


def test_the_interval_adds_both_parts_as_independent():
    spread = Spread(program=3.0, hand=2.0)
    assert spread.half_width(1.5) == pytest.approx(math.hypot(4.5, 2 * 1.959964))
    assert Spread(3.0, 0.0).half_width(NORMAL_95) == pytest.approx(5.88, abs=1e-3)
