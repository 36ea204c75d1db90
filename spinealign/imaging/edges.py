"""The nearest edge of an image, to a fraction of a pixel: where a dragged point snaps to."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Points = NDArray[np.float64]
Direction = tuple[float, float]

_SMOOTHING_SHARE, _LEAST_SMOOTHING_PX, _MOST_SMOOTHING_PX = 0.12, 1.0, 3.0
_STEP_PX = 0.25
_PARABOLA = 3
"""Steps from the peak to the samples that place it; nearer ones would follow the pixels' grid."""

_ACROSS_SHARE = 0.2
_LEAST_ABOVE_TYPICAL = 2.0
_LEAST_CONTRAST = 0.02
_FAR_COUNTS = 0.9
_TINY = 1e-12


def snap_to_edge(
    pixels: Array, x: float, y: float, direction: Direction | None = None, radius_px: float = 8.0
) -> tuple[float, float]:
    """Return the strongest edge near a point, near ones being favoured.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
        Grey values of any range.
    x, y : float
        In image pixels (pixel i covers i to i + 1).
    direction : tuple of float, optional
        (x, y) of any length along which the edge is crossed; the point then moves along
        it only, and the edge is averaged a little to both sides. None searches all around.
    radius_px : float
        How far the point may move.

    Returns
    -------
    tuple of float
        The point itself where nothing near stands out as an edge, or where it lies
        outside of the image.

    Notes
    -----
    The edge is the maximum of the first derivative of a Gaussian (Canny 1986), placed
    between samples by a parabola.
    """
    rows, cols = pixels.shape
    if not (0 <= x <= cols and 0 <= y <= rows) or radius_px <= 0:
        return x, y
    patch = _Patch(pixels, x, y, radius_px)
    if not patch.has_contrast:
        return x, y
    if direction is None or np.hypot(*direction) < _TINY:
        return patch.nearest_edge()
    return patch.edge_along(np.array(direction) / np.hypot(*direction))


class _Patch:
    """A smoothed piece of the image around a point, and its slopes."""

    def __init__(self, pixels: Array, x: float, y: float, radius: float) -> None:
        self._point, self._radius = np.array([x, y], np.float64), radius
        sigma = np.clip(_SMOOTHING_SHARE * radius, _LEAST_SMOOTHING_PX, _MOST_SMOOTHING_PX)
        reach = int(np.ceil(radius + 4 * sigma)) + 2
        rows, cols = pixels.shape
        self._limits = np.array([cols, rows])
        left, top = max(int(x) - reach, 0), max(int(y) - reach, 0)
        cut = pixels[top : min(int(y) + reach + 1, rows), left : min(int(x) + reach + 1, cols)]
        # Index 0 of the piece is the centre of its first pixel.
        self._origin = np.array([left, top]) + 0.5
        grey = cut.astype(np.float32)
        self._range = float(np.ptp(grey))
        smooth = cv2.GaussianBlur(grey, (0, 0), float(sigma), borderType=cv2.BORDER_REPLICATE)
        self._across, self._down = (
            cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3, scale=1 / 8,
                      borderType=cv2.BORDER_REPLICATE)
            for order in ((1, 0), (0, 1))
        )  # fmt: skip
        self._steepness = np.hypot(self._across, self._down)

    @property
    def has_contrast(self) -> bool:
        """Whether there is any grey value but one."""
        return bool(np.isfinite(self._range)) and self._range > _TINY

    def nearest_edge(self) -> tuple[float, float]:
        """Return the best place within the radius that is the steepest across its own edge."""
        rows, cols = np.indices(self._steepness.shape)
        away = np.stack([cols, rows], axis=-1) + self._origin - self._point
        distance = np.hypot(away[..., 0], away[..., 1])
        score = np.where(distance <= self._radius, self._steepness * self._weight(distance), -1)
        row, col = np.unravel_index(int(score.argmax()), score.shape)
        slope = np.array([self._across[row, col], self._down[row, col]], np.float64)
        if not self._stands_out(float(self._steepness[row, col])):
            return self._as_it_was()
        along = slope / np.hypot(*slope)
        start = np.array([col, row]) + self._origin
        offsets = np.arange(-8.0, 9.0) * _STEP_PX
        return self._placed(start, along, offsets, np.abs(offsets) <= 1.5)

    def edge_along(self, direction: Points) -> tuple[float, float]:
        """Return the best place on the line through the point."""
        count = int(self._radius / _STEP_PX)
        offsets = np.arange(-count, count + 1.0) * _STEP_PX
        return self._placed(self._point, direction, offsets, np.ones(offsets.shape, bool))

    def _placed(
        self, start: Points, direction: Points, offsets: Points, is_allowed: NDArray[np.bool_]
    ) -> tuple[float, float]:
        steep = self._profile(start, direction, offsets)
        places = start + offsets[:, None] * direction
        distance = np.hypot(*(places - self._point).T)
        peaks = np.zeros(steep.shape, bool)
        inner = slice(_PARABOLA, -_PARABOLA)
        peaks[inner] = (steep[inner] >= np.roll(steep, 1)[inner]) & (
            steep[inner] >= np.roll(steep, -1)[inner]
        )
        is_inside = ((places >= 0) & (places <= self._limits)).all(axis=1)
        score = np.where(peaks & is_allowed & is_inside, steep * self._weight(distance), -1)
        best = int(score.argmax())
        if score[best] <= 0 or not self._stands_out(float(steep[best])):
            return self._as_it_was()
        three = steep[best - _PARABOLA : best + _PARABOLA + 1 : _PARABOLA]
        offset = offsets[best] + _PARABOLA * _STEP_PX * _vertex(*three)
        # The parabola may peak up to half a step outside the image.
        x, y = np.clip(start + offset * direction, 0, self._limits)
        return float(x), float(y)

    def _profile(self, start: Points, direction: Points, offsets: Points) -> Points:
        """Return how steeply the grey values change along a line, averaged across it."""
        half = _ACROSS_SHARE * self._radius
        side = np.array([-direction[1], direction[0]])
        beside = np.linspace(-half, half, 5)[:, None, None] * side
        places = start + offsets[None, :, None] * direction + beside - self._origin
        x, y = (places[..., i].astype(np.float32) for i in (0, 1))
        across, down = (
            cv2.remap(part, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            for part in (self._across, self._down)
        )
        along = across * direction[0] + down * direction[1]
        return np.asarray(np.abs(along.mean(axis=0)), np.float64)

    def _weight(self, distance: Points) -> Points:
        return np.asarray(1 - _FAR_COUNTS * np.clip(distance / self._radius, 0, 1) ** 2)

    def _stands_out(self, steepness: float) -> bool:
        typical = float(np.median(self._steepness))
        return steepness > max(_LEAST_ABOVE_TYPICAL * typical, _LEAST_CONTRAST * self._range)

    def _as_it_was(self) -> tuple[float, float]:
        return float(self._point[0]), float(self._point[1])


def _vertex(before: float, here: float, after: float) -> float:
    """Return where a parabola through three neighbours peaks, -0.5 to 0.5 of a step."""
    bend = before - 2 * here + after
    return 0.0 if bend > -_TINY else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
