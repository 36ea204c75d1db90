"""A small picture of a result, with its outlines, for a gallery of thousands."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spinealign.domain.findings import Analysis
from spinealign.export.bodies import body_colour
from spinealign.export.report_pictures import jpeg
from spinealign.imaging.presenting import as_shown
from spinealign.imaging.render import class_colour, draw_region, outlines
from spinealign.imaging.windows import apply_window, default_display
from spinealign.wording import is_body_segmentation

SIDE_PX: Final = 320
"""Longest side: sharp at 240 on most screens, and ten thousand take about 150 MB."""


def gallery_jpeg(analysis: Analysis) -> bytes:
    """Return an image small, as it is shown, with what was outlined on it, as JPEG.

    Names and measures are left out: they could not be read at this size.

    Returns
    -------
    bytes
        8-bit RGB, `SIDE_PX` on its longest side.
    """
    shown = as_shown(analysis.without_demonstration)
    canvas, scale = _small(shown)
    found = shown.segmentation
    if found is not None and not is_body_segmentation(shown):
        for number, name in found.classes.items():
            polygons = outlines(found.mask, number)
            draw_region(canvas, polygons, class_colour(name, number), scale, 0.0)
    for body in shown.vertebrae:
        draw_region(canvas, [np.array(body.outline)], body_colour(shown, body), scale, 0.0)
    return jpeg(Image.fromarray(canvas), SIDE_PX)


def _small(analysis: Analysis) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Return the image in grey as RGB (H', W', 3), and its (row, column) scale."""
    image = analysis.image
    grey = apply_window(image.pixels, default_display(image))
    if image.presentation.is_inverted:
        grey = 255 - grey
    rows, cols = image.shape
    height = rows * image.pixel_aspect
    factor = SIDE_PX / max(height, cols)
    size = max(round(cols * factor), 1), max(round(height * factor), 1)
    small = Image.fromarray(grey).resize(size, Image.Resampling.BOX).convert("RGB")
    return np.array(small, np.uint8), (size[1] / rows, size[0] / cols)
