"""Points that can be taken hold of: landmarks of bodies and points of drawings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QTransform
from PyQt6.QtWidgets import QGraphicsItem

from spinealign.domain.findings import LandmarkName, LandmarkSource
from spinealign.domain.measurements import Drawing, DrawingKey
from spinealign.ui.picture.base_items import HALO, Layer, ScreenSizedItem

EDITED = QColor("#ffd23f")
"""What a person placed, on every kind of film and whatever the colour of the body."""

DRAWN = QColor("#ff9de2")
SELECTED = QColor("#ffffff")
DOT_PX, RING_PX, SQUARE_PX = 2.6, 1.8, 3.2
EDGE_PX = 1.3
"""Half the width of the dark line around a form, and more."""

GROWN_BY = 2.0
"""How much a handle grows under the cursor."""

ROOMY_PX, SMALLEST_SHARE = 30.0, 0.45
"""Screen pixels from body to body below which handles shrink, and how small they become."""

REACH_PX = 9.0
"""How near the cursor must come to take hold, in screen pixels."""


@dataclass(frozen=True)
class MarkRef:
    """A landmark of the body with this `index`."""

    body_index: int
    name: LandmarkName


@dataclass(frozen=True)
class DrawnRef:
    """A point of the drawing with this key."""

    drawing: DrawingKey
    point: int


HandleRef = MarkRef | DrawnRef


class HandleItem(ScreenSizedItem):
    """One point, the same size at every zoom.

    A dot was seen by the network, a ring was taken from the outline, and a square in
    the colour of corrections was placed by a person. Where a body is shown smaller than
    `ROOMY_PX` its handles are smaller, so that it can be seen; `room` is its size in pixels of
    the picture.
    """

    def __init__(self, parent: QGraphicsItem) -> None:
        super().__init__(parent, Layer.HANDLES)
        self.ref: HandleRef | None = None
        self.source: LandmarkSource | None = LandmarkSource.NETWORK
        self.is_hovered = self.is_selected = False
        self.room = math.inf
        self._colour = QColor()

    def set_mark(
        self, ref: HandleRef, place: QPointF, source: LandmarkSource | None, colour: QColor
    ) -> None:
        """Stand for a point of the picture; without a source it belongs to a drawing."""
        self.ref = ref
        self.setPos(place)
        if (source, colour) != (self.source, self._colour):
            self.source, self._colour = source, colour
            self.update()

    def set_state(self, hovered: bool, selected: bool) -> None:
        """Grow under the cursor, and wear a frame while selected."""
        if (hovered, selected) != (self.is_hovered, self.is_selected):
            self.is_hovered, self.is_selected = hovered, selected
            self.update()

    def reach_px(self) -> float:
        """Return half its size on screen: of what was drawn by hand, as large as it may grow."""
        if self.source is None or self.is_hovered or self.is_selected:
            return SQUARE_PX * GROWN_BY
        form = RING_PX if self.source is LandmarkSource.CONTOUR else DOT_PX
        if self.source in (LandmarkSource.USER, LandmarkSource.CONFIRMED):
            form = SQUARE_PX
        return form * self._crowded() + EDGE_PX

    def box_on(self, to_view: QTransform) -> QRectF:
        """Return what it covers on screen."""
        place, half = to_view.map(self.scenePos()), self.reach_px()
        return QRectF(place.x() - half, place.y() - half, 2 * half, 2 * half)

    def _crowded(self) -> float:
        """Return how much smaller it is where bodies are shown small."""
        return min(1.0, max(SMALLEST_SHARE, self.on_screen(self.room) / ROOMY_PX))

    def boundingRect(self) -> QRectF:
        """Return the room that the largest form needs, in screen pixels."""
        return QRectF(-10, -10, 20, 20)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw the form that tells where the point comes from."""
        is_grown = self.is_hovered or self.is_selected
        factor = GROWN_BY if is_grown else self._crowded()
        if self.is_selected:
            self._frame(painter)
        if self.source is LandmarkSource.USER:
            self._square(painter, SQUARE_PX * factor, EDITED)
        elif self.source in (None, LandmarkSource.CONFIRMED):
            self._square(painter, SQUARE_PX * factor, self._colour)
        elif self.source is LandmarkSource.CONTOUR:
            self._ring(painter, RING_PX * factor)
        else:
            self._dot(painter, DOT_PX * factor)

    def _frame(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in self.over_halo(SELECTED, 1.4, 3.0):
            painter.setPen(pen)
            painter.drawEllipse(QPointF(), 8.0, 8.0)

    def _square(self, painter: QPainter, half: float, colour: QColor) -> None:
        painter.setPen(self.pen(HALO, 1.2))
        painter.setBrush(colour)
        painter.drawRect(QRectF(-half, -half, 2 * half, 2 * half))

    def _ring(self, painter: QPainter, radius: float) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in self.over_halo(self._colour, 1.2, 2.6):
            painter.setPen(pen)
            painter.drawEllipse(QPointF(), radius, radius)

    def _dot(self, painter: QPainter, radius: float) -> None:
        painter.setPen(self.pen(HALO, 1.0))
        painter.setBrush(self._colour)
        painter.drawEllipse(QPointF(), radius, radius)


class DrawingLayer:
    """Handles for every point of every drawing."""

    def __init__(self, parent: QGraphicsItem) -> None:
        self._parent = parent
        self._by_ref: dict[DrawnRef, HandleItem] = {}
        self._left_out: frozenset[DrawingKey] = frozenset()
        self._is_visible = True

    def show(self, drawings: Sequence[Drawing], visible: bool) -> None:
        """Show handles for these drawings and no others."""
        wanted = {
            DrawnRef(drawing.key, place): QPointF(*point)
            for drawing in drawings
            for place, point in enumerate(drawing.points)
        }
        for ref in [ref for ref in self._by_ref if ref not in wanted]:
            self._by_ref.pop(ref).remove()
        for ref, place in wanted.items():
            if ref not in self._by_ref:
                self._by_ref[ref] = HandleItem(self._parent)
            self._by_ref[ref].set_mark(ref, place, None, DRAWN)
        self.set_visible(visible)

    def set_visible(self, visible: bool) -> None:
        """Show or hide everything but what is left out."""
        self._is_visible = visible
        for ref, item in self._by_ref.items():
            item.setVisible(visible and ref.drawing not in self._left_out)

    def leave_out(self, keys: frozenset[DrawingKey]) -> None:
        """Show no handles of these drawings: their lines are not drawn either."""
        if keys != self._left_out:
            self._left_out = keys
            self.set_visible(self._is_visible)

    def handles(self) -> list[HandleItem]:
        """Return all handles in the order of the drawings."""
        return list(self._by_ref.values())


def nearest_handle(
    handles: Iterable[HandleItem], point: QPointF, px_across: float, px_down: float
) -> HandleItem | None:
    """Return the visible handle next to a point of the picture, if it is within reach.

    Parameters
    ----------
    point : QPointF
        In pixels of the picture.
    px_across, px_down : float
        Screen pixels for one picture pixel.
    """
    best, reach = None, REACH_PX**2
    for handle in handles:
        if not handle.isVisible():
            continue
        away = handle.pos() - point
        distance = (away.x() * px_across) ** 2 + (away.y() * px_down) ** 2
        if distance <= reach:
            best, reach = handle, distance
    return best
