"""Endless augmented crops of lateral films with their masks and corner heat maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.model_card import IntensityRule
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.training import xray_augment as looks
from spinealign.training.augment import Geometry, random_affine
from spinealign.training.dataset import IGNORE
from spinealign.training.xray_augment import PAD_PX, ColumnCourse
from spinealign.training.xray_data import AnnotatedBody, Film, unknown_below

BACKGROUND, C2, LOWER_BODY = 0, 1, 2
HEAT_SIGMA_PX = 2.5
FINE = 4

Labels = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class PatchSettings:
    """How crops are drawn.

    Parameters
    ----------
    crop : tuple of int
        (h, w) in network pixels.
    body_px : tuple of float
        Smallest and largest body height in the whole-film and in the close-up crops.
    negative_share : float
        Share of crops of pictures without a cervical column.
    """

    crop: tuple[int, int] = (256, 256)
    body_px: tuple[tuple[float, float], tuple[float, float]] = ((14.0, 38.0), (34.0, 68.0))
    close_up_share: float = 0.5
    negative_share: float = 0.08
    surrounded_share: float = 0.75
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )


class SurroundedFilm:
    """A film with synthetic surroundings, at full and at half size."""

    def __init__(self, film: Film, rng: np.random.Generator) -> None:
        self.film = film
        full = looks.surround(film.pixels, rng)
        half = cv2.resize(full, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        self._levels = (full, np.asarray(half, np.uint8))

    @cached_property
    def column(self) -> ColumnCourse:
        """Both walls, in pixels of the film."""
        posterior, anterior = [], []
        for body in self.film.bodies:
            corners = body.corners
            if np.isnan(corners[0]).any():
                base = corners[2:].mean(axis=0)
                reach = body.outline - base
                tip = reach[np.argmax(np.linalg.norm(reach, axis=1))]
                corners = np.stack(
                    [corners[3] + 0.55 * tip, corners[2] + 0.55 * tip, corners[2], corners[3]]
                )
            anterior += [corners[0], corners[3]]
            posterior += [corners[1], corners[2]]
        depth = np.linalg.norm(np.array(posterior) - np.array(anterior), axis=1).mean()
        return ColumnCourse(np.array(posterior), np.array(anterior), float(depth))

    def warp(self, matrix: Matrix, shape: tuple[int, int], border: int) -> NDArray[np.float32]:
        """Resample the film by `matrix` (film to crop, continuous coordinates)."""
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        level = int(scale < 0.6)
        step = 2.0**level
        of_level = matrix.copy()
        of_level[:, 2] -= matrix[:, :2] @ np.array([PAD_PX["left"], PAD_PX["top"]])
        of_level[:, :2] *= step
        return warp_pixels(self._levels[level], of_level, shape, scale * step, border)


def warp_pixels(
    pixels: NDArray[np.uint8], matrix: Matrix, shape: tuple[int, int], scale: float, border: int
) -> NDArray[np.float32]:
    """Resample uint8 pixels to 0..1 by a matrix between continuous coordinates."""
    if scale < 0.75:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale), np.uint8)
    centres = matrix.copy()
    # warpAffine counts from pixel centres, the outlines from pixel edges.
    centres[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    size = (shape[1], shape[0])
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    warped = cv2.warpAffine(pixels, centres, size, flags=method, borderMode=border)
    return np.asarray(warped, np.float32) / np.float32(255)


def apply(matrix: Matrix, points: Points) -> Points:
    """Transform points (n, 2)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def rasterise(outlines: Sequence[Points], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (h, w), True for pixels of which at least half lies inside one of `outlines`.

    Drawn at four times the size because OpenCV's polygons include their edge
    pixels, which at network size would make every body a pixel too large; the
    threshold takes the rest of that, half a fine pixel at each edge, back.
    """
    fine = np.zeros((shape[0] * FINE, shape[1] * FINE), np.uint8)
    if not outlines:
        return np.zeros(shape, bool)
    whole = [np.round(o * FINE - 0.5).clip(-30000, 30000).astype(np.int32) for o in outlines]
    for polygon in whole:
        cv2.fillPoly(fine, [polygon], 255)
    small = cv2.resize(fine, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small > 255 * (0.5 + 0.5 / FINE))


def draw_mask(
    bodies: Sequence[AnnotatedBody], matrix: Matrix, shape: tuple[int, int], unknown: Points | None
) -> NDArray[np.uint8]:
    """Draw the classes of `bodies` and, where given, the polygon of unknown truth."""
    mask = np.zeros(shape, np.uint8)
    if unknown is not None:
        mask[rasterise([apply(matrix, unknown)], shape)] = IGNORE
    upper = [apply(matrix, b.outline) for b in bodies if b.level == "C2"]
    lower = [apply(matrix, b.outline) for b in bodies if b.level != "C2"]
    mask[rasterise(lower, shape)] = LOWER_BODY
    mask[rasterise(upper, shape)] = C2
    return mask


def draw_corners(
    bodies: Sequence[AnnotatedBody], matrix: Matrix, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw Gaussian heat maps.

    Returns
    -------
    heat : ndarray of float32, shape (h, w, 4)
        1 at a corner.
    weight : ndarray of float32, shape (h, w)
        Lower around points that the reader called uncertain.
    """
    heat = np.zeros((*shape, 4), np.float32)
    weight = np.ones(shape, np.float32)
    for body in bodies:
        for index, point in enumerate(apply(matrix, body.corners)):
            if np.isnan(point).any():
                continue
            _stamp(heat[..., index], point)
            if body.uncertain and body.level != "C2":
                radius = round(4 * HEAT_SIGMA_PX)
                centre = tuple(int(v) for v in np.round(point - 0.5).clip(-9999, 9999))
                cv2.circle(weight, centre, radius, 0.35, -1)
    return heat, weight


def _stamp(heat: NDArray[np.float32], point: Points) -> None:
    reach = 4 * HEAT_SIGMA_PX
    x0, y0 = np.floor(point - reach).astype(int).clip(0)
    x1, y1 = np.ceil(point + reach).astype(int).clip(0)
    x1, y1 = min(x1, heat.shape[1]), min(y1, heat.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    dx = np.arange(x0, x1) + 0.5 - point[0]
    dy = np.arange(y0, y1) + 0.5 - point[1]
    squared = dx[None, :] ** 2 + dy[:, None] ** 2
    spot = np.exp(-squared / (2 * HEAT_SIGMA_PX**2)).astype(np.float32)
    np.maximum(heat[y0:y1, x0:x1], spot, out=heat[y0:y1, x0:x1])


class FilmPatches:
    """Endless random crops.

    Parameters
    ----------
    films : sequence of Film
        Training films, face to the right, already shrunk to a working size.
    negatives : sequence of ndarray of uint8
        Grey pictures without a cervical column.
    """

    def __init__(
        self, films: Sequence[Film], negatives: Sequence[NDArray[np.uint8]],
        settings: PatchSettings, seed: int,
    ) -> None:  # fmt: skip
        self._rng = np.random.default_rng(seed)
        self._films = [SurroundedFilm(film, self._rng) for film in films]
        self._negatives = negatives
        self._settings = settings
        trust = {"good": 1.0, "fair": 0.75, "poor": 0.35}
        weights = np.array([trust.get(f.quality, 1.0) * (2 + len(f.bodies)) for f in films])
        self._weights = weights / weights.sum()

    def sample(self) -> tuple[NDArray[np.float32], Labels]:
        """Return one crop (h, w, 1) and its labels.

        Returns
        -------
        labels : ndarray of uint8, shape (h, w, 6)
            Mask, the four heat maps times 255, the corner weight times 255.
        """
        if self._negatives and self._rng.random() < self._settings.negative_share:
            return self._negative()
        one = self._films[self._rng.choice(len(self._films), p=self._weights)]
        matrix = self._matrix(one.film)
        bodies = one.film.bodies
        shape = self._settings.crop
        mask = draw_mask(bodies, matrix, shape, unknown_below(bodies))
        heat, weight = draw_corners(bodies, matrix, shape)
        if self._rng.random() < self._settings.surrounded_share:
            image = self._as_users_bring_it(one, matrix, mask)
        else:
            image = self._as_it_is(one, matrix)
        image, hidden = self._degrade(image, mask, [apply(matrix, b.outline) for b in bodies])
        weight[mask == IGNORE] = 0
        mask[hidden] = BACKGROUND
        heat[hidden] = 0
        return finish_input(image, self._settings.rule), _pack(mask, heat, weight)

    def batches(self, size: int) -> Iterator[tuple[NDArray[np.float32], Labels]]:
        """Yield (images (size, h, w, 1), labels (size, h, w, 6)) for ever."""
        while True:
            pairs = [self.sample() for _ in range(size)]
            yield np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])

    def _matrix(self, film: Film) -> Matrix:
        rng, settings = self._rng, self._settings
        low, high = settings.body_px[int(rng.random() < settings.close_up_share)]
        scale = np.exp(rng.uniform(np.log(low), np.log(high))) / film.height_px
        if rng.random() < 0.88:
            centre = film.bodies[rng.integers(len(film.bodies))].outline.mean(axis=0)
        else:
            centre = rng.uniform(0.05, 0.95, 2) * film.pixels.shape[::-1]
        geometry = Geometry(
            rotation_deg=20.0 if rng.random() < 0.85 else 40.0, scale=(0.98, 1.02),
            anisotropy=0.08, shear=0.08, shift=0.3,
        )  # fmt: skip
        return random_affine(
            film.pixels.shape, settings.crop, (centre[1], centre[0]), scale, geometry, rng
        )

    def _as_it_is(self, one: SurroundedFilm, matrix: Matrix) -> NDArray[np.float32]:
        image = one.warp(matrix, self._settings.crop, cv2.BORDER_REPLICATE)
        inside = self._inside(one.film, matrix)
        outside = 0.0 if self._rng.random() < 0.8 else float(self._rng.uniform(0, 1))
        return np.where(inside, image, np.float32(outside))

    def _as_users_bring_it(
        self, one: SurroundedFilm, matrix: Matrix, mask: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        rng = self._rng
        image = one.warp(matrix, self._settings.crop, cv2.BORDER_REPLICATE)
        column = ColumnCourse(
            apply(matrix, one.column.posterior), apply(matrix, one.column.anterior),
            one.column.depth_px * float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))),
        )  # fmt: skip
        outside = 1 - self._inside(one.film, matrix).astype(np.float32)
        image, veil = looks.as_users_bring_it(image, outside, column, rng)
        if veil is not None:
            for body in one.film.bodies:
                inside = rasterise([apply(matrix, body.outline)], mask.shape)
                if inside.any() and float(veil[inside].mean()) > 0.88:
                    mask[inside] = IGNORE
        return image

    def _inside(self, film: Film, matrix: Matrix) -> NDArray[np.bool_]:
        rows, cols = film.pixels.shape
        frame = np.array([[0, 0], [cols, 0], [cols, rows], [0, rows]], float)
        return rasterise([apply(matrix, frame)], self._settings.crop)

    def _degrade(
        self, image: NDArray[np.float32], mask: NDArray[np.uint8], outlines: Sequence[Points]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        rng = self._rng
        if rng.random() < 0.12:
            image = looks.bright_edge(image, rng)
        image = looks.exposure(image, rng)
        if rng.random() < 0.15:
            image = image.copy()
            place = looks.patch(image.shape, rng)
            image[place] = rng.uniform(0, 1)
            covered = np.zeros(mask.shape, bool)
            covered[place] = True
            _forget_hidden(mask, covered, outlines)
        if rng.random() < 0.25:
            image = looks.burn_in(image, rng)
        image = scale_intensity(image, self._settings.rule, bits=0, is_hounsfield=False)
        if rng.random() < 0.3:
            image = looks.window(image, rng)
        hidden = np.zeros(mask.shape, bool)
        if rng.random() < 0.25:
            hidden = looks.bars(mask.shape, rng)
            image = np.where(hidden, np.float32(0 if rng.random() < 0.85 else 1), image)
        return image, hidden

    def _negative(self) -> tuple[NDArray[np.float32], Labels]:
        rng, shape = self._rng, self._settings.crop
        pixels = self._negatives[int(rng.integers(len(self._negatives)))]
        geometry = Geometry(rotation_deg=20, scale=(0.8, 2.0), shift=0.2)
        image, _ = turned_into_crop(pixels, shape, geometry, rng)
        mask = np.zeros(shape, np.uint8)
        image, _ = self._degrade(image, mask, [])
        heat = np.zeros((*shape, 4), np.float32)
        labels = _pack(mask, heat, np.ones(shape, np.float32))
        return finish_input(image, self._settings.rule), labels


class PixelPyramid:
    """A picture (H, W) uint8 at full, half and quarter size, for crops at any scale."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._levels = [pixels]
        for _ in range(2):
            half = cv2.resize(
                self._levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
            )  # fmt: skip
            self._levels.append(np.asarray(half, np.uint8))

    def warp(self, matrix: Matrix, shape: tuple[int, int], border: int) -> NDArray[np.float32]:
        """Resample by `matrix` (full size to crop, continuous coordinates)."""
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        level = 2 if scale < 0.3 else int(scale < 0.6)
        pixels, of_level = self._levels[level], matrix.copy()
        of_level[:, :2] /= np.array(pixels.shape[::-1]) / self._levels[0].shape[::-1]
        return warp_pixels(pixels, of_level, shape, scale * 2.0**level, border)


def turned_into_crop(
    pixels: NDArray[np.uint8], shape: tuple[int, int], geometry: Geometry, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Matrix]:
    """Return a picture, turned and scaled by chance around its fit, as a crop, and its matrix."""
    fit = min(shape[0] / pixels.shape[0], shape[1] / pixels.shape[1])
    middle = (pixels.shape[0] / 2, pixels.shape[1] / 2)
    matrix = random_affine(pixels.shape, shape, middle, fit, geometry, rng)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    return warp_pixels(pixels, matrix, shape, scale, cv2.BORDER_CONSTANT), matrix


def _forget_hidden(
    mask: NDArray[np.uint8], covered: NDArray[np.bool_], outlines: Sequence[Points]
) -> None:
    for outline in outlines:
        inside = rasterise([outline], mask.shape)
        if inside.any() and covered[inside].mean() > 0.7:
            mask[inside] = IGNORE


def _pack(
    mask: NDArray[np.uint8], heat: NDArray[np.float32], weight: NDArray[np.float32]
) -> Labels:
    scaled = np.concatenate([heat, weight[..., None]], axis=2) * 255
    return np.concatenate([mask[..., None], np.round(scaled).astype(np.uint8)], axis=2)
