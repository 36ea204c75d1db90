"""Lateral films of any source in one form: necks, whole spines, and films outlined by a network.

Points are (x, y) float64 in image pixels, pixel ``i`` spanning ``i`` to ``i + 1``.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.domain.findings import Vertebra, VertebraState
from spinealign.domain.image import SpineImage
from spinealign.inference.engine import LoadedModel
from spinealign.radiograph import outline_vertebrae
from spinealign.radiograph.looks import COLUMN_LEVELS, FIRST_LEVEL_NUMBER
from spinealign.training.dataset import read_grey
from spinealign.training.xray_data import CORNERS, AnnotatedBody, Film, side_curve, unknown_below

SPINE_SOURCE = "whole spine"
HEAD_SOURCE = "home"
NECK_SOURCE = "three necks"
UNLABELLED_SOURCE = "unlabelled"
FRONTAL_SOURCE = "frontal"

_GUESSED = ("T1", "T2", "T3", "T4")
"""Behind the shoulders, where the readers of the whole-spine set guessed."""

_CONCAVE = 0.03
"""How far the middle of an endplate or wall lies inside the line of its corners, in its length."""

_C2_STRIP, _DENS_REACH, _S1_STRIP, _SACRUM_REACH = 0.6, 2.4, 0.45, 3.0
"""In depths of the endplate: what is surely C2 or S1, and how far the rest of them may reach."""

_SURE_BODY = 0.75
_FEWEST_BODIES = 3

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingFilm:
    """A lateral film with the bodies that are known on it.

    Parameters
    ----------
    name, source : str
    pixels : ndarray of uint8, shape (H, W)
    bodies : tuple of AnnotatedBody
        From the top down, of `COLUMN_LEVELS`.
    guessed : frozenset of str
        Levels whose points are guesses.
    unknown : tuple of ndarray of float64, shape (n, 2)
        Polygons in which the truth is not known.
    doubtful : tuple of ndarray of float64, shape (n, 2)
        Polygons in which the truth is a guess: bodies found there count neither way.
    is_frontal : bool
        Bodies are seen from the front: what is anterior and posterior cannot be told.
    is_continued : bool
        The neck stands at the film's edge: training continues soft tissue beyond it.
    trust : float
        Weight in drawing films.
    """

    name: str
    source: str
    pixels: NDArray[np.uint8]
    bodies: tuple[AnnotatedBody, ...]
    guessed: frozenset[str] = frozenset()
    unknown: tuple[Points, ...] = ()
    doubtful: tuple[Points, ...] = ()
    is_frontal: bool = False
    is_continued: bool = False
    trust: float = 1.0


def level_number(level: str) -> int:
    """Return a level's number in level maps."""
    return COLUMN_LEVELS.index(level) + FIRST_LEVEL_NUMBER


def from_outlined(film: Film, source: str, *, is_continued: bool) -> TrainingFilm:
    """Take a film whose bodies a reader outlined."""
    trust = {"good": 1.0, "fair": 0.75, "poor": 0.35}.get(film.quality, 1.0)
    return TrainingFilm(
        film.name, source, film.pixels, film.bodies,
        frozenset(b.level for b in film.bodies if b.uncertain and b.level != "C2"),
        (unknown_below(film.bodies),), is_continued=is_continued,
        trust=trust * (2 + len(film.bodies)),
    )  # fmt: skip


def load_spine_films(folder: Path) -> list[TrainingFilm]:
    """Load standing whole-spine films: ``images/*.webp`` and ``landmarks.csv``.

    Raises
    ------
    DataSetError
        There is no table of points.
    """
    points: dict[str, dict[str, Points]] = defaultdict(dict)
    for row in _table_of_points(folder):
        points[row["name"]][row["point"]] = np.array([float(row["x"]), float(row["y"])])
    return [
        spine_film(name, read_grey(folder / "images" / f"{name}.webp"), points[name])
        for name in sorted(points)
    ]


def spine_film(name: str, pixels: NDArray[np.uint8], points: Mapping[str, Points]) -> TrainingFilm:
    """Turn corner points (``C2BB`` .. ``S1TF``) into bodies and regions of unknown truth."""
    bodies = tuple(_spine_body(level, points) for level in COLUMN_LEVELS)
    return TrainingFilm(
        name, SPINE_SOURCE, pixels, bodies, frozenset(_GUESSED), _unknown_of_spine(bodies),
        (_behind_shoulders({b.level: b.corners for b in bodies}),), trust=10.0,
    )  # fmt: skip


def load_frontal_films(folder: Path) -> list[TrainingFilm]:
    """Load frontal films of the spine: ``images/*.webp`` and ``landmarks.csv`` (T1 to L5).

    They teach what faint bodies of standing films look like; no lateral film is among them.

    Raises
    ------
    DataSetError
        There is no table of points.
    """
    return [
        frontal_film(row["name"], read_grey(folder / "images" / f"{row['name']}.webp"), row)
        for row in _table_of_points(folder)
    ]


def _table_of_points(folder: Path) -> list[dict[str, str]]:
    table = folder / "landmarks.csv"
    if not table.is_file():
        raise DataSetError(f"{folder} has no landmarks.csv")
    with table.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def frontal_film(name: str, pixels: NDArray[np.uint8], row: Mapping[str, str]) -> TrainingFilm:
    """Turn corners (columns ``T1_tl_x`` .. ``L5_br_y``, l and r of the image) into bodies."""
    bodies = []
    for level in COLUMN_LEVELS[COLUMN_LEVELS.index("T1") : -1]:
        ends = [
            [float(row[f"{level}_{end}_{axis}"]) for axis in ("x", "y")]
            for end in ("tl", "tr", "br", "bl")
        ]
        corners = np.array(ends)
        bodies.append(AnnotatedBody(level, _outline(level, corners), corners, uncertain=False))
    first, last = bodies[0].corners, bodies[-1].corners
    neck = _band(first[0], first[1], 0.05, _DENS_REACH, 0.5, up=True)
    sacrum = _band(last[3], last[2], 0.05, _SACRUM_REACH, 0.5, up=False)
    return TrainingFilm(
        name, FRONTAL_SOURCE, pixels, tuple(bodies), unknown=(neck, sacrum), is_frontal=True
    )


def _spine_body(level: str, points: Mapping[str, Points]) -> AnnotatedBody:
    corners = np.full((4, 2), np.nan)
    for place, end in enumerate(("TF", "TB", "BB", "BF")):
        if f"{level}{end}" in points:
            corners[place] = points[f"{level}{end}"]
    return AnnotatedBody(level, _outline(level, corners), corners, level in _GUESSED)


def _outline(level: str, corners: Points) -> Points:
    if level == "C2":
        corners = np.vstack([_beyond(corners[3], corners[2], _C2_STRIP, up=True), corners[2:]])
    elif level == "S1":
        lower = _beyond(corners[0], corners[1], _S1_STRIP, up=False)
        corners = np.vstack([corners[:2], lower[::-1]])
    centre = corners.mean(axis=0)
    sides = []
    for start, stop in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inwards = centre - (start + stop) / 2
        inwards /= max(float(np.linalg.norm(inwards)), 1e-9)
        middle = (start + stop) / 2 + _CONCAVE * float(np.linalg.norm(stop - start)) * inwards
        sides.append(side_curve(np.stack([start, middle, stop])))
    return np.concatenate(sides)


def _beyond(anterior: Points, posterior: Points, reach: float, *, up: bool) -> Points:
    """Return both ends of an endplate moved away from it by `reach` of its depth."""
    across = anterior - posterior
    normal = np.array([-across[1], across[0]])
    if (normal[1] < 0) != up:
        normal = -normal
    return np.stack([anterior, posterior]) + reach * normal


def _unknown_of_spine(bodies: Sequence[AnnotatedBody]) -> tuple[Points, ...]:
    by_level = {b.level: b.corners for b in bodies}
    base, top = by_level["C2"], by_level["S1"]
    dens = _band(base[3], base[2], -0.05, _DENS_REACH, 0.25, up=True)
    sacrum = _band(top[0], top[1], 0.02, _SACRUM_REACH, 0.4, up=False)
    return dens, sacrum


def _band(
    anterior: Points, posterior: Points, start: float, stop: float, wider: float, *, up: bool
) -> Points:
    near = _beyond(anterior, posterior, start, up=up)
    far = _beyond(anterior, posterior, stop, up=up)
    across = anterior - posterior
    far += np.stack([wider * across, -wider * across])
    return np.vstack([near, far[::-1]])


def _behind_shoulders(corners: Mapping[str, Points]) -> Points:
    """Return the band along the guessed bodies, wider than they are."""
    anterior, posterior = [], []
    for level in _GUESSED:
        for front, back in ((0, 1), (3, 2)):
            across = corners[level][front] - corners[level][back]
            anterior.append(corners[level][front] + 0.3 * across)
            posterior.append(corners[level][back] - 0.3 * across)
    return np.vstack([anterior, posterior[::-1]])


def load_by_network(folder: Path, model: LoadedModel) -> list[TrainingFilm]:
    """Outline unlabelled films by a network; only films and bodies that it is sure of are kept."""
    films = []
    for path in sorted(folder.glob("*.webp")):
        pixels = read_grey(path)
        image = SpineImage(pixels.astype(np.float32), 8, Path(path.name), "0" * 64)
        film = by_network(path.stem, pixels, outline_vertebrae(model, image).vertebrae)
        if film is not None:
            films.append(film)
    return films


def by_network(
    name: str, pixels: NDArray[np.uint8], vertebrae: Sequence[Vertebra]
) -> TrainingFilm | None:
    """Take the unbroken sure bodies from C2 down, or None where there are fewer than three."""
    bodies: list[AnnotatedBody] = []
    for vertebra, level in zip(vertebrae, COLUMN_LEVELS, strict=False):
        is_sure = vertebra.confidence >= _SURE_BODY and vertebra.state is VertebraState.COMPLETE
        if vertebra.level != level or not is_sure:
            break
        marks = [vertebra.landmark(corner) for corner in CORNERS]
        corners = np.array([[np.nan] * 2 if m is None else [m.x, m.y] for m in marks])
        bodies.append(AnnotatedBody(level, np.array(vertebra.outline), corners, uncertain=False))
    if len(bodies) < _FEWEST_BODIES or not np.isfinite(bodies[-1].corners[2:]).all():
        return None
    return _guessed_film(name, pixels, tuple(bodies))


def _guessed_film(
    name: str, pixels: NDArray[np.uint8], bodies: tuple[AnnotatedBody, ...]
) -> TrainingFilm:
    unknown = (unknown_below(bodies),)
    return TrainingFilm(
        name, UNLABELLED_SOURCE, pixels, bodies, unknown=unknown, is_continued=True, trust=5.0
    )


def as_record(film: TrainingFilm) -> dict[str, Any]:
    """Return the bodies of a film outlined by a network as a JSON object."""
    return {
        body.level: {"outline": body.outline.round(2).tolist(), "corners": body.corners.tolist()}
        for body in film.bodies
    }


def from_record(
    name: str, pixels: NDArray[np.uint8], record: Mapping[str, Mapping[str, Any]]
) -> TrainingFilm:
    """Read what `as_record` wrote."""
    bodies = [
        AnnotatedBody(level, np.array(v["outline"]), np.array(v["corners"], float), uncertain=False)
        for level, v in record.items()
    ]
    return _guessed_film(name, pixels, tuple(bodies))


def fold_of_spine_films(names: Sequence[str], fold: int, folds: int = 3) -> set[str]:
    """Return the names that one of the folds keeps aside, the same ones every time."""
    shuffled = np.random.default_rng(0).permutation(sorted(set(names))).tolist()
    return set(shuffled[fold::folds])


def fold_by_film(names: Sequence[str], folds: int = 3) -> dict[str, int]:
    """Return which fold keeps each film aside; see `fold_of_spine_films`."""
    return {name: fold for fold in range(folds) for name in fold_of_spine_films(names, fold, folds)}
