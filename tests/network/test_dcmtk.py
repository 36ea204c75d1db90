"""Against DCMTK's archive (dcmqrscp): another implementation than Orthanc's own services."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import DeliveryState, NetworkError, NetworkProblem, StudyQuery
from spinealign.network.peers import DicomPeer, ReceiverSettings, RetrieveWay
from tests.network.nodes import OWN_TITLE, data_of, free_port, node, run, slices, uid_of

CONFIG = """
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
own = ({title}, 127.0.0.1, {own_port})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
DCMQR {storage} RW (200, 1024mb) ANY
AETable END
"""


class Archive:
    def __init__(self, folder: Path) -> None:
        self.port, self.own_port = free_port(), free_port()
        self._storage = folder / "storage"
        self._storage.mkdir(parents=True)
        self._config = folder / "dcmqrscp.cfg"
        self._config.write_text(
            CONFIG.format(
                port=self.port, own_port=self.own_port, title=OWN_TITLE, storage=self._storage
            )
        )

    def __enter__(self) -> Archive:
        self._process = subprocess.Popen(
            ["/usr/bin/dcmqrscp", "-c", str(self._config)], env={"TCP_NODELAY": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(200):
            if (
                run(
                    "echoscu", "-aet", OWN_TITLE, "-aec", "DCMQR", "127.0.0.1", self.port
                ).returncode
                == 0
            ):
                return self
            time.sleep(0.05)
        raise AssertionError("dcmqrscp did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def peer(self, **named) -> DicomPeer:
        values = {"name": "Archive", "called_title": "DCMQR", "host": "127.0.0.1",
                  "port": self.port}  # fmt: skip
        return DicomPeer(**{**values, **named})

    def own(self) -> ReceiverSettings:
        return ReceiverSettings(address="127.0.0.1", port=self.own_port)

    def count(self, study: str) -> int:
        """Return how many objects of a study findscu sees there."""
        done = run(
            "findscu", "-S", "-aet", OWN_TITLE, "-aec", "DCMQR", "127.0.0.1", self.port, "-k",
            "QueryRetrieveLevel=IMAGE", "-k", f"StudyInstanceUID={study}", "-k",
            "SeriesInstanceUID=1.2.3.1", "-k", "SOPInstanceUID",
        )  # fmt: skip
        return (done.stdout + done.stderr).count("SOPInstanceUID")


@pytest.fixture
def archive(loopback, tmp_path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive") as running:
        yield running


@pytest.mark.parametrize("way", [RetrieveWay.GET, RetrieveWay.MOVE])
def test_there_and_back(archive, tmp_path, way):
    paths = slices(tmp_path / "in", 3, study="1.2.3", series="1.2.3.1", PatientName="DOE^JOHN")
    peer = archive.peer(retrieve_by=way)
    with closing(node(tmp_path / "profile", peer, receiver=archive.own())) as own:
        assert own.test(peer).has_passed
        own.send(["Archive"], paths)
        run_to_end(own.deliver())
        assert {row.state for row in own.deliveries} == {DeliveryState.DELIVERED}
        assert archive.count("1.2.3") >= 3
        [study] = run_to_end(own.find("Archive", StudyQuery(patient_name="DOE")))
        assert (study.study_uid, study.patient_name) == ("1.2.3", "DOE^JOHN")
        [series] = run_to_end(own.find_series("Archive", "1.2.3"))
        assert series.series_uid == "1.2.3.1"
        fetched = run_to_end(own.fetch("Archive", tmp_path / "out", "1.2.3"))
    assert {uid_of(path): data_of(path) for path in fetched.paths} == {
        uid_of(path): data_of(path) for path in paths
    }


def test_a_destination_that_the_archive_does_not_know(archive, tmp_path):
    paths = slices(tmp_path / "in", 1, study="1.2.3", series="1.2.3.1")
    own_settings = ReceiverSettings(title="UNKNOWN", address="127.0.0.1", port=free_port())
    peer = archive.peer(retrieve_by=RetrieveWay.MOVE)
    with closing(node(tmp_path / "profile", peer, receiver=own_settings)) as own:
        own.send(["Archive"], paths)
        run_to_end(own.deliver())
        with pytest.raises(NetworkError) as told:
            run_to_end(own.fetch("Archive", tmp_path / "out", "1.2.3"))
        assert told.value.problem is NetworkProblem.UNKNOWN_DESTINATION
