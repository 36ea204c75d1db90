"""Covers over every window of the program while it is locked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from spinealign.wording.accounts_window import COVERED, PROGRAM

_SPARED = "seenWhileLocked"


class Cover(QWidget):
    """Lies over all that a window shows, and keeps its title silent too."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAutoFillBackground(True)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setObjectName("lockCover")
        self.setAccessibleName(COVERED)
        words = QLabel(COVERED)
        words.setProperty("kind", "muted")
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        QVBoxLayout(self).addWidget(words)
        self._window, self._title = window, window.windowTitle()
        window.windowTitleChanged.connect(self._keep_silent)
        window.installEventFilter(self)
        window.setWindowTitle(PROGRAM)
        self.follow()
        self.show()

    def follow(self) -> None:
        """Cover the whole window, above all else in it."""
        self.setGeometry(self._window.rect())
        self.raise_()

    def lift(self) -> None:
        """Show the window again, with its title as it is by now."""
        self._window.windowTitleChanged.disconnect(self._keep_silent)
        self._window.removeEventFilter(self)
        self._window.setWindowTitle(self._title)
        self.hide()
        self.deleteLater()

    def forget_title(self) -> None:
        """Have the window be called as the program when it is shown again."""
        self._title = PROGRAM

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the size of the window."""
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.follow()
        return super().eventFilter(watched, event)

    def _keep_silent(self, title: str) -> None:
        if title != PROGRAM:
            self._title = title
            self._window.setWindowTitle(PROGRAM)


class Covers(QObject):
    """Covers all windows, also those that come up meanwhile; `spare` those that ask to sign in."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._covers: dict[QWidget, Cover] = {}
        self.is_down = self._is_sparing = False

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """Let questions be seen that come up meanwhile."""
        self._is_sparing = True
        try:
            yield
        finally:
            self._is_sparing = False

    def spare(self, window: QWidget) -> None:
        """Let a window be seen while the others are covered."""
        window.setProperty(_SPARED, "true")

    def lower(self) -> None:
        """Cover all windows; menus, questions for files and tool tips, which cannot be, close."""
        if self.is_down:
            return
        self.is_down = True
        popup = QApplication.activePopupWidget()
        while popup is not None:
            popup.close()
            popup = QApplication.activePopupWidget()
        QToolTip.hideText()
        for window in QApplication.topLevelWidgets():
            if isinstance(window, QFileDialog):
                window.reject()
            elif window.isVisible():
                self._cover(window)
        app = QApplication.instance()
        assert app is not None
        app.installEventFilter(self)

    def lift(self) -> None:
        """Show all windows again."""
        if not self.is_down:
            return
        self.is_down = False
        app = QApplication.instance()
        assert app is not None
        app.removeEventFilter(self)
        covers, self._covers = self._covers, {}
        for cover in covers.values():
            cover.lift()

    def forget_title(self, window: QWidget) -> None:
        """Forget what a covered window was called: whose case it named is closed.

        Qt tells nobody that a window takes the title it has already, and a covered one has the
        plain title.
        """
        cover = self._covers.get(window)
        if cover is not None:
            cover.forget_title()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Cover what comes up, and stay above what is raised."""
        if event is not None and isinstance(watched, QWidget):
            if event.type() == QEvent.Type.Show and watched.isWindow():
                self._cover(watched)
            elif event.type() == QEvent.Type.ZOrderChange:
                parent = watched.parentWidget()
                cover = None if parent is None else self._covers.get(parent)
                if cover is not None and watched is not cover:
                    cover.raise_()
        return False

    def _cover(self, window: QWidget) -> None:
        if self._is_sparing:
            self.spare(window)
        kind = window.windowType()
        if kind in (Qt.WindowType.Popup, Qt.WindowType.ToolTip) or window in self._covers:
            return
        if _is_spared(window):
            return
        self._covers[window] = Cover(window)
        window.destroyed.connect(lambda: self._covers.pop(window, None))


def _is_spared(window: QWidget) -> bool:
    """Whether a window, or one that it belongs to, asks to sign in."""
    asked: QWidget | None = window
    while asked is not None and not asked.property(_SPARED):
        asked = asked.parentWidget()
    return asked is not None
