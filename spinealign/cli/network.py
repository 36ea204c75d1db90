"""The network on the command line: send, fetch, receive."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.cli.peers import add_peers, own_node
from spinealign.cli.series import WrongUseError
from spinealign.cli.signing_in import add_sign_in_options, own_place, signed_in

if TYPE_CHECKING:
    from spinealign.domain.network import ArrivedSeries, NetworkError, StudyQuery
    from spinealign.network.node import Network

EXIT_DONE, EXIT_SOME_FAILED = 0, 1
AnalyseFolder = Callable[[Path, Path], None]
"""Analyses a folder of images and writes the results into another one."""
Refused = Sequence[tuple[Path, "NetworkError"]]
"""Files that were not queued, and why."""

_DICOM_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
_LONGEST_WAIT_S = 3600.0


def add_network(commands: Any, analyse: AnalyseFolder) -> None:
    """Add the commands of the network.

    Parameters
    ----------
    commands : argparse subparsers
    analyse : callable
        What `receive` does with a series.
    """
    add_peers(commands)
    _add_send(commands)
    _add_fetch(commands)
    _add_receive(commands, analyse)


@contextmanager
def at_work(options: argparse.Namespace, right: str) -> Iterator[Network]:
    """Have this program as a node; where there is an archive, its trail tells what was done.

    Parameters
    ----------
    options : argparse.Namespace
    right : str
        Which right of an account it takes.

    Raises
    ------
    WrongUseError
        There are accounts, and none was named.
    SpineAlignError
        The account may not do that.
    """
    from spinealign.accounts.book import Right
    from spinealign.vault.place import Protection

    with ExitStack() as opened:
        record = None
        if own_place().protection is not Protection.NONE:
            session = opened.enter_context(signed_in(options))
            session.require(Right(right))
            record = session.record
        network = own_node(record)
        opened.callback(network.close)
        yield network


# Send


def _add_send(commands: Any) -> None:
    send = commands.add_parser(
        "send", help="queue DICOM files for peers and send what is due; what fails is kept"
    )
    send.add_argument("files", nargs="*", type=Path, metavar="FILE", help="files or folders")
    send.add_argument(
        "--to", action="append", default=[], metavar="PEER", help="to whom; may be repeated"
    )
    send.add_argument("--retry", action="store_true", help="try everything again that failed")
    send.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS",
        help="wait so long for the peers' storage commitment (first: 0, it comes later)",
    )  # fmt: skip
    send.add_argument("--list", action="store_true", help="list what is not delivered yet")
    send.add_argument(
        "--remove", action="append", default=[], metavar="OBJECT",
        help="take an object out of the queue, by its number in the list or its SOP Instance UID; "
        "may be repeated; nothing is sent",
    )  # fmt: skip
    add_sign_in_options(send)
    send.set_defaults(run=_send)


def _send(options: argparse.Namespace) -> int:
    from spinealign.domain.generators import run_to_end
    from spinealign.domain.network import DeliveryState
    from spinealign.wording.network import left_out_text

    if bool(options.files) != bool(options.to):
        raise WrongUseError("send: name files and, with --to, the peers that get them")
    if options.remove and (options.files or options.retry or options.list):
        raise WrongUseError("send: --remove takes objects out of the queue, and goes alone")
    refused: Refused = ()
    with at_work(options, "export") as network:
        if options.remove:
            return _remove(network, options.remove)
        if options.files:
            files, others = _files_to_send(options.files)
            refused = network.queue(options.to, files).refused
            if others:
                sys.stderr.write(f"{left_out_text(others)}\n")
        undelivered = [d for d in network.deliveries if d.state is not DeliveryState.DELIVERED]
        if options.list:
            return _print_queue(network)
        if options.retry:
            network.retry([each.number for each in undelivered])
        run_to_end(network.deliver(wait_s=options.wait))
        return _told(network, {each.number for each in undelivered}, refused)


def _remove(network: Network, named: Sequence[str]) -> int:
    """Take objects out of the queue; one that is not in it is named, and none is taken then."""
    from spinealign.domain.network import DeliveryState
    from spinealign.wording.network import NOT_IN_QUEUE, removed_text

    rows = [each for each in network.deliveries if each.state is not DeliveryState.DELIVERED]
    numbers: set[int] = set()
    for name in named:
        meant = {each.number for each in rows if name in (str(each.number), each.sop_uid)}
        if not meant:
            raise WrongUseError(f"send: {NOT_IN_QUEUE.format(name=name)}")
        numbers |= meant
    network.forget(sorted(numbers))
    print(removed_text(len(numbers)))
    return EXIT_DONE


def _files_to_send(given: Sequence[Path]) -> tuple[list[Path], int]:
    """Return files as named, of folders what is or calls itself DICOM, and how many others are."""
    found: list[Path] = []
    others = 0
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        meant = [e for e in inside if e.suffix.lower() in _DICOM_SUFFIXES or _is_dicom(e)]
        found += meant
        others += len(inside) - len(meant)
    return found, others


def _dicom_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are DICOM by their beginning (PS3.10 7.1)."""
    return sorted(each for each in folder.rglob("*") if each.is_file() and _is_dicom(each))


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return True  # so that it is named among what could not be queued


def _told(network: Network, numbers: set[int], refused: Refused) -> int:
    """Print what became of objects; return the exit code."""
    from spinealign.domain.network import DeliveryState
    from spinealign.wording import explain
    from spinealign.wording.network import distinct, refused_sentence, sent_text

    for path, failure in refused:
        sys.stderr.write(f"{refused_sentence(str(path), failure)}\n")
    rows = [each for each in network.deliveries if each.number in numbers]
    messages = [explain(each.failure) for each in rows if each.failure is not None]
    for sentence in distinct(f"{message.sentence} {message.advice}" for message in messages):
        sys.stderr.write(f"{sentence}\n")
    states = [each.state for each in rows]
    print(sent_text(states, len(refused)))
    is_left = DeliveryState.WAITING in states or DeliveryState.FAILED in states
    return EXIT_SOME_FAILED if is_left or refused else EXIT_DONE


def _print_queue(network: Network) -> int:
    from spinealign.domain.network import DeliveryState
    from spinealign.wording.network import (
        EMPTY_QUEUE,
        arrival_sentence,
        delivery_line,
    )

    rows = [each for each in network.deliveries if each.state is not DeliveryState.DELIVERED]
    lines = [*map(delivery_line, rows), *map(arrival_sentence, network.arrivals)]
    print("\n".join(lines) or EMPTY_QUEUE)
    return EXIT_DONE


# Fetch


def _add_fetch(commands: Any) -> None:
    fetch = commands.add_parser(
        "fetch", help="search a peer, and retrieve a study or series into a folder"
    )
    fetch.add_argument("peer", metavar="PEER")
    add_query_options(fetch)
    fetch.add_argument("--worklist", action="store_true", help="search its modality worklist")
    fetch.add_argument(
        "--study", default="", metavar="UID", help="list its series; with --out retrieve it"
    )
    fetch.add_argument("--series", default="", metavar="UID", help="retrieve this series only")
    fetch.add_argument("--out", type=Path, metavar="DIR", help="images go here")
    add_sign_in_options(fetch)
    fetch.set_defaults(run=_fetch)


def add_query_options(parser: Any) -> None:
    """Let a command say which studies of a peer are meant."""
    for name, words in (
        ("name", "patient's name as DICOM writes it, such as DOE^JOHN; the beginning is enough"),
        ("id", "patient's identifier"),
        ("accession", "accession number"),
        ("modality", "such as MR"),
        ("date", "date of the study, YYYYMMDD, or a range YYYYMMDD-YYYYMMDD open at either end"),
    ):
        parser.add_argument(f"--{name}", default="", metavar=name.upper(), help=words)


def _fetch(options: argparse.Namespace) -> int:
    from spinealign.domain.generators import run_to_end
    from spinealign.wording.network import (
        NOTHING_FOUND,
        series_line,
        study_line,
        worklist_line,
    )

    if (options.out is not None or options.series) and not options.study:
        raise WrongUseError("fetch: --out and --series need --study, the study's UID")
    with at_work(options, "import") as network:
        if options.out is not None:
            work = network.fetch(options.peer, options.out, options.study, options.series)
            fetched = run_to_end(work)
            print(f"{len(fetched.paths)} images in {options.out}")
            return EXIT_DONE
        lines: list[str]
        if options.study:
            found = run_to_end(network.find_series(options.peer, options.study))
            lines = list(map(series_line, found))
        elif options.worklist:
            items = run_to_end(network.find_worklist(options.peer, query_of(options)))
            lines = list(map(worklist_line, items))
        else:
            studies = run_to_end(network.find(options.peer, query_of(options)))
            lines = list(map(study_line, studies))
        print("\n".join(lines) or NOTHING_FOUND)
        return EXIT_DONE


def query_of(options: argparse.Namespace) -> StudyQuery:
    """Return what `add_query_options` says.

    Raises
    ------
    WrongUseError
        A date is none.
    """
    from spinealign.domain.network import StudyQuery

    first, dash, last = options.date.partition("-")
    for date in filter(None, (first, last)):
        if len(date) != len("YYYYMMDD") or not date.isdecimal():
            raise WrongUseError("--date is YYYYMMDD or YYYYMMDD-YYYYMMDD")
    return StudyQuery(
        options.name, options.id, options.accession, first, last if dash else first,
        options.modality.upper(),
    )  # fmt: skip


# Receive


def _add_receive(commands: Any, analyse: AnalyseFolder) -> None:
    receive = commands.add_parser(
        "receive", help="listen for images that the rules ask for, analyse them, send results back"
    )
    receive.add_argument("--out", type=Path, metavar="DIR", help="results go here")
    receive.add_argument(
        "--from", action="append", default=[], metavar="TITLE", dest="titles",
        help="keep a rule: take images from this AE title; may be repeated",
    )  # fmt: skip
    for name, words in (("modality", "of these modalities"), ("body-part", "of these body parts")):
        receive.add_argument(f"--{name}", action="append", default=[], help=f"{words} only")
    receive.add_argument(
        "--results-to", action="append", default=[], metavar="PEER", help="send results there"
    )
    receive.add_argument("--port", type=int, help="keep this port (first: 11112)")
    receive.add_argument("--title", help="keep this AE title (first: SPINEALIGN)")
    receive.add_argument("--address", help="keep this network interface (first: all)")
    receive.add_argument(
        "--quiet", type=float, metavar="SECONDS",
        help="keep this: a series is complete when nothing of it came for so long (first: 20)",
    )  # fmt: skip
    receive.add_argument(
        "--once", action="store_true", help="stop when a series was analysed and its results sent"
    )
    add_sign_in_options(receive)
    receive.set_defaults(run=lambda options: _receive(options, analyse))


def _receive(options: argparse.Namespace, analyse: AnalyseFolder) -> int:
    from spinealign.wording.network import LISTENING, STOPPED

    failures: list[NetworkError] = []
    with at_work(options, "import") as network:
        _keep_receiver(network, options)
        try:
            network.start_receiver()
            own = network.settings.receiver
            print(LISTENING.format(title=own.title, port=own.port), flush=True)
            while not (_work(network, options.out, analyse, failures) and options.once):
                network.has_arrived.wait(_waiting(network.seconds_to_wait()))
                network.has_arrived.clear()
        except KeyboardInterrupt:
            print(STOPPED)
    return EXIT_SOME_FAILED if failures else EXIT_DONE


def _waiting(seconds: float | None) -> float:
    """Return how long to wait for something to arrive; not longer than a wait may be."""
    return min(_LONGEST_WAIT_S if seconds is None else seconds, threading.TIMEOUT_MAX)


def _keep_receiver(network: Network, options: argparse.Namespace) -> None:
    import msgspec

    from spinealign.network.peers import Rule

    before = network.settings.receiver
    named = {
        "port": options.port, "title": options.title, "address": options.address,
        "quiet_seconds": options.quiet,
    }  # fmt: skip
    changed = {name: value for name, value in named.items() if value is not None}
    if options.titles:
        new = [
            Rule(
                calling_title=title,
                modalities=tuple(each.upper() for each in options.modality),
                body_parts=tuple(each.upper() for each in options.body_part),
                results_to=tuple(options.results_to),
            )
            for title in options.titles
        ]
        others = [rule for rule in before.rules if rule.calling_title not in options.titles]
        changed["rules"] = (*others, *new)
    elif options.modality or options.body_part or options.results_to:
        raise WrongUseError("receive: --modality, --body-part and --results-to go with --from")
    for name in options.results_to:
        network.settings.peer(name)
    if changed:
        network.save_receiver(msgspec.structs.replace(before, **changed))


def _work(
    network: Network, out: Path | None, analyse: AnalyseFolder, failures: list[NetworkError]
) -> bool:
    """Analyse and send what is due; return whether a series was analysed or failed."""
    from spinealign.wording.network import arrival_sentence

    def results_of(series: ArrivedSeries, folder: Path) -> Sequence[Path]:
        place = (out or network.results_folder) / folder.name
        analyse(folder, place)
        return _dicom_files(place)

    has_worked = False
    for done in network.analyse(results_of):
        has_worked = True
        now = next(each for each in network.arrivals if each.number == done.series.number)
        print(arrival_sentence(now), flush=True)
        if done.failure is not None:
            failures.append(done.failure)
    for sent in network.deliver():
        if sent.failure is not None:
            failures.append(sent.failure)
            sys.stderr.write(f"{_sentence(sent.failure)}\n")
    return has_worked


def _sentence(failure: NetworkError) -> str:
    from spinealign.wording import explain

    return explain(failure).sentence
