"""Analysis of one image or series; window and command line both call `analyze_file`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from spinealign import __version__
from spinealign.answers import (
    Said,
    ask,
    ask_of_whole_picture,
    grading_cautions,
    located_points,
    no_model_cautions,
    other_models,
    others_of_kind,
    result_cautions,
)
from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import (
    BodySource,
    Examination,
    ImageKind,
    sagittal_examination,
)
from spinealign.domain.findings import (
    Analysis,
    Caution,
    LocatedPoints,
    ModelIdentity,
    Region,
    Segmentation,
    Step,
    WarningCode,
)
from spinealign.domain.generators import mapped
from spinealign.domain.height_loss import height_loss_cautions
from spinealign.domain.image import DecisionSource, NoteKind, ReaderNote, SpineImage
from spinealign.domain.measurements import IntervalRule, Measurement
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
from spinealign.pipelines import PIPELINES, GradedDiscs, NamedBodies, PipelineInput
from spinealign.predict import (
    segment_with,
)
from spinealign.radiograph import VertebraOutlines, changes_of, interval_rule

Outlined = Callable[[SpineImage, Segmentation], Segmentation]
"""Puts what another program, or a person elsewhere, outlined in place of the network's mask."""

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


@dataclass(frozen=True, eq=False)
class _Found:
    """What networks found on an image of an examination; nothing is measured yet."""

    work: PipelineInput
    segmenters: Sequence[LoadedModel]
    outlines: VertebraOutlines
    said: Said
    located: LocatedPoints | None
    bodies: NamedBodies
    graded: GradedDiscs | None

    @property
    def segmentation(self) -> Segmentation | None:
        """The mask, where there is one."""
        return self.outlines.segmentation

    @property
    def spoke(self) -> tuple[ModelIdentity, ...]:
        """The models whose answers these are."""
        parts = (self.segmentation, *self.said.answers, self.graded, self.located)
        return tuple(part.model for part in parts if part is not None)


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
    work = PipelineInput(image, choice.examination, models, companion)
    found = yield from _look(work, clock, demonstration, outlined)
    yield Step("Measuring", 0.9)
    rule = _interval_rule(work.examination, found.segmenters, found.segmentation)
    measurements, regions = _measured(found, rule), _regions(found)
    cautions += [*_cautions_of(found), *posture_cautions(measurements, is_bent=image.is_bent)]
    cautions += [*height_loss_cautions(measurements), *narrowing_cautions(measurements)]
    clock.record("measure")
    return replace(
        _with_found(_begun(image, choice, cautions, clock), found),
        regions=regions,
        measurements=measurements,
        interval_rule=rule,
    )


def _look(
    work: PipelineInput, clock: _StepTimer, demonstration: bool, outlined: Outlined | None
) -> Generator[Step, None, _Found]:
    """Ask the networks of an examination, one after the other."""
    pipeline, image = PIPELINES[work.examination.kind], work.image
    yield Step("Segmenting structures", 0.3)
    segmenters = work.models_for("segmentation")
    outlines = pipeline.outline(segmenters, image) if segmenters else VertebraOutlines()
    outlines = _with_outlined(work, outlines, outlined)
    clock.record("segment")
    yield Step("Classifying", 0.6)
    said = ask_of_whole_picture(work, demonstration)
    clock.record("classify")
    located = located_points(work)
    if located is not None:
        clock.record("place points")
    bodies = pipeline.name_bodies(outlines, image)
    clock.record("tell apart")
    graded = None
    if outlines.segmentation is not None:
        graded = yield from pipeline.grade(work, outlines.segmentation, bodies)
    clock.record("grade discs")
    return _Found(work, segmenters, outlines, said, located, bodies, graded)


def _with_outlined(
    work: PipelineInput, outlines: VertebraOutlines, outlined: Outlined | None
) -> VertebraOutlines:
    """Put what somebody else outlined in place of a network's mask, where bodies come from one."""
    segmentation = outlines.segmentation
    is_by_mask = work.examination.body_source is BodySource.MASK
    if outlined is not None and segmentation is not None and is_by_mask:
        segmentation = outlined(work.image, segmentation)
        outlines = replace(outlines, segmentation=segmentation)
    return outlines


def _measured(found: _Found, rule: IntervalRule) -> tuple[Measurement, ...]:
    image, bodies = found.work.image, found.bodies
    geometry, canal = PixelGeometry.of(image), canal_of(found.segmentation)
    return measure_alignment(
        bodies.vertebrae,
        bodies.facing,
        geometry,
        found.work.examination,
        canal,
        rule=rule,
        age_years=image.patient_age_years,
        is_bent=image.is_bent,
        picture_rows=image.shape[0],
    )


def _regions(found: _Found) -> tuple[Region, ...]:
    segmentation, image = found.segmentation, found.work.image
    return () if segmentation is None else region_statistics(segmentation, image.pixel_area_mm2)


def _cautions_of(found: _Found) -> list[Caution]:
    """Return what to be cautious about in what was found, before anything is measured."""
    work, said, bodies = found.work, found.said, found.bodies
    image = work.image
    cautions: list[Caution] = []
    if said.withheld is None and found.located is None and not said.answers:
        cautions += no_model_cautions(work.examination, found.outlines)
    cautions += result_cautions(found.outlines, said, found.located)
    cautions += other_models(work, said, found.segmentation, found.graded, found.located)
    cautions += facing_cautions(image, bodies.facing if bodies.vertebrae else None)
    inside = inside_frame(image.pixels)
    shape = (inside.bottom, inside.right)
    cautions += [*bodies.cautions, *cut_off_cautions(bodies.vertebrae, shape)]
    return [*cautions, *grading_cautions(found.graded, work.companion)]


def _with_found(begun: Analysis, found: _Found) -> Analysis:
    """Return an analysis with what networks found."""
    said, bodies, graded = found.said, found.bodies, found.graded
    return replace(
        begun,
        classification=said.classification,
        labelled=said.labelled,
        picture_grade=said.picture_grade,
        located=found.located,
        withheld=said.withheld,
        segmentation=found.segmentation,
        vertebrae=bodies.vertebrae,
        facing=bodies.facing,
        facing_confidence=bodies.facing_confidence,
        levels_uncertain=bodies.levels_uncertain,
        suggestions=found.outlines.suggestions,
        discs=() if graded is None else graded.discs,
        disc_model=None if graded is None else graded.model,
        companion=None if graded is None else found.work.companion,
        models=(*begun.models, *found.spoke),
    )


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
    cautions = [*cautions, *others_of_kind(models, kind, named)]
    if not named:
        if choice.source is DecisionSource.USER:
            raise ModelError(kind.value, ModelProblem.NONE_FOR_KIND)
        return _begun(image, choice, cautions, clock)
    loaded = {task: models.load(card.name) for task, card in named.items()}
    said = ask(loaded, image, models, demonstration)
    located = locate_with(loaded["landmarks"], image) if "landmarks" in loaded else None
    clock.record("classify")
    cautions = [
        Caution(WarningCode.NAMED_MODEL_ALONE, kind=kind),
        *cautions,
        *result_cautions(VertebraOutlines(), said, located),
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
