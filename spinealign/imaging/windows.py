"""Windows and tables: from an image's own values to the grey of a screen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import DisplayWindow, SpineImage, WindowCurve, WindowKind
from spinealign.imaging.render import default_window

CT_PRESETS = (
    DisplayWindow(400, 1800, WindowKind.BONE),
    DisplayWindow(50, 250, WindowKind.SOFT_TISSUE),
    DisplayWindow(40, 80, WindowKind.BRAIN),
)
"""Hounsfield windows for the spine and the head (Radiopaedia, "Windowing (CT)")."""


def selectable_windows(image: SpineImage) -> tuple[DisplayWindow, ...]:
    """Return what an image may be shown with: the file's own windows, then the CT presets."""
    return image.windows + (CT_PRESETS if image.is_hounsfield else ())


def default_display(image: SpineImage) -> DisplayWindow:
    """Return what an image is first shown with: the file's first table or window, else its range.

    Without either, 8-bit pictures are shown as they are and others between percentiles.
    """
    if image.windows:
        return image.windows[0]
    centre, width = default_window(image)
    return DisplayWindow(centre, width, curve=WindowCurve.LINEAR_EXACT)


def apply_window(pixels: NDArray[Any], window: DisplayWindow) -> NDArray[np.uint8]:
    """Map grey values to a screen as DICOM defines it (PS3.3 C.11.2.1).

    Parameters
    ----------
    pixels : ndarray, any shape
        Grey values or Hounsfield units.
    window : DisplayWindow

    Returns
    -------
    ndarray of uint8, same shape
        0 is black, 255 white.
    """
    values = np.nan_to_num(np.asarray(pixels, np.float64))
    share = _share(values, window)
    return np.asarray(np.rint(np.clip(share, 0, 1) * 255), np.uint8)


def _share(values: NDArray[np.float64], window: DisplayWindow) -> NDArray[np.float64]:
    if window.table is not None:
        start = window.centre - window.width / 2
        places = np.clip(np.rint(values - start), 0, len(window.table) - 1).astype(np.intp)
        return window.table[places].astype(np.float64)
    if window.curve is WindowCurve.SIGMOID:
        power = np.clip(-4 * (values - window.centre) / window.width, -700, 700)
        return np.asarray(1 / (1 + np.exp(power)))
    if window.curve is WindowCurve.LINEAR_EXACT:
        return np.asarray((values - window.centre) / window.width + 0.5)
    if window.width <= 1:
        return np.where(values > window.centre - 0.5, 1.0, 0.0)
    return np.asarray((values - (window.centre - 0.5)) / (window.width - 1) + 0.5)


def mirrored(window: DisplayWindow, ends: float) -> DisplayWindow:
    """Return the window for values that were replaced by ``ends - value``, brightness reversed."""
    if window.table is not None:
        centre = ends - window.centre + 1
        table = np.ascontiguousarray(1 - window.table[::-1])
        return DisplayWindow(
            centre, window.width, window.kind, window.curve, window.explanation, table
        )
    # The linear window of DICOM is not symmetric about its centre.
    shift = 1 if window.curve is WindowCurve.LINEAR else 0
    centre = ends - window.centre + shift
    return DisplayWindow(centre, window.width, window.kind, window.curve, window.explanation)
