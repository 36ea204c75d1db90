"""Many images on the command line: several workers, and a run that goes on where it ended."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.cli.batch_cluster import add_cluster, sends_files, wanted_place
from spinealign.cli.batch_inputs import Inputs, add_inputs, found_inputs
from spinealign.cli.series import WrongUseError
from spinealign.domain.generators import run_to_end

if TYPE_CHECKING:
    from spinealign.batch.cluster import Place
    from spinealign.batch.options import BatchOptions
    from spinealign.batch.run import Batch, Progress, TableChoice, Workers

EXIT_DONE, EXIT_SOME_FAILED, EXIT_REFUSED = 0, 1, 3
_MOST_NAMED = 20
"""Images that are named at the end because they failed; images.csv has all."""

_TOLD_EVERY_S = 10.0
_LOOKED_AT_TOLD = 100
_TABLES = "csv"
"""Stands for all tables in ``--only``."""
_ALWAYS, _GALLERY = "json", "gallery"


def add_batch(commands: Any) -> None:
    """Add the command `batch`."""
    parser = commands.add_parser(
        "batch",
        help="analyse many images with several workers; after a stop or a kill the same command "
        "goes on",
        epilog="A file “pause” in DIR lets the images being analysed come to their end and begins "
        "no more until it is removed. Ctrl+Z and fg suspend all and go on; Ctrl+C stops.",
    )
    add_inputs(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for all results")
    parser.add_argument(
        "--workers", type=_count, metavar="N",
        help="how many images are analysed at once (default: one for each processor)",
    )  # fmt: skip
    parser.add_argument(
        "--only",
        default="",
        metavar="KIND,...",
        help="write these files only, besides analysis.json; “gallery” stands for the page of all "
        "(default: a whole folder of results and the gallery)",
    )
    parser.add_argument(
        "--flat", action="store_true",
        help="all files into one folder “results”, their names beginning with the image's, in "
        "place of a folder for each image",
    )  # fmt: skip
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
        type=_seconds,
        default=300.0,
        metavar="S",
        help="give up an image of which one step takes longer (default: 300 s)",
    )
    parser.add_argument(
        "--try-again", action="store_true", help="analyse those again that failed before"
    )
    parser.add_argument(
        "--patient-columns", default="", metavar="NAME,...",
        help="columns of images.csv that name the patient or the examination: “all”, or of "
        "patient_name, patient_id, birth_date, sex, age, study_date and others (default: none)",
    )  # fmt: skip
    parser.add_argument(
        "--parquet", action="store_true",
        help="write each table as a Parquet file too (needs the 'cohort' extra)",
    )  # fmt: skip
    add_cluster(parser)
    parser.set_defaults(run=_batch)


def add_compare_batches(commands: Any) -> None:
    """Add the command `compare-batches`."""
    parser = commands.add_parser(
        "compare-batches",
        help="say what two batches of the same images have otherwise: statuses, measures, and "
        "how far these agree",
    )
    parser.add_argument("first", type=Path, metavar="FIRST", help="folder of a batch")
    parser.add_argument("second", type=Path, metavar="SECOND", help="folder of another one")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="for tables and comparison.html"
    )
    parser.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> int:
    from spinealign.evaluation.batch_pages import PAGE_NAME, write_comparison
    from spinealign.evaluation.batch_runs import compare_batches
    from spinealign.files import as_export_error
    from spinealign.wording.batch_comparison import counts_text

    found = compare_batches(options.first, options.second)
    with as_export_error(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
    write_comparison(found, options.out)
    print(f"{counts_text(*found.counts())}; see {options.out / PAGE_NAME}")
    return EXIT_DONE


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a whole number of 1 or more: {text}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"not a number of seconds above 0: {text}")
    return seconds


def _batch(options: argparse.Namespace) -> int:
    from spinealign.batch.run import opened_batch, usual_workers
    from spinealign.batch.state import RETRIEVED_FOLDER
    from spinealign.wording.batch import batch_end_text

    place = wanted_place(options)
    count = options.workers or usual_workers()
    threads = 1 if place is not None else max(1, usual_workers() // count)
    wanted, tables = _wanted(options, threads), _tables(options)
    with (
        opened_batch(options.out, wanted, tables) as batch,
        found_inputs(options, options.out / RETRIEVED_FOLDER) as inputs,
    ):
        workers = _workers(options, place, count, wanted, inputs)
        is_stopped = not _work(options, inputs.paths, workers, batch)
        ended = batch.finish(tables)
    said = batch_end_text(ended.done, ended.refused, ended.failed, ended.waiting)
    print(f"{said}; results are in {options.out}")
    if is_stopped or ended.failed or inputs.missing:
        return EXIT_SOME_FAILED
    return EXIT_REFUSED if ended.refused else EXIT_DONE


def _workers(
    options: argparse.Namespace, place: Place | None, count: int, wanted: BatchOptions,
    inputs: Inputs,
) -> Workers:  # fmt: skip
    """Return who analyses: processes of this computer, or a cluster."""
    from spinealign.batch.pool import Pool
    from spinealign.batch.run import is_paused

    pauses = partial(is_paused, options.out)
    if place is None:
        limit = options.step_limit
        return Pool(count, wanted, limit, unlocked=inputs.unlocked, is_paused=pauses)
    from spinealign.batch.cluster import ClusterPool
    from spinealign.wording.batch import NOT_ENCRYPTED

    def tell(sentence: str) -> None:
        sys.stderr.write(f"{sentence}\n")

    if place.certificates is None:
        tell(NOT_ENCRYPTED)
    return ClusterPool(
        place, wanted, options.step_limit, sends_files=sends_files(options), tell=tell,
        is_paused=pauses,
    )  # fmt: skip


def _wanted(options: argparse.Namespace, threads: int) -> BatchOptions:
    from spinealign.batch.options import BatchOptions
    from spinealign.domain.examination import EXAMINATIONS
    from spinealign.export.exporters import EXPORTERS

    kept = [kind for kind, exporter in EXPORTERS.items() if exporter.is_in_folder]
    tables = tuple(k for k in kept if EXPORTERS[k].file_type.suffix == f".{_TABLES}")
    known = {**{kind: (kind,) for kind in kept}, _TABLES: tables, _GALLERY: ()}
    named = _named(options.only)
    unknown = [name for name in named if name not in known]
    if unknown:
        raise WrongUseError(f"--only knows {', '.join(known)}, not {', '.join(unknown)}")
    kinds = tuple(dict.fromkeys(kind for name in named for kind in (_ALWAYS, *known[name])))
    keys = [examination.key for examination in EXAMINATIONS.values()]
    if options.examination and options.examination not in keys:
        raise WrongUseError(f"--examination is one of {', '.join(keys)}")
    gallery = not named or _GALLERY in named
    models = tuple(options.model)
    return BatchOptions(options.examination, kinds, models, gallery, threads, options.flat)


def _tables(options: argparse.Namespace) -> TableChoice:
    from spinealign.batch.cohort import PATIENT_COLUMNS
    from spinealign.batch.run import TableChoice

    named = _named(options.patient_columns)
    if named == ["all"]:
        named = [*PATIENT_COLUMNS]
    unknown = [name for name in named if name not in PATIENT_COLUMNS]
    if unknown:
        known = ", ".join(PATIENT_COLUMNS)
        raise WrongUseError(f"--patient-columns knows all, {known}, not {', '.join(unknown)}")
    return TableChoice(tuple(dict.fromkeys(named)), options.parquet)


def _named(text: str) -> list[str]:
    return [name for name in map(str.strip, text.split(",")) if name]


def _work(
    options: argparse.Namespace, inputs: Sequence[Path], workers: Workers, batch: Batch
) -> bool:
    """Bring a batch to its end; return False where it was stopped by Ctrl+C."""
    from spinealign.batch.state import PAUSE_NAME
    from spinealign.wording.batch import batch_begin_text

    is_watched = sys.stderr.isatty()

    def tell(looked_at: int) -> None:
        if is_watched and looked_at % _LOOKED_AT_TOLD == 0:
            sys.stderr.write(f"\r\033[KLooking at files ({looked_at})")

    begun = run_to_end(batch.begin(inputs, tries_again=options.try_again), tell)
    if is_watched:
        sys.stderr.write("\r\033[K")
    print(batch_begin_text(**asdict(begun)), flush=True)
    try:
        with workers as at_work:
            told = _watch(batch, at_work, is_watched, options.out / PAUSE_NAME)
    except KeyboardInterrupt:
        return False
    _tell_failed(batch, told)
    return True


def _tell_failed(batch: Batch, told: set[str]) -> None:
    """Name what failed and was not told yet: refused before the work, or in an earlier run."""
    from spinealign.wording.batch import MORE_FAILED

    failed = batch.failures(_MOST_NAMED + 1)
    for row in failed[:_MOST_NAMED]:
        if row.sentence not in told:
            sys.stderr.write(f"{row.sentence} {row.advice}\n")
    if len(failed) > _MOST_NAMED:
        sys.stderr.write(f"{MORE_FAILED}\n")


def _watch(batch: Batch, pool: Workers, is_watched: bool, pause: Path) -> set[str]:
    """Tell how far a batch is, to its end; return the sentences of failures that were told."""
    from spinealign.batch.run import Waits
    from spinealign.batch.state import ItemStatus
    from spinealign.wording.batch import batch_paused_text

    told, last, was_paused = time.monotonic(), None, False
    failures: set[str] = set()
    cleared = "\r\033[K" if is_watched else ""
    for what in batch.work(pool):
        if isinstance(what, Waits):
            if not was_paused:
                sys.stderr.write(f"{cleared}{batch_paused_text(pause)}\n")
            was_paused = True
            continue
        last, was_paused = what, False
        if last.outcome.status is ItemStatus.FAILED:
            failures.add(last.outcome.sentence)
            sys.stderr.write(f"{cleared}{last.outcome.sentence} {last.outcome.advice}\n")
        now = time.monotonic()
        if is_watched or now - told > _TOLD_EVERY_S or last.ended == last.total:
            told = now
            sys.stderr.write(cleared + _said(last) + ("" if is_watched else "\n"))
    if is_watched and last is not None:
        sys.stderr.write("\n")
    return failures


def _said(at: Progress) -> str:
    from spinealign.wording.batch import progress_text

    return progress_text(at.ended, at.total, at.failed, at.ended_now, at.seconds)
