"""Work in the window's thread that is done piece by piece, so that the window never waits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

TURN_S = 0.008
"""No further step is begun after this long; the steps themselves take up to 30 ms."""


class ChunkedFill(QObject):
    """Runs steps in their order; between them the window paints and hears the user.

    Parameters
    ----------
    steps : iterable of callable
        The first ones run soon, from the event loop.
    parent : QObject
        With which the rest is forgotten.
    """

    filled = pyqtSignal()
    """Said once, after the last step."""

    def __init__(self, steps: Iterable[Callable[[], object]], parent: QObject) -> None:
        super().__init__(parent)
        self._steps = deque(steps)
        self.is_begun = self.is_filled = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._go_on)
        self._timer.start(0)

    def hold(self) -> None:
        """Begin no step until `go_on`."""
        self._timer.stop()

    def go_on(self) -> None:
        """Run the steps that are left, soon and from the event loop."""
        if self._steps:
            self._timer.start(0)

    def put_first(self, step: Callable[[], object]) -> None:
        """Run this step before all that are left."""
        self._steps.appendleft(step)

    def stop(self) -> None:
        """Forget all that is left."""
        self._timer.stop()
        self._steps.clear()

    def finish(self) -> None:
        """Run all that is left now."""
        self._timer.stop()
        self.is_begun = True
        while self._steps:
            self._steps.popleft()()
        self._say_filled()

    def _go_on(self) -> None:
        self.is_begun = True
        started = time.perf_counter()
        while self._steps:
            self._steps.popleft()()
            if time.perf_counter() - started > TURN_S:
                break
        if not self._steps:
            self._timer.stop()
            self._say_filled()

    def _say_filled(self) -> None:
        if not self.is_filled:
            self.is_filled = True
            self.filled.emit()
