"""Held-out figures by source: what the program finds, names and measures on lateral films."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import LandmarkName, Vertebra
from spinealign.domain.image import SpineImage
from spinealign.radiograph.looks import COLUMN_LEVELS
from spinealign.training.evaluate import Figure, bootstrap
from spinealign.training.spine_films import (
    HEAD_SOURCE,
    NECK_SOURCE,
    SPINE_SOURCE,
    TrainingFilm,
    from_outlined,
    load_spine_films,
)
from spinealign.training.xray_data import CORNERS, AnnotatedBody, load_films, split_films
from spinealign.training.xray_patches import rasterise

NECK_LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7")
LUMBAR_LEVELS = ("L1", "L2", "L3", "L4", "L5", "S1")

VEILED_C7 = frozenset(["1", "7", "8", "12", "13", "16", "19", "26", "27", "33", "39"])
"""Whole-spine films whose C7 lies behind the shoulders, as one eye saw it with local contrast."""

MATCHED_HEIGHTS = 0.5
"""A found body is the reader's whose centre lies within this share of a body's height."""

_FEWEST_OF_A_NECK = 3
_CORNER_NAMES: tuple[LandmarkName, ...] = tuple(LandmarkName(name) for name in CORNERS)
_INFERIOR = (LandmarkName.POSTERIOR_INFERIOR, LandmarkName.ANTERIOR_INFERIOR)
_SUPERIOR = (LandmarkName.POSTERIOR_SUPERIOR, LandmarkName.ANTERIOR_SUPERIOR)

Finder = Callable[[SpineImage], Sequence[Vertebra]]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class RegionScore:
    """How one region of one film went.

    Parameters
    ----------
    outlined, matched, wrong_names, unnamed : int
        Bodies of the reader; of these found; of these under another level's name, or none.
    corner_errors : tuple of float
        In the film's mean body height of this region.
    missing_corners : int
        Of the bodies found.
    """

    outlined: int
    matched: int
    wrong_names: int
    unnamed: int
    corner_errors: tuple[float, ...]
    missing_corners: int

    @property
    def is_complete(self) -> bool:
        """Whether every body was found."""
        return self.matched == self.outlined


@dataclass(frozen=True)
class FilmScore:
    """How one film went; angle errors are NaN where the program did not measure.

    Parameters
    ----------
    strays : int
        Bodies found where the reader has none and the truth is known.
    angle_errors : mapping of str to float
        Found less reader's, in degrees.
    segmental_errors : tuple of float
        The same of the angles between facing endplates of the neck; only those measured.
    dice : tuple of float
        Of each outline of the neck against the reader's; empty where readers marked corners.
    """

    name: str
    neck: RegionScore
    lumbar: RegionScore
    whole: RegionScore
    strays: int
    angle_errors: Mapping[str, float] = field(default_factory=dict)
    segmental_errors: tuple[float, ...] = ()
    dice: tuple[float, ...] = ()

    @property
    def is_neck_found(self) -> bool:
        """Whether three bodies of the neck, or all that there are, were found."""
        return self.neck.matched >= min(_FEWEST_OF_A_NECK, self.neck.outlined)


def films_kept_aside(data: Path, *, with_spines: bool = True) -> dict[str, list[TrainingFilm]]:
    """Return by source the films that are judged: those held out, and those that folds leave out.

    Parameters
    ----------
    data : Path
        Folder with ``xray_lateral``, ``xray_lateral_neck`` and ``xray_spine_lateral``.
    with_spines : bool
        Whether to read the whole spines, which only networks of folds may be judged by.
    """
    _, home = split_films(load_films(data / "xray_lateral"), 0.25, 7)
    necks = load_films(data / "xray_lateral_neck")
    return {
        HEAD_SOURCE: [from_outlined(f, HEAD_SOURCE, is_continued=True) for f in home],
        NECK_SOURCE: [from_outlined(f, NECK_SOURCE, is_continued=False) for f in necks],
        SPINE_SOURCE: load_spine_films(data / "xray_spine_lateral") if with_spines else [],
    }


def score_by_corners(find: Finder, film: TrainingFilm) -> FilmScore:
    """Run the program on one film and compare it with the reader's corners."""
    found = list(find(image_of(film)))
    pairs = matched_bodies(film.bodies, found)
    neck, lumbar, whole = (
        _score_region([b for b in film.bodies if b.level in levels], pairs)
        for levels in (NECK_LEVELS, LUMBAR_LEVELS, COLUMN_LEVELS)
    )
    others = [v for v in found if v not in pairs.values() and not _is_in_unknown(film, v)]
    dice = [] if film.source == SPINE_SOURCE else _dice(film, pairs)
    return FilmScore(
        film.name, neck, lumbar, whole, len(others), _angle_errors(film, found),
        _segmental_errors(film, found), tuple(dice),
    )  # fmt: skip


def image_of(film: TrainingFilm) -> SpineImage:
    """Return a film as the program opens it."""
    return SpineImage(film.pixels.astype(np.float32), 8, Path(film.name), "0" * 64)


def _dice(film: TrainingFilm, pairs: Mapping[str, Vertebra]) -> list[float]:
    """Return the Dice coefficient of each reader's outline; 0 where nothing was found."""
    values = []
    for body in film.bodies:
        wanted = rasterise([body.outline], film.pixels.shape)
        found = np.zeros_like(wanted)
        if body.level in pairs:
            found = rasterise([np.array(pairs[body.level].outline)], film.pixels.shape)
        values.append(2 * float((wanted & found).sum()) / float(wanted.sum() + found.sum()))
    return values


def _is_in_unknown(film: TrainingFilm, vertebra: Vertebra) -> bool:
    x, y = (float(v) for v in np.array(vertebra.outline).mean(axis=0))
    polygons = [u.astype(np.float32) for u in (*film.unknown, *film.doubtful)]
    return any(cv2.pointPolygonTest(polygon, (x, y), False) >= 0 for polygon in polygons)


def matched_bodies(
    bodies: Sequence[AnnotatedBody], found: Sequence[Vertebra]
) -> dict[str, Vertebra]:
    """Return the found body of each level of the reader that has one; nearest pairs first."""
    gaps = sorted(
        (_apart(body, vertebra), body.level, place)
        for body in bodies
        for place, vertebra in enumerate(found)
    )
    pairs: dict[str, Vertebra] = {}
    taken: set[int] = set()
    for gap, level, place in gaps:
        if gap <= MATCHED_HEIGHTS and level not in pairs and place not in taken:
            pairs[level] = found[place]
            taken.add(place)
    return pairs


def _apart(body: AnnotatedBody, vertebra: Vertebra) -> float:
    """Return the distance of two bodies in heights: of centres, or of the one endplate they have.

    Readers of whole spines marked one endplate of C2 and S1 only.
    """
    marks = {name: vertebra.landmark(name) for name in CORNERS}
    ends = [
        (np.array([mark.x, mark.y]), point)
        for (_, mark), point in zip(marks.items(), body.corners, strict=True)
        if mark is not None and np.isfinite(point).all()
    ]
    if len(ends) < 2:
        place = np.array(vertebra.outline).mean(axis=0)
        return float(np.linalg.norm(place - body.outline.mean(axis=0))) / _height(body)
    shift = np.mean([mark - point for mark, point in ends], axis=0)
    return float(np.linalg.norm(shift)) / _height(body)


def _height(body: AnnotatedBody) -> float:
    """Return a body's height in pixels; of C2 and S1 three quarters of its endplate's depth."""
    heights = [
        float(np.linalg.norm(body.corners[a] - body.corners[b]))
        for a, b in ((0, 3), (1, 2))
        if np.isfinite(body.corners[[a, b]]).all()
    ]
    if heights:
        return float(np.mean(heights))
    ends = body.corners[np.isfinite(body.corners[:, 0])]
    return 0.75 * float(np.linalg.norm(ends[0] - ends[1]))


def _score_region(bodies: Sequence[AnnotatedBody], pairs: Mapping[str, Vertebra]) -> RegionScore:
    here = [(b, pairs[b.level]) for b in bodies if b.level in pairs]
    height = float(np.mean([_height(b) for b in bodies])) if bodies else 1.0
    errors, missing = [], 0
    for body, vertebra in here:
        for name, point in zip(CORNERS, body.corners, strict=True):
            mark = vertebra.landmark(name)
            if not np.isfinite(point).all():
                continue
            if mark is None:
                missing += 1
            else:
                errors.append(float(np.hypot(mark.x - point[0], mark.y - point[1])) / height)
    return RegionScore(
        len(bodies), len(here),
        sum(v.level is not None and v.level != b.level for b, v in here),
        sum(v.level is None for _, v in here), tuple(errors), missing,
    )  # fmt: skip


End = tuple[str, bool]

_HORIZONTAL = ("horizontal", True)

_ANGLES: Mapping[str, tuple[End, End]] = {
    "C2-C7": (("C2", False), ("C7", False)),
    "C2-C6": (("C2", False), ("C6", False)),
    "C7 slope": (_HORIZONTAL, ("C7", True)),
    "T1 slope": (_HORIZONTAL, ("T1", True)),
    "T4-T12": (("T4", True), ("T12", False)),
    "L1-S1": (("L1", True), ("S1", True)),
    "L4-S1": (("L4", True), ("S1", True)),
}
"""Level and whether its superior endplate counts; a slope is against the film's rows."""

LOWEST = "C2-lowest neck"
"""From C2 to the lowest body of the neck that the reader outlined."""


def _angle_errors(film: TrainingFilm, found: Sequence[Vertebra]) -> dict[str, float]:
    lowest = [b.level for b in film.bodies if b.level in NECK_LEVELS[1:]][-1:]
    spans = dict(_ANGLES)
    if lowest:
        spans[LOWEST] = (("C2", False), (lowest[0], False))
    errors = {name: _angle_error(film, found, *ends) for name, ends in spans.items()}
    return {name: error for name, error in errors.items() if error is not None}


def _segmental_errors(film: TrainingFilm, found: Sequence[Vertebra]) -> tuple[float, ...]:
    errors = [
        _angle_error(film, found, (upper, False), (lower, True))
        for upper, lower in pairwise(NECK_LEVELS)
    ]
    return tuple(error for error in errors if error is not None and np.isfinite(error))


def _angle_error(
    film: TrainingFilm, found: Sequence[Vertebra], first: End, second: End
) -> float | None:
    """Return found less reader's; NaN where nothing was measured, None where there is no truth."""
    truth = {b.level: _corner_places(b.corners) for b in film.bodies}
    ends = (first, second)
    wanted = [_endplate(truth, end) for end in ends]
    if wanted[0] is None or wanted[1] is None:
        return None
    named = {v.level: _landmark_places(v) for v in found if v.level is not None}
    marked = [_endplate(named, end) for end in ends]
    if marked[0] is None or marked[1] is None:
        return float("nan")
    away = _turn(marked[0], marked[1]) - _turn(wanted[0], wanted[1])
    return (away + 180) % 360 - 180


def _corner_places(corners: Points) -> dict[LandmarkName, Points]:
    places = dict(zip(_CORNER_NAMES, corners, strict=True))
    return {name: place for name, place in places.items() if np.isfinite(place).all()}


def _landmark_places(vertebra: Vertebra) -> dict[LandmarkName, Points]:
    marks = {name: vertebra.landmark(name) for name in _CORNER_NAMES}
    return {name: np.array([m.x, m.y]) for name, m in marks.items() if m is not None}


def _endplate(bodies: Mapping[str, Mapping[LandmarkName, Points]], end: End) -> Points | None:
    """Return the vector from the posterior to the anterior corner; of the horizontal, rightwards.

    A film that faces left turns the sign of a slope on both sides of a comparison alike.
    """
    if end == _HORIZONTAL:
        return np.array([1.0, 0.0])
    posterior, anterior = _SUPERIOR if end[1] else _INFERIOR
    places = bodies.get(end[0], {})
    if posterior not in places or anterior not in places:
        return None
    return np.asarray(places[anterior] - places[posterior])


def _turn(one: Points, other: Points) -> float:
    cross = one[0] * other[1] - one[1] * other[0]
    return float(np.degrees(np.arctan2(cross, one @ other)))


def figures(scores: Sequence[FilmScore]) -> dict[str, Figure | str]:
    """Return the table's row of one source, with intervals from resampling films."""

    def share(values: Sequence[float]) -> Figure:
        return bootstrap([float(v) for v in values], lambda draw: float(np.mean(draw)))

    row: dict[str, Figure | str] = {
        "neck found": share([s.is_neck_found for s in scores]),
        "all of the neck": share([s.neck.is_complete for s in scores]),
        "wrong name": share([s.whole.wrong_names > 0 for s in scores]),
        "unnamed": share([s.whole.unnamed > 0 for s in scores]),
        "strays": share([s.strays > 0 for s in scores]),
        "corner median": _quantile([s.neck.corner_errors for s in scores], 0.5),
        "corner p90": _quantile([s.neck.corner_errors for s in scores], 0.9),
    }
    if any(s.dice for s in scores):
        row["Dice"] = bootstrap(
            [list(s.dice) for s in scores], lambda draw: float(np.mean(np.concatenate(draw)))
        )
    if any(s.lumbar.outlined for s in scores):
        row["all of L1-S1"] = share([s.lumbar.is_complete for s in scores])
        row["lumbar median"] = _quantile([s.lumbar.corner_errors for s in scores], 0.5)
        row["bodies found"] = share([s.whole.matched / s.whole.outlined for s in scores])
    for name in (*_ANGLES, LOWEST):
        errors = [s.angle_errors[name] for s in scores if name in s.angle_errors]
        if errors:
            row[name] = _angle_figure(errors)
    segmental = [e for s in scores for e in s.segmental_errors]
    if segmental:
        row["segmental"] = _angle_figure(segmental)
    return row


def _quantile(errors: Sequence[Sequence[float]], at: float) -> Figure | str:
    if not any(errors):
        return "none"

    def statistic(draw: Sequence[Sequence[float]]) -> float:
        flat = [e for film in draw for e in film]
        return float(np.quantile(flat, at)) if flat else float("nan")

    return bootstrap([list(e) for e in errors], statistic, draws=300)


def _angle_figure(errors: Sequence[float]) -> str:
    known = np.abs([e for e in errors if np.isfinite(e)])
    if not known.size:
        return f"none of {len(errors)}"
    return f"{known.mean():.1f} (median {np.median(known):.1f}, {known.size}/{len(errors)})"


def neck_part(film: TrainingFilm, margin: float, *, is_mirrored: bool = False) -> TrainingFilm:
    """Cut the neck out of a film, with a margin in lengths of C2 to C7 on every side.

    Bodies below the neck count neither way where they are found.
    """
    bodies = [b for b in film.bodies if b.level in NECK_LEVELS]
    others = [b.outline for b in film.bodies if b.level not in NECK_LEVELS]
    every = np.concatenate([b.outline for b in bodies])
    low, high = every.min(axis=0), every.max(axis=0)
    room = margin * float((high - low).max())
    left, top = (max(0, int(v)) for v in low - room)
    right, bottom = (int(v) for v in np.minimum(high + room, film.pixels.shape[::-1]))
    pixels = np.ascontiguousarray(film.pixels[top:bottom, left:right])
    if is_mirrored:
        pixels = np.ascontiguousarray(pixels[:, ::-1])

    def moved(points: Points) -> Points:
        placed = points - (left, top)
        return _mirrored(placed, pixels.shape[1]) if is_mirrored else placed

    return TrainingFilm(
        film.name, film.source, pixels,
        tuple(replace(b, outline=moved(b.outline), corners=moved(b.corners)) for b in bodies),
        unknown=tuple(moved(u) for u in film.unknown),
        doubtful=tuple(moved(u) for u in (*film.doubtful, *others)),
    )  # fmt: skip


def _mirrored(points: Points, width: int) -> Points:
    return np.stack([width - points[:, 0], points[:, 1]], axis=1)


def as_text(row: Mapping[str, Figure | str]) -> str:
    """Write a row's figures, one a line."""
    lines = []
    for name, value in row.items():
        shown = value
        if isinstance(value, dict):
            shown = f"{value['value']:.3f} ({value['low']:.3f}-{value['high']:.3f})"
        lines.append(f"  {name:18} {shown}")
    return "\n".join(lines)
