"""Vertebral bodies cut out of a sagittal MR's mask: between discs and in front of the canal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.measure.outlines.bodies import largest_piece, without_spurs
from spinealign.measure.outlines.contours import level_contour
from spinealign.measure.outlines.disc_shapes import (
    CANAL,
    CANAL_REACH,
    POSTERIOR,
    REACH_SAMPLES,
    SACRUM,
    VERTEBRA,
    DiscShape,
    values_at,
)

Array = NDArray[np.float32]
Mask = NDArray[np.uint8]
Points = NDArray[np.float64]

_NEAR_CANAL = np.linspace(-0.1, 0.4, 51)
"""Where the front of the canal is looked for behind a disc's posterior end, in lengths of the
disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_PROCESSES_REACH = (0.5, 1.8)
"""Nearest and farthest distance behind a disc at which spinous processes are looked for, in
lengths of the disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_PROCESSES_SAMPLES = 60
"""Samples of the mask between these distances.

Source: numerical resolution, steps of 0.022 lengths of the disc.
"""

_BEHIND_DISC, _BEFORE_DISC = 0.05, 0.35
"""How far a body may reach beyond its discs: behind the posterior end where there is no canal, in
lengths of the disc, and before the anterior one, in depths of the body.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_CORE_DEPTH = 0.3
"""Distance from the centre of a body, along its depth, within which bone is surely its own, in
depths of the body.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_TALLEST = 1.25
"""Largest height of a body that no disc ends, in distances between discs.

Source: unknown; set by hand; a fifth less turns an angle on 2 slices by up to 0.6 degrees
(benchmarks/constants.py).
"""

_LEAST_AREA, _LEAST_OPEN_AREA = 0.35, 0.12
"""Least area of a body between two discs, and beyond the last disc, in depths of the body times
distances between discs.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_SPUR_WIDTH = 0.28
"""Width below which what sticks out of a body is no part of it, in distances between discs.

Source: unknown; set by hand; a fifth less or a quarter more turns an angle on 2 slices by up to
1.7 degrees (benchmarks/constants.py).
"""

_SMOOTHING, _SMOOTHING_PX = 0.015, 0.4
"""Standard deviation of the blur of a body's mask, the sum of one in distances between discs and
one in pixels.

Source: unknown; set by hand; a fifth less or a quarter more of the first turns an angle on 2
slices by up to 0.9 degrees (benchmarks/constants.py).
"""

_LEAST_CANAL = 0.1
"""Least share of canal behind a disc, between the distances at which it is looked for, where the
slice shows the canal.

Source: set by hand: a third of a narrow canal; docs/design/mr-from-any-scanner.md has what it
decides.
"""

_WINDOW = 1.3
"""Half side of the window in which a body is cut out, in depths or distances between discs.

Source: room for `_TALLEST`.
"""


@dataclass(frozen=True, eq=False)
class BodyPiece:
    """One body's outline and directions.

    Parameters
    ----------
    place : int
        How many discs lie between it and the sacrum, less one: 0 stands on the lowest
        disc, -1 below it.
    contour : ndarray of float64, shape (N, 2)
        Closed outline without posterior elements and spurs, (x, y).
    up, backwards : ndarray of float64, shape (2,)
        Unit vectors towards the head and towards the canal.
    certainty : float
        Mean probability of the pixels inside.
    """

    place: int
    contour: Points
    up: Points
    backwards: Points
    certainty: float

    @property
    def height_px(self) -> float:
        """Extent along `up`."""
        return float(np.ptp(self.contour @ self.up))

    @property
    def depth_px(self) -> float:
        """Extent along `backwards`."""
        return float(np.ptp(self.contour @ self.backwards))


def body_pieces(mask: Mask, confidence: Array, discs: Sequence[DiscShape]) -> list[BodyPiece]:
    """Cut the bodies above, between and below discs out of a mask.

    Parameters
    ----------
    mask : ndarray of uint8, shape (H, W)
        Values of `disc_shapes`.
    confidence : ndarray of float32, shape (H, W)
    discs : sequence of DiscShape
        At least two, from the sacrum up, their posterior ends towards the canal.

    Returns
    -------
    list of BodyPiece
        From the sacrum up; places where no bone was segmented are left out.
    """
    cutter = _Cutter(mask == VERTEBRA, mask, confidence, discs)
    pieces = [cutter.piece(place) for place in range(-1, len(discs))]
    return [piece for piece in pieces if piece is not None]


def sacral_piece(mask: Mask, confidence: Array, discs: Sequence[DiscShape]) -> BodyPiece | None:
    """Cut the first sacral body out of an outlined sacrum; None where too little was segmented.

    Notes
    -----
    Below, it ends where a lumbar body would at the latest: the border to S2 is not outlined.
    """
    return _Cutter(mask == SACRUM, mask, confidence, discs).piece(-1)


def canal_side(disc: DiscShape, mask: Mask) -> float:
    """Return how much canal lies behind a disc less how much lies before it (-1..1)."""
    return _more_behind(disc, mask, np.linspace(*CANAL_REACH, REACH_SAMPLES), (CANAL,))


def has_canal(disc: DiscShape, mask: Mask) -> bool:
    """Whether the canal lies behind a disc."""
    reach = np.linspace(*CANAL_REACH, REACH_SAMPLES)
    line = disc.posterior + reach[:, None] * disc.length_px * _backwards(disc)
    return bool(np.mean(values_at(mask, line) == CANAL) >= _LEAST_CANAL)


def processes_side(disc: DiscShape, mask: Mask) -> float:
    """Return how much bone lies far behind a disc less how much lies far before it (-1..1)."""
    reach = np.linspace(*_PROCESSES_REACH, _PROCESSES_SAMPLES)
    return _more_behind(disc, mask, reach, (VERTEBRA, POSTERIOR))


def _more_behind(disc: DiscShape, mask: Mask, reach: Points, structures: tuple[int, ...]) -> float:
    """Compare what lies behind a disc and before it, at distances in lengths of the disc."""
    steps = reach[:, None] * disc.length_px * _backwards(disc)
    behind = np.isin(values_at(mask, disc.posterior + steps), structures)
    before = np.isin(values_at(mask, disc.anterior - steps), structures)
    return float(behind.mean() - before.mean())


def _backwards(disc: DiscShape) -> Points:
    return (disc.posterior - disc.anterior) / max(disc.length_px, 1e-9)


def _back_end(disc: DiscShape, mask: Mask) -> Points:
    """Return where bodies end behind: at the canal's front, or at the disc's own end."""
    line = disc.posterior + _NEAR_CANAL[:, None] * disc.length_px * _backwards(disc)
    canal = np.flatnonzero(values_at(mask, line) == CANAL)
    if canal.size:
        return np.asarray(line[canal[0]])
    return disc.posterior + _BEHIND_DISC * disc.length_px * _backwards(disc)


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a body is expected; one of the discs may be missing."""

    number: int
    lower: DiscShape | None
    upper: DiscShape | None
    depth: float
    step: float

    @cached_property
    def discs(self) -> list[DiscShape]:
        return [disc for disc in (self.lower, self.upper) if disc is not None]

    @cached_property
    def backwards(self) -> Points:
        total = np.sum([_backwards(disc) for disc in self.discs], axis=0)
        return np.asarray(total / max(float(np.hypot(*total)), 1e-9), np.float64)

    @cached_property
    def up(self) -> Points:
        across = np.array([-self.backwards[1], self.backwards[0]])
        return -across if across @ self.discs[0].down > 0 else across

    @cached_property
    def centre(self) -> Points:
        if self.lower is None or self.upper is None:
            side = 1 if self.upper is None else -1
            return self.discs[0].centre + side * 0.5 * self.step * self.up
        return (self.lower.centre + self.upper.centre) / 2


class _Cutter:
    """Cuts bodies out of `bone` (H, W); the mask tells where the canal begins behind them."""

    def __init__(
        self, bone: NDArray[np.bool_], mask: Mask, confidence: Array, discs: Sequence[DiscShape]
    ) -> None:
        self._bone, self._confidence, self._discs = bone, confidence, discs
        self._backs = [_back_end(disc, mask) for disc in discs]
        self._steps = [float(np.hypot(*(b.centre - a.centre))) for a, b in pairwise(discs)]

    def piece(self, number: int) -> BodyPiece | None:
        place = self._place(number)
        window = self._window(place)
        own = self._own(place, window)
        is_open = len(place.discs) < 2
        least = _LEAST_OPEN_AREA if is_open else _LEAST_AREA
        if own.sum() < least * place.depth * place.step:
            return None
        sigma = _SMOOTHING * place.step + _SMOOTHING_PX
        blurred = cv2.GaussianBlur(own.astype(np.float32), (0, 0), sigma)
        bone = without_spurs(np.asarray(blurred, np.float32), _SPUR_WIDTH * place.step)
        contour = level_contour(bone)
        if contour is None:
            return None
        certainty = float(self._confidence[window][own].mean())
        corner = np.array([window[1].start, window[0].start])
        return BodyPiece(number, contour + corner, place.up, place.backwards, certainty)

    def _place(self, number: int) -> _Place:
        last = len(self._discs) - 1
        lower = self._discs[number] if number >= 0 else None
        upper = self._discs[number + 1] if number < last else None
        near = [disc.length_px for disc in (lower, upper) if disc is not None]
        step = self._steps[min(max(number, 0), last - 1)]
        return _Place(number, lower, upper, float(np.mean(near)), step)

    def _window(self, place: _Place) -> tuple[slice, slice]:
        half = _WINDOW * max(place.depth, place.step)
        low = np.maximum(np.floor(place.centre - half), 0).astype(int)
        high = np.minimum(np.ceil(place.centre + half), self._bone.shape[::-1]).astype(int)
        left, top = np.minimum(low, np.array(self._bone.shape[::-1]) - 1)
        right, bottom = np.maximum(high, (left + 1, top + 1))
        return slice(int(top), int(bottom)), slice(int(left), int(right))

    def _own(self, place: _Place, window: tuple[slice, slice]) -> NDArray[np.bool_]:
        """Return the window's pixels of the body: bone between the discs, before the canal."""
        rows, cols = np.mgrid[window]
        points = np.stack([cols + 0.5, rows + 0.5], axis=-1)
        inside = self._bone[window] & self._between(place, points)
        inside &= self._before_canal(place, points)
        core = np.abs((points - place.centre) @ place.backwards) < _CORE_DEPTH * place.depth
        return largest_piece(_connected_with(inside, core))

    def _between(self, place: _Place, points: Points) -> NDArray[np.bool_]:
        inside = np.ones(points.shape[:2], np.bool_)
        if place.lower is not None:
            inside &= (points - place.lower.centre) @ place.lower.down < 0
        if place.upper is not None:
            inside &= (points - place.upper.centre) @ place.upper.down > 0
        far = np.abs((points - place.centre) @ place.up)
        return np.asarray(inside & (far < (_TALLEST - 0.5) * place.step))

    def _before_canal(self, place: _Place, points: Points) -> NDArray[np.bool_]:
        """Return which points lie between the lines along posterior and anterior walls."""
        backs = self._ends(place, self._backs)
        fronts = self._ends(place, [d.anterior for d in self._discs])
        forwards = -place.backwards
        return np.asarray(
            (_ahead(points, *backs, forwards) > 0)
            & (_ahead(points, *fronts, forwards) < _BEFORE_DISC * place.depth)
        )

    def _ends(self, place: _Place, ends: Sequence[Points]) -> tuple[Points, Points]:
        """Return two points of a line along a wall; straight on where there is no disc."""
        if place.lower is None:
            return ends[0], ends[0] - place.up
        if place.upper is None:
            return ends[-1], ends[-1] + place.up
        return ends[place.number], ends[place.number + 1]


def _ahead(points: Points, first: Points, second: Points, forwards: Points) -> Points:
    """Return how far points (h, w, 2) lie before a line through two points."""
    along = (second - first) / max(float(np.hypot(*(second - first))), 1e-9)
    normal = np.array([-along[1], along[0]])
    normal *= 1.0 if normal @ forwards >= 0 else -1.0
    return np.asarray((points - first) @ normal, np.float64)


def _connected_with(inside: NDArray[np.bool_], core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected part of a mask that has most pixels of its core."""
    _, labels = cv2.connectedComponents(inside.astype(np.uint8))
    counts = np.bincount(labels[inside & core], minlength=1)
    if counts.size < 2:
        return np.zeros_like(inside)
    return np.asarray(labels == int(np.argmax(counts[1:])) + 1)
