"""``train landmarks``: from a user's named points to a model folder with an honest card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from spinealign.data_audit.landmarks import MarkedSet, list_marked
from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import ModelCard
from spinealign.training import networks
from spinealign.training.own.about import (
    require_modality,
)
from spinealign.training.own.jobs import begun
from spinealign.training.own.kept import Kept, kept_under
from spinealign.training.own.landmark_cards import measured_points, points_card, with_figures
from spinealign.training.own.landmark_patches import (
    PointedPicture,
    PointPatches,
    PointPatchSettings,
    load_pictures,
)
from spinealign.training.own.landmark_recipe import LandmarkJob, LandmarkRecipe, with_mirror
from spinealign.training.own.looking import LookedAt, Skipped, look_at
from spinealign.training.own.pictures import (
    Picture,
    PictureSet,
    held_out,
    with_patients,
    with_split,
)
from spinealign.training.own.places import RESULTS
from spinealign.training.own.results import save_results, write_skipped
from spinealign.training.package import (
    fold_batch_normalisation,
    to_litert,
    write_model_folder,
)
from spinealign.training.progress import Board, Progress
from spinealign.training.train import (
    Checkpoint,
    prefetch,
    run_steps,
    settle_normalisation,
)
from spinealign.training.xray import heat_loss
from spinealign.wording import landmarks as point_words
from spinealign.wording import training as words

SETTLING_BATCHES = 16
"""Batches over which a normalisation's mean and variance are averaged at the end."""

_ROOM = 1.25
"""How much larger pictures are kept than the second look needs: crops are magnified at random."""


def point_loss() -> Callable[..., object]:
    """Return the loss of heat maps; of points that are not known nothing is learned."""

    def loss(labels: Any, logits: Any) -> Any:
        labels = ops.cast(labels, "float32")
        known = ops.cast(labels >= 0, "float32")
        return heat_loss(ops.maximum(labels, 0.0), known, logits)

    return loss


def train_landmarks(job: LandmarkJob) -> ModelCard:
    """Train on all patients that are not held out, measure on those that are, and package.

    Raises
    ------
    DataSetError
        The data set does not have the layout, the points or the patients that this needs.
    """
    data = _prepared(job)
    job, marked, looked = data.job, data.marked, data.looked
    training = [one for one in data.pictures if one.name not in data.held_out]
    _require_taught(training, marked.names)
    steps = job.recipe.steps_for(len(training))
    kept = _kept(job, marked, looked, data.held_out, steps)
    model = _trained(job.recipe, training, len(marked.names), steps, kept)
    plain = networks.landmark_unet(**job.recipe.arguments(len(marked.names)))
    plain = fold_batch_normalisation(model, plain)
    flatbuffer = to_litert(plain, "float16")
    parts, left_out = data.parts(), (len(data.skipped), len(looked.poor))
    card = points_card(job, marked, training, parts, left_out, steps)
    card = write_model_folder(job.out, flatbuffer, card)
    metrics, rows = measured_points(job, marked, parts)
    card = write_model_folder(job.out, flatbuffer, with_figures(card, job, metrics, parts[1]))
    curve = Checkpoint(kept.folder).curve()
    board = Board(job.tensorboard)
    for point in curve:
        board.add("training", int(point["step"]), {"loss": point["loss"]})
    skipped = (*data.skipped, *looked.poor)
    save_results(job.work / RESULTS, plain, {"training": curve}, rows, skipped, card)
    return card


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A data set that was read, looked at and judged; `job` has the verdict."""

    job: LandmarkJob
    marked: MarkedSet
    looked: LookedAt
    held_out: set[str]
    pictures: Sequence[PointedPicture]
    skipped: tuple[Skipped, ...]

    def parts(self) -> tuple[PictureSet, PictureSet]:
        """Return the pictures that are trained on, and those that no training sees."""
        used, found = {one.name for one in self.pictures}, self.looked.found
        return (
            found.where(lambda p: p.name in used - self.held_out),
            found.where(lambda p: p.name in used & self.held_out),
        )


def _prepared(job: LandmarkJob) -> _Prepared:
    marked = list_marked(job.data, job.layout, job.coordinates, job.points)
    print(point_words.points_told(marked.names), flush=True)
    job = replace(job, recipe=with_mirror(job, marked.names))
    found = with_split(_picture_set(marked, job.pattern), job.split)
    tell = Progress("looking at the data", "picture")
    looked = look_at(found, job.most_broken, tell, job.leave_out)
    require_modality(looked, job.stated.examination)
    wanted = job.held_out
    if wanted is None and not any(p.split for p in looked.found.pictures):
        wanted = str(job.recipe.held_out_share)
    names = held_out(looked.found, wanted, job.recipe.seed)
    points = {each.name: dict(each.points) for each in marked.pictures}
    settings = {
        "points": [marked.coordinates, marked.names, points], "recipe": asdict(job.recipe),
    }  # fmt: skip
    job = begun(job, "landmarks", looked.found, names, settings)
    verdict = job.judge(looked.found, names)
    job = replace(job, stated=job.stated.judged(verdict))
    longest = round(job.recipe.input_px * job.recipe.zoom * _ROOM)
    pictures, odd = load_pictures(marked, looked, job.recipe.rule, longest)
    skipped = (*looked.skipped, *odd)
    _tell_skipped(job, skipped, looked.poor, len(found.pictures))
    return _Prepared(job, marked, looked, names, pictures, skipped)


def _picture_set(marked: MarkedSet, pattern: str | None) -> PictureSet:
    pictures = [
        Picture(each.path, each.name, "", each.part, each.patient)
        for each in marked.pictures
        if each.points
    ]
    return with_patients(pictures, pattern)


def _tell_skipped(
    job: LandmarkJob, skipped: Sequence[Skipped], poor: Sequence[Skipped], of: int
) -> None:
    if len(skipped) > job.most_broken * of:
        raise DataSetError(words.too_many_broken(len(skipped), of, skipped[0], job.most_broken))
    if skipped or poor:
        place = write_skipped(job.work / RESULTS, (*skipped, *poor))
        print(words.skipped_text((*skipped, *poor), place), flush=True)


def _require_taught(training: Sequence[PointedPicture], names: Sequence[str]) -> None:
    """Refuse a split that leaves nothing, or a point that is nowhere, to learn from."""
    if not training:
        raise DataSetError(words.nothing_to_train_on())
    known = np.any([np.isfinite(one.points[:, 0]) for one in training], axis=0)
    if not known.all():
        missing = [name for name, is_there in zip(names, known, strict=True) if not is_there]
        raise DataSetError(point_words.points_nowhere(missing))


def _kept(
    job: LandmarkJob, marked: MarkedSet, looked: LookedAt, names: set[str], steps: int
) -> Kept:
    points = {each.name: dict(each.points) for each in marked.pictures}
    parts = {
        "data": [(p.name, p.sha256, p.patient) for p in looked.found.pictures],
        "points": [
            marked.coordinates,
            marked.names,
            {p.name: points[p.name] for p in looked.found.pictures},
        ],
        "labels": sorted(names),
        "settings": [asdict(job.recipe), steps],
    }
    kept = kept_under(job.work, "landmarks", parts)
    print(words.kept_text(kept.is_new, kept.differs_in, "training"), flush=True)
    return kept


def _trained(
    recipe: LandmarkRecipe, training: Sequence[PointedPicture], points: int, steps: int, kept: Kept
) -> keras.Model:
    keras.utils.set_random_seed(recipe.seed)
    side = recipe.input_px
    model = networks.landmark_unet((side, side, 1), points, recipe.widths, recipe.context)
    settings = PointPatchSettings(
        (side, side), recipe.zoom, recipe.close_share, recipe.rule, recipe.geometry,
        recipe.exposure, recipe.swaps,
    )  # fmt: skip
    patches = PointPatches(training, settings, recipe.seed)
    model = run_steps(
        model,
        point_loss(),
        lambda step: prefetch(patches.from_step(step, recipe.batch)),
        steps=steps,
        learning_rate=recipe.learning_rate,
        checkpoint=Checkpoint(kept.folder),
        save_every=recipe.save_every,
    )
    settle_normalisation(
        model, patches.from_step(steps, recipe.batch), min(SETTLING_BATCHES, steps)
    )
    return model
