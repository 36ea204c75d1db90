"""Scene items that draw index pictures through a table, only as much as is seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QImage, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from spinealign.ui.display import OutlineLevel

MAGNIFICATION_WITH_VISIBLE_PIXELS = 12.0
INVISIBLE_ERROR_PX = 0.45
COARSER_BY = 0.3
"""A level magnified by up to 1.25 looks the same as the next one shrunk, for less work."""

BORDER_PX = 2
"""Drawn beyond what is seen, so that interpolation has neighbours at the edge."""


class LookupItem(QGraphicsItem):
    """Draws one picture of indices, each index in the colour that a table gives it.

    Only the part on screen is looked up, at the coarsest level that is about as fine
    as the screen: a new window on nine million pixels costs as much as on one
    screenful.

    Parameters
    ----------
    levels : sequence of ndarray, shape (H, W) and halves of it
        Indices into the table.
    table : ndarray of uint8 (greys) or uint32 (premultiplied ARGB)
        Colour of each index.
    """

    def __init__(self, levels: Sequence[NDArray], table: NDArray, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self._levels = levels
        self._table = table
        rows, cols = levels[0].shape
        self._bounds = QRectF(0, 0, cols, rows)

    def boundingRect(self) -> QRectF:
        """Return the picture's rectangle in pixels."""
        return self._bounds

    def set_table(self, table: NDArray) -> None:
        """Draw with other colours from now on."""
        self._table = table
        self.update()

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the exposed part."""
        if painter is None or option is None:
            return
        exposed = option.exposedRect.intersected(self._bounds)
        if exposed.isEmpty():
            return
        scale = _scale_of(painter)
        smooth = scale < MAGNIFICATION_WITH_VISIBLE_PIXELS
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.setClipRect(self._bounds)
        self._draw(painter, exposed, self._level_for(scale))

    def _level_for(self, scale: float) -> int:
        wanted = math.floor(math.log2(1 / scale) + COARSER_BY) if 0 < scale < 1 else 0
        return min(wanted, len(self._levels) - 1)

    def _draw(self, painter: QPainter, exposed: QRectF, level: int) -> None:
        indices, side = self._levels[level], 2**level
        top, bottom = _span(exposed.top(), exposed.bottom(), side, indices.shape[0])
        left, right = _span(exposed.left(), exposed.right(), side, indices.shape[1])
        colours = self._table[indices[top:bottom, left:right]]
        rows, cols = colours.shape
        image = QImage(colours.data, cols, rows, colours.strides[0], _format_of(colours))
        target = QRectF(left * side, top * side, cols * side, rows * side)
        painter.drawImage(target, image)


def _scale_of(painter: QPainter) -> float:
    """Return how many screen pixels a picture pixel is wide or high, whichever is more."""
    device = painter.deviceTransform()
    return max(math.hypot(device.m11(), device.m12()), math.hypot(device.m21(), device.m22()))


def _span(low: float, high: float, side: int, size: int) -> tuple[int, int]:
    first = math.floor(low / side) - BORDER_PX
    last = math.ceil(high / side) + BORDER_PX
    return max(first, 0), min(last, size)


def _format_of(colours: NDArray) -> QImage.Format:
    if colours.dtype == np.uint8:
        return QImage.Format.Format_Grayscale8
    return QImage.Format.Format_ARGB32_Premultiplied


class StretchedImageItem(QGraphicsItem):
    """Draws a small image over a large rectangle, smoothly."""

    def __init__(self, image: QImage, bounds: QRectF, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self._image = image
        self._bounds = bounds

    def boundingRect(self) -> QRectF:
        """Return the rectangle that is covered."""
        return self._bounds

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the image over its rectangle."""
        if painter is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self._bounds, self._image)


class OutlineItem(QGraphicsItem):
    """Draws contours with a line of constant width on screen, as exactly as the zoom shows."""

    def __init__(self, levels: Sequence[OutlineLevel], parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self._levels = [
            (level.tolerance_px, [(polygon, polygon.boundingRect()) for polygon in level.polygons])
            for level in levels
        ]
        self._pen = QPen()
        self._bounds = QRectF()
        for _, rect in self._levels[0][1]:
            self._bounds = self._bounds.united(rect)

    def set_pen(self, pen: QPen) -> None:
        """Draw with another pen, which must be cosmetic."""
        self._pen = pen
        self.update()

    def boundingRect(self) -> QRectF:
        """Return a rectangle around all contours, in pixels."""
        margin = 8.0
        return self._bounds.adjusted(-margin, -margin, margin, margin)

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the contours that are exposed."""
        if painter is None or option is None:
            return
        painter.setPen(self._pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        visible = option.exposedRect
        for polygon, rect in self._contours_for(_scale_of(painter)):
            if rect.intersects(visible):
                painter.drawPolygon(polygon)

    def _contours_for(self, scale: float) -> list[tuple[QPolygonF, QRectF]]:
        chosen = self._levels[0][1]
        for tolerance, contours in self._levels:
            if tolerance * scale <= INVISIBLE_ERROR_PX:
                chosen = contours
        return chosen
