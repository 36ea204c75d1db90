"""The column: which pieces of bone follow each other, which way is up, and their levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import LevelUncertainty
from spinealign.measure.outlines.bodies import BODY_AREA, Blob

Points = NDArray[np.float64]

LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7", "T1")

_DISTANCE = (0.7, 2.9)
"""Least and largest distance between the centres of neighbours, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); centres of
outlines lie 1.1 to 1.8 apart on the training films, those of C2 and C3 1.7 to 3.1
(benchmarks/body_shapes.py); a fifth less of the largest renames bodies on 2 of 3 films
(benchmarks/constants.py).
"""

_AREA_RATIO = 3.5
"""Largest ratio of the areas of neighbours, C2 aside.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); outlines on
the training films reach 1.27 (benchmarks/body_shapes.py).
"""

_SHARPEST_BEND_COS = 0.62
"""Least cosine of the bend of the column at a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); outlines on
the training films reach 0.940 (benchmarks/body_shapes.py).
"""

_BEND_COST, _DISTANCE_COST, _INNER_C2_COST = 1.5, 0.35, 0.6
"""What a line of pieces loses, in sure bodies of typical size: for a bend, times one less its
cosine; for a step, times its length beyond the least distance; for a C2 that is not at an end.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_FULL_SIZE = 1.3
"""Area above which a piece adds no more to its line, in units of `BODY_AREA` times the square of
the typical height.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

WIDE_GAP = 0.85
"""Gap between facing endplates from which a body may be missing, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); 99 % of the
gaps outlined on the training films are below 0.84, all below 0.91 (benchmarks/body_shapes.py).
"""

_USUAL_GAP = 0.35
"""Height of a disc where the film shows none, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); the training
films have a median of 0.375 (benchmarks/body_shapes.py).
"""

_MOST_MISSED = 1
"""Most bodies missing in one gap without doubt about the levels.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_FARTHEST_FROM_WHOLE = 0.4
"""Largest difference between a gap and a whole number of missing bodies, in bodies with their
discs.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_SURE_C2 = 0.75
"""Least share of C2 in the probability of bone of a C2 that has bodies above it.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_C2_AT_LEAST = 0.5
"""Share of C2 in the probability of bone from which a piece is C2: the likelier class.

Source: convention of this program.
"""


def find_chain(blobs: Sequence[Blob], height_px: float) -> list[Blob]:
    """Return the best line of similar neighbours, from one end to the other.

    Stray pieces (spinous processes, jaw, letters) fall out: they are no
    continuation of a smooth line of bodies at a body's distance.

    Parameters
    ----------
    blobs : sequence of Blob
    height_px : float
        Typical height of a body.

    Returns
    -------
    list of Blob
        Either end may be the upper one; a single blob when no two go together.
    """
    search = _ChainSearch(blobs, height_px)
    paths = [[i] for i in range(len(blobs))]
    paths += [search.grow(i, j) for i in range(len(blobs)) for j in search.neighbours[i]]
    return [blobs[i] for i in max(paths, key=search.score, default=[])]


class _ChainSearch:
    """Lines through blobs; places are complex numbers (x + iy) in body heights."""

    def __init__(self, blobs: Sequence[Blob], height_px: float) -> None:
        self._places = [complex(*blob.centre) / height_px for blob in blobs]
        self._sizes = [blob.area / (BODY_AREA * height_px**2) for blob in blobs]
        self._certainties = [blob.certainty for blob in blobs]
        self._is_c2 = [blob.is_c2 for blob in blobs]
        everyone = range(len(blobs))
        self.neighbours = [
            [j for j in everyone if j != i and self._are_neighbours(i, j)] for i in everyone
        ]

    def _are_neighbours(self, i: int, j: int) -> bool:
        if not _DISTANCE[0] <= abs(self._places[i] - self._places[j]) <= _DISTANCE[1]:
            return False
        if self._is_c2[i] or self._is_c2[j]:
            return True
        ratio = self._sizes[i] / self._sizes[j]
        return 1 / _AREA_RATIO <= ratio <= _AREA_RATIO

    def grow(self, first: int, second: int) -> list[int]:
        """Extend a pair in both directions as far as the line goes on."""
        path = [first, second]
        for _ in range(2):
            while (following := self._next(path)) is not None:
                path.append(following)
            path.reverse()
        return path

    def _next(self, path: list[int]) -> int | None:
        before, here = path[-2:]
        steps = [(self._step_cost(before, here, j), j) for j in self.neighbours[here]]
        cost, best = min((s for s in steps if s[1] not in path), default=(math.inf, -1))
        return best if cost < math.inf else None

    def _step_cost(self, before: int, here: int, after: int) -> float:
        one = self._places[here] - self._places[before]
        two = self._places[after] - self._places[here]
        cosine = (one * two.conjugate()).real / (abs(one) * abs(two))
        if cosine < _SHARPEST_BEND_COS:
            return math.inf
        return _BEND_COST * (1 - cosine) + _DISTANCE_COST * (abs(two) - _DISTANCE[0])

    def score(self, path: list[int]) -> float:
        """Add up how much each piece is a body; bends, gaps and an inner C2 cost."""
        worth = sum(min(self._sizes[i], _FULL_SIZE) * self._certainties[i] for i in path)
        worth -= _INNER_C2_COST * sum(self._is_c2[i] for i in path[1:-1])
        return worth - sum(
            self._step_cost(*step) for step in zip(path, path[1:], path[2:], strict=False)
        )


def turned_downwards(chain: Sequence[Blob], up: Points) -> list[Blob]:
    """Return a chain with its upper end first.

    Parameters
    ----------
    chain : sequence of Blob
    up : ndarray of float64, shape (2,)
        (x, y) that the corners say is up; (0, 0) when they say nothing.

    Notes
    -----
    C2 at one end decides; then the corners; then the top of the picture.
    """
    if chain[0].is_c2 != chain[-1].is_c2:
        upper_first = chain[0].is_c2
    else:
        run = chain[0].centre - chain[-1].centre
        said = float(run @ up)
        upper_first = said > 0 if said != 0 else bool(run[1] <= 0)
    return list(chain) if upper_first else list(chain)[::-1]


def gaps_in_heights(chain: Sequence[Blob], height_px: float) -> list[float]:
    """Return the distances between neighbours' facing endplates, in body heights."""
    gaps = []
    for upper, lower in pairwise(chain):
        run = lower.centre - upper.centre
        direction = run / np.hypot(*run)
        gap = lower.extent(direction)[0] - upper.extent(direction)[1]
        gaps.append(float(gap) / height_px)
    return gaps


@dataclass(frozen=True)
class Naming:
    """Levels of the pieces `first` to ``first + len(levels) - 1`` of a chain.

    With a `doubt` there are no levels, and all pieces from `first` on count.
    """

    first: int
    levels: tuple[str, ...] = ()
    doubt: LevelUncertainty | None = None


def name_levels(c2_shares: Sequence[float], gaps: Sequence[float]) -> Naming:
    """Name the bodies of a chain by counting down from C2.

    Parameters
    ----------
    c2_shares : sequence of float
        How much each piece, from the top, looks like C2 (0..1).
    gaps : sequence of float
        Distances between facing endplates in body heights, one less than pieces.

    Returns
    -------
    Naming
        A gap that is one body wide skips a name. In doubt: no C2, a second C2, a
        weak C2 with bodies above it, more than one body missing in a row, or a gap
        that is neither a disc nor a body.
    """
    tops = [i for i, share in enumerate(c2_shares) if share >= _C2_AT_LEAST]
    if not tops:
        return Naming(0, doubt=LevelUncertainty.NO_C2)
    if len(tops) > 1:
        return Naming(0, doubt=LevelUncertainty.SEVERAL_C2)
    first = tops[0]
    if first > 0 and c2_shares[first] < _SURE_C2:
        return Naming(0, doubt=LevelUncertainty.BODIES_ABOVE_C2)
    missed = missed_bodies(gaps[first:])
    if missed is None:
        return Naming(first, doubt=LevelUncertainty.IRREGULAR)
    places = np.cumsum([0, *(1 + count for count in missed)])
    return Naming(first, tuple(LEVELS[i] for i in places if i < len(LEVELS)))


def missed_bodies(gaps: Sequence[float]) -> list[int] | None:
    """Return how many bodies are missing in each gap, or None if a gap makes no sense."""
    discs = [gap for gap in gaps if gap < WIDE_GAP]
    disc = float(np.median(discs)) if discs else _USUAL_GAP
    missed = []
    for gap in gaps:
        bodies = (gap - disc) / (1 + disc) if gap >= WIDE_GAP else 0.0
        whole = round(bodies)
        if whole > _MOST_MISSED or abs(bodies - whole) > _FARTHEST_FROM_WHOLE:
            return None
        missed.append(whole)
    return missed
