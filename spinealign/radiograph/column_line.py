"""The line of a column on a film: where it runs, how high bodies are along it, what lies on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.measure.outlines.bodies import HEIGHT_TO_INRADIUS
from spinealign.radiograph.looks import Look

Points = NDArray[np.float64]

_LEAST_NODE_PX = 1.6
"""Least distance to the border of bone in the middle of a body, in pixels of the network's input.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_MOST_NODES = 70
"""Most places in bone that are looked at, the deepest ones, so that noise costs no time.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_NODES_APART = 0.7
"""Least distance of two places in bone, in the larger of their heights.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_PEAK_SIDE = 5
"""Side of the square in which the middle of bone is its deepest place, in pixels of the network.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_STRIDE, _ENDS, _LOOK = 4.6, 2.4, 7.5
"""Of the sharp looks along a line, in heights of a body: most from one to the next, how far beyond
the line's ends bodies are looked for, and how long the part of a look is that counts.

Source: a tile of 384 pixels is eight heights of `looks.SHARP_PX` long; set by hand on seven films
of fold 0 (docs/design/films-from-anywhere.md).
"""

_END_LOOK = 3.7
"""Distance of the outermost looks' middles from where the looks end, in heights of a body.

Source: half of the part of a look that counts, a little less.
"""

_SMOOTHED_BODIES = 5
"""Bodies whose median height counts along a line.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

LEAST_SPREAD = 0.5
"""Least scale of a level's error that a look is believed, in levels.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

USUAL_PITCH = 1.25
"""Distance of the centres of neighbours, in their mean height.

Source: mean of 19 standing films, 1.20 to 1.29 by region (docs/design/films-from-anywhere.md).
"""

_NEAREST, _FARTHEST = 0.55, 18.0
"""Least and largest distance between pieces that follow each other, in their mean height: from the
neck to the lumbar part, where nothing is seen of the thorax.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_STRAIGHT_COS = 0.55
"""Least cosine of the bend of the line at a piece; half of it, of a step with the film's height.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md); readers' columns
bend by up to 22 degrees (`measure.outlines.column_limits`).
"""

_SIZE_COST, _LEVEL_COST, _CLOSE_COST = 0.8, 0.12, 0.4
"""What a line loses, in sure bodies: for a change of size, times its logarithm; for levels that do
not follow each other, a level; for pieces too close.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_FARTHEST_LEVEL = 4.0
"""Levels in their uncertainty from which a wrong distance of levels costs no more.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_TOO_CLOSE, _NO_GAP = 0.85, 1.6
"""Distance of centres below which pieces are too close, and up to which there is no gap between
them, in their mean height.

Source: set by hand on seven films of fold 0; readers' neighbours lie 1.08 to 1.83 apart
(docs/design/films-from-anywhere.md).
"""

_GROWTH = 0.05
"""Change of the heights' logarithm from one level to the next that costs nothing.

Source: heights grow from 47 to 100 pixels over 22 levels on 19 standing films
(docs/design/films-from-anywhere.md), 0.034 a level on average.
"""

_NODE_COST = 0.35
"""How surely a piece must be a body to be worth more than its absence (0..1).

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""


@dataclass(frozen=True)
class LineCosts:
    """What a line loses for its shape, in sure bodies.

    Parameters
    ----------
    gap, widest_gap : float
        Of a gap for each body height, and of the widest.
    bend : float
        Of a bend, times one less its cosine.
    """

    gap: float
    widest_gap: float
    bend: float


FREE_LINE = LineCosts(gap=0.22, widest_gap=1.5, bend=1.5)
"""Where nothing else says how the column runs.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

GUIDED_LINE = LineCosts(gap=0.05, widest_gap=0.4, bend=1.0)
"""Where a coarse line has shown it.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""


class Piece(Protocol):
    """What a line is made of: a centre (x, y) and a height in film pixels, and what it may be."""

    @property
    def centre(self) -> Points:
        """Middle (x, y) in film pixels."""
        ...

    @property
    def height(self) -> float:
        """Local height of a body in film pixels."""
        ...

    @property
    def worth(self) -> float:
        """How surely this is a body, 0..1."""
        ...

    @property
    def level(self) -> float:
        """Number of the level that it looks like."""
        ...

    @property
    def spread(self) -> float:
        """Scale of the level's error."""
        ...

    @property
    def is_c2(self) -> bool:
        """Whether nothing lies above it."""
        ...

    @property
    def is_s1(self) -> bool:
        """Whether nothing lies below it."""
        ...


P = TypeVar("P", bound=Piece)


@dataclass(frozen=True, eq=False)
class Node:
    """A place in the middle of bone at the coarse look."""

    centre: Points
    height: float
    worth: float
    level: float
    spread: float
    is_c2: bool = False
    is_s1: bool = False


# --- places in bone ------------------------------------------------------------------------


def coarse_nodes(look: Look) -> list[Node]:
    """Return places in the middle of bone, with the local height of a body in film pixels."""
    mask = (look.bone >= 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    highest = cv2.dilate(depth, np.ones((_PEAK_SIDE, _PEAK_SIDE), np.uint8))
    rows, cols = np.nonzero((depth >= highest) & (depth >= _LEAST_NODE_PX))
    nodes: list[Node] = []
    for place in np.argsort(-depth[rows, cols]):
        row, col = int(rows[place]), int(cols[place])
        if len(nodes) < _MOST_NODES and _is_new(look, row, col, float(depth[row, col]), nodes):
            nodes.append(_node(look, row, col, float(depth[row, col])))
    return nodes


def _is_new(look: Look, row: int, col: int, depth: float, nodes: Sequence[Node]) -> bool:
    centre, height = _place(look, row, col), _height(look, depth)
    return all(
        np.hypot(*(centre - other.centre)) > _NODES_APART * max(height, other.height)
        for other in nodes
    )


def _place(look: Look, row: int, col: int) -> Points:
    return np.asarray(look.grid.to_film(np.array([[col + 0.5, row + 0.5]]))[0], np.float64)


def _height(look: Look, depth: float) -> float:
    """Return the height of a body in film pixels whose middle lies so deep inside bone."""
    return HEIGHT_TO_INRADIUS * depth / float(np.sqrt(np.prod(look.grid.scale)))


def _node(look: Look, row: int, col: int, depth: float) -> Node:
    around = np.zeros(look.bodies.shape, np.uint8)
    cv2.circle(around, (col, row), max(1, int(depth)), 1, -1)
    inside = np.nonzero(around)
    return Node(
        _place(look, row, col),
        _height(look, depth),
        float(look.bone[inside].mean()),
        float(np.median(look.level[inside])),
        float(np.median(look.spread[inside])),
    )


# --- the best line -------------------------------------------------------------------------


def best_line(pieces: Sequence[P], costs: LineCosts = FREE_LINE) -> list[P]:
    """Return the best line of pieces from the top down.

    Dynamic programming over pairs: a piece is worth how surely it is a body; bends, gaps,
    changes of size, and levels that do not follow each other cost.

    Parameters
    ----------
    pieces : sequence of Node or Candidate
    costs : LineCosts
    """
    order = sorted(pieces, key=lambda piece: float(piece.centre[1]))
    path = _LineSearch(order, costs).path()
    return [order[place] for place in path]


class _LineSearch:
    """The best line that ends with each pair of pieces; `pieces` are ordered from the top."""

    def __init__(self, pieces: Sequence[Piece], costs: LineCosts) -> None:
        self._pieces, self._bend = pieces, costs.bend
        self._worth = [piece.worth - _NODE_COST for piece in pieces]
        self._costs = {
            (i, j): cost
            for j in range(len(pieces))
            for i in range(j)
            if (cost := _edge_cost(pieces[i], pieces[j], costs)) is not None
        }
        self._above: dict[int, list[int]] = defaultdict(list)
        for i, j in self._costs:
            self._above[j].append(i)
        self._best: dict[tuple[int, int], tuple[float, int]] = {}

    def path(self) -> list[int]:
        """Return the places of the best line's pieces; one piece where no two go together."""
        for pair in sorted(self._costs, key=lambda pair: (pair[1], pair[0])):
            self._best[pair] = self._score(*pair)
        if not self._best:
            return self._surest()
        i, j = max(self._best, key=lambda pair: self._best[pair][0])
        found = [j, i]
        while (before := self._best[i, j][1]) >= 0:
            found.append(before)
            i, j = before, i
        return found[::-1]

    def _surest(self) -> list[int]:
        return [int(np.argmax(self._worth))] if self._worth else []

    def _score(self, i: int, j: int) -> tuple[float, int]:
        """Return the score of the best line that ends with `i` and `j`, and what is before."""
        gain = self._worth[j] - self._costs[i, j]
        best = (self._worth[i] + gain, -1)
        for k in self._above[i]:
            bend = _bend(self._pieces[k], self._pieces[i], self._pieces[j])
            if bend is None:
                continue
            score = self._best[k, i][0] + gain - self._bend * bend
            best = max(best, (score, k), key=lambda one: one[0])
        return best


def _edge_cost(upper: Piece, lower: Piece, costs: LineCosts) -> float | None:
    """Return what it costs that two pieces follow each other; None where they cannot."""
    if upper.is_s1 or lower.is_c2:
        return None
    run, height = lower.centre - upper.centre, (upper.height + lower.height) / 2
    apart = float(np.hypot(*run)) / height
    if not _NEAREST <= apart <= _FARTHEST or run[1] / height / apart < _STRAIGHT_COS / 2:
        return None
    steps = apart / USUAL_PITCH
    return (
        _size_cost(upper, lower, steps)
        + min(costs.gap * max(0.0, apart - _NO_GAP), costs.widest_gap)
        + (_CLOSE_COST if apart < _TOO_CLOSE else 0.0)
        + _level_cost(upper, lower, steps)
    )


def _size_cost(upper: Piece, lower: Piece, steps: float) -> float:
    growth = abs(float(np.log(upper.height / lower.height)))
    return _SIZE_COST * max(0.0, growth - _GROWTH * steps)


def _level_cost(upper: Piece, lower: Piece, steps: float) -> float:
    away = abs(lower.level - upper.level - steps) / (1 + upper.spread + lower.spread)
    return _LEVEL_COST * min(away, _FARTHEST_LEVEL)


def _bend(first: Piece, second: Piece, third: Piece) -> float | None:
    """Return one less the cosine of a bend; None where a line cannot bend so far."""
    one, two = second.centre - first.centre, third.centre - second.centre
    cosine = float(one @ two / (np.hypot(*one) * np.hypot(*two)))
    return None if cosine < _STRAIGHT_COS else 1 - cosine


# --- along a line --------------------------------------------------------------------------


def sharp_places(line: Sequence[Piece]) -> Iterator[tuple[Points, float]]:
    """Yield (centre, local height) of sharp looks along a line, in film pixels."""
    centres = np.array([node.centre for node in line])
    heights = _smoothed([node.height for node in line])
    steps = np.hypot(*np.diff(centres, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps / ((heights[1:] + heights[:-1]) / 2))])
    for place in _looks_along(float(along[-1])):
        inside = float(np.clip(place, 0, along[-1]))
        centre = np.array([np.interp(inside, along, centres[:, i]) for i in (0, 1)])
        yield centre, float(np.interp(inside, along, heights))


def _looks_along(length: float) -> Points:
    """Return the middles of looks along a line so many heights long, and beyond its ends."""
    first, last = -_ENDS, length + _ENDS
    count = max(1, int(np.ceil((last - first - _LOOK) / _STRIDE)) + 1)
    if count == 1:
        return np.array([length / 2])
    return np.linspace(first + _END_LOOK, last - _END_LOOK, count)


def _smoothed(heights: Sequence[float]) -> Points:
    """Return heights along a line, each the median of five."""
    margin = _SMOOTHED_BODIES // 2
    values = np.array(heights, float)
    reflected = len(heights) > margin
    padded = np.pad(values, margin, mode="reflect") if reflected else np.pad(values, margin, "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _SMOOTHED_BODIES)
    return np.asarray(np.median(windows, axis=1), np.float64)


def distance_to_line(line: Sequence[Piece], place: Points) -> float:
    """Return how far beside a line, continued at its ends, a place lies, in film pixels."""
    if len(line) == 1:
        return abs(float(place[0] - line[0].centre[0]))
    starts, runs, share = _shares(line, place)
    low, high = np.zeros(len(runs)), np.ones(len(runs))
    low[0], high[-1] = -np.inf, np.inf
    nearest = starts + np.clip(share, low, high)[:, None] * runs
    return float(np.hypot(*(nearest - place).T).min())


def _shares(line: Sequence[Piece], place: Points) -> tuple[Points, Points, Points]:
    """Return start and run (N, 2) of a line's parts, and how far along each a place lies (N,)."""
    centres = np.array([node.centre for node in line])
    starts, runs = centres[:-1], np.diff(centres, axis=0)
    return starts, runs, ((place - starts) * runs).sum(axis=1) / (runs**2).sum(axis=1)


def level_along(line: Sequence[Piece], place: Points) -> tuple[float, float]:
    """Return level and spread of the place on a coarse line that lies nearest to `place`.

    Beyond the ends of the line levels go on, and are less sure.
    """
    levels = np.array([node.level for node in line])
    spreads = np.maximum([node.spread for node in line], LEAST_SPREAD)
    if len(line) == 1:
        return float(levels[0]), float(spreads[0]) + 1
    starts, runs, share = _shares(line, place)
    inside = np.clip(share, 0, 1)
    nearest = int(np.argmin(np.hypot(*(starts + inside[:, None] * runs - place).T)))
    at, numbers = nearest + float(inside[nearest]), np.arange(len(line))
    beyond = float(share[nearest] - inside[nearest]) * float(np.hypot(*runs[nearest]))
    steps = beyond / (USUAL_PITCH * line[nearest].height)
    spread = float(np.interp(at, numbers, spreads)) + 0.5 * abs(steps)
    return float(np.interp(at, numbers, levels)) + steps, spread
