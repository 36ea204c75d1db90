"""Services that answer at once, on command, or wrongly: what the window is tested with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np

from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import ImageReadError, PatientsDifferError, ReadProblem
from spinealign.domain.examination import Examination, ExaminationKind, ImageKind, Plane, Task
from spinealign.domain.findings import (
    Analysis,
    Caution,
    Corrections,
    ModelStatus,
    Step,
    WarningCode,
)
from spinealign.domain.image import DecisionSource, ImagePart, NoteKind, ReaderNote, SpineImage
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.domain.model_store import (
    ListedModel,
    ModelPlace,
    ModelStoreError,
    ShadowResult,
    Signature,
    SignatureState,
    StoreProblem,
    Verified,
)
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.domain.report_details import PictureLayers, ReportDetails
from spinealign.domain.study import (
    ImageSource,
    PatientFacts,
    Scan,
    SegmentedVolume,
    SeriesEntry,
    SeriesPicture,
    SpineVolume,
)
from spinealign.export.case_table import CaseRow
from spinealign.imaging.readers import read_part
from spinealign.measure.outlines.volumes import structure_volumes
from spinealign.network.connecting import Timeouts
from spinealign.network.node import Network
from spinealign.reading.session import ReadingSession
from spinealign.reading.store import ReadingStore
from spinealign.ui.work.profile import Profile
from spinealign.ui.work.services import AskSecret, Models, Services
from tests import phantoms
from tests.examinations import NECK_CT, SPINE_MR
from tests.located import with_points
from tests.phantoms_spine import spine_analysis

WAIT_S = 20
"""A gate that nobody opens ends a test, instead of hanging it."""


def model_cards() -> tuple[ModelCard, ...]:
    """Return the long form of the two models that the phantom analyses name."""
    return (_card(phantoms.ct_model(), NECK_CT), _card(phantoms.mr_model(), SPINE_MR))


def _card(identity, examination: Examination) -> ModelCard:
    is_classifier = examination is NECK_CT
    return ModelCard(
        name=identity.name,
        title=identity.title,
        version=identity.version,
        status=identity.status,
        task="classification" if is_classifier else "segmentation",
        examinations=(examination.kind,),
        weights="model.tflite",
        sha256=identity.sha256,
        architecture={"name": "drawn", "arguments": {}},
        input_shape=(224, 224),
        intensity=IntensityRule(),
        classes=("fracture", "normal") if is_classifier else ("background", "vertebra"),
        training_data="Drawings; no patient, no network.",
        licence="GPL-3.0-or-later",
        metrics={"dice": {"disc": {"value": 0.9, "low": 0.88, "high": 0.92, "units": 12}}},
        intended_use="Tests of the window.",
        known_failures=("Everything that is not drawn by the tests.",),
        limits=identity.limits,
        positive_class="fracture" if is_classifier else None,
        positive_output="fracture" if is_classifier else None,
        threshold=0.5 if is_classifier else None,
    )


class FakeModels:
    """Models that exist on paper only."""

    def __init__(self) -> None:
        self.warmed = threading.Event()

    def cards(self) -> tuple[ModelCard, ...]:
        return model_cards()

    def warm_up(self) -> None:
        self.warmed.set()


@dataclass
class FakeInstalled:
    """Installed models on paper: two that are shipped, and what a test puts beside them."""

    models: list[ListedModel] = field(default_factory=lambda: [*map(shipped, model_cards())])
    calls: list[tuple[str, object]] = field(default_factory=list)
    failure: Exception | None = None
    hold: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    verified: Verified | None = None

    def listed(self) -> Sequence[ListedModel]:
        return tuple(self.models)

    def _note(self, call: str, what: object) -> None:
        self.calls.append((call, what))
        if self.failure is not None:
            raise self.failure

    def install(self, source, *, is_replacing=False, tell=lambda _: None) -> ListedModel:
        """Copy two pieces; an own model of the same name goes only if it may."""
        self._note("install", source)
        names = [one.name for one in self.models]
        if source.stem in names and not is_replacing:
            raise ModelStoreError(StoreProblem.OTHER_INSTALLED, source.stem, "2.1")
        tell(0.3)
        self.reached.set()
        if self.hold:
            self.gate.wait(WAIT_S)
        tell(0.6)
        self.models = [one for one in self.models if one.name != source.stem]
        self.models.append(own_model(source.stem))
        return self.models[-1]

    def remove(self, name: str) -> None:
        self._note("remove", name)
        self.models = [one for one in self.models if one.name != name]

    def verify(self, name: str) -> Sequence[Verified]:
        self._note("verify", name)
        one = next(one for one in self.models if one.name == name)
        return (self.verified or Verified(name, (), one.signature),)

    def choose(self, name: str) -> None:
        """Let one answer for its task, and the others of the task for nothing."""
        self._note("choose", name)
        [new] = [one for one in self.models if one.name == name]
        self.models = [
            one
            if one.card.task != new.card.task
            else replace(
                one,
                is_chosen=one is new,
                is_shadow=False,
                answers_for=one.card.examinations if one is new else (),
            )
            for one in self.models
        ]

    def choose_shipped(self, task: Task, kind: ExaminationKind | None = None) -> None:
        self._note("choose_shipped", (task, kind))
        self.models = [
            one
            if one.card is None or one.card.task != task
            else replace(
                one,
                is_chosen=False,
                answers_for=one.card.examinations if one.place is ModelPlace.SHIPPED else (),
            )
            for one in self.models
        ]

    def end_use(self, name: str) -> ListedModel:
        """Let one answer for nothing, and the shipped ones of its task again."""
        self._note("end_use", name)
        [gone] = [one for one in self.models if one.name == name]
        self.choose_shipped(gone.card.task)
        self.calls.pop()
        self.models = [
            replace(one, is_chosen=False, answers_alone=()) if one.name == name else one
            for one in self.models
        ]
        return next(one for one in self.models if one.name == name)

    def shadow(self, name: str) -> None:
        self._set_shadow("shadow", name, True)

    def end_shadow(self, name: str) -> None:
        self._set_shadow("end_shadow", name, False)

    def _set_shadow(self, call: str, name: str, is_wanted: bool) -> None:
        self._note(call, name)
        self.models = [
            replace(one, is_shadow=is_wanted) if one.name == name else one for one in self.models
        ]


def shipped(card: ModelCard) -> ListedModel:
    """Return a model that came with the program and answers."""
    signature = Signature(SignatureState.SHIPPED)
    return ListedModel(
        card.name, ModelPlace.SHIPPED, Path("shipped") / card.name, card, "", signature,
        answers_for=card.examinations,
    )  # fmt: skip


def own_model(name: str, state: SignatureState = SignatureState.UNSIGNED) -> ListedModel:
    """Return an installed model that outlines MR, and is not asked."""
    [_, mr] = model_cards()
    card = replace(
        mr, name=name, title=f"Own {name}", version="2.1", sha256=sha256(name.encode()).hexdigest()
    )
    place, where = ModelPlace.INSTALLED, Path("profile/models") / name
    return ListedModel(name, place, where, card, "", Signature(state, "Our ward", "ab" * 16))


class FakeSecrets:
    """A key store in memory, or a system without one."""

    def __init__(self) -> None:
        self.is_there = True
        self.kept: dict[str, str] = {}

    def get(self, peer: str) -> str | None:
        return self.kept.get(peer)

    def set(self, peer: str, secret: str) -> bool:
        if self.is_there:
            self.kept[peer] = secret
        return self.is_there

    def forget(self, peer: str) -> None:
        self.kept.pop(peer, None)


@dataclass(frozen=True)
class FakeSample:
    name: str
    title: str
    path: Path
    examination: Examination
    note: str = "Drawn by the program; no patient."
    source: str = "drawn"
    licence: str = "GPL-3.0-or-later"


@dataclass
class FakeAnalyser:
    """Plays the analysis: reads, then works in steps, each of which can be held up.

    Names that contain "bad" or one of `KINDS` decide what a file is; all others are CT. A companion
    with "bad" in its name cannot be read, one with "stranger" is another patient's.
    With `reads`, pictures are read as the program does, and all of them are sagittal MR.
    `hold` names a step to stop before; the worker then waits until `gate` is set.
    """

    steps: tuple[str, ...] = ("Segmenting structures", "Classifying", "Measuring")
    hold: str = ""
    gate: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    calls: list[tuple[str, Examination | None]] = field(default_factory=list)
    companions: list[Path | SeriesEntry | None] = field(default_factory=list)
    parts: list[ImagePart] = field(default_factory=list)
    closed: int = 0
    failure: Exception | None = None
    side: int = 256
    reads: bool = False
    presentation_of: Callable[[SpineImage], Presentation] = lambda _image: AS_IN_FILE

    def __call__(
        self,
        source: ImageSource,
        models: Models,
        examination: Examination | None,
        companion: Path | SeriesEntry | None = None,
        demonstration: bool = False,
        presentation_of: Callable[[SpineImage], Presentation] = lambda _image: AS_IN_FILE,
    ) -> Generator[Step, None, Analysis]:
        part = part_of(source)
        self.calls.append((part.path.name, examination))
        self.presentation_of = presentation_of
        self.parts.append(part)
        self.companions.append(companion)
        try:
            analysis = yield from self._play(part, examination)
            if not demonstration:
                analysis = analysis.without_demonstration
            return analysis if companion is None else with_companion(analysis, companion)
        except GeneratorExit:
            self.closed += 1
            raise

    def _play(
        self, part: ImagePart, examination: Examination | None
    ) -> Generator[Step, None, Analysis]:
        path = part.path
        yield Step("Reading the image", 0.05)
        if "bad" in path.name:
            raise ImageReadError(path, ReadProblem.NOT_AN_IMAGE)
        if self.failure is not None:
            raise self.failure
        analysis = as_read(part) if self.reads else answer_for(path, examination, self.side)
        turn_deg = self.presentation_of(analysis.image).analysed_deg
        stands = Presentation(upright_deg=turn_deg, analysed_deg=turn_deg)
        image = replace(analysis.image, part=part, presentation=stands)
        analysis = replace(analysis, image=image)
        yield Step("Checking the image", 0.15, analysis.image)
        for number, name in enumerate(self.steps):
            if name == self.hold:
                self.reached.set()
                self.gate.wait(WAIT_S)
            yield Step(name, 0.2 + 0.7 * number / len(self.steps))
        return analysis


def part_of(source: ImageSource) -> ImagePart:
    """Return which picture the program would choose: of a series the middle one."""
    if isinstance(source, SeriesPicture):
        return source.series.parts[source.index]
    return ImagePart(source) if isinstance(source, Path) else source.parts[source.middle]


def as_read(part: ImagePart) -> Analysis:
    """Return the phantom analysis of a sagittal MR, laid over a picture that is read."""
    image = read_part(part)
    return replace(phantoms.mr_analysis(image.shape), image=image)


KINDS = ("points", "disc", "film", "mr", "offer", "photo", "xray", "spine")


def answer_for(path: Path, examination: Examination | None, side: int = 256) -> Analysis:
    """Return the phantom analysis that a file name asks for, as the chosen examination."""
    if "series" in path.name:
        analysis = _phantom("mr", side)
        note = ReaderNote(NoteKind.CANAL_WIDEST, (4, 5))
        return replace(analysis, image=replace(analysis.image, source_path=path, notes=(note,)))
    kind = next(
        (k for k in KINDS if k in path.name),
        "ct",
    )
    analysis = _phantom(kind if examination is None else examination.view_name, side)
    image = replace(analysis.image, source_path=path)
    if examination is None:
        return replace(analysis, image=image)
    cautions = (*analysis.cautions, Caution(WarningCode.VIEW_OVERRULED, kind=ImageKind.NECK_CT))
    return replace(
        analysis,
        image=image,
        examination=examination,
        decided_by=DecisionSource.USER,
        cautions=cautions,
    )


def with_companion(analysis: Analysis, companion: Path | SeriesEntry) -> Analysis:
    """Return an analysis that was made beside the other contrast."""
    path = part_of(companion).path
    if "bad" in path.name:
        raise ImageReadError(path, ReadProblem.NOT_AN_IMAGE)
    if "stranger" in path.name:
        raise PatientsDifferError(analysis.image.source_path, path, is_companion=True)
    return replace(analysis, companion=replace(analysis.image, source_path=path))


def _phantom(kind: str, side: int) -> Analysis:
    if kind == "points":
        return with_points(_phantom("mr", side))
    if kind == "disc":
        return _discs()
    if kind == "mr":
        return phantoms.mr_analysis((side * 5 // 4, side * 25 // 32))
    if kind == "film":
        return _film()
    if kind == "offer":
        return _offer()
    if kind == "spine":
        return spine_analysis()
    if kind == "photo":
        return phantoms.failed_view_analysis()
    if kind == "xray":
        return phantoms.xray_analysis()
    return phantoms.ct_analysis(side=side)


@cache
def _discs() -> Analysis:
    """Return graded discs of the rendered phantom, the lowest two of them abnormal."""
    from tests.disc_models import graded_analysis

    return graded_analysis()


@cache
def _film() -> Analysis:
    """Return the whole program's answer on a drawn neck from C2 to C7, facing right."""
    from tests.phantoms_xray import analysed, draw_column

    return analysed(draw_column("C7"))


@cache
def _offer() -> Analysis:
    """Return the answer on a drawn neck of which C4 and C7 are only suggested."""
    from tests.suggested import with_suggestions

    return with_suggestions("C4", "C7")


@dataclass
class FakeServices:
    """Everything that the window asks of the layers below, with a memory of it."""

    analyser: FakeAnalyser = field(default_factory=FakeAnalyser)
    models: FakeModels = field(default_factory=FakeModels)
    samples: Sequence[FakeSample] = ()
    written: list[tuple[str, Path]] = field(default_factory=list)
    reports: list[ReportDetails] = field(default_factory=list)
    layers: list[tuple[Analysis, PictureLayers]] = field(default_factory=list)
    tables: list[tuple[CaseRow, ...]] = field(default_factory=list)
    write_failure: Exception | None = None
    kept: dict[Path, Corrections | None] = field(default_factory=dict)
    keep_failure: Exception | None = None
    keep_at: Path | None = None
    patients: dict[str, PatientFacts] = field(default_factory=dict)
    profile_dir: Path | None = None
    networks: list[Network] = field(default_factory=list)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    timeouts: Timeouts = field(default_factory=Timeouts)
    arrived: list[Path] = field(default_factory=list)
    archived: Profile = field(default_factory=lambda: Profile(None))
    candidates: tuple[ShadowResult, ...] = ()
    candidate_failure: Exception | None = None
    installed: FakeInstalled = field(default_factory=lambda: FakeInstalled())

    def build(self, profile_dir: Path | None = None) -> Services:
        return Services(
            models=lambda: self.models,
            analyse=self.analyser,
            segment_volume=self.segment_volume,
            list_samples=lambda: self.samples,
            scan=self.scan,
            read_slices=read_slices,
            read_patient=lambda part: self.patients.get(part.path.name, PatientFacts()),
            write_bundle=lambda analysis, folder, _: self._write("bundle", folder),
            write_one=lambda analysis, kind, path: self._write(kind, path),
            write_picture=self._write_picture,
            write_report=self._write_report,
            report_pdf=self._report_pdf,
            write_comparison=lambda first, second, path: self._write("comparison", path),
            write_course=lambda course, row, path: self._write("course", path),
            write_motion=lambda motion, path: self._write("motion", path),
            write_case_table=self._write_table,
            load_corrections=lambda analysis: self.kept.get(analysis.image.source_path),
            save_corrections=self._keep,
            corrections_that_hold=lambda *wanted: self.reading_store().corrections_that_hold(
                *wanted
            ),
            open_reading=lambda analysis: ReadingSession(analysis, self.reading_store()),
            load_presentation=self._presentation_of,
            open_network=self._open_network,
            analyse_arrived=self._analyse_arrived,
            kept_result=self.archived.kept_result,
            take_results_from=self.archived.take_results_from,
            open_models=lambda _: self.installed,
            run_candidates=self._run_candidates,
        )

    def _run_candidates(
        self, analysis: Analysis, models: Models
    ) -> Generator[Step, None, tuple[ShadowResult, ...]]:
        yield Step("Segmenting structures", 0.5)
        if self.candidate_failure is not None:
            raise self.candidate_failure
        return self.candidates

    def _open_network(self, ask_secret: AskSecret) -> Network:
        """Return the real network on the folder of the test, with secrets in memory."""
        assert self.profile_dir is not None
        self.networks.append(
            Network(self.profile_dir, secrets=self.secrets, ask_secret=ask_secret,
                    timeouts=self.timeouts)
        )  # fmt: skip
        return self.networks[-1]

    def _analyse_arrived(
        self, folder: Path, out: Path, models: Models, choices: DicomChoices
    ) -> Sequence[Path]:
        self.arrived.append(folder)
        return ()

    def reading_store(self) -> ReadingStore:
        """Return where readings lie: in the folder of the test."""
        assert self.profile_dir is not None, "a test that opens images needs a profile folder"
        return ReadingStore(self.profile_dir)

    def scan(self, paths: Sequence[Path]) -> Generator[int, None, Scan]:
        """Play the look into folders; "series" in a name makes a file five slices."""
        yield 1
        try:
            files = find_images(paths)
        except ImageReadError as refusal:
            return Scan((), (refusal,))
        return Scan(tuple(map(entry_for, files)))

    def segment_volume(
        self, source: Path | SeriesEntry, models: Models
    ) -> Generator[Step, None, SegmentedVolume]:
        """Play the segmentation of five slices, the middle one found first."""
        path = part_of(source).path
        found = five_slices(path)
        yield Step("Locating the midsagittal slice", 0.2)
        yield Step("Segmenting all slices", 0.4, found.volume.slice_image(found.mid_index))
        if self.analyser.hold == "slices":
            self.analyser.reached.set()
            self.analyser.gate.wait(WAIT_S)
        if "bad" in path.name:
            raise ImageReadError(path, ReadProblem.NO_SAGITTAL_SERIES)
        yield Step("Segmenting all slices", 1.0)
        return found

    def _presentation_of(self, image: SpineImage) -> Presentation:
        kept = self.kept.get(image.source_path)
        return AS_IN_FILE if kept is None else kept.presentation

    def _keep(
        self,
        analysis: Analysis,
        known: frozenset[str] | None = None,
        keeps_other: bool = False,
    ) -> Path:
        if self.keep_failure is not None:
            raise self.keep_failure
        path = analysis.image.source_path
        self.kept[path] = analysis.corrections
        return self.keep_at or path.with_name(f"{path.name}.spinealign.json")

    def _write_picture(
        self, analysis: Analysis, kind: str, layers: PictureLayers, path: Path
    ) -> None:
        self.layers.append((analysis, layers))
        self._write(kind, path)

    def _write_report(
        self, analysis: Analysis, kind: str, details: ReportDetails, path: Path
    ) -> None:
        self.reports.append(details)
        self._write(kind, path)

    def _write_table(self, rows: Sequence[CaseRow], path: Path) -> None:
        self.tables.append(tuple(rows))
        self._write("table", path)

    def _report_pdf(self, analysis: Analysis, details: ReportDetails) -> bytes:
        self.reports.append(details)
        return _two_pages()

    def _write(self, kind: str, path: Path) -> None:
        if self.write_failure is not None:
            raise self.write_failure
        self.written.append((kind, path))


@cache
def _two_pages() -> bytes:
    """Return a PDF that stands for a report."""
    from reportlab.platypus import PageBreak

    from spinealign.export import page

    target = BytesIO()
    story = [page.paragraph("first"), PageBreak(), page.paragraph("second")]
    page.build(story, target, page.Running("Patient", "Report", "0"))
    return target.getvalue()


def entry_for(path: Path) -> SeriesEntry:
    """Return what a file holds: five sagittal slices if it is called a series."""
    if "series" not in path.name:
        return SeriesEntry((ImagePart(path),), "fake")
    return SeriesEntry(
        tuple(ImagePart(path, index=k) for k in range(5)),
        "NIfTI",
        plane=Plane.SAGITTAL,
        possible_examinations=(SPINE_MR,),
        positions_mm=tuple(4.0 * k for k in range(5)),
    )


def read_slices(entry: SeriesEntry, indices: Sequence[int]) -> Iterator[SpineImage]:
    """Yield slices whose grey values tell them apart; "bad" files refuse the last one."""
    for index in indices:
        part = entry.parts[index]
        if "bad" in part.path.name and index == len(entry) - 1:
            raise ImageReadError(part.path, ReadProblem.TRUNCATED)
        if len(entry) == 1:
            yield replace(answer_for(part.path, None).image, part=part)
            continue
        image = phantoms.mr_analysis().image
        yield replace(image, pixels=image.pixels + 40 * index, source_path=part.path, part=part)


def five_slices(path: Path) -> SegmentedVolume:
    """Return five segmented slices; the fourth is the middle one."""
    whole = phantoms.mr_analysis()
    image = replace(whole.image, source_path=path)
    series = entry_for(path.with_name("series"))
    voxels = np.stack([image.pixels + 40 * k for k in range(5)]).astype(np.float32)
    parts = zip(voxels, series.parts, strict=True)
    slices = tuple(replace(image, pixels=pixels, part=part) for pixels, part in parts)
    volume = SpineVolume(voxels, slices, series)
    found = whole.segmentation
    masks = np.stack([np.where(found.mask <= k, found.mask, 0) for k in range(5)]).astype(np.uint8)
    return SegmentedVolume(
        volume,
        found.model,
        found.classes,
        masks,
        np.stack([found.confidence] * 5),
        3,
        structure_volumes(masks, found.classes, volume.voxel_volumes_mm3),
    )


def find_images(paths: Iterable[Path]) -> list[Path]:
    """List files, and what lies in folders; an empty folder is an error."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        if not inside:
            raise ImageReadError(path, ReadProblem.NO_IMAGES_IN_FOLDER)
        found += inside
    return found


def two_samples() -> tuple[FakeSample, ...]:
    """Return a CT and an MR sample."""
    return (
        FakeSample("ct", "CT slice with a drawn vertebra", Path("sample_ct.dcm"), NECK_CT),
        FakeSample("mr", "Sagittal MR, drawn", Path("sample_mr.nii.gz"), SPINE_MR),
    )


def demonstration_mr() -> Analysis:
    """Return an MR answer of a model that is only a demonstration."""
    return phantoms.mr_analysis(status=ModelStatus.DEMONSTRATION)
