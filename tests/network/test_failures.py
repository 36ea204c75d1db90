"""What failed is told apart, with what a person can do about it."""

from __future__ import annotations

import datetime
import http.server
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import (
    DeliveryState,
    NetworkError,
    NetworkProblem,
    Service,
    StudyQuery,
)
from spinealign.network import connecting
from spinealign.network.connecting import Timeouts
from spinealign.network.peers import DicomPeer, ReceiverSettings, Rule, SignIn, Tls, WebPeer
from spinealign.wording import explain
from tests.network.nodes import (
    IMPATIENT,
    QUICK,
    Clock,
    OtherPeer,
    Secrets,
    free_port,
    node,
    run,
    silent,
    slices,
)

CT = "1.2.840.10008.5.1.4.1.1.2"


def failure_of(tmp_path, peer, timeouts: Timeouts = QUICK, secret: str | None = None):
    """Return what a test of a connection says, and that a sentence tells it."""
    own = node(tmp_path / "profile", timeouts=timeouts)
    found = own.test(peer, secret).failure
    assert found is not None
    message = explain(found)
    assert peer.name in message.sentence
    assert message.advice
    return found.problem


def dicom_peer(port: int, **named) -> DicomPeer:
    values = {"name": "Archive", "called_title": "ORTHANC", "host": "127.0.0.1", "port": port}
    return DicomPeer(**{**values, **named})


def web_peer(url: str, **named) -> WebPeer:
    return WebPeer(name="Web", url=url, **named)


def test_a_host_that_is_not_found(tmp_path):
    peer = dicom_peer(104, host="no-such-host.invalid")
    assert failure_of(tmp_path, peer) is NetworkProblem.HOST_NOT_FOUND
    web = web_peer("http://no-such-host.invalid/dicom-web")
    assert failure_of(tmp_path, web) is NetworkProblem.HOST_NOT_FOUND


def test_a_port_where_nobody_listens(tmp_path):
    port = free_port()
    assert failure_of(tmp_path, dicom_peer(port)) is NetworkProblem.REFUSED
    assert failure_of(tmp_path, web_peer(f"http://127.0.0.1:{port}/x")) is NetworkProblem.REFUSED


def test_an_address_that_cannot_be_reached(tmp_path):
    """The tests' own network has nothing but a loopback."""
    assert failure_of(tmp_path, dicom_peer(104, host="192.0.2.1")) is NetworkProblem.UNREACHABLE


def test_a_peer_that_never_answers(tmp_path):
    with silent() as port:
        assert failure_of(tmp_path, dicom_peer(port), IMPATIENT) is NetworkProblem.TIMED_OUT
        web = web_peer(f"http://127.0.0.1:{port}/dicom-web")
        assert failure_of(tmp_path, web, IMPATIENT) is NetworkProblem.TIMED_OUT


def test_a_peer_that_accepts_and_then_never_answers(tmp_path):
    waiting = threading.Event()
    other = OtherPeer(lambda number: waiting.wait(10) and 0x0000)
    clock = Clock()
    with other.listening():
        own = node(tmp_path / "profile", other.peer(), clock=clock, timeouts=IMPATIENT)
        own.send(["Other"], slices(tmp_path / "in", 3))
        run_to_end(own.deliver())
        waiting.set()
    blamed = NetworkProblem.BROKE_AT_OBJECT
    said = [each.failure.problem for each in own.deliveries]
    assert said == [blamed, blamed, NetworkProblem.TIMED_OUT]
    assert {each.state for each in own.deliveries} == {DeliveryState.WAITING}
    assert {each.next_at - clock.now for each in own.deliveries} == {10}
    own.close()


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ({"called_title": "OTHERS"}, NetworkProblem.CALLED_TITLE),
        ({"calling_title": "STRANGER"}, NetworkProblem.CALLING_TITLE),
    ],
    ids=["called", "calling"],
)
def test_a_wrong_title(tmp_path, named, problem):
    server = node(
        tmp_path / "server",
        receiver=ReceiverSettings(
            title="SERVER", address="127.0.0.1", port=free_port(),
            rules=(Rule(calling_title="SPINEALIGN"),),
        ),
    )  # fmt: skip
    server.start_receiver()
    try:
        port = server.settings.receiver.port
        right = dicom_peer(port, called_title="SERVER")
        assert node(tmp_path / "own").test(right).has_passed
        assert (
            failure_of(tmp_path, dicom_peer(port, **{"called_title": "SERVER", **named})) is problem
        )
    finally:
        server.close()


def test_a_wrong_title_at_orthanc(orthanc, tmp_path):
    for _ in range(3):  # one that has its hands full with what other tests left answers late
        problem = failure_of(tmp_path, orthanc.peer(called_title="OTHERS"))
        if problem is not NetworkProblem.TIMED_OUT:
            break
    assert problem is NetworkProblem.CALLED_TITLE
    problem = failure_of(tmp_path, orthanc.peer(calling_title="STRANGER"))
    assert problem is NetworkProblem.ABORTED  # Orthanc accepts strangers, and breaks off then


def test_a_peer_that_speaks_something_else(orthanc, tmp_path):
    problem = failure_of(tmp_path, dicom_peer(orthanc.http_port), IMPATIENT)
    assert problem in (NetworkProblem.ABORTED, NetworkProblem.TIMED_OUT)
    web = web_peer(f"http://127.0.0.1:{orthanc.dicom_port}/dicom-web")
    assert failure_of(tmp_path, web, IMPATIENT) in (NetworkProblem.CLOSED, NetworkProblem.TIMED_OUT)


def test_a_peer_that_accepts_nothing_that_is_asked(tmp_path):
    other = OtherPeer()
    with other.listening(takes=set()):
        assert node(tmp_path / "p").test(other.peer()).services == (
            Service.VERIFY, Service.COMMITMENT,
        )  # fmt: skip
        own = node(tmp_path / "profile", other.peer())
        with pytest.raises(NetworkError) as told:
            run_to_end(own.find("Other", StudyQuery()))
        assert told.value.problem is NetworkProblem.NOTHING_ACCEPTED
        own.send(["Other"], slices(tmp_path / "in", 2))
        run_to_end(own.deliver())
    assert {(each.state, each.failure.problem) for each in own.deliveries} == {
        (DeliveryState.FAILED, NetworkProblem.NOTHING_ACCEPTED)
    }
    own.close()


# TLS


def certificates(folder: Path, name: str, *, days: int = 30, names: str = "IP:127.0.0.1") -> Tls:
    """Return a certificate of its own, made by OpenSSL."""
    folder.mkdir(exist_ok=True)
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    done = run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-keyout", key, "-out", certificate, "-days", days, "-subj", f"/CN={name}",
        "-addext", f"subjectAltName={names}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Tls(ca_file=str(certificate), certificate_file=str(certificate), key_file=str(key))


@contextmanager
def secure_receiver(folder: Path, own: Tls, *, ca_file: str = ""):
    server = node(
        folder,
        receiver=ReceiverSettings(
            title="SERVER", address="127.0.0.1", port=free_port(),
            tls=Tls(ca_file=ca_file, certificate_file=own.certificate_file, key_file=own.key_file),
            rules=(Rule(calling_title="SPINEALIGN"),),
        ),
    )  # fmt: skip
    server.start_receiver()
    try:
        yield server.settings.receiver.port
    finally:
        server.close()


def tls_cases(folder):
    good = certificates(folder, "good")
    yield good, Tls(ca_file=good.ca_file), None
    yield good, Tls(), NetworkProblem.CERTIFICATE_NOT_TRUSTED
    yield (
        good,
        Tls(ca_file=certificates(folder, "else").ca_file),
        NetworkProblem.CERTIFICATE_NOT_TRUSTED,
    )
    named = certificates(folder, "named", names="DNS:elsewhere.example")
    yield named, Tls(ca_file=named.ca_file), NetworkProblem.CERTIFICATE_NAME
    yield good, Tls(ca_file=str(folder / "missing.pem")), NetworkProblem.CA_FILE
    old = expired(folder)
    yield old, Tls(ca_file=old.ca_file), NetworkProblem.CERTIFICATE_EXPIRED


def expired(folder: Path) -> Tls:
    """Return a certificate that was good until yesterday; OpenSSL makes none by its options."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now - datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "old.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "old.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    whole = str(folder / "old.pem")
    return Tls(ca_file=whole, certificate_file=whole, key_file=str(folder / "old.key"))


def test_certificates_are_checked(tmp_path):
    for number, (theirs, ours, problem) in enumerate(tls_cases(tmp_path / "tls")):
        with secure_receiver(tmp_path / f"server{number}", theirs) as port:
            peer = dicom_peer(port, called_title="SERVER", tls=ours)
            if problem is None:
                assert node(tmp_path / "own").test(peer).has_passed
            else:
                assert failure_of(tmp_path, peer) is problem, number


def test_a_receiver_with_an_authority_wants_a_certificate(tmp_path):
    ours, theirs = certificates(tmp_path / "tls", "ours"), certificates(tmp_path / "tls", "theirs")
    with secure_receiver(tmp_path / "server", theirs, ca_file=ours.ca_file) as port:
        whole = Tls(ca_file=theirs.ca_file, certificate_file=ours.certificate_file,
                    key_file=ours.key_file)  # fmt: skip
        assert (
            node(tmp_path / "own")
            .test(dicom_peer(port, called_title="SERVER", tls=whole))
            .has_passed
        )
        bare = dicom_peer(port, called_title="SERVER", tls=Tls(ca_file=theirs.ca_file))
        assert failure_of(tmp_path, bare) in (
            NetworkProblem.ABORTED, NetworkProblem.TLS_FAILED, NetworkProblem.CLOSED,
        )  # fmt: skip
        plain = dicom_peer(port, called_title="SERVER")
        assert failure_of(tmp_path, plain) is NetworkProblem.ABORTED
        assert (
            node(tmp_path / "own")
            .test(dicom_peer(port, called_title="SERVER", tls=whole))
            .has_passed
        )


# HTTP


@contextmanager
def web_server(status: int = 200, body: bytes = b"", tls: Tls | None = None):
    """Have a server that answers everything alike; yields its address and what came."""
    heard: list[dict[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append({**self.headers, "path": self.path})
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate_file, tls.key_file)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    scheme = "http" if tls is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}/dicom-web", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (401, b"", NetworkProblem.HTTP_UNAUTHORISED),
        (403, b"", NetworkProblem.HTTP_FORBIDDEN),
        (404, b"", NetworkProblem.HTTP_NOT_FOUND),
        (500, b"", NetworkProblem.HTTP_STATUS),
        (200, b"<html>Welcome</html>", NetworkProblem.NOT_DICOMWEB),
        (200, b'{"version": 3}', NetworkProblem.NOT_DICOMWEB),
        (200, b'[{"id": 3}]', NetworkProblem.NOT_DICOMWEB),
    ],
)
def test_answers_of_web_servers(tmp_path, status, body, problem):
    with web_server(status, body) as (url, _):
        assert failure_of(tmp_path, web_peer(url)) is problem


def test_certificates_of_web_servers_are_checked(tmp_path):
    for number, (theirs, ours, problem) in enumerate(tls_cases(tmp_path / "tls")):
        with web_server(200, b"[]", theirs) as (url, _):
            peer = web_peer(url, ca_file=ours.ca_file)
            if problem is None:
                assert node(tmp_path / "own").test(peer).has_passed
            else:
                assert failure_of(tmp_path, peer) is problem, number


@pytest.mark.parametrize("kind", ["dicom", "web"])
def test_authorities_of_the_system_are_trusted(tmp_path, monkeypatch, kind):
    """A hospital puts its own authority into the system's store; OpenSSL's can be told by name."""
    theirs = certificates(tmp_path / "tls", "hospital")
    with (
        secure_receiver(tmp_path / "server", theirs) as port,
        web_server(200, b"[]", theirs) as (url, _),
    ):
        peer = {
            "dicom": dicom_peer(port, called_title="SERVER", tls=Tls()),
            "web": web_peer(url),
        }[kind]
        assert failure_of(tmp_path, peer) is NetworkProblem.CERTIFICATE_NOT_TRUSTED
        monkeypatch.setenv("SSL_CERT_FILE", theirs.ca_file)
        assert node(tmp_path / "own").test(peer).has_passed


def test_the_systems_authorities_are_found_where_openssl_looks_elsewhere(tmp_path, monkeypatch):
    """As in a packaged program, whose OpenSSL was built for another system."""
    theirs = certificates(tmp_path / "tls", "hospital")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    places = [str(tmp_path / "none.pem"), theirs.key_file, theirs.ca_file]
    monkeypatch.setattr(connecting, "_AUTHORITIES", places)
    context = connecting.client_context(Tls(), "A")
    assert [dict(each[0] for each in one["subject"]) for one in context.get_ca_certs()] == [
        {"commonName": "hospital"}
    ]
    others = certificates(tmp_path / "tls", "else")
    named = connecting.client_context(Tls(ca_file=others.ca_file), "A")
    assert len(named.get_ca_certs()) == 1  # a file that is given is all that is trusted


def test_a_key_with_a_password_is_refused_and_asked_for_by_nobody(tmp_path):
    own = certificates(tmp_path / "tls", "own")
    locked = tmp_path / "locked.key"
    done = run(
        "openssl", "pkey", "-in", own.key_file, "-aes256", "-passout", "pass:x1y2", "-out", locked
    )
    assert done.returncode == 0, done.stderr
    peer = dicom_peer(104, tls=Tls(own.ca_file, own.certificate_file, str(locked)))
    assert failure_of(tmp_path, peer) is NetworkProblem.CERTIFICATE_FILE


def test_a_wrong_password_at_orthanc(orthanc, tmp_path):
    problem = failure_of(tmp_path, orthanc.web_peer(name="W"), secret="wrong")
    assert problem is NetworkProblem.HTTP_UNAUTHORISED


def test_a_secret_is_asked_for_and_sent_to_nobody_else(tmp_path):
    with web_server(200, b"[]") as (url, heard):
        peer = web_peer(url, sign_in=SignIn.TOKEN)
        assert failure_of(tmp_path, peer) is NetworkProblem.SECRET_NEEDED
        assert heard == []
        assert node(tmp_path / "own").test(peer, "abc.def").has_passed
        assert heard[-1]["Authorization"] == "Bearer abc.def"
        own = node(tmp_path / "own", peer, secrets=Secrets(is_there=False))
        own._ask_secret = lambda peer: f"asked for {peer.name}"
        run_to_end(own.find("Web", StudyQuery()))
        assert heard[-1]["Authorization"] == "Bearer asked for Web"


def test_a_secret_does_not_go_over_an_open_line(tmp_path):
    peer = WebPeer(name="W", url="http://192.0.2.1/x", sign_in=SignIn.TOKEN)
    assert failure_of(tmp_path, peer, secret="abc") is NetworkProblem.SECRET_UNENCRYPTED
    allowed = WebPeer(
        name="W", url="http://192.0.2.1/x", sign_in=SignIn.TOKEN, may_send_secret_unencrypted=True
    )
    assert failure_of(tmp_path, allowed, secret="abc") is NetworkProblem.UNREACHABLE


def test_secrets_are_in_the_key_store_and_never_in_a_file(tmp_path):
    secrets = Secrets()
    own = node(tmp_path / "profile", secrets=secrets)
    assert own.save_peer(web_peer("https://pacs.example/x", sign_in=SignIn.TOKEN), "t0p-s3cret")
    assert secrets.kept == {"Web": "t0p-s3cret"}
    for path in (tmp_path / "profile").rglob("*"):
        if path.is_file():
            assert b"t0p-s3cret" not in path.read_bytes()
    own.remove_peer("Web")
    assert secrets.kept == {}
    nowhere = node(tmp_path / "other", secrets=Secrets(is_there=False))
    assert not nowhere.keeps_secrets
    assert not nowhere.save_peer(web_peer("https://a.example/x", sign_in=SignIn.TOKEN), "x")
