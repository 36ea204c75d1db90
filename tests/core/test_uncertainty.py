import numpy as np
import pytest

from spinealign.domain.findings import Landmark, LandmarkName, LandmarkSource
from spinealign.measure.geometry.uncertainty import (
    SAMPLES,
    intervals_95,
    landmark_sigma_px,
    normal_draws,
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


def test_draws_are_always_the_same_and_even():
    draws = normal_draws(20)
    assert draws.shape == (20, 1 + SAMPLES, 2)
    assert not draws[:, 0].any()
    assert draws[:, 1:].mean(axis=1) == pytest.approx(0, abs=1e-12)
    assert draws[:, 1:].std(axis=1) == pytest.approx(1, abs=1e-12)
    normal_draws.cache_clear()
    assert (normal_draws(20) == draws).all()
    assert (normal_draws(30)[:20] == draws).all()


def test_draws_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        normal_draws(2)[0, 0, 0] = 1


def test_intervals_hold_19_of_20_samples():
    samples = np.concatenate([[[500.0]], np.arange(1000.0)[None]], axis=1)
    low, high = intervals_95(samples)[0]
    assert (low, high) == (pytest.approx(np.percentile(samples[0, 1:], 2.5)),
                           pytest.approx(np.percentile(samples[0, 1:], 97.5)))  # fmt: skip


def test_a_normal_measure_has_an_interval_of_two_sigmas():
    low, high = intervals_95(normal_draws(40)[:, :, 0] * 3 + 7).mean(axis=0)
    assert (low, high) == (pytest.approx(7 - 5.88, abs=0.2), pytest.approx(7 + 5.88, abs=0.2))


def test_no_measures_have_no_intervals():
    assert intervals_95(np.empty((0, 10))).shape == (0, 2)
