"""Where labels go on the screen: beside what they name, inside the view, over nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, right and bottom on screen."""

Boxes = NDArray[np.float64]

GAP_PX, LINE_GAP_PX = 8.0, 1.0
"""From a label's point to its plate, and between plates."""

SIDE_STEPS_PX = (0.0, 50.0, 110.0, 200.0)
"""How much further to the side a label may move away from its point."""

MOST_LINES = 28
"""How many lines up and down a free place is looked for."""

SIDE_COST, OTHER_SIDE_COST = 0.6, 25.0
"""What a pixel to the side costs against one up or down, and the side that lines need."""


def free_place(
    at: tuple[float, float],
    size: tuple[float, float],
    room: Box | None,
    taken: Sequence[Box],
    prefers_left: bool = False,
) -> Box | None:
    """Return the nearest place of a label that covers nothing, or None where there is none.

    Parameters
    ----------
    at : tuple of float
        (x, y) of the point that it belongs to.
    size : tuple of float
        Width and height.
    room : tuple of float or None
        What it does not leave; None where its point is not in the view.
    taken : sequence of tuple of float
        Where other things stand.
    prefers_left : bool
        On which side of its point it stands if both are free.
    """
    width, height = size
    moves = _moves()
    rows = moves[:, 0] * (height + LINE_GAP_PX)
    is_left = moves[:, 2] != prefers_left
    aside = GAP_PX + moves[:, 1]
    left = at[0] + np.where(is_left, -aside - width, aside)
    top = at[1] - height / 2 + rows
    if room is not None:
        left = np.clip(left, room[0], max(room[0], room[2] - width))
        top = np.clip(top, room[1], max(room[1], room[3] - height))
    cost = np.hypot(rows, SIDE_COST * moves[:, 1]) + OTHER_SIDE_COST * moves[:, 2]
    covered = _covered(np.stack([left, top, left + width, top + height], axis=1), taken)
    best = int(np.lexsort((cost, covered))[0])
    if covered[best] > 0:
        return None
    x, y = float(left[best]), float(top[best])
    return x, y, x + width, y + height


@cache
def _moves() -> Boxes:
    """Return (lines down, pixels aside, whether on the other side) of every candidate (N, 3)."""
    return np.array(
        [
            (line, aside, other)
            for line in range(-MOST_LINES, MOST_LINES + 1)
            for aside in SIDE_STEPS_PX
            for other in (0, 1)
        ],
        np.float64,
    )


def _covered(candidates: Boxes, taken: Sequence[Box]) -> NDArray[np.float64]:
    """Return how much of what is taken each candidate (N, 4) covers, in square pixels."""
    if not taken:
        return np.zeros(len(candidates))
    others = np.array(taken, np.float64)[None]
    ours = candidates[:, None]
    width = np.minimum(ours[..., 2], others[..., 2]) - np.maximum(ours[..., 0], others[..., 0])
    height = np.minimum(ours[..., 3], others[..., 3]) - np.maximum(ours[..., 1], others[..., 1])
    return np.asarray((np.maximum(width, 0) * np.maximum(height, 0)).sum(axis=1), np.float64)
