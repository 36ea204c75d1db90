"""What heads with several answers are built of: networks, a loss, and steps between grades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from spinealign.training import networks

Kind = Literal["classes", "labels", "grades"]
"""One of two classes, several findings, or one of several ordered grades."""

DIRECTION: Final = "direction"
STEPS: Final = "steps"

_UNIT: Final = 100.0
"""Adam moves every variable by its learning rate: steps between grades, which begin one apart and
end up to ten apart, are kept in hundreds. Set by hand."""


def vgg16_report_several(outputs: int = 1, **sizes: Any) -> keras.Model:
    """Build the report's VGG16 with several answers for its one.

    Parameters
    ----------
    outputs : int
    **sizes
        Of `networks.vgg16_report`.

    Returns
    -------
    keras.Model
        Output ``logits`` (batch, outputs): of several findings one each, or of ordered grades one
        for each step from a grade to higher ones.
    """
    return _with_logits(networks.vgg16_report(**sizes), outputs, "vgg16_report_several")


def plain_cnn_several(outputs: int = 1, **sizes: Any) -> keras.Model:
    """Build the report's plain CNN with several answers for its one.

    Parameters
    ----------
    outputs : int
    **sizes
        Of `networks.plain_cnn`.

    Returns
    -------
    keras.Model
        As `vgg16_report_several`.
    """
    return _with_logits(networks.plain_cnn(**sizes), outputs, "plain_cnn_several")


def _with_logits(network: keras.Model, outputs: int, name: str) -> keras.Model:
    answer = layers.Dense(outputs, name="logits")(network.layers[-1].input)
    return keras.Model(network.inputs, answer, name=name)


class KnownCrossEntropy(keras.losses.Loss):
    """Binary cross-entropy of each answer by itself, so that each has a weight of its own.

    What is not known weighs nothing; the sum is divided by all answers of a batch.

    Parameters
    ----------
    from_logits : bool
    """

    def __init__(self, from_logits: bool) -> None:
        super().__init__(name="known_cross_entropy")
        self._from_logits = from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each answer (batch, outputs)."""
        return ops.binary_crossentropy(y_true, y_pred, from_logits=self._from_logits)


class FallingSteps(layers.Layer):
    """From one place on the scale of grades to the logit that it is beyond each step.

    The steps share their direction and begin in rising order, so that a higher grade is never
    likelier than that grade or a lower one together (CORAL: Cao et al. 2020,
    10.1016/j.patrec.2020.11.008; proportional odds: McCullagh 1980, J R Stat Soc B 42:109).

    Parameters
    ----------
    steps : int
        One less than there are grades.
    name : str
    """

    def __init__(self, steps: int, name: str = STEPS) -> None:
        super().__init__(name=name)
        self._steps = steps

    def build(self, input_shape: Sequence[int]) -> None:
        """Make the variables: where the first step begins, and how far on each other one does."""
        self._first = self.add_weight(shape=(1,), initializer="zeros", name="first")
        self._gaps = self.add_weight(shape=(self._steps - 1,), initializer="zeros", name="gaps")

    def biases(self) -> Any:
        """Return what is added for each step (steps,), falling."""
        gaps = ops.softplus(_UNIT * self._gaps)
        return _UNIT * self._first - ops.concatenate([ops.zeros(1), ops.cumsum(gaps)])

    def call(self, inputs: Any) -> Any:
        """Return logits (batch, steps) of places (batch, 1)."""
        return inputs + self.biases()

    def begin_at(self, shares: NDArray[np.float64]) -> None:
        """Begin with the steps that fit where nothing tells pictures apart.

        Parameters
        ----------
        shares : ndarray of float64, shape (steps,)
            Of pictures beyond each step: between 0 and 1, falling.
        """
        odds = np.log(shares / (1 - shares))
        gaps = np.maximum(-np.diff(odds), 1e-3)
        self._first.assign(odds[:1] / _UNIT)
        self._gaps.assign(np.log(np.expm1(gaps)) / _UNIT)


def with_steps(head: keras.Model, steps: int) -> keras.Model:
    """Return a head whose last layer is replaced by one direction and the steps on it."""
    place = layers.Dense(1, use_bias=False, name=DIRECTION)(head.layers[-1].input)
    return keras.Model(head.inputs, FallingSteps(steps)(place), name=head.name)


def answer_weights(head: keras.Model) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return kernel (features, outputs) and bias (outputs,) of what a head answers at its end."""
    last = head.layers[-1]
    if not isinstance(last, FallingSteps):
        kernel, bias = last.get_weights()
        return kernel, bias
    bias = np.asarray(ops.convert_to_numpy(last.biases()), np.float32)
    (kernel,) = head.get_layer(DIRECTION).get_weights()
    return np.repeat(kernel, len(bias), axis=1), bias
