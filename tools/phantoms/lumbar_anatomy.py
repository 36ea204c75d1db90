"""Shapes of the lumbar phantom, as smooth coverage maps in patient millimetres.

Axes: x to the right of the picture is posterior, y is down. Everything is computed
in float64 with numpy alone, so that every machine renders the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]

SIDE_PX = 512
SPACING_MM = 0.6
_TOP_CENTRE_MM = (189.0, 6.0)


@dataclass(frozen=True)
class Level:
    """One vertebra: centre (x, y), tilt against the vertical, and body size.

    With a positive tilt the body leans so that its lower end is more anterior.
    `wedge` is how much taller the anterior wall is than the middle, as a share.
    """

    name: str
    centre_mm: tuple[float, float]
    tilt_rad: float
    depth_mm: float
    height_mm: float
    wedge: float

    @property
    def down(self) -> NDArray[np.float64]:
        """Unit vector (x, y) along the body's axis."""
        return np.array([-np.sin(self.tilt_rad), np.cos(self.tilt_rad)])

    @property
    def back(self) -> NDArray[np.float64]:
        """Unit vector (x, y) from the anterior to the posterior wall."""
        return np.array([np.cos(self.tilt_rad), np.sin(self.tilt_rad)])

    def at(self, back_mm: float, down_mm: float) -> NDArray[np.float64]:
        """Return the point (x, y) at an offset from the centre."""
        point: NDArray[np.float64] = self.centre_mm + self.back * back_mm + self.down * down_mm
        return point


@dataclass(frozen=True)
class PhantomDisc:
    """One disc: the frame between two bodies, its gap, and how hydrated it is (0..1)."""

    frame: Level
    gap_mm: float
    hydration: float
    bulge_mm: float

    @property
    def is_remnant(self) -> bool:
        """Whether it lies inside the sacrum."""
        return self.frame.name.startswith("S")


# name, tilt (degrees), depth, height, wedge; then the disc below: gap, hydration, bulge
_Row = tuple[str, float, float, float, float, float, float, float]
_SPINE: tuple[_Row, ...] = (
    ("T11", 17, 29.0, 23.5, -0.02, 5.5, 0.50, 0.0),
    ("T12", 15, 30.0, 25.0, -0.03, 6.5, 0.55, 0.0),
    ("L1", 12, 32.0, 26.0, -0.02, 8.0, 0.75, 0.2),
    ("L2", 8, 33.5, 27.0, 0.00, 9.5, 0.80, 0.4),
    ("L3", 1, 34.5, 27.0, 0.02, 10.5, 0.75, 0.6),
    ("L4", -9, 35.0, 26.5, 0.03, 9.0, 0.30, 2.2),
    ("L5", -24, 34.5, 26.0, 0.09, 7.0, 0.12, 1.6),
    ("S1", -43, 31.0, 27.0, 0.00, 0.6, 0.35, 0.0),
    ("S2", -49, 22.0, 23.0, 0.00, 0.4, 0.20, 0.0),
    ("S3", -50, 16.0, 20.0, 0.00, 0.2, 0.05, 0.0),
    ("S4", -44, 12.0, 18.0, 0.00, 1.0, 0.05, 0.0),
)
VERTEBRAE = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")
"""Levels that the truth mask counts as vertebrae; the sacrum is background."""


def coverage(distance_mm: Field) -> Field:
    """Turn a signed distance (positive inside) into the covered share of each pixel."""
    return np.clip(0.5 + distance_mm / SPACING_MM, 0.0, 1.0)


def blob(across: Field, along: Field, half: tuple[float, float], power: int) -> Field:
    """Signed distance to a rounded box; `power` 2 is an ellipse, 8 nearly a box.

    Parameters
    ----------
    across, along : ndarray
        Coordinates in millimetres.
    half : tuple of float
        Half lengths in the same order.
    """
    radius = (np.abs(across / half[0]) ** power + np.abs(along / half[1]) ** power) ** (1 / power)
    return np.asarray((1 - radius) * min(half))


class Anatomy:
    """The phantom's geometry on the pixel grid; every map has shape (H, W)."""

    def __init__(self) -> None:
        centres = (np.arange(SIDE_PX) + 0.5) * SPACING_MM
        self.x, self.y = np.meshgrid(centres, centres)
        self.levels, self.discs = _stack()

    def local(self, frame: Level) -> tuple[Field, Field]:
        """Return (towards posterior, downwards) in millimetres from a frame's centre."""
        dx, dy = self.x - frame.centre_mm[0], self.y - frame.centre_mm[1]
        return (
            dx * frame.back[0] + dy * frame.back[1],
            dx * frame.down[0] + dy * frame.down[1],
        )

    def body(self, level: Level) -> Field:
        """Signed distance to a vertebral body with waist, concave endplates, round corners."""
        back, down = self.local(level)
        p = np.clip(back / (level.depth_mm / 2), -1.3, 1.3)
        q = np.clip(down / (level.height_mm / 2), -1.3, 1.3)
        waist = 1 - np.where(p < 0, 0.11, 0.06) * np.clip(1 - q * q, 0, 1)
        concave = (1 - 0.15 * np.clip(1 - p * p, 0, 1)) * (1 - level.wedge * p)
        return blob(back / waist, down / concave, (level.depth_mm / 2, level.height_mm / 2), 7)

    def disc(self, disc: PhantomDisc) -> Field:
        """Signed distance to a disc that reaches into both bodies, which cover its ends."""
        back, down = self.local(disc.frame)
        reach = 0.28 if disc.is_remnant else 0.5
        half = (disc.frame.depth_mm * reach + 0.3 + disc.bulge_mm / 2, disc.gap_mm / 2 + 3.5)
        back = back - disc.bulge_mm / 2
        rim = np.clip((np.abs(back) / half[0] - 0.72) / 0.28, 0, 1)
        return blob(back, down / (1 - 0.5 * rim), half, 4)

    def spinous(self, level: Level) -> Field:
        """Signed distance to a spinous process."""
        length, height, droop = _spinous_size(level.name)
        canal = np.interp(level.centre_mm[1], self.canal_y, self.canal_width)
        root = level.at(level.depth_mm / 2 + 4.0 + canal + length / 2, level.height_mm * 0.44)
        frame = Level(level.name, (root[0], root[1]), level.tilt_rad + droop, length, height, 0)
        back, down = self.local(frame)
        flare = 0.72 + 0.28 * np.clip(back / (length / 2) + 0.6, 0, 1)
        return blob(back, down / flare, (length / 2, height / 2), 4)

    @cached_property
    def canal_y(self) -> Field:
        """Heights (millimetres) of the posterior walls, top to bottom."""
        return np.array([level.centre_mm[1] for level in self.levels])

    @cached_property
    def canal_width(self) -> Field:
        """Width of the dural sac in millimetres at `canal_y`; it ends behind S2."""
        return np.array([14.5, 15.0, 15.5, 15.0, 14.0, 13.5, 12.0, 8.5, 2.0, 0.0, 0.0])

    @cached_property
    def behind_wall(self) -> Field:
        """Distance (millimetres) behind the posterior walls, along their normal."""
        walls = np.array([level.at(level.depth_mm / 2 - 0.6, 0) for level in self.levels])
        rows = self.y[:, 0]
        wall_x = _smooth(np.interp(rows, walls[:, 1], walls[:, 0]), 9.0)
        slope = np.gradient(wall_x, SPACING_MM)
        return np.asarray((self.x - wall_x[:, None]) / np.sqrt(1 + slope**2)[:, None])

    @cached_property
    def sac_front(self) -> Field:
        """Distance of the sac's anterior border behind the walls, for each row (H, 1)."""
        rows = self.y[:, 0]
        gap = np.interp(rows, self.canal_y, [2, 2, 2, 2, 2, 2, 3.2, 6.0, 6.0, 6.0, 6.0])
        for disc in self.discs:
            back = disc.frame.at(disc.frame.depth_mm / 2, 0)
            gap = gap + 0.9 * disc.bulge_mm * np.exp(-(((rows - back[1]) / 4.0) ** 2))
        return _smooth(gap, 2.0)[:, None]

    @cached_property
    def sac_width(self) -> Field:
        """Width of the sac for each row (H, 1), narrowed where it meets the laminae."""
        rows = self.y[:, 0]
        width = _smooth(np.interp(rows, self.canal_y, self.canal_width), 6.0)
        for disc in self.discs[:6]:
            back = disc.frame.at(disc.frame.depth_mm / 2 + 12, 0)
            width = width - (0.5 + 0.5 * disc.bulge_mm) * np.exp(-(((rows - back[1]) / 6.0) ** 2))
        return np.maximum(width, 0.0)[:, None]

    @cached_property
    def sac(self) -> Field:
        """Signed distance to the dural sac."""
        depth = self.behind_wall - self.sac_front
        inside = np.minimum(depth, self.sac_width - depth)
        return np.where(self.sac_width > 2.5, inside, -5.0)

    @cached_property
    def skin(self) -> Field:
        """Distance (millimetres) in front of the skin of the back; negative is air."""
        heights = [0.0, 60.0, 120.0, 170.0, 220.0, 260.0, 310.0]
        skin_x = np.interp(self.y[:, 0], heights, [270, 262, 252, 252, 266, 280, 288])
        return np.asarray(_smooth(skin_x, 14.0)[:, None] - self.x)


def _spinous_size(name: str) -> tuple[float, float, float]:
    """Return (length, height) in millimetres and the droop in radians."""
    if name.startswith("T"):
        return 27.0, 12.0, 0.50
    return {"L4": (26.0, 18.0, 0.10), "L5": (18.0, 13.0, 0.05)}.get(name, (29.0, 20.0, 0.16))


def _stack() -> tuple[tuple[Level, ...], tuple[PhantomDisc, ...]]:
    """Put bodies and discs on top of each other along the curve of the tilts."""
    levels = [_level(_SPINE[0], _TOP_CENTRE_MM)]
    discs: list[PhantomDisc] = []
    for upper, lower in pairwise(_SPINE):
        gap, hydration, bulge = upper[5:]
        frame = _between(levels[-1], _level(lower, (0.0, 0.0)), gap)
        tilted = _level(lower, frame.centre_mm)
        x, y = frame.at(0, gap / 2) + tilted.down * tilted.height_mm / 2
        levels.append(_level(lower, (x, y)))
        discs.append(PhantomDisc(frame, gap, hydration, bulge))
    return tuple(levels), tuple(discs)


def _level(row: _Row, centre_mm: tuple[float, float]) -> Level:
    name, tilt_deg, depth, height, wedge = row[:5]
    return Level(name, centre_mm, math.radians(tilt_deg), depth, height, wedge)


def _between(above: Level, below: Level, gap_mm: float) -> Level:
    tilt = (above.tilt_rad + below.tilt_rad) / 2
    depth = (above.depth_mm + below.depth_mm) / 2
    frame = Level(f"{above.name}/{below.name}", (0.0, 0.0), tilt, depth, gap_mm, 0.0)
    x, y = above.at(0, above.height_mm / 2) + frame.down * gap_mm / 2
    return Level(frame.name, (x, y), tilt, depth, gap_mm, 0.0)


def _smooth(values: Field, sigma_mm: float) -> Field:
    """Gaussian smoothing of one value for each row."""
    reach = int(np.ceil(3 * sigma_mm / SPACING_MM))
    offsets = np.arange(-reach, reach + 1) * SPACING_MM
    kernel = np.exp(-0.5 * (offsets / sigma_mm) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
