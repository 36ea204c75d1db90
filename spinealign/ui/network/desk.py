"""The network behind one window: what is configured, the work on it, and when it goes on.

Nothing of it is loaded, no file made and no socket opened before a person configured something.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import SpineAlignError, UnexpectedError
from spinealign.domain.network import (
    ArrivalState,
    ArrivedSeries,
    Delivery,
    DeliveryState,
    NetworkError,
)
from spinealign.ui.work.tasks import Task, TaskRunner, Work
from spinealign.ui.workbench import Workbench
from spinealign.wording.failures import Message
from spinealign.wording.network import NO_KEY_STORE

if TYPE_CHECKING:
    from spinealign.network.analyser import Analysed
    from spinealign.network.node import Network
    from spinealign.network.peers import NetworkSettings, Peer, ReceiverSettings

_SHORTEST_PAUSE_MS, _LONGEST_PAUSE_MS = 1000, 3_600_000
_LISTENING_MS = 1000
"""How often it is looked whether something arrived: what arrives cannot call a window."""

OnNetwork = Callable[["Network"], Work]
"""Work that is given the network in its thread."""


@dataclass(frozen=True)
class NetworkState:
    """What is configured, queued and received now.

    Parameters
    ----------
    settings : NetworkSettings
    deliveries : tuple of Delivery
    arrivals : tuple of ArrivedSeries
    is_receiving : bool
    wait_s : float or None
        In how many seconds there is something to do; None without any.
    has_fetched : bool
        Whether retrieved images lie on this computer.
    """

    settings: NetworkSettings
    deliveries: tuple[Delivery, ...] = ()
    arrivals: tuple[ArrivedSeries, ...] = ()
    is_receiving: bool = False
    wait_s: float | None = None
    has_fetched: bool = False

    @property
    def waiting_count(self) -> int:
        """How many objects are on their way, and received series not yet analysed."""
        on_way = (DeliveryState.WAITING, DeliveryState.SENT, DeliveryState.ASKED)
        not_done = (ArrivalState.ARRIVING, ArrivalState.ANALYSING)
        return sum(d.state in on_way for d in self.deliveries) + sum(
            a.state in not_done for a in self.arrivals
        )

    @property
    def failed_count(self) -> int:
        """How many objects and series wait for a person."""
        return sum(d.state is DeliveryState.FAILED for d in self.deliveries) + sum(
            a.state is ArrivalState.FAILED for a in self.arrivals
        )


class NetworkDesk(QObject):
    """Runs all work on the network in threads of its own, and says what is new.

    `changed` brings a `NetworkState`. Each question to a node has a thread of its own, so that a
    node that never answers holds up no other one; the queue has one thread.

    Parameters
    ----------
    bench : Workbench
    choices : callable
        How DICOM objects of received series are written.
    """

    changed = pyqtSignal(object)

    def __init__(
        self, bench: Workbench, choices: Callable[[], DicomChoices], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._bench, self._choices = bench, choices
        self._network: Network | None = None
        self._opening = threading.Lock()
        self._secrets: dict[str, str] = {}
        self._told_broken = self._is_closed = False
        self.state: NetworkState | None = None
        self._records, self._post = self._new_runner(), self._new_runner()
        self._askers: list[TaskRunner] = []
        self._is_posting = self._is_analysing = False
        self._due, self._ear = QTimer(self), QTimer(self)
        self._due.setSingleShot(True)
        self._due.timeout.connect(self.go_on)
        self._ear.setInterval(_LISTENING_MS)
        self._ear.timeout.connect(self._listen)

    def begin(self) -> None:
        """Go on with what an earlier start left, and start the receiver if it is wanted."""

        def work(network: Network) -> Generator[None, None, NetworkState]:
            yield
            receiver = network.settings.receiver
            if receiver.is_on and receiver.rules:
                network.start_receiver()
            return state_of(network)

        self._take(self.record(work))

    def shut_down(self) -> None:
        """Stop listening and sending; what waits stays in the queue."""
        self._is_closed = True
        self._due.stop()
        self._ear.stop()
        for runner in (self._records, self._post, *self._askers):
            runner.shutdown()
        if self._network is not None:
            self._network.close()

    # Work

    def ask(self, work: OnNetwork, report: Callable[[Exception], object] | None = None) -> Task:
        """Ask a node something, in a thread that nobody else waits for."""
        idle = next((one for one in self._askers if not one.is_busy), None)
        if idle is None:
            idle = self._new_runner()
            self._askers.append(idle)
        return self._submit(idle, work, report)

    def record(self, work: OnNetwork, report: Callable[[Exception], object] | None = None) -> Task:
        """Read or write what is kept on this computer, one after another."""
        return self._submit(self._records, work, report or self._fail)

    def refresh(self) -> None:
        """Look anew at what is configured, queued and received."""
        self._take(self.record(_look))

    def change(
        self, act: Callable[[Network], object], report: Callable[[Exception], object] | None = None
    ) -> Task:
        """Change what is kept, then look at it anew and go on with what is due."""

        def work(network: Network) -> Generator[None, None, NetworkState]:
            yield
            act(network)
            return state_of(network)

        task = self.record(work, report)
        self._take(task)
        return task

    def save_peer(
        self, peer: Peer, secret: str | None, replaces: bool,
        report: Callable[[Exception], object] | None = None,
    ) -> Task:  # fmt: skip
        """Keep a node; its password or token goes into the key store, or is kept until the end."""

        def act(network: Network) -> None:
            is_kept = network.save_peer(peer, secret, replaces=replaces)
            if secret is not None and not is_kept:
                self._secrets[peer.name] = secret

        task = self.change(act, report)
        if secret is not None:
            task.finished.connect(lambda _: self._tell_secret(peer.name))
        return task

    def save_receiver(
        self, receiver: ReceiverSettings, report: Callable[[Exception], object] | None = None
    ) -> Task:
        """Keep the receiver's settings, and start or stop it as they say."""

        def act(network: Network) -> None:
            network.save_receiver(receiver)
            network.stop_receiver()
            if receiver.is_on:
                network.start_receiver()

        return self.change(act, report)

    def retry(self, numbers: Sequence[int]) -> None:
        """Send objects now, also those that wait for a person."""
        task = self.change(lambda network: network.retry(numbers))
        task.finished.connect(lambda _: self.go_on())

    def keep_secret(self, name: str, secret: str) -> None:
        """Know the password or token of a node until the program is closed."""
        self._secrets[name] = secret

    def tell(self, error: Exception) -> None:
        """Tell of a failure that a dialog has no words of its own for."""
        self._bench.messages.report(error)

    def go_on(self) -> None:
        """Send all that is due, and analyse what arrived."""
        self._due.stop()
        if self._is_closed:
            return
        if not self._is_posting:
            self._is_posting = True
            task = self._submit(self._post, _deliver, self._fail)
            task.ended.connect(self._posted)
        self._analyse()

    # What comes of it

    def _posted(self) -> None:
        self._is_posting = False
        self._refresh_if_open()

    def _analyse(self) -> None:
        """Analyse one received series, in the thread of all analyses."""
        state = self.state
        due = state is not None and any(a.state in _TO_DO for a in state.arrivals)
        if self._is_analysing or not due:
            return
        self._is_analysing = True
        services, choices = self._bench.services, self._choices()

        def work() -> Generator[object, None, object]:
            yield "arrived"
            network = self.node()

            def analyse(_series: ArrivedSeries, folder: Path) -> Sequence[Path]:
                out = network.results_folder / folder.name
                try:
                    return services.analyse_arrived(folder, out, services.models(), choices)
                except SpineAlignError:
                    raise
                except Exception as error:
                    # Else the series would be taken up again and again.
                    raise UnexpectedError(folder, error) from error

            return (yield from _first_of(network.analyse(analyse)))

        task = self._bench.inference.submit(work, self._fail)
        task.ended.connect(self._analysed)

    def _analysed(self) -> None:
        self._is_analysing = False
        self._refresh_if_open()

    def _refresh_if_open(self) -> None:
        if not self._is_closed:
            self.refresh()

    def _listen(self) -> None:
        network = self._network
        if network is not None and (network.has_arrived.is_set() or network.has_been_told.is_set()):
            network.has_arrived.clear()
            network.has_been_told.clear()
            self.refresh()

    def _take(self, task: Task) -> None:
        task.finished.connect(self._adopt)

    def _adopt(self, state: NetworkState) -> None:
        self.state = state
        if self._is_closed:
            return
        listens = state.is_receiving or any(
            d.state is DeliveryState.ASKED for d in state.deliveries
        )
        if listens != self._ear.isActive():
            self._ear.start() if listens else self._ear.stop()
        if state.wait_s is None or self._is_posting or self._is_analysing:
            self._due.stop()  # what is being done looks anew at its end
        else:
            pause = round(1000 * state.wait_s)
            self._due.start(min(max(pause, _SHORTEST_PAUSE_MS), _LONGEST_PAUSE_MS))
        self.changed.emit(state)

    def _tell_secret(self, name: str) -> None:
        if name in self._secrets:
            self._bench.messages.notice(Message(NO_KEY_STORE, ""))

    def _fail(self, error: Exception) -> None:
        """Tell a failure; that the settings are broken is told once."""
        is_broken = isinstance(error, NetworkError) and error.problem.value == "settings_broken"
        if not (is_broken and self._told_broken):
            self._bench.messages.report(error)
        self._told_broken = self._told_broken or is_broken

    # Its parts

    def _new_runner(self) -> TaskRunner:
        runner = TaskRunner(self._bench.messages, self)
        self._bench.add_runner(runner)
        return runner

    def _submit(
        self, runner: TaskRunner, work: OnNetwork, report: Callable[[Exception], object] | None
    ) -> Task:
        def start() -> Work:
            return (yield from work(self.node()))

        return runner.submit(start, report)

    def node(self) -> Network:
        """Return the network, opened when it is wanted for the first time; for threads of work."""
        with self._opening:
            if self._network is None:
                secret_of = self._secrets.get
                self._network = self._bench.services.open_network(lambda peer: secret_of(peer.name))
            return self._network


_TO_DO = (ArrivalState.ARRIVING, ArrivalState.ANALYSING)


def state_of(network: Network) -> NetworkState:
    """Return what is configured, queued and received; looks into the queue only if there is one."""
    settings = network.settings
    fetched = network.fetched_folder.is_dir()
    if not (network.has_queue or network.is_receiving):
        return NetworkState(settings, has_fetched=fetched)
    return NetworkState(
        settings, tuple(network.deliveries), tuple(network.arrivals), network.is_receiving,
        network.seconds_to_wait(), fetched,
    )  # fmt: skip


def _look(network: Network) -> Generator[None, None, NetworkState]:
    yield
    return state_of(network)


def _deliver(network: Network) -> Generator[object, None, None]:
    yield None
    if network.has_queue:
        yield from network.deliver()


def _first_of(work: Generator[Analysed, None, None]) -> Generator[object, None, object]:
    """Take one step: other analyses come in between."""
    try:
        done = next(work, None)
        yield done
        return done
    finally:
        work.close()
