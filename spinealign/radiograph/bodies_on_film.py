"""From pieces of bone on a network's grid to bodies of a film: outline, directions, states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Facing, Landmark, Vertebra, VertebraState
from spinealign.imaging.tiles import FilmWindow, Grid, window_around
from spinealign.inference.engine import Array
from spinealign.measure.outlines.bodies import (
    Blob,
    Labels,
    closed_gaps,
    largest_piece,
    without_spurs,
)
from spinealign.measure.outlines.contours import level_contour, thinned
from spinealign.measure.outlines.corners import Peak, all_peaks
from spinealign.measure.outlines.vertebrae import (
    BodyAxes,
    Peaks,
    facing,
    inside_film,
    right_of,
    touches_border,
)

Points = NDArray[np.float64]

FEWEST_BODIES = 2
"""Fewest bodies that make a column. Source: convention of this program."""

_SURE_FACING = 0.65
"""Confidence (0..1) from which the facing is told.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_HIDDEN_BELOW = 0.7
"""Confidence (0..1) below which a body is called uncertain.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md);
benchmarks/constants.py: a quarter more calls further bodies uncertain on 3 of 3 films.
"""

_S1_HIDDEN_BELOW = 0.5
"""The same for S1, which is outlined as a strip below its endplate.

Source: set by hand on the S1 of 12 standing films, each outlined by a network that had not seen
it: 0.52 to 0.64 on 11 of them, whose corners were off by a median of 0.03 heights of a lumbar body
in each direction, and 0.43 on the other, one of whose corners was off by 0.29 and 0.15
(docs/design/intervals.md).
"""

_SOFT_BORDER = 1.0
"""Standard deviation of the border between two bodies, in pixels of the network's output.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_C2_GAP = 0.35
"""Widest gap that is bridged in C2, in typical heights of a body: the ring of C1 hides the neck of
the dens.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_DENS_WIDTH, _SPUR_WIDTH = 0.34, 0.2
"""Width below which what sticks out is no part of C2, and of another body, in typical heights of a
body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_SMOOTHING = 0.02
"""Standard deviation of the blur of a body's map of bone, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_STRAY_SIDE = 5
"""Side of the square around a stray pixel of bone that is no part of a body, in pixels of the
network's output.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_PEAKS_APART = 0.25
"""Least distance between two maxima of a heat map, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_CUT_OFF = 0.15
"""Distance from the border of the film within which a landmark of a cut body is left out, in
typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_ROOM = 4
"""Room around a body in which it is drawn, in pixels of the network's output.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""


@dataclass(frozen=True, eq=False)
class BodyShape:
    """One body on the film.

    Parameters
    ----------
    window : FilmWindow
        Where it lies.
    inside : ndarray of bool, shape of the window
        Its pixels.
    contour : ndarray of float64, shape (N, 2)
        Its outline in film pixels.
    """

    window: FilmWindow
    inside: NDArray[np.bool_]
    contour: Points


def shape_on_film(
    grid: Grid, own: Array, blob: Blob, film_shape: tuple[int, int]
) -> BodyShape | None:
    """Return where a body lies whose own bone (h, w) is given on a grid; None for too little."""
    window = window_of(grid, [blob], film_shape)
    left, top, shape = window.left, window.top, window.shape
    finer = max(1, int(np.ceil(max(grid.scale))))
    contour = level_contour(grid.sample(own, left, top, shape, finer))
    inside = largest_piece(grid.sample(own, left, top, shape) >= 0.5)
    if contour is None or not inside.any():
        return None
    return BodyShape(window, inside, np.asarray(contour / finer + (left, top), np.float64))


def window_of(grid: Grid, blobs: Sequence[Blob], film_shape: tuple[int, int]) -> FilmWindow:
    """Return the part of the film in which pieces lie, with some room around them."""
    pixels = np.concatenate([blob.pixels for blob in blobs])
    ends = np.array([pixels.min(axis=0) - _ROOM, pixels.max(axis=0) + _ROOM])
    low, high = grid.to_film(ends)
    return window_around(low, high, 1.0, film_shape)


class FilmMask:
    """Mask and confidence (H, W) of a film, painted body by body.

    Parameters
    ----------
    grid : Grid
        Of the coarse look.
    bone : ndarray of float32, shape (h, w)
        Probability of bone at the coarse look.
    film_shape : tuple of int
        (rows, columns).
    """

    def __init__(self, grid: Grid, bone: Array, film_shape: tuple[int, int]) -> None:
        self.mask = np.zeros(film_shape, np.uint8)
        self.confidence: Array = np.clip(1 - grid.sample(bone, 0, 0, film_shape), 0, 1)

    def sharpen(self, grid: Grid, bone: Array, window: FilmWindow) -> None:
        """Say from a sharper look how surely there is nothing in a window."""
        seen = grid.sample(bone, window.left, window.top, window.shape)
        window.cut(self.confidence)[:] = np.clip(1 - seen, 0, 1)

    def paint(self, shape: BodyShape, value: int, grid: Grid, bone: Array) -> None:
        """Give a body's pixels its mask value, and the probability of bone there."""
        window = shape.window
        seen = grid.sample(bone, window.left, window.top, window.shape)
        window.cut(self.mask)[shape.inside] = value
        window.cut(self.confidence)[shape.inside] = np.clip(seen[shape.inside], 0, 1)


def own_bone(bone: Array, labels: Labels, nearest: Labels, blob: Blob, height_px: float) -> Array:
    """Return the map of bone (h, w) of one body, falling to 0 across borders with others.

    Parameters
    ----------
    bone : ndarray of float32, shape (h, w)
        Probability of any body.
    labels, nearest : ndarray of int32, shape (h, w)
        Pieces of bone, and the nearest piece of each cell.
    blob : Blob
    height_px : float
        Typical height of a body in cells.
    """
    stray = ((bone >= 0.5) & (labels == 0)).astype(np.uint8)
    beside_stray = cv2.dilate(stray, np.ones((_STRAY_SIDE, _STRAY_SIDE))) > 0
    own = (labels == blob.label) | ((nearest == blob.label) & ~beside_stray)
    soft = softened(bone, own)
    if blob.is_c2:
        soft = closed_gaps(soft, _C2_GAP * height_px)
    return smoothed(soft, _DENS_WIDTH if blob.is_c2 else _SPUR_WIDTH, height_px)


def own_sacrum(bone: Array, labels: Labels, height_px: float) -> Array:
    """Return the map of bone (h, w) of the only piece of S1."""
    own = cv2.dilate((labels > 0).astype(np.uint8), np.ones((_STRAY_SIDE, _STRAY_SIDE))) > 0
    return smoothed(softened(bone, own), _SPUR_WIDTH, height_px)


def softened(bone: Array, own: NDArray[np.bool_]) -> Array:
    """Return a map of bone (h, w) that falls to 0 where it belongs to others."""
    return np.asarray(bone * cv2.GaussianBlur(own.astype(np.float32), (0, 0), _SOFT_BORDER))


def smoothed(bone: Array, width: float, height_px: float) -> Array:
    """Return a map of bone (h, w) without noise, and without spurs narrower than a width."""
    smooth = cv2.GaussianBlur(bone, (0, 0), _SMOOTHING * height_px)
    return without_spurs(np.asarray(smooth, np.float32), width * height_px)


def peaks_on_film(
    grid: Grid, corners: Array, near: NDArray[np.bool_], height_px: float
) -> list[list[Peak]]:
    """Return all corners that the network saw in a region, in film pixels, for each heat map.

    Parameters
    ----------
    grid : Grid
        Where the cells (h, w) lie.
    corners : ndarray of float32, shape (h, w, 4)
    near : ndarray of bool, shape (h, w)
    height_px : float
        Typical height of a body in cells.
    """
    found = []
    for heat in np.moveaxis(corners, -1, 0):
        peaks = all_peaks(np.ascontiguousarray(heat), near, _PEAKS_APART * height_px)
        found.append([moved_to_film(grid, peak) for peak in peaks])
    return found


def moved_to_film(grid: Grid, peak: Peak) -> Peak:
    """Return a peak with its place in film pixels."""
    return Peak(grid.to_film(peak.point[None])[0], peak.height)


def told_facing(
    peaks: Sequence[Peaks], blobs: Sequence[Blob], ups: Sequence[Points]
) -> tuple[Facing | None, float]:
    """Return which way the patient looks, None where that is a guess, and how sure that is."""
    side, confidence = facing(peaks, blobs, ups)
    return side if confidence >= _SURE_FACING else None, confidence


def body_axes(up: Points, side: Facing | None) -> BodyAxes:
    """Return a body's directions on a film of a patient who looks to a side."""
    if side is None:
        return BodyAxes(up, None)
    return BodyAxes(up, right_of(up) if side is Facing.RIGHT else -right_of(up))


def state_of(confidence: float, *, is_cut: bool, is_s1: bool = False) -> VertebraState:
    """Return how much of a body can be relied on."""
    if is_cut:
        return VertebraState.CUT
    least = _S1_HIDDEN_BELOW if is_s1 else _HIDDEN_BELOW
    return VertebraState.HIDDEN if confidence < least else VertebraState.COMPLETE


def uncut(
    marks: tuple[Landmark, ...], contour: Points, film_shape: tuple[int, int], height: float
) -> tuple[Landmark, ...]:
    """Return the landmarks of a body that do not lie where the film cuts it off.

    Parameters
    ----------
    marks : tuple of Landmark
    contour : ndarray of float64, shape (N, 2)
        The body's outline in film pixels.
    film_shape : tuple of int
        (rows, columns).
    height : float
        Typical height of a body in film pixels.
    """
    if not touches_border(contour, film_shape):
        return marks
    return inside_film(marks, film_shape, _CUT_OFF * height)


def vertebra_of(
    contour: Points,
    marks: tuple[Landmark, ...],
    confidence: float,
    film_shape: tuple[int, int],
    level: str | None,
) -> Vertebra:
    """Return a body with its outline thinned and its state; `index` is 1."""
    is_cut = touches_border(contour, film_shape)
    return Vertebra(
        level=level,
        index=1,
        outline=tuple((float(x), float(y)) for x, y in thinned(contour)),
        landmarks=marks,
        confidence=confidence,
        state=state_of(confidence, is_cut=is_cut, is_s1=level == "S1"),
    )
