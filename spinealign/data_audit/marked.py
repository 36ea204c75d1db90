"""Pictures with named points, as data say them, and where the points lie in their pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.wording import landmarks as words

Coordinates = Literal["edges", "centres", "fractions"]
"""What 0 means: the outer edge of the first pixel, its centre, or the edge in shares of a side."""

COORDINATES: Final[tuple[Coordinates, ...]] = get_args(Coordinates)
OUTSIDE_PX: Final = 1.0
"""How far outside of a picture a point may lie: whoever clicks on a border misses it by a pixel."""

Place = tuple[float, float]


@dataclass(frozen=True)
class MarkedPicture:
    """One picture and where its points lie.

    Parameters
    ----------
    path : Path
    name : str
        Its path below the data set, with forward slashes.
    points : mapping of str to tuple of float
        (x, y) of the points that are known, as the data say them.
    patient, part : str
        Empty where the data do not say.
    mm_per_pixel : float or None
        As a table states it.
    """

    path: Path
    name: str
    points: Mapping[str, Place]
    patient: str = ""
    part: str = ""
    mm_per_pixel: float | None = None


@dataclass(frozen=True)
class MarkedSet:
    """A data set of pictures with named points.

    Parameters
    ----------
    layout : str
    names : tuple of str
        Of the points, in the order of the data.
    coordinates : str
        What 0 means in the points of `pictures`.
    pictures : tuple of MarkedPicture
    """

    layout: str
    names: tuple[str, ...]
    coordinates: Coordinates
    pictures: tuple[MarkedPicture, ...]


def places(
    marked: MarkedPicture, names: Sequence[str], coordinates: Coordinates, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return where points lie in pixels of a picture, pixel 0 spanning 0 to 1.

    Parameters
    ----------
    marked : MarkedPicture
    names : sequence of str
    coordinates : str
    shape : tuple of int
        (rows, columns) of the picture.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        (x, y); NaN where unknown.

    Raises
    ------
    DataSetError
        A point lies outside of the picture, or all points lie at its corner.
    """
    rows, columns = shape
    unit = (columns, rows) if coordinates == "fractions" else (1, 1)
    shift = 0.5 if coordinates == "centres" else 0.0
    found = np.full((len(names), 2), np.nan)
    for number, name in enumerate(names):
        if name not in marked.points:
            continue
        x, y = marked.points[name]
        if x == y == 0:
            raise DataSetError(words.at_the_corner(name))
        at = (x * unit[0] + shift, y * unit[1] + shift)
        if not all(
            -OUTSIDE_PX <= value <= side + OUTSIDE_PX
            for value, side in zip(at, (columns, rows), strict=True)
        ):
            raise DataSetError(words.outside(name, (x, y), (columns, rows)))
        found[number] = np.clip(at, 0, (columns, rows))
    return found
