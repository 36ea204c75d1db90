"""From pieces of bone on a network's grid to bodies of a film: outline, directions, states."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import (
    Caution,
    Facing,
    LevelUncertainty,
    Vertebra,
    VertebraState,
    WarningCode,
)
from spinealign.imaging.tiles import Grid
from spinealign.inference.engine import Array
from spinealign.measure.outlines.bodies import Blob, Labels, closed_gaps, without_spurs
from spinealign.measure.outlines.corners import Peak, all_peaks
from spinealign.measure.outlines.vertebrae import BodyAxes, Peaks, facing, right_of

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


def state_of(confidence: float, *, is_cut: bool) -> VertebraState:
    """Return how much of a body can be relied on."""
    if is_cut:
        return VertebraState.CUT
    return VertebraState.HIDDEN if confidence < _HIDDEN_BELOW else VertebraState.COMPLETE


def cautions_of(
    vertebrae: Sequence[Vertebra], side: Facing | None, doubt: LevelUncertainty | None
) -> tuple[Caution, ...]:
    """Return what is to be known about the bodies of a film."""
    cautions = [Caution(WarningCode.LEVELS_UNCERTAIN, doubt=doubt)] if doubt else []
    for state, code in (
        (VertebraState.CUT, WarningCode.BODY_CUT),
        (VertebraState.HIDDEN, WarningCode.BODY_HIDDEN),
    ):
        names = tuple(body.name for body in vertebrae if body.state is state)
        if names:
            cautions.append(Caution(code, levels=names))
    if side is None:
        cautions.append(Caution(WarningCode.FACING_UNCERTAIN))
    return tuple(cautions)
