"""Bodies that a look shows: centres, corners to a fraction of a cell, and levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.frontal.looks import FrontalLook
from spinealign.inference.engine import Array

LEAST_CENTRE = 0.08
"""Least height of a peak in the map of centres.

Source: low on purpose; which peaks are bodies is decided along the column.
"""

_PEAK_CELLS = 3
"""Side in cells of the neighbourhood in which a peak is the highest.

Source: less than the distance of bodies at the coarsest look in training, 4 cells.
"""

_MOST_PEAKS = 60
"""Peaks of one look that are followed.

Source: three times the bodies that there are; more make the search along the column slow.
"""

_CORE = 0.3
"""Cells around a centre, within this share of the body's height, tell corners and level.

Source: set by hand; offsets are taught all over a body and surest in its middle.
"""

_CORNER_REACH = 0.14
"""How far from where offsets put a corner its heat map is looked at, in mean sides of the body.

Source: set by hand: less than half the thickness of a disc and an endplate.
"""

_SEEN_CORNER = 0.15
"""Mean height of a heat map's peak from which a corner is refined by it.

Source: set by hand; to be measured (docs/design/frontal-spine.md).
"""

PITCH_TO_HEIGHT = 1.37
"""Distance of neighbouring bodies in heights of a body.

Source: median over the 481 films of SpineWeb data set 16 (docs/design/frontal-spine.md).
"""

_SAME_BODY = 0.45
"""Candidates nearer than this share of the distance of bodies are one body.

Source: half the distance, less what centres of tilted bodies scatter.
"""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A body that may be one.

    Parameters
    ----------
    corners : ndarray of float64, shape (4, 2)
        In film pixels, in the order of `looks.CORNER_NAMES`.
    score : float
        0..1: height of the peak in the map of centres times the probability of a body.
    level, spread : float
        Number of the level and the scale of its error, in levels.
    weight : float
        What this candidate counts for where several are one body.
    """

    corners: Points
    score: float
    level: float
    spread: float
    weight: float = 1.0

    @property
    def centre(self) -> Points:
        """(x, y) in film pixels."""
        return np.asarray(self.corners.mean(axis=0))

    @property
    def height_px(self) -> float:
        """Distance of the endplates' middles, in film pixels."""
        middles = self.corners[:2].mean(axis=0) - self.corners[2:].mean(axis=0)
        return float(np.linalg.norm(middles))


def candidates(look: FrontalLook) -> list[Candidate]:
    """Return what a look shows, the highest peaks of the map of centres first."""
    found = [_candidate(look, row, col) for row, col in _peaks(look.centre)]
    return [one for one in found if one is not None]


def _peaks(centre: Array) -> Iterator[tuple[int, int]]:
    highest = cv2.dilate(centre, np.ones((_PEAK_CELLS, _PEAK_CELLS), np.uint8))
    places = np.argwhere((centre >= highest) & (centre >= LEAST_CENTRE))
    order = np.argsort(-centre[tuple(places.T)], kind="stable")
    for row, col in places[order][:_MOST_PEAKS]:
        yield int(row), int(col)


def _candidate(look: FrontalLook, row: int, col: int) -> Candidate | None:
    rough = look.offsets[row, col] + [col + 0.5, row + 0.5]
    if not _is_body(rough):
        return None
    core = _core(look, row, col, rough)
    rows, cols = np.nonzero(core)
    weights = look.body[rows, cols].astype(np.float64)
    places = np.stack([cols, rows], axis=1) + 0.5
    corners = np.average(look.offsets[rows, cols] + places[:, None], axis=0, weights=weights)
    if not _is_body(corners):
        return None
    refined = _refined(look.corners, np.asarray(corners, np.float64))
    level, spread = _level(look, rows, cols, weights)
    score = float(look.centre[row, col] * look.body[rows, cols].mean())
    return Candidate(look.grid.to_film(refined), score, level, spread)


def _is_body(corners: Points) -> bool:
    """Whether left lies left of right and superior above inferior, as seen along the body."""
    sides = np.roll(corners, -1, axis=0) - corners
    following = np.roll(sides, -1, axis=0)
    return bool((sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0] > 0).all())


def _core(look: FrontalLook, row: int, col: int, corners: Points) -> NDArray[np.bool_]:
    """Return the cells (h, w) around a centre that speak for its body, at least the centre."""
    height = float(np.linalg.norm(corners[:2].mean(axis=0) - corners[2:].mean(axis=0)))
    reach = max(1.0, _CORE * height)
    rows, cols = np.ogrid[: look.body.shape[0], : look.body.shape[1]]
    near = (rows - row) ** 2 + (cols - col) ** 2 <= reach**2
    core = np.asarray(near & (look.body > 0.5))
    core[row, col] = True
    return core


def _level(
    look: FrontalLook, rows: NDArray[np.intp], cols: NDArray[np.intp], weights: Points
) -> tuple[float, float]:
    sure = weights / look.spread[rows, cols]
    level = float(np.average(look.level[rows, cols], weights=sure))
    return level, float(np.average(look.spread[rows, cols], weights=weights))


def _refined(heat: Array, corners: Points) -> Points:
    """Move corners (4, 2), in cells, to the middle of their heat, as far as it is seen there."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    reach = max(1.0, _CORNER_REACH * float(sides.mean()))
    moved = [
        _to_heat(heat[..., place], corner, reach)
        for place, corner in enumerate(corners)
    ]  # fmt: skip
    return np.stack(moved)


def _to_heat(heat: Array, corner: Points, reach: float) -> Points:
    """Return the heat's middle near a corner, or the corner where there is no peak.

    The mean is weighted by heat and by closeness, so that it does not jump to the
    corner of a neighbouring body.
    """
    col, row = (int(v) for v in np.floor(corner))
    span = int(np.ceil(2 * reach))
    top, left = row - span, col - span
    if min(top, left) < 0:
        return corner
    part = heat[top : row + span + 1, left : col + span + 1]
    # Heat that the tile's border cuts has its middle elsewhere.
    if part.shape != (2 * span + 1, 2 * span + 1):
        return corner
    rows = np.arange(top, top + part.shape[0]) + 0.5 - corner[1]
    cols = np.arange(left, left + part.shape[1]) + 0.5 - corner[0]
    near = np.exp(-(rows[:, None] ** 2 + cols[None, :] ** 2) / (2 * reach**2))
    weight = near * np.square(part)
    peak = float((near * part).max())
    if peak < _SEEN_CORNER:
        return corner
    shift = np.array([(weight * cols[None, :]).sum(), (weight * rows[:, None]).sum()])
    return np.asarray(corner + shift / weight.sum())


def merged(found: Sequence[Candidate], pitch_px: float) -> list[Candidate]:
    """Join candidates of several looks that are one body; the surest first."""
    groups: list[list[Candidate]] = []
    for one in sorted(found, key=lambda c: c.score * c.weight, reverse=True):
        near = [g for g in groups if _apart(g[0], one) < _SAME_BODY * min(pitch_px, _reach(g[0]))]
        if near:
            min(near, key=lambda g: _apart(g[0], one)).append(one)
        else:
            groups.append([one])
    return [_joined(group) for group in groups]


def _apart(one: Candidate, other: Candidate) -> float:
    return float(np.linalg.norm(one.centre - other.centre))


def _reach(one: Candidate) -> float:
    """Return about how far the next body lies: a body's height and a disc's."""
    return PITCH_TO_HEIGHT * one.height_px


def _joined(group: Sequence[Candidate]) -> Candidate:
    weights = np.array([one.weight * one.score + 1e-6 for one in group])
    corners = np.average([one.corners for one in group], axis=0, weights=weights)
    sure = weights / [one.spread for one in group]
    level = float(np.average([one.level for one in group], weights=sure))
    spread = float(np.average([one.spread for one in group], weights=weights))
    return Candidate(corners, max(one.score for one in group), level, spread)
