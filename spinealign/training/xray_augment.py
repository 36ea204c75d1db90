"""Augments films whose neck lies at the left edge to realistic fields of view.

Images are (h, w) float32 in 0..1; points are (x, y) in pixels of the crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.training.augment import coarser, shading

Image = NDArray[np.float32]
Points = NDArray[np.float64]

PAD_PX = {"top": 120, "bottom": 320, "left": 360, "right": 120}
"""Synthetic surroundings of a cached film, in its pixels."""

_EDGE_PX = 10
"""The outermost pixels of a film often hold a scanner's white line."""


@dataclass(frozen=True)
class ColumnCourse:
    """Where the column runs in a crop, from the top down.

    Parameters
    ----------
    posterior, anterior : ndarray of float64, shape (n, 2)
        Points along both walls.
    depth_px : float
        Distance between them.
    """

    posterior: Points
    anterior: Points
    depth_px: float

    @property
    def backwards(self) -> Points:
        """Unit vectors (n, 2) from the anterior to the posterior wall."""
        across = self.posterior - self.anterior
        return np.asarray(across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6))

    def extended(self, above: float, below: float) -> ColumnCourse:
        """Continue both ends by multiples of the depth."""
        return ColumnCourse(
            _continue(self.posterior, above * self.depth_px, below * self.depth_px),
            _continue(self.anterior, above * self.depth_px, below * self.depth_px),
            self.depth_px,
        )


def _continue(line: Points, above_px: float, below_px: float) -> Points:
    down_top = _unit(line[min(2, len(line) - 1)] - line[0])
    down_end = _unit(line[-1] - line[max(-3, -len(line))])
    return np.vstack([line[0] - above_px * down_top, line, line[-1] + below_px * down_end])


def _unit(vector: Points) -> Points:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-6))


def surround(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Continue a film (H, W) beyond its edges with smooth soft tissue and its own grain.

    Returns
    -------
    ndarray of uint8
        The film with `PAD_PX` around it; the film itself is unchanged.
    """
    top, bottom, left, right = (PAD_PX[side] for side in ("top", "bottom", "left", "right"))
    film = pixels.astype(np.float32)
    edges = film.copy()
    # A burnt-white identification strip would become a white wall beyond the edge.
    edges[edges > 245] = float(np.median(film[:, : film.shape[1] // 3]))
    e = _EDGE_PX
    wide = cv2.copyMakeBorder(
        edges[e:-e, e:-e], top + e, bottom + e, left + e, right + e, cv2.BORDER_REPLICATE
    )
    wide = cv2.blur(cv2.GaussianBlur(wide, (0, 0), 6), (61, 25))
    wide = wide * shading(wide.shape, rng) ** 0.25
    grain = film - cv2.GaussianBlur(film, (0, 0), 2)
    wide += rng.choice(np.clip(grain.ravel(), -20, 20), wide.size).reshape(wide.shape)
    inside = np.zeros(wide.shape, np.float32)
    inside[top + e : top + film.shape[0] - e, left + e : left + film.shape[1] - e] = 1
    seam = np.clip(cv2.blur(inside, (17, 17)) * 2 - 1, 0, 1)
    placed = np.zeros_like(wide)
    placed[top : top + film.shape[0], left : left + film.shape[1]] = film
    return np.clip(placed * seam + wide * (1 - seam), 0, 255).astype(np.uint8)


def fade_behind(image: Image, column: ColumnCourse, rng: np.random.Generator) -> Image:
    """Let the neck end behind the column: tissue thins out to the skin, then background."""
    skin = _skin_line(column, rng)
    far = skin + column.extended(4, 4).backwards * 4 * max(image.shape)
    outside = np.zeros(image.shape, np.uint8)
    _fill(outside, np.vstack([skin, far[::-1]]), 255)
    inside = (outside == 0).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    reach = column.depth_px * rng.uniform(0.8, 2.5)
    thickness = np.sqrt(np.clip(distance / reach, 0, 1)) * rng.uniform(0.5, 1.0)
    floor = rng.uniform(0.0, 0.12)
    edge = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), rng.uniform(0.8, 3.0))
    # Only the part behind the column thins out; in front everything is real.
    behind = thickness / max(float(thickness.max()), 1e-6)
    return np.asarray(floor + (image * behind - floor) * edge, np.float32).clip(0, 1)


def _skin_line(column: ColumnCourse, rng: np.random.Generator) -> Points:
    line = column.extended(4, 4)
    offsets = np.interp(
        np.linspace(0, 1, len(line.posterior)),
        [0, 0.3, 0.6, 1],
        column.depth_px
        * rng.uniform(2.0, 4.5)
        * np.array([rng.uniform(1.0, 2.2), 1.0, rng.uniform(0.9, 1.2), rng.uniform(0.9, 1.8)]),
    )
    return np.asarray(line.posterior + line.backwards * offsets[:, None])


def spinous_processes(
    image: Image, synthetic: Image, column: ColumnCourse, rng: np.random.Generator
) -> Image:
    """Draw blurred posterior elements where the film was continued synthetically.

    Parameters
    ----------
    synthetic : ndarray
        1 where `image` is made up, 0 where it is film.
    """
    layer = np.zeros(image.shape, np.float32)
    down = _unit(column.posterior[-1] - column.posterior[0])
    tilt = rng.uniform(0.1, 0.8)
    brightness = rng.uniform(0.05, 0.25)
    for base, back in zip(column.posterior[::2], column.backwards[::2], strict=True):
        axis = _unit(back + tilt * rng.uniform(0.7, 1.3) * down)
        start = base + back * column.depth_px * rng.uniform(0.5, 0.9)
        end = start + axis * column.depth_px * rng.uniform(0.9, 2.0)
        width = column.depth_px * rng.uniform(0.12, 0.28)
        side = np.array([-axis[1], axis[0]]) * width
        shape = np.stack([start + side, end + side * 1.2, end - side * 1.2, start - side * 0.8])
        _fill(layer, shape, brightness * rng.uniform(0.6, 1.3))
    soft = cv2.GaussianBlur(layer, (0, 0), max(0.7, 0.05 * column.depth_px))
    return np.asarray(image + soft * synthetic, np.float32)


def shoulder(
    image: Image, column: ColumnCourse, rng: np.random.Generator
) -> tuple[Image, NDArray[np.float32]]:
    """Lay a shoulder over the lower neck.

    Returns
    -------
    image : ndarray of float32, shape (h, w)
    veil : ndarray of float32, shape (h, w)
        0..1: how much of the contrast is lost.
    """
    line = column.extended(0, 4)
    down = _unit(line.posterior[-1] - line.posterior[0])
    forwards = np.array([-down[1], down[0]])
    if forwards @ column.backwards.mean(axis=0) > 0:
        forwards = -forwards
    at = rng.uniform(0.45, 0.95)
    lines = (line.posterior + line.anterior) / 2
    top = lines[int(at * (len(lines) - 1))]
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    along = (cols - top[0]) * down[0] + (rows - top[1]) * down[1]
    ahead = ((cols - top[0]) * forwards[0] + (rows - top[1]) * forwards[1]) / column.depth_px
    bend = rng.uniform(0.02, 0.2)
    slope = rng.uniform(-0.3, 0.6)
    edge = column.depth_px * (bend * (ahead - rng.uniform(-2, 2)) ** 2 + slope * ahead)
    softness = column.depth_px * rng.uniform(0.08, 0.9)
    veil = 1 / (1 + np.exp(-np.clip((along - edge) / softness, -20, 20)))
    veil *= rng.uniform(0.25, 0.97)
    target = rng.uniform(0.65, 1.05)
    covered = image * (1 - veil) + (target + 0.25 * (image - 0.5)) * veil
    return np.asarray(covered, np.float32), np.asarray(veil, np.float32)


def as_users_bring_it(
    image: Image, outside: Image, column: ColumnCourse, rng: np.random.Generator
) -> tuple[Image, Image | None]:
    """Draw what surrounds a neck on a whole film: spinous processes, skin, shoulders.

    Parameters
    ----------
    outside : ndarray of float32, shape (h, w)
        1 where the film itself does not reach.

    Returns
    -------
    image : ndarray of float32, shape (h, w)
    veil : ndarray of float32, shape (h, w), or None
        How much the shoulders cover; None without shoulders.
    """
    if rng.random() < 0.8:
        soft = np.asarray(cv2.blur(outside, (7, 7)), np.float32)
        image = spinous_processes(image, soft, column.extended(0, 3), rng)
    if rng.random() < 0.75:
        image = fade_behind(image, column, rng)
    if rng.random() < 0.55:
        return shoulder(image, column, rng)
    return image, None


def bright_edge(image: Image, rng: np.random.Generator) -> Image:
    """Lay a straight brighter or darker sheet over one side: a sponge, a collar, a table."""
    out = image.copy()
    angle = rng.uniform(0, 2 * np.pi)
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    position = cols * np.cos(angle) + rows * np.sin(angle)
    low, high = float(position.min()), float(position.max())
    at = rng.uniform(low + 0.55 * (high - low), high)
    width = rng.uniform(0.01, 0.4) * (high - low)
    sheet = ((position > at) & (position < at + width)).astype(np.float32)
    sheet = cv2.GaussianBlur(sheet, (0, 0), rng.uniform(0.5, 2))
    return np.asarray(out + sheet * rng.uniform(-0.15, 0.3), np.float32)


def burn_in(image: Image, rng: np.random.Generator) -> Image:
    """Burn in one to three side markers or short texts."""
    letters = np.zeros(image.shape, np.uint8)
    words = ("L", "R", "lat", "LAT", "ap", "L LAT", "UPRIGHT", "1234567", "20 cm", "C-SPINE")
    for _ in range(int(rng.integers(1, 4))):
        at = rng.uniform(0.02, 0.9, 2) * image.shape[::-1]
        size = rng.uniform(0.3, 1.6)
        cv2.putText(
            letters, str(rng.choice(words)), (int(at[0]), int(at[1])), cv2.FONT_HERSHEY_SIMPLEX,
            size, 255, int(rng.integers(1, 4)),
        )  # fmt: skip
    ink = cv2.GaussianBlur(letters, (0, 0), rng.uniform(0.3, 0.9)).astype(np.float32) / 255
    value = 1.0 if rng.random() < 0.85 else 0.0
    return np.asarray(image * (1 - ink) + value * ink, np.float32)


def exposure(image: Image, rng: np.random.Generator) -> Image:
    """Change gamma, contrast, shading, sharpness, resolution and noise."""
    out = np.clip(image, 0, 1) ** np.exp(rng.uniform(-0.8, 0.55))
    if rng.random() < 0.3:
        middle, steep = rng.uniform(0.3, 0.7), rng.uniform(2, 6)
        out = 1 / (1 + np.exp(-steep * (out - middle)))
    if rng.random() < 0.4:
        out = out * shading(out.shape, rng)
    draw = rng.random()
    if draw < 0.25:
        out = cv2.GaussianBlur(out.astype(np.float32), (0, 0), rng.uniform(0.4, 1.6))
    elif draw < 0.45:
        out = coarser(out.astype(np.float32), rng.uniform(0.35, 0.8))
    elif draw < 0.65:
        soft = cv2.GaussianBlur(out.astype(np.float32), (0, 0), rng.uniform(1, 3))
        out = out + rng.uniform(0.3, 1.4) * (out - soft)
    if rng.random() < 0.4:
        grain = rng.standard_normal(out.shape, np.float32) * rng.uniform(0.003, 0.04)
        out = out + (cv2.GaussianBlur(grain, (0, 0), 0.7) * 2 if rng.random() < 0.4 else grain)
    return np.clip(out, 0, 1).astype(np.float32)


def window(image: Image, rng: np.random.Generator) -> Image:
    """Cut off darks or brights, as a saturated or narrowly windowed export does."""
    low = rng.uniform(0, 0.15) if rng.random() < 0.5 else 0.0
    high = rng.uniform(0.8, 1.0) if rng.random() < 0.5 else 1.0
    return np.clip((image - low) / (high - low), 0, 1).astype(np.float32)


def bars(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return (h, w), True where collimation or a letterbox hides the film.

    Up to two straight edges, rarely a free rectangle.
    """
    hidden = np.zeros(shape, bool)
    for _ in range(int(rng.integers(1, 3))):
        extent = int(rng.uniform(0.03, 0.35) * min(shape))
        side = int(rng.integers(0, 4))
        if side == 0:
            hidden[:extent] = True
        elif side == 1:
            hidden[shape[0] - extent :] = True
        elif side == 2:
            hidden[:, :extent] = True
        else:
            hidden[:, shape[1] - extent :] = True
    return hidden


def patch(shape: tuple[int, int], rng: np.random.Generator) -> tuple[slice, slice]:
    """Return a small rectangle (rows, columns) to cover with one grey value."""
    size = (rng.uniform(0.04, 0.22, 2) * shape).astype(int)
    at = (rng.uniform(0, 1, 2) * (np.array(shape) - size)).astype(int)
    return slice(int(at[0]), int(at[0] + size[0])), slice(int(at[1]), int(at[1] + size[1]))


def _fill(canvas: NDArray[Any], polygon: Points, value: float) -> None:
    cv2.fillPoly(canvas, [np.round(polygon).clip(-30000, 30000).astype(np.int32)], value)
