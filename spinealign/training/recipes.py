"""The recipes that make the shipped models, each one resumable and reproducible by its seed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.imaging.fit import to_network_input, unplace
from spinealign.training import networks
from spinealign.training.dataset import (
    IGNORE,
    LabelledSlice,
    load_mr_segmentation,
    load_mr_unlabelled,
    shrink,
    split_patients,
)
from spinealign.training.train import (
    Checkpoint,
    MrPatches,
    prefetch,
    run_steps,
    segmentation_loss,
)

MR_CLASSES = ("background", "vertebra", "disc", "canal")


@dataclass(frozen=True)
class MrRecipe:
    """Settings of the sagittal MR segmentation; the defaults are the shipped model's.

    The second stage is self-training (Lee 2013, pseudo-labels): slices of other
    sequences without outlines get the first stage's confident answers as labels,
    so that T1 and ordinary T2 contrast is seen and not only imitated.
    """

    widths: tuple[int, ...] = (32, 48, 96, 160, 192)
    input_px: int = 384
    crop: tuple[int, int] = (320, 224)
    batch: int = 8
    steps: int = 2600
    self_training_steps: int = 1800
    learning_rate: float = 2e-3
    held_out_fraction: float = 0.25
    cache_px: int = 512
    confidence: float = 0.75
    seed: int = 7
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )

    def network(self, shape: tuple[int, int]) -> keras.Model:
        """Build the trainable network for inputs of `shape` (h, w)."""
        return networks.segmentation_unet((*shape, 1), len(MR_CLASSES), self.widths)


def train_mr_segmentation(
    data: Path, unlabelled: Path | None, work: Path, recipe: MrRecipe
) -> keras.Model:
    """Train the sagittal MR segmentation and return it with its averaged weights.

    Parameters
    ----------
    data : Path
        Folder with images, masks and ``manifest.csv``.
    unlabelled : Path or None
        Folder with ``images.csv``; None leaves the second stage out. Patients
        that validation holds out are never used from it.
    work : Path
        Checkpoints; running again resumes there.
    """
    keras.utils.set_random_seed(recipe.seed)
    slices = load_mr_segmentation(data, recipe.cache_px)
    train_patients, held_out = split_patients(
        [s.patient for s in slices], recipe.held_out_fraction, recipe.seed
    )
    training = [s for s in slices if s.patient in train_patients]
    model = _stage(recipe, training, work / "stage1", recipe.steps, recipe.learning_rate, None)
    if unlabelled is None or recipe.self_training_steps == 0:
        return model
    others = [s for s in load_mr_unlabelled(unlabelled) if s.patient not in held_out]
    guessed = pseudo_label(model, others, recipe)
    print(f"self-training on {len(guessed)} of {len(others)} slices without outlines", flush=True)
    mixed = [*training, *guessed]
    return _stage(
        replace(recipe, seed=recipe.seed + 1), mixed, work / "stage2",
        recipe.self_training_steps, recipe.learning_rate / 2, model,
    )  # fmt: skip


def _stage(
    recipe: MrRecipe, slices: list[LabelledSlice], folder: Path, steps: int,
    learning_rate: float, start: keras.Model | None,
) -> keras.Model:  # fmt: skip
    model = recipe.network(recipe.crop)
    if start is not None:
        model.set_weights(start.get_weights())
    patches = MrPatches(
        slices, recipe.crop, recipe.input_px, recipe.rule, len(MR_CLASSES), recipe.seed
    )
    return run_steps(
        model, segmentation_loss(len(MR_CLASSES)), prefetch(patches.batches(recipe.batch)),
        steps=steps, learning_rate=learning_rate, checkpoint=Checkpoint(folder),
    )  # fmt: skip


def pseudo_label(
    model: keras.Model, slices: list[LabelledSlice], recipe: MrRecipe
) -> list[LabelledSlice]:
    """Outline slices with the model's own confident answers.

    The answer is averaged over the slice and its mirror image; pixels below
    `recipe.confidence` become `IGNORE`, slices on which fewer than three
    structures' worth of pixels are sure are dropped.
    """
    full = recipe.network((recipe.input_px, recipe.input_px))
    full.set_weights(model.get_weights())
    labelled = []
    for one in slices:
        pixels = shrink(one.pixels, recipe.cache_px, cv2.INTER_AREA)
        probabilities = mirrored_probabilities(full, pixels, recipe)
        best = probabilities.max(axis=-1)
        mask = probabilities.argmax(axis=-1).astype(np.uint8)
        share = np.bincount(mask.ravel(), minlength=4) / mask.size
        sure = float((best > recipe.confidence).mean())
        if share[1] < 0.02 or share[2] < 0.004 or share[3] < 0.005 or sure < 0.9:
            continue
        mask[best < recipe.confidence] = IGNORE
        labelled.append(replace(one, pixels=pixels, mask=mask))
    return labelled


def mirrored_probabilities(
    model: keras.Model, pixels: NDArray[np.uint8], recipe: MrRecipe
) -> NDArray[np.float32]:
    """Return class probabilities (H, W, C), averaged over the image and its mirror."""
    size = (recipe.input_px, recipe.input_px)
    batch, box = to_network_input(
        pixels.astype(np.float32), size, recipe.rule, bits=8, is_hounsfield=False
    )
    both = np.concatenate([batch, batch[:, :, ::-1]])
    logits = np.asarray(model.predict_on_batch(both), np.float32)
    logits = (logits[0] + logits[1][:, ::-1]) / 2
    logits -= logits.max(axis=-1, keepdims=True)
    p = np.exp(logits)
    return unplace(p / p.sum(axis=-1, keepdims=True), box)


def mr_card(recipe: MrRecipe, arguments: dict[str, Any], *, unlabelled: bool) -> ModelCard:
    """Describe the model; figures and the status that they earn are added once measured."""
    return ModelCard(
        name="mr_segmentation",
        title="Sagittal MR segmentation",
        version="1.0.0",
        status=ModelStatus.DEMONSTRATION,
        task="segmentation",
        examinations=(ExaminationKind.SAGITTAL_SPINE_MR,),
        weights="model.tflite",
        sha256="",
        architecture={"name": "segmentation_unet", "arguments": arguments},
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=MR_CLASSES,
        training_data=(
            "SPIDER (van der Graaf et al., Sci Data 2024, s41597-024-03090-w), CC BY 4.0: "
            "every second T2 SPACE slice of 25 patients with outlines; 8 further patients "
            "held out for the figures"
            + (
                "; mid-sagittal T1, T2 and T2 SPACE slices of other patients without outlines, "
                "labelled by the first training stage (self-training)"
                if unlabelled
                else ""
            )
        ),
        licence="CC BY 4.0 (weights trained on SPIDER)",
        metrics={"pending": True},
        intended_use="Outlines of vertebrae (with posterior elements), discs and spinal canal on "
        "sagittal lumbar MR, to be checked by a professional.",
        known_failures=(
            "Cervical and thoracic spines were not in the training data.",
            "T1 and fat-suppressed contrast was learned without human outlines.",
            "Slices far from the middle: posterior elements and canal are often incomplete.",
            "The sacrum counts as background; a transitional vertebra may be on either side.",
            "Implants, fractures with collapse, tumours and large scolioses were not tested.",
        ),
        limits="Measured on 8 held-out patients of one data set and one sequence (T2 SPACE); "
        "outlines on other sequences and scanners must be checked by eye.",
        training={
            "recipe": "spinealign train mr-segmentation",
            "seed": recipe.seed,
            "steps": recipe.steps,
            "self_training_steps": recipe.self_training_steps if unlabelled else 0,
            "batch": recipe.batch,
        },
    )
