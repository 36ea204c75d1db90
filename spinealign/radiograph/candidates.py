"""Pieces of bone along a line that may be bodies, each seen sharply and once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage
from spinealign.inference.engine import LoadedModel
from spinealign.measure.outlines.bodies import (
    HEIGHT_TO_INRADIUS,
    Blob,
    Labels,
    largest_piece,
    separate,
    territories,
)
from spinealign.measure.outlines.corners import Peak, all_peaks
from spinealign.measure.outlines.vertebrae import Peaks, corner_peaks
from spinealign.radiograph.column_line import (
    LEAST_SPREAD,
    Piece,
    distance_to_line,
    level_along,
    sharp_places,
)
from spinealign.radiograph.looks import (
    COLUMN_LEVELS,
    FIRST_LEVEL_NUMBER,
    SHARP_PX,
    Look,
    sharp_look,
)

Points = NDArray[np.float64]

_SAME_BODY = 0.5
"""Distance of centres up to which two pieces are the same body, in the smaller of their heights.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_TILE_EDGE_PX, _FILM_EDGE_PX = 3, 2
"""Distance from the border of a look in which a piece is cut by it, in pixels of the network's
input; and distance of that border from the film's where the film goes on, in film pixels.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_LEAST_S1 = 0.12
"""Least area of S1's strip, in squares of the height of a body.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_HEIGHT_LIMITS = (0.7, 1.45)
"""Least and largest height that a body counts with, in the height that the look was for.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_OFF_LINE = 0.8
"""How far beside the coarse line a body may lie, in its height.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_END_REACH, _UNLIKELY = 5.0, 0.6
"""How far from its end of the column C2 or S1 may seem to lie, in levels; and the share of its
worth that one keeps which seems to lie farther.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_BONE_SHARE, _CORNER_SHARE = 0.6, 0.4
"""Weights of the probability of bone and of the corners in how surely a piece is a body.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_MIDDLE_WORTH = 0.2
"""What a piece in the middle of its look is worth more than one at the border, where the network
sees less around it.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_ENDPLATE_PX = 6
"""How far from the end of a piece its endplate is where no corners were seen, in pixels of the
network's input.

Source: an eighth of `looks.SHARP_PX`, set by hand.
"""

_S1_REACH_SIDE, _S1_PEAKS_APART_PX = 25, 8.0
"""Side of the square around S1's strip in which its corners are looked for, and least distance of
two of them, in pixels of the network's input.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A piece of bone that may be a body, seen sharply.

    Parameters
    ----------
    look : Look
        Where it was seen.
    labels, nearest : ndarray of int32, shape (h, w)
        Pieces of bone of that look, and the nearest piece of each cell.
    blob : Blob
    peaks : tuple of Peak or None
        Its corners in cells of the look.
    centre : ndarray of float64, shape (2,)
        (x, y) in film pixels.
    height : float
        Local height of a body in film pixels.
    worth : float
        0..1: how surely this is a body.
    level, spread : float
        What the network takes it for, and the scale of its error in levels.
    is_s1 : bool
    """

    look: Look
    labels: Labels
    nearest: Labels
    blob: Blob
    peaks: Peaks
    centre: Points
    height: float
    worth: float
    level: float
    spread: float
    is_s1: bool = False

    @property
    def is_c2(self) -> bool:
        """Whether C2 is the likelier class."""
        return self.blob.is_c2 and not self.is_s1


def sharp_candidates(
    model: LoadedModel, image: SpineImage, line: Sequence[Piece]
) -> list[Candidate]:
    """Look sharply along a line and return every piece of bone once."""
    found: list[Candidate] = []
    for centre, height in sharp_places(line):
        found += candidates_of(sharp_look(model, image, centre, height), image.shape)
    near = [one for one in found if distance_to_line(line, one.centre) < _OFF_LINE * one.height]
    return [_with_context(one, line) for one in _without_doubles(near)]


def candidates_of(look: Look, film_shape: tuple[int, int]) -> list[Candidate]:
    """Return the pieces of bone of one look that it shows whole."""
    found = [*_bodies(look), *_sacrum(look)]
    return [one for one in found if not _is_cut_by_tile(one, film_shape)]


def _bodies(look: Look) -> Iterator[Candidate]:
    labels, blobs = separate(look.bodies, look.c2, look.corners, SHARP_PX)
    # Corners of S1 next to L5 are no corners of L5.
    with_sacrum = np.where((labels == 0) & (look.s1 >= 0.5), labels.max() + 1, labels)
    nearest = territories(with_sacrum.astype(np.int32))
    for blob in blobs:
        peaks = corner_peaks(blob, nearest, look.corners, SHARP_PX)
        yield _candidate(look, labels, nearest, blob, peaks)


def _sacrum(look: Look) -> Iterator[Candidate]:
    inside = largest_piece(look.s1 >= 0.5)
    if inside.sum() > _LEAST_S1 * SHARP_PX**2:
        rows, cols = np.nonzero(inside)
        pixels = (np.stack([cols, rows], axis=1) + 0.5).astype(np.float64)
        blob = Blob(1, pixels, float(look.s1[rows, cols].mean()), 0.0)
        own = inside.astype(np.int32)
        yield _candidate(look, own, own, blob, _s1_peaks(look, inside), is_s1=True)


def _s1_peaks(look: Look, sacrum: NDArray[np.bool_]) -> Peaks:
    """Return the highest peak of each superior corner near the sacrum (h, w)."""
    square = np.ones((_S1_REACH_SIDE, _S1_REACH_SIDE), np.uint8)
    near = cv2.dilate(sacrum.astype(np.uint8), square) > 0
    found: list[Peak | None] = []
    for channel in range(2):
        heat = np.ascontiguousarray(look.corners[..., channel])
        peaks = all_peaks(heat, near, _S1_PEAKS_APART_PX)
        found.append(max(peaks, key=lambda peak: peak.height, default=None))
    return (*found, None, None)


def _candidate(
    look: Look, labels: Labels, nearest: Labels, blob: Blob, peaks: Peaks, *, is_s1: bool = False
) -> Candidate:
    rows, cols = np.floor(blob.pixels[:, ::-1]).astype(np.intp).T
    expected = 2 if is_s1 or blob.is_c2 else len(peaks)
    corners = sum(peak.height for peak in peaks if peak is not None) / expected
    return Candidate(
        look, labels, nearest, blob, peaks,
        centre=look.grid.to_film(_middle(blob, peaks, is_s1=is_s1)[None])[0],
        height=_seen_height(blob, peaks) / float(np.sqrt(np.prod(look.grid.scale))),
        worth=_BONE_SHARE * blob.certainty + _CORNER_SHARE * corners,
        level=float(np.median(look.level[rows, cols])),
        spread=float(np.median(look.spread[rows, cols])),
        is_s1=is_s1,
    )  # fmt: skip


def _middle(blob: Blob, peaks: Peaks, *, is_s1: bool) -> Points:
    """Return the middle of a body in cells; of C2 and S1, of a usual body at their endplate.

    The dens is longer than a body and the sacrum is seen in part, so that their centres say
    little about the distance to the next body.
    """
    if not (is_s1 or blob.is_c2):
        return blob.centre
    endplate = _endplate(blob, peaks, is_s1=is_s1)
    away = blob.centre - endplate
    length = max(float(np.hypot(*away)), 1e-6)
    return np.asarray(endplate + 0.5 * SHARP_PX * away / length, np.float64)


def _endplate(blob: Blob, peaks: Peaks, *, is_s1: bool) -> Points:
    """Return the middle of S1's upper or C2's lower endplate in cells."""
    ends = [peak.point for peak in (peaks[:2] if is_s1 else peaks[2:]) if peak is not None]
    if len(ends) == 2:
        return np.asarray(np.mean(ends, axis=0), np.float64)
    down = blob.pixels[:, 1]
    near = down < down.min() + _ENDPLATE_PX if is_s1 else down > down.max() - _ENDPLATE_PX
    return np.asarray(blob.pixels[near].mean(axis=0), np.float64)


def _seen_height(blob: Blob, peaks: Peaks) -> float:
    """Return a body's height in cells.

    The median of the height between its corners, of what the largest circle inside it says, and of
    the usual height at its place: each of the first two is far off on some bodies. Of C2 and S1
    one endplate is seen, and the usual height counts.
    """
    heights = [
        float(np.hypot(*(upper.point - lower.point)))
        for upper, lower in ((peaks[0], peaks[3]), (peaks[1], peaks[2]))
        if upper is not None and lower is not None
    ]
    if not heights or blob.is_c2:
        return SHARP_PX
    circle = HEIGHT_TO_INRADIUS * _inradius(blob)
    low, high = (limit * SHARP_PX for limit in _HEIGHT_LIMITS)
    return float(np.clip(np.median([np.mean(heights), circle, SHARP_PX]), low, high))


def _inradius(blob: Blob) -> float:
    """Return the radius of the largest circle inside a piece, in cells."""
    places = np.floor(blob.pixels).astype(np.intp)
    cols, rows = (places - places.min(axis=0) + 1).T
    mask = np.zeros((rows.max() + 2, cols.max() + 2), np.uint8)
    mask[rows, cols] = 1
    return float(cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())


def _is_cut_by_tile(one: Candidate, film_shape: tuple[int, int]) -> bool:
    """Whether a piece reaches the border of its look where the film goes on."""
    rows, cols = one.look.bodies.shape
    at_low = one.blob.pixels.min(axis=0) < _TILE_EDGE_PX
    at_high = one.blob.pixels.max(axis=0) > np.array([cols, rows]) - _TILE_EDGE_PX
    ends = one.look.grid.to_film(np.array([[0.0, 0.0], [cols, rows]]))
    goes_on_low = ends[0] > _FILM_EDGE_PX
    goes_on_high = ends[1] < np.array(film_shape[::-1]) - _FILM_EDGE_PX
    return bool(((at_low & goes_on_low) | (at_high & goes_on_high)).any())


def _without_doubles(found: Sequence[Candidate]) -> list[Candidate]:
    kept: list[Candidate] = []
    for one in sorted(found, key=lambda c: c.worth + _worth_of_place(c), reverse=True):
        if not any(_are_same(one, other) for other in kept):
            kept.append(one)
    return kept


def _are_same(one: Candidate, other: Candidate) -> bool:
    apart = np.hypot(*(one.centre - other.centre))
    return bool(apart <= _SAME_BODY * min(one.height, other.height))


def _worth_of_place(one: Candidate) -> float:
    rows, cols = one.look.bodies.shape
    away = np.abs(one.blob.centre - np.array([cols, rows]) / 2).max() / (rows / 2)
    return _MIDDLE_WORTH * (1 - float(away))


def _with_context(one: Candidate, line: Sequence[Piece]) -> Candidate:
    """Join what the sharp look takes a piece for with what the coarse line says there.

    A sharp look shows five bodies and often neither end of the column; the coarse look shows
    more. A piece that looks like C2 or S1 far from that end is another body, or none.
    """
    level, spread = _joined_level(one, line)
    is_far_from_s1 = one.is_s1 and level < len(COLUMN_LEVELS) - _END_REACH
    is_far_from_c2 = one.blob.is_c2 and level > FIRST_LEVEL_NUMBER + _END_REACH
    worth = one.worth * (_UNLIKELY if is_far_from_s1 or is_far_from_c2 else 1)
    placed = replace(one, level=level, spread=spread, worth=worth)
    return _as_other_body(placed) if is_far_from_c2 and not one.is_s1 else placed


def _as_other_body(one: Candidate) -> Candidate:
    """Return a piece that looked like C2 as another body."""
    centre = one.look.grid.to_film(one.blob.centre[None])[0]
    return replace(one, blob=replace(one.blob, c2_share=0.0), centre=centre)


def _joined_level(one: Candidate, line: Sequence[Piece]) -> tuple[float, float]:
    """Return level and spread of both looks, weighted by their squared errors."""
    level, spread = level_along(line, one.centre)
    weights = np.array([1 / spread**2, 1 / max(one.spread, LEAST_SPREAD) ** 2])
    total = float(weights.sum())
    return float(weights @ (level, one.level)) / total, float(1 / np.sqrt(total))
