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

SIDE_STEPS_PX = (0.0, 50.0, 110.0, 200.0, 320.0)
"""How much further to the side a label may move away from its point."""

MOST_LINES = 28
"""How many lines up and down a free place is looked for."""

SIDE_COST, OTHER_SIDE_COST = 0.6, 25.0
"""What a pixel to the side costs against one up or down, and the side that lines need."""

LEADER_FROM_PX = 26.0
"""From this distance on a label needs a line that leads to its point."""

LINE_STEP_PX, LINE_HALF_PX = 6.0, 3.0
"""How far apart, and how wide, the squares are that stand for a line."""

MOST_LEADERS = 24
"""How many places, nearest first, are asked whether the line that leads there runs over a name."""

_AT_ONCE = 64
"""Candidates that are compared in one step, nearest first: mostly the first one is free."""


def free_place(
    at: tuple[float, float],
    size: tuple[float, float],
    room: Box | None,
    taken: Sequence[Box],
    prefers_left: bool = False,
    uncrossed: Sequence[Box] = (),
    wishes: Sequence[Boxes] = (),
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
    uncrossed : sequence of tuple of float
        What a line from a far label to its point must not cross, but where the point lies in it.
    wishes : sequence of ndarray, shape (N, 4)
        What it keeps off as well: the first of these that leaves a place counts.
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
    nearest = np.argsort(cost, kind="stable")
    boxes = np.stack([left, top, left + width, top + height], axis=1)[nearest]
    taken_boxes = np.array(taken, np.float64).reshape(-1, 4)
    stops = [one for one in uncrossed if not _holds(one, at)]
    free: list[Boxes] = []
    for start in range(0, len(boxes), _AT_ONCE):
        some = boxes[start : start + _AT_ONCE]
        free.append(some[~_meets(some, taken_boxes)])
        found = _first(free[-1], wishes[0] if wishes else taken_boxes[:0], at, stops)
        if found is not None:
            return found
    left_over = (_first(np.concatenate(free), wish, at, stops) for wish in wishes[1:])
    return next((box for box in left_over if box is not None), None)


def _first(
    boxes: Boxes, others: Boxes, at: tuple[float, float], stops: Sequence[Box]
) -> Box | None:
    """Return the first of some boxes that meets no other one, and whose line crosses no stop.

    Where the nearest ones all cross one, the rest are given up.
    """
    for x0, y0, x1, y1 in boxes[~_meets(boxes, others)][:MOST_LEADERS].tolist():
        if not crosses(leader((x0, y0, x1, y1), at), stops):
            return x0, y0, x1, y1
    return None


Segment = tuple[tuple[float, float], tuple[float, float]]


def leader(box: Box, at: tuple[float, float]) -> Segment | None:
    """Return the line from a label to its point, or None where it stands beside it."""
    x, y = min(max(at[0], box[0]), box[2]), min(max(at[1], box[1]), box[3])
    if np.hypot(x - at[0], y - at[1]) < LEADER_FROM_PX:
        return None
    return (x, y), at


def crosses(line: Segment | None, others: Sequence[Box]) -> bool:
    """Whether a line runs over one of these."""
    if line is None or not others:
        return False
    return bool(_meets(along([line], LINE_STEP_PX, 1.0), np.array(others, np.float64)).any())


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def along(
    segments: Sequence[Segment], step_px: float = LINE_STEP_PX, half_px: float = LINE_HALF_PX
) -> Boxes:
    """Return squares (N, 4) that cover lines on screen, for what must not lie over them."""
    if not segments:
        return np.zeros((0, 4))
    places = []
    for (x0, y0), (x1, y1) in segments:
        share = np.linspace(0.0, 1.0, 2 + int(np.hypot(x1 - x0, y1 - y0) / step_px))
        places.append(np.stack([x0 + share * (x1 - x0), y0 + share * (y1 - y0)], axis=1))
    points = np.concatenate(places)
    return np.concatenate([points - half_px, points + half_px], axis=1)


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


def _meets(candidates: Boxes, others: Boxes) -> NDArray[np.bool_]:
    """Return which candidates (N, 4) lie over one of the others (M, 4)."""
    ours, theirs = candidates[:, None], others[None]
    is_beside = (
        (ours[..., 0] >= theirs[..., 2]) | (theirs[..., 0] >= ours[..., 2])
        | (ours[..., 1] >= theirs[..., 3]) | (theirs[..., 1] >= ours[..., 3])
    )  # fmt: skip
    return np.asarray((~is_beside).any(axis=1), np.bool_)
