"""Intervals by drawing what is independent again, and the area under the ROC curve.

The one place for both: audit, evaluation and training draw here, so that equal data have equal
intervals. NumPy only, as the audit needs none of the extras; tests compare with scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

ENDS: Final = (0.025, 0.975)
"""Of a 95 % percentile interval (Efron & Tibshirani 1993, An Introduction to the Bootstrap,
section 13.3)."""


def drawn(count: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield indices (count,) of `count` independent things drawn with replacement, `draws` times.

    Parameters
    ----------
    count : int
        Of patients, groups or whatever is independent.
    draws, seed : int
    """
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield rng.integers(0, count, count)


def times_drawn(index: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return how often each of `count` things is in a draw, (count,)."""
    return np.bincount(index, minlength=count).astype(np.float64)


def interval(
    values: Sequence[float] | NDArray[np.float64], exact_for: int | None = None
) -> tuple[float, float]:
    """Return the ends of the 95 % interval of what was computed from draws.

    Parameters
    ----------
    values : sequence of float
        One a draw; those that are not finite have no part.
    exact_for : int, optional
        How many things were drawn from, for a proportion: where all draws agree on 0 or 1,
        drawing cannot tell how far off the truth may lie, and the exact binomial bound for that
        many stands in (Clopper & Pearson 1934).

    Returns
    -------
    low, high : float
        NaN where no value is finite.
    """
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = (float(end) for end in np.quantile(known, ENDS))
    if exact_for is not None and np.isclose([low, high], 1.0).all():
        low = ENDS[0] ** (1 / exact_for)
    elif exact_for is not None and np.isclose([low, high], 0.0).all():
        high = 1 - ENDS[0] ** (1 / exact_for)
    return low, high


def is_point(low: float, high: float) -> bool:
    """Whether an interval has no width: it would say that the truth is known, and is none."""
    return bool(np.isclose(low, high, rtol=1e-9, atol=1e-12))


def auc(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_] | NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Return the area under the ROC curve; ties count half. NaN where a class is missing.

    The share of pairs of both classes in which the one of the class scores higher (Hanley &
    McNeil 1982, 10.1148/radiology.143.1.7063747).

    Parameters
    ----------
    scores : (n,) float64
    truth : (n,) bool or int
        True or 1 for the class.
    weights : (n,) float64, optional
        How often each row counts.
    """
    is_mine = np.asarray(truth).astype(bool)
    counted = np.ones(len(is_mine)) if weights is None else weights
    values, places = np.unique(scores, return_inverse=True)
    mine = np.bincount(places, np.where(is_mine, counted, 0), len(values))
    others = np.bincount(places, np.where(is_mine, 0, counted), len(values))
    pairs = mine.sum() * others.sum()
    if not pairs:
        return float("nan")
    below = np.cumsum(others) - others
    return float((mine * (below + others / 2)).sum() / pairs)
