"""Tiling of an image into network-sized windows, and merging of their predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spinealign.imaging.fit import Letterbox, resize_area

Array = NDArray[np.float32]
Points = NDArray[np.float64]
_Pixel = TypeVar("_Pixel", np.float32, np.uint8)

_MIN_WEIGHT = 0.02
_NOWHERE = 1e-6


@dataclass(frozen=True)
class Grid:
    """A regular grid of cells laid over a film.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of cells.
    scale : tuple of float
        Cells to a film pixel, (vertical, horizontal).
    origin : tuple of float
        (x, y) of the grid's top left corner in film pixels; pixel i of the film
        covers i to i + 1, and so does cell i of the grid.
    """

    shape: tuple[int, int]
    scale: tuple[float, float]
    origin: tuple[float, float]

    def to_film(self, points: Points) -> Points:
        """Map (N, 2) points of (x, y) from grid to film coordinates."""
        return np.asarray(points / self.scale[::-1] + self.origin, np.float64)

    def to_grid(self, points: Points) -> Points:
        """Map (N, 2) points of (x, y) from film to grid coordinates."""
        return np.asarray((points - self.origin) * self.scale[::-1], np.float64)

    def sample(
        self, values: Array, left: int, top: int, shape: tuple[int, int], finer: int = 1
    ) -> Array:
        """Interpolate grid `values` (h, w) at film pixels.

        Parameters
        ----------
        left, top : int
            First film pixel.
        shape : tuple of int
            (rows, columns) of film pixels.
        finer : int
            Samples to a film pixel, along each side.

        Returns
        -------
        ndarray of float32, shape (rows * finer, columns * finer)
            Cubic interpolation; beyond the grid its border is repeated.
        """
        starts = (
            (top - self.origin[1]) * self.scale[0],
            (left - self.origin[0]) * self.scale[1],
        )
        sampled = values
        for axis, (start, scale, count) in enumerate(zip(starts, self.scale, shape, strict=True)):
            steps = (np.arange(count * finer) + 0.5) / finer
            sampled = _interpolated(sampled, start + scale * steps - 0.5, axis)
        return sampled


def _interpolated(values: Array, at: NDArray[np.float64], axis: int) -> Array:
    """Interpolate values (h, w) at cells `at` along one axis, by Catmull and Rom's cubic.

    OpenCV's cubic is another one, which moves edges by up to a twentieth of a cell,
    and its remap rounds places to 1/32 cell.
    """
    first = np.floor(at).astype(np.intp)
    t = (at - first).astype(np.float32)
    weights = (
        t * (t * (2 - t) - 1) / 2,
        (t * t * (3 * t - 5) + 2) / 2,
        t * (t * (4 - 3 * t) + 1) / 2,
        t * t * (t - 1) / 2,
    )
    last = values.shape[axis] - 1
    shape = (-1, 1) if axis == 0 else (1, -1)
    taps = (
        weight.reshape(shape) * values.take(np.clip(first + k, 0, last), axis)
        for k, weight in enumerate(weights, start=-1)
    )
    return np.asarray(sum(taps), np.float32)


def letterbox_grid(box: Letterbox) -> Grid:
    """Return the grid of network cells of a letterboxed film."""
    scale = (
        box.fitted_shape[0] / box.source_shape[0],
        box.fitted_shape[1] / box.source_shape[1],
    )
    origin = (-box.offset[1] / scale[1], -box.offset[0] / scale[0])
    return Grid(box.target_shape, scale, origin)


@dataclass(frozen=True)
class FilmWindow:
    """A part of a film: `left` and `top` inclusive, `right` and `bottom` exclusive, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.bottom - self.top, self.right - self.left

    def cut(self, pixels: NDArray[_Pixel]) -> NDArray[_Pixel]:
        """Return the part of a film (H, W), as a view of it."""
        return pixels[self.top : self.bottom, self.left : self.right]


def window_around(
    low: Sequence[float], high: Sequence[float], side: float, film_shape: tuple[int, int]
) -> FilmWindow:
    """Return a window that holds a box and is at least `side` wide and high where the film is.

    Parameters
    ----------
    low, high : sequence of float
        (x, y) of opposite corners of the box, in film pixels.
    side : float
        Least width and height; the window is moved inwards before it is cut.
    film_shape : tuple of int
        (rows, columns).
    """
    spans = []
    for start, stop, length in zip(low, high, film_shape[::-1], strict=True):
        half = max(stop - start, side) / 2
        middle = min(max((start + stop) / 2, min(half, length / 2)), max(length - half, length / 2))
        first = min(max(int(np.floor(middle - half)), 0), length - 1)
        last = max(min(int(np.ceil(middle + half)), length), first + 1)
        spans.append((first, last))
    (left, right), (top, bottom) = spans
    return FilmWindow(left, top, right, bottom)


def resample(
    pixels: Array,
    window: FilmWindow,
    scale: float,
    least_shape: tuple[int, int],
    pixel_aspect: float = 1.0,
) -> tuple[Array, Grid]:
    """Resample a window of a film to square cells, like a letterbox of that window.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
        The window's pixels.
    scale : float
        Wanted cells to a film pixel; where pixels are not square, its mean over both sides.
    least_shape : tuple of int
        (rows, columns); a smaller canvas is padded with 0 on all sides.
    pixel_aspect : float
        Height of a film pixel divided by its width.

    Returns
    -------
    canvas : ndarray of float32, shape (h, w)
    grid : Grid
        Where the canvas lies on the film.
    """
    stretch = float(np.sqrt(pixel_aspect))
    rows = max(1, round(pixels.shape[0] * scale * stretch))
    cols = max(1, round(pixels.shape[1] * scale / stretch))
    exact = (rows / pixels.shape[0], cols / pixels.shape[1])
    small = resize_area(np.ascontiguousarray(pixels), (rows, cols))
    shape = (max(rows, least_shape[0]), max(cols, least_shape[1]))
    top, left = (shape[0] - rows) // 2, (shape[1] - cols) // 2
    canvas = np.zeros(shape, np.float32)
    canvas[top : top + rows, left : left + cols] = small
    origin = (window.left - left / exact[1], window.top - top / exact[0])
    return canvas, Grid(shape, exact, origin)


def tile_starts(length: int, tile: int, overlap: int) -> tuple[int, ...]:
    """Return the first cells of tiles that cover `length` evenly, overlapping at least so much."""
    if length <= tile:
        return (0,)
    count = -(-(length - overlap) // (tile - overlap))
    return tuple(round(i * (length - tile) / (count - 1)) for i in range(count))


def tiles_along(
    shape: Sequence[int], tile: tuple[int, int], path: Points, overlap: int
) -> list[tuple[int, int]]:
    """Return (top, left) of tiles that follow a path along a canvas's longer side.

    Parameters
    ----------
    shape, tile : sequence of int
        (rows, columns) of the canvas and of a tile.
    path : ndarray of float64, shape (n, 2)
        Points of (x, y) in cells of the canvas.
    overlap : int
        Least overlap of neighbouring tiles, in cells.
    """
    long = 0 if shape[0] >= shape[1] else 1
    short = 1 - long
    order = np.argsort(path[:, 1 - long], kind="stable")
    tiles = []
    for start in tile_starts(shape[long], tile[long], overlap):
        middle = np.interp(
            start + tile[long] / 2, path[order, 1 - long], path[order, 1 - short]
        )  # fmt: skip
        across = int(np.clip(round(middle - tile[short] / 2), 0, shape[short] - tile[short]))
        tiles.append((start, across) if long == 0 else (across, start))
    return tiles


def tile_weight(tile: tuple[int, int], overlap: int) -> Array:
    """Return the weight (h, w) of a tile's cells: 1 inside, falling towards its border."""
    ramps = [
        np.clip((np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5) / overlap, _MIN_WEIGHT, 1)
        for n in tile
    ]
    return np.asarray(ramps[0][:, None] * ramps[1][None, :], np.float32)


def averaged_tiles(
    ask: Callable[[Array], Array],
    canvas: Array,
    starts: Sequence[tuple[int, int]],
    tile: tuple[int, int],
    overlap: int,
    elsewhere: int = 0,
) -> Array:
    """Ask about each tile of a canvas (h, w) and average the answers where they overlap.

    Parameters
    ----------
    ask : callable
        Answers a tile (rows, columns) with probabilities (rows, columns, channels).
    starts : sequence of tuple of int
        (top, left) of each tile, at least one.
    tile : tuple of int
        (rows, columns).
    overlap : int
        Cells over which a tile's weight falls towards its border, times two.
    elsewhere : int
        The channel that is 1 where no tile lies.
    """
    weight = tile_weight(tile, overlap // 2)[..., None]
    total = np.full((*canvas.shape, 1), _NOWHERE, np.float32)
    answer: Array | None = None
    for top, left in starts:
        where = (slice(top, top + tile[0]), slice(left, left + tile[1]))
        part = ask(canvas[where])
        if answer is None:
            answer = np.zeros((*canvas.shape, part.shape[-1]), np.float32)
            answer[..., elsewhere] = _NOWHERE
        answer[where] += weight * part
        total[where] += weight
    return np.asarray(answer / total, np.float32)
