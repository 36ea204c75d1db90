"""Training on a researcher's own data, on tiny networks; needs TensorFlow."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.cli.main import _parser
from spinealign.domain.errors import DataSetError, ModelError, ModelProblem
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_store import ModelStoreError, SignatureState
from spinealign.evaluation.learning import points_of
from spinealign.inference.catalog import ModelStore, read_card
from spinealign.inference.checksums import read_checksums
from spinealign.model_store.signing import fingerprint, make_key, public_key_of, signature_of
from spinealign.training import commands, dataset, networks
from spinealign.training.classifier import ClassifierRecipe, stepped_head
from spinealign.training.own import (
    classifier_jobs,
    frugal,
    heads,
    packaging,
    segmentation_jobs,
)
from spinealign.training.own.about import Judgement, Stated, intensity_rule
from spinealign.training.own.classify import ClassifierJob, train_classifier
from spinealign.training.own.frugal import FrugalSteps
from spinealign.training.own.learning import chosen_patients, learning_curve
from spinealign.training.own.packaging import package_own
from spinealign.training.own.pictures import Picture
from spinealign.training.own.segment import OutlineJob, OutlineRecipe, train_segmentation
from spinealign.training.progress import Board
from spinealign.training.schedules import RateRule
from spinealign.training.train import Checkpoint, settle_normalisation
from spinealign.wording import explain
from tests.examinations import SPINE_MR
from tests.own_data import grey_picture, outlined, two_classes

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
TINY = {"input_shape": [32, 32, 3], "blocks": [[1, 4], [1, 6]]}
BY_NAME = r"([nw]\d+)_t\d"


def tiny_imagenet(path):
    rng = np.random.default_rng(0)
    path.parent.mkdir(exist_ok=True)
    np.savez(
        path,
        **{
            "block1_conv1/kernel": rng.normal(0, 0.01, (3, 3, 3, 4)),
            "block1_conv1/bias": np.zeros(4),
            "block2_conv1/kernel": rng.normal(0, 0.1, (3, 3, 4, 6)),
            "block2_conv1/bias": np.zeros(6),
        },
    )
    return path


def job(tmp_path, data, positive="narrow", head="lean", **changes):
    rule = intensity_rule(SPINE_MR, None, "vgg_caffe")
    arguments = TINY if head == "lean" else {**TINY, "hidden": 4}
    recipe = ClassifierRecipe(
        head=head, copies=1, epochs=3, save_every=1, batch=8, rule=rule, arguments=arguments,
        inverse_regularisation=1.0,
    )  # fmt: skip
    return replace(
        ClassifierJob(
            data=data, work=tmp_path / "work", out=tmp_path / "models" / "mine",
            positive=positive, recipe=recipe, stated=Stated(examination=SPINE_MR),
            imagenet=tiny_imagenet(tmp_path / "imagenet.npz"), pattern=BY_NAME,
            audit=lambda *_: Judgement(),
        ),
        **changes,
    )  # fmt: skip


def table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_other_positive_class_in_the_same_work_turns_no_answer_round(tmp_path):
    data = two_classes(tmp_path / "data")
    cards = {}
    for positive in ("narrow", "wide"):
        out = tmp_path / "models" / positive
        cards[positive] = train_classifier(job(tmp_path, data, positive, out=out))
        for row in table(tmp_path / "work" / "results" / "predictions.csv"):
            p = float(row[f"probability_{positive}"])
            assert (p > 0.5) == (row["class"] == positive), row
            assert row["predicted"] == row["class"]
    assert cards["narrow"].sha256 != cards["wide"].sha256
    assert cards["wide"].positive_output == "wide"
    # The results of both are there, and each says whose they are.
    [aside] = (tmp_path / "work").glob("results-*")
    for folder, positive in ((aside, "narrow"), (tmp_path / "work" / "results", "wide")):
        assert f"probability_{positive}" in table(folder / "predictions.csv")[0]
        told = json.loads((folder / "training.json").read_text())
        assert (told["task"], told["positive_class"]) == ("classification", positive)
        assert told["classes"] == list(cards[positive].classes)
        assert (told["threshold"], told["model_sha256"]) == (0.5, cards[positive].sha256)


def test_a_training_writes_over_its_own_model_and_over_no_other(tmp_path):
    data = two_classes(tmp_path / "data")
    asked = job(tmp_path, data)
    first = train_classifier(asked)
    assert train_classifier(replace(asked, stated=replace(asked.stated, title="T"))).title == "T"
    other = replace(asked, recipe=replace(asked.recipe, seed=8))
    with pytest.raises(ModelStoreError, match="other_there") as caught:
        train_classifier(other)
    told = explain(caught.value)
    assert "holds another model already (T)" in told.sentence
    assert "--replace" in told.advice
    assert read_card(asked.out).sha256 == first.sha256
    assert read_card(asked.out).training["training_key"]


def test_a_card_says_what_data_and_options_say_and_no_more(tmp_path):
    two_classes(tmp_path / "data" / "train", patients=5, each=2)
    two_classes(tmp_path / "data" / "val", patients=2, first=5)
    (tmp_path / "data" / "train" / "wide" / "w9_t1.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    card = train_classifier(job(tmp_path, tmp_path / "data"))
    assert read_card(tmp_path / "models" / "mine") == card
    assert card.status is ModelStatus.DEMONSTRATION
    assert card.intensity.window_hu is None
    assert card.examinations == (SPINE_MR.kind,)
    assert set(card.classes) == {"narrow", "wide"}
    assert "10 pictures of 5 patients wide, 10 pictures of 5 patients narrow" in card.training_data
    assert "Held out: 2 pictures of 2 patients wide" in card.training_data
    assert "1 further picture could not be read." in card.training_data
    assert "was not stated" in card.training_data
    said = json.dumps(card.to_json())
    for claim in ("RSNA", "fracture", "Hounsfield", "skull", "SPIDER", "CT"):
        assert claim not in said
    assert "Not stated" in card.licence
    assert card.metrics["held_out"]["images"] == 4
    assert card.metrics["held_out"]["auc"]["units"] == 4
    assert card.metrics["cross_validation"]["images"] == 20
    rows = table(tmp_path / "work" / "results" / "predictions.csv")
    assert [row["held_out"] for row in rows].count("yes") == 4
    assert all((row["fold"] == "") == (row["held_out"] == "yes") for row in rows)
    skipped = table(tmp_path / "work" / "results" / "skipped.csv")
    assert [row["image"] for row in skipped] == ["train/wide/w9_t1.png"]
    assert keras.models.load_model(tmp_path / "work" / "results" / "model.keras").count_params() > 0


def test_a_curve_tells_how_good_the_head_is_with_fewer_patients(tmp_path):
    data = two_classes(tmp_path / "data", patients=12)
    card = train_classifier(job(tmp_path, data))
    points = points_of(card.metrics)
    assert [point.patients for point in points] == [2, 4, 8, 16]
    assert [point.pictures for point in points] == [2, 4, 8, 16]
    # With all patients of a fold it is the cross-validation itself.
    crossed = card.metrics["cross_validation"]["auc"]["value"]
    assert points[-1].figures["auc"].value == pytest.approx(crossed, abs=1e-4)
    stepped = job(tmp_path, data, head="report", is_replacing=True)
    assert points_of(train_classifier(stepped).metrics) == ()


def test_features_that_tell_nothing_have_a_flat_curve():
    """A head with as many features as pictures knows those that it learned from by heart."""

    class Noise:
        per_picture = 1
        drawn = np.random.default_rng(0).normal(size=(80, 60)).astype(np.float32)

        def values(self, rows):
            return self.drawn[rows]

    pictures = [Picture(Path(f"{k}"), f"{k}", "ab"[k % 2], patient=f"p{k}") for k in range(80)]
    folds = [{f"{k}" for k in range(80) if k % 4 // 2 == number} for number in range(2)]
    recipe = ClassifierRecipe(inverse_regularisation=1.0)
    points = learning_curve(pictures, "a", folds, recipe, Noise())
    assert [point.patients for point in points] == [4, 10, 20, 40]
    for point in points:
        assert 0.3 < point.figures["auc"].value < 0.7
        assert point.figures["auc"].low < point.figures["auc"].value < point.figures["auc"].high


def test_smaller_shares_are_among_the_larger_ones():
    pictures = [
        Picture(Path(f"{k}"), f"{k}", "ab"[k % 3 == 0], patient=f"p{k // 2}") for k in range(60)
    ]
    quarter, half, all_ = (chosen_patients(pictures, share, [7, 0]) for share in (0.25, 0.5, 1))
    assert quarter < half < all_ == {p.patient for p in pictures}
    assert quarter != chosen_patients(pictures, 0.25, [7, 1])
    few = chosen_patients(pictures, 0.01, [7, 0])
    assert {p.label for p in pictures if p.patient in few} == {"a", "b"}


def test_without_patients_the_card_says_so(tmp_path):
    card = train_classifier(job(tmp_path, two_classes(tmp_path / "data"), pattern=None))
    assert "Which pictures are of one patient was not stated." in card.training_data
    assert any("Patients were not told apart" in failure for failure in card.known_failures)
    assert not card.calibrated


def test_other_pictures_are_not_answered_by_kept_features(tmp_path):
    data = two_classes(tmp_path / "data")
    first = train_classifier(job(tmp_path, data))
    shutil.copy(data / "wide" / "w1_t1.png", data / "wide" / "w0_t1.png")
    assert train_classifier(job(tmp_path, data, is_replacing=True)).sha256 != first.sha256
    assert len(list((tmp_path / "work").glob("features-*"))) == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"positive": "fracture"}, "two classes are needed"),
        ({"imagenet": None}, "--imagenet"),
        ({"imagenet": Path("gone.npz")}, "“gone.npz” of --imagenet is not there"),
        ({"held_out": "test"}, "neither a split"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(tmp_path, changes, told):
    wanted = job(tmp_path, two_classes(tmp_path / "data"), **changes)
    with pytest.raises(DataSetError, match=told):
        train_classifier(wanted)


def test_the_lean_head_takes_no_steps(tmp_path):
    wanted = job(tmp_path, two_classes(tmp_path / "data"))
    with pytest.raises(DataSetError, match="--steps"):
        train_classifier(replace(wanted, recipe=replace(wanted.recipe, steps=5)))


class CutError(Exception):
    """Stands for a kill."""


def cut_after(monkeypatch, saves):
    """End the training with the checkpoint number `saves`."""
    keep = heads._Stepping._save
    left = [saves]

    def save(self, head):
        keep(self, head)
        left[0] -= 1
        if not left[0]:
            raise CutError

    monkeypatch.setattr(heads._Stepping, "_save", save)


@pytest.mark.parametrize("head", ["report", "plain-cnn"])
def test_a_killed_training_goes_on_with_the_same_curve(tmp_path, monkeypatch, head):
    data = two_classes(tmp_path / "data", patients=6)
    arguments = {"input_shape": [32, 32, 3], "filters": [2, 2, 2], "hidden": 4}
    whole, cut = job(tmp_path / "a", data, head=head), job(tmp_path / "b", data, head=head)
    if head == "plain-cnn":
        whole, cut = (
            replace(j, imagenet=None, recipe=replace(j.recipe, arguments=arguments))
            for j in (whole, cut)
        )
    name = {"report": "plateau", "plain-cnn": "exponential"}[head]
    rule = RateRule(name, warm_up=1, decay=0.5, every=1)
    whole, cut = (replace(j, recipe=replace(j.recipe, rate_rule=rule)) for j in (whole, cut))
    rates, run = [], heads._Stepping._epoch

    def epoch(self, network, most, tell):
        loss = run(self, network, most, tell)
        rates.append(float(network.optimizer.learning_rate))
        return loss

    with monkeypatch.context() as watched:
        watched.setattr(heads._Stepping, "_epoch", epoch)
        train_classifier(whole)
    cut_after(monkeypatch, 2)
    with pytest.raises(CutError):
        train_classifier(cut)
    monkeypatch.undo()
    cut_after(monkeypatch, 5)
    with pytest.raises(CutError):
        train_classifier(cut)
    monkeypatch.undo()
    train_classifier(cut)
    first, second = (
        json.loads((tmp_path / f / "work" / "results" / "history.json").read_text()) for f in "ab"
    )
    told = [row["learning_rate"] for curve in first.values() for row in curve]
    assert rates == pytest.approx(told, rel=1e-5)
    assert len(set(told)) > 1
    assert list(first) == ["fold 1", "fold 2", "fold 3", "final"]
    assert [len(first[part]) for part in ("fold 1", "fold 2", "fold 3")] == [3, 3, 3]
    for part, curve in first.items():
        for one, other in zip(curve, second[part], strict=True):
            assert one == pytest.approx(other, rel=1e-4), part
    assert not list((tmp_path / "a" / "work").rglob(heads.BEGIN))


def test_steps_of_little_memory_are_keras_own_steps():
    """Of every weight and of Adam's moments, after several batches of another size each."""
    arguments = {"input_shape": [32, 32, 3], "filters": [4, 4, 4], "hidden": 8}
    recipe = ClassifierRecipe(head="plain-cnn", arguments=arguments, learning_rate=1e-2)
    rng = np.random.default_rng(0)
    usual, thrifty = (stepped_head(recipe, (32, 32, 3)) for _ in range(2))
    thrifty.optimizer.build(thrifty.trainable_variables)
    steps = FrugalSteps(thrifty)
    for count in (7, 4, 1, 6):
        pictures = rng.random((count, 32, 32, 3)).astype(np.float32)
        labels = (rng.random((count, 1)) > 0.5).astype(np.float32)
        weights = rng.uniform(0.3, 2, (count, 1))
        loss = usual.train_on_batch(pictures, labels, sample_weight=weights)
        assert steps.train(pictures, labels, weights) == pytest.approx(float(loss), rel=1e-5)
    of_usual, of_thrifty = (
        [np.asarray(v, float) for v in (*head.variables, *head.optimizer.variables)]
        for head in (usual, thrifty)
    )
    for one, other in zip(of_usual, of_thrifty, strict=True):
        assert other == pytest.approx(one, abs=1e-5)
    assert steps.ask(pictures) == pytest.approx(usual.predict_on_batch(pictures), abs=1e-5)


def test_the_large_layer_is_multiplied_in_parts(monkeypatch):
    arguments = {"input_shape": [32, 32, 3], "filters": [4, 4, 4], "hidden": 8}
    head = stepped_head(ClassifierRecipe(head="plain-cnn", arguments=arguments), (32, 32, 3))
    head.optimizer.build(head.trainable_variables)
    pictures = np.random.default_rng(0).random((3, 32, 32, 3)).astype(np.float32)
    whole = FrugalSteps(head)
    told = whole.ask(pictures)
    monkeypatch.setattr(frugal, "PART_BYTES", 5 * 4 * 8)
    rows = whole._rows()
    assert len(rows) == 4  # 16 features of 5 and 5 and 5 and 1
    assert whole.ask(pictures) == pytest.approx(told, abs=1e-6)


def test_steps_are_steps(tmp_path):
    wanted = job(tmp_path, two_classes(tmp_path / "data", patients=6), head="report")
    train_classifier(replace(wanted, recipe=replace(wanted.recipe, steps=2, epochs=50)))
    history = json.loads((tmp_path / "work" / "results" / "history.json").read_text())
    assert {part: curve[-1]["step"] for part, curve in history.items()} == dict.fromkeys(history, 2)


def test_the_recipe_of_the_report_trains_the_reports_network():
    recipe = ClassifierRecipe(head="report")
    assert recipe.network().count_params() == 40_406_849
    head = stepped_head(recipe, (7, 7, 512))
    base = keras.Model(*networks.vgg16_base())
    assert base.count_params() + head.count_params() == 40_406_849


def outline_job(tmp_path, data, **changes):
    recipe = OutlineRecipe(
        widths=(4, 4), input_px=64, crop=(32, 32), batch=2, steps=6, save_every=2, cache_px=64
    )
    return replace(
        OutlineJob(
            data=data, work=tmp_path / "work", out=tmp_path / "models" / "mine", recipe=recipe,
            stated=Stated(examination=SPINE_MR), classes=("background", "disc"),
            audit=lambda *_: Judgement(),
        ),
        **changes,
    )  # fmt: skip


def test_a_segmentation_says_what_its_masks_mean_and_what_it_is_worth(tmp_path):
    data = outlined(tmp_path / "data")
    card = train_segmentation(outline_job(tmp_path, data))
    assert read_card(tmp_path / "models" / "mine") == card
    assert card.classes == ("background", "disc")
    assert card.status is ModelStatus.DEMONSTRATION
    assert card.training["steps"] == 6
    assert "3 pictures of 3 patients" in card.training_data
    assert "SPIDER" not in json.dumps(card.to_json())
    assert card.metrics["held_out"]["dice"]["disc"]["units"] == 1
    rows = table(tmp_path / "work" / "results" / "predictions.csv")
    assert [row["held_out"] for row in rows] == ["yes", "no", "no", "no"]
    assert len({row["patient"] for row in rows}) == 4
    history = table(tmp_path / "work" / "results" / "history.csv")
    assert [int(row["step"]) for row in history] == [2, 4, 6]


def test_more_slices_in_the_same_work_are_trained_on(tmp_path):
    first = train_segmentation(outline_job(tmp_path, outlined(tmp_path / "data", 3)))
    more = outlined(tmp_path / "data", 5)
    with pytest.raises(ModelStoreError, match="other_there"):
        train_segmentation(outline_job(tmp_path, more))
    second = train_segmentation(outline_job(tmp_path, more, is_replacing=True))
    assert first.sha256 != second.sha256
    assert "4 pictures of 4 patients" in second.training_data
    assert len(list((tmp_path / "work").glob("segmentation-*"))) == 2


def test_other_masks_of_the_same_pictures_are_trained_on(tmp_path):
    classes = ("background", "vertebra", "disc")
    shas = []
    for value in (1, 2):
        data = outlined(tmp_path / "data", 3, disc=value)
        wanted = outline_job(tmp_path, data, classes=classes, is_replacing=True)
        shas.append(train_segmentation(wanted).sha256)
    assert shas[0] != shas[1]


def test_a_killed_segmentation_goes_on_with_the_same_curve(tmp_path, monkeypatch):
    data = outlined(tmp_path / "data", 3)
    whole, cut = (outline_job(tmp_path / name, data) for name in "ab")
    train_segmentation(whole)
    keep = Checkpoint.save

    def save(self, model, average, step, curve=()):
        keep(self, model, average, step, curve)
        if step == 4:
            raise CutError

    monkeypatch.setattr(Checkpoint, "save", save)
    with pytest.raises(CutError):
        train_segmentation(cut)
    monkeypatch.undo()
    train_segmentation(cut)
    curves = [
        json.loads((tmp_path / name / "work" / "results" / "history.json").read_text())["training"]
        for name in "ab"
    ]
    for one, other in zip(*curves, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_a_short_training_answers_as_it_learned(tmp_path):
    """Variances that follow slowly from 1 would drown grey values that vary by a hundredth."""
    image = keras.layers.Input((4, 4, 1))
    norm = keras.layers.BatchNormalization(momentum=0.97)
    network = keras.Model(image, norm(image))
    rng = np.random.default_rng(0)
    batches = [rng.normal(0.5, 0.01 * (1 + k), (8, 4, 4, 1)).astype(np.float32) for k in range(4)]
    settle_normalisation(network, iter([(batch, batch) for batch in batches]), 4)
    assert np.asarray(norm.moving_mean) == pytest.approx(np.mean([b.mean() for b in batches]))
    expected = np.mean([b.var() for b in batches])
    assert np.asarray(norm.moving_variance) == pytest.approx(expected, rel=1e-3)
    assert norm.momentum == 0.97


def test_a_trained_segmentation_has_settled(tmp_path):
    train_segmentation(outline_job(tmp_path, outlined(tmp_path / "data")))
    left = keras.models.load_model(tmp_path / "work" / "results" / "model.keras", compile=False)
    assert not any("norm" in layer.name for layer in left.layers)
    kernel = np.asarray(left.get_layer("stem_conv").kernel)
    assert np.abs(kernel).max() > 1.0  # divided by a small deviation, not by the 1 of the start


def test_epochs_of_a_segmentation_are_epochs(tmp_path):
    assert OutlineRecipe(epochs=3, batch=8).steps_for(20) == 8
    assert OutlineRecipe(steps=70).steps_for(20) == 70


def user_network(channels=1, units=3, activation="softmax", size=32, is_mask=False):
    keras.utils.set_random_seed(3)
    image = keras.layers.Input((size, size, channels))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(image)
    if not is_mask:
        x = keras.layers.GlobalMaxPooling2D()(x)
    last = keras.layers.Conv2D(units, 1) if is_mask else keras.layers.Dense(units)
    return keras.Model(image, keras.layers.Activation(activation)(last(x)))


def package(tmp_path, network, *words, name="mine.keras"):
    tmp_path.mkdir(exist_ok=True)
    if network is not None:
        network.save(tmp_path / name)
    out = str(tmp_path / "models" / "mine")
    options = _parser().parse_args(["package", str(tmp_path / name), "--out", out, *words])
    return package_own(options)


def test_any_network_is_packaged_with_what_is_stated(tmp_path):
    network = user_network()
    words = ("--classes", "a", "b", "c", "--positive", "b", "--scaling", "grey")
    card = package(tmp_path, network, *words, "--title", "Mine", "--view", "spine-mr")
    assert (card.title, card.status, card.examinations) == (
        "Mine", ModelStatus.DEMONSTRATION, (SPINE_MR.kind,),
    )  # fmt: skip
    assert card.intensity.channels == "grey"
    assert card.intensity.window_hu is None
    x = np.random.default_rng(0).uniform(0, 1, (1, 32, 32, 1)).astype(np.float32)
    found, _ = ModelStore([tmp_path / "models"]).load("mine").classify(x)
    assert found == pytest.approx(np.asarray(network(x))[0].tolist(), abs=2e-3)
    listed = read_checksums(tmp_path / "models" / "mine")
    assert set(listed) == {"card.json", "model.tflite"}
    assert not (tmp_path / "models" / "mine" / "signature.json").exists()


def test_a_package_writes_over_the_same_network_and_over_no_other(tmp_path):
    words = ("--classes", "a", "b", "c", "--positive", "b", "--scaling", "grey")
    network = user_network()
    package(tmp_path, network, *words)
    card = package(tmp_path, None, *words, "--title", "Again")
    assert card.title == "Again"
    for others in (("--threshold", "0.3"), ("--positive", "a")):
        with pytest.raises(ModelStoreError, match="other_there"):
            package(tmp_path, None, *words, *others)
    assert read_card(tmp_path / "models" / "mine") == card
    assert package(tmp_path, None, *words, "--threshold", "0.3", "--replace").threshold == 0.3


def test_a_package_that_fails_leaves_the_model_that_it_was_to_replace(tmp_path, monkeypatch):
    words = ("--classes", "a", "b", "c", "--positive", "b", "--scaling", "grey")
    out = tmp_path / "models" / "mine"
    package(tmp_path, user_network(), *words)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    convert = packaging.to_litert
    with monkeypatch.context() as patch:
        patch.setattr(
            packaging, "to_litert",
            lambda network, precision: convert(keras.models.clone_model(network), precision),
        )  # fmt: skip
        with pytest.raises(ModelError, match="not_taken"):
            package(tmp_path, None, *words, "--threshold", "0.3", "--replace")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in out.parent.iterdir()] == ["mine"]


def test_a_packaged_model_is_signed_and_a_bad_key_is_refused_first(tmp_path):
    words = ("--classes", "a", "b", "c", "--positive", "b", "--scaling", "grey", "--sign")
    network = user_network()
    with pytest.raises(ModelStoreError):
        package(tmp_path, network, *words, str(tmp_path / "mine.keras"))
    assert not (tmp_path / "models").exists()
    make_key(tmp_path / "key")
    package(tmp_path, network, *words, str(tmp_path / "key"))
    signature = signature_of(tmp_path / "models" / "mine", ())
    assert signature.state is SignatureState.UNKNOWN
    assert signature.fingerprint == fingerprint(public_key_of(tmp_path / "key.pub"))


def test_the_network_that_a_training_leaves_can_be_packaged_and_answers_alike(tmp_path):
    trained = train_classifier(job(tmp_path, two_classes(tmp_path / "data")))
    left = keras.models.load_model(tmp_path / "work" / "results" / "model.keras", compile=False)
    store = ModelStore([tmp_path / "models"])
    x = np.random.default_rng(0).uniform(-100, 130, (1, 32, 32, 3)).astype(np.float32)
    expected, seen = store.load("mine").classify(x)
    words = ("--classes", *trained.classes, "--positive", "narrow")
    card = package(tmp_path / "again", left, *words)
    assert card.intensity.channels == "vgg_caffe"
    found, shown = ModelStore([tmp_path / "again" / "models"]).load("mine").classify(x)
    temperature = trained.temperature
    logit = np.log(found[1] / found[0])
    assert logit / temperature == pytest.approx(np.log(expected[1] / expected[0]), abs=0.05)
    assert shown == pytest.approx(seen, abs=0.05)


@pytest.mark.parametrize("stated", [(), ("--output", "probability")])
def test_several_findings_are_not_made_into_classes(tmp_path, stated):
    words = ("--classes", "a", "b", "c", "--positive", "b", "--scaling", "grey", *stated)
    with pytest.raises(ModelError) as caught:
        package(tmp_path, user_network(activation="sigmoid"), *words)
    assert "answers several findings" in explain(caught.value).sentence
    left = networks.vgg16_linear((32, 32, 3), ((1, 2), (1, 2)), 3)
    with pytest.raises(ModelError) as caught:
        package(tmp_path, left, "--classes", "a", "b", "c", "--positive", "b", *stated)
    assert "“train multi-label” or “train ordinal” leaves" in explain(caught.value).sentence


def test_an_output_for_each_pixel_is_a_segmentation(tmp_path):
    network = user_network(3, 1, "sigmoid", is_mask=True)
    card = package(tmp_path, network, "--classes", "background", "disc", "--scaling", "bytes")
    assert card.task == "segmentation"
    x = np.random.default_rng(0).uniform(0, 1, (1, 32, 32, 3)).astype(np.float32)
    found = ModelStore([tmp_path / "models"]).load("mine").segment(x)
    expected = np.asarray(network(255 * x))[0, ..., 0]
    assert found[..., 1] == pytest.approx(expected, abs=0.02)  # weights of 16 bits
    assert found.sum(axis=-1) == pytest.approx(np.ones_like(expected), abs=1e-5)


@pytest.mark.parametrize(
    ("network", "words", "told"),
    [
        ({"channels": 2}, ("--classes", "a", "b", "c"), "shapes"),
        ({}, ("--classes", "a", "b", "--positive", "a"), "--classes names 3"),
        ({}, ("--classes", "a", "b", "c"), "--positive must be one of a, b, c"),
        ({}, ("--classes", "a", "b", "c", "--positive", "a"), "--scaling must be grey"),
        (
            {"activation": "linear"},
            ("--classes", "a", "b", "c", "--positive", "a", "--scaling", "grey"),
            "--output",
        ),
        ({"size": None}, ("--classes", "a", "b", "c"), "--input-size"),
    ],
)
def test_a_network_that_is_not_taken_is_told_in_words(tmp_path, network, words, told):
    with pytest.raises(ModelError) as caught:
        package(tmp_path, user_network(**network), *words)
    message = explain(caught.value)
    assert told in message.sentence
    assert ".keras" in message.advice
    assert len(message.sentence) < 300


@pytest.mark.parametrize("name", ["net.onnx", "bare.weights.h5", "text.keras", "text.h5"])
def test_a_file_that_is_not_taken_says_which_ones_are(tmp_path, name):
    (tmp_path / name).write_bytes(b"not a network")
    with pytest.raises(ModelError) as caught:
        package(tmp_path, None, "--classes", "a", "b", "--positive", "a", name=name)
    assert caught.value.problem is ModelProblem.NOT_TAKEN
    assert "whole Keras models" in explain(caught.value).advice


def test_weights_of_another_network_are_refused_without_a_tensor(tmp_path):
    user_network().save(tmp_path / "other.h5")
    words = ("--architecture", "report", "--classes", "a", "b", "--positive", "a")
    with pytest.raises(ModelError) as caught:
        package(tmp_path, None, *words, name="other.h5")
    told = explain(caught.value).sentence
    assert "vgg16_report, which has 40,406,849 parameters" in told
    assert len(told) < 250


def test_curves_are_written_as_tensorboard_reads_them(tmp_path):
    import tensorflow as tf
    from tensorflow.core.util.event_pb2 import Event

    board = Board(tmp_path / "logs")
    for step, loss in enumerate((0.9, 0.5)):
        board.add("fold 1", step, {"loss": loss})
    (path,) = (tmp_path / "logs" / "fold_1").iterdir()
    records = tf.data.TFRecordDataset(str(path))
    events = [Event.FromString(record.numpy()) for record in records]
    assert ".tfevents." in path.name
    assert events[0].file_version == "brain.Event:2"
    found = [(e.step, v.tag, v.simple_value) for e in events[1:] for v in e.summary.value]
    assert found == [(0, "loss", pytest.approx(0.9)), (1, "loss", pytest.approx(0.5))]


def test_the_card_of_a_training_against_the_audit_shows_the_reason(tmp_path):
    verdict = "Do not train on this split, because: copies."
    asked = []

    def condemns(found, held, work, although, earlier):
        asked.append((len(found.pictures), len(held), although))
        return Judgement(verdict, is_condemned=True)

    reason = "a trial of the commands"
    wanted = job(tmp_path, two_classes(tmp_path / "data"), audit=condemns, held_out="0.2")
    card = train_classifier(replace(wanted, stated=Stated(although=reason)))
    assert asked == [(12, 2, reason)]
    told = " ".join(card.known_failures)
    assert f"(Do not train on this split, because: copies); it was done although: {reason}." in told
    assert card.training["although"] == reason
    assert card.training["audit"] == verdict
    assert card.status is ModelStatus.DEMONSTRATION


def test_a_reason_that_was_not_needed_stands_in_no_card(tmp_path):
    doubt = Judgement("This split is honest, but for 1 doubt: few patients.")
    stated = Stated(although="to be sure").judged(doubt)
    assert stated.although == ""
    assert stated.verdict == doubt.verdict
    condemned = Judgement("Do not train", is_condemned=True)
    assert Stated(although="the only data").judged(condemned).although == "the only data"


def own_options(tmp_path, *words):
    place = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "models" / "mine")]
    return _parser().parse_args(["train", *words, *place])


def test_the_shipped_ct_recipe_is_trained_on_its_own_data_and_keyed(tmp_path, monkeypatch):
    """On a small network, and on drawn data that are declared to be its own."""
    data = tmp_path / "data"
    for label, series in (("fracture", "ABC"), ("normal", "D")):
        folder = data / "train" / label
        folder.mkdir(parents=True)
        for name in series:
            for number in range(12 // len(series)):
                picture = grey_picture(number, label == "fracture")
                picture.save(folder / f"{name} ({number})-rotated1.png")
    monkeypatch.setitem(dataset.OWN_DATA, "ct-fracture", dataset.content_of(data))
    recipe = commands.recipe_by_options
    monkeypatch.setattr(
        commands, "recipe_by_options",
        lambda options, rule: replace(recipe(options, rule), arguments=TINY, copies=1),
    )  # fmt: skip
    imagenet = tiny_imagenet(tmp_path / "imagenet.npz")
    words = ("ct-fracture", "--data", str(data), "--imagenet", str(imagenet))
    assert commands.run(own_options(tmp_path, *words)) == 0
    card = read_card(tmp_path / "models" / "mine")
    assert card.metrics["cross_validation"]["independent_series"] == 4
    assert card.metrics["cross_validation"]["images"] == 24
    assert card.intensity.window_hu == (-1900.0, 600.0)
    assert card.status is ModelStatus.DEMONSTRATION
    assert commands.run(own_options(tmp_path, *words)) == 0  # its own model is written anew
    again = own_options(tmp_path, *words)
    again.work = tmp_path / "elsewhere"
    with pytest.raises(ModelStoreError, match="other_there"):
        commands.run(again)
    assert not again.work.exists()
    (data / "train" / "normal" / "D (0)-rotated1.png").unlink()
    with pytest.raises(DataSetError, match="train classifier"):
        commands.train_ct(own_options(tmp_path, *words))


def test_what_the_command_line_says_becomes_the_job(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(classifier_jobs, "train_classifier", asked.append)
    words = (
        "classifier", str(tmp_path), "--positive", "narrow", "--head", "plain-cnn", "--steps", "7",
        "--view", "spine-mr", "--held-out", "0.3", "--patient-pattern", "p", "--although", "why",
        "--title", "T", "--licence", "L", "--source", "S", "--window-hu", "-10", "90",
    )  # fmt: skip
    classifier_jobs.by_options(own_options(tmp_path, *words))
    (found,) = asked
    assert (found.recipe.steps, found.recipe.batch, found.recipe.copies) == (7, 8, 1)
    assert found.recipe.rule.channels == "rgb_unit"
    assert found.recipe.rule.percentiles == (0.5, 99.5)
    assert found.recipe.rule.window_hu == (-10.0, 90.0)
    assert (found.held_out, found.pattern, found.imagenet) == ("0.3", "p", None)
    told = found.stated
    assert (told.title, told.licence, told.source, told.although) == ("T", "L", "S", "why")
    assert told.examination is SPINE_MR
    monkeypatch.setattr(segmentation_jobs, "train_segmentation", asked.append)
    words = ("segmentation", str(tmp_path), "--classes", "background", "disc", "--epochs", "3")
    segmentation_jobs.by_options(own_options(tmp_path, *words))
    found = asked[1]
    assert (found.classes, found.recipe.epochs) == (["background", "disc"], 3)
    assert not found.recipe.varies_contrast
    assert found.recipe.rule.percentiles is None
