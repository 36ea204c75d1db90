"""What outlines give beside landmarks, in the plane where the patient looks to the right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Values = NDArray[np.float64]

_BODY_HEIGHT = 1.0
"""Height of the body of C2 without the dens, in depths of its inferior endplate.

Source: set by hand on the training films of `xray_bodies`: a body is about as high as deep.
"""

_LEAST_HEIGHT = 0.7
"""Height that an outline of C2 must reach to have a centre, in depths of its endplate.

Source: set by hand; below it the film cuts the body off.
"""

_WALL, _WALL_STEPS, _LEAST_CROSSINGS = (0.15, 0.65), 9, 4
"""Heights between which the straight posterior wall of C2 is read, in depths of its endplate, at
how many of them, and at how many it must be found. Source: set by hand on the training films of
`xray_bodies`: above the corner's rounding and below the base of the dens.
"""

_ENDPLATE, _ENDPLATE_STEPS = (0.1, 0.9), 41
"""Part of an endplate, as shares of its depth, through which a straight line is fitted, and how
many places of it. Source: set by hand: without the corners' rounding.
"""

_NEAR = 0.3
"""Farthest distance of an outline from the line between its corners, in depths of the endplate.

Source: set by hand; a larger one is not the endplate between these corners.
"""
_NO_AREA = 1e-6


def c2_centre(outline: Points, posterior: Points, anterior: Points) -> Points | None:
    """Return the centroid of the body of C2 without its dens.

    Parameters
    ----------
    outline : ndarray of float64, shape (N, 2)
        Closed.
    posterior, anterior : ndarray of float64, shape (2,)
        Corners of the inferior endplate. What lies farther from the endplate than it is
        deep counts as dens.

    Returns
    -------
    ndarray of float64, shape (2,), or None
        None when the outline does not reach up that far, as on a film that cuts it off.
    """
    along, above, depth = _in_endplate_axes(outline, posterior, anterior)
    if above.max(initial=0.0) < _LEAST_HEIGHT * depth:
        return None
    centre = centroid(_clipped(np.stack([along, above], axis=1), _BODY_HEIGHT * depth))
    return _from_endplate_axes(centre, posterior, anterior)


def c2_posterior_wall(
    outline: Points, posterior: Points, anterior: Points
) -> tuple[Points, Points] | None:
    """Return the upper and lower end (2,) of the straight posterior wall of C2 below its dens.

    It is the line through the outline's most posterior points at several heights above
    the inferior endplate; see `c2_centre` for the parameters. None without an outline there.
    """
    along, above, depth = _in_endplate_axes(outline, posterior, anterior)
    heights = np.linspace(*_WALL, _WALL_STEPS) * depth
    places = _crossing(along, above, heights, lambda found: found)
    is_there = np.isfinite(places)
    if is_there.sum() < _LEAST_CROSSINGS:
        return None
    line = np.polynomial.polynomial.polyfit(heights[is_there], places[is_there], 1)
    upper, lower = (
        _from_endplate_axes(np.array([line[0] + line[1] * h, h]), posterior, anterior)
        for h in (heights[-1], heights[0])
    )
    return upper, lower


def straightened(
    outline: Points, posterior: Points, anterior: Points, share: float, pivot: float = 0.5
) -> tuple[Points, Points]:
    """Turn two corners towards the outline that runs between them.

    Parameters
    ----------
    outline : ndarray of float64, shape (N, 2)
        Closed; in any orientation.
    posterior, anterior : ndarray of float64, shape (2,)
        Corners of one endplate.
    share : float
        0 keeps them; 1 gives the endplate the direction of the line of least squares
        through the outline between them.
    pivot : float
        About which point between the corners: 0 is the posterior one, 1 the anterior one.

    Returns
    -------
    tuple of ndarray of float64, shape (2,)
        As they were where the outline does not follow them.
    """
    along, above, depth = _in_endplate_axes(outline, posterior, anterior)
    places = np.linspace(*_ENDPLATE, _ENDPLATE_STEPS) * depth
    rises = _crossing(above, along, places, np.abs)
    if share <= 0 or not (np.abs(rises) < _NEAR * depth).all():
        return posterior, anterior
    slope = float(np.polynomial.polynomial.polyfit(places, rises, 1)[1])
    angle = share * np.arctan(slope)
    direction = np.array([np.cos(angle), np.sin(angle)])
    fixed = np.array([pivot * depth, 0.0])
    back, front = (
        _from_endplate_axes(fixed + reach * depth * direction, posterior, anterior)
        for reach in (-pivot, 1 - pivot)
    )
    return back, front


def _in_endplate_axes(
    outline: Points, posterior: Points, anterior: Points
) -> tuple[Values, Values, float]:
    """Return places along and above the inferior endplate, and its length."""
    run = anterior - posterior
    depth = max(float(np.hypot(*run)), 1e-9)
    about = outline - posterior
    along = about @ run / depth
    above = about @ np.array([run[1], -run[0]]) / depth
    return along, above, depth


def _from_endplate_axes(point: Points, posterior: Points, anterior: Points) -> Points:
    direction = (anterior - posterior) / max(float(np.hypot(*(anterior - posterior))), 1e-9)
    up = np.array([direction[1], -direction[0]])
    return np.asarray(posterior + point[0] * direction + point[1] * up, np.float64)


def _crossing(
    across: Values, along: Values, places: Values, cost: Callable[[Values], Values]
) -> Values:
    """Return where a closed outline crosses lines, one for each place along them.

    Of several crossings that with the least cost counts; infinite where there is none.
    """
    next_across, next_along = np.roll(across, -1), np.roll(along, -1)
    place = places[:, None]
    is_crossing = (along <= place) != (next_along <= place)
    run = np.where(next_along == along, 1.0, next_along - along)
    found = across + (place - along) / run * (next_across - across)
    best = np.where(is_crossing, cost(found), np.inf).argmin(axis=1)
    rows = np.arange(len(places))
    return np.where(is_crossing[rows, best], found[rows, best], np.inf)


def _clipped(polygon: Points, top: float) -> Points:
    """Return the part of a closed polygon (N, 2) whose second coordinate is at most `top`."""
    following = np.roll(polygon, -1, axis=0)
    is_in, follows_in = polygon[:, 1] <= top, following[:, 1] <= top
    rise = np.where(following[:, 1] == polygon[:, 1], 1.0, following[:, 1] - polygon[:, 1])
    crossing = polygon + ((top - polygon[:, 1]) / rise)[:, None] * (following - polygon)
    both = np.stack([polygon, crossing], axis=1)
    kept = np.stack([is_in, is_in != follows_in], axis=1)
    return np.asarray(both[kept], np.float64)


def polygon_area(polygon: Points) -> float:
    """Return the area inside a closed polygon (N, 2), in squares of its unit."""
    return abs(float(_crossed(polygon - polygon[:1]).sum())) / 2


def centroid(polygon: Points) -> Points:
    """Return the centre of gravity (2,) of the inside of a closed polygon (N, 2).

    Of points that enclose nothing it is their mean.
    """
    about = polygon - polygon[:1]
    crossed = _crossed(about)
    if abs(crossed.sum()) < _NO_AREA:
        return np.asarray(polygon.mean(axis=0), np.float64)
    moments = ((about + np.roll(about, -1, axis=0)) * crossed[:, None]).sum(axis=0)
    return np.asarray(polygon[0] + moments / (3 * crossed.sum()), np.float64)


def _crossed(polygon: Points) -> Values:
    """Return the cross product (N,) of each point with the next: twice the area they span."""
    following = np.roll(polygon, -1, axis=0)
    return np.asarray(polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0], np.float64)
