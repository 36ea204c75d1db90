"""The queue worked off: what is due is sent, asked commitment for, and tried again later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from spinealign.domain.interrupts import interrupt_of_thread
from spinealign.domain.network import DeliveryState, NetworkError, NetworkProblem
from spinealign.files import held_alone
from spinealign.network.auditing import Auditor
from spinealign.network.connecting import Timeouts
from spinealign.network.objects import Answer, ObjectFile
from spinealign.network.outbox import Outbox, Outgoing
from spinealign.network.peers import DicomPeer, NetworkSettings, Peer

_MOST_AT_ONCE = 200
"""Objects of one association, or of one request of commitment."""

_LOOKED_AT_S = 0.5
"""How often it is looked whether another program was told of a commitment."""

_ENDS_ROUND = {NetworkProblem.PEER_FULL}
"""Failures of one object that the next one would meet as well."""

SecretOf = Callable[[Peer], str | None]


@dataclass(frozen=True)
class Sent:
    """Progress of sending: to whom, and how many of how many were answered."""

    peer: str
    done: int
    total: int
    failure: NetworkError | None = None


class Sender:
    """Sends what is due; only one program at a time to a peer.

    Parameters
    ----------
    outbox : Outbox
    settings : NetworkSettings
    secret_of : callable
        Returns password or token of a peer.
    now : callable
        Returns seconds since 1970.
    timeouts : Timeouts
    on_report : callable
        Is called after each report on a storage commitment.
    auditor : Auditor, optional
        Records what is sent.
    """

    def __init__(
        self, outbox: Outbox, settings: NetworkSettings, secret_of: SecretOf,
        now: Callable[[], float], timeouts: Timeouts,
        on_report: Callable[[], None] = lambda: None, auditor: Auditor | None = None,
    ) -> None:  # fmt: skip
        self._auditor = auditor or Auditor()
        self._outbox = outbox
        self._settings = settings
        self._secret_of = secret_of
        self._now = now
        self._timeouts = timeouts
        self._on_report = on_report

    def deliver(self) -> Generator[Sent, None, None]:
        """Send all that is due, peer by peer; failures are kept with the objects."""
        self._outbox.ask_again(self._now())
        for name in self._outbox.peers_due(self._now()):
            with held_alone(self._outbox.lock_of(name), interrupt_of_thread()):
                yield from self._to(name)
        self._outbox.tidy()

    def _to(self, name: str) -> Generator[Sent, None, None]:
        try:
            peer = self._settings.peer(name)
        except NetworkError as failure:
            due = self._outbox.due(self._now(), name) + self._outbox.unasked(self._now(), name)
            self._fail(due, failure)
            return
        due = self._outbox.due(self._now(), name)
        for start in range(0, len(due), _MOST_AT_ONCE):
            batch = due[start : start + _MOST_AT_ONCE]
            ended_by = yield from self._send(peer, batch, start, len(due))
            if ended_by is not None:
                self._fail(due[start + len(batch) :], ended_by)
                break
        if isinstance(peer, DicomPeer):
            self._ask(peer)
        else:  # its name was given to a server, which commits itself by its answer
            rows = self._outbox.unasked(self._now(), name)
            self._outbox.mark_sent([row.number for row in rows], waits_for_commitment=False)

    def _send(
        self, peer: Peer, batch: Sequence[Outgoing], before: int, total: int
    ) -> Generator[Sent, None, NetworkError | None]:
        """Send objects; return what keeps others from being sent as well.

        An association that ends while an object is sent makes that object the suspect: the others
        go on in another one at once. Where the next one ends at its first object too, it is the
        peer.
        """
        left = {each.file.sop_uid: each for each in batch}
        self._auditor.begins_to_send(peer, [each.file for each in batch])
        try:
            has_broken, left_before = False, 0
            while left and len(left) != left_before:  # a round without an answer is the last one
                left_before = len(left)
                files = [each.file for each in left.values()]
                with closing(self._stored(peer, files)) as answers:
                    for answered in answers:
                        failure = self._note(peer, answered, left)
                        yield Sent(peer.name, before + len(batch) - len(left), total, failure)
                        if failure is not None and failure.problem in _ENDS_ROUND:
                            raise failure
                        breaks = _broke(failure)
                        if breaks and has_broken and left:
                            raise _of_peer(failure)
                        has_broken = breaks
        except NetworkError as failure:
            self._fail(list(left.values()), failure)
            self._auditor.sent(peer, [(row.file, failure) for row in left.values()])
            yield Sent(peer.name, before + len(batch) - len(left), total, failure)
            return failure
        return None

    def _note(
        self, peer: Peer, answered: Sequence[Answer], left: dict[str, Outgoing]
    ) -> NetworkError | None:
        """Note what became of objects of one answer; return a failure, if there is one."""
        waits = isinstance(peer, DicomPeer) and peer.asks_commitment
        rows = [(left.pop(file.sop_uid), failure) for file, failure in answered]
        sent = [row.number for row, failure in rows if failure is None]
        self._outbox.mark_sent(sent, waits_for_commitment=waits)
        self._auditor.sent(peer, answered)
        failures = []
        for row, failure in rows:
            if failure is not None:
                self._fail([row], failure)
                failures.append(failure)
        ending = (each for each in failures if each.problem in _ENDS_ROUND)
        return next(ending, failures[0] if failures else None)

    def _stored(
        self, peer: Peer, files: Sequence[ObjectFile]
    ) -> Generator[Sequence[Answer], None, None]:
        """Send objects; yields what became of those that were answered together."""
        if isinstance(peer, DicomPeer):
            from spinealign.network import dicom_services

            with closing(dicom_services.store(peer, files, self._timeouts)) as answers:
                for answer in answers:
                    yield [answer]
        else:
            from spinealign.network import web_services

            yield from web_services.store(peer, files, self._secret_of(peer), self._timeouts)

    def _ask(self, peer: DicomPeer) -> None:
        from spinealign.network.dicom_services import ask_commitment, new_transaction
        from spinealign.network.receiver import reported

        sent = self._outbox.unasked(self._now(), peer.name)
        for batch in _batches(sent):
            numbers = [each.number for each in batch]
            transaction = new_transaction()
            self._outbox.mark_asked(numbers, transaction, self._now())
            instances = [(each.file.sop_class, each.file.sop_uid) for each in batch]

            def take(information: object) -> None:
                told = reported(information)  # type: ignore[arg-type]
                self._outbox.mark_commitment([peer.name], *told, self._now())
                self._on_report()

            try:
                ask_commitment(peer, transaction, instances, take, self._timeouts)
            except NetworkError as failure:
                self._outbox.mark_failed(numbers, failure, self._now(), DeliveryState.SENT)
                return

    def _fail(self, rows: Sequence[Outgoing], failure: NetworkError) -> None:
        self._outbox.mark_failed([each.number for each in rows], failure, self._now())


def _broke(failure: NetworkError | None) -> bool:
    return failure is not None and failure.problem is NetworkProblem.BROKE_AT_OBJECT


def _of_peer(failure: NetworkError | None) -> NetworkError:
    """Return how an association ended, of the failure that blames an object for it."""
    cause = None if failure is None else failure.__cause__
    assert isinstance(cause, NetworkError)
    return cause


def committed(
    outbox: Outbox, seconds: float, has_been_told: threading.Event
) -> Generator[Sent, None, None]:
    """Wait for reports on storage commitments; ends when all came, or after so many seconds.

    Parameters
    ----------
    outbox : Outbox
    seconds : float
    has_been_told : threading.Event
        Is set where one came to this program; another program of the profile may take it, too.
    """
    until = time.monotonic() + seconds
    total = len(outbox.asked())
    while (left := len(outbox.asked())) and (still := until - time.monotonic()) > 0:
        yield Sent("", total - left, total)
        interrupt_of_thread().wait(has_been_told, min(still, _LOOKED_AT_S))
        has_been_told.clear()


def _batches(rows: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    for start in range(0, len(rows), _MOST_AT_ONCE):
        yield rows[start : start + _MOST_AT_ONCE]
