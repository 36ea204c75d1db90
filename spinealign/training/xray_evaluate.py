"""Held-out figures of the lateral film's bodies, through the program's own path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Facing, Vertebra
from spinealign.domain.image import SpineImage
from spinealign.training.evaluate import Figure, bootstrap
from spinealign.training.xray_data import CORNERS, AnnotatedBody, Film, unknown_below
from spinealign.training.xray_patches import Matrix, Points, apply, rasterise

MATCHED_SHARE = 0.4
"""A found body belongs to the outlined one that it covers by at least this Dice."""


class Found(Protocol):
    """What the program says about a film."""

    @property
    def vertebrae(self) -> tuple[Vertebra, ...]:
        """The bodies from the top down."""
        ...

    @property
    def facing(self) -> Facing | None:
        """Which way the patient looks, if that could be told."""
        ...


Outliner = Callable[[SpineImage], Found]


@dataclass(frozen=True, eq=False)
class EvaluatedFilm:
    """Pixels (H, W) uint8 with the truth in the same pixels."""

    name: str
    pixels: NDArray[np.uint8]
    bodies: tuple[AnnotatedBody, ...]
    unknown: Points

    @property
    def height_px(self) -> float:
        """Mean body height."""
        lower = [b.height_px for b in self.bodies if b.level != "C2"]
        return float(np.mean(lower or [b.height_px for b in self.bodies]))


@dataclass(frozen=True, eq=False)
class Score:
    """How one film went.

    Parameters
    ----------
    dice : float
        All bodies together where the truth is known.
    level_dice : dict
        By level name; 0 for a level that was not found under its name.
    corner_errors : list of (float, bool)
        Distance as share of the mean body height, and whether the reader was sure.
    matched, outlined : int
        Bodies found and bodies in the truth.
    wrong_names, unnamed : int
        Of the matched bodies.
    """

    case: EvaluatedFilm
    vertebrae: tuple[Vertebra, ...]
    facing: Facing | None
    dice: float
    level_dice: dict[str, float]
    corner_errors: list[tuple[float, bool]] = field(default_factory=list)
    corners_missing: int = 0
    matched: int = 0
    outlined: int = 0
    wrong_names: int = 0
    unnamed: int = 0

    @property
    def names_right(self) -> bool:
        """Every matched body has its name, and most bodies were found."""
        return not self.wrong_names and not self.unnamed and 2 * self.matched >= self.outlined


def as_case(film: Film) -> EvaluatedFilm:
    """Take a film as it is."""
    return EvaluatedFilm(film.name, film.pixels, film.bodies, unknown_below(film.bodies))


def score_film(outline: Outliner, case: EvaluatedFilm) -> Score:
    """Run the program on one film and compare."""
    image = SpineImage(case.pixels.astype(np.float32), 8, Path(case.name), "0" * 64)
    answer = outline(image)
    vertebrae = answer.vertebrae
    shape = (case.pixels.shape[0], case.pixels.shape[1])
    truth = [rasterise([b.outline], shape) for b in case.bodies]
    found = [rasterise([np.array(v.outline)], shape) for v in vertebrae]
    known = ~rasterise([case.unknown], shape) | _any(truth, shape)
    all_dice = _dice(_any(truth, shape) & known, _any(found, shape) & known)
    by_level = {v.level: mask for v, mask in zip(vertebrae, found, strict=True)}
    nothing = np.zeros(shape, bool)
    level_dice = {
        body.level: _dice(mask, by_level.get(body.level, nothing) & known)
        for body, mask in zip(case.bodies, truth, strict=True)
    }
    score = Score(case, vertebrae, answer.facing, all_dice, level_dice, outlined=len(truth))
    return _compare_bodies(score, truth, found)


def _compare_bodies(
    score: Score, truth: Sequence[NDArray[np.bool_]], found: Sequence[NDArray[np.bool_]]
) -> Score:
    matched = wrong = unnamed = missing = 0
    errors: list[tuple[float, bool]] = []
    for body, mask in zip(score.case.bodies, truth, strict=True):
        overlaps = [_dice(mask, other) for other in found]
        if not overlaps or max(overlaps) < MATCHED_SHARE:
            missing += int(np.isfinite(body.corners[:, 0]).sum())
            continue
        vertebra = score.vertebrae[int(np.argmax(overlaps))]
        matched += 1
        wrong += vertebra.level is not None and vertebra.level != body.level
        unnamed += vertebra.level is None
        new = corner_errors(body, vertebra, score.case.height_px)
        errors += new
        missing += int(np.isfinite(body.corners[:, 0]).sum()) - len(new)
    return Score(
        score.case, score.vertebrae, score.facing, score.dice, score.level_dice, errors,
        missing, matched, score.outlined, wrong, unnamed,
    )  # fmt: skip


def corner_errors(
    body: AnnotatedBody, vertebra: Vertebra, height_px: float
) -> list[tuple[float, bool]]:
    """Return (distance as share of `height_px`, reader was sure) of each corner that both have."""
    errors = []
    for name, point in zip(CORNERS, body.corners, strict=True):
        mark = vertebra.landmark(name)
        if mark is not None and np.isfinite(point).all():
            distance = float(np.hypot(mark.x - point[0], mark.y - point[1]))
            errors.append((distance / height_px, body.level == "C2" or not body.uncertain))
    return errors


def summarise(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the figures with intervals from resampling films."""

    def mean_of(values: Sequence[float]) -> Figure:
        return bootstrap(list(values), lambda draw: float(np.mean(draw)))

    def corners(share: float, only_sure: bool) -> Figure | None:
        def statistic(draw: Sequence[list[tuple[float, bool]]]) -> float:
            errors = [e for film in draw for e, sure in film if sure or not only_sure]
            return float(np.quantile(errors, share)) if errors else float("nan")

        if not any(sure or not only_sure for s in scores for _, sure in s.corner_errors):
            return None
        return bootstrap([s.corner_errors for s in scores], statistic, draws=500)

    def per_level(draw: Sequence[dict[str, float]]) -> float:
        return float(np.mean([d for film in draw for d in film.values()]))

    levels = sorted({name for s in scores for name in s.level_dice})
    expected = sum(len(s.corner_errors) + s.corners_missing for s in scores)
    return {
        "films": len(scores),
        "dice_all_bodies": mean_of([s.dice for s in scores]),
        "dice_per_level": bootstrap([s.level_dice for s in scores], per_level),
        "dice_of_level": {
            name: mean_of([s.level_dice[name] for s in scores if name in s.level_dice])
            for name in levels
        },
        "corner_error_median": corners(0.5, False),
        "corner_error_p90": corners(0.9, False),
        "sure_corner_error_median": corners(0.5, True),
        "sure_corner_error_p90": corners(0.9, True),
        "corners_not_placed": round(sum(s.corners_missing for s in scores) / max(expected, 1), 4),
        "films_named_right": mean_of([float(s.names_right) for s in scores]),
        "films_with_wrong_names": sum(s.wrong_names > 0 for s in scores),
        "films_with_withheld_names": sum(s.unnamed > 0 for s in scores),
    }


def variants(rng: np.random.Generator) -> dict[str, Callable[[EvaluatedFilm], EvaluatedFilm]]:
    """Return the changes of the robustness table by name."""
    return {
        "flipped": lambda case: move(case, _flip(case), _size(case)),
        "shrunk to 512 px": _shrink_to_512,
        "pasted into 1000 x 1000": lambda case: _paste(case, rng),
        "darkened": lambda case: _with_pixels(case, 255 * 0.5 * (case.pixels / 255.0) ** 1.8),
        "blurred": lambda case: _with_pixels(
            case, cv2.GaussianBlur(case.pixels, (0, 0), max(case.pixels.shape) / 500)
        ),
        "rotated 15 degrees": lambda case: _rotate(case, 15.0 * float(rng.choice([-1, 1]))),
    }


def move(case: EvaluatedFilm, matrix: Matrix, size: tuple[int, int]) -> EvaluatedFilm:
    """Resample a case by an affine matrix (2, 3); `size` is (columns, rows)."""
    centres = matrix.copy()
    centres[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    pixels = case.pixels
    if scale < 0.9:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale), np.uint8)
    moved = np.asarray(cv2.warpAffine(pixels, centres, size, flags=cv2.INTER_LINEAR), np.uint8)
    bodies = tuple(
        AnnotatedBody(b.level, apply(matrix, b.outline), apply(matrix, b.corners), b.uncertain)
        for b in case.bodies
    )
    return EvaluatedFilm(case.name, moved, bodies, apply(matrix, case.unknown))


def _size(case: EvaluatedFilm) -> tuple[int, int]:
    return case.pixels.shape[1], case.pixels.shape[0]


def _flip(case: EvaluatedFilm) -> Matrix:
    return np.array([[-1.0, 0, case.pixels.shape[1]], [0, 1, 0]])


def _shrink_to_512(case: EvaluatedFilm) -> EvaluatedFilm:
    factor = min(1.0, 512 / max(case.pixels.shape))
    size = (round(case.pixels.shape[1] * factor), round(case.pixels.shape[0] * factor))
    return move(case, np.array([[factor, 0, 0], [0, factor, 0]]), size)


def _paste(case: EvaluatedFilm, rng: np.random.Generator) -> EvaluatedFilm:
    factor = rng.uniform(0.55, 0.95) * 1000 / max(case.pixels.shape)
    room = 1000 - factor * np.array(_size(case))
    x, y = rng.uniform(0, 1, 2) * room
    return move(case, np.array([[factor, 0, x], [0, factor, y]]), (1000, 1000))


def _rotate(case: EvaluatedFilm, degrees: float) -> EvaluatedFilm:
    cols, rows = _size(case)
    turn = np.asarray(cv2.getRotationMatrix2D((cols / 2, rows / 2), degrees, 1.0), float)
    # The canvas grows so that no body is turned out of the film.
    wide = np.abs(turn[:, :2]) @ np.array([cols, rows])
    turn[:, 2] += wide / 2 - np.array([cols, rows]) / 2
    return move(case, turn, (round(wide[0]), round(wide[1])))


def _with_pixels(case: EvaluatedFilm, pixels: NDArray[Any]) -> EvaluatedFilm:
    grey = np.round(pixels).clip(0, 255).astype(np.uint8)
    return EvaluatedFilm(case.name, grey, case.bodies, case.unknown)


def robustness_table(
    outline: Outliner, films: Sequence[Film], seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Score every variant of every film."""
    rng = np.random.default_rng(seed)
    table = {}
    for name, change in variants(rng).items():
        figures = summarise([score_film(outline, change(as_case(f))) for f in films])
        kept = ("dice_all_bodies", "dice_per_level", "films_named_right", "corner_error_median")
        table[name] = {key: figures[key] for key in kept}
    return table


def falsely_outlined(outline: Outliner, pictures: Sequence[NDArray[np.uint8]]) -> dict[str, int]:
    """Count pictures without a cervical column on which something is outlined all the same."""
    images = [SpineImage(p.astype(np.float32), 8, Path("picture"), "0" * 64) for p in pictures]
    return {
        "pictures": len(images),
        "outlined": sum(bool(outline(image).vertebrae) for image in images),
    }


def contact_sheet(scores: Sequence[Score], count: int = 12, tile_px: int = 420) -> NDArray[Any]:
    """Draw the worst films: truth green, found red with names; (rows, columns, 3) uint8 BGR."""
    worst = sorted(scores, key=lambda s: s.dice + 0.5 * s.names_right)[:count]
    tiles = [_tile(score, tile_px) for score in worst]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 4)
    return np.vstack([np.hstack(tiles[i : i + 4]) for i in range(0, len(tiles), 4)])


def _tile(score: Score, tile_px: int) -> NDArray[np.uint8]:
    case = score.case
    outlines = [b.outline for b in case.bodies] + [np.array(v.outline) for v in score.vertebrae]
    every = np.concatenate(outlines)
    margin = 1.5 * case.height_px
    low, high = every.min(axis=0) - margin, every.max(axis=0) + margin
    scale = tile_px / float((high - low).max())
    matrix = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale]])
    moved = move(case, matrix, (tile_px, tile_px))
    tile = cv2.cvtColor(moved.pixels, cv2.COLOR_GRAY2BGR)
    for body in moved.bodies:
        _draw(tile, body.outline, (0, 220, 0))
    for vertebra in score.vertebrae:
        outline = apply(matrix, np.array(vertebra.outline))
        _draw(tile, outline, (60, 60, 255))
        at = (int(outline[:, 0].max()) + 4, int(outline[:, 1].mean()))
        cv2.putText(tile, vertebra.name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 230, 255), 1)
    title = f"{case.name} {score.dice:.3f}"
    cv2.putText(tile, title, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1)
    return np.asarray(tile, np.uint8)


def _draw(tile: NDArray[Any], outline: Points, colour: tuple[int, int, int]) -> None:
    fixed = np.round(outline * 16 - 8).astype(np.int32)
    cv2.polylines(tile, [fixed], True, colour, 1, cv2.LINE_AA, 4)


def _any(masks: Sequence[NDArray[np.bool_]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    return np.logical_or.reduce([np.zeros(shape, bool), *masks])


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0
