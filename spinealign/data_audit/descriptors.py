"""What makes a picture recognisable when it was re-encoded, resized, cropped, mirrored or turned.

Two descriptions. A perceptual hash of the whole and of windows of it: rings around the middle, and
how strongly brightness varies along each; the strength of a variation around a ring is the same
whichever way the picture is turned or mirrored, so that one hash does for all of them. And local
features (SIFT; Lowe, Int J Comput Vis 2004;60:91-110), which lay one picture over another.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

_HASH_SIDE: Final = 64
_RINGS: Final = 12
_ANGLES: Final = 64
_WAVES: Final = 10
"""Variations around a ring of 0 to 9 periods; finer ones are what sharpening and noise change."""

WINDOW_SHARES: Final = (0.85, 0.7)
"""Sides of the windows that are hashed besides the whole picture: copies may be cropped to them."""

_WORKING_AREA_PX: Final = 256 * 256
"""Pictures are compared at this many pixels: enough for detail, and quick."""

_FEATURES: Final = 250
_LEAST_CONTRAST: Final = 0.02
"""Of a local feature; half of the method's usual one, because radiographs are flat."""

_RANGE_PERCENTILES: Final = (0.5, 99.5)


@dataclass(frozen=True, eq=False)
class Recognised:
    """Descriptions of one picture.

    Parameters
    ----------
    small : ndarray of uint8, shape (h, w)
        The picture at about `_WORKING_AREA_PX`, stretched to its full range.
    hashes : ndarray of float32, shape (1 + windows, 120)
        Perceptual hashes, unit length: of the whole first, then of each window.
    points : ndarray of float32, shape (n, 2)
        Local features in `small`, the strongest first, x right, y down.
    features : ndarray of float32, shape (n, 128)
        Their descriptions, square roots of parts of their sum (Arandjelovic, CVPR 2012).
    """

    small: NDArray[np.uint8]
    hashes: NDArray[np.float32]
    points: NDArray[np.float32]
    features: NDArray[np.float32]


def recognised(grey: NDArray[np.uint8]) -> Recognised:
    """Describe one picture, (H, W) uint8, so that its copies can be found."""
    small = stretched(_at_working_size(grey))
    points, features = _local_features(small)
    return Recognised(small, _hashes(small), points, features)


def stretched(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture with its 0.5 and 99.5 percentiles at black and white."""
    low, high = np.percentile(grey, _RANGE_PERCENTILES)
    if high <= low:
        return grey
    values = (grey.astype(np.float32) - low) * (255 / (high - low))
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def mirrored_features(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the descriptions that the same places have in the mirrored picture.

    A description is 4 x 4 places of 8 directions, relative to the feature's own direction:
    mirrored, the places change sides across it and directions run the other way round.
    """
    grid = features.reshape(-1, 4, 4, 8)[:, ::-1][..., (-np.arange(8)) % 8]
    return np.ascontiguousarray(grid.reshape(-1, 128))


def _at_working_size(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = grey.shape
    factor = (_WORKING_AREA_PX / (height * width)) ** 0.5
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=method), np.uint8)


def _local_features(small: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    made: Any = cv2
    finder = made.SIFT_create(nfeatures=_FEATURES, contrastThreshold=_LEAST_CONTRAST)
    found, values = finder.detectAndCompute(small, None)
    if values is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    order = np.argsort([-one.response for one in found], kind="stable")
    points = np.array([found[place].pt for place in order], np.float32).reshape(-1, 2)
    values = values[order]
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1e-6)
    return points, np.sqrt(shares).astype(np.float32)


def _hashes(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = small.shape
    windows = [small]
    for share, row, column in itertools.product(WINDOW_SHARES, range(3), range(3)):
        rows, columns = round(height * share), round(width * share)
        top, left = (height - rows) * row // 2, (width - columns) * column // 2
        windows.append(small[top : top + rows, left : left + columns])
    return np.stack([_hash(window) for window in windows])


def _hash(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how strongly brightness varies along each ring: (120,), unit length, of mean 0."""
    side = (_HASH_SIDE, _HASH_SIDE)
    square = cv2.resize(picture, side, interpolation=cv2.INTER_AREA).astype(np.float32)
    square = np.asarray(cv2.GaussianBlur(square, (0, 0), 1.0), np.float32)
    polar = cv2.warpPolar(
        square, (_RINGS, _ANGLES), ((_HASH_SIDE - 1) / 2,) * 2, _HASH_SIDE / 2,
        cv2.WARP_POLAR_LINEAR | cv2.INTER_LINEAR,
    )  # fmt: skip
    waves = np.abs(np.fft.rfft(polar, axis=0))[:_WAVES].T / _ANGLES
    waves[:, 0] -= waves[:, 0].mean()
    # The square root keeps a few strong edges from deciding alone.
    values = (np.sign(waves) * np.sqrt(np.abs(waves))).ravel()
    values -= values.mean()
    return (values / max(float(np.linalg.norm(values)), 1e-6)).astype(np.float32)
