"""A small PACS on the loopback: verify, find, get, worklist, store; it does as a test says."""

from __future__ import annotations

import fnmatch
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.presentation import StoragePresentationContexts
from pynetdicom.sop_class import (
    ModalityWorklistInformationFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from spinealign.network.peers import DicomPeer

TITLE = "PACS"
_NAMES = ("PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID")
_TOLD = (
    "PatientName", "PatientID", "StudyDate", "AccessionNumber", "StudyDescription",
    "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality",
)  # fmt: skip


def free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return int(any_socket.getsockname()[1])


class Pacs:
    """Has images, and keeps what it is sent.

    `status` is what it answers to C-STORE, `gate` keeps it from answering C-GET while it is
    closed.
    """

    def __init__(self, files: Sequence[Path] = (), port: int = 0) -> None:
        self.images = [dcmread(path) for path in files]
        self.port = port or free_port()
        self.stored: list[Dataset] = []
        self.asked: list[Dataset] = []
        self.status = 0x0000
        self.gate = threading.Event()
        self.gate.set()

    @contextmanager
    def listening(self) -> Iterator[Pacs]:
        entity = AE(TITLE)
        entity.require_called_aet = True
        for context in StoragePresentationContexts:
            entity.add_supported_context(context.abstract_syntax, scu_role=True, scp_role=True)
        for service in (
            Verification, ModalityWorklistInformationFind,
            StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelGet,
        ):  # fmt: skip
            entity.add_supported_context(service)
        handlers = [
            (evt.EVT_C_FIND, self._find), (evt.EVT_C_GET, self._get), (evt.EVT_C_STORE, self._store)
        ]  # fmt: skip
        server = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        try:
            yield self
        finally:
            self.gate.set()
            for association in server.active_associations:
                association.join(5)
            server.shutdown()

    def peer(self, **named: Any) -> DicomPeer:
        values = {"name": "Archive", "called_title": TITLE, "host": "127.0.0.1", "port": self.port}
        return DicomPeer(**{**values, **named})

    def _matching(self, wanted: Dataset) -> list[Dataset]:
        def is_like(image: Dataset) -> bool:
            asked = [(str(image.get(k, "")), str(wanted.get(k, "") or "")) for k in _NAMES]
            return all(fnmatch.fnmatch(has, like) for has, like in asked if like)

        first, dash, last = str(wanted.get("StudyDate", "") or "-").partition("-")
        last = last or ("9" if dash else first)
        return [
            image
            for image in self.images
            if is_like(image) and (first or "0") <= image.StudyDate <= last
        ]

    def _find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        wanted = event.identifier
        self.asked.append(wanted)
        is_worklist = "ScheduledProcedureStepSequence" in wanted
        by = (
            "SeriesInstanceUID"
            if wanted.get("QueryRetrieveLevel") == "SERIES"
            else "StudyInstanceUID"
        )
        told: dict[str, list[Dataset]] = {}
        for image in self._matching(wanted):
            told.setdefault(str(image[by].value), []).append(image)
        for images in told.values():
            answer = Dataset()
            for keyword in _TOLD:
                setattr(answer, keyword, images[0].get(keyword, ""))
            if is_worklist:
                step = Dataset()
                step.Modality, step.ScheduledStationAETitle = "MR", "ROOM1"
                step.ScheduledProcedureStepStartDate = "20261130"
                step.ScheduledProcedureStepStartTime = "101500"
                answer.ScheduledProcedureStepSequence = [step]
            else:
                answer.QueryRetrieveLevel = wanted.QueryRetrieveLevel
                answer.ModalitiesInStudy = images[0].Modality
                answer.NumberOfStudyRelatedInstances = len(images)
                answer.NumberOfSeriesRelatedInstances = len(images)
            yield 0xFF00, answer

    def _get(self, event: Any) -> Iterator[Any]:
        found = self._matching(event.identifier)
        yield len(found)
        for image in found:
            self.gate.wait(20)
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, image

    def _store(self, event: Any) -> int:
        if not self.status:
            stored = event.dataset
            stored.file_meta = event.file_meta
            self.stored.append(stored)
        return self.status
