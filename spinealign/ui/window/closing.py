"""Closing of the window: waits for running work and saves corrections first."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import QMessageBox, QWidget

from spinealign.ui.window.status_line import WorkStatus
from spinealign.ui.workbench import Workbench
from spinealign.wording.worklist import CLOSE_NOW, KEEP_OPEN, quit_question


class WindowCloser(QObject):
    """Closes a window as soon as that is safe.

    Analyses are cancelled, after a question, files are written to their end, corrections are
    saved. `asks` is whether that question is asked.

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
        self.asks = True
        self._question: QMessageBox | None = None
        queued = Qt.ConnectionType.QueuedConnection
        bench.became_idle.connect(self._go_on, queued)  # type: ignore[call-arg]

    def close(self, event: QCloseEvent) -> None:
        """Let the window go, or hold it until it may; `closing` is emitted when it goes."""
        if self.asks and not self.is_waiting and self._bench.session.is_busy:
            event.ignore()
            self._ask()
            return
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

    def _ask(self) -> None:
        """Ask whether what runs and waits may be stopped; where it ends by itself, close."""
        if self._question is not None:
            return
        box = self._question = QMessageBox(parent=self._window)
        box.setIcon(QMessageBox.Icon.Question)
        now = box.addButton(CLOSE_NOW, QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton(KEEP_OPEN, QMessageBox.ButtonRole.RejectRole)
        assert now is not None
        # Return keeps the window open whichever button has the keys.
        now.setAutoDefault(False)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        now.clicked.connect(self._close_now)
        self._bench.session.queue_changed.connect(self._follow_queue)
        box.finished.connect(self._forget_question)
        self._follow_queue()
        box.open()

    def _follow_queue(self) -> None:
        session, box = self._bench.session, self._question
        if box is None:
            return
        if not session.is_busy:
            box.reject()
            self._close_now()
            return
        title, text, more = quit_question(int(session.is_running), session.waiting_count)
        box.setWindowTitle(title)
        box.setText(text)
        box.setInformativeText(more)

    def _close_now(self) -> None:
        self._forget_question()
        self.asks = False
        self._window.close()

    def _forget_question(self) -> None:
        if self._question is not None:
            self._bench.session.queue_changed.disconnect(self._follow_queue)
            self._question.deleteLater()
        self._question = None

    def _wait(self) -> None:
        if not self.is_waiting:
            self.is_waiting = True
            self._window.setEnabled(False)
            self._status.hold("Closing as soon as the present step is done…")

    def _stay(self) -> None:
        self.is_waiting, self.asks = False, True
        self._window.setEnabled(True)
        self._status.let_go()

    def _go_on(self) -> None:
        if self.is_waiting:
            self._window.close()
