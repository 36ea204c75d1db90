"""Learning rates by epoch, and from the curve alone."""

from __future__ import annotations

import pytest

from spinealign.training.schedules import RateRule


def rates(rule, losses, name="loss", epochs=10):
    curve = [{"loss": 9.0, name: loss} for loss in losses]
    return [rule.rate(0.1, epochs, curve[:k]) for k in range(len(curve) + 1)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (RateRule(), [0.1] * 5),
        (RateRule("cosine"), [0.1, 0.0975528, 0.0904508, 0.0793893, 0.0654508]),
        (RateRule("step", decay=0.1, every=2), [0.1, 0.1, 0.01, 0.01, 0.001]),
        (RateRule("exponential", decay=0.25, every=2), [0.1, 0.05, 0.025, 0.0125, 0.00625]),
        (RateRule("step", warm_up=2, decay=0.1, every=2), [0.1 / 3, 0.2 / 3, 0.1, 0.1, 0.01]),
    ],
    ids=["constant", "cosine", "step", "exponential", "warm-up"],
)
def test_the_rate_of_an_epoch(rule, expected):
    assert rates(rule, [1.0] * 4) == pytest.approx(expected, rel=1e-5)


def test_a_cosine_ends_at_nothing():
    assert RateRule("cosine", warm_up=2).rate(0.1, 6, [{"loss": 1.0}] * 6) == pytest.approx(0)


@pytest.mark.parametrize("name", ["loss", "validation_loss"])
def test_a_plateau_lowers_the_rate_after_so_many_epochs_without_a_better_loss(name):
    losses = [3.0, 2.0, 2.0, 2.5, 1.0, 1.0, 0.99995, 1.0, 1.1]
    found = rates(RateRule("plateau", decay=0.5, every=2), losses, name)
    assert found == pytest.approx([0.1] * 4 + [0.05] * 3 + [0.025] * 2 + [0.0125])
