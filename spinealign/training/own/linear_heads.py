"""Heads on frozen features that are solved at once: a class, several findings, ordered grades."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from spinealign.training.classifier import ClassifierRecipe, logistic_head
from spinealign.training.head_parts import Kind
from spinealign.training.own.aims import shares_beyond, weights_of

Values = NDArray[np.float32]
Targets = NDArray[np.float64]
Head = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Kernel (features, outputs) and bias (outputs,)."""

_LEAST_P = 1e-12
_WIDEST_STEP = 6.0
"""Logarithm of the distance between two thresholds; where no picture has a grade it has no other
limit."""


def solved_head(
    values: Values, targets: Targets, kind: Kind, recipe: ClassifierRecipe
) -> keras.Model:
    """Return a regression on features as a dense layer.

    Parameters
    ----------
    values : ndarray of float32, shape (n, features)
    targets : ndarray of float64, shape (n, outputs)
        See `aims.Aim`.
    kind : {"classes", "labels", "grades"}
    recipe : ClassifierRecipe
    """
    if kind == "classes":
        return logistic_head(values, targets[:, 0].astype(np.int64), recipe)
    solve = solve_labels if kind == "labels" else solve_grades
    kernel, bias = solve(values, targets, recipe)
    inputs = layers.Input(values.shape[1:])
    head = keras.Model(inputs, layers.Dense(len(bias), name="logit")(inputs))
    head.get_layer("logit").set_weights([kernel, bias])
    return head


def solve_labels(values: Values, targets: Targets, recipe: ClassifierRecipe) -> Head:
    """Fit a logistic regression for each finding on the pictures of which it is known.

    A finding that is there in all of them, or in none, has a bias of NaN: nothing was learned.
    """
    weights = weights_of(targets, "labels", recipe.balance)
    outputs = targets.shape[1]
    kernel = np.zeros((values.shape[1], outputs))
    bias = np.full(outputs, np.nan)
    for place in range(outputs):
        known = ~np.isnan(targets[:, place])
        truth = targets[known, place].astype(np.int64)
        if len(set(truth.tolist())) < 2:
            continue
        mean, spread = _scale(values[known])
        fitted = LogisticRegression(C=recipe.inverse_regularisation, max_iter=2000).fit(
            (values[known] - mean) / spread, truth, weights[known, place]
        )
        kernel[:, place] = fitted.coef_[0] / spread
        bias[place] = float(fitted.intercept_[0]) - float(mean @ kernel[:, place])
    return kernel, bias


def solve_grades(values: Values, targets: Targets, recipe: ClassifierRecipe) -> Head:
    """Fit a proportional-odds model (McCullagh 1980, J R Stat Soc B 42:109).

    One direction of the features, and a threshold for each step between neighbouring grades, in
    rising order. The outputs are logits that the grade is above the first, above the second...
    """
    steps = targets.shape[1]
    mean, spread = _scale(values)
    scaled = ((values - mean) / spread).astype(np.float64)
    truth = targets.sum(axis=1).astype(np.int64)
    weights = weights_of(targets, "grades", recipe.balance)[:, 0]
    shares = 1 - shares_beyond(targets, recipe.balance)
    first = np.log(shares / (1 - shares))
    gaps = np.log(np.maximum(np.diff(first), np.exp(-_WIDEST_STEP)))
    features = values.shape[1]
    start = np.concatenate([np.zeros(features), first[:1], gaps])
    free: list[tuple[float | None, float | None]] = [(None, None)] * (features + 1)
    bounds = free + [(-_WIDEST_STEP, _WIDEST_STEP)] * (steps - 1)
    found = minimize(
        _odds_loss, start, (scaled, truth, weights, recipe.inverse_regularisation), "L-BFGS-B",
        True, bounds=bounds, options={"maxiter": 2000},
    ).x  # fmt: skip
    direction = found[:features] / spread
    thresholds = _thresholds(found[features:])
    kernel = np.repeat(direction[:, None], steps, axis=1)
    return kernel, -thresholds - float(mean @ direction)


def _scale(values: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-6
    return mean.astype(np.float64), spread.astype(np.float64)


def _thresholds(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(parameters[0] + np.concatenate([[0.0], np.cumsum(np.exp(parameters[1:]))]))


def _odds_loss(
    parameters: NDArray[np.float64], scaled: NDArray[np.float64], truth: NDArray[np.int64],
    weights: NDArray[np.float64], inverse_regularisation: float,
) -> tuple[float, NDArray[np.float64]]:  # fmt: skip
    """Return minus the log likelihood with the penalty of the direction, and its gradient."""
    features = scaled.shape[1]
    direction, rest = parameters[:features], parameters[features:]
    thresholds = _thresholds(rest)
    ends = np.concatenate([[-np.inf], thresholds, [np.inf]])
    place = scaled @ direction
    upper, lower = _sigmoid(ends[truth + 1] - place), _sigmoid(ends[truth] - place)
    p = np.maximum(upper - lower, _LEAST_P)
    up, low = weights * upper * (1 - upper) / p, weights * lower * (1 - lower) / p
    gradient = scaled.T @ (up - low) + direction / inverse_regularisation
    of_ends = np.zeros(len(ends))
    np.add.at(of_ends, truth + 1, -up)
    np.add.at(of_ends, truth, low)
    inner = of_ends[1:-1]
    # A step moves every threshold behind it.
    behind = np.cumsum(inner[::-1])[::-1]
    of_rest = np.concatenate([[behind[0]], behind[1:] * np.exp(rest[1:])])
    loss = -(weights * np.log(p)).sum() + direction @ direction / (2 * inverse_regularisation)
    return float(loss), np.concatenate([gradient, of_rest])


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))
