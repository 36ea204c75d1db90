"""Two models on the same cases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binomtest

from spinealign.domain.errors import AnswersError
from spinealign.evaluation import classification
from spinealign.evaluation.cases import ClassifiedCases
from spinealign.evaluation.intervals import DRAWS, Figure, Figures, Weights, bootstrapped
from spinealign.wording import evaluation as words


@dataclass(frozen=True)
class Compared:
    """The second model against the first.

    Parameters
    ----------
    differences : dict of str to Figure
        Second minus first, by patients drawn again with both answers.
    only_first, only_second : int
        Cases that one alone decided rightly.
    mcnemar_p : float
        Of McNemar's exact test (1947) on those cases; NaN where patients have several pictures,
        which it takes for independent.
    cases, patients : int
    turned : (str, str) or None
        Positive class of the first and of the second where they are not one: the second's answers
        were turned round, so that all figures are about the first's.
    knows_patients : bool
        False where each picture counted as a patient of its own.
    """

    differences: dict[str, Figure]
    only_first: int
    only_second: int
    mcnemar_p: float
    cases: int
    patients: int
    turned: tuple[str, str] | None = None
    knows_patients: bool = True


def has_other_positive(first: ClassifiedCases, second: ClassifiedCases) -> bool:
    """Whether two models tell the same two classes apart and each calls another one positive.

    Grades are left out: their order says more than which one is positive.
    """
    is_of_two = first.is_binary and not (first.is_ordinal or second.is_ordinal)
    return is_of_two and first.classes == second.classes[::-1]


def turned_round(cases: ClassifiedCases, threshold: float | None) -> ClassifiedCases:
    """Return the same answers about the other one of two classes: each probability p is 1 - p.

    What was decided stays decided: the threshold is applied before, as it holds for the class
    that was positive, and a probability at the threshold counts for that one.
    """
    return replace(
        cases,
        classes=cases.classes[::-1],
        truth=1 - cases.truth,
        probabilities=None if cases.probabilities is None else cases.probabilities[:, ::-1],
        decided=1 - cases.decisions(threshold),
    )


def aligned(
    first: ClassifiedCases, second: ClassifiedCases
) -> tuple[ClassifiedCases, ClassifiedCases]:
    """Return both models' answers on the pictures that both have, in the same order.

    Raises
    ------
    AnswersError
        Their classes differ, they share no picture, or call the truth of one differently.
    """
    if first.classes != second.classes:
        raise AnswersError(words.other_classes(first.classes, second.classes))
    places = {name: k for k, name in enumerate(second.images)}
    shared = [(k, places[name]) for k, name in enumerate(first.images) if name in places]
    if not shared:
        raise AnswersError(words.NO_SHARED_CASES)
    here, there = (np.array(each, np.intp) for each in zip(*shared, strict=True))
    one, other = first.only(here), second.only(there)
    if (one.truth != other.truth).any():
        name = one.images[int(np.flatnonzero(one.truth != other.truth)[0])]
        raise AnswersError(words.other_truth(name))
    return one, other


def compare(
    first: ClassifiedCases,
    second: ClassifiedCases,
    thresholds: tuple[float | None, float | None] = (None, None),
    draws: int = DRAWS,
) -> Compared:
    """Compare two models on the pictures that both answered.

    Of two models that tell the same two classes apart, the answers of the second are turned round
    where it calls the other class positive.

    Raises
    ------
    AnswersError
        See `aligned`.
    """
    turned = None
    if has_other_positive(first, second):
        turned = first.classes[-1], second.classes[-1]
        second, thresholds = turned_round(second, thresholds[1]), (thresholds[0], None)
    one, other = aligned(first, second)

    def differences(weights: Weights) -> Figures:
        before = classification.point_figures(one, thresholds[0], weights, False)
        after = classification.point_figures(other, thresholds[1], weights, False)
        return {name: after[name] - before[name] for name in before if name in after}

    found = bootstrapped(differences, one.patients, draws=draws)
    right = one.decisions(thresholds[0]) == one.truth
    also = other.decisions(thresholds[1]) == other.truth
    lost, won = int((right & ~also).sum()), int((~right & also).sum())
    patients = len(set(one.patients))
    is_independent = patients == len(one)
    p = binomtest(min(lost, won), lost + won, 0.5).pvalue if lost + won else 1.0
    mcnemar_p = float(p) if is_independent else float("nan")
    return Compared(found, lost, won, mcnemar_p, len(one), patients, turned, one.knows_patients)
