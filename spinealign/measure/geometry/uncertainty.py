"""Uncertainty of landmarks, and its propagation to measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Landmark, LandmarkName, LandmarkSource
from spinealign.domain.measurements import NORMAL_95

Values = NDArray[np.float64]

_LOWEST_PEAK, _FULL_PEAK = 0.35, 0.8
"""Heights (0..1) of the network's peaks between which its corners become surer. Source: below."""

_SURE_NETWORK, _UNSURE_NETWORK = 0.02, 0.085
"""Standard deviation of a corner on a film, in heights of a body, at a full and at the lowest
peak.

Source: distances to the reader's corners on the training films of `xray_bodies`, rounded up; how
many intervals of held-out films hold the reader's angle is in that model's card.
"""

_CONTOUR, _MIDDLE, _USER = 0.08, 0.04, 0.015
"""Standard deviations in heights of a body: of a contour's point that stands in for a corner on a
film, of the middle of an endplate, and of a point that a person placed.

Source: the same films, and for a person the repeated reading of three of them, rounded up.
"""

_CONFIRMED = 0.035
"""Standard deviation of a corner that a person looked at and left where the program had put it, in
heights of a body.

Source: readers' corners of the standing films are 3 to 5 % of a height off, 4 on average
(docs/models.md), which two coordinates of 0.035 / sqrt(2) to 0.035 make; a person who looks sees
no more than another reader would. Moved points keep the error of one reader's best repeat.
"""

_CONTOUR_SIGMAS = (0.5, 0.9), (_CONTOUR, 0.035)
"""By confidence: a point that stands in for a corner on a film, and one on a whole outline of
an MR, in heights of a body. Source: the films above; the smaller value was fitted on MR
(`benchmarks/mr_bodies.py`).
"""

_OUTLINE = 0.03
"""Standard deviation of a point averaged over much of an outline, in heights of a body.

Source: as of corners on films, rounded up.
"""

_MIDDLES = (LandmarkName.SUPERIOR_MIDDLE, LandmarkName.INFERIOR_MIDDLE)


def landmark_sigma_px(mark: Landmark, body_height_px: float) -> float:
    """Return the standard deviation of a landmark's position, the same in every direction.

    Parameters
    ----------
    mark : Landmark
        Its name, source and confidence count, not its place.
    body_height_px : float
        Typical height of a body of this column; the answer is in the same unit.
    """
    if mark.source is LandmarkSource.USER:
        return user_sigma_px(body_height_px)
    if mark.source is LandmarkSource.CONFIRMED:
        return _CONFIRMED * body_height_px
    if mark.name in _MIDDLES:
        return _MIDDLE * body_height_px
    if mark.source is LandmarkSource.CONTOUR:
        return float(np.interp(mark.confidence, *_CONTOUR_SIGMAS)) * body_height_px
    peaks, sigmas = (_LOWEST_PEAK, _FULL_PEAK), (_UNSURE_NETWORK, _SURE_NETWORK)
    return float(np.interp(mark.confidence, peaks, sigmas)) * body_height_px


def user_sigma_px(body_height_px: float) -> float:
    """Return the standard deviation of a point that a person placed, in every direction."""
    return _USER * body_height_px


def outline_sigma_px(body_height_px: float) -> float:
    """Return the standard deviation of a point that is averaged over much of an outline."""
    return _OUTLINE * body_height_px


@dataclass(frozen=True)
class Spread:
    """Standard deviation of a value, by who placed the points that it comes from."""

    program: float
    hand: float

    def half_width(self, factor: float) -> float:
        """Return half of the 95 % interval.

        Parameters
        ----------
        factor : float
            What the program's part counts, in standard deviations; a person's part counts
            `NORMAL_95`.
        """
        return math.hypot(factor * self.program, NORMAL_95 * self.hand)


def displaced(exact: Sequence[Values], sigmas: Sequence[float]) -> list[Values]:
    """Return points with one coordinate at a time moved by its standard deviation, either way.

    Parameters
    ----------
    exact : sequence of ndarray of float64, shape (2,)
        N points.
    sigmas : sequence of float
        Standard deviation of each, the same in x and in y.

    Returns
    -------
    list of ndarray of float64, shape (1 + 4 N, 2)
        Of each point where it lies: sample 0 is the exact place of all. In sample 1 + 2 i + k
        coordinate k of point i is larger, in sample 1 + 2 N + 2 i + k it is smaller.
    """
    moved, coordinates = [], 2 * len(exact)
    for place, (point, sigma) in enumerate(zip(exact, sigmas, strict=True)):
        samples = np.tile(point, (1 + 2 * coordinates, 1))
        rows = 1 + 2 * place + np.arange(2)
        samples[rows, np.arange(2)] += sigma
        samples[rows + coordinates, np.arange(2)] -= sigma
        moved.append(samples)
    return moved


def spread_of(values: Values, is_by_hand: NDArray[np.bool_]) -> Spread:
    """Propagate the uncertainty of points to a value by its central differences.

    The sum of squares is rounded once, so that points which do not move the value, and the
    order of points, leave the last digit as it is. Source: JCGM 100:2008, 5.1.3, note 2.

    Parameters
    ----------
    values : ndarray of float64, shape (1 + 4 N,)
        Measured on what `displaced` returned.
    is_by_hand : ndarray of bool, shape (N,)
        Which of the points a person placed.
    """
    larger, smaller = np.split(values[1:], 2)
    squares = ((larger - smaller) / 2) ** 2
    by_hand = np.repeat(is_by_hand, 2)
    parts = (squares[~by_hand], squares[by_hand])
    program, hand = (math.sqrt(math.fsum(part.tolist())) for part in parts)
    return Spread(program, hand)
