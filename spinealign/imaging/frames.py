"""The frame of one black or white round a picture, as of secondary captures and letterboxes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage

_LEAST_SHARE = 0.01
"""Least width of a frame on one side, as a share of the picture's own height or width.

Source: set by hand; the films of seven sets have single rows of one value at most, of 4 pixels in
2750, and these stay.
"""

_LEAST_INSIDE = 0.1
"""Least share of the height and of the width that lies inside a frame.

Source: set by hand; less is a picture of one value with a mark on it and not a picture in a frame.
"""


@dataclass(frozen=True)
class Inside:
    """What lies inside a frame: rows from `top` to before `bottom`, columns likewise.

    `shape` is (rows, columns) of the picture with its frame.
    """

    top: int
    bottom: int
    left: int
    right: int
    shape: tuple[int, int]

    @property
    def is_whole(self) -> bool:
        """Whether there is no frame."""
        return (self.bottom - self.top, self.right - self.left) == self.shape

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Affine matrix (2, 3) from (x, y) inside to (x, y) of the picture with its frame."""
        return np.array([[1.0, 0.0, self.left], [0.0, 1.0, self.top]])

    def of(self, image: SpineImage) -> SpineImage:
        """Return the picture without its frame."""
        if self.is_whole:
            return image
        inside = image.pixels[self.top : self.bottom, self.left : self.right]
        return replace(image, pixels=np.ascontiguousarray(inside))

    def put_back(self, values: NDArray[Any], outside: float) -> NDArray[Any]:
        """Return an array of what lies inside as one of the picture, `outside` in the frame."""
        whole = np.full(self.shape, outside, values.dtype)
        whole[self.top : self.bottom, self.left : self.right] = values
        return whole


def inside_frame(pixels: NDArray[np.float32]) -> Inside:
    """Return where a picture lies inside rows and columns of exactly its least or greatest value.

    A border that is merely dark has noise, and stays.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
    """
    shape = (pixels.shape[0], pixels.shape[1])
    whole = Inside(0, shape[0], 0, shape[1], shape)
    found = _peeled(pixels, whole)
    sides = (found.bottom - found.top, found.right - found.left)
    if any(side < _LEAST_INSIDE * full for side, full in zip(sides, shape, strict=True)):
        return whole
    least_rows, least_columns = (_LEAST_SHARE * full for full in shape)
    return Inside(
        found.top if found.top >= least_rows else 0,
        found.bottom if shape[0] - found.bottom >= least_rows else shape[0],
        found.left if found.left >= least_columns else 0,
        found.right if shape[1] - found.right >= least_columns else shape[1],
        shape,
    )


def _peeled(pixels: NDArray[np.float32], inside: Inside) -> Inside:
    """Take rows and columns of one value away from every side until none is left."""
    ends = (float(pixels.min()), float(pixels.max()))
    if ends[0] == ends[1]:
        return inside
    while True:
        part = pixels[inside.top : inside.bottom, inside.left : inside.right]
        above, below = _run(part, 1, ends)
        part = part[above : part.shape[0] - below]
        before, behind = _run(part, 0, ends)
        if not (above or below or before or behind):
            return inside
        inside = replace(
            inside,
            top=inside.top + above,
            bottom=inside.bottom - below,
            left=inside.left + before,
            right=inside.right - behind,
        )


def _run(part: NDArray[np.float32], axis: int, ends: tuple[float, float]) -> tuple[int, int]:
    """Return how many rows (axis 1) or columns (axis 0) of one value lie at the start and end."""
    low, high = part.min(axis=axis), part.max(axis=axis)
    is_content = (low != high) | ~np.isin(low, ends)
    if not is_content.any():
        return 0, 0
    return int(is_content.argmax()), int(is_content[::-1].argmax())
