"""One batch from its inputs to its tables: the way in for the command line and for a window."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Protocol

from spinealign import __version__
from spinealign.batch.cohort import write_tables
from spinealign.batch.gallery import remove_gallery, write_gallery
from spinealign.batch.listing import BatchItem, list_items
from spinealign.batch.options import BatchOptions, models_of
from spinealign.batch.parquet import remove_parquet, require_parquet, write_parquet
from spinealign.batch.state import (
    PAUSE_NAME,
    PICTURES_FOLDER,
    STATE_NAME,
    BatchState,
    ItemStatus,
    Outcome,
    Row,
)
from spinealign.batch.watch import Watch
from spinealign.batch.worker import Look, Task
from spinealign.domain.errors import BatchError, BatchProblem, ImageReadError
from spinealign.domain.formats import BATCH_FLAT_FOLDER
from spinealign.domain.image import ImagePart
from spinealign.domain.study import PatientFacts, SeriesEntry
from spinealign.files import as_export_error, clear_unfinished, held_if_free
from spinealign.imaging.study import read_patient
from spinealign.inference.catalog import ModelStore
from spinealign.wording import explain

LOCK_NAME = ".batch-lock"
_MOST_LOOK_S = 10.0
"""Workers are looked at every half a second; more is a standstill, or a very slow disk."""


@dataclass(frozen=True)
class TableChoice:
    """What is written besides tables of images and measures.

    Parameters
    ----------
    patient : tuple of str
        Columns of `cohort.PATIENT_COLUMNS`.
    parquet : bool
        Whether each table is written as a Parquet file too.
    """

    patient: tuple[str, ...] = ()
    parquet: bool = False


@dataclass(frozen=True)
class Begun:
    """What a run begins with: images in all, ended before, made anew; files left out.

    Parameters
    ----------
    total, ended, stale : int
        Images.
    skipped, copies : int
        Files that are no images, and that are copies of images.
    forgotten : int
        Results of an earlier run that stay and are in no table: their files are not listed any
        more, or changed.
    """

    total: int
    ended: int
    stale: int
    skipped: int
    copies: int = 0
    forgotten: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a run is, after an image ended.

    Parameters
    ----------
    path : Path
        Of the image.
    outcome : Outcome
    total, ended, failed : int
        Images of the whole batch.
    ended_now : int
        How many ended in this run, in `seconds`.
    seconds : float
    """

    path: Path
    outcome: Outcome
    total: int
    ended: int
    failed: int
    ended_now: int
    seconds: float


@dataclass(frozen=True)
class Waits:
    """The run is paused: nothing more is begun, and `working` images come to their end."""

    working: int = 0


@dataclass(frozen=True)
class Counts:
    """How many images stand where."""

    waiting: int
    done: int
    refused: int
    failed: int


HandOut = Callable[[str], int]
"""Notes that work on an image begins, and returns which attempt that is."""


class Workers(Protocol):
    """Who analyses: `pool.Pool` on this computer."""

    def __enter__(self) -> Workers: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> object: ...

    def run(
        self, tasks: Sequence[Task], hand_out: HandOut
    ) -> Iterator[tuple[Task, Outcome] | Look]:
        """Work on all tasks; yields what becomes of each as it comes, and `Look` in between."""


class Batch:
    """A batch in a folder, held alone while it is open: `begin`, `work`, `finish`.

    Parameters
    ----------
    out : Path
        For all results; holds what an earlier run left.
    options : BatchOptions
    state : BatchState
    """

    def __init__(self, out: Path, options: BatchOptions, state: BatchState) -> None:
        self._out, self._options, self._state = out, options, state
        self._items: dict[str, BatchItem] = {}
        self._total = 0

    def begin(
        self, inputs: Sequence[Path], *, tries_again: bool = False
    ) -> Generator[int, None, Begun]:
        """Find what inputs hold, yielding how many files were looked at.

        Parameters
        ----------
        inputs : sequence of Path
        tries_again : bool
            Whether what failed in an earlier run waits again.

        Raises
        ------
        BatchError
            NOTHING_FOUND, NO_LIST, or the state cannot be written.
        ModelError
            A model is missing or incomplete.
        """
        listing = yield from list_items(inputs)
        if not listing.items:
            place = inputs[0] if inputs else self._out
            raise BatchError(place, BatchProblem.NOTHING_FOUND)
        models = models_of(ModelStore(chosen=self._options.models))
        self._items = {item.identity: item for item in listing.items}
        taken = self._state.begin(listing.items, self._options.recipe(__version__), models)
        if tries_again:
            self._state.try_again()
        self._total = len(listing.items)
        ended = self._total - self._state.count(ItemStatus.WAITING)
        return Begun(
            self._total, ended, taken.stale, listing.skipped_count, listing.copies, taken.forgotten
        )

    def work(
        self, workers: Workers, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[Progress | Waits]:
        """Analyse what waits, and yield after each image; closed early, the rest waits on.

        While workers are paused, it yields `Waits` again and again. Neither that time nor what
        the program stands still counts as time of the run.

        Raises
        ------
        BatchError
            NO_WORKER, or the state cannot be written.
        """
        tasks = yield from self._tasks()
        before, count, watch = self._total - len(tasks), 0, Watch(_MOST_LOOK_S, clock)
        for what in workers.run(tasks, self._state.hand_out):
            if isinstance(what, Look):
                watch.look(counts=what.working > 0 or not what.is_paused)
                if what.is_paused:
                    yield Waits(what.working)
                continue
            task, outcome = what
            self._state.note(task.identity, outcome)
            count += 1
            yield Progress(
                task.path, outcome, self._total, before + count,
                self._state.count(ItemStatus.FAILED), count, watch.look(),
            )  # fmt: skip

    def finish(self, choice: TableChoice) -> Counts:
        """Write tables and gallery of what is done so far, and return how many images stand where.

        Parquet files and a gallery of an earlier run that are not asked for any more go: they
        would tell something else, or name patients whom the tables do not.

        Raises
        ------
        ExportError
            A table or the gallery is as it was before.
        """
        write_tables(self._state, self._out, choice.patient, self._facts)
        if self._options.gallery:
            write_gallery(self._state, self._out, is_flat=self._options.is_flat)
        else:
            remove_gallery(self._state, self._out)
        if choice.parquet:
            write_parquet(self._out)
        else:
            remove_parquet(self._out)
        return Counts(*(self._state.count(status) for status in ItemStatus))

    def failures(self, most: int) -> tuple[Row, ...]:
        """Return the images that failed, in their order, no more than `most`."""
        rows = self._state.rows()
        return tuple(islice((row for row in rows if row.status is ItemStatus.FAILED), most))

    def _tasks(self) -> Generator[Progress, None, list[Task]]:
        """Return what waits; files that were refused while they were looked for fail at once."""
        tasks, count = [], self._state.count
        for row in list(self._state.rows()):
            if row.status is not ItemStatus.WAITING:
                continue
            item = self._items[row.identity]
            if item.source is not None:
                tasks.append(Task(row.identity, item.path, item.source, self._out / row.folder))
                continue
            assert item.problem is not None
            message = explain(ImageReadError(item.path, item.problem, item.detail))
            failure = Outcome(ItemStatus.FAILED, message.sentence, message.advice)
            self._state.note(row.identity, failure)
            ended = self._total - count(ItemStatus.WAITING)
            failed = count(ItemStatus.FAILED)
            yield Progress(item.path, failure, self._total, ended, failed, 0, 0.0)
        return tasks

    def _facts(self, row: Row) -> PatientFacts:
        """Read whose image a row is; nothing of it is kept but what is written into the table."""
        item = self._items.get(row.identity)
        source = item.source if item is not None else None
        if isinstance(source, Path):
            return read_patient(ImagePart(source))
        return read_patient(source.parts[0]) if isinstance(source, SeriesEntry) else PatientFacts()


@contextmanager
def opened_batch(out: Path, options: BatchOptions, choice: TableChoice) -> Iterator[Batch]:
    """Open a batch in a folder, made if missing, that no other program works on.

    Raises
    ------
    BatchError
        RUNNING, DAMAGED, NEWER, NOT_WRITABLE, or NO_PARQUET where Parquet is wanted.
    ExportError
        The folder cannot be made.
    """
    if choice.parquet:
        require_parquet(out)
    with as_export_error(out):
        made = out / PICTURES_FOLDER if options.gallery else out
        made.mkdir(parents=True, exist_ok=True)
    clear_unfinished(out / BATCH_FLAT_FOLDER)
    with _alone(out), _opened(out) as state:
        yield Batch(out, options, state)


def is_paused(out: Path) -> bool:
    """Tell whether somebody asked the batch in a folder to pause, by a file `PAUSE_NAME` in it."""
    return (out / PAUSE_NAME).exists()


def usual_workers() -> int:
    """Return how many processors this program may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with as_export_error(folder), held_if_free(folder / LOCK_NAME) as is_free:
        if not is_free:
            raise BatchError(folder, BatchProblem.RUNNING)
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[BatchState]:
    state = BatchState(folder / STATE_NAME)
    try:
        yield state
    finally:
        state.close()
