"""From a frontal film to named bodies with corners: a look at the whole, then along the column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.frontal.candidates import Candidate, candidates, merged
from spinealign.frontal.column import Column, best_column, pitch_px
from spinealign.frontal.looks import (
    FRONTAL_LEVELS,
    STRIDE,
    FrontalLook,
    look_at,
    sharp_window,
    whole_look,
)
from spinealign.imaging.tiles import FilmWindow, window_around
from spinealign.inference.engine import LoadedModel

_FEWEST_BODIES = 3
"""Fewer bodies at the look at the whole film are no column.

Source: set by hand: two bodies do not tell where the next one lies.
"""

_SMALL_PITCH_PX = 15.0
"""Distance of bodies at the first look below which the column is looked at once more, larger.

Source: three quarters of what a film cut to the spine has there (17 bodies on 384 pixels).
"""

_ROOM = 2.5
"""Room around the column at that look, in distances of bodies.

Source: two bodies that the first look may have missed at either end.
"""

_BODIES_A_LOOK = 4
"""Bodies from one sharp look to the next.

Source: a tile is 9.6 distances of bodies high and 4.8 wide: each body is whole on two looks.
"""

_LOOK_SPREAD = 1.5
"""How fast a sharp look counts for less away from its middle, in distances of bodies.

Source: a sixth of a tile's height.
"""

_LEFT_FOR_RIGHT = (1, 0, 3, 2)
"""Which corner each one is in the mirror image. Source: the order of `looks.CORNER_NAMES`."""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FrontalBody:
    """A body on a frontal film.

    Parameters
    ----------
    level : str
        One of `FRONTAL_LEVELS`.
    corners : ndarray of float64, shape (4, 2)
        (x, y) in film pixels: superior left, superior right, inferior right, inferior left of
        the picture.
    score : float
        0..1.
    """

    level: str
    corners: Points
    score: float


@dataclass(frozen=True)
class FrontalSpine:
    """Bodies from the top down; a level that is missing was not found.

    Parameters
    ----------
    bodies : tuple of FrontalBody
    margin : float
        How much worse the levels fit when all names are moved by one or two, in scales of
        their uncertainty.
    look : FrontalLook or None
        At the whole film.
    """

    bodies: tuple[FrontalBody, ...] = ()
    margin: float = 0.0
    look: FrontalLook | None = None


def find_bodies(model: LoadedModel, image: SpineImage) -> FrontalSpine:
    """Find and name the bodies from T1 to L5 on a frontal film.

    Parameters
    ----------
    model : LoadedModel
        A network whose outputs are those of `networks.frontal_unet`.
    """
    look = whole_look(model, image)
    column = coarse_column(model, image, look)
    if len(column.bodies) < _FEWEST_BODIES:
        return FrontalSpine(look=look)
    if looks_closer(model.card):
        found = [one for look in _sharp_looks(model, image, column) for one in look]
        joined = merged(found, pitch_px(column.bodies))
        column = best_column([_with_level(one, column) for one in joined])
    bodies = tuple(
        FrontalBody(FRONTAL_LEVELS[number - 1], one.corners, one.score)
        for one, number in zip(column.bodies, column.numbers, strict=True)
    )
    return FrontalSpine(bodies, column.margin, look)


def looks_closer(card: ModelCard) -> bool:
    """Whether looks along the column make the corners of a network better, as its card says."""
    return bool(card.training.get("close_looks", True))


def coarse_column(model: LoadedModel, image: SpineImage, look: FrontalLook) -> Column:
    """Return the column as looks at the whole film, or at all of the column, show it.

    Each is taken of the film and of its mirror image, whose errors are not the same.
    """
    rows, cols = image.shape
    column = _of_both(model, image, FilmWindow(0, 0, cols, rows), look)
    if len(column.bodies) < _FEWEST_BODIES or not _is_small(look, column):
        return column
    window = _around(column, image)
    closer = _of_both(model, image, window, look_at(model, image, window))
    return closer if len(closer.bodies) >= len(column.bodies) else column


def _of_both(
    model: LoadedModel, image: SpineImage, window: FilmWindow, look: FrontalLook
) -> Column:
    """Return the column that a look at a window, and one at its mirror image, show together."""
    found = candidates(look)
    column = best_column(found)
    if len(column.bodies) < _FEWEST_BODIES:
        return column
    seen = [*found, *_mirrored(model, image, window)]
    return best_column(merged(seen, pitch_px(column.bodies)))


def _mirrored(model: LoadedModel, image: SpineImage, window: FilmWindow) -> list[Candidate]:
    """Return what a look at the mirror image of a window shows, as candidates of the film."""
    cols = image.shape[1]
    turned = replace(image, pixels=np.ascontiguousarray(image.pixels[:, ::-1]))
    there = FilmWindow(cols - window.right, window.top, cols - window.left, window.bottom)
    return [mirrored_back(one, cols) for one in candidates(look_at(model, turned, there))]


def mirrored_back(one: Candidate, cols: int) -> Candidate:
    """Return a candidate of the mirror image of a film of so many columns as one of the film."""
    corners = one.corners * [-1, 1] + [cols, 0]
    return replace(one, corners=corners[list(_LEFT_FOR_RIGHT)])


def _is_small(look: FrontalLook, column: Column) -> bool:
    return pitch_px(column.bodies) * look.grid.scale[1] * STRIDE < _SMALL_PITCH_PX


def _around(column: Column, image: SpineImage) -> FilmWindow:
    centres, room = column.centres, _ROOM * pitch_px(column.bodies)
    low, high = centres.min(axis=0) - room, centres.max(axis=0) + room
    return window_around(low.tolist(), high.tolist(), 2 * room, image.shape)


def _sharp_looks(
    model: LoadedModel, image: SpineImage, column: Column
) -> Iterator[list[Candidate]]:
    """Yield what each look along the column shows; what lies in its middle counts most."""
    for centre, pitch in _stations(column):
        window = sharp_window(model, image, centre, pitch)
        found = [*candidates(look_at(model, image, window)), *_mirrored(model, image, window)]
        yield [replace(one, weight=_nearness(one, centre, pitch)) for one in found]


def _nearness(one: Candidate, centre: Points, pitch: float) -> float:
    away = float(np.linalg.norm(one.centre - centre)) / (_LOOK_SPREAD * pitch)
    return float(np.exp(-(away**2) / 2))


def _stations(column: Column) -> Iterator[tuple[Points, float]]:
    """Yield where to look sharply, with the distance of bodies there: one body beyond the ends."""
    line, numbers = column.centres, np.array(column.numbers, float)
    pitches = np.linalg.norm(np.diff(line, axis=0), axis=1) / np.diff(numbers)
    middles = (numbers[1:] + numbers[:-1]) / 2
    first, last = numbers[0] - 1, numbers[-1] + 1
    count = int(np.ceil((last - first) / _BODIES_A_LOOK)) + 1
    ends = np.stack([2 * line[0] - line[1], *line, 2 * line[-1] - line[-2]])
    ends_at = np.array([2 * numbers[0] - numbers[1], *numbers, 2 * numbers[-1] - numbers[-2]])
    for at in np.linspace(first, last, count):
        place = np.array([np.interp(at, ends_at, ends[:, axis]) for axis in (0, 1)])
        yield place, float(np.interp(at, middles, pitches))


def _with_level(one: Candidate, column: Column) -> Candidate:
    """Join what a sharp look says of a body's level with what the coarse one said of it."""
    centres = column.centres
    near = int(np.argmin(np.linalg.norm(centres - one.centre, axis=1)))
    coarse = column.bodies[near]
    if np.linalg.norm(centres[near] - one.centre) > one.height_px / 2:
        return one
    spread = 1 / (1 / coarse.spread + 1 / one.spread)
    level = spread * (coarse.level / coarse.spread + one.level / one.spread)
    return replace(one, level=float(level), spread=float(spread))


def corners_of(spine: FrontalSpine, levels: Sequence[str]) -> Points:
    """Return the corners (n, 4, 2) of some levels, NaN where a body was not found."""
    known = {body.level: body.corners for body in spine.bodies}
    return np.array([known.get(level, np.full((4, 2), np.nan)) for level in levels])
