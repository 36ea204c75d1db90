"""The menu of a right click on the picture: what can be done with what lies there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PyQt6.QtCore import QPoint, QPointF
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu

from spinealign.domain.examination import Plane
from spinealign.domain.findings import (
    BY_PERSON,
    Corrections,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.measurements import DrawingKey
from spinealign.ui.correcting.body_changes import BodyChanges
from spinealign.ui.correcting.picture_editor import PictureEditor
from spinealign.ui.picture.drawing_tools import ToolName
from spinealign.ui.picture.handles import DrawnRef, MarkRef
from spinealign.ui.picture.viewer import Viewer
from spinealign.wording.corrections import (
    confirm_corners_text,
    drawing_name,
    point_name,
    swap_facing_text,
)
from spinealign.wording.vertebrae import suggested_name

NO_BODY = "There is no vertebra"
_FOLLOWING = {
    "all others follow": (True, True),
    "those below follow": (False, True),
    "those above follow": (True, False),
}
"""Which other bodies move when one gets another level: those above, and those below."""


Ways = Sequence[tuple[str, Callable[[], None]]]
"""Commands in words that lead from a place of the picture to other series."""


class EditMenu:
    """Builds and shows the menu.

    Parameters
    ----------
    viewer : Viewer
        Whose right clicks it answers.
    editor : PictureEditor
        Knows what lies under the cursor.
    changes : BodyChanges
        What the choices do.
    """

    def __init__(self, viewer: Viewer, editor: PictureEditor, changes: BodyChanges) -> None:
        self._viewer = viewer
        self._editor = editor
        self._changes = changes
        self.ways_from: Callable[[QPointF], Ways] = lambda _: ()
        viewer.menu_requested.connect(self.show)

    def show(self, point: QPointF, where: QPoint) -> None:
        """Show the menu for a place of the picture at a place of the screen."""
        menu = self.menu_for(point)
        if menu is not None:
            menu.popup(where)

    def menu_for(self, point: QPointF) -> QMenu | None:
        """Return what can be done at a place of the picture, or None where that is nothing."""
        state = self._changes.session.corrections
        ref = self._editor.ref_at(point)
        is_bare, ways = self._changes.session.is_bare, self.ways_from(point)
        if state is None or (is_bare and not isinstance(ref, DrawnRef) and not ways):
            return None
        menu = QMenu(self._viewer)
        menu.setToolTipsVisible(True)
        menu.aboutToHide.connect(menu.deleteLater)
        body = self._viewer.picture.body_at(point)
        if isinstance(ref, DrawnRef):
            self._add_drawing(menu, ref.drawing)
        elif isinstance(ref, MarkRef):
            body = next(b for b in state.vertebrae if b.index == ref.body_index)
            self._add_point(menu, body, ref)
        if body is not None:
            self._add_body(menu, state, body)
        for text, go in ways:
            _add(menu, text, go)
        if is_bare:
            return menu
        if ways:
            menu.addSeparator()
        self._add_suggestions(menu, self._viewer.picture.suggestion_at(point))
        self._add_general(menu, state, None if body is not None else point)
        return menu

    def _add_drawing(self, menu: QMenu, key: DrawingKey) -> None:
        drawing = self._changes.session.drawing(key)
        if drawing is None:
            return
        name = drawing_name(drawing)
        if drawing.tool.is_note:
            _add(menu, f"Edit {name}…", partial(self._editor.note_wanted.emit, drawing))
        _add(menu, f"Delete {name}", partial(self._changes.delete_drawing, key))
        menu.addSeparator()

    def _add_point(self, menu: QMenu, body: Vertebra, ref: MarkRef) -> None:
        mark = body.landmark(ref.name)
        if mark is not None and mark.source is LandmarkSource.USER:
            text = f"Reset {point_name(body.name, ref.name)}"
            _add(menu, text, partial(self._changes.reset_point, body, ref))

    def _add_body(self, menu: QMenu, state: Corrections, body: Vertebra) -> None:
        self._add_open_names(menu, state, body)
        self._add_levels(menu, state, body)
        confirm = _add(
            menu,
            confirm_corners_text([body.name]),
            partial(self._changes.confirm_corners, [body.name]),
        )
        is_open = any(mark.source not in BY_PERSON for mark in body.landmarks)
        _offer(confirm, "" if is_open else "They are confirmed or placed by hand")
        is_moved = any(mark.source in BY_PERSON for mark in body.landmarks)
        text = f"Reset all points of {body.name}"
        reset = _add(menu, text, partial(self._changes.reset_points, body))
        is_added = body.state is VertebraState.ADDED
        reason = (
            "The program did not find it" if is_added else "" if is_moved else "No point was moved"
        )
        _offer(reset, reason)
        _add(menu, f"Delete {body.name}", partial(self._changes.delete, body))
        menu.addSeparator()
        for words, side in (("above", -1), ("below", 1)):
            text = f"Add a vertebra {words} {body.name}"
            _add(menu, text, partial(self._changes.add_beside, body, side))

    def _add_suggestions(self, menu: QMenu, suggestion: Vertebra | None) -> None:
        if suggestion is not None:
            text = f"Accept {suggested_name(suggestion)}"
            _add(menu, text, partial(self._changes.accept, suggestion))
        analysis = self._changes.session.analysis
        if analysis is not None and analysis.suggestions:
            text = f"Accept all suggested bodies ({len(analysis.suggestions)})"
            _add(menu, text, self._changes.accept_all)
            menu.addSeparator()

    def _add_open_names(self, menu: QMenu, state: Corrections, body: Vertebra) -> None:
        open_names = [other.name for other in state.vertebrae if other.is_name_open]
        if body.is_name_open:
            _add(menu, f"Confirm the name {body.name}", partial(self._changes.confirm, body))
        if len(open_names) > 1:
            text = f"Confirm the names of all accepted bodies ({len(open_names)})"
            _add(menu, text, self._changes.confirm_all)
        if open_names:
            menu.addSeparator()

    def _add_levels(self, menu: QMenu, state: Corrections, body: Vertebra) -> None:
        from spinealign.measure.correction.changes import possible_levels

        for who, follow in _FOLLOWING.items():
            levels = possible_levels(state, body.index, *follow)
            others = [level for level in levels if level != body.level]
            submenu = menu.addMenu(f"Rename {body.name}; {who}")
            assert submenu is not None
            submenu.setEnabled(bool(others))
            opener = submenu.menuAction()
            if opener is not None and not others:
                opener.setToolTip("No other level is free here")
            for level in others:
                _add(submenu, level, partial(self._changes.rename, body, level, *follow))

    def _add_general(self, menu: QMenu, state: Corrections, empty: QPointF | None) -> None:
        if empty is not None:
            action = _add(menu, "Add vertebra here", partial(self._changes.add_at, empty))
            _offer(action, "" if state.vertebrae else NO_BODY)
        corners = partial(self._editor.take_tool, ToolName.VERTEBRA)
        _add(menu, "Add vertebra by its four corners…", corners)
        if self._changes.session.plane is Plane.CORONAL:
            return
        menu.addSeparator()
        swap = _add(menu, swap_facing_text(state.facing), self._changes.swap_anterior_posterior)
        _offer(swap, "" if state.vertebrae else NO_BODY)


def _offer(action: QAction, reason: str) -> None:
    """Offer a command, or say why it is not possible."""
    action.setEnabled(not reason)
    action.setToolTip(reason or action.text())


def _add(menu: QMenu, text: str, act: Callable[[], object]) -> QAction:
    action = menu.addAction(text)
    assert action is not None
    action.triggered.connect(lambda: act())
    return action
