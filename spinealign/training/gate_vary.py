"""Augmentation of the gate's training images: scanner, export and screenshot effects."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import ImageKind
from spinealign.training.augment import coarser, shading
from spinealign.training.gate_data import Box, GatePicture

Image = NDArray[np.float32]

_FILMS = (
    ImageKind.LATERAL_FILM, ImageKind.OTHER_RADIOGRAPH, ImageKind.FRONTAL_FILM,
    ImageKind.OBLIQUE_FILM,
)  # fmt: skip
_NECKS = (ImageKind.LATERAL_FILM, ImageKind.OBLIQUE_FILM)
_STYLED = (*_FILMS, ImageKind.LATERAL_WHOLE_SPINE)
_VEILED_SHARE = 0.3
_NARROWEST = 0.33
_WIDE_SHARE = 0.3


def vary(
    picture: GatePicture, side_px: int, rng: np.random.Generator, styles: Sequence[Image] = ()
) -> Image:
    """Return a picture cut, turned a little, exposed and marked anew.

    Parameters
    ----------
    styles : sequence of ndarray of float32, shape (h, w)
        Films whose grey values a film may take on; none of a source that is left out.

    Returns
    -------
    ndarray of float32, shape (side_px, side_px)
        0..1, in a letterbox as `spinealign.imaging.fit` makes it.
    """
    pixels = np.asarray(picture.pixels, np.float32) / np.float32(255)
    image = _cut(pixels, picture.keep, side_px, rng)
    image = _stood(image, picture.kind, rng)
    if picture.kind in _NECKS and rng.random() < _WIDE_SHARE:
        image = _framed_wide(image, side_px, rng)
    if picture.kind in _STYLED:
        image = _styled(image, styles, rng)
    if picture.kind is ImageKind.NECK_CT:
        image = _other_window(image, rng)
    elif picture.kind in _FILMS and rng.random() < _VEILED_SHARE:
        image = _add_haze(image, rng)
    image = _expose(image, rng)
    image = _mark(image, rng)
    image = _rescaled(image)
    canvas = np.zeros((side_px, side_px), np.float32)
    top, left = (side_px - image.shape[0]) // 2, (side_px - image.shape[1]) // 2
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas


def _cut(pixels: Image, keep: Box | None, side_px: int, rng: np.random.Generator) -> Image:
    """Cut a window that holds what must be kept, turned and mirrored; (h, w) fits the side."""
    rows, cols = pixels.shape
    top, left, bottom, right = keep or _any_part(rng)
    # The four margins beyond what must be kept; beyond the picture there is a border.
    grow = rng.uniform(-0.04, 1.12, 4)
    y0, y1 = top - grow[0] * top, bottom + grow[1] * (1 - bottom)
    x0, x1 = left - grow[2] * left, right + grow[3] * (1 - right)
    y0, y1, x0, x1 = y0 * rows, y1 * rows, x0 * cols, x1 * cols
    # Nobody brings strips; the narrowest are standing films of the whole spine.
    tall, wide = max(y1 - y0, 8.0), max(x1 - x0, 8.0)
    tall, wide = max(tall, _NARROWEST * wide), max(wide, _NARROWEST * tall)
    scale = side_px / max(tall, wide)
    stretch = np.exp(rng.uniform(-0.1, 0.1))
    shape = (
        int(np.clip(round(tall * scale * stretch), 16, side_px)),
        int(np.clip(round(wide * scale / stretch), 16, side_px)),
    )
    angle = np.deg2rad(rng.normal(0, 7))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * scale / stretch, scale * stretch])
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    offset = np.array([shape[1] / 2, shape[0] / 2]) - linear @ centre
    matrix = np.hstack([linear, offset[:, None]])
    if scale < 0.75:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale), np.float32)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.3 else cv2.BORDER_CONSTANT
    fill = float(rng.choice([0.0, 0.0, 0.0, 1.0, float(rng.random())]))
    warped = cv2.warpAffine(
        pixels, matrix, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=border, borderValue=fill
    )
    return np.asarray(warped, np.float32)


def _any_part(rng: np.random.Generator) -> Box:
    size = rng.uniform(0.45, 1.0)
    top, left = rng.uniform(0, 1 - size, 2)
    return (top, left, top + size, left + size)


def _stood(image: Image, kind: ImageKind, rng: np.random.Generator) -> Image:
    """Turn slices as some exports store them: CT any way round, MR upside down."""
    if kind in (ImageKind.NECK_CT, ImageKind.OTHER_CT) and rng.random() < 0.25:
        return np.ascontiguousarray(np.rot90(image, int(rng.integers(4)))[::-1])
    if kind is ImageKind.SPINE_MR and rng.random() < 0.12:
        return np.ascontiguousarray(image[::-1, ::-1])
    return image


def _other_window(image: Image, rng: np.random.Generator) -> Image:
    """Narrow the very wide window of the shared CT slices to those that people use."""
    if rng.random() < 0.35:
        return image
    low = rng.uniform(0.3, 0.76)
    high = rng.uniform(low + 0.12, max(low + 0.15, 1.0))
    return np.asarray(np.clip((image - low) / (high - low), 0, 1), np.float32)


def _framed_wide(image: Image, side_px: int, rng: np.random.Generator) -> Image:
    """Show a neck small, above a trunk, as on films that reach from the head to the chest."""
    wide = int(rng.uniform(0.5, 1.0) * side_px)
    scale = rng.uniform(0.45, 0.85) * min(side_px / image.shape[0], wide / image.shape[1])
    size = (max(8, int(image.shape[1] * scale)), max(8, int(image.shape[0] * scale)))
    neck = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    y, x = int(rng.uniform(0, 0.3) * (side_px - size[1])), int(rng.uniform(0, 1) * (wide - size[0]))
    dark = float(np.quantile(image, 0.03))
    out: Image = np.full((side_px, wide), dark, np.float32)
    seen = np.zeros_like(out)
    seen[y : y + size[1], x : x + size[0]] = 1.0
    seen = np.asarray(cv2.GaussianBlur(cv2.erode(seen, np.ones((5, 5))), (0, 0), 1.5))
    out[y : y + size[1], x : x + size[0]] = neck
    out = np.asarray(dark + seen * (out - dark), np.float32)
    rows, cols = np.mgrid[0:side_px, 0:wide].astype(np.float32)
    middle, half = x + size[0] * rng.uniform(0.2, 0.8), rng.uniform(0.25, 0.6) * wide
    shoulder = y + size[1] * rng.uniform(0.8, 1.0) + rng.uniform(0.1, 0.5) * np.abs(cols - middle)
    depth = np.minimum((rows - shoulder) / side_px, (half - np.abs(cols - middle)) / side_px)
    trunk = 1 / (1 + np.exp(np.clip(-depth / rng.uniform(0.005, 0.04), -50, 50)))
    clouds = cv2.resize(rng.uniform(0.6, 1, (6, 4)).astype(np.float32), (wide, side_px))
    return np.asarray(out + trunk * (rng.uniform(0.4, 1.0) * clouds - out), np.float32)


def _styled(image: Image, styles: Sequence[Image], rng: np.random.Generator) -> Image:
    """Take on another film's grey values, sharpen as some detectors do, rule lines, invert."""
    out = image
    if styles and rng.random() < 0.4:
        ranks = np.linspace(0, 1, 33)
        own = np.quantile(out, ranks) + 1e-4 * ranks
        other = np.quantile(styles[int(rng.integers(len(styles)))], ranks)
        exchanged = np.asarray(np.interp(out, own, other), np.float32)
        out = out + np.float32(rng.uniform(0.3, 0.9)) * (exchanged - out)
    if rng.random() < 0.35:
        soft = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.03, 0.1) * max(out.shape))
        out = rng.uniform(0.4, 1) * soft + rng.uniform(1, 2.2) * (out - soft)
    if rng.random() < 0.15:
        out = np.array(out)
        step, start = int(rng.integers(14, 60)), rng.integers(0, 14, 2)
        out[start[0] :: step] = out[:, start[1] :: step] = rng.uniform(0.5, 1)
    if rng.random() < 0.05:
        out = float(out.max()) - out
    return np.asarray(out - min(0.0, float(out.min())), np.float32)


def _add_haze(image: Image, rng: np.random.Generator) -> Image:
    """Lay a shoulder over the lower part, as on films that show the whole neck."""
    rows, cols = image.shape
    y, x = np.mgrid[0 : 1 : rows * 1j, -0.5 : 0.5 : cols * 1j]
    edge = rng.uniform(0.5, 1.0) + rng.uniform(-0.4, 0.4) * x + rng.uniform(-0.5, 1.0) * x**2
    veil = rng.uniform(0.4, 0.95) / (1 + np.exp((edge - y) / rng.uniform(0.01, 0.12)))
    shade = rng.uniform(0.6, 1.0)
    return np.asarray(image * (1 - veil) + (shade + 0.25 * (image - 0.5)) * veil, np.float32)


def _expose(image: Image, rng: np.random.Generator) -> Image:
    out = image ** np.float32(np.exp(rng.normal(0, 0.3)))
    if rng.random() < 0.35:
        low, high = rng.uniform(0, 0.2), rng.uniform(0.7, 1.0)
        out = np.clip((out - low) / (high - low), 0, 1)
    if rng.random() < 0.25:
        out = np.clip(out * shading(out.shape, rng), 0, 1)
    if rng.random() < 0.25:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.2)))
    if rng.random() < 0.2:
        out = coarser(np.asarray(out, np.float32), rng.uniform(0.4, 0.8))
    if rng.random() < 0.4:
        out = out + rng.normal(0, rng.uniform(0.005, 0.05), out.shape)
    return np.clip(out, 0, 1).astype(np.float32)


def _mark(image: Image, rng: np.random.Generator) -> Image:
    """Put frames, covered corners, letters and lines on a picture, as exports do."""
    out = np.round(image * 255).astype(np.uint8)
    rows, cols = out.shape
    if rng.random() < 0.12:
        wide = int(rng.integers(1, max(2, min(rows, cols) // 12)))
        cv2.rectangle(out, (0, 0), (cols - 1, rows - 1), int(rng.choice([0, 255, 60])), wide)
    if rng.random() < 0.1:
        corner = rng.uniform(0.15, 0.4, 2) * (rows, cols)
        flip = (
            slice(None, None, int(rng.choice([-1, 1]))),
            slice(None, None, int(rng.choice([-1, 1]))),
        )
        triangle = np.array([[0, 0], [corner[1], 0], [0, corner[0]]], np.int32)
        covered = np.ascontiguousarray(out[flip])
        cv2.fillPoly(covered, [triangle], int(rng.choice([0, 255])))
        out = np.ascontiguousarray(covered[flip])
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.25 else 0):
        text = "".join(rng.choice(list("ABLR0123456789 mkVAs"), int(rng.integers(1, 9))))
        at = (int(rng.uniform(0, 0.8) * cols), int(rng.uniform(0.08, 1) * rows))
        shade = int(rng.choice([255, 255, 200, 0]))
        cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.2, 0.6), shade, 1)
    return np.asarray(out, np.float32) / np.float32(255)


def _rescaled(image: Image) -> Image:
    low, high = np.percentile(image, (0.5, 99.5))
    return np.asarray(np.clip((image - low) / max(float(high - low), 1e-6), 0, 1), np.float32)
