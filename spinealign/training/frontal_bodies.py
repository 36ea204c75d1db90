"""Recipe of the network that finds the bodies from T1 to L5 on frontal films."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
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
from spinealign.frontal.looks import (
    FRONTAL_CLASSES,
    LEVEL_CENTRE,
    LEVEL_SCALE,
    LEVEL_SPREAD,
    OFFSET_SCALE_PX,
    STRIDE,
)
from spinealign.inference.catalog import read_card
from spinealign.training import frontal_patches as labelled
from spinealign.training import networks
from spinealign.training.dataset import IGNORE, read_grey, shrink
from spinealign.training.frontal_films import (
    FOLDER,
    HELD_OUT,
    FrontalFilm,
    load_frontal,
    training_films,
)
from spinealign.training.frontal_patches import FrontalPatches, FrontalPatchSettings
from spinealign.training.keras_engine import set_stored_weights, stored_layers
from spinealign.training.package import (
    fold_batch_normalisation,
    to_litert,
    write_model_folder,
)
from spinealign.training.train import (
    Batch,
    Checkpoint,
    prefetch,
    prefetch_from_processes,
    run_steps,
    set_fastest_precision,
)
from spinealign.training.xray import corner_loss

log = logging.getLogger(__name__)

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
_STYLE_PX = 640
_SMOOTH_CELLS = 20.0
_HEADS = ("logits", "corners", "levels", "offsets")
"""Layers of the network without a normalisation."""

_NEGATIVES = ("xray_lateral", "xray_spine_lateral", "ct_fracture", "mr_sagittal_segmentation")
"""Data sets whose pictures show no column from the front."""

_STYLES = ("xray_spine_lateral", "xray_lateral_neck", "xray_lateral_unlabelled")
"""Data sets whose appearance frontal films take besides that of each other."""


@dataclass(frozen=True)
class FrontalRecipe:
    """Settings of the training.

    Parameters
    ----------
    left_out : tuple of str
        Parts that training never sees, in no form: `frontal_films.HELD_OUT`, and "0" to "3".
    corner_weight, centre_weight, level_weight, offset_weight, tilt_weight : float
        Of each part of the loss beside the outlines'.
    close_looks : bool
        Whether looks along the column make the corners better: to be measured on films that
        the network did not see, and said in its card.
    films : int or None
        At most so many films, for a learning curve.
    """

    widths: tuple[int, ...] = (32, 48, 96, 160, 192)
    context: tuple[int, ...] = (2, 4)
    crop: tuple[int, int] = (384, 192)
    batch: int = 8
    steps: int = 6000
    learning_rate: float = 1.2e-3
    corner_weight: float = 2.0
    centre_weight: float = 1.0
    level_weight: float = 1.0
    offset_weight: float = 4.0
    tilt_weight: float = 4.0
    negatives_per_folder: int = 40
    seed: int = 22
    left_out: tuple[str, ...] = (HELD_OUT, "0")
    close_looks: bool = True
    films: int | None = None
    styled_share: float = 0.5
    body_share: float = 0.35
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `networks.frontal_unet` at inference."""
        return {
            "input_shape": [*self.crop, 1],
            "widths": list(self.widths),
            "context": list(self.context),
            "batch_normalisation": False,
        }

    def network(self) -> keras.Model:
        """Build the trainable network with its outputs joined."""
        return networks.frontal_unet((*self.crop, 1), self.widths, self.context, joined=True)


def frontal_loss(recipe: FrontalRecipe) -> Callable[..., object]:
    """Return the loss of outlines, corners, centres, levels and offsets."""

    def loss(labels: Any, outputs: Any) -> Any:
        labels = ops.cast(labels, "float32")
        logits, heat, levels, offsets = (
            outputs[..., :2], outputs[..., 2:7], outputs[..., 7:9], outputs[..., 9:17],
        )  # fmt: skip
        return (
            _outlines(labels[..., labelled.MASK], logits)
            + recipe.corner_weight * _heat(
                labels[..., labelled.CORNERS], labels[..., labelled.CORNER_WEIGHT], heat[..., :4]
            )
            + recipe.centre_weight * _heat(
                labels[..., labelled.CENTRE, None], labels[..., labelled.CENTRE_WEIGHT],
                heat[..., 4:],
            )
            + recipe.level_weight * _levels(labels, levels)
            + recipe.offset_weight * _offsets(labels, offsets)
            + recipe.tilt_weight * _tilts(labels, offsets)
        )  # fmt: skip

    return loss


def _outlines(mask: Any, logits: Any) -> Any:
    """Return cross-entropy plus the overlap's shortfall, counted by image that shows a body."""
    known = ops.cast(ops.not_equal(mask, IGNORE), "float32")
    target = ops.cast(ops.equal(mask, labelled.BODY), "float32")
    margin = logits[..., 1] - logits[..., 0]
    entropy = (ops.softplus(margin) - target * margin) * known
    p = ops.sigmoid(margin) * known
    shared, size = ops.sum(p * target, axis=(1, 2)), ops.sum(target, axis=(1, 2))
    dice = (2 * shared + _SMOOTH_CELLS) / (size + ops.sum(p, axis=(1, 2)) + _SMOOTH_CELLS)
    is_shown = ops.cast(size > 0, "float32")
    missed = ops.sum((1 - dice) * is_shown) / (ops.sum(is_shown) + 1e-3)
    return ops.sum(entropy) / (ops.sum(known) + 1.0) + missed


def _heat(target: Any, weight: Any, logits: Any) -> Any:
    return corner_loss(255.0 * ops.concatenate([target, weight[..., None]], axis=-1), logits)


def _levels(labels: Any, outputs: Any) -> Any:
    """Return the Laplace likelihood of levels (see `networks.spine_unet`), by image."""
    weight = labels[..., labelled.LEVEL_WEIGHT]
    wanted = (labels[..., labelled.LEVEL] - LEVEL_CENTRE) / LEVEL_SCALE
    spread = ops.clip(outputs[..., 1], *LEVEL_SPREAD)
    away = LEVEL_SCALE * ops.abs(outputs[..., 0] - wanted)
    cost = (away * ops.exp(-spread) + spread) * weight
    by_image = ops.sum(cost, axis=(1, 2)) / (ops.sum(weight, axis=(1, 2)) + _SMOOTH_CELLS)
    return ops.mean(by_image)


def _offsets(labels: Any, outputs: Any) -> Any:
    """Return the mean error of offsets in distances of bodies, by image.

    Small bodies of a whole film weigh as much as large ones.
    """
    error = ops.abs(OFFSET_SCALE_PX * outputs - labels[..., labelled.OFFSETS])
    return _by_image(labels, ops.mean(error, axis=-1))


def _tilts(labels: Any, outputs: Any) -> Any:
    """Return the mean error of the line between the middles of a body's sides, by image.

    Its direction is the body's tilt, on which angles stand. Of the offsets' own error it is a
    small part: most of that is how far a cell lies from its corners, which the line does not
    depend on.
    """
    error = OFFSET_SCALE_PX * outputs - labels[..., labelled.OFFSETS]
    left, right = error[..., 0:2] + error[..., 6:8], error[..., 2:4] + error[..., 4:6]
    return _by_image(labels, ops.mean(ops.abs(right - left), axis=-1) / 2)


def _by_image(labels: Any, error: Any) -> Any:
    """Return an error of offsets (batch, h, w), in pixels, in distances of bodies."""
    weight = labels[..., labelled.OFFSET_WEIGHT]
    cost = error * weight
    count = ops.sum(ops.cast(weight > 0, "float32"), axis=(1, 2))
    return ops.mean(ops.sum(cost, axis=(1, 2)) / (count + _SMOOTH_CELLS))


@dataclass(frozen=True, eq=False)
class FrontalTrainingSet:
    """What a training sees: films with bodies, pictures without, and appearances."""

    films: tuple[FrontalFilm, ...]
    negatives: tuple[NDArray[np.uint8], ...]
    styles: tuple[NDArray[np.uint8], ...]


def load_training_set(data: Path, recipe: FrontalRecipe) -> FrontalTrainingSet:
    """Load what is not left out from the folder that holds all data sets."""
    films = training_films(load_frontal(data / FOLDER), recipe.left_out)
    if recipe.films is not None:
        order = np.random.default_rng(recipe.seed).permutation(len(films))
        films = [films[i] for i in order[: recipe.films]]
    negatives = [p for name in _NEGATIVES for p in _some(data / name, recipe)]
    own = [shrink(film.pixels, _STYLE_PX, cv2.INTER_AREA) for film in films]
    styles = [*own, *(p for name in _STYLES for p in _some(data / name, recipe))]
    return FrontalTrainingSet(tuple(films), tuple(negatives), tuple(styles))


def _some(folder: Path, recipe: FrontalRecipe) -> list[NDArray[np.uint8]]:
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _PICTURES)
    files = [p for p in files if "masks" not in p.parts]
    chosen = files[:: max(1, len(files) // recipe.negatives_per_folder)]
    return [shrink(read_grey(p), _STYLE_PX, cv2.INTER_AREA) for p in chosen]


@dataclass(frozen=True)
class FrontalSource:
    """Draws batches of crops; picklable, so that it also works in other processes."""

    data: Path
    recipe: FrontalRecipe
    first: int = 0

    def __call__(self, number: int) -> Iterator[Batch]:
        """Return endless batches of one worker."""
        recipe = self.recipe
        known = load_training_set(self.data, recipe)
        log.info("%d films, %d pictures without", len(known.films), len(known.negatives))
        settings = FrontalPatchSettings(
            crop=recipe.crop, rule=recipe.rule, styled_share=recipe.styled_share,
            body_share=recipe.body_share,
        )  # fmt: skip
        # A training that resumes draws other crops than it did at its start.
        seed = recipe.seed + 1000 * number + 100000 * self.first
        patches = FrontalPatches(known.films, known.negatives, known.styles, settings, seed)
        return patches.batches(recipe.batch)


def train_frontal_bodies(
    data: Path, start: Path | None, work: Path, recipe: FrontalRecipe, workers: int = 0,
    save_every: int = 100,
) -> keras.Model:  # fmt: skip
    """Train and return the network (outputs joined) with its averaged weights.

    Parameters
    ----------
    data : Path
        The folder that holds all data sets.
    start : Path or None
        Model folder of a `vertebra_unet` or `frontal_unet` of the same widths to start from, or
        the checkpoints of another training of this recipe.
    work : Path
        Checkpoints; running again resumes there.
    workers : int
        Processes that draw crops; 0 draws them in a thread.
    """
    keras.utils.set_random_seed(recipe.seed)
    drawn = FrontalSource(data, recipe, _step_of(work))
    batches = prefetch_from_processes(drawn, workers) if workers else prefetch(drawn(0))
    set_fastest_precision()
    model = recipe.network()
    if start is not None and not (work / "state.json").is_file():
        if (start / "state.json").is_file():
            model.set_weights(averaged_weights(start)[0])
        else:
            start_from_shipped(model, start, next(batches)[0])
    return run_steps(
        model, frontal_loss(recipe), batches, steps=recipe.steps,
        learning_rate=recipe.learning_rate, checkpoint=Checkpoint(work), save_every=save_every,
    )  # fmt: skip


def _step_of(work: Path) -> int:
    pointer = work / "state.json"
    return int(json.loads(pointer.read_text("utf-8"))["step"]) if pointer.is_file() else 0


def start_from_shipped(model: keras.Model, folder: Path, examples: NDArray[np.float32]) -> None:
    """Give `model` the convolutions of a shipped `vertebra_unet` or `frontal_unet`.

    Shipped weights have their normalisation folded in; training puts one back that takes
    the mean and spread that each convolution shows on `examples`, so that every layer still
    passes on what it did. Layers that the other network lacks start as they are.
    """
    card = read_card(folder)
    arguments = dict(card.architecture["arguments"])
    arguments["input_shape"] = list(examples.shape[1:])
    plain = getattr(networks, card.architecture["name"])(**arguments)
    set_stored_weights(plain, list(stored_layers((folder / "model.tflite").read_bytes())))
    shared = {layer.name for layer in model.layers} & {layer.name for layer in plain.layers}
    names = sorted(name for name in shared if name.endswith("_conv"))
    probe = keras.Model(plain.input, [plain.get_layer(n).output for n in names])
    for name, output in zip(names, probe.predict_on_batch(examples), strict=True):
        _take_over(model, plain.get_layer(name), np.asarray(output, np.float32))
    if plain.name == model.name:
        for each in _HEADS:
            model.get_layer(each).set_weights(plain.get_layer(each).get_weights())
        return
    # A body is whatever is not background there; both heads answered four cells for one here.
    kernel, bias = plain.get_layer("logits").get_weights()
    kernel, inside = kernel.mean(axis=(0, 1)).T, slice(1, None)
    head = np.stack([kernel[:, 0], kernel[:, inside].mean(axis=1)], axis=1)
    model.get_layer("logits").set_weights(
        [head[None, None], np.array([bias[0], bias[inside].mean()])]
    )


def _take_over(model: keras.Model, layer: Any, output: NDArray[np.float32]) -> None:
    kernel, bias = layer.get_weights()
    target = model.get_layer(layer.name)
    if target.get_weights()[0].shape != kernel.shape:
        return
    mean, spread = output.mean(axis=(0, 1, 2)), output.std(axis=(0, 1, 2)) + 1e-3
    target.set_weights([kernel])
    norm = model.get_layer(layer.name.removesuffix("_conv") + "_norm")
    scale = np.sqrt(spread**2 + norm.epsilon)
    norm.set_weights([scale, mean, mean - bias, spread**2])


def averaged_weights(work: Path) -> tuple[list[NDArray[np.float32]], int]:
    """Return the averaged weights of the newest checkpoint, in the network's order, and its step.

    Raises
    ------
    FileNotFoundError
        There is no checkpoint.
    """
    state = json.loads((work / "state.json").read_text(encoding="utf-8"))
    with np.load(work / f"{state['stem']}.npz") as parts:
        return [parts[name] for name in parts.files], int(state["step"])


def export(work: Path, folder: Path, recipe: FrontalRecipe) -> ModelCard:
    """Write the newest checkpoint as a model folder whose figures are yet to be measured."""
    weights, step = averaged_weights(work)
    keras.mixed_precision.set_dtype_policy("float32")
    trained = recipe.network()
    trained.set_weights(weights)
    plain = fold_batch_normalisation(trained, networks.frontal_unet(**recipe.arguments()))
    return write_model_folder(folder, to_litert(plain, "float16"), frontal_card(recipe, step))


def frontal_card(recipe: FrontalRecipe, steps: int) -> ModelCard:
    """Describe the model; figures are added after they were measured on the shipped weights."""
    return ModelCard(
        name="frontal_bodies",
        title="Vertebral bodies on frontal films of the spine",
        version="0.1.0",
        status=ModelStatus.DEMONSTRATION,
        task="segmentation",
        examinations=(ExaminationKind.FRONTAL_SPINE_RADIOGRAPH,),
        weights="model.tflite",
        sha256="",
        architecture={"name": "frontal_unet", "arguments": recipe.arguments()},
        input_shape=recipe.crop,
        intensity=recipe.rule,
        classes=FRONTAL_CLASSES,
        training_data="Standing frontal films of the spine with corners of T1 to L5 (SpineWeb data "
        "set 16, training part of the AASCE challenge 2019), split by patient; left out: "
        f"{', '.join(recipe.left_out) or 'nothing'}.",
        licence="Research use: the data set is for academic use, no licence for anything else is "
        "stated; none of its images is included",
        metrics={"pending": True},
        intended_use="Corners and names of the bodies from T1 to L5 on frontal films, to be "
        "checked by a professional.",
        known_failures=(
            "Trained on films cut to the trunk of mostly adolescents with scoliosis.",
            "Twelve thoracic and five lumbar bodies are assumed.",
        ),
        limits="In training: no figures yet.",
        training={
            "recipe": "spinealign train spine-frontal", "seed": recipe.seed, "steps": steps,
            "batch": recipe.batch, "left_out": list(recipe.left_out), "stride": STRIDE,
            "close_looks": recipe.close_looks,
        },
    )  # fmt: skip
