"""The services of DICOM nodes: verify, find, worklist, store, get, move, storage commitment.

Work that takes long is a generator: each `yield` is progress and the point of cancellation. One
that is closed early aborts its association, which ends the work at the peer too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeVar

from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import build_context, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from spinealign.domain.interrupts import interrupt_of_thread
from spinealign.domain.network import (
    MOST_ANSWERS,
    FoundSeries,
    FoundStudy,
    NetworkError,
    NetworkProblem,
    PeerTest,
    Service,
    StudyQuery,
    WorklistItem,
)
from spinealign.network import queries
from spinealign.network.associations import Talk, associated, failure_of
from spinealign.network.connecting import Timeouts
from spinealign.network.objects import Answer, ObjectFile, incoming_contexts
from spinealign.network.peers import DicomPeer

_PENDING = (0xFF00, 0xFF01)
_IMAGE_CLASSES_OF_TEST = (
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
    "1.2.840.10008.5.1.4.1.1.88.33",  # comprehensive structured report
)
_TESTED = {
    Service.VERIFY: Verification,
    Service.FIND: StudyRootQueryRetrieveInformationModelFind,
    Service.MOVE: StudyRootQueryRetrieveInformationModelMove,
    Service.GET: StudyRootQueryRetrieveInformationModelGet,
    Service.WORKLIST: ModalityWorklistInformationFind,
    Service.COMMITMENT: StorageCommitmentPushModel,
}
_Found = TypeVar("_Found")
Store = Callable[[Any], int]
"""Takes an event of C-STORE and returns the status to be answered."""


def test_peer(peer: DicomPeer, timeouts: Timeouts) -> PeerTest:
    """Verify a connection (C-ECHO), and see what the peer accepts besides."""
    started = time.monotonic()
    classes = (*_TESTED.values(), *_IMAGE_CLASSES_OF_TEST)
    try:
        with associated(peer, [build_context(each) for each in classes], timeouts) as talk:
            services = tuple(each for each, uid in _TESTED.items() if talk.accepts(uid))
            if any(map(talk.accepts, _IMAGE_CLASSES_OF_TEST)):
                services = (*services, Service.STORE)
            talk.require(Verification)
            status = talk.status_of(talk.association.send_c_echo())
            if status:
                raise failure_of(status, peer)
    except NetworkError as error:
        return PeerTest(peer.name, error)
    return PeerTest(peer.name, None, services, time.monotonic() - started)


def find_studies(
    peer: DicomPeer, query: StudyQuery, timeouts: Timeouts
) -> Generator[int, None, tuple[FoundStudy, ...]]:
    """Search for studies (C-FIND, study root); yields how many were found so far.

    Raises
    ------
    NetworkError
    """
    identifier = queries.study_identifier(query, peer.character_set)
    model = StudyRootQueryRetrieveInformationModelFind
    return (yield from _find(peer, identifier, model, queries.study_of, timeouts))


def find_series(
    peer: DicomPeer, study_uid: str, timeouts: Timeouts
) -> Generator[int, None, tuple[FoundSeries, ...]]:
    """List the series of a study (C-FIND); see `find_studies`."""
    identifier = queries.series_identifier(study_uid)
    model = StudyRootQueryRetrieveInformationModelFind

    def of(answer: Dataset) -> FoundSeries:
        return queries.series_of(answer, study_uid)

    return (yield from _find(peer, identifier, model, of, timeouts))


def find_worklist(
    peer: DicomPeer, query: StudyQuery, timeouts: Timeouts
) -> Generator[int, None, tuple[WorklistItem, ...]]:
    """Search a modality worklist; see `find_studies`."""
    identifier = queries.worklist_identifier(query, peer.character_set)
    model = ModalityWorklistInformationFind
    return (yield from _find(peer, identifier, model, queries.worklist_item_of, timeouts))


def _find(
    peer: DicomPeer, identifier: Dataset, model: str, of: Callable[[Dataset], _Found],
    timeouts: Timeouts,
) -> Generator[int, None, tuple[_Found, ...]]:  # fmt: skip
    found: list[_Found] = []
    with associated(peer, [build_context(model)], timeouts) as talk:
        talk.require(model)
        is_over = False
        for answer, described in talk.association.send_c_find(identifier, model):
            status = talk.status_of(answer)
            if status not in _PENDING:
                is_over = True
                if status and not found:
                    raise failure_of(status, peer)
                break
            if described is not None:
                found.append(of(described))
            yield len(found)
            if len(found) >= MOST_ANSWERS:
                break
        if not is_over:
            talk.association.abort()
    return tuple(found)


def store(
    peer: DicomPeer, files: Sequence[ObjectFile], timeouts: Timeouts
) -> Generator[Answer, None, None]:
    """Send objects (C-STORE) on one association; yields what became of each, as it is answered.

    Objects go out byte by byte as they lie on the disk, in their own transfer syntax. What is not
    yielded was not sent: an association that ends while an object is sent ends the work with the
    failure `BROKE_AT_OBJECT` of that object; its cause tells how the association ended.

    Raises
    ------
    NetworkError
        The association was not entered, or ended between two objects.
    """
    contexts = {(each.sop_class, each.transfer_syntax) for each in files}
    asked = [build_context(uid, syntax) for uid, syntax in sorted(contexts)]
    on_its_way = None
    try:
        with associated(peer, asked, timeouts) as talk:
            for file in files:
                if not talk.association.is_established:
                    raise talk.lost()
                on_its_way = file
                failure = _stored(talk, file)
                on_its_way = None
                yield file, failure
    except NetworkError as error:
        if on_its_way is None:
            raise
        broken = NetworkError(NetworkProblem.BROKE_AT_OBJECT, peer.name, on_its_way.sop_uid)
        broken.__cause__ = error
        yield on_its_way, broken


def _stored(talk: Talk, file: ObjectFile) -> NetworkError | None:
    accepted = [
        each.transfer_syntax[0]
        for each in talk.association.accepted_contexts
        if each.abstract_syntax == file.sop_class
    ]
    if file.transfer_syntax not in accepted:
        problem = NetworkProblem.TRANSFER_SYNTAX if accepted else NetworkProblem.NOT_SUPPORTED
        return NetworkError(problem, talk.peer.name)
    try:
        answer = talk.association.send_c_store(file.path)
    except OSError:
        return NetworkError(NetworkProblem.FILE_LOST, talk.peer.name)
    except (ValueError, AttributeError):
        return NetworkError(NetworkProblem.NOT_DICOM, talk.peer.name)
    status = talk.status_of(answer)
    # Warnings (Bxxx) mean that the object was stored, with attributes coerced or left out.
    is_stored = status == 0 or status >> 12 == 0xB or status in (0x0001, 0x0107, 0x0116)
    return None if is_stored else failure_of(status, talk.peer)


def get(
    peer: DicomPeer, study_uid: str, series_uid: str, take: Store, timeouts: Timeouts
) -> Generator[tuple[int, int], None, None]:
    """Retrieve a study or series (C-GET); yields how many objects came and how many remain.

    Raises
    ------
    NetworkError
        Also where some objects were not sent.
    """
    model = StudyRootQueryRetrieveInformationModelGet
    contexts = [build_context(model), *incoming_contexts()]
    roles = [
        build_role(each.abstract_syntax, scu_role=True, scp_role=True) for each in contexts[1:]
    ]
    handlers = [(evt.EVT_C_STORE, take)]
    identifier = queries.retrieve_identifier(study_uid, series_uid)
    with associated(peer, contexts, timeouts, roles=roles, handlers=handlers) as talk:
        talk.require(model)
        yield from _sub_operations(talk, talk.association.send_c_get(identifier, model))


def move(
    peer: DicomPeer, study_uid: str, series_uid: str, destination: str, timeouts: Timeouts
) -> Generator[tuple[int, int], None, None]:
    """Have a study or series sent to this program's receiver (C-MOVE); yields as `get` does.

    Raises
    ------
    NetworkError
        Also where some objects were not sent.
    """
    model = StudyRootQueryRetrieveInformationModelMove
    identifier = queries.retrieve_identifier(study_uid, series_uid)
    with associated(peer, [build_context(model)], timeouts) as talk:
        talk.require(model)
        answers = talk.association.send_c_move(identifier, destination, model)
        yield from _sub_operations(talk, answers)


def _sub_operations(
    talk: Talk, answers: Iterator[tuple[Dataset, Dataset | None]]
) -> Generator[tuple[int, int], None, None]:
    for answer, _ in answers:
        status = talk.status_of(answer)
        done = int(answer.get("NumberOfCompletedSuboperations", 0) or 0)
        failed = int(answer.get("NumberOfFailedSuboperations", 0) or 0)
        if status in _PENDING:
            yield done, int(answer.get("NumberOfRemainingSuboperations", 0) or 0)
            continue
        if failed or status >> 12 == 0xB:
            detail = f"{failed} of {done + failed}"
            raise NetworkError(NetworkProblem.SOME_NOT_RETRIEVED, talk.peer.name, detail)
        if status >> 12 == 0xC:  # unable to process: mostly that there is no such study
            raise NetworkError(NetworkProblem.NOTHING_FOUND, talk.peer.name, f"{status:04X}")
        if status:
            raise failure_of(status, talk.peer)
        yield done, 0


def ask_commitment(
    peer: DicomPeer,
    transaction_uid: str,
    instances: Sequence[tuple[str, str]],
    report: Callable[[Dataset], None],
    timeouts: Timeouts,
) -> bool:
    """Ask a peer to commit itself to keep objects (N-ACTION, PS3.4 J.3.2).

    Parameters
    ----------
    peer : DicomPeer
    transaction_uid : str
    instances : sequence of (SOP class, SOP instance)
    report : callable
        Is given the event information, if the peer reports on this association.
    timeouts : Timeouts

    Returns
    -------
    bool
        Whether the peer reported at once; else it does on an association of its own.

    Raises
    ------
    NetworkError
    """
    has_come = threading.Event()

    def reported(event: Any) -> tuple[int, None]:
        report(event.event_information)
        has_come.set()
        return 0x0000, None

    model = StorageCommitmentPushModel
    handlers = [(evt.EVT_N_EVENT_REPORT, reported)]
    with associated(peer, [build_context(model)], timeouts, handlers=handlers) as talk:
        talk.require(model)
        information = Dataset()
        information.TransactionUID = transaction_uid
        information.ReferencedSOPSequence = [_reference(*each) for each in instances]
        answer, _ = talk.association.send_n_action(
            information, 1, model, StorageCommitmentPushModelInstance
        )
        status = talk.status_of(answer)
        if status:
            raise failure_of(status, peer)
        return interrupt_of_thread().wait(has_come, timeouts.commitment)


def new_transaction() -> str:
    """Return a UID for a request of storage commitment."""
    return str(generate_uid(prefix=None))


def _reference(sop_class: str, sop_instance: str) -> Dataset:
    made = Dataset()
    made.ReferencedSOPClassUID = sop_class
    made.ReferencedSOPInstanceUID = sop_instance
    return made
