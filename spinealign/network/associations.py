"""DICOM associations (PS3.8): requested, kept from waiting for ever, and failures told apart."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ABORT
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationSocket

from spinealign.dicom.identifiers import IMPLEMENTATION_NAME, IMPLEMENTATION_UID
from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.network.connecting import (
    Sockets,
    Timeouts,
    addresses_of,
    client_context,
    problem_of,
    watched_sockets,
    without_delay,
)
from spinealign.network.peers import DicomPeer

_CALLING_NOT_KNOWN, _CALLED_NOT_KNOWN = 3, 7
"""Reasons of a rejection by the service user (PS3.8 table 9-21)."""
_SERVICE_USER, _PRESENTATION = 1, 3

_MOST_MEMORY_PDU = 131072
"""Bytes of the largest message part that is taken in at once."""

# Data sets hold patients: none of them goes to a log. Objects go out byte by byte as they lie on
# the disk.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.STORE_SEND_CHUNKED_DATASET = True


def _shut(self: AssociationSocket) -> None:
    """Close a socket, also one that never connected, and remember why it did not.

    pynetdicom 3.0.4 leaves such a socket open (`AssociationSocket._shutdown_socket`), and only logs
    the reason.
    """
    failure = sys.exc_info()[1]
    if isinstance(failure, OSError):
        self.assoc.connection_failure = failure
    if self.socket is not None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


AssociationSocket._shutdown_socket = _shut


class _Entity(AE):  # type: ignore[misc]
    """An application entity whose associations an interrupt ends, from before they connect."""

    sockets: Sockets | None = None

    def _create_socket(self, *arguments: Any) -> AssociationSocket:
        made = super()._create_socket(*arguments)
        if self.sockets is not None and made.socket is not None:
            try:
                self.sockets.watch(made.socket)
            except BaseException:
                made.socket.close()
                raise
        return made


def own_entity(title: str, timeouts: Timeouts, sockets: Sockets | None = None) -> AE:
    """Return this program as an application entity."""
    entity = _Entity(title)
    entity.sockets = sockets
    entity.implementation_class_uid = IMPLEMENTATION_UID
    entity.implementation_version_name = IMPLEMENTATION_NAME
    entity.maximum_pdu_size = _MOST_MEMORY_PDU
    entity.connection_timeout = timeouts.connect
    entity.acse_timeout = timeouts.associate
    entity.dimse_timeout = timeouts.answer
    entity.network_timeout = timeouts.answer
    return entity


def shut(association: Association) -> None:
    """End a connection at once: whoever waits for it in this program goes on."""
    connection = association.dul.socket
    if connection is not None and connection.socket is not None:
        with suppress(OSError):
            connection.socket.shutdown(socket.SHUT_RDWR)


class Talk:
    """An association with a peer, and what became of it.

    Parameters
    ----------
    peer : DicomPeer
    sockets : Sockets
    """

    def __init__(self, peer: DicomPeer, sockets: Sockets) -> None:
        self.peer = peer
        self._sockets = sockets
        self.association: Association
        self._has_connected = False
        self._has_given_up = False

    def accepts(self, sop_class: str, *, as_scp: bool = False) -> bool:
        """Whether the peer accepted a service, or to call us as the provider of it."""
        return any(
            each.abstract_syntax == sop_class and (each.as_scp if as_scp else each.as_scu)
            for each in self.association.accepted_contexts
        )

    def require(self, sop_class: str) -> None:
        """Refuse to go on where the peer did not accept a service.

        Raises
        ------
        NetworkError
        """
        if not self.accepts(sop_class):
            raise NetworkError(NetworkProblem.NOT_SUPPORTED, self.peer.name)

    def status_of(self, answer: Dataset) -> int:
        """Return the status of an answer (PS3.7 annex C).

        Raises
        ------
        NetworkError
            There is none: the peer did not answer in time, or ended the association.
        """
        if "Status" in answer:
            return int(answer.Status)
        raise self.lost()

    def lost(self) -> NetworkError:
        """Return how an answer got lost: this side gave up waiting, or the other one went."""
        if self._has_given_up:
            return NetworkError(NetworkProblem.TIMED_OUT, self.peer.name, self._place)
        return NetworkError(NetworkProblem.ABORTED, self.peer.name)

    @property
    def _place(self) -> str:
        return f"{self.peer.host}, port {self.peer.port}"

    def request(
        self,
        contexts: Sequence[PresentationContext],
        timeouts: Timeouts,
        roles: Sequence[Any],
        handlers: Sequence[tuple[Any, Callable[..., Any]]],
    ) -> None:
        """Request the association.

        Raises
        ------
        NetworkError
        """
        peer = self.peer
        tls = client_context(peer.tls, peer.name) if peer.tls is not None else None
        entity = own_entity(peer.calling_title, timeouts, self._sockets)
        for address in addresses_of(peer.host, peer.port, peer.name):
            self.association = entity.associate(
                address, peer.port, list(contexts), ae_title=peer.called_title,
                ext_neg=list(roles), tls_args=(tls, peer.host) if tls else None,
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, self._opened), (evt.EVT_ACSE_SENT, self._sent), *handlers,
                ],
            )  # fmt: skip
            if self.association.is_established:
                return
            if self._has_connected:
                failure = self._refusal()
                self.close()
                raise failure
        raise self._unconnected()

    def close(self) -> None:
        """Close the connection; pynetdicom leaves it open where it ends an association itself."""
        connection = self.association.dul.socket
        if connection is not None and connection.socket is not None:
            connection.socket.close()

    def _unconnected(self) -> NetworkError:
        failure = getattr(self.association, "connection_failure", None)
        problem, detail = (NetworkProblem.CLOSED, "") if failure is None else problem_of(failure)
        return NetworkError(problem, self.peer.name, detail or self._place)

    def _opened(self, event: Any) -> None:
        self._has_connected = True
        without_delay(event.assoc.dul.socket.socket)

    def _sent(self, event: Any) -> None:
        self._has_given_up |= isinstance(event.primitive, A_ABORT)

    def _refusal(self) -> NetworkError:
        """Return why a peer to whom there was a connection did not enter an association."""
        association, name = self.association, self.peer.name
        answer: Any = association.acceptor.primitive
        if association.rejected_contexts:
            return NetworkError(NetworkProblem.NOTHING_ACCEPTED, name)
        if association.is_rejected and answer is not None:
            return self._rejection(answer.result_source, answer.diagnostic)
        return self.lost()

    def _rejection(self, source: int, reason: int) -> NetworkError:
        peer = self.peer
        if source == _SERVICE_USER and reason == _CALLING_NOT_KNOWN:
            return NetworkError(NetworkProblem.CALLING_TITLE, peer.name, peer.calling_title)
        if source == _SERVICE_USER and reason == _CALLED_NOT_KNOWN:
            return NetworkError(NetworkProblem.CALLED_TITLE, peer.name, peer.called_title)
        if source == _PRESENTATION:
            return NetworkError(NetworkProblem.BUSY, peer.name)
        return NetworkError(NetworkProblem.REJECTED, peer.name)


@contextmanager
def associated(
    peer: DicomPeer,
    contexts: Sequence[PresentationContext],
    timeouts: Timeouts,
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[tuple[Any, Callable[..., Any]]] = (),
) -> Iterator[Talk]:
    """Have an association with a peer; it is released at the end, aborted after a failure.

    Parameters
    ----------
    peer : DicomPeer
    contexts : sequence of PresentationContext
    timeouts : Timeouts
    roles : sequence
        Role selections (PS3.7 D.3.3.4). For C-GET both roles: a role of SCP alone would withdraw
        that of SCU.
    handlers : sequence of (event, callable)

    Raises
    ------
    NetworkError
    Cancelled
        The thread was interrupted: its connection is shut already.
    """
    with watched_sockets() as sockets:
        talk = Talk(peer, sockets)
        talk.request(contexts, timeouts, roles, handlers)
        is_whole = False
        try:
            yield talk
            is_whole = True
        finally:
            if talk.association.is_established:
                if is_whole:
                    talk.association.release()
                else:
                    talk.association.abort()
            talk.close()


_PROBLEM_OF_STATUS = {
    0xA801: NetworkProblem.UNKNOWN_DESTINATION,
    0x0111: NetworkProblem.OBJECT_REFUSED,
    0x0122: NetworkProblem.NOT_SUPPORTED,
    0x0124: NetworkProblem.NOT_AUTHORISED,
}
_PROBLEM_OF_BEGINNING = {
    0xA7: NetworkProblem.PEER_FULL,
    0xA9: NetworkProblem.OBJECT_REFUSED,
    **dict.fromkeys(range(0xC0, 0xD0), NetworkProblem.OBJECT_REFUSED),
}


def failure_of(status: int, peer: DicomPeer) -> NetworkError:
    """Return what a status of failure means (PS3.4 B.2.3 and C.4, PS3.7 annex C)."""
    problem = _PROBLEM_OF_STATUS.get(status) or _PROBLEM_OF_BEGINNING.get(status >> 8)
    is_ours = problem is NetworkProblem.UNKNOWN_DESTINATION
    detail = peer.calling_title if is_ours else f"{status:04X}"
    return NetworkError(problem or NetworkProblem.STATUS, peer.name, detail)
