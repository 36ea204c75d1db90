"""The nodes that a user configured, and what this program's own receiver takes in.

They lie in ``network.json`` of the profile. Passwords and tokens are never in it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.files import export_error, write_durably
from spinealign.json_files import JsonError, json_schema, read_json, typed

SETTINGS_FILE = "network.json"
SCHEMA_ID = "spinealign-network-1"
SCHEMA_URI = "urn:spinealign:schema:network-1"
DEFAULT_TITLE, DEFAULT_PORT = "SPINEALIGN", 11112
"""What this program is called; the port is IANA's for DICOM."""

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Title = Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^(?! )[ -\[\]-~]+(?<! )$")]
"""An application entity title (PS3.5 6.2, AE): no backslash, no space at either end."""
Port = Annotated[int, Meta(ge=1, le=65535)]
Host = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[^\s/@]+$")]
FilePath = Annotated[str, Meta(max_length=4096, pattern=r"^[^\0]*$")]
Code = Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^[A-Z0-9_ ]+$")]
"""A value of VR CS (PS3.5 6.2), such as a modality or a body part."""
Url = Annotated[str, Meta(min_length=8, max_length=2048, pattern=r"^https?://[^\s/@?#]+[^\s@?#]*$")]
CharacterSet = Annotated[str, Meta(max_length=16, pattern=r"^[A-Z0-9_ ]*$")]


class Tls(msgspec.Struct, frozen=True, omit_defaults=True):
    """Encryption of a connection; the other side's certificate is always checked.

    Parameters
    ----------
    ca_file : str
        Certificates (PEM) of the authorities that are trusted; empty are the system's.
    certificate_file, key_file : str
        This side's own certificate and its key (PEM), where the other side asks for it.
    """

    ca_file: FilePath = ""
    certificate_file: FilePath = ""
    key_file: FilePath = ""


class RetrieveWay(StrEnum):
    """How images come from a DICOM node."""

    GET_ELSE_MOVE = "get_else_move"
    GET = "get"
    MOVE = "move"


class SignIn(StrEnum):
    """How this program signs in at a DICOMweb server."""

    NOTHING = "nothing"
    PASSWORD = "password"
    TOKEN = "token"


class DicomPeer(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="dicom", tag_field="kind"
):
    """A node that speaks DICOM over an association (PS3.8).

    Parameters
    ----------
    name : str
        What people call it; by it queue and rules know it.
    called_title, calling_title : str
        Its application entity title, and by which title it knows this program.
    host, port : str, int
    tls : Tls or None
    retrieve_by : RetrieveWay
    asks_commitment : bool
        Whether an object counts as delivered only after the node committed itself to keep it.
    character_set : str
        Of queries whose letters are not ASCII.
    """

    name: Name
    called_title: Title
    host: Host
    port: Port
    calling_title: Title = DEFAULT_TITLE
    tls: Tls | None = None
    retrieve_by: RetrieveWay = RetrieveWay.GET_ELSE_MOVE
    asks_commitment: bool = False
    character_set: CharacterSet = "ISO_IR 192"


class WebPeer(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="dicomweb", tag_field="kind"
):
    """A server that speaks DICOMweb (PS3.18).

    Parameters
    ----------
    name : str
    url : str
        Of the service's root, such as "https://pacs.example/dicom-web".
    sign_in : SignIn
    user : str
        With a password.
    ca_file, certificate_file, key_file : str
        See `Tls`.
    may_send_secret_unencrypted : bool
        Whether password or token may go over plain http; over https and on this computer they may.
    """

    name: Name
    url: Url
    sign_in: SignIn = SignIn.NOTHING
    user: Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x1f\x7f:]*$")] = ""
    ca_file: FilePath = ""
    certificate_file: FilePath = ""
    key_file: FilePath = ""
    may_send_secret_unencrypted: bool = False

    @property
    def is_private(self) -> bool:
        """Whether nobody between here and there can read what is sent."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or _is_this_computer(parts.hostname or "")


Peer = DicomPeer | WebPeer


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which objects the receiver takes in; all of it must hold.

    Parameters
    ----------
    calling_title : str
        Who sends.
    modalities, body_parts : tuple of str
        Empty is any. An object that does not state its body part has none of those listed.
    is_analysed : bool
        Whether the series is queued for analysis.
    results_to : tuple of str
        Names of the peers that get the results by themselves.
    """

    calling_title: Title
    modalities: tuple[Code, ...] = ()
    body_parts: tuple[Code, ...] = ()
    is_analysed: bool = True
    results_to: tuple[Name, ...] = ()

    def takes(self, calling_title: str, modality: str, body_part: str) -> bool:
        """Whether an object of this sender, modality and body part is taken in."""
        return (
            calling_title == self.calling_title
            and (not self.modalities or modality in self.modalities)
            and (not self.body_parts or body_part in self.body_parts)
        )


class ReceiverSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What this program's own receiver is called, where it listens, and what it takes in.

    Parameters
    ----------
    is_on : bool
        Whether the window starts it.
    title : str
    address : str
        Of the network interface; "0.0.0.0" is all of them.
    port : int
    tls : Tls or None
        With certificate and key; with `ca_file`, senders must show a certificate too.
    rules : tuple of Rule
        The first that holds counts; without any nothing is taken in.
    quiet_seconds : float
        A series counts as complete when nothing of it came for so long.
    """

    is_on: bool = False
    title: Title = DEFAULT_TITLE
    address: Host = "0.0.0.0"
    port: Port = DEFAULT_PORT
    tls: Tls | None = None
    rules: tuple[Rule, ...] = ()
    quiet_seconds: Annotated[float, Meta(ge=0, le=3600)] = 20.0

    def rule_for(self, calling_title: str, modality: str, body_part: str) -> Rule | None:
        """Return the first rule that takes an object in."""
        found = (rule for rule in self.rules if rule.takes(calling_title, modality, body_part))
        return next(found, None)


class NetworkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a user configured of the network.

    Parameters
    ----------
    schema : str
    peers : tuple of DicomPeer or WebPeer
    receiver : ReceiverSettings
    """

    schema: str = SCHEMA_ID
    peers: tuple[DicomPeer | WebPeer, ...] = ()
    receiver: ReceiverSettings = ReceiverSettings()

    def peer(self, name: str) -> Peer:
        """Return the peer of a name.

        Raises
        ------
        NetworkError
        """
        for peer in self.peers:
            if peer.name == name:
                return peer
        raise NetworkError(NetworkProblem.UNKNOWN_PEER, name)

    def with_peer(self, peer: Peer, *, replaces: bool = False) -> NetworkSettings:
        """Return settings with one more peer, or another one under its name.

        Raises
        ------
        NetworkError
            There is one of this name, or something about it is impossible.
        """
        checked(peer)
        others = tuple(each for each in self.peers if each.name != peer.name)
        if len(others) < len(self.peers) and not replaces:
            raise NetworkError(NetworkProblem.PEER_EXISTS, peer.name)
        return msgspec.structs.replace(self, peers=(*others, peer))

    def without_peer(self, name: str) -> NetworkSettings:
        """Return settings without a peer.

        Raises
        ------
        NetworkError
            There is none of this name.
        """
        gone = self.peer(name)
        return msgspec.structs.replace(self, peers=tuple(p for p in self.peers if p is not gone))

    def with_receiver(self, receiver: ReceiverSettings) -> NetworkSettings:
        """Return settings with another receiver.

        Raises
        ------
        NetworkError
            Something about it is impossible.
        """
        checked(receiver)
        return msgspec.structs.replace(self, receiver=receiver)


def checked(value: Any) -> Any:
    """Return a peer, rule or receiver whose values are within their limits.

    Raises
    ------
    NetworkError
    """
    try:
        return typed(msgspec.to_builtins(value), type(value))
    except JsonError as error:
        name = getattr(value, "name", "")
        place = error.place or re.sub(r".*`(\w+)`.*", r"\1", error.detail)
        raise NetworkError(NetworkProblem.SETTINGS_INVALID, name, place) from error


def load_settings(profile: Path) -> NetworkSettings:
    """Return what is configured; nothing where there is no file.

    Raises
    ------
    NetworkError
        The file is damaged, or a newer program wrote it.
    """
    try:
        settings = read_json(profile / SETTINGS_FILE, NetworkSettings, is_strict=True)
    except FileNotFoundError:
        return NetworkSettings()
    except JsonError as error:
        detail = f"{error.problem.value} {error.place}".strip().replace("_", " ")
        raise NetworkError(NetworkProblem.SETTINGS_BROKEN, detail=detail) from error
    except OSError as error:
        reason = error.strerror or ""
        raise NetworkError(NetworkProblem.SETTINGS_BROKEN, detail=reason) from error
    if settings.schema != SCHEMA_ID:
        raise NetworkError(NetworkProblem.SETTINGS_BROKEN, detail="schema")
    _require_distinct(peer.name for peer in settings.peers)
    return settings


def save_settings(profile: Path, settings: NetworkSettings) -> None:
    """Write what is configured, readable by this user only.

    Raises
    ------
    ExportError
        The earlier file is as it was.
    """
    path = profile / SETTINGS_FILE
    try:
        profile.mkdir(parents=True, exist_ok=True)
        write_durably(path, msgspec.json.format(msgspec.json.encode(settings), indent=2))
    except OSError as error:
        raise export_error(path, error) from error


def network_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``network.json``."""
    return json_schema(NetworkSettings, SCHEMA_URI, "SpineAlign network settings")


def _require_distinct(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise NetworkError(NetworkProblem.SETTINGS_BROKEN, detail=f"two peers “{name}”")
        seen.add(name)


def _is_this_computer(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
