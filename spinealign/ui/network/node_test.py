"""Test and Stop: whether a node answers, asked from a form or from a list."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtWidgets import QDialog, QPushButton

from spinealign.domain.network import NetworkError, PeerTest
from spinealign.network.peers import Peer
from spinealign.ui.network import jobs
from spinealign.ui.network.desk import NetworkDesk
from spinealign.ui.network.forms import Told, exchange
from spinealign.ui.widgets.labels import offer
from spinealign.ui.work.tasks import Task
from spinealign.wording.network_window import (
    STOP_TEST,
    TEST_NODE,
    TEST_RUNS,
    TEST_STOPPED,
    failure_words,
    test_words,
)


class NodeTest:
    """Two buttons, of which one is shown, and what came of the test.

    Parameters
    ----------
    desk : NetworkDesk
    told : Told
        Where it is said.
    dialog : QDialog
        Whose end ends the test.
    follow : callable
        Called when a test begins or ends, before it is said what came of it.
    """

    def __init__(
        self, desk: NetworkDesk, told: Told, dialog: QDialog, follow: Callable[[], None]
    ) -> None:
        self._desk, self._told, self._dialog, self._follow = desk, told, dialog, follow
        self._task: Task | None = None
        self.test, self.stop = QPushButton(TEST_NODE), QPushButton(STOP_TEST)
        for button in (self.test, self.stop):
            button.setAutoDefault(False)
        self.stop.clicked.connect(self.run_stop)

    @property
    def is_running(self) -> bool:
        """Whether a node is asked now."""
        return self._task is not None

    def offer(self, reason: str) -> None:
        """Show the button that can be pressed; `reason` says why nothing can be tested."""
        offer(self.test, reason)
        exchange(self.test, self.stop, not self.is_running)

    def run(self, peer: Peer, secret: str | None = None) -> None:
        """Try whether a node answers."""
        if self._task is not None:
            return
        task = self._task = self._desk.ask(partial(jobs.test, peer, secret), self._fail)
        task.finished.connect(self._tell)
        self._dialog.finished.connect(task.cancel)
        self._follow()
        self._told.say(TEST_RUNS.format(name=peer.name), "muted")

    def run_stop(self) -> None:
        """Wait no longer; what the node answers later is not shown."""
        if self._task is not None:
            self._task.cancel()
            self._end()
            self._told.say(TEST_STOPPED, "muted")

    def tell_failure(self, error: Exception) -> None:
        """Say why something failed that has to do with a node."""
        if isinstance(error, NetworkError):
            self._told.say(failure_words(error), "danger")
        else:
            self._desk.tell(error)

    def _tell(self, test: PeerTest) -> None:
        self._end()
        self._told.say(test_words(test), "good" if test.has_passed else "danger")

    def _fail(self, error: Exception) -> None:
        self._end()
        self.tell_failure(error)

    def _end(self) -> None:
        self._task = None
        self._follow()
