"""Pictures with named points, and endless crops of them at the scales of both looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.landmarks import MarkedSet, places
from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import IntensityRule
from spinealign.imaging.fit import finish_input, resize_area, scale_intensity
from spinealign.imaging.read import read_image
from spinealign.locate import fitting_scale
from spinealign.training.augment import Exposure, Geometry, random_affine, random_grey
from spinealign.training.own.looking import LookedAt, Skipped
from spinealign.training.train import Batch
from spinealign.training.xray_patches import PixelPyramid, apply

UNKNOWN = -1.0
"""Value of a heat map of which nothing is learned."""

SIGMA_CELLS = 1.5
"""Of the spots in heat maps; as those of the corners of frontal films."""

STRIDE = 2
"""Pixels of the network's input to a cell (`networks.landmark_unet`)."""

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointedPicture:
    """One picture in memory, with square pixels.

    Parameters
    ----------
    name, patient : str
    pixels : ndarray of uint8, shape (H, W)
        By the card's intensity rule, and perhaps smaller than the file.
    points : ndarray of float64, shape (n, 2)
        (x, y) in these pixels, pixel 0 spanning 0 to 1; NaN where unknown.
    """

    name: str
    patient: str
    pixels: NDArray[np.uint8]
    points: Points


@dataclass(frozen=True)
class PointPatchSettings:
    """How crops are drawn.

    Parameters
    ----------
    tile : tuple of int
        (rows, columns) of the network's input.
    zoom : float
        Of the second look over the first.
    close_share : float
        Share of crops at the second look's scale.
    rule : IntensityRule
    geometry : Geometry
        Mirrored only if `swaps` says what becomes of each point then.
    exposure : Exposure
    swaps : tuple of int
        For each point the one that takes its place in a mirror image; empty: never mirrored.
    """

    tile: tuple[int, int]
    zoom: float
    close_share: float = 0.6
    rule: IntensityRule = field(default_factory=IntensityRule)
    geometry: Geometry = field(default_factory=lambda: Geometry(flip=False))
    exposure: Exposure = field(default_factory=Exposure)
    swaps: tuple[int, ...] = ()


def load_pictures(
    marked: MarkedSet, looked: LookedAt, rule: IntensityRule, longest_px: int
) -> tuple[list[PointedPicture], list[Skipped]]:
    """Read pictures with their points for training.

    Returns
    -------
    pictures, skipped
        Without pictures of which no point is known, or whose points lie outside.
    """
    by_name = {each.name: each for each in marked.pictures}
    pictures, skipped = [], []
    for one in looked.found.pictures:
        image = read_image(one.path)
        try:
            points = places(by_name[one.name], marked.names, marked.coordinates, image.shape)
        except DataSetError as error:
            skipped.append(Skipped(one.name, str(error)))
            continue
        grey = scale_intensity(
            image.pixels, rule, bits=image.bits, is_hounsfield=image.is_hounsfield
        )
        rows, columns = image.shape
        height = rows * image.pixel_aspect
        scale = min(1.0, longest_px / max(height, columns))
        shape = (max(1, round(height * scale)), max(1, round(columns * scale)))
        small = resize_area(grey, shape)
        pictures.append(
            PointedPicture(
                one.name,
                one.patient,
                np.round(small * 255).astype(np.uint8),
                points * [shape[1] / columns, shape[0] / rows],
            )
        )
    return pictures, skipped


def swaps_of(names: Sequence[str], pairs: Mapping[str, str]) -> tuple[int, ...]:
    """Return for each point the one in its place in a mirror image; unpaired ones stay."""
    both = {**pairs, **{right: left for left, right in pairs.items()}}
    return tuple(list(names).index(both.get(name, name)) for name in names)


class PointPatches:
    """Endless crops whose randomness follows from the step, so that a resumed run sees the same."""

    def __init__(
        self, pictures: Sequence[PointedPicture], settings: PointPatchSettings, seed: int
    ) -> None:
        self._pictures = [(one, PixelPyramid(one.pixels)) for one in pictures]
        self._settings, self._seed = settings, seed
        patients = [one.patient for one in pictures]
        counts = {patient: patients.count(patient) for patient in set(patients)}
        weights = np.array([1 / np.sqrt(counts[patient]) for patient in patients])
        self._weights = weights / weights.sum()

    def from_step(self, step: int, size: int) -> Iterator[Batch]:
        """Yield (images (size, h, w, C), heat maps (size, h/2, w/2, points)) for ever."""
        while True:
            rng = np.random.default_rng([self._seed, step])
            pairs = [self.sample(rng) for _ in range(size)]
            yield np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])
            step += 1

    def sample(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one crop (h, w, C) and its heat maps (h/2, w/2, points)."""
        settings = self._settings
        one, pyramid = self._pictures[rng.choice(len(self._pictures), p=self._weights)]
        matrix = self._matrix(one, rng)
        image = pyramid.warp(matrix, settings.tile, cv2.BORDER_CONSTANT)
        image = random_grey(image, settings.exposure, rng)
        points = apply(matrix, one.points)
        if np.linalg.det(matrix[:, :2]) < 0:
            points = points[list(settings.swaps)]
        return finish_input(image, settings.rule), heat_maps(points, settings.tile)

    def _matrix(self, one: PointedPicture, rng: np.random.Generator) -> Matrix:
        """Draw the way from picture to crop, at the scale of either look."""
        settings, shape = self._settings, one.pixels.shape
        scale = fitting_scale((shape[0], shape[1]), settings.tile, 1.0)
        middle = (shape[0] / 2, shape[1] / 2)
        known = one.points[np.isfinite(one.points[:, 0])]
        if len(known) and rng.random() < settings.close_share:
            x, y = known[rng.integers(len(known))]
            middle, scale = (float(y), float(x)), scale * settings.zoom
        return random_affine(
            (shape[0], shape[1]), settings.tile, middle, scale, settings.geometry, rng
        )


def heat_maps(points: Points, tile: tuple[int, int]) -> NDArray[np.float32]:
    """Return a spot for each point (h/2, w/2, points); all `UNKNOWN` of one that is not known.

    Parameters
    ----------
    points : ndarray of float64, shape (n, 2)
        (x, y) in pixels of the crop, pixel 0 spanning 0 to 1.
    """
    rows, columns = tile[0] // STRIDE, tile[1] // STRIDE
    made = np.zeros((rows, columns, len(points)), np.float32)
    down, across = (np.arange(count) + 0.5 for count in (rows, columns))
    for number, (x, y) in enumerate(points / STRIDE):
        if not np.isfinite(x):
            made[..., number] = UNKNOWN
            continue
        heights = np.exp(-((down - y) ** 2) / (2 * SIGMA_CELLS**2))
        widths = np.exp(-((across - x) ** 2) / (2 * SIGMA_CELLS**2))
        made[..., number] = np.outer(heights, widths)
    return made
