"""Scene items of vertebral bodies: their names and landmarks, the same size at every zoom."""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen
from PyQt6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from spinealign.ui.display import DisplayBody

HALO = QColor(0, 0, 0, 200)
LETTER_PX = 14
GAP_PX = 6.0
DOT_PX = 2.6
RING_PX = 1.8


class NameItem(QGraphicsItem):
    """Writes a body's name beside it."""

    def __init__(self, body: DisplayBody, colour: QColor, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setPos(QPointF(*body.place))
        self.name = body.name
        self._colour = colour.lighter(150)
        font = QFont()
        font.setPixelSize(LETTER_PX)
        font.setBold(True)
        self._path = _written(body, font)

    def boundingRect(self) -> QRectF:
        """Return the rectangle around the letters, in screen pixels about the outline's point."""
        return self._path.boundingRect().adjusted(-3, -3, 3, 3)

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the letters with a dark halo."""
        if painter is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.strokePath(self._path, QPen(HALO, 3.0))
        painter.fillPath(self._path, self._colour)


def _written(body: DisplayBody, font: QFont) -> QPainterPath:
    """Return the letters of a name, clear of the body whatever the direction."""
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(body.name), metrics.capHeight()
    x, y = body.away
    clear = (abs(x) * width + abs(y) * height) / 2 + GAP_PX
    path = QPainterPath()
    path.addText(clear * x - width / 2, clear * y + height / 2, font, body.name)
    return path


class LandmarksItem(QGraphicsItem):
    """Draws a body's landmarks: dots where the network saw them, rings on the outline."""

    def __init__(self, body: DisplayBody, colour: QColor, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self._body = body
        self._colour = colour
        self._bounds = QRectF()
        for point in (*body.seen, *body.derived):
            self._bounds |= QRectF(point, point).adjusted(-1, -1, 1, 1)

    def boundingRect(self) -> QRectF:
        """Return a rectangle around all landmarks, in pixels of the picture."""
        margin = 16.0
        return self._bounds.adjusted(-margin, -margin, margin, margin)

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the landmarks at the same size on every zoom."""
        if painter is None:
            return
        device = painter.deviceTransform()
        across = max(math.hypot(device.m11(), device.m12()), 1e-6)
        down = max(math.hypot(device.m21(), device.m22()), 1e-6)
        pen = QPen(HALO, 1.0)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(self._colour)
        for point in self._body.seen:
            painter.drawEllipse(point, DOT_PX / across, DOT_PX / down)
        pen.setColor(self._colour)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for point in self._body.derived:
            painter.drawEllipse(point, RING_PX / across, RING_PX / down)
