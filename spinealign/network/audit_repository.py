"""The audit trail sent to another computer: syslog messages (RFC 5424) over TLS (RFC 5425).

Events go in the order of the trail. How far they went is written down after the connection was
closed properly, so an event may arrive twice, never not at all.
"""

from __future__ import annotations

import platform
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from spinealign.accounts.book import Right
from spinealign.audit.messages import syslog_message
from spinealign.domain.network import NetworkError
from spinealign.files import write_durably
from spinealign.json_files import JsonError, read_json
from spinealign.network.connecting import Timeouts, client_context, problem_of
from spinealign.network.peers import Tls
from spinealign.vault.place import Place
from spinealign.vault.session import Session

PORT = 6514
"""Source: RFC 5425, section 4.1."""

REPOSITORY, SENT = "audit-repository.json", "audit-sent.json"

_EVENTS_AT_ONCE = 500


class Repository(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where events are sent.

    Parameters
    ----------
    host : str
    port : int
    tls : Tls
        Its certificate is checked against these authorities, or the system's.
    site : str
        Name of the institution in the messages.
    """

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65535)] = PORT
    tls: Tls = Tls()
    site: Annotated[str, Meta(max_length=200)] = ""


class _Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trail: str
    counter: Annotated[int, Meta(ge=0)]


def repository_of(place: Place) -> Repository | None:
    """Return where the events of an archive are sent; None where that is not configured."""
    try:
        return read_json(place.folder / REPOSITORY, Repository)
    except (JsonError, OSError):
        return None


def configure(session: Session, repository: Repository | None) -> None:
    """Have events sent from now on, those of the past too; None ends it.

    Raises
    ------
    AccountError
        ``NOT_ALLOWED``.
    NetworkError
        A file of certificates cannot be read.
    OSError
    """
    session.require(Right.READ_AUDIT_TRAIL)
    path = session.place.folder / REPOSITORY
    if repository is None:
        path.unlink(missing_ok=True)
        return
    client_context(repository.tls, repository.host)
    write_durably(path, msgspec.json.encode(repository))


def send_new(session: Session, timeouts: Timeouts | None = None) -> int:
    """Send the events that have not been sent yet, and return how many there were.

    Raises
    ------
    NetworkError
        They wait, and go with the next call.
    AccountError, OSError
    """
    repository = repository_of(session.place)
    if repository is None:
        return 0
    trail, count = session.trail_identifier, 0
    while True:
        sent = _sent(session.place, trail)
        waiting = session.events_after(sent, _EVENTS_AT_ONCE)
        if not waiting:
            return count
        source = platform.node() or "SpineAlign"
        content = b"".join(syslog_message(event, source, repository.site) for _, event in waiting)
        _deliver(repository, content, timeouts or Timeouts())
        last = _Sent(trail, waiting[-1][0])
        write_durably(session.place.folder / SENT, msgspec.json.encode(last))
        count += len(waiting)


def _sent(place: Place, trail: str) -> int:
    try:
        known = read_json(place.folder / SENT, _Sent)
    except (JsonError, OSError):
        return 0
    return known.counter if known.trail == trail else 0


def _deliver(repository: Repository, content: bytes, timeouts: Timeouts) -> None:
    context = client_context(repository.tls, repository.host)
    address = (repository.host, repository.port)
    try:
        with (
            socket.create_connection(address, timeouts.connect) as plain,
            context.wrap_socket(plain, server_hostname=repository.host) as encrypted,
        ):
            encrypted.settimeout(timeouts.answer)
            encrypted.sendall(content)
            # The other side ends as well once it has all; what it did not take in breaks here. Some
            # servers close without TLS's own last word.
            with suppress(ssl.SSLEOFError):
                encrypted.unwrap()
    except OSError as error:
        problem, detail = problem_of(error)
        name = f"{repository.host}:{repository.port}"
        raise NetworkError(problem, name, detail) from error


def certificate_files(ca: Path | None, certificate: Path | None, key: Path | None) -> Tls:
    """Return files of certificates as they are configured."""
    return Tls(*(str(each) if each else "" for each in (ca, certificate, key)))
