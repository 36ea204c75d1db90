"""What the window needs from the layers below, imported only when it is first used.

Reading and inference libraries take a second to import; the window shows before them.
Tests hand the window other services.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from spinealign.domain.comparison import Course, CourseRow, PatientExamination
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import CorrectionsError, CorrectionsProblem, ImageReadError
from spinealign.domain.examination import Examination
from spinealign.domain.findings import Analysis, Corrections, Step
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.domain.motion import Motion
from spinealign.domain.paths import profile_dir as usual_profile_dir
from spinealign.domain.paths import resources_dir
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.domain.report_details import PictureLayers, ReportDetails
from spinealign.domain.study import (
    ImageSource,
    PatientFacts,
    Scan,
    SegmentedVolume,
    SeriesEntry,
    SeriesPicture,
    likeliest,
    stacked,
)
from spinealign.ui.work.model_services import (
    OpenModels,
    RunCandidates,
    installed_models,
    no_candidates,
    no_models,
    run_candidates,
)
from spinealign.ui.work.profile import Profile, SaveCorrections

if TYPE_CHECKING:
    from spinealign.dicom.beside import DescribedImages
    from spinealign.dicom.restoring import Restored
    from spinealign.dicom.restoring_report import RestoredReport
    from spinealign.domain.reading import Reading
    from spinealign.export.case_table import CaseRow
    from spinealign.network.node import Network
    from spinealign.network.peers import Peer
    from spinealign.reading.session import ReadingSession
    from spinealign.vault.kept_result import KeptResult


class Models(Protocol):
    """The part of `spinealign.inference.catalog.ModelStore` that the window uses."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models."""

    def warm_up(self) -> None:
        """Load every model."""

    def let_go(self) -> None:
        """Unload what is not needed before the next image."""


class Sample(Protocol):
    """The part of `spinealign.imaging.samples.SampleCase` that the window uses."""

    @property
    def name(self) -> str:
        """Identifier."""

    @property
    def title(self) -> str:
        """What to call it."""

    @property
    def path(self) -> Path:
        """The image file."""

    @property
    def examination(self) -> Examination:
        """What it shows."""

    @property
    def source(self) -> str:
        """Where it comes from."""

    @property
    def licence(self) -> str:
        """Under which terms."""

    @property
    def note(self) -> str:
        """What to know about it."""


NETWORK_FOLDER = "network"
"""In the profile: what was retrieved and received, as `spinealign.network.node` has it."""

PASTED_PREFIX = "spinealign-pasted-"
"""Of the folder for pasted pictures, which is gone when the window closes."""

Companion = Path | SeriesEntry
"""The other contrast of the same patient: a file, or a series next to the one analysed."""

OtherReadings = Sequence[tuple[int, "Reading"]]
"""Readings of other pictures of a series, each with its number in it, from 1."""

PresentationOf = Callable[[SpineImage], Presentation]
"""How a person has a picture shown, and turned for the networks."""

Analyse = Callable[
    [ImageSource, Models, Examination | None, Companion | None, bool, PresentationOf],
    Generator[Step, None, Analysis],
]
"""Of a file or series, with models, as an examination, beside the other contrast; whether
classifiers that are only a demonstration answer too; turned as a person wants it."""

AnalyseOutlined = Callable[
    [ImageSource, Models, Examination | None, Companion | None, bool, Path, DicomChoices],
    Generator[Step, None, Analysis],
]
"""As `Analyse`, with the outlines of a DICOM segmentation in place of the network's, and with what
else the segmentation has."""

FindResult = Callable[[ImageSource], "KeptResult | None"]
"""Of what is opened from the archive the result that was kept with it."""

AskSecret = Callable[["Peer"], str | None]
"""Gives the password or token of a peer where no key store keeps it."""

Away = Callable[..., Generator[Any, None, Any]]
"""Runs a generator function of a module, with its arguments, where files from outside are read; it
may be begun anew there, so that it must bear that."""

AnalyseArrived = Callable[[Path, Path, Models, DicomChoices], Sequence[Path]]
"""Of a folder with a received series, into another one; returns the DICOM objects among the
results."""


@dataclass(frozen=True, eq=False)
class TakenOver:
    """What a DICOM object says about an image: a segmentation or a structured report.

    Parameters
    ----------
    outlines : Restored or None
    report : RestoredReport or None
    needs_analysis : bool
        Whether the image has to be analysed anew for all of the segmentation to be taken over.
    """

    outlines: Restored | None = None
    report: RestoredReport | None = None
    needs_analysis: bool = False


@dataclass(frozen=True)
class Services:
    """Functions of the lower layers; all of them are called in worker threads only."""

    models: Callable[[], Models]
    analyse: Analyse
    segment_volume: Callable[[Path | SeriesEntry, Models], Generator[Step, None, SegmentedVolume]]
    list_samples: Callable[[], Sequence[Sample]]
    scan: Callable[[Sequence[Path]], Generator[int, None, Scan]]
    read_slices: Callable[[SeriesEntry, Sequence[int]], Iterator[SpineImage]]
    read_patient: Callable[[ImagePart], PatientFacts]
    write_bundle: Callable[[Analysis, Path, ReportDetails], object]
    write_one: Callable[[Analysis, str, Path], object]
    write_picture: Callable[[Analysis, str, PictureLayers, Path], object]
    write_report: Callable[[Analysis, str, ReportDetails, Path], object]
    report_pdf: Callable[[Analysis, ReportDetails], bytes]
    write_comparison: Callable[[PatientExamination, PatientExamination, Path], object]
    write_course: Callable[[Course, CourseRow | None, Path], object]
    write_motion: Callable[[Motion, Path], object]
    write_case_table: Callable[[Sequence[CaseRow], Path], object]
    load_corrections: Callable[[Analysis], Corrections | None]
    save_corrections: SaveCorrections
    corrections_that_hold: Callable[[Analysis, Corrections | None], Corrections | None]
    open_reading: Callable[[Analysis], ReadingSession]
    load_presentation: PresentationOf = lambda _image: AS_IN_FILE
    view_set_aside: Callable[[Analysis], str] = lambda _analysis: ""
    corrections_marks: Callable[[Analysis], frozenset[str]] = lambda _analysis: frozenset()
    other_readings: Callable[[ImageSource, Analysis], OtherReadings] = lambda _source, _analysis: ()
    restore: Callable[[Analysis, Path, DicomChoices], TakenOver] = lambda *_: _no_restoring()
    analyse_outlined: AnalyseOutlined = lambda *_: _no_restoring()
    described_images: Callable[[Path], DescribedImages] = lambda _: _no_images()
    open_network: Callable[[AskSecret], Network] = lambda _: _no_network()
    analyse_arrived: AnalyseArrived = lambda *_: ()
    keep_in: Callable[[Path | None], None] = lambda _: None
    kept_result: FindResult = lambda _: None
    take_results_from: Callable[[FindResult | None], None] = lambda _: None
    open_models: OpenModels = no_models
    run_candidates: RunCandidates = no_candidates
    let_go: Callable[[], None] = lambda: None
    away: Away = lambda function, *arguments: function(*arguments)


def _no_network() -> Network:
    raise NotImplementedError


def _no_images() -> DescribedImages:
    raise NotImplementedError


def _no_restoring() -> Any:
    raise NotImplementedError


def program_services(profile_dir: Path | None = None) -> Services:
    """Return the services of the real program.

    Parameters
    ----------
    profile_dir : Path, optional
        Where corrections go that cannot lie beside their image; None is the user's own.
    """
    profile = Profile(profile_dir)
    return Services(
        models=partial(_models, profile_dir),
        analyse=_analyse,
        segment_volume=_segment_volume,
        list_samples=_list_samples,
        scan=_scan,
        read_slices=_read_slices,
        read_patient=_read_patient,
        write_bundle=_write_bundle,
        write_one=_write_one,
        write_picture=_write_picture,
        write_report=_write_report,
        report_pdf=_report_pdf,
        write_comparison=_write_comparison,
        write_course=_write_course,
        write_motion=_write_motion,
        write_case_table=_write_case_table,
        load_corrections=partial(_load_corrections, profile),
        save_corrections=partial(_save_corrections, profile),
        corrections_that_hold=partial(_corrections_that_hold, profile),
        open_reading=partial(_open_reading, profile),
        corrections_marks=partial(_corrections_marks, profile),
        load_presentation=partial(_load_presentation, profile),
        view_set_aside=partial(_view_set_aside, profile),
        other_readings=partial(_other_readings, profile),
        restore=_restore,
        analyse_outlined=_analyse_outlined,
        described_images=_described_images,
        open_network=partial(_open_network, profile_dir),
        analyse_arrived=_analyse_arrived,
        keep_in=profile.keep_in,
        kept_result=profile.kept_result,
        take_results_from=profile.take_results_from,
        open_models=partial(installed_models, profile_dir),
        run_candidates=run_candidates,
    )


@cache
def _models(profile: Path | None) -> Models:
    # The readers come along, so that after warming up the first image waits for no import.
    import spinealign.analysis
    import spinealign.measure.correction.corrected  # noqa: F401 - the window begins corrections with it
    from spinealign.inference.catalog import ModelStore

    return ModelStore(profile=profile)


def _analyse(
    source: ImageSource,
    models: Models,
    examination: Examination | None,
    companion: Companion | None,
    demonstration: bool,
    presentation_of: PresentationOf,
) -> Generator[Step, None, Analysis]:
    from spinealign.analysis import analyze_file

    wanted = (examination, companion, demonstration, presentation_of)
    return analyze_file(source, models, *wanted)  # type: ignore[arg-type]


def _segment_volume(
    source: Path | SeriesEntry, models: Models
) -> Generator[Step, None, SegmentedVolume]:
    from spinealign.volumes import segment_volume

    return segment_volume(source, models)  # type: ignore[arg-type]


def _list_samples() -> Sequence[Sample]:
    from spinealign.imaging.samples import list_samples

    return list_samples()


def _scan(paths: Sequence[Path]) -> Generator[int, None, Scan]:
    from spinealign.imaging.study import scan_paths

    return scan_paths(paths)


def _read_slices(entry: SeriesEntry, indices: Sequence[int]) -> Iterator[SpineImage]:
    from spinealign.imaging.volume import read_slices

    return read_slices(entry, indices)


def _read_patient(part: ImagePart) -> PatientFacts:
    from spinealign.imaging.study import read_patient

    return read_patient(part)


def _write_bundle(analysis: Analysis, folder: Path, details: ReportDetails) -> object:
    from spinealign.export.bundle import write_bundle

    if details.reading is not None and not details.patient:
        from spinealign.export.report_content import deidentified_reading

        patient = _with_patient(analysis, details).patient
        silent = deidentified_reading(analysis, details.reading, patient)
        details = replace(details, reading=silent)
    return write_bundle(analysis, folder, details)


def _write_one(analysis: Analysis, kind: str, path: Path) -> None:
    from spinealign.export.bundle import write_one

    write_one(analysis, kind, path)


def _write_picture(analysis: Analysis, kind: str, layers: PictureLayers, path: Path) -> None:
    from spinealign.export.bundle import write_one

    write_one(analysis, kind, path, ReportDetails(layers=layers))


def _write_report(analysis: Analysis, kind: str, details: ReportDetails, path: Path) -> None:
    from spinealign.export.bundle import write_one

    write_one(analysis, kind, path, _with_patient(analysis, details))


def _report_pdf(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.report import report_pdf

    return report_pdf(analysis, _with_patient(analysis, details))


def _with_patient(analysis: Analysis, details: ReportDetails) -> ReportDetails:
    """Return details with what the image's own file says about the patient."""
    image = analysis.image
    patient = details.patient or _read_patient(image.part or ImagePart(image.source_path))
    return replace(details, patient=patient)


def _described_images(path: Path) -> DescribedImages:
    from spinealign.dicom.beside import described_images

    return described_images(path)


def _open_network(profile_dir: Path | None, ask_secret: AskSecret) -> Network:
    from spinealign.network.node import Network

    return Network(profile_dir, ask_secret=ask_secret)


def _analyse_arrived(
    folder: Path, out: Path, models: Models, choices: DicomChoices
) -> Sequence[Path]:
    """Analyse the likeliest picture of a received series, as it stands in its file."""
    from spinealign.analysis import analyze_file
    from spinealign.domain.generators import run_to_end
    from spinealign.export.bundle import with_objects, write_bundle
    from spinealign.imaging.study import list_series

    stacks = stacked(list_series(folder))
    source = (likeliest(stacks) or stacks)[0].first
    analysis = run_to_end(analyze_file(source, models, None, None, False, lambda _: AS_IN_FILE))  # type: ignore[arg-type]
    details = ReportDetails(dicom=replace(choices, is_in_folder=True))
    told, missing = with_objects(analysis, out, _with_patient(analysis, details))
    write_bundle(analysis, out, told)
    if missing:
        raise missing[0].error
    return sorted(out.glob("*.dcm"))


def _restore(analysis: Analysis, path: Path, choices: DicomChoices) -> TakenOver:
    from spinealign.dicom.beside import read_object
    from spinealign.dicom.report_file import ReportFile
    from spinealign.dicom.restoring import needs_analysis, restored
    from spinealign.dicom.restoring_report import restored_report
    from spinealign.dicom.source import source_of

    file = read_object(path)
    source = source_of(analysis.image, choices)
    if isinstance(file, ReportFile):
        return TakenOver(report=restored_report(analysis, file, source, datetime.now(UTC)))
    found = restored(analysis, file, source)
    return TakenOver(found, needs_analysis=needs_analysis(analysis, found))


def _analyse_outlined(
    source: ImageSource,
    models: Models,
    examination: Examination | None,
    companion: Companion | None,
    demonstration: bool,
    path: Path,
    choices: DicomChoices,
) -> Generator[Step, None, Analysis]:
    from spinealign.analysis import analyze_file
    from spinealign.dicom.restoring import outlined_by, restored, with_restored
    from spinealign.dicom.segmentation_file import read_segmentation
    from spinealign.dicom.source import source_of

    file = read_segmentation(path)
    wanted = (examination, companion, demonstration, None, outlined_by(file, choices))
    analysis = yield from analyze_file(source, models, *wanted)  # type: ignore[arg-type]
    return with_restored(analysis, restored(analysis, file, source_of(analysis.image, choices)))


def _write_comparison(first: PatientExamination, second: PatientExamination, path: Path) -> None:
    from spinealign.export.comparison import write_comparison
    from spinealign.export.comparison_pages import comparison_pdf, write_pages

    if _is_pdf(path):
        write_pages(path, lambda: comparison_pdf(first, second))
    else:
        write_comparison(first, second, path)


def _write_course(course: Course, row: CourseRow | None, path: Path) -> None:
    from spinealign.export.comparison import write_course
    from spinealign.export.comparison_pages import course_pdf, write_pages
    from spinealign.export.course_picture import write_course_picture

    if _is_pdf(path):
        write_pages(path, lambda: course_pdf(course))
    elif path.suffix.lower() == ".png" and row is not None:
        write_course_picture(course, row, path)
    else:
        write_course(course, path)


def _write_motion(motion: Motion, path: Path) -> None:
    from spinealign.export.comparison_pages import motion_pdf, write_pages
    from spinealign.export.motion import write_motion

    if _is_pdf(path):
        write_pages(path, lambda: motion_pdf(motion))
    else:
        write_motion(motion, path)


def _write_case_table(rows: Sequence[CaseRow], path: Path) -> None:
    from spinealign.export.case_table import write_case_table

    write_case_table(rows, path)


def _is_pdf(path: Path) -> bool:
    return path.suffix.lower() == ".pdf"


def _load_corrections(profile: Profile, analysis: Analysis) -> Corrections | None:
    from spinealign.export.corrections import load_corrections

    return load_corrections(analysis, profile_dir=profile.readings)


def _view_set_aside(profile: Profile, analysis: Analysis) -> str:
    from spinealign.export.corrections import view_set_aside

    return view_set_aside(analysis, profile_dir=profile.readings)


def _load_presentation(profile: Profile, image: SpineImage) -> Presentation:
    from spinealign.export.corrections import load_presentation

    return load_presentation(image, profile.readings)


def _corrections_marks(profile: Profile, analysis: Analysis) -> frozenset[str]:
    from spinealign.export.corrections import corrections_marks

    return corrections_marks(analysis.image, profile_dir=profile.readings)


def _save_corrections(
    profile: Profile,
    analysis: Analysis,
    known: frozenset[str] | None = None,
    keeps_other: bool = False,
) -> Path:
    from spinealign.export.corrections import corrections_path, part_label
    from spinealign.reading.store import ReadingStore

    on_disk = partial(_load_corrections, profile, analysis)
    with ReadingStore(profile.readings).corrections_held(analysis, on_disk) as is_signed:
        strange = frozenset[str]()
        if known is not None:
            strange = _corrections_marks(profile, analysis) - known - profile.own_marks
        if strange and not keeps_other:
            path = corrections_path(analysis.image.source_path, part_label(analysis.image))
            raise CorrectionsError(path, CorrectionsProblem.CHANGED_ELSEWHERE)
        path = _written_corrections(profile, analysis, is_signed, keeps_earlier=bool(strange))
        profile.own_marks |= _corrections_marks(profile, analysis)
        return path


def _corrections_that_hold(
    profile: Profile, analysis: Analysis, beside: Corrections | None
) -> Corrections | None:
    from spinealign.reading.store import ReadingStore

    return ReadingStore(profile.readings).corrections_that_hold(analysis, beside)


def _written_corrections(
    profile: Profile, analysis: Analysis, is_signed: bool, keeps_earlier: bool
) -> Path:
    from spinealign.export.corrections import part_label, profile_path, save_corrections

    if not _is_own(analysis.image.source_path, profile.folder):
        return save_corrections(
            analysis,
            profile_dir=profile.readings,
            is_signed=is_signed,
            keeps_earlier=keeps_earlier,
        )
    path = profile_path(analysis.image.sha256, profile.readings, part_label(analysis.image))
    path.parent.mkdir(parents=True, exist_ok=True)
    return save_corrections(analysis, path, is_signed=is_signed, keeps_earlier=keeps_earlier)


def _other_readings(profile: Profile, source: ImageSource, analysis: Analysis) -> OtherReadings:
    """Return the readings of other pictures of a series; none where nothing of it is read."""
    from spinealign.domain.reading import ReadImage
    from spinealign.imaging.decoding import checksum
    from spinealign.imaging.source import opened
    from spinealign.reading.store import ReadingStore

    store = ReadingStore(profile.readings)
    series = source.series if isinstance(source, SeriesPicture) else source
    if isinstance(series, Path) or not store.has_any():
        return ()
    here, found = analysis.image.place, []
    known = {(here.path, here.member): analysis.image.sha256}
    for number, part in enumerate(series.parts, start=1):
        if part == here:
            continue
        file = (part.path, part.member)
        with suppress(ImageReadError):
            if file not in known:
                with opened(ImagePart(*file)) as content:
                    known[file] = checksum(content)
            reading = store.load(ReadImage(known[file], 1, 1, part.index, part.volume)).reading
            found += [] if reading is None else [(number, reading)]
    return tuple(found)


def _open_reading(profile: Profile, analysis: Analysis) -> ReadingSession:
    from spinealign.reading.session import ReadingSession
    from spinealign.reading.store import ReadingStore

    return ReadingSession(analysis, ReadingStore(profile.readings))


def _is_own(image: Path, profile_dir: Path | None) -> bool:
    """Whether an image is a sample, pasted, from a node, or in the archive.

    Beside it nothing is written, or nothing lasts.
    """
    from spinealign.imaging.find import real_path
    from spinealign.protected_folders import is_protected

    if is_protected(image):
        return True
    places = (resources_dir(), (profile_dir or usual_profile_dir()) / NETWORK_FOLDER)
    is_inside = any(real_path(image).is_relative_to(real_path(each)) for each in places)
    return is_inside or image.parent.name.startswith(PASTED_PREFIX)
