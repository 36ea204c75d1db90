"""The services of DICOMweb servers (PS3.18): QIDO, WADO and STOW."""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset, dcmread

from spinealign.domain.network import (
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
from spinealign.network.objects import ObjectFile
from spinealign.network.peers import SignIn, WebPeer

MOST_ANSWERS = 500
"""Of a query; see `dicom_services.MOST_ANSWERS`."""

_OF_HTTP = {
    401: NetworkProblem.HTTP_UNAUTHORISED,
    403: NetworkProblem.HTTP_FORBIDDEN,
    404: NetworkProblem.HTTP_NOT_FOUND,
    413: NetworkProblem.PEER_FULL,
    507: NetworkProblem.PEER_FULL,
}
_CONFLICT = 409
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
def _client(peer: WebPeer, secret: str | None, timeouts: Timeouts) -> Iterator[DICOMwebClient]:
    """Have a client that signs in at a server; its connections are closed at the end.

    Proxies and passwords of the environment are not used: images go where the user says.

    Raises
    ------
    NetworkError
        A secret is needed, or would be sent for everybody to read; or a certificate is missing.
    """
    with _Session() as session:
        _sign_in(session, peer, secret)
        with _told(peer):
            client = DICOMwebClient(
                peer.url.rstrip("/"), session=session, timeout=(timeouts.connect, timeouts.answer)
            )
        client.set_http_retry_params(retry=False)
        yield client


def _sign_in(session: requests.Session, peer: WebPeer, secret: str | None) -> None:
    session.trust_env = False
    session.verify = _authorities(peer)
    if peer.certificate_file:
        _require_file(peer, peer.certificate_file)
        session.cert = (peer.certificate_file, peer.key_file or peer.certificate_file)
    if peer.sign_in == SignIn.NOTHING:
        return
    if not secret:
        raise NetworkError(NetworkProblem.SECRET_NEEDED, peer.name)
    if not (peer.is_private or peer.may_send_secret_unencrypted):
        raise NetworkError(NetworkProblem.SECRET_UNENCRYPTED, peer.name)
    has_user = peer.sign_in == SignIn.PASSWORD
    basic = requests.auth.HTTPBasicAuth(peer.user.encode(), secret.encode())
    session.auth = basic if has_user else _Bearer(secret)


def _authorities(peer: WebPeer) -> str | bool:
    if peer.ca_file:
        _require_file(peer, peer.ca_file)
        return peer.ca_file
    return ssl.get_default_verify_paths().cafile or True


def _require_file(peer: WebPeer, path: str) -> None:
    if not os.access(path, os.R_OK):
        raise NetworkError(NetworkProblem.CERTIFICATE_FILE, peer.name)


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
) -> Iterator[tuple[ObjectFile, NetworkError | None]]:
    """Send objects (STOW-RS), one a request; yields what became of each.

    Raises
    ------
    NetworkError
        The server could not be reached, or takes nothing from us.
    """
    with _client(peer, secret, timeouts) as client:
        for file in files:
            yield file, _stored(client, peer, file)


def _stored(client: DICOMwebClient, peer: WebPeer, file: ObjectFile) -> NetworkError | None:
    try:
        dataset = dcmread(file.path)
    except OSError:
        return NetworkError(NetworkProblem.FILE_LOST, peer.name)
    try:
        with _told(peer):
            answer = client.store_instances([dataset])
    except NetworkError as error:
        if error.problem is NetworkProblem.OBJECT_REFUSED:
            return error
        raise
    failed = answer.get("FailedSOPSequence") or ()
    for each in failed:
        return _failure(peer, int(each.get("FailureReason", 0) or 0))
    return None


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
    """Turn what the libraries raise into `NetworkError`."""
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code
        error.response.close()
        if status == _CONFLICT:
            raise NetworkError(NetworkProblem.OBJECT_REFUSED, peer.name, str(status)) from error
        problem = _OF_HTTP.get(status, NetworkProblem.HTTP_STATUS)
        raise NetworkError(problem, peer.name, str(status)) from error
    except requests.Timeout as error:
        raise NetworkError(NetworkProblem.TIMED_OUT, peer.name) from error
    except (requests.JSONDecodeError, requests.exceptions.ContentDecodingError) as error:
        raise NetworkError(NetworkProblem.NOT_DICOMWEB, peer.name) from error
    except requests.RequestException as error:
        problem, detail = problem_of(error)
        raise NetworkError(problem, peer.name, detail) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NetworkError(NetworkProblem.NOT_DICOMWEB, peer.name) from error


def _require_described(peer: WebPeer, answers: Any) -> None:
    """Refuse answers that are not data sets in JSON, each with a study (PS3.18 10.6.3)."""
    is_list = isinstance(answers, list)
    if not is_list or not all(isinstance(a, dict) and "0020000D" in a for a in answers):
        raise NetworkError(NetworkProblem.NOT_DICOMWEB, peer.name)
