"""What a network of the whole column says of a film: all of it coarsely, a part of it sharply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.image import SpineImage
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.imaging.tiles import (
    FilmWindow,
    Grid,
    averaged_tiles,
    resample,
    tile_starts,
    window_around,
)
from spinealign.inference.engine import Array, LoadedModel, heat_map, softmax

COLUMN_CLASSES = ("background", "C2", "body", "S1")
"""Classes of a network that finds bodies of the whole column; levels are told apart otherwise."""

COLUMN_LEVELS = LEVEL_SEQUENCE[LEVEL_SEQUENCE.index("C2") :]
"""Bodies of a whole column from the top down, C2 to S1."""

FIRST_LEVEL_NUMBER = 2
"""C2 is number 2, C7 7, T1 8, L5 24 and S1 25 in what the network says of levels.

Source: convention of this program.
"""

LEVEL_CENTRE, LEVEL_SCALE = 13.5, 6.0
"""A level's number is the network's output times the scale plus the centre.

Source: convention of this program, shared with the training.
"""

LEVEL_SPREAD = (-3.0, 2.5)
"""Limits of the logarithm of a level's uncertainty, in levels.

Source: convention of this program, shared with the training.
"""

SHARP_PX = 48.0
"""Height of a body at a sharp look, in pixels of the network's input.

Source: the size of most bodies in the training crops (docs/design/films-from-anywhere.md).
"""

_OVERLAP_PX = 96
"""Overlap of neighbouring tiles, in pixels of the network's input: two bodies.

Source: that of `coarse_to_fine`.
"""

_LONG_FILM = 1.7
"""Height to width from which a film is taken for more than a neck and looked at in tiles.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

Points = NDArray[np.float64]

_Ask = Callable[[LoadedModel, Array], Array]


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

    @property
    def bone(self) -> Array:
        """Probability (h, w) of any vertebral body."""
        return self.bodies + self.s1


def coarse_look(model: LoadedModel, image: SpineImage, *, is_averaged: bool = True) -> Look:
    """Ask the network about the whole film, in one tile or along its height in several.

    Parameters
    ----------
    model : LoadedModel
    image : SpineImage
    is_averaged : bool
        Whether its mirror image is looked at as well, for twice the time.
    """
    rows, cols = image.shape
    height = rows * image.pixel_aspect
    is_long = max(height / cols, cols / height) > _LONG_FILM
    longest = model.card.input_shape[0] * (2 if is_long else 1)
    scale = longest / max(height, cols)
    window = FilmWindow(0, 0, cols, rows)
    ask = _ask_both_ways if is_averaged else _ask
    return _look(model, image, window, scale * np.sqrt(image.pixel_aspect), ask)


def sharp_look(model: LoadedModel, image: SpineImage, centre: Points, height: float) -> Look:
    """Ask the network about one tile around a place, with its own window of grey values.

    Parameters
    ----------
    model : LoadedModel
    image : SpineImage
    centre : ndarray of float64, shape (2,)
        (x, y) in film pixels.
    height : float
        Height of a body there, in film pixels.
    """
    scale = SHARP_PX / height
    # A little less than a tile, so that whole film pixels never need a second one.
    half = (np.array(model.card.input_shape[::-1]) - 2 * scale - 2) / scale / 2
    low, high = (centre - half).tolist(), (centre + half).tolist()
    window = window_around(low, high, 2 * float(half.min()), image.shape)
    return _look(model, image, window, scale, _ask_both_ways)


def _look(
    model: LoadedModel, image: SpineImage, window: FilmWindow, scale: float, ask: _Ask
) -> Look:
    tile = model.card.input_shape
    pixels = scaled_part(model, image, window)
    canvas, grid = resample(pixels, window, scale, tile, image.pixel_aspect)
    starts = list(_starts(canvas.shape, tile))
    if len(starts) == 1:
        return _as_look(grid, ask(model, canvas))
    answer = averaged_tiles(lambda part: ask(model, part), canvas, starts, tile, _OVERLAP_PX)
    return _as_look(grid, answer)


def scaled_part(model: LoadedModel, image: SpineImage, window: FilmWindow) -> Array:
    """Return a part of a film (h, w) with the grey values that the model's card asks for."""
    return scale_intensity(
        np.ascontiguousarray(window.cut(image.pixels)), model.card.intensity,
        bits=image.bits, is_hounsfield=image.is_hounsfield,
    )  # fmt: skip


def _starts(shape: Sequence[int], tile: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield (top, left) of tiles that cover a canvas of (rows, columns)."""
    for top in tile_starts(shape[0], tile[0], _OVERLAP_PX):
        for left in tile_starts(shape[1], tile[1], _OVERLAP_PX):
            yield top, left


def _ask(model: LoadedModel, canvas: Array) -> Array:
    """Return (h, w, 10): four classes, four corners, level and logarithm of its spread."""
    canvas = finish_input(canvas, model.card.intensity)[None]
    outputs = model.run(canvas, "logits", "corners", "levels")
    parts = [softmax(outputs["logits"][0]), heat_map(outputs["corners"][0]), outputs["levels"][0]]
    return np.asarray(np.concatenate(parts, axis=-1), np.float32)


def _ask_both_ways(model: LoadedModel, canvas: Array) -> Array:
    """Return the mean (h, w, 10) of the answers for a canvas and for its mirror image.

    Corners are named by anatomy, so that none changes its name in a mirror image.
    """
    answer = _ask(model, canvas)
    mirrored = _ask(model, np.ascontiguousarray(canvas[:, ::-1]))[:, ::-1]
    return np.asarray((answer + mirrored) / 2, np.float32)


def _as_look(grid: Grid, answer: Array) -> Look:
    classes, corners, levels = np.split(answer, (4, -2), axis=-1)
    _, c2, body, s1 = (np.ascontiguousarray(part) for part in np.moveaxis(classes, -1, 0))
    number = levels[..., 0] * LEVEL_SCALE + LEVEL_CENTRE
    spread = np.exp(np.clip(levels[..., 1], *LEVEL_SPREAD))
    return Look(grid, c2 + body, c2, s1, np.ascontiguousarray(corners), number, spread)
