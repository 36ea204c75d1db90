"""What the viewer draws, made ready in the worker thread so that drawing never waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF
from PyQt6.QtGui import QColor, QImage, QPolygonF

from spinealign.domain.findings import Analysis, LandmarkSource
from spinealign.domain.image import SpineImage

INDEX_LEVELS = 65536
SMALLEST_LEVEL_PX = 256
OUTLINE_TOLERANCES_PX = (0.05, 0.2, 0.4, 0.8, 1.6)
"""A contour traced at every pixel has tens of thousands of points; drawing them takes a second."""

HEATMAP_SIDE_PX = 768
"""A heat map is a few dozen network cells wide; more pixels would only cost time."""

MAX_STRETCH = 20.0
"""Beyond this the spacing is a mistake; exported pictures draw the same line."""

Window = tuple[float, float]
"""(centre, width) in the image's own units."""


@dataclass(frozen=True, eq=False)
class DisplayImage:
    """A picture as 16-bit indices, so that a new window is a new table and not new pixels.

    Parameters
    ----------
    image : SpineImage
        Where the values come from.
    levels : tuple of ndarray of uint16
        The picture at full size (H, W) and halved again and again.
    low, step : float
        Index i stands for the value ``low + i * step``.
    default_window : tuple of float
        (centre, width) to begin with.
    """

    image: SpineImage
    levels: tuple[NDArray[np.uint16], ...]
    low: float
    step: float
    default_window: Window

    def grey_table(self, window: Window, inverted: bool) -> NDArray[np.uint8]:
        """Return the grey of each index, shape (65536,), for a window."""
        from spinealign.imaging.render import to_display

        values = self.low + self.step * np.arange(INDEX_LEVELS, dtype=np.float32)
        table = to_display(values[None, :], window)[0]
        return 255 - table if inverted else table

    @property
    def row_stretch(self) -> float:
        """Height of a pixel divided by its width; 1 where that is absurd or unknown."""
        spacing = self.image.spacing_mm
        if spacing is None or max(spacing) > MAX_STRETCH * min(spacing):
            return 1.0
        return spacing[0] / spacing[1]


@dataclass(frozen=True, eq=False)
class OutlineLevel:
    """Closed contours with no more points than a zoom needs.

    Parameters
    ----------
    tolerance_px : float
        How far they may be off, in pixels of the picture.
    polygons : tuple of QPolygonF
        In pixel coordinates, (0, 0) being the outer corner of the first pixel.
    """

    tolerance_px: float
    polygons: tuple[QPolygonF, ...]


@dataclass(frozen=True, eq=False)
class DisplayBody:
    """A vertebral body's name and landmarks, in pixel coordinates of the picture.

    Parameters
    ----------
    class_id : int
        Its value in the mask.
    name : str
        Written beside it.
    place : tuple of float
        (x, y) on its outline, next to the name.
    away : tuple of float
        Unit vector from the body to its name.
    seen, derived : tuple of QPointF
        Landmarks that the network placed, and those taken from the outline.
    """

    class_id: int
    name: str
    place: tuple[float, float]
    away: tuple[float, float]
    seen: tuple[QPointF, ...]
    derived: tuple[QPointF, ...]


@dataclass(frozen=True, eq=False)
class DisplayOverlay:
    """What an analysis adds to the picture.

    Parameters
    ----------
    names, colours : mapping
        By mask value.
    mask_levels : tuple of ndarray of uint8
        The mask at full size (H, W) and halved again and again; empty without one.
    outlines : mapping of int to tuple of OutlineLevel
        From the finest to the coarsest.
    heatmap : QImage or None
        Colours with transparency, stretched over the picture.
    bodies : tuple of DisplayBody
        Named vertebral bodies of a radiograph.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, QColor] = field(default_factory=dict)
    mask_levels: tuple[NDArray[np.uint8], ...] = ()
    outlines: Mapping[int, tuple[OutlineLevel, ...]] = field(default_factory=dict)
    heatmap: QImage | None = None
    bodies: tuple[DisplayBody, ...] = ()


def prepare_image(image: SpineImage) -> DisplayImage:
    """Quantise an image to indices and halve it until it is small."""
    from spinealign.imaging.render import default_window

    pixels = image.pixels
    if not np.isfinite(pixels.sum()):
        pixels = np.nan_to_num(pixels, posinf=0.0, neginf=0.0)
    low, high = float(pixels.min()), float(pixels.max())
    step = max(high - low, 1e-6) / (INDEX_LEVELS - 1)
    indices = np.rint((pixels - np.float32(low)) * np.float32(1 / step))
    full = np.clip(indices, 0, INDEX_LEVELS - 1).astype(np.uint16)
    return DisplayImage(image, _halved(full, _mean), low, step, default_window(image))


def prepare_overlay(analysis: Analysis) -> DisplayOverlay:
    """Make structures and heat map of an analysis ready to be drawn."""
    heatmap = None
    if analysis.classification is not None and analysis.classification.heatmap is not None:
        heatmap = _heatmap_image(analysis.classification.heatmap)
    segmentation = analysis.segmentation
    if segmentation is None:
        return DisplayOverlay(heatmap=heatmap)
    from spinealign.imaging.render import class_colour, outlines

    names = dict(segmentation.classes)
    mask = np.ascontiguousarray(segmentation.mask)
    exact = {body.name: [np.array(body.outline)] for body in analysis.vertebrae}
    return DisplayOverlay(
        names=names,
        colours={i: QColor(*class_colour(name, i)) for i, name in names.items()},
        mask_levels=_halved(mask, lambda fine: fine[::2, ::2]),
        outlines={
            i: _outline_levels(exact.get(name) or outlines(mask, i)) for i, name in names.items()
        },
        heatmap=heatmap,
        bodies=_bodies(analysis, names),
    )


def _bodies(analysis: Analysis, names: Mapping[int, str]) -> tuple[DisplayBody, ...]:
    from spinealign.imaging.labels import label_place

    class_ids = {name: class_id for class_id, name in names.items()}
    bodies = []
    for body in analysis.vertebrae:
        where = label_place(body, analysis.facing, analysis.image.shape)
        seen, derived = (
            tuple(QPointF(mark.x, mark.y) for mark in body.landmarks if mark.source is source)
            for source in (LandmarkSource.NETWORK, LandmarkSource.CONTOUR)
        )
        class_id = class_ids[body.name]
        bodies.append(DisplayBody(class_id, body.name, where.point, where.away, seen, derived))
    return tuple(bodies)


def _halved(full: NDArray, shrink: Callable[[NDArray], NDArray]) -> tuple[NDArray, ...]:
    levels = [full]
    while min(levels[-1].shape) >= 2 * SMALLEST_LEVEL_PX:
        levels.append(np.ascontiguousarray(shrink(levels[-1])))
    return tuple(levels)


def _mean(fine: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Average blocks of 2 x 2; an odd last row or column stands for itself."""
    padded = np.pad(fine, [(0, side % 2) for side in fine.shape], mode="edge").astype(np.uint32)
    total = padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]
    return (total // 4).astype(np.uint16)


def _outline_levels(contours: list[NDArray[np.float64]]) -> tuple[OutlineLevel, ...]:
    return tuple(
        OutlineLevel(tolerance, tuple(_simplified(contour, tolerance) for contour in contours))
        for tolerance in OUTLINE_TOLERANCES_PX
    )


def _simplified(contour: NDArray[np.float64], tolerance_px: float) -> QPolygonF:
    """Leave out points of a closed contour (N, 2) that lie on the line between others."""
    import cv2

    points = cv2.approxPolyDP(contour.astype(np.float32)[:, None, :], tolerance_px, True)
    return QPolygonF([QPointF(x, y) for x, y in points[:, 0, :].tolist()])


def _heatmap_image(heatmap: NDArray[np.float32]) -> QImage:
    from spinealign.imaging.render import heat_colours

    stride = max(1, -(-max(heatmap.shape) // HEATMAP_SIDE_PX))
    colours = np.ascontiguousarray(heat_colours(np.ascontiguousarray(heatmap[::stride, ::stride])))
    rows, cols = colours.shape[:2]
    # The copy makes Qt own the bytes: the array is gone when this function returns.
    return QImage(colours.tobytes(), cols, rows, 4 * cols, QImage.Format.Format_RGBA8888).copy()
