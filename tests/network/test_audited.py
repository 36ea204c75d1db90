"""What the network does is in the audit trail; what cannot be recorded is not done."""

from __future__ import annotations

import io
import threading
from contextlib import closing

import pytest
from pydicom import dcmread

from spinealign import protected_folders
from spinealign.accounts.keys import LEAST_COST
from spinealign.audit.events import EventKind, ObjectKind, Outcome
from spinealign.cli.main import run_command
from spinealign.domain.generators import run_to_end
from spinealign.domain.network import DeliveryState, NetworkError, StudyQuery
from spinealign.network.node import Network
from spinealign.network.peers import ReceiverSettings, RetrieveWay, Rule
from spinealign.vault import exchange, place, safety_copies, session
from spinealign.vault.place import Place
from tests.network.nodes import QUICK, Clock, OtherPeer, free_port, node, slice_file, slices
from tests.network.test_receiver import kept, pushed

CT = "1.2.840.10008.5.1.4.1.1.2"


class Trail:
    """What would be written; full where a test says so."""

    def __init__(self) -> None:
        self.events: list[tuple[EventKind, Outcome, str, list[tuple[object, ...]]]] = []
        self.is_full = False

    def __call__(self, kind, /, *objects, outcome=Outcome.SUCCESS, description="", peer=""):
        if self.is_full:
            raise OSError("no room")
        told = [
            (each.kind, each.identifier, each.instances)
            if each.kind is ObjectKind.STUDY else (each.kind, each.identifier)
            for each in objects
        ]  # fmt: skip
        self.events.append((kind, outcome, peer, told))
        self.details = (description, objects)

    @property
    def kinds(self):
        return [each[0] for each in self.events]


@pytest.fixture
def trail():
    return Trail()


def recorded(trail, tmp_path, *peers, **named) -> Network:
    node(tmp_path / "profile", *peers, **named)
    return Network(tmp_path / "profile", now=Clock(), timeouts=QUICK, record=trail)


def test_what_is_sent_is_recorded_before_and_afterwards(trail, tmp_path):
    other = OtherPeer(lambda number: 0x0122 if number == 2 else 0x0000)
    paths = slices(tmp_path / "in", 3, study="1.2.3", patient="P1")
    where = f"OTHER@127.0.0.1:{other.port}"
    with other.listening(), closing(recorded(trail, tmp_path, other.peer())) as own:
        own.send(["Other"], paths)
        run_to_end(own.deliver())
    patient = (ObjectKind.PATIENT, "P1")
    assert trail.events[0] == (
        EventKind.BEGIN_TRANSFER, Outcome.SUCCESS, where,
        [patient, (ObjectKind.STUDY, "1.2.3", 3)],
    )  # fmt: skip
    one = [patient, (ObjectKind.STUDY, "1.2.3", 1)]
    assert [each[:2] for each in trail.events[1:]] == [
        (EventKind.SEND, Outcome.SUCCESS), (EventKind.SEND, Outcome.SERIOUS_FAILURE),
        (EventKind.SEND, Outcome.SUCCESS),
    ]  # fmt: skip
    assert all(each[2:] == (where, one) for each in trail.events[1:])


def test_a_peer_that_is_not_there_is_recorded_as_a_failure(trail, tmp_path):
    with closing(recorded(trail, tmp_path, OtherPeer().peer())) as own:
        own.send(["Other"], slices(tmp_path / "in", 2))
        run_to_end(own.deliver())
    assert [each[:2] for each in trail.events] == [
        (EventKind.BEGIN_TRANSFER, Outcome.SUCCESS), (EventKind.SEND, Outcome.SERIOUS_FAILURE),
    ]  # fmt: skip
    assert trail.details[0] == "refused"


def test_nothing_leaves_that_cannot_be_recorded(trail, tmp_path):
    other = OtherPeer()
    trail.is_full = True
    with other.listening(), closing(recorded(trail, tmp_path, other.peer())) as own:
        own.send(["Other"], slices(tmp_path / "in", 1))
        with pytest.raises(OSError, match="no room"):
            run_to_end(own.deliver())
        assert other.stored == []
        assert [each.state for each in own.deliveries] == [DeliveryState.WAITING]
        with pytest.raises(OSError, match="no room"):
            run_to_end(own.find("Other", StudyQuery(patient_name="DOE")))


def test_searches_and_what_is_retrieved(trail, orthanc, tmp_path):
    paths = slices(tmp_path / "in", 2, study="1.2.3", patient="P1")
    peer = orthanc.peer(retrieve_by=RetrieveWay.GET)
    with closing(recorded(trail, tmp_path, peer)) as own:
        own.send(["Archive"], paths)
        run_to_end(own.deliver())
        trail.events.clear()
        run_to_end(own.find("Archive", StudyQuery(patient_id="P1")))
        assert trail.details[1][0].query == '{"patient_id": "P1"}'
        run_to_end(own.find_series("Archive", "1.2.3"))
        run_to_end(own.find_worklist("Archive", StudyQuery(modality="CT")))
        run_to_end(own.fetch("Archive", tmp_path / "out", "1.2.3"))
        with pytest.raises(NetworkError):
            run_to_end(own.fetch("Archive", tmp_path / "out", "9.9"))
    query, received = EventKind.QUERY, EventKind.RECEIVE
    assert trail.kinds == [query, query, query, received, received]
    assert trail.events[3][1:] == (
        Outcome.SUCCESS, f"ORTHANC@127.0.0.1:{orthanc.dicom_port}",
        [(ObjectKind.PATIENT, "P1"), (ObjectKind.STUDY, "1.2.3", 2)],
    )  # fmt: skip
    assert trail.events[4][1] is Outcome.SERIOUS_FAILURE


@pytest.fixture
def receiving(trail, tmp_path):
    own = recorded(
        trail, tmp_path,
        receiver=ReceiverSettings(
            address="127.0.0.1", port=free_port(), rules=(Rule(calling_title="SCANNER"),)
        ),
    )  # fmt: skip
    own.start_receiver()
    yield own
    own.close()


def test_what_a_scanner_sent_is_recorded_when_it_is_done(trail, receiving, tmp_path):
    paths = [
        slice_file(tmp_path / "in", study="1.2.3", patient=patient)
        for patient in ("P1", "P1", "P2")
    ]
    assert pushed(receiving, paths) == [0] * 3
    receiving.close()
    [(kind, outcome, peer, objects)] = trail.events
    assert (kind, outcome) == (EventKind.RECEIVE, Outcome.SUCCESS)
    assert peer.startswith("SCANNER@127.0.0.1:")
    assert objects == [
        (ObjectKind.PATIENT, "P1"), (ObjectKind.PATIENT, "P2"), (ObjectKind.STUDY, "1.2.3", 3),
    ]  # fmt: skip
    assert trail.details[1][-1].sop_class_uid == CT


def test_a_node_that_may_not_call_is_recorded(trail, receiving, tmp_path):
    assert pushed(receiving, slices(tmp_path / "in", 1), title="STRANGER") is None
    receiving.close()
    [(kind, outcome, peer, _)] = trail.events
    assert (kind, outcome) == (EventKind.NODE_REFUSED, Outcome.MINOR_FAILURE)
    assert peer.startswith("STRANGER@127.0.0.1:")


def test_nothing_is_taken_in_while_the_trail_cannot_be_written(trail, receiving, tmp_path):
    first, second = slices(tmp_path / "in", 2)
    auditor, is_closed = receiving._auditor, threading.Event()
    real = auditor.is_done
    auditor.is_done = lambda peer: (real(peer), is_closed.set())
    trail.is_full = True
    assert pushed(receiving, [first]) == [0]  # is recorded as soon as that can be
    assert is_closed.wait(20)
    assert pushed(receiving, [second]) == [0xA700]
    assert len(kept(receiving)) == 1
    trail.is_full = False
    assert pushed(receiving, [second]) == [0]
    receiving.close()
    assert trail.kinds == [EventKind.RECEIVE, EventKind.RECEIVE]


def test_with_accounts_commands_are_recorded_under_a_name(tmp_path, monkeypatch, capsys):
    for module in (place, session, safety_copies, exchange):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    (tmp_path / "pw").write_text("correct horse battery\n")
    profile = ("--profile-dir", tmp_path / "profile")
    anna = ("--user", "anna", "--password-file", tmp_path / "pw")

    def run(*words: object, has_name: bool = True) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        code = run_command(list(map(str, (*words, *profile, *(anna if has_name else ())))))
        return code, *capsys.readouterr()

    other = OtherPeer()
    path = slice_file(tmp_path / "in", study="1.2.3", patient="P1")
    try:
        address = ("--host", "127.0.0.1", "--port", other.port, "--called", "OTHER")
        assert run("peers", "add", "Other", *address, has_name=False)[0] == 0
        assert run("accounts", "set-up", "anna", *anna[2:], has_name=False)[0] == 0
        with other.listening():
            code, _, err = run("send", path, "--to", "Other", has_name=False)
            assert (code, other.stored) == (2, [])
            assert "--user" in err
            assert run("send", path, "--to", "Other")[:2] == (0, "1 delivered\n")
        told = run("audit-trail", "list")[1]
    finally:
        here = Place.of_profile(tmp_path / "profile")
        protected_folders.release(here.files)
        protected_folders.release(here.kept)
    assert "Began to send" in told
    assert "Sent" in told
    assert other.stored == [str(dcmread(path).SOPInstanceUID)]
