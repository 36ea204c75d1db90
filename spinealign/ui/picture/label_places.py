"""Where labels go on the screen: beside what they name, inside the view, over nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, right and bottom on screen."""

Boxes = NDArray[np.float64]
Segment = tuple[tuple[float, float], tuple[float, float]]
Segments = NDArray[np.float64]
"""Shape (N, 2, 2): begin and end of each, (x, y) on screen."""

_NOTHING: Boxes = np.zeros((0, 4))
_NO_LINES: Segments = np.zeros((0, 2, 2))

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

_AT_ONCE, _FURTHER = 12, 4
"""Places whose lines are looked at in the first step, nearest first, and how many times more then:
mostly one of the first is clear."""

CELL_PX = 2.0
"""Side of the squares that the screen is counted in; what is partly covered counts as taken."""


class Ground:
    """Which squares of a view are taken: whether a rectangle is free takes four look-ups.

    How many squares of a rectangle are taken is read off a table of sums from the corner of the
    view. Source: F. C. Crow, "Summed-area tables for texture mapping", SIGGRAPH 1984.

    Parameters
    ----------
    view : tuple of float
        What is counted; nothing beyond it is taken.
    """

    def __init__(self, view: Box) -> None:
        self._corners = np.array([view[0], view[1]] * 2)
        size = np.array([view[2] - view[0], view[3] - view[1]])
        self._shape = np.maximum(np.ceil(size / CELL_PX), 1).astype(int)
        self._most = np.tile(self._shape, 2)
        self._taken = np.zeros((self._shape[1], self._shape[0]), np.bool_)
        self._sums: NDArray[np.int32] | None = None

    def cover(self, boxes: Boxes) -> None:
        """Take what rectangles (N, 4) cover."""
        for x0, y0, x1, y1 in self._cells(boxes).tolist():
            self._taken[y0:y1, x0:x1] = True
        self._sums = None

    def cover_points(self, points: NDArray[np.float64], half_px: float) -> None:
        """Take squares around points (N, 2)."""
        cells = self._cells(np.concatenate([points - half_px, points + half_px], axis=1))
        for down in range(int(2 * half_px / CELL_PX) + 2):
            for aside in range(int(2 * half_px / CELL_PX) + 2):
                x, y = cells[:, 0] + aside, cells[:, 1] + down
                is_in = (x < cells[:, 2]) & (y < cells[:, 3])
                self._taken[y[is_in], x[is_in]] = True
        self._sums = None

    def is_free(self, boxes: Boxes) -> NDArray[np.bool_]:
        """Return which rectangles (N, 4) cover nothing that is taken."""
        if self._sums is None:
            self._sums = np.zeros((self._shape[1] + 1, self._shape[0] + 1), np.int32)
            rows = self._taken.cumsum(axis=0, dtype=np.int32)
            np.cumsum(rows, axis=1, out=self._sums[1:, 1:])
        x0, y0, x1, y1 = self._cells(boxes).T
        sums = self._sums
        return np.asarray(sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0] == 0)

    def _cells(self, boxes: Boxes) -> NDArray[np.int64]:
        """Return the squares (N, 4) that rectangles touch: first and, exclusive, last ones."""
        cells = (boxes - self._corners) / CELL_PX
        np.floor(cells[:, :2], out=cells[:, :2])
        np.ceil(cells[:, 2:], out=cells[:, 2:])
        np.minimum(np.maximum(cells, 0, out=cells), self._most, out=cells)
        return cells.astype(np.int64)


@dataclass(frozen=True)
class Label:
    """What is to be written somewhere.

    Parameters
    ----------
    at : tuple of float
        (x, y) of the point that it belongs to.
    size : tuple of float
        Width and height.
    room : tuple of float or None
        What it does not leave; None where its point is not in the view.
    prefers_left : bool
        On which side of its point it stands if both are free.
    wishes : function
        Yields what it keeps off as well, shape (N, 4) each: the first of these that leaves a
        place counts, and none after it is made; with the first it keeps off all lines, too.
    """

    at: tuple[float, float]
    size: tuple[float, float]
    room: Box | None
    prefers_left: bool = False
    wishes: Callable[[], Iterable[Boxes]] = lambda: (_NOTHING,)


def places_of(
    labels: Sequence[Label],
    view: Box,
    taken: Sequence[Box],
    uncrossed: Sequence[Box] = (),
    lines: Segments = _NO_LINES,
) -> list[Box | None]:
    """Return the nearest place of each label that covers nothing, or None where there is none.

    All places of all labels are compared at once with what is taken; each label that finds one
    strikes out the places of later labels that it covers.

    Parameters
    ----------
    labels : sequence of Label
        Those that choose first come first.
    view : tuple of float
        What is seen of the picture.
    taken : sequence of tuple of float
        What no label lies over.
    uncrossed : sequence of tuple of float
        What a line from a far label to its point must not cross, but where the point lies in it;
        labels belong to it as well.
    lines : ndarray, shape (N, 2, 2)
        Begin and end of the lines that labels keep off where there is room.
    """
    if not labels:
        return []
    ground, drawn = Ground(view), Ground(view)
    ground.cover(_as_boxes(taken))
    drawn.cover_points(points_along(lines), LINE_HALF_PX)
    every = _candidates(labels)
    kept = np.flatnonzero(ground.is_free(every))
    owners = kept // (len(every) // len(labels))
    # Pushed in at the borders, many places of a label are the same: the first counts.
    same = owners * 1e5 + every[kept, 0] + 1e10j * every[kept, 1]
    kept = kept[np.sort(np.unique(same, return_index=True)[1])]
    owners, boxes = kept // (len(every) // len(labels)), every[kept]
    is_apart = drawn.is_free(boxes)
    ends = np.searchsorted(owners, np.arange(len(labels) + 1))
    alive = np.ones(len(boxes), np.bool_)
    found: list[Box | None] = []
    stops = list(uncrossed)
    for label, begin, end in zip(labels, ends[:-1], ends[1:], strict=True):
        left = np.flatnonzero(alive[begin:end]) + begin
        box = _chosen(label, boxes[left], is_apart[left], stops) if len(left) else None
        found.append(box)
        if box is not None:
            stops.append(box)
            later = np.flatnonzero(alive[end:]) + end
            alive[later[_meets(boxes[later], _as_boxes([box]))]] = False
    return found


def _chosen(
    label: Label, boxes: Boxes, is_apart: NDArray[np.bool_], stops: Sequence[Box]
) -> Box | None:
    """Return the nearest of some free places that a label wishes; `is_apart` from all lines."""
    led = _Led(boxes, label.at, _not_around(label.at, _as_boxes(stops)))
    for number, wish in enumerate(label.wishes()):
        is_wished = ~_meets(boxes, wish)
        box = led.first(is_wished & is_apart if not number else is_wished)
        if box is not None:
            return box
    return None


class _Led:
    """Places of one label, nearest first, of which the lines to the point are looked at once."""

    def __init__(self, boxes: Boxes, at: tuple[float, float], stops: Boxes) -> None:
        self._boxes, self._at, self._stops = boxes, at, stops
        self._is_clear = np.zeros(len(boxes), np.bool_)
        self._known = 0

    def first(self, is_wished: NDArray[np.bool_]) -> Box | None:
        """Return the nearest place that is wished and whose line crosses nothing."""
        while True:
            found = np.flatnonzero(is_wished[: self._known] & self._is_clear[: self._known])
            if len(found):
                left, top, right, bottom = self._boxes[found[0]].tolist()
                return left, top, right, bottom
            if self._known >= len(self._boxes) or not is_wished[self._known :].any():
                return None
            part = slice(self._known, self._known * _FURTHER + _AT_ONCE)
            self._is_clear[part] = ~leads_over(self._boxes[part], self._at, self._stops)
            self._known = part.stop


def _candidates(labels: Sequence[Label]) -> Boxes:
    """Return the places (N, 4) that are looked at: as many for each label, nearest first."""
    at = np.array([label.at for label in labels])
    width, height = np.array([label.size for label in labels]).T[:, :, None]
    everywhere = (-np.inf, -np.inf, np.inf, np.inf)
    room = np.array([label.room or everywhere for label in labels])[:, :, None]
    prefers_left = np.array([label.prefers_left for label in labels])[:, None]
    moves = [_moves(label.size[1]) for label in labels]
    rows, further, is_other = (np.stack(each) for each in zip(*moves, strict=True))
    aside = GAP_PX + further
    left = at[:, :1] + np.where(is_other != prefers_left, -aside - width, aside)
    top = at[:, 1:] - height / 2 + rows
    left = np.clip(left, room[:, 0], np.maximum(room[:, 0], room[:, 2] - width))
    top = np.clip(top, room[:, 1], np.maximum(room[:, 1], room[:, 3] - height))
    return np.stack([left, top, left + width, top + height], axis=2).reshape(-1, 4)


def leader(box: Box, at: tuple[float, float]) -> Segment | None:
    """Return the line from a label to its point, or None where it stands beside it."""
    x, y = min(max(at[0], box[0]), box[2]), min(max(at[1], box[1]), box[3])
    if np.hypot(x - at[0], y - at[1]) < LEADER_FROM_PX:
        return None
    return (x, y), at


def leads_over(boxes: Boxes, at: tuple[float, float], stops: Boxes) -> NDArray[np.bool_]:
    """Return of which labels (N, 4) the line to the point runs over one of the stops (M, 4)."""
    point = np.array(at)
    start = np.clip(point, boxes[:, :2], boxes[:, 2:])
    way = point - start
    is_led = np.hypot(way[:, 0], way[:, 1]) >= LEADER_FROM_PX
    if not len(stops) or not is_led.any():
        return np.zeros(len(boxes), np.bool_)
    # Where a line enters and leaves the strips of a rectangle, as shares of its length.
    enters, leaves = np.zeros((len(boxes), len(stops))), np.ones((len(boxes), len(stops)))
    for axis in (0, 1):
        along = np.where(np.abs(way[:, axis]) < 1e-9, 1e-9, way[:, axis])[:, None]
        begin = start[:, axis, None]
        one = (stops[:, axis] - 1.0 - begin) / along
        other = (stops[:, axis + 2] + 1.0 - begin) / along
        enters = np.maximum(enters, np.minimum(one, other))
        leaves = np.minimum(leaves, np.maximum(one, other))
    return np.asarray(is_led & (enters <= leaves).any(axis=1), np.bool_)


def _not_around(point: tuple[float, float], boxes: Boxes) -> Boxes:
    """Return the rectangles that a point does not lie in."""
    x, y = point
    is_in = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
    return boxes[~is_in]


def points_along(lines: Segments, step_px: float = LINE_STEP_PX) -> NDArray[np.float64]:
    """Return points (N, 2) on lines, both ends of each included, no further apart than a step."""
    ways = lines[:, 1] - lines[:, 0]
    counts = 2 + (np.hypot(ways[:, 0], ways[:, 1]) / step_px).astype(int)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    share = number / np.repeat(counts - 1, counts)
    return np.asarray(
        np.repeat(lines[:, 0], counts, axis=0) + share[:, None] * np.repeat(ways, counts, axis=0)
    )


def squares_along(lines: Segments) -> Boxes:
    """Return squares (N, 4) that cover lines, for what must not lie over them."""
    points = points_along(lines)
    return np.concatenate([points - LINE_HALF_PX, points + LINE_HALF_PX], axis=1)


@lru_cache(maxsize=8)
def _moves(height: float) -> tuple[Boxes, Boxes, NDArray[np.bool_]]:
    """Return pixels down, pixels aside and whether on the other side of every place, nearest first.

    Labels of one height have the same.
    """
    moves = np.array(
        [
            (line, aside, other)
            for line in range(-MOST_LINES, MOST_LINES + 1)
            for aside in SIDE_STEPS_PX
            for other in (0, 1)
        ],
        np.float64,
    )
    rows = moves[:, 0] * (height + LINE_GAP_PX)
    cost = np.hypot(rows, SIDE_COST * moves[:, 1]) + OTHER_SIDE_COST * moves[:, 2]
    nearest = np.argsort(cost, kind="stable")
    return rows[nearest], moves[nearest, 1], moves[nearest, 2] == 1


def _meets(candidates: Boxes, others: Boxes) -> NDArray[np.bool_]:
    """Return which candidates (N, 4) lie over one of the others (M, 4)."""
    ours, theirs = candidates[:, None], others[None]
    is_beside = (
        (ours[..., 0] >= theirs[..., 2]) | (theirs[..., 0] >= ours[..., 2])
        | (ours[..., 1] >= theirs[..., 3]) | (theirs[..., 1] >= ours[..., 3])
    )  # fmt: skip
    return np.asarray((~is_beside).any(axis=1), np.bool_)


def _as_boxes(boxes: Sequence[Box]) -> Boxes:
    return np.array(boxes, np.float64).reshape(-1, 4)
