"""Training and packaging on tiny networks; needs TensorFlow."""

import argparse
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.inference.catalog import ModelStore
from spinealign.training import classifier, commands, ct_fracture, networks, recipes
from spinealign.training.dataset import IGNORE, LabelledSlice
from spinealign.training.keras_engine import (
    load_user_weights,
    open_keras,
    set_stored_weights,
    stored_layers,
)
from spinealign.training.own.pictures import PatientSource, Picture, PictureSet
from spinealign.training.package import fold_batch_normalisation, to_litert, write_model_folder
from spinealign.training.train import Checkpoint, MrPatches, run_steps, segmentation_loss
from tests.cards import classifier_card
from tests.examinations import SPINE_MR

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
TINY_VGG = ((1, 4), (1, 6))


def test_the_reports_classifier_has_the_reports_parameters():
    model = networks.vgg16_report()
    assert model.count_params() == 40_406_849
    assert model.get_layer("dense").count_params() == 25_691_136


def test_the_plain_cnn_is_the_reports():
    model = networks.plain_cnn((64, 64, 3), (4, 8, 16), 8)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") == 3
    assert kinds[-2:] == ["Dropout", "Dense"]


def test_the_activation_map_averages_to_the_logit():
    model = networks.vgg16_cam((32, 32, 3), TINY_VGG)
    logit, activation = model(np.random.default_rng(0).normal(size=(2, 32, 32, 3)))
    assert np.asarray(activation).mean(axis=(1, 2, 3)) == pytest.approx(
        np.asarray(logit)[:, 0], abs=1e-5
    )


def trained_unet():
    keras.utils.set_random_seed(0)
    model = networks.segmentation_unet((32, 32, 1), 3, (8, 8, 8))
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.uniform(0, 0.1, w.shape) for w in model.get_weights()])
    return model


def test_folding_normalisation_changes_no_answer():
    trained = trained_unet()
    plain = networks.segmentation_unet((32, 32, 1), 3, (8, 8, 8), batch_normalisation=False)
    folded = fold_batch_normalisation(trained, plain)
    x = np.random.default_rng(1).normal(size=(1, 32, 32, 1)).astype(np.float32)
    expected = np.asarray(trained(x, training=False))
    assert np.abs(np.asarray(folded(x)) - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-5), ("float16", 1e-5), ("int8", 0.05)]
)
def test_keras_reads_the_weights_that_ship(precision, tolerance, tmp_path):
    model = networks.vgg16_cam((32, 32, 3), TINY_VGG)
    arguments = {"input_shape": (32, 32, 3), "blocks": TINY_VGG}
    card = replace(classifier_card(), architecture={"name": "vgg16_cam", "arguments": arguments})
    write_model_folder(tmp_path / "tiny", to_litert(model, precision), card)
    x = np.random.default_rng(1).normal(0, 50, (1, 32, 32, 3)).astype(np.float32)
    small = ModelStore([tmp_path]).load("tiny").classify(x)
    reference = ModelStore([tmp_path], open_keras).load("tiny").classify(x)
    assert small[0] == pytest.approx(reference[0], abs=tolerance)
    assert reference[1].shape == (16, 16)


def test_weights_of_another_network_are_refused(tmp_path):
    flatbuffer = to_litert(networks.vgg16_cam((32, 32, 3), TINY_VGG), "float32")
    other = networks.vgg16_cam((32, 32, 3), (*TINY_VGG, (1, 8)))
    with pytest.raises(ValueError, match="layers"):
        set_stored_weights(other, list(stored_layers(flatbuffer)))


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_a_users_own_weights_load(tmp_path, suffix):
    saved = networks.vgg16_report((32, 32, 3), TINY_VGG, hidden=5)
    path = tmp_path / f"mine{suffix}"
    saved.save_weights(path) if suffix == ".weights.h5" else saved.save(path)
    model = load_user_weights(networks.vgg16_report((32, 32, 3), TINY_VGG, hidden=5), path)
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3))
    assert np.asarray(model(x)) == pytest.approx(np.asarray(saved(x)))


def test_a_users_weights_without_the_dropout_layer_load(tmp_path):
    """The report's program builds the network without the dropout its training used."""
    image, x = networks.vgg16_base((32, 32, 3), TINY_VGG)
    x = keras.layers.Dense(5, activation="relu")(keras.layers.Flatten()(x))
    theirs = keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(x))
    theirs.save(tmp_path / "theirs.h5")
    ours = networks.vgg16_report((32, 32, 3), TINY_VGG, hidden=5)
    load_user_weights(ours, tmp_path / "theirs.h5")
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3))
    assert np.asarray(ours(x)) == pytest.approx(np.asarray(theirs(x)))


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("missing.h5", None, ModelProblem.MISSING),
        ("text.h5", b"not weights", ModelProblem.WRONG_ARCHITECTURE),
        ("text.keras", b"not weights", ModelProblem.WRONG_ARCHITECTURE),
    ],
)
def test_bad_weights_files_are_refused(tmp_path, name, content, problem):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_user_weights(networks.vgg16_report((32, 32, 3), TINY_VGG, hidden=5), path)
    assert caught.value.problem is problem


def test_packaged_user_weights_answer_in_the_stated_class_order(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "plain_cnn", lambda: base_plain_cnn((256, 256, 3), (2, 2, 2), 4))
    model = networks.plain_cnn()
    model.save(tmp_path / "mine.keras")
    options = argparse.Namespace(
        weights=tmp_path / "mine.keras", architecture="plain-cnn", classes=["fracture", "normal"],
        positive="fracture", scaling="unit", threshold=0.5, out=tmp_path / "models" / "mine",
        recipe="package", examination=SPINE_MR, output=None, input_size=None, window_hu=None,
        percentiles=None, title=None, licence=None, source=None, intended_use=None,
        points=None, image_kind=None, clahe=0.0, replace=False, second_look=None,
        least_peak=0.1, trusted_peak=0.5,
    )  # fmt: skip
    assert commands.run(options) == 0
    loaded = ModelStore([tmp_path / "models"]).load("mine")
    x = np.random.default_rng(0).uniform(0, 1, (1, 256, 256, 3)).astype(np.float32)
    p_normal = float(np.asarray(model(x))[0, 0])
    probabilities, activation = loaded.classify(x)
    assert probabilities == pytest.approx((1 - p_normal, p_normal), abs=2e-3)
    assert activation is None
    assert loaded.card.examinations == (SPINE_MR.kind,)


base_plain_cnn = networks.plain_cnn


def striped_slices(count=6):
    rng = np.random.default_rng(0)
    slices = []
    for n in range(count):
        mask = np.zeros((64, 48), np.uint8)
        for top in range(4, 60, 12):
            mask[top : top + 7, 10:24] = 1
            mask[top + 7 : top + 11, 10:24] = 2
        mask[:, 28:34] = 3
        grey = np.choose(mask, [20, 110, 60, 230]) + rng.integers(0, 20, mask.shape)
        slices.append(LabelledSlice(str(n), str(n), grey.astype(np.uint8), mask))
    return slices


def patches(slices, seed=0):
    return MrPatches(slices, (32, 32), 64, recipes.MrRecipe().rule, 4, seed)


def test_training_learns_and_a_cut_run_resumes(tmp_path):
    loss = segmentation_loss(4)
    keras.utils.set_random_seed(1)

    def run(batches):
        model = networks.segmentation_unet((32, 32, 1), 4, (4, 8, 8))
        return run_steps(
            model, loss, batches, steps=120,
            learning_rate=1e-2, checkpoint=Checkpoint(tmp_path), save_every=20,
        )  # fmt: skip

    images, labels = next(patches(striped_slices(), seed=9).batches(4))
    untrained = networks.segmentation_unet((32, 32, 1), 4, (4, 8, 8))
    with pytest.raises(StopIteration):
        run(itertools.islice(patches(striped_slices()).batches(4), 40))
    assert json.loads((tmp_path / "state.json").read_text())["step"] == 40
    model = run(patches(striped_slices()).batches(4))
    assert json.loads((tmp_path / "state.json").read_text())["step"] == 120
    assert len(list(tmp_path.glob("step*"))) == 2
    before = float(loss(labels, untrained(images)))
    after = float(loss(labels, model(images, training=False)))
    assert after < 0.75 * before


def test_the_loss_does_not_look_at_ignored_pixels():
    loss = segmentation_loss(3)
    logits = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype(np.float32)
    labels = np.random.default_rng(1).integers(0, 3, (1, 4, 4)).astype(np.int32)
    labels[0, :2] = IGNORE
    changed = logits.copy()
    changed[0, :2] += 5 * np.random.default_rng(2).normal(size=(2, 4, 3))
    assert float(loss(labels, logits)) == pytest.approx(float(loss(labels, changed)), rel=1e-5)
    changed[0, 3] += 5
    changed[0, 3, :, 0] -= 9
    assert float(loss(labels, logits)) != pytest.approx(float(loss(labels, changed)), rel=1e-3)


def test_pseudo_labels_leave_doubtful_pixels_out():
    recipe = replace(recipes.MrRecipe(), widths=(4, 4, 4), input_px=64, cache_px=64)
    model = recipe.network((64, 64))
    assert recipes.pseudo_label(model, striped_slices(2), recipe) == []


def slices_of_series():
    names = [f"S{n % 3}/{n}" for n in range(30)] + [f"N/{n}" for n in range(30)]
    return PictureSet(
        tuple(
            Picture(None, f"{name}-{copy}", "fracture" if name[0] == "S" else "normal", "", name)
            for name in names
            for copy in range(2)
        ),
        PatientSource.PATTERN,
    )


def test_folds_share_nothing_and_cover_everything():
    found = slices_of_series()
    folds = ct_fracture.make_folds(found, "fracture")
    assert sorted(n for fold in folds for n in fold) == sorted(p.name for p in found.pictures)
    for fold in folds:
        held = {p.patient for p in found.pictures if p.name in fold}
        assert {name.split("/")[0] for name in held if name[0] == "S"} in ({"S0"}, {"S1"}, {"S2"})
        numbers = sorted(int(name.split("/")[1]) for name in held if name[0] == "N")
        assert numbers == list(range(numbers[0], numbers[0] + 10))
        assert held & {p.patient for p in found.pictures if p.name not in fold} == set()


def test_temperature_softens_overconfident_logits():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, 4000)
    labels = (rng.uniform(size=4000) < p).astype(int)
    overconfident = 3 * np.log(p / (1 - p))
    assert classifier.fit_temperature(overconfident, labels) == pytest.approx(3, rel=0.15)


def test_answers_that_are_worth_nothing_get_a_temperature_that_a_card_holds():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    against = (1 - 2 * labels) * rng.uniform(20, 60, 400)
    assert 19 < round(classifier.fit_temperature(against, labels), 4) <= 20


def test_a_step_is_traced_once(tmp_path):
    """TensorFlow traces it again where variables appear in it, which takes as long once more."""
    traced = []

    def loss(labels, answers):
        traced.append(1)
        return keras.losses.mean_squared_error(labels, answers)

    image = keras.layers.Input((2,))
    batch = np.zeros((3, 2), np.float32), np.zeros((3, 1), np.float32)
    run_steps(
        keras.Model(image, keras.layers.Dense(1)(image)), loss, iter([batch] * 2), steps=2,
        learning_rate=0.1, checkpoint=Checkpoint(tmp_path),
    )  # fmt: skip
    assert len(traced) == 1
