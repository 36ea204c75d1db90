"""Lines where slices of other series cut the picture, each with the name of its slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QGraphicsItem

from spinealign.domain.measurements import Point
from spinealign.ui.picture.base_items import HALO, Layer, PictureItem, cosmetic_pen
from spinealign.ui.picture.label_places import Box, Label, places_of
from spinealign.ui.picture.measure_overlay import ValueItem

COLOUR = QColor("#c3f58a")
LINE_PX, HALO_PX, MARGIN_PX = 1.3, 3.2, 6.0


@dataclass(frozen=True)
class ReferenceLine:
    """From `start` to `end` in pixels of the picture; `name` says which slice cuts it there."""

    start: Point
    end: Point
    name: str


class LineItem(PictureItem):
    """One dashed line."""

    def __init__(self, line: QLineF, parent: QGraphicsItem) -> None:
        super().__init__(parent, Layer.MARK)
        self._line = line

    def boundingRect(self) -> QRectF:
        """Return a rectangle around the line."""
        ends = QRectF(self._line.p1(), self._line.p2()).normalized()
        return self.grown(ends.adjusted(-0.1, -0.1, 0.1, 0.1), MARGIN_PX)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw dark below bright."""
        dashes = Qt.PenStyle.DashLine
        for pen in (cosmetic_pen(HALO, HALO_PX), cosmetic_pen(COLOUR, LINE_PX, dashes)):
            painter.setPen(pen)
            painter.drawLine(self._line)


class ReferenceLayer:
    """The reference lines of a picture."""

    def __init__(self, parent: QGraphicsItem) -> None:
        self._parent = parent
        self.lines: tuple[ReferenceLine, ...] = ()
        self._items: list[tuple[LineItem, ValueItem]] = []

    def show(self, lines: Sequence[ReferenceLine]) -> None:
        """Show these lines and no others."""
        if tuple(lines) == self.lines:
            return
        for items in self._items:
            for item in items:
                item.remove()
        self.lines = tuple(lines)
        self._items = [self._drawn(line) for line in lines]

    def lay_out(self, covered: Sequence[QRectF] = ()) -> list[ValueItem]:
        """Write every name at an end of its line, inside the view; return what is written.

        `covered` is where words stand on the screen already.
        """
        scene = self._parent.scene()
        views = scene.views() if scene is not None else []
        names = [name for _, name in self._items]
        if not views:
            return names
        view, to_view = QRectF(views[0].rect()).adjusted(4, 4, -4, -4), views[0].viewportTransform()
        limits = (view.left(), view.top(), view.right(), view.bottom())
        taken: list[Box] = [(b.left(), b.top(), b.right(), b.bottom()) for b in covered]
        places = [to_view.map(name.scenePos()) for name in names]
        labels = [
            Label((place.x(), place.y()), name.size_px, limits)
            for place, name in zip(places, names, strict=True)
        ]
        found = places_of(labels, limits, taken)
        for name, place, box in zip(names, places, found, strict=True):
            name.set_shift(None if box is None else QPointF(box[0], box[1]) - place)
        return [name for name in names if name.has_room]

    def _drawn(self, line: ReferenceLine) -> tuple[LineItem, ValueItem]:
        ends = QLineF(QPointF(*line.start), QPointF(*line.end))
        name = ValueItem(self._parent)
        name.set_text(line.name, COLOUR, False)
        name.setPos(max((ends.p1(), ends.p2()), key=lambda end: (end.x(), -end.y())))
        return LineItem(ends, self._parent), name
