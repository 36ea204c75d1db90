"""Texts and arrows that a person put on the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PyQt6.QtCore import QPointF, QRectF, QSizeF
from PyQt6.QtGui import QPainter, QPolygonF
from PyQt6.QtWidgets import QGraphicsItem

from spinealign.domain.measurements import Drawing, DrawingKey, DrawingTool
from spinealign.ui.picture.base_items import Layer, PictureItem
from spinealign.ui.picture.handles import DRAWN
from spinealign.ui.picture.label_places import GAP_PX
from spinealign.ui.picture.measure_overlay import ValueItem

HEAD_PX, HEAD_DEG = 13.0, 24.0
"""Length of an arrow's head on screen, and how far its edges open from the shaft."""

LINE_PX, HALO_PX, MARGIN_PX = 2.0, 4.2, 18.0


class ArrowItem(PictureItem):
    """An arrow whose head has the same size on screen at every zoom; the first point is its tip."""

    def __init__(self, parent: QGraphicsItem) -> None:
        super().__init__(parent, Layer.STROKES)
        self._ends = (QPointF(), QPointF())

    def set_ends(self, tip: QPointF, tail: QPointF) -> None:
        """Point at `tip` from `tail`, in pixels of the picture."""
        if (tip, tail) != self._ends:
            self.prepareGeometryChange()
            self._ends = (tip, tail)

    def boundingRect(self) -> QRectF:
        """Return a rectangle around shaft and head."""
        tip, tail = self._ends
        return self.grown(QRectF(tip, tail).normalized(), MARGIN_PX)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw dark below bright."""
        shapes = [QPolygonF([*reversed(self._ends)]), self._head(painter)]
        for pen in self.over_halo(DRAWN, LINE_PX, HALO_PX):
            painter.setPen(pen)
            for shape in shapes:
                painter.drawPolyline(shape)

    def _head(self, painter: QPainter) -> QPolygonF:
        device = painter.worldTransform()
        across = max(math.hypot(device.m11(), device.m12()), 1e-6)
        down = max(math.hypot(device.m21(), device.m22()), 1e-6)
        tip, tail = self._ends
        way = math.atan2((tail.y() - tip.y()) * down, (tail.x() - tip.x()) * across)
        turns = (way + math.radians(HEAD_DEG), way - math.radians(HEAD_DEG))
        barbs = [
            tip + QPointF(HEAD_PX * math.cos(a) / across, HEAD_PX * math.sin(a) / down)
            for a in turns
        ]
        return QPolygonF([barbs[0], tip, barbs[1]])


class NoteLayer:
    """The texts and arrows of a picture."""

    def __init__(self, parent: QGraphicsItem) -> None:
        self._parent = parent
        self._arrows: dict[DrawingKey, ArrowItem] = {}
        self._texts: dict[DrawingKey, ValueItem] = {}

    @property
    def texts(self) -> dict[DrawingKey, str]:
        """What is written, by drawing."""
        return {key: item.text for key, item in self._texts.items()}

    @property
    def keys(self) -> frozenset[DrawingKey]:
        """What is drawn now."""
        return frozenset(
            key
            for items in (self._arrows, self._texts)
            for key, item in items.items()
            if item.isVisible()
        )

    def show(self, drawings: Sequence[Drawing], visible: bool) -> None:
        """Show the notes among these drawings and no others."""
        notes = {drawing.key: drawing for drawing in drawings if drawing.tool.is_note}
        arrows = {key for key in notes if key[0] is DrawingTool.ARROW}
        texts = {key for key, note in notes.items() if note.text}
        _keep(self._arrows, arrows)
        _keep(self._texts, texts)
        for key in arrows:
            if key not in self._arrows:
                self._arrows[key] = ArrowItem(self._parent)
            tip, tail = (QPointF(*point) for point in notes[key].points[:2])
            self._arrows[key].set_ends(tip, tail)
        for key in texts:
            if key not in self._texts:
                self._texts[key] = ValueItem(self._parent)
            self._texts[key].set_text(notes[key].text, DRAWN, False)
            self._texts[key].setPos(QPointF(*notes[key].points[-1]))
        self.set_visible(visible)

    def set_visible(self, visible: bool) -> None:
        """Show or hide everything."""
        for item in (*self._arrows.values(), *self._texts.values()):
            item.setVisible(visible)

    def lay_out(self) -> list[ValueItem]:
        """Write every text beside its point, on the side that has room; return those seen."""
        scene = self._parent.scene()
        views = scene.views() if scene is not None else []
        shown = [item for item in self._texts.values() if item.isVisible()]
        if not views:
            return shown
        room, to_view = QRectF(views[0].rect()), views[0].viewportTransform()
        for item in shown:
            width, height = item.size_px
            place = to_view.map(item.scenePos())
            right = QRectF(place + QPointF(GAP_PX, -height / 2), QSizeF(width, height))
            is_left = right.right() > room.right() and place.x() - GAP_PX - width >= room.left()
            item.set_shift(QPointF(-GAP_PX - width if is_left else GAP_PX, -height / 2))
        return shown


def _keep(
    items: dict[DrawingKey, ArrowItem] | dict[DrawingKey, ValueItem], wanted: set[DrawingKey]
) -> None:
    for key in [key for key in items if key not in wanted]:
        items.pop(key).remove()
