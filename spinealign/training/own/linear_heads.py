"""Heads on frozen features that are solved at once: several findings, and ordered grades."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

Values = NDArray[np.float32]
Targets = NDArray[np.float64]
Head = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Kernel (features, outputs) and bias (outputs,)."""

Solve = Callable[[Values, Targets, float], Head]
"""Takes values (n, features), targets (n, t) with NaN for unknown, and the inverse strength of
regularisation."""

_LEAST_P = 1e-12
_WIDEST_STEP = 6.0
"""Logarithm of the distance between two thresholds; where no picture has a grade it has no other
limit."""


def solve_labels(values: Values, targets: Targets, inverse_regularisation: float) -> Head:
    """Fit a logistic regression for each finding on the pictures of which it is known.

    A finding that is there in all of them, or in none, has a bias of NaN: nothing was learned.
    """
    outputs = targets.shape[1]
    kernel = np.zeros((values.shape[1], outputs))
    bias = np.full(outputs, np.nan)
    for place in range(outputs):
        known = ~np.isnan(targets[:, place])
        truth = targets[known, place].astype(np.int64)
        if len(set(truth.tolist())) < 2:
            continue
        mean, spread = _scale(values[known])
        fitted = LogisticRegression(C=inverse_regularisation, max_iter=2000).fit(
            (values[known] - mean) / spread, truth
        )
        kernel[:, place] = fitted.coef_[0] / spread
        bias[place] = float(fitted.intercept_[0]) - float(mean @ kernel[:, place])
    return kernel, bias


def grade_solver(grades: int) -> Solve:
    """Return what fits a proportional-odds model (McCullagh 1980, J R Stat Soc B 42:109).

    One direction of the features, and a threshold for each step between neighbouring grades, in
    rising order. The outputs are logits that the grade is above the first, above the second...

    Parameters
    ----------
    grades : int
        How many there are; targets (n, 1) hold their index, 0 for the lowest.
    """

    def solve(values: Values, targets: Targets, inverse_regularisation: float) -> Head:
        mean, spread = _scale(values)
        scaled = ((values - mean) / spread).astype(np.float64)
        truth = targets[:, 0].astype(np.int64)
        shares = [(np.sum(truth <= k) + 0.5) / (len(truth) + 1) for k in range(grades - 1)]
        first = np.log(np.array(shares) / (1 - np.array(shares)))
        steps = np.log(np.maximum(np.diff(first), np.exp(-_WIDEST_STEP)))
        features = values.shape[1]
        start = np.concatenate([np.zeros(features), first[:1], steps])
        free: list[tuple[float | None, float | None]] = [(None, None)] * (features + 1)
        bounds = free + [(-_WIDEST_STEP, _WIDEST_STEP)] * (grades - 2)
        found = minimize(
            _odds_loss, start, (scaled, truth, inverse_regularisation), "L-BFGS-B", True,
            bounds=bounds, options={"maxiter": 2000},
        ).x  # fmt: skip
        direction = found[:features] / spread
        thresholds = _thresholds(found[features:])
        kernel = np.repeat(direction[:, None], grades - 1, axis=1)
        return kernel, -thresholds - float(mean @ direction)

    return solve


def _scale(values: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-6
    return mean.astype(np.float64), spread.astype(np.float64)


def _thresholds(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(parameters[0] + np.concatenate([[0.0], np.cumsum(np.exp(parameters[1:]))]))


def _odds_loss(
    parameters: NDArray[np.float64], scaled: NDArray[np.float64], truth: NDArray[np.int64],
    inverse_regularisation: float,
) -> tuple[float, NDArray[np.float64]]:  # fmt: skip
    """Return minus the log likelihood with the penalty of the direction, and its gradient."""
    features = scaled.shape[1]
    direction, rest = parameters[:features], parameters[features:]
    thresholds = _thresholds(rest)
    ends = np.concatenate([[-np.inf], thresholds, [np.inf]])
    place = scaled @ direction
    upper, lower = _sigmoid(ends[truth + 1] - place), _sigmoid(ends[truth] - place)
    p = np.maximum(upper - lower, _LEAST_P)
    up, low = upper * (1 - upper) / p, lower * (1 - lower) / p
    gradient = scaled.T @ (up - low) + direction / inverse_regularisation
    of_ends = np.zeros(len(ends))
    np.add.at(of_ends, truth + 1, -up)
    np.add.at(of_ends, truth, low)
    inner = of_ends[1:-1]
    # A step moves every threshold behind it.
    behind = np.cumsum(inner[::-1])[::-1]
    of_rest = np.concatenate([[behind[0]], behind[1:] * np.exp(rest[1:])])
    loss = -np.log(p).sum() + direction @ direction / (2 * inverse_regularisation)
    return float(loss), np.concatenate([gradient, of_rest])


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))
