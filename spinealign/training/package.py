"""From a trained Keras model to a folder that the program ships: weights and card."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.earned_status import with_mark
from spinealign.domain.model_card import ModelCard
from spinealign.inference.catalog import card_content, write_model
from spinealign.quiet_imports import native_messages_dropped
from spinealign.training.keras_engine import output_names

Precision = Literal["float32", "float16", "int8"]


def fold_batch_normalisation(trained: keras.Model, plain: keras.Model) -> keras.Model:
    """Copy `trained` into `plain`, multiplying each normalisation into its convolution.

    Parameters
    ----------
    trained : keras.Model
        Convolutions named ``X_conv`` followed by normalisations ``X_norm``.
    plain : keras.Model
        The same network built without normalisation.

    Returns
    -------
    keras.Model
        `plain`, which now computes what `trained` computes at inference.
    """
    for layer in plain.layers:
        if not layer.weights:
            continue
        source = trained.get_layer(layer.name)
        if not layer.name.endswith("_conv"):
            layer.set_weights(source.get_weights())
            continue
        (kernel,) = source.get_weights()
        norm = trained.get_layer(layer.name.removesuffix("_conv") + "_norm")
        gamma, beta, mean, variance = norm.get_weights()
        factor = gamma / np.sqrt(variance + norm.epsilon)
        layer.set_weights([kernel * factor, beta - mean * factor])
    return plain


def unfold_batch_normalisation(
    plain: keras.Model, trained: keras.Model, examples: NDArray[np.float32]
) -> keras.Model:
    """Give `trained` the convolutions of `plain`, each with a normalisation put back behind it.

    Training goes on from shipped weights, whose normalisation was folded in. So that every
    layer still passes on what it did, each normalisation takes the mean and spread that its
    convolution shows on `examples`. Convolutions that only one of the networks has are left.

    Parameters
    ----------
    plain : keras.Model
        Without normalisation, for inputs of the size of `examples`.
    trained : keras.Model
        The network to train; changed.
    examples : ndarray of float32, shape (n, h, w, C)
        Typical inputs.
    """
    own = {layer.name for layer in trained.layers}
    names = [n.name for n in plain.layers if n.name.endswith("_conv") and n.name in own]
    probe = keras.Model(plain.input, [plain.get_layer(n).output for n in names])
    for name, output in zip(names, probe.predict_on_batch(examples), strict=True):
        output = np.asarray(output, np.float32)
        kernel, bias = plain.get_layer(name).get_weights()
        mean, spread = output.mean(axis=(0, 1, 2)), output.std(axis=(0, 1, 2)) + 1e-3
        trained.get_layer(name).set_weights([kernel])
        norm = trained.get_layer(name.removesuffix("_conv") + "_norm")
        scale = np.sqrt(spread**2 + norm.epsilon)
        norm.set_weights([scale, mean, mean - bias, spread**2])
    return trained


def to_litert(model: keras.Model, precision: Precision) -> bytes:
    """Convert a Keras model to a LiteRT flatbuffer with named inputs and outputs.

    Parameters
    ----------
    precision : {"float32", "float16", "int8"}
        How weights are stored. int8 is per-channel weight quantisation with
        activations quantised on the fly (dynamic range); biases stay float32.
    """
    import tensorflow as tf

    with litert_converter(model) as converter:
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return bytes(converter.convert())


@contextmanager
def litert_converter(model: keras.Model) -> Iterator[Any]:
    """Yield TensorFlow's converter of a Keras model, for batches of one; it converts to float32."""
    import tensorflow as tf

    names = output_names(model)

    def answer(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
        values = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return dict(zip(names, values, strict=True))

    with tempfile.TemporaryDirectory() as folder, native_messages_dropped():
        archive = keras.export.ExportArchive()
        archive.track(model)
        signature = [
            tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, tensor.name)
            for tensor in model.inputs
        ]
        archive.add_endpoint("serve", answer, signature)
        archive.write_out(folder, verbose=False)
        yield tf.lite.TFLiteConverter.from_saved_model(folder)


def write_model_folder(folder: Path, flatbuffer: bytes, card: ModelCard) -> ModelCard:
    """Write ``model.tflite`` and ``card.json``, both or neither.

    Returns
    -------
    ModelCard
        The card with the checksum of the weights, and the mark of what earned its status.
    """
    card = replace(
        card,
        weights="model.tflite",
        sha256=hashlib.sha256(flatbuffer).hexdigest(),
        name=folder.name,
    )
    card = with_mark(card)
    write_model(folder, {card.weights: flatbuffer}, card_content(card))
    return card
