"""The services of DICOMweb servers (PS3.18): QIDO, WADO and STOW."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset
from urllib3.exceptions import HTTPError

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
)
from spinealign.network import queries
from spinealign.network.connecting import Timeouts, problem_of
from spinealign.network.objects import Answer, ObjectFile
from spinealign.network.peers import SignIn, WebPeer
from spinealign.network.web_connections import Adapter

_OF_HTTP = {
    401: NetworkProblem.HTTP_UNAUTHORISED,
    403: NetworkProblem.HTTP_FORBIDDEN,
    404: NetworkProblem.HTTP_NOT_FOUND,
    413: NetworkProblem.PEER_FULL,
    507: NetworkProblem.PEER_FULL,
}
_OF_WHOLE_SERVER = (
    NetworkProblem.HTTP_UNAUTHORISED, NetworkProblem.HTTP_FORBIDDEN, NetworkProblem.HTTP_NOT_FOUND,
)  # fmt: skip
"""What no smaller request would change."""

MOST_OBJECTS, MOST_BYTES = 50, 8 << 20
"""Of one request of STOW-RS; an object that is larger goes alone."""

_BUSY = ("429", "503")
_ALL_STORED, _CONFLICT = 200, 409
_ANSWERED = (_ALL_STORED, 202, _CONFLICT)
"""Statuses with which a server says what became of each object (PS3.18 table 10.5.3-1)."""

_BOUNDARY = "0f3cf5c0-70e0-41ef-baef-c6f9f65ec3e1"
_STUDY_FIELDS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDescription",
    "ModalitiesInStudy", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances",
)  # fmt: skip
_ANY_ENCODING = (("application/dicom", "*"),)


# What these log holds addresses, and with them what was searched for.
for _name in ("retrying", "dicomweb_client", "urllib3", "requests"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class _Bearer(requests.auth.AuthBase):  # type: ignore[misc]
    """Signs in with a token (RFC 6750); requests drops it where a server leads elsewhere."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):  # type: ignore[misc]
    """Leaves the wildcards of a query as they are, which an address may hold (RFC 3986, 3.4)."""

    def request(self, method: Any, url: Any, *args: Any, **named: Any) -> requests.Response:
        plain = str(url).replace("%2A", "*").replace("%3F", "?")
        return super().request(method, plain, *args, **named)


@contextmanager
def _session(peer: WebPeer, secret: str | None) -> Iterator[requests.Session]:
    """Have a session that signs in at a server; its connections are closed at the end.

    Proxies and passwords of the environment are not used: images go where the user says.

    Raises
    ------
    NetworkError
        A secret is needed, or would be sent for everybody to read; or a certificate is missing.
    """
    with _Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, Adapter(peer))
        _sign_in(session, peer, secret)
        yield session


@contextmanager
def _client(peer: WebPeer, secret: str | None, timeouts: Timeouts) -> Iterator[DICOMwebClient]:
    """Have a client with a session of its own; see `_session`."""
    with _session(peer, secret) as session:
        with _told(peer):
            client = DICOMwebClient(
                peer.url.rstrip("/"), session=session, timeout=(timeouts.connect, timeouts.answer)
            )
        client.set_http_retry_params(retry=False)
        yield client


def _sign_in(session: requests.Session, peer: WebPeer, secret: str | None) -> None:
    if peer.sign_in == SignIn.NOTHING:
        return
    if not secret:
        raise NetworkError(NetworkProblem.SECRET_NEEDED, peer.name)
    if not (peer.is_private or peer.may_send_secret_unencrypted):
        raise NetworkError(NetworkProblem.SECRET_UNENCRYPTED, peer.name)
    has_user = peer.sign_in == SignIn.PASSWORD
    basic = requests.auth.HTTPBasicAuth(peer.user.encode(), secret.encode())
    session.auth = basic if has_user else _Bearer(secret)


def test_peer(peer: WebPeer, secret: str | None, timeouts: Timeouts) -> PeerTest:
    """Search for one study, and see whether the answer is one of QIDO."""
    started = time.monotonic()
    try:
        with _client(peer, secret, timeouts) as client, _told(peer):
            answers = client.search_for_studies(limit=1)
        _require_described(peer, answers)
    except NetworkError as error:
        return PeerTest(peer.name, error)
    services = (Service.VERIFY, Service.FIND)
    return PeerTest(peer.name, None, services, time.monotonic() - started)


def find_studies(
    peer: WebPeer, query: StudyQuery, secret: str | None, timeouts: Timeouts
) -> tuple[FoundStudy, ...]:
    """Search for studies (QIDO-RS).

    Raises
    ------
    NetworkError
    """
    keys = queries.web_keys(query)
    with _client(peer, secret, timeouts) as client, _told(peer):
        answers = client.search_for_studies(
            search_filters=keys, fields=list(_STUDY_FIELDS), limit=MOST_ANSWERS
        )
    _require_described(peer, answers)
    found = [queries.study_of(Dataset.from_json(answer)) for answer in answers]
    return tuple(study for study in found if queries.matches(study, query))


def find_series(
    peer: WebPeer, study_uid: str, secret: str | None, timeouts: Timeouts
) -> tuple[FoundSeries, ...]:
    """List the series of a study (QIDO-RS).

    Raises
    ------
    NetworkError
    """
    with _client(peer, secret, timeouts) as client, _told(peer):
        answers = client.search_for_series(
            study_uid, fields=["BodyPartExamined", "SeriesDescription"], limit=MOST_ANSWERS
        )
    _require_described(peer, answers)
    return tuple(queries.series_of(Dataset.from_json(answer), study_uid) for answer in answers)


def retrieve(
    peer: WebPeer, study_uid: str, series_uid: str, secret: str | None, timeouts: Timeouts
) -> Generator[Dataset, None, None]:
    """Retrieve a study or series (WADO-RS) in the encodings that the server keeps.

    Yields
    ------
    Dataset
        One object each, as it comes.

    Raises
    ------
    NetworkError
    """
    with _client(peer, secret, timeouts) as client, _told(peer):
        if series_uid:
            yield from client.iter_series(study_uid, series_uid, media_types=_ANY_ENCODING)
        else:
            yield from client.iter_study(study_uid, media_types=_ANY_ENCODING)


def store(
    peer: WebPeer, files: Sequence[ObjectFile], secret: str | None, timeouts: Timeouts
) -> Generator[Sequence[Answer], None, None]:
    """Send objects (STOW-RS), several a request; yields what became of those of each request.

    Objects go out byte by byte as they lie on the disk, with their file meta group.

    Raises
    ------
    NetworkError
        The server could not be reached, or takes nothing from us.
    """
    with _session(peer, secret) as session:
        for batch in _batches(files):
            yield from _stored(session, peer, batch, (timeouts.connect, timeouts.answer))


def _batches(files: Sequence[ObjectFile]) -> Iterator[Sequence[ObjectFile]]:
    """Yield objects as they go into requests."""
    batch: list[ObjectFile] = []
    size = 0
    for file in files:
        more = file.path.stat().st_size if file.path.is_file() else 0
        if batch and (len(batch) >= MOST_OBJECTS or size + more > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += more
    if batch:
        yield batch


def _stored(
    session: requests.Session, peer: WebPeer, batch: Sequence[ObjectFile],
    seconds: tuple[float, float],
) -> Generator[Sequence[Answer], None, None]:  # fmt: skip
    """Send one request; where it fails as a whole, send each object alone, to tell which one."""
    contents: dict[ObjectFile, bytes] = {}
    lost = []
    for file in batch:
        try:
            contents[file] = file.path.read_bytes()
        except OSError:
            lost.append((file, NetworkError(NetworkProblem.FILE_LOST, peer.name)))
    if lost:
        yield lost
    if not contents:
        return
    try:
        yield _posted(session, peer, contents, seconds)
        return
    except _TellsNothing as error:
        failure = error.failure
    if len(contents) == 1 or failure.problem in _OF_WHOLE_SERVER:
        raise failure
    for file in contents:
        try:
            yield from _stored(session, peer, [file], seconds)
        except NetworkError as error:
            if error.problem is not NetworkProblem.HTTP_STATUS or error.detail in _BUSY:
                raise
            yield [(file, error)]


class _TellsNothing(Exception):  # noqa: N818 - not seen outside
    """An answer that says of no single object what became of it."""

    def __init__(self, failure: NetworkError) -> None:
        super().__init__()
        self.failure = failure


def _posted(
    session: requests.Session, peer: WebPeer, contents: Mapping[ObjectFile, bytes],
    seconds: tuple[float, float],
) -> Sequence[Answer]:  # fmt: skip
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary="{_BOUNDARY}"',
        "Accept": "application/dicom+json",
    }
    body = b"".join(
        b"\r\n--%b\r\nContent-Type: application/dicom\r\n\r\n%b" % (_BOUNDARY.encode(), content)
        for content in contents.values()
    )
    body += b"\r\n--%b--" % _BOUNDARY.encode()
    url = f"{peer.url.rstrip('/')}/studies"
    try:
        with _told(peer):
            response = session.post(url, data=body, headers=headers, timeout=seconds)
    except NetworkError as error:
        if error.problem is NetworkProblem.CLOSED:  # so some servers refuse large requests
            raise _TellsNothing(error) from error
        raise
    status, described = response.status_code, _described(response)
    if status not in _ANSWERED:
        raise _TellsNothing(_failure_of_status(peer, status))
    if described is None and status != _ALL_STORED and len(contents) > 1:
        raise _TellsNothing(_failure_of_status(peer, status))
    return _answers(peer, contents, status, described or Dataset())


def _described(response: requests.Response) -> Dataset | None:
    """Return what a server says of each object; None where it says nothing that can be read."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        if kind.endswith("json"):
            return Dataset.from_json(response.json())
        if kind.endswith("xml"):
            return _from_xml(ElementTree.fromstring(response.content))
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return None
    return None


def _from_xml(model: ElementTree.Element) -> Dataset:
    """Return sequences of references from the native model (PS3.19 A.1) of older servers."""
    made = Dataset()
    for element in model:
        keyword = element.get("keyword", "")
        if element.get("vr") == "SQ" and keyword:
            setattr(made, keyword, [_from_xml(item) for item in element])
        elif keyword in ("ReferencedSOPInstanceUID", "FailureReason"):
            text = "".join(element.itertext()).strip()
            setattr(made, keyword, int(text) if keyword == "FailureReason" else text)
    return made


def _answers(
    peer: WebPeer, files: Mapping[ObjectFile, bytes], status: int, told: Dataset
) -> Sequence[Answer]:
    """Return what became of each object (PS3.18 table I.2-1)."""
    stored = {str(item.get("ReferencedSOPInstanceUID")) for item in _items(told, "Referenced")}
    failed = {
        str(item.get("ReferencedSOPInstanceUID")): int(item.get("FailureReason", 0) or 0)
        for item in _items(told, "Failed")
    }
    unnamed = [
        int(each.get("FailureReason", 0) or 0) for each in told.get("OtherFailuresSequence", ())
    ]
    answers: list[Answer] = []
    for file in files:
        failure: NetworkError | None = None
        if file.sop_uid in failed:
            failure = _failure(peer, failed[file.sop_uid])
        elif file.sop_uid not in stored and unnamed:
            failure = _failure(peer, unnamed[0])
        elif file.sop_uid not in stored and status != _ALL_STORED:
            failure = _failure_of_status(peer, status)
        answers.append((file, failure))
    return answers


def _items(told: Dataset, kind: str) -> Sequence[Dataset]:
    return tuple(told.get(f"{kind}SOPSequence") or ())


def _failure(peer: WebPeer, reason: int) -> NetworkError:
    """Return why a server did not store an object (PS3.18 table I.2-2)."""
    problem = NetworkProblem.OBJECT_REFUSED
    if reason >> 8 == 0xA7:
        problem = NetworkProblem.PEER_FULL
    elif reason == 0x0122:
        problem = NetworkProblem.NOT_SUPPORTED
    elif reason == 0x0124:
        problem = NetworkProblem.NOT_AUTHORISED
    return NetworkError(problem, peer.name, f"{reason:04X}")


@contextmanager
def _told(peer: WebPeer) -> Iterator[None]:
    """Turn what the libraries raise into `NetworkError`.

    Raises
    ------
    NetworkError
    Cancelled
        The thread was interrupted: its connection is shut already.
    """
    try:
        yield
    except Exception as error:
        # Of a connection that is shut while it opens, urllib3 raises even AttributeError.
        interrupt_of_thread().require_wanted()
        if isinstance(error, OSError | ValueError | KeyError | TypeError | HTTPError):
            raise _failure_from(peer, error) from error
        raise


def _failure_from(peer: WebPeer, error: Exception) -> NetworkError:
    if isinstance(error, requests.HTTPError):
        error.response.close()
        return _failure_of_status(peer, error.response.status_code)
    if isinstance(error, requests.Timeout):
        return NetworkError(NetworkProblem.TIMED_OUT, peer.name)
    if isinstance(
        error, requests.JSONDecodeError | requests.exceptions.ContentDecodingError
    ) or not isinstance(error, OSError | HTTPError):
        return NetworkError(NetworkProblem.NOT_DICOMWEB, peer.name)
    problem, detail = problem_of(error)
    return NetworkError(problem, peer.name, detail)


def _failure_of_status(peer: WebPeer, status: int) -> NetworkError:
    if status == _CONFLICT:
        return NetworkError(NetworkProblem.OBJECT_REFUSED, peer.name, str(status))
    problem = _OF_HTTP.get(status, NetworkProblem.HTTP_STATUS)
    return NetworkError(problem, peer.name, str(status))


def _require_described(peer: WebPeer, answers: Any) -> None:
    """Refuse answers that are not data sets in JSON, each with a study (PS3.18 10.6.3)."""
    is_list = isinstance(answers, list)
    if not is_list or not all(isinstance(a, dict) and "0020000D" in a for a in answers):
        raise NetworkError(NetworkProblem.NOT_DICOMWEB, peer.name)
