"""Resampling of images with anisotropic pixels to square pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Vertebra

Points = NDArray[np.float64]

_SQUARE_WITHIN = 0.005
"""Largest difference of height and width of a pixel that counts as square, in widths: half a
percent of a length, and 0.3 degrees of an angle.

Source: geometry; less than the least error of an angle in docs/models.md.
"""


@dataclass(frozen=True)
class SquareGrid:
    """Square pixels over a picture, as small as the shorter side of its own.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of square pixels.
    scale : tuple of float
        Square pixels to a pixel of the picture, to the right and down.
    """

    shape: tuple[int, int]
    scale: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def over(cls, shape: tuple[int, ...], pixel_aspect: float) -> SquareGrid:
        """Return the grid over a picture (rows, columns) with pixels so high by width.

        Pixels that are square within half a percent stay what they are.
        """
        rows, cols = shape[:2]
        if abs(pixel_aspect - 1) < _SQUARE_WITHIN:
            return cls((rows, cols))
        squares = round(rows * max(pixel_aspect, 1)), round(cols * max(1 / pixel_aspect, 1))
        return cls(squares, (squares[1] / cols, squares[0] / rows))

    @property
    def is_needed(self) -> bool:
        """Whether the picture's own pixels are not square."""
        return self.scale != (1.0, 1.0)

    def resampled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values (H, W) on the grid, interpolated."""
        return np.asarray(self._resized(values, cv2.INTER_LINEAR), np.float32)

    def resampled_mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a mask (H, W) on the grid, nearest neighbour."""
        return np.asarray(self._resized(mask, cv2.INTER_NEAREST_EXACT), np.uint8)

    def _resized(
        self, values: NDArray[np.float32] | NDArray[np.uint8], method: int
    ) -> cv2.typing.MatLike:
        if not self.is_needed:
            return values
        return cv2.resize(values, self.shape[::-1], interpolation=method)

    def to_picture(self, points: Points) -> Points:
        """Return points or steps (..., 2) of the grid as (x, y) in the picture's pixels."""
        return np.asarray(points / np.array(self.scale), np.float64)

    def matrix_to_picture(self, matrix: Points) -> Points:
        """Return an affine matrix (2, 3) to indices of the grid as one to the picture's."""
        scale = np.array(self.scale)[:, None]
        linear, offset = matrix[:, :2] / scale, (matrix[:, 2:] + 0.5) / scale - 0.5
        return np.concatenate([linear, offset], axis=1)

    def body_in_picture(self, body: Vertebra) -> Vertebra:
        """Return a body whose places on the grid are turned into the picture's."""
        if not self.is_needed:
            return body
        marks = [(mark, self.to_picture(np.array([mark.x, mark.y]))) for mark in body.landmarks]
        outline = self.to_picture(np.array(body.outline))
        return replace(
            body,
            outline=tuple((float(x), float(y)) for x, y in outline),
            landmarks=tuple(replace(mark, x=float(x), y=float(y)) for mark, (x, y) in marks),
        )
