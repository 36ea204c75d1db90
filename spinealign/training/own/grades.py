"""``train ordinal``: ordered grades of whole pictures; the order is stated, never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.domain.findings import ModelStatus, median_grade
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.evaluation import classification
from spinealign.evaluation.cases import ClassifiedCases
from spinealign.inference.engine import LoadedModel
from spinealign.predict import grade_with
from spinealign.training.classifier import fit_temperature
from spinealign.training.own.about import LEAST_OF_A_CLASS, LEAST_PATIENTS, class_counts
from spinealign.training.own.aims import aim_of_grades
from spinealign.training.own.classify import LEAST_CALIBRATED
from spinealign.training.own.crossing import Trained
from spinealign.training.own.layouts import Asked, list_classes
from spinealign.training.own.pictures import PictureSet, single_classes
from spinealign.training.own.places import RESULTS
from spinealign.training.own.results import save_results
from spinealign.training.own.several import (
    DRAWS,
    Prepared,
    SeveralJob,
    answers_of,
    as_metric,
    looked_at,
    parts_of,
    patient_of,
    prepared,
    several_fields,
    trained_crossed,
)
from spinealign.training.package import to_litert, write_model_folder
from spinealign.wording import labels as label_words
from spinealign.wording import training as words

LEAST_GRADES = 3
LEAST_KAPPA = 0.6
"""Lower end of the interval of the quadratic-weighted kappa; from 0.61 on Landis & Koch 1977
(10.2307/2529310) call an agreement substantial."""

CARD_FIGURES = (
    "kappa_quadratic", "kappa_linear", "within_one_grade", "mean_grade_error", "accuracy",
)  # fmt: skip

Answers = Mapping[str, Sequence[float]]
"""Probabilities of the grades by picture, the lowest first."""


def train_grades(job: SeveralJob) -> ModelCard:
    """Cross-validate by patient, train on all that is not held out, measure, and package.

    Raises
    ------
    DataSetError
        The order names too few grades or not all that the pictures have, or one of them cannot be
        learned.
    """
    grades = job.names
    if len(set(grades)) < LEAST_GRADES or len(set(grades)) < len(grades):
        raise DataSetError(label_words.too_few_grades(grades))
    listed = list_classes(Asked(job.data, job.layout, job.pattern, job.label_column))
    stray = [label for label in listed.classes if label not in grades]
    if stray:
        raise DataSetError(label_words.grades_without_order(stray, grades))
    job, looked, names = looked_at(job, listed, "ordinal", grades)
    verdict = job.judge(looked.found, names)
    ready = prepared(job, looked, names, verdict)
    for grade in grades:
        if grade not in ready.training.classes:
            raise DataSetError(label_words.grade_not_learned(grade))
    aim = aim_of_grades(looked.found.pictures, grades)
    trained = trained_crossed(ready, aim, single_classes(ready.training))
    temperature = _temperature(ready.training, grades, trained)
    card = _card(ready, grades, temperature, bool(trained.fold_of))
    flatbuffer = to_litert(trained.model, "float16")
    card = write_model_folder(job.out, flatbuffer, card)
    crossed = {name: probabilities_of(z / temperature) for name, z in trained.logits.items()}
    answers = answers_of(job, ready.held, _probabilities)
    card = _with_figures(card, ready, crossed, answers)
    card = write_model_folder(job.out, flatbuffer, card)
    rows = _predictions(ready, card, trained, crossed, answers)
    skipped = (*looked.skipped, *looked.poor)
    save_results(job.work / RESULTS, trained.model, trained.curves, rows, skipped, card)
    return card


def probabilities_of(logits: NDArray[np.float64]) -> list[float]:
    """Return the probability of each grade, from logits that a higher one than each is right."""
    above = 0.5 * (1 + np.tanh(0.5 * logits))
    return [float(p) for p in -np.diff(np.concatenate([[1.0], above, [0.0]]))]


def _temperature(training: PictureSet, grades: Sequence[str], trained: Trained) -> float:
    """Return the divisor of all logits that fits the answers of the folds best, at least 1."""
    known = [p for p in training.pictures if p.name in trained.logits]
    if not known:
        return 1.0
    z = np.stack([trained.logits[p.name] for p in known])
    truth = np.array([grades.index(p.label) for p in known])
    above = (truth[:, None] > np.arange(len(grades) - 1)).astype(np.int64)
    return round(fit_temperature(z.ravel(), above.ravel()), 4)


def _probabilities(
    model: LoadedModel, image: SpineImage, outliner: LoadedModel | None
) -> Sequence[float]:
    return grade_with(model, image, outliner).probabilities


def _card(
    ready: Prepared, grades: tuple[str, ...], temperature: float, has_folds: bool
) -> ModelCard:
    counts = (class_counts(ready.training, grades), class_counts(ready.held, grades))
    parts = parts_of(ready, counts, has_folds, single_classes(ready.training))
    return ModelCard(
        **several_fields(ready, parts, len(grades) - 1, "ordinal"),
        title=ready.job.stated.title or label_words.untitled_grades(grades),
        task="ordinal",
        classes=grades,
        temperature=temperature,
    )


def grade_figures(found: PictureSet, grades: Sequence[str], answers: Answers) -> dict[str, Any]:
    """Return figures of grades with intervals over patients."""
    kept = [p for p in found.pictures if p.name in answers]
    p = np.array([answers[each.name] for each in kept])
    cases = ClassifiedCases(
        tuple(each.name for each in kept),
        tuple(each.patient for each in kept),
        tuple(grades),
        np.array([grades.index(each.label) for each in kept], np.int64),
        p,
        np.array([median_grade(row) for row in p], np.int64),
        knows_patients=found.has_patients,
        is_ordinal=True,
    )
    figures = classification.figures(cases, None, DRAWS, is_all=False)
    patients = len(set(cases.patients))
    told: dict[str, Any] = {name: as_metric(figures[name], patients) for name in CARD_FIGURES}
    confusion = classification.confusion(cases, None, np.ones(len(cases)))
    return {**told, "confusion_matrix": confusion.astype(int).tolist(), "images": len(kept)}


def _with_figures(
    card: ModelCard, ready: Prepared, crossed: Answers, answers: Answers
) -> ModelCard:
    metrics: dict[str, Any] = {}
    if crossed:
        metrics["cross_validation"] = grade_figures(ready.training, card.classes, crossed)
    if answers:
        metrics["held_out"] = grade_figures(ready.held, card.classes, answers)
    earned = _earns(ready, metrics.get("held_out", {}))
    has_patients = ready.training.has_patients
    patients = len(ready.held.patients()) if ready.held.has_patients else 0
    return replace(
        card,
        metrics=metrics or card.metrics,
        status=ModelStatus.INTERNALLY_VALIDATED if earned else ModelStatus.DEMONSTRATION,
        calibrated=has_patients and len(crossed) >= LEAST_CALIBRATED,
        limits=words.limits_text(patients, has_patients, earned),
    )


def _earns(ready: Prepared, figures: Mapping[str, Any]) -> bool:
    """Whether the figures on held-out patients earn more than a demonstration."""
    held, kappa = ready.held, figures.get("kappa_quadratic", {})
    # Without a wrong answer every draw agrees, and kappa has no interval.
    low = kappa.get("value") if kappa.get("low") is None else kappa["low"]
    return (
        ready.training.has_patients
        and held.has_patients
        and not ready.job.stated.although
        and len(held.patients()) >= LEAST_PATIENTS
        and held.classes == ready.training.classes
        and all(len(held.patients(grade)) >= LEAST_OF_A_CLASS for grade in held.classes)
        and low is not None
        and low >= LEAST_KAPPA
    )


def _predictions(
    ready: Prepared, card: ModelCard, trained: Trained, crossed: Answers, answers: Answers
) -> list[dict[str, Any]]:
    rows = []
    for found, told, is_held in ((ready.training, crossed, False), (ready.held, answers, True)):
        for picture in found.pictures:
            p = told.get(picture.name)
            row: dict[str, Any] = {
                "image": picture.name,
                "patient": patient_of(found, picture),
                "class": picture.label,
                "held_out": "yes" if is_held else "no",
                "fold": trained.fold_of.get(picture.name, ""),
                "predicted": "" if p is None else card.classes[median_grade(p)],
            }
            for place, grade in enumerate(card.classes):
                row[f"probability_{grade}"] = "" if p is None else round(p[place], 6)
            rows.append(row)
    return rows
