"""Scene items of vertebral bodies: outline, name and one handle for each landmark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QTransform,
)
from PyQt6.QtWidgets import QGraphicsItem

from spinealign.domain.findings import BY_PERSON, LandmarkName, Vertebra
from spinealign.ui.picture.base_items import (
    HALO,
    Layer,
    PictureItem,
    ScreenSizedItem,
    cosmetic_pen,
)
from spinealign.ui.picture.display_images import DisplayBody
from spinealign.ui.picture.handles import HandleItem, MarkRef
from spinealign.ui.picture.lookup_items import OutlineItem

LETTER_PX = 14
SUGGESTED_WIDTH, HOVERED_ALPHA = 1.8, 70
GAP_PX = 6.0
STEPS_AWAY_PX = (0.0, 3.0, 6.0, 9.0, 12.0)
"""How much further from its body a name may stand to lie over no handle."""


class NameItem(ScreenSizedItem):
    """Writes a body's name beside it, the same size at every zoom.

    Where bodies are shown so small that names would lie on each other, every second one or
    fewer are written, counted from the top: `lay_out_names` decides.
    """

    def __init__(self, body: DisplayBody, parent: QGraphicsItem) -> None:
        super().__init__(parent, Layer.NAMES)
        self.name = ""
        self.apart = math.inf
        self._away = (0.0, 0.0)
        self._step = 0.0
        self._has_room = True
        self.set_body(body)

    def set_body(self, body: DisplayBody) -> None:
        """Follow the body."""
        self.setPos(QPointF(*body.place))
        self.index = body.vertebra.index
        self._colour = body.colour.lighter(150)
        self._body_away = body.away
        self._write(body.name)

    def turn(self) -> None:
        """Stay beside the body when the picture is turned."""
        self._write(self.name)

    def _write(self, name: str) -> None:
        away = self._seen(self._body_away)
        if (name, away) != (self.name, self._away):
            self.prepareGeometryChange()
            self.name, self._away = name, away
            self._path = _written(name, away)
        self.update()

    def _seen(self, away: tuple[float, float]) -> tuple[float, float]:
        """Return a direction of the picture as one of the screen."""
        picture = self.parentItem()
        if picture is None:
            return away
        to_scene = picture.transform()
        x, y = away
        right = to_scene.m11() * x + to_scene.m21() * y
        down = to_scene.m12() * x + to_scene.m22() * y
        length = math.hypot(right, down)
        return (right / length, down / length) if length else away

    def every(self) -> int:
        """Return of how many names in a row one has room, `apart` being to the next place."""
        return max(1, math.ceil(LETTER_PX / max(self.on_screen(self.apart), 1.0)))

    @property
    def is_shown(self) -> bool:
        """Whether it is written now."""
        return self.isVisible() and self._has_room

    def boxes_on(self, to_view: QTransform) -> list[QRectF]:
        """Return what it covers on screen at every distance that it may have, nearest first."""
        letters = self._path.boundingRect().adjusted(-3, -3, 3, 3)
        place, (x, y) = to_view.map(self.scenePos()), self._away
        return [letters.translated(place + QPointF(s * x, s * y)) for s in STEPS_AWAY_PX]

    def stand(self, step: int | None) -> None:
        """Stand that many steps away from the body, or nowhere."""
        away = self._step if step is None else STEPS_AWAY_PX[step]
        if (step is not None, away) != (self._has_room, self._step):
            self.prepareGeometryChange()
            self._has_room, self._step = step is not None, away
            self.update()

    def boundingRect(self) -> QRectF:
        """Return the rectangle around the letters, in screen pixels about the outline's point."""
        x, y = self._away
        letters = self._path.boundingRect().adjusted(-3, -3, 3, 3)
        return letters.translated(self._step * x, self._step * y)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw the letters with a dark halo."""
        if not self.is_shown:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(self._step * self._away[0], self._step * self._away[1])
        painter.strokePath(self._path, self.pen(HALO, 3.0))
        painter.fillPath(self._path, self._colour)


def _written(name: str, away: tuple[float, float]) -> QPainterPath:
    """Return the letters of a name, clear of the body whatever the direction."""
    font = QFont()
    font.setPixelSize(LETTER_PX)
    font.setBold(True)
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(name), metrics.capHeight()
    x, y = away
    clear = (abs(x) * width + abs(y) * height) / 2 + GAP_PX
    path = QPainterPath()
    path.addText(clear * x - width / 2, clear * y + height / 2, font, name)
    return path


def lay_out_names(
    bodies: Sequence[NameItem],
    others: Sequence[NameItem],
    handles: Sequence[QRectF],
    to_view: QTransform,
    room: QRectF | None,
) -> list[QRectF]:
    """Write names over no other name and no handle; return what they cover on screen.

    Parameters
    ----------
    bodies, others : sequence of NameItem
        In a column, of which every second, third, ... is written where they lie too near to each
        other; and those that are written where there is room left.
    handles : sequence of QRectF
        What points cover on screen.
    to_view : QTransform
        From the scene to the view.
    room : QRectF or None
        What a name does not leave, where the whole picture is shown.
    """
    written: list[QRectF] = []
    for name in (*bodies, *others):
        if not name.isVisible():
            continue
        is_due = name in others or (name.index - 1) % name.every() == 0
        free = (
            (step, box)
            for step, box in (_free_steps(name, handles, to_view, room) if is_due else ())
            if not any(box.intersects(other) for other in written)
        )
        step, box = next(free, (None, QRectF()))
        name.stand(step)
        if step is not None:
            written.append(box)
    return written


def _free_steps(
    name: NameItem, handles: Sequence[QRectF], to_view: QTransform, room: QRectF | None
) -> list[tuple[int, QRectF]]:
    """Return the distances at which a name lies over no handle, with what it covers there."""
    boxes = name.boxes_on(to_view)
    reach = boxes[0].united(boxes[-1])
    near = [handle for handle in handles if handle.intersects(reach)]
    return [
        (step, box)
        for step, box in enumerate(boxes)
        if (room is None or room.contains(box)) and not any(box.intersects(h) for h in near)
    ]


class BodyGroup:
    """All items of one vertebral body."""

    def __init__(self, body: DisplayBody, parent: QGraphicsItem) -> None:
        self.body = body
        self._parent = parent
        self.outline = OutlineItem(body.outline, parent)
        self.name = NameItem(body, parent)
        self.handles: dict[LandmarkName, HandleItem] = {}
        self._set_handles(body)

    @property
    def items(self) -> tuple[PictureItem, ...]:
        """Everything that is drawn."""
        return (self.outline, self.name, *self.handles.values())

    @property
    def is_of_mask(self) -> bool:
        """Whether the body is a class of the mask, so that its outline stands for that class."""
        return self.body.class_id is not None

    def set_body(self, body: DisplayBody) -> None:
        """Follow the body; what did not change is not drawn again."""
        if body is self.body:
            return
        self.body = body
        self.outline.set_levels(body.outline)
        self.name.set_body(body)
        self._set_handles(body)

    def set_room(self, apart: float) -> None:
        """Fit name and handles to the distance of the next body, in pixels of the picture."""
        self.name.apart = apart
        for handle in self.handles.values():
            handle.room = apart

    def style(self, pen: QPen, fill: QColor | None, opacity: float, shown: bool) -> None:
        """Draw the outline so, and names and handles as opaque as that."""
        self.outline.set_pen(pen)
        self.outline.set_fill(fill)
        self.outline.setVisible(shown and (self.is_of_mask or is_edited(self.body)))
        for item in (self.name, *self.handles.values()):
            item.setVisible(shown)
            item.setOpacity(opacity)

    def _set_handles(self, body: DisplayBody) -> None:
        wanted = {mark.name: mark for mark in body.vertebra.landmarks}
        for name in [name for name in self.handles if name not in wanted]:
            self.handles.pop(name).remove()
        for name, mark in wanted.items():
            if name not in self.handles:
                self.handles[name] = HandleItem(self._parent)
            ref = MarkRef(body.vertebra.index, mark.name)
            self.handles[name].set_mark(ref, QPointF(mark.x, mark.y), mark.source, body.colour)


class BodyLayer:
    """The vertebral bodies of a picture; changed bodies keep their items."""

    def __init__(self, parent: QGraphicsItem) -> None:
        self._parent = parent
        self.groups: list[BodyGroup] = []

    def show(self, bodies: Sequence[DisplayBody]) -> None:
        """Show these bodies and no others."""
        while len(self.groups) > len(bodies):
            for item in self.groups.pop().items:
                item.remove()
        for group, body in zip(self.groups, bodies, strict=False):
            group.set_body(body)
        self.groups += [BodyGroup(body, self._parent) for body in bodies[len(self.groups) :]]
        self._space()

    def _space(self) -> None:
        """Tell names and handles how much room there is between neighbours."""
        for upper, lower in pairwise(self.groups):
            (x, y), (next_x, next_y) = upper.body.place, lower.body.place
            apart = math.hypot(next_x - x, next_y - y)
            upper.set_room(apart)
            lower.set_room(apart)

    def turn(self) -> None:
        """Keep names beside their bodies when the picture is turned."""
        for name in self.names():
            name.turn()

    def names(self) -> list[NameItem]:
        """Return the names of all bodies, from the top body down."""
        return [group.name for group in self.groups]

    def body_at(self, point: QPointF) -> Vertebra | None:
        """Return the body that lies at a point of the picture, or None."""
        hits = (group.body.vertebra for group in self.groups if group.outline.holds(point))
        return next(hits, None)

    def handles(self) -> list[HandleItem]:
        """Return all handles, from the top body down."""
        return [handle for group in self.groups for handle in group.handles.values()]


class SuggestionLayer:
    """Bodies that were seen and are not counted: dashed, with a name, and without handles."""

    def __init__(self, parent: QGraphicsItem) -> None:
        self._parent = parent
        self._items: list[tuple[DisplayBody, OutlineItem, NameItem]] = []
        self._hovered: Vertebra | None = None

    def show(self, bodies: Sequence[DisplayBody], visible: bool) -> None:
        """Show these and no others."""
        if [body for body, _, _ in self._items] != list(bodies):
            self._drop()
            self._items = [self._drawn(body) for body in bodies]
        self.set_visible(visible)

    def set_visible(self, visible: bool) -> None:
        """Show or hide all of them."""
        for _, outline, name in self._items:
            outline.setVisible(visible)
            name.setVisible(visible)

    def turn(self) -> None:
        """Keep names beside their bodies when the picture is turned."""
        for name in self.names():
            name.turn()

    def names(self) -> list[NameItem]:
        """Return the names of all suggestions."""
        return [name for _, _, name in self._items]

    def at(self, point: QPointF) -> Vertebra | None:
        """Return the suggestion that is shown at a point of the picture, or None."""
        hits = (b.vertebra for b, o, _ in self._items if o.isVisible() and o.holds(point))
        return next(hits, None)

    def hover(self, suggestion: Vertebra | None) -> None:
        """Fill the one under the cursor."""
        if suggestion is self._hovered:
            return
        self._hovered = suggestion
        for body, outline, _ in self._items:
            outline.set_fill(_faint(body.colour) if body.vertebra is suggestion else None)

    def _drawn(self, body: DisplayBody) -> tuple[DisplayBody, OutlineItem, NameItem]:
        outline, name = OutlineItem(body.outline, self._parent), NameItem(body, self._parent)
        colour = body.colour.lighter(150)
        outline.set_pen(cosmetic_pen(colour, SUGGESTED_WIDTH, Qt.PenStyle.DashLine))
        return body, outline, name

    def _drop(self) -> None:
        for _, outline, name in self._items:
            outline.remove()
            name.remove()
        self._items, self._hovered = [], None


def _faint(colour: QColor) -> QColor:
    fill = QColor(colour)
    fill.setAlpha(HOVERED_ALPHA)
    return fill


def is_edited(body: DisplayBody) -> bool:
    """Whether a person stands for a point of this body."""
    return any(mark.source in BY_PERSON for mark in body.vertebra.landmarks)
