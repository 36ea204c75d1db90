"""Intervals and areas come from one place, and are what they were in each of the former three."""

import re
from pathlib import Path

import numpy as np
import pytest

from spinealign.data_audit.scoring import bootstrap_interval
from spinealign.resampling import auc, drawn, interval, times_drawn

PROGRAM = Path(__file__).parents[2] / "spinealign"


def scored():
    rng = np.random.default_rng(42)
    truth = rng.random(60) > 0.6
    scores = np.round(truth * 0.3 + rng.random(60), 2)
    return scores, truth, rng.integers(0, 15, 60)


def test_the_area_is_the_share_of_pairs_in_order():
    scores, truth, _ = scored()
    pairs = [(a > b) + (a == b) / 2 for a in scores[truth] for b in scores[~truth]]
    assert auc(scores, truth) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert auc(-scores, truth) == pytest.approx(1 - np.mean(pairs), abs=1e-12)
    weights = np.where(np.arange(60) % 3 == 0, 2.0, 1.0)
    twice = np.repeat(np.arange(60), weights.astype(int))
    assert auc(scores, truth, weights) == pytest.approx(auc(scores[twice], truth[twice]), abs=1e-12)
    assert np.isnan(auc(scores, np.ones(60, bool)))
    assert np.isnan(auc(scores, truth, np.where(truth, 1.0, 0.0)))


def test_everything_independent_is_drawn_as_often_as_there_is_of_it():
    every = [times_drawn(index, 7) for index in drawn(7, 4000, 0)]
    assert {times.sum() for times in every} == {7}
    assert np.mean(every, axis=0) == pytest.approx(np.ones(7), abs=0.07)
    # Of n things drawn n times a share of (1 - 1/n) ** n is not among them.
    assert np.mean(np.array(every) == 0) == pytest.approx((6 / 7) ** 7, abs=0.01)
    assert [list(index) for index in drawn(7, 2, 3)] == [list(index) for index in drawn(7, 2, 3)]


def test_the_ends_leave_a_fortieth_on_each_side():
    values = np.random.default_rng(0).permutation(np.arange(4001.0))
    assert interval(values) == (100.0, 3900.0)
    assert interval([*values, float("nan"), float("inf")]) == (100.0, 3900.0)
    assert np.isnan(interval([float("nan")])).all()
    assert interval([1.0] * 9) == (1.0, 1.0)
    assert interval([1.0] * 9, exact_for=7) == (pytest.approx(0.025 ** (1 / 7)), 1.0)
    assert interval([0.0] * 9, exact_for=7) == (0.0, pytest.approx(1 - 0.025 ** (1 / 7)))


def test_figures_are_those_of_earlier_versions():
    """Computed by the three former implementations; a change of these is a change of results."""
    pytest.importorskip("sklearn")
    from spinealign.evaluation.intervals import Figure, bootstrapped
    from spinealign.training.evaluate import bootstrap, classification_figures

    scores, truth, groups = scored()
    assert bootstrap_interval(scores, truth, groups) == pytest.approx(
        (0.7538240495137046, 0.9268358607392148), abs=1e-12
    )

    def compute(weights):
        return {
            "auc": auc(scores, truth, weights),
            "mean": float(np.average(scores, weights=weights)),
            "one": 1.0,
        }

    found = bootstrapped(compute, [f"p{g}" for g in groups], {"one": len(set(groups))})
    told = {
        "auc": Figure(0.8459821428571429, 0.7505533665458938, 0.9387954980842912),
        "mean": Figure(0.6175, 0.5446598639455782, 0.6905014880952379),
        "one": Figure(1.0, 0.7683642383498834, 1.0),
    }
    for name, figure in told.items():
        assert [found[name].value, found[name].low, found[name].high] == pytest.approx(
            [figure.value, figure.low, figure.high], abs=1e-12
        )
    units = [scores[groups == g] for g in range(15) if (groups == g).any()]
    median = bootstrap(units, lambda d: float(np.median(np.concatenate(d))), draws=300, seed=3)
    assert median == {"value": 0.605, "low": 0.46, "high": 0.71, "units": 14}
    p = 1 / (1 + np.exp(-(scores - 0.6) * 4))
    pairs = [
        (truth[groups == g].astype(int), p[groups == g]) for g in range(15) if (groups == g).any()
    ]
    area = classification_figures(pairs, 0.5)["auc"]
    assert area == {"value": 0.846, "low": 0.746, "high": 0.9271, "units": 14}


def test_there_is_no_second_place():
    """Whatever draws anew or ranks by itself would answer otherwise one day."""
    words = re.compile(r"roc_auc_score|2\.5, 97\.5|0\.025, 0\.975|\.choice\([^)]*replace=True")
    told = [
        path.relative_to(PROGRAM).as_posix()
        for path in sorted(PROGRAM.rglob("*.py"))
        if words.search(path.read_text(encoding="utf-8"))
    ]
    assert told == ["resampling.py"]
