"""The lines of a drawing that is not finished yet, from the points set to the cursor."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPolygonF
from PyQt6.QtWidgets import QGraphicsItem

from spinealign.domain.measurements import Point, Stroke
from spinealign.ui.picture.base_items import HALO, Layer, PictureItem

POINT_PX, MARGIN_PX = 3.0, 8.0


class RubberBandItem(PictureItem):
    """Draws lines between points, and the points themselves."""

    def __init__(self, colour: QColor, parent: QGraphicsItem) -> None:
        super().__init__(parent, Layer.UNFINISHED)
        self._colour = colour
        self._points: list[QPointF] = []
        self._lines: list[QLineF] = []
        self._curves: list[QPolygonF] = []

    def set_points(
        self,
        points: Sequence[Point],
        pairs: Sequence[tuple[int, int]],
        curves: Sequence[Stroke] = (),
    ) -> None:
        """Show these points, lines between these pairs of them, and these curves."""
        self.prepareGeometryChange()
        self._points = [QPointF(*point) for point in points]
        self._lines = [QLineF(self._points[a], self._points[b]) for a, b in pairs]
        self._curves = [QPolygonF([QPointF(*point) for point in one.points]) for one in curves]
        self.update()

    def boundingRect(self) -> QRectF:
        """Return a rectangle around everything, in pixels of the picture."""
        bounds = QRectF()
        for point in self._points:
            bounds |= QRectF(point.x() - 0.1, point.y() - 0.1, 0.2, 0.2)
        for curve in self._curves:
            bounds |= curve.boundingRect()
        return self.grown(bounds, MARGIN_PX)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw dark below bright."""
        for pen in self.over_halo(self._colour, 1.6, 3.4):
            painter.setPen(pen)
            for line in self._lines:
                painter.drawLine(line)
            for curve in self._curves:
                painter.drawPolyline(curve)
        self._draw_points(painter)

    def _draw_points(self, painter: QPainter) -> None:
        device = painter.worldTransform()
        across = max(math.hypot(device.m11(), device.m12()), 1e-6)
        down = max(math.hypot(device.m21(), device.m22()), 1e-6)
        painter.setPen(self.pen(HALO, 1.0))
        painter.setBrush(self._colour)
        for point in self._points:
            painter.drawEllipse(point, POINT_PX / across, POINT_PX / down)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def chain(count: int, closed: bool = False) -> list[tuple[int, int]]:
    """Return pairs that join points in their order."""
    pairs = [(i, i + 1) for i in range(count - 1)]
    return [*pairs, (count - 1, 0)] if closed and count > 2 else pairs


def two_lines(count: int) -> list[tuple[int, int]]:
    """Return pairs that join the first two points, and the next two."""
    return [(i, i + 1) for i in range(0, count - 1, 2)]
