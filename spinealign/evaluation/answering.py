"""Evaluations of this program's models on a data set, one function a task.

`domain.own_tasks` names the function of each task; the command `evaluate` finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from spinealign.data_audit.landmarks import Coordinates
from spinealign.evaluation.cases import ClassifiedCases
from spinealign.evaluation.known import KnownSet
from spinealign.evaluation.learning import points_of
from spinealign.evaluation.predicting import (
    Show,
    answers_of,
    gallery,
    heat_of_class,
    outlines_of,
)
from spinealign.evaluation.run import (
    Evaluation,
    Threshold,
    evaluate_classified,
    evaluate_outlined,
)
from spinealign.inference.engine import LoadedModel

Choose = Callable[[ClassifiedCases, Threshold], Threshold | None]
"""Takes cases of two classes and the threshold of the model's card."""


@dataclass(frozen=True)
class AskedOfModel:
    """What a person wants of a model's evaluation.

    Parameters
    ----------
    data : Path
    pattern : str
        Finds the patient in a file's name; empty where a list or DICOM says it.
    coordinates : str or None
        What coordinates of points count from; see `data_audit.landmarks`.
    angles : tuple of str
        Between points, each ``NAME=A,B,C,D``.
    choose : callable
        Chooses the threshold of a classifier of two classes.
    layout : str
        How points or findings lie in `data`; empty for how they look.
    known : KnownSet or None
        Pictures with classes or masks, where another layout than folders, a table or masks was
        read.
    """

    data: Path
    pattern: str = ""
    coordinates: Coordinates | None = None
    angles: tuple[str, ...] = ()
    choose: Choose = lambda cases, of_card: of_card
    layout: str = ""
    known: KnownSet | None = None

    @property
    def pictures(self) -> Path | KnownSet:
        """What pictures with classes or masks are listed by."""
        return self.data if self.known is None else self.known


@dataclass(frozen=True, eq=False)
class Evaluated:
    """An evaluation, and PNG of some of its worst cases by picture."""

    evaluation: Evaluation
    gallery: Mapping[str, bytes] = field(default_factory=dict)


def evaluated_classes(
    model: LoadedModel, asked: AskedOfModel, show: Show, told: Callable[[str], object]
) -> Evaluated:
    """Evaluate a classifier."""
    answered = answers_of(model, asked.pictures, asked.pattern, show)
    threshold = asked.choose(answered.cases, answered.threshold)
    found = evaluate_classified(
        model.card.name, answered.cases, threshold, answered.left_out, show=told
    )
    learning = points_of(model.card.metrics)
    found = replace(found, cautions=answered.cautions, learning=learning, is_model=True)
    paths = dict(zip(answered.cases.images, answered.paths, strict=True))
    shown = [one.image for one in found.worst]
    return Evaluated(found, gallery(paths, shown, heat_of_class(model)))


def evaluated_outlines(
    model: LoadedModel, asked: AskedOfModel, show: Show, told: Callable[[str], object]
) -> Evaluated:
    """Evaluate a segmentation."""
    outlined = outlines_of(model, asked.pictures, asked.pattern, show)
    found = evaluate_outlined(model.card.name, outlined.cases, outlined.left_out, show=told)
    return Evaluated(replace(found, cautions=outlined.cautions))
