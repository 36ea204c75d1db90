"""What the cards of all trainings on a user's own data have in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spinealign.domain.findings import ModelStatus
from spinealign.domain.trained_on import CONTENT_KEY, KEY, content_marks, picture_marks
from spinealign.training.classifier import ClassifierRecipe
from spinealign.training.own.about import told_augmentation
from spinealign.training.own.jobs import OwnJob
from spinealign.training.own.pictures import PictureSet
from spinealign.training.own.places import KEY as TRAINING_KEY
from spinealign.wording import training as words


@dataclass(frozen=True)
class Parts:
    """What was trained on, held out and left out.

    Parameters
    ----------
    training, held : PictureSet
    counts : tuple of str
        Of both, in words.
    unreadable, poor : int
        Pictures that could not be read, and those left out for their quality.
    has_folds : bool
        Whether there was a cross-validation, or none is wanted.
    single : tuple of str
        Classes or findings that could not be held out, as a single patient has or lacks them.
    """

    training: PictureSet
    held: PictureSet
    counts: tuple[str, str]
    unreadable: int
    poor: int
    has_folds: bool = True
    single: tuple[str, ...] = ()


def common_fields(
    job: OwnJob, parts: Parts, needs_imagenet: bool, *, has_map: bool = True
) -> dict[str, Any]:
    """Return the fields of a card that follow from data and options alone.

    Parameters
    ----------
    job : OwnJob
    parts : Parts
    needs_imagenet : bool
        Whether the convolutions are ImageNet's.
    has_map : bool
        False of a network that does not show where in the picture its answer comes from.
    """
    stated, has_patients = job.stated, parts.training.has_patients
    return {
        "name": job.out.name,
        "version": "1",
        "status": ModelStatus.DEMONSTRATION,
        "examinations": stated.examinations,
        "image_kinds": stated.image_kinds,
        "weights": "model.tflite",
        "sha256": "0" * 64,
        "training_data": words.training_data_text(
            parts.counts[0],
            parts.counts[1] if parts.held.pictures else "",
            stated.source,
            parts.unreadable,
            words.IMAGENET_BASE if needs_imagenet else "",
            has_patients,
            parts.poor,
        ),
        "metrics": {"note": words.NOT_EVALUATED},
        "known_failures": words.failures_of(
            has_patients,
            parts.has_folds,
            stated.although,
            stated.examination is not None or stated.image_kind is not None,
            stated.verdict,
            job.leave_out,
            has_map,
            parts.single,
        ),
        "limits": words.limits_text(0, has_patients, False),
        "licence": words.licence_text(stated.licence, needs_imagenet),
        "intended_use": stated.intended_use or words.NOT_STATED,
    }


def marks_of_training(found: PictureSet) -> dict[str, list[str]]:
    """Return what an evaluation knows the pictures again by that a model learned from."""
    return {
        KEY: picture_marks(p.sha256 for p in found.pictures),
        CONTENT_KEY: content_marks(p.content for p in found.pictures),
    }


def recipe_training(
    job: OwnJob, parts: Parts, recipe: ClassifierRecipe, command: str
) -> dict[str, Any]:
    """Return what the card of a network that answers for a whole picture says of its training."""
    rate: dict[str, Any] = {"regularisation": recipe.inverse_regularisation}
    if recipe.is_stepped:  # a regression has no learning rate
        rate = {"learning_rate": recipe.learning_rate, "schedule": asdict(recipe.rate_rule)}
    return {
        "recipe": f"spinealign train {command} --head {recipe.head}",
        "seed": recipe.seed,
        "copies": recipe.copies,
        "balance": recipe.balance,
        **rate,
        "augmentation": told_augmentation(recipe.geometry, recipe.exposure),
        **common_training(job, parts, recipe.file),
    }


def common_training(job: OwnJob, parts: Parts, recipe_file: str) -> dict[str, Any]:
    """Return what every card says of its training, beside the settings of the task."""
    return {
        "recipe_file": recipe_file,
        "patients_from": str(parts.training.source),
        "audit": job.stated.verdict,
        **marks_of_training(parts.training),
        "although": job.stated.although,
        TRAINING_KEY: job.key,
    }
