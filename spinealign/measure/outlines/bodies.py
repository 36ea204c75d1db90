"""Single vertebral bodies in a map of bone: found, separated where they touch, and described."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.measure.outlines.corners import corner_lines

Array = NDArray[np.float32]
Labels = NDArray[np.int32]
Points = NDArray[np.float64]

BODY_AREA = 1.2
"""Area of a cervical body in squares of its height: a little wider than high.

Source: set by hand; the outlines of the training films of xray_bodies have a mean of 1.19 and a
median of 1.08 (benchmarks/body_shapes.py).
"""

HEIGHT_TO_INRADIUS = 2.15
"""Height of a body in radii of the largest circle inside its outline.

Source: set by hand; the outlines of the training films of xray_bodies have a mean of 2.13 and a
median of 2.14 (benchmarks/body_shapes.py); benchmarks/constants.py: a fifth less renames bodies on
2 of 3 films, a quarter more on 1.
"""

_SMALLEST, _LARGEST, _LARGEST_C2 = 0.2, 2.2, 4.5
"""Least and largest area of a piece that may be a body, and largest area of one that may be C2, in
units of `BODY_AREA` times the square of the typical height.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); the outlines
of the training films have areas of 0.63 to 1.75, of C2 of 1.4 to 4.5 (benchmarks/body_shapes.py).
"""

_ONE_BODY_AT_MOST = 1.75
"""Area above which a piece is parted, as several bodies that touch, in units of `BODY_AREA` times
the square of the typical height.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); the largest
body outlined on the training films has 1.75 (benchmarks/body_shapes.py).
"""

_PERHAPS_TWO = 0.9
"""Area above which a piece is parted if that gives several cores, in the same units.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md): two bodies
joined by a bridge of bone may have 1.2, where bodies are smaller than the typical height.
"""

_CORE_DEPTH = 0.2
"""Least distance from the border of fused bodies to the core of one, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_CORE_AREA = 0.05
"""Least area of a core, in squares of the typical height of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_FIRM = 0.75
"""Probability of bone from which a pixel can belong to a core.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_ONLY_C2 = 0.8
"""Share of a piece's pixels, from which on C2 is all that it is.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_WALL_WIDTH = 0.06
"""Width of the line along an endplate that parts fused bodies, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_C2_REACH = 1.9
"""Largest distance between the centres of two pieces of C2, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_MIN_HEIGHT_PX = 3.0
"""Least typical height of a body, in pixels of the map: smaller bodies have no shape.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_SPECK = 0.35
"""Least radius of the largest circle inside a piece that counts for the typical height, in the
radius of the deepest piece.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_SPECK_AREA = 0.06
"""Least area of a piece of bone, in squares of the typical height of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_MOST_BLOBS = 40
"""Most pieces that are looked at, the surest ones, so that noise costs no time.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_ENDS_PERCENT = (5, 95)
"""Percentiles of the pixels along a direction that stand for where a body begins and ends.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""


@dataclass(frozen=True, eq=False)
class Blob:
    """One connected piece of bone that may be a vertebral body.

    Parameters
    ----------
    label : int
        Its value in the label map.
    pixels : ndarray of float64, shape (N, 2)
        (x, y) centres of its pixels in edge coordinates.
    certainty : float
        Mean probability of bone.
    c2_share : float
        How much of that probability is C2's.
    """

    label: int
    pixels: Points
    certainty: float
    c2_share: float

    @property
    def area(self) -> int:
        """Number of pixels."""
        return len(self.pixels)

    @property
    def centre(self) -> Points:
        """Centre of gravity (x, y)."""
        return np.asarray(self.pixels.mean(axis=0), np.float64)

    @property
    def is_c2(self) -> bool:
        """Whether C2 is the likelier class."""
        return self.c2_share >= 0.5

    def extent(self, direction: Points) -> tuple[float, float]:
        """Return where the blob begins and ends along a unit vector, less 5 % at either end."""
        low, high = np.percentile(self.pixels @ direction, _ENDS_PERCENT)
        return float(low), float(high)


def typical_height(bone: Array) -> float | None:
    """Estimate the height of a vertebral body in pixels from a map of bone (h, w).

    The largest inscribed circle does not grow when bodies touch, unlike area and
    length, so the estimate holds before they are separated.

    Returns
    -------
    float or None
        None without any bone.
    """
    mask = (bone >= 0.5).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    depth = _depth(bone >= 0.5)
    boxes = stats[1:, :4]
    radii = np.array([float(depth[y : y + h, x : x + w].max()) for x, y, w, h in boxes])
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
    # A speck is deep for its area; it must not outvote bodies by number.
    weights = areas / radii**2 * (radii >= _SPECK * radii.max())
    return max(HEIGHT_TO_INRADIUS * _weighted_median(radii, weights), _MIN_HEIGHT_PX)


def separate(bone: Array, c2: Array, corners: Array, height_px: float) -> tuple[Labels, list[Blob]]:
    """Find the pieces of bone that may be vertebral bodies.

    Parameters
    ----------
    bone, c2 : ndarray of float32, shape (h, w)
        Probability of any body, and of C2 alone.
    corners : ndarray of float32, shape (h, w, 4)
        Heat maps of body corners, in the order of `corners.CORNERS`.
    height_px : float
        Typical height of a body.

    Returns
    -------
    labels : ndarray of int32, shape (h, w)
        The blob each pixel belongs to, 0 for none.
    blobs : list of Blob
    """
    mask = without_specks(bone >= 0.5, _SPECK_AREA * height_px**2)
    cores = _cores(mask, bone, c2, corners, height_px)
    labels = np.where(mask, territories(cores), 0).astype(np.int32)
    labels = _without_detached(labels, cores)
    labels = _joined_c2(labels, bone, c2, height_px)
    blobs = [_describe(i, labels, bone, c2) for i in np.unique(labels) if i]
    unit = BODY_AREA * height_px**2
    fitting = [blob for blob in blobs if _SMALLEST <= blob.area / unit <= _limit(blob)]
    fitting = sorted(fitting, key=lambda blob: blob.certainty, reverse=True)[:_MOST_BLOBS]
    return np.where(np.isin(labels, [b.label for b in fitting]), labels, 0), fitting


def without_specks(mask: NDArray[np.bool_], least_area: float) -> NDArray[np.bool_]:
    """Return a mask (h, w) without connected pieces of fewer pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    kept = stats[:, cv2.CC_STAT_AREA] >= least_area
    kept[0] = False
    return np.asarray(kept[labels])


def territories(labels: Labels) -> Labels:
    """Give every pixel (h, w) the label of the nearest labelled one."""
    if not labels.any():
        return labels
    empty = (labels == 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, np.int32)
    table[nearest[empty == 0]] = labels[empty == 0]
    return np.asarray(table[nearest], np.int32)


def _limit(blob: Blob) -> float:
    return _LARGEST_C2 if blob.is_c2 else _LARGEST


def largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected piece of a mask (h, w), its holes filled."""
    chains, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )  # fmt: skip
    filled = np.zeros(mask.shape, np.uint8)
    if chains:
        cv2.drawContours(filled, [max(chains, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return np.asarray(filled > 0)


def closed_gaps(bone: Array, width_px: float) -> Array:
    """Return a map of bone (h, w) in whose main piece gaps up to a width are bridged.

    A map in one piece is returned as it is.
    """
    if cv2.connectedComponents((bone >= 0.5).astype(np.uint8))[0] <= 2:
        return bone
    return np.asarray(cv2.morphologyEx(bone, cv2.MORPH_CLOSE, _round(width_px)), np.float32)


def without_spurs(bone: Array, width_px: float) -> Array:
    """Return a map of bone (h, w) without what is narrower than a width, such as spurs.

    Corners keep their shape: what lies close to the wide parts comes back.
    """
    wide = cv2.morphologyEx(bone, cv2.MORPH_OPEN, _round(width_px))
    return np.asarray(np.minimum(bone, cv2.dilate(wide, _round(0.5 * width_px))), np.float32)


def _round(diameter_px: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(diameter_px / 2)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _depth(mask: NDArray[np.bool_]) -> Array:
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(passed, passed[-1] / 2)])


def _cores(
    mask: NDArray[np.bool_], bone: Array, c2: Array, corners: Array, height_px: float
) -> Labels:
    """Label what surely belongs to one body: whole pieces, or the depths of fused ones."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    unit = BODY_AREA * height_px**2
    c2_area = np.bincount(pieces.ravel(), (c2 > bone / 2).ravel(), count)
    area = stats[:, cv2.CC_STAT_AREA]
    is_c2_alone = (c2_area > _ONLY_C2 * area) & (area < _LARGEST_C2 * unit)
    is_fused = (area > _ONE_BODY_AT_MOST * unit) & ~is_c2_alone
    is_fused |= np.minimum(c2_area, area - c2_area) > 0.5 * unit
    is_doubtful = (area > _PERHAPS_TWO * unit) & ~is_c2_alone & ~is_fused
    is_fused[0] = is_doubtful[0] = False
    cores = np.where(is_fused[pieces], 0, pieces).astype(np.int32)
    looked_at = (is_fused | is_doubtful)[pieces] & mask
    if not looked_at.any():
        return cores
    deep = _deep_inside(looked_at, bone, c2, corners, height_px)
    kept = _with_several_cores(deep, pieces.astype(np.int32), is_doubtful) | is_fused
    cores[kept[pieces]] = 0
    parted = kept[pieces] & (deep > 0)
    cores[parted] = deep[parted] + count
    return cores


def _with_several_cores(
    deep: Labels, pieces: Labels, is_doubtful: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which of the doubtful pieces hold more than one core."""
    pairs = np.unique(np.stack([pieces[deep > 0], deep[deep > 0]]), axis=1)
    return (np.bincount(pairs[0], minlength=len(is_doubtful)) > 1) & is_doubtful


def _deep_inside(
    fused: NDArray[np.bool_], bone: Array, c2: Array, corners: Array, height_px: float
) -> Labels:
    """Label the depths of fused bodies, cut at endplates, weak bone, and the border of C2."""
    is_c2 = (c2 > bone / 2).astype(np.uint8)
    border = cv2.morphologyEx(is_c2, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    walls = np.zeros(fused.shape, np.uint8)
    thickness = max(1, round(_WALL_WIDTH * height_px))
    for start, stop in corner_lines(corners, fused, height_px):
        ends = [tuple(int(v) for v in np.floor(p)) for p in (start, stop)]
        cv2.line(walls, ends[0], ends[1], 1, thickness)
    firm = fused & (bone >= _FIRM) & ~border & (walls == 0)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        (_depth(firm) > _CORE_DEPTH * height_px).astype(np.uint8)
    )
    small = stats[:, cv2.CC_STAT_AREA] < _CORE_AREA * height_px**2
    return np.where(small[labels], 0, labels).astype(np.int32)


def _without_detached(labels: Labels, cores: Labels) -> Labels:
    """Drop parts of a label that are not connected with its core."""
    kept = np.zeros_like(labels)
    for label in np.unique(cores):
        if label == 0:
            continue
        _, parts = cv2.connectedComponents((labels == label).astype(np.uint8))
        with_core = np.unique(parts[cores == label])
        kept[np.isin(parts, with_core[with_core > 0])] = label
    return kept


def _joined_c2(labels: Labels, bone: Array, c2: Array, height_px: float) -> Labels:
    """Join pieces of C2: the ring of C1 often hides the neck of the dens."""
    pieces = [_describe(i, labels, bone, c2) for i in np.unique(labels) if i]
    of_c2 = sorted((p for p in pieces if p.is_c2), key=lambda p: p.area, reverse=True)
    joined = labels.copy()
    for piece in of_c2[1:]:
        apart = float(np.hypot(*(piece.centre - of_c2[0].centre)))
        if piece.area < 0.5 * of_c2[0].area and apart < _C2_REACH * height_px:
            joined[labels == piece.label] = of_c2[0].label
    return joined


def _describe(label: int, labels: Labels, bone: Array, c2: Array) -> Blob:
    rows, cols = np.nonzero(labels == label)
    certainty = bone[rows, cols]
    share = float(c2[rows, cols].sum() / max(float(certainty.sum()), 1e-9))
    pixels = np.asarray(np.stack([cols, rows], axis=1) + 0.5, np.float64)
    return Blob(int(label), pixels, float(certainty.mean()), share)
