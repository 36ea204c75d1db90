"""Disc crops, rotated to horizontal at one scale; shared by training and inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.measure.outlines.disc_shapes import DiscShape, Points

CROP_SHAPE = (112, 128)
"""Rows and columns of a crop, in pixels. Source: input of the model card of `disc_grading`."""

DISC_PX = 68
"""Length of the disc in a crop, in pixels; the rest shows half of each neighbour and the canal.

Source: the scale that `disc_grading` was trained at (docs/training.md).
"""

_LEAST_OF_TYPICAL, _MOST_OF_TYPICAL = 0.85, 1.18
"""Shortest and longest disc that is believed, as shares of the median of its neighbours.

Source: `disc_grading` was trained with crops of these limits (docs/training.md).
"""

_ALIASING_STEP, _SMOOTHING_A_STEP = 1.2, 0.4
"""Image pixels per crop pixel from which the image is smoothed first, and the standard deviation
of that smoothing per step. Source: `disc_grading` was trained with crops that are made so.
"""


@dataclass(frozen=True, eq=False)
class CropFrame:
    """Where a crop lies in the image: front to the left, sacrum below, whichever way the patient.

    Parameters
    ----------
    centre : ndarray of float64, shape (2,)
        (x, y) of the crop's middle in image pixels.
    backwards, down : ndarray of float64, shape (2,)
        Unit vectors along the crop's columns and rows.
    length_px : float
        Image pixels that become `DISC_PX` pixels of the crop.
    """

    centre: Points
    backwards: Points
    down: Points
    length_px: float

    def jittered(self, turn_deg: float, scale: float, shift: tuple[float, float]) -> CropFrame:
        """Return this frame turned, scaled, and shifted by parts of the disc's length."""
        angle = np.deg2rad(turn_deg)
        backwards = np.cos(angle) * self.backwards + np.sin(angle) * self.down
        down = -np.sin(angle) * self.backwards + np.cos(angle) * self.down
        moved = self.centre + self.length_px * (shift[0] * backwards + shift[1] * down)
        return replace(
            self, centre=moved, backwards=backwards, down=down, length_px=self.length_px / scale
        )

    @property
    def to_image(self) -> Points:
        """Affine matrix (2, 3) from crop indices (column, row) to image indices."""
        step = self.length_px / DISC_PX
        linear = np.stack([self.backwards, self.down], axis=1) * step
        middle = np.array([CROP_SHAPE[1] - 1, CROP_SHAPE[0] - 1]) / 2
        return np.concatenate([linear, (self.centre - 0.5 - linear @ middle)[:, None]], axis=1)


def frames_of(discs: Sequence[DiscShape]) -> list[CropFrame]:
    """Return the frame of each disc of one column.

    A disc whose outline is far shorter or longer than its neighbours' is cut out at
    a length near theirs: one bad outline must not change the scale.
    """
    lengths = np.array([disc.length_px for disc in discs])
    frames = []
    for i, disc in enumerate(discs):
        typical = float(np.median(lengths[max(0, i - 2) : i + 3]))
        length = float(np.clip(lengths[i], _LEAST_OF_TYPICAL * typical, _MOST_OF_TYPICAL * typical))
        backwards = (disc.posterior - disc.anterior) / max(disc.length_px, 1e-6)
        down = disc.down - (disc.down @ backwards) * backwards
        down /= max(float(np.hypot(*down)), 1e-6)
        frames.append(CropFrame(disc.centre, backwards, down, length))
    return frames


def cut_out(pixels: NDArray[np.float32], frame: CropFrame) -> NDArray[np.float32]:
    """Cut (H, W) grey values out of an image; what lies beyond its border repeats the border.

    Returns
    -------
    ndarray of float32, shape `CROP_SHAPE`
    """
    step = frame.length_px / DISC_PX
    if step > _ALIASING_STEP:
        sigma = _SMOOTHING_A_STEP * step
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.float32)
    return np.asarray(_warped(pixels, frame, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE), np.float32)


def cut_out_mask(mask: NDArray[np.uint8], frame: CropFrame) -> NDArray[np.uint8]:
    """Cut a mask (H, W) out, nearest neighbour; 0 beyond the image's border.

    Returns
    -------
    ndarray of uint8, shape `CROP_SHAPE`
    """
    return np.asarray(_warped(mask, frame, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT), np.uint8)


def _warped(
    values: NDArray[np.float32] | NDArray[np.uint8], frame: CropFrame, method: int, border: int
) -> cv2.typing.MatLike:
    size = (CROP_SHAPE[1], CROP_SHAPE[0])
    flags = method | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(values, frame.to_image, size, flags=flags, borderMode=border)
