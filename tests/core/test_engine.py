from dataclasses import replace

import numpy as np
import pytest

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.inference.engine import LoadedModel, sigmoid, softmax
from tests.cards import classifier_card


class FixedEngine:
    """Answers the same whatever it sees."""

    name = "fixed"

    def __init__(self, **outputs):
        self._outputs = {k: np.asarray(v, np.float32) for k, v in outputs.items()}

    def run(self, batch):
        return self._outputs


@pytest.mark.parametrize(
    ("classes", "positive_output", "expected"),
    [
        (("fracture", "normal"), "normal", {"fracture": 0.1, "normal": 0.9}),
        (("normal", "fracture"), "fracture", {"fracture": 0.9, "normal": 0.1}),
        (("fracture", "normal"), "fracture", {"fracture": 0.9, "normal": 0.1}),
        (("normal", "fracture"), "normal", {"fracture": 0.1, "normal": 0.9}),
    ],
    ids=["sorted folders: P(normal)", "P(fracture)", "listed first", "listed last"],
)
def test_a_sigmoid_means_the_class_the_card_says(classes, positive_output, expected):
    card = classifier_card(classes=classes, positive_output=positive_output)
    model = LoadedModel(card, FixedEngine(probability=[[0.9]]))
    probabilities, _ = model.classify(np.zeros((1, 2, 2, 3), np.float32))
    assert dict(zip(classes, probabilities, strict=True)) == pytest.approx(expected, abs=1e-6)


def test_the_heat_map_speaks_for_the_positive_class_whatever_the_output_means():
    evidence = np.array([[[[1.0], [-2.0]]]])
    engine = FixedEngine(logit=[[-0.5]], activation_map=evidence)
    direct = LoadedModel(classifier_card(positive_output="fracture"), engine)
    inverse = LoadedModel(classifier_card(positive_output="normal"), engine)
    batch = np.zeros((1, 2, 2, 3), np.float32)
    assert direct.classify(batch)[1].tolist() == [[1.0, -2.0]]
    assert inverse.classify(batch)[1].tolist() == [[-1.0, 2.0]]


def test_temperature_moves_the_probability_towards_one_half():
    engine = FixedEngine(logit=[[2.0]])
    sharp = LoadedModel(classifier_card(), engine)
    soft = LoadedModel(replace(classifier_card(), temperature=4.0), engine)
    batch = np.zeros((1, 2, 2, 3), np.float32)
    assert sharp.classify(batch)[0][1] == pytest.approx(sigmoid(2.0))
    assert soft.classify(batch)[0][1] == pytest.approx(sigmoid(0.5))


def test_several_outputs_go_through_softmax_in_card_order():
    card = replace(classifier_card(), classes=("a", "b", "c"))
    model = LoadedModel(card, FixedEngine(logits=[[0.0, 1.0, 3.0]]))
    probabilities, _ = model.classify(np.zeros((1, 2, 2, 1), np.float32))
    assert sum(probabilities) == pytest.approx(1.0)
    assert probabilities == tuple(sorted(probabilities))


@pytest.mark.parametrize("logit", [-1000.0, -1.0, 0.0, 1.0, 1000.0])
def test_sigmoid_is_safe_and_symmetric(logit):
    assert sigmoid(logit) + sigmoid(-logit) == pytest.approx(1.0)


def test_softmax_is_safe_for_large_logits():
    out = softmax(np.array([[1e4, 0.0], [-1e4, 0.0]], np.float32))
    assert np.isfinite(out).all()
    assert out.sum(axis=-1) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("count", range(2, 10))
def test_probabilities_are_those_of_numpy_bit_by_bit(count):
    logits = np.random.default_rng(count).normal(0, 4, (40, 30, count)).astype(np.float32)
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    wanted = shifted / shifted.sum(axis=-1, keepdims=True)
    np.testing.assert_array_equal(softmax(logits), wanted)


@pytest.mark.parametrize("count", [1, 3])
def test_a_network_with_another_number_of_classes_than_its_card_is_refused(count):
    model = LoadedModel(classifier_card(), FixedEngine(logits=np.zeros((1, 4, 4, count))))
    for ask in (model.segment, model.outline):
        with pytest.raises(ModelError) as caught:
            ask(np.zeros((1, 4, 4, 1), np.float32))
        assert caught.value.problem is ModelProblem.INCOMPLETE_CARD
        assert f"{count} classes" in caught.value.detail
