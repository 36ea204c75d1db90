"""What a batch on the command line begins with: files, studies of a PACS, the archive."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.cli.network import add_query_options, at_work, query_of
from spinealign.cli.series import WrongUseError
from spinealign.cli.signing_in import add_sign_in_options, signed_in
from spinealign.domain.generators import run_to_end

if TYPE_CHECKING:
    from spinealign.batch.sources import Retrieving, Unlocked


@dataclass(frozen=True)
class Inputs:
    """What is analysed, what workers open it with, and how many studies did not come."""

    paths: Sequence[Path]
    unlocked: Sequence[Unlocked] = ()
    missing: int = 0


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Let a command name files, a PACS with a query, or a search in the archive."""
    parser.add_argument(
        "inputs", nargs="*", type=Path, metavar="INPUT",
        help="image file, folder, archive (zip), or a CSV list with a column “path”",
    )  # fmt: skip
    parser.add_argument(
        "--peer", default="", metavar="PEER",
        help="retrieve the studies that a node has, into DIR/retrieved, and analyse them; which "
        "ones is said by:",
    )  # fmt: skip
    add_query_options(parser)
    parser.add_argument(
        "--archive", nargs="*", metavar="WORD",
        help="analyse the examinations of the encrypted archive that these words find (without a "
        "word, all); they are read as they lie there",
    )  # fmt: skip
    parser.add_argument("--tag", default="", metavar="TAG", help="of the archive: only with it")
    add_sign_in_options(parser)


@contextmanager
def found_inputs(options: argparse.Namespace, retrieved: Path) -> Iterator[Inputs]:
    """Find what a command names; the archive stays open as long as its files are read.

    Parameters
    ----------
    options : argparse.Namespace
        Of `add_inputs`.
    retrieved : Path
        Where studies of a PACS go.

    Raises
    ------
    WrongUseError
        Nothing is named, or options do not fit together.
    SpineAlignError
        The PACS cannot be asked, or the archive not be opened.
    """
    is_archive = options.archive is not None
    queried = [options.name, options.id, options.accession, options.modality, options.date]
    if any(queried) and not options.peer:
        raise WrongUseError("--name, --id, --accession, --modality and --date belong to --peer")
    if options.tag and not is_archive:
        raise WrongUseError("--tag belongs to --archive")
    if not options.inputs and not options.peer and not is_archive:
        raise WrongUseError("name files, folders or lists, or --peer, or --archive")
    paths, missing = list(options.inputs), 0
    if options.peer:
        studies, missing = _retrieved(options, retrieved)
        paths += studies
    if not is_archive:
        yield Inputs(paths, missing=missing)
        return
    from spinealign.archive.records import Search
    from spinealign.batch.sources import archived_files
    from spinealign.wording.archive import ALL_EXAMINATIONS, query_text

    with signed_in(options) as session:
        wanted = Search(words=" ".join(options.archive), tag=options.tag, most=sys.maxsize >> 1)
        session.record_query(query_text(wanted) or ALL_EXAMINATIONS)
        files, unlocked = archived_files(session, wanted)
        yield Inputs([*paths, *files], (unlocked,), missing)


def _retrieved(options: argparse.Namespace, folder: Path) -> tuple[Sequence[Path], int]:
    from spinealign.batch.sources import retrieve
    from spinealign.wording import explain
    from spinealign.wording.batch import cut_words, retrieving_text

    is_watched = sys.stderr.isatty()
    missing = 0

    def tell(at: Retrieving) -> None:
        nonlocal missing
        cleared = "\r\033[K" if is_watched else ""
        if at.failure is not None:
            missing += 1
            message = explain(at.failure)
            sys.stderr.write(f"{cleared}{message.sentence} {message.advice}\n")
        if at.is_cut:
            missing += 1
            sys.stderr.write(f"{cleared}{' '.join(cut_words(options.peer, at.total))}\n")
        if is_watched:
            sys.stderr.write(cleared + retrieving_text(at.done, at.total))

    with at_work(options, "import") as network:
        studies = run_to_end(retrieve(network, options.peer, query_of(options), folder), tell)
    sys.stderr.write("\r\033[K" if is_watched else "")
    print(retrieving_text(len(studies), len(studies)), flush=True)
    return studies, missing
