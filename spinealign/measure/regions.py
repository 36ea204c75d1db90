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
    mask = segmentation.mask
    counts = np.bincount(mask.ravel(), minlength=256)
    structures = int(sum(counts[i] for i in segmentation.classes))
    describe = _Describer(mask, segmentation.confidence, structures, pixel_area_mm2)
    rows = [
        describe(i, name, int(counts[i]), mask == i) for i, name in segmentation.classes.items()
    ]
    inside = np.isin(mask, list(segmentation.classes))
    rows.append(describe(None, ALL_STRUCTURES, structures, inside))
    rows.append(describe(0, BACKGROUND, mask.size - structures, ~inside))
    return tuple(rows)


class _Describer:
    def __init__(
        self,
        mask: NDArray[np.uint8],
        confidence: NDArray[np.float32],
        structures: int,
        pixel_area_mm2: float | None,
    ) -> None:
        self._size = mask.size
        self._confidence = confidence
        self._structures = structures
        self._pixel_area_mm2 = pixel_area_mm2

    def __call__(
        self, class_id: int | None, name: str, pixels: int, where: NDArray[np.bool_]
    ) -> Region:
        of_structures = None
        if class_id != 0:
            of_structures = 100 * pixels / self._structures if self._structures else 0.0
        area = None if self._pixel_area_mm2 is None else pixels * self._pixel_area_mm2
        return Region(
            class_id=class_id,
            name=name,
            pixels=pixels,
            percent_of_image=100 * pixels / self._size,
            percent_of_structures=of_structures,
            area_mm2=area,
            parts=cv2.connectedComponents(where.astype(np.uint8))[0] - 1,
            mean_confidence=float(self._confidence[where].mean()) if pixels else None,
        )


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
