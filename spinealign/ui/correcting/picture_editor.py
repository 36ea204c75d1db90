"""Mouse and keyboard editing on the image: selects and moves points, runs drawing tools."""

from __future__ import annotations

import math
from collections.abc import Hashable
from functools import partial

from PyQt6.QtCore import QObject, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent

from spinealign.domain.findings import BY_HAND, Analysis, Vertebra
from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.ui.correcting.edit_session import EditSession
from spinealign.ui.picture.display_images import DisplayOverlay
from spinealign.ui.picture.drawing_tools import Points, PointsTool, ToolName, recipe_of
from spinealign.ui.picture.handles import DrawnRef, HandleItem, HandleRef, MarkRef, nearest_handle
from spinealign.ui.picture.loupe import Loupe
from spinealign.ui.picture.pointer import Pointer
from spinealign.ui.picture.scene import PixelReading
from spinealign.ui.picture.viewer import Viewer
from spinealign.wording.corrections import (
    HANDLE_HINT,
    TOOL_WORDS,
    drawing_name,
    landmark_text,
    point_name,
    suggestion_hint,
)

SNAP_KEY = Qt.KeyboardModifier.ShiftModifier
SNAP_RADIUS_PX = 12.0
"""How far from the cursor an edge is looked for, in screen pixels."""

START_PX = 2.0
"""A press that moves less is a click; nobody holds a mouse quite still."""

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_TABS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


class PictureEditor(QObject):
    """Implements `PointerTool` for the viewer, and turns what it does into changes of the case."""

    tool_changed = pyqtSignal(object)
    hint_changed = pyqtSignal(str)
    line_drawn = pyqtSignal(object)
    level_drawn = pyqtSignal(object)
    suggestion_clicked = pyqtSignal(object)
    note_wanted = pyqtSignal(object)
    corners_confirmed = pyqtSignal(object)

    def __init__(self, viewer: Viewer, session: EditSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._viewer = viewer
        self._picture = viewer.picture
        self._tool: PointsTool | None = None
        self._selected: HandleRef | None = None
        self._hovered: HandleRef | None = None
        self._grip: tuple[QPointF, QPointF] | None = None
        self._is_moving = False
        self._offered: Vertebra | None = None
        self._line: tuple[ToolName, Points] | None = None
        self._note: Drawing | None = None
        self._pressed = QPointF()
        self._drags = 0
        self._loupe = Loupe(viewer)
        viewer.hand = self
        self._picture.about_to_clear.connect(self._let_go)
        viewer.pixel_read.connect(self._left)
        session.began.connect(self._show)
        session.changed.connect(self._show)
        session.moved.connect(self._show_moved)

    @property
    def selected(self) -> HandleRef | None:
        """The point that keys move."""
        return self._selected

    @property
    def tool_name(self) -> ToolName:
        """The tool in the hand."""
        return self._tool.name if self._tool is not None else ToolName.POINTER

    @property
    def tool_text(self) -> str:
        """The value of what is being drawn."""
        return self._tool.text if self._tool is not None else ""

    def take_tool(self, name: ToolName) -> None:
        """Take a tool into the hand; what was begun with another is dropped."""
        if self._tool is not None:
            self._tool.remove()
            self._tool = None
        if name is not ToolName.POINTER and self.session.corrections is not None:
            self.select(None)
            self._tool = PointsTool(
                name, self._picture.root, self._viewer.to_view, self.session.measure_of,
                self._drawn, recipe_of(name, self.session.plane),
            )  # fmt: skip
            self._tool.lengths = self._picture.measures.lengths
        self._viewer.unsetCursor()
        self._tell()
        self.tool_changed.emit(self.tool_name)

    def select(self, ref: HandleRef | None) -> None:
        """Make a point the one that keys move."""
        self._selected = ref
        self._mark()
        self._tell()

    def press(self, pointer: Pointer) -> bool:
        """Set a point of a tool, or take hold of what lies under the cursor."""
        if self._tool is not None:
            self._tool.press(pointer.point)
            self._tell()
            return True
        handle = self._handle_at(pointer.point)
        self.select(handle.ref if handle is not None else None)
        if handle is None:
            self._offered = self._suggestion_at(pointer.point)
            self._pressed = pointer.point
            return self._offered is not None
        self._drags += 1
        self._grip, self._is_moving = (handle.pos(), pointer.point), False
        return True

    def drag(self, pointer: Pointer) -> None:
        """Move the point that is held; with the snap key it goes to the edge next to it."""
        if self._tool is not None:
            self._tool.trace(pointer.point)
            return
        if self._grip is None or self._selected is None:
            return
        start, pressed = self._grip
        moved = pointer.point - pressed
        if not self._is_moving and self._on_screen(moved) < START_PX:
            return
        self._is_moving = True
        place = start + moved
        if pointer.modifiers & SNAP_KEY:
            place = self._snapped(place)
        self._move_to(place, ("drag", self._drags), live=True)
        held = self._handle_of(self._selected)
        if held is not None:
            self._loupe.show_at(held.pos())

    def release(self, pointer: Pointer) -> None:
        """Let go."""
        if self._tool is not None:
            self._tool.release(pointer.point)
            self._tell()
        offered = self._offered
        self.let_go()
        if offered is not None and self._on_screen(pointer.point - self._pressed) < START_PX:
            self.suggestion_clicked.emit(offered)

    def let_go(self) -> None:
        """End what a press began, and ask what has to be asked about what it ended."""
        self._grip = self._offered = None
        self._loupe.hide()
        self.session.end_run()
        line, self._line = self._line, None
        if line is not None:
            name, points = line
            signal = self.line_drawn if name is ToolName.CALIBRATE else self.level_drawn
            signal.emit(points)
        note, self._note = self._note, None
        if note is not None:
            self.note_wanted.emit(note)

    def hover(self, pointer: Pointer) -> Qt.CursorShape | None:
        """Let the point under the cursor grow."""
        if self._tool is not None:
            self._tool.move(pointer.point)
            return Qt.CursorShape.CrossCursor
        handle = self._handle_at(pointer.point)
        offered = self._suggestion_at(pointer.point) if handle is None else None
        self._picture.suggestions.hover(offered)
        hovered = handle.ref if handle is not None else None
        if hovered != self._hovered:
            self._hovered = hovered
            self._mark()
            self._tell()
        is_free = handle is None and offered is None
        return None if is_free else Qt.CursorShape.PointingHandCursor

    def double_click(self, pointer: Pointer) -> bool:
        """Close a polygon; on a point or with a tool the picture is not fitted."""
        if self._tool is not None:
            self._tool.finish()
            self._tell()
            return True
        handle = self._handle_at(pointer.point)
        note = self._note_of(None if handle is None else handle.ref)
        if note is not None:
            self.note_wanted.emit(note)
        return handle is not None

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether a key moves the selected point or steers the tool."""
        key = event.key()
        if self._tool is not None:
            return key in (Qt.Key.Key_Escape, Qt.Key.Key_Backspace, *_ENTER)
        if self._selected is None:
            return False
        if key in _ENTER and isinstance(self._selected, MarkRef):
            return _is_confirming(event)
        if key in (Qt.Key.Key_F2, *_ENTER):
            return self._note_of(self._selected) is not None
        return key in (Qt.Key.Key_Escape, Qt.Key.Key_Delete, *_TABS, *_ARROWS)

    def key(self, event: QKeyEvent) -> bool:
        """Do what a key means for the tool or the selected point."""
        if self._tool is not None:
            return self._tool_key(self._tool, event.key())
        if event.key() in _ENTER and self._selected is None:
            return self._select_next(1)
        if event.key() == Qt.Key.Key_Menu:
            return self._ask_for_menu()
        if not self.wants_key(event):
            return False
        if event.key() in _ARROWS:
            self._nudge(*_ARROWS[Qt.Key(event.key())], event.modifiers())
        elif event.key() in _TABS:
            return self._select_next(1 if event.key() == Qt.Key.Key_Tab else -1)
        elif event.key() == Qt.Key.Key_Delete:
            self.delete_selected()
        elif isinstance(self._selected, MarkRef) and _is_confirming(event):
            self._confirm_body(self._selected.body_index)
        elif event.key() in (Qt.Key.Key_F2, *_ENTER):
            self.note_wanted.emit(self._note_of(self._selected))
        else:
            self.select(None)
        return True

    def tip(self, point: QPointF) -> str:
        """Return what the point under the cursor is, and where it comes from.

        Of a line that was measured, its name and value, which may have no room on the picture.
        """
        handle = self._handle_at(point) if self._tool is None else None
        if handle is None or handle.ref is None:
            offered = self._suggestion_at(point) if self._tool is None else None
            if offered is not None:
                return suggestion_hint(offered)
            return self._picture.measures.text_at(point)
        return self._words_of(handle.ref, full=True)

    def _confirm_body(self, body_index: int) -> None:
        state = self.session.corrections
        bodies = () if state is None else state.vertebrae
        names = [body.name for body in bodies if body.index == body_index]
        self.corners_confirmed.emit(names)

    def delete_selected(self) -> None:
        """Delete the drawing or the added body that the selected point belongs to."""
        from spinealign.measure.correction.changes import delete_drawing, delete_vertebra

        ref, state = self._selected, self.session.corrections
        if ref is None or state is None:
            return
        if isinstance(ref, DrawnRef):
            drawing = next(d for d in state.drawings if d.key == ref.drawing)
            change = partial(delete_drawing, key=ref.drawing)
            self.session.change(f"delete {drawing_name(drawing)}", change)
            return
        body = next(b for b in state.vertebrae if b.index == ref.body_index)
        if body.state in BY_HAND:
            change = partial(delete_vertebra, body_index=body.index)
            self.session.change(f"delete {body.name}", change)
        else:
            self.session.refuse(
                f"{body.name} was found by the program; a right click on it can delete it"
            )

    def ref_at(self, point: QPointF) -> HandleRef | None:
        """Return which point can be taken hold of at a place of the picture."""
        handle = self._handle_at(point)
        return handle.ref if handle is not None else None

    def _show(self, analysis: Analysis | None) -> None:
        state, overlay = self.session.corrections, self.session.overlay
        if analysis is None or state is None or overlay is None:
            return
        self._picture.update_bodies(overlay)
        self._picture.show_drawings(state.drawings)
        self._viewer.set_spacing(analysis.image.spacing_mm)
        if self._handle_of(self._selected) is None:
            self._selected = None
        if self._handle_of(self._hovered) is None:  # of a body that was deleted
            self._hovered = None
        self._mark()
        self._tell()

    def _show_moved(self, overlay: DisplayOverlay) -> None:
        state = self.session.corrections
        if state is not None:
            self._picture.update_bodies(overlay)
            self._picture.show_drawings(state.drawings)
            self._mark()

    def _left(self, reading: PixelReading | None) -> None:
        """Have nothing under the cursor once it is beside the picture."""
        if reading is None:
            self._picture.suggestions.hover(None)

    def _let_go(self) -> None:
        """Drop what belongs to a picture that goes away."""
        self._loupe.hide()
        self._selected = self._hovered = self._grip = self._offered = None
        self.take_tool(ToolName.POINTER)

    def _drawn(self, name: ToolName, points: Points) -> None:
        from spinealign.measure.correction.changes import add_drawing, add_vertebra_by_corners

        self.take_tool(ToolName.POINTER)
        if name in (ToolName.CALIBRATE, ToolName.STRAIGHTEN):
            # A dialog that opens now would get the mouse's release; a picture that turns now
            # would have it elsewhere.
            self._line = (name, points)
        elif name is ToolName.TEXT:
            [place] = points
            self._note = Drawing(DrawingTool.TEXT, 1, (place,))
        elif name is ToolName.VERTEBRA:
            change = partial(add_vertebra_by_corners, corners=points, plane=self.session.plane)
            self.session.change("add vertebra", change)
        else:
            kind = name.drawing
            assert kind is not None
            verb = "place" if kind.is_of_spine else "draw"
            self.session.change(
                f"{verb} {TOOL_WORDS[kind]}", partial(add_drawing, tool=kind, points=points)
            )

    def _move_to(self, place: QPointF, merge_key: Hashable, live: bool = False) -> None:
        from spinealign.measure.correction.changes import move_drawing_point, move_landmark

        ref = self._selected
        rect = self._picture.root.rect()
        x = min(max(place.x(), rect.left()), rect.right())
        y = min(max(place.y(), rect.top()), rect.bottom())
        if isinstance(ref, MarkRef):
            change = partial(move_landmark, body_index=ref.body_index, name=ref.name, x=x, y=y)
        elif isinstance(ref, DrawnRef):
            change = partial(move_drawing_point, key=ref.drawing, point_index=ref.point, x=x, y=y)
        else:
            return
        self.session.change(f"move {self._words_of(ref)}", change, merge_key, live)

    def _nudge(self, right: int, down: int, modifiers: Qt.KeyboardModifier) -> None:
        handle = self._handle_of(self._selected)
        if handle is None:
            return
        step = 1.0
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            step = 10.0
        elif modifiers & Qt.KeyboardModifier.AltModifier:
            step = 0.1
        place = handle.pos() + step * self._in_picture(right, down)
        self._move_to(place, ("nudge", self._selected))

    def _in_picture(self, right: int, down: int) -> QPointF:
        """Return a direction of the screen as one of the picture, one pixel long."""
        root = self._picture.root
        away = root.mapFromScene(QPointF(right, down)) - root.mapFromScene(QPointF())
        return away / math.hypot(away.x(), away.y())

    def _snapped(self, place: QPointF) -> QPointF:
        from spinealign.imaging.edges import snap_to_edge

        display = self._picture.display
        assert display is not None
        radius = max(SNAP_RADIUS_PX / max(self._viewer.zoom, 1e-6), 2.0)
        x, y = snap_to_edge(display.image.pixels, place.x(), place.y(), None, radius)
        return QPointF(x, y)

    def _tool_key(self, tool: PointsTool, key: int) -> bool:
        if key in _ENTER:
            tool.finish()
        elif key == Qt.Key.Key_Backspace:
            tool.remove_last_point()
        elif key == Qt.Key.Key_Escape:
            self.take_tool(ToolName.POINTER)
        else:
            return False
        self._tell()
        return True

    def _select_next(self, forward: int) -> bool:
        refs = [handle.ref for handle in self._picture.handles() if handle.isVisible()]
        if not refs:
            return False
        here = refs.index(self._selected) if self._selected in refs else -forward
        self.select(refs[(here + forward) % len(refs)])
        return True

    def _ask_for_menu(self) -> bool:
        handle = self._handle_of(self._selected)
        if handle is None:
            return False
        where = self._viewer.to_view(handle.pos()).toPoint()
        viewport = self._viewer.viewport()
        assert viewport is not None
        self._viewer.menu_requested.emit(handle.pos(), viewport.mapToGlobal(where))
        return True

    def _handle_at(self, point: QPointF) -> HandleItem | None:
        display = self._picture.display
        if display is None:
            return None
        zoom = self._viewer.transform().m11()
        return nearest_handle(self._picture.handles(), point, zoom, zoom * display.row_stretch)

    def _suggestion_at(self, point: QPointF) -> Vertebra | None:
        return self._picture.suggestion_at(point)

    def _handle_of(self, ref: HandleRef | None) -> HandleItem | None:
        return next((h for h in self._picture.handles() if ref is not None and h.ref == ref), None)

    def _note_of(self, ref: HandleRef | None) -> Drawing | None:
        """Return the text or arrow that a point belongs to."""
        drawing = self.session.drawing(ref.drawing) if isinstance(ref, DrawnRef) else None
        return drawing if drawing is not None and drawing.tool.is_note else None

    def _on_screen(self, moved: QPointF) -> float:
        return self._viewer.zoom * (abs(moved.x()) + abs(moved.y()))

    def _mark(self) -> None:
        for handle in self._picture.handles():
            handle.set_state(handle.ref == self._hovered, handle.ref == self._selected)

    def _tell(self) -> None:
        if self._tool is not None:
            self._viewer.set_hint(self._tool.hint)
            self.hint_changed.emit(self._tool.hint)
            return
        self._viewer.set_hint("")
        told = self._selected or self._hovered
        self.hint_changed.emit("" if told is None else f"{self._words_of(told)}: {HANDLE_HINT}")

    def _words_of(self, ref: HandleRef | None, full: bool = False) -> str:
        state = self.session.corrections
        if state is None or ref is None:
            return ""
        if isinstance(ref, DrawnRef):
            drawing = next(d for d in state.drawings if d.key == ref.drawing)
            return f"point {ref.point + 1} of {drawing_name(drawing)}"
        body = next(b for b in state.vertebrae if b.index == ref.body_index)
        mark = body.landmark(ref.name)
        return landmark_text(body, mark) if full and mark else point_name(body.name, ref.name)


def _is_confirming(event: QKeyEvent) -> bool:
    """Whether a key says that corners are right: not Enter alone, which dialogs get by the way."""
    return event.key() in _ENTER and bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
