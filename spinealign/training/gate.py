"""Recipe of the view gate: frozen features, a small head, an out-of-distribution distance."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
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
from spinealign.inference.litert_engine import LiteRtEngine
from spinealign.training import gate_evaluate, gate_films, gate_foreign, networks
from spinealign.training.gate_data import GatePicture, load_foreign, load_slices
from spinealign.training.gate_evaluate import KINDS, OWN
from spinealign.training.gate_vary import vary
from spinealign.training.package import to_litert
from spinealign.training.train import compile_built

Array = NDArray[np.float32]
Eyes = Callable[[Array], Array]
_SPARE = 1.1


@dataclass(frozen=True)
class GateRecipe:
    """Settings of the view gate; the defaults are the shipped model's."""

    input_px: int = 160
    blocks: tuple[tuple[int, int], ...] = networks.VGG16_BLOCKS[:3]
    cells: int = 10
    grid: int = 5
    hidden: int = 64
    members: int = 3
    place_size: int = 32
    components: int = 384
    whitened_on: int = 2000
    draws_a_kind: int = 900
    own_draws: int = 1100
    neck_draws: int = 3000
    film_draws: int = 1500
    drawn: int = 180
    cut: int = 110
    epochs: int = 30
    folds: int = 5
    anchors_a_kind: int = 20
    accept_from: float = 0.5
    accept_lateral_from: float = 0.4
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
            "hidden": self.hidden * self.members,
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


def gather_pictures(
    data: Path, negatives: Path | None, work: Path, recipe: GateRecipe
) -> list[GatePicture]:
    """Return all pictures that may be learned from."""
    rng = np.random.default_rng(recipe.seed)
    films = gate_films.lateral_films(data, work)
    own = [*gate_films.lateral_pictures(films, data, rng), *load_slices(data)]
    return [
        *own,
        *gate_films.redrawn_pictures(films, rng, is_oblique=True),
        *gate_films.redrawn_pictures(films, rng, is_oblique=False),
        *gate_films.frontal_pictures(data, rng),
        *([] if negatives is None else load_foreign(negatives)),
        *gate_foreign.library_photographs(),
        *gate_foreign.drawings(recipe.drawn, rng),
        *gate_foreign.drawn_radiographs(recipe.drawn // 2, rng),
        *gate_foreign.turned(own, recipe.cut, rng),
        *gate_foreign.beside_the_column(own, recipe.cut, rng),
    ]


def frozen_features(imagenet: Path, recipe: GateRecipe) -> Eyes:
    """Return the part of the gate that is not trained, image to features, as it ships.

    Its cells are finer than the gate's grid (`GateRecipe.cells`), which is chosen later.
    """
    model = networks.view_gate(**{**recipe.arguments(), "grid": recipe.cells})
    networks.load_imagenet_base(model, str(imagenet))
    frozen = keras.Model(model.input, model.get_layer("features").output)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "eyes.tflite"
        path.write_bytes(to_litert(frozen, "int8"))
        engine = LiteRtEngine(path, threads=1)
    return lambda image: next(iter(engine.run(image).values()))


def pooled(features: Array, cells: int, grid: int) -> Array:
    """Return features (n, cells x cells x f) of a coarser grid: they are roots of means."""
    squares = features.reshape(len(features), grid, cells // grid, grid, cells // grid, -1) ** 2
    roots = np.sqrt(squares.mean(axis=(2, 4)))
    return np.asarray(roots.reshape(len(features), -1), np.float32)


def see(pictures: Sequence[GatePicture], eyes: Eyes, recipe: GateRecipe, work: Path) -> GateSet:
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
                return GateSet(pictures, _coarse(kept["features"], recipe), index, is_varied)
    styles = _film_styles(pictures)
    whole = np.concatenate([
        np.asarray(eyes(_shown(pictures[i], bool(varied), recipe, rng, styles)[None]), np.float16)
        for i, varied in zip(index, is_varied, strict=True)
    ])  # fmt: skip
    work.mkdir(parents=True, exist_ok=True)
    np.savez(cache, features=whole, index=index)
    return GateSet(pictures, _coarse(whole, recipe), index, is_varied)


def _film_styles(pictures: Sequence[GatePicture]) -> list[Array]:
    """Return what films may look like: frontal and foreign ones, none of a lateral source."""
    kinds = (ImageKind.FRONTAL_FILM, ImageKind.OTHER_RADIOGRAPH)
    chosen = [p for p in pictures if p.kind in kinds and "xray_lateral" not in p.source]
    chosen = [p for p in chosen if gate_films.SPINES not in p.source]
    return [p.pixels.astype(np.float32) / np.float32(255) for p in chosen]


def _coarse(features: NDArray[np.float16], recipe: GateRecipe) -> Array:
    parts = np.array_split(features, max(1, len(features) // 500))
    return np.concatenate([pooled(p.astype(np.float32), recipe.cells, recipe.grid) for p in parts])


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
        if kind in (ImageKind.LATERAL_FILM, ImageKind.OBLIQUE_FILM):
            count = recipe.neck_draws
        elif kind in (ImageKind.FRONTAL_FILM, ImageKind.OTHER_RADIOGRAPH):
            count = recipe.film_draws
        for name in rng.choice(names, count, p=weights / weights.sum()):
            chosen.append(int(rng.choice(sources[str(name)])))
    return chosen


def _shown(
    picture: GatePicture,
    is_varied: bool,
    recipe: GateRecipe,
    rng: np.random.Generator,
    styles: Sequence[Array] = (),
) -> Array:
    if is_varied:
        return finish_input(vary(picture, recipe.input_px, rng, styles), recipe.rule)
    pixels = picture.pixels.astype(np.float32)
    scaled = scale_intensity(pixels, recipe.rule, bits=8, is_hounsfield=False)
    shape = (recipe.input_px, recipe.input_px)
    return finish_input(place(scaled, plan_letterbox(pixels.shape, shape)), recipe.rule)


def train_head(seen: GateSet, rows: NDArray[np.bool_], recipe: GateRecipe) -> Head:
    """Fit the two layers, the projection and the anchors on some rows.

    The first layer is fitted on whitened principal components, whose axes are then
    multiplied into it.
    """
    features, labels = seen.features[rows], seen.labels[rows]
    axes, bias = _whitening(features, recipe)
    whitened = features @ axes + bias
    counts = np.bincount(labels, minlength=len(KINDS))
    weights = {i: float(counts.mean() / max(1, n)) for i, n in enumerate(counts)}
    targets = np.eye(len(KINDS), dtype=np.float32)[labels]
    layers = []
    for member in range(recipe.members):
        keras.utils.set_random_seed(recipe.seed + member)
        model = _small_head(recipe)
        model.fit(
            whitened, targets, batch_size=256, epochs=recipe.epochs, class_weight=weights, verbose=0
        )
        layers.append(
            [*model.get_layer("hidden").get_weights(), *model.get_layer("logits").get_weights()]
        )
    # Side by side, members answer with the mean of their logits.
    kernel, first_bias = (np.concatenate([each[i] for each in layers], axis=-1) for i in (0, 1))
    logits = (
        np.concatenate([each[2] for each in layers]) / recipe.members,
        np.mean([each[3] for each in layers], axis=0),
    )
    places = whitened[:, : recipe.place_size]
    # A head that is measured may know no picture of a kind: the only source is left out.
    members = [places[labels == KINDS.index(kind)] for kind in OWN]
    anchors = [
        KMeans(recipe.anchors_a_kind, n_init=1, random_state=recipe.seed).fit(at).cluster_centers_
        for at in members
        if len(at)
    ]
    return Head(
        hidden=(axes @ kernel, bias @ kernel + first_bias),
        logits=(np.asarray(logits[0], np.float32), np.asarray(logits[1], np.float32)),
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
    compile_built(model, keras.optimizers.AdamW(2e-3, weight_decay=0.02), loss)
    return model


def assemble(imagenet: Path, head: Head, recipe: GateRecipe) -> keras.Model:
    """Return the whole network, ready to be converted."""
    model = networks.view_gate(**recipe.arguments())
    networks.load_imagenet_base(model, str(imagenet))
    for name in ("hidden", "logits", "place"):
        model.get_layer(name).set_weights(list(getattr(head, name)))
    return model


def cross_validate(
    seen: GateSet,
    folds: NDArray[np.int64],
    recipe: GateRecipe,
    learned: NDArray[np.bool_] | None = None,
) -> tuple[Array, Array]:
    """Answer for every plain picture with a head that knew nothing of its source or patient.

    Parameters
    ----------
    folds : ndarray of int64, shape (pictures,)
        What is left out together; pictures of a negative fold are only learned from.
    learned : ndarray of bool, shape (n,), optional
        Rows that heads may learn from; all where it is not given.

    Returns
    -------
    probabilities : ndarray of float32, shape (pictures, kinds)
    ood_distance : ndarray of float32, shape (pictures,)
    """
    probabilities = np.zeros((len(seen.pictures), len(KINDS)), np.float32)
    ood_distance = np.zeros(len(seen.pictures), np.float32)
    row_folds = folds[seen.index]
    for fold in sorted(set(folds[folds >= 0].tolist())):
        may = row_folds != fold if learned is None else (row_folds != fold) & learned
        head = train_head(seen, may, recipe)
        rows = (row_folds == fold) & ~seen.is_varied
        probabilities[seen.index[rows]] = head.probabilities(seen.features[rows])
        ood_distance[seen.index[rows]] = head.ood_distance(seen.features[rows])
    return probabilities, ood_distance


def folds_of_sources(pictures: Sequence[GatePicture], recipe: GateRecipe) -> NDArray[np.int64]:
    """Give each picture a fold: whole sources of lateral and foreign ones, patients of others."""
    roots = [_root(picture) for picture in pictures]
    names = sorted(set(roots))
    shuffled = np.random.default_rng(recipe.seed).permutation(len(names)) % recipe.folds
    fold_of = {name: int(fold) for name, fold in zip(names, shuffled, strict=True)}
    series = [name for name in names if name.startswith("ct_fracture/")]
    for apart in (series, gate_films.LATERAL_SOURCES):
        fold_of.update({name: i % recipe.folds for i, name in enumerate(apart)})
    return np.array([fold_of[root] for root in roots])


def folds_of_spine_films(pictures: Sequence[GatePicture]) -> NDArray[np.int64]:
    """Give pictures of whole spines a fold by film, all others -1: they are learned from.

    One source shows lateral whole spines: what a head says of other films of it.
    """
    names = sorted({p.group for p in pictures if p.group.startswith(f"{gate_films.SPINES}/")})
    fold_of = {name: i % 3 for i, name in enumerate(names)}
    return np.array([fold_of.get(picture.group, -1) for picture in pictures])


def folds_of_frontal_films(pictures: Sequence[GatePicture]) -> NDArray[np.int64]:
    """Give frontal films one of two folds by patient, all other pictures -1."""
    names = sorted({p.group for p in pictures if p.kind is ImageKind.FRONTAL_FILM})
    fold_of = {name: i % 2 for i, name in enumerate(names)}
    return np.array([fold_of.get(picture.group, -1) for picture in pictures])


def of_frontal_parts(seen: GateSet) -> NDArray[np.bool_]:
    """Return which rows show a part of a frontal film, cut out or varied."""
    pictures = [seen.pictures[i] for i in seen.index]
    is_frontal = np.array([p.kind is ImageKind.FRONTAL_FILM for p in pictures])
    is_whole = np.array([p.source == gate_films.FRONTAL for p in pictures]) & ~seen.is_varied
    return is_frontal & ~is_whole


def _root(picture: GatePicture) -> str:
    if picture.group.startswith((f"{gate_films.FRONTAL}/", "spider/", "ct_fracture/")):
        return picture.group
    return picture.group.split("/")[0]


def measure(seen: GateSet, head: Head, recipe: GateRecipe) -> tuple[GateRule, dict[str, Any]]:
    """Judge every picture by heads that knew nothing of its source or patient.

    Returns
    -------
    GateRule
        Of the head that ships.
    dict
        Figures of the card; the limit of distance is never set by the pictures it judges.
    """
    pictures = seen.pictures
    folds = folds_of_sources(pictures, recipe)
    probabilities, ood_distance = cross_validate(seen, folds, recipe)
    rule = make_rule(pictures, ood_distance, head, recipe)
    limits = limits_of_others(pictures, ood_distance, folds)
    metrics = {
        "cross_validation": gate_evaluate.figures(
            pictures, probabilities, ood_distance, rule, limits
        )
    }
    is_part = of_frontal_parts(seen)
    others = {
        "other_films_of_the_whole_spine_source": (folds_of_spine_films(pictures), None),
        "frontal_parts_learned_from_uncut_films": (folds_of_frontal_films(pictures), ~is_part),
    }
    for name, (aside, learned) in others.items():
        p, away = cross_validate(seen, aside, recipe, learned)
        judged = (aside >= 0) if learned is None else is_part[: len(pictures)]
        judged_pictures = [
            picture for picture, is_it in zip(pictures, judged, strict=True) if is_it
        ]
        metrics[name] = gate_evaluate.figures(
            judged_pictures, p[judged], away[judged], rule, limits[judged]
        )
    return rule, metrics


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
    anchors = tuple(tuple(round(float(v), 4) for v in anchor) for anchor in head.anchors)
    limit = round(_limit(pictures, ood_distance, np.ones(len(pictures), bool)), 2)
    lateral = (ImageKind.LATERAL_FILM, ImageKind.LATERAL_WHOLE_SPINE)
    least = dict.fromkeys((kind.value for kind in lateral), recipe.accept_lateral_from)
    return GateRule(recipe.accept_from, recipe.refuse_from, limit, anchors, least)


def limits_of_others(
    pictures: Sequence[GatePicture], ood_distance: Array, folds: NDArray[np.int64]
) -> Array:
    """Return the limit for each picture as the pictures of all other folds set it."""
    limits = {fold: _limit(pictures, ood_distance, folds != fold) for fold in set(folds.tolist())}
    return np.array([limits[fold] for fold in folds.tolist()], np.float32)


def _limit(
    pictures: Sequence[GatePicture], ood_distance: Array, counted: NDArray[np.bool_]
) -> float:
    limits = []
    for kind in OWN:
        is_it = np.array([p.kind is kind and not p.is_made for p in pictures]) & counted
        if is_it.any():
            limits.append(float(np.quantile(ood_distance[is_it], 0.995)))
    return _SPARE * max(limits)


_KNOWN_FAILURES = (
    "Oblique films: there was no real one to learn from or to measure on. They are imitated: on "
    "lateral films the column is blurred away and vertebrae of simple solids, turned by 33 to 62 "
    "degrees about the patient's long axis and summed along the rays, are laid where it was; the "
    "same vertebrae turned by a few degrees are taught as lateral. All figures of oblique films "
    "are of such imitations, on films of a source left out. How many real ones are refused is "
    "not known.",
    "Lateral whole spines come from one source: their figures are on other films of that source "
    "(other_films_of_the_whole_spine_source). A whole spine of a new source may be refused.",
    "Parts of a lateral spine without the neck (thoracic, lumbar) are taught as other radiographs; "
    "cuts between C7 and T4 at the top, or between T10 and L5 at the bottom, as nothing.",
    "CT slices of a series that was not learned from are often refused (see by_source): they come "
    "from three series of one collection, two of them at the skull base only, and two single "
    "cases. DICOM tags mend most of it.",
    "Real radiographs of other parts: a handful; the others are projections of CT volumes, "
    "drawings and parts of the films. Limbs and pelves are hardly covered.",
    "CT of the skull base and of single vertebrae of the back looks like slices of the neck "
    "series, and pictures of very few pixels look like anything.",
)


def gate_card(
    recipe: GateRecipe, rule: GateRule, pictures: Sequence[GatePicture], metrics: dict[str, Any]
) -> ModelCard:
    """Describe the gate."""
    return ModelCard(
        name="view_gate",
        title="Image type gate",
        version="3.0.0",
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
        intended_use="Telling lateral cervical and lateral whole-spine radiographs, CT slices "
        "through the neck and sagittal spine MR from all other images before anything is analysed.",
        known_failures=_KNOWN_FAILURES,
        limits=f"Looks at the whole picture at {recipe.input_px} pixels: it tells what kind of "
        "image this is, not whether it is good enough or shows what is looked for.",
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
