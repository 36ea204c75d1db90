"""Images, masks and heat maps as pictures: arrays in, uint8 arrays out.

Two coordinate systems meet here. Outlines use *edge coordinates*: pixel
(row, col) covers x from col to col + 1 and y from row to row + 1, as in Qt.
OpenCV draws in *centre coordinates*, which are half a pixel less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage

Colour = tuple[int, int, int]

# Okabe and Ito's colours (https://jfly.uni-koeln.de/color/), without their black. Neighbours in
# this order stay apart for every kind of colour blindness; tests/core/test_render.py measures it.
_PALETTE: tuple[Colour, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
_LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7", "T1")
_BY_NAME: Mapping[str, Colour] = {
    "vertebra": _PALETTE[0],
    "body": _PALETTE[0],
    "posterior elements": _PALETTE[4],
    "sacrum": _PALETTE[2],
    "disc": _PALETTE[3],
    "canal": _PALETTE[5],
    **dict(zip(_LEVELS, _PALETTE, strict=True)),
}

_SMOOTHING_PX = 2.0
_MAX_DISPLACEMENT_PX = 0.5
_FINE_SIDE_PX = 4096
_MAX_HEAT_ALPHA = 165
_FIXED_POINT_BITS = 4
_HALO = 0.35
_MAX_STRETCH = 20.0


def default_window(image: SpineImage) -> tuple[float, float]:
    """Return the (centre, width) an image is first shown with, in its own grey values.

    The file's own window; else 8-bit images as they are; else the values between
    the percentiles 0.5 and 99.5. The width is always above 0.
    """
    if image.window is not None and image.window[1] > 0:
        return image.window
    if image.bits == 8:
        return 127.5, 255.0
    low, high = (float(v) for v in np.percentile(image.pixels, (0.5, 99.5)))
    if high <= low:
        low, high = float(image.pixels.min()), float(image.pixels.max())
    return (low + high) / 2, high - low if high > low else 1.0


def to_display(pixels: NDArray[np.float32], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Map grey values to a screen through a window (DICOM's LINEAR_EXACT).

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
        Grey values or Hounsfield units.
    window : tuple of float
        (centre, width); the width must be above 0.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        0 at and below the window's lower end, 255 at and above its upper end.
    """
    centre, width = window
    scaled = (pixels - np.float32(centre - width / 2)) * np.float32(255 / width)
    np.clip(np.nan_to_num(scaled, copy=False), 0, 255, out=scaled)
    return np.asarray(np.rint(scaled), dtype=np.uint8)


def class_colour(name: str, class_id: int) -> Colour:
    """Return the (red, green, blue) of a structure, 0..255.

    Known structures keep their colour whatever their number; others take theirs
    from `class_id`.
    """
    return _BY_NAME.get(name, _PALETTE[(class_id - 1) % len(_PALETTE)])


def lightened(colour: Colour) -> Colour:
    """Return a colour half way to white, for letters on dark anatomy."""
    red, green, blue = ((value + 255) // 2 for value in colour)
    return red, green, blue


def outlines(mask: NDArray[np.uint8], class_id: int) -> list[NDArray[np.float64]]:
    """Trace the borders of one class, smoothed by at most half a pixel.

    Parameters
    ----------
    mask : ndarray of uint8, shape (H, W)
    class_id : int
        Mask value to trace.

    Returns
    -------
    list of ndarray of float64, shape (N, 2)
        Closed polygons of (x, y) in edge coordinates, the first point not
        repeated; borders of holes are polygons of their own (fill by odd-even).
    """
    return outline_region(mask == class_id)


def outline_region(inside: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Trace the borders of a region as `outlines` does; `inside` is boolean, shape (H, W)."""
    rows, cols = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return []
    top, left = int(rows[0]), int(cols[0])
    crop = inside[top : rows[-1] + 1, left : cols[-1] + 1].astype(np.uint8)
    factor = max(2, min(8, _FINE_SIDE_PX // max(crop.shape)))
    fine = np.repeat(np.repeat(crop, factor, axis=0), factor, axis=1)
    chains, _ = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    corner = np.array([left, top], np.float64)
    return [_smooth(chain[:, 0, :].astype(np.float64), factor) + corner for chain in chains]


def _smooth(chain: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Take the stairs out of a chain of subpixel centres, in edge coordinates of the crop."""
    points = (chain + 0.5) / factor
    once = _blur_along(points, factor)
    # Adding back the blurred rest keeps small structures from shrinking.
    smooth = once + _blur_along(points - once, factor)
    # The chain already runs half a subpixel inside the true border.
    limit = _MAX_DISPLACEMENT_PX - math.sqrt(0.5) / factor
    shift = smooth - points
    length = np.maximum(np.hypot(shift[:, 0], shift[:, 1]), 1e-9)
    bounded = points + shift * np.minimum(1, limit / length)[:, None]
    return np.asarray(bounded[:: factor // 2], dtype=np.float64)


def _blur_along(points: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Blur a closed chain (N, 2), `factor` points to a pixel, along itself."""
    reach = math.ceil(4 * _SMOOTHING_PX * factor)
    padded = np.pad(points, ((reach, reach), (0, 0)), mode="wrap")
    sigma = _SMOOTHING_PX * factor
    blurred = cv2.GaussianBlur(padded, (1, 2 * reach + 1), sigmaX=sigma, sigmaY=sigma)
    return np.asarray(blurred[reach : reach + len(points)], dtype=np.float64)


def heat_colours(heatmap: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour a heat map for laying over an image.

    Parameters
    ----------
    heatmap : ndarray of float32, shape (H, W)
        0..1; values outside are clipped.

    Returns
    -------
    ndarray of uint8, shape (H, W, 4)
        Red, green, blue of the perceptually uniform map "inferno", and an alpha
        that rises with the value, so that the image stays visible.
    """
    values = np.clip(np.nan_to_num(heatmap), 0, 1)
    levels = np.rint(values * 255).astype(np.uint8)
    rgba = np.empty((*levels.shape, 4), np.uint8)
    rgba[..., :3] = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1]
    rgba[..., 3] = np.rint(values * _MAX_HEAT_ALPHA)
    return rgba


def picture_scale(
    shape: tuple[int, int], spacing_mm: tuple[float, float] | None, min_longest_px: int
) -> tuple[float, float]:
    """Choose how far to enlarge an image for a picture.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns).
    spacing_mm : tuple of float or None
        (row, column) spacing; pixels that are not square are stretched, so that
        anatomy keeps its proportions.
    min_longest_px : int
        Smallest length of the picture's longest side.

    Returns
    -------
    tuple of float
        (row scale, column scale); the smaller one is a whole number.
    """
    stretch = (1.0, 1.0)
    if spacing_mm is not None and max(spacing_mm) <= _MAX_STRETCH * min(spacing_mm):
        finest = min(spacing_mm)
        stretch = (spacing_mm[0] / finest, spacing_mm[1] / finest)
    longest = max(shape[0] * stretch[0], shape[1] * stretch[1])
    factor = max(1, math.ceil(min_longest_px / longest))
    return factor * stretch[0], factor * stretch[1]


def enlarge(grey: NDArray[np.uint8], scale: tuple[float, float]) -> NDArray[np.uint8]:
    """Enlarge a grey picture (H, W) by (row, column) scale to a colour one.

    Returns
    -------
    ndarray of uint8, shape (round(H * row scale), round(W * column scale), 3)
        Equal red, green and blue.
    """
    size = (round(grey.shape[1] * scale[1]), round(grey.shape[0] * scale[0]))
    larger = cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(larger, cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def draw_overlay(
    grey: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    classes: Mapping[int, str],
    scale: tuple[float, float] = (1.0, 1.0),
    fill_opacity: float = 0.2,
    line_weight: float = 1.0,
) -> NDArray[np.uint8]:
    """Draw segmented structures over an image: a light fill and a thin outline.

    Parameters
    ----------
    grey : ndarray of uint8, shape (H, W)
        From `to_display`.
    mask : ndarray of uint8, shape (H, W)
    classes : mapping of int to str
        Mask values to draw and their names.
    scale : tuple of float
        (row, column) enlargement.
    fill_opacity : float
        0 (outlines only) to 1.
    line_weight : float
        Outlines are this much bolder than suits a screen.

    Returns
    -------
    ndarray of uint8, shape (H', W', 3)
        Red, green, blue.
    """
    canvas = enlarge(grey, scale)
    for class_id, name in classes.items():
        polygons, colour = outlines(mask, class_id), class_colour(name, class_id)
        draw_region(canvas, polygons, colour, scale, fill_opacity, line_weight)
    return canvas


def draw_region(
    canvas: NDArray[np.uint8],
    polygons: Sequence[NDArray[np.float64]],
    colour: Colour,
    scale: tuple[float, float],
    fill_opacity: float,
    line_weight: float = 1.0,
) -> None:
    """Fill and outline `polygons` (edge coordinates of the image) on an enlarged `canvas`.

    The canvas (H', W', 3) is changed in place. A dark halo keeps the outline
    visible on bright anatomy.
    """
    if not polygons:
        return
    fixed = [_fixed_point(polygon, scale) for polygon in polygons]
    thickness = max(1, round(line_weight * max(canvas.shape[:2]) / 700))
    canvas, fixed = _around(canvas, fixed, thickness + 4)
    if canvas.size == 0:
        return
    area, halo, line = (np.zeros(canvas.shape[:2], np.uint8) for _ in range(3))
    cv2.fillPoly(area, fixed, 255, cv2.LINE_AA, _FIXED_POINT_BITS)
    cv2.polylines(halo, fixed, True, 255, thickness + 2, cv2.LINE_AA, _FIXED_POINT_BITS)
    cv2.polylines(line, fixed, True, 255, thickness, cv2.LINE_AA, _FIXED_POINT_BITS)
    _blend(canvas, colour, area, fill_opacity)
    _blend(canvas, (0, 0, 0), halo, _HALO)
    _blend(canvas, colour, line, 1.0)


def draw_heat(
    grey: NDArray[np.uint8],
    heatmap: NDArray[np.float32],
    scale: tuple[float, float] = (1.0, 1.0),
) -> NDArray[np.uint8]:
    """Lay a heat map (H, W), 0..1, over an image (H, W).

    Returns
    -------
    ndarray of uint8, shape (H', W', 3)
        Red, green, blue, enlarged by (row, column) `scale`.
    """
    return lay_heat(enlarge(grey, scale), heatmap)


def lay_heat(
    canvas: NDArray[np.uint8], heatmap: NDArray[np.float32], opacity: float = 1.0
) -> NDArray[np.uint8]:
    """Lay a heat map, 0..1 and of any size, over an enlarged image (H', W', 3).

    Parameters
    ----------
    opacity : float
        0..1. The colours are see-through by themselves, so its root counts, as on the screen.
    """
    size = (canvas.shape[1], canvas.shape[0])
    larger = cv2.resize(heatmap, size, interpolation=cv2.INTER_LINEAR)
    colours = heat_colours(np.asarray(larger, dtype=np.float32))
    alpha = colours[..., 3:].astype(np.float32) / 255 * np.float32(opacity**0.5)
    blended = canvas * (1 - alpha) + colours[..., :3] * alpha
    return np.asarray(np.rint(blended), dtype=np.uint8)


def _fixed_point(polygon: NDArray[np.float64], scale: tuple[float, float]) -> NDArray[np.int32]:
    centres = polygon * (scale[1], scale[0]) - 0.5
    return np.asarray(np.rint(centres * (1 << _FIXED_POINT_BITS)), dtype=np.int32)


def _around(
    canvas: NDArray[np.uint8], fixed: Sequence[NDArray[np.int32]], room_px: int
) -> tuple[NDArray[np.uint8], list[NDArray[np.int32]]]:
    """Return the part of a canvas around polygons, a view of it, and the polygons in it."""
    points = np.concatenate(fixed) >> _FIXED_POINT_BITS
    left, top = np.maximum(points.min(axis=0) - room_px, 0).tolist()
    right, bottom = np.maximum(points.max(axis=0) + room_px + 1, 0).tolist()
    origin = np.array([left, top], np.int32) << _FIXED_POINT_BITS
    return canvas[top:bottom, left:right], [polygon - origin for polygon in fixed]


def _blend(
    canvas: NDArray[np.uint8], colour: Colour, coverage: NDArray[np.uint8], opacity: float
) -> None:
    rows, cols = np.nonzero(coverage)
    alpha = (coverage[rows, cols].astype(np.float32) * (opacity / 255))[:, None]
    mixed = canvas[rows, cols] * (1 - alpha) + np.asarray(colour, np.float32) * alpha
    canvas[rows, cols] = np.rint(mixed).astype(np.uint8)
