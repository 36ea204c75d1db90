"""Connections: names resolved, certificates checked, failures told apart."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.network.peers import Tls

_UNTRUSTED = {18, 19, 20, 21}
_EXPIRED = {9, 10}
_OTHER_NAME = {62, 64}
"""Results of OpenSSL's verification of a certificate (X509_V_ERR_...)."""

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

    Raises
    ------
    NetworkError
        A file of certificates cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
        if tls.certificate_file:
            context.load_cert_chain(tls.certificate_file, tls.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise NetworkError(NetworkProblem.CERTIFICATE_FILE, peer, _reason(error)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


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
    try:
        context.load_cert_chain(tls.certificate_file, tls.key_file or None)
        if tls.ca_file:
            context.load_verify_locations(tls.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise NetworkError(NetworkProblem.CERTIFICATE_FILE, detail=_reason(error)) from error
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
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NetworkError(NetworkProblem.HOST_NOT_FOUND, peer, host) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def without_delay(connection: socket.socket | None) -> None:
    """Let small packets go at once: Nagle's algorithm and late acknowledgements cost 80 ms each."""
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reason(error: OSError) -> str:
    return str(getattr(error, "reason", "") or error.strerror or "")
