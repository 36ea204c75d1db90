"""Objects that are not whole are not queued; one that a peer breaks off at blocks no other."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import DeliveryState, NetworkError, NetworkProblem
from spinealign.network.outbox import MOST_BREAKS, PAUSES_S
from spinealign.network.wholeness import require_whole
from tests.network.nodes import Clock, OtherPeer, node, slice_file, slices, uid_of


def problem_of(content: bytes) -> NetworkProblem:
    with pytest.raises(NetworkError) as told:
        require_whole(content)
    return told.value.problem


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "emri_small.dcm", "image_dfl.dcm",
     "SC_ybr_full_422_uncompressed.dcm", "liver.dcm", "test-SR.dcm", "MR_small_bigendian.dcm",
     "rtplan.dcm", "emri_small_RLE.dcm"],
)  # fmt: skip
def test_whole_objects_pass(name):
    require_whole(Path(get_testdata_file(name)).read_bytes())


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "emri_small_RLE.dcm"])
@pytest.mark.parametrize("left_out", [1, 3, 100, 1000])
def test_a_file_that_ends_early(name, left_out):
    content = Path(get_testdata_file(name)).read_bytes()
    assert problem_of(content[:-left_out]) is NetworkProblem.CUT_OFF


def test_pixels_that_are_fewer_than_the_image_says(tmp_path):
    path = slice_file(tmp_path / "in", NumberOfFrames=2)
    assert problem_of(path.read_bytes()) is NetworkProblem.PIXELS_SHORT
    dataset = dcmread(path)
    dataset.NumberOfFrames = 1
    dataset.save_as(path)
    require_whole(path.read_bytes())
    dataset.PixelData = dataset.PixelData[:-2]
    dataset.save_as(path)
    with pytest.raises(NetworkError) as told:
        require_whole(path.read_bytes())
    assert told.value.detail == "32766 of 32768 bytes"
    del dataset.PixelData
    dataset.save_as(path)
    assert problem_of(path.read_bytes()) is NetworkProblem.PIXELS_SHORT


def test_a_cut_file_is_not_queued_and_keeps_no_other_back(tmp_path):
    other = OtherPeer()
    paths = slices(tmp_path / "in", 3)
    paths[0].write_bytes(paths[0].read_bytes()[:-5000])
    with other.listening(), closing(node(tmp_path / "profile", other.peer())) as own:
        queued = own.queue(["Other"], paths)
        assert queued.count == 2
        assert [(path, e.problem) for path, e in queued.refused] == [
            (paths[0], NetworkProblem.CUT_OFF)
        ]
        run_to_end(own.deliver())
        assert {row.state for row in own.deliveries} == {DeliveryState.DELIVERED}
        assert [row.tries for row in own.deliveries] == [1, 1]
        assert [row.file for row in own.deliveries] == [path.name for path in paths[1:]]


def test_one_object_that_a_peer_breaks_off_at_waits_alone_then_for_a_person(tmp_path):
    clock = Clock()
    paths = slices(tmp_path / "in", 4)
    # The first is sent first; later rounds send nothing else.
    other = OtherPeer(lambda number: None if number == 1 or number > 4 else 0x0000)
    with other.listening(), closing(
        node(tmp_path / "profile", other.peer(), clock=clock)
    ) as own:  # fmt: skip
        own.send(["Other"], paths)
        run_to_end(own.deliver())
        bad, *good = own.deliveries
        assert {row.state for row in good} == {DeliveryState.DELIVERED}
        assert sorted(other.stored) == sorted(map(uid_of, paths[1:]))
        assert bad.state is DeliveryState.WAITING
        assert bad.failure.problem is NetworkProblem.BROKE_AT_OBJECT
        assert bad.failure.detail == uid_of(paths[0])
        for pause in PAUSES_S[: MOST_BREAKS - 1]:
            assert own.deliveries[0].state is DeliveryState.WAITING
            clock.pass_by(pause)
            run_to_end(own.deliver())
        assert own.deliveries[0].state is DeliveryState.FAILED
        own.forget([own.deliveries[0].number])
        assert {row.state for row in own.deliveries} == {DeliveryState.DELIVERED}


def test_a_peer_that_breaks_off_at_everything_is_left_until_later(tmp_path):
    other = OtherPeer(lambda number: None)
    with other.listening(), closing(node(tmp_path / "profile", other.peer())) as own:
        own.send(["Other"], slices(tmp_path / "in", 5))
        run_to_end(own.deliver())
        said = [row.failure.problem for row in own.deliveries]
        assert said == [NetworkProblem.BROKE_AT_OBJECT] * 2 + [NetworkProblem.ABORTED] * 3
        assert other._asked == 2


def test_two_bad_objects_at_the_front_come_last_the_next_time(tmp_path):
    clock = Clock()
    other = OtherPeer(lambda number: None if number in (1, 2, 6, 7) else 0x0000)
    with other.listening(), closing(
        node(tmp_path / "profile", other.peer(), clock=clock)
    ) as own:  # fmt: skip
        own.send(["Other"], slices(tmp_path / "in", 5))
        run_to_end(own.deliver())
        clock.pass_by(PAUSES_S[0])
        run_to_end(own.deliver())
        assert [row.state for row in own.deliveries] == (
            [DeliveryState.WAITING] * 2 + [DeliveryState.DELIVERED] * 3
        )


def test_orthanc_gets_the_others_where_a_cut_object_is_in_the_queue(tmp_path, orthanc):
    """The copy is cut after it was queued: as queues of earlier programs hold such."""
    paths = slices(tmp_path / "in", 4, study=generate_uid(), series=generate_uid())
    with closing(node(tmp_path / "profile", orthanc.peer())) as own:
        own.send([orthanc.peer().name], paths)
        first = own._outbox().due(float("inf"), orthanc.peer().name)[0].file.path
        first.write_bytes(first.read_bytes()[:-5000])
        run_to_end(own.deliver())
        bad, *good = own.deliveries
        assert {row.state for row in good} == {DeliveryState.DELIVERED}
        assert (bad.state, bad.failure.problem) == (
            DeliveryState.WAITING, NetworkProblem.BROKE_AT_OBJECT,
        )  # fmt: skip
    assert orthanc.uids() == sorted(map(uid_of, paths[1:]))
