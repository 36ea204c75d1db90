"""Work that somebody stops ends at once, whatever the other side does, and counts as no failure."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from spinealign.domain.errors import Cancelled
from spinealign.domain.generators import run_to_end
from spinealign.domain.interrupts import Interrupt
from spinealign.domain.network import DeliveryState, StudyQuery
from spinealign.files import held_alone
from spinealign.network import connecting
from spinealign.network.connecting import Timeouts
from spinealign.network.peers import DicomPeer, ReceiverSettings, Rule, Tls, WebPeer
from tests.network.nodes import OWN_TITLE, OtherPeer, close, free_port, node, slices

PATIENT = Timeouts(connect=300, associate=300, answer=300, commitment=300)
AT_ONCE_S = 20
"""Long for a slow machine; short beside what is waited for."""


@contextmanager
def mute() -> Iterator[tuple[int, threading.Event]]:
    """Have a port that takes connections and says nothing; the event tells that somebody came."""
    has_come, connections = threading.Event(), []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def accept() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connections.append(connection)
            if connection.recv(1):  # the first byte of a question
                has_come.set()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield int(server.getsockname()[1]), has_come
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in connections:
                connection.close()


class Working:
    """Work in a thread of its own, as a window has it."""

    def __init__(self, work) -> None:
        self.interrupt = Interrupt()
        self.outcome: object = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self.interrupt.here():
                self.outcome = self._work()
        except BaseException as error:  # noqa: BLE001 - looked at below
            self.outcome = error

    def stop(self) -> object:
        """Stop it, and return what came of it; it fails where that takes long."""
        self.interrupt.cut()
        return self.join()

    def join(self) -> object:
        """Return what came of it; it fails where that takes long."""
        self._thread.join(AT_ONCE_S)
        assert not self._thread.is_alive()
        return self.outcome


def dicom(port: int, **named) -> DicomPeer:
    return DicomPeer(name="A", called_title="X", host="127.0.0.1", port=port, **named)


def web(port: int, scheme: str = "http") -> WebPeer:
    return WebPeer(name="A", url=f"{scheme}://127.0.0.1:{port}/dicom-web")


@pytest.mark.parametrize(
    "peer_at",
    [dicom, lambda port: dicom(port, tls=Tls()), web, lambda port: web(port, "https")],
    ids=["DICOM", "DICOM over TLS", "DICOMweb", "DICOMweb over TLS"],
)
def test_a_question_to_a_peer_that_says_nothing(tmp_path, peer_at):
    with mute() as (port, has_come), closing(
        node(tmp_path / "profile", peer_at(port), timeouts=PATIENT)
    ) as own:  # fmt: skip
        asked = Working(lambda: run_to_end(own.find("A", StudyQuery())))
        assert has_come.wait(AT_ONCE_S)
        assert isinstance(asked.stop(), Cancelled)
        tested = Working(lambda: own.test(peer_at(port)))
        assert isinstance(tested.stop(), Cancelled)


@pytest.mark.parametrize("peer_at", [dicom, web], ids=["DICOM", "DICOMweb"])
def test_a_connection_that_nobody_takes(tmp_path, peer_at):
    """The list of a port that accepts nobody is full: nothing more is answered."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = int(server.getsockname()[1])
        before = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            before.append(one)
        has_begun = threading.Event()
        real = connecting.Sockets.watch

        def watch(self, connection):
            real(self, connection)
            has_begun.set()

        with pytest.MonkeyPatch.context() as patch, closing(
            node(tmp_path / "profile", peer_at(port), timeouts=PATIENT)
        ) as own:  # fmt: skip
            patch.setattr(connecting.Sockets, "watch", watch)
            asked = Working(lambda: run_to_end(own.find("A", StudyQuery())))
            assert has_begun.wait(AT_ONCE_S)
            assert isinstance(asked.stop(), Cancelled)
        for one in before:
            one.close()


@pytest.mark.parametrize("peer_at", [dicom, web], ids=["DICOM", "DICOMweb"])
def test_a_name_that_is_looked_for(tmp_path, monkeypatch, peer_at):
    is_asked, answer = threading.Event(), threading.Event()

    def slow(*_args, **_named):
        is_asked.set()
        answer.wait(AT_ONCE_S * 3)
        raise socket.gaierror

    with closing(node(tmp_path / "profile", peer_at(free_port()), timeouts=PATIENT)) as own:
        monkeypatch.setattr(connecting.socket, "getaddrinfo", slow)
        asked = Working(lambda: run_to_end(own.find("A", StudyQuery())))
        assert is_asked.wait(AT_ONCE_S)
        assert isinstance(asked.stop(), Cancelled)
        answer.set()


def test_what_was_being_sent_waits_and_counts_as_no_failure(tmp_path):
    is_asked, may_answer = threading.Event(), threading.Event()

    def answer(number: int) -> int:
        if number == 2:
            is_asked.set()
            may_answer.wait(AT_ONCE_S * 3)
        return 0x0000

    other = OtherPeer(answer)
    with other.listening(), closing(
        node(tmp_path / "profile", other.peer(), timeouts=PATIENT)
    ) as own:  # fmt: skip
        own.send(["Other"], slices(tmp_path / "in", 3))
        sending = Working(lambda: run_to_end(own.deliver()))
        assert is_asked.wait(AT_ONCE_S)
        assert isinstance(sending.stop(), Cancelled)
        may_answer.set()
        assert [(row.state, row.attempts, row.failure) for row in own.deliveries] == [
            (DeliveryState.DELIVERED, 0, None),
            (DeliveryState.WAITING, 0, None),
            (DeliveryState.WAITING, 0, None),
        ]
        run_to_end(own.deliver())
        assert {row.state for row in own.deliveries} == {DeliveryState.DELIVERED}


def test_a_commitment_that_is_waited_for(tmp_path):
    other = OtherPeer()
    other.reports_on = "never"
    with other.listening(), closing(
        node(tmp_path / "profile", other.peer(asks_commitment=True), timeouts=PATIENT)
    ) as own:  # fmt: skip
        own.send(["Other"], slices(tmp_path / "in", 1))
        sending = Working(lambda: run_to_end(own.deliver()))
        while not other.transactions:
            assert sending.outcome is None
        assert isinstance(sending.stop(), Cancelled)
        assert [row.state for row in own.deliveries] == [DeliveryState.ASKED]


def test_what_is_begun_afterwards_is_not_stopped(tmp_path):
    interrupt = Interrupt()
    interrupt.cut()
    other = OtherPeer()
    with other.listening(), closing(node(tmp_path / "profile", other.peer())) as own:
        with interrupt.here(), pytest.raises(Cancelled):
            own.test(other.peer())
        assert own.test(other.peer()).has_passed


def test_a_receiver_stops_although_a_sender_is_silent(tmp_path):
    """One sender entered an association and stays, another one never says what it wants."""
    port = free_port()
    own = node(
        tmp_path / "profile", timeouts=PATIENT,
        receiver=ReceiverSettings(
            address="127.0.0.1", port=port, rules=(Rule(calling_title="SCANNER"),)
        ),
    )  # fmt: skip
    own.start_receiver()
    entity = AE("SCANNER")
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", port, ae_title=OWN_TITLE)
    assert association.is_established
    with socket.create_connection(("127.0.0.1", port)) as mute_sender:
        mute_sender.settimeout(AT_ONCE_S)
        mute_sender.sendall(b"\x01")
        server = own._receiver._server
        while len(server.active_associations) < 2:
            assert own.is_receiving
        assert Working(own.close).join() is None
        assert mute_sender.recv(1) == b""  # its connection is closed, too
    association.abort()
    close(association)


def test_another_program_that_sends_to_the_same_peer_is_not_waited_for(tmp_path):
    other = OtherPeer()
    with other.listening(), closing(node(tmp_path / "profile", other.peer())) as own:
        own.send(["Other"], slices(tmp_path / "in", 1))
        with held_alone(own._outbox().lock_of("Other")):
            sending = Working(lambda: run_to_end(own.deliver()))
            assert isinstance(sending.stop(), Cancelled)
        run_to_end(own.deliver())
        assert [row.state for row in own.deliveries] == [DeliveryState.DELIVERED]
