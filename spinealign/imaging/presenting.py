"""A picture turned and mirrored, and what was found on it: there, and back to the file's pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.discs import Disc
from spinealign.domain.findings import Analysis, Facing, LocatedPoints, Segmentation, Vertebra
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import Drawing, Measurement, Point
from spinealign.domain.presentation import QUARTER_DEG, Presentation, turned_directions

Matrix = NDArray[np.float64]

_OTHER_SIDE = {Facing.LEFT: Facing.RIGHT, Facing.RIGHT: Facing.LEFT}
_HALF_PX = 0.5
_WHOLE_PX = 1e-6
"""Of a pixel: a side that is longer than whole pixels by less has that many."""


@dataclass(frozen=True, eq=False)
class Placing:
    """Where pixels go when a picture is turned to the left, and mirrored after that.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of the picture before.
    aspect : float
        Height of its pixels divided by their width.
    turn_deg : float
    is_mirrored : bool
    """

    shape: tuple[int, int]
    aspect: float = 1.0
    turn_deg: float = 0.0
    is_mirrored: bool = False

    @classmethod
    def of(cls, image: SpineImage, presentation: Presentation | None = None) -> Placing:
        """Return how a picture is shown."""
        shown = presentation or image.presentation
        return cls(image.shape, image.pixel_aspect, shown.turn_deg, shown.is_mirrored)

    @property
    def is_plain(self) -> bool:
        """Whether everything stays where it is."""
        return self.turn_deg == 0 and not self.is_mirrored

    @property
    def is_exact(self) -> bool:
        """Whether each pixel goes to a pixel, so that no grey value is mixed with others."""
        return self.turn_deg % QUARTER_DEG == 0

    @property
    def swaps(self) -> bool:
        """Whether rows become columns, as after a turn nearer to a quarter than to none."""
        return round(self.turn_deg / QUARTER_DEG) % 2 == 1

    @property
    def linear(self) -> Matrix:
        """Directions (2, 2) of the picture as they are seen, in lengths of its pixels' width."""
        angle = math.radians(self.turn_deg)
        cosine, sine = math.cos(angle), math.sin(angle)
        if self.is_exact:
            cosine, sine = float(round(cosine)), float(round(sine))
        turned = np.array([[cosine, sine], [-sine, cosine]])
        seen = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ turned if self.is_mirrored else turned
        return np.asarray(seen * [1.0, self.aspect], np.float64)

    @property
    def new_shape(self) -> tuple[int, int]:
        """(rows, columns) of the picture after; no corner is cut off."""
        extent = np.ptp(self._corners, axis=0)
        cols, rows = (math.ceil(side - _WHOLE_PX) for side in extent.tolist())
        return rows, cols

    @property
    def matrix(self) -> Matrix:
        """Affine matrix (2, 3) from (x, y) before to (x, y) after; pixel i covers i to i + 1."""
        rows, cols = self.new_shape
        low, high = self._corners.min(axis=0), self._corners.max(axis=0)
        middle = (np.array([cols, rows]) - (high - low)) / 2 - low
        return np.column_stack([self._in_pixels, middle])

    def spacing(self, spacing_mm: tuple[float, float] | None) -> tuple[float, float] | None:
        """Return the (row, column) spacing of the picture after."""
        return spacing_mm[::-1] if spacing_mm is not None and self.swaps else spacing_mm

    def pixels(self, values: NDArray[Any], outside: float = 0.0) -> NDArray[Any]:
        """Return an array (H, W) of the picture, turned; classes stay classes.

        Parameters
        ----------
        outside : float
            What stands where there was no picture.
        """
        if self.is_exact:
            turned = np.rot90(values, round(self.turn_deg / QUARTER_DEG))
            return np.ascontiguousarray(turned[:, ::-1] if self.is_mirrored else turned)
        return _warped(values, self.matrix, self.new_shape, outside)

    def pixels_back(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return an array of the turned picture as one (H, W) of the picture before."""
        if self.is_exact:
            plain = values[:, ::-1] if self.is_mirrored else values
            turned = np.rot90(plain, -round(self.turn_deg / QUARTER_DEG))
            return np.ascontiguousarray(turned)
        return _warped(values, inverse_of(self.matrix), self.shape, 0.0)

    @property
    def _in_pixels(self) -> Matrix:
        units = (self.aspect, 1.0) if self.swaps else (1.0, self.aspect)
        return np.asarray(self.linear / np.array(units)[:, None], np.float64)

    @property
    def _corners(self) -> Matrix:
        rows, cols = self.shape
        corners = np.array([[0, 0], [cols, 0], [0, rows], [cols, rows]], np.float64)
        return np.asarray(corners @ self._in_pixels.T, np.float64)


def inverse_of(matrix: Matrix) -> Matrix:
    """Return the affine matrix (2, 3) that undoes another."""
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack([back, -back @ matrix[:, 2]])


def _warped(
    values: NDArray[Any], matrix: Matrix, shape: tuple[int, int], outside: float
) -> NDArray[Any]:
    import cv2  # the window shows its first picture before OpenCV is loaded

    # OpenCV counts from the middle of the first pixel, points from its corner.
    half = np.full(2, _HALF_PX)
    shifted = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ half - half])
    is_of_classes = values.dtype == np.uint8
    flags = cv2.INTER_NEAREST if is_of_classes else cv2.INTER_LINEAR
    warped = cv2.warpAffine(
        values, shifted, shape[::-1], flags=flags, borderMode=cv2.BORDER_CONSTANT,
        borderValue=outside,
    )  # fmt: skip
    return np.asarray(warped, values.dtype)


# Pictures


def placed_image(image: SpineImage, placing: Placing) -> SpineImage:
    """Return a picture turned and mirrored, with spacing and patient directions that fit it."""
    if placing.is_plain:
        return image
    return replace(
        image,
        pixels=placing.pixels(image.pixels, float(image.pixels.min())),
        spacing_mm=placing.spacing(image.spacing_mm),
        orientation=turned_directions(image.orientation, placing.turn_deg, placing.is_mirrored),
    )


# What was found


def as_shown(analysis: Analysis) -> Analysis:
    """Return an analysis for pictures of it: turned, mirrored, its points where they are seen.

    Values are the same. Only what draws takes this; everything else is of the file's pixels.
    """
    placing = Placing.of(analysis.image)
    if placing.is_plain:
        return analysis
    turned = _moved(analysis, placing.matrix, placing.pixels)
    facing = analysis.facing
    if facing is not None and placing.is_mirrored:
        facing = _OTHER_SIDE[Facing(facing)]
    wanted = analysis.corrections
    if wanted is not None:
        drawings = (_moved_drawing(one, placing.matrix) for one in wanted.drawings)
        turned = replace(turned, corrections=replace(wanted, drawings=tuple(drawings)))
    return replace(turned, image=placed_image(analysis.image, placing), facing=facing)


def brought_back(analysis: Analysis, image: SpineImage, placing: Placing) -> Analysis:
    """Return what was found on a turned picture in pixels of the picture as it was.

    Parameters
    ----------
    analysis : Analysis
        Of the turned picture. Which side the patient looks to stays: it is told with the head up.
    image : SpineImage
        As it was.
    placing : Placing
        How it was turned; not mirrored.
    """
    moved = _moved(analysis, inverse_of(placing.matrix), placing.pixels_back)
    return replace(moved, image=image)


def _moved(analysis: Analysis, matrix: Matrix, pixels: Any) -> Analysis:
    def turned(answer: Any) -> Any:
        if answer is None or answer.heatmap is None:
            return answer
        return replace(answer, heatmap=pixels(answer.heatmap))

    return replace(
        analysis,
        classification=turned(analysis.classification),
        labelled=turned(analysis.labelled),
        picture_grade=turned(analysis.picture_grade),
        segmentation=_moved_mask(analysis.segmentation, pixels),
        located=_moved_located(analysis.located, matrix),
        vertebrae=tuple(moved_body(body, matrix) for body in analysis.vertebrae),
        suggestions=tuple(moved_body(body, matrix) for body in analysis.suggestions),
        discs=tuple(_moved_disc(disc, matrix) for disc in analysis.discs),
        measurements=tuple(_moved_measurement(one, matrix) for one in analysis.measurements),
    )


def _moved_mask(found: Segmentation | None, pixels: Any) -> Segmentation | None:
    if found is None:
        return None
    return replace(found, mask=pixels(found.mask), confidence=pixels(found.confidence))


def _moved_located(found: LocatedPoints | None, matrix: Matrix) -> LocatedPoints | None:
    if found is None:
        return None
    places = moved_points([(point.x, point.y) for point in found.points], matrix)
    moved = (point.moved(x, y) for point, (x, y) in zip(found.points, places, strict=True))
    return replace(found, points=tuple(moved))


def moved_points(points: Sequence[Point], matrix: Matrix) -> tuple[Point, ...]:
    """Return points (x, y) where an affine matrix (2, 3) puts them."""
    if not points:
        return ()
    moved = np.array(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return tuple((x, y) for x, y in moved.tolist())


def moved_body(body: Vertebra, matrix: Matrix) -> Vertebra:
    """Return a body whose points an affine matrix (2, 3) has moved."""
    places = moved_points([(mark.x, mark.y) for mark in body.landmarks], matrix)
    marks = (replace(m, x=x, y=y) for m, (x, y) in zip(body.landmarks, places, strict=True))
    return replace(body, outline=moved_points(body.outline, matrix), landmarks=tuple(marks))


def _moved_disc(disc: Disc, matrix: Matrix) -> Disc:
    front, back = moved_points([disc.anterior, disc.posterior], matrix)
    crop = np.array(disc.crop_to_image, np.float64).reshape(2, 3)
    # Crops are cut out by indices of pixels, whose middles lie half a pixel from their corners.
    half = np.full(2, _HALF_PX)
    linear = matrix[:, :2] @ crop[:, :2]
    offset = matrix[:, :2] @ (crop[:, 2] + half) + matrix[:, 2] - half
    a, b, c, d, e, f = (float(v) for v in np.column_stack([linear, offset]).ravel())
    outline = moved_points(disc.outline, matrix)
    return replace(
        disc, outline=outline, anterior=front, posterior=back, crop_to_image=(a, b, c, d, e, f)
    )


def _moved_drawing(drawing: Drawing, matrix: Matrix) -> Drawing:
    return replace(drawing, points=moved_points(drawing.points, matrix))


def _moved_measurement(measurement: Measurement, matrix: Matrix) -> Measurement:
    places = moved_points([(point.x, point.y) for point in measurement.points], matrix)
    points = (replace(p, x=x, y=y) for p, (x, y) in zip(measurement.points, places, strict=True))
    strokes = (replace(s, points=moved_points(s.points, matrix)) for s in measurement.strokes)
    return replace(measurement, points=tuple(points), strokes=tuple(strokes))
