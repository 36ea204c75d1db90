"""Discs in a mask: connected pieces, parted, joined and put in line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.measure.outlines.disc_shapes import DISC, LENGTH_PERCENT, PIXEL_EDGES

Points = NDArray[np.float64]
Mask = NDArray[np.uint8]

_LEAST_PIXELS = 5
"""Pieces of no more pixels are noise: nothing follows from their shape.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_LARGE_PIECE = 0.3
"""Least area of a piece whose length counts for the usual length of a disc, in the largest area.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_LONG_PIECE = 0.6
"""Least length of a piece whose area counts for the usual area of a disc, in usual lengths.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_SPECK_OF_TYPICAL = 0.12
"""Least area of a disc, in usual areas.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_SHORTEST, _LONGEST = 0.4, 1.45
"""Least and largest length of a disc, in usual lengths.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_TALLEST = 0.55
"""Largest height of one disc, in usual lengths: a taller piece is parted.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_LEAST_PART = 0.1
"""Least area of the core of a parted disc, in the area of the piece.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_SAME_DISC_GAP = 0.35
"""Largest gap between two fragments of one disc along it, in usual lengths.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_SAME_DISC_OFFSET = 0.18
"""Largest offset of two fragments of one disc across it, in usual lengths.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_STEP = (0.3, 2.9)
"""Least and largest distance between the centres of discs that follow each other, in usual
lengths.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_LARGEST_TURN_COS = 0.5
"""Least cosine between the way from disc to disc and the normal of the straighter of the two.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_MEAN_TURN_COS = 0.6
"""Least mean of that cosine over both discs.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""


@dataclass(eq=False)
class DiscPiece:
    """Pixels of one disc, or of a part of one, with what follows from them.

    Parameters
    ----------
    pixels : ndarray of float64, shape (N, 2)
        Centres (x right, y down) in image pixels.
    certainty : float
        Mean probability of these pixels.
    """

    pixels: Points
    certainty: float

    def __post_init__(self) -> None:
        self.centre = self.pixels.mean(axis=0)
        spread = np.cov((self.pixels - self.centre).T) if len(self.pixels) > 2 else np.eye(2)
        self.axis: Points = np.linalg.eigh(spread)[1][:, 1]
        along = (self.pixels - self.centre) @ self.axis
        self.ends = np.percentile(along, LENGTH_PERCENT) + PIXEL_EDGES

    @property
    def area(self) -> int:
        """Number of pixels."""
        return len(self.pixels)

    @property
    def length(self) -> float:
        """Extent along the long axis in pixels."""
        return float(self.ends[1] - self.ends[0])

    def joined(self, other: DiscPiece) -> DiscPiece:
        """Return one piece of both."""
        share = self.area / (self.area + other.area)
        certainty = share * self.certainty + (1 - share) * other.certainty
        return DiscPiece(np.concatenate([self.pixels, other.pixels]), certainty)


def disc_pieces(mask: Mask, confidence: NDArray[np.float32]) -> list[DiscPiece]:
    """Return the discs of a mask in no order: touching ones parted, fragments joined, specks gone.

    Parameters
    ----------
    mask : ndarray of uint8, shape (H, W)
        As in `spinealign.measure.outlines.discs.find_discs`.
    confidence : ndarray of float32, shape (H, W)
    """
    count, labels = cv2.connectedComponents((mask == DISC).astype(np.uint8))
    pieces = []
    for label in range(1, count):
        rows, cols = np.nonzero(labels == label)
        if len(rows) > _LEAST_PIXELS:
            points = np.stack([cols + 0.5, rows + 0.5], axis=1)
            pieces.append(DiscPiece(points, float(confidence[rows, cols].mean())))
    if not pieces:
        return []
    typical = _typical(pieces)
    pieces = [part for piece in pieces for part in _split(piece, typical)]
    pieces = _merged(pieces, typical)
    area = float(np.median([p.area for p in pieces if p.length > _LONG_PIECE * typical] or [0]))
    return [
        p for p in pieces if p.area >= _SPECK_OF_TYPICAL * area and p.length >= _SHORTEST * typical
    ]


def _typical(pieces: Sequence[DiscPiece]) -> float:
    """Return the usual length of a disc: the median of the larger pieces."""
    largest = max(piece.area for piece in pieces)
    return float(np.median([p.length for p in pieces if p.area > _LARGE_PIECE * largest]))


def _split(piece: DiscPiece, typical: float) -> list[DiscPiece]:
    """Part two discs that touch: erode until the piece falls apart, then share the pixels out."""
    box = cv2.minAreaRect(piece.pixels.astype(np.float32))
    if min(box[1]) < _TALLEST * typical and max(box[1]) < _LONGEST * typical:
        return [piece]
    low = np.floor(piece.pixels.min(axis=0)).astype(int) - 1
    at = np.floor(piece.pixels).astype(int) - low
    canvas = np.zeros(tuple((at.max(axis=0) + 2)[::-1]), np.uint8)
    canvas[at[:, 1], at[:, 0]] = 1
    distance = cv2.distanceTransform(canvas, cv2.DIST_L2, 3)
    for depth in range(1, max(2, int(distance.max()))):
        count, cores, stats, _ = cv2.connectedComponentsWithStats(
            (distance > depth).astype(np.uint8)
        )
        least = _LEAST_PART * piece.area
        large = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] > least]
        if len(large) > 1:
            return _shared_out(piece, at, np.asarray(cores, np.int32), large)
    return [piece]


def _shared_out(
    piece: DiscPiece, at: NDArray[np.int64], cores: NDArray[np.int32], large: Sequence[int]
) -> list[DiscPiece]:
    away = [cv2.distanceTransform((cores != i).astype(np.uint8), cv2.DIST_L2, 3) for i in large]
    nearest = np.argmin([d[at[:, 1], at[:, 0]] for d in away], axis=0)
    return [DiscPiece(piece.pixels[nearest == i], piece.certainty) for i in range(len(large))]


def _merged(pieces: Sequence[DiscPiece], typical: float) -> list[DiscPiece]:
    """Join fragments of one disc: end to end in one line, and together no longer than a disc."""
    left = sorted(pieces, key=lambda p: -p.area)
    for i, first in enumerate(left):
        for j in range(len(left) - 1, i, -1):
            if _is_same_disc(first, left[j], typical):
                first = left[i] = first.joined(left.pop(j))
    return left


def _is_same_disc(first: DiscPiece, second: DiscPiece, typical: float) -> bool:
    offset = second.centre - first.centre
    along = (second.pixels - first.centre) @ first.axis
    gap = max(along.min() - first.ends[1], first.ends[0] - along.max())
    across = abs(float(offset @ np.array([-first.axis[1], first.axis[0]])))
    together = max(along.max(), first.ends[1]) - min(along.min(), first.ends[0])
    return bool(
        gap < _SAME_DISC_GAP * typical
        and across < _SAME_DISC_OFFSET * typical
        and together < _LONGEST * typical
    )


def longest_line(pieces: Sequence[DiscPiece]) -> list[DiscPiece]:
    """Return the heaviest chain of pieces that follow each other across their long axes.

    Stray pieces (bowel, artefacts, posterior ligaments) lie beside that line. The
    chain runs from the lower end in the picture to the upper one.
    """
    if not pieces:
        return []
    typical = float(np.median([piece.length for piece in pieces]))
    order = sorted(pieces, key=lambda p: -p.centre[1])
    best: list[tuple[float, int]] = []
    for j, piece in enumerate(order):
        before = [(best[i][0], i) for i in range(j) if _follows(order[i], piece, typical)]
        weight, at = max(before, default=(0.0, -1))
        best.append((weight + piece.length * piece.certainty, at))
    at = max(range(len(order)), key=lambda i: best[i][0])
    chain = []
    while at >= 0:
        chain.append(order[at])
        at = best[at][1]
    return chain[::-1]


def _follows(lower: DiscPiece, upper: DiscPiece, typical: float) -> bool:
    step = upper.centre - lower.centre
    distance = float(np.hypot(*step))
    if not _STEP[0] * typical <= distance <= _STEP[1] * typical:
        return False
    normals = [np.array([-p.axis[1], p.axis[0]]) for p in (lower, upper)]
    straightness = [abs(float(step @ normal)) / distance for normal in normals]
    return max(straightness) > _LARGEST_TURN_COS and float(np.mean(straightness)) > _MEAN_TURN_COS
