"""A small picture of an image, for lists that are made without a window."""

from __future__ import annotations

import io

from PIL import Image

from spinealign.domain.image import SpineImage
from spinealign.imaging.presenting import Placing, placed_image
from spinealign.imaging.windows import apply_window, default_display

SIDE_PX = 128
"""Longest side, as of the thumbnails that the window makes."""


def thumbnail_png(image: SpineImage) -> bytes:
    """Return an image small, turned, mirrored and inverted as it is shown, as PNG.

    Returns
    -------
    bytes
        8-bit grey in the window that it is first shown with, `SIDE_PX` on its longest side; a
        length down and one across are shown equally long, where the spacing tells that.
    """
    shown = placed_image(image, Placing.of(image))
    grey = apply_window(shown.pixels, default_display(image))
    if image.presentation.is_inverted:
        grey = 255 - grey
    rows, cols = shown.shape
    height = rows * shown.pixel_aspect
    scale = SIDE_PX / max(height, cols)
    size = max(round(cols * scale), 1), max(round(height * scale), 1)
    target = io.BytesIO()
    Image.fromarray(grey).resize(size, Image.Resampling.BOX).save(target, "PNG")
    return target.getvalue()
