"""Analysis pipelines: one entry in `PIPELINES` for each kind of examination."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from spinealign.domain.discs import Disc
from spinealign.domain.examination import Examination, ExaminationKind, Task
from spinealign.domain.findings import (
    Caution,
    Facing,
    ModelIdentity,
    Segmentation,
    Step,
    Vertebra,
    WarningCode,
)
from spinealign.domain.image import SpineImage
from spinealign.frontal import FRONTAL_CLASSES, named_column
from spinealign.imaging.frames import inside_frame
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar import grade_discs
from spinealign.lumbar.segmenting import segment_slice
from spinealign.measure.outlines.disc_levels import disc_cautions, named_by_bodies
from spinealign.measure.outlines.mr_bodies import MrColumn, bodies_from_mask
from spinealign.predict import segment_with
from spinealign.radiograph import VertebraOutlines, finds_bodies, outline_film, with_frame


@dataclass(frozen=True, eq=False)
class PipelineInput:
    """What a pipeline works on.

    Parameters
    ----------
    image : SpineImage
    examination : Examination
    models : ModelStore
    companion : SpineImage or None
        The other contrast of the same patient.
    """

    image: SpineImage
    examination: Examination
    models: ModelStore
    companion: SpineImage | None = None

    def models_for(self, task: Task) -> tuple[LoadedModel, ...]:
        """Return the installed networks for a task of the examination."""
        if task not in self.examination.tasks:
            return ()
        cards = self.models.find_all(task, self.examination)
        return tuple(self.models.load(card.name) for card in cards)

    def model_for(self, task: Task) -> LoadedModel | None:
        """Return the first installed network for a task of the examination, or None."""
        return next(iter(self.models_for(task)), None)


class NamedBodies(Protocol):
    """Vertebral bodies of an image, and what to know about them."""

    @property
    def vertebrae(self) -> tuple[Vertebra, ...]:
        """From the top."""

    @property
    def facing(self) -> Facing | None:
        """The side that the patient looks to; None where that is unknown or has no meaning."""

    @property
    def facing_confidence(self) -> float | None:
        """0.5 to 1."""

    @property
    def levels_uncertain(self) -> bool:
        """Whether bodies have numbers and no levels."""

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """In the order in which they are shown."""


@dataclass(frozen=True, eq=False)
class GradedDiscs:
    """Discs that are called after the vertebrae beside them, who graded them, what to know."""

    model: ModelIdentity
    discs: tuple[Disc, ...]
    cautions: tuple[Caution, ...]


@dataclass(frozen=True)
class Pipeline:
    """The steps between the segmentation network and the measures.

    Parameters
    ----------
    outline : callable
        Runs the segmentation networks, one at least; those that outline bodies give these too.
    name_bodies : callable
        Completes the bodies from the mask.
    grade : callable
        Grades discs; a generator that yields progress and returns None without discs.
    """

    outline: Callable[[Sequence[LoadedModel], SpineImage], VertebraOutlines]
    name_bodies: Callable[[VertebraOutlines, SpineImage], NamedBodies]
    grade: Callable[
        [PipelineInput, Segmentation, NamedBodies], Generator[Step, None, GradedDiscs | None]
    ]


def only_mask(models: Sequence[LoadedModel], image: SpineImage) -> VertebraOutlines:
    """Segment an image with the first network; the mask holds structures and no single bodies."""
    return VertebraOutlines(segment_with(models[0], image))


def only_mr_mask(models: Sequence[LoadedModel], image: SpineImage) -> VertebraOutlines:
    """Segment an MR slice with the first network, as often as its kind looks at one."""
    return VertebraOutlines(segment_slice(models[0], image))


def as_outlined(outlines: VertebraOutlines, _image: SpineImage) -> NamedBodies:
    """Return the bodies that the network outlined, if any."""
    return outlines


def without_grading(
    _work: PipelineInput, _segmentation: Segmentation, _bodies: NamedBodies
) -> Generator[Step, None, None]:
    """Grade nothing."""
    yield from ()


def _outline_film(
    levels: Sequence[str], models: Sequence[LoadedModel], image: SpineImage
) -> VertebraOutlines:
    """Outline the bodies of a lateral film whose examination names these levels.

    The frame of a secondary capture is cut away before.
    """
    finders = [model for model in models if finds_bodies(model.card)]
    if not finders:
        return only_mask(models, image)
    inside = inside_frame(image.pixels)
    return with_frame(outline_film(finders, inside.of(image), levels), inside)


def _film(kind: ExaminationKind) -> Pipeline:
    """Return what is done with a lateral film."""
    outline = partial(_outline_film, kind.examination.levels)
    return Pipeline(outline, as_outlined, without_grading)


def _outline_frontal(models: Sequence[LoadedModel], image: SpineImage) -> VertebraOutlines:
    """Outline the bodies of a frontal film; the frame of a secondary capture is cut away before."""
    finder = next((model for model in models if model.card.classes == FRONTAL_CLASSES), None)
    if finder is None:
        return only_mask(models, image)
    inside = inside_frame(image.pixels)
    found = named_column(finder, inside.of(image))
    outlines = VertebraOutlines(
        found.segmentation, found.vertebrae, levels_uncertain=found.levels_uncertain,
        cautions=found.cautions,
    )  # fmt: skip
    return with_frame(outlines, inside)


def _bodies_of_mr(outlines: VertebraOutlines, image: SpineImage) -> NamedBodies:
    found = outlines.segmentation
    if found is None or not found.mask.any():
        return outlines
    return bodies_from_mask(
        found.mask, found.classes, found.confidence, image.pixels, image.pixel_aspect
    )


def _grade_lumbar(
    work: PipelineInput, segmentation: Segmentation, bodies: NamedBodies
) -> Generator[Step, None, GradedDiscs | None]:
    """Grade the discs of a column.

    None without a column or without a model for it, and beside the canal, where a slice does not
    show what grades mean.
    """
    if not isinstance(bodies, MrColumn) or not bodies.found.discs or bodies.is_beside_canal:
        return None
    grader = work.model_for("disc_grading")
    if grader is None:
        return None
    other = None
    if work.companion is not None:
        yield Step("Segmenting the other contrast", 0.65)
        segmenter = work.model_for("segmentation")
        if segmenter is not None:
            other = (segment_slice(segmenter, work.companion), work.companion)
    yield Step("Grading discs", 0.75)
    graded = grade_discs(segmentation, work.image, grader, other, bodies.found)
    discs = named_by_bodies(graded.discs, bodies.vertebrae)
    # The count and its doubts are told once, with the vertebrae.
    told = (WarningCode.DISC_COUNT_UNCERTAIN, WarningCode.DISC_INFERRED)
    cautions = [caution for caution in graded.cautions if caution.code not in told]
    return GradedDiscs(grader.identity, discs, (*cautions, *disc_cautions(discs)))


PIPELINES: Mapping[ExaminationKind, Pipeline] = {
    ExaminationKind.LATERAL_NECK_RADIOGRAPH: _film(ExaminationKind.LATERAL_NECK_RADIOGRAPH),
    ExaminationKind.NECK_CT_SLICE: Pipeline(only_mask, as_outlined, without_grading),
    ExaminationKind.SAGITTAL_SPINE_MR: Pipeline(only_mr_mask, _bodies_of_mr, _grade_lumbar),
    ExaminationKind.LATERAL_SPINE_RADIOGRAPH: _film(ExaminationKind.LATERAL_SPINE_RADIOGRAPH),
    ExaminationKind.FRONTAL_SPINE_RADIOGRAPH: Pipeline(
        _outline_frontal, as_outlined, without_grading
    ),
}
