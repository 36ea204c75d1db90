"""Several outputs on frozen features: prepared, cross-validated by patient, and put together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.evaluation.intervals import Figure
from spinealign.files import write_whole
from spinealign.inference.checksums import file_sha256
from spinealign.json_files import JsonError, read_json
from spinealign.training import networks
from spinealign.training.classifier import ClassifierRecipe, FrozenPart, frozen_part
from spinealign.training.own.about import Judgement, require_modality, told_augmentation
from spinealign.training.own.cards import Parts, common_training
from spinealign.training.own.features import compute_features
from spinealign.training.own.jobs import OwnJob, begun
from spinealign.training.own.kept import kept_under
from spinealign.training.own.linear_heads import Head, Solve
from spinealign.training.own.looking import LookedAt, look_at
from spinealign.training.own.pictures import (
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


@dataclass(frozen=True, kw_only=True)
class SeveralJob(OwnJob):
    """What a user asks for.

    Parameters
    ----------
    names : tuple of str
        Findings, empty for every column of the list; or grades from the lowest to the highest.
    recipe : ClassifierRecipe
        Its head is "lean".
    imagenet : Path or None
    label_column : str
        Of grades; see `layouts.Asked`.
    """

    names: tuple[str, ...] = ()
    recipe: ClassifierRecipe = field(default_factory=ClassifierRecipe)
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


@dataclass(frozen=True, eq=False)
class Linear:
    """What a training gives.

    Parameters
    ----------
    model : keras.Model
    head : tuple of ndarray
    logits : mapping of str to ndarray of float64, shape (outputs,)
        Of each picture by the fold that did not see it; NaN where that learned nothing.
    fold_of : mapping of str to int
        Counted from 1.
    """

    model: keras.Model
    head: Head
    logits: Mapping[str, NDArray[np.float64]]
    fold_of: Mapping[str, int]


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


def train_linear(
    ready: Prepared, targets: Mapping[str, Sequence[float]], kind: str, solve: Solve, order: Any
) -> Linear:
    """Hold out each fold in turn, then fit the head on all pictures.

    Parameters
    ----------
    ready : Prepared
    targets : mapping of str to sequence of float
        Of each picture; NaN where not known.
    kind : str
        Under which work is kept.
    solve : callable
    order : any
        What the targets mean: another order or other names share no kept work.
    """
    job, recipe, pictures = ready.job, ready.job.recipe, ready.training.pictures
    store = compute_features(pictures, recipe, ready.base, job.work)
    folds = folds_by_patient(ready.training, recipe.folds, recipe.seed)
    print(words.folds_text(len(folds)), flush=True)
    rows = [list(targets[p.name]) for p in pictures]
    named = [(p.name, p.patient, row) for p, row in zip(pictures, rows, strict=True)]
    kept = kept_under(
        job.work,
        kind,
        {
            "data": [(p.name, p.sha256) for p in pictures],
            "labels": [order, named],
            "folds": [sorted(fold) for fold in folds],
            "settings": [asdict(recipe), ready.base.sha256],
        },
    )  # fmt: skip
    print(words.kept_text(kept.is_new, kept.differs_in, "training"), flush=True)
    truth = np.array(rows, np.float64)
    each = store.per_picture

    def fitted(wanted: Sequence[int]) -> Head:
        index = np.array([n * each + c for n in wanted for c in range(each)], np.int64)
        return solve(store.values(index), truth[index // each], recipe.inverse_regularisation)

    logits: dict[str, NDArray[np.float64]] = {}
    fold_of: dict[str, int] = {}
    tell = Progress("folds", "fold")
    for number, fold in enumerate(folds, start=1):
        place = kept.folder / f"fold{number}.json"
        told = _kept_logits(place)
        if told is None:
            rest = [n for n, p in enumerate(pictures) if p.name not in fold]
            own = np.array([n for n, p in enumerate(pictures) if p.name in fold], np.int64)
            kernel, bias = fitted(rest)
            values = store.values(own * each) @ kernel + bias
            told = {
                pictures[n].name: [float(z) if np.isfinite(z) else None for z in row]
                for n, row in zip(own, values, strict=True)
            }
            write_whole(place, json.dumps(told).encode())
        logits.update({name: np.array(row, np.float64) for name, row in told.items()})
        fold_of.update(dict.fromkeys(told, number))
        tell(number, len(folds))
    head = fitted(range(len(pictures)))
    board = Board(job.tensorboard)
    board.add("final", 0, {"pictures": float(len(pictures))})
    return Linear(_whole(ready, head), head, logits, fold_of)


def _kept_logits(path: Path) -> dict[str, list[float | None]] | None:
    try:
        return read_json(path, dict[str, list[float | None]])
    except (OSError, JsonError):
        return None


def _whole(ready: Prepared, head: Head) -> keras.Model:
    """Put the frozen part and the head into the network that ships."""
    kernel, bias = head
    arguments = {**ready.job.recipe.arguments, "outputs": len(bias)}
    whole = networks.vgg16_linear(**arguments)
    assert ready.base.model is not None
    for layer in ready.base.model.layers:
        if layer.weights:
            whole.get_layer(layer.name).set_weights(layer.get_weights())
    whole.get_layer("activation_map").set_weights([kernel[None, None], bias])
    return whole


def training_of(ready: Prepared, parts: Parts, command: str) -> dict[str, Any]:
    """Return what a card says of the training."""
    recipe = ready.job.recipe
    return {
        "recipe": f"spinealign train {command}",
        "seed": recipe.seed,
        "copies": recipe.copies,
        "regularisation": recipe.inverse_regularisation,
        "augmentation": told_augmentation(recipe.geometry, recipe.exposure),
        **common_training(ready.job, parts, recipe.file),
    }


def parts_of(ready: Prepared, counts: tuple[str, str], has_folds: bool) -> Parts:
    """Return what was trained on, held out and left out."""
    unreadable, poor = len(ready.looked.skipped), len(ready.looked.poor)
    return Parts(ready.training, ready.held, counts, unreadable, poor, has_folds)


def as_metric(figure: Figure, patients: int) -> dict[str, float | int | None]:
    """Return a figure as cards hold it."""
    ends = (figure.value, figure.low, figure.high)
    value, low, high = (None if not np.isfinite(end) else round(float(end), 4) for end in ends)
    return {"value": value, "low": low, "high": high, "units": patients}


def patient_of(found: PictureSet, picture: Picture) -> str:
    """Return the patient as tables of results show it; empty where patients are not known."""
    return picture.patient if found.has_patients else ""
