"""Noise reduction by wavelets, without the libraries that only a training has."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]
_QUARTILE: Final = 0.6744897501960817
"""Third quartile of the standard normal distribution; the median deviation over it is sigma."""

_LEVELS_LEFT: Final = 3
"""Of all levels that a picture has, so many coarse ones are left alone, as scikit-image does."""


def shrink_wavelets(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reduce noise in a 0..1 image (h, w): Haar wavelets, soft thresholds of their own size.

    The standard deviation of the noise comes from the finest diagonal details, and each level and
    direction has the threshold of BayesShrink. Source: Chang, Yu and Vetterli 2000
    (10.1109/83.862633); equal to ``skimage.restoration.denoise_wavelet`` with its defaults.
    """
    count = max(int(np.log2(min(canvas.shape))) - _LEVELS_LEFT, 1)
    rest: _Array = canvas.astype(np.float64)
    levels: list[tuple[tuple[int, ...], list[_Array]]] = []
    for _ in range(count):
        shape = rest.shape
        rest, *details = _apart(rest)
        levels.append((shape, details))
    finest = levels[0][1][2]
    finest = finest[finest != 0]
    if not finest.size:
        return canvas
    variance = (float(np.median(np.abs(finest))) / _QUARTILE) ** 2
    for shape, details in reversed(levels):
        rest = _together(rest, [_shrunk(each, variance) for each in details], shape)
    return np.asarray(np.clip(rest, 0, 1), np.float32)


def _apart(values: _Array) -> list[_Array]:
    """Return the mean and the details down, across and diagonal; sides of odd length repeat."""
    odd = [(0, side % 2) for side in values.shape]
    even = np.pad(values, odd, mode="edge")
    up, down = even[::2], even[1::2]
    parts = []
    for rows in ((up + down), (up - down)):
        left, right = rows[:, ::2], rows[:, 1::2]
        parts += [(left + right) / 2, (left - right) / 2]
    mean, across, along, diagonal = parts
    return [mean, along, across, diagonal]


def _together(mean: _Array, details: list[_Array], shape: tuple[int, ...]) -> _Array:
    along, across, diagonal = details
    whole = np.empty((2 * mean.shape[0], 2 * mean.shape[1]))
    whole[::2, ::2] = mean + along + across + diagonal
    whole[::2, 1::2] = mean + along - across - diagonal
    whole[1::2, ::2] = mean - along + across - diagonal
    whole[1::2, 1::2] = mean - along - across + diagonal
    return whole[: shape[0], : shape[1]] / 2


def _shrunk(details: _Array, variance: float) -> _Array:
    signal = max(float(np.mean(details * details)) - variance, float(np.finfo(np.float32).eps))
    threshold = variance / np.sqrt(signal)
    shrunk: _Array = np.sign(details) * np.maximum(np.abs(details) - threshold, 0)
    return shrunk
