"""Closing of the window: waits for running work and saves corrections first."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import QWidget

from spinealign.ui.window.status_line import WorkStatus
from spinealign.ui.workbench import Workbench


class WindowCloser(QObject):
    """Closes a window as soon as that is safe.

    Analyses are cancelled, files are written to their end, corrections are saved.

    Parameters
    ----------
    window : QWidget
        What is closed.
    may_close : callable
        Asks the user, if something would be lost.
    """

    closing = pyqtSignal()

    def __init__(
        self,
        window: QWidget,
        bench: Workbench,
        status: WorkStatus,
        may_close: Callable[[], bool],
    ) -> None:
        super().__init__(window)
        self._window, self._bench, self._status = window, bench, status
        self._may_close = may_close
        self.is_waiting = False
        queued = Qt.ConnectionType.QueuedConnection
        bench.became_idle.connect(self._go_on, queued)  # type: ignore[call-arg]

    def close(self, event: QCloseEvent) -> None:
        """Let the window go, or hold it until it may; `closing` is emitted when it goes."""
        self._bench.shut_down_runners()
        if not self.is_waiting:
            self._bench.editing.save()
        if self._bench.is_working:
            event.ignore()
            self._wait()
        elif not self._may_close():
            event.ignore()
            self._stay()
        else:
            self._bench.remember_session()
            self.closing.emit()
            self._bench.shut_down()
            event.accept()

    def _wait(self) -> None:
        if not self.is_waiting:
            self.is_waiting = True
            self._window.setEnabled(False)
            self._status.hold("Closing as soon as the present step is done…")

    def _stay(self) -> None:
        self.is_waiting = False
        self._window.setEnabled(True)
        self._status.let_go()

    def _go_on(self) -> None:
        if self.is_waiting:
            self._window.close()
