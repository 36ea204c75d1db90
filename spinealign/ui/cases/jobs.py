"""Generators that the worker threads run; nothing here knows a widget."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from PyQt6.QtGui import QImage

from spinealign import wording
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import (
    CorrectionsError,
    ExportError,
    ExportProblem,
    SpineAlignError,
)
from spinealign.domain.examination import Examination
from spinealign.domain.findings import Analysis, Corrections, Step
from spinealign.domain.formats import SUFFIXES
from spinealign.domain.generators import mapped
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import ShadowResult
from spinealign.domain.protection import UnreadableResultError
from spinealign.domain.report_details import ReportDetails
from spinealign.domain.study import (
    ImageSource,
    PatientFacts,
    Scan,
    SegmentedVolume,
    SeriesEntry,
)
from spinealign.reading.session import ReadingSession
from spinealign.ui.picture.display_images import (
    DisplayImage,
    DisplayOverlay,
    prepare_image,
    prepare_overlay,
)
from spinealign.ui.work.services import Companion, Models, OtherReadings, Sample, Services
from spinealign.wording import Message
from spinealign.wording.corrections import other_view_message
from spinealign.wording.kept_result import UNREADABLE, kept_result_text

if TYPE_CHECKING:
    from spinealign.vault.kept_result import KeptResult
from spinealign.wording.model_manager import candidate_step


@dataclass(frozen=True, eq=False)
class Progress:
    """A step of an analysis, with the picture as soon as there is one."""

    name: str
    fraction: float
    display: DisplayImage | None = None


@dataclass(frozen=True, eq=False)
class Finding:
    """An analysis, ready to be shown; with what a person corrected, if anything.

    `is_as_signed` says that the picture has signed corrections that do not lie beside the image;
    `notice` says why corrections that lie beside the image were not taken; `reading` is what a
    reader made of it so far, None where nothing was analysed. `turned` is what a person wanted of
    the picture before it was analysed as it stands: that is not on the disk yet. `marks` tells the
    corrections that lay on the disk from those that another window may write. `kept_words` says
    whose result it is and of when, where the archive kept it and nothing was analysed now.
    corrections that lay on the disk from those that another window may write. `candidates` say what
    models that run in shadow find otherwise, `candidate_problem` why one of them could not answer.
    """

    analysis: Analysis
    display: DisplayImage
    overlay: DisplayOverlay
    cards: tuple[ModelCard, ...]
    notice: Message | None = None
    reading: ReadingSession | None = None
    is_as_signed: bool = False
    others: OtherReadings = ()
    turned: Turned | None = None
    marks: frozenset[str] = frozenset()
    kept_words: str = ""
    candidates: tuple[ShadowResult, ...] = ()
    candidate_problem: str = ""


@dataclass(frozen=True)
class Turned:
    """What a person wants of a picture that is analysed anew as it stands now.

    Parameters
    ----------
    state : Corrections
        With how the picture is shown and analysed.
    keeps_bodies : bool
        Whether the bodies are the person's own.
    is_of_series : bool
        Only how the picture is shown is wanted: so are the other pictures of its series. What was
        corrected on this one lies on the disk.
    """

    state: Corrections
    keeps_bodies: bool
    is_of_series: bool = False


@dataclass(frozen=True)
class Outlines:
    """A DICOM segmentation whose outlines an analysis takes in place of the network's."""

    path: Path
    choices: DicomChoices


def analyse_case(
    services: Services,
    source: ImageSource,
    examination: Examination | None,
    companion: Companion | None = None,
    demonstration: bool = False,
    turned: Turned | None = None,
    outlines: Outlines | None = None,
    takes_kept: bool = False,
) -> Generator[Progress, None, Finding]:
    """Analyse a file or series and prepare what the viewer draws.

    With `takes_kept` what the archive keeps a result of is opened with it and not analysed.

    A picture that was turned in this session takes what a person wanted of it along; otherwise
    what is on the disk counts, its turn too. With the outlines of a segmentation, what this has
    counts before bodies that are on the disk, and what was drawn stays beside it.

    Raises
    ------
    SpineAlignError
        As the analysis does.
    """
    yield Progress("Starting", 0.0)
    models = services.models()
    display = None

    def with_first_picture(step: Step) -> Progress:
        nonlocal display
        if step.image is None or display is not None:
            return Progress(step.name, step.fraction)
        display = prepare_image(step.image)
        return Progress(step.name, step.fraction, display)

    presentation_of = services.load_presentation
    if turned is not None:
        shown = turned.state.presentation
        presentation_of = lambda _image: shown  # noqa: E731
    chosen = (source, models, examination, companion, demonstration)
    kept, unreadable = _kept(services, source) if takes_kept else (None, None)
    if kept is not None:
        found = kept.analysis
    elif outlines is None:
        found = yield from mapped(services.analyse(*chosen, presentation_of), with_first_picture)
    else:
        steps = services.analyse_outlined(*chosen, outlines.path, outlines.choices)
        found = yield from mapped(steps, with_first_picture)
    automatic = found.automatic or found
    is_own = kept is None and outlines is None
    candidates, problem = yield from _candidates(services, automatic, models, is_own)
    yield Progress("Preparing the picture", 0.98)
    if display is None or display.image is not automatic.image:
        display = prepare_image(automatic.image)
    is_kept = turned is None or turned.is_of_series
    marks = services.corrections_marks(automatic)  # before they are read: none newer is known
    beside, notice = _beside(services, automatic) if is_kept else (None, None)
    if kept is not None and beside is None:
        beside = kept.corrections
    wanted = services.corrections_that_hold(automatic, beside)
    is_as_signed = wanted != beside
    if outlines is not None and not is_as_signed:
        wanted = _with_drawings_kept(found, beside)
    if turned is not None and not is_as_signed:
        wanted = carried(automatic, turned, wanted)
    analysis = automatic if wanted is None else _as_corrected(found, wanted)
    overlay = prepare_overlay(analysis)
    reading = None if analysis.examination is None else services.open_reading(analysis)
    told = (None if is_as_signed else notice) or unreadable
    others = () if reading is None else services.other_readings(source, automatic)
    cards = _cards_of(services)
    taken = None if is_as_signed else turned
    words = "" if kept is None else kept_result_text(automatic, cards)
    return Finding(
        analysis, display, overlay, cards, told, reading, is_as_signed, others, taken, marks, words,
        candidates, problem,
    )  # fmt: skip


def _candidates(
    services: Services, automatic: Analysis, models: Models, is_own: bool
) -> Generator[Progress, None, tuple[tuple[ShadowResult, ...], str]]:
    """Let candidates run beside what answered now; where one of them fails the answer stands."""
    if not is_own:
        return (), ""
    try:
        steps = services.run_candidates(automatic, models)
        found = yield from mapped(steps, lambda step: Progress(candidate_step(step.name), 0.97))
    except SpineAlignError as error:
        return (), wording.explain(error).sentence
    return found, ""


def _kept(services: Services, source: ImageSource) -> tuple[KeptResult | None, Message | None]:
    """Return the result that the archive keeps, and why one that is there is not used."""
    try:
        return services.kept_result(source), None
    except UnreadableResultError:
        return None, UNREADABLE


def _with_drawings_kept(found: Analysis, beside: Corrections | None) -> Corrections:
    """Return corrections of a segmentation with what was drawn and calibrated here before."""
    own = found.corrections or found.uncorrected
    if beside is None:
        return own
    known = {drawing.key for drawing in own.drawings}
    drawings = (*own.drawings, *(one for one in beside.drawings if one.key not in known))
    calibration = own.calibration or beside.calibration
    return replace(own, drawings=drawings, calibration=calibration)


def carried(analysis: Analysis, turned: Turned, kept: Corrections | None) -> Corrections:
    """Return what is wanted of a picture that was analysed as it stands now.

    Parameters
    ----------
    analysis : Analysis
        The new one.
    turned : Turned
        What was wanted when the analysis began.
    kept : Corrections or None
        What is wanted of this picture by now, or was in an earlier session: None where nothing is.
    """
    from spinealign.measure.correction.bare import carried_to

    if turned.is_of_series:
        own = kept or analysis.uncorrected
        return replace(own, presentation=turned.state.presentation)
    now = kept or turned.state
    has_new_bodies = now.vertebrae != turned.state.vertebrae
    return carried_to(analysis, now, turned.keeps_bodies or has_new_bodies)


def _beside(services: Services, automatic: Analysis) -> tuple[Corrections | None, Message | None]:
    """Return what a person corrected in an earlier session, and why not all of it is used."""
    try:
        found = services.load_corrections(automatic)
        other = services.view_set_aside(automatic)
        return found, other_view_message(automatic, other) if other else None
    except CorrectionsError as error:
        return None, wording.explain(error)


def _as_corrected(automatic: Analysis, wanted: Corrections) -> Analysis:
    from spinealign.measure.correction.corrected import apply_corrections

    return apply_corrections(automatic, wanted)


def open_sheet(services: Services, display: DisplayImage) -> Generator[None, None, Finding]:
    """Return what a person drew on a picture without a result, ready to be shown and gone on with.

    What cannot be used stays where it is, and is told when the picture is analysed.
    """
    from spinealign.measure.correction.bare import bare_analysis

    yield
    bare = bare_analysis(display.image)
    marks = services.corrections_marks(bare)
    wanted, notice = _beside(services, bare)
    analysis = bare if wanted is None else _as_corrected(bare, wanted)
    return Finding(analysis, display, DisplayOverlay(), (), notice, marks=marks)


def keep_corrections(
    services: Services, analysis: Analysis, known: frozenset[str], keeps_other: bool = False
) -> Generator[None, None, Path]:
    """Write a person's corrections to where they are found again; return where that is.

    Parameters
    ----------
    services : Services
    analysis : Analysis
    known : frozenset of str
        Marks of the corrections that this window knows.
    keeps_other : bool
        Whether another window's are moved aside, instead of being an error.

    Raises
    ------
    ExportError
        They could be written nowhere.
    ReadingError
        They would change what somebody signed.
    CorrectionsError
        Another window wrote corrections of the picture since.
    """
    yield
    return services.save_corrections(analysis, known, keeps_other)


def other_corrections(
    services: Services, analysis: Analysis
) -> Generator[None, None, tuple[Corrections | None, frozenset[str]]]:
    """Return the corrections that another window wrote, with their marks.

    Raises
    ------
    CorrectionsError
        They cannot be used.
    """
    yield
    marks = services.corrections_marks(analysis)
    return services.load_corrections(analysis), marks


def kept_corrections(
    services: Services, analysis: Analysis
) -> Generator[None, None, Corrections | None]:
    """Return the corrections of a picture that are on the disk, or were signed, or None.

    Raises
    ------
    CorrectionsError
        They cannot be used.
    """
    yield
    return services.corrections_that_hold(analysis, services.load_corrections(analysis))


def segment_slices(
    services: Services, source: Path | SeriesEntry
) -> Generator[Progress, None, SegmentedVolume]:
    """Segment every slice of a series, showing its mid-sagittal slice as soon as it is known.

    Raises
    ------
    SpineAlignError
        The series cannot be read, or there is no network for it.
    """

    def with_picture(step: Step) -> Progress:
        shown = None if step.image is None else prepare_image(step.image)
        return Progress(step.name, step.fraction, shown)

    return (yield from mapped(services.segment_volume(source, services.models()), with_picture))


def _cards_of(services: Services) -> tuple[ModelCard, ...]:
    # The result stands without the long form of the cards of other models.
    with contextlib.suppress(SpineAlignError):
        return services.models().cards()
    return ()


def warm_up(services: Services) -> Generator[Progress, None, None]:
    """Load the models, so that the first image does not wait for them.

    Raises
    ------
    ModelError
        A model cannot be trusted or loaded.
    """
    yield Progress("Loading the models", 0.2)
    services.models().warm_up()


def read_samples(services: Services) -> Generator[None, None, Sequence[Sample]]:
    """Return the sample cases."""
    yield
    return services.list_samples()


def scan_each(
    services: Services, paths: Sequence[Path]
) -> Generator[int, None, tuple[tuple[Path, Scan], ...]]:
    """Look at paths one after the other, each by itself; progress is how many were looked at."""
    found: list[tuple[Path, Scan]] = []
    for path in paths:
        scan = yield from mapped(services.scan([path]), partial(operator.add, len(found)))
        found.append((path, scan))
    return tuple(found)


def read_patient(services: Services, part: ImagePart) -> Generator[None, None, PatientFacts]:
    """Return what a file says about the patient; empty where it says nothing."""
    yield
    return services.read_patient(part)


def save_picture(image: QImage, path: Path) -> Generator[None, None, Path]:
    """Write a pasted picture as PNG without transparency.

    Raises
    ------
    ExportError
        It could not be written.
    """
    yield
    grey = image.isGrayscale()
    plain = image.convertToFormat(
        QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
    )
    if not plain.save(str(path), "PNG"):
        raise ExportError(path, ExportProblem.FAILED)
    return path


def write_results(
    services: Services,
    analyses: Sequence[Analysis],
    details: Sequence[ReportDetails],
    folder: Path,
) -> Generator[Progress, None, tuple[Path, ...]]:
    """Write all results of analyses, each into a folder of its own below `folder`.

    Nothing that is already there is written over. The reports get `details`, which hold no
    patient data.

    Raises
    ------
    ExportError
        A file could not be written.
    """
    written: list[Path] = []
    for done, (analysis, told) in enumerate(zip(analyses, details, strict=True)):
        target = _free_name(folder, result_stem(analysis.image))
        yield Progress(f"Saving {target.name}", done / len(analyses))
        services.write_bundle(analysis, target, told)
        written.append(target)
    return tuple(written)


def write_file(
    path: Path, write: Callable[[Path], object]
) -> Generator[Progress, None, tuple[Path, ...]]:
    """Write one thing to the file that the user named.

    Raises
    ------
    ExportError
        It could not be written.
    """
    yield Progress(f"Saving {path.name}", 0.2)
    write(path)
    return (path,)


def make_report(
    services: Services, analysis: Analysis, details: ReportDetails
) -> Generator[Progress, None, bytes]:
    """Make the report's PDF, to be looked at or printed."""
    yield Progress("Making the report", 0.2)
    return services.report_pdf(analysis, details)


def result_stem(image: SpineImage) -> str:
    """Return what results of a picture are called: its file's stem, and which picture it is."""
    part = image.place
    stem = file_stem(Path(PurePosixPath(part.member).name) if part.member else part.path)
    volume = f"_volume-{part.volume + 1}" if part.volume else ""
    index = "" if part.index is None else f"_picture-{part.index + 1}"
    return f"{stem}{volume}{index}"


def file_stem(path: Path) -> str:
    """Return a file's name without its image suffixes."""
    name = path.name
    for suffix in (*sorted(SUFFIXES, key=len, reverse=True), path.suffix.lower()):
        if suffix and name.lower().endswith(suffix):
            return name[: -len(suffix)] or name
    return name or "image"


def _free_name(folder: Path, stem: str) -> Path:
    target, number = folder / stem, 2
    while target.exists():
        target, number = folder / f"{stem} ({number})", number + 1
    return target
