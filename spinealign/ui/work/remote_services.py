"""The window's services with reading, networks and writing in a worker process.

What a person corrected and read is kept by the window itself: it is JSON of the program's own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.examination import Examination
from spinealign.domain.findings import Analysis, Step
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import ShadowResult
from spinealign.domain.study import ImageSource, SegmentedVolume, SeriesEntry
from spinealign.ui.work import in_worker
from spinealign.ui.work.services import (
    Companion,
    Models,
    PresentationOf,
    Services,
    program_services,
)
from spinealign.ui.work.worker_start import served_to_window, started_process
from spinealign.worker.client import Worker
from spinealign.worker.process import Process


def started_worker(profile: Path | None = None, process: Process | None = None) -> Worker:
    """Return a worker that loads what reading and analysing need while the window is built.

    Parameters
    ----------
    profile : Path, optional
        See `program_services`.
    process : Process, optional
        That `worker_start.started_process` started for this profile.
    """
    served = served_to_window(profile)
    return Worker.of_process(process or started_process(profile), served)


FOR_WINDOW = (
    "spinealign.measure.correction.corrected",
    "spinealign.imaging.patient_planes",
    "spinealign.export.dicom_objects",
    "spinealign.lumbar.pictures",
)
"""What the window's own thread needs of the lower layers as soon as a result is shown."""


class RemoteModels:
    """Models that are loaded in a worker only."""

    def __init__(self, worker: Worker, profile: Path | None) -> None:
        self._worker, self._profile = worker, profile

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models."""
        found: tuple[ModelCard, ...] = self._worker.call(in_worker.cards, self._profile)
        return found

    def warm_up(self) -> None:
        """Load every model there, and here what else the first result would wait for."""
        steps = self._worker.stream(in_worker.warm_up, self._profile)
        for name in FOR_WINDOW:
            importlib.import_module(name)
        run_to_end(steps)

    def let_go(self) -> None:
        """Do nothing: the worker unloads them itself when it rests."""


def remote_services(worker: Worker, profile: Path | None = None) -> Services:
    """Return the services of the real program, most of them done by a worker.

    Parameters
    ----------
    worker : Worker
    profile : Path, optional
        See `program_services`.
    """
    models = RemoteModels(worker, profile)

    def called(function: Callable[..., Any]) -> Callable[..., Any]:
        return partial(worker.call, function)

    return replace(
        program_services(profile),
        models=lambda: models,
        analyse=partial(_analyse, worker, profile),
        analyse_outlined=partial(_analyse_outlined, worker, profile),
        segment_volume=partial(_segment_volume, worker, profile),
        run_candidates=partial(_run_candidates, worker, profile),
        analyse_arrived=partial(_analyse_arrived, worker, profile),
        scan=partial(worker.stream, in_worker.scan),
        read_slices=partial(_read_slices, worker),
        read_patient=called(in_worker.read_patient),
        described_images=called(in_worker.described_images),
        restore=called(in_worker.restore),
        write_bundle=called(in_worker.write_bundle),
        write_one=called(in_worker.write_one),
        write_picture=called(in_worker.write_picture),
        write_report=called(in_worker.write_report),
        report_pdf=called(in_worker.report_pdf),
        write_comparison=called(in_worker.write_comparison),
        write_course=called(in_worker.write_course),
        write_motion=called(in_worker.write_motion),
        write_case_table=called(in_worker.write_case_table),
        let_go=worker.replace,
        away=worker.stream,
    )


def _analyse(
    worker: Worker,
    profile: Path | None,
    source: ImageSource,
    _models: Models,
    examination: Examination | None,
    companion: Companion | None,
    demonstration: bool,
    presentation_of: PresentationOf,
) -> Generator[Step, None, Analysis]:
    wanted = (source, examination, companion, demonstration, presentation_of)
    return worker.stream(in_worker.analyse, profile, *wanted)


def _analyse_outlined(
    worker: Worker,
    profile: Path | None,
    source: ImageSource,
    _models: Models,
    examination: Examination | None,
    companion: Companion | None,
    demonstration: bool,
    path: Path,
    choices: DicomChoices,
) -> Generator[Step, None, Analysis]:
    wanted = (source, examination, companion, demonstration, path, choices)
    return worker.stream(in_worker.analyse_outlined, profile, *wanted)


def _segment_volume(
    worker: Worker, profile: Path | None, source: Path | SeriesEntry, _models: Models
) -> Generator[Step, None, SegmentedVolume]:
    return worker.stream(in_worker.segment_volume, profile, source)


def _run_candidates(
    worker: Worker, profile: Path | None, analysis: Analysis, _models: object
) -> Generator[Step, None, tuple[ShadowResult, ...]]:
    if not worker.call(in_worker.has_candidates, profile):
        return ()  # and no picture crosses in vain
    found = yield from worker.stream(in_worker.run_candidates, profile, analysis)
    return found


def _analyse_arrived(
    worker: Worker,
    profile: Path | None,
    folder: Path,
    out: Path,
    _models: Models,
    choices: DicomChoices,
) -> Sequence[Path]:
    written: Sequence[Path] = worker.call(in_worker.analyse_arrived, profile, folder, out, choices)
    return written


def _read_slices(
    worker: Worker, entry: SeriesEntry, indices: Sequence[int]
) -> Iterator[SpineImage]:
    return worker.stream(in_worker.read_slices, entry, tuple(indices))
