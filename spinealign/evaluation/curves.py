"""Curves of a classifier of two classes, as numbers: ROC, precision, calibration, net benefit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve, roc_curve

from spinealign.evaluation.classification import BINS

_DECISION_STEPS: Final = 99
_EDGE: Final = 1e-6
_Z: Final = 1.959964
"""Of a 95 % interval of a normal distribution."""

_Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """Shares of positive cases by what was answered.

    Parameters
    ----------
    answered, share, low, high : (k,) float64
        Mean probability of the cases of a bin, their share of positives, and Wilson's interval
        (1927) of it, which takes pictures for independent.
    cases : (k,) int64
    intercept, slope : float
        Of the logistic regression of the truth on the answers' log odds (Cox 1958); 0 and 1 are
        ideal, a slope below 1 means answers that are too sure.
    """

    answered: _Numbers
    share: _Numbers
    low: _Numbers
    high: _Numbers
    cases: NDArray[np.int64]
    intercept: float
    slope: float


def roc(truth: NDArray[np.bool_], score: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Return false positive rates and sensitivities (k,) by falling threshold."""
    false_rate, sensitivity, _ = roc_curve(truth, score)
    return np.asarray(false_rate), np.asarray(sensitivity)


def precision_recall(truth: NDArray[np.bool_], score: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Return recalls and precisions (k,) by rising threshold."""
    precision, recall, _ = precision_recall_curve(truth, score)
    return np.asarray(recall), np.asarray(precision)


def calibration(truth: NDArray[np.bool_], score: _Numbers) -> Calibrated:
    """Return how often what was answered with some probability is so, in ten equal bins."""
    places = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    used = counts > 0
    count = counts[used]
    answered = np.bincount(places, score, BINS)[used] / count
    share = np.bincount(places, truth.astype(np.float64), BINS)[used] / count
    low, high = wilson(share, count)
    intercept, slope = recalibration(truth, score)
    return Calibrated(answered, share, low, high, count, intercept, slope)


def wilson(share: _Numbers, count: NDArray[np.int64]) -> tuple[_Numbers, _Numbers]:
    """Return Wilson's 95 % interval (1927) of shares among so many."""
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    spread = np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    reach = _Z * spread / (1 + _Z**2 / count)
    return middle - reach, middle + reach


def recalibration(truth: NDArray[np.bool_], score: _Numbers) -> tuple[float, float]:
    """Return intercept and slope of the truth on the log odds; NaN where one class is missing."""
    if truth.all() or not truth.any() or np.ptp(score) == 0:
        return float("nan"), float("nan")
    bounded = np.clip(score, _EDGE, 1 - _EDGE)
    odds = np.log(bounded / (1 - bounded)).reshape(-1, 1)
    fit = LogisticRegression(C=np.inf, max_iter=1000).fit(odds, truth)
    return float(fit.intercept_[0]), float(fit.coef_[0, 0])


def net_benefit(truth: NDArray[np.bool_], score: _Numbers) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Return thresholds, and the net benefit of the model and of treating all (k,).

    Vickers and Elkin 2006, Medical Decision Making 26:565. Treating nobody has the benefit 0.
    """
    thresholds = np.arange(1, _DECISION_STEPS + 1) / (_DECISION_STEPS + 1)
    odds = thresholds / (1 - thresholds)
    positive = score[None, :] >= thresholds[:, None]
    true_share = (positive & truth).mean(axis=1)
    false_share = (positive & ~truth).mean(axis=1)
    everybody = truth.mean() - (1 - truth.mean()) * odds
    return thresholds, true_share - odds * false_share, everybody
