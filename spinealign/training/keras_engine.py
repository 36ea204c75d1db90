"""The reference engine: the same networks in Keras, on the weights that ship.

It answers two questions: does the small runtime compute what Keras computes
(the parity test), and what do a user's own ``.keras`` or ``.h5`` weights say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.model_card import ModelCard
from spinealign.inference.engine import Array, Engine
from spinealign.training import networks
from spinealign.training.head_parts import plain_cnn_several, vgg16_report_several
from spinealign.wording.training import other_parameters

BUILDERS = {
    builder.__name__: builder
    for builder in (
        networks.segmentation_unet,
        networks.vertebra_unet,
        networks.spine_unet,
        networks.frontal_unet,
        networks.vgg16_cam,
        networks.vgg16_linear,
        networks.vgg16_report,
        networks.plain_cnn,
        vgg16_report_several,
        plain_cnn_several,
        networks.view_gate,
        networks.disc_grader,
    )
}


class KerasEngine:
    """A Keras model behind the same interface as the default engine."""

    name = "Keras"

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def run(self, batch: Array, **others: Array) -> Mapping[str, Array]:
        """Return the named outputs for `batch` (n, h, w, C) and further named inputs."""
        inputs = [batch, *others.values()] if others else batch
        outputs = self._model(inputs, training=False)
        values = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        names = output_names(self._model)
        return {
            name: np.asarray(keras.ops.convert_to_numpy(value), np.float32)
            for name, value in zip(names, values, strict=True)
        }


def open_keras(weights: Path, card: ModelCard) -> Engine:
    """Open a shipped ``.tflite`` file in Keras: architecture from the card, weights from the file.

    Raises
    ------
    ModelError
        The card's architecture is unknown or does not fit the weights.
    """
    try:
        model = build(card.architecture)
        set_stored_weights(model, list(stored_layers(weights.read_bytes())))
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(card.name, ModelProblem.WRONG_ARCHITECTURE, str(error)) from error
    return KerasEngine(model)


def build(architecture: Mapping[str, Any]) -> keras.Model:
    """Build the network that a card names."""
    return BUILDERS[architecture["name"]](**architecture["arguments"])


def load_user_weights(model: keras.Model, path: Path) -> keras.Model:
    """Load a user's ``.keras``, ``.h5`` or ``.weights.h5`` into `model`.

    Both whole saved models and bare weights are taken, those of older Keras
    versions too; dropout layers carry no weights and may differ.

    Raises
    ------
    ModelError
        The file is missing, no Keras file, or of another architecture.
    """
    if not path.is_file():
        raise ModelError(path.name, ModelProblem.MISSING)
    try:
        if path.suffix == ".keras":
            saved = keras.models.load_model(path, compile=False)
            model.set_weights(saved.get_weights())
        else:
            model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError) as error:
        # Keras answers with whole tensors.
        detail = other_parameters(model.count_params(), model.name)
        raise ModelError(path.name, ModelProblem.WRONG_ARCHITECTURE, detail) from error
    return model


def output_names(model: keras.Model) -> list[str]:
    """Name a model's outputs as engines do; an unnamed single output is ``probability``."""
    known = {
        "logits", "logit", "activation_map", "corners", "levels", "offsets", "t2", "t1", "place",
        "points",
    }  # fmt: skip
    names = [tensor._keras_history.operation.name for tensor in model.outputs]
    return [name if name in known else "probability" for name in names]


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """Weights of a convolution or dense layer in a ``.tflite`` file, in its own layout.

    Parameters
    ----------
    name : str
        Of the kernel; it holds the layer's name, such as ``spine_unet_1/level_conv_1/convolution``.
    kernel, bias : ndarray of float32
        The values that the runtime computes with.
    """

    name: str
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def set_stored_weights(model: keras.Model, stored: Sequence[StoredLayer]) -> None:
    """Give each convolution and dense layer its kernel and bias.

    The converter may turn around heads that stand side by side, so a kernel goes to the layer
    that it is named after; if it is named after none, to the first one left that it fits.

    Raises
    ------
    ValueError
        Another number of layers, or a kernel that fits none of them.
    """
    layers = [layer for layer in model.layers if layer.weights]
    if len(stored) != len(layers):
        raise ValueError(f"{len(stored)} layers in the file, {len(layers)} in the network")
    for one in stored:
        fitting = [layer for layer in layers if _fits(layer, one.kernel)]
        if not fitting:
            raise ValueError(f"no layer left for a kernel of shape {one.kernel.shape}")
        layer = next((each for each in fitting if _is_named(one, each)), fitting[0])
        layer.set_weights([_to_keras_layout(layer, one.kernel), one.bias])
        layers.remove(layer)


def _is_named(stored: StoredLayer, layer: keras.layers.Layer) -> bool:
    """Whether a kernel has a layer's name; the export adds a number to it."""
    return re.search(rf"(?:^|/){re.escape(layer.name)}(?:_\d+)?/", stored.name) is not None


def _fits(layer: keras.layers.Layer, kernel: NDArray[np.float32]) -> bool:
    expected = tuple(layer.weights[0].shape)
    return len(expected) == kernel.ndim and _to_keras_layout(layer, kernel).shape == expected


def _to_keras_layout(layer: keras.layers.Layer, kernel: NDArray[np.float32]) -> Array:
    # LiteRT keeps convolutions as (out, h, w, in) and dense layers as (out, in).
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return kernel.transpose(1, 2, 0, 3)
    return kernel.transpose(1, 2, 3, 0) if kernel.ndim == 4 else kernel.T


def stored_layers(content: bytes) -> Iterator[StoredLayer]:
    """Yield each convolution and dense layer of a ``.tflite`` file in order of computation."""
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    kinds = schema.BuiltinOperator
    # Operator: (input with the kernel, input with the bias).
    layers = {kinds.CONV_2D: (1, 2), kinds.FULLY_CONNECTED: (1, 2), kinds.TRANSPOSE_CONV: (1, 3)}
    operators = [(model.operatorCodes[op.opcodeIndex].builtinCode, op) for op in graph.operators]
    stored = {int(op.outputs[0]): int(op.inputs[0]) for k, op in operators if k == kinds.DEQUANTIZE}
    # The converter leaves a transposed convolution's bias to an addition behind it.
    added = {int(op.inputs[0]): int(op.inputs[1]) for k, op in operators if k == kinds.ADD}
    for kind, op in operators:
        if kind not in layers:
            continue
        kernel_at, bias_at = layers[kind]
        kernel = _tensor_values(model, graph, stored, op.inputs[kernel_at])
        bias = op.inputs[bias_at] if len(op.inputs) > bias_at else added.get(int(op.outputs[0]))
        # A bias that is zero throughout is optimised away.
        bias_values = np.zeros(kernel.shape[0], np.float32)
        if bias is not None and bias >= 0:
            bias_values = _tensor_values(model, graph, stored, bias)
        name = graph.tensors[int(op.inputs[kernel_at])].name.decode("utf-8", "replace")
        yield StoredLayer(name, kernel, bias_values)


def _tensor_values(
    model: Any, graph: Any, stored: Mapping[int, int], index: int
) -> NDArray[np.float32]:
    from tensorflow.lite.python import schema_py_generated as schema

    tensor = graph.tensors[stored.get(int(index), int(index))]

    kinds = {
        schema.TensorType.FLOAT32: np.float32,
        schema.TensorType.FLOAT16: np.float16,
        schema.TensorType.INT8: np.int8,
    }
    raw = np.frombuffer(bytes(model.buffers[tensor.buffer].data), kinds[tensor.type])
    values = raw.astype(np.float32).reshape(tensor.shape if raw.size > 1 else -1)
    if tensor.type != schema.TensorType.INT8:
        return values
    scale = np.asarray(tensor.quantization.scale, np.float32)
    axes = [1] * values.ndim
    axes[tensor.quantization.quantizedDimension] = scale.size
    return values * scale.reshape(axes)
