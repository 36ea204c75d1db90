"""Shadow mode: candidates answer beside the models that answer, and only differences are told."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np

from spinealign.analysis import analyze_image
from spinealign.domain.comparison import Change, ComparedMeasure
from spinealign.domain.discs import Disc, GradeName
from spinealign.domain.errors import ModelError, ModelProblem, SpineAlignError
from spinealign.domain.examination import Task
from spinealign.domain.findings import Analysis, Classification, ModelIdentity, Segmentation, Step
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import (
    NOT_COMPARED,
    ShadowClass,
    ShadowGrade,
    ShadowOutline,
    ShadowResult,
)
from spinealign.inference.catalog import ModelStore
from spinealign.measure.geometry.comparison import values_by_key

_SAME = 1e-6
"""Relative difference of two values below which they are one: of the same sum in another order."""


def shadow_results(
    analysis: Analysis, models: ModelStore
) -> Generator[Step, None, tuple[ShadowResult, ...]]:
    """Let each candidate for an image's examination answer, and return what it says otherwise.

    Parameters
    ----------
    analysis : Analysis
        What the models that answer say, before a person's corrections.
    models : ModelStore
        That it was made with.

    Yields
    ------
    Step
        Progress.

    Raises
    ------
    ModelError
        A candidate's network cannot be loaded, does not fit its card, or fails.
    """
    examination = analysis.examination
    if examination is None:
        return ()
    found = []
    for beside in models.shadows(examination):
        (card,) = beside.chosen
        if card.task in NOT_COMPARED:
            # Registered by an earlier version: silence would say that it agrees.
            continue
        if (card.name, card.sha256) in {(one.name, one.sha256) for one in analysis.models}:
            continue
        # Whoever registered a candidate asked for its answers, if it is a demonstration too.
        work = analyze_image(
            analysis.image, beside, examination, analysis.companion, demonstration=True
        )
        try:
            other = yield from work
        except SpineAlignError:
            raise
        except Exception as error:
            # A candidate's defect is no defect of the result that it stands beside.
            raise ModelError(card.name, ModelProblem.FAILED, type(error).__name__) from error
        found.append(compared(analysis, other, card))
    return tuple(one for one in found if one is not None)


def compared(analysis: Analysis, other: Analysis, card: ModelCard) -> ShadowResult | None:
    """Return what a candidate says otherwise; None where it was not asked.

    Parameters
    ----------
    analysis, other : Analysis
        Of one image: of the models that answer, and with the candidate among them.
    card : ModelCard
        The candidate's.
    """
    named = (card.name, card.sha256)
    candidate = next((one for one in other.models if (one.name, one.sha256) == named), None)
    if candidate is None:
        return None
    return ShadowResult(
        candidate,
        _answering(analysis, card.task),
        _class(analysis.classification, other.classification),
        _grades(analysis.discs, other.discs),
        _measures(analysis, other),
        _outlines(analysis.segmentation, other.segmentation),
    )


def _answering(analysis: Analysis, task: Task) -> tuple[ModelIdentity, ...]:
    classified, outlined = analysis.classification, analysis.segmentation
    parts: Mapping[Task, ModelIdentity | None] = {
        "classification": None if classified is None else classified.model,
        "segmentation": None if outlined is None else outlined.model,
        "disc_grading": analysis.disc_model,
    }
    found = parts.get(task)
    return () if found is None else (found,)


def _class(one: Classification | None, other: Classification | None) -> ShadowClass | None:
    if other is None:
        return None
    there = _decided(other)
    if one is None:
        return ShadowClass("", there[0], 0.0, there[1])
    here = _decided(one)
    return None if here[0] == there[0] else ShadowClass(here[0], there[0], here[1], there[1])


def _decided(found: Classification) -> tuple[str, float]:
    """Return which class a classifier decided for, and its probability."""
    return found.predicted, found.probabilities[found.labels.index(found.predicted)]


def _grades(discs: Sequence[Disc], others: Sequence[Disc]) -> tuple[ShadowGrade, ...]:
    """Return the grades that differ of discs that both found, from the top of the column down."""
    there = {disc.level: _values(disc) for disc in others if disc.level is not None}
    found = []
    for disc in discs:
        other = there.get(disc.level or "")
        if other is None or disc.level is None:
            continue
        for name, value in _values(disc).items():
            if name in other and other[name] != value:
                found.append(ShadowGrade(disc.level, name, value, other[name]))
    return tuple(found)


def _values(disc: Disc) -> dict[GradeName, int | bool | None]:
    return {grade.name: grade.value for grade in disc.grades if not grade.needs_t2}


def _measures(analysis: Analysis, other: Analysis) -> tuple[ComparedMeasure, ...]:
    """Return the measures of one image that two models give otherwise.

    A value of the candidate differs where it lies outside the 95 % interval that stands beside the
    answer; without an interval, where it is off by more than readers of one image are; and where
    no error is known, where it is another number.
    """
    here, there = values_by_key(analysis), values_by_key(other)
    found = []
    for key in dict.fromkeys((*here, *there)):
        one, two = here.get(key), there.get(key)
        if one is None or two is None:
            change = Change.ONLY_SECOND if one is None else Change.ONLY_FIRST
            found.append(ComparedMeasure(one, two, change))
            continue
        assert one.value is not None
        assert two.value is not None
        difference = two.value - one.value
        limit = one.definition.reader_limit
        if one.interval is not None:
            is_off = not one.interval[0] <= two.value <= one.interval[1]
            change = Change.BEYOND
        elif limit is not None:
            is_off, change = abs(difference) > limit.half_width, Change.BEYOND
        else:
            is_off = abs(difference) > _SAME * max(abs(one.value), abs(two.value))
            change = Change.UNJUDGED
        if is_off:
            found.append(ComparedMeasure(one, two, change, difference))
    return tuple(found)


def _outlines(one: Segmentation | None, other: Segmentation | None) -> tuple[ShadowOutline, ...]:
    """Return Dice coefficients of the structures that two networks outline, by name."""
    if other is None:
        return ()
    here = {} if one is None else {name: one.mask == n for n, name in one.classes.items()}
    there = {name: other.mask == number for number, name in other.classes.items()}
    found = []
    for name in dict.fromkeys((*here, *there)):
        empty = np.zeros(other.mask.shape, bool)
        first, second = here.get(name, empty), there.get(name, empty)
        sizes = int(first.sum()), int(second.sum())
        if not any(sizes):
            continue
        dice = 2 * int((first & second).sum()) / sum(sizes)
        found.append(ShadowOutline(name, dice, *sizes))
    return tuple(found) if any(one.dice < 1 for one in found) else ()
