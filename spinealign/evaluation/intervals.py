"""Intervals of figures, by drawing patients again: pictures of one patient are not independent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spinealign.evaluation.cases import numbered

DRAWS: Final = 1000
"""Enough for the ends of a 95 % interval (Efron & Tibshirani 1993, An Introduction to the
Bootstrap, section 13.3)."""

FEWEST_PATIENTS: Final = 10
"""With fewer, drawing patients again says little of others (ibid., section 19.3), and the interval
is marked."""

Weights = NDArray[np.float64]
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Figure:
    """One figure with its 95 % interval; NaN where it cannot be computed."""

    value: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return bool(np.isfinite(self.value))


def bootstrapped(
    compute: Callable[[Weights], Figures],
    patients: Sequence[str],
    proportions: frozenset[str] = frozenset(),
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Figure]:
    """Return figures with percentile intervals over patients drawn with replacement.

    Parameters
    ----------
    compute : callable
        Takes a weight (n,) for each case, how often its patient was drawn; returns figures.
    patients : sequence of str
        One a case.
    proportions : frozenset of str
        Figures that are proportions of patients' cases: where all draws agree on 0 or 1, the
        exact bound for that many patients stands in (Clopper & Pearson 1934).
    draws, seed : int

    Returns
    -------
    dict of str to Figure
    """
    index = numbered(patients)
    count = int(index.max()) + 1 if len(index) else 0
    values = dict(compute(np.ones(len(index))))
    if count < 2:
        return {name: Figure(value, np.nan, np.nan) for name, value in values.items()}
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(draws):
        times = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        for name, value in compute(times[index]).items():
            drawn[name].append(value)
    return {
        name: _figure(value, np.array(drawn[name]), count if name in proportions else None, draws)
        for name, value in values.items()
    }


def _figure(value: float, drawn: NDArray[np.float64], patients: int | None, draws: int) -> Figure:
    drawn = drawn[np.isfinite(drawn)]
    # Where half of the draws lack a class, the rest tell of another population.
    if not np.isfinite(value) or len(drawn) < draws / 2:
        return Figure(value, np.nan, np.nan)
    low, high = (float(end) for end in np.percentile(drawn, (2.5, 97.5)))
    if patients is not None and np.isclose([low, high], 1.0).all():
        low = 0.025 ** (1 / patients)
    elif patients is not None and np.isclose([low, high], 0.0).all():
        high = 1 - 0.025 ** (1 / patients)
    return Figure(value, low, high)
