"""Peers of the network on the command line: listed, added, tested, removed."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from spinealign.cli.series import WrongUseError
from spinealign.cli.signing_in import add_profile_option

if TYPE_CHECKING:
    from spinealign.network.auditing import Record
    from spinealign.network.node import Network
    from spinealign.network.peers import Peer, Tls

EXIT_DONE, EXIT_SOME_FAILED = 0, 1


def add_peers(commands: Any) -> None:
    """Add the command `peers` with its actions."""
    peers = commands.add_parser("peers", help="list, add, test or remove DICOM nodes and servers")
    actions = peers.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list what is configured")
    add = actions.add_parser("add", help="add a DICOM node (--host) or a DICOMweb server (--url)")
    test = actions.add_parser("test", help="try a connection and say what fails")
    remove = actions.add_parser("remove", help="forget a peer and its password")
    for action, run in ((listing, _list), (add, _add), (test, _test), (remove, _remove)):
        if action is not listing:
            action.add_argument("name", metavar="PEER", help="what you call it")
        add_profile_option(action)
        action.set_defaults(run=run)
    _add_addresses(add)


def _add_addresses(add: argparse.ArgumentParser) -> None:
    add.add_argument("--host", help="host of a DICOM node")
    add.add_argument("--port", type=int, default=104, help="its port (default: 104)")
    add.add_argument("--called", metavar="TITLE", help="its AE title")
    add.add_argument(
        "--calling", metavar="TITLE", default="SPINEALIGN",
        help="AE title of this program there (default: SPINEALIGN)",
    )  # fmt: skip
    add.add_argument(
        "--retrieve", choices=["get-else-move", "get", "move"], default="get-else-move",
        help="how images come from it",
    )  # fmt: skip
    add.add_argument(
        "--commitment", action="store_true",
        help="count objects as delivered only when it committed itself to keep them",
    )  # fmt: skip
    add.add_argument("--tls", action="store_true", help="encrypt; its certificate is checked")
    add.add_argument("--url", help="address of a DICOMweb server, such as https://host/dicom-web")
    add.add_argument("--user", help="user at the DICOMweb server; the password is asked for")
    add.add_argument("--token", action="store_true", help="sign in with a token; it is asked for")
    add.add_argument(
        "--allow-unencrypted", action="store_true",
        help="let password or token go over plain http",
    )  # fmt: skip
    for name, words in (
        ("ca", "certificates of the authorities to trust (PEM)"),
        ("certificate", "certificate of this program (PEM)"),
        ("key", "key of that certificate (PEM, without a password)"),
    ):
        add.add_argument(f"--{name}", metavar="FILE", default="", help=words)
    add.add_argument("--replace", action="store_true", help="change the peer of this name")


def _list(_options: argparse.Namespace) -> int:
    from spinealign.wording.network import NO_PEERS, peer_line

    peers = own_node().settings.peers
    for peer in peers:
        is_node = hasattr(peer, "host")
        place = f"{peer.host}:{peer.port}" if is_node else peer.url  # type: ignore[union-attr]
        print(peer_line(peer.name, place, peer.called_title if is_node else ""))  # type: ignore[union-attr]
    if not peers:
        print(NO_PEERS)
    return EXIT_DONE


def _add(options: argparse.Namespace) -> int:
    from spinealign.network.peers import SignIn
    from spinealign.wording.network import KEPT_PEER, NO_KEY_STORE

    peer = _peer_of(options)
    network = own_node()
    is_signed_in = getattr(peer, "sign_in", SignIn.NOTHING) != SignIn.NOTHING
    secret = _ask(peer) if is_signed_in and network.keeps_secrets else None
    is_kept = network.save_peer(peer, secret, replaces=options.replace)
    print(KEPT_PEER.format(name=peer.name))
    if is_signed_in and not is_kept:
        sys.stderr.write(f"{NO_KEY_STORE}\n")
    return EXIT_DONE


def _peer_of(options: argparse.Namespace) -> Peer:
    from spinealign.network.peers import DicomPeer, RetrieveWay, SignIn, WebPeer

    if (options.host is None) == (options.url is None):
        raise WrongUseError("peers add: give either --host of a DICOM node or --url of a server")
    if options.url is not None:
        sign_in = SignIn.NOTHING
        if options.user or options.token:
            sign_in = SignIn.TOKEN if options.token else SignIn.PASSWORD
        return WebPeer(
            name=options.name, url=options.url, sign_in=sign_in, user=options.user or "",
            ca_file=options.ca, certificate_file=options.certificate, key_file=options.key,
            may_send_secret_unencrypted=options.allow_unencrypted,
        )  # fmt: skip
    if not options.called:
        raise WrongUseError("peers add: a DICOM node needs --called, its AE title")
    way = RetrieveWay(options.retrieve.replace("-", "_"))
    return DicomPeer(
        name=options.name, called_title=options.called, host=options.host, port=options.port,
        calling_title=options.calling, tls=_tls_of(options), retrieve_by=way,
        asks_commitment=options.commitment,
    )  # fmt: skip


def _tls_of(options: argparse.Namespace) -> Tls | None:
    from spinealign.network.peers import Tls

    if not (options.tls or options.ca or options.certificate):
        return None
    return Tls(options.ca, options.certificate, options.key)


def _test(options: argparse.Namespace) -> int:
    from spinealign.wording import explain
    from spinealign.wording.network import peer_test_text

    network = own_node()
    found = network.test(network.settings.peer(options.name))
    if found.failure is None:
        print(peer_test_text(found))
        return EXIT_DONE
    message = explain(found.failure)
    sys.stderr.write(f"{message.sentence} {message.advice}\n")
    return EXIT_SOME_FAILED


def _remove(options: argparse.Namespace) -> int:
    from spinealign.wording.network import REMOVED_PEER

    own_node().remove_peer(options.name)
    print(REMOVED_PEER.format(name=options.name))
    return EXIT_DONE


def own_node(record: Record | None = None) -> Network:
    """Return this program as a node of the network; passwords are asked for at the terminal.

    Parameters
    ----------
    record : Record, optional
        Writes into an audit trail.
    """
    from spinealign.network.node import Network

    return Network(ask_secret=_ask, record=record)


def _ask(peer: Peer) -> str | None:
    """Ask at the terminal, or take the first line where there is none."""
    from spinealign.cli.signing_in import asked
    from spinealign.wording.network import PASSWORD_PROMPT

    return asked(PASSWORD_PROMPT.format(name=peer.name)) or None
