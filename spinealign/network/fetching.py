"""Studies and series retrieved into a folder: by C-GET, C-MOVE or WADO."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.files import write_whole
from spinealign.network.connecting import Timeouts
from spinealign.network.objects import ObjectHead, parsed_head
from spinealign.network.peers import DicomPeer, Peer, RetrieveWay, WebPeer

if TYPE_CHECKING:
    from spinealign.network.handover import SharedReceiver
    from spinealign.network.receiver import Receiver

    AnyReceiver = Receiver | SharedReceiver

_STORED, _NOT_WANTED, _FULL, _NOT_UNDERSTOOD = 0x0000, 0xA900, 0xA700, 0xC000


@dataclass
class Fetched:
    """What came.

    Parameters
    ----------
    paths : list of Path
        One folder a series of one patient.
    """

    paths: list[Path] = field(default_factory=list)


class Collector:
    """Writes the objects of one study into a folder, each once, and refuses all others.

    Parameters
    ----------
    folder : Path
    study_uid, series_uid : str
        The series is empty where all of the study is wanted.
    """

    def __init__(self, folder: Path, study_uid: str, series_uid: str) -> None:
        self._folder = folder
        self._study_uid = study_uid
        self._series_uid = series_uid
        self._paths: dict[str, Path] = {}
        self.heads: dict[str, ObjectHead] = {}
        self.failure: NetworkError | None = None

    @property
    def fetched(self) -> Fetched:
        """What came so far."""
        return Fetched(list(self._paths.values()))

    def take_event(self, event: Any) -> int:
        """Take an event of C-STORE; return the status to be answered."""
        try:
            content = event.encoded_dataset()
            head = parsed_head(content)
        except NetworkError as error:
            self.failure = error
            return _NOT_UNDERSTOOD
        return self.take(head, content)

    def take(self, head: ObjectHead, content: bytes) -> int:
        """Keep an object; return the status to be answered (PS3.4 B.2.3)."""
        is_wanted = head.study_uid == self._study_uid and self._series_uid in ("", head.series_uid)
        if not is_wanted:
            self.failure = NetworkError(NetworkProblem.OTHER_STUDY)
            return _NOT_WANTED
        path = self._folder / head.group / head.file_name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            self.failure = NetworkError(NetworkProblem.DISK, detail=error.strerror or "")
            return _FULL
        self._paths[head.sop_uid] = path
        self.heads[head.sop_uid] = head
        return _STORED


def fetch(
    peer: Peer, collector: Collector, study_uid: str, series_uid: str, receiver: AnyReceiver | None,
    secret: str | None, timeouts: Timeouts,
) -> Generator[int, None, Fetched]:  # fmt: skip
    """Retrieve a study or series; yields how many objects came so far.

    Parameters
    ----------
    peer : Peer
    collector : Collector
    study_uid, series_uid : str
        The series is empty for all of the study.
    receiver : Receiver or None
        Where C-MOVE sends to.
    secret : str or None
    timeouts : Timeouts

    Raises
    ------
    NetworkError
    """
    if isinstance(peer, WebPeer):
        yield from _by_web(peer, collector, study_uid, series_uid, secret, timeouts)
    elif peer.retrieve_by == RetrieveWay.MOVE:
        yield from _by_move(peer, collector, study_uid, series_uid, receiver, timeouts)
    else:
        try:
            yield from _by_get(peer, collector, study_uid, series_uid, timeouts)
        except NetworkError as error:
            is_without = error.problem in _WITHOUT_GET
            if peer.retrieve_by == RetrieveWay.GET or not is_without or receiver is None:
                raise
            yield from _by_move(peer, collector, study_uid, series_uid, receiver, timeouts)
    if collector.failure is not None:
        raise NetworkError(collector.failure.problem, peer.name, collector.failure.detail)
    if not collector.fetched.paths:
        raise NetworkError(NetworkProblem.NOTHING_FOUND, peer.name)
    return collector.fetched


_WITHOUT_GET = (NetworkProblem.NOT_SUPPORTED, NetworkProblem.NOTHING_ACCEPTED)


def _by_get(
    peer: DicomPeer, collector: Collector, study_uid: str, series_uid: str, timeouts: Timeouts
) -> Generator[int, None, None]:
    from spinealign.network import dicom_services

    steps = dicom_services.get(peer, study_uid, series_uid, collector.take_event, timeouts)
    yield from _counted(steps, collector)


def _by_move(
    peer: DicomPeer, collector: Collector, study_uid: str, series_uid: str,
    receiver: AnyReceiver | None, timeouts: Timeouts,
) -> Generator[int, None, None]:  # fmt: skip
    from spinealign.network import dicom_services

    if receiver is None:
        raise NetworkError(NetworkProblem.OWN_PORT, peer.name)
    with receiver.expecting(study_uid, peer.called_title, collector.take, series_uid):
        steps = dicom_services.move(peer, study_uid, series_uid, receiver.title, timeouts)
        yield from _counted(steps, collector)


def _counted(
    steps: Generator[tuple[int, int], None, None], collector: Collector
) -> Generator[int, None, None]:
    try:
        with closing(steps):
            for _ in steps:
                yield len(collector.fetched.paths)
    except NetworkError as error:
        # Why this side refused an object says more than that the peer could not send it.
        if collector.failure is not None and error.problem is NetworkProblem.SOME_NOT_RETRIEVED:
            return
        raise


def _by_web(
    peer: WebPeer, collector: Collector, study_uid: str, series_uid: str, secret: str | None,
    timeouts: Timeouts,
) -> Generator[int, None, None]:  # fmt: skip
    from spinealign.network import web_services

    objects = web_services.retrieve(peer, study_uid, series_uid, secret, timeouts)
    with closing(objects):
        for dataset in objects:
            file = BytesIO()
            dataset.save_as(file, enforce_file_format=True)
            content = file.getvalue()
            collector.take(parsed_head(content), content)
            yield len(collector.fetched.paths)
