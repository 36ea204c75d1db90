"""Which candidates are the column, and which body each of them is: both at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.frontal.candidates import PITCH_TO_HEIGHT, Candidate
from spinealign.frontal.looks import FRONTAL_LEVELS

_WORTH_FROM = 0.05
"""Score from which a candidate adds to a column more than it takes.

Source: chosen on films of part 0 (docs/design/frontal-spine.md).
"""

_LEVEL_WEIGHT = 0.005
"""What an error of a level by its own scale takes from a column, in scores.

Source: chosen on films of part 0 (docs/design/frontal-spine.md).
"""

_LEVEL_LIMIT = 4.0
"""Errors of levels count up to so many scales, so that one wrong body does not rename all.

Source: set by hand.
"""

_MOST_STEPS = 4
"""Levels from one found body to the next: up to three bodies in between may be hidden.

Source: set by hand.
"""

_SKIPPED = 0.15
"""What a hidden body takes from a column, in scores.

Source: set by hand: less than a sure body adds.
"""

_DISTANCE_SPREAD = 0.2
"""Scale of the logarithm of a distance over the usual one.

Source: between the 1st and the 99th percentile of 481 films lie -0.21 and 0.49, half of it noise
of the readers' points (docs/design/frontal-spine.md).
"""

_DISTANCE_WEIGHT = 0.03
"""What a distance off by its scale takes from a column, in scores.

Source: chosen on films of part 0 (docs/design/frontal-spine.md).
"""

_MOST_OFF = 2.5
"""Distances further off, in scales, are none between these levels.

Source: set by hand: a distance of 0.6 or 1.6 of the usual one.
"""

_BENT_DEG, _BENT_WEIGHT = 30.0, 0.2
"""Angle between the way to the next body and a body's own axis, and what it takes from a column.

Source: in 99 of 100 places of 481 films the line through the centres turns by less than 25 degrees
(docs/design/frontal-spine.md).
"""

_NUMBERS = np.arange(1, len(FRONTAL_LEVELS) + 1)
"""T1 is 1, L5 17.

Source: convention of this program.
"""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Column:
    """Candidates from the top down, and the number of each (T1 is 1, L5 17).

    Parameters
    ----------
    bodies : tuple of Candidate
    numbers : tuple of int
    margin : float
        How much worse the levels fit when all names are moved by one or two, in scales.
    """

    bodies: tuple[Candidate, ...] = ()
    numbers: tuple[int, ...] = ()
    margin: float = 0.0

    @property
    def centres(self) -> Points:
        """(n, 2) in film pixels."""
        return np.array([body.centre for body in self.bodies]).reshape(-1, 2)


def pitch_px(found: Sequence[Candidate]) -> float:
    """Return the usual distance of neighbouring bodies, in film pixels."""
    return PITCH_TO_HEIGHT * float(np.median([one.height_px for one in found]))


def best_column(found: Sequence[Candidate]) -> Column:
    """Return the column with the greatest sum of scores; dynamic programming over bodies, levels.

    A candidate is used once or not at all, numbers rise from the top down, and a number
    that no body has is a body not found.
    """
    ordered = sorted(found, key=lambda one: float(one.centre[1]))
    if not ordered:
        return Column()
    total = np.empty((len(ordered), len(_NUMBERS)))
    before: list[list[tuple[int, int] | None]] = []
    for place, one in enumerate(ordered):
        reached, source = _reached(ordered, place, total)
        total[place] = reached + one.score - _WORTH_FROM - _level_cost(one)
        before.append(source)
    return _traced(ordered, total, before)


def _level_cost(one: Candidate) -> Points:
    """Return what each number (17,) takes from the column."""
    off = np.minimum(np.abs(_NUMBERS - one.level) / one.spread, _LEVEL_LIMIT)
    return np.asarray(_LEVEL_WEIGHT * off)


def _reached(
    ordered: Sequence[Candidate], place: int, total: Points
) -> tuple[Points, list[tuple[int, int] | None]]:
    """Return for each number the best sum so far (17,) and from which (place, number) it comes."""
    best = np.zeros(len(_NUMBERS))
    source: list[tuple[int, int] | None] = [None] * len(_NUMBERS)
    for earlier in range(place):
        for steps in range(1, _MOST_STEPS + 1):
            cost = _step_cost(ordered[earlier], ordered[place], steps)
            if cost is None:
                continue
            reached = np.full(len(_NUMBERS), -np.inf)
            reached[steps:] = total[earlier, :-steps] - cost
            for number in np.flatnonzero(reached > best):
                best[number] = reached[number]
                source[number] = (earlier, int(number) - steps)
    return best, source


def _step_cost(upper: Candidate, lower: Candidate, steps: int) -> float | None:
    """Return what a step down by so many levels takes from a column; None if it is none."""
    way = lower.centre - upper.centre
    usual = steps * PITCH_TO_HEIGHT * (upper.height_px + lower.height_px) / 2
    off = abs(float(np.log(max(float(np.linalg.norm(way)), 1e-6) / usual))) / _DISTANCE_SPREAD
    if off > _MOST_OFF:
        return None
    bent = max(_angle_deg(way, _axis(upper)), _angle_deg(way, _axis(lower)))
    bend_cost = _BENT_WEIGHT * (bent / _BENT_DEG) ** 2
    return _DISTANCE_WEIGHT * off**2 + _SKIPPED * (steps - 1) + bend_cost


def _axis(one: Candidate) -> Points:
    """Return the way down through a body, square to its mean endplate."""
    across = one.corners[1] + one.corners[2] - one.corners[0] - one.corners[3]
    return np.array([-across[1], across[0]])


def _angle_deg(one: Points, other: Points) -> float:
    cross = one[0] * other[1] - one[1] * other[0]
    return abs(float(np.degrees(np.arctan2(cross, one @ other))))


def _traced(
    ordered: Sequence[Candidate], total: Points, before: list[list[tuple[int, int] | None]]
) -> Column:
    last = np.unravel_index(int(np.argmax(total)), total.shape)
    at: tuple[int, int] | None = (int(last[0]), int(last[1]))
    way = []
    while at is not None:
        way.append(at)
        at = before[at[0]][at[1]]
    way.reverse()
    bodies = tuple(ordered[place] for place, _ in way)
    numbers = tuple(int(_NUMBERS[number]) for _, number in way)
    return Column(bodies, numbers, _margin(bodies, numbers))


def _margin(bodies: Sequence[Candidate], numbers: Sequence[int]) -> float:
    """Return by how many scales the levels fit these numbers better than any moved by 1 or 2."""
    moved = {}
    for shift in (-2, -1, 0, 1, 2):
        off = [abs(n + shift - b.level) / b.spread for b, n in zip(bodies, numbers, strict=True)]
        moved[shift] = float(np.minimum(off, _LEVEL_LIMIT).sum())
    return min(value for shift, value in moved.items() if shift) - moved[0]
