"""Lines and angles in the sagittal plane, for many samples at once.

Points are arrays of shape (S, 2): sample 0 is the exact one, in each of the others one point is
displaced. x runs forwards and y down. Slopes are positive when a line falls towards the front.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Values = NDArray[np.float64]

_TINY = 1e-9
_LEAST_SHARE = 0.05
"""Smallest divisor of a displaced ratio, as a share of the exact one; intervals stay finite.

Source: set by hand; the exact ratio does not depend on it.
"""


@dataclass(frozen=True, eq=False)
class Line:
    """A line from its posterior to its anterior end, both (S, 2).

    A posterior wall is a line from its upper to its lower end.
    """

    start: Points
    end: Points

    @cached_property
    def run(self) -> Points:
        """Vector from start to end, (S, 2)."""
        return self.end - self.start

    @cached_property
    def length(self) -> Values:
        """Distance between the ends, (S,)."""
        run = self.run
        return np.asarray(np.hypot(run[:, 0], run[:, 1]), np.float64)

    @cached_property
    def direction(self) -> Points:
        """Unit vector from start to end, (S, 2)."""
        return self.run / np.maximum(self.length, _TINY)[:, None]

    @cached_property
    def middle(self) -> Points:
        """Point half way, (S, 2)."""
        return (self.start + self.end) / 2


def slope_deg(line: Line) -> Values:
    """Return an endplate's angle (S,) against the horizontal: positive if it falls forwards."""
    run = line.run
    return _continuous(np.degrees(np.arctan2(run[:, 1], run[:, 0])))


def lordosis_deg(upper: Line, lower: Line) -> Values:
    """Return the angle (S,) between two lines of the same kind: lordosis positive."""
    return angle_between_deg(upper.run, lower.run)


def angle_between_deg(one: Points, other: Points) -> Values:
    """Return the signed angle (S,) from vectors (S, 2) to others: positive from front to down."""
    across, alongside = cross(one, other), (one * other).sum(axis=1)
    return _continuous(np.degrees(np.arctan2(across, alongside)))


def _continuous(angles_deg: Values) -> Values:
    """Bring displaced angles within half a turn of the exact one."""
    about = angles_deg[0]
    return np.asarray(about + (angles_deg - about + 180) % 360 - 180, np.float64)


def cross(one: Points, other: Points) -> Values:
    """Return the z part (S,) of the cross product of vectors (S, 2)."""
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0], np.float64)


def distance(one: Points, other: Points) -> Values:
    """Return the distances (S,) between points (S, 2)."""
    return Line(one, other).length


def ratio(part: Values, whole: Values) -> Values:
    """Return quotients (S,): not a number where there is nothing to divide by.

    A displaced divisor counts as at least a small share of the exact one, so that
    intervals stay finite.
    """
    least = _LEAST_SHARE * whole[0]
    if least <= 0:
        return np.full(part.shape, np.nan)
    return np.asarray(part / np.maximum(whole, least), np.float64)


def turned_down(direction: Points) -> Points:
    """Return forward directions (S, 2) turned by a right angle, so that they point down."""
    return np.stack([-direction[:, 1], direction[:, 0]], axis=1)


def between(one: Points, other: Points) -> Points:
    """Return the unit vectors (S, 2) half way between two unit vectors."""
    total = one + other
    return total / np.maximum(np.hypot(total[:, 0], total[:, 1]), _TINY)[:, None]


def reach_along(line: Line, origin: Points, direction: Points) -> Values:
    """Return how far (S,) from an origin, along a direction, a line is crossed."""
    run = line.run
    sine = cross(direction, run)
    steep = np.where(np.abs(sine) < _TINY, _TINY, sine)
    return np.asarray(cross(line.start - origin, run) / steep, np.float64)
