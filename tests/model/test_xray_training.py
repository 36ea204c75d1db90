"""The lateral film's recipe on tiny networks; needs TensorFlow."""

import argparse
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.inference.catalog import ModelStore
from spinealign.radiograph import finds_bodies
from spinealign.training import commands, networks, xray
from spinealign.training.dataset import IGNORE
from spinealign.training.keras_engine import open_keras
from spinealign.training.package import fold_batch_normalisation, to_litert, write_model_folder
from spinealign.training.recipes import MrRecipe, mr_card
from tests.films import write_film

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
WIDTHS = (8, 8, 12)
TINY = xray.XrayRecipe(
    widths=WIDTHS, input_px=64, crop=(64, 64), batch=2, steps=3, negatives_per_folder=2
)


def random_weights(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.uniform(0, 0.1, w.shape) for w in model.get_weights()])
    return model


def noise(*shape):
    return np.random.default_rng(5).uniform(0, 1, shape).astype(np.float32)


def test_joined_outputs_are_the_two_heads_side_by_side():
    keras.utils.set_random_seed(0)
    joined = TINY.network()
    parted = networks.vertebra_unet((64, 64, 1), 3, 4, WIDTHS)
    parted.set_weights(joined.get_weights())
    x = noise(2, 64, 64, 1)
    logits, corners = (np.asarray(out) for out in parted(x, training=False))
    assert logits.shape == (2, 64, 64, 3)
    assert corners.shape == (2, 64, 64, 4)
    both = np.asarray(joined(x, training=False))
    assert both == pytest.approx(np.concatenate([logits, corners], axis=-1), abs=1e-5)


def labels_with(mask_value, weight):
    labels = np.zeros((1, 16, 16, 6), np.uint8)
    labels[0, :, 8:, 0] = mask_value
    labels[..., 5] = 255
    labels[0, :, 8:, 5] = weight
    labels[0, 4, 4, 1] = 255
    return labels


@pytest.mark.parametrize(
    ("mask_value", "weight", "matters"), [(IGNORE, 0, False), (2, 255, True)],
    ids=["unknown", "known"],
)  # fmt: skip
def test_answers_matter_only_where_the_truth_is_known(mask_value, weight, matters):
    loss = xray.bodies_and_corners_loss(3, 0.5)
    labels = labels_with(mask_value, weight)
    outputs = noise(1, 16, 16, 7)
    other = outputs.copy()
    other[:, :, 8:] += 2 * noise(1, 16, 8, 7)
    first, second = (float(loss(labels, out)) for out in (outputs, other))
    assert (abs(first - second) > 1e-3) == matters


def test_the_loss_falls_towards_the_truth():
    loss = xray.bodies_and_corners_loss(3, 0.5)
    labels = labels_with(2, 255)
    good = np.full((1, 16, 16, 7), -6.0, np.float32)
    good[..., :8, 0] = good[:, :, 8:, 2] = 6.0
    good[0, :, :8, 0] = 6.0
    good[0, 4, 4, 3] = 6.0
    missed = good.copy()
    missed[0, 4, 4, 3] = -6.0
    assert float(loss(labels, good)) < float(loss(labels, missed))
    assert float(loss(labels, missed)) < float(loss(labels, -good))


def shipped_mr(folder):
    keras.utils.set_random_seed(1)
    plain = random_weights(
        networks.segmentation_unet((64, 64, 1), 4, WIDTHS, batch_normalisation=False)
    )
    arguments = {
        "input_shape": [64, 64, 1], "classes": 4, "widths": list(WIDTHS),
        "batch_normalisation": False,
    }  # fmt: skip
    card = mr_card(replace(MrRecipe(), input_px=64), arguments, unlabelled=False)
    write_model_folder(folder, to_litert(plain, "float32"), card)
    return plain


def test_starting_from_a_shipped_network_keeps_its_features(tmp_path):
    plain = shipped_mr(tmp_path / "mr")
    model = TINY.network()
    examples = noise(2, 64, 64, 1)
    xray.start_from(model, tmp_path / "mr", TINY, examples)
    of = [keras.Model(m.input, m.get_layer("up0b_relu").output) for m in (plain, model)]
    theirs, ours = (np.asarray(part(examples, training=False)) for part in of)
    assert ours == pytest.approx(theirs, abs=0.02 * float(theirs.max()))


def test_the_command_trains_measures_and_packages(tmp_path):
    films, negatives = tmp_path / "films", tmp_path / "negatives" / "images"
    for number in range(4):
        write_film(films, f"{number:03d}")
    write_film(tmp_path / "negatives", "plain")
    options = argparse.Namespace(
        data=films, negatives=[negatives], start=None, necks=films, steps=2,
        work=tmp_path / "work", out=tmp_path / "models" / "xray_bodies",
        report=tmp_path / "worst.png",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xray, "XrayRecipe", lambda: TINY)
        card = commands.train_xray(options)
    assert card.metrics["validation"]["films"] == 1
    assert "alignment" in card.metrics["validation"]
    assert set(card.metrics) >= {"robustness", "whole_necks", "pictures_without_column"}
    assert card.training["steps"] == 2
    loaded = ModelStore([tmp_path / "models"]).load("xray_bodies")
    assert finds_bodies(loaded.card)
    assert (tmp_path / "worst.png").is_file()


def test_both_engines_agree_on_both_outputs(tmp_path):
    keras.utils.set_random_seed(2)
    trained = random_weights(TINY.network())
    plain = fold_batch_normalisation(trained, networks.vertebra_unet(**TINY.arguments()))
    card = xray.xray_card(TINY, films=(3, 1), started_from=None, negatives=False)
    write_model_folder(tmp_path / "xray_bodies", to_litert(plain, "float16"), card)
    loaded = ModelStore([tmp_path]).load("xray_bodies")
    reference = open_keras(tmp_path / "xray_bodies" / "model.tflite", loaded.card)
    x = noise(1, 64, 64, 1)
    answers, expected = loaded.engine.run(x), reference.run(x)
    assert set(answers) == set(expected) == {"logits", "corners"}
    for name, values in expected.items():
        assert answers[name] == pytest.approx(values, abs=0.02 * float(np.abs(values).max()))
