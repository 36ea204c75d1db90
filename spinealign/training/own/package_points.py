"""Networks of named points in ``spinealign package``: one heat map a point."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras import layers

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.model_card import LandmarkRule
from spinealign.training.keras_engine import output_names
from spinealign.wording import training as words

SEARCH_CELLS = 4.0
"""How far from where the first look saw a point the second may place it, in cells of the first;
as `train landmarks` has it."""

_SMALLEST = 1e-4
"""Heat nearer to 0 or 1 becomes this; float16, in which weights are kept, is no finer there."""


def point_names(network: keras.Model, path: Path, options: argparse.Namespace) -> tuple[str, ...]:
    """Return the names of the points of a network's heat maps, in their order.

    Raises
    ------
    ModelError
        It has other outputs, or its second look was not stated: how a network is to look is never
        guessed.
    """
    names = tuple(options.points)
    shape = tuple(network.outputs[0].shape)
    if len(shape) != 4 or shape[-1] != len(names) or len(set(names)) != len(names):
        raise _not_taken(path, words.other_points(shape, names))
    if _stride(network) is None:
        raise _not_taken(path, words.uneven_cells(tuple(network.inputs[0].shape), shape))
    if options.second_look is None:
        raise _not_taken(path, words.SECOND_LOOK_IS_OPEN)
    return names


def landmark_rule(network: keras.Model, options: argparse.Namespace) -> LandmarkRule:
    """Return how the network is to look, as stated."""
    stride = _stride(network)
    assert stride is not None
    return LandmarkRule(
        options.second_look, stride, SEARCH_CELLS, options.least_peak, options.trusted_peak
    )


def has_logits_of_points(network: keras.Model) -> bool:
    """Whether it is a network that `train landmarks` left, whose heat maps are logits."""
    return output_names(network) == ["points"]


def with_heat_maps(image: Any, answer: Any, is_probability: bool) -> keras.Model:
    """Return the network whose output is called as the program knows it, as logits."""
    heat = layers.Activation(_to_logits(is_probability), name="points")(answer)
    return keras.Model(image, heat, name="own")


def _to_logits(is_probability: bool) -> Callable[[Any], Any]:
    def logits(x: Any) -> Any:
        heat = keras.ops.clip(x, _SMALLEST, 1 - _SMALLEST)
        return keras.ops.log(heat) - keras.ops.log(1 - heat)

    return logits if is_probability else keras.activations.linear


def _stride(network: keras.Model) -> int | None:
    """Return how many pixels of the input a cell has; None where that is no whole number."""
    rows, columns = network.inputs[0].shape[1:3]
    down, across = network.outputs[0].shape[1:3]
    if not down or not across or rows % down or rows // down != columns / across:
        return None
    return int(rows // down)


def _not_taken(path: Path, why: str) -> ModelError:
    return ModelError(path.name, ModelProblem.NOT_TAKEN, why)
