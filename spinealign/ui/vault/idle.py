"""Notices that nobody touched mouse or keys for a while, anywhere in the program."""

from __future__ import annotations

import time
from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QTimer, pyqtSignal
from PyQt6.QtWidgets import QApplication

ACTIVITY = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseMove,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TouchUpdate,
        QEvent.Type.TabletMove,
        QEvent.Type.TabletPress,
    }
)
"""What a person does with mouse, keys, finger or pen."""


class IdleWatch(QObject):
    """`idle` says that nothing was touched for the time that was set.

    A computer that slept counts as well: the first touch after it locks, rather than going on.

    Parameters
    ----------
    clock, ticks : callable
        Seconds since 1970, which go on while the computer sleeps, and seconds that nobody can set
        back. The one that went on further counts.
    """

    idle = pyqtSignal()

    def __init__(
        self, parent: QObject, clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._clocks, self._limit_s, self._last_s = (clock, ticks), 0.0, (0.0, 0.0)
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.timeout.connect(self.look)

    def begin(self, limit_s: float) -> None:
        """Watch from now on."""
        self.end()
        self._limit_s = limit_s
        self._touch()
        self.timer.start(round(1000 * limit_s))
        app = QApplication.instance()
        assert app is not None
        app.installEventFilter(self)

    def end(self) -> None:
        """Watch no longer."""
        self.timer.stop()
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)

    def look(self) -> None:
        """Say that nobody is there, or look again when that may be so."""
        left_s = self._limit_s - self._idle_s()
        if left_s <= 0:
            self.end()
            self.idle.emit()
        else:
            self.timer.start(max(1, round(1000 * left_s)))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Count what a person does; nothing is taken away from who it is for."""
        if event is not None and event.type() in ACTIVITY:
            if self._idle_s() >= self._limit_s:
                self.look()
            else:
                self._touch()
        return False

    def _touch(self) -> None:
        self._last_s = self._clocks[0](), self._clocks[1]()

    def _idle_s(self) -> float:
        return max(
            clock() - last_s for clock, last_s in zip(self._clocks, self._last_s, strict=True)
        )
