"""Image to network input and the exact way back; shared by training and inference.

Everything that changes a pixel between the file and the network is here and is
described by an `IntensityRule` that travels in the model card, so that a model
never sees other pixels than the ones it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.model_card import Denoise, IntensityRule
from spinealign.imaging.wavelets import shrink_wavelets

_SMALLEST_SPAN = 1e-30
"""Grey values that differ by less are equal; single precision ends near 1e-38."""

# ImageNet means in B, G, R order, as in Simonyan & Zisserman's original Caffe
# release of VGG16 (arXiv:1409.1556); the shipped base expects exactly these.
VGG_MEAN_BGR = np.array([103.939, 116.779, 123.68], dtype=np.float32)


@dataclass(frozen=True)
class Letterbox:
    """Where an image of `source_shape` lies inside a network input.

    Pixel centres: source (row, col) maps to ``(row + 0.5) * scale - 0.5 + offset``.
    Scales, shapes and offsets are (row, column); the scales differ where the source's
    pixels are not square, so that the network's are.
    """

    scale: tuple[float, float]
    fitted_shape: tuple[int, int]
    offset: tuple[int, int]
    source_shape: tuple[int, int]
    target_shape: tuple[int, int]


def plan_letterbox(
    source_shape: tuple[int, int], target_shape: tuple[int, int], pixel_aspect: float = 1.0
) -> Letterbox:
    """Plan the largest centred fit that keeps the proportions of the anatomy.

    Parameters
    ----------
    source_shape, target_shape : tuple of int
        (rows, columns).
    pixel_aspect : float
        Height of a source pixel divided by its width.
    """
    height = source_shape[0] * pixel_aspect
    across = min(target_shape[0] / height, target_shape[1] / source_shape[1])
    scale = (across * pixel_aspect, across)
    fitted = (max(1, round(source_shape[0] * scale[0])), max(1, round(source_shape[1] * across)))
    offset = ((target_shape[0] - fitted[0]) // 2, (target_shape[1] - fitted[1]) // 2)
    return Letterbox(scale, fitted, offset, source_shape, target_shape)


def place(pixels: NDArray[np.float32], box: Letterbox, fill: float = 0.0) -> NDArray[np.float32]:
    """Resize (H, W) `pixels` into the letterbox; the border holds `fill`."""
    rows, cols = box.fitted_shape
    canvas = np.full(box.target_shape, fill, np.float32)
    top, left = box.offset
    resized = resize_area(pixels.astype(np.float32, copy=False), box.fitted_shape)
    canvas[top : top + rows, left : left + cols] = resized
    return canvas


def resize_area(pixels: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize (H, W) pixels to (rows, columns): averaged where they shrink, else interpolated.

    OpenCV averages only when both sides shrink, so mixed cases take two steps.
    """
    shrinks = [new < old for new, old in zip(shape, pixels.shape, strict=True)]
    if shrinks[0] != shrinks[1]:
        first = (shape[0], pixels.shape[1]) if shrinks[0] else (pixels.shape[0], shape[1])
        halfway = cv2.resize(pixels, first[::-1], interpolation=cv2.INTER_AREA)
        pixels = np.asarray(halfway, np.float32)
    method = cv2.INTER_AREA if all(shrinks) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, shape[::-1], interpolation=method), np.float32)


def unplace(values: NDArray[np.float32], box: Letterbox) -> NDArray[np.float32]:
    """Take network-sized `values` (h, w) or (h, w, C) back to the source's size.

    The network's map may be coarser than its input (a class activation map is);
    the letterbox is scaled along.

    Returns
    -------
    ndarray of float32, shape (H, W) or (H, W, C)
    """
    fy = values.shape[0] / box.target_shape[0]
    fx = values.shape[1] / box.target_shape[1]
    if (fy, fx) != (1.0, 1.0):
        values = _resize(values, box.target_shape)
    top, left = box.offset
    rows, cols = box.fitted_shape
    inner = np.ascontiguousarray(values[top : top + rows, left : left + cols])
    return _resize(inner, box.source_shape)


def _resize(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    resized = cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)


def scale_intensity(
    pixels: NDArray[np.float32], rule: IntensityRule, *, bits: int, is_hounsfield: bool
) -> NDArray[np.float32]:
    """Map (H, W) grey values to 0..1 as `rule` says, before any resizing.

    An image that is neither 8-bit nor in Hounsfield units has no known display
    window, so its 0.5 and 99.5 percentiles stand in for a missing rule.
    """
    if rule.window_hu is not None and is_hounsfield:
        low, high = rule.window_hu
    elif rule.percentiles is not None:
        low, high = _percentiles(pixels, rule.percentiles)
    elif bits == 8:
        low, high = 0.0, 255.0
    else:
        low, high = _percentiles(pixels, (0.5, 99.5))
    if not high > low:  # nearly all values are one
        low, high = float(pixels.min()), float(pixels.max())
    if not high - low > _SMALLEST_SPAN:
        return np.zeros(pixels.shape, np.float32)
    with np.errstate(over="ignore"):  # of values far beyond the percentiles
        return np.asarray(np.clip((pixels - low) / (high - low), 0.0, 1.0), np.float32)


def finish_input(canvas: NDArray[np.float32], rule: IntensityRule) -> NDArray[np.float32]:
    """Turn a letterboxed 0..1 canvas (h, w) into network input (h, w, C)."""
    canvas = reduce_noise(canvas, rule.denoise)
    if rule.clahe_clip_limit > 0:
        tiles = tuple(max(1, round(n / rule.clahe_tile_px)) for n in canvas.shape[::-1])
        clahe = cv2.createCLAHE(rule.clahe_clip_limit, tiles)
        equalised = clahe.apply(np.round(canvas * 255).astype(np.uint8))
        canvas = np.asarray(equalised, np.float32) / np.float32(255)
    if rule.channels == "grey":
        return canvas[..., None]
    if rule.channels == "rgb_unit":
        return np.repeat(canvas[..., None], 3, axis=2)
    return canvas[..., None] * 255 - VGG_MEAN_BGR


def reduce_noise(canvas: NDArray[np.float32], method: Denoise) -> NDArray[np.float32]:
    """Reduce noise in a 0..1 image (h, w)."""
    if method == "gaussian":
        return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.8), np.float32)
    if method == "median":
        return np.asarray(cv2.medianBlur(canvas, 3), np.float32)
    if method == "wavelet":
        return shrink_wavelets(canvas)
    return canvas


def to_network_input(
    pixels: NDArray[np.float32],
    target_shape: tuple[int, int],
    rule: IntensityRule,
    *,
    bits: int,
    is_hounsfield: bool,
    pixel_aspect: float = 1.0,
) -> tuple[NDArray[np.float32], Letterbox]:
    """Prepare one image for a network, which sees square pixels.

    Returns
    -------
    batch : ndarray of float32, shape (1, h, w, C)
    box : Letterbox
        Needed by `unplace` to bring the answer back.
    """
    box = plan_letterbox((pixels.shape[0], pixels.shape[1]), target_shape, pixel_aspect)
    scaled = scale_intensity(pixels, rule, bits=bits, is_hounsfield=is_hounsfield)
    return finish_input(place(scaled, box), rule)[None], box


def _percentiles(pixels: NDArray[np.float32], at: tuple[float, float]) -> tuple[float, float]:
    low, high = np.percentile(pixels, at)
    return float(low), float(high)
