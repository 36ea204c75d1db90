"""Named points of a user's own network: one look at the whole picture, others at its parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.findings import LocatedPoints
from spinealign.domain.image import SpineImage
from spinealign.domain.landmarks import NamedPoint
from spinealign.domain.model_card import LandmarkRule
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.imaging.tiles import FilmWindow, Grid, resample, window_around
from spinealign.inference.engine import Array, LoadedModel

INNER_SHARE = 0.6
"""Points of one second look lie within this share of its window, so that each has surroundings.

Source: convention of this program; training puts points anywhere in a crop.
"""

_SMALLEST_HEAT = 1e-6

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointLook:
    """Heat maps on a grid over the picture.

    Parameters
    ----------
    grid : Grid
        Where the cells (h, w) lie.
    heat : ndarray of float32, shape (h, w, points)
        0..1.
    """

    grid: Grid
    heat: Array

    def peak(self, point: int, near: Points | None = None, reach: float = 0.0) -> Peak:
        """Return the highest place of one point's heat map, to a fraction of a cell.

        Parameters
        ----------
        near : ndarray of float64, shape (2,), optional
            Only within `reach` image pixels, across, of this (x, y).
        """
        heat = self.heat[..., point]
        if near is not None:
            middle = self.grid.to_grid(near[None])[0]
            radius = reach * self.grid.scale[1]
            rows, columns = np.indices(heat.shape) + 0.5
            far = np.hypot(columns - middle[0], rows - middle[1]) > radius
            heat = np.where(far, np.float32(0), heat)
        row, column = (int(k) for k in np.unravel_index(int(heat.argmax()), heat.shape))
        height = float(heat[row, column])
        logs = np.log(np.maximum(self.heat[..., point], _SMALLEST_HEAT))
        # Cell i covers i to i + 1, so that its centre lies half a cell further.
        cell = [
            column + 0.5 + _vertex(logs[row], column),
            row + 0.5 + _vertex(logs[:, column], row),
        ]
        return Peak(self.grid.to_film(np.array([cell]))[0], height)


@dataclass(frozen=True, eq=False)
class Peak:
    """Where a heat map is highest: (x, y) in image pixels, and how high."""

    place: Points
    height: float


def _vertex(values: Array, at: int) -> float:
    """Return how far from cell `at` the parabola through it and its neighbours is highest.

    Of the logarithm of a Gaussian spot that is exact.
    """
    if at in (0, len(values) - 1):
        return 0.0
    before, here, after = (float(values[k]) for k in (at - 1, at, at + 1))
    bend = before - 2 * here + after
    if bend >= 0:
        return 0.0
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def locate_with(model: LoadedModel, image: SpineImage) -> LocatedPoints:
    """Place a model's named points on an image.

    The first look tells where each point is on the whole picture, the second where exactly,
    at the card's magnification and near that place only.

    Raises
    ------
    ModelError
        The network gives other outputs than its card says.
    """
    rule = model.card.landmarks
    if rule is None:
        raise ModelError(model.card.name, ModelProblem.INCOMPLETE_CARD, "landmarks")
    # Grey values are those of the whole picture in both looks, as in training.
    grey = scale_intensity(
        image.pixels, model.card.intensity, bits=image.bits, is_hounsfield=image.is_hounsfield
    )
    aspect = image.pixel_aspect
    rows, columns = grey.shape
    whole = look_at(model, grey, FilmWindow(0, 0, columns, rows), aspect)
    first = [whole.peak(k) for k in range(len(model.card.classes))]
    seen = [k for k, peak in enumerate(first) if peak.height >= rule.least_peak]
    found: dict[int, Peak] = {}
    reach = rule.search_cells / whole.grid.scale[1]
    for window, members in _windows(model, [first[k].place for k in seen], grey.shape, aspect):
        look = look_at(model, grey, window, aspect)
        for member in members:
            k = seen[member]
            found[k] = look.peak(k, first[k].place, reach)
    return _answer(model, found, rule, grey.shape)


def _answer(
    model: LoadedModel, found: dict[int, Peak], rule: LandmarkRule, shape: tuple[int, int]
) -> LocatedPoints:
    points, missing = [], []
    for k, name in enumerate(model.card.classes):
        peak = found.get(k)
        inside = peak is not None and bool(
            (peak.place >= 0).all() and (peak.place <= shape[::-1]).all()
        )
        if peak is None or peak.height < rule.least_peak or not inside:
            missing.append(name)
        else:
            x, y = peak.place.tolist()
            confidence = min(peak.height, 1.0)
            is_sure = confidence >= rule.trusted_peak
            points.append(NamedPoint(name, x, y, confidence, is_sure))
    return LocatedPoints(model.identity, tuple(points), tuple(missing), rule.trusted_peak)


def fitting_scale(shape: tuple[int, int], tile: tuple[int, int], aspect: float) -> float:
    """Return how many input pixels an image pixel is wide where all of a picture fits a tile."""
    return min(tile[0] / (shape[0] * aspect), tile[1] / shape[1])


def look_at(model: LoadedModel, grey: Array, window: FilmWindow, aspect: float) -> PointLook:
    """Ask about a part of a picture that is scaled to fill one tile.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        The whole picture, 0..1.
    window : FilmWindow
    aspect : float
        Height of an image pixel divided by its width.
    """
    card = model.card
    assert card.landmarks is not None
    tile, stride = card.input_shape, card.landmarks.stride
    scale = fitting_scale(window.shape, tile, aspect)
    # Of pixels that are not square, `resample` takes the mean of both sides' scales.
    canvas, grid = resample(
        np.ascontiguousarray(window.cut(grey)), window, scale * float(np.sqrt(aspect)), tile, aspect
    )
    canvas = np.ascontiguousarray(canvas[: tile[0], : tile[1]])
    heat = model.point_heat(finish_input(canvas, card.intensity)[None])
    shape = (tile[0] // stride, tile[1] // stride)
    coarse = Grid(shape, (grid.scale[0] / stride, grid.scale[1] / stride), grid.origin)
    return PointLook(coarse, heat)


def _windows(
    model: LoadedModel, places: list[Points], shape: tuple[int, int], aspect: float
) -> list[tuple[FilmWindow, list[int]]]:
    """Return the windows of the second look with the places that each of them shows.

    Points that lie near one another share a window: from the uppermost one on, its nearest
    neighbours are added as long as all of them lie well inside.
    """
    card = model.card
    assert card.landmarks is not None
    scale = fitting_scale(shape, card.input_shape, aspect) * card.landmarks.zoom
    # Sides in image pixels across and down.
    sides = np.array([card.input_shape[1] / scale, card.input_shape[0] / scale / aspect])
    left = sorted(range(len(places)), key=lambda k: (places[k][1], places[k][0]))
    windows = []
    while left:
        members, low, high = [left[0]], places[left[0]], places[left[0]]
        near = sorted(left[1:], key=lambda k: float(np.hypot(*(places[k] - places[members[0]]))))
        for k in near:
            lower, upper = np.minimum(low, places[k]), np.maximum(high, places[k])
            if (upper - lower <= INNER_SHARE * sides).all():
                members, low, high = [*members, k], lower, upper
        half = np.maximum(sides / 2, (high - low) / 2)
        middle = (low + high) / 2
        corners = (middle - half).tolist(), (middle + half).tolist()
        windows.append((window_around(*corners, float(2 * half.min()), shape), members))
        left = [k for k in left if k not in members]
    return windows
