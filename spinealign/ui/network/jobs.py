"""Generators that the network's threads run; nothing here knows a widget."""

from __future__ import annotations

import operator
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from spinealign.domain.findings import Analysis
from spinealign.domain.generators import mapped
from spinealign.domain.network import (
    Delivery,
    FoundStudy,
    NetworkError,
    PeerTest,
    StudyQuery,
    WorklistItem,
)
from spinealign.domain.report_details import ReportDetails
from spinealign.export.exporters import EXPORTERS
from spinealign.ui.work.services import Services

if TYPE_CHECKING:
    from spinealign.network.node import Network
    from spinealign.network.peers import Peer


@dataclass(frozen=True)
class Wanted:
    """A study, or one series of it, to be retrieved.

    Parameters
    ----------
    study_uid, series_uid : str
        The series is empty for all of the study.
    count : int or None
        How many images the node says that there are.
    """

    study_uid: str = field(repr=False)
    series_uid: str = field(default="", repr=False)
    count: int | None = None


@dataclass(frozen=True)
class Retrieved:
    """What came, and what did not.

    Parameters
    ----------
    folders : tuple of Path
        With images, one a study or series that was wanted.
    images : int
    failures : tuple of NetworkError
    """

    folders: tuple[Path, ...]
    images: int
    failures: tuple[NetworkError, ...] = ()


@dataclass(frozen=True)
class Sending:
    """Progress: the kind of object that is written, or, where empty, how many are sent."""

    kind: str
    done: int
    total: int


def test(peer: Peer, secret: str | None, network: Network) -> Generator[None, None, PeerTest]:
    """Try a connection."""
    yield
    return network.test(peer, secret)


def keeps_secrets(network: Network) -> Generator[None, None, bool]:
    """Return whether this system has a key store."""
    yield
    return network.keeps_secrets


def find(
    name: str, query: StudyQuery, network: Network
) -> Generator[int, None, tuple[FoundStudy, ...]]:
    """Search for studies."""
    return (yield from network.find(name, query))


def find_worklist(
    name: str, query: StudyQuery, network: Network
) -> Generator[int, None, tuple[WorklistItem, ...]]:
    """Search the worklist."""
    return (yield from network.find_worklist(name, query))


def retrieve(
    name: str, wanted: Sequence[Wanted], network: Network
) -> Generator[int, None, Retrieved]:
    """Retrieve studies and series one after another; yields how many images came so far.

    One that fails does not keep the others from coming.
    """
    folders: list[Path] = []
    failures: list[NetworkError] = []
    came = 0
    for one in wanted:
        yield came
        try:
            folder = network.new_fetched_folder(one.study_uid)
            work = network.fetch(name, folder, one.study_uid, one.series_uid)
            fetched = yield from mapped(work, partial(operator.add, came))
        except NetworkError as failure:
            failures.append(failure)
            continue
        came += len(fetched.paths)
        if one.series_uid:
            folders += dict.fromkeys(path.parent for path in fetched.paths)
        else:
            folders.append(folder)
    return Retrieved(tuple(dict.fromkeys(folders)), came, tuple(failures))


def send_objects(
    services: Services, analysis: Analysis, kinds: Sequence[str], details: ReportDetails,
    name: str, network: Network,
) -> Generator[Sending, None, tuple[Delivery, ...]]:  # fmt: skip
    """Write DICOM objects, queue them for a node, send what is due, and say what became of them.

    Raises
    ------
    DicomObjectError
        One of them cannot be made: nothing is queued.
    NetworkError
        They cannot be queued.
    """
    network.settings.peer(name)
    with TemporaryDirectory(prefix="spinealign-") as folder:
        paths = []
        for number, kind in enumerate(kinds):
            yield Sending(kind, number, len(kinds))
            path = Path(folder) / EXPORTERS[kind].file_name
            services.write_report(analysis, kind, details, path)
            paths.append(path)
            # What comes next may refer to it: the structured report to the segmentation.
            made = {**(details.objects or {}), kind: path.read_bytes()}
            details = replace(details, objects=made)
        before = {each.number for each in network.deliveries}
        network.send([name], paths)
    new = {each.number for each in network.deliveries} - before
    yield Sending("", 0, len(new))
    work = network.deliver()
    yield from mapped(work, partial(_sending, len(new)))
    return tuple(each for each in network.deliveries if each.number in new)


def _sending(total: int, sent: object) -> Sending:
    done = getattr(sent, "done", 0)
    return Sending("", min(int(done), total), total)
