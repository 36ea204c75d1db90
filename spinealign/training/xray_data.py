"""Lateral cervical films with outlined bodies: reading, smooth outlines, corners, splitting.

Points are (x, y) float64 in image pixels, pixel ``i`` spanning ``i`` to ``i + 1``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.training.dataset import read_grey, shrink, split_patients

LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7", "T1")
"""Outlined levels from the top down."""

CORNERS = ("anterior_superior", "posterior_superior", "posterior_inferior", "anterior_inferior")
"""Order of the corner heat maps."""

SURE_C2_CORNERS = (2, 3)
"""C2 has no superior corners; its inferior ones are good even where the dens is uncertain."""

_CORNER_POINTS = (0, 2, 4, 6)
_C2_CORNER_POINTS = (0, 2)
_POINTS_PER_SIDE = 8

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AnnotatedBody:
    """One outlined vertebral body.

    Parameters
    ----------
    level : str
        One of `LEVELS`.
    outline : ndarray of float64, shape (n, 2)
        Closed smooth curve through the reader's points.
    corners : ndarray of float64, shape (4, 2)
        In the order of `CORNERS`; NaN where a level has none.
    uncertain : bool
        The reader's points may be off by more than 5 pixels of the full-size film.
    """

    level: str
    outline: Points
    corners: Points
    uncertain: bool

    @property
    def height_px(self) -> float:
        """Mean distance between the endplates' corners (of C2: its inferior depth)."""
        up, down = self.corners[:2], self.corners[[3, 2]]
        if np.isnan(up).any():
            return float(np.linalg.norm(self.corners[2] - self.corners[3]))
        return float(np.linalg.norm(up - down, axis=1).mean())


@dataclass(frozen=True, eq=False)
class Film:
    """A lateral film.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W)
        Grey values.
    bodies : tuple of AnnotatedBody
        From the top down.
    cut : tuple of str
        Levels that are partly visible but have no outline.
    quality : str
        ``good``, ``fair`` or ``poor``.
    """

    name: str
    pixels: NDArray[np.uint8]
    bodies: tuple[AnnotatedBody, ...]
    cut: tuple[str, ...]
    quality: str

    @property
    def height_px(self) -> float:
        """Mean height of the bodies below C2, in pixels of `pixels`."""
        heights = [b.height_px for b in self.bodies if b.level != "C2"]
        return float(np.mean(heights or [b.height_px for b in self.bodies]))


def load_films(folder: Path, longest_px: int | None = None) -> list[Film]:
    """Load ``images/``, ``annotations/*.json`` and, where there is one, ``films.csv``.

    Parameters
    ----------
    folder : Path
        Data set folder.
    longest_px : int, optional
        Shrink every film so that its longest side is at most this.

    Raises
    ------
    DataSetError
        There are no annotations.
    """
    annotations = sorted((folder / "annotations").glob("*.json"))
    if not annotations:
        raise DataSetError(f"{folder} has no annotations/*.json")
    quality = _read_quality(folder / "films.csv")
    return [
        read_film(path, folder / "images", quality.get(path.stem, "good"), longest_px)
        for path in annotations
    ]


def read_film(path: Path, images: Path, quality: str, longest_px: int | None) -> Film:
    """Read one annotation with its image."""
    record: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    full = read_grey(images / record["image"])
    pixels = shrink(full, longest_px, cv2.INTER_AREA)
    scale = np.array([pixels.shape[1] / full.shape[1], pixels.shape[0] / full.shape[0]])
    bodies = [
        make_body(level, np.asarray(points, float) * scale, level in record["uncertain"])
        for level, points in record["vertebrae"].items()
    ]
    bodies.sort(key=lambda body: LEVELS.index(body.level))
    return Film(path.stem, pixels, tuple(bodies), tuple(record["cut"]), quality)


def make_body(level: str, points: Points, uncertain: bool) -> AnnotatedBody:
    """Turn a reader's points (8, 2), or (10, 2) for C2, into a `AnnotatedBody`.

    Raises
    ------
    DataSetError
        The number of points does not fit the level.
    """
    if len(points) != (10 if level == "C2" else 8):
        raise DataSetError(f"{level} has {len(points)} points")
    corners = np.full((4, 2), np.nan)
    if level == "C2":
        corners[2:] = points[list(_C2_CORNER_POINTS)]
        return AnnotatedBody(level, _outline_of_c2(points), corners, uncertain)
    corners[:] = points[list(_CORNER_POINTS)]
    sides = [side_curve(points[[i, i + 1, (i + 2) % 8]]) for i in _CORNER_POINTS]
    return AnnotatedBody(level, np.concatenate(sides), corners, uncertain)


def side_curve(three: Points) -> Points:
    """Return the parabola through a corner, a mid-point and a corner, without the last point.

    Endplates and walls are concave; straight segments would cut them by several pixels.
    """
    t = np.linspace(0, 1, _POINTS_PER_SIDE, endpoint=False)[:, None]
    start, middle, end = three
    weights = (2 * (t - 0.5) * (t - 1), 4 * t * (1 - t), 2 * t * (t - 0.5))
    return np.asarray(weights[0] * start + weights[1] * middle + weights[2] * end)


def _outline_of_c2(points: Points) -> Points:
    endplate = side_curve(points[[0, 1, 2]])
    return np.concatenate([endplate, catmull_rom(points[[2, 3, 4, 5, 6, 7, 8, 9, 0]])])


def catmull_rom(points: Points) -> Points:
    """Return the Catmull-Rom spline through open `points` (n, 2), without the last point."""
    before = 2 * points[0] - points[1]
    after = 2 * points[-1] - points[-2]
    p = np.vstack([before, points, after])
    t = np.linspace(0, 1, 4, endpoint=False)[:, None]
    pieces = [
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(pieces)


def unknown_below(bodies: Sequence[AnnotatedBody]) -> Points:
    """Return the polygon (4, 2) below the last outlined body in which the truth is not known.

    It continues the column downwards and widens, because the next bodies may
    curve either way; readers stopped where the film or the shoulders cut the
    column, not where the column ends.
    """
    last = bodies[-1]
    anterior, posterior = last.corners[3], last.corners[2]
    across = anterior - posterior
    depth = float(np.linalg.norm(across))
    down = column_direction(bodies)
    start = np.stack([posterior - 0.45 * across, anterior + 0.45 * across])
    start = start + 0.1 * depth * down
    end = np.stack([anterior + 1.1 * across, posterior - 1.1 * across]) + 5.0 * depth * down
    return np.vstack([start, end])


def column_direction(bodies: Sequence[AnnotatedBody]) -> Points:
    """Return the unit vector (2,) down the column at its lower end."""
    last = bodies[-1]
    if len(bodies) > 1:
        step = last.outline.mean(axis=0) - bodies[-2].outline.mean(axis=0)
    else:
        across = last.corners[3] - last.corners[2]
        normal = np.array([-across[1], across[0]])
        inside = last.outline.mean(axis=0) - last.corners[2]
        step = -normal * np.sign(normal @ inside)
    return np.asarray(step / np.linalg.norm(step))


def split_films(
    films: Sequence[Film], held_out_fraction: float, seed: int
) -> tuple[list[Film], list[Film]]:
    """Split films into (training, validation).

    The public source does not say which films show the same patient, so the
    film is the unit; near-identical films were removed before.
    """
    train, held_out = split_patients([f.name for f in films], held_out_fraction, seed)
    return [f for f in films if f.name in train], [f for f in films if f.name in held_out]


def _read_quality(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        return {row["film"]: row["quality"] for row in csv.DictReader(stream)}
