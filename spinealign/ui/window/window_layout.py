"""Where the window and its panels stand: from one session to the next."""

from __future__ import annotations

from PyQt6.QtCore import QByteArray, Qt
from PyQt6.QtWidgets import QDockWidget, QMainWindow

from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.settings import WindowState

LARGEST_PX = (1500, 940)
OTHER_SCREEN = 0.25
"""Panels of a window that was wider or narrower by more than this share are laid out anew."""


def restore_layout(
    window: QMainWindow, state: WindowState, cases: QDockWidget, results: QDockWidget
) -> None:
    """Put the window and its panels where they were, or where they fit the screen well."""
    screen = window.screen()
    if screen is not None:
        room = screen.availableGeometry()
        width, height = room.width() * 94 // 100, room.height() * 90 // 100
        window.resize(min(LARGEST_PX[0], width), min(LARGEST_PX[1], height))
    window.restoreGeometry(QByteArray.fromBase64(state.geometry.encode()))
    window.restoreState(QByteArray.fromBase64(state.layout.encode()))
    if abs(state.layout_width_px - window.width()) > OTHER_SCREEN * window.width():
        # Give the panels their usual share of the window.
        em, width = window.fontMetrics().averageCharWidth(), window.width()
        sizes = [min(44 * em, width * 17 // 100), min(82 * em, width * 36 // 100)]
        window.resizeDocks([cases, results], sizes, Qt.Orientation.Horizontal)


def remember_layout(window: QMainWindow, preferences: Preferences) -> None:
    """Note where the window and its panels stand; the preferences write it."""
    layout, geometry = window.saveState().toBase64(), window.saveGeometry().toBase64()
    preferences.note(
        layout=layout.data().decode(),
        geometry=geometry.data().decode(),
        layout_width_px=window.width(),
    )
