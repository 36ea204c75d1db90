"""The classifiers: VGG16 behind a lean or the report's head, and the report's plain CNN."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from spinealign.domain.errors import StartingWeightsError
from spinealign.domain.model_card import MOST_TEMPERATURE, IntensityRule, RegionRule
from spinealign.training import augment, networks
from spinealign.training.head_parts import (
    DIRECTION,
    Kind,
    KnownCrossEntropy,
    answer_weights,
    plain_cnn_several,
    vgg16_report_several,
    with_steps,
)
from spinealign.training.schedules import RateRule
from spinealign.training.train import compile_built
from spinealign.wording import training as words

Head = Literal["lean", "report", "plain-cnn"]
Balance = Literal["weights", "oversample", "none"]
PLAIN_CNN_BATCH = 8
"""Its first layers take 25 MB a picture and its dense layer a gigabyte: 32 at once took 9 GB."""


_ONE_ANSWER: Mapping[Head, Any] = {
    "lean": networks.vgg16_cam,
    "report": networks.vgg16_report,
    "plain-cnn": networks.plain_cnn,
}
_SEVERAL_ANSWERS: Mapping[Head, Any] = {
    "lean": networks.vgg16_linear,
    "report": vgg16_report_several,
    "plain-cnn": plain_cnn_several,
}


@dataclass(frozen=True)
class ClassifierRecipe:
    """Settings of a network that answers for a whole picture: a class, findings or a grade.

    Parameters
    ----------
    head : {"lean", "report", "plain-cnn"}
    copies : int
        Changed copies of each picture.
    inverse_regularisation : float
        Of the lean head.
    epochs, steps : int, int or None
        At most so many passes over the data, and updates of the weights; of the other heads.
    patience : int
        Epochs without a better held-out loss after which a fold stops.
    batch : int
        Pictures an update.
    save_every : int
        Epochs between two checkpoints.
    folds : int
        Of the cross-validation.
    seed : int
    geometry : Geometry
        Of the changed copies.
    rule : IntensityRule
    balance : {"weights", "oversample", "none"}
        Against unequal classes: rare pictures weigh more, are taken more often, or nothing.
    learning_rate : float
        Of the heads that are trained by steps.
    rate_rule : RateRule
        How it changes from epoch to epoch.
    exposure : Exposure or None
        How grey values of the changed copies change; None by `augment.random_exposure`.
    file : str
        Checksum of the recipe's file; empty without one.
    region : RegionRule or None
        Which part of each picture is seen; None for all of it.
    arguments : mapping
        Of the network's function, for smaller networks: ``input_shape``, ``blocks``, ``hidden``...
    """

    head: Head = "lean"
    copies: int = 2
    inverse_regularisation: float = 1e-3
    epochs: int = 200
    steps: int | None = None
    patience: int = 15
    batch: int = 32
    save_every: int = 5
    folds: int = 3
    seed: int = 7
    geometry: augment.Geometry = field(
        default_factory=lambda: augment.Geometry(
            rotation_deg=20, scale=(0.85, 1.18), shear=0.12, shift=0.08
        )
    )
    rule: IntensityRule = field(default_factory=lambda: IntensityRule(channels="vgg_caffe"))
    arguments: Mapping[str, Any] = field(default_factory=dict)
    balance: Balance = "weights"
    learning_rate: float = 1e-4
    rate_rule: RateRule = field(default_factory=RateRule)
    exposure: augment.Exposure | None = None
    file: str = ""
    region: RegionRule | None = None

    @property
    def input_shape(self) -> tuple[int, int]:
        """(rows, columns) of the network's input."""
        side = 256 if self.head == "plain-cnn" else 224
        shape = self.arguments.get("input_shape", (side, side))
        return shape[0], shape[1]

    @property
    def is_stepped(self) -> bool:
        """Whether the head is trained by steps; the lean one is solved at once."""
        return self.head != "lean"

    @property
    def needs_imagenet(self) -> bool:
        """Whether the convolutions are ImageNet's."""
        return self.head != "plain-cnn"

    def architecture(self, outputs: int | None = None) -> dict[str, Any]:
        """Return what a card says of the network: its builder, and the arguments of that.

        Parameters
        ----------
        outputs : int or None
            Of a network with several answers; None for one that tells two classes apart.
        """
        own = {} if outputs is None else {"outputs": outputs}
        builders = _ONE_ANSWER if outputs is None else _SEVERAL_ANSWERS
        return {"name": builders[self.head].__name__, "arguments": {**self.arguments, **own}}

    def network(self, outputs: int | None = None) -> keras.Model:
        """Build the whole network, untrained; see `architecture`."""
        builders = _ONE_ANSWER if outputs is None else _SEVERAL_ANSWERS
        model: keras.Model = builders[self.head](**self.architecture(outputs)["arguments"])
        return model

    def of_features(self) -> dict[str, Any]:
        """Return the settings that decide what the frozen part makes of the pictures."""
        told = asdict(self)
        return {
            name: told[name]
            for name in (
                "head",
                "copies",
                "seed",
                "geometry",
                "exposure",
                "rule",
                "region",
                "arguments",
            )
        }


@dataclass(frozen=True)
class FrozenPart:
    """The ImageNet convolutions that stay as they are; `model` None for the plain CNN."""

    model: keras.Model | None
    sha256: str


def frozen_part(recipe: ClassifierRecipe, imagenet: Path | None) -> FrozenPart:
    """Return the part of the network that no training changes.

    Raises
    ------
    StartingWeightsError
        The head needs ImageNet's convolutions, and no file holds them.
    """
    if not recipe.needs_imagenet:
        return FrozenPart(None, "")
    if imagenet is None:
        raise StartingWeightsError(words.needs_imagenet(recipe.head))
    if not imagenet.is_file():
        raise StartingWeightsError(words.no_imagenet_file(imagenet))
    blocks = recipe.arguments.get("blocks", networks.VGG16_BLOCKS)
    shape = (*recipe.input_shape, 3)
    image, x = networks.vgg16_base(shape, blocks, pool_last=recipe.head == "report")
    if recipe.head == "lean":
        x = layers.GlobalAveragePooling2D()(x)
    base = keras.Model(image, x)
    try:
        networks.load_imagenet_base(base, str(imagenet))
        content = imagenet.read_bytes()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise StartingWeightsError(words.wrong_imagenet(imagenet)) from error
    return FrozenPart(base, hashlib.sha256(content).hexdigest())


def solve_logistic(
    values: NDArray[np.float32], labels: NDArray[np.int64], recipe: ClassifierRecipe
) -> tuple[NDArray[np.float64], float]:
    """Fit a regularised logistic regression; return its weights of raw features, and its bias.

    Parameters
    ----------
    values : ndarray of float32, shape (n, features)
    labels : ndarray of int, shape (n,)
        1 for the positive class.

    Returns
    -------
    kernel : ndarray of float64, shape (features,)
    bias : float
    """
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-6
    regression = LogisticRegression(
        C=recipe.inverse_regularisation,
        class_weight=None if recipe.balance == "none" else "balanced",
        max_iter=2000,
    ).fit((values - mean) / spread, labels)
    kernel = regression.coef_[0] / spread
    return kernel, float(regression.intercept_[0] - mean @ kernel)


def logistic_head(
    values: NDArray[np.float32], labels: NDArray[np.int64], recipe: ClassifierRecipe
) -> keras.Model:
    """Return the regression of `solve_logistic` as a dense layer."""
    kernel, bias = solve_logistic(values, labels, recipe)
    inputs = layers.Input(values.shape[1:])
    head = keras.Model(inputs, layers.Dense(1, name="logit")(inputs))
    head.get_layer("logit").set_weights([kernel[:, None], np.array([bias])])
    return head


def stepped_head(
    recipe: ClassifierRecipe,
    feature_shape: tuple[int, ...],
    kind: Kind = "classes",
    outputs: int = 1,
) -> keras.Model:
    """Build a head that is trained by steps, compiled; seeded by the recipe.

    Parameters
    ----------
    recipe : ClassifierRecipe
    feature_shape : tuple of int
        Of one picture as the head takes it.
    kind : {"classes", "labels", "grades"}
    outputs : int

    Returns
    -------
    keras.Model
        Of two classes the probability of one, else a logit an output.
    """
    keras.utils.set_random_seed(recipe.seed)
    has_one = kind == "classes"
    if recipe.head == "plain-cnn":
        head = recipe.network(None if has_one else outputs)
    else:
        inputs = layers.Input(feature_shape)
        hidden = recipe.arguments.get("hidden", 1024)
        x = layers.Dense(hidden, activation="relu", name="dense")(layers.Flatten()(inputs))
        x = layers.Dropout(0.5)(x)
        activation = "sigmoid" if has_one else None
        answer = layers.Dense(outputs, activation=activation, name="dense_2")(x)
        head = keras.Model(inputs, answer)
    if kind == "grades":
        head = with_steps(head, outputs)
    loss = KnownCrossEntropy(from_logits=not has_one)
    compile_built(head, keras.optimizers.Adam(recipe.learning_rate), loss)
    return head


def fit_temperature(logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Return the temperature with the least held-out log loss (Guo 2017, arXiv:1706.04599).

    Never below 1: perfectly separated images would ask for endless confidence. Never above what a
    card may hold: answers that are worth nothing ask for an endless one.
    """

    def log_loss(log_t: float) -> float:
        z = logits / np.exp(log_t)
        return float(np.mean(np.logaddexp(0, z) - labels * z))

    bounds = (0, float(np.log(MOST_TEMPERATURE)))
    return float(np.exp(minimize_scalar(log_loss, bounds=bounds, method="bounded").x))


def assemble(
    base: keras.Model | None, head: keras.Model, recipe: ClassifierRecipe, kind: Kind = "classes"
) -> keras.Model:
    """Put the frozen part and the trained head into the network that ships."""
    kernel, bias = answer_weights(head)
    if base is None:  # a copy would double the memory of the plain CNN
        return _with_plain_answer(head, kernel, bias) if kind == "grades" else _renewed(head)
    whole = recipe.network(None if kind == "classes" else len(bias))
    for layer in base.layers:
        if layer.weights:
            whole.get_layer(layer.name).set_weights(layer.get_weights())
    if recipe.head == "lean":
        whole.get_layer("activation_map").set_weights([kernel[None, None], bias])
        return whole
    whole.get_layer("dense").set_weights(head.get_layer("dense").get_weights())
    whole.layers[-1].set_weights([kernel, bias])
    return whole


def _renewed(head: keras.Model) -> keras.Model:
    """Return the same network without what compiling added."""
    return keras.Model(head.inputs, head.outputs, name=head.name)


def _with_plain_answer(
    head: keras.Model, kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> keras.Model:
    """Return a network of grades whose end is a dense layer, as a fresh one would have it."""
    answer = layers.Dense(len(bias), name="logits")
    whole = keras.Model(head.inputs, answer(head.get_layer(DIRECTION).input), name=head.name)
    answer.set_weights([kernel, bias])
    return whole
