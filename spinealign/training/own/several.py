"""Networks with several answers: prepared, cross-validated by patient, and asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from spinealign.domain.image import SpineImage
from spinealign.evaluation.intervals import Figure
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.inference.checksums import file_sha256
from spinealign.inference.engine import LoadedModel
from spinealign.predict import region_model
from spinealign.training.classifier import ClassifierRecipe, FrozenPart, frozen_part
from spinealign.training.own.about import Judgement, require_modality
from spinealign.training.own.aims import Aim
from spinealign.training.own.cards import Parts, common_fields, recipe_training
from spinealign.training.own.crossing import Trained, require_steps, train_crossed
from spinealign.training.own.jobs import OwnJob, begun
from spinealign.training.own.looking import LookedAt, look_at
from spinealign.training.own.pictures import (
    Marks,
    Picture,
    PictureSet,
    folds_by_patient,
    held_out,
    with_split,
)
from spinealign.training.own.places import RESULTS
from spinealign.training.own.results import write_skipped
from spinealign.training.progress import Board, Progress
from spinealign.wording import training as words

DRAWS = 500
"""Of patients, for the intervals of a card; as for classifiers."""

BALANCE: Final = "none"
"""Of findings and grades where none is asked for: thresholds follow from the folds' answers, and
probabilities are those of the data."""

Ask = Callable[[LoadedModel, SpineImage, LoadedModel | None], Sequence[float]]
"""Takes the model, a picture, and what outlines the region that is seen."""


@dataclass(frozen=True, kw_only=True)
class SeveralJob(OwnJob):
    """What a user asks for.

    Parameters
    ----------
    names : tuple of str
        Findings, empty for every column of the list; or grades from the lowest to the highest.
    recipe : ClassifierRecipe
    imagenet : Path or None
    label_column : str
        Of grades; see `layouts.Asked`.
    """

    names: tuple[str, ...] = ()
    recipe: ClassifierRecipe = field(default_factory=lambda: ClassifierRecipe(balance=BALANCE))
    imagenet: Path | None = None
    label_column: str = ""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set that can be trained on.

    Parameters
    ----------
    job : SeveralJob
        With what the audit said.
    looked : LookedAt
    training, held : PictureSet
    base : FrozenPart
    """

    job: SeveralJob
    looked: LookedAt
    training: PictureSet
    held: PictureSet
    base: FrozenPart


def looked_at(
    job: SeveralJob, listed: PictureSet, task: str, labels: Any
) -> tuple[SeveralJob, LookedAt, set[str]]:
    """Read every picture once; return the job, them, and the names of those held out.

    Parameters
    ----------
    job : SeveralJob
    listed : PictureSet
    task : str
        As cards call it.
    labels : value
        What is learned of each picture, as far as its class does not say it.

    Raises
    ------
    ModelStoreError
        OTHER_THERE: another model lies where this one is to go.
    """
    require_steps(job.recipe)
    listed = with_split(listed, job.split)
    tell = Progress("looking at the data", "picture")
    looked = look_at(listed, job.most_broken, tell, job.leave_out)
    require_modality(looked, job.stated.examination)
    names = held_out(looked.found, job.held_out, job.recipe.seed)
    settings = {"labels": labels, "recipe": asdict(job.recipe), "imagenet": _content(job.imagenet)}
    job = begun(job, task, looked.found, names, settings)
    skipped = (*looked.skipped, *looked.poor)
    if skipped:
        place = write_skipped(job.work / RESULTS, skipped)
        print(words.skipped_text(skipped, place), flush=True)
    return job, looked, names


def _content(imagenet: Path | None) -> str:
    return "" if imagenet is None or not imagenet.is_file() else file_sha256(imagenet)


def prepared(job: SeveralJob, looked: LookedAt, names: set[str], verdict: Judgement) -> Prepared:
    """Part what is trained on from what is held out."""
    job = replace(job, stated=job.stated.judged(verdict))
    return Prepared(
        job,
        looked,
        looked.found.where(lambda p: p.name not in names),
        looked.found.where(lambda p: p.name in names),
        frozen_part(job.recipe, job.imagenet),
    )


def trained_crossed(
    ready: Prepared, aim: Aim, single: Sequence[str], marks: Marks | None = None
) -> Trained:
    """Hold out each fold in turn, then train on all pictures; see `crossing.train_crossed`.

    Parameters
    ----------
    single : sequence of str
        Classes or findings of a single patient, which are told.
    marks : mapping, optional
        See `folds_by_patient`.
    """
    job, recipe = ready.job, ready.job.recipe
    folds = folds_by_patient(ready.training, recipe.folds, recipe.seed, marks)
    print(words.folds_text(len(folds), single, ready.training.has_patients), flush=True)
    board = Board(job.tensorboard)
    pictures = ready.training.pictures
    return train_crossed(pictures, aim, folds, recipe, ready.base, job.work, board)


def several_fields(ready: Prepared, parts: Parts, outputs: int, command: str) -> dict[str, Any]:
    """Return the fields of a card that findings and grades have in common."""
    job, recipe = ready.job, ready.job.recipe
    return {
        **common_fields(job, parts, recipe.needs_imagenet, has_map=not recipe.is_stepped),
        "architecture": recipe.architecture(outputs),
        "input_shape": recipe.input_shape,
        "intensity": recipe.rule,
        "region": recipe.region,
        "training": recipe_training(job, parts, recipe, command),
    }


def answers_of(job: SeveralJob, held: PictureSet, ask: Ask) -> dict[str, list[float]]:
    """Return what the shipped weights say of the held-out pictures, by the program's own path.

    Parameters
    ----------
    job : SeveralJob
    held : PictureSet
    ask : callable
        Returns probabilities.
    """
    if not held.pictures:
        return {}
    model = ModelStore([job.out.parent]).load(job.out.name)
    outliner = region_model(model.card, ModelStore())
    tell = Progress("held-out pictures", "picture")
    answers = {}
    for number, picture in enumerate(held.pictures, start=1):
        answers[picture.name] = list(ask(model, read_image(picture.path), outliner))
        tell(number, len(held.pictures))
    return answers


def parts_of(
    ready: Prepared, counts: tuple[str, str], has_folds: bool, single: Sequence[str]
) -> Parts:
    """Return what was trained on, held out and left out."""
    unreadable, poor = len(ready.looked.skipped), len(ready.looked.poor)
    return Parts(ready.training, ready.held, counts, unreadable, poor, has_folds, tuple(single))


def as_metric(figure: Figure, patients: int) -> dict[str, float | int | None]:
    """Return a figure as cards hold it."""
    ends = (figure.value, figure.low, figure.high)
    value, low, high = (None if not np.isfinite(end) else round(float(end), 4) for end in ends)
    return {"value": value, "low": low, "high": high, "units": patients}


def patient_of(found: PictureSet, picture: Picture) -> str:
    """Return the patient as tables of results show it; empty where patients are not known."""
    return picture.patient if found.has_patients else ""
