"""What was measured, drawn over the picture: lines, arcs, plumb lines and their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
    QTransform,
)
from PyQt6.QtWidgets import QGraphicsItem

from spinealign.domain.measurements import LengthUnit, Measurement, MeasureState, StrokeKind
from spinealign.ui.picture.base_items import (
    HALO,
    Layer,
    PictureItem,
    ScreenSizedItem,
    cosmetic_pen,
)
from spinealign.ui.picture.handles import DRAWN, EDITED
from spinealign.ui.picture.label_places import (
    Box,
    Boxes,
    Label,
    Segment,
    Segments,
    leader,
    places_of,
    squares_along,
)
from spinealign.wording.measure_rows import drawn_text, has_value
from spinealign.wording.measures import short_name

Key = tuple[str, tuple[str, ...]]
AUTOMATIC = QColor("#7fd4ff")
VEIL = QColor(7, 9, 12, 240)
COLOURS = {
    MeasureState.AUTOMATIC: AUTOMATIC,
    MeasureState.EDITED: EDITED,
    MeasureState.DRAWN: DRAWN,
}
LETTER_PX = 12
_NONE: Segments = np.zeros((0, 2, 2))
MARGIN_PX = 5.0
HALO_PX, SELECTED_PX = 1.6, 1.6
"""How much wider a line is below itself, and while it stands out."""

LEADER_PX, LEADER_ALPHA = 1.2, 170
ROUND_PX = 4.0
HOVER_PX = 5.0
"""How near to a line the cursor must be to be told its value."""

_WIDTHS = {
    StrokeKind.LINE: 1.8,
    StrokeKind.EXTENSION: 1.1,
    StrokeKind.ARC: 1.6,
    StrokeKind.PLUMB: 1.4,
}
_DASHES = {
    StrokeKind.EXTENSION: Qt.PenStyle.DashLine,
    StrokeKind.PLUMB: Qt.PenStyle.DashDotLine,
}


@dataclass(frozen=True)
class Surroundings:
    """What labels of measures keep off, as rectangles on screen.

    Parameters
    ----------
    names : tuple of QRectF
        Names of bodies and slices, and notes.
    frame : tuple of QRectF
        What stands at the borders, and what lies over the view.
    handles : tuple of QRectF
        Points that can be taken hold of.
    """

    names: tuple[QRectF, ...] = ()
    frame: tuple[QRectF, ...] = ()
    handles: tuple[QRectF, ...] = ()


class StrokesItem(PictureItem):
    """The lines of one measurement."""

    def __init__(self, parent: QGraphicsItem) -> None:
        super().__init__(parent, Layer.STROKES)
        self._strokes: list[tuple[StrokeKind, QPolygonF, QRectF]] = []
        self._segments: tuple[Segments, Segments] = _NONE, _NONE
        self._bounds = QRectF()
        self._colour = AUTOMATIC
        self._is_selected = False
        self._gaps = QPainterPath()

    def set_measurement(self, measurement: Measurement, selected: bool) -> None:
        """Draw this measurement from now on."""
        self.prepareGeometryChange()
        self._colour, self._is_selected = COLOURS[measurement.state], selected
        self._strokes, self._bounds = [], QRectF()
        for stroke in measurement.strokes:
            polygon = QPolygonF([QPointF(x, y) for x, y in stroke.points])
            # A level or upright line has an empty rectangle, which meets no other.
            rect = polygon.boundingRect().adjusted(-0.1, -0.1, 0.1, 0.1)
            self._strokes.append((stroke.kind, polygon, rect))
            self._bounds = self._bounds.united(rect)
        self._segments = _segments_of(measurement)
        self.update()

    def set_gaps(self, names: Sequence[QRectF]) -> None:
        """Draw no line where names stand, given in pixels of the picture."""
        gaps = QPainterPath()
        for name in names:
            if name.intersects(self._bounds):
                gaps.addRoundedRect(name, name.height() / 4, name.height() / 4)
        if gaps != self._gaps:
            self._gaps = gaps
            self.update()

    def segments(self, to_view: QTransform) -> tuple[Segments, Segments]:
        """Return what is drawn on the screen: lines, and dashes that lead on from them."""
        to_screen = self.sceneTransform() * to_view
        turn = np.array([
            [to_screen.m11(), to_screen.m12()], [to_screen.m21(), to_screen.m22()],
        ])  # fmt: skip
        shift = np.array([to_screen.dx(), to_screen.dy()])
        solid, dashed = (one @ turn + shift for one in self._segments)
        return solid, dashed

    def areas(self, to_view: QTransform) -> list[Box]:
        """Return the rectangles on screen of closed lines: their inside is what is measured."""
        to_screen = self.sceneTransform() * to_view
        closed = [p for _, p, _ in self._strokes if p.count() > 3 and p.first() == p.last()]
        return [_sides(to_screen.map(polygon).boundingRect()) for polygon in closed]

    def is_near(self, point: QPointF) -> bool:
        """Whether a line runs by a point of the picture."""
        reach = self.grown(QRectF(point, point), HOVER_PX)
        spot = QPainterPath()
        spot.addEllipse(reach)
        for _, polygon, rect in self._strokes:
            if rect.intersects(reach):
                line = QPainterPath()
                line.addPolygon(polygon)
                if line.intersects(spot):
                    return True
        return False

    def boundingRect(self) -> QRectF:
        """Return a rectangle around all lines, in pixels of the picture."""
        return self.grown(self._bounds, MARGIN_PX)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw what is exposed; the dark below it is drawn by an item of its own."""
        pens = _pens(self._colour.rgba(), self._is_selected)
        self._stroke(painter, exposed, pens)

    def draw_halo(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw dark where the lines are, a little wider, so that they are seen on every grey."""
        self._stroke(painter, exposed, _pens(HALO.rgba(), self._is_selected, HALO_PX))

    def _stroke(self, painter: QPainter, exposed: QRectF, pens: Mapping[StrokeKind, QPen]) -> None:
        near = self.grown(exposed, MARGIN_PX)
        if not self._gaps.isEmpty():
            all_else = QPainterPath()
            all_else.addRect(self.boundingRect())
            painter.setClipPath(all_else.subtracted(self._gaps), Qt.ClipOperation.IntersectClip)
        for kind, line, rect in self._strokes:
            if rect.intersects(near):
                painter.setPen(pens[kind])
                painter.drawPolyline(line)


class HaloItem(PictureItem):
    """What is dark below the lines of one measure: below the lines of every other one, too."""

    def __init__(self, strokes: StrokesItem, parent: QGraphicsItem) -> None:
        super().__init__(parent, Layer.HALOS)
        self._strokes = strokes

    def follow(self) -> None:
        """Draw below other lines from now on."""
        self.prepareGeometryChange()
        self.update()

    def boundingRect(self) -> QRectF:
        """Return the rectangle of the lines."""
        return self._strokes.boundingRect()

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw the part inside a rectangle."""
        self._strokes.draw_halo(painter, exposed)


class ValueItem(ScreenSizedItem):
    """Name and value of one measurement, the same size at every zoom."""

    def __init__(self, parent: QGraphicsItem, layer: Layer = Layer.VALUES) -> None:
        super().__init__(parent, layer)
        self.text = ""
        self.points_middle: QPointF | None = None
        self._shift = QPointF()
        self._leader: Segment | None = None
        self._has_room = True
        self._colour = AUTOMATIC
        self._size = (0.0, 0.0)
        self._font = QFont()
        self._font.setPixelSize(LETTER_PX)

    def set_text(self, text: str, colour: QColor, selected: bool) -> None:
        """Write this from now on."""
        if (text, colour, selected) == (self.text, self._colour, self._font.bold()):
            return
        self.prepareGeometryChange()
        self._font.setBold(selected)
        self.text, self._colour = text, colour
        metrics = QFontMetricsF(self._font)
        self._size = (metrics.horizontalAdvance(text) + 10, metrics.height() + 4)
        self.update()

    @property
    def size_px(self) -> tuple[float, float]:
        """Width and height on screen."""
        return self._size

    @property
    def has_room(self) -> bool:
        """Whether it is written: nothing is, where it would cover something else."""
        return self._has_room

    @property
    def is_selected(self) -> bool:
        """Whether it stands out."""
        return self._font.bold()

    def turn(self) -> tuple[bool, bool, float]:
        """Return when its place is chosen: the selected one first, then what was drawn."""
        return not self.is_selected, self._colour != DRAWN, self.scenePos().y()

    def set_shift(self, shift_px: QPointF | None) -> None:
        """Write with the plate's corner there, in screen pixels from the label's place.

        What is written far from its place has a line that leads there.
        """
        if (shift_px is not None) != self._has_room or shift_px not in (None, self._shift):
            self.prepareGeometryChange()
            self._has_room = shift_px is not None
            self._shift = self._shift if shift_px is None else shift_px
            self._leader = leader(_sides(self.plate), (0.0, 0.0)) if self._has_room else None

    @property
    def plate(self) -> QRectF:
        """What lies behind the letters, in screen pixels from the label's place."""
        width, height = self._size if self._has_room else (0.0, 0.0)
        return QRectF(self._shift.x(), self._shift.y(), width, height)

    @property
    def has_leader(self) -> bool:
        """Whether a line leads to what the label belongs to."""
        return self._leader is not None

    def boundingRect(self) -> QRectF:
        """Return plate and leading line, in screen pixels."""
        plate = self.plate
        return plate if self._leader is None else plate.united(QRectF(-2, -2, 4, 4))

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Write on a dark plate."""
        if not self._has_room:
            return
        plate = self.plate
        if self._leader is not None:
            self._lead(painter, *self._leader)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(VEIL)
        painter.drawRoundedRect(plate, ROUND_PX, ROUND_PX)
        painter.setFont(self._font)
        painter.setPen(self._colour)
        painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), self.text)

    def _lead(
        self, painter: QPainter, start: tuple[float, float], end: tuple[float, float]
    ) -> None:
        colour = QColor(self._colour)
        colour.setAlpha(LEADER_ALPHA)
        for pen in (self.pen(HALO, LEADER_PX + HALO_PX), self.pen(colour, LEADER_PX)):
            painter.setPen(pen)
            painter.drawLine(QPointF(*start), QPointF(*end))


class MeasureLayer:
    """The measurements of a picture; only those that are switched on have items.

    Parameters
    ----------
    parent : QGraphicsItem
        Whose coordinates are pixels of the picture.
    surroundings : function
        Lays out what else is written, and says where it is on the screen.
    """

    def __init__(
        self,
        parent: QGraphicsItem,
        surroundings: Callable[[QTransform], Surroundings],
    ) -> None:
        self._parent, self._surroundings = parent, surroundings
        self._items: dict[Key, tuple[StrokesItem, ValueItem]] = {}
        self._halos: dict[Key, HaloItem] = {}
        self._drawn: dict[Key, tuple[Measurement, bool]] = {}
        self._laid_out: object = None
        self.lengths = LengthUnit.MILLIMETRES

    def set_lengths(self, lengths: LengthUnit) -> None:
        """Write lengths that a person drew in this unit, from the next time they are shown."""
        if lengths is not self.lengths:
            self.lengths = lengths
            self._drawn.clear()
            self._laid_out = None

    @property
    def keys(self) -> frozenset[Key]:
        """What is drawn now."""
        return frozenset(self._items)

    def label(self, key: Key) -> str:
        """Return what is written beside a measurement that is drawn."""
        return self._items[key][1].text

    def show(self, shown: Sequence[Measurement], selected: Key | None, visible: bool) -> None:
        """Draw these measurements and no others; what did not change is left alone."""
        wanted = {m.key: m for m in shown if m.strokes and has_value(m)}
        for key in [key for key in self._items if key not in wanted]:
            self._remove(key)
        for key, measurement in wanted.items():
            self._set(key, measurement, key == selected)
        self.set_visible(visible)

    def set_visible(self, visible: bool) -> None:
        """Show or hide everything."""
        for key, items in self._items.items():
            for item in (self._halos[key], *items):
                item.setVisible(visible)

    def lay_out(self) -> None:
        """Write labels beside their lines, inside the view, and over nothing that is to be read.

        No label lies over a name, a handle, another label, its own lines, or what is written
        at the borders; lines of other measures are kept clear of where there is room. What
        stands far away has a line that leads to its place. Where there is no room for all, the
        selected one and what was drawn by hand come first, and the last ones are left out:
        their values stand in the table, and a tool tip tells them.
        """
        scene = self._parent.scene()
        views = scene.views() if scene is not None else []
        if not views:
            return
        to_view, view = views[0].viewportTransform(), QRectF(views[0].rect())
        around = self._surroundings(to_view)
        is_whole = bool(getattr(views[0], "is_fitted", False))
        state = (QTransform(to_view), view, is_whole, around, dict(self._drawn))
        if state == self._laid_out:
            return
        self._laid_out = state
        self._leave_gaps(around.names, to_view)
        if not self._items:
            return
        uncrossed = [_sides(box) for box in (*around.names, *around.frame)]
        taken = [*uncrossed, *(_sides(box) for box in around.handles)]
        room = view.adjusted(4, 4, -4, -4)
        lines = {k: strokes.segments(to_view) for k, (strokes, _) in self._items.items()}
        everything = np.concatenate([one for both in lines.values() for one in both])
        order = sorted(self._items, key=lambda key: self._items[key][1].turn())
        labels = []
        for key in order:
            strokes, label = self._items[key]
            place = to_view.map(label.scenePos())
            limits = _sides(room) if is_whole or room.contains(place) else None
            areas = np.array(strokes.areas(to_view), np.float64).reshape(-1, 4)
            wishes = partial(_wishes, areas, *lines[key], label.is_selected)
            at, is_left = (place.x(), place.y()), self._is_left_of_points(label)
            labels.append(Label(at, label.size_px, limits, is_left, wishes))
        found = places_of(labels, _sides(view), taken, uncrossed, everything)
        for key, asked, box in zip(order, labels, found, strict=True):
            shift = None if box is None else QPointF(box[0] - asked.at[0], box[1] - asked.at[1])
            self._items[key][1].set_shift(shift)

    def _leave_gaps(self, names: Sequence[QRectF], to_view: QTransform) -> None:
        """Draw no line through a name."""
        to_picture = (self._parent.sceneTransform() * to_view).inverted()[0]
        gaps = [to_picture.mapRect(name) for name in names]
        for key, (strokes, _) in self._items.items():
            strokes.set_gaps(gaps)
            self._halos[key].update()

    def text_at(self, point: QPointF) -> str:
        """Return name and value of the measure whose line runs by a point of the picture."""
        near = (
            label.text
            for strokes, label in self._items.values()
            if strokes.isVisible() and strokes.is_near(point)
        )
        return next(near, "")

    def _set(self, key: Key, measurement: Measurement, selected: bool) -> None:
        if key not in self._items:
            strokes = StrokesItem(self._parent)
            self._items[key] = (strokes, ValueItem(self._parent))
            self._halos[key] = HaloItem(strokes, self._parent)
        if self._drawn.get(key) == (measurement, selected):
            return
        self._drawn[key] = (measurement, selected)
        strokes, label = self._items[key]
        strokes.set_measurement(measurement, selected)
        self._halos[key].follow()
        words = label_text(measurement, self.lengths)
        label.set_text(words, COLOURS[measurement.state], selected)
        label.setPos(label_point(measurement))
        label.points_middle = _middle_of_points(measurement)

    def _is_left_of_points(self, label: ValueItem) -> bool:
        """Whether a label lies to the left of what was measured, as the picture is shown."""
        middle = label.points_middle
        if middle is None:
            return False
        return label.scenePos().x() < self._parent.mapToScene(middle).x()

    def _remove(self, key: Key) -> None:
        self._drawn.pop(key, None)
        self._laid_out = None
        for item in (self._halos.pop(key), *self._items.pop(key)):
            item.remove()


def label_text(measurement: Measurement, lengths: LengthUnit) -> str:
    """Return a short name and the value: "C2–C7 Cobb  12.3°"."""
    return f"{short_name(measurement)}  {drawn_text(measurement, lengths)}"


def _wishes(areas: Boxes, solid: Segments, dashed: Segments, is_selected: bool) -> Iterator[Boxes]:
    """Yield what a label keeps off, made when it is asked for: most find a place at once."""
    yield areas
    own = np.concatenate([areas, squares_along(solid)])
    yield np.concatenate([own, squares_along(dashed)])
    yield own
    if is_selected:
        yield areas[:0]


def _segments_of(measurement: Measurement) -> tuple[Segments, Segments]:
    """Return lines and dashes of a measurement, in pixels of the picture."""
    lines: list[Segment] = []
    dashes: list[Segment] = []
    for stroke in measurement.strokes:
        points = [(float(x), float(y)) for x, y in stroke.points]
        (dashes if stroke.kind in _DASHES else lines).extend(pairwise(points))
    solid, dashed = (np.array(one, np.float64).reshape(-1, 2, 2) for one in (lines, dashes))
    return solid, dashed


def _sides(box: QRectF) -> Box:
    return box.left(), box.top(), box.right(), box.bottom()


def label_point(measurement: Measurement) -> QPointF:
    """Return where the value stands: at the arc, else at the plumb line, else at the line."""
    by_kind: Mapping[StrokeKind, list] = {kind: [] for kind in StrokeKind}
    for stroke in measurement.strokes:
        by_kind[stroke.kind].append(stroke.points)
    if by_kind[StrokeKind.ARC]:
        points = by_kind[StrokeKind.ARC][0]
        return QPointF(*points[len(points) // 2])
    if by_kind[StrokeKind.PLUMB]:
        return QPointF(*by_kind[StrokeKind.PLUMB][0][-1])
    lines = by_kind[StrokeKind.LINE] or by_kind[StrokeKind.EXTENSION]
    (x0, y0), (x1, y1) = lines[-1][0], lines[-1][-1]
    if (x0, y0) == (x1, y1):
        return QPointF(*max(lines[-1]))
    return QPointF((x0 + x1) / 2, (y0 + y1) / 2)


def _middle_of_points(measurement: Measurement) -> QPointF | None:
    points = measurement.points
    if not points:
        return None
    xs, ys = zip(*((point.x, point.y) for point in points), strict=True)
    return QPointF(sum(xs) / len(xs), sum(ys) / len(ys))


@cache
def _pens(rgba: int, selected: bool, wider: float = 0.0) -> dict[StrokeKind, QPen]:
    pens = {}
    for kind, width in _WIDTHS.items():
        width_px = width + wider + (SELECTED_PX if selected else 0.0)
        solid = Qt.PenStyle.SolidLine
        style = solid if wider else _DASHES.get(kind, solid)
        pens[kind] = cosmetic_pen(QColor.fromRgba(rgba), width_px, style)
    return pens
