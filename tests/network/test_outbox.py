"""The queue: nothing lost, nothing twice, tried again with growing pauses."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from pydicom import dcmread

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import DeliveryState, NetworkError, NetworkProblem
from spinealign.network.node import Network
from spinealign.network.outbox import COMMITMENT_WAIT_S, PAUSES_S
from spinealign.network.peers import ReceiverSettings, Rule
from tests.network.nodes import (
    OWN_TITLE,
    Clock,
    OtherPeer,
    free_port,
    node,
    slice_file,
    slices,
    uid_of,
)


def states(own):
    return [each.state for each in own.deliveries]


def problems(own):
    return [each.failure and each.failure.problem for each in own.deliveries]


@pytest.fixture
def clock():
    return Clock()


def sending_to(other, tmp_path, clock, **named):
    return node(tmp_path / "profile", other.peer(**named), clock=clock)


def copies(tmp_path):
    return sorted((tmp_path / "profile" / "network" / "outbox").glob("*"))


def test_objects_are_sent_once_whatever_is_asked(tmp_path, clock):
    other = OtherPeer()
    paths = slices(tmp_path / "in", 3)
    with other.listening(), closing(sending_to(other, tmp_path, clock)) as own:
        assert own.send(["Other"], paths) == 3
        assert own.send(["Other"], paths) == 0
        for path in paths:
            path.unlink()  # the queue has copies of its own
        run_to_end(own.deliver())
        run_to_end(own.deliver())
        assert own.retry([each.number for each in own.deliveries]) is None
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.DELIVERED] * 3
    assert len(other.stored) == len(set(other.stored)) == 3
    assert copies(tmp_path) == []


def test_another_object_of_the_same_uid_is_refused(tmp_path, clock):
    own = sending_to(OtherPeer(), tmp_path, clock)
    own.send(["Other"], [slice_file(tmp_path / "in", sop_uid="1.2.3.4")])
    with pytest.raises(NetworkError) as told:
        own.send(["Other"], [slice_file(tmp_path / "in", sop_uid="1.2.3.4", patient="P2")])
    assert told.value.problem is NetworkProblem.SAME_UID
    own.close()


def test_what_is_no_dicom_is_refused(tmp_path, clock):
    own = sending_to(OtherPeer(), tmp_path, clock)
    (tmp_path / "a.dcm").write_bytes(b"DICM" * 99)
    for path, problem in (
        (tmp_path / "a.dcm", NetworkProblem.NOT_DICOM),
        (tmp_path / "b.dcm", NetworkProblem.FILE_LOST),
    ):
        with pytest.raises(NetworkError) as told:
            own.send(["Other"], [path])
        assert (told.value.problem, told.value.detail) == (problem, path.name)
    own.close()


def test_a_full_disk_at_the_peer_stops_the_round_and_is_tried_again_later(tmp_path, clock):
    full = True
    other = OtherPeer(lambda number: 0xA700 if full and number >= 3 else 0x0000)
    paths = slices(tmp_path / "in", 6)
    with other.listening(), closing(sending_to(other, tmp_path, clock)) as own:
        own.send(["Other"], paths)
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.DELIVERED] * 2 + [DeliveryState.WAITING] * 4
        assert problems(own) == [None] * 2 + [NetworkProblem.PEER_FULL] * 4
        assert len(other.stored) == 2
        assert other._asked == 3
        run_to_end(own.deliver())
        assert other._asked == 3  # its pause is not over
        full = False
        clock.pass_by(10)
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.DELIVERED] * 6
        assert problems(own) == [None] * 6
    assert sorted(other.stored) == sorted(map(uid_of, paths))


def test_pauses_grow_and_an_hour_is_the_longest(tmp_path, clock):
    own = node(tmp_path / "profile", OtherPeer().peer(), clock=clock)
    own.send(["Other"], slices(tmp_path / "in", 1))
    pauses = []
    for _ in range(len(PAUSES_S) + 2):
        run_to_end(own.deliver())
        [row] = own.deliveries
        assert row.failure.problem is NetworkProblem.REFUSED
        pauses.append(row.next_at - clock.now)
        assert own.seconds_to_wait() == pauses[-1]
        clock.pass_by(pauses[-1])
    assert pauses == [*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1]]
    assert pauses == sorted(pauses)
    own.close()


def test_what_only_a_person_can_change_waits_for_one(tmp_path, clock):
    refusing = True
    other = OtherPeer(lambda number: 0x0124 if refusing else 0x0000)
    with other.listening(), closing(sending_to(other, tmp_path, clock)) as own:
        own.send(["Other"], slices(tmp_path / "in", 2))
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.FAILED] * 2
        clock.pass_by(1e6)
        run_to_end(own.deliver())
        assert other._asked == 2
        assert own.seconds_to_wait() is None
        refusing = False
        own.retry([own.deliveries[0].number])
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.DELIVERED, DeliveryState.FAILED]
        own.forget([own.deliveries[1].number])
        assert states(own) == [DeliveryState.DELIVERED]
    assert copies(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (0xA900, NetworkProblem.OBJECT_REFUSED),
        (0xC000, NetworkProblem.OBJECT_REFUSED),
        (0x0122, NetworkProblem.NOT_SUPPORTED),
        (0x0110, NetworkProblem.STATUS),
        (0xB000, None),
        (0xB007, None),
    ],
    ids=lambda value: hex(value) if isinstance(value, int) else str(value),
)
def test_one_object_that_is_refused_keeps_no_other_back(tmp_path, clock, status, problem):
    other = OtherPeer(lambda number: status if number == 2 else 0x0000)
    with other.listening(), closing(sending_to(other, tmp_path, clock)) as own:
        own.send(["Other"], slices(tmp_path / "in", 3))
        run_to_end(own.deliver())
        assert problems(own) == [None, problem, None]


def test_an_association_that_breaks_is_taken_up_where_it_broke(tmp_path, clock):
    other = OtherPeer(lambda number: None if number == 3 else 0x0000)
    paths = slices(tmp_path / "in", 5)
    with other.listening(), closing(sending_to(other, tmp_path, clock)) as own:
        own.send(["Other"], paths)
        run_to_end(own.deliver())
        assert states(own)[2] is DeliveryState.WAITING
        assert problems(own) == [None] * 2 + [NetworkProblem.BROKE_AT_OBJECT] + [None] * 2
        clock.pass_by(10)
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.DELIVERED] * 5
    assert other.stored == [uid_of(paths[number]) for number in (0, 1, 3, 4, 2)]


def test_a_round_that_is_cancelled_loses_nothing(tmp_path, clock):
    other = OtherPeer()
    with other.listening(), closing(sending_to(other, tmp_path, clock)) as own:
        own.send(["Other"], slices(tmp_path / "in", 4))
        work = own.deliver()
        next(work)
        work.close()
        assert states(own) == [DeliveryState.DELIVERED] + [DeliveryState.WAITING] * 3
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.DELIVERED] * 4
    assert len(set(other.stored)) == len(other.stored) == 4


def test_a_peer_that_was_removed_is_told_with_what_waits_for_it(tmp_path, clock):
    own = sending_to(OtherPeer(), tmp_path, clock)
    own.send(["Other"], slices(tmp_path / "in", 1))
    own.remove_peer("Other")
    run_to_end(own.deliver())
    assert problems(own) == [NetworkProblem.UNKNOWN_PEER]
    assert states(own) == [DeliveryState.FAILED]
    own.close()


def test_a_compression_that_the_peer_does_not_take(tmp_path, clock):
    from pydicom.data import get_testdata_file

    other = OtherPeer()
    jpeg = get_testdata_file("JPEG2000.dcm")
    sop_class = str(dcmread(jpeg, stop_before_pixels=True).SOPClassUID)
    with other.listening(takes={sop_class}), closing(sending_to(other, tmp_path, clock)) as own:
        own.send(["Other"], [Path(jpeg)])
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.FAILED]


# Storage commitment


def committing(other, tmp_path, clock):
    other.own_port = free_port()
    own = node(
        tmp_path / "profile", other.peer(asks_commitment=True), clock=clock,
        receiver=ReceiverSettings(
            title=OWN_TITLE, address="127.0.0.1", port=other.own_port,
            rules=(Rule(calling_title="SCANNER"),),
        ),
    )  # fmt: skip
    own.start_receiver()
    return own


@pytest.mark.parametrize("where", ["same", "other"])
def test_a_peer_commits_itself_on_the_same_or_another_association(tmp_path, clock, where):
    other = OtherPeer()
    other.reports_on = where
    with other.listening(), closing(committing(other, tmp_path, clock)) as own:
        own.send(["Other"], slices(tmp_path / "in", 3))
        run_to_end(own.deliver())
        assert own.has_been_told.wait(5)
        assert states(own) == [DeliveryState.DELIVERED] * 3
        asked = other.transactions[0].ReferencedSOPSequence
        assert sorted(i.ReferencedSOPInstanceUID for i in asked) == sorted(other.stored)
        run_to_end(own.deliver())
        assert len(other.transactions) == 1
    assert copies(tmp_path) == []
    assert other.report_status == [0x0000]


def test_what_a_peer_does_not_keep_is_sent_again(tmp_path, clock):
    other = OtherPeer()
    paths = slices(tmp_path / "in", 3)
    other.refuses = {uid_of(paths[1])}
    with other.listening(), closing(committing(other, tmp_path, clock)) as own:
        own.send(["Other"], paths)
        run_to_end(own.deliver())
        assert states(own) == [
            DeliveryState.DELIVERED, DeliveryState.WAITING, DeliveryState.DELIVERED,
        ]  # fmt: skip
        assert problems(own) == [None, NetworkProblem.NOT_COMMITTED, None]
        assert len(copies(tmp_path)) == 1
        other.refuses = set()
        clock.pass_by(10)
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.DELIVERED] * 3
    assert other.stored.count(uid_of(paths[1])) == 2


def test_a_peer_that_never_reports_is_asked_again(tmp_path, clock):
    other = OtherPeer()
    other.reports_on = "never"
    with other.listening(), closing(committing(other, tmp_path, clock)) as own:
        own._timeouts = type(own._timeouts)(commitment=0.05)
        own.send(["Other"], slices(tmp_path / "in", 1))
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.ASKED]
        run_to_end(own.deliver())
        assert len(other.transactions) == 1
        clock.pass_by(COMMITMENT_WAIT_S)
        run_to_end(own.deliver())
        assert len(other.transactions) == 2
        assert len(other.stored) == 1  # asked again, not sent again
        assert problems(own) == [NetworkProblem.NO_COMMITMENT_RESULT]
        assert len(copies(tmp_path)) == 1
        other.report_now()
        assert states(own) == [DeliveryState.DELIVERED]


def test_retry_asks_for_commitment_at_once_and_sends_nothing_twice(tmp_path, clock):
    other = OtherPeer()
    other.reports_on = "never"
    with other.listening(), closing(committing(other, tmp_path, clock)) as own:
        own._timeouts = type(own._timeouts)(commitment=0.05)
        own.send(["Other"], slices(tmp_path / "in", 2))
        run_to_end(own.deliver())
        own.retry([own.deliveries[0].number])
        assert states(own) == [DeliveryState.SENT, DeliveryState.ASKED]
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.ASKED] * 2
        [asked] = other.transactions[1].ReferencedSOPSequence
        assert asked.ReferencedSOPInstanceUID == own.deliveries[0].sop_uid
        assert len(other.stored) == 2


def test_reports_of_others_and_of_other_transactions_count_for_nothing(tmp_path, clock):
    other = OtherPeer()
    other.reports_on = "never"
    with other.listening(), closing(committing(other, tmp_path, clock)) as own:
        own._timeouts = type(own._timeouts)(commitment=0.05)
        own.send(["Other"], slices(tmp_path / "in", 1))
        run_to_end(own.deliver())
        other.report_now("SCANNER")  # may call, but was not asked
        other.report_now("STRANGER")  # may not even call
        real = other.transactions[-1].TransactionUID
        other.transactions[-1].TransactionUID = "1.2.3"
        other.report_now()
        assert other.report_status == [0x0115, -1, 0x0115]
        assert states(own) == [DeliveryState.ASKED]
        other.transactions[-1].TransactionUID = real
        other.report_now()
        other.report_now()  # twice is as good as once
        assert other.report_status[3:] == [0x0000, 0x0000]
        assert states(own) == [DeliveryState.DELIVERED]


def test_a_peer_without_commitment_is_told_and_the_object_stays(tmp_path, clock):
    with closing(node(tmp_path / "server", receiver=ReceiverSettings(
        title="OTHER", address="127.0.0.1", port=free_port(),
        rules=(Rule(calling_title=OWN_TITLE),),
    ))) as server:  # fmt: skip
        server.start_receiver()
        other = OtherPeer()
        other.port = server.settings.receiver.port
        with closing(sending_to(other, tmp_path, clock, asks_commitment=True)) as own:
            own.send(["Other"], slices(tmp_path / "in", 1))
            run_to_end(own.deliver())
            assert states(own) != [DeliveryState.DELIVERED]
            assert problems(own) != [None]
            assert len(copies(tmp_path)) == 1


def test_a_profile_that_is_moved_takes_its_queue_along(tmp_path, clock):
    other = OtherPeer()
    paths = slices(tmp_path / "in", 2)
    with closing(sending_to(other, tmp_path, clock)) as own:
        own.send(["Other"], paths)
    (tmp_path / "profile").rename(tmp_path / "moved")
    with other.listening(), closing(Network(tmp_path / "moved", now=clock)) as own:
        run_to_end(own.deliver())
        assert states(own) == [DeliveryState.DELIVERED] * 2
    assert list((tmp_path / "moved" / "network" / "outbox").iterdir()) == []
