"""One evaluation: figures of all cases and of each group, curves, the worst cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spinealign import __version__
from spinealign.domain.errors import AnswersError
from spinealign.evaluation import agreement, classification, curves, overlaps
from spinealign.evaluation.cases import (
    Cases,
    ClassifiedCases,
    LabelledCases,
    MeasuredCases,
    OutlinedCases,
)
from spinealign.evaluation.intervals import DRAWS, FEWEST_PATIENTS, Figure
from spinealign.evaluation.landmarks import PointedCases
from spinealign.evaluation.learning import LearningPoint
from spinealign.evaluation.pairing import Compared
from spinealign.wording import evaluation as words

_Cases = TypeVar("_Cases", ClassifiedCases, MeasuredCases, OutlinedCases, LabelledCases)

EVALUATION_SCHEMA = "spinealign-evaluation-1"
WORST = 20
"""Cases shown in the gallery."""

MAIN_FIGURES = (
    "accuracy", "balanced_accuracy", "sensitivity", "specificity", "auc", "auc_macro",
    "kappa_quadratic", "mean_absolute_error", "bias", "concordance", "dice",
)  # fmt: skip
"""What is told of each group."""


@dataclass(frozen=True)
class Subgroup:
    """The main figures of cases that share a value of a column."""

    column: str
    value: str
    cases: int
    patients: int
    figures: dict[str, Figure]

    @property
    def is_small(self) -> bool:
        """Whether too few patients are in it for an interval to mean much."""
        return self.patients < FEWEST_PATIENTS


@dataclass(frozen=True)
class WorstCase:
    """One picture that was answered badly.

    Parameters
    ----------
    image, patient, truth, answer : str
    error : float
        1 minus the probability of the true class, or the absolute error of a number.
    """

    image: str
    patient: str
    truth: str
    answer: str
    error: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All that is said of a model's answers.

    Parameters
    ----------
    name : str
        Of the table or the model.
    cases : ClassifiedCases, MeasuredCases, OutlinedCases or PointedCases
    left_out : tuple of str
    threshold : float or None
    threshold_note : str
    figures : dict of str to Figure
    confusion : (c, c) int64 or None
        True classes in rows.
    subgroups : tuple of Subgroup
    worst : tuple of WorstCase
    compared : Compared or None
        With another model, which `compared_name` names.
    draws : int
    program : str
    cautions : tuple of str
        What stands before the figures, such as that the model learned from these pictures.
    angles : mapping of str to MeasuredCases
        Between named points, by true and by found ones.
    learning : tuple of LearningPoint
        How good the model was with fewer patients to learn from; empty where nobody knows.
    is_model : bool
        Whether a model of ours answered, not a table.
    """

    name: str
    cases: Cases | PointedCases
    left_out: tuple[str, ...]
    threshold: float | None
    threshold_note: str
    figures: dict[str, Figure]
    confusion: NDArray[np.int64] | None
    subgroups: tuple[Subgroup, ...]
    worst: tuple[WorstCase, ...]
    compared: Compared | None = None
    compared_name: str = ""
    draws: int = DRAWS
    program: str = field(default=__version__)
    cautions: tuple[str, ...] = ()
    angles: Mapping[str, MeasuredCases] = field(default_factory=dict)
    learning: tuple[LearningPoint, ...] = ()
    is_model: bool = False

    @property
    def patients(self) -> int:
        """How many independent patients there are."""
        return len(set(self.cases.patients))

    def unit_of(self, figure: str) -> str:
        """Return the unit of a figure by its name; angles between points have one of their own."""
        angle = self.angles.get(figure.partition("/")[2])
        return angle.unit if angle is not None else getattr(self.cases, "unit", "")

    @property
    def fewest_patients(self) -> int:
        """With fewer, an interval is marked."""
        return FEWEST_PATIENTS


@dataclass(frozen=True)
class Threshold:
    """Where a classifier of two classes decides, and why there."""

    value: float | None
    note: str


def default_threshold(cases: ClassifiedCases) -> Threshold:
    """Return how cases are decided where nobody said so."""
    if cases.decided is not None:
        return Threshold(None, words.THRESHOLD_TABLE)
    return Threshold(0.5, words.THRESHOLD_HALF) if cases.is_binary else likeliest()


def likeliest() -> Threshold:
    """Return that the likeliest class counts."""
    return Threshold(None, words.LIKELIEST)


def chosen_threshold(
    others: ClassifiedCases, cases: ClassifiedCases, sensitivity: float | None
) -> Threshold:
    """Choose a threshold on other patients than those reported on.

    Parameters
    ----------
    others, cases : ClassifiedCases
        What it is chosen on, and what is reported.
    sensitivity : float, optional
        At least this, with the best specificity; else Youden's index decides.

    Raises
    ------
    AnswersError
        There are not two classes with probabilities in both, or a patient is in both.
    """
    if not others.is_binary or others.positive is None or len(set(others.truth.tolist())) < 2:
        raise AnswersError(words.NO_SCORES_FOR_THRESHOLD)
    if cases.classes != others.classes:
        raise AnswersError(words.other_classes(cases.classes, others.classes))
    both = sorted(set(others.patients) & set(cases.patients))
    if both:
        raise AnswersError(words.threshold_on_reported(both))
    rule = (
        classification.youden
        if sensitivity is None
        else classification.least_sensitivity(sensitivity)
    )
    value = classification.by_threshold(others, rule)
    note = words.threshold_from(value, len(set(others.patients)), sensitivity)
    return Threshold(value, note)


def evaluate_classified(
    name: str,
    cases: ClassifiedCases,
    threshold: Threshold | None = None,
    left_out: Sequence[str] = (),
    draws: int = DRAWS,
    show: Callable[[str], object] | None = None,
) -> Evaluation:
    """Evaluate a classifier's answers.

    Parameters
    ----------
    show : callable, optional
        Takes what is computed now.
    """
    chosen = threshold or default_threshold(cases)
    _show(show, words.ALL_CASES)
    found = classification.figures(cases, chosen.value, draws)
    counts = classification.confusion(cases, chosen.value, np.ones(len(cases)))
    subgroups = subgroups_of(
        cases, lambda part: classification.figures(part, chosen.value, draws, False), show
    )
    return Evaluation(
        name, cases, tuple(left_out), chosen.value, chosen.note, found,
        counts.astype(np.int64), subgroups, _worst_classified(cases, chosen.value), draws=draws,
    )  # fmt: skip


def evaluate_measured(
    name: str,
    cases: MeasuredCases,
    left_out: Sequence[str] = (),
    draws: int = DRAWS,
    show: Callable[[str], object] | None = None,
) -> Evaluation:
    """Evaluate measured numbers against true ones."""
    _show(show, words.ALL_CASES)
    found = agreement.figures(cases, draws)
    subgroups = subgroups_of(cases, lambda part: agreement.figures(part, draws), show)
    away = np.abs(cases.measured - cases.truth)
    order = np.argsort(-away, kind="stable")[:WORST]
    worst = tuple(
        WorstCase(
            cases.images[k], named(cases, k), f"{cases.truth[k]:g}", f"{cases.measured[k]:g}",
            float(away[k]),
        )
        for k in order
    )  # fmt: skip
    return Evaluation(
        name,
        cases,
        tuple(left_out),
        None,
        "",
        found,
        None,
        subgroups,
        worst,
        draws=draws,
        cautions=_constant(cases, found),
    )


def _constant(cases: MeasuredCases, figures: Mapping[str, Figure]) -> tuple[str, ...]:
    """Return why numbers that do not vary have no concordance."""
    if len(cases) < 2 or figures["concordance"].is_known:
        return ()
    is_truth = bool(np.ptp(cases.truth) <= np.ptp(cases.measured))
    return (words.constant_text(is_truth),)


def evaluate_outlined(
    name: str,
    cases: OutlinedCases,
    left_out: Sequence[str] = (),
    draws: int = DRAWS,
    show: Callable[[str], object] | None = None,
) -> Evaluation:
    """Evaluate outlines; figures are means over patients, named ``dice/<class>`` and so on."""
    _show(show, words.ALL_CASES)

    def compute(part: OutlinedCases) -> dict[str, Figure]:
        return {
            f"{measure}/{each}": figure
            for each in part.classes
            for measure, figure in overlaps.figures(
                [row[each] for row in part.rows], part.patients, draws
            ).items()
        }

    dice = np.array([_mean_dice(row) for row in cases.rows])
    order = np.argsort(dice, kind="stable")[:WORST]
    worst = tuple(
        WorstCase(cases.images[k], named(cases, k), "", "", float(1 - dice[k])) for k in order
    )
    return Evaluation(
        name, cases, tuple(left_out), None, "", compute(cases), None,
        subgroups_of(cases, compute, show), worst, draws=draws,
    )  # fmt: skip


def _mean_dice(row: Mapping[str, Mapping[str, float]]) -> float:
    known = [each["dice"] for each in row.values() if each["dice"] == each["dice"]]
    return float(np.mean(known)) if known else 1.0


def roc_points(cases: ClassifiedCases) -> dict[str, list[list[float]]]:
    """Return the curves of two classes as lists of points, empty without both or probabilities."""
    truth = cases.truth == 1
    score = cases.positive
    if not cases.is_binary or score is None or truth.all() or not truth.any():
        return {}
    calibrated = curves.calibration(truth, score)
    thresholds, model, everybody = curves.net_benefit(truth, score)
    return {
        "roc": _points(*curves.roc(truth, score)),
        "precision_recall": _points(*curves.precision_recall(truth, score)),
        "calibration": _points(
            calibrated.answered, calibrated.share, calibrated.low, calibrated.high,
            calibrated.cases.astype(np.float64),
        ),
        "calibration_line": [[calibrated.intercept, calibrated.slope]],
        "net_benefit": _points(thresholds, model, everybody),
    }  # fmt: skip


def _is_main(name: str) -> bool:
    return name.partition("/")[0] in MAIN_FIGURES


def _points(*columns: NDArray[np.float64]) -> list[list[float]]:
    return [[float(value) for value in row] for row in zip(*columns, strict=True)]


def subgroups_of(
    cases: _Cases,
    compute: Callable[[_Cases], dict[str, Figure]],
    show: Callable[[str], object] | None,
) -> tuple[Subgroup, ...]:
    """Return the main figures of each group of cases; `show` takes what is computed now."""
    found = []
    for column, values in cases.groups.items():
        for value in sorted(set(filter(None, values))):
            _show(show, f"{column}: {value}")
            places = np.array([k for k, each in enumerate(values) if each == value], np.intp)
            part = cases.only(places)
            figures = {k: v for k, v in compute(part).items() if _is_main(k)}
            found.append(Subgroup(column, value, len(part), len(set(part.patients)), figures))
    return tuple(found)


def _worst_classified(cases: ClassifiedCases, threshold: float | None) -> tuple[WorstCase, ...]:
    decided = cases.decisions(threshold)
    if cases.probabilities is None:
        errors = (decided != cases.truth).astype(np.float64)
    else:
        errors = 1 - cases.probabilities[np.arange(len(cases)), cases.truth]
    wrong = np.flatnonzero(decided != cases.truth)
    order = wrong[np.argsort(-errors[wrong], kind="stable")][:WORST]
    return tuple(
        WorstCase(
            cases.images[k], named(cases, k), cases.classes[cases.truth[k]],
            cases.classes[decided[k]], float(errors[k]),
        )
        for k in order
    )  # fmt: skip


def named(cases: Cases, place: int) -> str:
    """Return whose a picture is; empty where that is not known."""
    patient = cases.patients[place]
    return patient if cases.knows_patients and not patient.startswith("\0") else ""


def _show(show: Callable[[str], object] | None, text: str) -> None:
    if show is not None:
        show(text)
