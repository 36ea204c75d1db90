"""What the network does, as events of PS3.15 A.5, where somebody keeps an audit trail.

What leaves is recorded before it does, and again with what became of it: what cannot be recorded is
not sent, searched for or taken in.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from spinealign.audit.events import AuditObject, EventKind, ObjectKind, Outcome
from spinealign.domain.network import NetworkError, StudyQuery
from spinealign.network.objects import Answer, ObjectFile, ObjectHead, head_of_file
from spinealign.network.peers import DicomPeer, Peer


class Record(Protocol):
    """Writes an event, which is on the disk when this returns, as `vault.session.Session` does."""

    def __call__(
        self, kind: EventKind, /, *objects: AuditObject, outcome: Outcome = ...,
        description: str = ..., peer: str = ...,
    ) -> None:  # fmt: skip
        """Write an event, or raise what says why it could not be written."""


class Auditor:
    """Says what happened to whoever keeps the trail; without one it says nothing.

    Parameters
    ----------
    record : Record, optional
        Is called from one thread at a time, but from any.
    """

    def __init__(self, record: Record | None = None) -> None:
        self._record = record
        self._lock = threading.RLock()
        self._came: dict[str, list[ObjectHead]] = {}
        self._left: list[tuple[EventKind, tuple[AuditObject, ...], Outcome, str]] = []

    def asks(self, peer: Peer, service: str, query: StudyQuery | str) -> None:
        """Record a search before it is made.

        Parameters
        ----------
        peer : Peer
        service : str
            SOP Class UID, or name of the web's service.
        query : StudyQuery or str
            Or the study whose series are asked for.
        """
        asked = {"study_uid": query} if isinstance(query, str) else asdict(query)
        text = json.dumps({key: value for key, value in asked.items() if value}, sort_keys=True)
        self._write(
            EventKind.QUERY, (AuditObject(ObjectKind.QUERY, service, query=text),), place_of(peer)
        )

    def begins_to_send(self, peer: Peer, files: Sequence[ObjectFile]) -> None:
        """Record what is sent, before it is."""
        if self._record is not None:
            objects = _objects(_heads_of(files))
            self._write(EventKind.BEGIN_TRANSFER, objects, place_of(peer))

    def sent(self, peer: Peer, answers: Sequence[Answer]) -> None:
        """Record what became of objects that were sent."""
        if self._record is None:
            return
        for has_failed, outcome in ((False, Outcome.SUCCESS), (True, Outcome.SERIOUS_FAILURE)):
            some = [(file, why) for file, why in answers if (why is not None) == has_failed]
            why = ", ".join(dict.fromkeys(each.problem.value for _, each in some if each))
            if some:
                objects = _objects(_heads_of([file for file, _ in some]))
                self._write(EventKind.SEND, objects, place_of(peer), outcome, why)

    def retrieved(
        self, peer: Peer, heads: Iterable[ObjectHead], failure: NetworkError | None
    ) -> None:
        """Record what was retrieved, all of it or what came until it failed."""
        outcome = Outcome.SUCCESS if failure is None else Outcome.SERIOUS_FAILURE
        why = "" if failure is None else failure.problem.value
        self._write(EventKind.RECEIVE, _objects(heads), place_of(peer), outcome, why)

    # The receiver

    def came(self, head: ObjectHead, peer: str) -> None:
        """Note an object that was taken in; it is recorded when its sender is done."""
        if self._record is not None:
            with self._lock:
                self._came.setdefault(peer, []).append(head)

    def is_done(self, peer: str) -> None:
        """Record what a sender sent."""
        with self._lock:
            heads = self._came.pop(peer, [])
            if heads:
                self._left.append((EventKind.RECEIVE, _objects(heads), Outcome.SUCCESS, peer))
            self.catches_up()

    def refused(self, peer: str) -> None:
        """Record that a node that may not call did."""
        if self._record is not None:
            with self._lock:
                node = AuditObject(ObjectKind.NODE, peer)
                self._left.append((EventKind.NODE_REFUSED, (node,), Outcome.MINOR_FAILURE, peer))
                self.catches_up()

    def catches_up(self) -> bool:
        """Record what could not be recorded before; return whether nothing is left."""
        with self._lock:
            try:
                while self._left:
                    kind, objects, outcome, peer = self._left[0]
                    self._write(kind, objects, peer, outcome)
                    del self._left[0]
            except Exception:  # noqa: BLE001 - databases raise their own; nothing is taken in then
                return False
            return True

    def _write(
        self, kind: EventKind, objects: Sequence[AuditObject], peer: str,
        outcome: Outcome = Outcome.SUCCESS, description: str = "",
    ) -> None:  # fmt: skip
        if self._record is not None:
            with self._lock:
                self._record(kind, *objects, outcome=outcome, description=description, peer=peer)


def place_of(peer: Peer) -> str:
    """Return a peer as the trail names it."""
    if isinstance(peer, DicomPeer):
        return f"{peer.called_title}@{peer.host}:{peer.port}"
    return peer.url


def place_of_caller(association: Any) -> str:
    """Return who calls the receiver, as the trail names it."""
    caller = association.requestor
    return f"{caller.ae_title}@{caller.address}:{caller.port}"


def _heads_of(files: Iterable[ObjectFile]) -> list[ObjectHead]:
    heads = []
    for file in files:
        try:
            heads.append(head_of_file(file.path))
        except NetworkError:  # it is gone, and not sent either
            continue
    return heads


def _objects(heads: Iterable[ObjectHead]) -> tuple[AuditObject, ...]:
    """Return patients, and studies with how many objects of each class (PS3.15 A.5.3.7)."""
    known = list(heads)
    patients = dict.fromkeys(head.patient_id for head in known)
    counted = Counter((head.study_uid, head.sop_class) for head in known)
    return (
        *(AuditObject(ObjectKind.PATIENT, identifier) for identifier in patients),
        *(
            AuditObject(ObjectKind.STUDY, study, sop_class_uid=sop_class, instances=count)
            for (study, sop_class), count in counted.items()
        ),
    )
