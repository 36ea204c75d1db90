"""Uncertainty of landmarks, and its propagation to measurements."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Landmark, LandmarkName, LandmarkSource

Values = NDArray[np.float64]

SAMPLES = 600
"""Resampled positions of every landmark beside the exact one.

Source: numerical resolution; fast enough to follow a dragged corner (`benchmarks/dragging.py`).
"""

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

_CONTOUR_SIGMAS = (0.5, 0.9), (_CONTOUR, 0.035)
"""By confidence: a point that stands in for a corner on a film, and one on a whole outline of
an MR, in heights of a body. Source: the films above; the smaller value was fitted on MR
(`benchmarks/mr_bodies.py`).
"""

_OUTLINE = 0.03
"""Standard deviation of a point averaged over much of an outline, in heights of a body.

Source: as of corners on films, rounded up.
"""

_TAIL_PERCENT = 2.5
"""Per cent of resampled values beyond either end of an interval. Source: 95 % intervals."""

_MIDDLES = (LandmarkName.SUPERIOR_MIDDLE, LandmarkName.INFERIOR_MIDDLE)

_SEED = 20260101
"""Of the resampling, so that an image gives the same intervals each time.

Source: any number; `measure_alignment` is deterministic with it.
"""


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


@lru_cache(maxsize=4)
def normal_draws(points: int) -> Values:
    """Return standard normal numbers, shape (points, 1 + SAMPLES, 2), always the same.

    Sample 0 is zero, the exact position. The others come in pairs of opposite sign, so
    that intervals of nearly linear measures lie evenly about the value, and the first
    points get the same numbers however many there are.
    """
    half = np.random.default_rng(_SEED).standard_normal((points, SAMPLES // 2, 2))
    half /= np.sqrt((half**2).mean(axis=1, keepdims=True))
    draws = np.concatenate([np.zeros((points, 1, 2)), half, -half], axis=1)
    draws.setflags(write=False)
    return draws


def intervals_95(values: Values) -> Values:
    """Return the 95 % intervals, shape (M, 2), of measures sampled as (M, 1 + SAMPLES)."""
    if len(values) == 0:
        return np.empty((0, 2))
    ordered = np.sort(values[:, 1:], axis=1)
    last = ordered.shape[1] - 1
    place = _TAIL_PERCENT / 100 * last
    below, share = int(place), place % 1
    low = ordered[:, below] * (1 - share) + ordered[:, below + 1] * share
    high = ordered[:, last - below] * (1 - share) + ordered[:, last - below - 1] * share
    return np.stack([low, high], axis=1)
