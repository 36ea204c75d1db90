"""``spinealign package``: a model folder of a user's own Keras network."""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import Task
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.inference.catalog import ModelStore
from spinealign.inference.checksums import file_sha256, write_checksums
from spinealign.inference.engine import softmax
from spinealign.model_store.signing import no_passphrase, opened_key, sign_folder
from spinealign.training import networks
from spinealign.training.head_parts import plain_cnn_several, vgg16_report_several
from spinealign.training.keras_engine import load_user_weights, output_names
from spinealign.training.own.kept import digest
from spinealign.training.own.package_points import (
    has_logits_of_points,
    landmark_rule,
    point_names,
    with_heat_maps,
)
from spinealign.training.own.places import KEY, place_model, require_free
from spinealign.training.package import to_litert, write_model_folder
from spinealign.wording import training as words
from spinealign.wording.model_store import card_problem_text

ARCHITECTURES: dict[str, tuple[str, int]] = {
    "report": ("vgg16_report", 224),
    "plain-cnn": ("plain_cnn", 256),
}
"""Of bare weights: function of `networks`, and the side of its input."""

SAME_WITHIN = 0.02
"""By which probabilities of the converted network may differ from Keras; float16 costs 0.001."""

_LEAST_PROBABILITY = 1e-4
"""Smaller ones become this; float16, in which weights are kept, has no much smaller number."""

_OF_THE_NETWORK = (
    "architecture", "classes", "points", "second_look", "least_peak", "trusted_peak", "positive",
    "scaling", "percentiles", "clahe", "input_size", "output", "threshold", "window_hu",
)  # fmt: skip
"""Options that decide how the network is used; titles and the like are only said of it."""

_TORCH_MEAN, _TORCH_VARIANCE = (0.485, 0.456, 0.406), (0.229**2, 0.224**2, 0.225**2)


def package_own(options: argparse.Namespace) -> ModelCard:
    """Make a model folder of a user's own network, whole or as bare weights.

    Raises
    ------
    ModelError
        The file is missing, or not of a kind that is taken; which kinds are, is said.
    ModelStoreError
        The key to sign with is none; or another model lies in the folder.
    """
    path: Path = options.weights
    if not path.is_file():
        raise ModelError(path.name, ModelProblem.MISSING)
    key: Path | None = getattr(options, "sign", None)
    ask = getattr(options, "ask_passphrase", no_passphrase)
    options = argparse.Namespace(**vars(options), training_key=_key(path, options))
    require_free(options.out, options.training_key, options.replace)
    # Before the minutes that a conversion takes.
    private = None if key is None else opened_key(key, ask)
    network = _network(path, options)
    classes = _classes(network, path, options)
    options = _with_scaling(options, network)
    wrapped = _wrapped(network, path, options)
    card = _complete(_card(network, classes, options), path)
    try:
        flatbuffer = to_litert(wrapped, "float16")
    except Exception as error:  # the converter raises anything
        raise _not_taken(path, words.not_converted(_first_line(error))) from error
    # What lies in the model folder stays until the new model is found to answer as it should.
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / options.out.resolve().name
        card = write_model_folder(made, flatbuffer, card)
        _require_same(wrapped, made, path, options)
        place_model(made, options.out)
    write_checksums(options.out)
    if private is not None:
        sign_folder(options.out, private)
    return card


def _key(path: Path, options: argparse.Namespace) -> str:
    """Return what tells this network with these options from every other one."""
    told = {name: getattr(options, name) for name in _OF_THE_NETWORK}
    return digest(["package", file_sha256(path), told])[:16]


def _complete(card: ModelCard, path: Path) -> ModelCard:
    """Return a card that an analysis will take, or say what is wrong about it."""
    try:
        return ModelCard.from_json(card.to_json())
    except ValueError as error:
        raise _not_taken(path, words.card_refused(card_problem_text(error))) from error


def _not_taken(path: Path, why: str) -> ModelError:
    return ModelError(path.name, ModelProblem.NOT_TAKEN, why)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def _network(path: Path, options: argparse.Namespace) -> keras.Model:
    if path.suffix.lower() == ".onnx":
        raise _not_taken(path, words.ONNX_IS_NOT_TAKEN)
    if options.architecture is not None:
        build: Callable[[], keras.Model] = getattr(networks, ARCHITECTURES[options.architecture][0])
        return load_user_weights(build(), path)
    if path.name.endswith(".weights.h5"):
        raise _not_taken(path, words.BARE_WEIGHTS)
    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise _not_taken(path, words.NO_WHOLE_MODEL) from error
    return _with_size(model, path, options)


def _with_size(model: keras.Model, path: Path, options: argparse.Namespace) -> keras.Model:
    """Return a network with one image input of a known size."""
    _require_one_answer(model, path)
    outputs = 2 if _has_map(model) else 1
    if len(model.inputs) != 1 or len(model.outputs) != outputs or len(model.inputs[0].shape) != 4:
        shapes = [tuple(t.shape) for t in (*model.inputs, *model.outputs)]
        raise _not_taken(path, words.inputs_and_outputs(shapes))
    height, width, channels = model.inputs[0].shape[1:]
    if channels not in (1, 3):
        raise _not_taken(path, words.inputs_and_outputs([tuple(model.inputs[0].shape)]))
    if options.input_size is not None:
        height, width = options.input_size
    if height is None or width is None:
        raise _not_taken(path, words.SIZE_IS_OPEN)
    if (height, width) == tuple(model.inputs[0].shape[1:3]):
        return model
    image = layers.Input((height, width, channels))
    try:
        return keras.Model(image, model(image))
    except ValueError as error:
        raise _not_taken(path, words.other_size(height, width)) from error


def _require_one_answer(model: keras.Model, path: Path) -> None:
    """Refuse networks for several findings: made into classes, one of them would be right."""
    is_several = model.name in (vgg16_report_several.__name__, plain_cnn_several.__name__)
    if is_several or output_names(model) == ["logits", "activation_map"]:
        raise _not_taken(path, words.LEFT_BY_SEVERAL)
    shape = model.outputs[0].shape
    if len(shape) == 2 and shape[-1] != 1 and _last_activation(model) == "sigmoid":
        raise _not_taken(path, words.SEVERAL_SIGMOIDS)


def _last_activation(network: keras.Model) -> str:
    last = network.outputs[0]._keras_history.operation
    while isinstance(last, keras.Model):
        last = last.outputs[0]._keras_history.operation
    if isinstance(last, layers.Softmax):
        return "softmax"
    return str(getattr(getattr(last, "activation", None), "__name__", ""))


def _classes(network: keras.Model, path: Path, options: argparse.Namespace) -> tuple[str, ...]:
    if options.points:
        return point_names(network, path, options)
    classes = tuple(options.classes)
    outputs = int(network.outputs[0].shape[-1])
    expected = 2 if outputs == 1 else outputs
    if len(classes) != expected or len(set(classes)) != len(classes):
        raise _not_taken(path, words.other_classes(outputs, expected, classes))
    if not _is_mask(network) and options.positive not in classes:
        raise _not_taken(path, words.no_positive(classes))
    return classes


def _has_map(network: keras.Model) -> bool:
    """Whether it is the lean classifier of `train classifier`, which also shows what spoke."""
    return output_names(network) == ["logit", "activation_map"]


def _with_scaling(options: argparse.Namespace, network: keras.Model) -> argparse.Namespace:
    """Return options with a scaling: of the lean classifier the one that it was trained with."""
    is_grey = bool(options.points) and int(network.inputs[0].shape[-1]) == 1
    usual = "caffe" if _has_map(network) else "grey" if is_grey else "unit"
    return argparse.Namespace(**{**vars(options), "scaling": options.scaling or usual})


def _is_mask(network: keras.Model) -> bool:
    return len(network.outputs[0].shape) == 4


def _wrapped(network: keras.Model, path: Path, options: argparse.Namespace) -> keras.Model:
    """Return the network between the program's input and the outputs that it knows by name."""
    height, width, channels = network.inputs[0].shape[1:]
    if (channels == 1) != (options.scaling == "grey"):
        raise _not_taken(path, words.scaling_for(channels))
    image = layers.Input((height, width, channels), name="image")
    answer = network(_scaled(image, options.scaling))
    if _has_map(network):
        names = output_names(network)
        named = [layers.Identity(name=n)(part) for n, part in zip(names, answer, strict=True)]
        return keras.Model(image, named, name="own")
    is_probability = _is_probability(network, path, options)
    if options.points:
        return with_heat_maps(image, answer, is_probability)
    if int(answer.shape[-1]) == 1 and not _is_mask(network):
        name = "probability" if is_probability else "logit"
        return keras.Model(image, layers.Identity(name=name)(answer), name="own")
    as_logits = layers.Activation(_to_logits(int(answer.shape[-1]), is_probability), name="logits")
    return keras.Model(image, as_logits(answer), name="own")


def _scaled(image: Any, scaling: str) -> Any:
    if scaling == "bytes":
        return layers.Rescaling(255.0)(image)
    if scaling == "symmetric":
        return layers.Rescaling(2.0, -1.0)(image)
    if scaling == "torch":
        return layers.Normalization(mean=_TORCH_MEAN, variance=_TORCH_VARIANCE)(image)
    return image


def _to_logits(outputs: int, is_probability: bool) -> Callable[[Any], Any]:
    def log(x: Any) -> Any:
        return keras.ops.log(keras.ops.clip(x, _LEAST_PROBABILITY, 1.0))

    def one_to_two(x: Any) -> Any:
        z = log(x) - log(1 - x) if is_probability else x
        return keras.ops.concatenate([keras.ops.zeros_like(z), z], axis=-1)

    if outputs == 1:
        return one_to_two
    return log if is_probability else keras.activations.linear


def _is_probability(network: keras.Model, path: Path, options: argparse.Namespace) -> bool:
    """Whether outputs are probabilities: as stated, else by the last layer's activation."""
    if options.output is not None:
        return bool(options.output == "probability")
    if options.points and has_logits_of_points(network):
        return False
    if _last_activation(network) in ("sigmoid", "softmax"):
        return True
    raise _not_taken(path, words.OUTPUT_IS_OPEN)


def _card(network: keras.Model, classes: tuple[str, ...], options: argparse.Namespace) -> ModelCard:
    height, width = network.inputs[0].shape[1:3]
    channels = {"grey": "grey", "caffe": "vgg_caffe"}.get(options.scaling, "rgb_unit")
    window = None if options.window_hu is None else tuple(options.window_hu)
    ends = None if options.percentiles is None else tuple(options.percentiles)
    task: Task = "classification"
    if _is_mask(network):
        task = "landmarks" if options.points else "segmentation"
    is_classifier = task == "classification"
    is_single = int(network.outputs[0].shape[-1]) == 1
    built = ARCHITECTURES.get(options.architecture or "", (None, 0))[0]
    return ModelCard(
        name=options.out.name,
        title=options.title or words.untitled_package(options.weights.name),
        version="1",
        status=ModelStatus.DEMONSTRATION,
        task=task,
        examinations=() if options.examination is None else (options.examination.kind,),
        image_kinds=() if options.image_kind is None else (options.image_kind,),
        weights="model.tflite",
        sha256="0" * 64,
        architecture={"name": built or "own", "arguments": {}},
        input_shape=(int(height), int(width)),
        intensity=IntensityRule(
            percentiles=ends,  # type: ignore[arg-type]
            window_hu=window,  # type: ignore[arg-type]
            channels=channels,  # type: ignore[arg-type]
            clahe_clip_limit=options.clahe,
        ),
        classes=classes,
        positive_class=options.positive if is_classifier else None,
        positive_output=(classes[1] if is_single else options.positive) if is_classifier else None,
        threshold=options.threshold if is_classifier else None,
        landmarks=landmark_rule(network, options) if task == "landmarks" else None,
        training_data=options.source or "Unknown to SpineAlign: weights brought by the user.",
        licence=options.licence or "Unknown to SpineAlign.",
        metrics={"note": "not evaluated by SpineAlign"},
        intended_use=options.intended_use
        or "Running the user's own weights; nothing is known about their quality.",
        known_failures=("Not evaluated by SpineAlign.",),
        limits="These weights were brought by a user and were never evaluated by SpineAlign.",
        training={"packaged": task, "scaling": options.scaling, KEY: options.training_key},
    )


def _require_same(
    wrapped: keras.Model, made: Path, path: Path, options: argparse.Namespace
) -> None:
    """Refuse a conversion that answers otherwise than the network in Keras."""
    model = ModelStore([made.parent]).load(made.name)
    card = model.card
    shape = (1, *card.input_shape, int(wrapped.inputs[0].shape[-1]))
    drawn = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    batch = drawn * 255 - 110 if options.scaling == "caffe" else drawn
    answer = wrapped(batch, training=False)
    expected = np.asarray(answer[0] if isinstance(answer, list) else answer, np.float32)
    name = wrapped.outputs[0]._keras_history.operation.name
    found = model.run(batch, name)[name]
    if name == "logits":
        expected, found = softmax(expected), softmax(found)
    elif name in ("logit", "points"):
        expected, found = (0.5 * (1 + np.tanh(0.5 * z)) for z in (expected, found))
    if not np.allclose(expected, found, atol=SAME_WITHIN):
        raise _not_taken(path, words.CONVERTED_OTHERWISE)
