"""What was found on a film that was turned, brought back to the film as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spinealign.domain.findings import Segmentation, Vertebra
from spinealign.domain.measurements import Point
from spinealign.radiograph.verdict import VertebraOutlines


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
