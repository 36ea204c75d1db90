"""What each pixel of a sagittal MR slice may be, from outlines that show some structures only.

A target is a bit mask (H, W) uint8: bit ``c`` says that the pixel may be class ``c`` of
`STRUCTURES`. One bit is certainty, several are a choice that the outlines leave open, and
`UNKNOWN` teaches nothing. Points are (x, y) float64 in image pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.structures import STRUCTURES

BACKGROUND, BODY, POSTERIOR, SACRUM, DISC, CANAL = (1 << c for c in range(len(STRUCTURES)))
UNKNOWN = (1 << len(STRUCTURES)) - 1
VERTEBRA = BODY | POSTERIOR
MARROW = VERTEBRA | SACRUM

HEIGHT_OF_SPACING = 0.75
"""Height of a lumbar body in distances of neighbouring centres; measured on the T1 set."""

_MISSING_SPACING = 1.5
"""Neighbours farther apart than this, in median distances, have a body between them."""

_BORDER = 0.1
"""Width, in body heights, of what surely is no other body around an outlined one."""

_FRONT, _BEHIND, _FAR_BEHIND = 0.85, -0.85, -3.3
"""Distances from the column's axis in depths of a body, anterior is positive. The walls lie at
0.5 and -0.5; the tips of spinous processes were found up to 2.9 depths behind the axis."""

_OPENING = 0.6
"""How far the limit of what may be column recedes anteriorly for each step beyond its known end:
sacrum and thoracic column curve back towards the front."""

_BODY_SIDE, _POSTERIOR_SIDE = -0.4, -0.75
"""A vertebra's pixels before the first are body, behind the second posterior elements."""

_MIDDLE_WIDTH = 0.36
"""Half the width, in depths of a disc, of what between two discs surely is body."""

_SACRUM_STRIP = (0.12, 0.42)
"""Distances from the lowest disc, in body heights, between which the bone is S1."""

_SAME_DISC = 0.4
"""Pieces of disc nearer than this, in median distances of discs, are one disc."""

_LEAST_DISC_SHARE = 0.15
"""Smaller pieces, in areas of the largest disc of the slice, are no disc of their own."""

_LEAST_ALLOWED = 0.5
"""Least summed probability of the classes that readers allow, from which a network is believed."""

_TOP_MARGIN_PX = 5
"""Outlines that end this far below the picture's edge do not show its uppermost structures."""

Mask = NDArray[np.uint8]
Region = NDArray[np.bool_]
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Target:
    """What a slice teaches.

    Parameters
    ----------
    allowed : ndarray of uint8, shape (H, W)
        Bit mask of classes.
    places : ndarray of float64, shape (n, 2)
        Centres of bodies or discs, from the top.
    height_px : float
        Height of a body.
    """

    allowed: Mask
    places: Points
    height_px: float


class ColumnFrame:
    """Every pixel's place along a line of centres and its distance from it.

    Parameters
    ----------
    centres : ndarray of float64, shape (n, 2)
        From the top down, at least two.
    depth_px : float
        Unit of `across`.
    posterior : float
        1 where posterior is to the right of the picture, -1 to the left, 0 where it is not
        known: every distance then counts as anterior and posterior.
    """

    def __init__(
        self, centres: Points, depth_px: float, posterior: float, shape: tuple[int, ...]
    ) -> None:
        rows, cols = np.mgrid[: shape[0], : shape[1]].astype(np.float32) + 0.5
        nearest = np.full(shape[:2], np.inf, np.float32)
        self.place = np.zeros(shape[:2], np.float32)
        side = np.zeros(shape[:2], np.float32)
        for number, (start, stop) in enumerate(pairwise(centres)):
            # Python's own floats keep the arrays in single precision.
            length = float(np.linalg.norm(stop - start))
            across, down = (float(v) / length for v in stop - start)
            x, y = cols - float(start[0]), rows - float(start[1])
            at = np.clip((x * across + y * down) / length, 0, 1)
            away = np.hypot(x - at * (length * across), y - at * (length * down))
            closer = away < nearest
            nearest = np.where(closer, away, nearest)
            self.place = np.where(closer, number + at, self.place)
            side = np.where(closer, x * down - y * across, side)
        self._last = len(centres) - 1
        self._depth = depth_px
        self._away, self._side, self._posterior = nearest, side, posterior

    @property
    def depth_px(self) -> float:
        """Unit of `anterior`."""
        return self._depth

    @property
    def is_above(self) -> Region:
        """Beyond the first centre."""
        return np.asarray(self.place <= 0)

    @property
    def is_below(self) -> Region:
        """Beyond the last centre."""
        return np.asarray(self.place >= self._last)

    @property
    def anterior(self) -> NDArray[np.float32]:
        """Distance before the line in depths; negative behind it (of either side if unknown)."""
        away = self._away / self._depth
        if self._posterior == 0:
            return np.asarray(-away)
        return np.asarray(-np.sign(self._side) * self._posterior * away)


def centre_of(region: Region) -> Points:
    """Return the mean (x, y) of a region's pixels, pixel ``i`` spanning ``i`` to ``i + 1``."""
    rows, cols = np.nonzero(region)
    return np.array([cols.mean() + 0.5, rows.mean() + 0.5])


def spacing_of(centres: Points) -> float:
    """Return the median distance of neighbouring centres."""
    return float(np.median(np.linalg.norm(np.diff(centres, axis=0), axis=1)))


def target_of_bodies(bodies: Sequence[Region], sacrum: Region | None, posterior: float) -> Target:
    """Return what outlines of neighbouring bodies teach, and of S1 where it is outlined.

    Nothing is known beyond the first and the last outline, and between two that are so far
    apart that one is missing: such bodies have no outline. Discs, canal and posterior
    elements have none either.

    Parameters
    ----------
    bodies : sequence of ndarray of bool, shape (H, W)
        From the top down.
    posterior : float
        See `ColumnFrame`.
    """
    outlined = [*bodies, *([] if sacrum is None else [sacrum])]
    centres = np.array([centre_of(region) for region in outlined])
    spacing = spacing_of(centres)
    height = HEIGHT_OF_SPACING * spacing
    depth = float(np.median([region.sum() for region in bodies])) / height
    frame = ColumnFrame(centres, depth, posterior, outlined[0].shape)
    allowed = _around_bodies(frame, centres, spacing)
    below = UNKNOWN if sacrum is None else UNKNOWN & ~(BODY | DISC)
    allowed[frame.is_below] = below
    for end, before in ((0, 1), (-1, -2)):
        outwards = centres[end] - centres[before]
        allowed[_before_end(frame, centres[end], outwards, posterior)] = BACKGROUND
    near = _grown(np.any(outlined, axis=0), _BORDER * height)
    allowed[near] &= UNKNOWN & ~(BODY | SACRUM)
    for region in bodies:
        allowed[region] = BODY
    if sacrum is not None:
        allowed[sacrum] = SACRUM
    return Target(allowed, centres, height)


def _around_bodies(frame: ColumnFrame, centres: Points, spacing: float) -> Mask:
    """Return what may lie around outlined bodies: no body, and no sacrum above the last."""
    anterior = frame.anterior
    allowed = np.full(anterior.shape, BACKGROUND | DISC | CANAL | POSTERIOR, np.uint8)
    allowed[anterior > _BODY_SIDE] = BACKGROUND | DISC
    allowed[anterior > _FRONT] = BACKGROUND
    allowed[anterior < _BEHIND] = BACKGROUND | CANAL | POSTERIOR
    allowed[anterior < _FAR_BEHIND] = BACKGROUND
    distances = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    for number in np.flatnonzero(distances > _MISSING_SPACING * spacing):
        allowed[(frame.place >= number) & (frame.place <= number + 1)] = UNKNOWN
    allowed[frame.is_above] = UNKNOWN & ~SACRUM
    return allowed


def _before_end(frame: ColumnFrame, end: Points, outwards: Points, posterior: float) -> Region:
    """Return what lies beyond one end of the known column and surely before the rest of it."""
    along = outwards / np.linalg.norm(outwards)
    right = np.array([1.0, -along[0] / along[1]]) if along[1] else np.array([0.0, 0.0])
    right /= max(float(np.linalg.norm(right)), 1e-6)
    rows, cols = np.mgrid[: frame.place.shape[0], : frame.place.shape[1]] + 0.5
    x, y = cols - end[0], rows - end[1]
    beyond = x * along[0] + y * along[1]
    before = -posterior * (x * right[0] + y * right[1])
    limit = _FRONT * frame.depth_px + _OPENING * np.maximum(beyond - frame.depth_px, 0)
    return np.asarray((beyond > 0) & (before > limit))


def _grown(region: Region, by_px: float) -> Region:
    away = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(away <= by_px)


def target_of_discs(discs: Sequence[Region], posterior: float) -> Target:
    """Return what outlines of neighbouring discs teach; the lowest is that above the sacrum.

    The middle between two discs is body and a strip below the last is sacrum, away from
    edges; nothing is known above the first.

    Parameters
    ----------
    discs : sequence of ndarray of bool, shape (H, W)
        From the top down.
    """
    centres = np.array([centre_of(region) for region in discs])
    height = HEIGHT_OF_SPACING * spacing_of(centres)
    depth = float(np.median([_length(region) for region in discs]))
    frame = ColumnFrame(centres, depth, posterior, discs[0].shape)
    anterior, drawn = frame.anterior, np.any(discs, axis=0)
    allowed = np.full(drawn.shape, BACKGROUND | BODY | CANAL | POSTERIOR, np.uint8)
    allowed[anterior > _FRONT] = BACKGROUND
    allowed[anterior < _FAR_BEHIND] = BACKGROUND
    allowed[frame.is_below] = UNKNOWN & ~(BODY | DISC)
    allowed[frame.is_above] = UNKNOWN & ~SACRUM
    ends = ((centres[0], centres[0] - centres[1]), (centres[-1], _axes(discs[-1], centres)[1]))
    for end, outwards in ends:
        allowed[_before_end(frame, end, outwards, posterior)] = BACKGROUND
    away = cv2.distanceTransform((~drawn).astype(np.uint8), cv2.DIST_L2, 3)
    is_between = ~frame.is_above & ~frame.is_below & (np.abs(anterior) < _MIDDLE_WIDTH)
    allowed[is_between & (away > _SACRUM_STRIP[0] * height)] = BODY
    allowed[_below_disc(discs[-1], centres, depth, height) & ~drawn] = SACRUM
    allowed[_grown(drawn, 1.0)] &= UNKNOWN & ~DISC
    allowed[drawn] = DISC
    return Target(allowed, centres, height)


def _length(region: Region) -> float:
    return float(max(cv2.minAreaRect(_pixels(region))[1]))


def _pixels(region: Region) -> NDArray[np.float32]:
    return np.argwhere(region)[:, ::-1].astype(np.float32)


def _below_disc(disc: Region, centres: Points, depth: float, height: float) -> Region:
    """Return the strip of bone below the lowest disc."""
    across, down = _axes(disc, centres)
    rows, cols = np.mgrid[: disc.shape[0], : disc.shape[1]] + 0.5
    x, y = cols - centres[-1][0], rows - centres[-1][1]
    away = cv2.distanceTransform((~disc).astype(np.uint8), cv2.DIST_L2, 3)
    is_near = (away > _SACRUM_STRIP[0] * height) & (away < _SACRUM_STRIP[1] * height)
    is_middle = np.abs(x * across[0] + y * across[1]) < _MIDDLE_WIDTH * depth
    return np.asarray(is_near & is_middle & (x * down[0] + y * down[1] > 0))


def _axes(disc: Region, centres: Points) -> tuple[Points, Points]:
    """Return unit vectors along the lowest disc and down from it."""
    points = _pixels(disc)
    across = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
    down = np.array([-across[1], across[0]])
    if float(down @ (centres[-1] - centres[-2])) < 0:
        down = -down
    return across, down


def target_of_structures(mask: Mask, posterior: float = 1.0) -> Target | None:
    """Return what a mask of vertebrae, discs and canal (1, 2, 3) teaches.

    Every vertebra, disc and canal is outlined, the sacrum is part of the background, and body
    and posterior elements are one: pieces on one side of the posterior wall are told apart,
    and where they are joined the pedicle stays open.

    Returns
    -------
    Target or None
        None where fewer than two discs show the course of the column.
    """
    discs = _pieces_of_discs(mask == 2)
    if len(discs) < 2:
        return None
    centres = np.array([centre_of(region) for region in discs])
    height = HEIGHT_OF_SPACING * spacing_of(centres)
    depth = float(np.median([_length(region) for region in discs]))
    beyond = [2 * centres[0] - centres[1], *centres, 2 * centres[-1] - centres[-2]]
    frame = ColumnFrame(np.array(beyond), depth, posterior, mask.shape)
    allowed = np.full(mask.shape, BACKGROUND, np.uint8)
    _add_sacrum(allowed, mask, discs, centres, depth, height)
    down = _axes(discs[-1], centres)[1]
    before = _before_end(frame, centres[-1], down, posterior)
    allowed[before & (allowed != SACRUM)] = BACKGROUND
    allowed[mask == 2] = DISC
    allowed[mask == 3] = CANAL
    _add_vertebrae(allowed, mask == 1, frame.anterior)
    first = int(np.flatnonzero((mask > 0).any(axis=1))[0])
    if first > _TOP_MARGIN_PX:
        allowed[:first] = UNKNOWN & ~SACRUM
    return Target(allowed, centres, height)


def _pieces_of_discs(drawn: Region) -> list[Region]:
    """Return discs from the top down; pieces of one disc are joined, specks left out."""
    count, labels, stats, middles = cv2.connectedComponentsWithStats(drawn.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    if count < 2:
        return []
    large = [n for n in range(1, count) if areas[n] >= _LEAST_DISC_SHARE * areas[1:].max()]
    large.sort(key=lambda n: float(middles[n][1]))
    if len(large) < 2:
        return [labels == n for n in large]
    gaps = np.diff([middles[n][1] for n in large])
    usual = float(np.median(gaps[gaps >= np.median(gaps)]))
    discs = [labels == large[0]]
    for gap, number in zip(gaps, large[1:], strict=True):
        if gap < _SAME_DISC * usual:
            discs[-1] = discs[-1] | (labels == number)
        else:
            discs.append(labels == number)
    return discs


def _add_sacrum(
    allowed: Mask, mask: Mask, discs: Sequence[Region], centres: Points, depth: float,
    height: float,
) -> None:  # fmt: skip
    """Leave open what lies below the lowest disc, unless a vertebra does, and teach S1's strip."""
    _, down = _axes(discs[-1], centres)
    rows, cols = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    is_below = (cols - centres[-1][0]) * down[0] + (rows - centres[-1][1]) * down[1] > 0
    strip = _below_disc(discs[-1], centres, depth, height)
    is_lowest = not (strip & (mask == 1)).any()
    allowed[is_below] = BACKGROUND | SACRUM
    if not is_lowest:
        return
    allowed[strip & (mask == 0)] = SACRUM
    ends = np.flatnonzero((mask == 3).any(axis=1))
    if len(ends):
        # The dural sac ends in the sacral canal, where readers stop at different places.
        is_open = is_below & (rows > ends[-1]) & (allowed != SACRUM)
        allowed[is_open] |= CANAL


def _add_vertebrae(allowed: Mask, drawn: Region, anterior: NDArray[np.float32]) -> None:
    count, pieces = cv2.connectedComponents(drawn.astype(np.uint8))
    for number in range(1, count):
        piece = pieces == number
        is_body = piece & (anterior > _BODY_SIDE)
        is_posterior = piece & (anterior < _POSTERIOR_SIDE)
        if not is_posterior.any() or not is_body.any():
            whole = BODY if is_body.any() or not is_posterior.any() else POSTERIOR
            allowed[piece] = whole
            continue
        allowed[piece] = VERTEBRA
        allowed[is_body] = BODY
        allowed[is_posterior] = POSTERIOR


def narrowed(
    allowed: Mask, probabilities: NDArray[np.float32], confidence: float, of_background: float
) -> Mask:
    """Return a target whose open pixels are decided where a network is sure.

    Parameters
    ----------
    allowed : ndarray of uint8, shape (H, W)
    probabilities : ndarray of float32, shape (H, W, classes)
    confidence : float
        Least probability, among the classes that the readers leave open, of the class chosen.
    of_background : float
        The same for background; more, so that what a network misses is not taught as missing.
    """
    bits = (allowed[..., None] >> np.arange(len(STRUCTURES))) & 1
    open_to = probabilities * bits
    best = open_to.argmax(axis=-1)
    share = open_to.max(axis=-1) / np.maximum(open_to.sum(axis=-1), 1e-6)
    # A class that the readers rule out says that the network is lost here.
    is_sure = share >= np.where(best == 0, of_background, confidence)
    is_sure &= open_to.sum(axis=-1) >= _LEAST_ALLOWED
    return np.where(is_sure, (1 << best).astype(np.uint8), allowed)
