"""Endless augmented crops of frontal films with what the network learns of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.model_card import IntensityRule
from spinealign.frontal.looks import FRONTAL_LEVELS, STRIDE
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.training import frontal_appearance as surroundings
from spinealign.training import xray_appearance as appearance
from spinealign.training import xray_augment as looks
from spinealign.training.augment import Geometry, random_affine
from spinealign.training.dataset import IGNORE
from spinealign.training.frontal_appearance import Body
from spinealign.training.frontal_bend import random_bend
from spinealign.training.frontal_films import FrontalFilm, pitches
from spinealign.training.xray_patches import (
    Matrix,
    PixelPyramid,
    apply,
    rasterise,
    turned_into_crop,
)

BODY = 1

MASK, CORNERS, CORNER_WEIGHT, CENTRE, CENTRE_WEIGHT = 0, slice(1, 5), 5, 6, 7
LEVEL, LEVEL_WEIGHT, OFFSET_WEIGHT, OFFSETS = 8, 9, 10, slice(11, 19)
"""Channels of the labels: class or `IGNORE`; heat of four corners and of the centre, each with its
weight; number of the level with its weight; weight of the offsets (one over the distance of
bodies, in pixels of the input); x and y from each cell to the corners, in pixels of the input."""

CHANNELS = 19

_CORNER_SIGMA, _CENTRE_SIGMA = 1.5, (1.0, 0.1)
"""In cells; of centres the least, and its share of the distance of bodies."""

_LEAST_CORNERS_PX = 22.0
"""Distance of bodies in a crop from which heat maps of corners are taught, in pixels."""

_HIDDEN_SHARE = 0.6
"""Of a body that is covered by more than this nothing is taught."""

_TOUCHED_SHARE = 0.1
"""Of a body that a film's edge or a bar cuts by more than this, what is left is not taught."""

_LEAST_CONTRAST = 0.006
"""Standard deviation of grey (0..1) in and around a body below which it cannot be seen."""

_END_WEIGHT, _END_REACH = 3.0, 0.6
"""What the map of centres weighs at the first and the last body and where one beyond them would
lie, which tell how bodies are counted; and how far around, in distances of bodies."""

_LARGE_DEG, _LARGE_OFTEN = 40.0, 2.0
"""Films with so large an angle are few and the hardest, and are drawn so many times as often."""

_RIGHT_TO_LEFT = (1, 0, 3, 2)

Image = NDArray[np.float32]
Labels = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class FrontalPatchSettings:
    """How crops are drawn.

    Parameters
    ----------
    crop : tuple of int
        (h, w) in pixels of the network's input.
    coarse_px, plain_px, close_px : tuple of float
        Least and greatest distance of neighbouring bodies in crops for finding the column, in
        those of whole films shown as they are, and in crops for corners.
    close_share : float
    negative_share : float
        Share of crops of pictures without a column from the front.
    body_share : float
        Share of crops that continue the film by the rest of a body.
    cut_share : float
        Share of crops of films cut to a part of the column.
    plain_share : float
        Share of crops whose film is shown as it is, whole or nearer.
    bent_share : float
        Share of crops whose column is bent to another curve.
    styled_share : float
        Share of crops that take the appearance of other films; 0 for an ablation.
    """

    crop: tuple[int, int] = (384, 192)
    coarse_px: tuple[float, float] = (10.0, 30.0)
    close_px: tuple[float, float] = (28.0, 58.0)
    close_share: float = 0.5
    negative_share: float = 0.04
    body_share: float = 0.35
    cut_share: float = 0.2
    plain_share: float = 0.35
    plain_px: tuple[float, float] = (16.0, 26.0)
    bent_share: float = 0.5
    styled_share: float = 0.5
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )


class FrontalPatches:
    """Endless random crops.

    Parameters
    ----------
    films : sequence of FrontalFilm
    negatives : sequence of ndarray of uint8
        Grey pictures that show no column from the front.
    styles : sequence of ndarray of uint8
        Grey pictures whose appearance crops take; none of a part that is left out.
    """

    def __init__(
        self, films: Sequence[FrontalFilm], negatives: Sequence[NDArray[np.uint8]],
        styles: Sequence[NDArray[np.uint8]], settings: FrontalPatchSettings, seed: int,
    ) -> None:  # fmt: skip
        self._rng = np.random.default_rng(seed)
        self._settings, self._negatives, self._styles = settings, negatives, styles
        self._films = [_Sizes(film) for film in films]
        counts = {f.patient: sum(g.patient == f.patient for g in films) for f in films}
        weights = np.array([_often(film) / np.sqrt(counts[film.patient]) for film in films])
        self._weights = weights / weights.sum()

    def batches(self, size: int) -> Iterator[tuple[Image, Labels]]:
        """Yield (images (size, h, w, 1), labels (size, h/2, w/2, `CHANNELS`)) for ever."""
        while True:
            pairs = [self.sample() for _ in range(size)]
            yield np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])

    def sample(self) -> tuple[Image, Labels]:
        """Return one crop (h, w, 1) and its labels (h/2, w/2, `CHANNELS`)."""
        rng, settings = self._rng, self._settings
        if self._negatives and rng.random() < settings.negative_share:
            return self._negative()
        one = self._films[rng.choice(len(self._films), p=self._weights)]
        is_plain = rng.random() < settings.plain_share
        matrix, pitch = self._matrix(one.film, is_plain=is_plain)
        corners = in_crop(one.film.corners, matrix)
        image: Image = one.warp(matrix, settings.crop)
        is_of_body = not is_plain and rng.random() < settings.body_share
        is_cut = not (is_plain or is_of_body) and rng.random() < settings.cut_share / (
            1 - settings.body_share
        )
        shown = self._shown(one.film, matrix, is_cut=is_cut)
        if rng.random() < settings.bent_share:
            bend = random_bend(corners, pitch, rng)
            image, corners = bend.image(image), bend.points(corners)
            shown = bend.image(shown.astype(np.float32)) > 0.5
        if is_of_body:
            texture = self._style() if self._styles and rng.random() < 0.7 else None
            body = Body(corners.mean(axis=1))
            image = surroundings.whole_body(image, shown, body, rng, texture)
        else:
            image = np.where(shown, image, np.float32(self._outside()))
        labels = FrontalLabels(one.film, corners, settings.crop, pitch)
        labels.hide(~shown)
        if is_plain:
            image = scale_intensity(image, settings.rule, bits=0, is_hounsfield=False)
        else:
            image = self._spoil(image, labels, corners, pitch)
        labels.forget_unseen(image)
        return finish_input(image, settings.rule), labels.packed()

    def _matrix(self, film: FrontalFilm, *, is_plain: bool) -> tuple[Matrix, float]:
        """Return the matrix from film to crop, and the distance of bodies in the crop."""
        rng, settings = self._rng, self._settings
        is_close = rng.random() < settings.close_share
        whole = settings.plain_px if is_plain else settings.coarse_px
        wanted = float(np.exp(rng.uniform(*np.log(settings.close_px if is_close else whole))))
        if is_close:
            # Both ends, which are the hardest and lie in the fewest crops, twice as often.
            last = len(film.levels) - 1
            place = min(max(int(rng.integers(-1, last + 2)), 0), last)
            centre, pitch = film.corners[place].mean(axis=0), local_pitch(film, place)
        else:
            centre, pitch = _middle(film), film.pitch_px
        geometry = Geometry(
            rotation_deg=12.0 if rng.random() < 0.75 else 25.0, scale=(0.98, 1.02),
            anisotropy=0.1, shear=0.05, shift=0.28 if is_close or not is_plain else 0.08,
        )  # fmt: skip
        matrix = random_affine(
            film.pixels.shape, settings.crop, (centre[1], centre[0]), wanted / pitch, geometry, rng
        )
        return matrix, wanted

    def _shown(self, film: FrontalFilm, matrix: Matrix, *, is_cut: bool) -> NDArray[np.bool_]:
        """Return (h, w), True where the crop shows film, which may be cut to a part."""
        rows, cols = film.pixels.shape
        top, bottom = 0.0, float(rows)
        if is_cut:
            top, bottom = self._cut(film)
        frame = np.array([[0, top], [cols, top], [cols, bottom], [0, bottom]], float)
        return rasterise([apply(matrix, frame)], self._settings.crop)

    def _cut(self, film: FrontalFilm) -> tuple[float, float]:
        rng, edges = self._rng, film.corners[:, :, 1]
        count = len(edges)
        length = int(rng.integers(5, max(6, count)))
        first = int(rng.integers(0, max(1, count - length + 1)))
        last = min(first + length, count) - 1
        room = rng.uniform(0.0, 1.2, 2) * film.pitch_px
        top = 0.0 if first == 0 else float(edges[first].min() - room[0])
        bottom = film.pixels.shape[0] if last == count - 1 else edges[last].max() + room[1]
        return max(0.0, top), float(bottom)

    def _outside(self) -> float:
        return 0.0 if self._rng.random() < 0.8 else float(self._rng.uniform(0, 1))

    def _spoil(self, image: Image, labels: FrontalLabels, corners: Points, pitch: float) -> Image:
        rng, rule = self._rng, self._settings.rule
        body = Body(corners.mean(axis=1))
        if rng.random() < 0.3:
            image = surroundings.things_worn(image, body, rng)
        if rng.random() < 0.06:
            image = surroundings.instruments(image, body, rng)
        if rng.random() < self._settings.styled_share:
            image = self._styled(image, pitch)
            image = scale_intensity(image, rule, bits=0, is_hounsfield=False)
        image = looks.exposure(image, rng)
        if rng.random() < 0.12:
            image = image.copy()
            place = looks.patch(image.shape, rng)
            image[place] = rng.uniform(0, 1)
            covered = np.zeros(image.shape, bool)
            covered[place] = True
            labels.forget(covered)
        if rng.random() < 0.25:
            image = looks.burn_in(image, rng)
        image = scale_intensity(image, rule, bits=0, is_hounsfield=False)
        if rng.random() < 0.3:
            image = looks.window(image, rng)
        if rng.random() < 0.2:
            hidden = looks.bars(image.shape, rng)
            labels.hide(hidden)
            image = np.where(hidden, np.float32(0 if rng.random() < 0.8 else 1), image)
        return np.asarray(image, np.float32)

    def _styled(self, image: Image, pitch: float) -> Image:
        rng = self._rng
        if self._styles and rng.random() < 0.5:
            change = appearance.exchange_amplitudes
            if rng.random() < 0.4:
                change = appearance.match_histogram
            image = change(image, self._style(), rng)
        if rng.random() < 0.4:
            image = appearance.harsh(image, rng)
        height = pitch / 1.4
        if rng.random() < 0.1:
            image = appearance.doubled(image, height, rng)
        if rng.random() < 0.4:
            image = appearance.foreign_lines(image, height, rng)
        if rng.random() < 0.1:
            image = surroundings.film_edge(image, rng)
        return appearance.compressed(image, rng) if rng.random() < 0.08 else image

    def _style(self) -> Image:
        pixels = self._styles[int(self._rng.integers(len(self._styles)))]
        rows, cols = self._settings.crop
        share = self._rng.uniform(0.4, 1.0)
        height = max(2, int(share * pixels.shape[0]))
        width = max(2, min(pixels.shape[1], height * cols // rows))
        top = int(self._rng.integers(0, pixels.shape[0] - height + 1))
        left = int(self._rng.integers(0, pixels.shape[1] - width + 1))
        part = pixels[top : top + height, left : left + width]
        small = cv2.resize(part, (cols, rows), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32) / np.float32(255)

    def _negative(self) -> tuple[Image, Labels]:
        rng, shape = self._rng, self._settings.crop
        pixels = self._negatives[int(rng.integers(len(self._negatives)))]
        geometry = Geometry(rotation_deg=20, scale=(0.8, 3.0), shift=0.25)
        image, _ = turned_into_crop(pixels, shape, geometry, rng)
        labels = FrontalLabels(None, np.empty((0, 4, 2)), shape, 1.0)
        middle, reach = np.array(shape[::-1]) / 2, rng.uniform(0.5, 2.0) * shape[0] / 2
        line = np.stack([middle, middle])[:, None] + [[[0, -reach]], [[0, reach]]]
        image = self._spoil(image, labels, np.repeat(line, 4, axis=1), float(rng.uniform(12, 60)))
        return finish_input(image, self._settings.rule), labels.packed()


class _Sizes:
    """A film at full, half and quarter size."""

    def __init__(self, film: FrontalFilm) -> None:
        self.film = film
        self._pyramid = PixelPyramid(film.pixels)

    def warp(self, matrix: Matrix, shape: tuple[int, int]) -> Image:
        """Resample the film by `matrix` (film to crop, continuous coordinates)."""
        return self._pyramid.warp(matrix, shape, cv2.BORDER_REPLICATE)


def _often(film: FrontalFilm) -> float:
    return _LARGE_OFTEN if max(film.published_deg) >= _LARGE_DEG else 1.0


def _middle(film: FrontalFilm) -> Points:
    centres = film.corners.mean(axis=1)
    return np.asarray((centres.min(axis=0) + centres.max(axis=0)) / 2)


def local_pitch(film: FrontalFilm, place: int) -> float:
    """Return the distance of neighbouring bodies around one of a film's bodies, in pixels."""
    return float(pitches(film.corners[max(place - 2, 0) : place + 3]).mean())


def in_crop(corners: Points, matrix: Matrix) -> Points:
    """Return corners (n, 4, 2) in a crop; where it is a mirror image, left and right change."""
    moved = apply(matrix, corners.reshape(-1, 2)).reshape(corners.shape)
    if np.linalg.det(matrix[:, :2]) < 0:
        return moved[:, _RIGHT_TO_LEFT]
    return moved


class FrontalLabels:
    """What the network learns of one crop; cells are `STRIDE` pixels wide."""

    def __init__(
        self, film: FrontalFilm | None, corners: Points, shape: tuple[int, int], pitch: float
    ) -> None:
        self._shape = (shape[0] // STRIDE, shape[1] // STRIDE)
        self._made = np.zeros((*self._shape, CHANNELS), np.float32)
        self._made[..., CENTRE_WEIGHT] = 1
        # Corners of small bodies cannot be told apart: nothing is taught of them.
        self._made[..., CORNER_WEIGHT] = pitch >= _LEAST_CORNERS_PX or film is None
        self._bodies: list[NDArray[np.bool_]] = []
        self._pitch = pitch
        if film is not None:
            self._draw(film, corners)

    def _draw(self, film: FrontalFilm, corners: Points) -> None:
        cells = corners / STRIDE
        rows, cols = self._shape
        for level, body in zip(film.levels, cells, strict=True):
            low, high = body.min(axis=0), body.max(axis=0)
            if (high < 0).any() or low[0] >= cols or low[1] >= rows:
                continue
            self._add(level, body, level in film.doubtful)
        centres = cells.mean(axis=1)
        first, last = (centres[0], centres[1]), (centres[-1], centres[-2])
        self._end(*first, is_last_of_column=film.levels[0] == FRONTAL_LEVELS[0])
        self._end(*last, is_last_of_column=film.levels[-1] == FRONTAL_LEVELS[-1])

    def _end(self, end: Points, following: Points, *, is_last_of_column: bool) -> None:
        """Weigh the centres at an end of the column, or forget what lies beyond it unmarked."""
        rows, cols = np.ogrid[: self._shape[0], : self._shape[1]]
        way = end - following
        pitch = float(np.linalg.norm(way))
        if not is_last_of_column:
            beyond = ((cols + 0.5 - end[0]) * way[0] + (rows + 0.5 - end[1]) * way[1]) / pitch
            unknown = (beyond > _END_REACH * pitch) & (self._made[..., LEVEL_WEIGHT] == 0)
            self._made[unknown, MASK] = IGNORE
            for weight in (CORNER_WEIGHT, CENTRE_WEIGHT):
                self._made[unknown, weight] = 0
            return
        is_near = np.zeros(self._shape, bool)
        for x, y in (end, end + way):
            is_near |= (rows + 0.5 - y) ** 2 + (cols + 0.5 - x) ** 2 <= (_END_REACH * pitch) ** 2
        self._made[is_near, CENTRE_WEIGHT] *= _END_WEIGHT

    def _add(self, level: str, body: Points, is_doubtful: bool) -> None:
        inside = rasterise([body], self._shape)
        made = self._made
        made[inside, MASK] = IGNORE if is_doubtful else BODY
        made[inside, LEVEL] = FRONTAL_LEVELS.index(level) + 1
        made[inside, LEVEL_WEIGHT] = not is_doubtful
        sigma = max(_CENTRE_SIGMA[0], _CENTRE_SIGMA[1] * self._pitch / STRIDE)
        self._stamp(CENTRE, body.mean(axis=0), sigma)
        if is_doubtful:
            self._unteach(inside)
        else:
            made[inside, OFFSET_WEIGHT] = 1 / self._pitch
            rows, cols = np.nonzero(inside)
            cells = np.stack([cols, rows], axis=1) + 0.5
            made[inside, OFFSETS] = STRIDE * (body[None] - cells[:, None]).reshape(-1, 8)
        for place, corner in enumerate(body):
            self._stamp(CORNERS.start + place, corner, _CORNER_SIGMA)
        self._bodies.append(inside)

    def _stamp(self, channel: int, point: Points, sigma: float) -> None:
        heat = self._made[..., channel]
        x0, y0 = np.floor(point - 4 * sigma).astype(int).clip(0)
        x1, y1 = np.ceil(point + 4 * sigma).astype(int).clip(0)
        part = heat[y0:y1, x0:x1]
        if part.size:
            dx = np.arange(x0, x0 + part.shape[1]) + 0.5 - point[0]
            dy = np.arange(y0, y0 + part.shape[0]) + 0.5 - point[1]
            spot = np.exp(-(dx[None, :] ** 2 + dy[:, None] ** 2) / (2 * sigma**2))
            np.maximum(part, spot.astype(np.float32), out=part)

    def hide(self, hidden: NDArray[np.bool_]) -> None:
        """Take what is not shown for background; bodies that are partly hidden are not taught."""
        covered = self._shrunk(hidden)
        for inside in self._bodies:
            if inside.any() and float(covered[inside].mean()) > _TOUCHED_SHARE:
                self._unteach(inside)
        dark = covered > 0.5
        for channel in (MASK, CORNERS, CENTRE, LEVEL_WEIGHT, OFFSET_WEIGHT):
            self._made[dark, channel] = 0
        self._made[dark, CENTRE_WEIGHT] = 1

    def forget(self, covered: NDArray[np.bool_]) -> None:
        """Teach nothing of the bodies that something covers."""
        small = self._shrunk(covered)
        for inside in self._bodies:
            if inside.any() and float(small[inside].mean()) > _HIDDEN_SHARE:
                self._unteach(inside)

    def forget_unseen(self, image: Image) -> None:
        """Teach nothing of bodies where all is one grey, burnt or black."""
        small = np.asarray(cv2.resize(image, self._shape[::-1], interpolation=cv2.INTER_AREA))
        for inside in self._bodies:
            if inside.any() and float(small[_grown(inside)].std()) < _LEAST_CONTRAST:
                self._unteach(inside)

    def _unteach(self, inside: NDArray[np.bool_]) -> None:
        near = _grown(inside)
        for weight in (CORNER_WEIGHT, CENTRE_WEIGHT):
            self._made[near, weight] = 0
        for weight in (LEVEL_WEIGHT, OFFSET_WEIGHT):
            self._made[inside, weight] = 0
        self._made[inside, MASK] = IGNORE

    def _shrunk(self, covered: NDArray[np.bool_]) -> Image:
        small = cv2.resize(
            covered.astype(np.float32), self._shape[::-1], interpolation=cv2.INTER_AREA
        )
        return np.asarray(small, np.float32)

    def packed(self) -> Labels:
        """Return the labels (h/2, w/2, `CHANNELS`)."""
        return self._made


def _grown(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a body (h, w) with two cells around it."""
    return np.asarray(cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
