"""Named points of a user's own model on the picture: crosses with names, unsure ones as rings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QTransform
from PyQt6.QtWidgets import QGraphicsItem

from spinealign.domain.landmarks import NamedPoint
from spinealign.imaging.point_labels import place_names
from spinealign.ui.picture.base_items import Layer, ScreenSizedItem
from spinealign.ui.picture.measure_overlay import ValueItem
from spinealign.wording.points import shown_point

COLOUR = QColor("#ff69dc")
DOT_PX, RING_PX, LINE_PX, HALO_PX = 4.0, 6.0, 2.0, 4.0
ARM_PX = 9.0
"""Half the length of a sure point's cross, which a corner that can be taken hold of hides not."""

ARMS = (QLineF(-ARM_PX, 0, ARM_PX, 0), QLineF(0, -ARM_PX, 0, ARM_PX))
GAP_PX = 12.0
"""From a point to its name."""


class DotItem(ScreenSizedItem):
    """One point: a dot in a cross, or a ring where it is unsure, the same size at every zoom."""

    def __init__(self, point: NamedPoint, parent: QGraphicsItem) -> None:
        super().__init__(parent, Layer.STROKES)
        self.is_sure = point.is_sure
        self.setPos(QPointF(point.x, point.y))

    def boundingRect(self) -> QRectF:
        """Return a rectangle around dot or ring, in screen pixels about the point."""
        reach = max(RING_PX, ARM_PX) + HALO_PX
        return QRectF(-reach, -reach, 2 * reach, 2 * reach)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw dark below bright."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = DOT_PX if self.is_sure else RING_PX
        painter.setBrush(COLOUR if self.is_sure else Qt.BrushStyle.NoBrush)
        for pen in self.over_halo(COLOUR, LINE_PX, HALO_PX):
            painter.setPen(pen)
            if self.is_sure:
                painter.drawLines(*ARMS)
            painter.drawEllipse(QPointF(), side, side)


class PointLayer:
    """The points that a model of the user's own placed on a picture, and their names."""

    def __init__(self, parent: QGraphicsItem) -> None:
        self._parent = parent
        self._items: list[tuple[DotItem, ValueItem]] = []

    @property
    def has_points(self) -> bool:
        """Whether there are any, seen or hidden."""
        return bool(self._items)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is written beside the points that have room for it."""
        return tuple(name.text for _, name in self._items if name.isVisible() and name.has_room)

    def show(self, points: Sequence[NamedPoint], visible: bool) -> None:
        """Show these points and no others."""
        for items in self._items:
            for item in items:
                item.remove()
        self._items = [self._drawn(point) for point in points]
        self.set_visible(visible)

    def set_visible(self, visible: bool) -> None:
        """Show or hide everything."""
        for items in self._items:
            for item in items:
                item.setVisible(visible)

    def lay_out(self, to_view: QTransform, covered: Sequence[QRectF]) -> list[QRectF]:
        """Write names beside their points, inside the view; return what is covered on screen.

        A name that has no room is left out: it is there at a larger zoom, and in the table.
        """
        scene = self._parent.scene()
        views = scene.views() if scene is not None else []
        shown = [items for items in self._items if items[0].isVisible()]
        if not views or not shown:
            return []
        room = QRectF(views[0].rect())
        places = np.array([_pair(to_view.map(dot.scenePos())) for dot, _ in shown])
        sizes = np.array([name.size_px for _, name in shown])
        boxes = place_names(places, sizes, _sides(room), GAP_PX, [_sides(box) for box in covered])
        found = [dot.boundingRect().translated(QPointF(*p)) for (dot, _), p in zip(
            shown, places.tolist(), strict=True
        )]  # fmt: skip
        for (_, name), place, box in zip(shown, places, boxes, strict=True):
            name.set_shift(None if box is None else QPointF(box[0] - place[0], box[1] - place[1]))
            if box is not None:
                found.append(QRectF(box[0], box[1], box[2] - box[0], box[3] - box[1]))
        return found

    def _drawn(self, point: NamedPoint) -> tuple[DotItem, ValueItem]:
        name = ValueItem(self._parent, Layer.NAMES)
        name.set_text(shown_point(point), COLOUR, False)
        name.setPos(QPointF(point.x, point.y))
        return DotItem(point, self._parent), name


def _pair(point: QPointF) -> tuple[float, float]:
    return point.x(), point.y()


def _sides(box: QRectF) -> tuple[float, float, float, float]:
    return box.left(), box.top(), box.right(), box.bottom()
