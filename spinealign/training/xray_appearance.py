"""Makes a lateral film look like one of another hospital.

Images are (h, w) float32 in 0..1. Sizes in "heights" are shares of a body's height in pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

_BINS = 256
_SWAPPED = (0.004, 0.02)
"""Side of the exchanged low frequencies as a share of the spectrum's side."""


def exchange_amplitudes(image: Image, other: Image, rng: np.random.Generator) -> Image:
    """Give an image the low-frequency amplitudes of another, its phases kept.

    Fourier domain adaptation (Yang & Soatto 2020, arXiv:2004.05498); both are (h, w).
    """
    own, theirs = np.fft.rfft2(image), np.fft.rfft2(other)
    share = rng.uniform(*_SWAPPED)
    rows = max(1, round(share * image.shape[0]))
    cols = max(1, round(share * image.shape[1]))
    blend = rng.uniform(0.3, 0.9)
    amplitude, phase = np.abs(own), np.angle(own)
    for part in (slice(0, rows + 1), slice(-rows, None)):
        at = (part, slice(0, cols + 1))
        amplitude[at] = (1 - blend) * amplitude[at] + blend * np.abs(theirs[at])
    mixed = np.fft.irfft2(amplitude * np.exp(1j * phase), s=image.shape)
    return np.clip(mixed, 0, 1).astype(np.float32)


def match_histogram(image: Image, other: Image, rng: np.random.Generator) -> Image:
    """Give an image grey values distributed as in another, or part of the way there."""
    levels = np.clip(image * (_BINS - 1), 0, _BINS - 1).astype(np.intp)
    own = np.cumsum(np.bincount(levels.ravel(), minlength=_BINS)) / image.size
    wanted = np.quantile(other, np.clip(own, 0, 1)).astype(np.float32)
    blend = np.float32(rng.uniform(0.3, 1.0))
    return np.asarray((1 - blend) * image + blend * wanted[levels], np.float32)


def harsh(image: Image, rng: np.random.Generator) -> Image:
    """Change contrast as exports do: flat, steep, unsharp-masked, gamma far from 1, inverted."""
    out = image
    draw = rng.random()
    if draw < 0.25:
        low = rng.uniform(0, 0.5)
        out = low + rng.uniform(0.15, 0.6) * out
    elif draw < 0.45:
        out = 1 / (1 + np.exp(-rng.uniform(5, 14) * (out - rng.uniform(0.25, 0.75))))
    elif draw < 0.7:
        soft = cv2.GaussianBlur(out, (0, 0), rng.uniform(2, 12))
        out = out + rng.uniform(0.6, 2.0) * (out - soft)
    else:
        out = np.clip(out, 0, 1) ** np.exp(rng.uniform(-1.2, 1.2))
    if rng.random() < 0.12:
        out = 1 - out
    return np.clip(out, 0, 1).astype(np.float32)


def bright_side(image: Image, rng: np.random.Generator) -> Image:
    """Leave one side dark and low in contrast and burn the other, as neck and shoulders are."""
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    angle = rng.uniform(0.15, 0.85) * np.pi if rng.random() < 0.8 else rng.uniform(0, 2 * np.pi)
    position = cols * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
    position += rng.uniform(0, 0.3) * (cols - image.shape[1] / 2) ** 2 / image.shape[1]
    low, high = float(position.min()), float(position.max())
    at = rng.uniform(low, high)
    softness = rng.uniform(0.004, 0.12) * (high - low)
    side = 1 / (1 + np.exp(-np.clip((position - at) / softness, -20, 20)))
    dark = rng.uniform(0.15, 0.7) * image
    bright = rng.uniform(0.3, 0.75) + rng.uniform(0.1, 0.45) * image
    return np.clip(dark * (1 - side) + bright * side, 0, 1).astype(np.float32)


def doubled(image: Image, height_px: float, rng: np.random.Generator) -> Image:
    """Double endplates and walls, as a neck turned or tilted against the beam shows them."""
    shift = rng.uniform(0.03, 0.14) * height_px
    angle = rng.uniform(0, 2 * np.pi)
    half = shift / 2 * np.array([np.cos(angle), np.sin(angle)])
    share = rng.uniform(0.3, 0.5)
    parts = []
    for sign in (1.0, -1.0):
        matrix = np.array([[1.0, 0, sign * half[0]], [0, 1, sign * half[1]]])
        size = (image.shape[1], image.shape[0])
        parts.append(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE))
    return np.asarray((1 - share) * parts[0] + share * parts[1], np.float32)


def foreign_lines(image: Image, height_px: float, rng: np.random.Generator) -> Image:
    """Lay a measuring grid, a seam, wires, jewellery, hair pins or metal over an image."""
    drawn = [
        (0.45, _grid), (0.12, _seam), (0.25, _wires), (0.25, _jewellery), (0.12, _metal),
    ]  # fmt: skip
    out = image
    for share, draw in drawn:
        if rng.random() < share:
            out = draw(out, height_px, rng)
    return np.clip(out, 0, 1).astype(np.float32)


def _grid(image: Image, height_px: float, rng: np.random.Generator) -> Image:
    ink = np.zeros(image.shape, np.float32)
    step = height_px * rng.uniform(1.5, 4.5)
    tilt = np.tan(np.deg2rad(rng.normal(0, 1.0)))
    width = 1 if height_px < 40 or rng.random() < 0.6 else 2
    rows, cols = image.shape
    strengths = rng.uniform(0.0, 0.6, 2)
    for y in np.arange(rng.uniform(0, step), rows, step):
        cv2.line(ink, (0, int(y)), (cols, int(y + tilt * cols)), float(strengths[0]), width)
    for x in np.arange(rng.uniform(0, step), cols, step):
        cv2.line(ink, (int(x), 0), (int(x - tilt * rows), rows), float(strengths[1]), width)
    fade = cv2.resize(rng.uniform(0.3, 1.2, (3, 3)).astype(np.float32), (cols, rows))
    sign = 1 if rng.random() < 0.9 else -1
    return np.asarray(image + sign * cv2.GaussianBlur(ink, (0, 0), 0.5) * fade, np.float32)


def _seam(image: Image, height_px: float, rng: np.random.Generator) -> Image:
    out = image.copy()
    at = int(rng.uniform(0.05, 0.95) * image.shape[0])
    out[at:] = np.clip(rng.uniform(0.6, 1.4) * out[at:] + rng.uniform(-0.15, 0.25), 0, 1)
    shift = round(rng.normal(0, 0.05) * height_px)
    out[at:] = np.roll(out[at:], shift, axis=1)
    out[at : at + int(rng.integers(1, 3))] = rng.choice([0.0, 1.0])
    return out


def _wires(image: Image, height_px: float, rng: np.random.Generator) -> Image:
    ink = np.zeros(image.shape, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        start = rng.uniform(0, 1, 2) * image.shape[::-1]
        steps = rng.normal(0, 0.6 * height_px, (8, 2)) + rng.normal(0, height_px, 2)
        line = np.vstack([start, start + np.cumsum(steps, axis=0)]).astype(np.int32)
        cv2.polylines(ink, [line], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA)
    return np.maximum(image, ink.astype(np.float32) / 255 * np.float32(rng.uniform(0.5, 1)))


def _jewellery(image: Image, height_px: float, rng: np.random.Generator) -> Image:
    out = image.copy()
    for _ in range(int(rng.integers(1, 3))):
        centre = tuple(int(v) for v in rng.uniform(0, 1, 2) * image.shape[::-1])
        radius = max(2, round(height_px * rng.uniform(0.08, 0.4)))
        width = -1 if rng.random() < 0.4 else max(1, round(0.15 * radius))
        value = float(rng.uniform(0.7, 1.0))
        if rng.random() < 0.6:
            cv2.circle(out, centre, radius, value, width, cv2.LINE_AA)
        else:
            turn = float(rng.uniform(0, 180))
            axes = (2 * radius, max(1, radius // 3))
            cv2.ellipse(out, centre, axes, turn, 0, 360, value, width, cv2.LINE_AA)
    return out


def _metal(image: Image, height_px: float, rng: np.random.Generator) -> Image:
    out = image.copy()
    at = rng.uniform(0, 1, 2) * image.shape[::-1]
    turn = rng.uniform(0, np.pi)
    for place in range(int(rng.integers(1, 5))):
        size = (height_px * rng.uniform(0.5, 1.2), height_px * rng.uniform(0.06, 0.2))
        centre = at + place * height_px * np.array([0.1, 1.2])
        box = cv2.boxPoints(((float(centre[0]), float(centre[1])), size, float(np.rad2deg(turn))))
        cv2.fillPoly(out, [box.astype(np.int32)], float(rng.uniform(0.85, 1.0)), cv2.LINE_AA)
    return out


def compressed(image: Image, rng: np.random.Generator) -> Image:
    """Pass an image through a JPEG file of poor quality."""
    grey = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    quality = int(rng.integers(15, 70))
    _, coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    return np.asarray(decoded, np.float32) / np.float32(255)
