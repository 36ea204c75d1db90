"""Tools that set points one by one: drawings, calibration, a new body, femoral heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from PyQt6.QtCore import QPointF
from PyQt6.QtWidgets import QApplication, QGraphicsItem

from spinealign.domain.examination import Plane
from spinealign.domain.measurements import Drawing, DrawingTool, LengthUnit, Measurement, Point
from spinealign.ui.picture.base_items import Layer
from spinealign.ui.picture.handles import DRAWN, EDITED
from spinealign.ui.picture.label_places import GAP_PX
from spinealign.ui.picture.measure_overlay import ValueItem
from spinealign.ui.picture.rubber_band import RubberBandItem, chain, two_lines
from spinealign.wording.measure_rows import drawn_text

Points = tuple[Point, ...]
SAME_PLACE_PX = 3.0
"""Screen pixels within which a second point is an accident, such as a double click's."""


class ToolName(StrEnum):
    """Which tool is in the hand; `POINTER` takes hold of handles."""

    POINTER = "pointer"
    DISTANCE = "distance"
    ANGLE = "angle"
    COBB = "cobb"
    AREA = "area"
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    TEXT = "text"
    ARROW = "arrow"
    FEMORAL_HEADS = "femoral_heads"
    PLUMB_POINTS = "plumb_points"
    CHEST_EDGES = "chest_edges"
    CALIBRATE = "calibrate"
    VERTEBRA = "vertebra"
    STRAIGHTEN = "straighten"

    @property
    def drawing(self) -> DrawingTool | None:
        """The kind of drawing that it makes."""
        kinds = {kind.value: kind for kind in DrawingTool}
        return kinds.get(self.value)


@dataclass(frozen=True)
class Recipe:
    """How many points a tool needs, and what is said before each of them.

    `count` is None for a polygon, which ends with a double click, Enter, or a click on
    its first point.
    """

    count: int | None
    hints: tuple[str, ...]
    pairs: Callable[[int], list[tuple[int, int]]] = chain


RECIPES = {
    ToolName.DISTANCE: Recipe(2, ("Distance: click the first point", "Click the second point")),
    ToolName.ANGLE: Recipe(
        3,
        (
            "Angle: click a point on the first arm",
            "Click the vertex",
            "Click a point on the second arm",
        ),
    ),
    ToolName.COBB: Recipe(
        4,
        (
            "Cobb angle: click one end of the first line",
            "Click the other end of the first line",
            "Click one end of the second line",
            "Click the other end of the second line",
        ),
        two_lines,
    ),
    ToolName.AREA: Recipe(
        None,
        (
            "Area: click the first point of the border, or trace it with the button held",
            "Click the next point",
            "Click the next point; double click or Enter closes the border",
        ),
        lambda count: chain(count, closed=True),
    ),
    ToolName.RECTANGLE: Recipe(
        2, ("Rectangle: click one corner", "Click the opposite corner"), lambda count: []
    ),
    ToolName.ELLIPSE: Recipe(
        2,
        (
            "Ellipse: click a corner of the box around it",
            "Click the opposite corner of the box",
        ),
        lambda count: [],
    ),
    ToolName.TEXT: Recipe(1, ("Text: click where it stands",)),
    ToolName.ARROW: Recipe(2, ("Arrow: click what it points at", "Click its other end")),
    ToolName.FEMORAL_HEADS: Recipe(
        4,
        (
            "Femoral heads: click a point on the rim of one head",
            "Click the opposite point of its rim",
            "Click a point on the rim of the other head, or of the same one if both coincide",
            "Click the opposite point of its rim",
        ),
        two_lines,
    ),
    ToolName.PLUMB_POINTS: Recipe(
        2,
        ("Plumb line: click the middle of C7", "Click the middle of S1, at its upper endplate"),
    ),
    ToolName.CHEST_EDGES: Recipe(
        2,
        (
            "Chest edges: click the edge of the chest on the left of the picture",
            "Click the edge on the right, at the same height",
        ),
    ),
    ToolName.CALIBRATE: Recipe(
        2,
        (
            "Calibration: click one end of a length that you know, such as a ruler",
            "Click the other end",
        ),
    ),
    ToolName.STRAIGHTEN: Recipe(
        2,
        (
            "Straighten: click one end of what ought to be level or upright",
            "Click the other end",
        ),
    ),
    ToolName.VERTEBRA: Recipe(
        4,
        (
            "New vertebra: click its anterior-superior corner",
            "Click its posterior-superior corner",
            "Click its posterior-inferior corner",
            "Click its anterior-inferior corner",
        ),
        lambda count: chain(count, closed=count == 4),
    ),
}

_VERTEBRA_FROM_FRONT = Recipe(
    4,
    (
        "New vertebra: click its upper corner on the left of the picture",
        "Click its upper corner on the right",
        "Click its lower corner on the right",
        "Click its lower corner on the left",
    ),
    RECIPES[ToolName.VERTEBRA].pairs,
)


def recipe_of(name: ToolName, plane: Plane) -> Recipe:
    """Return how a tool is used on an image of a plane."""
    is_from_front = name is ToolName.VERTEBRA and plane is Plane.CORONAL
    return _VERTEBRA_FROM_FRONT if is_from_front else RECIPES[name]


FRONTAL_TOOLS = (ToolName.PLUMB_POINTS, ToolName.CHEST_EDGES)
"""Tools for what measures of frontal films rest on."""

_SHOWN_WHOLE = (ToolName.FEMORAL_HEADS, ToolName.RECTANGLE, ToolName.ELLIPSE)
"""Tools of which the lines measured are shown, and not those between the points."""

TRACE_PX, THIN_PX, FEWEST_TRACED = 4.0, 0.75, 4
"""Screen pixels from point to point of a traced border, and how far off its line a point must lie
to be kept; a press that moves over fewer points is a click."""

ENDING = "Backspace removes the last point, Esc cancels"


class PointsTool:
    """Collects the points of one drawing and shows what they make so far.

    Parameters
    ----------
    name : ToolName
    parent : QGraphicsItem
        Where the rubber band is drawn; its coordinates are pixels of the picture.
    to_view : callable
        Gives the place on screen of a point of the picture.
    measure : callable
        Measures a drawing; without a value while it is not finished.
    done : callable
        Is given the tool and its points when there are enough.
    recipe : Recipe
    """

    def __init__(
        self,
        name: ToolName,
        parent: QGraphicsItem,
        to_view: Callable[[QPointF], QPointF],
        measure: Callable[[Drawing], Measurement | None],
        done: Callable[[ToolName, Points], None],
        recipe: Recipe,
    ) -> None:
        self.name = name
        self.lengths = LengthUnit.MILLIMETRES
        self.points: list[Point] = []
        self._recipe = recipe
        self._to_view = to_view
        self._measure = measure
        self._done = done
        self._cursor: Point | None = None
        self._traced = 0
        self._band = RubberBandItem(EDITED if name is ToolName.VERTEBRA else DRAWN, parent)
        self._value = ValueItem(parent, Layer.UNFINISHED)
        self._value.hide()

    @property
    def text(self) -> str:
        """The value that is shown beside the cursor."""
        return self._value.text if self._value.isVisible() else ""

    @property
    def hint(self) -> str:
        """What to do next."""
        hints = self._recipe.hints
        return f"{hints[min(len(self.points), len(hints) - 1)]}   ({ENDING})"

    @property
    def shape(self) -> Points:
        """The points set and the cursor, for a value that is shown while drawing."""
        cursor = [] if self._cursor is None else [self._cursor]
        return (*self.points, *cursor)

    def press(self, point: QPointF) -> None:
        """Set a point."""
        self._cursor = None
        place = (point.x(), point.y())
        if self._closes(place):
            self.finish()
            return
        if not self.points or self._apart(self.points[-1], place) > SAME_PLACE_PX:
            self.points.append(place)
        self._draw()
        if len(self.points) == self._recipe.count:
            self.finish()

    def move(self, point: QPointF) -> None:
        """Let the rubber band follow the cursor."""
        self._cursor = (point.x(), point.y())
        self._draw()

    def trace(self, point: QPointF) -> None:
        """Follow the cursor with the button held: the border of an area is drawn freehand."""
        place = (point.x(), point.y())
        is_border = self._recipe.count is None and bool(self.points)
        if is_border and self._apart(self.points[-1], place) >= TRACE_PX:
            self.points.append(place)
            self._traced += 1
        self.move(point)

    def release(self, point: QPointF) -> None:
        """Set the second point of a line that was drawn in one go, or close a traced border."""
        traced, self._traced = self._traced, 0
        if traced >= FEWEST_TRACED:
            self._thin_out()
            self.finish()
            return
        place = (point.x(), point.y())
        far = QApplication.startDragDistance()
        if self.points and self._apart(self.points[-1], place) > far:
            self.press(point)

    def remove_last_point(self) -> bool:
        """Take the last point back; return whether there was one."""
        if self.points:
            self.points.pop()
            self._draw()
            return True
        return False

    def finish(self) -> None:
        """Hand the points over, if they are enough."""
        needed = self._recipe.count or 3
        if len(self.points) >= needed:
            points = tuple(self.points)
            self.clear()
            self._done(self.name, points)

    def clear(self) -> None:
        """Begin again."""
        self.points, self._cursor = [], None
        self._draw()

    def remove(self) -> None:
        """Take the rubber band off the picture."""
        self._band.remove()
        self._value.remove()

    def _thin_out(self) -> None:
        """Leave the points of a traced border out that lie on the line between others."""
        import cv2
        import numpy as np

        far = self._apart((0.0, 0.0), (1.0, 0.0))
        points = np.array(self.points, np.float32)[:, None, :]
        kept = cv2.approxPolyDP(points, THIN_PX / max(far, 1e-6), True)[:, 0, :]
        if len(kept) >= 3:
            self.points = [(float(x), float(y)) for x, y in kept.tolist()]

    def _closes(self, place: Point) -> bool:
        is_polygon = self._recipe.count is None and len(self.points) >= 3
        return is_polygon and self._apart(self.points[0], place) <= 3 * SAME_PLACE_PX

    def _apart(self, one: Point, other: Point) -> float:
        away = self._to_view(QPointF(*one)) - self._to_view(QPointF(*other))
        return (away.x() ** 2 + away.y() ** 2) ** 0.5

    def _draw(self) -> None:
        shape = self.shape
        kind = self.name.drawing
        taken = self._measure(Drawing(kind, 1, shape)) if kind is not None and shape else None
        circles = taken.strokes if taken and self.name in _SHOWN_WHOLE else ()
        self._band.set_points(shape, self._recipe.pairs(len(shape)), circles)
        text = "" if taken is None else drawn_text(taken, self.lengths)
        self._value.setVisible(bool(text))
        if text:
            self._value.set_text(text, DRAWN, False)
            self._value.set_shift(QPointF(GAP_PX, GAP_PX))
            self._value.setPos(QPointF(*shape[-1]))
