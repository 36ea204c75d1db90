"""Where names of points stand on a picture: beside their points, over no other and no name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
"""Directions from a point to its name, the first that has room counts."""

_DIAGONAL = 0.7
"""How far along each axis a name stands that is written askew of its point."""


def place_names(
    points: NDArray[np.float64],
    sizes: NDArray[np.float64],
    room: Box,
    gap: float,
    taken: Sequence[Box] = (),
) -> list[Box | None]:
    """Return the box of each point's name; None where it has no room.

    Parameters
    ----------
    points, sizes : ndarray of float64, shape (n, 2)
        (x, y) of the points; width and height of the names.
    room : tuple of float
        In which the names must lie.
    gap : float
        From a point's middle to its name.
    taken : sequence of tuple of float
        Boxes that names keep off.
    """
    around = [_about(point, gap) for point in points]
    found: list[Box | None] = []
    for number, (point, size) in enumerate(zip(points, sizes, strict=True)):
        others = [*taken, *(each for k, each in enumerate(around) if k != number)]
        others += [each for each in found if each is not None]
        boxes = (_beside(point, size, side, gap) for side in _SIDES)
        found.append(next((box for box in boxes if _has_room(box, room, others)), None))
    return found


def _about(point: NDArray[np.float64], gap: float) -> Box:
    """Return the box of a point's own mark."""
    half = _DIAGONAL * gap
    return (point[0] - half, point[1] - half, point[0] + half, point[1] + half)


def _beside(
    point: NDArray[np.float64], size: NDArray[np.float64], side: tuple[int, int], gap: float
) -> Box:
    across, down = side
    share = _DIAGONAL if across and down else 1.0
    middle = point + np.array(side) * (size / 2 + share * gap)
    left, top = middle - size / 2
    return (float(left), float(top), float(left + size[0]), float(top + size[1]))


def _has_room(box: Box, room: Box, others: Sequence[Box]) -> bool:
    inside = box[0] >= room[0] and box[1] >= room[1] and box[2] <= room[2] and box[3] <= room[3]
    return inside and not any(_meet(box, other) for other in others)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
