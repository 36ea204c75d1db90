"""``train segmentation``: from a user's images and masks to a model folder with an honest card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.domain.examination import Modality
from spinealign.domain.findings import ModelStatus, Segmentation
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.inference.catalog import ModelStore
from spinealign.training import augment, networks
from spinealign.training.dataset import IGNORE, LabelledSlice
from spinealign.training.evaluate import dice_by_patient, overlap_counts
from spinealign.training.own.about import (
    Stated,
    earned_by_outlines,
    intensity_rule,
    require_modality,
    told_augmentation,
)
from spinealign.training.own.cards import Parts, common_fields, common_training
from spinealign.training.own.jobs import OwnJob, begun
from spinealign.training.own.kept import Kept, kept_under
from spinealign.training.own.layouts import Asked, list_outlines
from spinealign.training.own.looking import LookedAt, Skipped, look_at
from spinealign.training.own.outlined import OutlinedSet, load_slices
from spinealign.training.own.pictures import PictureSet, held_out, with_split
from spinealign.training.own.places import RESULTS
from spinealign.training.own.results import save_results, write_skipped
from spinealign.training.package import (
    fold_batch_normalisation,
    to_litert,
    write_model_folder,
)
from spinealign.training.progress import Board, Progress
from spinealign.training.train import (
    Batch,
    Checkpoint,
    MrPatches,
    prefetch,
    run_steps,
    segmentation_loss,
    settle_normalisation,
)
from spinealign.wording import training as words

SETTLING_BATCHES = 16
"""Batches over which a normalisation's mean and variance are averaged at the end."""


@dataclass(frozen=True)
class OutlineRecipe:
    """Settings of a segmentation of a user's own data; those of the shipped MR segmentation.

    Parameters
    ----------
    widths : tuple of int
        Filters of each level of the U-Net.
    input_px : int
        Side of the network's input.
    crop : tuple of int
        (h, w) of what it is trained on.
    batch, steps : int
    epochs : int or None
        Instead of `steps`: how often as many crops are seen as there are pictures.
    learning_rate : float
    held_out_share : float
        Of patients, where the data set has no splits.
    cache_px : int
        Longest side of pictures in memory.
    save_every : int
        Steps between two checkpoints.
    varies_contrast : bool
        Whether a quarter of the crops get a random curve for each structure; for MR, whose
        sequences differ so.
    seed : int
    rule : IntensityRule
    geometry : Geometry
        How crops are turned, scaled and shifted; mirrored only where it was asked for.
    exposure : Exposure or None
        How their grey values change; None as those of the shipped model.
    file : str
        Checksum of the recipe's file; empty without one.
    """

    widths: tuple[int, ...] = (32, 48, 96, 160, 192)
    input_px: int = 384
    crop: tuple[int, int] = (320, 224)
    batch: int = 8
    steps: int = 2600
    epochs: int | None = None
    learning_rate: float = 2e-3
    held_out_share: float = 0.25
    cache_px: int = 512
    save_every: int = 50
    varies_contrast: bool = False
    seed: int = 7
    rule: IntensityRule = field(default_factory=IntensityRule)
    geometry: augment.Geometry = field(default_factory=lambda: augment.Geometry(flip=False))
    exposure: augment.Exposure | None = None
    file: str = ""

    def arguments(self, classes: int) -> dict[str, Any]:
        """Return the arguments of the network that ships."""
        return {
            "input_shape": [self.input_px, self.input_px, 1],
            "classes": classes,
            "widths": list(self.widths),
            "batch_normalisation": False,
        }

    def steps_for(self, pictures: int) -> int:
        """Return how many steps are trained."""
        if self.epochs is None:
            return self.steps
        return max(1, -(-self.epochs * pictures // self.batch))


def outline_rule(stated: Stated, window_hu: tuple[float, float] | None) -> IntensityRule:
    """Return how grey values become input: on MR with the equalisation of the shipped model."""
    rule = intensity_rule(stated.examination, window_hu, "grey")
    is_mr = stated.examination is not None and stated.examination.modality is Modality.MR
    return replace(rule, clahe_clip_limit=2.0) if is_mr else rule


@dataclass(frozen=True, kw_only=True)
class OutlineJob(OwnJob):
    """What a user asks for; `classes` names the masks' values."""

    recipe: OutlineRecipe = field(default_factory=OutlineRecipe)
    classes: Sequence[str] | None = None


class OwnPatches(MrPatches):
    """Crops whose randomness follows from the step, so that a resumed run sees the same ones."""

    def __init__(
        self, slices: Sequence[LabelledSlice], recipe: OutlineRecipe, classes: int
    ) -> None:
        super().__init__(slices, recipe.crop, recipe.input_px, recipe.rule, classes, recipe.seed)
        self._seed = recipe.seed
        self._varies = recipe.varies_contrast
        self._size = recipe.batch
        self._geometry = recipe.geometry
        self._exposure = recipe.exposure

    def from_step(self, step: int) -> Iterator[Batch]:
        """Yield batches for ever, beginning with the one of a step."""
        while True:
            self._rng = np.random.default_rng([self._seed, step])
            yield next(self.batches(self._size))
            step += 1

    def _exposed(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._exposure is None:
            return super()._exposed(image)
        return augment.random_grey(image, self._exposure, self._rng)

    def _change_contrast(
        self, image: NDArray[np.float32], mask: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        if not self._varies or (mask == IGNORE).any() or self._rng.random() >= 0.25:
            return image
        return augment.remap_classes(image, mask, self._classes, self._rng)


def train_segmentation(job: OutlineJob) -> ModelCard:
    """Train on all patients that are not held out, measure on those that are, and package.

    Raises
    ------
    DataSetError
        The data set does not have the layout, the classes or the patients that this needs.
    """
    classes = tuple(job.classes) if job.classes else None
    asked = Asked(job.data, job.layout, job.pattern, classes=classes, work=job.work)
    outlined = list_outlines(asked)
    outlined = replace(outlined, found=with_split(outlined.found, job.split))
    tell = Progress("looking at the data", "picture")
    looked = look_at(outlined.found, job.most_broken, tell, job.leave_out)
    require_modality(looked, job.stated.examination)
    wanted = job.held_out
    has_splits = any(p.split for p in looked.found.pictures)
    if wanted is None and not has_splits:
        wanted = str(job.recipe.held_out_share)
    names = held_out(looked.found, wanted, job.recipe.seed)
    job = begun(job, "segmentation", looked.found, names, _settings(job, outlined, looked))
    verdict = job.judge(looked.found, names)
    job = replace(job, stated=job.stated.judged(verdict))
    slices, odd = load_slices(outlined, looked, job.recipe.rule, job.recipe.cache_px)
    skipped = (*looked.skipped, *odd)
    _tell_skipped(job, skipped, looked.poor, len(outlined.found.pictures))
    training = [s for s in slices if s.name not in names]
    if not training:
        raise DataSetError(words.nothing_to_train_on())
    steps = job.recipe.steps_for(len(training))
    kept = _kept(job, outlined, looked, names, steps)
    model = _trained(job, training, len(outlined.classes), steps, kept)
    arguments = job.recipe.arguments(len(outlined.classes))
    plain = fold_batch_normalisation(model, networks.segmentation_unet(**arguments))
    flatbuffer = to_litert(plain, "float16")
    parts = _parts(looked.found, slices, names)
    card = _card(job, outlined, parts, (len(skipped), len(looked.poor)), steps)
    card = write_model_folder(job.out, flatbuffer, card)
    # Measured at full size, where people will see the outlines.
    full, _ = load_slices(outlined, looked, job.recipe.rule, None)
    metrics, rows = _measured(job.out, full, names, looked.found, outlined.classes)
    card = _with_figures(card, job, metrics, parts)
    card = write_model_folder(job.out, flatbuffer, card)
    curve = Checkpoint(kept.folder).curve()
    board = Board(job.tensorboard)
    for point in curve:
        board.add("training", int(point["step"]), {"loss": point["loss"]})
    save_results(
        job.work / RESULTS, plain, {"training": curve}, rows, (*skipped, *looked.poor), card
    )
    return card


def _settings(job: OutlineJob, outlined: OutlinedSet, looked: LookedAt) -> dict[str, Any]:
    """Return what decides what is learned, beside the pictures."""
    masks = {p.name: outlined.masks[p.name].sha256() for p in looked.found.pictures}
    return {"masks": masks, "classes": outlined.classes, "recipe": asdict(job.recipe)}


def _tell_skipped(
    job: OutlineJob, skipped: Sequence[Skipped], poor: Sequence[Skipped], of: int
) -> None:
    if len(skipped) > job.most_broken * of:
        raise DataSetError(words.too_many_broken(len(skipped), of, skipped[0], job.most_broken))
    if skipped or poor:
        place = write_skipped(job.work / RESULTS, (*skipped, *poor))
        print(words.skipped_text((*skipped, *poor), place), flush=True)


def _kept(
    job: OutlineJob, outlined: OutlinedSet, looked: LookedAt, names: set[str], steps: int
) -> Kept:
    parts = {
        "data": [(p.name, p.sha256, p.patient) for p in looked.found.pictures],
        "masks": {p.name: outlined.masks[p.name].sha256() for p in looked.found.pictures},
        "labels": [outlined.classes, sorted(names)],
        "settings": [asdict(job.recipe), steps],
    }
    kept = kept_under(job.work, "segmentation", parts)
    print(words.kept_text(kept.is_new, kept.differs_in, "training"), flush=True)
    return kept


def _trained(
    job: OutlineJob, training: Sequence[LabelledSlice], classes: int, steps: int, kept: Kept
) -> keras.Model:
    recipe = job.recipe
    keras.utils.set_random_seed(recipe.seed)
    model = networks.segmentation_unet((*recipe.crop, 1), classes, recipe.widths)
    patches = OwnPatches(training, recipe, classes)
    model = run_steps(
        model,
        segmentation_loss(classes),
        lambda step: prefetch(patches.from_step(step)),
        steps=steps,
        learning_rate=recipe.learning_rate,
        checkpoint=Checkpoint(kept.folder),
        save_every=recipe.save_every,
    )
    settle_normalisation(model, patches.from_step(steps), min(SETTLING_BATCHES, steps))
    return model


def _parts(
    found: PictureSet, slices: Sequence[LabelledSlice], names: set[str]
) -> tuple[PictureSet, PictureSet]:
    used = {s.name for s in slices}
    training = found.where(lambda p: p.name in used - names)
    return training, found.where(lambda p: p.name in used & names)


def _measured(
    folder: Path, slices: Sequence[LabelledSlice], names: set[str], found: PictureSet,
    classes: Sequence[str],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:  # fmt: skip
    model = ModelStore([folder.parent]).load(folder.name)
    metrics: dict[str, Any] = {}
    rows = []
    for part, members in (
        ("held_out", [s for s in slices if s.name in names]),
        ("training", [s for s in slices if s.name not in names]),
    ):
        if not members:
            continue
        figures, answers = dice_by_patient(model, members)
        metrics[part] = {"dice": figures, "slices": len(members)}
        rows += [_row(one, answer, part, found, classes) for one, answer in answers]
    return metrics, rows


def _row(
    one: LabelledSlice, answer: Segmentation, part: str, found: PictureSet, classes: Sequence[str]
) -> dict[str, Any]:
    counts = overlap_counts(one.mask, answer.mask, range(1, len(classes)))
    row: dict[str, Any] = {
        "image": one.name,
        "patient": one.patient if found.has_patients else "",
        "held_out": "yes" if part == "held_out" else "no",
    }
    for name, (both, truth, said) in zip(classes[1:], counts, strict=True):
        row[f"dice_{name}"] = round(2 * both / (truth + said), 4) if truth + said else ""
    return row


def _card(
    job: OutlineJob, outlined: OutlinedSet, used: tuple[PictureSet, PictureSet],
    left_out: tuple[int, int], steps: int,
) -> ModelCard:  # fmt: skip
    recipe = job.recipe
    training, held = (
        words.classes_text({"": (len(p.pictures), len(p.patients()))}, p.has_patients).strip()
        for p in used
    )
    parts = Parts(*used, (training, held), *left_out)
    return ModelCard(
        **common_fields(job, parts, needs_imagenet=False),
        title=job.stated.title or words.untitled_segmentation(outlined.classes[1:]),
        task="segmentation",
        architecture={
            "name": "segmentation_unet",
            "arguments": recipe.arguments(len(outlined.classes)),
        },
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=outlined.classes,
        training={
            "recipe": "spinealign train segmentation",
            "seed": recipe.seed,
            "steps": steps,
            "batch": recipe.batch,
            "learning_rate": recipe.learning_rate,
            "augmentation": told_augmentation(recipe.geometry, recipe.exposure),
            **common_training(job, parts, recipe.file),
        },
    )


def _with_figures(
    card: ModelCard, job: OutlineJob, metrics: dict[str, Any], parts: tuple[PictureSet, PictureSet]
) -> ModelCard:
    _, held = parts
    dice = metrics.get("held_out", {}).get("dice", {})
    status = earned_by_outlines(dice, has_patients=held.has_patients, although=job.stated.although)
    patients = len(held.patients()) if held.has_patients else 0
    earned = status is not ModelStatus.DEMONSTRATION
    return replace(
        card,
        metrics=metrics or card.metrics,
        status=status,
        limits=words.limits_text(patients, held.has_patients, earned),
    )
