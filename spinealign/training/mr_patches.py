"""Endless augmented crops of sagittal MR slices of several sources, with what they teach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.model_card import IntensityRule
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.training import augment
from spinealign.training import xray_appearance as appearance
from spinealign.training.mr_sources import MrSlice
from spinealign.training.mr_targets import BACKGROUND, CANAL, DISC, MARROW, Mask
from spinealign.training.xray_patches import apply, warp_pixels

Image = NDArray[np.float32]
Matrix = NDArray[np.float64]

_TISSUES = 4
"""Rest, marrow, disc, canal: numbered as `augment.remap_classes` and `t1_like` take them."""

_MARGIN = 0.1
"""Share of a crop that may lie outside the picture at each side."""

_KNOTS = 6
"""Grey values between which a tone curve is bent."""


@dataclass(frozen=True)
class MrPatchSettings:
    """How crops are drawn.

    Parameters
    ----------
    crop : tuple of int
        (h, w) in network pixels.
    coarse_px, close_px : tuple of float
        Least and greatest body height in crops for finding the column and for outlining it.
    shares : mapping of str to float
        How often slices of each source are drawn.
    changed_share : float
        Share of crops whose contrast is changed; 0 for an ablation.
    """

    crop: tuple[int, int] = (256, 256)
    coarse_px: tuple[float, float] = (10.0, 36.0)
    close_px: tuple[float, float] = (32.0, 64.0)
    close_share: float = 0.65
    shares: Mapping[str, float] = field(default_factory=lambda: {"spider": 1.0})
    changed_share: float = 0.7
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )


class MrStructurePatches:
    """Endless random crops.

    Parameters
    ----------
    slices : sequence of MrSlice
        Those that teach something, of sources that have a share.
    styles : sequence of ndarray of uint8
        Slices whose grey values and shading others take; none of a source that is left out.
    """

    def __init__(
        self, slices: Sequence[MrSlice], styles: Sequence[NDArray[np.uint8]],
        settings: MrPatchSettings, seed: int,
    ) -> None:  # fmt: skip
        self._rng = np.random.default_rng(seed)
        self._styles, self._settings = styles, settings
        by_source: dict[str, dict[str, list[MrSlice]]] = defaultdict(lambda: defaultdict(list))
        for one in slices:
            if settings.shares.get(one.source, 0) > 0:
                by_source[one.source][one.patient].append(one)
        self._patients = {source: list(own.values()) for source, own in by_source.items()}
        self._sources = sorted(by_source)
        shares = np.array([settings.shares[source] for source in self._sources])
        self._shares = shares / shares.sum()

    def batches(self, size: int) -> Iterator[tuple[Image, Mask]]:
        """Yield (images (size, h, w, 1), targets (size, h, w)) for ever."""
        while True:
            pairs = [self.sample() for _ in range(size)]
            yield np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])

    def sample(self) -> tuple[Image, Mask]:
        """Return one crop (h, w, 1) and the classes each pixel may be (h, w), as bit masks.

        Sources are drawn by share, then each of their patients is as likely as another.
        """
        rng, settings = self._rng, self._settings
        source = self._sources[int(rng.choice(len(self._sources), p=self._shares))]
        patients = self._patients[source]
        own = patients[int(rng.integers(len(patients)))]
        one = own[int(rng.integers(len(own)))]
        image, allowed, inside = self._crop(one)
        if rng.random() < settings.changed_share:
            image = self._contrast(image, allowed)
        image = self._spoil(image)
        seen = field_of_view(image.shape, rng) if rng.random() < 0.15 else np.ones_like(inside)
        allowed = np.where(seen, allowed, np.uint8(BACKGROUND))
        # Around a picture the program sees nothing, not even noise.
        if rng.random() < 0.85:
            seen &= inside
        image = np.where(seen, image, np.float32(0))
        image = scale_intensity(image, settings.rule, bits=0, is_hounsfield=False)
        return finish_input(image, settings.rule), allowed

    def _crop(self, one: MrSlice) -> tuple[Image, Mask, NDArray[np.bool_]]:
        matrix = self._matrix(one)
        shape = self._settings.crop
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        image = warp_pixels(one.pixels, matrix, shape, scale, cv2.BORDER_CONSTANT)
        image = scale_intensity(image, self._settings.rule, bits=0, is_hounsfield=False)
        # Pixel i spans i to i + 1, and OpenCV counts from pixel centres.
        from_centres = matrix.copy()
        from_centres[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5
        allowed = np.asarray(
            cv2.warpAffine(one.target.allowed, from_centres, shape[::-1], flags=cv2.INTER_NEAREST)
        )
        # No class at all is what lies outside the picture.
        return image, np.where(allowed == 0, np.uint8(BACKGROUND), allowed), allowed > 0

    def _matrix(self, one: MrSlice) -> Matrix:
        rng, settings = self._rng, self._settings
        is_close = rng.random() < settings.close_share
        limits = settings.close_px if is_close else settings.coarse_px
        wanted = float(np.exp(rng.uniform(*np.log(limits))))
        centre = self._centre(one)
        geometry = augment.Geometry(
            rotation_deg=15.0 if rng.random() < 0.85 else 45.0, scale=(0.98, 1.02),
            anisotropy=0.12, shear=0.1, shift=0.3,
        )  # fmt: skip
        matrix = augment.random_affine(
            one.pixels.shape, settings.crop, (centre[1], centre[0]),
            wanted / one.target.height_px, geometry, rng,
        )  # fmt: skip
        if rng.random() < 0.85:
            matrix = _filled(matrix, one.pixels.shape, settings.crop)
        return _upside_down(matrix, settings.crop) if rng.random() < 0.04 else matrix

    def _centre(self, one: MrSlice) -> NDArray[np.float64]:
        rng, places = self._rng, one.target.places
        draw = rng.random()
        if draw < 0.25:
            # The lumbosacral junction and the ends of the column are rare and hardest.
            return np.asarray(places[-1])
        if draw < 0.9:
            return np.asarray(places[int(rng.integers(len(places)))])
        return np.asarray(rng.uniform(0.05, 0.95, 2) * one.pixels.shape[::-1])

    def _contrast(self, image: Image, allowed: Mask) -> Image:
        """Make the crop look like another sequence or scanner."""
        rng = self._rng
        tissue = tissues(allowed)
        draw = rng.random()
        if draw < 0.2:
            image = augment.remap_classes(image, tissue, _TISSUES, rng)
        elif draw < 0.35:
            image = augment.t1_like(image, tissue, rng)
        elif draw < 0.5:
            image = fat_suppressed(image, tissue, rng)
        elif draw < 0.7:
            image = tone_curve(image, rng)
        if self._styles and rng.random() < 0.35:
            changes: tuple[Callable[[Image, Image, np.random.Generator], Image], ...] = (
                appearance.exchange_amplitudes, appearance.match_histogram,
            )  # fmt: skip
            image = changes[int(rng.integers(2))](image, self._style(), rng)
        if rng.random() < 0.04:
            image = 1 - image
        return np.clip(image, 0, 1).astype(np.float32)

    def _style(self) -> Image:
        pixels = self._styles[int(self._rng.integers(len(self._styles)))]
        side = int(self._rng.uniform(0.4, 1.0) * min(pixels.shape))
        top, left = (int(self._rng.integers(0, n - side + 1)) for n in pixels.shape)
        part = pixels[top : top + side, left : left + side]
        rows, cols = self._settings.crop
        small = cv2.resize(part, (cols, rows), interpolation=cv2.INTER_AREA)
        return scale_intensity(
            np.asarray(small, np.float32), self._settings.rule, bits=8, is_hounsfield=False
        )

    def _spoil(self, image: Image) -> Image:
        """Change shading, sharpness, noise and resolution."""
        rng = self._rng
        if rng.random() < 0.12:
            image = appearance.bright_side(image, rng)
        if rng.random() < 0.25:
            image = thick_pixels(image, rng)
        image = augment.random_exposure(image, rng)
        if rng.random() < 0.1:
            image = augment.occlude(image, rng)
        return appearance.compressed(image, rng) if rng.random() < 0.1 else image


def _filled(matrix: Matrix, shape: tuple[int, ...], crop: tuple[int, int]) -> Matrix:
    """Shift a crop so that no more of it than a margin lies outside the picture, if it can."""
    frame = np.array([[0, 0], [shape[1], 0], [shape[1], shape[0]], [0, shape[0]]], float)
    corners = apply(matrix, frame)
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.array(crop[::-1], float)
    margin = _MARGIN * size
    # A picture smaller than the crop lies inside it, a larger one covers it.
    is_larger = high - low >= size
    least = np.where(is_larger, margin, size - high + low)
    most = np.where(is_larger, size - margin, high - low)
    shifted = matrix.copy()
    shifted[:, 2] += np.minimum(least - low, 0) + np.maximum(most - high, 0)
    return shifted


def _upside_down(matrix: Matrix, shape: tuple[int, int]) -> Matrix:
    turned = -matrix
    turned[:, 2] += np.array(shape[::-1])
    return turned


def tissues(allowed: Mask) -> Mask:
    """Return tissue numbers of a target: 1 marrow, 2 disc, 3 canal, 0 the rest and the unknown."""
    found = np.zeros(allowed.shape, np.uint8)
    found[(allowed & ~np.uint8(MARROW)) == 0] = 1
    found[allowed == DISC] = 2
    found[allowed == CANAL] = 3
    return found


def tone_curve(image: Image, rng: np.random.Generator) -> Image:
    """Bend grey values by a random curve; in one of three its upper end falls, as with fat gone.

    No outline is needed, so that all of a slice changes alike.
    """
    values = np.sort(rng.uniform(0, 1, _KNOTS))
    values[0] *= 0.3
    if rng.random() < 1 / 3:
        fold = int(rng.integers(3, _KNOTS))
        values[fold:] = values[fold - 1] * np.linspace(0.9, rng.uniform(0.1, 0.7), _KNOTS - fold)
    curve = np.interp(image, np.linspace(0, 1, _KNOTS), values)
    low, high = float(curve.min()), float(curve.max())
    return np.asarray((curve - low) / max(high - low, 1e-3), np.float32)


def fat_suppressed(image: Image, tissue: Mask, rng: np.random.Generator) -> Image:
    """Make fat and marrow dark, as STIR, TIRM and water images of Dixon sequences show them."""
    low = rng.uniform(0.3, 0.6)
    is_rest = np.asarray(cv2.GaussianBlur((tissue == 0).astype(np.float32), (0, 0), 0.8))
    marrow = np.asarray(cv2.GaussianBlur((tissue == 1).astype(np.float32), (0, 0), 0.8))
    fat = is_rest * np.clip((image - low) / 0.2, 0, 1)
    out = image * (1 - fat * rng.uniform(0.6, 0.95))
    out = out * (1 - marrow * rng.uniform(0.3, 0.85))
    return np.asarray(out + marrow * rng.uniform(0, 0.12), np.float32)


def thick_pixels(image: Image, rng: np.random.Generator) -> Image:
    """Lose resolution along one axis, as with few phase-encoding steps."""
    rows, cols = image.shape
    factor = rng.uniform(0.3, 0.8)
    size = (round(cols * factor), rows) if rng.random() < 0.5 else (cols, round(rows * factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (cols, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def field_of_view(shape: Sequence[int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a smaller field of view: the rest of the crop lies outside the picture."""
    seen = np.zeros(tuple(shape), bool)
    sides = rng.uniform(0.45, 0.95, 2) * shape
    rows, cols = (max(int(side), 1) for side in sides)
    top, left = (
        int(rng.integers(0, n - side + 1)) for n, side in zip(shape, (rows, cols), strict=True)
    )
    seen[top : top + rows, left : left + cols] = True
    return seen
