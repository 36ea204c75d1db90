"""The audit trail sent over TLS to a syslog server: all of it, in order, nothing lost."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from spinealign import protected_folders
from spinealign.accounts.book import Role
from spinealign.accounts.keys import LEAST_COST
from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.domain.protection import AccountError
from spinealign.network.audit_repository import Repository, configure, repository_of, send_new
from spinealign.network.connecting import Timeouts
from spinealign.network.peers import Tls
from spinealign.vault import administration, place, session
from spinealign.vault.place import Place
from spinealign.vault.session import Session, set_up_accounts, sign_in
from tests.network.test_failures import certificates

PASSWORD = "correct horse battery"
TIMEOUTS = Timeouts(connect=5.0, answer=5.0)
MESSAGE = re.compile(
    rb"<(\d+)>1 (\S+) (\S+) SpineAlign (\d+) IHE\+RFC-3881 - \xef\xbb\xbf(<\?xml.*)", re.S
)


class Server:
    """A syslog server over TLS, which hangs up some of its first connections in the middle."""

    def __init__(self, own: Tls, *, hangs_up: int = 0, is_polite: bool = True) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.certificate_file, own.key_file)
        self._context, self._hangs_up = context, hangs_up
        self._is_polite = is_polite
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.received: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            with plain:
                self._take(plain)

    def _take(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as encrypted:
                if self._hangs_up:
                    self._hangs_up -= 1
                    encrypted.recv(10)
                    return
                content = b""
                while piece := encrypted.recv(65536):
                    content += piece
                self.received.append(content)
                if self._is_polite:
                    encrypted.unwrap()
        except OSError:
            return

    def close(self) -> None:
        self._socket.close()
        self._thread.join(5)

    def messages(self) -> list[bytes]:
        """Return what came, cut by the lengths that stand before each message."""
        found, content = [], b"".join(self.received)
        while content:
            length, rest = content.split(b" ", 1)
            found.append(rest[: int(length)])
            content = rest[int(length) :]
        return found


@pytest.fixture
def own(tmp_path: Path) -> Tls:
    return certificates(tmp_path / "certificates", "repository")


@pytest.fixture
def server(own: Tls) -> Iterator[Server]:
    made = Server(own)
    yield made
    made.close()


@pytest.fixture
def anna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    for module in (place, session):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    where = Place.of_profile(tmp_path / "profile")
    made, _ = set_up_accounts(where, "anna", "", PASSWORD)
    yield made
    made.close()
    for folder in (where.files, where.kept):
        protected_folders.release(folder)


def view(at_work: Session, count: int) -> None:
    for number in range(count):
        at_work.record(EventKind.VIEW, AuditObject(ObjectKind.PATIENT, f"P{number}", "Müller^Ä"))


def test_every_event_arrives_once_in_order_and_valid(anna, server, own) -> None:
    configure(anna, Repository("127.0.0.1", server.port, Tls(ca_file=own.ca_file), "Ward"))
    view(anna, 700)
    assert send_new(anna, TIMEOUTS) == 702
    assert send_new(anna, TIMEOUTS) == 0
    view(anna, 1)
    assert send_new(anna, TIMEOUTS) == 1
    messages = server.messages()
    assert len(messages) == 703
    schema = etree.RelaxNG(etree.parse(Path(__file__).parents[1] / "audit_message.rng"))
    for number, message in enumerate(messages):
        found = MESSAGE.fullmatch(message)
        assert found is not None, message[:200]
        assert int(found[1]) == 10 * 8 + 5
        document = etree.fromstring(found[5])
        if number % 50 == 0:
            schema.assertValid(document)
    patients = re.findall(rb'ParticipantObjectID="(P\d+)"', b"".join(messages))
    assert patients == [*(f"P{number}".encode() for number in range(700)), b"P0"]


def test_what_did_not_go_goes_with_the_next_call(anna, own, tmp_path) -> None:
    server = Server(own, hangs_up=1)
    try:
        configure(anna, Repository("127.0.0.1", server.port, Tls(ca_file=own.ca_file)))
        view(anna, 30)
        with pytest.raises(NetworkError):
            send_new(anna, TIMEOUTS)
        assert send_new(anna, TIMEOUTS) == 32
        assert len(server.messages()) == 32
    finally:
        server.close()


def test_a_server_that_only_closes_has_taken_all(anna, own) -> None:
    server = Server(own, is_polite=False)
    try:
        configure(anna, Repository("127.0.0.1", server.port, Tls(ca_file=own.ca_file)))
        assert send_new(anna, TIMEOUTS) == 2
        assert len(server.messages()) == 2
    finally:
        server.close()


def test_nothing_goes_to_a_server_that_is_not_trusted(anna, server, tmp_path) -> None:
    other = certificates(tmp_path / "other", "other")
    configure(anna, Repository("127.0.0.1", server.port, Tls(ca_file=other.ca_file)))
    with pytest.raises(NetworkError) as raised:
        send_new(anna, TIMEOUTS)
    assert raised.value.problem is NetworkProblem.CERTIFICATE_NOT_TRUSTED
    assert server.received == []


def test_nothing_goes_before_it_is_configured_or_after_it_ended(anna, server, own) -> None:
    assert send_new(anna, TIMEOUTS) == 0
    configure(anna, Repository("127.0.0.1", server.port, Tls(ca_file=own.ca_file)))
    configure(anna, None)
    assert repository_of(anna.place) is None
    assert send_new(anna, TIMEOUTS) == 0
    assert server.received == []


def test_missing_authorities_are_refused_when_it_is_configured(anna, tmp_path) -> None:
    with pytest.raises(NetworkError) as raised:
        configure(anna, Repository("127.0.0.1", 6514, Tls(ca_file=str(tmp_path / "none.pem"))))
    assert raised.value.problem is NetworkProblem.CA_FILE
    assert repository_of(anna.place) is None


def test_a_new_trail_is_sent_from_its_beginning(anna, server, own) -> None:
    configure(anna, Repository("127.0.0.1", server.port, Tls(ca_file=own.ca_file)))
    view(anna, 5)
    send_new(anna, TIMEOUTS)
    anna.place.anchor.unlink()
    assert anna.verify_trail().damage is not None
    anna.begin_new_trail()
    assert send_new(anna, TIMEOUTS) == 1
    assert b"Security Alert" in server.messages()[-1]


def test_a_viewer_may_not_turn_it_off(anna, server, own) -> None:
    configure(anna, Repository("127.0.0.1", server.port, Tls(ca_file=own.ca_file)))
    administration.add_account(anna, "bob", "", [Role.VIEWER], "another horse battery")
    bob = sign_in(anna.place, "bob", "another horse battery")
    with pytest.raises(AccountError):
        configure(bob, None)
    assert repository_of(bob.place) is not None
    bob.close()
