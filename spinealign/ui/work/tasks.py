"""Worker threads that run generators and report by signals; they never touch a widget."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Generator
from enum import Enum, auto

from PyQt6.QtCore import QObject, QThread, QThreadPool, pyqtSignal

from spinealign.domain.errors import Cancelled
from spinealign.domain.generators import run_to_end
from spinealign.domain.interrupts import Interrupt
from spinealign.ui.work.messages import Messages

NICER = 10
"""Than the window's thread: a tenth of the processor is left to work beside it (sched(7)).

Two such threads of a network beside a window that draws leave it four fifths of a processor; at
five, they left it three fifths, and a page of 50 ms took 90.
"""

Work = Generator[object, None, object]
"""A plain generator: each ``yield`` is progress and a place to stop at."""


class _TaskEvent(Enum):
    PROGRESS = auto()
    RESULT = auto()
    FAILURE = auto()
    STOPPED = auto()


class Task(QObject):
    """One generator on its way through a worker thread.

    After `cancel` neither progress nor a result nor a failure arrives any more,
    even when the worker had them ready: late results are dropped here, once, for
    every window. Exactly one of `finished`, `failed` and `cancelled` ends a task.
    What the worker waits for on a network ends with `cancel` at once.
    """

    progressed = pyqtSignal(object)
    finished = pyqtSignal(object)
    failed = pyqtSignal(object)
    cancelled = pyqtSignal()
    ended = pyqtSignal()
    _news = pyqtSignal(object, object)

    def __init__(self, start: Callable[[], Work], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._start = start
        self._stop = threading.Event()
        self._waiting = Interrupt()
        # A task lives in the window's thread, so what the worker emits is queued for it.
        self._news.connect(self._relay)

    def cancel(self) -> None:
        """Ask the worker to stop at the generator's next step, and end what it waits for."""
        self._stop.set()
        self._waiting.cut()

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._stop.is_set()

    def drive(self) -> None:
        """Run the generator to its end; called in the worker thread."""
        _come_after_window()
        try:
            self._news.emit(_TaskEvent.RESULT, self._exhaust())
        except Cancelled:
            self._news.emit(_TaskEvent.STOPPED, None)
        except Exception as error:  # noqa: BLE001 - the task boundary reports every failure
            self._news.emit(_TaskEvent.FAILURE, error)

    def _exhaust(self) -> object:
        self._stop_if_asked()
        with self._waiting.here():
            return run_to_end(self._start(), self._tell)

    def _tell(self, progress: object) -> None:
        self._news.emit(_TaskEvent.PROGRESS, progress)
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._stop.is_set():
            raise Cancelled

    def _relay(self, news: _TaskEvent, payload: object) -> None:
        if news is _TaskEvent.PROGRESS:
            if not self.is_cancelled:
                self.progressed.emit(payload)
            return
        if self.is_cancelled or news is _TaskEvent.STOPPED:
            self.cancelled.emit()
        elif news is _TaskEvent.RESULT:
            self.finished.emit(payload)
        else:
            self.failed.emit(payload)
        self.ended.emit()


def _come_after_window() -> None:
    """Let the window's thread go first where both want the processor.

    Linux knows no priorities of ordinary threads but how nice each is; threads that this one
    starts, such as those of the networks, are as nice.
    """
    if sys.platform == "linux":
        nice = os.getpriority(os.PRIO_PROCESS, os.getpid()) + NICER
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(nice, 19))


class TaskRunner(QObject):
    """A pool of one thread: tasks run one after another in the order of submission.

    Parameters
    ----------
    messages : Messages
        Where failures are reported.
    """

    became_idle = pyqtSignal()

    def __init__(self, messages: Messages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._messages = messages
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        # The window comes before the work; Linux heeds only what `_come_after_window` asks for.
        self._pool.setThreadPriority(QThread.Priority.LowPriority)
        self._tasks: list[Task] = []

    @property
    def is_busy(self) -> bool:
        """Whether a task is running, waiting, or about to report its end."""
        return bool(self._tasks)

    @property
    def has_queue(self) -> bool:
        """Whether what was submitted last waits for another task."""
        return len(self._tasks) > 1

    def submit(
        self, start: Callable[[], Work], report: Callable[[Exception], object] | None = None
    ) -> Task:
        """Queue a generator function; connect to the task's signals at once.

        Nothing is reported before control returns to the event loop.

        Parameters
        ----------
        report : callable, optional
            Tells of a failure in other words than the messages do by themselves.
        """
        task = Task(start, self)
        task.failed.connect(report or self._messages.report)
        task.ended.connect(lambda: self._forget(task))
        self._tasks.append(task)
        self._pool.start(task.drive)
        return task

    def cancel_all(self) -> None:
        """Ask every running and waiting task to stop."""
        for task in self._tasks:
            task.cancel()

    def shutdown(self) -> None:
        """Cancel everything and wait until the worker thread has left."""
        self.cancel_all()
        self._pool.waitForDone()

    def _forget(self, task: Task) -> None:
        self._tasks.remove(task)
        task.deleteLater()
        if not self._tasks:
            self.became_idle.emit()
