"""Discs of a sagittal MR: pieces of a mask put in order from the sacrum up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.measure.outlines.disc_pieces import DiscPiece, disc_pieces, longest_line
from spinealign.measure.outlines.disc_shapes import (
    CANAL,
    CANAL_REACH,
    LENGTH_PERCENT,
    OUTSIDE,
    PIXEL_EDGES,
    REACH_SAMPLES,
    SACRUM,
    VERTEBRA,
    DiscShape,
    disc_between,
    values_at,
)

Points = NDArray[np.float64]
Mask = NDArray[np.uint8]

_BODY_ZONE = (0.22, 0.62)
"""Where a body beyond a disc is looked for: distances across the disc from its centre, in lengths
of the disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_BODY_ZONE_SIDE = 0.3
"""How far that zone reaches to either side along the disc, in lengths of the disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_ZONE_SAMPLES = 13
"""Samples of the mask in that zone, along and across.

Source: numerical resolution, 169 samples of a share.
"""

_BODY_SHARE = 0.45
"""Least share of vertebra in that zone where there is a body.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_GAP_FACTOR = 1.6
"""Distance of neighbours from which a disc is missing between them, in the median of the distances
beside it.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_MOST_MISSED = 2
"""Most discs that are inferred in one gap.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_ROOM = 0.8
"""Least share of picture below the lowest disc if the column is to end there.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_GOES_ON_WEIGHT, _UPRIGHT_SCORE = 0.5, 0.1
"""Weight of vertebrae beyond the ends against sizes, spacing and tilt, and the score below which
the picture stands on its head.

Source: unknown; set by hand, benchmarks/constants.py shows its effect; on the patients of
disc_grading all seven such pictures were noticed and one other was turned (docs/models.md).
"""

_SHORT_FOR_L5 = 0.7
"""Length of the lowest disc below which it may lie between S1 and S2, in the median of the next
three.

Source: set by hand while looking at the 174 patients of disc_grading (docs/models.md); a quarter
more renames bodies or discs on 1 of 2 slices (benchmarks/constants.py).
"""

_FEWEST_STEPS = 4
"""Fewest distances between discs from which a disc between S1 and S2 is told.

Source: set by hand while looking at the 174 patients of disc_grading (docs/models.md).
"""

_S1_TILT_DEG, _L5_TILT_DEG, _USUAL_L4_TILT_DEG = 40.0, 22.0, 12.0
"""Least tilt of a disc between S1 and S2 and of the next one, and usual tilt of L4/L5, in degrees.

Source: set by hand while looking at the 174 patients of disc_grading (docs/models.md); five of
them have such a disc.
"""

_TILT_UNIT_DEG = 20
"""Tilt above the usual one of L4/L5 that counts as much as half of the length, in degrees.

Source: set by hand while looking at the 174 patients of disc_grading (docs/models.md).
"""

_S1_STEP, _S1_EVIDENCE = 1.04, 1.3
"""Largest distance of a disc between S1 and S2 from the next one, in the median of the next three
distances, and least sum of what its length, tilt and distance tell.

Source: set by hand while looking at the 174 patients of disc_grading (docs/models.md); five of
them have such a disc; a fifth less of the second renames bodies or discs on 1 of 2 slices
(benchmarks/constants.py).
"""


_SACRUM_ZONE = (0.12, 0.45)
"""Where the sacrum beyond a disc is looked for: distances across the disc from its centre, in
lengths of the disc.

Source: set by hand: nearer than a body, as the sacrum may be outlined in part
(docs/design/mr-from-any-scanner.md).
"""

_SACRUM_SHARE = 0.3
"""Least share of the sacrum in that zone where it begins there.

Source: set by hand; docs/design/mr-from-any-scanner.md has what it decides.
"""

_LEAST_SACRUM = 0.1
"""Least area of the sacrum from which it tells the lower end of a column, in squares of a disc's
length.

Source: set by hand: a sixth of the area of S1.
"""

_LONG_REMNANT = 0.73
"""Length of a disc inside the sacrum from which the first sacral vertebra may be a lumbar one, in
the length of the disc above it.

Source: set by hand, after O'Driscoll's types (PMID 8741056): in type 4, which goes with a fused
transitional vertebra, the disc extends over the whole sacrum and the body above it is squared.
"""


@dataclass(frozen=True, eq=False)
class DiscColumn:
    """Discs counted from the sacrum up; the first one is taken for L5/S1.

    Parameters
    ----------
    discs : tuple of DiscShape
    is_upside_down : bool
        The sacrum was recognised at the top of the picture.
    is_sacrum_seen : bool
        The sacrum begins below the first disc; where the mask does not tell it, there is room and
        no further vertebra. False: the picture may end above the sacrum, and the count may be
        too low.
    is_count_doubtful : bool
        The first disc is so short that it may lie between S1 and S2, or such a disc
        was left out.
    remnants : int
        Discs below that were left out as sacral.
    is_sacrum_outlined : bool
        Whether the mask tells the sacrum at all.
    is_remnant_long : bool
        A disc inside the sacrum is as long as between lumbar vertebrae.
    """

    discs: tuple[DiscShape, ...] = ()
    is_upside_down: bool = False
    is_sacrum_seen: bool = False
    is_count_doubtful: bool = False
    remnants: int = 0
    is_sacrum_outlined: bool = False
    is_remnant_long: bool = False


def find_discs(
    mask: Mask, confidence: NDArray[np.float32], *, tells_sacrum: bool = False
) -> DiscColumn:
    """Find the discs of a sagittal lumbar MR and count them from the sacrum up.

    Parameters
    ----------
    mask : ndarray of uint8, shape (H, W)
        Values of `disc_shapes`.
    confidence : ndarray of float32, shape (H, W)
        Probability of the class chosen.
    tells_sacrum : bool
        Whether the network outlines the sacrum; else it is background.

    Returns
    -------
    DiscColumn
        Without discs when fewer than two lie in line.

    Notes
    -----
    Where the sacrum is outlined, the lowest disc is the last one without sacrum above it, and the
    end at which the sacrum lies is the lower one.

    Else the network was taught that the sacrum is background. So the lowest disc is the
    last one with a vertebra above it: a short remnant between S1 and S2 has none. Which
    end of the column is the lower one is weighed from sizes, spacing, tilt, and where
    vertebrae go on; only strong signs turn the picture.
    """
    chain = longest_line(disc_pieces(mask, confidence))
    if len(chain) < 2:
        return DiscColumn()
    shapes = _with_inferred(_oriented(chain, mask))
    upside_down = _is_upside_down(shapes, mask)
    if upside_down:
        shapes = [_turned(shape) for shape in reversed(shapes)]
    if tells_sacrum:
        return _above_the_sacrum(shapes, mask, upside_down)
    shapes, remnants = _without_remnants(shapes, mask)
    doubtful = remnants > 0 or _relative_length(shapes) < _SHORT_FOR_L5
    is_sacrum_seen = remnants > 0 or _ends_in_room(shapes[0], mask)
    return DiscColumn(tuple(shapes), upside_down, is_sacrum_seen, doubtful, remnants)


def _above_the_sacrum(shapes: Sequence[DiscShape], mask: Mask, upside_down: bool) -> DiscColumn:
    """Return the discs above a sacrum that is outlined; those inside or below it are left out."""
    first = _first_above_sacrum(shapes, mask)
    kept, below = shapes[first:], [shape for shape in shapes[:first] if not shape.is_inferred]
    inside = [shape.length_px for shape in below if _lies_in_sacrum(shape, mask)]
    longest = max(inside, default=0.0)
    return DiscColumn(
        tuple(kept), upside_down,
        is_sacrum_seen=_sacrum_share(kept[0], mask, 1.0) >= _SACRUM_SHARE,
        is_count_doubtful=_relative_length(kept) < _SHORT_FOR_L5 or _lies_as_in_sacrum(kept),
        remnants=first,
        is_sacrum_outlined=True,
        is_remnant_long=longest >= _LONG_REMNANT * kept[0].length_px,
    )  # fmt: skip


def _first_above_sacrum(shapes: Sequence[DiscShape], mask: Mask) -> int:
    """Return the place of the disc between the lowest vertebra and the sacrum.

    Below it lie discs inside the sacrum, and what looks like a disc in the pelvis. At least two
    discs stay above.
    """
    is_below_bone = [_body_share(s, mask, -1.0)[0] >= _BODY_SHARE for s in shapes]
    first = is_below_bone.index(True) if any(is_below_bone) else 0
    starts = _sacrum_share(shapes[first], mask, 1.0) >= _SACRUM_SHARE
    while not starts and first > 0 and not _lies_in_sacrum(shapes[first - 1], mask):
        first -= 1
    return min(first, max(len(shapes) - 2, 0))


def _lies_in_sacrum(shape: DiscShape, mask: Mask) -> bool:
    """Whether there is more sacrum than vertebra above a disc."""
    sacrum = _sacrum_share(shape, mask, -1.0)
    return sacrum >= _SACRUM_SHARE and sacrum > _body_share(shape, mask, -1.0)[0]


def _sacrum_share(shape: DiscShape, mask: Mask, direction: float) -> float:
    return _body_share(shape, mask, direction, SACRUM, _SACRUM_ZONE)[0]


def _sacral_end(shapes: Sequence[DiscShape], mask: Mask) -> float:
    """Return 1 where the sacrum lies at the first disc, -1 at the last, 0 where none is seen."""
    rows, cols = np.nonzero(mask == SACRUM)
    usual = float(np.median([shape.length_px for shape in shapes]))
    if len(rows) < _LEAST_SACRUM * usual**2:
        return 0.0
    middle = np.array([cols.mean(), rows.mean()]) + 0.5
    away = [float(np.hypot(*(middle - shape.centre))) for shape in (shapes[0], shapes[-1])]
    return 1.0 if away[0] < away[1] else -1.0


def _oriented(chain: Sequence[DiscPiece], mask: Mask) -> list[DiscShape]:
    """Give every piece its front, its back and its lower side; the canal tells the back."""
    sides = [_canal_side(piece, mask) for piece in chain]
    # One vote for all: a single disc without a canal beside it follows the others.
    reference = chain[0].axis
    aligned = [np.sign(p.axis @ reference) or 1.0 for p in chain]
    posterior = np.sign(sum(s * a for s, a in zip(sides, aligned, strict=True))) or 1.0
    down = chain[0].centre - chain[-1].centre
    return [
        _shape(piece, piece.axis * posterior * turn, down)
        for piece, turn in zip(chain, aligned, strict=True)
    ]


def _canal_side(piece: DiscPiece, mask: Mask) -> float:
    """Return how much canal lies beyond the end of the axis, less that beyond its start."""
    reach = np.linspace(*CANAL_REACH, REACH_SAMPLES) * piece.length
    ends = [
        np.mean(values_at(mask, piece.centre + (end + sign * reach[:, None]) * piece.axis) == CANAL)
        for end, sign in ((piece.ends[1], 1), (piece.ends[0], -1))
    ]
    return float(ends[0] - ends[1])


def _shape(piece: DiscPiece, backwards: Points, down: Points) -> DiscShape:
    along = (piece.pixels - piece.centre) @ backwards
    first, last = np.percentile(along, LENGTH_PERCENT) + PIXEL_EDGES
    normal = np.array([-backwards[1], backwards[0]])
    normal *= np.sign(normal @ down) or 1.0
    return DiscShape(
        outline=_outline(piece),
        anterior=piece.centre + first * backwards,
        posterior=piece.centre + last * backwards,
        down=normal,
        height_px=piece.area / piece.length,
        confidence=piece.certainty,
    )


def _outline(piece: DiscPiece) -> Points:
    """Return the contour of the largest part, along the outer edges of its pixels."""
    low = np.floor(piece.pixels.min(axis=0)).astype(int)
    at = np.floor(piece.pixels).astype(int) - low
    canvas = np.zeros(tuple((at.max(axis=0) + 1)[::-1]), np.uint8)
    canvas[at[:, 1], at[:, 0]] = 1
    chains, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    chain = max(chains, key=cv2.contourArea)[:, 0, :].astype(np.float64)
    middle = chain.mean(axis=0)
    return np.asarray(chain + 0.5 * np.sign(chain - middle) + 0.5 + low, np.float64)


def _turned(shape: DiscShape) -> DiscShape:
    return replace(shape, down=-shape.down)


def _body_share(
    shape: DiscShape,
    mask: Mask,
    direction: float,
    structure: int = VERTEBRA,
    zone: tuple[float, float] = _BODY_ZONE,
) -> tuple[float, float]:
    """Return the shares of bone and of picture in the zone below (1) or above (-1) a disc."""
    axis = (shape.posterior - shape.anterior) / max(shape.length_px, 1e-6)
    sides = np.linspace(-_BODY_ZONE_SIDE, _BODY_ZONE_SIDE, _ZONE_SAMPLES)
    u, v = np.meshgrid(sides, np.linspace(*zone, _ZONE_SAMPLES))
    points = (
        shape.centre
        + u.reshape(-1, 1) * axis * shape.length_px
        + direction * v.reshape(-1, 1) * shape.down * shape.length_px
    )
    values = values_at(mask, points)
    inside = values != OUTSIDE
    share = float(np.mean(values[inside] == structure)) if inside.any() else 0.0
    return share, float(inside.mean())


def _ends_in_room(shape: DiscShape, mask: Mask) -> bool:
    """Whether below a disc there is picture, and no vertebra."""
    body, room = _body_share(shape, mask, 1.0)
    return body < _BODY_SHARE and room > _ROOM


def _is_upside_down(shapes: Sequence[DiscShape], mask: Mask) -> bool:
    """Weigh what tells the ends of a lumbar column apart.

    Towards the sacrum discs are longer and farther apart, the lowest one tips
    backwards, and no vertebra lies beyond it. A sacrum that is outlined decides alone.
    """
    if end := _sacral_end(shapes, mask):
        return end < 0
    steps, lengths = _steps(shapes), np.array([shape.length_px for shape in shapes])
    half = max(1, len(steps) // 2)
    backwards = [s.posterior - s.anterior for s in shapes]
    usual = np.median([b / max(float(np.hypot(*b)), 1e-6) for b in backwards], axis=0)
    first, last = shapes[0], shapes[-1]
    score = np.log(steps[:half].mean() / steps[-half:].mean())
    score += np.log(lengths[:3].mean() / lengths[-3:].mean())
    score += float((first.down + last.down) @ usual)
    score += _GOES_ON_WEIGHT * (_goes_on(last, mask, -1.0) - _goes_on(first, mask, 1.0))
    return bool(score < _UPRIGHT_SCORE)


def _goes_on(shape: DiscShape, mask: Mask, direction: float) -> float:
    """Return how far vertebra fills the zone beyond a disc; beyond the picture it may go on."""
    body, room = _body_share(shape, mask, direction)
    return body * room + 1 - room


def _steps(shapes: Sequence[DiscShape]) -> Points:
    """Return the distances between neighbours' centres."""
    centres = np.array([shape.centre for shape in shapes])
    return np.asarray(np.hypot(*np.diff(centres, axis=0).T), np.float64)


def _without_remnants(shapes: Sequence[DiscShape], mask: Mask) -> tuple[list[DiscShape], int]:
    kept = list(shapes)
    while len(kept) > 2 and _is_remnant(kept, mask):
        kept.pop(0)
    return kept, len(shapes) - len(kept)


def _is_remnant(shapes: Sequence[DiscShape], mask: Mask) -> bool:
    """Whether the lowest disc lies between S1 and S2.

    Either it is short and no vertebra lies above it, as one does above the next; or
    the network took S1 for a vertebra: then the disc is short and near the next
    one, and the next one is as steep as only L5/S1 is.
    """
    lowest, following = (_body_share(shape, mask, -1.0)[0] for shape in shapes[:2])
    length = _relative_length(shapes)
    if lowest < _BODY_SHARE <= following and length < _SHORT_FOR_L5:
        return True
    return _lies_as_in_sacrum(shapes)


def _lies_as_in_sacrum(shapes: Sequence[DiscShape]) -> bool:
    """Whether length, tilt and distance of the lowest disc are those of one between S1 and S2."""
    length, steps = _relative_length(shapes), _steps(shapes)
    if len(steps) < _FEWEST_STEPS:
        return False
    step = float(steps[0] / np.median(steps[1:4]))
    first, second = (_tilt_deg(shape, shapes) for shape in shapes[:2])
    if first < _S1_TILT_DEG or second < _L5_TILT_DEG or step > _S1_STEP:
        return False
    evidence = 2 * (1 - length) + (second - _USUAL_L4_TILT_DEG) / _TILT_UNIT_DEG + (1 - step)
    return evidence > _S1_EVIDENCE


def _tilt_deg(shape: DiscShape, column: Sequence[DiscShape]) -> float:
    """Return how far a disc's lower side looks backwards instead of along the picture."""
    behind = np.sign(sum(float((s.posterior - s.anterior)[0]) for s in column))
    return float(np.rad2deg(np.arctan2(behind * shape.down[0], abs(shape.down[1]))))


def _relative_length(shapes: Sequence[DiscShape]) -> float:
    """Return the length of the lowest disc in lengths of the next three."""
    usual = float(np.median([shape.length_px for shape in shapes[1:4]]))
    return shapes[0].length_px / max(usual, 1e-6)


def _with_inferred(shapes: Sequence[DiscShape]) -> list[DiscShape]:
    """Fill gaps of two or three steps with discs at the expected places."""
    steps = _steps(shapes)
    filled = [shapes[0]]
    for i, (lower, upper) in enumerate(pairwise(shapes)):
        missed = _missed(steps, i)
        filled += [disc_between(lower, upper, k / (missed + 1)) for k in range(1, missed + 1)]
        filled.append(upper)
    return filled


def _missed(steps: Points, i: int) -> int:
    """Return how many discs are missing in gap `i`, judged by the gaps beside it."""
    near = np.concatenate([steps[max(0, i - 2) : i], steps[i + 1 : i + 3]])
    if not near.size or steps[i] <= _GAP_FACTOR * np.median(near):
        return 0
    return min(round(float(steps[i] / np.median(near))) - 1, _MOST_MISSED)
