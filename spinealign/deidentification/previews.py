"""Pictures for a person who decides on boxes: eight bits, the boxes drawn in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.deidentification.boxes import Box

_COLOUR = (255, 64, 64)


def preview_png(pixels: NDArray[Any], boxes: Sequence[Box]) -> bytes:
    """Return a picture as PNG with the outlines of boxes.

    Parameters
    ----------
    pixels : ndarray
        (H, W) or (H, W, channels), any type of numbers.
    boxes : sequence of Box
    """
    from PIL import Image, ImageDraw

    values = (
        np.nan_to_num(np.asarray(pixels, np.float32))[..., :3]
        if pixels.ndim > 2
        else (np.nan_to_num(np.asarray(pixels, np.float32)))
    )
    low, high = float(values.min()), float(values.max())
    grey = ((values - low) * (255 / (high - low or 1))).astype(np.uint8)
    if grey.ndim == 3 and grey.shape[2] != 3:
        grey = grey[..., 0]
    picture = Image.fromarray(grey).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for box in boxes:
        pen.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), outline=_COLOUR)
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()
