"""The process that reads, analyses and writes: one image after another, until it is told to end.

It speaks with the program that started it by `WorkerMessage` and `Task` over one pipe. It holds
nothing that is missed: when it is killed, at any moment, what it had not finished is given to
another one, and a folder of results is written whole or not at all.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from spinealign.batch.options import BatchOptions, examination_of
from spinealign.batch.state import ItemStatus, Outcome, picture_path, results_place
from spinealign.domain.errors import SpineAlignError, UnexpectedError
from spinealign.domain.findings import Analysis, Step
from spinealign.domain.generators import run_to_end
from spinealign.domain.study import ImageSource
from spinealign.files import write_export


@dataclass(frozen=True)
class Task:
    """An image to analyse, and the folder of its results."""

    identity: str
    path: Path
    source: ImageSource
    folder: Path


@dataclass(frozen=True)
class Look:
    """Who keeps workers busy looked at them, which comes at least every second.

    Parameters
    ----------
    is_paused : bool
        Whether nothing more is begun.
    working : int
        How many images are being analysed.
    """

    is_paused: bool
    working: int


@dataclass(frozen=True)
class WorkerMessage:
    """What a worker tells: that it is ready, goes on with a step, or, by an outcome, is done."""

    identity: str = ""
    step: str = ""
    outcome: Outcome | None = None


def serve(connection: Connection, options: BatchOptions) -> None:
    """Analyse what comes over a connection until None comes, or nobody is there any more."""
    # Who is asked to stop by Ctrl+C is the program that started this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from spinealign.inference.catalog import ModelStore
    from spinealign.inference.litert_engine import LiteRtEngine

    def open_engine(weights: Path, _card: object) -> LiteRtEngine:
        return LiteRtEngine(weights, options.threads)

    models = ModelStore(open_engine=open_engine, chosen=options.models)
    try:
        connection.send(WorkerMessage())
        while (task := connection.recv()) is not None:
            outcome = _outcome(task, models, options, connection)
            connection.send(WorkerMessage(task.identity, outcome=outcome))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _outcome(task: Task, models: Any, options: BatchOptions, connection: Connection) -> Outcome:
    from spinealign.wording import explain

    began = time.perf_counter()
    try:
        analysis = _analysed(task, models, options, connection)
        connection.send(WorkerMessage(task.identity, "Writing the results"))
        _write(analysis, task.folder, options)
    except SpineAlignError as error:
        problem = error
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 - a defect with one image ends not the others
        problem = UnexpectedError(task.path, error)
    else:
        status = ItemStatus.REFUSED if analysis.is_refused else ItemStatus.DONE
        seconds = time.perf_counter() - began
        return Outcome(status, seconds=seconds, record=json.dumps(record_of(analysis)))
    message = explain(problem)
    return Outcome(ItemStatus.FAILED, message.sentence, message.advice, time.perf_counter() - began)


def _analysed(task: Task, models: Any, options: BatchOptions, connection: Connection) -> Analysis:
    from spinealign.analysis import analyze_file

    def tell(step: Step) -> None:
        connection.send(WorkerMessage(task.identity, step.name))

    return run_to_end(analyze_file(task.source, models, options.wanted_examination), tell)


def _write(analysis: Analysis, folder: Path, options: BatchOptions) -> None:
    from spinealign.domain.report_details import ReportDetails
    from spinealign.export.bundle import write_bundle

    if options.gallery:
        from spinealign.export.gallery_picture import gallery_jpeg

        write_export(picture_path(folder), gallery_jpeg(analysis))
    place, prefix = results_place(folder, is_flat=options.is_flat)
    write_bundle(analysis, place, ReportDetails(kinds=frozenset(options.kinds), prefix=prefix))


def record_of(analysis: Analysis) -> Mapping[str, Any]:
    """Return what tables and later runs need of a result, as a JSON object."""
    from spinealign.export.measure_tables import measurement_record
    from spinealign.export.tables import analysis_json

    whole = analysis_json(analysis, {})
    kept = (
        "input", "view", "headline", "classification", "findings", "picture_grade", "points",
        "warnings", "disc_grading",
    )  # fmt: skip
    return {
        **{name: whole[name] for name in kept},
        "examination": examination_of(analysis),
        "program_version": analysis.program_version,
        "models": [model.name for model in analysis.models],
        "model_versions": [f"{model.name} {model.version}" for model in analysis.models],
        "bodies": [body.name for body in analysis.vertebrae],
        "least_confidence": _least_confidence(analysis),
        "measures": [measurement_record(one) for one in analysis.measurements],
    }


def _least_confidence(analysis: Analysis) -> float | None:
    """Return the confidence of the landmark that is least sure; None without landmarks."""
    marks = [mark.confidence for body in analysis.vertebrae for mark in body.landmarks]
    return min(marks, default=None)
