"""Intervals of figures, by drawing patients again: pictures of one patient are not independent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spinealign.evaluation.cases import numbered
from spinealign.resampling import drawn, interval, is_point, times_drawn

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
    proportions: Mapping[str, int] = MappingProxyType({}),
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
    proportions : mapping of str to int
        Figures that are proportions, and of how many independent patients: where all draws agree on
        0 or 1, the exact bound for that many stands in (Clopper & Pearson 1934).
    draws, seed : int

    Returns
    -------
    dict of str to Figure
        Without an interval where all draws agree on anything else: drawing cannot tell how far off
        the truth may lie, and an interval without width would say that it is known.
    """
    index = numbered(patients)
    count = int(index.max()) + 1 if len(index) else 0
    values = dict(compute(np.ones(len(index))))
    if count < 2:
        return {name: Figure(value, np.nan, np.nan) for name, value in values.items()}
    computed: dict[str, list[float]] = {name: [] for name in values}
    for places in drawn(count, draws, seed):
        for name, value in compute(times_drawn(places, count)[index]).items():
            computed[name].append(value)
    return {
        name: _figure(value, computed[name], proportions.get(name))
        for name, value in values.items()
    }


def _figure(value: float, computed: Sequence[float], patients: int | None) -> Figure:
    # Where half of the draws lack a class, the rest tell of another population.
    is_enough = np.isfinite(computed).sum() >= len(computed) / 2
    if not np.isfinite(value) or not is_enough:
        return Figure(value, np.nan, np.nan)
    low, high = interval(computed, patients)
    return Figure(value, np.nan, np.nan) if is_point(low, high) else Figure(value, low, high)
