"""Where the window and its panels stand: from one session to the next, and on small screens."""

from __future__ import annotations

from itertools import pairwise

from PyQt6.QtCore import QByteArray, QObject, Qt
from PyQt6.QtWidgets import QApplication, QDockWidget, QMainWindow, QTabWidget, QWidget

from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.settings import WindowState

LARGEST_PX = (1500, 940)
OTHER_SCREEN = 0.25
"""Panels of a window that was wider or narrower by more than this share are laid out anew."""

NARROW_EM = 165
"""Where a window is narrower than this many letters, three columns would leave room for none."""

SHARES_PERCENT = (17, 36)
"""Of the window's width, for the cases at the left and the results at the right."""

NARROW_SHARE_PERCENT = 45
"""Of a narrow window's width, for the panels that lie behind one another."""


class PanelLayout(QObject):
    """Panels at both sides of a wide window; behind one another, as tabs, in a narrow one.

    Parameters
    ----------
    cases, series, results : QDockWidget
        In the order of their tabs.
    """

    def __init__(
        self, window: QMainWindow, cases: QDockWidget, series: QDockWidget, results: QDockWidget
    ) -> None:
        super().__init__(window)
        self._window, self._cases, self._series, self._results = window, cases, series, results
        self._docks = (cases, series, results)
        self._wide: QByteArray | None = None
        self._widths: list[int] = []
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._bring_keys_to_front)

    @property
    def is_narrow(self) -> bool:
        """Whether the panels lie behind one another now."""
        return self._wide is not None

    def restore(self, state: WindowState) -> None:
        """Put the window and its panels where they were, or where they fit the screen well."""
        window, screen = self._window, self._window.screen()
        if screen is not None:
            room = screen.availableGeometry()
            width, height = room.width() * 94 // 100, room.height() * 90 // 100
            window.resize(min(LARGEST_PX[0], width), min(LARGEST_PX[1], height))
        window.restoreGeometry(QByteArray.fromBase64(state.geometry.encode()))
        window.restoreState(QByteArray.fromBase64(state.layout.encode()))
        if abs(state.layout_width_px - window.width()) > OTHER_SCREEN * window.width():
            self._share_width()

    def remember(self, preferences: Preferences) -> None:
        """Note where the window and its panels stand; the preferences write it.

        Of a narrow window it is how they stand in a wide one, whose sizes are chosen anew.
        """
        layout = self._window.saveState() if self._wide is None else self._wide
        preferences.note(
            layout=layout.toBase64().data().decode(),
            geometry=self._window.saveGeometry().toBase64().data().decode(),
            layout_width_px=self._window.width() if self._wide is None else 0,
        )

    def adapt(self) -> None:
        """Follow the window's width."""
        is_narrow = self._window.width() < NARROW_EM * self._em
        if is_narrow and self._wide is None:
            self._stack()
        elif not is_narrow and self._wide is not None:
            self._part()
        elif not is_narrow:
            self._widths = [self._cases.width(), self._results.width()]

    def show_opened(self, count: int) -> None:
        """Bring what was opened to the front: the list, or the one result of a narrow window."""
        dock = self._results if self.is_narrow and count == 1 else self._cases
        if not dock.isHidden():
            dock.raise_()

    @property
    def _em(self) -> int:
        return self._window.fontMetrics().averageCharWidth()

    def _share_width(self) -> None:
        """Give the panels their usual share of the window."""
        em, width = self._em, self._window.width()
        most = (44 * em, 82 * em)
        sizes = [
            min(each, width * share // 100)
            for each, share in zip(most, SHARES_PERCENT, strict=True)
        ]
        self._set_widths(sizes)

    def _set_widths(self, widths: list[int]) -> None:
        across = Qt.Orientation.Horizontal
        self._window.resizeDocks([self._cases, self._results], widths, across)

    def _stack(self) -> None:
        """Lay all panels behind one another at the right; their tabs say what their titles do."""
        window, right = self._window, Qt.DockWidgetArea.RightDockWidgetArea
        self._wide = window.saveState()
        hidden = [dock.isHidden() for dock in self._docks]
        window.setTabPosition(right, QTabWidget.TabPosition.North)
        placed = [dock for dock in self._docks if not dock.isFloating()]
        for dock in placed:
            # Else the tabs that they had stay on the window, over its menus.
            window.removeDockWidget(dock)
        for dock in placed:
            dock.setTitleBarWidget(QWidget())
            window.addDockWidget(right, dock)
        for before, dock in pairwise(placed):
            window.tabifyDockWidget(before, dock)
        self._hide(hidden)
        width = window.width() * NARROW_SHARE_PERCENT // 100
        window.resizeDocks([self._results], [width], Qt.Orientation.Horizontal)
        self._cases.raise_()

    def _part(self) -> None:
        """Put the panels back to where they stood while the window was wide."""
        assert self._wide is not None
        hidden = [dock.isHidden() for dock in self._docks]
        wide, self._wide = self._wide, None
        for dock in self._docks:
            dock.setTitleBarWidget(None)
        self._window.restoreState(wide)
        self._hide(hidden)
        if self._widths:
            # What is restored while the window grows is squeezed into what it was.
            self._set_widths(self._widths)
        else:
            self._share_width()

    def _hide(self, hidden: list[bool]) -> None:
        for dock, is_hidden in zip(self._docks, hidden, strict=True):
            dock.setHidden(is_hidden)

    def _bring_keys_to_front(self, _old: QWidget | None, new: QWidget | None) -> None:
        """Bring a panel forward that the keys went to, else they would go on unseen."""
        for dock in self._docks:
            is_in = new is not None and dock.isAncestorOf(new)
            if is_in and dock.isVisible() and dock.visibleRegion().isEmpty():
                dock.raise_()
