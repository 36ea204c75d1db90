"""What the worker process does for the window; all of it runs there, and nothing knows Qt.

Each function takes the profile in place of loaded models: these stay in the worker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.domain.comparison import Course, CourseRow, PatientExamination
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.examination import Examination
from spinealign.domain.findings import Analysis, Step
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import ShadowResult
from spinealign.domain.motion import Motion
from spinealign.domain.presentation import Presentation
from spinealign.domain.report_details import PictureLayers, ReportDetails
from spinealign.domain.study import ImageSource, PatientFacts, Scan, SegmentedVolume, SeriesEntry
from spinealign.ui.work import services as local
from spinealign.ui.work.services import Companion, Models, Services, TakenOver

if TYPE_CHECKING:
    from spinealign.dicom.beside import DescribedImages
    from spinealign.export.case_table import CaseRow

_known: list[Models] = []
_making = threading.Lock()


@cache
def _services(profile: Path | None) -> Services:
    return local.program_services(profile)


def _models(profile: Path | None) -> Models:
    # Made once, also where the first image comes while the process gets ready.
    with _making:
        models = _services(profile).models()
        if models not in _known:
            _known.append(models)
    return models


def get_ready(profile: Path | None) -> None:
    """Load the networks that tell what an image shows: every first image waits for them."""
    _models(profile).prepare()  # type: ignore[attr-defined]


def cards(profile: Path | None) -> tuple[ModelCard, ...]:
    """Return the cards of all models."""
    return _models(profile).cards()


def warm_up(profile: Path | None) -> None:
    """Load every model."""
    _models(profile).warm_up()


def let_go() -> None:
    """Unload the networks, which take some 150 MB that an idle program had better not keep."""
    for models in _known:
        models.let_go()


def has_candidates(profile: Path | None) -> bool:
    """Return whether a model runs beside the one that answers."""
    models = _models(profile)
    return bool(models.settings.shadows)  # type: ignore[attr-defined]


def analyse(
    profile: Path | None,
    source: ImageSource,
    examination: Examination | None,
    companion: Companion | None,
    demonstration: bool,
    presentation_of: Callable[[SpineImage], Presentation],
) -> Generator[Step, None, Analysis]:
    """Read and analyse a file or a picture of a series."""
    wanted = (examination, companion, demonstration, presentation_of)
    return _services(profile).analyse(source, _models(profile), *wanted)


def analyse_outlined(
    profile: Path | None,
    source: ImageSource,
    examination: Examination | None,
    companion: Companion | None,
    demonstration: bool,
    path: Path,
    choices: DicomChoices,
) -> Generator[Step, None, Analysis]:
    """Analyse with the outlines of a DICOM segmentation in place of the network's."""
    wanted = (examination, companion, demonstration, path, choices)
    return _services(profile).analyse_outlined(source, _models(profile), *wanted)


def segment_volume(
    profile: Path | None, source: Path | SeriesEntry
) -> Generator[Step, None, SegmentedVolume]:
    """Segment every slice of a series."""
    return _services(profile).segment_volume(source, _models(profile))


def run_candidates(
    profile: Path | None, analysis: Analysis
) -> Generator[Step, None, tuple[ShadowResult, ...]]:
    """Run the candidates that a person chose beside the models that answered."""
    return _services(profile).run_candidates(analysis, _models(profile))


def analyse_arrived(
    profile: Path | None, folder: Path, out: Path, choices: DicomChoices
) -> Sequence[Path]:
    """Analyse a received series, and write the results of it."""
    return _services(profile).analyse_arrived(folder, out, _models(profile), choices)


def scan(paths: Sequence[Path]) -> Generator[int, None, Scan]:
    """Look at files, folders and archives: what can be opened in them."""
    return _services(None).scan(paths)


def read_slices(entry: SeriesEntry, indices: Sequence[int]) -> Generator[SpineImage, None, None]:
    """Read pictures of a series, one after the other."""
    yield from _services(None).read_slices(entry, indices)


def read_patient(part: ImagePart) -> PatientFacts:
    """Return what a file says about the patient."""
    return _services(None).read_patient(part)


def described_images(path: Path) -> DescribedImages:
    """Return which images a DICOM object is about."""
    return _services(None).described_images(path)


def restore(analysis: Analysis, path: Path, choices: DicomChoices) -> TakenOver:
    """Return what a DICOM object says about an image."""
    return _services(None).restore(analysis, path, choices)


def write_bundle(analysis: Analysis, folder: Path, details: ReportDetails) -> None:
    """Write all results of an analysis into a folder."""
    _services(None).write_bundle(analysis, folder, details)


def write_one(analysis: Analysis, kind: str, path: Path) -> None:
    """Write one result of an analysis."""
    _services(None).write_one(analysis, kind, path)


def write_picture(analysis: Analysis, kind: str, layers: PictureLayers, path: Path) -> None:
    """Write a picture with the layers that are wanted on it."""
    _services(None).write_picture(analysis, kind, layers, path)


def write_report(analysis: Analysis, kind: str, details: ReportDetails, path: Path) -> None:
    """Write a report that names the patient."""
    _services(None).write_report(analysis, kind, details, path)


def report_pdf(analysis: Analysis, details: ReportDetails) -> bytes:
    """Return the report as a PDF."""
    return _services(None).report_pdf(analysis, details)


def write_comparison(first: PatientExamination, second: PatientExamination, path: Path) -> None:
    """Write two examinations of a patient side by side."""
    _services(None).write_comparison(first, second, path)


def write_course(course: Course, row: CourseRow | None, path: Path) -> None:
    """Write the course of a patient."""
    _services(None).write_course(course, row, path)


def write_motion(motion: Motion, path: Path) -> None:
    """Write flexion and extension."""
    _services(None).write_motion(motion, path)


def write_case_table(rows: Sequence[CaseRow], path: Path) -> None:
    """Write the table of all cases."""
    _services(None).write_case_table(rows, path)
