"""Learning rates by epoch: each follows from the curve so far, so that a kill changes none.

Nothing is counted beside the curve, which is kept with the weights: a training that was cut goes on
with the rates that it would have had.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Schedule = Literal["constant", "cosine", "step", "exponential", "plateau"]

LEAST_GAIN = 1e-4
"""By which a loss must fall to count as better on a plateau; as Keras has it."""


@dataclass(frozen=True)
class RateRule:
    """How a learning rate changes from epoch to epoch.

    Parameters
    ----------
    schedule : str
        "constant"; "cosine" falls to nothing along half a cosine (Loshchilov & Hutter 2017,
        arXiv:1608.03983, without restarts); "step" is multiplied by `decay` every `every` epochs,
        "exponential" by as much, but evenly; "plateau" after `every` epochs without a better loss,
        the one on patients left out where there is one.
    warm_up : int
        Epochs in which the rate rises evenly before.
    decay : float
    every : int
    """

    schedule: Schedule = "constant"
    warm_up: int = 0
    decay: float = 0.5
    every: int = 5

    def rate(self, base: float, epochs: int, curve: Sequence[Mapping[str, float]]) -> float:
        """Return the rate of the epoch that follows a curve.

        Parameters
        ----------
        base : float
            The rate after the warm-up.
        epochs : int
            How many there are at most.
        curve : sequence of mapping
            One entry an epoch that is done, with ``loss`` and perhaps ``validation_loss``.
        """
        epoch = len(curve)
        if epoch < self.warm_up:
            return base * (epoch + 1) / (self.warm_up + 1)
        done = epoch - self.warm_up
        if self.schedule == "cosine":
            return base * 0.5 * (1 + math.cos(math.pi * done / max(1, epochs - self.warm_up)))
        if self.schedule == "step":
            return base * self.decay ** (done // self.every)
        if self.schedule == "exponential":
            return float(base * self.decay ** (done / self.every))
        if self.schedule == "plateau":
            return float(base * self.decay ** self._plateaus(curve))
        return base

    def _plateaus(self, curve: Sequence[Mapping[str, float]]) -> int:
        best, waited, found = math.inf, 0, 0
        for row in curve:
            loss = row.get("validation_loss", row["loss"])
            if loss < best - LEAST_GAIN:
                best, waited = loss, 0
                continue
            waited += 1
            if waited >= self.every:
                found, waited = found + 1, 0
        return found
