"""The answers of two models of one task on the same pictures: differences of all figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import AnswersError
from spinealign.evaluation import overlaps
from spinealign.evaluation.cases import (
    Cases,
    ClassifiedCases,
    LabelledCases,
    OutlinedCases,
)
from spinealign.evaluation.intervals import DRAWS, Figure, Figures, Weights, bootstrapped
from spinealign.evaluation.landmarks import PointedCases, weighed_figures
from spinealign.evaluation.pairing import Compared, compare
from spinealign.wording import evaluation as words

_Pictured = TypeVar("_Pictured", LabelledCases, OutlinedCases, PointedCases)


@dataclass(frozen=True)
class ComparedFigures:
    """The second model against the first, where no picture is right or wrong as a whole.

    Parameters
    ----------
    differences : dict of str to Figure
        Second minus first, by patients drawn again with both answers; ``auc/<finding>``,
        ``dice/<structure>``, ``error_mm/<point>`` and so on.
    cases, patients : int
    knows_patients : bool
        False where each picture counted as a patient of its own.
    """

    differences: dict[str, Figure]
    cases: int
    patients: int
    knows_patients: bool


def compare_answers(
    first: Cases | PointedCases,
    second: Cases | PointedCases,
    thresholds: tuple[float | None, float | None] = (None, None),
    draws: int = DRAWS,
) -> Compared | ComparedFigures:
    """Compare what two models answered on the same data, whatever they do.

    Parameters
    ----------
    first, second : ClassifiedCases, LabelledCases, OutlinedCases or PointedCases
        Both of one kind. Findings, structures and points that only one model has do not count.
    thresholds : tuple of float or None
        Of classifiers.

    Raises
    ------
    AnswersError
        They do not do the same, have no picture or nothing that they tell in common, or call the
        truth of one differently.
    """
    if isinstance(first, ClassifiedCases) and isinstance(second, ClassifiedCases):
        return compare(first, second, thresholds, draws)
    if isinstance(first, LabelledCases) and isinstance(second, LabelledCases):
        return _labelled(first, second, draws)
    if isinstance(first, OutlinedCases) and isinstance(second, OutlinedCases):
        return _outlined(first, second, draws)
    if isinstance(first, PointedCases) and isinstance(second, PointedCases):
        return _pointed(first, second, draws)
    raise AnswersError(words.NOT_ONE_TASK)


def _shared(first: _Pictured, second: _Pictured) -> tuple[_Pictured, _Pictured]:
    """Return both models' answers on the pictures that both have, in the same order."""
    places = {name: k for k, name in enumerate(second.images)}
    both = [(k, places[name]) for k, name in enumerate(first.images) if name in places]
    if not both:
        raise AnswersError(words.NO_SHARED_CASES)
    here, there = (np.array(each, np.intp) for each in zip(*both, strict=True))
    return first.only(here), second.only(there)


def _columns(first: Sequence[str], second: Sequence[str]) -> tuple[list[str], list[int], list[int]]:
    """Return what both models tell, and its places in either."""
    names = [name for name in first if name in second]
    if not names:
        raise AnswersError(words.other_classes(first, second))
    return names, [first.index(name) for name in names], [second.index(name) for name in names]


def _require_one_truth(
    images: Sequence[str], first: NDArray[np.float64], second: NDArray[np.float64]
) -> None:
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    odd = np.flatnonzero(~same.reshape(len(images), -1).all(axis=1))
    if len(odd):
        raise AnswersError(words.other_truth(images[int(odd[0])]))


def _labelled(first: LabelledCases, second: LabelledCases, draws: int) -> ComparedFigures:
    one, other = _shared(first, second)
    names, here, there = _columns(one.classes, other.classes)
    _require_one_truth(one.images, one.truth[:, here], other.truth[:, there])
    found: dict[str, Figure] = {}
    for name, at, place in zip(names, here, there, strict=True):
        known = one.of_label(at), other.of_label(place)
        if len(known[0]):
            limits = one.thresholds[at], other.thresholds[place]
            told = compare(*known, limits, draws).differences
            found |= {f"{measure}/{name}": figure for measure, figure in told.items()}
    return ComparedFigures(found, len(one), len(set(one.patients)), one.knows_patients)


def _outlined(first: OutlinedCases, second: OutlinedCases, draws: int) -> ComparedFigures:
    one, other = _shared(first, second)
    names, _, _ = _columns(one.classes, other.classes)
    patients = list(dict.fromkeys(one.patients))
    away: dict[str, NDArray[np.float64]] = {}
    for name in names:
        means = [
            overlaps.means_by_patient([row[name] for row in cases.rows], cases.patients)
            for cases in (one, other)
        ]
        # A patient of whom one figure is not known tells nothing of the difference.
        away |= {f"{each}/{name}": means[1][each] - means[0][each] for each in overlaps.MEASURES}

    def differences(weights: Weights) -> Figures:
        return {name: overlaps.weighted_mean(each, weights) for name, each in away.items()}

    found = bootstrapped(differences, patients, draws=draws)
    return ComparedFigures(found, len(one), len(patients), one.knows_patients)


def _pointed(first: PointedCases, second: PointedCases, draws: int) -> ComparedFigures:
    one, other = _shared(first, second)
    names, here, there = _columns(one.classes, other.classes)
    one, other = _of_points(one, names, here), _of_points(other, names, there)
    _require_one_truth(one.images, one.truth, other.truth)
    before, after = weighed_figures(one), weighed_figures(other)

    def differences(weights: Weights) -> Figures:
        was, now = before(weights), after(weights)
        return {name: now[name] - was[name] for name in was if name in now}

    found = bootstrapped(differences, one.patients, draws=draws)
    return ComparedFigures(found, len(one), len(set(one.patients)), one.knows_patients)


def _of_points(cases: PointedCases, names: Sequence[str], places: Sequence[int]) -> PointedCases:
    return replace(
        cases,
        classes=tuple(names),
        truth=cases.truth[:, places],
        found=cases.found[:, places],
        confidence=cases.confidence[:, places],
    )
