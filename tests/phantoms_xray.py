"""A drawn cervical column, and a fake network that sees it ideally through any window.

The film holds no anatomy: its grey values are a quadratic function of the place, so that
the fake network can tell from any resampled window where on the film it looks, and answer
with what an ideal network would say there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.analysis import analyze_image
from spinealign.domain.examination import Examination, ImageKind
from spinealign.domain.findings import Analysis, ModelStatus
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpineImage
from spinealign.domain.measures import MeasureCode
from spinealign.domain.model_card import IntensityRule, IntervalFactor, ModelCard
from spinealign.domain.model_store import ChosenModel
from spinealign.inference.engine import LoadedModel
from tests.examinations import LATERAL_NECK

LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7", "T1")
HEAT_SIGMA_PX = 2.5
_BASE, _RISE = 20.0, 50.0
_FINE = 4
_FACTORS = {
    MeasureCode.COBB_C2_C7: 1.96,
    MeasureCode.TRANSLATION: 1.96,
    MeasureCode.BODY_HEIGHT_RATIO: 1.96,
    MeasureCode.DISC_HEIGHT_RATIO: 0.95,
}

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DrawnBody:
    """A body's outline (N, 2) and corners (4, 2), NaN where it has none; film coordinates."""

    level: str
    outline: Points
    corners: Points

    @property
    def is_c2(self) -> bool:
        return self.level == "C2"


@dataclass(frozen=True, eq=False)
class DrawnColumn:
    """Bodies on a film of (rows, columns); `strays` are outlines of bone that is no body."""

    bodies: tuple[DrawnBody, ...]
    shape: tuple[int, int]
    strays: tuple[Points, ...] = ()
    certainty: float = 0.98
    corner_height: float = 0.95

    def named(self, level: str) -> DrawnBody:
        return next(body for body in self.bodies if body.level == level)

    def without(self, *levels: str) -> DrawnColumn:
        kept = tuple(body for body in self.bodies if body.level not in levels)
        return replace(self, bodies=kept)

    def moved(self, matrix: NDArray[np.float64], shape: tuple[int, int]) -> DrawnColumn:
        """Map everything by a (2, 3) matrix; corner names stay with the anatomy."""

        def move(points: Points) -> Points:
            return points @ matrix[:, :2].T + matrix[:, 2]

        bodies = tuple(DrawnBody(b.level, move(b.outline), move(b.corners)) for b in self.bodies)
        return replace(self, bodies=bodies, shape=shape, strays=tuple(map(move, self.strays)))


def draw_column(
    lowest: str = "C7",
    height: float = 60.0,
    disc: float = 0.32,
    shape: tuple[int, int] = (900, 700),
) -> DrawnColumn:
    """Draw a lordotic column that looks to the right.

    Parameters
    ----------
    height : float
        Of a body, in film pixels.
    disc : float
        Height of a disc in body heights; 0 lets bodies touch.
    """
    bodies = []
    top = np.array([shape[1] * 0.5, shape[0] * 0.5 - 2.6 * height])
    for place in range(LEVELS.index(lowest) + 1):
        down = _direction(place)
        across = np.array([down[1], -down[0]])
        if place == 0:
            bodies.append(_c2(top, down, across, height))
        else:
            bodies.append(_body(LEVELS[place], top, down, across, height))
        top = top + down * height * ((1.0 if place else 0.0) + disc)
    return DrawnColumn(tuple(bodies), shape)


def _direction(place: int) -> Points:
    angle = np.radians(100 + 4 * place)
    return np.array([np.cos(angle), np.sin(angle)])


def _body(level: str, top: Points, down: Points, across: Points, height: float) -> DrawnBody:
    half, slant = 0.58 * height * across, 0.1 * height * down
    corners = np.stack(
        [top + half + slant, top - half, top - half + height * down, top + half + height * down]
    )
    corners[3] += slant
    return DrawnBody(level, _edges(corners), corners)


def _c2(end: Points, down: Points, across: Points, height: float) -> DrawnBody:
    half, up = 0.56 * height * across, -height * down
    posterior, anterior = end - half, end + half - 0.08 * up
    outline = np.stack([
        posterior, end, anterior, anterior + 0.8 * up, end + 0.5 * half + 1.1 * up,
        end + 0.45 * half + 1.75 * up, end + 1.95 * up, end - 0.55 * half + 1.75 * up,
        end - 0.6 * half + 1.1 * up, posterior + 0.8 * up,
    ])  # fmt: skip
    corners = np.full((4, 2), np.nan)
    corners[2:] = posterior, anterior
    return DrawnBody("C2", _edges(outline), corners)


def _edges(corners: Points, steps: int = 8) -> Points:
    shares = np.linspace(0, 1, steps, endpoint=False)[:, None]
    following = np.roll(corners, -1, axis=0)
    return np.concatenate([a + shares * (b - a) for a, b in zip(corners, following, strict=True)])


def turned(
    column: DrawnColumn, degrees: float = 0.0, scale: float = 1.0, mirrored: bool = False,
    shift: tuple[float, float] = (0.0, 0.0), shape: tuple[int, int] | None = None,
) -> DrawnColumn:  # fmt: skip
    """Turn, enlarge, mirror and shift a column about the middle of its film."""
    shape = shape or column.shape
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    linear = scale * np.array([[cosine, -sine], [sine, cosine]])
    if mirrored:
        linear = linear @ np.diag([-1.0, 1.0])
    old, new = (np.array(size[::-1]) / 2 for size in (column.shape, shape))
    offset = new + np.array(shift) - linear @ old
    return column.moved(np.column_stack([linear, offset]), shape)


def film_of(column: DrawnColumn) -> SpineImage:
    """Return the film whose grey values say where they are."""
    rows, cols = column.shape
    y, x = np.mgrid[0:rows, 0:cols] + 0.5
    greys = _BASE + _RISE * (x / cols + (x / cols) ** 2 + y / rows + (y / rows) ** 2)
    return SpineImage(
        pixels=greys.astype(np.float32),
        bits=8,
        source_path=Path("drawn.png"),
        sha256=hashlib.sha256(b"drawn").hexdigest(),
        possible_examinations=(LATERAL_NECK,),
    )


NOWHERE = np.array([[1.0, 0.0, -1e6], [0.0, 1.0, -1e6]])
"""Where a column lies on a canvas that does not show it."""


def negative_of(image: SpineImage) -> SpineImage:
    """Return a film with dark bone."""
    return replace(image, pixels=image.pixels.min() + image.pixels.max() - image.pixels)


@dataclass
class IdealEngine:
    """Answers any window of `film_of` (column) as an ideal network would; a negative is empty."""

    column: DrawnColumn
    name: str = "ideal"
    windows: list[tuple[float, float, float]] = field(default_factory=list)

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        canvas = batch[0, ..., 0].astype(np.float64) * 255
        matrix = self._where(canvas)
        bone, c2 = self._bone(matrix, canvas.shape)
        odds = np.stack([1 - bone, c2, bone - c2], axis=-1).clip(1e-4, 1)
        heat = self._heat(matrix, canvas.shape).clip(1e-4, 1 - 1e-4)
        return {
            "logits": np.log(odds)[None].astype(np.float32),
            "corners": np.log(heat / (1 - heat))[None].astype(np.float32),
        }

    def _where(self, canvas: Points) -> NDArray[np.float64]:
        """Recover from the grey values how film coordinates map to the canvas, as (2, 3)."""
        seen = np.pad((canvas > 1).astype(np.uint8)[4:-4, 4:-4], 4)
        # Resampling repeats the film's border; those cells would bend the fit.
        rows, cols = np.nonzero(cv2.erode(seen, np.ones((9, 9))))
        chosen = slice(None, None, max(1, rows.size // 4000))
        x, y = cols[chosen] + 0.5, rows[chosen] + 0.5
        terms = np.stack([np.ones_like(x), x, x**2, y, y**2], axis=1)
        found = np.linalg.lstsq(terms, canvas[rows[chosen], cols[chosen]], rcond=None)[0]
        scales, starts = [], []
        # On the film a side of length n adds _RISE * ((t / n) + (t / n) ** 2); here t = t0 + u / s.
        if min(found[2], found[4]) <= 0:
            return NOWHERE
        for length, (slope, curve) in zip(
            self.column.shape[::-1], (found[1:3], found[3:5]), strict=True
        ):
            scale = np.sqrt(_RISE / length**2 / curve)
            scales.append(scale)
            starts.append((slope * scale - _RISE / length) * length**2 / (2 * _RISE))
        self.windows.append((starts[0], starts[1], scales[0]))
        linear = np.diag(scales)
        return np.column_stack([linear, -linear @ starts])

    def _bone(
        self, matrix: NDArray[np.float64], shape: tuple[int, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        column = self.column
        bodies = [b.outline for b in column.bodies if not b.is_c2]
        upper = [b.outline for b in column.bodies if b.is_c2]
        covered = _covered(bodies + list(column.strays), matrix, shape)
        c2 = _covered(upper, matrix, shape)
        return column.certainty * np.clip(covered + c2, 0, 1), column.certainty * c2

    def _heat(self, matrix: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
        heat = np.zeros((*shape, 4))
        for body in self.column.bodies:
            for channel, corner in enumerate(body.corners @ matrix[:, :2].T + matrix[:, 2]):
                if np.isfinite(corner).all():
                    across, down = (
                        np.exp(-((np.arange(size) + 0.5 - place) ** 2) / (2 * HEAT_SIGMA_PX**2))
                        for size, place in zip(shape[::-1], corner, strict=True)
                    )
                    spot = np.outer(down, across)
                    np.maximum(heat[..., channel], spot, out=heat[..., channel])
        return heat * self.column.corner_height


def _covered(
    outlines: list[Points], matrix: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return how much of each cell lies inside the outlines, a little blurred."""
    fine = np.zeros((shape[0] * _FINE, shape[1] * _FINE), np.uint8)
    for outline in outlines:
        points = (outline @ matrix[:, :2].T + matrix[:, 2]) * _FINE - 0.5
        fixed = np.rint(points * 256).clip(-(2**30), 2**30).astype(np.int32)
        # fillPoly paints the border pixels too; a thin dark line takes them off again.
        left, top, width, height = cv2.boundingRect(fixed // 256)
        rows, cols = (slice(max(start - 4, 0), max(start + size + 4, 0))
                      for start, size in ((top, height), (left, width)))  # fmt: skip
        layer = np.zeros_like(fine[rows, cols])
        if layer.size:
            inside = fixed - np.array([cols.start, rows.start], np.int32) * 256
            cv2.fillPoly(layer, [inside], 255, cv2.LINE_AA, 8)
            np.maximum(fine[rows, cols], layer, out=fine[rows, cols])
    small = cv2.resize(fine, (shape[1], shape[0]), interpolation=cv2.INTER_AREA) / 255
    return cv2.GaussianBlur(small, (0, 0), 0.8)


def xray_card(side: int = 384) -> ModelCard:
    """Return the card of the fake network."""
    return ModelCard(
        name="xray_bodies",
        title="Ideal network",
        version="1",
        status=ModelStatus.INTERNALLY_VALIDATED,
        task="segmentation",
        examinations=(LATERAL_NECK.kind,),
        weights="model.tflite",
        sha256="0" * 64,
        architecture={"name": "vertebra_unet", "arguments": {}},
        input_shape=(side, side),
        intensity=IntensityRule(),
        classes=("background", "C2", "body"),
        training_data="none",
        licence="none",
        metrics={"none": True},
        intended_use="tests",
        known_failures=(),
        limits="Sees drawings only.",
        interval_factors={
            code: IntervalFactor(factor, 20, 20, 0.95, ("drawn",))
            for code, factor in _FACTORS.items()
        },
    )


def ideal_model(column: DrawnColumn, side: int = 384) -> LoadedModel:
    """Return a loaded model that sees `column` ideally."""
    return LoadedModel(xray_card(side), IdealEngine(column))


class FilmModels:
    """Stands in for the installed models: those for radiographs, and nothing else."""

    def __init__(self, *models: LoadedModel) -> None:
        self._models = models

    def find(self, task: str, examination: Examination | None = None) -> ModelCard | None:
        return next(iter(self.find_all(task, examination)), None)

    def find_all(self, task: str, examination: Examination | None = None) -> tuple[ModelCard, ...]:
        cards = (model.card for model in self._models)
        return tuple(c for c in cards if c.task == task and c.serves(examination))

    find_everywhere = find_all

    def named_for(self, kind: ImageKind) -> tuple[ModelCard, ...]:
        return ()

    def gone(self, examination: Examination) -> tuple[ChosenModel, ...]:
        return ()

    def damaged(self) -> tuple[str, ...]:
        return ()

    def load(self, name: str) -> LoadedModel:
        return next(model for model in self._models if model.card.name == name)


def analysed(column: DrawnColumn) -> Analysis:
    """Return the whole program's analysis of a drawn column."""
    return run_to_end(analyze_image(film_of(column), FilmModels(ideal_model(column))))
