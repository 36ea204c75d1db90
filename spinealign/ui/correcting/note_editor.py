"""The line on the picture into which a note is typed."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QFocusEvent, QKeyEvent
from PyQt6.QtWidgets import QLineEdit

from spinealign.domain.measurements import LONGEST_NOTE
from spinealign.ui.picture.viewer import Viewer

WIDTH_EM = 28


class NoteEditor(QLineEdit):
    """Stands on the picture while a note is typed.

    Enter or a click elsewhere keeps what was typed, Esc drops it.

    Parameters
    ----------
    viewer : Viewer
    place : QPointF
        In pixels of the picture.
    text : str
        What the note says so far.
    done : callable
        Is given the text once, unless it was dropped.
    """

    def __init__(
        self, viewer: Viewer, place: QPointF, text: str, done: Callable[[str], object]
    ) -> None:
        viewport = viewer.viewport()
        assert viewport is not None
        super().__init__(text, viewport)
        self._viewer, self._done = viewer, done
        self._is_over = False
        self.setMaxLength(LONGEST_NOTE)
        self.setAccessibleName("Text on the picture")
        self.setPlaceholderText("Text; Enter keeps it, Esc drops it")
        width = min(self.fontMetrics().averageCharWidth() * WIDTH_EM, viewport.width())
        self.resize(width, self.sizeHint().height())
        where = viewer.to_view(place).toPoint()
        x = min(max(where.x(), 0), viewport.width() - self.width())
        y = min(max(where.y() - self.height() // 2, 0), viewport.height() - self.height())
        self.move(x, y)
        self.returnPressed.connect(self._keep)
        viewer.picture.about_to_clear.connect(self._drop)
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.selectAll()

    def event(self, event: QEvent | None) -> bool:
        """Keep every key: the letters are tools of the window elsewhere."""
        if event is not None and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Drop the note with Esc."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self._drop()
        else:
            super().keyPressEvent(event)
        if event is not None:
            # What is left over, such as Enter, would mean something to the picture below.
            event.accept()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Keep what was typed when the person goes on with something else."""
        super().focusOutEvent(event)
        if event is not None and event.reason() != Qt.FocusReason.PopupFocusReason:
            self._keep()

    def _keep(self) -> None:
        if not self._is_over:
            self._end()
            self._done(self.text().strip())

    def _drop(self) -> None:
        if not self._is_over:
            self._end()

    def _end(self) -> None:
        had_focus, self._is_over = self.hasFocus(), True
        self.hide()
        self.deleteLater()
        if had_focus:
            self._viewer.setFocus(Qt.FocusReason.OtherFocusReason)
