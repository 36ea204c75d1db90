"""A magnified piece of the picture beside the point that is dragged."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSizeF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen, QRegion, QTransform
from PyQt6.QtWidgets import QWidget

from spinealign.ui.picture.base_items import HALO
from spinealign.ui.picture.corner_texts import CANVAS
from spinealign.ui.picture.handles import EDITED
from spinealign.ui.picture.viewer import Viewer

SIDE_PX = 160
"""How wide and high it is on screen."""

AWAY_PX = 34
"""From the point to its edge: the point, and what lies about it, stay in sight."""

MAGNIFIED = 3.0
"""How much larger than around it the picture is, at least `LEAST_ZOOM` screen pixels a pixel."""

LEAST_ZOOM = 2.0
CROSS_PX, HOLE_PX = 16.0, 4.0
"""Reach of the cross that marks the point, and of its open middle."""


class Loupe(QWidget):
    """Shows what lies under a point, without what is drawn over it; lets the mouse through.

    Parameters
    ----------
    viewer : Viewer
        On whose picture it lies.
    """

    def __init__(self, viewer: Viewer) -> None:
        viewport = viewer.viewport()
        assert viewport is not None
        super().__init__(viewport)
        self._viewer, self._point = viewer, QPointF()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.resize(SIDE_PX, SIDE_PX)
        self.setMask(QRegion(self.rect(), QRegion.RegionType.Ellipse))
        self.hide()

    @property
    def point(self) -> QPointF:
        """What it shows the surroundings of, in pixels of the picture."""
        return self._point

    def show_at(self, point: QPointF) -> None:
        """Show what lies about a point of the picture, beside it."""
        self._point = point
        room = QRectF(self._viewer.rect())
        self.move(corner_beside(self._viewer.to_view(point), room).toPoint())
        self.show()
        self.raise_()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the picture's greys, and a cross with an open middle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.fillRect(self.rect(), QColor(CANVAS))
        painter.save()
        painter.setTransform(self._to_loupe(), True)
        self._viewer.picture.draw_greys(painter)
        painter.restore()
        _draw_cross(painter, frame.center())
        for colour, width in ((HALO, 3.0), (EDITED, 1.4)):
            painter.setPen(QPen(colour, width))
            painter.drawEllipse(frame)

    def _to_loupe(self) -> QTransform:
        """Return where pixels of the picture lie in the loupe."""
        viewer = self._viewer
        shown = viewer.picture.root.sceneTransform() * viewer.viewportTransform()
        larger = max(MAGNIFIED, LEAST_ZOOM / max(viewer.zoom, 1e-6))
        place, middle = shown.map(self._point), QRectF(self.rect()).center()
        turned = QTransform.fromTranslate(-place.x(), -place.y()) * QTransform.fromScale(
            larger, larger
        )
        return shown * turned * QTransform.fromTranslate(middle.x(), middle.y())


def corner_beside(place: QPointF, room: QRectF) -> QPointF:
    """Return the upper left corner of a loupe beside a place of the view, inside it.

    It lies above the place and to its right, or on another side where that has no room.
    """
    away, side = AWAY_PX, SIDE_PX
    across = (place.x() + away, place.x() - away - side)
    down = (place.y() - away - side, place.y() + away)
    for y in down:
        for x in across:
            if room.contains(QRectF(QPointF(x, y), QSizeF(side, side))):
                return QPointF(x, y)
    # A small view: keep inside it, and off the place at least from left to right.
    x = across[0] if place.x() < room.center().x() else across[1]
    top = max(min(down[0], room.bottom() - side), room.top())
    return QPointF(x, top)


def _draw_cross(painter: QPainter, middle: QPointF) -> None:
    for colour, width in ((HALO, 3.2), (EDITED, 1.4)):
        painter.setPen(QPen(colour, width))
        for way in (QPointF(1, 0), QPointF(-1, 0), QPointF(0, 1), QPointF(0, -1)):
            painter.drawLine(middle + HOLE_PX * way, middle + CROSS_PX * way)
