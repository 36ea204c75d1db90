"""The nodes that the tests talk to: Orthanc, programs of DCMTK, and peers with faults."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.dsutils import split_dataset
from pynetdicom.presentation import StoragePresentationContexts
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from spinealign.network.connecting import Timeouts
from spinealign.network.node import Network
from spinealign.network.peers import (
    DicomPeer,
    NetworkSettings,
    ReceiverSettings,
    WebPeer,
    save_settings,
)

QUICK = Timeouts(connect=30, associate=30, answer=60, commitment=0.5)
IMPATIENT = Timeouts(connect=0.3, associate=0.3, answer=0.3, commitment=0.3)
OWN_TITLE = "SPINEALIGN"


def free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return int(any_socket.getsockname()[1])


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


class Secrets:
    """A key store in memory; without a place it is a system that has none."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.is_there = is_there
        self.kept: dict[str, str] = {}

    def get(self, peer: str) -> str | None:
        return self.kept.get(peer)

    def set(self, peer: str, secret: str) -> bool:
        if self.is_there:
            self.kept[peer] = secret
        return self.is_there

    def forget(self, peer: str) -> None:
        self.kept.pop(peer, None)


def node(
    profile: Path, *peers: DicomPeer | WebPeer, receiver: ReceiverSettings | None = None,
    clock: Clock | None = None, timeouts: Timeouts = QUICK, secrets: Secrets | None = None,
) -> Network:  # fmt: skip
    """Return SpineAlign as a node with these settings."""
    settings = NetworkSettings(peers=peers, receiver=receiver or ReceiverSettings())
    save_settings(profile, settings)
    return Network(profile, secrets=secrets or Secrets(), now=clock or Clock(), timeouts=timeouts)


def slice_file(
    folder: Path, *, patient: str = "1CT1", study: str = "", series: str = "", sop_uid: str = "",
    **tags: Any,
) -> Path:  # fmt: skip
    """Write a CT slice of 40 kB with a UID of its own."""
    dataset = dcmread(get_testdata_file("CT_small.dcm"))
    del dataset.DataSetTrailingPadding  # DCMTK, and so Orthanc, leaves it out
    dataset.PatientID = patient
    dataset.SOPInstanceUID = sop_uid or generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.StudyInstanceUID = study or dataset.StudyInstanceUID
    dataset.SeriesInstanceUID = series or dataset.SeriesInstanceUID
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir())):04d}.dcm"
    dataset.save_as(path)
    return path


def slices(folder: Path, count: int, **tags: Any) -> list[Path]:
    return [slice_file(folder, **tags) for _ in range(count)]


def uid_of(path: Path) -> str:
    return str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def data_of(path: Path) -> bytes:
    """Return the bytes of a file behind its file meta group."""
    _, offset = split_dataset(path)
    return path.read_bytes()[offset:]


class Orthanc:
    """Orthanc with DICOMweb and worklists."""

    def __init__(self, folder: Path) -> None:
        self.dicom_port, self.http_port, self.own_port = free_port(), free_port(), free_port()
        self.storage, self.worklists = folder / "storage", folder / "worklists"
        self.worklists.mkdir()
        self._config = folder / "orthanc.json"
        self._config.write_text(json.dumps(self._settings()), encoding="utf-8")
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def _settings(self) -> dict[str, Any]:
        plugins = "/usr/share/orthanc/plugins"
        return {
            "StorageDirectory": str(self.storage), "IndexDirectory": str(self.storage),
            "Plugins": [f"{plugins}/libOrthancDicomWeb.so", f"{plugins}/libModalityWorklists.so"],
            "HttpPort": self.http_port, "RemoteAccessAllowed": True,
            "AuthenticationEnabled": True, "RegisteredUsers": {"reader": "s3cret ü"},
            "DicomAet": "ORTHANC", "DicomPort": self.dicom_port, "DicomCheckCalledAet": True,
            "DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False,
            "DicomCheckModalityHost": False,
            "DicomModalities": {
                "own": {"AET": OWN_TITLE, "Host": "127.0.0.1", "Port": self.own_port,
                        "AllowStorageCommitment": True, "AllowEcho": True, "AllowStore": True,
                        "AllowFind": True, "AllowMove": True, "AllowGet": True},
            },
            "DicomAlwaysAllowFindWorklist": True,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": True},
            "Worklists": {"Enable": True, "Database": str(self.worklists)},
            "StableAge": 1, "SyncStorageArea": False, "DicomThreadsCount": 32,
            "DicomScpTimeout": 8,  # of a cut object the rest is waited for so long
            "OverwriteInstances": True,
        }  # fmt: skip

    def __enter__(self) -> Orthanc:
        self.start()
        return self

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/Orthanc", str(self._config)], stdout=log, stderr=log,
                env={"TCP_NODELAY": "1", "PATH": "/usr/bin"},
            )  # fmt: skip
        for _ in range(600):
            try:
                self.rest("system")
            except requests.ConnectionError:
                assert self._process.poll() is None, self._log.read_text(errors="replace")[-2000:]
                time.sleep(0.05)
            else:
                return
        raise AssertionError("Orthanc did not start")

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)

    def kill(self) -> None:
        """Kill it (SIGKILL) at this moment."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def rest(self, path: str, method: str = "get", **named: Any) -> Any:
        answer = requests.request(
            method, f"http://127.0.0.1:{self.http_port}/{path}", timeout=20,
            auth=("reader", "s3cret ü".encode()), **named,
        )  # fmt: skip
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.content

    def empty(self) -> None:
        for patient in self.rest("patients"):
            self.rest(f"patients/{patient}", "delete")

    def uids(self) -> list[str]:
        """Return the SOP Instance UIDs that it has."""
        return sorted(
            each["MainDicomTags"]["SOPInstanceUID"] for each in self.rest("instances?expand")
        )

    def peer(self, **named: Any) -> DicomPeer:
        values = {"name": "Archive", "called_title": "ORTHANC", "host": "127.0.0.1",
                  "port": self.dicom_port, "calling_title": OWN_TITLE}  # fmt: skip
        return DicomPeer(**{**values, **named})

    def web_peer(self, **named: Any) -> WebPeer:
        values = {"name": "Web archive", "url": f"http://127.0.0.1:{self.http_port}/dicom-web",
                  "sign_in": "password", "user": "reader"}  # fmt: skip
        return WebPeer(**{**values, **named})

    def own(self, **named: Any) -> ReceiverSettings:
        """Return settings of a receiver that it knows where to send to."""
        return ReceiverSettings(address="127.0.0.1", port=self.own_port, **named)


class OtherPeer:
    """A storage provider of the tests' own, with faults on demand.

    Parameters
    ----------
    status : callable
        Takes the number of the object (from 1) and returns the status that is answered, or None
        for an abort.
    """

    def __init__(self, status: Callable[[int], int | None] = lambda number: 0x0000) -> None:
        self.port = free_port()
        self.stored: list[str] = []
        self.transactions: list[Dataset] = []
        self.reports_on: str = "same"
        self.refuses: set[str] = set()
        self.own_port = 0
        self.report_status: list[int] = []
        self._asked = 0
        self._status = status

    @contextmanager
    def listening(self, *, takes: set[str] | None = None) -> Iterator[OtherPeer]:
        entity = AE("OTHER")
        entity.require_called_aet = True
        entity.supported_contexts = StoragePresentationContexts
        if takes is not None:
            entity.supported_contexts = [
                each for each in StoragePresentationContexts if each.abstract_syntax in takes
            ]
        entity.add_supported_context(Verification)
        entity.add_supported_context(StorageCommitmentPushModel)
        handlers = [
            (evt.EVT_C_STORE, self._store), (evt.EVT_N_ACTION, self._action),
            (evt.EVT_CONN_OPEN, _without_delay),
        ]  # fmt: skip
        server = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        try:
            yield self
        finally:
            for association in server.active_associations:
                association.join(5)
            server.shutdown()

    def peer(self, **named: Any) -> DicomPeer:
        values = {"name": "Other", "called_title": "OTHER", "host": "127.0.0.1", "port": self.port}
        return DicomPeer(**{**values, **named})

    def _store(self, event: Any) -> int:
        self._asked += 1
        status = self._status(self._asked)
        if status is None:
            event.assoc.abort()
            return 0xC000
        if status >> 12 in (0, 0xB) and status != 0x0111:
            self.stored.append(str(event.request.AffectedSOPInstanceUID))
        return status

    def _action(self, event: Any) -> tuple[int, None]:
        self.transactions.append(event.action_information)
        work = {"same": self._report_on_same, "other": self._report_on_other}.get(self.reports_on)
        if work is not None:
            threading.Thread(target=work, args=(event.assoc,)).start()
        return 0x0000, None

    def report(self) -> tuple[Dataset, int]:
        asked = self.transactions[-1]
        told, kept, refused = Dataset(), [], []
        told.TransactionUID = asked.TransactionUID
        for item in asked.ReferencedSOPSequence:
            (refused if item.ReferencedSOPInstanceUID in self.refuses else kept).append(item)
        for item in refused:
            item.FailureReason = 0x0112
        told.ReferencedSOPSequence = kept
        if refused:
            told.FailedSOPSequence = refused
        return told, 2 if refused else 1

    def _report_on_same(self, association: Any) -> None:
        _send_report(association, self, *self.report())

    def _report_on_other(self, _: Any) -> None:
        self.report_now()

    def report_now(self, title: str = "OTHER") -> None:
        """Report on an association of its own, as a provider (PS3.4 J.3.3)."""
        from pynetdicom import build_role

        entity = AE(title)
        entity.add_requested_context(StorageCommitmentPushModel)
        roles = [build_role(StorageCommitmentPushModel, scu_role=False, scp_role=True)]
        association = entity.associate(
            "127.0.0.1", self.own_port, ae_title=OWN_TITLE, ext_neg=roles
        )
        if association.is_established:
            _send_report(association, self, *self.report())
            association.release()
        else:
            self.report_status.append(-1)
            close(association)


def close(association: Any) -> None:
    """Close a connection that pynetdicom leaves open after a rejection."""
    connection = association.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.close()


def _send_report(association: Any, peer: OtherPeer, told: Dataset, event_type: int) -> None:
    status, _ = association.send_n_event_report(
        told, event_type, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1"
    )
    peer.report_status.append(int(status.get("Status", -1)))


def _without_delay(event: Any) -> None:
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def silent() -> Iterator[int]:
    """Have a port that takes connections and never says anything."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": "/usr/bin", "TCP_NODELAY": "1"},
    )  # fmt: skip
