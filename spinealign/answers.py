"""Which models say something of an image, what they say, and what to be cautious about in that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spinealign.domain.examination import (
    ALONE_TASKS,
    PICTURE_TASKS,
    BodySource,
    Examination,
    ImageKind,
    Task,
)
from spinealign.domain.findings import (
    Caution,
    Classification,
    GradedPicture,
    LabelledPicture,
    LocatedPoints,
    ModelIdentity,
    ModelStatus,
    Segmentation,
    WarningCode,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard, titled_by_name
from spinealign.domain.model_store import ChosenModel
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.locate import locate_with
from spinealign.pipelines import GradedDiscs, PipelineInput
from spinealign.predict import classify_with, grade_with, label_with, region_model
from spinealign.radiograph import VertebraOutlines

_OFFERED_TASKS: tuple[Task, ...] = (
    "segmentation", "classification", "multi_label", "ordinal", "disc_grading", "landmarks",
)  # fmt: skip
"""Tasks of which one model answers where several are installed."""


@dataclass(frozen=True, eq=False)
class Said:
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


def ask_of_whole_picture(work: PipelineInput, demonstration: bool) -> Said:
    """Ask what says something of the whole picture."""
    found = {task: work.model_for(task) for task in PICTURE_TASKS}
    loaded = {task: model for task, model in found.items() if model is not None}
    return ask(loaded, work.image, work.models, demonstration)


def ask(
    found: Mapping[Task, LoadedModel], image: SpineImage, models: ModelStore, demonstration: bool
) -> Said:
    """Ask models of the whole picture; demonstrations only where they are wanted."""
    found = {task: model for task, model in found.items() if task in PICTURE_TASKS}
    withheld = [] if demonstration else [_demonstration(model) for model in found.values()]
    names = {one.name for one in withheld if one is not None}
    asked = {task: model for task, model in found.items() if model.card.name not in names}
    classifier, labels, grades = (asked.get(task) for task in PICTURE_TASKS)
    return Said(
        None
        if classifier is None
        else classify_with(classifier, image, region_model(classifier.card, models)),
        None if labels is None else label_with(labels, image, region_model(labels.card, models)),
        None if grades is None else grade_with(grades, image, region_model(grades.card, models)),
        next((one for one in withheld if one is not None), None),
        tuple(model.card.name for model in found.values()),
    )


def located_points(work: PipelineInput) -> LocatedPoints | None:
    """Place the points of a model of named points, if there is one."""
    model = work.model_for("landmarks")
    return None if model is None else locate_with(model, work.image)


def others_of_kind(
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


def grading_cautions(graded: GradedDiscs | None, companion: SpineImage | None) -> list[Caution]:
    """Return what to be cautious about in graded discs, and that a companion was of no use."""
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


def other_models(
    work: PipelineInput,
    said: Said,
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


def no_model_cautions(examination: Examination, outlines: VertebraOutlines) -> list[Caution]:
    """Return that no network outlines this kind of examination, where that is so."""
    if outlines.segmentation is not None:
        return []
    return [Caution(WarningCode.NO_MODEL_FOR_VIEW, examination=examination.kind)]


def result_cautions(
    outlines: VertebraOutlines, said: Said, located: LocatedPoints | None
) -> list[Caution]:
    """Return what to be cautious about in what the networks said."""
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
