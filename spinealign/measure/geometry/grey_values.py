"""Grey values inside areas that a person drew: mean, spread, lowest, highest, and how many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import GreyValues

Points = NDArray[np.float64]


def grey_values(image: SpineImage, border: Points) -> GreyValues | None:
    """Return the grey values of the pixels whose middle lies inside a closed line.

    Parameters
    ----------
    image : SpineImage
        Hounsfield units only where its values are some.
    border : ndarray of float64, shape (N, 2)
        (x, y) in image pixels: pixel i covers i to i + 1. Where lines cross, what is
        surrounded twice lies outside.

    Returns
    -------
    GreyValues or None
        None where no pixel of the picture has its middle inside, or where one has no value.
    """
    inside = _pixels_inside(image.pixels, border)
    if not inside.size or not np.isfinite(inside).all():
        return None
    values = inside.astype(np.float64)
    return GreyValues(
        mean=float(values.mean()),
        deviation=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        lowest=float(values.min()),
        highest=float(values.max()),
        pixels=len(values),
        is_hounsfield=image.is_hounsfield,
    )


def _pixels_inside(pixels: NDArray[np.float32], border: Points) -> NDArray[np.float32]:
    """Return the values (M,) of a picture (H, W) inside a border, row by row."""
    rows, cols = pixels.shape
    starts, ends = border, np.roll(border, -1, axis=0)
    top = max(int(np.floor(border[:, 1].min())), 0)
    bottom = min(int(np.ceil(border[:, 1].max())), rows)
    runs = []
    for row in range(top, bottom):
        crossed = np.sort(_crossings(starts, ends, row + 0.5))
        # Pixel i lies inside a run when its middle, i + 0.5, does.
        first = np.clip(np.ceil(crossed[::2] - 0.5), 0, cols).astype(int)
        last = np.clip(np.ceil(crossed[1::2] - 0.5), 0, cols).astype(int)
        runs += [pixels[row, a:b] for a, b in zip(first, last, strict=True) if a < b]
    return np.concatenate(runs) if runs else np.zeros(0, np.float32)


def _crossings(starts: Points, ends: Points, y: float) -> Points:
    """Return where lines (N, 2) cross a level, as x; an end that lies on it counts once."""
    is_above, ends_above = starts[:, 1] <= y, ends[:, 1] <= y
    crossing = is_above != ends_above
    (x0, y0), (x1, y1) = starts[crossing].T, ends[crossing].T
    return np.asarray(x0 + (y - y0) / (y1 - y0) * (x1 - x0), np.float64)
