"""What drawn radiographs are made of: a canvas in millimetres, shadows of bone, and a detector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tools.phantoms.film_anatomy import Points

Field = NDArray[np.float64]

_REACH_MM = 7.0


@dataclass(frozen=True)
class Canvas:
    """A picture of (rows, columns) with square pixels; places on it are in millimetres."""

    shape: tuple[int, int]
    spacing_mm: float

    @cached_property
    def x(self) -> Field:
        """Middles of the columns, shape (W,)."""
        return (np.arange(self.shape[1]) + 0.5) * self.spacing_mm

    @cached_property
    def y(self) -> Field:
        """Middles of the rows, shape (H,)."""
        return (np.arange(self.shape[0]) + 0.5) * self.spacing_mm

    def distance(self, outline: Points, reach_mm: float = _REACH_MM) -> Field:
        """Return the signed distance (H, W) to a closed outline in mm, positive inside."""
        low, high = outline.min(axis=0) - reach_mm, outline.max(axis=0) + reach_mm
        cols, rows = (slice(*np.searchsorted(at, ends)) for at, ends in zip(
            (self.x, self.y), zip(low, high, strict=True), strict=True))  # fmt: skip
        x, y = self.x[None, cols], self.y[rows, None]
        nearest = np.full((y.size, x.size), np.inf)
        inside = np.zeros(nearest.shape, bool)
        for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
            dx, dy = bx - ax, by - ay
            share = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
            away = (x - ax - share * dx) ** 2 + (y - ay - share * dy) ** 2
            np.minimum(nearest, away, out=nearest)
            if ay != by:
                inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * dx / (by - ay))
        whole = np.full(self.shape, -reach_mm)
        depth = np.sqrt(nearest)
        whole[rows, cols] = np.where(inside, depth, np.maximum(-depth, -reach_mm))
        return whole

    def texture(self, rng: np.random.Generator, sigma_px: float, stretch: float = 1.0) -> Field:
        """Filter noise (H, W) to unit variance; `stretch` lengthens it downwards."""
        noise = np.fft.fft2(rng.standard_normal(self.shape)) * _gain(self.shape, sigma_px, stretch)
        field = np.fft.ifft2(noise).real
        return np.asarray(field / field.std())

    def bone(
        self, outline: Points, depth: float, shell: float, grain: Field,
        round_mm: float = 3.0, edge_mm: float = 0.55,
    ) -> Field:  # fmt: skip
        """Return the shadow of a round bone: its chord across the beam, and its cortex edge-on."""
        distance = self.distance(outline)
        share = np.clip(distance / round_mm, 0, 1)
        chord = np.sqrt(share * (2 - share))
        cortex = shell * line(distance, edge_mm, edge_mm)
        return np.asarray(cover(distance) * (depth * (0.55 + 0.45 * chord) * grain + cortex))


def cover(distance: Field, width_mm: float = 0.35) -> Field:
    """Return how much of each pixel (0..1) lies inside an outline, with a soft border."""
    return np.clip(0.5 + distance / (2 * width_mm), 0, 1)


def line(distance: Field, depth_mm: float, width_mm: float) -> Field:
    """Return a bright line (0..1) that runs `depth_mm` inside an outline."""
    return np.asarray(np.exp(-(((distance - depth_mm) / width_mm) ** 2)))


def blurred(picture: Field, sigma_px: float) -> Field:
    """Return a picture (H, W) blurred by a Gaussian, its border continued."""
    pad = int(min(3 * sigma_px, 200))
    padded = np.pad(picture, pad, mode="edge")
    smooth = np.fft.ifft2(np.fft.fft2(padded) * _gain(padded.shape, sigma_px)).real
    return np.asarray(smooth[pad : pad + picture.shape[0], pad : pad + picture.shape[1]])


def developed(shadow: Field, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add what detector and processing add: blur, noise, evened exposure, 8 bits."""
    signal = blurred(np.maximum(shadow, -0.1), 1.6)
    noise = blurred(rng.standard_normal(shadow.shape), 0.7)
    signal = signal + 0.028 * np.exp(0.28 * np.clip(signal, 0, 6)) * noise / noise.std()
    even = signal - 0.58 * blurred(signal, 60) + 0.15 * (signal - blurred(signal, 6))
    low, high = np.percentile(even, (3, 99.7))
    return np.asarray(np.rint(235 * np.clip((even - low) / (high - low), 0, 1) ** 0.85), np.uint8)


def _gain(shape: tuple[int, ...], sigma_px: float, stretch: float = 1.0) -> Field:
    down, across = np.fft.fftfreq(shape[0])[:, None] * stretch, np.fft.fftfreq(shape[1])
    return np.asarray(np.exp(-2 * (np.pi * sigma_px) ** 2 * (down**2 + across**2)))
