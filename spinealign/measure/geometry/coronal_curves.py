"""Curves of a spine seen from the front: end vertebrae, apex, side and region.

Angles here are of the exact points; the measures take them again on displaced ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Values = NDArray[np.float64]

LEAST_CURVE_DEG = 5.0
"""Least difference in tilt between two end vertebrae that makes a curve of its own, in degrees.

Source: the error of a reader's Cobb angle is 3 to 5 degrees (SOSORT 2016,
doi:10.1186/s13013-017-0145-8): a smaller turn back of the tilt is no curve that a second reader
would find.
"""

_BODIES_ABOUT_AN_END = 1
"""Bodies above and below a turning point of the tilt among which the end vertebra is looked for.

Source: set by hand: the endplates of a body that is higher on one side are not parallel, so that
the steepest endplate may lie on its neighbour.
"""


_NEARER_THE_DISC = 0.25
"""How far from a body's centre the column is farthest out where the apex is the disc beside it, in
distances of bodies. Source: geometry: half way between the centre and the middle of the disc.
"""


_APEX_DECIMALS = 9
"""To which the distance from a chord is told, in its length. Source: well above rounding errors."""


@dataclass(frozen=True)
class CoronalCurve:
    """A curve by the places of its bodies in the list, from the top.

    Parameters
    ----------
    upper, lower : int
        End vertebrae: the most tilted ones.
    apex : tuple of int
        The body farthest from the line between both ends; two neighbours where it is their disc.
    angle_deg : float
        Between the superior endplate of the upper and the inferior endplate of the lower end
        vertebra: positive where the curve is convex to the right of the picture.
    """

    upper: int
    lower: int
    apex: tuple[int, ...]
    angle_deg: float


def coronal_curves(corners: Points) -> tuple[CoronalCurve, ...]:
    """Return the curves of bodies from the top down, all of them.

    Parameters
    ----------
    corners : ndarray of float64, shape (n, 4, 2)
        (x, y) of superior left, superior right, inferior right and inferior left corner of each
        body, left and right of the picture, y down, in units that are the same in x and y.

    Returns
    -------
    tuple of CoronalCurve
        Of three bodies at least.

    Notes
    -----
    The tilt of a body turns where a curve ends. Turns of less than `LEAST_CURVE_DEG` are smoothed
    away, the least first, so that what remains goes up and down by turns. Around each turning
    point the end vertebra is the one with the steepest endplate (Cobb 1948).
    """
    superior, inferior = endplate_tilts_deg(corners)
    turns = turning_points((superior + inferior) / 2, LEAST_CURVE_DEG)
    return tuple(
        CoronalCurve(
            upper, lower, apex_of(corners, upper, lower), inferior[lower] - superior[upper]
        )
        for upper, lower in _ends(superior, inferior, turns)
        if lower - upper > 1
    )


def _ends(superior: Values, inferior: Values, turns: Sequence[int]) -> list[tuple[int, int]]:
    """Return the end vertebrae of the curves between turning points; curves do not overlap.

    A body may be the lower end of one curve and the upper end of the next.
    """
    if len(turns) < 2:
        return []
    tilts = (superior + inferior) / 2
    signs = [float(np.sign(tilts[b] - tilts[a])) for a, b in pairwise(turns)]
    uppers, lowers = [_steepest(-signs[0] * superior, turns[0])], []
    for turn, above, below in zip(turns[1:-1], signs[:-1], signs[1:], strict=True):
        near = _near(turn, len(superior))
        pairs = [(low, up) for low in near for up in near if low <= up]
        low, up = max(pairs, key=lambda p: above * inferior[p[0]] - below * superior[p[1]])
        lowers.append(low)
        uppers.append(up)
    lowers.append(_steepest(signs[-1] * inferior, turns[-1]))
    return list(zip(uppers, lowers, strict=True))


def _steepest(values: Values, turn: int) -> int:
    return max(_near(turn, len(values)), key=lambda place: values[place])


def _near(turn: int, count: int) -> list[int]:
    reach = range(turn - _BODIES_ABOUT_AN_END, turn + _BODIES_ABOUT_AN_END + 1)
    return [place for place in reach if 0 <= place < count]


def endplate_tilts_deg(corners: Points) -> tuple[Values, Values]:
    """Return the tilt (n,) of superior and inferior endplates: positive with the right side low."""
    superior = corners[:, 1] - corners[:, 0]
    inferior = corners[:, 2] - corners[:, 3]
    return _tilt_deg(superior), _tilt_deg(inferior)


def _tilt_deg(across: Points) -> Values:
    return np.asarray(np.degrees(np.arctan2(across[:, 1], across[:, 0])), np.float64)


def turning_points(tilts_deg: Values, least_deg: float) -> list[int]:
    """Return where a sequence turns, its ends included, without turns below a threshold.

    Returns
    -------
    list of int
        Places whose values go up and down by turns, by `least_deg` at least; empty where even
        the largest difference is smaller.
    """
    places = _extremes(tilts_deg)
    while len(places) > 1:
        steps = [abs(tilts_deg[b] - tilts_deg[a]) for a, b in pairwise(places)]
        least = int(np.argmin(steps))
        if steps[least] >= least_deg:
            return places
        places = _without_step(places, least)
    return []


def _extremes(values: Values) -> list[int]:
    if len(values) < 2:
        return []
    steps = np.sign(np.diff(values))
    moves = np.flatnonzero(steps)
    inner = [int(b) for a, b in pairwise(moves) if steps[a] != steps[b]]
    return [0, *inner, len(values) - 1]


def _without_step(places: Sequence[int], step: int) -> list[int]:
    """Leave out a step: both its ends inside, and at either end of the column the outer one."""
    if step == 0:
        return list(places[1:])
    if step == len(places) - 2:
        return list(places[:-1])
    return [*places[:step], *places[step + 2 :]]


def apex_of(corners: Points, upper: int, lower: int) -> tuple[int, ...]:
    """Return the place of the body, or of the two beside the disc, farthest from the chord.

    The chord joins the centres of both end vertebrae, which have a body between them.
    """
    centres = corners.mean(axis=1)
    chord = centres[lower] - centres[upper]
    at = centres[upper : lower + 1] - centres[upper]
    away = np.abs(at[:, 0] * chord[1] - at[:, 1] * chord[0])
    # Rounded, so that of a straight column noise does not choose.
    away = np.round(away / max(float(chord @ chord), 1e-9), _APEX_DECIMALS)
    top = 1 + int(np.argmax(away[1:-1]))
    beside = [k for k in (top - 1, top + 1) if 0 < k < len(away) - 1]
    near = max(beside, key=lambda k: away[k], default=top)
    # The vertex of the parabola through three centres tells whether the disc is farther out.
    before, here, after = away[top - 1 : top + 2]
    bend = before - 2 * here + after
    shift = 0.0 if bend >= 0 else (before - after) / (2 * bend)
    if near != top and abs(shift) > _NEARER_THE_DISC:
        return tuple(sorted((upper + top, upper + near)))
    return (upper + top,)
