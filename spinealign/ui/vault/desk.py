"""The archive for the parts of the window: one thread works in it, one thing after another."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtWidgets import QWidget

from spinealign.archive.problems import as_archive_error
from spinealign.domain.errors import SpineAlignError
from spinealign.ui.vault.jobs import once
from spinealign.ui.vault.keeper import Keeper
from spinealign.ui.work.tasks import Task, TaskRunner, Work
from spinealign.ui.workbench import Workbench
from spinealign.vault.session import Session
from spinealign.wording import Message, explain
from spinealign.wording.archive_window import LOCKED_BEFORE, STOPPED_BY_LOCK, THERE_ALREADY

Failed = Callable[[Message], object]
"""Takes what went wrong in words."""


class ArchiveDesk(QObject):
    """Runs what is asked of the archive in one thread; locking cancels what has not begun.

    `closed` says that the archive is locked or left: what shows something of it closes. Before
    that, `closing` lets what works with its keys end.
    """

    closed = pyqtSignal()
    closing = pyqtSignal()

    def __init__(self, bench: Workbench, keeper: Keeper) -> None:
        super().__init__(keeper)
        self._bench, self._keeper = bench, keeper
        self.runner = TaskRunner(bench.messages, self)
        bench.add_runner(self.runner)
        self._long = set[Task]()
        self._stopped_in: Session | None = None
        keeper.about_to_lock.connect(self._stop)
        keeper.entered.connect(self._tell_stopped)
        for signal in (keeper.locked, keeper.left):
            signal.connect(self.closed)

    def tell_if_locked(self, task: Task) -> Task:
        """Have whoever unlocks be told that something long was stopped by locking."""
        self._long.add(task)
        task.ended.connect(lambda: self._long.discard(task))
        return task

    def _stop(self) -> None:
        if self._long:
            self._stopped_in = self._keeper.session
        self.runner.cancel_all()
        self.closing.emit()

    def _tell_stopped(self, session: Session) -> None:
        """Tell it to nobody else who signs in meanwhile."""
        stopped_in, self._stopped_in = self._stopped_in, None
        if stopped_in is session:
            self._bench.messages.fail(STOPPED_BY_LOCK)

    @property
    def session(self) -> Session | None:
        """Whose archive is open; None while it is locked or nobody is signed in."""
        session = self._keeper.session
        return None if session is None or session.is_locked else session

    @property
    def bench(self) -> Workbench:
        """What the parts of the window share."""
        return self._bench

    def ask(
        self, act: Callable[[Session], Any], failed: Failed | None = None,
        owner: QWidget | None = None,
    ) -> Task:  # fmt: skip
        """Do something in the archive's thread; connect to the task's signals at once.

        Parameters
        ----------
        owner : QWidget, optional
            What waits for it: once that is gone nothing is reported any more.
        """
        return self._work(once(partial(self._act, act, self.session)), failed, owner)

    def steps(
        self, act: Callable[[Session], Generator[object, None, Any]],
        failed: Failed | None = None, owner: QWidget | None = None,
    ) -> Task:  # fmt: skip
        """Run what tells of its progress, and can be stopped at each step."""
        session = self.session
        return self._work(lambda: self._act(act, session), failed, owner)

    def restore(self, steps: Callable[[], Work], failed: Failed, owner: QWidget) -> Task:
        """Make an archive where there is none: nobody is signed in."""

        def tell(error: Exception) -> None:
            if isinstance(error, FileExistsError):
                failed(THERE_ALREADY)
                return
            known = error if isinstance(error, SpineAlignError) else None
            if isinstance(error, OSError):
                known = as_archive_error(error)
            if known is None:
                self._bench.messages.crash(error)
            else:
                failed(explain(known))

        task = self.runner.submit(steps, tell)
        owner.destroyed.connect(task.cancel)
        return task

    def _work(
        self, start: Callable[[], Work], failed: Failed | None, owner: QWidget | None
    ) -> Task:
        told = failed or self._bench.messages.fail
        task = self.runner.submit(start, partial(self._tell, told))
        if owner is not None:
            owner.destroyed.connect(task.cancel)
        return task

    def _act(self, act: Callable[[Session], Any], session: Session | None) -> Any:
        if session is None or session.is_locked:
            raise _LockedBeforeError
        return act(session)

    def _tell(self, failed: Failed, error: Exception) -> None:
        message = self.words_of(error)
        if message is None:
            self._bench.messages.crash(error)
        else:
            failed(message)

    def words_of(self, error: Exception) -> Message | None:
        """Return a failure in words; None for a fault of this program."""
        if isinstance(error, _LockedBeforeError) or self.session is None:
            return LOCKED_BEFORE
        if isinstance(error, OSError):
            error = as_archive_error(error) or error
        return explain(error) if isinstance(error, SpineAlignError) else None


class _LockedBeforeError(Exception):
    """The archive was locked before its thread came to what was asked."""
