"""Image quality checks: resolution, contrast, brightness and blur, each as a caution."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Caution, WarningCode
from spinealign.domain.image import SpacingSource, SpineImage

MIN_SIDE_PX = 180
"""Below this a vertebral body is only a few pixels high."""


_LETTER_WORK_PX = 1024
_STROKE_SHARE = 0.012
_STROKE_CONTRAST = 0.35
_LETTER_HEIGHTS = (0.008, 0.06)


def reader_cautions(image: SpineImage) -> list[Caution]:
    """Return what a reader had to decide, and what its spacing is worth, as warnings."""
    cautions = [Caution(WarningCode.READER_NOTE, note=note) for note in image.notes]
    if image.spacing_mm is None:
        cautions.append(Caution(WarningCode.NO_SPACING))
    elif image.spacing_source is SpacingSource.DETECTOR_PLANE:
        cautions.append(Caution(WarningCode.MAGNIFIED_SPACING))
    return cautions


def check_quality(image: SpineImage) -> tuple[Caution, ...]:
    """Look for too few pixels, flat contrast, wrong exposure, blur and burnt-in letters.

    The limits are deliberately loose: they flag images that a person would also
    call bad, and were set on the shared training images, of which no check flags more
    than one in fifty (``benchmarks/quality_checks.py`` prints the figures).
    """
    cautions = []
    rows, cols = image.shape
    if min(rows, cols) < MIN_SIDE_PX:
        cautions.append(Caution(WarningCode.LOW_RESOLUTION, size_px=(cols, rows)))
    low, high = np.percentile(image.pixels, (0.5, 99.5))
    full = 255.0 if image.bits == 8 else float(image.pixels.max() - image.pixels.min())
    span = float(high - low) or full or 1.0
    if high - low < 0.08 * full or full == 0:
        cautions.append(Caution(WarningCode.LOW_CONTRAST))
    elif image.bits == 8:
        cautions.extend(_exposure(float(np.median(image.pixels)), float(high), float(low)))
    scaled = np.clip((image.pixels - low) / span, 0, 1).astype(np.float32)
    if _sharpness(scaled) < 0.008:
        cautions.append(Caution(WarningCode.BLURRED))
    if image.burned_in or has_letters(scaled):
        cautions.append(Caution(WarningCode.BURNED_IN))
    return tuple(cautions)


def _exposure(median: float, high: float, low: float) -> list[Caution]:
    if high < 60:
        return [Caution(WarningCode.TOO_DARK)]
    if median > 250 or low > 200:
        return [Caution(WarningCode.TOO_BRIGHT)]
    return []


def _sharpness(scaled: np.ndarray) -> float:
    """Mean absolute Laplacian at a working size of 512, contrast-normalised."""
    factor = 512 / max(scaled.shape)
    if factor < 1:
        scaled = cv2.resize(scaled, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return float(np.abs(cv2.Laplacian(scaled, cv2.CV_32F)).mean())


def has_letters(scaled: NDArray[np.float32]) -> bool:
    """Tell whether letters seem to stand in a picture (H, W) of grey values 0..1.

    Letters are thin bright strokes of one height, side by side on one line; nothing in a
    body is that.
    """
    factor = min(1.0, _LETTER_WORK_PX / max(scaled.shape))
    small = cv2.resize(scaled, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    side = max(5, round(max(small.shape) * _STROKE_SHARE)) | 1
    kernel = np.ones((side, side), np.uint8)
    strokes = cv2.morphologyEx(small, cv2.MORPH_TOPHAT, kernel) > _STROKE_CONTRAST
    _, _, found, _ = cv2.connectedComponentsWithStats(strokes.astype(np.uint8), connectivity=8)
    left, top, width, height, area = found[1:].T.astype(float)
    low, high = (share * max(small.shape) for share in _LETTER_HEIGHTS)
    is_letter = (
        (height >= max(low, 5)) & (height <= high) & (width <= 1.3 * height)
        & (width >= 0.12 * height) & (area >= 0.12 * width * height)
    )  # fmt: skip
    return _longest_line(left[is_letter], (top + height)[is_letter], height[is_letter]) >= 4


def _longest_line(
    left: NDArray[np.float64], base: NDArray[np.float64], height: NDArray[np.float64]
) -> int:
    """Count the letters of the longest line, each close behind the one before."""
    best = 0
    for i in range(len(left)):
        same = (np.abs(base - base[i]) < 0.2 * height[i]) & (
            np.abs(height - height[i]) < 0.25 * height[i]
        )
        places = np.sort(left[same & (left >= left[i])])
        breaks = np.flatnonzero(np.diff(places) > 2.2 * height[i])
        best = max(best, int(breaks[0]) + 1 if breaks.size else len(places))
    return best
