"""Levels of a column's bodies: what fits distances, heights, looks, C2 and S1 together best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spinealign.radiograph.column_line import Piece
from spinealign.radiograph.looks import COLUMN_LEVELS, FIRST_LEVEL_NUMBER

Points = NDArray[np.float64]
Places = NDArray[np.int_]

_PITCHES = {"C": 1.29, "T": 1.20, "L": 1.28}
"""Distance of neighbouring bodies' centres in their height, by the upper one's region.

Source: means of 19 standing films; they spread by 0.03 to 0.08 between films
(docs/design/films-from-anywhere.md).
"""

_ALL_PITCHES = np.array([_PITCHES[level[0]] for level in COLUMN_LEVELS[:-1]])
"""The same from each of `COLUMN_LEVELS` to the next. Source: `_PITCHES`."""

_CERVICAL_HEIGHTS = (0.49, 0.47, 0.45, 0.46, 0.52)
"""Heights of C3 to C7 in the height of L2.

Source: means of 19 standing films, which spread by a tenth.
"""

_THORACIC_HEIGHTS = (0.56, 0.59, 0.62, 0.63, 0.66, 0.69, 0.71, 0.73, 0.75, 0.81, 0.85, 0.91)
"""Heights of T1 to T12 in the height of L2. Source: as the cervical ones."""

_LUMBAR_HEIGHTS = (0.96, 1.0, 1.0, 1.01, 1.0)
"""Heights of L1 to L5 in the height of L2. Source: as the cervical ones."""

_HEIGHTS = np.array([np.nan, *_CERVICAL_HEIGHTS, *_THORACIC_HEIGHTS, *_LUMBAR_HEIGHTS, np.nan])

_HEIGHT_ERROR, _MOST_HEIGHT_COST = 0.16, 2.0
"""Standard error of a height's logarithm, and most that a height which does not fit costs.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_SCALES = np.geomspace(0.8, 2.4, 28)
"""Heights of L2, in the median height of the bodies found, that are tried.

Source: the median of a neck is 0.47 of L2, of a whole column 0.72
(docs/design/films-from-anywhere.md).
"""

_MOST_SKIPPED = 18
"""Most levels that may be missing in one gap: all between C6 and L2.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_NEIGHBOURS_AT_MOST = 1.75
"""Distance of centres in their mean height up to which two bodies count as neighbours for the
pitch of a column.

Source: set by hand; readers' neighbours lie 1.08 to 1.83 apart
(docs/design/films-from-anywhere.md).
"""

_PITCH_FACTORS = (0.85, 1.3)
"""Least and largest distance of one column's neighbours in the usual one.

Source: home films, of younger people, have 1.40 in the neck where standing films have 1.29
(docs/design/films-from-anywhere.md); the rest set by hand.
"""

_PITCH_ERROR = (0.06, 0.10)
"""Error of a distance as a share of it: always, and more for a single step.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_MISSED_COST, _MOST_MISSED_COST = 0.3, 1.0
"""Cost of each level that is missing in a gap, and of all of them.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_FARTHEST_LEVEL, _LEAST_SPREAD = 3.0, 0.35
"""Errors of a level from which it costs no more, and the least error that is believed, in levels.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_SEEN_WEIGHT = 0.6
"""Weight of what the network takes bodies for: it errs in the same direction on all of a region.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_C2_COST, _S1_COST = 8.0, 4.0
"""Cost of naming C2, or S1, what does not look like it, and the other way round.

Source: set by hand on seven films of fold 0, on which C2 was never mistaken and L5 or S2 was taken
for S1 on two (docs/design/films-from-anywhere.md).
"""

_SURE_MARGIN, _MOST_MARGIN = 2.5, 8.0
"""By how much names must fit better than any others to be told, and where that is not looked at.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_LOOKS_HIGHER = 0.75
"""How many levels above S1 what was taken for it must seem to lie for S2 to be considered.

Source: what was taken for S1 on nine of 13 films not learned from, S1 or L5, seems to lie at most
0.2 levels higher, the one S2 1.5 higher (docs/design/films-from-anywhere.md).
"""

_S1_DOUBT = 1.5
"""By how much more names must fit better than those with all bodies below the shoulders one level
lower, where what is taken for S1 is S2: where it seems to lie higher, or a level is missing above.

Source: with 1.5 the wrong one of 13 films not learned from is in doubt
(docs/design/films-from-anywhere.md).
"""

_NECK_BODIES = 6
"""C2 to C7, of which those that follow each other without a gap are counted from C2.

Source: anatomy; on 13 films not learned from no name of theirs was wrong
(docs/design/films-from-anywhere.md).
"""

_PLAINLY_NEXT = 1.45
"""Distance of centres in their mean height up to which no level is missing between two bodies.

Source: 1.20 on average in the thorax of 19 standing films, which spread by 0.04; set by hand on
seven films of fold 0 (docs/design/films-from-anywhere.md).
"""


_PITCH_IN_NECK = 1.25
"""Most that the distance of neighbours in an unbroken neck may be of this column's own, in heights.

Source: set by hand; the largest of the readers' in the necks of 19 standing films is 1.01 to 1.06
of the film's median (docs/design/films-from-anywhere.md).
"""


@dataclass(frozen=True)
class LineNames:
    """Level numbers of a line's bodies.

    Parameters
    ----------
    numbers : tuple of int
    margins : tuple of float
        By how much the names fit better than others in which this body has another one.
    """

    numbers: tuple[int, ...]
    margins: tuple[float, ...]

    def is_sure(self, place: int) -> bool:
        """Whether no other name of one body comes close."""
        return self.margins[place] >= _SURE_MARGIN

    def level(self, place: int) -> str:
        """Return the level of the body at a place of the line."""
        return COLUMN_LEVELS[self.numbers[place] - FIRST_LEVEL_NUMBER]


@dataclass(frozen=True, eq=False)
class _Fit:
    """The best names for one height of L2.

    Parameters
    ----------
    costs : ndarray of float64, shape (bodies, levels)
    steps : list of ndarray of float64, shape (levels, jumps)
        From each body to the next.
    """

    costs: Points
    steps: list[Points]
    path: Places
    total: float

    def cost(self, path: Places) -> float:
        """Return what other names cost, of all bodies or of the upper ones."""
        between = sum(
            float(step[start, jump]) if jump < step.shape[1] else np.inf
            for step, start, jump in zip(self.steps, path, np.diff(path), strict=False)
        )
        return float(self.costs[np.arange(len(path)), path].sum()) + between

    def cheapest_through(self) -> Points:
        """Return (bodies, levels): what the best names cost in which a body has a level."""
        above = [self.costs[0]]
        for row, step in zip(self.costs[1:], self.steps, strict=True):
            above.append(_arrivals(above[-1], step).min(axis=1) + row)
        below = [np.zeros_like(self.costs[0])]
        for row, step in zip(self.costs[:0:-1], reversed(self.steps), strict=True):
            below.append(_departures(below[-1] + row, step).min(axis=1))
        return np.asarray(np.array(above) + np.array(below[::-1]), np.float64)


def name_line(chain: Sequence[Piece]) -> LineNames:
    """Choose the level numbers that fit all bodies best.

    Viterbi's search over levels: distances say how many levels lie between neighbours, the
    network says which level each looks like, C2 and S1 anchor the ends, and heights must
    grow down the column as heights do, whatever the scale of the film is.
    """
    fits = _fits(chain)
    best = min(fits, key=lambda fit: fit.total)
    margins = _margins(fits, best)
    neck = _unbroken_neck(chain, best.path)
    margins[:neck] = np.maximum(margins, _margins_by_part(fits, best))[:neck]
    margins[_first_in_the_air(chain, best.path) :] = 0.0
    for place, rival in _with_s1_higher_up(chain, best.path):
        margin = min(fit.cost(rival) for fit in fits) - best.total - _S1_DOUBT
        margins[place:] = np.minimum(margins[place:], margin)
    numbers = best.path + FIRST_LEVEL_NUMBER
    return LineNames(tuple(int(number) for number in numbers), tuple(margins.tolist()))


def _margins(fits: Sequence[_Fit], best: _Fit) -> Points:
    """Return (bodies,): what the best of all names costs more in which a body has another one."""
    cheapest = np.array([fit.cheapest_through() for fit in fits]).min(axis=0)
    cheapest[np.arange(len(best.path)), best.path] = np.inf
    return np.asarray(np.minimum(cheapest.min(axis=1) - best.total, _MOST_MARGIN), np.float64)


def _margins_by_part(fits: Sequence[_Fit], best: _Fit) -> Points:
    """Return the same (bodies,) over names in which all bodies or a part are shifted.

    Names in which one body of an unbroken neck is skipped are no rivals: there C2 counts.
    """
    margins = np.full(len(best.path), _MOST_MARGIN)
    for rival in _rivals(best.path, len(COLUMN_LEVELS)):
        margin = min(fit.cost(rival) for fit in fits) - best.total
        margins[rival != best.path] = np.minimum(margins[rival != best.path], margin)
    return margins


def _unbroken_neck(chain: Sequence[Piece], path: Places) -> int:
    """Return how many bodies from C2 down to C7 follow each other at the upper end.

    Where two of them lie farther apart than the others, a body may be missing between them.
    """
    follows = path == np.arange(len(path))
    neck = int(np.cumprod(follows[:_NECK_BODIES]).sum())
    apart = np.array(_distances_of(chain[:neck]))
    is_near = apart <= _PITCH_IN_NECK * np.median(apart) if len(apart) else apart > 0
    return min(neck, 1 + int(np.cumprod(is_near).sum()))


def _first_in_the_air(chain: Sequence[Piece], path: Places) -> int:
    """Return from where on names hang on a gap alone; the length of the chain where none do.

    Below the shoulders bodies are counted by the room of those between, which errs by one. With
    S1 at the lower end the count is confirmed; on a film that ends above it, nothing does.
    """
    if path[-1] == len(COLUMN_LEVELS) - 1:
        return len(path)
    below_neck = [place for place in _wide_gaps(chain) if path[place] >= _NECK_BODIES]
    return min(below_neck, default=len(path))


def _distances_of(chain: Sequence[Piece]) -> list[float]:
    """Return the distances of neighbours' centres in their mean height."""
    return [
        float(np.hypot(*(lower.centre - upper.centre))) * 2 / (upper.height + lower.height)
        for upper, lower in pairwise(chain)
    ]


def _fits(chain: Sequence[Piece]) -> list[_Fit]:
    """Return the best names for each height that L2 may have on this film."""
    seen = np.array([_level_costs(body) for body in chain])
    heights = np.array([body.height for body in chain])
    apart = np.array([np.hypot(*(low.centre - up.centre)) for up, low in pairwise(chain)])
    means = (heights[1:] + heights[:-1]) / 2
    factor = pitch_factor((apart / means).tolist(), [body.level for body in chain])
    fits = []
    for scale in _SCALES * float(np.median(heights)):
        costs = seen + _height_costs(heights, scale)
        steps = [
            _step_costs(gap, mean, factor, scale) for gap, mean in zip(apart, means, strict=True)
        ]
        fits.append(_Fit(costs, steps, *_viterbi(costs, steps)))
    return fits


def _rivals(path: Places, count: int) -> Iterator[Places]:
    """Yield other levels: all of them shifted, or the part above or below a gap."""
    for part in _parts(path):
        for shift in (-2, -1, 1, 2):
            rival = path + shift * part
            if rival.min() >= 0 and rival.max() < count and (np.diff(rival) > 0).all():
                yield rival


def _with_s1_higher_up(chain: Sequence[Piece], path: Places) -> Iterator[tuple[int, Places]]:
    """Yield below which gap a level is missing, and the levels of all bodies but the last one then.

    What was taken for S1 is S2 then, and S1 the body above it, or in the gap above it.
    """
    s1 = len(COLUMN_LEVELS) - 1
    looks_right = chain[-1].level > s1 + FIRST_LEVEL_NUMBER - _LOOKS_HIGHER
    if path[-1] != s1 or (looks_right and path[-2] == s1 - 1):
        return
    for place in _wide_gaps(chain):
        if place < len(path) - 1:
            rival = path[:-1].copy()
            rival[place:] += 1
            yield place, rival


def _wide_gaps(chain: Sequence[Piece]) -> list[int]:
    """Return the places of bodies above which a level may be missing."""
    apart = enumerate(_distances_of(chain), start=1)
    return [place for place, distance in apart if distance > _PLAINLY_NEXT]


def _parts(path: Places) -> Iterator[NDArray[np.bool_]]:
    """Yield all bodies, then those below and those above each gap."""
    yield np.ones(len(path), bool)
    for place, jump in enumerate(np.diff(path), start=1):
        if jump > 1:
            below = np.arange(len(path)) >= place
            yield from (below, ~below)


def _height_costs(heights: Points, scale: float) -> Points:
    """Return (bodies, levels): how badly heights fit levels where a lumbar body is `scale` high."""
    away = np.log(heights[:, None] / (_HEIGHTS * scale)) / _HEIGHT_ERROR
    return np.nan_to_num(np.minimum(0.5 * away**2, _MOST_HEIGHT_COST), nan=0.0)


def pitch_factor(apart: Sequence[float], levels: Sequence[float]) -> float:
    """Return by how much this column's neighbours lie farther apart than usual.

    Discs of the young are high and bodies low; the ratio is much the same along one column.
    """
    near = [
        gap / _pitch(round(level))
        for gap, level in zip(apart, levels, strict=False)
        if gap < _NEIGHBOURS_AT_MOST
    ]
    return float(np.clip(np.median(near), *_PITCH_FACTORS)) if len(near) > 1 else 1.0


def _pitch(number: int) -> float:
    place = min(max(number - FIRST_LEVEL_NUMBER, 0), len(COLUMN_LEVELS) - 2)
    return float(_ALL_PITCHES[place])


def _level_costs(body: Piece) -> Points:
    """Return for each level (levels,) how little a body looks like it."""
    numbers = np.arange(len(COLUMN_LEVELS)) + FIRST_LEVEL_NUMBER
    away = np.abs(numbers - body.level) / max(body.spread, _LEAST_SPREAD)
    costs = _SEEN_WEIGHT * np.minimum(away, _FARTHEST_LEVEL).astype(np.float64)
    costs[(numbers == numbers[0]) != body.is_c2] += _C2_COST
    costs[(numbers == numbers[-1]) != body.is_s1] += _S1_COST
    return np.asarray(costs)


def _step_costs(apart: float, height: float, factor: float, scale: float) -> Points:
    """Return the cost of 0, 1, 2 ... levels from each level on, (levels, steps).

    Parameters
    ----------
    apart : float
        Distance of the middles of two bodies that follow each other in the line, in pixels.
    height : float
        Their mean height; for a single step it says more than the table of heights.
    factor, scale : float
        By how much neighbours lie farther apart than usual, and the height of L2.
    """
    wanted = factor * _distances(height, scale)
    steps = np.arange(wanted.shape[1])
    error = wanted * (_PITCH_ERROR[0] + _PITCH_ERROR[1] / np.maximum(steps, 1))
    missed = np.minimum(_MISSED_COST * (steps - 1), _MOST_MISSED_COST)
    known = np.isfinite(wanted)
    costs = np.full(wanted.shape, np.inf)
    away = (apart - wanted[known]) / error[known]
    costs[known] = 0.5 * away**2 + np.broadcast_to(missed, wanted.shape)[known]
    return costs


def _distances(height: float, scale: float) -> Points:
    """Return the usual distance of bodies 0, 1, 2 ... levels apart, (levels, steps)."""
    count = len(COLUMN_LEVELS)
    found = np.full((count, _MOST_SKIPPED + 2), np.inf)
    for step in range(1, found.shape[1]):
        found[: count - step, step] = (_REACH[step:] - _REACH[:-step]) * scale
    found[:-1, 1] = _ALL_PITCHES * height
    return found


def _reach() -> Points:
    """Return how far below C2 each level's middle lies, in heights of L2."""
    heights = _HEIGHTS.copy()
    heights[0], heights[-1] = heights[1], heights[-2]
    means = (heights[1:] + heights[:-1]) / 2
    return np.concatenate([[0], np.cumsum(_ALL_PITCHES * means)])


_REACH = _reach()


def _viterbi(costs: Points, steps: Sequence[Points]) -> tuple[Places, float]:
    """Return the cheapest level of each body, and what all of them cost."""
    total, back = costs[0].copy(), []
    for row, step in zip(costs[1:], steps, strict=True):
        table = _arrivals(total, step)
        back.append(table.argmin(axis=1))
        total = table.min(axis=1) + row
    path = [int(total.argmin())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return np.array(path[::-1]), float(total.min())


def _arrivals(total: Points, step: Points) -> Points:
    """Return (levels, levels): cost of reaching the first level from the second."""
    count = len(total)
    table = np.full((count, count), np.inf)
    for jump in range(1, step.shape[1]):
        at = np.arange(jump, count)
        table[at, at - jump] = total[at - jump] + step[at - jump, jump]
    return table


def _departures(total: Points, step: Points) -> Points:
    """Return (levels, levels): cost of the second level being next below the first, and on."""
    count = len(total)
    table = np.full((count, count), np.inf)
    for jump in range(1, step.shape[1]):
        at = np.arange(count - jump)
        table[at, at + jump] = step[at, jump] + total[at + jump]
    return table
