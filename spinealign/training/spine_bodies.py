"""Recipe of the network that finds vertebral bodies from C2 to S1 on films of any source."""

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
from spinealign.inference.catalog import ModelStore, read_card
from spinealign.radiograph.looks import (
    COLUMN_CLASSES,
    LEVEL_CENTRE,
    LEVEL_SCALE,
    LEVEL_SPREAD,
)
from spinealign.training import networks
from spinealign.training.dataset import IGNORE, read_grey, shrink
from spinealign.training.keras_engine import set_stored_weights, stored_layers
from spinealign.training.package import (
    fold_batch_normalisation,
    to_litert,
    unfold_batch_normalisation,
    write_model_folder,
)
from spinealign.training.spine_films import (
    FRONTAL_SOURCE,
    HEAD_SOURCE,
    NECK_SOURCE,
    SPINE_SOURCE,
    UNLABELLED_SOURCE,
    TrainingFilm,
    as_record,
    fold_of_spine_films,
    from_outlined,
    from_record,
    load_by_network,
    load_frontal_films,
    load_spine_films,
)
from spinealign.training.spine_patches import SpinePatches, SpinePatchSettings
from spinealign.training.train import (
    Batch,
    Checkpoint,
    averaged_weights,
    prefetch,
    prefetch_from_processes,
    run_steps,
    set_fastest_precision,
)
from spinealign.training.xray import corner_loss
from spinealign.training.xray_data import CORNERS, load_films, split_films

log = logging.getLogger(__name__)

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
_STYLE_PX = 640
_OLD_CLASSES = 3
_SMOOTH_PX = 50.0


@dataclass(frozen=True)
class SpineRecipe:
    """Settings of the training.

    Parameters
    ----------
    left_out : tuple of str
        Sources that training never sees, in no form; ``whole spine/0`` leaves out the films of
        fold 0 of 3 only.
    shares : mapping of str to float
        How often films of each source are drawn. Frontal films are bodies to learn from where
        they have a share, and pictures without a column from the side where they have none.
    spine_films : int or None
        At most so many whole-spine films, for a learning curve.
    """

    widths: tuple[int, ...] = (32, 48, 96, 160, 192)
    input_px: int = 384
    crop: tuple[int, int] = (256, 256)
    batch: int = 8
    steps: int = 3000
    learning_rate: float = 1.2e-3
    corner_weight: float = 2.0
    class_weights: tuple[float, ...] = (1.0, 3.0, 2.0, 12.0)
    level_weight: float = 0.3
    held_out_fraction: float = 0.25
    cache_px: int = 1000
    negatives_per_folder: int = 80
    seed: int = 7
    left_out: tuple[str, ...] = (NECK_SOURCE,)
    shares: dict[str, float] = field(
        default_factory=lambda: {
            HEAD_SOURCE: 0.3, UNLABELLED_SOURCE: 0.1, SPINE_SOURCE: 0.6, NECK_SOURCE: 0.05
        }
    )  # fmt: skip
    styled_share: float = 0.5
    spine_films: int | None = None
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `networks.spine_unet` at inference."""
        return {
            "input_shape": [self.input_px, self.input_px, 1],
            "classes": len(COLUMN_CLASSES),
            "corners": len(CORNERS),
            "widths": list(self.widths),
            "batch_normalisation": False,
        }

    def network(self) -> keras.Model:
        """Build the trainable network with its outputs joined."""
        return networks.spine_unet(
            (*self.crop, 1), len(COLUMN_CLASSES), len(CORNERS), self.widths, joined=True
        )


def spine_loss(recipe: SpineRecipe) -> Callable[..., object]:
    """Return the loss of outlines and corners plus the Laplace likelihood of levels.

    The overlap of outlines counts by image and class, and only of classes that an image
    shows: small bodies of a whole film weigh as much as large ones, and a rare class
    such as S1 is not unlearned by images without it.
    """
    classes = len(COLUMN_CLASSES)
    ends = classes + len(CORNERS)
    weights = np.array(recipe.class_weights, np.float32)

    def overlaps(target: Any, logits: Any, known: Any) -> Any:
        log_p = ops.log_softmax(logits, axis=-1)
        weighted = target * weights
        entropy = -ops.sum(weighted * log_p) / (ops.sum(weighted) + 1.0)
        p = ops.exp(log_p) * known
        shared = ops.sum(p * target, axis=(1, 2))[:, 1:]
        size = ops.sum(target, axis=(1, 2))[:, 1:]
        dice = (2 * shared + _SMOOTH_PX) / (size + ops.sum(p, axis=(1, 2))[:, 1:] + _SMOOTH_PX)
        is_shown = ops.cast(size > 0, "float32")
        return entropy + ops.sum((1 - dice) * is_shown) / (ops.sum(is_shown) + 1e-3)

    def loss(labels: Any, outputs: Any) -> Any:
        labels = ops.cast(labels, "float32")
        known = ops.cast(ops.not_equal(labels[..., :1], IGNORE), "float32")
        number, weight = labels[..., 6], labels[..., 7] / 255.0
        classed = ops.cast(labels[..., 0] * known[..., 0], "int32")
        outlines = overlaps(ops.one_hot(classed, classes) * known, outputs[..., :classes], known)
        wanted = (number - LEVEL_CENTRE) / LEVEL_SCALE
        spread = ops.clip(outputs[..., ends + 1], *LEVEL_SPREAD)
        away = LEVEL_SCALE * ops.abs(outputs[..., ends] - wanted)
        level = away * ops.exp(-spread) + spread
        levels = ops.sum(level * weight) / (ops.sum(weight) + 200.0)
        corners = corner_loss(labels[..., 1:6], outputs[..., classes:ends])
        return outlines + recipe.corner_weight * corners + recipe.level_weight * levels

    return loss


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What a training sees: films with bodies, pictures without, and appearances."""

    films: tuple[TrainingFilm, ...]
    negatives: tuple[NDArray[np.uint8], ...]
    styles: tuple[NDArray[np.uint8], ...]


def load_training_set(data: Path, recipe: SpineRecipe, cache: Path) -> TrainingSet:
    """Load every source that is not left out.

    Parameters
    ----------
    data : Path
        The folder that holds all data sets.
    cache : Path
        Films outlined by the shipped network are kept here.
    """
    films = [
        *_home(data, recipe),
        *unlabelled_films(data, cache),
        *_necks(data),
        *_spines(data, recipe),
    ]
    frontal = _some(data / "xray_spine_ap", recipe, _STYLE_PX)
    if recipe.shares.get(FRONTAL_SOURCE):
        films += load_frontal_films(data / "xray_spine_ap")
    films = [film for film in films if film.source not in recipe.left_out]
    negatives = [] if recipe.shares.get(FRONTAL_SOURCE) else list(frontal)
    negatives += _some(data / "ct_fracture", recipe, recipe.input_px)
    negatives += _some(data / "mr_sagittal_segmentation", recipe, recipe.input_px)
    styles = [shrink(f.pixels, _STYLE_PX, cv2.INTER_AREA) for f in films if not f.is_frontal]
    return TrainingSet(tuple(films), tuple(negatives), (*styles, *frontal))


def _home(data: Path, recipe: SpineRecipe) -> list[TrainingFilm]:
    films = load_films(data / "xray_lateral", recipe.cache_px)
    training, _ = split_films(films, recipe.held_out_fraction, recipe.seed)
    return [from_outlined(film, HEAD_SOURCE, is_continued=True) for film in training]


def _necks(data: Path) -> list[TrainingFilm]:
    films = load_films(data / "xray_lateral_neck")
    return [from_outlined(film, NECK_SOURCE, is_continued=False) for film in films]


def _spines(data: Path, recipe: SpineRecipe) -> list[TrainingFilm]:
    films = load_spine_films(data / "xray_spine_lateral")
    aside: set[str] = set()
    for source in recipe.left_out:
        if source.startswith(f"{SPINE_SOURCE}/"):
            aside |= fold_of_spine_films([f.name for f in films], int(source.split("/")[1]))
    films = [film for film in films if film.name not in aside]
    if recipe.spine_films is not None:
        order = np.random.default_rng(recipe.seed).permutation(len(films))
        films = [films[i] for i in order[: recipe.spine_films]]
    return films


def unlabelled_films(data: Path, cache: Path) -> list[TrainingFilm]:
    """Load the films without a reader, outlined once by the shipped network and kept in `cache`."""
    folder, kept = data / "xray_lateral_unlabelled", cache / "unlabelled.json"
    if not kept.is_file():
        films = load_by_network(folder, ModelStore().load("xray_bodies"))
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({film.name: as_record(film) for film in films}), "utf-8")
    records = json.loads(kept.read_text("utf-8"))
    return [
        from_record(name, read_grey(folder / f"{name}.webp"), record)
        for name, record in records.items()
    ]


def _some(folder: Path, recipe: SpineRecipe, longest_px: int) -> list[NDArray[np.uint8]]:
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _PICTURES)
    files = [p for p in files if "masks" not in p.parts]
    chosen = files[:: max(1, len(files) // recipe.negatives_per_folder)]
    return [shrink(read_grey(p), longest_px, cv2.INTER_AREA) for p in chosen]


@dataclass(frozen=True)
class CropSource:
    """Draws batches of crops; picklable, so that it also works in other processes."""

    data: Path
    cache: Path
    recipe: SpineRecipe

    def __call__(self, number: int) -> Iterator[Batch]:
        """Return endless batches of one worker."""
        recipe = self.recipe
        known = load_training_set(self.data, recipe, self.cache)
        counts = {s: sum(f.source == s for f in known.films) for s in recipe.shares}
        log.info("films by source: %s", counts)
        settings = SpinePatchSettings(
            crop=recipe.crop, shares=recipe.shares, rule=recipe.rule,
            styled_share=recipe.styled_share,
        )  # fmt: skip
        seed = recipe.seed + 1000 * number
        patches = SpinePatches(known.films, known.negatives, known.styles, settings, seed)
        return patches.batches(recipe.batch)


def train_spine_bodies(
    data: Path, start: Path | None, work: Path, cache: Path, recipe: SpineRecipe, workers: int = 0
) -> keras.Model:
    """Train and return the network (outputs joined) with its averaged weights.

    Parameters
    ----------
    start : Path or None
        Model folder of a `vertebra_unet` or `spine_unet` of the same widths to start from, or
        the checkpoints of another training of this recipe.
    work : Path
        Checkpoints; running again resumes there.
    workers : int
        Processes that draw crops; 0 draws them in a thread.
    """
    keras.utils.set_random_seed(recipe.seed)
    # Written before workers read it.
    unlabelled_films(data, cache)
    drawn = CropSource(data, cache, recipe)
    batches = prefetch_from_processes(drawn, workers) if workers else prefetch(drawn(0))
    set_fastest_precision()
    model = recipe.network()
    if start is not None and not (work / "state.json").is_file():
        if (start / "state.json").is_file():
            model.set_weights(averaged_weights(start)[0])
        else:
            start_from_bodies(model, start, recipe, next(batches)[0])
    return run_steps(
        model, spine_loss(recipe), batches, steps=recipe.steps,
        learning_rate=recipe.learning_rate, checkpoint=Checkpoint(work), save_every=100,
    )  # fmt: skip


def start_from_bodies(
    model: keras.Model, folder: Path, recipe: SpineRecipe, examples: NDArray[np.float32]
) -> None:
    """Give `model` the convolutions and heads of a shipped `vertebra_unet` or `spine_unet`.

    Normalisations are put back by `unfold_batch_normalisation`.
    """
    is_same = read_card(folder).architecture["name"] == "spine_unet"
    plain = _packaged(folder, recipe) if is_same else _packaged_bodies(folder, recipe)
    unfold_batch_normalisation(plain, model, examples)
    heads = ("corners", "logits", "levels") if is_same else ("corners",)
    for head in heads:
        model.get_layer(head).set_weights(plain.get_layer(head).get_weights())
    if not is_same:
        _start_classes(model, plain)


def _packaged_bodies(folder: Path, recipe: SpineRecipe) -> keras.Model:
    """Return a shipped `vertebra_unet` for crops, without normalisation."""
    plain = networks.vertebra_unet(
        (*recipe.crop, 1), _OLD_CLASSES, len(CORNERS), recipe.widths, batch_normalisation=False
    )
    set_stored_weights(plain, list(stored_layers((folder / "model.tflite").read_bytes())))
    return plain


def _packaged(folder: Path, recipe: SpineRecipe) -> keras.Model:
    """Return a packaged `spine_unet` for crops, without normalisation."""
    plain = networks.spine_unet(**{**recipe.arguments(), "input_shape": [*recipe.crop, 1]})
    set_stored_weights(plain, list(stored_layers((folder / "model.tflite").read_bytes())))
    return plain


def _start_classes(model: keras.Model, plain: keras.Model) -> None:
    """Give a network of more classes what one of background, C2 and body knows of them."""
    kernel, bias = plain.get_layer("logits").get_weights()
    # S1 starts as a body, only less likely; features of levels start without a say.
    kernel = np.concatenate([kernel, kernel[:, :, -1:]], axis=2)
    unheard = np.zeros_like(model.get_layer("logits").get_weights()[0])
    unheard[..., : kernel.shape[-1]] = kernel
    model.get_layer("logits").set_weights([unheard, np.append(bias, bias[-1] - 2)])


def averaged(work: Path, recipe: SpineRecipe) -> tuple[keras.Model, int]:
    """Return the network with the averaged weights of the newest checkpoint, and its step.

    Raises
    ------
    FileNotFoundError
        There is no checkpoint.
    """
    weights, step = averaged_weights(work)
    keras.mixed_precision.set_dtype_policy("float32")
    model = recipe.network()
    model.set_weights(weights)
    return model, step


def export(work: Path, folder: Path, recipe: SpineRecipe) -> ModelCard:
    """Write the newest checkpoint as a model folder whose figures are yet to be measured."""
    trained, step = averaged(work, recipe)
    plain = fold_batch_normalisation(trained, networks.spine_unet(**recipe.arguments()))
    return write_model_folder(folder, to_litert(plain, "float16"), spine_card(recipe, step))


def spine_card(recipe: SpineRecipe, steps: int) -> ModelCard:
    """Describe the model; figures are added after they were measured on the shipped weights."""
    return ModelCard(
        name="spine_bodies",
        title="Vertebral bodies on lateral films",
        version="0.1.0",
        status=ModelStatus.DEMONSTRATION,
        task="segmentation",
        examinations=(
            ExaminationKind.LATERAL_NECK_RADIOGRAPH,
            ExaminationKind.LATERAL_SPINE_RADIOGRAPH,
        ),
        weights="model.tflite",
        sha256="",
        architecture={"name": "spine_unet", "arguments": recipe.arguments()},
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=COLUMN_CLASSES,
        training_data="Lateral head films, standing whole-spine films, and lateral head films "
        f"outlined by the network before; left out: {', '.join(recipe.left_out) or 'nothing'}.",
        licence="Research use: the training images carry no stated licence; none of them is "
        "included",
        metrics={"pending": True},
        intended_use="Outlines, corners and names of vertebral bodies on lateral films, to be "
        "checked by a professional.",
        known_failures=("T1 to T4 behind the shoulders were not outlined by readers.",),
        limits="In training: no figures yet.",
        training={
            "recipe": "spinealign train spine-bodies", "seed": recipe.seed, "steps": steps,
            "batch": recipe.batch, "left_out": list(recipe.left_out),
        },
    )  # fmt: skip
