"""Recipe of the network that outlines vertebral bodies on lateral cervical films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.radiograph import BODY_CLASSES
from spinealign.training import networks
from spinealign.training.dataset import read_grey, shrink
from spinealign.training.keras_engine import set_stored_weights, stored_layers
from spinealign.training.train import Checkpoint, prefetch, run_steps, segmentation_loss
from spinealign.training.xray_data import CORNERS, Film, load_films, split_films
from spinealign.training.xray_patches import FilmPatches, PatchSettings

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class XrayRecipe:
    """Settings of the lateral film's bodies; the defaults are the shipped model's."""

    widths: tuple[int, ...] = (32, 48, 96, 160, 192)
    input_px: int = 384
    crop: tuple[int, int] = (256, 256)
    batch: int = 8
    steps: int = 2600
    learning_rate: float = 2e-3
    corner_weight: float = 0.5
    held_out_fraction: float = 0.25
    cache_px: int = 1000
    negatives_per_folder: int = 80
    seed: int = 7
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `networks.vertebra_unet` at inference."""
        return {
            "input_shape": [self.input_px, self.input_px, 1],
            "classes": len(BODY_CLASSES),
            "corners": len(CORNERS),
            "widths": list(self.widths),
            "batch_normalisation": False,
        }

    def network(self) -> keras.Model:
        """Build the trainable network with its outputs joined."""
        return networks.vertebra_unet(
            (*self.crop, 1), len(BODY_CLASSES), len(CORNERS), self.widths, joined=True
        )


def bodies_and_corners_loss(classes: int, corner_weight: float) -> Callable[..., object]:
    """Return the segmentation loss plus a focal loss on the corner heat maps.

    The focal part is the quality focal loss (Li et al. 2020, arXiv:2006.04388):
    cross-entropy against a soft target, weighted by the squared error, so that
    the empty majority of a heat map does not drown the corners.
    """
    outlines = segmentation_loss(classes)

    def loss(labels: Any, outputs: Any) -> Any:
        labels = ops.cast(labels, "float32")
        corners = corner_loss(labels[..., 1:], outputs[..., classes:])
        # Corners are worth more than their few pixels say.
        return outlines(labels[..., :1], outputs[..., :classes]) + 4 * corner_weight * corners

    return loss


def corner_loss(labels: Any, logits: Any) -> Any:
    """Return the quality focal loss of heat maps.

    Parameters
    ----------
    labels : tensor of float32, shape (batch, h, w, corners + 1)
        Heat maps and their weight, all times 255.
    logits : tensor of float32, shape (batch, h, w, corners)
    """
    return heat_loss(labels[..., :-1] / 255.0, labels[..., -1:] / 255.0, logits)


def heat_loss(target: Any, weight: Any, logits: Any) -> Any:
    """Return the quality focal loss of heat maps 0..1; nothing is learned where weight is 0."""
    entropy = ops.softplus(logits) - target * logits
    error = ops.square(ops.sigmoid(logits) - target)
    return ops.sum(entropy * error * weight) / (ops.sum(target * weight) + 100.0)


def train_xray_bodies(
    data: Path, negatives: Sequence[Path], start: Path | None, work: Path, recipe: XrayRecipe,
    settings: PatchSettings | None = None,
) -> keras.Model:  # fmt: skip
    """Train and return the network (outputs joined) with its averaged weights.

    Parameters
    ----------
    data : Path
        Folder with images, annotations and ``films.csv``.
    negatives : sequence of Path
        Folders, searched at any depth, of pictures that show no cervical column from the side.
    start : Path or None
        Model folder of a `segmentation_unet` of the same widths to start from.
    work : Path
        Checkpoints; running again resumes there.
    settings : PatchSettings, optional
        Other augmentation than the recipe's, for an ablation.
    """
    keras.utils.set_random_seed(recipe.seed)
    training, _ = split_films(
        load_films(data, recipe.cache_px), recipe.held_out_fraction, recipe.seed
    )
    pictures = [p for folder in negatives for p in load_negatives(folder, recipe)]
    settings = settings or PatchSettings(crop=recipe.crop, rule=recipe.rule)
    patches = FilmPatches(training, pictures, settings, recipe.seed)
    model = recipe.network()
    if start is not None:
        examples = next(patches.batches(recipe.batch))[0]
        start_from(model, start, recipe, examples)
    return run_steps(
        model, bodies_and_corners_loss(len(BODY_CLASSES), recipe.corner_weight),
        prefetch(patches.batches(recipe.batch)), steps=recipe.steps,
        learning_rate=recipe.learning_rate, checkpoint=Checkpoint(work),
    )  # fmt: skip


def load_negatives(
    folder: Path, recipe: XrayRecipe, *, for_training: bool = True
) -> list[NDArray[np.uint8]]:
    """Load evenly spread pictures (h, w) of a folder, shrunk to the network's size.

    Those for testing lie between those for training; both may show the same
    patient, and a folder too small to be parted gives the same pictures twice.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _PICTURES)
    files = [p for p in files if "masks" not in p.parts]
    step = max(1, len(files) // recipe.negatives_per_folder)
    chosen = files[::step] if for_training or step == 1 else files[step // 2 :: step]
    return [shrink(read_grey(p), recipe.input_px, cv2.INTER_AREA) for p in chosen]


def start_from(
    model: keras.Model, folder: Path, recipe: XrayRecipe, examples: NDArray[np.float32]
) -> None:
    """Give `model` the convolutions of a shipped `segmentation_unet`, heads excepted.

    Shipped weights have their normalisation folded in; training puts one back.
    So that every layer still passes on what it did, each normalisation takes
    the mean and spread that its convolution shows on `examples`.
    """
    shape = (*recipe.crop, 1)
    weights = list(stored_layers((folder / "model.tflite").read_bytes()))
    plain = networks.segmentation_unet(
        shape, weights[-1].bias.shape[0], recipe.widths, batch_normalisation=False
    )
    set_stored_weights(plain, weights)
    names = [layer.name for layer in plain.layers if layer.name.endswith("_conv")]
    probe = keras.Model(plain.input, [plain.get_layer(n).output for n in names])
    for name, output in zip(names, probe.predict_on_batch(examples), strict=True):
        kernel, bias = plain.get_layer(name).get_weights()
        mean, spread = output.mean(axis=(0, 1, 2)), output.std(axis=(0, 1, 2)) + 1e-3
        model.get_layer(name).set_weights([kernel])
        norm = model.get_layer(name.removesuffix("_conv") + "_norm")
        norm.set_weights([spread, mean, mean - bias, spread**2])


def split_full_size(data: Path, recipe: XrayRecipe) -> tuple[list[Film], list[Film]]:
    """Load the films at full size; return those that training sees and those it never sees."""
    return split_films(load_films(data), recipe.held_out_fraction, recipe.seed)


def xray_card(
    recipe: XrayRecipe, *, films: tuple[int, int], started_from: str | None, negatives: bool
) -> ModelCard:
    """Describe the model; figures are added after they were measured on the shipped weights.

    Parameters
    ----------
    films : tuple of int
        Numbers of films trained on and held out.
    """
    trained_on, held_out = films
    return ModelCard(
        name="xray_bodies",
        title="Vertebral bodies on lateral cervical films",
        version="1.0.0",
        status=ModelStatus.INTERNALLY_VALIDATED,
        task="segmentation",
        examinations=(ExaminationKind.LATERAL_NECK_RADIOGRAPH,),
        weights="model.tflite",
        sha256="",
        architecture={"name": "vertebra_unet", "arguments": recipe.arguments()},
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=BODY_CLASSES,
        training_data=(
            f"Bodies C2 to C6 (C7 on few) outlined for this project on {trained_on} lateral head "
            "films of Hamedan University's public cephalometric set, which show the upper neck; "
            f"{held_out} further films held out. Necks as users bring them are imitated by "
            "augmentation."
            + (" CT and MR slices and photographs served as empty pictures." if negatives else "")
            + (f" Training started from {started_from}." if started_from else "")
        ),
        licence="Research use: the training images carry no stated licence; none of them is "
        "included",
        metrics={"pending": True},
        intended_use="Outlines, corners and names of vertebral bodies on lateral cervical films, "
        "to be checked by a professional.",
        known_failures=(
            "C7 was outlined on few training films and T1 on none; they are found by their "
            "likeness to their neighbours, and may be left out behind the shoulders.",
            "The dens behind C1 is a guess; C2's shape above its base must not be measured.",
            "Names count down from C2: where C2 was not found, there are no names.",
            "Under dense shoulders a body may be guessed: its outline is then ragged.",
            "Children and rotated necks: in the worst held-out film (Dice 0.877), of a rotated "
            "neck with unerupted teeth that its reader called degenerate and a best guess, upper "
            "endplates lie too low, and disc angles are wrong by up to 24 degrees.",
            "Implants, fusions, fractures with collapse and tumours were not tested.",
            "Near-identical patients could not be told apart when films were split.",
            "Thresholds of the naming and plausibility rules were set while looking at some "
            "held-out films and at the whole necks: the figures are slightly optimistic.",
            "Of the pictures without a column on which nothing was outlined, the photographs were "
            "training pictures too, and the CT and MR slices may show trained patients.",
        ),
        limits="Outlined by careful readers who are not radiologists and measured on "
        f"{held_out} held-out films of one source; outlines on other films must be checked by eye.",
        training={
            "recipe": "spinealign train xray-bodies",
            "seed": recipe.seed,
            "steps": recipe.steps,
            "batch": recipe.batch,
            "started_from": started_from,
        },
    )
