"""Segmented slices side by side: which of them is mid-sagittal, and how large structures are."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Segmentation
from spinealign.domain.study import SpineVolume, StructureVolume
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


def canal_extent(segmentation: Segmentation, volume: SpineVolume, index: int) -> float:
    """Return how wide the canal is on a slice of a volume, to be compared with other slices.

    In pixels, or where all slices state the size of theirs, weighed by it: slices of one
    volume may have pixels of different size.
    """
    areas = volume.pixel_areas_mm2
    return canal_width_px(segmentation) * (1.0 if areas is None else areas[index])


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
    masks: Masks, classes: Mapping[int, str], voxel_volumes_mm3: Sequence[float] | None
) -> tuple[StructureVolume, ...]:
    """Return the volume of every structure of a segmented series.

    Parameters
    ----------
    masks : ndarray of uint8, shape (S, H, W)
        Structure of each voxel; 0 is the background.
    classes : mapping of int to str
    voxel_volumes_mm3 : sequence of float or None
        What a voxel of each slice stands for.

    Returns
    -------
    tuple of StructureVolume
        Voxels alone where a spacing is unknown: no millimetre is invented. The volume is
        a sum over slices.
    """
    counts = np.array([np.bincount(mask.ravel(), minlength=256) for mask in masks])
    totals, millilitres = counts.sum(axis=0), None
    if voxel_volumes_mm3 is not None:
        millilitres = np.asarray(voxel_volumes_mm3) @ counts / _MM3_IN_A_MILLILITRE
    return tuple(
        StructureVolume(
            class_id, name, int(totals[class_id]),
            None if millilitres is None else float(millilitres[class_id]),
        )
        for class_id, name in classes.items()
    )  # fmt: skip
