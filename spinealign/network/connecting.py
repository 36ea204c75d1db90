"""Connections: names resolved, certificates checked, failures told apart."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from spinealign.domain.interrupts import Interrupt, interrupt_of_thread
from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.network.peers import DicomPeer, Peer, Tls, WebPeer

_UNTRUSTED = {18, 19, 20, 21}
_EXPIRED = {9, 10}
_OTHER_NAME = {62, 64}
"""Results of OpenSSL's verification of a certificate (X509_V_ERR_...)."""

_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, Alpine
)
"""Where systems keep the authorities that they trust, if OpenSSL was built for another one."""

_REFUSED = {errno.ECONNREFUSED}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_CLOSED = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}


@dataclass(frozen=True)
class Timeouts:
    """How long is waited, in seconds.

    Parameters
    ----------
    connect : float
        For a connection and its encryption.
    associate : float
        For the answer to the request of an association.
    answer : float
        For each answer after that; storing a large object may take the other side long.
    commitment : float
        For the result of a storage commitment on the association that asked for it.
    """

    connect: float = 10.0
    associate: float = 10.0
    answer: float = 60.0
    commitment: float = 5.0


def problem_of(error: BaseException) -> tuple[NetworkProblem, str]:
    """Return what an exception of sockets, TLS or HTTP means, and its detail.

    Libraries wrap exceptions several times; the innermost that is known counts.
    """
    found = (NetworkProblem.CLOSED, "")
    for cause in _causes(error):
        problem = _problem_of_one(cause)
        if problem is not None:
            found = problem
            if problem[0] is not NetworkProblem.CLOSED:
                break
    return found


def _problem_of_one(error: BaseException) -> tuple[NetworkProblem, str] | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_problem(error)
    if isinstance(error, ssl.SSLError):
        return NetworkProblem.TLS_FAILED, error.reason or ""
    if isinstance(error, socket.gaierror):
        return NetworkProblem.HOST_NOT_FOUND, ""
    if isinstance(error, TimeoutError):
        return NetworkProblem.TIMED_OUT, ""
    if isinstance(error, OSError):
        if error.errno in _REFUSED:
            return NetworkProblem.REFUSED, ""
        if error.errno in _UNREACHABLE:
            return NetworkProblem.UNREACHABLE, ""
        if error.errno in _CLOSED:
            return NetworkProblem.CLOSED, ""
    return None


def _certificate_problem(error: ssl.SSLCertVerificationError) -> tuple[NetworkProblem, str]:
    code = error.verify_code
    if code in _EXPIRED:
        return NetworkProblem.CERTIFICATE_EXPIRED, ""
    if code in _OTHER_NAME:
        return NetworkProblem.CERTIFICATE_NAME, ""
    detail = "" if code in _UNTRUSTED else error.verify_message
    return NetworkProblem.CERTIFICATE_NOT_TRUSTED, detail


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what it wraps, the outermost first."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]


def client_context(tls: Tls, peer: str) -> ssl.SSLContext:
    """Return how a connection to a peer is encrypted; its certificate and name are checked.

    Without a file of authorities those of the system are trusted: its administrators put the
    hospital's own among them.

    Raises
    ------
    NetworkError
        A file of certificates cannot be read, or holds none.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise NetworkError(NetworkProblem.CA_FILE, peer, _reason(error)) from error
    if not tls.ca_file:
        _trust_system(context)
    elif not context.cert_store_stats()["x509"]:
        raise NetworkError(NetworkProblem.CA_FILE, peer)
    if tls.certificate_file:
        _show(context, tls, peer)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def require_certificates(peer: Peer) -> None:
    """Refuse a peer whose files of certificates are missing, or are none.

    Raises
    ------
    NetworkError
    """
    tls = peer.tls if isinstance(peer, DicomPeer) else web_tls(peer)
    if tls is not None:
        client_context(tls, peer.name)


def web_tls(peer: WebPeer) -> Tls:
    """Return the files of certificates for a server."""
    return Tls(peer.ca_file, peer.certificate_file, peer.key_file)


def _trust_system(context: ssl.SSLContext) -> None:
    """Find the system's authorities where OpenSSL looks elsewhere, as in a packaged program."""
    usual = ssl.get_default_verify_paths()
    if context.cert_store_stats()["x509"] or usual.cafile or usual.capath:
        return
    for path in filter(os.path.isfile, _AUTHORITIES):
        with suppress(OSError):  # of a file that is none, ssl.SSLError is one too
            context.load_verify_locations(path)
            return


def _show(context: ssl.SSLContext, tls: Tls, peer: str) -> None:
    """Show a certificate of this program's; a key with a password is refused, not asked for."""
    try:
        context.load_cert_chain(tls.certificate_file, tls.key_file or None, password="")
    except (OSError, ValueError) as error:
        raise NetworkError(NetworkProblem.CERTIFICATE_FILE, peer, _reason(error)) from error


def server_context(tls: Tls, handshake_seconds: float) -> ssl.SSLContext:
    """Return how connections to the receiver are encrypted.

    With `ca_file` senders must show a certificate that it vouches for.

    Raises
    ------
    NetworkError
        A file of certificates cannot be read.
    """
    context = _ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.handshake_seconds = handshake_seconds
    _show(context, tls, "")
    if tls.ca_file:
        try:
            context.load_verify_locations(tls.ca_file)
        except OSError as error:
            raise NetworkError(NetworkProblem.CA_FILE, detail=_reason(error)) from error
        context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _ServerContext(ssl.SSLContext):
    """Waits only so long for a handshake, which happens in the thread that accepts connections."""

    handshake_seconds: float = 10.0

    def wrap_socket(self, sock: socket.socket, *args: object, **named: object) -> ssl.SSLSocket:
        sock.settimeout(self.handshake_seconds)
        try:
            wrapped: ssl.SSLSocket = super().wrap_socket(sock, *args, **named)  # type: ignore[arg-type]
        except OSError:
            sock.close()
            raise
        wrapped.settimeout(None)
        return wrapped


def addresses_of(host: str, port: int, peer: str) -> list[str]:
    """Return the addresses of a host.

    Raises
    ------
    NetworkError
        The host is not found.
    Cancelled
        The answer is not wanted any longer.
    """
    try:
        found = _resolved(host, port, interrupt_of_thread())
    except (OSError, UnicodeError) as error:
        raise NetworkError(NetworkProblem.HOST_NOT_FOUND, peer, host) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _resolved(host: str, port: int, interrupt: Interrupt) -> list[tuple[Any, ...]]:
    """Ask the system in a thread of its own: nothing can end that question, only leave it."""
    found: list[tuple[Any, ...]] = []
    failures: list[OSError | UnicodeError] = []
    is_answered = threading.Event()

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failures.append(error)
        is_answered.set()

    threading.Thread(target=ask, name="spinealign-resolve", daemon=True).start()
    interrupt.wait(is_answered)
    if failures:
        raise failures[0]
    return found


def connected(host: str, port: int, seconds: float | None, sockets: Sockets) -> socket.socket:
    """Return a connection to the first address of a host that takes it.

    Raises
    ------
    OSError
    Cancelled
    """
    failure: OSError = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for family, kind, protocol, _, address in _resolved(host, port, interrupt_of_thread()):
        made = socket.socket(family, kind, protocol)
        try:
            sockets.watch(made)
            made.settimeout(seconds)
            made.connect(address)
            without_delay(made)
        except OSError as error:
            made.close()
            failure = error
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise failure


class Sockets:
    """The connections of one question; all are shut at once when its thread is not to wait."""

    def __init__(self) -> None:
        self._interrupt = interrupt_of_thread()
        self._twins: list[tuple[socket.socket, Callable[[], None]]] = []

    def watch(self, connection: socket.socket) -> None:
        """Shut a connection when its thread is interrupted.

        Its twin is kept: TLS puts another object in the place of a socket, while it waits.

        Raises
        ------
        Cancelled
            It is not wanted any longer.
        """
        twin = connection.dup()

        def shut() -> None:
            try:
                twin.shutdown(socket.SHUT_RDWR)
            except OSError:  # not connected yet; only Linux shuts what is about to be
                connection.close()

        try:
            forget = self._interrupt.add(shut)
        except BaseException:
            twin.close()
            raise
        self._twins.append((twin, forget))

    def let_go(self) -> None:
        """Watch none any longer."""
        while self._twins:
            twin, forget = self._twins.pop()
            forget()
            twin.close()

    def require_wanted(self) -> None:
        """Turn failures of a connection that was shut on purpose into what they are.

        Raises
        ------
        Cancelled
        """
        self._interrupt.require_wanted()


@contextmanager
def watched_sockets() -> Iterator[Sockets]:
    """Have connections that an interrupt shuts; what fails of it then is told as cancelled."""
    sockets = Sockets()
    try:
        yield sockets
    except NetworkError:
        sockets.require_wanted()
        raise
    finally:
        sockets.let_go()


def without_delay(connection: socket.socket | None) -> None:
    """Let small packets go at once: Nagle's algorithm and late acknowledgements cost 80 ms each."""
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or getattr(error, "strerror", "") or "")
