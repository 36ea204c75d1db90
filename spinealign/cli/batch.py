"""Many images on the command line: several workers, and a run that goes on where it ended."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign import __version__
from spinealign.cli.series import WrongUseError
from spinealign.domain.errors import BatchError, BatchProblem
from spinealign.domain.generators import run_to_end

if TYPE_CHECKING:
    from spinealign.batch.listing import Listing
    from spinealign.batch.options import BatchOptions
    from spinealign.batch.pool import Pool
    from spinealign.batch.state import BatchState
    from spinealign.batch.worker import Task

EXIT_DONE, EXIT_SOME_FAILED, EXIT_REFUSED = 0, 1, 3
_LOCK_NAME = ".batch-lock"
_TOLD_EVERY_S = 10.0
_TABLES = "csv"
"""Stands for all tables in ``--only``."""


def add_batch(commands: Any) -> None:
    """Add the command `batch`."""
    parser = commands.add_parser(
        "batch",
        help="analyse many images with several workers; after a stop or a kill the same command "
        "goes on",
    )
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT",
        help="image file, folder, archive, or a CSV list with a column “path”",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for all results")
    parser.add_argument(
        "--workers", type=_count, default=_usual_workers(), metavar="N",
        help="how many images are analysed at once (default: one for each processor)",
    )  # fmt: skip
    parser.add_argument(
        "--only",
        default="",
        metavar="KIND,...",
        help="write these files only, besides analysis.json (default: a whole folder of results)",
    )
    parser.add_argument(
        "--examination",
        default="",
        metavar="KIND",
        help="what all images show; without it the program decides for each",
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME_OR_DIR",
        help="a model that answers for its task; may be repeated",
    )
    parser.add_argument(
        "--step-limit",
        type=float,
        default=300.0,
        metavar="S",
        help="give up an image of which one step takes longer (default: 300 s)",
    )
    parser.add_argument(
        "--try-again", action="store_true", help="analyse those again that failed before"
    )
    parser.set_defaults(run=_batch)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _usual_workers() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


def _batch(options: argparse.Namespace) -> int:
    from spinealign.batch.cohort import write_tables
    from spinealign.batch.state import ItemStatus
    from spinealign.files import as_export_error
    from spinealign.wording.batch import batch_end_text

    wanted = _wanted(options)
    with as_export_error(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
    with _alone(options.out), _opened(options.out) as state:
        is_stopped = not _work(options, wanted, state)
        write_tables(state, options.out)
        counts = [state.count(status) for status in ItemStatus]
    waiting, done, refused, failed = counts
    print(f"{batch_end_text(done, refused, failed, waiting)}; results are in {options.out}")
    if is_stopped or failed:
        return EXIT_SOME_FAILED
    return EXIT_REFUSED if refused else EXIT_DONE


def _wanted(options: argparse.Namespace) -> BatchOptions:
    from spinealign.batch.options import BatchOptions
    from spinealign.domain.examination import EXAMINATIONS
    from spinealign.export.exporters import EXPORTERS

    kept = [kind for kind, exporter in EXPORTERS.items() if exporter.is_in_folder]
    tables = tuple(k for k in kept if EXPORTERS[k].file_type.suffix == f".{_TABLES}")
    known = {**{kind: (kind,) for kind in kept}, _TABLES: tables}
    named = [name for name in map(str.strip, options.only.split(",")) if name]
    unknown = [name for name in named if name not in known]
    if unknown:
        raise WrongUseError(f"--only knows {', '.join(known)}, not {', '.join(unknown)}")
    kinds = tuple(dict.fromkeys(kind for name in named for kind in known[name]))
    keys = [examination.key for examination in EXAMINATIONS.values()]
    if options.examination and options.examination not in keys:
        raise WrongUseError(f"--examination is one of {', '.join(keys)}")
    threads = max(1, _usual_workers() // options.workers)
    return BatchOptions(options.examination, kinds, tuple(options.model), threads)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Work on a batch only if no other program does."""
    from spinealign.files import as_export_error, held_if_free

    with as_export_error(folder), held_if_free(folder / _LOCK_NAME) as is_free:
        if not is_free:
            raise BatchError(folder, BatchProblem.RUNNING)
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[BatchState]:
    from spinealign.batch.state import STATE_NAME, BatchState

    state = BatchState(folder / STATE_NAME)
    try:
        yield state
    finally:
        state.close()


def _work(options: argparse.Namespace, wanted: BatchOptions, state: BatchState) -> bool:
    """Bring a batch to its end; return False where it was stopped by Ctrl+C."""
    from spinealign.batch.options import models_of
    from spinealign.batch.pool import Pool
    from spinealign.batch.state import ItemStatus
    from spinealign.inference.catalog import ModelStore
    from spinealign.wording.batch import batch_begin_text

    listing = _listed(options.inputs)
    models = models_of(ModelStore(chosen=wanted.models))
    stale = state.begin(listing.items, wanted.recipe(__version__), models)
    if options.try_again:
        state.try_again()
    done = len(listing.items) - state.count(ItemStatus.WAITING)
    print(batch_begin_text(len(listing.items), done, stale, len(listing.skipped)), flush=True)
    tasks = _tasks(listing, state, options.out)
    try:
        with Pool(options.workers, wanted, options.step_limit) as pool:
            _run(pool, tasks, state, len(listing.items))
    except KeyboardInterrupt:
        return False
    return True


def _listed(inputs: Sequence[Path]) -> Listing:
    from spinealign.batch.listing import list_items

    is_watched = sys.stderr.isatty()

    def tell(count: int) -> None:
        if is_watched and count % 100 == 0:
            sys.stderr.write(f"\r\033[KLooking at files ({count})")

    listing = run_to_end(list_items(inputs), tell)
    if is_watched:
        sys.stderr.write("\r\033[K")
    if not listing.items:
        raise BatchError(inputs[0], BatchProblem.NOTHING_FOUND)
    return listing


def _tasks(listing: Listing, state: BatchState, out: Path) -> list[Task]:
    """Return what waits; files that were refused while they were looked for fail at once."""
    from spinealign.batch.state import ItemStatus, Outcome
    from spinealign.batch.worker import Task
    from spinealign.domain.errors import ImageReadError
    from spinealign.wording import explain

    items = {item.identity: item for item in listing.items}
    tasks = []
    for row in list(state.rows()):
        if row.status is not ItemStatus.WAITING:
            continue
        item = items[row.identity]
        if item.source is None:
            assert item.problem is not None
            message = explain(ImageReadError(item.path, item.problem, item.detail))
            failure = Outcome(ItemStatus.FAILED, message.sentence, message.advice)
            state.note(row.identity, failure)
        else:
            tasks.append(Task(row.identity, item.path, item.source, out / row.folder))
    return tasks


def _run(pool: Pool, tasks: Sequence[Task], state: BatchState, total: int) -> None:
    from spinealign.batch.state import ItemStatus
    from spinealign.wording.batch import progress_text

    began = told = time.monotonic()
    before = total - len(tasks)
    is_watched = sys.stderr.isatty()
    for count, (task, outcome) in enumerate(pool.run(tasks, state.hand_out), start=1):
        state.note(task.identity, outcome)
        if outcome.status is ItemStatus.FAILED:
            sys.stderr.write(f"{_cleared(is_watched)}{outcome.sentence} {outcome.advice}\n")
        now = time.monotonic()
        if is_watched or now - told > _TOLD_EVERY_S or count == len(tasks):
            told = now
            failed = state.count(ItemStatus.FAILED)
            said = progress_text(before + count, total, failed, count, now - began)
            sys.stderr.write(f"{_cleared(is_watched)}{said}" + ("" if is_watched else "\n"))
    if is_watched and tasks:
        sys.stderr.write("\n")


def _cleared(is_watched: bool) -> str:
    return "\r\033[K" if is_watched else ""
