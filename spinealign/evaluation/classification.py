"""Figures of a classifier, quick enough to be computed anew for a thousand draws of patients.

Positive is the last class. Definitions: Maier-Hein et al. 2024, Metrics reloaded, Nature Methods
21:195; calibration error: Guo et al. 2017, On calibration of modern neural networks, with ten bins
of equal width, for two classes on the probability of the positive one; kappa: Cohen 1960, 1968.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from spinealign.evaluation.cases import ClassifiedCases
from spinealign.evaluation.intervals import DRAWS, Figure, Figures, Weights, bootstrapped
from spinealign.resampling import auc

BINS: Final = 10
"""Of probability, in calibration (Guo et al. 2017)."""


_Numbers = NDArray[np.float64]


def figures(
    cases: ClassifiedCases, threshold: float | None = None, draws: int = DRAWS, is_all: bool = True
) -> dict[str, Figure]:
    """Return all figures of some cases with intervals by patient.

    Parameters
    ----------
    cases : ClassifiedCases
    threshold : float, optional
        On the probability of the positive class of two.
    draws : int
    is_all : bool
        See `point_figures`.

    Returns
    -------
    dict of str to Figure
        NaN where a figure is not defined, such as the sensitivity without a positive case.
    """
    compute = partial(point_figures, cases, threshold, is_all=is_all)
    return bootstrapped(compute, cases.patients, independent(cases, threshold), draws)


def independent(cases: ClassifiedCases, threshold: float | None) -> dict[str, int]:
    """Return the figures that are proportions, and of how many independent patients each is.

    The area under the ROC curve is the share of pairs of a positive and a negative case that are
    in order. Pairs that share no patient are independent, so that all of them are in order with
    the probability area ** pairs: the exact bound for so many pairs holds, and is a cautious one.
    """
    numbers = np.unique(np.array(cases.patients), return_inverse=True)[1]

    def patients(mine: NDArray[np.bool_]) -> int:
        return len(np.unique(numbers[mine]))

    every = patients(np.ones(len(cases), bool))
    found = {"accuracy": every, "within_one_grade": every}
    if cases.is_binary:
        decided = cases.decisions(threshold)
        positive, negative = patients(cases.truth == 1), patients(cases.truth == 0)
        found |= {
            "sensitivity": positive,
            "specificity": negative,
            "precision": patients(decided == 1),
            "negative_predictive_value": patients(decided == 0),
            "auc": min(positive, negative, every // 2),
        }
    return {name: count for name, count in found.items() if count}


def point_figures(
    cases: ClassifiedCases, threshold: float | None, weights: Weights, is_all: bool = True
) -> Figures:
    """Return the figures of weighted cases, without intervals.

    Without `is_all` average precision, which takes the longest by far, is left out.
    """
    counts = confusion(cases, threshold, weights)
    found = _of_two(counts) if cases.is_binary else _of_many(counts)
    found["kappa"] = kappa(counts, 0)
    if cases.is_ordinal:
        found["kappa_linear"], found["kappa_quadratic"] = kappa(counts, 1), kappa(counts, 2)
        steps = np.abs(np.subtract.outer(np.arange(len(counts)), np.arange(len(counts))))
        found["within_one_grade"] = _ratio(counts[steps <= 1].sum(), counts.sum())
        found["mean_grade_error"] = _ratio((steps * counts).sum(), counts.sum())
    if cases.probabilities is not None:
        found.update(_of_probabilities(cases, cases.probabilities, weights, is_all))
    return found


def confusion(cases: ClassifiedCases, threshold: float | None, weights: Weights) -> _Numbers:
    """Return the weighted counts (c, c): true classes in rows, decided ones in columns."""
    count = len(cases.classes)
    places = cases.truth * count + cases.decisions(threshold)
    found = np.bincount(places, weights, count * count).reshape(count, count)
    return np.asarray(found, np.float64)


def _of_two(counts: _Numbers) -> dict[str, float]:
    (true_negative, false_positive), (false_negative, true_positive) = counts
    sensitivity = _ratio(true_positive, true_positive + false_negative)
    specificity = _ratio(true_negative, true_negative + false_positive)
    errors = false_positive + false_negative
    return {
        "accuracy": _ratio(true_positive + true_negative, counts.sum()),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": _ratio(true_positive, true_positive + false_positive),
        "negative_predictive_value": _ratio(true_negative, true_negative + false_negative),
        "f1": _ratio(2 * true_positive, 2 * true_positive + errors),
    }


def _of_many(counts: _Numbers) -> dict[str, float]:
    """Return means over classes of figures one against the rest."""
    right = np.diag(counts)
    recalls = [_ratio(hit, row) for hit, row in zip(right, counts.sum(axis=1), strict=True)]
    # A class that is neither true nor decided for has no part in a mean.
    present = counts.sum(axis=1) + counts.sum(axis=0) > 0
    precisions = np.array(
        [_ratio(hit, total) for hit, total in zip(right, counts.sum(axis=0), strict=True)]
    )
    f1 = np.array(
        [
            _ratio(2 * hit, row + column)
            for hit, row, column in zip(right, counts.sum(axis=1), counts.sum(axis=0), strict=True)
        ]
    )
    known = np.array(recalls)[counts.sum(axis=1) > 0]
    return {
        "accuracy": _ratio(right.sum(), counts.sum()),
        "balanced_accuracy": float(known.mean()) if len(known) else float("nan"),
        "precision_macro": _mean(np.nan_to_num(precisions[present])),
        "recall_macro": _mean(np.nan_to_num(np.array(recalls)[present])),
        "f1_macro": _mean(f1[present]),
    }


def kappa(counts: _Numbers, power: int) -> float:
    """Return Cohen's kappa of counts (c, c): unweighted (0), linear (1) or quadratic (2)."""
    places = np.arange(len(counts))
    away = np.abs(np.subtract.outer(places, places)).astype(np.float64)
    cost = (away > 0).astype(np.float64) if power == 0 else away**power
    total = counts.sum()
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / max(total, 1e-300)
    expected = (cost * by_chance).sum()
    return float("nan") if expected <= 0 else float(1 - (cost * counts).sum() / expected)


def _of_probabilities(
    cases: ClassifiedCases, probabilities: _Numbers, weights: Weights, is_all: bool
) -> dict[str, float]:
    kept = weights > 0
    truth, answered, weights = cases.truth[kept], probabilities[kept], weights[kept]
    one_hot = np.eye(len(cases.classes))[truth]
    found = {"brier": calibration_brier(one_hot, answered, weights)}
    if cases.is_binary:
        ranked = _ranked(truth == 1, answered[:, 1], weights, is_all)
        sure, right = answered[:, 1], (truth == 1).astype(np.float64)
    else:
        # A class that nobody has cannot be told from the rest.
        each = [
            _ranked(truth == k, answered[:, k], weights, is_all)
            for k in range(len(cases.classes))
            if 0 < (truth == k).sum() < len(truth)
        ]
        ranked = {
            f"{name}_macro": _mean(np.array([one[name] for one in each]))
            for name in ("auc", "average_precision")[: 1 + is_all]
        }
        sure = answered.max(axis=1)
        right = (answered.argmax(axis=1) == truth).astype(np.float64)
    return {**ranked, **found, "calibration_error": calibration_error(right, sure, weights)}


def _ranked(
    truth: NDArray[np.bool_], score: _Numbers, weights: Weights, has_precision: bool
) -> dict[str, float]:
    if truth.all() or not truth.any():
        return dict.fromkeys(("auc", "average_precision")[: 1 + has_precision], float("nan"))
    found = {"auc": auc(score, truth, weights)}
    if has_precision:
        precision = average_precision_score(truth, score, sample_weight=weights)
        found["average_precision"] = float(precision)
    return found


def calibration_brier(one_hot: _Numbers, answered: _Numbers, weights: Weights) -> float:
    """Return Brier's score: of two classes on the positive one (0..1), of more summed (0..2)."""
    columns = slice(1, 2) if one_hot.shape[1] == 2 else slice(None)
    squares = ((one_hot[:, columns] - answered[:, columns]) ** 2).sum(axis=1)
    return float(np.average(squares, weights=weights))


def calibration_error(right: _Numbers, sure: _Numbers, weights: Weights) -> float:
    """Return the expected calibration error: how far shares lie from probabilities, on average."""
    bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights * (right - sure), BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def by_threshold(cases: ClassifiedCases, rule: Callable[[_Numbers, _Numbers], int]) -> float:
    """Return the threshold that a rule picks among those at which a decision changes.

    Parameters
    ----------
    cases : ClassifiedCases
        Of two classes, with probabilities; of other patients than those reported on.
    rule : callable
        Takes sensitivities and specificities by rising threshold; returns the place.
    """
    assert cases.positive is not None
    score, truth = cases.positive, cases.truth == 1
    levels = np.unique(score)
    sensitivity = np.array([(score[truth] >= level).mean() for level in levels])
    specificity = np.array([(score[~truth] < level).mean() for level in levels])
    place = rule(sensitivity, specificity)
    # Between two answers, so that a hair's breadth in a probability turns no decision.
    below = levels[place - 1] if place else 0.0
    return float((levels[place] + below) / 2)


def youden(sensitivity: _Numbers, specificity: _Numbers) -> int:
    """Pick the largest sum of sensitivity and specificity (Youden 1950, Cancer 3:32)."""
    return int(np.argmax(sensitivity + specificity))


def least_sensitivity(least: float) -> Callable[[_Numbers, _Numbers], int]:
    """Return a rule: the best specificity among thresholds with at least this sensitivity."""

    def rule(sensitivity: _Numbers, specificity: _Numbers) -> int:
        return int(np.flatnonzero(sensitivity >= least)[-1])

    return rule


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _mean(values: Sequence[float] | _Numbers) -> float:
    values = np.asarray(values, np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(np.nanmean(values)) if len(values) else float("nan")
