"""Analysis of one image or series; window and command line both call `analyze_file`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from spinealign import __version__
from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import (
    ALONE_TASKS,
    PICTURE_TASKS,
    BodySource,
    Examination,
    ImageKind,
    Task,
    sagittal_examination,
)
from spinealign.domain.findings import (
    Analysis,
    Caution,
    Classification,
    GradedPicture,
    LabelledPicture,
    LocatedPoints,
    ModelIdentity,
    ModelStatus,
    Region,
    Segmentation,
    Step,
    WarningCode,
)
from spinealign.domain.generators import mapped
from spinealign.domain.height_loss import height_loss_cautions
from spinealign.domain.image import DecisionSource, NoteKind, ReaderNote, SpineImage
from spinealign.domain.measurements import IntervalRule
from spinealign.domain.model_card import ModelCard, titled_by_name
from spinealign.domain.model_store import ChosenModel
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.domain.study import ImageSource, SeriesEntry
from spinealign.gate import ExaminationChoice, choose_examination
from spinealign.imaging.choice import (
    first_picture,
    read_companion,
    readable_volume,
    series_to_search,
)
from spinealign.imaging.frames import inside_frame
from spinealign.imaging.presenting import Placing, brought_back, placed_image
from spinealign.imaging.quality import check_quality, reader_cautions
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.locate import locate_with
from spinealign.measure.alignment import measure_alignment, posture_cautions
from spinealign.measure.geometry.facing import facing_cautions
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.geometry.reach import cut_off_cautions
from spinealign.measure.outlines.canal import canal_of, narrowing_cautions
from spinealign.measure.outlines.regions import region_statistics
from spinealign.measure.outlines.volumes import canal_extent, find_mid_slice
from spinealign.pipelines import PIPELINES, GradedDiscs, PipelineInput
from spinealign.predict import (
    classify_with,
    grade_with,
    label_with,
    region_model,
    segment_with,
)
from spinealign.radiograph import VertebraOutlines, changes_of, interval_rule

Outlined = Callable[[SpineImage, Segmentation], Segmentation]
"""Puts what another program, or a person elsewhere, outlined in place of the network's mask."""

_OFFERED_TASKS: tuple[Task, ...] = (
    "segmentation", "classification", "multi_label", "ordinal", "disc_grading", "landmarks",
)  # fmt: skip
"""Tasks of which one model answers where several are installed."""

_LOOKING = Step("Locating the midsagittal slice", 0.12)


@dataclass
class _StepTimer:
    """Seconds spent in each step, for the manifest."""

    seconds: dict[str, float] = field(default_factory=dict)
    _started: float = field(default_factory=time.perf_counter)

    def record(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = round(now - self._started, 4)
        self._started = now


def analyze_file(
    source: ImageSource,
    models: ModelStore,
    examination: Examination | ImageKind | None = None,
    companion: Path | SeriesEntry | None = None,
    demonstration: bool = False,
    presentation_of: Callable[[SpineImage], Presentation] | None = None,
    outlined: Outlined | None = None,
) -> Generator[Step, None, Analysis]:
    """Read and analyse one file, yielding progress; closing the generator cancels.

    Parameters
    ----------
    source : Path, SeriesEntry or SeriesPicture
        Image file of any supported format; a series, of which the mid-sagittal slice is
        taken if it is a sagittal MR, else the middle picture; or one picture of a series.
    models : ModelStore
        Where networks come from; they stay loaded in it.
    examination : Examination or ImageKind, optional
        The user's choice; None lets the program decide. A kind of image that no examination is of,
        such as a frontal film, has the models asked that were named or chosen for it.
    companion : Path or SeriesEntry, optional
        The other contrast of the same patient (T1 beside T2, or the reverse): it helps
        to grade discs, and is not used for anything else. Of a series, the picture next
        to the one analysed is taken.
    demonstration : bool
        Whether a classifier that is only a demonstration answers too; a person must have
        asked for it.
    presentation_of : callable, optional
        Tells how a person has a picture shown: it is analysed turned by its `analysed_deg`. None
        takes every picture as the file has it.
    outlined : callable, optional
        Gives the mask of an MR slice in place of the network's, before bodies are found in it and
        discs graded; a film's bodies are no masks, and are corrected instead. It is not asked for
        a picture that the networks look at turned.

    Yields
    ------
    Step
        Progress. The first step after reading carries the image.

    Returns
    -------
    Analysis

    Raises
    ------
    ImageReadError
        The file cannot be used.
    ModelError
        A network cannot be found, trusted or loaded, or none was named or chosen for the kind of
        image that a person says it is.
    """
    clock = _StepTimer()
    yield Step("Reading the image", 0.05)
    image = _with_turn(first_picture(source), presentation_of)
    clock.record("read")
    yield Step("Checking the image", 0.1, image)
    choice = choose_examination(_as_analysed(image), models, examination)
    clock.record("check")
    series = None
    if not choice.is_refusal:
        series = yield from mapped(series_to_search(source, image), _locating)
    if series is not None:
        image = yield from _mid_sagittal(image, series, choice.examination, models)
        image = _with_turn(image, presentation_of)
    clock.record("choose slice")
    other = read_companion(companion, source if series is None else series, image)
    clock.record("read companion")
    yield Step("Checking the image", 0.15, image)
    wanted = (image, models, choice, clock, other, demonstration, outlined)
    return (yield from _analyze_chosen(*wanted))


def analyze_image(
    image: SpineImage,
    models: ModelStore,
    examination: Examination | ImageKind | None = None,
    companion: SpineImage | None = None,
    demonstration: bool = False,
) -> Generator[Step, None, Analysis]:
    """Analyse an image that is already read; see `analyze_file`."""
    clock = _StepTimer()
    choice = choose_examination(_as_analysed(image), models, examination)
    clock.record("check")
    return (yield from _analyze_chosen(image, models, choice, clock, companion, demonstration))


def _with_turn(
    image: SpineImage, presentation_of: Callable[[SpineImage], Presentation] | None
) -> SpineImage:
    """Return a picture with the turn that it is analysed with, which tells its vertical too."""
    if presentation_of is None:
        return image
    turn_deg = presentation_of(image).analysed_deg
    return replace(image, presentation=Presentation(upright_deg=turn_deg, analysed_deg=turn_deg))


def _placing(image: SpineImage) -> Placing:
    turn_deg = image.presentation.analysed_deg
    return Placing(image.shape, image.pixel_aspect, turn_deg)


def _as_analysed(image: SpineImage) -> SpineImage:
    """Return a picture as the networks look at it."""
    placing = _placing(image)
    if placing.is_plain:
        return image
    return replace(placed_image(image, placing), presentation=AS_IN_FILE)


def _analyze_chosen(
    image: SpineImage,
    models: ModelStore,
    choice: ExaminationChoice,
    clock: _StepTimer,
    companion: SpineImage | None,
    demonstration: bool,
    outlined: Outlined | None = None,
) -> Generator[Step, None, Analysis]:
    placing = _placing(image)
    if placing.is_plain:
        wanted = (image, models, choice, clock, companion, demonstration, outlined)
        return (yield from _analyze_upright(*wanted))
    beside = None
    if companion is not None:
        beside = _as_analysed(replace(companion, presentation=image.presentation))
    turned = (_as_analysed(image), models, choice, clock, beside, demonstration)
    found = yield from _analyze_upright(*turned)
    kept = None if found.companion is None else companion
    return replace(brought_back(found, image, placing), companion=kept)


def _analyze_upright(
    image: SpineImage,
    models: ModelStore,
    choice: ExaminationChoice,
    clock: _StepTimer,
    companion: SpineImage | None,
    demonstration: bool,
    outlined: Outlined | None = None,
) -> Generator[Step, None, Analysis]:
    cautions = [*reader_cautions(image), *check_quality(image), *choice.cautions]
    cautions += [Caution(WarningCode.DAMAGED_MODEL, model_title=n) for n in models.damaged()]
    clock.record("check quality")
    if choice.examination is None:
        return _named_model_alone(image, models, choice, cautions, clock, demonstration)
    pipeline = PIPELINES[choice.examination.kind]
    work = PipelineInput(image, choice.examination, models, companion)
    yield Step("Segmenting structures", 0.3)
    segmenters = work.models_for("segmentation")
    outlines = pipeline.outline(segmenters, image) if segmenters else VertebraOutlines()
    segmentation = outlines.segmentation
    is_by_mask = choice.examination.body_source is BodySource.MASK
    if outlined is not None and segmentation is not None and is_by_mask:
        segmentation = outlined(image, segmentation)
        outlines = replace(outlines, segmentation=segmentation)
    clock.record("segment")
    yield Step("Classifying", 0.6)
    said = _whole_picture(work, image, models, demonstration)
    classification, withheld = said.classification, said.withheld
    clock.record("classify")
    located = _located(work)
    if located is not None:
        clock.record("place points")
    bodies = pipeline.name_bodies(outlines, image)
    clock.record("tell apart")
    graded = None
    if segmentation is not None:
        graded = yield from pipeline.grade(work, segmentation, bodies)
    clock.record("grade discs")
    yield Step("Measuring", 0.9)
    regions: tuple[Region, ...] = ()
    if segmentation is not None:
        regions = region_statistics(segmentation, image.pixel_area_mm2)
    if withheld is None and located is None and not said.answers:
        cautions += _no_model_cautions(choice.examination, outlines)
    cautions += _result_cautions(outlines, said, located)
    cautions += _other_models(work, said, segmentation, graded, located)
    cautions += facing_cautions(image, bodies.facing if bodies.vertebrae else None)
    inside = inside_frame(image.pixels)
    shape = (inside.bottom, inside.right)
    cautions += [*bodies.cautions, *cut_off_cautions(bodies.vertebrae, shape)]
    cautions += _grading_cautions(graded, companion)
    geometry, canal = PixelGeometry.of(image), canal_of(segmentation)
    rule = _interval_rule(choice.examination, segmenters, segmentation)
    measurements = measure_alignment(
        bodies.vertebrae,
        bodies.facing,
        geometry,
        choice.examination,
        canal,
        rule=rule,
        age_years=image.patient_age_years,
        is_bent=image.is_bent,
        picture_rows=image.shape[0],
    )
    cautions += posture_cautions(measurements, is_bent=image.is_bent)
    cautions += height_loss_cautions(measurements)
    cautions += narrowing_cautions(measurements)
    clock.record("measure")
    parts = (segmentation, *said.answers, graded, located)
    spoke = [part.model for part in parts if part is not None]
    return replace(
        _begun(image, choice, cautions, clock),
        classification=classification,
        labelled=said.labelled,
        picture_grade=said.picture_grade,
        located=located,
        withheld=withheld,
        segmentation=segmentation,
        regions=regions,
        vertebrae=bodies.vertebrae,
        facing=bodies.facing,
        facing_confidence=bodies.facing_confidence,
        levels_uncertain=bodies.levels_uncertain,
        suggestions=outlines.suggestions,
        discs=() if graded is None else graded.discs,
        disc_model=None if graded is None else graded.model,
        companion=None if graded is None else companion,
        measurements=measurements,
        interval_rule=rule,
        models=tuple(([choice.gate] if choice.gate else []) + spoke),
    )


@dataclass(frozen=True, eq=False)
class _Said:
    """What networks say of the whole picture; `asked` names all of them, answered or not."""

    classification: Classification | None = None
    labelled: LabelledPicture | None = None
    picture_grade: GradedPicture | None = None
    withheld: ModelIdentity | None = None
    asked: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[Classification | LabelledPicture | GradedPicture, ...]:
        """Those that there are."""
        found = (self.classification, self.labelled, self.picture_grade)
        return tuple(answer for answer in found if answer is not None)


def _named_model_alone(
    image: SpineImage,
    models: ModelStore,
    choice: ExaminationChoice,
    cautions: list[Caution],
    clock: _StepTimer,
    demonstration: bool,
) -> Analysis:
    """Ask the models of a kind of image that no examination is of, if there are any.

    Raises
    ------
    ModelError
        NONE_FOR_KIND: a person says that the image is of this kind.
    """
    kind = choice.kind
    named = {card.task: card for card in models.named_for(kind)}
    cautions = [*cautions, *_others_of_kind(models, kind, named)]
    if not named:
        if choice.source is DecisionSource.USER:
            raise ModelError(kind.value, ModelProblem.NONE_FOR_KIND)
        return _begun(image, choice, cautions, clock)
    loaded = {task: models.load(card.name) for task, card in named.items()}
    said = _asked(loaded, image, models, demonstration)
    located = locate_with(loaded["landmarks"], image) if "landmarks" in loaded else None
    clock.record("classify")
    cautions = [
        Caution(WarningCode.NAMED_MODEL_ALONE, kind=kind),
        *cautions,
        *_result_cautions(VertebraOutlines(), said, located),
    ]
    begun = _begun(image, choice, cautions, clock)
    spoke = [part.model for part in (*said.answers, located) if part is not None]
    return replace(
        begun,
        classification=said.classification,
        labelled=said.labelled,
        picture_grade=said.picture_grade,
        located=located,
        withheld=said.withheld,
        models=(*begun.models, *spoke),
    )


def _others_of_kind(
    models: ModelStore, kind: ImageKind, asked: Mapping[Task, ModelCard]
) -> list[Caution]:
    """Return a caution for each model for images of no examination that is not asked, or gone."""
    names = {card.name for card in asked.values()}
    others = [
        card
        for task in _OFFERED_TASKS
        if task in ALONE_TASKS
        for card in models.find_everywhere(task, kind)
        if card.name not in names
    ]
    return _silent(models.gone(kind), others)


def _silent(gone: Sequence[ChosenModel], others: Sequence[ModelCard]) -> list[Caution]:
    """Return a caution for each model that did not answer, by its title and its folder's name.

    It is chosen and looked for by its name, and two may have one title.
    """
    told = ((WarningCode.CHOSEN_MODEL_GONE, gone), (WarningCode.OTHER_MODELS, others))
    return [
        Caution(code, model_title=titled_by_name(one.title, one.name))
        for code, models in told
        for one in models
    ]


def _whole_picture(
    work: PipelineInput, image: SpineImage, models: ModelStore, demonstration: bool
) -> _Said:
    """Ask what says something of the whole picture."""
    found = {task: work.model_for(task) for task in PICTURE_TASKS}
    loaded = {task: model for task, model in found.items() if model is not None}
    return _asked(loaded, image, models, demonstration)


def _asked(
    found: Mapping[Task, LoadedModel], image: SpineImage, models: ModelStore, demonstration: bool
) -> _Said:
    """Ask models of the whole picture; demonstrations only where they are wanted."""
    found = {task: model for task, model in found.items() if task in PICTURE_TASKS}
    withheld = [] if demonstration else [_demonstration(model) for model in found.values()]
    names = {one.name for one in withheld if one is not None}
    asked = {task: model for task, model in found.items() if model.card.name not in names}
    classifier, labels, grades = (asked.get(task) for task in PICTURE_TASKS)
    return _Said(
        None
        if classifier is None
        else classify_with(classifier, image, region_model(classifier.card, models)),
        None if labels is None else label_with(labels, image, region_model(labels.card, models)),
        None if grades is None else grade_with(grades, image, region_model(grades.card, models)),
        next((one for one in withheld if one is not None), None),
        tuple(model.card.name for model in found.values()),
    )


def _located(work: PipelineInput) -> LocatedPoints | None:
    """Place the points of a model of named points, if there is one."""
    model = work.model_for("landmarks")
    return None if model is None else locate_with(model, work.image)


def _interval_rule(
    examination: Examination,
    segmenters: Sequence[LoadedModel],
    segmentation: Segmentation | None,
) -> IntervalRule:
    """Return the rule of the network that placed the points."""
    if segmentation is None:
        return IntervalRule()
    card = next(m.card for m in segmenters if m.identity == segmentation.model)
    if examination.body_source is not BodySource.CORNER_MAPS:
        return IntervalRule(change_factors=changes_of(card))
    return interval_rule(card)


def _begun(
    image: SpineImage, choice: ExaminationChoice, cautions: list[Caution], clock: _StepTimer
) -> Analysis:
    """Return what is known before any network but the gate has spoken."""
    return Analysis(
        image=image,
        examination=choice.examination,
        decided_by=choice.source,
        kind_confidence=choice.confidence,
        kind_check=choice.check,
        program_version=__version__,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        cautions=tuple(cautions),
        models=() if choice.gate is None else (choice.gate,),
        seconds=dict(clock.seconds),
    )


def _mid_sagittal(
    image: SpineImage, series: SeriesEntry, chosen: Examination | None, models: ModelStore
) -> Generator[Step, None, SpineImage]:
    """Return the slice of a sagittal volume in which the canal is widest, else the image."""
    card = models.find("segmentation", sagittal_examination(image.possible_examinations, chosen))
    if card is None:
        return image
    volume = yield from mapped(readable_volume(series), _locating)
    model = models.load(card.name)

    def width_of(index: int) -> float:
        found = segment_with(model, volume.slice_image(index))
        return canal_extent(found, volume, index)

    best = yield from mapped(find_mid_slice(len(volume), width_of), _locating)
    middle = volume.slice_image(best)
    place = series.parts.index(volume.series.parts[best])
    note = ReaderNote(NoteKind.CANAL_WIDEST, (place + 1, len(series)))
    return replace(middle, notes=(note, *middle.notes))


def _locating(_: object) -> Step:
    return _LOOKING


def _grading_cautions(graded: GradedDiscs | None, companion: SpineImage | None) -> list[Caution]:
    if graded is None:
        return [] if companion is None else [Caution(WarningCode.COMPANION_UNUSED)]
    return [*_demonstration_cautions(graded.model), *graded.cautions]


def _demonstration_cautions(model: ModelIdentity) -> list[Caution]:
    if model.status is not ModelStatus.DEMONSTRATION:
        return []
    return [Caution(WarningCode.DEMONSTRATION_MODEL, model_title=model.title)]


def _demonstration(classifier: LoadedModel | None) -> ModelIdentity | None:
    """Return a classifier that is only a demonstration, and None for any other."""
    if classifier is None or classifier.identity.status is not ModelStatus.DEMONSTRATION:
        return None
    return classifier.identity


def _other_models(
    work: PipelineInput,
    said: _Said,
    segmentation: Segmentation | None,
    graded: GradedDiscs | None,
    located: LocatedPoints | None,
) -> list[Caution]:
    """Return a caution for each installed model that had a task here and did not speak.

    Films are outlined by several networks together.
    """
    asked = {task: task in work.examination.tasks for task in _OFFERED_TASKS}
    asked["disc_grading"] &= graded is not None
    spoke = {part.model.name for part in (segmentation, graded, located) if part}
    spoke |= set(said.asked)
    if work.examination.body_source is BodySource.CORNER_MAPS:
        spoke |= {card.name for card in work.models.find_all("segmentation", work.examination)}
    others = [
        card
        for task in _OFFERED_TASKS
        if asked.get(task)
        for card in work.models.find_everywhere(task, work.examination)
        if card.name not in spoke
    ]
    return _silent(work.models.gone(work.examination), others)


def _no_model_cautions(examination: Examination, outlines: VertebraOutlines) -> list[Caution]:
    if outlines.segmentation is not None:
        return []
    return [Caution(WarningCode.NO_MODEL_FOR_VIEW, examination=examination.kind)]


def _result_cautions(
    outlines: VertebraOutlines, said: _Said, located: LocatedPoints | None
) -> list[Caution]:
    cautions = []
    segmentation = outlines.segmentation
    for part in (segmentation, *said.answers, located):
        cautions += [] if part is None else _demonstration_cautions(part.model)
    has_seen_nothing = segmentation is not None and not segmentation.mask.any()
    if has_seen_nothing and not outlines.suggestions:
        cautions.append(Caution(WarningCode.NOTHING_SEGMENTED))
    if any(not answer.calibrated for answer in said.answers):
        cautions.append(Caution(WarningCode.PROBABILITY_NOT_CALIBRATED))
    return cautions
