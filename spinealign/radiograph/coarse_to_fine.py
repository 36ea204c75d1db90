"""Two looks of a network at a film: one to find the column, one to see it sharply."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spinealign.domain.image import SpineImage
from spinealign.imaging.fit import finish_input, place, plan_letterbox
from spinealign.imaging.tiles import (
    FilmWindow,
    Grid,
    averaged_tiles,
    letterbox_grid,
    resample,
    tiles_along,
    window_around,
)
from spinealign.inference.engine import Array, LoadedModel
from spinealign.measure.outlines.bodies import Blob, Labels, separate, territories, typical_height
from spinealign.measure.outlines.column import find_chain, turned_downwards
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.vertebrae import Peaks, corner_peaks, up_by_corners
from spinealign.radiograph.looks import scaled_part

_SHARP_HEIGHT = 48.0
"""Height of a body at the second look, in pixels of the network's input.

Source: the size at which xray_bodies is used by its recipe (docs/training.md); it was trained on
bodies of 14 to 70 pixels; benchmarks/constants.py: a fifth less turns an angle on 3 films by up to
3.3 degrees, a quarter more renames bodies on 1.
"""

_OVERLAP = 96
"""Overlap of neighbouring tiles, in pixels of the network's input: two bodies.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_MOST_TILES = 3
"""Most tiles along a column, so that the second look costs at most three times the first.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md);
benchmarks/constants.py: one less turns an angle on 3 films by up to 4.0 degrees.
"""

_MARGIN_IN_HEIGHTS = 2.6
"""Room around the bodies of the first look in the second, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md);
benchmarks/constants.py: a fifth less turns an angle on 3 films by up to 2.1 degrees.
"""

_TOO_FAR_OFF = 1.5
"""Ratio of the height of a body to `_SHARP_HEIGHT` from which a look is repeated.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_FEWEST_BODIES = 2
"""Fewest bodies that make a column. Source: convention of this program."""

_LEAST_SURENESS, _LEAST_EVIDENCE = 0.66, 1.4
"""Least mean, and least sum over bodies, of how surely each is one (0..1).

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); no outline on
288 pictures without a column.
"""

_LEAST_SIGNS = 3.0
"""Least number of signs of a column: a body counts one, C2 one more, and the share of corners that
were seen twice.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); no outline on
288 pictures without a column.
"""

_LEAST_SHOWN = 0.5
"""Least sureness (0..1) with which a piece of an implausible column is suggested.

Source: convention of this program: rather a body than not.
"""

_BONE_SHARE, _CORNER_SHARE = 0.75, 0.25
"""Weights of the probability of bone and of the corners in how surely a piece is a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""


@dataclass(frozen=True, eq=False)
class Maps:
    """The network's answer on a grid over the film.

    Parameters
    ----------
    grid : Grid
        Where the cells (h, w) lie.
    bone, c2 : ndarray of float32, shape (h, w)
        Probability of any vertebral body, and of C2 alone.
    corners : ndarray of float32, shape (h, w, 4)
        Heat maps 0..1 in the order of `measure.corners.CORNERS`.
    """

    grid: Grid
    bone: Array
    c2: Array
    corners: Array


@dataclass(frozen=True, eq=False)
class FilmColumn:
    """Bodies of one film, on the grid of `maps`.

    Parameters
    ----------
    maps : Maps
    height : float
        Typical height of a body in cells.
    labels : ndarray of int32, shape (h, w)
        All pieces of bone, also those that are not in the column.
    nearest : ndarray of int32, shape (h, w)
        Label of the nearest piece.
    blobs : list of Blob
        The column's bodies from the top.
    peaks : list of tuple of Peak or None
        Corners near each body.
    """

    maps: Maps
    height: float
    labels: Labels
    nearest: Labels
    blobs: list[Blob]
    peaks: list[Peaks]

    @property
    def film_height(self) -> float:
        """Typical height of a body in film pixels."""
        return self.height / float(np.sqrt(np.prod(self.maps.grid.scale)))

    def part(self, places: slice) -> FilmColumn:
        """Return the column with some of its bodies only."""
        return replace(self, blobs=self.blobs[places], peaks=self.peaks[places])


def predict_coarse(model: LoadedModel, image: SpineImage) -> Maps:
    """Ask the network about the whole film, letterboxed."""
    box = plan_letterbox(image.shape, model.card.input_shape, image.pixel_aspect)
    canvas = place(scaled_part(model, image, FilmWindow(0, 0, *image.shape[::-1])), box)
    return _maps(letterbox_grid(box), _ask(model, canvas))


def _maps(grid: Grid, answer: Array) -> Maps:
    """Take the network's answer (h, w, 7) apart."""
    bone, c2 = 1 - answer[..., 0], answer[..., 1]
    corners = np.ascontiguousarray(answer[..., -len(CORNERS) :])
    return Maps(grid, np.ascontiguousarray(bone), np.ascontiguousarray(c2), corners)


def _ask(model: LoadedModel, canvas: Array) -> Array:
    """Return (h, w, 7): three classes and four corners."""
    return np.concatenate(model.outline(finish_input(canvas, model.card.intensity)[None]), axis=-1)


def find_column(maps: Maps) -> FilmColumn | None:
    """Return the best line of bodies on a map, or None where there is no bone."""
    height = typical_height(maps.bone)
    if height is None:
        return None
    labels, blobs = separate(maps.bone, maps.c2, maps.corners, height)
    chain = find_chain(blobs, height)
    if not chain:
        return None
    nearest = territories(labels)
    peaks = {b.label: corner_peaks(b, nearest, maps.corners, height) for b in chain}
    chain = turned_downwards(chain, up_by_corners(list(peaks.values())))
    return FilmColumn(maps, height, labels, nearest, chain, [peaks[b.label] for b in chain])


def predict_fine(model: LoadedModel, image: SpineImage, whole: Maps) -> FilmColumn | None:
    """Look again, sharply, where the whole film shows bodies.

    A look whose scale turns out to have been misjudged is repeated once.

    Returns
    -------
    FilmColumn or None
        None when one of the looks shows no bone.
    """
    column = find_column(whole)
    if column is None:
        return None
    closer = find_column(_look_along(model, image, column))
    if closer is not None and not 1 / _TOO_FAR_OFF < closer.height / _SHARP_HEIGHT < _TOO_FAR_OFF:
        closer = find_column(_look_along(model, image, closer)) or closer
    return closer


def _look_along(model: LoadedModel, image: SpineImage, column: FilmColumn) -> Maps:
    tile = model.card.input_shape
    points = column.maps.grid.to_film(np.concatenate([b.pixels for b in column.blobs]))
    margin = _MARGIN_IN_HEIGHTS * column.film_height
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    farthest = _OVERLAP + _MOST_TILES * (min(tile) - _OVERLAP)
    scale = min(_SHARP_HEIGHT / column.film_height, farthest / float((high - low).max()))
    window = window_around(low, high, min(tile) / scale, image.shape)
    pixels = scaled_part(model, image, window)
    canvas, grid = resample(pixels, window, scale, tile, image.pixel_aspect)
    path = grid.to_grid(column.maps.grid.to_film(np.array([b.centre for b in column.blobs])))
    tiles = tiles_along(canvas.shape, tile, path, _OVERLAP)
    answer = averaged_tiles(lambda part: _ask(model, part), canvas, tiles, tile, _OVERLAP)
    return _maps(grid, answer)


def is_plausible(column: FilmColumn) -> bool:
    """Whether this is a column: two sure bodies, and C2, corners, or a third body for it."""
    blobs = column.blobs
    corners = np.mean([peak is not None for four in column.peaks for peak in four])
    signs = len(blobs) + any(blob.is_c2 for blob in blobs) + 2 * float(corners)
    sureness = [_sureness(*pair) for pair in zip(blobs, column.peaks, strict=True)]
    return bool(
        len(blobs) >= _FEWEST_BODIES
        and signs >= _LEAST_SIGNS
        and np.mean(sureness) >= _LEAST_SURENESS
        and np.sum(sureness) >= _LEAST_EVIDENCE
    )


def with_sure_pieces(column: FilmColumn) -> FilmColumn:
    """Return what of an implausible column is worth showing: pieces that are rather bodies."""
    pairs = list(zip(column.blobs, column.peaks, strict=True))
    kept = [pair for pair in pairs if _sureness(*pair) >= _LEAST_SHOWN]
    return replace(column, blobs=[b for b, _ in kept], peaks=[p for _, p in kept])


def _sureness(blob: Blob, peaks: Peaks) -> float:
    """Return how surely this is a body (0..1); missing corners count a quarter."""
    expected = 2 if blob.is_c2 else 4
    corners = sum(peak.height for peak in peaks if peak is not None) / expected
    return _BONE_SHARE * blob.certainty + _CORNER_SHARE * corners
