"""SpineAlign's own receiver: takes in what a rule asks for, answers what peers report.

Everything else is refused with the status that says why (PS3.4 B.2.3, PS3.7 annex C).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from pydicom import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    Verification,
)

from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.network.associations import own_entity, shut
from spinealign.network.auditing import Auditor, place_of_caller
from spinealign.network.connecting import Timeouts, server_context, without_delay
from spinealign.network.handover import Handover, put
from spinealign.network.inbox import Inbox
from spinealign.network.objects import (
    COMPRESSED,
    IMAGE_CLASSES,
    RESULT_CLASSES,
    UNCOMPRESSED,
    ObjectHead,
    parsed_head,
)
from spinealign.network.peers import NetworkSettings

STORED = 0x0000
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
SAME_UID = 0x0111
NOT_AUTHORISED = 0x0124
INVALID_ARGUMENT = 0x0115

_MOST_ASSOCIATIONS = 32
_FAREWELL_S = 1.0
_COMMITTED_TO_ALL, _COMMITTED_TO_SOME = 1, 2
"""Event types of storage commitment (PS3.4 J.3.3)."""

Status: TypeAlias = int | Dataset
"""A status of C-STORE, alone or with a comment."""
Expected = Callable[[ObjectHead, bytes], int]
"""Takes an object that was asked for and returns the status to be answered."""
Report = Callable[[Sequence[str], str, Sequence[str], Sequence[str]], bool]
"""Takes names of peers, transaction, UIDs kept and refused; returns whether it was asked for."""


class Receiver:
    """A storage service class provider; it listens while it is started.

    Parameters
    ----------
    settings : NetworkSettings
        A change of them needs a new receiver.
    inbox : Inbox
    report : callable
        Is given what peers report on storage commitments.
    now : callable
        Returns seconds since 1970.
    timeouts : Timeouts
    on_arrival : callable
        Is called after each object that was kept.
    handover : Handover, optional
        Knows what other programs of the profile wait for.
    auditor : Auditor, optional
        Records what comes, and who may not call.
    """

    def __init__(
        self, settings: NetworkSettings, inbox: Inbox, report: Report, now: Callable[[], float],
        timeouts: Timeouts, on_arrival: Callable[[], None] = lambda: None,
        handover: Handover | None = None, auditor: Auditor | None = None,
    ) -> None:  # fmt: skip
        self._auditor = auditor or Auditor()
        self._settings = settings
        self._handover = handover
        self._inbox = inbox
        self._report = report
        self._now = now
        self._timeouts = timeouts
        self._on_arrival = on_arrival
        self._expected: dict[str, tuple[str, Expected]] = {}
        self._lock = threading.Lock()
        self._server: Any = None

    @property
    def title(self) -> str:
        """What it is called."""
        return self._settings.receiver.title

    @property
    def is_listening(self) -> bool:
        """Whether peers can connect."""
        return self._server is not None

    def start(self) -> None:
        """Listen.

        Raises
        ------
        NetworkError
            The port is in use or not allowed, or a certificate cannot be read.
        """
        own = self._settings.receiver
        if not self.known_titles:  # an empty list would let everybody call
            raise NetworkError(NetworkProblem.NO_RULES)
        tls = server_context(own.tls, self._timeouts.connect) if own.tls is not None else None
        entity = own_entity(own.title, self._timeouts)
        entity.maximum_associations = _MOST_ASSOCIATIONS
        entity.require_called_aet = True
        entity.require_calling_aet = self.known_titles
        entity.add_supported_context(Verification)
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        for sop_class in IMAGE_CLASSES:
            entity.add_supported_context(sop_class, [*UNCOMPRESSED, *COMPRESSED])
        for sop_class in RESULT_CLASSES:
            entity.add_supported_context(sop_class, list(UNCOMPRESSED))
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, _opened), (evt.EVT_C_STORE, self._stored),
            (evt.EVT_N_EVENT_REPORT, self._reported), (evt.EVT_CONN_CLOSE, self._closed),
            (evt.EVT_REJECTED, self._rejected),
        ]  # fmt: skip
        try:
            self._server = entity.start_server(
                (own.address, own.port), block=False, evt_handlers=handlers, ssl_context=tls
            )
        except OSError as error:
            detail = f"port {own.port}: {error.strerror or ''}".rstrip(": ")
            raise NetworkError(NetworkProblem.OWN_PORT, detail=detail) from error

    @property
    def known_titles(self) -> list[str]:
        """Titles that may call: those of the rules and of the configured peers."""
        named = [rule.calling_title for rule in self._settings.receiver.rules]
        named += [title for peer in self._settings.peers if (title := _title(peer))]
        return list(dict.fromkeys(named))

    def stop(self) -> None:
        """Listen no longer; associations that are going on are ended, whoever is silent in them."""
        if self._server is None:
            return
        server, self._server = self._server, None
        associations = server.active_associations
        for association in associations:
            if association.is_established:
                association.abort(block=False)
        until = time.monotonic() + _FAREWELL_S
        for association in associations:
            association.join(max(0.0, until - time.monotonic()))
            if association.is_alive():  # its peer does not go
                shut(association)
                association.join(_FAREWELL_S)
        server.shutdown()

    @contextmanager
    def expecting(
        self, study_uid: str, title: str, take: Expected, series_uid: str = ""
    ) -> Iterator[None]:
        """Hand objects of a study that was asked for to somebody else than the inbox.

        Parameters
        ----------
        study_uid : str
        title : str
            Of the peer that was asked; it may send from another one, if it says who moved them.
        take : callable
            Refuses what is not wanted.
        series_uid : str
            Empty for all of the study; who takes knows it.
        """
        with self._lock:
            self._expected[study_uid] = title, take
        try:
            yield
        finally:
            with self._lock:
                self._expected.pop(study_uid, None)

    def _stored(self, event: Any) -> Status:
        try:
            content = event.encoded_dataset()
            head = parsed_head(content)
        except NetworkError:
            return CANNOT_UNDERSTAND
        request = event.request
        stated = (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
        if stated != (head.sop_class, head.sop_uid):
            return DOES_NOT_MATCH
        calling_title = event.assoc.requestor.ae_title
        with self._lock:
            title, take = self._expected.get(head.study_uid, ("", None))
        is_moved = bool(request.MoveOriginatorApplicationEntityTitle)
        if take is not None and (is_moved or calling_title == title):
            return take(head, content)
        try:
            if self._handed_over(head, content, calling_title, is_moved):
                return STORED
        except (OSError, NetworkError):
            return OUT_OF_RESOURCES
        if not self._auditor.catches_up():
            return _with_comment(OUT_OF_RESOURCES, "The audit trail cannot be written")
        status = self._taken_in(head, content, calling_title)
        if status == STORED:
            self._auditor.came(head, place_of_caller(event.assoc))
        return status

    def _handed_over(
        self, head: ObjectHead, content: bytes, calling_title: str, is_moved: bool
    ) -> bool:
        """Put an object where another program of this profile waits for it, if one does."""
        if self._handover is None:
            return False
        place = self._handover.place_for(head, calling_title, is_moved=is_moved)
        if place is not None:
            put(place, head, content)
        return place is not None

    def _closed(self, event: Any) -> None:
        self._auditor.is_done(place_of_caller(event.assoc))

    def _rejected(self, event: Any) -> None:
        self._auditor.refused(place_of_caller(event.assoc))

    def _taken_in(self, head: ObjectHead, content: bytes, calling_title: str) -> Status:
        own = self._settings.receiver
        if own.rule_for(calling_title, head.modality, head.body_part) is None:
            return NOT_AUTHORISED
        try:
            ready_at = self._now() + own.quiet_seconds
            self._inbox.take(head, content, calling_title, ready_at)
        except NetworkError as error:
            if error.problem is not NetworkProblem.SAME_UID:
                return OUT_OF_RESOURCES
            return _with_comment(SAME_UID, "Another object of this SOP Instance UID was received")
        self._on_arrival()
        return STORED

    def _reported(self, event: Any) -> tuple[int, None]:
        calling_title = event.assoc.requestor.ae_title
        names = [peer.name for peer in self._settings.peers if _title(peer) == calling_title]
        if event.event_type not in (_COMMITTED_TO_ALL, _COMMITTED_TO_SOME):
            return 0x0113, None
        try:
            was_asked = self._report(names, *reported(event.event_information))
        except NetworkError:
            return 0x0110, None
        return (STORED if was_asked else INVALID_ARGUMENT), None


def reported(information: Dataset) -> tuple[str, list[str], list[str]]:
    """Return transaction, UIDs kept and UIDs refused of a report on a storage commitment."""
    kept = [
        str(item.ReferencedSOPInstanceUID) for item in information.get("ReferencedSOPSequence", ())
    ]
    refused = [
        str(item.ReferencedSOPInstanceUID) for item in information.get("FailedSOPSequence", ())
    ]
    return str(information.get("TransactionUID", "")), kept, refused


def _with_comment(status: int, comment: str) -> Dataset:
    """Return a status with an error comment (PS3.7 C.4.1), which is 64 letters at most."""
    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = comment
    return answer


def _title(peer: Any) -> str:
    return str(getattr(peer, "called_title", ""))


def _opened(event: Any) -> None:
    without_delay(event.assoc.dul.socket.socket)
