"""Steps of a network with one very large dense layer, in as little memory as they need.

The report's plain CNN has 118 million weights in one layer. `keras.Model.train_on_batch` keeps the
activations of all pictures of a batch, lets oneDNN lay that layer out anew, and lets Adam make
copies of it: 1.5 GB beside weights and moments. Here pictures go through the convolutions a few at
a time (each once more for its gradient), the layer is multiplied in parts, and TensorFlow's own
operation updates weights and moments where they lie. The result is the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

PICTURES_AT_ONCE: Final = 2
"""That go through the convolutions; of the plain CNN each has 25 MB of activations."""

PART_BYTES: Final = 1 << 26
"""Of the large layer that is multiplied at once."""


class FrugalSteps:
    """Trains and asks a network of convolutions, one large dense layer, and what follows it.

    Parameters
    ----------
    head : keras.Model
        Compiled with Adam, whose variables are built, and a loss that takes weights; its first
        dense layer ends in a rectifier.
    """

    def __init__(self, head: keras.Model) -> None:
        dense = [layer for layer in head.layers if isinstance(layer, keras.layers.Dense)]
        self._large = dense[0]
        self._before = keras.Model(head.inputs[0], self._large.input)
        self._after = head.layers[head.layers.index(self._large) + 1 :]
        self._adam = head.optimizer
        self._loss = head.loss

    def train(
        self, pictures: NDArray[np.float32], labels: NDArray[np.float32],
        weights: NDArray[np.float64],
    ) -> float:  # fmt: skip
        """Update the network by one batch; return its loss.

        Parameters
        ----------
        pictures : (n, h, w, channels) float32
        labels : (n, outputs) float32
        weights : (n, outputs) float64
        """
        seen = self._seen(pictures)
        rest = [v for layer in self._after for v in layer.trainable_variables]
        # Outside the tape, which would keep all parts of the large layer.
        product = self._product(seen)
        with tf.GradientTape() as tape:
            tape.watch(product)
            answers = self._answers(product, training=True)
            loss = self._loss(labels, answers, sample_weight=weights)
        of_product, *of_rest = tape.gradient(loss, [product, *(v.value for v in rest)])
        of_seen = self._back(of_product)
        of_before = self._gradients_before(pictures, of_seen)
        found: list[tuple[Any, Any]] = list(zip(rest, of_rest, strict=True))
        found += zip(self._before.trainable_variables, of_before, strict=True)
        found.append((self._large.bias, tf.reduce_sum(of_product, axis=0)))
        for variable, gradient in found:
            self._update(variable, gradient)
        self._update(self._large.kernel, tf.matmul(seen, of_product, transpose_a=True))
        self._adam.iterations.assign_add(1)
        return float(loss)

    def ask(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the answers (n, outputs) of the network as it is."""
        return np.asarray(self._answers(self._product(self._seen(pictures)), training=False))

    def _seen(self, pictures: NDArray[np.float32]) -> tf.Tensor:
        """Return what the large layer gets of each picture (n, features)."""
        parts = [self._before(part, training=True) for part in _parts(pictures)]
        return tf.concat(parts, axis=0)

    def _rows(self) -> list[slice]:
        inputs, outputs = self._large.kernel.shape
        step = max(1, PART_BYTES // (4 * outputs))
        return [slice(at, at + step) for at in range(0, inputs, step)]

    def _product(self, seen: tf.Tensor) -> tf.Tensor:
        """Return what the large layer sums up (n, outputs), before its rectifier."""
        kernel = tf.convert_to_tensor(self._large.kernel.value)
        parts = [tf.matmul(seen[:, rows], kernel[rows]) for rows in self._rows()]
        return tf.add_n(parts) + self._large.bias.value

    def _back(self, of_product: tf.Tensor) -> tf.Tensor:
        """Return the gradient of what the large layer gets."""
        kernel = tf.convert_to_tensor(self._large.kernel.value)
        parts = [tf.matmul(of_product, kernel[rows], transpose_b=True) for rows in self._rows()]
        return tf.concat(parts, axis=1)

    def _answers(self, product: tf.Tensor, *, training: bool) -> tf.Tensor:
        hidden = self._large.activation(product)
        for layer in self._after:
            # Only some layers, such as dropout, differ while they are trained.
            more = {"training": training} if isinstance(layer, keras.layers.Dropout) else {}
            hidden = layer(hidden, **more)
        return hidden

    def _gradients_before(
        self, pictures: NDArray[np.float32], of_seen: tf.Tensor
    ) -> list[tf.Tensor]:
        variables = [v.value for v in self._before.trainable_variables]
        found: list[tf.Tensor] = [tf.zeros_like(v) for v in variables]
        begin = 0
        for part in _parts(pictures) if variables else []:
            with tf.GradientTape() as tape:
                seen = self._before(part, training=True)
            own = of_seen[begin : begin + len(part)]
            each = tape.gradient(seen, variables, output_gradients=own)
            found = [total + one for total, one in zip(found, each, strict=True)]
            begin += len(part)
        return found

    def _update(self, variable: keras.Variable, gradient: tf.Tensor) -> None:
        """Move a variable as Adam does (Kingma & Ba 2015, arXiv:1412.6980), without copies."""
        adam = self._adam
        place = adam._get_variable_index(variable)
        step = tf.cast(adam.iterations.value + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=adam._momentums[place].value.handle,
            v=adam._velocities[place].value.handle,
            beta1_power=tf.pow(adam.beta_1, step),
            beta2_power=tf.pow(adam.beta_2, step),
            lr=tf.cast(adam.learning_rate, tf.float32),
            beta1=adam.beta_1,
            beta2=adam.beta_2,
            epsilon=adam.epsilon,
            grad=gradient,
        )


def _parts(pictures: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
    return [
        pictures[at : at + PICTURES_AT_ONCE] for at in range(0, len(pictures), PICTURES_AT_ONCE)
    ]
