"""Endless augmented crops of lateral films of several sources, with masks, corners and levels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.model_card import IntensityRule
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.training import xray_appearance as appearance
from spinealign.training import xray_augment as looks
from spinealign.training.augment import Geometry, random_affine
from spinealign.training.dataset import IGNORE
from spinealign.training.spine_films import TrainingFilm, level_number
from spinealign.training.xray_augment import ColumnCourse
from spinealign.training.xray_data import Film
from spinealign.training.xray_patches import (
    BACKGROUND,
    C2,
    LOWER_BODY,
    Matrix,
    PixelPyramid,
    SurroundedFilm,
    apply,
    draw_corners,
    rasterise,
    turned_into_crop,
)

S1 = 3
CHANNELS = 8
"""Mask, four corner heat maps and their weight (times 255), level number, its weight."""

_CLASS_OF = {"C2": C2, "S1": S1}
_GUESSED_WEIGHT = 0.3
_GUESSED_BORDER = 0.05
"""Width to either side of a guessed outline that is not taught, in the body's mean side."""

_DRAWN = {
    "C": 2.0, "C2": 3.0, "C6": 4.0, "C7": 5.0, "T": 0.8, "T1": 2.5,
    "L": 1.5, "L4": 2.0, "L5": 3.0, "S1": 9.0,
}  # fmt: skip
"""How often crops are centred on a body, by its level or region.

What is hard most often: C7 at the shoulders, and S1, which 6 % of the crops did not teach.
"""

_LEAST_CORNERS_PX = 24.0
"""Height of a body in a crop from which corners are taught; smaller ones only find the column."""

_HIDDEN_SHARE = 0.7
_VEILED = 0.88

Image = NDArray[np.float32]
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class SpinePatchSettings:
    """How crops are drawn.

    Parameters
    ----------
    crop : tuple of int
        (h, w) in network pixels.
    coarse_px, close_px : tuple of float
        Least and greatest body height in crops for finding the column and for outlining it.
    shares : mapping of str to float
        How often films of each source are drawn, before negatives.
    negative_share : float
        Share of crops of pictures without a column from the side.
    styled_share : float
        Share of crops that take the appearance of other films; 0 for an ablation.
    """

    crop: tuple[int, int] = (256, 256)
    coarse_px: tuple[float, float] = (10.0, 32.0)
    close_px: tuple[float, float] = (30.0, 70.0)
    close_share: float = 0.55
    shares: Mapping[str, float] = field(default_factory=lambda: {"home": 1.0})
    negative_share: float = 0.06
    continued_share: float = 0.75
    styled_share: float = 0.75
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )


class WholeFilm:
    """A film as it is, at full, half and quarter size."""

    def __init__(self, film: TrainingFilm) -> None:
        self.film = film
        self._pyramid = PixelPyramid(film.pixels)

    def warp(self, matrix: Matrix, shape: tuple[int, int], border: int) -> Image:
        """Resample the film by `matrix` (film to crop, continuous coordinates)."""
        return self._pyramid.warp(matrix, shape, border)


class ContinuedFilm:
    """A film whose neck stands at its edge, with synthetic surroundings."""

    def __init__(self, film: TrainingFilm, rng: np.random.Generator) -> None:
        self.film = film
        self._surrounded = SurroundedFilm(Film(film.name, film.pixels, film.bodies, (), ""), rng)

    @property
    def column(self) -> ColumnCourse:
        """Both walls, in pixels of the film."""
        return self._surrounded.column

    def warp(self, matrix: Matrix, shape: tuple[int, int], border: int) -> Image:
        """Resample the film by `matrix` (film to crop, continuous coordinates)."""
        return self._surrounded.warp(matrix, shape, border)


def local_height(film: TrainingFilm, place: int) -> float:
    """Return the height in pixels of the bodies around one of a film's bodies."""
    near = film.bodies[max(place - 1, 0) : place + 2]
    heights = [
        float(np.linalg.norm(b.corners[upper] - b.corners[lower]))
        for b in near
        for upper, lower in ((0, 3), (1, 2))
        if np.isfinite(b.corners[[upper, lower]]).all()
    ]
    return float(np.mean(heights))


class SpinePatches:
    """Endless random crops.

    Parameters
    ----------
    films : sequence of TrainingFilm
    negatives : sequence of ndarray of uint8
        Grey pictures that show no column from the side.
    styles : sequence of ndarray of uint8
        Grey pictures whose appearance crops take; no picture of a source that is left out.
    """

    def __init__(
        self, films: Sequence[TrainingFilm], negatives: Sequence[NDArray[np.uint8]],
        styles: Sequence[NDArray[np.uint8]], settings: SpinePatchSettings, seed: int,
    ) -> None:  # fmt: skip
        self._rng = np.random.default_rng(seed)
        self._negatives, self._styles, self._settings = negatives, styles, settings
        self._films: dict[str, list[ContinuedFilm | WholeFilm]] = defaultdict(list)
        trust: dict[str, list[float]] = defaultdict(list)
        for film in films:
            one = ContinuedFilm(film, self._rng) if film.is_continued else WholeFilm(film)
            self._films[film.source].append(one)
            trust[film.source].append(film.trust)
        self._trust = {source: np.array(t) / np.sum(t) for source, t in trust.items()}
        shares = np.array([settings.shares.get(source, 0.0) for source in self._films])
        self._sources, self._shares = list(self._films), shares / shares.sum()

    def batches(self, size: int) -> Iterator[tuple[Image, Labels]]:
        """Yield (images (size, h, w, 1), labels (size, h, w, `CHANNELS`)) for ever."""
        while True:
            pairs = [self.sample() for _ in range(size)]
            yield np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])

    def sample(self) -> tuple[Image, Labels]:
        """Return one crop (h, w, 1) and its labels (h, w, `CHANNELS`)."""
        if self._negatives and self._rng.random() < self._settings.negative_share:
            return self._negative()
        source = self._sources[self._rng.choice(len(self._sources), p=self._shares)]
        films = self._films[source]
        one = films[self._rng.choice(len(films), p=self._trust[source])]
        matrix, height_px = self._matrix(one.film)
        labels = _Labels(one.film, matrix, self._settings.crop)
        if isinstance(one, ContinuedFilm) and self._rng.random() < self._settings.continued_share:
            image = self._continued(one, matrix, labels)
        else:
            image = self._as_it_is(one, matrix)
        image, hidden = self._spoil(image, labels, height_px)
        if height_px < _LEAST_CORNERS_PX:
            labels.without_corners()
        return finish_input(image, self._settings.rule), labels.packed(hidden)

    def _matrix(self, film: TrainingFilm) -> tuple[Matrix, float]:
        rng, settings = self._rng, self._settings
        place = self._place(film)
        limits = settings.close_px if rng.random() < settings.close_share else settings.coarse_px
        wanted = float(np.exp(rng.uniform(*np.log(limits))))
        if rng.random() < 0.9:
            centre = film.bodies[place].outline.mean(axis=0)
        else:
            centre = rng.uniform(0.02, 0.98, 2) * film.pixels.shape[::-1]
        geometry = Geometry(
            rotation_deg=20.0 if rng.random() < 0.85 else 40.0, scale=(0.98, 1.02),
            anisotropy=0.1, shear=0.1, shift=0.35,
        )  # fmt: skip
        matrix = random_affine(
            film.pixels.shape, settings.crop, (centre[1], centre[0]),
            wanted / local_height(film, place), geometry, rng,
        )  # fmt: skip
        return matrix, wanted

    def _place(self, film: TrainingFilm) -> int:
        """Draw a body; a whole spine's neck and lumbar part more often than its thoracic part."""
        weights = np.array([_DRAWN.get(b.level) or _DRAWN[b.level[0]] for b in film.bodies])
        return int(self._rng.choice(len(film.bodies), p=weights / weights.sum()))

    def _as_it_is(self, one: ContinuedFilm | WholeFilm, matrix: Matrix) -> Image:
        image = one.warp(matrix, self._settings.crop, cv2.BORDER_REPLICATE)
        inside = self._inside(one.film, matrix)
        outside = 0.0 if self._rng.random() < 0.75 else float(self._rng.uniform(0, 1))
        return np.where(inside, image, np.float32(outside))

    def _inside(self, film: TrainingFilm, matrix: Matrix) -> NDArray[np.bool_]:
        rows, cols = film.pixels.shape
        frame = np.array([[0, 0], [cols, 0], [cols, rows], [0, rows]], float)
        return rasterise([apply(matrix, frame)], self._settings.crop)

    def _continued(self, one: ContinuedFilm, matrix: Matrix, labels: _Labels) -> Image:
        rng = self._rng
        image = one.warp(matrix, self._settings.crop, cv2.BORDER_REPLICATE)
        column = ColumnCourse(
            apply(matrix, one.column.posterior), apply(matrix, one.column.anterior),
            one.column.depth_px * float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))),
        )  # fmt: skip
        outside = 1 - self._inside(one.film, matrix).astype(np.float32)
        image, veil = looks.as_users_bring_it(image, outside, column, rng)
        if veil is not None:
            labels.forget(veil, _VEILED)
        return image

    def _spoil(
        self, image: Image, labels: _Labels, height_px: float
    ) -> tuple[Image, NDArray[np.bool_]]:
        rng, rule = self._rng, self._settings.rule
        if rng.random() < self._settings.styled_share:
            image = self._styled(image, height_px)
            # Noise that follows is meant as a share of the contrast that is left.
            image = scale_intensity(image, rule, bits=0, is_hounsfield=False)
        if rng.random() < 0.12:
            image = looks.bright_edge(image, rng)
        image = looks.exposure(image, rng)
        if rng.random() < 0.15:
            image = image.copy()
            place = looks.patch(image.shape, rng)
            image[place] = rng.uniform(0, 1)
            covered = np.zeros(image.shape, np.float32)
            covered[place] = 1
            labels.forget(covered, _HIDDEN_SHARE)
        if rng.random() < 0.25:
            image = looks.burn_in(image, rng)
        image = scale_intensity(image, rule, bits=0, is_hounsfield=False)
        if rng.random() < 0.3:
            image = looks.window(image, rng)
        hidden = np.zeros(image.shape, bool)
        if rng.random() < 0.25:
            hidden = looks.bars(image.shape, rng)
            image = np.where(hidden, np.float32(0 if rng.random() < 0.85 else 1), image)
        return image, hidden

    def _styled(self, image: Image, height_px: float) -> Image:
        rng = self._rng
        if self._styles and rng.random() < 0.55:
            change = appearance.exchange_amplitudes
            if rng.random() < 0.4:
                change = appearance.match_histogram
            image = change(image, self._style(), rng)
        draw = rng.random()
        if draw < 0.22:
            image = appearance.bright_side(image, rng)
        elif draw < 0.55:
            image = appearance.harsh(image, rng)
        if rng.random() < 0.2:
            image = appearance.doubled(image, height_px, rng)
        if rng.random() < 0.5:
            image = appearance.foreign_lines(image, height_px, rng)
        return appearance.compressed(image, rng) if rng.random() < 0.15 else image

    def _style(self) -> Image:
        pixels = self._styles[int(self._rng.integers(len(self._styles)))]
        side = int(self._rng.uniform(0.3, 1.0) * min(pixels.shape))
        top, left = (int(self._rng.integers(0, n - side + 1)) for n in pixels.shape)
        part = pixels[top : top + side, left : left + side]
        rows, cols = self._settings.crop
        small = cv2.resize(part, (cols, rows), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32) / np.float32(255)

    def _negative(self) -> tuple[Image, Labels]:
        rng, shape = self._rng, self._settings.crop
        pixels = self._negatives[int(rng.integers(len(self._negatives)))]
        geometry = Geometry(rotation_deg=20, scale=(0.8, 3.0), shift=0.25)
        image, matrix = turned_into_crop(pixels, shape, geometry, rng)
        labels = _Labels(None, matrix, shape)
        image, hidden = self._spoil(image, labels, float(rng.uniform(12, 60)))
        return finish_input(image, self._settings.rule), labels.packed(hidden)


def _doubtful_border(
    inside: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what lies in or near a guessed body, and what surely lies in it.

    The middle of the body and the middle of the discs are taught; the border is not.
    """
    side = 2 * round(_GUESSED_BORDER * float(np.sqrt(inside.sum()))) + 1
    square = np.ones((side, side), np.uint8)
    drawn = inside.astype(np.uint8)
    return cv2.dilate(drawn, square) > 0, cv2.erode(drawn, square) > 0


class _Labels:
    """Mask, corner heat maps and levels of one crop."""

    def __init__(self, film: TrainingFilm | None, matrix: Matrix, shape: tuple[int, int]) -> None:
        self._mask = np.zeros(shape, np.uint8)
        self._heat = np.zeros((*shape, 4), np.float32)
        self._weight = np.ones(shape, np.float32)
        self._level = np.zeros(shape, np.uint8)
        self._level_weight = np.zeros(shape, np.float32)
        self._guessed = np.zeros(shape, bool)
        self._bodies: list[NDArray[np.bool_]] = []
        if film is not None:
            self._draw(film, matrix, shape)

    def _draw(self, film: TrainingFilm, matrix: Matrix, shape: tuple[int, int]) -> None:
        self._heat, self._weight = draw_corners(film.bodies, matrix, shape)
        if film.is_frontal:
            # Either side may be the anterior one.
            for pair in ((0, 1), (2, 3)):
                self._heat[..., pair] = self._heat[..., pair].max(axis=-1, keepdims=True) / 2
        unknown = rasterise([apply(matrix, u) for u in film.unknown], shape)
        self._mask[unknown] = IGNORE
        for body in film.bodies:
            outline = apply(matrix, body.outline)
            low, high = outline.min(axis=0), outline.max(axis=0)
            if (high < 0).any() or low[0] >= shape[1] or low[1] >= shape[0]:
                continue
            self._add(body.level, rasterise([outline], shape), body.level in film.guessed)

    def _add(self, level: str, inside: NDArray[np.bool_], is_guessed: bool) -> None:
        self._level[inside] = level_number(level)
        self._level_weight[inside] = _GUESSED_WEIGHT if is_guessed else 1
        if is_guessed and level.startswith("T"):
            near, inside = _doubtful_border(inside)
            self._guessed |= near
            self._mask[near] = IGNORE
        self._mask[inside] = _CLASS_OF.get(level, LOWER_BODY)
        self._bodies.append(inside)

    def forget(self, covered: Image, share: float) -> None:
        """Ignore the bodies that are covered by more than a share."""
        for inside in self._bodies:
            if inside.any() and float(covered[inside].mean()) > share:
                self._mask[inside] = IGNORE
                self._level_weight[inside] = 0

    def without_corners(self) -> None:
        """Teach no corners, as where bodies are too small to tell them apart."""
        self._weight[:] = 0

    def packed(self, hidden: NDArray[np.bool_]) -> Labels:
        """Return the labels (h, w, `CHANNELS`); what bars hide is background."""
        self._weight[self._guessed] = np.minimum(self._weight[self._guessed], _GUESSED_WEIGHT)
        self._weight[(self._mask == IGNORE) & ~self._guessed] = 0
        self._mask[hidden] = BACKGROUND
        self._heat[hidden] = 0
        self._level_weight[hidden] = 0
        parts = [self._heat, self._weight[..., None], self._level_weight[..., None]]
        scaled = np.round(np.concatenate(parts, axis=2) * 255).astype(np.uint8)
        return np.concatenate(
            [self._mask[..., None], scaled[..., :5], self._level[..., None], scaled[..., 5:]],
            axis=2,
        )
