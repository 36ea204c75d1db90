"""Recipe of the view gate: frozen features, a small head, an out-of-distribution distance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import GateRule, IntensityRule, ModelCard
from spinealign.imaging.fit import finish_input, place, plan_letterbox, scale_intensity
from spinealign.training import gate_foreign, networks
from spinealign.training.gate_data import GatePicture, load_foreign, load_own_kinds
from spinealign.training.gate_evaluate import KINDS, OWN
from spinealign.training.gate_vary import vary

Array = NDArray[np.float32]
_SPARE = 1.1


@dataclass(frozen=True)
class GateRecipe:
    """Settings of the view gate; the defaults are the shipped model's."""

    input_px: int = 96
    blocks: tuple[tuple[int, int], ...] = networks.VGG16_BLOCKS[:3]
    grid: int = 4
    hidden: int = 64
    place_size: int = 32
    components: int = 256
    whitened_on: int = 2000
    draws_a_kind: int = 900
    own_draws: int = 1300
    drawn: int = 180
    cut: int = 110
    epochs: int = 30
    folds: int = 5
    anchors_a_kind: int = 20
    accept_from: float = 0.5
    refuse_from: float = 0.9
    seed: int = 7
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(
            percentiles=(0.5, 99.5), window_hu=(-450.0, 800.0), channels="vgg_caffe"
        )
    )

    def arguments(self) -> dict[str, Any]:
        """Return what `networks.view_gate` is built with."""
        return {
            "input_shape": [self.input_px, self.input_px, 3],
            "classes": len(KINDS),
            "blocks": [list(block) for block in self.blocks],
            "grid": self.grid,
            "hidden": self.hidden,
            "place_size": self.place_size,
        }


@dataclass(frozen=True, eq=False)
class GateSet:
    """Pictures with what the frozen convolutions see in them.

    Parameters
    ----------
    pictures : sequence of GatePicture
    features : ndarray of float32, shape (n, f)
    index : ndarray of int, shape (n,)
        Which picture each row shows.
    is_varied : ndarray of bool, shape (n,)
        False for the picture as it is: figures are taken on these only.
    """

    pictures: Sequence[GatePicture]
    features: Array
    index: NDArray[np.int64]
    is_varied: NDArray[np.bool_]

    @property
    def labels(self) -> NDArray[np.int64]:
        """Number of each row's kind in `KINDS`."""
        kinds = np.array([KINDS.index(picture.kind) for picture in self.pictures])
        return np.asarray(kinds[self.index], np.int64)


@dataclass(frozen=True, eq=False)
class Head:
    """What is learned on top of the frozen features.

    `hidden` and `logits` are (kernel, bias) of the two layers; `place` those of the
    projection in which ood_distance is measured, `anchors` (a, p) the pictures known there.
    """

    hidden: tuple[Array, Array]
    logits: tuple[Array, Array]
    place: tuple[Array, Array]
    anchors: Array

    def probabilities(self, features: Array) -> Array:
        """Return (n, kinds)."""
        x = np.maximum(features @ self.hidden[0] + self.hidden[1], 0)
        logits = x @ self.logits[0] + self.logits[1]
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)

    def ood_distance(self, features: Array) -> Array:
        """Return the distance (n,) from the nearest anchor."""
        at = features @ self.place[0] + self.place[1]
        away = np.linalg.norm(at[:, None] - self.anchors[None], axis=2)
        return np.asarray(away.min(axis=1), np.float32)


def gather_pictures(data: Path, negatives: Path | None, recipe: GateRecipe) -> list[GatePicture]:
    """Return all pictures that may be learned from."""
    rng = np.random.default_rng(recipe.seed)
    own = load_own_kinds(data)
    return [
        *own,
        *([] if negatives is None else load_foreign(negatives)),
        *gate_foreign.library_photographs(),
        *gate_foreign.drawings(recipe.drawn, rng),
        *gate_foreign.drawn_radiographs(recipe.drawn // 2, rng),
        *gate_foreign.turned(own, recipe.cut, rng),
        *gate_foreign.beside_the_column(own, recipe.cut, rng),
    ]


def frozen_features(imagenet: Path, recipe: GateRecipe) -> keras.Model:
    """Return the part of the gate that is not trained: image to pooled features."""
    model = networks.view_gate(**recipe.arguments())
    networks.load_imagenet_base(model, str(imagenet))
    return keras.Model(model.input, model.get_layer("features").output)


def see(
    pictures: Sequence[GatePicture], eyes: keras.Model, recipe: GateRecipe, work: Path
) -> GateSet:
    """Compute features of every picture as it is, and of many varied ones of each kind.

    They are kept in `work`, and taken from there while pictures and recipe draw the same rows.
    """
    rng = np.random.default_rng(recipe.seed)
    drawn = _draw(pictures, recipe, rng)
    index = np.array([*range(len(pictures)), *drawn], np.int64)
    is_varied = np.arange(len(index)) >= len(pictures)
    cache = work / f"gate_features_{recipe.input_px}.npz"
    if cache.is_file():
        with np.load(cache) as kept:
            if np.array_equal(kept["index"], index):
                return GateSet(pictures, kept["features"].astype(np.float32), index, is_varied)
    features = []
    for start in range(0, len(index), 32):
        rows = range(start, min(start + 32, len(index)))
        batch = [_shown(pictures[index[i]], bool(is_varied[i]), recipe, rng) for i in rows]
        features.append(np.asarray(eyes(np.stack(batch), training=False), np.float16))
    whole = np.concatenate(features)
    work.mkdir(parents=True, exist_ok=True)
    np.savez(cache, features=whole, index=index)
    return GateSet(pictures, whole.astype(np.float32), index, is_varied)


def _draw(
    pictures: Sequence[GatePicture], recipe: GateRecipe, rng: np.random.Generator
) -> list[int]:
    """Choose pictures to vary: as many of each kind, and few files of a source more often."""
    by_kind: dict[ImageKind, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, picture in enumerate(pictures):
        by_kind[picture.kind][picture.source].append(number)
    chosen = []
    for kind, sources in by_kind.items():
        names = sorted(sources)
        weights = np.sqrt([len(sources[name]) for name in names])
        count = recipe.own_draws if kind in OWN else recipe.draws_a_kind
        for name in rng.choice(names, count, p=weights / weights.sum()):
            chosen.append(int(rng.choice(sources[str(name)])))
    return chosen


def _shown(
    picture: GatePicture, is_varied: bool, recipe: GateRecipe, rng: np.random.Generator
) -> Array:
    if is_varied:
        return finish_input(vary(picture, recipe.input_px, rng), recipe.rule)
    pixels = picture.pixels.astype(np.float32)
    scaled = scale_intensity(pixels, recipe.rule, bits=8, is_hounsfield=False)
    shape = (recipe.input_px, recipe.input_px)
    return finish_input(place(scaled, plan_letterbox(pixels.shape, shape)), recipe.rule)


def train_head(seen: GateSet, rows: NDArray[np.bool_], recipe: GateRecipe) -> Head:
    """Fit the two layers, the projection and the anchors on some rows.

    The first layer is fitted on whitened principal components, whose axes are then
    multiplied into it.
    """
    keras.utils.set_random_seed(recipe.seed)
    features, labels = seen.features[rows], seen.labels[rows]
    axes, bias = _whitening(features, recipe)
    whitened = features @ axes + bias
    model = _small_head(recipe)
    counts = np.bincount(labels, minlength=len(KINDS))
    weights = {i: float(counts.mean() / max(1, n)) for i, n in enumerate(counts)}
    targets = np.eye(len(KINDS), dtype=np.float32)[labels]
    model.fit(
        whitened, targets, batch_size=256, epochs=recipe.epochs, class_weight=weights, verbose=0
    )
    kernel, first_bias = model.get_layer("hidden").get_weights()
    logits = model.get_layer("logits").get_weights()
    places = whitened[:, : recipe.place_size]
    anchors = [
        KMeans(recipe.anchors_a_kind, n_init=1, random_state=recipe.seed)
        .fit(places[labels == KINDS.index(kind)])
        .cluster_centers_
        for kind in OWN
    ]
    return Head(
        hidden=(axes @ kernel, bias @ kernel + first_bias),
        logits=(logits[0], logits[1]),
        place=(axes[:, : recipe.place_size], bias[: recipe.place_size]),
        anchors=np.asarray(np.vstack(anchors), np.float32),
    )


def _whitening(features: Array, recipe: GateRecipe) -> tuple[Array, Array]:
    """Return axes (f, components) and bias of the principal components, largest first."""
    rng = np.random.default_rng(recipe.seed)
    some = features[rng.permutation(len(features))[: recipe.whitened_on]]
    mean = some.mean(axis=0)
    values, vectors = np.linalg.eigh((some - mean) @ (some - mean).T / len(some))
    best = np.argsort(values)[::-1][: recipe.components]
    # Small components are noise: they are not blown up to the size of the others.
    floor = 0.02 * values[best[0]]
    scale = np.sqrt(len(some) * values[best] * (values[best] + floor))
    axes = (some - mean).T @ vectors[:, best] / scale
    return np.asarray(axes, np.float32), np.asarray(-mean @ axes, np.float32)


def _small_head(recipe: GateRecipe) -> keras.Model:
    image = keras.layers.Input((recipe.components,))
    x = keras.layers.Dropout(0.2)(image)
    x = keras.layers.Dense(recipe.hidden, activation="relu", name="hidden")(x)
    x = keras.layers.Dropout(0.3)(x)
    model = keras.Model(image, keras.layers.Dense(len(KINDS), name="logits")(x))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.02)
    model.compile(keras.optimizers.AdamW(2e-3, weight_decay=0.02), loss)
    return model


def assemble(imagenet: Path, head: Head, recipe: GateRecipe) -> keras.Model:
    """Return the whole network, ready to be converted."""
    model = networks.view_gate(**recipe.arguments())
    networks.load_imagenet_base(model, str(imagenet))
    for name in ("hidden", "logits", "place"):
        model.get_layer(name).set_weights(list(getattr(head, name)))
    return model


def cross_validate(seen: GateSet, recipe: GateRecipe) -> tuple[Array, Array]:
    """Answer for every plain picture with a head that knew nothing of its source or patient.

    Returns
    -------
    probabilities : ndarray of float32, shape (pictures, kinds)
    ood_distance : ndarray of float32, shape (pictures,)
    """
    folds = _folds(seen.pictures, recipe)
    probabilities = np.zeros((len(seen.pictures), len(KINDS)), np.float32)
    ood_distance = np.zeros(len(seen.pictures), np.float32)
    row_folds = folds[seen.index]
    for fold in range(recipe.folds):
        head = train_head(seen, row_folds != fold, recipe)
        rows = (row_folds == fold) & ~seen.is_varied
        probabilities[seen.index[rows]] = head.probabilities(seen.features[rows])
        ood_distance[seen.index[rows]] = head.ood_distance(seen.features[rows])
    return probabilities, ood_distance


def _folds(pictures: Sequence[GatePicture], recipe: GateRecipe) -> NDArray[np.int64]:
    """Give each picture a fold: whole sources of foreign ones, patients of our own."""
    roots = [_root(picture) for picture in pictures]
    names = sorted(set(roots))
    shuffled = np.random.default_rng(recipe.seed).permutation(len(names)) % recipe.folds
    fold_of = {name: int(fold) for name, fold in zip(names, shuffled, strict=True)}
    series = [name for name in names if name.startswith("ct_fracture/")]
    fold_of.update({name: i % recipe.folds for i, name in enumerate(series)})
    return np.array([fold_of[root] for root in roots])


def _root(picture: GatePicture) -> str:
    if picture.group.startswith("xray_lateral_neck/"):
        return "xray_lateral_neck"
    if picture.group.startswith(("xray_lateral/", "spider/", "ct_fracture/")):
        return picture.group
    return picture.group.split("/")[0]


def make_rule(
    pictures: Sequence[GatePicture],
    ood_distance: Array,
    head: Head,
    recipe: GateRecipe,
) -> GateRule:
    """Set the limit of ood_distance so that it hardly ever refuses one of our own kinds.

    The limit is that of the kind with the fewest sources: its next source will be as
    strange as its last one was to a head that had not seen it.
    """
    limits = []
    for kind in OWN:
        away = [s for p, s in zip(pictures, ood_distance, strict=True) if p.kind is kind]
        limits.append(float(np.quantile(away, 0.995)))
    anchors = tuple(tuple(round(float(v), 4) for v in anchor) for anchor in head.anchors)
    limit = round(_SPARE * max(limits), 2)
    return GateRule(recipe.accept_from, recipe.refuse_from, limit, anchors)


def gate_card(
    recipe: GateRecipe, rule: GateRule, pictures: Sequence[GatePicture], metrics: dict[str, Any]
) -> ModelCard:
    """Describe the gate."""
    return ModelCard(
        name="view_gate",
        title="Image type gate",
        version="2.0.0",
        status=ModelStatus.INTERNALLY_VALIDATED,
        task="view",
        examinations=(),
        weights="model.tflite",
        sha256="",
        architecture={"name": "view_gate", "arguments": recipe.arguments()},
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=tuple(kind.value for kind in KINDS),
        training_data=_sources_text(pictures),
        licence="GPL-3.0-or-later (head); convolutions: Oxford VGG16, CC BY 4.0; the pictures "
        "are under the terms of their sources and are not part of the model",
        metrics=metrics,
        intended_use="Telling lateral cervical radiographs, CT slices through the neck and "
        "sagittal spine MR from all other images before anything is analysed.",
        known_failures=(
            "The aim of 98 % of our own kinds accepted is missed for CT slices of a series that "
            "was not learned from (see by_source): they come from three series of one collection, "
            "two of them at the skull base only, and two single cases. DICOM tags mend most of it.",
            "Whole neck films with shoulders: three films were available; two were accepted by a "
            "head that had seen no such film.",
            "Real radiographs of other parts: a handful; the others are projections of CT "
            "volumes, drawings and parts of the films. Limbs and pelves are hardly covered.",
            "The aim of 1 % of foreign images accepted is missed for CT of the skull base and of "
            "single vertebrae of the back, which look like slices of the neck series, and for "
            "pictures of very few pixels.",
            "A lateral view of the thoracic spine is the foreign film most like a neck film.",
        ),
        limits="Looks at the whole picture at 96 pixels: it tells what kind of image this is, not "
        "whether it is good enough or shows what is looked for.",
        gate=rule,
        training={"recipe": "spinealign train view-gate", "seed": recipe.seed},
    )


def _sources_text(pictures: Sequence[GatePicture]) -> str:
    counts: dict[str, tuple[int, set[str]]] = {}
    for picture in pictures:
        name = f"{picture.kind.value}: {picture.source}"
        number, groups = counts.setdefault(name, (0, set()))
        counts[name] = (number + 1, groups | {picture.group})
    listed = (f"{name} {n} of {len(groups)}" for name, (n, groups) in sorted(counts.items()))
    return "Pictures, and patients, films, series or files that they come from: " + ", ".join(
        listed
    )
