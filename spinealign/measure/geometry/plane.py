"""The plane in which lengths and angles are measured, and the way back to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Facing
from spinealign.domain.image import SpacingSource, SpineImage
from spinealign.domain.measurements import PictureSide, Point

Points = NDArray[np.float64]

_UPRIGHT_WITHIN_DEG = 45.0
"""Turn of a picture from which its sides are no longer the patient's.

Source: convention of this program: half a quarter turn.
"""

_NOT_IN_THE_PATIENT = (SpacingSource.UNKNOWN, SpacingSource.DETECTOR_PLANE)


@dataclass(frozen=True)
class PixelGeometry:
    """What one pixel is worth.

    Parameters
    ----------
    spacing_mm : tuple of float or None
        (row spacing, column spacing), vertical first; None when unknown. Pixels then
        count as square, and lengths are in pixels.
    are_lengths_true : bool
        Whether millimetres hold in the patient: thresholds in millimetres and
        reference ranges count only then.
    upright_deg : float
        By how much the picture has to be turned to the left to stand upright.
    rows_run_to : PictureSide or None
        The patient's side that lies on the right of the picture, as its file says.
    """

    spacing_mm: tuple[float, float] | None = None
    are_lengths_true: bool = False
    upright_deg: float = 0.0
    rows_run_to: PictureSide | None = None

    @classmethod
    def of(cls, image: SpineImage) -> PixelGeometry:
        """Return the geometry of an image; lengths at the detector are magnified, so not true."""
        is_true = image.spacing_mm is not None and image.spacing_source not in _NOT_IN_THE_PATIENT
        upright_deg = image.presentation.upright_deg
        return cls(image.spacing_mm, is_true, upright_deg, _right_of_picture(image))

    def patient_side(self, side: PictureSide) -> PictureSide | None:
        """Return which side of the patient a side of the upright picture is, if that is known."""
        if self.rows_run_to is None or abs(self.upright_deg) >= _UPRIGHT_WITHIN_DEG:
            return None
        if side is PictureSide.RIGHT:
            return self.rows_run_to
        is_left = self.rows_run_to is PictureSide.RIGHT
        return PictureSide.LEFT if is_left else PictureSide.RIGHT

    @property
    def unit(self) -> str:
        """Unit of lengths: "mm" or "px"."""
        return "px" if self.spacing_mm is None else "mm"

    @property
    def scale(self) -> Points:
        """Length of one pixel to the right and down, shape (2,), in `unit`."""
        if self.spacing_mm is None:
            return np.ones(2)
        return np.array(self.spacing_mm[::-1], np.float64)


def _right_of_picture(image: SpineImage) -> PictureSide | None:
    if image.orientation is None:
        return None
    return {"L": PictureSide.LEFT, "R": PictureSide.RIGHT}.get(image.orientation[0])


@dataclass(frozen=True)
class SagittalPlane:
    """Coordinates of a patient who looks to the right: x forwards, y down, in `geometry.unit`.

    A picture that does not stand upright is turned, so that y is the patient's vertical.
    """

    geometry: PixelGeometry
    facing: Facing | None

    @cached_property
    def _matrix(self) -> Points:
        """Directions of the plane (2, 2): right and down of the picture, by `from_image`."""
        angle = np.radians(self.geometry.upright_deg)
        cosine, sine = np.cos(angle), np.sin(angle)
        turned = np.array([[cosine, sine], [-sine, cosine]]) * self.geometry.scale
        forwards = -1.0 if self.facing is Facing.LEFT else 1.0
        return np.asarray(turned * np.array([[forwards], [1.0]]), np.float64)

    def from_image(self, points: Points) -> Points:
        """Return image points (..., 2) in the plane."""
        if self.geometry.upright_deg:
            return np.asarray(points @ self._matrix.T, np.float64)
        return np.asarray(points * np.diag(self._matrix), np.float64)

    def to_image(self, points: Points) -> Points:
        """Return points of the plane (..., 2) in image pixels."""
        if self.geometry.upright_deg:
            return np.asarray(points @ np.linalg.inv(self._matrix).T, np.float64)
        return np.asarray(points / np.diag(self._matrix), np.float64)

    def polyline(self, points: Points) -> tuple[Point, ...]:
        """Return points of the plane (N, 2) as (x, y) image pixels."""
        return tuple((x, y) for x, y in self.to_image(points).tolist())
