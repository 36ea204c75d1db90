"""Vertebral bodies from masks that another program, or a person elsewhere, has drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Facing, LandmarkName, Vertebra, VertebraState
from spinealign.measure.outlines.bodies import BODY_AREA, Blob
from spinealign.measure.outlines.contours import level_contour, thinned
from spinealign.measure.outlines.square import SquareGrid
from spinealign.measure.outlines.vertebrae import (
    BodyAxes,
    body_landmarks,
    facing,
    inside_film,
    right_of,
    touches_border,
    up_vectors,
)

Points = NDArray[np.float64]

_SMOOTHING_PX = 1.0
"""Standard deviation of the blur that takes the steps of pixels off a mask, in pixels.

Source: set by hand; the drawn columns of the tests are measured from masks with the same.
"""

_CERTAINTY = 1.0
"""Certainty of a mask that somebody drew: it says nothing of its own. Source: convention of this
program.
"""

_CUT_OFF = 0.15
"""Distance from the border of the picture within which a landmark of a cut body is left out, in
typical heights of a body.

Source: as in `radiograph.bodies_on_film`.
"""

_UP = np.array([0.0, -1.0])
"""Unit vector (x, y) to the top of the picture. Source: convention of this program."""

_SMALLEST_PX = 12
"""Fewest pixels of a mask from which corners are taken. Source: numerical resolution."""

_SACRAL = frozenset(
    {
        LandmarkName.ANTERIOR_SUPERIOR,
        LandmarkName.POSTERIOR_SUPERIOR,
        LandmarkName.SUPERIOR_MIDDLE,
    }
)
"""What is measured of S1. Source: convention of this program."""


@dataclass(frozen=True, eq=False)
class DrawnMask:
    """One body as it was drawn.

    Parameters
    ----------
    level : str or None
    mask : ndarray of bool, shape (H, W)
    """

    level: str | None
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Traced:
    level: str | None
    blob: Blob
    contour: Points


def bodies_of_masks(
    drawn: Sequence[DrawnMask], pixel_aspect: float = 1.0, side: Facing | None = None
) -> tuple[tuple[Vertebra, ...], Facing | None]:
    """Return bodies with outline and landmarks from masks of them.

    Parameters
    ----------
    drawn : sequence of DrawnMask
        In any order; of each mask the largest connected part counts.
    pixel_aspect : float
        Height of a pixel divided by its width: the work is done in square pixels.
    side : Facing, optional
        Which way the patient looks, where that is known; else the slant of the bodies tells.

    Returns
    -------
    vertebrae : tuple of Vertebra
        From the top, numbered; their points come from the outlines alone, and their state is that
        of bodies which a person put there.
    side : Facing or None
    """
    if not drawn:
        return (), side
    grid = SquareGrid.over(drawn[0].mask.shape[:2], pixel_aspect)
    shape = grid.resampled_mask(drawn[0].mask.astype(np.uint8)).shape
    traced = [one for one in (_traced(each, grid) for each in drawn) if one is not None]
    traced.sort(key=lambda one: float(one.blob.centre[1]))
    ups = [_UP] * len(traced)
    if len(traced) > 1:
        ups = up_vectors([one.blob.centre for one in traced])
    if side is None and len(traced) > 1:
        side, _ = facing([(None,) * 4] * len(traced), [one.blob for one in traced], ups)
    height = _typical_height(traced)
    bodies = [_body(one, up, side, height, shape) for one, up in zip(traced, ups, strict=True)]
    numbered = (replace(body, index=i) for i, body in enumerate(bodies, start=1))
    return tuple(map(grid.body_in_picture, numbered)), side


def _traced(drawn: DrawnMask, grid: SquareGrid) -> _Traced | None:
    mask = grid.resampled_mask(drawn.mask.astype(np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas) or areas.max() < _SMALLEST_PX:
        return None
    largest = labels == 1 + int(areas.argmax())
    contour = level_contour(cv2.GaussianBlur(largest.astype(np.float32), (0, 0), _SMOOTHING_PX))
    if contour is None:
        return None
    pixels = np.argwhere(largest)[:, ::-1].astype(np.float64) + 0.5
    is_c2 = float(drawn.level == "C2")
    return _Traced(drawn.level, Blob(1, pixels, _CERTAINTY, is_c2), contour)


def _typical_height(traced: Sequence[_Traced]) -> float:
    areas = [one.blob.area for one in traced if one.level != "S1" and not one.blob.is_c2]
    areas = areas or [one.blob.area for one in traced]
    return float(np.sqrt(np.median(areas) / BODY_AREA)) if areas else 0.0


def _body(
    one: _Traced, up: Points, side: Facing | None, height: float, shape: tuple[int, ...]
) -> Vertebra:
    ahead = None
    if side is not None:
        ahead = right_of(up) if side is Facing.RIGHT else -right_of(up)
    marks = body_landmarks(one.contour, [[]] * 4, BodyAxes(up, ahead), height, one.blob)
    state, film = VertebraState.ADDED, (shape[0], shape[1])
    if touches_border(one.contour, film):
        marks = inside_film(marks, film, _CUT_OFF * height)
    if one.level == "S1":
        marks = tuple(mark for mark in marks if mark.name in _SACRAL)
    outline = tuple((float(x), float(y)) for x, y in thinned(one.contour))
    return Vertebra(one.level, 1, outline, marks, _CERTAINTY, state)
