"""How measured numbers agree with true ones."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spinealign.evaluation.cases import MeasuredCases
from spinealign.evaluation.intervals import DRAWS, Figure, Figures, Weights, bootstrapped

LIMITS: Final = 1.96
"""Standard deviations within which 95 % of differences lie (Bland & Altman 1986, Lancet 1:307)."""


def figures(cases: MeasuredCases, draws: int = DRAWS) -> dict[str, Figure]:
    """Return figures of agreement with intervals by patient; differences are measured minus true.

    Mean absolute and root mean square error, bias, standard deviation and limits of agreement
    (Bland & Altman 1986), the concordance correlation coefficient (Lin 1989, Biometrics 45:255),
    Pearson's correlation; both of these say nothing where truth or answers are all the same.
    """
    return bootstrapped(partial(point_figures, cases), cases.patients, draws=draws)


def point_figures(cases: MeasuredCases, weights: Weights) -> Figures:
    """Return the figures of weighted cases, without intervals."""
    truth, measured = cases.truth, cases.measured
    away = measured - truth
    total = weights.sum()
    bias = _mean(away, weights)
    # Of a sample, as Bland and Altman take it.
    spread = np.sqrt((weights * (away - bias) ** 2).sum() / (total - 1)) if total > 1 else np.nan
    middle, found = _mean(truth, weights), _mean(measured, weights)
    variance = _mean((truth - middle) ** 2, weights)
    found_variance = _mean((measured - found) ** 2, weights)
    together = _mean((truth - middle) * (measured - found), weights)
    apart = variance + found_variance + (middle - found) ** 2
    both = np.sqrt(variance * found_variance)
    varies = variance > _variance_of_rounding(truth) and found_variance > _variance_of_rounding(
        measured
    )
    return {
        "mean_absolute_error": _mean(np.abs(away), weights),
        "root_mean_square_error": float(np.sqrt(_mean(away**2, weights))),
        "bias": bias,
        "standard_deviation": float(spread),
        "limit_low": float(bias - LIMITS * spread),
        "limit_high": float(bias + LIMITS * spread),
        "concordance": float(2 * together / apart) if varies else float("nan"),
        "correlation": float(together / both) if varies else float("nan"),
    }


def _variance_of_rounding(values: NDArray[np.float64]) -> float:
    """Return the variance that equal numbers may seem to have."""
    return float((1e-12 * np.abs(values).max()) ** 2)


def _mean(values: NDArray[np.float64], weights: Weights) -> float:
    return float(np.average(values, weights=weights))
