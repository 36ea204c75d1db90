"""Windows and tables: from an image's own values to the grey of a screen."""

from __future__ import annotations

import math
from dataclasses import replace
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

_SAMPLED_PIXELS = 1_000_000
_FEWEST_GREYS = 12
"""Steps of a screen's 255 between dark and bright parts that are seen as a picture."""

_FEWEST_GREYS_OF_A_TABLE = 2
"""The same of a table, which a writer made for this very picture."""

_DARK_AND_BRIGHT = (1.2, 98.8)
"""Percentiles between which a picture lies: hot pixels and a burnt-in line are none."""


def selectable_windows(image: SpineImage) -> tuple[DisplayWindow, ...]:
    """Return what an image may be shown with: the file's own windows, then the CT presets."""
    return image.windows + (CT_PRESETS if image.is_hounsfield else ())


def offered_windows(image: SpineImage) -> tuple[DisplayWindow, ...]:
    """Return all that a viewer offers, each once: what `default_display` returns comes first.

    Then the file's other windows, the CT presets, the values between percentiles and all values.
    """
    first = default_display(image)
    rest = [window for window in selectable_windows(image) if window is not first]
    if first.kind is not WindowKind.AUTOMATIC:
        rest.append(automatic_window(image))
    return (first, *rest, whole_range(image))


def default_display(image: SpineImage) -> DisplayWindow:
    """Return what an image is first shown with: the file's first table or window, else its range.

    Without either, 8-bit pictures are shown as they are and others between percentiles.
    """
    if image.windows:
        return image.windows[0]
    kind = WindowKind.AS_STORED if image.bits == 8 else WindowKind.AUTOMATIC
    if image.window is not None and image.window[1] > 0:
        kind = WindowKind.FILE
    return DisplayWindow(*default_window(image), kind, WindowCurve.LINEAR_EXACT)


def automatic_window(image: SpineImage) -> DisplayWindow:
    """Return the window between the percentiles 0.5 and 99.5 of (up to a million) grey values."""
    step = math.ceil(math.sqrt(image.pixels.size / _SAMPLED_PIXELS))
    low, high = (float(v) for v in np.percentile(image.pixels[::step, ::step], (0.5, 99.5)))
    if not high > low:
        return replace(whole_range(image), kind=WindowKind.AUTOMATIC)
    return _between(low, high, WindowKind.AUTOMATIC)


def whole_range(image: SpineImage) -> DisplayWindow:
    """Return the window from the lowest to the highest grey value."""
    return _between(float(image.pixels.min()), float(image.pixels.max()), WindowKind.WHOLE_RANGE)


def _between(low: float, high: float, kind: WindowKind) -> DisplayWindow:
    width = high - low if high > low else 1.0
    return DisplayWindow((low + high) / 2, width, kind, WindowCurve.LINEAR_EXACT)


def manual_window(window: DisplayWindow, centre: float, width: float) -> DisplayWindow:
    """Return a window moved by hand; a table becomes the line over its range."""
    is_curved = window.table is None and window.curve is WindowCurve.SIGMOID
    curve = WindowCurve.SIGMOID if is_curved else WindowCurve.LINEAR_EXACT
    return DisplayWindow(centre, width, WindowKind.MANUAL, curve)


def is_same_window(one: DisplayWindow, other: DisplayWindow) -> bool:
    """Tell whether two windows show the same and are called the same."""
    names = ("centre", "width", "kind", "curve", "explanation")
    if any(getattr(one, name) != getattr(other, name) for name in names):
        return False
    if one.table is None or other.table is None:
        return one.table is other.table
    return np.array_equal(one.table, other.table)


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


def shows_something(pixels: NDArray[Any], window: DisplayWindow) -> bool:
    """Tell whether a window shows grey values apart; one that lies beside them or is far wider not.

    A few pixels that lie apart from the others do not count.

    Parameters
    ----------
    pixels : ndarray, any shape
        Grey values.
    window : DisplayWindow
    """
    step = math.ceil(math.sqrt(pixels.size / _SAMPLED_PIXELS))
    ends = np.percentile(pixels[..., ::step], _DARK_AND_BRIGHT)
    if not ends[1] > ends[0]:
        ends = np.array([pixels.min(), pixels.max()], np.float64)
    if window.table is None:
        return int(np.ptp(apply_window(ends, window))) >= _FEWEST_GREYS
    start = window.centre - window.width / 2
    first, last = np.clip(np.rint(ends - start), 0, len(window.table) - 1).astype(int)
    shown = np.asarray(np.rint(window.table[first : last + 1] * 255), np.uint8)
    return int(np.ptp(shown)) >= _FEWEST_GREYS_OF_A_TABLE


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
