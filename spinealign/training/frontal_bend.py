"""Columns bent more or less than they are: large curves are rare among films.

A field of small displacements turns each part of a crop by an angle that changes along the column
as a wave does, so that bodies stay as they are and the column becomes another curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_WAVE_PITCHES = (8.0, 18.0)
"""Length of the wave, in distances of bodies: from a curve of four bodies to one of nine."""

_REACH_PITCHES = 4.0
"""How far beside the column it turns with it, in distances of bodies."""

_LARGEST_DEG = 15.0

_ITERATIONS = 12

Image = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Bend:
    """Displacements that turn a crop by an angle which is a wave along the column.

    Parameters
    ----------
    slope : float
        Largest tangent of the angle.
    wave_px, phase : float
        Length of the wave, and where it begins, in radians.
    middle, reach_px : float
        x of the column, and how far beside it everything turns with it, in pixels.
    """

    slope: float
    wave_px: float
    phase: float
    middle: float
    reach_px: float

    def source(self, points: Points) -> Points:
        """Return where in the crop that is bent each of points (..., 2) of the result lay."""
        x, y = points[..., 0], points[..., 1]
        turn = 2 * np.pi * y / self.wave_px + self.phase
        beside = self.reach_px * np.tanh((x - self.middle) / self.reach_px)
        aside = self.slope * self.wave_px / (2 * np.pi) * (np.sin(turn) - np.sin(self.phase))
        return np.stack([x - aside, y + self.slope * np.cos(turn) * beside], axis=-1)

    def image(self, pixels: Image) -> Image:
        """Return a crop (h, w), bent; what comes from outside repeats its edge."""
        rows, cols = pixels.shape
        places = np.stack(np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5), axis=-1)
        wanted = (self.source(places) - 0.5).astype(np.float32)
        return np.asarray(cv2.remap(
            pixels, wanted[..., 0], wanted[..., 1], cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ), np.float32)  # fmt: skip

    def points(self, points: Points) -> Points:
        """Return where points (..., 2) of the crop come to lie."""
        moved = points.astype(float)
        for _ in range(_ITERATIONS):
            moved = moved + points - self.source(moved)
        return moved


def random_bend(corners: Points, pitch_px: float, rng: np.random.Generator) -> Bend:
    """Return a bend of a column with these corners (n, 4, 2) in a crop.

    Parameters
    ----------
    corners : ndarray of float64, shape (n, 4, 2)
    pitch_px : float
        Distance of neighbouring bodies.
    rng : numpy.random.Generator
    """
    slope = np.tan(np.radians(rng.uniform(-_LARGEST_DEG, _LARGEST_DEG)))
    wave = pitch_px * rng.uniform(*_WAVE_PITCHES)
    return Bend(
        float(slope), float(wave), float(rng.uniform(0, 2 * np.pi)),
        float(corners[..., 0].mean()), _REACH_PITCHES * pitch_px,
    )  # fmt: skip
