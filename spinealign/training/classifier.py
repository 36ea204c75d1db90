"""Recipe of the CT fracture classifier and of the report's own networks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.imaging.fit import finish_input, place, plan_letterbox, scale_intensity
from spinealign.training import augment, networks
from spinealign.training.dataset import ClassifiedFile, read_grey

Head = Literal["lean", "report", "plain-cnn"]

# Measured on the shared CT pictures: air at grey 92-107 and soft tissue at
# 197-211 put the exporter's linear window at about these Hounsfield units.
CT_WINDOW_HU = (-1900.0, 600.0)


@dataclass(frozen=True)
class ClassifierRecipe:
    """Settings of a two-class classifier of CT slices."""

    head: Head = "lean"
    copies: int = 2
    inverse_regularisation: float = 1e-3
    epochs: int = 200
    patience: int = 15
    seed: int = 7
    geometry: augment.Geometry = field(
        default_factory=lambda: augment.Geometry(
            rotation_deg=20, scale=(0.85, 1.18), shear=0.12, shift=0.08
        )
    )
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(window_hu=CT_WINDOW_HU, channels="vgg_caffe")
    )

    @property
    def input_shape(self) -> tuple[int, int]:
        """(rows, columns) of the network's input."""
        return (256, 256) if self.head == "plain-cnn" else (224, 224)

    def network(self) -> keras.Model:
        """Build the whole network, untrained."""
        builders: dict[Head, Any] = {
            "lean": networks.vgg16_cam,
            "report": networks.vgg16_report,
            "plain-cnn": networks.plain_cnn,
        }
        return builders[self.head]()


@dataclass(frozen=True, eq=False)
class Features:
    """What the frozen part of the network makes of each image, computed once.

    `values` (n, ...) float32, `labels` (n,) 1 for the positive class, `groups`
    the base slice of each row, `augmented` which rows are changed copies.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    series: NDArray[np.str_]
    augmented: NDArray[np.bool_]

    def rows(self, keep: NDArray[np.bool_]) -> Features:
        """Return the rows where `keep` is true."""
        return Features(
            self.values[keep], self.labels[keep], self.groups[keep],
            self.series[keep], self.augmented[keep],
        )  # fmt: skip


def frozen_part(recipe: ClassifierRecipe, imagenet: Path) -> keras.Model | None:
    """Return the ImageNet convolutions that stay as they are, or None for the plain CNN."""
    if recipe.head == "plain-cnn":
        return None
    image, x = networks.vgg16_base(pool_last=recipe.head == "report")
    if recipe.head == "lean":
        x = layers.GlobalAveragePooling2D()(x)
    base = keras.Model(image, x)
    networks.load_imagenet_base(base, str(imagenet))
    return base


def compute_features(
    files: Sequence[ClassifiedFile], positive: str, recipe: ClassifierRecipe,
    base: keras.Model | None, cache: Path,
) -> Features:  # fmt: skip
    """Prepare every file and `recipe.copies` changed copies of it, and run the frozen part.

    The result is kept in `cache`: it takes minutes, the head takes seconds.
    """
    if cache.is_file():
        with np.load(cache) as kept:
            return Features(**{name: kept[name] for name in kept.files})
    rng = np.random.default_rng(recipe.seed)
    values, rows = [], []
    for count, one in enumerate(files, start=1):
        inputs = _with_copies(read_grey(one.path), recipe, rng)
        values.append(inputs if base is None else np.asarray(base.predict_on_batch(inputs)))
        for copy in range(len(inputs)):
            rows.append((one.label == positive, one.group, one.series, copy > 0))
        if count % 50 == 0:
            print(f"features {count}/{len(files)}", flush=True)
    labels, groups, series, augmented = zip(*rows, strict=True)
    features = Features(
        np.concatenate(values).astype(np.float32), np.array(labels, np.int64),
        np.array(groups), np.array(series), np.array(augmented),
    )  # fmt: skip
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, **vars(features))
    return features


def _with_copies(
    pixels: NDArray[np.uint8], recipe: ClassifierRecipe, rng: np.random.Generator
) -> NDArray[np.float32]:
    scaled = scale_intensity(pixels.astype(np.float32), recipe.rule, bits=8, is_hounsfield=False)
    box = plan_letterbox((scaled.shape[0], scaled.shape[1]), recipe.input_shape)
    fitted = place(scaled, box)
    versions = [fitted]
    centre = (fitted.shape[0] / 2, fitted.shape[1] / 2)
    nothing = np.zeros(fitted.shape, np.uint8)
    for _ in range(recipe.copies):
        matrix = augment.random_affine(
            recipe.input_shape, recipe.input_shape, centre, 1.0, recipe.geometry, rng
        )
        warped, _ = augment.warp_pair(fitted, nothing, matrix, recipe.input_shape)
        versions.append(augment.random_exposure(warped, rng))
    return np.stack([finish_input(v, recipe.rule) for v in versions])


def fit_head(
    train: Features, validation: Features | None, recipe: ClassifierRecipe, epochs: int
) -> tuple[keras.Model, int]:
    """Train the part behind the frozen one, with balanced classes.

    The lean head is a logistic regression on standardised features: convex, so
    it needs no epochs. The report's heads train with Adam and, when there is a
    `validation` part, stop early and keep the best epoch.

    Returns
    -------
    head, epochs
        The trained head and the number of epochs that made it.
    """
    if recipe.head == "lean":
        return logistic_head(train, recipe), 0
    keras.utils.set_random_seed(recipe.seed)
    head = _report_head(recipe, train.values.shape[1:])
    head.compile(keras.optimizers.Adam(1e-4), keras.losses.BinaryCrossentropy())
    share = train.labels.mean()
    weights = np.where(train.labels == 1, 0.5 / share, 0.5 / (1 - share))
    stop = keras.callbacks.EarlyStopping(
        patience=recipe.patience, restore_best_weights=True, monitor="val_loss"
    )
    history = head.fit(
        train.values, train.labels, sample_weight=weights, epochs=epochs, batch_size=32, verbose=0,
        validation_data=None if validation is None else (validation.values, validation.labels),
        callbacks=[] if validation is None else [stop],
    )  # fmt: skip
    if validation is None:
        return head, epochs
    return head, int(np.argmin(history.history["val_loss"])) + 1


def logistic_head(train: Features, recipe: ClassifierRecipe) -> keras.Model:
    """Fit a balanced, regularised logistic regression and return it as a dense layer."""
    mean, spread = train.values.mean(axis=0), train.values.std(axis=0) + 1e-6
    regression = LogisticRegression(
        C=recipe.inverse_regularisation, class_weight="balanced", max_iter=2000
    ).fit((train.values - mean) / spread, train.labels)
    kernel = regression.coef_[0] / spread
    inputs = layers.Input(train.values.shape[1:])
    head = keras.Model(inputs, layers.Dense(1, name="logit")(inputs))
    head.get_layer("logit").set_weights([kernel[:, None], regression.intercept_ - mean @ kernel])
    return head


def _report_head(recipe: ClassifierRecipe, feature_shape: tuple[int, ...]) -> keras.Model:
    if recipe.head == "plain-cnn":
        return networks.plain_cnn((feature_shape[0], feature_shape[1], feature_shape[2]))
    inputs = layers.Input(feature_shape)
    x = layers.Dense(1024, activation="relu", name="dense")(layers.Flatten()(inputs))
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="dense_2")(x))


def head_logits(head: keras.Model, features: Features, recipe: ClassifierRecipe) -> NDArray[Any]:
    """Return the logit of each row."""
    out = np.asarray(head.predict(features.values, batch_size=64, verbose=0), np.float64)[:, 0]
    if recipe.head == "lean":
        return out
    p = np.clip(out, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def cross_validate(features: Features, recipe: ClassifierRecipe) -> tuple[NDArray[Any], list[int]]:
    """Hold out each fold of `make_folds` in turn.

    Early stopping looks at a fifth of the remaining base slices, never at what
    is held out.

    Returns
    -------
    logits, epochs
        Held-out logit of every row, and the epochs each fold took.
    """
    logits = np.full(len(features.labels), np.nan)
    epochs = []
    rng = np.random.default_rng(recipe.seed)
    for number, held_groups in enumerate(make_folds(features)):
        held = np.isin(features.groups, held_groups)
        rest = features.rows(~held)
        names = sorted(set(rest.groups))
        inner = np.isin(rest.groups, rng.permutation(names)[: len(names) // 5])
        head, count = fit_head(rest.rows(~inner), rest.rows(inner), recipe, recipe.epochs)
        epochs.append(count)
        logits[held] = head_logits(head, features.rows(held), recipe)
        print(f"fold {number + 1}: {held.sum()} images held out, {count} epochs", flush=True)
    return logits, epochs


def make_folds(features: Features, count: int = 3) -> list[list[str]]:
    """Part the base slices into `count` folds that share no group.

    A class of several series is dealt out by whole series; a class of one series
    only by blocks of neighbouring slices. A group that both classes contain
    (the shared data have two) goes to one fold only.
    """
    folds: list[list[str]] = [[] for _ in range(count)]
    taken: set[str] = set()
    for label in (1, 0):
        of_label = features.labels == label
        groups = sorted(set(features.groups[of_label]), key=_natural)
        series = sorted({group.rsplit("/", 1)[0] for group in groups}, key=_natural)
        if len(series) >= count:
            units = [[g for g in groups if g.rsplit("/", 1)[0] == s] for s in series]
        else:
            units = [list(part) for part in np.array_split(np.array(groups), count)]
        for number, unit in enumerate(units):
            folds[number % count] += [g for g in unit if g not in taken]
            taken.update(unit)
    return folds


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", str(text))]


def fit_temperature(logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Return the temperature with the least held-out log loss (Guo 2017, arXiv:1706.04599).

    Never below 1: perfectly separated images would ask for endless confidence.
    """

    def log_loss(log_t: float) -> float:
        z = logits / np.exp(log_t)
        return float(np.mean(np.logaddexp(0, z) - labels * z))

    return float(np.exp(minimize_scalar(log_loss, bounds=(0, 3), method="bounded").x))


def assemble(base: keras.Model | None, head: keras.Model, recipe: ClassifierRecipe) -> keras.Model:
    """Put the frozen part and the trained head into the network that ships."""
    if base is None:
        return head
    whole = recipe.network()
    for layer in base.layers:
        if layer.weights:
            whole.get_layer(layer.name).set_weights(layer.get_weights())
    if recipe.head == "lean":
        kernel, bias = head.get_layer("logit").get_weights()
        whole.get_layer("activation_map").set_weights([kernel[None, None], bias])
        return whole
    for name in ("dense", "dense_2"):
        whole.get_layer(name).set_weights(head.get_layer(name).get_weights())
    return whole


def ct_card(
    recipe: ClassifierRecipe, labels: Sequence[str], positive: str, temperature: float,
    figures: dict[str, Any], features: Features,
) -> ModelCard:  # fmt: skip
    """Describe the classifier, with the plain sentence about what its figures mean."""
    negative = next(label for label in labels if label != positive)
    sizes = {
        name: len(set(features.groups[features.labels == value]))
        for name, value in ((positive, 1), (negative, 0))
    }
    return ModelCard(
        name="ct_fracture_vgg16",
        title="VGG16 cervical fracture classifier (demonstration)",
        version="1.0.0",
        status=ModelStatus.DEMONSTRATION,
        task="classification",
        examinations=(ExaminationKind.NECK_CT_SLICE,),
        weights="model.tflite",
        sha256="",
        architecture={"name": recipe.network().name, "arguments": {}},
        input_shape=recipe.input_shape,
        intensity=recipe.rule,
        classes=(negative, positive),
        positive_class=positive,
        positive_output=positive,
        threshold=0.5,
        temperature=round(temperature, 4),
        calibrated=False,
        training_data=(
            'Part of the public "Spine Fracture Prediction from C.T." pictures (probably from '
            "RSNA 2022 cervical spine CT; non-commercial research): "
            + ", ".join(f"{count} base slices {name}" for name, count in sizes.items())
            + "; VGG16 convolutions from ImageNet (Oxford VGG, CC BY 4.0), not fine-tuned"
        ),
        licence="Non-commercial research (RSNA 2022); ImageNet weights CC BY 4.0",
        metrics={
            "cross_validation": {
                **figures,
                "held_out": "whole series of fracture slices with blocks of normal slices",
                "independent_series": len(set(features.series)),
                "independent_patients": "unknown; at most the number of series",
            }
        },
        intended_use="Showing how the program works. Not for finding fractures.",
        known_failures=(
            "Every normal slice comes from one series, and fracture slices show the skull base "
            "while normal slices show the mid-neck: the figures measure the level of the slice.",
            "A simple rule on five histogram numbers reaches the same accuracy.",
            "Held-out series are told apart almost without error, so that no probability between "
            "0 and 1 can be checked: the probability is not calibrated.",
            "Real fractures at mid-neck level are expected to be called normal.",
            "Slices outside the head and neck are outside of everything it has seen.",
        ),
        limits="This demonstration model tells skull-base slices from mid-neck slices of a few "
        "series; it was never shown to find a fracture, and its probability does not mean one.",
        training={
            "recipe": f"spinealign train ct-fracture --head {recipe.head}",
            "seed": recipe.seed,
            "copies": recipe.copies,
        },
    )
