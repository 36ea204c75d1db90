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
    tile_starts,
    window_around,
)
from spinealign.inference.engine import Array, LoadedModel
from spinealign.predict import network_input

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

_MARGIN_IN_HEIGHTS = 1.0
"""Room around what the first look found, in heights of a body.

Source: convention of this program.
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


def structures_on(model: LoadedModel, image: SpineImage, *, is_sharp: bool = True) -> Structures:
    """Ask a network about a slice, and again where the column stands unless it stood large enough.

    Parameters
    ----------
    model : LoadedModel
        Its card has the classes background and body.
    is_sharp : bool
        False for the first look alone.
    """
    batch, box = network_input(image, model.card)
    whole = unplace(model.segment(batch), box)
    height = body_height_px(whole, model.card.classes)
    if not is_sharp or height is None:
        return Structures(whole, 1)
    ratio = height * float(np.sqrt(np.prod(box.scale))) / _SHARP_PX
    if 1 / _NEAR_ENOUGH < ratio < _NEAR_ENOUGH:
        return Structures(whole, 1)
    return _looked_again(model, image, whole, height)


def body_height_px(probabilities: Array, classes: Sequence[str]) -> float | None:
    """Return the usual height of a body, or None where none was found.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (H, W, C)
    classes : sequence of str
        Names of the channels.
    """
    is_body = (probabilities.argmax(axis=-1) == list(classes).index("body")).astype(np.uint8)
    areas = cv2.connectedComponentsWithStats(is_body)[2][1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return None
    large = areas[areas >= _LEAST_SHARE * areas.max()]
    return float(np.sqrt(np.median(large) / _DEPTH_OF_HEIGHT))


def _looked_again(model: LoadedModel, image: SpineImage, whole: Array, height: float) -> Structures:
    tile = model.card.input_shape
    low, high = _found(whole, _MARGIN_IN_HEIGHTS * height)
    farthest = _OVERLAP_PX + _MOST_TILES * (min(tile) - _OVERLAP_PX)
    scale = min(_SHARP_PX / height, farthest / float((high - low).max()))
    window = window_around(low.tolist(), high.tolist(), 1, image.shape)
    part = scale_intensity(
        np.ascontiguousarray(window.cut(image.pixels)), model.card.intensity,
        bits=image.bits, is_hounsfield=image.is_hounsfield,
    )  # fmt: skip
    canvas, grid = resample(part, window, scale, tile, image.pixel_aspect)
    starts = [
        (top, left)
        for top in tile_starts(canvas.shape[0], tile[0], _OVERLAP_PX)
        for left in tile_starts(canvas.shape[1], tile[1], _OVERLAP_PX)
    ]
    answer = averaged_tiles(
        lambda cells: model.segment(finish_input(cells, model.card.intensity)[None]),
        canvas, starts, tile, _OVERLAP_PX,
    )  # fmt: skip
    sharp = _at_pixels(answer, grid, window)
    merged = whole.copy()
    weight = _faded(window, image.shape, _MARGIN_IN_HEIGHTS * height)[..., None]
    inside = window.cut(merged)
    inside += weight * (sharp - inside)
    return Structures(merged, 1 + len(starts))


def _found(whole: Array, margin: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return opposite corners (x, y) of the box around all structures, with a margin."""
    places = np.argwhere(whole.argmax(axis=-1) > 0)[:, ::-1].astype(np.float64)
    return places.min(axis=0) - margin, places.max(axis=0) + 1 + margin


def _at_pixels(answer: Array, grid: Grid, window: FilmWindow) -> Array:
    """Return an answer (h, w, C) on a grid at the pixels of a window."""
    start = grid.to_grid(np.array([[window.left + 0.5, window.top + 0.5]]))[0] - 0.5
    matrix = np.array([[grid.scale[1], 0, start[0]], [0, grid.scale[0], start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    parts = [
        cv2.warpAffine(
            np.ascontiguousarray(channels), matrix, window.shape[::-1], flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        ).reshape(*window.shape, -1)
        for channels in np.split(
            answer, range(_CHANNELS_AT_ONCE, answer.shape[-1], _CHANNELS_AT_ONCE), axis=-1
        )
    ]  # fmt: skip
    return np.asarray(np.concatenate(parts, axis=-1), np.float32)


def _faded(window: FilmWindow, shape: tuple[int, int], width_px: float) -> Array:
    """Return weights (h, w) that fall to 0 at those edges of a window that are not the image's."""
    ramps = []
    for start, stop, length in (
        (window.top, window.bottom, shape[0]), (window.left, window.right, shape[1]),
    ):  # fmt: skip
        at = np.arange(start, stop) + 0.5
        before = at - start if start > 0 else np.full(len(at), width_px)
        after = stop - at if stop < length else np.full(len(at), width_px)
        ramps.append(np.clip(np.minimum(before, after) / (0.5 * width_px), 0, 1))
    return np.asarray(ramps[0][:, None] * ramps[1][None, :], np.float32)


def mask_of(probabilities: Array, classes: Sequence[str]) -> Mapping[str, NDArray[np.bool_]]:
    """Return by name where each class is the likeliest (H, W), the background left out."""
    best = probabilities.argmax(axis=-1)
    return {name: best == number for number, name in enumerate(classes) if number > 0}
