"""What the thread of a batch does; nothing here knows a widget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.domain.errors import Cancelled
from spinealign.domain.interrupts import Interrupt, interrupt_of_thread
from spinealign.domain.network import StudyQuery

if TYPE_CHECKING:
    from spinealign.archive.records import Search
    from spinealign.batch.options import BatchOptions
    from spinealign.batch.run import Begun, Counts, Progress, TableChoice, Waits
    from spinealign.batch.sources import Retrieving, Unlocked
    from spinealign.batch.state import Row
    from spinealign.network.node import Network
    from spinealign.vault.session import Session

MOST_FAILURES = 1_000
"""Rows that are shown; images.csv has all."""

_KINDS = {
    "all": (), "masks": ("mask", "regions", "measurements", "discs"),
    "tables": ("regions", "measurements", "discs"),
}  # fmt: skip
"""Files of each image by what is wanted, of the kinds of `export.exporters.EXPORTERS`."""


@dataclass(frozen=True)
class Studies:
    """Studies that a node finds: retrieved when the batch begins.

    Parameters
    ----------
    node : str
    query : StudyQuery
    count : int
        How many they were when they were chosen.
    """

    node: str
    query: StudyQuery = field(repr=False)
    count: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Examinations:
    """Examinations that the archive finds, read as they lie there.

    Parameters
    ----------
    search : Search
    count : int
        How many they were when they were chosen.
    """

    search: Search = field(repr=False)
    count: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Doors:
    """How a batch comes to what is no file yet.

    Parameters
    ----------
    network : callable, optional
        Returns this program as a node.
    session : Session, optional
        Of whoever is at work, with the open archive.
    """

    network: Callable[[], Network] | None = None
    session: Session | None = None


@dataclass(frozen=True)
class Wanted:
    """What a person chose.

    Parameters
    ----------
    inputs : tuple of Path, Studies and Examinations
    out : Path
    examination : str
        Key of what all images show; empty for each its own.
    results : str
        A key of `wording.batch_window.CHOICES`.
    gallery : bool
    with_patient : bool
        Whether the table of images says whose they are.
    workers : int
    tries_again : bool
    parquet : bool
    is_flat : bool
        Whether the files of all images lie in one folder.
    """

    inputs: tuple[Path | Studies | Examinations, ...]
    out: Path
    examination: str = ""
    results: str = "all"
    gallery: bool = True
    with_patient: bool = False
    workers: int = 1
    tries_again: bool = False
    parquet: bool = False
    is_flat: bool = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files and folders."""
        return tuple(each for each in self.inputs if isinstance(each, Path))

    @property
    def studies(self) -> tuple[Studies, ...]:
        """What is retrieved."""
        return tuple(each for each in self.inputs if isinstance(each, Studies))

    @property
    def examinations(self) -> tuple[Examinations, ...]:
        """What the archive is searched for."""
        return tuple(each for each in self.inputs if isinstance(each, Examinations))

    def options(self, processors: int) -> BatchOptions:
        """Return what is done with each image."""
        from spinealign.batch.options import BatchOptions

        kinds = _KINDS[self.results]
        kept = ("json", *kinds) if kinds else ()
        threads = max(1, processors // self.workers)
        return BatchOptions(self.examination, kept, (), self.gallery, threads, self.is_flat)

    def tables(self) -> TableChoice:
        """Return what is written of all images."""
        from spinealign.batch.cohort import PATIENT_COLUMNS
        from spinealign.batch.run import TableChoice

        return TableChoice(tuple(PATIENT_COLUMNS) if self.with_patient else (), self.parquet)


@dataclass(frozen=True)
class Ended:
    """How many images stand where, and the first of those that failed, in this run or before.

    Parameters
    ----------
    counts : Counts or None
        None where it was stopped before anything was analysed.
    failures : tuple of Row
    """

    counts: Counts | None = None
    failures: tuple[Row, ...] = ()


@dataclass(frozen=True)
class FailedBefore:
    """The first of the images that failed in an earlier run, and are not tried again."""

    rows: tuple[Row, ...]


@dataclass(frozen=True)
class NotRetrieved:
    """Studies that did not come: from which node, why, and what to do."""

    node: str
    words: tuple[str, str]


@dataclass
class Switches:
    """What a person presses while a batch runs; set from the window's thread."""

    stop: threading.Event = field(default_factory=threading.Event)
    pause: threading.Event = field(default_factory=threading.Event)
    waiting: Interrupt = field(default_factory=Interrupt)

    def end(self) -> None:
        """Stop, and end what is waited for on a network."""
        self.stop.set()
        self.waiting.cut()


def can_write_parquet() -> bool:
    """Tell whether the software for Parquet files is there: the packaged program has none."""
    return find_spec("duckdb") is not None


def run_batch(
    wanted: Wanted, switches: Switches, doors: Doors | None = None
) -> Generator[
    int | Begun | FailedBefore | Progress | Waits | Retrieving | NotRetrieved, None, Ended
]:
    """Run a batch to its end, or until it is stopped; tables are written either way.

    Yields how many studies were retrieved, how many files were looked at, what the run begins
    with, what failed before, and after each image how far it is; while it is paused, `Waits` again
    and again.

    Raises
    ------
    BatchError, ModelError, ExportError, NetworkError, AccountError, ArchiveError
        As the batch does.
    """
    from spinealign.batch.pool import Pool
    from spinealign.batch.run import opened_batch, usual_workers

    options, tables = wanted.options(usual_workers()), wanted.tables()
    # The window is being closed: what works in other processes is not waited for.
    forget = interrupt_of_thread().add(switches.end)
    try:
        with opened_batch(wanted.out, options, tables) as batch:
            try:
                retrieved = yield from _retrieved(wanted, switches, doors or Doors())
            except Cancelled:
                return Ended()
            archived, unlocked = _archived(wanted, doors or Doors())
            inputs = [*wanted.paths, *retrieved, *archived]
            yield (yield from batch.begin(inputs, tries_again=wanted.tries_again))
            yield FailedBefore(batch.failures(MOST_FAILURES))
            stop, pause = switches.stop.is_set, switches.pause.is_set
            with Pool(
                wanted.workers, options, unlocked=unlocked, is_stopped=stop, is_paused=pause
            ) as pool:
                yield from batch.work(pool)
            return Ended(batch.finish(tables), batch.failures(MOST_FAILURES))
    finally:
        forget()


def _retrieved(
    wanted: Wanted, switches: Switches, doors: Doors
) -> Generator[Retrieving | NotRetrieved, None, list[Path]]:
    """Retrieve all studies; one that does not come is told, and the others come.

    Raises
    ------
    Cancelled
        It was stopped; what came whole is not asked for again.
    """
    from spinealign.batch.sources import retrieve
    from spinealign.batch.state import RETRIEVED_FOLDER
    from spinealign.wording.batch import cut_words
    from spinealign.wording.network import network_failure

    folders: list[Path] = []
    for each in wanted.studies:
        assert doors.network is not None
        steps = retrieve(doors.network(), each.node, each.query, wanted.out / RETRIEVED_FOLDER)
        while True:
            # Only the steps themselves are ended by the switch: the window ends the rest.
            try:
                with switches.waiting.here():
                    switches.waiting.require_wanted()
                    step = next(steps)
            except StopIteration as end:
                folders += end.value
                break
            if step.failure is not None:
                yield NotRetrieved(each.node, network_failure(step.failure))
            if step.is_cut:
                yield NotRetrieved(each.node, cut_words(each.node, step.total))
            yield step
    return folders


def _archived(wanted: Wanted, doors: Doors) -> tuple[list[Path], list[Unlocked]]:
    """Return the encrypted files that are analysed, and what workers open them with."""
    from spinealign.batch.sources import archived_files

    files: dict[Path, None] = {}
    unlocked: list[Unlocked] = []
    for each in wanted.examinations:
        assert doors.session is not None
        found, opened_with = archived_files(doors.session, each.search)
        files.update(dict.fromkeys(found))
        unlocked = [opened_with]
    return [*files], unlocked
