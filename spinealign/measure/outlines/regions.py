"""Pixel statistics of segmented structures."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Region, Segmentation

ALL_STRUCTURES = "all structures"
BACKGROUND = "background"


def region_statistics(
    segmentation: Segmentation, pixel_area_mm2: float | None
) -> tuple[Region, ...]:
    """Count pixels of each structure, of all together, and of the background.

    Parameters
    ----------
    segmentation : Segmentation
        Mask (H, W) and its class names.
    pixel_area_mm2 : float or None
        Area of one pixel; None leaves areas in square millimetres out.

    Returns
    -------
    tuple of Region
        One for each class of `segmentation.classes` in order (also those with no
        pixel), then ``all structures`` and ``background`` with `class_id` None
        and 0. Pixel counts add up to the image.
    """
    counts = _Counts(segmentation)
    describe = _Describer(counts, pixel_area_mm2)
    rows = [describe(i, name, counts.cut == i) for i, name in segmentation.classes.items()]
    inside = np.isin(counts.cut, list(segmentation.classes))
    rows.append(describe(None, ALL_STRUCTURES, inside))
    rows.append(describe(0, BACKGROUND, ~inside))
    return tuple(rows)


class _Counts:
    """The part of a mask with structures, one pixel of background around where there is one.

    Around it lies only background, which is most of a film and is not looked at pixel by
    pixel: it joins the rim.
    """

    def __init__(self, segmentation: Segmentation) -> None:
        box = _box_of(segmentation.mask, margin=1)
        self.size = segmentation.mask.size
        self.cut = segmentation.mask[box]
        self.confidence = segmentation.confidence[box]
        self.pixels_around = self.size - self.cut.size
        whole = float(cv2.sumElems(segmentation.confidence)[0])
        self.confidence_around = whole - float(cv2.sumElems(self.confidence)[0])
        self.structures = int(np.isin(self.cut, list(segmentation.classes)).sum())


def _box_of(mask: NDArray[np.uint8], margin: int = 0) -> tuple[slice, slice]:
    """Return the rows and columns that hold all pixels of a mask (H, W), and some around."""
    left, top, width, height = cv2.boundingRect(mask)
    rows = slice(max(top - margin, 0), top + height + margin)
    return rows, slice(max(left - margin, 0), left + width + margin)


class _Describer:
    def __init__(self, counts: _Counts, pixel_area_mm2: float | None) -> None:
        self._counts = counts
        self._pixel_area_mm2 = pixel_area_mm2

    def __call__(self, class_id: int | None, name: str, where: NDArray[np.bool_]) -> Region:
        counts = self._counts
        is_background = class_id == 0
        box = _box_of(where.view(np.uint8))
        where = where[box]
        pixels = int(np.count_nonzero(where)) + (counts.pixels_around if is_background else 0)
        confidence = float(counts.confidence[box][where].sum(dtype=np.float64))
        confidence += counts.confidence_around if is_background else 0.0
        of_structures = None
        if not is_background:
            of_structures = 100 * pixels / counts.structures if counts.structures else 0.0
        area = None if self._pixel_area_mm2 is None else pixels * self._pixel_area_mm2
        return Region(
            class_id=class_id,
            name=name,
            pixels=pixels,
            percent_of_image=100 * pixels / counts.size,
            percent_of_structures=of_structures,
            area_mm2=area,
            parts=_parts(where),
            mean_confidence=confidence / pixels if pixels else None,
        )


def _parts(where: NDArray[np.bool_]) -> int:
    # OpenCV crashes on an array without pixels.
    return int(cv2.connectedComponents(where.astype(np.uint8))[0]) - 1 if where.size else 0


def remove_specks(
    mask: NDArray[np.uint8], classes: Mapping[int, str], min_share: float
) -> NDArray[np.uint8]:
    """Return `mask` without connected parts smaller than `min_share` of the image.

    A network leaves single stray pixels that no reader would outline; they would
    count as parts of a structure.
    """
    cleaned = mask.copy()
    limit = min_share * mask.size
    for class_id in classes:
        _, labels, stats, _ = cv2.connectedComponentsWithStats((mask == class_id).astype(np.uint8))
        small = stats[:, cv2.CC_STAT_AREA] < limit
        small[0] = False
        cleaned[small[labels]] = 0
    return cleaned


def dice_coefficient(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """Return the Dice coefficient of two masks (H, W); 1 when both are empty."""
    total = int(truth.sum() + found.sum())
    return 2 * int((truth & found).sum()) / total if total else 1.0
