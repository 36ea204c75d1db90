"""Where a disc of a sagittal MR lies, and where one is to be expected among others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Mask = NDArray[np.uint8]

VERTEBRA, DISC, CANAL, SACRUM, POSTERIOR = 1, 2, 3, 4, 5
"""Mask values that columns are found in (`mr_classes.standard_mask`): vertebrae as the network
outlines them, with posterior elements or without; these by themselves where it tells them apart.

Source: model card of mr_segmentation; the last two: convention of this program.
"""

CANAL_REACH = (0.05, 0.6)
"""Nearest and farthest distance from the end of a disc at which the canal is looked for, in
lengths of the disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

REACH_SAMPLES = 48
"""Samples of the mask between these distances.

Source: numerical resolution, steps of 0.012 lengths of the disc.
"""

PIXEL_EDGES = np.array([-0.5, 0.5])
"""From the centres of the first and the last pixel to their outer edges, in pixels.

Source: convention of this program.
"""

LENGTH_PERCENT = (1, 99)
"""Percentiles of a disc's pixels along its axis that stand for its ends.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

OUTSIDE = 255
"""What `values_at` gives outside of the picture. Source: convention of this program."""


@dataclass(frozen=True, eq=False)
class DiscShape:
    """One disc, with places as (x, y) in image pixels (pixel i covers i to i + 1).

    Parameters
    ----------
    outline : ndarray of float64, shape (N, 2)
        Closed contour; four corners when the disc was only inferred.
    anterior, posterior : ndarray of float64, shape (2,)
        Ends of the long axis.
    down : ndarray of float64, shape (2,)
        Unit vector across the disc, towards the sacrum.
    height_px : float
        Mean height: area over length.
    confidence : float
        0..1: the network's mean certainty inside; 0 for an inferred disc.
    is_inferred : bool
        Nothing was segmented here, but the spacing of its neighbours asks for a disc.
    """

    outline: Points
    anterior: Points
    posterior: Points
    down: Points
    height_px: float
    confidence: float
    is_inferred: bool = False

    @property
    def centre(self) -> Points:
        """Middle of the long axis."""
        return (self.anterior + self.posterior) / 2

    @property
    def length_px(self) -> float:
        """Length of the long axis."""
        return float(np.hypot(*(self.posterior - self.anterior)))


def values_at(mask: Mask, points: Points) -> Mask:
    """Return the mask (H, W) at points (N, 2); 255 outside of the picture."""
    cols, rows = np.floor(points).astype(int).T
    inside = (rows >= 0) & (rows < mask.shape[0]) & (cols >= 0) & (cols < mask.shape[1])
    values = np.full(len(points), OUTSIDE, np.uint8)
    values[inside] = mask[rows[inside], cols[inside]]
    return values


def disc_between(lower: DiscShape, upper: DiscShape, share: float) -> DiscShape:
    """Return the disc expected at a share (0..1) of the way from one disc to another."""

    def mix(name: str) -> Points:
        a, b = getattr(lower, name), getattr(upper, name)
        return np.asarray((1 - share) * a + share * b, np.float64)

    down = mix("down")
    down /= max(float(np.hypot(*down)), 1e-6)
    height = (1 - share) * lower.height_px + share * upper.height_px
    return _inferred(mix("anterior"), mix("posterior"), down, height)


def _inferred(anterior: Points, posterior: Points, down: Points, height: float) -> DiscShape:
    half = down * height / 2
    outline = np.stack([anterior - half, posterior - half, posterior + half, anterior + half])
    return DiscShape(outline, anterior, posterior, down, height, 0.0, is_inferred=True)
