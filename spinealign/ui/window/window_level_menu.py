"""The menu of windows and tables that the picture can be shown with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PyQt6.QtCore import QObject
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu

from spinealign.domain.image import DisplayWindow, WindowKind
from spinealign.ui.picture.scene import PictureScene
from spinealign.ui.widgets.labels import menu_button, offer
from spinealign.ui.window.actions import Actions
from spinealign.wording.reading import window_text

WITH_KEYS = {
    WindowKind.BONE: "window_bone",
    WindowKind.SOFT_TISSUE: "window_soft_tissue",
    WindowKind.BRAIN: "window_brain",
    WindowKind.AUTOMATIC: "window_automatic",
    WindowKind.WHOLE_RANGE: "window_whole_range",
}
"""Commands of the windows that do not come from the file."""

NO_IMAGE = "Open an image first"
NO_SUCH_WINDOW = "This image has no such window"
_TIP = "Choose window and level (W: next preset)"


class WindowMenu(QObject):
    """Offers what the picture can be shown with, and ticks what it is shown with.

    Parameters
    ----------
    picture : PictureScene
        Whose window is chosen.
    actions : Actions
        Holds the commands with keys.
    """

    def __init__(self, picture: PictureScene, actions: Actions) -> None:
        super().__init__(picture)
        self._picture, self._actions = picture, actions
        self._offered: tuple[DisplayWindow, ...] | None = None
        self._words = {name: actions[name].text() for name in WITH_KEYS.values()}
        self._by_window: list[tuple[DisplayWindow, QAction]] = []
        self.button = menu_button("Window", "Window ▾", _TIP)
        self.menu = QMenu("&Window", self.button)
        self.button.setMenu(self.menu)
        for kind in WITH_KEYS:
            actions[WITH_KEYS[kind]].triggered.connect(partial(self._choose_kind, kind))
        actions["next_window"].triggered.connect(lambda: self.step(1))
        actions["previous_window"].triggered.connect(lambda: self.step(-1))
        picture.window_changed.connect(self.refresh)
        self.refresh()

    def step(self, by: int) -> None:
        """Choose the next window (1) or the previous one (-1) of the menu."""
        windows = [window for window, _ in self._by_window]
        if windows:
            here = next((k for k, w in enumerate(windows) if self._is_shown(w)), -max(by, 0))
            self._picture.set_window(windows[(here + by) % len(windows)])

    def refresh(self) -> None:
        """Offer what the present picture allows, and tick what it is shown with."""
        display = self._picture.display
        offered = display.windows if display is not None else ()
        if offered is not self._offered:
            self._offered = offered
            self._fill(offered)
        for window, action in self._by_window:
            action.setChecked(self._is_shown(window))

    def _fill(self, windows: tuple[DisplayWindow, ...]) -> None:
        for window, action in self._by_window:
            if window.kind not in WITH_KEYS:
                action.deleteLater()
        own = [(w, self._own_action(w)) for w in windows if w.kind not in WITH_KEYS]
        by_kind = {window.kind: window for window in windows}
        others = [
            (by_kind[kind], self._actions[name])
            for kind, name in WITH_KEYS.items()
            if kind in by_kind
        ]
        self._by_window = own + others
        self._name(by_kind)
        self._lay_out([action for _, action in own])

    def _name(self, by_kind: Mapping[WindowKind, DisplayWindow]) -> None:
        """Say which numbers the windows of the present picture have, and offer no others."""
        for kind, name in WITH_KEYS.items():
            window = by_kind.get(kind)
            self._actions[name].setText(
                self._words[name] if window is None else window_text(window)
            )
            missing = NO_IMAGE if not by_kind else NO_SUCH_WINDOW
            self._actions.offer(name, "" if window is not None else missing)
        for name in ("next_window", "previous_window"):
            self._actions.offer(name, "" if by_kind else NO_IMAGE)
        offer(self.button, "" if by_kind else NO_IMAGE)

    def _lay_out(self, own: Sequence[QAction]) -> None:
        self.menu.clear()
        self.menu.addActions(own)
        self.menu.addSeparator()
        self.menu.addActions([self._actions[name] for name in WITH_KEYS.values()])
        self.menu.addSeparator()
        for name in ("next_window", "previous_window", "reset_window"):
            self.menu.addAction(self._actions[name])

    def _own_action(self, window: DisplayWindow) -> QAction:
        # An ampersand in the file's words would underline the letter after it.
        action = QAction(window_text(window).replace("&", "&&"), self.menu)
        action.setCheckable(True)
        action.triggered.connect(partial(self._choose, window))
        return action

    def _choose(self, window: DisplayWindow, _checked: bool) -> None:
        self._picture.set_window(window)

    def _choose_kind(self, kind: WindowKind, _checked: bool) -> None:
        of_kind = (window for window, _ in self._by_window if window.kind is kind)
        self._picture.set_window(next(of_kind))

    def _is_shown(self, window: DisplayWindow) -> bool:
        from spinealign.imaging.windows import is_same_window

        return is_same_window(window, self._picture.window)
