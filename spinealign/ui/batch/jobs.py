"""What the thread of a batch does; nothing here knows a widget."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.domain.interrupts import interrupt_of_thread

if TYPE_CHECKING:
    from spinealign.batch.options import BatchOptions
    from spinealign.batch.run import Begun, Counts, Progress, TableChoice, Waits
    from spinealign.batch.state import Row

MOST_FAILURES = 1_000
"""Rows that are shown; images.csv has all."""

_KINDS = {
    "all": (), "masks": ("mask", "regions", "measurements", "discs"),
    "tables": ("regions", "measurements", "discs"),
}  # fmt: skip
"""Files of each image by what is wanted, of the kinds of `export.exporters.EXPORTERS`."""


@dataclass(frozen=True)
class Wanted:
    """What a person chose.

    Parameters
    ----------
    inputs : tuple of Path
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
    """

    inputs: tuple[Path, ...]
    out: Path
    examination: str = ""
    results: str = "all"
    gallery: bool = True
    with_patient: bool = False
    workers: int = 1
    tries_again: bool = False
    parquet: bool = False

    def options(self, processors: int) -> BatchOptions:
        """Return what is done with each image."""
        from spinealign.batch.options import BatchOptions

        kinds = _KINDS[self.results]
        kept = ("json", *kinds) if kinds else ()
        threads = max(1, processors // self.workers)
        return BatchOptions(self.examination, kept, (), self.gallery, threads)

    def tables(self) -> TableChoice:
        """Return what is written of all images."""
        from spinealign.batch.cohort import PATIENT_COLUMNS
        from spinealign.batch.run import TableChoice

        return TableChoice(tuple(PATIENT_COLUMNS) if self.with_patient else (), self.parquet)


@dataclass(frozen=True)
class Ended:
    """How many images stand where, and the first of those that failed, in this run or before."""

    counts: Counts
    failures: tuple[Row, ...] = ()


@dataclass
class Switches:
    """What a person presses while a batch runs; set from the window's thread."""

    stop: threading.Event = field(default_factory=threading.Event)
    pause: threading.Event = field(default_factory=threading.Event)


def can_write_parquet() -> bool:
    """Tell whether the software for Parquet files is there: the packaged program has none."""
    return find_spec("duckdb") is not None


def run_batch(
    wanted: Wanted, switches: Switches
) -> Generator[int | Begun | Progress | Waits, None, Ended]:
    """Run a batch to its end, or until it is stopped; tables are written either way.

    Yields how many files were looked at, what the run begins with, and after each image how far it
    is; while it is paused, `Waits` again and again.

    Raises
    ------
    BatchError, ModelError, ExportError
        As the batch does.
    """
    from spinealign.batch.pool import Pool
    from spinealign.batch.run import opened_batch, usual_workers

    options, tables = wanted.options(usual_workers()), wanted.tables()
    # The window is being closed: what works in other processes is not waited for.
    forget = interrupt_of_thread().add(switches.stop.set)
    try:
        with opened_batch(wanted.out, options, tables) as batch:
            yield (yield from batch.begin(wanted.inputs, tries_again=wanted.tries_again))
            stop, pause = switches.stop.is_set, switches.pause.is_set
            with Pool(wanted.workers, options, is_stopped=stop, is_paused=pause) as pool:
                yield from batch.work(pool)
            return Ended(batch.finish(tables), batch.failures(MOST_FAILURES))
    finally:
        forget()
