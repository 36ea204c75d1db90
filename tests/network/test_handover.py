"""Retrieving by C-MOVE while another program of the same profile listens on the port."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import DeliveryState, NetworkError, NetworkProblem
from spinealign.network.node import Network
from spinealign.network.peers import RetrieveWay, Rule
from tests.network.nodes import QUICK, Clock, data_of, node, slice_file, slices, uid_of
from tests.network.test_receiver import kept, pushed


@pytest.fixture
def receiving(orthanc, tmp_path):
    """The program that listens; it takes in what a scanner sends."""
    own = node(
        tmp_path / "profile", orthanc.peer(retrieve_by=RetrieveWay.MOVE),
        receiver=orthanc.own(rules=(Rule(calling_title="SCANNER"),)),
    )  # fmt: skip
    own.start_receiver()
    yield own
    own.close()


@pytest.fixture
def fetching(receiving, tmp_path):
    """Another program of the same profile."""
    own = Network(tmp_path / "profile", now=Clock(), timeouts=QUICK)
    yield own
    own.close()


def stored(own, paths):
    own.send(["Archive"], paths)
    run_to_end(own.deliver())
    assert {row.state for row in own.deliveries} == {DeliveryState.DELIVERED}


def left_over(tmp_path):
    return sorted((tmp_path / "profile" / "network" / "moved").iterdir())


@pytest.mark.parametrize("series", ["", "1.2.3.2"], ids=["study", "series"])
def test_what_is_retrieved_comes_by_the_receiver_that_listens(
    receiving, fetching, tmp_path, series
):
    paths = {uid: slices(tmp_path / uid, 2, study="1.2.3", series=uid)
             for uid in ("1.2.3.1", "1.2.3.2")}  # fmt: skip
    stored(fetching, [*paths["1.2.3.1"], *paths["1.2.3.2"]])
    fetched = run_to_end(fetching.fetch("Archive", tmp_path / "out", "1.2.3", series))
    wanted = paths[series] if series else [*paths["1.2.3.1"], *paths["1.2.3.2"]]
    assert {uid_of(p): data_of(p) for p in fetched.paths} == {uid_of(p): data_of(p) for p in wanted}
    assert receiving.arrivals == []
    assert not receiving.has_arrived.is_set()
    assert left_over(tmp_path) == []


def test_what_nobody_waits_for_is_no_part_of_it(receiving, fetching, tmp_path):
    """Of the same study a scanner sends an image meanwhile: that one is for the receiver."""
    stored(fetching, slices(tmp_path / "in", 2, study="1.2.3", series="1.2.3.1"))
    other = slice_file(tmp_path / "other", study="1.2.3", series="1.2.3.9")
    work = fetching.fetch("Archive", tmp_path / "out", "1.2.3")
    next(work)
    assert pushed(receiving, [other]) == [0]
    fetched = run_to_end(work)
    assert len(fetched.paths) == 2
    assert [data_of(path) for path in kept(receiving)] == [data_of(other)]


WAITS = """
import sys
from pathlib import Path
from spinealign.network.node import Network
with Network(Path(sys.argv[1]))._handover().awaiting("1.2.3", "", "SCANNER") as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_a_kill_left_behind_takes_nothing_in(receiving, tmp_path):
    profile = tmp_path / "profile"
    waiting = subprocess.Popen(
        [sys.executable, "-c", WAITS, str(profile)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with waiting:
        try:
            folder = Path(waiting.stdout.readline().strip())
            first, second = slices(tmp_path / "in", 2, study="1.2.3")
            assert pushed(receiving, [first]) == [0]
            assert [data_of(path) for path in folder.glob("*.dcm")] == [data_of(first)]
            assert kept(receiving) == []
        finally:
            waiting.kill()
    assert pushed(receiving, [second]) == [0]
    assert [data_of(path) for path in kept(receiving)] == [data_of(second)]
    assert folder in left_over(tmp_path)
    receiving.stop_receiver()
    receiving.start_receiver()
    assert left_over(tmp_path) == []


def test_a_port_that_another_program_uses_is_told(orthanc, tmp_path):
    peer = orthanc.peer(retrieve_by=RetrieveWay.MOVE)
    other = node(tmp_path / "other", receiver=orthanc.own(rules=(Rule(calling_title="SCANNER"),)))
    other.start_receiver()
    with (
        closing(other),
        closing(node(tmp_path / "profile", peer, receiver=orthanc.own())) as own,
        pytest.raises(NetworkError) as told,
    ):
        run_to_end(own.fetch("Archive", tmp_path / "out", "1.2.3"))
    assert told.value.problem is NetworkProblem.OWN_PORT
