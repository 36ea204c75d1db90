"""What was found on a film that was turned, resampled or cut, brought back to the film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from spinealign.domain.findings import Segmentation, Vertebra
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import Point
from spinealign.imaging.frames import Inside
from spinealign.imaging.presenting import moved_body
from spinealign.measure.outlines.square import SquareGrid
from spinealign.radiograph.verdict import VertebraOutlines


def on_squares(image: SpineImage, squares: SquareGrid) -> SpineImage:
    """Return a film resampled to square pixels."""
    spacing_mm = image.spacing_mm
    if spacing_mm is not None:
        spacing_mm = (spacing_mm[0] / squares.scale[1], spacing_mm[1] / squares.scale[0])
    return replace(image, pixels=squares.resampled(image.pixels), spacing_mm=spacing_mm)


def from_squares(
    found: VertebraOutlines, squares: SquareGrid, film_shape: tuple[int, int]
) -> VertebraOutlines:
    """Return outlines in pixels of the film before it was resampled to square ones.

    Parameters
    ----------
    found : VertebraOutlines
        Of the film on `squares`.
    squares : SquareGrid
    film_shape : tuple of int
        (rows, columns) of the film as it was.
    """
    return replace(
        found,
        segmentation=_mask_from_squares(found.segmentation, film_shape),
        vertebrae=tuple(map(squares.body_in_picture, found.vertebrae)),
        suggestions=tuple(map(squares.body_in_picture, found.suggestions)),
    )


def _mask_from_squares(
    found: Segmentation | None, film_shape: tuple[int, int]
) -> Segmentation | None:
    if found is None:
        return None
    size = film_shape[::-1]
    mask = cv2.resize(found.mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    confidence = cv2.resize(found.confidence, size, interpolation=cv2.INTER_LINEAR)
    return replace(
        found, mask=np.asarray(mask, np.uint8), confidence=np.asarray(confidence, np.float32)
    )


def with_frame(found: VertebraOutlines, inside: Inside) -> VertebraOutlines:
    """Return outlines in pixels of the film before its frame was cut away.

    Parameters
    ----------
    found : VertebraOutlines
        Of what lies inside the frame.
    inside : Inside
    """
    if inside.is_whole:
        return found
    return replace(
        found,
        segmentation=_mask_with_frame(found.segmentation, inside),
        vertebrae=tuple(moved_body(body, inside.matrix) for body in found.vertebrae),
        suggestions=tuple(moved_body(body, inside.matrix) for body in found.suggestions),
    )


def _mask_with_frame(found: Segmentation | None, inside: Inside) -> Segmentation | None:
    if found is None:
        return None
    # Nothing of a body lies in a frame, and that is sure.
    mask, confidence = inside.put_back(found.mask, 0), inside.put_back(found.confidence, 1.0)
    return replace(found, mask=mask, confidence=confidence)


def turned_back(
    found: VertebraOutlines, quarter_turns: int, film_shape: tuple[int, int]
) -> VertebraOutlines:
    """Return outlines in pixels of the film before it was turned.

    Parameters
    ----------
    found : VertebraOutlines
        Of the turned film. The facing stays: it is told with the head up.
    quarter_turns : int
        By how many the film had been turned to the left.
    film_shape : tuple of int
        (rows, columns) of the film before it was turned.
    """
    return replace(
        found,
        segmentation=_mask_back(found.segmentation, quarter_turns),
        vertebrae=_bodies_back(found.vertebrae, quarter_turns, film_shape),
        suggestions=_bodies_back(found.suggestions, quarter_turns, film_shape),
    )


def _mask_back(found: Segmentation | None, turns: int) -> Segmentation | None:
    if found is None:
        return None
    mask = np.ascontiguousarray(np.rot90(found.mask, -turns))
    confidence = np.ascontiguousarray(np.rot90(found.confidence, -turns))
    return replace(found, mask=mask, confidence=confidence)


def _bodies_back(
    bodies: Sequence[Vertebra], turns: int, film_shape: tuple[int, int]
) -> tuple[Vertebra, ...]:
    return tuple(_body_back(body, turns, film_shape) for body in bodies)


def _body_back(body: Vertebra, turns: int, film_shape: tuple[int, int]) -> Vertebra:
    marks = []
    for mark in body.landmarks:
        x, y = _point_back((mark.x, mark.y), turns, film_shape)
        marks.append(replace(mark, x=x, y=y))
    outline = tuple(_point_back(point, turns, film_shape) for point in body.outline)
    return replace(body, outline=outline, landmarks=tuple(marks))


def _point_back(point: Point, turns: int, film_shape: tuple[int, int]) -> Point:
    """Return where a point (x, y) of a turned film lies on the film of (rows, columns)."""
    rows, cols = film_shape
    x, y = point
    return {0: (x, y), 1: (cols - y, x), 2: (cols - x, rows - y), 3: (y, rows - x)}[turns % 4]
