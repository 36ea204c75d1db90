"""Random geometric and intensity augmentation.

Images are (H, W) float32 in 0..1, masks (H, W) uint8 class numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Geometry:
    """Limits of the random affine transformation."""

    rotation_deg: float = 15.0
    scale: tuple[float, float] = (0.65, 1.5)
    anisotropy: float = 0.12
    shear: float = 0.1
    shift: float = 0.1
    flip: bool = True


@dataclass(frozen=True)
class Exposure:
    """Limits of the random change of grey values 0..1.

    Parameters
    ----------
    brightness : float
        Added or taken away, at most.
    contrast : float
        Share by which differences from the middle grey grow or shrink, at most.
    noise : float
        Standard deviation of normal noise, at most.
    """

    brightness: float = 0.15
    contrast: float = 0.25
    noise: float = 0.03


def random_affine(
    shape: tuple[int, int],
    out_shape: tuple[int, int],
    centre: tuple[float, float],
    base_scale: float,
    limits: Geometry,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw the 2 x 3 matrix that takes source (x, y) to crop (x, y).

    Parameters
    ----------
    shape, out_shape : tuple of int
        (rows, columns) of the source and of the crop.
    centre : tuple of float
        Source (row, column) that lands near the crop's centre.
    base_scale : float
        Magnification before the random part.
    """
    angle = np.deg2rad(rng.uniform(-limits.rotation_deg, limits.rotation_deg))
    scale = base_scale * np.exp(rng.uniform(*np.log(limits.scale)))
    stretch = np.exp(rng.uniform(-limits.anisotropy, limits.anisotropy))
    mirror = -1.0 if limits.flip and rng.random() < 0.5 else 1.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, rng.uniform(-limits.shear, limits.shear)], [0.0, 1.0]])
    linear = rotation @ shear @ np.diag([mirror * scale * stretch, scale / stretch])
    jitter = rng.uniform(-limits.shift, limits.shift, 2) * out_shape[::-1]
    target = np.array(out_shape[::-1]) / 2 + jitter
    offset = target - linear @ np.array(centre[::-1])
    return np.hstack([linear, offset[:, None]])


def warp_pair(
    image: Image, mask: Mask, matrix: NDArray[np.float64], out_shape: tuple[int, int]
) -> tuple[Image, Mask]:
    """Apply `matrix` to an image (bilinear) and its mask (nearest)."""
    size = (out_shape[1], out_shape[0])
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.75:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / scale), np.float32)
    warped = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
    labels = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_NEAREST)
    return np.asarray(warped, np.float32), np.asarray(labels, np.uint8)


def remap_classes(image: Image, mask: Mask, classes: int, rng: np.random.Generator) -> Image:
    """Give each labelled tissue its own random contrast.

    One sequence can so stand in for others: a dark canal beside bright marrow
    looks like T1, a dark marrow like a fat-suppressed image. The idea is that of
    SynthSeg (Billot et al. 2023, 10.1016/j.media.2023.102789), applied to real
    texture instead of synthetic intensities.
    """
    result = np.zeros_like(image)
    total = np.zeros_like(image)
    for value in range(classes):
        weight = np.asarray(cv2.GaussianBlur((mask == value).astype(np.float32), (0, 0), 0.8))
        result += weight * _tissue_curve(image, value, rng)
        total += weight
    return np.clip(np.where(total > 0.01, result / np.maximum(total, 0.01), image), 0, 1)


def _tissue_curve(image: Image, value: int, rng: np.random.Generator) -> Image:
    if value == 0:
        return np.asarray(image ** np.exp(rng.uniform(-0.7, 0.7)), np.float32)
    curve = image ** np.exp(rng.uniform(-0.5, 0.5))
    if rng.random() < 0.3:
        curve = float(curve.mean()) * 2 - curve
    return np.asarray(curve * rng.uniform(0.15, 1.6) + rng.uniform(-0.05, 0.25), np.float32)


def t1_like(image: Image, mask: Mask, rng: np.random.Generator) -> Image:
    """Make a T2 image look like T1: canal dark, disc grey, marrow and fat bright."""
    canal = np.asarray(cv2.GaussianBlur((mask == 3).astype(np.float32), (0, 0), 1.2))
    marrow = np.asarray(cv2.GaussianBlur((mask == 1).astype(np.float32), (0, 0), 1.0))
    dark = image * rng.uniform(0.1, 0.35) + rng.uniform(0.02, 0.12)
    bright = image * rng.uniform(1.1, 1.8) + rng.uniform(0.0, 0.15)
    mixed = image * (1 - canal - marrow).clip(0, 1) + dark * canal + bright * marrow
    # Free water outside the canal is dark in T1 too: bend only the brightest end.
    return np.asarray(np.clip(mixed, 0, 1), np.float32)


def random_exposure(image: Image, rng: np.random.Generator) -> Image:
    """Change gamma, contrast, coil shading, sharpness, resolution and noise."""
    out = image ** np.exp(rng.uniform(-0.7, 0.7))
    if rng.random() < 0.5:
        out = out * shading(out.shape, rng)
    if rng.random() < 0.3:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.5)))
    if rng.random() < 0.3:
        out = coarser(out, rng.uniform(0.35, 0.8))
    if rng.random() < 0.15:
        blurred = np.asarray(cv2.GaussianBlur(out, (0, 0), 1.5))
        out = out + rng.uniform(0.3, 1.2) * (out - blurred)
    if rng.random() < 0.5:
        out = out + rng.normal(0, rng.uniform(0.005, 0.06), out.shape)
    out = (out - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.uniform(-0.1, 0.1)
    return np.clip(out, 0, 1).astype(np.float32)


def random_grey(image: Image, limits: Exposure, rng: np.random.Generator) -> Image:
    """Change brightness, contrast and noise within stated limits."""
    gain = 1 + rng.uniform(-limits.contrast, limits.contrast)
    out = (image - 0.5) * gain + 0.5 + rng.uniform(-limits.brightness, limits.brightness)
    out = out + rng.normal(0, rng.uniform(0, 1) * limits.noise, image.shape)
    return np.clip(out, 0, 1).astype(np.float32)


def shading(shape: Sequence[int], rng: np.random.Generator) -> Image:
    """Draw a smooth multiplicative field, as a surface coil or a shoulder gives."""
    knots = rng.uniform(-1, 1, (4, 4)).astype(np.float32)
    field = cv2.resize(knots, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.exp(field * rng.uniform(0.2, 0.8)).astype(np.float32)


def coarser(image: Image, factor: float) -> Image:
    """Lose resolution: shrink by `factor` and enlarge again."""
    size = (image.shape[1], image.shape[0])
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.float32)


def occlude(image: Image, rng: np.random.Generator) -> Image:
    """Cover a band or a corner, or burn in letters, as films and exports show."""
    out = image.copy()
    rows, cols = out.shape
    if rng.random() < 0.5:
        band = int(rng.uniform(0.03, 0.15) * cols)
        if rng.random() < 0.5:
            out[:, :band] = 0
        else:
            out[:, cols - band :] = 0
    else:
        text = "".join(rng.choice(list("ABLR0123456789"), 6))
        at = (int(rng.uniform(0, 0.7) * cols), int(rng.uniform(0.05, 1) * rows))
        letters = np.zeros(out.shape, np.uint8)
        cv2.putText(letters, text, at, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 0.7), 255, 1)
        out = np.maximum(out, letters.astype(np.float32) / 255)
    return out
