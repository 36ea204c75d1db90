"""What the network for frontal films says: of a whole film coarsely, of a part of it sharply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import LUMBAR_LEVELS, THORACIC_LEVELS
from spinealign.domain.image import SpineImage
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.imaging.tiles import FilmWindow, Grid, resample, window_around
from spinealign.inference.engine import Array, LoadedModel, heat_map, softmax

FRONTAL_CLASSES = ("background", "body")
"""Classes of the network's output ``logits``; levels are told apart otherwise."""

FRONTAL_LEVELS = (*THORACIC_LEVELS, *LUMBAR_LEVELS)
"""Bodies from the top down, T1 to L5."""

CORNER_NAMES = ("superior_left", "superior_right", "inferior_right", "inferior_left")
"""Order of the first four heat maps and of the offsets; left and right of the picture."""

STRIDE = 2
"""Pixels of the network's input to a cell of its outputs.

Source: convention of this program, shared with the training (`networks.frontal_unet`).
"""

OFFSET_SCALE_PX = 32.0
"""Offsets are the network's output times this, in pixels of its input.

Source: convention of this program, shared with the training.
"""

LEVEL_CENTRE, LEVEL_SCALE = 9.0, 5.0
"""A level's number (T1 is 1, L5 17) is the network's output times the scale plus the centre.

Source: convention of this program, shared with the training.
"""

LEVEL_SPREAD = (-3.0, 2.5)
"""Limits of the logarithm of a level's uncertainty, in levels.

Source: convention of this program, shared with the training.
"""

SHARP_PITCH_PX = 40.0
"""Distance of neighbouring bodies at a sharp look, in pixels of the network's input.

Source: the middle of the training crops' sharp half, and the best of 32, 40 and 48 on films of
part 0 (docs/design/frontal-spine.md).
"""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FrontalLook:
    """The network's answer on a grid over the film, one cell for `STRIDE` x `STRIDE` pixels.

    Parameters
    ----------
    grid : Grid
        Where the cells (h, w) lie.
    body : ndarray of float32, shape (h, w)
        Probability of a vertebral body.
    corners : ndarray of float32, shape (h, w, 4)
        Heat maps 0..1 in the order of `CORNER_NAMES`.
    centre : ndarray of float32, shape (h, w)
        Heat map 0..1 of the bodies' centres.
    level, spread : ndarray of float32, shape (h, w)
        Number of the level and the scale of its error, in levels.
    offsets : ndarray of float32, shape (h, w, 4, 2)
        From each cell's centre to the four corners of its body, (x, y) in cells.
    """

    grid: Grid
    body: Array
    corners: Array
    centre: Array
    level: Array
    spread: Array
    offsets: Array


def whole_look(model: LoadedModel, image: SpineImage) -> FrontalLook:
    """Ask about a whole film in one tile."""
    rows, cols = image.shape
    return look_at(model, image, FilmWindow(0, 0, cols, rows))


def look_at(model: LoadedModel, image: SpineImage, window: FilmWindow) -> FrontalLook:
    """Ask about a part of a film that is scaled to fill one tile, with its own grey values."""
    tile = model.card.input_shape
    height = window.shape[0] * image.pixel_aspect
    scale = min(tile[0] / height, tile[1] / window.shape[1])
    pixels = scale_intensity(
        np.ascontiguousarray(window.cut(image.pixels)), model.card.intensity,
        bits=image.bits, is_hounsfield=image.is_hounsfield,
    )  # fmt: skip
    # Of pixels that are not square, `resample` takes the mean of both sides' scales.
    mean_scale = scale * float(np.sqrt(image.pixel_aspect))
    canvas, grid = resample(pixels, window, mean_scale, tile, image.pixel_aspect)
    canvas = np.ascontiguousarray(canvas[: tile[0], : tile[1]])
    outputs = model.run(_input(model, canvas), "logits", "corners", "levels", "offsets")
    return as_look(_coarser(grid, tile), outputs)


def sharp_window(
    model: LoadedModel, image: SpineImage, centre: Points, pitch_px: float
) -> FilmWindow:
    """Return the window around a place that fills a tile with bodies `SHARP_PITCH_PX` apart.

    Parameters
    ----------
    centre : ndarray of float64, shape (2,)
        (x, y) in film pixels.
    pitch_px : float
        Distance of neighbouring bodies there, in film pixels.
    """
    half = np.array(model.card.input_shape[::-1]) * pitch_px / SHARP_PITCH_PX / 2
    half = half / [1, image.pixel_aspect]
    low, high = (centre - half).tolist(), (centre + half).tolist()
    return window_around(low, high, float(2 * half.min()), image.shape)


def _input(model: LoadedModel, canvas: Array) -> Array:
    return finish_input(canvas, model.card.intensity)[None]


def _coarser(grid: Grid, tile: tuple[int, int]) -> Grid:
    """Return the grid of the outputs of a grid of input pixels."""
    shape = (tile[0] // STRIDE, tile[1] // STRIDE)
    return Grid(shape, (grid.scale[0] / STRIDE, grid.scale[1] / STRIDE), grid.origin)


def as_look(grid: Grid, outputs: Mapping[str, Array]) -> FrontalLook:
    """Give their meaning to the network's outputs for a batch of one."""
    heat = heat_map(outputs["corners"][0])
    levels = outputs["levels"][0]
    offsets = outputs["offsets"][0] * np.float32(OFFSET_SCALE_PX / STRIDE)
    return FrontalLook(
        grid,
        np.ascontiguousarray(softmax(outputs["logits"][0])[..., 1]),
        np.ascontiguousarray(heat[..., :4]),
        np.ascontiguousarray(heat[..., 4]),
        levels[..., 0] * np.float32(LEVEL_SCALE) + np.float32(LEVEL_CENTRE),
        np.exp(np.clip(levels[..., 1], *LEVEL_SPREAD)),
        offsets.reshape(*offsets.shape[:2], 4, 2),
    )
