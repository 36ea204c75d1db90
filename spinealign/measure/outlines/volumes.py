"""Segmented slices side by side: which of them is mid-sagittal, and how large structures are."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Segmentation
from spinealign.domain.study import StructureVolume
from spinealign.measure.outlines.canal import canal_of

Masks = NDArray[np.uint8]

_LOOK_AHEAD = 2
"""Slices on either side that have to be no wider before the search stops.

Source: unknown; set by hand.
"""

_MM3_IN_A_MILLILITRE = 1000.0
"""Cubic millimetres in a millilitre. Source: SI."""


def canal_width_px(segmentation: Segmentation) -> float:
    """Return the mean width of the spinal canal over all rows of a slice; 0 without a canal.

    Rows that the canal does not reach count as 0: beside the midline the canal is
    narrower, and shorter too.
    """
    canal = canal_of(segmentation)
    return 0.0 if canal is None else float(canal.sum() / canal.shape[0])


def find_mid_slice(count: int, width_of: Callable[[int], float]) -> Generator[int, None, int]:
    """Find the slice in which the canal is widest, from the middle of a series outwards.

    It climbs to the wider side until two slices in a row are no wider, so that a few
    slices of a long series need to be looked at.

    Parameters
    ----------
    count : int
        Slices in the series, at least 1.
    width_of : callable
        Gives the width of the canal in a slice; asked at most once a slice.

    Yields
    ------
    int
        The slice that is looked at next.

    Returns
    -------
    int
        Of slices with the same width the one nearest to the middle.
    """
    widths: dict[int, float] = {}
    best = count // 2
    while True:
        near = range(max(best - _LOOK_AHEAD, 0), min(best + _LOOK_AHEAD + 1, count))
        for index in sorted(near, key=lambda i: abs(i - best)):
            if index not in widths:
                yield index
                widths[index] = width_of(index)
        widest = max(widths, key=lambda i: (widths[i], -abs(i - count // 2)))
        if widest == best:
            return best
        best = widest


def structure_volumes(
    masks: Masks,
    classes: Mapping[int, str],
    spacing_mm: tuple[float, float] | None,
    slice_spacing_mm: float | None,
) -> tuple[StructureVolume, ...]:
    """Return the volume of every structure of a segmented series.

    Parameters
    ----------
    masks : ndarray of uint8, shape (S, H, W)
        Structure of each voxel; 0 is the background.
    classes : mapping of int to str
    spacing_mm : tuple of float or None
        (row, column) spacing.
    slice_spacing_mm : float or None
        Distance of neighbouring slices.

    Returns
    -------
    tuple of StructureVolume
        Voxels alone where a spacing is unknown: no millimetre is invented. The volume is
        a sum over slices, each standing for the distance to the next one.
    """
    millilitres = None
    if spacing_mm is not None and slice_spacing_mm is not None:
        millilitres = spacing_mm[0] * spacing_mm[1] * slice_spacing_mm / _MM3_IN_A_MILLILITRE
    counts = np.bincount(masks.ravel(), minlength=256)
    return tuple(
        StructureVolume(
            class_id, name, int(counts[class_id]),
            None if millilitres is None else int(counts[class_id]) * millilitres,
        )
        for class_id, name in classes.items()
    )  # fmt: skip
