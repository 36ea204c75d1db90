"""Named points of a user's own model on a picture: crosses with names, unsure ones as rings."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from spinealign.domain.findings import LocatedPoints
from spinealign.export.strips import letters
from spinealign.imaging.point_labels import Box, place_names
from spinealign.imaging.render import Colour
from spinealign.wording.points import shown_point

COLOUR: Colour = (255, 105, 220)
"""Of named points; bodies, discs, the canal and measures have other ones."""

_DARK: Colour = (0, 0, 0)
_DOT_SHARE = 1 / 260
_ARM = 2.2
"""Half the length of a sure point's cross, in radii of its dot."""

_RING = 1.5
"""How much wider the ring of an unsure point is than the dot of a sure one."""

_LETTERS = 0.8
_SMALLER = (1.0, 0.85, 0.7)
"""Sizes of names, in shares of the first, until every name has room."""

_FIXED_POINT_BITS = 4
_ONES = 1 << _FIXED_POINT_BITS


def draw_points(
    canvas: NDArray[np.uint8],
    found: LocatedPoints,
    scale: tuple[float, float],
    unit: int,
    taken: Sequence[Box] = (),
) -> NDArray[np.uint8]:
    """Draw the points of a model with their names.

    Parameters
    ----------
    canvas : ndarray of uint8, shape (H', W', 3)
        The enlarged image; dots are drawn into it.
    found : LocatedPoints
        In pixels of the image as it is shown.
    scale : tuple of float
        (row, column) enlargement.
    unit : int
        Height of letters in canvas pixels.
    taken : sequence of tuple of float
        Boxes on the canvas that names keep off.

    Returns
    -------
    ndarray of uint8, shape (H', W', 3)
        Names that have no room beside their points are left out; tables have them all.
    """
    radius = max(2.5, max(canvas.shape[:2]) * _DOT_SHARE)
    places = np.array([(p.x * scale[1], p.y * scale[0]) for p in found.points]).reshape(-1, 2)
    for point, place in zip(found.points, places, strict=True):
        _draw_dot(canvas, place, radius, point.is_sure)
    picture = Image.fromarray(canvas)
    names = [shown_point(point) for point in found.points]
    size, boxes = _laid_out(names, places, (canvas.shape[1], canvas.shape[0]), radius, unit, taken)
    draw = ImageDraw.Draw(picture)
    for name, box in zip(names, boxes, strict=True):
        if box is not None:
            draw.text(
                ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), name, font=letters(size),
                anchor="mm", fill=COLOUR, stroke_width=_halo(size), stroke_fill=_DARK,
            )  # fmt: skip
    return np.array(picture, np.uint8)


def _laid_out(
    names: list[str],
    places: NDArray[np.float64],
    side: tuple[int, int],
    radius: float,
    unit: int,
    taken: Sequence[Box],
) -> tuple[int, list[Box | None]]:
    """Return the height of letters, and the box of each name."""
    size, boxes = unit, list[Box | None]()
    for share in _SMALLER:
        size = max(8, round(share * _LETTERS * unit))
        font, edge = letters(size), 2 * _halo(size)
        sizes = np.array([(font.getlength(name) + edge, size + edge) for name in names])
        room = (0.0, 0.0, float(side[0]), float(side[1]))
        boxes = place_names(places, sizes.reshape(-1, 2), room, 2.4 * radius, taken)
        if all(box is not None for box in boxes):
            break
    return size, boxes


def _halo(size: int) -> int:
    return max(1, size // 8)


def _draw_dot(
    canvas: NDArray[np.uint8], place: NDArray[np.float64], radius: float, is_sure: bool
) -> None:
    # OpenCV counts from the centre of the first pixel.
    centre = place - 0.5
    if is_sure:
        for width, shade in ((0.9 * radius, _DARK), (0.35 * radius, COLOUR)):
            _draw_cross(canvas, centre, _ARM * radius, shade, max(1, round(width)))
    rings = (
        ((radius + 1.0, _DARK, -1), (radius, COLOUR, -1), (0.35 * radius, _DARK, -1))
        if is_sure
        else ((_RING * radius, _DARK, 4), (_RING * radius, COLOUR, 2))
    )
    for size, shade, width in rings:
        cv2.circle(
            canvas, _fixed(centre), round(size * _ONES), shade, width, cv2.LINE_AA,
            _FIXED_POINT_BITS,
        )  # fmt: skip


def _draw_cross(
    canvas: NDArray[np.uint8], centre: NDArray[np.float64], arm: float, shade: Colour, width: int
) -> None:
    for way in (np.array([arm, 0.0]), np.array([0.0, arm])):
        ends = _fixed(centre - way), _fixed(centre + way)
        cv2.line(canvas, *ends, shade, width, cv2.LINE_AA, _FIXED_POINT_BITS)


def _fixed(place: NDArray[np.float64]) -> tuple[int, int]:
    """Return a place in the fractions of a pixel that OpenCV draws with."""
    return round(float(place[0]) * _ONES), round(float(place[1]) * _ONES)
