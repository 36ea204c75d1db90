"""Scene items that draw index pictures through a table, only as much as is seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, QSizeF, Qt
from PyQt6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QPixmap, QPolygonF, QTransform
from PyQt6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from spinealign.ui.picture.base_items import PictureItem
from spinealign.ui.picture.display_images import OutlineLevel

MAGNIFICATION_WITH_VISIBLE_PIXELS = 12.0
INVISIBLE_ERROR_PX = 0.45
COARSER_BY = 0.3
"""A level magnified by up to 1.25 looks the same as the next one shrunk, for less work."""

BORDER_PX, LINE_MARGIN_PX = 2, 4.0
"""Drawn beyond what is seen, so that interpolation has neighbours at the edge."""


class LookupItem(PictureItem):
    """Draws one picture of indices, each index in the colour that a table gives it.

    Only the part on screen is looked up, at the coarsest level that is about as fine
    as the screen: a new window on nine million pixels costs as much as on one
    screenful. What is drawn a second time at the same place is kept as a picture of
    the screen, so that whatever moves over it costs next to nothing.

    Parameters
    ----------
    levels : sequence of ndarray, shape (H, W) and halves of it
        Indices into the table.
    table : ndarray of uint8 (greys) or uint32 (premultiplied ARGB)
        Colour of each index.
    """

    def __init__(self, levels: Sequence[NDArray], table: NDArray, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self._levels = levels
        self._table = table
        self._place: tuple[object, ...] = ()
        self._kept: QPixmap | None = None
        rows, cols = levels[0].shape
        self._bounds = QRectF(0, 0, cols, rows)

    def boundingRect(self) -> QRectF:
        """Return the picture's rectangle in pixels."""
        return self._bounds

    def set_table(self, table: NDArray) -> None:
        """Draw with other colours from now on."""
        self._table = table
        self._place = ()
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
        if widget is None or not self._is_kept(painter, widget):
            self._look_up(painter, exposed)
            return
        if self._kept is None:
            self._kept = self._screenful(painter, widget)
        area = painter.worldTransform().mapRect(exposed).toAlignedRect() & widget.rect()
        painter.save()
        painter.resetTransform()
        ratio = self._kept.devicePixelRatio()
        source = QRectF(QPointF(area.topLeft()) * ratio, QSizeF(area.size()) * ratio)
        painter.drawPixmap(QRectF(area), self._kept, source)
        painter.restore()

    def draw_plain(self, painter: QPainter) -> None:
        """Draw all of it where the painter stands, outside the view that it belongs to."""
        inverse, _ = painter.transform().inverted()
        device = painter.device()
        if device is not None:
            seen = inverse.mapRect(QRectF(0, 0, device.width(), device.height()))
            self._look_up(painter, seen & self._bounds)

    def _is_kept(self, painter: QPainter, widget: QWidget) -> bool:
        """Whether this place was drawn before; a picture that moves is not worth keeping."""
        place = (_elements(painter.worldTransform()), widget.size())
        if place == self._place:
            return True
        self._place, self._kept = place, None
        return False

    def _screenful(self, painter: QPainter, widget: QWidget) -> QPixmap:
        ratio = widget.devicePixelRatioF()
        kept = QPixmap((QSizeF(widget.size()) * ratio).toSize())
        kept.setDevicePixelRatio(ratio)
        kept.fill(Qt.GlobalColor.transparent)
        to_screen = painter.worldTransform()
        inverse, _ = to_screen.inverted()
        second = QPainter(kept)
        second.setTransform(to_screen)
        self._look_up(second, inverse.mapRect(QRectF(widget.rect())) & self._bounds)
        second.end()
        return kept

    def _look_up(self, painter: QPainter, exposed: QRectF) -> None:
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


def _elements(transform: QTransform) -> tuple[float, ...]:
    t = transform
    return (t.m11(), t.m12(), t.m21(), t.m22(), t.dx(), t.dy())


def _span(low: float, high: float, side: int, size: int) -> tuple[int, int]:
    first = math.floor(low / side) - BORDER_PX
    last = math.ceil(high / side) + BORDER_PX
    return max(first, 0), min(last, size)


def _format_of(colours: NDArray) -> QImage.Format:
    if colours.dtype == np.uint8:
        return QImage.Format.Format_Grayscale8
    return QImage.Format.Format_ARGB32_Premultiplied


class StretchedImageItem(PictureItem):
    """Draws a small image over a large rectangle, smoothly."""

    def __init__(self, image: QImage, bounds: QRectF, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self._image = image
        self._bounds = bounds

    def boundingRect(self) -> QRectF:
        """Return the rectangle that is covered."""
        return self._bounds

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw the image over its rectangle."""
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(self._bounds, self._image)


class OutlineItem(PictureItem):
    """Draws contours with a line of constant width on screen, as exactly as the zoom shows."""

    def __init__(self, levels: Sequence[OutlineLevel], parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self._pen = QPen()
        self._brush = QBrush(Qt.BrushStyle.NoBrush)
        self.set_levels(levels)

    def set_levels(self, levels: Sequence[OutlineLevel]) -> None:
        """Draw other contours."""
        self.prepareGeometryChange()
        self._levels = [
            (level.tolerance_px, [(polygon, polygon.boundingRect()) for polygon in level.polygons])
            for level in levels
        ]
        self._bounds = QRectF()
        for _, rect in self._levels[0][1]:
            self._bounds = self._bounds.united(rect)
        self.update()

    def set_pen(self, pen: QPen) -> None:
        """Draw with another pen, which must be cosmetic."""
        if pen != self._pen:
            self._pen = pen
            self.update()

    def set_fill(self, colour: QColor | None) -> None:
        """Fill the contours, or leave them empty."""
        brush = QBrush(Qt.BrushStyle.NoBrush) if colour is None else QBrush(colour)
        if brush != self._brush:
            self._brush = brush
            self.update()

    def holds(self, point: QPointF) -> bool:
        """Whether a point of the picture lies inside the finest contours."""
        rule = Qt.FillRule.OddEvenFill
        return self._bounds.contains(point) and any(
            polygon.containsPoint(point, rule) for polygon, _ in self._levels[0][1]
        )

    def boundingRect(self) -> QRectF:
        """Return a rectangle around all contours and their line, in pixels."""
        return self.grown(self._bounds, LINE_MARGIN_PX)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw the contours that are exposed."""
        painter.setPen(self._pen)
        painter.setBrush(self._brush)
        for polygon, rect in self._contours_for(_scale_of(painter)):
            if rect.intersects(exposed):
                painter.drawPolygon(polygon)

    def _contours_for(self, scale: float) -> list[tuple[QPolygonF, QRectF]]:
        chosen = self._levels[0][1]
        for tolerance, contours in self._levels:
            if tolerance * scale <= INVISIBLE_ERROR_PX:
                chosen = contours
        return chosen
