"""Two looks of a network at a sagittal MR slice: at all of it, and sharply along the column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage
from spinealign.imaging.fit import finish_input, scale_intensity, unplace
from spinealign.imaging.tiles import (
    FilmWindow,
    Grid,
    averaged_tiles,
    resample,
    tile_weight,
    tiles_along,
    window_around,
)
from spinealign.inference.engine import Array, LoadedModel
from spinealign.predict import network_input

Points = NDArray[np.float64]

_SHARP_PX = 45.0
"""Height of a body at the second look, in pixels of the network's input.

Source: the middle of the close crops that it is trained on (docs/design/mr-from-any-scanner.md).
"""

_NEAR_ENOUGH = 1.2
"""Ratio of a body's height in the first look to that of the second, up to which one look is enough.

Source: convention of this program.
"""

_OVERLAP_PX = 96
"""Overlap of neighbouring tiles, in pixels of the network's input: two bodies.

Source: that of `radiograph.coarse_to_fine`.
"""

_MOST_TILES = 3
"""Most tiles along a column, so that the second look costs at most three times the first.

Source: that of `radiograph.coarse_to_fine`.
"""

_MARGIN_IN_HEIGHTS = 2.6
"""Room around the bodies of the first look in the second, in heights of a body.

Source: that of `radiograph.coarse_to_fine`; canal and posterior elements lie within it.
"""

_DEPTH_OF_HEIGHT = 1.26
"""Depth of a lumbar body in its heights.

Source: outlined bodies of the training sets (docs/design/mr-from-any-scanner.md).
"""

_LEAST_SHARE = 0.3
"""Least area of a piece that counts as a body, in areas of the largest.

Source: convention of this program.
"""

_CHANNELS_AT_ONCE = 4
"""Channels that OpenCV resamples at once. Source: limit of its `warpAffine`."""


@dataclass(frozen=True, eq=False)
class Structures:
    """What a network of structures says of a slice.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (H, W, C)
        In the order of the card's classes.
    looks : int
        Tiles that the network was asked about.
    """

    probabilities: Array
    looks: int


@dataclass(frozen=True, eq=False)
class BodyPlaces:
    """Where bodies were seen.

    Parameters
    ----------
    centres : ndarray of float64, shape (n, 2)
        (x, y) of each, in pixels.
    low, high : ndarray of float64, shape (2,)
        Opposite corners (x, y) of the box around all of them.
    height_px : float
        Usual height of a body.
    """

    centres: Points
    low: Points
    high: Points
    height_px: float


def structures_on(model: LoadedModel, image: SpineImage, *, is_sharp: bool = True) -> Structures:
    """Ask a network about a slice, and again where bodies stand unless they stood large enough.

    Parameters
    ----------
    model : LoadedModel
        Its card has the classes background and body.
    is_sharp : bool
        False for the first look alone.
    """
    batch, box = network_input(image, model.card)
    whole = unplace(model.segment(batch), box)
    bodies = body_places(whole, model.card.classes)
    if not is_sharp or bodies is None:
        return Structures(whole, 1)
    ratio = bodies.height_px * float(np.sqrt(np.prod(box.scale))) / _SHARP_PX
    if 1 / _NEAR_ENOUGH < ratio < _NEAR_ENOUGH:
        return Structures(whole, 1)
    return _looked_again(model, image, whole, bodies)


def body_places(probabilities: Array, classes: Sequence[str]) -> BodyPlaces | None:
    """Return where the bodies are that a network saw, or None where it saw none.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (H, W, C)
    classes : sequence of str
        Names of the channels.
    """
    is_body = (probabilities.argmax(axis=-1) == list(classes).index("body")).astype(np.uint8)
    stats, centres = cv2.connectedComponentsWithStats(is_body)[2:]
    stats, centres = stats[1:], centres[1:]
    if not len(stats):
        return None
    areas = stats[:, cv2.CC_STAT_AREA]
    is_large = areas >= _LEAST_SHARE * areas.max()
    stats, centres = stats[is_large].astype(np.float64), centres[is_large] + 0.5
    low = stats[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    high = low + stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    height = float(np.sqrt(np.median(areas[is_large]) / _DEPTH_OF_HEIGHT))
    return BodyPlaces(centres, low.min(axis=0), high.max(axis=0), height)


def _looked_again(
    model: LoadedModel, image: SpineImage, whole: Array, bodies: BodyPlaces
) -> Structures:
    tile, rule = model.card.input_shape, model.card.intensity
    margin = _MARGIN_IN_HEIGHTS * bodies.height_px
    low, high = bodies.low - margin, bodies.high + margin
    farthest = _OVERLAP_PX + _MOST_TILES * (min(tile) - _OVERLAP_PX)
    scale = min(_SHARP_PX / bodies.height_px, farthest / float((high - low).max()))
    window = window_around(low.tolist(), high.tolist(), min(tile) / scale, image.shape)
    part = scale_intensity(
        np.ascontiguousarray(window.cut(image.pixels)), rule,
        bits=image.bits, is_hounsfield=image.is_hounsfield,
    )  # fmt: skip
    canvas, grid = resample(part, window, scale, tile, image.pixel_aspect)
    starts = tiles_along(canvas.shape, tile, grid.to_grid(bodies.centres), _OVERLAP_PX)
    answer = averaged_tiles(
        lambda cells: model.segment(finish_input(cells, rule)[None]),
        canvas, starts, tile, _OVERLAP_PX,
    )  # fmt: skip
    seen = np.concatenate([answer, _seen(canvas.shape, starts, tile)[..., None]], axis=-1)
    seen = _at_pixels(seen, grid, window)
    merged = whole.copy()
    inside = window.cut(merged)
    inside += seen[..., -1:] * (seen[..., :-1] - inside)
    return Structures(merged, 1 + len(starts))


def _seen(
    shape: tuple[int, ...], starts: Sequence[tuple[int, int]], tile: tuple[int, int]
) -> Array:
    """Return how much the second look counts (h, w): 1 inside tiles, falling to their borders."""
    weight, seen = tile_weight(tile, _OVERLAP_PX // 2), np.zeros(shape, np.float32)
    for top, left in starts:
        part = seen[top : top + tile[0], left : left + tile[1]]
        np.maximum(part, weight, out=part)
    return seen


def _at_pixels(answer: Array, grid: Grid, window: FilmWindow) -> Array:
    """Return an answer (h, w, C) on a grid at the pixels of a window."""
    start = grid.to_grid(np.array([[window.left + 0.5, window.top + 0.5]]))[0] - 0.5
    matrix = np.array([[grid.scale[1], 0, start[0]], [0, grid.scale[0], start[1]]])
    parts = np.split(
        answer, range(_CHANNELS_AT_ONCE, answer.shape[-1], _CHANNELS_AT_ONCE), axis=-1
    )  # fmt: skip
    resampled = [
        cv2.warpAffine(
            np.ascontiguousarray(part), matrix, window.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        ).reshape(*window.shape, -1)
        for part in parts
    ]  # fmt: skip
    return np.asarray(np.concatenate(resampled, axis=-1), np.float32)


def mask_of(probabilities: Array, classes: Sequence[str]) -> Mapping[str, NDArray[np.bool_]]:
    """Return by name where each class is the likeliest (H, W), the background left out."""
    best = probabilities.argmax(axis=-1)
    return {name: best == number for number, name in enumerate(classes) if number > 0}
