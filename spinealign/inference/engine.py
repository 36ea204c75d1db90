"""Interface of inference engines, and the meaning of their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.findings import ModelIdentity
from spinealign.domain.model_card import ModelCard

Array = NDArray[np.float32]


class Engine(Protocol):
    """A loaded network."""

    name: str

    def run(self, batch: Array, **others: Array) -> Mapping[str, Array]:
        """Return the named outputs for `batch` (n, h, w, C) and further named inputs."""
        ...


class LoadedModel:
    """A card and its engine, kept warm.

    Parameters
    ----------
    card : ModelCard
        Meaning of inputs and outputs.
    engine : Engine
        The network.
    """

    def __init__(self, card: ModelCard, engine: Engine) -> None:
        self.card = card
        self.engine = engine
        self.identity = ModelIdentity(
            card.name, card.title, card.version, card.sha256, card.status, engine.name, card.limits
        )

    def segment(self, batch: Array) -> Array:
        """Return class probabilities (h, w, C) of a batch of one."""
        return softmax(self._class_logits(self.run(batch, "logits"))[0])

    def outline(self, batch: Array) -> tuple[Array, Array]:
        """Return class probabilities (h, w, C) and corner heat maps (h, w, 4) of a batch of one.

        Both are 0..1. A network without the output ``corners`` gives empty heat maps.
        """
        outputs = self.run(batch, "logits")
        probabilities = softmax(self._class_logits(outputs)[0])
        corners = outputs.get("corners")
        if corners is None:
            return probabilities, np.zeros((*probabilities.shape[:2], 4), np.float32)
        return probabilities, heat_map(corners[0])

    def point_heat(self, batch: Array) -> Array:
        """Return the heat maps (h, w, points), 0..1, of a batch of one."""
        heat = heat_map(self.run(batch, "points")["points"][0])
        if heat.shape[-1] != len(self.card.classes):
            raise self._misfit(f"{heat.shape[-1]} points")
        return heat

    def grade(self, batch: Array, signs: Array) -> Mapping[str, Array]:
        """Return the logits of every sequence the network knows for one disc.

        Parameters
        ----------
        batch : ndarray of float32, shape (1, h, w, C)
            The disc's crop.
        signs : ndarray of float32, shape (1, signs)
            What was counted in it, on the scale of the card's knots.

        Returns
        -------
        mapping of str to ndarray of float32, shape (1 + places, outputs)
            The whole crop, then row by row the crop with one place blanked.
        """
        rule = self.card.grading
        names = rule.outputs if rule is not None else ()
        outputs = self.run(batch, *names, signs=signs)
        rules = [each for of in rule.grades.values() for each in of.values()] if rule else []
        needed = max((each.first_output + each.outputs for each in rules), default=0)
        if any(outputs[name].shape[-1] < needed for name in names):
            raise self._misfit("fewer outputs than grades")
        return outputs

    def recognise(self, batch: Array) -> tuple[tuple[float, ...], float]:
        """Return probabilities in card order, and how far a batch of one lies from all anchors."""
        outputs = self.run(batch, "logits", "place")
        rule = self.card.gate
        anchors = np.zeros((1, 1), np.float32) if rule is None else np.array(rule.anchors)
        if rule is not None and anchors.shape[1:] != outputs["place"].shape[1:]:
            raise self._misfit("anchors of another space")
        away = np.linalg.norm(anchors - outputs["place"][0], axis=1).min()
        logits = self._class_logits(outputs)[0] / self.card.temperature
        return tuple(float(p) for p in softmax(logits)), float(away)

    def classify(self, batch: Array) -> tuple[tuple[float, ...], Array | None]:
        """Return probabilities in card order and the activation map of a batch of one.

        A network with one output says P(`card.positive_output`); one with an
        output a class goes through softmax. The map (h, w) holds, in logit
        units, what spoke for the card's positive class, or is None.
        """
        outputs = self.run(batch)
        logits = self._answers(outputs)[0] / self.card.temperature
        if logits.size > 1:
            return tuple(float(p) for p in softmax(logits)), None
        p = float(sigmoid(logits[0]))
        of_output = self.card.classes.index(self.card.positive_output or self.card.classes[-1])
        probabilities = (1 - p, p) if of_output == 1 else (p, 1 - p)
        activation = outputs.get("activation_map")
        if activation is None:
            return probabilities, None
        sign = 1.0 if self.card.positive_output == self.card.positive_class else -1.0
        return probabilities, activation[0, ..., 0] * np.float32(sign)

    def label(self, batch: Array) -> tuple[tuple[float, ...], Array | None]:
        """Return the probability of each finding of the card, in its order, of a batch of one.

        The maps (h, w, findings) hold, in logit units, what spoke for each, or are None.
        """
        outputs = self.run(batch, "logits")
        logits = self._class_logits(outputs)[0]
        rules = (self.card.label_rules[name] for name in self.card.classes)
        told = tuple(
            sigmoid(float(logit) / rule.temperature)
            for logit, rule in zip(logits, rules, strict=True)
        )
        return told, self._maps(outputs, len(told))

    def grade_picture(self, batch: Array) -> tuple[tuple[float, ...], Array | None]:
        """Return the probability of each grade of the card, the lowest first, of a batch of one.

        The network answers for each grade but the highest how likely a higher one is. The map
        (h, w) holds, in logit units, what spoke for higher grades more than the picture does on
        average, or is None: all steps weigh a picture alike and differ in where they begin.
        """
        outputs = self.run(batch, "logits")
        logits = outputs["logits"][0]
        if len(logits) != len(self.card.classes) - 1:
            raise self._misfit(f"{len(logits)} steps between grades")
        above = [sigmoid(float(logit) / self.card.temperature) for logit in logits]
        # Rounding of weights may turn two neighbours round by a hair: no grade is less than nothing
        above = list(np.minimum.accumulate(above))
        maps = self._maps(outputs, len(logits))
        higher = None if maps is None else maps[..., 0] - maps[..., 0].mean()
        return tuple(float(p) for p in -np.diff([1.0, *above, 0.0])), higher

    def _maps(self, outputs: Mapping[str, Array], count: int) -> Array | None:
        """Return the activation maps (h, w, count) of a batch of one, or None without any."""
        maps = outputs.get("activation_map")
        if maps is None:
            return None
        if maps.shape[-1] != count:
            raise self._misfit(f"{maps.shape[-1]} activation maps")
        found: Array = maps[0]
        return found

    def run(self, batch: Array, *needed: str, **others: Array) -> Mapping[str, Array]:
        """Return the network's outputs; those `needed` are among them.

        Raises
        ------
        ModelError
            The network takes another input than its card says, or gives other outputs.
        """
        try:
            outputs = self.engine.run(batch, **others)
        except (ValueError, RuntimeError, TypeError, KeyError) as error:
            raise self._misfit("another input") from error
        if not set(needed) <= set(outputs):
            raise self._misfit("other outputs")
        return outputs

    def _class_logits(self, outputs: Mapping[str, Array]) -> Array:
        """Return the output with one logit a class of the card."""
        logits = outputs["logits"]
        if logits.shape[-1] != len(self.card.classes):
            raise self._misfit(f"{logits.shape[-1]} classes")
        return logits

    def _answers(self, outputs: Mapping[str, Array]) -> Array:
        """Return the logits of a classifier: one a class, or one of two classes."""
        try:
            logits = _logits(outputs)
        except KeyError:
            raise self._misfit("other outputs") from None
        if logits.shape[-1] not in (1, len(self.card.classes)):
            raise self._misfit(f"{logits.shape[-1]} classes")
        if logits.shape[-1] == 1 and len(self.card.classes) != 2:
            raise self._misfit("two classes")
        return logits

    def _misfit(self, what: str) -> ModelError:
        detail = f"the weights have {what}"
        return ModelError(self.card.name, ModelProblem.INCOMPLETE_CARD, detail)


_FEW_CLASSES = 7
"""From eight on numpy adds in pairs, which rounds otherwise."""


def softmax(logits: Array) -> Array:
    """Return probabilities along the last axis."""
    shifted = np.exp(logits - _over_classes(np.maximum, logits))
    return np.asarray(shifted / _over_classes(np.add, shifted), np.float32)


def _over_classes(act: np.ufunc, values: Array) -> Array:
    """Return `act.reduce` over the last axis, which stays; bit by bit the same, and faster.

    Of a few numbers beside one another numpy adds one after the other too, at three times the cost.
    """
    if values.shape[-1] > _FEW_CLASSES:
        return np.asarray(act.reduce(values, axis=-1, keepdims=True))
    found = values[..., 0]
    for place in range(1, values.shape[-1]):
        found = act(found, values[..., place])
    return np.asarray(found)[..., None]


def heat_map(logits: Array) -> Array:
    """Return probabilities of logits, cell by cell, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)


def sigmoid(logit: float) -> float:
    """Return the probability of a logit without overflow."""
    return float(0.5 * (1 + np.tanh(0.5 * logit)))


def _logits(outputs: Mapping[str, Array]) -> Array:
    if "logits" in outputs:
        return outputs["logits"]
    if "logit" in outputs:
        return outputs["logit"]
    # The report's own networks end in a sigmoid: back to logits, so that a
    # temperature means the same for every classifier.
    p = np.clip(outputs["probability"], 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)), np.float32)
