"""The queue worked off: what is due is sent, asked commitment for, and tried again later."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from spinealign.domain.network import DeliveryState, NetworkError, NetworkProblem
from spinealign.files import held_alone
from spinealign.network.connecting import Timeouts
from spinealign.network.objects import ObjectFile
from spinealign.network.outbox import Outbox, Outgoing
from spinealign.network.peers import DicomPeer, NetworkSettings, Peer

_MOST_AT_ONCE = 200
"""Objects of one association, or of one request of commitment."""

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
    """

    def __init__(
        self, outbox: Outbox, settings: NetworkSettings, secret_of: SecretOf,
        now: Callable[[], float], timeouts: Timeouts,
        on_report: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
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
            with held_alone(self._outbox.lock_of(name)):
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
            for row in self._outbox.unasked(self._now(), name):
                self._outbox.mark_sent(row.number, waits_for_commitment=False)

    def _send(
        self, peer: Peer, batch: Sequence[Outgoing], before: int, total: int
    ) -> Generator[Sent, None, NetworkError | None]:
        """Send objects on one association; return what keeps others from being sent as well."""
        left = {each.file.sop_uid: each for each in batch}
        waits = isinstance(peer, DicomPeer) and peer.asks_commitment
        try:
            with closing(self._stored(peer, [each.file for each in batch])) as answers:
                for file, failure in answers:
                    row = left.pop(file.sop_uid)
                    if failure is None:
                        self._outbox.mark_sent(row.number, waits_for_commitment=waits)
                    else:
                        self._fail([row], failure)
                    yield Sent(peer.name, before + len(batch) - len(left), total, failure)
                    if failure is not None and failure.problem in _ENDS_ROUND:
                        raise failure
        except NetworkError as failure:
            self._fail(list(left.values()), failure)
            yield Sent(peer.name, before + len(batch) - len(left), total, failure)
            return failure
        return None

    def _stored(
        self, peer: Peer, files: Sequence[ObjectFile]
    ) -> Generator[tuple[ObjectFile, NetworkError | None], None, None]:
        if isinstance(peer, DicomPeer):
            from spinealign.network import dicom_services

            yield from dicom_services.store(peer, files, self._timeouts)
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


def _batches(rows: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    for start in range(0, len(rows), _MOST_AT_ONCE):
        yield rows[start : start + _MOST_AT_ONCE]
