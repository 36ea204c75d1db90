"""How the window closes: nothing is cut short, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtGui import QCloseEvent

from spinealign.ui.window.window_layout import remember_layout

if TYPE_CHECKING:
    from spinealign.ui.window.main_window import MainWindow


class WindowCloser(QObject):
    """Closes a window as soon as that is safe.

    Analyses are cancelled, files are written to their end, corrections are saved.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.is_waiting = False
        self._runners = (window.inference, window.files, window.looking, window.reading)
        for runner in self._runners:
            queued = Qt.ConnectionType.QueuedConnection
            runner.became_idle.connect(self._go_on, queued)  # type: ignore[call-arg]

    def close(self, event: QCloseEvent) -> None:
        """Let the window go, or hold it until it may."""
        window = self._window
        window.session.cancel()
        for runner in (window.inference, window.looking, window.reading):
            runner.cancel_all()
        if not self.is_waiting:
            window.correction.editing.save()
        if any(runner.is_busy for runner in self._runners):
            event.ignore()
            self._wait()
        elif not window.correction.may_close():
            event.ignore()
            self._stay()
        else:
            self._remember()
            event.accept()

    def _remember(self) -> None:
        window = self._window
        remember_layout(window)
        window.preferences.save()
        window.patient.stop()
        for runner in self._runners:
            runner.shutdown()
        window.opener.clean_up()

    def _wait(self) -> None:
        if not self.is_waiting:
            self.is_waiting = True
            self._window.setEnabled(False)
            self._window.status.show_work("Closing as soon as the present step is done…", 1.0)

    def _stay(self) -> None:
        self.is_waiting = False
        self._window.setEnabled(True)
        self._window.status.show_idle("Ready")

    def _go_on(self) -> None:
        if self.is_waiting:
            self._window.close()
