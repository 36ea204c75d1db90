"""``train classifier``: from a user's folder or table to a model folder with an honest card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from spinealign.domain.errors import DataSetError
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import ModelCard
from spinealign.evaluation import learning as learning_curves
from spinealign.evaluation.learning import LearningPoint
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.predict import classify_with, region_model
from spinealign.training.classifier import ClassifierRecipe, fit_temperature, frozen_part
from spinealign.training.evaluate import classification_figures, expected_calibration_error
from spinealign.training.own.about import (
    class_counts,
    earned_status,
    require_modality,
)
from spinealign.training.own.aims import aim_of_class
from spinealign.training.own.cards import Parts, common_fields, recipe_training
from spinealign.training.own.crossing import (
    Trained,
    figures_input,
    require_steps,
    train_crossed,
)
from spinealign.training.own.jobs import OwnJob, begun
from spinealign.training.own.layouts import Asked, list_classes
from spinealign.training.own.looking import LookedAt, look_at
from spinealign.training.own.pictures import (
    PictureSet,
    folds_by_patient,
    held_out,
    single_classes,
    with_split,
)
from spinealign.training.own.places import RESULTS
from spinealign.training.own.results import save_results, write_skipped
from spinealign.training.package import to_litert, write_model_folder
from spinealign.training.progress import Board, Progress
from spinealign.wording import training as words
from spinealign.wording.trained import chance_text

THRESHOLD = 0.5
LEAST_CALIBRATED = 50
"""Pictures answered by folds that did not see them, from which on a temperature is trusted."""


@dataclass(frozen=True, kw_only=True)
class ClassifierJob(OwnJob):
    """What a user asks for.

    Parameters
    ----------
    positive : str
        The class that means abnormal.
    recipe : ClassifierRecipe
    imagenet : Path or None
    label_column : str
        See `layouts.Asked`.
    """

    positive: str
    recipe: ClassifierRecipe = field(default_factory=ClassifierRecipe)
    imagenet: Path | None = None
    label_column: str = ""


def train_classifier(job: ClassifierJob) -> ModelCard:
    """Cross-validate by patient, train on all that is not held out, measure, and package.

    Raises
    ------
    DataSetError
        The data set does not have the layout, the classes or the patients that this needs.
    """
    require_steps(job.recipe)
    base = frozen_part(job.recipe, job.imagenet)
    asked = Asked(job.data, job.layout, job.pattern, job.label_column)
    listed = with_split(list_classes(asked), job.split)
    _require_classes(listed, job.positive)
    tell = Progress("looking at the data", "picture")
    looked = look_at(listed, job.most_broken, tell, job.leave_out)
    require_modality(looked, job.stated.examination)
    names = held_out(looked.found, job.held_out, job.recipe.seed)
    settings = {"positive": job.positive, "recipe": asdict(job.recipe), "base": base.sha256}
    job = begun(job, "classification", looked.found, names, settings)
    skipped = (*looked.skipped, *looked.poor)
    if skipped:
        place = write_skipped(job.work / RESULTS, skipped)
        print(words.skipped_text(skipped, place), flush=True)
    verdict = job.judge(looked.found, names)
    job = replace(job, stated=job.stated.judged(verdict))
    training = looked.found.where(lambda p: p.name not in names)
    held = looked.found.where(lambda p: p.name in names)
    _require_both(training, listed.classes)
    folds = folds_by_patient(training, job.recipe.folds, job.recipe.seed)
    print(words.folds_text(len(folds), single_classes(training), training.has_patients), flush=True)
    board = Board(job.tensorboard)
    pictures = training.pictures
    aim = aim_of_class(pictures, job.positive)
    trained = train_crossed(pictures, aim, folds, job.recipe, base, job.work, board)
    temperature, crossed = calibrated(trained, training, job.positive)
    card = _card(job, looked, training, held, temperature, bool(folds))
    is_lean = job.recipe.head == "lean"
    flatbuffer = to_litert(trained.model, "int8" if is_lean else "float16")
    card = write_model_folder(job.out, flatbuffer, card)
    answers = _answers(job.out, held, job.positive)
    card = _with_figures(card, job, training, held, crossed, answers, trained.learning)
    card = write_model_folder(job.out, flatbuffer, card)
    rows = _predictions(job, training, held, trained, crossed, answers)
    save_results(job.work / RESULTS, trained.model, trained.curves, rows, skipped, card)
    return card


def _require_classes(found: PictureSet, positive: str) -> None:
    if len(found.classes) != 2 or positive not in found.classes:
        raise DataSetError(words.no_classes(found.classes, positive))


def _require_both(training: PictureSet, classes: tuple[str, ...]) -> None:
    for label in classes:
        if label not in training.classes:
            raise DataSetError(words.too_few(label))


def calibrated(
    trained: Trained, training: PictureSet, positive: str
) -> tuple[float, dict[str, float]]:
    """Return the temperature, and each training picture's probability by its fold."""
    names = [p.name for p in training.pictures if p.name in trained.logits]
    if not names:
        return 1.0, {}
    z = np.array([trained.logits[name][0] for name in names])
    truth = {p.name: int(p.label == positive) for p in training.pictures}
    temperature = round(fit_temperature(z, np.array([truth[name] for name in names])), 4)
    p = 1 / (1 + np.exp(-z / temperature))
    return temperature, dict(zip(names, p.tolist(), strict=True))


def _answers(folder: Path, held: PictureSet, positive: str) -> dict[str, float]:
    """Return what the shipped weights say of the held-out pictures, by the program's own path."""
    if not held.pictures:
        return {}
    model = ModelStore([folder.parent]).load(folder.name)
    outliner = region_model(model.card, ModelStore())
    at = model.card.classes.index(positive)
    tell = Progress("held-out pictures", "picture")
    answers = {}
    for number, picture in enumerate(held.pictures, start=1):
        found = classify_with(model, read_image(picture.path), outliner)
        answers[picture.name] = found.probabilities[at]
        tell(number, len(held.pictures))
    return answers


def held_out_figures(found: PictureSet, positive: str, p: Mapping[str, float]) -> dict[str, Any]:
    """Return figures with intervals over patients, of pictures that a network did not see.

    Parameters
    ----------
    p : mapping of str to float
        Probability of the positive class by picture; pictures without one do not count.
    """
    groups = figures_input(found.pictures, positive, p)
    figures = classification_figures(groups, THRESHOLD)
    truth = np.concatenate([labels for labels, _ in groups])
    figures["expected_calibration_error"] = round(
        expected_calibration_error(truth, np.concatenate([q for _, q in groups])), 4
    )
    figures["resampled"] = "patients" if found.has_patients else "pictures; patients are not known"
    return figures


def _card(
    job: ClassifierJob, looked: LookedAt, training: PictureSet, held: PictureSet,
    temperature: float, has_folds: bool,
) -> ModelCard:  # fmt: skip
    recipe = job.recipe
    negative = next(label for label in training.classes if label != job.positive)
    order = (negative, job.positive)
    counts = (class_counts(training, order), class_counts(held, order))
    left_out = len(looked.skipped), len(looked.poor)
    parts = Parts(training, held, counts, *left_out, has_folds, tuple(single_classes(training)))
    return ModelCard(
        **common_fields(job, parts, recipe.needs_imagenet, has_map=not recipe.is_stepped),
        title=job.stated.title or words.untitled_classifier(job.positive, negative),
        task="classification",
        architecture=recipe.architecture(),
        input_shape=recipe.input_shape,
        intensity=recipe.rule,
        region=recipe.region,
        classes=order,
        positive_class=job.positive,
        positive_output=job.positive,
        threshold=THRESHOLD,
        temperature=temperature,
        calibrated=False,
        training=recipe_training(job, parts, recipe, "classifier"),
    )


def _with_figures(
    card: ModelCard, job: ClassifierJob, training: PictureSet, held: PictureSet,
    crossed: Mapping[str, float], answers: Mapping[str, float],
    learning: Sequence[LearningPoint] = (),
) -> ModelCard:  # fmt: skip
    metrics: dict[str, Any] = {}
    if crossed:
        metrics["cross_validation"] = held_out_figures(training, job.positive, crossed)
    if answers:
        metrics["held_out"] = held_out_figures(held, job.positive, answers)
    if learning:
        metrics[learning_curves.KEY] = learning_curves.as_metrics(learning)
    status = earned_status(training, held, metrics.get("held_out", {}), job.stated.although)
    earned = status is not ModelStatus.DEMONSTRATION
    patients = len(held.patients()) if held.has_patients else 0
    doubt = chance_text(metrics)
    return replace(
        card,
        metrics=metrics or card.metrics,
        known_failures=(*card.known_failures, *([doubt] if doubt else [])),
        status=status,
        calibrated=training.has_patients and len(crossed) >= LEAST_CALIBRATED,
        limits=words.limits_text(patients, training.has_patients, earned),
    )


def _predictions(
    job: ClassifierJob, training: PictureSet, held: PictureSet, trained: Trained,
    crossed: Mapping[str, float], answers: Mapping[str, float],
) -> list[dict[str, Any]]:  # fmt: skip
    rows = []
    negative = next(label for label in training.classes if label != job.positive)
    for found, told, is_held in ((training, crossed, False), (held, answers, True)):
        for picture in found.pictures:
            p = told.get(picture.name)
            is_positive = p is not None and p >= THRESHOLD
            rows.append(
                {
                    "image": picture.name,
                    "patient": picture.patient if found.has_patients else "",
                    "class": picture.label,
                    "held_out": "yes" if is_held else "no",
                    "fold": trained.fold_of.get(picture.name, ""),
                    f"probability_{job.positive}": "" if p is None else round(p, 6),
                    "predicted": "" if p is None else (job.positive if is_positive else negative),
                }
            )
    return rows
