"""Is this image good enough to say anything about? Each doubt becomes a caution."""

from __future__ import annotations

import cv2
import numpy as np

from spinealign.domain.findings import Caution, WarningCode
from spinealign.domain.image import SpineImage

MIN_SIDE_PX = 180
"""Below this a vertebral body is only a few pixels high."""


def check_quality(image: SpineImage) -> tuple[Caution, ...]:
    """Look for too few pixels, flat contrast, wrong exposure and blur.

    The limits are deliberately loose: they flag images that a person would also
    call bad, and were set on the shared training images, on none of which more
    than one in fifty is flagged (``tests/core/test_quality.py`` keeps examples).
    """
    cautions = []
    rows, cols = image.shape
    if min(rows, cols) < MIN_SIDE_PX:
        cautions.append(Caution(WarningCode.LOW_RESOLUTION, f"{cols} x {rows}"))
    low, high = np.percentile(image.pixels, (0.5, 99.5))
    full = 255.0 if image.bits == 8 else float(image.pixels.max() - image.pixels.min())
    if high - low < 0.08 * max(full, 1e-6):
        cautions.append(Caution(WarningCode.LOW_CONTRAST))
    elif image.bits == 8:
        cautions.extend(_exposure(float(np.median(image.pixels)), float(high), float(low)))
    scaled = np.clip((image.pixels - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    if _sharpness(scaled) < 0.008:
        cautions.append(Caution(WarningCode.BLURRED))
    return tuple(cautions)


def _exposure(median: float, high: float, low: float) -> list[Caution]:
    if high < 60:
        return [Caution(WarningCode.TOO_DARK)]
    if median > 245 or low > 200:
        return [Caution(WarningCode.TOO_BRIGHT)]
    return []


def _sharpness(scaled: np.ndarray) -> float:
    """Mean absolute Laplacian at a working size of 512, contrast-normalised."""
    factor = 512 / max(scaled.shape)
    if factor < 1:
        scaled = cv2.resize(scaled, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return float(np.abs(cv2.Laplacian(scaled, cv2.CV_32F)).mean())
