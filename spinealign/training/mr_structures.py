"""Recipe of the network that outlines bodies, sacrum, discs and canal on MR of any source.

Sources outline different things: the loss is that of the summed probability of all classes
that a pixel may be (a marginal loss; Fang & Yan 2020, 10.1109/TMI.2020.3001036; Shi et al.
2021, 10.1016/j.media.2021.101979), and overlap is taken where a class is decided.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.domain.structures import STRUCTURES
from spinealign.imaging.fit import to_network_input, unplace
from spinealign.inference.catalog import read_card
from spinealign.training import networks
from spinealign.training.dataset import shrink
from spinealign.training.keras_engine import build, set_stored_weights, stored_layers
from spinealign.training.mr_patches import MrPatchSettings, MrStructurePatches
from spinealign.training.mr_sources import (
    IVD,
    SOURCES,
    SPIDER,
    T1,
    UNLABELLED,
    VB2,
    VB3,
    MrSlice,
    load_sources,
    split,
)
from spinealign.training.mr_targets import (
    BODY,
    HEIGHT_OF_SPACING,
    UNKNOWN,
    Target,
    centre_of,
    narrowed,
    spacing_of,
)
from spinealign.training.package import (
    fold_batch_normalisation,
    to_litert,
    unfold_batch_normalisation,
    write_model_folder,
)
from spinealign.training.train import (
    Checkpoint,
    averaged_weights,
    prefetch,
    run_steps,
    set_fastest_precision,
)

log = logging.getLogger(__name__)

_SMOOTH_PX = 50.0
_STYLE_PX = 384
_RARE = -2.0
"""Logit at which a class starts of which the network before knows nothing."""

_FORMER_NAMES = {"body": "vertebra", "posterior elements": "vertebra", "sacrum": "vertebra"}
"""What classes start from where the network before had one for several of them."""

_LEAST_BODIES = 3
_LEAST_BODY_SHARE = 0.3
"""Smaller pieces, in areas of the largest body that a network found, are no body."""


@dataclass(frozen=True)
class MrStructuresRecipe:
    """Settings of the training.

    Parameters
    ----------
    left_out : tuple of str
        Sources that training never sees, in no form.
    shares : mapping of str to float
        How often slices of each source are drawn.
    self_training_steps : int
        Steps of the second stage, in which open pixels are decided where the first stage is
        sure, and slices without outlines join (Lee 2013, pseudo-labels); 0 leaves it out.
    confidence, background_confidence : float
        How sure the first stage must be of a structure, and of background (`narrowed`).
    changed_share : float
        Share of crops with changed contrast; 0 for an ablation.
    """

    widths: tuple[int, ...] = (32, 48, 96, 160, 192)
    input_px: int = 384
    crop: tuple[int, int] = (256, 256)
    batch: int = 8
    steps: int = 2400
    self_training_steps: int = 1200
    learning_rate: float = 1.5e-3
    class_weights: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0, 3.0, 2.0)
    held_out_fraction: float = 0.25
    confidence: float = 0.8
    background_confidence: float = 0.95
    changed_share: float = 0.7
    seed: int = 7
    left_out: tuple[str, ...] = ()
    shares: dict[str, float] = field(
        default_factory=lambda: {
            SPIDER: 0.38, T1: 0.32, VB2: 0.12, VB3: 0.12, IVD: 0.06, UNLABELLED: 0.2
        }
    )  # fmt: skip
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `networks.segmentation_unet` at inference."""
        return {
            "input_shape": [self.input_px, self.input_px, 1],
            "classes": len(STRUCTURES),
            "widths": list(self.widths),
            "batch_normalisation": False,
        }

    def network(self, shape: tuple[int, int]) -> keras.Model:
        """Build the trainable network for inputs of `shape` (h, w)."""
        return networks.segmentation_unet((*shape, 1), len(STRUCTURES), self.widths)

    def sources(self) -> tuple[str, ...]:
        """Return the sources with outlines that training sees."""
        unknown = set(self.left_out) - {*SOURCES, UNLABELLED}
        if unknown:
            raise DataSetError(f"no source of MR slices is called {sorted(unknown)}: {SOURCES}")
        return tuple(source for source in SOURCES if source not in self.left_out)

    @property
    def is_self_trained(self) -> bool:
        """Whether there is a second stage."""
        return self.self_training_steps > 0


def marginal_loss(recipe: MrStructuresRecipe) -> Callable[..., object]:
    """Return cross-entropy of the classes that a pixel may be, plus overlap where decided.

    Labels are the bit masks of `mr_targets` (n, h, w). Overlap (soft Dice) counts by image and
    class, only of classes that the crop shows, and leaves out pixels that may or may not be
    of the class.
    """
    classes = len(STRUCTURES)
    weights = np.array(recipe.class_weights, np.float32)
    powers = np.array([1 << c for c in range(classes)], np.int32)

    def loss(labels: Any, logits: Any) -> Any:
        labels = ops.cast(ops.reshape(labels, ops.shape(logits)[:3]), "int32")
        bits = ops.cast(ops.bitwise_and(labels[..., None], powers) > 0, "float32")
        count = ops.sum(bits, axis=-1)
        log_p = ops.log_softmax(logits, axis=-1)
        of_set = ops.logsumexp(log_p - 1e4 * (1 - bits), axis=-1)
        # A choice weighs as much as the least of its classes, the unknown nothing.
        weight = ops.min(weights + 1e3 * (1 - bits), axis=-1)
        weight = weight * ops.cast(count < classes, "float32")
        entropy = -ops.sum(weight * of_set) / (ops.sum(weight) + 1.0)
        certain = bits * ops.cast(count == 1, "float32")[..., None]
        decided = certain + (1 - bits)
        p = ops.exp(log_p) * decided
        shared = ops.sum(p * certain, axis=(1, 2))[:, 1:]
        size = ops.sum(certain, axis=(1, 2))[:, 1:]
        dice = (2 * shared + _SMOOTH_PX) / (size + ops.sum(p, axis=(1, 2))[:, 1:] + _SMOOTH_PX)
        is_shown = ops.cast(size > 0, "float32")
        return entropy + ops.sum((1 - dice) * is_shown) / (ops.sum(is_shown) + 1e-3)

    return loss


def train_mr_structures(
    data: Path, start: Path | None, work: Path, cache: Path, recipe: MrStructuresRecipe
) -> keras.Model:
    """Train and return the network with its averaged weights.

    Parameters
    ----------
    data : Path
        The folder that holds all data sets.
    start : Path or None
        Model folder of a U-Net of the same widths to start from.
    work : Path
        Checkpoints of both stages; running again resumes there.
    cache : Path
        What is computed once for all trainings.

    Raises
    ------
    DataSetError
        The network to start from has seen a source that is left out.
    """
    if start is not None:
        refuse_what_has_seen(start, recipe)
    keras.utils.set_random_seed(recipe.seed)
    slices = load_sources(data, cache, recipe.sources())
    training, _ = split(slices, recipe.held_out_fraction, recipe.seed)
    log.info("slices by source: %s", {s: sum(t.source == s for t in training) for s in SOURCES})
    set_fastest_precision()
    others = _without_outlines(data, slices, recipe)
    styles = [shrink(s.pixels, _STYLE_PX, cv2.INTER_AREA) for s in (*training[::3], *others)]
    first = _stage(recipe, training, styles, work / "stage1", recipe.steps, start)
    if not recipe.is_self_trained:
        return first
    decided = decide(first, [*training, *others], work / "decided.npz", recipe)
    later = replace(recipe, seed=recipe.seed + 1, learning_rate=recipe.learning_rate / 2)
    return _stage(
        later, decided, styles, work / "stage2", recipe.self_training_steps, first
    )  # fmt: skip


def refuse_what_has_seen(folder: Path, recipe: MrStructuresRecipe) -> None:
    """Raise DataSetError where the network in `folder` was trained on a source left out."""
    card = read_card(folder)
    unseen = tuple((card.training or {}).get("left_out", ()))
    is_own = card.classes == STRUCTURES
    seen = [s for s in recipe.left_out if is_own and s not in unseen]
    if SPIDER in recipe.left_out and not is_own and "SPIDER" in card.training_data:
        seen.append(SPIDER)
    if seen:
        raise DataSetError(f"{folder.name} was trained on {', '.join(seen)}, which is left out")


def _without_outlines(
    data: Path, slices: Sequence[MrSlice], recipe: MrStructuresRecipe
) -> list[MrSlice]:
    """Return slices without outlines of patients that are not kept aside."""
    if {SPIDER, UNLABELLED} & set(recipe.left_out):
        return []
    home = [s for s in slices if s.source == SPIDER]
    others = load_sources(data, Path(), [UNLABELLED])
    training, _ = split([*home, *others], recipe.held_out_fraction, recipe.seed)
    return [s for s in training if s.source == UNLABELLED]


def _stage(
    recipe: MrStructuresRecipe, slices: Sequence[MrSlice], styles: Sequence[NDArray[np.uint8]],
    folder: Path, steps: int, start: Path | keras.Model | None,
) -> keras.Model:  # fmt: skip
    settings = MrPatchSettings(
        crop=recipe.crop, shares=recipe.shares, rule=recipe.rule,
        changed_share=recipe.changed_share,
    )  # fmt: skip
    done = _step(folder)
    # A run that goes on draws other crops than those it began with.
    patches = MrStructurePatches(slices, styles, settings, seed=recipe.seed + 100_003 * done)
    batches = prefetch(patches.batches(recipe.batch))
    model = recipe.network(recipe.crop)
    if isinstance(start, keras.Model):
        model.set_weights(start.get_weights())
    elif start is not None and done == 0:
        start_from(model, start, recipe, next(batches)[0])
    return run_steps(
        model, marginal_loss(recipe), batches, steps=steps,
        learning_rate=recipe.learning_rate, checkpoint=Checkpoint(folder), save_every=100,
    )  # fmt: skip


def _step(folder: Path) -> int:
    state = folder / "state.json"
    return int(json.loads(state.read_text("utf-8"))["step"]) if state.is_file() else 0


def start_from(
    model: keras.Model, folder: Path, recipe: MrStructuresRecipe, examples: NDArray[np.float32]
) -> None:
    """Give `model` the convolutions of a shipped U-Net, and what it knows of the classes."""
    card = read_card(folder)
    arguments = {**card.architecture["arguments"], "input_shape": [*recipe.crop, 1]}
    plain = build({"name": card.architecture["name"], "arguments": arguments})
    set_stored_weights(plain, list(stored_layers((folder / card.weights).read_bytes())))
    unfold_batch_normalisation(plain, model, examples)
    kernel, bias = plain.get_layer("logits").get_weights()
    columns, offsets = np.zeros_like(model.get_layer("logits").get_weights()[0]), []
    for number, name in enumerate(STRUCTURES):
        known = name if name in card.classes else _FORMER_NAMES.get(name)
        if known not in card.classes:
            offsets.append(_RARE)
            continue
        place = card.classes.index(known)
        columns[:, :, number] = kernel[:, :, place]
        offsets.append(float(bias[place]) + (0.0 if name in (known, "body") else _RARE))
    model.get_layer("logits").set_weights([columns, np.array(offsets, np.float32)])


def decide(
    model: keras.Model, slices: Sequence[MrSlice], kept: Path, recipe: MrStructuresRecipe
) -> list[MrSlice]:
    """Return slices whose open pixels are decided where the network is sure of them.

    Slices without outlines on which it finds fewer than three bodies are dropped. The targets
    are computed once and kept in the file `kept`.
    """
    if not kept.is_file():
        _write_decided(model, slices, kept, recipe)
    with np.load(kept) as targets:
        decided = [
            replace(one, target=_with_places(one, targets[_key(one)])) for one in slices
        ]  # fmt: skip
    return [one for one in decided if len(one.target.places) >= _LEAST_BODIES]


def _key(one: MrSlice) -> str:
    return f"{one.source}/{one.name}"


def _write_decided(
    model: keras.Model, slices: Sequence[MrSlice], kept: Path, recipe: MrStructuresRecipe
) -> None:
    full = recipe.network((recipe.input_px, recipe.input_px))
    full.set_weights(model.get_weights())
    targets: dict[str, Any] = {}
    for number, one in enumerate(slices):
        probabilities = mirrored_probabilities(full, one.pixels, recipe)
        targets[_key(one)] = narrowed(
            one.target.allowed, probabilities, recipe.confidence, recipe.background_confidence
        )
        if number % 100 == 0:
            print(f"decided {number} of {len(slices)} slices", flush=True)
    part = kept.with_name(f"part-{kept.name}")
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(part, **targets)
    part.replace(kept)


def mirrored_probabilities(
    model: keras.Model, pixels: NDArray[np.uint8], recipe: MrStructuresRecipe
) -> NDArray[np.float32]:
    """Return class probabilities (H, W, C), averaged over the image and its mirror."""
    size = (recipe.input_px, recipe.input_px)
    batch, box = to_network_input(
        pixels.astype(np.float32), size, recipe.rule, bits=8, is_hounsfield=False
    )
    logits = model.predict_on_batch(np.concatenate([batch, batch[:, :, ::-1]]))
    p = np.asarray(keras.activations.softmax(ops.cast(logits, "float32")), np.float32)
    return unplace((p[0] + p[1][:, ::-1]) / 2, box)


def _with_places(one: MrSlice, allowed: NDArray[np.uint8]) -> Target:
    """Return a target of decided pixels; a slice without outlines gets its bodies' places."""
    if len(one.target.places):
        return replace(one.target, allowed=allowed)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((allowed == BODY).astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    large = [n for n in range(1, count) if areas[n] > _LEAST_BODY_SHARE * areas[1:].max()]
    if len(large) < _LEAST_BODIES:
        return replace(one.target, allowed=np.full_like(allowed, UNKNOWN))
    centres = np.array([centre_of(pieces == n) for n in large])
    centres = centres[np.argsort(centres[:, 1])]
    return Target(allowed, centres, HEIGHT_OF_SPACING * spacing_of(centres))


def averaged(work: Path, recipe: MrStructuresRecipe) -> tuple[keras.Model, int]:
    """Return the network with the averaged weights of the newest checkpoint, and all its steps.

    Raises
    ------
    FileNotFoundError
        There is no checkpoint.
    """
    is_second = (work / "stage2" / "state.json").is_file()
    weights, step = averaged_weights(work / ("stage2" if is_second else "stage1"))
    keras.mixed_precision.set_dtype_policy("float32")
    model = recipe.network(recipe.crop)
    model.set_weights(weights)
    return model, step + (recipe.steps if is_second else 0)


def export(work: Path, folder: Path, recipe: MrStructuresRecipe) -> ModelCard:
    """Write the newest checkpoint as a model folder whose figures are yet to be measured."""
    trained, step = averaged(work, recipe)
    plain = fold_batch_normalisation(trained, networks.segmentation_unet(**recipe.arguments()))
    return write_model_folder(
        folder, to_litert(plain, "float16"), structures_card(recipe, step)
    )  # fmt: skip


def structures_card(recipe: MrStructuresRecipe, steps: int) -> ModelCard:
    """Describe the model; figures are added after they were measured on the shipped weights."""
    return ModelCard(
        name="mr_structures",
        title="Bodies, sacrum, discs and canal on sagittal MR",
        version="0.1.0",
        status=ModelStatus.DEMONSTRATION,
        task="segmentation",
        examinations=(ExaminationKind.SAGITTAL_SPINE_MR,),
        weights="model.tflite",
        sha256="",
        architecture={"name": "segmentation_unet", "arguments": recipe.arguments()},
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=STRUCTURES,
        training_data="SPIDER (van der Graaf et al. 2024, CC BY 4.0), T2 SPACE with outlines and "
        "T1, T2 without; lumbar T1 (Sudirman et al., CC BY 4.0); bodies on T2 (Chu 2015) and on "
        "water-fat images (Burian 2019); discs (Menezes-Reis 2016). "
        f"Left out: {', '.join(recipe.left_out) or 'nothing'}.",
        licence="CC BY 4.0 and research use, as the training images are; none of them is included",
        metrics={"pending": True},
        intended_use="Outlines of vertebral bodies, posterior elements, sacrum, discs and spinal "
        "canal on sagittal lumbar MR, to be checked by a professional.",
        known_failures=(
            "Cervical and upper thoracic spines were not in the training data.",
            "Canal and posterior elements were outlined by readers on T2 SPACE only.",
            "Below S1 the sacrum may or may not be marked.",
        ),
        limits="In training: no figures yet.",
        training={
            "recipe": "spinealign train mr-structures", "seed": recipe.seed, "steps": steps,
            "batch": recipe.batch, "left_out": list(recipe.left_out),
        },
    )  # fmt: skip
