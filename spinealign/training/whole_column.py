"""The column on a lateral film of any size and frame: found coarsely, seen sharply, named.

A network says for every place how surely there is a body, C2 or S1, where corners are, and
which level it takes a body for. One coarse look at the film finds the line of the column and
its local scale; sharp looks along that line see its bodies, about 48 pixels high; a search over
whole lines chooses the bodies that follow each other; and levels are what fits all of them best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import (
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.image import SpineImage
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.imaging.tiles import (
    FilmWindow,
    Grid,
    resample,
    tile_starts,
    tile_weight,
    window_around,
)
from spinealign.inference.engine import Array, LoadedModel, softmax
from spinealign.measure.outlines.bodies import (
    Blob,
    Labels,
    closed_gaps,
    largest_piece,
    separate,
    territories,
    without_spurs,
)
from spinealign.measure.outlines.contours import level_contour, thinned
from spinealign.measure.outlines.corners import CORNERS, Peak, all_peaks
from spinealign.measure.outlines.vertebrae import (
    BodyAxes,
    Peaks,
    body_landmarks,
    contour_corner,
    corner_peaks,
    facing,
    right_of,
    touches_border,
    up_vectors,
)
from spinealign.training.column_limits import breaches

COLUMN_CLASSES = ("background", "C2", "body", "S1")
"""Classes of a network that finds bodies of the whole column; levels are told apart otherwise."""

COLUMN_LEVELS = LEVEL_SEQUENCE[LEVEL_SEQUENCE.index("C2") :]
"""Bodies of a whole column from the top down, C2 to S1."""

FIRST_LEVEL_NUMBER = 2
"""C2 is number 2, C7 7, T1 8, L5 24 and S1 25 in what the network says of levels."""

LEVEL_CENTRE, LEVEL_SCALE = 13.5, 6.0
"""A level's number is the network's output times the scale plus the centre."""

LEVEL_SPREAD = (-3.0, 2.5)
"""Limits of the logarithm of a level's uncertainty, in levels."""

_SHARP_PX = 48.0
_OVERLAP_PX = 96
_LONG_FILM = 1.7
"""Height to width from which a film is taken for more than a neck and looked at in tiles."""

_STRIDE_HEIGHTS, _ENDS_HEIGHTS = 4.6, 2.4
_HEIGHT_TO_INRADIUS = 2.15
_LEAST_NODE_PX = 1.6
_MOST_NODES = 70
_NODES_APART = 0.7
_SAME_BODY = 0.5
_TILE_EDGE_PX = 3
_LEAST_S1 = 0.12
_HEIGHT_LIMITS = (0.6, 1.6)
_LEAST_PLAUSIBLE = 0.6
_LEAST_WORTH = 0.45
_OFF_LINE = 0.8
"""In body heights: how far beside the coarse line a body may lie."""
_CHANNELS = 10
_LEAST_SPREAD = 0.5
_END_REACH, _UNLIKELY = 5.0, 0.6
"""In levels: how far from its end of the column C2 or S1 may seem to lie; else worth less."""

_FEWEST_BODIES = 2
_SURE_FACING = 0.65
_PEAKS_APART = 0.25
_SMOOTHING, _DENS_WIDTH, _SPUR_WIDTH, _C2_GAP = 0.02, 0.34, 0.2, 0.35
_HIDDEN_BELOW = 0.7

Points = NDArray[np.float64]
P = TypeVar("P", bound="Piece")


@dataclass(frozen=True, eq=False)
class Look:
    """The network's answer on a grid over the film.

    Parameters
    ----------
    grid : Grid
        Where the cells (h, w) lie.
    bodies, c2, s1 : ndarray of float32, shape (h, w)
        Probability of a body above the sacrum, of C2 alone, and of S1.
    corners : ndarray of float32, shape (h, w, 4)
        Heat maps 0..1 in the order of `measure.outlines.corners.CORNERS`.
    level, spread : ndarray of float32, shape (h, w)
        Number of the level (C2 is 2, S1 25) and the scale of its error, in levels.
    """

    grid: Grid
    bodies: Array
    c2: Array
    s1: Array
    corners: Array
    level: Array
    spread: Array


@dataclass(frozen=True, eq=False)
class Candidate:
    """A piece of bone that may be a body, seen sharply.

    Parameters
    ----------
    centre : ndarray of float64, shape (2,)
        (x, y) in film pixels.
    height : float
        Local height of a body in film pixels.
    worth : float
        0..1: how surely this is a body.
    level, spread : float
        What the network takes it for, and the scale of its error in levels.
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


class Piece(Protocol):
    """What a line is made of: a centre (x, y) and a height in film pixels, and what it may be."""

    @property
    def centre(self) -> Points:
        """Middle (x, y) in film pixels."""
        ...

    @property
    def height(self) -> float:
        """Local height of a body in film pixels."""
        ...

    @property
    def worth(self) -> float:
        """How surely this is a body, 0..1."""
        ...

    @property
    def level(self) -> float:
        """Number of the level that it looks like."""
        ...

    @property
    def spread(self) -> float:
        """Scale of the level's error."""
        ...


@dataclass(frozen=True, eq=False)
class Node:
    """A place in the middle of bone at the coarse look."""

    centre: Points
    height: float
    worth: float
    level: float
    spread: float


def find_bodies(model: LoadedModel, image: SpineImage) -> tuple[Vertebra, ...]:
    """Find, outline and name the bodies of a lateral film.

    Parameters
    ----------
    model : LoadedModel
        A network with the outputs ``logits`` (h, w, 4), ``corners`` and ``levels``.
    image : SpineImage
        Upright, either way round, any size.

    Returns
    -------
    tuple of Vertebra
        From the top; without levels where these are in doubt.
    """
    line = best_line(coarse_nodes(coarse_look(model, image)))
    if len(line) < _FEWEST_BODIES:
        return ()
    chain = best_line(sharp_candidates(model, image, line), _GAP_COSTS_ON_LINE)
    chain = [body for body in chain if body.worth >= _LEAST_WORTH]
    if len(chain) < _FEWEST_BODIES:
        return ()
    names = name_line(chain)
    return without_implausible(_Bodies(image, chain, names).vertebrae(), names.numbers)


def without_implausible(
    vertebrae: tuple[Vertebra, ...], numbers: Sequence[int]
) -> tuple[Vertebra, ...]:
    """Leave out bodies that cannot be neighbours of the others; nothing where most cannot.

    Parameters
    ----------
    vertebrae : tuple of Vertebra
        Their `index` counts the places of `numbers` from 1.
    numbers : sequence of int
        Level numbers.
    """
    kept = list(vertebrae)
    while found := breaches(kept, _level_steps(kept, numbers)):
        counts = np.bincount([i for b in found for i in b.places], minlength=len(kept))
        worst = max(range(len(kept)), key=lambda i: (counts[i], -kept[i].confidence))
        kept.pop(worst)
    return tuple(kept) if len(kept) >= _LEAST_PLAUSIBLE * len(vertebrae) else ()


def _level_steps(vertebrae: Sequence[Vertebra], numbers: Sequence[int]) -> list[int | None]:
    levels = [numbers[vertebra.index - 1] for vertebra in vertebrae]
    return [lower - upper for upper, lower in pairwise(levels)]


# --- looking -------------------------------------------------------------------------------


def coarse_look(model: LoadedModel, image: SpineImage) -> Look:
    """Ask the network about the whole film, in one tile or along its height in several."""
    tile = model.card.input_shape
    rows, cols = image.shape
    height = rows * image.pixel_aspect
    longest = tile[0] * (2 if max(height / cols, cols / height) > _LONG_FILM else 1)
    scale = longest / max(height, cols)
    window = FilmWindow(0, 0, cols, rows)
    return _look(model, image, window, scale * np.sqrt(image.pixel_aspect))


def _look(model: LoadedModel, image: SpineImage, window: FilmWindow, scale: float) -> Look:
    tile = model.card.input_shape
    pixels = scale_intensity(
        np.ascontiguousarray(window.cut(image.pixels)), model.card.intensity,
        bits=image.bits, is_hounsfield=image.is_hounsfield,
    )  # fmt: skip
    canvas, grid = resample(pixels, window, scale, tile, image.pixel_aspect)
    return _as_look(grid, _joined(model, canvas))


def _joined(model: LoadedModel, canvas: Array) -> Array:
    """Ask about each tile of a canvas (h, w) and average where they overlap."""
    rows, cols = model.card.input_shape
    starts = [
        (top, left)
        for top in tile_starts(canvas.shape[0], rows, _OVERLAP_PX)
        for left in tile_starts(canvas.shape[1], cols, _OVERLAP_PX)
    ]
    if len(starts) == 1:
        return _ask(model, canvas)
    weight = tile_weight((rows, cols), _OVERLAP_PX // 2)[..., None]
    total = np.zeros((*canvas.shape, 1), np.float32)
    answer = np.zeros((*canvas.shape, _CHANNELS), np.float32)
    for top, left in starts:
        where = (slice(top, top + rows), slice(left, left + cols))
        answer[where] += weight * _ask(model, canvas[where])
        total[where] += weight
    return np.asarray(answer / total, np.float32)


def _ask(model: LoadedModel, canvas: Array) -> Array:
    outputs = model.engine.run(finish_input(canvas, model.card.intensity)[None])
    corners = 0.5 * (1 + np.tanh(0.5 * outputs["corners"][0]))
    parts = [softmax(outputs["logits"][0]), corners, outputs["levels"][0]]
    return np.asarray(np.concatenate(parts, axis=-1), np.float32)


def _as_look(grid: Grid, answer: Array) -> Look:
    parts = [np.ascontiguousarray(answer[..., i]) for i in range(4)]
    return Look(
        grid, parts[1] + parts[2], parts[1], parts[3], np.ascontiguousarray(answer[..., 4:8]),
        answer[..., 8] * LEVEL_SCALE + LEVEL_CENTRE, np.exp(np.clip(answer[..., 9], *LEVEL_SPREAD)),
    )  # fmt: skip


def coarse_nodes(look: Look) -> list[Node]:
    """Return places in the middle of bone, with the local height of a body in film pixels."""
    bone = look.bodies + look.s1
    mask = (bone >= 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    highest = cv2.dilate(depth, np.ones((5, 5), np.uint8))
    rows, cols = np.nonzero((depth >= highest) & (depth >= _LEAST_NODE_PX))
    order = np.argsort(-depth[rows, cols])
    to_film = 1 / float(np.sqrt(np.prod(look.grid.scale)))
    nodes: list[Node] = []
    for row, col in zip(rows[order], cols[order], strict=True):
        height = _HEIGHT_TO_INRADIUS * float(depth[row, col]) * to_film
        centre = look.grid.to_film(np.array([[col + 0.5, row + 0.5]]))[0]
        if len(nodes) < _MOST_NODES and all(
            np.hypot(*(centre - other.centre)) > _NODES_APART * max(height, other.height)
            for other in nodes
        ):
            around = _disc(bone.shape, int(row), int(col), max(1, int(depth[row, col])))
            nodes.append(
                Node(
                    centre,
                    height,
                    float(bone[around].mean()),
                    float(np.median(look.level[around])),
                    float(np.median(look.spread[around])),
                )
            )
    return nodes


def _disc(shape: tuple[int, ...], row: int, col: int, radius: int) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.uint8)
    cv2.circle(mask, (col, row), radius, 1, -1)
    return mask > 0


def sharp_candidates(
    model: LoadedModel, image: SpineImage, line: Sequence[Node]
) -> list[Candidate]:
    """Look sharply along a line and return every piece of bone once."""
    found: list[Candidate] = []
    for centre, height in sharp_places(line):
        scale = _SHARP_PX / height
        # A little less than a tile, so that whole film pixels never need a second one.
        half = (np.array(model.card.input_shape[::-1]) - 2 * scale - 2) / scale / 2
        low, high = (centre - half).tolist(), (centre + half).tolist()
        window = window_around(low, high, 2 * float(half.min()), image.shape)
        found += _candidates(_look(model, image, window, scale), image)
    near = [one for one in found if distance_to_line(line, one.centre) < _OFF_LINE * one.height]
    return [_with_context(one, line) for one in _without_doubles(near)]


def distance_to_line(line: Sequence[Node], place: Points) -> float:
    """Return how far beside a line, continued at its ends, a place lies, in film pixels."""
    if len(line) == 1:
        return abs(float(place[0] - line[0].centre[0]))
    centres = np.array([node.centre for node in line])
    starts, runs = centres[:-1], np.diff(centres, axis=0)
    share = ((place - starts) * runs).sum(axis=1) / (runs**2).sum(axis=1)
    low, high = np.zeros(len(runs)), np.ones(len(runs))
    low[0], high[-1] = -np.inf, np.inf
    nearest = starts + np.clip(share, low, high)[:, None] * runs
    return float(np.hypot(*(nearest - place).T).min())


def _with_context(one: Candidate, line: Sequence[Node]) -> Candidate:
    """Join what the sharp look takes a piece for with what the coarse line says there.

    A sharp look shows five bodies and often neither end of the column; the coarse look shows
    more. A piece that looks like C2 or S1 far from that end is another body, or none.
    """
    level, spread = level_along(line, one.centre)
    weights = np.array([1 / spread**2, 1 / max(one.spread, _LEAST_SPREAD) ** 2])
    joined = float(weights @ (level, one.level) / weights.sum())
    is_far_from_s1 = one.is_s1 and joined < len(COLUMN_LEVELS) - _END_REACH
    is_far_from_c2 = one.blob.is_c2 and joined > FIRST_LEVEL_NUMBER + _END_REACH
    blob, centre = one.blob, one.centre
    if is_far_from_c2 and not one.is_s1:
        blob = replace(blob, c2_share=0.0)
        centre = one.look.grid.to_film(blob.centre[None])[0]
    return replace(
        one, blob=blob, centre=centre, level=joined, spread=float(1 / np.sqrt(weights.sum())),
        worth=one.worth * (_UNLIKELY if is_far_from_s1 or is_far_from_c2 else 1),
    )  # fmt: skip


def level_along(line: Sequence[Node], place: Points) -> tuple[float, float]:
    """Return level and spread of the place on a coarse line that lies nearest to `place`."""
    centres = np.array([node.centre for node in line])
    levels = np.array([node.level for node in line])
    spreads = np.maximum([node.spread for node in line], _LEAST_SPREAD)
    if len(line) == 1:
        return float(levels[0]), float(spreads[0]) + 1
    starts, runs = centres[:-1], np.diff(centres, axis=0)
    share = ((place - starts) * runs).sum(axis=1) / (runs**2).sum(axis=1)
    inside = np.clip(share, 0, 1)
    nearest = int(np.argmin(np.hypot(*(starts + inside[:, None] * runs - place).T)))
    at = nearest + float(inside[nearest])
    spread = float(np.interp(at, np.arange(len(line)), spreads))
    pieces = np.arange(len(line))
    beyond = float(share[nearest] - inside[nearest]) * float(np.hypot(*runs[nearest]))
    steps = beyond / (_USUAL_PITCH * line[nearest].height)
    return float(np.interp(at, pieces, levels)) + steps, spread + 0.5 * abs(steps)


def sharp_places(line: Sequence[Node]) -> Iterator[tuple[Points, float]]:
    """Yield (centre, local height) of sharp looks along a line, in film pixels."""
    centres = np.array([node.centre for node in line])
    heights = _smoothed([node.height for node in line])
    steps = np.hypot(*np.diff(centres, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps / ((heights[1:] + heights[:-1]) / 2))])
    first, last = -_ENDS_HEIGHTS, along[-1] + _ENDS_HEIGHTS
    count = max(1, int(np.ceil((last - first - 7.5) / _STRIDE_HEIGHTS)) + 1)
    places = np.linspace(first + 3.7, last - 3.7, count) if count > 1 else [along[-1] / 2]
    for at in places:
        inside = float(np.clip(at, 0, along[-1]))
        height = float(np.interp(inside, along, heights))
        centre = np.array([np.interp(inside, along, centres[:, i]) for i in (0, 1)])
        yield centre, height


def _smoothed(heights: Sequence[float]) -> Points:
    """Return heights along a line, each the median of five."""
    padded = np.pad(np.array(heights, float), 2, mode="reflect" if len(heights) > 2 else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 5)
    return np.asarray(np.median(windows, axis=1), np.float64)


def _candidates(look: Look, image: SpineImage) -> list[Candidate]:
    labels, blobs = separate(look.bodies, look.c2, look.corners, _SHARP_PX)
    nearest = territories(labels)
    found = [_candidate(look, labels, nearest, blob, is_s1=False) for blob in blobs]
    sacrum = largest_piece(look.s1 >= 0.5)
    if sacrum.sum() > _LEAST_S1 * _SHARP_PX**2:
        rows, cols = np.nonzero(sacrum)
        pixels = np.stack([cols, rows], axis=1) + 0.5
        blob = Blob(1, pixels.astype(np.float64), float(look.s1[rows, cols].mean()), 0.0)
        own = sacrum.astype(np.int32)
        found.append(_candidate(look, own, own, blob, is_s1=True))
    return [one for one in found if not _is_cut_by_tile(one, image.shape)]


def _candidate(
    look: Look, labels: Labels, nearest: Labels, blob: Blob, *, is_s1: bool
) -> Candidate:
    rows, cols = np.floor(blob.pixels[:, ::-1]).astype(np.intp).T
    if is_s1:
        peaks = _s1_peaks(look, labels > 0)
    else:
        peaks = corner_peaks(blob, nearest, look.corners, _SHARP_PX)
    expected = 2 if is_s1 or blob.is_c2 else 4
    corners = sum(peak.height for peak in peaks if peak is not None) / expected
    scale = float(np.sqrt(np.prod(look.grid.scale)))
    middle = look.grid.to_film(_middle(blob, peaks, is_s1=is_s1)[None])[0]
    return Candidate(
        look, labels, nearest, blob, peaks, middle,
        _seen_height(peaks) / scale, 0.6 * blob.certainty + 0.4 * corners,
        float(np.median(look.level[rows, cols])), float(np.median(look.spread[rows, cols])), is_s1,
    )  # fmt: skip


def _middle(blob: Blob, peaks: Peaks, *, is_s1: bool) -> Points:
    """Return the middle of a body in cells; of C2 and S1, of a usual body at their endplate.

    The dens is longer than a body and the sacrum is seen in part, so that their centres say
    little about the distance to the next body.
    """
    if not (is_s1 or blob.is_c2):
        return blob.centre
    ends = [peak.point for peak in (peaks[:2] if is_s1 else peaks[2:]) if peak is not None]
    if len(ends) == 2:
        endplate = np.mean(ends, axis=0)
    else:
        side = blob.pixels[:, 1]
        near = side < side.min() + 6 if is_s1 else side > side.max() - 6
        endplate = blob.pixels[near].mean(axis=0)
    away = blob.centre - endplate
    length = max(float(np.hypot(*away)), 1e-6)
    return np.asarray(endplate + 0.5 * _SHARP_PX * away / length, np.float64)


def _seen_height(peaks: Peaks) -> float:
    """Return a body's height in cells between its corners; where these miss, the usual one."""
    ends = [(peaks[a], peaks[b]) for a, b in ((0, 3), (1, 2))]
    heights = [
        float(np.hypot(*(upper.point - lower.point)))
        for upper, lower in ends
        if upper is not None and lower is not None
    ]
    low, high = _HEIGHT_LIMITS
    return (
        float(np.clip(np.mean(heights), low * _SHARP_PX, high * _SHARP_PX))
        if heights
        else _SHARP_PX
    )


def _s1_peaks(look: Look, sacrum: NDArray[np.bool_]) -> Peaks:
    near = cv2.dilate(sacrum.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    found: list[Peak | None] = []
    for channel in range(2):
        peaks = all_peaks(np.ascontiguousarray(look.corners[..., channel]), near, 8.0)
        found.append(max(peaks, key=lambda peak: peak.height, default=None))
    return (*found, None, None)


def _is_cut_by_tile(one: Candidate, film_shape: tuple[int, int]) -> bool:
    """Whether a piece reaches the border of its look where the film goes on."""
    low, high = one.blob.pixels.min(axis=0), one.blob.pixels.max(axis=0)
    rows, cols = one.look.bodies.shape
    at_low = low < _TILE_EDGE_PX
    at_high = high > np.array([cols, rows]) - _TILE_EDGE_PX
    ends = one.look.grid.to_film(np.array([[0.0, 0.0], [cols, rows]]))
    goes_on_low = ends[0] > 2
    goes_on_high = ends[1] < np.array(film_shape[::-1]) - 2
    return bool(((at_low & goes_on_low) | (at_high & goes_on_high)).any())


def _without_doubles(found: Sequence[Candidate]) -> list[Candidate]:
    kept: list[Candidate] = []
    for one in sorted(found, key=lambda c: c.worth + _inside(c), reverse=True):
        if all(
            np.hypot(*(one.centre - other.centre)) > _SAME_BODY * min(one.height, other.height)
            for other in kept
        ):
            kept.append(one)
    return kept


def _inside(one: Candidate) -> float:
    """Return up to 0.2 for a piece in the middle of its look, where the network sees more."""
    rows, cols = one.look.bodies.shape
    away = np.abs(one.blob.centre - np.array([cols, rows]) / 2).max() / (rows / 2)
    return 0.2 * (1 - float(away))


# --- the line ------------------------------------------------------------------------------

_PITCHES = {"C": 1.29, "T": 1.20, "L": 1.28}
"""Distance of neighbouring bodies' centres in their height, by the upper one's region.

Means of 19 standing films; they spread by 0.03 to 0.08 between films.
"""

_USUAL_PITCH = 1.25

_HEIGHTS = dict(
    zip(
        COLUMN_LEVELS[1:-1],
        (
            *(0.49, 0.47, 0.45, 0.46, 0.52),
            *(0.56, 0.59, 0.62, 0.63, 0.66, 0.69, 0.71, 0.73, 0.75, 0.81, 0.85, 0.91),
            *(0.96, 1.0, 1.0, 1.01, 1.0),
        ),
        strict=True,
    )
)
"""Heights of C3 to L5 in the height of L2; means of 19 standing films, which spread by a tenth."""

_HEIGHT_ERROR, _MOST_HEIGHT_COST = 0.16, 2.0
_SCALES = np.geomspace(0.8, 2.4, 28)
"""Heights of L2, in the median height of the bodies found, that are tried."""

_NEAREST, _FARTHEST = 0.55, 18.0
_STRAIGHT_COS = 0.55
_BEND_COST, _SIZE_COST, _LEVEL_COST = 1.5, 0.8, 0.12
_GAP_COSTS = (0.22, 1.5)
"""Of a gap for each body height, and for the widest: from the neck to the lumbar part."""

_GAP_COSTS_ON_LINE = (0.05, 0.4)
"""The same where a coarse line has shown that the parts belong together."""

_GROWTH = 0.05
"""Change of the heights' logarithm from one level to the next that costs nothing."""

_NODE_COST = 0.35


def best_line(pieces: Sequence[P], gap_costs: tuple[float, float] = _GAP_COSTS) -> list[P]:
    """Return the best line of pieces from the top down.

    Dynamic programming over pairs: a piece is worth how surely it is a body; bends, gaps,
    changes of size, and levels that do not follow each other cost.

    Parameters
    ----------
    pieces : sequence of Node or Candidate
    gap_costs : tuple of float
        Cost of a gap for each body height, and of the widest.
    """
    if not pieces:
        return []
    order = sorted(pieces, key=lambda piece: float(piece.centre[1]))
    worth = [piece.worth - _NODE_COST for piece in order]
    best: dict[tuple[int, int], tuple[float, int]] = {}
    edges = {
        (i, j): cost
        for j in range(len(order))
        for i in range(j)
        if (cost := _edge_cost(order[i], order[j], gap_costs)) is not None
    }
    by_end: dict[int, list[int]] = {}
    for i, j in edges:
        by_end.setdefault(j, []).append(i)
    for i, j in sorted(edges, key=lambda edge: (edge[1], edge[0])):
        score, before = worth[i] + worth[j] - edges[i, j], -1
        for k in by_end.get(i, []):
            bend = _bend_cost(order[k], order[i], order[j])
            if bend is None:
                continue
            longer = best[k, i][0] + worth[j] - edges[i, j] - bend
            if longer > score:
                score, before = longer, k
        best[i, j] = (score, before)
    if not best:
        return [max(order, key=lambda piece: piece.worth)]
    i, j = max(best, key=lambda edge: best[edge][0])
    path = [j, i]
    while (before := best[i, j][1]) >= 0:
        path.append(before)
        i, j = before, i
    return [order[k] for k in reversed(path)]


def _edge_cost(upper: Piece, lower: Piece, gap_costs: tuple[float, float]) -> float | None:
    if getattr(upper, "is_s1", False) or getattr(lower, "is_c2", False):
        return None
    height = (upper.height + lower.height) / 2
    apart = float(np.hypot(*(lower.centre - upper.centre))) / height
    if not _NEAREST <= apart <= _FARTHEST:
        return None
    down = float(lower.centre[1] - upper.centre[1]) / height / apart
    if down < _STRAIGHT_COS / 2:
        return None
    steps = apart / _USUAL_PITCH
    growth = abs(float(np.log(upper.height / lower.height)))
    size = _SIZE_COST * max(0.0, growth - _GROWTH * steps)
    gap = min(gap_costs[0] * max(0.0, apart - 1.6), gap_costs[1]) + (0.4 if apart < 0.85 else 0.0)
    away = abs(lower.level - upper.level - steps) / (1 + upper.spread + lower.spread)
    return size + gap + _LEVEL_COST * min(away, 4.0)


def _bend_cost(first: Piece, second: Piece, third: Piece) -> float | None:
    one, two = second.centre - first.centre, third.centre - second.centre
    cosine = float(one @ two / (np.hypot(*one) * np.hypot(*two)))
    return None if cosine < _STRAIGHT_COS else _BEND_COST * (1 - cosine)


# --- levels --------------------------------------------------------------------------------

_MOST_SKIPPED = 18
_NEIGHBOURS_AT_MOST = 1.75
_PITCH_FACTORS = (0.85, 1.3)
_PITCH_ERROR = (0.06, 0.10)
"""Error of a distance as a share of it: always, and more for a single step."""

_MISSED_COST, _MOST_MISSED_COST = 0.3, 1.0
_FARTHEST_LEVEL = 3.0
_SEEN_WEIGHT = 0.6
"""Of what the network takes bodies for: it errs in the same direction on all of one region."""

_END_COST = 4.0
_SURE_MARGIN, _MOST_MARGIN = 1.5, 8.0


@dataclass(frozen=True)
class LineNames:
    """Level numbers of a line's bodies.

    Parameters
    ----------
    numbers : tuple of int
    margins : tuple of float
        By how much the names fit better than any others in which this body has another one.
    """

    numbers: tuple[int, ...]
    margins: tuple[float, ...]

    def is_sure(self, place: int) -> bool:
        """Whether no other name of one body comes close."""
        return self.margins[place] >= _SURE_MARGIN


def name_line(chain: Sequence[Candidate]) -> LineNames:
    """Choose the level numbers that fit all bodies best.

    Viterbi's search over levels: distances say how many levels lie between neighbours, the
    network says which level each looks like, C2 and S1 anchor the ends, and heights must
    grow down the column as heights do, whatever the scale of the film is.
    """
    numbers = np.arange(FIRST_LEVEL_NUMBER, FIRST_LEVEL_NUMBER + len(COLUMN_LEVELS))
    seen = np.array([_level_costs(body, numbers) for body in chain])
    apart = [_apart(*pair) for pair in pairwise(chain)]
    factor = pitch_factor(apart, [body.level for body in chain])
    heights = np.array([body.height for body in chain])
    means = (heights[1:] + heights[:-1]) / 2
    fits = []
    for scale in _SCALES * float(np.median(heights)):
        costs = seen + _height_costs(heights, scale)
        steps = [
            _step_costs(gap * mean, mean, factor, scale)
            for gap, mean in zip(apart, means, strict=True)
        ]
        fits.append((*_viterbi(costs, steps), costs, steps))
    path, total = min(((path, total) for path, total, _, _ in fits), key=lambda fit: fit[1])
    margins = np.full(len(chain), _MOST_MARGIN)
    for rival in _rivals(path, len(numbers)):
        cost = min(_path_cost(costs, steps, rival) for _, _, costs, steps in fits)
        margins[rival != path] = np.minimum(margins[rival != path], cost - total)
    return LineNames(tuple(int(numbers[i]) for i in path), tuple(margins.tolist()))


def _rivals(path: NDArray[np.int_], count: int) -> Iterator[NDArray[np.int_]]:
    """Yield other levels: all of them shifted, or the part above or below a gap."""
    gaps = [place for place, jump in enumerate(np.diff(path), start=1) if jump > 1]
    parts = [np.ones(len(path), bool)]
    for gap in gaps:
        below = np.arange(len(path)) >= gap
        parts += [below, ~below]
    for part in parts:
        for shift in (-2, -1, 1, 2):
            rival = path + shift * part
            if rival.min() >= 0 and rival.max() < count and (np.diff(rival) > 0).all():
                yield rival


def _height_costs(heights: Points, scale: float) -> Points:
    """Return (bodies, levels): how badly heights fit levels where a lumbar body is `scale` high."""
    wanted = np.array([_HEIGHTS.get(level, np.nan) for level in COLUMN_LEVELS]) * scale
    away = np.log(heights[:, None] / wanted[None, :]) / _HEIGHT_ERROR
    return np.nan_to_num(np.minimum(0.5 * away**2, _MOST_HEIGHT_COST), nan=0.0)


def _apart(upper: Candidate, lower: Candidate) -> float:
    """Return the distance of two bodies' centres in their mean height."""
    height = (upper.height + lower.height) / 2
    return float(np.hypot(*(lower.centre - upper.centre))) / height


def pitch_factor(apart: Sequence[float], levels: Sequence[float]) -> float:
    """Return by how much this column's neighbours lie farther apart than usual.

    Discs of the young are high and bodies low; the ratio is much the same along one column.
    """
    near = [
        gap / _pitch(round(level))
        for gap, level in zip(apart, levels, strict=False)
        if gap < _NEIGHBOURS_AT_MOST
    ]
    return float(np.clip(np.median(near), *_PITCH_FACTORS)) if len(near) > 1 else 1.0


def _pitch(number: int) -> float:
    place = min(max(number - FIRST_LEVEL_NUMBER, 0), len(COLUMN_LEVELS) - 2)
    return _PITCHES[COLUMN_LEVELS[place][0]]


def _level_costs(body: Candidate, numbers: NDArray[np.int_]) -> Points:
    away = np.abs(numbers - body.level) / max(body.spread, 0.35)
    costs = _SEEN_WEIGHT * np.minimum(away, _FARTHEST_LEVEL).astype(np.float64)
    is_first, is_last = numbers == numbers[0], numbers == numbers[-1]
    costs[is_first != body.is_c2] += _END_COST
    costs[is_last != body.is_s1] += _END_COST
    return np.asarray(costs)


def _step_costs(apart: float, height: float, factor: float, scale: float) -> Points:
    """Return the cost of 0, 1, 2 ... levels from each level on, (levels, steps).

    Parameters
    ----------
    apart : float
        Distance of the middles of two bodies that follow each other in the line, in pixels.
    height : float
        Their mean height; for a single step it says more than the table of heights.
    factor, scale : float
        By how much neighbours lie farther apart than usual, and the height of L2.
    """
    count = len(COLUMN_LEVELS)
    wanted = np.full((count, _MOST_SKIPPED + 2), np.inf)
    for step in range(1, wanted.shape[1]):
        wanted[: count - step, step] = _REACH[step:] - _REACH[:-step]
    wanted *= scale
    wanted[:-1, 1] = np.array([_pitch(n + FIRST_LEVEL_NUMBER) for n in range(count - 1)]) * height
    steps = np.arange(wanted.shape[1])
    error = factor * wanted * (_PITCH_ERROR[0] + _PITCH_ERROR[1] / np.maximum(steps, 1))
    costs = np.full(wanted.shape, np.inf)
    known = np.isfinite(wanted)
    away = (apart - factor * wanted[known]) / error[known]
    missed = np.minimum(_MISSED_COST * (steps - 1), _MOST_MISSED_COST)
    costs[known] = 0.5 * away**2 + np.broadcast_to(missed, wanted.shape)[known]
    return costs


def _reach() -> Points:
    """Return how far below C2 each level's middle lies, in heights of L2."""
    heights = [_HEIGHTS.get(level, np.nan) for level in COLUMN_LEVELS]
    heights[0], heights[-1] = heights[1], heights[-2]
    pitches = [_pitch(n + FIRST_LEVEL_NUMBER) for n in range(len(COLUMN_LEVELS) - 1)]
    means = (np.array(heights[1:]) + np.array(heights[:-1])) / 2
    return np.concatenate([[0], np.cumsum(np.array(pitches) * means)])


_REACH = _reach()


def _viterbi(costs: Points, steps: Sequence[Points]) -> tuple[NDArray[np.int_], float]:
    count = costs.shape[1]
    total, back = costs[0].copy(), []
    for row, step in zip(costs[1:], steps, strict=True):
        table = np.full((count, count), np.inf)
        for jump in range(1, step.shape[1]):
            at = np.arange(jump, count)
            table[at, at - jump] = total[at - jump] + step[at - jump, jump]
        back.append(table.argmin(axis=1))
        total = table.min(axis=1) + row
    end = int(total.argmin())
    path = [end]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return np.array(path[::-1]), float(total[end])


def _path_cost(costs: Points, steps: Sequence[Points], path: NDArray[np.int_]) -> float:
    between = sum(
        float(step[start, jump]) if jump < step.shape[1] else np.inf
        for step, start, jump in zip(steps, path, np.diff(path), strict=False)
    )
    return float(costs[np.arange(len(path)), path].sum()) + between


# --- bodies on the film --------------------------------------------------------------------


class _Bodies:
    """Brings a line of bodies to the film's own pixels."""

    def __init__(self, image: SpineImage, chain: Sequence[Candidate], names: LineNames) -> None:
        self._image, self._chain, self._names = image, chain, names
        ups = up_vectors([body.centre for body in chain])
        voting = [(body, up) for body, up in zip(chain, ups, strict=True) if not body.is_s1]
        side, sureness = facing(
            [_film_peaks(b) for b, _ in voting], [b.blob for b, _ in voting], [u for _, u in voting]
        )
        self._facing = side if sureness >= _SURE_FACING else None
        self._frames = [BodyAxes(up, self._anterior(up)) for up in ups]

    def _anterior(self, up: Points) -> Points | None:
        if self._facing is None:
            return None
        return right_of(up) if self._facing is Facing.RIGHT else -right_of(up)

    def vertebrae(self) -> tuple[Vertebra, ...]:
        """Return the bodies from the top down."""
        found = [self._vertebra(place) for place in range(len(self._chain))]
        return tuple(body for body in found if body is not None)

    def _vertebra(self, place: int) -> Vertebra | None:
        body, frame = self._chain[place], self._frames[place]
        contour = film_contour(body)
        if contour is None:
            return None
        marks = _landmarks(body, contour, frame)
        level = COLUMN_LEVELS[self._names.numbers[place] - FIRST_LEVEL_NUMBER]
        is_cut = touches_border(contour, self._image.shape)
        state = VertebraState.HIDDEN if body.worth < _HIDDEN_BELOW else VertebraState.COMPLETE
        return Vertebra(
            level=level if self._names.is_sure(place) else None,
            index=place + 1,
            outline=tuple((float(x), float(y)) for x, y in thinned(contour)),
            landmarks=marks,
            confidence=float(np.clip(body.worth, 0, 1)),
            state=VertebraState.CUT if is_cut else state,
        )


def _film_peaks(body: Candidate) -> Peaks:
    grid = body.look.grid
    return tuple(
        None if p is None else Peak(grid.to_film(p.point[None])[0], p.height) for p in body.peaks
    )


def film_contour(body: Candidate) -> Points | None:
    """Return the outline (N, 2) of one body in film pixels."""
    own = _own_bone(body)
    contour = level_contour(own)
    return None if contour is None else body.look.grid.to_film(contour)


def _own_bone(body: Candidate) -> Array:
    """Return the map of bone (h, w) of one body, falling to 0 across borders with others."""
    bone = body.look.s1 if body.is_s1 else body.look.bodies
    own = body.labels == body.blob.label
    if not body.is_s1:
        stray = ((bone >= 0.5) & (body.labels == 0)).astype(np.uint8)
        kept = (body.nearest == body.blob.label) & (cv2.dilate(stray, np.ones((5, 5))) == 0)
        own |= kept
    else:
        own = cv2.dilate(own.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    soft = np.asarray(bone * cv2.GaussianBlur(own.astype(np.float32), (0, 0), 1.0), np.float32)
    if body.is_c2:
        soft = closed_gaps(soft, _C2_GAP * _SHARP_PX)
    smooth = np.asarray(cv2.GaussianBlur(soft, (0, 0), _SMOOTHING * _SHARP_PX), np.float32)
    width = (_DENS_WIDTH if body.is_c2 else _SPUR_WIDTH) * _SHARP_PX
    return without_spurs(smooth, width)


def _landmarks(body: Candidate, contour: Points, frame: BodyAxes) -> tuple[Landmark, ...]:
    if body.is_s1:
        return _s1_landmarks(body, contour, frame)
    grid = body.look.grid
    near = cv2.dilate((body.labels == body.blob.label).astype(np.uint8), np.ones((33, 33))) > 0
    peaks = []
    for channel in range(len(CORNERS)):
        heat = np.ascontiguousarray(body.look.corners[..., channel])
        found = all_peaks(heat, near, _PEAKS_APART * _SHARP_PX)
        peaks.append([Peak(grid.to_film(p.point[None])[0], p.height) for p in found])
    return body_landmarks(contour, peaks, frame, body.height, body.blob)


def _s1_landmarks(body: Candidate, contour: Points, frame: BodyAxes) -> tuple[Landmark, ...]:
    marks = []
    for channel, peak in enumerate(_film_peaks(body)[:2]):
        name: LandmarkName = CORNERS[channel]
        if peak is not None:
            x, y = peak.point
            marks.append(
                Landmark(name, float(x), float(y), min(peak.height, 1.0), LandmarkSource.NETWORK)
            )
        elif frame.anterior is not None:
            x, y = contour_corner(contour, channel, frame.up, frame.anterior, body.height)
            marks.append(Landmark(name, float(x), float(y), 0.4, LandmarkSource.CONTOUR))
    return tuple(marks)
